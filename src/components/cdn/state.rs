//! A CDN as it runs. A request comes to one place, which is its person's (or its own, where nobody is known) for
//! good. What no rule covers is passed on to the origin, past the shield. What misses is fetched by the first
//! who asks, whose own call goes to the origin; it goes on though its caller has left, and those who came
//! meanwhile get its answer. A shield's copy keeps its age at the place that gets it (RFC 9111, 4.2.3).
//!
//! Not modelled: the time between places and shield, cookies and `Vary`, ranges, the work of a place, the age
//! of the rows in an answer.

use rustc_hash::FxHashMap;

use super::edge::{Edge, Look};
use super::spec::CdnBuild;
use crate::base::random::StreamName;
use crate::base::{EntityId, ResourceId, SimDuration};
use crate::engine::{CallId, Context, Disturbance, Found, Node, Observation, Outcome, Probe, Reason};

/// Rows of one endpoint that objects can tell apart.
const ROW_BITS: u32 = 48;

/// What a request is about, and what depends on its answer.
#[derive(Clone, Copy, Debug)]
struct Fetch {
    place: usize,
    rule: usize,
    object: u64,
    /// Purges before it began.
    epoch: u32,
    /// Its answer is the place's.
    for_place: bool,
    /// Its answer is the shield's.
    for_shield: bool,
}

/// An answer with its size, and how long it stays fresh, where it is a copy.
#[derive(Clone, Copy, Debug)]
struct Answer {
    outcome: Outcome,
    bytes: u64,
    ttl: SimDuration,
}

/// A CDN as it runs.
#[derive(Debug)]
pub struct Cdn {
    build: CdnBuild,
    places: Vec<Edge<CallId>>,
    shield: Option<Edge<CallId>>,
    /// Calls that wait for the shield or the origin.
    fetching: FxHashMap<CallId, Fetch>,
    /// Purges so far.
    epoch: u32,
}

impl Cdn {
    /// A CDN that holds nothing.
    #[must_use]
    pub fn new(build: CdnBuild) -> Self {
        let spec = &build.spec;
        let key = build.key.named(StreamName::new("eviction"));
        let edge = |at: u16| Edge::new(spec.capacity, spec.eviction, key.with(u64::from(at)));
        Self {
            places: (0..spec.pops).map(edge).collect(),
            shield: spec.shield.then(|| edge(spec.pops)),
            fetching: FxHashMap::default(),
            epoch: 0,
            build,
        }
    }

    /// The place that a request comes to: the same for all requests of a person, and for all attempts of one.
    fn place_of<P: Probe>(&self, call: CallId, cx: &Context<'_, P>) -> usize {
        if self.places.len() < 2 {
            return 0;
        }
        let key = self.build.key.named(StreamName::new("place"));
        let key = match cx.request(call) {
            Some(request) if request.note != u32::MAX => {
                key.with(u64::from(request.client.0)).with(u64::from(request.note))
            }
            Some(request) => key.join(request.luck),
            None => key.join(cx.luck(call)),
        };
        key.draws().below(self.places.len() as u64) as usize
    }

    fn store(&self, place: usize) -> ResourceId {
        self.build.stores.get(place).copied().unwrap_or(ResourceId(u32::MAX))
    }

    fn entity(&self, rule: usize) -> Option<EntityId> {
        self.build.spec.rules[rule].entity
    }

