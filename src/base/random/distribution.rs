//! Distributions of times, sizes and counts, sampled with `libm` so that the bits agree on every
//! platform.

use super::Draws;

/// A distribution over non-negative numbers: seconds for times, bytes for sizes, plain counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always this value.
    Constant(f64),
    /// Exponential with this mean.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Erlang: the sum of `shape` exponentials, with this overall mean.
    Erlang {
        /// The number of stages, at least 1.
        shape: u32,
        /// The overall mean.
        mean: f64,
    },
    /// Uniform on [low, high].
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal, truncated at zero by drawing again.
    Normal {
        /// Mean before truncation.
        mean: f64,
        /// Standard deviation before truncation.
        sd: f64,
    },
    /// Lognormal; `mu` and `sigma` are those of the logarithm.
    Lognormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto from `min`, tail exponent `alpha`, truncated at `max` (infinite if not bounded).
    Pareto {
        /// Smallest value.
        min: f64,
        /// Tail exponent.
        alpha: f64,
        /// Largest value.
        max: f64,
    },
    /// Geometric on 1, 2, 3, ... with this mean (at least 1).
    Geometric {
        /// The mean.
        mean: f64,
    },
    /// One of several, with probabilities that sum to 1. Hyperexponential is a mixture of exponentials.
    Mixture(Vec<(f64, Distribution)>),
    /// One of these observed values, each equally likely.
    Empirical(Vec<f64>),
    /// Another distribution times a uniform factor in [1 - share, 1 + share] (`60s±10%`).
    Jittered {
        /// What is jittered.
        base: Box<Distribution>,
        /// Half-width of the factor, 0..=1.
        share: f64,
    },
}

/// Draws a unit exponential by inversion: one `ln`, the same bits everywhere.
#[inline]
fn exponential(draws: &mut Draws) -> f64 {
    -libm::log(draws.unit_open())
}

/// Draws a standard normal (Box and Muller 1958; the second of the pair is not used, so that a draw
/// never depends on the one before it).
fn normal(draws: &mut Draws) -> f64 {
    let radius = libm::sqrt(2.0 * exponential(draws));
    radius * libm::cos(std::f64::consts::TAU * draws.unit())
}

/// The standard normal's 99 % quantile.
const Z99: f64 = 2.326_347_874_040_841;

impl Distribution {
    /// A lognormal with this mean and coefficient of variation.
    #[must_use]
    pub fn lognormal_mean_cv(mean: f64, cv: f64) -> Self {
        let variance = libm::log1p(cv * cv);
        Self::Lognormal { mu: libm::log(mean) - variance / 2.0, sigma: libm::sqrt(variance) }
    }

    /// A lognormal with this median and 99th percentile (at least the median).
    #[must_use]
    pub fn lognormal_median_p99(median: f64, p99: f64) -> Self {
        Self::Lognormal { mu: libm::log(median), sigma: libm::log(p99 / median) / Z99 }
    }

    /// One of several exponentials: pairs of probability and mean.
    #[must_use]
    pub fn hyperexponential(phases: &[(f64, f64)]) -> Self {
        Self::Mixture(phases.iter().map(|(p, mean)| (*p, Self::Exponential { mean: *mean })).collect())
    }

