//! A rate that varies with time: its value, its integral, and the inverse of that.
//!
//! A Poisson process of rate lambda(t) is a unit Poisson process read through the inverse of
//! Lambda(t), the integral (Çinlar 1975). Nothing is thinned, so no gap is ever drawn from a rate
//! that a jump has made old, and the k-th customer is the same one under every rate.

/// What the rate is without spikes.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// Always the same, per second.
    Constant(f64),
    /// Straight lines between (seconds, rate); constant before the first and after the last.
    Ramp(Vec<(f64, f64)>),
    /// From each time (seconds) on this rate; zero before the first.
    Steps(Vec<(f64, f64)>),
    /// A cosine over 24 hours.
    Diurnal {
        /// Mean rate.
        mean: f64,
        /// Highest rate as a multiple of the mean, 1..=2.
        peak: f64,
        /// Seconds into the day at which it is highest.
        at: f64,
    },
}

/// A surge on top: linear rise, hold, exponential decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    /// Start in seconds.
    pub at: f64,
    /// Rate added at its height.
    pub add: f64,
    /// Seconds of the rise.
    pub rise: f64,
    /// Seconds at its height.
    pub hold: f64,
    /// Half-life of the decay in seconds; zero ends it at once.
    pub half_life: f64,
}

impl Spike {
    /// The end of its hold, in seconds.
    #[must_use]
    pub fn hold_end(&self) -> f64 {
        self.at + self.rise + self.hold
    }

    fn rate(&self, t: f64) -> f64 {
        let since = t - self.at;
        if since < 0.0 {
            0.0
        } else if since < self.rise {
            self.add * since / self.rise
        } else if since < self.rise + self.hold {
            self.add
        } else if self.half_life > 0.0 {
            self.add * libm::exp2(-(since - self.rise - self.hold) / self.half_life)
        } else {
            0.0
        }
    }

    fn integral(&self, t: f64) -> f64 {
        let since = t - self.at;
        if since <= 0.0 {
            return 0.0;
        }
        let rising = since.min(self.rise);
        let rise = if self.rise > 0.0 { rising * rising / (2.0 * self.rise) } else { 0.0 };
        let hold = (since - self.rise).clamp(0.0, self.hold);
        let tail = (since - self.rise - self.hold).max(0.0);
        let decay = if self.half_life > 0.0 {
            self.half_life / std::f64::consts::LN_2 * (1.0 - libm::exp2(-tail / self.half_life))
        } else {
            0.0
        };
        self.add * (rise + hold + decay)
    }
}

/// A rate over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Without spikes.
    pub base: Base,
    /// What is added.
    pub spikes: Vec<Spike>,
}

const DAY: f64 = 86_400.0;

impl Profile {
    /// Always `rate` per second.
    #[must_use]
    pub fn constant(rate: f64) -> Self {
        Self { base: Base::Constant(rate), spikes: Vec::new() }
    }

