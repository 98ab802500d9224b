//! Who was sent where: stickiness by source or any other key, as in HAProxy's `stick-table`.
//!
//! An entry lives for `expire` since its last use; when the table is full the oldest goes, as there
//! (unless `nopurge`). A cookie needs no table: the client itself says where it was
//! ([`super::Choice::sticky`]). All operations take constant time on average.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::base::{SimDuration, SimTime};

/// A table of keys and the backends that they stick to.
#[derive(Clone, Debug)]
pub struct StickTable {
    size: usize,
    expire: SimDuration,
    entries: FxHashMap<u64, (usize, SimTime)>,
    /// Uses in order; one whose time is not the entry's was followed by another use.
    uses: VecDeque<(SimTime, u64)>,
}

impl StickTable {
    /// A table of at most `size` keys (at least one).
    #[must_use]
    pub fn new(size: usize, expire: SimDuration) -> Self {
        Self { size: size.max(1), expire, entries: FxHashMap::default(), uses: VecDeque::new() }
    }

    /// Keys that are held, expired ones among them until room is made.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody sticks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where `key` sticks to.
    #[must_use]
    pub fn backend(&self, key: u64, now: SimTime) -> Option<usize> {
        let (backend, used) = self.entries.get(&key)?;
        (now.since(*used) < self.expire).then_some(*backend)
    }

    /// `key` was sent to `backend`.
    pub fn remember(&mut self, key: u64, backend: usize, now: SimTime) {
        self.entries.insert(key, (backend, now));
        self.uses.push_back((now, key));
        while let Some((used, oldest)) = self.uses.front().copied() {
            let current = self.entries.get(&oldest).is_some_and(|(_, at)| *at == used);
            let goes = now.since(used) >= self.expire || self.entries.len() > self.size;
            if current && !goes {
                // Stale uses behind this one are dropped in bulk when they outnumber the entries.
                if self.uses.len() > 4 * self.entries.len() + 64 {
                    let entries = &self.entries;
                    self.uses.retain(|(at, key)| entries.get(key).is_some_and(|(_, used)| used == at));
                }
                break;
            }
            self.uses.pop_front();
            if current {
                self.entries.remove(&oldest);
            }
        }
    }

    /// Forgets everybody who sticks to `backend`.
    pub fn forget(&mut self, backend: usize) {
        self.entries.retain(|_, (b, _)| *b != backend);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stick_until_they_expire_or_are_crowded_out() {
        let at = |s| SimTime::from_secs_f64(s);
        let mut table = StickTable::new(2, SimDuration::from_secs(30));
        table.remember(1, 10, at(0.0));
        table.remember(2, 20, at(1.0));
        assert_eq!(table.backend(1, at(29.9)), Some(10));
        assert_eq!(table.backend(1, at(30.0)), None);
        table.remember(1, 11, at(2.0));
        table.remember(3, 30, at(3.0)); // full: key 2 is the one not used for longest
        assert_eq!([1, 2, 3].map(|k| table.backend(k, at(3.0))), [Some(11), None, Some(30)]);
        table.forget(30);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn memory_stays_bounded_under_endless_use() {
        let mut table = StickTable::new(100, SimDuration::from_secs(1_000_000));
        for n in 0..100_000_u64 {
            table.remember(n * n % 70, 0, SimTime::from_nanos(n + 1));
        }
        assert!(table.len() <= 70 && table.uses.len() < 500, "{}", table.uses.len());
    }
}
