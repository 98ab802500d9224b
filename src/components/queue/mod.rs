//! Work queues: messages that one component leaves and another takes, each acknowledged by itself.
//!
//! What is modelled: acknowledgement before or after the work, leases (visibility) and who extends them,
//! redelivery, dead letters, prefetching, delays, classes, groups that keep their order, limits on length,
//! memory and what is in flight, confirms, batches and an outbox. [`Messages`] is a pure state machine;
//! [`Queue`] is its node: whoever publishes calls it, and it calls whoever works.
//!
//! The rule that must hold: published = acknowledged + dead-lettered + expired + dropped + lost + waiting +
//! in flight, at every instant ([`Messages::balance`]).
//!
//! Not modelled: receives of several messages at once, copies of a queue on several nodes.

mod agenda;
mod broker;
mod consumers;
mod messages;
mod polling;
mod publishers;
pub mod spec;
mod state;
#[cfg(test)]
mod tests;

pub use broker::{Broker, Delivery, Failure};
pub use consumers::Consumers;
pub use messages::{Balance, Content, Fact, MessageId, Messages};
pub use state::Queue;

/// The operation that publishes.
pub const PUBLISH: crate::base::OperationId = crate::base::OperationId(0);
