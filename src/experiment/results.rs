//! What one invocation found out, as plain data: all that the text report, the JSON, the CSV and the
//! charts are made from. Nothing here computes; [`super::aggregate`] fills it.
//!
//! Units everywhere: times and durations in seconds since the start of the run, shares in 0..1,
//! rates per second, money in the scenario's currency. Lists keep the scenario's order, so two
//! reports of one run are equal byte for byte.
//!
//! Rule: every point value comes with the values of the single replications that it was made from, so
//! that two designs run with common random numbers can be paired afterwards.

pub use crate::metrics::{MetricValue, Unit};

/// The version of the JSON's shape; grows when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// Grows when the same scenario and seed give other numbers than before, so that points of a sweep that an older
/// program ran are run again.
pub const RESULTS_VERSION: u32 = 2;

/// A metric over all replications of one variant.
#[derive(Clone, PartialEq, Debug)]
pub struct Estimate {
    /// The mean over replications, [`MetricValue::Never`] if any replication says so; a percentile: that of the
    /// histograms merged over replications.
    pub value: MetricValue,
    /// The unit of all numbers in here.
    pub unit: Unit,
    /// Lower end of the 95 % interval ([`super::sampled`]); `None` with one replication, or where the
    /// value or any replication's is no number.
    pub low: Option<f64>,
    /// Upper end; see `low`.
    pub high: Option<f64>,
    /// The value, where it is that of all replications together and no mean of theirs.
    pub pooled: Option<f64>,
    /// The jackknife's pseudo-values of such a value, one for each replication; empty of a mean.
    pub pseudo: Vec<f64>,
    /// Each replication's own value, in the order of replications.
    pub each: Vec<MetricValue>,
}

impl Estimate {
    /// Cuts the interval to what the values can be.
    pub fn cut_to(&mut self, (least, most): (f64, f64)) {
        let cut = |end: Option<f64>| end.map(|end| end.clamp(least, most));
        (self.low, self.high) = (cut(self.low), cut(self.high));
    }
}

/// The results of one scenario file: all its variants.
#[derive(Clone, PartialEq, Debug)]
pub struct RunResults {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's one-sentence description; empty if none.
    pub about: String,
    /// The seed that all streams derive from.
    pub seed: u64,
    /// False if the run was interrupted or a budget was spent: some replications are missing or short.
    pub complete: bool,
    /// Designs, in the order they were asked for; the first is the baseline.
    pub variants: Vec<VariantResults>,
}

/// The results of one design.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct VariantResults {
    /// The variant's name; `base` for the file itself.
    pub name: String,
    /// Replications that finished and are in the numbers.
    pub replications: u32,
    /// The warm-up that was cut off, in seconds; 0 if none.
    pub warmup: f64,
    /// Simulated time of one replication in seconds, warm-up included (the mean, if runs differ in length).
    pub duration: f64,
    /// Every metric by its name, in the order a report shows them.
    pub metrics: Vec<(String, Estimate)>,
    /// What was opened and closed.
    pub conservation: Conservation,
    /// What became of the messages of each queue.
    pub messages: Vec<MessageRow>,
    /// Errors by who made them and why, the most frequent first.
    pub errors: Vec<ErrorRow>,
    /// One row per endpoint of each client population, in the order of its mix.
    pub endpoints: Vec<EndpointRow>,
    /// One row per component and role (summed over its instances), followed by its instances if several.
    pub resources: Vec<ResourceRow>,
    /// The scenario's objectives, in order.
    pub objectives: Vec<Judgement>,
    /// The scenario's expectations, in order.
    pub expectations: Vec<Judgement>,
    /// How it went over time.
    pub series: Series,
    /// Things that the reader must know about these numbers, in words, the gravest first.
    pub notices: Vec<String>,
    /// Surges and faults that end, in the order of the scenario.
    pub troubles: Vec<Trouble>,
    /// What is paid for, if the scenario has prices.
    pub bill: Vec<BillRow>,
    /// The error budgets of objectives on availability.
    pub budgets: Vec<BudgetRow>,
    /// How sure the metrics are that were to be replicated until they are sure.
    pub precision: Vec<Precision>,
}

/// One line of the bill, averaged over replications, after the warm-up.
#[derive(Clone, PartialEq, Debug)]
pub struct BillRow {
    /// Whose; none for traffic as a whole.
    pub component: Option<String>,
    /// What: `instances`, `cores`, `requests`, `egress`, ...
    pub what: String,
    /// How much there was of it: on average of what is kept, per hour of what is done (sizes in bytes).
    pub quantity: f64,
    /// The price as written: `$0.20/h`.
    pub price: String,
    /// Whether the price is a placeholder.
    pub unverified: bool,
    /// Money per hour.
    pub per_hour: f64,
}

