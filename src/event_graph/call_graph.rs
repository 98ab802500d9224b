//! Who calls what, how often: one node per (component, operation) that a client's request can reach.
//!
//! An edge carries two expected numbers of calls per visit: the *likely* one (a header's branch is not
//! taken, errors do not happen), from which the forecast takes visit ratios, and the *worst* one (each
//! branch on a header may be taken by every customer), by which calls without end are found. Errors
//! and retries are in neither.
//!
//! Rule: calls end if and only if the expected number of visits is finite, that is if the spectral
//! radius of the matrix of worst expected calls is below 1 in every strongly connected component (the
//! mean matrix of a multitype branching process: Harris, The Theory of Branching Processes, 1963,
//! ch. II). For a non-negative matrix A this holds exactly when elimination of I - A meets positive
//! pivots only (nonsingular M-matrices: Berman and Plemmons, 1994, ch. 6). Load balancers may not
//! lead to themselves at all, whatever the shares.

use std::collections::{BTreeMap, VecDeque};

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::warm_caches::{Traffic, WarmCaches};
use crate::base::ComponentId;
use crate::components::service::spec::{CacheStep, CallOptions, Layer, Step, Test, TransactionSpec};
use crate::document::{Code, Diagnostic, Diagnostics, Place};
use crate::scenario::model::{ComponentSpec, Model};

/// Most nodes and edges: what a scenario may cost before it runs.
const LARGEST: usize = 1_000_000;

/// Largest circle whose calls are counted; elimination costs the cube of it.
const LARGEST_CIRCLE: usize = 512;

/// Expected calls per visit.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
struct Times {
    likely: f64,
    worst: f64,
}

/// All calls from one operation to another.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
struct Edge {
    times: Times,
    /// Attempts at most, where no budget limits them.
    attempts: u16,
    /// The longest timeout of an attempt in seconds, if one of the calls has any.
    timeout: Option<f64>,
}

/// What the callers before a visit do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Upstream {
    /// Attempts that one request can become.
    pub(super) attempts: f64,
    /// Layers that retry.
    pub(super) layers: u32,
    /// Seconds after which the most patient caller has given up.
    pub(super) patience: f64,
}

/// A call that outlasts everybody who waits for it.
pub(super) struct Outlasting {
    pub(super) caller: ComponentId,
    pub(super) target: ComponentId,
    pub(super) timeout: f64,
    pub(super) patience: f64,
}

/// An operation of a component.
#[derive(Clone, Debug)]
struct Visit {
    component: ComponentId,
    operation: String,
    /// Core-seconds of one visit, without what it calls.
    demand: f64,
}

/// Calls of one visit, by what is called.
type Calls<'a> = BTreeMap<(usize, &'a str), Edge>;

/// A model, and what its load balancers can be asked for.
type World<'a> = (&'a Model, &'a [&'a str], Option<&'a WarmCaches>);

/// The graph of everything that clients can reach.
pub struct CallGraph<'a> {
    model: &'a Model,
    graph: DiGraph<Visit, Edge>,
    ids: BTreeMap<(usize, String), NodeIndex>,
    /// What a load balancer can be asked for.
    endpoints: Vec<&'a str>,
    complete: bool,
}

impl<'a> CallGraph<'a> {
    /// The graph of a model, from its clients on.
    #[must_use]
    pub fn of(model: &'a Model) -> Self {
        Self::with(model, None)
    }

    /// The same where caches answer what they do once they are warm, under the requests that reach each
    /// endpoint; none where nothing is read through caches.
    #[must_use]
    pub(super) fn warm(
        &self,
        arriving: impl Iterator<Item = (ComponentId, &'a str, f64)>,
    ) -> Option<CallGraph<'a>> {
        let mut traffic = Traffic::default();
        for (visit, times) in self.graph.node_weights().zip(self.visits(arriving)) {
            let component = visit.component.index();
            if let ComponentSpec::Service(service) = &self.model.components[component].spec
                && let Some(endpoint) = service.endpoints.iter().find(|e| e.name == visit.operation)
            {
                copies(&endpoint.steps, times, &mut |step, rate| traffic.add(component, step, rate));
            }
        }
        let warm = WarmCaches::of(self.model, &traffic)?;
        Some(Self::with(self.model, Some(&warm)))
    }

