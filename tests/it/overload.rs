//! What services do against more work than they can do: shedding, limits, the cost of refusing, serving less.

use proptest::prelude::*;

use crate::invariants::{conserved, runner};
use crate::model::{Runs, during, run};

fn mean(runs: &Runs, metric: &str) -> f64 {
    let values = runs.each(metric);
    values.iter().sum::<f64>() / values.len() as f64
}

/// One service under one client.
fn one(plan: &str, client: &str, service: &str) -> String {
    format!(
        "scenario: overload\nrun: {{{plan}}}\nclients:\n  c: {{{client}, to: s}}\n\
         components:\n  s: {{kind: service, {service}}}\n"
    )
}

/// Ten servers of exp(10 ms), 700 requests/s, 1500 for half a minute, patience of a second: the goodput of that
/// half minute for several lines (seeds 1 to 4 of the reference model: 84 to 107, and 986 to 1012).
#[test]
fn a_spike_is_served_by_whatever_gives_the_late_ones_up() {
    let spike = |line: &str| {
        let text = one(
            "duration: 90s, warmup: 0s, seed: 1, replications: 2",
            "rate: {steps: [0s 700/s, 60s 1500/s]}, timeout: 1s, mix: {GET /: 1}",
            &format!("workers: 10, {line}, endpoints: {{GET /: [sleep: exp(10ms)]}}"),
        );
        during(&text, &[(60.0, 90.0, "goodput")])[0]
    };
    let in_order = spike("discipline: fifo");
    assert!((80.0..115.0).contains(&in_order), "{in_order}");
    for line in ["backlog: 200", "discipline: lifo", "shed: {max_age: 500ms}", "shed: {adaptive_lifo: {}}"] {
        let goodput = spike(line);
        assert!((970.0..1025.0).contains(&goodput), "{line}: {goodput}");
    }
    // Made for flows that slow down when they lose something, as these callers do not.
    let codel = spike("shed: {codel: {}}");
    assert!((400.0..950.0).contains(&codel), "{codel}");
}

/// The same with three attempts without a pause: what sheds has recovered three minutes later.
#[test]
fn a_retry_storm_dies_where_the_late_are_shed() {
    let later = |line: &str| {
        let text = one(
            "duration: 300s, warmup: 0s, seed: 1, replications: 1",
            "rate: {steps: [0s 700/s, 60s 1500/s, 90s 700/s]}, timeout: 1s, retry: {attempts: 3}, mix: {GET /: 1}",
            &format!("workers: 10{line}, endpoints: {{GET /: [sleep: exp(10ms)]}}"),
        );
        during(&text, &[(260.0, 300.0, "goodput")])[0]
    };
    assert!(later("") < 10.0);
    for line in [", backlog: 200", ", shed: {max_age: 500ms}", ", shed: {adaptive_lifo: {}}"] {
        let goodput = later(line);
        assert!((680.0..725.0).contains(&goodput), "{line}: {goodput}");
    }
}

#[test]
fn the_lowest_class_is_dropped_first() {
    // 60/s of the first class and 200/s of the second at a server of 100/s.
    let text = |shed: &str| {
        one(
            "duration: 200s, warmup: 20s, seed: 1, replications: 2",
            "rate: 260/s, mix: {GET /: 60, GET /low: {weight: 200, priority: 1}}",
            &format!(
                "workers: 1, backlog: 20, discipline: priority{shed}, \
                 endpoints: {{GET /: [sleep: exp(10ms)], GET /low: [sleep: exp(10ms)]}}"
            ),
        )
    };
    let share = |runs: &Runs| {
        let both: Vec<(f64, f64)> = runs
            .replications
            .iter()
            .map(|r| {
                let [first, low] = &r.record.run().endpoints[..] else { panic!("two endpoints") };
                let share =
                    |e: &surgesim::metrics::EndpointCohort| e.errors as f64 / (e.errors + e.good) as f64;
                (share(first), share(low))
            })
            .collect();
        let n = both.len() as f64;
        (both.iter().map(|b| b.0).sum::<f64>() / n, both.iter().map(|b| b.1).sum::<f64>() / n)
    };
    // Whoever finds the line full is turned away, whatever its class: 160 of 260.
    let (first, low) = share(&run(&text("")));
    assert!((first - 0.615).abs() < 0.02 && (low - 0.615).abs() < 0.02, "{first} {low}");
    // M/M/1/21 at 0.6 alone: 0.6^21 x 0.4 = 9e-6 are lost; the others share what is left, 40 of 200.
    let runs = run(&text(", shed: {lowest_first: true}"));
    let (first, low) = share(&runs);
    assert!(first < 0.0005 && (low - 0.8).abs() < 0.015, "{first} {low}");
    assert!((mean(&runs, "errors.from.s") - mean(&runs, "rate_503")).abs() < 1e-12);
}