/// The error budget of one objective.
#[derive(Clone, PartialEq, Debug)]
pub struct BudgetRow {
    /// The objective as the scenario writes it.
    pub objective: String,
    /// The share of answers that may be bad.
    pub budget: f64,
    /// The share of a budget of 30 days that the run spends, at the rate of its first minute.
    pub spent: Estimate,
    /// Alerts, the most urgent first.
    pub alerts: Vec<AlertRow>,
}

/// One alert on an error budget.
#[derive(Clone, PartialEq, Debug)]
pub struct AlertRow {
    /// The burn rate at which it fires.
    pub rate: f64,
    /// Its long and short window in seconds.
    pub windows: (f64, f64),
    /// The largest burn rate over the long window, and over the short one.
    pub burnt: (Estimate, Estimate),
    /// When it first fires, in seconds of simulated time; never is a value.
    pub fires: Estimate,
}

/// A metric that was to be replicated until its interval is narrow enough.
#[derive(Clone, PartialEq, Debug)]
pub struct Precision {
    /// The metric's name.
    pub metric: String,
    /// The largest half-width of its interval that was asked for, relative to its value.
    pub asked: f64,
    /// What was reached, at the level of a sequential rule; `None` where there is no interval.
    pub reached: Option<f64>,
    /// Whether that is enough.
    pub met: bool,
}

/// A surge or a fault, for as long as it lasts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trouble {
    /// Seconds at which it begins.
    pub from: f64,
    /// Seconds at which it ends (a surge: the end of its hold).
    pub to: f64,
    /// `spike` or `fault`.
    pub word: &'static str,
}

impl VariantResults {
    /// The estimate of the metric called `name`.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Estimate> {
        self.metrics.iter().find(|(other, _)| other == name).map(|(_, estimate)| estimate)
    }
}

/// Counts that must add up; sums over replications, warm-up included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conservation {
    /// Requests sent by clients.
    pub sent: u64,
    /// Good answers in time.
    pub good: u64,
    /// Error answers, 503s too.
    pub failed: u64,
    /// Given up by the client (timeout or deadline).
    pub abandoned: u64,
    /// Not yet ended when the run was cut.
    pub in_flight: u64,
    /// Visits to components that began.
    pub calls_opened: u64,
    /// Visits that ended.
    pub calls_closed: u64,
    /// Visits open when the run was cut.
    pub calls_in_flight: u64,
}

impl Conservation {
    /// Whether what was opened is closed or still there: requests and calls alike.
    ///
    /// `in_flight` is counted by starts and ends of the run, so an end without a start shows up as a
    /// count that does not add up.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.sent == self.good + self.failed + self.abandoned + self.in_flight
            && self.calls_opened == self.calls_closed + self.calls_in_flight
    }
}

/// What became of the messages of one queue; sums over replications, warm-up included.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageRow {
    /// The queue.
    pub queue: String,
    /// Taken over from senders.
    pub published: u64,
    /// Their work was done.
    pub acked: u64,
    /// Gone to the dead-letter queue.
    pub dead_lettered: u64,
    /// Kept too long.
    pub expired: u64,
    /// Given way in a full queue, or delivered too often.
    pub dropped: u64,
    /// Gone, and nobody has done their work.
    pub lost: u64,
    /// Waiting when the run was cut.
    pub waiting: u64,
    /// With a consumer, or on the way to the dead-letter queue, when the run was cut.
    pub in_flight: u64,
    /// Deliveries after the first.
    pub redelivered: u64,
    /// Work that was done once more.
    pub duplicates: u64,
}

impl MessageRow {
    /// Whether every message is accounted for. What waits and is in flight is observed as a level, apart from
    /// the counts, so that the two can contradict each other.
    #[must_use]
    pub const fn holds(&self) -> bool {
        let ended = self.acked + self.dead_lettered + self.expired + self.dropped + self.lost;
        self.published == ended + self.waiting + self.in_flight
    }
}

/// Requests that ended with one kind of error.
#[derive(Clone, PartialEq, Debug)]
pub struct ErrorRow {
    /// The component that made the error (or the client, where it gave up).
    pub component: String,
    /// Why, in words.
    pub reason: String,
    /// HTTP status; 0 where nobody answered.
    pub status: u16,
    /// Requests that started after the warm-up and ended so, summed over replications.
    pub count: u64,
    /// Their share of the requests that started after the warm-up and ended.
    pub share: f64,
}

