//! The `clients:` block.

use std::sync::Arc;

use super::components::{Names, read_options};
use super::fields::{Fields, entries, items, report, scalar, share, text};
use super::model::{ClientSpec, ComponentModel, LoopSpec, MixSpec, ReloadSpec};
use super::reading::Files;
use crate::base::random::Distribution;
use crate::base::{ComponentId, SimDuration};
use crate::document::distribution_text::{Of, distribution};
use crate::document::{Code, Diagnostics, Fault, Node, Value, quantity};
use crate::workload::{ArrivalProcess, Base, Profile, Spike};

pub(super) fn read(
    node: Option<&Node>,
    names: &Names,
    components: &[ComponentModel],
    files: &dyn Files,
    found: &mut Diagnostics,
) -> Vec<ClientSpec> {
    let mut clients = Vec::new();
    for (key, node) in entries(node, "`clients`", found) {
        if let Some(client) = read_client(&key.name, node, names, components, files, found) {
            clients.push(client);
        }
    }
    clients
}

fn read_client(
    name: &str,
    node: &Node,
    names: &Names,
    components: &[ComponentModel],
    files: &dyn Files,
    found: &mut Diagnostics,
) -> Option<ClientSpec> {
    let mut fields = Fields::of(node, "a client", found);
    let to =
        fields.need("to", found).and_then(|n| text(n, found).and_then(|name| names.receiver(n, name, found)));
    let (rate, sessions, users) = (fields.get("rate"), fields.get("sessions"), fields.get("users"));
    let ways = [rate, sessions, users].into_iter().flatten().count();
    if ways == 0 && matches!(node.value, Value::Map(_)) {
        found.add(
            Code::NeedsOneOf,
            node.place,
            format!("it is not said how many `{name}` there are"),
            "write `rate: 100/s` (requests), `sessions: 10/s` (visitors who arrive) or `users: 50` (a fixed number)",
        );
    } else if ways > 1 {
        let second = [rate, sessions, users].into_iter().flatten().nth(1).map_or(node.place, |n| n.place);
        found.add(
            Code::Conflict,
            second,
            "a client has one of `rate`, `sessions` and `users`",
            "keep the one that is meant; another crowd is another client",
        );
    }
    let mut think = fields.amount("think", Of::Time, found);
    let mut requests = Distribution::Constant(1.0);
    if let Some(session) = fields.get("session") {
        let mut session = Fields::of(session, "`session`", found);
        requests = session.amount("requests", Of::Count, found).unwrap_or(requests);
        think = session.amount("think", Of::Time, found).or(think);
        session.finish(found);
    }
    // Think times of a site's visitors: lognormal with a mean of 5 s (domain practice).
    let think = think.unwrap_or(Distribution::lognormal_mean_cv(5.0, 1.0));
    let behaviour = match (sessions, users) {
        (Some(_), _) => LoopSpec::Sessions { requests, think },
        (_, Some(users)) => {
            let users = scalar(users, quantity::count, found).unwrap_or(1).min(10_000_000) as u32;
            LoopSpec::Closed { users, think }
        }
        _ => LoopSpec::Open,
    };
    let (base, trace) = rate.or(sessions).map_or((Base::Constant(0.0), None), |n| read_rate(n, files, found));
    let mut profile = Profile { base, spikes: Vec::new() };
    for key in ["spike", "spikes"] {
        if let Some(node) = fields.get(key) {
            let single = [node.clone()];
            let all = if node.items().is_empty() { &single[..] } else { node.items() };
            for node in all {
                if let Some(spike) = read_spike(node, &profile, found) {
                    profile.spikes.push(spike);
                }
            }
        }
    }
    let arrivals = fields.get("arrivals").and_then(|n| read_arrivals(n, found));
    let arrivals = trace.or(arrivals).unwrap_or(ArrivalProcess::Poisson);
    let defaults = read_options(&mut fields, found);
    let mut mix = Vec::new();
    for (key, node) in entries(fields.get("mix"), "`mix`", found) {
        let mut entry =
            MixSpec { endpoint: key.name.clone(), weight: 1.0, priority: 0, options: defaults.clone() };
        if matches!(node.value, Value::Map(_)) {
            let mut fields = Fields::of(node, "a mix entry", found);
            entry.weight = fields.read("weight", quantity::number, found).unwrap_or(1.0);
            entry.priority = fields.read("priority", quantity::count, found).unwrap_or(0).min(255) as u8;
            let own = read_options(&mut fields, found);
            fields.finish(found);
            entry.options.timeout = own.timeout.or(entry.options.timeout);
            entry.options.deadline = own.deadline.or(entry.options.deadline);
            entry.options.retry = own.retry.or(entry.options.retry);
            entry.options.cancel |= own.cancel;
        } else {
            entry.weight = scalar(node, quantity::number, found).unwrap_or(1.0);
        }
        // A component that could not be read is none of `components`, and would be missed here.
        let whole = names.components().count() == components.len();
        if whole && to.is_some_and(|to| !serves(components, to, &key.name)) {
            let known: Vec<String> = components.iter().flat_map(|c| c.spec.operations()).collect();
            found.add(
                Code::UnknownEndpoint,
                key.place,
                format!("nothing behind `to` serves `{}`", key.name),
                crate::document::did_you_mean(&key.name, known.iter().map(String::as_str)),
            );
        }
        mix.push(entry);
    }
    if mix.iter().map(|m| m.weight).sum::<f64>() <= 0.0
        && node.get("mix").is_none_or(|mix| matches!(mix.value, Value::Map(_) | Value::Null))
        && matches!(node.value, Value::Map(_))
    {
        found.add(
            Code::NeedsOneOf,
            fields.get("mix").map_or(node.place, |mix| mix.place),
            format!("the `mix` of `{name}` asks for nothing"),
            "name at least one endpoint with a weight above 0: `mix: {GET /: 1}`",
        );
    }
    let reload = fields.get("reload").map(|node| {
        let mut reload = Fields::of(node, "`reload`", found);
        // Impatience of people: 8 s, three in ten (practitioners' figures, not verified).
        let after = reload.read("after", quantity::duration, found).map_or(8.0, SimDuration::as_secs_f64);
        let chance = reload.read("p", share, found).unwrap_or(0.3);
        let max = reload.read("max", quantity::count, found).unwrap_or(1).min(1000) as u16;
        reload.finish(found);
        ReloadSpec { after, chance, max }
    });
    let mut customer = Vec::new();
    for block in ["headers", "body"] {
        for (key, values) in entries(fields.get(block), &format!("`{block}`"), found) {
            let shares: Vec<(String, f64)> = entries(Some(values), "a field's values", found)
                .iter()
                .filter_map(|(value, part)| {
                    scalar(part, share, found).map(|share| (value.name.clone(), share))
                })
                .collect();
            let sum: f64 = shares.iter().map(|(_, share)| share).sum();
            if sum > 1.0 + 1e-9 {
                found.add(
                    Code::OutOfRange,
                    values.place,
                    format!("the shares of `{}` sum to {} %", key.name, (1e8 * sum).round() / 1e6),
                    "make them sum to 100 % or less; the rest sends no such field",
                );
            }
            customer.push((key.name.clone(), shares));
        }
    }
    fields.finish(found);
    Some(ClientSpec {
        name: name.to_owned(),
        to: to?,
        behaviour,
        arrivals,
        profile,
        mix,
        reload,
        fields: customer,
    })
}

