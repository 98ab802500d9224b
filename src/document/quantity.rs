//! Reading quantities: durations, rates, shares, multiples, growth, sizes, bandwidths, counts,
//! cores and prices.
//!
//! Every quantity but a count, a plain number and cores has a unit; only 0 may stand alone (and 1,
//! where a share is meant). Decimal prefixes follow the SI (`KB` is 1000 bytes) and binary ones
//! IEC 80000-13 (`KiB` is 1024). There are no months or years, whose length varies, and no locale:
//! the decimal sign is a point. What [`std::fmt::Display`] writes reads back to the same bits.

use super::amount::{Amount, Sort, shortened};
use super::code::Code;
use super::diagnostic::did_you_mean;
use crate::base::SimDuration;
use crate::base::{Bandwidth, Bytes, Cores, Factor, Growth, Money, Price, PriceUnit, Rate, Ratio};

pub use super::amount::Fault;

const DURATION: Sort =
    Sort { name: "a duration", forms: "write it like `250ms`, `10us`, `1h 30m` or `14m58s`" };
const RATE: Sort = Sort { name: "a rate", forms: "write it like `5/s`, `90/min` or `2k rps`" };
const RATIO: Sort = Sort { name: "a share", forms: "write it like `85%` or `0.1%`" };
const FACTOR: Sort = Sort { name: "a multiple", forms: "write it like `2x` or `1.5x`" };
const GROWTH: Sort = Sort { name: "a growth", forms: "write it like `2%/day`" };
const SIZE: Sort =
    Sort { name: "a size", forms: "write it like `4KB` (1000 bytes each) or `2GiB` (powers of 1024)" };
const BANDWIDTH: Sort =
    Sort { name: "a bandwidth", forms: "write it like `1Gbps` (bits) or `40MB/s` (bytes)" };
const COUNT: Sort = Sort { name: "a count", forms: "write it like `250`, `10k` or `2M`" };
const NUMBER: Sort = Sort { name: "a number", forms: "write it like `3`, `0.5` or `10k`" };
const CORES: Sort = Sort { name: "a number of cores", forms: "write it like `4`, `0.5` or `500m`" };
const PRICE: Sort = Sort { name: "a price", forms: "write it like `$0.20/h`, `$0.40/1M` or `$0.09/GB`" };

/// Nanoseconds of each unit of time, from long to short; `m` is a minute.
const TIME_UNITS: [(&str, u64); 10] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// Units of time that people write, and what to write instead.
const TIME_WORDS: [(&[&str], &str); 8] = [
    (&["mo", "mon", "month", "months", "y", "yr", "yrs", "year", "years"], ""),
    (&["w", "wk", "week", "weeks"], "a week is `7d`"),
    (&["day", "days"], "days are written `d`"),
    (&["hr", "hrs", "hour", "hours"], "hours are written `h`"),
    (&["mins", "minute", "minutes"], "minutes are written `m`"),
    (&["sec", "secs", "second", "seconds"], "seconds are written `s`"),
    (&["msec", "msecs", "milli", "millis", "millisecond", "milliseconds"], "milliseconds are written `ms`"),
    (&["usec", "usecs", "micro", "micros", "microsecond", "microseconds"], "microseconds are written `us`"),
];

const NO_MONTHS: &str = "months and years vary in length, so there are none: write days, such as `30d`";

