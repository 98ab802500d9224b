//! So many requests per window: by the clock, by the log of the last window, or estimated from counts.
//!
//! Only requests that pass are counted. The sliding counter weighs the count of the clock's last window by
//! the part of it that still lies within one window of now, as if it had been even (Cloudflare's limiter).

use std::collections::VecDeque;

use super::Verdict;
use crate::base::{SimDuration, SimTime};

fn length(window: SimDuration) -> u64 {
    window.as_nanos().max(1)
}

/// A count that starts anew at each multiple of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FixedWindow {
    limit: u32,
    window: u64,
    number: u64,
    count: u32,
}

impl FixedWindow {
    /// At most `limit` per `window`.
    #[must_use]
    pub fn new(limit: u32, window: SimDuration) -> Self {
        Self { limit, window: length(window), number: 0, count: 0 }
    }

    /// A request has come.
    pub fn admit(&mut self, now: SimTime) -> Verdict {
        let number = now.as_nanos() / self.window;
        if number != self.number {
            (self.number, self.count) = (number, 0);
        }
        if self.count < self.limit {
            self.count += 1;
            return Verdict::Pass;
        }
        Verdict::Reject(SimDuration::from_nanos(self.window - now.as_nanos() % self.window))
    }
}

/// The times of the last window's requests. Memory: `limit` times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlidingLog {
    limit: u32,
    window: SimDuration,
    passed: VecDeque<SimTime>,
}

impl SlidingLog {
    /// At most `limit` in any `window`.
    #[must_use]
    pub fn new(limit: u32, window: SimDuration) -> Self {
        Self { limit, window: SimDuration::from_nanos(length(window)), passed: VecDeque::new() }
    }

    /// A request has come.
    pub fn admit(&mut self, now: SimTime) -> Verdict {
        while self.passed.front().is_some_and(|at| now.since(*at) >= self.window) {
            self.passed.pop_front();
        }
        if self.passed.len() < self.limit as usize {
            self.passed.push_back(now);
            return Verdict::Pass;
        }
        let oldest = self.passed.front().copied().unwrap_or(now);
        Verdict::Reject((oldest + self.window).since(now))
    }
}

/// Two windows' counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlidingCounter {
    limit: u32,
    window: u64,
    number: u64,
    last: u32,
    count: u32,
}

impl SlidingCounter {
    /// About `limit` per `window`.
    #[must_use]
    pub fn new(limit: u32, window: SimDuration) -> Self {
        Self { limit, window: length(window), number: 0, last: 0, count: 0 }
    }

    /// A request has come.
    pub fn admit(&mut self, now: SimTime) -> Verdict {
        let number = now.as_nanos() / self.window;
        if number != self.number {
            self.last = if number == self.number + 1 { self.count } else { 0 };
            (self.number, self.count) = (number, 0);
        }
        let gone = now.as_nanos() % self.window;
        // last x (window - gone) / window + count + 1 <= limit, in integers.
        let weighted = u128::from(self.last) * u128::from(self.window - gone);
        let room = i128::from(self.limit) - i128::from(self.count) - 1;
        if room >= 0 && weighted <= room.unsigned_abs() * u128::from(self.window) {
            self.count += 1;
            return Verdict::Pass;
        }
        Verdict::Reject(SimDuration::from_nanos(self.wait(gone, room)))
    }

    /// Nanoseconds until the estimate leaves room for one more.
    fn wait(&self, gone: u64, room: i128) -> u64 {
        let share = |room: i128, count: u32| {
            // The part of the window that must have gone for `count` x the rest to fit into `room`.
            let fits = room.max(0).unsigned_abs() * u128::from(self.window) / u128::from(count.max(1));
            self.window.saturating_sub(u64::try_from(fits).unwrap_or(u64::MAX))
        };
        if room >= 0 {
            share(room, self.last).saturating_sub(gone).max(1)
        } else {
            let next = share(i128::from(self.limit) - 1, self.count);
            (self.window - gone).saturating_add(next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_counts_by_the_part_that_is_still_near() {
        // Ten per second; eight passed in the first second. At 1.25 s three quarters of them count: 6.
        let mut counter = SlidingCounter::new(10, SimDuration::from_secs(1));
        let mut passed = |at: f64, n: u32| {
            (0..n).filter(|_| counter.admit(SimTime::from_secs_f64(at)) == Verdict::Pass).count()
        };
        assert_eq!([passed(0.5, 8), passed(1.25, 9), passed(1.5, 9)], [8, 4, 2]);
        assert_eq!(passed(9.0, 20), 10);
    }
}
