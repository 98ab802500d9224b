//! nginx's `limit_req`: a leaky bucket as a meter of excess, in thousandths of requests and whole
//! milliseconds.
//!
//! Each request adds one to the excess and time takes `rate` per second from it, never below zero; the
//! first request ever adds nothing. More than `burst` in excess: turned away (and not counted). Otherwise it
//! is delayed by (excess - delay) / rate, which spaces the requests 1/rate apart; `nodelay` lets the burst
//! through at once. `ngx_http_limit_req_module.c`; burst 0 and status 503 are its defaults.
//!
//! Arithmetic is that of the source: integers, truncated. So at 1000 r/s two requests within one
//! millisecond exceed a burst of 0, and rates above that behave coarsely, as they do in nginx.

use super::Verdict;
use crate::base::{SimDuration, SimTime};

/// A leaky bucket as nginx has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeakyBucket {
    /// Thousandths of requests per second.
    rate: u64,
    /// In thousandths.
    burst: u64,
    /// Excess that passes without a delay, in thousandths.
    undelayed: u64,
    excess: u64,
    /// Milliseconds; none: nobody has come yet.
    last: Option<u64>,
}

impl LeakyBucket {
    /// `rate` requests per second (at least one in 1000 s), `burst` of them in excess, all of these delayed
    /// or none.
    #[must_use]
    pub fn new(rate: f64, burst: u32, nodelay: bool) -> Self {
        Self::with_delay(rate, burst, if nodelay { u32::MAX } else { 0 })
    }

    /// The same, where only what exceeds `delay` requests is delayed (`limit_req ... delay=N`).
    #[must_use]
    pub fn with_delay(rate: f64, burst: u32, delay: u32) -> Self {
        let rate = ((rate * 1000.0 + 1e-6) as u64).clamp(1, 1_000_000_000_000);
        let (burst, undelayed) = (u64::from(burst) * 1000, u64::from(delay) * 1000);
        Self { rate, burst, undelayed, excess: 0, last: None }
    }

    /// A request has come.
    pub fn admit(&mut self, now: SimTime) -> Verdict {
        let now = now.as_nanos() / 1_000_000;
        let Some(last) = self.last else {
            self.last = Some(now);
            return Verdict::Pass;
        };
        let leaked = self.rate.saturating_mul(now.saturating_sub(last)) / 1000;
        let excess = (self.excess + 1000).saturating_sub(leaked);
        if excess > self.burst {
            // Until the excess has leaked down to the burst, in whole milliseconds from this one's start.
            let wait = ((excess - self.burst) * 1000).div_ceil(self.rate).max(1);
            return Verdict::Reject(SimDuration::from_millis(wait));
        }
        self.excess = excess;
        self.last = Some(now);
        let delay = excess.saturating_sub(self.undelayed) * 1000 / self.rate;
        if delay == 0 { Verdict::Pass } else { Verdict::Delay(SimDuration::from_millis(delay)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn at(ms: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(ms)
    }

    #[test]
    fn without_a_burst_whoever_comes_too_early_is_turned_away() {
        // 10 r/s: one per 100 ms. What was turned away does not count.
        let mut bucket = LeakyBucket::new(10.0, 0, false);
        let seen = [0, 50, 99, 100, 199, 200, 1000, 1001].map(|ms| bucket.admit(at(ms)) == Verdict::Pass);
        assert_eq!(seen, [true, false, false, true, false, true, true, false]);
    }

    #[test]
    fn a_burst_waits_in_line_or_passes_at_once() {
        // 10 r/s, burst 3, five at once: the first passes, three follow 100 ms apart, the fifth is too much.
        let waits = |nodelay| {
            let mut bucket = LeakyBucket::new(10.0, 3, nodelay);
            (0..5)
                .map(|_| match bucket.admit(at(7)) {
                    Verdict::Pass => Some(0),
                    Verdict::Delay(wait) => Some(wait.as_nanos() / 1_000_000),
                    Verdict::Reject(_) => None,
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(false), [Some(0), Some(100), Some(200), Some(300), None]);
        assert_eq!(waits(true), [Some(0), Some(0), Some(0), Some(0), None]);
        // delay=2: two pass at once, the third in excess waits for one turn.
        let mut two = LeakyBucket::with_delay(10.0, 3, 2);
        let seen: Vec<_> = (0..4).map(|_| two.admit(at(0))).collect();
        assert_eq!(seen[..3], [Verdict::Pass; 3]);
        assert_eq!(seen[3], Verdict::Delay(SimDuration::from_millis(100)));
    }

    #[test]
    fn delayed_requests_queue_as_in_a_constant_server() {
        // LIM-01: Poisson 90/s into 100/s with room for all: the wait of M/D/1, 45 ms. Whole milliseconds cost
        // up to one of them.
        let mut bucket = LeakyBucket::new(100.0, 1_000_000, false);
        let mut draws = Key::root(3, 0).draws();
        let (mut now, mut sum) = (0.0, 0.0);
        let n = 1_500_000;
        for _ in 0..n {
            now -= libm::log(draws.unit_open()) / 90.0;
            if let Verdict::Delay(wait) = bucket.admit(SimTime::from_secs_f64(now)) {
                sum += wait.as_secs_f64();
            }
        }
        let mean = sum / f64::from(n);
        assert!((mean - 0.045).abs() < 0.0025, "{mean}");
    }

    #[test]
    fn milliseconds_are_coarse_as_in_nginx() {
        let mut bucket = LeakyBucket::new(1000.0, 0, false);
        let mut admit = |nanos| bucket.admit(SimTime::from_nanos(nanos)) == Verdict::Pass;
        assert!(admit(0) && !admit(999_999) && admit(1_000_000));
    }
}
