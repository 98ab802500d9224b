//! The forecast: visit ratio x mean demand / cores is the offered utilisation, before the first event.
//!
//! Every way is taken with its probability; retries, reloads and errors are left out, so the forecast
//! is the load of a system that works. Where there are caches it is told twice: as if they were cold, which is
//! what comes after a flush, and as warm as formulas say they become ([`super::warm_caches`]).

use super::call_graph::CallGraph;
use crate::base::ComponentId;
use crate::base::random::Distribution;
use crate::components::database::spec::{DatabaseSpec, Replication, SHARE_OF_APPLYING};
use crate::engine::ReadRoute;
use crate::scenario::model::{ComponentSpec, Model};
use crate::workload::{ArrivalProcess, Loop};

/// Offered utilisation of one component's cores, or of those of a member of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastRow {
    /// Whose.
    pub component: String,
    /// Its place in the model.
    pub at: usize,
    /// Cores of all instances.
    pub cores: f64,
    /// Share of them asked for at the start.
    pub base: f64,
    /// Share of them asked for at the peak, with caches that hold nothing.
    pub peak: f64,
    /// The same shares with warm caches, where something is read through some.
    pub warm: Option<(f64, f64)>,
}

impl ForecastRow {
    /// What is asked for at the peak once caches are warm.
    #[must_use]
    pub fn settled(&self) -> f64 {
        self.warm.map_or(self.peak, |(_, peak)| peak)
    }
}

/// What can be known without running.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Requests per second at the start.
    pub base_rate: f64,
    /// Requests per second at the peak.
    pub peak_rate: f64,
    /// Requests per second at which the first component's cores are all busy, with caches as warm as they become.
    pub knee: Option<f64>,
    /// By component.
    pub rows: Vec<ForecastRow>,
}

