//! A sweep as one JSON object: every metric of every point.

use serde_json::{Map, Value, json};

use super::{Knee, SweepPoint, SweepReport, verdict};
use crate::experiment::results::{RunResults, SCHEMA_VERSION};
use crate::report::json::document;

impl SweepReport<'_> {
    /// One line, with a line feed at its end.
    #[must_use]
    pub fn json(&self) -> String {
        let axes: Vec<Value> = (0..self.axes.len())
            .map(|at| json!({"path": self.axes[at].path, "values": self.values(at)}))
            .collect();
        let knees: Vec<Value> = self
            .shown()
            .into_iter()
            .flat_map(|metric| self.knees(metric))
            .map(|knee| self.knee(&knee))
            .collect();
        let mut text = json!({
            "schema_version": SCHEMA_VERSION,
            "surgesim": env!("CARGO_PKG_VERSION"),
            "scenario": self.title,
            "design": self.design,
            "seed": self.seed,
            "complete": self.complete(),
            "points_wanted": self.wanted,
            "chosen_by": if self.sample.is_some() { "latin hypercube" } else { "grid" },
            "sample_seed": self.sample,
            "axes": axes,
            "findings": self.findings(),
            "knees": knees,
            "notices": self.notices(),
            "points": self.points.iter().map(|point| self.point(point)).collect::<Vec<_>>(),
        })
        .to_string();
        text.push('\n');
        text
    }

    fn knee(&self, knee: &Knee) -> Value {
        let with: Map<String, Value> = knee
            .at
            .iter()
            .map(|(axis, value)| (self.axes[*axis].path.clone(), Value::from(value.as_str())))
            .collect();
        json!({
            "metric": knee.metric,
            "path": self.axes[knee.axis].path,
            "with": with,
            "value": knee.value,
            "low": knee.each.as_ref().map(|each| each.0.as_str()),
            "high": knee.each.as_ref().map(|each| each.1.as_str()),
            "replications_with_a_knee": knee.each.as_ref().map(|each| each.2),
            "replications": knee.replications,
            "definition": "Kneedle (Satopaa et al. 2011), S = 1",
        })
    }

    fn point(&self, point: &SweepPoint) -> Value {
        let settings: Map<String, Value> = self
            .axes
            .iter()
            .zip(&point.values)
            .map(|(axis, value)| (axis.path.clone(), Value::from(value.as_str())))
            .collect();
        let whole = document(&RunResults {
            schema_version: SCHEMA_VERSION,
            scenario: self.title.to_owned(),
            about: String::new(),
            seed: self.seed,
            complete: point.complete,
            variants: vec![point.results.clone()],
        });
        let variant = &whole["variants"][0];
        json!({
            "index": point.index,
            "settings": settings,
            "complete": point.complete,
            "replications": variant["replications"],
            "verdict": verdict(&point.results).map(crate::experiment::results::Verdict::word),
            "headline": variant["headline"],
            "bottleneck": variant["bottleneck"],
            "metrics": variant["metrics"],
            "objectives": variant["objectives"],
            "expect": variant["expect"],
            "precision": variant["precision"],
            "notices": variant["notices"],
        })
    }
}
