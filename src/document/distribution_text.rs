//! Reading distributions: a value, one of the short forms, or a call.
//!
//! `8ms` is constant. `~8ms` is lognormal with that mean and a coefficient of variation of 1, the
//! usual shape of a measured service time. `8ms..60ms` is lognormal with that median and 99th
//! percentile. `60s±10%` is jittered uniformly. Calls name the textbook distributions. Parameters
//! are limited to where samples and moments stay finite numbers. Files of observed values are
//! named here, and opened elsewhere.

use super::amount::{Fault, shortened};
use super::call_text::Piece;
use super::code::Code;
use super::diagnostic::did_you_mean;
use super::quantity;
use crate::base::SimDuration;
use crate::base::random::Distribution;

pub use super::call_text::cut_by_yaml;

/// What the values of a distribution are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Times, in seconds.
    Time,
    /// Sizes, in bytes.
    Size,
    /// Plain numbers.
    Count,
}

/// A distribution as far as its text tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum DistributionText {
    /// All of it.
    Known(Distribution),
    /// The observed values are in this file: `file(latencies.csv)`.
    File(String),
}

/// Every call with an example for times, and one for plain numbers.
const CALLS: [(&str, &str, &str); 10] = [
    ("exp", "exp(8ms)", "exp(8)"),
    ("erlang", "erlang(4, 20ms)", "erlang(4, 20)"),
    ("uniform", "uniform(1ms, 3ms)", "uniform(1, 3)"),
    ("normal", "normal(10ms, 2ms)", "normal(10, 2)"),
    ("lognormal", "lognormal(mean=45s, cv=0.8)", "lognormal(mean=45, cv=0.8)"),
    ("hyperexp", "hyperexp(90%=5ms, 10%=80ms)", "hyperexp(90%=5, 10%=80)"),
    ("pareto", "pareto(min=1ms, alpha=1.2, max=1s)", "pareto(min=1, alpha=1.2, max=1k)"),
    ("mix", "mix(95%=5ms, 5%=80ms)", "mix(95%=5, 5%=80)"),
    ("geom", "geom(8)", "geom(8)"),
    ("file", "file(latencies.csv)", "file(counts.csv)"),
];

/// How deep a mix may hold another.
const DEEPEST: u32 = 8;

/// A distribution of times, sizes or counts, where a file of observed values is not allowed.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn distribution(text: &str, of: Of) -> Result<Distribution, Fault> {
    match distribution_or_file(text, of)? {
        DistributionText::Known(distribution) => Ok(distribution),
        DistributionText::File(_) => {
            let help = format!("write a form such as `{}`", example("lognormal", of).unwrap_or_default());
            Err(Fault::new(Code::BadDistribution, "observed values cannot be used here", help))
        }
    }
}

/// A distribution of times, sizes or counts, or the name of a file of observed values.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn distribution_or_file(text: &str, of: Of) -> Result<DistributionText, Fault> {
    if let Some(fault) = cut_by_yaml(text) {
        return Err(fault);
    }
    let piece = Piece::new(text, 0);
    match call(piece) {
        Some(("file", name)) if name.text.is_empty() => {
            let message = "`file` needs the name of a file";
            Err(piece.fault(Code::BadParameter, message, "write `file(latencies.csv)`"))
        }
        Some(("file", name)) => Ok(DistributionText::File(name.text.to_owned())),
        _ => form(piece, of, 0).map(DistributionText::Known),
    }
}

/// A base and a cap, as a backoff has: `50ms..2s`; one value is both.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub fn range(text: &str) -> Result<(SimDuration, SimDuration), Fault> {
    let piece = Piece::new(text, 0);
    let Some((low, high)) = piece.split_first("..") else {
        let both = piece.read(quantity::duration)?;
        return Ok((both, both));
    };
    let (base, cap) = (low.read(quantity::duration)?, high.read(quantity::duration)?);
    if base > cap {
        let help = format!("write `{cap}..{base}`");
        return Err(piece.fault(Code::BadParameter, "the range ends below where it begins", help));
    }
    Ok((base, cap))
}

/// The name and the arguments of a piece that is one call.
fn call(piece: Piece<'_>) -> Option<(&str, Piece<'_>)> {
    let open = piece.text.find('(')?;
    let inner = piece.text[open + 1..].strip_suffix(')')?;
    if cut_by_yaml(inner).is_some() {
        // As in `exp(8ms) exp(9ms)`: the last parenthesis closes another call.
        return None;
    }
    Some((piece.text[..open].trim_end(), piece.part(open + 1, open + 1 + inner.len())))
}

