//! A distributed cache as it runs: nodes with a memory each, whose commands are served one after the
//! other by one core.
//!
//! A call is one command about one row; its operation says what to do with a row of which entity. It takes
//! its turn on the node's core for `op_cost`, and what it does happens when that is over. A read answers
//! 200 with the item, 204 without, 202 if somebody else holds the lease to fetch it, or 203 with an item
//! past its time, or near it, to the one who is to fetch it anew, 206 with an item that is good only if
//! fetching fails, 205 with a remembered error, 207 with an item that it has fetched itself. A lease is that of
//! Nishtala et al. (NSDI 2013): who missed first may write the item, unless it was deleted meanwhile.
//!
//! Not modelled: pipelining (one call is one round trip), commands that take longer for larger values.

use rustc_hash::FxHashMap;

use super::durability::Durable;
use super::entries::Value;
use super::freshness::{Freshness, Kind, Note, judge};
use super::read_through::Fetches;
use super::spec::CacheBuild;
use super::store::{Lookup, Put, Store};
use super::write_back::Dirty;
use crate::base::random::StreamName;
use crate::base::{EntityId, ResourceId, SimDuration, SimTime};
use crate::engine::{
    CHANGES, CallId, Context, Disturbance, Flags, Found, Node, Observation, Outcome, Probe, Reason, Seized,
    Station, Terms, Timer, Verb, Written,
};
use crate::queueing::Discipline;

/// The answer to a read that missed.
pub const MISS: u16 = 204;
/// The answer to a read of what somebody else is fetching.
pub const HELD: u16 = 202;
/// The answer to a read of what is past its time, to whoever is to fetch it anew.
pub const STALE: u16 = 203;
/// The answer to a read of a remembered error; its bytes are the error's status.
pub const REMEMBERED: u16 = 205;
/// The answer to a read of what is past its time, which is good only if fetching it anew fails.
pub const SPENT: u16 = 206;
/// The answer to a read of what the cache has fetched itself.
pub const FETCHED: u16 = 207;
/// How long a lease is held at most (Nishtala et al. 2013: a token is given once every 10 s for a key), and
/// how long a row that was taken out by version keeps older versions away.
pub const LEASE: SimDuration = SimDuration::from_secs(10);
/// Rows of one entity that keys can tell apart.
const ROW_BITS: u32 = 48;

/// The key of a row.
pub(super) fn key_of(entity: EntityId, row: u64) -> u64 {
    u64::from(entity.0) << ROW_BITS | row & ((1 << ROW_BITS) - 1)
}

/// Who may fetch an item, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    holder: CallId,
    since: SimTime,
}

/// The row of a key.
pub(super) fn row_of(key: u64) -> (EntityId, u64) {
    (EntityId((key >> ROW_BITS) as u16), key & ((1 << ROW_BITS) - 1))
}

/// The timer of writing back; its number is the node.
pub(super) const WRITE_BACK: u32 = 1;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) store: Store,
    core: Option<Station>,
    pub(super) leases: FxHashMap<u64, Lease>,
    /// Relative to nominal; below 1 while a fault slows it.
    speed: f64,
    /// What the store behind does not have yet.
    pub(super) dirty: Dirty,
    /// What it fetches by itself.
    pub(super) fetches: Fetches,
    /// What of it survives.
    pub(super) durable: Durable,
    /// Evictions that have been reported.
    evicted: u64,
    pub(super) observed: ResourceId,
}

/// A cache as it runs.
#[derive(Debug)]
pub struct Cache {
    pub(super) build: CacheBuild,
    pub(super) members: Vec<Member>,
}

impl Cache {
    /// A cache that holds nothing.
    #[must_use]
    pub fn new(build: CacheBuild) -> Self {
        let spec = &build.spec;
        let members = (0..spec.nodes).map(|node| {
            let core = build.cpu.get(node as usize).filter(|_| build.op_cost.is_some());
            Member {
                store: Store::new(spec.capacity, spec.eviction, build.key.with(u64::from(node))),
                core: core.map(|core| Station::new(*core, spec.threads, u32::MAX, Discipline::Fifo)),
                leases: FxHashMap::default(),
                speed: 1.0,
                dirty: Dirty::default(),
                fetches: Fetches::default(),
                durable: Durable::default(),
                evicted: 0,
                observed: build.stores.get(node as usize).copied().unwrap_or(ResourceId(u32::MAX)),
            }
        });
        Self { members: members.collect(), build }
    }

