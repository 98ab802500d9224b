//! The mistakes that make toy simulators wrong, by their numbers in the list that this project keeps: a
//! test each. Those about caches, replicas and queues come with their kinds.

use surgesim::base::SimDuration;
use surgesim::metrics::LatencyDistribution;

use crate::model::{Runs, during, run};

/// A scenario of these clients and components (each a line of YAML).
fn scenario(run: &str, clients: &str, components: &str) -> String {
    let lines = |text: &str| {
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| format!("  {l}\n")).collect::<String>()
    };
    format!(
        "scenario: mistake\nrun: {{{run}}}\nclients:\n{}components:\n{}",
        lines(clients),
        lines(components)
    )
}

/// One service `s` under one client.
fn one(run: &str, client: &str, service: &str) -> String {
    scenario(
        run,
        &format!("c: {{{client}, mix: {{GET /: 1}}, to: s}}"),
        &format!("s: {{kind: service, {service}}}"),
    )
}

fn mean(runs: &Runs, metric: &str) -> f64 {
    let values = runs.each(metric);
    values.iter().sum::<f64>() / values.len() as f64
}

/// wrk2's second example: a service of 3 ms that stops for 1.4 s, at 2000 requests/s.
#[test]
fn mistake_1_latency_is_not_counted_from_the_actual_send() {
    let published = |quantity: &str| crate::theory::expected("PUB-WRK2", quantity) / 1e3;
    let text = |client: &str| {
        scenario(
            "duration: 19750ms, seed: 1, replications: 1",
            &format!(
                "stop: {{rate: {{steps: [8s 1/s, 9s 0/s]}}, arrivals: deterministic, mix: {{GET /stop: 1}}, to: s}}
                 c: {{{client}, mix: {{GET /: 1}}, to: s}}"
            ),
            "s: {kind: service, workers: none, endpoints: {GET /: [{lock: {row: gate, steps: []}}, {sleep: 3020us..6040us}], GET /stop: [{lock: {row: gate, steps: [{sleep: 1416ms}]}}]}}",
        ) + "data: {gate: {rows: 1}}\n"
    };
    let open = run(&text("rate: 2000/s"));
    let near = |seen: f64, quantity: &str| {
        let truth = published(quantity);
        assert!((seen / truth - 1.0).abs() < 0.1, "{quantity}: {seen} for {truth}");
    };
    near(mean(&open, "p99(GET /)"), "corrected_p99");
    near(mean(&open, "p99.9(GET /)"), "corrected_p999");
    // A hundred connections that wait for their answers see the pause a hundred times.
    let closed = run(&text("users: 100, think: exp(46700us)"));
    near(mean(&closed, "p50(GET /)"), "uncorrected_p50");
    near(mean(&closed, "p99(GET /)"), "uncorrected_p99");
    near(mean(&closed, "p99.9(GET /)"), "uncorrected_p999");
    assert!(mean(&open, "p99(GET /)") / mean(&closed, "p99(GET /)") > 0.9 * published("ratio_p99") * 1e3);
}

/// A closed loop slows its users down; an open one does not know that it should.
#[test]
fn mistake_2_a_closed_loop_does_not_collapse_and_an_open_one_does() {
    let core = "workers: none, cpu: 1, endpoints: {GET /: [cpu: exp(10ms)]}";
    let closed = run(&one(
        "duration: 400s, warmup: 100s, seed: 1, replications: 3",
        "users: 1000, think: exp(5s)",
        core,
    ));
    // N = X (R + Z): 1000 users, 100/s, five seconds of each.
    assert!((mean(&closed, "throughput") - 100.0).abs() < 1.0);
    assert!((mean(&closed, "mean") - 5.0).abs() < 0.15, "{}", mean(&closed, "mean"));
    let open = |seconds: u32| {
        let text =
            one(&format!("duration: {seconds}s, warmup: 0s, seed: 1, replications: 3"), "rate: 120/s", core);
        mean(&run(&text), "s.queue.max")
    };
    // The backlog grows with the run: 20 a second.
    let (short, long) = (open(100), open(400));
    assert!((short / 2_000.0 - 1.0).abs() < 0.25 && (long / 8_000.0 - 1.0).abs() < 0.25, "{short} {long}");
}

