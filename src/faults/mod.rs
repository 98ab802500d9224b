//! Floor 3: what goes wrong, when: the schedule of faults, failures at random, and rollouts.

mod random_failures;
mod rollout;
mod schedule;

pub use random_failures::RandomFailures;
pub use rollout::{Rollout, RolloutStep, Versions};
pub use schedule::{Edge, Fault, Place, Schedule, Verb};
