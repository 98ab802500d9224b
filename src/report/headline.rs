//! The finding of a design in one line: `503 rate 11.8 % (95 % CI 11.2 to 12.4), p99 812 ms (...)`.
//!
//! Rule: what failed comes first, the most frequent kind of failure alone; then the latency of what
//! succeeded; then how long it took to get over the spike.

use super::quantity::estimate;
use crate::experiment::results::{Estimate, MetricValue, VariantResults};

/// Metrics that are shown of every design, side by side or compared, where there are any.
pub(super) const USUAL: [&str; 12] = [
    "offered",
    "goodput",
    "availability",
    "rate_503",
    "timeouts",
    "mean",
    "p50",
    "p99",
    "p99.9",
    "time_to_recover",
    "cost",
    "cost_per_million_good",
];

/// The finding, without a full stop.
#[must_use]
pub fn headline(variant: &VariantResults) -> String {
    let mut parts = Vec::new();
    match worst_failure(variant) {
        Some((name, share)) => parts.push(format!("{name} {}", estimate(share))),
        None if variant.metric("p99").is_some_and(|p99| p99.value.number().is_some()) => {
            parts.push("no request failed".to_owned());
        }
        None => parts.push("no request was answered".to_owned()),
    }
    if let Some(p99) = variant.metric("p99").filter(|p99| p99.value.number().is_some()) {
        parts.push(format!("p99 {}", estimate(p99)));
    }
    let last = variant.troubles.iter().max_by(|a, b| a.to.total_cmp(&b.to));
    let trouble = last.map_or("spike", |trouble| trouble.word);
    match variant.metric("time_to_recover") {
        Some(Estimate { value: MetricValue::Never, .. }) => {
            parts.push(format!("did not recover from the {trouble} within the run"));
        }
        Some(time) if time.value.number() == Some(0.0) => {
            parts.push(format!("no time lost after the {trouble}"));
        }
        Some(time) if time.value.number().is_some() => {
            parts.push(format!("recovered {} after the {trouble}", estimate(time)));
        }
        _ => {}
    }
    parts.join(", ")
}

/// The kind of failure with the largest share of all requests, if any failed.
fn worst_failure(variant: &VariantResults) -> Option<(String, &Estimate)> {
    let mut worst: Option<(String, &Estimate, f64)> = None;
    for (name, estimate) in &variant.metrics {
        let words = match name.as_str() {
            "rate_503" => "503 rate".to_owned(),
            "timeouts" => "timeouts".to_owned(),
            other => match other.strip_prefix("errors.") {
                Some(status) if status != "503" && status.bytes().all(|b| b.is_ascii_digit()) => {
                    format!("{status} rate")
                }
                _ => continue,
            },
        };
        let share = estimate.value.number().unwrap_or(0.0);
        if share > worst.as_ref().map_or(0.0, |w| w.2) {
            worst = Some((words, estimate, share));
        }
    }
    worst.map(|(words, estimate, _)| (words, estimate))
}

#[cfg(test)]
mod tests {
    use super::headline;
    use crate::experiment::results::{MetricValue, Unit, VariantResults};
    use crate::report::fixture;

    fn set(variant: &mut VariantResults, name: &str, value: MetricValue) {
        for (other, estimate) in &mut variant.metrics {
            if other == name {
                estimate.value = value;
            }
        }
    }

    #[test]
    fn failures_first_then_latency_then_recovery() {
        let launch = fixture::launch();
        assert_eq!(
            headline(&launch.variants[0]),
            "503 rate 11.8 % (95 % CI 11.2 to 12.4), p99 812 ms (95 % CI 774 to 851), \
             recovered 98.0 s (95 % CI 90.0 to 106.0) after the spike"
        );
        assert!(headline(&fixture::two().variants[1]).starts_with("no request failed, p99 812 ms"));
    }

    #[test]
    fn the_most_frequent_failure_is_named() {
        let mut variant = fixture::launch().variants.remove(0);
        set(&mut variant, "timeouts", MetricValue::Number(0.2));
        set(&mut variant, "time_to_recover", MetricValue::Never);
        assert!(headline(&variant).starts_with("timeouts 20.0 %"));
        assert!(headline(&variant).ends_with("did not recover from the spike within the run"));
        variant.metrics.push(("errors.504".to_owned(), fixture::estimate(0.3, Unit::Share, 0.2, 0.4)));
        variant.metrics.push(("errors.from.app".to_owned(), fixture::estimate(0.9, Unit::Share, 0.8, 1.0)));
        assert!(headline(&variant).starts_with("504 rate 30.0 %"));
    }

    #[test]
    fn without_any_answer_it_says_so() {
        assert_eq!(headline(&VariantResults::default()), "no request was answered");
    }
}
