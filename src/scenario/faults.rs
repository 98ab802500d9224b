//! The `faults:` block: `{at, VERB: target or map, for}`, or at random by `mtbf` and `mttr`.

use super::components::{Names, after};
use super::fields::{Fields, entries, items, resolve, scalar, share, text};
use super::model::{ComponentModel, ComponentSpec};
use crate::base::{ComponentId, EntityId, SimDuration};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::Group;
use crate::faults::{Fault, Verb};

/// The verbs of faults.
pub(super) const VERBS: [&str; 15] = [
    "kill",
    "restart",
    "hang",
    "slow",
    "errors",
    "latency",
    "loss",
    "lag",
    "partition",
    "zone_down",
    "deploy",
    "hot_key",
    "shift",
    "flush",
    "reset",
];

/// What faults refer to.
pub(super) struct Surroundings<'a> {
    pub(super) names: &'a Names,
    pub(super) components: &'a [ComponentModel],
    /// Names of the client populations.
    pub(super) clients: &'a [String],
    /// Names of zones, those of the network and those that components are spread over.
    pub(super) zones: &'a [String],
    /// The run's length in seconds.
    pub(super) duration: f64,
}

/// Places that each service needs beside its instances, for the rollouts of a surge.
pub(super) fn places(faults: &[Fault], components: &mut [ComponentModel]) {
    for (index, component) in components.iter_mut().enumerate() {
        let ComponentSpec::Service(service) = &mut component.spec else { continue };
        let all = crate::faults::rollouts(faults, ComponentId::at(index), service.instances);
        let most = all.iter().flat_map(|rollout| &rollout.moves).map(|step| step.place() + 1).max();
        // One at least, so that the fleet is counted also where a rollout only takes away.
        let least = u16::from(!all.is_empty());
        service.surge = most.unwrap_or(0).saturating_sub(service.instances).max(least);
    }
}

pub(super) fn read(node: Option<&Node>, around: &Surroundings<'_>, found: &mut Diagnostics) -> Vec<Fault> {
    let list = items(node, "faults", "- {at: 14m, kill: \"app[0]\", restart_after: 3m}", found);
    list.iter().filter_map(|item| read_fault(item, around, found)).collect()
}

fn read_fault(item: &Node, around: &Surroundings<'_>, found: &mut Diagnostics) -> Option<Fault> {
    let mut fields = Fields::of(item, "a fault", found);
    let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| item.get(verb).is_some()).collect();
    let [verb] = verbs.as_slice() else {
        let (message, help) = if verbs.is_empty() {
            ("a fault needs its verb".to_owned(), format!("write one of {}", VERBS.join(", ")))
        } else {
            (format!("`{}` in one fault", verbs.join("` and `")), "write one fault for each".to_owned())
        };
        found.add(Code::NeedsOneOf, item.place, message, help);
        return None;
    };
    let at = read_times(&mut fields, around.duration, found);
    let outer = seconds(&mut fields, "for", found);
    let restart_after = seconds(&mut fields, "restart_after", found);
    let random = match (seconds(&mut fields, "mtbf", found), seconds(&mut fields, "mttr", found)) {
        (Some(mtbf), Some(mttr)) if mtbf > 0.0 && mttr > 0.0 => Some((mtbf, mttr)),
        (None, None) => None,
        _ => {
            let help = "write `mtbf: 1h, mttr: 5m`";
            found.add(
                Code::NeedsOneOf,
                item.place,
                "failures at random need `mtbf` and `mttr`, above zero",
                help,
            );
            None
        }
    };
    if at.is_empty() && random.is_none() {
        let help = "write `at: 14m`, or `mtbf: 1h, mttr: 5m` for failures at random";
        found.add(Code::NeedsOneOf, item.place, "it is not said when the fault begins", help);
    }
    // Each verb is a key of its own, so that the table of keys knows them all.
    let mut value = None;
    for name in VERBS {
        value = fields.get(name).filter(|_| name == *verb).or(value);
    }
    fields.finish(found);
    if random.is_some() && SINGULAR.contains(verb) {
        let message = format!("`{verb}` is nothing that an instance does by itself");
        let help =
            "failures at random are of kill, restart, hang, slow, errors, latency or loss; write `at:`";
        found.add(Code::Conflict, item.place, message, help);
    }
    if restart_after.is_some() && *verb != "kill" {
        let place = item.get("restart_after").map(|node| node.place);
        let message = format!("`restart_after` has no effect on `{verb}`");
        found.add(Code::NoEffect, place, message, "write `for:`, or the verb `kill`");
    }
    let (verb, inner) = read_verb(verb, value?, restart_after, around, found)?;
    Some(Fault { at, random, lasts: inner.or(outer), verb })
}

