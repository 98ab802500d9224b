//! What the process says when it ends.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, nothing missed |
//! | 1 | could not finish: a file that cannot be written, a budget spent |
//! | 2 | wrong usage |
//! | 3 | the scenario is wrong |
//! | 4 | an expectation or an objective is missed; no design fits |
//! | 5 | `compare --fail-on` tripped |
//! | 6 | a sweep is incomplete |
//! | 130 | interrupted |
//!
//! If several hold, the order is 130, 1, 3, 5, 4.

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Could not finish.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// The scenario is wrong.
    BadScenario = 3,
    /// A claim is missed.
    Missed = 4,
    /// A gate of `compare` tripped.
    Regressed = 5,
    /// A sweep has points left to run.
    Incomplete = 6,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
