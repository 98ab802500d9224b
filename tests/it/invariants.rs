//! What holds of any model and any seed, on random small scenarios.
//!
//! The scenarios are drawn from a fixed stream, so that a run of the tests is repeatable.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::model::{Runs, run};

pub fn runner(cases: u32) -> TestRunner {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config { cases, failure_persistence: None, ..Config::default() }, rng)
}

/// A small system: clients with limits and retries, a balancer, a service, a store.
#[derive(Clone, Debug)]
struct System {
    seed: u64,
    loop_: usize,
    rate: u32,
    timeout: Option<u32>,
    cancel: bool,
    attempts: u32,
    workers: Option<u32>,
    backlog: Option<u32>,
    discipline: usize,
    preemptive: bool,
    max_wait: Option<u32>,
    algorithm: usize,
    instances: u32,
    pool: u32,
}

fn systems() -> impl Strategy<Value = System> {
    let client =
        (any::<u64>(), 0..3usize, 5..60u32, proptest::option::of(20..400u32), any::<bool>(), 1..4u32);
    let service = (
        proptest::option::of(1..5u32),
        proptest::option::of(0..6u32),
        0..4usize,
        any::<bool>(),
        proptest::option::of(10..200u32),
    );
    let rest = (0..4usize, 1..4u32, 1..4u32);
    (client, service, rest).prop_map(
        |(
            (seed, loop_, rate, timeout, cancel, attempts),
            (workers, backlog, discipline, preemptive, max_wait),
            (algorithm, instances, pool),
        )| System {
            seed: seed >> 1,
            loop_,
            rate,
            timeout,
            cancel,
            attempts,
            workers,
            backlog,
            discipline,
            preemptive,
            max_wait,
            algorithm,
            instances,
            pool,
        },
    )
}

/// The system's scenario, all times multiplied by `scale`.
fn text(system: &System, scale: u32) -> String {
    let ms = |n: u32| format!("{}ms", n * scale);
    let load = match system.loop_ {
        0 => format!("rate: {}/s", f64::from(system.rate) / f64::from(scale)),
        1 => format!(
            "sessions: {}/s, session: {{requests: geom(3), think: exp({})}}",
            f64::from(system.rate) / 3.0 / f64::from(scale),
            ms(100)
        ),
        _ => format!("users: {}, think: exp({})", system.rate, ms(500)),
    };
    let option =
        |key: &str, value: Option<String>| value.map(|v| format!(", {key}: {v}")).unwrap_or_default();
    let discipline = ["fifo", "lifo", "priority", "processor_sharing"][system.discipline];
    let preemptive = system.preemptive && discipline == "priority";
    let algorithm = ["round_robin", "random", "least_connections", "power_of_two_choices"][system.algorithm];
    format!(
        "scenario: random\n\
         run: {{duration: {duration}s, warmup: 0s, seed: {seed}, replications: 2, bucket: {bucket}s}}\n\
         data: {{row: {{rows: 10}}}}\n\
         clients:\n  c: {{{load}{timeout}{cancel}, retry: {{attempts: {attempts}, backoff: {backoff}, jitter: full}}, \
         mix: {{GET /: 3, GET /low: {{weight: 1, priority: 1}}}}, to: lb}}\n\
         components:\n  lb: {{kind: load_balancer, algorithm: {algorithm}, to: s}}\n  \
         s: {{kind: service, cpu: 1, instances: {instances}, workers: {workers}, discipline: {discipline}, preemptive: {preemptive}\
         {backlog}{max_wait}, pools: {{db: {{size: {pool}, wait: {pool_wait}}}}}, endpoints: {{\
         GET /: [{{cpu: exp({cpu})}}, {{query: db.read(row)}}, {{if: {{p: 10%, then: [reply: 500]}}}}], \
         GET /low: [{{sleep: exp({sleep})}}, {{parallel: {{wait: any, steps: [[{{query: db.read(row)}}], [{{sleep: {cpu}}}]]}}}}]}}}}\n  \
         db: {{kind: database, cpu: 1, queries: {{read: {{read: row, cpu: exp({query}), lock: row}}}}}}\n",
        duration = 4 * scale,
        bucket = scale,
        seed = system.seed,
        timeout = option("timeout", system.timeout.map(ms)),
        cancel = if system.cancel { ", cancel: true" } else { "" },
        attempts = system.attempts,
        backoff = ms(10),
        instances = system.instances,
        workers = system.workers.map_or("none".to_owned(), |n| n.to_string()),
        backlog = option("backlog", system.backlog.map(|n| n.to_string())),
        max_wait = option("max_wait", system.max_wait.map(ms)),
        pool = system.pool,
        pool_wait = ms(200),
        cpu = ms(20),
        sleep = ms(30),
        query = ms(10),
    )
}

