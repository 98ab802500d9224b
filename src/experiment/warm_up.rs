//! Where the steady state begins: MSER-5 (White, Cobb & Spratt 2000).
//!
//! Rule: means of batches of five; of all truncation points the one whose rest has the smallest
//! sum (z - mean)^2 / k^2, ties to the earliest. Only for steady-state runs: a run with a spike, a ramp
//! or a fault is terminating, and is never truncated. Where the smallest lies in the last half, the run was
//! too short to tell, and the answer is a refusal. The last five batches are no candidates: so few agree by chance.

/// Values per batch.
const BATCH: usize = 5;

/// Where to cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truncation {
    /// Values to drop from the front.
    pub index: usize,
    /// The statistic there.
    pub statistic: f64,
}

/// The truncation point of a series; `None` if it is shorter than ten batches, or if its point lies in the last half.
#[must_use]
pub fn mser5(series: &[f64]) -> Option<Truncation> {
    let batches: Vec<f64> =
        series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    let count = batches.len();
    if count < 10 || batches.iter().any(|z| !z.is_finite()) {
        return None;
    }
    let mut best: Option<Truncation> = None;
    for first in 0..=count - BATCH {
        let rest = &batches[first..];
        let k = rest.len() as f64;
        let mean = rest.iter().sum::<f64>() / k;
        let statistic = rest.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / (k * k);
        if best.is_none_or(|best| statistic < best.statistic) {
            best = Some(Truncation { index: first * BATCH, statistic });
        }
    }
    best.filter(|best| best.index <= count / 2 * BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_rule_on_a_deterministic_series() {
        let series: Vec<f64> =
            (0..1000).map(|i| 10.0 * libm::exp(-f64::from(i) / 50.0) + libm::sin(f64::from(i))).collect();
        let cut = mser5(&series).unwrap();
        assert_eq!(cut.index, 205);
        assert!((cut.statistic - 0.000_198_722_408_214_000_23).abs() < 1e-12);
        let rest = &series[cut.index..];
        assert!((rest.iter().sum::<f64>() / rest.len() as f64 - 0.008_105_545_208_412_402).abs() < 1e-12);
    }

    #[test]
    fn a_series_that_never_settles_is_refused() {
        let growing: Vec<f64> = (0..500).map(|i| f64::from(i) * f64::from(i)).collect();
        assert_eq!(mser5(&growing), None);
        assert_eq!(mser5(&[1.0; 20]), None, "too short");
        assert_eq!(mser5(&[1.0; 100]).map(|cut| cut.index), Some(0));
    }
}
