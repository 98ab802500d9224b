//! `kind: cache`, and the caches inside the instances of a service.

use super::steps::read_query;
use super::{Names, small};
use crate::base::random::Distribution;
use crate::base::{ComponentId, EntityId, OperationId, SimDuration};
use crate::components::cache::eviction::Policy;
use crate::components::cache::spec::{
    AppendOnly, CacheSpec, ChangeFeed, Durability, LocalCacheSpec, WriteBack,
};
use crate::components::cache::store::{ActiveExpiry, Capacity, OVERHEAD};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::Placement;
use crate::scenario::fields::{Fields, entries, share};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> CacheSpec {
    let placements = [("ring", Placement::Ring), ("slots", Placement::Slots), ("modulo", Placement::Modulo)];
    CacheSpec {
        nodes: small(fields, "nodes", 1, 1_000, found).unwrap_or(1) as u16,
        placement: fields.choice("placement", &placements, found).unwrap_or_default(),
        capacity: capacity(fields, OVERHEAD, found),
        eviction: eviction(fields, Policy::Lru, found),
        ttl: ttl(fields, found),
        active_expiry: fields.flag("active_expiry", found).unwrap_or(false).then_some(ActiveExpiry::REDIS),
        warm: read_warm(fields, names, found),
        write_back: read_write_back(fields, found),
        read_through: read_through(fields, names, found),
        negative_ttl: fields.get("negative_ttl").and_then(|node| {
            let ttl = crate::scenario::fields::amount(node, Of::Time, found)?;
            lasts(node, ttl, found)
        }),
        change_feeds: read_change_feeds(fields, names, found),
        durability: read_durability(fields, found),
        op_cost: fields.amount("op_cost", Of::Time, found),
        threads: small(fields, "threads", 1, 1_000, found).unwrap_or(1) as u32,
        max_connections: small(fields, "max_connections", 1, 10_000_000, found).map(|n| n as u32),
    }
}

