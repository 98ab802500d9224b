//! Closed forms of queueing theory: what `check` forecasts with, and what the engine is tested against.
//!
//! Times are in the unit of the rates' inverse; loads are in Erlangs (arrival rate x mean service time).
//! Each is held to published values in `tests/it/theory/formulas.rs`, and to its limiting cases beside it.

mod abandonment;
mod closed;
mod fan_out;
mod load_balancing;
mod many_servers;
mod priorities;
mod retries;
mod single_server;

pub use abandonment::{Abandonment, erlang_a, fixed_patience};
pub use closed::{
    ClassOfNetwork, ClosedNetwork, ClosedStation, mean_value_analysis, two_class_mean_value_analysis,
};
pub use fan_out::{exponential_order_statistic, fork_join_mean, kth_of_n_by};
pub use load_balancing::{looks_until_free, power_of_choices_mean};
pub use many_servers::{Mmc, Mmck, erlang_b, erlang_c};
pub use priorities::{PriorityClass, preemptive_sojourns, priority_waits};
pub use retries::{attempts_per_request, retrial_sojourn};
pub use single_server::{
    batch_mean_number, gim1_sigma, md1_wait_at_most, mg1_mean_wait, mm1_asymptotic_variance, mm1_busy_period,
    mm1_sharing,
};
