//! A database as proven.

use super::capacity_units::{Throughput, Units};
use crate::base::random::{Distribution, Key};
use crate::base::{EntityId, OperationId, ResourceId};
use crate::engine::partitioner::Partitioning;
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
    /// Pages that it looks at; none: one, if it is about rows.
    pub pages: Option<Distribution>,
    /// Bytes of write-ahead log.
    pub wal: Option<Distribution>,
    /// The entity whose row it locks until it has committed.
    pub lock: Option<EntityId>,
    /// Neighbouring rows that one lock covers; 1: the row alone.
    pub lock_range: u64,
    /// How many copies must have answered.
    pub consistency: Consistency,
}

/// How a transaction is committed that has written at several shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CrossShard {
    /// All shards or none, by two-phase commit.
    #[default]
    TwoPhases,
    /// One after the other: a failure leaves it half done.
    BestEffort,
}

/// Where deadlocks are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Deadlocks {
    /// Within each member.
    #[default]
    Local,
    /// Also across shards.
    Global,
}

/// How many copies of a row must have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// The one that has it, as it is.
    Strong,
    /// Any, as it was a little ago: half the capacity units.
    Eventual,
    /// One copy.
    One,
    /// More than half of all.
    Quorum,
    /// More than half of those in the zone of the node that was asked.
    LocalQuorum,
    /// All.
    All,
}

/// Throughput that a table was given.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacitySpec {
    /// The entity whose key says which partition.
    pub by: EntityId,
    /// Partitions.
    pub partitions: u16,
    /// What each can do at all.
    pub partition: Units,
    /// What the table was promised.
    pub throughput: Throughput,
    /// How old what an eventually consistent read sees can be, in seconds.
    pub eventual_lag: Option<Distribution>,
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
    /// Seconds for which reads may hold up the replay of what removes rows that they need; none: as long as they
    /// take.
    pub conflict_delay: Option<f64>,
}

/// What nodes do on their own.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BackgroundSpec {
    /// Writing changed pages to the disk.
    pub checkpoint: Option<CheckpointSpec>,
    /// Removing dead rows.
    pub vacuum: Option<VacuumSpec>,
    /// Merging sorted files (LSM trees).
    pub compaction: Option<CompactionSpec>,
}

/// Writing changed pages to the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointSpec {
    /// Seconds from one to the next.
    pub every: f64,
    /// The part of that time over which it is spread.
    pub target: f64,
    /// Whether the first change of a page afterwards writes all of it to the log.
    pub full_pages: bool,
}

/// Removing dead rows.
#[derive(Clone, Debug, PartialEq)]
pub struct VacuumSpec {
    /// Seconds between looks.
    pub every: f64,
    /// Dead rows beyond which it begins, as a share of all rows.
    pub scale: f64,
    /// And so many more.
    pub threshold: u64,
    /// Pages a second.
    pub speed: f64,
    /// Core time of a page.
    pub cpu: Option<Distribution>,
}

/// Merging sorted files.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactionSpec {
    /// Bytes that are collected before it begins.
    pub buffer: f64,
    /// Bytes that are rewritten for each byte written.
    pub amplification: f64,
    /// Bytes a second.
    pub speed: f64,
    /// Bytes owed beyond which writes wait.
    pub stall: f64,
    /// Core time of a megabyte.
    pub cpu: Option<Distribution>,
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

/// The shards of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardSpec {
    /// The entity whose key places rows.
    pub by: EntityId,
    /// Others whose own keys place rows on the same shards.
    pub also: Vec<EntityId>,
    /// Entities of which every shard has all rows.
    pub reference: Vec<EntityId>,
    /// How.
    pub how: Partitioning,
    /// Shards at the start.
    pub count: u16,
    /// More shards later, while requests go on.
    pub grow: Option<GrowSpec>,
    /// Round-trip time between shards in seconds; none: no time.
    pub round_trip: Option<Distribution>,
    /// Core time that putting the answers of all shards together takes whoever asked them.
    pub merge: Option<Distribution>,
    /// Whether an answer without the part of a shard that failed is an answer.
    pub partial: bool,
    /// How transactions are committed that have written at several shards.
    pub cross_shard: CrossShard,
    /// Where deadlocks are looked for.
    pub deadlocks: Deadlocks,
    /// Nodes that have each row.
    pub copies: u16,
    /// Seconds for which writes are kept for a node that is down; none: they are not.
    pub hints: Option<f64>,
}

