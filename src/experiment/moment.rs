//! What a design was doing in one short window: the facts that an explanation of a moment is made from.

use super::aggregate::{Slice, errors, resources};
use super::results::{ErrorRow, ResourceRow};
use crate::base::SimTime;
use crate::metrics::{Catalog, Events, LatencyDistribution, ReplicationRecord};

/// A window, averaged over replications.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Moment {
    /// Its begin in seconds.
    pub from: f64,
    /// Its end in seconds.
    pub to: f64,
    /// Replications that reached it.
    pub replications: u32,
    /// Requests sent per second.
    pub offered: f64,
    /// Good answers per second.
    pub goodput: f64,
    /// Attempts after the first that clients sent, per second.
    pub reattempts: f64,
    /// Visits to components that ended with a success, per second.
    pub served: f64,
    /// Those of them whose caller had left, per second.
    pub served_for_nobody: f64,
    /// Median latency in seconds of the good answers to requests that started in the window.
    pub p50: Option<f64>,
    /// Their 99th percentile.
    pub p99: Option<f64>,
    /// How requests that started in the window failed, the most frequent first.
    pub errors: Vec<ErrorRow>,
    /// One row per component and role.
    pub resources: Vec<ResourceRow>,
}

/// The window `[from, to)` of all replications whose plan asked for it.
#[must_use]
pub fn moment(catalog: &Catalog, records: &[ReplicationRecord], from: SimTime, to: SimTime) -> Moment {
    let slice =
        |record| ReplicationRecord::cohort(record, from, to).map(|cohort| Slice { record, cohort, from, to });
    let slices: Vec<Slice<'_>> = records.iter().filter_map(slice).collect();
    let mut events = Events::default();
    let (mut span, mut latency) = (0.0, LatencyDistribution::new(3));
    for slice in &slices {
        events.add(&slice.record.events_in(from, to));
        span += slice.record.rows_in(from, to).map(|row| row.end.since(row.start).as_secs_f64()).sum::<f64>();
        slice.cohort.endpoints.iter().for_each(|endpoint| latency.merge(&endpoint.latency));
    }
    let rate = |n: u64| if span > 0.0 { n as f64 / span } else { 0.0 };
    Moment {
        from: from.as_secs_f64(),
        to: to.as_secs_f64(),
        replications: slices.len() as u32,
        offered: rate(events.sent),
        goodput: rate(events.good),
        reattempts: rate(events.reattempted),
        served: rate(events.served),
        served_for_nobody: rate(events.served_for_nobody),
        p50: latency.percentile(0.5),
        p99: latency.percentile(0.99),
        errors: errors(catalog, &slices),
        resources: resources(catalog, &slices).into_iter().filter(|row| row.instance.is_none()).collect(),
    }
}