#[test]
fn mistake_3_without_limits_nothing_fails() {
    let plan = "duration: 300s, warmup: 100s, seed: 1, replications: 2";
    let bounded =
        run(&one(plan, "rate: 150/s", "workers: 10, backlog: 20, endpoints: {GET /: [sleep: exp(100ms)]}"));
    let refused = mean(&bounded, "rate_503");
    assert!((refused - 1.0 / 3.0).abs() < 0.01, "{refused}");
    assert!(mean(&bounded, "p99") < 0.7, "whoever gets in has at most thirty before");
    let unlimited = run(&one(plan, "rate: 150/s", "workers: 10, endpoints: {GET /: [sleep: exp(100ms)]}"));
    assert_eq!(mean(&unlimited, "rate_503"), 0.0);
    assert!(mean(&unlimited, "mean") > 30.0, "latency grows politely: {}", mean(&unlimited, "mean"));
}

#[test]
fn mistake_4_a_timeout_does_not_undo_the_work() {
    let plan = "duration: 300s, warmup: 100s, seed: 1, replications: 2";
    let service = "workers: 10, endpoints: {GET /: [sleep: exp(100ms)]}";
    let patient = run(&one(plan, "rate: 120/s", service));
    let hasty = run(&one(plan, "rate: 120/s, timeout: 1s", service));
    let cancels = run(&one(plan, "rate: 120/s, timeout: 1s, cancel: true", service));
    assert_eq!(mean(&patient, "wasted_work"), 0.0);
    // The server is as busy as before, for nobody: all that it begins has been waiting for more than a second.
    assert!(mean(&hasty, "s.utilisation") > 0.99);
    assert!(mean(&hasty, "wasted_work") > 0.95, "{}", mean(&hasty, "wasted_work"));
    assert!(mean(&hasty, "goodput") < 5.0);
    // Where giving up reaches the line, nobody begins too late; yet most of what is begun ends too late.
    let (wasted, goodput) = (mean(&cancels, "wasted_work"), mean(&cancels, "goodput"));
    assert!((0.4..0.9).contains(&wasted) && goodput > 5.0 * mean(&hasty, "goodput"), "{wasted} {goodput}");
}

/// M/G/1 at 0.8 with a squared coefficient of variation of 16: 35 service times in line, 5 when shared.
#[test]
fn mistake_5_cpu_is_a_demand_that_is_shared_and_not_a_time() {
    // Balanced means.
    let work = "hyperexp(96.9669668%=515641us, 3.0330332%=16485127us)";
    let plan = "duration: 400000s, warmup: 40000s, seed: 1, replications: 8";
    let shared =
        run(&one(plan, "rate: 0.8/s", &format!("workers: none, endpoints: {{GET /: [cpu: \"{work}\"]}}")));
    let in_line =
        run(&one(plan, "rate: 0.8/s", &format!("workers: 1, endpoints: {{GET /: [cpu: \"{work}\"]}}")));
    assert!((mean(&shared, "mean") / 5.0 - 1.0).abs() < 0.08, "{}", mean(&shared, "mean"));
    assert!((mean(&in_line, "mean") / 35.0 - 1.0).abs() < 0.15, "{}", mean(&in_line, "mean"));
    // Utilisation slows everybody down: the same demand takes twice as long at a half.
    let half = run(&one(plan, "rate: 0.5/s", "workers: none, endpoints: {GET /: [cpu: exp(1s)]}"));
    assert!((mean(&half, "mean") - 2.0).abs() < 0.04, "{}", mean(&half, "mean"));
}

#[test]
fn mistake_6_variation_is_what_makes_a_line() {
    let plan = "duration: 100000s, warmup: 10000s, seed: 1, replications: 8";
    let wait = |client: &str, work: &str| {
        mean(
            &run(&one(plan, client, &format!("workers: 1, endpoints: {{GET /: [sleep: \"{work}\"]}}"))),
            "s.wait",
        )
    };
    // Even arrivals and constant work: nobody waits below saturation.
    assert_eq!(wait("rate: 0.95/s, arrivals: deterministic", "1s"), 0.0);
    // Pollaczek and Khinchine: rho (1 + scv) / (2 (1 - rho)).
    for (work, expected) in
        [("1s", 1.167), ("erlang(4, 1s)", 1.458), ("~1s", 2.333), ("lognormal(mean=1s, cv=2)", 5.833)]
    {
        let seen = wait("rate: 0.7/s", work);
        assert!((seen / expected - 1.0).abs() < 0.1, "{work}: {seen} for {expected}");
    }
}

