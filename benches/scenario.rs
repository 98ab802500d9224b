//! The reference workloads end to end: each file of `workloads/` is read, checked, assembled and run
//! with the same recorder as `surgesim run` uses, then aggregated. Throughput is in canonical events:
//! an arrival, a service end or a fixed delay (2 per customer of W1 and W2, 3 per request of W3).
//!
//! The second group is what precedes and follows a run: 1,000 components of YAML read and checked, and the
//! picture of four panels.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use surgesim::base::SimDuration;
use surgesim::document::{Diagnostics, Sources};
use surgesim::event_graph::{CallGraph, catalog, forecast};
use surgesim::experiment::aggregate::aggregate;
use surgesim::experiment::results::{RunResults, VariantResults};
use surgesim::experiment::simulation;
use surgesim::report::{chart, run_picture};
use surgesim::scenario::model::Model;
use surgesim::scenario::{Beside, Files, merge, read_model};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("these scenarios name no file".to_owned())
    }
}

fn model(text: &str) -> Model {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let designs = merge::load("bench.yaml", text.to_owned(), &NoFiles, &[], None, &mut sources, &mut found);
    let beside = Beside::new(&NoFiles, &sources);
    let model = designs.first().and_then(|d| read_model(&d.name, &d.tree, &beside, &mut found));
    model.filter(|_| !found.has_errors()).unwrap_or_else(|| panic!("{}", found.render(&sources, false)))
}

/// Runs a workload for `seconds`; its results, and the requests that were sent.
fn run(text: &str, seconds: f64) -> (VariantResults, u64) {
    let mut model = model(text);
    model.run.requests = None;
    model.run.duration = SimDuration::from_secs_f64(seconds);
    let (catalog, never) = (catalog(&model), AtomicBool::new(false));
    let replicated = simulation::run(&model, &catalog, &[], &never, |_| {});
    let records: Vec<_> = replicated.finished.into_iter().map(|r| r.record).collect();
    let sent = records.iter().map(|record| record.total().sent).sum();
    (aggregate("base", &catalog, &records), sent)
}

/// Name, text, seconds that a sample simulates, canonical events of a request.
const WORKLOADS: [(&str, &str, f64, u64); 5] = [
    ("w1", include_str!("workloads/w1.yaml"), 40.0, 2),
    ("w2", include_str!("workloads/w2.yaml"), 40.0, 2),
    ("w3", include_str!("workloads/w3.yaml"), 4.0, 3),
    ("w3-lc", include_str!("workloads/w3-lc.yaml"), 4.0, 3),
    ("w3t", include_str!("workloads/w3t.yaml"), 4.0, 3),
];

fn workloads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("workload");
    for (name, text, seconds, canonical) in WORKLOADS {
        let (_, sent) = run(text, seconds);
        group.throughput(Throughput::Elements(canonical * sent));
        group.bench_function(name, |bencher| bencher.iter(|| run(text, seconds)));
    }
    group.finish();
}

/// A chain of tiers: `n` services, each calling the next.
fn many(n: usize) -> String {
    let mut text = String::from(
        "scenario: many\nrun: {duration: 10s, seed: 1}\n\
         clients:\n  c: {rate: 1/s, mix: {GET /: 1}, to: s0}\ncomponents:\n",
    );
    for i in 0..n {
        let call = match i + 1 {
            next if next < n => format!(", {{call: {{to: s{next}, endpoint: GET /, timeout: 1s}}}}"),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "  s{i}:\n    kind: service\n    instances: 2\n    cpu: 2\n    workers: 16\n    backlog: 64\n    \
             endpoints:\n      GET /: [cpu: ~2ms{call}]"
        );
    }
    text
}

fn before_and_after(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("around a run");
    let text = many(1000);
    group.bench_function("1,000 components read and checked", |bencher| {
        bencher.iter(|| {
            let model = model(&text);
            (catalog(&model), forecast(&model, &CallGraph::of(&model)))
        });
    });
    let (variant, _) = run(WORKLOADS[2].1, 20.0);
    let results = RunResults {
        schema_version: 1,
        scenario: "w3".to_owned(),
        about: String::new(),
        seed: 1,
        complete: true,
        variants: vec![variant],
    };
    group.bench_function("picture of four panels", |bencher| {
        bencher.iter(|| {
            let picture = run_picture(&results, &results.variants[0], &[]);
            chart::render_png(&picture).expect("the picture is drawn")
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(2));
    targets = workloads, before_and_after
}
criterion_main!(benches);
