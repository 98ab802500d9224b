//! A log with its groups of consumers: what is published is in the log or in hand, or processed, lost or expired.
//!
//! A consumer polls, works on what it got, record by record in the order of each partition, and polls again. Offsets
//! are stored as [`Commit`] says; after a crash the next owner begins at what was stored. Whoever owns a topic drives
//! it: [`Topic::poll`] when a consumer is free, [`Topic::finish`] when it has done with a record, [`Topic::tick`] at
//! [`Topic::due`], and again a poll for each consumer in [`Topic::wakes`]. What must hold, in every instant and for
//! every group: published = processed + lost + expired + left ([`Topic::left`]); tested with random crashes.
//! Not modelled: records that a consumer fetched ahead of its polls (they cost memory, not semantics), transactions.

use std::collections::VecDeque;

use super::group::{Change, Group, NOBODY};
use super::offsets::{Counts, Offsets};
use super::partition::{Partition, Record};
use super::settings::{Commit, Consuming, Reset, Settings};
use crate::base::{SimDuration, SimTime};

/// What a poll gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Poll {
    /// So many records, to be worked on in order.
    Records(u32),
    /// None; the consumer waits until it is woken.
    Nothing,
}

/// A record in a consumer's hands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held<T> {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// The record.
    pub record: Record<T>,
    /// A new leader has another record at this offset, or none.
    is_gone: bool,
}

#[derive(Clone, Debug)]
struct Consumer<T> {
    is_here: bool,
    is_waiting: bool,
    hand: VecDeque<Held<T>>,
    committed_at: SimTime,
    /// The partition with which the next poll begins.
    next: u32,
    /// A fetch that was too small is answered then.
    answer_at: Option<SimTime>,
    /// The partitions that it may read, in order.
    partitions: Vec<u32>,
}

impl<T> Default for Consumer<T> {
    fn default() -> Self {
        Self {
            is_here: false,
            is_waiting: false,
            hand: VecDeque::new(),
            committed_at: SimTime::ZERO,
            next: 0,
            answer_at: None,
            partitions: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
struct Reader<T> {
    settings: Consuming,
    group: Group,
    offsets: Vec<Offsets>,
    /// By partition: where its owner reads next.
    position: Vec<u64>,
    /// By partition: its owner, once it may read.
    owner: Vec<u32>,
    consumers: Vec<Consumer<T>>,
    counts: Counts,
    /// Records beyond the positions, of all partitions.
    lag: u64,
}

/// A log with its groups.
#[derive(Clone, Debug)]
pub struct Topic<T> {
    settings: Settings,
    partitions: Vec<Partition<T>>,
    readers: Vec<Reader<T>>,
    wakes: Vec<(u32, u32)>,
    published: u64,
    retained_at: SimTime,
}

impl<T: Copy> Topic<T> {
    /// An empty log.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            partitions: (0..settings.partitions.max(1)).map(|_| Partition::default()).collect(),
            settings,
            readers: Vec::new(),
            wakes: Vec::new(),
            published: 0,
            retained_at: SimTime::MAX,
        }
    }

    /// A new group, which reads from the first record on; before anything is appended.
    pub fn add_group(&mut self, settings: Consuming) -> u32 {
        let n = self.partitions.len();
        self.readers.push(Reader {
            group: Group::new(settings, n as u32),
            settings,
            offsets: vec![Offsets::default(); n],
            position: vec![0; n],
            owner: vec![NOBODY; n],
            consumers: Vec::new(),
            counts: Counts::default(),
            lag: 0,
        });
        self.readers.len() as u32 - 1
    }

    /// Appends a record that every reader sees at once; returns its offset.
    pub fn append(&mut self, partition: u32, note: T, bytes: u32, now: SimTime) -> u64 {
        let offset = self.append_hidden(partition, note, bytes, now);
        self.reveal(partition, offset + 1, now);
        offset
    }

    /// Appends a record that readers see after [`Self::reveal`].
    pub fn append_hidden(&mut self, partition: u32, note: T, bytes: u32, now: SimTime) -> u64 {
        self.published += 1;
        for reader in &mut self.readers {
            reader.lag += 1;
        }
        let log = &mut self.partitions[partition as usize];
        let offset = log.append(note, bytes, now);
        if self.settings.retention.time < SimDuration::MAX {
            self.retained_at = self.retained_at.min(now + self.settings.retention.time);
        }
        offset
    }

    /// What lies below `offset` is on every in-sync replica now.
    pub fn reveal(&mut self, partition: u32, offset: u64, now: SimTime) {
        let log = &mut self.partitions[partition as usize];
        log.raise_watermark(offset);
        if self.settings.retention.bytes < u64::MAX {
            self.retain(partition, now);
        }
        for (g, reader) in self.readers.iter_mut().enumerate() {
            let owner = reader.owner[partition as usize];
            if let Some(consumer) = reader.consumers.get_mut(owner as usize)
                && consumer.is_waiting
            {
                self.wakes.push((g as u32, owner));
            }
        }
        self.forget(partition);
    }

    /// Groups and consumers that wait, and are to poll again: each once or more often.
    pub fn wakes(&mut self) -> std::vec::Drain<'_, (u32, u32)> {
        self.wakes.drain(..)
    }

