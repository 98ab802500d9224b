//! A scenario as proven: every name resolved, every quantity in range. What is here can run.

use crate::base::random::Distribution;
use crate::base::{ComponentId, EntityId, OperationId, SimDuration};
use crate::components::cache::spec::CacheSpec;
use crate::components::cdn::spec::CdnSpec;
use crate::components::database::spec::DatabaseSpec;
use crate::components::load_balancer::spec::LoadBalancerSpec;
use crate::components::log::spec::LogSpec;
use crate::components::pooler::spec::PoolerSpec;
use crate::components::queue::spec::QueueSpec;
use crate::components::service::spec::{CallOptions, ServiceSpec};
use crate::document::Place;
use crate::metrics::{Charge, Tariff};
use crate::workload::{ArrivalProcess, ConnectionSpec, Loop, Profile};
use std::sync::Arc;

/// A whole design.
#[derive(Clone, Debug)]
pub struct Model {
    /// The scenario's name.
    pub scenario: String,
    /// A sentence about it.
    pub about: String,
    /// The design's name: `base`, or a variant's.
    pub design: String,
    /// How it is run.
    pub run: RunPlan,
    /// Rows.
    pub entities: Vec<EntitySpec>,
    /// Components; their ids are their positions.
    pub components: Vec<ComponentModel>,
    /// The network, if the scenario has one; without it messages take no time.
    pub network: Option<super::NetworkSpec>,
    /// What goes wrong, and when.
    pub faults: Vec<crate::faults::Fault>,
    /// Columns of replayed traces.
    pub replayed: Arc<Vec<Vec<f64>>>,
    /// Client populations; their ids follow those of the components.
    pub clients: Vec<ClientSpec>,
    /// Prices per hour of a component's instance, and per byte of egress.
    pub prices: Prices,
    /// Objectives.
    pub objectives: Vec<Claim>,
    /// Expectations.
    pub expectations: Vec<Claim>,
    /// What sweeps vary.
    pub sweep: Option<super::sweep::SweepSpec>,
}

/// The endpoints of all services, each name once, in order: what a load balancer can be asked for.
#[must_use]
pub fn endpoints(components: &[ComponentModel]) -> Vec<&str> {
    let mut seen = std::collections::BTreeSet::new();
    let services = components.iter().filter_map(|component| match &component.spec {
        ComponentSpec::Service(service) if service.consumes.is_none() => Some(service),
        _ => None,
    });
    services
        .flat_map(|service| service.endpoints.iter().map(|endpoint| endpoint.name.as_str()))
        .filter(|name| seen.insert(*name))
        .collect()
}

/// The database behind a pooler; any other component is itself.
#[must_use]
pub fn behind(components: &[ComponentModel], at: ComponentId) -> ComponentId {
    match components.get(at.index()).map(|component| &component.spec) {
        Some(ComponentSpec::Pooler(pooler)) => pooler.to,
        _ => at,
    }
}

impl Model {
    /// The workers that take their work from a queue, each with what it is.
    pub fn workers_of(&self, queue: ComponentId) -> impl Iterator<Item = (ComponentId, &ServiceSpec)> {
        self.components.iter().enumerate().filter_map(move |(at, component)| match &component.spec {
            ComponentSpec::Service(service) if service.consumes.as_ref().is_some_and(|c| c.from == queue) => {
                Some((ComponentId::at(at), service))
            }
            _ => None,
        })
    }

    /// What a component does with what is asked of it: of a pooler, the database behind it.
    #[must_use]
    pub fn answering(&self, at: ComponentId) -> &ComponentSpec {
        &self.components[behind(&self.components, at).index()].spec
    }

    /// What a load balancer of the model can be asked for.
    #[must_use]
    pub fn endpoints(&self) -> Vec<&str> {
        endpoints(&self.components)
    }
}

/// How a design is run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPlan {
    /// The run is cut here.
    pub duration: SimDuration,
    /// Ends earlier, once so many requests have ended.
    pub requests: Option<u64>,
    /// What is left out of every metric at the start.
    pub warmup: SimDuration,
    /// Whether the warm-up is to be found from the run itself (`auto`, in a run without a transient).
    pub finds_warmup: bool,
    /// The seed.
    pub seed: u64,
    /// Whether `auto` was asked for, and the run is a transient, of which nothing is cut.
    pub auto_in_transient: bool,
    /// Independent repetitions.
    pub replications: u32,
    /// Instead: as many as it takes.
    pub until: Option<Until>,
    /// Width of a window of the time series.
    pub bucket: SimDuration,
    /// Events at most in one replication.
    pub max_events: Option<u64>,
    /// Requests in flight at most.
    pub max_in_flight: Option<u64>,
}

