//! A distributed cache as it runs: nodes with a memory each, whose commands are served one after the
//! other by one core.
//!
//! A call is one command about one row; its operation says what to do with a row of which entity. It takes
//! its turn on the node's core for `op_cost`, and what it does happens when that is over. A read answers
//! 200 with the item, 204 without, 202 if somebody else holds the lease to fetch it, or 203 with an item
//! past its time to the one who is to fetch it anew. A lease is that of
//! Nishtala et al. (NSDI 2013): who missed first may write the item, unless it was deleted meanwhile.
//!
//! Not modelled: pipelining (one call is one round trip), replicas of a node, snapshots, commands that
//! take longer for larger values.

use rustc_hash::FxHashMap;

use super::entries::Value;
use super::spec::CacheBuild;
use super::store::{Lookup, Put, Store};
use super::write_back::Dirty;
use crate::base::random::StreamName;
use crate::base::{EntityId, ResourceId, SimDuration, SimTime};
use crate::engine::{
    CallId, Context, Disturbance, Flags, Found, Node, Observation, Outcome, Probe, Reason, Seized, Station,
    Timer, Verb,
};
use crate::queueing::Discipline;

/// The answer to a read that missed.
pub const MISS: u16 = 204;
/// The answer to a read of what somebody else is fetching.
pub const HELD: u16 = 202;
/// The answer to a read of what is past its time, to whoever is to fetch it anew.
pub const STALE: u16 = 203;
/// How long a lease is held at most (Nishtala et al. 2013: a token is given once every 10 s for a key).
const LEASE: SimDuration = SimDuration::from_secs(10);
/// Rows of one entity that keys can tell apart.
const ROW_BITS: u32 = 48;

/// The key of a row.
fn key_of(entity: EntityId, row: u64) -> u64 {
    u64::from(entity.0) << ROW_BITS | row & ((1 << ROW_BITS) - 1)
}

/// Who may fetch an item, and since when.
#[derive(Clone, Copy, Debug)]
struct Lease {
    holder: CallId,
    since: SimTime,
}

/// The timer of writing back; its number is the node.
pub(super) const WRITE_BACK: u32 = 1;

