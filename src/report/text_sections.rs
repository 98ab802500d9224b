//! The parts of the terminal report below the verdict: traffic, latency, resources, soundness.

use std::fmt::Write;

use super::bottleneck::bottleneck;
use super::dynamics::dynamics;
use super::quantity::{self, count, optional};
use super::table::{Rows, clean};
use crate::experiment::results::{EndpointRow, Estimate, ResourceRow, Unit, VariantResults};

/// Instances of one component and role that are listed one by one; of more, the sum alone is.
const FEW_INSTANCES: usize = 4;

/// Requests by how they ended, each kind of error by who made it and why.
pub(super) fn traffic(variant: &VariantResults, lines: bool) -> String {
    let mut out = String::new();
    let rate = |name| variant.metric(name).map(quantity::estimate);
    for (name, words) in [("offered", "sent"), ("throughput", "ended"), ("goodput", "good")] {
        if let Some(shown) = rate(name) {
            let _ = writeln!(out, "{words:<9}{shown}");
        }
    }
    if let Some(amplified) =
        variant.metric("attempts_per_request").filter(|m| m.value.number().is_some_and(|x| x > 1.0))
    {
        let _ = writeln!(out, "attempts {} per request", quantity::estimate(amplified));
    }
    let mut rows = Rows::new(&["outcome", "made by", "reason", "requests", "share"], 3, lines);
    let good: u64 = variant.endpoints.iter().map(|e| e.good).sum();
    let failed: u64 = variant.errors.iter().map(|e| e.count).sum();
    let share = |n: u64| quantity::quantity(n as f64 / (good + failed).max(1) as f64, Unit::Share);
    if good + failed > 0 {
        rows.push(&["good".to_owned(), String::new(), String::new(), count(good), share(good)]);
    }
    for status in statuses(variant) {
        let of: Vec<_> = variant.errors.iter().filter(|e| e.status == status).collect();
        let word = if status == 0 { "no answer".to_owned() } else { status.to_string() };
        if of.len() > 1 {
            let total = of.iter().map(|e| e.count).sum();
            let shown = quantity::quantity(of.iter().map(|e| e.share).sum(), Unit::Share);
            rows.push(&[word.clone(), "all".to_owned(), String::new(), count(total), shown]);
        }
        for error in of {
            rows.push(&[
                word.clone(),
                error.component.clone(),
                error.reason.clone(),
                count(error.count),
                quantity::quantity(error.share, Unit::Share),
            ]);
        }
    }
    if !rows.is_empty() {
        out.push_str(&rows.text());
    }
    out
}

/// How the design got over its last trouble, and what its work was worth.
pub(super) fn recovery(variant: &VariantResults) -> String {
    let mut out = String::new();
    if let Some(found) = dynamics(variant) {
        let _ = writeln!(out, "{}", found.sentence());
    }
    let wasted = variant.metric("wasted_work").filter(|m| m.value.number().is_some_and(|x| x >= 1e-3));
    if let Some(wasted) = wasted {
        let _ = writeln!(
            out,
            "work for callers who had left: {} of the visits served",
            quantity::estimate(wasted)
        );
    }
    out
}

/// Statuses of errors in the order of their frequency.
fn statuses(variant: &VariantResults) -> Vec<u16> {
    let mut totals: Vec<(u16, u64)> = Vec::new();
    for error in &variant.errors {
        match totals.iter_mut().find(|(status, _)| *status == error.status) {
            Some((_, total)) => *total += error.count,
            None => totals.push((error.status, error.count)),
        }
    }
    totals.sort_by_key(|(status, total)| (std::cmp::Reverse(*total), *status));
    totals.into_iter().map(|(status, _)| status).collect()
}

/// Percentiles with their intervals, then each endpoint.
pub(super) fn latency(variant: &VariantResults, lines: bool) -> String {
    let mut out = String::new();
    let mut rows = Rows::new(&["latency", "value", "95 % CI"], 1, lines);
    let is_latency = |name: &str| {
        matches!(name, "mean" | "max" | "p99(errors)") || {
            let digits = name.strip_prefix('p').unwrap_or("");
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        }
    };
    let found = |estimate: &Estimate| estimate.value.number().is_some();
    for (name, estimate) in variant.metrics.iter().filter(|(name, e)| is_latency(name) && found(e)) {
        let interval = quantity::interval(estimate).unwrap_or_else(|| "-".to_owned());
        let shown = quantity::value(estimate.value, estimate.unit);
        rows.push(&[name.clone(), shown, interval]);
    }
    if !rows.is_empty() {
        out.push_str(&rows.text());
    }
    let mut rows =
        Rows::new(&["client", "endpoint", "sent", "good", "failed", "failed share", "p50", "p99"], 2, lines);
    for endpoint in &variant.endpoints {
        let ended = endpoint.good + endpoint.errors;
        let share = (ended > 0).then(|| endpoint.errors as f64 / ended as f64);
        rows.push(&[
            endpoint.client.clone(),
            endpoint.endpoint.clone(),
            count(endpoint.sent),
            count(endpoint.good),
            count(endpoint.errors),
            optional(share, Unit::Share),
            of_endpoint(variant, endpoint, "p50", endpoint.p50),
            of_endpoint(variant, endpoint, "p99", endpoint.p99),
        ]);
    }
    if !rows.is_empty() {
        out.push_str(&rows.text());
    }
    out
}

