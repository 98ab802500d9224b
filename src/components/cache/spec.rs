//! A cache as proven.

use super::eviction::Policy;
use super::store::{ActiveExpiry, Capacity};
use crate::base::random::{Distribution, Key};
use crate::base::{ComponentId, EntityId, OperationId, ResourceId, SimDuration};
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
    /// The query by which it fetches by itself rows of an entity that it does not have.
    pub read_through: Vec<(EntityId, ComponentId, OperationId)>,
    /// Seconds for which it remembers that a row that it fetched does not exist; none: it does not.
    pub negative_ttl: Option<Distribution>,
    /// Entities of whose commits it hears, to take copies out.
    pub change_feeds: Vec<(EntityId, ChangeFeed)>,
    /// What survives a node.
    pub durability: Durability,
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
    pub flush: SimDuration,
    /// Rows written back at once; so many waiting are written back without delay.
    pub batch: usize,
}

impl Default for WriteBack {
    /// A second, as Redis' `appendfsync everysec` gives away, and a hundred rows (our choice).
    fn default() -> Self {
        Self { flush: SimDuration::from_secs(1), batch: 100 }
    }
}

/// How messages about commits come.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ChangeFeed {
    /// Seconds from the commit to the message.
    pub delay: Option<Distribution>,
    /// The share of messages that are lost.
    pub lost: f64,
}

/// When what was written is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AppendOnly {
    /// Never.
    #[default]
    Off,
    /// Once a second.
    EverySecond,
    /// Before the command is answered.
    Always,
}

/// What of a node's memory survives its end.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Durability {
    /// From one snapshot of all items to the next.
    pub snapshot: Option<SimDuration>,
    /// The log of all writes.
    pub append_only: AppendOnly,
    /// How long a node stands still when a snapshot begins (its process is forked).
    pub fork: SimDuration,
    /// Bytes per second at which a node that starts reads back what it had; none: at once.
    pub load: Option<f64>,
    /// Copies of each node on machines of their own.
    pub replicas: u16,
    /// How far they are behind.
    pub lag: SimDuration,
    /// From a node's end to the promotion of one of them.
    pub failover: SimDuration,
}

impl Durability {
    /// Whether anything survives.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.snapshot.is_some() || self.append_only != AppendOnly::Off || self.replicas > 0
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
    /// How each instance hears of commits, to take copies out.
    pub change_feed: Option<ChangeFeed>,
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
    /// How long it remembers that a row does not exist.
    pub negative_ttl: Option<Demand>,
    /// Core time of an operation.
    pub op_cost: Option<Demand>,
    /// The stream of whatever it draws itself.
    pub key: Key,
}
