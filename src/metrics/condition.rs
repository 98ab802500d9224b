//! Conditions on metrics: comparison, `and`, `or`, arithmetic, `in a..b`, with every name resolved.
//!
//! Rules: `never` is larger than any number and equal to itself; arithmetic with it is `never`. What is
//! absent compares as false with everything, so a condition on nothing does not hold: an objective on the
//! p99 of requests that all failed is missed. `in a..b` includes both ends.

use std::cmp::Ordering;

use super::evaluate::Window;
use super::value::MetricValue;
use super::vocabulary::MetricReference;
use crate::base::SimTime;

/// Arithmetic on values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// Comparison of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// Whether it holds of two values that stand in this order.
    #[must_use]
    pub const fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
        }
    }
}

/// Something with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A constant, in seconds, shares, per second or plain.
    Number(f64),
    /// The constant `never`.
    Never,
    /// A metric.
    Metric(MetricReference),
    /// Two of them.
    Arithmetic(Operator, Box<Term>, Box<Term>),
}

/// Something that holds or does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Two terms compared.
    Compare(Comparison, Term, Term),
    /// `term in low..high`, ends included.
    Within(Term, Term, Term),
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
}

/// The order of two values; `None` if either is absent.
#[must_use]
pub fn order(a: MetricValue, b: MetricValue) -> Option<Ordering> {
    match (a, b) {
        (MetricValue::Absent, _) | (_, MetricValue::Absent) => None,
        (MetricValue::Never, MetricValue::Never) => Some(Ordering::Equal),
        (MetricValue::Never, _) => Some(Ordering::Greater),
        (_, MetricValue::Never) => Some(Ordering::Less),
        (MetricValue::Number(a), MetricValue::Number(b)) => a.partial_cmp(&b),
    }
}

impl Term {
    /// Its value, where `of` gives that of a metric. A division by zero is absent.
    pub fn value(&self, of: &dyn Fn(&MetricReference) -> MetricValue) -> MetricValue {
        match self {
            Self::Number(x) => MetricValue::from_f64(*x),
            Self::Never => MetricValue::Never,
            Self::Metric(metric) => of(metric),
            Self::Arithmetic(operator, a, b) => match (a.value(of), b.value(of)) {
                (MetricValue::Absent, _) | (_, MetricValue::Absent) => MetricValue::Absent,
                (MetricValue::Never, _) | (_, MetricValue::Never) => MetricValue::Never,
                (MetricValue::Number(a), MetricValue::Number(b)) => MetricValue::from_f64(match operator {
                    Operator::Add => a + b,
                    Operator::Subtract => a - b,
                    Operator::Multiply => a * b,
                    Operator::Divide => a / b,
                }),
            },
        }
    }

    /// Every metric in it, in the order of writing.
    #[must_use]
    pub fn metrics(&self) -> Vec<&MetricReference> {
        match self {
            Self::Number(_) | Self::Never => Vec::new(),
            Self::Metric(metric) => vec![metric],
            Self::Arithmetic(_, a, b) => [a.metrics(), b.metrics()].concat(),
        }
    }

    fn windows(&self, into: &mut Vec<(SimTime, SimTime)>) {
        into.extend(self.metrics().iter().filter_map(|metric| metric.window));
    }
}

impl Condition {
    /// Whether it holds, where `of` gives the value of a metric.
    pub fn holds(&self, of: &dyn Fn(&MetricReference) -> MetricValue) -> bool {
        match self {
            Self::Compare(comparison, a, b) => {
                order(a.value(of), b.value(of)).is_some_and(|order| comparison.accepts(order))
            }
            Self::Within(term, low, high) => {
                let value = term.value(of);
                order(value, low.value(of)).is_some_and(Ordering::is_ge)
                    && order(value, high.value(of)).is_some_and(Ordering::is_le)
            }
            Self::And(all) => all.iter().all(|condition| condition.holds(of)),
            Self::Or(any) => any.iter().any(|condition| condition.holds(of)),
        }
    }

    /// The left-hand side of its first comparison: what a report shows beside it.
    #[must_use]
    pub fn subject(&self) -> Option<&Term> {
        match self {
            Self::Compare(_, term, _) | Self::Within(term, ..) => Some(term),
            Self::And(parts) | Self::Or(parts) => parts.iter().find_map(Self::subject),
        }
    }

    fn windows(&self, into: &mut Vec<(SimTime, SimTime)>) {
        match self {
            Self::Compare(_, a, b) => {
                a.windows(into);
                b.windows(into);
            }
            Self::Within(a, b, c) => [a, b, c].into_iter().for_each(|term| term.windows(into)),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.windows(into)),
        }
    }
}

/// The windows that a recorder must keep for these conditions, each once, in order.
pub fn windows_of<'a>(
    conditions: impl IntoIterator<Item = (&'a Condition, Window)>,
) -> Vec<(SimTime, SimTime)> {
    let mut windows = Vec::new();
    for (condition, window) in conditions {
        if let Window::During(from, to) = window {
            windows.push((from, to));
        }
        condition.windows(&mut windows);
    }
    windows.sort_unstable();
    windows.dedup();
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metric;

    fn metric() -> Term {
        Term::Metric(MetricReference { metric: Metric::TimeToRecover, window: None })
    }

    #[test]
    fn never_is_larger_than_any_time_and_absent_holds_for_nothing() {
        let less = Condition::Compare(Comparison::Less, metric(), Term::Number(1e300));
        let more = Condition::Compare(Comparison::Greater, metric(), Term::Number(1e300));
        let is_never = Condition::Compare(Comparison::Equal, metric(), Term::Never);
        assert!(!less.holds(&|_| MetricValue::Never));
        assert!(more.holds(&|_| MetricValue::Never));
        assert!(is_never.holds(&|_| MetricValue::Never));
        for condition in [less, more, is_never] {
            assert!(!condition.holds(&|_| MetricValue::Absent));
        }
    }

    #[test]
    fn arithmetic_ranges_and_connectives() {
        let twice = Term::Arithmetic(Operator::Multiply, Box::new(metric()), Box::new(Term::Number(2.0)));
        let within = Condition::Within(twice.clone(), Term::Number(4.0), Term::Number(6.0));
        for (x, inside) in [(1.9, false), (2.0, true), (3.0, true), (3.1, false)] {
            assert_eq!(within.holds(&|_| MetricValue::Number(x)), inside, "{x}");
        }
        let over_zero = Term::Arithmetic(Operator::Divide, Box::new(twice), Box::new(Term::Number(0.0)));
        assert_eq!(over_zero.value(&|_| MetricValue::Number(1.0)), MetricValue::Absent);
        let low = Condition::Compare(Comparison::Less, metric(), Term::Number(1.0));
        let any = Condition::Or(vec![low.clone(), within.clone()]);
        let all = Condition::And(vec![low, within]);
        assert!(any.holds(&|_| MetricValue::Number(2.5)));
        assert!(!all.holds(&|_| MetricValue::Number(2.5)));
    }
}
