//! The closed forms of `queueing::formulas` against the case file: two computations of one truth.

use surgesim::base::random::{Distribution, Key};
use surgesim::base::{ComponentId, SimDuration};
use surgesim::engine::{Jitter, Outcome, Reason, Retry, RetryOn};
use surgesim::queueing::formulas::{
    ClosedStation, Mmc, Mmck, PriorityClass, attempts_per_request, batch_mean_number, erlang_a, erlang_b,
    exponential_order_statistic, fixed_patience, fork_join_mean, gim1_sigma, kth_of_n_by, looks_until_free,
    md1_wait_at_most, mean_value_analysis, mg1_mean_wait, mm1_asymptotic_variance, mm1_busy_period,
    mm1_sharing, power_of_choices_mean, preemptive_sojourns, priority_waits, retrial_sojourn,
    two_class_mean_value_analysis,
};

use super::cases::{case, expected, numbers};

/// Equal to seven digits.
fn equal(id: &str, quantity: &str, seen: f64) {
    let truth = expected(id, quantity);
    assert!((seen - truth).abs() <= 1e-7 * truth.abs().max(1e-3), "{id} {quantity}: {seen} for {truth}");
}

#[test]
fn single_servers() {
    for (id, arrivals, services) in
        [("MM1-050", 0.5, 1.0), ("MM1-080", 0.8, 1.0), ("MM1-099", 0.99, 1.0), ("MM1-LINE-T1", 1.0, 2.0)]
    {
        let station = Mmc { servers: 1, arrivals, services };
        equal(id, "mean_sojourn", station.mean_sojourn());
        equal(id, "mean_wait", station.mean_wait());
        for (share, quantity) in [(0.5, "p50"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99"), (0.999, "p99_9")]
        {
            equal(id, &format!("{quantity}_sojourn"), station.sojourn_quantile(share));
        }
    }
    for (id, rho, scv) in [
        ("MD1-050", 0.5, 0.0),
        ("MD1-080", 0.8, 0.0),
        ("ME21", 0.8, 0.5),
        ("MH21-scv4-070", 0.7, 4.0),
        ("MH21-scv10-050", 0.5, 10.0),
        ("MLN1-scv1", 0.8, 1.0),
    ] {
        equal(id, "mean_wait", mg1_mean_wait(rho, 1.0, scv));
    }
    for (id, rate) in [("MD1-050", 0.5), ("MD1-080", 0.8)] {
        for (quantity, share) in [("p90_wait", 0.9), ("p99_wait", 0.99)] {
            let seen = md1_wait_at_most(rate, 1.0, expected(id, quantity));
            assert!((seen - share).abs() < 1e-8, "{id} {quantity}: {seen}");
        }
    }
    equal("LIM-01", "mean_delay", mg1_mean_wait(0.9, 0.01, 0.0));
    assert!((md1_wait_at_most(90.0, 0.01, expected("LIM-01", "p99_delay")) - 0.99).abs() < 1e-4);
    let sigma = gim1_sigma(&Distribution::Constant(1.25), 1.0).unwrap();
    equal("GIM1-D", "sigma_prob_wait", sigma);
    equal("GIM1-D", "mean_sojourn", 1.0 / (1.0 - sigma));
    let sigma = gim1_sigma(&Distribution::Erlang { shape: 2, mean: 2.0 }, 1.0).unwrap();
    equal("GIM1-E2", "sigma_prob_wait", sigma);
    equal("MXM1", "mean_in_system", batch_mean_number(0.8, 5.0, 25.0));
    let (mean, variance) = mm1_busy_period(0.8, 1.0);
    equal("BUSY-MM1", "mean_busy_period", mean);
    equal("BUSY-MM1", "var_busy_period", variance);
    let (mean, variance) = mm1_sharing(0.8, 1.0);
    equal("PS-MM1", "mean_sojourn", mean);
    equal("PS-MM1", "var_sojourn", variance);
    equal("CIW-PS", "mean_sojourn", mm1_sharing(4.0, 9.0).0);
    equal(
        "JACKSON-FEEDBACK",
        "mean_total_sojourn",
        Mmc { servers: 1, arrivals: 0.5, services: 0.7 }.mean_sojourn(),
    );
    for (rho, quantity) in
        [(0.5, "sigma2_rho0.5"), (0.8, "sigma2_rho0.8"), (0.9, "sigma2_rho0.9"), (0.99, "sigma2_rho0.99")]
    {
        equal("STAT-MM1-ASYVAR", quantity, mm1_asymptotic_variance(rho));
    }
    // Jobs for one percent: (1.96 sigma / (0.01 wait))^2, to the digits of the published 1.96.
    let jobs = (1.96 / (0.01 * 4.0_f64)).powi(2) * mm1_asymptotic_variance(0.8);
    assert!((jobs / expected("STAT-MM1-ASYVAR", "jobs_for_1pct_halfwidth_95_rho0.8") - 1.0).abs() < 0.001);
}

#[test]
fn many_servers() {
    for (id, servers, arrivals) in [("MMC-2-1.6", 2, 1.6), ("MMC-5-2.5", 5, 2.5), ("MMC-10-5", 10, 5.0)] {
        let station = Mmc { servers, arrivals, services: 1.0 };
        equal(id, "mean_wait", station.mean_wait());
        equal(id, "p50_sojourn", station.sojourn_quantile(0.5));
        equal(id, "p99_sojourn", station.sojourn_quantile(0.99));
        equal(id, "p99_9_sojourn", station.sojourn_quantile(0.999));
    }
    for c in [1, 2, 3, 5, 10, 20, 50, 100] {
        let station = Mmc { servers: c, arrivals: 0.8 * f64::from(c), services: 1.0 };
        equal("MMC-SCALE", &format!("mean_sojourn_c{c}"), station.mean_sojourn());
    }
    for (quantity, servers, arrivals, services) in [
        ("mean_sojourn_one_fast", 1, 3.2, 4.0),
        ("mean_sojourn_pooled", 4, 3.2, 1.0),
        ("mean_sojourn_partitioned", 1, 0.8, 1.0),
    ] {
        equal("POOLING", quantity, Mmc { servers, arrivals, services }.mean_sojourn());
    }
    equal("CIW-BANK", "mean_wait_3", Mmc { servers: 3, arrivals: 0.2, services: 0.1 }.mean_wait());
    equal("CIW-BANK", "mean_wait_4", Mmc { servers: 4, arrivals: 0.2, services: 0.1 }.mean_wait());
    equal("ERLB-10", "rejection_rate", erlang_b(10, 8.0));
    equal("ERLB-100", "rejection_rate", erlang_b(100, 84.06));
    for (id, servers, room, arrivals) in
        [("MMCK-1-10-0.9", 1, 10, 0.9), ("MMCK-1-10-1.2", 1, 10, 1.2), ("MMCK-4-20-4.8", 4, 20, 4.8)]
    {
        let station = Mmck { servers, room, arrivals, services: 1.0 };
        equal(id, "rejection_rate", station.rejected());
        equal(id, "mean_in_system", station.mean_number());
        equal(id, "mean_sojourn_accepted", station.mean_sojourn());
    }
    let digits = |id: &str, quantity: &str, seen: f64| {
        assert!((seen / expected(id, quantity) - 1.0).abs() < 1e-4, "{id} {quantity}: {seen}");
    };
    let octave = Mmck { servers: 3, room: 7, arrivals: 40.0, services: 30.0 };
    digits("OCTAVE-MMMK-40-3-7", "p0", octave.probabilities()[0]);
    digits("OCTAVE-MMMK-40-3-7", "R", octave.mean_sojourn());
    let octave = Mmck { servers: 4, room: 6, arrivals: 50.0, services: 10.0 };
    digits("OCTAVE-MMMK-50-4-6", "pk", octave.rejected());
    let octave = Mmck { servers: 2, room: 5, arrivals: 3.0, services: 2.0 };
    digits("OCTAVE-MMMK-3-2-5", "p0", octave.probabilities()[0]);
    digits("OCTAVE-MMMK-3-2-5", "pk", octave.rejected());
    digits("OCTAVE-MMMK-3-2-5", "Q", octave.mean_number());
}

#[test]
fn customers_who_leave_and_come_again() {
    let id = "ERLA-10-12";
    let seen = erlang_a(10, 12.0, 1.0, 0.5);
    equal(id, "prob_abandon", seen.abandoned);
    equal(id, "prob_wait", seen.waits);
    equal(id, "mean_queue", seen.queue);
    equal("TIMEOUT-D-1-0.9", "prob_timeout", fixed_patience(1, 0.9, 1.0, 2.0).abandoned);
    equal("TIMEOUT-D-1-0.9", "prob_wait", fixed_patience(1, 0.9, 1.0, 2.0).waits);
    equal("TIMEOUT-D-10-12", "prob_timeout", fixed_patience(10, 12.0, 1.0, 1.0).abandoned);
    equal("TIMEOUT-D-10-12", "prob_wait", fixed_patience(10, 12.0, 1.0, 1.0).waits);
    let zombie = Mmc { servers: 4, arrivals: 3.6, services: 1.0 };
    equal("TIMEOUT-ZOMBIE", "prob_deadline_missed", zombie.sojourn_exceeds(3.0));
    equal("RETRIAL-MM1", "mean_sojourn", retrial_sojourn(0.7, 1.0, 0.5));
    for failure in numbers(case("RETRY-AMP").parameter("failure_prob")) {
        equal("RETRY-AMP", &format!("attempts_per_call_f{failure}"), attempts_per_request(failure, 4));
    }
}

#[test]
fn priorities() {
    let classes: Vec<PriorityClass> = numbers(case("PRIO-NP-3").parameter("rates"))
        .into_iter()
        .map(|rate| PriorityClass::exponential(rate, 1.0))
        .collect();
    for (i, wait) in priority_waits(&classes).into_iter().enumerate() {
        equal("PRIO-NP-3", &format!("mean_wait_class{}", i + 1), wait);
    }
    let two = [PriorityClass::exponential(0.5, 1.0), PriorityClass::exponential(0.3, 1.0)];
    for (i, sojourn) in preemptive_sojourns(&two).into_iter().enumerate() {
        equal("PRIO-PR", &format!("mean_sojourn_class{}", i + 1), sojourn);
    }
}

#[test]
fn closed_networks() {
    for id in ["MVA-JAIN", "MVA-BOLCH83", "MVA-LINE3", "MRP-10"] {
        let get = |name: &str| case(id).parameter(name);
        let servers = get("servers").as_array().map(|_| numbers(get("servers")));
        let stations: Vec<ClosedStation> = numbers(get("demands"))
            .into_iter()
            .enumerate()
            .map(|(i, demand)| ClosedStation {
                demand,
                servers: Some(servers.as_ref().map_or(1, |s| s[i] as u32)),
            })
            .collect();
        let seen =
            mean_value_analysis(get("N").as_u64().unwrap() as u32, get("think").as_f64().unwrap(), &stations);
        equal(id, "throughput", seen.throughput);
        equal(id, "mean_response", seen.response);
        for (i, queue) in seen.queues.iter().enumerate() {
            equal(id, &format!("queue_{}", i + 1), *queue);
        }
    }
    let [a, b] = two_class_mean_value_analysis([1, 1], &[[1.0, 2.0], [3.0, 4.0]]);
    for (quantity, seen) in [
        ("X_A", a.throughput),
        ("X_B", b.throughput),
        ("Q_A_cpu", a.queues[0]),
        ("Q_B_disk", b.queues[1]),
        ("R_A_disk", a.residence[1]),
        ("R_B_disk", b.residence[1]),
    ] {
        equal("BCMP-LAZ", quantity, seen);
    }
}

#[test]
fn branches_and_choices() {
    for id in ["SG-INF-3", "SG-INF-100"] {
        let n = case(id).parameter("n").as_u64().unwrap() as u32;
        equal(id, "mean", exponential_order_statistic(n, n));
    }
    for id in ["QUORUM-2of3", "QUORUM-3of5", "QUORUM-4of7"] {
        let number = |name: &str| case(id).parameter(name).as_u64().unwrap() as u32;
        equal(id, "mean", exponential_order_statistic(number("k"), number("n")));
        let by = kth_of_n_by(number("k"), number("n"), 1.0 - (-expected(id, "p99")).exp());
        assert!((by - 0.99).abs() < 1e-8, "{id}: {by}");
    }
    equal("FJ-2", "mean_response", fork_join_mean(2, 0.8, 1.0));
    equal("FJ-4", "mean_response_NT", fork_join_mean(4, 0.5, 1.0));
    for d in [2, 3, 5] {
        for rho in [0.5, 0.7, 0.8, 0.9, 0.95, 0.99] {
            equal("POD-MEANFIELD", &format!("meanfield_T_d{d}_rho{rho}"), power_of_choices_mean(d, rho));
        }
    }
    for (busy, k) in [(60, 1), (60, 2), (95, 2), (95, 3)] {
        equal("NEEDLES", &format!("tries_m{busy}_k{k}"), looks_until_free(100, busy, k));
    }
    for (quantity, p, n) in [
        ("p01_n1", 0.01_f64, 1),
        ("p01_n10", 0.01, 10),
        ("p01_n100", 0.01, 100),
        ("p0001_n2000", 0.0001, 2000),
    ] {
        equal("TAIL-FANOUT", quantity, kth_of_n_by(1, n, p));
    }
}

/// Pauses between attempts: what the policy of every caller draws.
#[test]
fn backoff() {
    let id = "BACKOFF";
    let number = |name: &str| case(id).parameter(name).as_f64().unwrap();
    let policy = |base: f64, jitter: Jitter| Retry {
        attempts: 9,
        base: SimDuration::from_secs_f64(base),
        cap: SimDuration::from_secs_f64(number("cap")),
        multiplier: 2.0,
        jitter,
        on: RetryOn { timeout: true, ..RetryOn::default() },
        budget: None,
        honours_retry_after: false,
        repeats_sent: true,
        key: Key::root(1, 0),
    };
    // The case doubles before its first pause: 0.2, 0.4, ... 12.8, 20.
    let total = |jitter: Jitter, request: u64| -> f64 {
        let retry = policy(2.0 * number("base"), jitter);
        (0..8).map(|n| retry.pause(n, Key::root(2, request)).as_secs_f64()).sum()
    };
    assert!((total(Jitter::None, 0) - expected(id, "total_no_jitter")).abs() < 1e-9);
    let mean = |draw: &dyn Fn(u64) -> f64| (0..100_000).map(draw).sum::<f64>() / 100_000.0;
    let decorrelated = policy(number("base"), Jitter::Decorrelated);
    let pause = |n: u16| move |request: u64| decorrelated.pause(n, Key::root(3, request)).as_secs_f64();
    for (quantity, seen) in [
        ("mean_total_full_jitter", mean(&|r| total(Jitter::Full, r))),
        ("mean_total_equal_jitter", mean(&|r| total(Jitter::Equal, r))),
        ("mean_decorrelated_first", mean(&pause(0))),
        (
            "mean_decorrelated_second",
            mean(&{
                let decorrelated = policy(number("base"), Jitter::Decorrelated);
                move |r| decorrelated.pause(1, Key::root(3, r)).as_secs_f64()
            }),
        ),
    ] {
        let truth = expected(id, quantity);
        assert!((seen / truth - 1.0).abs() < 0.01, "{quantity}: {seen} for {truth}");
    }
    // What is tried again is what the policy names.
    let by = |status, reason| Outcome::error(status, ComponentId::at(0), reason);
    assert!(policy(1.0, Jitter::None).on.matches(by(0, Reason::Timeout)));
    assert!(!policy(1.0, Jitter::None).on.matches(by(503, Reason::BacklogFull)));
}
