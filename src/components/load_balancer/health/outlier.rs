//! Envoy's outlier detection: backends that fail more than their peers are ejected for a while.
//!
//! *In a row*: `consecutive_5xx` server errors in a row eject at once. *By success rate*: at each sweep,
//! among at least `min_hosts` backends that had `request_volume` requests since the last one, whoever is
//! below the mean success rate less `stdev_factor` (population) standard deviations. An ejection lasts
//! `base_ejection` times the number of ejections in a row, at most `max_ejection`; only sweeps end it,
//! and every sweep that finds a backend well takes one off that number. An ejection that would put more
//! than `max_ejected` of all backends out does not happen: with the default of 10 % and fewer than ten
//! backends, none ever does, unless `always_eject_one`.
//!
//! Rules and defaults: `outlier_detection_impl.cc` and `outlier_detection.proto`. Not modelled:
//! gateway errors and errors of local origin apart from other 5xx (the caller tells which results
//! count), failure percentage (off by default), jitter of the ejection time.

use crate::base::{SimDuration, SimTime};

/// The numbers of outlier detection.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OutlierSettings {
    /// Errors in a row that eject; zero: never.
    pub consecutive_5xx: u32,
    /// From sweep to sweep.
    pub interval: SimDuration,
    /// The length of a first ejection.
    pub base_ejection: SimDuration,
    /// The length of the longest.
    pub max_ejection: SimDuration,
    /// Share of all backends that may be out at once.
    pub max_ejected: f64,
    /// Whether one may be ejected whatever that share.
    pub always_eject_one: bool,
    /// Backends with enough requests that a comparison of success rates needs; zero: none is made.
    pub min_hosts: usize,
    /// Requests between two sweeps that a backend needs to be compared.
    pub request_volume: u32,
    /// Standard deviations below the mean.
    pub stdev_factor: f64,
}

