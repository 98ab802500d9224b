//! `surgesim compare`: which design is better, how sure that is, and why.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::args::{Compare, FailOn};
use super::format::{Report, printed};
use super::load::{self, Design};
use super::run::{drawn, missed, plan_runs, terminal_style};
use super::simulate::{interruption, simulate};
use super::{Exit, complain, print};
use crate::document::{did_you_mean, quantity};
use crate::experiment::comparison::{Contender, GATED, Terms, compare as compare_designs};
use crate::experiment::results::RunResults;
use crate::report::chart::{self, render_scatter, render_svg};
use crate::report::{
    ComparisonReport, TextStyle, comparison_markdown, folder_name, looks_saved, overlay_picture,
    pareto_picture, read_saved, write_whole,
};

/// The largest saved result that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What one file of the command line is.
enum Source {
    Saved(RunResults),
    Designs(Vec<Design>),
}

/// Why a comparison cannot be made, and the exit code.
struct Refusal(String, Exit);

/// All that is compared, run.
struct Field {
    title: String,
    contenders: Vec<Contender>,
    mermaid: Vec<(String, String)>,
    notices: Vec<String>,
    complete: bool,
    out_of_budget: bool,
}

pub(super) fn compare(arguments: &Compare) -> Exit {
    let stop = interruption();
    let field = match gather(arguments, &stop) {
        Ok(field) => field,
        Err(Refusal(why, exit)) => {
            let _ = io::stderr().write_all(why.as_bytes());
            return exit;
        }
    };
    let exit = match judge(arguments, field) {
        Ok(exit) => exit,
        Err(Refusal(why, exit)) => {
            complain(&why);
            exit
        }
    };
    if stop.load(Ordering::Relaxed) { Exit::Interrupted } else { exit }
}

fn saved(path: &Path) -> Result<Option<RunResults>, String> {
    let about = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if !about.is_file() || about.len() > LARGEST {
        return Ok(None);
    }
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(None) };
    let named = path.extension().is_some_and(|extension| extension == "json");
    if !named && !looks_saved(&text) {
        return Ok(None);
    }
    read_saved(&text).map(Some).map_err(|why| format!("{}: {why}", path.display()))
}

fn source(file: &str, settings: &[String]) -> Result<Source, Refusal> {
    if file != "-" && Path::new(file).exists() {
        match saved(Path::new(file)) {
            Ok(Some(results)) => return Ok(Source::Saved(results)),
            Ok(None) => {}
            Err(why) => return Err(Refusal(format!("error: {why}\n"), Exit::BadScenario)),
        }
    }
    let designs = load::designs(file, settings, None);
    designs.map(Source::Designs).map_err(|mistakes| Refusal(mistakes, Exit::BadScenario))
}

/// Reads all files, runs what is to be run from one seed, and gives each design a name of its own.
fn gather(arguments: &Compare, stop: &std::sync::atomic::AtomicBool) -> Result<Field, Refusal> {
    let usage = |why: String| Refusal(format!("error: {why}\n"), Exit::Usage);
    let mut sources = Vec::new();
    for file in &arguments.files {
        sources.push(source(file, &arguments.running.settings)?);
    }
    // One seed for all, so that they meet the same customers.
    let seed = arguments.running.seed.or_else(|| {
        sources
            .iter()
            .map(|source| match source {
                Source::Saved(results) => Some(results.seed),
                Source::Designs(designs) => designs.first().map(|design| design.model.run.seed),
            })
            .next()?
    });
    let stems: Vec<String> = arguments
        .files
        .iter()
        .map(|file| {
            Path::new(file)
                .file_stem()
                .map_or_else(|| file.clone(), |stem| stem.to_string_lossy().into_owned())
        })
        .collect();
    let several = sources.len() > 1;
    let mut field = Field {
        title: String::new(),
        contenders: Vec::new(),
        mermaid: Vec::new(),
        notices: Vec::new(),
        complete: true,
        out_of_budget: false,
    };
    let mut titles: Vec<String> = Vec::new();
    for (source, stem) in sources.into_iter().zip(&stems) {
        let (results, drawings) = match source {
            Source::Saved(results) => (results, Vec::new()),
            Source::Designs(mut designs) => {
                plan_runs(
                    &mut designs,
                    seed,
                    arguments.running.replications,
                    &arguments.running.until,
                    arguments.running.max_replications,
                )
                .map_err(usage)?;
                let drawings = drawn(&designs);
                let simulated = simulate(
                    &mut designs,
                    arguments.running.threads.unwrap_or(0),
                    stop,
                    arguments.running.quiet,
                )
                .ok_or_else(|| {
                    Refusal("error: the threads could not be started\n".to_owned(), Exit::Failed)
                })?;
                field.out_of_budget |= simulated.out_of_budget;
                (simulated.results, drawings)
            }
        };
        field.complete &= results.complete;
        let alone = results.variants.len() == 1;
        let label = |name: &str| match (several, alone) {
            (false, _) => name.to_owned(),
            (true, true) => stem.clone(),
            (true, false) => format!("{stem}/{name}"),
        };
        field.mermaid.extend(drawings.into_iter().map(|(name, text)| (label(&name), text)));
        for variant in results.variants {
            field.contenders.push(Contender {
                label: label(&variant.name),
                seed: results.seed,
                results: variant,
            });
        }
        if !titles.contains(&results.scenario) {
            titles.push(results.scenario);
        }
    }
    field.title = titles.join(" / ");
    name_apart(&mut field.contenders);
    field.notices.extend(unlike(&field.contenders));
    Ok(field)
}

