//! What a model is made of, numbered: its resources, and the catalog of what can be measured.

use super::bill;
use super::paths::link_owner;
use super::warnings::each_call;
use crate::base::{ComponentId, ResourceId};
use crate::components::load_balancer::spec::{LoadBalancerSpec, RouteSpec};
use crate::components::pooler::spec::PoolMode;
use crate::components::service::spec::Step;
use crate::engine::protection::AdaptiveConcurrency;
use crate::metrics::{Catalog, ClientInfo, ComponentInfo, ResourceInfo, Role};
use crate::scenario::model::{ComponentSpec, Model};

/// The resources of a model in the order of their ids.
pub(super) fn resources(model: &Model) -> Vec<ResourceInfo> {
    let mut list = Vec::new();
    let mut add = |component: usize, instance: u32, role: Role, servers: f64| {
        list.push(ResourceInfo {
            id: ResourceId::at(list.len()),
            component: ComponentId::at(component),
            instance,
            role,
            servers,
        });
    };
    for (index, component) in model.components.iter().enumerate() {
        match &component.spec {
            ComponentSpec::Service(service) => {
                for instance in 0..u32::from(service.most()) {
                    // Who is not there has nothing.
                    let absent = instance >= u32::from(service.instances);
                    let there = |servers: f64| if absent && servers.is_finite() { 0.0 } else { servers };
                    let slots = service.limiting_workers().map_or(f64::INFINITY, f64::from);
                    add(index, instance, Role::Workers, there(slots));
                    add(index, instance, Role::Cpu, there(service.cores));
                    add(index, instance, Role::Io, there(service.io.map_or(f64::INFINITY, f64::from)));
                    if service.cpu_limit.is_some() {
                        add(index, instance, Role::Quota, there(1.0));
                    }
                    if let Some(memory) = &service.memory {
                        add(index, instance, Role::Memory, there((memory.limit / 1024.0).floor().max(1.0)));
                    }
                    if let Some(rule) = &service.concurrency {
                        let limit = AdaptiveConcurrency::new(rule.clone()).limit();
                        add(index, instance, Role::Limit, there(f64::from(limit)));
                    }
                    for pool in &service.pools {
                        let target = model.components.get(pool.target.index());
                        for _ in 0..target.map_or(1, |target| target.spec.pools_of_caller()) {
                            add(index, instance, Role::Pool(pool.target), there(f64::from(pool.size)));
                        }
                    }
                }
                if service.autoscale.is_some() || service.surge > 0 {
                    add(index, 0, Role::Instances, f64::from(service.instances));
                }
                if !service.local_caches.is_empty() {
                    (0..u32::from(service.most())).for_each(|i| add(index, i, Role::Store, f64::INFINITY));
                }
                add(index, 0, Role::Locks, 0.0);
            }
            ComponentSpec::Cache(cache) => {
                for node in 0..u32::from(cache.nodes) {
                    if cache.op_cost.is_some() {
                        add(index, node, Role::Cpu, f64::from(cache.threads));
                    }
                    add(index, node, Role::Store, f64::INFINITY);
                }
                let all = |each: u32| f64::from(each) * f64::from(cache.nodes);
                let connections = cache.max_connections.map_or(f64::INFINITY, all);
                add(index, 0, Role::Connections, connections);
            }
            ComponentSpec::Queue(_) => {
                add(index, 0, Role::Messages, 0.0);
                add(index, 0, Role::Deliveries, f64::INFINITY);
            }
            ComponentSpec::Log(log) => {
                for group in 0..model.workers_of(ComponentId::at(index)).count() as u32 {
                    add(index, group, Role::Backlog, 0.0);
                    add(index, group, Role::Completion, f64::INFINITY);
                    add(index, group, Role::Stopped, f64::from(log.settings.partitions));
                    add(index, group, Role::Age, f64::INFINITY);
                    add(index, group, Role::OffsetLag, f64::INFINITY);
                }
            }
            ComponentSpec::Cdn(cdn) => {
                (0..u32::from(cdn.pops)).for_each(|pop| add(index, pop, Role::Store, f64::INFINITY));
                if cdn.shield {
                    add(index, 0, Role::Shield, f64::INFINITY);
                }
            }
            ComponentSpec::Database(database) => {
                let connections = database.max_connections.map_or(f64::INFINITY, f64::from);
                let layout = database.layout();
                for member in 0..u32::from(layout.members()) {
                    // Who is yet to come has nothing.
                    let waits =
                        database.shards.as_ref().is_some_and(|s| layout.shard_of(member as u16) >= s.count);
                    let cores = if waits { 0.0 } else { database.cores_of(member as u16) };
                    add(index, member, Role::Cpu, cores);
                    add(index, member, Role::Io, database.channels().map_or(f64::INFINITY, f64::from));
                    add(index, member, Role::Wal, 1.0);
                    add(index, member, Role::Locks, 0.0);
                    add(index, member, Role::Connections, connections);
                    if database.layout().replica_of(member as u16).is_some() {
                        add(index, member, Role::Lag, 0.0);
                    }
                }
                if database.replicas.is_some() {
                    let shards = 0..u32::from(database.layout().shards);
                    shards.for_each(|shard| add(index, shard, Role::Outage, 0.0));
                }
                if database.transactional && database.shards.is_some() {
                    add(index, 0, Role::InDoubt, 0.0);
                }
            }
            ComponentSpec::Pooler(pooler) => {
                let to = &model.components[pooler.to.index()].spec;
                // A session is at one member.
                let session = pooler.mode == PoolMode::Session;
                let width = if session { 1 } else { usize::from(to.pools_of_caller()) };
                let pools = users(model, index).len() * width;
                let size = pooler.pool.size.saturating_add(pooler.pool.reserve);
                for instance in 0..u32::from(pooler.instances) {
                    add(index, instance, Role::Cpu, pooler.cores);
                    let most = pooler.max_connections.map_or(f64::INFINITY, f64::from);
                    add(index, instance, Role::Connections, most);
                    (0..pools).for_each(|_| add(index, instance, Role::Pool(pooler.to), f64::from(size)));
                }
            }
            ComponentSpec::LoadBalancer(balancer) => {
                let slots = slots(balancer, model);
                for instance in 0..u32::from(balancer.instances) {
                    add(index, instance, Role::Workers, slots);
                    if balancer.cost.is_some() || balancer.tls.is_some() {
                        add(index, instance, Role::Cpu, balancer.cores);
                    }
                }
            }
        }
    }
    for link in model.network.iter().flat_map(|network| &network.links) {
        if link.bandwidth.is_some() {
            // One station for each way.
            add(link_owner(model, link), 0, Role::Link, 1.0);
            add(link_owner(model, link), 0, Role::Link, 1.0);
        }
    }
    list
}

