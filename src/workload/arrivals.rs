//! Arrival processes: when the next customer comes.

use super::profile::Profile;
use crate::base::random::{Distribution, Draws, Key};

/// How arrivals are spread around their rate.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrivalProcess {
    /// Independent of each other.
    Poisson,
    /// Evenly.
    Deterministic,
    /// Independent gaps of this distribution (a mean of its own: the profile's rate is not used).
    Renewal(Distribution),
    /// A Poisson process whose rate jumps between states, each held for an exponential time.
    Mmpp {
        /// Rate of each state, per second.
        rates: Vec<f64>,
        /// Mean seconds in each state.
        dwell: Vec<f64>,
    },
    /// Poisson batches of exactly so many requests at one instant; the rate counts requests.
    Batch(u32),
    /// Exactly so many in each interval, each placed at random within it.
    Trace {
        /// Arrivals in each interval.
        counts: std::sync::Arc<Vec<u64>>,
        /// Seconds of an interval.
        interval: f64,
    },
}

impl ArrivalProcess {
    /// The mean rate per second of a process that has one of its own and follows no profile.
    #[must_use]
    pub fn own_rate(&self) -> Option<f64> {
        match self {
            Self::Renewal(gap) => Some(1.0 / gap.mean()),
            Self::Mmpp { rates, dwell } => {
                let arrivals: f64 = rates.iter().zip(dwell).map(|(rate, span)| rate * span).sum();
                Some(arrivals / dwell.iter().sum::<f64>())
            }
            Self::Poisson | Self::Deterministic | Self::Batch(_) | Self::Trace { .. } => None,
        }
    }
}

/// An arrival process at work.
#[derive(Clone, Debug)]
pub struct Arrivals {
    process: ArrivalProcess,
    profile: Profile,
    horizon: f64,
    draws: Draws,
    now: f64,
    /// Batch: how many of it are still to come now. Trace: the interval.
    position: u64,
    /// Trace: how many of the interval are still to come. MMPP: the state.
    left: u64,
    /// MMPP: when the state ends.
    until: f64,
}

impl Arrivals {
    /// Starts at time zero; nothing comes after `horizon` seconds.
    #[must_use]
    pub fn new(process: ArrivalProcess, profile: Profile, horizon: f64, key: Key) -> Self {
        let mut arrivals = Self {
            process,
            profile,
            horizon,
            draws: key.draws(),
            now: 0.0,
            position: 0,
            left: 0,
            until: 0.0,
        };
        if let ArrivalProcess::Trace { counts, .. } = &arrivals.process {
            arrivals.left = counts.first().copied().unwrap_or(0);
        }
        arrivals
    }

    fn exponential(&mut self) -> f64 {
        -libm::log(self.draws.unit_open())
    }
}

impl Iterator for Arrivals {
    type Item = f64;