/// Any form but a file.
fn form(piece: Piece<'_>, of: Of, depth: u32) -> Result<Distribution, Fault> {
    if depth > DEEPEST {
        return Err(piece.fault(
            Code::BadDistribution,
            "mixes are nested too deep",
            "write one mix with more parts",
        ));
    }
    for mark in ["\u{b1}", "+/-", "+-"] {
        if let Some((base, share)) = piece.split_last(mark) {
            return jittered(piece, base, share, of, depth);
        }
    }
    if let Some(mean) = piece.text.strip_prefix('~') {
        let mean = value(Piece::new(mean, piece.at + 1), of)?;
        // The logarithm of 0 is no number, but the limit of ever smaller means is always 0.
        return Ok(if mean == 0.0 {
            Distribution::Constant(0.0)
        } else {
            Distribution::lognormal_mean_cv(mean, 1.0)
        });
    }
    if let Some((median, p99)) = piece.split_first("..") {
        return median_p99(piece, median, p99, of);
    }
    if piece.text.contains('(') {
        let Some((name, arguments)) = call(piece) else {
            let help = "a call ends with its closing parenthesis, or with jitter such as `±10%`";
            return Err(piece.fault(Code::BadDistribution, "something follows the call", help));
        };
        return Call { whole: piece, name, arguments, of, depth }.read();
    }
    if piece.text.starts_with(|c: char| c.is_alphabetic()) {
        return Err(unknown(piece, piece.text, of));
    }
    value(piece, of).map(Distribution::Constant)
}

/// The fault of a word that is no call, or a call without its arguments.
fn unknown(piece: Piece<'_>, name: &str, of: Of) -> Fault {
    if let Some(example) = example(name, of) {
        let message = format!("`{name}` needs its parameters");
        return piece.fault(Code::BadDistribution, message, format!("write it like `{example}`"));
    }
    let message = format!("`{}` is no distribution", shortened(name));
    let help = match name.to_lowercase().as_str() {
        "gauss" | "gaussian" => format!("did you mean `{}`?", example("normal", of).unwrap_or("normal")),
        "exponential" => format!("did you mean `{}`?", example("exp", of).unwrap_or("exp")),
        "geometric" => "did you mean `geom(8)`?".to_owned(),
        _ => did_you_mean(name, CALLS.iter().map(|(name, ..)| *name)),
    };
    piece.fault(Code::BadDistribution, message, help)
}

fn example(name: &str, of: Of) -> Option<&'static str> {
    let (_, time, plain) = CALLS.iter().find(|(known, ..)| *known == name)?;
    Some(if of == Of::Time { time } else { plain })
}

/// One value in the unit of `of`.
fn value(piece: Piece<'_>, of: Of) -> Result<f64, Fault> {
    match of {
        Of::Time => piece.read(quantity::duration).map(SimDuration::as_secs_f64),
        Of::Size => piece.read(quantity::bytes).map(|size| size.get() as f64),
        Of::Count => piece.read(quantity::number),
    }
}

fn positive(piece: Piece<'_>, of: Of) -> Result<f64, Fault> {
    match value(piece, of)? {
        value if value > 0.0 => Ok(value),
        _ => {
            Err(piece.fault(Code::BadParameter, "the value must be above 0 here", "for always 0, write `0`"))
        }
    }
}

/// A plain number between two bounds.
fn between(piece: Piece<'_>, least: f64, most: f64) -> Result<f64, Fault> {
    let number = piece.read(quantity::number)?;
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    let message = format!("`{}` is out of range", shortened(piece.text));
    Err(piece.fault(Code::OutOfRange, message, format!("write a number from {least} to {most}")))
}

