//! Scenarios written in tests, read and run through the library as the program does.

use surgesim::base::SimTime;
use surgesim::document::{Diagnostics, Sources};
use surgesim::event_graph::catalog;
use surgesim::experiment::simulation;
use surgesim::metrics::{Catalog, MetricReference, MetricValue, Window, evaluate};
use surgesim::scenario::model::Model;
use surgesim::scenario::{Files, merge, read_model};

struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("no files in tests".to_owned())
    }
}

/// The model of a scenario's text, or what is wrong with it.
pub fn read(text: &str) -> Result<Model, String> {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let designs = merge::load("test.yaml", text.to_owned(), &Nothing, &[], None, &mut sources, &mut found);
    let model = designs.first().and_then(|d| read_model(&d.name, &d.tree, &Nothing, &mut found));
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
    let model = model(text);
    let catalog = catalog(&model);
    let never = std::sync::atomic::AtomicBool::new(false);
    let replicated = simulation::run(&model, &catalog, &[], &never, |_| {});
    Runs { replications: replicated.finished, catalog }
}

impl Runs {
    /// A metric in every replication, over the whole run.
    pub fn each(&self, metric: &str) -> Vec<f64> {
        let reference = MetricReference::parse(metric, &self.catalog)
            .unwrap_or_else(|unknown| panic!("{metric}: {}", unknown.message));
        let window = Window::Run;
        self.replications
            .iter()
            .map(|r| match evaluate::value(&r.record, &self.catalog, &reference.metric, window) {
                MetricValue::Number(x) => x,
                other => panic!("{metric} is {other:?}"),
            })
            .collect()
    }
}

/// An instant, for windows.
#[allow(dead_code)]
pub fn at(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}
