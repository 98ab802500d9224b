use proptest::prelude::*;

use super::*;
use crate::base::SimTime;
use crate::base::random::Zipf;
use crate::components::cache::entries::Value;
use crate::components::cache::replicated::assert_mean;
use crate::components::cache::store::{Capacity, Lookup, Put, Store};

const VALUE: Value = Value { version: 0, expiry: SimTime::MAX };

/// Misses of a cache that is filled on demand, those of the first `warm` accesses left out.
fn misses_after(warm: usize, policy: Policy, items: u64, keys: &[u64]) -> u64 {
    let mut store = Store::new(Capacity::items(items), policy, Key::root(1, 0));
    let mut before = 0;
    for (i, key) in keys.iter().enumerate() {
        if i == warm {
            before = store.counts().misses;
        }
        if store.get(*key, SimTime::ZERO) != Lookup::Hit(VALUE) {
            store.put(*key, 1, VALUE, SimTime::ZERO);
        }
    }
    assert!(store.len() as u64 <= items);
    store.counts().misses - before
}

fn misses(policy: Policy, items: u64, keys: &[u64]) -> u64 {
    misses_after(0, policy, items, keys)
}

fn zipf_keys(rows: u64, exponent: f64, accesses: usize, key: Key) -> Vec<u64> {
    let zipf = Zipf::new(rows, exponent);
    let mut draws = key.draws();
    (0..accesses).map(|_| zipf.sample(&mut draws)).collect()
}

/// The reference string of Silberschatz, Galvin and Gagne, "Operating System Concepts", chapter on virtual
/// memory, with three frames.
#[test]
fn the_textbook_reference_string_misses_as_printed() {
    let pages = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
    assert_eq!(misses(Policy::Lru, 3, &pages), 12);
    assert_eq!(misses(Policy::Fifo, 3, &pages), 15);
}

/// Belady, Nelson and Shedler 1969: four frames miss more often than three.
#[test]
fn fifo_shows_the_anomaly_and_lru_does_not() {
    let pages = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
    assert_eq!((misses(Policy::Fifo, 3, &pages), misses(Policy::Fifo, 4, &pages)), (9, 10));
    assert!(misses(Policy::Lru, 4, &pages) <= misses(Policy::Lru, 3, &pages));
}

#[test]
fn a_loop_one_longer_than_the_cache_never_hits_under_lru_and_fifo() {
    let pages: Vec<u64> = (0..100_000).map(|i| i % 101).collect();
    for policy in [Policy::Lru, Policy::Fifo] {
        assert_eq!(misses(policy, 100, &pages), 100_000);
    }
    // Those that resist scans keep part of the loop.
    for policy in [Policy::WTinyLfu, Policy::Random, Policy::NoEviction] {
        assert!(misses(policy, 100, &pages) < 50_000, "{policy}");
    }
}

#[test]
fn a_scan_does_not_wash_out_what_is_hot_where_that_is_promised() {
    // A hot set of 50 keys, touched all the time, and long scans of keys that never come back.
    let mut keys = Vec::new();
    for round in 0..200_u64 {
        keys.extend((0..1_000).map(|i| i % 50));
        keys.extend((0..60).map(|i| 1_000 + round * 60 + i));
    }
    let scanned = 200 * 60;
    for policy in [Policy::TwoQ, Policy::S3Fifo, Policy::WTinyLfu, Policy::Arc, Policy::Lfu, Policy::Slru] {
        let more = misses(policy, 100, &keys) - scanned;
        assert!(more < 500, "{policy}: {more}");
    }
    assert!(misses(Policy::Lru, 100, &keys) - scanned > 9_000);
}

/// Domain figures for 100,000 keys: Che, Tung and Wang's approximation for LRU (IEEE JSAC 20(7), 2002), and
/// the top-K for a perfect LFU, at caches of 0.1, 1 and 10 %.
#[test]
fn lru_follows_che_and_lfu_the_most_popular() {
    for (exponent, lru, top) in [
        (0.8, [0.068, 0.204, 0.469], [0.179, 0.340, 0.595]),
        (0.99, [0.275, 0.489, 0.725], [0.414, 0.605, 0.800]),
        (1.2, [0.606, 0.795, 0.918], [0.708, 0.852, 0.943]),
    ] {
        let keys = zipf_keys(100_000, exponent, 700_000, Key::root(7, 0));
        let zipf = Zipf::new(100_000, exponent);
        for (i, items) in [100, 1_000, 10_000].into_iter().enumerate() {
            let steady = |policy| 1.0 - misses_after(300_000, policy, items, &keys) as f64 / 400_000.0;
            let seen = steady(Policy::Lru);
            assert!((seen - lru[i]).abs() < 0.004, "LRU, {exponent}, {items}: {seen} for {}", lru[i]);
            let best: f64 = (1..=items).map(|rank| zipf.probability(rank)).sum();
            assert!((best - top[i]).abs() < 0.0006, "{best} for {}", top[i]);
            // Counts that die with their entry fall short of knowing the popularity.
            let lfu = steady(Policy::WTinyLfu);
            assert!(lfu > seen && lfu < best + 0.004, "{exponent}, {items}: {lfu}");
        }
    }
}