/// Who calls a pooler: services, each a user of its database; at least one, which then is the pooler itself.
pub(super) fn users(model: &Model, pooler: usize) -> Vec<usize> {
    let calls = |spec: &ComponentSpec| {
        let ComponentSpec::Service(service) = spec else { return false };
        let mut found = service.pools.iter().any(|pool| pool.target.index() == pooler);
        for endpoint in &service.endpoints {
            each_call(&endpoint.steps, &mut |target, _, _| found |= target.index() == pooler);
        }
        found
    };
    let components = model.components.iter().enumerate();
    let mut users: Vec<usize> =
        components.filter(|(_, component)| calls(&component.spec)).map(|(at, _)| at).collect();
    if users.is_empty() {
        users.push(pooler);
    }
    users
}

/// Requests that one instance of a balancer can have in hand: its own limit, or that of all its backends.
fn slots(balancer: &LoadBalancerSpec, model: &Model) -> f64 {
    let own = balancer.connections.map(f64::from);
    let at_backends = balancer.max_conns.map(|most| {
        let mut targets: Vec<usize> =
            balancer.routes.iter().flat_map(RouteSpec::targets).map(ComponentId::index).collect();
        targets.sort_unstable();
        targets.dedup();
        let instances = |at: &usize| model.components.get(*at).map_or(0, |c| c.spec.most());
        f64::from(most) * targets.iter().map(|at| f64::from(instances(at))).sum::<f64>()
    });
    own.or(at_backends).unwrap_or(f64::INFINITY)
}

/// What can be measured of a model.
#[must_use]
pub fn catalog(model: &Model) -> Catalog {
    Catalog {
        components: model
            .components
            .iter()
            .enumerate()
            .map(|(index, component)| ComponentInfo {
                id: ComponentId::at(index),
                name: component.name.clone(),
                kind: component.spec.kind(),
                instances: u32::from(component.spec.most()),
                layout: match &component.spec {
                    ComponentSpec::Database(database) => Some(database.layout()),
                    _ => None,
                },
                cores: cores(&component.spec),
                operations: component.spec.operations(),
            })
            .collect(),
        clients: model
            .clients
            .iter()
            .enumerate()
            .map(|(index, client)| ClientInfo {
                id: ComponentId::at(model.components.len() + index),
                name: client.name.clone(),
                operations: client.mix.iter().map(|entry| entry.endpoint.clone()).collect(),
            })
            .collect(),
        resources: resources(model),
        entities: model.entities.iter().map(|e| e.name.clone()).collect(),
        bill: bill::items(model),
        spikes: bill::spikes(model),
        transactions: model.components.iter().any(|component| match &component.spec {
            ComponentSpec::Service(service) => service.endpoints.iter().any(|e| transacts(&e.steps)),
            _ => false,
        }),
        sells_units: model.components.iter().any(
            |component| matches!(&component.spec, ComponentSpec::Database(spec) if spec.capacity.is_some()),
        ),
    }
}

/// Cores of each instance, or of all alike.
pub(super) fn cores(spec: &ComponentSpec) -> Vec<f64> {
    match spec {
        ComponentSpec::Service(service) => vec![service.cores],
        ComponentSpec::LoadBalancer(balancer) => vec![balancer.cores],
        ComponentSpec::Cache(cache) => vec![f64::from(cache.threads)],
        ComponentSpec::Cdn(_) | ComponentSpec::Queue(_) | ComponentSpec::Log(_) => Vec::new(),
        ComponentSpec::Pooler(pooler) => vec![pooler.cores],
        ComponentSpec::Database(database) => {
            (0..database.layout().members()).map(|member| database.cores_of(member)).collect()
        }
    }
}

/// Whether any of these steps is a transaction or a saga.
fn transacts(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Transaction(_) | Step::Saga(_) => true,
        Step::Call { on_error, .. } => on_error.as_deref().is_some_and(transacts),
        Step::Parallel { branches, on_error, .. } => branches.iter().chain(on_error).any(|s| transacts(s)),
        Step::If { then, otherwise, .. } => transacts(then) || transacts(otherwise),
        Step::Lock { steps, .. } => transacts(steps),
        Step::Cache(step) => transacts(step.beyond()),
        _ => false,
    })
}
