//! What a name can mean: a statistic, a gauge of resources, a count of events, of which requests or rows.

use std::fmt;

use crate::base::{ComponentId, EntityId, SimTime};
use crate::engine::{Fate, RecordFate, Transacted};
use crate::metrics::value::Unit;

/// A statistic of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// The percentile of this share, in 0..=1.
    Percentile(f64),
    /// The maximum.
    Max,
}

/// Whose latency.
#[derive(Clone, Debug, PartialEq)]
pub enum Requests {
    /// Good answers of all endpoints.
    Good,
    /// Good answers of the endpoint with this name, whichever clients send it.
    Endpoint(String),
    /// Requests that failed or were given up.
    Errors,
}

/// What is asked of resources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gauge {
    /// Busy servers / servers.
    Utilisation,
    /// Work asked for / (servers x time).
    Offered,
    /// Number waiting.
    Queue,
    /// Largest number waiting.
    QueueMax,
    /// Time until granted.
    Wait(Statistic),
    /// Servers held.
    Busy,
    /// Servers there are.
    Servers,
    /// The mean of a level that is a lag, in seconds.
    Lag,
    /// For how long a level was up, in seconds.
    Duration,
    /// A level in milliseconds.
    Age,
}

/// What is asked of stores of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreGauge {
    /// Served from the store / looked up.
    HitRatio,
    /// (Bytes delivered - bytes fetched) / bytes delivered.
    ByteHitRatio,
    /// Fetches that ended per second.
    Fills,
    /// Share of look-ups that joined a fetch under way.
    Joined,
    /// Share of look-ups served past their time.
    Stale,
    /// Items that gave way to others.
    Evictions,
}

impl StoreGauge {
    /// By name.
    pub const ALL: [(&'static str, Self); 6] = [
        ("hit_ratio", Self::HitRatio),
        ("byte_hit_ratio", Self::ByteHitRatio),
        ("fills", Self::Fills),
        ("collapsed", Self::Joined),
        ("stale", Self::Stale),
        ("evictions", Self::Evictions),
    ];
}

/// Which age of the oldest message that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgeOf {
    /// Its mean over time, or the present one.
    Mean,
    /// The largest.
    Max,
}

/// A metric of one model.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Requests sent per second.
    Offered,
    /// Requests ended per second.
    Throughput,
    /// Good answers per second.
    Goodput,
    /// Good / (sent - in flight).
    Availability,
    /// Share of requests that ended with this status.
    Status(u16),
    /// The same per second.
    StatusRate(u16),
    /// Share of requests whose error this component made.
    ErrorsFrom(ComponentId),
    /// Share of requests that ended by a timeout or deadline.
    Timeouts,
    /// Share of requests that their clients gave up.
    Abandoned,
    /// Share of requests that had not ended when the run was cut.
    Unfinished,
    /// Share of good answers that a fallback or a lesser way made.
    Degraded,
    /// Attempts / requests.
    AttemptsPerRequest,
    /// Share of visits served whose caller had left.
    WastedWork,
    /// Latency.
    Latency(Statistic, Requests),
    /// A gauge over resources (positions in the catalog).
    Resources(Gauge, Vec<usize>),
    /// Visits open at a component.
    InFlight(ComponentId),
    /// Instances of a fleet that never changes.
    Instances(u32),
    /// The largest of these.
    Worst(Vec<Metric>),
    /// Largest / mean over these.
    Skew(Vec<Metric>),
    /// Time from the spike's end to recovery.
    TimeToRecover,
    /// Money per hour.
    Cost,
    /// Money per million good answers.
    CostPerMillionGood,
    /// Money per hour of one component.
    CostOf(ComponentId),
    /// Money spent while a spike lasts.
    CostPerSpike,
    /// Money per hour for cores that were idle even in the busiest bucket.
    CostOfRedundancy,
    /// The largest burn rate of an error budget (a share) over any window of so many seconds.
    BurnRate(f64, f64),
    /// The first alert of an error budget (a share).
    AlertAt(f64),
    /// Acknowledged writes that were lost.
    LostWrites,
    /// What became of transactions and sagas.
    Transactions(Transacted),
    /// Reads that saw less than their owner had written.
    OwnWritesUnread,
    /// Share of reads of an entity through caches for which the store behind was not asked.
    HitRatio(EntityId),
    /// Share of reads of an entity that saw an old version.
    StaleReads(EntityId),
    /// Mean age of what those reads saw.
    Staleness(EntityId),
    /// Versions that reads of an entity were behind, over all of them.
    VersionsBehind(Statistic, EntityId),
    /// Reads that saw less than the same reader had seen before.
    ReadsGoneBack,
    /// Writes of the store per acknowledged write of an entity.
    WriteAmplification(EntityId),
    /// Copies written, taken out or marked per acknowledged write of an entity.
    CacheWrites(EntityId),
    /// Share of the copies of an entity at the end that are not the store's version.
    Divergence(EntityId),
    /// What stores of copies (positions in the catalog's resources) found and fetched.
    Store(StoreGauge, Vec<usize>),
    /// Messages of a queue that met this.
    Messages(Fate, ComponentId),
    /// The age of the oldest message that waits at a queue.
    MessageAge(AgeOf, ComponentId),
    /// Time from a request to the completion of the job that it sent.
    CompletionTime(Statistic, ComponentId),
    /// Jobs completed per second, as far as their clients can see.
    Completions(ComponentId),
    /// From the end of the spike until nobody waits at a queue.
    DrainTime(ComponentId),
    /// What became of records of a log (positions in the catalog's resources), or befell its groups.
    Records(RecordFate, Vec<usize>),
    /// The share of requests to the first stores for which the origin was not asked, by any of the second.
    Offload(Vec<usize>, Vec<usize>),
}

