//! The bulkhead: at most so many calls at once, so that one slow dependency cannot take all callers.
//!
//! Whoever finds it full waits in a line of bounded length, if there is one, and is turned away otherwise.
//! resilience4j's semaphore has room for 25 and no line (wait 0); its thread pool a line of 100; Hystrix 10 and
//! none. How long one waits is the caller's to limit. Envoy's `max_connections`, `max_pending_requests` and
//! `max_requests` (1024 each) are bulkheads per cluster.

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// It is made.
    Entered,
    /// It waits.
    Waits,
    /// It is not made.
    Refused,
}

/// Who is inside and who waits, by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bulkhead {
    room: u32,
    line: u32,
    inside: u32,
    waiting: u32,
}

impl Bulkhead {
    /// Room for `room` calls and a line of `line`.
    #[must_use]
    pub const fn new(room: u32, line: u32) -> Self {
        Self { room, line, inside: 0, waiting: 0 }
    }

    /// A call is to be made.
    pub fn enter(&mut self) -> Entry {
        if self.inside < self.room && self.waiting == 0 {
            self.inside += 1;
            Entry::Entered
        } else if self.waiting < self.line {
            self.waiting += 1;
            Entry::Waits
        } else {
            Entry::Refused
        }
    }

    /// A call has ended. Whether the first in line enters now.
    pub fn leave(&mut self) -> bool {
        self.inside = self.inside.saturating_sub(1);
        let next = self.waiting > 0 && self.inside < self.room;
        self.waiting -= u32::from(next);
        self.inside += u32::from(next);
        next
    }

    /// Somebody in line does not wait any longer.
    pub fn renege(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Calls inside.
    #[must_use]
    pub const fn inside(&self) -> u32 {
        self.inside
    }

    /// Calls in line.
    #[must_use]
    pub const fn waiting(&self) -> u32 {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_then_line_then_nothing() {
        let mut bulkhead = Bulkhead::new(2, 1);
        let seen = [0; 4].map(|_| bulkhead.enter());
        assert_eq!(seen, [Entry::Entered, Entry::Entered, Entry::Waits, Entry::Refused]);
        assert!(bulkhead.leave());
        assert_eq!((bulkhead.inside(), bulkhead.waiting()), (2, 0));
        bulkhead.enter();
        bulkhead.renege();
        assert!(!bulkhead.leave());
        assert_eq!(bulkhead.enter(), Entry::Entered);
    }

    #[test]
    fn losses_are_those_of_erlang() {
        // ERLB-10: ten places, no line, 8 Erlang offered: 12.17 % are refused.
        use crate::base::random::Key;
        use crate::base::{SimDuration, SimTime};
        use crate::kernel::Executive;
        let mut draws = Key::root(1, 0).draws();
        let mut executive = Executive::new();
        let mut bulkhead = Bulkhead::new(10, 0);
        executive.schedule_arrival(SimTime::ZERO, true);
        let (mut offered, mut refused) = (0_u32, 0_u32);
        while offered < 400_000 {
            let Some(arrival) = executive.pop() else { break };
            let now = executive.now();
            let mut after =
                |mean: f64| now + SimDuration::from_secs_f64(-mean * libm::log(draws.unit_open()));
            if !arrival {
                bulkhead.leave();
                continue;
            }
            let (next, done) = (after(1.0 / 8.0), after(1.0));
            executive.schedule_arrival(next, true);
            offered += 1;
            if bulkhead.enter() == Entry::Entered {
                executive.schedule(done, false);
            } else {
                refused += 1;
            }
        }
        let share = f64::from(refused) / f64::from(offered);
        assert!((share / 0.121_661 - 1.0).abs() < 0.03, "{share}");
    }
}
