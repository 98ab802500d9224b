//! Why two designs differ: whose wait changed, whose errors, which limit.
//!
//! By Little's law the time that a request spends waiting at a resource, over all its visits, is the mean number
//! waiting there over the rate of requests that end; so the waits of all resources add up to (nearly all of) what a
//! request waits, and the change of each is its part of the change in latency. They are means over all requests,
//! failed ones too. A wait for a connection or a worker is often a wait for whatever holds it: the bottleneck of
//! each design stands beside them.

use super::bottleneck::bottleneck;
use super::quantity::quantity;
use crate::experiment::results::{Unit, VariantResults};

/// Changes that are named.
const MOST: usize = 3;
/// Of the largest change, the part below which another is not named.
const NOTABLE: f64 = 0.1;

/// How long a request waits at a resource in two designs, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitChange {
    /// `db cpu`.
    pub resource: String,
    /// In the baseline; 0 where it has no such resource.
    pub before: f64,
    /// In the candidate.
    pub after: f64,
}

/// A kind of error in two designs, as a share of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorChange {
    /// `503 made by app, backlog full`.
    pub kind: String,
    /// In the baseline.
    pub before: f64,
    /// In the candidate.
    pub after: f64,
}

/// Why two designs differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Why {
    /// Changed waits, the largest first.
    pub waits: Vec<WaitChange>,
    /// Changed errors, the largest first.
    pub errors: Vec<ErrorChange>,
    /// What limits the baseline, in words; empty if nothing.
    pub limit_before: String,
    /// What limits the candidate.
    pub limit_after: String,
}

fn waits(variant: &VariantResults) -> Vec<(String, f64)> {
    let ended = variant.metric("throughput").and_then(|m| m.value.number()).unwrap_or(0.0);
    let rows = variant.resources.iter().filter(|row| row.instance.is_none() && ended > 0.0);
    rows.map(|row| (format!("{} {}", row.component, row.role), row.mean_queue / ended)).collect()
}

fn errors(variant: &VariantResults) -> Vec<(String, f64)> {
    let kind = |status: u16| if status == 0 { "no answer".to_owned() } else { status.to_string() };
    let rows = variant.errors.iter();
    rows.map(|e| (format!("{} made by {}, {}", kind(e.status), e.component, e.reason), e.share)).collect()
}

/// Both sides by name: (name, before, after), the largest changes first, small ones left out.
fn changes(before: &[(String, f64)], after: &[(String, f64)], least: f64) -> Vec<(String, f64, f64)> {
    let of =
        |side: &[(String, f64)], name: &str| side.iter().find(|(n, _)| n == name).map_or(0.0, |(_, x)| *x);
    let mut names: Vec<&String> = before.iter().map(|(name, _)| name).collect();
    names.extend(after.iter().map(|(name, _)| name).filter(|name| !before.iter().any(|(n, _)| n == *name)));
    let mut all: Vec<(String, f64, f64)> =
        names.into_iter().map(|name| (name.clone(), of(before, name), of(after, name))).collect();
    let size = |change: &(String, f64, f64)| (change.2 - change.1).abs();
    all.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let largest = all.first().map_or(0.0, size);
    all.retain(|change| size(change) > least && size(change) >= NOTABLE * largest);
    all.truncate(MOST);
    all
}

fn limit(variant: &VariantResults) -> String {
    bottleneck(variant)
        .filter(|b| b.limits)
        .map_or_else(String::new, |b| format!("{} {}", b.component, b.role))
}

/// Why `after` is other than `before`.
#[must_use]
pub fn why(before: &VariantResults, after: &VariantResults) -> Why {
    let mean = |v: &VariantResults| v.metric("mean").and_then(|m| m.value.number()).unwrap_or(0.0);
    let least = 0.01 * (mean(after) - mean(before)).abs().max(1e-6);
    Why {
        waits: changes(&waits(before), &waits(after), least)
            .into_iter()
            .map(|(resource, before, after)| WaitChange { resource, before, after })
            .collect(),
        errors: changes(&errors(before), &errors(after), 1e-4)
            .into_iter()
            .map(|(kind, before, after)| ErrorChange { kind, before, after })
            .collect(),
        limit_before: limit(before),
        limit_after: limit(after),
    }
}

impl Why {
    /// In sentences without full stops, the weightiest first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        for change in &self.waits {
            let (a, b) = (quantity(change.before, Unit::Seconds), quantity(change.after, Unit::Seconds));
            let word = if change.after > change.before { "longer" } else { "shorter" };
            all.push(format!("requests wait {word} for {}: {a} -> {b} each, on average", change.resource));
        }
        for change in &self.errors {
            let (a, b) = (quantity(change.before, Unit::Share), quantity(change.after, Unit::Share));
            all.push(format!("{}: {a} -> {b} of requests", change.kind));
        }
        let none = |limit: &str| if limit.is_empty() { "nothing".to_owned() } else { limit.to_owned() };
        if self.limit_before != self.limit_after {
            all.push(format!("what limits: {} -> {}", none(&self.limit_before), none(&self.limit_after)));
        } else if !self.limit_before.is_empty() {
            all.push(format!("what limits both: {}", self.limit_before));
        }
        if self.limit_after.ends_with("primary cpu")
            && let Some(last) = all.last_mut()
        {
            last.push_str(" (more replicas can take reads off it, and no writes)");
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::why;
    use crate::report::fixture;

    #[test]
    fn the_wait_that_changed_is_named_by_littles_law() {
        let two = fixture::two();
        let mut after = two.variants[1].clone();
        let row = after.resources.iter_mut().find(|r| r.component == "db" && r.role == "cpu").unwrap();
        row.mean_queue = 1.0;
        let found = why(&two.variants[0], &after);
        assert_eq!(found.waits.len(), 1, "the others wait as before");
        assert_eq!(found.waits[0].resource, "db cpu");
        // 41.25 in line over 236.9 ended per second.
        assert!((found.waits[0].before - 41.25 / 236.9).abs() < 1e-9);
        assert_eq!(found.errors[0].kind, "503 made by app, backlog full");
        let said = found.sentences();
        assert_eq!(said[0], "requests wait shorter for db cpu: 174 ms -> 4.22 ms each, on average");
        assert_eq!(said.last().map(String::as_str), Some("what limits both: db cpu"));
    }
}