/// Each instance of a balancer has a view of its own. One request every 10 ms, four servers of 30 ms each:
/// one balancer goes round them and nobody waits; four balancers, asked in turn, each begin at the first
/// server, so that it gets four requests 10 ms apart, who wait for 0, 20, 40 and 60 ms.
#[test]
fn mistake_11_balancers_know_nothing_of_each_other() {
    let text = |instances: u32| {
        scenario(
            "duration: 16s, replications: 1",
            "c: {rate: 100/s, arrivals: deterministic, mix: {GET /: 1}, to: lb}",
            &format!(
                "lb: {{kind: load_balancer, algorithm: round_robin, instances: {instances}, to: s}}
                 s: {{kind: service, instances: 4, workers: 1, endpoints: {{GET /: [{{sleep: 30ms}}]}}}}"
            ),
        )
    };
    assert_eq!(mean(&run(&text(1)), "s.wait"), 0.0);
    let wait = mean(&run(&text(4)), "s.wait");
    assert!((wait - 0.030).abs() < 1e-4, "{wait}");
}

/// A dead process refuses at once; a machine that is gone costs each caller its timeout; one that has become
/// slow fails nobody and is worse than both. The same third of the requests, three different days.
#[test]
fn mistake_12_failures_are_seldom_clean() {
    let day = |fault: &str| {
        let text = scenario(
            "duration: 60s, replications: 1",
            "c: {rate: 90/s, timeout: 2s, mix: {GET /: 1}, to: s}",
            "s: {kind: service, instances: 3, zones: [a, b, c], workers: 100, endpoints: {GET /: [{sleep: 20ms}]}}",
        );
        run(&format!("{text}faults: [{{at: 0s, {fault}}}]\n"))
    };
    let dead = day("kill: \"s[0]\"");
    let gone = day("zone_down: a");
    let slow = day("slow: {target: \"s[0]\", by: 50x}");
    for failed in [&dead, &gone] {
        assert!((mean(failed, "availability") - 2.0 / 3.0).abs() < 0.02);
    }
    assert_eq!(mean(&dead, "p99(errors)"), 0.0);
    assert!((mean(&gone, "p99(errors)") - 2.0).abs() < 0.02, "each waits for its timeout");
    assert_eq!(mean(&slow, "availability"), 1.0, "nobody is told");
    assert!((mean(&slow, "p99") - 1.0).abs() < 0.02, "and a third takes a second");
}

/// Three layers with three attempts each are 27 calls of the last one.
#[test]
fn mistake_13_retries_of_layers_multiply_and_each_attempt_is_counted() {
    let call = |to: &str| format!("endpoints: {{GET /: [call: {{to: {to}, retry: {{attempts: 3}}}}]}}");
    let runs = run(&scenario(
        "duration: 100s, warmup: 0s, seed: 1, replications: 1",
        "c: {rate: 10/s, retry: {attempts: 3}, mix: {GET /: 1}, to: a}",
        &format!(
            "a: {{kind: service, {}}}
             b: {{kind: service, {}}}
             s: {{kind: service, endpoints: {{GET /: [reply: 500]}}}}",
            call("b"),
            call("s")
        ),
    ));
    let sent = runs.replications[0].record.total().sent;
    // The client's own call, and 3, 9 and 27 of the layers.
    assert_eq!(runs.replications[0].calls.opened, (1 + 3 + 9 + 27) * sent);
    assert_eq!(mean(&runs, "attempts_per_request"), 3.0);
}

