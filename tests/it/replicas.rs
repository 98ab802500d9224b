//! Replicas of a database: lag as a queue, what reads see, what a failover costs.

use super::model::{during, run};

/// Requests that read or write a row, in front of a primary with replicas. No demand varies.
fn scenario(run: &str, client: &str, replicas: &str, more: &str) -> String {
    format!(
        "
scenario: replicas
run: {{{run}}}
clients: {{web: {{mix: {{GET /: 50, POST /: 50}}, sessions_of: item, to: app, {client}}}}}
data: {{item: {{rows: 50}}}}
components:
  app:
    kind: service
    instances: 2
    cpu: 64
    endpoints:
      GET /: [{{query: db.get(item)}}]
      POST /: [{{query: db.put(item)}}]
  db:
    kind: database
    cpu: 8
    {replicas}
    queries:
      get: {{read: item, cpu: 5ms}}
      put: {{write: item, cpu: 1ms}}
{more}
"
    )
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

const SHORT: &str = "duration: 60s, warmup: 5s, replications: 2, seed: 3";

#[test]
fn lag_grows_by_the_ratio_of_writes_to_what_one_thread_applies_less_one() {
    // 100 writes a second of 15 ms each on one thread: W/A = 1.5. The age of what is being applied at t is
    // t (1 - A/W): a third of the time; of the log that waits, in seconds of applying, (W/A - 1) s/s.
    let replicas = "replicas: {count: 1, cpu: 4, apply: {cost: 15ms}}";
    let text = scenario(SHORT, "rate: 100 rps, write_share: 100%", replicas, "");
    let lag = during(&text, &[(20.0, 22.0, "db.replica.lag"), (50.0, 52.0, "db.replica.lag")]);
    let growth = (lag[1] - lag[0]) / 30.0;
    assert!((growth - 1.0 / 3.0).abs() < 0.02, "{lag:?}");
    // Four threads are enough.
    let text = text.replace("apply: {", "apply: {threads: 4, ");
    assert!(during(&text, &[(50.0, 52.0, "db.replica.lag")])[0] < 0.1);
}

#[test]
fn a_read_is_stale_as_often_as_a_write_came_within_the_lag() {
    // 50 rows, 50 writes a second: each row once a second. A lag of L makes a read stale with 1 - exp(-L).
    for lag in [0.1, 0.5] {
        let replicas = format!("replicas: {{count: 1, cpu: 8, mode: {{shared_storage: {{lag: {lag}s}}}}}}");
        let text = scenario(SHORT, "rate: 250 rps, write_share: 20%", &replicas, "");
        let stale = mean(&run(&text).each("stale_reads(item)"));
        let expected = 1.0 - f64::exp(-lag);
        assert!((stale - expected).abs() < 0.03, "{lag}: {stale} for {expected}");
    }
    // Of an exponential lag that never overtakes: order keeps the log in line, so it is later, never earlier.
    let replicas = "replicas: {count: 1, cpu: 8, mode: {shared_storage: {lag: exp(100ms)}}}";
    let text = scenario(SHORT, "rate: 20 rps, write_share: 20%", replicas, "");
    let stale = mean(&run(&text).each("staleness(item)"));
    assert!(stale > 0.05 && stale < 0.4, "{stale}");
}

#[test]
fn reads_scale_with_replicas_until_every_one_is_busy_with_writes() {
    let cpu = |count: u32, client: &str| {
        let replicas = format!("replicas: {{count: {count}, cpu: 4, apply: {{cost: 10ms}}}}");
        mean(&run(&scenario(SHORT, client, &replicas, "")).each("db.replica.cpu"))
    };
    let reads = "rate: 400 rps, write_share: 0%";
    let (one, four) = (cpu(1, reads), cpu(4, reads));
    assert!((one - 0.5).abs() < 0.02 && (four - 0.125).abs() < 0.01, "{one} {four}");
    // 80 writes a second of 10 ms: a fifth of four cores on each replica, however many there are.
    let writes = "rate: 80 rps, write_share: 100%";
    let (one, four) = (cpu(1, writes), cpu(4, writes));
    assert!((one - 0.2).abs() < 0.02 && (four - one).abs() < 0.01, "{one} {four}");
}

#[test]
fn reads_of_own_writes_are_violated_in_turn_and_kept_by_stickiness_or_position() {
    let violations = |route: &str| {
        let replicas = format!("replicas: {{count: 2, cpu: 4, apply: {{cost: 8ms}}, route: {route}}}");
        let client = "rate: 100 rps, write_share: 60%, read_own_write: {p: 50%, after: 5ms}";
        let runs = run(&scenario(SHORT, client, &replicas, ""));
        assert!(mean(&runs.each("availability")) > 0.999);
        runs.each("ryw_violations").iter().sum::<f64>()
    };
    for route in ["round_robin", "least_lag", "session_pin"] {
        assert!(violations(route) > 100.0, "{route}");
    }
    for route in ["primary", "{sticky_after_write: 2s}", "wait_for_position"] {
        assert_eq!(violations(route), 0.0, "{route}");
    }
}

const CUT_AND_KILL: &str =
    "faults: [{at: 28s, partition: [db.primary, db.replicas], for: 2s}, {at: 30s, kill: db.primary}]";

#[test]
fn a_failover_loses_the_tail_unless_a_replica_had_it() {
    let lost = |mode: &str| {
        let replicas = format!(
            "replicas: {{count: 2, cpu: 4, apply: {{cost: 1ms}}, mode: {mode}}}
    failover: {{detect: 3s, promote: 5s}}"
        );
        let text = scenario(SHORT, "rate: 100 rps, write_share: 50%, timeout: 1s", &replicas, CUT_AND_KILL);
        let runs = run(&text);
        (mean(&runs.each("lost_writes")), mean(&runs.each("outage")))
    };
    // Two seconds of 50 writes.
    let (tail, outage) = lost("async");
    assert!((tail - 100.0).abs() < 30.0, "{tail}");
    // To the first write after detection and promotion: callers without DNS learn at once.
    assert!((8.0..8.3).contains(&outage), "{outage}");
    for mode in ["sync", "quorum", "shared_storage", "{sync: {level: apply}}"] {
        assert_eq!(lost(mode).0, 0.0, "{mode}");
    }
}

#[test]
fn an_outage_is_detection_promotion_and_reconnection() {
    let replicas = "replicas: {count: 2, cpu: 4, apply: {cost: 1ms}}
    failover: {detect: 4s, promote: 6s, dns_ttl: 10s}";
    let text =
        scenario(SHORT, "rate: 100 rps, timeout: 1s", replicas, "faults: [{at: 30s, kill: db.primary}]");
    let outage = run(&text).each("outage");
    // Each caller learns at its own moment in the ten seconds.
    assert!(outage.iter().all(|outage| (10.0..20.2).contains(outage)), "{outage:?}");
    // A proxy that holds statements makes nobody fail who would wait for that long.
    let held = text
        .replace("dns_ttl: 10s", "buffer: {requests: 10k, for: 20s}")
        .replace("timeout: 1s", "timeout: 20s");
    let runs = run(&held);
    assert_eq!(mean(&runs.each("availability")), 1.0);
}

#[test]
fn semi_synchronous_replication_falls_back_after_its_patience() {
    let replicas = "replicas: {count: 1, cpu: 4, apply: {cost: 1ms}, mode: {semi_sync: {timeout: 5s}}}";
    let faults = "faults: [{at: 20s, kill: 'db.replica[0]', for: 20s}]";
    let text = scenario(SHORT, "rate: 50 rps, write_share: 100%, timeout: 30s", replicas, faults);
    let seen = during(
        &text,
        &[
            (20.0, 21.0, "mean"),
            (26.0, 30.0, "max"),
            (45.0, 55.0, "availability"),
            (45.0, 55.0, "db.replica.lag"),
        ],
    );
    assert!((seen[0] - 4.5).abs() < 0.3, "who asks in the first second waits for the rest of five: {seen:?}");
    assert!(seen[1] < 0.1 && seen[2] == 1.0 && seen[3] < 0.1, "{seen:?}");
    // Strict synchrony waits as long as its clients do.
    let strict = text.replace("{semi_sync: {timeout: 5s}}", "sync").replace("timeout: 30s", "timeout: 2s");
    assert_eq!(during(&strict, &[(22.0, 36.0, "availability")])[0], 0.0);
}

#[test]
fn a_replica_that_is_lost_leaves_its_reads_to_the_others_and_catches_up() {
    let replicas = "replicas: {count: 2, cpu: 4, apply: {cost: 2ms}}";
    let faults = "faults: [{at: 20s, kill: 'db.replica[0]', for: 20s}]";
    let text = scenario(SHORT, "rate: 200 rps, write_share: 20%", replicas, faults);
    let seen = during(
        &text,
        &[
            (10.0, 19.0, "db.replica[1].cpu"),
            (21.0, 39.0, "db.replica[1].cpu"),
            (21.0, 39.0, "db.replica[0].cpu"),
            (21.0, 39.0, "availability"),
            (50.0, 59.0, "db.replica[0].lag"),
            (30.0, 39.0, "db.replica.lag"),
        ],
    );
    assert!((seen[1] / seen[0] - 1.8).abs() < 0.15, "{seen:?}");
    assert!(seen[2] == 0.0 && seen[3] == 1.0 && seen[4] < 0.1 && seen[5] > 9.0, "{seen:?}");
}

#[test]
fn a_split_brain_loses_what_the_old_primary_took_unless_it_is_fenced() {
    let lost = |fencing: bool| {
        let replicas = format!(
            "replicas: {{count: 2, cpu: 4, apply: {{cost: 1ms}}}}
    failover: {{detect: 2s, promote: 2s, fencing: {fencing}}}"
        );
        // The first caller is on the old primary's side of the cut.
        let faults =
            "faults: [{at: 20s, partition: {from: [db.primary, 'app[0]'], to: db.replicas}, for: 20s}]";
        let client = "rate: 100 rps, write_share: 100%, timeout: 1s";
        let runs = run(&scenario(SHORT, client, &replicas, faults));
        (mean(&runs.each("lost_writes")), mean(&runs.each("availability")))
    };
    let ((fenced, lower), (split, higher)) = (lost(true), lost(false));
    // About 4 s of all writes; then 15 s of half of them more, for whoever did not hear of the new primary.
    assert!(split > fenced + 400.0, "{split} {fenced}");
    assert!(higher > lower, "the price of fencing: {higher} {lower}");
}

#[test]
fn lag_can_be_said_and_routes_that_look_at_it_avoid_it() {
    let faults = "faults: [{at: 20s, lag: {target: 'db.replica[0]', by: 5s, for: 20s}}]";
    let seen = |route: &str| {
        let replicas = format!("replicas: {{count: 2, cpu: 4, apply: {{cost: 1ms}}, route: {route}}}");
        let text = scenario(SHORT, "rate: 200 rps, write_share: 20%", &replicas, faults);
        during(&text, &[(30.0, 39.0, "db.replica[0].lag"), (30.0, 39.0, "stale_reads(item)")])
    };
    let turn = seen("round_robin");
    assert!((turn[0] - 5.0).abs() < 0.2 && turn[1] > 0.4, "{turn:?}");
    for route in ["{bounded: 2s}", "least_lag"] {
        assert!(seen(route)[1] < 0.02, "{route}");
    }
}

/// Replicas with zero lag, reads without sessions, and replay that costs nothing.
#[test]
fn mistake_10_replicas_lag_replay_costs_and_reads_have_owners() {
    let of = |cost: &str| {
        let replicas = format!("replicas: {{count: 1, cpu: 4, apply: {{cost: {cost}}}}}");
        let client = "rate: 100 rps, write_share: 50%, read_own_write: {p: 100%, after: 0s}";
        let runs = run(&scenario(SHORT, client, &replicas, ""));
        ["db.replica.cpu", "db.replica.lag", "ryw_violations"].map(|metric| mean(&runs.each(metric)))
    };
    let ([cpu, lag, violated], [free_cpu, free_lag, never]) = (of("10ms"), of("0s"));
    assert!(cpu > free_cpu + 0.08 && lag > 0.001 && violated > 100.0, "{cpu} {lag} {violated}");
    assert_eq!((free_lag, never), (0.0, 0.0));
}

/// A failover without lost writes is no asynchronous one.
#[test]
fn mistake_27_an_acknowledged_write_is_not_a_replicated_one() {
    let replicas = "replicas: {count: 2, cpu: 4, apply: {cost: 1ms}}
    failover: {detect: 1s, promote: 1s}";
    let text = scenario(SHORT, "rate: 100 rps, timeout: 1s", replicas, CUT_AND_KILL);
    assert!(run(&text).each("lost_writes").iter().all(|lost| *lost > 0.0));
}
