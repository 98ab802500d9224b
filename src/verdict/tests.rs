//! Objectives on the interval, expectations on every replication.

use super::{Clause, confidence_of_miss, expectation, objective, objective_at};
use crate::base::{ComponentId, OperationId, SimDuration, SimTime};
use crate::engine::{Finished, Observation, Outcome, Probe};
use crate::experiment::aggregate::aggregate;
use crate::experiment::results::{MetricValue, Verdict};
use crate::metrics::{
    Catalog, ClientInfo, Comparison, Condition, MetricReference, Recorder, RecorderPlan, ReplicationRecord,
    Term, Window,
};

const USERS: ComponentId = ComponentId(0);

fn catalog() -> Catalog {
    let users = ClientInfo { id: USERS, name: "users".to_owned(), operations: vec!["GET /".to_owned()] };
    Catalog { clients: vec![users], ..Catalog::default() }
}

/// One request a second for ten seconds, each answered after `latency` seconds.
fn run(latency: f64) -> ReplicationRecord {
    let plan = RecorderPlan {
        duration: None,
        warmup: SimTime::ZERO,
        bucket: SimDuration::from_secs(1),
        windows: Vec::new(),
        spike_end: None,
    };
    let mut recorder = Recorder::new(&catalog(), plan);
    for second in 0..10u32 {
        let started = SimTime::from_secs_f64(f64::from(second));
        recorder.observe(started, Observation::Sent { client: USERS, operation: OperationId(0) });
        let end = Finished {
            client: USERS,
            operation: OperationId(0),
            started,
            outcome: Outcome::ok(200, USERS),
            attempts: 1,
            degraded: false,
        };
        recorder.observe(started + SimDuration::from_secs_f64(latency), Observation::Finished(end));
    }
    recorder.finish(SimTime::from_secs_f64(10.0))
}

fn clause(comparison: Comparison, name: &str, limit: f64) -> Clause {
    let metric = Term::Metric(MetricReference::parse(name, &catalog()).unwrap());
    let condition = Condition::Compare(comparison, metric, Term::Number(limit));
    Clause { text: name.to_owned(), during: None, window: Window::Run, condition }
}

#[test]
fn the_interval_decides_an_objective_and_the_worst_run_an_expectation() {
    let runs: Vec<_> = [0.10, 0.12, 0.14, 0.11, 0.13].map(run).into();
    // The mean is 0.12, its 95 % interval 0.1004 to 0.1396.
    for (limit, by_interval, by_each) in [
        (0.20, Verdict::Met, Verdict::Met),
        (0.141, Verdict::Met, Verdict::Met),
        (0.1399, Verdict::Met, Verdict::Missed),
        (0.12, Verdict::Inconclusive, Verdict::Missed),
        (0.1003, Verdict::Missed, Verdict::Missed),
    ] {
        let clause = clause(Comparison::Less, "mean", limit);
        assert_eq!(objective(&clause, &catalog(), &runs).verdict, by_interval, "{limit}");
        assert_eq!(expectation(&clause, &catalog(), &runs).verdict, by_each, "{limit}");
    }
}

#[test]
fn one_replication_is_judged_on_its_value_and_nothing_is_never_met() {
    let one = [run(0.1)];
    assert_eq!(objective(&clause(Comparison::Less, "mean", 0.2), &catalog(), &one).verdict, Verdict::Met);
    assert_eq!(objective(&clause(Comparison::Less, "mean", 0.05), &catalog(), &one).verdict, Verdict::Missed);
    let absent = objective(&clause(Comparison::Less, "p99(errors)", 9.0), &catalog(), &one);
    assert_eq!((absent.verdict, absent.value.value), (Verdict::Missed, MetricValue::Absent));
    assert_eq!(
        objective(&clause(Comparison::Less, "mean", 0.2), &catalog(), &[]).verdict,
        Verdict::Inconclusive
    );
}

#[test]
fn results_add_up() {
    let results = aggregate("base", &catalog(), &[run(0.1), run(0.3)]);
    assert!(results.conservation.holds());
    assert_eq!((results.conservation.sent, results.conservation.good), (20, 20));
    let mean = results.metric("mean").unwrap();
    assert!((mean.value.number().unwrap() - 0.2).abs() < 1e-9);
    // t with one degree of freedom is wide: from -1.07 on, which no latency can be.
    assert!(mean.low == Some(0.0) && mean.high.unwrap() > 1.4, "{mean:?}");
    assert!(results.metric("p99").unwrap().pooled.unwrap() >= 0.3);
    let offered = results.series.column("offered").unwrap();
    assert_eq!(offered.median, vec![Some(1.0); 10]);
    assert_eq!(results.series.t.len(), 10);
}

#[test]
fn a_stricter_level_leaves_more_open_and_a_miss_has_its_confidence() {
    let runs: Vec<_> = [0.10, 0.12, 0.14, 0.11, 0.13].map(run).into();
    // The mean is 0.12, its standard error 0.00707: at 0.105 t is 2.12 with 4 degrees of freedom, one-sided 0.949.
    let clause = clause(Comparison::Less, "mean", 0.1003);
    assert_eq!(objective_at(&clause, &catalog(), &runs, 0.95).verdict, Verdict::Missed);
    assert_eq!(objective_at(&clause, &catalog(), &runs, 0.99).verdict, Verdict::Inconclusive);
    let miss = |limit| {
        let clause = self::clause(Comparison::Less, "mean", limit);
        confidence_of_miss(&clause, &catalog(), &runs).unwrap()
    };
    assert!((miss(0.105) - 0.949).abs() < 2e-3, "{}", miss(0.105));
    assert!((miss(0.12) - 0.5).abs() < 1e-6 && miss(0.2) < 1e-3);
    assert_eq!(confidence_of_miss(&clause, &catalog(), &runs[..1]), None);
}