/// Forecasts a model.
#[must_use]
pub fn forecast(model: &Model, graph: &CallGraph<'_>) -> Forecast {
    let horizon = model.run.duration.as_secs_f64();
    let (mut base_rate, mut peak_rate) = (0.0, 0.0);
    let mut arriving: Vec<Arriving<'_>> = Vec::new();
    for client in &model.clients {
        let per_arrival = match &client.behaviour {
            Loop::Sessions { requests, .. } => requests.mean(),
            _ => 1.0,
        };
        let (start, top) = match (&client.behaviour, &client.arrivals) {
            // A closed population asks at most as fast as it can think.
            (Loop::Replay { rows, .. }, _) => {
                // The busiest second of the recording is its peak.
                let span = rows.last().map_or(1.0, |row| row.at.max(1.0));
                let mut seconds = vec![0_u32; span as usize + 1];
                rows.iter().for_each(|row| seconds[row.at as usize] += 1);
                (rows.len() as f64 / span, f64::from(seconds.into_iter().max().unwrap_or(0)))
            }
            (Loop::Closed { users, think }, _) => {
                let rate = f64::from(*users) / think.mean().max(1e-9);
                (rate, rate)
            }
            (_, ArrivalProcess::Trace { counts, interval }) => {
                let top = counts.iter().max().copied().unwrap_or(0) as f64 / interval;
                let mean = counts.iter().sum::<u64>() as f64 / (counts.len().max(1) as f64 * interval);
                (mean, top)
            }
            (_, ArrivalProcess::Renewal(gap)) => (1.0 / gap.mean(), 1.0 / gap.mean()),
            (_, ArrivalProcess::Mmpp { rates, dwell }) => {
                let time: f64 = dwell.iter().sum();
                let mean = rates.iter().zip(dwell).map(|(r, d)| r * d).sum::<f64>() / time;
                (mean, rates.iter().copied().fold(0.0, f64::max))
            }
            _ => (client.profile.rate(0.0), client.profile.peak(horizon).0),
        };
        let (start, top) = (start * per_arrival, top * per_arrival);
        base_rate += start;
        peak_rate += top;
        let weights: f64 = client.mix.iter().map(|m| m.weight).sum();
        for entry in &client.mix {
            let share = entry.weight / weights;
            arriving.push((client.to, &entry.endpoint, start * share, top * share));
        }
    }
    let base = graph.demand(arriving.iter().map(|(to, endpoint, start, _)| (*to, *endpoint, *start)));
    let peak = graph.demand(arriving.iter().map(|(to, endpoint, _, top)| (*to, *endpoint, *top)));
    let starts = || arriving.iter().map(|(to, endpoint, start, _)| (*to, *endpoint, *start));
    let tops = || arriving.iter().map(|(to, endpoint, _, top)| (*to, *endpoint, *top));
    let warm_base = graph.warm(starts()).map(|graph| graph.demand(starts()));
    let warm_peak = graph.warm(tops()).map(|graph| graph.demand(tops()));
    let mut rows = Vec::new();
    let mut knee: Option<f64> = None;
    let asked_for =
        |rate: fn(&Arriving<'_>) -> f64| graph.asked(arriving.iter().map(move |a| (a.0, a.1, rate(a))));
    let asked = [asked_for(|a| a.2), asked_for(|a| a.3)];
    for (at, component) in model.components.iter().enumerate() {
        let cores = match &component.spec {
            ComponentSpec::Service(service) => service.capacity(),
            ComponentSpec::Database(database) if database.replicas.is_some() => {
                let [base, peak] = [&asked[0], &asked[1]].map(|asked| members(database, at, asked));
                for ((name, cores, base), (.., peak)) in base.into_iter().zip(peak) {
                    if peak > 0.0 {
                        let carries = peak_rate * cores / peak;
                        knee = Some(knee.map_or(carries, |k| k.min(carries)));
                    }
                    let component = format!("{}.{name}", component.name);
                    rows.push(ForecastRow {
                        component,
                        at,
                        cores,
                        base: base / cores,
                        peak: peak / cores,
                        warm: None,
                    });
                }
                continue;
            }
            ComponentSpec::Database(database) => {
                database.cores * f64::from(database.shards.as_ref().map_or(1, |shards| shards.count))
            }
            ComponentSpec::Cache(cache) if cache.op_cost.is_some() => {
                f64::from(cache.threads) * f64::from(cache.nodes)
            }
            ComponentSpec::Pooler(pooler) if pooler.cost.is_some() => {
                pooler.cores * f64::from(pooler.instances)
            }
            ComponentSpec::Pooler(_)
            | ComponentSpec::LoadBalancer(_)
            | ComponentSpec::Cache(_)
            | ComponentSpec::Cdn(_)
            | ComponentSpec::Queue(_)
            | ComponentSpec::Log(_) => continue,
        };
        let settled = warm_peak.as_ref().map_or(peak[at], |warm| warm[at]);
        if settled > 0.0 {
            let carries = peak_rate * cores / settled;
            knee = Some(knee.map_or(carries, |k| k.min(carries)));
        }
        rows.push(ForecastRow {
            component: component.name.clone(),
            at,
            cores,
            base: base[at] / cores,
            peak: peak[at] / cores,
            warm: warm_base.as_ref().zip(warm_peak.as_ref()).map(|(b, p)| (b[at] / cores, p[at] / cores)),
        });
    }
    Forecast { base_rate, peak_rate, knee, rows }
}

/// Whom clients ask for what, and how often a second: at the start and at the peak.
type Arriving<'a> = (ComponentId, &'a str, f64, f64);

/// Core-seconds a second of the primary, of one replica, and of the threads of a replica that replay:
/// names, cores (threads), demand. Reads are divided among who answers them; every write is everywhere.
fn members(
    database: &DatabaseSpec,
    at: usize,
    asked: &[(ComponentId, &str, f64, f64)],
) -> Vec<(&'static str, f64, f64)> {
    let Some(replicas) = &database.replicas else { return Vec::new() };
    let (mut reads, mut writes, mut replay) = (0.0, 0.0, 0.0);
    for (component, operation, times, each) in asked.iter().filter(|visit| visit.0.index() == at) {
        debug_assert_eq!(component.index(), at);
        if database.queries.iter().any(|query| query.name == *operation && query.writes) {
            writes += times * each;
            let cost = replicas.cost.as_ref().map_or(each * SHARE_OF_APPLYING, Distribution::mean);
            replay += times * cost;
        } else {
            reads += times * each;
        }
    }
    if matches!(replicas.mode, Replication::SharedStorage(_)) {
        replay = 0.0;
    }
    // Of several shards each has its part, and members of its own.
    let shards = database.shards.as_ref().map_or(1.0, |shards| f64::from(shards.count));
    let count = f64::from(replicas.count);
    let (own, each) = if replicas.route == ReadRoute::Primary { (reads, 0.0) } else { (0.0, reads / count) };
    vec![
        ("primary", database.cores * shards, writes + own),
        ("replica", replicas.cores * shards, replay + each),
        ("replica.apply", f64::from(replicas.threads) * shards, replay),
    ]
}
