//! `kind: database`.

use super::shards::read_shards;
use super::{Names, read_cores, replicas, small};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::database::spec::{By, DatabaseSpec, QuerySpec};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, quantity};
use crate::queueing::Contention;
use crate::scenario::fields::{Fields, entries, text};

/// Seconds that a transaction waits before it looks for a deadlock: PostgreSQL's `deadlock_timeout`.
const DEADLOCK_TIMEOUT: f64 = 1.0;

pub(super) fn read(
    name: &str,
    fields: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
) -> DatabaseSpec {
    let mut queries = Vec::new();
    for (key, node) in entries(fields.get("queries"), "`queries`", found) {
        let mut query = Fields::of(node, "a query", found);
        let mut entity = |key: &'static str, found: &mut Diagnostics| {
            let node = query.get(key)?;
            text(node, found).and_then(|name| names.entity(node, name, found))
        };
        let (read, write, lock) = (entity("read", found), entity("write", found), entity("lock", found));
        let by = query.get("by");
        let by = match by.and_then(|node| Some((node, text(node, found)?))) {
            None => By::Own,
            Some((_, "all")) => By::All,
            Some((node, name)) => names.entity(node, name, found).map_or(By::Own, By::Row),
        };
        if read.is_some() && write.is_some() {
            found.add(Code::Conflict, key.place, "a query reads or writes, not both", "declare two queries");
        }
        queries.push(QuerySpec {
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
    DatabaseSpec {
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
        shards: read_shards(fields, names, found),
        failover,
        queries,
    }
}
