//! The log of a shard on its way: what is sent to each replica, what has arrived, and what is applied.
//!
//! Lag is a queue: records arrive as the primary commits them, and are applied in their order by so many
//! threads, whose work competes with the reads on the replica's cores. What a reader sees there is what is
//! applied. Every replica applies every record.

use std::collections::VecDeque;

use crate::base::{EntityId, ResourceId, SimDuration, SimTime};
use crate::engine::CallId;

/// Records that are kept for a replica which does not answer; beyond that it has to be made anew.
const MOST_KEPT: u64 = 1_000_000;

/// One write in the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) entity: Option<EntityId>,
    pub(super) row: u64,
    /// When it was written.
    pub(super) at: SimTime,
    /// Core time of applying it.
    pub(super) cost: SimDuration,
    /// Whether its writer was told.
    pub(super) acknowledged: bool,
    /// Whether it removes old versions of rows, which reads that began before may still need.
    pub(super) removes: bool,
}

/// A log: position n is that of its n-th record. What all replicas have is forgotten.
#[derive(Debug, Default)]
pub(super) struct Log {
    first: u64,
    records: VecDeque<Record>,
}

impl Log {
    /// The position from which on it is kept.
    pub(super) fn start(&self) -> u64 {
        self.first
    }

    pub(super) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Appends a record; its position.
    pub(super) fn append(&mut self, record: Record) -> u64 {
        self.records.push_back(record);
        self.end()
    }

    /// The record behind a position.
    pub(super) fn after(&self, position: u64) -> Option<&Record> {
        self.records.get(position.checked_sub(self.first)? as usize)
    }

    pub(super) fn acknowledge(&mut self, position: u64) {
        let at = position.checked_sub(self.first + 1);
        if let Some(record) = at.and_then(|at| self.records.get_mut(at as usize)) {
            record.acknowledged = true;
        }
    }

    /// Cuts off everything behind a position, the latest first.
    pub(super) fn cut(&mut self, position: u64) -> Vec<Record> {
        let keep = position.saturating_sub(self.first) as usize;
        let mut gone: Vec<Record> = self.records.drain(keep.min(self.records.len())..).collect();
        gone.reverse();
        gone
    }

    /// Forgets what every replica has.
    fn trim(&mut self, applied: u64) {
        while self.first < applied && self.records.pop_front().is_some() {
            self.first += 1;
        }
    }
}

/// A member that follows the log of its shard's primary.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) member: u16,
    pub(super) up: bool,
    /// Positions: sent, arrived, begun to be applied, applied, and known to the primary to be there.
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) begun: u64,
    pub(super) applied: u64,
    pub(super) acknowledged: u64,
    /// On its way here: when it arrives, and up to which position.
    pub(super) coming: VecDeque<(SimTime, u64)>,
    /// On its way back.
    pub(super) answers: VecDeque<(SimTime, u64)>,
    /// Threads that apply, and which record each one works on.
    pub(super) threads: Vec<(CallId, Option<u64>)>,
    /// Applied already, while one before is not.
    pub(super) ahead: Vec<u64>,
    /// Reads that wait for a position.
    pub(super) waiting: Vec<(u64, CallId)>,
    /// When it looks again whether reads still need what it is to remove.
    pub(super) look_again: SimTime,
}

impl Follower {
    pub(super) fn new(member: u16, position: u64, threads: Vec<CallId>) -> Self {
        Self {
            member,
            up: true,
            sent: position,
            received: position,
            begun: position,
            applied: position,
            acknowledged: position,
            coming: VecDeque::new(),
            answers: VecDeque::new(),
            threads: threads.into_iter().map(|call| (call, None)).collect(),
            ahead: Vec::new(),
            waiting: Vec::new(),
            look_again: SimTime::ZERO,
        }
    }

    /// Everything behind a position is not in the log any more.
    pub(super) fn rewind(&mut self, position: u64) {
        for at in
            [&mut self.sent, &mut self.received, &mut self.begun, &mut self.applied, &mut self.acknowledged]
        {
            *at = (*at).min(position);
        }
        self.coming.clear();
        self.answers.clear();
        self.ahead.retain(|at| *at <= position);
    }

