//! The network between components: propagation by zone, bandwidth shared by the transfers on a
//! link, loss as the delay of a retransmission, and the round trips that set a connection up.
//!
//! A message takes (its share of the link's bandwidth) + latency; a lost segment adds one
//! retransmission timeout (RFC 6298: at least 200 ms in practice, 1 s for the very first segment).
//! Not modelled: packets, congestion windows, reordering.

use super::call::{CallId, Flags};
use super::context::Core;
use super::event::Signal;
use super::plan::{Demand, Path, Plan};
use super::probe::{Observation, Probe};
use crate::base::random::{Key, StreamName};
use crate::base::{ComponentId, ResourceId, SimDuration, SimTime};
use crate::queueing::ProcessorSharing;

/// Transfers in progress on links of limited bandwidth.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) links: Vec<Link>,
}

/// One link: its transfers share its bandwidth equally.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) resource: ResourceId,
    pub(super) bandwidth: f64,
    pub(super) sharing: ProcessorSharing<CallId>,
    pub(super) expected: SimTime,
    pub(super) epoch: u32,
}

impl Network {
    pub(super) fn new(plan: &Plan) -> Self {
        let link = |l: &super::plan::LinkPlan| Link {
            resource: l.resource,
            bandwidth: l.bandwidth,
            sharing: ProcessorSharing::new(1.0),
            expected: SimTime::MAX,
            epoch: 0,
        };
        Self { links: plan.links.iter().map(link).collect() }
    }
}

impl Path {
    /// One-way latency between two instances for a message with this luck, retransmission included.
    pub(super) fn latency(&self, from: u16, to: u16, luck: Key) -> SimDuration {
        let zone = |zones: &[crate::base::ZoneId], instance: u16| {
            zones.get(instance as usize % zones.len().max(1)).copied()
        };
        let (from, to) = (zone(&self.from, from), zone(&self.to, to));
        let mut draws = self.key.join(luck).draws();
        let known = self.latency.iter().find(|(a, b, _)| Some(*a) == from && Some(*b) == to);
        let mut span = match known {
            Some((_, _, Demand::Drawn { distribution, key })) => {
                SimDuration::from_secs_f64(distribution.sample(&mut key.join(luck).draws()))
            }
            _ => SimDuration::ZERO,
        };
        if self.loss > 0.0 {
            let mut timeout = self.retransmit;
            // Each transmission is lost with the same probability; the timer doubles (RFC 6298, 5.5).
            for _ in 0..6 {
                if !draws.chance(self.loss) {
                    break;
                }
                span += timeout;
                timeout += timeout;
            }
        }
        span
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl<P: Probe> Core<P> {
    /// Sends a call on its way from `instance` of its caller, over a path that takes time.
    pub(super) fn depart(&mut self, id: CallId, path: u32, instance: u16, connecting: bool) {
        let call = &mut self.calls[id];
        call.path = path;
        call.came_from = instance;
        let route = &self.plan.paths[path as usize];
        if connecting && route.set_up_round_trips > 0 {
            // Each round trip of the set-up sees the same latency as the message that follows it.
            let one_way = route.latency(instance, call.instance, call.luck);
            call.set_up =
                SimDuration::from_nanos(one_way.as_nanos() * 2 * u64::from(route.set_up_round_trips));
        }
        self.travel(id, Way::There);
    }

    /// Sends a call's answer back, over a path that takes time.
    pub(super) fn travel_back(&mut self, id: CallId) {
        self.travel(id, Way::Back);
    }

    fn travel(&mut self, id: CallId, way: Way) {
        let now = self.now();
        let (path, bytes) = (self.calls[id].path, self.calls[id].bytes);
        let link = self.plan.paths[path as usize].link;
        match link {
            Some(link) if bytes > 0 => {
                let record = &mut self.network.links[link as usize];
                let demand = SimDuration::from_secs_f64(bytes as f64 / record.bandwidth);
                record.sharing.add(now, demand, id);
                let (resource, present) = (record.resource, record.sharing.len() as u32);
                let call = &mut self.calls[id];
                call.asked = now;
                call.demand = demand;
                self.observe(Observation::Demanded { resource, demand });
                self.observe(Observation::Level { resource, present });
                self.expect_link(link);
            }
            _ => self.propagate(id, way),
        }
    }

    /// The last byte is on the wire: it arrives one latency later.
    fn propagate(&mut self, id: CallId, way: Way) {
        let now = self.now();
        let call = &self.calls[id];
        let route = &self.plan.paths[call.path as usize];
        let target = call.component;
        let (signal, span) = match way {
            Way::There => {
                let latency = route.latency(call.came_from, call.instance, call.luck);
                (Signal::Arrive(id), call.set_up + latency)
            }
            Way::Back => {
                let luck = call.luck.named(BACK);
                (Signal::Replied(id), route.latency(call.instance, call.came_from, luck))
            }
        };
        self.send(now + span, target, signal);
    }

    fn expect_link(&mut self, index: u32) {
        let now = self.now();
        let link = &mut self.network.links[index as usize];
        if let Some(at) = link.sharing.next_completion(now)
            && at < link.expected
        {
            link.expected = at;
            link.epoch = link.epoch.wrapping_add(1);
            let signal = Signal::Wake { station: index, epoch: link.epoch };
            self.send(at, ComponentId::NONE, signal);
        }
    }

    /// The head of a link's transfers may be done.
    pub(super) fn wake_link(&mut self, index: u32, epoch: u32) {
        let now = self.now();
        if self.network.links[index as usize].epoch != epoch {
            return;
        }
        while let Some(id) = self.network.links[index as usize].sharing.complete(now) {
            let link = &self.network.links[index as usize];
            let (resource, present) = (link.resource, link.sharing.len() as u32);
            let call = &self.calls[id];
            let stay = now.since(call.asked);
            let wait = stay - call.demand;
            let way = if call.flags.has(Flags::ANSWERED) { Way::Back } else { Way::There };
            self.observe(Observation::Departed { resource, stay });
            self.observe(Observation::Waited { resource, wait });
            self.observe(Observation::Level { resource, present });
            self.propagate(id, way);
        }
        self.network.links[index as usize].expected = SimTime::MAX;
        self.expect_link(index);
    }
}

/// Tells the answer's latency from the question's.
const BACK: StreamName = StreamName::new("back");