    fn with(model: &'a Model, warm: Option<&WarmCaches>) -> Self {
        let mut built = Self {
            model,
            graph: DiGraph::new(),
            ids: BTreeMap::new(),
            endpoints: model.endpoints(),
            complete: true,
        };
        let mut open: Vec<NodeIndex> = Vec::new();
        for client in &model.clients {
            for entry in &client.mix {
                built.node(client.to.index(), &entry.endpoint, &mut open);
            }
            if let Some(poll) = &client.poll {
                built.node(client.to.index(), &poll.endpoint, &mut open);
            }
        }
        while let Some(from) = open.pop() {
            let Visit { component, operation, .. } = built.graph[from].clone();
            let endpoints = built.endpoints.clone();
            let mut calls = Calls::new();
            let demand = outgoing((model, &endpoints, warm), component, &operation, &mut calls);
            built.graph[from].demand = demand;
            if built.graph.node_count() + built.graph.edge_count() + calls.len() > LARGEST {
                built.complete = false;
                break;
            }
            for ((target, name), edge) in calls {
                let to = built.node(target, name, &mut open);
                built.graph.add_edge(from, to, edge);
            }
        }
        built
    }

    fn node(&mut self, component: usize, operation: &str, open: &mut Vec<NodeIndex>) -> NodeIndex {
        let graph = &mut self.graph;
        *self.ids.entry((component, operation.to_owned())).or_insert_with(|| {
            let component = ComponentId::at(component);
            let at = graph.add_node(Visit { component, operation: operation.to_owned(), demand: 0.0 });
            open.push(at);
            at
        })
    }

    /// Whether some request reaches each component.
    #[must_use]
    pub fn reached(&self) -> Vec<bool> {
        let mut reached = vec![!self.complete; self.model.components.len()];
        for visit in self.graph.node_weights() {
            if let Some(slot) = reached.get_mut(visit.component.index()) {
                *slot = true;
            }
        }
        reached
    }

