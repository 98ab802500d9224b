//! Conservation, determinism and pairing, on the shipped scenario cut to minutes.

use surgesim::experiment::simulation::{fingerprint, on_threads};

use crate::model::{model, run};

const SHORT: &str = include_str!("../../scenarios/single-server.yaml");

/// Two minutes around the spike, brought forward.
fn short() -> String {
    SHORT
        .replace(
            "run: {duration: 40m, warmup: 3m, seed: 7, replications: 5}",
            "run: {duration: 2m, seed: 7, replications: 2}",
        )
        .replace(
            "spike: {at: 8m, to: 100/s, rise: 4m, hold: 6m, half_life: 10m}",
            "spike: {at: 20s, to: 100/s, rise: 20s, hold: 30s, half_life: 10s}",
        )
        .split("expect:")
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn what_was_opened_is_closed_or_in_flight() {
    for replication in run(&short()).replications {
        let calls = replication.calls;
        assert_eq!(calls.opened, calls.closed + calls.in_flight);
        assert!(calls.opened > 10_000);
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let (text, other) = (model(&short()), model(&short().replace("seed: 7", "seed: 8")));
    assert_eq!(fingerprint(&text, 0), fingerprint(&text, 0));
    assert_ne!(fingerprint(&text, 0), fingerprint(&text, 1));
    assert_ne!(fingerprint(&text, 0), fingerprint(&other, 0));
}

#[test]
fn one_thread_and_two_give_the_same_results() {
    let goodput = |threads| on_threads(threads, || run(&short()).each("goodput")).unwrap();
    assert_eq!(goodput(1), goodput(2));
}

#[test]
fn an_unused_component_changes_nobodys_luck() {
    let text = short();
    let more =
        text.replace("  db:\n    kind: database", "  spare: {kind: service}\n  db:\n    kind: database");
    assert_ne!(text, more);
    for metric in ["goodput", "p99", "mean", "db.cpu", "app.cpu", "errors.503"] {
        assert_eq!(run(&text).each(metric), run(&more).each(metric), "{metric}");
    }
}

#[test]
fn a_load_balancer_in_front_changes_no_service_time() {
    let text = short().replace("sessions: 5/s", "sessions: 1/s").replace("to: 100/s", "to: 2/s");
    let more = text
        .replace("    to: app", "    to: lb")
        .replace("components:\n", "components:\n  lb: {kind: load_balancer, to: app}\n");
    assert_ne!(text, more);
    // The network takes no time here, so the very same work reaches the very same cores.
    for metric in ["mean", "p99", "db.cpu", "app.cpu"] {
        assert_eq!(run(&text).each(metric), run(&more).each(metric), "{metric}");
    }
}
