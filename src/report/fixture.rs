//! Hand-made results of a launch that a database could not carry, for the tests of all reports.

use crate::experiment::results::{
    Conservation, EndpointRow, ErrorRow, Estimate, Judgement, MetricValue, ResourceRow, RunResults,
    SCHEMA_VERSION, Series, SeriesColumn, Unit, VariantResults, Verdict,
};

/// Buckets of the series, of ten seconds each.
pub(super) const BUCKETS: usize = 60;

/// A value with its interval over five replications.
pub(super) fn estimate(value: f64, unit: Unit, low: f64, high: f64) -> Estimate {
    Estimate {
        value: MetricValue::Number(value),
        unit,
        low: Some(low),
        high: Some(high),
        pooled: None,
        pseudo: Vec::new(),
        each: [low, value, value, value, high].map(MetricValue::Number).to_vec(),
    }
}

/// A time of a single replication.
pub(super) fn single(value: MetricValue) -> Estimate {
    Estimate {
        value,
        unit: Unit::Seconds,
        low: None,
        high: None,
        pooled: None,
        pseudo: Vec::new(),
        each: vec![value],
    }
}

/// A column whose band is its median.
pub(super) fn column(name: &str, unit: Unit, value: impl Fn(usize) -> f64) -> SeriesColumn {
    let median: Vec<Option<f64>> = (0..BUCKETS).map(|i| Some(value(i))).collect();
    SeriesColumn { name: name.to_owned(), unit, low: median.clone(), high: median.clone(), median }
}

fn resource(component: &str, role: &str, offered: Option<f64>, utilisation: f64) -> ResourceRow {
    ResourceRow {
        component: component.to_owned(),
        instance: None,
        role: role.to_owned(),
        servers: 8.0,
        offered_utilisation: offered,
        utilisation: Some(utilisation),
        mean_queue: 41.25,
        max_queue: 812,
        mean_wait: Some(0.230),
        p99_wait: Some(1.9),
        littles_law: Some(0.0012),
        utilisation_law: Some(0.003),
    }
}

