//! Families of distributions that the language has, and the most likely member of each.
//!
//! Fitted by maximum likelihood: in closed form where there is one (exponential, lognormal, normal, Pareto),
//! by trying shapes for Erlang (a whole number, as the language has it), by expectation and maximisation for
//! mixtures (Dempster, Laird and Rubin 1977). Weibull and gamma with a broken shape are not in the language.

use std::f64::consts::{PI, SQRT_2};
use std::fmt;

/// Rounds of expectation and maximisation.
const ROUNDS: usize = 200;

/// Stages of an Erlang distribution at most.
const MOST_STAGES: u32 = 60;

/// A distribution of times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Family {
    /// Always the same.
    Constant(f64),
    /// Exponential with this mean.
    Exponential(f64),
    /// Stages and mean.
    Erlang(u32, f64),
    /// Mean and standard deviation of the logarithm.
    Lognormal(f64, f64),
    /// Mean and standard deviation.
    Normal(f64, f64),
    /// Smallest value and exponent.
    Pareto(f64, f64),
    /// Two exponentials: the share of the first, and their means.
    Hyperexponential(f64, [f64; 2]),
    /// Two lognormals: the share of the first, and mean and standard deviation of each one's logarithm.
    TwoLognormals(f64, [(f64, f64); 2]),
}

fn normal(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

fn ln_normal(x: f64, mean: f64, deviation: f64) -> f64 {
    let z = (x - mean) / deviation;
    -0.5 * z * z - libm::log(deviation) - 0.5 * libm::log(2.0 * PI)
}

/// A duration that reads back: four significant digits in a unit that fits.
fn time(seconds: f64) -> String {
    let (scale, unit) = match seconds {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        _ => (1e6, "us"),
    };
    format!("{}{unit}", digits(seconds * scale))
}

/// Four significant digits, without zeros at the end.
pub(super) fn digits(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return "0".to_owned();
    }
    let decimals = (3 - libm::floor(libm::log10(x.abs())) as i32).clamp(0, 12) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn lognormal(mu: f64, sigma: f64) -> String {
    let mean = libm::exp(mu + 0.5 * sigma * sigma);
    let cv = libm::sqrt(libm::expm1(sigma * sigma));
    format!("lognormal(mean={}, cv={})", time(mean), digits(cv))
}

/// Two shares that add up to 100 % as they are written.
fn shares(first: f64) -> (String, String) {
    let percent = (libm::round(first * 10_000.0) as i64).clamp(1, 9_999);
    let text = |n: i64| format!("{}%", digits(n as f64 / 100.0));
    (text(percent), text(10_000 - percent))
}

impl fmt::Display for Family {
    /// As the language writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(mean) => f.write_str(&time(*mean)),
            Self::Exponential(mean) => write!(f, "exp({})", time(*mean)),
            Self::Erlang(stages, mean) => write!(f, "erlang({stages}, {})", time(*mean)),
            Self::Lognormal(mu, sigma) => f.write_str(&lognormal(*mu, *sigma)),
            Self::Normal(mean, deviation) => write!(f, "normal({}, {})", time(*mean), time(*deviation)),
            Self::Pareto(min, alpha) => write!(f, "pareto(min={}, alpha={})", time(*min), digits(*alpha)),
            Self::Hyperexponential(share, [a, b]) => {
                let (first, second) = shares(*share);
                write!(f, "hyperexp({first}={}, {second}={})", time(*a), time(*b))
            }
            Self::TwoLognormals(share, [a, b]) => {
                let (first, second) = shares(*share);
                write!(f, "mix({first}={}, {second}={})", lognormal(a.0, a.1), lognormal(b.0, b.1))
            }
        }
    }
}