/// Replicate until these metrics are sure.
#[derive(Clone, Debug, PartialEq)]
pub struct Until {
    /// Metric, largest half-width relative to its value, and where that is written.
    pub metrics: Vec<(String, f64, Option<Place>)>,
    /// Replications at most.
    pub max: u32,
}

/// Rows of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitySpec {
    /// Its name.
    pub name: String,
    /// Rows at the start.
    pub rows: u64,
    /// Bytes of a row.
    pub size: Option<Distribution>,
    /// Who is popular.
    pub popularity: PopularitySpec,
    /// Rows added per second by the world outside, as a share of the rows at the start.
    pub growth: f64,
    /// The share of rows that do not exist until they are written.
    pub absent: f64,
    /// Ranks per second by which popularity wanders.
    pub drift: f64,
    /// The entity whose key places this one.
    pub key_of: Option<EntityId>,
}

/// Which rows requests are about.
#[derive(Clone, Debug, PartialEq)]
pub enum PopularitySpec {
    /// Every row alike.
    Uniform,
    /// By rank to the power of minus the exponent; the newest rows first, or scattered.
    Zipf {
        /// The exponent.
        exponent: f64,
        /// Whether the newest rows are the popular ones.
        newest: bool,
    },
    /// As recorded.
    Trace(Arc<Vec<u64>>),
}

/// One component.
#[derive(Clone, Debug)]
pub struct ComponentModel {
    /// Its name.
    pub name: String,
    /// The zones over which its instances are spread in turn; empty: the network's first.
    pub zones: Vec<String>,
    /// Where it is written.
    pub place: Place,
    /// What it is.
    pub spec: ComponentSpec,
}

/// A component as proven.
#[allow(clippy::large_enum_variant)] // there are as many as components, in one table
#[derive(Clone, Debug)]
pub enum ComponentSpec {
    /// `kind: service`.
    Service(ServiceSpec),
    /// `kind: database`.
    Database(DatabaseSpec),
    /// `kind: load_balancer`.
    LoadBalancer(LoadBalancerSpec),
    /// `kind: cache`.
    Cache(CacheSpec),
    /// `kind: cdn`.
    Cdn(CdnSpec),
    /// `kind: queue` of the family `work`.
    Queue(QueueSpec),
    /// `kind: queue` of the family `log`.
    Log(LogSpec),
    /// `kind: pooler`.
    Pooler(PoolerSpec),
}

impl ComponentSpec {
    /// The kind as a scenario writes it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Service(service) if service.consumes.is_some() => "worker",
            Self::Service(_) => "service",
            Self::Log(_) => "queue",
            Self::Database(_) => "database",
            Self::LoadBalancer(_) => "load_balancer",
            Self::Cache(_) => "cache",
            Self::Cdn(_) => "cdn",
            Self::Queue(_) => "queue",
            Self::Pooler(_) => "pooler",
        }
    }

    /// Instances that there can ever be.
    #[must_use]
    pub fn most(&self) -> u16 {
        match self {
            Self::Service(service) => service.most(),
            other => other.instances(),
        }
    }

    /// Instances at the start.
    #[must_use]
    pub fn instances(&self) -> u16 {
        match self {
            Self::Service(service) => service.instances,
            Self::LoadBalancer(balancer) => balancer.instances,
            Self::Queue(_) | Self::Log(_) => 1,
            Self::Cdn(cdn) => cdn.instances(),
            Self::Database(database) => database.layout().members(),
            Self::Cache(cache) => cache.nodes,
            Self::Pooler(pooler) => pooler.instances,
        }
    }

    /// Pools that one instance of a caller has of connections to it: one for each member of a database.
    #[must_use]
    pub fn pools_of_caller(&self) -> u16 {
        match self {
            Self::Database(database) => database.layout().members(),
            Self::Service(_)
            | Self::LoadBalancer(_)
            | Self::Cache(_)
            | Self::Cdn(_)
            | Self::Queue(_)
            | Self::Log(_)
            | Self::Pooler(_) => 1,
        }
    }

    /// The name of one of its operations.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> Option<&str> {
        match self {
            Self::Service(service) => service.endpoints.get(id.index()).map(|e| e.name.as_str()),
            Self::Database(database) => database.queries.get(id.index()).map(|q| q.name.as_str()),
            Self::Pooler(pooler) => pooler.queries.get(id.index()).map(String::as_str),
            Self::LoadBalancer(_) | Self::Cache(_) | Self::Cdn(_) | Self::Queue(_) | Self::Log(_) => None,
        }
    }

    /// Whether it serves requests under this name itself.
    #[must_use]
    pub fn serves(&self, endpoint: &str) -> bool {
        match self {
            Self::Service(service) => {
                service.consumes.is_none() && service.endpoints.iter().any(|e| e.name == endpoint)
            }
            Self::Database(_)
            | Self::LoadBalancer(_)
            | Self::Cache(_)
            | Self::Cdn(_)
            | Self::Queue(_)
            | Self::Log(_)
            | Self::Pooler(_) => false,
        }
    }

    /// Names of what it can be asked for; empty where it passes on whatever comes.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        match self {
            Self::Service(service) => service.endpoints.iter().map(|e| e.name.clone()).collect(),
            Self::Database(database) => database.queries.iter().map(|q| q.name.clone()).collect(),
            Self::Pooler(pooler) => pooler.queries.clone(),
            Self::LoadBalancer(_) | Self::Cache(_) | Self::Cdn(_) | Self::Queue(_) | Self::Log(_) => {
                Vec::new()
            }
        }
    }
}

