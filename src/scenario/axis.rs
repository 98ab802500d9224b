//! A path and the values it takes: an axis of a sweep.
//!
//! | written | values |
//! |---|---|
//! | `db.cpu=2,4,8` | these |
//! | `app.instances=2..16:2` | from 2 to 16 in steps of 2; whole numbers need no step (`2..5`) |
//! | `people.rate=10/s..1k/s log 7` | seven, each the same multiple of the one before |
//! | `redis.memory=1GB..8GB linear 4` | four, evenly spaced |
//! | `app.backlog=10..1000` | for a Latin hypercube, whatever lies between |

use crate::document::{Code, Fault, did_you_mean, quantity};
use crate::scenario::setting;

/// Values of one axis at most.
pub const MOST_VALUES: usize = 10_000;

/// A path with the values it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The dotted path, as written.
    pub path: String,
    /// Its values.
    pub values: Values,
}

/// What values an axis has.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// These, as written.
    List(Vec<String>),
    /// Some between two ends.
    Range(Range),
}

/// Values between two ends, in a common unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
    /// What stands before and after the number.
    around: (String, String),
    /// Whole numbers only.
    whole: bool,
    spacing: Spacing,
}

/// Which values of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spacing {
    /// Not said: whole numbers one by one.
    Open,
    Step(f64),
    Linear(u32),
    Log(u32),
}

/// How numbers of an axis lie on a scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spread {
    /// Evenly.
    Linear,
    /// By ratios.
    Log,
}

fn fault(code: Code, message: impl Into<String>, help: impl Into<String>) -> Fault {
    Fault::new(code, message, help)
}

/// Numbers as `x` of their dimension, by what a text can be read as.
type Reader = fn(&str) -> Option<f64>;
const DIMENSIONS: [Reader; 9] = [
    |text| quantity::number(text).ok(),
    |text| quantity::ratio(text).ok().map(crate::base::Ratio::get),
    |text| quantity::factor(text).ok().map(crate::base::Factor::get),
    |text| quantity::duration(text).ok().map(crate::base::SimDuration::as_secs_f64),
    |text| quantity::rate(text).ok().map(crate::base::Rate::as_per_second),
    |text| quantity::bytes(text).ok().map(|bytes| bytes.get() as f64),
    |text| quantity::bandwidth(text).ok().map(crate::base::Bandwidth::as_bytes_per_second),
    |text| quantity::cores(text).ok().map(crate::base::Cores::get),
    |text| quantity::price(text).ok().map(|price| price.each()),
];

/// What stands before a number, and after it: `~8ms` is `~`, 8, `ms`.
fn parts(text: &str) -> Option<(&str, f64, &str)> {
    let text = text.trim();
    let start = text.find(|c: char| c.is_ascii_digit() || c == '.')?;
    let (before, rest) = text.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let number = rest[..end].parse().ok()?;
    matches!(before, "" | "~" | "$" | "~$").then_some((before, number, &rest[end..]))
}

/// The numbers of texts in the unit of the first that has one, and that unit: before and after the number.
#[must_use]
pub fn in_one_unit(texts: &[&str]) -> Option<(Vec<f64>, (String, String))> {
    let split: Vec<(&str, f64, &str)> = texts.iter().map(|text| parts(text)).collect::<Option<_>>()?;
    let unit = split.iter().find(|(.., after)| !after.is_empty()).or(split.first())?;
    let around = (unit.0.to_owned(), unit.2.to_owned());
    if split.iter().any(|(before, x, _)| *before != unit.0 && *x != 0.0) {
        return None;
    }
    if split.iter().all(|(_, x, after)| *after == unit.2 || (*x == 0.0 && after.is_empty())) {
        return Some((split.iter().map(|part| part.1).collect(), around));
    }
    // Of different units: as multiples of the first one.
    let bare = |text: &str| text.trim().trim_start_matches('~').to_owned();
    let one = bare(&format!("{}1{}", around.0, around.1));
    DIMENSIONS.iter().find_map(|read| {
        let one = read(&one).filter(|one| *one > 0.0)?;
        let all: Option<Vec<f64>> = texts.iter().map(|text| read(&bare(text)).map(|x| x / one)).collect();
        all.map(|all| (all, around.clone()))
    })
}

