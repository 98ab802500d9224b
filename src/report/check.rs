//! What a machine that runs tests wants to know: a list of checks, each passed, failed or undecided, with a
//! message that a reviewer understands. JUnit, GitHub's annotations and Markdown are written from it.

use super::quantity;
use crate::experiment::results::{Judgement, RunResults, Verdict};

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// The interval reaches across the limit.
    Undecided,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// The design (and what it is compared with).
    pub group: String,
    /// What was asked.
    pub name: String,
    /// How it came out.
    pub state: State,
    /// What was found, in one line.
    pub message: String,
    /// The file and the line that ask for it, where they are known.
    pub written_at: Option<(String, u32)>,
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Met => Self::Passed,
            Verdict::Missed => Self::Failed,
            Verdict::Inconclusive => Self::Undecided,
        }
    }
}

/// An objective or an expectation as it is written.
pub(super) fn written(judgement: &Judgement) -> String {
    match &judgement.during {
        Some(window) => format!("{} during {window}", judgement.text),
        None => judgement.text.clone(),
    }
}

/// The objectives and expectations of all designs.
#[must_use]
pub fn checks(results: &RunResults) -> Vec<Check> {
    let mut all = Vec::new();
    for variant in &results.variants {
        let objectives = variant.objectives.iter().map(|j| (j, "objective"));
        for (judgement, kind) in objectives.chain(variant.expectations.iter().map(|j| (j, "expectation"))) {
            let held = judgement.held.iter().filter(|held| **held).count();
            let mut message = format!(
                "{kind} {}: found {}, held in {held} of {} replications",
                judgement.verdict.word(),
                quantity::estimate(&judgement.value),
                judgement.held.len()
            );
            if judgement.verdict == Verdict::Inconclusive {
                message.push_str("; more replications would tell");
            }
            all.push(Check {
                group: variant.name.clone(),
                name: written(judgement),
                state: judgement.verdict.into(),
                message,
                written_at: judgement.written_at.clone(),
            });
        }
    }
    all
}
