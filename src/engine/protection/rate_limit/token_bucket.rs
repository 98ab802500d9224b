//! The token bucket: r tokens per second, at most b, full at the start; a request takes one or is
//! turned away, so that any span t lets at most b + r t through.
//!
//! *Continuous* refill is exact: instead of a fractional number of tokens the time is kept at which the
//! bucket would be full (the generic cell rate algorithm, ITU-T I.371), in 2^-32 ns, and a request passes
//! if that lies at most b - 1 token intervals ahead. *Stepped* refill adds whole tokens at multiples of an
//! interval (Envoy's `tokens_per_fill` and `fill_interval`).

use super::Verdict;
use crate::base::{SimDuration, SimTime};

const FRACTION: u32 = 32;

/// How tokens come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refill {
    /// Token interval, and the time at which the bucket is full, both in 2^-32 ns.
    Continuous { interval: u128, full_at: u128 },
    /// So many at once, at multiples of a step.
    Stepped { tokens: u32, step: u64, level: u32, steps: u64 },
}

/// A token bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenBucket {
    burst: u32,
    refill: Refill,
}

impl TokenBucket {
    /// `rate` tokens per second, at most `burst`. A rate outside 1e-9..=1e12 becomes the nearer end.
    #[must_use]
    pub fn new(rate: f64, burst: u32) -> Self {
        let rate = if rate.is_nan() { 1e-9 } else { rate.clamp(1e-9, 1e12) };
        let interval = libm::round(1e9 / rate * (1_u64 << FRACTION) as f64) as u128;
        Self { burst, refill: Refill::Continuous { interval, full_at: 0 } }
    }

    /// `tokens` every `interval`, at most `burst`.
    #[must_use]
    pub fn stepped(tokens: u32, interval: SimDuration, burst: u32) -> Self {
        let step = interval.as_nanos().max(1);
        Self { burst, refill: Refill::Stepped { tokens, step, level: burst, steps: 0 } }
    }

    /// A request has come: it passes if there is a whole token.
    pub fn admit(&mut self, now: SimTime) -> Verdict {
        let nanos = now.as_nanos();
        match &mut self.refill {
            Refill::Continuous { interval, full_at } => {
                let now = u128::from(nanos) << FRACTION;
                let next = (*full_at).max(now) + *interval;
                let allowed = now + *interval * u128::from(self.burst);
                if next <= allowed {
                    *full_at = next;
                    return Verdict::Pass;
                }
                let wait = (next - allowed).div_ceil(1 << FRACTION);
                Verdict::Reject(SimDuration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX)))
            }
            Refill::Stepped { tokens, step, level, steps } => {
                let passed = (nanos / *step).saturating_sub(*steps);
                *steps += passed;
                let added = u64::from(*tokens).saturating_mul(passed).saturating_add(u64::from(*level));
                *level = added.min(u64::from(self.burst)) as u32;
                if *level > 0 {
                    *level -= 1;
                    return Verdict::Pass;
                }
                Verdict::Reject(SimDuration::from_nanos(*step - nanos % *step))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(bucket: &mut TokenBucket, at: f64) -> bool {
        bucket.admit(SimTime::from_secs_f64(at)) == Verdict::Pass
    }

    #[test]
    fn the_golden_trace() {
        // GOLD-TOKEN: rate 1, burst 2, initially full.
        let mut bucket = TokenBucket::new(1.0, 2);
        let seen = [0.0, 0.1, 0.2, 1.05, 1.1, 3.5, 3.6, 3.7].map(|at| passes(&mut bucket, at));
        assert_eq!(seen, [true, true, false, true, false, true, true, false]);
    }

    #[test]
    fn exactly_one_token_is_enough() {
        // Ten per second, taken every 100 ms for a day: the last digit of no sum decides.
        let mut bucket = TokenBucket::new(10.0, 1);
        for n in 0..864_000_u64 {
            let now = SimTime::from_nanos(n * 100_000_000);
            assert_eq!(bucket.admit(now), Verdict::Pass);
            assert!(matches!(bucket.admit(now), Verdict::Reject(_)));
        }
    }

    #[test]
    fn whole_tokens_come_at_multiples_of_the_interval() {
        let mut bucket = TokenBucket::stepped(3, SimDuration::from_secs(1), 5);
        assert_eq!((0..9).filter(|_| passes(&mut bucket, 0.0)).count(), 5);
        assert!(!passes(&mut bucket, 0.999));
        assert_eq!((0..9).filter(|_| passes(&mut bucket, 1.0)).count(), 3);
        assert_eq!((0..9).filter(|_| passes(&mut bucket, 60.0)).count(), 5);
    }

    #[test]
    fn any_span_lets_at_most_burst_and_refill_through() {
        let mut bucket = TokenBucket::new(50.0, 20);
        // 1000 requests per second for ten seconds: min(arrivals, b + r t) from the first on.
        let passed = (0..10_000).filter(|n| passes(&mut bucket, f64::from(*n) / 1000.0)).count();
        assert_eq!(passed, 20 + 499); // the last comes at 9.999 s
    }
}
