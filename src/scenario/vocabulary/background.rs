//! Keys of what a database does on its own.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Bandwidth, Count, Duration, Factor, Flag, Rate, Share, Size, Times};
use super::shared::key;
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "background",
        about: "What each node does on its own, on its own disk and cores.",
        keys: &[
            key("checkpoint", Takes::Block("checkpoint"), Unset("none"), "writing changed pages to the disk"),
            key("vacuum", Takes::Block("vacuum"), Unset("none"), "removing dead rows"),
            key("compaction", Takes::Block("compaction"), Unset("none"), "merging sorted files (LSM trees)"),
        ],
    },
    Block {
        name: "checkpoint",
        about: "Every page that was changed since the last one is written: one disk operation each.",
        keys: &[
            key("every", Duration, Is("5min"), "from one to the next (PostgreSQL's checkpoint_timeout)"),
            key(
                "target",
                Share,
                Unverified("90%"),
                "the part of that time over which it is spread (checkpoint_completion_target); 0%: all at once",
            ),
            key(
                "full_pages",
                Flag,
                Is("true"),
                "whether the first change of a page afterwards writes all of it to the log",
            ),
        ],
    },
    Block {
        name: "vacuum",
        about: "Dead rows, one for each write to a row that was there at the start, are removed page by page.",
        keys: &[
            key("every", Duration, Unverified("1min"), "between looks (autovacuum_naptime)"),
            key(
                "scale",
                Share,
                Unverified("20%"),
                "dead rows beyond which it begins, of all rows (autovacuum_vacuum_scale_factor)",
            ),
            key("threshold", Count, Unverified("50"), "and so many more (autovacuum_vacuum_threshold)"),
            key("speed", Rate, Unverified("4500/s"), "pages a second, each a disk operation"),
            key("cpu", Times, Unset("none"), "core time of a page"),
        ],
    },
    Block {
        name: "compaction",
        about: "New bytes are merged into what is there; writes wait while too much is owed.",
        keys: &[
            key("buffer", Size, Unverified("64MiB"), "new bytes that are collected before it begins"),
            key("amplification", Factor, Unverified("10x"), "bytes rewritten for each byte written"),
            key("speed", Bandwidth, Required, "at which it goes, in disk operations of 256 KiB"),
            key("stall", Size, Unverified("64GiB"), "bytes owed beyond which writes wait"),
            key("cpu", Times, Unset("none"), "core time of a megabyte"),
        ],
    },
];