    /// A consumer's process has started.
    pub fn join(&mut self, group: u32, slot: u32, now: SimTime) {
        let reader = &mut self.readers[group as usize];
        if reader.consumers.len() <= slot as usize {
            reader.consumers.resize_with(slot as usize + 1, Consumer::default);
        }
        let consumer = &mut reader.consumers[slot as usize];
        if consumer.is_here {
            return;
        }
        *consumer = Consumer { is_here: true, is_waiting: true, committed_at: now, ..Consumer::default() };
        reader.group.join(slot, now);
        self.follow(group);
    }

    /// A consumer asks for records; it keeps those that it still has in hand.
    pub fn poll(&mut self, group: u32, slot: u32, now: SimTime) -> Poll {
        let reader = &mut self.readers[group as usize];
        let Some(consumer) = reader.consumers.get_mut(slot as usize).filter(|c| c.is_here) else {
            return Poll::Nothing;
        };
        if !consumer.hand.is_empty() {
            return Poll::Records(consumer.hand.len() as u32);
        }
        consumer.is_waiting = true;
        if let Commit::Every(span) = reader.settings.commit
            && now.since(consumer.committed_at) >= span
        {
            consumer.committed_at = now;
            self.commit_read(group, slot);
        }
        self.readers[group as usize].group.poll(slot, now);
        self.follow(group);
        self.fetch(group, slot, now)
    }

    fn fetch(&mut self, group: u32, slot: u32, now: SimTime) -> Poll {
        let Self { partitions, readers, .. } = self;
        let reader = &mut readers[group as usize];
        let settings = &reader.settings;
        let consumer = &mut reader.consumers[slot as usize];
        let owned = std::mem::take(&mut consumer.partitions);
        for &partition in &owned {
            let p = partition as usize;
            let log = &partitions[p];
            if reader.position[p] < log.start() {
                let to = if settings.reset == Reset::Latest { log.watermark() } else { log.start() };
                reader.lag -= to - reader.position[p];
                reader.position[p] = to;
                reader.offsets[p].skip(to, &mut reader.counts);
            }
        }
        if settings.fetch_min > 1 {
            let bytes: u64 =
                owned.iter().map(|p| partitions[*p as usize].bytes_from(reader.position[*p as usize])).sum();
            let answer_at = *consumer.answer_at.get_or_insert(now + settings.fetch_wait);
            if bytes < settings.fetch_min && now < answer_at {
                consumer.partitions = owned;
                return Poll::Nothing;
            }
            consumer.answer_at = None;
        }
        let (mut records, mut bytes) = (u64::from(settings.poll_records.max(1)), settings.fetch_bytes);
        let first = owned.iter().position(|p| *p >= consumer.next).unwrap_or(0);
        for i in 0..owned.len() {
            let partition = owned[(first + i) % owned.len()];
            let p = partition as usize;
            let from = reader.position[p];
            let to = partitions[p].fetch(from, records, bytes.min(settings.partition_bytes));
            for offset in from..to {
                let Some(record) = partitions[p].get(offset) else { continue };
                bytes = bytes.saturating_sub(u64::from(record.bytes));
                reader.offsets[p].take(offset, &mut reader.counts);
                consumer.hand.push_back(Held { partition, offset, record: *record, is_gone: false });
            }
            if to > from {
                consumer.next = partition + 1;
            }
            reader.position[p] = to;
            reader.lag -= to - from;
            records -= to - from;
            if records == 0 || bytes == 0 {
                break;
            }
        }
        consumer.partitions = owned;
        if consumer.hand.is_empty() {
            return Poll::Nothing;
        }
        consumer.is_waiting = false;
        let n = consumer.hand.len() as u32;
        reader.group.begin_batch(slot);
        if reader.settings.commit == Commit::Before {
            self.commit_read(group, slot);
        }
        Poll::Records(n)
    }

    /// The record that the consumer works on next.
    #[must_use]
    pub fn in_hand(&self, group: u32, slot: u32) -> Option<&Held<T>> {
        self.readers.get(group as usize)?.consumers.get(slot as usize)?.hand.front()
    }

