//! Several servers and one line (M/M/c, M/D/2), none in line (Erlang B), a bounded line (M/M/c/K), and
//! no limit at all (M/G/infinity).

use super::cases::{case, expected};
use super::rule::{hold, hold_value, one, scenario, station, watched};

#[test]
fn one_line_before_several_servers() {
    let checks = [
        ("#s.waited", "prob_wait"),
        ("s.wait", "mean_wait"),
        ("mean", "mean_sojourn"),
        ("s.utilisation", "utilisation"),
        ("p50", "p50_sojourn"),
        ("p90", "p90_sojourn"),
        ("p99", "p99_sojourn"),
        ("p99.9", "p99_9_sojourn"),
        ("s.wait.p99", "p99_wait"),
    ];
    hold("MMC-2-1.6", &one("rate: 1.6/s", &station(2, "exp(1s)"), 60_000), &checks);
    hold("MMC-5-2.5", &one("rate: 2.5/s", &station(5, "exp(1s)"), 20_000), &checks);
    hold("MMC-10-5", &one("rate: 5/s", &station(10, "exp(1s)"), 15_000), &checks);
    hold(
        "MD2",
        &one("rate: 1.8/s", &station(2, "1s"), 60_000),
        &[("s.wait", "mean_wait"), ("#s.waited", "prob_wait"), ("s.wait.p99", "p99_wait")],
    );
    // The tutorial's minutes are seconds here.
    for (servers, quantity) in [(3, "mean_wait_3"), (4, "mean_wait_4")] {
        hold(
            "CIW-BANK",
            &one("rate: 0.2/s", &station(servers, "exp(10s)"), 150_000),
            &[("s.wait", quantity)],
        );
    }
}

#[test]
fn larger_pools_wait_less_at_equal_utilisation() {
    for (servers, seconds) in
        [(1, 40_000), (2, 20_000), (3, 12_000), (5, 8_000), (10, 4_000), (20, 2_000), (50, 800), (100, 400)]
    {
        let text =
            one(&format!("rate: {}/s", 0.8 * f64::from(servers)), &station(servers, "exp(1s)"), seconds);
        hold("MMC-SCALE", &text, &[("mean", &format!("mean_sojourn_c{servers}"))]);
    }
}

#[test]
fn one_fast_server_beats_a_pool_and_a_pool_beats_partitions() {
    let id = "POOLING";
    let fast = one("rate: 3.2/s", &station(1, "exp(250ms)"), 15_000);
    hold(id, &fast, &[("mean", "mean_sojourn_one_fast")]);
    hold(id, &one("rate: 3.2/s", &station(4, "exp(1s)"), 15_000), &[("mean", "mean_sojourn_pooled")]);
    let partitioned = scenario(
        "c: {rate: 3.2/s, mix: {GET /: 1}, to: lb}",
        &format!(
            "lb: {{kind: load_balancer, algorithm: random, to: s}}
             s: {{kind: service, instances: 4, {}}}",
            station(1, "exp(1s)")
        ),
        15_000,
    );
    hold(id, &partitioned, &[("mean", "mean_sojourn_partitioned")]);
}

#[test]
fn a_pool_without_a_line_turns_away_by_erlang_b() {
    let pool = |servers: u32, work: &str| format!("backlog: 0, {}", station(servers, work));
    let checks =
        [("rate_503", "rejection_rate"), ("s.in_flight", "mean_busy"), ("s.utilisation", "utilisation")];
    hold("ERLB-10", &one("rate: 8/s", &pool(10, "exp(1s)"), 10_000), &checks);
    // Whatever the shape of service.
    hold("ERLB-10", &one("rate: 8/s", &pool(10, "lognormal(mean=1s, cv=2)"), 8_000), &checks);
    hold("ERLB-100", &one("rate: 84.06/s", &pool(100, "exp(1s)"), 1_500), &checks);
}

#[test]
fn a_bounded_line_turns_away_its_overflow() {
    let pool =
        |servers: u32, backlog: u32, work: &str| format!("backlog: {backlog}, {}", station(servers, work));
    let checks = [
        ("rate_503", "rejection_rate"),
        ("goodput", "throughput"),
        ("s.in_flight", "mean_in_system"),
        ("mean", "mean_sojourn_accepted"),
        ("s.utilisation", "utilisation"),
        ("p99", "p99_sojourn_accepted"),
    ];
    hold("MMCK-1-10-0.9", &one("rate: 0.9/s", &pool(1, 9, "exp(1s)"), 60_000), &checks);
    hold("MMCK-1-10-1.2", &one("rate: 1.2/s", &pool(1, 9, "exp(1s)"), 40_000), &checks);
    hold("MMCK-4-20-4.8", &one("rate: 4.8/s", &pool(4, 16, "exp(1s)"), 10_000), &checks);
    // The toolbox's regression tests.
    hold(
        "OCTAVE-MMMK-40-3-7",
        &one("rate: 40/s", &pool(3, 4, "exp(33333333ns)"), 1_000),
        &[("#s.at(0)", "p0"), ("mean", "R")],
    );
    hold("OCTAVE-MMMK-50-4-6", &one("rate: 50/s", &pool(4, 2, "exp(100ms)"), 1_500), &[("#s.at(6)", "pk")]);
    hold(
        "OCTAVE-MMMK-3-2-5",
        &one("rate: 3/s", &pool(2, 3, "exp(500ms)"), 12_000),
        &[("#s.at(0)", "p0"), ("rate_503", "pk"), ("s.in_flight", "Q"), ("s.wait", "Wq")],
    );
}

#[test]
fn without_a_limit_the_number_present_is_poisson() {
    let id = "MGINF";
    let edge = "workers: none, endpoints: {GET /: [sleep: \"lognormal(mean=500ms, cv=2)\"]}";
    let runs = watched(&one("rate: 20/s", edge, 5_000), &[]);
    hold_value(id, "mean", "mean_in_system", &runs.each("s.in_flight"), runs.jobs());
    hold_value(id, "#var", "var_in_system", &runs.each("#s.visits.present_var"), runs.jobs());
    let slot = |r: &super::rule::Replication| r.watch.slots[r.watch.slot(&runs.catalog, "s.visits")].clone();
    let rare: Vec<f64> =
        runs.replications.iter().map(|r| 1.0 - (0..20).map(|n| slot(r).share(n)).sum::<f64>()).collect();
    // One in 290: thirty runs of 90,000 s tell it to a tenth.
    let (mean, error) = super::rule::mean_and_error(&rare);
    let truth = expected(id, "prob_n_ge_20");
    assert!((mean - truth).abs() < 3.66 * error && error < 0.05 * truth, "{mean} +- {error} for {truth}");
    let below = |r: &super::rule::Replication, n: usize| (0..n).map(|n| slot(r).share(n)).sum::<f64>();
    let p99 = case(id).quantity("p99_in_system").expected as usize;
    let mean = |n: usize| runs.replications.iter().map(|r| below(r, n)).sum::<f64>() / 30.0;
    assert!(mean(p99) < 0.99 && mean(p99 + 1) >= 0.99);
}
