//! What callers do beyond waiting: budgets, throttles, bulkheads, hedges, deadlines that callees know.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use surgesim::experiment::simulation::fingerprint;

use crate::model::{Runs, during, model, read, run};

fn mean(runs: &Runs, metric: &str) -> f64 {
    let values = runs.each(metric);
    values.iter().sum::<f64>() / values.len() as f64
}

/// One client of one service.
fn one(run: &str, client: &str, service: &str) -> String {
    format!(
        "
scenario: callers
run: {{{run}}}
clients: {{web: {{{client}, mix: {{GET /: 1}}, to: app}}}}
components: {{app: {{kind: service, {service}}}}}
"
    )
}

/// A client, a service whose one step is this call, and whom it calls.
fn two(run: &str, client: &str, options: &str, back: &str) -> String {
    format!(
        "
scenario: callers
run: {{{run}}}
clients: {{web: {{{client}, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, endpoints: {{GET /: [{{call: {{to: back, {options}}}}}]}}}}
  back: {{kind: service, {back}}}
"
    )
}

#[test]
fn budgets_allow_what_their_products_do() {
    // Every attempt fails after a second; 20,000 requests. Retries by request, by each product's rule.
    for (budget, expected, off) in [
        ("aws", 100.0 / 20_000.0, 1e-9),
        ("aws-2.1", 35.0 / 20_000.0, 1e-9),
        // The fifth failure leaves five of ten tokens.
        ("grpc", 4.0 / 20_000.0, 1e-9),
        ("finagle", 0.2 + 10.0 / 100.0, 0.01),
        ("google-sre", 0.1, 0.005),
        // Three at once, each for a second.
        ("envoy", 3.0 / 100.0, 0.002),
        // A fifth of the requests under way, of which each retry keeps one a second longer: 0.2 (1 + r) = r.
        ("envoy-budget", 0.25, 0.02),
        ("{form: aws, tokens: 50}", 10.0 / 20_000.0, 1e-9),
        ("{form: envoy, concurrent: 10}", 0.1, 0.005),
        ("{form: finagle, share: 50%, rate: 0/s}", 0.5, 0.01),
    ] {
        let runs = run(&one(
            "duration: 200s, warmup: 0s, seed: 1, replications: 1",
            &format!("rate: 100/s, arrivals: deterministic, retry: {{attempts: 3, budget: {budget}}}"),
            "endpoints: {GET /: [sleep: 1s, reply: 500]}",
        ));
        let retries = runs.replications[0].record.total();
        let retries = retries.reattempted as f64 / retries.sent as f64;
        assert!((retries - expected).abs() <= off + 1e-4, "{budget}: {retries} for {expected}");
    }
}

#[test]
fn a_quota_per_instance_is_not_the_quota_of_the_fleet() {
    let retries = |instances: u32| {
        let text = two(
            "duration: 100s, warmup: 0s, seed: 1, replications: 1",
            "rate: 100/s",
            "retry: {attempts: 2, budget: aws}",
            "endpoints: {GET /: [reply: 500]}",
        );
        let text =
            text.replace("app: {kind: service,", &format!("app: {{kind: service, instances: {instances},"));
        let runs = run(&text);
        let total = runs.replications[0].calls.opened as f64;
        total - 3.0 * runs.replications[0].record.total().sent as f64
    };
    assert_eq!([retries(1), retries(3)], [100.0, 300.0]);
}

#[test]
fn retry_presets_are_laid_under_what_is_written() {
    let retries = |retry: &str| {
        let runs = run(&one(
            "duration: 100s, warmup: 0s, seed: 1, replications: 1",
            &format!("rate: 100/s, retry: {retry}"),
            "endpoints: {GET /: [reply: 503]}",
        ));
        runs.replications[0].record.total().reattempted
    };
    assert_eq!(retries("aws-sdk"), 100);
    assert_eq!(retries("grpc"), 4);
    assert_eq!(retries("{preset: grpc, budget: {form: grpc, tokens: 100}}"), 49);
    let both = retries("resilience4j");
    assert!((19_800..=20_600).contains(&both), "two retries each: {both}");
    assert!(
        read(&one("duration: 1s", "rate: 1/s, retry: grcp", "")).unwrap_err().contains("did you mean `grpc`")
    );
}

#[test]
fn a_throttled_client_sends_twice_what_is_accepted() {
    let runs = run(&one(
        "duration: 600s, warmup: 300s, seed: 1, replications: 2",
        "rate: 200/s, throttle: {k: 2, window: 1m}",
        "rate_limit: {rate: 20/s, burst: 20}, endpoints: {GET /: [sleep: 1ms]}",
    ));
    // Twenty are accepted, twenty refused, and the rest never sent.
    assert!((mean(&runs, "goodput") - 20.0).abs() < 1.0, "{}", mean(&runs, "goodput"));
    assert!((mean(&runs, "errors.429") - 0.1).abs() < 0.02, "{}", mean(&runs, "errors.429"));
    assert!((mean(&runs, "errors.from.web") - 0.8).abs() < 0.02, "{}", mean(&runs, "errors.from.web"));
}

#[test]
fn a_full_bulkhead_turns_away_as_erlang_says_and_its_line_has_patience() {
    let plan = "duration: 20000s, warmup: 100s, seed: 1, replications: 2";
    let refused = |bulkhead: &str, rate: &str| {
        let options = format!("bulkhead: {bulkhead}");
        let runs =
            run(&two(plan, &format!("rate: {rate}"), &options, "endpoints: {GET /: [sleep: exp(1s)]}"));
        mean(&runs, "errors.503")
    };
    // ERLB-10: 8 Erlang offered to ten places.
    let full = refused("{concurrent: 10}", "8/s");
    assert!((full - 0.121_661).abs() < 0.004, "{full}");
    // M/M/10 with a patience of a second (theory's TIMEOUT-D-10-12).
    let expected = crate::theory::expected("TIMEOUT-D-10-12", "prob_timeout");
    let late = refused("{concurrent: 10, wait: 1s}", "12/s");
    assert!((late - expected).abs() < 0.01, "{late} for {expected}");
    // M/M/10/15: a line of five.
    let (a, c): (f64, f64) = (12.0, 10.0);
    let mut terms = vec![1.0];
    for n in 1..=15 {
        let last = terms[n - 1];
        terms.push(last * a / (n as f64).min(c));
    }
    let expected = terms[15] / terms.iter().sum::<f64>();
    let full = refused("{concurrent: 10, queue: 5}", "12/s");
    assert!((full - expected).abs() < 0.01, "{full} for {expected}");
    let caught = two(
        "duration: 100s, seed: 1, replications: 1",
        "rate: 12/s",
        "bulkhead: {concurrent: 1}, fallback: [reply: 202]",
        "endpoints: {GET /: [sleep: exp(1s)]}",
    );
    assert_eq!(mean(&run(&caught), "availability"), 1.0, "the fallback answers");
}

#[test]
fn a_hedge_cuts_the_tail_and_its_cap_holds() {
    let hedged = |hedge: &str| {
        run(&one(
            "duration: 4000s, warmup: 100s, seed: 1, replications: 2",
            &format!("rate: 50/s, cancel: running{hedge}"),
            "endpoints: {GET /: [sleep: exp(1s)]}",
        ))
    };
    // HEDGE-EXP: mean 0.975, p99 3.800, 5 % more requests.
    for after in ["2995.732ms", "p95"] {
        let runs = hedged(&format!(", hedge: {{after: {after}}}"));
        let (center, tail, attempts) =
            (mean(&runs, "mean"), mean(&runs, "p99"), mean(&runs, "attempts_per_request"));
        assert!((center - 0.975).abs() < 0.012, "{after}: {center}");
        assert!((tail / 3.800_451 - 1.0).abs() < 0.025, "{after}: {tail}");
        assert!((attempts - 1.05).abs() < 0.004, "{after}: {attempts}");
    }
    let capped = hedged(", hedge: {after: 100ms, budget: 2%}");
    assert!((mean(&capped, "attempts_per_request") - 1.02).abs() < 0.002);
    // Three at once from the start: the least of three.
    let three = hedged(", hedge: {after: 0s, max: 3}");
    assert!((mean(&three, "mean") - 1.0 / 3.0).abs() < 0.01, "{}", mean(&three, "mean"));
    assert!((mean(&three, "attempts_per_request") - 3.0).abs() < 0.01);
}

#[test]
fn a_bad_answer_of_a_copy_does_not_count_while_another_is_out() {
    // Half of the attempts fail after a second; copies after 100 ms: one of two must be good.
    let runs = run(&one(
        "duration: 400s, warmup: 0s, seed: 1, replications: 2",
        "rate: 50/s, hedge: {after: 100ms}",
        "endpoints: {GET /: [sleep: 1s, {if: {p: 50%, then: [reply: 500]}}]}",
    ));
    assert!((mean(&runs, "availability") - 0.75).abs() < 0.01, "{}", mean(&runs, "availability"));
}

#[test]
fn what_is_not_idempotent_is_hedged_and_repeated_only_if_that_is_said() {
    let attempts = |options: &str| {
        let text = one(
            "duration: 200s, warmup: 0s, seed: 1, replications: 1",
            &format!("rate: 50/s, {options}"),
            "endpoints: {POST /: [sleep: 1s, reply: 500]}",
        );
        mean(&run(&text.replace("GET /", "POST /")), "attempts_per_request")
    };
    assert_eq!(attempts("hedge: {after: 100ms}"), 1.0);
    assert!(attempts("hedge: {after: 100ms, non_idempotent: true}") > 1.98);
    assert!(attempts("retry: {attempts: 2}") > 1.98);
    assert_eq!(attempts("retry: {attempts: 2, non_idempotent: false}"), 1.0);
}

#[test]
fn callees_stop_when_the_deadline_they_were_told_has_passed() {
    // Five seconds of work for a caller that leaves after one: 50 or 10 at work, of 100.
    let busy = |client: &str, options: &str| {
        let back = "workers: 100, endpoints: {GET /: [sleep: 5s]}";
        let text = two(
            "duration: 400s, warmup: 50s, seed: 1, replications: 2",
            &format!("rate: 10/s, {client}"),
            options,
            back,
        );
        let runs = run(&text);
        for replication in &runs.replications {
            let calls = replication.calls;
            assert_eq!(calls.opened, calls.closed + calls.in_flight);
        }
        mean(&runs, "back.utilisation")
    };
    for (client, options, expected) in [
        ("deadline: 1s", "timeout: 20s", 0.5),
        ("deadline: 1s, propagate: true", "timeout: 20s", 0.5),
        ("deadline: 1s, propagate: true", "timeout: 20s, propagate: true", 0.1),
        ("timeout: 1s, propagate: true", "propagate: true", 0.1),
        ("deadline: 1s, propagate: true", "timeout: 20s, cancel: running", 0.1),
        ("timeout: 1s, cancel: true", "cancel: running", 0.5),
        ("timeout: 1s, cancel: running", "timeout: 20s", 0.5),
        ("timeout: 1s, cancel: running", "cancel: running", 0.1),
        ("timeout: 9s", "deadline: 2s, propagate: true", 0.2),
    ] {
        let seen = busy(client, options);
        assert!((seen - expected).abs() < 0.02, "{client} / {options}: {seen} for {expected}");
    }
}

#[test]
fn a_told_deadline_passes_a_load_balancer_and_reaches_every_step() {
    // At a rate that the cores cannot serve, whoever is late is given up and the others are served in time.
    let text = |options: &str| {
        format!(
            "
scenario: told
run: {{duration: 200s, warmup: 50s, seed: 1, replications: 2}}
clients: {{web: {{rate: 60/s, deadline: 1s{options}, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app}}
  app:
    kind: service
    cpu: 1
    workers: 40
    io: 2
    endpoints: {{GET /: [{{io: 1ms}}, {{parallel: {{steps: [[{{cpu: exp(10ms)}}], [{{cpu: exp(10ms)}}, {{sleep: 1ms}}]]}}}}]}}
"
        )
    };
    let (without, with) = (run(&text("")), run(&text(", propagate: true")));
    assert!(mean(&with, "goodput") > 3.0 * mean(&without, "goodput").max(1.0), "{}", mean(&with, "goodput"));
    assert!(mean(&with, "app.queue") < 30.0 && mean(&without, "app.queue") > 200.0);
    for replication in &with.replications {
        let calls = replication.calls;
        assert_eq!(calls.opened, calls.closed + calls.in_flight);
        assert!(calls.in_flight < 1_000, "{calls:?}");
    }
}

#[test]
fn a_retry_waits_as_long_as_the_answer_asks_for() {
    let latency = |retry: &str| {
        let runs = run(&one(
            "duration: 100s, warmup: 0s, seed: 1, replications: 1",
            &format!("rate: 10/s, retry: {{attempts: 2{retry}}}"),
            "endpoints: {GET /: [{if: {p: 50%, then: [reply: {status: 503, retry_after: 2s}]}}]}",
        ));
        mean(&runs, "max")
    };
    assert!(latency("") < 0.001);
    assert!((latency(", honour_retry_after: true") - 2.0).abs() < 0.04);
    // Twice what the limit lets through: told when to come again, all get through at the second attempt.
    let told = |retry: &str, tell: &str| {
        let client = format!("rate: 2/s, arrivals: {{batch: 10}}, retry: {{attempts: 6, on: [429]{retry}}}");
        let limit = format!("rate_limit: {{rate: 5/s, burst: 1{tell}}}, endpoints: {{GET /: [sleep: 1ms]}}");
        mean(
            &run(&one("duration: 400s, warmup: 0s, seed: 1, replications: 2", &client, &limit)),
            "availability",
        )
    };
    let (rash, patient) = (told("", ""), told(", honour_retry_after: true", ", retry_after: true"));
    assert!(rash < 0.2 && patient > 0.4, "{rash} {patient}");
}

#[test]
fn guards_that_never_act_leave_the_run_as_it_is() {
    let text = |options: &str| {
        model(&two(
            "duration: 60s, seed: 5, replications: 1",
            &format!("rate: 80/s, timeout: 2s{options}"),
            &format!("endpoint: GET /, timeout: 1s{options}"),
            "workers: 10, endpoints: {GET /: [sleep: exp(100ms)]}",
        ))
    };
    let plain = fingerprint(&text(""), 0);
    for unused in [
        ", breaker: {calls: 1000000}",
        ", bulkhead: {concurrent: 10000, queue: 10000}",
        ", hedge: {after: 10m}",
        ", retry: {attempts: 1, budget: aws}",
        ", breaker: {calls: 1000000}, bulkhead: {concurrent: 10000}, hedge: {after: 10m}",
    ] {
        assert_eq!(fingerprint(&text(unused), 0), plain, "{unused}");
    }
}

/// Whatever is combined, calls are conserved, requests are accounted for, and nothing panics.
#[test]
fn random_guards_keep_the_books() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner =
        TestRunner::new_with_rng(Config { cases: 40, max_shrink_iters: 0, ..Config::default() }, rng);
    let options = || {
        let budgets = ["5%", "aws", "grpc", "finagle", "envoy", "envoy-budget", "google-sre"];
        (
            proptest::option::of(1..60u32),
            proptest::option::of((1..5u32, 0..7usize, any::<bool>())),
            proptest::option::of((0..40u32, 2..5u32)),
            proptest::option::of((1..30u32, 0..50u32, 0..10u32)),
            (any::<bool>(), any::<bool>(), 0..3usize, any::<bool>()),
        )
            .prop_map(move |(timeout, retry, hedge, bulkhead, (throttle, breaker, cancel, deadline))| {
                let mut text = format!("cancel: {}", ["true", "false", "running"][cancel]);
                let mut add = |more: String| text.push_str(&format!(", {more}"));
                timeout.into_iter().for_each(|ms| add(format!("timeout: {ms}ms")));
                if let Some((attempts, budget, honour)) = retry {
                    let budget = budgets[budget];
                    add(format!("retry: {{attempts: {attempts}, budget: {budget}, backoff: 1ms..20ms, jitter: full, honour_retry_after: {honour}}}"));
                }
                hedge.into_iter().for_each(|(ms, max)| add(format!("hedge: {{after: {ms}ms, max: {max}}}")));
                if let Some((room, queue, wait)) = bulkhead {
                    add(format!("bulkhead: {{concurrent: {room}, queue: {queue}, wait: {wait}ms}}"));
                }
                if throttle {
                    add("throttle: {k: 1.5, window: 2s}".to_owned());
                }
                if breaker {
                    add("breaker: {calls: 20, open: 200ms, half_open: 3}".to_owned());
                }
                if deadline {
                    add("deadline: 50ms, propagate: true".to_owned());
                }
                text
            })
    };
    let seen = runner.run(&(any::<u32>(), options(), options(), options()), |(seed, client, call, query)| {
        let text = format!(
            "
scenario: random
run: {{duration: 200s, warmup: 0s, seed: {seed}, replications: 1, max_events: 5M}}
clients: {{web: {{rate: {{steps: [0s 300/s, 6s 0/s]}}, {client}, mix: {{GET /: 1}}, to: app}}}}
components:
  app:
    kind: service
    instances: 2
    workers: 20
    pools: {{db: {{size: 4, wait: 10ms}}}}
    endpoints:
      GET /:
        - parallel: {{steps: [[{{call: {{to: back, {call}}}}}], [{{cpu: exp(5ms)}}, {{sleep: 1ms}}]], on_error: [reply: 503]}}
        - query: db.look
          {}
          fallback: [reply: 202]
  back: {{kind: service, instances: 2, backlog: 10, workers: 4, rate_limit: {{rate: 200/s, retry_after: true}}, endpoints: {{GET /: [{{sleep: exp(20ms)}}]}}}}
  db: {{kind: database, cpu: 2, max_connections: 10, queries: {{look: {{cpu: exp(5ms)}}}}}}
faults: [{{at: 2s, kill: \"back[0]\", restart_after: 1s}}, {{at: 4s, hang: \"back[1]\", for: 500ms}}]
",
            query.replace(", ", "\n          ").replace(":\n          ", ": ")
        );
        // Options inside of braces stay on their line.
        let text = rejoin(&text);
        let runs = run(&text);
        let replication = &runs.replications[0];
        let calls = replication.calls;
        // Long after the last request nothing is left of any: no place, line or copy is leaked.
        prop_assert_eq!((calls.opened, calls.in_flight), (calls.closed, 0));
        let total = replication.record.total();
        prop_assert!(total.sent > 1_500 && total.finished == total.sent);
        Ok(())
    });
    seen.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Lines that a brace was cut over are one line again.
fn rejoin(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let open = |l: &String| l.matches('{').count() > l.matches('}').count();
        match lines.last_mut() {
            Some(last) if open(last) => {
                last.push_str(", ");
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Ten servers of 10 ms, 700 requests/s and 1500 for half a minute, a second of patience: the oracle.
fn storm(client: &str, service: &str) -> f64 {
    let text = one(
        "duration: 300s, warmup: 0s, seed: 1, replications: 2",
        &format!("rate: {{steps: [0s 700/s, 60s 1500/s, 90s 700/s]}}, timeout: 1s{client}"),
        &format!("workers: 10{service}, endpoints: {{GET /: [sleep: exp(10ms)]}}"),
    );
    during(&text, &[(260.0, 300.0, "goodput")])[0]
}

#[test]
fn a_storm_is_not_ended_by_pauses() {
    let seen = storm(", retry: {attempts: 3, backoff: 1s..20s, jitter: full}", "");
    assert!(seen < 7.0, "{seen}");
}

#[test]
fn a_storm_is_not_ended_by_leaving_the_line() {
    let seen = storm(", cancel: true, retry: {attempts: 3}", "");
    assert!((80.0..100.0).contains(&seen), "{seen}");
}

#[test]
fn a_storm_is_ended_by_short_lines() {
    let seen = storm(", retry: {attempts: 3}", ", backlog: 200");
    assert!((685.0..720.0).contains(&seen), "{seen}");
}

#[test]
fn a_storm_is_ended_by_giving_up_the_old() {
    let seen = storm(", retry: {attempts: 3}", ", max_wait: 500ms");
    assert!((685.0..720.0).contains(&seen), "{seen}");
}

#[test]
fn a_storm_is_ended_by_budgets_of_products() {
    for budget in ["finagle", "grpc"] {
        let seen = storm(&format!(", retry: {{attempts: 3, budget: {budget}}}"), "");
        assert!((685.0..720.0).contains(&seen), "{budget}: {seen}");
    }
}
