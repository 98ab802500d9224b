//! A distribution of durations in bounded memory: a histogram with exact sum and maximum beside it.
//!
//! Rule: a percentile is the nearest rank's, reported as the upper bound of the bucket that it falls in, so
//! it is never too small, and too large by at most 0.1 % (three digits) or 1 % (two digits) above the
//! resolution of 64 ns. Distributions of parts are merged, percentiles never averaged over them.
//! (Hyndman & Fan 1996, type 1.)

use super::histogram::Histogram;
use crate::base::SimDuration;

/// Values above are clamped to this and counted: one day.
const BOUND_NANOS: u64 = 86_400 * 1_000_000_000;

/// A distribution of durations.
#[derive(Clone, Debug)]
pub struct LatencyDistribution {
    /// `None` until the first value that is not zero: most lines of most models stay empty.
    histogram: Option<Box<Histogram>>,
    digits: u8,
    zeros: u64,
    positives: u64,
    sum_nanos: u128,
    max: u64,
    clamped: u64,
}

impl LatencyDistribution {
    /// An empty distribution that keeps `digits` (1 to 5) significant decimal digits.
    #[must_use]
    pub fn new(digits: u8) -> Self {
        let digits = digits.clamp(1, 5);
        Self { histogram: None, digits, zeros: 0, positives: 0, sum_nanos: 0, max: 0, clamped: 0 }
    }

    /// Adds one value.
    #[inline]
    pub fn record(&mut self, value: SimDuration) {
        let nanos = value.as_nanos();
        if nanos == 0 {
            self.zeros += 1;
            return;
        }
        self.positives += 1;
        self.sum_nanos += u128::from(nanos);
        self.max = self.max.max(nanos);
        let kept = if nanos > BOUND_NANOS {
            self.clamped += 1;
            BOUND_NANOS
        } else {
            nanos
        };
        let digits = self.digits;
        self.histogram.get_or_insert_with(|| Box::new(Histogram::new(digits))).record(kept);
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.positives += other.positives;
        self.sum_nanos += other.sum_nanos;
        self.max = self.max.max(other.max);
        self.clamped += other.clamped;
        let Some(theirs) = &other.histogram else { return };
        if let Some(ours) = &mut self.histogram {
            ours.merge(theirs);
        } else {
            self.histogram = Some(theirs.clone());
        }
    }

    /// Forgets everything but keeps the memory.
    pub fn reset(&mut self) {
        if self.positives > 0
            && let Some(histogram) = &mut self.histogram
        {
            histogram.reset();
        }
        (self.zeros, self.positives, self.sum_nanos, self.max, self.clamped) = (0, 0, 0, 0, 0);
    }

    /// Number of values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.zeros + self.positives
    }

    /// Values above one day, which percentiles see as one day.
    #[must_use]
    pub const fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The exact mean in seconds; `None` of no values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum_nanos as f64 / self.count() as f64 / 1e9)
    }

    /// The exact maximum in seconds; `None` of no values.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.max as f64 / 1e9)
    }

    /// The nearest-rank percentile in seconds, `share` in 0..=1; `None` of no values.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let [value] = self.percentiles([share]);
        value
    }

    /// The nearest-rank percentile of what is left without `part`, which was merged into this; `None` of no values.
    #[must_use]
    pub fn percentile_without(&self, part: &Self, share: f64) -> Option<f64> {
        let (Some(ours), Some(theirs)) = (&self.histogram, &part.histogram) else {
            let mut rest = self.clone();
            rest.zeros = self.zeros.saturating_sub(part.zeros);
            return rest.percentile(share);
        };
        let zeros = self.zeros.saturating_sub(part.zeros);
        let count = zeros + self.positives.saturating_sub(part.positives);
        if count == 0 {
            return None;
        }
        let rank = rank(share, count);
        let mut seen = zeros;
        let mut value = 0;
        let mut bins = ours.recorded_without(theirs);
        while seen < rank {
            let Some((upper, more)) = bins.next() else { break };
            seen += more;
            value = upper;
        }
        Some(value.min(self.max) as f64 / 1e9)
    }

    /// Several percentiles in one walk; `shares` in ascending order.
    #[must_use]
    pub fn percentiles<const N: usize>(&self, shares: [f64; N]) -> [Option<f64>; N] {
        let mut values = [None; N];
        let count = self.count();
        if count == 0 {
            return values;
        }
        let (mut seen, mut value) = (self.zeros, 0);
        let mut bins = self.histogram.iter().flat_map(|histogram| histogram.recorded());
        for (share, slot) in shares.into_iter().zip(&mut values) {
            let rank = rank(share, count);
            while seen < rank {
                let Some((upper, more)) = bins.next() else { break };
                seen += more;
                value = upper;
            }
            *slot = Some(value.min(self.max) as f64 / 1e9);
        }
        values
    }
}

