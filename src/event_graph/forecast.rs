//! The forecast: visit ratio x mean demand / cores is the offered utilisation, before the first event.
//!
//! Every way is taken with its probability; retries, reloads and errors are left out, so the forecast
//! is the load of a system that works.

use crate::base::ComponentId;
use crate::components::service::spec::{Step, Test};
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
    /// What looks wrong.
    pub warnings: Vec<String>,
}

/// Deepest chain of calls that is followed.
const DEEPEST: u32 = 32;

/// Forecasts a model.
#[must_use]
pub fn forecast(model: &Model) -> Forecast {
    let horizon = model.run.duration.as_secs_f64();
    let (mut base_rate, mut peak_rate) = (0.0, 0.0);
    let mut base = vec![0.0; model.components.len()];
    let mut peak = base.clone();
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
            let mut demand = vec![0.0; model.components.len()];
            visit(model, client.to, &entry.endpoint, 1.0, &mut demand, 0);
            let share = entry.weight / weights;
            for (at, seconds) in demand.into_iter().enumerate() {
                base[at] += start * share * seconds;
                peak[at] += top * share * seconds;
            }
        }
    }
    let mut rows = Vec::new();
    let mut knee: Option<f64> = None;
    for (at, component) in model.components.iter().enumerate() {
        let cores = match &component.spec {
            ComponentSpec::Service(service) => service.cores * f64::from(service.instances),
            ComponentSpec::Database(database) => database.cores,
            ComponentSpec::LoadBalancer(_) => continue,
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
    Forecast { base_rate, peak_rate, knee, rows, warnings: pool_warnings(model) }
}

/// Adds the core-seconds that one visit to `operation` of `target` costs each component.
fn visit(model: &Model, target: ComponentId, operation: &str, times: f64, demand: &mut [f64], depth: u32) {
    if depth > DEEPEST {
        return;
    }
    match &model.components[target.index()].spec {
        ComponentSpec::LoadBalancer(balancer) => {
            let serving = |route: &&crate::components::load_balancer::spec::RouteSpec| {
                route.customer.is_empty() && super::nodes::matches(route, operation)
            };
            if let Some(route) = balancer.routes.iter().find(serving) {
                let weights: f64 = route.to.iter().map(|(_, w)| w).sum();
                for (to, weight) in &route.to {
                    visit(model, *to, operation, times * weight / weights, demand, depth + 1);
                }
            }
        }
        ComponentSpec::Database(database) => {
            if let Some(query) = database.queries.iter().find(|q| q.name == operation) {
                demand[target.index()] += times * query.cpu.mean();
            }
        }
        ComponentSpec::Service(service) => {
            if let Some(endpoint) = service.endpoints.iter().find(|e| e.name == operation) {
                steps(model, target, &endpoint.steps, times, demand, depth);
            }
        }
    }
}

fn steps(model: &Model, me: ComponentId, list: &[Step], times: f64, demand: &mut [f64], depth: u32) {
    for step in list {
        match step {
            Step::Cpu(amount) => demand[me.index()] += times * amount.mean(),
            Step::Call { target, operation, .. } => {
                let names = model.components[target.index()].spec.operations();
                if let Some(name) = names.get(operation.index()) {
                    visit(model, *target, name, times, demand, depth + 1);
                }
            }
            Step::Parallel { branches, .. } => {
                for branch in branches {
                    steps(model, me, branch, times, demand, depth);
                }
            }
            Step::If { test, then, otherwise } => {
                let p = match test {
                    Test::Chance(p) => *p,
                    Test::Customer { .. } => 0.0,
                };
                steps(model, me, then, times * p, demand, depth);
                steps(model, me, otherwise, times * (1.0 - p), demand, depth);
            }
            Step::Lock { steps: inner, .. } => steps(model, me, inner, times, demand, depth),
            Step::Sleep(_) | Step::Io(_) | Step::Receive { .. } | Step::Reply { .. } => {}
        }
    }
}

/// Pools times instances against the connections that their target takes.
fn pool_warnings(model: &Model) -> Vec<String> {
    let mut warnings = Vec::new();
    for (at, component) in model.components.iter().enumerate() {
        let ComponentSpec::Database(database) = &component.spec else { continue };
        let Some(max) = database.max_connections else { continue };
        let total: u64 = model
            .components
            .iter()
            .filter_map(|c| match &c.spec {
                ComponentSpec::Service(service) => Some(service),
                _ => None,
            })
            .flat_map(|s| s.pools.iter().map(|p| (p, u64::from(s.instances))))
            .filter(|(pool, _)| pool.target.index() == at)
            .map(|(pool, instances)| u64::from(pool.size) * instances)
            .sum();
        if total > u64::from(max) {
            warnings.push(format!(
                "pools of {total} connections in all against max_connections {max} of {}: shrink the pools, or errors come when they fill",
                component.name
            ));
        }
    }
    warnings
}
