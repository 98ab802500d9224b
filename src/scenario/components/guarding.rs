//! What a service does against more work than it can do: shedding, concurrency limits, admission control.

use super::small;
use crate::base::random::Distribution;
use crate::base::{NANOS_PER_SEC, SimDuration};
use crate::components::service::spec::{ColdStartSpec, RetryAfter, ShedSpec, WarmSpec};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::engine::protection::AdmissionSettings;
use crate::engine::protection::adaptive_concurrency::{
    Aimd, EnvoyGradient, Gradient2, GradientSettings, Rule, Vegas,
};
use crate::scenario::fields::{Fields, share};

/// Largest concurrency limit that can be written.
const MOST: u64 = 10_000_000;

/// Two durations of a block, or its defaults in milliseconds.
fn pair(
    node: &Node,
    what: &str,
    keys: [(&'static str, u64); 2],
    found: &mut Diagnostics,
) -> (SimDuration, SimDuration) {
    let mut fields = Fields::of(node, what, found);
    let [first, second] = keys.map(|(key, usual)| {
        fields.read(key, quantity::duration, found).unwrap_or(SimDuration::from_millis(usual))
    });
    fields.finish(found);
    (first, second)
}

/// A `Retry-After` in milliseconds; the header is in whole seconds (RFC 9110, 10.2.3).
pub(in crate::scenario) fn after(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<u32> {
    let span = fields.read("retry_after", quantity::duration, found)?;
    Some(u32::try_from(span.as_nanos().div_ceil(NANOS_PER_SEC).saturating_mul(1000)).unwrap_or(u32::MAX))
}

/// What refusals say of when to come again: each guard's own, or the service's.
pub(super) fn read_retry_after(fields: &mut Fields<'_>, found: &mut Diagnostics) -> RetryAfter {
    let line = after(fields, found).unwrap_or(0);
    // What is wrong with a guard's own is reported when the guard is read.
    let mut own = |guard: &'static str| {
        let node = fields.get(guard)?.get("retry_after")?;
        let span = quantity::duration(node.text()?).ok()?;
        Some(u32::try_from(span.as_nanos().div_ceil(NANOS_PER_SEC).saturating_mul(1000)).unwrap_or(u32::MAX))
    };
    RetryAfter {
        line,
        shed: own("shed").unwrap_or(line),
        limit: own("concurrency").unwrap_or(line),
        admission: own("admission").unwrap_or(line),
    }
}

pub(super) fn read_shed(node: &Node, found: &mut Diagnostics) -> ShedSpec {
    let mut fields = Fields::of(node, "`shed`", found);
    let codel = fields.get("codel");
    let adaptive_lifo = fields.get("adaptive_lifo");
    let max_age = fields.read("max_age", quantity::duration, found);
    let lowest_first = fields.flag("lowest_first", found);
    let _ = after(&mut fields, found);
    if codel.is_none() && adaptive_lifo.is_none() && max_age.is_none() && lowest_first.is_none() {
        found.add(
            Code::NeedsOneOf,
            fields.place(),
            "`shed` does not say whom",
            "write `codel: {}`, `adaptive_lifo: {}`, `max_age: 500ms` or `lowest_first: true`",
        );
    }
    fields.finish(found);
    ShedSpec {
        codel: codel.map(|node| pair(node, "`codel`", [("target", 5), ("interval", 100)], found)),
        adaptive_lifo: adaptive_lifo
            .map(|node| pair(node, "`adaptive_lifo`", [("standing", 5), ("usual", 100)], found)),
        max_age,
        lowest_first: lowest_first.unwrap_or(false),
    }
}

/// The numbers that bound a limit.
fn bound(fields: &mut Fields<'_>, key: &'static str, usual: u32, found: &mut Diagnostics) -> u32 {
    small(fields, key, 1, MOST, found).map_or(usual, |n| n as u32)
}

pub(super) fn read_concurrency(node: &Node, found: &mut Diagnostics) -> Option<Rule> {
    let mut fields = Fields::of(node, "`concurrency`", found);
    let fixed = small(&mut fields, "fixed", 1, MOST, found).map(|n| {
        let n = n as u32;
        Rule::Aimd(Aimd::new(n, n, n, 1.0, SimDuration::MAX))
    });
    let aimd = fields.get("aimd").map(|node| read_aimd(node, found));
    let vegas = fields.get("vegas").map(|node| read_vegas(node, found));
    let gradient = fields.get("gradient").map(|node| read_gradient(node, found));
    let envoy = fields.get("envoy").map(|node| read_envoy(node, found));
    let place = fields.place();
    let nothing = node.entries().iter().all(|(key, _)| key.name == "retry_after");
    let _ = after(&mut fields, found);
    fields.finish(found);
    let mut rules = [fixed, aimd, vegas, gradient, envoy].into_iter().flatten();
    let rule = rules.next();
    if rules.next().is_some() {
        found.add(
            Code::Conflict,
            place,
            "one limit follows one rule",
            "keep one of `fixed`, `aimd`, `vegas`, `gradient` and `envoy`",
        );
    } else if rule.is_none() && nothing {
        found.add(
            Code::NeedsOneOf,
            place,
            "`concurrency` needs the rule that the limit follows",
            "write `fixed: 50`, or `aimd: {}`, `vegas: {}`, `gradient: {}` or `envoy: {}`",
        );
    }
    rule
}

fn read_aimd(node: &Node, found: &mut Diagnostics) -> Rule {
    let mut fields = Fields::of(node, "`aimd`", found);
    let initial = bound(&mut fields, "initial", 20, found);
    let min = bound(&mut fields, "min", 20, found);
    let max = bound(&mut fields, "max", 200, found);
    let backoff = fields.read("backoff", share, found).unwrap_or(0.9);
    let timeout = fields.read("timeout", quantity::duration, found).unwrap_or(SimDuration::from_secs(5));
    fields.finish(found);
    Rule::Aimd(Aimd::new(initial, min, max, backoff, timeout))
}

fn read_vegas(node: &Node, found: &mut Diagnostics) -> Rule {
    let mut fields = Fields::of(node, "`vegas`", found);
    let initial = bound(&mut fields, "initial", 20, found);
    let max = bound(&mut fields, "max", 1000, found);
    fields.finish(found);
    Rule::Vegas(Vegas::new(initial, max))
}

fn read_gradient(node: &Node, found: &mut Diagnostics) -> Rule {
    let mut fields = Fields::of(node, "`gradient`", found);
    let initial = bound(&mut fields, "initial", 20, found);
    let min = bound(&mut fields, "min", 20, found);
    let max = bound(&mut fields, "max", 200, found);
    let queue = small(&mut fields, "queue", 0, MOST, found).map_or(4, |n| n as u32);
    let smoothing = fields.read("smoothing", share, found).unwrap_or(0.2);
    let tolerance = fields.read("tolerance", quantity::factor, found).map_or(1.5, |f| f.get());
    let window = bound(&mut fields, "window", 600, found);
    fields.finish(found);
    Rule::Gradient2(Gradient2::new(initial, [min, max], queue, smoothing, tolerance, window))
}

fn read_envoy(node: &Node, found: &mut Diagnostics) -> Rule {
    let mut fields = Fields::of(node, "`envoy`", found);
    let usual = GradientSettings::default();
    let settings = GradientSettings {
        min: bound(&mut fields, "min", usual.min, found),
        max: bound(&mut fields, "max", usual.max, found),
        update_interval: fields.read("every", quantity::duration, found).unwrap_or(usual.update_interval),
        min_rtt_interval: fields
            .read("measure_every", quantity::duration, found)
            .unwrap_or(usual.min_rtt_interval),
        min_rtt_requests: small(&mut fields, "measure_requests", 1, 100_000, found)
            .map_or(usual.min_rtt_requests, |n| n as usize),
        jitter: fields.read("jitter", share, found).unwrap_or(usual.jitter),
        buffer: fields.read("buffer", quantity::ratio, found).map_or(usual.buffer, |r| r.get()),
        percentile: fields.read("percentile", share, found).unwrap_or(usual.percentile),
    };
    fields.finish(found);
    Rule::EnvoyGradient(EnvoyGradient::new(settings))
}

pub(super) fn read_admission(node: &Node, found: &mut Diagnostics) -> AdmissionSettings {
    let mut fields = Fields::of(node, "`admission`", found);
    let usual = AdmissionSettings::default();
    let _ = after(&mut fields, found);
    let settings = AdmissionSettings {
        window: fields.read("window", quantity::duration, found).unwrap_or(usual.window),
        threshold: fields.read("threshold", share, found).unwrap_or(usual.threshold),
        aggression: fields.read("aggression", quantity::number, found).unwrap_or(usual.aggression),
        max_rejection: fields.read("max_rejection", share, found).unwrap_or(usual.max_rejection),
        least_rate: fields
            .read("least_rate", quantity::rate, found)
            .map_or(usual.least_rate, |rate| rate.as_per_second()),
    };
    fields.finish(found);
    settings
}

pub(super) fn read_cold_start(node: &Node, found: &mut Diagnostics) -> ColdStartSpec {
    let mut fields = Fields::of(node, "`cold_start`", found);
    let takes =
        fields.need("takes", found).is_some().then(|| fields.amount("takes", Of::Time, found)).flatten();
    let idle = fields.read("idle", quantity::duration, found).unwrap_or(SimDuration::from_secs(600));
    fields.finish(found);
    ColdStartSpec { takes: takes.unwrap_or(Distribution::Constant(0.0)), idle }
}

pub(super) fn read_warm(node: &Node, found: &mut Diagnostics) -> WarmSpec {
    let mut fields = Fields::of(node, "`warm`", found);
    let slowdown = fields.read("slowdown", quantity::factor, found).map_or(3.0, |f| f.get());
    let over = fields.read("over", quantity::duration, found).unwrap_or(SimDuration::from_secs(60));
    if slowdown < 1.0 {
        found.add(
            Code::OutOfRange,
            fields.place(),
            "`slowdown` is at least 1x",
            "write how many times as long everything takes at first: `slowdown: 3x`",
        );
    }
    fields.finish(found);
    WarmSpec { slowdown, over: over.as_secs_f64() }
}
