//! How the tests compare a simulated ratio with an exact one: 30 independent replications, the interval of
//! Student's t at 99.95 % a side, and an interval that is narrow enough to catch a bug of one per cent.

use crate::base::random::Key;

/// Asserts that the mean of `ratio` over 30 seeds is `expected`, by the rule above.
pub(super) fn assert_mean(what: &str, expected: f64, ratio: impl Fn(Key) -> f64) {
    let ratios: Vec<f64> = (0..30).map(|replication| ratio(Key::root(17, replication))).collect();
    let mean = ratios.iter().sum::<f64>() / 30.0;
    let variance = ratios.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 29.0;
    let half_width = 3.66 * (variance / 30.0).sqrt();
    assert!(half_width <= 0.01 * expected, "{what}: too wide an interval, {mean} +- {half_width}");
    assert!((mean - expected).abs() <= half_width, "{what}: {mean} +- {half_width} for {expected}");
}
