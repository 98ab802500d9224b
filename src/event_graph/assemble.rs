//! Everything that one replication of a model needs: nodes, plan and, once for all, the catalog.

use std::sync::Arc;

use super::lower;
use crate::base::random::{Key, Permutation, StreamName, Zipf};
use crate::base::{ComponentId, EntityId, OperationId, ResourceId, SimDuration};
use crate::components::Component;
use crate::components::database::Database;
use crate::components::database::spec::{DatabaseBuild, Query};
use crate::components::load_balancer::LoadBalancer;
use crate::components::load_balancer::spec::{Backend, LoadBalancerBuild, Route, RouteSpec};
use crate::components::service::Service;
use crate::components::service::spec::{CallOptions, InstanceResources, ServiceBuild};
use crate::engine::{
    CallSite, ConnectionLimit, Demand, EntityPlan, Plan, PoolPlan, Popularity, Reload, Retry, RowChoice,
    SiteId, Target, Trait,
};
use crate::metrics::{Catalog, ClientInfo, ComponentInfo, ResourceInfo, Role};
use crate::scenario::model::{ComponentSpec, LoopSpec, Model};
use crate::workload::{ClientBuild, Loop, MixEntry, Source};

/// One replication, ready to run.
pub struct Assembly {
    /// Components, then client populations.
    pub nodes: Vec<Component>,
    /// What is fixed.
    pub plan: Arc<Plan>,
}

/// Call sites and conditions as they are collected.
pub(super) struct Sites<'a> {
    model: &'a Model,
    root: Key,
    plan: Plan,
    /// The first pool of (caller, target).
    pools: Vec<(usize, ComponentId, u32)>,
    rotors: Vec<(usize, ComponentId, u32)>,
    traits: Vec<(String, String)>,
    ordinals: Vec<(usize, String, ComponentId, OperationId, u64)>,
}

/// The resources of a model in the order of their ids.
fn resources(model: &Model) -> Vec<ResourceInfo> {
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
                for instance in 0..u32::from(service.instances) {
                    let slots = service.limiting_workers().map_or(f64::INFINITY, f64::from);
                    add(index, instance, Role::Workers, slots);
                    add(index, instance, Role::Cpu, service.cores);
                    add(index, instance, Role::Io, service.io.map_or(f64::INFINITY, f64::from));
                    for pool in &service.pools {
                        add(index, instance, Role::Pool(pool.target), f64::from(pool.size));
                    }
                }
                add(index, 0, Role::Locks, 0.0);
            }
            ComponentSpec::Database(database) => {
                add(index, 0, Role::Cpu, database.cores);
                add(index, 0, Role::Io, database.io.map_or(f64::INFINITY, f64::from));
                add(index, 0, Role::Wal, 1.0);
                add(index, 0, Role::Locks, 0.0);
                add(index, 0, Role::Connections, database.max_connections.map_or(f64::INFINITY, f64::from));
            }
            ComponentSpec::LoadBalancer(_) => {}
        }
    }
    list
}

