//! Floor 6: replications, their confidence, and the results of a run.

pub mod results;
