//! Least recently used: the entry that was not touched for the longest time gives way.
//!
//! A stack algorithm (Mattson et al., IBM Systems Journal 9(2), 1970): a larger cache holds all that a
//! smaller one holds, so its hit ratio never falls with capacity. O(1); 8 bytes an entry.

use super::list::{List, Nodes};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// Least recently used.
#[derive(Debug, Default)]
pub(super) struct Lru {
    nodes: Nodes<()>,
    list: List,
}

impl Eviction for Lru {
    #[inline]
    fn insert(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        self.nodes.place(slot, ());
        self.list.push_front(&mut self.nodes, slot);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        self.list.raise(&mut self.nodes, slot);
    }

    #[inline]
    fn evict(&mut self, _: u32, _: &Entries, _: SimTime) -> Option<Slot> {
        self.list.pop_back(&mut self.nodes)
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