fn jittered(
    whole: Piece<'_>,
    base: Piece<'_>,
    share: Piece<'_>,
    of: Of,
    depth: u32,
) -> Result<Distribution, Fault> {
    let width = share.read(quantity::ratio)?.get();
    if width > 1.0 {
        let help = "write at most `100%`, so that no value is negative";
        return Err(share.fault(Code::OutOfRange, "the jitter exceeds the value", help));
    }
    if matches!(call(base), Some(("file", _))) {
        let help = "put the jitter into the file's values";
        return Err(whole.fault(Code::BadDistribution, "observed values cannot be jittered", help));
    }
    let base = form(base, of, depth + 1)?;
    if matches!(base, Distribution::Jittered { .. }) {
        return Err(whole.fault(Code::BadDistribution, "the value is jittered twice", "write one jitter"));
    }
    Ok(Distribution::Jittered { base: Box::new(base), share: width })
}

fn median_p99(whole: Piece<'_>, median: Piece<'_>, p99: Piece<'_>, of: Of) -> Result<Distribution, Fault> {
    let (low, high) = (positive(median, of)?, positive(p99, of)?);
    if high < low {
        let help = "the median comes first, the 99th percentile second";
        return Err(whole.fault(Code::BadParameter, "the p99 is below the median", help));
    }
    Ok(Distribution::lognormal_median_p99(low, high))
}

/// A call that is being read.
#[derive(Clone, Copy)]
struct Call<'a> {
    whole: Piece<'a>,
    name: &'a str,
    arguments: Piece<'a>,
    of: Of,
    depth: u32,
}

impl<'a> Call<'a> {
    fn read(self) -> Result<Distribution, Fault> {
        let of = self.of;
        match self.name {
            "exp" => {
                let [mean] = self.bind(["mean"], 1)?;
                Ok(Distribution::Exponential { mean: positive(self.given(mean)?, of)? })
            }
            "erlang" => {
                let [shape, mean] = self.bind(["shape", "mean"], 2)?;
                let (shape, mean) = (self.given(shape)?, self.value(mean)?);
                // A draw costs one logarithm a stage; at 1000 the shape is a constant to within 3 %.
                match shape.read(quantity::count)? {
                    stages @ 1..=1_000 => Ok(Distribution::Erlang { shape: stages as u32, mean }),
                    _ => Err(shape.fault(
                        Code::OutOfRange,
                        "the number of stages is out of range",
                        "write a whole number from 1 to 1000",
                    )),
                }
            }
            "uniform" => {
                let [low, high] = self.bind(["low", "high"], 2)?;
                let (low, high) = (self.value(low)?, self.value(high)?);
                if low > high {
                    return Err(self.fault("the low end is above the high end"));
                }
                Ok(Distribution::Uniform { low, high })
            }
            "normal" => {
                let [mean, sd] = self.bind(["mean", "sd"], 2)?;
                Ok(Distribution::Normal { mean: self.value(mean)?, sd: self.value(sd)? })
            }
            "lognormal" => self.lognormal(),
            "pareto" => self.pareto(),
            "geom" if of == Of::Time => {
                let message = "`geom` counts 1, 2, 3, ..., which is no time";
                Err(self.whole.fault(Code::BadDistribution, message, "for times, write `exp(8ms)`"))
            }
            "geom" => {
                let [mean] = self.bind(["mean"], 1)?;
                let piece = self.given(mean)?;
                let mean = value(piece, of)?;
                if mean < 1.0 {
                    let message = "the mean of a geometric distribution on 1, 2, 3, ... is at least 1";
                    return Err(piece.fault(Code::OutOfRange, message, "write `geom(1)` or more"));
                }
                Ok(Distribution::Geometric { mean })
            }
            "mix" => {
                let part = |piece| {
                    if matches!(call(piece), Some(("file", _))) {
                        let help = "draw all values from one file";
                        let message = "a file cannot be part of a mix";
                        return Err(piece.fault(Code::BadDistribution, message, help));
                    }
                    form(piece, of, self.depth + 1)
                };
                Ok(Distribution::Mixture(self.shares(part)?))
            }
            "hyperexp" => Ok(Distribution::hyperexponential(&self.shares(|piece| value(piece, of))?)),
            "file" => Err(self.whole.fault(
                Code::BadDistribution,
                "a file stands alone",
                "write `file(latencies.csv)`",
            )),
            other => {
                let name = self.whole.part(0, other.len());
                Err(unknown(name, other, of))
            }
        }
    }

    /// The fault of parameters that do not fit.
    fn fault(self, message: impl Into<String>) -> Fault {
        let example = example(self.name, self.of).unwrap_or_default();
        self.whole.fault(Code::BadParameter, message, format!("write it like `{example}`"))
    }

