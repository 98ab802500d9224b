//! Intervals of a difference and of a ratio, of pairs and of independent samples.
//!
//! Differences of pairs: Student's t of the single differences (Law 2015, section 10.2.1, "paired-t"); of
//! independent samples: Welch's (Welch 1947; Satterthwaite's degrees of freedom). Ratios of means: Fieller's
//! interval (Fieller 1954), which holds where the baseline is surely not zero, and does not exist elsewhere.
//! A percentile is that of all replications together, so its difference is that of two such values, and its error
//! the larger of that of the pseudo-values' differences and that of the single replications' differences around
//! it, turned by skewness ([`super::super::sampled`]). A bootstrap over five to twenty replications would be
//! narrower than it says, since it lacks the factor (n - 1) / n and t's tails.

use crate::experiment::confidence::{Interval, Spread, mean, third_moment, variance_around};
use crate::experiment::results::Estimate;

/// Replications that nobody would run.
const MOST: u32 = 1_000_000;

/// One design's values of a metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    /// Each replication's own.
    pub(super) own: &'a [f64],
    /// Of what is no mean over replications: its value, and the pseudo-values.
    pub(super) pooled: Option<(f64, &'a [f64])>,
}

impl<'a> Side<'a> {
    /// Of an estimate, of which each replication's own value is a number.
    pub(super) fn of(estimate: &'a Estimate, own: &'a [f64]) -> Self {
        let whole = estimate.pooled.filter(|_| estimate.pseudo.len() == own.len());
        Self { own, pooled: whole.map(|whole| (whole, estimate.pseudo.as_slice())) }
    }
}

/// Sums of two samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// Values: baseline, candidate.
    pub(super) means: (f64, f64),
    /// Variances of the values, and their covariance.
    variances: (f64, f64, f64),
    /// A sixth of the skewness of the difference.
    beta: f64,
    /// Degrees of freedom of the difference.
    degrees: f64,
    /// Values of the smaller sample.
    pub(super) count: u32,
}

/// The variance of a difference.
fn apart((a, b, both): (f64, f64, f64)) -> f64 {
    // Rounding may leave less than nothing of the variance of equal pairs.
    let variance = a + b - 2.0 * both;
    if variance <= 1e-14 * (a + b) { 0.0 } else { variance }
}

/// Variances of two means and their covariance, of values that belong together, around these middles.
fn paired_around(a: &[f64], b: &[f64], middles: (f64, f64)) -> (f64, f64, f64) {
    let count = a.len() as f64;
    let both = a.iter().zip(b).map(|(x, y)| (x - middles.0) * (y - middles.1)).sum::<f64>();
    (
        variance_around(a, middles.0) / count,
        variance_around(b, middles.1) / count,
        both / ((count - 1.0) * count),
    )
}

/// A sixth of the skewness of what has this third central moment and this variance.
fn beta(third: f64, variance: f64) -> f64 {
    if variance > 0.0 { third / (6.0 * variance.powf(1.5)) } else { 0.0 }
}

impl Moments {
    /// Of values that belong together one by one; `None` of fewer than two.
    pub(super) fn paired(a: Side<'_>, b: Side<'_>) -> Option<Self> {
        let n = a.own.len().min(b.own.len());
        if n < 2 {
            return None;
        }
        let (own_a, own_b) = (&a.own[..n], &b.own[..n]);
        let plain = (mean(own_a)?, mean(own_b)?);
        let (degrees, count) = (n as f64 - 1.0, n as u32);
        let (Some((whole_a, pseudo_a)), Some((whole_b, pseudo_b))) = (a.pooled, b.pooled) else {
            let variances = paired_around(own_a, own_b, plain);
            return Some(Self { means: plain, variances, beta: 0.0, degrees, count });
        };
        let (pseudo_a, pseudo_b) = (pseudo_a.get(..n)?, pseudo_b.get(..n)?);
        let middles = (mean(pseudo_a)?, mean(pseudo_b)?);
        // Of a part of the replications there is the jackknife's estimate, which differs little.
        let means = if a.own.len() == b.own.len() { (whole_a, whole_b) } else { middles };
        let jackknife = paired_around(pseudo_a, pseudo_b, middles);
        let sections = paired_around(own_a, own_b, means);
        let differences: Vec<f64> = pseudo_a.iter().zip(pseudo_b).map(|(a, b)| b - a).collect();
        let beta = beta(third_moment(&differences) / (n * n) as f64, apart(jackknife));
        let variances = if apart(jackknife) >= apart(sections) { jackknife } else { sections };
        Some(Self { means, variances, beta, degrees, count })
    }

