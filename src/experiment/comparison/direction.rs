//! Which way is up for a metric, and how much of a change nobody would act on.

use crate::metrics::Unit;
use crate::metrics::vocabulary::{Argument, segments};

/// Which way is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// More is better: goodput, availability, hit ratios.
    Higher,
    /// Less is better: latencies, errors, waits, money.
    Lower,
    /// It depends: how busy something is, how many there are.
    Neither,
}

/// More of these is better.
const HIGHER: [&str; 5] = ["goodput", "availability", "hit_ratio", "byte_hit_ratio", "offload"];
/// Less of these is better.
const LOWER: [&str; 31] = [
    "rate_503",
    "errors",
    "timeouts",
    "abandoned",
    "degraded",
    "unfinished",
    "attempts_per_request",
    "wasted_work",
    "time_to_recover",
    "cost",
    "cost_per_million_good",
    "cost_per_spike",
    "cost_of_redundancy",
    "burn_rate",
    "skew",
    "stale_reads",
    "staleness",
    "throttles",
    "rollbacks",
    "deadlocks",
    "half_commits",
    "left_half_done",
    "seen_half_done",
    "lost_writes",
    "ryw_violations",
    "outage",
    "lag",
    "oldest_age",
    "duplicates",
    "lost",
    "dead_lettered",
];
/// Less of these is better, of any component or resource.
const LOWER_OF_RESOURCES: [&str; 2] = ["queue", "wait"];

impl Direction {
    /// That of the metric called `name`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let parts = segments(name);
        let Some(head) = parts.first() else { return Self::Neither };
        let statistic = ["mean", "max"].contains(&head.name.as_str())
            || head.name.strip_prefix('p').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
        if statistic && parts.len() == 1 {
            // How long a failure took says nothing of how good it was.
            let failures = head.arguments.iter().any(|a| matches!(a, Argument::Text(t) if t == "errors"));
            return if failures { Self::Neither } else { Self::Lower };
        }
        let last = parts.last().map_or("", |part| part.name.as_str());
        let has = |words: &[&str]| words.contains(&head.name.as_str()) || words.contains(&last);
        if has(&HIGHER) {
            Self::Higher
        } else if has(&LOWER) || parts.iter().skip(1).any(|p| LOWER_OF_RESOURCES.contains(&p.name.as_str())) {
            Self::Lower
        } else {
            Self::Neither
        }
    }
}

/// Below this a share's change counts as none, whatever the tolerance: 0.01 percentage points.
const LEAST_SHARE: f64 = 1e-4;

/// How far a metric may move before it matters: `tolerance` (0.01) of the baseline; of a share, that part of
/// itself or of what it lacks to one, whichever is less (availability 99.9 % and 99.8 % differ by a factor of two).
#[must_use]
pub fn margin(unit: Unit, baseline: f64, tolerance: f64) -> f64 {
    if unit == Unit::Share {
        let share = baseline.clamp(0.0, 1.0);
        return (tolerance * share.min(1.0 - share)).max(LEAST_SHARE);
    }
    tolerance * baseline.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_direction() {
        for (name, direction) in [
            ("p99", Direction::Lower),
            ("p99.9", Direction::Lower),
            ("p99(GET /v1/feed)", Direction::Lower),
            ("p99(errors)", Direction::Neither),
            ("errors.503", Direction::Lower),
            ("errors.from.lb", Direction::Lower),
            ("app.pool(db).wait", Direction::Lower),
            ("app.wait.p99", Direction::Lower),
            ("app.queue.max", Direction::Lower),
            ("db.cpu", Direction::Neither),
            ("hit_ratio(post)", Direction::Higher),
            ("redis.hit_ratio", Direction::Higher),
            ("offered", Direction::Neither),
            ("pool", Direction::Neither),
            ("", Direction::Neither),
        ] {
            assert_eq!(Direction::of(name), direction, "{name}");
        }
    }

    #[test]
    fn what_matters_to_a_share_is_what_it_lacks() {
        assert!((margin(Unit::Share, 0.9, 0.05) - 0.005).abs() < 1e-12);
        assert!((margin(Unit::Share, 0.9999, 0.05) - LEAST_SHARE).abs() < 1e-12);
        assert!((margin(Unit::Seconds, 0.2, 0.05) - 0.01).abs() < 1e-12);
    }
}
