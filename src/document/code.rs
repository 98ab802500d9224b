//! The stable codes of everything that can be wrong with, or worth a warning about, a scenario.
//!
//! The first two digits name the group: 01 the YAML itself, 02 structure (keys, files, variants),
//! 03 quantities, 04 names that refer to something, 05 meaning. Warnings begin with `W`. A code,
//! once released, keeps its meaning; a retired code is not used again.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// The scenario runs, but probably not as meant.
    Warning,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $title:literal, $explanation:literal, $example:literal;)*) => {
        /// A stable code; `surgesim explain CODE` prints its explanation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it is printed: `E0201`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// A few words on what is wrong.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Why it is wrong and what to do.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $explanation,)* }
            }

            /// The mistake and its remedy, as YAML.
            #[must_use]
            pub const fn example(self) -> &'static str {
                match self { $(Self::$name => $example,)* }
            }
        }
    };
}

codes! {
    /// The text is no YAML.
    YamlSyntax = "E0101", "the file is not valid YAML",
        "The text cannot be read as YAML at all. Common causes: a tab used for indentation (YAML allows spaces only), a missing space after a colon, a bracket or quote that is never closed, or a value that contains `: ` or ` #` and needs quotes.",
        "run: {duration: 10m     # the closing brace is missing\nrun: {duration: 10m}    # right";
    /// A mapping has a key twice.
    DuplicateKey = "E0102", "a key is written twice in one mapping",
        "Each key of a mapping may be written once. Many YAML readers silently keep the last value, which hides mistakes; here it is an error. Merge the two entries, or delete one.",
        "run:\n  seed: 1\n  seed: 2        # E0102";
    /// The text is too large.
    TooLarge = "E0103", "the file is too large",
        "A scenario file may have at most 1 MiB of text and 50 000 values, aliases counted each time they are used. Traces and observed values belong into CSV files that the scenario names.",
        "data: {...}     # keep a million rows in `replay: {file: trace.csv}` instead";
    /// The nesting is too deep.
    TooDeep = "E0104", "the nesting is too deep",
        "Lists and mappings may be nested at most 64 deep. A real scenario needs about ten.",
        "a: [[[[ ... ]]]]";
    /// The file has several documents.
    SeveralDocuments = "E0105", "the file holds several YAML documents",
        "One file is one scenario. Several designs of the same scenario are `variants:`; several scenarios are several files.",
        "scenario: one\n---              # E0105\nscenario: two";
    /// The file is empty.
    EmptyDocument = "E0106", "the file is empty",
        "There is nothing in the file but comments or white space. `surgesim init` writes a starter.",
        "# nothing here";
    /// A key is a list, a mapping or nothing.
    BadKey = "E0107", "a key is not a name",
        "The key of an entry must be a single value: a list, a mapping or an empty key means nothing here. A key that begins with `[` or `{` must be quoted.",
        "? [a, b]\n: 1              # E0107";
    /// A merge key, alias or tag cannot be followed.
    BadAlias = "E0108", "an alias, merge key or tag cannot be used",
        "`*name` repeats the value marked `&name` earlier in the same file; `<<: *name` copies the entries of a marked mapping. The mark must come before its use, may not contain itself, and what `<<` names must be a mapping or a list of mappings. Tags such as `!custom` have no meaning here.",
        "base: &base {cpu: 4}\napp:\n  <<: *base";

    /// A key that no one knows.
    UnknownKey = "E0201", "unknown key",
        "The mapping has a key that means nothing at this place. Unknown keys are errors because a misspelt key would otherwise silently leave a default in force. `surgesim explain KIND` lists the keys of a component; `surgesim schema` prints a JSON schema for editors.",
        "components:\n  app: {kind: service, wrokers: 200}    # E0201: did you mean `workers`?";
    /// A key that must be there is not.
    MissingKey = "E0202", "a required key is missing",
        "The mapping lacks a key that has no default.",
        "components:\n  app: {cpu: 4}                     # E0202: which `kind`?\n  app: {kind: service, cpu: 4}      # right";
    /// A list where a mapping is meant, or the like.
    WrongShape = "E0203", "the value has the wrong shape",
        "A single value, a list or a mapping stands where another of the three is meant.",
        "expect: db.cpu < 80%                             # E0203: a list is meant\nexpect: [{during: end, that: db.cpu < 80%}]      # right";
    /// A word outside a closed list of words.
    UnknownChoice = "E0204", "the word is none of the choices",
        "The key takes one of a fixed list of words, and this is none of them.",
        "discipline: fifi     # E0204: did you mean `fifo`?";
    /// YAML cut a value at a comma or a brace.
    CutByYaml = "E0205", "YAML cut the value at a comma or brace",
        "Inside `{ }` and `[ ]` YAML ends a value at a comma or a bracket, so a call such as `erlang(4, 20ms)` or a path such as `GET /v1/users/{id}` falls into pieces there. Put it in quotes, or write the mapping over several lines.",
        "q: {read: row, cpu: erlang(4, 20ms)}       # E0205\nq: {read: row, cpu: \"erlang(4, 20ms)\"}     # right";
    /// A file cannot be read.
    UnreadableFile = "E0206", "a file cannot be read",
        "A file that the scenario names does not exist, may not be read, is too large, or is no UTF-8 text. Names are relative to the folder of the file that holds them.",
        "extends: basse.yaml";
    /// Files or variants that extend each other in a circle.
    ExtendsCycle = "E0207", "files or variants extend each other in a circle",
        "Following `extends` comes back to where it started, so there is no first file or variant to build on.",
        "variants:\n  - {name: a, extends: b}\n  - {name: b, extends: a}";
    /// A path that leads out of the scenario's folder.
    PathLeavesFolder = "E0208", "a path leads out of the scenario's folder",
        "A scenario may be somebody else's file, so it can name files beside and below it only: no absolute path, no `..`, no drive and no URL.",
        "extends: ../../etc/base.yaml      # E0208";
    /// A variant that is not there.
    UnknownVariant = "E0209", "there is no such variant",
        "A variant's `extends`, or `--variant`, names a variant that the file does not have. `base` is the file itself.",
        "variants:\n  - {name: fleet}\n  - {name: cached, extends: flet}     # E0209";
    /// A variant without a name, or with a name that is taken.
    BadVariantName = "E0210", "a variant needs a name of its own",
        "Every variant has a `name`, used in tables and with `--variant`; no two share one, and `base` is taken by the file itself.",
        "variants:\n  - {name: a}\n  - {name: a}     # E0210";
    /// A block that a variant may not hold.
    BlockNotInVariant = "E0211", "a variant may not hold this block",
        "A variant patches the whole scenario, but not its name, its `extends` of a file, or the list of variants.",
        "variants:\n  - {name: a, scenario: other}     # E0211";
    /// A `--set` that is no `path=value`, or whose path leads nowhere.
    BadSet = "E0212", "a --set or --vary cannot be applied",
        "The form is `path=value` with a dotted path; a segment that holds a dot or a space is quoted. The path may add a key to a mapping, but cannot step into a single value; a list's item is named by its number, from 0.",
        "--set components.app.instances=6\n--set 'clients.visitors.mix.\"GET /static/app.js\"=40'";

    /// A recorded trace that cannot be read.
    BadTrace = "E0213", "a trace of accesses cannot be read",
        "A trace for `surgesim cache` is a CSV with a key a line, or `key,size`, or with a header that names the columns `key` and `size`; or a binary `.trc` of big-endian 32-bit keys. Either may be packed as `.gz` or `.bz2`. It has at least one access and at most 100 million.",
        "1017,230\n1018,many     # E0213: the size is no number of bytes";

    /// A number without its unit.
    MissingUnit = "E0301", "the number needs a unit",
        "Every quantity has a unit, because `timeout: 30` has cost enough outages. Only 0 may stand alone.",
        "timeout: 30      # E0301\ntimeout: 30s";
    /// A text that is no quantity of this sort.
    BadQuantity = "E0302", "the value cannot be read as this kind of quantity",
        "Durations: `250ms 10us 1h 30m 14m58s`. Rates: `2k rps 90/min 5/s`. Sizes: `4KB 2GiB` (KB is 1000, KiB 1024). Bandwidths: `1Gbps 40MB/s`. Shares: `85%`. Counts: `10k 2M`. Multiples: `2x`. Growth: `2%/day`. Prices: `$0.20/h $0.40/1M $0.09/GB`.",
        "timeout: soon    # E0302";
    /// A unit that does not exist or does not belong here.
    UnknownUnit = "E0303", "the unit is not known here",
        "The number is fine, but its unit is unknown or measures something else. There are no months or years: their length varies.",
        "timeout: 3 months      # E0303\nmemory: 2s             # E0303: a size is meant";
    /// A quantity outside what makes sense.
    OutOfRange = "E0304", "the value is out of range",
        "The value is written correctly, but it is negative, too large to represent, or outside what this key allows.",
        "p: 130%     # a probability is at most 100%";
    /// A distribution that cannot be read.
    BadDistribution = "E0305", "the value cannot be read as a distribution",
        "A distribution is a quantity (`8ms`, always the same), `~8ms` (lognormal, mean 8 ms, coefficient of variation 1), `8ms..60ms` (lognormal with that median and p99), `60s±10%` (uniform jitter), or a call: exp, erlang, uniform, normal, lognormal, hyperexp, pareto, mix, geom, file.",
        "cpu: gauss(8ms)     # E0305: did you mean `normal(8ms, 2ms)`?";
    /// A distribution whose parameters make no sense.
    BadParameter = "E0306", "a distribution's parameters do not fit",
        "The call is known, but it has too few or too many arguments, one with a wrong name, or values that describe no distribution: shares that do not sum to 100 %, a low end above the high end, a p99 below the median.",
        "cpu: mix(95%=5ms, 10%=80ms)     # E0306: 105 %";
    /// A value that varies with time and cannot be read.
    BadProfile = "E0307", "a value over time cannot be read",
        "A value that varies with time is `{ramp: [0m 1k rps, 10m 4k rps]}` (straight lines between the points), `{steps: [0s 50/s, 60s 150/s]}` or `{diurnal: {mean, peak, at}}`. Each point is a time and a value; times must rise.",
        "rate: {ramp: [10m 4k rps, 0m 1k rps]}     # E0307: times must rise";

    /// A component that is not there.
    UnknownComponent = "E0401", "there is no such component",
        "A step, a pool, a fault or a `to:` names a component that the scenario does not declare.",
        "clients: {visitors: {to: ap}}     # E0401: did you mean `app`?";
    /// An endpoint that is not there.
    UnknownEndpoint = "E0402", "there is no such endpoint",
        "A client's mix or a call names an endpoint that its target does not serve.",
        "mix: {GET /v1/fed: 60}     # E0402: did you mean `GET /v1/feed`?";
    /// An entity that is not there.
    UnknownEntity = "E0403", "there is no such entity",
        "A query, a key or a fault names an entity that `data:` does not declare.",
        "query: db.feed(pst)     # E0403: did you mean `post`?";
    /// A query class that is not there.
    UnknownQuery = "E0404", "there is no such query",
        "A step names a query class that the database does not declare under `queries:`.",
        "query: db.fed(post)     # E0404: did you mean `feed`?";
    /// A kind of component that is not there.
    UnknownKind = "E0405", "there is no such kind of component",
        "`kind:` takes one of the kinds that `surgesim explain` lists.",
        "kind: servce     # E0405: did you mean `service`?";
    /// A preset that is not there.
    UnknownPreset = "E0406", "there is no such preset",
        "`preset:` names a product whose defaults are known; each kind has its own list.",
        "preset: postgress     # E0406: did you mean `postgres`?";
    /// A metric that is not there.
    UnknownMetric = "E0407", "there is no such metric",
        "An objective or expectation names a metric that no part of this scenario has. `surgesim explain METRIC` describes each.",
        "that: db.cup < 80%     # E0407: did you mean `db.cpu`?";
    /// A pool, cache layer, zone, region or other name that is not there.
    UnknownName = "E0408", "the name refers to nothing",
        "A name must be declared somewhere in the scenario before something can refer to it.",
        "zones: [a, z]     # E0408, when `network` declares a, b and c";
    /// A target of the wrong kind.
    WrongKind = "E0409", "the target is of a kind that cannot do this",
        "The name exists, but what it names cannot be used this way: a `get` needs a cache, a `send` a queue, a `query` a database.",
        "send: {to: redis}     # E0409: redis is a cache";

    /// Keys that exclude each other.
    Conflict = "E0501", "these keys exclude each other",
        "Two keys of one mapping each decide the same thing.",
        "clients: {a: {rate: 5/s, users: 20}}     # E0501: open or closed?";
    /// None of several keys, one of which is needed.
    NeedsOneOf = "E0502", "one of several keys is needed",
        "Exactly one of several keys must be written, and none is.",
        "clients: {a: {to: app}}     # E0502: rate, sessions, users or replay?";
    /// Components that call each other in a circle.
    CallCycle = "E0503", "calls lead in a circle",
        "Following the calls of an endpoint comes back to it, so one request would never end.",
        "a: calls b; b: calls a";
    /// Nothing to simulate.
    NothingToRun = "E0504", "there is nothing to simulate",
        "A run needs at least one client, one component and a length (`duration` or `requests`).",
        "clients: {}";
    /// Values that contradict each other.
    Contradiction = "E0505", "values contradict each other",
        "Each value is possible by itself, but not together with another.",
        "scale: {min: 8, max: 4}     # E0505";
    /// An expression that cannot be read.
    BadExpression = "E0506", "the expression cannot be read",
        "Objectives and expectations compare metrics with values: `db.cpu > 98% and goodput < 0.4 * offered`, `outage in 25s..60s`, `p99(GET /v1/feed) < 300ms`.",
        "that: db.cpu >> 98%     # E0506";
    /// An expression that compares what cannot be compared.
    WrongDimension = "E0507", "the two sides measure different things",
        "A comparison needs the same unit on both sides; a bare 0 fits every unit.",
        "that: db.cpu < 300ms     # E0507";
    /// A window outside the run.
    WindowOutsideRun = "E0508", "the window lies outside the run",
        "`during:` and a metric's own window must lie between 0 and the run's duration, and begin before they end.",
        "during: 50m..60m     # E0508 in a run of 40 minutes";
    /// A step that cannot be read.
    BadStep = "E0509", "the step cannot be read",
        "A step is one verb with its options: cpu, sleep, io, query, cached, get, put, invalidate, call, parallel, if, lock, send, receive, reply.",
        "- {cpu: ~8ms, sleep: 5ms}     # E0509: two steps in one";
    /// A query would join rows of different shards.
    CrossShardJoin = "E0510", "the join would cross shards",
        "A query joins rows that lie on different shards, which no shard can do by itself. Place both entities by the same key, so that rows which belong together lie together; keep the smaller one on every shard as a reference table; copy what is needed into the other's rows; or ask twice and put the answers together in the service, at the cost of a statement for every shard.",
        "order: {rows: 1M, key_of: user}\nproduct: {rows: 1k}\ndb: {shards: {by: user, count: 4}, queries: {page: {read: order, join: product}}}                          # E0510\ndb: {shards: {by: user, count: 4, reference: [product]}, queries: {page: {read: order, join: product}}}   # right";

    /// Queues that hand dead letters on in a circle.
    DeadLetterCycle = "E0511", "dead letters go round in a circle",
        "Following `dead_letter` from queue to queue comes back to where it began, so a message that always fails is worked on for ever.",
        "jobs: {dead_letter: dead}, dead: {dead_letter: jobs}     # E0511";

    /// A resource is overloaded.
    Overloaded = "W0101", "a resource is offered more than it can do",
        "The work offered to a resource, from the mix and the mean demands, exceeds its capacity at base load or at the peak. In a closed population or with shedding that can be meant; otherwise the queue grows until something gives.",
        "cpu: 2 with 780 requests/s of 8.45 core-ms: 330 %";
    /// Pools may open more connections than the database takes.
    PoolsExceedConnections = "W0102", "pools may open more connections than the database accepts",
        "Instances times pool size exceeds `max_connections`, so under load some instances cannot fill their pool and see errors that look like the database being down.",
        "instances: 6, pools: {db: {size: 20}} against max_connections: 100";
    /// Messages reappear while they are worked on.
    VisibilityTooShort = "W0103", "messages become visible again while they are still worked on",
        "The visibility timeout is not well above the time that one message takes, so slow messages are delivered twice.",
        "visibility: 30s with cpu: ~45s";
    /// A keep-alive that outlives the server's idle timeout.
    KeepAliveRace = "W0104", "a connection may be closed just as it is used",
        "The caller keeps idle connections longer than the callee does, so a request can meet a connection that has just been closed.",
        "a load balancer's keep-alive of 75 s against a server's idle timeout of 60 s";
    /// Retries multiply over layers.
    RetryAmplification = "W0105", "retries multiply over the layers",
        "Each layer retries by itself, so one request can become the product of all attempts when the last layer fails. Retry in one layer, or give the retries a budget.",
        "3 attempts in each of 3 layers: 27 calls";
    /// Nothing calls a component.
    Unreachable = "W0106", "nothing calls this component",
        "No client, step, route or queue leads to the component, so it stays idle.",
        "components: {old_cache: {kind: cache}}     # and no step uses it";
    /// A value that has no effect.
    NoEffect = "W0107", "the value has no effect here",
        "The key is known, but something else in the scenario makes it irrelevant.",
        "retry: {attempts: 1, budget: 10%}";
    /// A run too short for what it is asked.
    TooShort = "W0108", "the run is too short for what is asked of it",
        "A high percentile needs many requests, and an interval several replications.",
        "p99.9 of 500 requests";
    /// A time limit above the caller's.
    TimeoutInverted = "W0109", "an inner timeout is longer than the caller's",
        "The caller gives up first, so the callee keeps working for nobody.",
        "clients time out after 2 s, the call inside after 5 s";
    /// Retries of what may be done twice.
    RetriedTwice = "W0110", "retries can do the same thing twice",
        "POST, PATCH and writing queries are repeated although the first attempt may have been carried out: a timeout does not say whether the order was placed. Give requests a key by which the server knows a repetition, or repeat only what was never sent.",
        "mix: {POST /orders: {retry: {attempts: 3}}}     # add idempotency_key: true, or non_idempotent: false";
    /// A queue that nobody empties.
    NobodyWorks = "W0111", "nobody takes messages from the queue",
        "No worker works for the queue, and it is no other queue's `dead_letter`, so what is sent there only piles up.",
        "jobs: {kind: queue}     # and no component with `kind: worker, from: jobs`";
    /// More consumers than partitions.
    IdleConsumers = "W0112", "there are more consumers than partitions",
        "A partition is read by one consumer of a group at a time, so consumers beyond the number of partitions get nothing to do. More partitions, or fewer instances times `concurrency`.",
        "partitions: 12 with instances: 8 and concurrency: 2: four of sixteen stay idle";
}

impl Code {
    /// Whether the code is an error or a warning.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.text().starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// The code that prints so, in any case: `E0201`, `w0101`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.text().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].text() < pair[1].text()));
        for code in Code::ALL {
            assert_eq!(Code::parse(&code.text().to_lowercase()), Some(*code));
            assert!(!code.title().is_empty() && !code.explanation().is_empty() && !code.example().is_empty());
        }
    }
}
