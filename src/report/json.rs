//! The results as one JSON object, for programs: all that the text report shows, and the series.
//!
//! Shape: `schema_version`, `surgesim` (version), `scenario`, `seed`, `complete`, `variants`; see the
//! functions below for each part. Times are in seconds, shares in 0..1, errors of the series per second.
//! A metric that never came to pass is the string `"never"`, one with nothing to measure it on is `null`,
//! and so are the interval's ends where there is none. What nothing limits has `servers: null`.
//!
//! Rule: equal results give equal bytes. Keys stand in a fixed order (metrics and series in the order of the
//! results), a number is printed as the shortest decimal that names it, and zero has no sign.

use serde_json::{Map, Value, json};

use super::bottleneck::bottleneck;
use super::dynamics::{Back, Dynamics, dynamics};
use super::headline::headline;
use super::warnings::warnings;
use crate::experiment::results::{
    EndpointRow, ErrorRow, Estimate, Judgement, MessageRow, MetricValue, Precision, ResourceRow, RunResults,
    Series, VariantResults,
};

/// The whole object on one line, with a line feed at its end.
#[must_use]
pub fn json(results: &RunResults) -> String {
    let mut text = document(results).to_string();
    text.push('\n');
    text
}

/// The same as a tree.
#[must_use]
pub fn document(results: &RunResults) -> Value {
    json!({
        "schema_version": results.schema_version,
        "surgesim": env!("CARGO_PKG_VERSION"),
        "scenario": results.scenario,
        "about": results.about,
        "seed": results.seed,
        "complete": results.complete,
        "variants": results.variants.iter().map(variant).collect::<Vec<_>>(),
    })
}

fn variant(variant: &VariantResults) -> Value {
    let metrics: Map<String, Value> =
        variant.metrics.iter().map(|(name, estimate)| (name.clone(), metric(estimate))).collect();
    json!({
        "name": variant.name,
        "replications": variant.replications,
        "warmup": number(variant.warmup),
        "duration": number(variant.duration),
        "headline": headline(variant),
        "bottleneck": bottleneck(variant).map(|b| json!({
            "component": b.component, "role": b.role, "limits": b.limits, "evidence": b.evidence,
        })),
        "dynamics": dynamics(variant).as_ref().map(course),
        "metrics": metrics,
        "conservation": conservation(variant),
        "errors": variant.errors.iter().map(error).collect::<Vec<_>>(),
        "endpoints": variant.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "resources": variant.resources.iter().map(resource).collect::<Vec<_>>(),
        "objectives": variant.objectives.iter().map(judgement).collect::<Vec<_>>(),
        "expect": variant.expectations.iter().map(judgement).collect::<Vec<_>>(),
        "notices": warnings(variant),
        "bill": super::cost_section::bill_json(&variant.bill),
        "error_budgets": super::cost_section::budgets_json(&variant.budgets, metric),
        "troubles": variant.troubles.iter().map(|t| json!({
            "word": t.word, "from": number(t.from), "to": number(t.to),
        })).collect::<Vec<_>>(),
        "precision": variant.precision.iter().map(precision).collect::<Vec<_>>(),
        "series": series(&variant.series),
    })
}

/// What became of the design after its last trouble: instants in seconds, or `"never"`.
fn course(found: &Dynamics) -> Value {
    let back = |back| match back {
        Back::At(at) => number(at),
        Back::Never => Value::from("never"),
    };
    json!({
        "trouble": {"word": found.trouble.word, "from": number(found.trouble.from), "to": number(found.trouble.to)},
        "load_normal_at": back(found.load),
        "goodput_normal_at": back(found.goodput),
        "repeats": optional(found.repeats),
        "metastable": found.metastable,
        "sentence": found.sentence(),
    })
}

fn number(x: f64) -> Value {
    // Adding zero takes the sign off a negative zero; what is not finite becomes null.
    Value::from(x + 0.0)
}

fn optional(x: Option<f64>) -> Value {
    x.map_or(Value::Null, number)
}

fn value(value: MetricValue) -> Value {
    match value {
        MetricValue::Number(x) => number(x),
        MetricValue::Never => Value::from("never"),
        MetricValue::Absent => Value::Null,
    }
}

