//! Adaptive throttling in the client (Google SRE, chapter 21): requests that the server would refuse anyway
//! are not sent.
//!
//! Over the last two minutes, a new request fails at once with probability
//! max(0, (requests - K x accepts) / (requests + 1)), where those that failed here count as requests. With
//! K = 2 the server sees about twice what it accepts. Kept in 24 slices.

use super::rolling_counter::RollingCounter;
use crate::base::random::Draws;
use crate::base::{SimDuration, SimTime};

const REQUESTS: usize = 0;
const ACCEPTS: usize = 1;

/// One client's memory of one server.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientThrottle {
    k: f64,
    counts: RollingCounter<2>,
}

impl ClientThrottle {
    /// Throttles above `k` requests per accepted one, over `window`.
    #[must_use]
    pub fn new(k: f64, window: SimDuration) -> Self {
        Self { k: k.max(1.0), counts: RollingCounter::new(window, 24) }
    }

    /// Google's: K = 2, two minutes.
    #[must_use]
    pub fn google_sre() -> Self {
        Self::new(2.0, SimDuration::from_secs(120))
    }

    /// The probability that a request now would fail here.
    pub fn probability(&mut self, now: SimTime) -> f64 {
        let [requests, accepts] = self.counts.totals(now).map(|n| n as f64);
        ((requests - self.k * accepts) / (requests + 1.0)).max(0.0)
    }

    /// A request is to be sent: whether it is.
    pub fn admit(&mut self, now: SimTime, draws: &mut Draws) -> bool {
        let probability = self.probability(now);
        self.counts.add(REQUESTS, 1, now);
        probability <= 0.0 || !draws.chance(probability)
    }

    /// The server took a request on, whatever came of it.
    pub fn accepted(&mut self, now: SimTime) {
        self.counts.add(ACCEPTS, 1, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn the_server_sees_k_times_what_it_accepts() {
        // 1000 requests per second for a server that accepts one of ten: 100 accepted, about 200 sent.
        for k in [1.5, 2.0, 3.0] {
            let mut throttle = ClientThrottle::new(k, SimDuration::from_secs(120));
            let mut draws = Key::root(1, 0).draws();
            let (mut sent, mut budget) = (0.0, 0.0_f64);
            for n in 0..600_000 {
                let now = SimTime::from_secs_f64(f64::from(n) / 1000.0);
                budget = (budget + 0.1).min(50.0);
                if throttle.admit(now, &mut draws) {
                    sent += f64::from(u8::from(n >= 300_000));
                    if budget >= 1.0 {
                        budget -= 1.0;
                        throttle.accepted(now);
                    }
                }
            }
            let share = sent / 30_000.0;
            assert!((share / k - 1.0).abs() < 0.15, "K = {k}: {share} sent per accepted");
        }
    }

    #[test]
    fn a_healthy_server_is_never_spared() {
        let mut throttle = ClientThrottle::google_sre();
        let mut draws = Key::root(2, 0).draws();
        for n in 0..10_000 {
            let now = SimTime::from_secs_f64(f64::from(n) / 100.0);
            assert!(n % 2 == 1 || throttle.admit(now, &mut draws));
            if n % 2 == 0 {
                throttle.accepted(now);
            }
        }
        assert_eq!(throttle.probability(SimTime::from_secs_f64(100.0)), 0.0);
    }
}
