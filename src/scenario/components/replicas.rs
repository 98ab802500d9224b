//! `replicas:` and `failover:` of a database.

use super::{read_cores, small};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::database::spec::{FailoverSpec, Level, ReplicaSpec, Replication};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::ReadRoute;
use crate::scenario::fields::{Fields, items, text};

/// Replicas that a primary has at most.
const MOST_REPLICAS: u64 = 100;
/// MySQL's `rpl_semi_sync_source_timeout` (MYSS: dev.mysql.com, semi-synchronous replication).
const PATIENCE: f64 = 10.0;
/// PostgreSQL's `max_standby_streaming_delay` (PGHS: Azure's table of server parameters).
const CONFLICT_DELAY: f64 = 30.0;
/// "Usually much less than 100 ms" (AUR: Aurora user guide); the value is a choice.
const SHARED_LAG: f64 = 0.02;

/// `replicas: {count: 3, cpu: 8, mode: async, apply: {threads: 1, cost: ~3ms}, route: round_robin}`.
pub(super) fn read(fields: &mut Fields<'_>, cores: f64, found: &mut Diagnostics) -> Option<ReplicaSpec> {
    let node = fields.get("replicas")?;
    let mut replicas = Fields::of(node, "`replicas`", found);
    let count = small(&mut replicas, "count", 0, MOST_REPLICAS, found).unwrap_or(1) as u16;
    let own = read_cores(&mut replicas, found);
    let cores = if node.get("cpu").is_some() { own } else { cores };
    let mode = read_mode(&mut replicas, count, found);
    let (mut threads, mut cost) = (1, None);
    if let Some(node) = replicas.get("apply") {
        let mut apply = Fields::of(node, "`apply`", found);
        threads = small(&mut apply, "threads", 1, 1024, found).unwrap_or(1) as u16;
        cost = apply.amount("cost", Of::Time, found);
        apply.finish(found);
    }
    let route = replicas.get("route").and_then(|node| read_route(node, found)).unwrap_or_default();
    let conflict_delay = match replicas.get("conflict_delay") {
        None => Some(CONFLICT_DELAY),
        Some(node) if node.text() == Some("never") => None,
        Some(_) => Some(seconds(&mut replicas, "conflict_delay", found).unwrap_or(CONFLICT_DELAY)),
    };
    let zones = items(replicas.get("zones"), "zones", "zones: [a, b]", found);
    let zones = zones.iter().filter_map(|zone| text(zone, found).map(str::to_owned)).collect();
    replicas.finish(found);
    (count > 0).then_some(ReplicaSpec { count, cores, mode, threads, cost, route, zones, conflict_delay })
}

fn seconds(fields: &mut Fields<'_>, key: &'static str, found: &mut Diagnostics) -> Option<f64> {
    fields.read(key, quantity::duration, found).map(SimDuration::as_secs_f64)
}

fn read_mode(replicas: &mut Fields<'_>, count: u16, found: &mut Diagnostics) -> Replication {
    let Some(node) = replicas.get("mode") else { return Replication::Async };
    let semi = |acknowledgements, patience| Replication::SemiSync { acknowledgements, patience };
    let sync = |acknowledgements, level| Replication::Sync { acknowledgements, level };
    let shared = |lag| Replication::SharedStorage(lag);
    let help = "write async, semi_sync, sync, quorum, shared_storage, \
                `{semi_sync: {replicas: 1, timeout: 10s}}`, `{sync: {replicas: 1, level: flush}}` or \
                `{shared_storage: {lag: 20ms}}`";
    if !matches!(node.value, Value::Map(_)) {
        let known: [(&str, Replication); 5] = [
            ("async", Replication::Async),
            ("semi_sync", semi(1, PATIENCE)),
            ("sync", sync(1, Level::default())),
            ("quorum", Replication::Quorum),
            ("shared_storage", shared(Distribution::Constant(SHARED_LAG))),
        ];
        let Some(word) = text(node, found) else { return Replication::Async };
        if let Some((_, mode)) = known.into_iter().find(|(name, _)| *name == word) {
            return mode;
        }
        found.add(Code::UnknownName, node.place, format!("there is no mode of replication `{word}`"), help);
        return Replication::Async;
    }
    let mut mode = Fields::of(node, "`mode`", found);
    let inner = ["semi_sync", "sync", "shared_storage"].map(|key| (key, mode.get(key)));
    mode.finish(found);
    let Some((key, node)) = inner.into_iter().find_map(|(key, node)| Some((key, node?))) else {
        found.add(Code::NeedsOneOf, node.place, "the mode of replication is not said", help);
        return Replication::Async;
    };
    let mut fields = Fields::of(node, "an `acknowledgement`", found);
    let acknowledgements = small(&mut fields, "replicas", 1, MOST_REPLICAS, found).unwrap_or(1) as u16;
    let patience = seconds(&mut fields, "timeout", found);
    let levels = [("write", Level::Write), ("flush", Level::Flush), ("apply", Level::Apply)];
    let level = fields.choice("level", &levels, found);
    let lag = fields.amount("lag", Of::Time, found);
    fields.finish(found);
    let without = [("timeout", "semi_sync"), ("level", "sync"), ("lag", "shared_storage")];
    for (word, of) in without.into_iter().filter(|(word, of)| *of != key && node.get(word).is_some()) {
        let message = format!("`{word}` has no effect on `{key}`");
        found.add(Code::NoEffect, node.place, message, format!("it is said of `{of}`: leave it out"));
    }
    if acknowledgements > count && key != "shared_storage" {
        let message = format!("a commit cannot wait for {acknowledgements} of {count} replicas");
        found.add(Code::OutOfRange, node.place, message, "wait for fewer, or have more replicas");
    }
    match key {
        "semi_sync" => semi(acknowledgements, patience.unwrap_or(PATIENCE)),
        "sync" => sync(acknowledgements, level.unwrap_or_default()),
        _ => shared(lag.unwrap_or(Distribution::Constant(SHARED_LAG))),
    }
}

