//! A CDN as it runs. A request comes to one place, which is its person's (or its own, where nobody is known) for
//! good. What no rule covers is passed on to the origin, past the shield. What misses is fetched by the first
//! who asks, whose own call goes to the origin; it goes on though its caller has left, and those who came
//! meanwhile get its answer. A shield's copy keeps its age at the place that gets it (RFC 9111, 4.2.3). A copy
//! that is served while it is revalidated is fetched by a request of the CDN's own. With `zones` a place stands
//! in one of them: requests come to the nearest, and fetches go from there. A purge reaches each place after a
//! delay of its own, so that a place can be filled again with what the shield still has.
//!
//! Not modelled: the time between places and shield, cookies and `Vary`, ranges, the work of a place.

use rustc_hash::FxHashMap;

use super::edge::{Body, Edge, Look};
use super::spec::CdnBuild;
use crate::base::random::StreamName;
use crate::base::{EntityId, ResourceId, SimDuration};
use crate::engine::{
    CallId, Context, Disturbance, Found, Node, Observation, Outcome, Probe, Reason, Request, Timer,
    Withdrawal,
};

/// Rows of one endpoint that objects can tell apart.
const ROW_BITS: u32 = 48;

/// What a request is about, and what depends on its answer.
#[derive(Clone, Copy, Debug)]
struct Fetch {
    place: usize,
    rule: usize,
    object: u64,
    /// Purges of the place and of the shield before it began.
    epochs: [u32; 2],
    /// Its answer is the place's.
    for_place: bool,
    /// Its answer is the shield's.
    for_shield: bool,
    /// Its answer is the shield's alone: a copy there is revalidated.
    only_shield: bool,
}

