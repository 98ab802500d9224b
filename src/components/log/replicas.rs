//! The copies of one partition: which records survive the loss of a leader.
//!
//! The leader appends; each follower has a record some time later. A follower that has been behind for longer than
//! `lag` leaves the in-sync set, and returns when it has caught up. Readers see what every in-sync replica has (the
//! high watermark). A producer is answered at once without acknowledgement, when the leader has it (1), or when every
//! in-sync replica has it (all), of which there must be `min_insync`. When the leader is lost, the in-sync follower that
//! comes first takes over and cuts the log to what it has: with `acks: 1`, acknowledged records are among what is gone.
//! If no follower is in sync, the partition is offline, or, with unclean elections, one that is behind takes over.
//! References: Kafka's documentation, "Replication"; `replica.lag.time.max.ms` 30 s, `min.insync.replicas` 1.

use std::collections::VecDeque;

use crate::base::{SimDuration, SimTime};

/// When a producer is told that its records are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Acks {
    /// It is not told: sent is as good as stored.
    None,
    /// When the leader has them.
    Leader,
    /// When all in-sync replicas have them (the default since 3.0).
    #[default]
    All,
}

/// How a partition is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replication {
    /// Copies in all, the leader among them (`replication.factor`).
    pub factor: u32,
    /// In-sync replicas that there must be for `acks: all` (`min.insync.replicas`: 1).
    pub min_insync: u32,
    /// A follower that is behind for longer is out of sync (`replica.lag.time.max.ms`: 30 s).
    pub lag: SimDuration,
    /// Whether one that is out of sync may lead (`unclean.leader.election.enable`: false).
    pub unclean: bool,
}

impl Default for Replication {
    fn default() -> Self {
        Self { factor: 1, min_insync: 1, lag: SimDuration::from_secs(30), unclean: false }
    }
}

#[derive(Clone, Debug, Default)]
struct Follower {
    /// What it has at which time: ends of the log, rising in both.
    coming: VecDeque<(u64, SimTime)>,
    has: u64,
    /// Since when it has not had all.
    behind: Option<SimTime>,
    is_up: bool,
}

/// What the loss of a leader leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Election {
    /// Another one leads, and has the log up to this offset.
    Leads {
        /// The end of its log.
        end: u64,
        /// Whether it was out of sync.
        is_unclean: bool,
    },
    /// Nobody can lead until a replica that was in sync is back.
    Offline,
}

/// The copies of one partition.
#[derive(Clone, Debug)]
pub struct Replicas {
    settings: Replication,
    followers: Vec<Follower>,
    end: u64,
    has_leader: bool,
}

impl Replicas {
    /// All copies are empty and in sync.
    #[must_use]
    pub fn new(settings: Replication) -> Self {
        let followers = settings.factor.max(1) - 1;
        Self {
            settings,
            followers: vec![Follower { is_up: true, ..Follower::default() }; followers as usize],
            end: 0,
            has_leader: true,
        }
    }

    /// The leader's log ends at `end` now; each follower that is up has it `delay` later.
    pub fn append(&mut self, end: u64, now: SimTime, delay: impl Fn(usize) -> SimDuration) {
        self.end = end;
        for (i, follower) in self.followers.iter_mut().enumerate() {
            if follower.behind.is_none() {
                follower.behind = Some(now);
            }
            if follower.is_up {
                let last = follower.coming.back().map_or(SimTime::ZERO, |c| c.1);
                follower.coming.push_back((end, (now + delay(i)).max(last)));
            }
        }
    }

    /// Followers have fetched what had arrived by `now`.
    pub fn catch_up(&mut self, now: SimTime) {
        for follower in &mut self.followers {
            while let Some((end, at)) = follower.coming.front().copied()
                && at <= now
            {
                follower.has = end;
                follower.coming.pop_front();
                follower.behind = follower.coming.front().map(|_| at);
            }
            if follower.has < self.end && follower.behind.is_none() {
                follower.behind = Some(now);
            }
        }
    }

    fn is_in_sync(&self, follower: &Follower, now: SimTime) -> bool {
        follower.is_up && follower.behind.is_none_or(|since| now.since(since) <= self.settings.lag)
    }

    /// In-sync replicas, the leader among them.
    #[must_use]
    pub fn in_sync(&self, now: SimTime) -> u32 {
        let followers = self.followers.iter().filter(|f| self.is_in_sync(f, now)).count();
        followers as u32 + u32::from(self.has_leader)
    }

    /// Whether a record sent with `acks` is accepted.
    #[must_use]
    pub fn accepts(&self, acks: Acks, now: SimTime) -> bool {
        self.has_leader && (acks != Acks::All || self.in_sync(now) >= self.settings.min_insync)
    }

    /// The offset below which every in-sync replica has the log.
    #[must_use]
    pub fn watermark(&self, now: SimTime) -> u64 {
        self.followers.iter().filter(|f| self.is_in_sync(f, now)).map(|f| f.has).fold(self.end, u64::min)
    }

    /// When some follower has more, or one leaves the in-sync set.
    #[must_use]
    pub fn due(&self) -> SimTime {
        let next = |f: &Follower| {
            let out =
                f.behind.map_or(SimTime::MAX, |since| since + self.settings.lag + SimDuration::from_nanos(1));
            f.coming.front().map_or(out, |c| c.1.min(out))
        };
        self.followers.iter().filter(|f| f.is_up).map(next).min().unwrap_or(SimTime::MAX)
    }

