//! The network between callers and targets: which zones, which link, how far.

use crate::base::random::{Key, StreamName};
use crate::base::{ComponentId, ResourceId, ZoneId};
use crate::engine::{Demand, LinkPlan, Path};
use crate::scenario::model::Model;
use crate::scenario::{LinkSpec, NetworkSpec};

/// Paths as they are collected: one for each pair of a caller and a target.
pub(super) struct Paths<'a> {
    model: &'a Model,
    key: Key,
    /// By link of the scenario: the stations of its two ways.
    stations: Vec<Option<[u32; 2]>>,
    known: Vec<(usize, ComponentId, u32)>,
    pub(super) plans: Vec<Path>,
    pub(super) links: Vec<LinkPlan>,
}

/// The component that a link's resources are counted with: the called one, else the calling one.
pub(super) fn link_owner(model: &Model, link: &LinkSpec) -> usize {
    let named = |name: &Option<String>| {
        let name = name.as_ref()?;
        model.components.iter().position(|component| component.name == *name)
    };
    named(&link.to).or_else(|| named(&link.from)).unwrap_or(0)
}

impl<'a> Paths<'a> {
    /// No paths yet; `resources` are those of the links, two for each that limits bandwidth.
    pub(super) fn new(model: &'a Model, root: Key, mut resources: impl Iterator<Item = ResourceId>) -> Self {
        let mut links = Vec::new();
        let mut stations = Vec::new();
        for link in model.network.iter().flat_map(|network| &network.links) {
            stations.push(link.bandwidth.map(|bandwidth| {
                [(); 2].map(|()| {
                    let resource = resources.next().unwrap_or(ResourceId(u32::MAX));
                    links.push(LinkPlan { resource, bandwidth });
                    links.len() as u32 - 1
                })
            }));
        }
        let key = root.named(StreamName::new("network"));
        Self { model, key, stations, known: Vec::new(), plans: Vec::new(), links }
    }

    /// The path from a component or client population to a component; none without a network.
    pub(super) fn between(&mut self, caller: usize, target: ComponentId) -> Option<u32> {
        let network = self.model.network.as_ref()?;
        if let Some((.., path)) = self.known.iter().find(|(c, t, _)| *c == caller && *t == target) {
            return Some(*path);
        }
        let components = &self.model.components;
        let client = caller.checked_sub(components.len()).map(|at| &self.model.clients[at]);
        let name = client.map_or_else(|| &components[caller].name, |client| &client.name);
        let to = &components[target.index()];
        let from_zones = match client {
            Some(client) => zones(network, client.from.iter().map(|(place, _)| place)),
            None => zones(network, components[caller].zones.iter()),
        };
        let to_zones = zones(network, to.zones.iter());
        let key = self.key.named(StreamName::new(name)).named(StreamName::new(&to.name));
        let drawn = |purpose: &'static str, distribution: &crate::base::random::Distribution| Demand::Drawn {
            distribution: distribution.clone(),
            key: key.named(StreamName::new(purpose)),
        };
        let mut round_trips = Vec::new();
        for a in &from_zones {
            for b in &to_zones {
                if round_trips.iter().any(|(x, y, _)| (x, y) == (a, b)) {
                    continue;
                }
                if let Some(distribution) = network.round_trip(a.index(), b.index()) {
                    round_trips.push((*a, *b, drawn("latency", distribution)));
                }
            }
        }
        let fits = |link: &LinkSpec| {
            link.from.as_ref().is_none_or(|from| from == name)
                && link.to.as_ref().is_none_or(|t| *t == to.name)
        };
        let at = network.links.iter().position(fits);
        let link = at.map(|at| &network.links[at]);
        self.plans.push(Path {
            from: from_zones,
            to: to_zones,
            round_trips,
            one_way: link.and_then(|link| link.latency.as_ref()).map(|latency| drawn("link", latency)),
            last_mile: network
                .last_mile
                .as_ref()
                .filter(|_| client.is_some())
                .map(|rtt| drawn("last mile", rtt)),
            loss: link.and_then(|link| link.loss).unwrap_or(network.loss),
            links: at.and_then(|at| self.stations[at]),
            set_up_round_trips: link.and_then(|link| link.handshake).unwrap_or(network.handshake),
            key: key.named(StreamName::new("loss")),
        });
        let path = self.plans.len() as u32 - 1;
        self.known.push((caller, target, path));
        Some(path)
    }
}

/// The zones of instances in turn; a region stands for its first zone, nothing for the network's first.
fn zones<'n>(network: &NetworkSpec, names: impl Iterator<Item = &'n String>) -> Vec<ZoneId> {
    let found: Vec<ZoneId> =
        names.filter_map(|name| network.zones_of(name).first().map(|zone| ZoneId::at(*zone))).collect();
    if found.is_empty() { vec![ZoneId(0)] } else { found }
}
