//! Everything that one replication of a model needs: nodes and plan.

use std::sync::Arc;

use super::sites::Sites;
use super::{faults, nodes};
use crate::base::random::Key;
use crate::components::Component;
use crate::engine::Plan;
use crate::scenario::model::{ComponentSpec, Model};

/// One replication, ready to run.
pub struct Assembly {
    /// Components, then client populations.
    pub nodes: Vec<Component>,
    /// What is fixed.
    pub plan: Arc<Plan>,
}

/// Builds replication `replication` of `model`.
#[must_use]
pub fn assemble(model: &Model, replication: u32) -> Assembly {
    let root = Key::root(model.run.seed, u64::from(replication));
    let mut sites = Sites::new(model, root);
    let mut all = Vec::with_capacity(model.components.len() + model.clients.len());
    for (index, component) in model.components.iter().enumerate() {
        all.push(match &component.spec {
            ComponentSpec::Service(spec) => Component::Service(nodes::service(index, spec, &mut sites)),
            ComponentSpec::Database(spec) => Component::Database(nodes::database(index, spec, &mut sites)),
            ComponentSpec::Cache(spec) => Component::Cache(nodes::cache(index, spec, &mut sites)),
            ComponentSpec::Cdn(spec) => Component::Cdn(nodes::cdn(index, spec, &mut sites)),
            ComponentSpec::Queue(spec) => Component::Queue(nodes::queue(index, spec, &mut sites)),
            ComponentSpec::Log(spec) => Component::Log(nodes::log(index, spec, &mut sites)),
            ComponentSpec::Pooler(spec) => Component::Pooler(nodes::pooler(index, spec, &mut sites)),
            ComponentSpec::LoadBalancer(spec) => {
                Component::LoadBalancer(nodes::load_balancer(index, spec, &mut sites))
            }
        });
    }
    for (index, client) in model.clients.iter().enumerate() {
        all.push(Component::Client(nodes::client(index, client, &mut sites)));
    }
    sites.plan.faults = faults::plan(&sites);
    Assembly { nodes: all, plan: Arc::new(sites.finish()) }
}