/// A number without the last bits of a product.
fn tidy(x: f64) -> f64 {
    format!("{x:.11e}").parse().unwrap_or(x)
}

/// Cuts at commas that stand in no brackets and no quotes.
fn items(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut from, mut all) = (0_i32, false, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                all.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    all.push(text[from..].trim());
    all
}

impl Axis {
    /// Reads `PATH=VALUES`.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let example = "write `components.app.instances=2..16:2` or `db.cpu=2,4,8`";
        let Some(at) = setting::path_end(text) else {
            return Err(fault(Code::BadSet, format!("`{text}` is no PATH=VALUES"), example));
        };
        let path = text[..at].trim();
        if setting::segments(path).is_none() {
            return Err(fault(Code::BadSet, format!("`{path}` is no path"), example));
        }
        let written = text[at + 1..].trim();
        let inner = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let list = items(inner.unwrap_or(written));
        if list.iter().any(|item| item.is_empty()) {
            return Err(fault(Code::BadSet, format!("`{text}` has an empty value"), example));
        }
        if list.len() > MOST_VALUES {
            let message = format!("{} values are more than {MOST_VALUES}", list.len());
            return Err(fault(Code::TooLarge, message, "leave some out"));
        }
        if let ([one], None) = (list.as_slice(), inner)
            && let Some(range) = Range::parse(one)?
        {
            return Ok(Self { path: path.to_owned(), values: Values::Range(range) });
        }
        let mut values: Vec<String> = Vec::new();
        for item in list {
            if values.iter().any(|other| other == item) {
                return Err(fault(
                    Code::BadSet,
                    format!("the value `{item}` stands there twice"),
                    "once is enough",
                ));
            }
            values.push(item.to_owned());
        }
        Ok(Self { path: path.to_owned(), values: Values::List(values) })
    }

    /// The values one by one, for a grid.
    ///
    /// # Errors
    /// If a range does not say which, or they are too many.
    pub fn grid(&self) -> Result<Vec<String>, Fault> {
        match &self.values {
            Values::List(values) => Ok(values.clone()),
            Values::Range(range) => range.grid(&self.path),
        }
    }

    /// The value at a place between 0 and 1, for a sample.
    #[must_use]
    pub fn at(&self, share: f64) -> String {
        match &self.values {
            Values::List(values) => {
                let at = (share * values.len() as f64) as usize;
                values.get(at.min(values.len().saturating_sub(1))).cloned().unwrap_or_default()
            }
            Values::Range(range) => match (range.spacing, range.grid(&self.path)) {
                (Spacing::Step(_), Ok(values)) => {
                    let at = (share * values.len() as f64) as usize;
                    values.get(at.min(values.len() - 1)).cloned().unwrap_or_default()
                }
                _ => range.between(share),
            },
        }
    }

    /// How its numbers lie on a scale.
    #[must_use]
    pub fn spread(&self) -> Spread {
        match &self.values {
            Values::Range(Range { spacing: Spacing::Log(_), .. }) => Spread::Log,
            _ => Spread::Linear,
        }
    }
}

