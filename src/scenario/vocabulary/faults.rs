//! Keys of what goes wrong.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Count, Duration, Either, Factor, Flag, List, Name, Share, Text, Times};
use super::shared::{AIM, key};
use super::{Block, KeyEntry, Takes};

const FOR: KeyEntry = key("for", Duration, Unset("to the end"), "how long it lasts");
const TARGET: KeyEntry =
    key("target", AIM, Required, "a component, an instance such as app[0], or a list of them");
const GRACE: KeyEntry = key("grace", Duration, Unverified("30s"), "time in which running work may end");
const BOOT: KeyEntry = key("boot", Duration, Unverified("30s"), "time until it serves again");

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "fault",
        about: "What goes wrong: one verb, when, and for how long.",
        keys: &[
            key(
                "at",
                Either(&[Duration, List(&Duration)]),
                Unset("see `mtbf`"),
                "when it begins, once or several times",
            ),
            FOR,
            key(
                "restart_after",
                Duration,
                Unset("`for`"),
                "how long what was killed is gone; an autoscaler replaces what stays gone",
            ),
            key(
                "mtbf",
                Duration,
                Unset("not at random"),
                "mean time between failures of each target by itself",
            ),
            key("mttr", Duration, Unset("not at random"), "mean time to repair"),
            key(
                "kill",
                Either(&[Text, List(&Text), Takes::Block("kill")]),
                Unset("-"),
                "the process dies: what it had is lost, connections are refused",
            ),
            key(
                "restart",
                Either(&[Text, List(&Text), Takes::Block("restart")]),
                Unset("-"),
                "ends in order and starts again",
            ),
            key(
                "hang",
                Either(&[Text, List(&Text), Takes::Block("hang")]),
                Unset("-"),
                "accepts and never answers",
            ),
            key("slow", Takes::Block("slow"), Unset("-"), "all work takes so many times as long"),
            key(
                "errors",
                Takes::Block("errors"),
                Unset("-"),
                "calls are answered with an error, without work",
            ),
            key("latency", Takes::Block("latency"), Unset("-"), "messages to and from it take longer"),
            key("lag", Takes::Block("lag"), Unset("-"), "replicas apply nothing that is not so old"),
            key("loss", Takes::Block("loss"), Unset("-"), "messages to and from it lose a segment"),
            key(
                "partition",
                Either(&[Text, List(&Text), Takes::Block("partition")]),
                Unset("-"),
                "no message between two: [app, db], or one way",
            ),
            key("zone_down", Text, Unset("-"), "every instance of a zone is gone, and nothing is refused"),
            key(
                "deploy",
                Either(&[Text, List(&Text), Takes::Block("deploy")]),
                Unset("-"),
                "a new version, instance by instance",
            ),
            key("hot_key", Takes::Block("hot_key"), Unset("-"), "one row gets a share of the requests"),
            key("shift", Takes::Block("shift"), Unset("-"), "a lost region's clients come here as well"),
            key("flush", AIM, Unset("-"), "what a cache stores is gone"),
            key("reset", AIM, Unset("-"), "all idle connections to it close at once: a connection storm"),
        ],
    },
    Block {
        name: "kill",
        about: "A process that dies.",
        keys: &[TARGET, key("restart_after", Duration, Unset("`for`"), "how long it is gone"), FOR],
    },
    Block { name: "restart", about: "An orderly restart.", keys: &[TARGET, GRACE, BOOT, FOR] },
    Block { name: "hang", about: "A process that accepts and never answers.", keys: &[TARGET, FOR] },
    Block {
        name: "slow",
        about: "Work that takes longer.",
        keys: &[TARGET, key("by", Factor, Is("2x"), "how many times as long"), FOR],
    },
    Block {
        name: "errors",
        about: "Answers that are errors.",
        keys: &[
            TARGET,
            key("share", Share, Is("100%"), "how many of the calls"),
            key("status", Count, Is("500"), "the status, 400 to 599"),
            key(
                "retry_after",
                Duration,
                Unset("not said"),
                "when to come again: 503 with it is a maintenance page",
            ),
            FOR,
        ],
    },
    Block {
        name: "latency",
        about: "Messages that take longer.",
        keys: &[TARGET, key("by", Times, Required, "added to each message"), FOR],
    },
    Block {
        name: "lag",
        about: "Replicas that are behind.",
        keys: &[TARGET, key("by", Duration, Is("10s"), "how old what they apply must be"), FOR],
    },
    Block {
        name: "loss",
        about: "Messages that lose a segment.",
        keys: &[TARGET, key("share", Share, Is("1%"), "how many of them"), FOR],
    },
    Block {
        name: "partition",
        about: "A cut between two groups.",
        keys: &[
            key("from", AIM, Required, "who cannot send"),
            key("to", AIM, Required, "who cannot receive"),
            key("one_way", Flag, Is("false"), "whether the other direction works"),
            FOR,
        ],
    },
    Block {
        name: "deploy",
        about: "A rolling update, as Kubernetes does it; its own default is a surge of 25 %.",
        keys: &[
            TARGET,
            key(
                "max_surge",
                Share,
                Is("0%"),
                "new instances that may be there beside the fleet, rounded up; 0%: each restarts in its place",
            ),
            key(
                "ready",
                Flag,
                Is("true"),
                "whether the new version ever becomes ready; if not, the rollout stops",
            ),
            key("max_unavailable", Share, Is("25%"), "instances that may be out at once"),
            GRACE,
            BOOT,
            key("errors", Share, Is("0%"), "the share of the new version's answers that are errors"),
            key("slow", Factor, Is("1x"), "how many times as long the new version's work takes"),
            FOR,
        ],
    },
    Block {
        name: "hot_key",
        about: "A celebrity.",
        keys: &[
            key("data", Name("entity"), Required, "of which entity"),
            key("share", Share, Is("100%"), "the share of requests that are about one row"),
            FOR,
        ],
    },
    Block {
        name: "shift",
        about: "Traffic of a lost region.",
        keys: &[
            key("target", Text, Required, "the client population"),
            key("by", Factor, Is("2x"), "its rate, as a multiple: N / (N - 1) of N regions"),
            FOR,
        ],
    },
];
