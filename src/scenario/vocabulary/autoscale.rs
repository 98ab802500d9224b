//! Keys of autoscaling.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Cores, Count, Duration, Either, Flag, Share, Text, Times, Word};
use super::shared::key;
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "autoscale",
        about: "How many instances there are, decided from what was measured; without a preset these are Kubernetes' defaults.",
        keys: &[
            key("preset", Text, Unset("none"), "a product's defaults: k8s-hpa, aws-target-tracking"),
            key(
                "kind",
                Word(&["hpa", "target_tracking"]),
                Is("hpa"),
                "Kubernetes' horizontal pod autoscaler, or AWS target tracking",
            ),
            key(
                "metric",
                Word(&["cpu", "in_flight", "utilisation"]),
                Is("cpu"),
                "the mean over the instances of: cores in use / `requested`, requests in hand, workers in use / workers",
            ),
            key("target", Either(&[Share, Count]), Required, "the value aimed at; a count for `in_flight`"),
            key("requested", Cores, Unset("`cpu`"), "cores that an instance requests"),
            key("min", Count, Is("1"), "fewest instances; so many start if `instances` is not written"),
            key("max", Count, Required, "most instances"),
            key(
                "sync",
                Duration,
                Is("15s"),
                "from decision to decision of `hpa`; `target_tracking` decides at each datapoint",
            ),
            key(
                "scrape",
                Duration,
                Unset("15s; 60s for target_tracking"),
                "the window that the metric is a mean of",
            ),
            key("lag", Duration, Unverified("0s"), "from the end of a window until it is seen"),
            key("tolerance", Share, Is("10%"), "deviation from the target for which `hpa` does nothing"),
            key(
                "initialisation",
                Duration,
                Is("5m"),
                "so long after its start a pod counts only with a window that began when it was ready",
            ),
            key(
                "up",
                Takes::Block("scaling"),
                Unset("at once, by 100 % or 4 pods in 15 s"),
                "how fast `hpa` scales up",
            ),
            key(
                "down",
                Takes::Block("scaling"),
                Unset("after 300 s, by 100 % in 15 s"),
                "how fast `hpa` scales down",
            ),
            key("out_after", Count, Unverified("3"), "datapoints in a row above the target that scale out"),
            key("in_after", Count, Unverified("15"), "datapoints in a row below `low` that scale in"),
            key("low", Share, Unverified("90%"), "share of the target below which a datapoint is low"),
            key("out_cooldown", Duration, Is("0s"), "after a change, until the next scale-out"),
            key("in_cooldown", Duration, Is("300s"), "after a change, until the next scale-in"),
            key("disable_scale_in", Flag, Is("false"), "whether target tracking never scales in"),
            key(
                "warm_up",
                Duration,
                Is("300s"),
                "so long an instance that serves does not count yet in target tracking",
            ),
            key(
                "boot",
                Times,
                Unverified("30s"),
                "from start to serving, with the wait for a node if there is one",
            ),
            key(
                "grace",
                Duration,
                Unverified("30s"),
                "time in which running work may end in an instance that is taken out",
            ),
        ],
    },
    Block {
        name: "scaling",
        about: "How fast the number of pods may change in one direction: the larger of the two limits holds.",
        keys: &[
            key(
                "stabilisation",
                Duration,
                Unset("0s up, 300s down"),
                "the least (up) or largest (down) wish of so long holds",
            ),
            key("percent", Share, Is("100%"), "pods per period, as a share of those there were"),
            key("pods", Count, Unset("4 up, none down"), "pods per period"),
            key("period", Duration, Is("15s"), "the period"),
        ],
    },
];
