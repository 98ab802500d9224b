//! A 4-ary heap with bottom-up deletion: simple enough to be the oracle of the wheel in tests.

use super::{Entry, EventKey, EventList};
use crate::base::SimTime;

/// A 4-ary heap by key.
#[derive(Clone, Debug)]
pub struct QuaternaryHeap<E> {
    entries: Vec<Entry<E>>,
}

impl<E> Default for QuaternaryHeap<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> QuaternaryHeap<E> {
    /// An empty heap.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<E: Copy> QuaternaryHeap<E> {
    fn sift_up(&mut self, mut hole: usize) {
        let entry = self.entries[hole];
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.entries[parent].key <= entry.key {
                break;
            }
            self.entries[hole] = self.entries[parent];
            hole = parent;
        }
        self.entries[hole] = entry;
    }
}

impl<E: Copy> EventList<E> for QuaternaryHeap<E> {
    fn push(&mut self, key: EventKey, event: E) {
        self.entries.push(Entry { key, event });
        self.sift_up(self.entries.len() - 1);
    }

    fn pop_before(&mut self, limit: SimTime) -> Option<(EventKey, E)> {
        let first = *self.entries.first()?;
        if first.key.time() > limit {
            return None;
        }
        let last = self.entries.pop()?;
        let len = self.entries.len();
        if len > 0 {
            // Let the hole sink to a leaf, then lift the last entry from there: it belongs low.
            let mut hole = 0;
            loop {
                let child = 4 * hole + 1;
                if child >= len {
                    break;
                }
                let least = (child..len.min(child + 4)).min_by_key(|&i| self.entries[i].key).unwrap_or(child);
                self.entries[hole] = self.entries[least];
                hole = least;
            }
            self.entries[hole] = last;
            self.sift_up(hole);
        }
        Some((first.key, first.event))
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    fn retain(&mut self, mut alive: impl FnMut(&E) -> bool) {
        let mut kept = std::mem::take(&mut self.entries);
        kept.retain(|entry| alive(&entry.event));
        kept.sort_unstable_by_key(|entry| entry.key); // a sorted list is a heap
        self.entries = kept;
    }
}