    /// Of two samples that have nothing to do with each other.
    pub(super) fn independent(a: Side<'_>, b: Side<'_>) -> Option<Self> {
        if a.own.len() < 2 || b.own.len() < 2 {
            return None;
        }
        let (na, nb) = (a.own.len() as f64, b.own.len() as f64);
        let around = |a: (&[f64], f64), b: (&[f64], f64)| {
            (variance_around(a.0, a.1) / na, variance_around(b.0, b.1) / nb, 0.0)
        };
        let plain = (mean(a.own)?, mean(b.own)?);
        let (means, variances, beta) = match (a.pooled, b.pooled) {
            (Some((whole_a, pseudo_a)), Some((whole_b, pseudo_b))) => {
                let jackknife = around((pseudo_a, mean(pseudo_a)?), (pseudo_b, mean(pseudo_b)?));
                let sections = around((a.own, whole_a), (b.own, whole_b));
                let third = third_moment(pseudo_b) / (nb * nb) - third_moment(pseudo_a) / (na * na);
                let beta = beta(third, apart(jackknife));
                let larger = if apart(jackknife) >= apart(sections) { jackknife } else { sections };
                ((whole_a, whole_b), larger, beta)
            }
            _ => (plain, around((a.own, plain.0), (b.own, plain.1)), 0.0),
        };
        let (va, vb, _) = variances;
        let below = va * va / (na - 1.0) + vb * vb / (nb - 1.0);
        let fewest = a.own.len().min(b.own.len());
        let degrees = if below > 0.0 { (va + vb) * (va + vb) / below } else { fewest as f64 - 1.0 };
        Some(Self { means, variances, beta, degrees, count: fewest as u32 })
    }

    /// Candidate less baseline.
    pub(super) fn difference(&self) -> f64 {
        self.means.1 - self.means.0
    }

    fn spread(&self) -> Spread {
        Spread { error: apart(self.variances).sqrt(), beta: self.beta, degrees: self.degrees }
    }

    /// The interval of the difference at `level`.
    pub(super) fn interval(&self, level: f64) -> Option<Interval> {
        self.spread().interval(self.difference(), level)
    }