/// Verbs that concern no instance by itself, so that none of them can fail at random.
const SINGULAR: [&str; 5] = ["partition", "zone_down", "deploy", "hot_key", "shift"];

fn seconds(fields: &mut Fields<'_>, key: &'static str, found: &mut Diagnostics) -> Option<f64> {
    fields.read(key, quantity::duration, found).map(SimDuration::as_secs_f64)
}

fn read_times(fields: &mut Fields<'_>, duration: f64, found: &mut Diagnostics) -> Vec<f64> {
    let Some(node) = fields.get("at") else { return Vec::new() };
    let single = [node.clone()];
    let all = if node.items().is_empty() { &single[..] } else { node.items() };
    let mut times = Vec::new();
    for node in all {
        let Some(at) = scalar(node, quantity::duration, found).map(SimDuration::as_secs_f64) else {
            continue;
        };
        if at >= duration {
            let message = format!("the fault begins after the run's end ({duration}s)");
            found.add(Code::NoEffect, node.place, message, "begin it earlier, or lengthen `duration`");
        }
        times.push(at);
    }
    times
}

/// What a verb's mapping says: its fields and the targets under `target`.
struct Target<'a> {
    fields: Option<Fields<'a>>,
    groups: Vec<Group>,
}

fn targets<'a>(node: &'a Node, what: &str, around: &Surroundings<'_>, found: &mut Diagnostics) -> Target<'a> {
    if matches!(node.value, Value::Map(_)) {
        let mut fields = Fields::of(node, what, found);
        let groups = fields.need("target", found).map(|n| groups(n, around, found)).unwrap_or_default();
        return Target { fields: Some(fields), groups };
    }
    Target { fields: None, groups: groups(node, around, found) }
}

/// `app`, `app[0]`, or a list of them.
fn groups(node: &Node, around: &Surroundings<'_>, found: &mut Diagnostics) -> Vec<Group> {
    let single = [node.clone()];
    let all = if node.items().is_empty() { &single[..] } else { node.items() };
    all.iter().flat_map(|node| group(node, around, found)).collect()
}

/// `app`, `app[0]`, or members of a database: `db.primary`, `db.replica[1]`, `db.shard[3]`.
fn group(node: &Node, around: &Surroundings<'_>, found: &mut Diagnostics) -> Vec<Group> {
    let Some(written) = text(node, found) else { return Vec::new() };
    let path = crate::metrics::vocabulary::segments(written);
    let Some(head) = path.first() else { return Vec::new() };
    // Names with dots in them are whole names.
    let whole = around.names.components().chain(around.clients.iter().map(String::as_str));
    let (name, index, rest) = match whole.clone().find(|name| *name == written) {
        Some(name) => (name, None, &path[..0]),
        None => (head.name.as_str(), head.index, &path[1..]),
    };
    let client = around.clients.iter().position(|client| client == name);
    let component = match client {
        Some(at) => ComponentId::at(around.names.components().count() + at),
        None => match around.names.component(node, name, found) {
            Some(id) => id,
            None => return Vec::new(),
        },
    };
    let model = around.components.get(component.index());
    if !rest.is_empty() {
        let words: Vec<_> = rest.iter().map(|segment| (segment.name.as_str(), segment.index)).collect();
        let members = match model.map(|model| &model.spec) {
            Some(ComponentSpec::Database(database)) => database.layout().select(&words),
            _ => Err("it is no database, so that it has no members".to_owned()),
        };
        let problem = match members {
            Ok((members, taken)) if taken == words.len() => {
                // All members are the component as a whole.
                if model.is_some_and(|model| members.len() == usize::from(model.spec.most())) {
                    return vec![Group { component, instance: None }];
                }
                return members
                    .into_iter()
                    .map(|member| Group { component, instance: Some(member) })
                    .collect();
            }
            Ok((_, taken)) => format!("it has no `{}`", words[taken].0),
            Err(problem) => problem,
        };
        let message = format!("`{written}` names no member of `{name}`: {problem}");
        let help =
            format!("write `{name}`, `{name}.primary`, `\"{name}.replica[0]\"` or `\"{name}.shard[0]\"`");
        found.add(Code::OutOfRange, node.place, message, help);
        return Vec::new();
    }
    if index.is_none() {
        return vec![Group { component, instance: None }];
    }
    let count = model.map_or(1, |c| c.spec.most());
    let fits = index.and_then(|index| u16::try_from(index).ok()).filter(|i| *i < count);
    if fits.is_none() {
        let index = index.unwrap_or_default();
        let message = format!("`{name}` has no instance `{index}`");
        let help = format!("it has {count}, counted from 0: `\"{name}[0]\"`");
        found.add(Code::OutOfRange, node.place, message, help);
        return Vec::new();
    }
    vec![Group { component, instance: fits }]
}

