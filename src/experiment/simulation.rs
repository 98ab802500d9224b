//! From a model to results: every replication assembled, run, recorded; then aggregated and judged by
//! whoever asks.

use std::sync::atomic::{AtomicBool, Ordering};

use super::replicate::{Replicated, replicate_range};
use super::results::Trouble;
use crate::base::SimTime;
use crate::engine::{CallBalance, Limits, Probe, Stopped, World};
use crate::event_graph::assemble;
use crate::faults::Verb;
use crate::metrics::{Catalog, Fingerprint, Recorder, RecorderPlan, ReplicationRecord};
use crate::scenario::model::Model;

/// One replication as it ended.
#[derive(Clone, Debug)]
pub struct Replication {
    /// Everything measured.
    pub record: ReplicationRecord,
    /// Events handled.
    pub events: u64,
    /// Conservation of calls.
    pub calls: CallBalance,
    /// Why it stopped.
    pub stopped: Stopped,
}

fn limits(model: &Model) -> Limits {
    Limits {
        until: SimTime::ZERO + model.run.duration,
        requests: model.run.requests,
        max_events: model.run.max_events,
        max_in_flight: model.run.max_in_flight,
    }
}

/// The surges of all clients, and the faults that end.
#[must_use]
pub fn troubles(model: &Model) -> Vec<Trouble> {
    let surges = model.clients.iter().flat_map(|client| {
        let spikes = client.profile.spikes.iter().map(|spike| (spike.at, spike.hold_end()));
        let stepped = client.profile.surge_end().filter(|_| client.profile.spikes.is_empty());
        spikes.chain(stepped.map(|end| (end, end)))
    });
    let faults = model.faults.iter().flat_map(|fault| {
        let lasts = match &fault.verb {
            Verb::Kill { restart_after: Some(after), .. } => Some(*after),
            // A shift is a surge of its population already.
            Verb::Shift(..) => None,
            _ => fault.lasts,
        };
        fault.at.iter().filter_map(move |at| lasts.map(|lasts| (*at, at + lasts)))
    });
    let surges = surges.map(|(from, to)| Trouble { from, to, word: "spike" });
    surges.chain(faults.map(|(from, to)| Trouble { from, to, word: "fault" })).collect()
}

/// The end of the last surge of any client, or of the last bounded fault, if it lies within the run.
#[must_use]
pub fn surge_end(model: &Model) -> Option<SimTime> {
    let duration = model.run.duration.as_secs_f64();
    let ends = troubles(model).into_iter().map(|trouble| trouble.to);
    ends.filter(|end| *end < duration).max_by(f64::total_cmp).map(SimTime::from_secs_f64)
}

/// Runs replication `index`, seen by a probe of the caller's choice.
pub fn run_with<P: Probe>(
    model: &Model,
    index: u32,
    probe: P,
    keep_going: impl FnMut(SimTime) -> bool,
) -> (P, Stopped) {
    let assembly = assemble(model, index);
    let mut world = World::new(assembly.nodes, assembly.plan, probe);
    let stopped = world.run(limits(model), keep_going);
    (world.into_probe(), stopped)
}

/// The fingerprint of one replication: equal if and only if every observation was.
#[must_use]
pub fn fingerprint(model: &Model, index: u32) -> u64 {
    run_with(model, index, Fingerprint::default(), |_| true).0.value()
}

/// Runs all replications of a model on the current thread pool; `progress` hears of each that ends.
pub fn run(
    model: &Model,
    catalog: &Catalog,
    windows: &[(SimTime, SimTime)],
    stop: &AtomicBool,
    progress: impl Fn(u32) + Sync,
) -> Replicated<Replication> {
    run_range(model, catalog, windows, stop, 0..model.run.replications, progress)
}

/// The same of some replications only.
pub fn run_range(
    model: &Model,
    catalog: &Catalog,
    windows: &[(SimTime, SimTime)],
    stop: &AtomicBool,
    range: std::ops::Range<u32>,
    progress: impl Fn(u32) + Sync,
) -> Replicated<Replication> {
    replicate_range(range, stop, |index| {
        let recorder = Recorder::new(
            catalog,
            RecorderPlan {
                duration: model.run.requests.is_none().then(|| SimTime::ZERO + model.run.duration),
                warmup: SimTime::ZERO + model.run.warmup,
                bucket: model.run.bucket,
                windows: windows.to_vec(),
                spike_end: surge_end(model),
            },
        );
        let assembly = assemble(model, index);
        let mut world = World::new(assembly.nodes, assembly.plan, recorder);
        let stopped = world.run(limits(model), |_| !stop.load(Ordering::Relaxed));
        if stopped == Stopped::Interrupted {
            return None;
        }
        let (events, calls, now) = (world.events(), world.call_balance(), world.now());
        let record = world.into_probe().finish(now);
        progress(index);
        Some(Replication { record, events, calls, stopped })
    })
}

/// Runs `work` on so many threads of rayon's (0: one per core); `None` if they cannot be had.
pub fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.min(1024)).build().ok()?;
    Some(pool.install(work))
}
