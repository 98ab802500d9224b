//! Keys of caches and of the steps about copies of rows.

use super::Absent::{Is, Required, Unset, Unverified};
use super::KeyEntry;
use super::Takes::{
    Bandwidth, Block, Count, Duration, Either, Flag, List, Name, Named, Number, Share, Size, Text, Times,
    Word,
};
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
const GUARD: KeyEntry = key(
    "guard",
    Word(&["none", "version"]),
    Is("none"),
    "version: an older version never takes the place of a newer one, and what is taken out leaves its version behind for 10s",
);
const DELAY: KeyEntry =
    key("delay", Times, Unset("waited for"), "until caches hear of it, for which nobody waits");
const LOST: KeyEntry = key("lost", Share, Is("0%"), "the share of such messages that are lost");
const AGAIN_AFTER: KeyEntry =
    key("again_after", Times, Unset("once"), "after which caches are told once more (delayed double delete)");
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
            key(
                "read_through",
                Named(&Text),
                Unset("its callers fetch"),
                "the query by which it fetches by itself what it does not have, by entity: {post: db.feed(post)}; who asks meanwhile waits along",
            ),
            key(
                "negative_ttl",
                Times,
                Unset("is not remembered"),
                "how long it remembers that a row which it fetched does not exist (see `absent` of an entity)",
            ),
            key(
                "change_feed",
                Named(&Block("change_feed")),
                Unset("hears of no commits"),
                "entities whose copies it takes out when it hears of a commit from the database's log",
            ),
            key(
                "persistence",
                Block("persistence"),
                Unset("all is lost"),
                "what a restart of a node brings back",
            ),
            key(
                "replication",
                Block("replication"),
                Unset("no replicas"),
                "copies of each node, one of which takes its place when it is lost",
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
            key(
                "change_feed",
                Block("change_feed"),
                Unset("hears of no commits"),
                "each instance takes its copy out when it hears of a commit from the database's log",
            ),
        ],
    },
    super::Block {
        name: "change_feed",
        about: "How messages about commits come (change data capture): in the order of the commits.",
        keys: &[
            key("delay", Times, Unset("at once"), "from the commit to the message"),
            key("lost", Share, Is("0%"), "the share of messages that are lost, at each instance by itself"),
        ],
    },
    super::Block {
        name: "persistence",
        about: "What of a cache's node is on disk.",
        keys: &[
            key("snapshot", Duration, Unset("never"), "from one snapshot of all items to the next (RDB)"),
            key(
                "append_only",
                Word(&["no", "everysec", "always"]),
                Is("no"),
                "whether writes are logged, and when the log is forced to disk (AOF): everysec loses what came after the last whole second",
            ),
            key("fork", Duration, Is("0s"), "how long nothing is served when a snapshot begins"),
            key(
                "load",
                Bandwidth,
                Unset("takes no time"),
                "how fast a node that starts reads back what it had; it answers 503 meanwhile",
            ),
        ],
    },
    super::Block {
        name: "replication",
        about: "Asynchronous copies of each node of a cache.",
        keys: &[
            key("replicas", Count, Is("1"), "copies of each node; each promotion uses one up"),
            key("lag", Duration, Unverified("1ms"), "how far they are behind: what is lost with a master"),
            key(
                "failover",
                Duration,
                Is("15s"),
                "from the end of a node to the promotion of its replica (Redis Cluster's node timeout)",
            ),
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
                    "how long after its `ttl` an item is still served, while one call fetches it anew in the background (stale-while-revalidate)",
                ),
                key(
                    "refresh_ahead",
                    Either(&[Duration, Share]),
                    Unset("not before its time"),
                    "the last part of its `ttl`, in which a hit fetches it anew in the background: 15s, 20% (Caffeine's refreshAfterWrite is the part before)",
                ),
                key(
                    "early",
                    Number,
                    Is("0"),
                    "how eagerly readers fetch it anew before its time, by lot: the beta of XFetch, 1 in theory (Vattani et al. 2015)",
                ),
                key(
                    "stale_if_error",
                    Duration,
                    Is("0s"),
                    "how long after its `ttl` an item is served if fetching it anew fails, as a degraded answer",
                ),
                key(
                    "negative_ttl",
                    Times,
                    Unset("is not remembered"),
                    "how long it is remembered that a row does not exist (see `absent` of an entity)",
                ),
                key(
                    "error_ttl",
                    Times,
                    Unset("is not remembered"),
                    "how long an error of fetching is remembered, which is then the answer",
                ),
                GUARD,
                key(
                    "coalesce",
                    Word(&["none", "instance", "lease"]),
                    Is("none"),
                    "who fetches what several want at once: each, one at each instance, or one in all by a lease",
                ),
                key(
                    "miss",
                    Either(&[Text, STEPS]),
                    Unset("the last cache fetches (`read_through`)"),
                    "how it is fetched: db.feed(post), or steps",
                ),
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
            [key("to", Name("cache"), Required, "the cache, or `local`"), KEY, TTL, GUARD, ON_ERROR,],
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
                GUARD,
                DELAY,
                LOST,
                AGAIN_AFTER,
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
        keys: with_call_options!([IN, KEY, GUARD, DELAY, LOST, AGAIN_AFTER, ON_ERROR,], []),
    },
];
