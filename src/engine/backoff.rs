//! Pauses between attempts: exponential growth up to a cap, spread by one of five jitters.
//!
//! Full, equal and decorrelated jitter are those of Brooker 2015; around a step is gRPC's (20 %) and
//! resilience4j's (50 %). A pause depends on the request's luck and the attempt alone.

use super::plan::{Jitter, Retry};
use crate::base::SimDuration;
use crate::base::random::{Key, StreamName};

impl Retry {
    /// The pause before retry number `attempt + 1` of a call with this luck.
    #[must_use]
    pub fn pause(&self, attempt: u16, luck: Key) -> SimDuration {
        let base = self.base.as_secs_f64();
        let cap = self.cap.as_secs_f64();
        let step = |n: u16| (base * libm::pow(self.multiplier, f64::from(n))).min(cap);
        let mut draws = self.key.join(luck).with(u64::from(attempt)).draws();
        SimDuration::from_secs_f64(match self.jitter {
            Jitter::None => step(attempt),
            Jitter::Full => step(attempt) * draws.unit(),
            Jitter::Equal => step(attempt) * (0.5 + 0.5 * draws.unit()),
            Jitter::Around(percent) => {
                let share = f64::from(percent.min(100)) / 100.0;
                step(attempt) * (1.0 - share + 2.0 * share * draws.unit())
            }
            Jitter::Decorrelated => {
                // Each pause depends on the one before it: draw the chain from its start.
                let mut draws = self.key.join(luck).named(StreamName::new("decorrelated")).draws();
                let mut pause = base;
                for _ in 0..=attempt {
                    pause = (base + (3.0 * pause - base).max(0.0) * draws.unit()).min(cap);
                }
                pause
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::RetryOn;
    use super::*;

    fn retry(jitter: Jitter) -> Retry {
        Retry {
            attempts: 9,
            base: SimDuration::from_millis(100),
            cap: SimDuration::from_secs(20),
            multiplier: 2.0,
            jitter,
            on: RetryOn::default(),
            budget: None,
            honours_retry_after: false,
            repeats_sent: true,
            key: Key::root(1, 0),
        }
    }

    /// Mean pauses in seconds before each of eight retries, over many requests.
    fn means(jitter: Jitter) -> Vec<f64> {
        let (retry, requests) = (retry(jitter), 40_000);
        (0..8)
            .map(|attempt| {
                let pause = |n| retry.pause(attempt, Key::root(2, 0).with(n)).as_secs_f64();
                (0..requests).map(pause).sum::<f64>() / requests as f64
            })
            .collect()
    }

    #[test]
    fn pauses_have_the_means_that_their_jitter_implies() {
        // BACKOFF counts its steps from base x 2 (n from 1): base 200 ms here would be the same. Steps of this
        // policy: 0.1, 0.2, ... 12.8, in all 25.5 s; its totals with doubled steps and a cap of 20 are 45.4, 22.7
        // and 34.05.
        let doubled = |jitter| {
            let twice = Retry { base: SimDuration::from_millis(200), ..retry(jitter) };
            let pause = |n: u64, attempt| twice.pause(attempt, Key::root(3, 0).with(n)).as_secs_f64();
            (0..20_000).map(|n| (0..8).map(|attempt| pause(n, attempt)).sum::<f64>()).sum::<f64>() / 20_000.0
        };
        for (jitter, total) in
            [(Jitter::None, 45.4), (Jitter::Full, 22.7), (Jitter::Equal, 34.05), (Jitter::Around(20), 45.4)]
        {
            assert!((doubled(jitter) / total - 1.0).abs() < 0.01, "{jitter:?}: {}", doubled(jitter));
        }
        let decorrelated = means(Jitter::Decorrelated);
        assert!((decorrelated[0] - 0.2).abs() < 0.002 && (decorrelated[1] - 0.35).abs() < 0.004);
    }

    #[test]
    fn pauses_stay_within_the_bounds_of_their_jitter() {
        for (jitter, low, high) in [
            (Jitter::Full, 0.0, 0.4),
            (Jitter::Equal, 0.2, 0.4),
            (Jitter::Around(20), 0.32, 0.48),
            (Jitter::Around(50), 0.2, 0.6),
            (Jitter::Decorrelated, 0.1, 2.7),
        ] {
            let pauses = (0..2_000).map(|n| retry(jitter).pause(2, Key::root(4, 0).with(n)).as_secs_f64());
            let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
            pauses.for_each(|pause| (least, most) = (least.min(pause), most.max(pause)));
            assert!(low <= least && most <= high + 1e-9, "{jitter:?}: {least}..{most}");
            assert!(jitter == Jitter::Decorrelated || most - least > 0.95 * (high - low));
        }
    }
}
