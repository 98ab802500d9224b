//! Designs run and judged: what `run`, `compare`, `sweep` and `plan` have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::load::Design;
use crate::engine::{CallBalance, Stopped};
use crate::experiment::aggregate::aggregate;
use crate::experiment::pooled::sampled_of;
use crate::experiment::results::{Precision, RunResults, VariantResults};
use crate::experiment::sequential::{looks, precision};
use crate::experiment::simulation::{self, Replication};
use crate::experiment::{Pilot, pilot};
use crate::metrics::ReplicationRecord;
use crate::scenario::model::Until;
use crate::verdict::{error_budgets, expectation, objective};

/// What came out, and whether all of it.
pub(super) struct Simulated {
    pub(super) results: RunResults,
    pub(super) out_of_budget: bool,
}

/// A flag that is set when the user interrupts.
pub(super) fn interruption() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    // A second handler in one process (tests) is harmless: the first stays.
    let _ = ctrlc::set_handler(move || heard.store(true, Ordering::Relaxed));
    stop
}

/// Runs designs on so many threads (0: one per core); `None` if the threads cannot be had.
pub(super) fn simulate(
    designs: &mut [Design],
    threads: usize,
    stop: &AtomicBool,
    quiet: bool,
) -> Option<Simulated> {
    simulation::on_threads(threads, || {
        let notices = find_warm_ups(designs, stop);
        run_all(designs, &notices, stop, quiet)
    })
}

/// The same on the threads that call it, for whoever runs many designs.
pub(super) fn simulate_here(designs: &mut [Design], stop: &AtomicBool) -> Simulated {
    let notices = find_warm_ups(designs, stop);
    run_all(designs, &notices, stop, true)
}

/// Sets the warm-up of every design that asks for `auto`; one notice, or none, for each design.
pub(super) fn find_warm_ups(designs: &mut [Design], stop: &AtomicBool) -> Vec<Option<String>> {
    let find = |design: &mut Design| {
        if design.model.run.auto_in_transient {
            return Some(
                "`warmup: auto` cut nothing, because a spike, a ramp, a fault or a number of requests makes this run a \
                 transient: if it begins with empty caches and queues, its start is in every figure; write \
                 `warmup: 1m` where that is not meant"
                    .to_owned(),
            );
        }
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

fn run_all(designs: &[Design], notices: &[Option<String>], stop: &AtomicBool, quiet: bool) -> Simulated {
    let most = |d: &Design| d.model.run.until.as_ref().map_or(d.model.run.replications, |until| until.max);
    let total = designs.iter().map(|d| u64::from(most(d))).sum();
    let bar = if quiet { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new(total) };
    let mut variants: Vec<VariantResults> = Vec::new();
    let (mut complete, mut out_of_budget) = (true, false);
    for (design, notice) in designs.iter().zip(notices) {
        bar.set_message(design.model.design.clone());
        let Ran { finished, precision, complete: whole } = run_design(design, stop, &|| bar.inc(1));
        out_of_budget |= finished.iter().any(|r| r.stopped != Stopped::Done);
        complete &= whole && !out_of_budget;
        if finished.is_empty() {
            continue;
        }
        let (records, calls): (Vec<_>, Vec<_>) = finished.into_iter().map(|r| (r.record, r.calls)).unzip();
        let mut variant = told(design, &records, &calls);
        variant.notices.extend(precision.iter().map(|p| said(p, variant.replications)));
        variant.precision = precision;
        variant.notices.extend(notice.clone());
        variants.push(variant);
    }
    bar.finish_and_clear();
    let (scenario, about, seed) = designs.first().map_or_else(Default::default, |first| {
        (first.model.scenario.clone(), first.model.about.clone(), first.model.run.seed)
    });
    let results = RunResults { schema_version: 1, scenario, about, seed, complete, variants };
    Simulated { results, out_of_budget }
}

/// The results of one design, its claims judged.
pub(super) fn told(design: &Design, records: &[ReplicationRecord], calls: &[CallBalance]) -> VariantResults {
    let mut variant = aggregate(&design.model.design, &design.catalog, records);
    variant.troubles = simulation::troubles(&design.model);
    variant.conservation.calls_opened = calls.iter().map(|c| c.opened).sum();
    variant.conservation.calls_closed = calls.iter().map(|c| c.closed).sum();
    variant.conservation.calls_in_flight = calls.iter().map(|c| c.in_flight).sum();
    variant.objectives = design.objectives.iter().map(|c| objective(c, &design.catalog, records)).collect();
    variant.expectations =
        design.expectations.iter().map(|c| expectation(c, &design.catalog, records)).collect();
    let [objectives, expectations] = &design.written_at;
    let both = [(&mut variant.objectives, objectives), (&mut variant.expectations, expectations)];
    for (judgements, places) in both {
        for (judgement, place) in judgements.iter_mut().zip(places) {
            judgement.written_at.clone_from(place);
        }
    }
    variant.budgets = error_budgets(&design.objectives, records);
    variant
}

/// The replications of one design.
struct Ran {
    finished: Vec<Replication>,
    precision: Vec<Precision>,
    complete: bool,
}

fn run_design(design: &Design, stop: &AtomicBool, progress: &(dyn Fn() + Sync)) -> Ran {
    let windows = design.windows();
    let run = |from: u32, to: u32| {
        simulation::run_range(&design.model, &design.catalog, &windows, stop, from..to, |_| progress())
    };
    let Some(until) = &design.model.run.until else {
        let all = run(0, design.model.run.replications);
        return Ran { finished: all.finished, precision: Vec::new(), complete: all.complete };
    };
    let all_looks = looks(until.max);
    let mut finished: Vec<Replication> = Vec::new();
    let mut found = Vec::new();
    for look in &all_looks {
        let more = run(finished.len() as u32, *look);
        let complete = more.complete;
        finished.extend(more.finished);
        found = precisions(design, until, &finished, all_looks.len());
        let spent = finished.iter().any(|r| r.stopped != Stopped::Done);
        if !complete || spent {
            return Ran { finished, precision: found, complete };
        }
        if found.iter().all(|precision| precision.met) {
            break;
        }
    }
    Ran { finished, precision: found, complete: true }
}

fn precisions(design: &Design, until: &Until, finished: &[Replication], looks: usize) -> Vec<Precision> {
    let records: Vec<&ReplicationRecord> = finished.iter().map(|replication| &replication.record).collect();
    until
        .metrics
        .iter()
        .map(|(name, asked, _)| {
            let found = sampled_of(name, &records, &design.catalog);
            precision(name, *asked, &found, looks, until.metrics.len())
        })
        .collect()
}

fn said(precision: &Precision, replications: u32) -> String {
    let percent = |x: f64| format!("{:.1} %", 100.0 * x);
    let reached = precision.reached.map_or_else(|| "no interval".to_owned(), percent);
    if precision.met {
        format!(
            "replicated until sure: {} is known to {reached} after {replications} replications ({} was asked for)",
            precision.metric,
            percent(precision.asked)
        )
    } else {
        format!(
            "{} is NOT as sure as was asked for: {reached} after {replications} replications, the most that are \
             allowed, instead of {}; raise `max`, or make each replication longer",
            precision.metric,
            percent(precision.asked)
        )
    }
}
