//! In proportion to what a backend can do: weights from reported rate and utilisation.
//!
//! The weight of a backend is its rate of requests divided by its utilisation (gRPC proposal A58,
//! `weighted_round_robin`, fed by ORCA load reports): the rate at which it would be fully used. Whoever
//! has reported nothing for the first `blackout`, or nothing within `expiry`, counts as the mean of the
//! others. Turns are taken smoothly in proportion.

use super::backend_set::BackendSet;
use super::rotation::Smooth;
use crate::base::{SimDuration, SimTime};

/// gRPC A58: reports of the first 10 s do not count, and none that is older than 3 min.
const BLACKOUT: SimDuration = SimDuration::from_secs(10);
const EXPIRY: SimDuration = SimDuration::from_secs(180);

#[derive(Clone, Copy, Debug)]
struct Report {
    weight: f64,
    since: SimTime,
    at: SimTime,
}

/// Reported weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Utilisation {
    reports: Vec<Option<Report>>,
    turns: Smooth,
}

impl Utilisation {
    pub(super) fn resize(&mut self, n: usize) {
        self.reports.resize(n, None);
        self.turns.resize(n);
    }

    pub(super) fn forget(&mut self, i: usize) {
        self.reports[i] = None;
    }

    /// Backend `i` serves `rate` requests per second at this utilisation (0..=1).
    pub(super) fn reported(&mut self, i: usize, rate: f64, utilisation: f64, now: SimTime) {
        let Some(slot) = self.reports.get_mut(i) else { return };
        if rate > 0.0 && utilisation > 0.0 {
            let since = slot.map_or(now, |r| r.since);
            *slot = Some(Report { weight: rate / utilisation, since, at: now });
        }
    }

    fn weight(&self, i: usize, now: SimTime) -> Option<f64> {
        let report = self.reports[i]?;
        (now.since(report.since) >= BLACKOUT && now.since(report.at) < EXPIRY).then_some(report.weight)
    }

    pub(super) fn pick(&mut self, candidates: &BackendSet, now: SimTime) -> Option<usize> {
        let known: Vec<f64> = candidates.iter().filter_map(|i| self.weight(i, now)).collect();
        let mean = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / known.len() as f64 };
        let weights: Vec<f64> =
            (0..self.reports.len()).map(|i| self.weight(i, now).unwrap_or(mean) / mean).collect();
        self.turns.pick_by(candidates, |i| weights[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_capacity_once_the_blackout_is_over() {
        let mut utilisation = Utilisation::default();
        utilisation.resize(3);
        let all = (0..3).collect();
        let at = |s| SimTime::from_secs_f64(s);
        let shares = |utilisation: &mut Utilisation, now: f64| {
            let mut counts = [0; 3];
            (0..400).for_each(|_| counts[utilisation.pick(&all, at(now)).unwrap()] += 1);
            counts
        };
        // The first can do 200/s, the second 600/s; the third has said nothing.
        for now in [0.0, 11.0] {
            utilisation.reported(0, 100.0, 0.5, at(now));
            utilisation.reported(1, 150.0, 0.25, at(now));
            if now == 0.0 {
                let counts = shares(&mut utilisation, 1.0);
                assert!(counts.iter().all(|c| (133..=134).contains(c)), "{counts:?}");
            }
        }
        let counts = shares(&mut utilisation, 12.0);
        assert!(
            counts.iter().zip([66, 200, 133]).all(|(c, e): (&i32, i32)| (c - e).abs() <= 2),
            "{counts:?}"
        );
        let counts = shares(&mut utilisation, 500.0);
        assert!(counts.iter().all(|c| (132..=135).contains(c)), "expired: {counts:?}");
    }
}
