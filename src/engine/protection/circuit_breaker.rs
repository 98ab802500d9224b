//! The circuit breaker: after too many failures calls are not made at all for a while, then a few try.
//!
//! Closed: results are kept in a window of the last N calls, or of the last so many seconds; once there are
//! `minimum_calls`, a share of failures, or of slow calls, at or above its threshold opens the breaker. Open:
//! nothing passes for `open_for`. Half-open: `half_open_calls` may try; their results alone (with the minimum
//! lowered to their number) decide between open and closed, which begins with an empty window.
//!
//! Rules and defaults are resilience4j's (`CircuitBreakerStateMachine`); with one trial call and a time
//! window of ten slices they are Hystrix's. As in both, a result is booked under the state in which it
//! arrives, whoever was let out when: a call that was made before the breaker opened and ends in half-open
//! counts as a trial. Slow means longer than the threshold, failed or not.

use super::rolling_counter::RollingCounter;
use crate::base::{SimDuration, SimTime};

/// Which results count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// The last so many calls (at least one).
    Calls(u32),
    /// Those of the last `length`, in so many slices.
    Time {
        /// How far back.
        length: SimDuration,
        /// In so many slices; the oldest leaves as a whole.
        slices: u32,
    },
}

/// When slow calls open the breaker.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlowCalls {
    /// Longer than this is slow.
    pub longer_than: SimDuration,
    /// Share of slow calls that opens, 0..=1.
    pub share: f64,
}

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BreakerSettings {
    /// Which results count.
    pub window: Window,
    /// Results in the window without which nothing is decided.
    pub minimum_calls: u32,
    /// Share of failures that opens, 0..=1.
    pub failures: f64,
    /// Slow calls; none: however slow.
    pub slow: Option<SlowCalls>,
    /// Time until calls are tried again.
    pub open_for: SimDuration,
    /// Calls that may try (at least one).
    pub half_open_calls: u32,
}

impl BreakerSettings {
    /// resilience4j's defaults: 100 calls, half of them failed, or all slower than 60 s; 60 s; 10 trials.
    #[must_use]
    pub const fn resilience4j() -> Self {
        Self {
            window: Window::Calls(100),
            minimum_calls: 100,
            failures: 0.5,
            slow: Some(SlowCalls { longer_than: SimDuration::from_secs(60), share: 1.0 }),
            open_for: SimDuration::from_secs(60),
            half_open_calls: 10,
        }
    }

    /// Hystrix's defaults: 20 calls in 10 s, half of them failed; 5 s; one trial.
    #[must_use]
    pub const fn hystrix() -> Self {
        Self {
            window: Window::Time { length: SimDuration::from_secs(10), slices: 10 },
            minimum_calls: 20,
            failures: 0.5,
            slow: None,
            open_for: SimDuration::from_secs(5),
            half_open_calls: 1,
        }
    }

    /// Opens after `n` failures in a row, as most hand-written breakers do; one trial.
    #[must_use]
    pub const fn consecutive(n: u32, open_for: SimDuration) -> Self {
        Self {
            window: Window::Calls(n),
            minimum_calls: n,
            failures: 1.0,
            slow: None,
            open_for,
            half_open_calls: 1,
        }
    }
}

/// Whether calls pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerState {
    /// All.
    Closed,
    /// None.
    Open,
    /// A few.
    HalfOpen,
}

const CALLS: usize = 0;
const FAILED: usize = 1;
const SLOW: usize = 2;

/// Results that count now: calls, failed ones, slow ones.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Results {
    Last { size: usize, ring: Vec<[bool; 2]>, next: usize, counts: [u64; 3] },
    Recent(RollingCounter<3>),
}

impl Results {
    fn last(size: u32) -> Self {
        Self::Last { size: size.max(1) as usize, ring: Vec::new(), next: 0, counts: [0; 3] }
    }

    fn new(window: Window) -> Self {
        match window {
            Window::Calls(size) => Self::last(size),
            Window::Time { length, slices } => Self::Recent(RollingCounter::new(length, slices)),
        }
    }

