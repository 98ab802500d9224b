//! Envoy's adaptive concurrency: gradient = least time x (1 + buffer) / present time.
//!
//! From time to time the bound is set to its minimum until 50 answers have come: their median is the least
//! time (minRTT). Otherwise, at each update interval, gradient = clamp(minRTT (1 + 25 %) / median of the
//! interval's answers, 0.5, 2) and bound = bound x gradient + sqrt(bound x gradient), within 3..=1000. Five
//! updates in a row at the minimum measure the least time anew. Measurements are spread by up to 15 %.
//! `gradient_controller.cc`; the two intervals have no default there, 60 s and 100 ms are its documentation's
//! example. Cost: one step per answer of the interval at its end.

use super::Sample;
use crate::base::random::Draws;
use crate::base::{SimDuration, SimTime};

/// The numbers of the rule.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GradientSettings {
    /// From one measurement of the least time to the next.
    pub min_rtt_interval: SimDuration,
    /// Answers that measure it.
    pub min_rtt_requests: usize,
    /// Share by which the time until the next measurement is longer, at most.
    pub jitter: f64,
    /// The bound while measuring, and its least value ever.
    pub min: u32,
    /// Share by which a median may exceed the least time for nothing.
    pub buffer: f64,
    /// The largest bound.
    pub max: u32,
    /// From update to update.
    pub update_interval: SimDuration,
    /// Which percentile of the answers counts, 0..=1.
    pub percentile: f64,
}

impl Default for GradientSettings {
    fn default() -> Self {
        Self {
            min_rtt_interval: SimDuration::from_secs(60),
            min_rtt_requests: 50,
            jitter: 0.15,
            min: 3,
            buffer: 0.25,
            max: 1000,
            update_interval: SimDuration::from_millis(100),
            percentile: 0.5,
        }
    }
}

/// The rule and its bound.
#[derive(Clone, PartialEq, Debug)]
pub struct EnvoyGradient {
    settings: GradientSettings,
    limit: u32,
    /// While measuring: since when, and the bound to go back to.
    measuring: Option<(SimTime, u32)>,
    min_rtt: SimDuration,
    samples: Vec<SimDuration>,
    next_update: SimTime,
    next_measurement: SimTime,
    at_minimum: u32,
}

impl EnvoyGradient {
    /// Begins with a measurement.
    #[must_use]
    pub fn new(settings: GradientSettings) -> Self {
        let min = settings.min.max(1);
        let update_interval = settings.update_interval.max(SimDuration::from_millis(1));
        let settings = GradientSettings { min, max: settings.max.max(min), update_interval, ..settings };
        Self {
            settings,
            limit: min,
            measuring: Some((SimTime::ZERO, min)),
            min_rtt: SimDuration::ZERO,
            samples: Vec::new(),
            next_update: SimTime::ZERO,
            next_measurement: SimTime::MAX,
            at_minimum: 0,
        }
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    fn percentile(&mut self) -> SimDuration {
        let n = self.samples.len();
        let rank = (libm::ceil(self.settings.percentile.clamp(0.0, 1.0) * n as f64) as usize).clamp(1, n) - 1;
        let value = *self.samples.select_nth_unstable(rank).1;
        self.samples.clear();
        value
    }

    /// Does what was due by now.
    pub(super) fn advance(&mut self, now: SimTime) {
        if self.measuring.is_some() {
            return;
        }
        if now >= self.next_update {
            let interval = self.settings.update_interval.as_nanos();
            let due = now.since(self.next_update).as_nanos() / interval + 1;
            self.next_update += SimDuration::from_nanos(due.saturating_mul(interval));
            if !self.samples.is_empty() {
                self.update();
            }
        }
        if now >= self.next_measurement || self.at_minimum >= 5 {
            self.measuring = Some((now, self.limit));
            self.limit = self.settings.min;
            self.at_minimum = 0;
            self.samples.clear();
        }
    }

    fn update(&mut self) {
        let sample = self.percentile().as_secs_f64().max(1e-9);
        let least = self.min_rtt.as_secs_f64() * (1.0 + self.settings.buffer.max(0.0));
        let gradient = (least / sample).clamp(0.5, 2.0);
        let limit = f64::from(self.limit) * gradient;
        let limit = ((limit + libm::sqrt(limit)) as u32).clamp(self.settings.min, self.settings.max);
        let minimal = self.limit == self.settings.min && limit == self.settings.min;
        self.at_minimum = if minimal { self.at_minimum + 1 } else { 0 };
        self.limit = limit;
    }

    pub(super) fn sample(&mut self, sample: Sample, now: SimTime, draws: &mut Draws) {
        self.advance(now);
        // Whoever entered before the measurement began was not alone.
        if self.measuring.is_some_and(|(since, _)| sample.entered < since) {
            return;
        }
        self.samples.push(sample.took);
        if let Some((_, back)) = self.measuring
            && self.samples.len() >= self.settings.min_rtt_requests.max(1)
        {
            self.min_rtt = self.percentile();
            self.limit = back;
            self.measuring = None;
            let spread = 1.0 + self.settings.jitter.max(0.0) * draws.unit();
            self.next_measurement = now + self.settings.min_rtt_interval.mul_f64(spread);
            self.next_update = now + self.settings.update_interval;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn feed(rule: &mut EnvoyGradient, now: f64, ms: u64, n: u32) -> u32 {
        let mut draws = Key::root(1, 0).draws();
        let now = SimTime::from_secs_f64(now);
        for _ in 0..n {
            let took = SimDuration::from_millis(ms);
            rule.sample(Sample { entered: now, took, inside: 1, dropped: false }, now, &mut draws);
        }
        rule.advance(now);
        rule.limit()
    }

    #[test]
    fn the_bound_follows_the_gradient_with_a_root_of_headroom() {
        let mut rule = EnvoyGradient::new(GradientSettings::default());
        assert_eq!(feed(&mut rule, 0.0, 10, 49), 3);
        assert_eq!(feed(&mut rule, 0.0, 10, 1), 3); // measured: 10 ms
        feed(&mut rule, 0.05, 10, 5);
        assert_eq!(feed(&mut rule, 0.1, 10, 0), 5); // 3 x 1.25 + sqrt(3.75) = 5.69
        feed(&mut rule, 0.15, 5, 5);
        assert_eq!(feed(&mut rule, 0.2, 5, 0), 13); // gradient at most 2: 10 + sqrt(10)
        feed(&mut rule, 0.25, 1000, 5);
        assert_eq!(feed(&mut rule, 0.3, 10, 0), 9); // at least 0.5: 6.5 + sqrt(6.5)
    }

    #[test]
    fn five_updates_at_the_minimum_measure_anew() {
        // Bounds of 3 stay at 3 only if sqrt(1.5) + 1.5 rounds below: gradient 0.5.
        let mut rule = EnvoyGradient::new(GradientSettings::default());
        feed(&mut rule, 0.0, 10, 50);
        for n in 1..=5 {
            assert!(rule.measuring.is_none());
            feed(&mut rule, 0.1 * f64::from(n) + 0.01, 1000, 3);
            feed(&mut rule, 0.1 * f64::from(n) + 0.105, 1000, 0);
        }
        assert!(rule.measuring.is_some());
        assert_eq!(feed(&mut rule, 1.0, 1000, 50), 3);
        assert!(rule.measuring.is_none() && rule.min_rtt == SimDuration::from_secs(1));
    }
}
