//! The `clients:` block.

use std::sync::Arc;

use super::beside::Beside;
use super::components::{Names, read_options};
use super::fields::{Fields, report, scalar, text};
use super::model::{ClientSpec, ComponentModel, ComponentSpec, MixSpec, ReloadSpec};
use super::replay::{Replays, Trace};
use crate::base::random::Distribution;
use crate::base::{ComponentId, EntityId, SimDuration};
use crate::components::service::spec::Step;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Fault, Node, Value, quantity};
use crate::workload::{ArrivalProcess, Base, Loop, Profile, ReplayRow, Spike};

/// What a client refers to.
pub(super) struct Surroundings<'a> {
    pub(super) names: &'a Names,
    pub(super) components: &'a [ComponentModel],
    pub(super) replays: &'a Replays,
    pub(super) beside: &'a Beside<'a>,
}

pub(super) fn read(
    node: Option<&Node>,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Vec<ClientSpec> {
    let mut clients = Vec::new();
    for (at, (key, node)) in node.map_or(&[][..], Node::entries).iter().enumerate() {
        let trace = around.replays.traces.iter().find(|trace| trace.client == at);
        if let Some(client) = read_client(&key.name, node, trace, around, found) {
            clients.push(client);
        }
    }
    clients
}

fn read_client(
    name: &str,
    node: &Node,
    trace: Option<&Trace>,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Option<ClientSpec> {
    let Surroundings { names, components, beside, .. } = *around;
    let mut fields = Fields::of(node, "a client", found);
    let to = fields
        .need("to", found)
        .and_then(|n| text(n, found).and_then(|name| names.component(n, name, found)));
    let (rate, sessions, users) = (fields.get("rate"), fields.get("sessions"), fields.get("users"));
    let replay = fields.get("replay");
    let ways = [rate, sessions, users, replay].into_iter().flatten().count();
    if ways != 1 {
        let code = if ways == 0 { Code::NeedsOneOf } else { Code::Conflict };
        found.add(
            code,
            node.place,
            "a client has exactly one of `rate`, `sessions`, `users` and `replay`",
            "keep one of them",
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
    let mut behaviour = match (sessions, users) {
        (Some(_), _) => Loop::Sessions { requests, think },
        (_, Some(users)) => {
            let users = scalar(users, quantity::count, found).unwrap_or(1).min(10_000_000) as u32;
            Loop::Closed { users, think }
        }
        _ => Loop::Open,
    };
    let (base, counts) =
        rate.or(sessions).map_or((Base::Constant(0.0), None), |n| read_rate(n, beside, found));
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
    let arrivals = counts.or(arrivals).unwrap_or(ArrivalProcess::Poisson);
    let defaults = read_options(&mut fields, found);
    let mut mix = Vec::new();
    for (key, node) in fields.get("mix").map_or(&[][..], Node::entries) {
        let mut entry = MixSpec {
            endpoint: key.name.clone(),
            weight: 1.0,
            priority: 0,
            options: defaults.clone(),
            writes: false,
        };
        if matches!(node.value, Value::Map(_)) {
            let mut fields = Fields::of(node, "a mix entry", found);
            entry.weight = fields.read("weight", quantity::number, found).unwrap_or(1.0);
            entry.priority = fields.read("priority", quantity::count, found).unwrap_or(0).min(255) as u8;
            let own = read_options(&mut fields, found);
            fields.finish(found);
            entry.options.timeout = own.timeout.or(entry.options.timeout);
            entry.options.deadline = own.deadline.or(entry.options.deadline);
            entry.options.retry = own.retry.or(entry.options.retry);
        } else {
            entry.weight = scalar(node, quantity::number, found).unwrap_or(1.0);
        }
        if entry.weight < 0.0 {
            found.add(Code::OutOfRange, node.place, "a weight is not negative", "write a share such as 60");
        }
        let served = to.is_none_or(|to| serves(components, to, &key.name, 0));
        if !served {
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
    if let Some(trace) = trace {
        for endpoint in &trace.endpoints {
            if mix.iter().any(|entry| entry.endpoint == *endpoint) {
                continue;
            }
            if to.is_some_and(|to| !serves(components, to, endpoint, 0)) {
                let known: Vec<String> = components.iter().flat_map(|c| c.spec.operations()).collect();
                found.add(
                    Code::UnknownEndpoint,
                    replay.map(|n| n.place),
                    format!("the trace asks for `{endpoint}`, and nothing behind `to` serves it"),
                    crate::document::did_you_mean(endpoint, known.iter().map(String::as_str)),
                );
            }
            let (endpoint, options) = (endpoint.clone(), defaults.clone());
            mix.push(MixSpec { endpoint, weight: 1.0, priority: 0, options, writes: false });
        }
        let rows = trace.rows.iter().map(|row| {
            let endpoint = &trace.endpoints[row.endpoint as usize];
            let operation = mix.iter().position(|entry| entry.endpoint == *endpoint).unwrap_or(0) as u16;
            ReplayRow { at: row.at, operation, key: row.key, size: row.size }
        });
        behaviour = Loop::Replay { rows: Arc::new(rows.collect()), first: trace.first };
    }
    for entry in &mut mix {
        entry.writes = to.is_some_and(|to| writes(components, to, &entry.endpoint, 0));
    }
    let (write_share, owner, read_back) = read_ownership(&mut fields, names, &mix, found);
    let (keep_alive, from) = (read_connections(&mut fields, found), read_from(&mut fields, found));
    if mix.iter().map(|m| m.weight).sum::<f64>() <= 0.0 {
        found.add(
            Code::NeedsOneOf,
            node.place,
            "the `mix` asks for nothing",
            "name at least one endpoint with a weight",
        );
    }
    let reload = fields.get("reload").map(|node| {
        let mut reload = Fields::of(node, "`reload`", found);
        // Impatience of people: 8 s, three in ten (practitioners' figures, not verified).
        let after = reload.read("after", quantity::duration, found).map_or(8.0, SimDuration::as_secs_f64);
        let chance = reload.read("p", quantity::ratio, found).map_or(0.3, |p| p.get());
        let max = reload.read("max", quantity::count, found).unwrap_or(1).min(1000) as u16;
        reload.finish(found);
        ReloadSpec { after, chance, max }
    });
    let mut customer = Vec::new();
    for block in ["headers", "body"] {
        for (key, values) in fields.get(block).map_or(&[][..], Node::entries) {
            let shares = values.entries().iter().filter_map(|(value, share)| {
                scalar(share, quantity::ratio, found).map(|share| (value.name.clone(), share.get()))
            });
            customer.push((key.name.clone(), shares.collect()));
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
        write_share,
        owner,
        read_back,
        keep_alive,
        from,
        reload,
        fields: customer,
    })
}

/// Whether a request for `endpoint` sent to `target` finds someone who serves it.
pub(super) fn serves(components: &[ComponentModel], target: ComponentId, endpoint: &str, depth: u32) -> bool {
    match components.get(target.index()).map(|c| &c.spec) {
        Some(ComponentSpec::LoadBalancer(balancer)) => {
            depth < 16
                && balancer
                    .routes
                    .iter()
                    .any(|r| r.to.iter().any(|(to, _)| serves(components, *to, endpoint, depth + 1)))
        }
        Some(spec) => spec.operations().iter().any(|name| name == endpoint),
        // The target itself was wrong and has been reported.
        None => true,
    }
}

/// Whether a request for `endpoint` sent to `target` can write to a database.
fn writes(components: &[ComponentModel], target: ComponentId, endpoint: &str, depth: u32) -> bool {
    if depth >= 16 {
        return false;
    }
    match components.get(target.index()).map(|c| &c.spec) {
        Some(ComponentSpec::LoadBalancer(balancer)) => {
            let mut targets = balancer.routes.iter().flat_map(|route| &route.to);
            targets.any(|(to, _)| writes(components, *to, endpoint, depth + 1))
        }
        Some(ComponentSpec::Service(service)) => {
            let steps = service.endpoints.iter().filter(|e| e.name == endpoint).flat_map(|e| &e.steps);
            steps.into_iter().any(|step| step_writes(components, step, depth))
        }
        Some(ComponentSpec::Database(database)) => {
            database.queries.iter().any(|query| query.name == endpoint && query.writes)
        }
        None => false,
    }
}

fn step_writes(components: &[ComponentModel], step: &Step, depth: u32) -> bool {
    let any = |steps: &[Step]| steps.iter().any(|step| step_writes(components, step, depth));
    match step {
        Step::Call { target, operation, .. } => {
            let operations = components.get(target.index()).map(|c| c.spec.operations()).unwrap_or_default();
            operations.get(operation.index()).is_some_and(|name| writes(components, *target, name, depth + 1))
        }
        Step::Parallel { branches, .. } => branches.iter().any(|branch| any(branch)),
        Step::If { then, otherwise, .. } => any(then) || any(otherwise),
        Step::Lock { steps, .. } => any(steps),
        _ => false,
    }
}

/// The share of writes over time, whose row is whose, and who reads what it wrote.
type Ownership = (Option<Profile>, Option<EntityId>, Option<(f64, Distribution)>);

fn read_ownership(
    fields: &mut Fields<'_>,
    names: &Names,
    mix: &[MixSpec],
    found: &mut Diagnostics,
) -> Ownership {
    let write_share = fields.get("write_share").and_then(|node| {
        let base = read_shares(node, found)?;
        let both =
            mix.iter().any(|e| e.writes && e.weight > 0.0) && mix.iter().any(|e| !e.writes && e.weight > 0.0);
        if !both {
            found.add(
                Code::Contradiction,
                node.place,
                "`write_share` needs a mix of endpoints that write and endpoints that do not",
                "an endpoint writes if one of its queries has `write:`",
            );
        }
        Some(Profile { base, spikes: Vec::new() })
    });
    let owner = fields
        .get("sessions_of")
        .and_then(|node| text(node, found).and_then(|name| names.entity(node, name, found)));
    let read_back = fields.get("read_own_write").map(|node| {
        let mut back = Fields::of(node, "`read_own_write`", found);
        let chance = back.read("p", quantity::ratio, found).map_or(1.0, |p| p.get());
        let after = back.amount("after", Of::Time, found).unwrap_or(Distribution::Constant(0.0));
        back.finish(found);
        if owner.is_none() {
            found.add(
                Code::NeedsOneOf,
                node.place,
                "`read_own_write` needs to know whose row it is",
                "add `sessions_of: user`",
            );
        }
        (chance, after)
    });
    (write_share, owner, read_back)
}

/// A share, or one that varies with time.
fn read_shares(node: &Node, found: &mut Diagnostics) -> Option<Base> {
    if node.text().is_some() {
        return scalar(node, quantity::ratio, found).map(|share| Base::Constant(share.get()));
    }
    let mut fields = Fields::of(node, "a share", found);
    let (ramp, steps) = (fields.get("ramp"), fields.get("steps"));
    fields.finish(found);
    let share = |text: &str| quantity::ratio(text).map(|share| share.get());
    match (ramp, steps) {
        (Some(points), _) => {
            Some(Base::Ramp(read_points(points, share, "write `10m 45%`, with rising times", found)))
        }
        (_, Some(points)) => {
            Some(Base::Steps(read_points(points, share, "write `10m 45%`, with rising times", found)))
        }
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

/// How long a connection is kept between the requests of a person: browsers keep them as long as the
/// server does, 75 s for nginx (`keepalive_timeout`).
const KEEP_ALIVE: SimDuration = SimDuration::from_secs(75);

fn read_connections(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<SimDuration> {
    let Some(node) = fields.get("connections") else { return Some(KEEP_ALIVE) };
    let mut connections = Fields::of(node, "`connections`", found);
    let keep = match connections.get("keepalive") {
        None => Some(KEEP_ALIVE),
        Some(node) => match node.text() {
            Some("false" | "off" | "none") => None,
            Some("true" | "on") => Some(KEEP_ALIVE),
            _ => scalar(node, quantity::duration, found),
        },
    };
    connections.finish(found);
    keep
}

fn read_from(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Vec<(String, f64)> {
    let Some(node) = fields.get("from") else { return Vec::new() };
    if let Some(name) = node.text() {
        return vec![(name.to_owned(), 1.0)];
    }
    let shares = node.entries().iter().filter_map(|(region, share)| {
        scalar(share, quantity::ratio, found).map(|share| (region.name.clone(), share.get()))
    });
    let mut from: Vec<(String, f64)> = shares.collect();
    let total: f64 = from.iter().map(|(_, share)| share).sum();
    if (total - 1.0).abs() > 1e-6 {
        found.add(
            Code::BadParameter,
            node.place,
            format!("the shares sum to {:.4} %", total * 100.0),
            "let them sum to 100 %",
        );
    }
    from.iter_mut().for_each(|(_, share)| *share /= total.max(1e-9));
    from
}

fn read_rate(node: &Node, beside: &Beside<'_>, found: &mut Diagnostics) -> (Base, Option<ArrivalProcess>) {
    if node.text().is_some() {
        let rate = scalar(node, quantity::rate, found).map_or(0.0, |r| r.as_per_second());
        return (Base::Constant(rate), None);
    }
    let mut fields = Fields::of(node, "a rate", found);
    let (ramp, steps) = (fields.get("ramp"), fields.get("steps"));
    let (diurnal, trace) = (fields.get("diurnal"), fields.get("trace"));
    fields.finish(found);
    if let Some(points) = ramp {
        return (Base::Ramp(read_rates(points, found)), None);
    }
    if let Some(points) = steps {
        return (Base::Steps(read_rates(points, found)), None);
    }
    if let Some(node) = diurnal {
        let mut fields = Fields::of(node, "`diurnal`", found);
        let mean = fields.read("mean", quantity::rate, found).map_or(0.0, |r| r.as_per_second());
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
    read_points(node, rate, "write `10m 4k rps`, with rising times", found)
}

fn read_points(
    node: &Node,
    value: impl Fn(&str) -> Result<f64, Fault>,
    help: &str,
    found: &mut Diagnostics,
) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for item in node.items() {
        let Some(written) = text(item, found) else { continue };
        let parsed = written
            .split_once(' ')
            .map(|(time, rate)| Ok::<_, Fault>((quantity::duration(time)?.as_secs_f64(), value(rate)?)));
        match parsed {
            Some(Ok(point)) if points.last().is_none_or(|last| last.0 < point.0) => points.push(point),
            Some(Err(fault)) => report(found, item, Fault { span: None, ..fault }),
            _ => found.add(
                Code::BadProfile,
                item.place,
                format!("`{written}` does not continue the profile"),
                help,
            ),
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
            "the spike is lower than the rate it starts from",
            "raise `to`",
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
    let between = fields.amount("between", Of::Time, found);
    let batch = fields.read("batch", quantity::count, found);
    let mmpp = fields.get("mmpp");
    fields.finish(found);
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
