//! What can be written on the command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

/// Simulates an API architecture under a traffic spike, before the launch and not after the outage.
#[derive(Parser, Debug)]
#[command(name = "surgesim", version)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Run a scenario: report, pictures and series under outputs/<scenario>/
    Run(Run),
    /// Compare designs: a scenario's variants, several scenarios, or saved results
    Compare(Compare),
    /// Run a scenario at every point of what is varied: a table, curves or a heat map, the knee
    Sweep(Sweep),
    /// Find the cheapest design that meets the objectives, or the largest load that a design carries
    Plan(Plan),
    /// Everything that can be known without running: mistakes, offered utilisation at base and peak
    Check(Check),
    /// Draw who calls whom
    Graph(Graph),
    /// Study a cache by itself: how often each policy misses, at each size
    Cache(Cache),
    /// Fit a scenario's workload to an access log: rates, mix, popularity, service times
    Fit(Fit),
    /// Explain a scenario with every default and preset, a kind, a preset, a metric or a code
    Explain(Explain),
    /// Print a JSON Schema of scenario files, for editors
    Schema,
    /// Print a commented starter scenario that passes `check`
    Init,
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// How a run or a comparison is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// A comment on a change, at most 65,536 characters
    Markdown,
    /// JUnit XML: a test case for each objective and expectation
    Junit,
    /// Annotations of GitHub Actions
    Github,
}

/// What makes `compare` fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum FailOn {
    /// A watched metric is surely worse than the baseline's, by more than the tolerance
    Regression,
    /// A candidate misses an objective or an expectation
    Objectives,
}

/// How designs are run and told.
#[derive(Args, Debug)]
pub(super) struct Running {
    /// Change a value of every scenario, such as components.app.instances=6
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(super) settings: Vec<String>,
    /// The seed, in place of the (first) scenario's
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Replications of each design, in place of the scenario's
    #[arg(long)]
    pub(super) replications: Option<u32>,
    /// Replicate until a metric is so sure, such as p99=5% (the half-width of its interval)
    #[arg(long, value_name = "METRIC=SHARE")]
    pub(super) until: Vec<String>,
    /// Replications at most, with --until and of `plan` [default: 50]
    #[arg(long)]
    pub(super) max_replications: Option<u32>,
    /// Threads; by default one per core
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// How the results are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: ReportFormat,
    /// An inconclusive objective counts as missed
    #[arg(long)]
    pub(super) strict: bool,
    /// No progress, no paths
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Args, Debug)]
pub(super) struct Compare {
    /// A scenario (its variants are compared), several scenarios, or saved results.json
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<String>,
    /// The design that the others are compared with; the first by default
    #[arg(long, value_name = "DESIGN")]
    pub(super) baseline: Option<String>,
    /// Compare each design with that of its name in this file, which --save-baseline wrote
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(super) baseline_file: Option<PathBuf>,
    /// Write the designs' results to a file that can be committed
    #[arg(long, value_name = "FILE")]
    pub(super) save_baseline: Option<PathBuf>,
    /// Exit with 5 on this
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub(super) fail_on: Vec<FailOn>,
    /// The share of the baseline that may change before it matters
    #[arg(long, default_value = "1%")]
    pub(super) tolerance: String,
    /// Metrics that a regression is looked for in [default: goodput,availability,mean,p50,p99,time_to_recover,cost_per_million_good]
    #[arg(long, value_name = "METRICS", value_delimiter = ',')]
    pub(super) watch: Vec<String>,
    /// Where files are written, in place of outputs/compare-<scenario>
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) running: Running,
}

#[derive(Args, Debug)]
pub(super) struct Run {
    /// The scenario; - for standard input
    pub(super) file: String,
    /// Run only this variant (`base`: the file itself)
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// Where files are written, in place of outputs/<scenario>
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) running: Running,
}

/// What is varied.
#[derive(Args, Debug)]
pub(super) struct Varying {
    /// A path with its values: db.cpu=2,4,8, components.app.instances=2..16:2, visitors.rate='10/s..1k/s log 7'; again for another path [default: the scenario's `sweep:` block]
    #[arg(long, value_name = "PATH=VALUES")]
    pub(super) vary: Vec<String>,
    /// Vary this variant [default: the file itself]
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// So many points of a Latin hypercube, in place of every combination
    #[arg(long, value_name = "POINTS")]
    pub(super) sample: Option<u64>,
    /// The hypercube's seed [default: 1]
    #[arg(long, value_name = "SEED")]
    pub(super) sample_seed: Option<u64>,
    /// More points than that are refused [default: 1000; 10000 is the most]
    #[arg(long, value_name = "POINTS")]
    pub(super) max_points: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Sweep {
    /// The scenario; - for standard input
    pub(super) file: String,
    #[command(flatten)]
    pub(super) varying: Varying,
    /// What tables and pictures show [default: p99,availability,goodput,cost]
    #[arg(long, value_name = "METRICS", value_delimiter = ',')]
    pub(super) metric: Vec<String>,
    /// Run at most so many points now; the same command goes on later
    #[arg(long, value_name = "POINTS")]
    pub(super) stop_after: Option<u64>,
    /// Where files are written and finished points are kept, in place of outputs/sweep-<scenario>
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) running: Running,
}