fn read_route(node: &Node, found: &mut Diagnostics) -> Option<ReadRoute> {
    const WORDS: [(&str, ReadRoute); 5] = [
        ("primary", ReadRoute::Primary),
        ("round_robin", ReadRoute::RoundRobin),
        ("least_lag", ReadRoute::LeastLag),
        ("wait_for_position", ReadRoute::WaitForPosition),
        ("session_pin", ReadRoute::SessionPin),
    ];
    if !matches!(node.value, Value::Map(_)) {
        let word = text(node, found)?;
        if let Some((_, route)) = WORDS.iter().find(|(name, _)| *name == word) {
            return Some(*route);
        }
        let help = "write primary, round_robin, least_lag, wait_for_position, session_pin, `{bounded: 2s}` or \
                    `{sticky_after_write: 2s, max_lag: 5s}`";
        found.add(Code::UnknownName, node.place, format!("there is no route of reads `{word}`"), help);
        return None;
    }
    let mut route = Fields::of(node, "a `read_route`", found);
    let bounded = route.read("bounded", quantity::duration, found);
    let sticky = route.read("sticky_after_write", quantity::duration, found);
    let most = route.read("max_lag", quantity::duration, found);
    route.finish(found);
    match (bounded, sticky) {
        (Some(most), None) => Some(ReadRoute::Bounded(most)),
        (None, Some(span)) => Some(ReadRoute::Sticky { span, most }),
        _ => {
            let help = "write `{bounded: 2s}` or `{sticky_after_write: 2s, max_lag: 5s}`";
            found.add(Code::NeedsOneOf, node.place, "a route of reads is one of two", help);
            None
        }
    }
}

/// `failover: {detect: 10s, promote: 20s, dns_ttl: 5s, fencing: true, buffer: {requests: 1000, for: 10s}}`.
pub(super) fn read_failover(
    fields: &mut Fields<'_>,
    has_replicas: bool,
    found: &mut Diagnostics,
) -> Option<FailoverSpec> {
    let node = fields.get("failover")?;
    let usual = FailoverSpec::default();
    let mut failover = Fields::of(node, "`failover`", found);
    let detect = seconds(&mut failover, "detect", found).unwrap_or(usual.detect);
    let promote = seconds(&mut failover, "promote", found).unwrap_or(usual.promote);
    let dns_ttl = seconds(&mut failover, "dns_ttl", found).unwrap_or(usual.dns_ttl);
    let fencing = failover.flag("fencing", found).unwrap_or(usual.fencing);
    let buffer = failover.get("buffer").map(|node| {
        let mut buffer = Fields::of(node, "`buffer`", found);
        // VTGate's: 1000 requests for 10 s (VIT: vitess docs, `buffer_size`, `buffer_window`).
        let requests = small(&mut buffer, "requests", 1, 10_000_000, found).unwrap_or(1000) as u32;
        let span = seconds(&mut buffer, "for", found).unwrap_or(10.0);
        buffer.finish(found);
        (requests, span)
    });
    failover.finish(found);
    if !has_replicas {
        let help = "add `replicas: {count: 1}`, or leave `failover` out";
        found.add(Code::NoEffect, node.place, "there is no replica that could take over", help);
    }
    Some(FailoverSpec { detect, promote, dns_ttl, fencing, buffer })
}
