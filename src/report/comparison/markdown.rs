//! A comparison as a comment on a change.

use std::fmt::Write as _;

use super::{ComparisonReport, change, finding, shown};
use crate::experiment::comparison::Word;
use crate::report::markdown::{check_table, fit, plain, table, topology, verdict};
use crate::report::quantity::value;

/// The comment; `mermaid` draws the designs, by name.
#[must_use]
pub fn comparison_markdown(report: &ComparisonReport<'_>, mermaid: &[(String, String)]) -> String {
    let checks = report.checks();
    let mut head = format!("## surgesim: {}\n\n{}\n\n", plain(report.title), verdict(&checks));
    if !report.complete {
        head.push_str("**Incomplete: some replications are missing.**\n\n");
    }
    for candidate in report.comparison.candidates.iter().take(40) {
        let _ = writeln!(head, "- {}", plain(&finding(report, candidate)));
        for reason in report.reason(candidate).sentences().iter().take(3) {
            let _ = writeln!(head, "  - {}", plain(reason));
        }
    }
    head.push('\n');
    let mut sections = vec![("verdict".to_owned(), head)];
    for candidate in &report.comparison.candidates {
        let (a, b) = (report.label(candidate.baseline), report.label(candidate.at));
        let rows: Vec<Vec<String>> = shown(candidate)
            .into_iter()
            .map(|row| {
                let mark = match row.word {
                    _ if row.regressed => "❌ ",
                    Word::Better => "✅ ",
                    Word::Worse => "⚠️ ",
                    _ => "",
                };
                vec![
                    row.metric.clone(),
                    value(row.baseline, row.unit),
                    value(row.candidate, row.unit),
                    change(row).unwrap_or_else(|| "-".to_owned()),
                    format!("{mark}{}", row.word.words()),
                ]
            })
            .collect();
        let mut body = format!("{}\n\n", plain(&format!("{b} against {a}: {}", report.pairing(candidate))));
        body.push_str(&table(&["metric", a, b, "difference", ""], &rows));
        sections.push((format!("{b} against {a}"), body));
    }
    sections.push(("checks".to_owned(), check_table(&checks)));
    for (name, text) in mermaid.iter().take(2) {
        sections.push((format!("topology of {name}"), topology(text)));
    }
    let mut foot = String::new();
    for notice in report.notices {
        let _ = writeln!(foot, "- ⚠️ {}", plain(notice));
    }
    let _ = writeln!(
        foot,
        "\n<sub>surgesim {}, seed {}; intervals at {:.1} %, a change below {:.1} % of the baseline does not matter</sub>",
        env!("CARGO_PKG_VERSION"),
        report.contenders.first().map_or(0, |c| c.seed),
        100.0 * report.comparison.level,
        100.0 * report.comparison.tolerance
    );
    sections.push(("notices".to_owned(), foot));
    fit(&sections)
}
