//! A comparison for the terminal.

use std::fmt::Write as _;

use super::{ComparisonReport, change, finding, ratio, shown};
use crate::report::quantity::{self, value};
use crate::report::table::{Rows, clean};
use crate::report::text::TextStyle;

impl ComparisonReport<'_> {
    /// The whole report, each line ended.
    #[must_use]
    pub fn text(&self, style: TextStyle) -> String {
        let mut out = format!("{}\n", clean(self.title));
        if !self.complete {
            out.push_str("INCOMPLETE: some replications are missing\n");
        }
        for candidate in &self.comparison.candidates {
            let _ = writeln!(out, "\n{}", clean(&finding(self, candidate)));
            let (a, b) = (self.label(candidate.baseline), self.label(candidate.at));
            let _ = writeln!(
                out,
                "{} against {}: {}; intervals at {:.1} %, a change below {:.1} % does not matter",
                clean(b),
                clean(a),
                self.pairing(candidate),
                100.0 * self.comparison.level,
                100.0 * self.comparison.tolerance
            );
            let mut rows = Rows::new(&["metric", a, b, "difference", "ratio", ""], 1, style.lines);
            for row in shown(candidate) {
                let word = if row.regressed { "WORSE (regression)".to_owned() } else { row.word.words() };
                rows.push(&[
                    row.metric.clone(),
                    value(row.baseline, row.unit),
                    value(row.candidate, row.unit),
                    change(row).unwrap_or_else(|| "-".to_owned()),
                    ratio(row).unwrap_or_else(|| "-".to_owned()),
                    word,
                ]);
            }
            out.push_str(&rows.text());
            let reasons = self.reason(candidate).sentences();
            if !reasons.is_empty() {
                out.push_str("why:\n");
            }
            for reason in reasons {
                let _ = writeln!(out, "  {}", clean(&reason));
            }
        }
        out.push_str(&self.objectives(style));
        for notice in self.notices {
            let _ = writeln!(out, "warning: {}", clean(notice));
        }
        out
    }

    /// Objectives and expectations by design.
    fn objectives(&self, style: TextStyle) -> String {
        let mut names: Vec<String> = Vec::new();
        let all =
            || self.contenders.iter().map(|c| c.results.objectives.iter().chain(&c.results.expectations));
        for judgement in all().flatten() {
            let name = crate::report::check::written(judgement);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return String::new();
        }
        let header: Vec<&str> = std::iter::once("objective or expectation")
            .chain(self.contenders.iter().map(|c| c.label.as_str()))
            .collect();
        let mut rows = Rows::new(&header, 1, style.lines);
        for name in &names {
            let mut cells = vec![name.clone()];
            cells.extend(all().map(|mut judgements| {
                judgements.find(|j| crate::report::check::written(j) == *name).map_or_else(
                    || "-".to_owned(),
                    |j| format!("{} ({})", j.verdict.word(), quantity::value(j.value.value, j.value.unit)),
                )
            }));
            rows.push(&cells);
        }
        format!("\n{}", rows.text())
    }
}
