//! A database as proven.

use crate::base::random::{Distribution, Key};
use crate::base::{EntityId, ResourceId};
use crate::engine::{Demand, Layout, ReadRoute};
use crate::queueing::Contention;

/// Whose key places a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The row that the caller names.
    Own,
    /// The row that the caller names is one of this entity.
    Row(EntityId),
    /// No row: every shard has a part of the answer.
    All,
}

/// One class of statements.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// Its name.
    pub name: String,
    /// What it reads or writes.
    pub entity: Option<EntityId>,
    /// Whether it writes.
    pub writes: bool,
    /// Whose key places it.
    pub by: By,
    /// Core time in seconds.
    pub cpu: Distribution,
    /// Disk time in seconds, on one token.
    pub io: Option<Distribution>,
    /// Bytes of write-ahead log.
    pub wal: Option<Distribution>,
    /// The entity whose row it locks until it has committed.
    pub lock: Option<EntityId>,
}

/// Replaying a write takes a third of what the write took on the primary (not verified; measure yours).
pub const SHARE_OF_APPLYING: f64 = 1.0 / 3.0;

/// What a commit waits for at the replicas.
#[derive(Clone, Debug, PartialEq)]
pub enum Replication {
    /// Nothing.
    Async,
    /// So many have received it; after `patience` seconds without them, nothing any more until they are there.
    SemiSync {
        /// Replicas.
        acknowledgements: u16,
        /// Seconds.
        patience: f64,
    },
    /// So many have it.
    Sync {
        /// Replicas.
        acknowledgements: u16,
        /// What having it means.
        level: Level,
    },
    /// A majority of all members, the primary among them, has received it.
    Quorum,
    /// All members read the same storage: nothing is sent, replayed or lost; so many seconds pass until a
    /// replica sees it.
    SharedStorage(Distribution),
}

/// When a replica says that it has a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Level {
    /// Received.
    Write,
    /// On its disk.
    #[default]
    Flush,
    /// Applied, so that readers see it.
    Apply,
}

/// The replicas of a primary, of each one where there are shards.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaSpec {
    /// How many.
    pub count: u16,
    /// Cores of each.
    pub cores: f64,
    /// What a commit waits for.
    pub mode: Replication,
    /// Threads that apply the log.
    pub threads: u16,
    /// Core time of applying one write; none: a third of what the write took.
    pub cost: Option<Distribution>,
    /// Who answers reads.
    pub route: ReadRoute,
    /// Zones of the replicas in turn; empty: those of the database go on.
    pub zones: Vec<String>,
}

/// What happens when a primary is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct FailoverSpec {
    /// Seconds until it is noticed.
    pub detect: f64,
    /// Seconds of election and promotion.
    pub promote: f64,
    /// Seconds for which callers go on asking the old one at most.
    pub dns_ttl: f64,
    /// Whether an old primary that lives is stopped.
    pub fencing: bool,
    /// Statements that wait for the new one: so many, so many seconds.
    pub buffer: Option<(u32, f64)>,
}

impl Default for FailoverSpec {
    /// 10 s and 20 s: Patroni and Orchestrator take 10 to 40 s in all (common practice, not verified).
    fn default() -> Self {
        Self { detect: 10.0, promote: 20.0, dns_ttl: 0.0, fencing: true, buffer: None }
    }
}

/// A database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseSpec {
    /// Cores of each primary.
    pub cores: f64,
    /// Connections at most.
    pub max_connections: Option<u32>,
    /// Disk operations at once; none: unlimited.
    pub io: Option<u32>,
    /// Seconds that a flush of the log takes; one flush commits all that wait for it.
    pub commit: Option<Distribution>,
    /// Bytes per second at which the log is written.
    pub wal_bandwidth: Option<f64>,
    /// Longest wait for a row lock in seconds; none: without limit.
    pub lock_timeout: Option<f64>,
    /// Loss of efficiency by jobs beyond the cores.
    pub contention: Option<Contention>,
    /// Its replicas.
    pub replicas: Option<ReplicaSpec>,
    /// What happens when a primary is lost; none: nothing.
    pub failover: Option<FailoverSpec>,
    /// Statements.
    pub queries: Vec<QuerySpec>,
}

/// A statement with its streams.
#[derive(Clone, Debug)]
pub struct Query {
    /// What it reads or writes.
    pub entity: Option<EntityId>,
    /// Whether it writes.
    pub writes: bool,
    /// Core time.
    pub cpu: Demand,
    /// Disk time.
    pub io: Option<Demand>,
    /// Bytes of log.
    pub wal: Option<Demand>,
    /// The row lock.
    pub lock: Option<EntityId>,
}

/// The resources of one member.
#[derive(Clone, Copy, Debug)]
pub struct MemberResources {
    /// Cores.
    pub cpu: ResourceId,
    /// Disk tokens.
    pub io: ResourceId,
    /// The log.
    pub wal: ResourceId,
    /// Row locks.
    pub locks: ResourceId,
}

/// Everything that a running database is made from.
#[derive(Clone, Debug)]
pub struct DatabaseBuild {
    /// What it is.
    pub spec: DatabaseSpec,
    /// Its statements.
    pub queries: Vec<Query>,
    /// A flush of the log.
    pub commit: Option<Demand>,
    /// By member.
    pub members: Vec<MemberResources>,
    /// Core time of applying one write.
    pub apply: Option<Demand>,
    /// How long a replica sees a write later, where storage is shared.
    pub shared_lag: Option<Demand>,
    /// The way between its members, an index into the plan's paths; none: it takes no time.
    pub path: Option<u32>,
    /// By member: its lag, if it is a replica.
    pub lags: Vec<Option<ResourceId>>,
    /// By shard: its outages.
    pub outages: Vec<ResourceId>,
    /// The stream of whatever it draws itself.
    pub key: Key,
}

impl DatabaseSpec {
    /// Its members.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout { shards: 1, replicas: self.replicas.as_ref().map_or(0, |replicas| replicas.count) }
    }

    /// Cores of a member.
    #[must_use]
    pub fn cores_of(&self, member: u16) -> f64 {
        let replica = self.layout().replica_of(member).and(self.replicas.as_ref());
        replica.map_or(self.cores, |replicas| replicas.cores)
    }
}
