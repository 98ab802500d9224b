//! `kind: pooler`.

use super::{Names, read_cores, small};
use crate::base::SimDuration;
use crate::components::pooler::spec::{PoolMode, PoolerSpec, ServerPool};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, quantity};
use crate::engine::ReadRoute;
use crate::scenario::fields::{Fields, text};
use crate::scenario::model::{ComponentModel, ComponentSpec};

/// PgBouncer's `reserve_pool_timeout` (PGB: pgbouncer 0127dba, doc/config.md).
const RESERVE_AFTER: f64 = 5.0;

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> Option<PoolerSpec> {
    let to = fields.need("to", found).and_then(|node| {
        let name = text(node, found)?;
        names.database(node, name, found)
    });
    let modes = [("session", PoolMode::Session), ("transaction", PoolMode::Transaction)];
    let mode = fields.choice("mode", &modes, found).unwrap_or_default();
    let instances = small(fields, "instances", 1, 1_000, found).unwrap_or(1) as u16;
    let cores = read_cores(fields, found);
    let cost = fields.amount("cost", Of::Time, found);
    let max_connections = small(fields, "max_connections", 1, 10_000_000, found).map(|n| n as u32);
    let mut pool = ServerPool { size: 20, wait: None, reserve: 0, reserve_after: RESERVE_AFTER };
    if let Some(node) = fields.get("pool") {
        let mut keys = Fields::of(node, "a `server_pool`", found);
        pool.size = small(&mut keys, "size", 1, 1_000_000, found).map_or(pool.size, |n| n as u32);
        pool.wait = keys.amount("wait", Of::Time, found);
        pool.reserve = small(&mut keys, "reserve", 0, 1_000_000, found).map_or(0, |n| n as u32);
        let after = keys.read("reserve_after", quantity::duration, found);
        pool.reserve_after = after.map_or(RESERVE_AFTER, SimDuration::as_secs_f64);
        keys.finish(found);
    }
    let hold = fields.get("hold").map(|node| {
        let mut hold = Fields::of(node, "`buffer`", found);
        let requests = small(&mut hold, "requests", 1, 10_000_000, found).unwrap_or(1000) as u32;
        let span = hold.read("for", quantity::duration, found).map_or(10.0, SimDuration::as_secs_f64);
        hold.finish(found);
        (requests, span)
    });
    let to = to?;
    let queries = names.operations(to).into_iter().map(str::to_owned).collect();
    Some(PoolerSpec { to, queries, instances, mode, cores, cost, max_connections, pool, hold })
}

/// A session is with one server: whoever would be sent from one to another cannot keep it.
pub(super) fn check(models: &[ComponentModel], found: &mut Diagnostics) {
    for model in models {
        let ComponentSpec::Pooler(pooler) = &model.spec else { continue };
        let Some(behind) = models.get(pooler.to.index()) else { continue };
        let ComponentSpec::Database(database) = &behind.spec else { continue };
        if pooler.mode != PoolMode::Session {
            continue;
        }
        let name = &behind.name;
        let elsewhere = database.replicas.as_ref().is_some_and(|r| r.route != ReadRoute::Primary);
        let what = match (database.shards.is_some(), elsewhere) {
            (true, _) => "divides its rows among shards",
            (false, true) => "answers reads from its replicas",
            (false, false) => continue,
        };
        found.add(
            Code::Contradiction,
            model.place,
            format!("a session is with one server, and `{name}` {what}"),
            "write `mode: transaction`, or `route: primary` at the replicas",
        );
    }
}
