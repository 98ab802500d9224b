//! What can be measured of a model: its components, clients, resources and entities, by name.
//! Built once when a model is assembled; the recorder, the vocabulary and the report read it.

use super::bill::BillItem;
use crate::base::{ComponentId, EntityId, ResourceId, SimTime};
use crate::engine::Layout;

/// What a resource is to its component.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Cores.
    Cpu,
    /// Worker slots.
    Workers,
    /// Disk tokens.
    Io,
    /// Connections accepted.
    Connections,
    /// Connections of a caller's pool to this target.
    Pool(ComponentId),
    /// Row locks: one server per row, so only its waiting line means something.
    Locks,
    /// The write-ahead log's flush.
    Wal,
    /// A network link shared by transfers.
    Link,
    /// A store of copies that clients or services ask: a place of a CDN, a node of a cache.
    Store,
    /// The store behind those, which they ask.
    Shield,
    /// The CPU quota of an instance: one present while it is used up.
    Quota,
    /// The memory of an instance, in KiB.
    Memory,
    /// The concurrency limit: its servers are the limit as it moves.
    Limit,
    /// The messages that wait at a queue: it has no servers, so whoever is present waits.
    Messages,
    /// The messages of a queue that consumers have.
    Deliveries,
    /// The records of a log that a group has not read; no servers, so that all wait.
    Backlog,
    /// The time from the sending of a record to the end of its work.
    Completion,
    /// The partitions of a log (servers), and those that nobody in a group reads (present).
    Stopped,
    /// The age in milliseconds of the oldest record that a group has not read, looked at once a second.
    Age,
    /// Records beyond the offsets that a group has stored, looked at once a second.
    OffsetLag,
    /// How far a replica is behind, as a level in units of 0.1 ms: nothing that one waits for.
    Lag,
    /// Whether a shard acknowledges no writes, as a level of 0 or 1.
    Outage,
    /// Whether a transaction is in doubt, as a level of 0 or 1.
    InDoubt,
    /// The instances of a fleet that changes: present are those there are, servers those in service.
    Instances,
}

impl Role {
    /// Whether its level is a measurement and no line: lag, outage.
    #[must_use]
    pub const fn is_reading(self) -> bool {
        matches!(self, Self::Lag | Self::Outage | Self::InDoubt)
    }

    /// Whether it keeps copies: nobody waits for it, but it is looked at.
    #[must_use]
    pub const fn keeps_copies(self) -> bool {
        matches!(self, Self::Store | Self::Shield)
    }

    /// Whether it is what a group sees of a log, which nobody holds.
    #[must_use]
    pub const fn is_of_a_log(self) -> bool {
        matches!(self, Self::Backlog | Self::Completion | Self::Stopped | Self::Age | Self::OffsetLag)
    }
}

/// One component (client populations are listed apart).
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentInfo {
    /// Its id.
    pub id: ComponentId,
    /// Its name in the scenario.
    pub name: String,
    /// Its kind as the scenario writes it.
    pub kind: &'static str,
    /// Instances that there can ever be.
    pub instances: u32,
    /// How its instances are named, where they are the members of a database.
    pub layout: Option<Layout>,
    /// Cores of each instance; of a fleet of equal ones once.
    pub cores: Vec<f64>,
    /// Names of its operations (endpoints, queries).
    pub operations: Vec<String>,
}

/// One client population.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientInfo {
    /// Its id among all that events are addressed to.
    pub id: ComponentId,
    /// Its name.
    pub name: String,
    /// The endpoints of its mix, in order: what [`crate::base::OperationId`] indexes in its observations.
    pub operations: Vec<String>,
}

/// One resource of one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceInfo {
    /// Its id: the position in [`Catalog::resources`].
    pub id: ResourceId,
    /// Whose it is.
    pub component: ComponentId,
    /// Which instance of it.
    pub instance: u32,
    /// What it is.
    pub role: Role,
    /// Servers (cores, slots, tokens) at the start; infinite where nothing limits.
    pub servers: f64,
}

/// Everything that can be measured.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Catalog {
    /// Components in the order of the scenario.
    pub components: Vec<ComponentInfo>,
    /// Client populations in the order of the scenario.
    pub clients: Vec<ClientInfo>,
    /// Resources; index = id.
    pub resources: Vec<ResourceInfo>,
    /// Names of the data entities; index = [`EntityId`].
    pub entities: Vec<String>,
    /// What is paid for, if the scenario has prices.
    pub bill: Vec<BillItem>,
    /// The spikes, from their start to the end of their hold; only where there are prices.
    pub spikes: Vec<(SimTime, SimTime)>,
    /// Whether some step is a transaction or a saga.
    pub transactions: bool,
    /// Whether some database sells its throughput by units.
    pub sells_units: bool,
}

impl Catalog {
    /// The name of a component or client population.
    #[must_use]
    pub fn name(&self, id: ComponentId) -> &str {
        self.components
            .iter()
            .map(|c| (c.id, &c.name))
            .chain(self.clients.iter().map(|c| (c.id, &c.name)))
            .find(|(other, _)| *other == id)
            .map_or("?", |(_, name)| name)
    }

    /// The id of the entity called `name`.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<EntityId> {
        self.entities.iter().position(|e| e == name).map(EntityId::at)
    }
}
