//! What is to happen to messages later, in order of time, each entry removable: memory grows with what is
//! pending, never with what has been cancelled.

use std::collections::BTreeMap;

use super::messages::MessageId;
use crate::base::SimTime;

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A delay is over.
    Ready,
    /// A lease ends.
    Visible,
    /// It has been kept long enough.
    Expire,
    /// The relay of an outbox looks at it.
    Relay,
}

/// Names an entry.
pub(super) type Slot = (SimTime, u64);

/// Entries by time; of one instant in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<Slot, (What, MessageId)>,
    made: u64,
}

impl Agenda {
    pub(super) fn add(&mut self, at: SimTime, what: What, message: MessageId) -> Slot {
        self.made += 1;
        let slot = (at, self.made);
        self.entries.insert(slot, (what, message));
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        self.entries.remove(&slot);
    }

    pub(super) fn next(&self) -> Option<SimTime> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// The first entry that is due by `now`.
    pub(super) fn pop(&mut self, now: SimTime) -> Option<(What, MessageId)> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
