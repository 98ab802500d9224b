//! Judging one objective or expectation.

use std::cmp::Ordering;

use crate::experiment::aggregate::{estimate, pooled};
use crate::experiment::confidence::{Interval, t_interval, t_probability};
use crate::experiment::results::{Judgement, MetricValue, Unit, Verdict};
use crate::metrics::evaluate::value;
use crate::metrics::{
    Catalog, Comparison, Condition, MetricReference, ReplicationRecord, Term, Window, order,
};

/// One objective or expectation: its condition, its window, and how the scenario writes both.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The expression as written.
    pub text: String,
    /// The window as written; `None` for the whole run.
    pub during: Option<String>,
    /// The window.
    pub window: Window,
    /// The condition.
    pub condition: Condition,
}

struct Bench<'a> {
    catalog: &'a Catalog,
    records: &'a [ReplicationRecord],
    window: Window,
    /// Of the interval that an objective is judged on.
    level: f64,
}

impl Bench<'_> {
    fn metric(&self, record: &ReplicationRecord, reference: &MetricReference) -> MetricValue {
        let window = reference.window.map_or(self.window, |(from, to)| Window::During(from, to));
        value(record, self.catalog, &reference.metric, window)
    }

    fn each(&self, term: &Term) -> Vec<MetricValue> {
        self.records.iter().map(|record| term.value(&|m| self.metric(record, m))).collect()
    }

    fn held(&self, condition: &Condition) -> Vec<bool> {
        self.records.iter().map(|record| condition.holds(&|m| self.metric(record, m))).collect()
    }

    fn judgement(&self, clause: &Clause, verdict: Verdict, held: Vec<bool>) -> Judgement {
        let subject = clause.condition.subject();
        let (unit, merged) = match subject {
            Some(Term::Metric(m)) => {
                let whole_run = m.window.is_none() && self.window == Window::Run;
                let merged = if whole_run { pooled(&m.metric, self.catalog, self.records) } else { None };
                (m.metric.unit(), merged)
            }
            Some(term) => (unit_of(term).unwrap_or(Unit::Ratio), None),
            None => (Unit::Ratio, None),
        };
        let mut shown = estimate(subject.map(|term| self.each(term)).unwrap_or_default(), unit);
        shown.pooled = merged;
        if let Some(Term::Metric(m)) = subject {
            shown.cut_to(m.metric.domain());
        }
        Judgement { text: clause.text.clone(), during: clause.during.clone(), verdict, value: shown, held }
    }

    fn verdict(&self, condition: &Condition) -> Verdict {
        match condition {
            Condition::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            Condition::Within(term, low, high) => {
                let above = self.compare(Comparison::GreaterOrEqual, term, low);
                both(above, self.compare(Comparison::LessOrEqual, term, high))
            }
            Condition::And(all) => all.iter().map(|c| self.verdict(c)).fold(Verdict::Met, both),
            Condition::Or(any) => any.iter().map(|c| self.verdict(c)).fold(Verdict::Missed, either),
        }
    }

    fn compare(&self, comparison: Comparison, a: &Term, b: &Term) -> Verdict {
        let (left, right) = (self.each(a), self.each(b));
        if let Some(interval) = differences(&left, &right).and_then(|d| t_interval(&d, self.level)) {
            return on_interval(comparison, interval);
        }
        let holds = |(a, b): (&MetricValue, &MetricValue)| {
            order(*a, *b).is_some_and(|order| comparison.accepts(order))
        };
        let held = left.iter().zip(&right).filter(|pair| holds(*pair)).count();
        // Without any replication nothing is known of the whole.
        if left.is_empty() || (held > 0 && held < left.len()) {
            Verdict::Inconclusive
        } else if held > 0 {
            Verdict::Met
        } else {
            Verdict::Missed
        }
    }
}

fn differences(left: &[MetricValue], right: &[MetricValue]) -> Option<Vec<f64>> {
    left.iter().zip(right).map(|(a, b)| Some(a.number()? - b.number()?)).collect()
}

