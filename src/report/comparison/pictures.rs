//! The pictures of a comparison: the designs' series over each other on the same axes, and money against latency.

use super::{ComparisonReport, standing};
use crate::experiment::results::{Estimate, VariantResults};
use crate::report::chart::{
    Axis, Band, Line, Panel, Picture, Point, Role, Scale, Scatter, Standing, Stroke, Unit,
};
use crate::report::quantity;

/// What is drawn over time of every design: series, title, note, unit, scale.
const PANELS: [(&str, &str, Unit, Scale); 5] = [
    ("goodput", "Good answers per second", Unit::Count, Scale::Linear),
    ("p99", "p99 of good answers", Unit::Duration, Scale::Log),
    ("errors.503", "503 answers per second", Unit::Count, Scale::Linear),
    ("timeouts", "Timeouts per second", Unit::Count, Scale::Linear),
    ("ryw_violations", "Reads a second that missed their own write", Unit::Count, Scale::Linear),
];

/// Points of a line at most: of a longer series the means of several windows are drawn, or designs over each other
/// can't be told apart.
const MOST_POINTS: usize = 240;

/// The means of so many neighbours each.
fn thinned(values: Vec<(f64, f64)>, each: usize) -> Vec<(f64, f64)> {
    if each <= 1 {
        return values;
    }
    let mean = |part: &[(f64, f64)]| {
        let known: Vec<f64> = part.iter().map(|(_, y)| *y).filter(|y| y.is_finite()).collect();
        let y = if known.is_empty() { f64::NAN } else { known.iter().sum::<f64>() / known.len() as f64 };
        (part[0].0, y)
    };
    values.chunks(each).map(mean).collect()
}

/// The member of a database that is busiest in a design: the name of its series. Without members, the database's.
fn busiest_member<'a>(variant: &'a VariantResults, database: &str) -> Option<&'a str> {
    let mean = |name: &str| {
        let values = &variant.series.column(name)?.median;
        Some(values.iter().flatten().sum::<f64>() / values.len().max(1) as f64)
    };
    let names = variant.series.columns.iter().map(|column| column.name.as_str());
    let members = names.filter(|name| member_of(name) == Some(database));
    let busiest = members.max_by(|a, b| mean(a).unwrap_or(0.0).total_cmp(&mean(b).unwrap_or(0.0)));
    let whole = format!("{database}.cpu");
    busiest.or_else(|| variant.series.columns.iter().map(|c| c.name.as_str()).find(|name| *name == whole))
}

/// The database whose member's processors a series is of.
fn member_of(series: &str) -> Option<&str> {
    let name = series.strip_suffix(".cpu")?;
    let at = [".primary", ".replica[", ".shard["].iter().filter_map(|part| name.find(part)).min()?;
    name.get(..at)
}

fn line(variant: &VariantResults, label: &str, name: &str, at: usize) -> Option<Line> {
    let column = variant.series.column(name)?;
    let number = |v: &Option<f64>| v.unwrap_or(f64::NAN);
    let each = column.median.len().div_ceil(MOST_POINTS).max(1);
    let spread = if variant.replications > 1 {
        let ends = column.low.iter().zip(&column.high);
        let all = variant.series.t.iter().zip(ends);
        all.map(|(t, (l, h))| (*t, number(l), number(h))).step_by(each).collect()
    } else {
        Vec::new()
    };
    let (role, stroke) =
        if at == 0 { (Role::Offered, Stroke::Bold) } else { (Role::Component(at - 1), Stroke::Solid) };
    let points = variant.series.t.iter().copied().zip(column.median.iter().map(number)).collect();
    let points = thinned(points, each);
    Some(Line { label: label.to_owned(), role, stroke, points, spread })
}

