//! A client population: its mix, each entry with its call site.

use crate::base::random::StreamName;
use crate::base::{ComponentId, OperationId, SimDuration};
use crate::engine::Reload;
use crate::event_graph::sites::{Sites, is_idempotent};
use crate::scenario::model::ClientSpec;
use crate::workload::{ClientBuild, Loop, Mix, MixEntry, Poll, ReadBack, Regions, Source};

pub(in crate::event_graph) fn client(index: usize, client: &ClientSpec, sites: &mut Sites<'_>) -> Source {
    let model = sites.model;
    let me = model.components.len() + index;
    let key = sites.root.named(StreamName::new(&client.name));
    let endpoints = sites.endpoints();
    let mut mix = Vec::new();
    for entry in &client.mix {
        let site = sites.pass_on(me, client.to, &endpoints, &entry.options, is_idempotent(&entry.endpoint));
        let at = sites.operation_of(client.to, &entry.endpoint, &endpoints);
        let record = &mut sites.plan.sites[site.0 as usize];
        record.operations = Vec::new();
        record.target.operation = at;
        record.multiplexed = client.connections.shared.is_some();
        record.keeps_alive = client.connections.keep_alive.is_some()
            && (record.multiplexed
                || matches!(client.behaviour, Loop::Sessions { .. } | Loop::Closed { .. }));
        record.reload = client.reload.map(|reload| Reload {
            after: SimDuration::from_secs_f64(reload.after),
            chance: reload.chance,
            max: reload.max,
            key: key.named(StreamName::new("reload")),
        });
        let (weight, priority, writes) = (entry.weight, entry.priority, entry.writes);
        mix.push(MixEntry { weight, site, priority, writes });
    }
    let poll = client.poll.as_ref().map(|poll| {
        let site = sites.pass_on(me, client.to, &endpoints, &poll.options, is_idempotent(&poll.endpoint));
        let at = sites.operation_of(client.to, &poll.endpoint, &endpoints);
        let record = &mut sites.plan.sites[site.0 as usize];
        record.operations = Vec::new();
        record.target.operation = at;
        record.multiplexed = client.connections.shared.is_some();
        record.keeps_alive = client.connections.keep_alive.is_some() && record.multiplexed;
        sites.plan.polls.push(ComponentId::at(me));
        Poll { site, operation: OperationId::at(mix.len()), every: poll.every, give_up: poll.give_up }
    });
    let read_back = client.read_back.clone().zip(client.owner);
    Source::new(ClientBuild {
        behaviour: client.behaviour.clone(),
        arrivals: client.arrivals.clone(),
        profile: client.profile.clone(),
        mix: Mix { entries: mix, write_share: client.write_share.clone() },
        regions: Regions { shares: client.from.iter().map(|(_, share)| *share).collect() },
        owner: client.owner,
        read_back: read_back.map(|((chance, after), owner)| ReadBack { chance, after, owner }),
        poll,
        connections: client.connections,
        key,
        entities: model.entities.len() as u16,
        horizon: model.run.duration.as_secs_f64(),
    })
}