impl Bench<'_> {
    /// How sure it is that a condition is missed, from 0 to 1: Student's t of the mean difference of two sides
    /// against none; of several conditions that of the one that decides.
    fn missed(&self, condition: &Condition) -> Option<f64> {
        let over = |a: &Term, b: &Term| {
            // The probability that the true difference lies above zero, as t has it.
            t_probability(&differences(&self.each(a), &self.each(b))?)
        };
        match condition {
            Condition::Compare(Comparison::Less | Comparison::LessOrEqual, a, b) => over(a, b),
            Condition::Compare(Comparison::Greater | Comparison::GreaterOrEqual, a, b) => {
                Some(1.0 - over(a, b)?)
            }
            Condition::Compare(..) => None,
            Condition::Within(term, low, high) => Some((1.0 - over(term, low)?).max(over(term, high)?)),
            Condition::And(all) => {
                all.iter().map(|c| self.missed(c)).try_fold(0.0, |most, c| Some(c?.max(most)))
            }
            Condition::Or(any) => {
                any.iter().map(|c| self.missed(c)).try_fold(1.0, |least, c| Some(c?.min(least)))
            }
        }
    }
}

fn unit_of(term: &Term) -> Option<Unit> {
    match term {
        Term::Metric(m) => Some(m.metric.unit()),
        Term::Arithmetic(_, a, b) => unit_of(a).xor(unit_of(b)),
        Term::Number(_) | Term::Never => None,
    }
}

const fn both(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Missed, _) | (_, Verdict::Missed) => Verdict::Missed,
        (Verdict::Met, Verdict::Met) => Verdict::Met,
        _ => Verdict::Inconclusive,
    }
}

const fn either(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Met, _) | (_, Verdict::Met) => Verdict::Met,
        (Verdict::Missed, Verdict::Missed) => Verdict::Missed,
        _ => Verdict::Inconclusive,
    }
}

/// Where the interval of the difference of two sides lies, against what the comparison accepts.
fn on_interval(comparison: Comparison, interval: Interval) -> Verdict {
    let sign = |x: f64| x.partial_cmp(&0.0).unwrap_or(Ordering::Equal);
    let (low, high) = (comparison.accepts(sign(interval.low)), comparison.accepts(sign(interval.high)));
    let spans_zero = interval.low < 0.0 && interval.high > 0.0;
    match (low, high) {
        (true, true) if !spans_zero || comparison != Comparison::NotEqual => Verdict::Met,
        (false, false) if !spans_zero || comparison != Comparison::Equal => Verdict::Missed,
        _ => Verdict::Inconclusive,
    }
}

/// Judges an objective on the 95 % interval over replications.
#[must_use]
pub fn objective(clause: &Clause, catalog: &Catalog, records: &[ReplicationRecord]) -> Judgement {
    objective_at(clause, catalog, records, 0.95)
}

/// Judges an objective on the interval at `level`, for whoever looks several times.
#[must_use]
pub fn objective_at(
    clause: &Clause,
    catalog: &Catalog,
    records: &[ReplicationRecord],
    level: f64,
) -> Judgement {
    let bench = Bench { catalog, records, window: clause.window, level };
    let verdict = bench.verdict(&clause.condition);
    bench.judgement(clause, verdict, bench.held(&clause.condition))
}

/// How sure it is that an objective is missed, from 0 to 1; `None` where values are no numbers, or there is one
/// replication alone. One-sided, and of this look only.
#[must_use]
pub fn confidence_of_miss(clause: &Clause, catalog: &Catalog, records: &[ReplicationRecord]) -> Option<f64> {
    Bench { catalog, records, window: clause.window, level: 0.95 }.missed(&clause.condition)
}

/// Judges an expectation on every replication's own values; inconclusive only without any replication.
#[must_use]
pub fn expectation(clause: &Clause, catalog: &Catalog, records: &[ReplicationRecord]) -> Judgement {
    let bench = Bench { catalog, records, window: clause.window, level: 0.95 };
    let held = bench.held(&clause.condition);
    let verdict = match held.as_slice() {
        [] => Verdict::Inconclusive,
        all if all.iter().all(|held| *held) => Verdict::Met,
        _ => Verdict::Missed,
    };
    bench.judgement(clause, verdict, held)
}
