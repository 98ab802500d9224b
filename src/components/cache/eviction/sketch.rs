//! A count-min sketch of four-bit counters that halves itself: how often was a key touched lately?
//!
//! As Caffeine's `FrequencySketch`: a table of 64-bit words, at least one a key of capacity (rounded up to a
//! power of two), sixteen counters a word; the four counters of a key lie in one block of eight words, a
//! cache line. After ten times as many increments as the capacity all counters are halved (the reset of
//! Einziger, Friedman and Manes, "TinyLFU", ACM ToS 13(4), 2017). Estimates are never below the true count
//! since the last halving, up to 15.

use crate::base::random::Key;

/// The smallest table, in words.
const LEAST_WORDS: u64 = 256;
/// The largest: 8 GiB.
const MOST_WORDS: u64 = 1 << 30;

/// Counts of recent touches.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    words: Vec<u64>,
    /// Increments until the next halving, and so far.
    sample: u64,
    size: u64,
}

/// The word and the shift of each of a key's four counters.
#[inline]
fn counters(words: usize, key: u64) -> [(usize, u32); 4] {
    let hash = Key::default().with(key).bits();
    let block = (hash as usize & (words / 8 - 1)) * 8;
    [0, 1, 2, 3].map(|i| {
        let h = (hash >> (32 + 8 * i)) as usize;
        (block + 2 * i + (h & 1), (((h >> 1) & 15) * 4) as u32)
    })
}

impl Sketch {
    /// Makes the table large enough for `keys` keys; if it has to grow, all counts are forgotten.
    pub(super) fn ensure(&mut self, keys: u64) {
        let keys = keys.clamp(LEAST_WORDS, MOST_WORDS);
        if (self.words.len() as u64) < keys {
            self.words = vec![0; keys.next_power_of_two() as usize];
            self.size = 0;
        }
        self.sample = self.sample.max(10 * keys);
    }

    /// Counts a touch; nothing before [`Self::ensure`].
    #[inline]
    pub(super) fn increment(&mut self, key: u64) {
        if self.words.is_empty() {
            return;
        }
        let mut added = false;
        for (word, shift) in counters(self.words.len(), key) {
            if self.words[word] >> shift & 15 != 15 {
                self.words[word] += 1 << shift;
                added = true;
            }
        }
        if added {
            self.size += 1;
            if self.size == self.sample {
                self.halve();
            }
        }
    }

    /// How often the key was touched lately, 15 at most.
    #[inline]
    pub(super) fn estimate(&self, key: u64) -> u32 {
        if self.words.is_empty() {
            return 0;
        }
        let counts = counters(self.words.len(), key).map(|(word, shift)| self.words[word] >> shift & 15);
        counts.into_iter().min().unwrap_or(0) as u32
    }

    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.words {
            odd += u64::from((*word & 0x1111_1111_1111_1111).count_ones());
            *word = *word >> 1 & 0x7777_7777_7777_7777;
        }
        // Each odd counter loses half a count; a key has four of them.
        self.size = self.size.saturating_sub(odd / 4) / 2;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_never_too_low_and_seldom_too_high() {
        let mut sketch = Sketch::default();
        sketch.ensure(1_000);
        for key in 0..1_000_u64 {
            for _ in 0..key % 7 {
                sketch.increment(key);
            }
        }
        let mut high = 0;
        for key in 0..1_000_u64 {
            let (seen, truth) = (u64::from(sketch.estimate(key)), key % 7);
            assert!(seen >= truth, "key {key}: {seen} for {truth}");
            high += usize::from(seen > truth);
        }
        assert!(high < 100, "{high} of 1000 are too high");
    }

    #[test]
    fn counts_stop_at_15_and_halve() {
        let mut sketch = Sketch::default();
        sketch.increment(1);
        assert_eq!(sketch.estimate(1), 0, "nothing is counted before there is a table");
        sketch.ensure(10);
        for _ in 0..100 {
            sketch.increment(1);
        }
        assert_eq!(sketch.estimate(1), 15);
        for key in 2..3_000 {
            sketch.increment(key);
        }
        assert!(sketch.estimate(1) <= 8);
    }
}