fn read_verb(
    verb: &str,
    node: &Node,
    restart_after: Option<f64>,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Option<(Verb, Option<f64>)> {
    match verb {
        "partition" => return read_partition(node, around, found),
        "zone_down" => {
            let name = text(node, found)?;
            let zones = around.zones.iter().map(String::as_str);
            resolve(node, name, zones, Code::UnknownName, "zone", found)?;
            return Some((Verb::ZoneDown(name.to_owned()), None));
        }
        "hot_key" => {
            let mut fields = Fields::of(node, "`hot_key`", found);
            let entity = fields.need("data", found).and_then(|n| {
                let name = text(n, found)?;
                around.names.entity(n, name, found)
            });
            let part = fields.read("share", share, found).unwrap_or(1.0);
            let lasts = seconds(&mut fields, "for", found);
            fields.finish(found);
            return Some((Verb::HotKey(entity.unwrap_or(EntityId(0)), part), lasts))
                .filter(|_| entity.is_some());
        }
        "shift" => {
            let mut fields = Fields::of(node, "`shift`", found);
            let client = fields.need("target", found).and_then(|n| {
                let name = text(n, found)?;
                let names = around.clients.iter().map(String::as_str);
                resolve(n, name, names, Code::UnknownName, "client population", found)
            });
            let by = fields.read("by", quantity::factor, found).map_or(2.0, |f| f.get());
            let lasts = seconds(&mut fields, "for", found);
            fields.finish(found);
            return client.map(|client| (Verb::Shift(client, by), lasts));
        }
        "flush" => {
            let groups = groups(node, around, found);
            let stores = |group: &Group| match around.components.get(group.component.index()).map(|c| &c.spec)
            {
                Some(ComponentSpec::Cache(_) | ComponentSpec::Cdn(_)) => true,
                Some(ComponentSpec::Service(service)) => !service.local_caches.is_empty(),
                _ => false,
            };
            if !groups.iter().all(stores) {
                found.add(
                    Code::WrongKind,
                    node.place,
                    "`flush` empties a cache",
                    "name a component of kind `cache` or `cdn`, or a service with a `local_cache`",
                );
                return None;
            }
            return Some((Verb::Flush(groups), None)).filter(|(verb, _)| *verb != Verb::Flush(Vec::new()));
        }
        _ => {}
    }
    let what = format!("`{verb}`");
    let Target { fields, groups } = targets(node, &what, around, found);
    let clients = around.names.components().count();
    if !matches!(verb, "latency" | "loss") && groups.iter().any(|group| group.component.index() >= clients) {
        let message = format!("a client population cannot be the target of `{verb}`");
        let help = "name a component; of clients, `latency`, `loss` and `partition` can be said";
        found.add(Code::WrongKind, node.place, message, help);
        return None;
    }
    if verb == "reset" && groups.iter().any(|group| group.instance.is_some()) {
        let help = "name the component: connections are kept to it, whichever instance they end at";
        found.add(Code::WrongKind, node.place, "`reset` concerns a component as a whole", help);
        return None;
    }
    let mut lasts = None;
    let read = match (verb, fields) {
        ("kill", None) => Verb::Kill { targets: groups, restart_after },
        ("hang", None) => Verb::Hang(groups),
        ("reset", None) => Verb::Reset(groups),
        ("restart", None) => Verb::Restart { targets: groups, grace: GRACE, boot: BOOT },
        ("deploy", None) => deploy(&groups, None, around, found)?,
        (_, None) => {
            let help = format!("write `{verb}: {{target: app, ...}}`");
            found.add(Code::WrongShape, node.place, format!("`{verb}` needs a mapping"), help);
            return None;
        }
        (_, Some(mut fields)) => {
            lasts = seconds(&mut fields, "for", found);
            let read = match verb {
                "kill" => {
                    let after = seconds(&mut fields, "restart_after", found).or(restart_after);
                    Verb::Kill { targets: groups, restart_after: after }
                }
                "hang" => Verb::Hang(groups),
                "reset" => Verb::Reset(groups),
                "restart" => {
                    let grace = seconds(&mut fields, "grace", found).unwrap_or(GRACE);
                    Verb::Restart {
                        targets: groups,
                        grace,
                        boot: seconds(&mut fields, "boot", found).unwrap_or(BOOT),
                    }
                }
                "slow" => {
                    let by = fields.read("by", quantity::factor, found).map_or(2.0, |f| f.get());
                    Verb::Slow(groups, by.max(1e-3))
                }
                "errors" => {
                    let part = fields.read("share", share, found).unwrap_or(1.0);
                    let status = fields.read("status", quantity::count, found).unwrap_or(500).clamp(400, 599);
                    let after = after(&mut fields, found).unwrap_or(0);
                    Verb::Errors(groups, part, status as u16, after)
                }
                "latency" => match fields.amount("by", Of::Time, found) {
                    Some(by) => Verb::Latency(groups, by),
                    None => {
                        found.add(Code::MissingKey, node.place, "`by` is missing", "add `by: 100ms`");
                        return None;
                    }
                },
                "lag" => {
                    let replicas =
                        |group: &Group| match around.components.get(group.component.index()).map(|c| &c.spec)
                        {
                            Some(ComponentSpec::Database(database)) => database.replicas.is_some(),
                            _ => false,
                        };
                    if !groups.iter().all(replicas) {
                        let help = "name replicas of a database: `lag: {target: db.replicas, by: 10s}`";
                        found.add(Code::WrongKind, node.place, "only a replica can lag", help);
                        return None;
                    }
                    Verb::Lag(groups, seconds(&mut fields, "by", found).unwrap_or(10.0))
                }
                "loss" => Verb::Loss(groups, fields.read("share", share, found).unwrap_or(0.01).min(0.5)),
                _ => deploy(&groups, Some(&mut fields), around, found)?,
            };
            fields.finish(found);
            read
        }
    };
    Some((read, lasts))
}

/// Kubernetes' `terminationGracePeriodSeconds`, 30 s (common practice, not verified).
const GRACE: f64 = 30.0;
/// From start to serving, for a pod on a node that is there (a minute at most is reported).
const BOOT: f64 = 30.0;

fn deploy(
    groups: &[Group],
    fields: Option<&mut Fields<'_>>,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Option<Verb> {
    let component = groups.first()?.component;
    // Kubernetes' rolling update allows a quarter to be unavailable.
    let (mut max_unavailable, mut grace, mut boot, mut errors, mut slow) = (0.25, GRACE, BOOT, 0.0, 1.0);
    let (mut max_surge, mut ready) = (0.0, true);
    if let Some(fields) = fields {
        max_surge = fields.read("max_surge", share, found).unwrap_or(max_surge);
        ready = fields.flag("ready", found).unwrap_or(ready);
        let scaled = around.components.get(component.index()).is_some_and(|component| {
            !matches!(&component.spec, ComponentSpec::Service(service) if service.autoscale.is_none())
        });
        if scaled && (max_surge > 0.0 || !ready) {
            found.add(
                Code::Conflict,
                fields.place(),
                "`max_surge` and `ready` need a service with a fixed number of instances",
                "leave out its `autoscale`, or roll out in place: `max_surge: 0%`",
            );
            return None;
        }
        max_unavailable = fields.read("max_unavailable", share, found).unwrap_or(max_unavailable);
        grace = seconds(fields, "grace", found).unwrap_or(grace);
        boot = seconds(fields, "boot", found).unwrap_or(boot);
        errors = fields.read("errors", share, found).unwrap_or(errors);
        slow = fields.read("slow", quantity::factor, found).map_or(slow, |f| f.get());
    }
    Some(Verb::Deploy { component, max_surge, max_unavailable, ready, grace, boot, errors, slow })
}

fn read_partition(
    node: &Node,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Option<(Verb, Option<f64>)> {
    if let [a, b] = node.items() {
        let (from, to) = (group(a, around, found), group(b, around, found));
        let read = !from.is_empty() && !to.is_empty();
        return read.then_some((Verb::Partition { from, to, one_way: false }, None));
    }
    if entries(Some(node), "`partition`", found).is_empty() {
        return None;
    }
    let mut fields = Fields::of(node, "`partition`", found);
    let from = fields.need("from", found).map(|n| groups(n, around, found)).unwrap_or_default();
    let to = fields.need("to", found).map(|n| groups(n, around, found)).unwrap_or_default();
    let one_way = fields.flag("one_way", found).unwrap_or(false);
    let lasts = seconds(&mut fields, "for", found);
    fields.finish(found);
    Some((Verb::Partition { from, to, one_way }, lasts))
}
