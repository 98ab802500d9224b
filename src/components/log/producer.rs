//! A producer: records gather in batches per partition, and batches travel.
//!
//! A batch leaves when it is full, or `linger` after its first record. Each takes its memory when it is opened; when
//! there is none left, whoever sends waits, up to `max_block`, which is how a slow broker reaches the callers. A batch
//! without an answer within `request_timeout` is sent again after `backoff`, until its `delivery_timeout` has passed;
//! then its records have failed. A broker that had stored it and whose answer was lost stores it twice, unless the producer
//! is idempotent, and the broker knows the batch by its number.
//! Defaults are those of Kafka's producer: <https://kafka.apache.org/documentation/#producerconfigs>.
//! Not modelled: the limit of five requests in flight per broker, adaptive partitions, compression.

use std::collections::VecDeque;

use crate::base::{SimDuration, SimTime};

/// What a producer is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Producing {
    /// Bytes of a batch (`batch.size`: 16 KiB); a larger record travels alone.
    pub batch: u64,
    /// How long a batch waits for more (`linger.ms`: 0, since 4.0 5 ms, KIP-1030).
    pub linger: SimDuration,
    /// Memory for batches (`buffer.memory`: 32 MiB).
    pub buffer: u64,
    /// How long a sender waits for memory (`max.block.ms`: 60 s).
    pub max_block: SimDuration,
    /// From the record to its failure (`delivery.timeout.ms`: 120 s).
    pub delivery_timeout: SimDuration,
    /// From a request to its repetition (`request.timeout.ms`: 30 s).
    pub request_timeout: SimDuration,
    /// Between two attempts (`retry.backoff.ms`: 100 ms).
    pub backoff: SimDuration,
    /// Whether the broker knows a repeated batch (`enable.idempotence`: true since 3.0).
    pub is_idempotent: bool,
}

impl Default for Producing {
    fn default() -> Self {
        Self {
            batch: 16 << 10,
            linger: SimDuration::ZERO,
            buffer: 32 << 20,
            max_block: SimDuration::from_secs(60),
            delivery_timeout: SimDuration::from_secs(120),
            request_timeout: SimDuration::from_secs(30),
            backoff: SimDuration::from_millis(100),
            is_idempotent: true,
        }
    }
}

/// A record on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sending {
    /// Whatever its owner wants to find again.
    pub note: u64,
    /// Bytes.
    pub bytes: u32,
}

/// A batch of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Its number, by which an answer names it.
    pub number: u64,
    /// The partition.
    pub partition: u32,
    /// Its records, in order.
    pub records: Vec<Sending>,
    /// Attempts so far.
    pub attempts: u32,
    opened: SimTime,
    bytes: u64,
    memory: u64,
    /// When it leaves, is sent again, or fails.
    next: SimTime,
    /// Whether the broker has stored it.
    is_stored: bool,
    is_out: bool,
}

/// What becomes of a record that is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// It is in a batch.
    Taken,
    /// There is no memory: offer it again when some is free, or give up at this instant.
    Blocked(SimTime),
}

/// What a producer wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send the batch with this number to its broker.
    Send(u64),
    /// Its records have failed.
    Failed(Batch),
}

/// What a broker does with a batch that arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// Append its records.
    Append,
    /// It has them already, and knows it.
    Known,
    /// It has them already, and appends them again: duplicates.
    AppendAgain,
}

/// One producer's memory of batches.
#[derive(Clone, Debug)]
pub struct Producer {
    settings: Producing,
    /// In the order of their numbers; few at a time.
    batches: VecDeque<Batch>,
    used: u64,
    numbers: u64,
}

impl Producer {
    /// With nothing on its way.
    #[must_use]
    pub fn new(settings: Producing) -> Self {
        Self { settings, batches: VecDeque::new(), used: 0, numbers: 0 }
    }

    /// Bytes of memory in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Records that have neither been acknowledged nor failed.
    #[must_use]
    pub fn on_the_way(&self) -> usize {
        self.batches.iter().map(|b| b.records.len()).sum()
    }

