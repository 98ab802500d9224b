//! Throughput that a key-value store sells by units: per partition, per table, with bursts.
//!
//! After DynamoDB's guide (2023: "Best practices for designing and using partition keys effectively",
//! "Read/write capacity mode"): a partition serves 3000 read units and 1000 write units a second at most;
//! a *provisioned* table keeps up to 300 s of unused capacity for bursts, shared by all partitions where
//! capacity is adaptive, else a fixed part of each; an *on-demand* table takes up to twice the highest
//! rate that it had more than 30 minutes ago, and at the start 4000 writes and 12 000 reads a second.
//! A read unit is 4 KB read consistently, or 8 KB eventually; a write unit is 1 KB; a transaction costs
//! twice as many of either.
//! Not modelled: splits of partitions by heat, and how long the real service takes to adapt (it is at once here).

use std::collections::VecDeque;

use crate::base::{SimDuration, SimTime};

/// Units for reads and for writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// Of reads.
    pub read: f64,
    /// Of writes.
    pub write: f64,
}

impl Units {
    fn of(self, writes: bool) -> f64 {
        if writes { self.write } else { self.read }
    }
}

/// What a table was promised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Throughput {
    /// So much a second, and bursts of what was left unused.
    Provisioned {
        /// Units per second.
        units: Units,
        /// How long unused capacity is kept.
        burst: SimDuration,
        /// Whether one partition may use what others leave.
        adaptive: bool,
    },
    /// Whatever comes, up to twice the peak before.
    OnDemand {
        /// Units per second that are taken at the start.
        start: Units,
        /// How long a new peak takes to count.
        settles: SimDuration,
    },
}

/// Bytes of a read unit, read consistently.
pub const READ_UNIT: u64 = 4096;
/// Bytes of a write unit.
pub const WRITE_UNIT: u64 = 1024;

/// Units that reading or writing one item of so many bytes costs.
#[must_use]
pub fn units_of(bytes: u64, writes: bool, consistent: bool, in_transaction: bool) -> f64 {
    let unit = if writes { WRITE_UNIT } else { READ_UNIT };
    let whole = bytes.max(1).div_ceil(unit) as f64;
    let half = if writes || consistent || in_transaction { 1.0 } else { 0.5 };
    whole * half * if in_transaction { 2.0 } else { 1.0 }
}

/// A bucket of units that fills continuously.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    rate: f64,
    room: f64,
    level: f64,
    at: SimTime,
}

impl Bucket {
    fn full(rate: f64, seconds: f64) -> Self {
        let room = (rate * seconds).max(1.0);
        Self { rate, room, level: room, at: SimTime::ZERO }
    }

    fn refill(&mut self, now: SimTime) {
        self.level = (self.level + self.rate * now.since(self.at).as_secs_f64()).min(self.room);
        self.at = now;
    }

    /// What is more than the bucket holds passes when it is full.
    fn has(&self, units: f64) -> bool {
        self.level + 1e-9 >= units.min(self.room)
    }
}

/// One direction of a table: reads or writes.
#[derive(Clone, Debug)]
struct Direction {
    /// What a partition can do at all.
    hard: Vec<Bucket>,
    /// Each partition's own part of what was promised; empty where they share it.
    parts: Vec<Bucket>,
    table: Option<Bucket>,
    peak: Option<Peak>,
}

/// The highest rate of the past, minute by minute.
#[derive(Clone, Debug)]
struct Peak {
    settles: SimDuration,
    start: f64,
    settled: f64,
    /// Minutes whose rate has not settled, with their units.
    recent: VecDeque<(u64, f64)>,
}

impl Peak {
    fn minute(at: SimTime) -> u64 {
        at.as_nanos() / 60_000_000_000
    }

    fn used(&mut self, units: f64, now: SimTime) {
        let minute = Self::minute(now);
        match self.recent.back_mut() {
            Some((last, sum)) if *last == minute => *sum += units,
            _ => self.recent.push_back((minute, units)),
        }
    }

    /// The rate that is taken now.
    fn rate(&mut self, now: SimTime) -> f64 {
        let old = Self::minute(now).saturating_sub(self.settles.as_nanos() / 60_000_000_000);
        while let Some((minute, sum)) = self.recent.front().copied()
            && minute < old
        {
            self.settled = self.settled.max(sum / 60.0);
            self.recent.pop_front();
        }
        self.start.max(2.0 * self.settled)
    }
}

impl Direction {
    fn new(throughput: &Throughput, hard: f64, writes: bool, partitions: usize) -> Self {
        let all = vec![Bucket::full(hard, 1.0); partitions];
        match throughput {
            Throughput::Provisioned { units, burst, adaptive } => {
                let (rate, kept) = (units.of(writes), burst.as_secs_f64().max(1.0));
                let part = Bucket::full(rate / partitions as f64, kept);
                Self {
                    hard: all,
                    parts: if *adaptive { Vec::new() } else { vec![part; partitions] },
                    table: adaptive.then(|| Bucket::full(rate, kept)),
                    peak: None,
                }
            }
            Throughput::OnDemand { start, settles } => {
                let start = start.of(writes);
                let peak = Peak { settles: *settles, start, settled: 0.0, recent: VecDeque::new() };
                Self { hard: all, parts: Vec::new(), table: Some(Bucket::full(start, 1.0)), peak: Some(peak) }
            }
        }
    }

