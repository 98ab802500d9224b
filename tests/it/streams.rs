//! Logs and their consumers do what Kafka's do: parallelism ends at the partitions, a rebalance stops whom its protocol
//! stops, what was not stored is done again, and every record is somewhere.

use proptest::prelude::*;

use super::model::{during, run};

/// A log of `partitions` that is fed `rate` records a second, and a worker of `instances` whose work takes `work`.
fn stream(rate: u32, log: &str, worker: &str, rest: &str) -> String {
    format!(
        "
scenario: stream
run: {{duration: 200s, seed: 5, replications: 1}}
clients: {{makers: {{rate: {rate}/s, mix: {{POST /: 1}}, to: api}}}}
data: {{user: {{rows: 100k, zipf: 0.9}}}}
components:
  api: {{kind: service, endpoints: {{POST /: [{{send: {{to: events, size: 1KB}}}}, {{reply: 202}}]}}}}
  events: {{kind: queue, family: log, {log}}}
  worker: {{kind: worker, from: events, {worker}}}
{rest}
"
    )
}

#[test]
fn parallelism_ends_at_the_partitions() {
    // A record takes 20 ms, so that a consumer does 50 a second; 1000 a second are sent.
    let done = |partitions: u32, instances: u32| {
        let log = format!("partitions: {partitions}, spread: round_robin, batch: {{max: 50}}");
        let worker = format!("instances: {instances}, steps: [{{sleep: 20ms}}]");
        during(&stream(1_000, &log, &worker, ""), &[(100.0, 200.0, "processed(events)")])[0] / 100.0
    };
    for (partitions, instances, rate) in [(4, 2, 100.0), (4, 4, 200.0), (4, 8, 200.0), (8, 8, 400.0)] {
        let seen = done(partitions, instances);
        assert!((seen / rate - 1.0).abs() < 0.02, "{partitions} partitions, {instances} consumers: {seen}/s");
    }
}

/// Seconds for which partitions were not read, times their share, after a fourth instance has died and come back.
fn stopped(protocol: &str, more: &str) -> f64 {
    let log = format!("partitions: 12, rebalance: {{protocol: {protocol}}}{more}");
    let faults = "faults: [{at: 60s, kill: \"worker[0]\", restart_after: 10s}]";
    let text = stream(100, &log, "instances: 4, steps: [{sleep: 5ms}]", faults);
    during(&text, &[(59.0, 180.0, "events.stopped")])[0] * 121.0
}

#[test]
fn a_rebalance_stops_whom_its_protocol_stops() {
    // Heartbeats follow the first round, at 3 s, so that the dead one was heard of at 60 s at last, and is out at 105 s. It
    // returns at 70 s; the others hear of that at 72 s, and with the eager protocol all stand still from then on:
    // a quarter for 12 s, and everything for 33 s.
    let eager = stopped("eager", "");
    assert!((eager - 36.0).abs() < 0.2, "{eager}");
    // The three of the dead one stand still, a quarter, until then; and once more for a moment when one moves.
    let cooperative = stopped("cooperative", "");
    assert!((9.0..14.0).contains(&cooperative), "{cooperative}");
    let server = stopped("server", "");
    assert!((9.0..14.0).contains(&server), "{server}");
    // A static member is not missed: a quarter for ten seconds.
    let is_static = stopped("eager", ", static: true");
    assert!((is_static - 2.5).abs() < 0.1, "{is_static}");
    // A pause comes on top of every round, for all.
    let paused = stopped("eager, pause: 10s", "");
    assert!((paused - eager - 10.0).abs() < 0.5, "{paused} after {eager}");
}

#[test]
fn a_crash_repeats_what_was_not_stored() {
    let counts = |ack: &str| {
        let log = format!("partitions: 1, {ack}, static: true, batch: {{max: 20}}");
        let faults = "faults: [{at: 62.5s, kill: worker, restart_after: 1s}]";
        let text = stream(20, &log, "steps: [{sleep: 10ms}]", faults);
        during(&text, &[(0.0, 200.0, "duplicates(events)"), (0.0, 200.0, "lost(events)")])
    };
    // Stored at the first poll after five seconds: up to 100 records at 20 a second.
    let auto = counts("ack: auto");
    assert!((1.0..=101.0).contains(&auto[0]) && auto[1] == 0.0, "{auto:?}");
    let often = counts("ack: auto, commit_every: 1s");
    assert!(often[0] <= 21.0 && often[0] <= auto[0], "{often:?} after {auto:?}");
    assert_eq!(counts("ack: each"), [0.0, 0.0]);
    let before = counts("ack: before");
    assert_eq!(before[0], 0.0);
    assert!(before[1] <= 20.0, "{before:?}");
}