/// Whoever arrived was answered, failed, gave up, or is still there; so for every visit.
pub fn conserved(runs: &Runs) {
    for replication in &runs.replications {
        let total = replication.record.total();
        let failed: u64 = total.errors.iter().map(|(_, n)| n).sum();
        assert_eq!(total.finished, total.good + failed);
        assert!(total.abandoned <= failed && total.sent >= total.finished);
        let cohort = replication.record.run();
        assert_eq!(cohort.sent(), total.sent);
        assert_eq!(cohort.ended(), total.finished);
        let calls = replication.calls;
        assert_eq!(calls.opened, calls.closed + calls.in_flight);
        // Every attempt is a visit to the balancer.
        let attempts: u64 = total.sent + total.reattempted;
        assert!(total.calls_opened >= attempts, "{} visits for {attempts} attempts", total.calls_opened);
        // The resources never serve more than they have.
        for row in &replication.record.rows {
            for usage in &row.usage {
                assert!(usage.busy <= usage.servers * (1.0 + 1e-12) || usage.servers == 0.0);
                assert!(usage.busy <= usage.present * (1.0 + 1e-12));
            }
        }
    }
}

#[test]
fn what_arrives_is_accounted_for() {
    runner(60)
        .run(&systems(), |system| {
            conserved(&run(&text(&system, 1)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_same_scenario_gives_the_same_run() {
    runner(10)
        .run(&systems(), |system| {
            let model = crate::model::model(&text(&system, 1));
            let print = || surgesim::experiment::simulation::fingerprint(&model, 1);
            prop_assert_eq!(print(), print());
            Ok(())
        })
        .unwrap();
}

/// With all times ten times as long, the same requests take ten times as long. Nanoseconds of rounding grow in a
/// crowd that shares cores, so the runs are a few seconds.
#[test]
fn time_has_no_scale() {
    runner(25)
        .run(&systems(), |system| {
            let (short, long) = (run(&text(&system, 1)), run(&text(&system, 10)));
            for (a, b) in short.replications.iter().zip(&long.replications) {
                let (a, b) = (a.record.total(), b.record.total());
                prop_assert_eq!((a.sent, a.good, &a.errors), (b.sent, b.good, &b.errors));
            }
            for metric in ["mean", "max"] {
                let value = |runs: &Runs| crate::model::value(runs, 0, metric).number();
                if let (Some(a), Some(b)) = (value(&short), value(&long)) {
                    prop_assert!((10.0 * a / b - 1.0).abs() < 1e-4, "{metric}: {a} and {b}");
                }
            }
            Ok(())
        })
        .unwrap();
}

/// Work conserved: whoever is first, the cores are as busy with the same customers.
#[test]
fn the_order_of_service_changes_no_busy_time() {
    let busy = |discipline: &str| {
        run(&format!(
            "scenario: order\nrun: {{duration: 5000s, warmup: 0s, seed: 4, replications: 2, bucket: 500s}}\n\
             clients:\n  c: {{rate: {{steps: [0s 0.8/s, 4000s 0/s]}}, mix: {{GET /: 1, GET /b: {{weight: 1, priority: 1}}}}, to: s}}\n\
             components:\n  s: {{kind: service, workers: 1, {discipline}, endpoints: {{GET /: [cpu: exp(1s)], GET /b: [cpu: exp(1s)]}}}}\n"
        ))
        .each("s.cpu")
    };
    let fifo = busy("discipline: fifo");
    for other in ["discipline: lifo", "discipline: priority", "discipline: priority, preemptive: true"] {
        for (a, b) in fifo.iter().zip(busy(other)) {
            assert!((a - b).abs() < 1e-6, "{other}: {b} for {a}");
        }
    }
}

/// The mean under processor sharing does not depend on the shape of service.
#[test]
fn sharing_is_insensitive() {
    for (load, seed) in [(0.3, 1), (0.5, 2), (0.65, 3)] {
        for work in
            ["1s", "exp(1s)", "uniform(0s, 2s)", "lognormal(mean=1s, cv=1.5)", "mix(90%=500ms, 10%=5500ms)"]
        {
            let runs = run(&format!(
                "scenario: shape\nrun: {{duration: 20000s, warmup: 10%, seed: {seed}, replications: 10, bucket: 2000s}}\n\
                 clients:\n  c: {{rate: {load}/s, mix: {{GET /: 1}}, to: s}}\n\
                 components:\n  s: {{kind: service, workers: none, cpu: 1, endpoints: {{GET /: [cpu: \"{work}\"]}}}}\n"
            ));
            let values = runs.each("mean");
            let mean = values.iter().sum::<f64>() / 10.0;
            let error = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 90.0).sqrt();
            let truth = 1.0 / (1.0 - load);
            // 4.78: the 99.9 % point of Student's t with nine degrees of freedom.
            assert!(
                (mean - truth).abs() < 4.78 * error && error < 0.03 * truth,
                "{work} at {load}: {mean} +- {error}"
            );
        }
    }
}

/// Identical servers in another order: other luck, the same law.
#[test]
fn the_order_of_identical_servers_does_not_matter() {
    for algorithm in ["round_robin", "random", "least_connections", "power_of_two_choices"] {
        let means = |order: [&str; 3]| {
            let names: Vec<String> = order.iter().map(|name| format!("{name}: 1")).collect();
            let servers: String = order
                .iter()
                .map(|name| {
                    format!(
                        "  {name}: {{kind: service, workers: 1, endpoints: {{GET /: [sleep: exp(1s)]}}}}\n"
                    )
                })
                .collect();
            run(&format!(
                "scenario: order\nrun: {{duration: 10000s, warmup: 10%, seed: 5, replications: 10, bucket: 1000s}}\n\
                 clients:\n  c: {{rate: 2/s, mix: {{GET /: 1}}, to: lb}}\n\
                 components:\n  lb: {{kind: load_balancer, algorithm: {algorithm}, to: {{{}}}}}\n{servers}",
                names.join(", ")
            ))
            .each("mean")
        };
        let (one, other) = (means(["a", "b", "c"]), means(["c", "a", "b"]));
        let differences: Vec<f64> = one.iter().zip(&other).map(|(x, y)| x - y).collect();
        let mean = differences.iter().sum::<f64>() / 10.0;
        let error = (differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 90.0).sqrt();
        assert!(mean.abs() <= 4.78 * error, "{algorithm}: {mean} +- {error}");
    }
}

/// X <= min(N / (D + Z), 1 / D) and R >= max(D, N D - Z): operational bounds of a closed loop.
#[test]
fn closed_loops_keep_within_their_bounds() {
    for users in [1_u32, 5, 20, 50] {
        let runs = run(&format!(
            "scenario: bounds\nrun: {{duration: 2000s, warmup: 10%, seed: 6, replications: 4, bucket: 200s}}\n\
             clients:\n  c: {{users: {users}, think: exp(1s), mix: {{GET /: 1}}, to: s}}\n\
             components:\n  s: {{kind: service, workers: 1, endpoints: {{GET /: [sleep: exp(100ms)]}}}}\n"
        ));
        let n = f64::from(users);
        for (x, r) in runs.each("throughput").into_iter().zip(runs.each("mean")) {
            assert!(x <= (n / 1.1).min(10.0) * 1.05, "{users}: {x}");
            assert!(r >= (n * 0.1 - 1.0).max(0.1) * 0.95, "{users}: {r}");
            // Each waits or thinks: N = X (R + Z).
            assert!((x * (r + 1.0) / n - 1.0).abs() < 0.06, "{users}: {x} {r}");
        }
    }
}
