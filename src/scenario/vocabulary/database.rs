//! Keys of databases.

use super::Absent::{Is, Required, Unset};
use super::Takes::{Bandwidth, Cores, Count, Duration, Name, Named, Number, Sizes, Text, Times, Word};
use super::shared::{ZONES, key};
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "database",
        about: "Answers queries: cores, connections, disk, write-ahead log, row locks.",
        keys: &[
            key("kind", Word(&["database"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: postgres, mysql, aurora",
            ),
            ZONES,
            key("cpu", Cores, Is("1"), "cores, shared by the running queries (processor sharing)"),
            key("max_connections", Count, Unset("without limit"), "connections at most; beyond it: an error"),
            key("io", Count, Unset("without limit"), "disk operations at once"),
            key(
                "commit",
                Times,
                Unset("takes no time"),
                "a flush of the log; one flush commits all that wait for it",
            ),
            key("wal_bandwidth", Bandwidth, Unset("without limit"), "speed at which the log is written"),
            key(
                "lock_timeout",
                Duration,
                Unset("without limit"),
                "how long a query may wait for a row's lock",
            ),
            key(
                "contention",
                Takes::Block("contention"),
                Unset("none"),
                "efficiency lost by queries beyond the cores",
            ),
            key(
                "replicas",
                Takes::Block("replicas"),
                Unset("none"),
                "copies of the primary that answer reads",
            ),
            key(
                "failover",
                Takes::Block("failover"),
                Unset("a lost primary stays lost"),
                "who takes over when the primary is lost, and when",
            ),
            key("queries", Named(&Takes::Block("query")), Unset("none"), "classes of queries, by name"),
        ],
    },
    Block {
        name: "query",
        about: "A class of queries.",
        keys: &[
            key("read", Name("entity"), Unset("reads no row"), "the entity that it reads"),
            key("write", Name("entity"), Unset("writes no row"), "the entity that it writes"),
            key(
                "by",
                Name("entity"),
                Unset("its own entity"),
                "the entity whose key places the row; `all`: no row, every shard has a part of the answer",
            ),
            key("cpu", Times, Is("0s"), "core time"),
            key("io", Times, Unset("none"), "disk time"),
            key("wal", Sizes, Unset("none"), "bytes written to the log"),
            key("lock", Name("entity"), Unset("none"), "the entity whose row is locked until the commit"),
        ],
    },
    Block {
        name: "contention",
        about: "The universal scalability law over the queries beyond the cores: 1 / (1 + sigma (n-1) + kappa n (n-1)).",
        keys: &[
            key("sigma", Number, Is("0"), "serial share"),
            key("kappa", Number, Is("0"), "cost of coherence"),
        ],
    },
];
