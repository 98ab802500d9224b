//! The network between components: propagation by zone, bandwidth shared by the transfers on a
//! link, loss as the delay of a retransmission, and the round trips that set a connection up.
//!
//! A message takes (its share of the link's bandwidth) + latency; each way of a link has its own
//! bandwidth. A lost segment adds one retransmission timeout: 200 ms (Linux's least), or 1 s where the
//! connection was just being opened (RFC 6298), doubled for each further loss of the same segment. On a
//! fresh connection a message larger than the initial window of 10 segments (RFC 6928) waits one round
//! trip for each doubling of the window (slow start). Not modelled: packets, reordering, congestion
//! windows of warm connections.

use super::call::{CallId, Flags};
use super::context::Core;
use super::event::{Event, Signal};
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
    /// One-way propagation between two instances for a message with this luck.
    pub(super) fn propagation(&self, from: u16, to: u16, luck: Key) -> SimDuration {
        let zone = |zones: &[crate::base::ZoneId], instance: u16| {
            zones.get(instance as usize % zones.len().max(1)).copied()
        };
        let (from, to) = (zone(&self.from, from), zone(&self.to, to));
        let drawn = |demand: &Demand| match demand {
            Demand::Drawn { distribution, key } => {
                SimDuration::from_secs_f64(distribution.sample(&mut key.join(luck).draws()))
            }
            Demand::Replayed(_) => SimDuration::ZERO,
        };
        let half = |demand: &Demand| SimDuration::from_nanos(drawn(demand).as_nanos() / 2);
        let core = match &self.one_way {
            Some(latency) => drawn(latency),
            None => {
                let known = self.round_trips.iter().find(|(a, b, _)| Some(*a) == from && Some(*b) == to);
                known.map_or(SimDuration::ZERO, |(.., round_trip)| half(round_trip))
            }
        };
        core + self.last_mile.as_ref().map_or(SimDuration::ZERO, half)
    }

    /// The delay by lost segments of a message with this luck: each transmission is lost with the same
    /// probability, and the timer doubles (RFC 6298, 5.5).
    pub(super) fn retransmissions(&self, luck: Key, first: SimDuration) -> SimDuration {
        if self.loss > 0.0 {
            retransmissions(self.loss, self.key.join(luck), first)
        } else {
            SimDuration::ZERO
        }
    }
}