/// `warm: {post: 250k}`.
fn read_warm(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> Vec<(EntityId, u64)> {
    let mut warm = Vec::new();
    for (key, node) in entries(fields.get("warm"), "`warm`", found) {
        let at = Node { value: Value::Null, place: key.place };
        let rows = crate::scenario::fields::scalar(node, quantity::count, found);
        if let (Some(entity), Some(rows)) = (names.entity(&at, &key.name, found), rows) {
            if rows > MOST_WARM {
                let help = "more takes too long to fill; a cold cache warms up by itself";
                found.add(Code::OutOfRange, node.place, "at most 50 million rows are warm", help);
            }
            warm.push((entity, rows.min(MOST_WARM)));
        }
    }
    warm
}

/// `read_through: {post: db.feed(post)}`.
fn read_through(
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> Vec<(EntityId, ComponentId, OperationId)> {
    let mut all = Vec::new();
    for (key, node) in entries(fields.get("read_through"), "`read_through`", found) {
        let at = Node { value: Value::Null, place: key.place };
        let entity = names.entity(&at, &key.name, found);
        if let (Some(entity), Some((store, query, _))) = (entity, read_query(node, names, found)) {
            all.push((entity, store, query));
        }
    }
    all
}

/// `change_feed: {post: {delay: ~50ms, lost: 0.1%}}`.
fn read_change_feeds(
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> Vec<(EntityId, ChangeFeed)> {
    let mut all = Vec::new();
    for (key, node) in entries(fields.get("change_feed"), "`change_feed`", found) {
        let at = Node { value: Value::Null, place: key.place };
        let feed = read_change_feed(node, found);
        all.extend(names.entity(&at, &key.name, found).map(|entity| (entity, feed)));
    }
    all
}

fn read_change_feed(node: &Node, found: &mut Diagnostics) -> ChangeFeed {
    let mut feed = Fields::of(node, "a change feed", found);
    let read = ChangeFeed {
        delay: feed.amount("delay", Of::Time, found),
        lost: feed.read("lost", share, found).unwrap_or(0.0),
    };
    feed.finish(found);
    read
}

/// `persistence: {...}` and `replication: {...}`.
fn read_durability(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Durability {
    let mut plan = Durability::default();
    if let Some(node) = fields.get("persistence") {
        let mut persistence = Fields::of(node, "`persistence`", found);
        plan.snapshot = persistence.read("snapshot", quantity::duration, found);
        let logs =
            [("no", AppendOnly::Off), ("everysec", AppendOnly::EverySecond), ("always", AppendOnly::Always)];
        plan.append_only = persistence.choice("append_only", &logs, found).unwrap_or_default();
        plan.fork = persistence.read("fork", quantity::duration, found).unwrap_or(SimDuration::ZERO);
        plan.load = persistence.read("load", quantity::bandwidth, found).map(|b| b.as_bytes_per_second());
        persistence.finish(found);
        let most = SimDuration::from_secs(1).mul_f64(1e-3);
        if plan.snapshot.is_some_and(|every| every < most) || plan.load.is_some_and(|load| load < 1.0) {
            let help = "write `snapshot: 5m` and `load: 500MB/s`";
            found.add(
                Code::OutOfRange,
                node.place,
                "a snapshot every millisecond at most, and read back at 1 B/s at least",
                help,
            );
            plan.snapshot = None;
            plan.load = None;
        }
        if !plan.fork.is_zero() && plan.snapshot.is_none() {
            let help = "write `snapshot: 5m` beside it, or leave `fork` out";
            found.add(
                Code::NoEffect,
                node.place,
                "a process is forked for a snapshot, and none is taken",
                help,
            );
        }
    }
    if let Some(node) = fields.get("replication") {
        let mut replication = Fields::of(node, "`replication`", found);
        plan.replicas = small(&mut replication, "replicas", 0, 100, found).unwrap_or(1) as u16;
        plan.lag = replication.read("lag", quantity::duration, found).unwrap_or(SimDuration::from_millis(1));
        plan.failover =
            replication.read("failover", quantity::duration, found).unwrap_or(SimDuration::from_secs(15));
        replication.finish(found);
    }
    plan
}

/// Rows that a cache holds at the start at most.
const MOST_WARM: u64 = 50_000_000;

fn read_write_back(fields: &mut Fields<'_>, found: &mut Diagnostics) -> WriteBack {
    let usual = WriteBack::default();
    let Some(node) = fields.get("write_back") else { return usual };
    let mut back = Fields::of(node, "`write_back`", found);
    let flush = back.read("flush", quantity::duration, found).unwrap_or(usual.flush);
    let batch = small(&mut back, "batch", 1, 1_000_000, found).map_or(usual.batch, |n| n as usize);
    back.finish(found);
    // A flush without delay would be a write-through that nobody waits for.
    WriteBack { flush: flush.max(SimDuration::from_nanos(1)), batch }
}

/// `local_cache: {post: {max: 10k, ttl: 2s}}`.
pub(super) fn read_local(
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> Vec<LocalCacheSpec> {
    let mut caches = Vec::new();
    for (key, node) in entries(fields.get("local_cache"), "`local_cache`", found) {
        let at = Node { value: Value::Null, place: key.place };
        let mut local = Fields::of(node, "a local cache", found);
        local.get("preset");
        let capacity = capacity(&mut local, 0, found);
        let eviction = eviction(&mut local, Policy::Lru, found);
        let ttl = ttl(&mut local, found);
        let change_feed = local.get("change_feed").map(|node| read_change_feed(node, found));
        local.finish(found);
        if let Some(entity) = names.entity(&at, &key.name, found) {
            caches.push(LocalCacheSpec { entity, capacity, eviction, ttl, change_feed });
        }
    }
    caches
}

pub(super) fn capacity(fields: &mut Fields<'_>, overhead: u32, found: &mut Diagnostics) -> Capacity {
    Capacity {
        bytes: fields.read("memory", quantity::bytes, found).map(|bytes| bytes.get()),
        items: small(fields, "max", 1, 1 << 31, found),
        overhead: fields
            .read("overhead", quantity::bytes, found)
            .map_or(overhead, |bytes| bytes.get().min(1 << 30) as u32),
    }
}

pub(super) fn eviction(fields: &mut Fields<'_>, usual: Policy, found: &mut Diagnostics) -> Policy {
    let mut words: Vec<(&str, Policy)> = Policy::ALL.iter().map(|policy| (policy.name(), *policy)).collect();
    let aliases = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "memcached", "caffeine"];
    words.extend(aliases.iter().filter_map(|name| Some((*name, Policy::parse(name)?))));
    fields.choice("eviction", &words, found).unwrap_or(usual)
}

fn ttl(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<Distribution> {
    let node = fields.get("ttl")?;
    let ttl = crate::scenario::fields::amount(node, Of::Time, found)?;
    lasts(node, ttl, found)
}

/// A time to live, which must be longer than nothing.
pub(super) fn lasts(node: &Node, ttl: Distribution, found: &mut Diagnostics) -> Option<Distribution> {
    if ttl.mean() > 0.0 {
        return Some(ttl);
    }
    found.add(
        Code::OutOfRange,
        node.place,
        "what lives for no time is never found",
        "write `ttl: 60s`, or leave it out to keep items until they give way",
    );
    None
}

/// The entity of a key.
pub(super) fn entity_of(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> Option<EntityId> {
    let node = fields.need("key", found)?;
    let name = crate::scenario::fields::text(node, found)?;
    names.entity(node, name, found)
}

/// The entity of a key that may be left out.
pub(super) fn entity_of_optional(
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> Option<EntityId> {
    let node = fields.get("key")?;
    let name = crate::scenario::fields::text(node, found)?;
    names.entity(node, name, found)
}