/// One design: five replications of ten minutes, 11.8 % of 503, the database's processors overloaded.
pub(super) fn launch() -> RunResults {
    let (s, share, rate) = (Unit::Seconds, Unit::Share, Unit::PerSecond);
    let mut metrics: Vec<(String, Estimate)> = [
        ("offered", 237.4, rate, 236.0, 238.8),
        ("throughput", 236.9, rate, 235.0, 238.0),
        ("goodput", 208.0, rate, 206.0, 210.0),
        ("availability", 0.877, share, 0.87, 0.884),
        ("rate_503", 0.118, share, 0.112, 0.124),
        ("timeouts", 0.005, share, 0.004, 0.006),
        ("attempts_per_request", 1.0, Unit::Ratio, 1.0, 1.0),
        ("time_to_recover", 98.0, s, 90.0, 106.0),
        ("mean", 0.21, s, 0.2, 0.22),
        ("p50", 0.145, s, 0.141, 0.149),
        ("p99", 0.812, s, 0.774, 0.851),
        ("p99.9", 1.31, s, 1.2, 1.42),
        ("db.cpu", 0.998, share, 0.997, 0.999),
        ("errors.503", 0.118, share, 0.112, 0.124),
    ]
    .into_iter()
    .map(|(name, value, unit, low, high)| (name.to_owned(), estimate(value, unit, low, high)))
    .collect();
    for (name, estimate) in &mut metrics {
        if name == "p99" {
            estimate.pooled = Some(0.812);
            estimate.pseudo = vec![0.77, 0.81, 0.82, 0.81, 0.86];
        }
    }
    let error = |component: &str, reason: &str, status, count| ErrorRow {
        component: component.to_owned(),
        reason: String::from(reason),
        status,
        count,
        share: count as f64 / 1e6,
    };
    let variant = VariantResults {
        messages: Vec::new(),
        name: "base".to_owned(),
        replications: 5,
        warmup: 60.0,
        duration: 600.0,
        metrics,
        conservation: Conservation {
            sent: 1_000_000,
            good: 877_000,
            failed: 118_000,
            abandoned: 4_900,
            in_flight: 100,
            calls_opened: 3_000_000,
            calls_closed: 2_999_700,
            calls_in_flight: 300,
        },
        errors: vec![
            error("app", "backlog full", 503, 100_000),
            error("db", "too many connections", 503, 18_000),
            error("users", "timeout", 0, 5_000),
        ],
        endpoints: vec![EndpointRow {
            client: "users".to_owned(),
            endpoint: "GET /v1/feed".to_owned(),
            sent: 1_000_000,
            good: 877_000,
            errors: 122_900,
            p50: Some(0.145),
            p99: Some(0.9),
        }],
        resources: vec![
            resource("db", "cpu", Some(1.24), 0.998),
            resource("app", "workers", None, 0.97),
            ResourceRow {
                mean_wait: Some(0.0),
                p99_wait: Some(0.0),
                ..resource("app", "cpu", Some(0.41), 0.41)
            },
        ],
        objectives: vec![
            Judgement {
                text: "p99 < 800ms".to_owned(),
                during: None,
                verdict: Verdict::Inconclusive,
                value: estimate(0.812, s, 0.774, 0.851),
                held: vec![true, false, false, false, false],
                written_at: None,
            },
            Judgement {
                text: "rate_503 < 1%".to_owned(),
                during: None,
                verdict: Verdict::Missed,
                value: estimate(0.118, share, 0.112, 0.124),
                held: vec![false; 5],
                written_at: None,
            },
        ],
        expectations: vec![Judgement {
            text: "db.cpu > 90%".to_owned(),
            during: Some("3m..8m".to_owned()),
            verdict: Verdict::Missed,
            value: estimate(0.93, share, 0.89, 0.97),
            held: vec![true, false, true, true, true],
            written_at: None,
        }],
        series: Series {
            bucket: 10.0,
            t: (0..BUCKETS).map(|i| i as f64 * 10.0).collect(),
            columns: vec![
                column("offered", rate, |i| if (18..48).contains(&i) { 400.0 } else { 100.0 }),
                column("p99", s, |_| 0.5),
                column("errors.503", rate, |i| i as f64),
                column("db.offered_cpu", share, |i| if (18..48).contains(&i) { 1.9 } else { 0.5 }),
                column("app.queue", Unit::Count, |i| if (18..48).contains(&i) { 800.0 } else { 1.0 }),
            ],
        },
        notices: vec!["a notice of the experiment".to_owned()],
        troubles: Vec::new(),
        bill: Vec::new(),
        budgets: Vec::new(),
        precision: Vec::new(),
    };
    RunResults {
        schema_version: SCHEMA_VERSION,
        scenario: "launch day".to_owned(),
        about: "A launch on one database.".to_owned(),
        seed: 7,
        complete: true,
        variants: vec![variant],
    }
}

/// Two designs, the second with twice the processors and no error.
pub(super) fn two() -> RunResults {
    let mut results = launch();
    let mut bigger = results.variants[0].clone();
    bigger.name = "bigger-db".to_owned();
    bigger.errors.clear();
    bigger.objectives.iter_mut().for_each(|o| o.verdict = Verdict::Met);
    bigger.expectations.clear();
    for (name, estimate) in &mut bigger.metrics {
        if ["rate_503", "timeouts", "errors.503"].contains(&name.as_str()) {
            *estimate = self::estimate(0.0, Unit::Share, 0.0, 0.0);
        }
    }
    bigger.resources[0].offered_utilisation = Some(0.62);
    bigger.series.columns.retain(|c| c.name != "errors.503" && c.name != "db.offered_cpu");
    results.variants.push(bigger);
    results
}
