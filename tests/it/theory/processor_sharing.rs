//! Cores shared by all that run.

use super::rule::{hold, one, scenario};

fn cores(work: &str) -> String {
    format!("cpu: 1, workers: none, endpoints: {{GET /: [cpu: \"{work}\"]}}")
}

#[test]
fn sharing_equals_fifo_in_the_mean_and_not_in_the_tail() {
    let checks = [
        ("mean", "mean_sojourn"),
        ("#var", "var_sojourn"),
        ("p50", "p50_sojourn"),
        ("p90", "p90_sojourn"),
        ("p99", "p99_sojourn"),
    ];
    hold("PS-MM1", &one("rate: 0.8/s", &cores("exp(1s)"), 200_000), &checks);
    let shared = "workers: 1, discipline: processor_sharing, endpoints: {GET /: [sleep: exp(1s)]}";
    hold("PS-MM1", &one("rate: 0.8/s", shared, 60_000), &checks);
    hold("CIW-PS", &one("rate: 4/s", &cores("exp(111111us)"), 8_000), &[("mean", "mean_sojourn")]);
}

#[test]
fn the_sojourn_is_proportional_to_the_size() {
    // Jobs of three and of one second that together load the core as the exponential ones do.
    let text = scenario(
        "c: {rate: 0.4/s, mix: {GET /one: 1, GET /three: 1}, to: s}",
        "s: {kind: service, cpu: 1, workers: none, endpoints: {GET /one: [cpu: 1s], GET /three: [cpu: 3s]}}",
        150_000,
    );
    hold(
        "PS-MM1",
        &text,
        &[("mean(GET /one)", "mean_sojourn_given_size_1"), ("mean(GET /three)", "mean_sojourn_given_size_3")],
    );
}

#[test]
fn the_mean_does_not_depend_on_the_shape_of_service() {
    hold(
        "PS-MD1",
        &one("rate: 0.7/s", &cores("1s"), 120_000),
        &[
            ("mean", "mean_sojourn"),
            ("s.in_flight", "mean_in_system"),
            ("#s.at(0)", "prob_empty"),
            ("#s.at(2)", "prob_n_eq_2"),
        ],
    );
}

#[test]
fn two_classes_on_the_cores_of_a_database() {
    let text = scenario(
        "c: {rate: 80/s, mix: {GET /read: 60, POST /write: 20}, to: s}",
        "s: {kind: service, workers: none, endpoints: {GET /read: [query: db.read], POST /write: [query: db.write]}}
         db: {kind: database, cpu: 1, queries: {read: {cpu: exp(8ms)}, write: {cpu: exp(15ms)}}}",
        1_000,
    );
    hold(
        "BCMP-OPEN",
        &text,
        &[
            ("db.cpu", "db_cpu"),
            ("mean(GET /read)", "R_read"),
            ("mean(POST /write)", "R_write"),
            ("db.in_flight", "mean_in_system"),
        ],
    );
}
