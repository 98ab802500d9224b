//! Floor 3: what goes wrong, when: faults as written, failures at random, and rollouts.

mod fault;
mod random_failures;
mod rollout;
mod rollouts;

pub use fault::{Fault, Verb};
pub use random_failures::RandomFailures;
pub use rollout::{Move, Rollout, RolloutStep, Versions, roll_out};
pub use rollouts::{Planned, rollouts};
