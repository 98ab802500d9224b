//! What a stretch of a run costs, item by item, from the user's price list.
//!
//! Rules: instances are paid for while they are there: those that boot and drain as well, shards that come to
//! be later only from then on, and a killed machine all the same. What is kept (memory, stored rows) is paid
//! for by the hour that it is kept; what is done (requests, statements, bytes) by the piece. A byte that
//! crosses a zone is paid for at both ends. Nothing is rounded up to whole hours. Requests of a queue are its calls:
//! each message sent, each handed to a consumer, each that is said to be done (SQS: SendMessage, ReceiveMessage,
//! DeleteMessage, one message a call); receives that find nothing are not in it, nor are those of a log, whose
//! consumers fetch many records at once.
//!
//! Not modelled: free allowances, tiers, reservations, prices by region.

use super::catalog::{Catalog, ComponentInfo, Role};
use super::counters::Events;
use super::meters::{Meters, of};
use super::time_weighted::Usage;
use crate::base::{ComponentId, Price};
use crate::engine::Fate;

/// What is paid for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Charge {
    /// An instance (a node, a member).
    Instance,
    /// A core of an instance.
    Core,
    /// Memory of a node.
    Memory,
    /// Rows that are kept.
    Storage,
    /// Visits; of a queue its consumers' calls too.
    Requests,
    /// Statements that read.
    Reads,
    /// Statements that write.
    Writes,
    /// Capacity units of a balancer, as AWS counts them.
    CapacityUnits,
    /// Bytes towards clients.
    Egress,
    /// Bytes between components of one zone.
    WithinZones,
    /// Bytes between components of different zones.
    AcrossZones,
}

impl Charge {
    /// As the price list writes it, and as a report names it.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Instance => ("instance", "instances"),
            Self::Core => ("vcpu", "cores"),
            Self::Memory => ("memory", "memory"),
            Self::Storage => ("storage", "storage"),
            Self::Requests => ("requests", "requests"),
            Self::Reads => ("reads", "reads"),
            Self::Writes => ("writes", "writes"),
            Self::CapacityUnits => ("capacity_unit", "capacity units"),
            Self::Egress => ("egress", "egress"),
            Self::WithinZones => ("same_zone", "within zones"),
            Self::AcrossZones => ("cross_zone", "across zones"),
        }
    }
}

/// A price, and whether it is a placeholder that nobody has looked up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tariff {
    /// The price.
    pub price: Price,
    /// Whether it is a placeholder.
    pub unverified: bool,
}

/// One line of a bill.
#[derive(Clone, PartialEq, Debug)]
pub struct BillItem {
    /// Whose; none for traffic as a whole.
    pub component: Option<ComponentId>,
    /// What.
    pub charge: Charge,
    /// Its price.
    pub tariff: Tariff,
    /// What one instance has of it (cores, bytes of memory), or all have together (bytes stored).
    pub size: Vec<f64>,
}

#[cfg(test)]
impl BillItem {
    /// Each instance at so many dollars an hour.
    pub(crate) fn priced(component: ComponentId, dollars: f64) -> Self {
        let price = Price { amount: crate::base::Money::new(dollars), per: crate::base::PriceUnit::Hour };
        let tariff = Tariff { price, unverified: false };
        Self { component: Some(component), charge: Charge::Instance, tariff, size: Vec::new() }
    }
}

/// What happened in a stretch of time.
pub struct Stretch<'a> {
    /// The model.
    pub catalog: &'a Catalog,
    /// Number of resources: visits of component c are at `resources + c`.
    pub resources: usize,
    /// Counts.
    pub events: &'a Events,
    /// Integrals by slot.
    pub usage: &'a dyn Fn(usize) -> Usage,
    /// Its length in nanoseconds.
    pub span: f64,
}

/// Capacity units that 25 new connections a second, 3000 active ones or a gigabyte an hour are (AWS, ALB).
const UNIT: (f64, f64, f64) = (25.0, 3_000.0, 1e9);