    /// Whether the rate ever changes.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        matches!(self.base, Base::Constant(_)) && self.spikes.is_empty()
    }

    /// The rate at `t` seconds, per second.
    #[must_use]
    pub fn rate(&self, t: f64) -> f64 {
        let base = match &self.base {
            Base::Constant(rate) => *rate,
            Base::Ramp(points) => ramp_rate(points, t),
            Base::Steps(points) => {
                points.iter().rev().find(|(at, _)| *at <= t).map_or(0.0, |(_, rate)| *rate)
            }
            Base::Diurnal { mean, peak, at } => {
                mean * (1.0 + (peak - 1.0) * libm::cos(std::f64::consts::TAU * (t - at) / DAY))
            }
        };
        base + self.spikes.iter().map(|s| s.rate(t)).sum::<f64>()
    }

    /// Expected arrivals from 0 to `t`.
    #[must_use]
    pub fn integral(&self, t: f64) -> f64 {
        let base = match &self.base {
            Base::Constant(rate) => rate * t,
            Base::Ramp(points) => ramp_integral(points, t),
            Base::Steps(points) => {
                let ends = points.iter().skip(1).map(|(at, _)| *at).chain([f64::INFINITY]);
                points.iter().zip(ends).map(|((at, rate), end)| rate * (t.min(end) - at).max(0.0)).sum()
            }
            Base::Diurnal { mean, peak, at } => {
                let w = std::f64::consts::TAU / DAY;
                mean * (t + (peak - 1.0) / w * (libm::sin(w * (t - at)) + libm::sin(w * at)))
            }
        };
        base + self.spikes.iter().map(|s| s.integral(t)).sum::<f64>()
    }

    /// The time after `from` by which `area` more arrivals are expected; none within `horizon` seconds.
    #[must_use]
    pub fn after(&self, from: f64, area: f64, horizon: f64) -> Option<f64> {
        if let (Base::Constant(rate), true) = (&self.base, self.spikes.is_empty()) {
            let t = from + area / rate;
            return (t <= horizon).then_some(t);
        }
        let goal = self.integral(from) + area;
        if self.integral(horizon) < goal {
            return None;
        }
        // Bracket by doubling, then Newton's step where it stays inside, else halving.
        let mut span = (area / self.rate(from).max(1e-9)).clamp(1e-9, horizon);
        let (mut low, mut high) = (from, (from + span).min(horizon));
        while self.integral(high) < goal {
            low = high;
            span *= 2.0;
            high = (high + span).min(horizon);
        }
        let mut t = f64::midpoint(low, high);
        for _ in 0..80 {
            let miss = self.integral(t) - goal;
            if miss >= 0.0 {
                high = t
            } else {
                low = t
            }
            // Where the rate is zero the integral stays at its goal: the answer is when it got there.
            let late = miss == 0.0 && self.integral(t - 1e-10) >= goal;
            let newton = t - miss / self.rate(t);
            let inside = !late && newton >= low && newton <= high;
            let next = if inside { newton } else { f64::midpoint(low, high) };
            if (next - t).abs() < 1e-10 || high - low < 1e-10 {
                return Some(next);
            }
            t = next;
        }
        Some(t)
    }

    /// The highest rate within `horizon` seconds and when it is reached: knees and a fine grid are tried.
    #[must_use]
    pub fn peak(&self, horizon: f64) -> (f64, f64) {
        let mut times = vec![0.0, horizon];
        if let Base::Ramp(points) | Base::Steps(points) = &self.base {
            times.extend(points.iter().map(|(at, _)| *at));
        }
        times.extend(self.spikes.iter().flat_map(|s| [s.at, s.at + s.rise, s.hold_end()]));
        times.extend((0..=1000).map(|i| horizon * f64::from(i) / 1000.0));
        times
            .into_iter()
            .filter(|t| *t <= horizon)
            .map(|t| (self.rate(t), t))
            .fold((0.0, 0.0), |best, next| if next.0 > best.0 { next } else { best })
    }

    /// The end of the last spike's hold, or the last step down; in seconds.
    #[must_use]
    pub fn surge_end(&self) -> Option<f64> {
        let spike = self
            .spikes
            .iter()
            .map(Spike::hold_end)
            .fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
        let step = match &self.base {
            Base::Steps(points) => points.windows(2).rev().find(|w| w[1].1 < w[0].1).map(|w| w[1].0),
            _ => None,
        };
        match (spike, step) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

fn ramp_rate(points: &[(f64, f64)], t: f64) -> f64 {
    let after = points.partition_point(|(at, _)| *at <= t);
    match (after.checked_sub(1).and_then(|i| points.get(i)), points.get(after)) {
        (Some((t0, r0)), Some((t1, r1))) => r0 + (r1 - r0) * (t - t0) / (t1 - t0),
        (Some((_, rate)), None) | (None, Some((_, rate))) => *rate,
        (None, None) => 0.0,
    }
}

fn ramp_integral(points: &[(f64, f64)], t: f64) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    let mut area = first.1 * t.min(first.0) + last.1 * (t - last.0).max(0.0);
    for pair in points.windows(2) {
        let ((t0, r0), (t1, r1)) = (pair[0], pair[1]);
        if t > t0 {
            let end = t.min(t1);
            let rate_at_end = r0 + (r1 - r0) * (end - t0) / (t1 - t0);
            area += (end - t0) * f64::midpoint(r0, rate_at_end);
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Vec<Profile> {
        let spike = Spike { at: 480.0, add: 95.0, rise: 240.0, hold: 360.0, half_life: 600.0 };
        let plain = |base| Profile { base, spikes: vec![] };
        vec![
            Profile { base: Base::Constant(5.0), spikes: vec![spike] },
            Profile {
                base: Base::Constant(5.0),
                spikes: vec![spike, Spike { at: 900.0, rise: 0.0, half_life: 0.0, ..spike }],
            },
            plain(Base::Ramp(vec![(10.0, 1.0), (60.0, 4.0), (100.0, 0.5)])),
            plain(Base::Steps(vec![(0.0, 50.0), (60.0, 150.0), (90.0, 50.0)])),
            plain(Base::Diurnal { mean: 3.0, peak: 1.8, at: 72_000.0 }),
        ]
    }

    #[test]
    fn the_integral_is_the_integral_of_the_rate() {
        for profile in profiles() {
            let (mut area, step) = (0.0, 0.01);
            for i in 0..200_000 {
                area += step * profile.rate((f64::from(i) + 0.5) * step);
            }
            let exact = profile.integral(2000.0);
            assert!((area / exact - 1.0).abs() < 1e-4, "{profile:?}: {area} {exact}");
        }
    }

    #[test]
    fn the_inverse_inverts() {
        for profile in profiles() {
            let mut t = 0.0;
            for _ in 0..2000 {
                let Some(next) = profile.after(t, 0.7, 3000.0) else { break };
                let area = profile.integral(next) - profile.integral(t);
                assert!((area - 0.7).abs() < 1e-6, "{profile:?} at {t}: {area}");
                t = next;
            }
            assert_eq!(profile.after(2999.999, 1e6, 3000.0), None);
        }
    }

    #[test]
    fn surges_end_where_their_hold_or_last_step_down_does() {
        let ends: Vec<_> = profiles().iter().map(Profile::surge_end).collect();
        assert_eq!(ends, [Some(1080.0), Some(1260.0), None, Some(90.0), None]);
        assert_eq!(profiles()[0].peak(2400.0).0, 100.0);
    }

    #[test]
    fn an_arrival_due_where_the_rate_falls_to_zero_comes_at_that_instant() {
        let profile =
            Profile { base: Base::Steps(vec![(9.0, 1.0), (10.0, 0.0), (50.0, 1.0)]), spikes: Vec::new() };
        let first = profile.after(0.0, 1.0, 100.0).unwrap();
        assert!((first - 10.0).abs() < 1e-9, "{first}");
        assert!((profile.after(first, 1.0, 100.0).unwrap() - 51.0).abs() < 1e-9);
    }

    #[test]
    fn even_arrivals_do_not_drift() {
        let profile = Profile { base: Base::Steps(vec![(0.0, 200.0), (1.005, 50.0)]), spikes: Vec::new() };
        let mut now = 0.0;
        for n in 1..=2_000 {
            now = profile.after(now, 1.0, 100.0).unwrap();
            let due = if n <= 201 { 0.005 * f64::from(n) } else { 1.005 + 0.02 * f64::from(n - 201) };
            assert!((now - due).abs() < 1e-9, "{n}: {now} for {due}");
        }
    }
}
