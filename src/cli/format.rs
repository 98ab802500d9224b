//! One report in the form that was asked for.

use super::args::ReportFormat;
use crate::report::{Check, github, junit};

/// The forms of a report, each made only if it is asked for.
pub(super) struct Report<'a> {
    pub(super) scenario: &'a str,
    pub(super) file: Option<&'a str>,
    pub(super) strict: bool,
    pub(super) text: &'a dyn Fn() -> String,
    pub(super) json: &'a dyn Fn() -> String,
    pub(super) markdown: &'a dyn Fn() -> String,
    pub(super) checks: &'a dyn Fn() -> Vec<Check>,
}

/// What goes to standard output.
pub(super) fn printed(format: ReportFormat, report: &Report<'_>) -> String {
    match format {
        ReportFormat::Text => (report.text)(),
        ReportFormat::Json => (report.json)(),
        ReportFormat::Markdown => (report.markdown)(),
        ReportFormat::Junit => junit(report.scenario, &(report.checks)(), report.strict),
        ReportFormat::Github => github(report.file, &(report.checks)(), report.strict),
    }
}