/// What can be measured of a model.
#[must_use]
pub fn catalog(model: &Model) -> Catalog {
    let price = |name: &str| model.prices.per_hour.iter().find(|(n, _)| n == name).map(|(_, price)| *price);
    Catalog {
        components: model
            .components
            .iter()
            .enumerate()
            .map(|(index, component)| ComponentInfo {
                id: ComponentId::at(index),
                name: component.name.clone(),
                kind: component.spec.kind(),
                instances: u32::from(component.spec.instances()),
                price_per_hour: price(&component.name),
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
        egress_price_per_byte: model.prices.egress_per_byte,
    }
}

/// Builds replication `replication` of `model`.
#[must_use]
pub fn assemble(model: &Model, replication: u32) -> Assembly {
    let root = Key::root(model.run.seed, u64::from(replication));
    let infos = resources(model);
    let find = |component: usize, instance: u32, role: Role| {
        infos
            .iter()
            .find(|r| r.component.index() == component && r.instance == instance && r.role == role)
            .map_or(ResourceId(u32::MAX), |r| r.id)
    };
    let mut sites = Sites {
        model,
        root,
        plan: Plan::default(),
        pools: Vec::new(),
        rotors: Vec::new(),
        traits: Vec::new(),
        ordinals: Vec::new(),
    };
    sites.plan.entities = model.entities.iter().map(|entity| entity_plan(entity, root)).collect();
    sites.plan.connections = vec![None; model.components.len() + model.clients.len()];
    for (index, component) in model.components.iter().enumerate() {
        if let ComponentSpec::Service(service) = &component.spec {
            for pool in &service.pools {
                let first = sites.plan.pools.len() as u32;
                sites.pools.push((index, pool.target, first));
                let key = root.named(StreamName::new(&component.name)).named(StreamName::new("pool wait"));
                for instance in 0..u32::from(service.instances) {
                    let wait = pool.wait.clone().map(|distribution| Demand::Drawn { distribution, key });
                    let resource = find(index, instance, Role::Pool(pool.target));
                    sites.plan.pools.push(PoolPlan { resource, size: pool.size, wait });
                }
            }
        }
    }
    let mut nodes = Vec::new();
    for (index, component) in model.components.iter().enumerate() {
        let key = root.named(StreamName::new(&component.name));
        nodes.push(match &component.spec {
            ComponentSpec::Service(service) => {
                let program = lower::program(service, &mut sites, index, key);
                let resources = (0..u32::from(service.instances)).map(|instance| InstanceResources {
                    workers: find(index, instance, Role::Workers),
                    cpu: find(index, instance, Role::Cpu),
                    io: find(index, instance, Role::Io),
                });
                Component::Service(Service::new(ServiceBuild {
                    spec: service.clone(),
                    program,
                    resources: resources.collect(),
                    locks: find(index, 0, Role::Locks),
                    max_wait: service.max_wait.clone().map(|distribution| Demand::Drawn {
                        distribution,
                        key: key.named(StreamName::new("max wait")),
                    }),
                }))
            }
            ComponentSpec::Database(database) => {
                let drawn =
                    |name: &str, what: &'static str, distribution: &crate::base::random::Distribution| {
                        let key = key.named(StreamName::new(name)).named(StreamName::new(what));
                        Demand::Drawn { distribution: distribution.clone(), key }
                    };
                let queries = database.queries.iter().map(|query| Query {
                    entity: query.entity,
                    writes: query.writes,
                    cpu: drawn(&query.name, "cpu", &query.cpu),
                    io: query.io.as_ref().map(|d| drawn(&query.name, "io", d)),
                    wal: query.wal.as_ref().map(|d| drawn(&query.name, "wal", d)),
                    lock: query.lock,
                });
                if let Some(max) = database.max_connections {
                    let resource = find(index, 0, Role::Connections);
                    sites.plan.connections[index] = Some(ConnectionLimit { resource, max });
                }
                Component::Database(Database::new(DatabaseBuild {
                    queries: queries.collect(),
                    commit: database.commit.as_ref().map(|d| drawn("", "commit", d)),
                    cpu: find(index, 0, Role::Cpu),
                    io: find(index, 0, Role::Io),
                    wal: find(index, 0, Role::Wal),
                    locks: find(index, 0, Role::Locks),
                    spec: database.clone(),
                }))
            }
            ComponentSpec::LoadBalancer(balancer) => {
                let endpoints = sites.endpoints();
                let options = CallOptions { timeout: balancer.read_timeout, ..CallOptions::default() };
                let routes = balancer
                    .routes
                    .iter()
                    .map(|route| Route {
                        operations: endpoints.iter().map(|e| matches(route, e)).collect(),
                        traits: route.customer.iter().map(|(n, v)| sites.customer_trait(n, v)).collect(),
                        backends: route
                            .to
                            .iter()
                            .map(|(target, weight)| Backend {
                                site: sites.pass_on(index, *target, &endpoints, &options),
                                instances: model.components[target.index()].spec.instances(),
                                weight: *weight,
                            })
                            .collect(),
                    })
                    .collect();
                Component::LoadBalancer(LoadBalancer::new(LoadBalancerBuild {
                    spec: balancer.clone(),
                    routes,
                    key: key.named(StreamName::new("pick")),
                }))
            }
        });
    }
    for (index, client) in model.clients.iter().enumerate() {
        let me = model.components.len() + index;
        let key = root.named(StreamName::new(&client.name));
        let endpoints = sites.endpoints();
        let mut mix = Vec::new();
        for entry in &client.mix {
            let site = sites.pass_on(me, client.to, &endpoints, &entry.options);
            let at = sites.operation_of(client.to, &entry.endpoint, &endpoints);
            let record = &mut sites.plan.sites[site.0 as usize];
            record.operations = Vec::new();
            record.target.operation = at;
            record.reload = client.reload.map(|reload| Reload {
                after: SimDuration::from_secs_f64(reload.after),
                chance: reload.chance,
                max: reload.max,
                key: key.named(StreamName::new("reload")),
            });
            mix.push(MixEntry { weight: entry.weight, site, priority: entry.priority });
        }
        let behaviour = match &client.behaviour {
            LoopSpec::Open => Loop::Open,
            LoopSpec::Sessions { requests, think } => {
                Loop::Sessions { requests: requests.clone(), think: think.clone() }
            }
            LoopSpec::Closed { users, think } => Loop::Closed { users: *users, think: think.clone() },
            LoopSpec::Replay { rows, columns } => {
                sites.plan.replayed.clone_from(columns);
                Loop::Replay(rows.clone())
            }
        };
        nodes.push(Component::Client(Source::new(ClientBuild {
            behaviour,
            arrivals: client.arrivals.clone(),
            profile: client.profile.clone(),
            mix,
            key,
            entities: model.entities.len() as u16,
            horizon: model.run.duration.as_secs_f64(),
        })));
    }
    Assembly { nodes, plan: Arc::new(sites.plan) }
}

fn entity_plan(entity: &crate::scenario::model::EntitySpec, root: Key) -> EntityPlan {
    let key = root.named(StreamName::new("data")).named(StreamName::new(&entity.name));
    let popularity = match entity.zipf {
        None => Popularity::Uniform,
        Some(exponent) => Popularity::Zipf {
            zipf: Zipf::new(entity.rows.max(1), exponent),
            scatter: (!entity.newest_hot)
                .then(|| Permutation::new(entity.rows.max(1), key.named(StreamName::new("scatter")))),
        },
    };
    EntityPlan { rows: entity.rows, popularity, key }
}

/// Whether a route takes `METHOD /path`.
pub(super) fn matches(route: &RouteSpec, endpoint: &str) -> bool {
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

impl Sites<'_> {
    /// All endpoint names that clients ask for: the operations of a load balancer.
    fn endpoints(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let asked = self.model.clients.iter().flat_map(|c| c.mix.iter().map(|m| m.endpoint.clone()));
        let served = self.model.components.iter().flat_map(|c| match &c.spec {
            ComponentSpec::Service(_) => c.spec.operations(),
            _ => Vec::new(),
        });
        for name in asked.chain(served) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    }

    fn operation_of(&self, target: ComponentId, endpoint: &str, endpoints: &[String]) -> OperationId {
        let component = &self.model.components[target.index()].spec;
        let known = match component {
            ComponentSpec::LoadBalancer(_) => endpoints.to_vec(),
            other => other.operations(),
        };
        OperationId::at(known.iter().position(|name| name == endpoint).unwrap_or(0))
    }

    fn rotor(&mut self, caller: usize, target: ComponentId) -> u32 {
        if let Some((.., first)) = self.rotors.iter().find(|(c, t, _)| *c == caller && *t == target) {
            return *first;
        }
        let first = self.plan.rotors;
        let instances = self.model.components.get(caller).map_or(1, |c| c.spec.instances());
        self.plan.rotors += u32::from(instances);
        self.rotors.push((caller, target, first));
        first
    }

    fn site(&mut self, caller: usize, target: ComponentId, options: &CallOptions) -> CallSite {
        let rotor = self.rotor(caller, target);
        let key = self.root.named(StreamName::new("retry")).with(caller as u64);
        let retry = options.retry.as_ref().map(|retry| Retry {
            attempts: retry.attempts,
            base: SimDuration::from_secs_f64(retry.backoff.0),
            cap: SimDuration::from_secs_f64(retry.backoff.1),
            multiplier: retry.multiplier,
            jitter: retry.jitter,
            on: retry.on,
            budget: retry.budget,
            key,
        });
        let budget = self.plan.budgets;
        self.plan.budgets += u32::from(retry.as_ref().is_some_and(|r| r.budget.is_some()));
        CallSite {
            caller: ComponentId::at(caller),
            target: Target {
                component: target,
                operation: OperationId(0),
                instances: self.model.components[target.index()].spec.instances(),
                rotor,
            },
            operations: Vec::new(),
            salt: None,
            row: RowChoice::None,
            size: None,
            timeout: options.timeout.map(SimDuration::from_secs_f64),
            deadline: options.deadline.map(SimDuration::from_secs_f64),
            retry,
            reload: None,
            pool: self.pools.iter().find(|(c, t, _)| *c == caller && *t == target).map(|(.., first)| *first),
            cancels: options.cancel,
            budget,
            path: None,
        }
    }

    fn add(&mut self, site: CallSite) -> SiteId {
        self.plan.sites.push(site);
        SiteId(self.plan.sites.len() as u32 - 1)
    }

    /// A site that passes requests on under their own name.
    fn pass_on(
        &mut self,
        caller: usize,
        target: ComponentId,
        endpoints: &[String],
        options: &CallOptions,
    ) -> SiteId {
        let operations = endpoints.iter().map(|name| self.operation_of(target, name, endpoints)).collect();
        let site = CallSite { operations, ..self.site(caller, target, options) };
        self.add(site)
    }

    /// A site of a step. Its salt tells it from the other calls that the same visit makes there.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn call(
        &mut self,
        caller: usize,
        endpoint: &str,
        target: ComponentId,
        operation: OperationId,
        row: RowChoice,
        size: Option<Demand>,
        options: &CallOptions,
    ) -> SiteId {
        let same = |o: &&mut (usize, String, ComponentId, OperationId, u64)| {
            o.0 == caller && o.1 == endpoint && o.2 == target && o.3 == operation
        };
        let ordinal = match self.ordinals.iter_mut().find(same) {
            Some(entry) => {
                entry.4 += 1;
                entry.4
            }
            None => {
                self.ordinals.push((caller, endpoint.to_owned(), target, operation, 0));
                0
            }
        };
        let name = &self.model.components[caller].name;
        let salt = Key::default().named(StreamName::new(name)).named(StreamName::new(endpoint)).with(ordinal);
        // `new` is a row of the entity that the query writes.
        let row = match row {
            RowChoice::New(EntityId(u16::MAX)) => match &self.model.components[target.index()].spec {
                ComponentSpec::Database(database) => {
                    database.queries[operation.index()].entity.map_or(RowChoice::None, RowChoice::New)
                }
                _ => RowChoice::None,
            },
            other => other,
        };
        let mut site = CallSite { salt: Some(salt), row, size, ..self.site(caller, target, options) };
        site.target.operation = operation;
        self.add(site)
    }

    /// The condition that a customer's header or body field has a value.
    pub(super) fn customer_trait(&mut self, name: &str, value: &str) -> u32 {
        if let Some(at) = self.traits.iter().position(|(n, v)| n == name && v == value) {
            return at as u32;
        }
        let components = self.model.components.len();
        let holds = self.model.clients.iter().enumerate().filter_map(|(index, client)| {
            let (_, values) = client.fields.iter().find(|(field, _)| field == name)?;
            let mut low = 0.0;
            for (other, share) in values {
                if other == value {
                    return Some((ComponentId::at(components + index), low, low + share));
                }
                low += share;
            }
            None
        });
        let key = self.root.named(StreamName::new("field")).named(StreamName::new(name));
        self.plan.traits.push(Trait { holds: holds.collect(), key });
        self.traits.push((name.to_owned(), value.to_owned()));
        self.traits.len() as u32 - 1
    }
}