/// An answer with its size, and how long it stays fresh, where it is a copy.
#[derive(Clone, Copy, Debug)]
struct Answer {
    outcome: Outcome,
    body: Body,
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
    /// Purges so far, by place; the last is the shield's.
    epochs: Vec<u32>,
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
            epochs: vec![0; usize::from(spec.pops) + 1],
            build,
        }
    }

    /// The place that a request comes to: the same for all requests of a person, and for all attempts of one.
    fn place_of<P: Probe>(&self, call: CallId, cx: &Context<'_, P>) -> usize {
        if self.places.len() < 2 {
            return 0;
        }
        if self.build.spec.located {
            return usize::from(cx.call(call).instance).min(self.places.len() - 1);
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
            Look::Serve { found, fetch } => {
                let body = self.places[place].body(object);
                debug_assert!(matches!(found, Found::Hit | Found::Stale));
                if fetch {
                    let fetch = Fetch {
                        place,
                        rule,
                        object,
                        epochs: self.epochs_of(place),
                        for_place: true,
                        for_shield: false,
                        only_shield: false,
                    };
                    let own = Self::revalidate(call, entity.map(|entity| (entity, row)), cx);
                    self.ask_shield(own, fetch, true, cx);
                }
                Self::show_copy(call, entity, body, cx);
                self.deliver(call, place, Outcome::ok(200, cx.me()), body, cx);
            }
            Look::Refuse(outcome) => self.deliver(call, place, outcome, Body::default(), cx),
            Look::Join if collapse => {
                self.places[place].wait(object, call);
            }
            Look::Join | Look::Fetch => {
                let for_place = look == Look::Fetch;
                let epochs = self.epochs_of(place);
                let fetch =
                    Fetch { place, rule, object, epochs, for_place, for_shield: false, only_shield: false };
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
                Look::Serve { fetch: again, .. } => {
                    let (body, ttl) = (shield.body(fetch.object), shield.rest(fetch.object, &fresh, now));
                    cx.observe(Observation::Delivered { store: self.build.shield, bytes: body.bytes });
                    if again {
                        let row = fetch.object & ((1 << ROW_BITS) - 1);
                        let own = Self::revalidate(call, entity.map(|entity| (entity, row)), cx);
                        let fetch = Fetch { for_place: false, for_shield: true, only_shield: true, ..fetch };
                        self.fetching.insert(own, fetch);
                        self.ask_origin(own, cx);
                    }
                    Self::show_copy(call, entity, body, cx);
                    let answer = Answer { outcome: Outcome::ok(200, cx.me()), body, ttl };
                    return self.arrived(call, fetch, answer, cx);
                }
                Look::Refuse(outcome) => {
                    let answer = Answer { outcome, body: Body::default(), ttl: fresh.ttl };
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
        let operation = cx.call(call).operation.index();
        if let Some(site) = self.build.sites.get(operation).copied().flatten() {
            cx.call_on(call, site);
        } else {
            debug_assert!(false, "a CDN without an origin runs");
        }
    }

    fn epochs_of(&self, place: usize) -> [u32; 2] {
        [self.epochs[place], self.epochs[self.places.len()]]
    }

    /// A request of the CDN's own, for what a copy is of.
    fn revalidate<P: Probe>(call: CallId, row: Option<(EntityId, u64)>, cx: &mut Context<'_, P>) -> CallId {
        let record = cx.call(call);
        let (operation, instance, luck) = (record.operation, record.instance, record.luck);
        let luck = luck.named(StreamName::new("revalidate"));
        let request = Request {
            note: u32::MAX,
            rows: row.into_iter().collect(),
            ..Request::new(cx.me(), operation, luck, cx.now())
        };
        let root = cx.open_internal(request);
        cx.call_mut(root).instance = instance;
        root
    }

    /// A copy is what a request reads: how old its row is by now.
    fn show_copy<P: Probe>(call: CallId, entity: Option<EntityId>, body: Body, cx: &mut Context<'_, P>) {
        let Some(entity) = entity else { return };
        if cx.ledger().is_on() && cx.is_alive(call) && !is_own(call, cx) {
            let row = cx.row_of(call, entity);
            cx.see(call, entity, body.version);
            cx.read_version(call, (entity, row), body.version);
        }
    }

    /// How long the answer to a call stays fresh.
    fn ttl<P: Probe>(&self, call: CallId, rule: usize, cx: &Context<'_, P>) -> SimDuration {
        match self.build.ttls.get(rule) {
            Some(ttl) => cx.draw_time(ttl, call),
            None => SimDuration::ZERO,
        }
    }

    /// The place has an answer from behind it: it is kept, and given to all who wait there.
    fn arrived<P: Probe>(&mut self, call: CallId, fetch: Fetch, answer: Answer, cx: &mut Context<'_, P>) {
        let Fetch { place, rule, object, .. } = fetch;
        let Answer { mut outcome, mut body, ttl } = answer;
        let origin = self.shield.is_none();
        cx.observe(Observation::Fetched { store: self.store(place), bytes: body.bytes, origin });
        let mut waiting = Vec::new();
        if fetch.for_place && fetch.epochs[0] == self.epochs[place] {
            let fresh = self.build.spec.rules[rule].fresh;
            let edge = &mut self.places[place];
            let evicted = edge.store().counts().evictions;
            if let Some(settled) = edge.settle(object, outcome, body, (&fresh, ttl), cx.now()) {
                waiting = settled.waiting;
                if settled.stale {
                    (outcome, body) = (Outcome::ok(200, cx.me()), edge.body(object));
                }
            }
            let count = (edge.store().counts().evictions - evicted) as u32;
            if count > 0 {
                cx.observe(Observation::Evicted { store: self.store(place), count });
            }
        }
        let entity = self.entity(rule).filter(|_| outcome.is_ok());
        self.deliver(call, place, outcome, body, cx);
        for other in waiting {
            Self::show_copy(other, entity, body, cx);
            self.deliver(other, place, outcome, body, cx);
        }
    }

    fn deliver<P: Probe>(
        &mut self,
        call: CallId,
        place: usize,
        outcome: Outcome,
        body: Body,
        cx: &mut Context<'_, P>,
    ) {
        if !cx.is_alive(call) {
            return;
        }
        if is_own(call, cx) {
            return cx.close_internal(call);
        }
        cx.observe(Observation::Delivered { store: self.store(place), bytes: body.bytes });
        cx.reply(call, outcome, body.bytes);
    }

    /// Forgets the copies of a place, or of the shield behind the last one; whoever waited there for a fetch of
    /// somebody else asks again, so that nothing from before the purge is handed out.
    fn purge_one<P: Probe>(&mut self, at: usize, cx: &mut Context<'_, P>) {
        self.epochs[at] = self.epochs[at].wrapping_add(1);
        let edge = if at < self.places.len() { Some(&mut self.places[at]) } else { self.shield.as_mut() };
        let waiting = edge.map(Edge::purge).unwrap_or_default();
        for (_, call) in waiting {
            match self.fetching.remove(&call) {
                // It waited at the shield.
                Some(fetch) if cx.is_alive(call) => {
                    let epochs = [fetch.epochs[0], self.epochs[self.places.len()]];
                    self.ask_shield(call, Fetch { epochs, ..fetch }, true, cx);
                }
                None if cx.is_alive(call) => self.ask_place(call, true, cx),
                _ => {}
            }
        }
    }

    /// A purge sets out to places `all`, and to the shield if they are all there are.
    fn purge<P: Probe>(&mut self, all: std::ops::Range<usize>, cx: &mut Context<'_, P>) {
        let shield = (all.start == 0).then_some(self.places.len());
        for at in shield.into_iter().chain(all) {
            match &self.build.purge_delay {
                None => self.purge_one(at, cx),
                Some(delay) => {
                    let luck = self.build.key.named(StreamName::new("purge")).with(at as u64);
                    let span = cx.draw_for(delay, luck.with(cx.now().as_nanos()));
                    let at_time = cx.now() + SimDuration::from_secs_f64(span);
                    cx.timer(at_time, Timer { topic: 0, number: at as u32 });
                }
            }
        }
    }

    /// A place is gone with whoever it has in hand: fetches of theirs that others wait for at the shield are
    /// begun anew by those.
    fn lose<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        let here = cx.calls_at(instance);
        let all = if self.build.spec.located {
            usize::from(instance)..usize::from(instance) + 1
        } else {
            0..self.places.len()
        };
        let mut stranded: Vec<u64> = Vec::new();
        for call in &here {
            if let Some(fetch) = self.fetching.remove(call)
                && let Some(shield) = &mut self.shield
            {
                shield.leave(fetch.object, call);
                if fetch.for_shield && fetch.epochs[1] == self.epochs[self.places.len()] {
                    stranded.push(fetch.object);
                }
            }
        }
        for at in all {
            self.epochs[at] = self.epochs[at].wrapping_add(1);
            self.places[at].purge();
        }
        if !self.build.spec.located
            && let Some(shield) = &mut self.shield
        {
            self.epochs[self.places.len()] = self.epochs[self.places.len()].wrapping_add(1);
            shield.purge();
            stranded.clear();
        }
        for call in here {
            cx.forget_step(call);
            cx.stop_waiting(call);
            if is_own(call, cx) {
                cx.close_internal(call);
            } else {
                cx.lose(call);
            }
        }
        for object in stranded {
            let waiting = self.shield.as_mut().map(|shield| shield.cut(object)).unwrap_or_default();
            for call in waiting {
                if let Some(fetch) = self.fetching.remove(&call)
                    && cx.is_alive(call)
                {
                    self.ask_shield(call, fetch, true, cx);
                }
            }
        }
    }
}

/// Whether a call is the root of a request of the CDN's own.
fn is_own<P: Probe>(call: CallId, cx: &Context<'_, P>) -> bool {
    cx.request(call).is_some_and(|request| request.root == call)
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
        let record = cx.call(call);
        let mut body = Body { bytes: if outcome.is_ok() { record.bytes } else { 0 }, version: 0 };
        let seen = record.seen;
        // What the origin did not say, the CDN says in its own words.
        let outcome = match outcome.reason {
            Reason::Unreachable => Outcome::error(502, cx.me(), Reason::Unreachable),
            Reason::Timeout if outcome.status == 0 => Outcome::error(504, cx.me(), Reason::Timeout),
            _ => outcome,
        };
        let Some(fetch) = self.fetching.remove(&call) else {
            let place = self.place_of(call, cx);
            cx.observe(Observation::Fetched { store: self.store(place), bytes: body.bytes, origin: true });
            return self.deliver(call, place, outcome, body, cx);
        };
        if self.entity(fetch.rule) == Some(seen.entity) {
            body.version = seen.version;
        }
        let fresh = self.build.spec.rules[fetch.rule].fresh;
        let ttl = self.ttl(call, fetch.rule, cx);
        let mut answer = Answer { outcome, body, ttl };
        let mut waiting = Vec::new();
        if let Some(shield) = &mut self.shield {
            cx.observe(Observation::Fetched { store: self.build.shield, bytes: body.bytes, origin: true });
            if fetch.for_shield && fetch.epochs[1] == self.epochs[self.places.len()] {
                let now = cx.now();
                let settled = shield.settle(fetch.object, outcome, body, (&fresh, ttl), now);
                if let Some(settled) = settled {
                    waiting = settled.waiting;
                    if settled.stale {
                        let (body, ttl) = (shield.body(fetch.object), SimDuration::ZERO);
                        answer = Answer { outcome: Outcome::ok(200, cx.me()), body, ttl };
                    }
                }
            }
            for _ in 0..waiting.len() + usize::from(!fetch.only_shield) {
                cx.observe(Observation::Delivered { store: self.build.shield, bytes: answer.body.bytes });
            }
        }
        if fetch.only_shield {
            cx.close_internal(call);
        } else {
            self.arrived(call, fetch, answer, cx);
        }
        for other in waiting {
            if let Some(fetch) = self.fetching.remove(&other) {
                let entity = self.entity(fetch.rule).filter(|_| answer.outcome.is_ok());
                Self::show_copy(other, entity, answer.body, cx);
                self.arrived(other, fetch, answer, cx);
            }
        }
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        self.purge_one(timer.number as usize, cx);
    }

    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        // A fetch goes on for the store; what is only passed on is given up with its caller.
        let passes = !self.fetching.contains_key(&call) && cx.is_alive(cx.call(call).child);
        if passes && how != Withdrawal::Expired {
            cx.pass_cancellation_on(call, how);
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => self.lose(instance, cx),
            Disturbance::Flushed if self.build.spec.located => {
                self.purge(usize::from(instance)..usize::from(instance) + 1, cx);
            }
            Disturbance::Flushed => self.purge(0..self.places.len(), cx),
            Disturbance::Speed(_) | Disturbance::Restored | Disturbance::Draining | Disturbance::Reset => {}
            Disturbance::Joined | Disturbance::Parted | Disturbance::Consumer(_) => {}
        }
    }
}