/// A percentile of one endpoint with its interval, if it was measured as a metric; else that of the merged
/// histogram. A metric is of the endpoint over all clients, so it stands for a row only if one client has it.
fn of_endpoint(variant: &VariantResults, row: &EndpointRow, percentile: &str, merged: Option<f64>) -> String {
    let alone = variant.endpoints.iter().filter(|other| other.endpoint == row.endpoint).count() == 1;
    match variant.metric(&format!("{percentile}({})", row.endpoint)) {
        Some(metric) if alone => {
            let shown = quantity::value(metric.value, metric.unit);
            quantity::interval(metric)
                .map_or_else(|| shown.clone(), |interval| format!("{shown} ({interval})"))
        }
        _ => optional(merged, Unit::Seconds),
    }
}

/// What work was asked of each resource, how busy it was and how long work waited; then the bottleneck.
pub(super) fn resources(variant: &VariantResults, lines: bool) -> String {
    let header =
        ["resource", "servers", "offered", "busy", "queue mean", "queue max", "wait mean", "wait p99"];
    let mut rows = Rows::new(&header, 1, lines);
    // What nothing limits and nobody waited for says nothing.
    let limits = |row: &&ResourceRow| row.servers.is_finite() && row.servers > 0.0 || row.max_queue > 0;
    let shown = |row: &&ResourceRow| row.instance.is_none() || few(row, variant);
    for row in variant.resources.iter().filter(limits).filter(shown) {
        let name = match row.instance {
            Some(instance) => format!("  {}[{instance}] {}", row.component, row.role),
            None => format!("{} {}", row.component, row.role),
        };
        rows.push(&[
            name,
            quantity::quantity(row.servers, Unit::Count),
            optional(row.offered_utilisation, Unit::Share),
            optional(row.utilisation, Unit::Share),
            quantity::quantity(row.mean_queue, Unit::Count),
            count(row.max_queue),
            optional(row.mean_wait, Unit::Seconds),
            optional(row.p99_wait, Unit::Seconds),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut out = rows.text();
    if let Some(found) = bottleneck(variant) {
        let what = format!("{} {}", clean(&found.component), clean(&found.role));
        let _ = if found.limits {
            writeln!(out, "bottleneck: {what}: {}", found.evidence)
        } else {
            writeln!(out, "no bottleneck; the busiest is {what}: {}", found.evidence)
        };
    }
    out
}

fn few(row: &ResourceRow, variant: &VariantResults) -> bool {
    let like = |other: &&ResourceRow| {
        other.instance.is_some() && other.component == row.component && other.role == row.role
    };
    variant.resources.iter().filter(like).count() <= FEW_INSTANCES
}

/// The conservation of requests and calls, and the operational laws.
pub(super) fn soundness(variant: &VariantResults) -> String {
    let c = &variant.conservation;
    let verdict = if c.holds() { "holds" } else { "DOES NOT HOLD" };
    let mut out = format!(
        "sent = good + failed + abandoned + in flight: {} = {} + {} + {} + {}; calls opened = closed + in \
         flight: {} = {} + {}: {verdict}\n",
        count(c.sent),
        count(c.good),
        count(c.failed),
        count(c.abandoned),
        count(c.in_flight),
        count(c.calls_opened),
        count(c.calls_closed),
        count(c.calls_in_flight),
    );
    for m in &variant.messages {
        let verdict = if m.holds() { "holds" } else { "DOES NOT HOLD" };
        let ends =
            [m.acked, m.dead_lettered, m.expired, m.dropped, m.lost, m.waiting, m.in_flight].map(count);
        let _ = writeln!(
            out,
            "{}: published = acked + dead-lettered + expired + dropped + lost + waiting + in flight: {} = {}: \
             {verdict}; redelivered {}, duplicates {}",
            clean(&m.queue),
            count(m.published),
            ends.join(" + "),
            count(m.redelivered),
            count(m.duplicates),
        );
    }
    let laws: Vec<String> = [
        law("Little's law", variant, |row| row.littles_law),
        law("utilisation law", variant, |row| row.utilisation_law),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !laws.is_empty() {
        let _ =
            writeln!(out, "{} (work present at a cut run's ends counts on one side only)", laws.join("; "));
    }
    out
}

/// The largest discrepancy of one law over all resources, and where it is.
fn law(name: &str, variant: &VariantResults, of: fn(&ResourceRow) -> Option<f64>) -> Option<String> {
    // Backwards, since of equals the last is kept: the first in the report's order is named.
    let rows = variant.resources.iter().rev().filter(|row| row.instance.is_none());
    let (row, worst) =
        rows.filter_map(|row| of(row).map(|x| (row, x))).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(format!(
        "{name}: within {} on every resource (worst: {} {})",
        quantity::quantity(worst, Unit::Share),
        clean(&row.component),
        clean(&row.role),
    ))
}
