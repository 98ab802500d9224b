//! A limit per key: per client address, per tenant, per API key (nginx's `limit_req_zone KEY`).
//!
//! Each key starts with a fresh copy of the limit. At most `max_keys` are remembered, the least recently
//! seen one is forgotten first, as in a zone of shared memory: a zone that is too small for its clients
//! limits nobody. Constant time on average.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{RateLimit, Verdict};
use crate::base::SimTime;

/// Limits by key.
#[derive(Clone, Debug)]
pub struct KeyedRateLimit {
    fresh: RateLimit,
    max_keys: usize,
    /// The limit of a key and the number of its last request.
    limits: FxHashMap<u64, (RateLimit, u64)>,
    /// Requests by number; one that is not its key's last is skipped.
    seen: VecDeque<(u64, u64)>,
    requests: u64,
}

impl KeyedRateLimit {
    /// Copies of `fresh`, for at most `max_keys` keys (at least one).
    #[must_use]
    pub fn new(fresh: RateLimit, max_keys: usize) -> Self {
        Self {
            fresh,
            max_keys: max_keys.max(1),
            limits: FxHashMap::default(),
            seen: VecDeque::new(),
            requests: 0,
        }
    }

    /// A request with this key has come.
    pub fn admit(&mut self, key: u64, now: SimTime) -> Verdict {
        self.requests += 1;
        let number = self.requests;
        let fresh = &self.fresh;
        let (limit, last) = self.limits.entry(key).or_insert_with(|| (fresh.clone(), 0));
        *last = number;
        let verdict = limit.admit(now);
        self.seen.push_back((number, key));
        self.forget();
        verdict
    }

    fn forget(&mut self) {
        while self.limits.len() > self.max_keys
            && let Some((number, key)) = self.seen.pop_front()
        {
            if self.limits.get(&key).is_some_and(|(_, last)| *last == number) {
                self.limits.remove(&key);
            }
        }
        if self.seen.len() > 2 * self.limits.len() + 64 {
            let limits = &self.limits;
            self.seen.retain(|(number, key)| limits.get(key).is_some_and(|(_, last)| last == number));
        }
    }

    /// Keys that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.limits.len()
    }

    /// Whether nobody has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::TokenBucket;
    use super::*;

    #[test]
    fn keys_do_not_share_and_the_least_recently_seen_is_forgotten() {
        let mut limits = KeyedRateLimit::new(RateLimit::TokenBucket(TokenBucket::new(0.001, 1)), 2);
        let mut passes = |key| limits.admit(key, SimTime::ZERO) == Verdict::Pass;
        assert_eq!([1, 2, 1, 2].map(&mut passes), [true, true, false, false]);
        // A third key pushes key 1 out, which then starts afresh and pushes key 2 out.
        assert_eq!([3, 1, 3, 2].map(&mut passes), [true, true, false, true]);
        assert_eq!(limits.len(), 2);
    }

    #[test]
    fn memory_is_bounded() {
        let mut limits = KeyedRateLimit::new(RateLimit::TokenBucket(TokenBucket::new(1.0, 1)), 100);
        for n in 0..50_000_u64 {
            limits.admit(n % 7 * (n % 211), SimTime::from_nanos(n));
        }
        assert!(limits.len() <= 100 && limits.seen.len() <= 300);
    }
}
