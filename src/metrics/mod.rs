//! Floor 3: what is measured. Everything here is computed from observations.

pub mod bill;
mod catalog;
mod condition;
mod consistency;
mod counters;
pub mod error_budget;
pub mod evaluate;
mod explanation;
pub mod expression;
mod fingerprint;
mod histogram;
mod latency;
mod lookups;
pub mod meters;
mod queues;
mod recorder;
mod recovery;
mod series;
mod time_weighted;
mod value;
pub mod vocabulary;

pub use bill::{BillItem, Charge, Tariff};
pub use catalog::{Catalog, ClientInfo, ComponentInfo, ResourceInfo, Role};
pub use condition::{Comparison, Condition, Operator, Term, order, windows_of};
pub use counters::{Cohort, EndpointCohort, Events};
pub use evaluate::Window;
pub use explanation::{EXPLANATIONS, Explanation, explanation};
pub use fingerprint::Fingerprint;
pub use latency::LatencyDistribution;
pub use lookups::Lookups;
pub use queues::QueueEvents;
pub use recorder::{Recorder, RecorderPlan, ReplicationRecord, Row};
pub use recovery::Recovery;
pub use series::BucketLatency;
pub use time_weighted::{TimeWeighted, Usage};
pub use value::{MetricValue, Unit};
pub use vocabulary::{AgeOf, Gauge, Metric, MetricReference, Requests, Statistic, StoreGauge, UnknownMetric};

#[cfg(test)]
mod tests;