#[test]
fn a_fixed_limit_without_a_line_is_erlangs() {
    // ERLB-10: 8 Erlang at ten places.
    let runs = run(&one(
        "duration: 5000s, warmup: 100s, seed: 1, replications: 4, bucket: 500s",
        "rate: 8/s, mix: {GET /: 1}",
        "concurrency: {fixed: 10}, endpoints: {GET /: [sleep: exp(1s)]}",
    ));
    assert!((mean(&runs, "rate_503") - 0.121_661).abs() < 0.006, "{}", mean(&runs, "rate_503"));
    assert_eq!(mean(&runs, "s.limit"), 10.0);
    assert!((mean(&runs, "s.limit.in_flight") - 8.0 * (1.0 - 0.121_661)).abs() < 0.1);
}

#[test]
fn limits_find_the_load_that_can_be_served() {
    for rule in ["aimd: {min: 5, timeout: 200ms}", "vegas: {}", "gradient: {}", "envoy: {measure_every: 10s}"]
    {
        let text = |rate: u32, instances: u32| {
            one(
                "duration: 60s, warmup: 20s, seed: 1, replications: 1",
                &format!("rate: {rate}/s, timeout: 1s, mix: {{GET /: 1}}"),
                &format!(
                    "instances: {instances}, workers: 10, concurrency: {{{rule}}}, \
                     endpoints: {{GET /: [sleep: \"uniform(5ms, 15ms)\"]}}"
                ),
            )
        };
        let busy = run(&text(2000, 1));
        assert!(mean(&busy, "goodput") > 850.0, "{rule}: {}", mean(&busy, "goodput"));
        assert!(mean(&busy, "mean") < 0.25, "{rule}: {}", mean(&busy, "mean"));
        assert!(mean(&busy, "s.limit") >= 3.0);
        let calm = run(&text(800, 2));
        assert!(mean(&calm, "goodput") > 740.0, "{rule}: {}", mean(&calm, "goodput"));
        // Two instances have two limits, and the name stands for both.
        let each = mean(&calm, "s[0].limit") + mean(&calm, "s[1].limit");
        assert!((each - mean(&calm, "s.limit")).abs() < 1e-9 * each);
    }
}

#[test]
fn admission_control_refuses_what_would_mostly_fail() {
    // Half of what is let in fails: 1 - 0.5 / 0.95 of all is refused, whatever the load.
    let runs = run(&one(
        "duration: 400s, warmup: 60s, seed: 1, replications: 2",
        "rate: 100/s, mix: {GET /: 1}",
        "admission: {}, endpoints: {GET /: [{sleep: 5ms}, {if: {p: 50%, then: [reply: 500]}}]}",
    ));
    let refused = 1.0 - 0.5 / 0.95;
    assert!((mean(&runs, "rate_503") - refused).abs() < 0.02, "{}", mean(&runs, "rate_503"));
    assert!((mean(&runs, "errors.500") - (1.0 - refused) / 2.0).abs() < 0.02);
    // Never more than 80 %, and nobody while 95 % succeed.
    let of = |p: &str| {
        mean(
            &run(&one(
                "duration: 200s, warmup: 60s, seed: 1, replications: 2",
                "rate: 100/s, mix: {GET /: 1}",
                &format!("admission: {{}}, endpoints: {{GET /: [{{if: {{p: {p}, then: [reply: 500]}}}}]}}"),
            )),
            "rate_503",
        )
    };
    assert!((of("100%") - 0.8).abs() < 0.01);
    assert!(of("1%") < 0.001);
}

/// One core, 10 ms each, a short line: of 1000 requests/s g are served and the others refused for c each, so that
/// g x 10 ms + (1000 - g) x c = 1.
#[test]
fn refusing_costs_capacity() {
    let goodput = |limit: &str, cost: &str| {
        mean(
            &run(&one(
                "duration: 60s, warmup: 10s, seed: 1, replications: 2",
                "rate: 1000/s, mix: {GET /: 1}",
                &format!("workers: 1, {limit}{cost}, endpoints: {{GET /: [cpu: exp(10ms)]}}"),
            )),
            "goodput",
        )
    };
    for limit in ["backlog: 10", "concurrency: {fixed: 10}", "shed: {max_age: 50ms}"] {
        let free = goodput(limit, "");
        assert!((free - 100.0).abs() < 3.0, "{limit}: {free}");
        let at_half = goodput(limit, ", reject_cost: 0.5ms");
        assert!((at_half - 0.5 / 0.0095).abs() < 2.5, "{limit}: {at_half}");
    }
    let none = goodput("backlog: 10", ", reject_cost: 1ms");
    assert!(none < 5.0, "{none}");
    // The limiter's refusals are paid for too.
    let runs = run(&one(
        "duration: 60s, warmup: 10s, seed: 1, replications: 2",
        "rate: 500/s, mix: {GET /: 1}",
        "rate_limit: {rate: 20/s}, reject_cost: 1ms, endpoints: {GET /: [cpu: 10ms]}",
    ));
    assert!((mean(&runs, "s.cpu") - (20.0 * 0.01 + 480.0 * 0.001)).abs() < 0.01, "{}", mean(&runs, "s.cpu"));
}

