//! A recorder on hand-made observations, read through the vocabulary.

use super::evaluate::value;
use super::*;
use crate::base::{ComponentId, NANOS_PER_SEC, OperationId, ResourceId, SimDuration, SimTime};
use crate::engine::{Finished, Observation, Outcome, Probe, Reason};

const APP: ComponentId = ComponentId(0);
const DB: ComponentId = ComponentId(1);
const USERS: ComponentId = ComponentId(2);

fn at(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}

fn component(id: ComponentId, name: &str, kind: &'static str, instances: u32) -> ComponentInfo {
    ComponentInfo {
        id,
        name: name.to_owned(),
        kind,
        instances,
        layout: (kind == "database").then_some(crate::engine::Layout::SINGLE),
        cores: vec![2.0],
        operations: Vec::new(),
    }
}

fn catalog() -> Catalog {
    let resource = |id, component, instance, role, servers| ResourceInfo {
        id: ResourceId(id),
        component,
        instance,
        role,
        servers,
    };
    Catalog {
        components: vec![component(APP, "app", "service", 2), component(DB, "db", "database", 1)],
        clients: vec![ClientInfo {
            id: USERS,
            name: "users".to_owned(),
            operations: vec!["GET /a".to_owned(), "GET /b".to_owned()],
        }],
        resources: vec![
            resource(0, APP, 0, Role::Cpu, 2.0),
            resource(1, APP, 1, Role::Cpu, 2.0),
            resource(2, DB, 0, Role::Cpu, 4.0),
            resource(3, DB, 0, Role::Connections, 10.0),
            resource(4, APP, 0, Role::Pool(DB), 5.0),
            resource(5, APP, 1, Role::Pool(DB), 5.0),
        ],
        entities: vec!["post".to_owned()],
        bill: [APP, DB].map(|id| crate::metrics::BillItem::priced(id, 0.5)).to_vec(),
        spikes: Vec::new(),
        transactions: false,
        sells_units: false,
    }
}

fn plan() -> RecorderPlan {
    RecorderPlan {
        duration: Some(at(10.0)),
        warmup: at(2.0),
        bucket: SimDuration::from_secs(3),
        windows: vec![(at(4.0), at(5.0)), (at(2.5), at(8.0))],
        spike_end: None,
    }
}

fn finished(started: f64, operation: u16, outcome: Outcome) -> Observation {
    Observation::Finished(Finished {
        client: USERS,
        operation: OperationId(operation),
        started: at(started),
        outcome,
        attempts: 2,
        degraded: false,
    })
}

/// Two instances: one always busy with one of two cores, one with three customers from 4 s to 6 s.
fn record() -> ReplicationRecord {
    let mut recorder = Recorder::new(&catalog(), plan());
    let mut see = |seconds: f64, what| recorder.observe(at(seconds), what);
    let level = |resource, present| Observation::Level { resource: ResourceId(resource), present };
    let sent = |operation| Observation::Sent { client: USERS, operation: OperationId(operation) };
    see(0.0, level(0, 1));
    see(1.0, sent(0));
    see(1.5, finished(1.0, 0, Outcome::ok(200, APP)));
    see(3.0, sent(0));
    see(4.0, sent(1));
    see(4.0, level(1, 3));
    see(4.0, Observation::Waited { resource: ResourceId(1), wait: SimDuration::ZERO });
    see(4.5, sent(1));
    see(5.0, Observation::Waited { resource: ResourceId(1), wait: SimDuration::from_secs(1) });
    see(5.0, finished(3.0, 0, Outcome::ok(200, APP)));
    see(6.0, level(1, 0));
    see(6.5, finished(4.0, 1, Outcome::error(503, DB, Reason::TooManyConnections)));
    see(7.0, finished(4.5, 1, Outcome::error(0, USERS, Reason::Timeout)));
    see(9.0, sent(0));
    recorder.finish(at(10.0))
}

