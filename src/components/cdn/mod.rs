//! `kind: cdn`: places that keep copies of answers, a shield behind them, and an origin.
//!
//! [`edge::Edge`] is what one of them decides; it knows neither the engine nor the network: time is passed in,
//! and whoever waits is a value of the caller's own type.

pub mod edge;
pub mod spec;
mod state;

pub use state::Cdn;