/// 100 requests/s of 20 ms at one core: twice what it can do, unless whoever comes when it is loaded gets less.
#[test]
fn serving_less_when_loaded_serves_everybody() {
    let text = |rate: u32, steps: &str| {
        one(
            "duration: 200s, warmup: 20s, seed: 1, replications: 2",
            &format!("rate: {rate}/s, timeout: 2s, mix: {{GET /: 1}}"),
            &format!("workers: 20, endpoints: {{GET /: [{steps}]}}"),
        )
    };
    let less = "{if: {load: 40%, then: [cpu: exp(2ms)], else: [cpu: exp(20ms)]}}";
    let (full, degrading) = (run(&text(100, "cpu: exp(20ms)")), run(&text(100, less)));
    assert!(mean(&full, "goodput") < 10.0, "{}", mean(&full, "goodput"));
    assert!(mean(&degrading, "availability") > 0.999);
    // d of the requests cost 2 ms and the others 20 ms: at least 5/9 must be degraded, a little less where fewer come.
    let degraded = mean(&degrading, "degraded");
    assert!((0.53..0.7).contains(&degraded), "{degraded}");
    let calm = run(&text(10, less));
    assert!(mean(&calm, "degraded") < 0.001);
}

#[test]
fn whoever_comes_back_is_slow_at_first() {
    let text = one(
        "duration: 300s, warmup: 0s, seed: 1, replications: 1",
        "rate: 5/s, arrivals: deterministic, mix: {GET /: 1}",
        "warm: {slowdown: 3x, over: 60s}, endpoints: {GET /: [cpu: 10ms]}",
    ) + "faults: [{at: 100s, kill: s, restart_after: 20s}]\n";
    let windows =
        [(0.0, 100.0, "mean"), (120.5, 122.5, "mean"), (150.1, 152.9, "mean"), (181.0, 300.0, "mean")];
    let seen = during(&text, &windows);
    let expected = [0.01, 0.0295, 0.0195, 0.01];
    for (seen, expected) in seen.iter().zip(expected) {
        assert!((seen / expected - 1.0).abs() < 0.01, "{seen} for {expected}");
    }
}

/// 50 requests/s of 1 ms beside one a second of 50 ms, at one core.
#[test]
fn one_long_callback_blocks_an_event_loop_and_no_shared_core() {
    let text = |workers: &str| {
        one(
            "duration: 300s, warmup: 0s, seed: 1, replications: 1",
            "rate: 51/s, mix: {GET /: 50, GET /report: 1}",
            &format!("workers: {workers}, endpoints: {{GET /: [cpu: 1ms], GET /report: [cpu: 50ms]}}"),
        )
    };
    let (blocked, shared) = (run(&text("event_loop")), run(&text("none")));
    // A twentieth of them come while the long one computes, and wait for what is left of it.
    assert!(mean(&blocked, "p99(GET /)") > 0.035, "{}", mean(&blocked, "p99(GET /)"));
    assert!(mean(&shared, "p99(GET /)") < 0.005, "{}", mean(&shared, "p99(GET /)"));
    assert!((mean(&blocked, "s.cpu") - mean(&shared, "s.cpu")).abs() < 0.001, "the work is the same");
}

/// The class is the client's, unless its mix says another.
#[test]
fn clients_have_a_class() {
    let text = "scenario: classes\nrun: {duration: 100s, warmup: 0s, seed: 1, replications: 1}\n\
                clients:\n  robots: {rate: 150/s, priority: 1, mix: {GET /: 1}, to: s}\n  \
                people: {rate: 50/s, mix: {GET /p: 1}, to: s}\n\
                components:\n  s: {kind: service, workers: 1, backlog: 10, discipline: priority, \
                shed: {lowest_first: true}, endpoints: {GET /: [sleep: exp(10ms)], GET /p: [sleep: exp(10ms)]}}\n";
    let runs = run(text);
    let [robots, people] = &runs.replications[0].record.run().endpoints[..] else { panic!("two endpoints") };
    assert!(people.errors * 200 < people.good, "{} of {}", people.errors, people.good);
    assert!((0.6..0.72).contains(&(robots.errors as f64 / robots.sent as f64)), "{}", robots.errors);
}