    /// Looks for a copy at the place; `again`: after a purge, so that it was counted before.
    fn ask_place<P: Probe>(&mut self, call: CallId, again: bool, cx: &mut Context<'_, P>) {
        let place = self.place_of(call, cx);
        let store = self.store(place);
        let operation = cx.call(call).operation.index();
        let Some(rule) = self.build.rules.get(operation).copied().flatten() else {
            cx.observe(Observation::Looked { store, entity: None, found: Found::Bypass });
            return self.ask_origin(call, cx);
        };
        let rule = usize::from(rule);
        let entity = self.entity(rule);
        let row = entity.map_or(0, |entity| cx.row_of(call, entity));
        let object = (operation as u64) << ROW_BITS | row & ((1 << ROW_BITS) - 1);
        let fresh = self.build.spec.rules[rule].fresh;
        let look = self.places[place].look(object, &fresh, cx.now());
        let collapse = self.build.spec.collapse;
        let found = found(look, collapse);
        if !again {
            cx.observe(Observation::Looked { store, entity, found });
        }
        match look {
            Look::Serve { found, .. } => {
                let bytes = self.places[place].bytes(object);
                debug_assert!(matches!(found, Found::Hit | Found::Stale));
                self.deliver(call, place, Outcome::ok(200, cx.me()), bytes, cx);
            }
            Look::Refuse(outcome) => self.deliver(call, place, outcome, 0, cx),
            Look::Join if collapse => {
                self.places[place].wait(object, call);
            }
            Look::Join | Look::Fetch => {
                let for_place = look == Look::Fetch;
                let epoch = self.epoch;
                let fetch = Fetch { place, rule, object, epoch, for_place, for_shield: false };
                self.ask_shield(call, fetch, again, cx);
            }
        }
    }

    /// Looks for a copy at the shield, if there is one.
    fn ask_shield<P: Probe>(&mut self, call: CallId, mut fetch: Fetch, again: bool, cx: &mut Context<'_, P>) {
        let (entity, fresh) = (self.entity(fetch.rule), self.build.spec.rules[fetch.rule].fresh);
        let now = cx.now();
        if let Some(shield) = &mut self.shield {
            let look = shield.look(fetch.object, &fresh, now);
            let collapse = self.build.spec.collapse;
            if !again {
                let found = found(look, collapse);
                cx.observe(Observation::Looked { store: self.build.shield, entity, found });
            }
            match look {
                Look::Serve { .. } => {
                    let (bytes, ttl) = (shield.bytes(fetch.object), shield.rest(fetch.object, &fresh, now));
                    cx.observe(Observation::Delivered { store: self.build.shield, bytes });
                    let answer = Answer { outcome: Outcome::ok(200, cx.me()), bytes, ttl };
                    return self.arrived(call, fetch, answer, cx);
                }
                Look::Refuse(outcome) => {
                    let answer = Answer { outcome, bytes: 0, ttl: fresh.ttl };
                    return self.arrived(call, fetch, answer, cx);
                }
                Look::Join if collapse => {
                    shield.wait(fetch.object, call);
                    self.fetching.insert(call, fetch);
                    return;
                }
                Look::Join => {}
                Look::Fetch => fetch.for_shield = true,
            }
        }
        self.fetching.insert(call, fetch);
        self.ask_origin(call, cx);
    }

    fn ask_origin<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        match self.build.site {
            Some(site) => cx.call_on(call, site),
            None => cx.reply(call, Outcome::error(502, cx.me(), Reason::NoBackend), 0),
        }
    }

    /// The place has an answer from behind it: it is kept, and given to all who wait there.
    fn arrived<P: Probe>(&mut self, call: CallId, fetch: Fetch, answer: Answer, cx: &mut Context<'_, P>) {
        let Fetch { place, rule, object, .. } = fetch;
        let Answer { mut outcome, mut bytes, ttl } = answer;
        let origin = self.shield.is_none();
        cx.observe(Observation::Fetched { store: self.store(place), bytes, origin });
        let mut waiting = Vec::new();
        if fetch.for_place && fetch.epoch == self.epoch {
            let fresh = self.build.spec.rules[rule].fresh;
            let edge = &mut self.places[place];
            let evicted = edge.store().counts().evictions;
            if let Some(settled) = edge.settle(object, outcome, bytes, (&fresh, ttl), cx.now()) {
                waiting = settled.waiting;
                if settled.stale {
                    (outcome, bytes) = (Outcome::ok(200, cx.me()), edge.bytes(object));
                }
            }
            let count = (edge.store().counts().evictions - evicted) as u32;
            if count > 0 {
                cx.observe(Observation::Evicted { store: self.store(place), count });
            }
        }
        self.deliver(call, place, outcome, bytes, cx);
        for other in waiting {
            self.deliver(other, place, outcome, bytes, cx);
        }
    }

    fn deliver<P: Probe>(
        &mut self,
        call: CallId,
        place: usize,
        outcome: Outcome,
        bytes: u64,
        cx: &mut Context<'_, P>,
    ) {
        if !cx.is_alive(call) {
            return;
        }
        cx.observe(Observation::Delivered { store: self.store(place), bytes });
        cx.reply(call, outcome, bytes);
    }

    /// Forgets all copies; hands back who waits for a fetch of somebody else.
    fn purge(&mut self) -> Vec<CallId> {
        self.epoch = self.epoch.wrapping_add(1);
        let mut waiting = Vec::new();
        for edge in self.places.iter_mut().chain(&mut self.shield) {
            waiting.extend(edge.purge().into_iter().map(|(_, call)| call));
        }
        for call in &waiting {
            self.fetching.remove(call);
        }
        waiting
    }
}

