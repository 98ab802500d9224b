//! What a design costs, item by item, and how fast it spends its error budgets: as text and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::quantity;
use super::table::{Rows, clean};
use crate::experiment::results::{AlertRow, BillRow, BudgetRow, Estimate, MetricValue, Unit, VariantResults};

/// Why an item's price should not be believed.
const PLACEHOLDER: &str = "unverified";

/// How much there was of an item, with its unit.
fn amount(row: &BillRow) -> String {
    let bytes = |suffix: &str| {
        let shown = |x: f64, unit: &str| format!("{} {unit}{suffix}", quantity::quantity(x, Unit::Ratio));
        match row.quantity {
            x if x >= 0.999e12 => shown(x / 1e12, "TB"),
            x if x >= 0.999e9 => shown(x / 1e9, "GB"),
            x if x >= 0.999e6 => shown(x / 1e6, "MB"),
            x => shown(x / 1e3, "KB"),
        }
    };
    match row.what.as_str() {
        "memory" | "storage" => bytes(""),
        "egress" | "within zones" | "across zones" => bytes("/h"),
        "requests" | "reads" | "writes" => format!("{}/h", quantity::count(row.quantity.round() as u64)),
        _ => quantity::quantity(row.quantity, Unit::Ratio),
    }
}

/// The bill: the totals with their intervals, then each item.
pub(super) fn cost(variant: &VariantResults, lines: bool) -> String {
    let mut out = String::new();
    if variant.bill.is_empty() {
        return out;
    }
    for (name, words) in [
        ("cost", "per hour"),
        ("cost_per_spike", "per spike"),
        ("cost_per_million_good", "per million good answers"),
        ("cost_of_redundancy", "of it for idle cores"),
    ] {
        if let Some(found) = variant.metric(name) {
            let _ = writeln!(out, "{words:<25} {}", quantity::estimate(found));
        }
    }
    let (header, all) = bill_rows(variant);
    let mut rows = Rows::new(&header, 3, lines);
    all.iter().for_each(|row| rows.push(row));
    out.push_str(&rows.text());
    if variant.bill.iter().any(|row| row.unverified) {
        let _ =
            writeln!(out, "({PLACEHOLDER}): a placeholder of the price list; write your own under `prices`");
    }
    out
}

/// The bill's header and lines.
pub(super) fn bill_rows(variant: &VariantResults) -> ([&'static str; 6], Vec<Vec<String>>) {
    let total: f64 = variant.bill.iter().map(|row| row.per_hour).sum();
    let line = |row: &BillRow| {
        let share = if total > 0.0 { row.per_hour / total } else { 0.0 };
        let mark = if row.unverified { format!(" ({PLACEHOLDER})") } else { String::new() };
        vec![
            row.component.clone().unwrap_or_else(|| "traffic".to_owned()),
            row.what.clone(),
            format!("{}{mark}", row.price),
            amount(row),
            quantity::quantity(row.per_hour, Unit::MoneyPerHour),
            quantity::quantity(share, Unit::Share),
        ]
    };
    (["component", "what", "price", "amount", "per hour", "share"], variant.bill.iter().map(line).collect())
}

fn instant(value: MetricValue) -> String {
    match value {
        MetricValue::Number(seconds) => format!("fires at {}", quantity::duration(seconds)),
        MetricValue::Never => "does not fire".to_owned(),
        MetricValue::Absent => "cannot be told".to_owned(),
    }
}

/// Each objective's error budget.
pub(super) fn budgets(variant: &VariantResults) -> String {
    let mut out = String::new();
    for row in &variant.budgets {
        let _ = writeln!(
            out,
            "{}: {} of a budget of 30 days",
            clean(&row.objective),
            quantity::estimate(&row.spent)
        );
        // Nothing was bad, so nothing burns.
        let burns = row.spent.value.number().is_none_or(|spent| spent > 0.0);
        for alert in row.alerts.iter().filter(|_| burns) {
            let _ = writeln!(
                out,
                "  burn rate at most {} over {}, {} over {}; the alert at {} {}",
                quantity::value(alert.burnt.0.value, Unit::Ratio),
                quantity::duration(alert.windows.0),
                quantity::value(alert.burnt.1.value, Unit::Ratio),
                quantity::duration(alert.windows.1),
                alert.rate,
                instant(alert.fires.value),
            );
        }
    }
    out
}

/// The bill as JSON.
pub(super) fn bill_json(rows: &[BillRow]) -> Value {
    let row = |row: &BillRow| {
        json!({
            "component": row.component,
            "what": row.what,
            "quantity": row.quantity + 0.0,
            "price": row.price,
            "unverified": row.unverified,
            "per_hour": row.per_hour + 0.0,
        })
    };
    rows.iter().map(row).collect()
}

/// A line of a saved bill.
pub(super) fn bill_row(value: &Value) -> BillRow {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    BillRow {
        component: value["component"].as_str().map(str::to_owned),
        what: text("what"),
        quantity: value["quantity"].as_f64().unwrap_or(0.0),
        price: text("price"),
        unverified: value["unverified"].as_bool().unwrap_or(false),
        per_hour: value["per_hour"].as_f64().unwrap_or(0.0),
    }
}

/// An error budget of saved results; `estimate` reads one.
pub(super) fn budget_row(value: &Value, estimate: impl Fn(&Value) -> Estimate) -> BudgetRow {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let alert = |row: &Value| AlertRow {
        rate: number(&row["rate"]),
        windows: (number(&row["long_window"]), number(&row["short_window"])),
        burnt: (estimate(&row["burn_rate_long"]), estimate(&row["burn_rate_short"])),
        fires: estimate(&row["fires_at"]),
    };
    BudgetRow {
        objective: value["objective"].as_str().unwrap_or_default().to_owned(),
        budget: number(&value["budget"]),
        spent: estimate(&value["spent_of_30_days"]),
        alerts: value["alerts"].as_array().into_iter().flatten().map(alert).collect(),
    }
}

/// Error budgets as JSON; `estimate` writes one.
pub(super) fn budgets_json(rows: &[BudgetRow], estimate: impl Fn(&Estimate) -> Value) -> Value {
    let alert = |row: &AlertRow| {
        json!({
            "rate": row.rate,
            "long_window": row.windows.0,
            "short_window": row.windows.1,
            "burn_rate_long": estimate(&row.burnt.0),
            "burn_rate_short": estimate(&row.burnt.1),
            "fires_at": estimate(&row.fires),
        })
    };
    let row = |row: &BudgetRow| {
        json!({
            "objective": row.objective,
            "budget": row.budget,
            "spent_of_30_days": estimate(&row.spent),
            "alerts": row.alerts.iter().map(alert).collect::<Vec<_>>(),
        })
    };
    rows.iter().map(row).collect()
}
