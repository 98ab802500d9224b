//! What is known of a design before it is run: its cost, its place, and what the forecast says.

use std::sync::atomic::Ordering;

use super::{Refusal, Task};
use crate::base::SimDuration;
use crate::cli::Exit;
use crate::cli::load::Design;
use crate::document::quantity;
use crate::experiment::aggregate::value_of;
use crate::experiment::search::Candidate;
use crate::experiment::simulation;
use crate::scenario::axis::in_one_unit;
use crate::scenario::model::ComponentSpec;
use crate::workload::{ArrivalProcess, Base, Loop};

/// The part of a run from whose cost designs are ordered: so many seconds or events.
pub(super) const COST_SECONDS: u64 = 10;
const COST_EVENTS: u64 = 50_000;
/// Costs that differ by less than this share are equal.
pub(super) const EQUAL_COST: f64 = 0.005;
/// How far offered utilisation must lie beyond what an objective of availability allows, to be called impossible.
const SLACK: f64 = 1.1;

impl Task<'_> {
    /// What a design costs in its first seconds, whether the forecast says that it carries its load, and whether it
    /// says that it cannot.
    pub(super) fn price(&self, settings: &[String], metric: &str) -> Result<(f64, bool, bool), Refusal> {
        let mut design = self.design("--vary", settings)?.design;
        let most = design.forecast.rows.iter().map(|row| row.settled()).fold(0.0, f64::max);
        let impossible = self.impossible(&design);
        let run = &mut design.model.run;
        run.duration = run.duration.min(SimDuration::from_secs(COST_SECONDS));
        (run.warmup, run.requests) = (SimDuration::ZERO, None);
        run.max_events = Some(run.max_events.map_or(COST_EVENTS, |own| own.min(COST_EVENTS)));
        let ran = simulation::run_range(&design.model, &design.catalog, &[], self.stop, 0..1, |_| {});
        let cost = ran.finished.first().and_then(|r| value_of(metric, &r.record, &design.catalog).number());
        match cost {
            Some(cost) => Ok((cost, most <= 0.9, impossible)),
            None if self.stop.load(Ordering::Relaxed) => Err(Refusal(String::new(), Exit::Interrupted)),
            None => Err(Refusal(
                format!(
                    "error: a design has no `{metric}`, so none is the cheapest: add `prices: {{app: $0.20/h}}` to the \
                     scenario, or name another metric with `--cost`\n"
                ),
                Exit::Usage,
            )),
        }
    }

    /// Whether an objective of availability cannot be met, whatever chance does: from its start to its end the load
    /// asks some cores for more than there is, by more than the objective lets fail. Said only where every good
    /// answer takes all of that work: clients that come whatever happens at a rate that never falls below that of the
    /// start, no copies in caches, nothing that answers in place of what failed.
    fn impossible(&self, design: &Design) -> bool {
        let model = &design.model;
        let steady = model.clients.iter().all(|client| {
            matches!(client.behaviour, Loop::Open)
                && matches!(client.profile.base, Base::Constant(_))
                && matches!(client.arrivals, ArrivalProcess::Poisson)
        });
        let plain = model.components.iter().all(|component| {
            matches!(
                component.spec,
                ComponentSpec::Service(_) | ComponentSpec::Database(_) | ComponentSpec::LoadBalancer(_)
            )
        });
        let evades = [
            "on_error",
            "if",
            "parallel",
            "hedge",
            "cached",
            "get",
            "local_cache",
            "autoscale",
            "memory",
            "degraded",
        ];
        if !steady || !plain || self.space.holds_any(&evades) {
            return false;
        }
        let needed = design.objectives.iter().filter(|clause| clause.during.is_none()).filter_map(|clause| {
            let share = clause.text.trim().strip_prefix("availability")?.trim_start().strip_prefix('>')?;
            quantity::ratio(share.trim_start_matches('=').trim()).ok().map(crate::base::Ratio::get)
        });
        let needed = needed.fold(0.0, f64::max);
        let most = design
            .forecast
            .rows
            .iter()
            .filter(|row| row.warm.is_none())
            .map(|row| row.base)
            .fold(0.0, f64::max);
        needed > 0.0 && most > 0.0 && SLACK / most < needed
    }
}

/// Each point's place along each path, among the values that occur, in ascending order where they are numbers.
pub(super) fn places(points: &[Vec<String>]) -> Vec<Vec<usize>> {
    let paths = points.first().map_or(0, Vec::len);
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for path in 0..paths {
        let mut values: Vec<&str> = Vec::new();
        for point in points {
            if !values.contains(&point[path].as_str()) {
                values.push(&point[path]);
            }
        }
        if let Some((numbers, _)) = in_one_unit(&values) {
            let mut sorted: Vec<(f64, &str)> = numbers.into_iter().zip(values).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            values = sorted.into_iter().map(|(_, value)| value).collect();
        }
        let place = |point: &Vec<String>| values.iter().position(|value| *value == point[path]).unwrap_or(0);
        columns.push(points.iter().map(place).collect());
    }
    (0..points.len()).map(|at| columns.iter().map(|column| column[at]).collect()).collect()
}

/// Whether cost rises (`Some(true)`) or falls (`Some(false)`) along a path from every place to the next, whatever
/// the other paths' values are; `None` if it does neither. Only along such a path is more taken to be no worse.
pub(super) fn dearer_upwards(candidates: &[Candidate], axis: usize) -> Option<bool> {
    let mut lines: std::collections::BTreeMap<Vec<usize>, Vec<(usize, f64)>> =
        std::collections::BTreeMap::new();
    for candidate in candidates {
        let mut others = candidate.place.clone();
        let own = others.remove(axis);
        lines.entry(others).or_default().push((own, candidate.cost));
    }
    let (mut up, mut down) = (true, true);
    for line in lines.values_mut() {
        line.sort_by_key(|(place, _)| *place);
        for pair in line.windows(2) {
            let (a, b) = (pair[0].1, pair[1].1);
            let matters = (b - a).abs() > EQUAL_COST * a.abs().max(b.abs());
            up &= matters && b > a;
            down &= matters && b < a;
        }
    }
    let several = lines.values().any(|line| line.len() > 1);
    match (several, up, down) {
        (true, true, false) => Some(true),
        (true, false, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(points: &[(&str, &str, f64)]) -> Vec<Candidate> {
        let texts: Vec<Vec<String>> = points.iter().map(|p| vec![p.0.to_owned(), p.1.to_owned()]).collect();
        let places = places(&texts).into_iter().zip(points);
        places.map(|(place, p)| Candidate { cost: p.2, place, promising: true, impossible: false }).collect()
    }

    #[test]
    fn more_is_no_worse_only_where_more_costs_more() {
        let rising = candidates(&[
            ("8", "x", 8.0),
            ("2", "x", 2.0),
            ("16", "x", 16.0),
            ("2", "y", 2.0),
            ("8", "y", 8.0),
            ("16", "y", 16.0),
        ]);
        assert_eq!(rising[0].place, [1, 0]);
        assert_eq!((dearer_upwards(&rising, 0), dearer_upwards(&rising, 1)), (Some(true), None));
        let falling = candidates(&[("1s", "x", 9.0), ("2s", "x", 5.0), ("3s", "x", 4.0)]);
        assert_eq!(dearer_upwards(&falling, 0), Some(false));
        let mixed = candidates(&[("1", "x", 9.0), ("2", "x", 5.0), ("3", "x", 5.001)]);
        assert_eq!(dearer_upwards(&mixed, 0), None);
        assert_eq!(dearer_upwards(&candidates(&[("1", "x", 9.0)]), 0), None);
    }
}
