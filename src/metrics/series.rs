//! What is kept per bucket of the time series besides counts and integrals.

use super::latency::LatencyDistribution;

/// Latency percentiles of the good answers that arrived in one bucket, in seconds; `None` without any.
///
/// From a histogram of two digits that is used again for the next bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BucketLatency {
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p999: Option<f64>,
}

impl BucketLatency {
    pub(super) fn of(latency: &LatencyDistribution) -> Self {
        let [p50, p99, p999] = latency.percentiles([0.5, 0.99, 0.999]);
        Self { p50, p99, p999 }
    }
}