/// What is random here: every protection with its numbers, on a service that is lost and comes back meanwhile.
fn guarded() -> impl Strategy<Value = String> {
    let shed = prop_oneof![
        Just(String::new()),
        (1..50u32, 1..200u32)
            .prop_map(|(t, i)| format!(", shed: {{codel: {{target: {t}ms, interval: {i}ms}}}}")),
        (1..50u32, 1..200u32)
            .prop_map(|(s, u)| format!(", shed: {{adaptive_lifo: {{standing: {s}ms, usual: {u}ms}}}}")),
        (0..100u32).prop_map(|a| format!(", shed: {{max_age: {a}ms, codel: {{}}}}")),
        any::<bool>().prop_map(|p| format!(
            ", discipline: priority, preemptive: {p}, shed: {{lowest_first: true, max_age: 90ms}}"
        )),
    ];
    let concurrency = prop_oneof![
        Just(String::new()),
        (1..20u32).prop_map(|n| format!(", concurrency: {{fixed: {n}}}")),
        (1..20u32, 1..20u32, 0..100u32)
            .prop_map(|(a, b, c)| format!(", concurrency: {{aimd: {{initial: {a}, min: {b}, backoff: {c}%, timeout: {c}ms}}}}")),
        (1..20u32, 1..20u32).prop_map(|(a, b)| format!(", concurrency: {{vegas: {{initial: {a}, max: {b}}}}}")),
        (1..20u32, 0..9u32).prop_map(|(a, b)| format!(", concurrency: {{gradient: {{initial: {a}, min: 1, queue: {b}, window: {a}}}}}")),
        (1..9u32, 1..400u32).prop_map(|(a, b)| format!(
            ", concurrency: {{envoy: {{min: {a}, measure_every: {b}ms, measure_requests: {a}, every: {a}ms}}}}"
        )),
    ];
    let admission = prop_oneof![
        Just(String::new()),
        (1..4000u32, 0..101u32).prop_map(|(w, m)| format!(
            ", admission: {{window: {w}ms, threshold: {m}%, max_rejection: {m}%, aggression: 2}}"
        )),
    ];
    let rest = (
        any::<u32>(),
        0..6u32,
        proptest::option::of(0..9u32),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        1..4u32,
    );
    (shed, concurrency, admission, rest).prop_map(
        |(shed, concurrency, admission, (seed, workers, backlog, cost, limit, release, attempts))| {
            let workers = ["event_loop".to_owned(), "none".to_owned()]
                .into_iter()
                .nth(workers as usize)
                .unwrap_or_else(|| (workers - 1).to_string());
            let mut service = format!("workers: {workers}{shed}{concurrency}{admission}");
            if let Some(backlog) = backlog {
                service += &format!(", backlog: {backlog}");
            }
            if cost {
                service += ", reject_cost: exp(1ms)";
            }
            if limit {
                service += ", rate_limit: {rate: 60/s, burst: 4, algorithm: leaky_bucket}";
            }
            if release {
                service += ", release_while_waiting: true";
            }
            format!(
                "scenario: guarded\nrun: {{duration: 4s, warmup: 0s, seed: {seed}, replications: 2}}\n\
                 data: {{row: {{rows: 3}}}}\n\
                 clients:\n  c: {{rate: 120/s, timeout: 100ms, cancel: true, retry: {{attempts: {attempts}}}, \
                 mix: {{GET /: 3, GET /low: {{weight: 1, priority: 1}}}}, to: s}}\n\
                 components:\n  s: {{kind: service, instances: 2, warm: {{over: 1s}}, {service}, endpoints: {{\
                 GET /: [{{cpu: exp(9ms)}}, {{lock: {{row: row, steps: [{{call: {{to: b, endpoint: GET /, timeout: 50ms}}}}]}}}}], \
                 GET /low: [{{if: {{load: 80%, then: [sleep: 1ms], else: [sleep: exp(30ms)]}}}}, \
                 {{parallel: {{wait: any, steps: [[{{cpu: 5ms}}], [{{sleep: 4ms}}]]}}}}]}}}}\n  \
                 b: {{kind: service, workers: 1, backlog: 3, endpoints: {{GET /: [sleep: exp(10ms)]}}}}\n\
                 faults:\n  - {{at: 1s, kill: \"s[0]\", restart_after: 500ms}}\n  \
                 - {{at: 2s, restart: {{target: \"s[1]\", grace: 100ms, boot: 100ms}}}}\n  \
                 - {{at: 3s, slow: {{target: s, by: 3x, for: 200ms}}}}\n"
            )
        },
    )
}

#[test]
fn whatever_protects_everybody_is_accounted_for() {
    runner(150)
        .run(&guarded(), |text| {
            conserved(&run(&text));
            Ok(())
        })
        .unwrap();
}
