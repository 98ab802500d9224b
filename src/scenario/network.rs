//! The `network:` block: zones and regions, round-trip times between them, links, loss, handshakes.
//!
//! Without the block the network takes no time. With it, two instances of one zone are 0.25 ms apart
//! (lognormal, p99 1 ms: the smallest measured within an availability zone) and two zones of one region
//! 1 ms (0.5 to 1.5 ms measured); between regions the scenario writes the round-trip times.

use super::fields::{Fields, resolve, scalar, text};
use crate::base::random::Distribution;
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};

/// A network as proven.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSpec {
    /// Names of the regions; one without a name if none is written.
    pub regions: Vec<String>,
    /// Names of the zones, each with the position of its region.
    pub zones: Vec<(String, usize)>,
    /// Round-trip times in seconds between two places, whichever comes first.
    pub round_trips: Vec<(Spot, Spot, Distribution)>,
    /// Round-trip time within a zone.
    pub same_zone: Distribution,
    /// Round-trip time between zones of one region.
    pub cross_zone: Distribution,
    /// Round-trip time between clients and the first router.
    pub last_mile: Option<Distribution>,
    /// Probability that a message loses a segment.
    pub loss: f64,
    /// Round trips that set a connection up.
    pub handshake: u32,
    /// Links that override the rest between two ends.
    pub links: Vec<LinkSpec>,
}

/// A zone or a region, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// A zone.
    Zone(usize),
    /// A region.
    Region(usize),
}

/// What is particular between two ends.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSpec {
    /// Its name.
    pub name: String,
    /// Name of the component or client that calls; none: any.
    pub from: Option<String>,
    /// Name of the component that is called; none: any.
    pub to: Option<String>,
    /// One-way latency in seconds, instead of the matrix's.
    pub latency: Option<Distribution>,
    /// Bytes per second of each way, shared by the transfers on it.
    pub bandwidth: Option<f64>,
    /// Probability of loss, instead of the network's.
    pub loss: Option<f64>,
    /// Round trips of a handshake, instead of the network's.
    pub handshake: Option<u32>,
}

impl NetworkSpec {
    /// The round-trip time between two zones; `None` if it must be written and is not.
    #[must_use]
    pub fn round_trip(&self, a: usize, b: usize) -> Option<&Distribution> {
        let written = |x: Spot, y: Spot| {
            let fits = |(p, q, _): &&(Spot, Spot, Distribution)| (*p, *q) == (x, y) || (*p, *q) == (y, x);
            self.round_trips.iter().find(fits).map(|(.., rtt)| rtt)
        };
        let (here, there) = (self.zones.get(a)?.1, self.zones.get(b)?.1);
        written(Spot::Zone(a), Spot::Zone(b))
            .or_else(|| (a == b).then_some(&self.same_zone))
            .or_else(|| written(Spot::Region(here), Spot::Region(there)))
            .or_else(|| (here == there).then_some(&self.cross_zone))
    }

    /// The zones of a name that is a zone's or a region's.
    #[must_use]
    pub fn zones_of(&self, name: &str) -> Vec<usize> {
        let region = self.regions.iter().position(|region| region == name);
        let fits = |(zone, of): &(String, usize)| zone == name || region == Some(*of);
        self.zones.iter().enumerate().filter(|(_, zone)| fits(zone)).map(|(at, _)| at).collect()
    }
}

/// Round trips of the handshakes: TCP takes one, TLS 1.3 one more, TLS 1.2 two more (RFC 8446, RFC 5246).
const HANDSHAKES: [(&str, u32); 5] = [("none", 0), ("tcp", 1), ("tls", 2), ("tls1.3", 2), ("tls1.2", 3)];

