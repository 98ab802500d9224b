//! Keys of what a caller does while it waits.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Count, Duration, Either, Flag, List, Number, Rate, Share, Text, Word};
use super::shared::key;
use super::{Block, Takes};

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
                Word(&["none", "full", "equal", "decorrelated", "20%", "50%"]),
                Is("none"),
                "how the pause is spread; 20% and 50%: around it, as gRPC and resilience4j do",
            ),
            key(
                "budget",
                Either(&[
                    Share,
                    Word(&["aws", "aws-2.1", "grpc", "finagle", "envoy", "envoy-budget", "google-sre"]),
                    Takes::Block("budget"),
                ]),
                Unset("without limit"),
                "retries at most: a share of first attempts, or a product's rule",
            ),
            key(
                "on",
                Either(&[Text, List(&Text)]),
                Is("[timeout, 5xx, connect]"),
                "what is repeated: timeout, connect, 5xx, or statuses such as 503",
            ),
            key(
                "honour_retry_after",
                Flag,
                Is("false"),
                "whether a pause is at least what the answer asks for",
            ),
            key(
                "non_idempotent",
                Flag,
                Unset("they are"),
                "whether POST, PATCH and writing queries are repeated once they were sent",
            ),
            key(
                "idempotency_key",
                Flag,
                Is("false"),
                "whether a key tells the callee what is a repetition: then all calls are repeated as idempotent ones are",
            ),
            key("preset", Text, Unset("none"), "a product, whose rules hold where nothing is written"),
        ],
    },
    Block {
        name: "budget",
        about: "A product's retry budget with other numbers; each caller instance has its own.",
        keys: &[
            key(
                "form",
                Word(&["aws", "aws-2.1", "grpc", "finagle", "envoy", "envoy-budget", "google-sre"]),
                Required,
                "whose rule",
            ),
            key("tokens", Count, Unset("500; grpc 10"), "aws, grpc: tokens at first and at most"),
            key("error", Count, Unset("5; aws-2.1 14"), "aws: what a retry after an error costs"),
            key("timeout", Count, Unset("10; aws-2.1 14"), "aws: what a retry after a timeout costs"),
            key("throttled", Count, Unset("5"), "aws: what a retry after throttling costs"),
            key("success", Count, Unset("1"), "aws: what a success without retry brings"),
            key(
                "share",
                Share,
                Unset("grpc, google-sre 10%; finagle, envoy-budget 20%"),
                "retries by request, or for grpc tokens by success",
            ),
            key("rate", Rate, Unset("10/s"), "finagle: retries beyond that share"),
            key("window", Duration, Unset("finagle 10s; google-sre 2m"), "over how long the share is taken"),
            key("concurrent", Count, Unset("3"), "envoy: retries under way at once"),
        ],
    },
    Block {
        name: "throttle",
        about: "Adaptive throttling: an attempt is not made with probability (requests - k accepts) / (requests + 1).",
        keys: &[
            key("k", Number, Is("2"), "requests that are sent for each that is accepted"),
            key("window", Duration, Is("2m"), "over how long both are counted"),
        ],
    },
    Block {
        name: "bulkhead",
        about: "At most so many calls under way from an instance at this place, with resilience4j's defaults.",
        keys: &[
            key("concurrent", Count, Is("25"), "so many"),
            key("wait", Duration, Unset("0s; without limit if there is a queue"), "longest wait for a place"),
            key("queue", Count, Unset("without limit if there is a wait"), "who may wait"),
        ],
    },
    Block {
        name: "hedge",
        about: "Copies of what is late; the first good answer counts, the others are given up.",
        keys: &[
            key(
                "after",
                Either(&[Duration, Text]),
                Required,
                "how late: a time, or a percentile such as p95",
            ),
            key("max", Count, Is("2"), "copies of an attempt in all, itself included"),
            key("budget", Share, Unset("without limit"), "copies at most, as a share of attempts"),
            key(
                "non_idempotent",
                Flag,
                Is("false"),
                "whether POST, PATCH and writing queries are copied too",
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
            key("slow", Either(&[Duration, Word(&["never"])]), Is("60s"), "a call that takes longer is slow"),
            key("slow_share", Share, Is("100%"), "share of slow calls that opens it"),
            key("open", Duration, Is("60s"), "time until calls are tried again"),
            key("half_open", Count, Is("10"), "calls that may try"),
            key("preset", Text, Unset("none"), "a product, whose rules hold where nothing is written"),
        ],
    },
];
