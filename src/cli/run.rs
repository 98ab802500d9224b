//! `surgesim run`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::args::Run;
use super::format::{Report, printed};
use super::load::{self, Design};
use super::simulate::{Simulated, interruption, simulate};
use super::{Exit, complain, graph, print};
use crate::document::quantity;
use crate::experiment::results::{RunResults, VariantResults, Verdict};
use crate::report::chart::{self, render_mermaid};
use crate::report::{
    TextStyle, checks, csv, folder_name, json, parquet, run_markdown, run_picture, text, write_whole,
};
use crate::scenario::model::{ComponentSpec, Until};

pub(super) fn run(arguments: &Run) -> Exit {
    let mut designs =
        match load::designs(&arguments.file, &arguments.running.settings, arguments.variant.as_deref()) {
            Ok(designs) => designs,
            Err(mistakes) => {
                let _ = io::stderr().write_all(mistakes.as_bytes());
                return Exit::BadScenario;
            }
        };
    if let Err(why) = plan_runs(
        &mut designs,
        arguments.running.seed,
        arguments.running.replications,
        &arguments.running.until,
        arguments.running.max_replications,
    ) {
        complain(&why);
        return Exit::Usage;
    }
    let stop = interruption();
    let Some(Simulated { results, out_of_budget }) =
        simulate(&mut designs, arguments.running.threads.unwrap_or(0), &stop, arguments.running.quiet)
    else {
        return complain("the threads could not be started");
    };
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("outputs").join(folder_name(&results.scenario)));
    let mut exit = Exit::Done;
    if results.variants.iter().any(|v| missed(v, arguments.running.strict)) {
        exit = Exit::Missed;
    }
    if out_of_budget {
        exit =
            complain("a budget of the run was spent (max_events or max_in_flight): results are incomplete");
    }
    if let Err((path, error)) = write_all(&folder, &results, &designs) {
        exit = complain(&format!("{}: {error}", path.display()));
    } else if !arguments.running.quiet {
        let _ = writeln!(io::stderr(), "written to {}/", folder.display());
    }
    let report = Report {
        scenario: &results.scenario,
        file: Some(arguments.file.as_str()).filter(|file| *file != "-"),
        strict: arguments.running.strict,
        text: &|| text(&results, terminal_style()),
        json: &|| json(&results),
        markdown: &|| run_markdown(&results, &drawn(&designs)),
        checks: &|| checks(&results),
    };
    let printed = print(&printed(arguments.running.format, &report));
    if printed != Exit::Done {
        exit = printed;
    }
    if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit }
}

/// What the flags say about seeds and replications, in place of what the scenario says.
pub(super) fn plan_runs(
    designs: &mut [Design],
    seed: Option<u64>,
    replications: Option<u32>,
    until: &[String],
    max: Option<u32>,
) -> Result<(), String> {
    let mut metrics = Vec::new();
    for text in until {
        let wrong = || format!("`--until {text}` is no precision: write `--until p99=5%`");
        let (name, share) = text.rsplit_once('=').ok_or_else(wrong)?;
        let share = quantity::ratio(share.trim()).map_err(|_| wrong())?.get();
        if !(share > 0.0 && share < 1.0) {
            return Err(wrong());
        }
        metrics.push((name.trim().to_owned(), share, None));
    }
    if replications.is_some() && !metrics.is_empty() {
        return Err("`--replications` and `--until` contradict each other: leave one out".to_owned());
    }
    for design in designs {
        let run = &mut design.model.run;
        run.seed = seed.unwrap_or(run.seed);
        if let Some(count) = replications {
            (run.replications, run.until) = (count.clamp(1, 10_000), None);
        }
        if !metrics.is_empty() {
            run.until = Some(Until { metrics: metrics.clone(), max: 50 });
        }
        if let (Some(until), Some(max)) = (&mut run.until, max) {
            until.max = max.clamp(1, 10_000);
        }
        for (name, ..) in run.until.iter().flat_map(|until| &until.metrics) {
            if let Err(unknown) = crate::metrics::MetricReference::parse(name, &design.catalog) {
                return Err(format!("`--until`: {unknown}"));
            }
        }
    }
    Ok(())
}

/// The designs as Mermaid, by name.
pub(super) fn drawn(designs: &[Design]) -> Vec<(String, String)> {
    let draw = |design: &Design| render_mermaid(&graph::topology(&design.model));
    designs.iter().map(|design| (design.model.design.clone(), draw(design))).collect()
}

/// Borders and colours on a terminal only, and no colours where NO_COLOR is set.
pub(super) fn terminal_style() -> TextStyle {
    let terminal = io::stdout().is_terminal();
    TextStyle { lines: terminal, colour: terminal && std::env::var_os("NO_COLOR").is_none() }
}

pub(super) fn missed(variant: &VariantResults, strict: bool) -> bool {
    variant.objectives.iter().chain(&variant.expectations).any(|judgement| {
        judgement.verdict == Verdict::Missed || strict && judgement.verdict == Verdict::Inconclusive
    })
}

pub(super) fn write_all(
    folder: &Path,
    results: &RunResults,
    designs: &[Design],
) -> Result<(), (PathBuf, io::Error)> {
    let write = |name: String, bytes: &[u8]| {
        let path = folder.join(name);
        write_whole(&path, bytes).map_err(|error| (path, error))
    };
    std::fs::create_dir_all(folder).map_err(|error| (folder.to_owned(), error))?;
    write("results.json".to_owned(), json(results).as_bytes())?;
    write("report.txt".to_owned(), text(results, TextStyle::default()).as_bytes())?;
    write("report.md".to_owned(), run_markdown(results, &drawn(designs)).as_bytes())?;
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