#[derive(Debug)]
pub(super) struct Member {
    store: Store,
    core: Option<Station>,
    leases: FxHashMap<u64, Lease>,
    /// Relative to nominal; below 1 while a fault slows it.
    speed: f64,
    /// What the store behind does not have yet.
    pub(super) dirty: Dirty,
    /// Evictions that have been reported.
    evicted: u64,
    observed: ResourceId,
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
                member.store.put(key, cx.size_of(entity, row), Value { version: 0, expiry }, SimTime::ZERO);
            }
        }
        for member in &mut self.members {
            member.evicted = member.store.counts().evictions;
        }
    }

    fn begin<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let Some(cost) = &self.build.op_cost else { return self.perform(id, cx) };
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
            cx.serve(id, span);
        }
    }

    fn leave_core<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call(id);
        let stay = cx.now().since(call.pool_asked);
        let Some(core) = &mut self.members[call.instance as usize].core else { return };
        if let Some(next) = core.release(stay, cx) {
            let span = cx.call(next).demand;
            cx.serve(next, span);
        }
    }

    /// Does what the command says, and answers it.
    fn perform<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let call = cx.call(id);
        let (verb, entity) = Verb::of(call.operation);
        let (row, parent, seen, bytes) = (call.row, call.parent, call.seen, call.bytes);
        let written = call.ttl;
        let key = key_of(entity, row);
        let at = call.instance as usize;
        let me = cx.me();
        let mut outcome = Outcome::ok(200, me);
        let mut answer = 0;
        let member = &mut self.members[at];
        match verb {
            Verb::Get | Verb::GetOrLease => {
                let mut found = member.store.get(key, now);
                // What gave way before it was written back is still at hand.
                if let (Lookup::Miss | Lookup::Expired, Some(version)) = (found, member.dirty.version(key)) {
                    found = Lookup::Hit(Value { version: u64::from(version), expiry: SimTime::MAX });
                }
                let what = match found {
                    Lookup::Hit(value)
                        if value.expiry < SimTime::MAX && value.expiry.since(now) < written =>
                    {
                        Found::Stale
                    }
                    Lookup::Hit(_) => Found::Hit,
                    Lookup::Miss | Lookup::Expired => Found::Miss,
                };
                if what == Found::Stale && member.leases.get(&key).is_none_or(|l| now.since(l.since) >= LEASE)
                {
                    member.leases.insert(key, Lease { holder: parent, since: now });
                    outcome.status = STALE;
                }
                cx.observe(Observation::Looked { store: member.observed, entity: Some(entity), found: what });
                if let Lookup::Hit(value) = found {
                    answer = cx.size_of(entity, row);
                    cx.see(id, entity, value.version as u32);
                    cx.read_version(id, (entity, row), value.version as u32);
                } else {
                    outcome.status = MISS;
                    if verb == Verb::GetOrLease {
                        let held = member.leases.get(&key).filter(|l| now.since(l.since) < LEASE);
                        if held.is_some_and(|lease| lease.holder != parent) {
                            outcome.status = HELD;
                        } else {
                            member.leases.insert(key, Lease { holder: parent, since: now });
                        }
                    }
                }
            }
            Verb::Put | Verb::PutLeased | Verb::PutBack => {
                let holds = member.leases.get(&key).is_some_and(|lease| lease.holder == parent);
                if verb == Verb::PutLeased && !holds {
                    // It was deleted, or fetched by somebody else, since the lease was given.
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
                    cx.see(id, entity, version);
                    self.note_dirty(at, (key, entity, row), version, cx);
                }
                let member = &mut self.members[at];
                let value = Value { version: u64::from(version), expiry };
                let reason = match member.store.put(key, bytes, value, now) {
                    // The store behind will have it all the same.
                    _ if verb == Verb::PutBack => None,
                    Put::Stored => None,
                    Put::Full => Some(Reason::CacheFull),
                    Put::TooLarge => Some(Reason::TooLarge),
                };
                if let Some(reason) = reason {
                    outcome = Outcome::error(507, me, reason);
                }
                let evictions = member.store.counts().evictions;
                if evictions > member.evicted {
                    let count = (evictions - member.evicted) as u32;
                    cx.observe(Observation::Evicted { store: member.observed, count });
                    member.evicted = evictions;
                }
            }
            Verb::Delete => {
                member.store.delete(key);
                member.leases.remove(&key);
            }
        }
        cx.reply(id, outcome, answer);
    }
}

impl Node for Cache {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        self.warm_up(cx);
        if let Some(cycle) = &self.build.spec.active_expiry {
            cx.timer(SimTime::ZERO + cycle.every, Timer { topic: 0, number: 0 });
        }
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if !cx.accept_connection(call) {
            let outcome = Outcome::error(503, cx.me(), Reason::TooManyConnections);
            return cx.reply(call, outcome, 0);
        }
        self.begin(call, cx);
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.leave_core(call, cx);
        self.perform(call, cx);
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        self.written_back(call, outcome, cx);
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        if timer.topic == WRITE_BACK {
            return self.write_back(timer.number as usize, cx);
        }
        let Some(cycle) = self.build.spec.active_expiry else { return };
        let now = cx.now();
        for member in &mut self.members {
            member.store.expire(now, &cycle);
        }
        cx.timer(now + cycle.every, Timer { topic: 0, number: 0 });
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        let Some(member) = self.members.get_mut(instance as usize) else { return };
        match what {
            Disturbance::Lost => {
                member.store.flush();
                member.leases.clear();
                self.lose_dirty(instance as usize, cx);
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
                self.lose_dirty(instance as usize, cx);
            }
            Disturbance::Speed(speed) => member.speed = speed,
            Disturbance::Restored
            | Disturbance::Draining
            | Disturbance::Reset
            | Disturbance::Neighbour(..) => {}
        }
    }
}