    fn given(self, argument: Option<Piece<'a>>) -> Result<Piece<'a>, Fault> {
        argument.ok_or_else(|| self.fault(format!("`{}` lacks a parameter", self.name)))
    }

    fn value(self, argument: Option<Piece<'a>>) -> Result<f64, Fault> {
        value(self.given(argument)?, self.of)
    }

    /// The arguments by name: first those in order, of which at most `ordered` may be, then `name=value`.
    fn bind<const N: usize>(self, names: [&str; N], ordered: usize) -> Result<[Option<Piece<'a>>; N], Fault> {
        let mut bound = [None; N];
        let mut named = false;
        for (index, argument) in self.arguments.arguments().into_iter().enumerate() {
            let (slot, piece) = if let Some((key, piece)) = argument.split_first("=") {
                named = true;
                let Some(slot) = names.iter().position(|name| *name == key.text) else {
                    let message = format!("`{}` has no parameter `{}`", self.name, shortened(key.text));
                    return Err(key.fault(Code::BadParameter, message, did_you_mean(key.text, names)));
                };
                (slot, piece)
            } else if named || index >= ordered {
                let message = if ordered == 0 {
                    format!("the parameters of `{}` need their names", self.name)
                } else {
                    format!("`{}` has a parameter too many", self.name)
                };
                return Err(Fault {
                    span: argument.fault(Code::BadParameter, "", "").span,
                    ..self.fault(message)
                });
            } else {
                (index, argument)
            };
            if bound[slot].replace(piece).is_some() {
                let message = format!("the parameter `{}` is given twice", names[slot]);
                return Err(argument.fault(Code::BadParameter, message, "delete one"));
            }
        }
        Ok(bound)
    }

    fn lognormal(self) -> Result<Distribution, Fault> {
        match self.bind(["mean", "cv", "median", "p99"], 0)? {
            [Some(mean), Some(cv), None, None] => {
                Ok(Distribution::lognormal_mean_cv(positive(mean, self.of)?, between(cv, 0.0, 1_000.0)?))
            }
            [None, None, Some(median), Some(p99)] => median_p99(self.whole, median, p99, self.of),
            _ => Err(self.whole.fault(
                Code::BadParameter,
                "`lognormal` takes `mean` and `cv`, or `median` and `p99`",
                match self.of {
                    Of::Time => "write `lognormal(mean=45s, cv=0.8)` or `lognormal(median=8ms, p99=60ms)`",
                    Of::Size => "write `lognormal(mean=4KB, cv=0.8)` or `lognormal(median=4KB, p99=1MB)`",
                    Of::Count => "write `lognormal(mean=45, cv=0.8)` or `lognormal(median=8, p99=60)`",
                },
            )),
        }
    }

    fn pareto(self) -> Result<Distribution, Fault> {
        let [min, alpha, max] = self.bind(["min", "alpha", "max"], 3)?;
        let min = positive(self.given(min)?, self.of)?;
        let alpha = between(self.given(alpha)?, 0.1, 10.0)?;
        let max = max.map_or(Ok(f64::INFINITY), |max| value(max, self.of))?;
        if max <= min {
            return Err(self.fault("`max` must be above `min`"));
        }
        Ok(Distribution::Pareto { min, alpha, max })
    }

    /// Arguments `share=part`, whose shares sum to one.
    fn shares<T>(self, part: impl Fn(Piece<'a>) -> Result<T, Fault>) -> Result<Vec<(f64, T)>, Fault> {
        let mut parts = Vec::new();
        for argument in self.arguments.arguments() {
            let Some((share, piece)) = argument.split_first("=") else {
                let fault =
                    self.fault(format!("each part of `{}` has a share, such as `95%=...`", self.name));
                return Err(Fault { span: argument.fault(Code::BadParameter, "", "").span, ..fault });
            };
            parts.push((share.read(quantity::ratio)?.get(), part(piece)?));
        }
        if parts.is_empty() {
            return Err(self.fault(format!("`{}` has no parts", self.name)));
        }
        let sum: f64 = parts.iter().map(|(share, _)| share).sum();
        if (sum - 1.0).abs() > 1e-9 {
            let percent = libm::round(sum * 1e9) / 1e7;
            let message = format!("the shares sum to {percent} %");
            return Err(self.whole.fault(Code::BadParameter, message, "make them sum to 100 %"));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests;
