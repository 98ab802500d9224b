//! Branches at once: the slowest of all, the k-th of n, and chains.
//!
//! Runs are cut, not drained, and what is slow is what is cut: they last thousands of times the mean.

use super::cases::{case, expected};
use super::rule::{hold, hold_value, one, scenario, watched};

/// A service without workers whose request waits for `wait` of these branches.
fn fork(wait: &str, branches: &[String]) -> String {
    format!(
        "workers: none, endpoints: {{GET /: [{{parallel: {{wait: {wait}, steps: [{}]}}}}]}}",
        branches.join(", ")
    )
}

fn delays(n: u64) -> Vec<String> {
    (0..n).map(|_| "[sleep: exp(1s)]".to_owned()).collect()
}

#[test]
fn the_slowest_of_independent_branches() {
    let checks = [("mean", "mean"), ("#var", "var"), ("p50", "p50"), ("p99", "p99")];
    hold("SG-INF-3", &one("rate: 1/s", &fork("all", &delays(3)), 15_000), &checks);
    hold("SG-INF-100", &one("rate: 1/s", &fork("all", &delays(100)), 2_500), &checks);
}

#[test]
fn the_kth_reply_of_n() {
    for (id, seconds) in [("QUORUM-2of3", 15_000), ("QUORUM-3of5", 12_000), ("QUORUM-4of7", 10_000)] {
        let number = |name: &str| case(id).parameter(name).as_u64().unwrap();
        let text = one("rate: 1/s", &fork(&number("k").to_string(), &delays(number("n"))), seconds);
        hold(id, &text, &[("mean", "mean"), ("p50", "p50"), ("p99", "p99")]);
    }
}

#[test]
fn chains_add_up() {
    let id = "CHAIN-3";
    let chain = |n: usize| {
        let steps = vec!["sleep: exp(1s)"; n].join("}, {");
        one("rate: 1/s", &format!("workers: none, endpoints: {{GET /: [{{{steps}}}]}}"), 12_000)
    };
    hold(id, &chain(3), &[("p50", "p50"), ("p99", "p99")]);
    hold(id, &chain(10), &[("p99", "p99_chain10")]);
    hold(id, &chain(1), &[("p99", "p99_single")]);
}

/// Leaves that are slow once in a while make most wide requests slow.
#[test]
fn the_tail_grows_with_the_fan_out() {
    let id = "TAIL-FANOUT";
    for (quantity, p, n, seconds) in [
        ("p01_n1", 1.0, 1, 1_500),
        ("p01_n10", 1.0, 10, 800),
        ("p01_n100", 1.0, 100, 250),
        ("p0001_n2000", 0.01, 2000, 250),
    ] {
        let leaf = format!("[{{if: {{p: {p}%, then: [sleep: 1s]}}}}]");
        let rate = if n > 1000 { 1 } else { 20 };
        let text = one(&format!("rate: {rate}/s"), &fork("all", &vec![leaf; n]), seconds);
        let runs = watched(&text, &[]);
        // A leaf takes a second or no time: the mean is the share of slow ones.
        hold_value(id, "mean", quantity, &runs.each("mean"), runs.jobs());
    }
    // The same arithmetic as published of a fan-out of a hundred.
    assert!((expected(id, "p01_n100") - expected("PUB-TAIL-HEDGE", "fanout100_p01_slow")).abs() < 0.005);
}

/// One leaf of a hundred: such that the slowest of a hundred is as late as published, and a leaf too. What lies
/// between the published quantiles lies close to them, so that a short run tells them.
const LEAF: &str = "mix(50%=uniform(0ms, 1ms), 45%=uniform(1ms, 5ms), 2%=uniform(5ms, 5.5ms), 2%=uniform(5.5ms, 10ms), 0.15%=uniform(10ms, 10.5ms), 0.1592%=uniform(38ms, 40ms), 0.32%=uniform(40ms, 42ms), 0.3195%=uniform(42ms, 87ms), 0.03%=uniform(87ms, 90ms), 0.006%=uniform(90ms, 136ms), 0.0052%=uniform(136ms, 140ms), 0.0101%=uniform(140ms, 145ms))";

#[test]
fn the_slowest_five_of_a_hundred_are_half_of_the_latency() {
    let id = "PUB-TAIL-T1";
    let leaves = |n: usize| vec![format!("[sleep: \"{LEAF}\"]"); n];
    let run = |wait: &str, n: usize, rate: u32, seconds: u32| {
        let text = one(&format!("rate: {rate}/s"), &fork(wait, &leaves(n)), seconds);
        watched(&text.replace("replications: 30", "replications: 6"), &[])
    };
    let at = |runs: &super::rule::Runs, metric: &str| super::rule::mean_and_error(&runs.each(metric)).0;
    let alone = run("all", 1, 200, 100);
    let (all, most) = (run("all", 100, 20, 100), run("95", 100, 20, 20));
    for (runs, name) in [(&alone, "one_leaf"), (&all, "all_leaves")] {
        for (metric, part) in [("p50", "p50"), ("p95", "p95"), ("p99", "p99")] {
            let published = expected(id, &format!("{name}_{part}")) / 1e3;
            let seen = at(runs, metric);
            assert!((seen - published).abs() < 0.05 * published, "{name} {part}: {seen} for {published}");
        }
    }
    // Leaves that are late by themselves leave less for those who wait for 95 of them than was measured.
    for (metric, part) in [("p50", "p50"), ("p95", "p95"), ("p99", "p99")] {
        let published = expected(id, &format!("95pct_leaves_{part}")) / 1e3;
        let seen = at(&most, metric);
        assert!(seen < published && seen < 0.5 * at(&all, metric), "{part}: {seen} for {published}");
    }
}

fn joined(n: usize, rate: f64, seconds: u32) -> String {
    let branches: Vec<String> = (0..n).map(|i| format!("[call: {{to: s{i}}}]")).collect();
    let shards: String = (0..n)
        .map(|i| format!("s{i}: {{kind: service, workers: 1, endpoints: {{GET /: [sleep: exp(1s)]}}}}\n"))
        .collect();
    scenario(
        &format!("c: {{rate: {rate}/s, mix: {{GET /: 1}}, to: gate}}"),
        &format!("gate: {{kind: service, {}}}\n{shards}", fork("all", &branches)),
        seconds,
    )
}

#[test]
fn fork_and_join_over_queues() {
    let runs = watched(&joined(2, 0.8, 120_000), &[]);
    hold_value("FJ-2", "mean", "mean_response", &runs.each("mean"), runs.jobs());
    let branch: Vec<f64> = runs.each("s1.wait").iter().map(|wait| wait + 1.0).collect();
    hold_value("FJ-2", "mean", "mean_branch", &branch, runs.jobs());

    let id = "FJ-4";
    let runs = watched(&joined(4, 0.5, 40_000), &[]);
    let (mean, error) = super::rule::mean_and_error(&runs.each("mean"));
    assert!(expected(id, "lower_bound") < mean && mean < expected(id, "upper_bound"));
    let approximation = expected(id, "mean_response_NT");
    assert!((mean / approximation - 1.0).abs() < 0.05 && error < 0.003 * mean, "{mean} for {approximation}");
}
