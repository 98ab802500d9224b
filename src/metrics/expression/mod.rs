//! The language of objectives and expectations: from a text to a [`Condition`] on one model's metrics.
//!
//! ```text
//! expression  = conjunction, { "or", conjunction } ;
//! conjunction = relation, { "and", relation } ;
//! relation    = sum, [ comparison, sum | "in", sum, "..", sum ] ;
//! comparison  = "<" | "<=" | ">" | ">=" | "==" | "!=" ;
//! sum         = product, { ( "+" | "-" ), product } ;
//! product     = primary, { ( "*" | "/" ), primary } ;
//! primary     = "(", expression, ")" | "never" | quantity | metric ;
//! metric      = part, { ".", part } ;
//! part        = word, [ "[", digits, "]" ], [ "(", [ text ], [ [ "," ], window ], ")" ] ;
//! window      = duration, "..", duration ;
//! ```
//!
//! A `quantity` is what [`crate::document::quantity`] reads: a number, a share, a duration, a rate, a size, a
//! bandwidth or a price. The `text` in the parentheses of a metric may hold anything (an endpoint such as
//! `GET /users/{id}`), for what stands after the last comma is a window only if it reads like one.
//!
//! Rules: the whole is a condition, never a bare value; both sides of a comparison or of a sum measure the
//! same; a bare 0 goes with every unit, another bare number only with what has none (shares, counts, ratios)
//! or is money. Comparisons do not chain. Nesting and length are bounded, so that no text overflows the stack.
//! Deliberately not in the language: `not`, negative numbers, functions and names for intermediate values.

mod lexer;
mod measure;
mod name;
mod parser;

use std::fmt;

use super::catalog::Catalog;
use super::condition::Condition;
use crate::document::{Code, Fault};

/// How deep parentheses may nest.
pub const MAX_DEPTH: usize = 64;
/// How many operators and connectives one expression may have.
pub const MAX_OPERATORS: usize = 256;

/// Why a text is no condition on the metrics of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// The bytes of the text that are wrong: from, to.
    pub span: (usize, usize),
    /// A fault of grammar, of units, or a name that nothing in the model supplies.
    pub code: Code,
}

impl ExpressionError {
    fn new(message: impl Into<String>, help: impl Into<String>, span: (usize, usize)) -> Self {
        Self { message: message.into(), help: help.into(), span, code: Code::BadExpression }
    }

    fn of_units(mut self) -> Self {
        self.code = Code::WrongDimension;
        self
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.help)
    }
}

impl std::error::Error for ExpressionError {}

impl From<ExpressionError> for Fault {
    fn from(error: ExpressionError) -> Self {
        Self { code: error.code, message: error.message, help: error.help, span: Some(error.span) }
    }
}

/// Reads a condition, such as `p99(GET /v1/feed) < 800ms and db.cpu < 95%`, on the model of `catalog`.
///
/// # Errors
/// At the first place where the text departs from the grammar, mixes units or names an unknown metric.
pub fn parse(text: &str, catalog: &Catalog) -> Result<Condition, ExpressionError> {
    parser::Parser::new(text, catalog)?.condition()
}

#[cfg(test)]
mod tests;
