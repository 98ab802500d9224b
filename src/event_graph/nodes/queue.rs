//! A queue: who takes its messages, and the call sites of deliveries.

use super::key_of;
use crate::base::random::StreamName;
use crate::base::{ComponentId, OperationId};
use crate::components::queue::spec::{ConsumerBuild, Prefetch, QueueBuild, QueueSpec};
use crate::components::queue::{PUBLISH, Queue};
use crate::components::service::spec::{CallOptions, Slots};
use crate::engine::RowChoice;
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn queue(index: usize, spec: &QueueSpec, sites: &mut Sites<'_>) -> Queue {
    let me = ComponentId::at(index);
    let model = sites.model;
    let mut spec = spec.clone();
    let mut consumers = Vec::new();
    for (worker, service) in model.workers_of(me) {
        let Some(consumer) = &service.consumes else { continue };
        // What a worker says of itself goes before what the queue says of all.
        spec.ack = consumer.ack.unwrap_or(spec.ack);
        spec.retry_delay = consumer.retry_delay.or(spec.retry_delay);
        spec.max_receives = consumer.max_receives.or(spec.max_receives);
        let options =
            CallOptions { timeout: consumer.timeout, cancel: true, stop: true, ..CallOptions::default() };
        let site = sites.call(index, "deliver", worker, OperationId(0), RowChoice::None, None, &options);
        let concurrency = match service.workers {
            Slots::Limited(n) => n,
            _ => 1,
        };
        let limit = match consumer.prefetch.unwrap_or(spec.prefetch) {
            Prefetch::Concurrency => concurrency,
            Prefetch::Limited(n) => n,
            Prefetch::Unlimited => u32::MAX,
        };
        sites.plan.consumers.push((me, worker));
        consumers.push(ConsumerBuild {
            component: worker,
            site,
            instances: service.most(),
            limit,
            spec: consumer.clone(),
        });
    }
    let dead_letter = spec.dead_letter.map(|to| {
        sites.call(index, "dead letter", to, PUBLISH, RowChoice::None, None, &CallOptions::default())
    });
    let key = key_of(index, sites).named(StreamName::new("queue"));
    Queue::new(QueueBuild {
        spec,
        waiting: sites.resource(index, 0, Role::Messages),
        in_flight: sites.resource(index, 0, Role::Deliveries),
        consumers,
        dead_letter,
        key,
    })
}
