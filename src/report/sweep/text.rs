//! A sweep for the terminal and as a comment on a change.

use std::fmt::Write as _;

use super::{SweepReport, verdict};
use crate::experiment::results::{Estimate, Verdict};
use crate::report::markdown::{fit, plain, table};
use crate::report::quantity::{interval, value};
use crate::report::table::{Rows, clean};
use crate::report::text::TextStyle;

/// Rows of the terminal's table at most; the CSV has all.
const MOST_ROWS: usize = 200;

fn cell(estimate: Option<&Estimate>) -> String {
    let Some(estimate) = estimate else { return "-".to_owned() };
    let shown = value(estimate.value, estimate.unit);
    interval(estimate).map_or_else(|| shown.clone(), |interval| format!("{shown} ({interval})"))
}

impl SweepReport<'_> {
    /// What was run, in a line.
    pub(super) fn origin(&self) -> String {
        let points = match (self.sample, self.points.len()) {
            (Some(seed), n) => format!("{n} points of a Latin hypercube (seed {seed})"),
            (None, 1) => "1 point".to_owned(),
            (None, n) => format!("{n} points"),
        };
        let most = self.points.iter().map(|point| point.results.replications).max().unwrap_or(0);
        let least = self.points.iter().map(|point| point.results.replications).min().unwrap_or(0);
        let replications = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        let design = if self.design == "base" { String::new() } else { format!(" ({})", self.design) };
        format!(
            "{}{design}: {points}, {replications} replications each, the same customers at every point (seed {})",
            self.title, self.seed
        )
    }

    /// The table's header and rows, at most so many.
    fn rows(&self, most: usize) -> (Vec<String>, Vec<Vec<String>>) {
        let metrics = self.shown();
        let judged = self.points.iter().any(|point| verdict(&point.results).is_some());
        let mut header: Vec<String> = self.axes.iter().map(|axis| axis.path.clone()).collect();
        header.extend(metrics.iter().map(|metric| (*metric).to_owned()));
        if judged {
            header.push("objectives".to_owned());
        }
        let row = |point: &super::SweepPoint| {
            let mut cells = point.values.clone();
            cells.extend(metrics.iter().map(|metric| cell(point.results.metric(metric))));
            if judged {
                cells.push(verdict(&point.results).map_or("-", Verdict::word).to_owned());
            }
            cells
        };
        (header, self.points.iter().take(most).map(row).collect())
    }

    /// The whole report, each line ended.
    #[must_use]
    pub fn text(&self, style: TextStyle) -> String {
        let mut out = format!("{}\n", clean(&self.origin()));
        if !self.complete() {
            out.push_str("INCOMPLETE\n");
        }
        for finding in self.findings().iter().chain(&self.knee_sentences()) {
            let _ = writeln!(out, "{}", clean(finding));
        }
        let (header, rows) = self.rows(MOST_ROWS);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut shown = Rows::new(&header, 0, style.lines);
        rows.iter().for_each(|row| shown.push(row));
        let _ = write!(out, "\n{}", shown.text());
        if self.points.len() > MOST_ROWS {
            let _ = writeln!(out, "... and {} more points: see sweep.csv", self.points.len() - MOST_ROWS);
        }
        out.push_str("in brackets: 95 % intervals over replications");
        out.push_str(if self.knee_sentences().is_empty() { "\n" } else { "; knees by Kneedle, S = 1\n" });
        for notice in self.notices() {
            let _ = writeln!(out, "warning: {}", clean(&notice));
        }
        out
    }

    /// The report as a comment on a change.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut head = format!("## surgesim sweep: {}\n\n{}\n\n", plain(self.title), plain(&self.origin()));
        if !self.complete() {
            head.push_str("**Incomplete.**\n\n");
        }
        for finding in self.findings().iter().chain(&self.knee_sentences()) {
            let _ = writeln!(head, "- {}", plain(finding));
        }
        head.push('\n');
        let (header, rows) = self.rows(100);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let mut body = table(&header, &rows);
        if self.points.len() > rows.len() {
            let _ = writeln!(body, "... and {} more points\n", self.points.len() - rows.len());
        }
        let mut foot = String::new();
        for notice in self.notices() {
            let _ = writeln!(foot, "- ⚠️ {}", plain(&notice));
        }
        let _ = writeln!(
            foot,
            "\n<sub>surgesim {}, seed {}; in brackets: 95 % intervals over replications; knees by Kneedle, S = 1</sub>",
            env!("CARGO_PKG_VERSION"),
            self.seed
        );
        fit(&[("findings".to_owned(), head), ("points".to_owned(), body), ("notices".to_owned(), foot)])
    }
}
