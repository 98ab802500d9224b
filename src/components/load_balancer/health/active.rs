//! Active checks: probes at an interval, up after `rise` successes in a row, down after `fall` failures.
//!
//! Probes start one interval apart, whatever they return; a probe that is not answered within `timeout`
//! fails *then*, not when it was sent. So a backend that dies is found after the rest of the interval,
//! `fall` - 1 whole ones and one timeout: with 5 s, 3 and 2 s after 12 to 17 s, 14.5 on average.
//!
//! HAProxy (`check.c`, `process_chk_conn`) and Envoy begin the interval when a probe has ended instead
//! (`from_end`), and then know its result: while a backend is on its way to the other side HAProxy waits
//! `fast_interval`, while it is down `down_interval`. So one that does not answer costs it an interval and a
//! timeout for each probe. A failed probe of one that rises takes it back to the start at once.

use super::Transition;
use crate::base::{SimDuration, SimTime};

/// How backends are probed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActiveCheckSettings {
    /// From one probe's start to the next one's.
    pub interval: SimDuration,
    /// Until a probe without an answer has failed.
    pub timeout: SimDuration,
    /// Successes in a row that bring a backend up (at least one).
    pub rise: u32,
    /// Failures in a row that take it down (at least one).
    pub fall: u32,
    /// The interval while it is on its way; none: the same.
    pub fast_interval: Option<SimDuration>,
    /// The interval while it is down; none: the same.
    pub down_interval: Option<SimDuration>,
    /// Whether the interval begins when a probe has ended, not when it starts.
    pub from_end: bool,
    /// Errors in a row of requests that count as a failed probe; none: requests are not looked at.
    pub observe: Option<u32>,
}

/// What is known of one backend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActiveCheck {
    settings: ActiveCheckSettings,
    up: bool,
    /// Results in a row that speak against the present side.
    against: u32,
}

impl ActiveCheck {
    /// A backend that counts as up until probes say otherwise (HAProxy, nginx), or as down until they
    /// have brought it up (AWS target groups, Kubernetes readiness).
    #[must_use]
    pub const fn new(settings: ActiveCheckSettings, up: bool) -> Self {
        Self { settings, up, against: 0 }
    }

