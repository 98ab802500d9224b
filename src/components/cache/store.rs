//! What a cache node remembers: keys with the version of the row they copy and an expiry, within a capacity
//! in bytes and in items.
//!
//! Modelled: a charge of value and overhead for each item, eviction by a policy, lazy expiry (an item is a
//! hit only *before* its expiry, and is dropped by the read that finds it dead) and Redis' active expiry.
//! Not modelled: values themselves, fragmentation and slab classes, the time that an operation takes.
//! Rules: never more than the capacity is stored; an insertion that does not fit evicts until it does, or is
//! refused; reads = hits + misses, of which `expired` met a dead item;
//! `items = inserted - evicted - expired - deleted - flushed`, where items expire by a read or actively.
//!
//! For stale-while-revalidate or early refresh store the last instant of usefulness as expiry, and compare
//! [`Value::expiry`] of a hit with the present.

use super::entries::{Entries, Slot, Value};
use super::eviction::{Eviction, Policy};
use crate::base::random::Key;
use crate::base::{SimDuration, SimTime};

/// Metadata per item in bytes: what Twitter measured on its memcached fleet, beside a median object of 230 B
/// (Yang, Yue and Rashmi, OSDI 2020).
pub const OVERHEAD: u32 = 56;

/// How much a cache holds; at least one of the two should be limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// Bytes of values and overhead.
    pub bytes: Option<u64>,
    /// Items.
    pub items: Option<u64>,
    /// Bytes that each item is charged beside its value.
    pub overhead: u32,
}

impl Capacity {
    /// So many items of any size.
    #[must_use]
    pub const fn items(items: u64) -> Self {
        Self { bytes: None, items: Some(items), overhead: 0 }
    }

    /// So many bytes, each item with [`OVERHEAD`].
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self { bytes: Some(bytes), items: None, overhead: OVERHEAD }
    }

    /// What the policy's segments divide among them, and the least weight of an entry (0: all weigh 1).
    fn weights(self) -> (u64, u32) {
        match (self.bytes, self.items) {
            (Some(bytes), Some(items)) => {
                (bytes, u32::try_from(bytes / items.max(1)).unwrap_or(u32::MAX).max(1))
            }
            (Some(bytes), None) => (bytes, 1),
            (None, Some(items)) => (items, 0),
            (None, None) => (u64::MAX, 0),
        }
    }
}

/// What a read found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lookup {
    /// The item.
    Hit(Value),
    /// Nothing.
    Miss,
    /// An item that was dead, and is dropped now.
    Expired,
}

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    /// It is stored.
    Stored,
    /// There is no room and nothing may be evicted: the client gets an error.
    Full,
    /// It is larger than the whole cache: the client gets an error.
    TooLarge,
}

/// What has happened since the start; a flush does not reset it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Reads that found a live item.
    pub hits: u64,
    /// Reads that did not, those that met a dead one included.
    pub misses: u64,
    /// Items dropped because they were dead, by a read or actively.
    pub expired: u64,
    /// Items that gave way.
    pub evictions: u64,
    /// New items.
    pub insertions: u64,
    /// Writes of a key that was there.
    pub overwrites: u64,
    /// Writes refused.
    pub write_errors: u64,
}

/// How dead items are found without a read (Redis' `activeExpireCycle`).
///
/// A cycle looks at the next `sample` items that can expire, drops the dead ones, and goes on at once as long
/// as more than `acceptable` of them were dead, up to `most` items looked at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ActiveExpiry {
    /// From one cycle to the next.
    pub every: SimDuration,
    /// Items looked at before it is decided whether to go on.
    pub sample: u32,
    /// The share of dead ones that is left to be.
    pub acceptable: f64,
    /// The most items one cycle looks at: stands for Redis' limit of a quarter of the CPU's time.
    pub most: u32,
}

impl ActiveExpiry {
    /// Redis: `hz 10`, effort 1: 20 keys a loop, 10 % acceptable, 25 ms of work a cycle at about a
    /// microsecond a key.
    pub const REDIS: Self =
        Self { every: SimDuration::from_millis(100), sample: 20, acceptable: 0.1, most: 25_000 };
}

