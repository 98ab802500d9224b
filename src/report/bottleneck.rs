//! Which resource limits a design, with the numbers that show it.
//!
//! Rules, in this order. Where work is known in advance (processors, disks), the resource with the highest
//! offered utilisation (work asked for / (servers x time), on average or over the worst half minute) limits
//! the design once that reaches 90 %. Else the one with the longest wait does, if that is a tenth of the
//! requests' own latency: busy workers say little, since they are held by whatever they wait for; so a line for
//! workers whose own pool is used up is blamed on the pool. Else nothing does, and the busiest is named.
//!
//! Not modelled: limits that are no resource of the scenario (a client's own rate, a limiter's refusals).
//! Reference: the bottleneck law, Denning and Buzen, "The operational analysis of queueing network models",
//! ACM Computing Surveys 10(3), 1978.

use super::quantity::{duration, optional, quantity};
use crate::experiment::results::{ResourceRow, Series, Unit, VariantResults};

/// Offered utilisation from which a resource counts as the limit.
const SATURATED: f64 = 0.9;
/// Share of the latency that a wait must have to count as the limit.
const NOTABLE_WAIT: f64 = 0.1;
/// Utilisation from which a pool counts as used up.
const USED_UP: f64 = 0.95;
/// The time over which a peak must last, in seconds.
const SUSTAINED: f64 = 30.0;

/// The resource that limits a design, or the busiest one.
#[derive(Clone, PartialEq, Debug)]
pub struct Bottleneck {
    /// The component.
    pub component: String,
    /// Its resource: `cpu`, `workers`, `pool(db)`, ...
    pub role: String,
    /// Whether it limits; false if it is just the busiest of resources that all had room.
    pub limits: bool,
    /// The numbers, in words.
    pub evidence: String,
}

/// The highest mean over half a minute, and when that half minute began.
#[derive(Clone, Copy)]
struct Peak {
    value: f64,
    at: f64,
}

/// The resource that limits this design; `None` of a design without resources.
#[must_use]
pub fn bottleneck(variant: &VariantResults) -> Option<Bottleneck> {
    let rows: Vec<&ResourceRow> = variant.resources.iter().filter(|row| row.instance.is_none()).collect();
    if let Some(row) = highest(&rows, |row| offered(row, variant)).filter(|(_, x)| *x >= SATURATED) {
        let evidence = format!("{}{}", by_load(row.0, variant), of_primary(row.0, variant));
        return Some(named(row.0, true, &evidence));
    }
    let latency = |name| variant.metric(name).and_then(|m| m.value.number());
    let relative = |row: &ResourceRow| -> Option<f64> {
        let ratio = |wait: Option<f64>, of: Option<f64>| Some(wait? / of.filter(|x| *x > 0.0)?);
        let mean = ratio(row.mean_wait, latency("mean")).unwrap_or(0.0);
        Some(mean.max(ratio(row.p99_wait, latency("p99")).unwrap_or(0.0)))
    };
    if let Some((row, _)) = highest(&rows, relative).filter(|(_, x)| *x >= NOTABLE_WAIT) {
        let row = used_up_pool(row, &rows).unwrap_or(row);
        return Some(named(row, true, &format!("the longest wait: {}", waits(row))));
    }
    let (row, _) = highest(&rows, |row| offered(row, variant).or(row.utilisation))?;
    Some(named(row, false, &by_load(row, variant)))
}

/// What must be said of a primary that has replicas.
fn of_primary(row: &ResourceRow, variant: &VariantResults) -> &'static str {
    let Some(of) = row.component.strip_suffix("primary") else { return "" };
    let replica = format!("{of}replica[");
    if !variant.resources.iter().any(|other| other.component.starts_with(&replica)) {
        return "";
    }
    "; more replicas can take reads off it, and no writes: each of them replays every write"
}

fn named(row: &ResourceRow, limits: bool, evidence: &str) -> Bottleneck {
    Bottleneck {
        component: row.component.clone(),
        role: row.role.clone(),
        limits,
        evidence: evidence.to_owned(),
    }
}

/// The row with the largest value; the first of equals.
fn highest<'a>(
    rows: &[&'a ResourceRow],
    of: impl Fn(&ResourceRow) -> Option<f64>,
) -> Option<(&'a ResourceRow, f64)> {
    let mut best: Option<(&ResourceRow, f64)> = None;
    for row in rows {
        if let Some(x) = of(row).filter(|x| x.is_finite())
            && best.is_none_or(|(_, other)| x > other)
        {
            best = Some((row, x));
        }
    }
    best
}

fn offered(row: &ResourceRow, variant: &VariantResults) -> Option<f64> {
    let mean = row.offered_utilisation?;
    Some(offered_peak(row, variant).map_or(mean, |peak| peak.value.max(mean)))
}

fn offered_peak(row: &ResourceRow, variant: &VariantResults) -> Option<Peak> {
    (row.role == "cpu").then(|| sustained_peak(&variant.series, &format!("{}.offered_cpu", row.component)))?
}

fn sustained_peak(series: &Series, name: &str) -> Option<Peak> {
    if series.bucket <= 0.0 {
        return None;
    }
    let values = &series.column(name)?.median;
    let width = ((SUSTAINED / series.bucket).ceil() as usize).clamp(1, values.len().max(1));
    let mut best: Option<Peak> = None;
    for (start, window) in values.windows(width).enumerate() {
        let value = window.iter().map(|x| x.unwrap_or(0.0)).sum::<f64>() / width as f64;
        if best.is_none_or(|b| value > b.value) {
            best = Some(Peak { value, at: series.t.get(start).copied().unwrap_or(0.0) });
        }
    }
    best
}

