//! Floor 6: replications, their confidence, and the results of a run.

pub mod aggregate;
pub mod cache_study;
pub mod comparison;
pub mod confidence;
pub mod design_space;
pub mod fit;
pub mod knee;
pub mod moment;
mod pilot;
pub mod pooled;
mod replicate;
pub mod results;
pub mod sampled;
pub mod search;
pub mod sequential;
pub mod warm_up;

pub mod simulation;

pub use pilot::{Pilot, pilot};
pub use replicate::{Replicated, replicate, replicate_range};