    /// Adds a result and returns the counts with it.
    fn add(&mut self, failed: bool, slow: bool, now: SimTime) -> [u64; 3] {
        match self {
            Self::Recent(counter) => {
                counter.add(CALLS, 1, now);
                counter.add(FAILED, u64::from(failed), now);
                counter.add(SLOW, u64::from(slow), now);
                counter.totals(now)
            }
            Self::Last { size, ring, next, counts } => {
                if ring.len() < *size {
                    ring.push([failed, slow]);
                    counts[CALLS] += 1;
                } else {
                    let [old_failed, old_slow] = std::mem::replace(&mut ring[*next], [failed, slow]);
                    counts[FAILED] -= u64::from(old_failed);
                    counts[SLOW] -= u64::from(old_slow);
                    *next = (*next + 1) % *size;
                }
                counts[FAILED] += u64::from(failed);
                counts[SLOW] += u64::from(slow);
                *counts
            }
        }
    }
}

/// A circuit breaker.
#[derive(Clone, PartialEq, Debug)]
pub struct CircuitBreaker {
    settings: BreakerSettings,
    state: BreakerState,
    results: Results,
    opened: SimTime,
    /// Trials that may still start.
    trials: u32,
    openings: u64,
}

impl CircuitBreaker {
    /// A closed breaker without a history.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        let results = Results::new(settings.window);
        Self { settings, state: BreakerState::Closed, results, opened: SimTime::ZERO, trials: 0, openings: 0 }
    }

    /// Whether a call may be made now; one that may be is followed by [`Self::record`] or
    /// [`Self::forgo`].
    pub fn admit(&mut self, now: SimTime) -> bool {
        if self.state == BreakerState::Open && now.since(self.opened) >= self.settings.open_for {
            self.state = BreakerState::HalfOpen;
            self.trials = self.settings.half_open_calls.max(1);
            self.results = Results::last(self.trials);
        }
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => {
                let may = self.trials > 0;
                self.trials -= u32::from(may);
                may
            }
        }
    }

    /// A call has ended after `took`.
    pub fn record(&mut self, failed: bool, took: SimDuration, now: SimTime) {
        let slow = self.settings.slow.is_some_and(|slow| took > slow.longer_than);
        let [calls, failures, slow_calls] = self.results.add(failed, slow, now);
        if self.state == BreakerState::Open {
            return;
        }
        let half_open = self.state == BreakerState::HalfOpen;
        let trials = self.settings.half_open_calls.max(1);
        let size = match self.settings.window {
            _ if half_open => trials,
            Window::Calls(size) => size.max(1),
            Window::Time { .. } => u32::MAX,
        };
        if calls < u64::from(self.settings.minimum_calls.clamp(1, size)) {
            return;
        }
        let share = |n: u64| n as f64 / calls as f64;
        let too_slow = self.settings.slow.is_some_and(|slow| share(slow_calls) >= slow.share);
        if share(failures) >= self.settings.failures || too_slow {
            self.state = BreakerState::Open;
            self.opened = now;
            self.openings += 1;
            self.results = Results::new(self.settings.window);
        } else if half_open {
            self.state = BreakerState::Closed;
            self.results = Results::new(self.settings.window);
        }
    }

    /// A call that was admitted will not be made, or has no result that counts.
    pub fn forgo(&mut self) {
        if self.state == BreakerState::HalfOpen {
            self.trials = self.trials.saturating_add(1).min(self.settings.half_open_calls.max(1));
        }
    }

    /// The state as of the last call.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// How often it has opened.
    #[must_use]
    pub const fn openings(&self) -> u64 {
        self.openings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> SimTime {
        SimTime::from_secs_f64(s)
    }

    const QUICK: SimDuration = SimDuration::from_millis(1);

    #[test]
    fn the_golden_trace() {
        // GOLD-BREAKER: three failures in a row, open 10 s, one trial.
        let mut breaker = CircuitBreaker::new(BreakerSettings::consecutive(3, SimDuration::from_secs(10)));
        let calls = [
            (0.0, "fail"),
            (1.0, "fail"),
            (2.0, "fail"),
            (3.0, "x"),
            (12.5, "fail"),
            (13.0, "x"),
            (23.0, "ok"),
            (24.0, "ok"),
        ];
        let seen = calls.map(|(now, result)| {
            if !breaker.admit(at(now)) {
                return "short";
            }
            breaker.record(result == "fail", QUICK, at(now));
            result
        });
        assert_eq!(seen, ["fail", "fail", "fail", "short", "fail", "short", "ok", "ok"]);
        assert_eq!(breaker.openings(), 2);
    }

    #[test]
    fn resilience4j_opens_at_half_of_the_last_hundred() {
        let mut breaker = CircuitBreaker::new(BreakerSettings::resilience4j());
        let calls = |breaker: &mut CircuitBreaker, n: u32, failed: bool| {
            (0..n).for_each(|_| {
                assert!(breaker.admit(at(0.0)));
                breaker.record(failed, QUICK, at(0.0));
            });
        };
        calls(&mut breaker, 50, true);
        calls(&mut breaker, 49, false);
        assert_eq!(breaker.state(), BreakerState::Closed, "99 calls decide nothing");
        calls(&mut breaker, 1, false);
        assert_eq!(breaker.state(), BreakerState::Open);
        // Ten trials at once; five failures of ten open it again, four do not.
        for (failures, state) in [(5, BreakerState::Open), (4, BreakerState::Closed)] {
            let now = at(if failures == 5 { 60.0 } else { 120.0 });
            assert_eq!((0..50).filter(|_| breaker.admit(now)).count(), 10);
            for n in 0..10 {
                assert_eq!(breaker.state(), BreakerState::HalfOpen);
                breaker.record(n < failures, QUICK, now);
            }
            assert_eq!(breaker.state(), state);
        }
    }

    #[test]
    fn only_the_window_counts() {
        let settings =
            BreakerSettings { window: Window::Calls(4), minimum_calls: 4, ..BreakerSettings::resilience4j() };
        let mut breaker = CircuitBreaker::new(settings);
        for failed in [true, false, false, false, true, false, false, false, true] {
            breaker.record(failed, QUICK, at(0.0));
            assert_eq!(breaker.state(), BreakerState::Closed);
        }
        breaker.record(true, QUICK, at(0.0)); // of the last four, two
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn slow_calls_open_without_a_failure() {
        let slow = Some(SlowCalls { longer_than: SimDuration::from_secs(2), share: 0.8 });
        let settings = BreakerSettings {
            window: Window::Calls(10),
            minimum_calls: 10,
            slow,
            ..BreakerSettings::resilience4j()
        };
        let mut breaker = CircuitBreaker::new(settings);
        for n in 0..10 {
            let took = SimDuration::from_millis(if n < 2 { 2_000 } else { 2_001 });
            breaker.record(false, took, at(0.0));
        }
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn hystrix_counts_ten_seconds_and_tries_once() {
        let mut breaker = CircuitBreaker::new(BreakerSettings::hystrix());
        (0..19).for_each(|_| breaker.record(true, QUICK, at(0.5)));
        breaker.record(false, QUICK, at(10.5)); // the first second has left the window
        assert_eq!(breaker.state(), BreakerState::Closed);
        (0..19).for_each(|_| breaker.record(true, QUICK, at(11.0)));
        assert_eq!(breaker.state(), BreakerState::Open, "19 of 20");
        assert!(!breaker.admit(at(15.9)));
        assert!(breaker.admit(at(16.0)) && !breaker.admit(at(16.0)));
        breaker.forgo(); // the trial was cancelled: another one may go
        assert!(breaker.admit(at(16.1)));
        breaker.record(false, QUICK, at(16.2));
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
