//! The forecast: visit ratio x mean demand / cores is the offered utilisation, before the first event.
//!
//! Every way is taken with its probability; retries, reloads and errors are left out, so the forecast
//! is the load of a system that works. Caches are taken as cold: how much they hold is found by running.

use super::call_graph::CallGraph;
use crate::base::ComponentId;
use crate::scenario::model::{ComponentSpec, Model};
use crate::workload::{ArrivalProcess, Loop};

/// Offered utilisation of one component's cores.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastRow {
    /// Whose.
    pub component: String,
    /// Cores of all instances.
    pub cores: f64,
    /// Share of them asked for at the start.
    pub base: f64,
    /// Share of them asked for at the peak.
    pub peak: f64,
}

/// What can be known without running.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Requests per second at the start.
    pub base_rate: f64,
    /// Requests per second at the peak.
    pub peak_rate: f64,
    /// Requests per second at which the first component's cores are all busy.
    pub knee: Option<f64>,
    /// By component.
    pub rows: Vec<ForecastRow>,
}

/// Forecasts a model.
#[must_use]
pub fn forecast(model: &Model, graph: &CallGraph<'_>) -> Forecast {
    let horizon = model.run.duration.as_secs_f64();
    let (mut base_rate, mut peak_rate) = (0.0, 0.0);
    let mut arriving: Vec<(ComponentId, &str, f64, f64)> = Vec::new();
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
    let mut rows = Vec::new();
    let mut knee: Option<f64> = None;
    for (at, component) in model.components.iter().enumerate() {
        let cores = match &component.spec {
            ComponentSpec::Service(service) => service.cores * f64::from(service.most()),
            ComponentSpec::Database(database) => database.cores,
            ComponentSpec::Cache(cache) if cache.op_cost.is_some() => {
                f64::from(cache.threads) * f64::from(cache.nodes)
            }
            ComponentSpec::LoadBalancer(_)
            | ComponentSpec::Cache(_)
            | ComponentSpec::Cdn(_)
            | ComponentSpec::Log(_) => continue,
        };
        if peak[at] > 0.0 {
            let carries = peak_rate * cores / peak[at];
            knee = Some(knee.map_or(carries, |k| k.min(carries)));
        }
        rows.push(ForecastRow {
            component: component.name.clone(),
            cores,
            base: base[at] / cores,
            peak: peak[at] / cores,
        });
    }
    Forecast { base_rate, peak_rate, knee, rows }
}
