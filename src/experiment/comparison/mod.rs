//! Which design is better, and how sure that is.
//!
//! Rules. Two designs run from one seed meet the same customers with the same luck, so replication i of one
//! belongs to replication i of the other, and the interval is that of their differences; results of different seeds
//! are compared as independent samples, and the report says so. Intervals are at 95 % for all candidates of one
//! metric together: the level of each is 1 - 0.05 / candidates (Bonferroni; Law 2015, section 10.4). Dunnett's
//! factors (1955) would be a little smaller, but need candidates of equal variance and known correlation, which
//! common random numbers do not give.
//!
//! A word is said only if the interval allows it. The margin of practical equivalence ([`margin`]) decides what
//! matters: the whole interval within it is "no difference that matters" (Schuirmann 1987, at a stricter level
//! than his); the interval beyond zero and its middle beyond the margin is better or worse; all else can't be told.
//! A gate (`--fail-on regression`) asks more: its level is divided by the number of metrics it watches too, so that
//! a change that does nothing fails it in at most one of twenty runs, however much it watches.

mod direction;
mod intervals;

use std::cmp::Ordering;

pub use direction::{Direction, margin};

use self::intervals::{Moments, Side};
use super::confidence::Interval;
use super::results::{Estimate, MetricValue, Unit, VariantResults};

/// Probability that an interval misses, for all candidates of a metric together.
const RISK: f64 = 0.05;

/// Metrics that a gate watches, where both designs have them.
pub const GATED: [&str; 7] =
    ["goodput", "availability", "mean", "p50", "p99", "time_to_recover", "cost_per_million_good"];

/// One design with what its numbers depend on.
#[derive(Clone, Debug)]
pub struct Contender {
    /// How it is called in the comparison.
    pub label: String,
    /// The seed that it was run from.
    pub seed: u64,
    /// What came out.
    pub results: VariantResults,
}

/// How the replications of two designs belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pairing {
    /// Replication i with replication i: the same customers.
    Paired,
    /// Not at all: their seeds differ.
    Independent,
}

/// What a difference means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// Surely better.
    Better,
    /// Surely worse.
    Worse,
    /// Surely more, of what is neither good nor bad.
    Higher,
    /// Surely less, likewise.
    Lower,
    /// Surely no difference that matters.
    Same,
    /// Neither; so many more replications would tell, if any number would.
    Unknown(Option<u32>),
}

impl Word {
    /// In plain words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Better => "better".to_owned(),
            Self::Worse => "worse".to_owned(),
            Self::Higher => "higher".to_owned(),
            Self::Lower => "lower".to_owned(),
            Self::Same => "no difference that matters".to_owned(),
            Self::Unknown(Some(1)) => "can't tell; 1 more replication would".to_owned(),
            Self::Unknown(Some(n)) => format!("can't tell; about {n} more replications would"),
            Self::Unknown(None) => "can't tell".to_owned(),
        }
    }
}

/// One metric of a candidate beside the baseline's.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: Unit,
    /// The baseline's value.
    pub baseline: MetricValue,
    /// The candidate's value.
    pub candidate: MetricValue,
    /// Candidate less baseline, over the replications that are compared.
    pub difference: Option<f64>,
    /// The interval of the difference.
    pub interval: Option<Interval>,
    /// Candidate / baseline, with Fieller's interval.
    pub ratio: Option<(f64, Interval)>,
    /// The margin below which a difference does not matter.
    pub margin: f64,
    /// What it means.
    pub word: Word,
    /// Whether a gate watches it.
    pub gated: bool,
    /// Whether it is worse at the gate's own level.
    pub regressed: bool,
}

/// A candidate beside its baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Position among the contenders.
    pub at: usize,
    /// The baseline's position.
    pub baseline: usize,
    /// How they belong together.
    pub pairing: Pairing,
    /// Replications that were compared.
    pub replications: u32,
    /// Every metric that both have, in the order of the baseline's report.
    pub rows: Vec<Difference>,
}

impl Candidate {
    /// The row of a metric.
    #[must_use]
    pub fn row(&self, metric: &str) -> Option<&Difference> {
        self.rows.iter().find(|row| row.metric == metric)
    }

    /// Metrics that are worse at the gate's level.
    pub fn regressions(&self) -> impl Iterator<Item = &Difference> {
        self.rows.iter().filter(|row| row.regressed)
    }
}

/// A comparison of designs.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The level of each interval.
    pub level: f64,
    /// The share of the baseline that may change before it matters.
    pub tolerance: f64,
    /// Each candidate, in order.
    pub candidates: Vec<Candidate>,
}

impl Comparison {
    /// Whether a gate on regressions would fail.
    #[must_use]
    pub fn regressed(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.regressions().next().is_some())
    }
}

/// What is asked of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The share of the baseline that may change before it matters.
    pub tolerance: f64,
    /// The metrics that a gate watches.
    pub gate: &'a [String],
}

/// Compares contenders by position: (baseline, candidate).
#[must_use]
pub fn compare(contenders: &[Contender], pairs: &[(usize, usize)], terms: Terms<'_>) -> Comparison {
    let level = 1.0 - RISK / pairs.len().max(1) as f64;
    let candidates = pairs.iter().filter_map(|&(baseline, at)| {
        let (a, b) = (contenders.get(baseline)?, contenders.get(at)?);
        Some(beside(a, b, (baseline, at), level, terms))
    });
    Comparison { level, tolerance: terms.tolerance, candidates: candidates.collect() }
}

