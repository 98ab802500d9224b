//! Call sites, conditions and paths as they are collected while a model is assembled.

use super::inventory::{resources, users};
use super::paths::Paths;
use crate::base::random::{Distribution, Key, Permutation, StreamName, Zipf};
use crate::base::{ComponentId, EntityId, OperationId, ResourceId, SimDuration};
use crate::components::cache::spec::ChangeFeed;
use crate::components::database::spec::{Consistency, DatabaseSpec, QuerySpec};
use crate::components::log::producer::Producing;
use crate::components::pooler::spec::{PoolMode, PoolerSpec};
use crate::components::service::spec::{CallOptions, PoolSpec, RetrySpec};
use crate::engine::protection::RetryBudget;
use crate::engine::{
    CallSite, ClusterPlan, Demand, EntityPlan, FeedPlan, Fleet, InTransaction, Item, Jitter, Nearest, Nodes,
    Plan, PoolPlan, Popularity, ReadRoute, Retry, RetryOn, RowChoice, SiteId, Target, Terms, Trait, Verb,
};
use crate::metrics::{ResourceInfo, Role};
use crate::scenario::model::{ClientSpec, ComponentModel, ComponentSpec, EntitySpec, Model, PopularitySpec};

/// Call sites and conditions as they are collected.
pub(super) struct Sites<'a> {
    pub(super) model: &'a Model,
    pub(super) root: Key,
    pub(super) plan: Plan,
    infos: Vec<ResourceInfo>,
    paths: Paths<'a>,
    /// The first pool of (caller, target).
    pools: Vec<(usize, ComponentId, u32)>,
    rotors: Vec<(usize, ComponentId, u32)>,
    traits: Vec<(String, String)>,
    ordinals: Vec<(usize, String, ComponentId, OperationId, u64)>,
}

impl<'a> Sites<'a> {
    /// The pools and entities of a model, and no call sites yet.
    pub(super) fn new(model: &'a Model, root: Key) -> Self {
        let infos = resources(model);
        let links = infos.iter().filter(|r| r.role == Role::Link).map(|r| r.id);
        let paths = Paths::new(model, root, links);
        let mut sites = Self {
            model,
            root,
            plan: Plan::default(),
            infos,
            paths,
            pools: Vec::new(),
            rotors: Vec::new(),
            traits: Vec::new(),
            ordinals: Vec::new(),
        };
        sites.plan.entities = model.entities.iter().map(|entity| entity_plan(entity, root)).collect();
        sites.plan.connections = vec![Vec::new(); model.components.len() + model.clients.len()];
        for component in &model.components {
            sites.plan.fleets.push(Fleet { start: component.spec.instances(), most: component.spec.most() });
        }
        for client in &model.clients {
            let places = client.from.len().max(1) as u16;
            sites.plan.fleets.push(Fleet { start: places, most: places });
        }
        for (index, component) in model.components.iter().enumerate() {
            if let ComponentSpec::Cache(cache) = &component.spec
                && cache.nodes > 1
            {
                let nodes = Nodes::new(cache.placement, cache.nodes);
                sites.plan.spread.push((ComponentId::at(index), nodes));
            }
            if let ComponentSpec::Database(database) = &component.spec
                && database.layout().members() > 1
            {
                sites.plan.versions_matter = true;
                sites.plan.clusters.push(ClusterPlan {
                    component: ComponentId::at(index),
                    layout: database.layout(),
                    writes: database.queries.iter().map(|query| query.writes).collect(),
                    sharding: database.shards.as_ref().map(|shards| {
                        super::nodes::shards::sharding(
                            database,
                            shards,
                            (&model.entities, &sites.plan.entities),
                        )
                    }),
                    route: database.replicas.as_ref().map_or(ReadRoute::Primary, |replicas| replicas.route),
                    owners: owners(model),
                    zones: zones_of(component, database),
                    dns_ttl: SimDuration::from_secs_f64(
                        database.failover.as_ref().map_or(0.0, |f| f.dns_ttl),
                    ),
                    buffer: database
                        .failover
                        .as_ref()
                        .and_then(|failover| failover.buffer)
                        .map(|(most, span)| (most, SimDuration::from_secs_f64(span))),
                    key: root.named(StreamName::new(&component.name)).named(StreamName::new("route")),
                });
            }
            if let ComponentSpec::Database(database) = &component.spec {
                let old = |query: &QuerySpec| query.consistency == Consistency::Eventual;
                sites.plan.versions_matter |= database.capacity.is_some() && database.queries.iter().any(old);
            }
            if let ComponentSpec::Service(service) = &component.spec {
                for pool in &service.pools {
                    sites.add_pool(index, &component.name, service.most(), pool);
                }
            }
        }
        sites
    }

