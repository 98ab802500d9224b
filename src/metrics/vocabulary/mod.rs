//! The one vocabulary: from a name in an objective, an expectation or a report to what it means in a model.
//!
//! Rules: a bare component stands for all its instances: utilisations are means over them (weighted by
//! servers), queues, in-flight numbers and counts are sums, waits are pooled, a maximum is the largest of
//! any one of them. A name that nothing in the model supplies is an error, never an empty value; one that
//! another kind of component would supply is an error that names the kind.

use super::catalog::{Catalog, ComponentInfo, ResourceInfo, Role};
use crate::document::quantity;
use crate::engine::Transacted;

mod logs;
mod metric;
mod queues;
mod segments;

pub use metric::{AgeOf, Gauge, Metric, MetricReference, Requests, Statistic, StoreGauge, UnknownMetric};
pub use segments::{Argument, Segment, segments};

const PLAIN: [(&str, Metric); 15] = [
    ("offered", Metric::Offered),
    ("throughput", Metric::Throughput),
    ("goodput", Metric::Goodput),
    ("availability", Metric::Availability),
    ("rate_503", Metric::Status(503)),
    ("timeouts", Metric::Timeouts),
    ("abandoned", Metric::Abandoned),
    ("unfinished", Metric::Unfinished),
    ("attempts_per_request", Metric::AttemptsPerRequest),
    ("wasted_work", Metric::WastedWork),
    ("time_to_recover", Metric::TimeToRecover),
    ("cost", Metric::Cost),
    ("cost_per_million_good", Metric::CostPerMillionGood),
    ("cost_per_spike", Metric::CostPerSpike),
    ("cost_of_redundancy", Metric::CostOfRedundancy),
];

const OTHER_HEADS: [&str; 11] =
    ["burn_rate", "alert_at", "degraded", "mean", "max", "p50", "p90", "p95", "p99", "errors", "skew"];

/// Names that stand before an entity.
const OF_ENTITY: [&str; 7] = [
    "hit_ratio",
    "stale_reads",
    "staleness",
    "versions_behind",
    "write_amplification",
    "cache_writes",
    "divergence",
];

const OF_COMPONENT: [&str; 16] = [
    "cost",
    "throttled",
    "memory",
    "limit",
    "instances",
    "cpu",
    "offered_cpu",
    "utilisation",
    "queue",
    "wait",
    "in_flight",
    "pool",
    "connections",
    "workers",
    "io",
    "primary",
];

/// What becomes of transactions and sagas.
const TRANSACTED: [(&str, Transacted); 7] = [
    ("commits", Transacted::Committed),
    ("rollbacks", Transacted::RolledBack),
    ("deadlocks", Transacted::Deadlocked),
    ("half_commits", Transacted::HalfCommitted),
    ("compensations", Transacted::Compensated),
    ("left_half_done", Transacted::LeftHalfDone),
    ("seen_half_done", Transacted::SeenHalfDone),
];

/// Stores of one component that a report shows one by one.
const MOST_PLACES: usize = 32;

/// Names that exist in the language and are supplied by kinds of components that this model does not have.
const ELSEWHERE: [(&str, &str); 28] = [
    ("hit_ratio", "a cache"),
    ("divergence", "a cache"),
    ("cache_writes", "a cache"),
    ("monotonic_violations", "a cache"),
    ("evictions", "a cache"),
    ("depth", "a queue"),
    ("oldest_age", "a queue"),
    ("dead_lettered", "a queue"),
    ("redelivered", "a queue"),
    ("duplicates", "a queue"),
    ("lost", "a queue"),
    ("completion_time", "a queue"),
    ("replica", "a database with replicas"),
    ("lag", "a database with replicas"),
    ("ryw_violations", "a database with replicas and a client with `read_own_write`"),
    ("lost_writes", "a database with replicas"),
    ("outage", "a database with replicas"),
    ("commits", "a step `transaction`"),
    ("rollbacks", "a step `transaction`"),
    ("deadlocks", "a step `transaction`"),
    ("half_commits", "a step `transaction`"),
    ("compensations", "a step `saga`"),
    ("left_half_done", "a step `saga`"),
    ("seen_half_done", "a step `saga`"),
    ("throttles", "a database with `capacity`"),
    ("in_doubt", "a sharded database with transactions"),
    ("shard", "a sharded database"),
    ("shards", "a sharded database"),
];

