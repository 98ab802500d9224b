//! The one vocabulary: from a name in an objective, an expectation or a report to what it means in a model.
//!
//! Rules: a bare component stands for all its instances: utilisations are means over them (weighted by
//! servers), queues, in-flight numbers and counts are sums, waits are pooled, a maximum is the largest of
//! any one of them. A name that nothing in the model supplies is an error, never an empty value; one that
//! another kind of component would supply is an error that names the kind.

use super::catalog::{Catalog, ComponentInfo, Role};
use crate::engine::RecordFate;

mod metric;
mod segments;

pub use metric::{Gauge, Metric, MetricReference, Requests, Statistic, StoreGauge, UnknownMetric};
pub use segments::{Argument, Segment, segments};

const PLAIN: [(&str, Metric); 13] = [
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
];

const OTHER_HEADS: [&str; 11] =
    ["degraded", "mean", "max", "p50", "p90", "p95", "p99", "errors", "skew", "stale_reads", "staleness"];

const OF_COMPONENT: [&str; 20] = [
    "depth",
    "lag",
    "oldest_age",
    "stopped",
    "rebalances",
    "expelled",
    "completion",
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

/// Stores of one component that a report shows one by one.
const MOST_PLACES: usize = 32;

/// Names that exist in the language and are supplied by kinds of components that this model does not have.
const ELSEWHERE: [(&str, &str); 16] = [
    ("hit_ratio", "a cache"),
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
    match (name, texts) {
        ("lost_writes", []) if can_lose(catalog) => trailing(Metric::LostWrites),
        ("ryw_violations", []) if keeps_copies(catalog) => trailing(Metric::OwnWritesUnread),
        ("hit_ratio", _) if !keeps_copies(catalog) => {
            Err(elsewhere(name).unwrap_or_else(|| unknown(format!("no component keeps copies for `{name}`"))))
        }
        ("degraded", []) => trailing(Metric::Degraded),
        ("hit_ratio" | "stale_reads" | "staleness", [entity]) => {
            let id = catalog.entity(entity).ok_or_else(|| UnknownMetric {
                message: format!("there is no entity `{entity}` under `data`"),
                suggestion: closest(entity, catalog.entities.iter().map(String::as_str)),
            })?;
            trailing(match name {
                "hit_ratio" => Metric::HitRatio(id),
                "stale_reads" => Metric::StaleReads(id),
                _ => Metric::Staleness(id),
            })
        }
        ("skew", [of]) => trailing(skew(of, catalog)?),
        ("stale_reads" | "staleness", _) => Err(unknown(format!("`{name}` needs an entity: `{name}(user)`"))),
        ("skew", _) => Err(unknown("`skew` needs a metric of a component: `skew(app.cpu)`".to_owned())),
        (_, [log]) if record_fate(name).is_some() || name == "completion_time" => {
            let of = |role: Role| of_log(log, role, catalog);
            trailing(match record_fate(name) {
                Some(fate) => Metric::Records(fate, of(Role::Backlog)?),
                None => Metric::Resources(Gauge::Wait(Statistic::Mean), of(Role::Completion)?),
            })
        }
        _ => Err(elsewhere(name).unwrap_or_else(|| UnknownMetric {
            message: format!("there is no metric or component `{name}`"),
            suggestion: closest(
                name,
                PLAIN
                    .iter()
                    .map(|(plain, _)| *plain)
                    .chain(OTHER_HEADS)
                    .chain(catalog.components.iter().map(|c| c.name.as_str())),
            ),
        })),
    }
}

/// Counts of records, as `lost(events)`.
const RECORDS: [(&str, RecordFate); 6] = [
    ("published", RecordFate::Published),
    ("processed", RecordFate::Processed),
    ("duplicates", RecordFate::Duplicated),
    ("redelivered", RecordFate::Redelivered),
    ("lost", RecordFate::Lost),
    ("expired", RecordFate::Expired),
];

fn record_fate(name: &str) -> Option<RecordFate> {
    RECORDS.iter().find(|(word, _)| *word == name).map(|(_, fate)| *fate)
}

/// The resources that a log has in this role, one for each group that reads it.
fn of_log(name: &str, role: Role, catalog: &Catalog) -> Result<Vec<usize>, UnknownMetric> {
    let logs = || catalog.components.iter().filter(|c| c.kind == "queue");
    let Some(log) = logs().find(|c| c.name == name) else {
        return Err(UnknownMetric {
            message: format!("there is no queue `{name}`"),
            suggestion: closest(name, logs().map(|c| c.name.as_str())),
        });
    };
    let ours = |r: &super::catalog::ResourceInfo| r.component == log.id && r.role == role;
    let found: Vec<usize> =
        catalog.resources.iter().enumerate().filter(|(_, r)| ours(r)).map(|(i, _)| i).collect();
    if found.is_empty() {
        return Err(unknown(format!("no worker reads `{name}`: let one say `from: {name}`")));
    }
    Ok(found)
}

/// Whether the model has what can lose acknowledged writes.
fn can_lose(catalog: &Catalog) -> bool {
    catalog.components.iter().any(|component| component.kind == "cache")
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
    let members =
        (0..component.instances.max(1)).map(|i| of_component(component, Some(i), &path[1..], catalog));
    Ok(Metric::Skew(members.collect::<Result<_, _>>()?))
}

fn of_component(
    component: &ComponentInfo,
    index: Option<u32>,
    mut rest: &[Segment],
    catalog: &Catalog,
) -> Result<Metric, UnknownMetric> {
    let name = &component.name;
    if index.is_some_and(|i| i >= component.instances.max(1)) {
        let last = component.instances.max(1) - 1;
        return Err(unknown(format!("`{name}` has instances `{name}[0]` to `{name}[{last}]`")));
    }
    // A database of one node is its own primary.
    if component.kind == "database" && rest.first().is_some_and(|s| s.name == "primary") {
        rest = &rest[1..];
    }
    let of_role = |role: Role| -> Vec<usize> {
        let ours = |r: &super::catalog::ResourceInfo| {
            r.component == component.id && r.role == role && index.is_none_or(|i| r.instance == i)
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
        [word, tail @ ..] if component.kind == "queue" && log_role(word).is_some() => {
            of_a_log(name, word, tail, catalog)
        }
        ["utilisation" | "queue" | "wait" | "in_flight", ..] => gauge(name, "", &words, main()?),
        [] => Err(unknown(format!("`{name}` is a component; say what of it: `{name}.cpu`"))),
        [word, ..] => Err(elsewhere(word).unwrap_or_else(|| UnknownMetric {
            message: format!("`{name}` has no metric `{word}`"),
            suggestion: closest(word, OF_COMPONENT.into_iter()).map(|s| format!("{name}.{s}")),
        })),
    }
}

/// What a log has under this name.
fn log_role(word: &str) -> Option<Role> {
    Some(match word {
        "depth" | "wait" | "rebalances" | "expelled" => Role::Backlog,
        "lag" => Role::Lag,
        "oldest_age" => Role::Age,
        "stopped" => Role::Stopped,
        "completion" => Role::Completion,
        _ => return None,
    })
}

fn of_a_log(name: &str, word: &str, tail: &[&str], catalog: &Catalog) -> Result<Metric, UnknownMetric> {
    let all = of_log(name, log_role(word).unwrap_or(Role::Backlog), catalog)?;
    Ok(match (word, tail) {
        ("depth", []) => Metric::Resources(Gauge::Queue, all),
        ("depth", ["max"]) => Metric::Resources(Gauge::QueueMax, all),
        ("lag", []) => Metric::Resources(Gauge::Busy, all),
        ("oldest_age", []) => Metric::Resources(Gauge::Age, all),
        ("stopped", []) => Metric::Resources(Gauge::Utilisation, all),
        ("rebalances", []) => Metric::Records(RecordFate::Rebalanced, all),
        ("expelled", []) => Metric::Records(RecordFate::Expelled, all),
        ("wait" | "completion", []) => Metric::Resources(Gauge::Wait(Statistic::Mean), all),
        ("wait" | "completion", [of]) if statistic(of).is_some() => {
            Metric::Resources(Gauge::Wait(statistic(of).unwrap_or(Statistic::Mean)), all)
        }
        _ => return Err(unknown(format!("`{name}.{word}` has no `{}`", tail.join(".")))),
    })
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
            "depth",
            "depth.max",
            "lag",
            "oldest_age",
            "completion.p99",
            "stopped",
            "rebalances",
            "expelled",
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
        for target in &catalog.components {
            let t = &target.name;
            candidates.extend(
                ["utilisation", "queue", "queue.max", "wait", "wait.p99"]
                    .map(|tail| format!("{c}.pool({t}).{tail}")),
            );
        }
        names.extend(candidates.into_iter().filter(|name| MetricReference::parse(name, catalog).is_ok()));
    }
    for log in catalog.components.iter().filter(|c| c.kind == "queue") {
        let counts = RECORDS.iter().map(|(word, _)| *word).chain(["completion_time"]);
        let counts = counts.map(|word| format!("{word}({})", log.name));
        names.extend(counts.filter(|name| MetricReference::parse(name, catalog).is_ok()));
    }
    if can_lose(catalog) {
        names.push("lost_writes".to_owned());
    }
    if keeps_copies(catalog) {
        names.push("ryw_violations".to_owned());
    }
    for entity in &catalog.entities {
        if keeps_copies(catalog) {
            names.push(format!("hit_ratio({entity})"));
        }
        names.extend([format!("stale_reads({entity})"), format!("staleness({entity})")]);
    }
    names
}
