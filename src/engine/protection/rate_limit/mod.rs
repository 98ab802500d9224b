//! Rate limits: so many requests per time, and what happens to the others.
//!
//! | limit | burst | shape of what passes |
//! |---|---|---|
//! | [`TokenBucket`] | up to the bucket | at most b + r t in any span t |
//! | [`LeakyBucket`] (nginx `limit_req`) | waits, or passes at once with `nodelay` | one every 1/r, or as a token bucket |
//! | [`FixedWindow`] | a whole window's limit at once | up to twice the limit around a boundary |
//! | [`SlidingLog`] | the limit at once | at most the limit in any window |
//! | [`SlidingCounter`] | the limit at once | about the limit; assumes the last window was even |
//!
//! [`KeyedRateLimit`] keeps one per client or tenant.

mod keyed;
mod leaky_bucket;
mod token_bucket;
mod window;

pub use keyed::KeyedRateLimit;
pub use leaky_bucket::LeakyBucket;
pub use token_bucket::TokenBucket;
pub use window::{FixedWindow, SlidingCounter, SlidingLog};

use crate::base::{SimDuration, SimTime};

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It passes now.
    Pass,
    /// It passes after this long.
    Delay(SimDuration),
    /// It is turned away; after this long it would have passed, had nobody else come (`Retry-After`).
    Reject(SimDuration),
}

/// Any of the limits.
#[derive(Clone, PartialEq, Debug)]
pub enum RateLimit {
    /// Tokens that refill.
    TokenBucket(TokenBucket),
    /// nginx's `limit_req`.
    LeakyBucket(LeakyBucket),
    /// A count per window of the clock.
    FixedWindow(FixedWindow),
    /// Every request of the last window.
    SlidingLog(SlidingLog),
    /// An estimate from two windows' counts.
    SlidingCounter(SlidingCounter),
}

impl RateLimit {
    /// A request has come.
    pub fn admit(&mut self, now: SimTime) -> Verdict {
        match self {
            Self::TokenBucket(limit) => limit.admit(now),
            Self::LeakyBucket(limit) => limit.admit(now),
            Self::FixedWindow(limit) => limit.admit(now),
            Self::SlidingLog(limit) => limit.admit(now),
            Self::SlidingCounter(limit) => limit.admit(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    /// Poisson arrivals for so many seconds: arrivals, those passed, and the times of these.
    fn poisson(mut limit: RateLimit, rate: f64, seconds: f64, seed: u64) -> (u32, Vec<SimTime>) {
        let mut draws = Key::root(seed, 0).draws();
        let (mut at, mut arrivals, mut passed) = (0.0, 0, Vec::new());
        loop {
            at -= libm::log(draws.unit_open()) / rate;
            if at > seconds {
                return (arrivals, passed);
            }
            arrivals += 1;
            let now = SimTime::from_secs_f64(at);
            if limit.admit(now) == Verdict::Pass {
                passed.push(now);
            }
        }
    }

    fn most_in(passed: &[SimTime], window: SimDuration) -> usize {
        let mut first = 0;
        (0..passed.len())
            .map(|last| {
                while passed[last].since(passed[first]) >= window {
                    first += 1;
                }
                last + 1 - first
            })
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn token_buckets_turn_away_what_theory_says() {
        // TOKEN-80-5 and TOKEN-120-10: the deficit is the workload of M/D/1 with bounded admission.
        for (rate, burst, rejected) in [(80.0, 5, 0.035_290_4), (120.0, 10, 0.170_910_8)] {
            let limit = RateLimit::TokenBucket(TokenBucket::new(100.0, burst));
            let (arrivals, passed) = poisson(limit, rate, 10_000.0, 1);
            let share = 1.0 - passed.len() as f64 / f64::from(arrivals);
            assert!((share / rejected - 1.0).abs() < 0.03, "{rate}: {share} for {rejected}");
        }
    }

    #[test]
    fn a_fixed_window_turns_away_its_excess_and_lets_twice_its_limit_through_at_a_boundary() {
        // FIXED-WINDOW: E[(N - 110)+] / E[N] for N Poisson with mean 100.
        let window = SimDuration::from_secs(1);
        let limit = RateLimit::FixedWindow(FixedWindow::new(110, window));
        let (arrivals, passed) = poisson(limit.clone(), 100.0, 20_000.0, 2);
        let share = 1.0 - passed.len() as f64 / f64::from(arrivals);
        assert!((share / 0.008_708_8 - 1.0).abs() < 0.05, "{share}");
        assert!(most_in(&passed, window) > 110 && most_in(&passed, window) <= 220);
        // The worst case: a burst at the end of one window and one at the beginning of the next.
        let mut limit = limit;
        let mut passed =
            |at: f64| (0..500).filter(|_| limit.admit(SimTime::from_secs_f64(at)) == Verdict::Pass).count();
        assert_eq!([passed(0.999), passed(1.0)], [110, 110]);
    }

    #[test]
    fn no_sliding_window_lets_more_than_its_limit_through() {
        let window = SimDuration::from_secs(1);
        let (_, passed) = poisson(RateLimit::SlidingLog(SlidingLog::new(100, window)), 300.0, 200.0, 3);
        assert_eq!(most_in(&passed, window), 100);
        assert!(passed.len() > 19_000, "{}", passed.len());
        let (_, passed) =
            poisson(RateLimit::SlidingCounter(SlidingCounter::new(100, window)), 300.0, 200.0, 3);
        let most = most_in(&passed, window);
        assert!((100..=135).contains(&most), "only about: {most}");
    }

    #[test]
    fn whoever_comes_back_after_the_time_it_was_told_passes() {
        let window = SimDuration::from_secs(10);
        let limits = [
            RateLimit::TokenBucket(TokenBucket::new(0.7, 3)),
            RateLimit::TokenBucket(TokenBucket::stepped(2, SimDuration::from_secs(3), 3)),
            RateLimit::LeakyBucket(LeakyBucket::new(0.7, 3, true)),
            RateLimit::FixedWindow(FixedWindow::new(3, window)),
            RateLimit::SlidingLog(SlidingLog::new(3, window)),
            RateLimit::SlidingCounter(SlidingCounter::new(3, window)),
        ];
        for mut limit in limits {
            let mut now = SimTime::from_secs_f64(3.3);
            for _ in 0..50 {
                if let Verdict::Reject(after) = limit.admit(now) {
                    assert!(!after.is_zero());
                    now += after;
                    assert_eq!(limit.admit(now), Verdict::Pass, "{limit:?}");
                }
                now += SimDuration::from_millis(10);
            }
        }
    }

    #[test]
    fn absurd_numbers_do_no_harm() {
        let limits = [
            RateLimit::TokenBucket(TokenBucket::new(0.0, 0)),
            RateLimit::TokenBucket(TokenBucket::new(f64::NAN, u32::MAX)),
            RateLimit::TokenBucket(TokenBucket::stepped(0, SimDuration::ZERO, 0)),
            RateLimit::LeakyBucket(LeakyBucket::new(0.0, u32::MAX, false)),
            RateLimit::LeakyBucket(LeakyBucket::new(f64::INFINITY, 0, true)),
            RateLimit::FixedWindow(FixedWindow::new(0, SimDuration::ZERO)),
            RateLimit::SlidingLog(SlidingLog::new(0, SimDuration::MAX)),
            RateLimit::SlidingCounter(SlidingCounter::new(0, SimDuration::ZERO)),
        ];
        for mut limit in limits {
            for now in [0, 1, 1_000_000_000, u64::MAX / 2, u64::MAX] {
                limit.admit(SimTime::from_nanos(now));
            }
        }
    }
}
