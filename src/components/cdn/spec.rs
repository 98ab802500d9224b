//! A CDN as proven.

use super::edge::Freshness;
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, ResourceId};
use crate::components::cache::eviction::Policy;
use crate::components::cache::store::Capacity;
use crate::components::endpoint_pattern::EndpointPattern;
use crate::engine::SiteId;

/// What is kept of some endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Which endpoints.
    pub pattern: EndpointPattern,
    /// There is one object for each row of this entity; none: one for each endpoint.
    pub entity: Option<EntityId>,
    /// How long copies and errors are good.
    pub fresh: Freshness,
}

/// A content delivery network.
#[derive(Clone, Debug, PartialEq)]
pub struct CdnSpec {
    /// The origin; none where its name was wrong, which has been reported.
    pub to: Option<ComponentId>,
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

/// Everything that a running CDN is made from.
#[derive(Clone, Debug)]
pub struct CdnBuild {
    /// What it is.
    pub spec: CdnSpec,
    /// By operation of a call: the rule that it falls under.
    pub rules: Vec<Option<u16>>,
    /// The call site towards the origin.
    pub site: Option<SiteId>,
    /// By place: its store.
    pub stores: Vec<ResourceId>,
    /// The shield's store.
    pub shield: ResourceId,
    /// The stream of whatever it draws itself.
    pub key: Key,
}
