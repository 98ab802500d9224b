//! What callers and servers do to protect each other, in the language.

use super::model::{during, run};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn limited(limit: &str, instances: u32, arrivals: &str) -> String {
    format!(
        "
scenario: limited
run: {{duration: 200s, replications: 2}}
clients: {{web: {{rate: 100/s, arrivals: {arrivals}, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, instances: {instances}, rate_limit: {limit}, endpoints: {{GET /: [{{sleep: 1ms}}]}}}}
"
    )
}

#[test]
fn a_limit_per_instance_is_not_the_limit_of_the_fleet() {
    // Mistake 26: four instances with 20/s each let 80/s in; one that they share lets 20/s in.
    let each = run(&limited("{rate: 20/s, burst: 5}", 4, "poisson"));
    assert!((mean(&each.each("goodput")) - 80.0).abs() < 3.0, "{:?}", each.each("goodput"));
    let one = run(&limited("{rate: 20/s, burst: 5, shared: true}", 4, "poisson"));
    assert!((mean(&one.each("goodput")) - 20.0).abs() < 0.3);
    assert!((mean(&one.each("errors.429")) - 0.8).abs() < 0.01);
}

#[test]
fn nginx_delays_its_burst_unless_told_not_to() {
    // D/D/1: 100/s evenly against 50/s with a burst of 20: who is let in waits for up to 20/50 s.
    let delays =
        run(&limited("{rate: 50/s, burst: 20, algorithm: leaky_bucket, status: 503}", 1, "deterministic"));
    assert!((mean(&delays.each("rate_503")) - 0.5).abs() < 0.01);
    assert!((mean(&delays.each("p50")) - 0.4).abs() < 0.03, "{:?}", delays.each("p50"));
    let at_once =
        run(&limited("{rate: 50/s, burst: 20, algorithm: leaky_bucket, nodelay: true}", 1, "deterministic"));
    assert!(mean(&at_once.each("max")) < 0.0011);
}

#[test]
fn a_breaker_opens_spares_the_sick_and_closes_again() {
    let text = |breaker: &str| {
        format!(
            "
scenario: breaker
run: {{duration: 300s, replications: 2}}
clients: {{web: {{rate: 50/s, mix: {{GET /: 1}}, to: app}}}}
components:
  app:
    kind: service
    endpoints:
      GET /: [{{call: {{to: back, endpoint: GET /, timeout: 1s{breaker}, fallback: [{{reply: 200}}]}}}}]
  back: {{kind: service, endpoints: {{GET /: [{{sleep: 10ms}}]}}}}
faults: [{{at: 100s, hang: back, for: 50s}}]
"
        )
    };
    let windows = [(110.0, 149.0, "p50"), (110.0, 149.0, "mean"), (170.0, 299.0, "mean")];
    let without = during(&text(""), &windows);
    assert!((without[0] - 1.0).abs() < 0.01, "everybody waits for the timeout: {without:?}");
    let with = during(&text(", breaker: {calls: 20, failures: 50%, open: 5s, half_open: 3}"), &windows);
    assert!(with[0] < 0.001, "nobody asks: {with:?}");
    assert!(with[1] < 0.05, "but for three trials every five or six seconds: {with:?}");
    assert!((with[2] - 0.01).abs() < 0.001, "it is closed again: {with:?}");
}
