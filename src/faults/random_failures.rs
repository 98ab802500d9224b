//! Failures at random: up for a time between failures, down for a time to repair, over and over.
//!
//! One generator per thing that fails, with a stream of its own: the n-th failure of an instance is the same
//! whatever else the design holds. MTBF is taken as the mean time *up* (from repair to failure), so
//! availability is MTBF / (MTBF + MTTR).

use crate::base::random::{Distribution, Key};
use crate::base::{SimDuration, SimTime};

/// The failures of one thing.
#[derive(Clone, PartialEq, Debug)]
pub struct RandomFailures {
    up: Distribution,
    down: Distribution,
    key: Key,
    number: u64,
    repaired: SimTime,
}

impl RandomFailures {
    /// Seconds from repair to failure and from failure to repair; `key` names the thing that fails.
    #[must_use]
    pub const fn new(up: Distribution, down: Distribution, key: Key) -> Self {
        Self { up, down, key, number: 0, repaired: SimTime::ZERO }
    }

    /// When it fails next, and when that is repaired: at least a nanosecond later each, so that a schedule of
    /// absurd numbers moves on.
    pub fn next_failure(&mut self) -> (SimTime, SimTime) {
        let mut draws = self.key.with(self.number).draws();
        self.number += 1;
        let mut span = |distribution: &Distribution| {
            SimDuration::from_secs_f64(distribution.sample(&mut draws)).max(SimDuration::from_nanos(1))
        };
        let fails = self.repaired + span(&self.up);
        self.repaired = fails + span(&self.down);
        (fails, self.repaired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_fail_together_as_rarely_as_theory_says() {
        // KOFN-2of3: three replicas, MTBF 100 h, MTTR 1 h, two needed: down 2.921e-4 of the time, 5.823e-4 times
        // an hour, for half an hour each. Hours are seconds here.
        let exponential = |mean| Distribution::Exponential { mean };
        let mut edges: Vec<(f64, i32)> = Vec::new();
        let end = 3e7;
        for replica in 0..3 {
            let mut failures =
                RandomFailures::new(exponential(100.0), exponential(1.0), Key::root(1, 0).with(replica));
            loop {
                let (fails, repaired) = failures.next_failure();
                if fails.as_secs_f64() > end {
                    break;
                }
                edges.extend([(fails.as_secs_f64(), 1), (repaired.as_secs_f64(), -1)]);
            }
        }
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut down, mut since, mut outages, mut time) = (0, 0.0, 0_u32, 0.0);
        for (at, change) in edges {
            if down < 2 && down + change == 2 {
                (since, outages) = (at, outages + 1);
            }
            if down == 2 && change < 0 {
                time += at - since;
            }
            down += change;
        }
        let (share, rate) = (time / end, f64::from(outages) / end);
        assert!((share / 2.921_476e-4 - 1.0).abs() < 0.03, "{share}");
        assert!((rate / 5.823_541e-4 - 1.0).abs() < 0.025, "{rate}");
        assert!((time / f64::from(outages) / 0.501_667 - 1.0).abs() < 0.03);
    }
}
