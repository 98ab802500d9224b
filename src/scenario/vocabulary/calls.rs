//! Keys of what a caller does while it waits.

use super::Absent::{Is, Unset, Unverified};
use super::Block;
use super::Takes::{Count, Duration, Either, List, Number, Share, Text, Word};
use super::shared::key;

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "retry",
        about: "Repetition of failed attempts.",
        keys: &[
            key("attempts", Count, Unverified("3"), "attempts in all, the first included"),
            key("backoff", Text, Is("0s"), "pause before a retry: base..cap, such as 50ms..2s"),
            key("multiplier", Number, Is("2"), "growth of the pause with each retry"),
            key(
                "jitter",
                Word(&["none", "full", "equal", "decorrelated"]),
                Is("none"),
                "how the pause is spread",
            ),
            key("budget", Share, Unset("without limit"), "retries at most, as a share of first attempts"),
            key(
                "on",
                Either(&[Text, List(&Text)]),
                Is("[timeout, 5xx, connect]"),
                "what is repeated: timeout, connect, 5xx, or statuses such as 503",
            ),
        ],
    },
    Block {
        name: "breaker",
        about: "A circuit breaker for each caller instance, with resilience4j's rules and defaults.",
        keys: &[
            key("calls", Count, Is("100"), "the window: the last so many calls"),
            key("window", Duration, Unset("see `calls`"), "the window: the last so long"),
            key("minimum", Count, Unset("`calls`"), "calls without which nothing is decided"),
            key("failures", Share, Is("50%"), "share of failures that opens it"),
            key("slow", Duration, Is("60s"), "a call that takes longer is slow"),
            key("slow_share", Share, Is("100%"), "share of slow calls that opens it"),
            key("open", Duration, Is("60s"), "time until calls are tried again"),
            key("half_open", Count, Is("10"), "calls that may try"),
        ],
    },
];
