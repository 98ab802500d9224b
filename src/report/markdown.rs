//! Results as Markdown for a comment on a change: the verdict first, tables, the topology as Mermaid, details last.
//!
//! Rule: it fits a comment on GitHub (65,536 characters): what is least important is left out first, and
//! the comment says so. Names cannot break out of a table, open markup or ping anybody.

use std::fmt::Write as _;

use super::bottleneck::bottleneck;
use super::check::{Check, State, checks};
use super::cost_section::bill_rows;
use super::headline::{USUAL, headline};
use super::quantity;
use super::warnings::warnings;
use crate::experiment::results::RunResults;

/// Characters of a comment on GitHub.
const MOST: usize = 65_536;

/// Text that Markdown and HTML leave as it is.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Without a word joiner `@name` would tell a person of that name.
            '@' => out.push_str("@\u{2060}"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A table; every cell is made plain.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line =
        |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut out = line(&mut header.iter().map(|cell| plain(cell)));
    out.push_str(&line(
        &mut header.iter().enumerate().map(|(i, _)| if i == 0 { ":--" } else { "--:" }.to_owned()),
    ));
    for row in rows {
        out.push_str(&line(&mut row.iter().map(|cell| plain(cell))));
    }
    out.push('\n');
    out
}

/// Sections, the most important first, as many as fit; the rest is named.
pub(super) fn fit(sections: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut left_out: Vec<&str> = Vec::new();
    for (name, body) in sections {
        // Room for the line that says what is missing, by names of at most twenty sections.
        if out.chars().count() + body.chars().count() + 2_000 > MOST {
            left_out.push(name);
        } else {
            out.push_str(body);
        }
    }
    if !left_out.is_empty() {
        let named: Vec<String> =
            left_out.iter().take(20).map(|n| plain(&n.chars().take(60).collect::<String>())).collect();
        let more = left_out.len().saturating_sub(20);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(
            out,
            "Left out because a comment has no room for it: {}{more}. See `results.json`.",
            named.join(", ")
        );
    }
    out
}

pub(super) fn icon(state: State) -> &'static str {
    match state {
        State::Passed => "✅ met",
        State::Failed => "❌ missed",
        State::Undecided => "❔ undecided",
    }
}

/// One line on all checks.
pub(super) fn verdict(checks: &[Check]) -> String {
    let of = |state| checks.iter().filter(|check| check.state == state).count();
    match (of(State::Failed), of(State::Undecided), of(State::Passed)) {
        (0, 0, 0) => "nothing was asked for, so there is nothing to judge".to_owned(),
        (0, 0, n) => format!("✅ all {n} checks hold"),
        (0, open, n) => format!("❔ {n} checks hold, {open} can't be told yet"),
        (failed, open, n) => format!("❌ {failed} of {} checks failed", failed + open + n),
    }
}

pub(super) fn check_table(checks: &[Check]) -> String {
    // What needs a reader's eye comes first; the order is otherwise kept.
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by_key(|check| match check.state {
        State::Failed => 0,
        State::Undecided => 1,
        State::Passed => 2,
    });
    let rows: Vec<Vec<String>> = sorted
        .iter()
        .take(100)
        .map(|check| {
            vec![check.group.clone(), check.name.clone(), icon(check.state).to_owned(), check.message.clone()]
        })
        .collect();
    let more = sorted.len().saturating_sub(100);
    let more = if more > 0 { format!("... and {more} more\n\n") } else { String::new() };
    format!("{}{more}", table(&["design", "check", "verdict", "found"], &rows))
}

/// A topology in a fold, as a code host draws it.
pub(super) fn topology(mermaid: &str) -> String {
    format!("<details><summary>Topology</summary>\n\n```mermaid\n{mermaid}```\n\n</details>\n\n")
}

