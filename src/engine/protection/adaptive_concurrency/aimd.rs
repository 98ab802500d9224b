//! Additive increase, multiplicative decrease (Netflix `AIMDLimit`): a drop, or an answer slower than the
//! timeout, multiplies the bound; any other answer that came while at least half of it was in use adds one.

use super::Sample;
use crate::base::SimDuration;

/// The rule and its bound.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Aimd {
    limit: u32,
    min: u32,
    max: u32,
    backoff: f64,
    timeout: SimDuration,
}

impl Aimd {
    /// Starts at `initial` and stays within `min..=max`; `backoff` in 0.5..1 multiplies.
    #[must_use]
    pub fn new(initial: u32, min: u32, max: u32, backoff: f64, timeout: SimDuration) -> Self {
        let min = min.max(1);
        let max = max.max(min);
        Self { limit: initial.clamp(min, max), min, max, backoff: backoff.clamp(0.0, 1.0), timeout }
    }

    /// Netflix's defaults: 20 to 200, times 0.9, 5 s.
    #[must_use]
    pub fn netflix() -> Self {
        Self::new(20, 20, 200, 0.9, SimDuration::from_secs(5))
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        if sample.dropped || sample.took > self.timeout {
            self.limit = (f64::from(self.limit) * self.backoff) as u32;
        } else if u64::from(sample.inside) * 2 >= u64::from(self.limit) {
            self.limit = self.limit.saturating_add(1);
        }
        self.limit = self.limit.clamp(self.min, self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimTime;

    #[test]
    fn one_up_a_tenth_down_and_nothing_when_idle() {
        let mut rule = Aimd::new(100, 20, 200, 0.9, SimDuration::from_secs(5));
        let mut sample = |took: u64, inside, dropped| {
            let took = SimDuration::from_millis(took);
            rule.sample(Sample { entered: SimTime::ZERO, took, inside, dropped });
            rule.limit()
        };
        assert_eq!(sample(10, 49, false), 100); // less than half in use
        assert_eq!(sample(10, 50, false), 101);
        assert_eq!(sample(10, 90, true), 90);
        assert_eq!(sample(5001, 90, false), 81);
        assert_eq!((0..50).map(|_| sample(1, 1, true)).last(), Some(20));
        assert_eq!((0..500).map(|_| sample(1, 300, false)).last(), Some(200));
    }
}
