//! `warmup: auto`: one pilot replication tells where the steady state begins.
//!
//! The pilot is the first replication itself, seen by a light probe: the mean latency of the requests that
//! end in each of 1000 windows, and the time-average number of requests in the system. MSER-5 cuts each;
//! the later cut holds (the slowest output decides). A run that has not settled by its half is not cut at
//! all, and its report says so.

use super::simulation;
use super::warm_up::mser5;
use crate::base::{SimDuration, SimTime};
use crate::engine::{Observation, Probe, Stopped};
use crate::scenario::model::Model;

const WINDOWS: usize = 1000;

/// What a pilot found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pilot {
    /// The steady state begins here.
    Settles(SimDuration),
    /// It does not begin within the first half of the run.
    NeverSettles,
}

struct Settling {
    window: f64,
    latency: Vec<(f64, f64)>,
    present: Vec<f64>,
    in_system: f64,
    since: f64,
}

impl Settling {
    fn integrate(&mut self, until: f64) {
        while self.since < until {
            let at = ((self.since / self.window) as usize).min(WINDOWS - 1);
            let end = if at + 1 == WINDOWS { until } else { until.min((at + 1) as f64 * self.window) };
            self.present[at] += self.in_system * (end - self.since);
            // A window's end that rounds to where it began must still move on.
            self.since = if end > self.since { end } else { until };
        }
    }
}

impl Probe for Settling {
    fn observe(&mut self, now: SimTime, what: Observation) {
        let at = now.as_secs_f64();
        match what {
            Observation::Sent { .. } => {
                self.integrate(at);
                self.in_system += 1.0;
            }
            Observation::Finished(finished) => {
                self.integrate(at);
                self.in_system -= 1.0;
                let slot = &mut self.latency[((at / self.window) as usize).min(WINDOWS - 1)];
                slot.0 += now.since(finished.started).as_secs_f64();
                slot.1 += 1.0;
            }
            _ => {}
        }
    }
}

/// Runs the pilot of a model without a transient; `None` if it was interrupted.
#[must_use]
pub fn pilot(model: &Model, keep_going: impl FnMut(SimTime) -> bool) -> Option<Pilot> {
    let window = model.run.duration.as_secs_f64() / WINDOWS as f64;
    let probe = Settling {
        window,
        latency: vec![(0.0, 0.0); WINDOWS],
        present: vec![0.0; WINDOWS],
        in_system: 0.0,
        since: 0.0,
    };
    let (mut seen, stopped) = simulation::run_with(model, 0, probe, keep_going);
    if stopped == Stopped::Interrupted {
        return None;
    }
    seen.integrate(model.run.duration.as_secs_f64());
    // A window in which nothing ended says nothing new: it repeats the one before.
    let mut last = 0.0;
    let latency: Vec<f64> = seen
        .latency
        .iter()
        .map(|(sum, n)| {
            last = if *n > 0.0 { sum / n } else { last };
            last
        })
        .collect();
    let cuts = [mser5(&latency), mser5(&seen.present)];
    let [Some(a), Some(b)] = cuts else { return Some(Pilot::NeverSettles) };
    Some(Pilot::Settles(SimDuration::from_secs_f64(a.index.max(b.index) as f64 * window)))
}
