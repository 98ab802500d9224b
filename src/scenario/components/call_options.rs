//! What a caller does while it waits: timeout, deadline, retry, cancellation.

use super::small;
use crate::base::SimDuration;
use crate::components::service::spec::{CallOptions, RetrySpec};
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::engine::{Jitter, RetryOn};
use crate::scenario::fields::{Fields, report, text};

/// Timeout, deadline, retry and cancellation.
pub(in crate::scenario) fn read_options(fields: &mut Fields<'_>, found: &mut Diagnostics) -> CallOptions {
    CallOptions {
        timeout: fields.read("timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
        deadline: fields.read("deadline", quantity::duration, found).map(SimDuration::as_secs_f64),
        retry: fields.get("retry").map(|node| read_retry(node, found)),
        cancel: fields.flag("cancel", found).unwrap_or(false),
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
    ];
    let jitter = retry.choice("jitter", &jitters, found).unwrap_or(Jitter::None);
    let multiplier = retry.read("multiplier", quantity::number, found).unwrap_or(2.0);
    let budget = retry.read("budget", quantity::ratio, found).map(|r| r.get());
    let on = read_on(&mut retry, found).unwrap_or(RetryOn {
        timeout: true,
        any_5xx: true,
        unreachable: true,
        statuses: [0; 6],
    });
    retry.finish(found);
    RetrySpec { attempts, backoff: backoff.unwrap_or((0.0, 0.0)), multiplier, jitter, on, budget }
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