impl Family {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant(_) => "constant",
            Self::Exponential(_) => "exponential",
            Self::Erlang(..) => "Erlang",
            Self::Lognormal(..) => "lognormal",
            Self::Normal(..) => "normal",
            Self::Pareto(..) => "Pareto",
            Self::Hyperexponential(..) => "hyperexponential",
            Self::TwoLognormals(..) => "two lognormals",
        }
    }

    /// How many numbers were fitted.
    #[must_use]
    pub const fn parameters(&self) -> f64 {
        match self {
            Self::Constant(_) | Self::Exponential(_) => 1.0,
            Self::Erlang(..) | Self::Lognormal(..) | Self::Normal(..) | Self::Pareto(..) => 2.0,
            Self::Hyperexponential(..) => 3.0,
            Self::TwoLognormals(..) => 5.0,
        }
    }

    /// The logarithm of the density at `x`.
    #[must_use]
    pub fn ln_density(&self, x: f64) -> f64 {
        match self {
            Self::Constant(_) => f64::NEG_INFINITY,
            Self::Exponential(mean) => -x / mean - libm::log(*mean),
            Self::Erlang(stages, mean) => {
                let k = f64::from(*stages);
                let rate = k / mean;
                k * libm::log(rate) + (k - 1.0) * libm::log(x) - rate * x - libm::lgamma(k)
            }
            Self::Lognormal(mu, sigma) => ln_normal(libm::log(x), *mu, *sigma) - libm::log(x),
            Self::Normal(mean, deviation) => {
                // Below zero it is drawn again.
                ln_normal(x, *mean, *deviation) - libm::log(normal(mean / deviation))
            }
            Self::Pareto(min, alpha) if x < *min => -alpha * 1e9,
            Self::Pareto(min, alpha) => {
                libm::log(*alpha) + alpha * libm::log(*min) - (alpha + 1.0) * libm::log(x)
            }
            Self::Hyperexponential(share, [a, b]) => {
                libm::log(share / a * libm::exp(-x / a) + (1.0 - share) / b * libm::exp(-x / b))
            }
            Self::TwoLognormals(share, [a, b]) => {
                let log = libm::log(x);
                let part = |(mu, sigma): (f64, f64)| libm::exp(ln_normal(log, mu, sigma));
                libm::log(share * part(*a) + (1.0 - share) * part(*b)) - log
            }
        }
    }

    /// The probability of at most `x`.
    #[must_use]
    pub fn distribution(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        match self {
            Self::Constant(mean) => f64::from(u8::from(x >= *mean)),
            Self::Exponential(mean) => -libm::expm1(-x / mean),
            Self::Erlang(stages, mean) => {
                let y = f64::from(*stages) * x / mean;
                let (mut term, mut sum) = (libm::exp(-y), 0.0);
                for stage in 0..*stages {
                    sum += term;
                    term *= y / f64::from(stage + 1);
                }
                1.0 - sum
            }
            Self::Lognormal(mu, sigma) => normal((libm::log(x) - mu) / sigma),
            Self::Normal(mean, deviation) => {
                let kept = normal(mean / deviation);
                1.0 - normal((mean - x) / deviation) / kept
            }
            Self::Pareto(min, alpha) => {
                if x < *min {
                    0.0
                } else {
                    1.0 - libm::pow(min / x, *alpha)
                }
            }
            Self::Hyperexponential(share, [a, b]) => {
                -share * libm::expm1(-x / a) - (1.0 - share) * libm::expm1(-x / b)
            }
            Self::TwoLognormals(share, [a, b]) => {
                let part = |(mu, sigma): &(f64, f64)| normal((libm::log(x) - mu) / sigma);
                share * part(a) + (1.0 - share) * part(b)
            }
        }
    }

    /// The value that a share lies below, by halving.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        if let Self::Constant(mean) = self {
            return *mean;
        }
        let (mut low, mut high) = (libm::log(1e-9), libm::log(1e7));
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if self.distribution(libm::exp(middle)) < share { low = middle } else { high = middle }
        }
        libm::exp(0.5 * (low + high))
    }
}

