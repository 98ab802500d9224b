//! What a picture shows, as plain data: no colour, no pixel, no font.
//!
//! Units are those of the whole crate's reports: time and durations in seconds, ratios as 1.0 for
//! 100 %, everything else as it is counted. A value that is absent is `NaN` and breaks its line.

/// One picture: a headline, panels under each other with the same x, and bands through all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The finding, with its interval. Wrapped to two lines at most.
    pub headline: String,
    /// Design, replications, seed, window: what the finding rests on.
    pub subtitle: String,
    /// A last muted line (how the picture was made, what a band means).
    pub footer: String,
    /// The picture in words, for readers who cannot see it.
    pub desc: String,
    /// The range of x in seconds of simulated time; `None` takes the range of the data.
    pub span: Option<(f64, f64)>,
    /// From top to bottom.
    pub panels: Vec<Panel>,
    /// Windows of time to mark (a spike, an outage).
    pub bands: Vec<Band>,
}

/// A window of simulated time, marked in every panel and labelled once.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Start, in seconds.
    pub from: f64,
    /// End, in seconds.
    pub to: f64,
    /// What happened then.
    pub label: String,
}

/// What x is; a picture is drawn over simulated time unless it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Abscissa<'a> {
    /// Seconds of simulated time, written as a clock. The margin tells each line's peak.
    #[default]
    Time,
    /// A size on a logarithmic scale, under these words ("cache size in items"). Sizes that are not positive
    /// are absent; the plot is taller; the margin tells each line's value at the largest size.
    Size(&'a str),
}

/// One set of axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What is shown.
    pub title: String,
    /// Unit and window, muted ("requests/s, 1 s windows").
    pub note: String,
    /// The y axis.
    pub axis: Axis,
    /// Drawn in this order, the last in front; [`Stroke::Bold`] lines are in front of all others.
    pub lines: Vec<Line>,
    /// Limits and objectives.
    pub limits: Vec<Limit>,
}

/// The y axis of a panel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Axis {
    /// Linear from zero, or logarithmic.
    pub scale: Scale,
    /// How values are written.
    pub unit: Unit,
    /// Reach at least this value, so that pictures of several designs share their y.
    pub top: Option<f64>,
}

/// How a value becomes a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// From zero (or from the least value, should one be negative).
    #[default]
    Linear,
    /// Logarithmic; values that are not positive are absent.
    Log,
}

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// With k, M and G.
    #[default]
    Count,
    /// Seconds, written as ns, µs, ms or s.
    Duration,
    /// A ratio, 1.0 written as 100 %.
    Percent,
}

/// One series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Its name; shortened with an ellipsis when it is too long.
    pub label: String,
    /// What it means, which decides its colour.
    pub role: Role,
    /// How it is drawn.
    pub stroke: Stroke,
    /// (seconds, value); for replications the median.
    pub points: Vec<(f64, f64)>,
    /// (seconds, low, high), usually the 10 to 90 % range over replications; may be empty.
    pub spread: Vec<(f64, f64, f64)>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stroke {
    /// A line.
    #[default]
    Solid,
    /// A thick line in front of the others.
    Bold,
    /// A dashed line.
    Dashed,
    /// A line with the area under it filled.
    Area,
    /// An area on top of the stacked lines before it, which must have the same x values.
    /// The label's peak is that of the series itself, not of the stack.
    Stacked,
}

/// A limit or an objective: a dashed muted line with a word on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Where it lies, in the unit of the axis.
    pub value: f64,
    /// The word.
    pub label: String,
}

/// What a series means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Load offered by clients.
    #[default]
    Offered,
    /// What succeeds.
    Good,
    /// Errors: the only red of a picture.
    Error,
    /// The median latency.
    P50,
    /// The 99th percentile.
    P99,
    /// The 99.9th percentile.
    P999,
    /// A queue.
    Queue,
    /// Work in flight.
    InFlight,
    /// A database.
    Db,
    /// The n-th other component: twelve colours, and dashed from the thirteenth on.
    Component(usize),
}
