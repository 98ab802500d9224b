//! What lies behind the component that a client calls.

use crate::base::ComponentId;
use crate::components::service::spec::Step;
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
            open.extend(balancer.routes.iter().flat_map(|route| route.to.iter().map(|(to, _)| *to)));
        } else if component.spec.serves(endpoint) {
            return true;
        }
    }
    false
}

/// Whether a request for `endpoint` sent to `target` can write to a database.
pub(super) fn writes(components: &[ComponentModel], target: ComponentId, endpoint: &str, depth: u32) -> bool {
    if depth >= 16 {
        return false;
    }
    match components.get(target.index()).map(|c| &c.spec) {
        Some(ComponentSpec::LoadBalancer(balancer)) => {
            let mut targets = balancer.routes.iter().flat_map(|route| &route.to);
            targets.any(|(to, _)| writes(components, *to, endpoint, depth + 1))
        }
        Some(ComponentSpec::Service(service)) => {
            let steps = service.endpoints.iter().filter(|e| e.name == endpoint).flat_map(|e| &e.steps);
            steps.into_iter().any(|step| step_writes(components, step, depth))
        }
        Some(ComponentSpec::Database(database)) => {
            database.queries.iter().any(|query| query.name == endpoint && query.writes)
        }
        None => false,
    }
}

fn step_writes(components: &[ComponentModel], step: &Step, depth: u32) -> bool {
    let any = |steps: &[Step]| steps.iter().any(|step| step_writes(components, step, depth));
    match step {
        Step::Call { target, operation, .. } => {
            let operations = components.get(target.index()).map(|c| c.spec.operations()).unwrap_or_default();
            operations.get(operation.index()).is_some_and(|name| writes(components, *target, name, depth + 1))
        }
        Step::Parallel { branches, .. } => branches.iter().any(|branch| any(branch)),
        Step::If { then, otherwise, .. } => any(then) || any(otherwise),
        Step::Lock { steps, .. } => any(steps),
        _ => false,
    }
}
