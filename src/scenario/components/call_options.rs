//! What a caller does while it waits: timeout, deadline, retry, cancellation, and its guards.

use super::call_guards::{read_budget, read_bulkhead, read_hedge, read_throttle};
use super::small;
use crate::base::SimDuration;
use crate::components::service::spec::{CallOptions, RetrySpec};
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::engine::protection::{BreakerSettings, SlowCalls, Window};
use crate::engine::{Jitter, RetryOn};
use crate::scenario::fields::{Fields, report, share, text};

/// The options of one call.
pub(in crate::scenario) fn read_options(fields: &mut Fields<'_>, found: &mut Diagnostics) -> CallOptions {
    let cancels = [("false", (false, false)), ("true", (true, false)), ("running", (true, true))];
    let (cancel, stop) = fields.choice("cancel", &cancels, found).unwrap_or_default();
    CallOptions {
        timeout: fields.read("timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
        deadline: fields.read("deadline", quantity::duration, found).map(SimDuration::as_secs_f64),
        retry: fields.get("retry").map(|node| read_retry(node, found)),
        cancel,
        stop,
        outbox: None,
        propagate: fields.flag("propagate", found).unwrap_or(false),
        throttle: fields.get("throttle").map(|node| read_throttle(node, found)),
        bulkhead: fields.get("bulkhead").map(|node| read_bulkhead(node, found)),
        hedge: fields.get("hedge").and_then(|node| read_hedge(node, found)),
        breaker: fields.get("breaker").map(|node| read_breaker(node, found)),
    }
}

fn read_retry(node: &Node, found: &mut Diagnostics) -> RetrySpec {
    let mut retry = Fields::of(node, "`retry`", found);
    let attempts = small(&mut retry, "attempts", 1, 1_000, found).unwrap_or(3) as u16;
    let backoff = retry.get("backoff").and_then(|n| {
        let written = text(n, found)?;
        let (base, cap) = written.split_once("..").unwrap_or((written, written));
        let mut read = |t: &str| quantity::duration(t.trim()).map_err(|f| report(found, n, f)).ok();
        let (base, cap) = (read(base)?.as_secs_f64(), read(cap)?.as_secs_f64());
        if base > cap {
            found.add(
                Code::Contradiction,
                n.place,
                "the first pause is longer than the longest one",
                "write the shorter one first: `50ms..2s`",
            );
        }
        Some((base, cap))
    });
    let jitters = [
        ("none", Jitter::None),
        ("full", Jitter::Full),
        ("equal", Jitter::Equal),
        ("decorrelated", Jitter::Decorrelated),
        ("20%", Jitter::Around(20)),
        ("50%", Jitter::Around(50)),
    ];
    let jitter = retry.choice("jitter", &jitters, found).unwrap_or(Jitter::None);
    let multiplier = retry.read("multiplier", quantity::number, found).unwrap_or(2.0);
    let budget = retry.get("budget").and_then(|node| read_budget(node, found));
    let honour_retry_after = retry.flag("honour_retry_after", found).unwrap_or(false);
    let non_idempotent = retry.flag("non_idempotent", found);
    let idempotency_key = retry.flag("idempotency_key", found).unwrap_or(false);
    let on = read_on(&mut retry, found).unwrap_or(RetryOn {
        timeout: true,
        any_5xx: true,
        unreachable: true,
        statuses: [0; 6],
    });
    let _ = retry.get("preset"); // it has been laid under what is written
    retry.finish(found);
    RetrySpec {
        attempts,
        backoff: backoff.unwrap_or((0.0, 0.0)),
        multiplier,
        jitter,
        on,
        budget,
        honour_retry_after,
        non_idempotent,
        idempotency_key,
    }
}

/// Which failures are tried again: `on: [timeout, connect, 5xx, 503]`.
pub(super) fn read_on(retry: &mut Fields<'_>, found: &mut Diagnostics) -> Option<RetryOn> {
    let list = retry.get("on")?;
    let mut on = RetryOn::default();
    let single = [list.clone()];
    let words = if list.items().is_empty() { &single[..] } else { list.items() };
    let mut statuses = on.statuses.iter_mut();
    for word in words {
        match word.text() {
            Some("timeout") => on.timeout = true,
            Some("5xx") => on.any_5xx = true,
            Some("connect" | "unreachable") => on.unreachable = true,
            Some(status) if status.parse::<u16>().is_ok_and(|s| (400..600).contains(&s)) => {
                if let Some(free) = statuses.next() {
                    *free = status.parse().unwrap_or(0);
                }
            }
            _ => found.add(
                Code::UnknownChoice,
                word.place,
                "this is nothing to retry on",
                "write timeout, connect, 5xx or a status such as 503",
            ),
        }
    }
    Some(on)
}

/// A circuit breaker, with resilience4j's defaults where nothing is written.
fn read_breaker(node: &Node, found: &mut Diagnostics) -> BreakerSettings {
    let mut fields = Fields::of(node, "`breaker`", found);
    let usual = BreakerSettings::resilience4j();
    let calls = small(&mut fields, "calls", 1, 1_000_000, found);
    let window = fields.read("window", quantity::duration, found);
    let minimum = small(&mut fields, "minimum", 1, 1_000_000, found);
    let failures = fields.read("failures", share, found).unwrap_or(usual.failures);
    let _ = fields.get("preset"); // it has been laid under what is written
    let never = node.get("slow").and_then(Node::text) == Some("never");
    let slow = if never {
        let _ = fields.get("slow");
        None
    } else {
        fields.read("slow", quantity::duration, found)
    };
    let slow_share = fields.read("slow_share", share, found).unwrap_or(1.0);
    let open_for = fields.read("open", quantity::duration, found).unwrap_or(usual.open_for);
    let half_open = small(&mut fields, "half_open", 1, 1_000_000, found);
    fields.finish(found);
    let window = match (window, calls) {
        (Some(length), _) => Window::Time { length, slices: 10 },
        (None, Some(calls)) => Window::Calls(calls as u32),
        (None, None) => usual.window,
    };
    BreakerSettings {
        window,
        minimum_calls: minimum.or(calls).map_or(usual.minimum_calls, |n| n as u32),
        failures,
        slow: slow
            .or(usual.slow.filter(|_| !never).map(|slow| slow.longer_than))
            .map(|longer_than| SlowCalls { longer_than, share: slow_share }),
        open_for,
        half_open_calls: half_open.map_or(usual.half_open_calls, |n| n as u32),
    }
}
