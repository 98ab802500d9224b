//! Keys of caches and of the steps about copies of rows.

use super::Absent::{Is, Required, Unset, Unverified};
use super::KeyEntry;
use super::Takes::{Block, Count, Duration, Either, Flag, List, Name, Named, Size, Text, Times, Word};
use super::shared::{STEPS, ZONES, key, with_call_options};

pub(super) const MEMORY: KeyEntry =
    key("memory", Size, Unset("without limit"), "bytes that a node holds, overhead included");
pub(super) const MAX_ITEMS: KeyEntry = key("max", Count, Unset("without limit"), "items that a node holds");
pub(super) const EVICTION: KeyEntry = key(
    "eviction",
    Word(&[
        "lru",
        "sampled-lru",
        "lfu",
        "sampled-lfu",
        "fifo",
        "clock",
        "random",
        "slru",
        "segmented-lru",
        "2q",
        "arc",
        "w-tinylfu",
        "s3-fifo",
        "sieve",
        "noeviction",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "memcached",
        "caffeine",
    ]),
    Is("lru"),
    "what gives way when it is full; noeviction: writes fail",
);
const TTL: KeyEntry = key(
    "ttl",
    Times,
    Unset("until it gives way"),
    "how long an item is kept from its writing on: 60s, 60s±10%; a step may say otherwise",
);
const KEY: KeyEntry =
    key("key", Name("entity"), Required, "the entity: the copy is of the request's own row");
const ON_ERROR: KeyEntry = key(
    "on_error",
    Word(&["miss", "fail"]),
    Is("miss"),
    "whether an error or timeout of the cache is as if it had nothing, or an error of the endpoint",
);
const IN: KeyEntry = key(
    "in",
    Either(&[Name("cache"), List(&Name("cache"))]),
    Required,
    "the caches, the nearest first; `local` is the instance's own",
);

pub(super) const BLOCKS: &[super::Block] = &[
    super::Block {
        name: "cache",
        about: "Keeps copies of rows on nodes whose commands are served one after the other.",
        keys: &[
            key("kind", Word(&["cache"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: redis, memcached, ...",
            ),
            ZONES,
            key("nodes", Count, Is("1"), "how many there are; a node that restarts is empty"),
            key(
                "placement",
                Word(&["ring", "slots", "modulo"]),
                Is("ring"),
                "which node keeps which key: consistent hashing, Redis Cluster's slots, or hash modulo the living",
            ),
            MEMORY,
            MAX_ITEMS,
            key("overhead", Size, Is("56B"), "bytes that an item takes beside its value"),
            EVICTION,
            TTL,
            key(
                "warm",
                Named(&Count),
                Unset("nothing"),
                "what it holds at the start: so many of the hottest rows, by entity",
            ),
            key("active_expiry", Flag, Is("false"), "whether dead items are looked for, ten times a second"),
            key(
                "write_back",
                Block("write_back"),
                Unset("its defaults"),
                "how writes with `policy: back` get to the store",
            ),
            key("op_cost", Times, Unset("takes no time"), "core time of a command"),
            key("threads", Count, Is("1"), "commands that a node serves at once, each on a core"),
            key(
                "max_connections",
                Count,
                Unset("without limit"),
                "connections that each node accepts, counted over all of them; beyond it: an error",
            ),
        ],
    },
    super::Block {
        name: "local_cache",
        about: "A cache inside each instance, lost with it.",
        keys: &[
            key("preset", Text, Unset("none"), "a library whose defaults hold: caffeine, guava-lru"),
            MEMORY,
            MAX_ITEMS,
            key("overhead", Size, Is("0B"), "bytes that an item takes beside its value"),
            EVICTION,
            TTL,
        ],
    },
    super::Block {
        name: "cached",
        about: "Reads a row through caches; what they do not have is fetched and kept in each.",
        keys: with_call_options!(
            [
                IN,
                KEY,
                TTL,
                key(
                    "swr",
                    Duration,
                    Is("0s"),
                    "how long after its `ttl` a shared cache still serves an item, while one call fetches it anew in the background (stale-while-revalidate)",
                ),
                key(
                    "coalesce",
                    Word(&["none", "instance", "lease"]),
                    Is("none"),
                    "who fetches what several want at once: each, one at each instance, or one in all by a lease",
                ),
                key("miss", Either(&[Text, STEPS]), Required, "how it is fetched: db.feed(post), or steps"),
                ON_ERROR,
            ],
            []
        ),
    },
    super::Block {
        name: "get",
        about: "Reads a cache.",
        keys: with_call_options!(
            [
                key("from", Name("cache"), Required, "the cache, or `local`"),
                KEY,
                key("on_miss", STEPS, Unset("nothing"), "what is done if it does not have the row"),
                ON_ERROR,
            ],
            []
        ),
    },
    super::Block {
        name: "put",
        about: "Writes to a cache the version of the row that the endpoint has read or written last.",
        keys: with_call_options!(
            [key("to", Name("cache"), Required, "the cache, or `local`"), KEY, TTL, ON_ERROR,],
            []
        ),
    },
    super::Block {
        name: "write_back",
        about: "How acknowledged writes get to the store.",
        keys: &[
            key(
                "flush",
                Duration,
                Unverified("1s"),
                "from the first write to its writing back: what a crash loses",
            ),
            key("batch", Count, Unverified("100"), "rows at once; so many waiting are written without delay"),
        ],
    },
    super::Block {
        name: "write",
        about: "Writes a row that has copies.",
        keys: with_call_options!(
            [
                key("to", Text, Required, "the query that writes: db.set_avatar(user)"),
                IN,
                KEY,
                key(
                    "policy",
                    Word(&["aside", "through", "around", "back"]),
                    Is("aside"),
                    "the store, and take copies out; the store, and write copies; the store alone; the cache, which writes back",
                ),
                TTL,
                key(
                    "on_error",
                    Word(&["miss", "fail"]),
                    Unset("fail for through and back, else miss"),
                    "whether an error of the cache is an error of the endpoint",
                ),
            ],
            []
        ),
    },
    super::Block {
        name: "invalidate",
        about: "Takes a row out of caches; `local` is only the instance's own.",
        keys: with_call_options!([IN, KEY, ON_ERROR,], []),
    },
];
