//! One metric over the replications of a design: its value, its interval, how sure it is that it lies above zero.
//!
//! Rules. Most metrics are the mean over replications of each one's value, with Student's t over them. Percentiles
//! are not: the mean of percentiles in a tail is no percentile of anything, and too small in short replications. A
//! percentile is that of the histograms merged over all replications.
//!
//! Its interval lies around it, and its standard error is the larger of two. Sectioning (Asmussen & Glynn 2007,
//! section III.5; Nakayama 2014) asks how far the single replications' percentiles lie from it. The jackknife asks
//! how far it moves without one of them (Shao & Wu 1989: leaving out a whole group is consistent for quantiles,
//! leaving out one value is not), by the pseudo-values n x all - (n - 1) x all but i. The first is too small where
//! few answers of a replication lie above the percentile, the second where differences are small. Both rest on
//! few busy periods and are skewed, so the ends are those of [`Spread`]. How often it covers the truth is measured by
//! `compare::intervals_of_p99_and_stopping_when_sure_keep_the_coverage`; the README ("How sure") has the figures.

use super::confidence::{Interval, Spread, mean, t_interval, t_probability, third_moment, variance_around};
use super::results::{Estimate, MetricValue, Unit};

/// What all replications together say.
#[derive(Clone, Debug, PartialEq)]
struct Pooled {
    whole: MetricValue,
    /// One pseudo-value for each replication; empty if one is no number.
    pseudo: Vec<f64>,
}

/// A metric, or an expression of metrics, over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    each: Vec<MetricValue>,
    pooled: Option<Pooled>,
}

fn numbers(values: &[MetricValue]) -> Option<Vec<f64>> {
    values.iter().map(|value| value.number()).collect()
}

/// How far the value of all replications together is spread: of pseudo-values, and of each one's own around it.
#[must_use]
pub fn spread(whole: f64, pseudo: &[f64], own: &[f64]) -> Option<Spread> {
    let (n, middle) = (pseudo.len() as f64, mean(pseudo)?);
    if pseudo.len() < 2 || own.len() < 2 {
        return None;
    }
    let jackknife = variance_around(pseudo, middle) / n;
    let sections = variance_around(own, whole) / own.len() as f64;
    let beta =
        if jackknife > 0.0 { third_moment(pseudo) / (n * n) / (6.0 * jackknife.powf(1.5)) } else { 0.0 };
    Some(Spread { error: jackknife.max(sections).sqrt(), beta, degrees: n - 1.0 })
}

impl Sampled {
    /// Of what is the mean over replications.
    #[must_use]
    pub const fn mean(each: Vec<MetricValue>) -> Self {
        Self { each, pooled: None }
    }

    /// Of what all replications say together: its value over all, and over all but each.
    #[must_use]
    pub fn pooled(each: Vec<MetricValue>, whole: MetricValue, without: &[MetricValue]) -> Self {
        let n = without.len() as f64;
        let pseudo = |all: f64| -> Option<Vec<f64>> {
            Some(numbers(without)?.into_iter().map(|rest| n * all - (n - 1.0) * rest).collect())
        };
        let all_told = each.iter().all(|value| value.number().is_some());
        let pseudo =
            whole.number().filter(|_| all_told && without.len() > 1).and_then(pseudo).unwrap_or_default();
        Self { each, pooled: Some(Pooled { whole, pseudo }) }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> MetricValue {
        if let Some(pooled) = &self.pooled {
            return pooled.whole;
        }
        if self.each.contains(&MetricValue::Never) {
            return MetricValue::Never;
        }
        let told: Vec<f64> = self.each.iter().filter_map(|v| v.number()).collect();
        mean(&told).into()
    }

    /// The interval at `level`; `None` with one replication, or where the value of any is no number.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let own = numbers(&self.each)?;
        match &self.pooled {
            None => t_interval(&own, level),
            Some(pooled) => {
                let whole = pooled.whole.number()?;
                spread(whole, &pooled.pseudo, &own)?.interval(whole, level)
            }
        }
    }

