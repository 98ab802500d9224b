//! Floor 3: what goes wrong, when: faults as written, failures at random, and rollouts.

mod fault;
mod random_failures;
mod rollout;

pub use fault::{Fault, Verb};
pub use random_failures::RandomFailures;
pub use rollout::{Rollout, RolloutStep, Versions};
