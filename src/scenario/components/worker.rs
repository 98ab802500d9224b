//! `kind: worker`: a service whose one endpoint is the work on a record of a queue.

use super::service::read_pools;
use super::{Names, read_cores, small, steps};
use crate::components::service::spec::{Endpoint, ServiceDiscipline, ServiceSpec, Slots};
use crate::document::{Diagnostics, Place};
use crate::scenario::fields::{Fields, text};

pub(super) fn read(
    fields: &mut Fields<'_>,
    place: Place,
    names: &Names,
    found: &mut Diagnostics,
) -> ServiceSpec {
    let from = fields.need("from", found).and_then(|node| text(node, found).map(|name| (node, name)));
    let consumes = from.and_then(|(node, name)| names.queue(node, name, found));
    let steps = fields.get("steps").map(|node| steps::read(node, names, found, 0)).unwrap_or_default();
    let concurrency = small(fields, "concurrency", 1, 10_000, found).unwrap_or(1) as u32;
    ServiceSpec {
        consumes,
        instances: small(fields, "instances", 1, 10_000, found).unwrap_or(1) as u16,
        autoscale: None,
        cores: read_cores(fields, found),
        workers: Slots::Limited(concurrency),
        backlog: None,
        accept_queue: None,
        max_wait: None,
        discipline: ServiceDiscipline::Fifo,
        preemptive: false,
        release_while_waiting: false,
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        local_caches: Vec::new(),
        rate_limit: None,
        shed: None,
        concurrency: None,
        admission: None,
        reject_cost: None,
        warm: None,
        pools: read_pools(fields, names, found),
        endpoints: vec![Endpoint { name: "work".to_owned(), place, steps }],
    }
}
