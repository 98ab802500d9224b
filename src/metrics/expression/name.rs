//! Metric names: cutting one at its dots, brackets and parentheses, and resolving it in the model.
//!
//! Rules: a percentile keeps its fraction (`p99.9` is one part); an index stands behind what has members;
//! a text in parentheses behind the first word, or behind `pool`. A window may stand behind any part, once.

use super::ExpressionError;
use super::lexer::closing;
use crate::base::SimTime;
use crate::document::quantity::{Fault, duration};
use crate::metrics::catalog::Catalog;
use crate::metrics::vocabulary::{Argument, MetricReference, Segment};

fn fault(fault: &Fault, at: usize, length: usize) -> ExpressionError {
    let (from, to) = fault.span.unwrap_or((0, length));
    ExpressionError::new(&*fault.message, &*fault.help, (at + from, at + to))
}

/// A window, if `text` (at byte `at`) reads like one: a digit on both sides of `..`.
fn window(text: &str, at: usize) -> Option<Result<Argument, ExpressionError>> {
    let (low, high) = text.split_once("..")?;
    let digit = |text: &str| text.trim_start().starts_with(|c: char| c.is_ascii_digit());
    if !digit(low) || !digit(high) {
        return None;
    }
    let read = |part: &str, at: usize| {
        duration(part).map(|d| SimTime::from_nanos(d.as_nanos())).map_err(|f| fault(&f, at, part.len()))
    };
    let both = read(low, at).and_then(|from| Ok((from, read(high, at + low.len() + 2)?)));
    Some(both.and_then(|(from, to)| {
        if from < to {
            return Ok(Argument::Window(from, to));
        }
        let help = "write the earlier time first, such as `30m..45m`";
        Err(ExpressionError::new("this window ends before it begins", help, (at, at + text.len())))
    }))
}

/// What stands in parentheses: a text, a window, or a text, a comma and a window.
fn arguments(inside: &str, at: usize) -> Result<Vec<Argument>, ExpressionError> {
    let text = |text: &str| Argument::Text(text.trim().to_owned());
    if let Some(window) = window(inside, at) {
        return Ok(vec![window?]);
    }
    if inside.trim().is_empty() {
        let help = "write an endpoint or a window in them, such as `p99(GET /v1/feed)`, or leave them out";
        return Err(ExpressionError::new(
            "these parentheses are empty",
            help,
            (at - 1, at + inside.len() + 1),
        ));
    }
    match inside.rfind(',').map(|comma| (comma, window(&inside[comma + 1..], at + comma + 1))) {
        Some((comma, Some(window))) => Ok(vec![text(&inside[..comma]), window?]),
        _ => Ok(vec![text(inside)]),
    }
}

/// Whether `word` is `p` and digits, so that `.9` behind it is its fraction.
fn is_percentile(word: &str) -> bool {
    word.strip_prefix('p').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// One part of a name and the bytes of the expression that it covers.
type Part = (Segment, (usize, usize));

fn first_word(text: &str) -> usize {
    text.find(['.', '[', '(']).unwrap_or(text.len())
}

fn segments(text: &str, at: usize) -> Result<Vec<Part>, ExpressionError> {
    let mut all = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let mut end = start + first_word(&text[start..]);
        if is_percentile(&text[start..end])
            && text[end..].strip_prefix('.').is_some_and(|f| f.starts_with(|c: char| c.is_ascii_digit()))
        {
            end += 1 + first_word(&text[end + 1..]);
        }
        let name = text[start..end].to_owned();
        let mut index = None;
        if text[end..].starts_with('[') {
            let close = end + text[end..].find(']').unwrap_or(text.len() - end - 1);
            let number = text[end + 1..close].trim();
            index = Some(number.parse().map_err(|_| {
                let help = format!("write `{name}[0]` for the first");
                ExpressionError::new("an index is a whole number", help, (at + end, at + close + 1))
            })?);
            end = close + 1;
        }
        let mut inside = Vec::new();
        if text[end..].starts_with('(')
            && let Some(close) = closing(&text[end..])
        {
            inside = arguments(&text[end + 1..end + close], at + end + 1)?;
            end += close + 1;
        }
        all.push((Segment { name, index, arguments: inside }, (at + start, at + end)));
        start = end + 1;
    }
    Ok(all)
}

/// What the name `text`, at byte `at` of the expression, means in the model.
pub(super) fn resolve(text: &str, at: usize, catalog: &Catalog) -> Result<MetricReference, ExpressionError> {
    let parts = segments(text, at)?;
    let mut windows = 0;
    for (position, (part, span)) in parts.iter().enumerate() {
        let name = &part.name;
        let component = position == 0 && catalog.components.iter().any(|c| c.name == *name);
        if part.index.is_some() && !component && !matches!(name.as_str(), "shard" | "replica") {
            let help = "an index stands behind a component, a shard or a replica, such as `app[0].cpu`";
            return Err(ExpressionError::new(format!("`{name}` has no members to count"), help, *span));
        }
        let text = part.arguments.iter().any(|a| matches!(a, Argument::Text(_)));
        if text && (component || position > 0 && name != "pool") {
            let help = "only a window may stand in its parentheses, such as `db.cpu(30m..45m)`";
            return Err(ExpressionError::new(format!("`{name}` takes no argument"), help, *span));
        }
        windows += part.arguments.iter().filter(|a| matches!(a, Argument::Window(..))).count();
        if windows > 1 {
            let help = "write one, behind the last word";
            return Err(ExpressionError::new("a metric has one window", help, *span));
        }
    }
    let path: Vec<Segment> = parts.into_iter().map(|(part, _)| part).collect();
    MetricReference::resolve(&path, catalog).map_err(|unknown| ExpressionError {
        message: unknown.message,
        help: unknown.suggestion.map_or_else(
            || {
                "write a metric that this scenario has, such as `p99`, `availability` or `errors.503`"
                    .to_owned()
            },
            |meant| format!("did you mean `{meant}`?"),
        ),
        span: (at, at + text.len()),
        code: crate::document::Code::UnknownMetric,
    })
}
