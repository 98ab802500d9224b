//! `kind: cache`, and the caches inside the instances of a service.

use super::{Names, small};
use crate::base::random::Distribution;
use crate::base::{EntityId, SimDuration};
use crate::components::cache::eviction::Policy;
use crate::components::cache::spec::{CacheSpec, LocalCacheSpec, WriteBack};
use crate::components::cache::store::{ActiveExpiry, Capacity, OVERHEAD};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::Placement;
use crate::scenario::fields::{Fields, entries};

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
        local.finish(found);
        if let Some(entity) = names.entity(&at, &key.name, found) {
            caches.push(LocalCacheSpec { entity, capacity, eviction, ttl });
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