    /// How sure it is that the truth lies above zero, from 0 to 1 (one-sided); `None` where there is no interval.
    #[must_use]
    pub fn above_zero(&self) -> Option<f64> {
        let own = numbers(&self.each)?;
        match &self.pooled {
            None => t_probability(&own),
            Some(pooled) => {
                let whole = pooled.whole.number()?;
                spread(whole, &pooled.pseudo, &own)?.above_zero(whole)
            }
        }
    }

    /// As an estimate, with its 95 % interval.
    #[must_use]
    pub fn estimate(self, unit: Unit) -> Estimate {
        let (value, interval) = (self.value(), self.interval(0.95));
        let (pooled, pseudo) = match self.pooled {
            Some(pooled) => (pooled.whole.number(), pooled.pseudo),
            None => (None, Vec::new()),
        };
        let (low, high) = (interval.map(|i| i.low), interval.map(|i| i.high));
        Estimate { value, unit, low, high, pooled, pseudo, each: self.each }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(numbers: &[f64]) -> Vec<MetricValue> {
        numbers.iter().map(|x| MetricValue::Number(*x)).collect()
    }

    #[test]
    fn a_mean_pooled_is_the_mean() {
        // The jackknife's pseudo-values of a mean are the values, so both kinds have the same middle and error.
        let each = [1.0, 1.1, 0.9, 1.2, 0.8];
        let without: Vec<f64> = each.iter().map(|x| (5.0 - x) / 4.0).collect();
        let pooled = Sampled::pooled(values(&each), MetricValue::Number(1.0), &values(&without));
        let mean = Sampled::mean(values(&each));
        let (a, b) = (pooled.interval(0.95).unwrap(), mean.interval(0.95).unwrap());
        assert!((a.low - b.low).abs() < 1e-9 && (a.high - b.high).abs() < 1e-9, "{a:?} {b:?}");
        assert!((pooled.above_zero().unwrap() - mean.above_zero().unwrap()).abs() < 1e-9);
    }

    #[test]
    fn the_larger_error_counts_and_a_long_tail_reaches_up() {
        let whole = MetricValue::Number(2.0);
        // Percentiles of the single replications lie together, and apart from that of all.
        let low = Sampled::pooled(values(&[1.0, 1.0, 1.0, 1.0]), whole, &values(&[2.0; 4]));
        let half = 3.182_446 * (4.0_f64 / 3.0 / 4.0).sqrt();
        let interval = low.interval(0.95).unwrap();
        assert!((interval.high - 2.0 - half).abs() < 1e-5 && (2.0 - interval.low - half).abs() < 1e-5);
        // One replication moves it much.
        let tail = Sampled::pooled(values(&[2.0; 4]), whole, &values(&[2.0, 2.01, 2.0, 1.5]));
        let interval = tail.interval(0.95).unwrap();
        assert!(interval.high - 2.0 > 1.2 * (2.0 - interval.low), "{interval:?}");
        let estimate = tail.estimate(Unit::Seconds);
        assert_eq!((estimate.value, estimate.pooled, estimate.pseudo.len()), (whole, Some(2.0), 4));
    }

    #[test]
    fn what_a_replication_does_not_have_has_no_interval() {
        let one = Sampled::pooled(values(&[1.0]), MetricValue::Number(1.0), &[MetricValue::Absent]);
        assert_eq!(
            (one.value(), one.interval(0.95), one.above_zero()),
            (MetricValue::Number(1.0), None, None)
        );
        let gap = vec![MetricValue::Number(1.0), MetricValue::Absent];
        let gap =
            Sampled::pooled(gap, MetricValue::Number(1.0), &[MetricValue::Absent, MetricValue::Number(1.0)]);
        assert_eq!(gap.interval(0.95), None);
        let never = Sampled::mean(vec![MetricValue::Never, MetricValue::Number(1.0)]);
        assert_eq!((never.value(), never.interval(0.95)), (MetricValue::Never, None));
        let same = Sampled::pooled(values(&[3.0; 3]), MetricValue::Number(3.0), &values(&[3.0; 3]));
        assert_eq!(same.interval(0.95), Some(Interval { low: 3.0, high: 3.0 }));
    }
}
