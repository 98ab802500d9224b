//! Fleets that change: an autoscaler's schedule to the letter, what new instances are worth and when, and
//! what is lost when instances leave.

use super::model::{during, read, run};

/// A load of 1 core, from 60 s on 2.9 cores, from 300 s on 0.9 cores; each request is 50 ms of work.
fn hpa(target: &str) -> String {
    format!(
        "
scenario: hpa
run: {{duration: 660s, warmup: 0s, replications: 1}}
clients:
  web:
    rate: {{steps: [0s 20/s, 60s 58/s, 300s 18/s]}}
    arrivals: deterministic
    mix: {{GET /: 1}}
    to: {target}
components:
  lb: {{kind: load_balancer, to: app}}
  app:
    kind: service
    autoscale: {{preset: k8s-hpa, target: 50%, min: 2, max: 10, boot: 20s}}
    endpoints: {{GET /: [{{cpu: 50ms}}]}}
"
    )
}

/// Sync and scrape every 15 s, a pod boots for 20 s.
///
/// At 75 s the two pods are busy all the time: 100 % / 50 % x 2 = 4, ready at 95 s. At 90 s and at 105 s the two
/// new ones count as idle (no window since they were ready): 2 / 4 is the target. At 120 s the old ones still work
/// off their backlog: (1 + 1 + 0.725 + 0.725) / 0.5 = 6.9, so 7, ready at 140 s. At 135 s and 150 s those who are
/// not ready turn the direction round. From 165 s on 2.9 / 0.5 = 5.8, so 6, which the largest wish of 300 s holds
/// back until the 7 of 150 s is forgotten, at 450 s. From 315 s on 0.9 / 0.5, so 2, at 600 s.
#[test]
fn the_schedule_of_the_pod_autoscaler_to_the_letter() {
    let sizes =
        [(0.0, 95.0, 2.0), (95.0, 140.0, 4.0), (140.0, 450.0, 7.0), (450.0, 600.0, 6.0), (600.0, 660.0, 2.0)];
    let windows = sizes.map(|(from, to, _)| (from, to, "app.instances"));
    for target in ["app", "lb"] {
        let seen = during(&hpa(target), &windows);
        for ((from, to, size), seen) in sizes.iter().zip(&seen) {
            assert!((seen - size).abs() < 1e-9, "{target}, {from} to {to}: {seen}");
        }
    }
    // What is used is relative to those that are there, not to the ten that there could be.
    let cpu = during(&hpa("app"), &[(200.0, 300.0, "app.cpu"), (620.0, 660.0, "app.cpu")]);
    assert!((cpu[0] - 2.9 / 7.0).abs() < 0.01 && (cpu[1] - 0.45).abs() < 0.01, "{cpu:?}");
    // Whoever boots or drains is paid for: 2 x 20 s and 3 x 20 s, and a second's look at each of the five that left.
    let priced = hpa("app") + "prices: {app: $1/h}\n";
    let paid = during(&priced, &[(0.0, 660.0, "cost"), (0.0, 660.0, "app.instances")]);
    assert!(((paid[0] - paid[1]) * 660.0 - 105.0).abs() < 1e-6, "{paid:?}");
}

