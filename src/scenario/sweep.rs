//! The `sweep:` block: what is varied, and how the points are chosen. `--vary` and its companions say the same.

use super::axis::Axis;
use super::fields::{Fields, items, report, text};
use super::setting;
use crate::document::{Code, Diagnostics, Node, Place, quantity};

/// Points of a sweep, unless it asks for more.
pub const USUAL_POINTS: u64 = 1_000;
/// Points of a sweep at most.
pub const MOST_POINTS: u64 = 10_000;

/// What a scenario says about sweeps of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepSpec {
    /// What is varied, each with where that is written.
    pub axes: Vec<(Axis, Option<Place>)>,
    /// So many points of a Latin hypercube, in place of every combination.
    pub sample: Option<u64>,
    /// The hypercube's seed.
    pub seed: u64,
    /// Metrics in the pictures, each with where it is written.
    pub metrics: Vec<(String, Option<Place>)>,
    /// Points at most.
    pub max_points: u64,
}

/// Reads the block; `root` is the whole scenario.
pub(super) fn read(node: Option<&Node>, root: &Node, found: &mut Diagnostics) -> Option<SweepSpec> {
    let mut fields = Fields::of(node?, "`sweep`", found);
    let mut axes: Vec<(Axis, Option<Place>)> = Vec::new();
    let vary = fields.need("vary", found);
    for item in items(vary, "the paths of a sweep", "- components.app.instances=2..16:2", found) {
        let Some(written) = text(item, found) else { continue };
        match Axis::parse(written) {
            Err(fault) => report(found, item, fault),
            Ok(axis) => {
                if let Err(fault) = setting::find(root, &axis.path) {
                    report(found, item, fault);
                } else if axes.iter().any(|(other, _)| other.path == axis.path) {
                    let message = format!("`{}` is varied twice", axis.path);
                    found.add(Code::BadSet, item.place, message, "write all of its values in one place");
                } else {
                    axes.push((axis, Some(item.place)));
                }
            }
        }
    }
    let sample = fields.read("sample", quantity::count, found);
    let seed = fields.read("seed", quantity::count, found).unwrap_or(1);
    let max_points = fields.read("max_points", quantity::count, found).unwrap_or(USUAL_POINTS);
    let metric_node = fields.get("metrics");
    let mut metrics = Vec::new();
    for item in items(metric_node, "metrics of a sweep", "- p99", found) {
        metrics.extend(text(item, found).map(|name| (name.to_owned(), Some(item.place))));
    }
    let place = fields.place();
    fields.finish(found);
    for (what, count) in [("sample", sample.unwrap_or(1)), ("max_points", max_points)] {
        if !(1..=MOST_POINTS).contains(&count) {
            let message = format!("`{what}` is {count}, and a sweep has between 1 and {MOST_POINTS} points");
            found.add(Code::OutOfRange, place, message, "write a number in between");
        }
    }
    if sample.is_none() {
        let mut points = 1_u64;
        for (axis, at) in &axes {
            match axis.grid() {
                Ok(values) => points = points.saturating_mul(values.len() as u64),
                Err(fault) => found.add(fault.code, *at, fault.message, fault.help),
            }
        }
        if points > max_points {
            let message = format!("that is {points} points, and {max_points} at most");
            let help = "vary fewer values, write `sample: 100` for some of them, or a larger `max_points`";
            found.add(Code::TooLarge, place, message, help);
        }
    }
    Some(SweepSpec { axes, sample, seed, metrics, max_points })
}
