//! `kind: queue` of the family `log`: Kafka and its like.

use super::{Names, small};
use crate::base::SimDuration;
use crate::components::log::assignment::Assignor;
use crate::components::log::partition::Retention;
use crate::components::log::partitioner::Keyless;
use crate::components::log::producer::Producing;
use crate::components::log::replicas::{Acks, Replication};
use crate::components::log::settings::{Commit, Consuming, Protocol, Reset, Settings};
use crate::components::log::spec::LogSpec;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, quantity};
use crate::scenario::fields::{Fields, text};

#[derive(Clone, Copy)]
enum Family {
    Log,
}

#[derive(Clone, Copy, PartialEq)]
enum Ack {
    Auto,
    After,
    Record,
    Before,
}

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> LogSpec {
    if fields.need("family", found).is_some() {
        fields.choice("family", &[("log", Family::Log)], found);
    }
    let key = fields.get("key").and_then(|node| names.entity(node, text(node, found)?, found));
    let spreads = [("sticky", Keyless::Sticky), ("round_robin", Keyless::RoundRobin)];
    let keyless = fields.choice("spread", &spreads, found);
    if let (Some(_), Some(node), Some(_)) = (key, fields.get("spread"), keyless) {
        found.add(
            Code::NoEffect,
            node.place,
            "this has no effect: records with a `key` go where their key belongs",
            "leave out `spread`, or `key`",
        );
    }
    let acks = [("none", Acks::None), ("leader", Acks::Leader), ("all", Acks::All)];
    let acks = fields.choice("acks", &acks, found).unwrap_or_default();
    let (mut consuming, mut producing) = (Consuming::default(), Producing::default());
    let partitions = small(fields, "partitions", 1, 100_000, found).unwrap_or(1) as u32;
    read_batch(fields, &mut consuming, &mut producing, found);
    read_group(fields, &mut consuming, found);
    LogSpec {
        settings: Settings { partitions, retention: read_retention(fields, found) },
        key,
        keyless: keyless.unwrap_or_default(),
        acks,
        replication: Replication {
            factor: small(fields, "replicas", 1, 100, found).unwrap_or(1) as u32,
            ..Replication::default()
        },
        replication_delay: fields.amount("replication_delay", Of::Time, found),
        producing,
        consuming,
    }
}

fn read_batch(
    fields: &mut Fields<'_>,
    consuming: &mut Consuming,
    producing: &mut Producing,
    found: &mut Diagnostics,
) {
    if let Some(node) = fields.get("batch") {
        let mut batch = Fields::of(node, "a record batch", found);
        if let Some(most) = small(&mut batch, "max", 1, 10_000_000, found) {
            consuming.poll_records = most as u32;
        }
        if let Some(size) = batch.read("size", quantity::bytes, found) {
            producing.batch = size.get();
        }
        if let Some(linger) = batch.read("linger", quantity::duration, found) {
            producing.linger = linger;
        }
        batch.finish(found);
    }
    if let Some(node) = fields.get("fetch") {
        let mut fetch = Fields::of(node, "`fetch`", found);
        let mut set = |key: &'static str, slot: &mut u64, found: &mut Diagnostics| {
            if let Some(bytes) = fetch.read(key, quantity::bytes, found) {
                *slot = bytes.get();
            }
        };
        set("min", &mut consuming.fetch_min, found);
        set("max", &mut consuming.fetch_bytes, found);
        set("per_partition", &mut consuming.partition_bytes, found);
        if let Some(wait) = fetch.read("wait", quantity::duration, found) {
            consuming.fetch_wait = wait;
        }
        fetch.finish(found);
    }
    if let Some(node) = fields.get("buffer") {
        let mut buffer = Fields::of(node, "a producer buffer", found);
        if let Some(size) = buffer.read("size", quantity::bytes, found) {
            producing.buffer = size.get();
        }
        if let Some(span) = buffer.read("max_block", quantity::duration, found) {
            producing.max_block = span;
        }
        buffer.finish(found);
    }
    if let Some(span) = fields.read("delivery_timeout", quantity::duration, found) {
        producing.delivery_timeout = span;
    }
}

