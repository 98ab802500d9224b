//! A comparison of designs, told: which is better, how sure that is, and why.
//!
//! Rule: nothing here decides anything; words and intervals are the experiment's. The text shows the metrics that
//! engineers ask for first and those that changed; the JSON has all.

mod json;
mod markdown;
mod pictures;
mod text;

use super::check::{Check, State, checks};
use super::headline::USUAL;
use super::quantity::{quantity, value};
use super::why::{Why, why};
use crate::experiment::comparison::{Candidate, Comparison, Contender, Difference, Pairing, Word};
use crate::experiment::results::{RunResults, SCHEMA_VERSION, Unit};

pub use markdown::comparison_markdown;
pub use pictures::{overlay_picture, pareto_picture};

/// Other metrics that are shown because they changed, at most.
const MOST_CHANGED: usize = 8;

/// All that a report of a comparison is made from.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonReport<'a> {
    /// What is compared: the scenario's name, or the files'.
    pub title: &'a str,
    /// The designs.
    pub contenders: &'a [Contender],
    /// What came out.
    pub comparison: &'a Comparison,
    /// What the reader must know: files that differ in more than their design.
    pub notices: &'a [String],
    /// Whether all was run.
    pub complete: bool,
}

impl ComparisonReport<'_> {
    fn label(&self, at: usize) -> &str {
        self.contenders.get(at).map_or("", |contender| contender.label.as_str())
    }

    fn reason(&self, candidate: &Candidate) -> Why {
        why(&self.contenders[candidate.baseline].results, &self.contenders[candidate.at].results)
    }

    /// The designs as one set of results, under the names that they have here.
    #[must_use]
    pub fn results(&self) -> RunResults {
        let variants = self.contenders.iter().map(|contender| {
            let mut results = contender.results.clone();
            results.name.clone_from(&contender.label);
            results
        });
        RunResults {
            schema_version: SCHEMA_VERSION,
            scenario: self.title.to_owned(),
            about: String::new(),
            seed: self.contenders.first().map_or(0, |contender| contender.seed),
            complete: self.complete,
            variants: variants.collect(),
        }
    }

    /// How the replications of a candidate belong to the baseline's, in words.
    fn pairing(&self, candidate: &Candidate) -> String {
        match candidate.pairing {
            Pairing::Paired => {
                format!(
                    "{} replications, paired: the same requests with the same luck",
                    candidate.replications
                )
            }
            Pairing::Independent => format!(
                "{} replications each, NOT paired (seeds {} and {}): intervals are wider than they need be",
                candidate.replications,
                self.contenders[candidate.baseline].seed,
                self.contenders[candidate.at].seed
            ),
        }
    }

    /// Each gated metric of each candidate, and the objectives of all, as checks.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mut all = Vec::new();
        for candidate in &self.comparison.candidates {
            let reasons = self.reason(candidate).sentences();
            for row in candidate.rows.iter().filter(|row| row.gated) {
                let mut message = in_words(row);
                let state = if row.regressed {
                    if let Some(first) = reasons.first() {
                        message = format!("{message}; {first}");
                    }
                    State::Failed
                } else if row.word == Word::Worse || matches!(row.word, Word::Unknown(_)) {
                    State::Undecided
                } else {
                    State::Passed
                };
                all.push(Check {
                    group: format!("{} against {}", self.label(candidate.at), self.label(candidate.baseline)),
                    name: format!("no regression of {}", row.metric),
                    state,
                    message,
                    written_at: None,
                });
            }
        }
        all.extend(checks(&self.results()));
        all
    }
}

/// `p99 812 ms -> 1.20 s: +390 ms (+350 to +430 ms), worse`.
fn in_words(row: &Difference) -> String {
    format!(
        "{} {} -> {}{}: {}",
        row.metric,
        value(row.baseline, row.unit),
        value(row.candidate, row.unit),
        change(row).map_or_else(String::new, |change| format!(", {change}")),
        row.word.words()
    )
}

/// A difference. That of two shares is in percentage points, lest it be taken for a share of one of them.
fn signed(x: f64, unit: Unit) -> String {
    let mut text = quantity(x, unit);
    if unit == Unit::Share {
        text = text.replace(" %", " pp");
    }
    if x > 0.0 { format!("+{text}") } else { text }
}

/// The difference with its interval, if there is one.
fn change(row: &Difference) -> Option<String> {
    let difference = signed(row.difference?, row.unit);
    Some(match row.interval {
        Some(i) => format!("{difference} ({} to {})", signed(i.low, row.unit), signed(i.high, row.unit)),
        None => difference,
    })
}

