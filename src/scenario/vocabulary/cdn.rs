//! Keys of CDNs.

use super::Absent::{Is, Required, Unset};
use super::KeyEntry;
use super::Takes::{Block as Of, Count, Duration, Flag, List, Name, Named, Size, Text, Times, Word};
use super::cache::{EVICTION, MAX_ITEMS, MEMORY};
use super::shared::{ZONES, key};

const STALE_IF_ERROR: KeyEntry = key(
    "stale_if_error",
    Duration,
    Is("0s"),
    "how long past its time a copy is served if fetching fails (RFC 5861)",
);
const STALE_WHILE_REVALIDATE: KeyEntry = key(
    "stale_while_revalidate",
    Duration,
    Is("0s"),
    "how long past its time a copy is served at once, while it is fetched anew (RFC 5861)",
);

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
                "routes",
                List(&Of("cdn_route")),
                Unset("all to `to`"),
                "other origins, the first match wins",
            ),
            key(
                "cache",
                Named(&Of("cache_rule")),
                Unset("nothing is kept"),
                "what is kept: a method and a path, with `*` for any rest; the first match wins",
            ),
            key(
                "pops",
                Count,
                Unset("1, or one in each of `zones`"),
                "places with a store of their own; a person stays with one: with `zones`, one of the nearest",
            ),
            key(
                "purge_delay",
                Times,
                Unset("at once"),
                "until a purge (`flush`) has reached a place, drawn for each and for the shield",
            ),
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
            STALE_IF_ERROR,
            STALE_WHILE_REVALIDATE,
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
            key("ttl", Times, Required, "how long a copy is fresh, drawn for each: 5m±10%"),
            key("error_ttl", Duration, Unset("the CDN's"), "how long an error of the origin is remembered"),
            key("stale_if_error", Duration, Unset("the CDN's"), "as at the CDN, for these endpoints"),
            key("stale_while_revalidate", Duration, Unset("the CDN's"), "as at the CDN, for these endpoints"),
            key(
                "key",
                Name("entity"),
                Unset("one object for each endpoint"),
                "the entity: one object for each row",
            ),
        ],
    },
    super::Block {
        name: "cdn_route",
        about: "Another origin of some endpoints.",
        keys: &[
            key("path", Text, Required, "a path, with `*` for any rest"),
            key("method", Text, Unset("any"), "a method"),
            key("to", Name("component"), Required, "the origin"),
        ],
    },
];
