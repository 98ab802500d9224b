//! ARC (Megiddo and Modha, FAST 2003): an LRU list for what was touched once (T1), one for what was touched
//! again (T2), ghosts of both (B1, B2), and a target for T1 that follows whichever ghosts return.
//!
//! As libCacheSim has it: a returning ghost of B1 raises the target by max(1, B2 / B1) of its weight, one of
//! B2 lowers it by max(1, B1 / B2); B1 is trimmed once T1 and B1 reach the capacity, B2 once all four reach
//! twice the capacity. O(1) amortised; 12 bytes an entry, about 36 a ghost.

use super::ghost::Ghosts;
use super::list::{Nodes, Segment};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// Where the key that is about to come in was remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Returns {
    No,
    FromOnce,
    FromAgain,
}

/// ARC.
#[derive(Debug)]
pub(super) struct Arc {
    capacity: u64,
    /// The target weight of `once` (the paper's p).
    target: f64,
    /// Whether an entry is in `again`.
    nodes: Nodes<bool>,
    /// T1.
    once: Segment,
    /// T2.
    again: Segment,
    /// B1.
    once_ghosts: Ghosts,
    /// B2.
    again_ghosts: Ghosts,
    returns: Returns,
}

impl Arc {
    /// For entries that weigh `capacity` together at most.
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            target: 0.0,
            nodes: Nodes::default(),
            once: Segment::default(),
            again: Segment::default(),
            once_ghosts: Ghosts::new(capacity),
            again_ghosts: Ghosts::new(capacity.saturating_mul(2)),
            returns: Returns::No,
        }
    }

    /// The paper's REPLACE.
    fn replace(&mut self, entries: &Entries) -> Option<Slot> {
        let weight = self.once.weight as f64;
        let over = weight > self.target || weight == self.target && self.returns == Returns::FromAgain;
        let from_once = !self.once.is_empty() && over || self.again.is_empty();
        let (segment, ghosts) = if from_once {
            (&mut self.once, &mut self.once_ghosts)
        } else {
            (&mut self.again, &mut self.again_ghosts)
        };
        let victim = segment.back()?;
        let weight = entries.weight(victim);
        segment.unlink(&mut self.nodes, victim, weight);
        ghosts.push(entries.key(victim), weight);
        Some(victim)
    }
}

impl Eviction for Arc {
    fn admit(&mut self, key: u64, weight: u32) {
        let (b1, b2) = (self.once_ghosts.weight() as f64, self.again_ghosts.weight() as f64);
        let weight = f64::from(weight);
        self.returns = if self.once_ghosts.remove(key) {
            self.target = (self.target + (b2 / b1).max(1.0) * weight).min(self.capacity as f64);
            Returns::FromOnce
        } else if self.again_ghosts.remove(key) {
            self.target = (self.target - (b1 / b2).max(1.0) * weight).max(0.0);
            Returns::FromAgain
        } else {
            Returns::No
        };
    }

    fn insert(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        let again = self.returns != Returns::No;
        self.returns = Returns::No;
        self.nodes.place(slot, again);
        let segment = if again { &mut self.again } else { &mut self.once };
        segment.push_front(&mut self.nodes, slot, entries.weight(slot));
    }

    fn hit(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        if *self.nodes.note(slot) {
            self.again.raise(&mut self.nodes, slot);
        } else {
            let weight = entries.weight(slot);
            self.once.unlink(&mut self.nodes, slot, weight);
            *self.nodes.note_mut(slot) = true;
            self.again.push_front(&mut self.nodes, slot, weight);
        }
    }

    fn evict(&mut self, incoming: u32, entries: &Entries, _: SimTime) -> Option<Slot> {
        if self.returns != Returns::No {
            return self.replace(entries);
        }
        let first = self.once.weight + self.once_ghosts.weight();
        if first + u64::from(incoming) > self.capacity {
            if !self.once_ghosts.pop()
                && let Some(victim) = self.once.back()
            {
                self.remove(victim, entries);
                return Some(victim);
            }
        } else if first + self.again.weight + self.again_ghosts.weight() >= self.capacity.saturating_mul(2) {
            self.again_ghosts.pop();
        }
        self.replace(entries)
    }

    fn remove(&mut self, slot: Slot, entries: &Entries) {
        let segment = if *self.nodes.note(slot) { &mut self.again } else { &mut self.once };
        segment.unlink(&mut self.nodes, slot, entries.weight(slot));
    }

    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        let segment = if *self.nodes.note(slot) { &mut self.again } else { &mut self.once };
        segment.reweigh(old, new);
    }

    fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    fn memory(&self) -> usize {
        self.nodes.memory() + self.once_ghosts.memory() + self.again_ghosts.memory()
    }
}