impl Stretch<'_> {
    fn per_hour(&self, count: u64) -> f64 {
        count as f64 * 3_600e9 / self.span
    }

    /// For how much of the time each instance was there: of a fleet that changes, as many as there were.
    fn there(&self, component: &ComponentInfo) -> Vec<f64> {
        let ours = |role: Role| {
            let all = self.catalog.resources.iter().enumerate();
            all.filter(move |(_, r)| r.component == component.id && r.role == role)
        };
        if let Some((fleet, _)) = ours(Role::Instances).next() {
            return vec![(self.usage)(fleet).present / self.span];
        }
        let mut each = vec![1.0; component.instances as usize];
        // A member without cores at the start is one of a shard that is yet to come.
        for (slot, resource) in
            ours(Role::Cpu).filter(|(_, r)| component.layout.is_some() && r.servers == 0.0)
        {
            let cores = component.cores.get(resource.instance as usize).copied().unwrap_or(1.0);
            if let Some(there) = each.get_mut(resource.instance as usize) {
                *there = ((self.usage)(slot).servers / self.span / cores).min(1.0);
            }
        }
        each
    }

    /// Calls of a queue's consumers: one for each message that is handed out, and one for each that they say is done.
    fn calls_of_consumers(&self, queue: ComponentId) -> u64 {
        let received = self.events.meters.as_deref().map_or(0, |meters| of(&meters.received, queue));
        let said = self.events.queues.get(queue.index());
        received + said.map_or(0, |events| events.count(Fate::Acked) + events.count(Fate::Duplicate))
    }

    /// What machines cost in an hour whose cores were idle even in the busiest bucket, whatever a record's rows say
    /// of it: each component's price of instances and cores, times one less its largest utilisation.
    ///
    /// That is what is paid for redundancy and headroom; what a spike needs is not in it.
    #[must_use]
    pub fn spare(&self, busiest: &dyn Fn(&[usize]) -> Option<f64>) -> Option<f64> {
        let machines = |component: ComponentId| {
            let ours = self.catalog.bill.iter().filter(move |item| {
                item.component == Some(component) && matches!(item.charge, Charge::Instance | Charge::Core)
            });
            ours.map(|item| self.per_hour_of(item)).reduce(|a, b| a + b)
        };
        let spare = |component: &ComponentInfo| {
            let resources = self.catalog.resources.iter().enumerate();
            let cores: Vec<usize> = resources
                .filter(|(_, r)| r.component == component.id && r.role == Role::Cpu)
                .map(|(slot, _)| slot)
                .collect();
            Some(machines(component.id)? * (1.0 - busiest(&cores)?).max(0.0))
        };
        let all = self.catalog.components.iter().filter_map(spare).reduce(|a, b| a + b);
        all.filter(|_| self.span > 0.0)
    }

    /// How much of an item there was: on average of what is kept, per hour of what is done.
    #[must_use]
    pub fn quantity(&self, item: &BillItem) -> f64 {
        let nothing = Meters::default();
        let meters = self.events.meters.as_deref().unwrap_or(&nothing);
        let component = item.component.and_then(|id| self.catalog.components.iter().find(|c| c.id == id));
        let Some(component) = component else {
            return match item.charge {
                Charge::AcrossZones => self.per_hour(2 * meters.across_zones),
                Charge::WithinZones => self.per_hour(meters.within_zones),
                _ => {
                    let apart = |id: ComponentId| {
                        let own = |i: &BillItem| i.component == Some(id) && i.charge == Charge::Egress;
                        self.catalog.bill.iter().any(own)
                    };
                    let all = meters.egress.iter().filter(|(id, _)| !apart(*id));
                    self.per_hour(all.map(|(_, bytes)| bytes).sum())
                }
            };
        };
        let visits = || (self.usage)(self.resources + component.id.index());
        match item.charge {
            Charge::Instance => self.there(component).iter().sum(),
            Charge::Core | Charge::Memory => {
                let each = |at: usize| item.size.get(at % item.size.len().max(1)).copied().unwrap_or(0.0);
                self.there(component).iter().enumerate().map(|(at, there)| there * each(at)).sum()
            }
            Charge::Storage => item.size.iter().sum(),
            Charge::Requests => {
                let sends = u64::from(visits().departed);
                self.per_hour(sends + self.calls_of_consumers(component.id))
            }
            Charge::Reads => self.per_hour(of(&meters.reads, component.id)),
            Charge::Writes => self.per_hour(of(&meters.writes, component.id)),
            Charge::CapacityUnits => {
                let connections = self.per_hour(of(&meters.connections, component.id)) / 3_600.0;
                let bytes = self.per_hour(of(&meters.egress, component.id));
                let active = visits().present / self.span;
                (connections / UNIT.0).max(active / UNIT.1).max(bytes / UNIT.2)
            }
            _ => self.per_hour(of(&meters.egress, component.id)),
        }
    }

    /// Money per hour for an item.
    #[must_use]
    pub fn per_hour_of(&self, item: &BillItem) -> f64 {
        self.quantity(item) * item.tariff.price.each()
    }

    /// Money per hour for everything; `None` without prices or without time.
    #[must_use]
    pub fn total(&self) -> Option<f64> {
        let priced = !self.catalog.bill.is_empty() && self.span > 0.0;
        priced.then(|| self.catalog.bill.iter().map(|item| self.per_hour_of(item)).sum())
    }
}