    /// Fieller's interval of candidate / baseline at `level`; `None` where the baseline may be zero.
    pub(super) fn ratio(&self, level: f64) -> Option<(f64, Interval)> {
        let (below, above) = self.spread().reach(level)?;
        let t = below.max(above);
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
        let enough = |n: u32| {
            let root = (f64::from(self.count) / f64::from(n)).sqrt();
            let now = self.spread();
            let then = Spread { error: now.error * root, beta: now.beta * root, degrees: f64::from(n - 1) };
            then.reach(level).is_some_and(|(below, above)| below.max(above) * then.error <= target)
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

    const fn side(own: &[f64]) -> Side<'_> {
        Side { own, pooled: None }
    }

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-6 * expected.abs().max(1.0), "{got} for {expected}");
    }

    /// scipy.stats.ttest_rel and ttest_ind(equal_var=False), version 1.11, on the same numbers.
    #[test]
    fn differences_agree_with_the_textbook() {
        let (a, b) = ([10.0, 12.0, 11.0, 13.0, 9.0], [11.0, 12.5, 12.5, 13.5, 10.5]);
        let pairs = Moments::paired(side(&a), side(&b)).unwrap();
        close(pairs.difference(), 1.0);
        // Differences 1, 0.5, 1.5, 0.5, 1.5: standard error sqrt(0.25 / 5), t(4) = 2.776445.
        let interval = pairs.interval(0.95).unwrap();
        close(interval.high - 1.0, 2.776_445_105 * (0.25_f64 / 5.0).sqrt());
        let apart = Moments::independent(side(&a), side(&b)).unwrap();
        close(apart.difference(), 1.0);
        assert!(apart.interval(0.95).unwrap().low < 0.0, "without pairing the same figures say nothing");
    }

    #[test]
    fn equal_pairs_leave_no_doubt() {
        let a = [0.1, 0.7, 0.3];
        let same = Moments::paired(side(&a), side(&a)).unwrap();
        assert_eq!(same.interval(0.95), Some(Interval { low: 0.0, high: 0.0 }));
        let (ratio, interval) = same.ratio(0.5).unwrap();
        close(ratio, 1.0);
        close(interval.low, 1.0);
        close(interval.high, 1.0);
    }

    #[test]
    fn a_ratio_to_what_may_be_zero_is_not_told() {
        assert!(
            Moments::paired(side(&[-1.0, 1.0, 0.5]), side(&[1.0, 2.0, 3.0])).unwrap().ratio(0.95).is_none()
        );
        let (ratio, interval) =
            Moments::independent(side(&[10.0, 10.1, 9.9, 10.0]), side(&[20.0, 20.2, 19.8, 20.0]))
                .unwrap()
                .ratio(0.95)
                .unwrap();
        close(ratio, 2.0);
        assert!(interval.low > 1.9 && interval.high < 2.1 && interval.low < 2.0);
    }

    #[test]
    fn more_replications_are_counted_until_they_would_tell() {
        let pairs = Moments::paired(side(&[0.0, 0.0, 0.0, 0.0]), side(&[3.0, -1.0, 2.0, 0.0])).unwrap();
        let more = pairs.more(0.0, 0.95).unwrap();
        // Spread 1.826, difference 1: (2.16 x 1.826)^2 = 15.6 replications, so about twelve more.
        assert!((10..=14).contains(&more), "{more}");
        let none = Moments::paired(side(&[0.0, 0.0]), side(&[1.0, -1.0])).unwrap();
        assert_eq!(none.more(0.0, 0.95), None);
    }

    #[test]
    fn percentiles_differ_as_those_of_all_replications_do() {
        let (a, b) = ([1.0, 1.2, 0.9, 1.1], [1.5, 1.6, 1.4, 1.9]);
        let (pseudo_a, pseudo_b) = ([1.1, 1.3, 1.0, 1.2], [1.7, 1.7, 1.5, 2.7]);
        let (base, candidate) = (
            Side { own: &a, pooled: Some((1.15, &pseudo_a)) },
            Side { own: &b, pooled: Some((1.8, &pseudo_b)) },
        );
        for moments in [Moments::paired(base, candidate), Moments::independent(base, candidate)] {
            let moments = moments.unwrap();
            close(moments.difference(), 0.65);
            let interval = moments.interval(0.95).unwrap();
            assert!(
                interval.high - 0.65 > 0.65 - interval.low,
                "one replication has a long tail: {interval:?}"
            );
        }
        // Differences 0.6, 0.4, 0.5, 1.5 of pseudo-values: variance 0.67/3, more than that of 0.5, 0.4, 0.5, 0.8.
        let moments = Moments::paired(base, candidate).unwrap();
        close(moments.spread().error, (0.77_f64 / 3.0 / 4.0).sqrt());
        // Of three of them the jackknife's estimates are left.
        let fewer = Side { own: &b[..3], pooled: Some((1.5, &pseudo_b[..3])) };
        close(Moments::paired(base, fewer).unwrap().difference(), 0.5);
    }
}