fn unknown(message: String) -> UnknownMetric {
    UnknownMetric { message, suggestion: None }
}

fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 4 && distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

fn statistic(word: &str) -> Option<Statistic> {
    match word {
        "mean" => Some(Statistic::Mean),
        "max" => Some(Statistic::Max),
        _ => {
            let digits = word.strip_prefix('p')?;
            digits.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
            let percent: f64 = digits.parse().ok()?;
            (percent > 0.0 && percent <= 100.0).then_some(Statistic::Percentile(percent / 100.0))
        }
    }
}

impl MetricReference {
    /// What `text` means in the model of `catalog`. Windows in parentheses are not read from text: whoever
    /// parses expressions hands them over with [`Self::resolve`].
    ///
    /// # Errors
    /// If nothing in the model supplies it.
    pub fn parse(text: &str, catalog: &Catalog) -> Result<Self, UnknownMetric> {
        Self::resolve(&segments(text), catalog)
    }

    /// What a name means in the model of `catalog`.
    ///
    /// # Errors
    /// If nothing in the model supplies it.
    pub fn resolve(path: &[Segment], catalog: &Catalog) -> Result<Self, UnknownMetric> {
        let Some(head) = path.first() else { return Err(unknown("a metric's name is missing".to_owned())) };
        let window = path.iter().flat_map(|s| &s.arguments).find_map(|a| match a {
            Argument::Window(from, to) => Some((*from, *to)),
            Argument::Text(_) => None,
        });
        let texts: Vec<&str> = head.arguments.iter().filter_map(text_of).collect();
        let metric = match catalog.components.iter().find(|c| c.name == head.name) {
            Some(component) => of_component(component, head.index, &path[1..], catalog)?,
            None => of_run(head, &texts, &path[1..], catalog)?,
        };
        Ok(Self { metric, window })
    }
}

fn text_of(argument: &Argument) -> Option<&str> {
    match argument {
        Argument::Text(text) => Some(text),
        Argument::Window(..) => None,
    }
}

