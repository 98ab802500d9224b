//! A fleet of a fixed size during a rollout with a surge: the new version's instances join it, and the old
//! one's leave it, as the plan of faults says.

use super::Service;
use crate::base::ResourceId;
use crate::components::service::spec::ServiceBuild;
use crate::engine::{Context, Observation, Probe};

/// What joins and leaves with an instance.
#[derive(Debug)]
pub(super) struct Places {
    /// Stands for the instances.
    fleet: ResourceId,
    /// Resources of each instance, with their servers.
    servers: Vec<[(ResourceId, f64); 5]>,
    there: Vec<bool>,
}

impl Places {
    pub(super) fn new(build: &ServiceBuild) -> Option<Box<Self>> {
        let spec = &build.spec;
        if spec.surge == 0 || spec.autoscale.is_some() {
            return None;
        }
        let workers = spec.limiting_workers().map_or(f64::INFINITY, f64::from);
        let memory =
            spec.memory.as_ref().map_or(f64::INFINITY, |memory| (memory.limit / 1024.0).floor().max(1.0));
        let quota = if spec.cpu_limit.is_some() { 1.0 } else { f64::INFINITY };
        let servers = |r: &crate::components::service::spec::InstanceResources| {
            [
                (r.workers, workers),
                (r.cpu, spec.cores),
                (r.io, spec.io.map_or(f64::INFINITY, f64::from)),
                (r.quota, quota),
                (r.memory, memory),
            ]
        };
        Some(Box::new(Self {
            fleet: build.fleet,
            servers: build.resources.iter().map(servers).collect(),
            there: (0..build.resources.len()).map(|at| at < usize::from(spec.instances)).collect(),
        }))
    }

    pub(super) fn show<P: Probe>(&self, cx: &mut Context<'_, P>) {
        let there = self.there.iter().filter(|there| **there).count() as u32;
        cx.observe(Observation::Capacity { resource: self.fleet, servers: f64::from(there) });
        cx.observe(Observation::Level { resource: self.fleet, present: there });
    }
}

impl Service {
    /// An instance joins the fleet, or leaves it.
    pub(super) fn change_places<P: Probe>(&mut self, instance: u16, joins: bool, cx: &mut Context<'_, P>) {
        let Some(places) = &mut self.places else { return };
        places.there[usize::from(instance)] = joins;
        for (resource, servers) in places.servers[usize::from(instance)] {
            if servers.is_finite() {
                let servers = if joins { servers } else { 0.0 };
                cx.observe(Observation::Capacity { resource, servers });
            }
        }
        places.show(cx);
        if let Some(guards) = &mut self.guards {
            if joins { guards.join(instance, cx) } else { guards.part(instance, cx) }
        }
    }
}
