//! The grammar of objectives and expectations, beside its parser:
//!
//! ```text
//! condition  = both { "or" both }            both = claim { "and" claim }
//! claim      = "(" condition ")" | term ( comparison term | "in" term ".." term )
//! comparison = "<" | "<=" | ">" | ">=" | "==" | "!="
//! term       = factor { ("+" | "-") factor }  factor = atom { ("*" | "/") atom }
//! atom       = number [unit] | "never" | metric | "(" term ")"
//! metric     = name { "." name } with "[i]" and "(arguments)" anywhere in it
//! ```
//!
//! Inside a metric's parentheses stands an endpoint, a pool, an entity or a window `30m..45m`.

use super::condition::{Comparison, Condition, Operator, Term};
use super::vocabulary::MetricReference;
use super::{Catalog, UnknownMetric};
use crate::base::SimTime;
use crate::document::{Code, Fault, quantity};

/// Deepest nesting of parentheses.
const DEEPEST: u32 = 32;

/// Reads a condition about the model of `catalog`.
///
/// # Errors
/// What is wrong with the text: code, message, help, and the bytes it is about.
pub fn parse(text: &str, catalog: &Catalog) -> Result<Condition, Fault> {
    let mut parser = Parser { text, at: 0, catalog, depth: 0 };
    let condition = parser.condition()?;
    parser.space();
    if parser.at < text.len() {
        return Err(parser.wrong("the expression goes on where it should end"));
    }
    Ok(condition)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    catalog: &'a Catalog,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn wrong(&self, message: &str) -> Fault {
        Fault {
            code: Code::BadExpression,
            message: message.to_owned(),
            help: "write a comparison such as `db.cpu > 98% and p99 < 300ms`".to_owned(),
            span: Some((self.at.min(self.text.len()), self.text.len())),
        }
    }

    fn take(&mut self, token: &str) -> bool {
        self.space();
        let word = token.bytes().all(|b| b.is_ascii_alphabetic());
        let Some(after) = self.rest().strip_prefix(token) else { return false };
        let ends = after.chars().next();
        let whole = !word || ends.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
        if whole {
            self.at += token.len();
            return true;
        }
        false
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(self.wrong("the expression is nested too deeply")) } else { Ok(()) }
    }

    fn condition(&mut self) -> Result<Condition, Fault> {
        let mut any = vec![self.both()?];
        while self.take("or") {
            any.push(self.both()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Or(any) })
    }

    fn both(&mut self) -> Result<Condition, Fault> {
        let mut all = vec![self.claim()?];
        while self.take("and") {
            all.push(self.claim()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
    }

    fn claim(&mut self) -> Result<Condition, Fault> {
        let start = self.at;
        if self.take("(") {
            // Either a condition or a term in parentheses: try the first, fall back to the second.
            self.deeper()?;
            let inner = self.condition();
            let closed = inner.is_ok() && self.take(")");
            self.depth -= 1;
            if let (Ok(inner), true) = (inner, closed) {
                return Ok(inner);
            }
            self.at = start;
        }
        let left = self.term()?;
        if self.take("in") {
            let low = self.term()?;
            if !self.take("..") {
                return Err(self.wrong("`in` needs a range"));
            }
            let high = self.term()?;
            return Ok(Condition::Within(left, low, high));
        }
        let comparisons = [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (token, comparison) in comparisons {
            if self.take(token) {
                return Ok(Condition::Compare(comparison, left, self.term()?));
            }
        }
        Err(self.wrong("a comparison is missing"))
    }

    fn term(&mut self) -> Result<Term, Fault> {
        let mut left = self.factor()?;
        loop {
            let operator = if self.take("+") {
                Operator::Add
            } else if self.take("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = Term::Arithmetic(operator, Box::new(left), Box::new(self.factor()?));
        }
    }

    fn factor(&mut self) -> Result<Term, Fault> {
        let mut left = self.atom()?;
        loop {
            let operator = if self.take("*") {
                Operator::Multiply
            } else if self.take("/") {
                Operator::Divide
            } else {
                return Ok(left);
            };
            left = Term::Arithmetic(operator, Box::new(left), Box::new(self.atom()?));
        }
    }

    fn atom(&mut self) -> Result<Term, Fault> {
        if self.take("(") {
            self.deeper()?;
            let inner = self.term()?;
            self.depth -= 1;
            return if self.take(")") { Ok(inner) } else { Err(self.wrong("`)` is missing")) };
        }
        if self.take("never") {
            return Ok(Term::Never);
        }
        self.space();
        match self.rest().chars().next() {
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.metric(),
            _ => Err(self.wrong("a metric or a value is missing")),
        }
    }

    fn number(&mut self) -> Result<Term, Fault> {
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        // `25s..60s`: two dots end a number.
        let digits = rest.find("..").map_or(digits, |dots| digits.min(dots));
        let unit = rest[digits..]
            .find(|c: char| !c.is_alphanumeric() && c != '%')
            .map_or(rest.len(), |n| n + digits);
        let mut end = unit;
        for per in ["/s", "/min", "/h"] {
            if unit == digits && rest[unit..].starts_with(per) {
                end = unit + per.len();
            }
        }
        let (start, written) = (self.at, &rest[..end]);
        self.at += end;
        let value = if unit == digits && end == unit {
            quantity::number(written).ok()
        } else if written.ends_with('%') {
            quantity::ratio(written).map(|r| r.get()).ok()
        } else {
            quantity::duration(written)
                .map(|d| d.as_secs_f64())
                .or_else(|_| quantity::rate(written).map(|r| r.as_per_second()))
                .or_else(|_| quantity::bytes(written).map(|b| b.get() as f64))
                .or_else(|_| quantity::count(written).map(|n| n as f64))
                .ok()
        };
        value.map(Term::Number).ok_or_else(|| Fault {
            code: Code::BadExpression,
            message: format!("`{written}` is no value"),
            help: "write a value with its unit: `300ms`, `98%`, `5/s`, `20`".to_owned(),
            span: Some((start, start + end)),
        })
    }

    fn metric(&mut self) -> Result<Term, Fault> {
        let start = self.at;
        let mut window = None;
        let mut name = String::new();
        loop {
            let rest = self.rest();
            let plain =
                rest.find(|c: char| !c.is_alphanumeric() && !"_.[]".contains(c)).unwrap_or(rest.len());
            // A range's dots are no part of a name.
            let plain = rest.find("..").map_or(plain, |dots| plain.min(dots));
            name.push_str(&rest[..plain]);
            self.at += plain;
            if !self.rest().starts_with('(') {
                break;
            }
            let Some(close) = matching(self.rest()) else { return Err(self.wrong("`)` is missing")) };
            let inner = &self.rest()[1..close];
            let (argument, own_window) = split_window(inner);
            if own_window.is_some() {
                window = own_window;
            }
            if !argument.is_empty() {
                name.push('(');
                name.push_str(argument);
                name.push(')');
            }
            self.at += close + 1;
        }
        let mut reference = MetricReference::parse(&name, self.catalog).map_err(|unknown| {
            let UnknownMetric { message, suggestion } = unknown;
            Fault {
                code: Code::UnknownMetric,
                message,
                help: suggestion.map_or_else(
                    || "`surgesim explain METRIC` describes each metric".to_owned(),
                    |close| format!("did you mean `{close}`?"),
                ),
                span: Some((start, self.at)),
            }
        })?;
        reference.window = window.or(reference.window);
        Ok(Term::Metric(reference))
    }
}

/// The byte position of the parenthesis that closes the first one.
fn matching(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Takes a trailing window off a metric's arguments.
fn split_window(inner: &str) -> (&str, Option<(SimTime, SimTime)>) {
    let (before, last) = inner.rsplit_once(',').map_or(("", inner), |(b, l)| (b, l));
    let window = last.split_once("..").and_then(|(from, to)| {
        let time = |t: &str| quantity::duration(t.trim()).ok().map(|d| SimTime::from_nanos(d.as_nanos()));
        Some((time(from)?, time(to)?)).filter(|(from, to)| from < to)
    });
    if window.is_some() { (before.trim(), window) } else { (inner.trim(), None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ComponentId;
    use crate::metrics::{ClientInfo, ComponentInfo};
    use proptest::prelude::*;

    fn catalog() -> Catalog {
        let component = |id, name: &str, kind, operation: &str| ComponentInfo {
            id: ComponentId(id),
            name: name.to_owned(),
            kind,
            instances: 1,
            price_per_hour: None,
            operations: vec![operation.to_owned()],
        };
        let mut catalog = Catalog {
            components: vec![
                component(0, "app", "service", "GET /v1/feed"),
                component(1, "db", "database", "feed"),
            ],
            ..Catalog::default()
        };
        let operations = vec!["GET /v1/feed".to_owned(), "GET /v1/users/{id}".to_owned()];
        catalog.clients.push(ClientInfo { id: ComponentId(2), name: "visitors".to_owned(), operations });
        for (component, role) in [(0, super::super::Role::Cpu), (1, super::super::Role::Cpu)] {
            catalog.resources.push(super::super::ResourceInfo {
                id: crate::base::ResourceId::at(catalog.resources.len()),
                component: ComponentId(component),
                instance: 0,
                role,
                servers: 2.0,
            });
        }
        catalog
    }

    #[test]
    fn the_expressions_of_the_shipped_scenarios_parse() {
        for text in [
            "availability > 99.9% and db.cpu < 30%",
            "db.cpu > 98% and goodput < 0.4 * offered and errors.503 > 0",
            "time_to_recover > 2m",
            "time_to_recover == never or p99.9 < 3 * p99.9(3m..8m)",
            "p99(GET /v1/feed) < 800ms",
            "p99(GET /v1/users/{id}, 30m..45m) in 25ms..60s",
            "(db.cpu + app.cpu) / 2 < 50%",
            "errors.503.rate < 5/s",
        ] {
            assert!(parse(text, &catalog()).is_ok(), "{text}: {:?}", parse(text, &catalog()));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let wrong = |text: &str| parse(text, &catalog()).map_err(|f| (f.code, f.span)).err();
        assert_eq!(wrong("db.cup < 80%"), Some((Code::UnknownMetric, Some((0, 6)))));
        assert_eq!(wrong("db.cpu"), Some((Code::BadExpression, Some((6, 6)))));
        assert_eq!(wrong("db.cpu < 80% p99"), Some((Code::BadExpression, Some((13, 16)))));
        assert_eq!(wrong("p99(GET < 1s").map(|w| w.0), Some(Code::BadExpression));
        assert_eq!(wrong("p99 < 3 bananas").map(|w| w.0), Some(Code::BadExpression));
    }

    #[test]
    fn products_bind_closer_than_sums() {
        let Ok(Condition::Compare(_, _, Term::Arithmetic(Operator::Add, _, right))) =
            parse("p99 < 1 + 2 * 3", &catalog())
        else {
            panic!("a sum was meant");
        };
        assert!(matches!(*right, Term::Arithmetic(Operator::Multiply, ..)));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ -~±]{0,60}|([(]{0,80})|(p99[(].{0,20})") {
            let _ = parse(&text, &catalog());
        }
    }
}
