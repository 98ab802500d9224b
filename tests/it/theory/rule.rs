//! When a case passes: the mean over 30 replications lies within 3.66 standard errors of the expected
//! value (99.9 % for a model that is right), and that half-width is small: 1 % for means and shares, 3 %
//! for percentiles, 5 % for p99.9, 6 % for variances. A case that would need more than about five million jobs
//! for that is held to the half-width of its pilot run, scaled by the square root of the lengths.

use std::sync::atomic::AtomicBool;

use surgesim::base::SimTime;
use surgesim::event_graph::catalog;
use surgesim::experiment::{replicate, simulation};
use surgesim::metrics::{
    Catalog, MetricReference, MetricValue, Recorder, RecorderPlan, ReplicationRecord, Window, evaluate,
};
use surgesim::scenario::model::Model;

use super::cases::case;
use super::watch::Watch;

/// Standard errors on either side.
const ERRORS: f64 = 3.66;
/// How far a standard deviation estimated from 30 values strays above the true one (99.9 %: 1.41).
const STRAY: f64 = 1.45;

/// One replication, measured and watched.
pub struct Replication {
    pub record: ReplicationRecord,
    pub watch: Watch,
}

/// All replications of a scenario.
pub struct Runs {
    pub replications: Vec<Replication>,
    pub catalog: Catalog,
}

/// Runs a scenario, sampling at these instants (in seconds).
pub fn watched(text: &str, instants: &[f64]) -> Runs {
    let model = crate::model::model(text);
    let catalog = catalog(&model);
    let warmup = SimTime::ZERO + model.run.warmup;
    let end = SimTime::ZERO + model.run.duration;
    let replications = replicate(model.run.replications, &AtomicBool::new(false), |index| {
        let plan = RecorderPlan {
            duration: Some(end),
            warmup,
            bucket: model.run.bucket,
            windows: Vec::new(),
            spike_end: None,
        };
        let probe = (Recorder::new(&catalog, plan), Watch::new(&catalog, warmup, instants));
        let ((recorder, watch), _) = simulation::run_with(&model, index, probe, |_| true);
        Some(Replication { record: recorder.finish(end), watch: watch.finish(end) })
    });
    Runs { replications: replications.finished, catalog }
}

/// Thousands of short episodes, of which only what was watched is kept.
pub struct Ensemble {
    pub watches: Vec<Watch>,
    pub catalog: Catalog,
}

impl Ensemble {
    /// Runs `episodes` of a model, sampling at these instants (in seconds).
    pub fn new(model: &Model, episodes: u32, instants: &[f64]) -> Self {
        let catalog = catalog(model);
        let end = SimTime::ZERO + model.run.duration;
        let watches = replicate(episodes, &AtomicBool::new(false), |index| {
            let watch = Watch::new(&catalog, SimTime::ZERO, instants);
            Some(simulation::run_with(model, index, watch, |_| true).0.finish(end))
        });
        Self { watches: watches.finished, catalog }
    }

    /// The number present at the service `s` at each sampled instant, in every episode.
    pub fn present(&self, instant: usize) -> Vec<f64> {
        let slot = self.watches[0].slot(&self.catalog, "s.visits");
        self.watches.iter().map(|watch| f64::from(watch.samples[instant][slot])).collect()
    }
}

impl Runs {
    /// A metric in every replication: one of the vocabulary, or with `#` one of the watch:
    /// `#sd`, `#var`, `#s.waited`, `#s.wait_sd`, `#s.wait_var`, `#s.present`, `#s.present_var`, `#s.at(2)`,
    /// `#s.busy`, `#s.busy_var`, `#s.idle`.
    pub fn each(&self, metric: &str) -> Vec<f64> {
        if let Some(name) = metric.strip_prefix('#') {
            return self.replications.iter().map(|r| self.seen(&r.watch, name)).collect();
        }
        let reference = MetricReference::parse(metric, &self.catalog)
            .unwrap_or_else(|unknown| panic!("{metric}: {}", unknown.message));
        let number =
            |r: &Replication| match evaluate::value(&r.record, &self.catalog, &reference.metric, Window::Run)
            {
                MetricValue::Number(x) => x,
                other => panic!("{metric} is {other:?}"),
            };
        self.replications.iter().map(number).collect()
    }