/// A refusal takes work, and an error that comes sooner than an answer draws load to whoever makes it.
#[test]
fn mistake_14_refusals_are_not_free_and_fast_errors_attract_load() {
    // g x 10 ms + (1500 - g) x 0.5 ms = 1 core: 26/s of the 100/s that are served where refusing is free.
    let refusing = |cost: &str| {
        run(&one(
            "duration: 60s, warmup: 10s, seed: 1, replications: 2",
            "rate: 1500/s",
            &format!("workers: 1, backlog: 10{cost}, endpoints: {{GET /: [cpu: exp(10ms)]}}"),
        ))
    };
    let (free, paid) = (refusing(""), refusing(", reject_cost: 0.5ms"));
    assert!((mean(&free, "goodput") - 100.0).abs() < 3.0, "{}", mean(&free, "goodput"));
    assert!((mean(&paid, "goodput") - 0.25 / 0.0095).abs() < 2.5, "{}", mean(&paid, "goodput"));
    // Errors take their own time: they are answered long before those that are served.
    assert!(mean(&paid, "p99(errors)") < 0.1 * mean(&paid, "p99"));
    // One of four servers fails at once: by turns it makes a quarter of the answers, as the least loaded nearly all.
    let drawn_to = |algorithm: &str| {
        let text = scenario(
            "duration: 60s, warmup: 0s, seed: 1, replications: 2",
            "c: {rate: 100/s, mix: {GET /: 1}, to: lb}",
            &format!(
                "lb: {{kind: load_balancer, algorithm: {algorithm}, to: s}}
                 s: {{kind: service, instances: 4, workers: 100, endpoints: {{GET /: [sleep: exp(100ms)]}}}}"
            ),
        );
        mean(
            &run(&format!("{text}faults: [{{at: 0s, errors: {{target: \"s[0]\", share: 100%}}}}]\n")),
            "errors.from.s",
        )
    };
    let (turns, least) = (drawn_to("round_robin"), drawn_to("least_connections"));
    assert!((turns - 0.25).abs() < 0.01, "{turns}");
    assert!(least > 0.6, "{least}");
}

/// A caller's connections are opened when first needed, counted by whom they reach, refused beyond its
/// limit, and closed with an attempt that is given up.
#[test]
fn mistake_15_connections_are_not_free() {
    let text = |size: u32, max: u32| {
        scenario(
            "duration: 60s, warmup: 10s, seed: 1, replications: 2",
            "c: {rate: 80/s, mix: {GET /: 1}, to: s}",
            &format!(
                "s: {{kind: service, instances: 4, workers: 100, pools: {{db: {{size: {size}, wait: 1s}}}}, endpoints: {{GET /: [query: db.read]}}}}
                 db: {{kind: database, cpu: 16, max_connections: {max}, queries: {{read: {{cpu: exp(100ms)}}}}}}"
            ),
        )
    };
    // Four instances with five connections each fit into 20, and not into 12.
    let fits = run(&text(5, 20));
    assert_eq!(mean(&fits, "errors.503"), 0.0);
    assert!(mean(&fits, "db.connections") <= 20.0);
    assert!(mean(&fits, "s.pool(db).utilisation") > 0.2);
    let refused = run(&text(5, 12));
    assert!(mean(&refused, "errors.from.db") > 0.01, "{}", mean(&refused, "errors.from.db"));
    // A pool of one is a queue before the database, whose cores stay idle.
    let narrow = run(&text(1, 20));
    assert!(mean(&narrow, "s.pool(db).wait") > 0.1 && mean(&narrow, "db.cpu") < 0.3);
}

/// An autoscaler sees an old mean, decides now and then, and what it orders has to boot: a step is over before
/// anything comes of it. What it takes out ends what it has in hand.
#[test]
fn mistake_18_an_autoscaler_does_not_act_at_once_on_the_true_load() {
    let text = |rate: &str, service: &str| {
        one(
            "duration: 300s, warmup: 0s, seed: 1, replications: 2, bucket: 1s",
            &format!("{rate}, timeout: 1s"),
            &format!("cpu: 1, workers: 20, backlog: 20, {service}, endpoints: {{GET /: [cpu: 10ms]}}"),
        )
    };
    let step = "rate: {steps: [0s 100/s, 62s 600/s, 72s 100/s]}";
    let scaled =
        |more: &str| format!("instances: 2, autoscale: {{target: 60%, min: 2, max: 20, boot: 30s{more}}}");
    let windows = [
        (62.0, 72.0, "availability"),
        (62.0, 72.0, "s.instances"),
        (75.0, 105.0, "s.instances"),
        (106.0, 120.0, "s.instances"),
    ];
    let fixed = during(&text(step, "instances: 2"), &windows[..1])[0];
    let seen = during(&text(step, &scaled("")), &windows);
    // The window that holds the step ends at 75 s; the new ones serve at 105 s, more than half a minute too late.
    assert_eq!((seen[0], seen[1], seen[2]), (fixed, 2.0, 2.0), "{seen:?}");
    assert!(seen[0] < 0.5 && seen[3] > 2.5, "{seen:?}");
    // A window of a minute, seen half a minute late, is later still.
    let late = during(&text(step, &scaled(", scrape: 60s, lag: 30s")), &windows);
    assert_eq!(late[3], 2.0);
    // Nothing that was in hand is lost when they go.
    let calm = during(
        &text(
            "rate: {steps: [0s 600/s, 150s 100/s]}",
            "instances: 10, autoscale: {target: 60%, min: 2, max: 20, down: {stabilisation: 0s}}",
        ),
        &[(0.0, 299.0, "availability"), (250.0, 300.0, "s.instances")],
    );
    assert_eq!((calm[0], calm[1]), (1.0, 2.0), "{calm:?}");
}

