//! Senders that wait: for room in a queue, for memory, or for others to be published with.

use std::collections::VecDeque;

use crate::base::ComponentId;
use crate::engine::CallId;

/// A sender's instance.
pub(super) type Sender = (ComponentId, u16);

/// Calls that publish and have no answer yet.
#[derive(Debug, Default)]
pub(super) struct Publishers {
    /// They wait for room, first come, first served.
    blocked: VecDeque<CallId>,
    /// By sender: calls that wait for their batch to be full. The number tells batches of a sender apart.
    batches: Vec<(Sender, u32, Vec<CallId>)>,
}

impl Publishers {
    pub(super) fn block(&mut self, call: CallId) {
        self.blocked.push_back(call);
    }

    pub(super) fn is_blocking(&self) -> bool {
        !self.blocked.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<CallId> {
        self.blocked.pop_front()
    }

    /// The call waits no more, wherever it did; whether it did.
    pub(super) fn leave(&mut self, call: CallId) -> bool {
        let before = self.blocked.len();
        self.blocked.retain(|other| *other != call);
        let mut left = self.blocked.len() != before;
        for (_, _, calls) in &mut self.batches {
            let before = calls.len();
            calls.retain(|other| *other != call);
            left |= calls.len() != before;
        }
        left
    }

    /// Adds a call to its sender's batch: how many there are now, and which batch it is.
    pub(super) fn gather(&mut self, sender: Sender, call: CallId) -> (usize, u32) {
        let at = self.batches.iter().position(|(other, ..)| *other == sender).unwrap_or_else(|| {
            self.batches.push((sender, 0, Vec::new()));
            self.batches.len() - 1
        });
        self.batches[at].2.push(call);
        (self.batches[at].2.len(), at as u32)
    }

    /// The calls of a batch, which begins anew; none if it is another one by now.
    pub(super) fn release(&mut self, batch: u32, epoch: Option<u32>) -> Vec<CallId> {
        match self.batches.get_mut(batch as usize) {
            Some((_, now, calls)) if epoch.is_none_or(|epoch| epoch == *now) => {
                *now = now.wrapping_add(1);
                std::mem::take(calls)
            }
            _ => Vec::new(),
        }
    }

    /// Which batch of its sender this is.
    pub(super) fn epoch(&self, batch: u32) -> u32 {
        self.batches.get(batch as usize).map_or(0, |(_, epoch, _)| *epoch)
    }
}
