//! How popular each of many keys is, as the command line writes it: `zipf(1.2, 2M)`, `uniform(50k)`.
//!
//! Accesses are independent of each other (the independent reference model), which real traces are not:
//! they have more locality, so small caches do better on them.

use crate::base::random::{Draws, Zipf};
use crate::document::{Code, Fault, quantity};

/// The most keys.
const MOST_KEYS: u64 = 4_000_000_000;

/// A distribution over keys.
#[derive(Clone, PartialEq, Debug)]
pub struct Popularity(Zipf);

impl Popularity {
    /// Whether `text` has the form of a call, and is no file's name.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.ends_with(')')
            && text.split('(').next().is_some_and(|name| name.trim().chars().all(char::is_alphabetic))
    }

    /// Reads `zipf(EXPONENT, KEYS)` or `uniform(KEYS)`.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let help = "write `zipf(0.99, 1M)` (exponent, keys) or `uniform(50k)`";
        let fault = |code, message: &str| Fault::new(code, message, help);
        let (name, arguments) = text
            .trim()
            .strip_suffix(')')
            .and_then(|inner| inner.split_once('('))
            .ok_or_else(|| fault(Code::BadDistribution, "this is no popularity"))?;
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        let (exponent, keys) = match (name.trim(), arguments.as_slice()) {
            ("zipf", [exponent, keys]) => (quantity::number(exponent)?, quantity::count(keys)?),
            ("uniform", [keys]) => (0.0, quantity::count(keys)?),
            ("zipf" | "uniform", _) => {
                return Err(fault(Code::BadParameter, "the popularity has too few or too many parameters"));
            }
            _ => return Err(fault(Code::BadDistribution, "there is no such popularity")),
        };
        if !(0.0..=10.0).contains(&exponent) {
            return Err(fault(Code::OutOfRange, "a Zipf exponent lies between 0 and 10"));
        }
        if !(1..=MOST_KEYS).contains(&keys) {
            return Err(fault(Code::OutOfRange, "there are between 1 and 4 G keys"));
        }
        Ok(Self(Zipf::new(keys, exponent)))
    }

    /// Draws a key.
    #[inline]
    pub fn sample(&self, draws: &mut Draws) -> u64 {
        self.0.sample(draws)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_read_and_mistakes_named() {
        assert_eq!(Popularity::parse("zipf(1.2, 2M)"), Ok(Popularity(Zipf::new(2_000_000, 1.2))));
        assert_eq!(Popularity::parse("uniform(50k)"), Ok(Popularity(Zipf::new(50_000, 0.0))));
        for (text, code) in [
            ("zipf(1.2)", Code::BadParameter),
            ("zipf(11, 5)", Code::OutOfRange),
            ("zipf(1, 0)", Code::OutOfRange),
            ("zipf(1, 5G)", Code::OutOfRange),
            ("pareto(1, 5)", Code::BadDistribution),
            ("zipf", Code::BadDistribution),
            ("zipf(one, 5)", Code::BadQuantity),
        ] {
            assert_eq!(Popularity::parse(text).map_err(|fault| fault.code), Err(code), "{text}");
        }
        assert!(Popularity::is_meant("zipf(1)") && !Popularity::is_meant("traces/web (1).csv"));
    }
}
