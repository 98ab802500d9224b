//! Row locks: one holder per row, the others in order of asking. A hot row is a serial section.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::call::{CallId, Flags};
use super::context::Context;
use super::probe::{Observation, Probe};
use crate::base::{EntityId, ResourceId, SimDuration};

/// Locks on the rows of one component. Only rows that are locked now take memory.
#[derive(Clone, Debug)]
pub struct LockTable {
    resource: ResourceId,
    held: FxHashMap<(EntityId, u64), VecDeque<CallId>>,
    present: u32,
}

impl LockTable {
    /// An empty table, observed as `resource`.
    #[must_use]
    pub fn new(resource: ResourceId) -> Self {
        Self { resource, held: FxHashMap::default(), present: 0 }
    }

    /// Asks for the row; true if it is held now, false if the call waits for it.
    pub fn acquire<P: Probe>(
        &mut self,
        entity: EntityId,
        row: u64,
        call: CallId,
        cx: &mut Context<'_, P>,
    ) -> bool {
        self.present += 1;
        let now = cx.now();
        cx.call_mut(call).asked = now;
        let granted = match self.held.entry((entity, row)) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                cx.observe(Observation::Waited { resource: self.resource, wait: SimDuration::ZERO });
                true
            }
            std::collections::hash_map::Entry::Occupied(mut taken) => {
                taken.get_mut().push_back(call);
                cx.call_mut(call).flags.set(Flags::IN_LINE);
                false
            }
        };
        cx.observe(Observation::Level { resource: self.resource, present: self.present });
        granted
    }

    /// Gives the row back; the call that holds it next, if one waits.
    pub fn release<P: Probe>(
        &mut self,
        entity: EntityId,
        row: u64,
        stay: SimDuration,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        self.present = self.present.saturating_sub(1);
        cx.observe(Observation::Departed { resource: self.resource, stay });
        cx.observe(Observation::Level { resource: self.resource, present: self.present });
        let waiting = self.held.get_mut(&(entity, row))?;
        while let Some(next) = waiting.pop_front() {
            if cx.is_in_line(next) {
                let now = cx.now();
                let record = cx.call_mut(next);
                record.flags.take(Flags::IN_LINE);
                let wait = now.since(record.asked);
                cx.observe(Observation::Waited { resource: self.resource, wait });
                return Some(next);
            }
        }
        self.held.remove(&(entity, row));
        None
    }

    /// A waiting call gives up.
    pub fn renege<P: Probe>(&mut self, entity: EntityId, row: u64, call: CallId, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let record = cx.call_mut(call);
        if !record.flags.take(Flags::IN_LINE) {
            return;
        }
        let stay = now.since(record.asked);
        if let Some(waiting) = self.held.get_mut(&(entity, row)) {
            waiting.retain(|other| *other != call);
        }
        self.present = self.present.saturating_sub(1);
        cx.observe(Observation::Refused { resource: self.resource });
        cx.observe(Observation::Departed { resource: self.resource, stay });
        cx.observe(Observation::Level { resource: self.resource, present: self.present });
    }

    /// Rows locked now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether no row is locked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