/// The memory of one cache node.
#[derive(Debug)]
pub struct Store {
    capacity: Capacity,
    entries: Entries,
    policy: Box<dyn Eviction>,
    bytes: u64,
    /// Where active expiry goes on.
    cursor: Slot,
    /// Whether any item was ever given an expiry.
    expires: bool,
    counts: Counts,
}

impl Store {
    /// An empty store; a policy that draws lots does so from `key`.
    #[must_use]
    pub fn new(capacity: Capacity, policy: Policy, key: Key) -> Self {
        let (weight, least) = capacity.weights();
        Self {
            capacity,
            entries: Entries::new(least),
            policy: policy.build(weight, capacity.items, key),
            bytes: 0,
            cursor: 0,
            expires: false,
            counts: Counts::default(),
        }
    }

    /// Reads `key` at `now`. O(1).
    #[inline]
    pub fn get(&mut self, key: u64, now: SimTime) -> Lookup {
        let Some(slot) = self.entries.find(key) else {
            self.counts.misses += 1;
            return Lookup::Miss;
        };
        let value = self.entries.value(slot);
        if now >= value.expiry {
            self.counts.misses += 1;
            self.counts.expired += 1;
            self.drop_entry(slot);
            return Lookup::Expired;
        }
        self.counts.hits += 1;
        self.policy.hit(slot, &self.entries, now);
        Lookup::Hit(value)
    }

    /// What is stored under `key`, dead or alive, without counting or touching it.
    #[must_use]
    pub fn peek(&self, key: u64) -> Option<Value> {
        self.entries.find(key).map(|slot| self.entries.value(slot))
    }

    /// Stores a value of `size` bytes under `key`. O(1) amortised.
    #[inline]
    pub fn put(&mut self, key: u64, size: u64, value: Value, now: SimTime) -> Put {
        self.put_telling(key, size, value, now, |_, _| ())
    }

    /// Stores a value, and tells of each item that gives way (a write-back cache must not lose it).
    ///
    /// A key that is there is overwritten and counts as touched; if its new size needs room, it is taken out
    /// and comes in anew. A refused write leaves what was there.
    pub fn put_telling(
        &mut self,
        key: u64,
        size: u64,
        value: Value,
        now: SimTime,
        mut gave_way: impl FnMut(u64, Value),
    ) -> Put {
        let Some(charge) = self.charge(size) else {
            self.counts.write_errors += 1;
            return Put::TooLarge;
        };
        self.expires |= value.expiry < SimTime::MAX;
        let known = self.entries.find(key);
        if let Some(slot) = known {
            let old = self.entries.charge(slot);
            let bytes = self.bytes - u64::from(old) + u64::from(charge);
            if charge <= old || self.capacity.bytes.is_none_or(|limit| bytes <= limit) {
                self.overwrite(slot, charge, value, now);
                return Put::Stored;
            }
        }
        let weight = self.entries.weigh(charge);
        // An old copy must not be counted while room is made, nor be lost if none can be made.
        let freed = known.map_or(0, |slot| u64::from(self.entries.charge(slot)));
        if let Some(slot) = known {
            self.policy.remove(slot, &self.entries);
        }
        self.policy.admit(key, weight);
        while !self.fits(charge, freed, known.is_some()) {
            let Some(victim) = self.policy.evict(weight, &self.entries, now) else {
                if let Some(slot) = known {
                    self.policy.insert(slot, &self.entries, now);
                }
                self.counts.write_errors += 1;
                return Put::Full;
            };
            self.counts.evictions += 1;
            gave_way(self.entries.key(victim), self.entries.value(victim));
            self.bytes -= u64::from(self.entries.charge(victim));
            self.entries.remove(victim);
        }
        self.bytes = self.bytes - freed + u64::from(charge);
        let slot = if let Some(slot) = known {
            self.counts.overwrites += 1;
            self.entries.set(slot, charge, value);
            slot
        } else {
            self.counts.insertions += 1;
            self.entries.insert(key, charge, value)
        };
        self.policy.insert(slot, &self.entries, now);
        Put::Stored
    }