/// Whether a request for `endpoint` sent to `target` finds someone who serves it. Where a component or a
/// route was wrong, which has been reported, the answer is yes.
pub(super) fn serves(components: &[ComponentModel], target: ComponentId, endpoint: &str) -> bool {
    use super::model::ComponentSpec;
    let mut seen = vec![false; components.len()];
    let mut open = vec![target];
    while let Some(at) = open.pop() {
        let Some(component) = components.get(at.index()) else { return true };
        if std::mem::replace(&mut seen[at.index()], true) {
            continue;
        }
        if let ComponentSpec::LoadBalancer(balancer) = &component.spec {
            if balancer.routes.is_empty() || balancer.routes.iter().any(|route| route.to.is_empty()) {
                return true;
            }
            open.extend(balancer.routes.iter().flat_map(|route| route.to.iter().map(|(to, _)| *to)));
        } else if component.spec.serves(endpoint) {
            return true;
        }
    }
    false
}

fn read_rate(node: &Node, files: &dyn Files, found: &mut Diagnostics) -> (Base, Option<ArrivalProcess>) {
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
        return (Base::Ramp(read_points(points, found)), None);
    }
    if let Some(points) = steps {
        return (Base::Steps(read_points(points, found)), None);
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
        return (Base::Constant(0.0), read_trace(node, files, found));
    }
    found.add(
        Code::BadProfile,
        node.place,
        "this is no rate",
        "write `100/s`, `{ramp: [...]}`, `{steps: [...]}`, `{diurnal: {...}}` or `{trace: {...}}`",
    );
    (Base::Constant(0.0), None)
}

fn read_points(node: &Node, found: &mut Diagnostics) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for item in items(Some(node), "the points of a profile", "[0m 1k rps, 10m 4k rps]", found) {
        let Some(written) = text(item, found) else { continue };
        let parsed = written.split_once(' ').map(|(time, rate)| {
            Ok::<_, Fault>((quantity::duration(time)?.as_secs_f64(), quantity::rate(rate)?.as_per_second()))
        });
        match parsed {
            Some(Ok(point)) if points.last().is_none_or(|last| last.0 < point.0) => points.push(point),
            Some(Err(fault)) => report(found, item, Fault { span: None, ..fault }),
            Some(Ok(_)) => found.add(
                Code::BadProfile,
                item.place,
                format!("`{written}` is not later than the point before it"),
                "write the points in the order of their times",
            ),
            None => found.add(
                Code::BadProfile,
                item.place,
                format!("`{written}` is no point of a profile"),
                "a point is a time and a rate, such as `10m 4k rps`",
            ),
        }
    }
    if points.is_empty() {
        found.add(
            Code::BadProfile,
            node.place,
            "the profile has no points",
            "write `[0m 1k rps, 10m 4k rps]`",
        );
    }
    points
}

/// Most arrivals that a trace may hold after scaling.
const MOST_ARRIVALS: f64 = 1e10;

fn read_trace(node: &Node, files: &dyn Files, found: &mut Diagnostics) -> Option<ArrivalProcess> {
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
    let body = super::merge::read_beside(name, files)
        .map_err(|(code, why)| {
            found.add(code, file.place, why, "names are relative to the scenario's folder")
        })
        .ok()?;
    let counts = super::trace::counts(&body, &columns, interval, scale).map_err(|why| {
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

fn read_spike(node: &Node, base: &Profile, found: &mut Diagnostics) -> Option<Spike> {
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

fn read_arrivals(node: &Node, found: &mut Diagnostics) -> Option<ArrivalProcess> {
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
    let between = fields.read("between", |t| distribution(t, Of::Time), found);
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
