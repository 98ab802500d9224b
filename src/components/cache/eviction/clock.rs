//! CLOCK, second chance: a FIFO in which an entry that was touched since it was last looked at goes round
//! once more (Corbató, 1968).
//!
//! One reference bit, clear on insertion, set by a hit, cleared by the hand. O(1) amortised: each step of
//! the hand clears a bit that a hit has set. 12 bytes an entry.

use super::list::{List, Nodes};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// Second chance.
#[derive(Debug, Default)]
pub(super) struct Clock {
    nodes: Nodes<bool>,
    list: List,
}

impl Eviction for Clock {
    #[inline]
    fn insert(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        self.nodes.place(slot, false);
        self.list.push_front(&mut self.nodes, slot);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        *self.nodes.note_mut(slot) = true;
    }

    fn evict(&mut self, _: u32, _: &Entries, _: SimTime) -> Option<Slot> {
        loop {
            let slot = self.list.back()?;
            if !std::mem::take(self.nodes.note_mut(slot)) {
                self.list.unlink(&mut self.nodes, slot);
                return Some(slot);
            }
            self.list.raise(&mut self.nodes, slot);
        }
    }

    fn remove(&mut self, slot: Slot, _: &Entries) {
        self.list.unlink(&mut self.nodes, slot);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.list = List::default();
    }

    fn memory(&self) -> usize {
        self.nodes.memory()
    }
}