/// What a look comes to.
fn found(look: Look, collapse: bool) -> Found {
    match look {
        Look::Serve { found, .. } => found,
        Look::Refuse(_) => Found::Error,
        Look::Join if collapse => Found::Joined,
        Look::Join | Look::Fetch => Found::Miss,
    }
}

impl Node for Cdn {
    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.ask_place(call, false, cx);
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let bytes = if outcome.is_ok() { cx.call(call).bytes } else { 0 };
        // What the origin did not say, the CDN says in its own words.
        let outcome = match outcome.reason {
            Reason::Unreachable => Outcome::error(502, cx.me(), Reason::Unreachable),
            Reason::Timeout if outcome.status == 0 => Outcome::error(504, cx.me(), Reason::Timeout),
            _ => outcome,
        };
        let Some(fetch) = self.fetching.remove(&call) else {
            let place = self.place_of(call, cx);
            cx.observe(Observation::Fetched { store: self.store(place), bytes, origin: true });
            return self.deliver(call, place, outcome, bytes, cx);
        };
        let fresh = self.build.spec.rules[fetch.rule].fresh;
        let mut answer = Answer { outcome, bytes, ttl: fresh.ttl };
        let mut waiting = Vec::new();
        if let Some(shield) = &mut self.shield {
            cx.observe(Observation::Fetched { store: self.build.shield, bytes, origin: true });
            if fetch.for_shield && fetch.epoch == self.epoch {
                let now = cx.now();
                let settled = shield.settle(fetch.object, outcome, bytes, (&fresh, fresh.ttl), now);
                if let Some(settled) = settled {
                    waiting = settled.waiting;
                    if settled.stale {
                        let (bytes, ttl) = (shield.bytes(fetch.object), SimDuration::ZERO);
                        answer = Answer { outcome: Outcome::ok(200, cx.me()), bytes, ttl };
                    }
                }
            }
            for _ in 0..=waiting.len() {
                cx.observe(Observation::Delivered { store: self.build.shield, bytes: answer.bytes });
            }
        }
        self.arrived(call, fetch, answer, cx);
        for other in waiting {
            if let Some(fetch) = self.fetching.remove(&other) {
                self.arrived(other, fetch, answer, cx);
            }
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => {
                self.purge();
                self.fetching.clear();
                for call in cx.calls_at(instance) {
                    cx.forget_step(call);
                    cx.stop_waiting(call);
                    cx.lose(call);
                }
            }
            // Whoever waited asks again, so that nothing from before the purge is kept or handed out.
            Disturbance::Flushed => {
                for call in self.purge() {
                    if cx.is_alive(call) {
                        self.ask_place(call, true, cx);
                    }
                }
            }
            Disturbance::Speed(_)
            | Disturbance::Restored
            | Disturbance::Draining
            | Disturbance::Reset
            | Disturbance::Neighbour(..) => {}
        }
    }
}
