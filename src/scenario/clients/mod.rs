//! The `clients:` block.

mod ownership;
mod poll;
mod rate;
mod reach;
pub(super) mod replay;

use std::sync::Arc;

use self::ownership::read_ownership;
use self::rate::{read_arrivals, read_rate, read_spike};
use self::reach::{serves, writes};
use self::replay::{Replays, Trace};
use super::beside::Beside;
use super::components::{Names, field, read_options};
use super::fields::{Fields, entries, scalar, share, text};
use super::model::{ClientSpec, ComponentModel, MixSpec, ReloadSpec, endpoints};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::faults::{Fault, Verb};
use crate::workload::{ArrivalProcess, Base, ConnectionSpec, Loop, Profile, ReplayRow, Spike};

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
    for (at, (key, node)) in entries(node, "`clients`", found).iter().enumerate() {
        let trace = around.replays.traces.iter().find(|trace| trace.client == at);
        if let Some(client) = read_client(&key.name, node, trace, around, found) {
            clients.push(ClientSpec { place: key.place, ..client });
        }
    }
    clients
}

/// A lost region's traffic comes to the others: the rate of a population, multiplied for a while.
pub(super) fn shift(clients: &mut [ClientSpec], faults: &[Fault], duration: f64) {
    for fault in faults {
        let Verb::Shift(client, by) = fault.verb else { continue };
        let Some(client) = clients.get_mut(client) else { continue };
        for at in &fault.at {
            let add = client.profile.rate(*at) * (by - 1.0).max(0.0);
            let hold = fault.lasts.unwrap_or(duration - at).max(0.0);
            client.profile.spikes.push(Spike { at: *at, add, rise: 0.0, hold, half_life: 0.0 });
        }
    }
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
    let to =
        fields.need("to", found).and_then(|n| text(n, found).and_then(|name| names.receiver(n, name, found)));
    let (rate, sessions, users) = (fields.get("rate"), fields.get("sessions"), fields.get("users"));
    let replay = fields.get("replay");
    let ways = [rate, sessions, users, replay].into_iter().flatten().count();
    // Gaps and modulated rates are a rate of their own, which need not be said twice.
    let written = fields.get("arrivals");
    let paced = written.is_some_and(|n| n.get("between").is_some() || n.get("mmpp").is_some());
    if ways == 0 && !paced && matches!(node.value, Value::Map(_)) {
        found.add(
            Code::NeedsOneOf,
            node.place,
            format!("it is not said how many `{name}` there are"),
            "write `rate: 100/s` (requests), `sessions: 10/s` (visitors who arrive), `users: 50` (a fixed number) or `replay: {file: ...}`",
        );
    } else if ways > 1 {
        let mut ways = [rate, sessions, users, replay].into_iter().flatten();
        found.add(
            Code::Conflict,
            ways.nth(1).map_or(node.place, |n| n.place),
            "a client has one of `rate`, `sessions`, `users` and `replay`",
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
    let arrivals = written.and_then(|n| read_arrivals(n, found));
    if let (Some(node), Some(own)) = (written, arrivals.as_ref().and_then(ArrivalProcess::own_rate)) {
        follow_own_rate(&mut profile, own, node, found);
    }
    let arrivals = counts.or(arrivals).unwrap_or(ArrivalProcess::Poisson);
    let defaults = read_options(&mut fields, found);
    let class = read_class(&mut fields, found);
    // A component that could not be read is none of `components`, and would be missed here.
    let whole = names.components().count() == components.len();
    let mut mix = Vec::new();
    for (key, node) in entries(fields.get("mix"), "`mix`", found) {
        let mut entry = MixSpec {
            endpoint: key.name.clone(),
            weight: 1.0,
            priority: class.unwrap_or(0),
            options: defaults.clone(),
            writes: false,
        };
        if matches!(node.value, Value::Map(_)) {
            let mut fields = Fields::of(node, "a mix entry", found);
            entry.weight = fields.read("weight", quantity::weight, found).unwrap_or(1.0);
            entry.priority = read_class(&mut fields, found).unwrap_or(entry.priority);
            let own = read_options(&mut fields, found);
            fields.finish(found);
            entry.options = own.or(&defaults);
        } else {
            entry.weight = scalar(node, quantity::weight, found).unwrap_or(1.0);
        }
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
    if let Some(trace) = trace {
        for endpoint in &trace.endpoints {
            if mix.iter().any(|entry| entry.endpoint == *endpoint) {
                continue;
            }
            if whole && to.is_some_and(|to| !serves(components, to, endpoint)) {
                let known: Vec<String> = components.iter().flat_map(|c| c.spec.operations()).collect();
                found.add(
                    Code::UnknownEndpoint,
                    replay.map(|n| n.place),
                    format!("the trace asks for `{endpoint}`, and nothing behind `to` serves it"),
                    crate::document::did_you_mean(endpoint, known.iter().map(String::as_str)),
                );
            }
            let (endpoint, options) = (endpoint.clone(), defaults.clone());
            let priority = class.unwrap_or(0);
            mix.push(MixSpec { endpoint, weight: 1.0, priority, options, writes: false });
        }
        let rows = trace.rows.iter().map(|row| {
            let endpoint = &trace.endpoints[row.endpoint as usize];
            let operation = mix.iter().position(|entry| entry.endpoint == *endpoint).unwrap_or(0) as u16;
            ReplayRow { at: row.at, operation, key: row.key, size: row.size }
        });
        behaviour = Loop::Replay { rows: Arc::new(rows.collect()), first: trace.first };
    }
    let passed_on = endpoints(components);
    for entry in &mut mix {
        entry.writes = to.is_some_and(|to| writes(components, &passed_on, to, &entry.endpoint));
    }
    let (write_share, owner, read_back) = read_ownership(&mut fields, names, &mix, found);
    let (connections, from) = (read_connections(&mut fields, found), read_from(&mut fields, found));
    if mix.iter().map(|m| m.weight).sum::<f64>() <= 0.0
        && node.get("mix").is_none_or(|mix| matches!(mix.value, Value::Map(_) | Value::Null))
        && replay.is_none()
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
    let poll = poll::read(&mut fields, &defaults, found);
    if let Some((poll, key)) = &poll
        && whole
        && to.is_some_and(|to| !serves(components, to, &poll.endpoint))
    {
        let known: Vec<String> = components.iter().flat_map(|c| c.spec.operations()).collect();
        found.add(
            Code::UnknownEndpoint,
            *key,
            format!("nothing behind `to` serves `{}`", poll.endpoint),
            crate::document::did_you_mean(&poll.endpoint, known.iter().map(String::as_str)),
        );
    }
    let mut customer = Vec::new();
    for block in ["headers", "cookies", "body"] {
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
            customer.push((field(block.trim_end_matches('s'), &key.name), shares));
        }
    }
    fields.finish(found);
    Some(ClientSpec {
        name: name.to_owned(),
        place: node.place,
        to: to?,
        behaviour,
        arrivals,
        profile,
        mix,
        write_share,
        owner,
        read_back,
        poll: poll.map(|(poll, _)| poll),
        connections,
        from,
        reload,
        fields: customer,
    })
}

/// Makes the profile say what arrivals with a rate of their own do, and warns where it said something else.
fn follow_own_rate(profile: &mut Profile, own: f64, node: &Node, found: &mut Diagnostics) {
    let same = match profile.base {
        Base::Constant(rate) => rate == 0.0 || (rate / own - 1.0).abs() < 0.01,
        _ => false,
    };
    if !same || !profile.spikes.is_empty() {
        found.add(
            Code::NoEffect,
            node.place,
            format!(
                "these arrivals come at {own:.4}/s by themselves: the rate and its spikes change nothing"
            ),
            "leave out the rate, or write `arrivals: poisson`",
        );
    }
    *profile = Profile { base: Base::Constant(own), spikes: Vec::new() };
}

/// How long a connection is kept between the requests of a person: browsers keep them as long as the
/// server does, 75 s for nginx (`keepalive_timeout`).
const KEEP_ALIVE: SimDuration = SimDuration::from_secs(75);
/// Shared connections of one population at most.
const MOST_CONNECTIONS: u64 = 1_000_000;

fn read_connections(fields: &mut Fields<'_>, found: &mut Diagnostics) -> ConnectionSpec {
    let usual = ConnectionSpec { keep_alive: Some(KEEP_ALIVE), ..ConnectionSpec::default() };
    let Some(node) = fields.get("connections") else { return usual };
    let mut connections = Fields::of(node, "`connections`", found);
    let shares =
        connections.choice("http", &[("1.1", false), ("1", false), ("2", true)], found).unwrap_or(false);
    let max = connections.read("max", quantity::count, found);
    let lifetime = connections.read("lifetime", quantity::duration, found);
    let keep_alive = match connections.get("keepalive") {
        None => Some(KEEP_ALIVE),
        Some(node) => match node.text() {
            Some("false" | "off" | "none") => None,
            Some("true" | "on") => Some(KEEP_ALIVE),
            _ => scalar(node, quantity::duration, found),
        },
    };
    connections.finish(found);
    if max.is_some() && !shares {
        let message = "`max` counts the connections that requests share, which they do in HTTP/2 alone";
        found.add(Code::Conflict, node.place, message, "write `{http: 2, max: 10}`, or leave `max` out");
    }
    if shares && keep_alive.is_none() {
        let message = "connections that are shared are kept";
        found.add(Code::Conflict, node.place, message, "leave out `keepalive: off`, or `http: 2`");
    }
    let shared = shares.then(|| max.unwrap_or(1).clamp(1, MOST_CONNECTIONS) as u32);
    ConnectionSpec { keep_alive, shared, lifetime: lifetime.filter(|life| !life.is_zero()) }
}

fn read_from(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Vec<(String, f64)> {
    let Some(node) = fields.get("from") else { return Vec::new() };
    if let Some(name) = node.text() {
        return vec![(name.to_owned(), 1.0)];
    }
    let shares = node.entries().iter().filter_map(|(region, written)| {
        scalar(written, share, found).map(|share| (region.name.clone(), share))
    });
    let mut from: Vec<(String, f64)> = shares.collect();
    let total: f64 = from.iter().map(|(_, share)| share).sum();
    if (total - 1.0).abs() > 1e-6 {
        found.add(
            Code::BadParameter,
            node.place,
            format!("the shares sum to {} %", (1e8 * total).round() / 1e6),
            "let them sum to 100 %",
        );
    }
    from.iter_mut().for_each(|(_, share)| *share /= total.max(1e-9));
    from
}

/// A scheduling class.
fn read_class(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<u8> {
    fields.read("priority", quantity::count, found).map(|class| class.min(255) as u8)
}
