//! What a value measures: the check that seconds are not compared with shares.
//!
//! Dimensional analysis with three axes (time, bytes, money); hours that money is paid for are an axis of
//! their own, for a price per hour is not meant to be compared with one per second. What has no dimension
//! is told apart as shares, counts and ratios, which protects `app.queue < 50%`.

use crate::document::quantity::{self, Fault};
use crate::metrics::value::Unit;

/// What has no dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// A constant without unit.
    Bare,
    /// A share.
    Share,
    /// A count.
    Count,
    /// A ratio, or what multiplication made.
    Ratio,
}

/// What a value measures, as exponents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    seconds: i32,
    bytes: i32,
    dollars: i32,
    hours: i32,
    plain: Plain,
}

/// How the numbers of one measure are called and written.
pub(super) struct Wording {
    pub(super) name: &'static str,
    pub(super) form: Option<&'static str>,
}

impl Measure {
    const fn of(seconds: i32, bytes: i32, dollars: i32, hours: i32) -> Self {
        Self { seconds, bytes, dollars, hours, plain: Plain::Ratio }
    }

    pub(super) const fn plain(plain: Plain) -> Self {
        Self { plain, ..Self::of(0, 0, 0, 0) }
    }

    pub(super) const BARE: Self = Self::plain(Plain::Bare);
    pub(super) const SHARE: Self = Self::plain(Plain::Share);
    pub(super) const SECONDS: Self = Self::of(1, 0, 0, 0);
    pub(super) const PER_SECOND: Self = Self::of(-1, 0, 0, 0);
    pub(super) const BYTES: Self = Self::of(0, 1, 0, 0);
    pub(super) const BYTES_PER_SECOND: Self = Self::of(-1, 1, 0, 0);
    pub(super) const MONEY: Self = Self::of(0, 0, 1, 0);
    pub(super) const MONEY_PER_HOUR: Self = Self::of(0, 0, 1, -1);

    pub(super) const fn of_unit(unit: Unit) -> Self {
        match unit {
            Unit::Seconds => Self::SECONDS,
            Unit::Share => Self::SHARE,
            Unit::PerSecond => Self::PER_SECOND,
            Unit::Count => Self::plain(Plain::Count),
            Unit::Ratio => Self::plain(Plain::Ratio),
            Unit::MoneyPerHour => Self::MONEY_PER_HOUR,
            Unit::Money => Self::MONEY,
        }
    }

    fn dimensions(self) -> (i32, i32, i32, i32) {
        (self.seconds, self.bytes, self.dollars, self.hours)
    }

    fn has_none(self) -> bool {
        self.dimensions() == (0, 0, 0, 0)
    }

    /// What a sum, a difference or a comparison of both measures; `None` if they do not go together.
    pub(super) fn with(self, other: Self) -> Option<Self> {
        let (a, b) = (self, other);
        if a == Self::BARE && (b.has_none() || b.dollars == 1) {
            return Some(b);
        }
        if b == Self::BARE && a.dollars == 1 {
            return Some(a);
        }
        if a.dimensions() != b.dimensions() {
            return None;
        }
        match (a.plain, b.plain) {
            (x, y) if x == y => Some(a),
            (_, Plain::Bare) => Some(a),
            (Plain::Share, Plain::Count) | (Plain::Count, Plain::Share) if a.has_none() => None,
            _ => Some(Self { plain: Plain::Ratio, ..a }),
        }
    }

    /// What a product (`sign` 1) or a quotient (`sign` -1) measures.
    pub(super) fn times(self, other: Self, sign: i32) -> Self {
        let add = |a: i32, b: i32| a.saturating_add(b.saturating_mul(sign));
        let plain = match (self.plain, other.plain) {
            (plain, Plain::Bare) => plain,
            (Plain::Bare, plain) if sign > 0 => plain,
            (Plain::Count, Plain::Share) | (Plain::Share, Plain::Count) if sign > 0 => Plain::Count,
            _ => Plain::Ratio,
        };
        let product = Self {
            seconds: add(self.seconds, other.seconds),
            bytes: add(self.bytes, other.bytes),
            dollars: add(self.dollars, other.dollars),
            hours: add(self.hours, other.hours),
            plain,
        };
        if product.has_none() { product } else { Self { plain: Plain::Ratio, ..product } }
    }

    /// How its values are called and written.
    pub(super) fn wording(self) -> Wording {
        let (name, form) = match self {
            Self::BARE => ("a plain number", Some("`3`")),
            Self::SHARE => ("a share", Some("`98%` or `0.98`")),
            Self::SECONDS => ("a time", Some("`300ms`")),
            Self::PER_SECOND => ("a rate", Some("`5/s`")),
            Self::BYTES => ("a size", Some("`4KB`")),
            Self::BYTES_PER_SECOND => ("a bandwidth", Some("`40MB/s`")),
            Self::MONEY => ("an amount of money", Some("`$0.40`")),
            Self::MONEY_PER_HOUR => ("a price per hour", Some("`$5/h`")),
            m if m == Self::plain(Plain::Count) => ("a count", Some("`20`")),
            m if m.has_none() => ("a ratio", Some("`1.5`")),
            _ => ("a product of units that no metric has", None),
        };
        Wording { name, form }
    }
}

/// The value of a written quantity, in seconds, shares, per second, bytes, dollars or plain, and its measure.
pub(super) fn quantity(text: &str) -> Result<(f64, Measure), Fault> {
    let (body, priced) = text.strip_prefix('$').map_or((text, false), |rest| (rest, true));
    let unit = body.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '_');
    if priced && body.contains('/') {
        let price = quantity::price(text)?;
        let hourly = price.per == crate::base::PriceUnit::Hour;
        return Ok((price.amount.get(), if hourly { Measure::MONEY_PER_HOUR } else { Measure::MONEY }));
    }
    if priced {
        return quantity::number(body).map(|x| (x, Measure::MONEY));
    }
    if unit.is_empty() || matches!(unit, "k" | "K" | "M" | "G") {
        return Ok((quantity::number(text)?, Measure::BARE));
    }
    if unit == "%" {
        return Ok((quantity::ratio(text)?.get(), Measure::SHARE));
    }
    if matches!(unit, "x" | "X") {
        return Ok((quantity::factor(text)?.get(), Measure::plain(Plain::Ratio)));
    }
    if unit.ends_with("bps") || unit.ends_with("bit/s") || unit.ends_with("B/s") {
        return Ok((quantity::bandwidth(text)?.as_bytes_per_second(), Measure::BYTES_PER_SECOND));
    }
    if unit.contains('/') || ["rps", "qps", "tps", "rpm"].iter().any(|rate| unit.ends_with(rate)) {
        return Ok((quantity::rate(text)?.as_per_second(), Measure::PER_SECOND));
    }
    if unit.ends_with('B') {
        return Ok((quantity::bytes(text)?.get() as f64, Measure::BYTES));
    }
    Ok((quantity::duration(text)?.as_secs_f64(), Measure::SECONDS))
}