    /// A record has been applied: whether more of the log is applied now.
    pub(super) fn apply(&mut self, position: u64) -> bool {
        if position != self.applied + 1 {
            self.ahead.push(position);
            return false;
        }
        self.applied = position;
        while let Some(at) = self.ahead.iter().position(|ahead| *ahead == self.applied + 1) {
            self.ahead.swap_remove(at);
            self.applied += 1;
        }
        true
    }
}

/// One shard: its primary, and who follows it.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) primary: u16,
    pub(super) log: Log,
    pub(super) followers: Vec<Follower>,
    /// Writes that wait for answers of replicas: since when, up to which position, whose.
    pub(super) unanswered: VecDeque<(SimTime, u64, CallId)>,
    /// Whether replicas are not waited for any more (semi-synchronous replication that fell back).
    pub(super) degraded: bool,
    /// Whether there is a primary that works.
    pub(super) led: bool,
    /// Whether no write has been acknowledged since it was lost.
    pub(super) out: bool,
    /// Observed: 1 while no write is acknowledged.
    pub(super) outage: ResourceId,
    /// Tells the timer of a promotion from that of one that is off.
    pub(super) promotion: u32,
    /// Who is being promoted, once it has applied what it has.
    pub(super) heir: Option<u16>,
    /// Since when most replicas have not heard of the primary.
    pub(super) silent_since: Option<SimTime>,
    /// A former primary that still takes writes, or was stopped; and writes that it has acknowledged meanwhile.
    pub(super) former: Option<Former>,
}

/// A primary that lives and is one no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Former {
    pub(super) member: u16,
    /// Whether it was stopped.
    pub(super) fenced: bool,
    /// Acknowledged writes that only it has.
    pub(super) writes: u32,
}

impl Shard {
    pub(super) fn follower(&mut self, member: u16) -> Option<&mut Follower> {
        self.followers.iter_mut().find(|follower| follower.member == member)
    }

    /// How far a follower is behind: the age of the first record that it has not applied.
    pub(super) fn lag(&self, member: u16, now: SimTime) -> SimDuration {
        let follower = self.followers.iter().find(|follower| follower.member == member);
        let first = follower.and_then(|follower| self.log.after(follower.applied));
        first.map_or(SimDuration::ZERO, |record| now.since(record.at))
    }

    /// The position that at least `count` followers have said to have.
    pub(super) fn known_to(&self, count: usize) -> u64 {
        let mut all: Vec<u64> = self.followers.iter().map(|follower| follower.acknowledged).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        count.checked_sub(1).map_or(self.log.end(), |at| all.get(at).copied().unwrap_or(0))
    }

    pub(super) fn applied_by_all(&self) -> u64 {
        self.followers.iter().map(|follower| follower.applied).min().unwrap_or(self.log.end())
    }

    /// Forgets what nobody needs any more.
    pub(super) fn trim(&mut self) {
        let end = self.log.end();
        let counts = |f: &&Follower| f.up || end - f.applied.min(end) <= MOST_KEPT;
        let applied = self.followers.iter().filter(counts).map(|f| f.applied).min().unwrap_or(end);
        self.log.trim(applied);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            entity: None,
            row: 0,
            at: SimTime::ZERO,
            cost: SimDuration::ZERO,
            acknowledged: false,
            removes: false,
        }
    }

    #[test]
    fn threads_apply_out_of_order_and_readers_see_the_order() {
        let mut follower = Follower::new(1, 0, Vec::new());
        assert!(!follower.apply(2) && !follower.apply(3));
        assert_eq!(follower.applied, 0);
        assert!(follower.apply(1));
        assert_eq!(follower.applied, 3);
    }

    #[test]
    fn a_log_forgets_what_all_have_and_is_cut_where_one_takes_over() {
        let mut log = Log::default();
        for _ in 0..10 {
            let _ = log.append(record());
        }
        log.trim(4);
        assert_eq!((log.end(), log.after(3).is_none(), log.after(4).is_some()), (10, true, true));
        log.acknowledge(10);
        let gone = log.cut(7);
        assert_eq!((gone.len(), gone[0].acknowledged, log.end()), (3, true, 7));
    }
}
