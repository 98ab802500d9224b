//! W-TinyLFU (Einziger, Friedman and Manes, ACM ToS 13(4), 2017), as Caffeine has it: what is new passes
//! through a small LRU window, and is admitted to the main space (an SLRU) only if it was touched more often
//! lately than the main space's next victim.
//!
//! The window holds 1 % of the capacity, at least one unit of it; 80 % of the rest are protected. Touches
//! are counted in a [`Sketch`], from when the cache is half full. A candidate that loses but was touched six
//! times or more is admitted once in 128 times, against colliding hashes.
//! Not modelled: Caffeine's hill climbing, which adapts the window's size; its buffering of reads; the
//! paper's doorkeeper, which Caffeine does without. O(1) amortised; 12 bytes an entry and 8 to 16 for the
//! sketch.

use super::list::{Nodes, Segment};
use super::sketch::Sketch;
use super::{Eviction, Slot, share};
use crate::base::SimTime;
use crate::base::random::Draws;
use crate::components::cache::entries::Entries;

/// `ADMIT_HASHDOS_THRESHOLD`.
const WARM: u32 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Space {
    #[default]
    Window,
    Probation,
    Protected,
}

/// W-TinyLFU.
#[derive(Debug)]
pub(super) struct WTinyLfu {
    capacity: u64,
    /// The most entries there can be, if that is limited: the sketch is sized by it.
    items: Option<u64>,
    window_limit: u64,
    protected_limit: u64,
    nodes: Nodes<Space>,
    window: Segment,
    probation: Segment,
    protected: Segment,
    sketch: Sketch,
    draws: Draws,
}

impl WTinyLfu {
    /// For entries that weigh `capacity` together at most, and are no more than `items`.
    pub(super) fn new(capacity: u64, items: Option<u64>, draws: Draws) -> Self {
        let window_limit = capacity - share(capacity, 99);
        Self {
            capacity,
            items,
            window_limit,
            protected_limit: share(capacity - window_limit, 80),
            nodes: Nodes::default(),
            window: Segment::default(),
            probation: Segment::default(),
            protected: Segment::default(),
            sketch: Sketch::default(),
            draws,
        }
    }

    fn segment(&mut self, slot: Slot) -> &mut Segment {
        match self.nodes.note(slot) {
            Space::Window => &mut self.window,
            Space::Probation => &mut self.probation,
            Space::Protected => &mut self.protected,
        }
    }

    fn move_to_probation(&mut self, slot: Slot, weight: u32) {
        match std::mem::replace(self.nodes.note_mut(slot), Space::Probation) {
            Space::Window => self.window.unlink(&mut self.nodes, slot, weight),
            Space::Probation => self.probation.unlink(&mut self.nodes, slot, weight),
            Space::Protected => self.protected.unlink(&mut self.nodes, slot, weight),
        }
        self.probation.push_front(&mut self.nodes, slot, weight);
    }

    fn admits(&mut self, candidate: u64, victim: u64) -> bool {
        let (new, old) = (self.sketch.estimate(candidate), self.sketch.estimate(victim));
        new > old || new >= WARM && self.draws.below(128) == 0
    }
}

impl Eviction for WTinyLfu {
    fn admit(&mut self, key: u64, _: u32) {
        self.sketch.increment(key);
    }

    fn insert(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        self.nodes.place(slot, Space::Window);
        self.window.push_front(&mut self.nodes, slot, entries.weight(slot));
        while self.window.weight > self.window_limit
            && let Some(oldest) = self.window.back()
        {
            self.move_to_probation(oldest, entries.weight(oldest));
        }
        if self.window.weight + self.probation.weight + self.protected.weight >= self.capacity / 2 {
            self.sketch.ensure(self.items.unwrap_or(entries.len() as u64));
        }
    }

    fn hit(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        self.sketch.increment(entries.key(slot));
        match *self.nodes.note(slot) {
            Space::Window => self.window.raise(&mut self.nodes, slot),
            Space::Protected => self.protected.raise(&mut self.nodes, slot),
            Space::Probation => {
                let weight = entries.weight(slot);
                if u64::from(weight) > self.protected_limit {
                    self.probation.raise(&mut self.nodes, slot);
                    return;
                }
                self.probation.unlink(&mut self.nodes, slot, weight);
                *self.nodes.note_mut(slot) = Space::Protected;
                self.protected.push_front(&mut self.nodes, slot, weight);
                while self.protected.weight > self.protected_limit
                    && let Some(demoted) = self.protected.back()
                {
                    self.move_to_probation(demoted, entries.weight(demoted));
                }
            }
        }
    }

    fn evict(&mut self, incoming: u32, entries: &Entries, _: SimTime) -> Option<Slot> {
        let main_limit = self.capacity - self.window_limit;
        let victim = loop {
            let overflows = self.window.weight + u64::from(incoming) > self.window_limit;
            let Some(candidate) = self.window.back().filter(|_| overflows) else {
                break self.probation.back().or(self.protected.back()).or(self.window.back())?;
            };
            let weight = entries.weight(candidate);
            if self.probation.weight + self.protected.weight + u64::from(weight) <= main_limit {
                self.move_to_probation(candidate, weight);
                continue;
            }
            let Some(victim) = self.probation.back() else { break candidate };
            if self.admits(entries.key(candidate), entries.key(victim)) {
                self.move_to_probation(candidate, weight);
                break victim;
            }
            break candidate;
        };
        self.remove(victim, entries);
        Some(victim)
    }

    fn remove(&mut self, slot: Slot, entries: &Entries) {
        let weight = entries.weight(slot);
        match self.nodes.note(slot) {
            Space::Window => self.window.unlink(&mut self.nodes, slot, weight),
            Space::Probation => self.probation.unlink(&mut self.nodes, slot, weight),
            Space::Protected => self.protected.unlink(&mut self.nodes, slot, weight),
        }
    }

    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        self.segment(slot).reweigh(old, new);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.sketch.clear();
        self.window = Segment::default();
        (self.probation, self.protected) = (Segment::default(), Segment::default());
    }

    fn memory(&self) -> usize {
        self.nodes.memory() + self.sketch.memory()
    }
}
