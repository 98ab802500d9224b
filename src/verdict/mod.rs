//! Floor 7: whether a design does what is asked of it.
//!
//! Rules: an objective is judged on the 95 % interval over replications of the difference between its two
//! sides: met if the whole interval is on the right side, missed if none of it is, else inconclusive; with
//! one replication, on its value. An expectation is a promise about every single run: met only if it holds
//! on each replication's own values. Where a value is `never` or absent there is no interval: the objective is
//! met if it holds in every replication, missed if in none, else inconclusive.

mod error_budget;
mod judge;

pub use error_budget::error_budgets;
pub use judge::{Clause, confidence_of_miss, expectation, objective, objective_at};

#[cfg(test)]
mod tests;
