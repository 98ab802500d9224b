//! Workflow commands of GitHub Actions: an annotation for each check that failed or is undecided, a notice
//! for each design that passed. (docs.github.com, "Workflow commands for GitHub Actions".)

use std::fmt::Write as _;

use super::check::{Check, State};

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The annotations, each on the line that asks for it, else on `file`.
#[must_use]
pub fn github(file: Option<&str>, checks: &[Check], strict: bool) -> String {
    let mut out = String::new();
    let place = file.map_or_else(String::new, |file| format!("file={},", property(file)));
    for check in checks {
        let command = match check.state {
            State::Passed => continue,
            State::Undecided if !strict => "warning",
            State::Failed | State::Undecided => "error",
        };
        let title = property(&format!("{}: {}", check.group, check.name));
        let own = check.written_at.as_ref();
        let own = own.map(|(file, line)| format!("file={},line={line},", property(file)));
        let place = own.as_ref().unwrap_or(&place);
        let _ = writeln!(out, "::{command} {place}title={title}::{}", data(&check.message));
    }
    let passed = checks.iter().filter(|check| check.state == State::Passed).count();
    let _ = writeln!(out, "::notice {place}title=surgesim::{passed} of {} checks passed", checks.len());
    out
}

#[cfg(test)]
mod tests {
    use super::github;
    use crate::report::{checks, fixture};

    #[test]
    fn failures_are_errors_and_doubts_are_warnings() {
        let mut results = fixture::launch();
        results.variants[0].expectations[0].written_at = Some(("base.yaml".to_owned(), 12));
        let found = checks(&results);
        let text = github(Some("a,b.yaml"), &found, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[0]
                .starts_with("::warning file=a%2Cb.yaml,title=base%3A p99 < 800ms::objective inconclusive")
        );
        assert!(lines[1].starts_with("::error "));
        assert!(lines[1].contains("found 11.8 %25 (95 %25 CI 11.2 to 12.4)"), "{}", lines[1]);
        assert!(lines[2].starts_with("::error file=base.yaml,line=12,title=base%3A db.cpu"), "{}", lines[2]);
        assert_eq!(lines[3], "::notice file=a%2Cb.yaml,title=surgesim::0 of 3 checks passed");
        assert!(github(None, &found, true).starts_with("::error title="));
    }
}