    /// Stores what it holds at the start, the hottest row last. An item may be of any age.
    fn warm_up<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let luck = self.build.key.named(StreamName::new("warm"));
        for &(entity, rows) in &self.build.spec.warm {
            for rank in (0..rows).rev() {
                let (row, node) = cx.ranked(entity, rank);
                let key = key_of(entity, row);
                let luck = luck.with(key);
                let ttl = self.build.ttl.as_ref().map(|ttl| cx.draw_for(ttl, luck));
                let rest = ttl.map(|ttl| SimDuration::from_secs_f64(ttl * luck.draws().unit_open()));
                let expiry = rest.map_or(SimTime::MAX, |rest| SimTime::ZERO + rest);
                let Some(member) = self.members.get_mut(node as usize) else { continue };
                member.store.put(
                    key,
                    cx.size_of(entity, row, 0),
                    Value { version: 0, expiry },
                    SimTime::ZERO,
                );
            }
        }
        for member in &mut self.members {
            member.evicted = member.store.counts().evictions;
        }
    }

    fn begin<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let stall = self.members[cx.call(id).instance as usize].durable.stall(cx.now());
        let Some(cost) = &self.build.op_cost else {
            return if stall.is_zero() { self.perform(id, cx) } else { cx.serve(id, stall) };
        };
        let cost = cx.draw_time(cost, id);
        let member = &mut self.members[cx.call(id).instance as usize];
        let Some(core) = &mut member.core else { return self.perform(id, cx) };
        let span = cost.mul_f64(1.0 / member.speed.max(1e-9));
        core.demanded(cost, cx);
        let now = cx.now();
        let call = cx.call_mut(id);
        call.pool_asked = now;
        call.demand = span;
        if core.seize(id, 0, cx) == Seized::Granted {
            cx.serve(id, span + stall);
        }
    }

    fn leave_core<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call(id);
        let stay = cx.now().since(call.pool_asked);
        let Some(core) = &mut self.members[call.instance as usize].core else { return };
        if let Some(next) = core.release(stay, cx) {
            let stall = self.members[cx.call(next).instance as usize].durable.stall(cx.now());
            let span = cx.call(next).demand;
            cx.serve(next, span + stall);
        }
    }

    /// Does what the command says, and answers it.
    fn perform<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call(id);
        let (verb, entity) = Verb::of(call.operation);
        let at = (call.instance as usize, key_of(entity, call.row));
        let (version, ttl) = (call.seen.version, call.ttl);
        if verb.has_version() || verb == Verb::Delete {
            cx.wrote(entity, Written::Cache);
        }
        match verb {
            Verb::Get | Verb::GetOrLease => self.read(id, verb, entity, cx),
            Verb::Put | Verb::PutLeased | Verb::PutBack | Verb::PutNewer => self.put(id, verb, entity, cx),
            Verb::Retire | Verb::PutError => {
                let now = cx.now();
                let kind = if verb == Verb::Retire { Kind::Retired } else { Kind::Error };
                let expiry = now + if verb == Verb::Retire { LEASE } else { ttl };
                let note = Note { version, kind, cost: 0 };
                let member = &mut self.members[at.0];
                member.leases.remove(&at.1);
                let there = member.store.peek(at.1).map(|value| Note::of(value.version));
                // Messages may overtake each other; what is newer already stays.
                let newer = |n: Note| verb == Verb::Retire && n.kind != Kind::Error && n.version >= version;
                let keep = there.is_some_and(newer) && (version > 0 || there.is_some_and(|n| n.version > 0));
                if !keep {
                    self.keep(at.0, at.1, (0, Value { version: note.packed(), expiry }), cx);
                }
                let outcome = Outcome::ok(200, cx.me());
                cx.reply(id, outcome, 0);
            }
            Verb::Delete => {
                self.forget(at.0, at.1, cx.now());
                let outcome = Outcome::ok(200, cx.me());
                cx.reply(id, outcome, 0);
            }
        }
    }

    /// Takes an item out, and whatever lease there is on it.
    fn forget(&mut self, node: usize, key: u64, now: SimTime) {
        let member = &mut self.members[node];
        if let Some(old) = member.store.delete(key) {
            member.durable.note(now, key, Some(old));
        }
        member.leases.remove(&key);
    }

    /// Stores an item; what became of that.
    pub(super) fn keep<P: Probe>(
        &mut self,
        node: usize,
        key: u64,
        (bytes, value): (u64, Value),
        cx: &mut Context<'_, P>,
    ) -> Put {
        let now = cx.now();
        let member = &mut self.members[node];
        let before = if member.durable.notes() { Some(member.store.peek(key)) } else { None };
        let put = member.store.put(key, bytes, value, now);
        if let (Some(before), Put::Stored) = (before, put) {
            member.durable.note(now, key, before);
        }
        let evictions = member.store.counts().evictions;
        if evictions > member.evicted {
            let count = (evictions - member.evicted) as u32;
            cx.observe(Observation::Evicted { store: member.observed, count });
            member.evicted = evictions;
        }
        put
    }

    fn read<P: Probe>(&mut self, id: CallId, verb: Verb, entity: EntityId, cx: &mut Context<'_, P>) {
        let (now, terms) = (cx.now(), cx.terms(id));
        let call = cx.call(id);
        let (row, parent, luck) = (call.row, call.parent, call.luck);
        let key = key_of(entity, row);
        let mut outcome = Outcome::ok(200, cx.me());
        let member = &mut self.members[call.instance as usize];
        let mut found = member.store.get(key, now);
        // What gave way before it was written back is still at hand.
        if let (Lookup::Miss | Lookup::Expired, Some(version)) = (found, member.dirty.version(key)) {
            found = Lookup::Hit(Value { version: u64::from(version), expiry: SimTime::MAX });
        }
        let item = match found {
            Lookup::Hit(value) => Some((Note::of(value.version), value.expiry)),
            Lookup::Miss | Lookup::Expired => None,
        };
        let luck = || self.build.key.named(StreamName::new("early")).join(luck);
        let freshness = item.map(|(note, expiry)| match note.kind {
            Kind::Row if terms == Terms::default() => Freshness::Fresh,
            Kind::Row => judge(&terms, expiry, note.cost, now, luck()),
            Kind::Error => Freshness::Fresh,
            Kind::Retired => Freshness::Early,
        });
        let what = match (freshness, item) {
            (Some(Freshness::Fresh), Some((Note { kind: Kind::Error, .. }, _))) => Found::Error,
            (Some(Freshness::Fresh | Freshness::Ahead), _) => Found::Hit,
            (Some(Freshness::Stale), _) => Found::Stale,
            _ => Found::Miss,
        };
        if what == Found::Miss
            && let Some(site) = cx.read_through(entity)
        {
            return self.fetch(id, site, (entity, row), cx);
        }
        let free = |lease: Option<&Lease>| lease.is_none_or(|lease| now.since(lease.since) >= LEASE);
        if matches!(freshness, Some(Freshness::Stale | Freshness::Ahead)) && free(member.leases.get(&key)) {
            member.leases.insert(key, Lease { holder: parent, since: now });
            outcome.status = STALE;
        }
        cx.observe(Observation::Looked { store: member.observed, entity: Some(entity), found: what });
        let version = item.map_or(0, |(note, _)| note.version);
        match what {
            Found::Hit | Found::Stale => {
                cx.see(id, entity, version);
                cx.read_version(id, (entity, row), version);
                let bytes = cx.size_of(entity, row, version);
                return cx.reply(id, outcome, bytes);
            }
            Found::Error => {
                outcome.status = REMEMBERED;
                return cx.reply(id, outcome, u64::from(version));
            }
            _ => outcome.status = MISS,
        }
        let member = &mut self.members[cx.call(id).instance as usize];
        let mut bytes = 0;
        if freshness == Some(Freshness::Spent) {
            // The old value goes along: whoever fetches it anew has it at hand.
            outcome.status = SPENT;
            cx.see(id, entity, version);
            bytes = cx.size_of(entity, row, version);
        }
        if verb == Verb::GetOrLease {
            if !free(member.leases.get(&key)) && member.leases.get(&key).is_some_and(|l| l.holder != parent) {
                (outcome.status, bytes) = (HELD, 0);
            } else {
                member.leases.insert(key, Lease { holder: parent, since: now });
            }
        }
        cx.reply(id, outcome, bytes);
    }

    fn put<P: Probe>(&mut self, id: CallId, verb: Verb, entity: EntityId, cx: &mut Context<'_, P>) {
        let (now, me) = (cx.now(), cx.me());
        let call = cx.call(id);
        let (row, parent, seen, bytes, cost) = (call.row, call.parent, call.seen, call.bytes, call.demand);
        let (at, written) = (call.instance as usize, call.ttl);
        let key = key_of(entity, row);
        let mut outcome = Outcome::ok(200, me);
        let member = &mut self.members[at];
        let holds = member.leases.get(&key).is_some_and(|lease| lease.holder == parent);
        let newer = |value: Value| {
            let note = Note::of(value.version);
            now < value.expiry && note.kind != Kind::Error && note.version > seen.version
        };
        let refused = match verb {
            // It was deleted, or fetched by somebody else, since the lease was given.
            Verb::PutLeased => !holds,
            Verb::PutNewer => member.store.peek(key).is_some_and(newer),
            _ => false,
        };
        if refused {
            return cx.reply(id, outcome, 0);
        }
        member.leases.remove(&key);
        let ttl = if written.is_zero() {
            self.build.ttl.as_ref().map(|ttl| cx.draw_time(ttl, id))
        } else {
            Some(written)
        };
        let expiry = ttl.map_or(SimTime::MAX, |ttl| now + ttl);
        let mut version = seen.version;
        if verb == Verb::PutBack {
            version = cx.ledger().acknowledge(entity, row, now);
            cx.wrote(entity, Written::Acknowledged);
            cx.see(id, entity, version);
            self.note_dirty(at, (key, entity, row), version, cx);
        }
        let beta = cx.terms(id).beta;
        let note = if beta > 0.0 { Note::row(version).costing(cost) } else { Note::row(version) };
        let put = self.keep(at, key, (bytes, Value { version: note.packed(), expiry }), cx);
        let reason = match put {
            // The store behind will have it all the same.
            _ if verb == Verb::PutBack => None,
            Put::Stored => None,
            Put::Full => Some(Reason::CacheFull),
            Put::TooLarge => Some(Reason::TooLarge),
        };
        if let Some(reason) = reason {
            outcome = Outcome::error(507, me, reason);
        }
        cx.reply(id, outcome, 0);
    }
}

