//! A log: its groups, one for each worker that reads it.

use super::key_of;
use crate::base::random::StreamName;
use crate::base::{ComponentId, OperationId};
use crate::components::log::Log;
use crate::components::log::spec::{GroupBuild, LogBuild, LogSpec};
use crate::components::service::spec::CallOptions;
use crate::engine::{Demand, RowChoice};
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn log(index: usize, spec: &LogSpec, sites: &mut Sites<'_>) -> Log {
    let key = key_of(index, sites);
    let me = ComponentId::at(index);
    let model = sites.model;
    let mut groups = Vec::new();
    for (group, (worker, service)) in model.workers_of(me).enumerate() {
        let job = OperationId(0);
        let site = sites.call(index, "deliver", worker, job, RowChoice::None, None, &CallOptions::default());
        sites.plan.consumers.push((me, worker));
        let resource = |role: Role| sites.resource(index, group as u32, role);
        groups.push(GroupBuild {
            worker,
            site,
            concurrency: service.limiting_workers().unwrap_or(1),
            instances: service.most(),
            backlog: resource(Role::Backlog),
            completion: resource(Role::Completion),
            stopped: resource(Role::Stopped),
            age: resource(Role::Age),
            lag: resource(Role::OffsetLag),
        });
    }
    let delay = spec.replication_delay.clone();
    Log::new(LogBuild {
        groups,
        replication_delay: delay.map(|distribution| Demand::Drawn {
            distribution,
            key: key.named(StreamName::new("replication delay")),
        }),
        key,
        spec: spec.clone(),
    })
}
