//! `kind: database`.

use super::shards::{entities_of, read_shards};
use super::{Names, background, capacity, read_cores, replicas, small};
use crate::base::random::Distribution;
use crate::base::{EntityId, SimDuration};
use crate::components::database::spec::{By, Consistency, DatabaseSpec, QuerySpec, ShardSpec};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Place, quantity};
use crate::queueing::Contention;
use crate::scenario::fields::{Fields, entries, text};

/// Levels of consistency.
const CONSISTENCY: [(&str, Consistency); 6] = [
    ("strong", Consistency::Strong),
    ("eventual", Consistency::Eventual),
    ("one", Consistency::One),
    ("quorum", Consistency::Quorum),
    ("local_quorum", Consistency::LocalQuorum),
    ("all", Consistency::All),
];

/// Seconds that a transaction waits before it looks for a deadlock: PostgreSQL's `deadlock_timeout`.
const DEADLOCK_TIMEOUT: f64 = 1.0;

pub(super) fn read(
    name: &str,
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> DatabaseSpec {
    let mut queries = Vec::new();
    let mut levels: Vec<(Place, Consistency)> = Vec::new();
    let mut joins = Vec::new();
    for (key, node) in entries(fields.get("queries"), "`queries`", found) {
        let mut query = Fields::of(node, "a query", found);
        let mut entity = |key: &'static str, found: &mut Diagnostics| {
            let node = query.get(key)?;
            text(node, found).and_then(|name| names.entity(node, name, found))
        };
        let (read, write, lock) = (entity("read", found), entity("write", found), entity("lock", found));
        let join = query.get("join");
        let joined = entities_of(join, names, found);
        let by = query.get("by");
        let by = match by.and_then(|node| Some((node, text(node, found)?))) {
            None => By::Own,
            Some((_, "all")) => By::All,
            Some((node, name)) => names.entity(node, name, found).map_or(By::Own, By::Row),
        };
        if read.is_some() && write.is_some() {
            found.add(Code::Conflict, key.place, "a query reads or writes, not both", "declare two queries");
        }
        let level = query.get("consistency");
        let written = query.choice("consistency", &CONSISTENCY, found);
        if let (Some(node), Some(level)) = (level, written) {
            levels.push((node.place, level));
        }
        if let (Some(join), Some(base)) = (join, write.or(read)) {
            joins.push((join.place, key.name.clone(), base, joined));
        }
        queries.push(QuerySpec {
            consistency: written.unwrap_or(Consistency::Strong),
            name: key.name.clone(),
            entity: write.or(read),
            writes: write.is_some(),
            by,
            cpu: query.amount("cpu", Of::Time, found).unwrap_or(Distribution::Constant(0.0)),
            io: query.amount("io", Of::Time, found),
            pages: query.amount("pages", Of::Count, found),
            wal: query.amount("wal", Of::Size, found),
            lock,
            lock_range: small(&mut query, "lock_range", 1, 1_000_000_000_000, found).unwrap_or(1),
        });
        query.finish(found);
    }
    let contention = fields.get("contention").map(|node| {
        let mut contention = Fields::of(node, "`contention`", found);
        let sigma = contention.read("sigma", quantity::number, found).unwrap_or(0.0);
        let kappa = contention.read("kappa", quantity::number, found).unwrap_or(0.0);
        contention.finish(found);
        Contention { sigma, kappa }
    });
    let cores = read_cores(fields, found);
    let replicas = replicas::read(fields, cores, found);
    let failover = replicas::read_failover(fields, replicas.is_some(), found);
    let background = background::read(fields, found);
    let shards = read_shards(fields, names, found);
    let copies = shards.as_ref().map_or(1, |shards| shards.copies);
    let capacity = capacity::read(fields, names, found);
    if let Some(shards) = &shards {
        for (place, query, base, joined) in joins {
            check_join((place, &query), base, &joined, shards, names, found);
        }
    }
    // What is wrong with the shards is said once.
    let known = shards.is_some() || fields.get("shards").is_none();
    for (place, level) in levels.into_iter().filter(|_| known) {
        let by_units = matches!(level, Consistency::Strong | Consistency::Eventual);
        if by_units && copies > 1 {
            found.add(
                Code::Conflict,
                place,
                "rows that lie on several nodes are read and written by so many of them",
                "write `consistency: one`, `quorum`, `local_quorum` or `all`",
            );
        } else if !by_units && copies < 2 {
            found.add(
                Code::Conflict,
                place,
                "there is one copy of each row, so nothing to choose among",
                "write `shards: {copies: 3, ...}`, or take `consistency` out",
            );
        } else if level == Consistency::Eventual && capacity.is_none() {
            found.add(
                Code::Conflict,
                place,
                "a read at half the capacity units, where nothing is sold by units",
                "write `capacity:` for a key-value table, or let `replicas:` answer reads that may be old",
            );
        }
    }
    if copies > 1 {
        // As a driver does that is told nothing.
        let told: Vec<&str> = fields
            .get("queries")
            .map_or(&[][..], Node::entries)
            .iter()
            .filter(|(_, node)| node.get("consistency").is_some())
            .map(|(key, _)| key.name.as_str())
            .collect();
        for query in queries.iter_mut().filter(|query| !told.contains(&query.name.as_str())) {
            query.consistency = Consistency::One;
        }
        if let (Some(node), true) = (fields.get("replicas"), replicas.is_some()) {
            found.add(
                Code::Conflict,
                node.place,
                "`replicas` follow a primary, and `copies` have none",
                "take out one of the two",
            );
        }
    }
    DatabaseSpec {
        capacity,
        cores,
        max_connections: small(fields, "max_connections", 1, 10_000_000, found).map(|n| n as u32),
        io: small(fields, "io", 1, 1_000_000, found).map(|n| n as u32),
        commit: fields.amount("commit", Of::Time, found),
        wal_bandwidth: fields
            .read("wal_bandwidth", quantity::bandwidth, found)
            .map(|b| b.as_bytes_per_second()),
        lock_timeout: fields.read("lock_timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
        deadlock_timeout: fields
            .read("deadlock_timeout", quantity::duration, found)
            .map_or(DEADLOCK_TIMEOUT, SimDuration::as_secs_f64),
        transactional: names.is_transactional(name),
        connection_check: fields
            .read("connection_check", quantity::duration, found)
            .filter(|every| !every.is_zero())
            .map(SimDuration::as_secs_f64),
        statement_timeout: fields
            .read("statement_timeout", quantity::duration, found)
            .map(SimDuration::as_secs_f64)
            .filter(|limit| *limit > 0.0),
        memory: fields.read("memory", quantity::bytes, found).map(|bytes| bytes.get() as f64),
        iops: small(fields, "iops", 1, 1_000_000_000, found).map(|n| n as f64),
        contention,
        replicas,
        shards,
        failover,
        background,
        connect: fields.amount("conn_cost", Of::Time, found),
        queries,
    }
}

/// Rows that are joined lie on the same shard: by the same key, or since every shard has them.
fn check_join(
    (place, query): (Place, &str),
    base: EntityId,
    joined: &[EntityId],
    shards: &ShardSpec,
    names: &Names,
    found: &mut Diagnostics,
) {
    let keys = || [shards.by].into_iter().chain(shards.also.iter().copied());
    let key = |entity: EntityId| keys().find(|key| entity == *key || names.key_of(entity) == Some(*key));
    let everywhere = |entity: EntityId| shards.reference.contains(&entity);
    for other in joined.iter().filter(|other| !everywhere(**other) && !everywhere(base)) {
        let (own, theirs) = (key(base), key(*other));
        if own.is_some() && own == theirs {
            continue;
        }
        let (base, other) = (names.entity_name(base), names.entity_name(*other));
        let by = names.entity_name(shards.by);
        found.add(
            Code::CrossShardJoin,
            place,
            format!("`{query}` joins `{base}` with `{other}`, whose rows lie on other shards"),
            format!(
                "place both by one key (`{other}: {{key_of: {by}}}`), keep `{other}` on every shard \
                 (`shards: {{reference: [{other}]}}`), copy what is needed of it into `{base}`, or ask twice: \
                 one query by key, then one `by: all`, put together in the service"
            ),
        );
    }
}
