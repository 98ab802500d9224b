//! Envoy's admission control: requests are refused at random as successes become rare.
//!
//! Over a rolling window, with n requests of which s succeeded, the probability of refusal is
//! ((n - s / threshold) / (n + 1)) to the power of 1 / aggression, between 0 and a maximum. Refused ones are
//! not counted, so that the measure is what the service does. `admission_control.cc` and its proto: 30 s,
//! threshold 95 %, aggression 1, at most 80 %, no least rate. Kept in slices of a second, as there.

use super::rolling_counter::RollingCounter;
use crate::base::random::Draws;
use crate::base::{SimDuration, SimTime};

/// When requests are refused.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdmissionSettings {
    /// How far back results count.
    pub window: SimDuration,
    /// Success rate below which requests are refused, 0..=1.
    pub threshold: f64,
    /// How steeply the probability rises; 1 is linear.
    pub aggression: f64,
    /// The largest probability, 0..=1.
    pub max_rejection: f64,
    /// Requests per second below which nothing is refused.
    pub least_rate: f64,
}

impl Default for AdmissionSettings {
    /// Envoy's defaults.
    fn default() -> Self {
        Self {
            window: SimDuration::from_secs(30),
            threshold: 0.95,
            aggression: 1.0,
            max_rejection: 0.8,
            least_rate: 0.0,
        }
    }
}

const REQUESTS: usize = 0;
const SUCCESSES: usize = 1;

/// One filter's memory.
#[derive(Clone, PartialEq, Debug)]
pub struct AdmissionControl {
    settings: AdmissionSettings,
    counts: RollingCounter<2>,
}

impl AdmissionControl {
    /// A filter that has seen nothing.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Self {
        let slices = settings.window.as_secs_f64().clamp(1.0, 3600.0) as u32;
        Self { settings, counts: RollingCounter::new(settings.window, slices) }
    }

    /// The probability that a request is refused now.
    pub fn probability(&mut self, now: SimTime) -> f64 {
        let settings = &self.settings;
        let [requests, successes] = self.counts.totals(now).map(|n| n as f64);
        if requests / settings.window.as_secs_f64().max(1e-9) < settings.least_rate {
            return 0.0;
        }
        let lacking = (requests - successes / settings.threshold.clamp(0.01, 1.0)) / (requests + 1.0);
        let probability = if settings.aggression == 1.0 {
            lacking.max(0.0)
        } else {
            libm::pow(lacking.max(0.0), 1.0 / settings.aggression.max(1.0))
        };
        probability.min(settings.max_rejection)
    }

    /// A request has come: whether it is let in.
    pub fn admit(&mut self, now: SimTime, draws: &mut Draws) -> bool {
        let probability = self.probability(now);
        probability <= 0.0 || !draws.chance(probability)
    }

    /// A request that was let in has ended.
    pub fn ended(&mut self, well: bool, now: SimTime) {
        self.counts.add(REQUESTS, 1, now);
        self.counts.add(SUCCESSES, u64::from(well), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn probability(settings: AdmissionSettings, well: u32, badly: u32) -> f64 {
        let mut control = AdmissionControl::new(settings);
        let now = SimTime::from_secs_f64(1.0);
        (0..well).for_each(|_| control.ended(true, now));
        (0..badly).for_each(|_| control.ended(false, now));
        control.probability(now)
    }

    #[test]
    fn refusals_rise_below_the_threshold_and_stop_at_the_maximum() {
        let envoy = AdmissionSettings::default();
        assert_eq!(probability(envoy, 95, 5), 0.0);
        assert!((probability(envoy, 47, 53) - (100.0 - 47.0 / 0.95) / 101.0).abs() < 1e-12);
        assert_eq!(probability(envoy, 0, 1000), 0.8);
        let steep = AdmissionSettings { aggression: 2.0, ..envoy };
        assert!((probability(steep, 475, 525) - (500.0_f64 / 1001.0).sqrt()).abs() < 1e-12);
        let busy = AdmissionSettings { least_rate: 50.0, ..envoy };
        assert_eq!(probability(busy, 0, 1000), 0.0);
        assert_eq!(probability(busy, 0, 1501), 0.8);
    }

    #[test]
    fn what_was_is_forgotten() {
        let mut control = AdmissionControl::new(AdmissionSettings::default());
        let mut draws = Key::root(1, 0).draws();
        (0..100).for_each(|_| control.ended(false, SimTime::ZERO));
        let mut admitted =
            |s: f64| (0..1000).filter(|_| control.admit(SimTime::from_secs_f64(s), &mut draws)).count();
        let (early, late) = (admitted(29.0), admitted(30.5));
        assert!((150..250).contains(&early) && late == 1000, "{early} {late}");
    }
}
