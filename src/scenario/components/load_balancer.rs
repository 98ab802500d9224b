//! `kind: load_balancer`.

use super::call_options::read_on;
use super::guarding::after;
use super::{Names, read_cores, small};
use crate::base::{ComponentId, SimDuration};
use crate::components::endpoint_pattern::EndpointPattern;
use crate::components::load_balancer::algorithm::{Algorithm, Panic, SlowStart, Ties};
use crate::components::load_balancer::health::{ActiveCheckSettings, MaxFailsSettings, OutlierSettings};
use crate::components::load_balancer::spec::{
    HashBy, HealthSpec, Layer, LoadBalancerSpec, NextUpstream, QueueSpec, RouteSpec, Statuses,
};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::RetryOn;
use crate::scenario::fields::{Fields, entries, items, scalar, share, text};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> LoadBalancerSpec {
    let ties = [("first", Ties::First), ("random", Ties::Random), ("rotate", Ties::Rotate)];
    let mut routes = Vec::new();
    let (to, written) = (fields.get("to"), fields.get("routes"));
    if let (Some(to), Some(_)) = (to, written) {
        found.add(
            Code::Conflict,
            to.place,
            "a load balancer has `to` or `routes`, not both",
            "make `to` the last route: `- {path: \"*\", to: app}`",
        );
    } else if to.is_none() && written.is_none_or(|routes| routes.items().is_empty()) {
        found.add(
            Code::NeedsOneOf,
            fields.place(),
            "a load balancer needs `to` or `routes`, and has neither",
            "write `to: app`, or `routes: [{path: /api/*, to: app}]`",
        );
    }
    if let Some(to) = to {
        let to = read_targets(to, names, found);
        let pattern = EndpointPattern::default();
        routes.push(RouteSpec { pattern, customer: Vec::new(), reads_body: false, to, backup: Vec::new() });
    }
    let spare = fields.get("backup").map(|node| read_targets(node, names, found)).unwrap_or_default();
    for node in items(written, "routes", "- {path: /api/*, to: app}", found) {
        let mut route = Fields::of(node, "a route", found);
        let mut word = |key: &'static str, found: &mut Diagnostics| {
            route.get(key).and_then(|n| text(n, found)).map(str::to_owned)
        };
        let (path, method) = (word("path", found), word("method", found));
        let mut customer = Vec::new();
        for (key, separator) in [("header", ":"), ("cookie", "="), ("body", "==")] {
            if let Some(written) = word(key, found) {
                match written.split_once(separator) {
                    Some((name, value)) => customer.push((field(key, name.trim()), value.trim().to_owned())),
                    None => found.add(
                        Code::WrongShape,
                        node.place,
                        format!("`{key}: {written}` names no value"),
                        "write `header: \"x-beta: 1\"`, `cookie: \"beta=1\"` or `body: \"$.bulk == true\"`",
                    ),
                }
            }
        }
        let to = route.need("to", found).map(|n| read_targets(n, names, found)).unwrap_or_default();
        let backup = route.get("backup").map(|node| read_targets(node, names, found)).unwrap_or_default();
        route.finish(found);
        let pattern = EndpointPattern { method, path };
        let reads_body = node.get("body").is_some();
        routes.push(RouteSpec { pattern, customer, reads_body, to, backup });
    }
    for route in &mut routes {
        if route.backup.is_empty() {
            route.backup.clone_from(&spare);
        }
        route.backup.retain(|(spare, _)| route.to.iter().all(|(to, _)| to != spare));
    }
    let seconds = |key: &'static str, fields: &mut Fields<'_>, found: &mut Diagnostics| {
        fields.read(key, quantity::duration, found).map(SimDuration::as_secs_f64)
    };
    let health = fields.get("health").map(|node| read_health(node, found));
    let outliers = fields.get("outliers").map(|node| read_outliers(node, found));
    let retry = fields.get("retry").map(|node| read_next_upstream(node, found));
    let queue = fields.get("queue").map(|node| {
        let mut queue = Fields::of(node, "a waiting line", found);
        let max = small(&mut queue, "max", 0, 100_000_000, found).map_or(u32::MAX, |n| n as u32);
        let wait = seconds("wait", &mut queue, found);
        queue.finish(found);
        QueueSpec { max, wait }
    });
    let max_fails = small(fields, "max_fails", 0, 1_000_000, found);
    let fail_timeout = seconds("fail_timeout", fields, found);
    let usual = MaxFailsSettings::default();
    // As in nginx, where `fail_timeout` alone leaves `max_fails` at one.
    let max_fails = max_fails.map(|n| n as u32).or(fail_timeout.map(|_| usual.max_fails));
    let max_fails = max_fails.map(|max_fails| MaxFailsSettings {
        max_fails,
        fail_timeout: fail_timeout.map_or(usual.fail_timeout, |seconds| seconds.ceil() as u64),
    });
    let slow_start = seconds("slow_start", fields, found).map(|window| SlowStart {
        window: SimDuration::from_secs_f64(window),
        aggression: 1.0,
        min_share: 0.1,
    });
    let statuses = read_statuses(fields, found);
    let algorithm = read_algorithm(fields, found);
    LoadBalancerSpec {
        instances: small(fields, "instances", 1, 1_000, found).unwrap_or(1) as u16,
        layer: fields
            .choice("layer", &[("4", Layer::Four), ("7", Layer::Seven)], found)
            .unwrap_or(Layer::Seven),
        algorithm,
        ties: fields.choice("ties", &ties, found).unwrap_or(Ties::Random),
        hash_by: fields
            .choice("hash_by", &[("source", HashBy::Source), ("path", HashBy::Path)], found)
            .unwrap_or_default(),
        view_age: seconds("view_age", fields, found).map(SimDuration::from_secs_f64),
        sticky: fields.flag("sticky", found).unwrap_or(false),
        zone_aware: fields.flag("zone_aware", found).unwrap_or(false),
        routes,
        max_body: fields.read("max_body", quantity::bytes, found).map(|b| b.get()),
        buffers: fields.flag("request_buffering", found).unwrap_or(false),
        connect_timeout: seconds("connect_timeout", fields, found),
        read_timeout: seconds("read_timeout", fields, found),
        health,
        max_fails,
        outliers,
        panic: read_panic(fields, found),
        slow_start,
        max_conns: small(fields, "max_conns", 1, 10_000_000, found).map(|n| n as u32),
        queue,
        retry,
        connections: small(fields, "connections", 1, 100_000_000, found).map(|n| n as u32),
        cores: read_cores(fields, found),
        cost: fields.amount("cost", Of::Time, found),
        tls: fields.amount("tls", Of::Time, found),
        backend_keepalive: small(fields, "backend_keepalive", 0, 10_000_000, found).unwrap_or(0) as u32,
        statuses,
    }
}

