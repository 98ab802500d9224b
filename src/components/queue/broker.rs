//! What a worker asks of a broker, whatever keeps the messages: take, acknowledge, fail, be lost.
//!
//! A work queue leases single messages; a log hands out records of partitions and commits positions. The
//! node that stands between broker and workers needs to know no more than this.

use super::messages::MessageId;
use crate::base::{SimDuration, SimTime};

/// One delivery of one message. Of several deliveries of a message each has its own receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The message.
    pub message: MessageId,
    /// Which delivery of it.
    pub receipt: u32,
}

/// How a delivery ended without success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The work failed.
    Failed,
    /// The consumer died before it had begun.
    LostUnbegun,
    /// The consumer died in the middle of the work.
    Lost,
    /// The consumer was taken out, and hands back what it has.
    HandedBack,
}

/// Whoever keeps messages for workers.
pub trait Broker {
    /// The next message for a consumer that extends its lease so often; none: nothing can be delivered now.
    fn take(&mut self, extends: Option<SimDuration>, now: SimTime) -> Option<Delivery>;

    /// The work of a delivery has succeeded; whether it was the first time for its message.
    fn ack(&mut self, delivery: Delivery, now: SimTime) -> bool;

    /// A delivery ended without success.
    fn fail(&mut self, delivery: Delivery, how: Failure, now: SimTime);

    /// Something that was to happen by now happens; when to ask again.
    fn due(&mut self, now: SimTime) -> Option<SimTime>;
}