/// Reads the block; `ends` are the names that a link may have.
pub(super) fn read<'a>(
    node: Option<&Node>,
    ends: &(impl Iterator<Item = &'a str> + Clone),
    found: &mut Diagnostics,
) -> Option<NetworkSpec> {
    let node = node?;
    let mut fields = Fields::of(node, "`network`", found);
    let (mut regions, mut zones) = (Vec::new(), Vec::new());
    for (key, list) in fields.get("regions").map_or(&[][..], Node::entries) {
        for zone in list.items() {
            if let Some(name) = text(zone, found) {
                add_zone(zone, name, regions.len(), &mut zones, found);
            }
        }
        if list.items().is_empty() {
            // A region that names no zones is one zone.
            add_zone(list, &key.name, regions.len(), &mut zones, found);
        }
        regions.push(key.name.clone());
    }
    if let Some(node) = fields.get("zones") {
        let home = regions.len();
        regions.push(String::new());
        for zone in node.items() {
            if let Some(name) = text(zone, found) {
                add_zone(zone, name, home, &mut zones, found);
            }
        }
        for (key, region) in node.entries() {
            let name = text(region, found).unwrap_or_default();
            let at = regions.iter().position(|r| r == name).unwrap_or_else(|| {
                regions.push(name.to_owned());
                regions.len() - 1
            });
            add_zone(region, &key.name, at, &mut zones, found);
        }
    }
    if zones.is_empty() {
        regions = vec![String::new()];
        zones.push((String::new(), 0));
    }
    let mut network = NetworkSpec {
        regions,
        zones,
        round_trips: Vec::new(),
        same_zone: Distribution::lognormal_median_p99(0.000_25, 0.001),
        cross_zone: Distribution::Constant(0.001),
        last_mile: None,
        loss: 0.0,
        handshake: 1,
        links: Vec::new(),
    };
    if let Some(node) = fields.get("rtt") {
        read_round_trips(node, &mut network, found);
    }
    network.last_mile = fields.amount("last_mile", Of::Time, found);
    network.loss = read_loss(&mut fields, found).unwrap_or(0.0);
    network.handshake = fields.choice("handshake", &HANDSHAKES, found).unwrap_or(1);
    for (key, node) in fields.get("links").map_or(&[][..], Node::entries) {
        let mut link = Fields::of(node, "a link", found);
        let mut end = |key: &'static str, found: &mut Diagnostics| {
            let node = link.get(key)?;
            let name = text(node, found)?;
            resolve(node, name, ends.clone(), Code::UnknownComponent, "component or client", found)?;
            Some(name.to_owned())
        };
        let (from, to) = (end("from", found), end("to", found));
        let latency = link.amount("latency", Of::Time, found);
        let bandwidth = link
            .get("bandwidth")
            .and_then(|n| scalar(n, quantity::bandwidth, found).map(|b| (n, b.as_bytes_per_second())))
            .map(|(n, bandwidth)| {
                if bandwidth <= 0.0 {
                    found.add(Code::OutOfRange, n.place, "a bandwidth is above zero", "write `1Gbps`");
                }
                bandwidth
            });
        let loss = read_loss(&mut link, found);
        let handshake = link.choice("handshake", &HANDSHAKES, found);
        link.finish(found);
        network.links.push(LinkSpec {
            name: key.name.clone(),
            from,
            to,
            latency,
            bandwidth,
            loss,
            handshake,
        });
    }
    fields.finish(found);
    Some(network)
}

fn add_zone(
    node: &Node,
    name: &str,
    region: usize,
    zones: &mut Vec<(String, usize)>,
    found: &mut Diagnostics,
) {
    if zones.iter().any(|(other, _)| other == name) {
        found.add(
            Code::Conflict,
            node.place,
            format!("the zone `{name}` is declared twice"),
            "choose another name",
        );
        return;
    }
    if zones.len() >= 1_000 {
        found.add(Code::TooLarge, node.place, "a network has at most 1000 zones", "leave some out");
        return;
    }
    zones.push((name.to_owned(), region));
}

fn read_loss(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<f64> {
    let node = fields.get("loss")?;
    let loss = scalar(node, quantity::ratio, found)?.get();
    if loss >= 0.5 {
        found.add(Code::OutOfRange, node.place, "a loss is below 50 %", "measured ones are 0.01 % to 2 %");
        return None;
    }
    Some(loss)
}

fn read_round_trips(node: &Node, network: &mut NetworkSpec, found: &mut Diagnostics) {
    if node.text().is_some() {
        // One value: every pair of instances is so far apart.
        if let Some(rtt) = super::fields::amount(node, Of::Time, found) {
            network.same_zone = rtt.clone();
            network.cross_zone = rtt;
        }
        return;
    }
    for (key, below) in node.entries() {
        match key.name.as_str() {
            "same_zone" => {
                if let Some(rtt) = super::fields::amount(below, Of::Time, found) {
                    network.same_zone = rtt;
                }
                continue;
            }
            "cross_zone" => {
                if let Some(rtt) = super::fields::amount(below, Of::Time, found) {
                    network.cross_zone = rtt;
                }
                continue;
            }
            _ => {}
        }
        let at = Node { value: Value::Null, place: key.place };
        let from = spot(&at, &key.name, network, found);
        if !matches!(below.value, Value::Map(_)) {
            found.add(
                Code::WrongShape,
                below.place,
                "a round-trip time is written between two places",
                "write `us-east: {eu-west: 75ms}`",
            );
            continue;
        }
        for (other, rtt) in below.entries() {
            let at = Node { value: Value::Null, place: other.place };
            let to = spot(&at, &other.name, network, found);
            if let (Some(from), Some(to), Some(rtt)) = (from, to, super::fields::amount(rtt, Of::Time, found))
            {
                network.round_trips.push((from, to, rtt));
            }
        }
    }
}

fn spot(node: &Node, name: &str, network: &NetworkSpec, found: &mut Diagnostics) -> Option<Spot> {
    if let Some(at) = network.regions.iter().position(|region| region == name) {
        return Some(Spot::Region(at));
    }
    let names = network.zones.iter().map(|(zone, _)| zone.as_str());
    resolve(node, name, names, Code::UnknownName, "zone or region", found).map(Spot::Zone)
}
