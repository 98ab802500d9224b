//! The report on a terminal, top-down: the finding and the verdicts first, then traffic, latency,
//! resources, the bottleneck, conservation, and what to beware of.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table};

use super::{bottleneck, headline, quantity, warnings};
use crate::experiment::results::{Estimate, Judgement, RunResults, VariantResults, Verdict};

/// The whole report; `unicode` draws table borders that only a terminal shows well.
#[must_use]
pub fn text(results: &RunResults, unicode: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}", results.scenario, results.about);
    if !results.complete {
        out.push_str("INCOMPLETE: the run was stopped before all replications had finished\n");
    }
    for variant in &results.variants {
        section(&mut out, results, variant, unicode);
    }
    out
}

fn table(unicode: bool, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(if unicode {
        comfy_table::presets::UTF8_HORIZONTAL_ONLY
    } else {
        comfy_table::presets::ASCII_HORIZONTAL_ONLY
    });
    table.set_header(header.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn section(out: &mut String, results: &RunResults, variant: &VariantResults, unicode: bool) {
    let _ = writeln!(
        out,
        "\n== {} == (seed {}, {} replications, warm-up {}, duration {})\n{}",
        variant.name,
        results.seed,
        variant.replications,
        quantity::duration(variant.warmup),
        quantity::duration(variant.duration),
        headline(variant)
    );
    judgements(out, "objective", &variant.objectives);
    judgements(out, "expectation", &variant.expectations);
    let metric = |name: &str| variant.metrics.iter().find(|(n, _)| n == name).map(|(_, e)| e);
    let shown = |e: Option<&Estimate>| e.map_or_else(|| "-".to_owned(), quantity::estimate);

    out.push_str("\ntraffic\n");
    for name in
        ["offered", "goodput", "availability", "rate_503", "timeouts", "attempts_per_request", "wasted_work", "time_to_recover"]
    {
        let _ = writeln!(out, "  {name:<22} {}", shown(metric(name)));
    }
    for row in &variant.errors {
        let _ = writeln!(
            out,
            "  {} by {}: {}  {} ({:.3} %)",
            if row.status == 0 { "no answer".to_owned() } else { row.status.to_string() },
            row.component,
            row.reason,
            quantity::count(row.count),
            row.share * 100.0
        );
    }
    out.push_str("\nlatency of good answers, from the intended start\n");
    for name in ["mean", "p50", "p90", "p95", "p99", "p99.9", "max"] {
        let _ = writeln!(out, "  {name:<22} {}", shown(metric(name)));
    }
    let mut endpoints = table(unicode, &["endpoint", "sent", "good", "errors", "p50", "p99"]);
    for row in &variant.endpoints {
        let of = |p: &str| shown(metric(&format!("{p}({})", row.endpoint)));
        endpoints.add_row(vec![
            row.endpoint.clone(),
            quantity::count(row.sent),
            quantity::count(row.good),
            quantity::count(row.errors),
            of("p50"),
            of("p99"),
        ]);
    }
    let _ = writeln!(out, "{endpoints}");

    out.push_str("\nresources (over the whole run after warm-up)\n");
    let mut resources =
        table(unicode, &["resource", "servers", "offered", "utilisation", "queue", "max", "mean wait"]);
    let percent = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{:.1} %", 100.0 * x));
    for row in &variant.resources {
        let instance = row.instance.map_or(String::new(), |i| format!("[{i}]"));
        resources.add_row(vec![
            format!("{}{instance} {}", row.component, row.role),
            if row.servers.is_finite() { format!("{}", row.servers) } else { "no limit".to_owned() },
            percent(row.offered_utilisation),
            percent(row.utilisation),
            format!("{:.2}", row.mean_queue),
            row.max_queue.to_string(),
            row.mean_wait.map_or_else(|| "-".to_owned(), quantity::duration),
        ]);
    }
    let _ = writeln!(out, "{resources}");
    if let Some(found) = bottleneck(variant) {
        let _ = writeln!(
            out,
            "{}: {} {}: {}",
            if found.limits { "bottleneck" } else { "busiest (nothing limits)" },
            found.component,
            found.role,
            found.evidence
        );
    }
    let c = &variant.conservation;
    let _ = writeln!(
        out,
        "conservation: {} sent = {} good + {} failed + {} abandoned + {} in flight; {} calls opened = {} closed + {} in flight",
        c.sent, c.good, c.failed, c.abandoned, c.in_flight, c.calls_opened, c.calls_closed, c.calls_in_flight
    );
    let worst = |pick: fn(&crate::experiment::results::ResourceRow) -> Option<f64>| {
        variant.resources.iter().filter_map(pick).map(f64::abs).fold(0.0, f64::max)
    };
    let _ = writeln!(
        out,
        "laws: L = lambda W within {:.3} %, U = X S within {:.3} % on every resource",
        100.0 * worst(|r| r.littles_law),
        100.0 * worst(|r| r.utilisation_law)
    );
    for warning in warnings(variant).iter().chain(&variant.notices) {
        let _ = writeln!(out, "warning: {warning}");
    }
}

fn judgements(out: &mut String, what: &str, list: &[Judgement]) {
    for judgement in list {
        let word = match judgement.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::Inconclusive => "inconclusive",
        };
        let during = judgement.during.as_ref().map_or(String::new(), |d| format!(" during {d}"));
        let value = quantity::estimate(&judgement.value);
        let _ = writeln!(out, "{word:>12}  {what}: {}{during}  (seen: {value})", judgement.text);
    }
}
