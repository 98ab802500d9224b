//! The `components:` block.

use super::fields::{Fields, report, resolve, scalar, text};
use super::model::{ComponentModel, ComponentSpec, EntitySpec};
use crate::base::random::Distribution;
use crate::base::{ComponentId, Cores, EntityId, OperationId, SimDuration};
use crate::components::database::spec::{DatabaseSpec, QuerySpec};
use crate::components::load_balancer::spec::{LoadBalancerSpec, RouteSpec};
use crate::components::load_balancer::{Algorithm, Ties};
use crate::components::service::spec::{
    Amount, CallOptions, Endpoint, PoolSpec, RetrySpec, ServiceDiscipline, ServiceSpec, Slots, Step, Test,
};
use crate::document::distribution_text::{Of, distribution};
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::{Jitter, RetryOn, RowChoice};
use crate::queueing::Contention;

/// What names there are, before anything that refers to them is read.
pub(super) struct Names {
    components: Vec<(String, String, Vec<String>)>,
    entities: Vec<String>,
}

impl Names {
    pub(super) fn collect(components: Option<&Node>, entities: &[EntitySpec]) -> Self {
        let list = |node: &Node, key: &str| {
            node.get(key)
                .map_or(&[][..], Node::entries)
                .iter()
                .map(|(k, _)| k.name.clone())
                .collect::<Vec<_>>()
        };
        let components = components.map_or(&[][..], Node::entries).iter().map(|(key, node)| {
            let kind = node.get("kind").and_then(Node::text).unwrap_or_default().to_owned();
            let operations = if kind == "database" { list(node, "queries") } else { list(node, "endpoints") };
            (key.name.clone(), kind, operations)
        });
        Self { components: components.collect(), entities: entities.iter().map(|e| e.name.clone()).collect() }
    }

    pub(super) fn components(&self) -> impl Iterator<Item = &str> + Clone {
        self.components.iter().map(|(name, ..)| name.as_str())
    }

