//! Netflix `Gradient2Limit`: the bound follows the ratio of long-term to present response time.
//!
//! gradient = clamp(tolerance x long / present, 0.5, 1); bound = (1 - s) bound + s (bound x gradient + queue).
//! The long-term time is an exponential average over about 600 answers (a plain mean over the first ten); it
//! is cut by 5 % per answer while it is more than twice the present one, so that recovery is quick. Nothing
//! moves while less than half of the bound is in use.

use super::Sample;

const WARM_UP: u32 = 10;

/// The rule and its bound.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Gradient2 {
    limit: f64,
    min: f64,
    max: f64,
    queue: f64,
    smoothing: f64,
    tolerance: f64,
    window: f64,
    long: f64,
    seen: u32,
}

impl Gradient2 {
    /// Starts at `initial`, stays within `min..=max`, allows `queue` more than the gradient says, moves by a
    /// share of `smoothing` per answer and accepts times up to `tolerance` times the long-term one, which is an
    /// average over `window` answers.
    #[must_use]
    pub fn new(
        initial: u32,
        [min, max]: [u32; 2],
        queue: u32,
        smoothing: f64,
        tolerance: f64,
        window: u32,
    ) -> Self {
        let min = f64::from(min.max(1));
        let max = f64::from(max).max(min);
        Self {
            limit: f64::from(initial).clamp(min, max),
            min,
            max,
            queue: f64::from(queue),
            smoothing: if smoothing.is_nan() { 0.0 } else { smoothing.clamp(0.0, 1.0) },
            tolerance: tolerance.max(1.0),
            window: f64::from(window.max(1)),
            long: 0.0,
            seen: 0,
        }
    }

    /// Netflix's defaults: 20 to 200, queue 4, smoothing 0.2, tolerance 1.5, window 600.
    #[must_use]
    pub fn netflix() -> Self {
        Self::new(20, [20, 200], 4, 0.2, 1.5, 600)
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit as u32
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        let present = sample.took.as_secs_f64().max(1e-9);
        if self.seen < WARM_UP {
            self.long = (self.long * f64::from(self.seen) + present) / f64::from(self.seen + 1);
            self.seen += 1;
        } else {
            let factor = 2.0 / (self.window + 1.0);
            self.long = self.long * (1.0 - factor) + present * factor;
        }
        let long = self.long;
        if long / present > 2.0 {
            self.long *= 0.95;
        }
        if f64::from(sample.inside) < self.limit / 2.0 {
            return;
        }
        let gradient = (self.tolerance * long / present).clamp(0.5, 1.0);
        let limit = self.limit * gradient + self.queue;
        self.limit = (self.limit * (1.0 - self.smoothing) + limit * self.smoothing).clamp(self.min, self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SimDuration, SimTime};

    fn feed(rule: &mut Gradient2, ms: u64, inside: u32, n: u32) -> u32 {
        for _ in 0..n {
            let took = SimDuration::from_millis(ms);
            rule.sample(Sample { entered: SimTime::ZERO, took, inside, dropped: false });
        }
        rule.limit()
    }

    #[test]
    fn steady_times_let_it_grow_by_the_queue_and_slow_ones_shrink_it() {
        let mut rule = Gradient2::netflix();
        assert_eq!(feed(&mut rule, 10, 9, 20), 20); // half is not in use
        assert_eq!(feed(&mut rule, 10, 20, 10), 28); // 0.2 x 4 per answer
        assert_eq!(feed(&mut rule, 10, 200, 1000), 200);
        // Ten times as slow: gradient 0.5 at first, so the bound falls towards 2 x queue, that is the minimum.
        assert_eq!(feed(&mut rule, 100, 200, 30), 20);
    }

    #[test]
    fn a_long_time_that_is_far_too_high_comes_down_quickly() {
        let mut rule = Gradient2::netflix();
        feed(&mut rule, 100, 20, 1000);
        feed(&mut rule, 10, 20, 60);
        assert!(rule.long < 0.021, "{}", rule.long);
    }
}
