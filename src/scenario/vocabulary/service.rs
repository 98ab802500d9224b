//! Keys of services.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{Cores, Count, Duration, Either, Flag, Named, Rate, Size, Sizes, Text, Times, Word};
use super::shared::{STEPS, ZONES, key};
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "service",
        about: "Serves endpoints from instances with cores, workers and a backlog.",
        keys: &[
            key("kind", Word(&["service"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: tomcat, gunicorn-sync, node, ...",
            ),
            key(
                "instances",
                Count,
                Is("1"),
                "how many there are, at the start if there is `autoscale`; without a load balancer in front they are called in turn",
            ),
            key(
                "autoscale",
                Takes::Block("autoscale"),
                Unset("always so many"),
                "how the number of instances follows what is measured",
            ),
            ZONES,
            key(
                "cpu",
                Cores,
                Is("1"),
                "cores of each instance, shared by the requests that compute (processor sharing)",
            ),
            key(
                "cpu_limit",
                Cores,
                Unset("all of `cpu`"),
                "cores' worth of time that an instance may use in each 100 ms; then it stands still (Kubernetes limits, CFS quota)",
            ),
            key(
                "memory",
                Takes::Block("memory"),
                Unset("without limit"),
                "beyond its limit the process is killed, and starts again",
            ),
            key(
                "workers",
                Either(&[Count, Word(&["none", "event_loop"])]),
                Is("none"),
                "requests in hand at once in an instance, each holding a worker to its end; `none`: as many as come; `event_loop`: as many as come, one computes at a time",
            ),
            key(
                "backlog",
                Count,
                Unset("unbounded"),
                "requests that wait for a worker at most; beyond it: 503",
            ),
            key(
                "accept_queue",
                Count,
                Unset("unbounded"),
                "length of the listen queue where there is no backlog; beyond it connections are dropped",
            ),
            key(
                "max_wait",
                Times,
                Unset("without limit"),
                "how long a request may wait for a worker; beyond it: 503",
            ),
            key(
                "discipline",
                Word(&["fifo", "lifo", "priority", "edf", "processor_sharing"]),
                Is("fifo"),
                "who is next; `edf`: the earliest deadline, which a caller told (`propagate`) or `due` gives",
            ),
            key("preemptive", Flag, Is("false"), "whether a smaller priority class interrupts a larger one"),
            key(
                "release_while_waiting",
                Flag,
                Is("false"),
                "whether a worker is given back while its request waits for another component",
            ),
            key("io", Count, Unset("without limit"), "disk operations at once in an instance"),
            key(
                "rate_limit",
                Takes::Block("rate_limit"),
                Unset("without limit"),
                "requests per time that are let in",
            ),
            key(
                "local_cache",
                Named(&Takes::Block("local_cache")),
                Unset("none"),
                "caches inside each instance, by entity; steps name them `local`",
            ),
            key(
                "shed",
                Takes::Block("shed"),
                Unset("nobody"),
                "who is taken out of the line for a worker and answered 503",
            ),
            key(
                "concurrency",
                Takes::Block("concurrency"),
                Unset("without limit"),
                "the limit on requests in hand at an instance; beyond it: 503",
            ),
            key(
                "admission",
                Takes::Block("admission"),
                Unset("none"),
                "refusals at random (503) as successes become rare",
            ),
            key(
                "reject_cost",
                Times,
                Unset("nothing"),
                "work on the cores for each request that the service turns away by any of its limits",
            ),
            key(
                "retry_after",
                Duration,
                Unset("not said"),
                "when those whom the service turns away with a 503 may come again (`Retry-After`)",
            ),
            key(
                "warm",
                Takes::Block("warm"),
                Unset("at once"),
                "how an instance that comes back is slower at first",
            ),
            key(
                "cold_start",
                Takes::Block("cold_start"),
                Unset("all are there"),
                "workers start when they are needed, and end when they have been idle for long (AWS Lambda)",
            ),
            key(
                "pools",
                Named(&Takes::Block("pool")),
                Unset("a connection per call"),
                "connections to other components, by their names",
            ),
            key(
                "endpoints",
                Named(&Either(&[STEPS, Takes::Block("endpoint")])),
                Unset("none"),
                "what it serves: steps by name, such as GET /v1/feed",
            ),
        ],
    },
    Block {
        name: "memory",
        about: "Memory of an instance; beyond the limit its process is killed with all it has in hand.",
        keys: &[
            key("limit", Size, Required, "so much at most"),
            key("base", Size, Unverified("300MB"), "what the process takes with nothing in hand"),
            key("request", Sizes, Is("0B"), "what each request in hand takes"),
            key("restart", Duration, Unverified("30s"), "until a killed process serves again"),
        ],
    },
    Block {
        name: "pool",
        about: "Connections from each instance to one component.",
        keys: &[
            key("preset", Text, Unset("none"), "a client library whose defaults hold: hikari"),
            key("size", Count, Unverified("10"), "connections of an instance"),
            key(
                "wait",
                Times,
                Unset("without limit"),
                "how long a request may wait for a connection; beyond it: 503",
            ),
        ],
    },
    Block {
        name: "endpoint",
        about: "What is done for a request; a list of steps may stand in its place.",
        keys: &[
            key("steps", STEPS, Required, "its steps, one after the other"),
            key(
                "due",
                Duration,
                Unset("last"),
                "with `discipline: edf`: by when its answer is wanted, from its arrival, where no deadline was told",
            ),
        ],
    },
    Block {
        name: "rate_limit",
        about: "Requests per time that are let in.",
        keys: &[
            key("rate", Rate, Required, "so many"),
            key("burst", Count, Unset("a second's worth; 0 for leaky_bucket"), "beyond it at once"),
            key(
                "algorithm",
                Word(&["token_bucket", "leaky_bucket", "fixed_window", "sliding_window", "sliding_counter"]),
                Is("token_bucket"),
                "leaky_bucket is nginx's limit_req, which delays",
            ),
            key("nodelay", Flag, Is("false"), "whether leaky_bucket lets its burst pass at once"),
            key("window", Duration, Is("1s"), "length of the windows"),
            key("status", Count, Is("429"), "the answer to those turned away"),
            key("shared", Flag, Is("false"), "one limit for all instances, or one for each"),
            key("retry_after", Flag, Is("false"), "whether who is turned away is told when to come again"),
            key("preset", Text, Unset("none"), "a product, whose rules hold where nothing is written"),
        ],
    },
];