#[test]
fn a_hot_key_fills_one_partition() {
    let text = stream(
        400,
        "partitions: 8, key: user",
        "instances: 8, steps: [{sleep: 10ms}]",
        "faults: [{at: 50s, hot_key: {data: user, share: 50%}, for: 100s}]",
    );
    let seen = during(
        &text,
        &[(20.0, 50.0, "events.depth"), (140.0, 150.0, "events.depth"), (140.0, 150.0, "events.oldest_age")],
    );
    // Half of 400 go to one partition, whose consumer does 100 a second: over 100 a second stay, and the others are idle.
    assert!(seen[0] < 50.0, "{seen:?}");
    assert!((9_000.0..16_000.0).contains(&seen[1]), "{seen:?}");
    assert!(seen[2] > 30.0, "{seen:?}");
}

#[test]
fn records_are_acknowledged_when_they_are_stored() {
    let latency = |log: &str| {
        let text = stream(20, log, "steps: []", "");
        during(&text, &[(10.0, 190.0, "mean")])[0]
    };
    assert!(latency("partitions: 1") < 1e-6);
    assert!((latency("partitions: 1, batch: {linger: 5ms}") - 0.005).abs() < 1e-3);
    assert!((latency("partitions: 1, replicas: 3, replication_delay: 3ms") - 0.003).abs() < 1e-6);
    assert!(latency("partitions: 1, replicas: 3, replication_delay: 3ms, acks: leader") < 1e-6);
}

#[test]
fn a_new_leader_loses_what_only_the_old_one_had() {
    let lost = |acks: &str| {
        let log = format!("partitions: 4, replicas: 2, replication_delay: 200ms, acks: {acks}");
        let faults = "faults: [{at: 100s, kill: events, restart_after: 2s}]";
        let text = stream(100, &log, "instances: 2, steps: [{sleep: 1ms}]", faults);
        during(&text, &[(0.0, 200.0, "lost(events)"), (0.0, 200.0, "availability")])
    };
    // 200 ms of 100 a second were answered and are gone.
    let leader = lost("leader");
    assert!((8.0..35.0).contains(&leader[0]), "{leader:?}");
    // Whoever waits for all is told that it failed, or sends again: availability shows it, if anything.
    let all = lost("all");
    assert!(all[1] > 0.99, "{all:?}");
}

#[test]
fn retention_takes_what_nobody_reads_in_time() {
    let log = "partitions: 1, reset: earliest, retention: {time: 20s}, batch: {max: 10}";
    let text = stream(100, log, "steps: [{sleep: 20ms}]", "");
    let seen = during(
        &text,
        &[
            (100.0, 200.0, "expired(events)"),
            (100.0, 200.0, "processed(events)"),
            (150.0, 200.0, "events.oldest_age"),
        ],
    );
    // 50 a second are done, 50 expire, and the oldest is as old as it may get.
    assert!((seen[0] / 5_000.0 - 1.0).abs() < 0.05, "{seen:?}");
    assert!((seen[1] / 5_000.0 - 1.0).abs() < 0.02, "{seen:?}");
    assert!((18.0..=20.5).contains(&seen[2]), "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_record_is_somewhere(
        seed in 0_u64..1_000_000, protocol in 0_usize..3, ack in 0_usize..4, is_static in any::<bool>(), leader in any::<bool>(),
    ) {
        let protocol = ["eager", "cooperative", "server"][protocol];
        let ack = ["auto", "after", "each", "before"][ack];
        let log = format!("partitions: 6, replicas: 2, replication_delay: ~20ms, ack: {ack}, static: {is_static}, session: 10s, rebalance: {{protocol: {protocol}}}, retention: {{time: 60s}}");
        let leader = if leader { ", {at: 90s, kill: events, restart_after: 3s}" } else { "" };
        let faults = format!("faults: [{{kill: \"worker[0]\", mtbf: 20s, mttr: 8s}}, {{kill: \"worker[1]\", mtbf: 30s, mttr: 20s}}{leader}]");
        let text = stream(60, &log, "instances: 3, concurrency: 2, steps: [{sleep: ~30ms}]", &faults)
            .replace("seed: 5", &format!("seed: {seed}"));
        let names = ["published(events)", "processed(events)", "lost(events)", "expired(events)"];
        let runs = run(&text);
        let seen: Vec<f64> = names.iter().map(|name| runs.each(name)[0]).collect();
        let [published, processed, lost, expired] = seen.as_slice() else { panic!("{seen:?}") };
        prop_assert!(*published > 10_000.0);
        prop_assert!(processed + lost + expired <= *published, "{seen:?}");
        // In the log and in hands at the end: what is not settled is bounded by what retention keeps.
        prop_assert!(published - processed - lost - expired <= 60.0 * 62.0 * 1.2, "{seen:?}");
    }
}