fn of_run(
    head: &Segment,
    texts: &[&str],
    rest: &[Segment],
    catalog: &Catalog,
) -> Result<Metric, UnknownMetric> {
    let name = head.name.as_str();
    if name == "errors" {
        return errors(rest, catalog);
    }
    let trailing = |metric: Metric| match rest.first() {
        None => Ok(metric),
        Some(more) => Err(unknown(format!("`{name}` has no `.{}`", more.name))),
    };
    if let Some((_, metric)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
        if let Some(text) = texts.first() {
            return Err(unknown(format!("`{name}` takes no argument such as `{text}`")));
        }
        return trailing(metric.clone());
    }
    if let Some(statistic) = statistic(name) {
        let requests = match texts {
            [] => Requests::Good,
            ["errors"] => Requests::Errors,
            [endpoint] => Requests::Endpoint(endpoint_named(endpoint, catalog)?),
            _ => return Err(unknown(format!("`{name}` takes one endpoint or `errors`, and a window"))),
        };
        return trailing(Metric::Latency(statistic, requests));
    }
    if let Some(of_log) = logs::of_run(name, texts, rest, catalog) {
        return of_log;
    }
    if let Some(of_queue) = queues::of_run(name, texts, rest, catalog) {
        return of_queue;
    }
    match (name, texts) {
        ("outage", []) if has_replicas(catalog) => {
            trailing(Metric::Worst(each(Gauge::Duration, of_kind(Role::Outage, |_| true, catalog))))
        }
        ("lost_writes", []) if can_lose(catalog) => trailing(Metric::LostWrites),
        ("ryw_violations", []) if keeps_copies(catalog) || has_replicas(catalog) => {
            trailing(Metric::OwnWritesUnread)
        }
        ("monotonic_violations", []) if keeps_copies(catalog) || has_replicas(catalog) => {
            trailing(Metric::ReadsGoneBack)
        }
        ("hit_ratio" | "divergence" | "cache_writes", _) if !keeps_copies(catalog) => {
            Err(elsewhere(name).unwrap_or_else(|| unknown(format!("no component keeps copies for `{name}`"))))
        }
        (_, []) if catalog.transactions && transacted(name).is_some() => {
            trailing(Metric::Transactions(transacted(name).unwrap_or(Transacted::Committed)))
        }
        ("throttles", []) if catalog.sells_units => trailing(Metric::Transactions(Transacted::Throttled)),
        ("degraded", []) => trailing(Metric::Degraded),
        ("burn_rate", [target, window]) => trailing(Metric::BurnRate(budget(target)?, window_of(window)?)),
        ("burn_rate", _) => {
            Err(unknown("`burn_rate` needs a target and a window: `burn_rate(99.9%, 1h)`".to_owned()))
        }
        ("alert_at", [target]) => trailing(Metric::AlertAt(budget(target)?)),
        ("alert_at", _) => Err(unknown("`alert_at` needs a target: `alert_at(99.9%)`".to_owned())),
        (_, [entity]) if OF_ENTITY.contains(&name) => {
            let id = catalog.entity(entity).ok_or_else(|| UnknownMetric {
                message: format!("there is no entity `{entity}` under `data`"),
                suggestion: closest(entity, catalog.entities.iter().map(String::as_str)),
            })?;
            if let ("versions_behind", [word]) = (name, rest)
                && let Some(statistic) = statistic(&word.name)
            {
                return Ok(Metric::VersionsBehind(statistic, id));
            }
            trailing(match name {
                "hit_ratio" => Metric::HitRatio(id),
                "stale_reads" => Metric::StaleReads(id),
                "versions_behind" => Metric::VersionsBehind(Statistic::Mean, id),
                "write_amplification" => Metric::WriteAmplification(id),
                "cache_writes" => Metric::CacheWrites(id),
                "divergence" => Metric::Divergence(id),
                _ => Metric::Staleness(id),
            })
        }
        ("skew", [of]) => trailing(skew(of, catalog)?),
        _ if OF_ENTITY.contains(&name) => Err(unknown(format!("`{name}` needs an entity: `{name}(user)`"))),
        ("skew", _) => Err(unknown("`skew` needs a metric of a component: `skew(app.cpu)`".to_owned())),
        _ => Err(elsewhere(name).unwrap_or_else(|| UnknownMetric {
            message: format!("there is no metric or component `{name}`"),
            suggestion: closest(
                name,
                PLAIN
                    .iter()
                    .map(|(plain, _)| *plain)
                    .chain(OTHER_HEADS)
                    .chain(OF_ENTITY)
                    .chain(catalog.components.iter().map(|c| c.name.as_str())),
            ),
        })),
    }
}

/// What a target such as `99.9%` leaves for errors.
fn budget(target: &str) -> Result<f64, UnknownMetric> {
    let share =
        quantity::ratio(target).ok().map(|share| share.get()).filter(|share| (0.0..1.0).contains(share));
    share.map(|share| 1.0 - share).ok_or_else(|| unknown(format!("`{target}` is no target such as `99.9%`")))
}

fn window_of(text: &str) -> Result<f64, UnknownMetric> {
    let seconds =
        quantity::duration(text).ok().map(|span| span.as_secs_f64()).filter(|seconds| *seconds > 0.0);
    seconds.ok_or_else(|| unknown(format!("`{text}` is no window such as `1h` or `5m`")))
}

