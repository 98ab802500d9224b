//! What became of the records of one partition, for one group.
//!
//! Each record ends once as processed, lost (its offset was stored, and whoever had it is gone) or expired (deleted or
//! skipped before anybody had worked on it); until then it is in the log or in somebody's hands. Work on a record
//! that was processed already is a duplicate. The memory is that of what is read and not settled.

use std::collections::VecDeque;

/// What became of the records of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Records that were worked on at least once.
    pub processed: u64,
    /// Times that one was worked on again.
    pub duplicates: u64,
    /// Times that one was handed out again.
    pub redelivered: u64,
    /// Records that will not be worked on, since their offset was stored before, or a leader without them was elected.
    pub lost: u64,
    /// Records that retention deleted, or a reset skipped, before they were worked on.
    pub expired: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Fate {
    #[default]
    Open,
    /// Processed, lost or expired.
    Settled,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    fate: Fate,
    was_taken: bool,
    /// Consumers that have it in hand.
    hands: u8,
}

/// The records of one partition that are not settled.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    committed: u64,
    /// Below, everything was deleted.
    start: u64,
    /// Below, everything can be forgotten.
    base: u64,
    entries: VecDeque<Entry>,
}

impl Offsets {
    /// Where a new owner goes on.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committed
    }

    fn reach(&mut self, end: u64) {
        let wanted = usize::try_from(end.saturating_sub(self.base)).unwrap_or(0);
        if self.entries.len() < wanted {
            self.entries.resize(wanted, Entry::default());
        }
    }

    fn at(&mut self, offset: u64) -> Option<&mut Entry> {
        self.entries.get_mut(usize::try_from(offset.checked_sub(self.base)?).ok()?)
    }

    /// A consumer has read the record.
    pub fn take(&mut self, offset: u64, counts: &mut Counts) {
        self.reach(offset + 1);
        if let Some(entry) = self.at(offset) {
            counts.redelivered += u64::from(std::mem::replace(&mut entry.was_taken, true));
            entry.hands = entry.hands.saturating_add(1);
        }
    }

    /// A consumer has worked on the record that it took; returns whether it was the first to do so.
    pub fn process(&mut self, offset: u64, counts: &mut Counts) -> bool {
        let mut is_first = false;
        if let Some(entry) = self.at(offset) {
            entry.hands = entry.hands.saturating_sub(1);
            is_first = entry.fate == Fate::Open;
            entry.fate = Fate::Settled;
        }
        counts.processed += u64::from(is_first);
        counts.duplicates += u64::from(!is_first);
        self.forget();
        is_first
    }

    /// A consumer that had the record is gone.
    pub fn drop_hand(&mut self, offset: u64, counts: &mut Counts) {
        let (committed, start) = (self.committed, self.start);
        if let Some(entry) = self.at(offset) {
            entry.hands = entry.hands.saturating_sub(1);
            if entry.fate == Fate::Open && entry.hands == 0 && (offset < committed || offset < start) {
                entry.fate = Fate::Settled;
                if offset < committed {
                    counts.lost += 1;
                } else {
                    counts.expired += 1;
                }
            }
        }
        self.forget();
    }

    /// Stores that everything below `offset` need not be read again.
    pub fn commit(&mut self, offset: u64, counts: &mut Counts) {
        let from = self.committed;
        self.reach(offset);
        self.committed = from.max(offset);
        counts.lost += self.settle(from, offset);
        self.forget();
    }

    /// What lies below `offset` was deleted.
    pub fn expire(&mut self, offset: u64, counts: &mut Counts) {
        self.reach(offset);
        counts.expired += self.settle(self.base, offset);
        self.start = self.start.max(offset);
        self.forget();
    }

    /// A consumer goes on at `offset`, and nobody will read what lies below.
    pub fn skip(&mut self, offset: u64, counts: &mut Counts) {
        self.reach(offset);
        counts.expired += self.settle(self.base, offset);
        self.committed = self.committed.max(offset);
        self.forget();
    }

    /// Settles what nobody has in hand.
    fn settle(&mut self, from: u64, to: u64) -> u64 {
        let first = usize::try_from(from.saturating_sub(self.base)).unwrap_or(0);
        let end = usize::try_from(to.saturating_sub(self.base)).unwrap_or(0).min(self.entries.len());
        let mut settled = 0;
        for entry in self.entries.range_mut(first.min(end)..end) {
            if entry.fate == Fate::Open && entry.hands == 0 {
                entry.fate = Fate::Settled;
                settled += 1;
            }
        }
        settled
    }

    /// A new leader has nothing from `offset` to `end`: what was not processed there is lost.
    pub fn truncate(&mut self, offset: u64, end: u64, counts: &mut Counts) {
        let kept = usize::try_from(offset.saturating_sub(self.base)).unwrap_or(0);
        let known = self.base + self.entries.len() as u64;
        if kept < self.entries.len() {
            let open = self.entries.range(kept..).filter(|e| e.fate == Fate::Open).count();
            counts.lost += open as u64;
            self.entries.truncate(kept);
        }
        counts.lost += end.saturating_sub(known.max(offset));
        self.committed = self.committed.min(offset);
        self.start = self.start.min(offset);
        if self.base > offset {
            self.base = offset;
            self.entries.clear();
        }
    }

    fn forget(&mut self) {
        let settled = self.committed.max(self.start);
        while self.base < settled
            && self.entries.front().is_some_and(|e| e.fate == Fate::Settled && e.hands == 0)
        {
            self.entries.pop_front();
            self.base += 1;
        }
        if self.entries.is_empty() {
            self.base = self.base.max(settled);
        }
    }

    /// Below this offset nobody will read: it is stored, or deleted.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.committed.max(self.start)
    }

    /// Entries in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_crash_what_was_not_stored_is_a_duplicate() {
        let (mut it, mut counts) = (Offsets::default(), Counts::default());
        (0..5).for_each(|o| it.take(o, &mut counts));
        (0..3).for_each(|o| assert!(it.process(o, &mut counts)));
        it.commit(1, &mut counts);
        (3..5).for_each(|o| it.drop_hand(o, &mut counts));
        (1..5).for_each(|o| it.take(o, &mut counts));
        assert_eq!(
            (1..5).map(|o| it.process(o, &mut counts)).collect::<Vec<_>>(),
            [false, false, true, true]
        );
        assert_eq!(counts, Counts { processed: 5, duplicates: 2, redelivered: 4, lost: 0, expired: 0 });
        it.commit(5, &mut counts);
        assert_eq!(it.len(), 0);
    }

    #[test]
    fn what_is_stored_before_the_work_is_lost_with_the_worker() {
        let (mut it, mut counts) = (Offsets::default(), Counts::default());
        (0..5).for_each(|o| it.take(o, &mut counts));
        it.commit(5, &mut counts);
        (0..2).for_each(|o| assert!(it.process(o, &mut counts)));
        (2..5).for_each(|o| it.drop_hand(o, &mut counts));
        assert_eq!(counts, Counts { processed: 2, duplicates: 0, redelivered: 0, lost: 3, expired: 0 });
    }

    #[test]
    fn retention_and_resets_expire_what_nobody_has() {
        let (mut it, mut counts) = (Offsets::default(), Counts::default());
        it.take(0, &mut counts);
        it.expire(4, &mut counts);
        assert_eq!(counts.expired, 3, "the first is in somebody's hands");
        assert!(it.process(0, &mut counts));
        assert_eq!((counts.processed, it.committed(), it.len()), (1, 0, 0));
        it.skip(6, &mut counts);
        assert_eq!((counts.expired, it.committed()), (5, 6));
    }

    #[test]
    fn a_leader_without_the_newest_loses_them() {
        let (mut it, mut counts) = (Offsets::default(), Counts::default());
        (0..2).for_each(|o| it.take(o, &mut counts));
        it.process(0, &mut counts);
        it.truncate(1, 6, &mut counts);
        assert_eq!(counts, Counts { processed: 1, duplicates: 0, redelivered: 0, lost: 5, expired: 0 });
        it.take(1, &mut counts); // the same offset, another record
        assert!(it.process(1, &mut counts));
    }
}
