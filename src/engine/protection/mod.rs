//! What keeps load away: the mechanisms by which callers and servers protect each other and themselves.
//!
//! Each is a state machine of its own that knows neither requests nor events: it is told what happened
//! and when, draws from the stream it is handed, and says yes, no or how long to wait. Everything takes
//! constant time unless its file says otherwise. Whose it is (a client, an instance, a fleet) is decided
//! by who keeps it: one per instance is *not* the limit of the fleet.
//!
//! | asks | mechanism |
//! |---|---|
//! | may this one come in? | [`rate_limit`], [`AdaptiveConcurrency`], [`AdmissionControl`], [`Bulkhead`], [`Codel`] |
//! | may this one go out? | [`CircuitBreaker`], [`ClientThrottle`], [`Bulkhead`] |
//! | may it go out again? | [`RetryBudget`], [`Hedge`] |
//!
//! Pauses between attempts are [`super::Retry::pause`].

pub mod adaptive_concurrency;
mod admission_control;
mod bulkhead;
mod circuit_breaker;
mod client_throttle;
mod codel;
mod hedge;
pub mod rate_limit;
mod retry_budget;
mod rolling_counter;

pub use adaptive_concurrency::AdaptiveConcurrency;
pub use admission_control::{AdmissionControl, AdmissionSettings};
pub use bulkhead::{Bulkhead, Entry};
pub use circuit_breaker::{BreakerSettings, BreakerState, CircuitBreaker, SlowCalls, Window};
pub use client_throttle::ClientThrottle;
pub use codel::{Codel, ControlledDelay};
pub use hedge::{Hedge, HedgeAfter};
pub use retry_budget::{Quota, RetryBudget, RetryCause};
pub use rolling_counter::RollingCounter;

#[cfg(test)]
mod tests;
