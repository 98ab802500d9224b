//! A database: its statements and the resources of its node.

use super::key_of;
use crate::base::random::{Distribution, StreamName};
use crate::base::{ComponentId, OperationId};
use crate::components::database::Database;
use crate::components::database::spec::{
    Consistency, DatabaseBuild, DatabaseSpec, MemberResources, Query, Replication, ShardBuild,
};
use crate::engine::{ConnectionLimit, Demand};
use crate::event_graph::sites::Sites;
use crate::metrics::Role;

pub(in crate::event_graph) fn database(index: usize, spec: &DatabaseSpec, sites: &mut Sites<'_>) -> Database {
    let key = key_of(index, sites);
    let drawn = |name: &str, what: &'static str, distribution: &Distribution| {
        let key = key.named(StreamName::new(name)).named(StreamName::new(what));
        Demand::Drawn { distribution: distribution.clone(), key }
    };
    let (kept, which) = super::shards::kept(spec, &sites.model.entities);
    let queries = spec.queries.iter().zip(which).map(|(query, kept)| Query {
        pages: query.pages.as_ref().map(|d| drawn(&query.name, "pages", d)),
        kept,
        entity: query.entity,
        writes: query.writes,
        cpu: drawn(&query.name, "cpu", &query.cpu),
        io: query.io.as_ref().map(|d| drawn(&query.name, "io", d)),
        wal: query.wal.as_ref().map(|d| drawn(&query.name, "wal", d)),
        lock: query.lock,
        lock_range: query.lock_range,
        consistency: query.consistency,
    });
    // Behind the database's own statements: the end of a transaction, which is a flush of the log and no more.
    let nothing = Demand::Drawn { distribution: Distribution::Constant(0.0), key };
    let commit = spec.transactional.then_some(Query {
        pages: None,
        kept: None,
        entity: None,
        writes: true,
        cpu: nothing,
        io: None,
        wal: None,
        lock: None,
        lock_range: 1,
        consistency: Consistency::Strong,
    });
    let commit_operation = commit.is_some().then(|| OperationId::at(spec.queries.len()));
    let queries = queries.chain(commit);
    let members = u32::from(spec.layout().members());
    if let Some(max) = spec.max_connections {
        let limit = |member| ConnectionLimit {
            resource: sites.resource(index, member, Role::Connections),
            max,
            told: false,
        };
        sites.plan.connections[index] = (0..members).map(limit).collect();
    }
    let resources = (0..members).map(|member| MemberResources {
        cpu: sites.resource(index, member, Role::Cpu),
        io: sites.resource(index, member, Role::Io),
        wal: sites.resource(index, member, Role::Wal),
        locks: sites.resource(index, member, Role::Locks),
    });
    Database::new(DatabaseBuild {
        queries: queries.collect(),
        commit: spec.commit.as_ref().map(|d| drawn("", "commit", d)),
        members: resources.collect(),
        kept,
        zones: sites.zones_of(index),
        eventual_lag: spec
            .capacity
            .as_ref()
            .and_then(|capacity| capacity.eventual_lag.as_ref())
            .map(|lag| drawn("", "eventual lag", lag)),
        commit_operation,
        in_doubt: (spec.transactional && spec.shards.is_some())
            .then(|| sites.resource(index, 0, Role::InDoubt)),
        shards: spec.shards.as_ref().map(|shards| ShardBuild {
            round_trip: shards.round_trip.as_ref().map(|d| drawn("", "round trip", d)),
            merge: shards.merge.as_ref().map(|d| drawn("", "merge", d)),
            copy_cpu: shards
                .grow
                .as_ref()
                .and_then(|grow| grow.copy_cpu.as_ref())
                .map(|d| drawn("", "copy cpu", d)),
            stored: super::shards::stored(shards.by, &sites.model.entities),
        }),
        apply: spec.replicas.as_ref().and_then(|r| r.cost.as_ref()).map(|d| drawn("", "apply", d)),
        shared_lag: spec.replicas.as_ref().and_then(|r| match &r.mode {
            Replication::SharedStorage(lag) => Some(drawn("", "shared storage", lag)),
            _ => None,
        }),
        path: (members > 1).then(|| sites.path(index, ComponentId::at(index))).flatten(),
        lags: (0..members)
            .map(|member| {
                spec.layout().replica_of(member as u16).map(|_| sites.resource(index, member, Role::Lag))
            })
            .collect(),
        outages: (0..u32::from(spec.layout().shards))
            .map(|shard| sites.resource(index, shard, Role::Outage))
            .collect(),
        background_cpu: {
            let own = spec.background.as_ref();
            let vacuum = own.and_then(|own| own.vacuum.as_ref()).and_then(|vacuum| vacuum.cpu.as_ref());
            let compaction = own.and_then(|own| own.compaction.as_ref()).and_then(|c| c.cpu.as_ref());
            [None, vacuum.map(|d| drawn("", "vacuum", d)), compaction.map(|d| drawn("", "compaction", d))]
        },
        connect: spec.connect.as_ref().map(|d| drawn("", "connect", d)),
        key: key.named(StreamName::new("replication")),
        spec: spec.clone(),
    })
}
