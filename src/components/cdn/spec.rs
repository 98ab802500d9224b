//! A CDN as proven.

use super::edge::Freshness;
use crate::base::random::{Distribution, Key};
use crate::base::{ComponentId, EntityId, ResourceId};
use crate::components::cache::eviction::Policy;
use crate::components::cache::store::Capacity;
use crate::components::endpoint_pattern::EndpointPattern;
use crate::document::Place;
use crate::engine::{Demand, SiteId};

/// What is kept of some endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Which endpoints.
    pub pattern: EndpointPattern,
    /// Where it is written.
    pub place: Place,
    /// There is one object for each row of this entity; none: one for each endpoint.
    pub entity: Option<EntityId>,
    /// How long copies and errors are good; of the TTL the mean.
    pub fresh: Freshness,
    /// Seconds for which a copy is fresh, drawn for each.
    pub ttl: Distribution,
}

/// A content delivery network.
#[derive(Clone, Debug, PartialEq)]
pub struct CdnSpec {
    /// The origin; none where its name was wrong, which has been reported.
    pub to: Option<ComponentId>,
    /// Other origins of some endpoints, the first match wins.
    pub routes: Vec<(EndpointPattern, ComponentId)>,
    /// Whether the places stand in the zones of the network, each serving those to whom it is nearest.
    pub located: bool,
    /// Seconds until a purge has reached a place, drawn for each; none: at once.
    pub purge_delay: Option<Distribution>,
    /// What is kept, the first match wins.
    pub rules: Vec<RuleSpec>,
    /// Places, each with a store of its own.
    pub pops: u16,
    /// Whether all places ask one further store before the origin.
    pub shield: bool,
    /// Whether requests for what is being fetched wait for that fetch.
    pub collapse: bool,
    /// How much one place holds.
    pub capacity: Capacity,
    /// What gives way when a place is full.
    pub eviction: Policy,
    /// Seconds without an answer of the origin after which the CDN answers 504.
    pub timeout: Option<f64>,
}

impl CdnSpec {
    /// The origin of an endpoint.
    #[must_use]
    pub fn origin(&self, endpoint: &str) -> Option<ComponentId> {
        let routed = self.routes.iter().find(|(pattern, _)| pattern.matches(endpoint)).map(|(_, to)| *to);
        routed.or(self.to)
    }

    /// All origins.
    pub fn origins(&self) -> impl Iterator<Item = ComponentId> + '_ {
        self.routes.iter().map(|(_, to)| *to).chain(self.to)
    }

    /// Places that the network tells apart.
    #[must_use]
    pub fn instances(&self) -> u16 {
        if self.located { self.pops } else { 1 }
    }
}

/// Everything that a running CDN is made from.
#[derive(Clone, Debug)]
pub struct CdnBuild {
    /// What it is.
    pub spec: CdnSpec,
    /// By operation of a call: the rule that it falls under.
    pub rules: Vec<Option<u16>>,
    /// By operation of a call: the call site towards its origin.
    pub sites: Vec<Option<SiteId>>,
    /// By rule: for how long a copy is fresh.
    pub ttls: Vec<Demand>,
    /// Until a purge has reached a place.
    pub purge_delay: Option<Demand>,
    /// By place: its store.
    pub stores: Vec<ResourceId>,
    /// The shield's store.
    pub shield: ResourceId,
    /// The stream of whatever it draws itself.
    pub key: Key,
}
