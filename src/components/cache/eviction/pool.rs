//! Redis' way to find a victim without a list: some entries are drawn, and the best candidates of this and
//! of earlier draws are kept in a pool of 16 (`src/evict.c`, `evictionPoolPopulate`).
//!
//! As there, a candidate keeps the score of the moment it was drawn, even if it is touched afterwards.
//! Not modelled: that `dictGetSomeKeys` takes neighbours in the hash table; here each draw is even and
//! independent. O(samples x 16), a constant.

use super::Slot;
use super::residents::Residents;
use crate::base::random::Draws;

/// Candidates kept (`EVPOOL_SIZE`).
const CANDIDATES: usize = 16;

/// Entries drawn for one eviction (`maxmemory-samples`).
pub(super) const SAMPLES: usize = 5;

/// Residents, and the candidates among them.
#[derive(Debug)]
pub(super) struct Pool {
    residents: Residents,
    draws: Draws,
    /// By score, ascending; the last one is the victim.
    candidates: Vec<(u32, Slot)>,
}

impl Pool {
    pub(super) fn new(draws: Draws) -> Self {
        Self { residents: Residents::default(), draws, candidates: Vec::with_capacity(CANDIDATES) }
    }

    #[inline]
    pub(super) fn insert(&mut self, slot: Slot) {
        self.residents.insert(slot);
    }

    /// Takes out the best candidate; `score` says how dispensable an entry is.
    pub(super) fn evict(&mut self, score: impl Fn(Slot) -> u32) -> Option<Slot> {
        for _ in 0..SAMPLES.min(self.residents.len()) {
            let slot = self.residents.draw(&mut self.draws)?;
            self.consider(slot, score(slot));
        }
        let (_, slot) = *self.candidates.last()?;
        self.remove(slot);
        Some(slot)
    }

    fn consider(&mut self, slot: Slot, score: u32) {
        let below = self.candidates.partition_point(|candidate| candidate.0 < score);
        if self.candidates.len() < CANDIDATES {
            self.candidates.insert(below, (score, slot));
        } else if below > 0 {
            // The worst one falls out, and all below the new one move down.
            self.candidates[..below].rotate_left(1);
            self.candidates[below - 1] = (score, slot);
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, slot: Slot) {
        // The same entry may have been drawn more than once.
        self.candidates.retain(|candidate| candidate.1 != slot);
        self.residents.remove(slot);
    }

    pub(super) fn draws(&mut self) -> &mut Draws {
        &mut self.draws
    }

    pub(super) fn clear(&mut self) {
        self.residents.clear();
        self.candidates.clear();
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.residents.memory() + self.candidates.capacity() * size_of::<(u32, Slot)>()
    }
}
