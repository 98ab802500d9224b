//! Numbers as engineers write them: `812 ms`, `11.8 %`, `237/s`, `1,234,567`, `$0.42/h`.
//!
//! Three significant digits, never fewer than the integer part has; a share just below one keeps two digits of
//! what is missing (`99.973 %`, not `100 %`). An interval's ends are written in the scale of its value, so that
//! the unit is read once.

use crate::experiment::results::{Estimate, MetricValue, Unit};

/// How a number of some size is written.
#[derive(Clone, Copy)]
struct Scale {
    factor: f64,
    decimals: usize,
    prefix: &'static str,
    suffix: &'static str,
}

impl Scale {
    fn bare(self, x: f64) -> String {
        let text = format!("{:.*}", self.decimals, x * self.factor);
        let zero = text.starts_with('-') && text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.'));
        if zero { text[1..].to_owned() } else { text }
    }

    fn full(self, x: f64) -> String {
        let bare = self.bare(x);
        match bare.strip_prefix('-') {
            Some(rest) => format!("-{}{rest}{}", self.prefix, self.suffix),
            None => format!("{}{bare}{}", self.prefix, self.suffix),
        }
    }
}

/// Digits behind the point for three significant ones.
fn decimals(shown: f64) -> usize {
    let size = shown.abs();
    if !size.is_finite() || size == 0.0 {
        return 0;
    }
    let mut limit = 99.95;
    for decimals in 0..7 {
        if size >= limit {
            return decimals;
        }
        limit /= 10.0;
    }
    7
}

fn scale(unit: Unit, x: f64) -> Scale {
    let size = x.abs();
    let (factor, prefix, suffix) = match unit {
        Unit::Seconds if size == 0.0 || size >= 0.9995 => (1.0, "", " s"),
        Unit::Seconds if size >= 0.000_999_5 => (1e3, "", " ms"),
        Unit::Seconds => (1e6, "", " us"),
        Unit::Share => (100.0, "", " %"),
        Unit::PerSecond if size >= 999_500.0 => (1e-6, "", "M/s"),
        Unit::PerSecond if size >= 9_995.0 => (1e-3, "", "k/s"),
        Unit::PerSecond => (1.0, "", "/s"),
        Unit::Count | Unit::Ratio => (1.0, "", ""),
        Unit::MoneyPerHour => (1.0, "$", "/h"),
        Unit::Money => (1.0, "$", ""),
    };
    let mut digits = decimals(x * factor);
    if unit == Unit::Share && size < 1.0 && size > 0.99 {
        digits = decimals((1.0 - size) * 100.0).saturating_sub(1).clamp(1, 6);
    }
    if matches!(unit, Unit::MoneyPerHour | Unit::Money) {
        // Cents, and more only of what is less than ten of them.
        digits = if size >= 0.1 { 2 } else { digits.max(2) };
    }
    Scale { factor, decimals: digits, prefix, suffix }
}

/// `x` (in the unit's base: seconds, 0..1, per second) with its unit.
#[must_use]
pub fn quantity(x: f64, unit: Unit) -> String {
    if !x.is_finite() {
        return "unlimited".to_owned();
    }
    let size = x.abs();
    match unit {
        Unit::Seconds if size >= 119.95 => duration(x),
        Unit::Count if (999.5..9e15).contains(&size) => {
            format!("{}{}", if x < 0.0 { "-" } else { "" }, count(size.round() as u64))
        }
        Unit::Count if x.fract() == 0.0 && size < 1000.0 => format!("{x:.0}"),
        _ => scale(unit, x).full(x),
    }
}

/// Like [`quantity`]; `-` for what does not exist.
pub(super) fn optional(x: Option<f64>, unit: Unit) -> String {
    x.map_or_else(|| "-".to_owned(), |x| quantity(x, unit))
}

/// A metric's value: a quantity, `never`, or `-`.
pub(super) fn value(value: MetricValue, unit: Unit) -> String {
    match value {
        MetricValue::Number(x) => quantity(x, unit),
        MetricValue::Never => "never".to_owned(),
        MetricValue::Absent => "-".to_owned(),
    }
}

/// The value with its interval: `812 ms (95 % CI 774 to 851)`; the value alone where there is none.
#[must_use]
pub fn estimate(estimate: &Estimate) -> String {
    let shown = value(estimate.value, estimate.unit);
    interval(estimate).map_or_else(|| shown.clone(), |interval| format!("{shown} (95 % CI {interval})"))
}

