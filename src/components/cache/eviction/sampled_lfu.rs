//! Redis' approximated LFU (`allkeys-lfu`): a logarithmic counter of 8 bits that decays with time, and
//! eviction by drawing, as its LRU does (`src/evict.c`, `LFULogIncr`, `LFUDecrAndReturn`).
//!
//! A new entry starts at 5. A touch raises the counter with probability 1 / (10 (counter - 5) + 1)
//! (`lfu-log-factor 10`), so about a million touches saturate it at 255. It falls by one for each minute
//! that has passed since it was last looked at (`lfu-decay-time 1`); without time there is no decay.
//! O(1); 12 bytes an entry.

use super::pool::Pool;
use super::{Eviction, Slot};
use crate::base::random::Draws;
use crate::base::{NANOS_PER_SEC, SimTime};
use crate::components::cache::entries::Entries;

/// `LFU_INIT_VAL`.
const START: u8 = 5;
/// `lfu-log-factor`.
const LOG_FACTOR: f64 = 10.0;
/// `lfu-decay-time`, in nanoseconds.
const DECAY: u64 = 60 * NANOS_PER_SEC;

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// Minutes at the last decay, modulo 65 536 as in Redis.
    minute: u16,
    count: u8,
}

impl Counter {
    fn decayed(self, minute: u16) -> u8 {
        let passed = minute.wrapping_sub(self.minute);
        self.count.saturating_sub(u8::try_from(passed).unwrap_or(u8::MAX))
    }
}

fn minute(now: SimTime) -> u16 {
    (now.as_nanos() / DECAY) as u16
}

/// Approximated LFU.
#[derive(Debug)]
pub(super) struct SampledLfu {
    pool: Pool,
    counters: Vec<Counter>,
}

impl SampledLfu {
    pub(super) fn new(draws: Draws) -> Self {
        Self { pool: Pool::new(draws), counters: Vec::new() }
    }
}

impl Eviction for SampledLfu {
    fn insert(&mut self, slot: Slot, _: &Entries, now: SimTime) {
        let at = slot as usize;
        if at >= self.counters.len() {
            self.counters.resize(at + 1, Counter::default());
        }
        self.counters[at] = Counter { minute: minute(now), count: START };
        self.pool.insert(slot);
    }

    #[inline]
    fn hit(&mut self, slot: Slot, _: &Entries, now: SimTime) {
        let counter = &mut self.counters[slot as usize];
        let minute = minute(now);
        let mut count = counter.decayed(minute);
        let above = f64::from(count.saturating_sub(START));
        if count < u8::MAX && self.pool.draws().chance(1.0 / (above * LOG_FACTOR + 1.0)) {
            count += 1;
        }
        *counter = Counter { minute, count };
    }

    fn evict(&mut self, _: u32, _: &Entries, now: SimTime) -> Option<Slot> {
        let (counters, minute) = (&self.counters, minute(now));
        self.pool.evict(|slot| u32::from(u8::MAX - counters[slot as usize].decayed(minute)))
    }

    fn remove(&mut self, slot: Slot, _: &Entries) {
        self.pool.remove(slot);
    }

    fn clear(&mut self) {
        self.counters.clear();
        self.pool.clear();
    }

    fn memory(&self) -> usize {
        self.pool.memory() + self.counters.capacity() * size_of::<Counter>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    /// The table in `redis.conf` for a log factor of 10.
    #[test]
    fn the_counter_grows_with_the_logarithm() {
        let entries = Entries::default();
        for (hits, expected) in [(100, 10.0), (1_000, 18.0), (100_000, 142.0), (1_000_000, 255.0)] {
            let mut sum = 0.0;
            for seed in 0..8 {
                let mut lfu = SampledLfu::new(Key::root(seed, 0).draws());
                lfu.insert(0, &entries, SimTime::ZERO);
                for _ in 0..hits {
                    lfu.hit(0, &entries, SimTime::ZERO);
                }
                sum += f64::from(lfu.counters[0].count);
            }
            let mean = sum / 8.0;
            assert!((mean / expected - 1.0).abs() < 0.15, "{hits} hits: {mean} for {expected}");
        }
    }

    #[test]
    fn the_counter_falls_by_one_a_minute() {
        let counter = Counter { minute: 10, count: 100 };
        assert_eq!(counter.decayed(10), 100);
        assert_eq!(counter.decayed(40), 70);
        assert_eq!(counter.decayed(1_000), 0);
    }
}
