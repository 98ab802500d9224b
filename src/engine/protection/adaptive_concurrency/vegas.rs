//! TCP Vegas for requests (Netflix `VegasLimit`): the queue is estimated as
//! bound x (1 - least time / present time) and held between alpha and beta.
//!
//! With L = max(1, floor(log10(bound))): a queue of at most L adds beta = 6 L, below alpha = 3 L adds L, above
//! beta takes L away, as a drop does. The least time is measured anew about every 30 x bound answers, at a
//! random moment, so that it can rise. Nothing rises while less than half of the bound is in use.

use super::Sample;
use crate::base::SimDuration;
use crate::base::random::Draws;

/// Answers per unit of the bound between two measurements of the least time.
const PROBE_MULTIPLIER: f64 = 30.0;

/// The rule and its bound.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Vegas {
    limit: f64,
    max: f64,
    least: SimDuration,
    answers: f64,
    /// In 0.5..1; none until the first answer draws it.
    jitter: Option<f64>,
}

/// max(1, the whole part of the decimal logarithm).
fn decades(limit: f64) -> f64 {
    libm::floor(libm::log10(limit.max(1.0))).max(1.0)
}

impl Vegas {
    /// Starts at `initial` and stays within 1..=`max`.
    #[must_use]
    pub fn new(initial: u32, max: u32) -> Self {
        let max = f64::from(max.max(1));
        Self {
            limit: f64::from(initial).clamp(1.0, max),
            max,
            least: SimDuration::ZERO,
            answers: 0.0,
            jitter: None,
        }
    }

    /// Netflix's defaults: 20, at most 1000.
    #[must_use]
    pub fn netflix() -> Self {
        Self::new(20, 1000)
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit as u32
    }

    pub(super) fn sample(&mut self, sample: Sample, draws: &mut Draws) {
        self.answers += 1.0;
        let jitter = *self.jitter.get_or_insert_with(|| 0.5 + 0.5 * draws.unit());
        if self.answers >= jitter * PROBE_MULTIPLIER * self.limit {
            self.jitter = None;
            self.answers = 0.0;
            self.least = sample.took;
            return;
        }
        if self.least.is_zero() || sample.took < self.least {
            self.least = sample.took;
            return;
        }
        let step = decades(self.limit);
        let queue = libm::ceil(self.limit * (1.0 - self.least.as_secs_f64() / sample.took.as_secs_f64()));
        let limit = if sample.dropped {
            self.limit - step
        } else if f64::from(sample.inside) * 2.0 < self.limit {
            return;
        } else if queue <= step {
            self.limit + 6.0 * step
        } else if queue < 3.0 * step {
            self.limit + step
        } else if queue > 6.0 * step {
            self.limit - step
        } else {
            return;
        };
        self.limit = limit.clamp(1.0, self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimTime;
    use crate::base::random::Key;

    #[test]
    fn the_bound_moves_by_the_estimated_queue() {
        let mut draws = Key::root(1, 0).draws();
        let mut rule = Vegas::netflix();
        let mut sample = |us: u64, inside, dropped| {
            let took = SimDuration::from_nanos(us * 1000);
            rule.sample(Sample { entered: SimTime::ZERO, took, inside, dropped }, &mut draws);
            rule.limit()
        };
        assert_eq!(sample(10_000, 10, false), 20); // the least time becomes known
        assert_eq!(sample(10_000, 10, false), 26); // no queue: beta more
        assert_eq!(sample(10_000, 12, false), 26); // less than half in use
        assert_eq!(sample(10_700, 20, false), 27); // queue ceil(26 x 0.7 / 10.7) = 2, below alpha
        assert_eq!(sample(12_000, 20, false), 27); // ceil(4.5), between alpha and beta
        assert_eq!(sample(20_000, 20, false), 26); // ceil(13.5), above beta
        assert_eq!(sample(10_000, 1, true), 25);
    }
}
