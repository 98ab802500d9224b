//! What a cache holds: a slab of entries, reused last in first out, and the index from key to place.
//!
//! An entry takes 32 bytes and is named by a [`Slot`] of 32 bits; the index adds four bytes and one
//! control byte a bucket, at a load between 7/16 and 7/8 (`hashbrown`, after Abseil's Swiss tables),
//! so 6 to 12 bytes a key. Policies keep arrays of their own that are indexed by the slot.
//! Rule: a slot that is handed out is below [`Entries::slots`], and stays the same until it is freed.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::base::SimTime;

/// The place of an entry.
pub type Slot = u32;

/// Marks a place that is free; the most entries that there can be.
const FREE: u32 = u32::MAX;

/// What is stored under a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    /// The version of the row that this is a copy of.
    pub version: u64,
    /// From this instant on it is no hit any more; [`SimTime::MAX`] for never.
    pub expiry: SimTime,
}

/// Aligned so that none lies across two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Entry {
    /// The key; of a free place, the next free one.
    key: u64,
    value: Value,
    /// Bytes charged, the overhead included; `FREE` for a free place.
    charge: u32,
}

/// The entries of one cache.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    places: Vec<Entry>,
    index: Index,
    free: Option<Slot>,
    /// The least weight that a policy sees; 0 if every entry weighs 1.
    least_weight: u32,
}

impl Entries {
    /// Without an entry; each will weigh at least `least_weight`, or exactly 1 if that is 0 (see
    /// [`Self::weight`]).
    pub(super) fn new(least_weight: u32) -> Self {
        Self { least_weight, ..Self::default() }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more than the highest slot in use so far.
    #[inline]
    pub fn slots(&self) -> usize {
        self.places.len()
    }

    /// The key in `slot`.
    #[inline]
    pub fn key(&self, slot: Slot) -> u64 {
        self.places[slot as usize].key
    }

    /// What the entry counts in a policy's segments: 1 where only items are limited, else its charge in
    /// bytes, but at least an even share of the capacity where the number of items is limited too (so that
    /// the scarcer of both rules).
    #[inline]
    pub fn weight(&self, slot: Slot) -> u32 {
        self.weigh(self.places[slot as usize].charge)
    }

    /// What an entry of `charge` bytes would weigh.
    #[inline]
    pub(super) fn weigh(&self, charge: u32) -> u32 {
        if self.least_weight == 0 { 1 } else { charge.max(self.least_weight) }
    }

    /// The bytes charged for the entry.
    #[inline]
    pub(super) fn charge(&self, slot: Slot) -> u32 {
        self.places[slot as usize].charge
    }

    #[inline]
    pub(super) fn value(&self, slot: Slot) -> Value {
        self.places[slot as usize].value
    }

    #[inline]
    pub(super) fn set(&mut self, slot: Slot, charge: u32, value: Value) {
        let entry = &mut self.places[slot as usize];
        (entry.charge, entry.value) = (charge, value);
    }

    /// The key and the value in `slot`, unless the slot is free.
    pub(super) fn occupied(&self, slot: Slot) -> Option<(u64, Value)> {
        let entry = self.places.get(slot as usize)?;
        (entry.charge != FREE).then_some((entry.key, entry.value))
    }

    /// Where `key` is.
    #[inline]
    pub fn find(&self, key: u64) -> Option<Slot> {
        self.index.find(key, |slot| self.places[slot as usize].key)
    }

    /// Whether there is a slot left.
    pub(super) fn has_room(&self) -> bool {
        self.free.is_some() || self.places.len() < FREE as usize
    }

    /// Puts in a key that is not there.
    #[inline]
    pub(super) fn insert(&mut self, key: u64, charge: u32, value: Value) -> Slot {
        let entry = Entry { key, value, charge };
        let slot = if let Some(slot) = self.free {
            let place = &mut self.places[slot as usize];
            self.free = u32::try_from(place.key).ok().filter(|next| *next != FREE);
            *place = entry;
            slot
        } else {
            self.places.push(entry);
            (self.places.len() - 1) as Slot
        };
        let places = &self.places;
        self.index.insert(key, slot, |slot| places[slot as usize].key);
        slot
    }

    /// Takes the entry out.
    #[inline]
    pub(super) fn remove(&mut self, slot: Slot) {
        self.index.remove(self.places[slot as usize].key, slot);
        let place = &mut self.places[slot as usize];
        place.charge = FREE;
        place.key = u64::from(self.free.unwrap_or(FREE));
        self.free = Some(slot);
    }

    /// Takes all entries out; the memory is kept.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.index.clear();
        self.free = None;
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Entry>() + self.index.memory()
    }
}

/// From keys to slots: the keys themselves stay in the slab, so a bucket costs five bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(HashTable<Slot>);

#[inline]
fn hash(key: u64) -> u64 {
    FxBuildHasher.hash_one(key)
}

impl Index {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn find(&self, key: u64, key_of: impl Fn(Slot) -> u64) -> Option<Slot> {
        self.0.find(hash(key), |slot| key_of(*slot) == key).copied()
    }

    /// The key must not be there yet.
    #[inline]
    pub(super) fn insert(&mut self, key: u64, slot: Slot, key_of: impl Fn(Slot) -> u64) {
        self.0.insert_unique(hash(key), slot, |slot| hash(key_of(*slot)));
    }

    #[inline]
    pub(super) fn remove(&mut self, key: u64, slot: Slot) {
        if let Ok(found) = self.0.find_entry(hash(key), |other| *other == slot) {
            found.remove();
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn memory(&self) -> usize {
        self.0.allocation_size()
    }
}
