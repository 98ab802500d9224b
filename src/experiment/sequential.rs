//! Replicate until sure: the half-width of a metric's interval, relative to its value, is what was asked for.
//!
//! Looking again and again and stopping when the interval happens to be narrow makes intervals that say 95 % and
//! cover less (Law 2015, section 9.4.1). Three rules hold that back. No look before ten replications
//! (Chow & Robbins 1965 is about large samples; Law and Kelton found the first looks to be the ones that lie).
//! Looks lie apart by half of what there is, so there are few of them: 10, 15, 23, 35, 53, ... And the level of
//! each look is divided by the number of looks and of metrics (Bonferroni), so that all the intervals
//! that anybody could stop at hold together with 95 %. Relative to the true value the half-width is at most
//! `asked` if relative to the estimate it is at most `asked / (1 + asked)` (Law & Carson 1979), and that is what
//! is compared; of an interval that is longer on one side, the longer half. Coverage is measured by `compare::intervals_of_p99_and_stopping_when_sure_keep_the_coverage`.

use super::results::Precision;
use super::sampled::Sampled;

/// Replications before the first look.
pub const FIRST: u32 = 10;

/// How many replications there are at each look; the last is `max`.
#[must_use]
pub fn looks(max: u32) -> Vec<u32> {
    looks_from(FIRST, max)
}

/// The same with a first look of the caller's choice, for decisions that need no narrow interval.
#[must_use]
pub fn looks_from(first: u32, max: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut at = first.max(1).min(max);
    while at < max {
        all.push(at);
        at = at.saturating_add(at.div_ceil(2));
    }
    all.push(max);
    all
}

/// How sure a metric is, one of `metrics`, at one of `looks` looks: the longer half of its interval.
#[must_use]
pub fn precision(metric: &str, asked: f64, found: &Sampled, looks: usize, metrics: usize) -> Precision {
    let level = 1.0 - 0.05 / (looks.max(1) * metrics.max(1)) as f64;
    let reached = found.value().number().zip(found.interval(level)).and_then(|(middle, interval)| {
        let half = (interval.high - middle).max(middle - interval.low);
        if half == 0.0 { Some(0.0) } else { Some(half / middle.abs()).filter(|x| x.is_finite()) }
    });
    let met = reached.is_some_and(|reached| reached <= asked / (1.0 + asked));
    Precision { metric: metric.to_owned(), asked, reached, met }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::results::MetricValue;

    #[test]
    fn looks_are_few_and_end_at_the_most() {
        assert_eq!(looks(50), [10, 15, 23, 35, 50]);
        assert_eq!(looks(10), [10]);
        assert_eq!(looks(3), [3]);
        assert_eq!(looks_from(4, 50), [4, 6, 9, 14, 21, 32, 48, 50]);
        assert!(looks(10_000).len() < 20);
    }

    #[test]
    fn what_is_relative_to_nothing_is_never_sure() {
        let numbers =
            |values: &[f64]| Sampled::mean(values.iter().map(|x| MetricValue::Number(*x)).collect());
        let sure = precision("p99", 0.05, &numbers(&[1.0, 1.01, 0.99, 1.0]), 1, 1);
        assert!(sure.met && sure.reached.unwrap() < 0.02, "{sure:?}");
        assert!(
            !precision("p99", 0.05, &numbers(&[1.0, 1.01, 0.99, 1.0]), 1000, 9).met,
            "many looks ask for more"
        );
        assert_eq!(precision("p99", 0.05, &numbers(&[1.0, -1.0]), 1, 1).reached, None);
        assert!(precision("rate_503", 0.05, &numbers(&[0.0, 0.0]), 1, 1).met);
        assert!(!precision("time_to_recover", 0.05, &Sampled::mean(vec![MetricValue::Never; 12]), 1, 1).met);
        assert!(!precision("p99", 0.05, &numbers(&[1.0]), 1, 1).met);
    }
}