/// One entry of a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct MixSpec {
    /// The endpoint.
    pub endpoint: String,
    /// Relative frequency.
    pub weight: f64,
    /// Scheduling class.
    pub priority: u8,
    /// Timeout, deadline, retry.
    pub options: CallOptions,
    /// Whether it writes to a database.
    pub writes: bool,
}

/// Impatience.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReloadSpec {
    /// Seconds of patience.
    pub after: f64,
    /// Probability that it ends.
    pub chance: f64,
    /// Reloads at most.
    pub max: u16,
}

/// Asking for the jobs that were sent.
#[derive(Clone, Debug, PartialEq)]
pub struct PollSpec {
    /// The endpoint that is asked.
    pub endpoint: String,
    /// The first pause and the longest one; they double.
    pub every: (SimDuration, SimDuration),
    /// When it gives up.
    pub give_up: SimDuration,
    /// Waiting for an answer.
    pub options: CallOptions,
}

/// A header or body field: its name and the shares of its values.
pub type CustomerField = (String, Vec<(String, f64)>);

/// A client population.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSpec {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Whom it calls.
    pub to: ComponentId,
    /// Its loop.
    pub behaviour: Loop,
    /// Its arrivals.
    pub arrivals: ArrivalProcess,
    /// Their rate.
    pub profile: Profile,
    /// What is asked for.
    pub mix: Vec<MixSpec>,
    /// Impatience.
    pub reload: Option<ReloadSpec>,
    /// The share of requests that write, over time.
    pub write_share: Option<Profile>,
    /// The entity whose row is whose session it is.
    pub owner: Option<EntityId>,
    /// How it asks for the jobs that it has sent.
    pub poll: Option<PollSpec>,
    /// The share of good writes whose owner reads the same row, and so many seconds later.
    pub read_back: Option<(f64, Distribution)>,
    /// How connections are kept.
    pub connections: ConnectionSpec,
    /// Names of regions or zones, with the share of the population there.
    pub from: Vec<(String, f64)>,
    /// Header and body fields by which a load balancer may route.
    pub fields: Vec<CustomerField>,
}

/// What things cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    /// Of components, by name.
    pub components: Vec<(String, Vec<(Charge, Tariff)>)>,
    /// Of all other components of a kind.
    pub kinds: Vec<(String, Vec<(Charge, Tariff)>)>,
    /// Of traffic.
    pub traffic: Vec<(Charge, Tariff)>,
}

impl Prices {
    /// The prices of a component of this name and kind.
    #[must_use]
    pub fn of(&self, name: &str, kind: &str) -> &[(Charge, Tariff)] {
        let named = |list: &'_ [(String, Vec<(Charge, Tariff)>)], wanted: &str| {
            list.iter().position(|(other, _)| other == wanted)
        };
        match (named(&self.components, name), named(&self.kinds, kind)) {
            (Some(at), _) => &self.components[at].1,
            (None, Some(at)) => &self.kinds[at].1,
            (None, None) => &[],
        }
    }

    /// Whether something is paid for that is counted only then.
    #[must_use]
    pub fn are_metered(&self) -> bool {
        let metered = |(charge, _): &(Charge, Tariff)| {
            matches!(
                charge,
                Charge::Reads
                    | Charge::Writes
                    | Charge::CapacityUnits
                    | Charge::WithinZones
                    | Charge::AcrossZones
            )
        };
        let all = self.components.iter().chain(&self.kinds).flat_map(|(_, list)| list);
        all.chain(&self.traffic).any(metered)
    }
}

/// An objective or expectation as written; it is parsed against the catalog of what can be measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The expression.
    pub text: String,
    /// Where it is written.
    pub place: Place,
    /// The window as written: `3m..8m`, `end`, or none for the whole run.
    pub during: Option<String>,
    /// The window in seconds.
    pub window: ClaimWindow,
}

/// Which part of the run a claim is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClaimWindow {
    /// All of it, after warm-up.
    Run,
    /// The last instant.
    End,
    /// From and to, in seconds.
    During(f64, f64),
}
