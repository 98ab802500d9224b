//! A cache as proven.

use super::eviction::Policy;
use super::store::{ActiveExpiry, Capacity};
use crate::base::ResourceId;
use crate::base::random::{Distribution, Key};
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
    /// Core time of an operation in seconds.
    pub op_cost: Option<Distribution>,
    /// Threads that serve commands, each with a core of its own.
    pub threads: u32,
    /// Connections at most, all nodes together; none: without limit.
    pub max_connections: Option<u32>,
}

/// A cache inside each instance of a service, for rows of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalCacheSpec {
    /// Whose rows.
    pub entity: crate::base::EntityId,
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