/// The nearest rank, from 1, of a share of `count` values.
fn rank(share: f64, count: u64) -> u64 {
    // `p * n` is rounded before the ceiling: 0.07 * 100 is 7.000000000000001 in binary.
    ((share.clamp(0.0, 1.0) * count as f64 - 1e-9).ceil() as u64).clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank_and_never_too_small() {
        let mut ten = LatencyDistribution::new(3);
        for ms in 1..=10 {
            ten.record(SimDuration::from_millis(ms));
        }
        for (share, exact) in [(0.5, 0.005), (0.9, 0.009), (0.99, 0.010), (0.1, 0.001), (0.0, 0.001)] {
            let got = ten.percentile(share).unwrap();
            assert!(got >= exact && got <= exact * 1.001, "p{share}: {got} for {exact}");
        }
        assert_eq!(ten.mean(), Some(0.0055));
        assert_eq!(ten.max(), Some(0.010));
    }

    #[test]
    fn zeros_hold_their_ranks() {
        let mut waits = LatencyDistribution::new(3);
        for _ in 0..98 {
            waits.record(SimDuration::ZERO);
        }
        waits.record(SimDuration::from_secs(1));
        waits.record(SimDuration::from_secs(2));
        assert_eq!(waits.percentile(0.98), Some(0.0));
        assert!(waits.percentile(0.99).unwrap() >= 1.0);
        assert_eq!(waits.percentile(1.0), Some(2.0));
        assert_eq!(waits.mean(), Some(0.03));
    }

    #[test]
    fn merging_equals_recording_together_and_reset_empties() {
        let (mut a, mut b, mut both) =
            (LatencyDistribution::new(3), LatencyDistribution::new(3), LatencyDistribution::new(3));
        for i in 0..1_000u64 {
            let value = SimDuration::from_nanos(i * i * 977);
            if i % 3 == 0 { &mut a } else { &mut b }.record(value);
            both.record(value);
        }
        a.merge(&b);
        for share in [0.01, 0.5, 0.9, 0.999] {
            assert_eq!(a.percentile(share), both.percentile(share));
        }
        assert_eq!(a.mean(), both.mean());
        let mut rest = LatencyDistribution::new(3);
        (0..1_000u64).filter(|i| i % 3 != 0).for_each(|i| rest.record(SimDuration::from_nanos(i * i * 977)));
        let mut part = LatencyDistribution::new(3);
        (0..1_000u64).step_by(3).for_each(|i| part.record(SimDuration::from_nanos(i * i * 977)));
        for share in [0.01, 0.5, 0.9, 0.999] {
            // The largest of what is left is not known, so the last bin may end above it.
            let (found, exact) =
                (a.percentile_without(&part, share).unwrap(), rest.percentile(share).unwrap());
            assert!(found >= exact && found <= 1.001 * exact, "{share}: {found} for {exact}");
        }
        assert_eq!(a.percentile_without(&both, 0.5), None);
        assert_eq!(a.percentile_without(&LatencyDistribution::new(3), 0.5), a.percentile(0.5));
        a.reset();
        assert_eq!((a.count(), a.percentile(0.5)), (0, None));
    }

    #[test]
    fn what_is_longer_than_a_day_is_clamped_and_counted() {
        let mut long = LatencyDistribution::new(2);
        long.record(SimDuration::from_secs(86_400 * 3));
        assert_eq!(long.clamped(), 1);
        assert_eq!(long.max(), Some(86_400.0 * 3.0));
        assert!(long.percentile(0.5).unwrap() < 86_400.0 * 1.02);
    }
}
