//! Caches: what they hold and what gives way when they are full.
//!
//! [`store::Store`] is a cache's memory: keys, versions, expiry, capacity; [`eviction`] holds the policies.
//! Neither knows the engine: time and luck are passed in. [`Cache`] is `kind: cache`, nodes of such memories
//! that are called; a service keeps a memory of its own in each instance.
//!
//! ```
//! use surgesim::base::{SimTime, random::Key};
//! use surgesim::components::cache::entries::Value;
//! use surgesim::components::cache::eviction::Policy;
//! use surgesim::components::cache::store::{Capacity, Lookup, Store};
//!
//! let mut store = Store::new(Capacity::bytes(1_000_000), Policy::S3Fifo, Key::root(1, 0));
//! let (fetched, expiry) = (SimTime::from_secs_f64(2.0), SimTime::from_secs_f64(62.0));
//! assert_eq!(store.get(42, fetched), Lookup::Miss);
//! store.put(42, 230, Value { version: 7, expiry }, fetched);
//! assert!(matches!(store.get(42, SimTime::from_secs_f64(61.9)), Lookup::Hit(Value { version: 7, .. })));
//! assert_eq!(store.get(42, expiry), Lookup::Expired);
//! ```

mod durability;
pub mod entries;
pub mod eviction;
pub mod freshness;
mod read_through;
pub mod spec;
mod state;
pub mod store;
mod write_back;

pub use state::{Cache, FETCHED, HELD, LEASE, MISS, REMEMBERED, SPENT, STALE};

#[cfg(test)]
mod replicated;