fn read_algorithm(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Algorithm {
    let choices = small(fields, "choices", 1, 255, found).unwrap_or(2) as u8;
    let bound = fields.read("bound", quantity::number, found).unwrap_or(1.25).max(1.0);
    let decay = SimDuration::from_secs(10);
    let algorithms = [
        ("round_robin", Algorithm::RoundRobin),
        ("weighted_round_robin", Algorithm::WeightedRoundRobin),
        ("random", Algorithm::Random),
        ("weighted_random", Algorithm::WeightedRandom),
        ("least_connections", Algorithm::LeastConnections),
        ("power_of_two_choices", Algorithm::PowerOfChoices { choices, replacement: false }),
        ("least_time", Algorithm::LeastTime { choices: None, peak: false, decay }),
        ("peak_ewma", Algorithm::PEAK_EWMA),
        ("ip_hash", Algorithm::IpHash),
        ("hash", Algorithm::Hash),
        ("ring", Algorithm::KETAMA),
        ("maglev", Algorithm::MAGLEV),
        ("bounded_load", Algorithm::BoundedLoad { points: 160, factor: bound }),
    ];
    fields.choice("algorithm", &algorithms, found).unwrap_or(Algorithm::RoundRobin)
}

fn read_panic(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Panic {
    let Some(node) = fields.get("panic") else { return Panic::Never };
    match node.text() {
        Some("never") => Panic::Never,
        Some("fail_open") => Panic::WhenNoneIsUp,
        _ => scalar(node, quantity::ratio, found).map_or(Panic::Never, |share| Panic::Below(share.get())),
    }
}

/// HAProxy's `inter 2s fall 3 rise 2`, and a probe that may take as long as its interval.
fn read_health(node: &Node, found: &mut Diagnostics) -> HealthSpec {
    let mut health = Fields::of(node, "`health`", found);
    let path = health.get("path").and_then(|n| text(n, found)).map(str::to_owned);
    let every = health.read("every", quantity::duration, found).unwrap_or(SimDuration::from_secs(2));
    let timeout = health.read("timeout", quantity::duration, found).unwrap_or(every);
    let rise = small(&mut health, "rise", 1, 1_000, found).unwrap_or(2) as u32;
    let fall = small(&mut health, "fall", 1, 1_000, found).unwrap_or(3) as u32;
    let fast_interval = health.read("fast_every", quantity::duration, found);
    let down_interval = health.read("down_every", quantity::duration, found);
    let from_end = health.choice("from", &[("start", false), ("end", true)], found);
    let observe = small(&mut health, "observe", 1, 1_000_000, found).map(|n| n as u32);
    health.finish(found);
    if every.is_zero() {
        found.add(
            Code::OutOfRange,
            node.place,
            "health checks are made at an interval above zero",
            "write `every: 5s`",
        );
    }
    let settings = ActiveCheckSettings {
        interval: every,
        timeout,
        rise,
        fall,
        fast_interval,
        down_interval,
        from_end: from_end.unwrap_or(false),
        observe,
    };
    HealthSpec { path, settings }
}

fn read_outliers(node: &Node, found: &mut Diagnostics) -> OutlierSettings {
    let mut fields = Fields::of(node, "`outliers`", found);
    let usual = OutlierSettings::default();
    let mut span = |key, found: &mut Diagnostics| fields.read(key, quantity::duration, found);
    let (interval, base, longest) =
        (span("every", found), span("ejection", found), span("max_ejection", found));
    let consecutive = small(&mut fields, "consecutive_5xx", 0, 1_000_000, found);
    let max_ejected = fields.read("max_ejected", share, found);
    fields.finish(found);
    OutlierSettings {
        consecutive_5xx: consecutive.map_or(usual.consecutive_5xx, |n| n as u32),
        interval: interval.unwrap_or(usual.interval),
        base_ejection: base.unwrap_or(usual.base_ejection),
        max_ejection: longest.unwrap_or(usual.max_ejection),
        max_ejected: max_ejected.unwrap_or(usual.max_ejected),
        ..usual
    }
}

fn read_next_upstream(node: &Node, found: &mut Diagnostics) -> NextUpstream {
    let mut retry = Fields::of(node, "`next_upstream`", found);
    let attempts = small(&mut retry, "attempts", 1, 1_000, found).unwrap_or(2) as u16;
    let on = read_on(&mut retry, found).unwrap_or(RetryOn {
        timeout: true,
        unreachable: true,
        ..RetryOn::default()
    });
    let non_idempotent = retry.flag("non_idempotent", found).unwrap_or(false);
    retry.finish(found);
    NextUpstream { attempts, on, non_idempotent }
}

fn read_statuses(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Statuses {
    let mut statuses = Statuses { no_backend: 503, unreachable: 502, queue: 503, retry_after: 0 };
    let Some(node) = fields.get("statuses") else { return statuses };
    let mut written = Fields::of(node, "`statuses`", found);
    for (key, slot) in [
        ("no_backend", &mut statuses.no_backend),
        ("unreachable", &mut statuses.unreachable),
        ("queue", &mut statuses.queue),
    ] {
        if let Some(status) = small(&mut written, key, 400, 599, found) {
            *slot = status as u16;
        }
    }
    statuses.retry_after = after(&mut written, found).unwrap_or(0);
    written.finish(found);
    statuses
}

/// A field of a request by a name of its own; cookies are told apart from headers.
pub(in crate::scenario) fn field(kind: &str, name: &str) -> String {
    if kind == "cookie" { format!("cookie {name}") } else { name.to_owned() }
}

fn read_targets(node: &Node, names: &Names, found: &mut Diagnostics) -> Vec<(ComponentId, f64)> {
    if let Some(name) = node.text() {
        return names.receiver(node, name, found).map(|id| (id, 1.0)).into_iter().collect();
    }
    let mut targets = Vec::new();
    let mut complete = true;
    // A list is a map of equal weights.
    for item in node.items() {
        let id = text(item, found).and_then(|name| names.receiver(item, name, found));
        complete &= id.is_some();
        targets.extend(id.map(|id| (id, 1.0)));
    }
    let weighted = if node.items().is_empty() { entries(Some(node), "`to`", found) } else { &[] };
    for (key, weight) in weighted {
        let at = Node { value: Value::Null, place: key.place };
        let (id, weight) = (names.receiver(&at, &key.name, found), scalar(weight, quantity::weight, found));
        complete &= id.is_some() && weight.is_some();
        targets.extend(id.zip(weight));
    }
    if complete && targets.iter().all(|(_, weight)| *weight == 0.0) {
        found.add(
            Code::OutOfRange,
            node.place,
            "the weights sum to nothing, so nothing is sent anywhere",
            "give at least one target a weight above 0",
        );
    }
    targets
}
