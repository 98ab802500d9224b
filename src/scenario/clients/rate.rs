//! Values over time: rates and shares, spikes, recorded counts; and how arrivals are spread around them.

use std::sync::Arc;

use crate::base::SimDuration;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Fault, Node, quantity};
use crate::scenario::beside::Beside;
use crate::scenario::fields::{Fields, items, report, scalar, share, text};
use crate::scenario::trace;
use crate::workload::{ArrivalProcess, Base, Profile, Spike};

/// A share, or one that varies with time.
pub(super) fn read_shares(node: &Node, found: &mut Diagnostics) -> Option<Base> {
    if node.text().is_some() {
        return scalar(node, share, found).map(Base::Constant);
    }
    let mut fields = Fields::of(node, "a share", found);
    let (ramp, steps) = (fields.get("ramp"), fields.get("steps"));
    fields.finish(found);
    match (ramp, steps) {
        (Some(points), _) => Some(Base::Ramp(read_points(
            points,
            share,
            "a point is a time and a share, such as `10m 45%`",
            found,
        ))),
        (_, Some(points)) => Some(Base::Steps(read_points(
            points,
            share,
            "a point is a time and a share, such as `10m 45%`",
            found,
        ))),
        _ => {
            found.add(
                Code::BadProfile,
                node.place,
                "this is no share",
                "write `10%` or `{ramp: [0m 10%, 20m 45%]}`",
            );
            None
        }
    }
}

pub(super) fn read_rate(
    node: &Node,
    beside: &Beside<'_>,
    found: &mut Diagnostics,
) -> (Base, Option<ArrivalProcess>) {
    if node.text().is_some() {
        let rate = scalar(node, quantity::rate, found).map_or(0.0, |r| r.as_per_second());
        return (Base::Constant(rate), None);
    }
    let mut fields = Fields::of(node, "a rate", found);
    let (ramp, steps) = (fields.get("ramp"), fields.get("steps"));
    let (diurnal, trace) = (fields.get("diurnal"), fields.get("trace"));
    fields.finish(found);
    let written = [ramp, steps, diurnal, trace];
    if let Some(second) = written.into_iter().flatten().nth(1) {
        found.add(
            Code::Conflict,
            second.place,
            "a rate varies in one way: `ramp`, `steps`, `diurnal` or `trace`",
            "keep one; another crowd is another client",
        );
    }
    if written.into_iter().flatten().next().is_none() && !node.entries().is_empty() {
        return (Base::Constant(0.0), None);
    }
    if let Some(points) = ramp {
        return (Base::Ramp(read_rates(points, found)), None);
    }
    if let Some(points) = steps {
        return (Base::Steps(read_rates(points, found)), None);
    }
    if let Some(node) = diurnal {
        let mut fields = Fields::of(node, "`diurnal`", found);
        let mean = fields
            .need("mean", found)
            .and_then(|n| scalar(n, quantity::rate, found))
            .map_or(0.0, |r| r.as_per_second());
        let peak = fields.read("peak", quantity::factor, found).map_or(2.0, |f| f.get());
        let at = fields.read("at", quantity::duration, found).map_or(0.0, SimDuration::as_secs_f64);
        fields.finish(found);
        if !(1.0..=2.0).contains(&peak) {
            found.add(
                Code::OutOfRange,
                node.place,
                "a diurnal peak is 1x to 2x the mean",
                "beyond 2x the trough would be negative: use `ramp`",
            );
        }
        return (Base::Diurnal { mean, peak: peak.clamp(1.0, 2.0), at }, None);
    }
    if let Some(node) = trace {
        return (Base::Constant(0.0), read_trace(node, beside, found));
    }
    found.add(
        Code::BadProfile,
        node.place,
        "this is no rate",
        "write `100/s`, `{ramp: [...]}`, `{steps: [...]}`, `{diurnal: {...}}` or `{trace: {...}}`",
    );
    (Base::Constant(0.0), None)
}

fn read_rates(node: &Node, found: &mut Diagnostics) -> Vec<(f64, f64)> {
    let rate = |text: &str| quantity::rate(text).map(|rate| rate.as_per_second());
    read_points(node, rate, "a point is a time and a rate, such as `10m 4k rps`", found)
}

fn read_points(
    node: &Node,
    value: impl Fn(&str) -> Result<f64, Fault>,
    help: &str,
    found: &mut Diagnostics,
) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for item in items(Some(node), "the points of a profile", "[0m 1k rps, 10m 4k rps]", found) {
        let Some(written) = text(item, found) else { continue };
        let parsed = written
            .split_once(' ')
            .map(|(time, rate)| Ok::<_, Fault>((quantity::duration(time)?.as_secs_f64(), value(rate)?)));
        match parsed {
            Some(Ok(point)) if points.last().is_none_or(|last| last.0 < point.0) => points.push(point),
            Some(Err(fault)) => report(found, item, Fault { span: None, ..fault }),
            Some(Ok(_)) => found.add(
                Code::BadProfile,
                item.place,
                format!("`{written}` is not later than the point before it"),
                "write the points in the order of their times",
            ),
            None => {
                found.add(Code::BadProfile, item.place, format!("`{written}` is no point of a profile"), help)
            }
        }
    }
    if points.is_empty() {
        found.add(Code::BadProfile, node.place, "the profile has no points", help);
    }
    points
}

/// Most arrivals that a trace may hold after scaling.
const MOST_ARRIVALS: f64 = 1e10;

