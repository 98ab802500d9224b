//! Floor 6: replications, their confidence, and the results of a run.

pub mod aggregate;
pub mod cache_study;
pub mod confidence;
mod replicate;
pub mod results;
pub mod warm_up;

pub mod simulation;

pub use replicate::{Replicated, replicate};
