//! Autoscalers: how many instances there should be, decided from what was measured.
//!
//! Pure rules over a history of measurements: Kubernetes' horizontal pod autoscaler and AWS target
//! tracking. They see a metric as late and as averaged as it is handed to them, and only say a number;
//! that metrics lag, that instances boot, warm up and drain, and that a cluster has to find nodes first is
//! whoever acts on it. A rule does not know what its metric means: workers that wait for a database
//! lower the processor's utilisation, and the fleet is scaled in, in the middle of an outage.

mod horizontal_pod_autoscaler;
mod target_tracking;

pub use horizontal_pod_autoscaler::{
    HorizontalPodAutoscaler, HpaSettings, Pod, RatePolicy, ScalingRules, desired_replicas,
};
pub use target_tracking::{Fleet, TargetTracking, TrackingSettings, combine};
