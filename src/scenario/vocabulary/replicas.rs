//! Keys of replicas and of failover.

use super::Absent::{Is, Unset, Unverified};
use super::Takes::{Cores, Count, Duration, Either, Flag, List, Name, Times, Word};
use super::shared::key;
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "replicas",
        about: "Copies of a primary. Each one replays every write.",
        keys: &[
            key("count", Count, Is("1"), "how many, of each primary"),
            key("cpu", Cores, Unset("those of the primary"), "cores of each"),
            key(
                "mode",
                Either(&[
                    Word(&["async", "semi_sync", "sync", "quorum", "shared_storage"]),
                    Takes::Block("mode"),
                ]),
                Is("async"),
                "what a commit waits for at the replicas",
            ),
            key("apply", Takes::Block("apply"), Unset("one thread"), "how a replica replays the log"),
            key(
                "route",
                Either(&[
                    Word(&["primary", "round_robin", "least_lag", "wait_for_position", "session_pin"]),
                    Takes::Block("read_route"),
                ]),
                Is("round_robin"),
                "which member answers reads",
            ),
            key(
                "conflict_delay",
                Either(&[Duration, Word(&["never"])]),
                Is("30s"),
                "how long reads may hold up replay that removes rows they need (max_standby_streaming_delay); never: they are not cancelled",
            ),
            key(
                "zones",
                List(&Name("zone")),
                Unset("those of the database"),
                "zones of the replicas in turn",
            ),
        ],
    },
    Block {
        name: "mode",
        about: "What a commit waits for, in detail: one of these.",
        keys: &[
            key(
                "semi_sync",
                Takes::Block("acknowledgement"),
                Unset("none"),
                "received, or nothing after a time",
            ),
            key("sync", Takes::Block("acknowledgement"), Unset("none"), "received, flushed or applied"),
            key(
                "shared_storage",
                Takes::Block("acknowledgement"),
                Unset("none"),
                "all read the same storage",
            ),
        ],
    },
    Block {
        name: "acknowledgement",
        about: "When a replica's answer counts.",
        keys: &[
            key("replicas", Count, Is("1"), "replicas that must answer"),
            key(
                "timeout",
                Duration,
                Is("10s"),
                "of `semi_sync`: after this nothing is waited for until they are there",
            ),
            key("level", Word(&["write", "flush", "apply"]), Is("flush"), "of `sync`: what having it means"),
            key("lag", Times, Unverified("20ms"), "of `shared_storage`: until a replica sees a write"),
        ],
    },
    Block {
        name: "apply",
        about: "How a replica replays the log: on its own cores, in competition with its reads.",
        keys: &[
            key("threads", Count, Is("1"), "records replayed at once; readers see them in order"),
            key(
                "cost",
                Times,
                Unverified("a third of the write's core time"),
                "core time of replaying one write",
            ),
        ],
    },
    Block {
        name: "read_route",
        about: "Which member answers reads, by time.",
        keys: &[
            key("bounded", Duration, Unset("none"), "replicas that lag no more; the primary, if none"),
            key("sticky_after_write", Duration, Unset("none"), "the primary, for whoever wrote so recently"),
            key("max_lag", Duration, Unset("any"), "of the others: replicas that lag no more"),
        ],
    },
    Block {
        name: "failover",
        about: "A lost primary's place is taken by the replica that has received most.",
        keys: &[
            key("detect", Duration, Unverified("10s"), "until it is noticed"),
            key("promote", Duration, Unverified("20s"), "election and promotion"),
            key(
                "dns_ttl",
                Duration,
                Is("0s"),
                "how long callers go on asking the old one: uniform up to this",
            ),
            key("fencing", Flag, Is("true"), "whether an old primary that lives is stopped"),
            key("buffer", Takes::Block("buffer"), Unset("none"), "a proxy holds statements meanwhile"),
        ],
    },
    Block {
        name: "buffer",
        about: "Statements that wait for the new primary rather than fail.",
        keys: &[
            key("requests", Count, Is("1000"), "at most so many"),
            key("for", Duration, Is("10s"), "each at most so long"),
        ],
    },
];
