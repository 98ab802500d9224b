//! Floor 2: the contract of a component.

mod outcome;
mod probe;

pub use outcome::{Outcome, Reason};
pub use probe::{Blind, Finished, Observation, Probe};