#[test]
fn mistake_21_percentiles_are_merged_and_not_averaged() {
    // A fast server with 99 % of the requests and a slow one with the rest.
    let (mut fast, mut slow) = (LatencyDistribution::new(3), LatencyDistribution::new(3));
    for i in 0..9_900_u64 {
        fast.record(SimDuration::from_nanos(1_000_000 + 10 * i));
    }
    for _ in 0..100 {
        slow.record(SimDuration::from_millis(900));
    }
    let average = f64::midpoint(fast.percentile(0.99).unwrap(), slow.percentile(0.99).unwrap());
    let mut merged = fast.clone();
    merged.merge(&slow);
    assert!(merged.percentile(0.99).unwrap() < 0.0012 && average > 0.4);
    assert!(merged.percentile(0.995).unwrap() > 0.89);
    // A warm-up is left out: the same station from empty looks faster than it is.
    let work = "workers: 1, endpoints: {GET /: [sleep: exp(1s)]}";
    let cold =
        run(&one("duration: 60s, warmup: 0s, seed: 1, replications: 2000, bucket: 60s", "rate: 0.9/s", work));
    let warm = run(&one(
        "duration: 3000s, warmup: 50%, seed: 1, replications: 50, bucket: 1000s",
        "rate: 0.9/s",
        work,
    ));
    assert!(
        mean(&cold, "mean") < 5.0 && mean(&warm, "mean") > 8.0,
        "{} {}",
        mean(&cold, "mean"),
        mean(&warm, "mean")
    );
}

/// Ten servers, 700 requests/s, 1500 for half a minute, a second of patience: three attempts without a
/// pause keep the storm alive for ever; without retries it is over soon.
#[test]
fn mistake_22_the_end_of_the_surge_is_not_the_end_of_the_trouble() {
    let storm = |retry: &str| {
        run(&one(
            "duration: 300s, warmup: 0s, seed: 1, replications: 2",
            &format!("rate: {{steps: [0s 700/s, 60s 1500/s, 90s 700/s]}}, timeout: 1s{retry}"),
            "workers: 10, endpoints: {GET /: [sleep: exp(10ms)]}",
        ))
    };
    let last = |runs: &Runs| {
        let windows = runs.replications.iter().map(|r| {
            let from = surgesim::base::SimTime::from_secs_f64(260.0);
            r.record.events_in(from, surgesim::base::SimTime::MAX).good as f64 / 40.0
        });
        windows.sum::<f64>() / runs.replications.len() as f64
    };
    let (calm, stormy) = (storm(""), storm(", retry: {attempts: 3}"));
    assert!((680.0..720.0).contains(&last(&calm)), "{}", last(&calm));
    assert!(last(&stormy) < 7.0, "{}", last(&stormy));
    let budget = storm(", retry: {attempts: 3, budget: 10%}");
    assert!((680.0..720.0).contains(&last(&budget)), "{}", last(&budget));
    // The report says so: a time for one, never for the other.
    let recovered = |runs: &Runs| crate::model::value(runs, 0, "time_to_recover").number();
    assert!(recovered(&calm).is_some_and(|t| t > 1.0 && t < 120.0), "{:?}", recovered(&calm));
    assert_eq!(recovered(&stormy), None);
}

