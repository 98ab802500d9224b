//! An autoscaler as proven: every number in range.

use super::{HpaSettings, TrackingSettings};
use crate::base::random::{Distribution, Key};
use crate::base::{ComponentId, SimDuration};

/// What is measured of each instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Signal {
    /// Mean cores in use over a window, relative to the cores requested.
    #[default]
    Cpu,
    /// Requests in hand at the end of a window.
    InFlight,
    /// Workers in use at the end of a window, relative to the workers there are.
    Utilisation,
    /// Messages that wait at a queue at the end of a window, for each instance asked for.
    Backlog(ComponentId),
    /// Seconds since the oldest message that waits at a queue was published.
    OldestAge(ComponentId),
}

impl Signal {
    /// Whether it is a number of the whole, and not a mean over the instances that are there (an external
    /// metric in Kubernetes' words): then all instances count alike, those that boot among them.
    #[must_use]
    pub const fn is_external(self) -> bool {
        matches!(self, Self::Backlog(_) | Self::OldestAge(_))
    }
}

/// Who decides.
#[derive(Clone, PartialEq, Debug)]
pub enum Rule {
    /// Kubernetes' horizontal pod autoscaler; targets are relative to 1.
    Hpa(HpaSettings),
    /// AWS target tracking; targets are relative to 1.
    TargetTracking(TrackingSettings),
}

/// An autoscaler of a service.
#[derive(Clone, PartialEq, Debug)]
pub struct AutoscaleSpec {
    /// Who decides.
    pub rule: Rule,
    /// What is measured.
    pub signal: Signal,
    /// The value aimed at: a share, or requests in hand.
    pub target: f64,
    /// Cores that an instance requests: what `cpu` is relative to.
    pub requested: f64,
    /// Least and largest number of instances.
    pub bounds: [u16; 2],
    /// From decision to decision (the pod autoscaler; target tracking decides with each datapoint).
    pub sync: SimDuration,
    /// Length of a window of the metric.
    pub scrape: SimDuration,
    /// From a window's end until it is seen.
    pub lag: SimDuration,
    /// So long after its start a pod's metric counts only if its window began when the pod was ready.
    pub initialisation: SimDuration,
    /// So long after it is ready an instance does not count yet (target tracking).
    pub warm_up: SimDuration,
    /// From start to serving, in seconds.
    pub boot: Distribution,
    /// Time in which running work may end when an instance is taken out.
    pub grace: SimDuration,
}

/// An autoscaler and the stream of its boot times.
#[derive(Clone, PartialEq, Debug)]
pub struct AutoscaleBuild {
    /// What it is.
    pub spec: AutoscaleSpec,
    /// Joined with the instance and the number of its start.
    pub key: Key,
}
