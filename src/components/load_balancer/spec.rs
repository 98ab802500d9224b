//! A load balancer as proven.

use super::algorithm::{Algorithm, Ties};
use crate::base::ComponentId;
use crate::base::random::Key;
use crate::engine::SiteId;

/// Where requests of some kind go.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSpec {
    /// Path pattern: literal, or with `*` for any rest.
    pub path: Option<String>,
    /// Method.
    pub method: Option<String>,
    /// Header or body conditions: (name, value).
    pub customer: Vec<(String, String)>,
    /// Targets with their weights.
    pub to: Vec<(ComponentId, f64)>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancerSpec {
    /// Instances, each with a view of its own.
    pub instances: u16,
    /// How a backend is picked.
    pub algorithm: Algorithm,
    /// Which of equals.
    pub ties: Ties,
    /// Routes, the first match wins.
    pub routes: Vec<RouteSpec>,
    /// Largest body in bytes.
    pub max_body: Option<u64>,
    /// Seconds without an answer after which a 504 is made.
    pub read_timeout: Option<f64>,
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
    /// The call site towards it.
    pub site: SiteId,
    /// Its instances.
    pub instances: u16,
    /// Its share of the requests relative to the other backends', however many instances divide it.
    pub weight: f64,
}

/// Everything that a running load balancer is made from.
#[derive(Clone, Debug)]
pub struct LoadBalancerBuild {
    /// What it is.
    pub spec: LoadBalancerSpec,
    /// Its routes.
    pub routes: Vec<Route>,
    /// The stream of its picks.
    pub key: Key,
}