#[derive(Args, Debug)]
pub(super) struct Plan {
    /// The scenario; - for standard input
    pub(super) file: String,
    #[command(flatten)]
    pub(super) varying: Varying,
    /// Find the largest value of this path that meets the objectives: clients.visitors.rate, or with its ends clients.visitors.rate=10/s..500/s
    #[arg(long, value_name = "PATH", conflicts_with_all = ["vary", "sample"])]
    pub(super) max: Option<String>,
    /// With --max: how near to each other the largest load that is carried and the smallest that is not are to come
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    pub(super) within: String,
    /// What is paid
    #[arg(long, value_name = "METRIC", default_value = "cost")]
    pub(super) cost: String,
    /// Assume nothing: run every design that is cheaper than the answer
    #[arg(long)]
    pub(super) exhaustive: bool,
    /// Where files are written, in place of outputs/plan-<scenario>
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) running: Running,
}

/// How a graph is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum GraphFormat {
    /// Text that code hosts render
    Mermaid,
    /// Graphviz text
    Dot,
    /// A vector picture
    Svg,
    /// A picture
    Png,
    /// Nodes and edges
    Json,
}

#[derive(Args, Debug)]
pub(super) struct Graph {
    /// The scenario; - for standard input
    pub(super) file: String,
    /// Draw this variant
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// How it is drawn
    #[arg(long, value_enum, default_value = "mermaid")]
    pub(super) format: GraphFormat,
}

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// A file, or a name such as service, postgres, flash-sale, p99 or E0301
    pub(super) what: String,
    /// Of a file, this variant only
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// Of a file, with a value changed, such as components.app.instances=6
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(super) settings: Vec<String>,
    /// Of a file: run it, and say why it is as it is at this time, such as 14m
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Check {
    /// The scenarios; - for standard input
    #[arg(required = true)]
    pub(super) files: Vec<String>,
    /// Change a value, such as components.app.instances=6
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(super) settings: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct Cache {
    /// A trace (CSV of `key` or `key,size`, or binary .trc; .gz and .bz2 are unpacked), or a popularity
    /// such as 'zipf(1.2, 2M)' or 'uniform(50k)'
    #[arg(value_name = "TRACE|POPULARITY")]
    pub(super) source: String,
    /// In items (1k,10k) or in bytes (64MB,1GiB); by default twelve sizes up to half of the keys
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub(super) size: Vec<String>,
    /// Names such as lru,s3-fifo,min; `all` for every one
    #[arg(long, value_name = "POLICIES", value_delimiter = ',', default_value = "all")]
    pub(super) policy: Vec<String>,
    /// Accesses drawn from a popularity [default: 1M]
    #[arg(long, value_name = "COUNT")]
    pub(super) requests: Option<String>,
    /// Accesses that fill the cache and are not counted
    #[arg(long, value_name = "COUNT", default_value = "0")]
    pub(super) warmup: String,
    /// Of the drawn accesses, and of policies that draw lots
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Bytes of an item, where the trace does not say and sizes are bytes
    #[arg(long, value_name = "BYTES", default_value = "230B")]
    pub(super) item_size: String,
    /// Bytes that each item is charged beside its value, where sizes are bytes
    #[arg(long, value_name = "BYTES", default_value = "56B")]
    pub(super) overhead: String,
    /// Threads; by default one per core
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// Where files are written, in place of outputs/cache-<source>
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// How the results are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// No progress, no paths
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// The form of an access log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum LogForm {
    /// Whichever reads the first lines
    Auto,
    /// nginx's combined log, then `$request_time $upstream_response_time` (bare, or as rt=... urt=...)
    Nginx,
    /// AWS Application Load Balancer
    Alb,
    /// A JSON object to a line: time|timestamp|ts, method, path|uri|url|route, status, bytes, duration|latency|..._ms
    Json,
    /// OpenTelemetry's spans as JSON
    Otlp,
}

/// The unit of durations that are bare numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum LogUnit {
    /// Seconds
    S,
    /// Milliseconds
    Ms,
    /// Microseconds
    Us,
    /// Nanoseconds
    Ns,
}

#[derive(Args, Debug)]
pub(super) struct Fit {
    /// The access log (.gz and .bz2 are unpacked); - for standard input
    #[arg(value_name = "LOG")]
    pub(super) log: String,
    /// Its form
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) format: LogForm,
    /// The unit of durations in JSON that are bare numbers and whose names do not say it
    #[arg(long, value_enum, default_value = "s")]
    pub(super) unit: LogUnit,
    /// Where the scenario is written, in place of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Say nothing of what was found
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// The whole command line, for completions and the manual page.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}
