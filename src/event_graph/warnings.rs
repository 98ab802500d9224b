//! What is worth a warning before anything runs: each is legal, and seldom meant.
//!
//! Left out: what depends on kinds that hold connections open (keep-alive against idle time-outs).

use super::call_graph::CallGraph;
use super::forecast::{Forecast, ForecastRow};
use super::sites::is_idempotent;
use crate::base::{ComponentId, OperationId, SimDuration};
use crate::components::endpoint_pattern::EndpointPattern;
use crate::components::pooler::spec::PoolMode;
use crate::components::service::spec::{CallOptions, Step, TransactionSpec};
use crate::document::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::engine::{ReadRoute, RetryOn};
use crate::scenario::model::{ComponentModel, ComponentSpec, Model};

/// The warnings about a model, at the places of its components.
#[must_use]
pub fn warnings(model: &Model, graph: &CallGraph<'_>, forecast: &Forecast) -> Diagnostics {
    let mut found = Diagnostics::new();
    for row in forecast.rows.iter().filter(|row| row.settled() > 1.0) {
        let place = model.components.get(row.at).map(|c| c.place);
        let help = help_of(row, model);
        found.add(
            Code::Overloaded,
            place,
            format!(
                "`{}` is asked for {:.0} % of its {} {} at the peak{}",
                row.component,
                100.0 * row.settled(),
                row.cores,
                if row.component.ends_with(".apply") { "threads" } else { "cores" },
                row.warm.filter(|(_, warm)| (warm - row.peak).abs() > 0.005).map_or(String::new(), |_| {
                    format!(", with warm caches; {:.0} % with cold ones", 100.0 * row.peak)
                })
            ),
            help,
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
    patterns(model, &mut found);
    growth(model, &mut found);
    callers(model, graph, &mut found);
    super::queue_warnings::queues(model, &mut found);
    super::queue_warnings::idle_consumers(model, &mut found);
    done_twice(model, &mut found);
    found
}

/// Rules and routes of CDNs that no endpoint falls under.
fn patterns(model: &Model, found: &mut Diagnostics) {
    let mut asked: Vec<&str> = model.endpoints();
    asked.extend(model.clients.iter().flat_map(|client| &client.mix).map(|entry| entry.endpoint.as_str()));
    for component in &model.components {
        let ComponentSpec::Cdn(cdn) = &component.spec else { continue };
        let shown = |pattern: &EndpointPattern| {
            let parts = [pattern.method.as_deref(), pattern.path.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let patterns = cdn.rules.iter().map(|rule| (&rule.pattern, rule.place, "rule"));
        let routes = cdn.routes.iter().map(|(pattern, _)| (pattern, component.place, "route"));
        for (pattern, place, what) in patterns.chain(routes) {
            if !asked.iter().any(|endpoint| pattern.matches(endpoint)) {
                let message = format!(
                    "no endpoint falls under the {what} `{}` of `{}`",
                    shown(pattern),
                    component.name
                );
                let help = did_you_mean(&shown(pattern), asked.iter().copied());
                found.add(Code::NoEffect, place, message, help);
            }
        }
    }
}

/// Shards that would be added when the run is over.
fn growth(model: &Model, found: &mut Diagnostics) {
    let end = model.run.duration.as_secs_f64();
    for component in &model.components {
        let ComponentSpec::Database(database) = &component.spec else { continue };
        let grow = database.shards.as_ref().and_then(|shards| shards.grow.as_ref());
        if let Some(grow) = grow.filter(|grow| grow.at >= end) {
            found.add(
                Code::NoEffect,
                component.place,
                format!("`{}` would grow to {} shards after the run's end ({end}s)", component.name, grow.to),
                "write an earlier `grow: {at}`, or lengthen `duration`",
            );
        }
    }
}

/// Whether these options repeat a call that may have been carried out.
fn repeats(options: &CallOptions) -> bool {
    let RetryOn { timeout, any_5xx, statuses, .. } = match &options.retry {
        Some(retry)
            if retry.attempts > 1 && !retry.idempotency_key && retry.non_idempotent != Some(false) =>
        {
            retry.on
        }
        _ => return false,
    };
    timeout || any_5xx || statuses.iter().any(|status| *status != 0)
}

/// Retries of POST, PATCH and writing queries without a key that tells what is a repetition.
fn done_twice(model: &Model, found: &mut Diagnostics) {
    let help = "add `idempotency_key: true` to the retry if the callee knows repetitions by a key, or `non_idempotent: false`";
    for client in &model.clients {
        let mix =
            client.mix.iter().filter(|entry| !is_idempotent(&entry.endpoint) && repeats(&entry.options));
        let names: Vec<String> = mix.map(|entry| format!("`{}`", entry.endpoint)).collect();
        if !names.is_empty() {
            let message = format!("`{}` repeats {}, which may be done twice", client.name, names.join(", "));
            found.add(Code::RetriedTwice, client.place, message, help);
        }
    }
    for component in &model.components {
        let ComponentSpec::Service(service) = &component.spec else { continue };
        for endpoint in &service.endpoints {
            let mut names = Vec::new();
            each_call(&endpoint.steps, &mut |target, operation, options| {
                let callee = &model.components[target.index()];
                let (name, harmless) = match model.answering(target) {
                    ComponentSpec::Database(database) => match database.queries.get(operation.index()) {
                        Some(query) => (query.name.clone(), !query.writes),
                        None => return,
                    },
                    spec => {
                        let own = spec.operation(operation).map(str::to_owned);
                        let passed = || model.endpoints().get(operation.index()).map(|e| (*e).to_owned());
                        let Some(name) = own.or_else(passed) else { return };
                        let harmless = is_idempotent(&name);
                        (name, harmless)
                    }
                };
                let name = format!("`{name}` of `{}`", callee.name);
                if !harmless && repeats(options) && !names.contains(&name) {
                    names.push(name);
                }
            });
            if !names.is_empty() {
                let message = format!(
                    "`{}` of `{}` repeats {}, which may be done twice",
                    endpoint.name,
                    component.name,
                    names.join(", ")
                );
                found.add(Code::RetriedTwice, endpoint.place, message, help);
            }
        }
    }
}

/// Every call of these steps, those within other steps too.
pub(super) fn each_call(steps: &[Step], see: &mut impl FnMut(ComponentId, OperationId, &CallOptions)) {
    for step in steps {
        match step {
            Step::Call { target, operation, options, on_error, .. } => {
                see(*target, *operation, options);
                on_error.iter().for_each(|steps| each_call(steps, see));
            }
            Step::Parallel { branches, on_error, .. } => {
                branches.iter().chain(on_error).for_each(|steps| each_call(steps, see));
            }
            Step::If { then, otherwise, .. } => {
                each_call(then, see);
                each_call(otherwise, see);
            }
            Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => {
                each_call(steps, see);
            }
            Step::Saga(saga) => saga.iter().for_each(|step| {
                each_call(&step.steps, see);
                each_call(&step.undo, see);
            }),
            Step::Cache(step) => each_call(step.beyond(), see),
            Step::Cpu(_) | Step::Sleep(_) | Step::Io(_) | Step::Receive { .. } | Step::Reply { .. } => {}
        }
    }
}

/// What helps a component that is asked for too much: no replica helps who is busy with writes.
fn help_of(row: &ForecastRow, model: &Model) -> &'static str {
    let spec = model.components.get(row.at).map(|component| &component.spec);
    let Some(ComponentSpec::Database(database)) = spec else { return USUAL };
    let reads_there = database.replicas.as_ref().is_none_or(|r| r.route == ReadRoute::Primary);
    if row.component.ends_with(".replica.apply") {
        "lag grows without bound: more `apply: {threads}`, or fewer writes; more replicas each replay all of them"
    } else if row.component.ends_with(".primary") && !reads_there {
        "these are writes, and every replica replays all of them, so that more replicas do not help: shard, or write less"
    } else {
        USUAL
    }
}

const USUAL: &str = "if that is not the question of this scenario: more cores, less work, or fewer requests";

/// Pools times instances against the connections that their target takes.
fn pools(model: &Model, found: &mut Diagnostics) {
    for (at, component) in model.components.iter().enumerate() {
        let (max, help, pinned) = match &component.spec {
            ComponentSpec::Database(database) => (
                database.max_connections,
                "make the pools smaller, raise `max_connections`, or put a `pooler` in transaction mode between",
                None,
            ),
            ComponentSpec::Pooler(pooler) => {
                let pools = u64::from(pooler.instances) * u64::from(pooler.pool.size + pooler.pool.reserve);
                let most = pooler.max_connections.map(|max| max.saturating_mul(u32::from(pooler.instances)));
                let pinned = (pooler.mode == PoolMode::Session).then_some(pools);
                (most, "make the pools smaller, or raise the pooler's `max_connections`", pinned)
            }
            _ => continue,
        };
        // Each pool of a service, and how many connections it and its like can open.
        let mut holders: Vec<(&ComponentModel, u64)> = Vec::new();
        for (caller, holder) in model.components.iter().enumerate() {
            let open = match &holder.spec {
                ComponentSpec::Service(service) => {
                    let pools = service.pools.iter().filter(|pool| pool.target.index() == at);
                    pools.map(|pool| u64::from(pool.size) * u64::from(service.most())).sum()
                }
                ComponentSpec::Pooler(pooler) if pooler.to.index() == at => {
                    let users = super::inventory::users(model, caller).len() as u64;
                    let each = u64::from(pooler.pool.size) + u64::from(pooler.pool.reserve);
                    users * each * u64::from(pooler.instances)
                }
                _ => 0,
            };
            if open > 0 {
                holders.push((holder, open));
            }
        }
        let total: u64 = holders.iter().map(|(_, open)| open).sum();
        let name = &component.name;
        let message = if max.is_some_and(|max| total > u64::from(max)) {
            let max = max.unwrap_or_default();
            format!("pools of {total} connections in all, and `{name}` accepts {max}")
        } else if let Some((holder, open)) =
            holders.iter().find(|(_, open)| pinned.is_some_and(|pools| *open > pools))
        {
            let pools = pinned.unwrap_or_default();
            format!(
                "the {open} connections of `{}` share {pools} that `{name}` has to the database, and in session mode each keeps its own",
                holder.name
            )
        } else {
            continue;
        };
        let help =
            if pinned.is_some() { "write `mode: transaction`, or make the pools smaller" } else { help };
        let mut finding = Diagnostic::new(Code::PoolsExceedConnections, component.place, message).help(help);
        for (holder, _) in holders {
            finding = finding.label(holder.place, "holds a pool per instance");
        }
        found.push(finding);
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
