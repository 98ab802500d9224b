//! A cache as proven.

use super::eviction::Policy;
use super::store::{ActiveExpiry, Capacity};
use crate::base::random::{Distribution, Key};
use crate::base::{EntityId, ResourceId};
use crate::engine::{Demand, Placement};

/// A distributed cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// Nodes.
    pub nodes: u16,
    /// Which node keeps which key.
    pub placement: Placement,
    /// How much one node holds.
    pub capacity: Capacity,
    /// What gives way when a node is full.
    pub eviction: Policy,
    /// Seconds for which an item is kept where a step says nothing else; none: for ever.
    pub ttl: Option<Distribution>,
    /// How dead items are found without a read.
    pub active_expiry: Option<ActiveExpiry>,
    /// What it holds at the start: so many of the hottest rows of an entity.
    pub warm: Vec<(EntityId, u64)>,
    /// How acknowledged writes get to the store.
    pub write_back: WriteBack,
    /// Core time of an operation in seconds.
    pub op_cost: Option<Distribution>,
    /// Threads that serve commands, each with a core of its own.
    pub threads: u32,
    /// Connections at most of each node, counted over all of them; none: without limit.
    pub max_connections: Option<u32>,
}

/// How a cache writes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WriteBack {
    /// From the first write that the store does not have to its writing back.
    pub flush: crate::base::SimDuration,
    /// Rows written back at once; so many waiting are written back without delay.
    pub batch: usize,
}

impl Default for WriteBack {
    /// A second, as Redis' `appendfsync everysec` gives away, and a hundred rows (our choice).
    fn default() -> Self {
        Self { flush: crate::base::SimDuration::from_secs(1), batch: 100 }
    }
}

/// A cache inside each instance of a service, for rows of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalCacheSpec {
    /// Whose rows.
    pub entity: EntityId,
    /// How much it holds.
    pub capacity: Capacity,
    /// What gives way when it is full.
    pub eviction: Policy,
    /// Seconds for which an item is kept where a step says nothing else; none: for ever.
    pub ttl: Option<Distribution>,
}

/// Everything that a running cache is made from.
#[derive(Clone, Debug)]
pub struct CacheBuild {
    /// What it is.
    pub spec: CacheSpec,
    /// By node: its core.
    pub cpu: Vec<ResourceId>,
    /// By node: its memory.
    pub stores: Vec<ResourceId>,
    /// How long an item is kept.
    pub ttl: Option<Demand>,
    /// Core time of an operation.
    pub op_cost: Option<Demand>,
    /// The stream of whatever it draws itself.
    pub key: Key,
}
