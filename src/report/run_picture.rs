//! The picture of one design in panels: traffic by outcome, latency, CPU with the databases in front, queues and
//! requests in flight; where there are caches, what they answer and what of it is old; where a fleet changes, its
//! size.

use super::chart::{Axis, Band, Line, Panel, Picture, Role, Scale, Stroke, Unit};
use super::{headline, quantity};
use crate::experiment::results::{RunResults, VariantResults};

/// Most lines in a panel.
const MOST_LINES: usize = 6;

/// The items of the bill that cost the most, in words.
fn dearest(variant: &VariantResults) -> String {
    let total: f64 = variant.bill.iter().map(|row| row.per_hour).sum();
    let mut rows: Vec<_> = variant.bill.iter().filter(|row| row.per_hour > 0.0).collect();
    rows.sort_by(|a, b| b.per_hour.total_cmp(&a.per_hour));
    let words = rows.iter().take(4).map(|row| {
        let share = quantity::quantity(row.per_hour / total, crate::experiment::results::Unit::Share);
        format!("{} {} {share}", row.component.as_deref().unwrap_or("traffic"), row.what)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The picture of `variant`; `databases` are the components drawn in front.
#[must_use]
pub fn run_picture(results: &RunResults, variant: &VariantResults, databases: &[String]) -> Picture {
    let series = &variant.series;
    let column = |name: &str| series.columns.iter().find(|c| c.name == name);
    let line = |name: &str, label: &str, role: Role, stroke: Stroke| {
        let column = column(name)?;
        let at =
            |values: &[Option<f64>]| -> Vec<f64> { values.iter().map(|v| v.unwrap_or(f64::NAN)).collect() };
        let (median, low, high) = (at(&column.median), at(&column.low), at(&column.high));
        let points = series.t.iter().copied().zip(median).collect();
        let spread = if variant.replications > 1 {
            series.t.iter().zip(low.iter().zip(&high)).map(|(t, (l, h))| (*t, *l, *h)).collect()
        } else {
            Vec::new()
        };
        Some(Line { label: label.to_owned(), role, stroke, points, spread })
    };
    let mut traffic = vec![
        line("offered", "offered", Role::Offered, Stroke::Solid),
        line("goodput", "good", Role::Good, Stroke::Bold),
    ];
    for column in series.columns.iter().filter(|c| c.name.starts_with("errors.")).take(MOST_LINES) {
        let label = column.name.trim_start_matches("errors.");
        traffic.push(line(&column.name, label, Role::Error, Stroke::Solid));
    }
    // Who was never answered is no status; a server's own 504 has a line already.
    if column("errors.504").is_none() {
        let silent = line("timeouts", "no answer", Role::Error, Stroke::Dashed);
        traffic.push(silent.filter(|line| line.points.iter().any(|(_, y)| *y > 0.0)));
    }
    traffic.push(line("abandoned", "gave up", Role::Error, Stroke::Dashed));
    let latency = [("p50", Role::P50), ("p99", Role::P99), ("p99.9", Role::P999)]
        .map(|(name, role)| line(name, name, role, Stroke::Solid));
    let ends_with = |suffix: &str| -> Vec<String> {
        let names = series.columns.iter().filter_map(|c| c.name.strip_suffix(suffix).map(str::to_owned));
        names.take(MOST_LINES).collect()
    };
    let mut cpu_names = ends_with(".cpu");
    cpu_names.sort_by_key(|name| databases.contains(name));
    let busy = |names: &[String], of: &str| -> Vec<Option<Line>> {
        let each = names.iter().enumerate().map(|(i, name)| {
            let database = databases.contains(name);
            let (role, stroke) =
                if database { (Role::Db, Stroke::Bold) } else { (Role::Component(i), Stroke::Solid) };
            line(&format!("{name}.{of}"), name, role, stroke)
        });
        each.collect()
    };
    // A component has one colour here: solid for what it has in hand, dashed for what waits there. A line that
    // never forms would only hide the axis.
    let owners = ends_with(".in_flight");
    let role = |name: &str| {
        if databases.iter().any(|database| database == name) {
            return Role::Db;
        }
        owners.iter().position(|owner| owner == name).map_or(Role::Queue, Role::Component)
    };
    let forms =
        |line: &Option<Line>| line.as_ref().is_some_and(|line| line.points.iter().any(|(_, y)| *y > 0.0));
    let queues = ends_with(".queue")
        .into_iter()
        .map(|name| line(&format!("{name}.queue"), &format!("{name} queue"), role(&name), Stroke::Dashed))
        .filter(forms);
    let in_flight = owners.iter().map(|name| {
        line(&format!("{name}.in_flight"), &format!("{name} in flight"), role(name), Stroke::Solid)
    });
    let limits = ends_with(".limit")
        .into_iter()
        .map(|name| line(&format!("{name}.limit"), &format!("{name} limit"), role(&name), Stroke::Dashed));
    // Where nothing is work on cores, those who work are the measure.
    let mut cpu = ("CPU", "share of cores busy", busy(&cpu_names, "cpu"));
    let workers = busy(&ends_with(".utilisation"), "utilisation");
    if !cpu.2.iter().any(forms) && workers.iter().any(forms) {
        cpu = ("Workers", "share busy", workers);
    }
    // Each replica by itself, in the colour of its cores; the worst of them is one of these.
    let of_cores = |name: &String| cpu_names.iter().position(|cpu| cpu == name).unwrap_or(cpu_names.len());
    let lags: Vec<Option<Line>> = ends_with(".lag")
        .into_iter()
        .filter(|name| name.ends_with(']'))
        .map(|name| line(&format!("{name}.lag"), &name, Role::Component(of_cores(&name)), Stroke::Solid))
        .collect();
    let fleets = ends_with(".instances");
    let instances: Vec<Option<Line>> = fleets
        .iter()
        .map(|name| line(&format!("{name}.instances"), name, role(name), Stroke::Solid))
        .collect();
    let waiting = ends_with(".depth");
    let of_queues = |tail: &str, stroke: Stroke| -> Vec<Option<Line>> {
        let all = waiting.iter().enumerate();
        all.map(|(i, name)| line(&format!("{name}.{tail}"), name, Role::Component(i), stroke))
            .filter(forms)
            .collect()
    };
    let [depth, age, done] =
        ["depth", "oldest_age", "completions"].map(|tail| of_queues(tail, Stroke::Solid));
    let panel =
        |title: &str, note: &str, unit: Unit, scale: Scale, top: Option<f64>, lines: Vec<Option<Line>>| {
            Panel {
                title: title.to_owned(),
                note: note.to_owned(),
                axis: Axis { scale, unit, top },
                lines: lines.into_iter().flatten().collect(),
                limits: Vec::new(),
            }
        };
    let window = format!("{} windows", quantity::duration(series.bucket));
    // Only where a fleet changes is its size worth a panel.
    let fleet = (!instances.is_empty())
        .then(|| panel("Instances", "in service", Unit::Count, Scale::Linear, None, instances));
    // Queues get panels of their own: what waits, for how long, and what gets done.
    let of_messages = (!waiting.is_empty()).then(|| {
        let panel = |title: &str, note: &str, unit: Unit, lines: Vec<Option<Line>>| {
            panel(title, note, unit, Scale::Linear, None, lines)
        };
        [
            panel("Messages waiting", "messages", Unit::Count, depth),
            panel("Age of the oldest message", "since it was sent", Unit::Duration, age),
            panel("Jobs completed", "jobs/s, as clients see them", Unit::Count, done),
        ]
    });
    let layers = ends_with(".hit_ratio").into_iter().filter(|name| !name.contains('['));
    let layers = layers.map(|name| {
        // A tier behind another (`cdn.shield`) has the other's colour.
        let (owner, stroke) =
            name.split_once('.').map_or((&*name, Stroke::Solid), |(front, _)| (front, Stroke::Dashed));
        line(&format!("{name}.hit_ratio"), &name, role(owner), stroke)
    });
    let of_entities = |head: &str| -> Vec<(String, String)> {
        let names = series.columns.iter().filter_map(|column| {
            let entity = column.name.strip_prefix(head)?.strip_suffix(')')?;
            Some((column.name.clone(), entity.to_owned()))
        });
        names.take(MOST_LINES).collect()
    };
    let whole = of_entities("hit_ratio(").into_iter().enumerate().map(|(at, (column, entity))| {
        line(&column, &format!("{entity}, all"), Role::Component(owners.len() + at), Stroke::Bold)
    });
    // Where nothing is ever old there is no line.
    let old = of_entities("stale_reads(")
        .into_iter()
        .map(|(column, entity)| line(&column, &format!("{entity}, old"), Role::Error, Stroke::Dashed))
        .filter(forms);
    let copies: Vec<Option<Line>> = layers.chain(whole).chain(old).collect();
    let copies = copies.iter().any(Option::is_some).then(|| {
        panel(
            "Caches",
            "share of look-ups answered, of reads that saw an old version",
            Unit::Percent,
            Scale::Linear,
            Some(1.0),
            copies,
        )
    });
    let lag = (!lags.is_empty()).then(|| {
        panel("Replication lag", "age of what is not applied", Unit::Duration, Scale::Linear, None, lags)
    });
    let unread = line("ryw_violations", "missed", Role::Error, Stroke::Solid).filter(|line| {
        // Where all see what they wrote there is no panel.
        line.points.iter().any(|(_, y)| *y > 0.0)
    });
    let unread = unread.map(|line| {
        panel(
            "Reads that missed their own write",
            "reads/s",
            Unit::Count,
            Scale::Linear,
            None,
            vec![Some(line)],
        )
    });
    let money = line("cost", "all that has a price", Role::Component(0), Stroke::Bold).map(|line| {
        let items = dearest(variant);
        panel("Cost", &format!("$/h; {items}"), Unit::Count, Scale::Linear, None, vec![Some(line)])
    });
    Picture {
        headline: headline(variant),
        subtitle: format!("{} / {}: {}", results.scenario, variant.name, results.about),
        footer: format!(
            "surgesim {}, seed {}, {}",
            env!("CARGO_PKG_VERSION"),
            results.seed,
            match variant.replications {
                1 => "one replication".to_owned(),
                n => format!("{n} replications: median and 10-90 % band"),
            }
        ),
        desc: format!("Traffic, latency, CPU and queues of {} over simulated time", variant.name),
        span: Some((0.0, variant.duration)),
        panels: [
            panel(
                "Traffic by outcome",
                &format!("requests/s, {window}"),
                Unit::Count,
                Scale::Linear,
                None,
                traffic,
            ),
            panel("Latency of good answers", &window, Unit::Duration, Scale::Log, None, latency.into()),
            panel(cpu.0, cpu.1, Unit::Percent, Scale::Linear, Some(1.0), cpu.2),
            panel(
                "Queues and in flight",
                "requests",
                Unit::Count,
                Scale::Linear,
                None,
                queues.chain(in_flight).chain(limits).collect(),
            ),
        ]
        .into_iter()
        .chain(copies)
        .chain(fleet)
        .chain(of_messages.into_iter().flatten().filter(|panel| !panel.lines.is_empty()))
        .chain(lag)
        .chain(unread)
        .chain(money)
        .collect(),
        bands: variant
            .troubles
            .iter()
            .filter(|trouble| trouble.to > trouble.from)
            .map(|trouble| Band { from: trouble.from, to: trouble.to, label: trouble.word.to_owned() })
            .collect(),
    }
}
