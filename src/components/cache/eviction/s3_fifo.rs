//! S3-FIFO (Yang, Zhang, Qiu, Yue and Vinayak, SOSP 2023): a small FIFO filters one-hit wonders, a main
//! FIFO with two-bit counters keeps the rest, and a queue of ghosts lets what was dropped too early return.
//!
//! As libCacheSim has it: the small queue holds 10 % of the capacity, ghosts the keys of 90 %; an entry
//! touched at least twice in the small queue moves to the main one, with its counter at zero; the main queue
//! gives victims once it is over its 90 % or the small one is empty; a ghost that returns goes straight to
//! the main queue. Until the first eviction, what finds the small queue full goes to the main one too.
//! O(1) amortised; 12 bytes an entry, about 36 a ghost.

use super::ghost::Ghosts;
use super::list::{Nodes, Segment};
use super::{Eviction, Slot, share};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// Touches in the small queue that earn a place in the main one.
const THRESHOLD: u8 = 2;
/// The most that the counter of the main queue remembers.
const MOST: u8 = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Note {
    main: bool,
    touches: u8,
}

/// S3-FIFO.
#[derive(Debug)]
pub(super) struct S3Fifo {
    small_limit: u64,
    main_limit: u64,
    nodes: Nodes<Note>,
    small: Segment,
    main: Segment,
    ghosts: Ghosts,
    /// Whether the key that is about to come in is a ghost.
    returns: bool,
    /// Whether anything was evicted yet.
    evicted: bool,
}

impl S3Fifo {
    /// For entries that weigh `capacity` together at most.
    pub(super) fn new(capacity: u64) -> Self {
        let small_limit = share(capacity, 10);
        Self {
            small_limit,
            main_limit: capacity - small_limit,
            nodes: Nodes::default(),
            small: Segment::default(),
            main: Segment::default(),
            ghosts: Ghosts::new(share(capacity, 90)),
            returns: false,
            evicted: false,
        }
    }

    /// The victim of the small queue; none if all of it moves to the main one.
    fn evict_small(&mut self, entries: &Entries) -> Option<Slot> {
        while let Some(slot) = self.small.back() {
            let weight = entries.weight(slot);
            self.small.unlink(&mut self.nodes, slot, weight);
            if self.nodes.note(slot).touches < THRESHOLD {
                self.ghosts.push(entries.key(slot), weight);
                return Some(slot);
            }
            *self.nodes.note_mut(slot) = Note { main: true, touches: 0 };
            self.main.push_front(&mut self.nodes, slot, weight);
        }
        None
    }

    fn evict_main(&mut self, entries: &Entries) -> Option<Slot> {
        loop {
            let slot = self.main.back()?;
            let touches = &mut self.nodes.note_mut(slot).touches;
            if *touches == 0 {
                self.main.unlink(&mut self.nodes, slot, entries.weight(slot));
                return Some(slot);
            }
            *touches = (*touches).min(MOST) - 1;
            self.main.raise(&mut self.nodes, slot);
        }
    }
}

impl Eviction for S3Fifo {
    fn admit(&mut self, key: u64, _: u32) {
        self.returns = self.ghosts.remove(key);
    }

    fn insert(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        let filling = !self.evicted && self.small.weight >= self.small_limit;
        let main = std::mem::take(&mut self.returns) || filling;
        self.nodes.place(slot, Note { main, touches: 0 });
        let queue = if main { &mut self.main } else { &mut self.small };
        queue.push_front(&mut self.nodes, slot, entries.weight(slot));
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        let note = self.nodes.note_mut(slot);
        note.touches = note.touches.saturating_add(1);
    }

    fn evict(&mut self, _: u32, entries: &Entries, _: SimTime) -> Option<Slot> {
        self.evicted = true;
        if self.main.weight <= self.main_limit
            && let Some(victim) = self.evict_small(entries)
        {
            return Some(victim);
        }
        self.evict_main(entries).or_else(|| self.evict_small(entries))
    }

    fn remove(&mut self, slot: Slot, entries: &Entries) {
        let queue = if self.nodes.note(slot).main { &mut self.main } else { &mut self.small };
        queue.unlink(&mut self.nodes, slot, entries.weight(slot));
    }

    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        let queue = if self.nodes.note(slot).main { &mut self.main } else { &mut self.small };
        queue.reweigh(old, new);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.ghosts.clear();
        (self.small, self.main) = (Segment::default(), Segment::default());
        (self.returns, self.evicted) = (false, false);
    }

    fn memory(&self) -> usize {
        self.nodes.memory() + self.ghosts.memory()
    }
}
