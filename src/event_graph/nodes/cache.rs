//! A cache: the streams and resources of its nodes.

use super::key_of;
use crate::base::ComponentId;
use crate::base::random::{Distribution, StreamName};
use crate::components::cache::Cache;
use crate::components::cache::spec::{CacheBuild, CacheSpec};
use crate::engine::{ConnectionLimit, Demand};
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn cache(index: usize, spec: &CacheSpec, sites: &mut Sites<'_>) -> Cache {
    let key = key_of(index, sites);
    let drawn = |what: &'static str, distribution: &Option<Distribution>| {
        let key = key.named(StreamName::new(what));
        distribution.clone().map(|distribution| Demand::Drawn { distribution, key })
    };
    if let Some(max) = spec.max_connections {
        let resource = sites.resource(index, 0, Role::Connections);
        sites.plan.connections[index] =
            vec![ConnectionLimit { resource, max: max.saturating_mul(u32::from(spec.nodes)), told: false }];
    }
    for &(entity, store, query) in &spec.read_through {
        sites.read_through(ComponentId::at(index), entity, (store, query));
    }
    for (entity, feed) in &spec.change_feeds {
        sites.feed(ComponentId::at(index), *entity, feed);
    }
    let each =
        |role: Role| (0..u32::from(spec.nodes)).map(|node| sites.resource(index, node, role)).collect();
    Cache::new(CacheBuild {
        cpu: each(Role::Cpu),
        stores: each(Role::Store),
        ttl: drawn("ttl", &spec.ttl),
        negative_ttl: drawn("negative ttl", &spec.negative_ttl),
        op_cost: drawn("op cost", &spec.op_cost),
        key: key.named(StreamName::new("eviction")),
        spec: spec.clone(),
    })
}