    /// The consumer has worked on the first record in its hands; returns it, and whether it had been processed before.
    pub fn finish(&mut self, group: u32, slot: u32) -> Option<(Held<T>, bool)> {
        let reader = self.readers.get_mut(group as usize)?;
        let consumer = reader.consumers.get_mut(slot as usize)?;
        let held = consumer.hand.pop_front()?;
        let p = held.partition as usize;
        let mut is_first = false;
        if held.is_gone {
            reader.counts.duplicates += 1;
        } else {
            is_first = reader.offsets[p].process(held.offset, &mut reader.counts);
        }
        let is_last = consumer.hand.is_empty();
        match reader.settings.commit {
            Commit::Record if reader.owner[p] == slot && !held.is_gone => {
                reader.offsets[p].commit(held.offset + 1, &mut reader.counts);
                self.forget(held.partition);
            }
            Commit::Batch if is_last => self.commit_read(group, slot),
            _ => {}
        }
        Some((held, !is_first))
    }

    /// The consumer's process is gone, with what it had in hand; returns how many records that were.
    pub fn crash(&mut self, group: u32, slot: u32, now: SimTime) -> usize {
        self.leave(group, slot, now, false)
    }

    /// The consumer's process ends in good order, after the record that it worked on.
    pub fn close(&mut self, group: u32, slot: u32, now: SimTime) {
        self.leave(group, slot, now, true);
    }

    fn leave(&mut self, group: u32, slot: u32, now: SimTime, in_order: bool) -> usize {
        let reader = &mut self.readers[group as usize];
        let Some(consumer) = reader.consumers.get_mut(slot as usize).filter(|c| c.is_here) else { return 0 };
        let hand = std::mem::take(&mut consumer.hand);
        (consumer.is_here, consumer.is_waiting, consumer.answer_at) = (false, false, None);
        // What it has in hand and has not begun is read again by whoever comes next.
        for held in &hand {
            let p = held.partition as usize;
            if held.is_gone {
                continue;
            }
            if in_order && reader.owner[p] == slot && reader.settings.commit != Commit::Before {
                let back = reader.position[p].saturating_sub(held.offset.min(reader.position[p]));
                reader.position[p] -= back;
                reader.lag += back;
            }
            reader.offsets[p].drop_hand(held.offset, &mut reader.counts);
        }
        if in_order {
            if reader.settings.commit != Commit::Record {
                self.commit_read(group, slot);
            }
            self.readers[group as usize].group.close(slot, now);
        } else {
            reader.group.crash(slot, now);
        }
        self.follow(group);
        hand.len()
    }

    /// A new leader of the partition has nothing from `offset` on; returns how many records are gone.
    pub fn truncate(&mut self, partition: u32, offset: u64) -> u64 {
        let p = partition as usize;
        let end = self.partitions[p].end();
        let gone = self.partitions[p].truncate(offset);
        // What every group had stored is forgotten, and as good as kept.
        let offset = self.partitions[p].end().max(offset).min(end);
        for reader in &mut self.readers {
            let position = reader.position[p];
            reader.lag -= end.saturating_sub(position.max(offset));
            reader.position[p] = position.min(offset);
            reader.offsets[p].truncate(offset, end, &mut reader.counts);
            for held in reader.consumers.iter_mut().flat_map(|c| c.hand.iter_mut()) {
                held.is_gone |= held.partition == partition && held.offset >= offset;
            }
        }
        gone
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: SimTime) {
        if self.retained_at <= now {
            self.retained_at = SimTime::MAX;
            for partition in 0..self.partitions.len() as u32 {
                self.retain(partition, now);
                let next = self.partitions[partition as usize].next_expiry(self.settings.retention);
                self.retained_at = self.retained_at.min(next);
            }
        }
        for group in 0..self.readers.len() as u32 {
            self.readers[group as usize].group.tick(now);
            self.follow(group);
            for (slot, consumer) in self.readers[group as usize].consumers.iter_mut().enumerate() {
                if consumer.is_waiting && consumer.answer_at.is_some_and(|at| at <= now) {
                    consumer.answer_at = None;
                    self.wakes.push((group, slot as u32));
                }
            }
        }
    }

    /// When [`Self::tick`] has something to do, at the earliest.
    #[must_use]
    pub fn due(&self) -> SimTime {
        let waits = self.readers.iter().filter(|r| r.settings.fetch_min > 1).flat_map(|r| &r.consumers);
        let answers = waits.filter(|c| c.is_waiting).filter_map(|c| c.answer_at);
        self.readers.iter().map(|r| r.group.due()).chain(answers).fold(self.retained_at, SimTime::min)
    }