/// The designs over each other; the first, in grey, is the baseline.
#[must_use]
pub fn overlay_picture(report: &ComparisonReport<'_>) -> Picture {
    let panel = |title: &str, note: &str, unit, scale, lines: Vec<Line>| Panel {
        title: title.to_owned(),
        note: note.to_owned(),
        axis: Axis { scale, unit, top: (unit == Unit::Percent).then_some(1.0) },
        lines,
        limits: Vec::new(),
    };
    let lines = |name: &str| -> Vec<Line> {
        let all = report.contenders.iter().enumerate();
        all.filter_map(|(at, c)| line(&c.results, &c.label, name, at)).collect()
    };
    let says = |lines: &[Line]| lines.iter().flat_map(|l| &l.points).any(|(_, y)| *y > 0.0);
    let mut panels = Vec::new();
    for (name, title, unit, scale) in PANELS {
        let found = lines(name);
        if says(&found) {
            panels.push(panel(title, "", unit, scale, found));
        }
    }
    // The busiest processors of any design: where the difference is made.
    let peak = |name: &str| {
        let values = report.contenders.iter().filter_map(|c| c.results.metric(name)?.value.number());
        values.fold(0.0, f64::max)
    };
    let names = report.contenders.iter().flat_map(|c| &c.results.series.columns).map(|c| c.name.as_str());
    let mut processors: Vec<&str> = names.filter(|name| name.ends_with(".cpu")).collect();
    processors.sort_unstable();
    processors.dedup();
    processors.sort_by(|a, b| peak(b).total_cmp(&peak(a)));
    // Of a database with members in some design, each design's busiest one.
    let mut databases: Vec<&str> = processors.iter().filter_map(|name| member_of(name)).collect();
    databases.sort_unstable();
    databases.dedup();
    for database in &databases {
        let found = report.contenders.iter().enumerate().filter_map(|(at, contender)| {
            let name = busiest_member(&contender.results, database)?;
            let name_of_member = name.strip_suffix(".cpu").unwrap_or(name);
            let member = name_of_member
                .strip_prefix(*database)
                .map_or(name_of_member, |own| own.trim_start_matches('.'));
            let member = if member.is_empty() { "whole" } else { member };
            line(&contender.results, &format!("{}: {member}", contender.label), name, at)
        });
        let title = format!("Busiest member of {database}");
        panels.push(panel(&title, "share of cores busy", Unit::Percent, Scale::Linear, found.collect()));
        let lag = lines(&format!("{database}.replica.lag"));
        if says(&lag) {
            let title = format!("Lag of the last replica of {database}");
            panels.push(panel(&title, "age of what is not applied", Unit::Duration, Scale::Linear, lag));
        }
    }
    let own = |name: &str| databases.iter().any(|database| name.strip_suffix(".cpu") == Some(*database));
    processors.retain(|name| member_of(name).is_none() && !own(name));
    for name in processors.into_iter().take(2) {
        panels.push(panel(name, "share of cores busy", Unit::Percent, Scale::Linear, lines(name)));
    }
    let first = report.contenders.first();
    let span = report.contenders.iter().map(|c| c.results.duration).fold(0.0, f64::max);
    Picture {
        headline: standing(report),
        subtitle: format!("{}: {} designs on the same axes", report.title, report.contenders.len()),
        footer: format!(
            "surgesim {}, seed {}, medians over replications and their 10-90 % bands; the baseline is grey and bold",
            env!("CARGO_PKG_VERSION"),
            first.map_or(0, |c| c.seed),
        ),
        desc: format!("Series over simulated time of the designs of {}", report.title),
        span: (span > 0.0).then_some((0.0, span)),
        panels,
        bands: first.map_or_else(Vec::new, |c| {
            let lasting = c.results.troubles.iter().filter(|t| t.to > t.from);
            lasting.map(|t| Band { from: t.from, to: t.to, label: t.word.to_owned() }).collect()
        }),
    }
}

/// Money against p99; `None` unless at least two designs have both.
#[must_use]
pub fn pareto_picture(report: &ComparisonReport<'_>) -> Option<Scatter> {
    let ends = |e: &Estimate| {
        let x = e.value.number()?;
        Some((x, e.low.unwrap_or(x), e.high.unwrap_or(x)))
    };
    let points: Vec<Point> = report
        .contenders
        .iter()
        .filter_map(|c| {
            let (cost, p99) = (c.results.metric("cost")?, c.results.metric("p99")?);
            Some(Point { label: c.label.clone(), standing: Standing::Unasked, x: ends(cost)?, y: ends(p99)? })
        })
        .collect();
    if points.len() < 2 {
        return None;
    }
    let cheapest = points.iter().min_by(|a, b| a.x.0.total_cmp(&b.x.0))?;
    let fastest = points.iter().min_by(|a, b| a.y.0.total_cmp(&b.y.0))?;
    let money = |x: f64| quantity::quantity(x, crate::experiment::results::Unit::MoneyPerHour);
    let headline = if cheapest.label == fastest.label {
        format!("{} is the cheapest ({}) and the fastest at p99", cheapest.label, money(cheapest.x.0))
    } else {
        format!(
            "{} is the cheapest ({}); {} has the shortest p99, for {}",
            cheapest.label,
            money(cheapest.x.0),
            fastest.label,
            money(fastest.x.0)
        )
    };
    Some(Scatter {
        headline,
        subtitle: format!(
            "{}: cost against p99, with 95 % intervals; dashed: what no design beats on both",
            report.title
        ),
        footer: format!(
            "surgesim {}; p99 is of good answers only: read it beside availability; an interval that leaves the frame is cut there",
            env!("CARGO_PKG_VERSION")
        ),
        x: ("$ per hour".to_owned(), Axis { scale: Scale::Linear, unit: Unit::Count, top: None }),
        y: ("p99 of good answers".to_owned(), Axis { scale: Scale::Log, unit: Unit::Duration, top: None }),
        points,
        limits: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::{member_of, thinned};

    #[test]
    fn a_long_series_is_drawn_by_means_of_neighbours() {
        let values = vec![(0.0, 1.0), (1.0, 3.0), (2.0, f64::NAN), (3.0, 5.0), (4.0, 7.0)];
        assert_eq!(thinned(values.clone(), 2), [(0.0, 2.0), (2.0, 5.0), (4.0, 7.0)]);
        assert_eq!(thinned(values, 1).len(), 5);
    }

    #[test]
    fn members_are_told_from_databases() {
        assert_eq!(member_of("db.primary.cpu"), Some("db"));
        assert_eq!(member_of("db.shard[3].replica[0].cpu"), Some("db"));
        assert_eq!(member_of("db.cpu"), None);
        assert_eq!(member_of("db.primary.offered_cpu"), None);
    }
}
