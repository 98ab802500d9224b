//! Random replacement: any entry, each as likely. O(1); 8 bytes an entry.

use super::residents::Residents;
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::base::random::Draws;
use crate::components::cache::entries::Entries;

/// Random replacement.
#[derive(Debug)]
pub(super) struct Random {
    residents: Residents,
    draws: Draws,
}

impl Random {
    pub(super) fn new(draws: Draws) -> Self {
        Self { residents: Residents::default(), draws }
    }
}

impl Eviction for Random {
    #[inline]
    fn insert(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        self.residents.insert(slot);
    }

    #[inline]
    fn hit(&mut self, _: Slot, _: &Entries, _: SimTime) {}

    fn evict(&mut self, _: u32, _: &Entries, _: SimTime) -> Option<Slot> {
        let slot = self.residents.draw(&mut self.draws)?;
        self.residents.remove(slot);
        Some(slot)
    }

    fn remove(&mut self, slot: Slot, _: &Entries) {
        self.residents.remove(slot);
    }

    fn clear(&mut self) {
        self.residents.clear();
    }

    fn memory(&self) -> usize {
        self.residents.memory()
    }
}
