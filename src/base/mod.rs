//! Floor 0: time, units, ids, names and random streams. Everything above may use it; it uses nothing.

pub mod random;
mod time;

pub use time::{NANOS_PER_SEC, SimDuration, SimTime};