fn read_trace(node: &Node, beside: &Beside<'_>, found: &mut Diagnostics) -> Option<ArrivalProcess> {
    let mut fields = Fields::of(node, "`trace`", found);
    let file = fields.need("file", found);
    let columns: Vec<String> = fields
        .get("columns")
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|n| n.text().map(str::to_owned))
        .collect();
    let interval = fields.read("interval", quantity::duration, found).map_or(1.0, SimDuration::as_secs_f64);
    let scale = fields.read("scale", quantity::number, found).unwrap_or(1.0);
    fields.finish(found);
    let file = file?;
    let name = text(file, found)?;
    let body = beside.read(file, name, found)?;
    let counts = trace::counts(&body, &columns, interval, scale).map_err(|why| {
        found.add(
            Code::UnreadableFile,
            file.place,
            format!("`{name}`: {why}"),
            "write `columns: [time, count]` as the file's header names them",
        );
    });
    let counts = counts.ok()?;
    if counts.iter().map(|c| *c as f64).sum::<f64>() > MOST_ARRIVALS {
        found.add(
            Code::OutOfRange,
            node.place,
            "the scaled trace has more than 10^10 arrivals",
            "choose a smaller `scale`",
        );
        return None;
    }
    Some(ArrivalProcess::Trace { counts: Arc::new(counts), interval })
}

pub(super) fn read_spike(node: &Node, base: &Profile, found: &mut Diagnostics) -> Option<Spike> {
    let mut fields = Fields::of(node, "`spike`", found);
    // Its values are in the tree already.
    fields.get("preset").and_then(|n| text(n, found));
    let mut seconds = |key, found: &mut Diagnostics| {
        fields.read(key, quantity::duration, found).map(SimDuration::as_secs_f64)
    };
    let at = seconds("at", found).unwrap_or(0.0);
    let (rise, hold) = (seconds("rise", found).unwrap_or(0.0), seconds("hold", found).unwrap_or(0.0));
    let half_life = seconds("half_life", found).unwrap_or(0.0);
    let before = base.rate(at);
    let to = fields.read("to", quantity::rate, found).map(|r| r.as_per_second());
    let peak = fields.read("peak", quantity::factor, found).map(|f| before * f.get());
    fields.finish(found);
    let Some(to) = to.or(peak) else {
        found.add(
            Code::NeedsOneOf,
            node.place,
            "a spike needs its height",
            "write `to: 100/s` or `peak: 20x`",
        );
        return None;
    };
    if to < before {
        found.add(
            Code::Contradiction,
            node.place,
            format!("the spike goes to {to}/s, and the rate is {before}/s when it begins"),
            "write a higher `to`, or a `peak` above 1x",
        );
        return None;
    }
    Some(Spike { at, add: to - before, rise, hold, half_life })
}

pub(super) fn read_arrivals(node: &Node, found: &mut Diagnostics) -> Option<ArrivalProcess> {
    match node.text() {
        Some("poisson") => return Some(ArrivalProcess::Poisson),
        Some("deterministic") => return Some(ArrivalProcess::Deterministic),
        Some(word) => {
            let choices = ["poisson", "deterministic"];
            found.add(
                Code::UnknownChoice,
                node.place,
                format!("there are no `{word}` arrivals"),
                crate::document::did_you_mean(word, choices),
            );
            return None;
        }
        None => {}
    }
    let mut fields = Fields::of(node, "`arrivals`", found);
    let between = fields.amount("between", Of::Time, found);
    let batch = fields.read("batch", quantity::count, found);
    let mmpp = fields.get("mmpp");
    let ways = [fields.get("between"), fields.get("batch"), mmpp];
    fields.finish(found);
    if ways.into_iter().flatten().count() != 1 {
        found.add(
            if ways.into_iter().flatten().count() == 0 { Code::NeedsOneOf } else { Code::Conflict },
            node.place,
            "arrivals are `poisson`, `deterministic`, or one of `between`, `batch` and `mmpp`",
            "write `arrivals: {batch: 5}`, for example",
        );
        return None;
    }
    if let Some(gap) = between {
        if gap.mean() <= 0.0 {
            found.add(
                Code::OutOfRange,
                node.place,
                "gaps between arrivals have a mean above zero",
                "write `between: exp(1s)`",
            );
            return None;
        }
        return Some(ArrivalProcess::Renewal(gap));
    }
    if let Some(size) = batch {
        return Some(ArrivalProcess::Batch(size.clamp(1, 1_000_000) as u32));
    }
    let mut fields = Fields::of(mmpp?, "`mmpp`", found);
    let mut list = |key, found: &mut Diagnostics| fields.need(key, found).map_or(&[][..], Node::items);
    let (rates, dwell) = (list("rates", found), list("dwell", found));
    let rates: Vec<f64> =
        rates.iter().filter_map(|n| scalar(n, quantity::rate, found)).map(|r| r.as_per_second()).collect();
    let dwell: Vec<f64> = dwell
        .iter()
        .filter_map(|n| scalar(n, quantity::duration, found))
        .map(SimDuration::as_secs_f64)
        .collect();
    fields.finish(found);
    let usable = rates.len() == dwell.len() && !rates.is_empty() && dwell.iter().all(|d| *d > 0.0);
    if !usable || rates.iter().all(|r| *r == 0.0) {
        found.add(
            Code::BadProfile,
            node.place,
            "`mmpp` needs as many rates as dwell times, all above zero",
            "write `{rates: [10/s, 100/s], dwell: [30s, 5s]}`",
        );
        return None;
    }
    Some(ArrivalProcess::Mmpp { rates, dwell })
}
