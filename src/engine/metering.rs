//! What is counted because somebody pays for it: bytes towards clients, bytes between components and whether
//! they cross a zone, connections, statements.
//!
//! Rules: an answer to a client's own call is egress of whoever answers it, whatever stands in front or
//! behind. A message between two components counts once, with its size, where both have zones; without a
//! zone (clients, components that name none) nothing is known of its way. But for egress none of it is
//! observed unless a price asks for it.
//!
//! Not counted: headers, retransmissions, the log that replicas follow, health checks.

use super::call::CallId;
use super::context::{Context, Core};
use super::probe::{Observation, Probe};
use crate::base::ComponentId;

/// What is needed to tell which messages cross a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// By component: the zones over which its instances are spread in turn; empty where none is known.
    pub zones: Vec<Vec<u16>>,
}

impl Metered {
    fn zone(&self, component: ComponentId, instance: u16) -> Option<u16> {
        let zones = self.zones.get(component.index())?;
        zones.get(instance as usize % zones.len().max(1)).copied()
    }
}

impl<P: Probe> Core<P> {
    /// An answer of so many bytes leaves: is it a client's?
    #[inline]
    pub(super) fn meter_answer(&mut self, id: CallId, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let call = &self.calls[id];
        let (component, parent) = (call.component, call.parent);
        let request = self.requests.get(call.request);
        let of_client = request
            .is_some_and(|r| r.root == parent && r.client.index() >= usize::from(self.plan.components));
        if of_client {
            self.observe(Observation::Egress { component, bytes });
        }
        self.meter_message(id, bytes);
    }

    /// A message of so many bytes goes between a call's caller and whom it calls, either way.
    #[inline]
    pub(super) fn meter_message(&mut self, id: CallId, bytes: u64) {
        if bytes > 0
            && let Some(metered) = &self.plan.metered
        {
            let call = &self.calls[id];
            let Some(caller) = self.calls.get(call.parent) else { return };
            let from = metered.zone(caller.component, caller.instance);
            let to = metered.zone(call.component, call.instance);
            if let (Some(from), Some(to)) = (from, to) {
                self.observe(Observation::Moved { bytes, across: from != to });
            }
        }
    }
}

impl<P: Probe> Context<'_, P> {
    /// A connection to this component was opened.
    #[inline]
    pub fn meter_connection(&mut self) {
        if self.core.plan.metered.is_some() {
            let component = self.me;
            self.observe(Observation::Connected { component });
        }
    }

    /// A message of this queue was handed to a consumer.
    #[inline]
    pub fn meter_receive(&mut self) {
        if self.core.plan.metered.is_some() {
            let queue = self.me;
            self.observe(Observation::Received { queue });
        }
    }

    /// A statement about a row of so many bytes was answered: the row went one way or the other.
    #[inline]
    pub fn meter_statement(&mut self, id: CallId, writes: bool, bytes: impl FnOnce(&mut Self) -> u64) {
        if self.core.plan.metered.is_some() {
            let component = self.me;
            self.observe(Observation::Stated { component, writes });
            let bytes = bytes(self);
            self.core.meter_message(id, bytes);
        }
    }
}
