//! The occupied slots in a dense array, so that one of them can be drawn evenly in O(1) whatever was
//! deleted in between. 8 bytes an entry.

use super::Slot;
use crate::base::random::Draws;

/// The slots of all entries, in no order.
#[derive(Clone, Debug, Default)]
pub(super) struct Residents {
    slots: Vec<Slot>,
    places: Vec<u32>,
}

impl Residents {
    #[inline]
    pub(super) fn insert(&mut self, slot: Slot) {
        let at = slot as usize;
        if at >= self.places.len() {
            self.places.resize(at + 1, 0);
        }
        self.places[at] = self.slots.len() as u32;
        self.slots.push(slot);
    }

    #[inline]
    pub(super) fn remove(&mut self, slot: Slot) {
        let place = self.places[slot as usize];
        self.slots.swap_remove(place as usize);
        if let Some(moved) = self.slots.get(place as usize) {
            self.places[*moved as usize] = place;
        }
    }

    /// One of them, each as likely.
    #[inline]
    pub(super) fn draw(&self, draws: &mut Draws) -> Option<Slot> {
        self.slots.get(draws.below(self.slots.len() as u64) as usize).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.places.clear();
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        (self.slots.capacity() + self.places.capacity()) * size_of::<u32>()
    }
}