/// The interval's ends in the scale of the value, without unit unless the value is written in minutes or with
/// thousands separators.
pub(super) fn interval(estimate: &Estimate) -> Option<String> {
    let (x, low, high) = (estimate.value.number()?, estimate.low?, estimate.high?);
    let compound = match estimate.unit {
        Unit::Seconds => x.abs() >= 119.95,
        Unit::Count => x.abs() >= 999.5,
        _ => false,
    };
    if compound {
        return Some(format!("{} to {}", quantity(low, estimate.unit), quantity(high, estimate.unit)));
    }
    let scale = scale(estimate.unit, x);
    Some(format!("{} to {}", scale.bare(low), scale.bare(high)))
}

/// Seconds as a clock reads them: `45.0 s`, `2m 05s`, `1h 02m`, `3d 04h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let size = seconds.abs();
    if size < 119.95 || !size.is_finite() {
        return quantity(seconds, Unit::Seconds);
    }
    let whole = size.round() as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    if days > 0 {
        format!("{sign}{days}d {hours:02}h")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes:02}m")
    } else {
        format!("{sign}{minutes}m {rest:02}s")
    }
}

/// A count with commas: `1,234,567`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{count, duration, estimate, quantity};
    use crate::experiment::results::{MetricValue, Unit};
    use crate::report::fixture;

    #[test]
    fn three_digits_in_the_unit_that_fits() {
        for (x, unit, text) in [
            (0.812_4, Unit::Seconds, "812 ms"),
            (0.999_7, Unit::Seconds, "1.00 s"),
            (0.005_25, Unit::Seconds, "5.25 ms"),
            (0.000_123, Unit::Seconds, "123 us"),
            (0.0, Unit::Seconds, "0 s"),
            (12.34, Unit::Seconds, "12.3 s"),
            (125.0, Unit::Seconds, "2m 05s"),
            (0.118, Unit::Share, "11.8 %"),
            (0.0, Unit::Share, "0 %"),
            (-0.0, Unit::Share, "0 %"),
            (1.0, Unit::Share, "100 %"),
            (1.24, Unit::Share, "124 %"),
            (0.000_123_4, Unit::Share, "0.0123 %"),
            (0.999_73, Unit::Share, "99.973 %"),
            (0.9951, Unit::Share, "99.51 %"),
            (0.999_999_999, Unit::Share, "100.000000 %"),
            (237.4, Unit::PerSecond, "237/s"),
            (1238.0, Unit::PerSecond, "1238/s"),
            (12_380.0, Unit::PerSecond, "12.4k/s"),
            (1_238_000.0, Unit::PerSecond, "1.24M/s"),
            (3.421, Unit::Count, "3.42"),
            (4.0, Unit::Count, "4"),
            (1_234_567.2, Unit::Count, "1,234,567"),
            (0.42, Unit::MoneyPerHour, "$0.42/h"),
            (-1.5, Unit::Money, "-$1.50"),
            (f64::INFINITY, Unit::Count, "unlimited"),
        ] {
            assert_eq!(quantity(x, unit), text, "{x} {unit:?}");
        }
    }

    #[test]
    fn an_interval_is_written_in_the_scale_of_its_value() {
        assert_eq!(
            estimate(&fixture::estimate(0.118, Unit::Share, 0.112, 0.124)),
            "11.8 % (95 % CI 11.2 to 12.4)"
        );
        assert_eq!(
            estimate(&fixture::estimate(0.9, Unit::Seconds, 0.774, 1.026)),
            "900 ms (95 % CI 774 to 1026)"
        );
        assert_eq!(
            estimate(&fixture::estimate(130.0, Unit::Seconds, 100.0, 160.0)),
            "2m 10s (95 % CI 100 s to 2m 40s)"
        );
        assert_eq!(estimate(&fixture::single(MetricValue::Never)), "never");
        assert_eq!(estimate(&fixture::single(MetricValue::Number(0.5))), "500 ms");
        assert_eq!(estimate(&fixture::single(MetricValue::Absent)), "-");
    }

    #[test]
    fn clocks_and_counts() {
        assert_eq!(duration(2400.0), "40m 00s");
        assert_eq!(duration(60.0), "60.0 s");
        assert_eq!(duration(7320.0), "2h 02m");
        assert_eq!(duration(1_209_600.0), "14d 00h");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }
}
