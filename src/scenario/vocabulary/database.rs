//! Keys of databases.

use super::Absent::{Is, Required, Unset};
use super::Takes::{
    Bandwidth, Cores, Count, Counts, Duration, Either, Flag, List, Name, Named, Number, Rate, Size, Sizes,
    Text, Times, Word,
};
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
                "deadlock_timeout",
                Duration,
                Is("1s"),
                "how long a statement of a transaction waits for a row before a deadlock is looked for (PostgreSQL); 0s: at once (InnoDB)",
            ),
            key(
                "connection_check",
                Duration,
                Unset("never"),
                "how often a running query looks whether its client is still there, and is cancelled if not (PostgreSQL's client_connection_check_interval)",
            ),
            key(
                "statement_timeout",
                Duration,
                Unset("without limit"),
                "how long a query may take before the database ends it; 0s: without limit",
            ),
            key("memory", Size, Unset("all data"), "what holds pages of data: the rest is read from disk"),
            key(
                "iops",
                Count,
                Unset("without limit"),
                "disk operations a second, of about a millisecond each",
            ),
            key(
                "capacity",
                Takes::Block("capacity"),
                Unset("as much as the cores and disks can do"),
                "throughput by units, of a key-value table: beyond it a 429 (DynamoDB's ProvisionedThroughputExceededException)",
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
            key(
                "shards",
                Takes::Block("shards"),
                Unset("none"),
                "parts of the rows, each on members of its own",
            ),
            key(
                "background",
                Takes::Block("background"),
                Unset("nothing"),
                "what each node does on its own: checkpoints, vacuum, compaction",
            ),
            key(
                "conn_cost",
                Times,
                Unset("none"),
                "core time of a new connection: a process or thread, and authentication",
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
            key(
                "join",
                Either(&[Name("entity"), List(&Name("entity"))]),
                Unset("none"),
                "entities whose rows it joins; they must lie on the same shard",
            ),
            key("cpu", Times, Is("0s"), "core time"),
            key("io", Times, Unset("none"), "disk time"),
            key("pages", Counts, Unset("one"), "pages that it looks at, each in memory or not"),
            key("wal", Sizes, Unset("none"), "bytes written to the log"),
            key("lock", Name("entity"), Unset("none"), "the entity whose row is locked until the commit"),
            key(
                "lock_range",
                Count,
                Is("1"),
                "neighbouring rows that one lock covers: ranges of so many, instead of single rows",
            ),
            key(
                "consistency",
                Word(&["strong", "eventual", "one", "quorum", "local_quorum", "all"]),
                Unset("strong; one with `copies`"),
                "with `capacity`: strong, or eventual at half the units and perhaps old; with `copies`: how many of them must answer",
            ),
        ],
    },
    Block {
        name: "shards",
        about: "How rows are divided among primaries. What is not asked for by the sharding key is asked of every shard.",
        keys: &[
            key(
                "by",
                Either(&[Name("entity"), List(&Name("entity"))]),
                Required,
                "the entity whose key places rows: its own, and those whose `key_of` it is; of several, each by its own key on the same shards",
            ),
            key(
                "reference",
                Either(&[Name("entity"), List(&Name("entity"))]),
                Unset("none"),
                "entities of which every shard has all rows: one answers, and all are written",
            ),
            key(
                "how",
                Word(&["hash", "range", "consistent", "directory"]),
                Is("hash"),
                "hash: by hash; range: by bounds; consistent: on a ring; directory: by a table that was filled by load",
            ),
            key(
                "bounds",
                Takes::List(&Count),
                Unset("none"),
                "of ranges: the first key of every one but the first",
            ),
            key(
                "logical",
                Count,
                Unset("as many as shards; 4096 of a directory"),
                "logical shards: what moves when shards are added",
            ),
            key("virtual_nodes", Count, Unset("16, of a ring"), "of a ring: points of each shard"),
            key("count", Count, Unset("as many as ranges, else 1"), "shards"),
            key(
                "copies",
                Count,
                Is("1"),
                "nodes that have each row: its own and the next ones of the ring, equally many of each zone; `consistency` of a query says how many must answer",
            ),
            key(
                "hints",
                Duration,
                Unset("not kept"),
                "how long writes are kept for a node that is down (hinted handoff)",
            ),
            key("grow", Takes::Block("grow"), Unset("never"), "more shards later, while requests go on"),
            key("round_trip", Times, Unset("takes no time"), "between one shard and another"),
            key(
                "merge",
                Times,
                Unset("takes no time"),
                "core time of putting the answers of all shards together",
            ),
            key(
                "partial",
                Flag,
                Is("false"),
                "whether what the other shards answered is an answer where one fails",
            ),
            key(
                "cross_shard",
                Word(&["2pc", "best_effort"]),
                Is("2pc"),
                "how a transaction is committed that has written at several shards: all or none by two phases, or one shard after the other",
            ),
            key(
                "deadlocks",
                Word(&["local", "global"]),
                Is("local"),
                "whether deadlocks are looked for within each shard only, or also across shards (after twice `deadlock_timeout`)",
            ),
        ],
    },
    Block {
        name: "capacity",
        about: "Throughput of a key-value table by units: one for each 4 KB read (half if eventually consistent) and each 1 KB written, twice as many in a transaction.",
        keys: &[
            key("by", Name("entity"), Required, "the entity whose key says which partition a row lies in"),
            key("partitions", Count, Is("1"), "partitions, among which keys are divided by hash"),
            key(
                "mode",
                Word(&["provisioned", "on_demand"]),
                Is("provisioned"),
                "so many units a second and bursts of what was left; or whatever comes, up to twice the peak of before",
            ),
            key(
                "read",
                Rate,
                Unset("needed; 12k/s at first with on_demand"),
                "read units a second of the table",
            ),
            key(
                "write",
                Rate,
                Unset("needed; 4k/s at first with on_demand"),
                "write units a second of the table",
            ),
            key("partition_read", Rate, Is("3000/s"), "read units a second of one partition at most"),
            key("partition_write", Rate, Is("1000/s"), "write units a second of one partition at most"),
            key("burst", Duration, Unset("300s"), "how long unused units are kept (provisioned)"),
            key(
                "adaptive",
                Flag,
                Is("true"),
                "whether one partition may use what others leave (provisioned)",
            ),
            key("settles", Duration, Unset("30m"), "how long ago a peak must be to count (on_demand)"),
            key(
                "eventual_lag",
                Times,
                Unset("not old"),
                "how old what an eventually consistent read sees can be",
            ),
        ],
    },
    Block {
        name: "grow",
        about: "Adding shards while requests go on: rows are copied, writes follow, and then all of it changes hands.",
        keys: &[
            key("at", Duration, Required, "when copying begins"),
            key("to", Count, Required, "shards afterwards"),
            key(
                "copy",
                Bandwidth,
                Unset("as fast as it goes"),
                "bytes a second that leave each shard at most",
            ),
            key("copy_cpu", Times, Unset("none"), "core time for each megabyte, at both ends"),
            key(
                "cutover_block",
                Duration,
                Is("0s"),
                "how long writes to what moves are held back at the end",
            ),
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
