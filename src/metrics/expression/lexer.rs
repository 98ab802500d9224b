//! Cutting an expression into tokens.
//!
//! Rules: a quantity is one token, with its unit written right behind its number; `/` belongs to it only if
//! a word of time follows (`5/s`), so that `10/mean` divides. A name is one token with all its dots, brackets
//! and parentheses. Names that the model has are taken whole even where they hold `-`.

use super::ExpressionError;
use crate::metrics::catalog::Catalog;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An operator, a comparison, a parenthesis, `..`.
    Sign,
    /// A number with its unit.
    Quantity,
    /// A metric or a keyword.
    Name,
    /// The end of the text.
    End,
}

/// One token and its place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Token<'_> {
    pub(super) fn span(&self) -> (usize, usize) {
        (self.start, self.start + self.text.len())
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Name && self.text == word
    }
}

const SIGNS: [&str; 14] = ["..", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","];

/// Signs of other languages, and what is written here.
const ELSEWHERE: [(&str, &str); 10] = [
    ("&&", "and"),
    ("||", "or"),
    ("=<", "<="),
    ("=>", ">="),
    ("=", "=="),
    ("<>", "!="),
    ("\u{2264}", "<="),
    ("\u{2265}", ">="),
    ("\u{2260}", "!="),
    ("\u{d7}", "*"),
];

const PER: [&str; 8] = ["sec", "s", "min", "m", "hour", "h", "day", "d"];

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes at the beginning of `text` that a quantity covers; `text` begins with a digit, or `$` and one.
fn quantity_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let mut end = usize::from(bytes.first() == Some(&b'$'));
    loop {
        while digit(end) || matches!(bytes.get(end), Some(b'.' | b'_')) && digit(end + 1) {
            end += 1;
        }
        let rest = &text[end..];
        end += rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        // `1h30m` goes on with the next number; so does `1h 30m`, for two quantities never meet otherwise.
        let gap = text[end..].len() - text[end..].trim_start().len();
        if !digit(end + gap) {
            break;
        }
        end += gap;
    }
    let after = &text[end..];
    if after.starts_with('%') {
        return end + 1;
    }
    if let Some(per) = after.strip_prefix('/') {
        let word = per.find(|c: char| !is_word(c)).unwrap_or(per.len());
        let apart = per[word..].starts_with(['(', '[', '.']) && !per[word..].starts_with("..");
        let priced = text.starts_with('$') && per.starts_with(|c: char| c.is_ascii_alphanumeric());
        if (PER.contains(&&per[..word]) || priced) && !apart {
            return end + 1 + word;
        }
    }
    let trimmed = after.trim_start();
    for unit in ["rps", "qps", "tps", "rpm"] {
        if trimmed.strip_prefix(unit).is_some_and(|rest| !rest.starts_with(is_word)) {
            return end + after.len() - trimmed.len() + unit.len();
        }
    }
    end
}

/// Bytes at the beginning of `text` that one word covers.
fn word_length(text: &str, catalog: &Catalog) -> usize {
    let names = catalog.components.iter().map(|c| c.name.as_str());
    let names = names.chain(catalog.clients.iter().map(|c| c.name.as_str()));
    names
        .filter(|name| text.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_word)))
        .map(str::len)
        .chain([text.find(|c: char| !is_word(c)).unwrap_or(text.len())])
        .max()
        .unwrap_or(0)
}

/// Bytes at the beginning of `text` that a name covers, with brackets and parentheses.
fn name_length(text: &str, start: usize, catalog: &Catalog) -> Result<usize, ExpressionError> {
    let mut end = 0;
    loop {
        end += word_length(&text[end..], catalog);
        if text[end..].starts_with('[') {
            let Some(close) = text[end..].find(']') else {
                let span = (start + end, start + text.len());
                return Err(ExpressionError::new("this bracket is not closed", "write `app[0]`", span));
            };
            end += close + 1;
        }
        if text[end..].starts_with('(') {
            let Some(close) = closing(&text[end..]) else {
                let span = (start + end, start + text.len());
                let help = "write what it is of, such as `p99(GET /v1/feed)`";
                return Err(ExpressionError::new("this parenthesis is not closed", help, span));
            };
            end += close + 1;
        }
        match text[end..].strip_prefix('.') {
            Some(rest) if rest.starts_with(is_word) => end += 1,
            Some(rest) if !rest.starts_with('.') => {
                let span = (start + end, start + end + 1);
                let help = "write what of it is meant, such as `db.cpu`";
                return Err(ExpressionError::new("a name ends with a dot", help, span));
            }
            _ => return Ok(end),
        }
    }
}

/// Where the parenthesis that opens `text` closes.
pub(super) fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// All tokens of `text`, the end included.
pub(super) fn tokens<'a>(text: &'a str, catalog: &Catalog) -> Result<Vec<Token<'a>>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut start = 0;
    loop {
        start += text[start..].len() - text[start..].trim_start().len();
        let rest = &text[start..];
        let Some(first) = rest.chars().next() else {
            tokens.push(Token { kind: Kind::End, text: "", start });
            return Ok(tokens);
        };
        let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let foreign = || ELSEWHERE.iter().find(|(sign, _)| rest.starts_with(sign));
        let (kind, length) = if digit(rest) || rest.strip_prefix('$').is_some_and(digit) {
            (Kind::Quantity, quantity_length(rest))
        } else if is_word(first) {
            (Kind::Name, name_length(rest, start, catalog)?)
        } else if let Some((sign, here)) = foreign().filter(|_| !rest.starts_with("==")) {
            let span = (start, start + sign.len());
            return Err(ExpressionError::new(
                format!("`{sign}` is not a sign here"),
                format!("write `{here}`"),
                span,
            ));
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Kind::Sign, sign.len())
        } else {
            let span = (start, start + first.len_utf8());
            let shown = if first.is_control() { ' ' } else { first };
            let help = "an expression has metrics, quantities, comparisons, `and`, `or` and arithmetic";
            return Err(ExpressionError::new(format!("`{shown}` has no meaning here"), help, span));
        };
        tokens.push(Token { kind, text: &rest[..length], start });
        start += length;
    }
}
