//! The pictures of a sweep: a curve over one path, a heat map over two, and each path by itself where there are
//! more, or where the points are a sample.

use super::{SweepPoint, SweepReport, numbers, verdict};
use crate::document::quantity;
use crate::experiment::comparison::Direction;
use crate::experiment::results::{Estimate, MetricValue, Unit as MetricUnit, Verdict};
use crate::report::chart::{
    Across, Axis, Cell, CurvePanel, CurvePoint, Curves, HeatMap, Scale, Unit, render_curves, render_heat_map,
};
use crate::report::quantity::{interval, value};
use crate::scenario::axis::Spread;

/// Pictures of one sweep at most.
const MOST: usize = 6;
/// A metric whose values lie this many times apart is drawn by ratios.
const WIDE: f64 = 20.0;

/// The pictures as SVG, each with a name for its file.
#[must_use]
pub fn sweep_pictures(report: &SweepReport<'_>) -> Vec<(String, String)> {
    if report.points.is_empty() {
        return Vec::new();
    }
    let metrics: Vec<&str> = report.varying().into_iter().take(MOST).collect();
    match (report.axes.len(), report.sample) {
        (1, None) => vec![("curves".to_owned(), render_curves(&curves(report, &metrics, &[0])))],
        (2, None) => metrics
            .iter()
            .map(|metric| (format!("heat-{metric}"), render_heat_map(&heat_map(report, metric))))
            .collect(),
        (count, _) => {
            let axes: Vec<usize> = (0..count.min(MOST)).collect();
            let by_metric = metrics.iter().take(2);
            by_metric
                .map(|metric| (format!("paths-{metric}"), render_curves(&curves(report, &[metric], &axes))))
                .collect()
        }
    }
}

pub(in crate::report) fn chart_unit(unit: MetricUnit) -> Unit {
    match unit {
        MetricUnit::Seconds => Unit::Duration,
        MetricUnit::Share => Unit::Percent,
        _ => Unit::Count,
    }
}

/// What a metric is called on an axis.
pub(in crate::report) fn title(metric: &str, unit: MetricUnit) -> String {
    match unit {
        MetricUnit::MoneyPerHour => format!("{metric} in $ per hour"),
        MetricUnit::Money => format!("{metric} in $"),
        MetricUnit::PerSecond => format!("{metric} per second"),
        _ => metric.to_owned(),
    }
}

fn estimates<'a>(report: &SweepReport<'a>, metric: &str) -> Vec<(&'a SweepPoint, &'a Estimate)> {
    report.points.iter().filter_map(|point| Some((point, point.results.metric(metric)?))).collect()
}

/// By ratios where a metric with a lower end of zero spans decades.
fn scale(all: &[(&SweepPoint, &Estimate)]) -> Scale {
    let positive = all.iter().filter_map(|(_, e)| e.value.number()).filter(|x| *x > 0.0);
    let (least, most) = positive.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), x| (a.min(x), b.max(x)));
    let seconds = all.first().is_some_and(|(_, e)| e.unit == MetricUnit::Seconds);
    if seconds && most > WIDE * least { Scale::Log } else { Scale::Linear }
}

fn footer(report: &SweepReport<'_>, knees: bool) -> String {
    let knees = if knees { "; knees by Kneedle (Satopää et al. 2011), S = 1" } else { "" };
    let judged = report.points.iter().any(|point| verdict(&point.results).is_some());
    let hollow = if judged { "; hollow: misses an objective" } else { "" };
    format!(
        "surgesim {}, seed {}: 95 % intervals over replications{hollow}{knees}",
        env!("CARGO_PKG_VERSION"),
        report.seed
    )
}

/// The limits of objectives on a metric over the whole run, as they are written: `p99 < 300ms`.
fn limits(report: &SweepReport<'_>, metric: &str) -> Vec<crate::report::chart::Limit> {
    let Some(first) = report.points.first() else { return Vec::new() };
    let mut all = Vec::new();
    for judgement in first.results.objectives.iter().filter(|j| j.during.is_none()) {
        let Some((left, _)) = judgement.text.split_once(['<', '>']) else { continue };
        if left.trim() != metric {
            continue;
        }
        if let Some(value) = limit_of(&judgement.text) {
            all.push(crate::report::chart::Limit { value, label: judgement.text.clone() });
        }
    }
    all
}

/// The number that a simple claim compares with: of `p99 < 300ms` 0.3.
pub(in crate::report) fn limit_of(text: &str) -> Option<f64> {
    let (_, right) = text.split_once(['<', '>'])?;
    let right = right.trim_start_matches('=').trim();
    let seconds = quantity::duration(right).ok().map(crate::base::SimDuration::as_secs_f64);
    let share = || quantity::ratio(right).ok().map(crate::base::Ratio::get);
    seconds.or_else(share).or_else(|| quantity::number(right).ok())
}