    /// Draws one value.
    #[inline]
    pub fn sample(&self, draws: &mut Draws) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential { mean } => mean * exponential(draws),
            Self::Lognormal { mu, sigma } => libm::exp(mu + sigma * normal(draws)),
            other => other.sample_rarer(draws),
        }
    }

    fn sample_rarer(&self, draws: &mut Draws) -> f64 {
        match self {
            Self::Constant(_) | Self::Exponential { .. } | Self::Lognormal { .. } => self.sample(draws),
            Self::Erlang { shape, mean } => {
                let stage = mean / f64::from(*shape);
                (0..*shape).map(|_| stage * exponential(draws)).sum()
            }
            Self::Uniform { low, high } => low + (high - low) * draws.unit(),
            Self::Normal { mean, sd } => {
                // Truncation at zero by drawing again; a mean far below zero ends at zero.
                for _ in 0..64 {
                    let value = mean + sd * normal(draws);
                    if value >= 0.0 {
                        return value;
                    }
                }
                0.0
            }
            Self::Pareto { min, alpha, max } => {
                // Inversion of the truncated distribution function.
                let kept = 1.0 - libm::pow(min / max, *alpha);
                min * libm::pow(1.0 - draws.unit() * kept, -1.0 / alpha)
            }
            Self::Geometric { mean } => {
                if *mean <= 1.0 {
                    return 1.0;
                }
                (libm::log(draws.unit_open()) / libm::log1p(-1.0 / mean)).floor() + 1.0
            }
            Self::Mixture(parts) => {
                let mut u = draws.unit();
                for (p, part) in parts {
                    if u < *p {
                        return part.sample(draws);
                    }
                    u -= p;
                }
                parts.last().map_or(0.0, |(_, part)| part.sample(draws))
            }
            Self::Empirical(values) => {
                values.get(draws.below(values.len() as u64) as usize).copied().unwrap_or(0.0)
            }
            Self::Jittered { base, share } => {
                let value = base.sample(draws);
                value * (1.0 + share * (2.0 * draws.unit() - 1.0))
            }
        }
    }

    /// The exact mean (infinite where it does not exist).
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moments().0
    }

    /// The squared coefficient of variation (infinite where it does not exist; zero for a mean of zero).
    #[must_use]
    pub fn scv(&self) -> f64 {
        let (mean, second) = self.moments();
        if mean == 0.0 { 0.0 } else { (second / (mean * mean) - 1.0).max(0.0) }
    }

    /// First and second moment.
    fn moments(&self) -> (f64, f64) {
        match self {
            Self::Constant(value) => (*value, value * value),
            Self::Exponential { mean } => (*mean, 2.0 * mean * mean),
            Self::Erlang { shape, mean } => (*mean, mean * mean * (1.0 + 1.0 / f64::from(*shape))),
            Self::Uniform { low, high } => ((low + high) / 2.0, (low * low + low * high + high * high) / 3.0),
            Self::Normal { mean, sd } => truncated_normal(*mean, *sd),
            Self::Lognormal { mu, sigma } => {
                let variance = sigma * sigma;
                (libm::exp(mu + variance / 2.0), libm::exp(2.0 * mu + 2.0 * variance))
            }
            Self::Pareto { min, alpha, max } => {
                (pareto_moment(*min, *alpha, *max, 1.0), pareto_moment(*min, *alpha, *max, 2.0))
            }
            Self::Geometric { mean } => {
                let mean = mean.max(1.0);
                (mean, mean * (2.0 * mean - 1.0))
            }
            Self::Mixture(parts) => parts.iter().fold((0.0, 0.0), |(first, second), (p, part)| {
                let (m1, m2) = part.moments();
                (first + p * m1, second + p * m2)
            }),
            Self::Empirical(values) => {
                let n = values.len().max(1) as f64;
                (values.iter().sum::<f64>() / n, values.iter().map(|v| v * v).sum::<f64>() / n)
            }
            Self::Jittered { base, share } => {
                let (m1, m2) = base.moments();
                (m1, m2 * (1.0 + share * share / 3.0))
            }
        }
    }
}

/// Moments of a normal truncated at zero from below (Johnson, Kotz and Balakrishnan 1994, 13.10).
fn truncated_normal(mean: f64, sd: f64) -> (f64, f64) {
    if sd == 0.0 {
        return (mean.max(0.0), mean.max(0.0) * mean.max(0.0));
    }
    let a = -mean / sd;
    let density = libm::exp(-a * a / 2.0) / libm::sqrt(std::f64::consts::TAU);
    let kept = 0.5 * libm::erfc(a / std::f64::consts::SQRT_2);
    if kept < 1e-12 {
        return (0.0, 0.0);
    }
    let ratio = density / kept;
    let first = mean + sd * ratio;
    let variance = sd * sd * (1.0 + a * ratio - ratio * ratio);
    (first, variance + first * first)
}