    fn take(&mut self, partition: usize, units: f64, now: SimTime) -> bool {
        if let (Some(peak), Some(table)) = (&mut self.peak, &mut self.table) {
            let rate = peak.rate(now);
            (table.rate, table.room) = (rate, rate.max(1.0));
        }
        let buckets = [self.hard.get_mut(partition), self.parts.get_mut(partition), self.table.as_mut()];
        let mut buckets: Vec<&mut Bucket> = buckets.into_iter().flatten().collect();
        buckets.iter_mut().for_each(|bucket| bucket.refill(now));
        let passes = buckets.iter().all(|bucket| bucket.has(units));
        if passes {
            buckets.iter_mut().for_each(|bucket| bucket.level -= units.min(bucket.room));
            if let Some(peak) = &mut self.peak {
                peak.used(units, now);
            }
        }
        passes
    }
}

/// The throughput of one table over its partitions.
#[derive(Clone, Debug)]
pub struct TableThroughput {
    reads: Direction,
    writes: Direction,
}

impl TableThroughput {
    /// A table of `partitions`, each of which can do `partition` units a second at most; nothing was used yet.
    #[must_use]
    pub fn new(throughput: &Throughput, partition: Units, partitions: u16) -> Self {
        let partitions = usize::from(partitions.max(1));
        Self {
            reads: Direction::new(throughput, partition.read, false, partitions),
            writes: Direction::new(throughput, partition.write, true, partitions),
        }
    }

    /// Takes units of a partition, or none: then the request is throttled.
    pub fn take(&mut self, partition: u16, units: f64, writes: bool, now: SimTime) -> bool {
        let direction = if writes { &mut self.writes } else { &mut self.reads };
        direction.take(usize::from(partition), units, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: Units = Units { read: 3000.0, write: 1000.0 };

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    /// Units per second that pass of `rate` asked for at one partition from `from` to `to`.
    fn passed(
        table: &mut TableThroughput,
        partition: u16,
        writes: bool,
        rate: f64,
        from: f64,
        to: f64,
    ) -> f64 {
        let n = ((to - from) * rate) as u64;
        let passes = (0..n).filter(|i| table.take(partition, 1.0, writes, at(from + *i as f64 / rate)));
        passes.count() as f64 / (to - from)
    }

    fn provisioned(write: f64, adaptive: bool) -> TableThroughput {
        let units = Units { read: 100.0, write };
        let burst = SimDuration::from_secs(300);
        TableThroughput::new(&Throughput::Provisioned { units, burst, adaptive }, PARTITION, 4)
    }

    #[test]
    fn a_partition_has_its_limit_whatever_was_promised() {
        let mut table = provisioned(40_000.0, true);
        let seen = passed(&mut table, 0, true, 5000.0, 10.0, 20.0);
        assert!((seen - 1100.0).abs() < 2.0, "{seen}"); // 1000 a second, and the second's worth that it holds
    }

    #[test]
    fn unused_capacity_is_kept_for_300_seconds() {
        // 400 promised, 100 to each of four parts; 300 s of them kept: 30 000 writes at once, then 100 a second.
        let mut table = provisioned(400.0, false);
        let seen = passed(&mut table, 2, true, 500.0, 0.0, 75.0) * 75.0;
        assert!((seen - 37_500.0).abs() < 2.0, "{seen}"); // 500 a second as long as 30 000 + 100 t last
        let seen = passed(&mut table, 2, true, 500.0, 75.0, 175.0);
        assert!((seen - 100.0).abs() < 2.0, "{seen}");
    }

    #[test]
    fn a_hot_partition_uses_what_others_leave_only_where_capacity_is_adaptive() {
        for (adaptive, rate) in [(true, 400.0), (false, 100.0)] {
            let mut table = provisioned(400.0, adaptive);
            passed(&mut table, 1, true, 900.0, 0.0, 600.0);
            let seen = passed(&mut table, 1, true, 900.0, 600.0, 700.0);
            assert!((seen - rate).abs() < 2.0, "{adaptive}: {seen}");
        }
    }

    #[test]
    fn on_demand_takes_twice_the_peak_of_half_an_hour_ago() {
        let start = Units { read: 12_000.0, write: 400.0 };
        let settles = SimDuration::from_secs(1800);
        let mut table = TableThroughput::new(
            &Throughput::OnDemand { start, settles },
            Units { read: 1e9, write: 1e9 },
            4,
        );
        let seen = passed(&mut table, 0, true, 1000.0, 0.0, 600.0);
        assert!((seen - 400.0).abs() < 2.0, "{seen}");
        // Forty minutes later the peak is that of its first minute, 400 and a bucket: twice as much passes.
        let peak = 400.0 * 61.0 / 60.0;
        let seen = passed(&mut table, 0, true, 1000.0, 2400.0, 2460.0);
        assert!((seen - 2.0 * peak * 61.0 / 60.0).abs() < 2.0, "{seen}");
    }

    #[test]
    fn units_are_whole_items_and_halves_where_reads_may_be_old() {
        assert_eq!(units_of(4096, false, true, false), 1.0);
        assert_eq!(units_of(4097, false, false, false), 1.0);
        assert_eq!(units_of(1000, false, false, false), 0.5);
        assert_eq!(units_of(1025, true, true, false), 2.0);
        assert_eq!(units_of(1, true, true, true), 2.0);
        assert_eq!(units_of(0, false, false, true), 2.0);
    }

    #[test]
    fn an_item_larger_than_a_second_of_units_passes_when_the_bucket_is_full() {
        let mut table = provisioned(400.0, true);
        assert!(table.take(0, 2000.0, true, at(5.0)));
        assert!(!table.take(0, 2000.0, true, at(5.5)));
        assert!(table.take(0, 2000.0, true, at(6.0)));
    }
}
