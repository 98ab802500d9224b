//! memcached's segmented LRU (`items.c`, `lru_pull_tail` and `do_item_bump`): HOT for what is new, WARM for
//! what was touched twice, COLD for the rest; victims come from COLD.
//!
//! HOT holds up to 20 % and WARM up to 40 % of what is stored. An entry is *active* from its second touch
//! on. At the tail of HOT an active entry moves to WARM, at the tail of WARM to its head, at both losing the
//! mark; one that is not active moves to COLD if its segment is over its share, or older than 0.2 times
//! (HOT) or twice (WARM) the age of COLD's tail. A COLD entry that becomes active moves to WARM.
//! memcached's maintainer thread does this in the background; here each insertion does up to four such
//! moves a segment. Ages count accesses, not seconds. Not modelled: slab classes (one class for all sizes),
//! the TEMP segment. O(1); 16 bytes an entry.

use super::list::{Nodes, Segment};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// Moves of the maintainer per insertion and segment.
const MOVES: usize = 4;
/// `hot_lru_pct` and `warm_lru_pct`.
const SHARE: [u64; 2] = [20, 40];
/// `hot_max_factor` and `warm_max_factor`, in tenths.
const AGE_TENTHS: [u64; 2] = [2, 20];

const HOT: usize = 0;
const WARM: usize = 1;
const COLD: usize = 2;

#[derive(Clone, Copy, Debug, Default)]
struct Note {
    /// The access count when it came in or was last found active.
    time: u32,
    segment: u8,
    touched: bool,
    active: bool,
}

/// memcached's HOT, WARM and COLD.
#[derive(Debug, Default)]
pub(super) struct SegmentedLru {
    nodes: Nodes<Note>,
    segments: [Segment; 3],
    now: u32,
}

impl SegmentedLru {
    fn move_to(&mut self, slot: Slot, to: usize, weight: u32) {
        let from = self.nodes.note(slot).segment as usize;
        self.segments[from].unlink(&mut self.nodes, slot, weight);
        self.nodes.note_mut(slot).segment = to as u8;
        self.segments[to].push_front(&mut self.nodes, slot, weight);
    }

    fn age(&self, slot: Slot) -> u64 {
        u64::from(self.now.wrapping_sub(self.nodes.note(slot).time))
    }

    /// Looks at the tail of HOT or WARM; whether it was moved. `limit` is what the segment may weigh.
    fn pull(&mut self, from: usize, limit: u64, oldest: u64, entries: &Entries) -> bool {
        let Some(tail) = self.segments[from].back() else { return false };
        let weight = entries.weight(tail);
        if std::mem::take(&mut self.nodes.note_mut(tail).active) {
            self.move_to(tail, WARM, weight);
        } else if self.segments[from].weight > limit || self.age(tail) > oldest {
            self.move_to(tail, COLD, weight);
        } else {
            return false;
        }
        true
    }

    /// What the maintainer thread does.
    fn juggle(&mut self, entries: &Entries) {
        let total: u64 = self.segments.iter().map(|segment| segment.weight).sum();
        for from in [HOT, WARM] {
            let limit = total / 100 * SHARE[from] + total % 100 * SHARE[from] / 100;
            for _ in 0..MOVES {
                let cold_age = self.segments[COLD].back().map(|tail| self.age(tail));
                let oldest = cold_age.map_or(u64::MAX, |age| age * AGE_TENTHS[from] / 10);
                if !self.pull(from, limit, oldest, entries) {
                    break;
                }
            }
        }
    }
}

impl Eviction for SegmentedLru {
    fn insert(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        self.now = self.now.wrapping_add(1);
        self.nodes.place(slot, Note { time: self.now, ..Note::default() });
        self.segments[HOT].push_front(&mut self.nodes, slot, entries.weight(slot));
        self.juggle(entries);
    }

    fn hit(&mut self, slot: Slot, entries: &Entries, _: SimTime) {
        self.now = self.now.wrapping_add(1);
        let now = self.now;
        let note = self.nodes.note_mut(slot);
        if note.active {
            return;
        }
        if !note.touched {
            note.touched = true;
            return;
        }
        (note.active, note.time) = (true, now);
        if note.segment as usize == COLD {
            note.active = false;
            self.move_to(slot, WARM, entries.weight(slot));
        }
    }

    fn evict(&mut self, _: u32, entries: &Entries, _: SimTime) -> Option<Slot> {
        loop {
            if let Some(victim) = self.segments[COLD].back() {
                self.remove(victim, entries);
                return Some(victim);
            }
            // With nothing in COLD, HOT must give; memcached fails if that is empty too, WARM gives here.
            if !self.pull(HOT, 0, 0, entries) && !self.pull(WARM, 0, 0, entries) {
                return None;
            }
        }
    }

    fn remove(&mut self, slot: Slot, entries: &Entries) {
        let segment = self.nodes.note(slot).segment as usize;
        self.segments[segment].unlink(&mut self.nodes, slot, entries.weight(slot));
    }

    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        self.segments[self.nodes.note(slot).segment as usize].reweigh(old, new);
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn memory(&self) -> usize {
        self.nodes.memory()
    }
}
