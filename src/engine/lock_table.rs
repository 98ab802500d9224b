//! Row locks: one holder per row, the others in order of asking. A hot row is a serial section.
//! Its observed level is the number waiting: holding a row is no queueing.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

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
    waiting: u32,
}

impl LockTable {
    /// An empty table, observed as `resource`.
    #[must_use]
    pub fn new(resource: ResourceId) -> Self {
        Self { resource, held: FxHashMap::default(), waiting: 0 }
    }

    /// Asks for the row; true if it is held now, false if the call waits for it.
    pub fn acquire<P: Probe>(
        &mut self,
        entity: EntityId,
        row: u64,
        call: CallId,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let now = cx.now();
        cx.call_mut(call).asked = now;
        match self.held.entry((entity, row)) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                cx.observe(Observation::Waited { resource: self.resource, wait: SimDuration::ZERO });
                true
            }
            Entry::Occupied(mut taken) => {
                taken.get_mut().push_back(call);
                cx.call_mut(call).flags.set(Flags::IN_LINE);
                self.waiting += 1;
                cx.observe(Observation::Level { resource: self.resource, present: self.waiting });
                false
            }
        }
    }

    /// Gives the row back; the call that holds it next, if one waits.
    pub fn release<P: Probe>(
        &mut self,
        entity: EntityId,
        row: u64,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        let waiting = self.held.get_mut(&(entity, row))?;
        while let Some(next) = waiting.pop_front() {
            if cx.is_in_line(next) {
                cx.call_mut(next).flags.take(Flags::IN_LINE);
                self.left_line(next, cx);
                let wait = cx.now().since(cx.call(next).asked);
                cx.observe(Observation::Waited { resource: self.resource, wait });
                return Some(next);
            }
        }
        self.held.remove(&(entity, row));
        None
    }

    /// A waiting call gives up.
    pub fn renege<P: Probe>(&mut self, entity: EntityId, row: u64, call: CallId, cx: &mut Context<'_, P>) {
        if !cx.call_mut(call).flags.take(Flags::IN_LINE) {
            return;
        }
        if let Some(waiting) = self.held.get_mut(&(entity, row)) {
            waiting.retain(|other| *other != call);
        }
        cx.observe(Observation::Refused { resource: self.resource });
        self.left_line(call, cx);
    }

    fn left_line<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.waiting -= 1;
        let stay = cx.now().since(cx.call(call).asked);
        cx.observe(Observation::Departed { resource: self.resource, stay });
        cx.observe(Observation::Level { resource: self.resource, present: self.waiting });
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
