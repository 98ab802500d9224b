//! A CDN: which rule each endpoint falls under, the stores of its places, and the sites towards its origins.

use super::key_of;
use crate::base::ComponentId;
use crate::base::random::{Distribution, StreamName};
use crate::components::cdn::Cdn;
use crate::components::cdn::spec::{CdnBuild, CdnSpec};
use crate::components::service::spec::CallOptions;
use crate::engine::{Demand, SiteId};
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn cdn(index: usize, spec: &CdnSpec, sites: &mut Sites<'_>) -> Cdn {
    let endpoints = sites.endpoints();
    let options = CallOptions { timeout: spec.timeout, ..CallOptions::default() };
    let rule_of = |endpoint: &String| {
        spec.rules.iter().position(|rule| rule.pattern.matches(endpoint)).map(|at| at as u16)
    };
    let mut origins: Vec<(ComponentId, SiteId)> = Vec::new();
    for origin in spec.to.into_iter().chain(spec.routes.iter().map(|(_, to)| *to)) {
        if origins.iter().all(|(known, _)| *known != origin) {
            origins.push((origin, sites.pass_on(index, origin, &endpoints, &options, true)));
        }
    }
    let site_of = |endpoint: &String| {
        let origin = spec.origin(endpoint)?;
        origins.iter().find(|(known, _)| *known == origin).map(|(_, site)| *site)
    };
    // A copy of a row can be old.
    sites.plan.versions_matter |= spec.rules.iter().any(|rule| rule.entity.is_some());
    let key = key_of(index, sites);
    let drawn = |what: &'static str, number: u64, distribution: &Distribution| {
        let key = key.named(StreamName::new(what)).with(number);
        Demand::Drawn { distribution: distribution.clone(), key }
    };
    Cdn::new(CdnBuild {
        rules: endpoints.iter().map(rule_of).collect(),
        sites: endpoints.iter().map(site_of).collect(),
        ttls: (0..).zip(&spec.rules).map(|(at, rule)| drawn("ttl", at, &rule.ttl)).collect(),
        purge_delay: spec.purge_delay.as_ref().map(|delay| drawn("purge", 0, delay)),
        stores: (0..u32::from(spec.pops)).map(|pop| sites.resource(index, pop, Role::Store)).collect(),
        shield: sites.resource(index, 0, Role::Shield),
        key,
        spec: spec.clone(),
    })
}
