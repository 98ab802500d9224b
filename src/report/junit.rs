//! JUnit XML, as Jenkins, GitLab and most others read it: a suite for each design, a case for each check.
//! What is undecided is skipped, or a failure where that is asked for.

use std::fmt::Write as _;

use super::check::{Check, State};
use super::xml::escape;

/// The whole document; `strict` makes what is undecided a failure.
#[must_use]
pub fn junit(scenario: &str, checks: &[Check], strict: bool) -> String {
    let failed = |check: &&Check| check.state == State::Failed || strict && check.state == State::Undecided;
    let skipped = |check: &&Check| check.state == State::Undecided && !strict;
    let mut groups: Vec<&str> = Vec::new();
    for check in checks {
        if !groups.contains(&check.group.as_str()) {
            groups.push(&check.group);
        }
    }
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\">\n",
        escape(scenario),
        checks.len(),
        checks.iter().filter(failed).count()
    );
    for group in groups {
        let own: Vec<&Check> = checks.iter().filter(|check| check.group == group).collect();
        let count = |which: &dyn Fn(&&Check) -> bool| own.iter().copied().filter(|c| which(c)).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
            escape(group),
            own.len(),
            count(&failed),
            count(&skipped)
        );
        for check in &own {
            let (name, message) = (escape(&check.name), escape(&check.message));
            let class = escape(&format!("{scenario}.{group}"));
            let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\"");
            let _ = if failed(check) {
                writeln!(
                    out,
                    ">\n      <failure message=\"{message}\">{name}: {message}</failure>\n    </testcase>"
                )
            } else if skipped(check) {
                writeln!(out, ">\n      <skipped message=\"{message}\"/>\n    </testcase>")
            } else {
                writeln!(out, "/>")
            };
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::junit;
    use crate::report::{checks, fixture};

    #[test]
    fn each_check_is_a_case_and_names_cannot_break_out() {
        let mut results = fixture::launch();
        results.scenario = "a\"<b>&\u{1}".to_owned();
        let text = junit(&results.scenario, &checks(&results), false);
        assert!(
            text.contains("<testsuites name=\"a&quot;&lt;b&gt;&amp; \" tests=\"3\" failures=\"2\">"),
            "{text}"
        );
        assert!(
            text.contains("<testsuite name=\"base\" tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"1\">")
        );
        assert!(
            text.contains("<skipped message=\"objective inconclusive: found 812 ms (95 % CI 774 to 851)")
        );
        assert!(text.contains("name=\"p99 &lt; 800ms\""));
        let strict = junit(&results.scenario, &checks(&results), true);
        assert!(strict.contains("failures=\"3\"") && !strict.contains("<skipped"));
    }
}
