//! Queueing theory as scenarios: expected values come from `tests/data/cases.json`.
//!
//! Each case is held to its acceptance rule: the mean over 30 replications lies within 3.66 standard
//! errors of the expected value, and that half-width is small (1 % for means, more where it says so).

use crate::model::run;

/// The expected value of a quantity of a case.
fn expected(case: &str, quantity: &str) -> f64 {
    let text = include_str!("../data/cases.json");
    let cases: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = cases.as_array().unwrap();
    let case = cases.iter().find(|c| c["id"] == case).unwrap_or_else(|| panic!("no case {case}"));
    let quantities = case["quantities"].as_array().unwrap();
    let found = quantities.iter().find(|q| q["name"] == quantity);
    found.unwrap_or_else(|| panic!("no quantity {quantity}"))["expected"].as_f64().unwrap()
}

/// One service with these keys and steps, under these clients, for so many seconds.
fn scenario(clients: &str, service: &str, seconds: u32) -> String {
    format!(
        "scenario: theory\nrun: {{duration: {seconds}s, warmup: 10%, seed: 1, replications: 30, bucket: {}s}}\n\
         clients:\n  c: {{{clients}, mix: {{GET /: 1}}, to: s}}\n\
         components:\n  s:\n    kind: service\n{service}\n",
        seconds / 10
    )
}

/// Holds a metric to a case's value; `widest` bounds the half-width relative to it.
fn hold(case: &str, text: &str, checks: &[(&str, &str, f64)]) {
    let runs = run(text);
    for (metric, quantity, widest) in checks {
        let values = runs.each(metric);
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
        let half_width = 3.66 * (variance / n).sqrt();
        let truth = expected(case, quantity);
        // A histogram of three digits rounds up by at most a thousandth.
        let rounding = if metric.starts_with('p') { truth * 0.001 } else { 1e-9 };
        assert!(
            (mean - truth).abs() <= half_width + rounding,
            "{case} {quantity}: {mean} +- {half_width} for {truth}"
        );
        assert!(half_width <= widest * truth, "{case} {quantity}: {half_width} is too wide for {truth}");
    }
}

#[test]
fn one_fifo_server() {
    let worker = |work: &str| format!("    workers: 1\n    endpoints: {{GET /: [sleep: \"{work}\"]}}");
    hold(
        "MM1-050",
        &scenario("rate: 0.5/s", &worker("exp(1s)"), 200_000),
        &[
            ("mean", "mean_sojourn", 0.01),
            ("s.utilisation", "utilisation", 0.01),
            ("p90", "p90_sojourn", 0.03),
        ],
    );
    hold(
        "MD1-050",
        &scenario("rate: 0.5/s", &worker("1s"), 200_000),
        &[("mean", "mean_sojourn", 0.01), ("s.wait", "mean_wait", 0.02)],
    );
    hold(
        "ME21",
        &scenario("rate: 0.8/s", &worker("erlang(2, 1s)"), 200_000),
        &[("s.wait", "mean_wait", 0.03)],
    );
}

#[test]
fn arrivals_that_are_not_poisson() {
    let worker = "    workers: 1\n    endpoints: {GET /: [sleep: exp(1s)]}";
    hold(
        "GIM1-D",
        &scenario("rate: 0.8/s, arrivals: deterministic", worker, 200_000),
        &[("mean", "mean_sojourn", 0.02)],
    );
    let renewal = "rate: 0.5/s, arrivals: {between: \"erlang(2, 2s)\"}";
    hold("GIM1-E2", &scenario(renewal, worker, 200_000), &[("mean", "mean_sojourn", 0.01)]);
}

#[test]
fn several_servers_and_loss() {
    let pool = |n: u32, backlog: &str| {
        format!("    workers: {n}\n{backlog}    endpoints: {{GET /: [sleep: exp(1s)]}}")
    };
    hold(
        "MMC-2-1.6",
        &scenario("rate: 1.6/s", &pool(2, ""), 100_000),
        &[("mean", "mean_sojourn", 0.02), ("p99", "p99_sojourn", 0.05)],
    );
    hold("MMC-5-2.5", &scenario("rate: 2.5/s", &pool(5, ""), 50_000), &[("mean", "mean_sojourn", 0.01)]);
    hold(
        "ERLB-10",
        &scenario("rate: 8/s", &pool(10, "    backlog: 0\n"), 30_000),
        &[("rate_503", "rejection_rate", 0.02)],
    );
    hold(
        "MMCK-1-10-0.9",
        &scenario("rate: 0.9/s", &pool(1, "    backlog: 9\n"), 100_000),
        &[("rate_503", "rejection_rate", 0.05), ("mean", "mean_sojourn_accepted", 0.02)],
    );
}

#[test]
fn processor_sharing_is_insensitive() {
    let cores =
        |work: &str| format!("    cpu: 1\n    workers: none\n    endpoints: {{GET /: [cpu: \"{work}\"]}}");
    hold(
        "PS-MM1",
        &scenario("rate: 0.8/s", &cores("exp(1s)"), 300_000),
        &[("mean", "mean_sojourn", 0.02), ("p50", "p50_sojourn", 0.03)],
    );
    hold("PS-MD1", &scenario("rate: 0.7/s", &cores("1s"), 200_000), &[("mean", "mean_sojourn", 0.02)]);
    let shared =
        "    workers: 1\n    discipline: processor_sharing\n    endpoints: {GET /: [sleep: exp(1s)]}";
    hold("PS-MM1", &scenario("rate: 0.8/s", shared, 300_000), &[("mean", "mean_sojourn", 0.02)]);
}

#[test]
fn a_timeout_in_the_queue_leaves_it_and_a_deadline_at_the_client_does_not() {
    let service = "    workers: 1\n    max_wait: 2s\n    endpoints: {GET /: [sleep: exp(1s)]}";
    hold(
        "TIMEOUT-D-1-0.9",
        &scenario("rate: 0.9/s", service, 100_000),
        &[("rate_503", "prob_timeout", 0.03), ("s.utilisation", "utilisation", 0.01)],
    );
    let zombie = "    workers: 4\n    endpoints: {GET /: [sleep: exp(1s)]}";
    hold(
        "TIMEOUT-ZOMBIE",
        &scenario("rate: 3.6/s, timeout: 3s", zombie, 100_000),
        &[("abandoned", "prob_deadline_missed", 0.05), ("s.utilisation", "utilisation", 0.01)],
    );
}
