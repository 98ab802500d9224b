//! A load balancer: its routes, each with the call sites of its backends.

use super::key_of;
use crate::base::random::{Distribution, StreamName};
use crate::base::{ComponentId, OperationId, ResourceId};
use crate::components::load_balancer::LoadBalancer;
use crate::components::load_balancer::spec::{
    Backend, HealthSpec, LoadBalancerBuild, LoadBalancerSpec, Route, Server, Upload,
};
use crate::components::service::spec::{Amount, CallOptions, Endpoint, Step};
use crate::engine::{Demand, RowChoice, SiteId};
use crate::event_graph::lower::body_key;
use crate::event_graph::sites::{Sites, is_idempotent};
use crate::metrics::Role;
use crate::scenario::model::{ComponentModel, ComponentSpec};

pub(in crate::event_graph) fn load_balancer(
    index: usize,
    spec: &LoadBalancerSpec,
    sites: &mut Sites<'_>,
) -> LoadBalancer {
    let endpoints = sites.endpoints();
    let options = |timeout: Option<f64>| CallOptions { timeout, ..CallOptions::default() };
    let model = sites.model;
    let (mut routes, mut servers): (Vec<Route>, Vec<Server>) = (Vec::new(), Vec::new());
    let mut zones: Vec<&str> = Vec::new();
    let mut zone = |component: &'_ ComponentModel, instance: u16| -> u16 {
        let Some(name) = component.zones.get(instance as usize % component.zones.len().max(1)) else {
            return 0;
        };
        // Zones only need to be told apart; a name that lives in the model outlives this function.
        let known = zones.iter().position(|zone| zone == name);
        known.unwrap_or_else(|| {
            zones.push(
                model
                    .components
                    .iter()
                    .flat_map(|c| &c.zones)
                    .find(|z| *z == name)
                    .map_or("", String::as_str),
            );
            zones.len() - 1
        }) as u16
    };
    for route in &spec.routes {
        let mut backends = Vec::new();
        let tiers = route.to.iter().map(|to| (to, 0)).chain(route.backup.iter().map(|to| (to, 1)));
        for ((target, weight), tier) in tiers {
            let component = &model.components[target.index()];
            let instances = component.spec.most();
            backends.push(Backend {
                component: *target,
                site: sites.pass_on(index, *target, &endpoints, &options(spec.read_timeout), true),
                connecting: spec
                    .connect_timeout
                    .map(|timeout| sites.pass_on(index, *target, &endpoints, &options(Some(timeout)), true)),
                instances,
                weight: *weight,
                tier,
            });
            if servers.iter().any(|server| server.component == *target) {
                continue;
            }
            let probe = spec.health.as_ref().and_then(|health| probe_site(index, *target, health, sites));
            servers.extend((0..instances).map(|instance| Server {
                component: *target,
                instance,
                probe,
                zone: zone(component, instance),
            }));
        }
        routes.push(Route {
            operations: endpoints.iter().map(|e| route.pattern.matches(e)).collect(),
            traits: route.customer.iter().map(|(n, v)| sites.customer_trait(n, v)).collect(),
            backends,
        });
    }
    let key = key_of(index, sites);
    let drawn = |what: &'static str, distribution: &Option<Distribution>| {
        let key = key.named(StreamName::new(what));
        distribution.clone().map(|distribution| Demand::Drawn { distribution, key })
    };
    let each = |role: Role, sites: &Sites<'_>| -> Vec<ResourceId> {
        (0..u32::from(spec.instances)).map(|instance| sites.resource(index, instance, role)).collect()
    };
    let mut uploads: Vec<Option<Upload>> =
        endpoints.iter().map(|endpoint| upload(endpoint, spec, sites)).collect();
    if uploads.iter().all(Option::is_none) {
        uploads.clear();
    }
    let me = &model.components[index];
    LoadBalancer::new(LoadBalancerBuild {
        routes,
        servers,
        uploads,
        idempotent: endpoints.iter().map(|e| is_idempotent(e)).collect(),
        zones: (0..spec.instances).map(|instance| zone(me, instance)).collect(),
        slots: each(Role::Workers, sites),
        cpu: each(Role::Cpu, sites),
        cost: drawn("cost", &spec.cost),
        tls: drawn("tls", &spec.tls),
        key: key.named(StreamName::new("pick")),
        spec: spec.clone(),
    })
}

/// The body of an endpoint: the first that a service which serves it receives, in the endpoint's own list of steps.
fn upload(endpoint: &str, spec: &LoadBalancerSpec, sites: &Sites<'_>) -> Option<Upload> {
    let routed = spec.routes.iter().any(|route| route.reads_body && route.pattern.matches(endpoint));
    let buffered = spec.buffers || routed;
    if !buffered && spec.max_body.is_none() {
        return None;
    }
    let services = sites.model.components.iter().enumerate().filter_map(|(at, component)| {
        let ComponentSpec::Service(service) = &component.spec else { return None };
        Some((at, service.endpoints.iter().find(|known| known.name == endpoint)?))
    });
    let received = |(at, found): (usize, &Endpoint)| {
        let step = found.steps.iter().find_map(|step| match step {
            Step::Receive { size, uplink } => Some((size.clone(), *uplink)),
            _ => None,
        });
        step.map(|(size, uplink)| (at, size, uplink))
    };
    let (at, size, uplink) = services.into_iter().find_map(received)?;
    let size = match size {
        Amount::Drawn(distribution) => {
            Demand::Drawn { distribution, key: body_key(key_of(at, sites), endpoint) }
        }
        Amount::Replayed { column, .. } => Demand::Replayed(column),
    };
    Some(Upload { size, uplink, buffered })
}

/// The site of health checks, if their path is an endpoint that the target declares.
fn probe_site(
    index: usize,
    target: ComponentId,
    health: &HealthSpec,
    sites: &mut Sites<'_>,
) -> Option<SiteId> {
    let path = health.path.as_ref()?;
    let operations = sites.model.components[target.index()].spec.operations();
    let fits = |name: &String| name == path || name.strip_prefix("GET ") == Some(path);
    let operation = OperationId::at(operations.iter().position(fits)?);
    let timeout = Some(health.settings.timeout.as_secs_f64());
    let options = CallOptions { timeout, ..CallOptions::default() };
    Some(sites.call(index, "health", target, operation, RowChoice::None, None, &options))
}
