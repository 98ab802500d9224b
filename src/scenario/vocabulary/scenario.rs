//! Keys of the file as a whole: what holds everything, the run, and claims about it.

use super::Absent::{Is, Required, Unset};
use super::Takes::{Component, Count, Duration, Either, List, Named, Price, Share, Text, Word};
use super::shared::key;
use super::{Block, Takes};

const CLAIMS: Takes = List(&Either(&[Text, Takes::Block("claim")]));

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "scenario",
        about: "One file: clients, components, and what is asked of them.",
        keys: &[
            key("scenario", Text, Required, "its name, and that of its folder under outputs/"),
            key("about", Text, Unset("nothing"), "a sentence, shown with the results"),
            key(
                "extends",
                Text,
                Unset("nothing"),
                "a file beside or below this one to build on: mappings merge, lists and single values replace, null deletes",
            ),
            key(
                "run",
                Takes::Block("run"),
                Unset("ten minutes, five times"),
                "how long, how often, from which seed",
            ),
            key("clients", Named(&Takes::Block("client")), Required, "who sends requests"),
            key("data", Named(&Takes::Block("entity")), Unset("none"), "the rows that queries are about"),
            key("components", Named(&Component), Required, "what the requests meet"),
            key(
                "network",
                Takes::Block("network"),
                Unset("takes no time"),
                "zones, regions, round-trip times, links, loss",
            ),
            key(
                "faults",
                List(&Takes::Block("fault")),
                Unset("nothing goes wrong"),
                "what goes wrong, and when",
            ),
            key(
                "prices",
                Named(&Either(&[Price, Takes::Block("price"), Text])),
                Unset("cost is not reported"),
                "by component name an instance's price ($0.20/h) or a block of prices; `any KIND` for those not named; `egress`, `cross_zone` (at both ends) and `same_zone` ($0.09/GB) for traffic; `preset` for a price list",
            ),
            key(
                "objectives",
                CLAIMS,
                Unset("none"),
                "what the design must hold, judged on confidence intervals",
            ),
            key("expect", CLAIMS, Unset("none"), "what must hold in every replication"),
            key("sweep", Takes::Block("sweep"), Unset("`--vary` says what"), "what `sweep` and `plan` vary"),
            key(
                "variants",
                List(&Takes::Block("variant")),
                Unset("the file itself is the one design"),
                "designs to compare, each a patch of the file",
            ),
        ],
    },
    Block {
        name: "price",
        about: "What a component costs; each is paid for on its own.",
        keys: &[
            key(
                "instance",
                Price,
                Unset("nothing"),
                "an instance, a node or a member while it is there ($0.20/h)",
            ),
            key("vcpu", Price, Unset("nothing"), "a core of an instance ($0.048/h)"),
            key(
                "memory",
                Price,
                Unset("nothing"),
                "memory of a cache's nodes or a service's instances ($0.02/GB/h)",
            ),
            key(
                "storage",
                Price,
                Unset("nothing"),
                "rows of the entities that a database's statements are about, at their mean size, once for each primary and replica ($0.115/GB/month; a month has 730 h)",
            ),
            key(
                "requests",
                Price,
                Unset("nothing"),
                "visits ($0.40/1M); of a queue each send, receive and delete",
            ),
            key("reads", Price, Unset("nothing"), "a database's statements that read ($0.25/1M)"),
            key("writes", Price, Unset("nothing"), "a database's statements that write ($1.25/1M)"),
            key(
                "capacity_unit",
                Price,
                Unset("nothing"),
                "a balancer's unit as AWS counts it: the most of 25 new connections a second, 3000 requests in hand, 1 GB an hour ($0.008/h)",
            ),
            key("egress", Price, Unset("that of all traffic"), "bytes that it sends to clients ($0.085/GB)"),
        ],
    },
    Block {
        name: "run",
        about: "How the scenario is run.",
        keys: &[
            key(
                "duration",
                Duration,
                Unset("10m, or as long as `requests` take"),
                "simulated time; the run is cut there and not drained",
            ),
            key(
                "requests",
                Count,
                Unset("the duration ends the run"),
                "ends the run once so many requests were sent and answered",
            ),
            key(
                "warmup",
                Either(&[Duration, Share, Word(&["auto"])]),
                Is("0s"),
                "what no metric counts at the start: a time, a share of the run, or `auto` (a tenth of a steady run, nothing of one with a spike)",
            ),
            key("seed", Count, Is("1"), "the same seed gives the same bytes"),
            key(
                "replications",
                Either(&[Count, Takes::Block("replications")]),
                Is("5"),
                "independent repetitions, from which the confidence intervals come; or as many as it takes",
            ),
            key(
                "bucket",
                Duration,
                Unset("1 s, more in runs of over an hour"),
                "width of a window of the time series",
            ),
            key(
                "max_events",
                Count,
                Unset("without limit"),
                "a replication that needs more stops as unfinished",
            ),
            key(
                "max_in_flight",
                Count,
                Is("5M"),
                "a replication with more requests at once stops as unfinished",
            ),
        ],
    },
    Block {
        name: "replications",
        about: "As many replications as it takes until metrics are sure.",
        keys: &[
            key(
                "until",
                Named(&Share),
                Required,
                "the half-width of each metric's 95 % interval, relative to its value: {p99: 5%}",
            ),
            key("max", Count, Is("50"), "replications at most; the report says if they did not suffice"),
        ],
    },
    Block {
        name: "claim",
        about: "An objective or expectation about a part of the run.",
        keys: &[
            key("during", Text, Unset("the whole run"), "12m..18m, or `end`"),
            key("that", Text, Required, "a condition on metrics: db.cpu < 80% and p99 < 300ms"),
        ],
    },
];
