//! What stores of copies found, fetched and delivered: the counts behind hit ratios and the origin's offload.

use crate::engine::Found;

/// Counts of one store in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Fresh copies.
    pub hits: u64,
    /// Copies served past their time.
    pub stale: u64,
    /// Requests that joined a fetch under way.
    pub joined: u64,
    /// Requests that began one.
    pub misses: u64,
    /// Answered by a remembered error.
    pub errors: u64,
    /// Passed on without a look-up.
    pub bypassed: u64,
    /// Fetches that ended, in the background ones too.
    pub fetches: u64,
    /// Those of them that the origin itself was asked for.
    pub origin_fetches: u64,
    /// Bytes that fetches brought.
    pub fetched: u64,
    /// Items that gave way to others.
    pub evicted: u64,
    /// Bytes in answers.
    pub delivered: u64,
}

impl Lookups {
    pub(super) fn looked(&mut self, found: Found) {
        *match found {
            Found::Hit => &mut self.hits,
            Found::Stale => &mut self.stale,
            Found::Joined => &mut self.joined,
            Found::Miss => &mut self.misses,
            Found::Error => &mut self.errors,
            Found::Bypass => &mut self.bypassed,
        } += 1;
    }

    pub(super) fn fetched(&mut self, bytes: u64, origin: bool) {
        self.fetches += 1;
        self.origin_fetches += u64::from(origin);
        self.fetched += bytes;
    }

    /// Requests that were looked up.
    #[must_use]
    pub const fn looked_up(&self) -> u64 {
        self.hits + self.stale + self.joined + self.misses + self.errors
    }

    /// Those answered from the store.
    #[must_use]
    pub const fn served(&self) -> u64 {
        self.hits + self.stale
    }

    /// Adds another store's, or a later stretch's.
    pub fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.stale += other.stale;
        self.joined += other.joined;
        self.misses += other.misses;
        self.errors += other.errors;
        self.bypassed += other.bypassed;
        self.fetches += other.fetches;
        self.origin_fetches += other.origin_fetches;
        self.fetched += other.fetched;
        self.evicted += other.evicted;
        self.delivered += other.delivered;
    }
}
