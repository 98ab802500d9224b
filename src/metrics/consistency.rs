//! What reads of an entity saw, and what its writes cost: counts of one stretch of time.

use crate::base::SimDuration;
use crate::engine::Written;

/// Versions behind that are told apart; what is further behind counts as this far.
const FURTHEST: usize = 255;

/// Counts of one entity in one stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consistency {
    /// Reads.
    pub reads: u64,
    /// Those that saw an old version.
    pub stale: u64,
    /// The sum of how old that was, in nanoseconds.
    pub age: u128,
    /// The sum of how many versions it was behind.
    pub behind: u64,
    /// Stale reads by versions behind, from one on; as long as it has to be.
    histogram: Vec<u64>,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Writes that the store took.
    pub store_writes: u64,
    /// Copies that were written, taken out or marked.
    pub cache_writes: u64,
}

impl Consistency {
    pub(super) fn read(&mut self, behind: u32, age: SimDuration) {
        self.reads += 1;
        if behind > 0 {
            self.stale += 1;
            self.age += u128::from(age.as_nanos());
            self.behind += u64::from(behind);
            let slot = (behind as usize).min(FURTHEST);
            if self.histogram.len() < slot {
                self.histogram.resize(slot, 0);
            }
            self.histogram[slot - 1] += 1;
        }
    }

    pub(super) fn wrote(&mut self, what: Written) {
        match what {
            Written::Acknowledged => self.acknowledged += 1,
            Written::Store => self.store_writes += 1,
            Written::Cache => self.cache_writes += 1,
        }
    }

    /// Versions behind at this rank of all reads (nearest rank); none without a read.
    #[must_use]
    pub fn behind_at(&self, share: f64) -> Option<u64> {
        let rank = ((share * self.reads as f64 - 1e-9).ceil() as u64).clamp(1, self.reads.max(1));
        let mut seen = self.reads.checked_sub(self.stale).filter(|_| self.reads > 0)?;
        let mut versions = 0;
        let mut more = self.histogram.iter();
        while seen < rank {
            let Some(count) = more.next() else { break };
            versions += 1;
            seen += count;
        }
        Some(versions)
    }

    /// Adds a later stretch.
    pub(super) fn add(&mut self, other: &Self) {
        self.reads += other.reads;
        self.stale += other.stale;
        self.age += other.age;
        self.behind += other.behind;
        if self.histogram.len() < other.histogram.len() {
            self.histogram.resize(other.histogram.len(), 0);
        }
        for (mine, theirs) in self.histogram.iter_mut().zip(&other.histogram) {
            *mine += theirs;
        }
        self.acknowledged += other.acknowledged;
        self.store_writes += other.store_writes;
        self.cache_writes += other.cache_writes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_behind_are_ranked_over_all_reads() {
        let mut counts = Consistency::default();
        assert_eq!(counts.behind_at(0.5), None);
        let age = SimDuration::from_secs(1);
        (0..90).for_each(|_| counts.read(0, age));
        (0..8).for_each(|_| counts.read(1, age));
        counts.read(3, age);
        counts.read(1_000, age);
        let at = [0.5, 0.9, 0.91, 0.98, 0.99, 1.0].map(|share| counts.behind_at(share).unwrap());
        assert_eq!(at, [0, 0, 1, 1, 3, 255]);
        assert_eq!((counts.reads, counts.stale, counts.behind), (100, 10, 1_011));
        let mut twice = counts.clone();
        twice.add(&counts);
        assert_eq!((twice.reads, twice.behind_at(0.99)), (200, Some(3)));
    }
}
