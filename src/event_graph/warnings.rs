//! What is worth a warning before anything runs: each is legal, and seldom meant.
//!
//! Left out: what depends on kinds that hold connections open or hand out messages (keep-alive against
//! idle time-outs, visibility against work time), which comes with them.

use super::call_graph::CallGraph;
use super::forecast::Forecast;
use super::inventory::readers;
use crate::base::SimDuration;
use crate::document::{Code, Diagnostic, Diagnostics};
use crate::scenario::model::{ComponentModel, ComponentSpec, Model};

/// The warnings about a model, at the places of its components.
#[must_use]
pub fn warnings(model: &Model, graph: &CallGraph<'_>, forecast: &Forecast) -> Diagnostics {
    let mut found = Diagnostics::new();
    for row in forecast.rows.iter().filter(|row| row.peak > 1.0) {
        let place = model.components.iter().find(|c| c.name == row.component).map(|c| c.place);
        found.add(
            Code::Overloaded,
            place,
            format!(
                "`{}` is asked for {:.0} % of its {} cores at the peak",
                row.component,
                100.0 * row.peak,
                row.cores
            ),
            "if that is not the question of this scenario: more cores, less work, or fewer requests",
        );
    }
    pools(model, &mut found);
    for (component, reached) in model.components.iter().zip(graph.reached()) {
        if !reached {
            found.add(
                Code::Unreachable,
                component.place,
                format!("no request reaches `{}`", component.name),
                "name it in a `to:`, a route, a `call:` or a `query:`, or leave it out",
            );
        }
    }
    callers(model, graph, &mut found);
    consumers(model, &mut found);
    found
}

/// Pools times instances against the connections that their target takes.
fn pools(model: &Model, found: &mut Diagnostics) {
    for (at, component) in model.components.iter().enumerate() {
        let ComponentSpec::Database(database) = &component.spec else { continue };
        let Some(max) = database.max_connections else { continue };
        let mut total = 0;
        let mut holders: Vec<&ComponentModel> = Vec::new();
        for holder in &model.components {
            let ComponentSpec::Service(service) = &holder.spec else { continue };
            for pool in service.pools.iter().filter(|pool| pool.target.index() == at) {
                total += u64::from(pool.size) * u64::from(service.most());
                holders.push(holder);
            }
        }
        if total > u64::from(max) {
            let mut finding = Diagnostic::new(
                Code::PoolsExceedConnections,
                component.place,
                format!("pools of {total} connections in all, and `{}` accepts {max}", component.name),
            )
            .help("make the pools smaller, or raise `max_connections`");
            for holder in holders {
                finding = finding.label(holder.place, "holds a pool per instance");
            }
            found.push(finding);
        }
    }
}

/// Consumers that get no partition.
fn consumers(model: &Model, found: &mut Diagnostics) {
    for (at, component) in model.components.iter().enumerate() {
        let ComponentSpec::Log(log) = &component.spec else { continue };
        for (worker, service) in readers(model, at) {
            let consumers = u64::from(service.limiting_workers().unwrap_or(1)) * u64::from(service.most());
            let partitions = u64::from(log.settings.partitions);
            if consumers <= partitions {
                continue;
            }
            let worker = &model.components[worker.index()];
            found.push(
                Diagnostic::new(
                    Code::IdleConsumers,
                    worker.place,
                    format!(
                        "`{}` has {consumers} consumers and `{}` {partitions} partition{}: {} stay idle",
                        worker.name,
                        component.name,
                        if partitions == 1 { "" } else { "s" },
                        consumers - partitions
                    ),
                )
                .label(component.place, "a partition is read by one consumer of a group")
                .help("more `partitions`, or fewer `instances` times `concurrency`"),
            );
        }
    }
}

/// Retries that multiply, and calls that outlast whoever waits for them.
fn callers(model: &Model, graph: &CallGraph<'_>, found: &mut Diagnostics) {
    let (upstream, outlasting) = graph.upstream();
    let worst = upstream
        .iter()
        .zip(&model.components)
        .filter_map(|(upstream, component)| upstream.map(|u| (u, component)))
        .filter(|(upstream, _)| upstream.layers > 1)
        .max_by(|a, b| a.0.attempts.total_cmp(&b.0.attempts));
    if let Some((upstream, component)) = worst {
        found.add(
            Code::RetryAmplification,
            component.place,
            format!(
                "one request can become {:.0} calls of `{}`: {} layers retry",
                upstream.attempts, component.name, upstream.layers
            ),
            "retry in one layer only, or give the others a `budget: 10%`",
        );
    }
    let mut told = Vec::new();
    for call in outlasting {
        if told.contains(&(call.caller, call.target)) {
            continue;
        }
        told.push((call.caller, call.target));
        let [caller, target] = [call.caller, call.target].map(|id| &model.components[id.index()]);
        let show = SimDuration::from_secs_f64;
        found.add(
            Code::TimeoutInverted,
            caller.place,
            format!(
                "`{}` waits up to {} for `{}`, but whoever called it has left after {}",
                caller.name,
                show(call.timeout),
                target.name,
                show(call.patience)
            ),
            "let the inner `timeout` be the shorter one",
        );
    }
}
