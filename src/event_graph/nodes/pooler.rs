//! A pooler: its users, each with pools of their own to every member of the database.

use super::key_of;
use crate::base::ComponentId;
use crate::base::random::StreamName;
use crate::components::pooler::Pooler;
use crate::components::pooler::spec::{PoolMode, PoolerBuild, PoolerSpec, User};
use crate::engine::{ConnectionLimit, Demand};
use crate::event_graph::inventory::users;
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn pooler(index: usize, spec: &PoolerSpec, sites: &mut Sites<'_>) -> Pooler {
    let key = key_of(index, sites);
    let instances = u32::from(spec.instances);
    let limit = |instance| ConnectionLimit {
        resource: sites.resource(index, instance, Role::Connections),
        max: spec.max_connections.unwrap_or(u32::MAX),
        told: spec.mode == PoolMode::Session,
    };
    sites.plan.connections[index] = (0..instances).map(limit).collect();
    let relays = sites.relay(index, spec);
    let callers = users(sites.model, index);
    let users = callers.into_iter().zip(relays).enumerate().map(|(at, (caller, site))| User {
        caller: ComponentId::at(caller),
        site,
        pools: (0..instances)
            .map(|instance| sites.resource_of(index, instance, (Role::Pool(spec.to), at)))
            .collect(),
    });
    Pooler::new(PoolerBuild {
        users: users.collect(),
        cpu: (0..instances).map(|instance| sites.resource(index, instance, Role::Cpu)).collect(),
        cost: spec.cost.clone().map(|distribution| {
            let key = key.named(StreamName::new("cost"));
            Demand::Drawn { distribution, key }
        }),
        wait: spec.pool.wait.clone().map(|distribution| {
            let key = key.named(StreamName::new("pool wait"));
            Demand::Drawn { distribution, key }
        }),
        spec: spec.clone(),
    })
}
