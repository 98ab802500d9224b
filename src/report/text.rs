//! The terminal report, read top-down: the verdict and the finding; traffic by outcome; latency; resources
//! and the bottleneck; what shows that the numbers are sound; what to be careful about.
//!
//! Several designs: first one table with a column for each, then each in full.
//!
//! Rules: the text says nothing that the JSON does not hold. Without colour and lines it is plain ASCII but
//! for the scenario's own names. Equal results give equal text.

use std::fmt::Write;

use super::bottleneck::bottleneck;
use super::copies_section::copies;
use super::cost_section::{budgets, cost};
use super::headline::{USUAL, headline};
use super::quantity::{self, count, duration};
use super::table::{Rows, clean};
use super::text_sections::{latency, recovery, resources, soundness, traffic};
use super::transactions_section::transactions;
use super::warnings::warnings;
use crate::experiment::results::{Judgement, RunResults, VariantResults, Verdict};

/// How the text may look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TextStyle {
    /// Table borders of box-drawing characters; plain ASCII otherwise. For terminals.
    pub lines: bool,
    /// ANSI colours and bold.
    pub colour: bool,
}

/// Bold, green, red, yellow: the only colours there are.
const BOLD: &str = "1";
const GREEN: &str = "1;32";
const RED: &str = "1;31";
const YELLOW: &str = "1;33";

impl TextStyle {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn heading(self, text: &str) -> String {
        format!("\n{}\n", self.paint(BOLD, text))
    }
}

const fn colour_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => GREEN,
        Verdict::Missed => RED,
        Verdict::Inconclusive => YELLOW,
    }
}

/// The whole report, each line ended.
#[must_use]
pub fn text(results: &RunResults, style: TextStyle) -> String {
    let mut out = format!("{}, seed {}\n", style.paint(BOLD, &clean(&results.scenario)), results.seed);
    if !results.about.is_empty() {
        let _ = writeln!(out, "{}", clean(&results.about));
    }
    if !results.complete {
        let _ = writeln!(
            out,
            "{}: the run was cut short; some replications are missing or short, so intervals are wider and \
             the end of the run may be unseen",
            style.paint(RED, "INCOMPLETE"),
        );
    }
    if results.variants.is_empty() {
        out.push_str("nothing was run\n");
    }
    if results.variants.len() > 1 {
        out.push('\n');
        out.push_str(&side_by_side(results, style));
    }
    for variant in &results.variants {
        if results.variants.len() > 1 {
            out.push_str(&style.heading(&format!("=== {} ===", clean(&variant.name))));
        }
        section(&mut out, variant, style);
    }
    out
}

fn section(out: &mut String, variant: &VariantResults, style: TextStyle) {
    out.push_str(&verdicts(variant, style));
    let mut part = |heading: &str, body: String| {
        if !body.is_empty() {
            out.push_str(&style.heading(heading));
            out.push_str(&body);
        }
    };
    part("Traffic", traffic(variant, style.lines));
    part("Dynamics", recovery(variant));
    part("Latency of good answers", latency(variant, style.lines));
    part("Caches", copies(variant, style.lines));
    part("Transactions", transactions(variant));
    part("Resources", resources(variant, style.lines));
    part("Cost", cost(variant, style.lines));
    part("Error budgets", budgets(variant));
    part("Soundness", soundness(variant));
    let mut body = String::new();
    for warning in warnings(variant) {
        let _ = writeln!(body, "{} {}", style.paint(YELLOW, "warning:"), clean(&warning));
    }
    part("Warnings", body);
}

/// The worst verdict of all objectives and expectations; `None` if nothing was asked.
fn overall(variant: &VariantResults) -> Option<Verdict> {
    let rank = |v: Verdict| match v {
        Verdict::Met => 0,
        Verdict::Inconclusive => 1,
        Verdict::Missed => 2,
    };
    variant.objectives.iter().chain(&variant.expectations).map(|j| j.verdict).max_by_key(|v| rank(*v))
}

