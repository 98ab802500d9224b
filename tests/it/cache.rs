//! Eviction policies against the miss counts of real traces.
//!
//! `tests/data/cache_traces.json` holds counts that were made elsewhere: LRU by two methods, FIFO, CLOCK,
//! LFU and the optimum by direct simulation, and those named `libcachesim_*` by that library. The
//! conventions that make them equal: a cache counts items; a miss evicts first and inserts then; CLOCK's and
//! SIEVE's bit is clear on insertion; LFU counts die with their entry and ties go to the one that has had its
//! count for the longest time; S3-FIFO and ARC as their modules say.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use surgesim::components::cache::eviction::Policy;
use surgesim::experiment::cache_study::{LruCurve, Study, Trace, Unit, optimal};

const WEB: &str = "trace-mt-20121220.trc.bin.gz";
const DATABASE: &str = "trace-mt-db-20160419-busy.trc.bin.bz2";

fn trace(name: &str) -> Trace {
    Trace::open(&Path::new("scenarios/traces").join(name)).unwrap()
}

fn truth(name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string("tests/data/cache_traces.json").unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    all[name].clone()
}

fn misses(trace: &Trace, policy: Policy, items: u64) -> u64 {
    let study =
        Study { trace, contestants: Vec::new(), sizes: Vec::new(), unit: Unit::Items, warm_up: 0, seed: 1 };
    study.misses(policy, items, &AtomicBool::new(false)).unwrap()
}

/// Every count of `name` in the truth, against what is computed for (key of the truth, size).
fn compare(name: &str, trace: &Trace, compute: impl Fn(&str, u64) -> Option<u64>) -> usize {
    let truth = truth(name);
    assert_eq!(truth["accesses"].as_u64(), Some(trace.ids().len() as u64));
    assert_eq!(truth["distinct"].as_u64(), Some(trace.keys() as u64));
    let (mut compared, mut wrong) = (0, Vec::new());
    for (size, counts) in truth["sizes"].as_object().unwrap() {
        for (key, expected) in counts.as_object().unwrap() {
            let Some(expected) = expected.as_u64() else { continue };
            let Some(seen) = compute(key, size.parse().unwrap()) else { continue };
            compared += 1;
            if seen != expected {
                wrong.push(format!("{key} at {size}: {seen} for {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    compared
}

fn policy_of(key: &str) -> Option<Policy> {
    Some(match key.trim_start_matches("libcachesim_") {
        "LRU" | "LRU_direct" => Policy::Lru,
        "FIFO" => Policy::Fifo,
        "CLOCK" | "Clock" => Policy::Clock,
        "LFU" | "LFU_incache" => Policy::Lfu,
        "ARC" => Policy::Arc,
        "Sieve" => Policy::Sieve,
        "S3FIFO" => Policy::S3Fifo,
        _ => return None,
    })
}

#[test]
fn the_web_trace_misses_exactly_as_counted_elsewhere() {
    let trace = trace(WEB);
    let (ids, keys) = (trace.ids(), trace.keys());
    let curve = LruCurve::of(ids, keys, 0);
    let compared = compare("web12", &trace, |key, size| match key {
        "LRU" => Some(curve.misses(size)),
        "MIN" => Some(optimal::min(ids, keys, size, 0)),
        "MIN_bypass" => Some(optimal::min_with_bypass(ids, keys, size, 0)),
        "LFU_static_oracle" => Some(optimal::most_popular(ids, keys, size)),
        key => policy_of(key).map(|policy| misses(&trace, policy, size)),
    });
    assert_eq!(compared, 5 * 15);
}

#[test]
fn the_database_trace_misses_exactly_as_counted_elsewhere() {
    let trace = trace(DATABASE);
    let (ids, keys) = (trace.ids(), trace.keys());
    let curve = LruCurve::of(ids, keys, 0);
    let compared = compare("orm-busy", &trace, |key, size| match key {
        "LRU" => Some(curve.misses(size)),
        "LFU_static_oracle" => Some(optimal::most_popular(ids, keys, size)),
        // The direct simulations take longest; the ends of the range suffice.
        "LRU_direct" | "FIFO" | "CLOCK" if size == 625 || size == 10_000 => {
            policy_of(key).map(|policy| misses(&trace, policy, size))
        }
        _ => None,
    });
    assert_eq!(compared, 5 * 2 + 2 * 3);
}

/// What has no counts from elsewhere is held between the optimum and the worst of LRU, FIFO and LFU.
#[test]
fn the_other_policies_lie_where_they_should() {
    let trace = trace(WEB);
    let exact = [100, 300, 1_200, 3_000, 6_000];
    for size in exact {
        let least = optimal::min(trace.ids(), trace.keys(), size, 0);
        let lru = misses(&trace, Policy::Lru, size);
        let fifo = misses(&trace, Policy::Fifo, size);
        for policy in [Policy::TwoQ, Policy::WTinyLfu, Policy::Slru, Policy::SegmentedLru, Policy::SampledLru]
        {
            let seen = misses(&trace, policy, size);
            assert!(
                seen >= least && seen as f64 <= 1.06 * fifo as f64,
                "{policy} at {size}: {seen}, FIFO {fifo}"
            );
        }
        let sampled = misses(&trace, Policy::SampledLru, size) as f64 / lru as f64;
        assert!((sampled - 1.0).abs() < 0.02, "sampled LRU at {size}: {sampled} of LRU");
    }
}
