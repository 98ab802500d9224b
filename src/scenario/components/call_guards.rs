//! What keeps a caller's attempts away, or adds some: retry budgets, throttle, bulkhead, hedges.

use super::small;
use crate::base::SimDuration;
use crate::components::service::spec::HedgeSpec;
use crate::document::{Code, Diagnostics, Node, Value, did_you_mean, quantity};
use crate::engine::BulkheadPlan;
use crate::engine::protection::{ClientThrottle, Hedge, HedgeAfter, Quota, RetryBudget};
use crate::scenario::fields::{Fields, report, scalar, share, text};

/// The products whose budgets have a name.
pub(in crate::scenario) const BUDGETS: [&str; 7] =
    ["aws", "aws-2.1", "grpc", "finagle", "envoy", "envoy-budget", "google-sre"];

/// A budget with its product's own numbers.
fn named(form: &str) -> Option<RetryBudget> {
    Some(match form {
        "aws" => RetryBudget::aws(),
        "aws-2.1" => RetryBudget::aws_2_1(),
        "grpc" => RetryBudget::grpc(10.0, 0.1),
        "finagle" => RetryBudget::finagle(),
        "envoy" => RetryBudget::envoy_concurrent(3),
        "envoy-budget" => RetryBudget::envoy_budget(0.2, 3),
        "google-sre" => RetryBudget::sre(),
        _ => return None,
    })
}

/// A budget: a share, a product's name, or a product's form with numbers of one's own.
pub(super) fn read_budget(node: &Node, found: &mut Diagnostics) -> Option<RetryBudget> {
    if !matches!(node.value, Value::Map(_)) {
        let written = text(node, found)?;
        return match named(written) {
            Some(budget) => Some(budget),
            None if written.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                let help = did_you_mean(written, BUDGETS);
                found.add(Code::UnknownChoice, node.place, format!("`budget` cannot be `{written}`"), help);
                None
            }
            None => scalar(node, quantity::ratio, found).map(|ratio| RetryBudget::share(ratio.get())),
        };
    }
    let mut fields = Fields::of(node, "`budget`", found);
    let form = fields.need("form", found).and_then(|n| {
        let word = text(n, found)?;
        let known = named(word).is_some();
        if !known {
            let help = did_you_mean(word, BUDGETS);
            found.add(Code::UnknownChoice, n.place, format!("`form` cannot be `{word}`"), help);
        }
        known.then_some(word)
    });
    let mut written = Vec::new();
    let mut count = |key: &'static str, fields: &mut Fields<'_>, found: &mut Diagnostics| {
        let value = small(fields, key, 0, 1_000_000, found).map(|n| n as u32);
        written.extend(value.map(|_| key));
        value
    };
    let tokens = count("tokens", &mut fields, found);
    let error = count("error", &mut fields, found);
    let timeout = count("timeout", &mut fields, found);
    let throttled = count("throttled", &mut fields, found);
    let success = count("success", &mut fields, found);
    let concurrent = count("concurrent", &mut fields, found);
    let part = fields.read("share", quantity::ratio, found).map(|ratio| ratio.get());
    let rate = fields.read("rate", quantity::rate, found).map(|rate| rate.as_per_second());
    let window = fields.read("window", quantity::duration, found);
    written.extend(part.map(|_| "share"));
    written.extend(rate.map(|_| "rate"));
    written.extend(window.map(|_| "window"));
    fields.finish(found);
    let form = form?;
    let seconds = SimDuration::from_secs;
    let used: &[&str] = match form {
        "aws" | "aws-2.1" => &["tokens", "error", "timeout", "throttled", "success"],
        "grpc" => &["tokens", "share"],
        "finagle" => &["share", "rate", "window"],
        "envoy" => &["concurrent"],
        "envoy-budget" => &["share", "concurrent"],
        _ => &["share", "window"],
    };
    if let Some(idle) = written.iter().find(|key| !used.contains(key)) {
        found.add(
            Code::NoEffect,
            node.get(idle).map_or(node.place, |n| n.place),
            format!("`{idle}` says nothing of a budget of the form `{form}`"),
            format!("it has {}", used.join(", ")),
        );
    }
    Some(match form {
        "aws" | "aws-2.1" => {
            let (own, slow) = if form == "aws" { (5, 10) } else { (14, 14) };
            RetryBudget::quota(Quota {
                capacity: tokens.unwrap_or(500),
                error: error.unwrap_or(own),
                timeout: timeout.unwrap_or(slow),
                throttled: throttled.unwrap_or(5),
                success: success.unwrap_or(1),
            })
        }
        "grpc" => RetryBudget::grpc(f64::from(tokens.unwrap_or(10)), part.unwrap_or(0.1)),
        "finagle" => {
            let (part, rate) = (part.unwrap_or(0.2), rate.unwrap_or(10.0));
            RetryBudget::windowed(part, rate, window.unwrap_or(seconds(10)))
        }
        "envoy" => RetryBudget::envoy_concurrent(concurrent.unwrap_or(3)),
        "envoy-budget" => RetryBudget::envoy_budget(part.unwrap_or(0.2), concurrent.unwrap_or(3)),
        _ => RetryBudget::ratio(part.unwrap_or(0.1), window.unwrap_or(seconds(120))),
    })
}

