//! `surgesim graph`: who calls whom, as text or picture.

use std::io::{self, Write as _};

use super::args::{Graph, GraphFormat};
use super::{Exit, complain, load, print, print_bytes};
use crate::base::ComponentId;
use crate::components::pooler::spec::PoolMode;
use crate::components::service::spec::{Layer, Step, TransactionSpec};
use crate::report::chart::{
    Edge, Node, NodeKind, Topology, render_dot, render_mermaid, render_topology_png, render_topology_svg,
};
use crate::scenario::model::{ComponentSpec, Model};

pub(super) fn graph(arguments: &Graph) -> Exit {
    let designs = match load::designs(&arguments.file, &[], arguments.variant.as_deref()) {
        Ok(designs) => designs,
        Err(mistakes) => {
            let _ = io::stderr().write_all(mistakes.as_bytes());
            return Exit::BadScenario;
        }
    };
    let topology = topology(&designs[0].model);
    match arguments.format {
        GraphFormat::Mermaid => print(&render_mermaid(&topology)),
        GraphFormat::Dot => print(&render_dot(&topology)),
        GraphFormat::Svg => print(&render_topology_svg(&topology)),
        GraphFormat::Png => match render_topology_png(&topology) {
            Ok(bytes) => print_bytes(&bytes),
            Err(error) => complain(&error.to_string()),
        },
        GraphFormat::Json => {
            let nodes: Vec<_> =
                topology.nodes.iter().map(|n| serde_json::json!({"id": n.id, "detail": n.detail})).collect();
            let edges: Vec<_> = topology
                .edges
                .iter()
                .map(|e| serde_json::json!({"from": e.from, "to": e.to, "label": e.label}))
                .collect();
            print(&format!("{}\n", serde_json::json!({"nodes": nodes, "edges": edges})))
        }
    }
}

pub(super) fn topology(model: &Model) -> Topology {
    let node =
        |name: &str, detail: String, kind| Node { id: name.to_owned(), label: name.to_owned(), detail, kind };
    let mut nodes = Vec::new();
    let mut edges: Vec<Edge> = Vec::new();
    let name = |at: usize| model.components[at].name.clone();
    let mut edge = |from: &str, to: usize, label: String| {
        let to = name(to);
        match edges.iter_mut().find(|e| e.from == from && e.to == to) {
            Some(known) if !known.label.split(", ").any(|l| l == label) => {
                known.label = format!("{}, {label}", known.label);
            }
            Some(_) => {}
            None => edges.push(Edge { from: from.to_owned(), to, label }),
        }
    };
    for client in &model.clients {
        nodes.push(node(&client.name, "clients".to_owned(), NodeKind::Client));
        edge(&client.name, client.to.index(), String::new());
    }
    for (at, component) in model.components.iter().enumerate() {
        let times = match component.spec.instances() {
            1 => String::new(),
            n => format!(" ×{n}"),
        };
        let (detail, kind) = match &component.spec {
            ComponentSpec::Service(service) if service.consumes.is_some() => {
                (format!("worker, {} cores{times}", service.cores), NodeKind::Service)
            }
            ComponentSpec::Queue(_) => ("queue".to_owned(), NodeKind::Queue),
            ComponentSpec::Service(service) => (format!("{} cores{times}", service.cores), NodeKind::Service),
            ComponentSpec::Database(database) => (format!("{} cores", database.cores), NodeKind::Database),
            ComponentSpec::Cache(_) => (format!("cache{times}"), NodeKind::Cache),
            ComponentSpec::Cdn(cdn) => (format!("{} places", cdn.pops), NodeKind::Cache),
            ComponentSpec::Log(log) => {
                (format!("log, {} partitions", log.settings.partitions), NodeKind::Queue)
            }
            ComponentSpec::Pooler(pooler) => {
                let mode = match pooler.mode {
                    PoolMode::Session => "session",
                    PoolMode::Transaction => "transaction",
                };
                (format!("{mode} pool{times}"), NodeKind::LoadBalancer)
            }
            ComponentSpec::LoadBalancer(_) => (format!("layer 7{times}"), NodeKind::LoadBalancer),
        };
        nodes.push(node(&component.name, detail, kind));
        match &component.spec {
            ComponentSpec::Queue(queue) => {
                for (worker, _) in model.workers_of(ComponentId::at(at)) {
                    edge(&component.name, worker.index(), "messages".to_owned());
                }
                if let Some(to) = queue.dead_letter {
                    edge(&component.name, to.index(), "dead letters".to_owned());
                }
            }
            ComponentSpec::Service(service) => {
                for endpoint in &service.endpoints {
                    calls(&endpoint.steps, &mut |to, operation| {
                        let names = model.components[to].spec.operations();
                        edge(&component.name, to, names.get(operation).cloned().unwrap_or_default());
                    });
                }
            }
            ComponentSpec::LoadBalancer(balancer) => {
                for route in &balancer.routes {
                    for to in route.targets() {
                        edge(&component.name, to.index(), route.pattern.path.clone().unwrap_or_default());
                    }
                }
            }
            ComponentSpec::Cdn(cdn) => {
                cdn.origins().for_each(|to| edge(&component.name, to.index(), String::new()));
            }
            ComponentSpec::Cache(cache) => {
                for (_, store, query) in &cache.read_through {
                    let names = model.components[store.index()].spec.operations();
                    edge(
                        &component.name,
                        store.index(),
                        names.get(query.index()).cloned().unwrap_or_default(),
                    );
                }
            }
            ComponentSpec::Log(_) => {
                for (worker, _) in model.workers_of(ComponentId::at(at)) {
                    edge(&component.name, worker.index(), "records".to_owned());
                }
            }
            ComponentSpec::Pooler(pooler) => edge(&component.name, pooler.to.index(), String::new()),
            ComponentSpec::Database(_) => {}
        }
    }
    Topology { title: model.scenario.clone(), subtitle: model.about.clone(), nodes, edges }
}

/// Tells of every call in the steps: target and operation.
fn calls(steps: &[Step], tell: &mut impl FnMut(usize, usize)) {
    for step in steps {
        match step {
            Step::Call { target, operation, on_error, .. } => {
                tell(target.index(), operation.index());
                calls(on_error.as_deref().unwrap_or_default(), tell);
            }
            Step::Parallel { branches, on_error, .. } => {
                for branch in branches {
                    calls(branch, tell);
                }
                calls(on_error.as_deref().unwrap_or_default(), tell);
            }
            Step::If { then, otherwise, .. } => {
                calls(then, tell);
                calls(otherwise, tell);
            }
            Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => calls(steps, tell),
            Step::Saga(saga) => saga.iter().for_each(|step| {
                calls(&step.steps, tell);
                calls(&step.undo, tell);
            }),
            Step::Cache(step) => {
                step.layers().for_each(|layer| {
                    if let Layer::Cache(cache) = layer {
                        tell(cache.index(), usize::MAX);
                    }
                });
                calls(step.beyond(), tell);
            }
            _ => {}
        }
    }
}
