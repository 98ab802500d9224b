//! A pooler as proven.

use crate::base::random::Distribution;
use crate::base::{ComponentId, ResourceId};
use crate::engine::{Demand, SiteId};

/// How long a client's connection keeps the server connection that it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PoolMode {
    /// Until the client closes its own.
    #[default]
    Session,
    /// Until the transaction ends; here a statement is one.
    Transaction,
}

/// Connections to a member of the database, for each caller: a caller is a user of the database.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerPool {
    /// At most, but for the reserve.
    pub size: u32,
    /// Longest wait for one, in seconds; none: without limit.
    pub wait: Option<Distribution>,
    /// Connections beyond `size`.
    pub reserve: u32,
    /// Seconds of waiting after which one of those is given.
    pub reserve_after: f64,
}

/// A pooler.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolerSpec {
    /// The database.
    pub to: ComponentId,
    /// Names of the database's queries, in its order.
    pub queries: Vec<String>,
    /// Processes.
    pub instances: u16,
    /// What a client's connection pins.
    pub mode: PoolMode,
    /// Cores of each process.
    pub cores: f64,
    /// Core time of passing a statement on and its answer back.
    pub cost: Option<Distribution>,
    /// Connections of clients that a process accepts.
    pub max_connections: Option<u32>,
    /// Connections to the database.
    pub pool: ServerPool,
    /// Statements that wait while the database is away: so many, each so many seconds.
    pub hold: Option<(u32, f64)>,
}

/// A caller of a pooler, which is a user of its database.
#[derive(Clone, Debug)]
pub struct User {
    /// Who.
    pub caller: ComponentId,
    /// The site from which its statements go on.
    pub site: SiteId,
    /// By instance of the pooler: its pool as a resource.
    pub pools: Vec<ResourceId>,
}

/// Everything that a running pooler is made from.
#[derive(Clone, Debug)]
pub struct PoolerBuild {
    /// What it is.
    pub spec: PoolerSpec,
    /// Who calls it; at least one.
    pub users: Vec<User>,
    /// By instance.
    pub cpu: Vec<ResourceId>,
    /// Core time of a statement.
    pub cost: Option<Demand>,
    /// The wait for a server connection, where a session waits.
    pub wait: Option<Demand>,
}
