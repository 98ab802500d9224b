//! First in, first out: hits change nothing, so a hit costs no write.
//!
//! No stack algorithm: more capacity can mean more misses (Belady, Nelson and Shedler, CACM 12(6), 1969).
//! Under independent references it hits exactly as often as random replacement (Gelenbe, IEEE ToC 22(6),
//! 1973). O(1); 8 bytes an entry.

use super::list::{List, Nodes};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// First in, first out.
#[derive(Debug, Default)]
pub(super) struct Fifo {
    nodes: Nodes<()>,
    list: List,
}

impl Eviction for Fifo {
    #[inline]
    fn insert(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        self.nodes.place(slot, ());
        self.list.push_front(&mut self.nodes, slot);
    }

    #[inline]
    fn hit(&mut self, _: Slot, _: &Entries, _: SimTime) {}

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
