//! `surgesim sweep`: one scenario at every point of what is varied.
//!
//! Each finished point is a file; the same command finds it again and goes on with the rest, whatever ended it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::args::Sweep;
use super::format::{Report, ReportFiles, deliver};
use super::points::{Flags, Space, Variation, settings};
use super::run::{plan_runs, terminal_style};
use super::simulate::{interruption, simulate_here};
use super::{Exit, complain};
use crate::document::{Code, Fault, did_you_mean};
use crate::experiment::{replicate, simulation};
use crate::metrics::MetricReference;
use crate::report::{
    SweepPoint, SweepReport, TextStyle, USUAL_METRICS, folder_name, keep_point, load_point, point_key,
    point_path, sweep_csv, sweep_parquet, sweep_pictures,
};
use crate::scenario::model::RunPlan;

/// Different mistakes of points that are told at most.
const MOST_MISTAKES: usize = 20;

/// Why nothing can be run, and the exit code.
struct Refusal(String, Exit);

/// What is to be run.
struct Job {
    space: Space,
    variation: Variation,
    metrics: Vec<String>,
    folder: PathBuf,
    /// Each point's key.
    keys: Vec<String>,
    title: String,
    design: String,
    seed: u64,
}

/// What became of the points.
struct Outcome {
    points: Vec<SweepPoint>,
    /// Why a file could not be written.
    failure: Option<String>,
}

pub(super) fn sweep(arguments: &Sweep) -> Exit {
    let stop = interruption();
    let threads = arguments.running.threads.unwrap_or(0);
    let job = match prepare(arguments, &stop) {
        Ok(job) => job,
        Err(Refusal(why, exit)) => {
            let _ = io::stderr().write_all(why.as_bytes());
            return if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit };
        }
    };
    let Some(outcome) = simulation::on_threads(threads, || run(&job, arguments, &stop)) else {
        return complain("the threads could not be started");
    };
    let report = SweepReport {
        title: &job.title,
        design: &job.design,
        seed: job.seed,
        axes: &job.variation.axes,
        sample: job.variation.sample.map(|_| job.variation.seed),
        wanted: job.keys.len(),
        points: &outcome.points,
        metrics: &job.metrics,
    };
    let mut exit = if outcome.points.len() < job.keys.len() { Exit::Incomplete } else { Exit::Done };
    if outcome.points.iter().any(|point| !point.complete) {
        exit =
            complain("a budget of a run was spent (max_events or max_in_flight): some points are incomplete");
    }
    let files = outcome.failure.map_or_else(|| files(&report)?.write(&job.folder), Err);
    let printed = Report {
        scenario: &job.title,
        file: Some(arguments.file.as_str()).filter(|file| *file != "-"),
        strict: arguments.running.strict,
        text: &|| report.text(terminal_style()),
        json: &|| report.json(),
        markdown: &|| report.markdown(),
        checks: &|| report.checks(),
    };
    deliver(files, &job.folder, &arguments.running, &printed, &stop, exit)
}

/// How often and from which seed, as a point's key says it.
fn run_words(run: &RunPlan) -> String {
    match &run.until {
        None => format!("seed {}, {} replications", run.seed, run.replications),
        Some(until) => {
            let metrics: Vec<String> =
                until.metrics.iter().map(|(name, share, _)| format!("{name}={share}")).collect();
            format!("seed {}, until {}, max {}", run.seed, metrics.join(" "), until.max)
        }
    }
}

