//! `surgesim cache`: how often each eviction policy misses, at each size of a cache.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{Cache, Format};
use super::run::terminal_style;
use super::{Exit, complain, print};
use crate::document::{Code, Diagnostic, Diagnostics, Fault, Sources, did_you_mean, quantity};
use crate::experiment::cache_study::{Contestant, MOST_ACCESSES, Popularity, Study, Trace, Unit};
use crate::experiment::simulation::on_threads;
use crate::report::{CacheReport, TextStyle, chart, folder_name, write_whole};

/// Accesses drawn by default.
const REQUESTS: u64 = 1_000_000;
/// Sizes studied by default.
const SIZES: u32 = 12;
/// The most sizes of one study.
const MOST_SIZES: usize = 1_000;

/// What the arguments say, apart from the trace.
struct Plan {
    sizes: Vec<u64>,
    unit: Unit,
    contestants: Vec<Contestant>,
    warm_up: u64,
    popularity: Option<(Popularity, u64)>,
}

pub(super) fn cache(arguments: &Cache) -> Exit {
    let plan = match plan(arguments) {
        Ok(plan) => plan,
        Err(fault) => return say(fault, Exit::Usage),
    };
    let trace = match &plan.popularity {
        Some((popularity, requests)) => Ok(Trace::draw(popularity, *requests as usize, arguments.seed)),
        None => Trace::open(Path::new(&arguments.source)),
    };
    let trace = match trace {
        Ok(trace) => trace,
        Err(fault) => return say(fault, Exit::BadScenario),
    };
    let accesses = trace.ids().len() as u64;
    if plan.warm_up >= accesses {
        let message = format!("the warm-up takes all of the {accesses} accesses");
        return say(Fault::new(Code::Contradiction, message, "make `--warmup` shorter"), Exit::Usage);
    }
    let sizes = if plan.sizes.is_empty() { default_sizes(trace.keys() as u64) } else { plan.sizes };
    let study = Study {
        trace: &trace,
        contestants: plan.contestants,
        sizes,
        unit: plan.unit,
        warm_up: plan.warm_up as usize,
        seed: arguments.seed,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    // A second handler in one process (tests) is harmless: the first stays.
    let _ = ctrlc::set_handler(move || heard.store(true, Ordering::Relaxed));
    let parts = (study.contestants.len() * study.sizes.len()) as u64;
    let bar =
        if arguments.quiet { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new(parts) };
    let ran = on_threads(arguments.threads.unwrap_or(0), || study.run(&stop, || bar.inc(1)));
    bar.finish_and_clear();
    let Some(outcome) = ran else { return complain("the threads could not be started") };
    let Some(outcome) = outcome else { return Exit::Interrupted };
    let source = Path::new(&arguments.source).file_name().map_or(arguments.source.as_str().into(), |name| {
        if plan.popularity.is_some() { arguments.source.as_str().into() } else { name.to_string_lossy() }
    });
    let report = CacheReport {
        source: &source,
        seed: arguments.seed,
        accesses,
        warm_up: plan.warm_up,
        outcome: &outcome,
    };
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("outputs").join(folder_name(&format!("cache-{source}"))));
    let mut exit = Exit::Done;
    if let Err(error) = write_all(&folder, &report) {
        exit = complain(&error);
    } else if !arguments.quiet {
        let _ = writeln!(io::stderr(), "written to {}/", folder.display());
    }
    let printed = print(&match arguments.format {
        Format::Text => report.text(terminal_style()),
        Format::Json => report.json(),
    });
    if printed == Exit::Done { exit } else { printed }
}

fn say(fault: Fault, exit: Exit) -> Exit {
    let mut found = Diagnostics::new();
    found.push(Diagnostic::new(fault.code, None, fault.message).help(fault.help));
    let _ = io::stderr().write_all(found.render(&Sources::new(), false).as_bytes());
    exit
}

