use super::*;
use crate::base::random::Distribution;
use crate::components::cache::eviction::Policy;
use crate::components::cache::replicated::assert_mean;

fn at(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}

fn value(version: u64, expiry: SimTime) -> Value {
    Value { version, expiry }
}

fn store(capacity: Capacity, policy: Policy) -> Store {
    Store::new(capacity, policy, Key::root(1, 0))
}

#[test]
fn a_read_at_the_very_expiry_is_a_miss() {
    let mut store = store(Capacity::items(10), Policy::Lru);
    store.put(1, 10, value(7, at(5.0)), at(0.0));
    assert_eq!(store.get(1, SimTime::from_nanos(4_999_999_999)), Lookup::Hit(value(7, at(5.0))));
    assert_eq!(store.get(1, at(5.0)), Lookup::Expired);
    assert_eq!(store.get(1, at(5.0)), Lookup::Miss);
    let counts = store.counts();
    assert_eq!((counts.hits, counts.misses, counts.expired), (1, 2, 1));
}

#[test]
fn items_are_charged_with_their_overhead() {
    let mut store = store(Capacity::bytes(1_000), Policy::Lru);
    for key in 0..100 {
        assert_eq!(store.put(key, 44, value(0, SimTime::MAX), at(0.0)), Put::Stored);
    }
    assert_eq!((store.len(), store.bytes()), (10, 1_000));
    assert_eq!(store.put(7, 945, value(0, SimTime::MAX), at(0.0)), Put::TooLarge);
    assert_eq!(store.put(7, 944, value(0, SimTime::MAX), at(0.0)), Put::Stored);
    assert_eq!((store.len(), store.bytes()), (1, 1_000));
    assert_eq!(store.counts().write_errors, 1);
}

#[test]
fn without_eviction_writes_fail_and_what_is_there_stays() {
    let mut store = store(Capacity::bytes(300), Policy::NoEviction);
    let never = SimTime::MAX;
    assert_eq!(store.put(1, 44, value(1, never), at(0.0)), Put::Stored);
    assert_eq!(store.put(2, 144, value(1, never), at(0.0)), Put::Stored);
    assert_eq!(store.put(3, 0, value(1, never), at(0.0)), Put::Full);
    // An overwrite that needs no room works, one that does is refused and loses nothing.
    assert_eq!(store.put(1, 40, value(2, never), at(0.0)), Put::Stored);
    assert_eq!(store.put(1, 200, value(3, never), at(0.0)), Put::Full);
    assert_eq!(store.get(1, at(1.0)), Lookup::Hit(value(2, never)));
    assert_eq!(store.counts().write_errors, 2);
}

#[test]
fn the_scarcer_of_both_limits_rules() {
    let both = Capacity { bytes: Some(1_000), items: Some(4), overhead: 0 };
    for policy in Policy::ALL.iter().copied().filter(|p| *p != Policy::NoEviction) {
        let mut small = store(both, policy);
        let mut large = store(both, policy);
        for key in 0..1_000 {
            small.put(key % 37, 1, value(0, SimTime::MAX), at(0.0));
            large.put(key % 37, 400, value(0, SimTime::MAX), at(0.0));
        }
        assert_eq!((small.len(), large.len()), (4, 2), "{policy}");
    }
}

#[test]
fn who_gives_way_is_told() {
    let mut store = store(Capacity::items(2), Policy::Lru);
    for key in 0..3 {
        let mut gone = Vec::new();
        store.put_telling(key, 1, value(key, SimTime::MAX), at(0.0), |key, value| gone.push((key, value)));
        let expected = if key == 2 { vec![(0, value(0, SimTime::MAX))] } else { vec![] };
        assert_eq!(gone, expected);
    }
    assert_eq!(store.delete(1), Some(value(1, SimTime::MAX)));
    assert_eq!(store.delete(1), None);
    assert!(store.renew(2, at(3.0)) && !store.renew(1, at(3.0)));
    assert_eq!(store.peek(2), Some(value(2, at(3.0))));
    store.flush();
    assert!(store.is_empty() && store.bytes() == 0);
}

/// Reads of one key with these gaps, in units of 1 / rate, filled at once; the share of hits.
fn ttl_hits(rate: f64, ttl: f64, renewed: bool, gap: &Distribution, reads: u32, key: Key) -> f64 {
    let mut store = store(Capacity::items(10), Policy::Lru);
    let mut draws = key.draws();
    let mut now = SimTime::ZERO;
    for _ in 0..reads {
        now += SimDuration::from_secs_f64(gap.sample(&mut draws) / rate);
        let expiry = now + SimDuration::from_secs_f64(ttl);
        match store.get(1, now) {
            Lookup::Hit(_) if renewed => drop(store.renew(1, expiry)),
            Lookup::Hit(_) => {}
            Lookup::Miss | Lookup::Expired => drop(store.put(1, 1, value(0, expiry), now)),
        }
    }
    store.counts().hits as f64 / f64::from(reads)
}