    /// A record for a partition.
    pub fn offer(&mut self, partition: u32, record: Sending, now: SimTime) -> Offer {
        let bytes = u64::from(record.bytes);
        let limit = self.settings.batch;
        let open = self
            .batches
            .iter_mut()
            .rev()
            .find(|b| b.partition == partition)
            .filter(|b| b.attempts == 0 && b.bytes + bytes <= limit);
        if let Some(batch) = open {
            batch.records.push(record);
            batch.bytes += bytes;
            if batch.bytes >= limit {
                batch.next = now;
            }
            return Offer::Taken;
        }
        // A batch is full when the next record has no room in it.
        if let Some(last) =
            self.batches.iter_mut().rev().find(|b| b.partition == partition && b.attempts == 0)
        {
            last.next = now;
        }
        let memory = limit.max(bytes);
        if self.used > 0 && self.used + memory > self.settings.buffer {
            return Offer::Blocked(now + self.settings.max_block);
        }
        self.used += memory;
        let next = if bytes >= limit { now } else { now + self.settings.linger };
        self.batches.push_back(Batch {
            number: self.numbers,
            partition,
            records: vec![record],
            attempts: 0,
            opened: now,
            bytes,
            memory,
            next,
            is_stored: false,
            is_out: false,
        });
        self.numbers += 1;
        Offer::Taken
    }

    /// When [`Self::tick`] has something to do.
    #[must_use]
    pub fn due(&self) -> SimTime {
        self.batches.iter().map(|b| b.next).min().unwrap_or(SimTime::MAX)
    }

    /// What is to be done at `now`, in the order of the batches.
    pub fn tick(&mut self, now: SimTime) -> Vec<Action> {
        let mut actions = Vec::new();
        let settings = self.settings;
        let mut at = 0;
        while at < self.batches.len() {
            let batch = &mut self.batches[at];
            if batch.next > now {
                at += 1;
                continue;
            }
            let fails = batch.opened + settings.delivery_timeout;
            if now >= fails {
                if let Some(batch) = self.batches.remove(at) {
                    self.used -= batch.memory;
                    actions.push(Action::Failed(batch));
                }
                continue;
            }
            if batch.is_out {
                // No answer came; it goes again after the backoff.
                batch.is_out = false;
                batch.next = (now + settings.backoff).min(fails);
            } else {
                batch.is_out = true;
                batch.attempts += 1;
                batch.next = (now + settings.request_timeout).min(fails);
                actions.push(Action::Send(batch.number));
            }
            at += 1;
        }
        actions
    }

    /// The records of a batch that is on its way.
    #[must_use]
    pub fn batch(&self, number: u64) -> Option<&Batch> {
        self.batches.iter().find(|b| b.number == number)
    }

    /// The batch has arrived at its broker.
    pub fn arrives(&mut self, number: u64) -> Option<Arrival> {
        let is_idempotent = self.settings.is_idempotent;
        let batch = self.batches.iter_mut().find(|b| b.number == number)?;
        Some(match (std::mem::replace(&mut batch.is_stored, true), is_idempotent) {
            (false, _) => Arrival::Append,
            (true, true) => Arrival::Known,
            (true, false) => Arrival::AppendAgain,
        })
    }

    /// The broker's answer has come: its memory is free.
    pub fn acknowledge(&mut self, number: u64) -> Option<Batch> {
        let at = self.batches.iter().position(|b| b.number == number)?;
        let batch = self.batches.remove(at)?;
        self.used -= batch.memory;
        Some(batch)
    }

