//! How sure a number is: intervals over independent replications, and percentiles of samples.
//!
//! Rule: replications are independent and identically distributed, so the interval of their mean is
//! Student's t (Law 2015, section 4.5); nothing is inferred from within one run. What is skewed, as percentiles
//! in a tail are, has an interval that reaches further where the tail is ([`Spread`]).

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The quantile of Student's t distribution; `None` without a degree of freedom or outside (0, 1).
#[must_use]
pub fn t_quantile(share: f64, degrees: f64) -> Option<f64> {
    if !(share > 0.0 && share < 1.0) {
        return None;
    }
    StudentsT::new(0.0, 1.0, degrees).ok().map(|t| t.inverse_cdf(share))
}

/// How far an estimate is spread around the truth: its standard error, its skewness, and the degrees of freedom
/// that the error rests on.
///
/// An estimate that is skewed to the right is too small more often than too large, and its error is too small
/// together with it, so that Student's t lies below the truth too often. Willink (2005) turns the quantile of t
/// by what the skewness makes of it (Johnson 1978, Hall 1992), as N-Skart (Tafazzoli, Steiger & Wilson 2011) and
/// Sequest (Alexopoulos et al. 2019) do for means and quantiles of simulations. Skewness from few values is rough:
/// so an end is moved outwards only, and neither lies nearer than t has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The standard error of the estimate.
    pub error: f64,
    /// A sixth of its skewness: that of n values / (6 sqrt n).
    pub beta: f64,
    /// Degrees of freedom.
    pub degrees: f64,
}

impl Spread {
    /// Where a quantile of t lies once skewness is taken into account (Willink's G).
    fn turned(&self, z: f64) -> f64 {
        if self.beta.abs() < 1e-9 {
            return z;
        }
        (libm::cbrt(1.0 + 6.0 * self.beta * (z - self.beta)) - 1.0) / (2.0 * self.beta)
    }

    /// The inverse of it.
    fn turned_back(&self, x: f64) -> f64 {
        if self.beta.abs() < 1e-9 {
            return x;
        }
        let root = 1.0 + 2.0 * self.beta * x;
        (root * root * root - 1.0) / (6.0 * self.beta) + self.beta
    }

    /// How far the interval at `level` reaches below and above the estimate, in standard errors.
    #[must_use]
    pub fn reach(&self, level: f64) -> Option<(f64, f64)> {
        let t = t_quantile(0.5 + level / 2.0, self.degrees)?;
        Some((t.max(self.turned(t)), t.max(-self.turned(-t))))
    }

    /// The interval around `middle` at `level`.
    #[must_use]
    pub fn interval(&self, middle: f64, level: f64) -> Option<Interval> {
        if self.error == 0.0 {
            return Some(Interval { low: middle, high: middle });
        }
        let (below, above) = self.reach(level)?;
        Some(Interval { low: middle - below * self.error, high: middle + above * self.error })
    }

    /// How sure it is that the truth lies above zero, from 0 to 1, if the estimate is `middle` (one-sided).
    #[must_use]
    pub fn above_zero(&self, middle: f64) -> Option<f64> {
        if self.error == 0.0 {
            return Some(match middle.partial_cmp(&0.0) {
                Some(std::cmp::Ordering::Greater) => 1.0,
                Some(std::cmp::Ordering::Less) => 0.0,
                _ => 0.5,
            });
        }
        let x = middle / self.error;
        let turned = self.turned_back(x);
        let t = if x > 0.0 { x.min(turned).max(0.0) } else { x.max(turned).min(0.0) };
        StudentsT::new(0.0, 1.0, self.degrees).ok().map(|student| student.cdf(t))
    }
}

