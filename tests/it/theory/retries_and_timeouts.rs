//! Who leaves the line, who goes on for nobody, and who comes again.

use super::cases::{case, expected, numbers};
use super::rule::{hold, hold_value, one, scenario, station, watched};

#[test]
fn impatient_customers_leave_the_line() {
    let patience = format!("max_wait: exp(2s), {}", station(10, "exp(1s)"));
    let runs = watched(&one("rate: 12/s", &patience, 8_000), &[]);
    let id = "ERLA-10-12";
    hold_value(id, "share", "prob_abandon", &runs.each("rate_503"), runs.jobs());
    hold_value(id, "queue", "mean_queue", &runs.each("s.queue"), runs.jobs());
    // Waiting of all, those who left too: Little's law over those who came.
    let arrivals = |r: &super::rule::Replication| r.record.run().sent() as f64;
    let queues = runs.each("s.queue");
    let waits: Vec<f64> =
        runs.replications.iter().zip(&queues).map(|(r, queue)| queue * 0.9 * 8_000.0 / arrivals(r)).collect();
    hold_value(id, "mean", "mean_wait_all", &waits, runs.jobs());

    let checks = [
        ("rate_503", "prob_timeout"),
        ("s.wait", "mean_wait_of_served"),
        ("goodput", "throughput"),
        ("s.utilisation", "utilisation"),
    ];
    let fixed = |servers: u32, limit: &str| format!("max_wait: {limit}, {}", station(servers, "exp(1s)"));
    hold("TIMEOUT-D-1-0.9", &one("rate: 0.9/s", &fixed(1, "2s"), 60_000), &checks);
    hold("TIMEOUT-D-10-12", &one("rate: 12/s", &fixed(10, "1s"), 6_000), &checks);
}

/// The same law where the line is one for connections.
#[test]
fn impatient_requests_leave_the_line_for_a_connection() {
    let pooled = |wait: &str, rate: &str, seconds: u32| {
        scenario(
            &format!("c: {{rate: {rate}, mix: {{GET /: 1}}, to: s}}"),
            &format!(
                "s: {{kind: service, workers: none, pools: {{db: {{size: 10, wait: {wait}}}}}, endpoints: {{GET /: [{{query: db.work}}]}}}}
                 db: {{kind: database, cpu: 16, queries: {{work: {{cpu: exp(1s)}}}}}}"
            ),
            seconds,
        )
    };
    hold(
        "ERLA-10-12",
        &pooled("exp(2s)", "12/s", 5_000),
        &[("rate_503", "prob_abandon"), ("s.pool(db).queue", "mean_queue")],
    );
    hold(
        "TIMEOUT-D-10-12",
        &pooled("1s", "12/s", 4_000),
        &[
            ("rate_503", "prob_timeout"),
            ("s.pool(db).wait", "mean_wait_of_served"),
            ("s.pool(db)", "utilisation"),
        ],
    );
}

/// A client whose timeout reaches the server takes its request out of the line, and not out of service.
#[test]
fn a_cancelled_request_leaves_the_line_and_an_abandoned_one_does_not() {
    let id = "TIMEOUT-ZOMBIE";
    let service = station(4, "exp(1s)");
    hold(
        id,
        &one("rate: 3.6/s, timeout: 3s", &service, 20_000),
        &[("abandoned", "prob_deadline_missed"), ("goodput", "goodput"), ("s.utilisation", "utilisation")],
    );
    let runs = watched(&one("rate: 3.6/s, timeout: 3s, cancel: true", &service, 3_000), &[]);
    let busy = super::rule::mean_and_error(&runs.each("s.utilisation")).0;
    assert!(busy < expected(id, "utilisation") - 0.02, "cancelled work is not done: {busy}");
}

#[test]
fn retries_multiply_the_attempts() {
    let id = "RETRY-AMP";
    let retries = case(id).parameter("retries").as_u64().unwrap();
    for failure in numbers(case(id).parameter("failure_prob")) {
        let fails = format!(
            "workers: none, endpoints: {{GET /: [{{if: {{p: {}%, then: [reply: 500]}}}}]}}",
            100.0 * failure
        );
        // So many retries are one attempt more.
        let client = format!("rate: 100/s, retry: {{attempts: {}}}", retries + 1);
        let attempts = format!("attempts_per_call_f{failure}");
        let success = format!("success_f{failure}");
        hold(
            id,
            &one(&client, &fails, 200),
            &[("attempts_per_request", &attempts), ("availability", &success)],
        );
    }
}

/// Whoever finds the server busy comes again after an exponential time, for ever: a call that is
/// made again from the handler of its own failure.
#[test]
fn blocked_customers_come_again_until_they_are_served() {
    let text = scenario(
        "c: {rate: 0.7/s, mix: {GET /: 1}, to: door}",
        "door: {kind: service, workers: none, endpoints: {GET /: [call: {to: s, on_error: [call: {to: orbit}]}]}}
         orbit: {kind: service, workers: none, endpoints: {GET /: [sleep: exp(2s), call: {to: door}]}}
         s: {kind: service, backlog: 0, workers: 1, endpoints: {GET /: [sleep: exp(1s)]}}",
        50_000,
    );
    hold("RETRIAL-MM1", &text, &[("mean", "mean_sojourn")]);
}