impl Default for OutlierSettings {
    /// Envoy's defaults.
    fn default() -> Self {
        Self {
            consecutive_5xx: 5,
            interval: SimDuration::from_secs(10),
            base_ejection: SimDuration::from_secs(30),
            max_ejection: SimDuration::from_secs(300),
            max_ejected: 0.10,
            always_eject_one: false,
            min_hosts: 5,
            request_volume: 100,
            stdev_factor: 1.9,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Host {
    present: bool,
    errors_in_a_row: u32,
    requests: u32,
    successes: u32,
    ejected_at: Option<SimTime>,
    ejections: u32,
}

/// Outlier detection over one set of backends.
#[derive(Clone, PartialEq, Debug)]
pub struct OutlierDetector {
    settings: OutlierSettings,
    hosts: Vec<Host>,
    present: usize,
    ejected: usize,
}

impl OutlierDetector {
    /// `n` backends, none ejected.
    #[must_use]
    pub fn new(settings: OutlierSettings, n: usize) -> Self {
        let host = Host { present: true, ..Host::default() };
        Self { settings, hosts: vec![host; n], present: n, ejected: 0 }
    }

    /// Backend `i` is in the set from now on, without a history.
    pub fn add(&mut self, i: usize) {
        self.remove(i);
        if i >= self.hosts.len() {
            self.hosts.resize(i + 1, Host::default());
        }
        self.hosts[i].present = true;
        self.present += 1;
    }

    /// Backend `i` is no longer in the set.
    pub fn remove(&mut self, i: usize) {
        if let Some(host) = self.hosts.get_mut(i).filter(|host| host.present) {
            self.present -= 1;
            self.ejected -= usize::from(host.ejected_at.is_some());
            *host = Host::default();
        }
    }

    /// Whether backend `i` is out.
    #[must_use]
    pub fn is_ejected(&self, i: usize) -> bool {
        self.hosts.get(i).is_some_and(|host| host.ejected_at.is_some())
    }

    /// A request to backend `i` ended, with an answer below 500 or without. Whether that ejects it.
    pub fn observed(&mut self, i: usize, well: bool, now: SimTime) -> bool {
        let limit = self.settings.consecutive_5xx;
        let Some(host) = self.hosts.get_mut(i).filter(|host| host.present) else { return false };
        host.requests += 1;
        host.successes += u32::from(well);
        host.errors_in_a_row = if well { 0 } else { host.errors_in_a_row + 1 };
        if limit == 0 || host.errors_in_a_row < limit || host.ejected_at.is_some() {
            return false;
        }
        host.errors_in_a_row = 0; // the next so many errors are another reason
        self.eject(i, now)
    }

    fn eject(&mut self, i: usize, now: SimTime) -> bool {
        let share = (self.ejected + 1) as f64 / self.present as f64;
        let one = self.settings.always_eject_one && self.ejected == 0;
        if share > self.settings.max_ejected && !one {
            return false;
        }
        let host = &mut self.hosts[i];
        host.ejected_at = Some(now);
        // Envoy lets the multiplier grow until its product reaches the maximum, not beyond.
        let length = self.settings.base_ejection.mul_f64(f64::from(host.ejections));
        if length < self.settings.max_ejection + self.settings.base_ejection {
            host.ejections += 1;
        }
        self.ejected += 1;
        true
    }

    /// When the next sweep is due after one at `swept`.
    #[must_use]
    pub fn next_sweep(&self, swept: SimTime) -> SimTime {
        swept + self.settings.interval.max(SimDuration::from_millis(1))
    }

    /// A sweep: ends ejections whose time is over, then compares success rates and ejects. Returns those
    /// who came back and those who were ejected.
    pub fn sweep(&mut self, now: SimTime) -> (Vec<usize>, Vec<usize>) {
        let settings = self.settings;
        let mut back = Vec::new();
        for (i, host) in self.hosts.iter_mut().enumerate().filter(|(_, host)| host.present) {
            match host.ejected_at {
                Some(at) => {
                    let length =
                        settings.base_ejection.mul_f64(f64::from(host.ejections)).min(settings.max_ejection);
                    if now.since(at) >= length {
                        host.ejected_at = None;
                        host.errors_in_a_row = 0;
                        self.ejected -= 1;
                        back.push(i);
                    }
                }
                None => host.ejections = host.ejections.saturating_sub(1),
            }
        }
        let threshold = self.success_rate_threshold();
        let mut ejected = Vec::new();
        if let Some(threshold) = threshold {
            for i in 0..self.hosts.len() {
                let host = self.hosts[i];
                if host.ejected_at.is_none()
                    && self.counts(&host)
                    && rate(&host) < threshold
                    && self.eject(i, now)
                {
                    ejected.push(i);
                }
            }
        }
        for host in &mut self.hosts {
            (host.requests, host.successes) = (0, 0);
        }
        (back, ejected)
    }

    fn counts(&self, host: &Host) -> bool {
        host.present && host.requests >= self.settings.request_volume.max(1)
    }

    /// The success rate below which a backend is an outlier, if enough can be compared.
    fn success_rate_threshold(&self) -> Option<f64> {
        let rates: Vec<f64> = self.hosts.iter().filter(|host| self.counts(host)).map(rate).collect();
        if self.settings.min_hosts == 0 || rates.len() < self.settings.min_hosts {
            return None;
        }
        let n = rates.len() as f64;
        let mean = rates.iter().sum::<f64>() / n;
        let variance = rates.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / n;
        Some(mean - self.settings.stdev_factor * libm::sqrt(variance))
    }
}

fn rate(host: &Host) -> f64 {
    f64::from(host.successes) / f64::from(host.requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    fn fail(detector: &mut OutlierDetector, i: usize, n: u32, now: u64) -> bool {
        (0..n).fold(false, |out, _| out | detector.observed(i, false, at(now)))
    }

    #[test]
    fn five_errors_in_a_row_eject_for_longer_each_time() {
        let mut detector = OutlierDetector::new(OutlierSettings::default(), 10);
        assert!(!fail(&mut detector, 3, 4, 1));
        detector.observed(3, true, at(1));
        assert!(!fail(&mut detector, 3, 4, 1));
        assert!(detector.observed(3, false, at(2)));
        let mut now = 10;
        let mut lengths = Vec::new();
        for _ in 0..14 {
            // Sweeps every 10 s; as soon as it is back it fails again.
            let mut since = now;
            while detector.sweep(at(now)).0.is_empty() {
                now += 10;
            }
            if lengths.is_empty() {
                since = 2;
            }
            lengths.push(now - since);
            assert!(fail(&mut detector, 3, 5, now));
        }
        assert_eq!(lengths[..4], [38, 60, 90, 120]); // 30 s, found at the sweep after they are over
        assert_eq!(lengths[12..], [300, 300]);
    }

    #[test]
    fn good_sweeps_make_up_for_past_ejections() {
        let mut detector = OutlierDetector::new(OutlierSettings::default(), 10);
        fail(&mut detector, 0, 5, 0);
        detector.sweep(at(30));
        detector.sweep(at(40)); // well: one ejection is forgiven
        fail(&mut detector, 0, 5, 41);
        assert!(detector.sweep(at(70)).0.is_empty());
        assert_eq!(detector.sweep(at(71)).0, [0]); // 30 s again
    }

    #[test]
    fn no_more_than_a_tenth_is_ejected() {
        let mut detector = OutlierDetector::new(OutlierSettings::default(), 20);
        let out: Vec<_> = (0..5).map(|i| fail(&mut detector, i, 5, 0)).collect();
        assert_eq!(out, [true, true, false, false, false]);
        let mut nine = OutlierDetector::new(OutlierSettings::default(), 9);
        assert!(!fail(&mut nine, 0, 50, 0), "one of nine is more than a tenth");
        let settings = OutlierSettings { always_eject_one: true, ..OutlierSettings::default() };
        let mut nine = OutlierDetector::new(settings, 9);
        assert!(fail(&mut nine, 0, 5, 0) && !fail(&mut nine, 1, 5, 0));
    }

    #[test]
    fn an_outlier_is_below_the_mean_by_1_9_standard_deviations() {
        // Nine at 100 % and one at 50 %: mean 0.95, standard deviation 0.15, threshold 0.665.
        let mut detector =
            OutlierDetector::new(OutlierSettings { consecutive_5xx: 0, ..OutlierSettings::default() }, 10);
        for n in 0..100 {
            (0..10).for_each(|i| {
                detector.observed(i, i != 4 || n % 2 == 0, at(1));
            });
        }
        assert!((detector.success_rate_threshold().unwrap() - 0.665).abs() < 1e-12);
        assert_eq!(detector.sweep(at(10)), (vec![], vec![4]));
        assert!(detector.is_ejected(4));
        // All equally bad: nobody is an outlier. Too few requests: nobody is compared.
        for requests in [100, 99] {
            let mut detector = OutlierDetector::new(
                OutlierSettings { consecutive_5xx: 0, ..OutlierSettings::default() },
                10,
            );
            for n in 0..requests {
                (0..10).for_each(|i| {
                    detector.observed(i, requests == 99 && i != 4 || n % 2 == 0, at(1));
                });
            }
            assert!(detector.sweep(at(10)).1.is_empty());
        }
    }

    #[test]
    fn backends_may_come_and_go() {
        let mut detector = OutlierDetector::new(OutlierSettings::default(), 10);
        fail(&mut detector, 0, 5, 0);
        assert!(!fail(&mut detector, 1, 5, 0), "one of ten is out");
        detector.remove(0);
        detector.add(12);
        assert!(fail(&mut detector, 12, 5, 0) && detector.is_ejected(12) && !detector.is_ejected(0));
    }
}