/// From the fetch on, hits are rT / (1 + rT); renewed on access, 1 - exp(-rT).
#[test]
fn ttl_hits_as_renewal_theory_says() {
    let poisson = Distribution::Exponential { mean: 1.0 };
    for (rate, ttl) in [(2.0, 3.0), (0.1, 10.0)] {
        let load: f64 = rate * ttl;
        for (renewed, expected) in [(false, load / (1.0 + load)), (true, 1.0 - libm::exp(-load))] {
            assert_mean(&format!("rate {rate}, TTL {ttl}, renewed {renewed}"), expected, |key| {
                ttl_hits(rate, ttl, renewed, &poisson, 40_000, key)
            });
        }
    }
}

/// With a read each 1 / r seconds, the one at the very expiry misses: exact counts.
#[test]
fn even_reads_miss_at_the_very_expiry() {
    let even = Distribution::Constant(1.0);
    assert_eq!(ttl_hits(2.0, 3.0, false, &even, 6_000, Key::root(1, 0)), 5_000.0 / 6_000.0);
    assert_eq!(ttl_hits(0.1, 10.0, false, &even, 6_000, Key::root(1, 0)), 0.0);
}

/// A deletion by each write: a read hits if the last event was a read, r / (r + w).
#[test]
fn invalidation_hits_as_competing_exponentials_say() {
    assert_mean("invalidation", 5.0 / 6.0, |key| {
        let mut store = store(Capacity::items(10), Policy::Lru);
        let mut draws = key.draws();
        for _ in 0..40_000 {
            if draws.chance(5.0 / 6.0) {
                if store.get(1, at(0.0)) == Lookup::Miss {
                    store.put(1, 1, value(0, SimTime::MAX), at(0.0));
                }
            } else {
                store.delete(1);
            }
        }
        let counts = store.counts();
        counts.hits as f64 / (counts.hits + counts.misses) as f64
    });
}

/// Writes at rate w, a TTL of T from the fetch, no invalidation: a hit's age is uniform on (0, T), so it is
/// stale with probability 1 - (1 - exp(-wT)) / (wT).
#[test]
fn stale_hits_are_as_many_as_the_ttl_lets_through() {
    let run = |key: Key| {
        let mut store = store(Capacity::items(10), Policy::Lru);
        let mut draws = key.draws();
        let (mut now, mut version) = (0.0, 0);
        let (mut stale, mut reads) = (0.0, 0.0);
        for _ in 0..400_000 {
            now -= libm::log(draws.unit_open()) / 5.02;
            if draws.chance(0.02 / 5.02) {
                version += 1;
                continue;
            }
            reads += 1.0;
            match store.get(1, at(now)) {
                Lookup::Hit(found) => stale += f64::from(u8::from(found.version != version)),
                _ => drop(store.put(1, 1, value(version, at(now + 30.0)), at(now))),
            }
        }
        (stale, reads, store.counts().hits as f64)
    };
    let runs: Vec<_> = (0..30).map(|replication| run(Key::root(17, replication))).collect();
    let mean = |ratio: fn(&(f64, f64, f64)) -> f64| runs.iter().map(ratio).sum::<f64>() / 30.0;
    // Whole stretches of 30 s are stale or fresh, so the interval is 2 % wide even at 12 million reads.
    assert!((mean(|(stale, reads, _)| stale / reads) / 0.246_376_880_95 - 1.0).abs() < 0.02);
    assert!((mean(|(stale, _, hits)| stale / hits) / 0.248_019_393_49 - 1.0).abs() < 0.02);
}

/// A TTL of T on each of many keys without a limit: sum of p rT p / (1 + rT p).
#[test]
fn a_cache_that_only_forgets_by_time_hits_as_the_sum_says() {
    use crate::base::random::Zipf;
    let (rows, rate, ttl) = (20_000, 480.0, 60.0);
    let zipf = Zipf::new(rows, 0.99);
    let expected: f64 = (1..=rows)
        .map(|rank| {
            let p = zipf.probability(rank);
            p * (rate * ttl * p) / (1.0 + rate * ttl * p)
        })
        .sum();
    let mut store = store(Capacity::items(1_000_000), Policy::Fifo);
    let mut draws = Key::root(3, 0).draws();
    let (mut now, mut hits) = (0.0, 0);
    for i in 0..700_000 {
        now -= libm::log(draws.unit_open()) / rate;
        let key = zipf.sample(&mut draws);
        match store.get(key, at(now)) {
            Lookup::Hit(_) => hits += u32::from(i >= 200_000),
            _ => drop(store.put(key, 1, value(0, at(now + ttl)), at(now))),
        }
    }
    let ratio = f64::from(hits) / 500_000.0;
    assert!((ratio - expected).abs() < 0.003, "{ratio} for {expected}");
}

#[test]
fn active_expiry_leaves_few_dead_items_and_touches_no_live_one() {
    let mut store = store(Capacity::items(100_000), Policy::Lru);
    for key in 0..50_000_u64 {
        let expiry = if key % 2 == 0 { at(1.0) } else { SimTime::MAX };
        store.put(key, 1, value(0, expiry), at(0.0));
    }
    assert_eq!(store.expire(at(0.9), &ActiveExpiry::REDIS), 0);
    let mut cycles = 0;
    while store.len() > 27_500 {
        store.expire(at(1.0), &ActiveExpiry::REDIS);
        cycles += 1;
        assert!(cycles < 10, "{} left", store.len());
    }
    assert!((0..50_000).filter(|key| key % 2 == 1).all(|key| store.peek(key).is_some()));
    assert_eq!(store.counts().expired, 50_000 - store.len() as u64);
}
