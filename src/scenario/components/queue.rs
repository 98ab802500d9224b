//! `kind: queue`, `kind: worker` and the step `send`.

use super::call_options::read_options;
use super::{Names, cache, cache_steps, guarding, read_cores, small, steps};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::autoscaler::HpaSettings;
use crate::components::autoscaler::spec::{AutoscaleSpec, Rule, Signal};
use crate::components::queue::PUBLISH;
use crate::components::queue::spec::{
    Ack, ConsumerSpec, Disconnect, Overflow, Prefetch, QueueDiscipline, QueueSpec, RetryDelay,
};
use crate::components::service::spec::{
    CallOptions, Endpoint, RetryAfter, ServiceDiscipline, ServiceSpec, Slots, Step,
};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, quantity};
use crate::engine::RowChoice;
use crate::scenario::fields::{Fields, scalar, share, text};
use crate::scenario::model::{ComponentModel, ComponentSpec};

/// The name of what a worker does with a message.
pub(crate) const JOB: &str = "job";

const ACKS: [(&str, Ack); 3] = [("after", Ack::After), ("before", Ack::Before), ("auto", Ack::OnDelivery)];

fn read_prefetch(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<Prefetch> {
    match fields.get("prefetch")?.text() {
        Some("concurrency") => Some(Prefetch::Concurrency),
        Some("unlimited" | "0") => Some(Prefetch::Unlimited),
        _ => small(fields, "prefetch", 1, 100_000_000, found).map(|n| Prefetch::Limited(n as u32)),
    }
}

/// `poll: 2s`; each look at an empty queue is an event, so that there must be a limit to how often.
fn read_poll(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<SimDuration> {
    let place = fields.get("poll")?.place;
    let every = fields.read("poll", quantity::duration, found)?;
    if every < SimDuration::from_millis(1) {
        let help = "write `poll: 100ms`, or leave it out: then messages come by themselves";
        found.add(Code::OutOfRange, place, "`poll` is at least 1ms", help);
        return None;
    }
    Some(every)
}

/// `retry_delay: 5s` or `5s..10m`, which doubles.
fn read_retry_delay(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<RetryDelay> {
    let node = fields.get("retry_delay")?;
    let (base, cap) = read_span(node, found)?;
    Some(RetryDelay { base, cap })
}

/// `5s..30s`, base and cap, or one duration for both.
pub(crate) fn read_span(node: &Node, found: &mut Diagnostics) -> Option<(SimDuration, SimDuration)> {
    let written = text(node, found)?;
    let (base, cap) = written.split_once("..").unwrap_or((written, written));
    let one = |part: &str, found: &mut Diagnostics| {
        let part = part.trim().to_owned();
        scalar(node, |_| quantity::duration(&part), found)
    };
    let (base, cap) = (one(base, found)?, one(cap, found)?);
    if cap < base {
        let message = "the cap is less than the base";
        found.add(Code::OutOfRange, node.place, message, "write base and cap in this order: `5s..30s`");
        return None;
    }
    Some((base, cap))
}

fn none_or<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    found: &mut Diagnostics,
    read: impl Fn(&mut Fields<'_>, &mut Diagnostics) -> Option<T>,
) -> Option<T> {
    if matches!(fields.get(key)?.text(), Some("none" | "unlimited")) { None } else { read(fields, found) }
}

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> QueueSpec {
    let usual = QueueSpec::default();
    let ack = fields.choice("ack", &ACKS, found).unwrap_or_default();
    let duration = |key: &'static str| {
        move |fields: &mut Fields<'_>, found: &mut Diagnostics| fields.read(key, quantity::duration, found)
    };
    let visibility = none_or(fields, "visibility", found, duration("visibility"));
    if let (Some(true), Some(node)) = (visibility.map(SimDuration::is_zero), fields.get("visibility")) {
        let message = "with no visibility timeout at all every message is delivered over and over";
        found.add(Code::OutOfRange, node.place, message, "write `visibility: 30s`, or `none`");
    }
    let disconnects = [("redeliver", Disconnect::Redeliver), ("wait", Disconnect::Wait)];
    let by_lease = if visibility.is_some() { Disconnect::Wait } else { Disconnect::Redeliver };
    let on_disconnect = fields.choice("on_disconnect", &disconnects, found).unwrap_or(by_lease);
    fields.choice("family", &[("work", ())], found);
    let dead_letter = fields.get("dead_letter").and_then(|node| {
        let name = text(node, found)?;
        let queue = names.queue(node, name, found)?;
        if names.is_log(queue.index()) {
            let message = format!("`{name}` is a log; a dead-letter queue is a work queue");
            found.add(Code::WrongKind, node.place, message, "leave out `family: log` there");
            return None;
        }
        Some(queue)
    });
    let max_receives = none_or(fields, "max_receives", found, |fields, found| {
        small(fields, "max_receives", 1, 1_000_000, found).map(|n| n as u32)
    });
    let disciplines = [
        ("fifo", QueueDiscipline::Fifo),
        ("lifo", QueueDiscipline::Lifo),
        ("priority", QueueDiscipline::Priority),
    ];
    let overflows =
        [("drop_head", Overflow::DropHead), ("reject", Overflow::Reject), ("block", Overflow::Block)];
    let batch = fields.get("batch").map(|node| {
        let mut batch = Fields::of(node, "`batch`", found);
        let most = small(&mut batch, "max", 1, 1_000_000, found).unwrap_or(10) as u32;
        let linger = batch.read("linger", quantity::duration, found).unwrap_or(SimDuration::from_millis(5));
        batch.finish(found);
        (most, linger)
    });
    QueueSpec {
        ack,
        visibility,
        on_disconnect,
        heartbeat: fields.read("heartbeat", quantity::duration, found).unwrap_or(usual.heartbeat),
        requeue_in_front: fields
            .choice("requeue", &[("front", true), ("back", false)], found)
            .unwrap_or(usual.requeue_in_front),
        late_ack: fields
            .choice("late_ack", &[("accepted", true), ("ignored", false)], found)
            .unwrap_or(usual.late_ack),
        prefetch: read_prefetch(fields, found).unwrap_or_default(),
        max_receives,
        dead_letter,
        delay: fields.amount("delay", Of::Time, found),
        retry_delay: read_retry_delay(fields, found),
        discipline: fields.choice("discipline", &disciplines, found).unwrap_or_default(),
        group: fields.get("group").and_then(|node| {
            let name = text(node, found)?;
            names.entity(node, name, found)
        }),
        ttl: none_or(fields, "ttl", found, duration("ttl")),
        max_length: none_or(fields, "max_length", found, |fields, found| {
            small(fields, "max_length", 1, 1 << 31, found).map(|n| n as u32)
        }),
        overflow: fields.choice("overflow", &overflows, found).unwrap_or_default(),
        max_in_flight: none_or(fields, "max_in_flight", found, |fields, found| {
            small(fields, "max_in_flight", 1, 1 << 31, found).map(|n| n as u32)
        }),
        memory: fields.read("memory", quantity::bytes, found).map(|bytes| bytes.get()),
        confirm: fields.flag("confirm", found).unwrap_or(usual.confirm),
        publish_cost: fields.amount("publish_cost", Of::Time, found),
        batch,
        durable: fields.flag("durable", found).unwrap_or(usual.durable),
    }
}

/// A worker: a service whose one endpoint is the job, and whose calls come from a queue.
pub(super) fn read_worker(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> ServiceSpec {
    let place = fields.place();
    let written = small(fields, "instances", 1, 10_000, found).map(|n| n as u16);
    let cores = read_cores(fields, found);
    let concurrency = small(fields, "concurrency", 1, 1_000_000, found).unwrap_or(1) as u32;
    let from = fields.need("from", found).and_then(|node| {
        let name = text(node, found)?;
        names.queue(node, name, found)
    });
    let work = fields.need("steps", found).map(|n| steps::read(n, names, found, 0)).unwrap_or_default();
    let poison = fields.get("poison").map(|node| {
        if node.text().is_some() {
            return (scalar(node, share, found).unwrap_or(0.0), None);
        }
        let mut poison = Fields::of(node, "`poison`", found);
        let part = poison.read("share", share, found).unwrap_or(0.0);
        let crash = poison.read("crash", quantity::duration, found);
        poison.finish(found);
        (part, crash)
    });
    let (grace, requeue) = fields.get("shutdown").map_or((GRACE, true), |node| {
        let mut shutdown = Fields::of(node, "`shutdown`", found);
        let grace = shutdown.read("grace", quantity::duration, found).unwrap_or(GRACE);
        let requeue = shutdown.flag("requeue", found).unwrap_or(true);
        shutdown.finish(found);
        (grace, requeue)
    });
    let autoscale = fields.get("scale").and_then(|node| read_scale(node, from, grace, found));
    let instances = super::service::start(written, autoscale.as_ref(), fields, found);
    let endpoint = Endpoint { name: JOB.to_owned(), place, steps: work, due: None };
    let local_caches = cache::read_local(fields, names, found);
    cache_steps::check_local(&endpoint, &local_caches, names, found);
    let ack = fields.choice("ack", &ACKS, found);
    let consumes = from.map(|from| ConsumerSpec {
        from,
        prefetch: read_prefetch(fields, found),
        ack,
        extend_every: fields.read("extend_every", quantity::duration, found).filter(|every| !every.is_zero()),
        poll: read_poll(fields, found),
        timeout: fields.read("timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
        idempotent: fields.flag("idempotent", found).unwrap_or(false),
        poison: poison.map_or(0.0, |(share, _)| share),
        poison_crash: poison.and_then(|(_, crash)| crash),
        requeue,
        retry_delay: read_retry_delay(fields, found),
        max_receives: small(fields, "max_receives", 1, 1_000_000, found).map(|n| n as u32),
    });
    if consumes.is_none() {
        for key in
            ["prefetch", "extend_every", "poll", "timeout", "idempotent", "retry_delay", "max_receives"]
        {
            fields.get(key);
        }
    }
    ServiceSpec {
        local_caches,
        instances,
        autoscale,
        cores,
        cpu_limit: None,
        memory: None,
        cold_start: None,
        surge: 0,
        workers: Slots::Limited(concurrency),
        backlog: None,
        accept_queue: None,
        max_wait: None,
        discipline: ServiceDiscipline::Fifo,
        preemptive: false,
        release_while_waiting: false,
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        shed: None,
        concurrency: None,
        admission: None,
        reject_cost: None,
        retry_after: RetryAfter::default(),
        warm: fields.get("warm").map(|node| guarding::read_warm(node, found)),
        rate_limit: None,
        pools: super::service::read_pools(fields, names, found),
        endpoints: vec![endpoint],
        consumes,
    }
}

/// A worker that is scaled in ends what it has: queues' autoscalers protect instances that work (KEDA's jobs,
/// AWS' scale-in protection; practice, not verified).
const GRACE: SimDuration = SimDuration::from_secs(24 * 60 * 60);
/// Seconds from a decision to a worker that works (a machine; practice, not verified).
const BOOT: f64 = 60.0;

/// `scale: {on: backlog_per_instance, target: 20, min: 2, max: 20}`: Kubernetes' rule on an external metric.
fn read_scale(
    node: &Node,
    from: Option<crate::base::ComponentId>,
    grace: SimDuration,
    found: &mut Diagnostics,
) -> Option<AutoscaleSpec> {
    let mut fields = Fields::of(node, "`scale`", found);
    let by_age =
        fields.choice("on", &[("backlog_per_instance", false), ("oldest_age", true)], found).unwrap_or(false);
    let target = fields.need("target", found).and_then(|node| {
        if by_age {
            scalar(node, quantity::duration, found).map(SimDuration::as_secs_f64)
        } else {
            scalar(node, quantity::number, found)
        }
    });
    let min = small(&mut fields, "min", 1, 10_000, found).unwrap_or(1) as u16;
    let max = small(&mut fields, "max", 1, 10_000, found).unwrap_or(10) as u16;
    if max < min {
        let help = "write `min` and `max` in this order";
        found.add(Code::OutOfRange, node.place, format!("`max` is {max}, less than `min`, {min}"), help);
    }
    let bounds = [u32::from(min), u32::from(max.max(min))];
    let boot = fields.amount("boot", Of::Time, found).unwrap_or(Distribution::Constant(BOOT));
    let sync = fields.read("sync", quantity::duration, found).unwrap_or(SimDuration::from_secs(15));
    let lag = fields.read("lag", quantity::duration, found).unwrap_or_default();
    let down = fields.read("down_after", quantity::duration, found).unwrap_or(SimDuration::from_secs(300));
    fields.finish(found);
    let target = target?;
    if target <= 0.0 {
        found.add(Code::OutOfRange, node.place, "the target is more than 0", "write `target: 20`");
        return None;
    }
    let mut settings = HpaSettings::new(1.0, bounds);
    settings.down.stabilisation = down;
    let from = from?;
    Some(AutoscaleSpec {
        rule: Rule::Hpa(settings),
        signal: if by_age { Signal::OldestAge(from) } else { Signal::Backlog(from) },
        target,
        requested: 1.0,
        bounds: [min, max.max(min)],
        sync: sync.max(SimDuration::from_millis(100)),
        scrape: sync.max(SimDuration::from_millis(100)),
        lag,
        initialisation: SimDuration::ZERO,
        warm_up: SimDuration::ZERO,
        boot,
        grace,
    })
}

/// How often the relay of an outbox looks for rows that are not sent.
const RELAY: SimDuration = SimDuration::from_secs(1);

/// `send: {to: jobs, size: ~1KB}`.
pub(super) fn read_send(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<Step> {
    let mut send = Fields::of(node, "`send`", found);
    let target = send.need("to", found).and_then(|node| {
        let name = text(node, found)?;
        names.queue(node, name, found)
    });
    let size = send.get("size").and_then(|n| steps::amount(n, Of::Size, names, found));
    let outbox = send.get("outbox").and_then(|node| match node.text() {
        Some("true") => Some(RELAY),
        Some("false") => None,
        _ => scalar(node, quantity::duration, found),
    });
    if let (Some(target), Some(_), Some(node)) = (target, outbox, send.get("outbox"))
        && names.is_log(target.index())
    {
        found.add(
            Code::Conflict,
            node.place,
            "an outbox before a log is not modelled",
            "leave `outbox` out: a producer of a log tries again until `delivery_timeout`",
        );
    }
    let (on_error, fallback) = steps::read_on_error(&mut send, names, found, depth);
    let options = CallOptions { outbox, ..read_options(&mut send, found) };
    send.finish(found);
    target.map(|target| Step::Call {
        target,
        operation: PUBLISH,
        row: RowChoice::None,
        size,
        options,
        on_error,
        fallback,
    })
}

/// What can only be known once all components are read: dead letters that go round, and workers of one
/// queue that contradict each other.
pub(super) fn check(models: &[ComponentModel], found: &mut Diagnostics) {
    let next = |at: usize| match models.get(at).map(|model| &model.spec) {
        Some(ComponentSpec::Queue(queue)) => queue.dead_letter.map(crate::base::ComponentId::index),
        _ => None,
    };
    let mut told = vec![false; models.len()];
    for start in 0..models.len() {
        let mut way = vec![start];
        while let Some(to) = next(way[way.len() - 1]) {
            if to == start {
                if !way.iter().any(|at| told[*at]) {
                    let names: Vec<String> =
                        way.iter().chain([&start]).map(|at| format!("`{}`", models[*at].name)).collect();
                    found.add(
                        Code::DeadLetterCycle,
                        models[start].place,
                        format!("dead letters go round: {}", names.join(" -> ")),
                        "let the last queue have no `dead_letter`",
                    );
                }
                way.iter().for_each(|at| told[*at] = true);
                break;
            }
            if way.contains(&to) {
                break;
            }
            way.push(to);
        }
    }
    let consumers: Vec<(&ComponentModel, &ConsumerSpec)> = models
        .iter()
        .filter_map(|model| match &model.spec {
            ComponentSpec::Service(service) => Some((model, service.consumes.as_ref()?)),
            _ => None,
        })
        .collect();
    for (at, (model, consumer)) in consumers.iter().enumerate() {
        if matches!(models[consumer.from.index()].spec, ComponentSpec::Log(_)) {
            reads_a_log(model, consumer, found);
            continue;
        }
        let other = consumers[..at].iter().find(|(_, other)| other.from == consumer.from);
        let Some((other_model, other)) = other else { continue };
        let own = |c: &ConsumerSpec| (c.ack, c.max_receives, c.retry_delay);
        if own(consumer) != own(other) {
            let (a, b) = (&model.name, &other_model.name);
            found.add(
                Code::Contradiction,
                model.place,
                format!("`{a}` and `{b}` take from one queue and acknowledge or retry differently"),
                "say `ack`, `max_receives` and `retry_delay` alike at both, or at the queue",
            );
        }
    }
}

/// A consumer of a log has one place in a partition, and no message of its own to hold, extend or give back.
fn reads_a_log(model: &ComponentModel, consumer: &ConsumerSpec, found: &mut Diagnostics) {
    let written = [
        ("prefetch", consumer.prefetch.is_some()),
        ("ack", consumer.ack.is_some()),
        ("extend_every", consumer.extend_every.is_some()),
        ("poll", consumer.poll.is_some()),
        ("timeout", consumer.timeout.is_some()),
        ("idempotent", consumer.idempotent),
        ("poison", consumer.poison > 0.0),
        ("retry_delay", consumer.retry_delay.is_some()),
        ("max_receives", consumer.max_receives.is_some()),
    ];
    for (key, _) in written.iter().filter(|(_, written)| *written) {
        found.add(
            Code::Conflict,
            model.place,
            format!(
                "`{}` reads a log, whose records are not acknowledged one by one: `{key}` has no meaning",
                model.name
            ),
            format!(
                "leave out `{key}`; what a log's consumers do stands at the log: `ack`, `batch`, `rebalance`"
            ),
        );
    }
}