/// Bytes of each unit of size.
const SIZE_UNITS: [(&str, u64); 12] = [
    ("B", 1),
    ("KB", 1_000),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

/// Each unit of bandwidth as power of ten and number of bytes per second.
const BANDWIDTH_UNITS: [(&str, i32, f64); 21] = [
    ("bps", 0, 0.125),
    ("kbps", 3, 0.125),
    ("Kbps", 3, 0.125),
    ("Mbps", 6, 0.125),
    ("Gbps", 9, 0.125),
    ("Tbps", 12, 0.125),
    ("bit/s", 0, 0.125),
    ("kbit/s", 3, 0.125),
    ("Kbit/s", 3, 0.125),
    ("Mbit/s", 6, 0.125),
    ("Gbit/s", 9, 0.125),
    ("Tbit/s", 12, 0.125),
    ("B/s", 0, 1.0),
    ("KB/s", 3, 1.0),
    ("kB/s", 3, 1.0),
    ("MB/s", 6, 1.0),
    ("GB/s", 9, 1.0),
    ("TB/s", 12, 1.0),
    ("KiB/s", 0, 1_024.0),
    ("MiB/s", 0, 1_048_576.0),
    ("GiB/s", 0, 1_073_741_824.0),
];

/// Seconds of each unit that a rate may be per.
const RATE_UNITS: [(&str, f64); 12] = [
    ("/s", 1.0),
    ("rps", 1.0),
    ("qps", 1.0),
    ("tps", 1.0),
    ("/sec", 1.0),
    ("/min", 60.0),
    ("/m", 60.0),
    ("rpm", 60.0),
    ("/h", 3_600.0),
    ("/hour", 3_600.0),
    ("/d", 86_400.0),
    ("/day", 86_400.0),
];

/// The power of ten of a suffix that begins `unit`, and what follows it.
fn suffix(unit: &str) -> (i32, &str) {
    for (letter, power) in [('k', 3), ('K', 3), ('M', 6), ('G', 9)] {
        if let Some(rest) = unit.strip_prefix(letter) {
            return (power, rest.trim_start());
        }
    }
    (0, unit)
}

/// Keeps what is too large for a float from becoming infinite.
fn finite(value: f64, amount: &Amount<'_>, sort: Sort) -> Result<f64, Fault> {
    if value.is_finite() { Ok(value) } else { Err(amount.too_large(sort)) }
}

/// A span of time in one or more parts, from large to small: `250ms`, `1h 30m`, `14m58s`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn duration(text: &str) -> Result<SimDuration, Fault> {
    let mut total = 0_u64;
    let mut last = u64::MAX;
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let amount = Amount::read(rest, DURATION).map_err(|fault| fault.within(at, rest))?;
        let length = amount.unit.find(|c: char| !c.is_alphabetic()).unwrap_or(amount.unit.len());
        let tail = &amount.unit[length..];
        let amount = Amount { unit: &amount.unit[..length], ..amount };
        let here = |fault: Fault| fault.within(at, rest);
        if amount.unit.is_empty() {
            if tail.is_empty() && at == 0 && amount.is_zero() {
                return Ok(SimDuration::ZERO);
            }
            if !tail.is_empty() {
                let amount = Amount { unit: tail, ..amount };
                return Err(here(amount.unknown_unit(DURATION, DURATION.forms)));
            }
            return Err(here(
                amount.missing_unit(DURATION, format!("write `{}s`", shortened(&amount.digits))),
            ));
        }
        let Some((_, nanos)) = TIME_UNITS.iter().find(|(name, _)| *name == amount.unit) else {
            return Err(here(amount.unknown_unit(DURATION, time_unit_help(amount.unit))));
        };
        if *nanos >= last {
            let message = "the parts of a duration go from large to small, each unit once";
            let fault = Fault::new(Code::BadQuantity, message, DURATION.forms);
            return Err(here(fault.at(amount.start, amount.end())));
        }
        last = *nanos;
        let part = amount.whole(*nanos).map(|(part, _)| part);
        total =
            part.and_then(|part| total.checked_add(part)).ok_or_else(|| here(amount.too_large(DURATION)))?;
        at += amount.end();
        if text[at..].trim().is_empty() {
            return Ok(SimDuration::from_nanos(total));
        }
    }
}

fn time_unit_help(unit: &str) -> String {
    let lower = unit.to_lowercase();
    match TIME_WORDS.iter().find(|(words, _)| words.contains(&lower.as_str())) {
        Some((_, "")) => NO_MONTHS.to_owned(),
        Some((_, help)) => (*help).to_owned(),
        None => did_you_mean(unit, ["ns", "us", "ms", "s", "m", "h", "d"]),
    }
}

/// Events per unit of time: `5/s`, `90/min`, `2k rps`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn rate(text: &str) -> Result<Rate, Fault> {
    let amount = Amount::read(text, RATE)?;
    let (power, unit) = suffix(amount.unit);
    if unit.is_empty() {
        if amount.is_zero() {
            return Ok(Rate::default());
        }
        let number = format!("{}{}", shortened(&amount.digits), amount.unit);
        return Err(amount.missing_unit(RATE, format!("write `{number}/s`")));
    }
    let compact: String = unit.chars().filter(|c| *c != ' ').collect();
    let Some((_, seconds)) = RATE_UNITS.iter().find(|(name, _)| *name == compact) else {
        let names = ["/s", "/min", "/h", "/day", "rps"];
        let help = if matches!(compact.as_str(), "/month" | "/mo" | "/year" | "/y") {
            NO_MONTHS.replace("`30d`", "`/day`")
        } else {
            did_you_mean(&compact, names)
        };
        return Err(amount.unknown_unit(RATE, help));
    };
    Ok(Rate::per_second(finite(amount.float(power), &amount, RATE)? / seconds))
}