    /// A follower's broker is gone, or back; one that is back has what it had, and all the rest `delay` later.
    pub fn set_up(&mut self, follower: usize, is_up: bool, now: SimTime, delay: SimDuration) {
        let end = self.end;
        let Some(follower) = self.followers.get_mut(follower) else { return };
        follower.is_up = is_up;
        follower.coming.clear();
        if follower.has < end {
            follower.behind.get_or_insert(now);
            if is_up {
                follower.coming.push_back((end, now + delay));
            }
        }
    }

    /// The leader is lost, with all that no follower has; who takes over, others follow.
    pub fn lose_leader(&mut self, now: SimTime) -> Election {
        self.catch_up(now);
        let in_sync = self.followers.iter().position(|f| self.is_in_sync(f, now));
        let unclean = self.followers.iter().position(|f| self.settings.unclean && f.is_up);
        let Some(new) = in_sync.or(unclean) else {
            self.has_leader = false;
            return Election::Offline;
        };
        // The old leader is the last of the followers now, and not there.
        self.end = self.followers[new].has;
        let old = Follower { has: self.end, ..Follower::default() };
        self.followers.remove(new);
        self.followers.push(old);
        for follower in &mut self.followers {
            follower.has = follower.has.min(self.end);
            follower.coming.clear();
            if follower.has == self.end {
                follower.behind = None;
            } else if follower.is_up {
                follower.coming.push_back((self.end, now));
            }
        }
        Election::Leads { end: self.end, is_unclean: in_sync.is_none() }
    }

    /// The leader is back, without any loss, if nobody had taken over.
    pub fn restore_leader(&mut self) {
        self.has_leader = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    fn three() -> Replicas {
        Replicas::new(Replication { factor: 3, min_insync: 2, ..Replication::default() })
    }
    const DELAYS: [SimDuration; 2] = [SimDuration::from_millis(10), SimDuration::from_millis(30)];

    #[test]
    fn readers_see_what_all_in_sync_have() {
        let mut it = three();
        it.append(5, at(1.0), |i| DELAYS[i]);
        assert_eq!((it.watermark(at(1.0)), it.due()), (0, at(1.01)));
        it.catch_up(at(1.02));
        assert_eq!(it.watermark(at(1.02)), 0, "the slower one has nothing");
        it.catch_up(at(1.03));
        assert_eq!(it.watermark(at(1.03)), 5);
        assert_eq!(it.due(), SimTime::MAX);
    }

    #[test]
    fn who_takes_over_cuts_the_log_to_what_it_has() {
        let mut it = three();
        it.append(100, at(1.0), |i| DELAYS[i]);
        it.append(120, at(2.0), |i| DELAYS[i]);
        // The first follower has them after 10 ms; before, what was acknowledged by the leader alone is lost.
        let mut early = it.clone();
        assert_eq!(early.lose_leader(at(2.005)), Election::Leads { end: 100, is_unclean: false });
        assert_eq!(it.lose_leader(at(2.015)), Election::Leads { end: 120, is_unclean: false });
        assert_eq!(it.in_sync(at(2.015)), 2);
        assert!(it.accepts(Acks::All, at(2.015)));
    }

    #[test]
    fn a_follower_that_lags_leaves_the_set_and_writers_of_all_are_refused() {
        let mut it = three();
        it.set_up(0, false, at(0.0), SimDuration::ZERO);
        it.append(10, at(1.0), |_| SimDuration::from_secs(60));
        assert!(it.accepts(Acks::All, at(30.0)));
        assert_eq!(it.watermark(at(30.0)), 0);
        let after = it.due();
        assert!(after > at(31.0) && after < at(31.1));
        assert_eq!((it.in_sync(after), it.watermark(after)), (1, 10), "alone: readers see what it has");
        assert!(!it.accepts(Acks::All, after) && it.accepts(Acks::Leader, after));
        it.catch_up(at(61.0));
        assert_eq!((it.in_sync(at(61.0)), it.watermark(at(61.0))), (2, 10), "back in the set");
    }

    #[test]
    fn without_an_in_sync_follower_it_is_offline_or_unclean() {
        let mut it = three();
        it.append(10, at(1.0), |_| SimDuration::from_millis(1));
        it.catch_up(at(2.0));
        it.append(30, at(2.0), |_| SimDuration::from_secs(100));
        let mut unclean = it.clone();
        unclean.settings.unclean = true;
        assert_eq!(it.lose_leader(at(40.0)), Election::Offline);
        assert!(!it.accepts(Acks::Leader, at(41.0)));
        it.restore_leader();
        assert!(it.accepts(Acks::Leader, at(42.0)));
        assert_eq!(unclean.lose_leader(at(40.0)), Election::Leads { end: 10, is_unclean: true });
        // Alone there is nobody to take over.
        let mut alone = Replicas::new(Replication::default());
        alone.append(3, at(0.0), |_| SimDuration::ZERO);
        assert_eq!((alone.watermark(at(0.0)), alone.lose_leader(at(1.0))), (3, Election::Offline));
    }
}