/// `2 met, 1 missed`, the kinds that occur.
fn tally(judgements: &[Judgement], what: &str) -> Option<String> {
    let of = |verdict: Verdict| judgements.iter().filter(|j| j.verdict == verdict).count();
    let parts: Vec<String> = [Verdict::Missed, Verdict::Inconclusive, Verdict::Met]
        .into_iter()
        .filter(|v| of(*v) > 0)
        .map(|v| format!("{} {}", of(v), v.word()))
        .collect();
    (!parts.is_empty()).then(|| format!("{what}: {}", parts.join(", ")))
}

fn verdicts(variant: &VariantResults, style: TextStyle) -> String {
    let mut out = String::new();
    let runs = match variant.replications {
        1 => "1 replication".to_owned(),
        n => format!("{n} replications"),
    };
    let warmup = if variant.warmup > 0.0 {
        format!(", of which the first {} are warm-up", duration(variant.warmup))
    } else {
        String::new()
    };
    let _ = writeln!(out, "{runs} of {} simulated{warmup}", duration(variant.duration));
    let tallies: Vec<String> =
        [tally(&variant.objectives, "objectives"), tally(&variant.expectations, "expectations")]
            .into_iter()
            .flatten()
            .collect();
    match overall(variant) {
        Some(verdict) => {
            let word = style.paint(colour_of(verdict), &verdict.word().to_uppercase());
            let _ = writeln!(out, "\n{word}  {}", tallies.join("; "));
        }
        None => out.push_str("\nno objectives and no expectations: nothing to judge\n"),
    }
    let _ = writeln!(out, "{}", style.paint(BOLD, &clean(&headline(variant))));
    let all: Vec<(&Judgement, String)> = variant
        .objectives
        .iter()
        .map(|j| (j, found_on_interval(j)))
        .chain(variant.expectations.iter().map(|j| (j, found_in_each(j))))
        .collect();
    let written = |j: &Judgement| match &j.during {
        Some(window) => format!("{} during {}", clean(&j.text), clean(window)),
        None => clean(&j.text),
    };
    let width = all.iter().map(|(j, _)| written(j).chars().count()).max().unwrap_or(0);
    for (judgement, found) in &all {
        let word = format!("{:<12}", judgement.verdict.word());
        let word = style.paint(colour_of(judgement.verdict), &word);
        let _ = writeln!(out, "  {word}  {:<width$}  {found}", written(judgement));
    }
    out
}

fn found_on_interval(judgement: &Judgement) -> String {
    quantity::estimate(&judgement.value)
}

/// The mean, the range over replications, and in how many it held.
fn found_in_each(judgement: &Judgement) -> String {
    let unit = judgement.value.unit;
    let mut text = quantity::value(judgement.value.value, unit);
    let numbers: Vec<f64> = judgement.value.each.iter().filter_map(|v| v.number()).collect();
    if numbers.len() > 1 {
        let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let _ = write!(text, ", {} to {}", quantity::quantity(low, unit), quantity::quantity(high, unit));
    }
    let held = judgement.held.iter().filter(|held| **held).count();
    let _ = write!(text, ", holds in {held} of {} replications", judgement.held.len());
    text
}

fn side_by_side(results: &RunResults, style: TextStyle) -> String {
    let variants = &results.variants;
    let header: Vec<&str> =
        std::iter::once("").chain(variants.iter().map(|variant| variant.name.as_str())).collect();
    let mut rows = Rows::new(&header, 1, style.lines);
    let mut row = |name: &str, cell: &dyn Fn(&VariantResults) -> String| {
        let mut cells = vec![name.to_owned()];
        cells.extend(variants.iter().map(cell));
        rows.push(&cells);
    };
    row("verdict", &|v| overall(v).map_or("-", Verdict::word).to_owned());
    for name in USUAL.into_iter().filter(|name| variants.iter().any(|v| v.metric(name).is_some())) {
        row(name, &|v| v.metric(name).map_or_else(|| "-".to_owned(), |m| quantity::value(m.value, m.unit)));
    }
    row("bottleneck", &|v| match bottleneck(v) {
        Some(found) if found.limits => format!("{} {}", found.component, found.role),
        _ => "none".to_owned(),
    });
    row("requests", &|v| count(v.conservation.sent));
    rows.text()
}

#[cfg(test)]
mod tests;
