//! `autoscale:` of a service.

use super::small;
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::autoscaler::spec::{AutoscaleSpec, Rule, Signal};
use crate::components::autoscaler::{HpaSettings, RatePolicy, ScalingRules, TrackingSettings};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::scenario::fields::{Fields, scalar, share};

/// Instances of one service at most.
const MOST: u64 = 10_000;
/// For a pod on a node that is there, and `terminationGracePeriodSeconds` (both common practice).
const BOOT: f64 = 30.0;
const GRACE: SimDuration = SimDuration::from_secs(30);
/// `--horizontal-pod-autoscaler-cpu-initialization-period`.
const INITIALISATION: SimDuration = SimDuration::from_secs(300);
/// The resolution of metrics-server as it is shipped.
const SCRAPE: SimDuration = SimDuration::from_secs(15);
/// AWS: an instance's warm-up falls back to the group's default cooldown.
const WARM_UP: SimDuration = SimDuration::from_secs(300);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Hpa,
    TargetTracking,
}

/// Keys that only one of the two has.
const OF_HPA: [&str; 5] = ["sync", "tolerance", "initialisation", "up", "down"];
const OF_TRACKING: [&str; 7] =
    ["out_after", "in_after", "low", "out_cooldown", "in_cooldown", "disable_scale_in", "warm_up"];

pub(super) fn read(node: &Node, cores: f64, found: &mut Diagnostics) -> Option<AutoscaleSpec> {
    let mut fields = Fields::of(node, "`autoscale`", found);
    fields.get("preset"); // its values are in the tree already
    let kinds = [("hpa", Kind::Hpa), ("target_tracking", Kind::TargetTracking)];
    let kind = fields.choice("kind", &kinds, found).unwrap_or(Kind::Hpa);
    let signals =
        [("cpu", Signal::Cpu), ("in_flight", Signal::InFlight), ("utilisation", Signal::Utilisation)];
    let signal = fields.choice("metric", &signals, found).unwrap_or_default();
    let target = fields.need("target", found).and_then(|node| read_target(node, signal, found));
    let requested = fields.read("requested", quantity::cores, found).map_or(cores, |c| c.get());
    let min = small(&mut fields, "min", 1, MOST, found).unwrap_or(1) as u16;
    let max =
        fields.need("max", found).is_some().then(|| small(&mut fields, "max", 1, MOST, found)).flatten();
    let sync = positive(&mut fields, "sync", found).unwrap_or(HpaSettings::SYNC);
    let scrape = positive(&mut fields, "scrape", found);
    let lag = fields.read("lag", quantity::duration, found).unwrap_or(SimDuration::ZERO);
    let tolerance = fields.read("tolerance", share, found);
    let initialisation = fields.read("initialisation", quantity::duration, found).unwrap_or(INITIALISATION);
    let (up, down) = (fields.get("up"), fields.get("down"));
    let bounds = [min, max.unwrap_or(u64::from(min)) as u16];
    let limits = bounds.map(u32::from);
    let mut hpa = HpaSettings::new(1.0, limits);
    hpa.tolerance = tolerance.unwrap_or(hpa.tolerance);
    if signal == Signal::Cpu {
        // The whole request, relative to the target.
        hpa.missing = (1.0 / target.unwrap_or(1.0)).max(1.0);
    }
    hpa.up = read_rules(up, hpa.up, Some(4), found);
    hpa.down = read_rules(down, hpa.down, None, found);
    let mut tracking = TrackingSettings::new(1.0, limits);
    let mut row = |key: &'static str, usual: u32, found: &mut Diagnostics| {
        small(&mut fields, key, 1, 10_000, found).map_or(usual, |n| n as u32)
    };
    tracking.out_after = row("out_after", tracking.out_after, found);
    tracking.in_after = row("in_after", tracking.in_after, found);
    tracking.low = fields.read("low", share, found).unwrap_or(tracking.low);
    tracking.out_cooldown =
        fields.read("out_cooldown", quantity::duration, found).unwrap_or(tracking.out_cooldown);
    tracking.in_cooldown =
        fields.read("in_cooldown", quantity::duration, found).unwrap_or(tracking.in_cooldown);
    tracking.disable_scale_in = fields.flag("disable_scale_in", found).unwrap_or(false);
    let warm_up = fields.read("warm_up", quantity::duration, found).unwrap_or(WARM_UP);
    let boot = fields.amount("boot", Of::Time, found).unwrap_or(Distribution::Constant(BOOT));
    let grace = fields.read("grace", quantity::duration, found).unwrap_or(GRACE);
    fields.finish(found);
    let (others, name) =
        if kind == Kind::Hpa { (&OF_TRACKING[..], "hpa") } else { (&OF_HPA[..], "target_tracking") };
    for key in others {
        if let Some(written) = node.get(key).filter(|written| !written.is_null()) {
            let message = format!("`{key}` has no effect on `kind: {name}`");
            found.add(Code::NoEffect, written.place, message, "leave it out, or choose the other kind");
        }
    }
    if max.is_some_and(|max| max < u64::from(min)) {
        let message = format!("`max` is below `min`, which is {min}");
        found.add(Code::OutOfRange, node.get("max").unwrap_or(node).place, message, "raise `max`");
        return None;
    }
    let (rule, window) = match kind {
        Kind::Hpa => (Rule::Hpa(hpa), SCRAPE),
        Kind::TargetTracking => (Rule::TargetTracking(tracking), TrackingSettings::PERIOD),
    };
    let scrape = scrape.unwrap_or(window);
    max?;
    Some(AutoscaleSpec {
        rule,
        signal,
        target: target?,
        requested: requested.max(1e-3),
        bounds,
        sync,
        scrape,
        lag,
        initialisation,
        warm_up,
        boot,
        grace,
    })
}

