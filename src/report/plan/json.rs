//! A plan as one JSON object.

use serde_json::{Map, Value, json};

use super::{Goal, PlanReport};
use crate::experiment::results::{RunResults, SCHEMA_VERSION};
use crate::report::json::document;

impl PlanReport<'_> {
    /// One line, with a line feed at its end.
    #[must_use]
    pub fn json(&self) -> String {
        let settings = |at: usize| -> Value {
            let pairs = self.paths.iter().zip(&self.designs[at].values);
            pairs
                .map(|(path, value)| (path.clone(), Value::from(value.as_str())))
                .collect::<Map<_, _>>()
                .into()
        };
        let goal = match self.goal {
            Goal::Cheapest { cost, answer, neighbours, assumed, broken, possible, left_out, .. } => json!({
                "goal": "cheapest",
                "cost": cost,
                "answer": answer.map(settings),
                "answer_index": answer,
                "neighbours": neighbours,
                "assumed_no_worse_with_more_of": assumed,
                "contradictions": broken,
                "designs_possible": possible,
                "left_out": {"inferred": left_out.0, "dearer": left_out.1, "impossible": left_out.2},
            }),
            Goal::Largest { carried, missed, tolerance } => json!({
                "goal": "largest load",
                "path": self.paths.concat(),
                "carried": carried.map(|at| self.designs[at].values.concat()),
                "carried_index": carried,
                "missed": missed.map(|at| self.designs[at].values.concat()),
                "missed_index": missed,
                "tolerance": tolerance,
            }),
        };
        let designs: Vec<Value> = self
            .designs
            .iter()
            .enumerate()
            .map(|(at, design)| {
                let whole = document(&RunResults {
                    schema_version: SCHEMA_VERSION,
                    scenario: self.title.to_owned(),
                    about: String::new(),
                    seed: self.seed,
                    complete: self.complete,
                    variants: vec![design.results.clone()],
                });
                let variant = &whole["variants"][0];
                json!({
                    "settings": settings(at),
                    "finding": design.finding.word(),
                    "deciding": self.deciding(design).map(crate::report::check::written),
                    "confidence": design.confidence,
                    "check_of_the_assumption": design.checks,
                    "replications": variant["replications"],
                    "headline": variant["headline"],
                    "bottleneck": variant["bottleneck"],
                    "metrics": variant["metrics"],
                    "objectives": variant["objectives"],
                    "expect": variant["expect"],
                })
            })
            .collect();
        let mut text = json!({
            "schema_version": SCHEMA_VERSION,
            "surgesim": env!("CARGO_PKG_VERSION"),
            "scenario": self.title,
            "design": self.design,
            "seed": self.seed,
            "complete": self.complete,
            "fits": self.fits(),
            "text": self.answer(),
            "evidence": self.evidence(),
            "level": self.level,
            "max_replications": self.most,
            "plan": goal,
            "designs": designs,
            "notices": self.notices,
        })
        .to_string();
        text.push('\n');
        text
    }
}
