//! Keys of what a service does against more work than it can do.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Count, Duration, Factor, Flag, Number, Rate, Share, Times};
use super::shared::key;
use super::{Block, KeyEntry, Takes};

const RETRY_AFTER: KeyEntry = key(
    "retry_after",
    Duration,
    Unset("the service's"),
    "when those it turns away may come again (`Retry-After`)",
);

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "shed",
        about: "Who is taken out of the line for a worker, so that others are served in time.",
        keys: &[
            key(
                "codel",
                Takes::Block("codel"),
                Unset("off"),
                "ever more of those whose turn comes, while the wait stays above a target (RFC 8289)",
            ),
            key(
                "adaptive_lifo",
                Takes::Block("adaptive_lifo"),
                Unset("off"),
                "last come, first served while the line stands, and those who wait too long (Facebook)",
            ),
            key("max_age", Duration, Unset("off"), "whoever has waited longer when its turn comes"),
            key(
                "lowest_first",
                Flag,
                Is("false"),
                "in a full `backlog`, the last one of the lowest class, for a newcomer above it (`discipline: priority`)",
            ),
            RETRY_AFTER,
        ],
    },
    Block {
        name: "codel",
        about: "Controlled delay of RFC 8289.",
        keys: &[
            key("target", Duration, Is("5ms"), "a wait that is still good"),
            key("interval", Duration, Is("100ms"), "how long waits must be worse before one is dropped"),
        ],
    },
    Block {
        name: "adaptive_lifo",
        about: "Fail at Scale (Maurer 2015): a line stands when it has not been empty for long.",
        keys: &[
            key("standing", Duration, Is("5ms"), "longest wait of whoever joins a line that stands"),
            key(
                "usual",
                Duration,
                Is("100ms"),
                "longest wait otherwise; not empty for so long, the line stands",
            ),
        ],
    },
    Block {
        name: "concurrency",
        about: "The limit on requests in hand at an instance, and the one rule that it follows.",
        keys: &[
            key("fixed", Count, Unset("another rule"), "it never moves"),
            key(
                "aimd",
                Takes::Block("aimd"),
                Unset("another rule"),
                "additive increase, multiplicative decrease (Netflix)",
            ),
            key(
                "vegas",
                Takes::Block("vegas"),
                Unset("another rule"),
                "by the queue estimated from the least response time (Netflix)",
            ),
            key(
                "gradient",
                Takes::Block("gradient"),
                Unset("another rule"),
                "by the ratio of usual to present response times (Netflix Gradient2)",
            ),
            key(
                "envoy",
                Takes::Block("envoy"),
                Unset("another rule"),
                "by the ratio of a measured least response time to present ones (Envoy)",
            ),
            RETRY_AFTER,
        ],
    },
    Block {
        name: "aimd",
        about: "One more after each good answer, a tenth less after one that was dropped or too slow.",
        keys: &[
            key("initial", Count, Is("20"), "the limit at first"),
            key("min", Count, Is("20"), "its least value"),
            key("max", Count, Is("200"), "its largest value"),
            key("backoff", Share, Is("90%"), "what is left of it after a bad answer"),
            key("timeout", Duration, Is("5s"), "a slower answer is a bad one"),
        ],
    },
    Block {
        name: "vegas",
        about: "TCP Vegas for requests.",
        keys: &[
            key("initial", Count, Is("20"), "the limit at first"),
            key("max", Count, Is("1000"), "its largest value"),
        ],
    },
    Block {
        name: "gradient",
        about: "Netflix's Gradient2.",
        keys: &[
            key("initial", Count, Is("20"), "the limit at first"),
            key("min", Count, Is("20"), "its least value"),
            key("max", Count, Is("200"), "its largest value"),
            key("queue", Count, Is("4"), "requests allowed to wait beyond what the gradient says"),
            key("smoothing", Share, Is("20%"), "how far each answer moves the limit"),
            key("tolerance", Factor, Is("1.5x"), "how much slower than usual is still good"),
            key("window", Count, Is("600"), "answers over which the usual time is averaged"),
        ],
    },
    Block {
        name: "envoy",
        about: "Envoy's gradient controller.",
        keys: &[
            key("min", Count, Is("3"), "the least limit, also while measuring"),
            key("max", Count, Is("1000"), "the largest limit"),
            key("every", Duration, Unverified("100ms"), "how often the limit is set"),
            key(
                "measure_every",
                Duration,
                Unverified("60s"),
                "how often the least response time is measured",
            ),
            key("measure_requests", Count, Is("50"), "answers that measure it"),
            key("jitter", Share, Is("15%"), "by how much the next measurement may be later"),
            key("buffer", Share, Is("25%"), "how much slower than the least time is still good"),
            key("percentile", Share, Is("50%"), "which percentile of the response times counts"),
        ],
    },
    Block {
        name: "admission",
        about: "Envoy's admission control: the fewer succeed, the more are refused.",
        keys: &[
            key("window", Duration, Is("30s"), "how far back results count"),
            key("threshold", Share, Is("95%"), "share of successes below which requests are refused"),
            key("aggression", Number, Is("1"), "how steeply refusals rise; 1 is linear"),
            key("max_rejection", Share, Is("80%"), "the largest share that is refused"),
            key("least_rate", Rate, Is("0/s"), "a rate below which nothing is refused"),
            RETRY_AFTER,
        ],
    },
    Block {
        name: "cold_start",
        about: "A worker that is needed and not there starts for its request; of those that are idle the last one is used first.",
        keys: &[
            key("takes", Times, Required, "how long a start takes, in which the worker is held"),
            key("idle", Duration, Unverified("10m"), "how long an idle worker stays"),
        ],
    },
    Block {
        name: "warm",
        about: "An instance that has begun is slow at first, and comes down evenly to its usual times.",
        keys: &[
            key("slowdown", Factor, Unverified("3x"), "times as long at first"),
            key("over", Duration, Unverified("60s"), "until it is as fast as usual"),
        ],
    },
];
