//! SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024): a FIFO whose hand moves from old to new and
//! leaves what it spares where it is, so that new entries are sifted between the survivors.
//!
//! One visited bit. O(1) amortised; 12 bytes an entry.

use super::list::{List, Nodes};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// SIEVE.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    nodes: Nodes<bool>,
    list: List,
    hand: Option<Slot>,
}

impl Eviction for Sieve {
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
        let mut at = self.hand.or(self.list.back())?;
        while std::mem::take(self.nodes.note_mut(at)) {
            at = self.nodes.before(at).or(self.list.back())?;
        }
        self.hand = self.nodes.before(at);
        self.list.unlink(&mut self.nodes, at);
        Some(at)
    }

    fn remove(&mut self, slot: Slot, _: &Entries) {
        if self.hand == Some(slot) {
            self.hand = self.nodes.before(slot);
        }
        self.list.unlink(&mut self.nodes, slot);
    }

    fn clear(&mut self) {
        self.nodes.clear();
        (self.list, self.hand) = (List::default(), None);
    }

    fn memory(&self) -> usize {
        self.nodes.memory()
    }
}
