//! Keys of CDNs.

use super::Absent::{Is, Required, Unset};
use super::Takes::{Block as Of, Count, Duration, Flag, Name, Named, Size, Text, Word};
use super::cache::{EVICTION, MAX_ITEMS, MEMORY};
use super::shared::{ZONES, key};

pub(super) const BLOCKS: &[super::Block] = &[
    super::Block {
        name: "cdn",
        about: "Keeps copies of answers at several places, and passes on what it does not have.",
        keys: &[
            key("kind", Word(&["cdn"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: cloudfront, fastly, cloudflare, nginx-cache",
            ),
            ZONES,
            key("to", Name("component"), Required, "the origin"),
            key(
                "cache",
                Named(&Of("cache_rule")),
                Unset("nothing is kept"),
                "what is kept: a method and a path, with `*` for any rest; the first match wins",
            ),
            key("pops", Count, Is("1"), "places with a store of their own; a person stays with one"),
            key("shield", Flag, Is("false"), "whether all places ask one further store before the origin"),
            key(
                "collapse",
                Flag,
                Is("true"),
                "whether requests for what is being fetched wait for that fetch",
            ),
            MEMORY,
            MAX_ITEMS,
            key("overhead", Size, Is("0B"), "bytes that an object takes beside its body"),
            EVICTION,
            key("error_ttl", Duration, Is("0s"), "how long an error of the origin is remembered"),
            key(
                "stale_if_error",
                Duration,
                Is("0s"),
                "how long past its time a copy is served if fetching fails (RFC 5861)",
            ),
            key(
                "timeout",
                Duration,
                Unset("without limit"),
                "how long the origin may take to answer; beyond it: 504",
            ),
        ],
    },
    super::Block {
        name: "cache_rule",
        about: "What a CDN keeps of some endpoints.",
        keys: &[
            key("ttl", Duration, Required, "how long a copy is fresh"),
            key(
                "key",
                Name("entity"),
                Unset("one object for each endpoint"),
                "the entity: one object for each row",
            ),
        ],
    },
];