fn number(name: &str, window: Window) -> f64 {
    let catalog = catalog();
    let reference = MetricReference::parse(name, &catalog).unwrap_or_else(|e| panic!("{name}: {e}"));
    match value(&record(), &catalog, &reference.metric, window) {
        MetricValue::Number(x) => x,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn rows_tile_the_run_and_cut_at_every_bound() {
    let record = record();
    let starts: Vec<u64> = record.rows.iter().map(|row| row.start.as_nanos() / 100_000_000).collect();
    assert_eq!(starts, [0, 20, 25, 30, 40, 50, 60, 80, 90]);
    for pair in record.rows.windows(2) {
        assert_eq!(pair[0].end, pair[1].start);
    }
    assert_eq!(record.rows.last().map(|row| row.end), Some(at(10.0)));
    assert_eq!(record.latencies.len(), 4);
}

#[test]
fn every_metric_over_the_run_and_over_windows() {
    let during = Window::During(at(4.0), at(5.0));
    for (name, window, expected) in [
        ("offered", Window::Run, 4.0 / 8.0),
        ("throughput", Window::Run, 3.0 / 8.0),
        ("goodput", Window::Run, 1.0 / 8.0),
        ("availability", Window::Run, 1.0 / 3.0),
        ("rate_503", Window::Run, 1.0 / 3.0),
        ("errors.503.rate", Window::Run, 1.0 / 8.0),
        ("errors.from.db", Window::Run, 1.0 / 3.0),
        ("timeouts", Window::Run, 1.0 / 3.0),
        ("abandoned", Window::Run, 1.0 / 3.0),
        ("unfinished", Window::Run, 1.0 / 4.0),
        ("attempts_per_request", Window::Run, 2.0),
        ("mean", Window::Run, 2.0),
        ("max(GET /a)", Window::Run, 2.0),
        ("max(errors)", Window::Run, 2.5),
        // 1 of 2 busy all the time; 2 of 2 for 2 s of 8 s.
        ("app.cpu", Window::Run, (8.0 + 4.0) / 32.0),
        ("app[0].cpu", Window::Run, 0.5),
        ("app[1].cpu", during, 1.0),
        ("app.queue", during, 1.0),
        ("app.queue.max", Window::Run, 1.0),
        ("app.queue", Window::End, 0.0),
        ("app[0].cpu", Window::End, 0.5),
        ("app.wait", Window::Run, 0.5),
        ("app.wait.p99", Window::Run, 1.0),
        ("app.wait.p50", Window::Run, 0.0),
        ("db.primary.cpu", Window::Run, 0.0),
        ("skew(app.cpu)", Window::Run, 4.0 / 3.0),
        ("cost", Window::Run, 1.5),
        ("rate_503", during, 0.5),
        ("offered", during, 2.0),
        ("throughput", during, 0.0),
    ] {
        let got = number(name, window);
        assert!(
            (got - expected).abs() < 1e-3 * expected.max(1e-9),
            "{name} {window:?}: {got} for {expected}"
        );
    }
}

#[test]
fn a_window_that_was_not_asked_for_is_absent() {
    let metric = Metric::Availability;
    let window = Window::During(at(1.0), at(2.0));
    assert_eq!(value(&record(), &catalog(), &metric, window), MetricValue::Absent);
    let ttr = value(&record(), &catalog(), &Metric::TimeToRecover, Window::Run);
    assert_eq!(ttr, MetricValue::Absent, "no spike");
}

#[test]
fn conservation_and_memory() {
    let total = record().total();
    assert_eq!((total.sent, total.finished, total.good, total.abandoned), (5, 4, 2, 1));
    let rows_after = |requests: u64| {
        let mut recorder = Recorder::new(&catalog(), plan());
        for i in 0..requests {
            let now = SimTime::from_nanos(i * 10 * NANOS_PER_SEC / requests);
            recorder.observe(now, Observation::Sent { client: USERS, operation: OperationId(0) });
        }
        recorder.finish(at(10.0)).rows.len()
    };
    assert_eq!(rows_after(10), rows_after(10_000));
}

#[test]
fn unknown_names_say_what_was_meant_or_who_would_supply_them() {
    let catalog = catalog();
    for (name, says, suggests) in [
        ("availabilty", "no metric or component", Some("availability")),
        ("ap.cpu", "no metric or component", Some("app")),
        ("app.cpuu", "has no metric `cpuu`", Some("app.cpu")),
        ("p99(GET /c)", "no client sends", Some("GET /a")),
        ("app[2].cpu", "instances `app[0]` to `app[1]`", None),
        ("app.pool(cache).wait", "no pool of connections to `cache`", None),
        ("errors.200", "no error status", None),
        ("errors.from.dbb", "no component `dbb`", Some("errors.from.db")),
        ("db.replica.lag", "it has no replicas", None),
        ("app.hit_ratio", "a cache", None),
        ("lost_writes", "a database with replicas", None),
        ("stale_reads(pst)", "no entity `pst`", Some("post")),
        ("skew(cpu)", "needs a metric of a component", None),
        ("app", "is a component", None),
        ("p0", "no metric or component", None),
        ("", "no metric or component", None),
        ("app.queue.mox", "it has", None),
    ] {
        let error = MetricReference::parse(name, &catalog).expect_err(name);
        assert!(error.message.contains(says), "{name}: {error}");
        if suggests.is_some() {
            assert_eq!(error.suggestion.as_deref(), suggests, "{name}");
        }
    }
}

#[test]
fn standard_names_all_resolve_and_percentiles_keep_their_dot() {
    let catalog = catalog();
    let names = vocabulary::standard_names(&catalog);
    assert!(
        names.contains(&"app.pool(db).wait.p99".to_owned()) && names.contains(&"db.connections".to_owned())
    );
    for name in names {
        assert!(MetricReference::parse(&name, &catalog).is_ok(), "{name}");
    }
    let reference = MetricReference::parse("p99.9", &catalog).unwrap();
    let Metric::Latency(Statistic::Percentile(share), Requests::Good) = reference.metric else {
        panic!("{reference:?}")
    };
    assert!((share - 0.999).abs() < 1e-12);
}
