//! Little's law and the utilisation law, exactly, on every resource of runs that are drained: whoever came
//! has left, so the integral of those present is the sum of their stays, and the busy time is the work.

use surgesim::base::SimTime;
use surgesim::metrics::Role;

use crate::model::{Runs, run};

/// Holds both laws on every resource and on the visits to every component.
fn laws_hold(name: &str, runs: &Runs) {
    let mut used = 0;
    for (index, replication) in runs.replications.iter().enumerate() {
        let record = &replication.record;
        for (slot, (present, _)) in record.last.iter().enumerate() {
            let usage = record.usage_in(slot, SimTime::ZERO, SimTime::MAX);
            let resource = runs.catalog.resources.get(slot);
            let role = resource.map(|r| r.role);
            // Connections and row locks report how many there are, not who holds them for how long.
            if usage.present == 0.0 || matches!(role, Some(Role::Connections)) {
                continue;
            }
            used += 1;
            let place = format!("{name} #{index}: {role:?} of {:?}", resource.map(|r| r.component));
            assert_eq!(*present, 0, "{place} is not drained");
            let close = |law: &str, a: f64, b: f64, slack: f64| {
                assert!((a - b).abs() <= slack + 1e-9 * a.abs(), "{place}: {law}: {a} and {b}");
            };
            if role == Some(Role::Locks) {
                // Only those who wait are counted there.
                close("waiting", usage.present, usage.waited, 1.0);
                continue;
            }
            close("Little", usage.present, usage.stayed, f64::from(usage.departed));
            if resource.is_some() && usage.refused == 0 && role != Some(Role::Wal) {
                close("waits", usage.waiting(), usage.waited, f64::from(usage.granted));
            }
            if role == Some(Role::Cpu) && usage.refused == 0 {
                close("utilisation", usage.busy, usage.demanded, 2.0 * f64::from(usage.departed));
            }
        }
    }
    assert!(used > 3, "{name}: the laws were held on {used} slots only");
}

/// A shipped scenario cut to ten minutes whose arrivals end after two.
fn drained(text: &str) -> String {
    text.replace(
        "run: {duration: 40m, warmup: 3m, seed: 7, replications: 5}",
        "run: {duration: 30m, warmup: 0s, seed: 7, replications: 2, bucket: 60s}",
    )
    .replace("sessions: 5/s", "sessions: {steps: [0s 5/s, 120s 0/s]}")
    .replace(
        "spike: {at: 8m, to: 100/s, rise: 4m, hold: 6m, half_life: 10m}",
        "spike: {at: 30s, to: 100/s, rise: 20s, hold: 40s}",
    )
    .split("expect:")
    .next()
    .unwrap()
    .to_owned()
}

#[test]
fn on_the_single_server_through_its_spike() {
    let text = drained(include_str!("../../scenarios/single-server.yaml"));
    laws_hold("single-server", &run(&text));
    // And where nobody leaves a line before his turn.
    let patient = text
        .replace("wait: 3s", "wait: 3000s")
        .replace("    timeout: 10s\n", "")
        .replace("backlog: 400", "backlog: 40000");
    assert_ne!(patient, text);
    laws_hold("patient", &run(&patient));
}

#[test]
fn on_every_way_to_hold_something() {
    let client =
        "{rate: {steps: [0s 60/s, 50s 0/s]}, mix: {GET /: 3, GET /low: {weight: 1, priority: 1}}, to: ";
    for (name, front) in [
        ("workers", "kind: service, workers: 4, cpu: 2"),
        ("preemptive", "kind: service, workers: 4, cpu: 2, discipline: priority, preemptive: true"),
        ("backlog", "kind: service, workers: 2, backlog: 3, cpu: 2"),
        ("patience", "kind: service, workers: 2, max_wait: 30ms, cpu: 2"),
        ("event loop", "kind: service, workers: event_loop, cpu: 2"),
        ("shared", "kind: service, workers: 2, discipline: processor_sharing, cpu: 1"),
        ("releasing", "kind: service, workers: 2, release_while_waiting: true, cpu: 2"),
    ] {
        let text = format!(
            "scenario: laws\nrun: {{duration: 200s, warmup: 0s, seed: 3, replications: 2, bucket: 20s}}\n\
             data: {{row: {{rows: 20, zipf: 1}}}}\nclients:\n  c: {client}lb}}\ncomponents:\n  \
             lb: {{kind: load_balancer, algorithm: least_connections, to: s}}\n  \
             s: {{{front}, instances: 2, io: 1, pools: {{db: {{size: 3}}}}, endpoints: {{GET /: [{{cpu: ~10ms}}, {{io: ~4ms}}, {{query: db.write(row)}}, {{sleep: exp(5ms)}}], \
             GET /low: [{{cpu: ~20ms}}, {{parallel: {{steps: [[{{cpu: ~5ms}}], [{{query: db.read(row)}}]]}}}}]}}}}\n  \
             db: {{kind: database, cpu: 2, io: 2, commit: 1ms, max_connections: 50, queries: {{read: {{read: row, cpu: ~10ms, io: ~3ms}}, write: {{write: row, cpu: ~8ms, lock: row, wal: ~4KB}}}}}}\n"
        );
        laws_hold(name, &run(&text));
    }
}
