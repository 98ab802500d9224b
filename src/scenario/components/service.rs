//! `kind: service`.

use super::{Names, autoscale, cache, cache_steps, guarding, read_cores, small, steps};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::autoscaler::spec::AutoscaleSpec;
use crate::components::service::spec::{
    Endpoint, MemorySpec, PoolSpec, RateLimitSpec, ServiceDiscipline, ServiceSpec, Slots,
};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::protection::rate_limit::{
    FixedWindow, LeakyBucket, RateLimit, SlidingCounter, SlidingLog, TokenBucket,
};
use crate::scenario::fields::{Fields, entries, scalar, text};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> ServiceSpec {
    let written = small(fields, "instances", 1, 10_000, found).map(|n| n as u16);
    let cores = read_cores(fields, found);
    let cpu_limit = read_cpu_limit(fields, cores, found);
    let memory = fields.get("memory").map(|node| read_memory(node, found));
    let autoscale = fields.get("autoscale").and_then(|node| autoscale::read(node, cores, found));
    let instances = start(written, autoscale.as_ref(), fields, found);
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
                ("edf", ServiceDiscipline::EarliestDeadline),
                ("processor_sharing", ServiceDiscipline::ProcessorSharing),
            ],
            found,
        )
        .unwrap_or_default();
    let pools = read_pools(fields, names, found);
    let mut endpoints = Vec::new();
    for (key, node) in entries(fields.get("endpoints"), "`endpoints`", found) {
        let (steps, due) = if matches!(node.value, Value::Map(_)) {
            let mut endpoint = Fields::of(node, "an endpoint", found);
            let steps =
                endpoint.need("steps", found).map(|n| steps::read(n, names, found, 0)).unwrap_or_default();
            let due = endpoint.read("due", quantity::duration, found);
            endpoint.finish(found);
            if let Some(at) = node.get("due").filter(|_| discipline != ServiceDiscipline::EarliestDeadline) {
                let help = "write `discipline: edf` at the service, or leave it out";
                found.add(
                    Code::NoEffect,
                    at.place,
                    "`due` orders nothing unless the earliest is first",
                    help,
                );
            }
            (steps, due.map(SimDuration::as_secs_f64))
        } else {
            (steps::read(node, names, found, 0), None)
        };
        endpoints.push(Endpoint { name: key.name.clone(), place: key.place, steps, due });
    }
    let local_caches = cache::read_local(fields, names, found);
    let retry_after = guarding::read_retry_after(fields, found);
    for endpoint in &endpoints {
        cache_steps::check_local(endpoint, &local_caches, names, found);
    }
    ServiceSpec {
        local_caches,
        instances,
        autoscale,
        cores,
        cpu_limit,
        memory,
        surge: 0,
        workers,
        backlog: small(fields, "backlog", 0, 100_000_000, found).map(|n| n as u32),
        accept_queue: small(fields, "accept_queue", 0, 100_000_000, found).map(|n| n as u32),
        max_wait: fields.amount("max_wait", Of::Time, found),
        discipline,
        preemptive: fields.flag("preemptive", found).unwrap_or(false),
        release_while_waiting: fields.flag("release_while_waiting", found).unwrap_or(false),
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        shed: fields.get("shed").map(|node| guarding::read_shed(node, found)),
        concurrency: fields.get("concurrency").and_then(|node| guarding::read_concurrency(node, found)),
        admission: fields.get("admission").map(|node| guarding::read_admission(node, found)),
        reject_cost: fields.amount("reject_cost", Of::Time, found),
        retry_after,
        warm: fields.get("warm").map(|node| guarding::read_warm(node, found)),
        cold_start: fields.get("cold_start").map(|node| guarding::read_cold_start(node, found)),
        rate_limit: fields.get("rate_limit").map(|node| read_rate_limit(node, found)),
        pools,
        endpoints,
        consumes: None,
    }
}

