//! Keys of logs (queues of the family of Kafka) and of the workers that read them.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Count, Duration, Flag, Name, Size, Text, Times, Word};
use super::shared::{ZONES, key};
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "log",
        about: "Keeps records until workers have worked on them; `family: log` is a log of partitions, as Kafka's.",
        keys: &[
            key("kind", Word(&["queue"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: kafka-3, kafka-4",
            ),
            ZONES,
            key(
                "family",
                Word(&["log"]),
                Unset("work: write `log`, or take a preset that is one"),
                "how it hands out: by offsets in partitions",
            ),
            key(
                "partitions",
                Count,
                Is("1"),
                "partitions; no more consumers of a group than these have anything to do",
            ),
            key(
                "key",
                Name("entity"),
                Unset("without a key"),
                "the entity whose row places a record: one row, one partition, in order",
            ),
            key(
                "spread",
                Word(&["sticky", "round_robin"]),
                Is("sticky"),
                "where records without a key go: one partition for a batch, or in turn",
            ),
            key(
                "acks",
                Word(&["none", "leader", "all"]),
                Is("all"),
                "when `send` goes on: at once, when the leader has the record, or when all replicas have it; `none` takes as long as `leader` here",
            ),
            key("replicas", Count, Is("1"), "copies of each partition, the leader among them"),
            key(
                "replication_delay",
                Times,
                Unset("none"),
                "how much later a follower has what its leader has",
            ),
            key(
                "batch",
                Takes::Block("record_batch"),
                Unset("its defaults"),
                "records that travel together, and that a consumer takes at once",
            ),
            key("fetch", Takes::Block("fetch"), Unset("its defaults"), "bytes that a consumer asks for"),
            key("buffer", Takes::Block("producer_buffer"), Unset("its defaults"), "memory of a producer"),
            key("delivery_timeout", Duration, Is("120s"), "how long a producer tries to store a record"),
            key(
                "ack",
                Word(&["auto", "after", "each", "before"]),
                Is("auto"),
                "when a consumer stores how far it is: every so often, after its batch, after each record, or before the work (at most once)",
            ),
            key("commit_every", Duration, Is("5s"), "how often with `ack: auto`, at a poll"),
            key("rebalance", Takes::Block("rebalance"), Unset("its defaults"), "how partitions change hands"),
            key("session", Duration, Is("45s"), "how long a consumer may be silent before it is out"),
            key(
                "heartbeat",
                Duration,
                Is("3s"),
                "between two heartbeats, with which consumers also hear of a rebalance",
            ),
            key(
                "max_poll_interval",
                Duration,
                Is("300s"),
                "how long a batch may take before its consumer is out, and how long a rebalance waits for one",
            ),
            key(
                "static",
                Flag,
                Is("false"),
                "whether a consumer that returns within its session is the one that it was (group.instance.id)",
            ),
            key(
                "reset",
                Word(&["latest", "earliest"]),
                Is("latest"),
                "where a consumer goes on whose next record was deleted",
            ),
            key("retention", Takes::Block("retention"), Unset("its defaults"), "how long records are kept"),
        ],
    },
    Block {
        name: "record_batch",
        about: "Records that travel together, and that a consumer takes at once.",
        keys: &[
            key("max", Count, Is("500"), "records of one poll at most"),
            key("size", Size, Is("16KiB"), "bytes of a producer's batch"),
            key("linger", Duration, Is("0s"), "how long a producer's batch waits for more"),
        ],
    },
    Block {
        name: "fetch",
        about: "Bytes that a consumer asks for.",
        keys: &[
            key("min", Size, Is("1B"), "an answer waits until there is so much"),
            key("wait", Duration, Is("500ms"), "or for so long"),
            key("max", Size, Is("50MiB"), "bytes at most"),
            key("per_partition", Size, Is("1MiB"), "bytes of one partition at most"),
        ],
    },
    Block {
        name: "producer_buffer",
        about: "Memory of a producer, one in each instance that sends.",
        keys: &[
            key("size", Size, Is("32MiB"), "bytes for batches"),
            key("max_block", Duration, Is("60s"), "how long `send` waits for memory; then it fails"),
        ],
    },
    Block {
        name: "rebalance",
        about: "How partitions change hands when consumers come and go.",
        keys: &[
            key(
                "protocol",
                Word(&["eager", "cooperative", "server"]),
                Is("eager"),
                "all stop and share anew; only what moves stops (KIP-429); the server moves single partitions (KIP-848)",
            ),
            key(
                "assignor",
                Word(&["range", "round_robin", "sticky"]),
                Unset("range if eager, else sticky"),
                "who gets which",
            ),
            key("pause", Duration, Is("0s"), "on top, before a new owner can read (restoring state)"),
            key("initial_delay", Duration, Is("3s"), "how long an empty group waits for more members"),
        ],
    },
    Block {
        name: "retention",
        about: "How long records are kept, read or not.",
        keys: &[
            key("time", Duration, Unverified("168h"), "age at which one is deleted"),
            key("bytes", Size, Unset("without limit"), "bytes of a partition beyond which the oldest go"),
        ],
    },
];
