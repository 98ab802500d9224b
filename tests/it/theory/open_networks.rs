//! Tandem and Jackson networks, and others of product form: a gateway without workers of its own
//! walks a request through the stations.

use super::rule::{hold, scenario};

/// Stations `name: (servers, service time)`.
fn stations(all: &[(&str, &str)]) -> String {
    all.iter()
        .map(|(name, work)| {
            format!("{name}: {{kind: service, workers: 1, endpoints: {{GET /: [sleep: {work}]}}}}\n")
        })
        .collect()
}

fn gateway(steps: &str) -> String {
    format!("gate: {{kind: service, workers: none, endpoints: {{GET /: [{steps}]}}}}\n")
}

#[test]
fn a_tandem_of_two_stations() {
    let components =
        gateway("call: {to: api}, call: {to: db}") + &stations(&[("api", "exp(1s)"), ("db", "exp(800ms)")]);
    let components =
        components.replace("[call: {to: api}, call: {to: db}]", "[{call: {to: api}}, {call: {to: db}}]");
    hold(
        "TANDEM-2",
        &scenario("c: {rate: 0.7/s, mix: {GET /: 1}, to: gate}", &components, 60_000),
        &[
            ("mean", "mean_end_to_end"),
            ("p50", "p50_end_to_end"),
            ("p99", "p99_end_to_end"),
            ("api.utilisation", "util_1"),
            ("db.utilisation", "util_2"),
        ],
    );
}

#[test]
fn an_api_with_a_store_behind_a_cache_that_misses_by_a_coin() {
    let components =
        gateway("{call: {to: app}}, {call: {to: cache}}, {if: {p: 20%, then: [{call: {to: db}}]}}")
            + &stations(&[("app", "exp(6666667ns)"), ("cache", "exp(2500us)"), ("db", "exp(33333333ns)")]);
    hold(
        "JACKSON-CACHE",
        &scenario("c: {rate: 100/s, mix: {GET /: 1}, to: gate}", &components, 400),
        &[
            ("app.utilisation", "util_app"),
            ("cache.utilisation", "util_cache"),
            ("db.utilisation", "util_db"),
            ("mean", "mean_end_to_end"),
            ("gate.in_flight", "mean_in_system"),
        ],
    );
}

#[test]
fn feedback_to_the_same_station() {
    let components = gateway("{call: {to: s}}, {if: {p: 30%, then: [{call: {to: gate}}]}}")
        + &stations(&[("s", "exp(1s)")]);
    hold(
        "JACKSON-FEEDBACK",
        &scenario("c: {rate: 0.5/s, mix: {GET /: 1}, to: gate}", &components, 80_000),
        &[("s.utilisation", "utilisation"), ("mean", "mean_total_sojourn")],
    );
}

#[test]
fn many_visits_to_cpu_and_disks() {
    // Interleaved as evenly as the counts allow.
    let visits = [("cpu", 121_u32), ("d1", 70), ("d2", 50)];
    let mut order: Vec<(f64, &str)> = visits
        .iter()
        .flat_map(|(name, n)| (0..*n).map(move |i| ((f64::from(i) + 0.5) / f64::from(*n), *name)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let steps: Vec<String> = order.iter().map(|(_, name)| format!("{{call: {{to: {name}}}}}")).collect();
    let components = gateway(&steps.join(", "))
        + &stations(&[("cpu", "exp(5ms)"), ("d1", "exp(30ms)"), ("d2", "exp(27ms)")]);
    hold(
        "OPEN-LAZ113",
        &scenario("c: {rate: 0.3/s, mix: {GET /: 1}, to: gate}", &components, 1_500),
        &[("cpu.utilisation", "util_cpu"), ("cpu.in_flight", "queue_cpu"), ("mean", "system_response")],
    );
}

#[test]
fn routing_with_loops() {
    let components = "
        gate: {kind: service, workers: none, endpoints: {GET /: [{call: {to: s4}}, {call: {to: loop}}]}}
        loop: {kind: service, workers: none, endpoints: {GET /: [{call: {to: s1}}, {if: {p: 50%, then: [{call: {to: s2}}, {call: {to: loop}}], else: [{call: {to: s3}}, {if: {p: 60%, then: [{call: {to: loop}}]}}]}}]}}\n"
        .to_owned()
        + &stations(&[("s1", "exp(40ms)"), ("s2", "exp(30ms)"), ("s3", "exp(60ms)"), ("s4", "exp(50ms)")]);
    hold(
        "OPEN-BOLCH74",
        &scenario("c: {rate: 4/s, mix: {GET /: 1}, to: gate}", &components, 4_000),
        &[
            ("s1.utilisation", "U1"),
            ("s1.in_flight", "Q1"),
            ("s3.in_flight", "Q3"),
            ("mean", "system_response"),
        ],
    );
}
