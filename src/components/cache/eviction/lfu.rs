//! Least frequently used, exactly: the entry with the fewest touches since it came in gives way, of
//! several the one that has had that count for the longest time.
//!
//! Counts die with their entry (in-cache LFU), so what was once popular stays for ever and what is new is
//! at risk: without decay, W-TinyLFU and Redis' LFU adapt better. O(1) by a list of entries for each count
//! in use (Shah, Mitra and Matani, 2010); 12 bytes an entry and 32 a count.

use super::list::{List, NIL, Nodes};
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// The entries that share a count; classes form a chain with ascending counts.
#[derive(Clone, Copy, Debug)]
struct Class {
    count: u64,
    entries: List,
    lower: u32,
    higher: u32,
}

/// Least frequently used.
#[derive(Debug)]
pub(super) struct Lfu {
    /// The note is the entry's class.
    nodes: Nodes<u32>,
    classes: Vec<Class>,
    free: Vec<u32>,
    lowest: u32,
}

impl Default for Lfu {
    fn default() -> Self {
        Self { nodes: Nodes::default(), classes: Vec::new(), free: Vec::new(), lowest: NIL }
    }
}

impl Lfu {
    /// A new class above `lower` (`NIL`: below all).
    fn class_above(&mut self, lower: u32, count: u64) -> u32 {
        let higher = if lower == NIL { self.lowest } else { self.classes[lower as usize].higher };
        let class = Class { count, entries: List::default(), lower, higher };
        let id = if let Some(id) = self.free.pop() {
            self.classes[id as usize] = class;
            id
        } else {
            self.classes.push(class);
            (self.classes.len() - 1) as u32
        };
        if lower == NIL {
            self.lowest = id;
        } else {
            self.classes[lower as usize].higher = id;
        }
        if higher != NIL {
            self.classes[higher as usize].lower = id;
        }
        id
    }

    fn join(&mut self, slot: Slot, class: u32) {
        self.nodes.place(slot, class);
        self.classes[class as usize].entries.push_front(&mut self.nodes, slot);
    }

    /// Takes `slot` out of its class, and the class out of the chain if it is empty now.
    fn leave(&mut self, slot: Slot) {
        let id = *self.nodes.note(slot);
        let class = &mut self.classes[id as usize];
        class.entries.unlink(&mut self.nodes, slot);
        if class.entries.is_empty() {
            let (lower, higher) = (class.lower, class.higher);
            if lower == NIL {
                self.lowest = higher;
            } else {
                self.classes[lower as usize].higher = higher;
            }
            if higher != NIL {
                self.classes[higher as usize].lower = lower;
            }
            self.free.push(id);
        }
    }
}

impl Eviction for Lfu {
    fn insert(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        let lowest = self.lowest;
        let first = if lowest != NIL && self.classes[lowest as usize].count == 1 {
            lowest
        } else {
            self.class_above(NIL, 1)
        };
        self.join(slot, first);
    }

    fn hit(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        let id = *self.nodes.note(slot);
        let Class { count, higher, entries, .. } = self.classes[id as usize];
        let next = higher != NIL && self.classes[higher as usize].count == count + 1;
        if !next && entries.len() == 1 {
            // Alone in its class: the class itself moves up.
            self.classes[id as usize].count += 1;
            return;
        }
        let to = if next { higher } else { self.class_above(id, count + 1) };
        self.leave(slot);
        self.join(slot, to);
    }

    fn evict(&mut self, _: u32, _: &Entries, _: SimTime) -> Option<Slot> {
        let slot = self.classes.get(self.lowest as usize)?.entries.back()?;
        self.leave(slot);
        Some(slot)
    }

    fn remove(&mut self, slot: Slot, _: &Entries) {
        self.leave(slot);
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn memory(&self) -> usize {
        self.nodes.memory() + self.classes.capacity() * size_of::<Class>() + self.free.capacity() * 4
    }
}
