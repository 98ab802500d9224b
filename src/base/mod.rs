//! Floor 0: time, units, ids, names and random streams. Everything above may use it; it uses nothing.

mod ids;
pub mod random;
mod time;

pub use ids::{ComponentId, EntityId, OperationId, PolicyId, ResourceId, ZoneId};
pub use time::{NANOS_PER_SEC, SimDuration, SimTime};