fn retransmissions(loss: f64, luck: Key, first: SimDuration) -> SimDuration {
    let (mut span, mut timeout, mut draws) = (SimDuration::ZERO, first, luck.draws());
    for _ in 0..MOST_RETRANSMISSIONS {
        if !draws.chance(loss) {
            break;
        }
        span += timeout;
        timeout += timeout;
    }
    span
}

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl<P: Probe> Core<P> {
    /// Sends a call on its way from `instance` of its caller.
    #[inline]
    pub(super) fn depart(
        &mut self,
        id: CallId,
        path: Option<u32>,
        (caller, instance): (ComponentId, u16),
        connecting: bool,
    ) {
        self.meter_message(id, self.calls[id].bytes);
        if self.conditions.any {
            let call = &self.calls[id];
            let (from, to) = ((caller, instance), (call.component, call.instance));
            let Some(delay) = self.hindrance(from, to, call.luck) else {
                return self.lose_on_the_way(id);
            };
            if path.is_none() && !delay.is_zero() {
                let (now, target) = (self.now(), self.calls[id].component);
                return self.send(now + delay, target, Signal::Arrive(id));
            }
            self.calls[id].set_up = delay;
        }
        let Some(path) = path else {
            let event = Event { target: self.calls[id].component, signal: Signal::Arrive(id) };
            return self.executive.immediate(event);
        };
        let call = &mut self.calls[id];
        call.path = path;
        call.came_from = instance;
        let route = &self.plan.paths[path as usize];
        if connecting && route.set_up_round_trips > 0 {
            let luck = call.luck.named(SET_UP);
            let one_way = route.propagation(instance, call.instance, luck);
            call.set_up += one_way.times(2 * u64::from(route.set_up_round_trips))
                + route.retransmissions(luck, FIRST_RETRANSMISSION);
        }
        self.travel(id, Way::There);
    }

    /// Sends a call's answer back, over a path that takes time.
    pub(super) fn travel_back(&mut self, id: CallId) {
        if self.conditions.any {
            let call = &self.calls[id];
            let Some(caller) = self.calls.get(call.parent) else { return };
            let (from, to) = ((call.component, call.instance), (caller.component, caller.instance));
            let Some(delay) = self.hindrance(from, to, call.luck.named(BACK)) else {
                return self.lose_on_the_way(id);
            };
            if self.calls[id].path == u32::MAX && !delay.is_zero() {
                let (now, target) = (self.now(), self.calls[id].component);
                return self.send(now + delay, target, Signal::Replied(id));
            }
            self.calls[id].set_up = delay;
        }
        if self.calls[id].path == u32::MAX {
            let event = Event { target: self.calls[id].component, signal: Signal::Replied(id) };
            return self.executive.immediate(event);
        }
        self.travel(id, Way::Back);
    }

    fn travel(&mut self, id: CallId, way: Way) {
        let now = self.now();
        let (path, bytes) = (self.calls[id].path, self.calls[id].bytes);
        let links = self.plan.paths[path as usize].links;
        let link = links.map(|[there, back]| if way == Way::There { there } else { back });
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
        let (signal, luck) = match way {
            Way::There => (Signal::Arrive(id), call.luck),
            Way::Back => (Signal::Replied(id), call.luck.named(BACK)),
        };
        let one_way = route.propagation(call.came_from, call.instance, luck);
        let mut span = call.set_up + one_way + route.retransmissions(luck, RETRANSMISSION);
        if route.set_up_round_trips > 0 && call.flags.has(Flags::NEW_CONNECTION) {
            span += one_way.times(2 * slow_start_round_trips(call.bytes));
        }
        self.calls[id].set_up = SimDuration::ZERO;
        self.send(now + span, target, signal);
    }

    /// What faults add to a message's way; none if it never arrives.
    fn hindrance(&self, from: (ComponentId, u16), to: (ComponentId, u16), luck: Key) -> Option<SimDuration> {
        let mut delay = SimDuration::ZERO;
        for (component, instance) in [from, to] {
            for (share, key) in self.conditions.losses(component, instance) {
                delay += retransmissions(*share, key.join(luck), RETRANSMISSION);
            }
            for added in self.conditions.latencies(component, instance) {
                if let Demand::Drawn { distribution, key } = added {
                    delay += SimDuration::from_secs_f64(distribution.sample(&mut key.join(luck).draws()));
                }
            }
        }
        match self.conditions.cut_until(from, to) {
            Some(SimTime::MAX) => None,
            Some(until) => Some(delay + until.since(self.now()) + RETRANSMISSION),
            None => Some(delay),
        }
    }

    /// What a message between two members of a component takes that no call carries; none while a cut holds
    /// it back, then until when ([`SimTime::MAX`]: for ever).
    pub(super) fn between_members(
        &self,
        component: ComponentId,
        (from, to): (u16, u16),
        path: Option<u32>,
        luck: Key,
    ) -> Result<SimDuration, SimTime> {
        let mut span = SimDuration::ZERO;
        if self.conditions.any {
            let (a, b) = ((component, from), (component, to));
            if let Some(until) = self.conditions.cut_until(a, b) {
                return Err(until);
            }
            span += self.hindrance(a, b, luck).unwrap_or_default();
        }
        let Some(path) = path.and_then(|path| self.plan.paths.get(path as usize)) else { return Ok(span) };
        Ok(span + path.propagation(from, to, luck) + path.retransmissions(luck, RETRANSMISSION))
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

/// Round trips that a message of so many bytes waits for its window to open on a fresh connection:
/// the window doubles each round trip, so n of them carry (2^n - 1) initial windows.
fn slow_start_round_trips(bytes: u64) -> u64 {
    let windows = bytes.saturating_sub(1) / INITIAL_WINDOW + 1;
    u64::from(windows.ilog2())
}

/// Bytes of the initial congestion window: 10 segments of 1460 bytes (RFC 6928).
const INITIAL_WINDOW: u64 = 14_600;

/// Transmissions of one segment that may be lost before it is taken to arrive.
const MOST_RETRANSMISSIONS: u32 = 6;

/// The shortest retransmission timeout in practice (Linux `TCP_RTO_MIN`).
const RETRANSMISSION: SimDuration = SimDuration::from_millis(200);

/// The timeout before any round trip has been measured (RFC 6298, 2.1).
const FIRST_RETRANSMISSION: SimDuration = SimDuration::from_secs(1);

/// Tells the answer's latency from the question's.
const BACK: StreamName = StreamName::new("back");

/// Tells the set-up's latency from the message's.
const SET_UP: StreamName = StreamName::new("set-up");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_each_round_trip() {
        let windows = [1, INITIAL_WINDOW, INITIAL_WINDOW + 1, 3 * INITIAL_WINDOW, 7 * INITIAL_WINDOW + 1];
        assert_eq!(windows.map(slow_start_round_trips), [0, 0, 1, 1, 3]);
        assert_eq!(slow_start_round_trips(0), 0);
    }
}
