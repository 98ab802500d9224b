//! A load balancer as proven.

use super::algorithm::{Algorithm, Panic, SlowStart, Ties};
use super::health::{ActiveCheckSettings, MaxFailsSettings, OutlierSettings};
use crate::base::random::Key;
use crate::base::{ComponentId, ResourceId, SimDuration};
use crate::components::endpoint_pattern::EndpointPattern;
use crate::engine::{Demand, RetryOn, SiteId};

/// Where requests of some kind go.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSpec {
    /// Which endpoints.
    pub pattern: EndpointPattern,
    /// Header, cookie or body conditions: (name, value).
    pub customer: Vec<(String, String)>,
    /// Whether one of them is about the body, so that it must be read first.
    pub reads_body: bool,
    /// Targets with their weights.
    pub to: Vec<(ComponentId, f64)>,
    /// Targets that requests go to while none of those may be picked, with their weights.
    pub backup: Vec<(ComponentId, f64)>,
}

impl RouteSpec {
    /// All targets, backups last.
    pub fn targets(&self) -> impl Iterator<Item = ComponentId> + '_ {
        self.to.iter().chain(&self.backup).map(|(to, _)| *to)
    }
}

/// What layer it works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Decides once per connection, and sees no request.
    Four,
    /// Decides for each request.
    Seven,
}

/// Active health checks.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthSpec {
    /// The endpoint that is asked for; one that nobody declares is answered while the process lives.
    pub path: Option<String>,
    /// Interval, timeout and thresholds.
    pub settings: ActiveCheckSettings,
}

/// Trying another backend when one has failed.
#[derive(Clone, Debug, PartialEq)]
pub struct NextUpstream {
    /// Attempts in all.
    pub attempts: u16,
    /// After which failures.
    pub on: RetryOn,
    /// Whether also requests that are not idempotent, once they were sent.
    pub non_idempotent: bool,
}

/// Waiting in the load balancer for a backend below its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueSpec {
    /// Requests at most; beyond it they are refused.
    pub max: u32,
    /// Longest wait in seconds.
    pub wait: Option<f64>,
}

/// What consistent hashing goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HashBy {
    /// The client's address: one for each person, or for each request where nobody is known.
    #[default]
    Source,
    /// The endpoint.
    Path,
}

/// The statuses that the product mints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// No backend is up.
    pub no_backend: u16,
    /// The backend refused or broke the connection.
    pub unreachable: u16,
    /// The line was full, or the wait too long.
    pub queue: u16,
    /// `Retry-After` of its own 503s in milliseconds; 0: not said.
    pub retry_after: u32,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancerSpec {
    /// Instances, each with a view of its own.
    pub instances: u16,
    /// What it sees.
    pub layer: Layer,
    /// How a backend is picked.
    pub algorithm: Algorithm,
    /// Which of equals.
    pub ties: Ties,
    /// What hashing goes by.
    pub hash_by: HashBy,
    /// How old the loads are that it sees, at most.
    pub view_age: Option<SimDuration>,
    /// Whether people stay with the backend that served them first.
    pub sticky: bool,
    /// Whether backends of its own zone come first.
    pub zone_aware: bool,
    /// Routes, the first match wins.
    pub routes: Vec<RouteSpec>,
    /// Largest body in bytes.
    pub max_body: Option<u64>,
    /// Whether every body is read to its end before a backend is picked.
    pub buffers: bool,
    /// Seconds until a connection that nobody answers has failed.
    pub connect_timeout: Option<f64>,
    /// Seconds without an answer after which a 504 is made.
    pub read_timeout: Option<f64>,
    /// Active health checks.
    pub health: Option<HealthSpec>,
    /// nginx's passive rule.
    pub max_fails: Option<MaxFailsSettings>,
    /// Envoy's outlier detection.
    pub outliers: Option<OutlierSettings>,
    /// What happens when many are down.
    pub panic: Panic,
    /// How whoever comes up starts.
    pub slow_start: Option<SlowStart>,
    /// Requests in flight at one backend at most, for each balancer instance.
    pub max_conns: Option<u32>,
    /// Waiting for a backend below that limit.
    pub queue: Option<QueueSpec>,
    /// Trying another one.
    pub retry: Option<NextUpstream>,
    /// Requests in hand at one balancer instance at most.
    pub connections: Option<u32>,
    /// Cores of one instance, where work costs something.
    pub cores: f64,
    /// Core time of a request, in seconds.
    pub cost: Option<crate::base::random::Distribution>,
    /// Core time of a TLS handshake, on each fresh connection, in seconds.
    pub tls: Option<crate::base::random::Distribution>,
    /// Idle connections to backends that one instance keeps.
    pub backend_keepalive: u32,
    /// Statuses.
    pub statuses: Statuses,
}

/// One route as it runs.
#[derive(Clone, Debug)]
pub struct Route {
    /// By client operation index of each client: whether method and path match, `matches[client][operation]`,
    /// is resolved to endpoint names; here, by operation of the call.
    pub operations: Vec<bool>,
    /// Conditions on the customer, indices into the plan's traits; all must hold.
    pub traits: Vec<u32>,
    /// The backends: site, number of instances and weight.
    pub backends: Vec<Backend>,
}

/// One target of a route.
#[derive(Clone, Copy, Debug)]
pub struct Backend {
    /// The component.
    pub component: ComponentId,
    /// The call site towards it.
    pub site: SiteId,
    /// The same with the timeout of a connection that nobody answers.
    pub connecting: Option<SiteId>,
    /// Its instances.
    pub instances: u16,
    /// Its share of the requests relative to the other backends', however many instances divide it.
    pub weight: f64,
    /// Zero; one for a backup.
    pub tier: u8,
}

/// A backend instance, whichever routes lead to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// The component.
    pub component: ComponentId,
    /// Which instance.
    pub instance: u16,
    /// The site of its health checks, if they are requests of a declared endpoint.
    pub probe: Option<SiteId>,
    /// Its zone, by number.
    pub zone: u16,
}

/// The body that clients send along with an operation.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Bytes, as the service draws them that receives it.
    pub size: Demand,
    /// Bytes per second of the clients' uplink.
    pub uplink: Option<f64>,
    /// Whether the balancer reads it to its end.
    pub buffered: bool,
}

/// Everything that a running load balancer is made from.
#[derive(Clone, Debug)]
pub struct LoadBalancerBuild {
    /// What it is.
    pub spec: LoadBalancerSpec,
    /// Its routes.
    pub routes: Vec<Route>,
    /// The backends' instances.
    pub servers: Vec<Server>,
    /// By operation: whether sending it twice does no harm (RFC 9110, 9.2.2).
    pub idempotent: Vec<bool>,
    /// By operation: its body, where that matters; empty where none does.
    pub uploads: Vec<Option<Upload>>,
    /// The zone of each balancer instance, by number.
    pub zones: Vec<u16>,
    /// What is in hand at each instance.
    pub slots: Vec<ResourceId>,
    /// The cores of each instance.
    pub cpu: Vec<ResourceId>,
    /// The cost of a request.
    pub cost: Option<Demand>,
    /// The cost of a handshake.
    pub tls: Option<Demand>,
    /// The stream of its picks.
    pub key: Key,
}
