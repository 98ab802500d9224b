//! The case file: expected values, how exact they are, and at which run length they were tried.

use std::sync::OnceLock;

use serde_json::Value;

/// One case.
#[derive(Clone, Copy)]
pub struct Case(&'static Value);

/// One expected value of a case.
#[derive(Clone, Copy)]
pub struct Quantity {
    pub expected: f64,
    /// Relative half-width that the pilot (or the general rule) had at `jobs` jobs.
    pub relative: f64,
    pub jobs: f64,
}

/// All cases in the order of the file.
pub fn all() -> &'static [Value] {
    static CASES: OnceLock<Vec<Value>> = OnceLock::new();
    CASES.get_or_init(|| serde_json::from_str(include_str!("../../data/cases.json")).unwrap())
}

/// The case with this id.
pub fn case(id: &str) -> Case {
    Case(all().iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("no case {id}")))
}

/// The expected value of a quantity of a case.
pub fn expected(id: &str, quantity: &str) -> f64 {
    case(id).quantity(quantity).expected
}

impl Case {
    pub fn quantity(self, name: &str) -> Quantity {
        let found = self.0["quantities"].as_array().unwrap().iter().find(|q| q["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{} has no quantity {name}", self.0["id"]));
        let tolerance = &found["tolerance"];
        let run = &self.0["run"];
        let number = |value: &Value, otherwise: f64| value.as_f64().unwrap_or(otherwise);
        let replications = number(&run["replications"], 30.0);
        // An ensemble of short episodes is as accurate as they are many.
        let jobs = if run["jobs_per_replication"] == 1 {
            replications
        } else {
            let samples = tolerance.get("samples_per_replication").unwrap_or(&run["jobs_per_replication"]);
            number(samples, 200_000.0) * number(&tolerance["replications"], replications)
        };
        Quantity {
            expected: found["expected"].as_f64().unwrap(),
            // Without a pilot nobody knows how noisy the quantity is: twice the percent asked for.
            relative: number(&tolerance["rel"], 0.01) * if tolerance["type"] == "ci-own" { 2.0 } else { 1.0 },
            jobs,
        }
    }

    /// What a golden trace must give.
    pub fn output(self, name: &str) -> &'static Value {
        &self.0["expected_output"][name]
    }

    pub fn parameter(self, name: &str) -> &'static Value {
        &self.0["params"][name]
    }
}

/// A list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}