fn metric(estimate: &Estimate) -> Value {
    let mut object = Map::new();
    put_estimate(&mut object, estimate);
    // Whoever reads the results again pairs replications by these.
    object.insert("each".to_owned(), estimate.each.iter().map(|v| value(*v)).collect());
    Value::Object(object)
}

fn put_estimate(object: &mut Map<String, Value>, estimate: &Estimate) {
    object.insert("value".to_owned(), value(estimate.value));
    object.insert("unit".to_owned(), estimate.unit.symbol().into());
    object.insert("low".to_owned(), optional(estimate.low));
    object.insert("high".to_owned(), optional(estimate.high));
    if let Some(pooled) = estimate.pooled {
        object.insert("pooled".to_owned(), number(pooled));
    }
    if !estimate.pseudo.is_empty() {
        object.insert("pseudo".to_owned(), estimate.pseudo.iter().map(|x| number(*x)).collect());
    }
}

fn judgement(judgement: &Judgement) -> Value {
    let mut object = Map::new();
    object.insert("text".to_owned(), judgement.text.clone().into());
    object.insert("during".to_owned(), judgement.during.clone().into());
    object.insert("verdict".to_owned(), judgement.verdict.word().into());
    put_estimate(&mut object, &judgement.value);
    object.insert("each".to_owned(), judgement.value.each.iter().map(|v| value(*v)).collect());
    object.insert("held".to_owned(), judgement.held.clone().into());
    Value::Object(object)
}

fn precision(precision: &Precision) -> Value {
    json!({
        "metric": precision.metric,
        "asked": number(precision.asked),
        "reached": optional(precision.reached),
        "met": precision.met,
    })
}

fn conservation(variant: &VariantResults) -> Value {
    let counts = &variant.conservation;
    let mut all = json!({
        "sent": counts.sent,
        "good": counts.good,
        "failed": counts.failed,
        "abandoned": counts.abandoned,
        "in_flight": counts.in_flight,
        "calls_opened": counts.calls_opened,
        "calls_closed": counts.calls_closed,
        "calls_in_flight": counts.calls_in_flight,
        "holds": counts.holds(),
    });
    if !variant.messages.is_empty() {
        let rows: Vec<Value> = variant.messages.iter().map(messages).collect();
        all["messages"] = rows.into();
    }
    all
}

fn messages(row: &MessageRow) -> Value {
    json!({
        "queue": row.queue,
        "published": row.published,
        "acked": row.acked,
        "dead_lettered": row.dead_lettered,
        "expired": row.expired,
        "dropped": row.dropped,
        "lost": row.lost,
        "waiting": row.waiting,
        "in_flight": row.in_flight,
        "redelivered": row.redelivered,
        "duplicates": row.duplicates,
        "holds": row.holds(),
    })
}

fn error(row: &ErrorRow) -> Value {
    json!({
        "component": row.component,
        "status": row.status,
        "reason": row.reason,
        "count": row.count,
        "share": number(row.share),
    })
}

fn endpoint(row: &EndpointRow) -> Value {
    json!({
        "client": row.client,
        "endpoint": row.endpoint,
        "sent": row.sent,
        "good": row.good,
        "errors": row.errors,
        "p50": optional(row.p50),
        "p99": optional(row.p99),
    })
}

fn resource(row: &ResourceRow) -> Value {
    json!({
        "component": row.component,
        "instance": row.instance,
        "role": row.role,
        "servers": number(row.servers),
        "offered_utilisation": optional(row.offered_utilisation),
        "utilisation": optional(row.utilisation),
        "mean_queue": number(row.mean_queue),
        "max_queue": row.max_queue,
        "mean_wait": optional(row.mean_wait),
        "p99_wait": optional(row.p99_wait),
        "littles_law": optional(row.littles_law),
        "utilisation_law": optional(row.utilisation_law),
    })
}