/// A share: `85%`; 0 and 1 may stand alone. It may exceed 100 %, which the caller limits.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn ratio(text: &str) -> Result<Ratio, Fault> {
    let amount = Amount::read(text, RATIO)?;
    match amount.unit {
        "%" => Ok(Ratio::new(finite(amount.float(-2), &amount, RATIO)?)),
        "" => {
            let value = amount.float(0);
            if value == 0.0 || value == 1.0 {
                return Ok(Ratio::new(value));
            }
            let meant = Ratio::new(if value < 1.0 { value } else { amount.float(-2) });
            Err(amount.missing_unit(RATIO, format!("write `{}`", shortened(&meant.to_string()))))
        }
        _ => Err(amount.unknown_unit(RATIO, RATIO.forms)),
    }
}

/// A multiple: `2x`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn factor(text: &str) -> Result<Factor, Fault> {
    let amount = Amount::read(text, FACTOR)?;
    match amount.unit {
        "x" | "X" | "\u{d7}" => Ok(Factor::new(finite(amount.float(0), &amount, FACTOR)?)),
        "" if amount.is_zero() => Ok(Factor::default()),
        "" => Err(amount.missing_unit(FACTOR, format!("write `{}x`", shortened(&amount.digits)))),
        _ => Err(amount.unknown_unit(FACTOR, FACTOR.forms)),
    }
}

/// A growth that compounds daily: `2%/day`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn growth(text: &str) -> Result<Growth, Fault> {
    let amount = Amount::read(text, GROWTH)?;
    let unit: String = amount.unit.chars().filter(|c| *c != ' ').collect();
    match unit.as_str() {
        "%/day" | "%/d" => Ok(Growth::per_day(finite(amount.float(-2), &amount, GROWTH)?)),
        // Months in minutes: time is scaled by whoever writes it.
        "%/h" => Ok(Growth::per_day(24.0 * finite(amount.float(-2), &amount, GROWTH)?)),
        "%/min" => Ok(Growth::per_day(1440.0 * finite(amount.float(-2), &amount, GROWTH)?)),
        "%/s" => Ok(Growth::per_day(86_400.0 * finite(amount.float(-2), &amount, GROWTH)?)),
        "" if amount.is_zero() => Ok(Growth::default()),
        "" | "%" => Err(amount.missing_unit(GROWTH, format!("write `{}%/day`", shortened(&amount.digits)))),
        _ => Err(amount.unknown_unit(GROWTH, "growth is told per day, such as `2%/day`")),
    }
}

/// A size in bytes: `4KB` (1000 each), `2GiB` (powers of 1024).
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn bytes(text: &str) -> Result<Bytes, Fault> {
    let amount = Amount::read(text, SIZE)?;
    if amount.unit.is_empty() {
        if amount.is_zero() {
            return Ok(Bytes::new(0));
        }
        let n = shortened(&amount.digits);
        return Err(amount.missing_unit(SIZE, format!("write `{n}B`, `{n}KB` or `{n}MiB`")));
    }
    let Some((_, unit)) = SIZE_UNITS.iter().find(|(name, _)| *name == amount.unit) else {
        let names = SIZE_UNITS.iter().map(|(name, _)| *name).filter(|name| *name != "kB");
        return Err(amount.unknown_unit(SIZE, did_you_mean(amount.unit, names)));
    };
    Ok(Bytes::new(exactly(&amount, *unit, SIZE, "bytes")?))
}

/// The number x `per`, which must be whole.
fn exactly(amount: &Amount<'_>, per: u64, sort: Sort, pieces: &str) -> Result<u64, Fault> {
    let (value, exact) = amount.whole(per).ok_or_else(|| amount.too_large(sort))?;
    if exact {
        return Ok(value);
    }
    let message = if sort.name == COUNT.name {
        "a count is a whole number".to_owned()
    } else {
        format!("this is not a whole number of {pieces}")
    };
    let fault = Fault::new(Code::BadQuantity, message, format!("the nearest is `{value}`"));
    Err(fault.at(amount.start, amount.end()))
}

/// A throughput in bits (`1Gbps`) or bytes (`40MB/s`) per second.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn bandwidth(text: &str) -> Result<Bandwidth, Fault> {
    let amount = Amount::read(text, BANDWIDTH)?;
    if amount.unit.is_empty() {
        if amount.is_zero() {
            return Ok(Bandwidth::default());
        }
        let n = shortened(&amount.digits);
        return Err(amount.missing_unit(BANDWIDTH, format!("write `{n}Mbps` or `{n}MB/s`")));
    }
    let Some((_, power, unit)) = BANDWIDTH_UNITS.iter().find(|(name, ..)| *name == amount.unit) else {
        let names =
            BANDWIDTH_UNITS.iter().map(|(name, ..)| *name).filter(|name| !name.starts_with(['k', 'K']));
        return Err(amount.unknown_unit(BANDWIDTH, did_you_mean(amount.unit, names)));
    };
    let value = finite(amount.float(*power) * unit, &amount, BANDWIDTH)?;
    Ok(Bandwidth::bytes_per_second(value))
}