fn beside(
    a: &Contender,
    b: &Contender,
    (baseline, at): (usize, usize),
    level: f64,
    terms: Terms<'_>,
) -> Candidate {
    let pairing = if a.seed == b.seed { Pairing::Paired } else { Pairing::Independent };
    let watched = |name: &str| terms.gate.iter().any(|gated| gated == name);
    let both: Vec<(&str, &Estimate, &Estimate)> = a
        .results
        .metrics
        .iter()
        .filter_map(|(name, first)| Some((name.as_str(), first, b.results.metric(name)?)))
        .filter(|(_, first, second)| [first, second].iter().any(|e| e.value != MetricValue::Absent))
        .collect();
    let gated = both.iter().filter(|(name, ..)| watched(name)).count().max(1);
    let gate_level = 1.0 - (1.0 - level) / gated as f64;
    let rows = both
        .into_iter()
        .map(|(name, first, second)| {
            let mut row = difference(name, first, second, pairing, level, terms.tolerance);
            row.gated = watched(name);
            row.regressed = row.gated
                && difference(name, first, second, pairing, gate_level, terms.tolerance).word == Word::Worse;
            row
        })
        .collect();
    let replications = a.results.replications.min(b.results.replications);
    Candidate { at, baseline, pairing, replications, rows }
}

fn difference(
    name: &str,
    a: &Estimate,
    b: &Estimate,
    pairing: Pairing,
    level: f64,
    tolerance: f64,
) -> Difference {
    let numbers = |e: &Estimate| -> Option<Vec<f64>> { e.each.iter().map(|v| v.number()).collect() };
    let mut row = Difference {
        metric: name.to_owned(),
        unit: a.unit,
        baseline: a.value,
        candidate: b.value,
        difference: None,
        interval: None,
        ratio: None,
        margin: 0.0,
        word: Word::Unknown(None),
        gated: false,
        regressed: false,
    };
    let (Some(first), Some(second)) = (numbers(a), numbers(b)) else {
        row.word = by_signs(name, a, b, pairing, level);
        return row;
    };
    let sides = (Side::of(a, &first), Side::of(b, &second));
    let moments = match pairing {
        Pairing::Paired => Moments::paired(sides.0, sides.1),
        Pairing::Independent => Moments::independent(sides.0, sides.1),
    };
    let Some(moments) = moments else {
        row.difference = a.value.number().zip(b.value.number()).map(|(a, b)| b - a);
        return row;
    };
    row.margin = margin(a.unit, moments.means.0, tolerance);
    row.difference = Some(moments.difference());
    row.interval = moments.interval(level);
    row.ratio = moments.ratio(level);
    if first.iter().chain(&second).all(|own| *own >= 0.0)
        && let Some((_, interval)) = &mut row.ratio
    {
        // What is never below zero has no ratio below it.
        interval.low = interval.low.max(0.0);
    }
    if let Some(interval) = row.interval {
        row.word = word(name, interval, moments.difference(), row.margin)
            .unwrap_or_else(|| Word::Unknown(moments.more(row.margin, level)));
    }
    row
}

fn word(name: &str, interval: Interval, middle: f64, margin: f64) -> Option<Word> {
    if interval.low >= -margin && interval.high <= margin {
        return Some(Word::Same);
    }
    if middle.abs() <= margin {
        return None;
    }
    if interval.low > 0.0 {
        Some(towards(name, Ordering::Greater))
    } else if interval.high < 0.0 {
        Some(towards(name, Ordering::Less))
    } else {
        None
    }
}

const fn word_of(direction: Direction, change: Ordering) -> Word {
    match (direction, change) {
        (_, Ordering::Equal) => Word::Same,
        (Direction::Higher, Ordering::Greater) | (Direction::Lower, Ordering::Less) => Word::Better,
        (Direction::Higher, Ordering::Less) | (Direction::Lower, Ordering::Greater) => Word::Worse,
        (Direction::Neither, Ordering::Greater) => Word::Higher,
        (Direction::Neither, Ordering::Less) => Word::Lower,
    }
}

fn towards(name: &str, change: Ordering) -> Word {
    word_of(Direction::of(name), change)
}

/// Where some values are `never`, which is more than any number, only their order counts: the sign test
/// over pairs, ties left out (Conover 1999, section 3.4).
fn by_signs(name: &str, a: &Estimate, b: &Estimate, pairing: Pairing, level: f64) -> Word {
    if pairing == Pairing::Independent {
        return Word::Unknown(None);
    }
    let pairs: Vec<Ordering> =
        a.each.iter().zip(&b.each).filter_map(|(a, b)| crate::metrics::order(*b, *a)).collect();
    let of = |which| pairs.iter().filter(|order| **order == which).count();
    let (more, less) = (of(Ordering::Greater), of(Ordering::Less));
    if more + less == 0 {
        return if pairs.is_empty() { Word::Unknown(None) } else { Word::Same };
    }
    if more > 0 && less > 0 {
        return Word::Unknown(None);
    }
    // All on one side: the probability of that by chance is 2 / 2^n.
    let needed = libm::ceil(libm::log2(2.0 / (1.0 - level))) as usize;
    match needed.checked_sub(more + less) {
        None | Some(0) => towards(name, if more > 0 { Ordering::Greater } else { Ordering::Less }),
        Some(rest) => Word::Unknown(u32::try_from(rest).ok()),
    }
}

#[cfg(test)]
mod tests;
