//! Intervals of a difference and of a ratio, of pairs and of independent samples.
//!
//! Differences of pairs: Student's t of the single differences (Law 2015, section 10.2.1, "paired-t"); of
//! independent samples: Welch's (Welch 1947; Satterthwaite's degrees of freedom). Ratios of means: Fieller's
//! interval (Fieller 1954), which holds where the baseline is surely not zero, and does not exist elsewhere.
//! The same serves percentiles: each replication's own percentile is one independent observation, close to
//! normal (David & Nagaraja 2003, section 10.2), and their differences more so. A bootstrap over five to twenty
//! replications would be narrower than it says, since it lacks the factor (n - 1) / n and t's tails.

use crate::experiment::confidence::{Interval, mean, t_quantile};

/// Replications that nobody would run.
const MOST: u32 = 1_000_000;

/// Sums of two samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// Means: baseline, candidate.
    pub(super) means: (f64, f64),
    /// Variances of the means, and their covariance.
    variances: (f64, f64, f64),
    /// Degrees of freedom of the difference.
    degrees: f64,
    /// Values of the smaller sample.
    pub(super) count: u32,
}

fn variance(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (values.len() as f64 - 1.0)
}

impl Moments {
    /// Of values that belong together one by one; `None` of fewer than two.
    pub(super) fn paired(a: &[f64], b: &[f64]) -> Option<Self> {
        let n = a.len().min(b.len());
        if n < 2 {
            return None;
        }
        let (a, b) = (&a[..n], &b[..n]);
        let means = (mean(a)?, mean(b)?);
        let count = n as f64;
        let covariance = a.iter().zip(b).map(|(x, y)| (x - means.0) * (y - means.1)).sum::<f64>()
            / ((count - 1.0) * count);
        let variances = (variance(a, means.0) / count, variance(b, means.1) / count, covariance);
        Some(Self { means, variances, degrees: count - 1.0, count: n as u32 })
    }

    /// Of two samples that have nothing to do with each other.
    pub(super) fn independent(a: &[f64], b: &[f64]) -> Option<Self> {
        if a.len() < 2 || b.len() < 2 {
            return None;
        }
        let means = (mean(a)?, mean(b)?);
        let (va, vb) = (variance(a, means.0) / a.len() as f64, variance(b, means.1) / b.len() as f64);
        let below = va * va / (a.len() as f64 - 1.0) + vb * vb / (b.len() as f64 - 1.0);
        let fewest = a.len().min(b.len());
        let degrees = if below > 0.0 { (va + vb) * (va + vb) / below } else { fewest as f64 - 1.0 };
        Some(Self { means, variances: (va, vb, 0.0), degrees, count: fewest as u32 })
    }

    /// Candidate less baseline.
    pub(super) fn difference(&self) -> f64 {
        self.means.1 - self.means.0
    }

    /// The standard error of the difference.
    fn error(&self) -> f64 {
        // Rounding may leave less than nothing of the variance of equal pairs.
        let (a, b, both) = self.variances;
        let variance = a + b - 2.0 * both;
        if variance <= 1e-14 * (a + b) { 0.0 } else { variance.sqrt() }
    }

    /// The interval of the difference at `level`.
    pub(super) fn interval(&self, level: f64) -> Option<Interval> {
        let half = t_quantile(0.5 + level / 2.0, self.degrees)? * self.error();
        Some(Interval { low: self.difference() - half, high: self.difference() + half })
    }

    /// Fieller's interval of candidate / baseline at `level`; `None` where the baseline may be zero.
    pub(super) fn ratio(&self, level: f64) -> Option<(f64, Interval)> {
        let t = t_quantile(0.5 + level / 2.0, self.degrees)?;
        let ((a, b), (va, vb, both)) = (self.means, self.variances);
        let below = a * a - t * t * va;
        if below <= 0.0 || a == 0.0 {
            return None;
        }
        let middle = a * b - t * t * both;
        let root = (middle * middle - below * (b * b - t * t * vb)).max(0.0).sqrt();
        Some((b / a, Interval { low: (middle - root) / below, high: (middle + root) / below }))
    }

    /// How many more replications would tell, if the spread stays as it is: until the interval leaves zero out,
    /// or lies within `margin`. `None` if no number would.
    pub(super) fn more(&self, margin: f64, level: f64) -> Option<u32> {
        let size = self.difference().abs();
        let target = size.max(margin - size);
        if target <= 0.0 {
            return None;
        }
        let spread = self.error() * f64::from(self.count).sqrt();
        let enough = |n: u32| {
            t_quantile(0.5 + level / 2.0, f64::from(n - 1))
                .is_some_and(|t| t * spread / f64::from(n).sqrt() <= target)
        };
        let mut n = self.count + 1;
        while !enough(n) {
            if n > MOST {
                return None;
            }
            n += (n / 20).max(1);
        }
        Some(n - self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-6 * expected.abs().max(1.0), "{got} for {expected}");
    }

    /// scipy.stats.ttest_rel and ttest_ind(equal_var=False), version 1.11, on the same numbers.
    #[test]
    fn differences_agree_with_the_textbook() {
        let (a, b) = ([10.0, 12.0, 11.0, 13.0, 9.0], [11.0, 12.5, 12.5, 13.5, 10.5]);
        let pairs = Moments::paired(&a, &b).unwrap();
        close(pairs.difference(), 1.0);
        // Differences 1, 0.5, 1.5, 0.5, 1.5: standard error sqrt(0.25 / 5), t(4) = 2.776445.
        let interval = pairs.interval(0.95).unwrap();
        close(interval.high - 1.0, 2.776_445_105 * (0.25_f64 / 5.0).sqrt());
        let apart = Moments::independent(&a, &b).unwrap();
        close(apart.difference(), 1.0);
        assert!(apart.interval(0.95).unwrap().low < 0.0, "without pairing the same figures say nothing");
    }

    #[test]
    fn equal_pairs_leave_no_doubt() {
        let a = [0.1, 0.7, 0.3];
        let same = Moments::paired(&a, &a).unwrap();
        assert_eq!(same.interval(0.95), Some(Interval { low: 0.0, high: 0.0 }));
        let (ratio, interval) = same.ratio(0.5).unwrap();
        close(ratio, 1.0);
        close(interval.low, 1.0);
        close(interval.high, 1.0);
    }

    #[test]
    fn a_ratio_to_what_may_be_zero_is_not_told() {
        assert!(Moments::paired(&[-1.0, 1.0, 0.5], &[1.0, 2.0, 3.0]).unwrap().ratio(0.95).is_none());
        let (ratio, interval) = Moments::independent(&[10.0, 10.1, 9.9, 10.0], &[20.0, 20.2, 19.8, 20.0])
            .unwrap()
            .ratio(0.95)
            .unwrap();
        close(ratio, 2.0);
        assert!(interval.low > 1.9 && interval.high < 2.1 && interval.low < 2.0);
    }

    #[test]
    fn more_replications_are_counted_until_they_would_tell() {
        let pairs = Moments::paired(&[0.0, 0.0, 0.0, 0.0], &[3.0, -1.0, 2.0, 0.0]).unwrap();
        let more = pairs.more(0.0, 0.95).unwrap();
        // Spread 1.826, difference 1: (2.16 x 1.826)^2 = 15.6 replications, so about twelve more.
        assert!((10..=14).contains(&more), "{more}");
        let none = Moments::paired(&[0.0, 0.0], &[1.0, -1.0]).unwrap();
        assert_eq!(none.more(0.0, 0.95), None);
    }
}
