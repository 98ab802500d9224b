//! A plan for the terminal and as a comment on a change.

use std::fmt::Write as _;

use super::{Goal, PlanReport, confidence};
use crate::experiment::results::Estimate;
use crate::report::markdown::{fit, plain, table};
use crate::report::quantity::{interval, value};
use crate::report::table::{Rows, clean};
use crate::report::text::TextStyle;

/// Rows of a table at most.
const MOST_ROWS: usize = 100;

fn cell(estimate: &Estimate) -> String {
    let shown = value(estimate.value, estimate.unit);
    interval(estimate).map_or_else(|| shown.clone(), |ends| format!("{shown} ({ends})"))
}

impl PlanReport<'_> {
    fn rows(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let mut header: Vec<String> = self.paths.to_vec();
        if let Goal::Cheapest { cost, .. } = self.goal {
            header.push(cost.clone());
        }
        if let Some(first) = self.designs.first() {
            header.extend(self.claims(first).iter().map(crate::report::check::written));
        }
        header.extend(["", "confidence", "replications"].map(str::to_owned));
        let mut rows = Vec::new();
        for at in self.listed().into_iter().take(MOST_ROWS) {
            let design = &self.designs[at];
            let mut cells = design.values.clone();
            if matches!(self.goal, Goal::Cheapest { .. }) {
                cells.push(self.cost(design).map_or_else(|| "-".to_owned(), cell));
            }
            cells.extend(self.claims(design).iter().map(|judgement| cell(&judgement.value)));
            let mark = if self.chosen() == Some(at) { " <- the answer" } else { "" };
            cells.push(format!("{}{mark}", design.finding.word()));
            cells.push(design.confidence.map_or_else(|| "-".to_owned(), confidence));
            cells.push(design.results.replications.to_string());
            rows.push(cells);
        }
        (header, rows)
    }

    fn asked(&self) -> String {
        let what = match self.goal {
            Goal::Cheapest { cost, .. } => format!("the least {cost}"),
            Goal::Largest { .. } => format!("the largest {}", self.paths.concat()),
        };
        let design = if self.design == "base" { String::new() } else { format!(" ({})", self.design) };
        let claims: Vec<String> = self.designs.first().map_or_else(Vec::new, |first| {
            self.claims(first).iter().map(crate::report::check::written).collect()
        });
        let kind = if self.objectives {
            "meets its objectives"
        } else {
            "meets its expectations in every replication"
        };
        let claims = if claims.is_empty() { String::new() } else { format!(" ({})", claims.join("; ")) };
        format!("{}{design}: {what} that {kind}{claims}", self.title)
    }

    /// The whole report, each line ended.
    #[must_use]
    pub fn text(&self, style: TextStyle) -> String {
        let mut out = format!("{}\n{}\n", clean(&self.asked()), clean(&self.answer()));
        for line in self.evidence() {
            let _ = writeln!(out, "  {}", clean(&line));
        }
        let (header, rows) = self.rows();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut shown = Rows::new(&header, 0, style.lines);
        rows.iter().for_each(|row| shown.push(row));
        if !rows.is_empty() {
            let _ = write!(out, "\n{}", shown.text());
        }
        if self.designs.len() > MOST_ROWS {
            let _ = writeln!(out, "... and {} more designs: see plan.json", self.designs.len() - MOST_ROWS);
        }
        for notice in self.notices {
            let _ = writeln!(out, "warning: {}", clean(notice));
        }
        out
    }

    /// The report as a comment on a change.
    #[must_use]
    pub fn markdown(&self) -> String {
        let icon = if self.fits() { "✅" } else { "❌" };
        let mut head = format!(
            "## surgesim plan: {}\n\n{}\n\n{icon} **{}**\n\n",
            plain(self.title),
            plain(&self.asked()),
            plain(&self.answer())
        );
        for line in self.evidence() {
            let _ = writeln!(head, "- {}", plain(&line));
        }
        head.push('\n');
        let (header, rows) = self.rows();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut foot = String::new();
        for notice in self.notices {
            let _ = writeln!(foot, "- ⚠️ {}", plain(notice));
        }
        let _ = writeln!(foot, "\n<sub>surgesim {}, seed {}</sub>", env!("CARGO_PKG_VERSION"), self.seed);
        fit(&[
            ("answer".to_owned(), head),
            ("designs".to_owned(), table(&header, &rows)),
            ("notices".to_owned(), foot),
        ])
    }
}
