//! Floor 7: what a run found, for people and for programs.

pub mod chart;
