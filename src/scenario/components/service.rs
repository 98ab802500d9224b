//! `kind: service`.

use super::{Names, read_cores, small, steps};
use crate::components::service::spec::{Endpoint, PoolSpec, ServiceDiscipline, ServiceSpec, Slots};
use crate::document::distribution_text::Of;
use crate::document::{Diagnostics, Node, Value};
use crate::scenario::fields::{Fields, entries};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> ServiceSpec {
    let instances = small(fields, "instances", 1, 10_000, found).unwrap_or(1) as u16;
    let cores = read_cores(fields, found);
    let workers = match fields.get("workers") {
        None => Slots::Unlimited,
        Some(node) => match node.text() {
            Some("none") => Slots::Unlimited,
            Some("event_loop") => Slots::EventLoop,
            _ => small(fields, "workers", 1, 10_000_000, found)
                .map_or(Slots::Unlimited, |n| Slots::Limited(n as u32)),
        },
    };
    let discipline = fields
        .choice(
            "discipline",
            &[
                ("fifo", ServiceDiscipline::Fifo),
                ("lifo", ServiceDiscipline::Lifo),
                ("priority", ServiceDiscipline::Priority),
                ("processor_sharing", ServiceDiscipline::ProcessorSharing),
            ],
            found,
        )
        .unwrap_or_default();
    let mut pools = Vec::new();
    for (key, node) in entries(fields.get("pools"), "`pools`", found) {
        let at = Node { value: Value::Null, place: key.place };
        let mut pool = Fields::of(node, "a pool", found);
        let size = small(&mut pool, "size", 1, 10_000_000, found).unwrap_or(10) as u32;
        let wait = pool.amount("wait", Of::Time, found);
        pool.finish(found);
        if let Some(target) = names.component(&at, &key.name, found) {
            pools.push(PoolSpec { target, size, wait });
        }
    }
    let mut endpoints = Vec::new();
    for (key, node) in entries(fields.get("endpoints"), "`endpoints`", found) {
        let steps = if matches!(node.value, Value::Map(_)) {
            let mut endpoint = Fields::of(node, "an endpoint", found);
            let steps =
                endpoint.need("steps", found).map(|n| steps::read(n, names, found, 0)).unwrap_or_default();
            endpoint.finish(found);
            steps
        } else {
            steps::read(node, names, found, 0)
        };
        endpoints.push(Endpoint { name: key.name.clone(), place: key.place, steps });
    }
    ServiceSpec {
        instances,
        cores,
        workers,
        backlog: small(fields, "backlog", 0, 100_000_000, found).map(|n| n as u32),
        accept_queue: small(fields, "accept_queue", 0, 100_000_000, found).map(|n| n as u32),
        max_wait: fields.amount("max_wait", Of::Time, found),
        discipline,
        preemptive: fields.flag("preemptive", found).unwrap_or(false),
        release_while_waiting: fields.flag("release_while_waiting", found).unwrap_or(false),
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        pools,
        endpoints,
    }
}
