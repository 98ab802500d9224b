//! The part of the terminal report about copies of rows: what caches answered, and how old that was. Empty where
//! nothing keeps copies.

use std::fmt::Write;

use super::quantity;
use super::table::{Rows, clean};
use crate::experiment::results::VariantResults;

/// The columns of an entity, by the head of the metric's name.
const COLUMNS: [(&str, &str, &str); 7] = [
    ("hit ratio", "hit_ratio(", ")"),
    ("stale reads", "stale_reads(", ")"),
    ("behind p99", "versions_behind(", ").p99"),
    ("behind max", "versions_behind(", ").max"),
    ("store writes/write", "write_amplification(", ")"),
    ("cache writes/write", "cache_writes(", ")"),
    ("differ at end", "divergence(", ")"),
];

/// Layers, rows by entity, and what sessions saw.
pub(super) fn copies(variant: &VariantResults, lines: bool) -> String {
    let mut out = String::new();
    let entities: Vec<&str> = variant
        .metrics
        .iter()
        .filter_map(|(name, _)| name.strip_prefix("hit_ratio(")?.strip_suffix(')'))
        .collect();
    if entities.is_empty() {
        return out;
    }
    let layers = variant.metrics.iter().filter_map(|(name, ratio)| {
        let layer = name.strip_suffix(".hit_ratio").filter(|layer| !layer.contains(['[', '.']))?;
        Some((layer, ratio))
    });
    for (layer, ratio) in layers {
        let evictions = variant.metric(&format!("{layer}.evictions")).and_then(|e| e.value.number());
        let evictions = evictions.filter(|n| *n > 0.0).map(|n| format!(", {n:.0} evictions"));
        let _ = writeln!(
            out,
            "{} answered {}{}",
            clean(layer),
            quantity::estimate(ratio),
            evictions.unwrap_or_default()
        );
    }
    let header: Vec<&str> = ["entity"].into_iter().chain(COLUMNS.iter().map(|(title, ..)| *title)).collect();
    let mut rows = Rows::new(&header, 1, lines);
    for entity in entities {
        let cell = |(_, head, tail): &(&str, &str, &str)| {
            let metric = variant.metric(&format!("{head}{entity}{tail}"));
            metric.map_or("-".to_owned(), |m| quantity::value(m.value, m.unit))
        };
        let cells: Vec<String> = [entity.to_owned()].into_iter().chain(COLUMNS.iter().map(cell)).collect();
        rows.push(&cells);
    }
    out.push_str(&rows.text());
    for (name, words) in [
        ("ryw_violations", "reads that missed their owner's own write"),
        ("monotonic_violations", "reads that saw an older version than the same reader before"),
        ("lost_writes", "acknowledged writes lost"),
    ] {
        if let Some(count) = variant.metric(name).filter(|m| m.value.number().is_some_and(|n| n > 0.0)) {
            let _ = writeln!(out, "{words}: {}", quantity::estimate(count));
        }
    }
    out
}
