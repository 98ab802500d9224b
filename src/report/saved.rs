//! Results that were saved as JSON, read again to be compared.
//!
//! Rule: whatever the file holds, there is a result or a sentence about what is wrong; numbers that are missing are
//! absent. Series come back as their medians: the bands over replications are not saved.

use serde_json::Value;

use crate::experiment::results::{
    Conservation, EndpointRow, ErrorRow, Estimate, Judgement, MessageRow, MetricValue, Precision,
    ResourceRow, RunResults, SCHEMA_VERSION, Series, SeriesColumn, Trouble, Unit, VariantResults, Verdict,
};
use crate::metrics::vocabulary::{Argument, segments};

/// Whether a text looks like saved results and not like a scenario.
#[must_use]
pub fn looks_saved(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.get(..4096).unwrap_or(text).contains("\"schema_version\"")
}

/// The results in a file that `run --format json` printed or `results.json` holds.
///
/// # Errors
/// A sentence without a full stop: what is wrong with the file.
pub fn read_saved(text: &str) -> Result<RunResults, String> {
    let root: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let version =
        root["schema_version"].as_u64().ok_or("it has no `schema_version`: it is no saved result")?;
    if version != u64::from(SCHEMA_VERSION) {
        return Err(format!(
            "its `schema_version` is {version}, and this surgesim reads {SCHEMA_VERSION}: run it again"
        ));
    }
    let variants = root["variants"].as_array().ok_or("it has no `variants`: it is no result of `run`")?;
    let variants: Vec<VariantResults> = variants.iter().map(variant).collect::<Result<_, _>>()?;
    if variants.is_empty() {
        return Err("it holds no design".to_owned());
    }
    Ok(RunResults {
        schema_version: SCHEMA_VERSION,
        scenario: text_of(&root["scenario"]),
        about: text_of(&root["about"]),
        seed: root["seed"].as_u64().ok_or("it has no `seed`")?,
        complete: root["complete"].as_bool().unwrap_or(false),
        variants,
    })
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count_of(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn value_of(value: &Value) -> MetricValue {
    match value {
        Value::String(word) if word == "never" => MetricValue::Never,
        other => other.as_f64().into(),
    }
}

fn unit_of(symbol: &str) -> Unit {
    [Unit::Seconds, Unit::Share, Unit::PerSecond, Unit::Count, Unit::Ratio, Unit::MoneyPerHour, Unit::Money]
        .into_iter()
        .find(|unit| unit.symbol() == symbol)
        .unwrap_or(Unit::Ratio)
}

fn estimate(value: &Value) -> Estimate {
    let each: Vec<MetricValue> = value["each"].as_array().into_iter().flatten().map(value_of).collect();
    let pooled = value["pooled"].as_f64();
    let mut pseudo: Vec<f64> = list(&value["pseudo"], Value::as_f64).into_iter().flatten().collect();
    if pooled.is_some() && pseudo.len() != each.len() {
        // An older file, in which percentiles were means over replications: each one's own must do.
        pseudo = each.iter().map(|own| own.number()).collect::<Option<_>>().unwrap_or_default();
    }
    Estimate {
        value: pooled.map_or_else(|| value_of(&value["value"]), MetricValue::Number),
        unit: unit_of(value["unit"].as_str().unwrap_or_default()),
        low: value["low"].as_f64(),
        high: value["high"].as_f64(),
        pooled,
        pseudo: if each.len() > 1 { pseudo } else { Vec::new() },
        each,
    }
}

fn list<T>(value: &Value, of: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(of).collect()
}

fn judgement(value: &Value) -> Judgement {
    Judgement {
        text: text_of(&value["text"]),
        during: value["during"].as_str().map(str::to_owned),
        verdict: match value["verdict"].as_str() {
            Some("met") => Verdict::Met,
            Some("missed") => Verdict::Missed,
            _ => Verdict::Inconclusive,
        },
        value: estimate(value),
        held: list(&value["held"], |held| held.as_bool().unwrap_or(false)),
        written_at: None,
    }
}

fn variant(value: &Value) -> Result<VariantResults, String> {
    let name = text_of(&value["name"]);
    let metrics = value["metrics"].as_object().ok_or(format!("its design `{name}` has no `metrics`"))?;
    let counts = &value["conservation"];
    Ok(VariantResults {
        replications: u32::try_from(count_of(&value["replications"])).unwrap_or(0),
        warmup: value["warmup"].as_f64().unwrap_or(0.0),
        duration: value["duration"].as_f64().unwrap_or(0.0),
        metrics: metrics.iter().map(|(name, value)| (name.clone(), estimate(value))).collect(),
        conservation: Conservation {
            sent: count_of(&counts["sent"]),
            good: count_of(&counts["good"]),
            failed: count_of(&counts["failed"]),
            abandoned: count_of(&counts["abandoned"]),
            in_flight: count_of(&counts["in_flight"]),
            calls_opened: count_of(&counts["calls_opened"]),
            calls_closed: count_of(&counts["calls_closed"]),
            calls_in_flight: count_of(&counts["calls_in_flight"]),
        },
        messages: list(&counts["messages"], |m| MessageRow {
            queue: text_of(&m["queue"]),
            published: count_of(&m["published"]),
            acked: count_of(&m["acked"]),
            dead_lettered: count_of(&m["dead_lettered"]),
            expired: count_of(&m["expired"]),
            dropped: count_of(&m["dropped"]),
            lost: count_of(&m["lost"]),
            waiting: count_of(&m["waiting"]),
            in_flight: count_of(&m["in_flight"]),
            redelivered: count_of(&m["redelivered"]),
            duplicates: count_of(&m["duplicates"]),
        }),
        errors: list(&value["errors"], |e| ErrorRow {
            component: text_of(&e["component"]),
            reason: text_of(&e["reason"]),
            status: u16::try_from(count_of(&e["status"])).unwrap_or(0),
            count: count_of(&e["count"]),
            share: e["share"].as_f64().unwrap_or(0.0),
        }),
        endpoints: list(&value["endpoints"], |e| EndpointRow {
            client: text_of(&e["client"]),
            endpoint: text_of(&e["endpoint"]),
            sent: count_of(&e["sent"]),
            good: count_of(&e["good"]),
            errors: count_of(&e["errors"]),
            p50: e["p50"].as_f64(),
            p99: e["p99"].as_f64(),
        }),
        resources: list(&value["resources"], |r| ResourceRow {
            component: text_of(&r["component"]),
            instance: r["instance"].as_u64().and_then(|i| u32::try_from(i).ok()),
            role: text_of(&r["role"]),
            servers: r["servers"].as_f64().unwrap_or(f64::INFINITY),
            offered_utilisation: r["offered_utilisation"].as_f64(),
            utilisation: r["utilisation"].as_f64(),
            mean_queue: r["mean_queue"].as_f64().unwrap_or(0.0),
            max_queue: count_of(&r["max_queue"]),
            mean_wait: r["mean_wait"].as_f64(),
            p99_wait: r["p99_wait"].as_f64(),
            littles_law: r["littles_law"].as_f64(),
            utilisation_law: r["utilisation_law"].as_f64(),
        }),
        objectives: list(&value["objectives"], judgement),
        expectations: list(&value["expect"], judgement),
        series: series(&value["series"]),
        notices: list(&value["notices"], text_of),
        troubles: list(&value["troubles"], |t| Trouble {
            from: t["from"].as_f64().unwrap_or(0.0),
            to: t["to"].as_f64().unwrap_or(0.0),
            word: if t["word"] == "fault" { "fault" } else { "spike" },
        }),
        bill: list(&value["bill"], super::cost_section::bill_row),
        budgets: list(&value["error_budgets"], |row| super::cost_section::budget_row(row, estimate)),
        precision: list(&value["precision"], |p| Precision {
            metric: text_of(&p["metric"]),
            asked: p["asked"].as_f64().unwrap_or(0.0),
            reached: p["reached"].as_f64(),
            met: p["met"].as_bool().unwrap_or(false),
        }),
        name,
    })
}

fn series(value: &Value) -> Series {
    let numbers = |value: &Value| list(value, Value::as_f64);
    let columns =
        value.as_object().into_iter().flatten().filter(|(name, _)| *name != "bucket" && *name != "t");
    Series {
        bucket: value["bucket"].as_f64().unwrap_or(0.0),
        t: numbers(&value["t"]).into_iter().map(|t| t.unwrap_or(0.0)).collect(),
        columns: columns
            .map(|(name, column)| {
                let median = numbers(column);
                SeriesColumn {
                    name: name.clone(),
                    unit: series_unit(name),
                    low: median.clone(),
                    high: median.clone(),
                    median,
                }
            })
            .collect(),
    }
}

/// The unit of a series by its name; the file does not say.
fn series_unit(name: &str) -> Unit {
    let parts = segments(name);
    let last = parts.last().map_or("", |part| part.name.as_str());
    match (parts.first().map_or("", |part| part.name.as_str()), last) {
        ("offered" | "throughput" | "goodput" | "errors" | "timeouts" | "abandoned", _) => Unit::PerSecond,
        (_, "cpu" | "offered_cpu" | "utilisation" | "hit_ratio" | "offload") => Unit::Share,
        (head, _) if head.starts_with('p') && parts.len() == 1 => Unit::Seconds,
        _ if parts.iter().flat_map(|p| &p.arguments).any(|a| matches!(a, Argument::Window(..))) => {
            Unit::Ratio
        }
        _ => Unit::Count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::results::{AlertRow, BudgetRow};
    use crate::report::{fixture, json};

    #[test]
    fn what_was_written_is_read_again() {
        let mut results = fixture::two();
        results.variants[0].metrics.push(("outage".to_owned(), fixture::single(MetricValue::Never)));
        let spent = fixture::estimate(0.3, Unit::Share, 0.2, 0.4);
        let burnt = |x| fixture::estimate(x, Unit::Ratio, x, x);
        results.variants[0].budgets.push(BudgetRow {
            objective: "availability >= 99.9%".to_owned(),
            budget: 0.001,
            spent,
            alerts: vec![AlertRow {
                rate: 14.4,
                windows: (3_600.0, 300.0),
                burnt: (burnt(2.0), burnt(20.0)),
                fires: fixture::single(MetricValue::Never),
            }],
        });
        let text = json(&results);
        assert!(looks_saved(&text));
        let read = read_saved(&text).unwrap();
        assert_eq!(read.seed, results.seed);
        for (a, b) in read.variants.iter().zip(&results.variants) {
            assert_eq!(a.metrics, b.metrics);
            assert_eq!(a.resources, b.resources);
            assert_eq!(a.errors, b.errors);
            assert_eq!(a.objectives, b.objectives);
            assert_eq!(a.budgets, b.budgets);
            assert_eq!(a.series.columns.len(), b.series.columns.len());
        }
        // The notices were joined by those of the report when it was written.
        assert!(json(&read).starts_with("{\"schema_version\":1"));
    }

    #[test]
    fn what_is_no_result_is_told() {
        for (text, part) in [
            ("{", "no JSON"),
            ("{}", "no `schema_version`"),
            ("{\"schema_version\": 9}", "9"),
            ("{\"schema_version\": 1}", "no `variants`"),
            ("{\"schema_version\": 1, \"variants\": [], \"seed\": 1}", "no design"),
            ("{\"schema_version\": 1, \"variants\": [{\"name\": \"x\"}]}", "`x` has no `metrics`"),
        ] {
            let message = read_saved(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
