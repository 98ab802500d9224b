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

impl Distribution {
    /// Draws one value.
    pub fn sample(&self, draws: &mut Draws) -> f64 {
        todo!("{draws:?}")
    }
    /// The exact mean (infinite where it does not exist).
    #[must_use]
    pub fn mean(&self) -> f64 {
        todo!()
    }
    /// The squared coefficient of variation (infinite where it does not exist).
    #[must_use]
    pub fn scv(&self) -> f64 {
        todo!()
    }
}
