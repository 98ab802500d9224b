//! Names of what is measured of queues: `jobs.depth`, `redelivered(jobs)`, `completion_time(jobs).p99`.

use super::metric::{AgeOf, Gauge, Metric, Statistic, UnknownMetric};
use super::segments::Segment;
use super::{closest, statistic, unknown};
use crate::engine::Fate;
use crate::metrics::catalog::{Catalog, ComponentInfo, Role};

/// Counts of a queue's messages, `NAME(jobs)` or `jobs.NAME`.
pub(super) const COUNTS: [(&str, Fate); 13] = [
    ("published", Fate::Published),
    ("acked", Fate::Acked),
    ("dead_lettered", Fate::DeadLettered),
    ("expired", Fate::Expired),
    ("dropped", Fate::Dropped),
    ("lost", Fate::Lost),
    ("redelivered", Fate::Redelivered),
    ("duplicates", Fate::Duplicate),
    ("refused", Fate::Refused),
    ("without_message", Fate::Missing),
    ("polls", Fate::Polled),
    ("given_up", Fate::GivenUp),
    ("rejected", Fate::Refused),
];

/// What else is measured of one.
pub(super) const OTHERS: [&str; 5] = ["depth", "oldest_age", "in_flight", "wait", "completions"];

/// Every name that a report shows of a queue.
pub(super) fn names(queue: &str) -> Vec<String> {
    let gauges = ["depth", "depth.max", "in_flight", "oldest_age", "oldest_age.max", "wait", "wait.p99"];
    let mut names: Vec<String> = gauges.iter().map(|tail| format!("{queue}.{tail}")).collect();
    names.extend(["completions", "drain_time"].map(|tail| format!("{queue}.{tail}")));
    names.extend(["", ".p50", ".p90", ".p99", ".max"].map(|tail| format!("completion_time({queue}){tail}")));
    let shown = ["redelivered", "duplicates", "lost"];
    names.extend(shown.map(|count| format!("{count}({queue})")));
    let counts = COUNTS.iter().filter(|(name, _)| !shown.contains(name) && *name != "rejected");
    names.extend(counts.map(|(name, _)| format!("{queue}.{name}")));
    names
}

fn queues(catalog: &Catalog) -> impl Iterator<Item = &ComponentInfo> {
    catalog.components.iter().filter(|component| component.kind == "queue")
}

/// `NAME(queue)`: none if the name is no queue's, or the model has no queue.
pub(super) fn of_run(
    name: &str,
    texts: &[&str],
    rest: &[Segment],
    catalog: &Catalog,
) -> Option<Result<Metric, UnknownMetric>> {
    let count = COUNTS.iter().find(|(count, _)| *count == name).map(|(_, fate)| *fate);
    let known = count.is_some() || matches!(name, "completion_time" | "drain_time");
    if !known || queues(catalog).next().is_none() {
        return None;
    }
    let queue = match texts {
        [queue] => match queues(catalog).find(|component| component.name == *queue) {
            Some(found) => found.id,
            None => {
                return Some(Err(UnknownMetric {
                    message: format!("there is no queue `{queue}`"),
                    suggestion: closest(queue, queues(catalog).map(|c| c.name.as_str())),
                }));
            }
        },
        _ => return Some(Err(unknown(format!("`{name}` needs a queue: `{name}(jobs)`")))),
    };
    let words: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
    Some(match (count, words.as_slice()) {
        (Some(fate), []) => Ok(Metric::Messages(fate, queue)),
        (None, []) if name == "drain_time" => Ok(Metric::DrainTime(queue)),
        (None, []) => Ok(Metric::CompletionTime(Statistic::Mean, queue)),
        (None, [word]) if name == "completion_time" && statistic(word).is_some() => {
            Ok(Metric::CompletionTime(statistic(word).unwrap_or(Statistic::Mean), queue))
        }
        (_, [word, ..]) => Err(unknown(format!("`{name}({})` has no `.{word}`", texts.join(", ")))),
    })
}

/// `jobs.NAME`.
pub(super) fn of_component(
    component: &ComponentInfo,
    words: &[&str],
    catalog: &Catalog,
) -> Result<Metric, UnknownMetric> {
    let queue = component.id;
    let of = |role: Role| -> Vec<usize> {
        let ours = |r: &crate::metrics::catalog::ResourceInfo| r.component == queue && r.role == role;
        catalog.resources.iter().enumerate().filter(|(_, r)| ours(r)).map(|(i, _)| i).collect()
    };
    let count = |word: &str| COUNTS.iter().find(|(count, _)| *count == word).map(|(_, fate)| *fate);
    match words {
        ["depth" | "queue"] => Ok(Metric::Resources(Gauge::Queue, of(Role::Messages))),
        ["depth" | "queue", "max"] => Ok(Metric::Resources(Gauge::QueueMax, of(Role::Messages))),
        ["in_flight"] => Ok(Metric::Resources(Gauge::Busy, of(Role::Deliveries))),
        ["wait"] => Ok(Metric::Resources(Gauge::Wait(Statistic::Mean), of(Role::Messages))),
        ["wait", word] if statistic(word).is_some() => {
            let statistic = statistic(word).unwrap_or(Statistic::Mean);
            Ok(Metric::Resources(Gauge::Wait(statistic), of(Role::Messages)))
        }
        ["oldest_age"] => Ok(Metric::MessageAge(AgeOf::Mean, queue)),
        ["oldest_age", "max"] => Ok(Metric::MessageAge(AgeOf::Max, queue)),
        ["completions"] => Ok(Metric::Completions(queue)),
        ["drain_time"] => Ok(Metric::DrainTime(queue)),
        [word] if count(word).is_some() => {
            Ok(Metric::Messages(count(word).unwrap_or(Fate::Published), queue))
        }
        [] => {
            let name = &component.name;
            Err(unknown(format!("`{name}` is a component; say what of it: `{name}.depth`")))
        }
        [word, ..] => Err(UnknownMetric {
            message: format!("`{}` has no metric `{}`", component.name, words.join(".")),
            suggestion: closest(word, OTHERS.into_iter().chain(COUNTS.iter().map(|(name, _)| *name)))
                .map(|s| format!("{}.{s}", component.name)),
        }),
    }
}