/// Two designs of one name get numbers.
fn name_apart(contenders: &mut [Contender]) {
    for at in 1..contenders.len() {
        let name = contenders[at].label.clone();
        let (mut n, mut label) = (1, name.clone());
        while contenders[..at].iter().any(|other| other.label == label) {
            n += 1;
            label = format!("{name} ({n})");
        }
        contenders[at].label = label;
    }
}

/// Differences that are not of the design.
fn unlike(contenders: &[Contender]) -> Vec<String> {
    let Some((first, rest)) = contenders.split_first() else { return Vec::new() };
    let mut said = Vec::new();
    for other in rest {
        let (a, b) = (&first.results, &other.results);
        let near = |x: f64, y: f64| (x - y).abs() <= 1e-6 * x.abs().max(1.0);
        if !near(a.duration, b.duration) || !near(a.warmup, b.warmup) {
            said.push(format!(
                "{} and {} were run for different times ({} s with {} s of warm-up, {} s with {} s): what differs may be that",
                first.label, other.label, a.duration, a.warmup, b.duration, b.warmup
            ));
        }
        if a.replications != b.replications {
            said.push(format!(
                "{} has {} replications, {} has {}: the first {} are compared",
                first.label,
                a.replications,
                other.label,
                b.replications,
                a.replications.min(b.replications)
            ));
        }
        let offered = |v: &crate::experiment::results::VariantResults| v.metric("offered")?.value.number();
        if let (Some(x), Some(y)) = (offered(a), offered(b))
            && (x - y).abs() > 0.02 * x
        {
            said.push(format!(
                "{} was offered {x:.1} requests/s and {} {y:.1}: latencies of different loads are compared",
                first.label, other.label
            ));
        }
    }
    said
}

/// Which design is compared with which; the baseline file's designs join the field.
fn pairs(arguments: &Compare, field: &mut Field) -> Result<Vec<(usize, usize)>, Refusal> {
    let usage = |why: String| Refusal(why, Exit::Usage);
    if let Some(path) = &arguments.baseline_file {
        let base = saved(path)
            .and_then(|found| found.ok_or_else(|| format!("{}: it is no saved result", path.display())))
            .map_err(|why| Refusal(why, Exit::BadScenario))?;
        let own = field.contenders.len();
        let mut pairs = Vec::new();
        for variant in base.variants {
            let Some(at) = field.contenders[..own].iter().position(|c| c.label == variant.name) else {
                field.notices.push(format!("the baseline's design `{}` is not there any more", variant.name));
                continue;
            };
            let label = format!("{} (baseline)", variant.name);
            pairs.push((field.contenders.len(), at));
            field.contenders.push(Contender { label, seed: base.seed, results: variant });
        }
        for at in 0..own {
            if !pairs.iter().any(|(_, candidate)| *candidate == at) {
                field.notices.push(format!(
                    "the design `{}` has no baseline yet: save it with `--save-baseline`",
                    field.contenders[at].label
                ));
            }
        }
        pairs.sort_by_key(|(_, at)| *at);
        if pairs.is_empty() {
            return Err(usage("the baseline file has none of these designs".to_owned()));
        }
        return Ok(pairs);
    }
    let baseline = match &arguments.baseline {
        Some(name) => field.contenders.iter().position(|c| c.label == *name).ok_or_else(|| {
            let names = field.contenders.iter().map(|c| c.label.as_str());
            usage(format!("there is no design `{name}`: {}", did_you_mean(name, names)))
        })?,
        None => 0,
    };
    if field.contenders.len() < 2 && arguments.save_baseline.is_none() {
        return Err(usage(
            "there is one design alone: name a second file, add `variants:`, or use `--baseline-file`"
                .to_owned(),
        ));
    }
    Ok((0..field.contenders.len()).filter(|at| *at != baseline).map(|at| (baseline, at)).collect())
}

