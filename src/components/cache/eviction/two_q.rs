//! 2Q (Johnson and Shasha, VLDB 1994), the full version: what is new waits in a FIFO (A1in), what comes
//! back after it fell out of there (its key is still in the ghosts A1out) enters the main LRU (Am).
//!
//! A1in holds 25 % of the capacity and A1out the keys of 50 %, the paper's choice. A touch in A1in changes
//! nothing: several touches in a row count as one. O(1) amortised; 12 bytes an entry, about 36 a ghost.

use super::ghost::Ghosts;
use super::list::{Nodes, Segment};
use super::{Eviction, Slot, share};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// 2Q.
#[derive(Debug)]
pub(super) struct TwoQ {
    recent_limit: u64,
    /// Whether an entry is in Am.
    nodes: Nodes<bool>,
    /// A1in.
    recent: Segment,
    /// Am.
    main: Segment,
    /// A1out.
    ghosts: Ghosts,
    /// Whether the key that is about to come in is a ghost.
    returns: bool,
}

impl TwoQ {
    /// For entries that weigh `capacity` together at most.
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            recent_limit: share(capacity, 25),
            nodes: Nodes::default(),
            recent: Segment::default(),
            main: Segment::default(),
            ghosts: Ghosts::new(share(capacity, 50)),
            returns: false,
        }
    }
}

impl Eviction for TwoQ {
    fn admit(&mut self, key: u64, _: u32) {
        self.returns = self.ghosts.remove(key);
    }

    fn insert(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        let main = std::mem::take(&mut self.returns);
        self.nodes.place(slot, main);
        let segment = if main { &mut self.main } else { &mut self.recent };
        segment.push_front(&mut self.nodes, slot, entries.weight(slot));
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        if *self.nodes.note(slot) {
            self.main.raise(&mut self.nodes, slot);
        }
    }

    fn evict(&mut self, _: u32, entries: &Entries, _: SimTime) -> Option<Slot> {
        let from_recent = self.recent.weight > self.recent_limit || self.main.is_empty();
        let segment = if from_recent { &mut self.recent } else { &mut self.main };
        let victim = segment.back()?;
        let weight = entries.weight(victim);
        segment.unlink(&mut self.nodes, victim, weight);
        if from_recent {
            self.ghosts.push(entries.key(victim), weight);
        }
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, entries: &Entries) {
        let segment = if *self.nodes.note(slot) { &mut self.main } else { &mut self.recent };
        segment.unlink(&mut self.nodes, slot, entries.weight(slot));
    }

    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        let segment = if *self.nodes.note(slot) { &mut self.main } else { &mut self.recent };
        segment.reweigh(old, new);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.ghosts.clear();
        (self.recent, self.main) = (Segment::default(), Segment::default());
    }

    fn memory(&self) -> usize {
        self.nodes.memory() + self.ghosts.memory()
    }
}