/// One endpoint as its clients saw it; requests that started after the warm-up.
#[derive(Clone, PartialEq, Debug)]
pub struct EndpointRow {
    /// The client population.
    pub client: String,
    /// The endpoint, as the mix writes it: `GET /v1/feed`.
    pub endpoint: String,
    /// Requests sent, summed over replications.
    pub sent: u64,
    /// Good answers among them.
    pub good: u64,
    /// Requests among them that ended otherwise (error answers and those given up).
    pub errors: u64,
    /// Median latency of the good ones in seconds, from the histograms merged over replications; `None` without any.
    pub p50: Option<f64>,
    /// Their 99th percentile, likewise.
    pub p99: Option<f64>,
}

/// One resource, averaged over replications, after the warm-up.
#[derive(Clone, PartialEq, Debug)]
pub struct ResourceRow {
    /// The component.
    pub component: String,
    /// Which instance; `None` for all of them together (utilisations are means, counts are sums).
    pub instance: Option<u32>,
    /// What it is, as the vocabulary writes it: `cpu`, `workers`, `io`, `connections`, `pool(db)`, `locks`, `wal`, `link`.
    pub role: String,
    /// Servers (time average); infinite where nothing limits.
    pub servers: f64,
    /// Work asked for / (servers x time); may exceed 1. `None` where demand is not known in advance.
    pub offered_utilisation: Option<f64>,
    /// Busy servers / servers; `None` where servers are unlimited.
    pub utilisation: Option<f64>,
    /// Mean number waiting.
    pub mean_queue: f64,
    /// Largest number waiting at any instant, in any replication.
    pub max_queue: u64,
    /// Mean time waited until granted, in seconds, zero waits included; `None` if nobody was granted.
    pub mean_wait: Option<f64>,
    /// 99th percentile of that time, in seconds.
    pub p99_wait: Option<f64>,
    /// |L - lambda W| / L with L the time average of those present, lambda W the sum of their stays per
    /// second. Not zero in a cut run: those present at its ends are counted on one side only.
    pub littles_law: Option<f64>,
    /// |U - X S| / U with U the mean number of busy servers, X S the work asked for per second; the same caveat.
    pub utilisation_law: Option<f64>,
}

/// How an objective or an expectation came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The whole interval is inside (an expectation: it holds in every replication).
    Met,
    /// None of the interval is inside (an expectation: it fails in at least one replication).
    Missed,
    /// The interval reaches across the limit; more or longer replications would tell.
    Inconclusive,
}

impl Verdict {
    /// `met`, `missed` or `inconclusive`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// One objective or expectation, judged.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// The expression as the scenario writes it.
    pub text: String,
    /// The window as the scenario writes it (`3m..8m`, `end`); `None` for the whole run.
    pub during: Option<String>,
    /// How it came out.
    pub verdict: Verdict,
    /// The left-hand side of its first comparison: mean, interval, and each replication's own value.
    pub value: Estimate,
    /// Whether it held on each replication's own values, in the order of replications.
    pub held: Vec<bool>,
    /// The file and the line that say it, where they are known.
    pub written_at: Option<(String, u32)>,
}

/// Time series on one grid of buckets; over replications the median of each bucket, and a band.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Series {
    /// Width of a bucket in seconds.
    pub bucket: f64,
    /// Start of each bucket in seconds; warm-up included. The last one may be cut short by the run's end;
    /// its rates are per second of the part that was run.
    pub t: Vec<f64>,
    /// Columns, each as long as `t`, in the order of a report.
    pub columns: Vec<SeriesColumn>,
}

impl Series {
    /// The column called `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&SeriesColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// One named series: `offered`, `goodput`, `throughput`, `p50`, `p99`, `p99.9`, `errors.<code>`, `timeouts`,
/// `<component>.cpu`, `.utilisation`, `.queue`, `.in_flight`, `<component>.pool(<target>).utilisation`, ...
///
/// Counts are per second (`errors.503` too), latencies those of the good answers that arrived in the bucket,
/// all else time averages over it.
#[derive(Clone, PartialEq, Debug)]
pub struct SeriesColumn {
    /// The metric's name.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// Median over replications; `None` where no replication has a value (no answer arrived).
    pub median: Vec<Option<f64>>,
    /// 10th percentile over replications (equal to the median with one replication).
    pub low: Vec<Option<f64>>,
    /// 90th percentile over replications.
    pub high: Vec<Option<f64>>,
}
