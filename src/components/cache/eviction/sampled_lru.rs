//! Redis' approximated LRU (`allkeys-lru`): of five entries drawn and a pool of sixteen candidates, the
//! one that was idle for the longest time gives way.
//!
//! Time is counted in accesses here, not in Redis' ticks of one second (24 bits): finer, and the same order
//! wherever an entry stays for much more than a second. O(1); 12 bytes an entry.

use super::pool::Pool;
use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::base::random::Draws;
use crate::components::cache::entries::Entries;

/// Approximated LRU.
#[derive(Debug)]
pub(super) struct SampledLru {
    pool: Pool,
    /// The access count at the last touch; differences hold across the wrap.
    touched: Vec<u32>,
    now: u32,
}

impl SampledLru {
    pub(super) fn new(draws: Draws) -> Self {
        Self { pool: Pool::new(draws), touched: Vec::new(), now: 0 }
    }

    #[inline]
    fn tick(&mut self) -> u32 {
        self.now = self.now.wrapping_add(1);
        self.now
    }
}

impl Eviction for SampledLru {
    #[inline]
    fn insert(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        let at = slot as usize;
        if at >= self.touched.len() {
            self.touched.resize(at + 1, 0);
        }
        self.touched[at] = self.tick();
        self.pool.insert(slot);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _: &Entries, _: SimTime) {
        self.touched[slot as usize] = self.tick();
    }

    fn evict(&mut self, _: u32, _: &Entries, _: SimTime) -> Option<Slot> {
        let (touched, now) = (&self.touched, self.now);
        self.pool.evict(|slot| now.wrapping_sub(touched[slot as usize]))
    }

    fn remove(&mut self, slot: Slot, _: &Entries) {
        self.pool.remove(slot);
    }

    fn clear(&mut self) {
        self.touched.clear();
        self.pool.clear();
    }

    fn memory(&self) -> usize {
        self.pool.memory() + self.touched.capacity() * size_of::<u32>()
    }
}
