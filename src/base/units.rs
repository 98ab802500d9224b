//! Quantities that carry their unit: rates, shares, sizes, bandwidths, cores and money.
//!
//! Each prints the way the scenario language writes it, and its text reads back to the same bits
//! (the decimal digits are the shortest that name the number; a suffix only moves the point).
//! Reading lives with the language, in `document::quantity`.

use std::fmt;

/// Events per second; finite and not negative.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Rate(f64);

/// A share: `0.85` is 85 %. Usually within 0..=1, though a growth or an overload may exceed 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Ratio(f64);

/// A multiple: `2x`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Factor(f64);

/// A relative growth per day, compounding: `2%/day` is 0.02.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Growth(f64);

/// A size in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bytes(u64);

/// A throughput in bytes per second; finite and not negative.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Bandwidth(f64);

/// CPU cores; fractions are allowed, as a container's quota is.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Cores(f64);

/// An amount of money, in the unit of the user's price list (dollars).
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Money(f64);

/// What an amount of money buys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PriceUnit {
    /// One hour of an instance.
    Hour,
    /// So many requests, messages or rows.
    Count(u64),
    /// So many bytes.
    Bytes(Bytes),
    /// So many bytes kept for an hour.
    ByteHours(Bytes),
    /// So many bytes kept for a month of [`HOURS_OF_A_MONTH`].
    ByteMonths(Bytes),
}

/// A month as price lists count it: a year of 365 days has twelve.
pub const HOURS_OF_A_MONTH: f64 = 730.0;

/// A price: `$0.20/h`, `$0.40/1M`, `$0.09/GB`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Price {
    /// What it costs.
    pub amount: Money,
    /// For how much.
    pub per: PriceUnit,
}

macro_rules! float_unit {
    ($name:ident, $new:ident, $get:ident, $unit:literal) => {
        impl $name {
            #[doc = concat!("From ", $unit, "; what is negative or no number becomes zero, what is infinite the largest number.")]
            #[must_use]
            pub fn $new(value: f64) -> Self {
                Self(if value > 0.0 { value.min(f64::MAX) } else { 0.0 })
            }

            #[doc = concat!("In ", $unit, ".")]
            #[must_use]
            pub fn $get(self) -> f64 {
                self.0
            }
        }
    };
}

float_unit!(Rate, per_second, as_per_second, "events per second");
float_unit!(Ratio, new, get, "parts of one");
float_unit!(Factor, new, get, "multiples");
float_unit!(Growth, per_day, as_per_day, "parts of one a day");
float_unit!(Bandwidth, bytes_per_second, as_bytes_per_second, "bytes per second");
float_unit!(Cores, new, get, "cores");
float_unit!(Money, new, get, "dollars");

impl Bytes {
    /// A size of so many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Price {
    /// Dollars for one hour, one piece, one byte, or one byte kept for an hour.
    #[must_use]
    pub fn each(self) -> f64 {
        match self.per {
            PriceUnit::Hour => self.amount.0,
            PriceUnit::Count(n) => self.amount.0 / n as f64,
            PriceUnit::Bytes(n) | PriceUnit::ByteHours(n) => self.amount.0 / n.0 as f64,
            PriceUnit::ByteMonths(n) => self.amount.0 / n.0 as f64 / HOURS_OF_A_MONTH,
        }
    }
}

/// The shortest decimal text of `value` x 10^`shift`, without an exponent; exact, because only the point moves.
fn shifted(value: f64, shift: i32) -> String {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if digits.bytes().all(|b| b == b'0') {
        return "0".to_owned();
    }
    let point = exponent.parse::<i32>().unwrap_or(0) + shift + 1;
    let length = digits.len() as i32;
    if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= length {
        format!("{digits}{}", "0".repeat((point - length) as usize))
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    }
}

/// `1.2k` for 1200, but `1234` for 1234: a suffix only where it makes the text no longer.
pub(crate) fn compact(value: f64) -> String {
    let plain = shifted(value, 0);
    for (least, shift, suffix) in [(1e9, -9, "G"), (1e6, -6, "M"), (1e3, -3, "k")] {
        if value >= least {
            let short = shifted(value, shift);
            if short.len() < plain.len() {
                return short + suffix;
            }
        }
    }
    plain
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", compact(self.0))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", shifted(self.0, 2))
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x", shifted(self.0, 0))
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%/day", shifted(self.0, 2))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 8] = [
            (1_000_000_000_000, "TB"),
            (1 << 40, "TiB"),
            (1_000_000_000, "GB"),
            (1 << 30, "GiB"),
            (1_000_000, "MB"),
            (1 << 20, "MiB"),
            (1_000, "KB"),
            (1 << 10, "KiB"),
        ];
        match UNITS.iter().find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = compact(self.0).replace('k', "K");
        write!(f, "{text}B/s")
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shifted(self.0, 0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = shifted(self.0, 0);
        match text.split_once('.') {
            Some((_, cents)) if cents.len() == 1 => write!(f, "${text}0"),
            _ => write!(f, "${text}"),
        }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, kept) = match self.per {
            PriceUnit::Hour => return write!(f, "{}/h", self.amount),
            PriceUnit::Count(n) => return write!(f, "{}/{}", self.amount, compact(n as f64)),
            PriceUnit::Bytes(n) => (n, ""),
            PriceUnit::ByteHours(n) => (n, "/h"),
            PriceUnit::ByteMonths(n) => (n, "/month"),
        };
        match size.to_string() {
            one if one.starts_with('1') && !one[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                write!(f, "{}/{}{kept}", self.amount, &one[1..])
            }
            many => write!(f, "{}/{many}{kept}", self.amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_print_as_the_language_writes_them() {
        assert_eq!(Rate::per_second(1_200.0).to_string(), "1.2k/s");
        assert_eq!(Rate::per_second(2_000.0).to_string(), "2k/s");
        assert_eq!(Rate::per_second(1.5).to_string(), "1.5/s");
        assert_eq!(Ratio::new(0.85).to_string(), "85%");
        assert_eq!(Ratio::new(0.001).to_string(), "0.1%");
        assert_eq!(Bytes::new(4_000).to_string(), "4KB");
        assert_eq!(Bytes::new(2 << 30).to_string(), "2GiB");
        assert_eq!(Bytes::new(1_025).to_string(), "1025B");
        assert_eq!(Bandwidth::bytes_per_second(40e6).to_string(), "40MB/s");
        assert_eq!(Growth::per_day(0.02).to_string(), "2%/day");
        assert_eq!(Factor::new(2.0).to_string(), "2x");
        let price = |amount, per| Price { amount: Money::new(amount), per }.to_string();
        assert_eq!(price(0.2, PriceUnit::Hour), "$0.20/h");
        assert_eq!(price(0.4, PriceUnit::Count(1_000_000)), "$0.40/1M");
        let gigabyte = Bytes::new(1_000_000_000);
        assert_eq!(price(0.09, PriceUnit::Bytes(gigabyte)), "$0.09/GB");
        assert_eq!(price(0.02, PriceUnit::ByteHours(gigabyte)), "$0.02/GB/h");
        assert_eq!(price(0.115, PriceUnit::ByteMonths(gigabyte)), "$0.115/GB/month");
    }

    #[test]
    fn nonsense_becomes_a_number() {
        assert_eq!(Rate::per_second(f64::NAN).as_per_second(), 0.0);
        assert_eq!(Rate::per_second(-3.0).as_per_second(), 0.0);
        assert_eq!(Rate::per_second(f64::INFINITY).as_per_second(), f64::MAX);
    }
}