/// Reads everything, and every point once, so that no mistake is found in the middle.
fn prepare(arguments: &Sweep, stop: &AtomicBool) -> Result<Job, Refusal> {
    let wrong = |why: String| Refusal(why, Exit::BadScenario);
    let varying = &arguments.varying;
    let space = Space::open(&arguments.file, &arguments.running.settings, varying.variant.as_deref())
        .map_err(wrong)?;
    let base = space.point("--vary", &[]).map_err(wrong)?.design;
    let flags = Flags {
        vary: &varying.vary,
        sample: varying.sample,
        sample_seed: varying.sample_seed,
        max_points: varying.max_points,
    };
    let variation =
        space.variation(&flags, base.model.sweep.as_ref()).map_err(|why| Refusal(why, Exit::Usage))?;
    let mut metrics = arguments.metric.clone();
    for name in &metrics {
        if let Err(unknown) = MetricReference::parse(name, &base.catalog) {
            let names = crate::metrics::vocabulary::standard_names(&base.catalog);
            let help = did_you_mean(name, names.iter().map(String::as_str));
            let fault = Fault::new(Code::UnknownMetric, unknown.message, help);
            return Err(Refusal(Space::flaw("--metric", name, fault), Exit::Usage));
        }
    }
    if metrics.is_empty() {
        let block = base.model.sweep.iter().flat_map(|sweep| &sweep.metrics);
        metrics = block.map(|(name, _)| name.clone()).collect();
    }
    if metrics.is_empty() {
        metrics = USUAL_METRICS.map(str::to_owned).to_vec();
    }
    let mut planned = vec![base];
    let plan = |designs: &mut [super::load::Design]| {
        let running = &arguments.running;
        plan_runs(designs, running.seed, running.replications, &running.until, running.max_replications)
    };
    plan(&mut planned).map_err(|why| Refusal(format!("error: {why}\n"), Exit::Usage))?;
    let read = |at: u32| {
        let point = space.point("--vary", &settings(&variation.axes, &variation.points[at as usize]));
        Some(point.and_then(|point| {
            let mut designs = [point.design];
            plan(&mut designs).map_err(|why| format!("error: {why}\n"))?;
            Ok(point_key(point.digest, &run_words(&designs[0].model.run)))
        }))
    };
    let count = u32::try_from(variation.points.len()).unwrap_or(u32::MAX);
    let found =
        simulation::on_threads(arguments.running.threads.unwrap_or(0), || replicate(count, stop, read));
    let found =
        found.ok_or_else(|| Refusal("error: the threads could not be started\n".to_owned(), Exit::Failed))?;
    if !found.complete {
        return Err(Refusal(String::new(), Exit::Interrupted));
    }
    let mut mistakes: Vec<String> = Vec::new();
    let mut keys = Vec::new();
    for key in found.finished {
        match key {
            Ok(key) => keys.push(key),
            Err(rendered) => {
                for part in rendered.split_inclusive("\n\n") {
                    if !mistakes.iter().any(|other| other.trim() == part.trim()) {
                        mistakes.push(part.to_owned());
                    }
                }
            }
        }
    }
    if !mistakes.is_empty() {
        let more = mistakes.len().saturating_sub(MOST_MISTAKES);
        mistakes.truncate(MOST_MISTAKES);
        let mut text = mistakes.concat();
        if more > 0 {
            let _ = writeln!(text, "... and {more} more mistakes at other points");
        }
        return Err(wrong(text));
    }
    let model = &planned[0].model;
    let title = model.scenario.clone();
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("outputs").join(folder_name(&format!("sweep-{title}"))));
    let (design, seed) = (model.design.clone(), model.run.seed);
    Ok(Job { space, variation, metrics, folder, keys, title, design, seed })
}

/// Runs whatever is not there yet.
fn run(job: &Job, arguments: &Sweep, stop: &AtomicBool) -> Outcome {
    let quiet = arguments.running.quiet;
    let bar = if quiet {
        indicatif::ProgressBar::hidden()
    } else {
        indicatif::ProgressBar::new(job.keys.len() as u64)
    };
    let say = |text: String| {
        if !quiet {
            bar.suspend(|| {
                let _ = writeln!(io::stderr(), "{text}");
            });
        }
    };
    let failure: Mutex<Option<String>> = Mutex::new(None);
    let (begun, found) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    let one = |at: u32| -> Option<SweepPoint> {
        let at = at as usize;
        let (key, values) = (&job.keys[at], &job.variation.points[at]);
        if failed() {
            return None;
        }
        let mut kept = load_point(&job.folder, key);
        if let Err(why) = &kept {
            say(format!("note: {} is run again: {why}", point_path(&job.folder, key).display()));
            kept = Ok(None);
        }
        if let Ok(Some(_)) = &kept {
            found.fetch_add(1, Ordering::Relaxed);
        } else {
            if arguments.stop_after.is_some_and(|most| begun.fetch_add(1, Ordering::Relaxed) >= most) {
                return None;
            }
            let mut designs =
                [job.space.point("--vary", &settings(&job.variation.axes, values)).ok()?.design];
            let running = &arguments.running;
            plan_runs(
                &mut designs,
                running.seed,
                running.replications,
                &running.until,
                running.max_replications,
            )
            .ok()?;
            let simulated = simulate_here(&mut designs, stop);
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Err(why) = keep_point(&job.folder, key, &simulated.results) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
                return None;
            }
            kept = load_point(&job.folder, key);
        }
        bar.inc(1);
        match kept {
            Ok(Some(mut results)) => Some(SweepPoint {
                index: at,
                values: values.clone(),
                complete: results.complete,
                results: results.variants.swap_remove(0),
            }),
            Ok(None) => None,
            Err(why) => {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
                None
            }
        }
    };
    let count = u32::try_from(job.keys.len()).unwrap_or(u32::MAX);
    let points = replicate(count, stop, |at| Some(one(at))).finished.into_iter().flatten().collect();
    bar.finish_and_clear();
    let found = found.load(Ordering::Relaxed);
    if found > 0 {
        say(format!("{found} of {count} points were there already"));
    }
    Outcome { points, failure: failure.into_inner().unwrap_or_else(PoisonError::into_inner) }
}

fn files(report: &SweepReport<'_>) -> Result<ReportFiles<'static>, String> {
    Ok(ReportFiles {
        json: ("sweep.json", report.json()),
        text: report.text(TextStyle::default()),
        markdown: report.markdown(),
        others: vec![
            ("sweep.csv", sweep_csv(report).map_err(|e| e.to_string())?.into_bytes()),
            ("sweep.parquet", sweep_parquet(report).map_err(|e| e.to_string())?),
        ],
        pictures: sweep_pictures(report),
    })
}
