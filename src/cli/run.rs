//! `surgesim run`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{Format, Run};
use super::load::{self, Design};
use super::{Exit, complain, print};
use crate::engine::Stopped;
use crate::experiment::aggregate::aggregate;
use crate::experiment::results::{RunResults, VariantResults, Verdict};
use crate::experiment::simulation;
use crate::experiment::{Pilot, pilot};
use crate::report::{TextStyle, chart, csv, folder_name, json, parquet, run_picture, text, write_whole};
use crate::scenario::model::ComponentSpec;
use crate::verdict::{expectation, objective};

pub(super) fn run(arguments: &Run) -> Exit {
    let mut designs = match load::designs(&arguments.file, &arguments.settings, arguments.variant.as_deref())
    {
        Ok(designs) => designs,
        Err(mistakes) => {
            let _ = io::stderr().write_all(mistakes.as_bytes());
            return Exit::BadScenario;
        }
    };
    for design in &mut designs {
        design.model.run.seed = arguments.seed.unwrap_or(design.model.run.seed);
        design.model.run.replications =
            arguments.replications.unwrap_or(design.model.run.replications).clamp(1, 10_000);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    // A second handler in one process (tests) is harmless: the first stays.
    let _ = ctrlc::set_handler(move || heard.store(true, Ordering::Relaxed));
    let threads = arguments.threads.unwrap_or(0);
    let notices = find_warm_ups(&mut designs, &stop);
    let Some(outcome) =
        simulation::on_threads(threads, || simulate(&designs, &notices, &stop, arguments.quiet))
    else {
        return complain("the threads could not be started");
    };
    let (results, out_of_budget) = outcome;
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("outputs").join(folder_name(&results.scenario)));
    let mut exit = Exit::Done;
    if results.variants.iter().any(|v| missed(v, arguments.strict)) {
        exit = Exit::Missed;
    }
    if out_of_budget {
        exit =
            complain("a budget of the run was spent (max_events or max_in_flight): results are incomplete");
    }
    if let Err((path, error)) = write_all(&folder, &results, &designs) {
        exit = complain(&format!("{}: {error}", path.display()));
    } else if !arguments.quiet {
        let _ = writeln!(io::stderr(), "written to {}/", folder.display());
    }
    let printed = print(&match arguments.format {
        Format::Text => text(&results, terminal_style()),
        Format::Json => json(&results),
    });
    if printed != Exit::Done {
        exit = printed;
    }
    if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit }
}

/// Borders and colours on a terminal only, and no colours where NO_COLOR is set.
pub(super) fn terminal_style() -> TextStyle {
    let terminal = io::stdout().is_terminal();
    TextStyle { lines: terminal, colour: terminal && std::env::var_os("NO_COLOR").is_none() }
}

/// Sets the warm-up of every design that asks for `auto`; one notice, or none, for each design.
fn find_warm_ups(designs: &mut [Design], stop: &AtomicBool) -> Vec<Option<String>> {
    let find = |design: &mut Design| {
        if !design.model.run.finds_warmup {
            return None;
        }
        match pilot(&design.model, |_| !stop.load(Ordering::Relaxed))? {
            Pilot::Settles(warmup) => {
                design.model.run.warmup = warmup;
                Some(format!("warm-up found by MSER-5: the first {warmup} are left out of every metric"))
            }
            Pilot::NeverSettles => Some(
                "the run does not settle within its first half (MSER-5), so nothing was cut: lengthen \
                 `duration`, or take the figures as those of a transient"
                    .to_owned(),
            ),
        }
    };
    designs.iter_mut().map(find).collect()
}

fn simulate(
    designs: &[Design],
    notices: &[Option<String>],
    stop: &AtomicBool,
    quiet: bool,
) -> (RunResults, bool) {
    let total = designs.iter().map(|d| u64::from(d.model.run.replications)).sum();
    let bar = if quiet { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new(total) };
    let mut variants: Vec<VariantResults> = Vec::new();
    let (mut complete, mut out_of_budget) = (true, false);
    for (design, notice) in designs.iter().zip(notices) {
        bar.set_message(design.model.design.clone());
        let replicated =
            simulation::run(&design.model, &design.catalog, &design.windows(), stop, |_| bar.inc(1));
        out_of_budget |= replicated.finished.iter().any(|r| r.stopped != Stopped::Done);
        complete &= replicated.complete && !out_of_budget;
        let (records, calls): (Vec<_>, Vec<_>) =
            replicated.finished.into_iter().map(|r| (r.record, r.calls)).unzip();
        if records.is_empty() {
            continue;
        }
        let mut variant = aggregate(&design.model.design, &design.catalog, &records);
        variant.notices.extend(notice.clone());
        variant.troubles = simulation::troubles(&design.model);
        variant.conservation.calls_opened = calls.iter().map(|c| c.opened).sum();
        variant.conservation.calls_closed = calls.iter().map(|c| c.closed).sum();
        variant.conservation.calls_in_flight = calls.iter().map(|c| c.in_flight).sum();
        variant.objectives =
            design.objectives.iter().map(|c| objective(c, &design.catalog, &records)).collect();
        variant.expectations =
            design.expectations.iter().map(|c| expectation(c, &design.catalog, &records)).collect();
        variants.push(variant);
    }
    bar.finish_and_clear();
    let first = &designs[0].model;
    let results = RunResults {
        schema_version: 1,
        scenario: first.scenario.clone(),
        about: first.about.clone(),
        seed: first.run.seed,
        complete,
        variants,
    };
    (results, out_of_budget)
}

fn missed(variant: &VariantResults, strict: bool) -> bool {
    variant.objectives.iter().chain(&variant.expectations).any(|judgement| {
        judgement.verdict == Verdict::Missed || strict && judgement.verdict == Verdict::Inconclusive
    })
}

fn write_all(folder: &Path, results: &RunResults, designs: &[Design]) -> Result<(), (PathBuf, io::Error)> {
    let write = |name: String, bytes: &[u8]| {
        let path = folder.join(name);
        write_whole(&path, bytes).map_err(|error| (path, error))
    };
    std::fs::create_dir_all(folder).map_err(|error| (folder.to_owned(), error))?;
    write("results.json".to_owned(), json(results).as_bytes())?;
    write("report.txt".to_owned(), text(results, TextStyle::default()).as_bytes())?;
    let failed = |name: &str, error: String| (folder.join(name), io::Error::other(error));
    let series = csv(results).map_err(|e| failed("series.csv", e.to_string()))?;
    write("series.csv".to_owned(), series.as_bytes())?;
    let columns = parquet(results).map_err(|e| failed("series.parquet", e.to_string()))?;
    write("series.parquet".to_owned(), &columns)?;
    for variant in &results.variants {
        let Some(design) = designs.iter().find(|d| d.model.design == variant.name) else { continue };
        let databases: Vec<String> = design
            .model
            .components
            .iter()
            .filter(|c| matches!(c.spec, ComponentSpec::Database(_)))
            .map(|c| c.name.clone())
            .collect();
        let picture = run_picture(results, variant, &databases);
        let name = folder_name(&variant.name);
        write(format!("{name}.svg"), chart::render_svg(&picture).as_bytes())?;
        let png = chart::render_png(&picture).map_err(|e| failed(&format!("{name}.png"), e.to_string()))?;
        write(format!("{name}.png"), &png)?;
    }
    Ok(())
}