/// The sum of the squares of what values differ from `middle` by, / (n - 1).
#[must_use]
pub fn variance_around(values: &[f64], middle: f64) -> f64 {
    values.iter().map(|x| (x - middle) * (x - middle)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// The third central moment of what values were drawn from, without bias; 0 of fewer than three.
#[must_use]
pub fn third_moment(values: &[f64]) -> f64 {
    let (n, Some(middle)) = (values.len() as f64, mean(values)) else { return 0.0 };
    if values.len() < 3 {
        return 0.0;
    }
    n / ((n - 1.0) * (n - 2.0))
        * values.iter().map(|x| (x - middle) * (x - middle) * (x - middle)).sum::<f64>()
}

/// How sure it is that the mean which values are drawn around lies above zero, from 0 to 1 (one-sided t);
/// `None` with fewer than two values.
#[must_use]
pub fn t_probability(values: &[f64]) -> Option<f64> {
    let (n, middle) = (values.len() as f64, mean(values)?);
    if values.len() < 2 {
        return None;
    }
    let error = (variance_around(values, middle) / n).sqrt();
    Spread { error, beta: 0.0, degrees: n - 1.0 }.above_zero(middle)
}

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The t interval of the mean at `level` (0.95); `None` with fewer than two values.
#[must_use]
pub fn t_interval(values: &[f64], level: f64) -> Option<Interval> {
    let n = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let middle = mean(values)?;
    let error = (variance_around(values, middle) / n).sqrt();
    Spread { error, beta: 0.0, degrees: n - 1.0 }.interval(middle, level)
}

/// The nearest-rank percentile (Hyndman & Fan type 1) of values in ascending order.
#[must_use]
pub fn nearest_rank(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// The interpolated percentile (Hyndman & Fan type 7) of values in ascending order.
#[must_use]
pub fn interpolated(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(a + (b - a) * (position - below as f64))
}

/// Ranks (from 1) of the order statistics of `n` independent values that enclose the percentile of
/// `share` with at least `level` confidence, a tail of (1 - level)/2 on each side at most; `None` if `n`
/// is too small. (David & Nagaraja 2003, section 7.1.)
#[must_use]
pub fn percentile_ranks(n: u64, share: f64, level: f64) -> Option<(u64, u64)> {
    let binomial = Binomial::new(share, n).ok()?;
    let tail = (1.0 - level) / 2.0;
    // P(X_(l) > q) = P(B <= l - 1), P(X_(u) < q) = P(B >= u), with B the number of values below q.
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if binomial.cdf(middle - 1) <= tail { low = middle } else { high = middle - 1 }
    }
    let lower = low;
    let (mut low, mut high) = (1, n + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if 1.0 - binomial.cdf(middle - 1) <= tail { high = middle } else { low = middle + 1 }
    }
    (lower >= 1 && low <= n).then_some((lower, low))
}

/// The interval of a share of which `events` in `n` were seen: Wilson's at 95 %; with no event at all its
/// upper end is the rule of three, 3/n (Hanley & Lippman-Hand 1983). `None` of nothing.
#[must_use]
pub fn share_interval(events: u64, n: u64) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let n = n as f64;
    if events == 0 {
        return Some(Interval { low: 0.0, high: (3.0 / n).min(1.0) });
    }
    let z = 1.959_963_984_540_054;
    let p = (events as f64 / n).min(1.0);
    let scale = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / scale;
    let half = z / scale * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    Some(Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64, tolerance: f64) {
        assert!((got - expected).abs() <= tolerance, "{got} for {expected}");
    }

    #[test]
    fn quantiles_of_t_agree_with_tables() {
        close(t_quantile(0.975, 29.0).unwrap(), 2.045_229_642_132_703, 3e-9);
        close(t_quantile(0.9995, 29.0).unwrap(), 3.659_405_019_466_375, 3e-9);
        close(t_quantile(0.975, 9.0).unwrap(), 2.262_157_162_798_205, 3e-9);
        close(t_quantile(1.0 - 0.05 / 200.0, 29.0).unwrap(), 3.917_714_118_594_981, 3e-9);
        assert_eq!(t_quantile(0.975, 0.0), None);
    }

    #[test]
    fn intervals_need_two_values() {
        assert_eq!(t_interval(&[1.0], 0.95), None);
        let interval = t_interval(&[1.0, 2.0, 3.0], 0.95).unwrap();
        close(interval.high - 2.0, 4.302_652_73 / 3f64.sqrt(), 1e-6);
        assert_eq!(t_interval(&[5.0, 5.0], 0.95), Some(Interval { low: 5.0, high: 5.0 }));
    }

    #[test]
    fn a_skewed_estimate_reaches_further_where_its_tail_is() {
        let plain = Spread { error: 1.0, beta: 0.0, degrees: 9.0 };
        let skewed = Spread { beta: 0.05, ..plain };
        let (t, (below, above)) = (t_quantile(0.975, 9.0).unwrap(), skewed.reach(0.95).unwrap());
        assert_eq!(plain.reach(0.95), Some((t, t)));
        // G(-t) = (cbrt(1 + 0.3 (-2.262157 - 0.05)) - 1) / 0.1 = -3.2579.
        close(above, 3.257_9, 2e-3);
        assert_eq!(below, t, "no end lies nearer than t has it");
        let other = Spread { beta: -0.05, ..plain };
        assert_eq!(other.reach(0.95), Some((above, t)));
        // The probability is what an interval of that level has beyond zero.
        for spread in [plain, skewed, other] {
            let (below, above) = spread.reach(0.95).unwrap();
            close(spread.above_zero(below).unwrap(), 0.975, 1e-9);
            close(spread.above_zero(-above).unwrap(), 0.025, 1e-9);
            close(spread.above_zero(0.0).unwrap(), 0.5, 1e-9);
        }
        assert_eq!(third_moment(&[1.0, 2.0]), 0.0);
        close(third_moment(&[0.0, 0.0, 3.0]), 3.0 / 2.0 * 6.0, 1e-9);
    }

    #[test]
    fn percentiles_by_both_definitions() {
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        for (share, nearest, type7) in [(0.5, 5.0, 5.5), (0.9, 9.0, 9.1), (0.99, 10.0, 9.91)] {
            assert_eq!(nearest_rank(&ten, share), Some(nearest));
            close(interpolated(&ten, share).unwrap(), type7, 1e-9);
        }
        assert_eq!((nearest_rank(&[], 0.5), interpolated(&[], 0.5)), (None, None));
    }

    #[test]
    fn order_statistics_enclose_a_percentile() {
        assert_eq!(percentile_ranks(10_000, 0.99, 0.95), Some((9880, 9920)));
        assert_eq!(percentile_ranks(100, 0.99, 0.95), None);
    }

    #[test]
    fn shares_of_rare_events() {
        assert_eq!(share_interval(0, 1000), Some(Interval { low: 0.0, high: 0.003 }));
        assert_eq!(share_interval(0, 0), None);
        let half = share_interval(50, 100).unwrap();
        close(half.low, 0.403_83, 1e-5);
        close(half.high, 0.596_17, 1e-5);
    }
}
