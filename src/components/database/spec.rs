//! A database as proven.

use crate::base::random::Distribution;
use crate::base::{EntityId, ResourceId};
use crate::engine::Demand;
use crate::queueing::Contention;

/// One class of statements.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// Its name.
    pub name: String,
    /// What it reads or writes.
    pub entity: Option<EntityId>,
    /// Whether it writes.
    pub writes: bool,
    /// Core time in seconds.
    pub cpu: Distribution,
    /// Disk time in seconds, on one token.
    pub io: Option<Distribution>,
    /// Bytes of write-ahead log.
    pub wal: Option<Distribution>,
    /// The entity whose row it locks until it has committed.
    pub lock: Option<EntityId>,
}

/// A database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseSpec {
    /// Cores.
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
    /// How often in seconds a running statement looks whether its client is still there; none: never.
    pub connection_check: Option<f64>,
    /// Loss of efficiency by jobs beyond the cores.
    pub contention: Option<Contention>,
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

/// Everything that a running database is made from.
#[derive(Clone, Debug)]
pub struct DatabaseBuild {
    /// What it is.
    pub spec: DatabaseSpec,
    /// Its statements.
    pub queries: Vec<Query>,
    /// A flush of the log.
    pub commit: Option<Demand>,
    /// Cores.
    pub cpu: ResourceId,
    /// Disk tokens.
    pub io: ResourceId,
    /// The log.
    pub wal: ResourceId,
    /// Row locks.
    pub locks: ResourceId,
}
