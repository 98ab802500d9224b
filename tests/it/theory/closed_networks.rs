//! A fixed population that thinks and asks, against exact mean value analysis.

use super::rule::{hold, hold_value, one, scenario, station, watched};

fn stations(all: &[(&str, &str)]) -> String {
    all.iter()
        .map(|(name, work)| {
            format!("{name}: {{kind: service, workers: 1, endpoints: {{GET /: [sleep: {work}]}}}}\n")
        })
        .collect()
}

#[test]
fn machines_and_repairmen() {
    let checks = [
        ("throughput", "throughput"),
        ("mean", "mean_response"),
        ("s.in_flight", "queue_1"),
        ("s.utilisation", "util_1"),
    ];
    hold("MVA-LINE3", &one("users: 3, think: exp(2s)", &station(2, "exp(250ms)"), 20_000), &checks);
    hold("MRP-10", &one("users: 10, think: exp(1145ms)", &station(1, "exp(100ms)"), 6_000), &checks);
}

#[test]
fn an_interactive_system() {
    // 16, 10 and 5 visits per cycle, in turn as evenly as the counts allow.
    let visits = [("s1", 16_u32), ("s2", 10), ("s3", 5)];
    let mut order: Vec<(f64, &str)> = visits
        .iter()
        .flat_map(|(name, n)| (0..*n).map(move |i| ((f64::from(i) + 0.5) / f64::from(*n), *name)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let steps: Vec<String> = order.iter().map(|(_, name)| format!("{{call: {{to: {name}}}}}")).collect();
    let components = format!(
        "gate: {{kind: service, workers: none, endpoints: {{GET /: [{}]}}}}\n{}",
        steps.join(", "),
        stations(&[("s1", "exp(125ms)"), ("s2", "exp(300ms)"), ("s3", "exp(200ms)")])
    );
    hold(
        "MVA-JAIN",
        &scenario("c: {users: 20, think: exp(4s), mix: {GET /: 1}, to: gate}", &components, 8_000),
        &[
            ("throughput", "throughput"),
            ("mean", "mean_response"),
            ("s1.in_flight", "queue_1"),
            ("s2.in_flight", "queue_2"),
            ("s3.in_flight", "queue_3"),
            ("s1.utilisation", "util_1"),
            ("s2.utilisation", "util_2"),
            ("s3.utilisation", "util_3"),
        ],
    );
}

#[test]
fn a_central_server() {
    let components = "gate: {kind: service, workers: none, endpoints: {GET /: [{call: {to: s1}}, {if: {p: 40%, then: [{call: {to: s2}}], else: [{if: {p: 33.333333333%, then: [{call: {to: s3}}], else: [{if: {p: 25%, then: [{call: {to: s4}}]}}]}}]}}]}}\n"
        .to_owned()
        + &stations(&[("s1", "exp(20ms)"), ("s2", "exp(200ms)"), ("s3", "exp(400ms)"), ("s4", "exp(600ms)")]);
    hold(
        "MVA-BOLCH83",
        &scenario("c: {users: 6, think: 0s, mix: {GET /: 1}, to: gate}", &components, 4_000),
        &[
            ("throughput", "throughput"),
            ("mean", "mean_response"),
            ("s1.in_flight", "queue_1"),
            ("s2.in_flight", "queue_2"),
            ("s3.in_flight", "queue_3"),
            ("s4.in_flight", "queue_4"),
            ("s1.utilisation", "util_1"),
            ("s4.utilisation", "util_4"),
        ],
    );
}

/// Two classes of one customer each who share a CPU and a disk: BCMP.
#[test]
fn two_classes_share_two_stations() {
    let id = "BCMP-LAZ";
    let shared = "workers: 1, discipline: processor_sharing";
    let text = scenario(
        "a: {users: 1, think: 0s, mix: {GET /a: 1}, to: gate}
         b: {users: 1, think: 0s, mix: {GET /b: 1}, to: gate}",
        &format!(
            "gate: {{kind: service, workers: none, endpoints: {{GET /a: [{{call: {{to: cpu, endpoint: GET /a}}}}, {{call: {{to: disk, endpoint: GET /a}}}}], GET /b: [{{call: {{to: cpu, endpoint: GET /b}}}}, {{call: {{to: disk, endpoint: GET /b}}}}]}}}}
             cpu: {{kind: service, {shared}, endpoints: {{GET /a: [sleep: exp(1s)], GET /b: [sleep: exp(2s)]}}}}
             disk: {{kind: service, {shared}, endpoints: {{GET /a: [sleep: exp(3s)], GET /b: [sleep: exp(4s)]}}}}"
        ),
        60_000,
    );
    let runs = watched(&text, &[]);
    // Who thinks for no time cycles at one over the response time.
    let cycles =
        |endpoint: &str| runs.each(&format!("mean({endpoint})")).iter().map(|r| 1.0 / r).collect::<Vec<_>>();
    hold_value(id, "mean", "X_A", &cycles("GET /a"), runs.jobs());
    hold_value(id, "mean", "X_B", &cycles("GET /b"), runs.jobs());
    // One of each class: the CPU holds both classes' numbers, the disk the rest of two.
    let at_cpu: Vec<f64> = runs.each("cpu.in_flight");
    let a = super::cases::expected(id, "Q_A_cpu");
    let b = 1.0 - super::cases::expected(id, "Q_B_disk");
    let (mean, error) = super::rule::mean_and_error(&at_cpu);
    assert!((mean - a - b).abs() < 3.66 * error && error < 0.003 * mean, "{mean} for {}", a + b);
}
