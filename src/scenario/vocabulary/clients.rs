//! Keys of who sends requests.

use super::Absent::{Is, Required, Unset, Unverified};
use super::Takes::{
    Count, Counts, Duration, Either, Factor, Flag, List, Name, Named, Number, Rate, Share, Text, Times, Word,
};
use super::shared::{CANCEL, key, with_call_options, with_guards};
use super::{Block, Takes};

const RATES: Takes = Either(&[Rate, Takes::Block("rate")]);
const POINTS: Takes = List(&Text);
const SHARES: Takes = Named(&Named(&Share));
const SPIKE: Takes = Takes::Block("spike");

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "client",
        about: "A population of clients, with one of `rate` (open), `sessions` (partly open) and `users` (closed).",
        keys: with_call_options!(
            [
                key("to", Name("component"), Required, "whom they call: a service or a load balancer"),
                key(
                    "rate",
                    RATES,
                    Unset("see `sessions` and `users`"),
                    "requests per second that arrive whatever happens to the others",
                ),
                key(
                    "sessions",
                    RATES,
                    Unset("see `rate` and `users`"),
                    "visitors per second, each with several requests one after the other",
                ),
                key(
                    "users",
                    Count,
                    Unset("see `rate` and `sessions`"),
                    "a fixed number of people who wait for each answer",
                ),
                key(
                    "replay",
                    Takes::Block("replay"),
                    Unset("see `rate`"),
                    "recorded requests, each at its time"
                ),
                key(
                    "think",
                    Times,
                    Unverified("~5s"),
                    "time between an answer and the next request of sessions and users",
                ),
                key("session", Takes::Block("session"), Unset("one request"), "what a visitor does"),
                key("spike", Either(&[SPIKE, List(&SPIKE)]), Unset("none"), "a surge of the rate"),
                key("spikes", List(&SPIKE), Unset("none"), "several surges, which add"),
                key(
                    "arrivals",
                    Either(&[Word(&["poisson", "deterministic"]), Takes::Block("arrivals")]),
                    Is("poisson"),
                    "how regularly they come at that rate",
                ),
            ],
            [
                key(
                    "priority",
                    Count,
                    Is("0"),
                    "scheduling class of its requests, unless an entry of the `mix` says another: the smallest is the first, and the last to be shed",
                ),
                key(
                    "mix",
                    Named(&Either(&[Number, Takes::Block("mix_entry")])),
                    Required,
                    "what they ask for: weights by endpoint",
                ),
                key(
                    "write_share",
                    Either(&[Share, Takes::Block("share")]),
                    Unset("as the `mix` says"),
                    "share of requests that go to endpoints which write, over the proportions of the `mix` within each group",
                ),
                key(
                    "sessions_of",
                    Name("entity"),
                    Unset("nobody's"),
                    "whose the requests are: the entity of the people who ask",
                ),
                key(
                    "read_own_write",
                    Takes::Block("read_own_write"),
                    Unset("nobody does"),
                    "who reads what it has just written",
                ),
                key(
                    "connections",
                    Takes::Block("connections"),
                    Unset("kept for 75s"),
                    "how connections are kept",
                ),
                key(
                    "from",
                    Either(&[Name("zone or region"), Named(&Share)]),
                    Unset("anywhere"),
                    "where they are, by share of region: {us-east: 60%, eu-west: 40%}",
                ),
                key("reload", Takes::Block("reload"), Unset("they wait"), "impatience of people"),
                key(
                    "poll",
                    Named(&Takes::Block("poll")),
                    Unset("nobody asks: they are told"),
                    "how they ask for the jobs that they have sent: {GET /v1/jobs/{id}: {every: 5s..30s, give_up: 30m}}",
                ),
                key("headers", SHARES, Unset("none"), "header values by share: {x-beta: {\"1\": 5%}}"),
                key("cookies", SHARES, Unset("none"), "cookie values by share: {beta: {\"1\": 5%}}"),
                key("body", SHARES, Unset("none"), "body fields by share: {$.bulk: {true: 5%}}"),
            ]
        ),
    },
    Block {
        name: "session",
        about: "What a visitor does.",
        keys: &[
            key("requests", Counts, Is("1"), "how many requests, one after the other"),
            key("think", Times, Unset("the client's `think`"), "time between an answer and the next request"),
        ],
    },
    Block {
        name: "spike",
        about: "A surge on top of the usual rate: a linear rise, a hold, an exponential decay.",
        keys: &[
            key(
                "preset",
                Text,
                Unset("none"),
                "a spike that has been seen, such as hn-front-page: its figures hold where nothing else is written",
            ),
            key("at", Duration, Is("0s"), "when it begins"),
            key("to", Rate, Unset("see `peak`"), "the rate at its height, the usual one included"),
            key("peak", Factor, Unset("see `to`"), "the rate at its height as a multiple of the usual one"),
            key("rise", Duration, Is("0s"), "how long it rises"),
            key("hold", Duration, Is("0s"), "how long it stays at its height"),
            key(
                "half_life",
                Duration,
                Is("0s"),
                "after the hold, half of what is left goes in this time; 0s ends it at once",
            ),
        ],
    },
    Block {
        name: "rate",
        about: "A rate that varies with time, in one of these ways.",
        keys: &[
            key("ramp", POINTS, Unset("-"), "straight lines between points: [0m 1k rps, 10m 4k rps]"),
            key("steps", POINTS, Unset("-"), "from each time on this rate: [0s 50/s, 60s 150/s]"),
            key("diurnal", Takes::Block("diurnal"), Unset("-"), "a cosine over 24 hours"),
            key("trace", Takes::Block("trace"), Unset("-"), "a recorded series of counts"),
        ],
    },
    Block {
        name: "diurnal",
        about: "A cosine over 24 hours.",
        keys: &[
            key("mean", Rate, Required, "mean rate"),
            key("peak", Factor, Is("2x"), "highest rate as a multiple of the mean, 1x to 2x"),
            key("at", Duration, Is("0s"), "time of day of the highest rate"),
        ],
    },
    Block {
        name: "trace",
        about: "A recorded series of counts in a CSV file; each count's requests come at random within its interval.",
        keys: &[
            key("file", Text, Required, "a file beside or below the scenario"),
            key(
                "columns",
                List(&Text),
                Unset("the first two"),
                "the columns of time and count: [second, count]",
            ),
            key("interval", Duration, Is("1s"), "length of an interval"),
            key("scale", Number, Is("1"), "every count is multiplied by this"),
        ],
    },
    Block {
        name: "arrivals",
        about: "How regularly requests come, in one of these ways.",
        keys: &[
            key(
                "between",
                Times,
                Unset("-"),
                "gaps drawn independently, which also set the rate: erlang(2, 4s)",
            ),
            key("batch", Count, Unset("-"), "so many at once, at the rate given in all"),
            key("mmpp", Takes::Block("mmpp"), Unset("-"), "a rate that jumps at random"),
        ],
    },
    Block {
        name: "mmpp",
        about: "A Markov-modulated Poisson process: as many rates as dwell times.",
        keys: &[
            key("rates", List(&Rate), Required, "the rates: [10/s, 100/s]"),
            key("dwell", List(&Duration), Required, "mean time at each: [30s, 5s]"),
        ],
    },
    Block {
        name: "mix_entry",
        about: "An endpoint that clients ask for.",
        keys: with_guards!(
            [
                key("weight", Number, Is("1"), "how often, relative to the others"),
                key(
                    "priority",
                    Count,
                    Unset("the client's"),
                    "scheduling class: the smallest first where the discipline is `priority`",
                ),
                key(
                    "timeout",
                    Duration,
                    Unset("the client's"),
                    "how long an attempt may take before it is abandoned",
                ),
                key("deadline", Duration, Unset("the client's"), "how long all attempts together may take"),
                key(
                    "retry",
                    Either(&[Text, Takes::Block("retry")]),
                    Unset("the client's"),
                    "how a failed attempt is repeated, or the name of a preset",
                ),
                CANCEL,
            ],
            []
        ),
    },
    Block {
        name: "reload",
        about: "Impatience: who has waited `after` gives the attempt up with probability `p` and sends it again.",
        keys: &[
            key("after", Duration, Unverified("8s"), "patience"),
            key("p", Share, Unverified("30%"), "probability that it ends there"),
            key("max", Count, Is("1"), "reloads at most"),
        ],
    },
    Block {
        name: "replay",
        about: "Recorded requests in a CSV file: at, endpoint and, if there, key, size and named demands.",
        keys: &[key("file", Text, Required, "a file beside or below the scenario")],
    },
    Block {
        name: "read_own_write",
        about: "After a write, the same owner reads the same row.",
        keys: &[
            key("p", Share, Is("100%"), "share of the writes"),
            key("after", Times, Is("0s"), "how much later"),
        ],
    },
    Block {
        name: "connections",
        about: "How clients keep connections.",
        keys: &[
            key(
                "http",
                Either(&[Number, Word(&["1.1", "1", "2"])]),
                Is("1.1"),
                "2: all requests are streams of a few connections that the population shares (HTTP/2, gRPC)",
            ),
            key("max", Count, Unset("1, with `http: 2`"), "how many connections they share, with `http: 2`"),
            key(
                "keepalive",
                Either(&[Duration, Word(&["on", "off", "none"]), Flag]),
                Is("75s"),
                "how long a connection is kept idle between requests; `off`: one per request",
            ),
            key(
                "lifetime",
                Duration,
                Unset("without limit"),
                "after this time, give or take a tenth, a connection is replaced before its next request",
            ),
        ],
    },
    Block {
        name: "share",
        about: "A share that varies with time, in one of these ways.",
        keys: &[
            key("ramp", POINTS, Unset("-"), "straight lines between points: [0m 10%, 40m 45%]"),
            key("steps", POINTS, Unset("-"), "from each time on this share: [0s 10%, 60s 45%]"),
        ],
    },
];
