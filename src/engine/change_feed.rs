//! Change data capture: whoever follows a database's log hears of each commit, in the order of the commits and
//! after a delay of the message's own, unless the message is lost.
//!
//! Not modelled: the load that following the log puts on the database, and messages that come twice.

use std::collections::VecDeque;

use super::context::{Context, Core};
use super::event::{Signal, Timer};
use super::plan::Demand;
use super::probe::Probe;
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimDuration, SimTime};

/// The topic of the timers by which messages come; their number is the feed.
pub const CHANGES: u32 = 1 << 24;

/// Who hears of commits to an entity, when, and how surely.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedPlan {
    /// Who.
    pub to: ComponentId,
    /// Of which entity.
    pub entity: EntityId,
    /// Seconds from the commit to the message; none: at once.
    pub delay: Option<Demand>,
    /// The share of messages that are lost, for each instance by itself.
    pub lost: f64,
    /// The stream of the delays and of the coins.
    pub key: Key,
}

/// Messages of one feed that are on their way.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    /// When the latest of them comes: none overtakes another.
    last: SimTime,
    line: VecDeque<(u64, u32)>,
}

/// A commit, as a message tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Whose row.
    pub entity: EntityId,
    /// The row.
    pub row: u64,
    lost: f64,
    luck: Key,
}

impl Change {
    /// Whether the message does not reach one of several instances.
    #[must_use]
    pub fn misses(&self, instance: u16) -> bool {
        self.lost > 0.0 && self.luck.with(u64::from(instance)).draws().chance(self.lost)
    }
}

impl<P: Probe> Core<P> {
    /// Tells whoever follows commits to an entity of one.
    pub(super) fn feed(&mut self, entity: EntityId, row: u64, version: u32) {
        let now = self.now();
        for index in 0..self.feeds.len() {
            let plan = &self.plan.feeds[index];
            if plan.entity != entity {
                continue;
            }
            let delay = match &plan.delay {
                Some(Demand::Drawn { distribution, key }) => {
                    distribution.sample(&mut key.with(row).with(u64::from(version)).draws())
                }
                Some(Demand::Replayed(_)) | None => 0.0,
            };
            let to = plan.to;
            let feed = &mut self.feeds[index];
            feed.last = feed.last.max(now + SimDuration::from_secs_f64(delay));
            feed.line.push_back((row, version));
            let at = feed.last;
            self.send(at, to, Signal::Timer(Timer { topic: CHANGES, number: index as u32 }));
        }
    }
}

impl<P: Probe> Context<'_, P> {
    /// The next message of a feed, whose timer has come.
    pub fn change(&mut self, feed: u32) -> Option<Change> {
        let plan = self.core.plan.feeds.get(feed as usize)?;
        let (entity, lost, key) = (plan.entity, plan.lost, plan.key);
        let (row, version) = self.core.feeds.get_mut(feed as usize)?.line.pop_front()?;
        Some(Change { entity, row, lost, luck: key.with(row).with(u64::from(version)) })
    }
}