/// Events, not steps of time: a burst within an instant is seen, limits shorter than any step hold, and
/// what happens at one instant has an order that no hash decides.
#[test]
fn mistake_23_time_is_not_cut_into_buckets() {
    let burst = one(
        "duration: 1000s, warmup: 0s, seed: 1, replications: 2, bucket: 100s",
        "rate: 10/s, arrivals: {batch: 100}",
        "workers: 1, endpoints: {GET /: [sleep: 1ms]}",
    );
    let runs = run(&burst);
    // Busy one percent of the time, and yet the last of each hundred waits for 99.
    assert!((mean(&runs, "s.utilisation") - 0.01).abs() < 0.004);
    assert!((mean(&runs, "s.wait") - 0.0495).abs() < 0.003, "{}", mean(&runs, "s.wait"));
    let limited = run(&burst.replace("rate: 10/s", "rate: 10/s, timeout: 50ms"));
    assert!((mean(&limited, "abandoned") - 0.5).abs() < 0.02, "{}", mean(&limited, "abandoned"));
    // Two clients that send at the very same instants: the first in the file is served first, always.
    let twins = |first: &str, second: &str| {
        let client = |name: &str| {
            format!("{name}: {{rate: 1/s, arrivals: deterministic, mix: {{GET /{name}: 1}}, to: s}}")
        };
        let runs = run(&scenario(
            "duration: 100s, warmup: 0s, seed: 1, replications: 1",
            &format!("{}\n{}", client(first), client(second)),
            "s: {kind: service, workers: 1, endpoints: {GET /a: [sleep: 100ms], GET /b: [sleep: 100ms]}}",
        ));
        (mean(&runs, "max(GET /a)"), mean(&runs, "max(GET /b)"))
    };
    assert_eq!(twins("a", "b"), (0.1, 0.2));
    assert_eq!(twins("b", "a"), (0.2, 0.1));
}

#[test]
fn mistake_25_an_answer_to_nobody_is_no_success() {
    let late = run(&one(
        "duration: 300s, warmup: 100s, seed: 1, replications: 2",
        "rate: 200/s, timeout: 500ms",
        "workers: 10, backlog: 200, endpoints: {GET /: [sleep: exp(100ms)]}",
    ));
    // The server answers a hundred a second; hardly any of them in time.
    let served: f64 =
        late.replications.iter().map(|r| r.record.total().served as f64 / 300.0).sum::<f64>() / 2.0;
    assert!((served - 100.0).abs() < 3.0, "{served}");
    assert!(mean(&late, "goodput") < 10.0, "{}", mean(&late, "goodput"));
    assert!(mean(&late, "throughput") > 190.0, "requests end, by whatever outcome");
    assert!(mean(&late, "availability") < 0.05);
}

/// What a rate limiter limits: each instance by itself, a window by its borders, a burst by waiting.
#[test]
fn mistake_26_a_rate_limit_is_what_its_algorithm_makes_of_it() {
    let limited = |limit: &str, rate: &str, instances: u32| {
        run(&one(
            "duration: 10s, warmup: 0s, seed: 1, replications: 1",
            &format!("rate: {rate}, arrivals: deterministic"),
            &format!("instances: {instances}, rate_limit: {limit}, endpoints: {{GET /: [reply: 200]}}"),
        ))
    };
    // Ten seconds: four instances that let 20/s and a burst of 5 in are 4 x 205, unless they share one limit.
    let good = |runs: &Runs| runs.replications[0].record.total().good;
    let each = limited("{rate: 20/s, burst: 5}", "200/s", 4);
    let shared = limited("{rate: 20/s, burst: 5, shared: true}", "200/s", 4);
    assert!((810..=820).contains(&good(&each)), "{}", good(&each));
    assert!((202..=205).contains(&good(&shared)), "{}", good(&shared));
    // 1000/s for a fifth of a second about the border of two windows of 100: 200 pass in 0.2 s, not 100.
    let burst = "{steps: [0s 0/s, 1.9s 1000/s, 2.1s 0/s]}";
    let fixed = limited("{rate: 100/s, algorithm: fixed_window}", burst, 1);
    let sliding = limited("{rate: 100/s, algorithm: sliding_window}", burst, 1);
    assert!((196..=200).contains(&good(&fixed)), "{}", good(&fixed));
    assert_eq!(good(&sliding), 100);
    // nginx delays a burst, and only `nodelay` lets it pass at once: the 20th waits for 20 of 50/s.
    let at_once = "{steps: [0s 0/s, 1s 10k/s, 1.002s 0/s]}";
    let waits = limited("{rate: 50/s, burst: 20, algorithm: leaky_bucket}", at_once, 1);
    assert!((mean(&waits, "max") - 0.38).abs() < 0.025, "{}", mean(&waits, "max"));
    let passes = limited("{rate: 50/s, burst: 20, algorithm: leaky_bucket, nodelay: true}", at_once, 1);
    assert!(mean(&passes, "max") < 0.001);
    assert_eq!(good(&waits), good(&passes));
}

