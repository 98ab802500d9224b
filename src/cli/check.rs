//! `surgesim check`: what can be known without running.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::args::Check;
use super::load::{self, Design};
use super::{Exit, print};

pub(super) fn check(arguments: &Check) -> Exit {
    let mut exit = Exit::Done;
    let mut out = String::new();
    for file in &arguments.files {
        match load::everything(file, &arguments.settings, None) {
            Ok(loaded) => {
                for design in &loaded.designs {
                    describe(&mut out, file, design);
                }
                let _ = io::stderr().write_all(loaded.warnings.as_bytes());
            }
            Err(mistakes) => {
                let _ = io::stderr().write_all(mistakes.as_bytes());
                exit = Exit::BadScenario;
            }
        }
    }
    let printed = print(&out);
    if exit == Exit::Done { printed } else { exit }
}

fn describe(out: &mut String, file: &str, design: &Design) {
    let model = &design.model;
    let forecast = &design.forecast;
    let _ = writeln!(out, "{file}: {} ({})", model.scenario, model.design);
    let _ = writeln!(
        out,
        "  offered {:.1} requests/s at the start, {:.1} at the peak{}",
        forecast.base_rate,
        forecast.peak_rate,
        forecast.knee.map_or(String::new(), |knee| format!("; the knee is at {knee:.1} requests/s"))
    );
    for row in &forecast.rows {
        // Threads that replay the log are counted beside cores.
        let replays = row.component.ends_with(".replica.apply");
        let name = if replays { row.component.clone() } else { format!("{}.cpu", row.component) };
        let what = if replays { "thread" } else { "cores" };
        let cached = row.warm.is_some_and(|(_, warm)| (warm - row.peak).abs() > 0.0005);
        let warning = match (row.settled() > 1.0, row.peak > 1.0) {
            (true, _) if !cached => "  <- more than there is",
            (false, true) if cached => "  with cold caches  <- more than there is",
            _ if cached => "  with cold caches",
            _ => "",
        };
        let _ = writeln!(
            out,
            "  {:<16} {:>8} {what}  {:>8.1} % at the start {:>8.1} % at the peak{warning}",
            name,
            row.cores,
            100.0 * row.base,
            100.0 * row.peak
        );
        if let Some((base, peak)) = row.warm.filter(|_| cached) {
            let warning = if peak > 1.0 { "  <- more than there is" } else { "" };
            let _ = writeln!(
                out,
                "  {:<16} {:>8}        {:>8.1} % at the start {:>8.1} % at the peak  with warm ones{warning}",
                "",
                "",
                100.0 * base,
                100.0 * peak
            );
        }
    }
}
