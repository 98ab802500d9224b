//! A CPU limit as Linux enforces it (CFS bandwidth control, `cpu.max`): in each period of 100 ms a group of
//! threads may use its limit times the period of core time, on as many cores as it has threads; once that is
//! used up all of them stop until the period ends. What is left over is lost.
//!
//! So a request of 30 ms on a limit of half a core takes 30 ms or, when others have used the quota, 100 ms and
//! more: throttling shows in high percentiles long before the mean use comes near the limit.
//! Not modelled: the slices of 5 ms in which cores fetch quota, and bursts (`cpu.max.burst`).

use crate::base::{ResourceId, SimDuration, SimTime};

/// The kernel's default period (`cpu.cfs_period_us`), which Kubernetes uses.
pub const PERIOD: SimDuration = SimDuration::from_millis(100);

/// The quota of one group of threads. Core time is in thousandths of a core times nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// Its use is this resource's: present while it is exhausted.
    pub(super) resource: ResourceId,
    budget: u64,
    period_began: SimTime,
    used: u64,
    since: SimTime,
    /// Cores in use, in thousandths.
    rate: u64,
    /// Whether everything stands still until the period ends.
    pub(super) exhausted: bool,
}

impl Quota {
    /// `limit` cores; the first period ends after `phase`.
    pub(super) fn new(resource: ResourceId, limit: f64, phase: SimDuration) -> Self {
        let milli = ((limit * 1000.0).round() as u64).max(1);
        Self {
            resource,
            budget: milli.saturating_mul(PERIOD.as_nanos()),
            // Time before zero is not there: the first period is a full one that begins at zero or later.
            period_began: SimTime::ZERO + phase,
            used: 0,
            since: SimTime::ZERO,
            rate: 0,
            exhausted: false,
        }
    }

    /// Counts what was used until `now`; whether the state of exhaustion has changed.
    pub(super) fn settle(&mut self, now: SimTime) -> bool {
        let periods = now.since(self.period_began).as_nanos() / PERIOD.as_nanos();
        if periods > 0 {
            self.period_began += PERIOD.times(periods);
            self.used = 0;
            self.since = self.since.max(self.period_began);
        }
        if !self.exhausted {
            self.used = self.used.saturating_add(self.rate.saturating_mul(now.since(self.since).as_nanos()));
        }
        self.since = now;
        let before = self.exhausted;
        self.exhausted = self.used >= self.budget;
        before != self.exhausted
    }

    /// From now on so many thousandths of a core are in use, unless it is exhausted.
    pub(super) fn run(&mut self, milli_cores: u64) {
        self.rate = milli_cores;
    }

    /// When to look again, after [`Self::settle`].
    pub(super) fn next(&self, now: SimTime) -> Option<SimTime> {
        let ends = if now < self.period_began { self.period_began } else { self.period_began + PERIOD };
        if self.exhausted {
            return Some(ends);
        }
        if self.rate == 0 || self.rate.saturating_mul(PERIOD.as_nanos()) <= self.budget {
            return None;
        }
        let left = (self.budget - self.used.min(self.budget)).div_ceil(self.rate);
        Some(ends.min(now + SimDuration::from_nanos(left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(milliseconds)
    }

    #[test]
    fn four_threads_use_a_quota_of_one_core_up_in_a_quarter_of_the_period() {
        let mut quota = Quota::new(ResourceId(0), 1.0, SimDuration::ZERO);
        assert!(!quota.settle(at(10)));
        quota.run(4_000);
        assert_eq!(quota.next(at(10)), Some(at(35)));
        assert!(quota.settle(at(35)) && quota.exhausted);
        assert_eq!(quota.next(at(35)), Some(at(100)));
        assert!(quota.settle(at(100)) && !quota.exhausted);
        assert_eq!(quota.next(at(100)), Some(at(125)));
        // Half a core never uses it up, and what is left over is lost.
        quota.settle(at(110));
        quota.run(500);
        assert_eq!(quota.next(at(110)), None);
        assert!(!quota.settle(at(1_050)));
        quota.run(2_000);
        assert_eq!(quota.next(at(1_050)), Some(at(1_087) + SimDuration::from_nanos(500_000)));
    }
}