/// Mean and standard deviation of values with weights.
fn moments(values: &[f64], weight: impl Fn(usize) -> f64) -> (f64, f64) {
    let (mut total, mut sum) = (0.0, 0.0);
    for (at, x) in values.iter().enumerate() {
        total += weight(at);
        sum += weight(at) * x;
    }
    let mean = sum / total;
    let squares: f64 = values.iter().enumerate().map(|(at, x)| weight(at) * (x - mean) * (x - mean)).sum();
    (mean, libm::sqrt(squares / total))
}

/// The most likely member of each single family; the values are sorted and above zero.
pub(super) fn singles(times: &[f64]) -> Vec<Family> {
    let n = times.len() as f64;
    let logs: Vec<f64> = times.iter().map(|x| libm::log(*x)).collect();
    let (mean, deviation) = moments(times, |_| 1.0);
    let (mu, sigma) = moments(&logs, |_| 1.0);
    let mut found = vec![Family::Exponential(mean)];
    if sigma > 1e-9 {
        found.push(Family::Lognormal(mu, sigma));
    }
    // The likelihood of an Erlang distribution depends on the mean and on the mean logarithm only, and has one
    // top over the shape.
    let likelihood = |stages: u32| {
        let k = f64::from(stages);
        n * (k * libm::log(k / mean) + (k - 1.0) * mu - k - libm::lgamma(k))
    };
    let best = (2..=MOST_STAGES).max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b)));
    found.extend(best.map(|stages| Family::Erlang(stages, mean)));
    // One that would often be below zero is another distribution when it is drawn.
    if deviation > 0.0 && mean > 3.0 * deviation {
        found.push(Family::Normal(mean, deviation));
    }
    let min = times[0];
    let excess: f64 = logs.iter().map(|log| log - logs[0]).sum();
    if excess > 0.0 {
        let alpha = n / excess;
        if (0.1..=10.0).contains(&alpha) {
            found.push(Family::Pareto(min, alpha));
        }
    }
    found
}

/// The most likely mixtures, begun from a cut at the median, at the ninth decile, and before the last fiftieth.
pub(super) fn mixtures(times: &[f64]) -> Vec<Family> {
    let logs: Vec<f64> = times.iter().map(|x| libm::log(*x)).collect();
    let mut found = Vec::new();
    for cut in [0.5, 0.9, 0.98] {
        let at = (times.len() as f64 * cut) as usize;
        found.extend(two_exponentials(times, at));
        found.extend(two_lognormals(&logs, at));
    }
    found
}

fn two_exponentials(times: &[f64], cut: usize) -> Option<Family> {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let mut means = [mean(&times[..cut]), mean(&times[cut..])];
    let mut share = cut as f64 / times.len() as f64;
    let mut weights = vec![0.0; times.len()];
    for _ in 0..ROUNDS {
        for (weight, x) in weights.iter_mut().zip(times) {
            let part = |share: f64, mean: f64| share / mean * libm::exp(-x / mean);
            let (a, b) = (part(share, means[0]), part(1.0 - share, means[1]));
            *weight = if a + b > 0.0 { a / (a + b) } else { 0.0 };
        }
        let total: f64 = weights.iter().sum();
        share = total / times.len() as f64;
        means = [moments(times, |at| weights[at]).0, moments(times, |at| 1.0 - weights[at]).0];
        if !(1e-4..=1.0 - 1e-4).contains(&share) || !means.iter().all(|mean| *mean > 0.0) {
            return None;
        }
    }
    Some(Family::Hyperexponential(share, means))
}

