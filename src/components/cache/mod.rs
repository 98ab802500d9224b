//! Caches: what they hold and what gives way when they are full.
//!
//! [`store::Store`] is a cache's memory: keys, versions, expiry, capacity; [`eviction`] holds the policies.
//! Neither knows the engine: time and luck are passed in.

pub mod entries;
pub mod eviction;
pub mod store;
