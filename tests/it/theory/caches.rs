//! Caches: exact hit ratios of small ones, time to live, waiting for another's fetch, stale copies, and
//! reference strings of textbooks.

use std::sync::atomic::AtomicBool;

use surgesim::components::cache::eviction::Policy;
use surgesim::experiment::cache_study::{Study, Trace, Unit, optimal};

use super::cases::{case, expected};
use super::rule::{Runs, hold_value, mean_and_error, scenario, watched};

/// Reads (and writes) of one entity through a cache of its own; nothing takes time but what is written.
fn cached(client: &str, mix: &str, data: &str, cache: &str, step: &str, seconds: u32) -> String {
    let text = scenario(
        &format!("c: {{{client}, mix: {{{mix}}}, to: app}}"),
        &format!(
            "redis: {{kind: cache, {cache}}}
             app: {{kind: service, workers: none, endpoints: {{GET /: [{{cached: {{in: redis, key: post, {step}}}}}], PUT /: [query: db.put(post)], DELETE /: [query: db.put(post), invalidate: {{in: redis, key: post}}]}}}}
             db: {{kind: database, cpu: 64, queries: {{get: {{read: post}}, put: {{write: post}}}}}}"
        ),
        seconds,
    );
    format!("{text}data: {{post: {{{data}}}}}\n")
}

fn hits(runs: &Runs) -> Vec<f64> {
    runs.each("redis.hit_ratio")
}

#[test]
fn small_caches_hit_as_often_as_they_must() {
    let plans = [
        ("CACHE-SMALL-5-2", 5, 2, "1.0"),
        ("CACHE-1000-50-z1.4", 1000, 50, "1.4"),
        ("CACHE-1000-100-z0.8", 1000, 100, "0.8"),
    ];
    for (id, rows, max, zipf) in plans {
        // RANDOM has FIFO's product form (Gelenbe 1973).
        for (eviction, quantity) in [("lru", "hit_LRU"), ("fifo", "hit_FIFO"), ("random", "hit_FIFO")] {
            let text = cached(
                "rate: 1k rps",
                "GET /: 1",
                &format!("rows: {rows}, zipf: {zipf}"),
                &format!("max: {max}, eviction: {eviction}"),
                "miss: db.get(post)",
                20,
            );
            let runs = watched(&text, &[]);
            hold_value(id, "hit_ratio", quantity, &hits(&runs), runs.jobs());
            if eviction == "lru" {
                // Che's approximation is near, and for the smallest cache not the truth.
                let (mean, error) = mean_and_error(&hits(&runs));
                let che = expected(id, "hit_LRU_che");
                assert!((mean - che).abs() < 0.02 * che, "{id}: {mean} for {che}");
                assert!(
                    id != "CACHE-SMALL-5-2" || (mean - che).abs() > 4.0 * error,
                    "{mean} +- {error}, {che}"
                );
            }
        }
        // Whoever knows the popularities keeps the first: no policy that learns does better.
        let text = cached(
            "rate: 1k rps",
            "GET /: 1",
            &format!("rows: {rows}, zipf: {zipf}"),
            &format!("max: {max}, eviction: lfu"),
            "miss: db.get(post)",
            20,
        );
        let (learnt, _) = mean_and_error(&hits(&watched(&text, &[])));
        let best = expected(id, "hit_LFU_static");
        assert!(learnt < best + 0.002 && learnt > expected(id, "hit_FIFO"), "{id}: {learnt} of {best}");
    }
}

#[test]
fn a_copy_lives_from_its_fetch() {
    for (id, rate, ttl, seconds) in
        [("TTL-2.0-3", "2/s", "3s", 15_000), ("TTL-0.1-10", "0.1/s", "10s", 200_000)]
    {
        let run = |arrivals: &str| {
            let client = format!("rate: {rate}, arrivals: {arrivals}");
            let step = format!("ttl: {ttl}, miss: db.get(post)");
            watched(&cached(&client, "GET /: 1", "rows: 1", "op_cost: 0s", &step, seconds), &[])
        };
        let runs = run("poisson");
        hold_value(id, "hit_ratio", "hit_fixed_ttl", &hits(&runs), runs.jobs());
        let offered = runs.each("offered");
        let missed: Vec<f64> =
            hits(&runs).iter().zip(offered).map(|(hit, rate)| (1.0 - hit) * rate).collect();
        hold_value(id, "miss_rate", "miss_rate_fixed_ttl", &missed, runs.jobs());
        // One read each 1 / rate: the one at the very expiry misses.
        let (even, _) = mean_and_error(&hits(&run("deterministic")));
        let exact = expected(id, "hit_fixed_ttl_constant_arrivals");
        assert!((even - exact).abs() < 1e-3, "{id}: {even} for {exact}");
    }
}