/// A share, or a number of requests in hand.
fn read_target(node: &Node, signal: Signal, found: &mut Diagnostics) -> Option<f64> {
    let target = if signal == Signal::InFlight {
        scalar(node, quantity::count, found)? as f64
    } else {
        scalar(node, share, found)?
    };
    if target <= 0.0 {
        found.add(Code::OutOfRange, node.place, "`target` is above zero", "write `target: 60%`");
        return None;
    }
    Some(target)
}

fn read_rules(
    node: Option<&Node>,
    usual: ScalingRules,
    pods: Option<u64>,
    found: &mut Diagnostics,
) -> ScalingRules {
    let Some(node) = node else { return usual };
    let mut fields = Fields::of(node, "`scaling`", found);
    let stabilisation =
        fields.read("stabilisation", quantity::duration, found).unwrap_or(usual.stabilisation);
    let percent = fields.read("percent", share, found);
    let pods = match small(&mut fields, "pods", 0, MOST, found) {
        // Whoever writes one limit means that one.
        None if percent.is_some() => None,
        other => other.or(pods),
    };
    let percent = percent.or_else(|| node.get("pods").is_none().then_some(1.0));
    let period = positive(&mut fields, "period", found).unwrap_or(HpaSettings::SYNC);
    fields.finish(found);
    let policies = percent.map(|share| RatePolicy::Percent(share, period));
    let pods = pods.map(|n| RatePolicy::Pods(n as u32, period));
    ScalingRules { stabilisation, policies: policies.into_iter().chain(pods).collect() }
}

fn positive(fields: &mut Fields<'_>, key: &'static str, found: &mut Diagnostics) -> Option<SimDuration> {
    let node = fields.get(key)?;
    let span = scalar(node, quantity::duration, found)?;
    if span < SimDuration::from_millis(100) {
        found.add(Code::OutOfRange, node.place, format!("`{key}` is at least 100ms"), "write `15s`");
        return None;
    }
    Some(span)
}
