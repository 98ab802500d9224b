//! Eviction policies against the miss counts of real traces.
//!
//! `tests/data/cache_traces.json` holds counts that were made elsewhere: LRU by two methods, FIFO, CLOCK,
//! LFU and the optimum by direct simulation, and those named `libcachesim_*` by that library. The
//! conventions that make them equal: a cache counts items; a miss evicts first and inserts then; CLOCK's and
//! SIEVE's bit is clear on insertion; LFU counts die with their entry and ties go to the one that has had its
//! count for the longest time; S3-FIFO and ARC as their modules say.

use std::path::Path;
use std::process::Output;
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

fn cache(arguments: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("surgesim").unwrap();
    command.env("NO_COLOR", "1").arg("cache").args(arguments).output().unwrap()
}

#[test]
fn the_command_prints_and_draws_what_the_study_counts() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let path = format!("scenarios/traces/{WEB}");
    let output = cache(&[
        &path,
        "--size",
        "100,1.2k",
        "--policy",
        "all",
        "--format",
        "json",
        "-o",
        out.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = json["policies"].as_array().unwrap();
    let of = |name: &str| rows.iter().find(|row| row["policy"] == name).unwrap()["misses"].clone();
    assert_eq!(of("lru"), serde_json::json!([60_976, 31_690]));
    assert_eq!(of("s3-fifo"), serde_json::json!([60_938, 27_892]));
    assert_eq!(of("min"), serde_json::json!([43_020, 19_965]));
    assert_eq!(rows.len(), Policy::ALL.len() + 1);
    assert_eq!((&json["accesses"], &json["keys"]), (&serde_json::json!(95_607), &serde_json::json!(13_756)));
    let svg = std::fs::read_to_string(out.join("miss-ratio.svg")).unwrap();
    for text in ["At 1,200 items S3-FIFO misses 29.2 %", "cache size in items", "Misses saved beside LRU"] {
        assert!(svg.contains(text), "{text}");
    }
    for file in ["results.json", "report.txt", "miss-ratio.csv", "miss-ratio.png"] {
        assert!(out.join(file).exists(), "{file}");
    }
    let again =
        cache(&[&path, "--size", "1200,100", "--policy", "lru,min", "-q", "-o", out.to_str().unwrap()]);
    let text = String::from_utf8(again.stdout).unwrap();
    assert!(text.contains("| LRU                    | 63.78 % | 33.15 % |"), "{text}");
    assert!(again.stderr.is_empty());
}

#[test]
fn popularities_bytes_and_csv_traces_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    let zipf =
        cache(&["zipf(1, 5k)", "--requests", "20k", "--warmup", "5k", "--size", "10KB,1MB", "-o", &out]);
    assert_eq!(zipf.status.code(), Some(0));
    let text = String::from_utf8(zipf.stdout).unwrap();
    assert!(text.contains("10KB") && text.contains("charged 56 B") && !text.contains("MIN"), "{text}");
    let trace = folder.path().join("trace.csv");
    std::fs::write(&trace, "time,key,size\n0,a,100\n1,b,100\n2,a,100\n3,c,300\n").unwrap();
    let arguments =
        ["--size", "400B", "--overhead", "0", "--policy", "lru", "--format", "json", "-q", "-o", &out];
    let csv = cache(&[&[trace.to_str().unwrap()], &arguments[..]].concat());
    let json: serde_json::Value = serde_json::from_slice(&csv.stdout).unwrap();
    assert_eq!((&json["policies"][0]["misses"], &json["unit"]), (&serde_json::json!([3]), &"bytes".into()));
}

#[test]
fn mistakes_have_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.csv");
    std::fs::write(&trace, "1,10\n2,many\n").unwrap();
    let cut = folder.path().join("cut.trc");
    std::fs::write(&cut, [0, 0, 0, 1, 0]).unwrap();
    let broken = folder.path().join("broken.csv.gz");
    std::fs::write(&broken, "no gzip at all").unwrap();
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    for (arguments, exit, part) in [
        (vec!["no-such-file.csv"], 3, "E0206"),
        (vec![trace.to_str().unwrap()], 3, "line 2: the size `many`"),
        (vec![cut.to_str().unwrap()], 3, "E0213"),
        (vec![broken.to_str().unwrap()], 3, "E0213"),
        (vec!["zipf(12, 5)"], 2, "E0304"),
        (vec!["pareto(2, 5)"], 2, "E0305"),
        (vec!["zipf(1, 5k)", "--policy", "lrru"], 2, "did you mean `lru`?"),
        (vec!["zipf(1, 5k)", "--size", "1k,1MB"], 2, "E0501"),
        (vec!["zipf(1, 5k)", "--size", "0"], 2, "E0304"),
        (vec!["zipf(1, 5k)", "--size", "ten"], 2, "E0302"),
        (vec!["zipf(1, 5k)", "--requests", "1k", "--warmup", "1k"], 2, "E0505"),
        (vec!["zipf(1, 5k)", "--policy", "min", "--size", "1MB"], 2, "E0501"),
        (vec![trace.to_str().unwrap(), "--requests", "5"], 2, "E0501"),
        (vec!["zipf(1, 5k)", "--size", "10", "--nonsense"], 2, "--nonsense"),
    ] {
        let output = cache(&[&arguments[..], &["-o", &out]].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {text}");
        assert!(text.contains(part), "{arguments:?}: {text}");
    }
    let blocked = trace.join("out").to_str().unwrap().to_owned();
    let output = cache(&["zipf(1, 50)", "--requests", "100", "--policy", "lru", "-o", &blocked]);
    assert_eq!(output.status.code(), Some(1));
}
