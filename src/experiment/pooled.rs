//! Percentiles of the histograms of all replications together, and of all but each.

use super::aggregate::value_of;
use super::results::MetricValue;
use super::sampled::Sampled;
use crate::metrics::evaluate::latencies;
use crate::metrics::{
    Catalog, Gauge, LatencyDistribution, Metric, MetricReference, ReplicationRecord, Statistic, Window,
};

/// The distribution of which a metric is a percentile, in one replication, and which one; `None` of other metrics.
fn distribution(
    metric: &Metric,
    catalog: &Catalog,
    record: &ReplicationRecord,
    window: Window,
) -> Option<(LatencyDistribution, f64)> {
    let cohort = match window {
        Window::Run | Window::End => record.run(),
        Window::During(from, to) => record.cohort(from, to)?,
    };
    let mut merged = LatencyDistribution::new(3);
    let share = match metric {
        Metric::Latency(Statistic::Percentile(share), requests) => {
            merged = latencies(cohort, requests, catalog);
            share
        }
        Metric::Resources(Gauge::Wait(Statistic::Percentile(share)), resources) => {
            resources.iter().filter_map(|r| cohort.waits.get(*r)).for_each(|w| merged.merge(w));
            share
        }
        Metric::CompletionTime(Statistic::Percentile(share), queue) => {
            cohort.completions.get(queue.index()).into_iter().for_each(|times| merged.merge(times));
            share
        }
        _ => return None,
    };
    Some((merged, *share))
}

/// A percentile over all replications together, and over all but each; `None` of a metric that is a mean.
#[must_use]
pub fn pooled(
    metric: &Metric,
    catalog: &Catalog,
    records: &[&ReplicationRecord],
    window: Window,
) -> Option<(MetricValue, Vec<MetricValue>)> {
    let parts = records.iter().map(|record| distribution(metric, catalog, record, window));
    let parts: Vec<(LatencyDistribution, f64)> = parts.collect::<Option<_>>()?;
    let share = parts.first()?.1;
    let mut all = LatencyDistribution::new(3);
    parts.iter().for_each(|(part, _)| all.merge(part));
    let without = |(part, _): &(LatencyDistribution, f64)| all.percentile_without(part, share).into();
    Some((all.percentile(share).into(), parts.iter().map(without).collect()))
}

/// A metric over replications, of which each one's value is given.
pub(super) fn sampled(
    metric: &Metric,
    catalog: &Catalog,
    records: &[&ReplicationRecord],
    window: Window,
    each: Vec<MetricValue>,
) -> Sampled {
    match pooled(metric, catalog, records, window) {
        Some((whole, without)) => Sampled::pooled(each, whole, &without),
        None => Sampled::mean(each),
    }
}

/// The metric called `name` over replications, without their warm-up.
#[must_use]
pub fn sampled_of(name: &str, records: &[&ReplicationRecord], catalog: &Catalog) -> Sampled {
    let each = records.iter().map(|record| value_of(name, record, catalog)).collect();
    match MetricReference::parse(name, catalog) {
        Ok(reference) => sampled(&reference.metric, catalog, records, Window::Run, each),
        Err(_) => Sampled::mean(each),
    }
}
