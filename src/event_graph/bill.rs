//! What of a model is paid for: the price list's entries, each with what it is multiplied by.

use crate::base::{ComponentId, EntityId, SimTime};
use crate::components::database::spec::DatabaseSpec;
use crate::engine::Metered;
use crate::metrics::{BillItem, Charge};
use crate::scenario::model::{ComponentModel, ComponentSpec, Model};

/// The items of the bill, component by component, then traffic.
pub(super) fn items(model: &Model) -> Vec<BillItem> {
    let mut items = Vec::new();
    for (index, component) in model.components.iter().enumerate() {
        for &(charge, tariff) in model.prices.of(&component.name, component.spec.kind()) {
            let size = size(charge, component, model);
            items.push(BillItem { component: Some(ComponentId::at(index)), charge, tariff, size });
        }
    }
    let traffic = model.prices.traffic.iter();
    items.extend(traffic.map(|&(charge, tariff)| BillItem {
        component: None,
        charge,
        tariff,
        size: Vec::new(),
    }));
    items
}

/// What an instance has of what is charged for: cores, bytes; of stored rows what all have together.
fn size(charge: Charge, component: &ComponentModel, model: &Model) -> Vec<f64> {
    match (charge, &component.spec) {
        (Charge::Core, spec) => super::inventory::cores(spec),
        (Charge::Memory, ComponentSpec::Cache(cache)) => {
            let bytes = cache.capacity.bytes.map_or(0.0, |bytes| bytes as f64);
            // A replica holds as much again.
            let copies = 1.0 + f64::from(cache.durability.replicas);
            vec![bytes * copies]
        }
        (Charge::Memory, ComponentSpec::Service(service)) => {
            vec![service.memory.as_ref().map_or(0.0, |memory| memory.limit)]
        }
        (Charge::Memory, ComponentSpec::Database(database)) => vec![database.memory.unwrap_or(0.0)],
        (Charge::Storage, ComponentSpec::Database(database)) => vec![stored(database, model)],
        _ => Vec::new(),
    }
}

/// Bytes that a database keeps at the start: rows that its statements are about, on each primary and replica.
fn stored(database: &DatabaseSpec, model: &Model) -> f64 {
    let mut entities: Vec<EntityId> = database.queries.iter().filter_map(|query| query.entity).collect();
    entities.sort_unstable();
    entities.dedup();
    let rows = entities.iter().filter_map(|id| model.entities.get(id.index()));
    let bytes: f64 = rows.map(|e| e.rows as f64 * e.size.as_ref().map_or(0.0, |size| size.mean())).sum();
    let layout = database.layout();
    // The rows are divided among the shards, and each replica has those of its shard.
    bytes * f64::from(layout.members()) / f64::from(layout.shards.max(1))
}

/// The spikes of all clients, if anything has a price.
pub(super) fn spikes(model: &Model) -> Vec<(SimTime, SimTime)> {
    if model.prices == crate::scenario::model::Prices::default() {
        return Vec::new();
    }
    let duration = model.run.duration.as_secs_f64();
    let mut all: Vec<(SimTime, SimTime)> = model
        .clients
        .iter()
        .flat_map(|client| client.profile.spikes.iter().map(|spike| (spike.at, spike.hold_end())))
        .filter(|(from, to)| *from < duration && from < to)
        .map(|(from, to)| (SimTime::from_secs_f64(from), SimTime::from_secs_f64(to.min(duration))))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What must be counted for the bill beyond what always is.
pub(super) fn metered(model: &Model) -> Option<Metered> {
    let bills_calls = model.components.iter().any(|component| {
        let paid = model.prices.of(&component.name, component.spec.kind());
        component.spec.kind() == "queue" && paid.iter().any(|(charge, _)| *charge == Charge::Requests)
    });
    if !(bills_calls || model.prices.are_metered()) {
        return None;
    }
    let mut known: Vec<&str> = Vec::new();
    let zones = model.components.iter().map(|component| {
        let numbers = component.zones.iter().map(|zone| {
            let at = known.iter().position(|other| other == zone).unwrap_or_else(|| {
                known.push(zone);
                known.len() - 1
            });
            at as u16
        });
        numbers.collect()
    });
    Some(Metered { zones: zones.collect() })
}
