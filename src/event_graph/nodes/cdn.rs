//! A CDN: which rule each endpoint falls under, the stores of its places, and the site towards the origin.

use super::key_of;
use crate::components::cdn::Cdn;
use crate::components::cdn::spec::{CdnBuild, CdnSpec};
use crate::components::service::spec::CallOptions;
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn cdn(index: usize, spec: &CdnSpec, sites: &mut Sites<'_>) -> Cdn {
    let endpoints = sites.endpoints();
    let options = CallOptions { timeout: spec.timeout, ..CallOptions::default() };
    let rule_of = |endpoint: &String| {
        spec.rules.iter().position(|rule| rule.pattern.matches(endpoint)).map(|at| at as u16)
    };
    Cdn::new(CdnBuild {
        rules: endpoints.iter().map(rule_of).collect(),
        site: spec.to.map(|to| sites.pass_on(index, to, &endpoints, &options, true)),
        stores: (0..u32::from(spec.pops)).map(|pop| sites.resource(index, pop, Role::Store)).collect(),
        shield: sites.resource(index, 0, Role::Shield),
        key: key_of(index, sites),
        spec: spec.clone(),
    })
}