#[test]
fn mistake_29_utilisation_never_exceeds_one_and_the_offered_load_does() {
    let runs = run(&one(
        "duration: 300s, warmup: 100s, seed: 1, replications: 4",
        "rate: 150/s",
        "workers: none, cpu: 1, endpoints: {GET /: [cpu: exp(10ms)]}",
    ));
    for busy in runs.each("s.cpu") {
        assert!(busy <= 1.0 && busy > 0.999, "{busy}");
    }
    for offered in runs.each("s.offered_cpu") {
        assert!((offered - 1.5).abs() < 0.05, "{offered}");
    }
}

/// A rate that jumps takes effect at once: no gap drawn from the old rate reaches over the jump.
#[test]
fn mistake_30_a_jump_of_the_rate_takes_effect_at_once() {
    // From one in a hundred seconds to a hundred a second: a gap of the old rate would last over a minute.
    let text = one(
        "duration: 62s, warmup: 0s, seed: 1, replications: 400, bucket: 1s",
        "rate: {steps: [0s 0.01/s, 60s 100/s, 61s 0.01/s]}",
        "workers: none, endpoints: {GET /: [sleep: 1ms]}",
    );
    let runs = run(&text);
    let second = |from: f64| {
        let at = surgesim::base::SimTime::from_secs_f64;
        let sent = runs.replications.iter().map(|r| r.record.events_in(at(from), at(from + 1.0)).sent as f64);
        sent.sum::<f64>() / 400.0
    };
    // 3.66 standard errors of 400 Poisson counts of mean 100.
    assert!((second(60.0) - 100.0).abs() < 1.83, "{}", second(60.0));
    assert!(second(61.0) < 0.05, "{}", second(61.0));
}

/// A service that reads rows through a cache; `data`, `cache` and `cached` are what the mistakes are about.
fn cached(clients: &str, data: &str, cache: &str, app: &str, cached: &str) -> String {
    scenario(
        "duration: 120s, seed: 1, replications: 2",
        &format!("c: {{{clients}, mix: {{GET /: 1}}, to: app}}"),
        &format!(
            "redis: {{kind: cache, {cache}}}
             app: {{kind: service, {app}, endpoints: {{GET /: [{{cached: {{key: post, miss: db.post(post), {cached}}}}}]}}}}
             db: {{kind: database, cpu: 64, queries: {{post: {{read: post, cpu: 1ms}}}}}}"
        ),
    ) + &format!("data: {{post: {{{data}}}}}\n")
}

/// A probability has no memory: a cold cache has one, and so have the misses of one row.
#[test]
fn mistake_7_a_hit_ratio_is_no_constant() {
    let text = cached("rate: 1k rps", "rows: 10k, zipf: 0.9", "max: 2000", "cpu: 1", "in: redis")
        + "faults: [{at: 60s, flush: redis}]\n";
    let seen = crate::model::during(
        &text,
        &[
            (0.0, 1.0, "redis.hit_ratio"),
            (40.0, 60.0, "redis.hit_ratio"),
            (60.0, 61.0, "redis.hit_ratio"),
            (61.0, 62.0, "redis.hit_ratio"),
            (100.0, 119.0, "redis.hit_ratio"),
        ],
    );
    assert!(seen[0] < 0.5 && seen[1] > 0.65, "a cold start: {seen:?}");
    assert!((seen[2] - seen[0]).abs() < 0.05, "a flush is one again: {seen:?}");
    assert!(seen[2] < seen[3] && seen[3] < seen[4], "the hot rows are back first: {seen:?}");
    // A hot row: one key moves the ratio of all.
    let hot = cached("rate: 1k rps", "rows: 10k, zipf: 0.9", "max: 2000", "cpu: 1", "in: redis")
        + "faults: [{at: 60s, hot_key: {data: post, share: 60%}}]\n";
    let hot = crate::model::during(&hot, &[(80.0, 119.0, "redis.hit_ratio")])[0];
    assert!((hot - (0.6 + 0.4 * seen[4])).abs() < 0.03, "{hot} of {seen:?}");
}

/// Eight copies are not one: each sees an eighth of the requests, and each fetches for itself.
#[test]
fn mistake_8_caches_of_instances_are_several() {
    let ratio = |instances: u32| {
        let app = format!("instances: {instances}, local_cache: {{post: {{ttl: 10s}}}}");
        let text = cached("rate: 400 rps", "rows: 1000", "nodes: 1", &app, "in: local");
        crate::model::during(&text, &[(30.0, 119.0, "app.hit_ratio")])[0]
    };
    // lambda T / (1 + lambda T) for a row at one instance: 4 and 0.5.
    let (one, eight) = (ratio(1), ratio(8));
    assert!((one - 0.8).abs() < 0.01, "{one}");
    assert!((eight - 1.0 / 3.0).abs() < 0.01, "{eight}");
}

