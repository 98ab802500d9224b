//! A log as proven.

use super::partitioner::Keyless;
use super::producer::Producing;
use super::replicas::{Acks, Replication};
use super::settings::{Consuming, Settings};
use crate::base::random::{Distribution, Key};
use crate::base::{ComponentId, EntityId, ResourceId};
use crate::engine::{Demand, SiteId};

/// `kind: queue` of the family `log`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSpec {
    /// Partitions and retention.
    pub settings: Settings,
    /// The entity whose row is the key of a record; none: without a key.
    pub key: Option<EntityId>,
    /// How records without a key are spread.
    pub keyless: Keyless,
    /// When a producer is told.
    pub acks: Acks,
    /// Batches of producers.
    pub producing: Producing,
    /// Copies of each partition.
    pub replication: Replication,
    /// Seconds until a follower has a batch that its leader has.
    pub replication_delay: Option<Distribution>,
    /// How each group consumes.
    pub consuming: Consuming,
}

/// One group of consumers: all instances of a worker.
#[derive(Clone, Debug)]
pub struct GroupBuild {
    /// The worker.
    pub worker: ComponentId,
    /// Where it is called from.
    pub site: SiteId,
    /// Consumers of each instance.
    pub concurrency: u32,
    /// Instances there can ever be.
    pub instances: u16,
    /// Its records that were not read; the times that they waited.
    pub backlog: ResourceId,
    /// Times from the sending of a record to the end of its work.
    pub completion: ResourceId,
    /// Partitions that nobody reads.
    pub stopped: ResourceId,
    /// Age in milliseconds of the oldest record that was not read.
    pub age: ResourceId,
    /// Records beyond the stored offsets.
    pub lag: ResourceId,
}

/// A log ready to be made.
#[derive(Clone, Debug)]
pub struct LogBuild {
    /// What is written.
    pub spec: LogSpec,
    /// Who reads it.
    pub groups: Vec<GroupBuild>,
    /// The time of replication.
    pub replication_delay: Option<Demand>,
    /// The stream of everything that is drawn.
    pub key: Key,
}
