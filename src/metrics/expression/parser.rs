//! Recursive descent from tokens to a [`Condition`], with the check of measures at every operator.

use super::lexer::{Kind, Token, tokens};
use super::measure::{Measure, quantity};
use super::name::resolve;
use super::{ExpressionError, MAX_DEPTH, MAX_OPERATORS};
use crate::metrics::catalog::Catalog;
use crate::metrics::condition::{Comparison, Condition, Operator, Term};
use crate::metrics::vocabulary::{Gauge, Metric};

type Span = (usize, usize);

/// A term with what it measures and where it stands.
struct Value {
    term: Term,
    measure: Measure,
    span: Span,
}

/// What a pair of parentheses may hold.
enum Part {
    Value(Value),
    Condition(Condition, Span),
}

impl Part {
    fn span(&self) -> Span {
        match self {
            Self::Value(value) => value.span,
            Self::Condition(_, span) => *span,
        }
    }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    catalog: &'a Catalog,
    tokens: Vec<Token<'a>>,
    position: usize,
    depth: usize,
    operators: usize,
}

fn comparison(token: &Token<'_>) -> Option<Comparison> {
    if token.kind != Kind::Sign {
        return None;
    }
    match token.text {
        "<" => Some(Comparison::Less),
        "<=" => Some(Comparison::LessOrEqual),
        ">" => Some(Comparison::Greater),
        ">=" => Some(Comparison::GreaterOrEqual),
        "==" => Some(Comparison::Equal),
        "!=" => Some(Comparison::NotEqual),
        _ => None,
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, catalog: &'a Catalog) -> Result<Self, ExpressionError> {
        let tokens = tokens(text, catalog)?;
        Ok(Self { text, catalog, tokens, position: 0, depth: 0, operators: 0 })
    }

    pub(super) fn condition(mut self) -> Result<Condition, ExpressionError> {
        if self.peek().kind == Kind::End {
            let help = "write a condition, such as `p99 < 300ms`";
            return Err(ExpressionError::new("the expression is empty", help, (0, self.text.len())));
        }
        let part = self.disjunction()?;
        let token = self.peek();
        if token.kind != Kind::End {
            return Err(unexpected(&token));
        }
        self.as_condition(part)
    }

    fn peek(&self) -> Token<'a> {
        let end = Token { kind: Kind::End, text: "", start: self.text.len() };
        self.tokens.get(self.position).copied().unwrap_or(end)
    }

    fn advance(&mut self) -> Token<'a> {
        let token = self.peek();
        self.position += 1;
        token
    }

    /// A long chain of operators makes a deep tree, which is walked by recursion.
    fn count(&mut self, token: &Token<'_>) -> Result<(), ExpressionError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            let message = format!("an expression has at most {MAX_OPERATORS} operators");
            return Err(ExpressionError::new(message, "write several conditions instead", token.span()));
        }
        Ok(())
    }

    fn shown(&self, (from, to): Span) -> String {
        shortened(self.text.get(from..to).unwrap_or(""))
    }

    fn as_condition(&self, part: Part) -> Result<Condition, ExpressionError> {
        match part {
            Part::Condition(condition, _) => Ok(condition),
            Part::Value(value) => {
                let text = self.shown(value.span);
                let bound = value.measure.wording();
                Err(ExpressionError::new(
                    format!("`{text}` is {}, not a condition", bound.name),
                    "compare it with something, such as `p99 < 300ms`",
                    value.span,
                ))
            }
        }
    }

    fn as_value(&self, part: Part) -> Result<Value, ExpressionError> {
        match part {
            Part::Value(value) => Ok(value),
            Part::Condition(_, span) => {
                let message = format!("`{}` is a condition, not a value", self.shown(span));
                let help = "only metrics, quantities and arithmetic on them can be compared or computed with";
                Err(ExpressionError::new(message, help, span))
            }
        }
    }

    fn disjunction(&mut self) -> Result<Part, ExpressionError> {
        self.connected("or", Self::conjunction, Condition::Or)
    }

    fn conjunction(&mut self) -> Result<Part, ExpressionError> {
        self.connected("and", Self::relation, Condition::And)
    }

    fn connected(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Result<Part, ExpressionError>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Part, ExpressionError> {
        let first = operand(self)?;
        if !self.peek().is_word(word) {
            return Ok(first);
        }
        let mut span = first.span();
        let mut all = vec![self.as_condition(first)?];
        while self.peek().is_word(word) {
            let token = self.advance();
            self.count(&token)?;
            let next = operand(self)?;
            span.1 = next.span().1;
            all.push(self.as_condition(next)?);
        }
        Ok(Part::Condition(join(all), span))
    }

    fn relation(&mut self) -> Result<Part, ExpressionError> {
        let left = self.sum()?;
        let token = self.peek();
        let part = if let Some(comparison) = comparison(&token) {
            self.advance();
            self.count(&token)?;
            let left = self.as_value(left)?;
            let right = self.sum()?;
            let right = self.as_value(right)?;
            self.comparable(&left, &right)?;
            let span = (left.span.0, right.span.1);
            Part::Condition(Condition::Compare(comparison, left.term, right.term), span)
        } else if token.is_word("in") {
            self.advance();
            self.count(&token)?;
            let left = self.as_value(left)?;
            let low = self.sum()?;
            let low = self.as_value(low)?;
            let dots = self.advance();
            if !dots.is_sign("..") {
                let help = "write both ends, such as `outage in 25s..60s`";
                return Err(ExpressionError::new("`in` needs a range", help, low.span));
            }
            let high = self.sum()?;
            let high = self.as_value(high)?;
            self.comparable(&left, &low)?;
            self.comparable(&left, &high)?;
            if let (Term::Number(a), Term::Number(b)) = (&low.term, &high.term)
                && a > b
            {
                let help = "write the smaller end first";
                return Err(ExpressionError::new(
                    "nothing is in this range",
                    help,
                    (low.span.0, high.span.1),
                ));
            }
            let span = (left.span.0, high.span.1);
            Part::Condition(Condition::Within(left.term, low.term, high.term), span)
        } else {
            return Ok(left);
        };
        let token = self.peek();
        if comparison(&token).is_some() || token.is_word("in") {
            let help = "write `x in a..b`, or two comparisons with `and` between them";
            return Err(ExpressionError::new("comparisons do not chain", help, token.span()));
        }
        Ok(part)
    }

    fn sum(&mut self) -> Result<Part, ExpressionError> {
        let mut left = self.product()?;
        loop {
            let token = self.peek();
            let operator = match token.text {
                "+" => Operator::Add,
                "-" => Operator::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            self.count(&token)?;
            let a = self.as_value(left)?;
            let right = self.product()?;
            let b = self.as_value(right)?;
            let measure = self.comparable(&a, &b)?;
            left = Part::Value(joined(operator, a, b, measure));
        }
    }

    fn product(&mut self) -> Result<Part, ExpressionError> {
        let mut left = self.primary()?;
        loop {
            let token = self.peek();
            let (operator, sign) = match token.text {
                "*" => (Operator::Multiply, 1),
                "/" => (Operator::Divide, -1),
                _ => return Ok(left),
            };
            self.advance();
            self.count(&token)?;
            let a = self.as_value(left)?;
            let right = self.primary()?;
            let b = self.as_value(right)?;
            if sign < 0 && b.term == Term::Number(0.0) {
                let help = "divide by a metric or by another number";
                return Err(ExpressionError::new("nothing can be divided by 0", help, b.span));
            }
            let measure = a.measure.times(b.measure, sign);
            left = Part::Value(joined(operator, a, b, measure));
        }
    }

    fn primary(&mut self) -> Result<Part, ExpressionError> {
        let token = self.advance();
        let value = |term, measure| Ok(Part::Value(Value { term, measure, span: token.span() }));
        match token.kind {
            Kind::Quantity => {
                let (number, measure) = quantity(token.text).map_err(|fault| {
                    let (from, to) = fault.span.unwrap_or((0, token.text.len()));
                    ExpressionError::new(fault.message, fault.help, (token.start + from, token.start + to))
                })?;
                value(Term::Number(number), measure)
            }
            Kind::Name if matches!(token.text, "and" | "or" | "in") => Err(missing(&token)),
            Kind::Name if token.text == "never" => value(Term::Never, Measure::SECONDS),
            Kind::Name => {
                let reference = resolve(token.text, token.start, self.catalog)?;
                let measure = Measure::of_unit(reference.metric.unit());
                value(Term::Metric(reference), measure)
            }
            Kind::Sign if token.text == "(" => self.parenthesised(&token),
            Kind::Sign if token.text == "-" => {
                let help = "move it to the other side, such as `p99 < mean + 5ms`";
                Err(ExpressionError::new("there are no negative quantities", help, token.span()))
            }
            Kind::Sign | Kind::End => Err(missing(&token)),
        }
    }

    fn parenthesised(&mut self, open: &Token<'_>) -> Result<Part, ExpressionError> {
        if self.depth >= MAX_DEPTH {
            let message = format!("parentheses nest at most {MAX_DEPTH} deep");
            return Err(ExpressionError::new(message, "write several conditions instead", open.span()));
        }
        self.depth += 1;
        let inner = self.disjunction()?;
        self.depth -= 1;
        let close = self.advance();
        if close.kind == Kind::End {
            let help = "write `)` where it ends";
            return Err(ExpressionError::new("this parenthesis is not closed", help, open.span()));
        }
        if !close.is_sign(")") {
            return Err(unexpected(&close));
        }
        let span = (open.start, close.span().1);
        Ok(match inner {
            Part::Value(value) => Part::Value(Value { span, ..value }),
            Part::Condition(condition, _) => Part::Condition(condition, span),
        })
    }

    /// What both measure, or the fault with what to write instead.
    fn comparable(&self, a: &Value, b: &Value) -> Result<Measure, ExpressionError> {
        let bare_zero = |v: &Value| v.measure == Measure::BARE && v.term == Term::Number(0.0);
        if bare_zero(a) {
            return Ok(b.measure);
        }
        if bare_zero(b) {
            return Ok(a.measure);
        }
        for (one, other) in [(a, b), (b, a)] {
            self.percent_forgotten(one, other)?;
        }
        if let Some(measure) = a.measure.with(b.measure) {
            return Ok(measure);
        }
        let span = (a.span.0, b.span.1);
        for (one, other) in [(a, b), (b, a)] {
            if let (Term::Number(_), Measure::BARE) = (&one.term, one.measure) {
                let (number, name) = (self.shown(one.span), other.measure.wording().name);
                let help = match other.measure {
                    Measure::SECONDS => format!("write `{number}s` or `{number}ms`"),
                    Measure::PER_SECOND => format!("write `{number}/s`"),
                    measure => measure.wording().form.map_or_else(
                        || "let the units cancel out, as in `goodput * mean`".to_owned(),
                        |form| format!("write it like {form}"),
                    ),
                };
                let message = format!("`{number}` needs a unit, for `{}` is {name}", self.shown(other.span));
                return Err(ExpressionError::new(message, help, one.span).of_units());
            }
        }
        let (left, right) = (a.measure.wording(), b.measure.wording());
        let message = format!(
            "`{}` is {}, and `{}` is {}",
            self.shown(a.span),
            left.name,
            self.shown(b.span),
            right.name
        );
        let constant = matches!(a.term, Term::Number(_));
        let (form, name) = if constant { (right.form, right.name) } else { (left.form, left.name) };
        let help = match form {
            Some(form) => format!("write {name} on both sides, such as {form}"),
            None => "let the units cancel out, as in `goodput * mean`".to_owned(),
        };
        Err(ExpressionError::new(message, help, span).of_units())
    }

    /// `availability > 99.9` would never hold; only what is asked for may exceed what there is.
    fn percent_forgotten(&self, share: &Value, number: &Value) -> Result<(), ExpressionError> {
        let Term::Metric(reference) = &share.term else { return Ok(()) };
        let offered = matches!(reference.metric, Metric::Resources(Gauge::Offered, _));
        match number.term {
            Term::Number(x)
                if x > 1.0
                    && number.measure == Measure::BARE
                    && share.measure == Measure::SHARE
                    && !offered =>
            {
                let text = self.shown(number.span);
                let message = format!("`{}` is a share and never exceeds 1", self.shown(share.span));
                Err(ExpressionError::new(message, format!("write `{text}%`"), number.span).of_units())
            }
            _ => Ok(()),
        }
    }
}

fn joined(operator: Operator, a: Value, b: Value, measure: Measure) -> Value {
    let span = (a.span.0, b.span.1);
    Value { term: Term::Arithmetic(operator, Box::new(a.term), Box::new(b.term)), measure, span }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        short.push_str("...");
    }
    short
}

fn missing(token: &Token<'_>) -> ExpressionError {
    let found = match token.kind {
        Kind::End => "the expression ends".to_owned(),
        _ => format!("`{}` stands", shortened(token.text)),
    };
    let help = "write a metric or a quantity, such as `p99` or `300ms`";
    ExpressionError::new(format!("{found} where a value is needed"), help, token.span())
}

fn unexpected(token: &Token<'_>) -> ExpressionError {
    let help = match token.text {
        "," => "join conditions with `and` or `or`",
        ")" => "no parenthesis is open here",
        ".." => "a range stands behind `in`, such as `outage in 25s..60s`",
        _ => "write a comparison, `and`, `or` or arithmetic between two values",
    };
    ExpressionError::new(format!("`{}` is not expected here", shortened(token.text)), help, token.span())
}
