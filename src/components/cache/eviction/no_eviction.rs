//! No eviction: a full cache refuses what is new, and the write fails (Redis `noeviction`, its default).
//!
//! No state at all.

use super::{Eviction, Slot};
use crate::base::SimTime;
use crate::components::cache::entries::Entries;

/// Refuses what does not fit.
#[derive(Debug, Default)]
pub(super) struct NoEviction;

impl Eviction for NoEviction {
    fn insert(&mut self, _: Slot, _: &Entries, _: SimTime) {}

    fn hit(&mut self, _: Slot, _: &Entries, _: SimTime) {}

    fn evict(&mut self, _: u32, _: &Entries, _: SimTime) -> Option<Slot> {
        None
    }

    fn remove(&mut self, _: Slot, _: &Entries) {}

    fn clear(&mut self) {}

    fn memory(&self) -> usize {
        0
    }
}
