//! The simulation clock and its executive.
//!
//! At one instant, events for "now" ([`Executive::immediate`]) come first, in order of scheduling;
//! then completions, expiries and timers ([`Executive::schedule`]), then arrivals from outside
//! ([`Executive::schedule_arrival`]); within a class the order of scheduling decides.

use std::collections::VecDeque;

use super::future_event_list::{EventKey, EventList, RadixWheel};
use crate::base::SimTime;

/// The clock, the future event list, and a lane for events that happen now.
#[derive(Clone, Debug)]
pub struct Executive<E, L = RadixWheel<E>> {
    now: SimTime,
    scheduled: u64,
    processed: u64,
    /// The first event of the lane: most often it is the only one.
    first: Option<E>,
    lane: VecDeque<E>,
    list: L,
}

impl<E: Copy> Default for Executive<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Copy> Executive<E> {
    /// At time zero, with nothing to come.
    #[must_use]
    pub fn new() -> Self {
        Self::with_list(RadixWheel::new())
    }
}

impl<E: Copy, L: EventList<E>> Executive<E, L> {
    /// At time zero, with an event list of the caller's choice.
    #[must_use]
    pub fn with_list(list: L) -> Self {
        Self { now: SimTime::ZERO, scheduled: 0, processed: 0, first: None, lane: VecDeque::new(), list }
    }

    /// The present.
    #[inline]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Schedules a completion, expiry or timer; the past counts as now.
    #[inline]
    pub fn schedule(&mut self, at: SimTime, event: E) {
        self.scheduled += 1;
        self.list.push(EventKey::new(at.max(self.now), false, self.scheduled), event);
    }

    /// Schedules an arrival from outside: after everything else of its instant.
    #[inline]
    pub fn schedule_arrival(&mut self, at: SimTime, event: E) {
        self.scheduled += 1;
        self.list.push(EventKey::new(at.max(self.now), true, self.scheduled), event);
    }

    /// Lets `event` happen now, after all others that were told the same before.
    #[inline]
    pub fn immediate(&mut self, event: E) {
        if self.first.is_none() {
            self.first = Some(event);
        } else {
            self.lane.push_back(event);
        }
    }

    /// The next event; the clock moves to it.
    #[inline]
    pub fn pop(&mut self) -> Option<E> {
        self.pop_until(SimTime::MAX)
    }

    /// The next event not later than `limit`; with none, the clock moves to `limit` (unless that is
    /// [`SimTime::MAX`]) and the rest stays scheduled.
    #[inline]
    pub fn pop_until(&mut self, limit: SimTime) -> Option<E> {
        if let Some(event) = self.first {
            self.first = self.lane.pop_front();
            self.processed += 1;
            return Some(event);
        }
        if let Some((key, event)) = self.list.pop_before(limit) {
            self.now = key.time();
            self.processed += 1;
            return Some(event);
        }
        if limit != SimTime::MAX {
            self.now = self.now.max(limit);
        }
        None
    }

    /// Events still to come, stale ones among them.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.list.len() + self.lane.len() + usize::from(self.first.is_some())
    }

    /// Room for events that is kept, used or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.list.capacity() + self.lane.capacity()
    }

    /// Events handed out so far.
    #[must_use]
    pub fn events_processed(&self) -> u64 {
        self.processed
    }

    /// Drops all scheduled events for which `alive` is false.
    pub fn sweep(&mut self, alive: impl FnMut(&E) -> bool) {
        self.list.retain(alive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_lane_then_completions_then_arrivals_each_in_order_of_scheduling() {
        let mut executive = Executive::new();
        let t = SimTime::from_nanos(5);
        executive.schedule_arrival(t, "arrival 1");
        executive.schedule(t, "completion 1");
        executive.schedule_arrival(t, "arrival 2");
        executive.schedule(t, "completion 2");
        let mut seen = vec![executive.pop().unwrap()];
        executive.immediate("now 1");
        executive.immediate("now 2");
        executive.schedule(t, "completion 3");
        while let Some(event) = executive.pop() {
            seen.push(event);
        }
        assert_eq!(
            seen,
            ["completion 1", "now 1", "now 2", "completion 2", "completion 3", "arrival 1", "arrival 2"]
        );
    }

    #[test]
    fn a_limit_stops_the_clock_and_keeps_the_rest() {
        let mut executive = Executive::new();
        executive.schedule(SimTime::from_nanos(10), 'a');
        assert_eq!(executive.pop_until(SimTime::from_nanos(9)), None);
        assert_eq!(executive.now(), SimTime::from_nanos(9));
        assert_eq!(executive.pop_until(SimTime::from_nanos(10)), Some('a'));
    }
}