fn series(series: &Series) -> Value {
    let mut object = Map::new();
    object.insert("bucket".to_owned(), number(series.bucket));
    object.insert("t".to_owned(), series.t.iter().map(|t| number(*t)).collect());
    for column in &series.columns {
        object.insert(column.name.clone(), column.median.iter().map(|x| optional(*x)).collect());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::document;
    use crate::experiment::results::{MetricValue, RunResults};
    use crate::report::fixture;

    fn first(results: &RunResults) -> Value {
        document(results)["variants"][0].clone()
    }

    #[test]
    fn one_line_that_reads_back_with_its_keys_in_order() {
        let text = super::json(&fixture::launch());
        assert_eq!(text.matches('\n').count(), 1);
        let read: Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["schema_version", "surgesim", "scenario", "about", "seed", "complete", "variants"]);
        assert_eq!(read["schema_version"], 1);
        assert_eq!(read["seed"], 7);
        assert_eq!(text, super::json(&fixture::launch()));
    }

    #[test]
    fn a_metric_has_its_value_unit_interval_and_pooled_percentile() {
        let v = first(&fixture::launch());
        assert_eq!(
            v["metrics"]["p99"],
            json!({"value": 0.812, "unit": "s", "low": 0.774, "high": 0.851, "pooled": 0.812,
                   "pseudo": [0.77, 0.81, 0.82, 0.81, 0.86],
                   "each": [0.774, 0.812, 0.812, 0.812, 0.851]})
        );
        assert_eq!(
            v["metrics"]["rate_503"],
            json!({"value": 0.118, "unit": "share", "low": 0.112, "high": 0.124,
                   "each": [0.112, 0.118, 0.118, 0.118, 0.124]})
        );
        assert_eq!(v["conservation"]["sent"], 1_000_000);
        assert_eq!(v["conservation"]["holds"], true);
        assert_eq!(v["errors"][0]["reason"], "backlog full");
        assert_eq!(v["endpoints"][0]["p99"], 0.9);
        assert_eq!(v["resources"][0]["offered_utilisation"], 1.24);
        assert!(v["headline"].as_str().unwrap().starts_with("503 rate 11.8 %"));
        assert_eq!(v["bottleneck"]["component"], "db");
    }

    #[test]
    fn objectives_and_expectations_carry_their_verdict_and_value() {
        let v = first(&fixture::launch());
        assert_eq!(v["objectives"][0]["text"], "p99 < 800ms");
        assert_eq!(v["objectives"][0]["verdict"], "inconclusive");
        assert_eq!(v["objectives"][0]["value"], 0.812);
        assert_eq!(v["expect"][0]["during"], "3m..8m");
        assert_eq!(v["expect"][0]["verdict"], "missed");
        assert_eq!(v["expect"][0]["held"], json!([true, false, true, true, true]));
    }

    #[test]
    fn never_is_a_word_and_absent_is_null() {
        let mut results = fixture::launch();
        let metrics = &mut results.variants[0].metrics;
        metrics.push(("time_to_recover".to_owned(), fixture::single(MetricValue::Never)));
        metrics.push(("p99(errors)".to_owned(), fixture::single(MetricValue::Absent)));
        let v = first(&results);
        assert_eq!(
            v["metrics"]["time_to_recover"],
            json!({"value": "never", "unit": "s", "low": null, "high": null, "each": ["never"]})
        );
        assert_eq!(v["metrics"]["p99(errors)"]["value"], Value::Null);
    }

    #[test]
    fn series_are_flat_columns_with_null_where_nothing_was_measured() {
        let mut results = fixture::launch();
        let series = &mut results.variants[0].series;
        series.columns[0].median[1] = None;
        series.columns[0].median[2] = Some(-0.0);
        let v = first(&results);
        assert_eq!(v["series"]["bucket"], 10.0);
        assert_eq!(v["series"]["t"].as_array().unwrap().len(), fixture::BUCKETS);
        assert_eq!(v["series"]["offered"][1], Value::Null);
        assert_eq!(v["series"]["offered"][2].to_string(), "0.0");
    }

    #[test]
    fn unlimited_servers_and_hostile_names_are_still_json() {
        let mut results = fixture::launch();
        results.scenario = "\"\u{1b}[2J</script>\n".to_owned();
        results.variants[0].resources[0].servers = f64::INFINITY;
        let read: Value = serde_json::from_str(&super::json(&results)).unwrap();
        assert_eq!(read["scenario"], results.scenario.as_str());
        assert_eq!(read["variants"][0]["resources"][0]["servers"], Value::Null);
    }
}
