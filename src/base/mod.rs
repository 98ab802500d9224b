//! Floor 0: time, units, ids, names and random streams. Everything above may use it; it uses nothing.

mod digest;
mod ids;
pub mod random;
mod time;
mod units;

pub use digest::Digest;
pub use ids::{ComponentId, EntityId, OperationId, PolicyId, ResourceId, ZoneId};
pub use time::{NANOS_PER_SEC, SimDuration, SimTime};
pub use units::{
    Bandwidth, Bytes, Cores, Factor, Growth, HOURS_OF_A_MONTH, Money, Price, PriceUnit, Rate, Ratio,
};