/// Pools of connections.
pub(super) fn read_pools(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> Vec<PoolSpec> {
    let mut pools = Vec::new();
    for (key, node) in entries(fields.get("pools"), "`pools`", found) {
        let at = Node { value: Value::Null, place: key.place };
        let mut pool = Fields::of(node, "a pool", found);
        // Its values are in the tree already.
        pool.get("preset").and_then(|n| text(n, found));
        let size = small(&mut pool, "size", 1, 10_000_000, found).unwrap_or(10) as u32;
        let wait = pool.amount("wait", Of::Time, found);
        pool.finish(found);
        if let Some(target) = names.component(&at, &key.name, found) {
            pools.push(PoolSpec { target, size, wait });
        }
    }
    pools
}
/// Kubernetes' `resources.limits.cpu`, where it limits something.
fn read_cpu_limit(fields: &mut Fields<'_>, cores: f64, found: &mut Diagnostics) -> Option<f64> {
    let node = fields.get("cpu_limit")?;
    let limit = scalar(node, quantity::cores, found)?.get();
    if !(0.001..=100_000.0).contains(&limit) {
        found.add(
            Code::OutOfRange,
            node.place,
            "a limit is between 0.001 and 100 000 cores",
            "write `cpu_limit: 500m`",
        );
        return None;
    }
    if fields.get("workers").and_then(Node::text) == Some("event_loop") {
        found.add(
            Code::Conflict,
            node.place,
            "a limit on the core time of an event loop is not modelled",
            "leave `cpu_limit` out, and slow the loop's own work down",
        );
        return None;
    }
    if limit >= cores {
        let message = format!("`cpu_limit` of {limit} never bites: an instance has {cores} cores");
        found.add(Code::NoEffect, node.place, message, "write the cores of its node as `cpu`: `cpu: 8`");
        return None;
    }
    Some(limit)
}

/// Memory of an instance; the base is what a process of a managed runtime takes.
fn read_memory(node: &Node, found: &mut Diagnostics) -> MemorySpec {
    let mut fields = Fields::of(node, "`memory`", found);
    let limit = fields.need("limit", found).and_then(|n| scalar(n, quantity::bytes, found));
    let base = fields.read("base", quantity::bytes, found).map_or(BASE_MEMORY, |b| b.get() as f64);
    let request = fields.amount("request", Of::Size, found);
    let restart = fields.read("restart", quantity::duration, found).map_or(RESTART, SimDuration::as_secs_f64);
    fields.finish(found);
    let limit = limit.map_or(f64::MAX, |limit| limit.get() as f64);
    if limit <= base {
        found.add(
            Code::Contradiction,
            node.place,
            "a process that takes its `base` alone is beyond its `limit`, and would be killed at once",
            "raise `limit`, or write what it takes with nothing in hand as `base`",
        );
    }
    let request = request.unwrap_or(Distribution::Constant(0.0));
    MemorySpec { limit, base, request, restart }
}

/// What a process takes with nothing in hand: 300 MB (not verified).
const BASE_MEMORY: f64 = 300e6;
/// Seconds from a kill until the process serves again (not verified).
const RESTART: f64 = 30.0;

/// Instances at the start, which the bounds of the autoscaler hold.
pub(super) fn start(
    written: Option<u16>,
    autoscale: Option<&AutoscaleSpec>,
    fields: &mut Fields<'_>,
    found: &mut Diagnostics,
) -> u16 {
    let Some([min, max]) = autoscale.map(|autoscale| autoscale.bounds) else { return written.unwrap_or(1) };
    let Some(written) = written else { return min };
    if !(min..=max).contains(&written) {
        let place = fields.get("instances").map_or(fields.place(), |node| node.place);
        let message = format!("`instances` is {written}, and `autoscale` keeps between {min} and {max}");
        found.add(Code::OutOfRange, place, message, "start within `min` and `max`");
    }
    written.clamp(min, max)
}

#[derive(Clone, Copy)]
enum Shape {
    Token,
    Leaky,
    Fixed,
    Log,
    Counter,
}

fn read_rate_limit(node: &Node, found: &mut Diagnostics) -> RateLimitSpec {
    let mut fields = Fields::of(node, "`rate_limit`", found);
    let rate = fields.need("rate", found).and_then(|n| scalar(n, quantity::rate, found));
    let rate = rate.map_or(1.0, |rate| rate.as_per_second()).max(1e-9);
    let burst = small(&mut fields, "burst", 0, 1_000_000_000, found);
    let shapes = [
        ("token_bucket", Shape::Token),
        ("leaky_bucket", Shape::Leaky),
        ("fixed_window", Shape::Fixed),
        ("sliding_window", Shape::Log),
        ("sliding_counter", Shape::Counter),
    ];
    let shape = fields.choice("algorithm", &shapes, found).unwrap_or(Shape::Token);
    let nodelay = fields.flag("nodelay", found).unwrap_or(false);
    let window = fields.read("window", quantity::duration, found).unwrap_or(SimDuration::from_secs(1));
    let status = small(&mut fields, "status", 400, 599, found).unwrap_or(429) as u16;
    let shared = fields.flag("shared", found).unwrap_or(false);
    let retry_after = fields.flag("retry_after", found).unwrap_or(false);
    let _ = fields.get("preset"); // it has been laid under what is written
    fields.finish(found);
    // A window's limit is what the rate gives in it.
    let in_window = ((rate * window.as_secs_f64()).round() as u32).max(1);
    let whole = burst.unwrap_or_else(|| (rate.ceil() as u64).max(1)).min(u64::from(u32::MAX)) as u32;
    let limit = match shape {
        Shape::Token => RateLimit::TokenBucket(TokenBucket::new(rate, whole.max(1))),
        Shape::Leaky => {
            let burst = burst.unwrap_or(0).min(1 << 31) as u32;
            RateLimit::LeakyBucket(LeakyBucket::new(rate, burst, nodelay))
        }
        Shape::Fixed => RateLimit::FixedWindow(FixedWindow::new(in_window, window)),
        Shape::Log => RateLimit::SlidingLog(SlidingLog::new(in_window, window)),
        Shape::Counter => RateLimit::SlidingCounter(SlidingCounter::new(in_window, window)),
    };
    RateLimitSpec { limit, shared, status, retry_after }
}