fn judge(arguments: &Compare, mut field: Field) -> Result<Exit, Refusal> {
    let usage = |why: String| Refusal(why, Exit::Usage);
    let tolerance = quantity::ratio(&arguments.tolerance)
        .map(crate::base::Ratio::get)
        .ok()
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| usage(format!("`--tolerance {}` is no share: write `5%`", arguments.tolerance)))?;
    let own = field.contenders.len();
    let pairs = pairs(arguments, &mut field)?;
    let gate: Vec<String> = if arguments.watch.is_empty() {
        GATED.iter().map(|name| (*name).to_owned()).collect()
    } else {
        arguments.watch.clone()
    };
    for name in &arguments.watch {
        if !field.contenders.iter().any(|c| c.results.metric(name).is_some()) {
            let known =
                field.contenders.iter().flat_map(|c| c.results.metrics.iter().map(|(n, _)| n.as_str()));
            return Err(usage(format!("no design has a metric `{name}`: {}", did_you_mean(name, known))));
        }
    }
    let comparison = compare_designs(&field.contenders, &pairs, Terms { tolerance, gate: &gate });
    let report = ComparisonReport {
        title: &field.title,
        contenders: &field.contenders,
        comparison: &comparison,
        notices: &field.notices,
        complete: field.complete,
    };
    let mut exit = Exit::Done;
    let misses = comparison
        .candidates
        .iter()
        .any(|c| missed(&field.contenders[c.at].results, arguments.running.strict));
    if arguments.fail_on.contains(&FailOn::Regression) && comparison.regressed()
        || arguments.fail_on.contains(&FailOn::Objectives) && misses
    {
        exit = Exit::Regressed;
    }
    if field.out_of_budget {
        exit = complain("a budget of a run was spent (max_events or max_in_flight): results are incomplete");
    }
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("outputs").join(folder_name(&format!("compare-{}", field.title))));
    let written =
        write_files(&folder, &report, &field.mermaid).and_then(|()| match &arguments.save_baseline {
            Some(path) => {
                let own = ComparisonReport { contenders: &field.contenders[..own], ..report };
                write_whole(path, own.baseline().as_bytes()).map_err(|error| error.to_string())
            }
            None => Ok(()),
        });
    match written {
        Err(error) => exit = complain(&error),
        Ok(()) if !arguments.running.quiet => {
            let _ = writeln!(io::stderr(), "written to {}/", folder.display());
        }
        Ok(()) => {}
    }
    let file = arguments.files.last().map(String::as_str).filter(|file| *file != "-");
    let printed = print(&printed(
        arguments.running.format,
        &Report {
            scenario: &field.title,
            file,
            strict: arguments.running.strict,
            text: &|| report.text(terminal_style()),
            json: &|| report.json(),
            markdown: &|| comparison_markdown(&report, &field.mermaid),
            checks: &|| report.checks(),
        },
    ));
    Ok(if printed == Exit::Done { exit } else { printed })
}

fn write_files(
    folder: &Path,
    report: &ComparisonReport<'_>,
    mermaid: &[(String, String)],
) -> Result<(), String> {
    let write = |name: &str, bytes: &[u8]| write_whole(&folder.join(name), bytes).map_err(|e| e.to_string());
    write("comparison.json", report.json().as_bytes())?;
    write("comparison.txt", report.text(TextStyle::default()).as_bytes())?;
    write("comparison.md", comparison_markdown(report, mermaid).as_bytes())?;
    let mut pictures = vec![("overlay", render_svg(&overlay_picture(report)))];
    if let Some(scatter) = pareto_picture(report) {
        pictures.push(("pareto", render_scatter(&scatter)));
    }
    for (name, svg) in pictures {
        write(&format!("{name}.svg"), svg.as_bytes())?;
        let png = chart::rasterize(&svg).map_err(|e| e.to_string())?;
        write(&format!("{name}.png"), &png)?;
    }
    Ok(())
}
