//! The quickest: response times as exponentially weighted moving averages over time.
//!
//! A sample x seen t after the last one moves the average to a w + x (1 - w) with w = exp(-t / decay),
//! so old samples fade with time and not with traffic. The *peak* form jumps up to any sample above the
//! average and decays from there, also while nothing is heard (Finagle's `p2cPeakEwma`; decay 10 s).
//! The score of a backend is average x (load + 1) / weight. One of whom nothing is known yet gets one
//! request and, until that is answered, comes last: otherwise a newcomer would draw the whole traffic.

use crate::base::{SimDuration, SimTime};

/// Above every real score; finite, so that loads still tell two unknown backends apart.
const UNKNOWN: f64 = 1e12;

#[derive(Clone, Copy, Debug, Default)]
struct Average {
    seconds: f64,
    stamp: SimTime,
    known: bool,
}

/// Averages by backend.
#[derive(Clone, Debug)]
pub(super) struct ResponseTimes {
    decay: f64,
    peak: bool,
    averages: Vec<Average>,
}

impl ResponseTimes {
    pub(super) fn new(decay: SimDuration, peak: bool) -> Self {
        Self { decay: decay.as_secs_f64().max(1e-9), peak, averages: Vec::new() }
    }

    pub(super) fn resize(&mut self, n: usize) {
        self.averages.resize(n, Average::default());
    }

    /// Forgets what is known of `i`.
    pub(super) fn forget(&mut self, i: usize) {
        self.averages[i] = Average::default();
    }

    /// An answer of `i` took so long.
    pub(super) fn answered(&mut self, i: usize, took: SimDuration, now: SimTime) {
        let Some(average) = self.averages.get_mut(i) else { return };
        let sample = took.as_secs_f64();
        let weight = libm::exp(-now.since(average.stamp).as_secs_f64() / self.decay);
        average.seconds = if !average.known || self.peak && sample > average.seconds {
            sample
        } else {
            average.seconds * weight + sample * (1.0 - weight)
        };
        average.known = true;
        average.stamp = now;
    }

    /// What one more request at `i` would take, per weight.
    pub(super) fn score(&self, i: usize, load: u32, weight: f64, now: SimTime) -> f64 {
        if weight <= 0.0 {
            return f64::INFINITY;
        }
        let Some(average) = self.averages.get(i).filter(|a| a.known) else {
            return if load == 0 { 0.0 } else { UNKNOWN + f64::from(load) };
        };
        let faded =
            if self.peak { libm::exp(-now.since(average.stamp).as_secs_f64() / self.decay) } else { 1.0 };
        average.seconds * faded * (f64::from(load) + 1.0) / weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> SimTime {
        SimTime::from_secs_f64(s)
    }

    #[test]
    fn averages_fade_with_time() {
        let mut times = ResponseTimes::new(SimDuration::from_secs(10), false);
        times.resize(1);
        times.answered(0, SimDuration::from_millis(100), at(0.0));
        times.answered(0, SimDuration::from_millis(300), at(10.0));
        let expected = 0.1 / std::f64::consts::E + 0.3 * (1.0 - 1.0 / std::f64::consts::E);
        assert!((times.score(0, 0, 1.0, at(10.0)) - expected).abs() < 1e-12);
    }

    #[test]
    fn a_peak_counts_at_once_and_fades_in_silence() {
        let mut times = ResponseTimes::new(SimDuration::from_secs(10), true);
        times.resize(1);
        times.answered(0, SimDuration::from_millis(10), at(0.0));
        times.answered(0, SimDuration::from_secs(2), at(0.001));
        assert_eq!(times.score(0, 0, 1.0, at(0.001)), 2.0);
        assert!((times.score(0, 1, 1.0, at(10.001)) - 4.0 / std::f64::consts::E).abs() < 1e-9);
    }

    #[test]
    fn the_unknown_get_one_request_and_then_wait_for_its_answer() {
        let mut times = ResponseTimes::new(SimDuration::from_secs(10), true);
        times.resize(2);
        times.answered(0, SimDuration::from_millis(50), at(0.0));
        assert!(times.score(1, 0, 1.0, at(1.0)) < times.score(0, 0, 1.0, at(1.0)));
        assert!(times.score(1, 1, 1.0, at(1.0)) > times.score(0, 1000, 1.0, at(1.0)));
    }
}