impl Range {
    /// `None` if the text is none.
    fn parse(text: &str) -> Result<Option<Self>, Fault> {
        let Some((low, rest)) = text.split_once("..") else { return Ok(None) };
        let (low, rest) = (low.trim(), rest.trim());
        if parts(low).is_none() {
            return Ok(None);
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        let spaced = words
            .iter()
            .position(|word| word.chars().all(char::is_alphabetic) && word.len() > 2 && *word != "rps");
        let (ends, spacing) = match spaced.map(|at| words.split_at(at)) {
            Some((ends, spacing)) => (ends.join(" "), Some(spacing)),
            None => (rest.to_owned(), None),
        };
        let (high, step) = match ends.split_once(':') {
            Some((high, step)) => (high.trim(), Some(step.trim())),
            None => (ends.trim(), None),
        };
        let texts: Vec<&str> = [low, high].into_iter().chain(step).collect();
        let Some((numbers, around)) = in_one_unit(&texts) else {
            return Err(fault(
                Code::BadQuantity,
                format!("`{text}` is no range: its ends and its step are no numbers of one kind"),
                "write `2..16:2`, `10/s..1k/s log 7`, or a list of values such as `~8ms,~12ms`",
            ));
        };
        let (low, high) = (numbers[0], numbers[1]);
        if high < low {
            let help = format!("write the smaller one first: `{}..{}`", texts[1], texts[0]);
            return Err(fault(Code::OutOfRange, format!("the range `{text}` goes down"), help));
        }
        let whole = around.1.is_empty() && numbers.iter().all(|x| x.fract() == 0.0 && x.abs() < 9e15);
        let spacing = match (spacing, numbers.get(2)) {
            (None, None) => Spacing::Open,
            (None, Some(step)) if *step > 0.0 => Spacing::Step(*step),
            (None, Some(_)) => {
                return Err(fault(
                    Code::OutOfRange,
                    format!("`{text}` has no step above zero"),
                    "write `2..16:2`",
                ));
            }
            (Some(_), Some(_)) => {
                let message = format!("`{text}` has a step and a number of values");
                return Err(fault(Code::Conflict, message, "leave one out"));
            }
            (Some(words), None) => spaced_by(words)?,
        };
        if matches!(spacing, Spacing::Log(_)) && low <= 0.0 {
            let message = format!("`{text}` begins at {low}, and a logarithmic range begins above zero");
            return Err(fault(Code::OutOfRange, message, "begin at 1, or write `linear`"));
        }
        Ok(Some(Self { low, high, around, whole, spacing }))
    }

    fn text(&self, x: f64) -> String {
        let x = if self.whole { libm::round(x) } else { tidy(x) };
        format!("{}{x}{}", self.around.0, self.around.1)
    }

    /// The value at a place between 0 and 1.
    fn between(&self, share: f64) -> String {
        let share = share.clamp(0.0, 1.0);
        if matches!(self.spacing, Spacing::Log(_)) {
            return self.text(self.low * libm::pow(self.high / self.low, share));
        }
        if self.whole {
            // Each whole number has the same share.
            let count = self.high - self.low + 1.0;
            return self.text((self.low + libm::floor(share * count)).min(self.high));
        }
        // Three digits more than the ends have are enough, and can be read.
        self.text(format!("{:.3e}", self.low + share * (self.high - self.low)).parse().unwrap_or(self.low))
    }

    fn grid(&self, path: &str) -> Result<Vec<String>, Fault> {
        let width = self.high - self.low;
        let count = match self.spacing {
            Spacing::Step(step) => libm::floor(width / step + 1e-9) + 1.0,
            Spacing::Open if self.whole => width + 1.0,
            Spacing::Open => {
                let (low, high) = (self.text(self.low), self.text(self.high));
                return Err(fault(
                    Code::OutOfRange,
                    format!("`{path}={low}..{high}` does not say which values"),
                    format!(
                        "give a step (`{low}..{high}:STEP`), a number (`{low}..{high} linear 5`, `log 5`), or `--sample 50`"
                    ),
                ));
            }
            Spacing::Linear(n) | Spacing::Log(n) => f64::from(n),
        };
        if count > MOST_VALUES as f64 {
            let message = format!("`{path}` has {count:.0} values, and {MOST_VALUES} at most");
            return Err(fault(Code::TooLarge, message, "make the step larger, or write `log 10`"));
        }
        let value = |i: u32| {
            let share = if count > 1.0 { f64::from(i) / (count - 1.0) } else { 0.0 };
            match self.spacing {
                Spacing::Step(step) => self.low + f64::from(i) * step,
                Spacing::Open => self.low + f64::from(i),
                Spacing::Linear(_) => self.low + share * width,
                Spacing::Log(_) => self.low * libm::pow(self.high / self.low, share),
            }
        };
        let mut texts: Vec<String> = (0..count as u32).map(|i| self.text(value(i))).collect();
        texts.dedup();
        Ok(texts)
    }
}

/// `log 7` or `linear 7`.
fn spaced_by(words: &[&str]) -> Result<Spacing, Fault> {
    let count = match words.get(1) {
        None => 5,
        Some(text) => quantity::count(text)
            .ok()
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=MOST_VALUES as u32).contains(n))
            .ok_or_else(|| {
                fault(
                    Code::OutOfRange,
                    format!("`{text}` is no number of values"),
                    format!("write one from 1 to {MOST_VALUES}"),
                )
            })?,
    };
    match words {
        ["log" | "logarithmic", ..] if words.len() <= 2 => Ok(Spacing::Log(count)),
        ["linear" | "lin", ..] if words.len() <= 2 => Ok(Spacing::Linear(count)),
        _ => {
            let word = words.first().copied().unwrap_or_default();
            Err(fault(
                Code::UnknownChoice,
                format!("a range is not spaced by `{}`", words.join(" ")),
                did_you_mean(word, ["log", "linear"]),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Vec<String> {
        Axis::parse(text).and_then(|axis| axis.grid()).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
    }

    #[test]
    fn every_form_gives_its_values() {
        for (text, values) in [
            ("a.b=2..16:2", "2 4 6 8 10 12 14 16"),
            ("a.b=2..5", "2 3 4 5"),
            ("a.b=2,4,8", "2 4 8"),
            ("a.b=[2, 4, 8]", "2 4 8"),
            ("a.b=2..7:2", "2 4 6"),
            ("a.b=1..1000 log 4", "1 10 100 1000"),
            ("a.b=1..3 log 9", "1 2 3"),
            ("a.b=10/s..1k/s log 3", "10/s 100/s 1000/s"),
            ("a.b=0..100/s:50/s", "0/s 50/s 100/s"),
            ("a.b=500ms..2s:500ms", "500ms 1000ms 1500ms 2000ms"),
            ("a.b=1GB..4GB linear 4", "1GB 2GB 3GB 4GB"),
            ("a.b=500m..2:500m", "500m 1000m 1500m 2000m"),
            ("a.b=~4ms..~12ms:~4ms", "~4ms ~8ms ~12ms"),
            ("a.b=0.1..0.3:0.1", "0.1 0.2 0.3"),
            ("a.b=$0.10/h..$0.20/h:$0.05/h", "$0.1/h $0.15/h $0.2/h"),
            ("a.b=5%..20%:5%", "5% 10% 15% 20%"),
            ("a.b=fifo,lifo", "fifo lifo"),
            ("a.b=7", "7"),
            ("a.b=2..2", "2"),
        ] {
            assert_eq!(grid(text).join(" "), values, "{text}");
        }
        assert_eq!(grid("a.b=erlang(4, 20ms),8ms..60ms"), ["erlang(4, 20ms)", "8ms..60ms"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_a_remedy() {
        for (text, code, part) in [
            ("a.b", Code::BadSet, "PATH=VALUES"),
            ("a..b=2", Code::BadSet, "no path"),
            ("a.b=", Code::BadSet, "empty"),
            ("a.b=2,,4", Code::BadSet, "empty"),
            ("a.b=2,2", Code::BadSet, "twice"),
            ("a.b=2..1:1", Code::OutOfRange, "goes down"),
            ("a.b=1..2:0", Code::OutOfRange, "step above zero"),
            ("a.b=1..10:2 log 3", Code::Conflict, "step and a number"),
            ("a.b=0..10 log 3", Code::OutOfRange, "above zero"),
            ("a.b=1..10 lag 3", Code::UnknownChoice, "`lag 3`"),
            ("a.b=1..10 log 0", Code::OutOfRange, "`0`"),
            ("a.b=1ms..2GB:1ms", Code::BadQuantity, "of one kind"),
            ("a.b=1..1000000:1", Code::TooLarge, "1000000 values"),
            ("a.b=8ms..60ms", Code::OutOfRange, "does not say which"),
            ("a.b=1..two", Code::BadQuantity, "no range"),
        ] {
            let found = Axis::parse(text).and_then(|axis| axis.grid()).expect_err(text);
            assert!(found.code == code && found.message.contains(part), "{text}: {found:?}");
            assert!(!found.help.is_empty());
        }
    }

    #[test]
    fn a_sample_reaches_from_end_to_end() {
        let at = |text: &str, share| Axis::parse(text).expect(text).at(share);
        assert_eq!(
            (at("a.b=1..4", 0.0), at("a.b=1..4", 0.3), at("a.b=1..4", 0.999)),
            ("1".into(), "2".into(), "4".into())
        );
        assert_eq!(at("a.b=8ms..60ms", 0.5), "34ms");
        assert_eq!(at("a.b=1..10000 log 3", 0.5), "100");
        assert_eq!(at("a.b=2..16:2", 0.99), "16");
        assert_eq!(at("a.b=x,y", 0.5), "y");
    }
}