/// Growing while requests go on.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowSpec {
    /// When, in seconds.
    pub at: f64,
    /// Shards afterwards.
    pub to: u16,
    /// Bytes a second that leave each shard at most; none: as fast as it can.
    pub copy: Option<f64>,
    /// Core time for each megabyte, at both ends.
    pub copy_cpu: Option<Distribution>,
    /// How long writes to what has moved are held back at the end, in seconds.
    pub cutover_block: f64,
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
    /// Seconds that a transaction waits for a row before it looks for a deadlock.
    pub deadlock_timeout: f64,
    /// How often in seconds a running statement looks whether its client is still there; none: never.
    pub connection_check: Option<f64>,
    /// Longest time for one statement in seconds; none: without limit.
    pub statement_timeout: Option<f64>,
    /// Bytes of memory for pages; none: all data are in memory.
    pub memory: Option<f64>,
    /// Disk operations a second; none: as many as asked for.
    pub iops: Option<f64>,
    /// Loss of efficiency by jobs beyond the cores.
    pub contention: Option<Contention>,
    /// Throughput that is sold by units.
    pub capacity: Option<CapacitySpec>,
    /// Its replicas.
    pub replicas: Option<ReplicaSpec>,
    /// How its rows are divided.
    pub shards: Option<ShardSpec>,
    /// What happens when a primary is lost; none: nothing.
    pub failover: Option<FailoverSpec>,
    /// What each node does on its own.
    pub background: Option<BackgroundSpec>,
    /// Core time that a new connection takes in seconds: a process or thread, and authentication.
    pub connect: Option<Distribution>,
    /// Whether transactions of several statements are asked of it.
    pub transactional: bool,
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
    /// Pages.
    pub pages: Option<Demand>,
    /// Whose popularity says which pages: an index into [`DatabaseBuild::kept`].
    pub kept: Option<usize>,
    /// Bytes of log.
    pub wal: Option<Demand>,
    /// The row lock.
    pub lock: Option<EntityId>,
    /// Rows that it covers.
    pub lock_range: u64,
    /// How many copies must have answered.
    pub consistency: Consistency,
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
    /// What shards take.
    pub shards: Option<ShardBuild>,
    /// What lies on the disk and is read through memory.
    pub kept: Vec<Kept>,
    /// Core time of an operation of checkpoints, vacuum and compaction (there of a megabyte).
    pub background_cpu: [Option<Demand>; 3],
    /// Core time of a new connection.
    pub connect: Option<Demand>,
    /// The operation that commits a transaction, if there are any.
    pub commit_operation: Option<OperationId>,
    /// Whether a transaction is in doubt.
    pub in_doubt: Option<ResourceId>,
    /// By member: its zone, a number of its own; empty: all are in one.
    pub zones: Vec<u16>,
    /// How old what an eventually consistent read sees is.
    pub eventual_lag: Option<Demand>,
}

/// Rows that are asked for by the popularity of some entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// The rows.
    pub rows: EntityId,
    /// Mean bytes of one.
    pub bytes: f64,
    /// Whose popularity: the entity itself, or the one whose key places it.
    pub by: EntityId,
    /// Whether every shard has a part that is read, whatever the key.
    pub scanned: bool,
}

/// What runs between shards.
#[derive(Clone, Debug)]
pub struct ShardBuild {
    /// Round trips.
    pub round_trip: Option<Demand>,
    /// Putting answers together.
    pub merge: Option<Demand>,
    /// Copying a megabyte.
    pub copy_cpu: Option<Demand>,
    /// What lies on the shards: entities, with the mean size of their rows.
    pub stored: Vec<(EntityId, f64)>,
}

impl DatabaseSpec {
    /// Its members.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let shards =
            self.shards.as_ref().map_or(1, |shards| shards.grow.as_ref().map_or(shards.count, |g| g.to));
        Layout { shards, replicas: self.replicas.as_ref().map_or(0, |replicas| replicas.count) }
    }

    /// How many members do the work of a statement: each shard its part of one for all, each copy that is written
    /// or must be read. What replicas replay is not among it.
    #[must_use]
    pub fn members_for(&self, query: &QuerySpec) -> f64 {
        let Some(shards) = &self.shards else { return 1.0 };
        let copies = f64::from(shards.copies.max(1));
        match (query.by, query.consistency) {
            (By::All, _) => f64::from(shards.count),
            _ if query.writes => copies,
            (_, Consistency::All) => copies,
            // More than half; of those of one zone, at most as many.
            (_, Consistency::Quorum | Consistency::LocalQuorum) => f64::from(shards.copies / 2 + 1),
            (_, Consistency::Strong) if shards.copies > 1 => f64::from(shards.copies / 2 + 1),
            _ => 1.0,
        }
    }

    /// Disk operations at once: enough that one takes about a millisecond, unless that is written.
    #[must_use]
    pub fn channels(&self) -> Option<u32> {
        self.io.or_else(|| self.iops.map(|iops| libm::round(iops / 1000.0).clamp(1.0, 1e6) as u32))
    }

    /// Seconds of one disk operation.
    #[must_use]
    pub fn operation(&self) -> f64 {
        match (self.iops, self.channels()) {
            (Some(iops), Some(channels)) => f64::from(channels) / iops,
            _ => 0.001,
        }
    }

    /// Cores of a member.
    #[must_use]
    pub fn cores_of(&self, member: u16) -> f64 {
        let replica = self.layout().replica_of(member).and(self.replicas.as_ref());
        replica.map_or(self.cores, |replicas| replicas.cores)
    }
}
