//! Comparisons as their users meet them: words, pairing, gates, formats, saved results; and how often they err.

use std::path::Path;

use assert_cmd::Command;
use surgesim::experiment::aggregate::aggregate;
use surgesim::experiment::comparison::{Contender, Pairing, Terms, Word, compare};
use surgesim::experiment::confidence::t_interval;
use surgesim::experiment::pooled::sampled_of;
use surgesim::experiment::sequential::{looks, precision};
use surgesim::experiment::simulation;
use surgesim::metrics::ReplicationRecord;
use surgesim::queueing::formulas::Mmc;

use crate::model::{model, run_model};

fn surgesim(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("surgesim").unwrap();
    let output = command.env("NO_COLOR", "1").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A queue named `name`, so that another name has other luck.
fn queue(name: &str, seed: u32, replications: u32, seconds: u32) -> String {
    format!(
        "scenario: q\nrun: {{duration: {seconds}s, seed: {seed}, replications: {replications}}}\n\
         clients: {{c: {{rate: 8/s, mix: {{GET /: 1}}, to: {name}}}}}\n\
         components: {{{name}: {{kind: service, workers: 2, endpoints: {{GET /: [sleep: exp(200ms)]}}}}}}\n"
    )
}

fn contender(text: &str, label: &str) -> Contender {
    let model = model(text);
    let runs = run_model(&model);
    let records: Vec<_> = runs.replications.into_iter().map(|r| r.record).collect();
    let results = aggregate(label, &runs.catalog, &records);
    Contender { label: label.to_owned(), seed: model.run.seed, results }
}

/// In how many of `count` comparisons of a design with itself under another name a metric is called other.
fn false_alarms(count: u32) -> (u32, u32) {
    let gate: Vec<String> = ["mean", "p50", "p99", "goodput"].map(str::to_owned).to_vec();
    let (mut words, mut gates) = (0, 0);
    for seed in 1..=count {
        let both = [contender(&queue("s", seed, 6, 100), "s"), contender(&queue("t", seed, 6, 100), "t")];
        let terms = Terms { tolerance: 0.01, gate: &gate };
        let found = compare(&both, &[(0, 1)], terms).candidates.remove(0);
        assert_eq!(found.pairing, Pairing::Paired);
        words += u32::from(matches!(found.row("mean").unwrap().word, Word::Better | Word::Worse));
        gates += u32::from(found.regressions().next().is_some());
    }
    (words, gates)
}

#[test]
fn the_same_design_under_two_names_is_no_other() {
    let (words, gates) = false_alarms(60);
    // Five percent of sixty are three; more than nine have a probability below a thousandth.
    assert!(words <= 9 && gates <= 6, "{words} {gates}");
}

#[test]
#[ignore = "a thousand comparisons"]
fn a_thousand_comparisons_of_a_design_with_itself() {
    let (words, gates) = false_alarms(1000);
    println!("called better or worse: {words} of 1000; gates that fail: {gates} of 1000");
    assert!(words <= 71 && gates <= 46, "{words} {gates}");
}

/// Replications of one run that stops when it is sure, at most.
const MOST: u32 = 200;

#[test]
#[ignore = "forty thousand replications"]
fn intervals_of_p99_and_stopping_when_sure_keep_the_coverage() {
    let truth = Mmc { servers: 2, arrivals: 8.0, services: 5.0 }.sojourn_quantile(0.99);
    let text = queue("s", 1, 10, 1000).replace("duration: 1000s", "duration: 1000s, warmup: 50s");
    let (model, never) = (model(&text), std::sync::atomic::AtomicBool::new(false));
    let catalog = surgesim::event_graph::catalog(&model);
    let all_looks = looks(MOST);
    let (mut covered, mut missed_above, mut stopped, mut sure, mut right, mut used) = (0, 0, 0, 0, 0, 0);
    for group in 0..200 {
        let mut records: Vec<ReplicationRecord> = Vec::new();
        let run_to = |records: &mut Vec<ReplicationRecord>, count: u32| {
            let range = group * MOST + records.len() as u32..group * MOST + count;
            let ran = simulation::run_range(&model, &catalog, &[], &never, range, |_| {}).finished;
            records.extend(ran.into_iter().map(|one| one.record));
        };
        run_to(&mut records, 50);
        let all: Vec<&ReplicationRecord> = records.iter().collect();
        for ten in all.chunks(10) {
            let interval = sampled_of("p99", ten, &catalog).interval(0.95).unwrap();
            covered += u32::from(interval.low <= truth && truth <= interval.high);
            missed_above += u32::from(interval.low > truth);
        }
        for look in &all_looks {
            if *look as usize > records.len() {
                run_to(&mut records, *look);
            }
            let all: Vec<&ReplicationRecord> = records[..*look as usize].iter().collect();
            let found = sampled_of("p99", &all, &catalog);
            let met = precision("p99", 0.05, &found, all_looks.len(), 1).met;
            if met || *look == MOST {
                let within = (found.value().number().unwrap() - truth).abs() <= 0.05 * truth;
                stopped += u32::from(within);
                sure += u32::from(met);
                right += u32::from(met && within);
                used += look;
                break;
            }
        }
    }
    println!(
        "p99 of M/M/2 at 0.8 is {truth:.4}: covered by {covered} of 1000, {missed_above} intervals lie above it; within \
         5 % when stopped: {stopped} of 200; of {sure} that said they were sure {right} are; {} replications on average",
        used / 200
    );
    assert!(covered >= 930 && stopped >= 190, "{covered} {stopped}");
    assert!(sure >= 100 && right * 100 >= sure * 95, "{right} of {sure}");
}

/// Each replication's value of the metrics of one design of a shipped scenario.
fn shipped(scenario: &str, variant: &str, seed: &str, metrics: &[&str]) -> Vec<Vec<f64>> {
    let (file, folder) = (format!("scenarios/{scenario}.yaml"), tempfile::tempdir().unwrap());
    let out = folder.path().join("out").display().to_string();
    let arguments = [
        "run",
        &file,
        "--variant",
        variant,
        "--seed",
        seed,
        "--replications",
        "16",
        "-q",
        "--format",
        "json",
        "-o",
        &out,
    ];
    let (_, json, error) = surgesim(&arguments);
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|_| panic!("{error}"));
    let each = |metric: &&str| {
        let values = tree["variants"][0]["metrics"][*metric]["each"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    metrics.iter().map(each).collect()
}

/// Half of the 95 % interval of the difference: of pairs by Student's t, of two independent samples by Welch's.
fn half_widths(base: &[f64], paired: &[f64], other: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = base.iter().zip(paired).map(|(a, b)| a - b).collect();
    let half = |values: &[f64]| t_interval(values, 0.95).map_or(0.0, |i| (i.high - i.low) / 2.0);
    // With as many replications on both sides, Welch's degrees of freedom lie between n - 1 and 2 (n - 1): those
    // of n - 1 on both sides would be wider, so the factor is not flattered by more than the quantiles' 5 %.
    let apart = (half(base) * half(base) + half(other) * half(other)).sqrt();
    (half(&differences), apart)
}

/// How much narrower the interval of a difference is when both designs meet the same customers.
#[test]
#[ignore = "minutes"]
fn common_random_numbers_shrink_the_interval_of_a_difference() {
    let metrics = ["mean", "p99"];
    for (scenario, base, candidate) in [
        ("cache-sizing", "tenth-of-a-percent", "keep-the-frequent"),
        ("replicas", "in-turn", "sticky"),
        ("stale-or-lost", "aside", "aside-with-lease"),
    ] {
        let own = shipped(scenario, base, "101", &metrics);
        let same = shipped(scenario, candidate, "101", &metrics);
        let other = shipped(scenario, candidate, "202", &metrics);
        for (at, metric) in metrics.iter().enumerate() {
            let (paired, apart) = half_widths(&own[at], &same[at], &other[at]);
            println!(
                "{scenario}, {base} against {candidate}, {metric}: +-{paired:.3e} s paired, +-{apart:.3e} s with \
                 independent seeds: {:.1} times",
                apart / paired
            );
            // A p99 may be the same in all replications, to the width of its bucket.
            assert!(*metric != "mean" || paired < apart, "{scenario} {metric}");
        }
    }
}

#[test]
fn replicating_until_sure_is_running_so_many_and_says_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let file = folder.path().join("q.yaml");
    std::fs::write(&file, queue("s", 1, 5, 200)).unwrap();
    let file = file.display().to_string();
    let run = |more: &[&str]| {
        let (code, json, error) =
            surgesim(&[&["run", &file, "-q", "--format", "json", "-o", &out], more].concat());
        assert_eq!(code, 0, "{error}");
        serde_json::from_str::<serde_json::Value>(&json).unwrap()["variants"][0].clone()
    };
    let sure = run(&["--until", "mean=15%", "--max-replications", "60"]);
    assert_eq!(sure["precision"][0]["met"], true);
    let count = sure["replications"].as_u64().unwrap();
    assert!((10..=60).contains(&count));
    let fixed = run(&["--replications", &count.to_string()]);
    assert_eq!(sure["metrics"], fixed["metrics"]);
    let unsure = run(&["--until", "mean=0.1%", "--max-replications", "12"]);
    assert_eq!(
        (unsure["replications"].as_u64(), unsure["precision"][0]["met"].as_bool()),
        (Some(12), Some(false))
    );
    let said = unsure["notices"].to_string();
    assert!(said.contains("NOT as sure"), "{said}");
    for wrong in [&["--until", "p99"][..], &["--until", "p99=0%"], &["--until", "nothing=5%"]] {
        assert_eq!(surgesim(&[&["run", &file, "-q", "-o", &out], wrong].concat()).0, 2, "{wrong:?}");
    }
}

fn script(change: &str, format: &str, out: &Path) -> (i32, String) {
    let mut command = Command::new("sh");
    command.env("SURGESIM", env!("CARGO_BIN_EXE_surgesim")).env("FORMAT", format);
    command.args(["examples/ci/check-change.sh", change, "examples/ci/baseline.json"]).arg(out);
    let output = command.output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_good_change_passes_and_a_bad_one_fails_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert_eq!(script("examples/ci/checkout.yaml", "markdown", out).0, 0);
    let (code, text) = script("examples/ci/good-change.yaml", "markdown", out);
    assert_eq!(code, 0, "{text}");
    let (code, text) = script("examples/ci/bad-change.yaml", "markdown", out);
    assert_eq!(code, 5);
    for part in ["❌", "p99", "requests wait longer for api cpu", "```mermaid"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    // Whole files are there before the exit.
    for file in ["comparison.json", "comparison.txt", "comparison.md", "overlay.png", "overlay.svg"] {
        assert!(out.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let (code, text) = script("examples/ci/bad-change.yaml", "junit", out);
    assert!(code == 5 && text.starts_with("<?xml") && text.contains("<failure message=\"p99 "), "{text}");
    let (code, text) = script("examples/ci/bad-change.yaml", "github", out);
    assert!(code == 5 && text.contains("::error file=examples/ci/bad-change.yaml,"), "{text}");
}

#[test]
fn saved_results_compare_as_the_scenarios_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["checkout", "bad-change"] {
        let file = format!("examples/ci/{name}.yaml");
        surgesim(&["run", &file, "-q", "-o", &path(name)]);
    }
    let (a, b) = (path("checkout/results.json"), path("bad-change/results.json"));
    let (code, saved, error) = surgesim(&["compare", &a, &b, "-q", "--format", "json", "-o", &path("saved")]);
    assert_eq!(code, 0, "without --fail-on it reports: {error}");
    let files = ["examples/ci/checkout.yaml", "examples/ci/bad-change.yaml"];
    let (_, fresh, _) =
        surgesim(&["compare", files[0], files[1], "-q", "--format", "json", "-o", &path("fresh")]);
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["comparison"][0].clone();
    assert_eq!(read(&saved)["metrics"], read(&fresh)["metrics"]);
    assert_eq!(read(&saved)["metrics"]["p99"]["word"], "worse");
    assert_eq!(surgesim(&["compare", &a, "-q", "-o", &path("x")]).0, 2, "one design alone");
    assert_eq!(surgesim(&["compare", &a, &b, "--baseline", "nobody", "-q", "-o", &path("x")]).0, 2);
    std::fs::write(folder.path().join("bad.json"), "{").unwrap();
    assert_eq!(surgesim(&["compare", &a, &path("bad.json"), "-q", "-o", &path("x")]).0, 3);
}
