//! One report in the form that was asked for, and its files.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{ReportFormat, Running};
use super::{Exit, complain, print};
use crate::report::chart::rasterize;
use crate::report::{Check, folder_name, github, junit, write_whole};

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

/// A report's files: one object as JSON under its own name, text, Markdown, pictures as SVG by name, and others.
pub(super) struct ReportFiles<'a> {
    pub(super) json: (&'a str, String),
    pub(super) text: String,
    pub(super) markdown: String,
    pub(super) others: Vec<(&'a str, Vec<u8>)>,
    pub(super) pictures: Vec<(String, String)>,
}

impl ReportFiles<'_> {
    /// Writes them, each whole or not at all.
    ///
    /// # Errors
    /// What could not be written, with its path.
    pub(super) fn write(&self, folder: &Path) -> Result<(), String> {
        let write =
            |name: &str, bytes: &[u8]| write_whole(&folder.join(name), bytes).map_err(|e| e.to_string());
        write(self.json.0, self.json.1.as_bytes())?;
        write("report.txt", self.text.as_bytes())?;
        write("report.md", self.markdown.as_bytes())?;
        for (name, bytes) in &self.others {
            write(name, bytes)?;
        }
        for (name, svg) in &self.pictures {
            let name = folder_name(name);
            write(&format!("{name}.svg"), svg.as_bytes())?;
            write(&format!("{name}.png"), &rasterize(svg).map_err(|e| e.to_string())?)?;
        }
        Ok(())
    }
}

/// Says where the files are, prints the report, and says how the command ends, which was to be with `exit`.
pub(super) fn deliver(
    files: Result<(), String>,
    folder: &Path,
    running: &Running,
    report: &Report<'_>,
    stop: &AtomicBool,
    mut exit: Exit,
) -> Exit {
    match files {
        Err(error) => exit = complain(&error),
        Ok(()) if !running.quiet => {
            let _ = writeln!(io::stderr(), "written to {}/", folder.display());
        }
        Ok(()) => {}
    }
    let told = print(&printed(running.format, report));
    if told != Exit::Done {
        exit = told;
    }
    if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit }
}