    /// Core-seconds per second at each component when these requests per second arrive.
    ///
    /// Visits are solved from v = e + vA along the condensation; a circle, whose calls are known to
    /// die out, is iterated until nothing changes.
    #[must_use]
    pub fn demand(&self, arriving: impl Iterator<Item = (ComponentId, &'a str, f64)>) -> Vec<f64> {
        let visits = self.visits(arriving);
        let mut demand = vec![0.0; self.model.components.len()];
        for (visit, times) in self.graph.node_weights().zip(visits) {
            if let Some(slot) = demand.get_mut(visit.component.index()) {
                *slot += times * visit.demand;
            }
        }
        demand
    }

    /// What is asked for: of whom, what, how often a second, and the core-seconds of one such visit.
    pub fn asked(
        &self,
        arriving: impl Iterator<Item = (ComponentId, &'a str, f64)>,
    ) -> Vec<(ComponentId, &str, f64, f64)> {
        let asked = self.graph.node_weights().zip(self.visits(arriving));
        asked.map(|(visit, times)| (visit.component, &*visit.operation, times, visit.demand)).collect()
    }

    /// Visits per second of each node when these requests per second arrive.
    fn visits(&self, arriving: impl Iterator<Item = (ComponentId, &'a str, f64)>) -> Vec<f64> {
        let mut visits = vec![0.0; self.graph.node_count()];
        for (component, operation, rate) in arriving {
            if let Some(at) = self.ids.get(&(component.index(), operation.to_owned())) {
                visits[at.index()] += rate;
            }
        }
        // Tarjan's order ends with the sources.
        for mut circle in tarjan_scc(&self.graph).into_iter().rev() {
            circle.sort_unstable();
            self.settle(&circle, &mut visits);
        }
        visits
    }

    /// Passes on what arrives at a circle, or at a single node.
    fn settle(&self, circle: &[NodeIndex], visits: &mut [f64]) {
        let mut pending: BTreeMap<usize, f64> =
            circle.iter().map(|at| (at.index(), visits[at.index()])).collect();
        for at in circle {
            visits[at.index()] = 0.0;
        }
        let smallest = 1e-12 * pending.values().sum::<f64>();
        for _ in 0..100_000 {
            let mut next: BTreeMap<usize, f64> = BTreeMap::new();
            for (&at, &amount) in &pending {
                visits[at] += amount;
                for edge in self.graph.edges(NodeIndex::new(at)) {
                    let (to, passed) = (edge.target().index(), amount * edge.weight().times.likely);
                    if pending_within(circle, to) {
                        *next.entry(to).or_insert(0.0) += passed;
                    } else {
                        visits[to] += passed;
                    }
                }
            }
            pending = next;
            if pending.values().sum::<f64>() <= smallest {
                return;
            }
        }
    }

    /// For each component, the most that its callers can make of one request; none where nothing calls it.
    pub(super) fn upstream(&self) -> (Vec<Option<Upstream>>, Vec<Outlasting>) {
        let mut nodes: Vec<Option<Upstream>> = vec![None; self.graph.node_count()];
        for client in &self.model.clients {
            for entry in &client.mix {
                let tries = attempts(&entry.options);
                let own = Upstream {
                    attempts: f64::from(tries),
                    layers: u32::from(tries > 1),
                    patience: entry.options.timeout.unwrap_or(f64::INFINITY),
                };
                if let Some(at) = self.ids.get(&(client.to.index(), entry.endpoint.clone())) {
                    worsen(&mut nodes[at.index()], own);
                }
            }
        }
        let mut outlasting = Vec::new();
        // Each circle is passed once: attempts on a way round would multiply without end.
        for at in tarjan_scc(&self.graph).into_iter().rev().flatten() {
            let Some(here) = nodes[at.index()] else { continue };
            for edge in self.graph.edges(at) {
                let Edge { attempts, timeout, .. } = *edge.weight();
                let (caller, target) = (self.graph[at].component, self.graph[edge.target()].component);
                if let Some(timeout) = timeout.filter(|t| *t > here.patience && !self.is_balancer(caller)) {
                    outlasting.push(Outlasting { caller, target, timeout, patience: here.patience });
                }
                // Whoever sent a record does not wait for the work on it.
                if matches!(
                    self.model.components[caller.index()].spec,
                    ComponentSpec::Log(_) | ComponentSpec::Queue(_)
                ) {
                    let fresh = Upstream { attempts: 1.0, layers: 0, patience: f64::INFINITY };
                    worsen(&mut nodes[edge.target().index()], fresh);
                    continue;
                }
                let next = Upstream {
                    attempts: here.attempts * f64::from(attempts.max(1)),
                    layers: here.layers + u32::from(attempts > 1),
                    patience: timeout.map_or(here.patience, |t| t.min(here.patience)),
                };
                if edge.target() != at {
                    worsen(&mut nodes[edge.target().index()], next);
                }
            }
        }
        let mut components = vec![None; self.model.components.len()];
        for (visit, upstream) in self.graph.node_weights().zip(nodes) {
            if let (Some(slot), Some(upstream)) = (components.get_mut(visit.component.index()), upstream) {
                worsen(slot, upstream);
            }
        }
        (components, outlasting)
    }

    /// Reports requests that a load balancer has no answer to: it has no route for them, or the target of
    /// the route does not serve them.
    pub fn report_lost(&self, found: &mut Diagnostics) {
        for at in self.graph.node_indices().filter(|_| self.complete) {
            let visit = &self.graph[at];
            let component = &self.model.components[visit.component.index()];
            let (name, operation) = (&component.name, &visit.operation);
            if self.is_balancer(visit.component) && self.graph.edges(at).next().is_none() {
                found.add(
                    Code::UnknownEndpoint,
                    component.place,
                    format!("no route of `{name}` takes `{operation}`"),
                    "add a last route for the rest: `- {path: \"*\", to: NAME}`",
                );
            }
            // A worker takes messages, whatever they are called.
            let serves = component.spec.kind() != "service" || component.spec.serves(operation);
            let before = self.graph.neighbors_directed(at, Direction::Incoming).next();
            if let (false, Some(before)) = (serves, before) {
                let from = &self.model.components[self.graph[before].component.index()];
                found.push(
                    Diagnostic::new(
                        Code::UnknownEndpoint,
                        from.place,
                        format!(
                            "`{}` passes `{operation}` on to `{name}`, which does not serve it",
                            from.name
                        ),
                    )
                    .label(component.place, "has no such endpoint")
                    .help("serve it there, or let a route with a `path` lead it elsewhere"),
                );
            }
        }
    }

    /// Reports calls that never end.
    pub fn report_endless(&self, found: &mut Diagnostics) {
        if !self.complete {
            found.add(
                Code::TooLarge,
                None,
                format!("there are more than {LARGEST} ways from a request to what it calls"),
                "let fewer load balancers stand behind each other, or name fewer endpoints",
            );
            return;
        }
        let balancers = self
            .graph
            .filter_map(|_, visit| self.is_balancer(visit.component).then_some(()), |_, edge| Some(*edge));
        let circles = tarjan_scc(&balancers);
        // An index of the filtered graph is not one of the whole, so the nodes are found again by order.
        let kept: Vec<NodeIndex> =
            self.graph.node_indices().filter(|at| self.is_balancer(self.graph[*at].component)).collect();
        let mut told: Vec<Vec<usize>> = Vec::new();
        for circle in circles {
            let members: Vec<NodeIndex> = circle.iter().map(|at| kept[at.index()]).collect();
            self.report_circle(&members, true, &mut told, found);
        }
        for circle in tarjan_scc(&self.graph) {
            if circle.iter().all(|at| self.is_balancer(self.graph[*at].component)) || self.dies_out(&circle) {
                continue;
            }
            self.report_circle(&circle, false, &mut told, found);
        }
    }

    fn is_balancer(&self, component: ComponentId) -> bool {
        let spec = self.model.components.get(component.index()).map(|c| &c.spec);
        matches!(spec, Some(ComponentSpec::LoadBalancer(_) | ComponentSpec::Cdn(_)))
    }

    /// Whether a circle makes less than one further call of its kind per call.
    fn dies_out(&self, circle: &[NodeIndex]) -> bool {
        let n = circle.len();
        if n > LARGEST_CIRCLE {
            return false;
        }
        let slot: BTreeMap<NodeIndex, usize> = circle.iter().enumerate().map(|(i, at)| (*at, i)).collect();
        let mut rows = vec![vec![0.0; n]; n];
        for (i, at) in circle.iter().enumerate() {
            rows[i][i] = 1.0;
            for edge in self.graph.edges(*at) {
                if let Some(j) = slot.get(&edge.target()) {
                    rows[i][*j] -= edge.weight().times.worst;
                }
            }
        }
        for k in 0..n {
            if rows[k][k] <= 1e-9 {
                return false;
            }
            let (above, below) = rows.split_at_mut(k + 1);
            let pivot = &above[k];
            for row in below {
                let factor = row[k] / pivot[k];
                if factor != 0.0 {
                    for (value, other) in row[k..].iter_mut().zip(&pivot[k..]) {
                        *value -= factor * other;
                    }
                }
            }
        }
        true
    }

    /// Reports one circle, once for the components that it leads through.
    fn report_circle(
        &self,
        members: &[NodeIndex],
        balancers: bool,
        told: &mut Vec<Vec<usize>>,
        found: &mut Diagnostics,
    ) {
        let Some(way) = self.way_around(members) else { return };
        let mut components: Vec<usize> = way.iter().map(|at| self.graph[*at].component.index()).collect();
        components.sort_unstable();
        components.dedup();
        if told.contains(&components) {
            return;
        }
        told.push(components.clone());
        let names: Vec<String> = way.iter().chain(way.first()).map(|at| self.shown(*at)).collect();
        let (message, help) = if balancers {
            (
                format!("these load balancers route in a circle: {}", names.join(" -> ")),
                "let every route lead to a service in the end, and never back",
            )
        } else {
            (
                format!("these calls never end: {}", names.join(" -> ")),
                "call back with a probability below 1 (`if: {p: 20%, then: [call: ...]}`), or `reply` before the call",
            )
        };
        let first = self.place(way[0]);
        let mut finding = Diagnostic::new(Code::CallCycle, first, message).help(help);
        for at in &way[1..] {
            finding = finding.label(self.place(*at), "on the way round");
        }
        found.push(finding);
    }

    /// Where an operation is written.
    fn place(&self, at: NodeIndex) -> Place {
        let visit = &self.graph[at];
        let component = &self.model.components[visit.component.index()];
        let endpoint = match &component.spec {
            ComponentSpec::Service(service) => service.endpoints.iter().find(|e| e.name == visit.operation),
            _ => None,
        };
        endpoint.map_or(component.place, |endpoint| endpoint.place)
    }

    fn shown(&self, at: NodeIndex) -> String {
        let visit = &self.graph[at];
        format!("`{} {}`", self.model.components[visit.component.index()].name, visit.operation)
    }

    /// A shortest way from the first declared member back to itself; none where there is no circle.
    fn way_around(&self, members: &[NodeIndex]) -> Option<Vec<NodeIndex>> {
        let start = *members.iter().min_by_key(|at| (self.graph[**at].component.index(), at.index()))?;
        let mut before: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        let inside: std::collections::BTreeSet<NodeIndex> = members.iter().copied().collect();
        while let Some(at) = open.pop_front() {
            for next in self.graph.neighbors_directed(at, Direction::Outgoing) {
                if next == start {
                    let mut way = vec![at];
                    while let Some(previous) = before.get(way.last().unwrap_or(&start)) {
                        way.push(*previous);
                    }
                    way.reverse();
                    return Some(way);
                }
                if inside.contains(&next) && !before.contains_key(&next) {
                    before.insert(next, at);
                    open.push_back(next);
                }
            }
        }
        None
    }
}

fn pending_within(circle: &[NodeIndex], at: usize) -> bool {
    circle.len() == 1 && circle[0].index() == at
        || circle.len() > 1 && circle.binary_search_by_key(&at, |member| member.index()).is_ok()
}

/// Adds what one visit calls; the core-seconds that it takes itself.
fn outgoing<'a>(world: World<'a>, component: ComponentId, operation: &'a str, calls: &mut Calls<'a>) -> f64 {
    let (model, ..) = world;
    match &model.components[component.index()].spec {
        ComponentSpec::Database(database) => {
            let query = database.queries.iter().find(|q| q.name == operation);
            query.map_or(0.0, |query| query.cpu.mean() * database.members_for(query))
        }
        ComponentSpec::Service(service) => {
            let Some(endpoint) = service.endpoints.iter().find(|e| e.name == operation) else { return 0.0 };
            let mut demand = 0.0;
            walk(
                (world, component.index()),
                &endpoint.steps,
                Times { likely: 1.0, worst: 1.0 },
                calls,
                &mut demand,
            );
            demand
        }
        // A message becomes a job, once, and a record one in each group; who sent it does not wait for that.
        ComponentSpec::Queue(_) | ComponentSpec::Log(_) => {
            for (worker, service) in model.workers_of(component) {
                for endpoint in &service.endpoints {
                    let edge = Edge { times: Times { likely: 1.0, worst: 1.0 }, attempts: 1, timeout: None };
                    add(calls, (worker.index(), endpoint.name.as_str()), edge);
                }
            }
            0.0
        }
        ComponentSpec::Pooler(pooler) => {
            let times = Times { likely: 1.0, worst: 1.0 };
            add(calls, (pooler.to.index(), operation), Edge { times, attempts: 1, timeout: None });
            pooler.cost.as_ref().map_or(0.0, |cost| cost.mean())
        }
        ComponentSpec::Cache(cache) => cache.op_cost.as_ref().map_or(0.0, |cost| cost.mean()),
        // As if nothing were kept: what the origin must carry when all places are cold.
        ComponentSpec::Cdn(cdn) => {
            if let Some(target) = cdn.origin(operation) {
                let times = Times { likely: 1.0, worst: 1.0 };
                add(calls, (target.index(), operation), Edge { times, attempts: 1, timeout: cdn.timeout });
            }
            0.0
        }
        ComponentSpec::LoadBalancer(balancer) => {
            for route in balancer.routes.iter().filter(|route| route.pattern.matches(operation)) {
                let weights: f64 = route.to.iter().map(|(_, weight)| weight).sum();
                let conditional = !route.customer.is_empty();
                let mut own = Calls::new();
                for (target, weight) in route.to.iter().filter(|(_, weight)| *weight > 0.0) {
                    let share = weight / weights;
                    let times = Times { likely: if conditional { 0.0 } else { share }, worst: share };
                    let edge = Edge { times, attempts: 1, timeout: balancer.read_timeout };
                    add(&mut own, (target.index(), operation), edge);
                }
                either(calls, own);
                // Seldom asked, and then for everything.
                let mut spare = Calls::new();
                for (target, _) in &route.backup {
                    let times = Times { likely: 0.0, worst: 1.0 };
                    let edge = Edge { times, attempts: 1, timeout: balancer.read_timeout };
                    add(&mut spare, (target.index(), operation), edge);
                }
                either(calls, spare);
                if !conditional {
                    break;
                }
            }
            0.0
        }
    }
}

fn add<'a>(calls: &mut Calls<'a>, to: (usize, &'a str), more: Edge) {
    let edge = calls.entry(to).or_default();
    edge.times.likely += more.times.likely;
    edge.times.worst += more.times.worst;
    edge.longest(more);
}

/// Adds the likely calls of an alternative, and keeps the worse of the worst ones.
fn either<'a>(calls: &mut Calls<'a>, other: Calls<'a>) {
    for (to, more) in other {
        let edge = calls.entry(to).or_default();
        edge.times.likely += more.times.likely;
        edge.times.worst = edge.times.worst.max(more.times.worst);
        edge.longest(more);
    }
}

impl Edge {
    fn longest(&mut self, other: Self) {
        self.attempts = self.attempts.max(other.attempts);
        self.timeout = match (self.timeout, other.timeout) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
    }
}

fn worsen(slot: &mut Option<Upstream>, other: Upstream) {
    *slot = Some(match *slot {
        None => other,
        Some(known) => Upstream {
            attempts: known.attempts.max(other.attempts),
            layers: known.layers.max(other.layers),
            patience: known.patience.max(other.patience),
        },
    });
}

/// Attempts at most; a budget keeps them near one.
fn attempts(options: &CallOptions) -> u16 {
    options.retry.as_ref().filter(|retry| retry.budget.is_none()).map_or(1, |retry| retry.attempts)
}

/// Adds the calls of steps that are begun `times`; how often they are gone through to their end.
fn walk<'a>(
    at: (World<'a>, usize),
    steps: &'a [Step],
    times: Times,
    calls: &mut Calls<'a>,
    demand: &mut f64,
) -> Times {
    let mut here = times;
    let (world, _) = at;
    for step in steps {
        match step {
            Step::Cpu(amount) => *demand += here.likely * amount.mean(),
            Step::Call { target, operation, options, .. } => {
                let (model, endpoints, _) = world;
                let target_spec = &model.components[target.index()].spec;
                if matches!(target_spec, ComponentSpec::Queue(_) | ComponentSpec::Log(_)) {
                    // A producer of a log that tries again stores its record once.
                    let is_log = matches!(target_spec, ComponentSpec::Log(_));
                    let attempts = if is_log { 1 } else { attempts(options) };
                    let edge = Edge { times: here, attempts, timeout: options.timeout };
                    add(calls, (target.index(), "publish"), edge);
                    continue;
                }
                let own = target_spec.operation(*operation);
                if let Some(name) = own.or_else(|| endpoints.get(operation.index()).copied()) {
                    let edge = Edge { times: here, attempts: attempts(options), timeout: options.timeout };
                    add(calls, (target.index(), name), edge);
                }
            }
            // All branches begin, however many are waited for; a reply in one ends only that one.
            Step::Parallel { branches, .. } => {
                for branch in branches {
                    walk(at, branch, here, calls, demand);
                }
            }
            Step::If { test: Test::Chance(p), then, otherwise } => {
                let share = |p: f64| Times { likely: here.likely * p, worst: here.worst * p };
                let taken = walk(at, then, share(*p), calls, demand);
                let other = walk(at, otherwise, share(1.0 - p), calls, demand);
                here = Times { likely: taken.likely + other.likely, worst: taken.worst + other.worst };
            }
            Step::If { test: Test::Customer { .. } | Test::Load(_), then, otherwise } => {
                let (mut one, mut two) = (Calls::new(), Calls::new());
                let unlikely = Times { likely: 0.0, worst: here.worst };
                let taken = walk(at, then, unlikely, &mut one, demand);
                let other = walk(at, otherwise, here, &mut two, demand);
                either(&mut one, two);
                for (to, edge) in one {
                    add(calls, to, edge);
                }
                here = Times { likely: other.likely, worst: taken.worst.max(other.worst) };
            }
            Step::Cache(step) => through_caches(at, step, here, calls, demand),
            Step::Lock { steps: inner, .. } | Step::Transaction(TransactionSpec { steps: inner, .. }) => {
                here = walk(at, inner, here, calls, demand);
            }
            // Undoing is for errors.
            Step::Saga(saga) => {
                saga.iter().for_each(|step| here = walk(at, &step.steps, here, calls, demand));
            }
            Step::Reply { .. } => return Times { likely: 0.0, worst: 0.0 },
            Step::Sleep(_) | Step::Io(_) | Step::Receive { .. } => {}
        }
    }
    here
}

/// A step about copies. A cold cache: each is asked, each is filled, and every row is fetched; of a warm one as
/// much as it has not.
fn through_caches<'a>(
    at: (World<'a>, usize),
    step: &'a CacheStep,
    here: Times,
    calls: &mut Calls<'a>,
    demand: &mut f64,
) {
    let ((model, _, warm), service) = at;
    let entity = step.entity();
    // The worst case is a cold cache, so that calls that never end are found.
    let ask = |calls: &mut Calls<'a>, layer: Layer, times: f64| {
        if let Layer::Cache(cache) = layer {
            let times = Times { likely: here.likely * times, worst: here.worst };
            add(calls, (cache.index(), ""), Edge { times, attempts: 1, timeout: None });
        }
    };
    let mut rest = 1.0;
    let mut fetches = None;
    let layers: Vec<Layer> = step.layers().collect();
    if let CacheStep::Cached { .. } | CacheStep::Get { .. } = step {
        for layer in &layers {
            ask(calls, *layer, rest);
            rest *= 1.0 - warm.map_or(0.0, |warm| warm.ratio(service, *layer, entity));
            if let Layer::Cache(cache) = layer
                && let ComponentSpec::Cache(spec) = &model.components[cache.index()].spec
                && spec.read_through.iter().any(|(of, ..)| *of == entity)
            {
                fetches = Some((*cache, rest));
                break;
            }
        }
        if let Some((cache, times)) = fetches {
            let spec = &model.components[cache.index()].spec;
            if let ComponentSpec::Cache(spec) = spec
                && let Some((_, store, query)) = spec.read_through.iter().find(|(of, ..)| *of == entity)
                && let Some(name) = model.components[store.index()].spec.operation(*query)
            {
                let times = Times { likely: here.likely * times, worst: here.worst };
                add(calls, (store.index(), name), Edge { times, attempts: 1, timeout: None });
            }
            return;
        }
    }
    match step {
        // A hit fills the caches before it, which is left out: it is as seldom as a miss of those.
        CacheStep::Cached { .. } => layers.iter().for_each(|layer| ask(calls, *layer, rest)),
        CacheStep::Get { .. } => {}
        _ => layers.iter().for_each(|layer| ask(calls, *layer, 1.0)),
    }
    let times = Times { likely: here.likely * rest, worst: here.worst };
    walk(at, step.beyond(), times, calls, demand);
}

/// Tells of every step about copies, and how often it is likely gone through; nested ones as often as what they
/// are part of.
fn copies(steps: &[Step], rate: f64, tell: &mut impl FnMut(&CacheStep, f64)) {
    for step in steps {
        match step {
            Step::Cache(step) => {
                tell(step, rate);
                copies(step.beyond(), rate, tell);
            }
            Step::Parallel { branches, .. } => branches.iter().for_each(|branch| copies(branch, rate, tell)),
            Step::If { test: Test::Chance(p), then, otherwise } => {
                copies(then, rate * p, tell);
                copies(otherwise, rate * (1.0 - p), tell);
            }
            Step::If { otherwise, .. } => copies(otherwise, rate, tell),
            Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => {
                copies(steps, rate, tell);
            }
            Step::Saga(saga) => saga.iter().for_each(|step| copies(&step.steps, rate, tell)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
