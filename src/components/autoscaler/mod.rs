//! Autoscalers: how many instances there should be, decided from what was measured.
//!
//! Pure rules over a history of measurements: Kubernetes' horizontal pod autoscaler and AWS target
//! tracking. They see a metric as late and as averaged as it is handed to them, and only say a number;
//! [`Fleet`] acts on it: metrics lag, instances boot, warm up and drain. That a cluster has to find nodes first
//! is part of the boot time. A rule does not know what its metric means: workers that wait for a database
//! lower the processor's utilisation, and the fleet is scaled in, in the middle of an outage.

mod fleet;
mod horizontal_pod_autoscaler;
pub mod spec;
mod target_tracking;

pub use fleet::{Fleet, Step};
pub use horizontal_pod_autoscaler::{
    HorizontalPodAutoscaler, HpaSettings, Pod, RatePolicy, ScalingRules, desired_replicas,
};
pub use target_tracking::{Capacity, TargetTracking, TrackingSettings, combine};