fn read_group(fields: &mut Fields<'_>, consuming: &mut Consuming, found: &mut Diagnostics) {
    let acks = [("auto", Ack::Auto), ("after", Ack::After), ("each", Ack::Record), ("before", Ack::Before)];
    let ack = fields.choice("ack", &acks, found).unwrap_or(Ack::Auto);
    let every = fields.read("commit_every", quantity::duration, found);
    if let (Some(_), true, Some(node)) = (every, ack != Ack::Auto, fields.get("commit_every")) {
        found.add(
            Code::NoEffect,
            node.place,
            "this has no effect: offsets are stored every so often with `ack: auto` only",
            "leave out `commit_every`, or write `ack: auto`",
        );
    }
    consuming.commit = match ack {
        Ack::Auto => Commit::Every(every.unwrap_or(SimDuration::from_secs(5))),
        Ack::After => Commit::Batch,
        Ack::Record => Commit::Record,
        Ack::Before => Commit::Before,
    };
    if let Some(node) = fields.get("rebalance") {
        let mut rebalance = Fields::of(node, "`rebalance`", found);
        let protocols = [
            ("eager", Protocol::Eager),
            ("cooperative", Protocol::Cooperative),
            ("server", Protocol::Server),
        ];
        consuming.protocol = rebalance.choice("protocol", &protocols, found).unwrap_or_default();
        consuming.assignor =
            if consuming.protocol == Protocol::Eager { Assignor::Range } else { Assignor::Sticky };
        let assignors =
            [("range", Assignor::Range), ("round_robin", Assignor::RoundRobin), ("sticky", Assignor::Sticky)];
        if let Some(assignor) = rebalance.choice("assignor", &assignors, found) {
            consuming.assignor = assignor;
        }
        if consuming.protocol == Protocol::Cooperative && consuming.assignor != Assignor::Sticky {
            found.add(
                Code::Contradiction,
                node.place,
                "a cooperative group moves partitions one by one, which needs a sticky assignor",
                "leave out `assignor`, or write `assignor: sticky`",
            );
        }
        for (key, slot) in [("pause", &mut consuming.pause), ("initial_delay", &mut consuming.initial_delay)]
        {
            if let Some(span) = rebalance.read(key, quantity::duration, found) {
                *slot = span;
            }
        }
        rebalance.finish(found);
    }
    for (key, slot) in [
        ("session", &mut consuming.session),
        ("heartbeat", &mut consuming.heartbeat),
        ("max_poll_interval", &mut consuming.max_poll),
    ] {
        let Some(node) = fields.get(key) else { continue };
        let Some(span) = fields.read(key, quantity::duration, found) else { continue };
        if span < SimDuration::from_millis(1) {
            found.add(
                Code::OutOfRange,
                node.place,
                format!("`{key}` is at least 1 ms"),
                "write a longer time",
            );
        }
        *slot = span;
    }
    if consuming.heartbeat >= consuming.session
        && let Some(node) = fields.get("session").or_else(|| fields.get("heartbeat"))
    {
        found.add(
            Code::Contradiction,
            node.place,
            "a member is out before its next heartbeat",
            "let `session` be at least three times `heartbeat`",
        );
    }
    consuming.is_static = fields.flag("static", found).unwrap_or(false);
    let resets = [("latest", Reset::Latest), ("earliest", Reset::Earliest)];
    consuming.reset = fields.choice("reset", &resets, found).unwrap_or_default();
}

fn read_retention(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Retention {
    let mut retention = Settings::default().retention;
    if let Some(node) = fields.get("retention") {
        let mut fields = Fields::of(node, "`retention`", found);
        if let Some(time) = fields.read("time", quantity::duration, found) {
            retention.time = time;
        }
        if let Some(bytes) = fields.read("bytes", quantity::bytes, found) {
            retention.bytes = bytes.get();
        }
        fields.finish(found);
    }
    retention
}
