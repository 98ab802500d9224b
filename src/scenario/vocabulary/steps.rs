//! Keys of what an endpoint does.

use super::Absent::{Is, Required, Unset};
use super::Takes::{Bandwidth, Count, Duration, Either, Flag, List, Name, Share, Sizes, Text, Times, Word};
use super::shared::{DEADLINE, RETRY, STEPS, TIMEOUT, key, with_call_options, with_guards};
use super::{Block, KeyEntry, Takes};

pub(super) const ON_ERROR: KeyEntry =
    key("on_error", STEPS, Unset("the error is passed on"), "steps that run instead of passing an error on");
pub(super) const FALLBACK: KeyEntry = key(
    "fallback",
    STEPS,
    Unset("the error is passed on"),
    "as `on_error`, and the answer counts as degraded",
);

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "step",
        about: "One verb with its options.",
        keys: with_guards!(
            [
                key("cpu", Times, Unset("-"), "work on the instance's cores: ~8ms"),
                key("sleep", Times, Unset("-"), "time that holds the worker and no core"),
                key("io", Times, Unset("-"), "time on a disk token"),
                key(
                    "query",
                    Text,
                    Unset("-"),
                    "a query about a row of an entity: db.feed(post); `new` inserts one",
                ),
                key(
                    "times",
                    Count,
                    Is("1"),
                    "of `query`: so often, one after the other (what an object mapper does for each row of a list)"
                ),
                key(
                    "call",
                    Takes::Block("call"),
                    Unset("-"),
                    "a request to another service or load balancer"
                ),
                key("parallel", Takes::Block("parallel"), Unset("-"), "several lists of steps at once"),
                key("if", Takes::Block("if"), Unset("-"), "one way or the other"),
                key("lock", Takes::Block("lock"), Unset("-"), "steps under the lock of the request's row"),
                key(
                    "transaction",
                    Takes::Block("transaction"),
                    Unset("-"),
                    "statements that a database commits together, over one connection that keeps their row locks"
                ),
                key(
                    "saga",
                    List(&Takes::Block("saga")),
                    Unset("-"),
                    "steps that are undone, the last first, if a later one fails: no locks in between"
                ),
                key("receive", Either(&[Sizes, Takes::Block("receive")]), Unset("-"), "reading a body"),
                key(
                    "reply",
                    Either(&[Count, Sizes, Takes::Block("reply")]),
                    Unset("-"),
                    "the answer: a status, a size, or both",
                ),
                key("send", Takes::Block("send"), Unset("-"), "a message to a queue"),
                key("cached", Takes::Block("cached"), Unset("-"), "a row through caches"),
                key("get", Takes::Block("get"), Unset("-"), "a row from a cache"),
                key("put", Takes::Block("put"), Unset("-"), "a row into a cache"),
                key("write", Takes::Block("write"), Unset("-"), "a row that has copies"),
                key("invalidate", Takes::Block("invalidate"), Unset("-"), "a row out of caches"),
                ON_ERROR,
                FALLBACK,
                TIMEOUT,
                DEADLINE,
                RETRY,
                key(
                    "cancel",
                    Either(&[Flag, Word(&["running"])]),
                    Unset("-"),
                    "whether giving up reaches the server: its lines, or also its `running` work",
                ),
            ],
            []
        ),
    },
    Block {
        name: "call",
        about: "A request to another service or load balancer.",
        keys: with_call_options!(
            [
                key("to", Name("component"), Required, "whom"),
                key("endpoint", Text, Unset("the first one"), "what for"),
                key("size", Sizes, Unset("nothing"), "bytes sent along"),
            ],
            [ON_ERROR, FALLBACK,]
        ),
    },
    Block {
        name: "parallel",
        about: "Several lists of steps at once.",
        keys: &[
            key(
                "wait",
                Either(&[Word(&["all", "any"]), Count]),
                Is("all"),
                "how many must succeed before the next step",
            ),
            key("steps", List(&STEPS), Required, "the lists: [[...], [...]]"),
            ON_ERROR,
            FALLBACK,
        ],
    },
    Block {
        name: "if",
        about: "One way or the other, by `p`, by `header` or by `load`.",
        keys: &[
            key("p", Share, Unset("see `header`"), "probability of `then`"),
            key("header", Text, Unset("see `p`"), "a header and its value: \"x-beta: 1\""),
            key(
                "load",
                Share,
                Unset("see `p`"),
                "`then` is taken while more is in hand than this: requests per worker, or jobs per core where nothing limits workers; what it serves counts as degraded",
            ),
            key("then", STEPS, Unset("nothing"), "steps if so"),
            key("else", STEPS, Unset("nothing"), "steps if not"),
        ],
    },
    Block {
        name: "lock",
        about: "Steps under the lock of the request's row.",
        keys: &[
            key("row", Name("entity"), Required, "the entity"),
            key("steps", STEPS, Unset("nothing"), "the steps"),
        ],
    },
    Block {
        name: "transaction",
        about: "Statements that a database commits together: a connection and row locks are held from the first to the commit.",
        keys: &[
            key("in", Name("component"), Required, "the database"),
            key("steps", STEPS, Required, "what is done before the commit, in this order"),
            key(
                "attempts",
                Count,
                Is("1"),
                "attempts in all, where the database itself rolled it back: a deadlock, a lock timeout, a shard that could not commit",
            ),
            key(
                "backoff",
                Text,
                Unset("no pause"),
                "pause before another attempt, uniform between nothing and the first time, doubled each time up to the second: 10ms..1s",
            ),
        ],
    },
    Block {
        name: "saga",
        about: "A step of a saga and what undoes it.",
        keys: &[
            key("steps", STEPS, Required, "what is done"),
            key("undo", STEPS, Unset("nothing to undo"), "what undoes it, if a later step fails"),
        ],
    },
    Block {
        name: "receive",
        about: "Reading a body.",
        keys: &[
            key("size", Sizes, Required, "bytes"),
            key("at", Bandwidth, Unset("takes no time"), "the client's uplink"),
        ],
    },
    Block {
        name: "reply",
        about: "The answer.",
        keys: &[
            key("status", Count, Is("200"), "its status; from 400 on it is an error"),
            key("size", Sizes, Unset("nothing"), "bytes"),
            key("retry_after", Duration, Unset("not said"), "when to come again, for an error"),
        ],
    },
];
