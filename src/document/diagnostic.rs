//! What is wrong with a scenario, gathered: reading and checking go on after a mistake, so that
//! the user learns of all of them at once.

use super::code::{Code, Severity};
use super::place::Place;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where; `None` for a finding about the scenario as a whole.
    pub place: Option<Place>,
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Other places that matter, each with a word on why.
    pub labels: Vec<(Place, String)>,
    /// What to do, in one line; empty if there is nothing to say.
    pub help: String,
}

impl Diagnostic {
    /// A finding at a place, as bad as its code says.
    #[must_use]
    pub fn new(code: Code, place: impl Into<Option<Place>>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            code,
            severity: code.severity(),
            message: message.into(),
            labels: Vec::new(),
            help: String::new(),
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Points at another place as well.
    #[must_use]
    pub fn label(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push((place, text.into()));
        self
    }
}

/// The longest message; a name in it can be as long as a file.
const LONGEST: usize = 1_000;

fn cut(text: &mut String) {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
}

/// All findings of a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a finding.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        cut(&mut diagnostic.message);
        cut(&mut diagnostic.help);
        self.all.push(diagnostic);
    }

    /// Takes in a finding with its help; shorthand for [`Self::push`].
    pub fn add(
        &mut self,
        code: Code,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::new(code, place, message).help(help));
    }

    /// Takes in all findings of another reading.
    pub fn append(&mut self, other: Self) {
        self.all.extend(other.all);
    }

    /// Whether nothing at all was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether the scenario cannot run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|d| d.severity == Severity::Error)
    }

    /// The findings by place, each once: variants read the same lines, and find the same there.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort();
        all.dedup();
        all
    }

    /// How many errors and how many warnings there are, each counted once.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let sorted = self.sorted();
        let errors = sorted.iter().filter(|d| d.severity == Severity::Error).count();
        (errors, sorted.len() - errors)
    }
}

/// Comparing spellings is slow, and a file may hold thousands of unknown words.
const MOST_COMPARED: usize = 500;

/// The candidate that is spelt most like `word`, if any is close enough to be meant.
#[must_use]
pub(super) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    if word.len() > 200 {
        return None;
    }
    candidates
        .into_iter()
        .take(MOST_COMPARED)
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
            let longest = word.chars().count().max(candidate.chars().count());
            (distance * 5 <= longest * 2 && distance < longest).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The help for a word that is none of `candidates`: the closest one, or a list of them.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(close) = closest(word, candidates.clone()) {
        return format!("did you mean `{close}`?");
    }
    let all: Vec<_> = candidates.into_iter().collect();
    match all.len() {
        0 => "there are none".to_owned(),
        1 => format!("the only choice is `{}`", all[0]),
        n if n > 30 => format!("there are {n}, among them {}", listed(&all[..8])),
        _ => format!("possible: {}", listed(&all)),
    }
}

/// `a, b, c` in code quotes.
fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_help_is_given_only_when_close() {
        assert_eq!(did_you_mean("wrokers", ["cpu", "workers"]), "did you mean `workers`?");
        assert_eq!(did_you_mean("banana", ["cpu", "workers"]), "possible: `cpu`, `workers`");
        assert_eq!(did_you_mean("x", std::iter::empty()), "there are none");
    }

    #[test]
    fn the_same_finding_counts_once() {
        let mut found = Diagnostics::new();
        found.add(Code::NothingToRun, None, "no clients", "add one");
        found.add(Code::NothingToRun, None, "no clients", "add one");
        found.add(Code::Unreachable, None, "idle", "");
        assert_eq!(found.counts(), (1, 1));
        assert!(found.has_errors());
    }
}
