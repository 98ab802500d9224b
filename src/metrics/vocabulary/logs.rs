//! Names of what is measured of logs: `events.lag`, `duplicates(events)`, `completion_time(events).p99`.

use super::metric::{Gauge, Metric, Statistic, UnknownMetric};
use super::segments::Segment;
use super::{closest, statistic, unknown};
use crate::engine::RecordFate;
use crate::metrics::catalog::{Catalog, ComponentInfo, ResourceInfo, Role};

/// Counts of a log's records, `NAME(events)` or `events.NAME`.
const COUNTS: [(&str, RecordFate); 8] = [
    ("published", RecordFate::Published),
    ("processed", RecordFate::Processed),
    ("duplicates", RecordFate::Duplicated),
    ("redelivered", RecordFate::Redelivered),
    ("lost", RecordFate::Lost),
    ("expired", RecordFate::Expired),
    ("rebalances", RecordFate::Rebalanced),
    ("expelled", RecordFate::Expelled),
];

/// What else is measured of one.
const OTHERS: [&str; 6] = ["depth", "lag", "oldest_age", "stopped", "wait", "completion"];

/// Whether a component is a log: a queue whose messages are not acknowledged one by one.
pub(super) fn is_log(component: &ComponentInfo, catalog: &Catalog) -> bool {
    let is_work = |r: &ResourceInfo| r.component == component.id && r.role == Role::Messages;
    component.kind == "queue" && !catalog.resources.iter().any(is_work)
}

/// Every name that a report shows of a log that is read.
pub(super) fn names(component: &ComponentInfo, catalog: &Catalog) -> Vec<String> {
    let log = &component.name;
    if of(component, Role::Backlog, catalog).is_err() {
        return Vec::new();
    }
    let gauges = ["depth", "depth.max", "lag", "oldest_age", "stopped", "wait", "completion.p99"];
    let mut names: Vec<String> = gauges.iter().map(|tail| format!("{log}.{tail}")).collect();
    names.push(format!("completion_time({log})"));
    names.extend(COUNTS[..6].iter().map(|(count, _)| format!("{count}({log})")));
    names.extend(COUNTS[6..].iter().map(|(count, _)| format!("{log}.{count}")));
    names
}

fn count(word: &str) -> Option<RecordFate> {
    COUNTS.iter().find(|(count, _)| *count == word).map(|(_, fate)| *fate)
}

/// What the log has in this role, one for each group that reads it.
fn of(component: &ComponentInfo, role: Role, catalog: &Catalog) -> Result<Vec<usize>, UnknownMetric> {
    let ours = |r: &ResourceInfo| r.component == component.id && r.role == role;
    let found: Vec<usize> =
        catalog.resources.iter().enumerate().filter(|(_, r)| ours(r)).map(|(i, _)| i).collect();
    if found.is_empty() {
        let name = &component.name;
        return Err(unknown(format!("no worker reads `{name}`: let one say `from: {name}`")));
    }
    Ok(found)
}

/// `NAME(log)`: none if the name is no log's, or what stands in brackets is no log.
pub(super) fn of_run(
    name: &str,
    texts: &[&str],
    rest: &[Segment],
    catalog: &Catalog,
) -> Option<Result<Metric, UnknownMetric>> {
    if count(name).is_none() && name != "completion_time" {
        return None;
    }
    let [log] = texts else { return None };
    let log = catalog.components.iter().find(|c| c.name == *log && is_log(c, catalog))?;
    let words: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
    Some(match (count(name), words.as_slice()) {
        (Some(fate), []) => of(log, Role::Backlog, catalog).map(|all| Metric::Records(fate, all)),
        (None, []) => completion(log, Statistic::Mean, catalog),
        (None, [word]) if statistic(word).is_some() => {
            completion(log, statistic(word).unwrap_or(Statistic::Mean), catalog)
        }
        (_, [word, ..]) => Err(unknown(format!("`{name}({})` has no `.{word}`", texts.join(", ")))),
    })
}

fn completion(log: &ComponentInfo, statistic: Statistic, catalog: &Catalog) -> Result<Metric, UnknownMetric> {
    of(log, Role::Completion, catalog).map(|all| Metric::Resources(Gauge::Wait(statistic), all))
}

/// `events.NAME`.
pub(super) fn of_component(
    component: &ComponentInfo,
    words: &[&str],
    catalog: &Catalog,
) -> Result<Metric, UnknownMetric> {
    let gauge =
        |gauge: Gauge, role: Role| of(component, role, catalog).map(|all| Metric::Resources(gauge, all));
    match words {
        ["depth"] => gauge(Gauge::Queue, Role::Backlog),
        ["depth", "max"] => gauge(Gauge::QueueMax, Role::Backlog),
        ["lag"] => gauge(Gauge::Busy, Role::OffsetLag),
        ["oldest_age"] => gauge(Gauge::Age, Role::Age),
        ["stopped"] => gauge(Gauge::Utilisation, Role::Stopped),
        ["wait"] => gauge(Gauge::Wait(Statistic::Mean), Role::Backlog),
        ["completion"] => completion(component, Statistic::Mean, catalog),
        ["wait", word] if statistic(word).is_some() => {
            gauge(Gauge::Wait(statistic(word).unwrap_or(Statistic::Mean)), Role::Backlog)
        }
        ["completion", word] if statistic(word).is_some() => {
            completion(component, statistic(word).unwrap_or(Statistic::Mean), catalog)
        }
        [word] if count(word).is_some() => {
            let fate = count(word).unwrap_or(RecordFate::Published);
            of(component, Role::Backlog, catalog).map(|all| Metric::Records(fate, all))
        }
        [] => {
            let name = &component.name;
            Err(unknown(format!("`{name}` is a component; say what of it: `{name}.lag`")))
        }
        [word, ..] => Err(UnknownMetric {
            message: format!("`{}` has no metric `{}`", component.name, words.join(".")),
            suggestion: closest(word, OTHERS.into_iter().chain(COUNTS.iter().map(|(name, _)| *name)))
                .map(|s| format!("{}.{s}", component.name)),
        }),
    }
}
