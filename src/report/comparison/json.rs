//! A comparison as one JSON object: every metric of every candidate, the reasons, and the designs' own results
//! without their series, so that the file can be committed as a baseline.

use serde_json::{Value, json};

use super::{ComparisonReport, finding};
use crate::experiment::comparison::{Difference, Pairing, Word};
use crate::experiment::confidence::Interval;
use crate::experiment::results::MetricValue;
use crate::report::json::document;

fn value(value: MetricValue) -> Value {
    match value {
        MetricValue::Number(x) => Value::from(x + 0.0),
        MetricValue::Never => Value::from("never"),
        MetricValue::Absent => Value::Null,
    }
}

fn ends(interval: Option<Interval>) -> (Option<f64>, Option<f64>) {
    let finite = |x: f64| Some(x + 0.0).filter(|x| x.is_finite());
    (interval.and_then(|i| finite(i.low)), interval.and_then(|i| finite(i.high)))
}

fn row(row: &Difference) -> Value {
    let ((low, high), (ratio_low, ratio_high)) = (ends(row.interval), ends(row.ratio.map(|(_, i)| i)));
    let (word, more) = match row.word {
        Word::Better => ("better", None),
        Word::Worse => ("worse", None),
        Word::Higher => ("higher", None),
        Word::Lower => ("lower", None),
        Word::Same => ("same", None),
        Word::Unknown(more) => ("unknown", more),
    };
    json!({
        "unit": row.unit.symbol(),
        "baseline": value(row.baseline),
        "candidate": value(row.candidate),
        "difference": row.difference.map(|x| x + 0.0),
        "low": low,
        "high": high,
        "ratio": row.ratio.map(|(ratio, _)| ratio),
        "ratio_low": ratio_low,
        "ratio_high": ratio_high,
        "margin": row.margin,
        "word": word,
        "more_replications": more,
        "gated": row.gated,
        "regressed": row.regressed,
    })
}

impl ComparisonReport<'_> {
    /// One line, with a line feed at its end.
    #[must_use]
    pub fn json(&self) -> String {
        let candidates: Vec<Value> = self
            .comparison
            .candidates
            .iter()
            .map(|candidate| {
                let reason = self.reason(candidate);
                let metrics: serde_json::Map<String, Value> =
                    candidate.rows.iter().map(|r| (r.metric.clone(), row(r))).collect();
                json!({
                    "name": self.label(candidate.at),
                    "baseline": self.label(candidate.baseline),
                    "finding": finding(self, candidate),
                    "paired": candidate.pairing == Pairing::Paired,
                    "replications": candidate.replications,
                    "metrics": metrics,
                    "waits": reason.waits.iter().map(|w| json!({
                        "resource": w.resource, "before": w.before, "after": w.after,
                    })).collect::<Vec<_>>(),
                    "errors": reason.errors.iter().map(|e| json!({
                        "kind": e.kind, "before": e.before, "after": e.after,
                    })).collect::<Vec<_>>(),
                    "why": reason.sentences(),
                })
            })
            .collect();
        let mut text = json!({
            "schema_version": 1,
            "surgesim": env!("CARGO_PKG_VERSION"),
            "scenario": self.title,
            "seed": self.contenders.first().map(|c| c.seed),
            "complete": self.complete,
            "level": self.comparison.level,
            "tolerance": self.comparison.tolerance,
            "regressed": self.comparison.regressed(),
            "comparison": candidates,
            "notices": self.notices,
            "variants": document(&self.results())["variants"],
        })
        .to_string();
        text.push('\n');
        text
    }

    /// The designs alone, without their series: a baseline file that can be committed.
    #[must_use]
    pub fn baseline(&self) -> String {
        let mut document = document(&self.results());
        for variant in document["variants"].as_array_mut().into_iter().flatten() {
            variant["series"] = json!({"bucket": 0.0, "t": []});
        }
        // Indented, so that a change of it can be reviewed.
        format!("{document:#}\n")
    }
}