fn pareto_moment(min: f64, alpha: f64, max: f64, order: f64) -> f64 {
    let kept = if max.is_finite() { 1.0 - libm::pow(min / max, alpha) } else { 1.0 };
    if (alpha - order).abs() < 1e-12 {
        return alpha * libm::pow(min, alpha) * libm::log(max / min) / kept;
    }
    if max.is_infinite() {
        return if alpha > order { alpha * libm::pow(min, order) / (alpha - order) } else { f64::INFINITY };
    }
    alpha * libm::pow(min, alpha) / (alpha - order)
        * (libm::pow(min, order - alpha) - libm::pow(max, order - alpha))
        / kept
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;

    fn all() -> Vec<Distribution> {
        use Distribution::*;
        vec![
            Constant(0.25),
            Exponential { mean: 2.0 },
            Erlang { shape: 4, mean: 0.02 },
            Uniform { low: 1.0, high: 3.0 },
            Normal { mean: 10.0, sd: 2.0 },
            Normal { mean: 1.0, sd: 1.0 },
            Distribution::lognormal_mean_cv(8.0, 1.0),
            Distribution::lognormal_median_p99(8.0, 60.0),
            Pareto { min: 1.0, alpha: 2.5, max: 20.0 },
            Pareto { min: 1.0, alpha: 1.2, max: 50.0 },
            Geometric { mean: 8.0 },
            Distribution::hyperexponential(&[(0.9, 5.0), (0.1, 80.0)]),
            Mixture(vec![(0.95, Constant(5.0)), (0.05, Constant(80.0))]),
            Empirical(vec![1.0, 2.0, 6.0]),
            Jittered { base: Box::new(Constant(60.0)), share: 0.1 },
        ]
    }

    #[test]
    fn mean_and_variation_are_what_they_say() {
        for distribution in all() {
            let mut draws = Key::root(3, 0).draws();
            let n = 400_000;
            let values: Vec<f64> = (0..n).map(|_| distribution.sample(&mut draws)).collect();
            assert!(values.iter().all(|v| *v >= 0.0));
            let mean = values.iter().sum::<f64>() / f64::from(n);
            let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / f64::from(n);
            let (expected, scv) = (distribution.mean(), distribution.scv());
            let error = (expected * expected * scv / f64::from(n)).sqrt();
            assert!(
                (mean - expected).abs() <= 4.0 * error + 1e-12,
                "{distribution:?}: {mean} for {expected}"
            );
            let seen = variance / (mean * mean);
            assert!((seen - scv).abs() <= 0.06 * scv + 1e-9, "{distribution:?}: scv {seen} for {scv}");
        }
    }

    #[test]
    fn the_median_and_the_99th_percentile_of_a_range_hold() {
        let range = Distribution::lognormal_median_p99(0.008, 0.06);
        let mut draws = Key::root(4, 0).draws();
        let mut values: Vec<f64> = (0..200_000).map(|_| range.sample(&mut draws)).collect();
        values.sort_unstable_by(f64::total_cmp);
        assert!((values[100_000] / 0.008 - 1.0).abs() < 0.01);
        assert!((values[198_000] / 0.06 - 1.0).abs() < 0.03);
    }

    #[test]
    fn the_bits_are_the_same_on_every_platform() {
        let mut digest = 0_u64;
        for distribution in all() {
            let mut draws = Key::root(9, 1).draws();
            for _ in 0..100 {
                digest = digest.rotate_left(7) ^ distribution.sample(&mut draws).to_bits();
            }
        }
        assert_eq!(digest, DIGEST, "a change here changes every result of every user");
    }
    const DIGEST: u64 = 16_624_162_108_209_685_498;
}
