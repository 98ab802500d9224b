//! The shards of a database: which statement goes where, and what lies on them.

use crate::base::EntityId;
use crate::components::database::spec::{By, DatabaseSpec, Kept, QuerySpec, ShardSpec};
use crate::engine::partitioner::{Partitioner, Partitioning, hash_of};
use crate::engine::{EntityPlan, Popularity, ShardRoute, Sharding};
use crate::scenario::model::EntitySpec;

/// Ranks whose popularity is told apart when a directory is filled.
const RANKS: u64 = 100_000;

/// Where rows lie at the start.
pub(in crate::event_graph) fn sharding(
    database: &DatabaseSpec,
    shards: &ShardSpec,
    entities: (&[EntitySpec], &[EntityPlan]),
) -> Sharding {
    let (routes, keys) = database.queries.iter().map(|query| route(query, shards, entities.0)).unzip();
    let most = shards.grow.as_ref().map_or(shards.count, |grow| grow.to);
    let weights = match (&shards.how, entities.1.get(shards.by.index())) {
        (Partitioning::Directory { logical }, Some(plan)) => weights(*logical, plan),
        _ => Vec::new(),
    };
    let weight = |logical: u32| weights.get(logical as usize).copied().unwrap_or(1.0);
    let partitioner = Partitioner::new(shards.how.clone(), shards.count, most, weight);
    let mut sharding = Sharding::new(shards.by, routes, partitioner, shards.count);
    sharding.copies = shards.copies;
    sharding.keys = keys;
    sharding
}

/// Whether the key of `by` places rows of an entity.
pub(in crate::event_graph) fn lies_with(entity: EntityId, by: EntityId, entities: &[EntitySpec]) -> bool {
    entity == by || entities.get(entity.index()).is_some_and(|spec| spec.key_of == Some(by))
}

/// Which shards a statement is for, and whose key says which.
fn route(query: &QuerySpec, shards: &ShardSpec, entities: &[EntitySpec]) -> (ShardRoute, EntityId) {
    let of = match query.by {
        By::All => return (ShardRoute::All, shards.by),
        By::Row(entity) => Some(entity),
        By::Own => query.entity,
    };
    let Some(entity) = of else { return (ShardRoute::Any, shards.by) };
    if shards.reference.contains(&entity) {
        // Every shard has it, so one answers, and all are written.
        return (if query.writes { ShardRoute::All } else { ShardRoute::Any }, shards.by);
    }
    let mut keys = [shards.by].into_iter().chain(shards.also.iter().copied());
    match keys.find(|key| lies_with(entity, *key, entities)) {
        Some(key) => (ShardRoute::Key, key),
        None => (ShardRoute::All, shards.by),
    }
}

/// The load of each logical shard by the popularity of its keys at the start.
fn weights(logical: u32, plan: &EntityPlan) -> Vec<f64> {
    let rows = plan.rows.max(1);
    let mut weights = vec![0.0; logical as usize];
    let mut rest = 1.0;
    if let Popularity::Zipf { zipf, scatter } = &plan.popularity {
        for rank in 0..rows.min(RANKS) {
            let row = match scatter {
                Some(scatter) => scatter.apply(rank),
                None => rows - 1 - rank,
            };
            let p = zipf.probability(rank + 1);
            weights[(hash_of(row) % u64::from(logical)) as usize] += p;
            rest -= p;
        }
    }
    let each = rest.max(0.0) / f64::from(logical);
    weights.iter_mut().for_each(|weight| *weight += each);
    weights
}

/// What lies on the shards: entities that the sharding key places, with the mean size of a row.
pub(in crate::event_graph) fn stored(by: EntityId, entities: &[EntitySpec]) -> Vec<(EntityId, f64)> {
    let own = (0..entities.len()).map(EntityId::at).filter(|entity| lies_with(*entity, by, entities));
    own.filter_map(|entity| Some((entity, entities[entity.index()].size.as_ref()?.mean()))).collect()
}

/// What statements read through memory; and, by statement, which of it.
pub(in crate::event_graph) fn kept(
    database: &DatabaseSpec,
    entities: &[EntitySpec],
) -> (Vec<Kept>, Vec<Option<usize>>) {
    let mut all: Vec<Kept> = Vec::new();
    let which = database.queries.iter().map(|query| {
        let rows = query.entity?;
        let spec = entities.get(rows.index())?;
        let bytes = spec.size.as_ref()?.mean();
        let by = match query.by {
            By::Row(by) if lies_with(rows, by, entities) => by,
            _ => spec.key_of.unwrap_or(rows),
        };
        let one = Kept { rows, bytes, by, scanned: query.by == By::All };
        Some(all.iter().position(|other| *other == one).unwrap_or_else(|| {
            all.push(one);
            all.len() - 1
        }))
    });
    let which = which.collect();
    (all, which)
}
