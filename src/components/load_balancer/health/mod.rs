//! Finding out who is unwell: active checks, passive rules of nginx and HAProxy, Envoy's outlier
//! detection.
//!
//! All of them are state machines that are told what happened and when, and that say whether a backend
//! changed sides; who asks, and how long a probe takes, is the caller's. What a balancer does when many
//! are down (panic, fail open) is [`super::algorithm::Panic`]. Several machines may watch one backend:
//! it is up if none of them objects.

mod active;
mod error_limit;
mod max_fails;
mod outlier;

pub use active::{ActiveCheck, ActiveCheckSettings};
pub use error_limit::ErrorLimit;
pub use max_fails::{MaxFails, MaxFailsSettings};
pub use outlier::{OutlierDetector, OutlierSettings};

/// A backend changed sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transition {
    /// It may be used from now on.
    Up,
    /// It may not.
    Down,
}