    /// The broker refuses it for now; it goes again after the backoff.
    pub fn refuse(&mut self, number: u64, now: SimTime) {
        let settings = self.settings;
        if let Some(batch) = self.batches.iter_mut().find(|b| b.number == number) {
            batch.is_out = false;
            batch.next = (now + settings.backoff).min(batch.opened + settings.delivery_timeout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }
    const KILO: Sending = Sending { note: 0, bytes: 1 << 10 };

    #[test]
    fn a_batch_leaves_when_it_is_full_or_has_lingered() {
        let mut it = Producer::new(Producing { linger: SimDuration::from_millis(5), ..Producing::default() });
        it.offer(0, KILO, at(1.0));
        assert_eq!((it.due(), it.tick(at(1.004))), (at(1.005), vec![]));
        (1..16).for_each(|_| assert_eq!(it.offer(0, KILO, at(1.002)), Offer::Taken));
        assert_eq!(it.tick(at(1.002)), [Action::Send(0)], "sixteen KiB");
        it.offer(0, KILO, at(1.003));
        assert_eq!((it.tick(at(1.007)), it.tick(at(1.008))), (vec![], vec![Action::Send(1)]));
        assert_eq!(it.acknowledge(0).map(|b| b.records.len()), Some(16));
        assert_eq!((it.used(), it.on_the_way()), (16 << 10, 1));
    }

    #[test]
    fn without_memory_senders_wait_and_are_told_for_how_long() {
        let mut it = Producer::new(Producing { buffer: 32 << 10, ..Producing::default() });
        assert_eq!(it.offer(0, KILO, at(0.0)), Offer::Taken);
        assert_eq!(it.offer(1, KILO, at(0.0)), Offer::Taken);
        assert_eq!(it.offer(2, KILO, at(0.0)), Offer::Blocked(at(60.0)));
        assert_eq!(it.offer(1, KILO, at(0.0)), Offer::Taken, "its batch has room");
        it.tick(at(0.0));
        it.acknowledge(0);
        assert_eq!(it.offer(2, KILO, at(1.0)), Offer::Taken);
    }

    #[test]
    fn it_tries_again_until_the_delivery_timeout() {
        let mut it = Producer::new(Producing::default());
        it.offer(0, KILO, at(0.0));
        let mut sent = Vec::new();
        let mut failed = None;
        while it.due() < SimTime::MAX {
            let now = it.due();
            for action in it.tick(now) {
                match action {
                    Action::Send(_) => sent.push(now.as_secs_f64()),
                    Action::Failed(batch) => failed = Some((now, batch.records.len())),
                }
            }
        }
        assert_eq!(sent, [0.0, 30.1, 60.2, 90.3]);
        assert_eq!((failed, it.used()), (Some((at(120.0), 1)), 0));
    }

    #[test]
    fn a_lost_answer_makes_a_duplicate_unless_the_broker_knows_the_batch() {
        for (is_idempotent, second) in [(true, Arrival::Known), (false, Arrival::AppendAgain)] {
            let mut it = Producer::new(Producing { is_idempotent, ..Producing::default() });
            it.offer(0, KILO, at(0.0));
            it.tick(at(0.0));
            assert_eq!(it.arrives(0), Some(Arrival::Append));
            it.tick(at(30.0));
            assert_eq!(it.tick(at(30.1)), [Action::Send(0)]);
            assert_eq!(it.arrives(0), Some(second));
        }
    }

    proptest! {
        #[test]
        fn every_record_is_acknowledged_failed_blocked_or_on_its_way(seed in any::<u64>(), linger in 0_u64..20) {
            let settings = Producing {
                linger: SimDuration::from_millis(linger),
                buffer: 128 << 10,
                delivery_timeout: SimDuration::from_secs(2),
                request_timeout: SimDuration::from_millis(300),
                ..Producing::default()
            };
            let mut it = Producer::new(settings);
            let mut draws = crate::base::random::Key::root(seed, 0).draws();
            let (mut taken, mut acknowledged, mut failed, mut out) = (0, 0, 0, Vec::new());
            for step in 0..3_000_u32 {
                let now = at(f64::from(step) * 0.002);
                let record = Sending { note: 0, bytes: draws.below(9_000) as u32 };
                taken += usize::from(it.offer(draws.below(4) as u32, record, now) == Offer::Taken);
                for action in it.tick(now) {
                    match action {
                        Action::Send(number) => out.push(number),
                        Action::Failed(batch) => failed += batch.records.len(),
                    }
                }
                prop_assert!(it.due() > now);
                prop_assert!(it.used() <= 128 << 10);
                if draws.below(3) == 0 && let Some(number) = out.pop() {
                    match draws.below(3) {
                        0 => it.refuse(number, now),
                        1 => acknowledged += it.acknowledge(number).map_or(0, |b| b.records.len()),
                        _ => {}
                    }
                }
                prop_assert_eq!(taken, acknowledged + failed + it.on_the_way());
            }
        }
    }
}