    fn add_pool(&mut self, caller: usize, name: &str, instances: u16, pool: &PoolSpec) {
        self.pools.push((caller, pool.target, self.plan.pools.len() as u32));
        let key = self.root.named(StreamName::new(name)).named(StreamName::new("pool wait"));
        for instance in 0..u32::from(instances) {
            // One for each member of the target.
            let all = self.resources(caller, instance, Role::Pool(pool.target));
            for resource in all.collect::<Vec<_>>() {
                let wait = pool.wait.clone().map(|distribution| Demand::Drawn { distribution, key });
                let plain = PoolPlan { resource, size: pool.size, wait, reserve: None, pinned: false };
                self.plan.pools.push(plain);
            }
        }
    }

    /// The resources that an instance of a component has in this role.
    fn resources(&self, component: usize, instance: u32, role: Role) -> impl Iterator<Item = ResourceId> {
        let fits = move |r: &&ResourceInfo| {
            r.component.index() == component && r.instance == instance && r.role == role
        };
        self.infos.iter().filter(fits).map(|r| r.id)
    }

    /// The resource that an instance of a component has in this role.
    pub(super) fn resource(&self, component: usize, instance: u32, role: Role) -> ResourceId {
        let fits =
            |r: &&ResourceInfo| r.component.index() == component && r.instance == instance && r.role == role;
        self.infos.iter().find(fits).map_or(ResourceId(u32::MAX), |r| r.id)
    }

    /// One of the several resources that an instance of a component has in this role.
    pub(super) fn resource_of(
        &self,
        component: usize,
        instance: u32,
        (role, at): (Role, usize),
    ) -> ResourceId {
        self.resources(component, instance, role).nth(at).unwrap_or(ResourceId(u32::MAX))
    }

    /// The plan with everything that was collected.
    pub(super) fn finish(self) -> Plan {
        let Self { mut plan, paths, model, .. } = self;
        (plan.paths, plan.links) = (paths.plans, paths.links);
        plan.replayed = model.replayed.clone();
        plan.components = model.components.len() as u16;
        plan.metered = super::bill::metered(model);
        plan
    }