fn two_lognormals(logs: &[f64], cut: usize) -> Option<Family> {
    let part = |range: std::ops::Range<usize>| moments(&logs[range], |_| 1.0);
    let mut parts = [part(0..cut), part(cut..logs.len())];
    let mut share = cut as f64 / logs.len() as f64;
    let mut weights = vec![0.0; logs.len()];
    for _ in 0..ROUNDS {
        // A part of no width would be infinitely likely.
        if !(1e-3..=1.0 - 1e-3).contains(&share) || !parts.iter().all(|(_, sigma)| *sigma > 1e-3) {
            return None;
        }
        for (weight, x) in weights.iter_mut().zip(logs) {
            let of = |share: f64, (mu, sigma): (f64, f64)| share * libm::exp(ln_normal(*x, mu, sigma));
            let (a, b) = (of(share, parts[0]), of(1.0 - share, parts[1]));
            *weight = if a + b > 0.0 { a / (a + b) } else { 0.5 };
        }
        share = weights.iter().sum::<f64>() / logs.len() as f64;
        parts = [moments(logs, |at| weights[at]), moments(logs, |at| 1.0 - weights[at])];
    }
    Some(Family::TwoLognormals(share, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{Distribution, Key, StreamName};
    use crate::document::distribution_text::{Of, distribution};

    fn sample(text: &str, n: u64) -> Vec<f64> {
        let drawn: Distribution = distribution(text, Of::Time).unwrap();
        let stream = Key::root(5, 0).named(StreamName::new("fit"));
        let mut all: Vec<f64> = (0..n).map(|at| drawn.sample(&mut stream.with(at).draws())).collect();
        all.sort_unstable_by(f64::total_cmp);
        all
    }

    #[test]
    fn a_quantile_is_the_inverse_and_the_density_the_slope_of_the_distribution() {
        for family in [
            Family::Exponential(0.02),
            Family::Erlang(4, 0.02),
            Family::Lognormal(-4.0, 0.7),
            Family::Normal(0.02, 0.004),
            Family::Pareto(0.005, 1.5),
            Family::Hyperexponential(0.9, [0.005, 0.08]),
            Family::TwoLognormals(0.8, [(-5.0, 0.3), (-2.5, 0.4)]),
        ] {
            for share in [0.05, 0.5, 0.9, 0.99] {
                let x = family.quantile(share);
                assert!((family.distribution(x) - share).abs() < 1e-9, "{family} {share}");
                let step = x * 1e-5;
                let slope = (family.distribution(x + step) - family.distribution(x - step)) / (2.0 * step);
                let density = libm::exp(family.ln_density(x));
                assert!((slope / density - 1.0).abs() < 1e-3, "{family} {share}: {slope} {density}");
            }
        }
    }

    #[test]
    fn each_family_is_written_so_that_it_reads_back() {
        for family in [
            Family::Constant(0.001_234),
            Family::Exponential(0.000_02),
            Family::Erlang(4, 1.5),
            Family::Lognormal(-4.0, 0.7),
            Family::Normal(0.02, 0.004),
            Family::Pareto(0.005, 1.5),
            Family::Hyperexponential(0.923_45, [0.005, 0.08]),
            Family::TwoLognormals(0.999_99, [(-5.0, 0.3), (-2.5, 0.4)]),
        ] {
            let text = family.to_string();
            let read = distribution(&text, Of::Time);
            assert!(read.is_ok(), "{text}: {read:?}");
        }
    }

    #[test]
    fn the_family_that_was_drawn_from_is_found() {
        for (text, name) in [
            ("exp(8ms)", "exponential"),
            ("erlang(4, 20ms)", "Erlang"),
            ("lognormal(mean=45ms, cv=0.8)", "lognormal"),
            ("pareto(min=5ms, alpha=2.5)", "Pareto"),
            ("hyperexp(90%=5ms, 10%=80ms)", "hyperexponential"),
            ("mix(80%=lognormal(mean=5ms, cv=0.2), 20%=lognormal(mean=80ms, cv=0.3))", "two lognormals"),
        ] {
            let times = sample(text, 5_000);
            let mut all = crate::metrics::LatencyDistribution::new(3);
            times.iter().for_each(|x| all.record(crate::base::SimDuration::from_secs_f64(*x)));
            let found = super::super::goodness::service_time(&times, &all).unwrap();
            assert_eq!(found.family.name(), name, "{text}: {}", found.family);
            let goodness = found.goodness.unwrap();
            assert!(!goodness.is_poor(), "{text}: {goodness:?}");
        }
    }
}
