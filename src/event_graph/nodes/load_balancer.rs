//! A load balancer: its routes, each with the call sites of its backends.

use super::key_of;
use crate::base::random::StreamName;
use crate::components::load_balancer::LoadBalancer;
use crate::components::load_balancer::spec::{
    Backend, LoadBalancerBuild, LoadBalancerSpec, Route, RouteSpec,
};
use crate::components::service::spec::CallOptions;
use crate::event_graph::sites::Sites;

pub(in crate::event_graph) fn load_balancer(
    index: usize,
    spec: &LoadBalancerSpec,
    sites: &mut Sites<'_>,
) -> LoadBalancer {
    let endpoints = sites.endpoints();
    let options = CallOptions { timeout: spec.read_timeout, ..CallOptions::default() };
    let mut routes = Vec::new();
    for route in &spec.routes {
        let backends = route.to.iter().map(|(target, weight)| Backend {
            site: sites.pass_on(index, *target, &endpoints, &options),
            instances: sites.model.components[target.index()].spec.instances(),
            weight: *weight,
        });
        let backends = backends.collect();
        routes.push(Route {
            operations: endpoints.iter().map(|e| matches(route, e)).collect(),
            traits: route.customer.iter().map(|(n, v)| sites.customer_trait(n, v)).collect(),
            backends,
        });
    }
    let key = key_of(index, sites).named(StreamName::new("pick"));
    LoadBalancer::new(LoadBalancerBuild { spec: spec.clone(), routes, key })
}

/// Whether a route takes `METHOD /path`.
pub(in crate::event_graph) fn matches(route: &RouteSpec, endpoint: &str) -> bool {
    let (method, path) = endpoint.split_once(' ').unwrap_or(("", endpoint));
    let method_fits = route.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
    let path_fits = route.path.as_ref().is_none_or(|pattern| match pattern.split_once('*') {
        Some((before, after)) => {
            path.len() >= before.len() + after.len() && path.starts_with(before) && path.ends_with(after)
        }
        None => path == pattern,
    });
    method_fits && path_fits
}