    /// Deletes what is not kept; who has not read it will not.
    fn retain(&mut self, partition: u32, now: SimTime) {
        let p = partition as usize;
        let before = self.partitions[p].start();
        let start = self.partitions[p].retain(self.settings.retention, now);
        if start == before {
            return;
        }
        for reader in &mut self.readers {
            // Its owner finds out when it reads.
            reader.offsets[p].expire(start, &mut reader.counts);
        }
        self.forget(partition);
    }

    /// Stores how far the consumer has read, of every partition that is its own.
    fn commit_read(&mut self, group: u32, slot: u32) {
        let reader = &mut self.readers[group as usize];
        let Some(consumer) = reader.consumers.get_mut(slot as usize) else { return };
        let partitions = std::mem::take(&mut consumer.partitions);
        for partition in &partitions {
            let p = *partition as usize;
            reader.offsets[p].commit(reader.position[p], &mut reader.counts);
        }
        for partition in &partitions {
            self.forget(*partition);
        }
        self.readers[group as usize].consumers[slot as usize].partitions = partitions;
    }

    /// Nobody will read what all groups have stored.
    fn forget(&mut self, partition: u32) {
        let p = partition as usize;
        let all = self.readers.iter().map(|r| r.offsets[p].settled()).min();
        self.partitions[p].forget(all.unwrap_or(u64::MAX));
    }

    /// Carries out what the group has decided.
    fn follow(&mut self, group: u32) {
        let Self { readers, wakes, .. } = self;
        let reader = &mut readers[group as usize];
        let mut freed = Vec::new();
        for change in reader.group.changes() {
            match change {
                Change::Gained { slot, partition } => {
                    let p = partition as usize;
                    // It begins where the last owner has stored to be.
                    let at = reader.offsets[p].committed();
                    reader.lag = reader.lag + reader.position[p] - at;
                    reader.position[p] = at;
                    reader.owner[p] = slot;
                    let Some(consumer) = reader.consumers.get_mut(slot as usize) else { continue };
                    if let Err(place) = consumer.partitions.binary_search(&partition) {
                        consumer.partitions.insert(place, partition);
                    }
                    if consumer.is_waiting {
                        wakes.push((group, slot));
                    }
                }
                Change::Revoked { slot, partition } | Change::Taken { slot, partition } => {
                    let p = partition as usize;
                    if let Some(consumer) = reader.consumers.get_mut(slot as usize) {
                        // Automatic commits are made before anything is given up.
                        if matches!(change, Change::Revoked { .. })
                            && matches!(reader.settings.commit, Commit::Every(_))
                        {
                            reader.offsets[p].commit(reader.position[p], &mut reader.counts);
                            freed.push(p);
                        }
                        consumer.partitions.retain(|other| *other != partition);
                    }
                    reader.owner[p] = NOBODY;
                }
            }
        }
        for p in freed {
            self.forget(p as u32);
        }
    }

    /// What became of the records of one group.
    #[must_use]
    pub fn counts(&self, group: u32) -> Counts {
        self.readers[group as usize].counts
    }

    /// Records ever appended.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Records that the group has not settled: in the log, or in some consumer's hands.
    #[must_use]
    pub fn left(&self, group: u32) -> u64 {
        let counts = self.counts(group);
        self.published - counts.processed - counts.lost - counts.expired
    }

    /// Records that no consumer of the group has read yet.
    #[must_use]
    pub fn unread(&self, group: u32) -> u64 {
        self.readers[group as usize].lag
    }

    /// Records beyond what the group has stored (what Kafka's tools call the lag).
    #[must_use]
    pub fn lag(&self, group: u32) -> u64 {
        let offsets = &self.readers[group as usize].offsets;
        self.partitions.iter().zip(offsets).map(|(log, o)| log.end() - o.committed().min(log.end())).sum()
    }

    /// When the oldest record was appended that the group has not read.
    #[must_use]
    pub fn oldest(&self, group: u32) -> Option<SimTime> {
        let reader = &self.readers[group as usize];
        let first = |(log, position): (&Partition<T>, &u64)| {
            log.get((*position).max(log.start())).map(|record| record.appended)
        };
        self.partitions.iter().zip(&reader.position).filter_map(first).min()
    }

    /// The group, to be asked about its rounds.
    #[must_use]
    pub fn group(&self, group: u32) -> &Group {
        &self.readers[group as usize].group
    }

    /// A partition of the log.
    #[must_use]
    pub fn partition(&self, partition: u32) -> &Partition<T> {
        &self.partitions[partition as usize]
    }
}

#[cfg(test)]
mod tests;