fn curves(report: &SweepReport<'_>, metrics: &[&str], axes: &[usize]) -> Curves {
    let alone = report.axes.len() == 1 && report.sample.is_none();
    let mut panels = Vec::new();
    let mut knees = false;
    for metric in metrics {
        let all = estimates(report, metric);
        let Some(unit) = all.first().map(|(_, e)| e.unit) else { continue };
        for &axis in axes {
            let values = report.values(axis);
            let named = numbers(&values);
            let positions: Vec<f64> = match &named {
                Some((numbers, _)) => numbers.clone(),
                None => (0..values.len()).map(|at| at as f64).collect(),
            };
            let at = |point: &SweepPoint| {
                values
                    .iter()
                    .position(|value| *value == point.values[axis])
                    .map_or(f64::NAN, |at| positions[at])
            };
            let mut points: Vec<CurvePoint> = all
                .iter()
                .map(|(point, estimate)| {
                    let y = estimate.value.number().unwrap_or(f64::NAN);
                    let ends = (estimate.low.unwrap_or(y), estimate.high.unwrap_or(y));
                    CurvePoint {
                        x: at(point),
                        y,
                        ends,
                        met: verdict(&point.results).map(|v| v != Verdict::Missed),
                    }
                })
                .collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            let knee = report.knees(metric).into_iter().next().filter(|_| alone);
            knees |= knee.is_some();
            let log = report.axes[axis].spread() == Spread::Log && positions.iter().all(|x| *x > 0.0);
            panels.push(CurvePanel {
                title: title(metric, unit),
                axis: Axis { scale: scale(&all), unit: chart_unit(unit), top: None },
                across: Across {
                    words: report.axes[axis].path.clone(),
                    scale: if log { Scale::Log } else { Scale::Linear },
                    labels: positions.iter().copied().zip(values.iter().cloned()).collect(),
                },
                points,
                joined: alone && named.is_some(),
                limits: limits(report, metric),
                mark: knee.map(|knee| {
                    let spread = match &knee.each {
                        Some((low, high, _)) if low != high => {
                            format!(" ({low} to {high} over replications)")
                        }
                        _ => String::new(),
                    };
                    (positions[knee.position], format!("knee at {}{spread}", knee.value))
                }),
            });
        }
    }
    let headline = metrics.first().map_or_else(String::new, |metric| headline(report, metric));
    Curves { headline, subtitle: report.origin(), footer: footer(report, knees), panels }
}

/// The finding on one metric.
fn headline(report: &SweepReport<'_>, metric: &str) -> String {
    let told = |point: &SweepPoint| {
        let shown = point.results.metric(metric).map_or_else(String::new, |e| value(e.value, e.unit));
        format!("{shown} at {}", report.label(point))
    };
    let Some((best, worst)) = report.ends(metric) else { return format!("{metric} is the same everywhere") };
    let words = if Direction::of(metric) == Direction::Neither {
        ("at most", "at least")
    } else {
        ("at best", "at worst")
    };
    format!("{metric} is {} {}, {} {}", words.0, told(best), words.1, told(worst))
}

fn heat_map(report: &SweepReport<'_>, metric: &str) -> HeatMap {
    let (columns, rows) = (report.values(0), report.values(1));
    let all = estimates(report, metric);
    let unit = all.first().map_or(MetricUnit::Ratio, |(_, e)| e.unit);
    let knees = report.knees(metric);
    let cell = |row: &String, column: &String| {
        let (point, estimate) =
            all.iter().find(|(point, _)| point.values[0] == *column && point.values[1] == *row)?;
        let knee =
            knees.iter().any(|knee| knee.value == *column && knee.at.iter().any(|(_, other)| other == row));
        Some(Cell {
            value: match estimate.value {
                MetricValue::Number(x) => x,
                _ => f64::NAN,
            },
            text: value(estimate.value, estimate.unit),
            interval: interval(estimate).unwrap_or_default(),
            verdict: verdict(&point.results).map_or("", Verdict::word).to_owned(),
            knee,
        })
    };
    let cells = rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect();
    HeatMap {
        headline: headline(report, metric),
        subtitle: report.origin(),
        footer: format!(
            "surgesim {}, seed {}: the value, its 95 % interval over replications, and whether objectives are met{}",
            env!("CARGO_PKG_VERSION"),
            report.seed,
            if knees.is_empty() { "" } else { "; knees by Kneedle (Satopää et al. 2011), S = 1" }
        ),
        title: title(metric, unit),
        unit: chart_unit(unit),
        scale: scale(&all),
        words: (report.axes[0].path.clone(), report.axes[1].path.clone()),
        columns,
        rows,
        cells,
    }
}
