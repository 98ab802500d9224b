//! Content delivery networks: what one place (a point of presence, or the shield behind them) decides.
//!
//! [`edge::Edge`] knows neither the engine nor the network: time is passed in, and whoever waits is a value of
//! the caller's own type.

pub mod edge;
