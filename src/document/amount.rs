//! A decimal number and the unit after it, split from a text: what every quantity is read from.
//!
//! A number is digits with at most one point and `_` between digits; no exponent and no sign. It is
//! kept as text, so that a suffix moves the point before the one rounding to a float, and whole
//! quantities (nanoseconds, bytes, counts) never pass through a float at all.

use super::code::Code;

/// Why a text is not the quantity that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do, in one line.
    pub help: String,
    /// The bytes of the text that are wrong; `None` for all of it.
    pub span: Option<(usize, usize)>,
}

impl Fault {
    /// A fault of the whole text.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: help.into(), span: None }
    }

    /// Says which bytes are wrong.
    pub(super) fn at(mut self, start: usize, end: usize) -> Self {
        self.span = Some((start, end));
        self
    }

    /// The fault as seen from a text that holds `part` from byte `by` on.
    pub(super) fn within(mut self, by: usize, part: &str) -> Self {
        let (start, end) = self.span.unwrap_or((0, part.len()));
        self.span = Some((start + by, end + by));
        self
    }
}

/// What is read, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    /// With its article: `a duration`.
    pub(super) name: &'static str,
    /// How it is written.
    pub(super) forms: &'static str,
}

/// A number and what follows it.
#[derive(Clone, Debug)]
pub(super) struct Amount<'a> {
    /// Digits with at most one point between them.
    pub(super) digits: String,
    /// What follows the number, without the space between and after.
    pub(super) unit: &'a str,
    /// Where the number begins.
    pub(super) start: usize,
    /// Where the unit begins.
    pub(super) unit_at: usize,
}

impl<'a> Amount<'a> {
    /// Splits a text that is one number and one unit.
    pub(super) fn read(text: &'a str, sort: Sort) -> Result<Self, Fault> {
        let start = text.len() - text.trim_start().len();
        let body = text.trim();
        if body.is_empty() {
            return Err(Fault::new(Code::BadQuantity, format!("{} is missing", sort.name), sort.forms));
        }
        if let Some(rest) = body.strip_prefix(['-', '\u{2212}'])
            && rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '$')
        {
            let message = format!("{} cannot be negative", sort.name);
            return Err(Fault::new(Code::OutOfRange, message, sort.forms).at(start, start + body.len()));
        }
        let bytes = body.as_bytes();
        let mut end = 0;
        let mut point = false;
        let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
        while end < bytes.len() {
            let between = end > 0 && digit(end - 1) && digit(end + 1);
            match bytes[end] {
                b'0'..=b'9' => {}
                b'_' if between => {}
                b'.' if between && !point => point = true,
                _ => break,
            }
            end += 1;
        }
        let unit = body[end..].trim_start();
        if end == 0
            || unit.starts_with(['.', ',', '_', '-', '+'])
            || unit.starts_with(|c: char| c.is_ascii_digit())
        {
            let message = format!("`{}` is not {}", shortened(body), sort.name);
            let fault = Fault::new(Code::BadQuantity, message, sort.forms);
            return Err(fault.at(start, start + body.len()));
        }
        Ok(Self {
            digits: body[..end].replace('_', ""),
            unit,
            start,
            unit_at: start + body.len() - unit.len(),
        })
    }

    /// Where the unit ends.
    pub(super) fn end(&self) -> usize {
        self.unit_at + self.unit.len()
    }

    /// Whether the number is 0, which alone needs no unit.
    pub(super) fn is_zero(&self) -> bool {
        self.digits.bytes().all(|b| b == b'0' || b == b'.')
    }

    /// The float nearest to the number x 10^`shift`; infinite beyond the largest.
    pub(super) fn float(&self, shift: i32) -> f64 {
        format!("{}e{shift}", self.digits).parse().unwrap_or(f64::INFINITY)
    }

    /// The number x `per` in whole pieces, rounded to nearest, and whether that is exact.
    pub(super) fn whole(&self, per: u64) -> Option<(u64, bool)> {
        let (whole, fraction) = self.digits.split_once('.').unwrap_or((&self.digits, ""));
        let fraction = fraction.trim_end_matches('0');
        // 18 digits keep the product within u128 for every unit below 2^64; the rest only says "not exact".
        let kept = &fraction[..fraction.len().min(18)];
        let scale = 10_u128.pow(kept.len() as u32);
        let part = if kept.is_empty() { 0 } else { kept.parse::<u128>().ok()? * u128::from(per) };
        let total = whole
            .parse::<u128>()
            .ok()?
            .checked_mul(u128::from(per))?
            .checked_add((part + scale / 2) / scale)?;
        let exact = part.is_multiple_of(scale) && kept.len() == fraction.len();
        Some((u64::try_from(total).ok()?, exact))
    }

    /// The fault of a number that lacks its unit.
    pub(super) fn missing_unit(&self, sort: Sort, help: impl Into<String>) -> Fault {
        let message = format!("{} needs a unit", sort.name);
        Fault::new(Code::MissingUnit, message, help).at(self.start, self.end())
    }

    /// The fault of a unit that does not exist or measures something else.
    pub(super) fn unknown_unit(&self, sort: Sort, help: impl Into<String>) -> Fault {
        let message = format!("`{}` is not a unit of {}", shortened(self.unit), sort.name);
        Fault::new(Code::UnknownUnit, message, help).at(self.unit_at, self.end())
    }

    /// The fault of a number that is too large to represent.
    pub(super) fn too_large(&self, sort: Sort) -> Fault {
        let message = format!("{} of this size cannot be represented", sort.name);
        Fault::new(Code::OutOfRange, message, "write a smaller value").at(self.start, self.end())
    }
}

/// The first characters of a text, for a message of one line.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        short.push_str("...");
    }
    short
}
