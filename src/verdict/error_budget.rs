//! The error budget of each objective on availability.

use super::judge::Clause;
use crate::experiment::aggregate::estimate;
use crate::experiment::results::{AlertRow, BudgetRow, Estimate, MetricValue, Unit};
use crate::metrics::error_budget::{ALERTS, burn_rate, fires_at, spent};
use crate::metrics::{Comparison, Condition, Metric, ReplicationRecord, Term, Window};

/// The share of answers that an objective allows to be bad.
fn budget(clause: &Clause) -> Option<f64> {
    let Condition::Compare(Comparison::Greater | Comparison::GreaterOrEqual, Term::Metric(subject), bound) =
        &clause.condition
    else {
        return None;
    };
    let Term::Number(target) = bound else { return None };
    let whole = clause.window == Window::Run && subject.window.is_none();
    let budget = 1.0 - target;
    (whole && subject.metric == Metric::Availability && budget > 0.0 && budget < 1.0).then_some(budget)
}

/// The budgets of objectives of the form `availability >= 99.9%` over the whole run.
#[must_use]
pub fn error_budgets(objectives: &[Clause], records: &[ReplicationRecord]) -> Vec<BudgetRow> {
    let row = |clause: &Clause| {
        let budget = budget(clause)?;
        let each = |of: &dyn Fn(&ReplicationRecord) -> MetricValue, unit: Unit| -> Estimate {
            let mut found = estimate(records.iter().map(of).collect(), unit);
            found.cut_to((0.0, f64::INFINITY));
            found
        };
        let span = |record: &ReplicationRecord| (record.plan.warmup, record.end);
        let alerts = ALERTS.map(|(rate, long, short)| AlertRow {
            rate,
            windows: (long, short),
            burnt: (
                each(&|r| burn_rate(r, span(r), budget, long), Unit::Ratio),
                each(&|r| burn_rate(r, span(r), budget, short), Unit::Ratio),
            ),
            fires: each(
                &|r| {
                    let fires = fires_at(r, span(r), budget, (rate, long, short));
                    fires.map_or(MetricValue::Never, MetricValue::Number)
                },
                Unit::Seconds,
            ),
        });
        Some(BudgetRow {
            objective: clause.text.clone(),
            budget,
            spent: each(&|r| spent(r, span(r), budget).into(), Unit::Share),
            alerts: alerts.into(),
        })
    };
    objectives.iter().filter_map(row).collect()
}
