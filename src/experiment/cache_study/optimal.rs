//! What no policy can beat: caches that know the future.
//!
//! [`min`] is Belady's MIN with demand paging (Belady, IBM Systems Journal 5(2), 1966): every missed key
//! comes in, and the one whose next use lies farthest ahead gives way. [`min_with_bypass`] may also decline
//! the newcomer. [`most_popular`] is a fixed set, the keys touched most often in the whole trace, loaded
//! beforehand: the best under independent references, and no bound otherwise.
//! For items of equal size only. MIN takes O(log C) an access and 4 bytes for each.

use std::collections::BTreeSet;

/// No further use.
const NEVER: u32 = u32::MAX;

/// Misses of MIN from access `warm_up` on; keys are below `keys`.
#[must_use]
pub fn min(ids: &[u32], keys: usize, items: u64, warm_up: usize) -> u64 {
    run(ids, keys, items, warm_up, false)
}

/// As [`min`], but a key whose next use lies farther ahead than all others' may be left out.
#[must_use]
pub fn min_with_bypass(ids: &[u32], keys: usize, items: u64, warm_up: usize) -> u64 {
    run(ids, keys, items, warm_up, true)
}

/// Misses of a cache that holds the `items` keys touched most often, all the time.
#[must_use]
pub fn most_popular(ids: &[u32], keys: usize, items: u64) -> u64 {
    let mut counts = vec![0_u64; keys];
    for id in ids {
        counts[*id as usize] += 1;
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.iter().skip(usize::try_from(items).unwrap_or(usize::MAX)).sum()
}

fn run(ids: &[u32], keys: usize, items: u64, warm_up: usize, bypass: bool) -> u64 {
    if items == 0 {
        return ids.len().saturating_sub(warm_up) as u64;
    }
    let next = next_uses(ids, keys);
    // What is held, each key by the access that it will hit next; those never used again only as a number.
    let mut held: BTreeSet<u32> = BTreeSet::new();
    let (mut useless, mut misses) = (0_u64, 0);
    for (i, next) in next.into_iter().enumerate() {
        if !held.remove(&(i as u32)) {
            misses += u64::from(i >= warm_up);
            if held.len() as u64 + useless == items {
                if bypass && useless == 0 && held.last().is_none_or(|farthest| next > *farthest) {
                    continue;
                }
                if useless > 0 {
                    useless -= 1;
                } else {
                    held.pop_last();
                }
            }
        }
        if next == NEVER {
            useless += 1;
        } else {
            held.insert(next);
        }
    }
    misses
}

/// For each access, the next one of the same key.
fn next_uses(ids: &[u32], keys: usize) -> Vec<u32> {
    let mut seen = vec![NEVER; keys];
    let mut next = vec![NEVER; ids.len()];
    for (i, id) in ids.iter().enumerate().rev() {
        next[i] = std::mem::replace(&mut seen[*id as usize], i as u32);
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::SimTime;
    use crate::base::random::Key;
    use crate::components::cache::entries::Value;
    use crate::components::cache::eviction::Policy;
    use crate::components::cache::store::{Capacity, Lookup, Store};

    /// As printed in Silberschatz, Galvin and Gagne for three frames.
    #[test]
    fn the_textbook_reference_string() {
        let pages = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
        assert_eq!(min(&pages, 8, 3, 0), 9);
    }

    /// Under independent references the fixed set hits as often as its keys' probabilities sum up to.
    #[test]
    fn the_most_popular_hit_as_often_as_they_are_asked_for() {
        use crate::experiment::cache_study::{Popularity, Trace};
        for (popularity, items, expected) in [
            ("zipf(1, 5)", 2, 0.656_934_306_6),
            ("zipf(1.4, 1000)", 50, 0.876_848_633_5),
            ("zipf(0.8, 1000)", 100, 0.525_826_511_6),
        ] {
            let trace = Trace::draw(&Popularity::parse(popularity).unwrap(), 400_000, 3);
            let ratio = 1.0 - most_popular(trace.ids(), trace.keys(), items) as f64 / 400_000.0;
            assert!((ratio / expected - 1.0).abs() < 0.005, "{popularity}: {ratio} for {expected}");
        }
    }

    #[test]
    fn a_loop_one_longer_than_the_cache_misses_once_a_round() {
        let pages: Vec<u32> = (0..101_000).map(|i| i % 101).collect();
        let misses = min(&pages, 101, 100, 0);
        assert!((misses as f64 / 101_000.0 - 0.01).abs() < 0.001, "{misses}");
    }

    proptest! {
        #[test]
        fn no_policy_misses_less(
            ids in proptest::collection::vec(0..30_u32, 1..400),
            items in 1..32_u64,
        ) {
            let least = min(&ids, 30, items, 0);
            prop_assert!(min_with_bypass(&ids, 30, items, 0) <= least);
            prop_assert!(least >= min(&ids, 30, items + 1, 0));
            for policy in Policy::ALL {
                let mut store = Store::new(Capacity::items(items), *policy, Key::root(1, 0));
                for id in &ids {
                    let value = Value { version: 0, expiry: SimTime::MAX };
                    if store.get(u64::from(*id), SimTime::ZERO) == Lookup::Miss {
                        store.put(u64::from(*id), 1, value, SimTime::ZERO);
                    }
                }
                let misses = store.counts().misses;
                // One that refuses writes leaves keys out, which only MIN with bypass bounds.
                let bound = if *policy == Policy::NoEviction {
                    min_with_bypass(&ids, 30, items, 0)
                } else {
                    least
                };
                prop_assert!(misses >= bound, "{} misses {} times, MIN {}", policy, misses, bound);
            }
        }
    }
}
