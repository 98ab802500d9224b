//! Requests over time: counted by second, and told as one rate or as steps.
//!
//! Rules: a rate is constant unless the counts of equal stretches (sixty at most) vary more than a Poisson
//! process' would: the sum of (count - mean)^2 / mean over them is compared with its 99 % bound (chi-square,
//! by Wilson and Hilferty 1931); else neighbouring stretches that differ by no more than chance are put
//! together, the most alike first. A longer log is counted in coarser stretches, so that memory is bounded.

use rustc_hash::FxHashMap;

/// Stretches of time that are counted at most.
const MOST_STRETCHES: usize = 1 << 20;

/// Steps of a rate.
const STEPS: usize = 60;

/// The requests that a step must have on average, to be told from the next.
const ENOUGH: f64 = 20.0;

/// Requests by stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    by_stretch: FxHashMap<i64, u32>,
    /// A stretch has two to this power seconds.
    power: u32,
    first: Option<f64>,
    last: f64,
}

impl Counts {
    pub(super) fn add(&mut self, at: f64) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = if self.by_stretch.is_empty() { at } else { self.last.max(at) };
        *self.by_stretch.entry((at.floor() as i64) >> self.power).or_insert(0) += 1;
        if self.by_stretch.len() > MOST_STRETCHES {
            self.power += 1;
            let mut coarser = FxHashMap::default();
            for (stretch, count) in self.by_stretch.drain() {
                *coarser.entry(stretch >> 1).or_insert(0) += count;
            }
            self.by_stretch = coarser;
        }
    }

    pub(super) fn finish(self) -> Arrivals {
        let width = f64::from(1_u32 << self.power.min(31));
        let mut stretches: Vec<(i64, u32)> = self.by_stretch.into_iter().collect();
        stretches.sort_unstable();
        let (Some((from, _)), Some((to, _))) = (stretches.first().copied(), stretches.last().copied()) else {
            return Arrivals { began: 0.0, seconds: 0.0, rate: Rate::Constant(0.0), dispersion: None };
        };
        let total: f64 = stretches.iter().map(|(_, count)| f64::from(*count)).sum();
        // What lies between the first and the last request, and half a gap on both sides.
        let spread = self.last - self.first.unwrap_or(self.last);
        let seconds = if total > 1.0 { (spread * total / (total - 1.0)).max(width) } else { width };
        let whole = (to - from + 1) as usize;
        let steps = ((total / ENOUGH) as usize).clamp(1, STEPS).min(whole);
        let per_step = whole.div_ceil(steps);
        let mut counts = vec![0.0; whole.div_ceil(per_step)];
        for (stretch, count) in &stretches {
            counts[((stretch - from) as usize) / per_step] += f64::from(*count);
        }
        let length = per_step as f64 * width;
        // The last step may be cut short; what it lacks is not counted as silence.
        let start = from as f64 * width;
        let begins = self.first.unwrap_or(start) - start;
        let lengths: Vec<f64> = (0..counts.len())
            .map(|at| {
                let (low, high) = (at as f64 * length, (at + 1) as f64 * length);
                (high.min(begins + seconds) - low.max(begins)).max(1e-9)
            })
            .collect();
        let dispersion = dispersion(&stretches, per_step as i64, from);
        let rate = if varies(&counts, &lengths) {
            let mut begin = 0.0;
            let point = |(count, span): (f64, f64)| {
                let point = (begin, count / span);
                begin += span;
                point
            };
            let pieces = counts.iter().copied().zip(lengths).collect();
            Rate::Steps(
                merged(pieces, dispersion.unwrap_or(1.0).max(1.0), 0.25 * length)
                    .into_iter()
                    .map(point)
                    .collect(),
            )
        } else {
            Rate::Constant(total / seconds)
        };
        Arrivals { began: self.first.unwrap_or(0.0), seconds, rate, dispersion }
    }
}

/// Whether counts of stretches vary more than those of a steady Poisson process.
fn varies(counts: &[f64], lengths: &[f64]) -> bool {
    let rate = counts.iter().sum::<f64>() / lengths.iter().sum::<f64>();
    let term = |(count, span): (&f64, &f64)| {
        let expected = rate * span;
        if expected < 1.0 { 0.0 } else { (count - expected) * (count - expected) / expected }
    };
    let sum: f64 = counts.iter().zip(lengths).map(term).sum();
    let degrees = counts.len() as f64 - 1.0;
    if degrees < 1.0 {
        return false;
    }
    let ninth = 2.0 / (9.0 * degrees);
    let bound = degrees * libm::pow(1.0 - ninth + 2.326 * libm::sqrt(ninth), 3.0);
    sum > bound
}

/// Neighbours that do not differ by more than chance are one step: the most alike first, until the square of
/// the difference of any two neighbours' rates / its variance is above the 0.1 % bound of chi-square.
fn merged(mut pieces: Vec<(f64, f64)>, dispersion: f64, sliver: f64) -> Vec<(f64, f64)> {
    const BOUND: f64 = 10.83;
    let differ = |(a, b): (&(f64, f64), &(f64, f64))| {
        let pooled = (a.0 + b.0) / (a.1 + b.1);
        // Of so few the rate says nothing, nor of what is cut short: times to the second are thin at the ends.
        if pooled * a.1.min(b.1) < 5.0 || a.1.min(b.1) < sliver {
            return 0.0;
        }
        let variance = dispersion * pooled * (1.0 / a.1 + 1.0 / b.1);
        let gap = a.0 / a.1 - b.0 / b.1;
        if variance > 0.0 { gap * gap / variance } else { 0.0 }
    };
    while pieces.len() > 1 {
        let gaps = pieces.iter().zip(&pieces[1..]).map(differ).enumerate();
        let Some((at, least)) = gaps.min_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        if least > BOUND {
            break;
        }
        let (count, span) = pieces.remove(at + 1);
        pieces[at] = (pieces[at].0 + count, pieces[at].1 + span);
    }
    pieces
}

/// Variance of the counts of single stretches within steps / their mean: 1 of a Poisson process.
fn dispersion(stretches: &[(i64, u32)], per_step: i64, from: i64) -> Option<f64> {
    let (mut variance, mut mean, mut steps) = (0.0, 0.0, 0_u32);
    let last = stretches.last().map_or(from, |(stretch, _)| *stretch);
    let mut at = 0;
    // Only whole steps between the first and the last.
    let mut begin = from + per_step;
    while per_step >= 10 && begin + per_step <= last {
        let (mut sum, mut squares) = (0.0, 0.0);
        while at < stretches.len() && stretches[at].0 < begin + per_step {
            if stretches[at].0 >= begin {
                let count = f64::from(stretches[at].1);
                sum += count;
                squares += count * count;
            }
            at += 1;
        }
        let n = per_step as f64;
        variance += (squares - sum * sum / n) / (n - 1.0);
        mean += sum / n;
        steps += 1;
        begin += per_step;
    }
    (steps > 0 && mean > 0.0).then(|| variance / mean)
}

/// A rate over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// Requests per second.
    Constant(f64),
    /// From each second on, so many requests per second.
    Steps(Vec<(f64, f64)>),
}

/// When requests came.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// The first one, in seconds since 1970.
    pub began: f64,
    /// For how long they came, in seconds.
    pub seconds: f64,
    /// How many.
    pub rate: Rate,
    /// Variance of the counts of a second within a step / their mean: about 1 if they are Poisson's.
    pub dispersion: Option<f64>,
}
