//! `surgesim explain FILE --at TIME`: runs the scenario, and says why it is as it is at that time.

use std::io::{self, Write as _};
use std::sync::atomic::AtomicBool;

use super::args::Explain;
use super::{Exit, complain, load, print};
use crate::base::{SimDuration, SimTime};
use crate::document::quantity;
use crate::experiment::moment::moment;
use crate::experiment::simulation;
use crate::report::explain_moment as sentences;

/// How much of the run is looked at from the time on: one bucket is too short for rare failures.
const SPAN: SimDuration = SimDuration::from_secs(30);

pub(super) fn explain_moment(arguments: &Explain, at: &str) -> Exit {
    let Ok(at) = quantity::duration(at) else {
        complain(&format!("`--at {at}` is no time: write `--at 14m`"));
        return Exit::Usage;
    };
    let designs = match load::designs(&arguments.what, &arguments.settings, arguments.variant.as_deref()) {
        Ok(designs) => designs,
        Err(mistakes) => {
            let _ = io::stderr().write_all(mistakes.as_bytes());
            return Exit::BadScenario;
        }
    };
    let mut text = String::new();
    for design in &designs {
        if at >= design.model.run.duration {
            complain(&format!("the run ends at {}, before `--at {at}`", design.model.run.duration));
            return Exit::Usage;
        }
        let from = SimTime::ZERO + at;
        let to = (from + SPAN).min(SimTime::ZERO + design.model.run.duration);
        let stop = AtomicBool::new(false);
        let run = || simulation::run(&design.model, &design.catalog, &[(from, to)], &stop, |_| ());
        let Some(replicated) = simulation::on_threads(0, run) else {
            return complain("the threads could not be started");
        };
        let records: Vec<_> = replicated.finished.into_iter().map(|replication| replication.record).collect();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&sentences(&design.model.design, &moment(&design.catalog, &records, from, to)));
    }
    print(&text)
}
