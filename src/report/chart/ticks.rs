//! Where an axis has its ticks, and how they are written.
//!
//! Steps of 1, 2, 2.5 or 5 times a power of ten give four to six intervals, so five to seven ticks,
//! and an axis ends at a tick (the "nice numbers" of Heckbert, Graphics Gems, 1990).

use super::picture::{Axis, Scale, Unit};

/// The ticks of an axis; the first and the last are its ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ticks {
    pub(super) at: Vec<f64>,
    scale: Scale,
}

impl Ticks {
    /// For values from `least` to `greatest`; `None` when there are none.
    pub(super) fn of(axis: Axis, extent: Option<(f64, f64)>) -> Self {
        let top = axis.top.filter(|top| top.is_finite() && *top > 0.0);
        let at = match axis.scale {
            Scale::Linear => {
                let (least, greatest) = extent.unwrap_or((0.0, 0.0));
                let greatest = greatest.max(top.unwrap_or(0.0));
                if least >= 0.0 && greatest <= 0.0 {
                    linear(0.0, if axis.unit == Unit::Percent { 1.0 } else { 5.0 })
                } else {
                    linear(least.min(0.0), greatest.max(0.0))
                }
            }
            Scale::Log => {
                let (least, greatest) = extent.unwrap_or_else(|| {
                    let top = top.unwrap_or(1.0);
                    (top / 1000.0, top)
                });
                logarithmic(least, greatest.max(top.unwrap_or(greatest)))
            }
        };
        Self { at, scale: axis.scale }
    }

    /// The same for points, which need no zero to stand on: values that lie close together and far from zero have the
    /// axis to themselves. Shares end at 100 %.
    pub(super) fn around(axis: Axis, extent: Option<(f64, f64)>) -> Self {
        match extent {
            Some((least, greatest))
                if axis.scale == Scale::Linear && least > 0.5 * greatest && least < greatest =>
            {
                let room = 0.08 * (greatest - least);
                let most = if axis.unit == Unit::Percent { 1.0_f64.max(greatest) } else { f64::INFINITY };
                Self { at: linear(least - room, (greatest + room).min(most)), scale: axis.scale }
            }
            _ => Self::of(axis, extent),
        }
    }

    pub(super) fn bottom(&self) -> f64 {
        self.at[0]
    }

    pub(super) fn top(&self) -> f64 {
        self.at[self.at.len() - 1]
    }

    /// Where `value` lies between the ends: 0 at the bottom, 1 at the top.
    pub(super) fn height(&self, value: f64) -> f64 {
        let (bottom, top) = (self.bottom(), self.top());
        match self.scale {
            Scale::Linear => value / (top - bottom) - bottom / (top - bottom),
            Scale::Log => libm::log10(value / bottom) / libm::log10(top / bottom),
        }
    }
}

fn power(exponent: f64) -> f64 {
    // Parsing gives the nearest number to the power; multiplying would not.
    format!("1e{exponent:.0}").parse().unwrap_or(f64::INFINITY)
}

fn linear(from: f64, to: f64) -> Vec<f64> {
    // Beyond this a range overflows, and no count or duration is near it.
    let (from, to) = (from.max(-1e300), to.min(1e300));
    let raw = ((to - from) / 6.0).max(1e-300);
    let scale = power(libm::floor(libm::log10(raw)));
    // A hair of tolerance: 1.0000001 must not need another tick.
    let enough = |step: &f64| libm::ceil(to / step - 1e-6) - libm::floor(from / step + 1e-6) <= 6.0;
    let step = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0]
        .into_iter()
        .map(|nice| nice * scale)
        .find(enough)
        .unwrap_or(50.0 * scale);
    let first = libm::floor(from / step + 1e-6) as i64;
    let last = (libm::ceil(to / step - 1e-6) as i64).max(first + 1);
    (first..=last).map(|i| round(i as f64 * step)).collect()
}

/// Without the last bits of a product, so that 3 × 0.1 is 0.3.
fn round(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}

