//! How much of a resource was used, for those who act on it while the run goes on. Metrics need none:
//! they are made from observations. A resource without a meter pays one test of a pointer.

use crate::base::SimTime;

/// The integral of min(present, servers) over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    servers: f64,
    busy: f64,
    since: SimTime,
    total: f64,
}

impl Meter {
    /// Nobody present at time zero.
    pub(super) const fn new(servers: f64) -> Self {
        Self { servers, busy: 0.0, since: SimTime::ZERO, total: 0.0 }
    }

    /// From `now` on, so many are present.
    pub(super) fn set(&mut self, now: SimTime, present: u32) {
        self.total = self.read(now);
        self.since = now;
        self.busy = f64::from(present).min(self.servers);
    }

    /// Server-seconds used until `now`.
    pub(super) fn read(&self, now: SimTime) -> f64 {
        self.total + self.busy * now.since(self.since).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimDuration;

    #[test]
    fn it_counts_no_more_than_there_are() {
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let mut meter = Meter::new(2.0);
        meter.set(at(10), 1);
        meter.set(at(20), 5);
        assert_eq!((meter.read(at(20)), meter.read(at(25))), (10.0, 20.0));
    }
}