#[test]
fn who_comes_during_a_fetch_waits_for_it() {
    let id = "TTL-COALESCE";
    let run = |coalesce: &str, seconds: u32| {
        let step = format!("ttl: 5s, coalesce: {coalesce}, miss: [sleep: 200ms, query: db.get(post)]");
        watched(&cached("rate: 20/s", "GET /: 1", "rows: 1", "op_cost: 0s", &step, seconds), &[])
    };
    let runs = run("instance", 20_000);
    hold_value(id, "mean", "mean_latency", &runs.each("mean"), runs.jobs());
    let fetched = |runs: &Runs| -> Vec<f64> {
        let hit = runs.each("hit_ratio(post)");
        hit.iter().zip(runs.each("offered")).map(|(hit, rate)| (1.0 - hit) * rate).collect()
    };
    hold_value(id, "rate", "origin_rate", &fetched(&runs), runs.jobs());
    // Alone, whoever comes during the fetch fetches too. The case lets the copy live from the first of these; here,
    // as in the products, each renews it: so much longer as the last of them comes later, d - (1 - exp(-rd)) / r.
    let alone = run("none", 4_000);
    let (rate, _) = mean_and_error(&fetched(&alone));
    let first = expected(id, "origin_rate_no_coalescing");
    let (r, d) = (20.0, 0.2);
    let cycle = (1.0 + r * d) / first + d - (1.0 - libm::exp(-r * d)) / r;
    let last = (1.0 + r * d) / cycle;
    assert!((rate - last).abs() < 0.01 * last && last < first, "{rate} for {last}");
}

#[test]
fn copies_are_stale_as_often_as_their_time_allows() {
    let id = "STALE-TTL";
    let mix = "GET /: 5, PUT /: 0.02";
    let text = cached("rate: 5.02/s", mix, "rows: 1", "op_cost: 0s", "ttl: 30s, miss: db.get(post)", 30_000);
    let runs = watched(&text, &[]);
    // Of all reads, fetches included.
    hold_value(id, "share", "prob_stale_read", &runs.each("stale_reads(post)"), runs.jobs());
    let oldest = runs.each("staleness(post)").into_iter().fold(0.0, f64::max);
    assert!(oldest <= expected(id, "mean_stale_age_bound"), "{oldest}");
}

#[test]
fn a_write_that_invalidates_makes_the_next_read_miss() {
    let id = "INVALIDATE";
    let mix = "GET /: 5, DELETE /: 1";
    let text = cached("rate: 6/s", mix, "rows: 1", "op_cost: 0s", "miss: db.get(post)", 6_000);
    let runs = watched(&text, &[]);
    hold_value(id, "hit_ratio", "hit_ratio", &hits(&runs), runs.jobs());
}

/// A reference string.
fn string(keys: impl IntoIterator<Item = u64>) -> Trace {
    let lines: String = keys.into_iter().map(|key| format!("{key}\n")).collect();
    Trace::read_csv(format!("key\n{lines}").as_bytes()).unwrap()
}

fn misses(trace: &Trace, policy: Policy, items: u64) -> u64 {
    let study =
        Study { trace, contestants: Vec::new(), sizes: Vec::new(), unit: Unit::Items, warm_up: 0, seed: 1 };
    study.misses(policy, items, &AtomicBool::new(false)).unwrap()
}

fn written(id: &str) -> Trace {
    string(case(id).parameter("trace").as_array().unwrap().iter().map(|key| key.as_u64().unwrap()))
}

#[test]
fn reference_strings_of_textbooks() {
    let count = |id: &str, name: &str| case(id).output(name).as_u64().unwrap();
    let id = "GOLD-PAGES";
    let pages = written(id);
    assert_eq!(misses(&pages, Policy::Lru, 3), count(id, "misses_LRU"));
    assert_eq!(misses(&pages, Policy::Fifo, 3), count(id, "misses_FIFO"));
    assert_eq!(optimal::min(pages.ids(), pages.keys(), 3, 0), count(id, "misses_OPT"));

    // More room, more misses.
    let id = "GOLD-BELADY-ANOMALY";
    let anomaly = written(id);
    assert_eq!(misses(&anomaly, Policy::Fifo, 3), count(id, "misses_FIFO_3"));
    assert_eq!(misses(&anomaly, Policy::Fifo, 4), count(id, "misses_FIFO_4"));
}

#[test]
fn a_loop_one_larger_than_the_cache_never_hits() {
    let id = "LOOP-LRU";
    let around = string((0..100_000).map(|i| i % 101));
    for (policy, quantity) in [(Policy::Lru, "hit_LRU"), (Policy::Fifo, "hit_FIFO")] {
        assert_eq!(1.0 - misses(&around, policy, 100) as f64 / 1e5, expected(id, quantity));
    }
    let optimum = 1.0 - optimal::min(around.ids(), around.keys(), 100, 1_000) as f64 / 99_000.0;
    assert!((optimum - expected(id, "hit_MIN_long_run")).abs() < 2e-3, "{optimum}");
}
