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

use super::inventory::readers;
use crate::base::ComponentId;
use crate::components::service::spec::{CacheStep, CallOptions, Step, Test};
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
type World<'a> = (&'a Model, &'a [&'a str]);

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
        }
        while let Some(from) = open.pop() {
            let Visit { component, operation, .. } = built.graph[from].clone();
            let endpoints = built.endpoints.clone();
            let mut calls = Calls::new();
            let demand = outgoing((model, &endpoints), component, &operation, &mut calls);
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
        let mut demand = vec![0.0; self.model.components.len()];
        for (visit, times) in self.graph.node_weights().zip(visits) {
            if let Some(slot) = demand.get_mut(visit.component.index()) {
                *slot += times * visit.demand;
            }
        }
        demand
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
                if matches!(self.model.components[caller.index()].spec, ComponentSpec::Log(_)) {
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
            let serves =
                !matches!(component.spec, ComponentSpec::Service(_)) || component.spec.serves(operation);
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
    let (model, _) = world;
    match &model.components[component.index()].spec {
        ComponentSpec::Database(database) => {
            database.queries.iter().find(|q| q.name == operation).map_or(0.0, |q| q.cpu.mean())
        }
        ComponentSpec::Service(service) => {
            let Some(endpoint) = service.endpoints.iter().find(|e| e.name == operation) else { return 0.0 };
            let mut demand = 0.0;
            walk(world, &endpoint.steps, Times { likely: 1.0, worst: 1.0 }, calls, &mut demand);
            demand
        }
        ComponentSpec::Cache(cache) => cache.op_cost.as_ref().map_or(0.0, |cost| cost.mean()),
        // Each group reads every record once.
        ComponentSpec::Log(_) => {
            for (worker, _) in readers(model, component.index()) {
                let times = Times { likely: 1.0, worst: 1.0 };
                add(calls, (worker.index(), "work"), Edge { times, attempts: 1, timeout: None });
            }
            0.0
        }
        // As if nothing were kept: what the origin must carry when all places are cold.
        ComponentSpec::Cdn(cdn) => {
            if let Some(target) = cdn.to {
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
    world: World<'a>,
    steps: &'a [Step],
    times: Times,
    calls: &mut Calls<'a>,
    demand: &mut f64,
) -> Times {
    let mut here = times;
    for step in steps {
        match step {
            Step::Cpu(amount) => *demand += here.likely * amount.mean(),
            Step::Call { target, operation, options, .. } => {
                let (model, endpoints) = world;
                let own = model.components[target.index()].spec.operation(*operation);
                if let Some(name) = own.or_else(|| endpoints.get(operation.index()).copied()) {
                    let is_log = matches!(model.components[target.index()].spec, ComponentSpec::Log(_));
                    // A producer that tries again stores its record once.
                    let attempts = if is_log { 1 } else { attempts(options) };
                    let edge = Edge { times: here, attempts, timeout: options.timeout };
                    add(calls, (target.index(), name), edge);
                }
            }
            // All branches begin, however many are waited for; a reply in one ends only that one.
            Step::Parallel { branches, .. } => {
                for branch in branches {
                    walk(world, branch, here, calls, demand);
                }
            }
            Step::If { test: Test::Chance(p), then, otherwise } => {
                let share = |p: f64| Times { likely: here.likely * p, worst: here.worst * p };
                let taken = walk(world, then, share(*p), calls, demand);
                let other = walk(world, otherwise, share(1.0 - p), calls, demand);
                here = Times { likely: taken.likely + other.likely, worst: taken.worst + other.worst };
            }
            Step::If { test: Test::Customer { .. } | Test::Load(_), then, otherwise } => {
                let (mut one, mut two) = (Calls::new(), Calls::new());
                let unlikely = Times { likely: 0.0, worst: here.worst };
                let taken = walk(world, then, unlikely, &mut one, demand);
                let other = walk(world, otherwise, here, &mut two, demand);
                either(&mut one, two);
                for (to, edge) in one {
                    add(calls, to, edge);
                }
                here = Times { likely: other.likely, worst: taken.worst.max(other.worst) };
            }
            // A cold cache: each is asked, each is filled, and every row is fetched.
            Step::Cache(step) => {
                let edge = Edge { times: here, attempts: 1, timeout: None };
                step.caches().for_each(|cache| add(calls, (cache.index(), ""), edge));
                if matches!(step, CacheStep::Cached { .. }) {
                    step.caches().for_each(|cache| add(calls, (cache.index(), ""), edge));
                }
                walk(world, step.beyond(), here, calls, demand);
            }
            Step::Lock { steps: inner, .. } => here = walk(world, inner, here, calls, demand),
            Step::Reply { .. } => return Times { likely: 0.0, worst: 0.0 },
            Step::Sleep(_) | Step::Io(_) | Step::Receive { .. } => {}
        }
    }
    here
}

#[cfg(test)]
mod tests {
    use super::super::forecast;
    use super::*;
    use crate::document::Sources;
    use crate::scenario::{Beside, Files, merge, read_model};

    struct Nothing;
    impl Files for Nothing {
        fn read(&self, _: &str) -> Result<String, String> {
            Err("no files here".to_owned())
        }
    }

    fn model(components: &str) -> Model {
        let text = format!(
            "scenario: x\nrun: {{duration: 1m}}\nclients: {{c: {{rate: 10/s, headers: {{x-beta: {{\"1\": 5%}}}}, mix: {{GET /: 1}}, to: a}}}}\ncomponents:\n{components}"
        );
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let designs = merge::load("s", text, &Nothing, &[], None, &mut sources, &mut found);
        let model = read_model("base", &designs[0].tree, &Beside::new(&Nothing, &sources), &mut found);
        model.unwrap_or_else(|| panic!("{}", found.render(&sources, false)))
    }

    fn service(name: &str, steps: &str) -> String {
        format!("  {name}: {{kind: service, endpoints: {{GET /: [{steps}]}}}}\n")
    }

    fn codes(components: &str) -> Vec<&'static str> {
        let model = model(components);
        let graph = CallGraph::of(&model);
        let mut found = Diagnostics::new();
        graph.report_endless(&mut found);
        graph.report_lost(&mut found);
        found.sorted().iter().map(|d| d.code.text()).collect()
    }

    const AGAIN: &str = "call: {to: a, endpoint: GET /}";

    /// With n calls of probability p each, the mean number of visits is 1 / (1 - n p) if n p < 1.
    #[test]
    fn calls_back_end_exactly_if_their_mean_number_is_below_one() {
        for (calls, p, visits) in [
            (1, 50, Some(2.0)),
            (2, 40, Some(5.0)),
            (3, 30, Some(10.0)),
            (2, 50, None),
            (1, 100, None),
            (3, 34, None),
        ] {
            let back = vec![format!("if: {{p: {p}%, then: [{AGAIN}]}}"); calls].join(", ");
            let components = service("a", &format!("cpu: 1ms, {back}"));
            assert_eq!(codes(&components).is_empty(), visits.is_some(), "{calls} x {p} %");
            if let Some(visits) = visits {
                let model = model(&components);
                let forecast = forecast(&model, &CallGraph::of(&model));
                let share = forecast.rows[0].base;
                assert!((share / (10.0 * visits * 0.001) - 1.0).abs() < 1e-9, "{calls} x {p} %: {share}");
            }
        }
    }

    #[test]
    fn a_reply_ends_what_comes_after_it() {
        assert!(codes(&service("a", &format!("reply: 200, {AGAIN}"))).is_empty());
        let half = format!("if: {{p: 50%, then: [reply: 404]}}, {AGAIN}");
        assert!(codes(&service("a", &half)).is_empty());
        assert_eq!(codes(&service("a", &format!("if: {{p: 0%, then: [reply: 404]}}, {AGAIN}"))), ["E0503"]);
        // What runs on errors only is no certain call.
        assert!(
            codes(&format!(
                "{}{}",
                service("a", "call: {to: b, endpoint: GET /, on_error: [call: {to: a, endpoint: GET /}]}"),
                service("b", "reply: 200")
            ))
            .is_empty()
        );
    }

    #[test]
    fn a_header_decides_for_good() {
        let endless = format!("if: {{header: \"x-beta: 1\", then: [{AGAIN}]}}");
        assert_eq!(codes(&service("a", &endless)), ["E0503"]);
        let either = "if: {header: \"x-beta: 1\", then: [if: {p: 60%, then: [call: {to: a, endpoint: GET /}]}], else: [if: {p: 60%, then: [call: {to: a, endpoint: GET /}]}]}";
        assert!(codes(&service("a", either)).is_empty(), "one of the branches is taken, not both");
    }

    #[test]
    fn circles_over_several_components_are_found_once() {
        let way = |from: &str, to: &str| service(from, &format!("call: {{to: {to}, endpoint: GET /}}"));
        assert_eq!(codes(&format!("{}{}{}", way("a", "b"), way("b", "c"), way("c", "a"))), ["E0503"]);
        let through = format!("{}  lb: {{kind: load_balancer, to: a}}\n", way("a", "lb"));
        assert_eq!(codes(&through), ["E0503"]);
        let balancers = "  a: {kind: load_balancer, to: {b: 1, s: 99}}\n  b: {kind: load_balancer, to: a}\n";
        assert_eq!(codes(&format!("{balancers}{}", service("s", "reply: 200"))), ["E0503"]);
    }

    #[test]
    fn what_a_load_balancer_cannot_answer_is_found() {
        let services = "  s: {kind: service, endpoints: {GET /: [reply: 200]}}\n  t: {kind: service, endpoints: {GET /t: [reply: 200]}}\n";
        let with = |routes: &str| codes(&format!("  a: {{kind: load_balancer, {routes}}}\n{services}"));
        assert!(with("to: s").is_empty());
        assert_eq!(with("to: {s: 9, t: 1}"), ["E0402"]);
        assert_eq!(with("routes: [{path: /t, to: t}, {path: /u, to: s}]"), ["E0402"]);
        assert!(with("routes: [{path: /t, to: t}, {path: \"*\", to: s}]").is_empty());
    }

    #[test]
    fn retries_and_patience_are_passed_down() {
        let components = "  a: {kind: service, endpoints: {GET /: [call: {to: lb, endpoint: GET /b, timeout: 2s, retry: {attempts: 3}}]}}\n  lb: {kind: load_balancer, to: b}\n  b: {kind: service, endpoints: {GET /b: [call: {to: c, endpoint: GET /c, timeout: 5s, retry: {attempts: 2}}]}}\n  c: {kind: service, endpoints: {GET /c: [cpu: 1ms]}}\n";
        let model = model(components);
        let (upstream, outlasting) = CallGraph::of(&model).upstream();
        let last = upstream[3].expect("it is called");
        assert_eq!((last.attempts, last.layers, last.patience), (6.0, 2, 2.0));
        assert_eq!(outlasting.len(), 1);
        assert_eq!((outlasting[0].timeout, outlasting[0].patience), (5.0, 2.0));
    }
}