/// Exact values: King's sum for LRU, Gelenbe's product form for FIFO and random replacement.
#[test]
fn small_caches_hit_as_often_as_the_product_forms_say() {
    for (rows, exponent, items, lru, fifo) in [
        (5, 1.0, 2, 0.518_884_563_8, 0.503_649_635_0),
        (1_000, 1.4, 50, 0.819_178_273_2, 0.772_266_011_4),
        (1_000, 0.8, 100, 0.377_796_378_0, 0.334_110_823_4),
    ] {
        for (policy, expected) in [(Policy::Lru, lru), (Policy::Fifo, fifo), (Policy::Random, fifo)] {
            assert_mean(&format!("{policy}, {rows} keys"), expected, |key| {
                let keys = zipf_keys(rows, exponent, 50_000, key);
                1.0 - misses_after(10_000, policy, items, &keys) as f64 / 40_000.0
            });
        }
    }
}

#[test]
fn sampling_comes_near_to_the_exact_policy() {
    let keys = zipf_keys(100_000, 0.99, 500_000, Key::root(5, 0));
    for items in [1_000, 10_000] {
        let exact = misses(Policy::Lru, items, &keys) as f64;
        let sampled = misses(Policy::SampledLru, items, &keys) as f64;
        assert!((sampled / exact - 1.0).abs() < 0.03, "{items}: {sampled} for {exact}");
        let lfu = misses(Policy::SampledLfu, items, &keys) as f64;
        assert!(lfu < exact, "{items}: LFU {lfu}, LRU {exact}");
    }
}

#[test]
fn redis_lfu_forgets_old_fame_and_exact_lfu_does_not() {
    let minute = |m: u64| SimTime::from_nanos(m * 60_000_000_000);
    let hit_ratio = |policy: Policy| {
        let mut store = Store::new(Capacity::items(100), policy, Key::root(2, 0));
        // 100 keys are famous for ten minutes, then other 100 keys for two hours.
        for step in 0..130_u64 {
            let first = if step < 10 { 0 } else { 1_000 };
            for i in 0..2_000 {
                let key = first + i % 100;
                if store.get(key, minute(step)) == Lookup::Miss {
                    store.put(key, 1, VALUE, minute(step));
                }
            }
        }
        store.counts().hits as f64 / 260_000.0
    };
    assert!(hit_ratio(Policy::SampledLfu) > 0.85, "{}", hit_ratio(Policy::SampledLfu));
    assert!(hit_ratio(Policy::Lfu) < 0.2, "{}", hit_ratio(Policy::Lfu));
}

#[test]
fn names_read_back() {
    for policy in Policy::ALL {
        assert_eq!(Policy::parse(policy.name()), Some(*policy));
    }
    assert_eq!(Policy::parse("allkeys-lru"), Some(Policy::SampledLru));
    assert_eq!(Policy::parse("mru"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Under any mix of operations, with any sizes, every policy gives back what it was given: nothing is
    /// evicted twice, the limits hold, and the sums of the module's rule come out.
    #[test]
    fn every_policy_keeps_its_books(
        operations in proptest::collection::vec((0..10_u8, 0..60_u64, 0..300_u64), 1..600),
        bytes in 200..4_000_u64,
        items in 1..40_u64,
        limits in 0..3_u8,
    ) {
        let capacity = Capacity {
            bytes: (limits != 0).then_some(bytes),
            items: (limits != 1).then_some(items),
            overhead: 8,
        };
        for policy in Policy::ALL {
            let mut store = Store::new(capacity, *policy, Key::root(4, 0));
            let mut held = std::collections::BTreeMap::new();
            let (mut deleted, mut flushed) = (0, 0);
            for (step, (kind, key, size)) in operations.iter().enumerate() {
                let now = SimTime::from_nanos(step as u64);
                let value = Value { version: step as u64, expiry: SimTime::from_nanos(step as u64 + key * 5) };
                match kind {
                    0..=3 => {
                        let expected = held.get(key).copied();
                        match store.get(*key, now) {
                            Lookup::Hit(found) => prop_assert_eq!(Some(found), expected),
                            Lookup::Miss => prop_assert_eq!(None, expected),
                            Lookup::Expired => {
                                prop_assert!(expected.is_some_and(|v| v.expiry <= now));
                                held.remove(key);
                            }
                        }
                    }
                    4..=7 => {
                        let put = store.put_telling(*key, *size, value, now, |gone, was| {
                            assert_eq!(held.remove(&gone), Some(was), "{policy}");
                        });
                        if put == Put::Stored {
                            held.insert(*key, value);
                        }
                    }
                    8 => {
                        deleted += u64::from(store.delete(*key).is_some());
                        held.remove(key);
                    }
                    _ if *size < 10 => {
                        flushed += store.len() as u64;
                        store.flush();
                        held.clear();
                    }
                    _ => {
                        store.expire(now, &crate::components::cache::store::ActiveExpiry::REDIS);
                        held.retain(|key, _| store.peek(*key).is_some());
                    }
                }
                prop_assert!(capacity.bytes.is_none_or(|limit| store.bytes() <= limit));
                prop_assert!(capacity.items.is_none_or(|limit| store.len() as u64 <= limit));
                prop_assert_eq!(store.len(), held.len(), "{}", policy);
            }
            let counts = *store.counts();
            let gone = counts.evictions + counts.expired + deleted + flushed;
            prop_assert_eq!(counts.insertions - gone, store.len() as u64, "{}", policy);
            prop_assert!(store.iter().eq(store.iter()) && store.iter().count() == store.len());
        }
    }

    #[test]
    fn a_larger_lru_hits_at_least_as_often(keys in proptest::collection::vec(0..40_u64, 1..500)) {
        let mut last = u64::MAX;
        for items in 1..42 {
            let now = misses(Policy::Lru, items, &keys);
            prop_assert!(now <= last);
            last = now;
        }
    }
}
