//! A sweep, told: a table of all points, where a metric is best and worst, where its knee is, files and pictures.
//!
//! Rule: every number stands with its interval, and what is told is derived from the points' files alone, so that a
//! sweep that was resumed says the same, byte for byte, as one that was not.

mod json;
mod pictures;
mod point_file;
mod table;
mod text;

use super::check::{Check, checks};
use super::quantity;
use crate::experiment::comparison::Direction;
use crate::experiment::knee::knee;
use crate::experiment::results::{Estimate, MetricValue, VariantResults, Verdict};
use crate::scenario::axis::{Axis, Spread, in_one_unit};

pub use pictures::sweep_pictures;
pub(in crate::report) use pictures::{chart_unit, limit_of, title};
pub use point_file::{keep_judged, keep_point, load_judged, load_point, point_key, point_path};
pub use table::{sweep_csv, sweep_parquet};

/// What pictures and tables show unless something else is asked for.
pub const USUAL_METRICS: [&str; 4] = ["p99", "availability", "goodput", "cost"];

/// One finished point.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepPoint {
    /// Its position among all points.
    pub index: usize,
    /// The axes' values, in order.
    pub values: Vec<String>,
    /// What came out.
    pub results: VariantResults,
    /// Whether all of it was run: no budget was spent.
    pub complete: bool,
}

/// All that a report of a sweep is made from.
#[derive(Clone, Copy, Debug)]
pub struct SweepReport<'a> {
    /// The scenario's name.
    pub title: &'a str,
    /// The design's name: `base` or a variant's.
    pub design: &'a str,
    /// The seed of all points.
    pub seed: u64,
    /// What was varied.
    pub axes: &'a [Axis],
    /// Points of a Latin hypercube and its seed, if it is one.
    pub sample: Option<u64>,
    /// How many points there are to be.
    pub wanted: usize,
    /// Those that are finished, in order.
    pub points: &'a [SweepPoint],
    /// What tables and pictures show.
    pub metrics: &'a [String],
}

/// The knee of a metric along one axis, with the other axes' values.
#[derive(Clone, Debug, PartialEq)]
pub struct Knee {
    /// The metric.
    pub metric: String,
    /// The axis' position.
    pub axis: usize,
    /// The values of the other axes.
    pub at: Vec<(usize, String)>,
    /// The axis' value at the knee of the means.
    pub value: String,
    /// Its position among the axis' values.
    pub position: usize,
    /// The least and the greatest knee of single replications, and how many have one.
    pub each: Option<(String, String, usize)>,
    /// Replications.
    pub replications: usize,
}