/// A metric, and the window it is over if that is not the expression's.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricReference {
    /// Which.
    pub metric: Metric,
    /// `[from, to)`, from the name's own arguments.
    pub window: Option<(SimTime, SimTime)>,
}

/// A name that nothing in the model supplies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMetric {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.suggestion.as_ref().map_or(Ok(()), |s| write!(f, " (did you mean `{s}`?)"))
    }
}

impl std::error::Error for UnknownMetric {}

impl Metric {
    /// What its values lie between: a share of something between none and all of it, nothing below zero but
    /// what is a difference.
    #[must_use]
    pub fn domain(&self) -> (f64, f64) {
        match self {
            Self::Offload(..) | Self::Store(StoreGauge::ByteHitRatio, _) => (f64::NEG_INFINITY, 1.0),
            Self::Resources(Gauge::Offered, _) => (0.0, f64::INFINITY),
            _ if self.unit() == Unit::Share => (0.0, 1.0),
            _ => (0.0, f64::INFINITY),
        }
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Self::Offered
            | Self::Throughput
            | Self::Goodput
            | Self::StatusRate(_)
            | Self::Completions(_)
            | Self::Store(StoreGauge::Fills, _) => Unit::PerSecond,
            Self::Availability
            | Self::Status(_)
            | Self::ErrorsFrom(_)
            | Self::Timeouts
            | Self::Abandoned
            | Self::Unfinished
            | Self::WastedWork
            | Self::Degraded
            | Self::StaleReads(_)
            | Self::HitRatio(_)
            | Self::Divergence(_)
            | Self::Offload(..)
            | Self::Store(
                StoreGauge::HitRatio | StoreGauge::ByteHitRatio | StoreGauge::Joined | StoreGauge::Stale,
                _,
            )
            | Self::Resources(Gauge::Utilisation | Gauge::Offered, _) => Unit::Share,
            Self::AttemptsPerRequest | Self::Skew(_) | Self::WriteAmplification(_) | Self::CacheWrites(_) => {
                Unit::Ratio
            }
            Self::Latency(..)
            | Self::TimeToRecover
            | Self::MessageAge(..)
            | Self::CompletionTime(..)
            | Self::DrainTime(_)
            | Self::AlertAt(_)
            | Self::Staleness(_)
            | Self::Resources(Gauge::Wait(_) | Gauge::Lag | Gauge::Duration | Gauge::Age, _) => Unit::Seconds,
            // Lags and outages are all that is looked at so.
            Self::Worst(all) => all.first().map_or(Unit::Seconds, Self::unit),
            Self::Resources(Gauge::Queue | Gauge::QueueMax | Gauge::Busy | Gauge::Servers, _)
            | Self::InFlight(_)
            | Self::LostWrites
            | Self::Messages(..)
            | Self::Records(..)
            | Self::Transactions(_)
            | Self::OwnWritesUnread
            | Self::ReadsGoneBack
            | Self::VersionsBehind(..)
            | Self::Store(StoreGauge::Evictions, _)
            | Self::Instances(_) => Unit::Count,
            Self::Cost | Self::CostOf(_) | Self::CostOfRedundancy => Unit::MoneyPerHour,
            Self::CostPerMillionGood | Self::CostPerSpike => Unit::Money,
            Self::BurnRate(..) => Unit::Ratio,
        }
    }
}