/// A killed instance of three that nobody restarts: an autoscaler misses it at its next look, 15 s on at most, and
/// boots another in its place; without one it stays dead.
#[test]
fn an_autoscaler_replaces_what_is_dead_for_good() {
    let text = |autoscale: &str, kill: &str| {
        format!(
            "
scenario: replaced
run: {{duration: 300s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: 30/s, arrivals: deterministic, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app}}
  app: {{kind: service, instances: 3, {autoscale} endpoints: {{GET /: [{{cpu: 50ms}}]}}}}
faults: [{{at: 61s, kill: {{{kill}}}}}]
"
        )
    };
    let windows = [(0.0, 60.0), (76.0, 95.0), (100.0, 300.0)];
    let instances = windows.map(|(from, to)| (from, to, "app.instances"));
    let autoscale = "autoscale: {preset: k8s-hpa, target: 50%, min: 3, max: 3, boot: 20s},";
    let seen = during(&text(autoscale, "target: \"app[1]\""), &instances);
    assert_eq!(seen, [3.0, 2.0, 3.0]);
    let busy = [(66.0, 94.0, "app[1].cpu"), (100.0, 300.0, "app[1].cpu"), (100.0, 300.0, "errors.502")];
    let replaced = during(&text(autoscale, "target: \"app[1]\""), &busy);
    assert!(replaced[0] < 0.01 && (replaced[1] - 0.5).abs() < 0.02, "{replaced:?}");
    assert!(replaced[2].abs() < 1e-9, "{replaced:?}");
    let alone = during(&text("", "target: \"app[1]\""), &busy);
    // The balancer has no checks here: every third request is refused.
    assert!(alone[1] < 0.01 && (alone[2] - 1.0 / 3.0).abs() < 0.01, "{alone:?}");
    // Whoever took the place is a process of its own: killed and restarted, it is waited for.
    let again = text(autoscale, "target: \"app[1]\"")
        .replace("}}]\n", "}}, {at: 150s, kill: {target: \"app[1]\", restart_after: 100s}}]\n");
    assert!(again.contains("150s"));
    let waited = [(152.0, 249.0, "app[1].cpu"), (252.0, 300.0, "app[1].cpu"), (100.0, 149.0, "app[1].cpu")];
    let waited = during(&again, &waited);
    assert!(waited[0] < 0.01 && waited[1] > 0.45 && waited[2] > 0.45, "{waited:?}");
    // One that restarts is waited for, as long as that takes.
    let restarts = during(&text(autoscale, "target: \"app[1]\", restart_after: 200s"), &busy);
    assert!((restarts[1] - 0.5 * 39.0 / 200.0).abs() < 0.01 && restarts[2] > 0.2, "{restarts:?}");
}

#[test]
fn target_tracking_takes_three_minutes_out_and_fifteen_in() {
    let text = "
scenario: asg
run: {duration: 40m, warmup: 0s, replications: 1}
clients: {web: {rate: {steps: [0s 10/s, 5m 40/s, 10m 10/s]}, arrivals: deterministic, mix: {GET /: 1}, to: app}}
components:
  app:
    kind: service
    instances: 4
    autoscale: {preset: aws-target-tracking, target: 40%, min: 1, max: 20, boot: 90s, warm_up: 2m}
    endpoints: {GET /: [{cpu: 50ms}]}
";
    // 50 % on four: the datapoints of 6, 7 and 8 min are high: 4 x 0.5 / 0.4 = 5, which serves at 9.5 min and is not
    // warm before 11.5 min. 12.5 % from 10 min on is low, fifteen times at 25 min: 5 x 0.1 / 0.4 = 1.25, so 2.
    let sizes = [(0.0, 570.0, 4.0), (570.0, 1500.0, 5.0), (1500.0, 2400.0, 2.0)];
    let seen = during(text, &sizes.map(|(from, to, _)| (from, to, "app.instances")));
    for ((from, to, size), seen) in sizes.iter().zip(&seen) {
        assert!((seen - size).abs() < 1e-9, "{from} to {to}: {seen}");
    }
}

#[test]
fn an_autoscaler_that_never_acts_changes_nothing() {
    let text = |to: &str, algorithm: &str, autoscale: &str| {
        format!(
            "
scenario: idle
run: {{duration: 200s, replications: 2, seed: 5}}
clients: {{web: {{rate: 200/s, timeout: 500ms, retry: {{attempts: 2}}, mix: {{GET /: 1}}, to: {to}}}}}
components:
  lb: {{kind: load_balancer, to: app, algorithm: {algorithm}}}
  app:
    kind: service
    instances: 4
    {autoscale}
    workers: 20
    pools: {{db: {{size: 5}}}}
    endpoints: {{GET /: [{{cpu: exp(10ms)}}, {{query: db.look}}]}}
  db: {{kind: database, cpu: 2, max_connections: 100, queries: {{look: {{cpu: exp(5ms)}}}}}}
"
        )
    };
    let idle = "autoscale: {target: 99%, min: 4, max: 9}";
    for (to, algorithm) in [
        ("app", "round_robin"),
        ("lb", "round_robin"),
        ("lb", "least_connections"),
        ("lb", "random"),
        ("lb", "power_of_two_choices"),
    ] {
        let metrics =
            ["mean", "p99", "max", "db.cpu", "app.cpu", "app.in_flight", "availability", "app.utilisation"];
        let of = |text: &str| {
            let runs = run(text);
            metrics.map(|metric| runs.each(metric))
        };
        assert_eq!(of(&text(to, algorithm, "")), of(&text(to, algorithm, idle)), "{to} {algorithm}");
    }
}

