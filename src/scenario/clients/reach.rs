//! What lies behind the component that a client calls.
//!
//! Rule: each component, or each of its operations, is looked at once, so that a scenario in which ways
//! multiply or lead in circles costs no more than its size.

use std::collections::BTreeSet;

use crate::base::ComponentId;
use crate::components::load_balancer::spec::RouteSpec;
use crate::components::service::spec::{Step, TransactionSpec};
use crate::scenario::model::{ComponentModel, ComponentSpec};

/// Whether a request for `endpoint` sent to `target` finds someone who serves it. Where a component or a
/// route was wrong, which has been reported, the answer is yes.
pub(super) fn serves(components: &[ComponentModel], target: ComponentId, endpoint: &str) -> bool {
    let mut seen = vec![false; components.len()];
    let mut open = vec![target];
    while let Some(at) = open.pop() {
        let Some(component) = components.get(at.index()) else { return true };
        if std::mem::replace(&mut seen[at.index()], true) {
            continue;
        }
        if let ComponentSpec::LoadBalancer(balancer) = &component.spec {
            if balancer.routes.is_empty() || balancer.routes.iter().any(|route| route.to.is_empty()) {
                return true;
            }
            open.extend(balancer.routes.iter().flat_map(RouteSpec::targets));
        } else if let ComponentSpec::Cdn(cdn) = &component.spec {
            let Some(to) = cdn.origin(endpoint) else { return true };
            open.push(to);
        } else if component.spec.serves(endpoint) {
            return true;
        }
    }
    false
}

/// Whether a request for `endpoint` sent to `target` can write to a database; `passed_on` is what load
/// balancers can be asked for.
pub(super) fn writes<'a>(
    components: &'a [ComponentModel],
    passed_on: &[&'a str],
    target: ComponentId,
    endpoint: &'a str,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![(target, endpoint)];
    while let Some((at, operation)) = open.pop() {
        let Some(component) = components.get(at.index()).filter(|_| seen.insert((at, operation))) else {
            continue;
        };
        match &component.spec {
            ComponentSpec::LoadBalancer(balancer) => {
                let targets = balancer.routes.iter().flat_map(RouteSpec::targets);
                open.extend(targets.map(|to| (to, operation)));
            }
            ComponentSpec::Service(service) => {
                let steps = service.endpoints.iter().filter(|e| e.name == operation).map(|e| &e.steps);
                steps.for_each(|steps| calls(components, passed_on, steps, &mut open));
            }
            ComponentSpec::Cdn(cdn) => open.extend(cdn.origin(operation).map(|to| (to, operation))),
            ComponentSpec::Cache(_) | ComponentSpec::Queue(_) | ComponentSpec::Log(_) => {}
            ComponentSpec::Pooler(pooler) => open.push((pooler.to, operation)),
            ComponentSpec::Database(database) => {
                if database.queries.iter().any(|query| query.name == operation && query.writes) {
                    return true;
                }
            }
        }
    }
    false
}

fn calls<'a>(
    components: &'a [ComponentModel],
    passed_on: &[&'a str],
    steps: &'a [Step],
    open: &mut Vec<(ComponentId, &'a str)>,
) {
    for step in steps {
        match step {
            Step::Call { target, operation, .. } => {
                let own = components.get(target.index()).and_then(|c| c.spec.operation(*operation));
                let name = own.or_else(|| passed_on.get(operation.index()).copied());
                open.extend(name.map(|name| (*target, name)));
            }
            Step::Parallel { branches, .. } => {
                branches.iter().for_each(|branch| calls(components, passed_on, branch, open));
            }
            Step::If { then, otherwise, .. } => {
                calls(components, passed_on, then, open);
                calls(components, passed_on, otherwise, open);
            }
            Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => {
                calls(components, passed_on, steps, open);
            }
            Step::Saga(saga) => {
                saga.iter().for_each(|step| calls(components, passed_on, &step.steps, open));
            }
            Step::Cache(step) => calls(components, passed_on, step.beyond(), open),
            _ => {}
        }
    }
}