    /// The next arrival in seconds.
    fn next(&mut self) -> Option<f64> {
        let area = match &self.process {
            ArrivalProcess::Poisson => self.exponential(),
            ArrivalProcess::Deterministic => 1.0,
            ArrivalProcess::Batch(size) => {
                let size = f64::from(*size);
                if self.position > 0 {
                    self.position -= 1;
                    return Some(self.now);
                }
                self.position = size as u64 - 1;
                size * self.exponential()
            }
            ArrivalProcess::Renewal(gap) => {
                self.now += gap.sample(&mut self.draws);
                return (self.now <= self.horizon).then_some(self.now);
            }
            ArrivalProcess::Mmpp { rates, dwell } => {
                let (rates, dwell) = (rates.clone(), dwell.clone());
                let mut area = self.exponential();
                loop {
                    if self.until <= self.now {
                        self.left = if self.until == 0.0 { 0 } else { (self.left + 1) % rates.len() as u64 };
                        self.until = self.now + dwell[self.left as usize] * self.exponential();
                    }
                    let rate = rates[self.left as usize];
                    let room = rate * (self.until - self.now);
                    if area <= room {
                        self.now += area / rate;
                        return (self.now <= self.horizon).then_some(self.now);
                    }
                    area -= room;
                    self.now = self.until;
                    if self.now > self.horizon {
                        return None;
                    }
                }
            }
            ArrivalProcess::Trace { counts, interval } => {
                let (counts, interval) = (counts.clone(), *interval);
                while self.left == 0 {
                    self.position += 1;
                    self.left = *counts.get(self.position as usize)?;
                }
                // The smallest of n uniform points in what is left of the interval.
                let (start, end) = (self.position as f64 * interval, (self.position + 1) as f64 * interval);
                let from = self.now.max(start);
                let share = 1.0 - libm::pow(self.draws.unit_open(), 1.0 / self.left as f64);
                self.left -= 1;
                self.now = from + (end - from) * share;
                return (self.now <= self.horizon).then_some(self.now);
            }
        };
        self.now = self.profile.after(self.now, area, self.horizon)?;
        Some(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(process: ArrivalProcess, profile: Profile, horizon: f64, seed: u64) -> Vec<f64> {
        Arrivals::new(process, profile, horizon, Key::root(seed, 0)).collect()
    }

    #[test]
    fn a_step_up_is_met_at_once_and_counts_are_poisson() {
        // NHPP-COUNT: 50/s, 400/s on [60, 90), over [0, 120): mean and variance 16 500.
        let base = super::super::profile::Base::Steps(vec![(0.0, 50.0), (60.0, 400.0), (90.0, 50.0)]);
        let profile = Profile { base, spikes: vec![] };
        let counts: Vec<f64> = (0..300)
            .map(|seed| times(ArrivalProcess::Poisson, profile.clone(), 120.0, seed).len() as f64)
            .collect();
        let mean = counts.iter().sum::<f64>() / 300.0;
        let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / 299.0;
        assert!((mean - 16_500.0).abs() < 4.0 * (16_500.0_f64 / 300.0).sqrt(), "{mean}");
        assert!((variance / 16_500.0 - 1.0).abs() < 0.33, "{variance}");
        let first = times(ArrivalProcess::Poisson, profile, 120.0, 1);
        let just_after = first.iter().filter(|t| (60.0..61.0).contains(*t)).count();
        assert!((320..480).contains(&just_after), "{just_after}");
    }

    #[test]
    fn a_trace_gives_exactly_its_counts_in_order() {
        let counts = vec![3, 0, 7, 1];
        let process = ArrivalProcess::Trace { counts: std::sync::Arc::new(counts.clone()), interval: 2.0 };
        let times = times(process, Profile::constant(0.0), 100.0, 5);
        assert!(times.is_sorted());
        for (i, count) in counts.into_iter().enumerate() {
            let (from, to) = (2.0 * i as f64, 2.0 * (i + 1) as f64);
            assert_eq!(times.iter().filter(|t| **t >= from && **t < to).count() as u64, count);
        }
    }

    #[test]
    fn modulated_and_batched_arrivals_have_their_rates() {
        let mmpp = ArrivalProcess::Mmpp { rates: vec![10.0, 100.0], dwell: vec![3.0, 1.0] };
        assert_eq!(mmpp.own_rate(), Some(32.5));
        let n = times(mmpp, Profile::constant(0.0), 20_000.0, 1).len() as f64;
        assert!((n / 20_000.0 - 32.5).abs() < 1.0, "{n}");
        let batched = times(ArrivalProcess::Batch(5), Profile::constant(10.0), 10_000.0, 1);
        assert!((batched.len() as f64 / 100_000.0 - 1.0).abs() < 0.03);
        assert!(batched.chunks_exact(5).all(|b| b.iter().all(|t| *t == b[0])));
        let even = times(ArrivalProcess::Deterministic, Profile::constant(4.0), 10.0, 1);
        assert!((even[0] - 0.25).abs() < 1e-9 && even.len() == 40);
        let renewal = ArrivalProcess::Renewal(Distribution::Constant(1.25));
        assert_eq!((renewal.own_rate(), ArrivalProcess::Poisson.own_rate()), (Some(0.8), None));
        assert_eq!(times(renewal, Profile::constant(0.0), 5.0, 1), [1.25, 2.5, 3.75, 5.0]);
    }
}