    /// Gives `key` a new expiry (a TTL that is renewed on access); whether the key is there.
    pub fn renew(&mut self, key: u64, expiry: SimTime) -> bool {
        let found = self.entries.find(key);
        if let Some(slot) = found {
            self.expires |= expiry < SimTime::MAX;
            let value = Value { expiry, ..self.entries.value(slot) };
            self.entries.set(slot, self.entries.charge(slot), value);
        }
        found.is_some()
    }

    /// Takes `key` out; what was there, dead or alive.
    pub fn delete(&mut self, key: u64) -> Option<Value> {
        let slot = self.entries.find(key)?;
        let value = self.entries.value(slot);
        self.drop_entry(slot);
        Some(value)
    }

    /// Takes everything out (a restart, `FLUSHALL`).
    pub fn flush(&mut self) {
        self.entries.clear();
        self.policy.clear();
        (self.bytes, self.cursor, self.expires) = (0, 0, false);
    }

    /// One cycle of active expiry at `now`; how many items it dropped.
    pub fn expire(&mut self, now: SimTime, cycle: &ActiveExpiry) -> u64 {
        let mut dropped = 0;
        let (mut looked_at, mut passed) = (0_u32, 0_usize);
        while self.expires && looked_at < cycle.most {
            let (mut sampled, mut dead) = (0_u32, 0_u32);
            while sampled < cycle.sample && passed < self.entries.slots() {
                let slot = self.cursor;
                self.cursor = if slot as usize + 1 < self.entries.slots() { slot + 1 } else { 0 };
                passed += 1;
                let Some((_, value)) = self.entries.occupied(slot) else { continue };
                if value.expiry == SimTime::MAX {
                    continue;
                }
                sampled += 1;
                if now >= value.expiry {
                    dead += 1;
                    self.drop_entry(slot);
                }
            }
            dropped += u64::from(dead);
            looked_at += sampled;
            if f64::from(dead) <= cycle.acceptable * f64::from(sampled) || passed >= self.entries.slots() {
                break;
            }
        }
        self.counts.expired += dropped;
        dropped
    }

    /// Items, the dead ones that nobody has met yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes charged.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Every key with its value, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Value)> + '_ {
        (0..self.entries.slots()).filter_map(|slot| self.entries.occupied(slot as Slot))
    }

    /// Bytes of the simulating machine that the store and its policy have allocated.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.entries.memory() + self.policy.memory()
    }

    /// What a value of `size` bytes is charged; none if it can never fit.
    fn charge(&self, size: u64) -> Option<u32> {
        let charge = size.checked_add(u64::from(self.capacity.overhead))?;
        let fits = self.capacity.bytes.is_none_or(|limit| charge <= limit) && self.capacity.items != Some(0);
        u32::try_from(charge).ok().filter(|charge| fits && *charge < u32::MAX)
    }

    /// Whether a new item of `charge` fits; `freed` bytes and, if `known`, an item of it are there already.
    fn fits(&self, charge: u32, freed: u64, known: bool) -> bool {
        let items = self.entries.len() as u64 + u64::from(!known);
        self.capacity.bytes.is_none_or(|limit| self.bytes - freed + u64::from(charge) <= limit)
            && self.capacity.items.is_none_or(|limit| items <= limit)
            && (known || self.entries.has_room())
    }

    fn overwrite(&mut self, slot: Slot, charge: u32, value: Value, now: SimTime) {
        self.counts.overwrites += 1;
        let (old, before) = (self.entries.charge(slot), self.entries.weight(slot));
        self.bytes = self.bytes - u64::from(old) + u64::from(charge);
        self.entries.set(slot, charge, value);
        let after = self.entries.weight(slot);
        if before != after {
            self.policy.resize(slot, before, after);
        }
        self.policy.hit(slot, &self.entries, now);
    }

    fn drop_entry(&mut self, slot: Slot) {
        self.policy.remove(slot, &self.entries);
        self.bytes -= u64::from(self.entries.charge(slot));
        self.entries.remove(slot);
    }
}

#[cfg(test)]
mod tests;
