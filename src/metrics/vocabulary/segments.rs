//! A dotted name and its parts: `app[3].pool(db).wait`, `p99(GET /v1/feed)`.

use crate::base::SimTime;

/// What stands in the parentheses of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// An endpoint, a component, an entity, `errors`, or (in `skew`) a metric.
    Text(String),
    /// Another window than the expression's: `[from, to)`.
    Window(SimTime, SimTime),
}

/// One part of a dotted name: `pool(db)`, `app[3]`, `wait`, `p99.9`.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The word.
    pub name: String,
    /// The number in brackets.
    pub index: Option<u32>,
    /// What stands in parentheses; empty without any.
    pub arguments: Vec<Argument>,
}

/// Cuts a name at its dots: not inside parentheses, and not inside a percentile such as `p99.9`.
/// Arguments come out as text, cut at commas.
#[must_use]
pub fn segments(text: &str) -> Vec<Segment> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut depth = 0usize;
    for c in text.trim().chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == '.' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let mut joined: Vec<String> = Vec::new();
    for part in parts {
        let fraction = part.starts_with(|c: char| c.is_ascii_digit());
        let whole = |before: &String| {
            before.strip_prefix('p').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        match joined.last_mut() {
            Some(before) if fraction && whole(before) => {
                before.push('.');
                before.push_str(&part);
            }
            _ => joined.push(part),
        }
    }
    joined.iter().map(|part| segment(part)).collect()
}

fn segment(part: &str) -> Segment {
    let (head, arguments) = match part.split_once('(') {
        Some((head, rest)) => {
            let inside = rest.strip_suffix(')').unwrap_or(rest);
            (head, inside.split(',').map(|a| Argument::Text(a.trim().to_owned())).collect())
        }
        None => (part, Vec::new()),
    };
    let bracket = head.strip_suffix(']').and_then(|h| h.split_once('['));
    let (name, index) = match bracket {
        Some((name, number)) => number.trim().parse().map_or((head, None), |index| (name, Some(index))),
        None => (head, None),
    };
    Segment { name: name.trim().to_owned(), index, arguments }
}
