//! The picture of a plan: money against what is asked for, or that over the load, with the answer marked.

use super::{Goal, PlanReport, words};
use crate::experiment::results::{Estimate, Unit as MetricUnit};
use crate::experiment::search::Finding;
use crate::report::chart::{
    Across, Axis, CurvePanel, CurvePoint, Curves, Limit, Point, Scale, Scatter, Standing, Unit,
    render_curves, render_scatter,
};
use crate::report::sweep::{chart_unit, limit_of, title};

/// A metric whose values lie this many times apart is drawn by ratios.
const WIDE: f64 = 20.0;

fn ends(estimate: &Estimate) -> Option<(f64, f64, f64)> {
    let x = estimate.value.number()?;
    Some((x, estimate.low.unwrap_or(x), estimate.high.unwrap_or(x)))
}

/// The picture as SVG; `None` if nothing can be drawn.
#[must_use]
pub fn plan_picture(report: &PlanReport<'_>) -> Option<String> {
    // The claim that decides most often is the one to look at.
    let count = |claim: usize| {
        report.designs.iter().filter(|d| d.finding != Finding::Met && d.deciding == claim).count()
    };
    let claims = report.claims(report.designs.first()?).len();
    let claim = (0..claims).rev().max_by_key(|claim| count(*claim))?;
    let judged: Vec<_> = report.designs.iter().map(|design| report.claims(design).get(claim)).collect();
    let first = (*judged.first()?)?;
    let unit = first.value.unit;
    let values = judged.iter().flatten().filter_map(|j| j.value.value.number()).filter(|x| *x > 0.0);
    let (least, most) = values.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), x| (a.min(x), b.max(x)));
    let scale = if unit == MetricUnit::Seconds && most > WIDE * least { Scale::Log } else { Scale::Linear };
    let axis = Axis { scale, unit: chart_unit(unit), top: None };
    let subject = first.text.split(['<', '>', '=']).next().unwrap_or_default().trim().to_owned();
    let limits: Vec<Limit> =
        limit_of(&first.text).map(|value| Limit { value, label: first.text.clone() }).into_iter().collect();
    let footer = format!(
        "surgesim {}, seed {}: 95 % intervals over replications; hollow: misses what is asked, or can't be told",
        env!("CARGO_PKG_VERSION"),
        report.seed
    );
    if let Goal::Largest { .. } = report.goal {
        let mut points: Vec<CurvePoint> = report
            .designs
            .iter()
            .zip(&judged)
            .filter_map(|(design, judgement)| {
                let (y, low, high) = ends(&(*judgement)?.value)?;
                Some(CurvePoint {
                    x: design.load,
                    y,
                    ends: (low, high),
                    met: Some(design.finding == Finding::Met),
                })
            })
            .collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let mark = report.chosen().map(|at| &report.designs[at]);
        let mut labels: Vec<(f64, String)> =
            report.designs.iter().map(|design| (design.load, design.values.concat())).collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The answer's label has room first, after the ends.
        if let Some(design) = mark {
            labels.sort_by_key(|(x, _)| *x != design.load);
        }
        let curves = Curves {
            headline: report.answer(),
            subtitle: format!(
                "{}: what is asked over the load, {} loads",
                report.title,
                report.designs.len()
            ),
            footer,
            panels: vec![CurvePanel {
                title: title(&subject, unit),
                axis,
                across: Across { words: report.paths.concat(), scale: Scale::Log, labels },
                points,
                joined: true,
                limits,
                mark: mark.map(|design| (design.load, format!("carries {}", design.values.concat()))),
            }],
        };
        return Some(render_curves(&curves));
    }
    let Goal::Cheapest { cost, neighbours, .. } = report.goal else { return None };
    let chosen = report.chosen();
    let points: Vec<Point> = report
        .designs
        .iter()
        .zip(&judged)
        .enumerate()
        .filter_map(|(at, (design, judgement))| {
            let standing = match design.finding {
                _ if chosen == Some(at) => Standing::Chosen,
                Finding::Met => Standing::Met,
                Finding::Missed | Finding::Unsure => Standing::Missed,
            };
            let named = chosen == Some(at) || neighbours.contains(&at) || report.designs.len() <= 12;
            let label = if named { words::design(report.paths, &design.values) } else { String::new() };
            Some(Point { label, standing, x: ends(report.cost(design)?)?, y: ends(&(*judgement)?.value)? })
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    Some(render_scatter(&Scatter {
        headline: report.answer(),
        subtitle: format!("{}: {cost} against {subject}, {} designs", report.title, points.len()),
        footer: format!("{footer}; ringed: the answer"),
        x: (format!("{cost}, $ per hour"), Axis { scale: Scale::Linear, unit: Unit::Count, top: None }),
        y: (title(&subject, unit), axis),
        points,
        limits,
    }))
}