/// The number of rows, the exponent and the drift of popularity each move the ratio by tens of per cents.
#[test]
fn mistake_9_popularity_is_not_a_short_list() {
    let ratio = |data: &str, items: &str| {
        let text = cached("rate: 2k rps", data, items, "cpu: 1", "in: redis");
        crate::model::during(&text, &[(40.0, 119.0, "redis.hit_ratio")])[0]
    };
    let all = ratio("rows: 1M, zipf: 0.99", "max: 1000");
    let short = ratio("rows: 2k, zipf: 0.99", "max: 1000");
    assert!(short > all + 0.3, "{short} {all}");
    let (flat, steep) =
        (ratio("rows: 1M, zipf: 0.85", "max: 1000"), ratio("rows: 1M, zipf: 1.6", "max: 1000"));
    assert!(flat < 0.3 && steep > 0.9, "{flat} {steep}");
    let drifting = ratio("rows: 1M, zipf: 0.99, drift: 100/s", "max: 1000");
    assert!(drifting < all - 0.03, "{drifting} {all}");
}

fn jobs(rate: &str, queue: &str, worker: &str) -> String {
    format!(
        "
scenario: jobs
run: {{duration: 2000s, warmup: 0s, replications: 1, seed: 3}}
clients: {{web: {{rate: {rate}, mix: {{POST /: 1}}, to: api}}}}
data: {{job: {{rows: 0}}}}
components:
  api: {{kind: service, endpoints: {{POST /: [{{send: {{to: jobs}}}}, {{reply: 202}}]}}}}
  jobs: {{kind: queue, {queue}}}
  worker: {{kind: worker, from: jobs, {worker}}}
"
    )
}

/// A message is not delivered exactly once: while it is still worked on its lease may end, a worker may die, and
/// what always fails comes back.
#[test]
fn mistake_16_a_queue_does_not_deliver_exactly_once() {
    let work = "steps: [{sleep: \"lognormal(mean=40s, cv=0.5)\"}]";
    let seen = |queue: &str, worker: &str| {
        let runs = crate::model::run(&jobs("0.5/s", queue, worker));
        ["jobs.published", "redelivered(jobs)", "duplicates(jobs)", "worker.utilisation"]
            .map(|name| runs.each(name)[0])
    };
    let short = seen("visibility: 30s", &format!("instances: 60, {work}"));
    let long = seen("visibility: 10m", &format!("instances: 60, {work}"));
    assert!(short[1] > 0.6 * short[0] && short[2] > 0.5 * short[0], "{short:?}");
    assert_eq!((long[1], long[2]), (0.0, 0.0));
    // Done twice it takes the capacity twice.
    assert!(short[3] > 1.4 * long[3], "{short:?} {long:?}");
    let poison = seen("visibility: none", "instances: 4, poison: 1%, steps: [{sleep: 1s}]");
    assert!(poison[1] > 100.0, "{poison:?}");
}

/// Whoever waits for a job asks for it: jobs in the system over the pause, often more than all else.
#[test]
fn mistake_17_waiting_clients_are_load() {
    let text = |poll: &str| {
        format!(
            "
scenario: polls
run: {{duration: 2000s, warmup: 500s, replications: 1, seed: 3}}
clients: {{web: {{rate: 1/s, mix: {{POST /: 1}}, to: api{poll}}}}}
data: {{job: {{rows: 0}}}}
components:
  api:
    kind: service
    endpoints:
      POST /: [{{cpu: 1ms}}, {{send: {{to: jobs}}}}, {{reply: 202}}]
      GET /job: [{{cpu: 1ms}}, {{reply: 200}}]
  jobs: {{kind: queue}}
  worker: {{kind: worker, from: jobs, instances: 200, steps: [{{sleep: 100s}}]}}
"
        )
    };
    let cpu = |text: &str| crate::model::run(text).each("api.cpu")[0];
    let (without, with) = (cpu(&text("")), cpu(&text(", poll: {GET /job: {every: 2s, give_up: 10m}}")));
    // Each job is asked for 50 times: 51 ms of work for each upload instead of one.
    assert!((without - 0.001).abs() < 0.0002 && (with - 0.051).abs() < 0.004, "{without} {with}");
}
