//! The outer shape of a distribution's text: pieces with their offsets, arguments split at commas
//! outside parentheses, and calls that YAML cut before their closing parenthesis.

use super::amount::{Fault, shortened};
use super::code::Code;

/// A trimmed part of a text and the byte it begins at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        let before = text.len() - text.trim_start().len();
        Self { text: text.trim(), at: at + before }
    }

    /// The part between two bytes of this one.
    pub(super) fn part(self, start: usize, end: usize) -> Self {
        Self::new(&self.text[start..end], self.at + start)
    }

    /// A fault of this piece.
    pub(super) fn fault(self, code: Code, message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault::new(code, message, help).at(self.at, self.at + self.text.len())
    }

    /// Reads this piece by `read`, so that a fault points into the whole text.
    pub(super) fn read<T>(self, read: impl FnOnce(&str) -> Result<T, Fault>) -> Result<T, Fault> {
        read(self.text).map_err(|fault| fault.within(self.at, self.text))
    }

    /// The two sides of the last `mark` outside parentheses.
    pub(super) fn split_last(self, mark: &str) -> Option<(Self, Self)> {
        let at = outside(self.text).filter(|at| self.text[*at..].starts_with(mark)).last()?;
        Some((self.part(0, at), self.part(at + mark.len(), self.text.len())))
    }

    /// The two sides of the first `mark` outside parentheses.
    pub(super) fn split_first(self, mark: &str) -> Option<(Self, Self)> {
        let at = outside(self.text).find(|at| self.text[*at..].starts_with(mark))?;
        Some((self.part(0, at), self.part(at + mark.len(), self.text.len())))
    }

    /// The parts between commas outside parentheses; none for an empty text.
    pub(super) fn arguments(self) -> Vec<Self> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let mut parts = Vec::new();
        let mut start = 0;
        for at in outside(self.text).filter(|at| self.text[*at..].starts_with(',')) {
            parts.push(self.part(start, at));
            start = at + 1;
        }
        parts.push(self.part(start, self.text.len()));
        parts
    }
}

/// Where the characters outside parentheses begin.
fn outside(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut depth = 0_usize;
    text.char_indices().filter_map(move |(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// The fault of a text whose parentheses do not match, as YAML leaves it behind when it ends a value
/// at a comma or a brace; `None` where they match.
#[must_use]
pub fn cut_by_yaml(text: &str) -> Option<Fault> {
    let mut depth = 0_usize;
    let mut cut = false;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => cut = true,
            ')' => depth -= 1,
            _ => {}
        }
    }
    if !cut && depth == 0 {
        return None;
    }
    let body = shortened(text.trim());
    let (what, quoted) = if depth > 0 {
        ("is never closed", format!("\"{body}, ...)\""))
    } else {
        ("is never opened", format!("\"...({body}\""))
    };
    let message = format!("the parenthesis in `{body}` {what}");
    let help = format!(
        "inside `{{ }}` and `[ ]` YAML cuts at commas and braces: put the whole value in quotes, {quoted}"
    );
    Some(Fault::new(Code::CutByYaml, message, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_parentheses_do_not_split() {
        let piece = Piece::new(" 95%=erlang(4, 2ms) ,5%=~8ms", 10);
        let parts: Vec<_> = piece.arguments().iter().map(|p| (p.text, p.at)).collect();
        assert_eq!(parts, [("95%=erlang(4, 2ms)", 11), ("5%=~8ms", 31)]);
        assert!(Piece::new("  ", 0).arguments().is_empty());
    }

    #[test]
    fn a_cut_text_is_shown_in_quotes() {
        assert_eq!(cut_by_yaml("erlang(4, 20ms)"), None);
        let open = cut_by_yaml("erlang(4").map(|fault| (fault.code, fault.help));
        assert!(
            open.is_some_and(|(code, help)| code == Code::CutByYaml && help.ends_with("\"erlang(4, ...)\""))
        );
        let tail = cut_by_yaml("20ms)").map(|fault| fault.help);
        assert!(tail.is_some_and(|help| help.ends_with("\"...(20ms)\"")));
        assert!(cut_by_yaml(")(").is_some());
    }
}
