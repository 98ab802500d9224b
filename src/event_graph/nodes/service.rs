//! A service: its program and the resources of its instances.

use super::key_of;
use crate::base::ComponentId;
use crate::base::random::StreamName;
use crate::components::autoscaler::spec::AutoscaleBuild;
use crate::components::service::Service;
use crate::components::service::spec::{GuardBuild, InstanceResources, ServiceBuild, ServiceSpec};
use crate::engine::Demand;
use crate::event_graph::lower;
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn service(index: usize, spec: &ServiceSpec, sites: &mut Sites<'_>) -> Service {
    let key = key_of(index, sites);
    for local in &spec.local_caches {
        if let Some(feed) = &local.change_feed {
            sites.feed(ComponentId::at(index), local.entity, feed);
        }
    }
    let program = lower::program(spec, sites, index, key);
    let resources = (0..u32::from(spec.most())).map(|instance| InstanceResources {
        workers: sites.resource(index, instance, Role::Workers),
        cpu: sites.resource(index, instance, Role::Cpu),
        io: sites.resource(index, instance, Role::Io),
        quota: sites.resource(index, instance, Role::Quota),
        memory: sites.resource(index, instance, Role::Memory),
        store: (!spec.local_caches.is_empty()).then(|| sites.resource(index, instance, Role::Store)),
    });
    let guarded = spec.concurrency.is_some() || spec.admission.is_some();
    let guards = guarded.then(|| GuardBuild {
        concurrency: spec.concurrency.clone(),
        admission: spec.admission,
        limits: (0..u32::from(spec.most())).map(|i| sites.resource(index, i, Role::Limit)).collect(),
        key: key.named(StreamName::new("guards")),
    });
    Service::new(ServiceBuild {
        guards,
        program,
        resources: resources.collect(),
        locks: sites.resource(index, 0, Role::Locks),
        local_ttls: spec
            .local_caches
            .iter()
            .enumerate()
            .map(|(at, local)| {
                let key = key.named(StreamName::new("local ttl")).with(at as u64);
                local.ttl.clone().map(|distribution| Demand::Drawn { distribution, key })
            })
            .collect(),
        key,
        request_memory: spec.memory.as_ref().map(|memory| Demand::Drawn {
            distribution: memory.request.clone(),
            key: key.named(StreamName::new("memory")),
        }),
        fleet: sites.resource(index, 0, Role::Instances),
        max_wait: spec
            .max_wait
            .clone()
            .map(|distribution| Demand::Drawn { distribution, key: key.named(StreamName::new("max wait")) }),
        cold_start: spec.cold_start.as_ref().map(|start| Demand::Drawn {
            distribution: start.takes.clone(),
            key: key.named(StreamName::new("cold start")),
        }),
        autoscale: spec.autoscale.clone().map(|spec| {
            let key = key.named(StreamName::new("boot"));
            (AutoscaleBuild { spec, key }, sites.resource(index, 0, Role::Instances))
        }),
        spec: spec.clone(),
    })
}
