//! Queueing theory as scenarios: expected values come from `tests/data/cases.json`, and `table` says for
//! each of its cases where it is tested or what it waits for. `SURGESIM_THEORY=1 cargo test theory --
//! --nocapture` prints how far each value lies from its truth.

mod availability;
mod caches;
mod cases;
mod closed_networks;
mod databases;
mod fan_out;
mod formulas;
mod golden_traces;
mod load_balancing;
mod many_servers;
mod open_networks;
mod priorities;
mod processor_sharing;
mod retries_and_timeouts;
mod rule;
mod single_station;
mod statistics;
mod table;
mod transients;
mod watch;

pub use cases::expected;
