//! Every block of the language and every key of a block: what it takes, its default, its meaning.
//!
//! One table serves `schema`, `explain KIND` and `explain FILE`. Rule: the table and the reading know
//! the same keys; a test reads scenarios that use every block and compares what was asked for with
//! what stands here, both ways.

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number: `250`, `10k`.
    Count,
    /// A plain number: `0.5`, `10k`.
    Number,
    /// CPU cores: `4`, `500m`.
    Cores,
    /// A duration: `250ms`.
    Duration,
    /// A rate: `100/s`.
    Rate,
    /// A share or probability: `85%`.
    Share,
    /// A multiple: `20x`.
    Factor,
    /// A size: `4KB`.
    Size,
    /// A bandwidth: `1Gbps`.
    Bandwidth,
    /// A price: `$0.20/h`.
    Price,
    /// A growth: `2%/day`.
    Growth,
    /// A distribution of times: `~8ms`.
    Times,
    /// A distribution of sizes: `~2KB`.
    Sizes,
    /// A distribution of counts: `geom(8)`.
    Counts,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of something that the scenario declares.
    Name(&'static str),
    /// The block of this name.
    Block(&'static str),
    /// A list.
    List(&'static Takes),
    /// A mapping by name.
    Named(&'static Takes),
    /// One of several forms.
    Either(&'static [Takes]),
    /// A component: the block of its `kind`.
    Component,
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It must be written.
    Required,
    /// This value.
    Is(&'static str),
    /// This value, which is common practice and was not verified.
    Unverified(&'static str),
    /// No value, and what that means.
    Unset(&'static str),
}

/// A key of a block.
#[derive(Clone, Copy, Debug)]
pub struct KeyEntry {
    /// The key.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Its default.
    pub default: Absent,
    /// What it means.
    pub about: &'static str,
}

/// A block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its name: a kind of component, or what the language calls it.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its keys, in the order in which they are best read.
    pub keys: &'static [KeyEntry],
}

/// The kinds of components.
pub const KINDS: [&str; 3] = ["service", "database", "load_balancer"];

/// The block of a name.
#[must_use]
pub fn block(name: &str) -> Option<&'static Block> {
    BLOCKS.iter().find(|block| block.name == name)
}

use Absent::{Is, Required, Unset, Unverified};
use Takes::{
    Bandwidth, Component, Cores, Count, Counts, Duration, Either, Factor, Flag, Growth, List, Name, Named,
    Number, Price, Rate, Share, Size, Sizes, Text, Times, Word,
};

const fn key(name: &'static str, takes: Takes, default: Absent, about: &'static str) -> KeyEntry {
    KeyEntry { name, takes, default, about }
}

const STEPS: Takes = List(&Takes::Block("step"));
const TARGETS: Takes =
    Either(&[Name("component"), List(&Name("component")), Named(&Either(&[Number, Share]))]);
const RATES: Takes = Either(&[Rate, Takes::Block("rate")]);
const POINTS: Takes = List(&Text);
const CLAIMS: Takes = List(&Either(&[Text, Takes::Block("claim")]));
const SHARES: Takes = Named(&Named(&Share));
const SPIKE: Takes = Takes::Block("spike");

const TIMEOUT: KeyEntry = key(
    "timeout",
    Duration,
    Unset("waits without limit"),
    "how long an attempt may take before it is abandoned",
);
const DEADLINE: KeyEntry =
    key("deadline", Duration, Unset("without limit"), "how long all attempts together may take");
const RETRY: KeyEntry =
    key("retry", Takes::Block("retry"), Unset("one attempt"), "how a failed attempt is repeated");
const CANCEL: KeyEntry = key(
    "cancel",
    Flag,
    Is("false"),
    "whether giving up reaches the server, which otherwise goes on for nobody",
);
const FOR: KeyEntry = key("for", Duration, Unset("to the end"), "how long it lasts");
const AIM: Takes = Either(&[Text, List(&Text)]);
const TARGET: KeyEntry =
    key("target", AIM, Required, "a component, an instance such as app[0], or a list of them");
const GRACE: KeyEntry = key("grace", Duration, Unverified("30s"), "time in which running work may end");
const BOOT: KeyEntry = key("boot", Duration, Unverified("30s"), "time until it serves again");
const BREAKER: KeyEntry = key(
    "breaker",
    Takes::Block("breaker"),
    Unset("none"),
    "a circuit breaker: after too many failures calls are not made at all for a while",
);
const ON_ERROR: KeyEntry =
    key("on_error", STEPS, Unset("the error is passed on"), "steps that run instead of passing an error on");
const ZONES: KeyEntry = key(
    "zones",
    List(&Name("zone")),
    Unset("the first zone"),
    "zones of the network over which the instances are spread in turn",
);
const FALLBACK: KeyEntry = key(
    "fallback",
    STEPS,
    Unset("the error is passed on"),
    "as `on_error`, and the answer counts as degraded",
);

/// All blocks.
pub const BLOCKS: &[Block] = &[
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
                Named(&Price),
                Unset("cost is not reported"),
                "an instance's price by component name ($0.20/h), and `egress` ($0.09/GB)",
            ),
            key(
                "objectives",
                CLAIMS,
                Unset("none"),
                "what the design must hold, judged on confidence intervals",
            ),
            key("expect", CLAIMS, Unset("none"), "what must hold in every replication"),
            key(
                "variants",
                List(&Takes::Block("variant")),
                Unset("the file itself is the one design"),
                "designs to compare, each a patch of the file",
            ),
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
                Count,
                Is("5"),
                "independent repetitions, from which the confidence intervals come",
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
        name: "client",
        about: "A population of clients, with one of `rate` (open), `sessions` (partly open) and `users` (closed).",
        keys: &[
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
            key("replay", Takes::Block("replay"), Unset("see `rate`"), "recorded requests, each at its time"),
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
            TIMEOUT,
            DEADLINE,
            RETRY,
            CANCEL,
            BREAKER,
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
            key("headers", SHARES, Unset("none"), "header values by share: {x-beta: {\"1\": 5%}}"),
            key("body", SHARES, Unset("none"), "body fields by share: {$.bulk: {true: 5%}}"),
        ],
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
            key("restart_after", Duration, Unset("`for`"), "how long what was killed is gone"),
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
            key("flush", Text, Unset("-"), "what a cache stores is gone"),
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
            FOR,
        ],
    },
    Block {
        name: "latency",
        about: "Messages that take longer.",
        keys: &[TARGET, key("by", Times, Required, "added to each message"), FOR],
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
        about: "A rolling update, as Kubernetes does it without surge.",
        keys: &[
            TARGET,
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
        keys: &[
            key("weight", Number, Is("1"), "how often, relative to the others"),
            key(
                "priority",
                Count,
                Is("0"),
                "scheduling class: the smallest first where the discipline is `priority`",
            ),
            key(
                "timeout",
                Duration,
                Unset("the client's"),
                "how long an attempt may take before it is abandoned",
            ),
            key("deadline", Duration, Unset("the client's"), "how long all attempts together may take"),
            key("retry", Takes::Block("retry"), Unset("the client's"), "how a failed attempt is repeated"),
            CANCEL,
            BREAKER,
        ],
    },
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
        ],
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
        name: "entity",
        about: "Rows of one kind.",
        keys: &[
            key("rows", Count, Is("1"), "how many there are at the start"),
            key("size", Sizes, Unset("not modelled"), "size of a row"),
            key(
                "zipf",
                Number,
                Unset("1 where popularity is zipf"),
                "exponent of their popularity; measured ones are 0.4 to 2",
            ),
            key(
                "popularity",
                Either(&[Word(&["uniform", "zipf"]), Takes::Block("popularity")]),
                Unset("zipf where an exponent is written, else uniform"),
                "how requests spread over the rows",
            ),
            key("growth", Growth, Unset("none"), "rows added over time: 2%/day"),
            key("drift", Rate, Unset("none"), "how fast the popular rows change"),
            key("key_of", Name("entity"), Unset("its own"), "the entity whose key places the row"),
            key("hot", Word(&["random", "newest"]), Is("random"), "which rows are the popular ones"),
        ],
    },
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
                "how many there are; without a load balancer in front they are called in turn",
            ),
            ZONES,
            key(
                "cpu",
                Cores,
                Is("1"),
                "cores of each instance, shared by the requests that compute (processor sharing)",
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
                Word(&["fifo", "lifo", "priority", "processor_sharing"]),
                Is("fifo"),
                "who is next",
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
        name: "pool",
        about: "Connections from each instance to one component.",
        keys: &[
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
        keys: &[key("steps", STEPS, Required, "its steps, one after the other")],
    },
    Block {
        name: "database",
        about: "Answers queries: cores, connections, disk, write-ahead log, row locks.",
        keys: &[
            key("kind", Word(&["database"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: postgres, mysql, aurora",
            ),
            ZONES,
            key("cpu", Cores, Is("1"), "cores, shared by the running queries (processor sharing)"),
            key("max_connections", Count, Unset("without limit"), "connections at most; beyond it: an error"),
            key("io", Count, Unset("without limit"), "disk operations at once"),
            key(
                "commit",
                Times,
                Unset("takes no time"),
                "a flush of the log; one flush commits all that wait for it",
            ),
            key("wal_bandwidth", Bandwidth, Unset("without limit"), "speed at which the log is written"),
            key(
                "lock_timeout",
                Duration,
                Unset("without limit"),
                "how long a query may wait for a row's lock",
            ),
            key(
                "contention",
                Takes::Block("contention"),
                Unset("none"),
                "efficiency lost by queries beyond the cores",
            ),
            key("queries", Named(&Takes::Block("query")), Unset("none"), "classes of queries, by name"),
        ],
    },
    Block {
        name: "query",
        about: "A class of queries.",
        keys: &[
            key("read", Name("entity"), Unset("reads no row"), "the entity that it reads"),
            key("write", Name("entity"), Unset("writes no row"), "the entity that it writes"),
            key("by", Name("entity"), Unset("its own entity"), "the entity whose key places the row"),
            key("cpu", Times, Is("0s"), "core time"),
            key("io", Times, Unset("none"), "disk time"),
            key("wal", Sizes, Unset("none"), "bytes written to the log"),
            key("lock", Name("entity"), Unset("none"), "the entity whose row is locked until the commit"),
        ],
    },
    Block {
        name: "contention",
        about: "The universal scalability law over the queries beyond the cores: 1 / (1 + sigma (n-1) + kappa n (n-1)).",
        keys: &[
            key("sigma", Number, Is("0"), "serial share"),
            key("kappa", Number, Is("0"), "cost of coherence"),
        ],
    },
    Block {
        name: "load_balancer",
        about: "Passes requests on (layer 7), with `to` or `routes`; each instance has a view of its own.",
        keys: &[
            key("kind", Word(&["load_balancer"]), Required, "what the component is"),
            key(
                "preset",
                Text,
                Unset("none"),
                "a product whose defaults hold where nothing else is written: nginx, haproxy, envoy, alb",
            ),
            key("instances", Count, Is("1"), "how many there are"),
            ZONES,
            key("to", TARGETS, Unset("see `routes`"), "where all requests go: a name, or weights by name"),
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
            key("fail_timeout", Duration, Is("10s"), "for so long"),
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
            key("queue", Takes::Block("queue"), Unset("none"), "waiting for a backend below that limit"),
            key("retry", Takes::Block("next_upstream"), Unset("one attempt"), "trying another backend"),
            key(
                "connections",
                Count,
                Unset("without limit"),
                "requests in hand at one balancer; beyond it: 503",
            ),
            key("cpu", Cores, Is("1"), "cores of one balancer, where work costs something"),
            key("cost", Times, Unset("nothing"), "core time of a request"),
            key("tls", Times, Unset("nothing"), "core time of a handshake, on each fresh connection"),
            key("statuses", Takes::Block("statuses"), Unset("503, 502, 503"), "what it answers by itself"),
            key(
                "connect_timeout",
                Duration,
                Unset("the read timeout"),
                "until a connection nobody answers has failed",
            ),
            key("ties", Word(&["first", "random", "rotate"]), Is("random"), "which of equals is picked"),
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
        name: "queue",
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
        ],
    },
    Block {
        name: "route",
        about: "Where requests of some kind go.",
        keys: &[
            key("path", Text, Unset("any"), "a path, with `*` for any rest"),
            key("method", Text, Unset("any"), "a method"),
            key("header", Text, Unset("any"), "a header and its value: \"x-beta: 1\""),
            key("body", Text, Unset("any"), "a field of the body and its value: \"$.bulk == true\""),
            key("to", TARGETS, Required, "a name, or weights by name"),
        ],
    },
    Block {
        name: "step",
        about: "One verb with its options.",
        keys: &[
            key("cpu", Times, Unset("-"), "work on the instance's cores: ~8ms"),
            key("sleep", Times, Unset("-"), "time that holds the worker and no core"),
            key("io", Times, Unset("-"), "time on a disk token"),
            key(
                "query",
                Text,
                Unset("-"),
                "a query about a row of an entity: db.feed(post); `new` inserts one",
            ),
            key("call", Takes::Block("call"), Unset("-"), "a request to another service or load balancer"),
            key("parallel", Takes::Block("parallel"), Unset("-"), "several lists of steps at once"),
            key("if", Takes::Block("if"), Unset("-"), "one way or the other"),
            key("lock", Takes::Block("lock"), Unset("-"), "steps under the lock of the request's row"),
            key("receive", Either(&[Sizes, Takes::Block("receive")]), Unset("-"), "reading a body"),
            key(
                "reply",
                Either(&[Count, Sizes, Takes::Block("reply")]),
                Unset("-"),
                "the answer: a status, a size, or both",
            ),
            ON_ERROR,
            FALLBACK,
            TIMEOUT,
            DEADLINE,
            RETRY,
            key("cancel", Flag, Unset("-"), "whether giving up reaches the server"),
            BREAKER,
        ],
    },
    Block {
        name: "call",
        about: "A request to another service or load balancer.",
        keys: &[
            key("to", Name("component"), Required, "whom"),
            key("endpoint", Text, Unset("the first one"), "what for"),
            key("size", Sizes, Unset("nothing"), "bytes sent along"),
            TIMEOUT,
            DEADLINE,
            RETRY,
            CANCEL,
            BREAKER,
            ON_ERROR,
            FALLBACK,
        ],
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
        about: "One way or the other, by `p` or by `header`.",
        keys: &[
            key("p", Share, Unset("see `header`"), "probability of `then`"),
            key("header", Text, Unset("see `p`"), "a header and its value: \"x-beta: 1\""),
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
        keys: &[key(
            "keepalive",
            Either(&[Duration, Word(&["on", "off", "none"]), Flag]),
            Is("75s"),
            "how long a connection is kept between the requests of a person; `off`: one per request",
        )],
    },
    Block {
        name: "popularity",
        about: "Keys as they were recorded.",
        keys: &[key(
            "trace",
            Text,
            Required,
            "a file whose first column holds keys, used in order, over and over",
        )],
    },
    Block {
        name: "network",
        about: "Zones and regions, round-trip times between them, links, loss, handshakes.",
        keys: &[
            key(
                "regions",
                Named(&Either(&[List(&Text), Text])),
                Unset("one"),
                "regions with their zones: {us-east: [a, b]}",
            ),
            key(
                "zones",
                Either(&[List(&Text), Named(&Text)]),
                Unset("one"),
                "zones, or zones by region: {a: us-east}",
            ),
            key(
                "rtt",
                Either(&[Times, Named(&Either(&[Times, Named(&Times)]))]),
                Unset("0.25 ms within a zone, 1 ms between zones"),
                "round-trip times: one, `same_zone`, `cross_zone`, or between two places",
            ),
            key("last_mile", Times, Unset("none"), "round-trip time between clients and the first router"),
            key("loss", Share, Is("0%"), "probability that a message loses a segment, which is sent again"),
            key(
                "handshake",
                Word(&["none", "tcp", "tls", "tls1.3", "tls1.2"]),
                Is("tcp"),
                "round trips that set a connection up",
            ),
            key("links", Named(&Takes::Block("link")), Unset("none"), "what is particular between two ends"),
        ],
    },
    Block {
        name: "link",
        about: "What is particular between two ends of the network.",
        keys: &[
            key("from", Name("component or client"), Unset("any"), "who calls"),
            key("to", Name("component"), Unset("any"), "who is called"),
            key("latency", Times, Unset("the network's"), "one-way latency"),
            key("bandwidth", Bandwidth, Unset("without limit"), "of each way, shared by the transfers on it"),
            key("loss", Share, Unset("the network's"), "probability that a message loses a segment"),
            key(
                "handshake",
                Word(&["none", "tcp", "tls", "tls1.3", "tls1.2"]),
                Unset("the network's"),
                "round trips that set a connection up",
            ),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refers(takes: &Takes) -> Vec<&'static str> {
        match takes {
            Takes::Block(name) => vec![name],
            List(inner) | Named(inner) => refers(inner),
            Either(forms) => forms.iter().flat_map(refers).collect(),
            Component => KINDS.to_vec(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_block_is_reached_and_every_reference_leads_somewhere() {
        let mut reached = vec!["scenario"];
        for block in BLOCKS {
            let mut names: Vec<_> = block.keys.iter().map(|key| key.name).collect();
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{} has a key twice", block.name);
            for key in block.keys {
                assert!(!key.about.is_empty(), "{}.{}", block.name, key.name);
                reached.extend(refers(&key.takes));
            }
        }
        for name in &reached {
            // A variant is a scenario's patch, and has no table of its own.
            assert!(*name == "variant" || block(name).is_some(), "{name}");
        }
        for block in BLOCKS {
            assert!(reached.contains(&block.name), "{} is used nowhere", block.name);
        }
    }

    #[test]
    fn the_table_and_the_reading_know_the_same_keys() {
        use super::super::{Beside, Files, fields, merge, read_model};
        use crate::document::{Diagnostics, Sources};

        struct Counts;
        impl Files for Counts {
            fn read(&self, name: &str) -> Result<String, String> {
                Ok(match name {
                    "counts.csv" => "at,n\n0,1\n",
                    "requests.csv" => "at,endpoint,work\n0,GET /items/{id},10ms\n",
                    _ => "0\n1\n",
                }
                .to_owned())
            }
        }
        let text = include_str!("../../tests/data/everything.yaml").to_owned();
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let designs = merge::load("everything", text, &Counts, &[], None, &mut sources, &mut found);
        fields::ASKED.with_borrow_mut(std::collections::BTreeMap::clear);
        let model = read_model("base", &designs[0].tree, &Beside::new(&Counts, &sources), &mut found);
        assert!(model.is_some(), "{}", found.render(&sources, false));
        let asked = fields::ASKED.with_borrow(Clone::clone);
        // Used up by merging, before anything is read.
        let merged = ["extends", "variants"];
        for block in BLOCKS {
            let read = asked.get(block.name).cloned().unwrap_or_default();
            for key in block.keys.iter().map(|key| key.name).filter(|key| !merged.contains(key)) {
                assert!(read.contains(key), "`{key}` of `{}` is in the table and is never read", block.name);
            }
        }
        for (name, keys) in &asked {
            let block = block(name).unwrap_or_else(|| panic!("there is no table of `{name}`"));
            for key in keys {
                let known = block.keys.iter().any(|entry| entry.name == *key);
                assert!(known, "`{key}` of `{name}` is read and is not in the table");
            }
        }
    }
}
