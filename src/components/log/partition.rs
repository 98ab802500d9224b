//! One partition: records in the order of their arrival, each at an offset.
//!
//! Readers see what lies below the high watermark. Retention takes the oldest records by age and by bytes; what every
//! group has settled is forgotten before, so that the memory is that of the backlog, not of the seven days of a log.
//! The bytes of what is forgotten still count for retention: each record knows how many were written up to its end.
//! Not modelled: segments (a record is deleted when its time has come, not with its whole segment) and compaction.

use std::collections::VecDeque;

use crate::base::{SimDuration, SimTime};

/// What lies at an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<T> {
    /// What it says.
    pub note: T,
    /// When it was appended.
    pub appended: SimTime,
    /// Bytes of the partition up to the record's end, since its start.
    written: u64,
    /// Its size in bytes.
    pub bytes: u32,
}

/// How long records are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Age at which one is deleted; [`SimDuration::MAX`]: never.
    pub time: SimDuration,
    /// Bytes of a partition beyond which the oldest are deleted; `u64::MAX`: without limit.
    pub bytes: u64,
}

/// One partition of a log.
#[derive(Clone, Debug)]
pub struct Partition<T> {
    records: VecDeque<Record<T>>,
    /// The offset of the first record that is kept here.
    first: u64,
    /// The first offset that can be read.
    start: u64,
    watermark: u64,
    written: u64,
}

impl<T> Default for Partition<T> {
    fn default() -> Self {
        Self { records: VecDeque::new(), first: 0, start: 0, watermark: 0, written: 0 }
    }
}

impl<T: Copy> Partition<T> {
    /// Appends a record that nobody sees before [`Self::raise_watermark`]; returns its offset.
    pub fn append(&mut self, note: T, bytes: u32, now: SimTime) -> u64 {
        self.written += u64::from(bytes);
        self.records.push_back(Record { note, appended: now, written: self.written, bytes });
        self.end() - 1
    }

    /// The offset that the next record gets.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// The first offset that can still be read.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// What lies below can be read.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.watermark
    }

    /// Shows readers what lies below `offset`.
    pub fn raise_watermark(&mut self, offset: u64) {
        self.watermark = self.watermark.max(offset.min(self.end()));
    }

    /// The record at `offset`, unless it was deleted, forgotten or never there.
    #[must_use]
    pub fn get(&self, offset: u64) -> Option<&Record<T>> {
        self.records.get(usize::try_from(offset.checked_sub(self.first)?).ok()?)
    }

    /// The offset up to which one fetch from `from` reads: at most `records` and `bytes`, but always the first one.
    #[must_use]
    pub fn fetch(&self, from: u64, records: u64, bytes: u64) -> u64 {
        let most = self.watermark.min(from.saturating_add(records));
        let Some(first) = self.get(from).filter(|_| from < most) else { return from };
        let limit = (first.written - u64::from(first.bytes)).saturating_add(bytes);
        // Positions of bytes rise with offsets.
        let (mut low, mut high) = (from + 1, most);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.get(middle - 1).is_some_and(|r| r.written <= limit) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Bytes that a reader at `from` could get.
    #[must_use]
    pub fn bytes_from(&self, from: u64) -> u64 {
        let Some(first) = self.get(from).filter(|_| from < self.watermark) else { return 0 };
        let last = self.get(self.watermark - 1).map_or(first.written, |r| r.written);
        last - (first.written - u64::from(first.bytes))
    }

    /// Deletes what retention does not keep at `now`; returns the first offset that is left.
    pub fn retain(&mut self, retention: Retention, now: SimTime) -> u64 {
        let mut at = self.start.max(self.first);
        while at < self.watermark
            && let Some(record) = self.get(at)
        {
            let is_old = retention.time < SimDuration::MAX && now.since(record.appended) >= retention.time;
            // Its whole size lies beyond what is kept.
            if !is_old && self.written - record.written < retention.bytes {
                break;
            }
            at += 1;
        }
        self.start = self.start.max(at);
        self.start
    }

    /// When the oldest record that is kept here falls to its age.
    #[must_use]
    pub fn next_expiry(&self, retention: Retention) -> SimTime {
        if retention.time == SimDuration::MAX {
            return SimTime::MAX;
        }
        self.get(self.start.max(self.first)).map_or(SimTime::MAX, |r| r.appended + retention.time)
    }

    /// Drops what lies below `offset` from memory: nobody will ask for it.
    pub fn forget(&mut self, offset: u64) {
        while self.first < offset.min(self.watermark) && self.records.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Cuts the log at `offset`, as a new leader that has no more than that; returns how many records are gone.
    pub fn truncate(&mut self, offset: u64) -> u64 {
        let gone = self.end().saturating_sub(offset.max(self.first));
        for _ in 0..gone {
            if let Some(record) = self.records.pop_back() {
                self.written -= u64::from(record.bytes);
            }
        }
        self.watermark = self.watermark.min(self.end());
        self.start = self.start.min(self.end());
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }
    const FOREVER: Retention = Retention { time: SimDuration::MAX, bytes: u64::MAX };

    fn ten() -> Partition<u64> {
        let mut it = Partition::default();
        for n in 0..10_u32 {
            it.append(u64::from(n), 100, at(f64::from(n)));
        }
        it
    }

    #[test]
    fn readers_see_what_lies_below_the_watermark() {
        let mut it = ten();
        assert_eq!(it.fetch(0, 500, 1 << 20), 0);
        it.raise_watermark(4);
        assert_eq!(it.fetch(0, 500, 1 << 20), 4);
        assert_eq!(it.fetch(0, 3, 1 << 20), 3);
        assert_eq!(it.fetch(0, 500, 250), 2);
        assert_eq!(it.fetch(1, 500, 1), 2, "the first record comes whatever its size");
        assert_eq!((it.bytes_from(1), it.bytes_from(4)), (300, 0));
        it.raise_watermark(99);
        assert_eq!(it.watermark(), 10);
    }

    #[test]
    fn retention_takes_the_oldest_by_age_and_by_bytes() {
        let mut it = ten();
        it.raise_watermark(10);
        assert_eq!(it.retain(FOREVER, at(1e6)), 0);
        let five = Retention { time: SimDuration::from_secs(5), bytes: u64::MAX };
        assert_eq!(it.next_expiry(five), at(5.0));
        assert_eq!(it.retain(five, at(7.5)), 3);
        assert_eq!(
            it.retain(Retention { time: SimDuration::MAX, bytes: 250 }, at(8.0)),
            7,
            "three are kept: 250 bytes and a part"
        );
    }

    #[test]
    fn what_is_forgotten_still_counts_for_bytes() {
        let (mut kept, mut forgot) = (ten(), ten());
        for it in [&mut kept, &mut forgot] {
            it.raise_watermark(10);
        }
        forgot.forget(4);
        let keep = Retention { time: SimDuration::MAX, bytes: 300 };
        assert_eq!(kept.retain(keep, at(10.0)), 7);
        assert_eq!(forgot.retain(keep, at(10.0)), 7);
        assert_eq!(forgot.get(3), None);
    }

    #[test]
    fn a_new_leader_cuts_the_log_and_offsets_are_given_again() {
        let mut it = ten();
        it.raise_watermark(6);
        assert_eq!(it.truncate(6), 4);
        assert_eq!((it.end(), it.watermark()), (6, 6));
        assert_eq!(it.append(77, 10, at(20.0)), 6);
        assert_eq!(it.truncate(2), 5, "an unclean election cuts below the watermark");
        assert_eq!((it.end(), it.watermark()), (2, 2));
    }
}