fn plan(arguments: &Cache) -> Result<Plan, Fault> {
    let popularity = if Popularity::is_meant(&arguments.source) && !Path::new(&arguments.source).exists() {
        let requests = arguments.requests.as_deref().map_or(Ok(REQUESTS), quantity::count)?;
        if !(1..=MOST_ACCESSES as u64).contains(&requests) {
            let help = format!("write a number from 1 to {MOST_ACCESSES}");
            return Err(Fault::new(Code::OutOfRange, "the number of requests is out of range", help));
        }
        Some((Popularity::parse(&arguments.source)?, requests))
    } else if arguments.requests.is_some() {
        let help = "leave `--requests` out, or name a popularity such as `zipf(1.2, 2M)`";
        return Err(Fault::new(Code::Conflict, "a trace has its own number of accesses", help));
    } else {
        None
    };
    let (sizes, bytes) = sizes(&arguments.size)?;
    let small = |text: &str| {
        let bytes = quantity::bytes(text)?.get();
        u32::try_from(bytes).map_err(|_| {
            Fault::new(
                Code::OutOfRange,
                format!("`{text}` is too large for one item"),
                "write less than 4GiB",
            )
        })
    };
    let (item, overhead) = (small(&arguments.item_size)?, small(&arguments.overhead)?);
    let unit = if bytes { Unit::Bytes { item, overhead } } else { Unit::Items };
    let contestants = contestants(&arguments.policy)?;
    if bytes && contestants == [Contestant::Min] {
        let help = "give the sizes in items, such as `1k`";
        return Err(Fault::new(Code::Conflict, "`min` is the optimum for items of equal size only", help));
    }
    Ok(Plan { sizes, unit, contestants, warm_up: quantity::count(&arguments.warmup)?, popularity })
}

/// The sizes in ascending order, each once, and whether they are bytes.
fn sizes(texts: &[String]) -> Result<(Vec<u64>, bool), Fault> {
    let is_bytes = |text: &str| text.trim_end().ends_with(['B', 'b']);
    let bytes = texts.first().is_some_and(|text| is_bytes(text));
    if texts.iter().any(|text| is_bytes(text) != bytes) {
        let help = "write all of them as items (`1k,10k`) or all as bytes (`64MB,1GiB`)";
        return Err(Fault::new(Code::Conflict, "some sizes are items and some are bytes", help));
    }
    let read = |text: &String| {
        if bytes { quantity::bytes(text).map(|size| size.get()) } else { quantity::count(text) }
    };
    let mut sizes = texts.iter().map(read).collect::<Result<Vec<u64>, Fault>>()?;
    if sizes.contains(&0) {
        return Err(Fault::new(Code::OutOfRange, "a cache of size 0 holds nothing", "write at least 1"));
    }
    if sizes.len() > MOST_SIZES {
        let message = format!("there are {} sizes, and {MOST_SIZES} at most", sizes.len());
        return Err(Fault::new(Code::OutOfRange, message, "leave some out"));
    }
    sizes.sort_unstable();
    sizes.dedup();
    Ok((sizes, bytes))
}

fn contestants(names: &[String]) -> Result<Vec<Contestant>, Fault> {
    if names.iter().any(|name| name == "all") {
        return Ok(Contestant::all().collect());
    }
    let mut contestants = Vec::new();
    for name in names {
        let contestant = Contestant::parse(name).ok_or_else(|| {
            let choices = Contestant::all().map(Contestant::name).chain(["all"]);
            Fault::new(
                Code::UnknownChoice,
                format!("there is no policy `{name}`"),
                did_you_mean(name, choices),
            )
        })?;
        if !contestants.contains(&contestant) {
            contestants.push(contestant);
        }
    }
    Ok(contestants)
}

/// From a thousandth of the keys to half of them, even on a logarithmic scale.
fn default_sizes(keys: u64) -> Vec<u64> {
    let keys = keys as f64;
    let at = |i: u32| keys * 0.5 * libm::pow(500.0, f64::from(i) / f64::from(SIZES - 1) - 1.0);
    let mut sizes: Vec<u64> = (0..SIZES).map(|i| libm::round(at(i)).max(1.0) as u64).collect();
    sizes.dedup();
    sizes
}

fn write_all(folder: &Path, report: &CacheReport<'_>) -> Result<(), String> {
    let write = |name: &str, bytes: &[u8]| write_whole(&folder.join(name), bytes).map_err(|e| e.to_string());
    write("results.json", report.json().as_bytes())?;
    write("report.txt", report.text(TextStyle::default()).as_bytes())?;
    write("miss-ratio.csv", report.csv().as_bytes())?;
    let svg = report.svg();
    write("miss-ratio.svg", svg.as_bytes())?;
    let png = chart::rasterize(&svg).map_err(|e| e.to_string())?;
    write("miss-ratio.png", &png)
}
