//! Keys of load balancers.

use super::Absent::{Is, Required, Unset};
use super::Takes::{
    Cores, Count, Duration, Either, Flag, List, Name, Named, Number, Share, Size, Text, Times, Word,
};
use super::shared::{ZONES, key};
use super::{Block, Takes};

const TARGETS: Takes =
    Either(&[Name("component"), List(&Name("component")), Named(&Either(&[Number, Share]))]);

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "load_balancer",
        about: "Passes requests on (layer 7), with `to` or `routes`; each instance has a view of its own.",
        keys: &[
            key("kind", Word(&["load_balancer"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: nginx, haproxy, envoy, alb, ...",
            ),
            key("instances", Count, Is("1"), "how many there are"),
            ZONES,
            key("to", TARGETS, Unset("see `routes`"), "where all requests go: a name, or weights by name"),
            key("backup", TARGETS, Unset("none"), "where requests go while no target may be picked"),
            key(
                "routes",
                List(&Takes::Block("route")),
                Unset("see `to`"),
                "where requests go, the first match wins",
            ),
            key(
                "algorithm",
                Word(&[
                    "round_robin",
                    "weighted_round_robin",
                    "random",
                    "weighted_random",
                    "least_connections",
                    "power_of_two_choices",
                    "least_time",
                    "peak_ewma",
                    "ip_hash",
                    "hash",
                    "ring",
                    "maglev",
                    "bounded_load",
                ]),
                Is("round_robin"),
                "how an instance is picked",
            ),
            key("choices", Count, Is("2"), "how many `power_of_two_choices` compares"),
            key("bound", Number, Is("1.25"), "largest load relative to the mean under `bounded_load`"),
            key("hash_by", Word(&["source", "path"]), Is("source"), "what hashing goes by"),
            key("layer", Count, Is("7"), "4: once per connection; 7: for each request"),
            key("view_age", Duration, Unset("always fresh"), "how old the loads are that it sees"),
            key("sticky", Flag, Is("false"), "whether people stay with the backend that served them first"),
            key("zone_aware", Flag, Is("false"), "whether backends of its own zone come first"),
            key("health", Takes::Block("health"), Unset("none"), "active health checks"),
            key("max_fails", Count, Unset("never out"), "failures that take a backend out (nginx)"),
            key(
                "fail_timeout",
                Duration,
                Unset("10s"),
                "for so long; alone it means one failure, as in nginx",
            ),
            key("outliers", Takes::Block("outliers"), Unset("none"), "outlier detection (Envoy)"),
            key(
                "panic",
                Either(&[Word(&["never", "fail_open"]), Share]),
                Is("never"),
                "when everybody is tried: with nobody up, or with less than this share up",
            ),
            key("slow_start", Duration, Unset("at once"), "until whoever comes up has its whole weight"),
            key(
                "max_conns",
                Count,
                Unset("without limit"),
                "requests in flight at a backend, for each balancer",
            ),
            key(
                "queue",
                Takes::Block("waiting_line"),
                Unset("none"),
                "waiting for a backend below that limit",
            ),
            key("retry", Takes::Block("next_upstream"), Unset("one attempt"), "trying another backend"),
            key(
                "connections",
                Count,
                Unset("without limit"),
                "requests in hand at one balancer; beyond it: 503",
            ),
            key("cpu", Cores, Is("1"), "cores of one balancer, where work costs something"),
            key("cost", Times, Unset("nothing"), "core time of a request"),
            key(
                "backend_keepalive",
                Count,
                Unset("0"),
                "idle connections to backends that each balancer keeps; without one a request sets up its own",
            ),
            key("tls", Times, Unset("nothing"), "core time of a handshake, on each fresh connection"),
            key("statuses", Takes::Block("statuses"), Unset("503, 502, 503"), "what it answers by itself"),
            key(
                "connect_timeout",
                Duration,
                Unset("the read timeout"),
                "until a connection nobody answers has failed",
            ),
            key("ties", Word(&["first", "random", "rotate"]), Is("random"), "which of equals is picked"),
            key(
                "request_buffering",
                Flag,
                Is("false"),
                "whether a body is read to its end before a backend is picked (nginx); a route by `body` does so for its own",
            ),
            key("max_body", Size, Unset("without limit"), "largest body; beyond it: 413"),
            key(
                "read_timeout",
                Duration,
                Unset("without limit"),
                "how long an answer may take; beyond it: 504",
            ),
        ],
    },
    Block {
        name: "health",
        about: "Active health checks.",
        keys: &[
            key(
                "path",
                Text,
                Unset("alive or not"),
                "what is asked for; an endpoint that the target declares queues and works like any other",
            ),
            key("every", Duration, Is("2s"), "from one probe to the next (HAProxy's `inter`)"),
            key("timeout", Duration, Unset("`every`"), "a probe without an answer has failed then"),
            key("rise", Count, Is("2"), "successes in a row that bring it up"),
            key("fall", Count, Is("3"), "failures in a row that take it down"),
            key(
                "fast_every",
                Duration,
                Unset("`every`"),
                "the interval while it is on its way to the other side (HAProxy's `fastinter`)",
            ),
            key(
                "down_every",
                Duration,
                Unset("`every`"),
                "the interval while it is down (HAProxy's `downinter`)",
            ),
            key(
                "from",
                Word(&["start", "end"]),
                Is("start"),
                "whether the interval begins when a probe starts, or when it has ended (HAProxy, Envoy)",
            ),
            key(
                "observe",
                Count,
                Unset("off"),
                "errors in a row of requests that count as a failed probe (HAProxy's `observe layer7`; its limit is 10)",
            ),
        ],
    },
    Block {
        name: "outliers",
        about: "Outlier detection as Envoy's, with its defaults.",
        keys: &[
            key("consecutive_5xx", Count, Is("5"), "errors in a row that eject"),
            key("every", Duration, Is("10s"), "from sweep to sweep"),
            key("ejection", Duration, Is("30s"), "the first ejection, longer with each further one"),
            key("max_ejection", Duration, Is("300s"), "the longest"),
            key("max_ejected", Share, Is("10%"), "share of the backends that may be out"),
        ],
    },
    Block {
        name: "waiting_line",
        about: "Waiting in the load balancer.",
        keys: &[
            key("max", Count, Unset("without limit"), "requests at most"),
            key("wait", Duration, Unset("without limit"), "longest wait"),
        ],
    },
    Block {
        name: "next_upstream",
        about: "Trying another backend.",
        keys: &[
            key("attempts", Count, Is("2"), "attempts in all"),
            key("on", Either(&[Text, List(&Text)]), Is("[timeout, connect]"), "after which failures"),
            key("non_idempotent", Flag, Is("false"), "also POST and PATCH that were sent"),
        ],
    },
    Block {
        name: "statuses",
        about: "What the balancer answers by itself.",
        keys: &[
            key("no_backend", Count, Is("503"), "no backend is up"),
            key("unreachable", Count, Is("502"), "the backend refused or broke the connection"),
            key("queue", Count, Is("503"), "the line is full, or the wait too long"),
            key("retry_after", Duration, Unset("not said"), "when to come again, on its own 503 and 429"),
        ],
    },
    Block {
        name: "route",
        about: "Where requests of some kind go.",
        keys: &[
            key("path", Text, Unset("any"), "a path, with `*` for any rest"),
            key("method", Text, Unset("any"), "a method"),
            key("header", Text, Unset("any"), "a header and its value: \"x-beta: 1\""),
            key("cookie", Text, Unset("any"), "a cookie and its value: \"beta=1\""),
            key("body", Text, Unset("any"), "a field of the body and its value: \"$.bulk == true\""),
            key("to", TARGETS, Required, "a name, or weights by name"),
            key(
                "backup",
                TARGETS,
                Unset("the balancer's"),
                "where they go while none of those may be picked",
            ),
        ],
    },
];