    /// Whether the backend is up by these checks.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// A probe has been answered well, or badly or not at all within its timeout.
    pub fn probed(&mut self, well: bool) -> Option<Transition> {
        if well == self.up {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let enough = if self.up { self.settings.fall } else { self.settings.rise };
        if self.against < enough.max(1) {
            return None;
        }
        self.up = well;
        self.against = 0;
        Some(if well { Transition::Up } else { Transition::Down })
    }

    /// When the next probe starts at the latest after errors of requests counted as a failed one (HAProxy,
    /// `__health_adjust`): after the fast interval, if there is one.
    #[must_use]
    pub fn soon(&self, now: SimTime) -> Option<SimTime> {
        self.settings.fast_interval.map(|fast| now + fast.max(SimDuration::from_millis(1)))
    }

    /// When the next probe starts after one that started, or under `from_end` ended, at that time.
    #[must_use]
    pub fn next_probe(&self, started: SimTime) -> SimTime {
        let settings = &self.settings;
        let interval = if self.against > 0 {
            settings.fast_interval
        } else if self.up {
            None
        } else {
            settings.down_interval
        };
        // No two probes at one instant, even if somebody writes an interval of zero.
        started + interval.unwrap_or(settings.interval).max(SimDuration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn checks(interval: f64, timeout: f64, rise: u32, fall: u32) -> ActiveCheckSettings {
        let span = SimDuration::from_secs_f64;
        ActiveCheckSettings {
            interval: span(interval),
            timeout: span(timeout),
            rise,
            fall,
            fast_interval: None,
            down_interval: None,
            from_end: false,
            observe: None,
        }
    }

    /// Seconds from death, `phase` after a probe's start, until the backend is taken out.
    fn detection(settings: ActiveCheckSettings, phase: f64) -> f64 {
        let mut check = ActiveCheck::new(settings, true);
        let death = SimTime::from_secs_f64(phase);
        let mut started = SimTime::ZERO;
        loop {
            let well = started < death; // the probe at zero was answered before the backend died
            let known = if well { started } else { started + settings.timeout };
            if check.probed(well) == Some(Transition::Down) {
                return known.since(death).as_secs_f64();
            }
            started = check.next_probe(if settings.from_end { known } else { started });
        }
    }

    #[test]
    fn detection_takes_the_rest_of_an_interval_the_others_and_a_timeout() {
        // HEALTHCHECK: interval 5 s, three failures, timeout 2 s: 12 to 17 s, 14.5 on average, in which a
        // quarter of 1000 rps fails: 3625 errors.
        let settings = checks(5.0, 2.0, 2, 3);
        let mut draws = Key::root(1, 0).draws();
        let delays: Vec<f64> = (0..20_000).map(|_| detection(settings, 5.0 * draws.unit_open())).collect();
        assert!(delays.iter().all(|d| (12.0..=17.0).contains(d)));
        let mean = delays.iter().sum::<f64>() / delays.len() as f64;
        assert!((mean - 14.5).abs() < 0.05, "{mean}");
        assert!((mean * 1000.0 / 4.0 - 3625.0).abs() < 12.0);
    }

    #[test]
    fn products_defaults_differ_tenfold() {
        // Mean detection: HAProxy 2 s and three failures (a refused probe fails at once), AWS 30 s and two
        // with a timeout of 5 s.
        let mean =
            |settings| (0..1000).map(|k| detection(settings, settings_phase(settings, k))).sum::<f64>() / 1e3;
        assert!((mean(checks(2.0, 0.0, 2, 3)) - 5.0).abs() < 0.01);
        assert!((mean(checks(30.0, 5.0, 5, 2)) - 50.0).abs() < 0.05);
    }

    #[test]
    fn haproxy_waits_after_a_probe_that_was_not_answered() {
        // `inter 2s fall 3`, a probe may take as long as its interval: rest of an interval, 2 + 2 + 2 + 2 + 2.
        let from_end = ActiveCheckSettings { from_end: true, ..checks(2.0, 2.0, 2, 3) };
        assert!((detection(from_end, 0.5) - 11.5).abs() < 1e-9);
        assert!((detection(checks(2.0, 2.0, 2, 3), 0.5) - 7.5).abs() < 1e-9);
        // `fastinter 1s`: known as soon as the first probe has failed.
        let fast = ActiveCheckSettings { fast_interval: Some(SimDuration::from_secs(1)), ..from_end };
        assert!((detection(fast, 0.5) - 9.5).abs() < 1e-9);
        // Refused, probes fail at once: 1.5 + 2 + 2, or with `fastinter` 1.5 + 1 + 1.
        let refused = ActiveCheckSettings { timeout: SimDuration::ZERO, ..from_end };
        assert!((detection(refused, 0.5) - 5.5).abs() < 1e-9);
        let fast = ActiveCheckSettings { timeout: SimDuration::ZERO, ..fast };
        assert!((detection(fast, 0.5) - 3.5).abs() < 1e-9);
    }

    fn settings_phase(settings: ActiveCheckSettings, k: u32) -> f64 {
        settings.interval.as_secs_f64() * (f64::from(k) + 0.5) / 1000.0
    }

    #[test]
    fn results_must_come_in_a_row() {
        let mut check = ActiveCheck::new(checks(2.0, 1.0, 2, 3), true);
        let seen: Vec<_> = [false, false, true, false, false, false, true, false, true, true]
            .map(|well| check.probed(well))
            .into_iter()
            .enumerate()
            .filter_map(|(n, t)| Some((n, t?)))
            .collect();
        assert_eq!(seen, [(5, Transition::Down), (9, Transition::Up)]);
    }

    #[test]
    fn haproxy_looks_closer_while_a_backend_is_on_its_way() {
        let second = SimDuration::from_secs;
        let settings = ActiveCheckSettings {
            fast_interval: Some(second(1)),
            down_interval: Some(second(10)),
            ..checks(2.0, 1.0, 2, 2)
        };
        let mut check = ActiveCheck::new(settings, true);
        let mut gaps = vec![check.next_probe(SimTime::ZERO)];
        for well in [false, false, true, true] {
            check.probed(well);
            gaps.push(check.next_probe(SimTime::ZERO));
        }
        assert_eq!(gaps.map_secs(), [2.0, 1.0, 10.0, 1.0, 2.0]);
    }

    trait Secs {
        fn map_secs(&self) -> Vec<f64>;
    }
    impl Secs for Vec<SimTime> {
        fn map_secs(&self) -> Vec<f64> {
            self.iter().map(|t| t.as_secs_f64()).collect()
        }
    }
}