/// `x 1.48 (1.43 to 1.53)`, if there is one.
fn ratio(row: &Difference) -> Option<String> {
    let (ratio, interval) = row.ratio?;
    let digits = if ratio.abs() < 0.1 { 3 } else { 2 };
    Some(format!("x {ratio:.digits$} ({:.digits$} to {:.digits$})", interval.low, interval.high))
}

/// The rows that a report shows: the usual ones, those of a gate, and what changed most.
fn shown(candidate: &Candidate) -> Vec<&Difference> {
    let usual = |row: &&Difference| row.gated || USUAL.contains(&row.metric.as_str());
    let mut rows: Vec<&Difference> = candidate.rows.iter().filter(usual).collect();
    let moved = |row: &&Difference| {
        !usual(row) && !matches!(row.word, Word::Same | Word::Unknown(_)) && !row.metric.contains('[')
    };
    let mut others: Vec<&Difference> = candidate.rows.iter().filter(moved).collect();
    let size = |row: &Difference| {
        let largest = [row.baseline, row.candidate]
            .iter()
            .filter_map(|v| v.number())
            .fold(0.0, |a: f64, b| a.max(b.abs()));
        row.difference.map_or(0.0, |d| if largest > 0.0 { d.abs() / largest } else { 0.0 })
    };
    others.sort_by(|a, b| size(b).total_cmp(&size(a)));
    others.truncate(MOST_CHANGED);
    rows.extend(others);
    rows
}

/// The finding without its numbers, for a headline: `bigger: p99 better; cost_per_million_good worse`.
fn headline(report: &ComparisonReport<'_>, candidate: &Candidate) -> String {
    let of = |word: Word, said: &str| -> Option<String> {
        let rows = candidate.rows.iter().filter(|row| row.word == word && row.gated);
        let names: Vec<&str> = rows.map(|row| row.metric.as_str()).collect();
        (!names.is_empty()).then(|| format!("{} {said}", names.join(", ")))
    };
    let parts: Vec<String> =
        [of(Word::Better, "better"), of(Word::Worse, "worse")].into_iter().flatten().collect();
    let parts = if parts.is_empty() { "nothing surely better or worse".to_owned() } else { parts.join("; ") };
    format!("{}: {parts}", report.label(candidate.at))
}

/// What a picture of all designs shows: the finding of the only candidate, or the names of those that are better
/// than the baseline, worse, or both.
fn standing(report: &ComparisonReport<'_>) -> String {
    if let [candidate] = &report.comparison.candidates[..] {
        return headline(report, candidate);
    }
    let names = |wanted: (bool, bool)| -> String {
        let has = |candidate: &Candidate, word: Word| {
            candidate.rows.iter().any(|row| row.gated && row.word == word)
        };
        let all = report.comparison.candidates.iter();
        let found = all.filter(|c| (has(c, Word::Better), has(c, Word::Worse)) == wanted);
        found.map(|c| report.label(c.at)).collect::<Vec<_>>().join(", ")
    };
    let groups = [
        ("better", names((true, false))),
        ("better and worse", names((true, true))),
        ("worse", names((false, true))),
        ("neither surely", names((false, false))),
    ];
    let parts = groups.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = parts.map(|(word, names)| format!("{word}: {names}")).collect();
    let baseline = report.contenders.first().map_or("", |baseline| baseline.label.as_str());
    format!("Against {baseline}, {}", parts.join("; "))
}

/// One line for a candidate: what is surely better and worse among the metrics of the gate.
fn finding(report: &ComparisonReport<'_>, candidate: &Candidate) -> String {
    let of = |word: Word| -> Vec<String> {
        let rows = candidate.rows.iter().filter(|row| row.word == word && row.gated);
        rows.map(|row| match change(row) {
            Some(change) => format!("{} {change}", row.metric),
            None => format!(
                "{} {} -> {}",
                row.metric,
                value(row.baseline, row.unit),
                value(row.candidate, row.unit)
            ),
        })
        .collect()
    };
    let (better, worse) = (of(Word::Better), of(Word::Worse));
    let open = candidate.rows.iter().filter(|row| row.gated && matches!(row.word, Word::Unknown(_))).count();
    let name = report.label(candidate.at);
    let mut text = match (better.is_empty(), worse.is_empty()) {
        (true, true) if open == 0 => format!("{name}: no difference that matters"),
        (true, true) => format!("{name}: nothing is surely better or worse"),
        (false, true) => format!("{name} is better: {}", better.join(", ")),
        (true, false) => format!("{name} is worse: {}", worse.join(", ")),
        (false, false) => format!("{name} is better in {}; worse in {}", better.join(", "), worse.join(", ")),
    };
    if open > 0 {
        text.push_str(&format!("; {open} can't be told yet"));
    }
    text
}
