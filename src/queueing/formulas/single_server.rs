//! One server: Pollaczek and Khinchine's M/G/1, the whole law of M/D/1, renewal arrivals, batches, feedback,
//! busy periods, processor sharing, and how noisy a simulated mean is.

use crate::base::random::Distribution;

/// M/G/1: mean wait by Pollaczek and Khinchine, for utilisation `rho`, mean service `mean` and its squared
/// coefficient of variation.
#[must_use]
pub fn mg1_mean_wait(rho: f64, mean: f64, scv: f64) -> f64 {
    if rho >= 1.0 { f64::INFINITY } else { rho * mean * (1.0 + scv) / (2.0 * (1.0 - rho)) }
}

/// M/D/1: the probability that a wait does not exceed `t`, for arrivals at rate `lambda` and constant
/// service `d` (Erlang 1909; Franx 2001 sums the same with positive terms, which this does from the idle end).
///
/// The alternating series is summed by its recursion over whole services, exact to about 1e-9 for `t` up
/// to some twenty services.
#[must_use]
pub fn md1_wait_at_most(lambda: f64, d: f64, t: f64) -> f64 {
    let rho = lambda * d;
    if t < 0.0 || rho >= 1.0 {
        return 0.0;
    }
    let whole = (t / d).floor() as u32;
    let mut sum = 0.0;
    for k in 0..=whole {
        let x = lambda * (t - f64::from(k) * d);
        // (-x)^k e^x / k!
        let mut term = libm::exp(x);
        for i in 1..=k {
            term *= -x / f64::from(i);
        }
        sum += term;
    }
    ((1.0 - rho) * sum).clamp(0.0, 1.0)
}

/// GI/M/1: the probability that an arrival waits: the root in (0, 1) of
/// sigma = A*(mu (1 - sigma)), with A* the Laplace transform of the gaps (Kleinrock 1975, 6.3).
///
/// The mean sojourn is 1 / (mu (1 - sigma)). None for a law whose transform has no closed form here, or a
/// load of one or more.
#[must_use]
pub fn gim1_sigma(gaps: &Distribution, mu: f64) -> Option<f64> {
    if gaps.mean() * mu <= 1.0 {
        return None;
    }
    let mut sigma = 0.5;
    for _ in 0..10_000 {
        let next = transform(gaps, mu * (1.0 - sigma))?;
        if (next - sigma).abs() < 1e-15 {
            return Some(next);
        }
        sigma = next;
    }
    Some(sigma)
}

/// The Laplace transform E[exp(-s X)].
fn transform(law: &Distribution, s: f64) -> Option<f64> {
    match law {
        Distribution::Constant(value) => Some(libm::exp(-s * value)),
        Distribution::Exponential { mean } => Some(1.0 / (1.0 + s * mean)),
        Distribution::Erlang { shape, mean } => {
            let stages = f64::from(*shape);
            Some(libm::pow(1.0 + s * mean / stages, -stages))
        }
        Distribution::Mixture(parts) => {
            parts.iter().try_fold(0.0, |sum, (p, part)| Some(sum + p * transform(part, s)?))
        }
        _ => None,
    }
}

/// M/M/1 with batches: mean number in the system at utilisation `rho`, for batches whose size has these first
/// two moments (Gross and Harris 1998, 3.1).
#[must_use]
pub fn batch_mean_number(rho: f64, mean: f64, second: f64) -> f64 {
    if rho >= 1.0 { f64::INFINITY } else { rho * (1.0 + second / mean) / (2.0 * (1.0 - rho)) }
}

/// M/M/1: mean and variance of a busy period (Kleinrock 1975, 5.8).
#[must_use]
pub fn mm1_busy_period(lambda: f64, mu: f64) -> (f64, f64) {
    let rho = lambda / mu;
    (1.0 / (mu - lambda), (1.0 + rho) / (mu * mu * libm::pow(1.0 - rho, 3.0)))
}

/// M/M/1 by processor sharing: mean and variance of the sojourn (Coffman, Muntz and Trotter 1970).
#[must_use]
pub fn mm1_sharing(lambda: f64, mu: f64) -> (f64, f64) {
    let rho = lambda / mu;
    let mean = 1.0 / (mu - lambda);
    (mean, (2.0 + rho) / (2.0 - rho) * mean * mean)
}

/// M/M/1: n times the variance of the mean of n successive waits, as n grows, in squared service times:
/// what tells how long a run must be (Whitt 1989, Planning queueing simulations).
#[must_use]
pub fn mm1_asymptotic_variance(rho: f64) -> f64 {
    rho * (2.0 + 5.0 * rho - 4.0 * rho * rho + rho * rho * rho) / libm::pow(1.0 - rho, 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_service_has_its_wait_as_the_integral_of_its_tail() {
        let (lambda, d) = (0.5, 2.0);
        let step = 0.001;
        let tail: f64 =
            (0..30_000).map(|i| 1.0 - md1_wait_at_most(lambda * 0.8, d, f64::from(i) * step)).sum::<f64>()
                * step;
        assert!((tail - mg1_mean_wait(0.8, 2.0, 0.0)).abs() < 0.01, "{tail}");
        assert_eq!(md1_wait_at_most(0.4, d, -1.0), 0.0);
        assert!((md1_wait_at_most(0.4, d, 0.0) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn poisson_arrivals_see_the_utilisation() {
        let sigma = gim1_sigma(&Distribution::Exponential { mean: 1.25 }, 1.0).unwrap();
        assert!((sigma - 0.8).abs() < 1e-9);
        assert_eq!(gim1_sigma(&Distribution::Constant(0.9), 1.0), None);
        assert_eq!(gim1_sigma(&Distribution::Uniform { low: 1.0, high: 3.0 }, 1.0), None);
    }

    #[test]
    fn batches_of_one_are_no_batches() {
        assert!((batch_mean_number(0.8, 1.0, 1.0) - 4.0).abs() < 1e-12);
    }
}