/// The component's pool that is used up, if `row` is its line for workers and one is.
fn used_up_pool<'a>(row: &ResourceRow, rows: &[&'a ResourceRow]) -> Option<&'a ResourceRow> {
    let pools = rows.iter().copied().filter(|other| {
        row.role == "workers"
            && other.component == row.component
            && other.role.starts_with("pool(")
            && other.utilisation.is_some_and(|u| u >= USED_UP)
            && other.mean_wait.is_some_and(|wait| wait > 0.0)
    });
    highest(&pools.collect::<Vec<_>>(), |pool| pool.mean_wait).map(|(pool, _)| pool)
}

fn by_load(row: &ResourceRow, variant: &VariantResults) -> String {
    let mut parts = Vec::new();
    if let Some(mean) = row.offered_utilisation {
        parts.push(format!("work for {} of what it can do on average", quantity(mean, Unit::Share)));
    }
    if let Some(peak) =
        offered_peak(row, variant).filter(|p| row.offered_utilisation.is_some_and(|m| p.value > m))
    {
        parts.push(format!(
            "{} over the half minute from {}",
            quantity(peak.value, Unit::Share),
            duration(peak.at)
        ));
    }
    parts.push(format!("busy {}", optional(row.utilisation, Unit::Share)));
    if row.max_queue > 0 {
        parts.push(waits(row));
    }
    parts.join(", ")
}

fn waits(row: &ResourceRow) -> String {
    format!(
        "waited {} on average, {} at p99, up to {} in line",
        optional(row.mean_wait, Unit::Seconds),
        optional(row.p99_wait, Unit::Seconds),
        super::quantity::count(row.max_queue),
    )
}

#[cfg(test)]
mod tests {
    use super::bottleneck;
    use crate::experiment::results::{ResourceRow, VariantResults};
    use crate::report::fixture;

    fn variant() -> VariantResults {
        fixture::launch().variants.remove(0)
    }

    #[test]
    fn work_that_exceeds_the_processors_is_the_bottleneck_though_workers_wait_as_long() {
        let found = bottleneck(&variant()).unwrap();
        assert_eq!((found.component.as_str(), found.role.as_str(), found.limits), ("db", "cpu", true));
        assert_eq!(
            found.evidence,
            "work for 124 % of what it can do on average, 190 % over the half minute from 3m 00s, busy 99.80 %, \
             waited 230 ms on average, 1.90 s at p99, up to 812 in line"
        );
    }

    #[test]
    fn a_spike_counts_though_the_average_has_room() {
        let mut v = variant();
        v.resources[0].offered_utilisation = Some(0.6);
        assert!(bottleneck(&v).unwrap().limits);
        assert_eq!(bottleneck(&v).unwrap().component, "db");
    }

    #[test]
    fn a_primary_that_is_the_limit_is_not_helped_by_replicas() {
        let mut v = variant();
        for row in v.resources.iter_mut().filter(|row| row.component == "db") {
            row.component = "db.primary".to_owned();
        }
        v.series.columns.clear();
        assert!(!bottleneck(&v).unwrap().evidence.contains("replicas"), "it has none");
        let replica = ResourceRow {
            component: "db.replica[0]".to_owned(),
            offered_utilisation: Some(0.2),
            ..v.resources[0].clone()
        };
        v.resources.push(replica);
        let found = bottleneck(&v).unwrap();
        assert_eq!(found.component, "db.primary");
        assert!(found.evidence.ends_with("each of them replays every write"), "{}", found.evidence);
    }

    fn with_room() -> VariantResults {
        let mut v = variant();
        v.series.columns.clear();
        v.resources[0].offered_utilisation = Some(0.5);
        v.resources[0].mean_wait = Some(0.001);
        v.resources[0].p99_wait = Some(0.002);
        v
    }

    #[test]
    fn else_the_longest_wait_is() {
        let found = bottleneck(&with_room()).unwrap();
        assert_eq!((found.component.as_str(), found.role.as_str()), ("app", "workers"));
        assert!(found.evidence.starts_with("the longest wait: waited 230 ms"));
    }

    #[test]
    fn workers_held_by_their_used_up_pool_are_not_to_blame() {
        let mut v = with_room();
        let pool = ResourceRow {
            role: "pool(db)".to_owned(),
            utilisation: Some(0.99),
            mean_wait: Some(0.1),
            ..v.resources[1].clone()
        };
        v.resources.push(pool);
        assert_eq!(bottleneck(&v).unwrap().role, "pool(db)");
        v.resources.last_mut().unwrap().utilisation = Some(0.5);
        assert_eq!(bottleneck(&v).unwrap().role, "workers");
    }

    #[test]
    fn with_room_everywhere_the_busiest_is_named_but_does_not_limit() {
        let mut v = with_room();
        v.resources[1].mean_wait = Some(0.0);
        v.resources[1].p99_wait = Some(0.0);
        v.resources[1].utilisation = Some(0.3);
        let found = bottleneck(&v).unwrap();
        assert_eq!((found.component.as_str(), found.limits), ("db", false));
    }

    #[test]
    fn no_resources_no_bottleneck() {
        assert_eq!(bottleneck(&VariantResults::default()), None);
    }
}
