//! Which distribution a sample of times is most likely from, and how well it fits.
//!
//! Rules: each family is fitted by maximum likelihood, and that with the least AIC = 2k - 2 ln L is taken
//! (Akaike 1974). Mixtures are tried only where no single family comes near. Times that a log has rounded are
//! spread over the width of its last digit first. How well it fits is said by the Kolmogorov-Smirnov distance
//! and by percentiles beside each other; a fit is poor if the distance is above 5 %, the p99 is off by more
//! than 15 %, or the p99.9 by more than 40 %.

use super::distributions::{Family, mixtures, singles};
use crate::base::random::{Key, StreamName};
use crate::metrics::LatencyDistribution;

/// Percentiles that are compared.
const SHARES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// A distance above which mixtures are tried.
const NEAR: f64 = 0.02;

/// A distance above which a fit is poor.
const POOR: f64 = 0.05;

/// An error of the p99 above which a fit is poor.
const POOR_TAIL: f64 = 0.15;

/// An error of the p99.9 above which a fit is poor.
const POOR_FAR_TAIL: f64 = 0.4;

/// The fewest times from which a distribution is told.
const FEWEST: usize = 30;

/// How well a distribution fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Goodness {
    /// The largest distance between what was measured and the distribution function.
    pub distance: f64,
    /// Share, measured and fitted percentile in seconds.
    pub percentiles: Vec<(f64, f64, f64)>,
}

impl Goodness {
    /// Whether it should not be relied on.
    #[must_use]
    pub fn is_poor(&self) -> bool {
        self.distance > POOR || self.is_off(0.99, POOR_TAIL) || self.is_off(0.999, POOR_FAR_TAIL)
    }

    /// Whether a percentile is off by more than this share.
    fn is_off(&self, wanted: f64, most: f64) -> bool {
        let found = self.percentiles.iter().find(|(share, ..)| *share == wanted);
        found.is_some_and(|(_, measured, fitted)| (fitted / measured - 1.0).abs() > most)
    }
}

/// How long something takes.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceTime {
    /// Times that it rests on; of more a sample was kept.
    pub measured: u64,
    /// The mean of all, in seconds.
    pub mean: f64,
    /// The most likely distribution.
    pub family: Family,
    /// How well it fits; none where there were too few times to tell.
    pub goodness: Option<Goodness>,
    /// The next best: how much larger its AIC is.
    pub runner_up: Option<(Family, f64)>,
}

/// The width of the last digit, if all times are multiples of it.
fn resolution(sample: &[f64]) -> Option<f64> {
    [1.0, 0.1, 0.01, 1e-3, 1e-4].into_iter().find(|width| {
        let off = |x: &f64| (x / width - libm::round(x / width)).abs() > 1e-6;
        !sample.iter().any(off)
    })
}

/// The most likely distribution of `sample`, of which `all` is the histogram it was drawn from.
pub(super) fn service_time(sample: &[f64], all: &LatencyDistribution) -> Option<ServiceTime> {
    let mean = all.mean()?;
    let measured = sample.len() as u64;
    let mut times = sample.to_vec();
    let constant = times.iter().all(|x| (x - times[0]).abs() < 1e-12);
    if times.len() < FEWEST || constant || mean <= 0.0 {
        let family = Family::Constant(mean);
        return Some(ServiceTime { measured, mean, family, goodness: None, runner_up: None });
    }
    if let Some(width) = resolution(&times) {
        let stream = Key::root(1, 0).named(StreamName::new("last digit"));
        for (at, x) in times.iter_mut().enumerate() {
            let u = stream.with(at as u64).draws().unit_open();
            *x = if *x < 0.5 * width { 0.5 * width * u } else { *x + width * (u - 0.5) };
        }
    }
    times.iter_mut().for_each(|x| *x = x.max(1e-9));
    times.sort_unstable_by(f64::total_cmp);
    let mut found = singles(&times);
    let near = |found: &[Family]| found.iter().any(|family| distance(family, &times) < NEAR);
    if !near(&found) {
        found.extend(mixtures(&times));
    }
    let mut ranked: Vec<(f64, Family)> = found
        .into_iter()
        .map(|family| (aic(&family, &times), family))
        .filter(|(aic, _)| aic.is_finite())
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranked = ranked.into_iter();
    let Some((least, family)) = ranked.next() else {
        let family = Family::Constant(mean);
        return Some(ServiceTime { measured, mean, family, goodness: None, runner_up: None });
    };
    let percentiles = SHARES.iter().filter_map(|share| {
        // A percentile needs values above it.
        let enough = (1.0 - share) * times.len() as f64 >= 5.0;
        enough.then(|| Some((*share, all.percentile(*share)?, family.quantile(*share))))?
    });
    let goodness = Goodness { distance: distance(&family, &times), percentiles: percentiles.collect() };
    let runner_up = ranked.next().map(|(aic, family)| (family, aic - least));
    Some(ServiceTime { measured, mean, family, goodness: Some(goodness), runner_up })
}

fn aic(family: &Family, sorted: &[f64]) -> f64 {
    let likelihood: f64 = sorted.iter().map(|x| family.ln_density(*x)).sum();
    2.0 * family.parameters() - 2.0 * likelihood
}

/// The largest distance between the sorted values' distribution function and a family's (Kolmogorov, Smirnov).
fn distance(family: &Family, sorted: &[f64]) -> f64 {
    let n = sorted.len() as f64;
    let gap = |(at, x): (usize, &f64)| {
        let (below, above) = (at as f64 / n, (at + 1) as f64 / n);
        let f = family.distribution(*x);
        (f - below).abs().max((above - f).abs())
    };
    sorted.iter().enumerate().map(gap).fold(0.0, f64::max)
}