/// 40 requests of 20 s each in hand, ten per instance; from 100 s on half of that, and two instances leave.
fn leaving(grace: &str) -> String {
    format!(
        "
scenario: leaving
run: {{duration: 300s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: {{steps: [0s 2/s, 100s 1/s]}}, arrivals: deterministic, mix: {{GET /: 1}}, to: app}}}}
components:
  app:
    kind: service
    instances: 4
    autoscale: {{metric: in_flight, target: 10, min: 1, max: 5, down: {{stabilisation: 0s}}, grace: {grace}}}
    endpoints: {{GET /: [{{sleep: 20s}}]}}
"
    )
}

#[test]
fn scaling_in_loses_nothing_that_ends_within_the_grace() {
    let windows = [(0.0, 275.0, "availability"), (200.0, 300.0, "app.instances")];
    let gentle = during(&leaving("30s"), &windows);
    assert_eq!((gentle[0], gentle[1]), (1.0, 2.0));
    // 5 s are too short for requests of 20 s.
    let rough = during(&leaving("5s"), &windows);
    assert!(rough[0] < 0.98 && rough[0] > 0.8, "{rough:?}");
}

#[test]
fn new_instances_open_connections_that_the_database_may_refuse() {
    let text = |max: u32| {
        format!(
            "
scenario: connections
run: {{duration: 240s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: {{steps: [0s 30/s, 60s 100/s]}}, arrivals: deterministic, timeout: 5s, mix: {{GET /: 1}}, to: app}}}}
components:
  app:
    kind: service
    instances: 2
    autoscale: {{target: 50%, min: 2, max: 8, boot: 10s}}
    pools: {{db: {{size: 10}}}}
    endpoints: {{GET /: [{{cpu: 30ms}}, {{query: db.look}}]}}
  db: {{kind: database, cpu: 8, max_connections: {max}, queries: {{look: {{cpu: 60ms}}}}}}
"
        )
    };
    let windows =
        [(0.0, 60.0, "availability"), (200.0, 235.0, "availability"), (200.0, 235.0, "errors.from.db")];
    let roomy = during(&text(80), &windows);
    assert_eq!((roomy[1], roomy[2]), (1.0, 0.0), "{roomy:?}");
    let tight = during(&text(20), &windows);
    assert_eq!(tight[0], 1.0);
    assert!(tight[1] < 1.0, "the old instances hold the connections: {tight:?}");
}

#[test]
fn bounds_that_exclude_the_start_or_each_other_are_mistakes() {
    let text = |keys: &str, autoscale: &str| {
        format!(
            "
scenario: bounds
run: {{duration: 60s}}
clients: {{web: {{rate: 1/s, mix: {{GET /: 1}}, to: app}}}}
components: {{app: {{kind: service, {keys} autoscale: {{{autoscale}}}, endpoints: {{GET /: [{{cpu: 1ms}}]}}}}}}
"
        )
    };
    assert!(read(&text("", "target: 50%, max: 4")).is_ok());
    for (keys, autoscale, what) in [
        ("instances: 9,", "target: 50%, max: 4", "keeps between 1 and 4"),
        ("", "target: 50%, min: 5, max: 4", "`max` is below `min`"),
        ("", "target: 50%", "`max` is missing"),
        ("", "target: 0%, max: 4", "`target` is above zero"),
        ("", "target: 50%, max: 4, scrape: 1ms", "at least 100ms"),
    ] {
        let mistakes = read(&text(keys, autoscale)).expect_err(what);
        assert!(mistakes.contains(what), "{mistakes}");
    }
}
