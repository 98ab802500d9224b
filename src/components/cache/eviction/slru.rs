//! Segmented LRU (Karedla, Love and Wherry, IEEE Computer 27(3), 1994): what is new is on probation, a
//! second touch protects it; what falls out of the protected segment gets another trial.
//!
//! The protected segment holds 80 % of the capacity. O(1) amortised; 12 bytes an entry.

use super::list::{Nodes, Segment};
use super::{Eviction, Slot, share};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// The probationary and the protected segment.
#[derive(Debug)]
pub(super) struct Slru {
    protected_limit: u64,
    /// Whether an entry is protected.
    nodes: Nodes<bool>,
    probation: Segment,
    protected: Segment,
}

impl Slru {
    /// For entries that weigh `capacity` together at most.
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            protected_limit: share(capacity, 80),
            nodes: Nodes::default(),
            probation: Segment::default(),
            protected: Segment::default(),
        }
    }
}

impl Eviction for Slru {
    #[inline]
    fn insert(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        self.nodes.place(slot, false);
        self.probation.push_front(&mut self.nodes, slot, entries.weight(slot));
    }

    #[inline]
    fn hit(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        if *self.nodes.note(slot) {
            self.protected.raise(&mut self.nodes, slot);
            return;
        }
        let weight = entries.weight(slot);
        self.probation.unlink(&mut self.nodes, slot, weight);
        *self.nodes.note_mut(slot) = true;
        self.protected.push_front(&mut self.nodes, slot, weight);
        while self.protected.weight > self.protected_limit {
            let Some(demoted) = self.protected.back() else { break };
            let weight = entries.weight(demoted);
            self.protected.unlink(&mut self.nodes, demoted, weight);
            *self.nodes.note_mut(demoted) = false;
            self.probation.push_front(&mut self.nodes, demoted, weight);
        }
    }

    #[inline]
    fn evict(&mut self, _: u32, entries: &Entries, _: SimTime) -> Option<Slot> {
        let victim = self.probation.back().or(self.protected.back())?;
        self.remove(victim, entries);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, entries: &Entries) {
        let segment = if *self.nodes.note(slot) { &mut self.protected } else { &mut self.probation };
        segment.unlink(&mut self.nodes, slot, entries.weight(slot));
    }

    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        let segment = if *self.nodes.note(slot) { &mut self.protected } else { &mut self.probation };
        segment.reweigh(old, new);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        (self.probation, self.protected) = (Segment::default(), Segment::default());
    }

    fn memory(&self) -> usize {
        self.nodes.memory()
    }
}
