//! Exact time integrals of a step function: how many were present, served and waiting, and for how long.
//!
//! Rule: a value holds from the instant it is set until the next one; an interval's average is its
//! integral over its length, whatever happened at a single instant. The integrals are sums of integers
//! times nanoseconds, exact below 2^53, i.e. nine million customers present for one second.

use crate::base::{SimDuration, SimTime};

/// Integrals and counts of one resource over one stretch of time. Integrals are in customer-nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Integral of those present (in service and waiting).
    pub present: f64,
    /// Integral of min(present, servers): busy servers.
    pub busy: f64,
    /// Integral of the servers there are; infinite where nothing limits.
    pub servers: f64,
    /// Largest number waiting at any instant, those at its beginning included.
    pub max_waiting: u32,
    /// Customers granted, those at once too.
    pub granted: u32,
    /// Their waits, in nanoseconds.
    pub waited: f64,
    /// Customers who left ungranted or were turned away.
    pub refused: u32,
    /// Work asked for, in server-nanoseconds.
    pub demanded: f64,
    /// Customers who left after service.
    pub departed: u32,
    /// Their stays, in nanoseconds.
    pub stayed: f64,
}

impl Usage {
    /// Adds a later (or another resource's) stretch.
    pub fn add(&mut self, other: &Self) {
        self.present += other.present;
        self.busy += other.busy;
        self.servers += other.servers;
        self.max_waiting = self.max_waiting.max(other.max_waiting);
        self.granted = self.granted.saturating_add(other.granted);
        self.waited += other.waited;
        self.refused = self.refused.saturating_add(other.refused);
        self.demanded += other.demanded;
        self.departed = self.departed.saturating_add(other.departed);
        self.stayed += other.stayed;
    }

    /// Integral of max(0, present - servers): those waiting.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        self.present - self.busy
    }
}

/// One resource's present state, and what has accumulated since the last cut.
#[derive(Clone, Copy, Debug)]
pub struct TimeWeighted {
    last: u64,
    present: u32,
    /// More present than this are waiting: the servers without their fraction.
    room: u32,
    servers: f64,
    since: Usage,
}

impl TimeWeighted {
    /// Nobody present, `servers` servers, at time zero.
    #[must_use]
    pub fn new(servers: f64) -> Self {
        Self { last: 0, present: 0, room: servers as u32, servers, since: Usage::default() }
    }

    #[inline]
    fn advance(&mut self, now: u64) {
        let span = now.saturating_sub(self.last);
        if span > 0 {
            let (span, present) = (SimDuration::from_nanos(span).as_nanos_f64(), f64::from(self.present));
            self.since.present += present * span;
            self.since.busy += present.min(self.servers) * span;
            self.since.servers += self.servers * span;
            self.last = now;
        }
    }

    /// From `now` on, `present` are there.
    #[inline]
    pub fn set_present(&mut self, now: SimTime, present: u32) {
        self.advance(now.as_nanos());
        self.present = present;
        self.note_waiting();
    }

    /// From `now` on, there are `servers` servers.
    pub fn set_servers(&mut self, now: SimTime, servers: f64) {
        self.advance(now.as_nanos());
        self.servers = servers.max(0.0);
        self.room = self.servers as u32;
        self.note_waiting();
    }

    #[inline]
    fn note_waiting(&mut self) {
        self.since.max_waiting = self.since.max_waiting.max(self.present.saturating_sub(self.room));
    }

    /// What has accumulated since the last cut, to be added to.
    #[inline]
    pub fn counts(&mut self) -> &mut Usage {
        &mut self.since
    }

    /// Ends a stretch at `now` and returns what it amounts to.
    pub fn cut(&mut self, now: SimTime) -> Usage {
        self.advance(now.as_nanos());
        let stretch = std::mem::take(&mut self.since);
        self.note_waiting();
        stretch
    }

    /// Those present now.
    #[must_use]
    pub const fn present(&self) -> u32 {
        self.present
    }

    /// The servers there are now.
    #[must_use]
    pub const fn servers(&self) -> f64 {
        self.servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrals_are_exact_over_cuts() {
        let at = SimTime::from_nanos;
        let mut two = TimeWeighted::new(2.0);
        two.set_present(at(10), 1);
        two.set_present(at(20), 5);
        let first = two.cut(at(30));
        two.set_servers(at(35), 4.0);
        two.set_present(at(40), 0);
        let second = two.cut(at(50));
        assert_eq!((first.present, first.busy, first.waiting(), first.servers), (60.0, 30.0, 30.0, 60.0));
        assert_eq!((second.present, second.busy, second.servers), (50.0, 30.0, 70.0));
        assert_eq!(
            (first.max_waiting, second.max_waiting),
            (3, 3),
            "the line is there when the stretch begins"
        );
    }
}
