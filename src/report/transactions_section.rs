//! The part of the terminal report about transactions, sagas and throttled statements. Empty where there are none.

use std::fmt::Write;

use super::quantity;
use crate::experiment::results::VariantResults;

/// What is told, if there was any of it.
const LINES: [(&str, &str); 8] = [
    ("commits", "committed"),
    ("rollbacks", "rolled back"),
    ("deadlocks", "gave way in a deadlock"),
    ("half_commits", "committed by some shards and not by others"),
    ("compensations", "sagas that failed and were undone"),
    ("left_half_done", "sagas that failed and could not be undone"),
    ("throttles", "statements refused for want of capacity units"),
    ("seen_half_done", "reads of what a saga had not finished"),
];

/// Counts, and how long transactions were in doubt.
pub(super) fn transactions(variant: &VariantResults) -> String {
    let mut out = String::new();
    for (name, words) in LINES {
        if let Some(count) = variant.metric(name).filter(|m| m.value.number().is_some_and(|n| n > 0.0)) {
            let _ = writeln!(out, "{words}: {}", quantity::estimate(count));
        }
    }
    for (name, span) in &variant.metrics {
        if name.ends_with(".in_doubt") && span.value.number().is_some_and(|n| n > 0.0) {
            let _ = writeln!(out, "{name}: {}", quantity::estimate(span));
        }
    }
    out
}
