//! Ghosts: the keys of what was evicted lately, without values, first in first out.
//!
//! Rule: their weight never exceeds the limit. 28 bytes and a bucket of the index a key. Every
//! operation is O(1).

use super::Slot;
use super::list::{List, Nodes};
use crate::components::cache::entries::Index;

#[derive(Clone, Copy, Debug, Default)]
struct Note {
    key: u64,
    weight: u32,
}

/// A queue of keys that were evicted.
#[derive(Clone, Debug, Default)]
pub(super) struct Ghosts {
    limit: u64,
    weight: u64,
    nodes: Nodes<Note>,
    queue: List,
    free: Vec<Slot>,
    made: Slot,
    index: Index,
}

impl Ghosts {
    /// For keys that weigh `limit` together at most.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What they weigh.
    #[inline]
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// Remembers `key`, which is not remembered yet, as the newest, and forgets the oldest until all fit. A
    /// key that is heavier than the limit is not remembered.
    pub(super) fn push(&mut self, key: u64, weight: u32) {
        if u64::from(weight) > self.limit {
            return;
        }
        while self.weight + u64::from(weight) > self.limit {
            self.pop();
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            self.made - 1
        });
        self.nodes.place(slot, Note { key, weight });
        self.queue.push_front(&mut self.nodes, slot);
        self.weight += u64::from(weight);
        let nodes = &self.nodes;
        self.index.insert(key, slot, |slot| nodes.note(slot).key);
    }

    /// Forgets `key`; whether it was remembered.
    #[inline]
    pub(super) fn remove(&mut self, key: u64) -> bool {
        let found = self.find(key);
        if let Some(slot) = found {
            self.forget(slot);
        }
        found.is_some()
    }

    /// Forgets the oldest; whether there was one.
    pub(super) fn pop(&mut self) -> bool {
        let oldest = self.queue.back();
        if let Some(slot) = oldest {
            self.forget(slot);
        }
        oldest.is_some()
    }

    fn find(&self, key: u64) -> Option<Slot> {
        self.index.find(key, |slot| self.nodes.note(slot).key)
    }

    fn forget(&mut self, slot: Slot) {
        let note = *self.nodes.note(slot);
        self.index.remove(note.key, slot);
        self.queue.unlink(&mut self.nodes, slot);
        self.weight -= u64::from(note.weight);
        self.free.push(slot);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.nodes.memory() + self.free.capacity() * size_of::<Slot>() + self.index.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_nothing_grows() {
        let mut ghosts = Ghosts::new(3);
        for key in 0..1_000 {
            ghosts.push(key, 1);
            assert!(ghosts.weight() <= 3);
        }
        assert!(!ghosts.remove(996));
        assert!(ghosts.remove(998));
        assert!(!ghosts.remove(998));
        assert_eq!(ghosts.weight(), 2);
        ghosts.push(7, 4);
        assert!(!ghosts.remove(7), "heavier than all ghosts together may be");
        assert!(ghosts.made <= 4);
    }
}