impl Node for Cache {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        self.warm_up(cx);
        self.start_snapshots(cx);
        if let Some(cycle) = &self.build.spec.active_expiry {
            cx.timer(SimTime::ZERO + cycle.every, Timer { topic: 0, number: 0 });
        }
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if !cx.accept_connection(call) {
            let outcome = Outcome::error(503, cx.me(), Reason::TooManyConnections);
            return cx.reply(call, outcome, 0);
        }
        if self.members[cx.call(call).instance as usize].durable.loads(cx.now()) {
            // Redis answers -LOADING until it has read everything back.
            let outcome = Outcome::error(503, cx.me(), Reason::Loading);
            return cx.reply(call, outcome, 0);
        }
        self.begin(call, cx);
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.leave_core(call, cx);
        self.perform(call, cx);
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        if !self.fetched(call, outcome, cx) {
            self.written_back(call, outcome, cx);
        }
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        if timer.topic == WRITE_BACK {
            return self.write_back(timer.number as usize, cx);
        }
        if timer.topic == CHANGES {
            let Some(change) = cx.change(timer.number) else { return };
            let node = cx.node_of(change.entity, change.row);
            if !change.misses(node) && cx.life(cx.me(), node).works() {
                cx.wrote(change.entity, Written::Cache);
                self.forget(node as usize, key_of(change.entity, change.row), cx.now());
            }
            return;
        }
        if timer.topic != 0 {
            return self.durability(timer, cx);
        }
        let Some(cycle) = self.build.spec.active_expiry else { return };
        let now = cx.now();
        for member in &mut self.members {
            member.store.expire(now, &cycle);
        }
        cx.timer(now + cycle.every, Timer { topic: 0, number: 0 });
    }

    fn on_end<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if !cx.ledger().is_on() {
            return;
        }
        let now = cx.now();
        let mut counts: FxHashMap<EntityId, (u64, u64)> = FxHashMap::default();
        for (key, value) in self.members.iter().flat_map(|member| member.store.iter()) {
            let note = Note::of(value.version);
            if now < value.expiry && note.kind == Kind::Row {
                let (entity, row) = row_of(key);
                let count = counts.entry(entity).or_default();
                count.0 += 1;
                count.1 += u64::from(cx.ledger().stored(entity, row) != note.version);
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|(entity, _)| *entity);
        for (entity, (held, differing)) in counts {
            cx.observe(Observation::Copies { entity, held, differing });
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        let Some(member) = self.members.get_mut(instance as usize) else { return };
        match what {
            Disturbance::Lost => {
                let survives = self.save(instance as usize, cx);
                let member = &mut self.members[instance as usize];
                member.store.flush();
                member.leases.clear();
                if !survives {
                    self.lose_dirty(instance as usize, cx);
                }
                self.drop_fetches(instance as usize, cx);
                for call in cx.calls_at(instance) {
                    let member = &mut self.members[instance as usize];
                    if let Some(core) = &mut member.core {
                        if cx.call(call).flags.has(Flags::IN_LINE) {
                            core.renege(call, cx);
                        } else {
                            self.leave_core(call, cx);
                        }
                    }
                    cx.forget_step(call);
                    cx.lose(call);
                }
            }
            Disturbance::Flushed => {
                member.store.flush();
                member.leases.clear();
                member.durable.emptied();
                self.lose_dirty(instance as usize, cx);
            }
            Disturbance::Speed(speed) => member.speed = speed,
            Disturbance::Restored => self.bring_back(instance as usize, cx),
            Disturbance::Draining | Disturbance::Reset | Disturbance::Consumer(_) => {}
            Disturbance::Joined | Disturbance::Parted => {}
        }
    }
}