fn logarithmic(least: f64, greatest: f64) -> Vec<f64> {
    let (mut least, mut greatest) = (least.clamp(1e-280, 1e280), greatest.clamp(1e-280, 1e280));
    if greatest < least * 10.0 {
        // Less than a decade makes noise look like a trend.
        let middle = least.sqrt() * greatest.max(least).sqrt();
        (least, greatest) = (middle / 10_f64.sqrt(), middle * 10_f64.sqrt());
    }
    let low = libm::floor(libm::log10(least)) as i32 - 1;
    let high = libm::ceil(libm::log10(greatest)) as i32 + 1;
    let dense: [&[f64]; 4] = [&[1.0, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let in_decades = dense.into_iter().map(|steps| {
        (low..=high)
            .flat_map(|d| steps.iter().map(move |s| round(s * power(f64::from(d)))))
            .collect::<Vec<_>>()
    });
    let over_decades = (2..).map(|stride: i32| {
        let low = low.div_euclid(stride) * stride;
        (low..=high + stride).step_by(stride as usize).map(|d| power(f64::from(d))).collect()
    });
    in_decades
        .chain(over_decades)
        .map(|ticks| cut(&ticks, least, greatest))
        .find(|t| t.len() <= 7)
        .unwrap_or_default()
}

/// The ticks from the last one at or below `least` to the first one at or above `greatest`.
fn cut(ticks: &[f64], least: f64, greatest: f64) -> Vec<f64> {
    let first = ticks.iter().rposition(|t| *t <= least * 1.000_001).unwrap_or(0);
    let last = ticks.iter().position(|t| *t >= greatest * 0.999_999).unwrap_or(ticks.len() - 1);
    ticks[first..=last.max(first)].to_vec()
}

/// Ticks of a logarithmic x between `from` and `to` (above zero), ten at most.
pub(super) fn sizes(from: f64, to: f64) -> Vec<f64> {
    let (low, high) = (libm::floor(libm::log10(from)) as i32, libm::ceil(libm::log10(to)) as i32);
    let inside = |tick: &f64| *tick >= from * 0.999_999 && *tick <= to * 1.000_001;
    let with = |steps: &[f64]| -> Vec<f64> {
        let ticks = (low..=high).flat_map(|d| steps.iter().map(move |s| round(s * power(f64::from(d)))));
        ticks.filter(inside).collect()
    };
    let dense: [&[f64]; 2] = [&[1.0, 2.0, 5.0], &[1.0, 3.0]];
    dense.into_iter().map(with).find(|ticks| ticks.len() <= 10).unwrap_or_else(|| with(&[1.0]))
}

/// Ticks of simulated time between `from` and `to` seconds, ten at most.
pub(super) fn time(from: f64, to: f64) -> Vec<f64> {
    const STEPS: [f64; 25] = [
        1.0,
        2.0,
        5.0,
        10.0,
        15.0,
        30.0,
        60.0,
        120.0,
        300.0,
        600.0,
        900.0,
        1800.0,
        3600.0,
        7200.0,
        10_800.0,
        21_600.0,
        43_200.0,
        86_400.0,
        172_800.0,
        604_800.0,
        1_209_600.0,
        2_419_200.0,
        8_640_000.0,
        17_280_000.0,
        43_200_000.0,
    ];
    let width = to - from;
    let step = if width <= 4.0 || width / 9.0 > STEPS[STEPS.len() - 1] {
        let raw = width / 9.0;
        let scale = power(libm::floor(libm::log10(raw.max(1e-300))));
        [1.0, 2.0, 5.0, 10.0].map(|nice| nice * scale).into_iter().find(|s| *s >= raw).unwrap_or(raw)
    } else {
        STEPS.into_iter().find(|s| width / s <= 9.0).unwrap_or(width)
    };
    let first = libm::ceil(from / step - 1e-6);
    (0..=10).map(|i| round((first + f64::from(i)) * step)).filter(|t| *t <= to + step * 1e-6).collect()
}

/// Seconds of simulated time in its two greatest units: `0`, `90s` as `1m30s`, `5m`, `1h`, `2d12h`.
pub fn format_clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    if seconds == 0.0 {
        return "0".to_owned();
    }
    if seconds < 0.999_999_5 {
        return format!("{sign}{}", format_value(seconds, Unit::Duration).replace(' ', ""));
    }
    if seconds < 10.0 {
        return format!("{sign}{}s", trim(&format!("{seconds:.3}")));
    }
    if seconds >= 1e15 {
        return format!("{sign}{seconds:.0e}s");
    }
    let whole = libm::round(seconds) as u64;
    let parts = [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")];
    let first = parts.iter().position(|part| part.0 > 0).unwrap_or(3);
    let shown = parts[first..].iter().take(2).filter(|part| part.0 > 0);
    let text: Vec<String> = shown.map(|(n, unit)| format!("{n}{unit}")).collect();
    format!("{sign}{}", text.concat())
}

/// A value with three significant digits and its unit: `1.25k`, `80 %`, `10 ms`. An en dash when it
/// is absent.
pub fn format_value(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match unit {
        Unit::Percent => format!("{} %", scaled(value * 100.0)),
        Unit::Count => scaled(value),
        Unit::Duration => {
            let (factor, name) = match value.abs() {
                0.0 => return "0".to_owned(),
                v if v < 0.999_5e-6 => (1e9, "ns"),
                v if v < 0.999_5e-3 => (1e6, "µs"),
                v if v < 0.999_5 => (1e3, "ms"),
                _ => (1.0, "s"),
            };
            format!("{} {name}", scaled(value * factor))
        }
    }
}

fn scaled(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(0.001..999.5e12).contains(&size) {
        return format!("{value:.0e}");
    }
    let (divisor, suffix) = match size {
        v if v < 999.5 => (1.0, ""),
        v if v < 999.5e3 => (1e3, "k"),
        v if v < 999.5e6 => (1e6, "M"),
        v if v < 999.5e9 => (1e9, "G"),
        _ => (1e12, "T"),
    };
    let value = value / divisor;
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{}{suffix}", trim(&format!("{value:.digits$}")))
}

fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_far_from_zero_have_the_axis_to_themselves() {
        let axis = |unit| Axis { scale: Scale::Linear, unit, top: None };
        let shares = Ticks::around(axis(Unit::Percent), Some((0.916, 1.0)));
        assert_eq!((shares.bottom(), shares.top()), (0.9, 1.0));
        let money = Ticks::around(axis(Unit::Count), Some((7.7, 7.85)));
        assert!(money.bottom() > 7.0 && money.bottom() < 7.7 && money.top() > 7.85 && money.top() < 8.5);
        assert_eq!(Ticks::around(axis(Unit::Count), Some((1.0, 4.0))).bottom(), 0.0);
        assert_eq!(Ticks::around(axis(Unit::Count), Some((3.0, 3.0))).bottom(), 0.0);
    }
}
