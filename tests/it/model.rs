//! Scenarios written in tests, read and run through the library as the program does.

use surgesim::base::SimTime;
use surgesim::document::{Diagnostics, Sources};
use surgesim::event_graph::catalog;
use surgesim::experiment::simulation;
use surgesim::metrics::{Catalog, MetricReference, MetricValue, Window, evaluate};
use surgesim::scenario::model::Model;
use surgesim::scenario::{Beside, Files, merge, read_model};

/// Files of a test: (name, text).
pub struct Beneath<'a>(pub &'a [(&'a str, &'a str)]);

impl Files for Beneath<'_> {
    fn read(&self, name: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "there is no such file".to_owned())
    }
}

/// The model of a scenario's text, or what is wrong with it.
pub fn read(text: &str) -> Result<Model, String> {
    read_with(text, &[])
}

/// The same with files beside it.
pub fn read_with(text: &str, files: &[(&str, &str)]) -> Result<Model, String> {
    let (mut sources, mut found, files) = (Sources::new(), Diagnostics::new(), Beneath(files));
    let designs = merge::load("test.yaml", text.to_owned(), &files, &[], None, &mut sources, &mut found);
    let beside = Beside::new(&files, &sources);
    let model = designs.first().and_then(|d| read_model(&d.name, &d.tree, &beside, &mut found));
    model.filter(|_| !found.has_errors()).ok_or_else(|| found.render(&sources, false))
}

/// The model of a scenario that is known to be right.
pub fn model(text: &str) -> Model {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// All replications of a model.
pub struct Runs {
    pub replications: Vec<simulation::Replication>,
    pub catalog: Catalog,
}

/// Runs a scenario's text.
pub fn run(text: &str) -> Runs {
    run_model(&model(text))
}

/// Runs a model.
pub fn run_model(model: &Model) -> Runs {
    let catalog = catalog(model);
    let never = std::sync::atomic::AtomicBool::new(false);
    let replicated = simulation::run(model, &catalog, &[], &never, |_| {});
    Runs { replications: replicated.finished, catalog }
}

impl Runs {
    /// A metric in every replication, over the whole run.
    pub fn each(&self, metric: &str) -> Vec<f64> {
        let number = |index| match value(self, index, metric) {
            MetricValue::Number(x) => x,
            other => panic!("{metric} is {other:?}"),
        };
        (0..self.replications.len()).map(number).collect()
    }
}

impl Runs {
    /// A metric in every replication, at the last instant.
    pub fn at_end(&self, metric: &str) -> Vec<f64> {
        let reference = MetricReference::parse(metric, &self.catalog)
            .unwrap_or_else(|unknown| panic!("{metric}: {}", unknown.message));
        let number = |r: &simulation::Replication| match evaluate::value(
            &r.record,
            &self.catalog,
            &reference.metric,
            Window::End,
        ) {
            MetricValue::Number(x) => x,
            other => panic!("{metric} is {other:?}"),
        };
        self.replications.iter().map(number).collect()
    }
}

/// A metric in one replication, whatever it is, over the whole run.
pub fn value(runs: &Runs, replication: usize, metric: &str) -> MetricValue {
    let reference = MetricReference::parse(metric, &runs.catalog)
        .unwrap_or_else(|unknown| panic!("{metric}: {}", unknown.message));
    evaluate::value(&runs.replications[replication].record, &runs.catalog, &reference.metric, Window::Run)
}

/// An instant, for windows.
#[allow(dead_code)]
pub fn at(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}

/// A metric over a window of seconds, mean over replications.
pub fn during(text: &str, windows: &[(f64, f64, &str)]) -> Vec<f64> {
    let model = model(text);
    let catalog = surgesim::event_graph::catalog(&model);
    let at = surgesim::base::SimTime::from_secs_f64;
    let spans: Vec<_> = windows.iter().map(|(from, to, _)| (at(*from), at(*to))).collect();
    let never = std::sync::atomic::AtomicBool::new(false);
    let finished = surgesim::experiment::simulation::run(&model, &catalog, &spans, &never, |_| {}).finished;
    windows
        .iter()
        .zip(&spans)
        .map(|((.., metric), (from, to))| {
            let reference =
                MetricReference::parse(metric, &catalog).unwrap_or_else(|e| panic!("{}", e.message));
            let each = finished.iter().map(|r| {
                match evaluate::value(&r.record, &catalog, &reference.metric, Window::During(*from, *to)) {
                    MetricValue::Number(x) => x,
                    other => panic!("{metric} is {other:?}"),
                }
            });
            each.sum::<f64>() / finished.len() as f64
        })
        .collect()
}