    fn seen(&self, watch: &Watch, name: &str) -> f64 {
        match name {
            "var" => return watch.sojourns.variance(),
            "sd" => return watch.sojourns.variance().sqrt(),
            _ => {}
        }
        let (place, what) = name.rsplit_once('.').unwrap();
        let slot = &watch.slots[watch.slot(&self.catalog, place)];
        match what {
            "waited" => 1.0 - slot.unwaited as f64 / slot.waits.count as f64,
            "wait_var" => slot.waits.variance(),
            "wait_sd" => slot.waits.variance().sqrt(),
            "present" => slot.present().0,
            "present_var" => slot.present().1,
            "busy" => slot.busy.mean,
            "busy_var" => slot.busy.variance(),
            "idle" => slot.idle.mean,
            _ => {
                let n = what.strip_prefix("at(").and_then(|n| n.strip_suffix(')')).unwrap();
                slot.share(n.parse().unwrap())
            }
        }
    }

    /// Requests sent in all replications, those of the warm-up left out.
    pub fn jobs(&self) -> f64 {
        self.replications.iter().map(|r| r.record.run().sent() as f64).sum()
    }
}

/// Mean and standard error over replications.
pub fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// How wide an interval may be, relative to its middle.
fn precision(metric: &str) -> f64 {
    let tail = metric.rsplit('.').find(|part| part.starts_with('p')).unwrap_or(metric);
    if metric.contains("var") || metric == "ensemble" {
        0.06 // what thousands of episodes of one value each can tell
    } else if metric.contains("99.9") {
        0.05
    } else if metric.contains("sd") || tail.starts_with("p9") {
        0.03
    } else {
        0.01
    }
}

/// Holds one value to a case's quantity; `jobs` tells how long the run was.
pub fn hold_value(id: &str, metric: &str, quantity: &str, values: &[f64], jobs: f64) {
    let (mean, error) = mean_and_error(values);
    let half_width = ERRORS * error;
    let truth = case(id).quantity(quantity);
    // A histogram of three digits rounds up by at most a thousandth.
    let percentile = metric.split(['.', '(']).any(|part| part.starts_with('p') && part.len() < 5);
    let rounding = if percentile { truth.expected * 0.001 } else { 1e-9 };
    let widest = precision(metric).max(truth.relative * (truth.jobs / jobs).sqrt() * STRAY);
    let off = (mean - truth.expected).abs();
    if std::env::var_os("SURGESIM_THEORY").is_some() {
        eprintln!(
            "{id:16} {quantity:28} {mean:11.5} for {:11.5}: {:+.2} errors, +-{:.2} % of {:.2} %, {jobs:.0} jobs",
            truth.expected,
            (mean - truth.expected) / error,
            100.0 * half_width / truth.expected,
            100.0 * widest,
        );
    }
    assert!(off <= half_width + rounding, "{id} {quantity}: {mean} +- {half_width} for {}", truth.expected);
    assert!(
        half_width <= widest * truth.expected,
        "{id} {quantity}: +-{half_width} is too wide for {}: {widest} of it at {jobs} jobs",
        truth.expected
    );
}

/// Runs a scenario and holds its metrics to a case's quantities.
pub fn hold(id: &str, text: &str, checks: &[(&str, &str)]) {
    let runs = watched(text, &[]);
    for (metric, quantity) in checks {
        hold_value(id, metric, quantity, &runs.each(metric), runs.jobs());
    }
}

/// A scenario of these clients and components (each a line of YAML) that lasts so many seconds.
pub fn scenario(clients: &str, components: &str, seconds: u32) -> String {
    format!(
        "scenario: theory\nrun: {{duration: {seconds}s, warmup: 10%, seed: 1, replications: 30, bucket: {}s}}\n\
         clients:\n{}components:\n{}",
        (seconds / 10).max(1),
        indented(clients),
        indented(components)
    )
}

fn indented(lines: &str) -> String {
    lines.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| format!("  {l}\n")).collect()
}

/// One service `s` with these keys, under one client population with these.
pub fn one(client: &str, service: &str, seconds: u32) -> String {
    scenario(
        &format!("c: {{{client}, mix: {{GET /: 1}}, to: s}}"),
        &format!("s: {{kind: service, {service}}}"),
        seconds,
    )
}

/// A FIFO station: one step of this length on a pool of workers.
pub fn station(workers: u32, work: &str) -> String {
    format!("workers: {workers}, endpoints: {{GET /: [sleep: \"{work}\"]}}")
}