/// The results of `run`; `mermaid` draws each design, by name.
#[must_use]
pub fn run_markdown(results: &RunResults, mermaid: &[(String, String)]) -> String {
    let found = checks(results);
    let mut sections = Vec::new();
    let mut head = format!("## surgesim: {}\n\n{}\n\n", plain(&results.scenario), verdict(&found));
    if !results.complete {
        head.push_str("**Incomplete: some replications are missing or short.**\n\n");
    }
    for variant in results.variants.iter().take(40) {
        let _ = writeln!(head, "- **{}**: {}", plain(&variant.name), plain(&headline(variant)));
    }
    head.push('\n');
    sections.push(("verdict".to_owned(), head));
    if !found.is_empty() {
        sections.push(("checks".to_owned(), check_table(&found)));
    }
    let mut header = vec!["metric"];
    header.extend(results.variants.iter().map(|variant| variant.name.as_str()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for name in USUAL.into_iter().filter(|name| results.variants.iter().any(|v| v.metric(name).is_some())) {
        let mut cells = vec![name.to_owned()];
        let cell = |m: &crate::experiment::results::Estimate| quantity::estimate(m);
        cells.extend(results.variants.iter().map(|v| v.metric(name).map_or_else(|| "-".to_owned(), cell)));
        rows.push(cells);
    }
    let mut limits = vec!["bottleneck".to_owned()];
    limits.extend(results.variants.iter().map(|v| match bottleneck(v).filter(|b| b.limits) {
        Some(found) => format!("{} {}", found.component, found.role),
        None => "none".to_owned(),
    }));
    rows.push(limits);
    sections.push(("metrics".to_owned(), table(&header, &rows)));
    for (name, text) in mermaid.iter().take(1) {
        sections.push((format!("topology of {name}"), topology(text)));
    }
    for variant in results.variants.iter().filter(|variant| !variant.bill.is_empty()) {
        let (header, rows) = bill_rows(variant);
        let placeholder = variant.bill.iter().any(|row| row.unverified);
        let note = if placeholder { "(unverified): a placeholder of the price list\n\n" } else { "" };
        let body = format!(
            "<details><summary>Cost: {}</summary>\n\n{}{note}</details>\n\n",
            plain(&variant.name),
            table(&header, &rows)
        );
        sections.push((format!("cost of {}", variant.name), body));
    }
    for variant in &results.variants {
        let found = warnings(variant);
        if !found.is_empty() {
            let lines: Vec<String> = found.iter().map(|w| format!("- {}\n", plain(w))).collect();
            let body = format!(
                "<details><summary>Warnings: {}</summary>\n\n{}\n</details>\n\n",
                plain(&variant.name),
                lines.concat()
            );
            sections.push((format!("warnings of {}", variant.name), body));
        }
    }
    let how = results.variants.first().map_or_else(String::new, |v| {
        format!(
            "seed {}, {} replications of {} simulated",
            results.seed,
            v.replications,
            quantity::duration(v.duration)
        )
    });
    sections.push((
        "how".to_owned(),
        format!("<sub>surgesim {}, {how}; intervals are at 95 %</sub>\n", env!("CARGO_PKG_VERSION")),
    ));
    fit(&sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_verdict_comes_first_and_names_are_plain() {
        let mut results = fixture::two();
        results.scenario = "x|`<script>@me".to_owned();
        let text = run_markdown(&results, &[("base".to_owned(), "flowchart LR\n".to_owned())]);
        assert!(
            text.starts_with("## surgesim: x\\|\\`&lt;script&gt;@\u{2060}me\n\n❌ 2 of 5 checks failed"),
            "{text}"
        );
        assert!(text.contains("| p99 | 812 ms (95 % CI 774 to 851) |"));
        assert!(text.contains("```mermaid\nflowchart LR\n```"));
    }

    #[test]
    fn whatever_there_is_it_fits_a_comment() {
        let mut results = fixture::launch();
        let one = results.variants[0].clone();
        for i in 0..200 {
            let mut more = one.clone();
            more.name = format!("design-{i}-{}", "x".repeat(300));
            results.variants.push(more);
        }
        let text = run_markdown(&results, &[("base".to_owned(), "n".repeat(70_000))]);
        assert!(text.chars().count() <= MOST, "{}", text.chars().count());
        assert!(text.contains("Left out because a comment has no room for it"));
    }
}