    /// The operations of a load balancer: what services serve, and whatever else clients ask for.
    pub(super) fn endpoints(&self) -> Vec<String> {
        let mut all: Vec<String> = self.model.endpoints().into_iter().map(str::to_owned).collect();
        let asked = |client: &'a crate::scenario::model::ClientSpec| {
            let polled = client.poll.as_ref().map(|poll| &poll.endpoint);
            client.mix.iter().map(|entry| &entry.endpoint).chain(polled)
        };
        for endpoint in self.model.clients.iter().flat_map(asked) {
            if !all.contains(endpoint) {
                all.push(endpoint.clone());
            }
        }
        all
    }

    pub(super) fn operation_of(
        &self,
        target: ComponentId,
        endpoint: &str,
        endpoints: &[String],
    ) -> OperationId {
        let component = &self.model.components[target.index()].spec;
        let known = match component {
            ComponentSpec::LoadBalancer(_) | ComponentSpec::Cdn(_) => endpoints.to_vec(),
            other => other.operations(),
        };
        OperationId::at(known.iter().position(|name| name == endpoint).unwrap_or(0))
    }

    pub(super) fn is_queue(&self, component: ComponentId) -> bool {
        matches!(self.model.components[component.index()].spec, ComponentSpec::Queue(_))
    }

    /// Whether an operation of a database writes.
    pub(super) fn writes(&self, component: ComponentId, operation: OperationId) -> bool {
        match &self.model.components[component.index()].spec {
            ComponentSpec::Database(database) => {
                database.queries.get(operation.index()).is_some_and(|query| query.writes)
            }
            _ => false,
        }
    }

    /// By member of a database: its zone, a number of its own; empty where copies lie in one.
    pub(super) fn zones_of(&self, index: usize) -> Vec<u16> {
        let component = &self.model.components[index];
        match &component.spec {
            ComponentSpec::Database(database) => zones_of(component, database),
            _ => Vec::new(),
        }
    }

    /// The way between two components.
    pub(super) fn path(&mut self, caller: usize, target: ComponentId) -> Option<u32> {
        self.paths.between(caller, target)
    }

    /// What callers of a database of several members go by.
    fn cluster(&self, target: ComponentId) -> Option<u32> {
        self.plan.clusters.iter().position(|cluster| cluster.component == target).map(|at| at as u32)
    }

    fn rotor(&mut self, caller: usize, target: ComponentId) -> u32 {
        if let Some((.., first)) = self.rotors.iter().find(|(c, t, _)| *c == caller && *t == target) {
            return *first;
        }
        let first = self.plan.rotors;
        let instances = self.caller_instances(caller);
        self.plan.rotors += instances as u32;
        self.rotors.push((caller, target, first));
        first
    }

    /// Instances of a component, or places that a client population sends from.
    fn caller_instances(&self, caller: usize) -> usize {
        match self.model.components.get(caller) {
            Some(component) => usize::from(component.spec.most().max(1)),
            None => self.model.clients[caller - self.model.components.len()].from.len().max(1),
        }
    }

    fn site(
        &mut self,
        caller: usize,
        target: ComponentId,
        options: &CallOptions,
        idempotent: bool,
    ) -> CallSite {
        let callers = self.caller_instances(caller);
        let rotor = self.rotor(caller, target);
        let key = self.root.named(StreamName::new("retry")).with(caller as u64);
        let retry = options.retry.as_ref().map(|retry| Retry {
            attempts: retry.attempts,
            base: SimDuration::from_secs_f64(retry.backoff.0),
            cap: SimDuration::from_secs_f64(retry.backoff.1),
            multiplier: retry.multiplier,
            jitter: retry.jitter,
            on: retry.on,
            budget: retry.budget.clone(),
            honours_retry_after: retry.honour_retry_after,
            repeats_sent: idempotent || retry.idempotency_key || retry.non_idempotent != Some(false),
            key,
        });
        let budget = self.plan.budgets.len() as u32;
        let budgeted = retry.as_ref().and_then(|retry| retry.budget.clone());
        let budget_is_shared = budgeted.as_ref().is_none_or(RetryBudget::is_plain);
        let copies = if budget_is_shared { 1 } else { callers };
        self.plan.budgets.extend(budgeted.into_iter().flat_map(|budget| std::iter::repeat_n(budget, copies)));
        let throttle = each(&mut self.plan.throttles, options.throttle.clone(), callers);
        let bulkhead = each(&mut self.plan.bulkheads, options.bulkhead, callers);
        let hedged = options.hedge.as_ref().filter(|hedge| idempotent || hedge.non_idempotent);
        let hedge = each(&mut self.plan.hedges, hedged.map(|hedge| hedge.hedge.clone()), callers);
        let guards = [throttle, bulkhead, hedge].iter().any(Option::is_some);
        let breaker = each(&mut self.plan.breakers, options.breaker, callers);
        CallSite {
            caller: ComponentId::at(caller),
            target: Target {
                component: target,
                operation: OperationId(0),
                instances: self.model.components[target.index()].spec.most(),
                rotor,
            },
            operations: Vec::new(),
            salt: None,
            row: RowChoice::None,
            size: None,
            item: None,
            timeout: options.timeout.map(SimDuration::from_secs_f64),
            deadline: options.deadline.map(SimDuration::from_secs_f64),
            retry,
            reload: None,
            pool_width: self.model.components[target.index()].spec.pools_of_caller(),
            cluster: self.cluster(target),
            pool: self.pools.iter().find(|(c, t, _)| *c == caller && *t == target).map(|(.., first)| *first),
            breaker,
            keeps_alive: false,
            multiplexed: false,
            throttle,
            bulkhead,
            hedge,
            propagates: options.propagate,
            guarded: guards || options.propagate || !budget_is_shared,
            // Whoever leaves a pooler closes its socket, which it sees at once.
            cancels: options.cancel
                || matches!(self.model.components[target.index()].spec, ComponentSpec::Pooler(_)),
            stops: options.stop,
            noticed_every: match &self.model.components[target.index()].spec {
                ComponentSpec::Database(database) => {
                    database.connection_check.map(SimDuration::from_secs_f64)
                }
                _ => None,
            },
            budget,
            budget_is_shared,
            outbox: options.outbox,
            after_write: false,
            nearest: self.nearest(caller, target),
            path: self.paths.between(caller, target),
            relays: false,
            in_transaction: InTransaction::No,
            writes: false,
        }
    }

    /// The sites of a pooler, one for each of its users: each has pools of its own.
    pub(super) fn relay(&mut self, pooler: usize, spec: &PoolerSpec) -> Vec<SiteId> {
        let (instances, to) = (u32::from(spec.instances), spec.to);
        let width = usize::from(self.model.components[to.index()].spec.pools_of_caller());
        let pinned = spec.mode == PoolMode::Session;
        let name = &self.model.components[pooler].name;
        let key = self.root.named(StreamName::new(name)).named(StreamName::new("pool wait"));
        let reserve = (spec.pool.reserve > 0)
            .then(|| (spec.pool.reserve, SimDuration::from_secs_f64(spec.pool.reserve_after)));
        let users = users(self.model, pooler).len();
        let mut relays = Vec::new();
        for user in 0..users {
            let first = self.plan.pools.len() as u32;
            for instance in 0..instances {
                let all: Vec<_> = self.resources(pooler, instance, Role::Pool(to)).collect();
                for member in 0..width {
                    let at = if pinned { user } else { user * width + member };
                    let resource = all.get(at).copied().unwrap_or(ResourceId(u32::MAX));
                    let wait = spec.pool.wait.clone();
                    let wait = wait.map(|distribution| Demand::Drawn { distribution, key });
                    self.plan.pools.push(PoolPlan { resource, size: spec.pool.size, wait, reserve, pinned });
                }
            }
            // Behind the queries: the commit of a transaction.
            let operations = (0..=spec.queries.len()).map(OperationId::at).collect();
            let plain = self.site(pooler, to, &CallOptions::default(), true);
            relays.push(self.add(CallSite { operations, relays: true, pool: Some(first), ..plain }));
        }
        relays
    }

    /// The places of a CDN that are nearest to each of a caller's instances or regions.
    fn nearest(&self, caller: usize, target: ComponentId) -> Option<Nearest> {
        let to = &self.model.components[target.index()];
        let ComponentSpec::Cdn(cdn) = &to.spec else { return None };
        // Without a network all places are equally near.
        let network = self.model.network.as_ref();
        if !cdn.located || cdn.pops < 2 {
            return None;
        }
        let from: Vec<&str> = match self.model.components.get(caller) {
            Some(component) => component.zones.iter().map(String::as_str).collect(),
            None => {
                let client = &self.model.clients[caller - self.model.components.len()];
                client.from.iter().map(|(name, _)| name.as_str()).collect()
            }
        };
        let zone = |name: &str| network.and_then(|n| n.zones_of(name).first().copied()).unwrap_or(0);
        let far = |from: usize, place: u16| {
            let name = &to.zones[usize::from(place) % to.zones.len()];
            network.map_or(0.0, |n| n.round_trip(from, zone(name)).map_or(f64::INFINITY, Distribution::mean))
        };
        let nearest_to = |from: usize| {
            let least = (0..cdn.pops).map(|place| far(from, place)).fold(f64::INFINITY, f64::min);
            (0..cdn.pops).filter(|place| far(from, *place) <= least).collect::<Vec<u16>>()
        };
        let callers = self.caller_instances(caller);
        let home = |at: usize| from.get(at % from.len().max(1)).map_or(0, |name| zone(name));
        Some(Nearest {
            places: (0..callers).map(|at| nearest_to(home(at))).collect(),
            key: self.root.named(StreamName::new(&to.name)).named(StreamName::new("place")),
        })
    }

    fn add(&mut self, site: CallSite) -> SiteId {
        self.plan.sites.push(site);
        SiteId(self.plan.sites.len() as u32 - 1)
    }

    /// A site that passes requests on under their own name.
    pub(super) fn pass_on(
        &mut self,
        caller: usize,
        target: ComponentId,
        endpoints: &[String],
        options: &CallOptions,
        idempotent: bool,
    ) -> SiteId {
        let operations = endpoints.iter().map(|name| self.operation_of(target, name, endpoints)).collect();
        let site = CallSite { operations, ..self.site(caller, target, options, idempotent) };
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
            RowChoice::New(EntityId(u16::MAX)) => match self.model.answering(target) {
                ComponentSpec::Database(database) => {
                    database.queries[operation.index()].entity.map_or(RowChoice::None, RowChoice::New)
                }
                _ => RowChoice::None,
            },
            other => other,
        };
        let idempotent = match self.model.answering(target) {
            ComponentSpec::Database(database) => {
                database.queries.get(operation.index()).is_some_and(|query| !query.writes)
            }
            other => other.operations().get(operation.index()).is_none_or(|name| is_idempotent(name)),
        };
        let producer = match &self.model.components[target.index()].spec {
            ComponentSpec::Log(log) => Some(producer_options(options, &log.producing)),
            _ => None,
        };
        let options = producer.as_ref().unwrap_or(options);
        let mut site =
            CallSite { salt: Some(salt), row, size, ..self.site(caller, target, options, idempotent) };
        site.target.operation = operation;
        site.writes = matches!(
            &self.model.components[target.index()].spec,
            ComponentSpec::Database(database)
                if database.queries.get(operation.index()).is_some_and(|query| query.writes)
        );
        self.add(site)
    }

    /// A statement is one of the transaction of its caller.
    pub(super) fn join_transaction(&mut self, site: SiteId) {
        self.plan.sites[site.0 as usize].in_transaction = InTransaction::Statement;
    }

    /// The site at which a transaction with a database, or through the pooler before it, is committed.
    pub(super) fn commit(&mut self, caller: usize, endpoint: &str, database: ComponentId) -> SiteId {
        let queries = match self.model.answering(database) {
            ComponentSpec::Database(spec) => spec.queries.len(),
            _ => 0,
        };
        // Behind the database's own statements.
        let operation = OperationId::at(queries);
        let options = CallOptions::default();
        let site = self.call(caller, endpoint, database, operation, RowChoice::None, None, &options);
        self.plan.sites[site.0 as usize].in_transaction = InTransaction::Commit;
        site
    }

    /// A site of a step that does something with a row in a cache.
    pub(super) fn cache(
        &mut self,
        (caller, endpoint): (usize, &str),
        cache: ComponentId,
        (verb, entity): (Verb, EntityId),
        (ttl, terms): (Option<Demand>, Terms),
        options: &CallOptions,
    ) -> SiteId {
        let row = RowChoice::Own(entity);
        let site = self.call(caller, endpoint, cache, verb.on(entity), row, None, options);
        self.plan.sites[site.0 as usize].item = Some(Item { entity, verb, ttl, terms });
        site
    }

    /// The site at which a cache writes rows of an entity back to the store, once for each entity.
    pub(super) fn write_back(
        &mut self,
        cache: ComponentId,
        entity: EntityId,
        (store, query): (ComponentId, OperationId),
    ) {
        if self.plan.write_backs.iter().any(|(known, of, _)| *known == cache && *of == entity) {
            return;
        }
        let row = RowChoice::Own(entity);
        let site = self.call(cache.index(), "write back", store, query, row, None, &CallOptions::default());
        self.plan.sites[site.0 as usize].item =
            Some(Item { entity, verb: Verb::PutBack, ttl: None, terms: Terms::default() });
        self.plan.write_backs.push((cache, entity, site));
    }

    /// Whether a cache fetches rows of an entity by itself.
    pub(super) fn reads_through(&self, cache: ComponentId, entity: EntityId) -> bool {
        match self.model.components.get(cache.index()).map(|component| &component.spec) {
            Some(ComponentSpec::Cache(spec)) => spec.read_through.iter().any(|(of, ..)| *of == entity),
            _ => false,
        }
    }

    /// The site at which a cache itself fetches rows of an entity.
    pub(super) fn read_through(
        &mut self,
        cache: ComponentId,
        entity: EntityId,
        (store, query): (ComponentId, OperationId),
    ) {
        let row = RowChoice::Own(entity);
        let site = self.call(cache.index(), "read through", store, query, row, None, &CallOptions::default());
        self.plan.read_throughs.push((cache, entity, site));
    }

    /// Lets a component hear of commits to an entity.
    pub(super) fn feed(&mut self, to: ComponentId, entity: EntityId, feed: &ChangeFeed) {
        let name = &self.model.components[to.index()].name;
        let key = self.root.named(StreamName::new("change feed")).named(StreamName::new(name));
        let key = key.with(u64::from(entity.0));
        let delay = feed.delay.clone().map(|distribution| Demand::Drawn { distribution, key });
        self.plan.feeds.push(FeedPlan { to, entity, delay, lost: feed.lost, key: key.with(1) });
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

fn zones_of(component: &ComponentModel, database: &DatabaseSpec) -> Vec<u16> {
    if component.zones.len() < 2 || database.shards.as_ref().is_none_or(|shards| shards.copies < 2) {
        return Vec::new();
    }
    let mut names: Vec<&String> = component.zones.iter().collect();
    names.sort_unstable();
    names.dedup();
    let zone = |member: u16| {
        let name = &component.zones[usize::from(member) % component.zones.len()];
        names.iter().position(|known| *known == name).unwrap_or(0) as u16
    };
    (0..database.layout().members()).map(zone).collect()
}

/// By client population: the entity whose row is the owner of its requests.
fn owners(model: &Model) -> Vec<(ComponentId, EntityId)> {
    let components = model.components.len();
    let owner = |(at, client): (usize, &ClientSpec)| Some((ComponentId::at(components + at), client.owner?));
    model.clients.iter().enumerate().filter_map(owner).collect()
}

/// A producer tries again while its broker is away, until the record's delivery timeout, unless the step says
/// otherwise (Kafka: `retries` without limit, `reconnect.backoff.ms` 50 to `reconnect.backoff.max.ms` 1000).
fn producer_options(options: &CallOptions, producing: &Producing) -> CallOptions {
    let mut options = options.clone();
    if options.retry.is_none() {
        options.deadline = options.deadline.or(Some(producing.delivery_timeout.as_secs_f64()));
        options.retry = Some(RetrySpec {
            attempts: u16::MAX,
            backoff: (0.05, 1.0),
            multiplier: 2.0,
            jitter: Jitter::Around(20),
            on: RetryOn { unreachable: true, ..RetryOn::default() },
            budget: None,
            honour_retry_after: false,
            non_idempotent: None,
            idempotency_key: false,
        });
    }
    options
}

/// One for each instance of a caller: the first of them in `all`.
fn each<T: Clone>(all: &mut Vec<T>, one: Option<T>, callers: usize) -> Option<u32> {
    let first = all.len() as u32;
    all.extend(std::iter::repeat_n(one?, callers));
    Some(first)
}

/// Whether a request may be repeated without harm by its method (RFC 9110, 9.2.2).
pub(super) fn is_idempotent(endpoint: &str) -> bool {
    !endpoint.starts_with("POST ") && !endpoint.starts_with("PATCH ")
}

fn entity_plan(entity: &EntitySpec, root: Key) -> EntityPlan {
    let key = root.named(StreamName::new("data")).named(StreamName::new(&entity.name));
    let popularity = match &entity.popularity {
        PopularitySpec::Uniform => Popularity::Uniform,
        PopularitySpec::Zipf { exponent, newest } => Popularity::Zipf {
            zipf: Zipf::new(entity.rows.max(1), *exponent),
            scatter: (!newest)
                .then(|| Permutation::new(entity.rows.max(1), key.named(StreamName::new("scatter")))),
        },
        PopularitySpec::Trace(keys) => Popularity::Trace(keys.clone()),
    };
    EntityPlan {
        rows: entity.rows,
        size: entity.size.clone(),
        growth: entity.growth,
        absent: entity.absent,
        drift: entity.drift,
        popularity,
        key,
    }
}