/// A metric along one axis: the other axes' values, and its estimates by their place along that one.
type Curve<'a> = (&'a [String], Vec<(usize, &'a Estimate)>);

impl SweepReport<'_> {
    /// Whether every point is there, and whole.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.points.len() == self.wanted && self.points.iter().all(|point| point.complete)
    }

    /// The values of an axis that occur, in ascending order where they are numbers, else in that of the points.
    fn values(&self, axis: usize) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for point in self.points {
            if !all.contains(&point.values[axis]) {
                all.push(point.values[axis].clone());
            }
        }
        if let Some((numbers, _)) = numbers(&all) {
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
            all = order.into_iter().map(|at| all[at].clone()).collect();
        }
        all
    }

    /// The shown metrics that some point has.
    fn shown(&self) -> Vec<&str> {
        let known = |name: &&String| self.points.iter().any(|point| point.results.metric(name).is_some());
        self.metrics.iter().filter(known).map(String::as_str).collect()
    }

    /// Those of them that are not the same at every point; the first, if all are.
    fn varying(&self) -> Vec<&str> {
        let shown = self.shown();
        let varying: Vec<&str> = shown.iter().copied().filter(|metric| self.ends(metric).is_some()).collect();
        if varying.is_empty() { shown.into_iter().take(1).collect() } else { varying }
    }

    fn label(&self, point: &SweepPoint) -> String {
        let parts = self.axes.iter().zip(&point.values).map(|(axis, value)| format!("{}={value}", axis.path));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// The knees of a metric along the first axis, one for each combination of the others; none of a sample.
    #[must_use]
    pub fn knees(&self, metric: &str) -> Vec<Knee> {
        if self.sample.is_some() || self.axes.is_empty() {
            return Vec::new();
        }
        let values = self.values(0);
        let Some((numbers, _)) = numbers(&values) else { return Vec::new() };
        let log = self.axes[0].spread() == Spread::Log && numbers.iter().all(|x| *x > 0.0);
        let xs: Vec<f64> = numbers.iter().map(|x| if log { libm::log(*x) } else { *x }).collect();
        let mut groups: Vec<Curve<'_>> = Vec::new();
        for point in self.points {
            let Some(estimate) = point.results.metric(metric) else { continue };
            let Some(at) = values.iter().position(|value| *value == point.values[0]) else { continue };
            match groups.iter_mut().find(|(others, _)| **others == point.values[1..]) {
                Some((_, own)) => own.push((at, estimate)),
                None => groups.push((&point.values[1..], vec![(at, estimate)])),
            }
        }
        let mut found = Vec::new();
        for (others, mut own) in groups {
            own.sort_by_key(|(at, _)| *at);
            let curve = |of: &dyn Fn(&Estimate) -> Option<f64>| -> Option<usize> {
                let points: Option<Vec<(f64, f64)>> =
                    own.iter().map(|(at, estimate)| of(estimate).map(|y| (xs[*at], y))).collect();
                knee(&points?).map(|at| own[at].0)
            };
            let Some(position) = curve(&|e| e.value.number()) else { continue };
            if own.iter().all(|(_, a)| own.iter().all(|(_, b)| overlap(a, b))) {
                continue;
            }
            let replications = own.iter().map(|(_, e)| e.each.len()).min().unwrap_or(0);
            let each: Vec<usize> =
                (0..replications).filter_map(|i| curve(&|e| e.each.get(i)?.number())).collect();
            let ends = each.iter().min().zip(each.iter().max());
            let at = others.iter().enumerate().map(|(at, value)| (at + 1, value.clone()));
            found.push(Knee {
                metric: metric.to_owned(),
                axis: 0,
                at: at.collect(),
                value: values[position].clone(),
                position,
                each: ends
                    .filter(|_| replications > 1)
                    .map(|(a, b)| (values[*a].clone(), values[*b].clone(), each.len())),
                replications,
            });
        }
        found
    }

    /// The points where a metric is best and worst, if it has a direction and varies.
    fn ends(&self, metric: &str) -> Option<(&SweepPoint, &SweepPoint)> {
        let of = |point: &SweepPoint| match point.results.metric(metric)?.value {
            MetricValue::Number(x) => Some(x),
            MetricValue::Never => Some(f64::INFINITY),
            MetricValue::Absent => None,
        };
        let all = || self.points.iter().filter_map(|point| Some((of(point)?, point)));
        let least = all().min_by(|a, b| a.0.total_cmp(&b.0))?;
        let most = all().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
        if least.0 >= most.0 {
            return None;
        }
        match Direction::of(metric) {
            Direction::Lower => Some((least.1, most.1)),
            Direction::Higher | Direction::Neither => Some((most.1, least.1)),
        }
    }

    /// What was found of each shown metric, in a sentence.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let mut all = Vec::new();
        for metric in self.shown() {
            let told = |point: &SweepPoint| {
                let estimate = point.results.metric(metric).map_or_else(String::new, quantity::estimate);
                format!("{estimate} at {}", self.label(point))
            };
            let words = if Direction::of(metric) == Direction::Neither {
                ("most", "least")
            } else {
                ("best", "worst")
            };
            match self.ends(metric) {
                Some((best, worst)) => {
                    all.push(format!("{metric}: {} {}; {} {}", words.0, told(best), words.1, told(worst)));
                }
                None if self.points.len() > 1 => all.push(format!("{metric} is the same at every point")),
                None => {}
            }
        }
        all
    }

    /// What is known of the knees of each shown metric, in sentences.
    #[must_use]
    pub fn knee_sentences(&self) -> Vec<String> {
        let knees = self.shown().into_iter().flat_map(|metric| self.knees(metric));
        knees.take(60).map(|knee| self.knee_sentence(&knee)).collect()
    }

    fn knee_sentence(&self, knee: &Knee) -> String {
        let others: Vec<String> =
            knee.at.iter().map(|(axis, value)| format!("{}={value}", self.axes[*axis].path)).collect();
        let with = if others.is_empty() { String::new() } else { format!(" with {}", others.join(", ")) };
        let each = match &knee.each {
            Some((low, high, count)) if low == high => {
                format!(" (in {count} of {} replications)", knee.replications)
            }
            Some((low, high, count)) => {
                format!(" (from {low} to {high} in {count} of {} replications)", knee.replications)
            }
            None => String::new(),
        };
        format!(
            "the knee of {} along {}{with} is at {}{each}",
            knee.metric, self.axes[knee.axis].path, knee.value
        )
    }

    /// Things that the reader must know.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let missing = self.wanted - self.points.len();
        if missing > 0 {
            all.push(format!("{missing} of {} points are not run yet: call it again to go on", self.wanted));
        }
        let short = self.points.iter().filter(|point| !point.complete).count();
        if short > 0 {
            all.push(format!("a budget (max_events or max_in_flight) was spent at {short} points: their figures are of a part of the run"));
        }
        let single = self.points.iter().filter(|point| point.results.replications < 2).count();
        if single > 0 {
            all.push(format!(
                "{single} points have one replication each, and so no interval: write `--replications 5`"
            ));
        }
        // Notices that differ in their figures only, which stand in brackets, count as one.
        let kind = |notice: &str| notice.split('(').next().unwrap_or_default().to_owned();
        let mut counted: Vec<(&str, usize)> = Vec::new();
        for notice in self.points.iter().flat_map(|point| &point.results.notices) {
            match counted.iter_mut().find(|(other, _)| kind(other) == kind(notice)) {
                Some((_, count)) => *count += 1,
                None => counted.push((notice, 1)),
            }
        }
        counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let total = self.points.len();
        all.extend(
            counted.iter().take(12).map(|(notice, count)| format!("at {count} of {total} points: {notice}")),
        );
        if counted.len() > 12 {
            all.push(format!(
                "{} more kinds of warnings stand at their points in the JSON",
                counted.len() - 12
            ));
        }
        all
    }

    /// The objectives and expectations of all points.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mut all = Vec::new();
        for point in self.points {
            let mut variant = point.results.clone();
            variant.name = self.label(point);
            let results = crate::experiment::results::RunResults {
                schema_version: crate::experiment::results::SCHEMA_VERSION,
                scenario: self.title.to_owned(),
                about: String::new(),
                seed: self.seed,
                complete: point.complete,
                variants: vec![variant],
            };
            all.extend(checks(&results));
        }
        all
    }
}

/// Whether the intervals of two values have something in common, so that noise may be all of their difference.
fn overlap(a: &Estimate, b: &Estimate) -> bool {
    match (a.low, a.high, b.low, b.high) {
        (Some(a_low), Some(a_high), Some(b_low), Some(b_high)) => a_low <= b_high && b_low <= a_high,
        _ => false,
    }
}

/// The worst verdict on a point's objectives, or on its expectations where there are no objectives; `None` if nothing
/// was asked. Expectations are often about the design as it is written, and say nothing of another one.
fn verdict(results: &VariantResults) -> Option<Verdict> {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Met => 0,
        Verdict::Inconclusive => 1,
        Verdict::Missed => 2,
    };
    let asked = if results.objectives.is_empty() { &results.expectations } else { &results.objectives };
    asked.iter().map(|j| j.verdict).max_by_key(rank)
}

/// The values of an axis as numbers in one unit, with that unit.
fn numbers(values: &[String]) -> Option<(Vec<f64>, (String, String))> {
    in_one_unit(&values.iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
