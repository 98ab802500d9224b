//! Judging one objective or expectation.

use std::cmp::Ordering;

use crate::experiment::confidence::Interval;
use crate::experiment::pooled::pooled;
use crate::experiment::results::{Judgement, MetricValue, Unit, Verdict};
use crate::experiment::sampled::Sampled;
use crate::metrics::evaluate::value;
use crate::metrics::{
    Catalog, Comparison, Condition, MetricReference, Operator, ReplicationRecord, Term, Window, order,
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

/// A value over all replications, and over all but each.
type Together = (MetricValue, Vec<MetricValue>);

/// The mean of values, left out the one at `but`; never if one of them says so.
fn mean_but(values: &[MetricValue], but: Option<usize>) -> MetricValue {
    let rest = values.iter().enumerate().filter(|(at, _)| Some(*at) != but).map(|(_, value)| *value);
    Sampled::mean(rest.collect()).value()
}

impl Bench<'_> {
    fn window(&self, reference: &MetricReference) -> Window {
        reference.window.map_or(self.window, |(from, to)| Window::During(from, to))
    }

    fn metric(&self, record: &ReplicationRecord, reference: &MetricReference) -> MetricValue {
        value(record, self.catalog, &reference.metric, self.window(reference))
    }

    /// A term over replications. With a percentile in it, it is that of all replications together: other metrics
    /// in it are means then, over all replications or all but one.
    fn sampled(&self, term: &Term) -> Sampled {
        let each = self.each(term);
        let metrics = term.metrics();
        let records: Vec<&ReplicationRecord> = self.records.iter().collect();
        let together = |reference: &MetricReference| {
            pooled(&reference.metric, self.catalog, &records, self.window(reference))
        };
        let found: Vec<Option<Together>> = metrics.iter().map(|reference| together(reference)).collect();
        if found.iter().all(Option::is_none) {
            return Sampled::mean(each);
        }
        let filled: Vec<Together> = found
            .into_iter()
            .zip(&metrics)
            .map(|(found, reference)| {
                found.unwrap_or_else(|| {
                    let own: Vec<MetricValue> = records.iter().map(|r| self.metric(r, reference)).collect();
                    let but = |at| mean_but(&own, Some(at));
                    (mean_but(&own, None), (0..own.len()).map(but).collect())
                })
            })
            .collect();
        let evaluated = |pick: &dyn Fn(&Together) -> MetricValue| {
            term.value(&|reference| {
                let at = metrics.iter().position(|other| *other == reference);
                at.map_or(MetricValue::Absent, |at| pick(&filled[at]))
            })
        };
        let without: Vec<MetricValue> =
            (0..records.len()).map(|but| evaluated(&|(_, without)| without[but])).collect();
        Sampled::pooled(each, evaluated(&|(whole, _)| *whole), &without)
    }

    /// One side less the other, over replications; `None` where that is no number in each of them.
    fn difference(&self, a: &Term, b: &Term) -> Option<Sampled> {
        let (left, right) = (self.each(a), self.each(b));
        let number = |value: &MetricValue| value.number().is_some();
        if !left.iter().chain(&right).all(number) {
            return None;
        }
        Some(self.sampled(&Term::Arithmetic(Operator::Subtract, Box::new(a.clone()), Box::new(b.clone()))))
    }

    fn each(&self, term: &Term) -> Vec<MetricValue> {
        self.records.iter().map(|record| term.value(&|m| self.metric(record, m))).collect()
    }

    fn held(&self, condition: &Condition) -> Vec<bool> {
        self.records.iter().map(|record| condition.holds(&|m| self.metric(record, m))).collect()
    }

    fn judgement(&self, clause: &Clause, verdict: Verdict, held: Vec<bool>) -> Judgement {
        let subject = clause.condition.subject();
        let unit = subject.and_then(unit_of).unwrap_or(Unit::Ratio);
        let found = subject.map_or_else(|| Sampled::mean(Vec::new()), |term| self.sampled(term));
        let mut shown = found.estimate(unit);
        if let Some(Term::Metric(m)) = subject {
            shown.cut_to(m.metric.domain());
        }
        Judgement {
            text: clause.text.clone(),
            during: clause.during.clone(),
            verdict,
            value: shown,
            held,
            written_at: None,
        }
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
        if let Some(interval) = self.difference(a, b).and_then(|found| found.interval(self.level)) {
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

impl Bench<'_> {
    /// How sure it is that a condition is missed, from 0 to 1: by the difference of two sides against none; of
    /// several conditions that of the one that decides.
    fn missed(&self, condition: &Condition) -> Option<f64> {
        let over = |a: &Term, b: &Term| {
            // How sure it is that the true difference lies above zero.
            self.difference(a, b)?.above_zero()
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