fn transacted(name: &str) -> Option<Transacted> {
    TRANSACTED.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

/// Whether the model has what can lose acknowledged writes.
fn can_lose(catalog: &Catalog) -> bool {
    has_replicas(catalog) || catalog.components.iter().any(|component| component.kind == "cache")
}

/// Whether some database has replicas.
fn has_replicas(catalog: &Catalog) -> bool {
    catalog.resources.iter().any(|resource| resource.role == Role::Lag)
}

/// Positions of the resources of a role.
fn of_kind(role: Role, ours: impl Fn(&ResourceInfo) -> bool, catalog: &Catalog) -> Vec<usize> {
    let all = catalog.resources.iter().enumerate();
    all.filter(|(_, resource)| resource.role == role && ours(resource)).map(|(at, _)| at).collect()
}

/// A gauge of each resource by itself.
fn each(gauge: Gauge, resources: Vec<usize>) -> Vec<Metric> {
    resources.into_iter().map(|resource| Metric::Resources(gauge, vec![resource])).collect()
}

/// Whether the model keeps copies of rows, which may be old.
fn keeps_copies(catalog: &Catalog) -> bool {
    catalog.resources.iter().any(|resource| {
        resource.role == Role::Store
            && catalog.components.iter().any(|c| c.id == resource.component && c.kind != "cdn")
    })
}

fn elsewhere(word: &str) -> Option<UnknownMetric> {
    let (_, kind) = ELSEWHERE.iter().find(|(name, _)| *name == word)?;
    Some(unknown(format!("`{word}` is supplied by {kind}, and this scenario has none")))
}

fn endpoint_named(name: &str, catalog: &Catalog) -> Result<String, UnknownMetric> {
    let name = name.trim_matches(['"', '\'']);
    let all = || catalog.clients.iter().flat_map(|client| client.operations.iter().map(String::as_str));
    if all().any(|operation| operation == name) {
        return Ok(name.to_owned());
    }
    Err(UnknownMetric {
        message: format!("no client sends requests to an endpoint `{name}`"),
        suggestion: closest(name, all().chain(["errors"])),
    })
}

fn errors(rest: &[Segment], catalog: &Catalog) -> Result<Metric, UnknownMetric> {
    let words: Vec<&str> = rest.iter().map(|s| s.name.as_str()).collect();
    match words.as_slice() {
        ["from", name] => catalog
            .components
            .iter()
            .map(|c| (c.id, c.name.as_str()))
            .chain(catalog.clients.iter().map(|c| (c.id, c.name.as_str())))
            .find(|(_, other)| other == name)
            .map(|(id, _)| Metric::ErrorsFrom(id))
            .ok_or_else(|| UnknownMetric {
                message: format!("there is no component `{name}`"),
                suggestion: closest(name, catalog.components.iter().map(|c| c.name.as_str()))
                    .map(|s| format!("errors.from.{s}")),
            }),
        [code, tail @ ..] => {
            let status = code.parse::<u16>().ok().filter(|s| (400..600).contains(s) || *s == 0);
            let Some(status) = status else {
                return Err(unknown(format!("`errors.{code}` is no error status (400 to 599)")));
            };
            match tail {
                [] => Ok(Metric::Status(status)),
                ["rate"] => Ok(Metric::StatusRate(status)),
                _ => Err(unknown(format!("`errors.{code}` has only `.rate` below it"))),
            }
        }
        [] => {
            Err(unknown("`errors` needs a status or a component: `errors.503`, `errors.from.lb`".to_owned()))
        }
    }
}

fn skew(of: &str, catalog: &Catalog) -> Result<Metric, UnknownMetric> {
    let path = segments(of);
    let component = path.first().and_then(|head| catalog.components.iter().find(|c| c.name == head.name));
    let Some(component) = component else {
        return Err(unknown(format!("`skew` needs a metric of a component, and `{of}` is none")));
    };
    // Over the members of a kind that a word without its number names.
    if let (Some(layout), Some(word)) = (component.layout, path.get(1).filter(|word| word.index.is_none())) {
        let count = match word.name.as_str() {
            "shard" | "shards" => layout.shards,
            "replica" | "replicas" => layout.replicas,
            _ => 0,
        };
        if count > 0 {
            let of_member = |index: u16| {
                let mut path = path[1..].to_vec();
                path[0].index = Some(u32::from(index));
                of_component(component, None, &path, catalog)
            };
            return Ok(Metric::Skew((0..count).map(of_member).collect::<Result<_, _>>()?));
        }
    }
    let members =
        (0..members(component, catalog)).map(|i| of_component(component, Some(i), &path[1..], catalog));
    Ok(Metric::Skew(members.collect::<Result<_, _>>()?))
}

/// What can be told apart of a component: its instances, or the places of a CDN.
fn members(component: &ComponentInfo, catalog: &Catalog) -> u32 {
    let stores = catalog.resources.iter().filter(|r| r.component == component.id && r.role == Role::Store);
    stores.map(|r| r.instance + 1).max().unwrap_or(1).max(component.instances.max(1))
}

fn of_component(
    component: &ComponentInfo,
    index: Option<u32>,
    mut rest: &[Segment],
    catalog: &Catalog,
) -> Result<Metric, UnknownMetric> {
    let name = &component.name;
    let mut selected = None;
    if let (Some(layout), None) = (component.layout, index) {
        let words: Vec<_> = rest.iter().map(|segment| (segment.name.as_str(), segment.index)).collect();
        let (found, taken) = layout.select(&words).map_err(|what| unknown(format!("of `{name}`: {what}")))?;
        selected = (taken > 0).then_some(found);
        rest = &rest[taken..];
    }
    if component.kind == "queue" {
        let words: Vec<&str> = rest.iter().map(|s| s.name.as_str()).collect();
        return if logs::is_log(component, catalog) {
            logs::of_component(component, &words, catalog)
        } else {
            queues::of_component(component, &words, catalog)
        };
    }
    let members = members(component, catalog);
    if index.is_some_and(|i| i >= members) {
        let last = members - 1;
        return Err(unknown(format!("`{name}` has instances `{name}[0]` to `{name}[{last}]`")));
    }
    let of_role = |role: Role| -> Vec<usize> {
        let ours = |r: &super::catalog::ResourceInfo| {
            let meant = selected.as_ref().is_none_or(|all| all.iter().any(|m| u32::from(*m) == r.instance));
            r.component == component.id && r.role == role && meant && index.is_none_or(|i| r.instance == i)
        };
        catalog.resources.iter().enumerate().filter(|(_, r)| ours(r)).map(|(i, _)| i).collect()
    };
    let need = |role: Role, what: &str| {
        let found = of_role(role);
        if found.is_empty() { Err(unknown(format!("`{name}` has no {what}"))) } else { Ok(found) }
    };
    // Without a limit on workers nobody waits for one: then the cores are what requests share.
    let limits = |found: &Vec<usize>| found.iter().any(|&i| catalog.resources[i].servers.is_finite());
    let main = || {
        [Role::Workers, Role::Cpu, Role::Connections, Role::Link]
            .into_iter()
            .map(of_role)
            .find(limits)
            .ok_or_else(|| unknown(format!("`{name}` has nothing that work could wait for")))
    };
    let words: Vec<&str> = rest.iter().map(|s| s.name.as_str()).collect();
    match words.as_slice() {
        ["cpu"] => Ok(Metric::Resources(Gauge::Utilisation, need(Role::Cpu, "cores")?)),
        ["offered_cpu"] => Ok(Metric::Resources(Gauge::Offered, need(Role::Cpu, "cores")?)),
        ["connections"] => Ok(Metric::Resources(Gauge::Busy, need(Role::Connections, "connections")?)),
        ["instances"] if index.is_none() => Ok(match of_role(Role::Instances) {
            fleet if fleet.is_empty() => Metric::Instances(component.instances),
            fleet => Metric::Resources(Gauge::Busy, fleet),
        }),
        ["cost"] if index.is_none() && selected.is_none() => {
            if catalog.bill.iter().any(|item| item.component == Some(component.id)) {
                Ok(Metric::CostOf(component.id))
            } else {
                Err(unknown(format!("`{name}` has no price under `prices`")))
            }
        }
        ["in_flight"] if index.is_none() => Ok(Metric::InFlight(component.id)),
        ["pool", tail @ ..] => {
            let target = rest[0].arguments.iter().find_map(text_of).unwrap_or("");
            let target_id = catalog.components.iter().find(|c| c.name == target).map(|c| c.id);
            let resources = target_id.map(|id| of_role(Role::Pool(id))).unwrap_or_default();
            if resources.is_empty() {
                return Err(unknown(format!("`{name}` has no pool of connections to `{target}`")));
            }
            gauge(name, "pool", tail, resources)
        }
        ["throttled"] => Ok(Metric::Resources(Gauge::Utilisation, need(Role::Quota, "`cpu_limit`")?)),
        ["memory"] => Ok(Metric::Resources(Gauge::Utilisation, need(Role::Memory, "`memory`")?)),
        ["limit"] => Ok(Metric::Resources(Gauge::Servers, need(Role::Limit, "concurrency limit")?)),
        ["limit", tail @ ..] => gauge(name, "limit", tail, need(Role::Limit, "concurrency limit")?),
        ["cpu", tail @ ..] => gauge(name, "cpu", tail, need(Role::Cpu, "cores")?),
        ["workers", tail @ ..] => gauge(name, "workers", tail, need(Role::Workers, "workers")?),
        ["io", tail @ ..] => gauge(name, "io", tail, need(Role::Io, "disk")?),
        ["connections", tail @ ..] => {
            gauge(name, "connections", tail, need(Role::Connections, "connections")?)
        }
        ["locks", tail @ ..] => gauge(name, "locks", tail, need(Role::Locks, "row locks")?),
        ["wal", tail @ ..] => gauge(name, "wal", tail, need(Role::Wal, "write-ahead log")?),
        ["link", tail @ ..] => gauge(name, "link", tail, need(Role::Link, "link")?),
        ["lag"] if component.layout.is_some() => {
            Ok(Metric::Worst(each(Gauge::Lag, need(Role::Lag, "replica that could lag")?)))
        }
        ["outage"] if component.layout.is_some() => {
            Ok(Metric::Worst(each(Gauge::Duration, need(Role::Outage, "replica that could take over")?)))
        }
        ["in_doubt"] if component.layout.is_some() => {
            Ok(Metric::Worst(each(Gauge::Duration, need(Role::InDoubt, "transaction over several shards")?)))
        }
        ["shield", word] if store_gauge(word).is_some() => Ok(Metric::Store(
            store_gauge(word).unwrap_or(StoreGauge::HitRatio),
            need(Role::Shield, "shield")?,
        )),
        ["offload"] if !of_role(Role::Store).is_empty() => {
            let edge = of_role(Role::Store);
            // A shield is asked by all places, so it tells of none of them alone.
            let behind = if index.is_none() { of_role(Role::Shield) } else { Vec::new() };
            let all = edge.iter().copied().chain(behind).collect();
            Ok(Metric::Offload(edge, all))
        }
        [word] if store_gauge(word).is_some() && !of_role(Role::Store).is_empty() => {
            Ok(Metric::Store(store_gauge(word).unwrap_or(StoreGauge::HitRatio), of_role(Role::Store)))
        }
        ["utilisation" | "queue" | "wait" | "in_flight", ..] => gauge(name, "", &words, main()?),
        [] => Err(unknown(format!("`{name}` is a component; say what of it: `{name}.cpu`"))),
        [word, ..] => Err(elsewhere(word).unwrap_or_else(|| UnknownMetric {
            message: format!("`{name}` has no metric `{word}`"),
            suggestion: closest(word, OF_COMPONENT.into_iter()).map(|s| format!("{name}.{s}")),
        })),
    }
}

fn store_gauge(word: &str) -> Option<StoreGauge> {
    StoreGauge::ALL.iter().find(|(name, _)| *name == word).map(|(_, gauge)| *gauge)
}

fn gauge(name: &str, part: &str, words: &[&str], resources: Vec<usize>) -> Result<Metric, UnknownMetric> {
    let gauge = match words {
        [] | ["utilisation"] => Gauge::Utilisation,
        ["offered"] => Gauge::Offered,
        ["queue"] => Gauge::Queue,
        ["queue", "max"] => Gauge::QueueMax,
        ["in_flight"] => Gauge::Busy,
        ["wait"] => Gauge::Wait(Statistic::Mean),
        ["wait", word] if statistic(word).is_some() => {
            Gauge::Wait(statistic(word).unwrap_or(Statistic::Mean))
        }
        _ => {
            let known = "utilisation, offered, queue, queue.max, wait, wait.p99, in_flight";
            let dot = if part.is_empty() { "" } else { "." };
            return Err(unknown(format!("`{name}{dot}{part}` has no `{}`; it has {known}", words.join("."))));
        }
    };
    Ok(Metric::Resources(gauge, resources))
}

/// The names that a report shows of a model, in its order; statuses and origins of errors come with the results.
#[must_use]
pub fn standard_names(catalog: &Catalog) -> Vec<String> {
    let mut names: Vec<String> = PLAIN.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.extend(["mean", "p50", "p90", "p95", "p99", "p99.9", "max", "p99(errors)"].map(str::to_owned));
    let mut endpoints: Vec<&String> = catalog.clients.iter().flat_map(|client| &client.operations).collect();
    endpoints.sort_unstable();
    endpoints.dedup();
    // One endpoint's percentiles are those of the whole run.
    if endpoints.len() > 1 {
        names.extend(endpoints.iter().flat_map(|e| ["mean", "p50", "p99"].map(|of| format!("{of}({e})"))));
    }
    for component in &catalog.components {
        let c = &component.name;
        if component.kind == "queue" {
            let of_queue = if logs::is_log(component, catalog) {
                logs::names(component, catalog)
            } else {
                queues::names(c)
            };
            names.extend(of_queue);
            continue;
        }
        let mut candidates: Vec<String> = [
            "cpu",
            "offered_cpu",
            "utilisation",
            "queue",
            "queue.max",
            "wait",
            "wait.p99",
            "in_flight",
            "connections",
            "limit",
            "throttled",
            "memory",
            "cost",
        ]
        .iter()
        .map(|tail| format!("{c}.{tail}"))
        .collect();
        candidates.extend(StoreGauge::ALL.iter().map(|(tail, _)| format!("{c}.{tail}")));
        candidates.push(format!("{c}.offload"));
        candidates.extend(["hit_ratio", "fills"].map(|tail| format!("{c}.shield.{tail}")));
        let places =
            catalog.resources.iter().filter(|r| r.component == component.id && r.role == Role::Store);
        let places: Vec<u32> = places.map(|r| r.instance).collect();
        if (2..=MOST_PLACES).contains(&places.len()) {
            candidates.extend(places.iter().map(|i| format!("{c}[{i}].hit_ratio")));
        }
        let changes =
            |r: &super::catalog::ResourceInfo| r.component == component.id && r.role == Role::Instances;
        if catalog.resources.iter().any(changes) {
            candidates.push(format!("{c}.instances"));
        }
        if let Some(layout) = component.layout.filter(|layout| layout.members() > 1) {
            candidates.extend((0..layout.members().min(MOST_PLACES as u16)).flat_map(|member| {
                let member = layout.name(member);
                ["cpu", "offered_cpu", "lag", "wait.p99"].map(|tail| format!("{c}.{member}.{tail}"))
            }));
            candidates.push(format!("{c}.replica.lag"));
            candidates.push(format!("skew({c}.shard.cpu)"));
            candidates.push(format!("{c}.in_doubt"));
        }
        for target in &catalog.components {
            let t = &target.name;
            candidates.extend(
                ["utilisation", "queue", "queue.max", "wait", "wait.p99"]
                    .map(|tail| format!("{c}.pool({t}).{tail}")),
            );
        }
        names.extend(candidates.into_iter().filter(|name| MetricReference::parse(name, catalog).is_ok()));
    }
    if can_lose(catalog) {
        names.push("lost_writes".to_owned());
    }
    if has_replicas(catalog) {
        names.push("outage".to_owned());
    }
    if catalog.sells_units {
        names.push("throttles".to_owned());
    }
    if catalog.transactions {
        names.extend(TRANSACTED.iter().map(|(name, _)| (*name).to_owned()));
    }
    if keeps_copies(catalog) || has_replicas(catalog) {
        names.extend(["ryw_violations", "monotonic_violations"].map(str::to_owned));
    }
    for entity in &catalog.entities {
        if keeps_copies(catalog) {
            let of = ["hit_ratio", "divergence", "cache_writes", "write_amplification", "versions_behind"];
            names.extend(of.map(|name| format!("{name}({entity})")));
            names.extend(["p99", "max"].map(|tail| format!("versions_behind({entity}).{tail}")));
        }
        names.extend([format!("stale_reads({entity})"), format!("staleness({entity})")]);
    }
    names
}