    fn entity(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<EntityId> {
        let names = self.entities.iter().map(String::as_str);
        resolve(node, name, names, Code::UnknownEntity, "entity", found).map(EntityId::at)
    }

    pub(super) fn component(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<ComponentId> {
        resolve(node, name, self.components(), Code::UnknownComponent, "component", found)
            .map(ComponentId::at)
    }
}

const KINDS: [&str; 3] = ["service", "database", "load_balancer"];

pub(super) fn read(node: Option<&Node>, names: &Names, found: &mut Diagnostics) -> Vec<ComponentModel> {
    let mut models = Vec::new();
    for (key, node) in node.map_or(&[][..], Node::entries) {
        let mut fields = Fields::of(node, "a component", found);
        let Some(kind_node) = fields.need("kind", found) else { continue };
        let Some(kind) = text(kind_node, found) else { continue };
        let at = resolve(kind_node, kind, KINDS.into_iter(), Code::UnknownKind, "kind of component", found);
        let spec = match at {
            Some(0) => ComponentSpec::Service(service(&mut fields, names, found)),
            Some(1) => ComponentSpec::Database(database(&mut fields, names, found)),
            Some(_) => ComponentSpec::LoadBalancer(load_balancer(&mut fields, names, found)),
            None => continue,
        };
        fields.finish(found);
        models.push(ComponentModel { name: key.name.clone(), place: key.place, spec });
    }
    models
}

fn small(
    fields: &mut Fields<'_>,
    key: &'static str,
    least: u64,
    most: u64,
    found: &mut Diagnostics,
) -> Option<u64> {
    let node = fields.get(key)?;
    let value = scalar(node, quantity::count, found)?;
    if (least..=most).contains(&value) {
        return Some(value);
    }
    found.add(
        Code::OutOfRange,
        node.place,
        format!("`{key}` is between {least} and {most}"),
        "choose a value in that range",
    );
    None
}

fn read_cores(fields: &mut Fields<'_>, found: &mut Diagnostics) -> f64 {
    let Some(node) = fields.get("cpu") else { return 1.0 };
    let cores = scalar(node, quantity::cores, found).map_or(1.0, Cores::get);
    if !(0.001..=100_000.0).contains(&cores) {
        found.add(Code::OutOfRange, node.place, "cores are between 0.001 and 100 000", "write `cpu: 4`");
        return 1.0;
    }
    cores
}

fn service(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> ServiceSpec {
    let instances = small(fields, "instances", 1, 10_000, found).unwrap_or(1) as u16;
    let cores = read_cores(fields, found);
    let workers = match fields.get("workers") {
        None => Slots::Unlimited,
        Some(node) => match node.text() {
            Some("none") => Slots::Unlimited,
            Some("event_loop") => Slots::EventLoop,
            _ => small(fields, "workers", 1, 10_000_000, found)
                .map_or(Slots::Unlimited, |n| Slots::Limited(n as u32)),
        },
    };
    let discipline = fields
        .choice(
            "discipline",
            &[
                ("fifo", ServiceDiscipline::Fifo),
                ("lifo", ServiceDiscipline::Lifo),
                ("priority", ServiceDiscipline::Priority),
                ("processor_sharing", ServiceDiscipline::ProcessorSharing),
            ],
            found,
        )
        .unwrap_or_default();
    let mut pools = Vec::new();
    for (key, node) in fields.get("pools").map_or(&[][..], Node::entries) {
        let at = Node { value: Value::Null, place: key.place };
        let mut pool = Fields::of(node, "a pool", found);
        let size = small(&mut pool, "size", 1, 10_000_000, found).unwrap_or(10) as u32;
        let wait = pool.amount("wait", Of::Time, found);
        pool.finish(found);
        if let Some(target) = names.component(&at, &key.name, found) {
            pools.push(PoolSpec { target, size, wait });
        }
    }
    let mut endpoints = Vec::new();
    for (key, node) in fields.get("endpoints").map_or(&[][..], Node::entries) {
        let steps = if matches!(node.value, Value::Map(_)) {
            let mut endpoint = Fields::of(node, "an endpoint", found);
            let steps =
                endpoint.need("steps", found).map(|n| read_steps(n, names, found, 0)).unwrap_or_default();
            endpoint.finish(found);
            steps
        } else {
            read_steps(node, names, found, 0)
        };
        endpoints.push(Endpoint { name: key.name.clone(), steps });
    }
    ServiceSpec {
        instances,
        cores,
        workers,
        backlog: small(fields, "backlog", 0, 100_000_000, found).map(|n| n as u32),
        accept_queue: small(fields, "accept_queue", 0, 100_000_000, found).map(|n| n as u32),
        max_wait: fields.amount("max_wait", Of::Time, found),
        discipline,
        preemptive: fields.flag("preemptive", found).unwrap_or(false),
        release_while_waiting: fields.flag("release_while_waiting", found).unwrap_or(false),
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        pools,
        endpoints,
    }
}

/// The defaults of `preset: postgres` that this kind has: `max_connections` 100 (postgresql.conf.sample)
/// and a commit of 1 ms (unverified: 0.2 to 2 ms on SSDs).
const POSTGRES: (u32, f64) = (100, 0.001);

fn database(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> DatabaseSpec {
    let postgres = fields.choice("preset", &[("postgres", true)], found).unwrap_or(false);
    let mut queries = Vec::new();
    for (key, node) in fields.get("queries").map_or(&[][..], Node::entries) {
        let mut query = Fields::of(node, "a query", found);
        let mut entity = |key: &'static str, found: &mut Diagnostics| {
            let node = query.get(key)?;
            text(node, found).and_then(|name| names.entity(node, name, found))
        };
        let (read, write, lock) = (entity("read", found), entity("write", found), entity("lock", found));
        let by = query.get("by");
        if let Some(node) = by {
            text(node, found).and_then(|name| names.entity(node, name, found));
        }
        if read.is_some() && write.is_some() {
            found.add(Code::Conflict, key.place, "a query reads or writes, not both", "declare two queries");
        }
        queries.push(QuerySpec {
            name: key.name.clone(),
            entity: write.or(read),
            writes: write.is_some(),
            cpu: query.amount("cpu", Of::Time, found).unwrap_or(Distribution::Constant(0.0)),
            io: query.amount("io", Of::Time, found),
            wal: query.amount("wal", Of::Size, found),
            lock,
        });
        query.finish(found);
    }
    let contention = fields.get("contention").map(|node| {
        let mut contention = Fields::of(node, "`contention`", found);
        let sigma = contention.read("sigma", quantity::number, found).unwrap_or(0.0);
        let kappa = contention.read("kappa", quantity::number, found).unwrap_or(0.0);
        contention.finish(found);
        Contention { sigma, kappa }
    });
    DatabaseSpec {
        cores: read_cores(fields, found),
        max_connections: small(fields, "max_connections", 1, 10_000_000, found)
            .map(|n| n as u32)
            .or(postgres.then_some(POSTGRES.0)),
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        commit: fields
            .amount("commit", Of::Time, found)
            .or(postgres.then_some(Distribution::Constant(POSTGRES.1))),
        wal_bandwidth: fields
            .read("wal_bandwidth", quantity::bandwidth, found)
            .map(|b| b.as_bytes_per_second()),
        lock_timeout: fields.read("lock_timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
        contention,
        queries,
    }
}

fn load_balancer(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> LoadBalancerSpec {
    let algorithms = [
        ("round_robin", Algorithm::RoundRobin),
        ("weighted_round_robin", Algorithm::WeightedRoundRobin),
        ("random", Algorithm::Random),
        ("weighted_random", Algorithm::WeightedRandom),
        ("least_connections", Algorithm::LeastConnections),
        ("power_of_two_choices", Algorithm::POWER_OF_TWO_CHOICES),
    ];
    let ties = [("first", Ties::First), ("random", Ties::Random), ("rotate", Ties::Rotate)];
    let mut routes = Vec::new();
    if let Some(to) = fields.get("to") {
        let to = read_targets(to, names, found);
        routes.push(RouteSpec { path: None, method: None, customer: Vec::new(), to });
    }
    for node in fields.get("routes").map_or(&[][..], Node::items) {
        let mut route = Fields::of(node, "a route", found);
        let mut word = |key: &'static str, found: &mut Diagnostics| {
            route.get(key).and_then(|n| text(n, found)).map(str::to_owned)
        };
        let (path, method) = (word("path", found), word("method", found));
        let mut customer = Vec::new();
        for (key, separator) in [("header", ":"), ("body", "==")] {
            if let Some(written) = word(key, found) {
                match written.split_once(separator) {
                    Some((name, value)) => customer.push((name.trim().to_owned(), value.trim().to_owned())),
                    None => found.add(
                        Code::WrongShape,
                        node.place,
                        format!("`{key}: {written}` names no value"),
                        "write `header: \"x-beta: 1\"` or `body: \"$.bulk == true\"`",
                    ),
                }
            }
        }
        let to = route.need("to", found).map(|n| read_targets(n, names, found)).unwrap_or_default();
        route.finish(found);
        routes.push(RouteSpec { path, method, customer, to });
    }
    LoadBalancerSpec {
        instances: small(fields, "instances", 1, 1_000, found).unwrap_or(1) as u16,
        algorithm: fields.choice("algorithm", &algorithms, found).unwrap_or(Algorithm::RoundRobin),
        ties: fields.choice("ties", &ties, found).unwrap_or(Ties::Random),
        routes,
        max_body: fields.read("max_body", quantity::bytes, found).map(|b| b.get()),
        read_timeout: fields.read("read_timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
    }
}

fn read_targets(node: &Node, names: &Names, found: &mut Diagnostics) -> Vec<(ComponentId, f64)> {
    if let Some(name) = node.text() {
        return names.component(node, name, found).map(|id| (id, 1.0)).into_iter().collect();
    }
    let mut targets = Vec::new();
    for (key, weight) in node.entries() {
        let at = Node { value: Value::Null, place: key.place };
        if let (Some(id), Some(weight)) =
            (names.component(&at, &key.name, found), scalar(weight, quantity::number, found))
        {
            if weight < 0.0 {
                found.add(
                    Code::OutOfRange,
                    node.place,
                    "a weight is not negative",
                    "write a share such as 9",
                );
            }
            targets.push((id, weight));
        }
    }
    targets
}

/// Deepest nesting of steps.
const DEEPEST: u32 = 16;

fn amount(node: &Node, of: Of, found: &mut Diagnostics) -> Option<Amount> {
    scalar(node, |text| distribution(text, of), found).map(Amount::Drawn)
}

fn read_steps(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Vec<Step> {
    if depth > DEEPEST {
        found.add(Code::TooDeep, node.place, "steps are nested too deeply", "a behaviour needs a few levels");
        return Vec::new();
    }
    if !matches!(node.value, Value::List(_)) && !node.is_null() {
        found.add(Code::WrongShape, node.place, "steps are a list", "write `- cpu: ~8ms` lines");
    }
    node.items().iter().filter_map(|item| read_step(item, names, found, depth)).collect()
}

fn read_step(item: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<Step> {
    let mut step = Fields::of(item, "a step", found);
    let on_error = |step: &mut Fields<'_>, found: &mut Diagnostics| {
        let caught = step.get("on_error").map(|n| (read_steps(n, names, found, depth + 1), false));
        let fallback = step.get("fallback").map(|n| (read_steps(n, names, found, depth + 1), true));
        match caught.or(fallback) {
            Some((steps, fallback)) => (Some(steps), fallback),
            None => (None, false),
        }
    };
    let read = if let Some(node) = step.get("cpu") {
        amount(node, Of::Time, found).map(Step::Cpu)
    } else if let Some(node) = step.get("sleep") {
        amount(node, Of::Time, found).map(Step::Sleep)
    } else if let Some(node) = step.get("io") {
        amount(node, Of::Time, found).map(Step::Io)
    } else if let Some(node) = step.get("query") {
        let target = read_query(node, names, found);
        let (on_error, fallback) = on_error(&mut step, found);
        let options = read_options(&mut step, found);
        target.map(|(target, operation, row)| Step::Call {
            target,
            operation,
            row,
            size: None,
            options,
            on_error,
            fallback,
        })
    } else if let Some(node) = step.get("call") {
        let mut call = Fields::of(node, "a call", found);
        let to = call.need("to", found);
        let endpoint = call.get("endpoint");
        let size = call.get("size").and_then(|n| amount(n, Of::Size, found));
        let (on_error, fallback) = on_error(&mut call, found);
        let options = read_options(&mut call, found);
        call.finish(found);
        let target = to.and_then(|n| text(n, found).and_then(|name| names.component(n, name, found)));
        let operation = target.and_then(|target| {
            let (_, _, operations) = &names.components[target.index()];
            match endpoint {
                Some(node) => {
                    let name = text(node, found)?;
                    let known = operations.iter().map(String::as_str);
                    resolve(node, name, known, Code::UnknownEndpoint, "endpoint", found).map(OperationId::at)
                }
                None => Some(OperationId(0)),
            }
        });
        target.zip(operation).map(|(target, operation)| Step::Call {
            target,
            operation,
            row: RowChoice::None,
            size,
            options,
            on_error,
            fallback,
        })
    } else if let Some(node) = step.get("parallel") {
        let mut parallel = Fields::of(node, "`parallel`", found);
        let branches: Vec<_> = parallel
            .need("steps", found)
            .map_or(&[][..], Node::items)
            .iter()
            .map(|branch| read_steps(branch, names, found, depth + 1))
            .collect();
        let needed = match parallel.get("wait").and_then(Node::text) {
            None | Some("all") => branches.len() as u64,
            Some("any") => 1,
            Some(_) => small(&mut parallel, "wait", 1, branches.len().max(1) as u64, found).unwrap_or(1),
        };
        let (on_error, fallback) = on_error(&mut parallel, found);
        parallel.finish(found);
        Some(Step::Parallel { needed: needed as u16, branches, on_error, fallback })
    } else if let Some(node) = step.get("if") {
        let mut choice = Fields::of(node, "`if`", found);
        let chance = choice.read("p", quantity::ratio, found).map(|p| Test::Chance(p.get()));
        let header = choice.get("header").and_then(|n| text(n, found)).and_then(|h| h.split_once(':'));
        let customer = header.map(|(name, value)| Test::Customer {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        });
        let then = choice.get("then").map(|n| read_steps(n, names, found, depth + 1)).unwrap_or_default();
        let otherwise =
            choice.get("else").map(|n| read_steps(n, names, found, depth + 1)).unwrap_or_default();
        choice.finish(found);
        if chance.is_none() && customer.is_none() {
            found.add(
                Code::NeedsOneOf,
                node.place,
                "`if` needs a condition",
                "write `p: 20%` or `header: \"x-beta: 1\"`",
            );
        }
        chance.or(customer).map(|test| Step::If { test, then, otherwise })
    } else if let Some(node) = step.get("lock") {
        let mut lock = Fields::of(node, "`lock`", found);
        let row = lock.need("row", found);
        let steps = lock.get("steps").map(|n| read_steps(n, names, found, depth + 1)).unwrap_or_default();
        lock.finish(found);
        let entity = row.and_then(|n| text(n, found).and_then(|name| names.entity(n, name, found)));
        entity.map(|entity| Step::Lock { entity, steps })
    } else if let Some(node) = step.get("receive") {
        if node.text().is_some() {
            amount(node, Of::Size, found).map(|size| Step::Receive { size, uplink: None })
        } else {
            let mut receive = Fields::of(node, "`receive`", found);
            let size = receive.need("size", found).and_then(|n| amount(n, Of::Size, found));
            let uplink = receive.read("at", quantity::bandwidth, found).map(|b| b.as_bytes_per_second());
            receive.finish(found);
            size.map(|size| Step::Receive { size, uplink: uplink.filter(|u| *u > 0.0) })
        }
    } else if let Some(node) = step.get("reply") {
        read_reply(node, found)
    } else {
        None
    };
    step.finish(found);
    read
}

fn read_reply(node: &Node, found: &mut Diagnostics) -> Option<Step> {
    let status = |n: &Node, found: &mut Diagnostics| {
        let status = scalar(n, quantity::count, found)?;
        if !(100..=599).contains(&status) {
            found.add(Code::OutOfRange, n.place, "a status is between 100 and 599", "write `reply: 200`");
        }
        Some(status as u16)
    };
    if let Some(written) = node.text() {
        return if written.bytes().all(|b| b.is_ascii_digit()) {
            status(node, found).map(|status| Step::Reply { status, size: None })
        } else {
            amount(node, Of::Size, found).map(|size| Step::Reply { status: 200, size: Some(size) })
        };
    }
    let mut reply = Fields::of(node, "`reply`", found);
    let status = reply.get("status").map_or(Some(200), |n| status(n, found));
    let size = reply.get("size").and_then(|n| amount(n, Of::Size, found));
    reply.finish(found);
    status.map(|status| Step::Reply { status, size })
}

/// `db.feed(post)`: a query of a database about a row.
fn read_query(
    node: &Node,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<(ComponentId, OperationId, RowChoice)> {
    let written = text(node, found)?;
    let (path, argument) = match written.split_once('(') {
        Some((path, rest)) => (path, rest.strip_suffix(')')),
        None => (written, Some("")),
    };
    let (Some((component, query)), Some(argument)) = (path.trim().rsplit_once('.'), argument) else {
        report(
            found,
            node,
            crate::document::Fault {
                code: Code::CutByYaml,
                message: format!("`{written}` names no query"),
                help: "write `query: db.feed(post)`".to_owned(),
                span: None,
            },
        );
        return None;
    };
    let id = names.component(node, component, found)?;
    let (_, kind, queries) = &names.components[id.index()];
    if kind != "database" {
        found.add(
            Code::WrongKind,
            node.place,
            format!("`{component}` is no database"),
            "`call:` calls a service",
        );
        return None;
    }
    let known = queries.iter().map(String::as_str);
    let operation = resolve(node, query, known, Code::UnknownQuery, "query", found).map(OperationId::at)?;
    let row = match argument.trim() {
        "" => RowChoice::None,
        // The entity that is inserted is the one that the query writes; it is known once all is read.
        "new" => RowChoice::New(EntityId(u16::MAX)),
        name => RowChoice::Own(names.entity(node, name, found)?),
    };
    Some((id, operation, row))
}

/// Timeout, deadline, retry and cancellation.
pub(super) fn read_options(fields: &mut Fields<'_>, found: &mut Diagnostics) -> CallOptions {
    CallOptions {
        timeout: fields.read("timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
        deadline: fields.read("deadline", quantity::duration, found).map(SimDuration::as_secs_f64),
        retry: fields.get("retry").map(|node| read_retry(node, found)),
        cancel: fields.flag("cancel", found).unwrap_or(false),
    }
}

fn read_retry(node: &Node, found: &mut Diagnostics) -> RetrySpec {
    let mut retry = Fields::of(node, "`retry`", found);
    let attempts = small(&mut retry, "attempts", 1, 1_000, found).unwrap_or(3) as u16;
    let backoff = retry.get("backoff").and_then(|n| {
        let written = text(n, found)?;
        let (base, cap) = written.split_once("..").unwrap_or((written, written));
        let mut read = |t: &str| quantity::duration(t.trim()).map_err(|f| report(found, n, f)).ok();
        Some((read(base)?.as_secs_f64(), read(cap)?.as_secs_f64()))
    });
    let jitters = [
        ("none", Jitter::None),
        ("full", Jitter::Full),
        ("equal", Jitter::Equal),
        ("decorrelated", Jitter::Decorrelated),
    ];
    let jitter = retry.choice("jitter", &jitters, found).unwrap_or(Jitter::None);
    let multiplier = retry.read("multiplier", quantity::number, found).unwrap_or(2.0);
    let budget = retry.read("budget", quantity::ratio, found).map(|r| r.get());
    let mut on = RetryOn { timeout: true, any_5xx: true, unreachable: true, statuses: [0; 6] };
    if let Some(list) = retry.get("on") {
        on = RetryOn::default();
        let single = [list.clone()];
        let words = if list.items().is_empty() { &single[..] } else { list.items() };
        let mut statuses = on.statuses.iter_mut();
        for word in words {
            match word.text() {
                Some("timeout") => on.timeout = true,
                Some("5xx") => on.any_5xx = true,
                Some("connect" | "unreachable") => on.unreachable = true,
                Some(status) if status.parse::<u16>().is_ok_and(|s| (400..600).contains(&s)) => {
                    if let Some(free) = statuses.next() {
                        *free = status.parse().unwrap_or(0);
                    }
                }
                _ => found.add(
                    Code::UnknownChoice,
                    word.place,
                    "this is nothing to retry on",
                    "write timeout, connect, 5xx or a status such as 503",
                ),
            }
        }
    }
    retry.finish(found);
    RetrySpec { attempts, backoff: backoff.unwrap_or((0.0, 0.0)), multiplier, jitter, on, budget }
}
