//! Zipf ranks over millions of rows, in constant memory and time per draw.
//!
//! Rejection-inversion (Hörmann and Derflinger, ACM TOMACS 6(3), 1996): invert the integral of the
//! density's hat, accept almost always. Exponents from 0 (uniform), through exactly 1, upwards.

use super::Draws;

/// Ranks 1..=n with probability proportional to rank^-exponent.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {
    n: u64,
    exponent: f64,
    hat_low: f64,
    hat_high: f64,
    shortcut: f64,
    normaliser: f64,
}

impl Zipf {
    /// Over `n` ranks (at least 1) with `exponent` (at least 0).
    #[must_use]
    pub fn new(n: u64, exponent: f64) -> Self {
        let n = n.max(1);
        let exponent = exponent.max(0.0);
        let mut zipf = Self { n, exponent, hat_low: 0.0, hat_high: 0.0, shortcut: 0.0, normaliser: 0.0 };
        zipf.hat_low = zipf.integral(1.5) - 1.0;
        zipf.hat_high = zipf.integral(n as f64 + 0.5);
        zipf.shortcut = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf.normaliser = zipf.harmonic();
        zipf
    }

    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(x))
    }

    /// The integral of the density from 1 to x.
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        let t = log * (1.0 - self.exponent);
        // (exp(t) - 1) / t, stable near zero.
        let growth = if t.abs() > 1e-8 { libm::expm1(t) / t } else { 1.0 + t / 2.0 };
        growth * log
    }

    fn inverse(&self, area: f64) -> f64 {
        let t = (area * (1.0 - self.exponent)).max(-1.0);
        let slope = if t.abs() > 1e-8 { libm::log1p(t) / t } else { 1.0 - t / 2.0 };
        libm::exp(slope * area)
    }

    /// Draws a rank in 1..=n.
    pub fn sample(&self, draws: &mut Draws) -> u64 {
        if self.exponent == 0.0 {
            return 1 + draws.below(self.n);
        }
        loop {
            let u = self.hat_high + draws.unit() * (self.hat_low - self.hat_high);
            let x = self.inverse(u);
            let rank = (x + 0.5).clamp(1.0, self.n as f64).floor();
            if rank - x <= self.shortcut || u >= self.integral(rank + 0.5) - self.density(rank) {
                return rank as u64;
            }
        }
    }

    /// The probability of `rank`; zero outside 1..=n.
    #[must_use]
    pub fn probability(&self, rank: u64) -> f64 {
        if rank == 0 || rank > self.n { 0.0 } else { self.density(rank as f64) / self.normaliser }
    }

    /// The generalised harmonic number: its head summed, its tail by Euler and Maclaurin.
    fn harmonic(&self) -> f64 {
        let head = self.n.min(10_000);
        let sum: f64 = (1..=head).rev().map(|k| self.density(k as f64)).sum();
        if head == self.n {
            return sum;
        }
        let (a, b) = (head as f64, self.n as f64);
        let slope = |x: f64| -self.exponent * self.density(x) / x;
        sum + self.integral(b) - self.integral(a)
            + (self.density(b) - self.density(a)) / 2.0
            + (slope(b) - slope(a)) / 12.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;

    #[test]
    fn the_most_popular_rank_has_its_known_share() {
        for (n, exponent, share) in [
            (100_000, 0.99, 0.0783),
            (1_000_000, 0.99, 0.0650),
            (1_000_000, 1.2, 0.1895),
            (10_000, 1.0, 0.102_170_03),
        ] {
            let p = Zipf::new(n, exponent).probability(1);
            assert!((p - share).abs() < 0.000_06, "n = {n}, exponent {exponent}: {p}");
        }
    }

    #[test]
    fn draws_follow_the_probabilities() {
        for (n, exponent) in [(1, 1.0), (2, 0.5), (50, 1.0), (50, 0.0), (1_000_000, 0.8), (200_000_000, 1.2)]
        {
            let zipf = Zipf::new(n, exponent);
            let mut draws = Key::root(11, n).draws();
            let total = 200_000_u32;
            let mut counts = [0_u32; 4];
            for _ in 0..total {
                let rank = zipf.sample(&mut draws);
                assert!((1..=n).contains(&rank));
                if let Some(count) = counts.get_mut(rank as usize - 1) {
                    *count += 1;
                }
            }
            for (index, count) in counts.into_iter().enumerate() {
                let p = zipf.probability(index as u64 + 1);
                let deviation = (p * (1.0 - p) / f64::from(total)).sqrt();
                let seen = f64::from(count) / f64::from(total);
                assert!(
                    (seen - p).abs() <= 4.5 * deviation,
                    "n {n} s {exponent} rank {}: {seen} {p}",
                    index + 1
                );
            }
        }
    }
}
