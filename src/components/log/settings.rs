//! What a log and a group of its consumers are set to. The defaults are those of Kafka 3 and 4, documented in
//! <https://kafka.apache.org/documentation/#configuration>; where the two differ, that of 3.

use super::assignment::Assignor;
use super::partition::Retention;
use crate::base::SimDuration;

/// A log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Partitions.
    pub partitions: u32,
    /// How long records are kept (`retention.ms`: 7 days, `retention.bytes`: without limit).
    pub retention: Retention,
}

impl Default for Settings {
    fn default() -> Self {
        let week = SimDuration::from_secs(7 * 24 * 3_600);
        Self { partitions: 1, retention: Retention { time: week, bytes: u64::MAX } }
    }
}

/// How a group changes hands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// Everybody gives up everything, all join, all are given anew: the group stands still.
    #[default]
    Eager,
    /// Who must give up a partition does so after a first round, who gets it does so in a second (KIP-429).
    Cooperative,
    /// The coordinator moves single partitions, told with heartbeats; no round of all (KIP-848).
    Server,
}

/// When consumers store how far they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// At the first poll after this span, and when partitions are given up (`enable.auto.commit`, every 5 s).
    Every(SimDuration),
    /// After each batch.
    Batch,
    /// After each record.
    Record,
    /// When the batch is taken, before any of it is worked on: at most once.
    Before,
}

/// Where a group goes on whose next record was deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reset {
    /// At the end of the log: what is there is skipped (`auto.offset.reset: latest`, the default).
    #[default]
    Latest,
    /// At the first record that is left.
    Earliest,
}

/// A group of consumers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Consuming {
    /// How partitions change hands.
    pub protocol: Protocol,
    /// Who gets which.
    pub assignor: Assignor,
    /// When offsets are stored.
    pub commit: Commit,
    /// Where to go on after a gap.
    pub reset: Reset,
    /// Whether a member that returns within its session is the one that it was (`group.instance.id`).
    pub is_static: bool,
    /// A member that is not heard of for this long is out (`session.timeout.ms`: 45 s).
    pub session: SimDuration,
    /// Between two heartbeats (`heartbeat.interval.ms`: 3 s; with KIP-848 5 s, the broker's).
    pub heartbeat: SimDuration,
    /// A member that does not poll for this long is out (`max.poll.interval.ms`: 300 s); also how long a round waits.
    pub max_poll: SimDuration,
    /// How long an empty group waits for more members (`group.initial.rebalance.delay.ms`: 3 s).
    pub initial_delay: SimDuration,
    /// On top of what the protocol takes, before a new assignment can be read from (restored state, warm caches).
    pub pause: SimDuration,
    /// Records of one poll at most (`max.poll.records`: 500).
    pub poll_records: u32,
    /// Bytes of one poll from one partition at most (`max.partition.fetch.bytes`: 1 MiB).
    pub partition_bytes: u64,
    /// Bytes of one poll at most (`fetch.max.bytes`: 50 MiB).
    pub fetch_bytes: u64,
    /// A fetch waits until there are so many bytes (`fetch.min.bytes`: 1),
    pub fetch_min: u64,
    /// or for this long (`fetch.max.wait.ms`: 500 ms).
    pub fetch_wait: SimDuration,
}

impl Default for Consuming {
    fn default() -> Self {
        Self {
            protocol: Protocol::Eager,
            assignor: Assignor::Range,
            commit: Commit::Every(SimDuration::from_secs(5)),
            reset: Reset::Latest,
            is_static: false,
            session: SimDuration::from_secs(45),
            heartbeat: SimDuration::from_secs(3),
            max_poll: SimDuration::from_secs(300),
            initial_delay: SimDuration::from_secs(3),
            pause: SimDuration::ZERO,
            poll_records: 500,
            partition_bytes: 1 << 20,
            fetch_bytes: 50 << 20,
            fetch_min: 1,
            fetch_wait: SimDuration::from_millis(500),
        }
    }
}