/// Google's adaptive throttling, with its defaults.
pub(super) fn read_throttle(node: &Node, found: &mut Diagnostics) -> ClientThrottle {
    let mut fields = Fields::of(node, "`throttle`", found);
    let k = fields.read("k", quantity::number, found).unwrap_or(2.0);
    let window = fields.read("window", quantity::duration, found);
    if k < 1.0 {
        found.add(
            Code::OutOfRange,
            node.get("k").map_or(node.place, |n| n.place),
            format!("with `k: {k}` requests are thrown away that would be taken"),
            "write at least 1; 2 sends twice what is accepted",
        );
    }
    fields.finish(found);
    ClientThrottle::new(k, window.unwrap_or(SimDuration::from_secs(120)))
}

/// A bulkhead, with resilience4j's defaults.
pub(super) fn read_bulkhead(node: &Node, found: &mut Diagnostics) -> BulkheadPlan {
    let mut fields = Fields::of(node, "`bulkhead`", found);
    let concurrent = small(&mut fields, "concurrent", 1, 10_000_000, found).unwrap_or(25) as u32;
    let wait = fields.read("wait", quantity::duration, found);
    let queue = small(&mut fields, "queue", 0, 10_000_000, found).map(|n| n as u32);
    fields.finish(found);
    let waits = wait.is_some_and(|wait| !wait.is_zero());
    let line = match (queue, waits) {
        (_, false) if wait.is_some() => 0,
        (Some(queue), _) => queue,
        (None, true) => u32::MAX,
        (None, false) => 0,
    };
    BulkheadPlan { concurrent, line, wait }
}

/// Copies of what is late: `after: 50ms`, or a percentile of past answers, `after: p95`.
pub(super) fn read_hedge(node: &Node, found: &mut Diagnostics) -> Option<HedgeSpec> {
    let mut fields = Fields::of(node, "`hedge`", found);
    let after = fields.need("after", found).and_then(|n| {
        let written = text(n, found)?;
        let Some(rank) = written.strip_prefix('p') else {
            return quantity::duration(written)
                .map(HedgeAfter::Delay)
                .map_err(|fault| report(found, n, fault))
                .ok();
        };
        let rank = rank.parse::<f64>().ok().filter(|rank| (0.0..100.0).contains(rank) && *rank > 0.0);
        if rank.is_none() {
            found.add(
                Code::BadQuantity,
                n.place,
                format!("`{written}` is no percentile"),
                "write `p95`, or a time such as `50ms`",
            );
        }
        rank.map(|rank| HedgeAfter::Percentile(rank / 100.0))
    });
    let copies = small(&mut fields, "max", 2, 100, found).unwrap_or(2) as u32;
    let budget = fields.read("budget", share, found);
    let non_idempotent = fields.flag("non_idempotent", found).unwrap_or(false);
    fields.finish(found);
    let hedge = Hedge::new(after?, copies, budget.unwrap_or(f64::INFINITY));
    Some(HedgeSpec { hedge, non_idempotent })
}
