//! Classes: who is served first, and what that costs the others.

use super::rule::{hold, hold_value, scenario, watched};

fn classes(rates: &[f64], service: &str, seconds: u32) -> String {
    let mix: Vec<String> = rates
        .iter()
        .enumerate()
        .map(|(i, rate)| format!("GET /{}: {{weight: {rate}, priority: {i}}}", i + 1))
        .collect();
    let endpoints: Vec<String> = (1..=rates.len()).map(|i| format!("GET /{i}: [sleep: exp(1s)]")).collect();
    scenario(
        &format!("c: {{rate: {}/s, mix: {{{}}}, to: s}}", rates.iter().sum::<f64>(), mix.join(", ")),
        &format!(
            "s: {{kind: service, workers: 1, discipline: priority, {service}endpoints: {{{}}}}}",
            endpoints.join(", ")
        ),
        seconds,
    )
}

#[test]
fn a_class_waits_for_those_above_it_and_for_the_one_in_service() {
    let id = "PRIO-NP-3";
    let runs = watched(&classes(&[0.3, 0.3, 0.2], "", 150_000), &[]);
    let waits: Vec<Vec<f64>> = (1..=3)
        .map(|class| runs.each(&format!("mean(GET /{class})")).iter().map(|t| t - 1.0).collect())
        .collect();
    for (class, waits) in waits.iter().enumerate() {
        hold_value(id, "mean", &format!("mean_wait_class{}", class + 1), waits, runs.jobs());
    }
    // Kleinrock's conservation law: no order of service changes this sum.
    let sums: Vec<f64> = (0..30).map(|r| 0.3 * waits[0][r] + 0.3 * waits[1][r] + 0.2 * waits[2][r]).collect();
    hold_value(id, "mean", "conservation_sum_rho_W", &sums, runs.jobs());
}

#[test]
fn preemption_hides_the_lower_class_from_the_upper() {
    hold(
        "PRIO-PR",
        &classes(&[0.5, 0.3], "preemptive: true, ", 150_000),
        &[
            ("mean(GET /1)", "mean_sojourn_class1"),
            ("mean(GET /2)", "mean_sojourn_class2"),
            ("s.in_flight", "total_in_system"),
        ],
    );
}
