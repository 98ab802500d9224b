//! What a metric's value can be, and in which unit.

/// A value that may be larger than any number, or not exist at all.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum MetricValue {
    /// An ordinary, finite value in the metric's unit.
    Number(f64),
    /// It did not come to pass within the run: larger than any time (`time_to_recover`).
    Never,
    /// Nothing to measure it on: the p99 of no requests, a share of nothing.
    Absent,
}

impl MetricValue {
    /// A number; NaN and infinities are [`Self::Absent`], for they say that there was nothing to divide.
    #[must_use]
    pub fn from_f64(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Absent }
    }

    /// The finite number, if it is one.
    #[must_use]
    pub const fn number(self) -> Option<f64> {
        match self {
            Self::Number(x) => Some(x),
            Self::Never | Self::Absent => None,
        }
    }
}

impl From<Option<f64>> for MetricValue {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Absent, Self::from_f64)
    }
}

/// A metric's unit; decides how a report writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share in 0..1 (utilisations may be written in per cent; offered ones may exceed 1).
    Share,
    /// Per second.
    PerSecond,
    /// A count or a time average of one.
    Count,
    /// A plain ratio without unit.
    Ratio,
    /// Money per hour.
    MoneyPerHour,
    /// Money.
    Money,
}

impl Unit {
    /// The unit as the JSON writes it: `s`, `share`, `1/s`, `count`, `ratio`, `$/h`, `$`.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Share => "share",
            Self::PerSecond => "1/s",
            Self::Count => "count",
            Self::Ratio => "ratio",
            Self::MoneyPerHour => "$/h",
            Self::Money => "$",
        }
    }
}