/// A whole number, possibly with a suffix: `250`, `10k`, `1.5M`, `1_000`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn count(text: &str) -> Result<u64, Fault> {
    let amount = Amount::read(text, COUNT)?;
    let (power, rest) = suffix(amount.unit);
    if !rest.is_empty() {
        return Err(amount.unknown_unit(COUNT, COUNT.forms));
    }
    exactly(&amount, 10_u64.pow(power.unsigned_abs()), COUNT, "pieces")
}

/// A plain number of zero or more, possibly with a suffix: `0.5`, `3`, `10k`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn number(text: &str) -> Result<f64, Fault> {
    let amount = Amount::read(text, NUMBER)?;
    let (power, rest) = suffix(amount.unit);
    if !rest.is_empty() {
        return Err(amount.unknown_unit(NUMBER, NUMBER.forms));
    }
    finite(amount.float(power), &amount, NUMBER)
}

/// A weight among others: `60`, or `60%`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn weight(text: &str) -> Result<f64, Fault> {
    if text.trim_end().ends_with('%') { ratio(text).map(Ratio::get) } else { number(text) }
}

/// CPU cores: `4`, `0.5`, or in thousandths as Kubernetes writes them, `500m`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn cores(text: &str) -> Result<Cores, Fault> {
    let amount = Amount::read(text, CORES)?;
    let power = match amount.unit {
        "" | "core" | "cores" => 0,
        "m" => -3,
        _ => return Err(amount.unknown_unit(CORES, CORES.forms)),
    };
    Ok(Cores::new(finite(amount.float(power), &amount, CORES)?))
}

/// A price: `$0.20/h`, `$0.40/1M`, `$0.09/GB`.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn price(text: &str) -> Result<Price, Fault> {
    let start = text.len() - text.trim_start().len();
    let body = text.trim();
    let Some(inner) = body.strip_prefix('$') else {
        let amount = Amount::read(text, PRICE)?;
        let help = format!("prices are in dollars: write `${}`", shortened(body));
        return Err(
            amount.missing_unit(PRICE, if amount.unit.is_empty() { PRICE.forms.to_owned() } else { help })
        );
    };
    let amount = Amount::read(inner, PRICE).map_err(|fault| fault.within(start + 1, inner))?;
    let Some(unit) = amount.unit.strip_prefix('/') else {
        let n = shortened(&amount.digits);
        let fault = if amount.unit.is_empty() {
            amount.missing_unit(PRICE, format!("write for how much: `${n}/h`, `${n}/1M` or `${n}/GB`"))
        } else {
            amount.unknown_unit(PRICE, PRICE.forms)
        };
        return Err(fault.within(start + 1, inner));
    };
    let dollars = finite(amount.float(0), &amount, PRICE).map_err(|fault| fault.within(start + 1, inner))?;
    let per = price_unit(unit.trim())
        .ok_or_else(|| amount.unknown_unit(PRICE, price_unit_help(unit.trim())).within(start + 1, inner))?;
    let nothing = match per {
        PriceUnit::Hour => false,
        PriceUnit::Count(n) => n == 0,
        PriceUnit::Bytes(n) | PriceUnit::ByteHours(n) | PriceUnit::ByteMonths(n) => n.get() == 0,
    };
    if nothing {
        let fault = Fault::new(Code::OutOfRange, "a price for nothing cannot be applied", PRICE.forms);
        return Err(fault.at(amount.unit_at, amount.end()).within(start + 1, inner));
    }
    Ok(Price { amount: Money::new(dollars), per })
}

fn price_unit(unit: &str) -> Option<PriceUnit> {
    if let Some((size, span)) = unit.split_once('/') {
        let PriceUnit::Bytes(size) = price_unit(size.trim())? else { return None };
        return match span.trim() {
            "h" | "hour" => Some(PriceUnit::ByteHours(size)),
            "month" | "mo" => Some(PriceUnit::ByteMonths(size)),
            _ => None,
        };
    }
    if matches!(unit, "h" | "hour") {
        return Some(PriceUnit::Hour);
    }
    let counted =
        if unit.starts_with(|c: char| c.is_ascii_digit()) { unit.to_owned() } else { format!("1{unit}") };
    if unit.is_empty() {
        return None;
    }
    count(&counted).map(PriceUnit::Count).or_else(|_| bytes(&counted).map(PriceUnit::Bytes)).ok()
}

fn price_unit_help(unit: &str) -> String {
    if unit.starts_with("mo") || unit.starts_with('y') {
        return "months and years vary in length: write the price per hour, such as `$0.20/h` (only what is kept is priced by a month, of 730 hours: `$0.115/GB/month`)".to_owned();
    }
    PRICE.forms.to_owned()
}

#[cfg(test)]
mod tests;
