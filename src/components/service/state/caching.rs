//! Copies of rows: the caches inside instances, reads through caches, and calls that fetch one row for
//! several.

use rustc_hash::FxHashMap;

use super::Service;
use crate::base::{EntityId, ResourceId, SimDuration, SimTime};
use crate::components::cache::entries::Value;
use crate::components::cache::spec::LocalCacheSpec;
use crate::components::cache::store::{Lookup, Store};
use crate::components::cache::{HELD, MISS, STALE};
use crate::engine::{CallId, Context, Demand, Found, Observation, Op, Outcome, Pc, Probe};

/// An instance and a row.
type Wanted = (u16, EntityId, u64);

/// The caches of one instance.
#[derive(Debug)]
pub(super) struct LocalCaches {
    stores: Vec<Store>,
    evicted: Vec<u64>,
    observed: ResourceId,
}

impl LocalCaches {
    /// Empty caches of an instance, reported as `observed`.
    pub(super) fn new(
        specs: &[LocalCacheSpec],
        observed: Option<ResourceId>,
        key: crate::base::random::Key,
    ) -> Self {
        let store = |(at, spec): (usize, &LocalCacheSpec)| {
            Store::new(spec.capacity, spec.eviction, key.with(at as u64))
        };
        Self {
            stores: specs.iter().enumerate().map(store).collect(),
            evicted: vec![0; specs.len()],
            observed: observed.unwrap_or(ResourceId(u32::MAX)),
        }
    }

    /// The process is gone, and its memory with it.
    pub(super) fn flush(&mut self) {
        self.stores.iter_mut().for_each(Store::flush);
    }
}

/// Rows that are being fetched for whoever wants them.
#[derive(Debug, Default)]
pub(super) struct Flights {
    /// Who waits, each with the latest version when it began to.
    waiting: FxHashMap<Wanted, Vec<(CallId, u32)>>,
    leading: FxHashMap<CallId, Wanted>,
}

impl Flights {
    /// Whether nobody fetches anything for others.
    pub(super) fn is_empty(&self) -> bool {
        self.leading.is_empty()
    }

    /// All calls of an instance are lost.
    pub(super) fn ground(&mut self, instance: u16) {
        self.waiting.retain(|(at, ..), _| *at != instance);
        self.leading.retain(|_, (at, ..)| *at != instance);
    }
}

impl Service {
    /// Reads an instance's own cache: whether it was a hit.
    pub(super) fn look<P: Probe>(&mut self, id: CallId, cache: u16, cx: &mut Context<'_, P>) -> bool {
        let Some(spec) = self.local_specs.get(cache as usize) else { return false };
        let entity = spec.entity;
        let (row, now) = (cx.row_of(id, entity), cx.now());
        let locals = &mut self.instances[cx.call(id).instance as usize].locals;
        let found = locals.stores[cache as usize].get(row, now);
        let what = if matches!(found, Lookup::Hit(_)) { Found::Hit } else { Found::Miss };
        cx.observe(Observation::Looked { store: locals.observed, entity: Some(entity), found: what });
        let Lookup::Hit(value) = found else { return false };
        cx.see(id, entity, value.version as u32);
        cx.read_version(id, (entity, row), value.version as u32);
        true
    }

    /// Writes to an instance's own cache.
    pub(super) fn keep<P: Probe>(
        &mut self,
        id: CallId,
        cache: u16,
        ttl: Option<&Demand>,
        cx: &mut Context<'_, P>,
    ) {
        let Some(spec) = self.local_specs.get(cache as usize) else { return };
        let entity = spec.entity;
        let (row, now) = (cx.row_of(id, entity), cx.now());
        let ttl = ttl.or(self.local_ttls[cache as usize].as_ref()).map(|ttl| cx.draw_time(ttl, id));
        let seen = cx.call(id).seen;
        let version = if seen.entity == entity { seen.version } else { cx.ledger().latest(entity, row) };
        let value = Value { version: u64::from(version), expiry: ttl.map_or(SimTime::MAX, |ttl| now + ttl) };
        let size = cx.size_of(entity, row);
        let locals = &mut self.instances[cx.call(id).instance as usize].locals;
        let store = &mut locals.stores[cache as usize];
        // What does not fit is not kept; nobody is told.
        store.put(row, size, value, now);
        let evictions = store.counts().evictions;
        let before = std::mem::replace(&mut locals.evicted[cache as usize], evictions);
        if evictions > before {
            cx.observe(Observation::Evicted { store: locals.observed, count: (evictions - before) as u32 });
        }
    }

    /// Takes a row out of an instance's own cache; those of other instances keep theirs.
    pub(super) fn forget<P: Probe>(&mut self, id: CallId, cache: u16, cx: &mut Context<'_, P>) {
        let Some(spec) = self.local_specs.get(cache as usize) else { return };
        let row = cx.row_of(id, spec.entity);
        let instance = cx.call(id).instance as usize;
        self.instances[instance].locals.stores[cache as usize].delete(row);
    }

    /// True if the call fetches the row itself; false if it waits for whoever does.
    pub(super) fn takes_off<P: Probe>(
        &mut self,
        id: CallId,
        entity: EntityId,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let row = cx.row_of(id, entity);
        let wanted = (cx.call(id).instance, entity, row);
        if let Some(waiting) = self.flights.waiting.get_mut(&wanted) {
            waiting.push((id, cx.ledger().latest(entity, row)));
            return false;
        }
        self.flights.waiting.insert(wanted, Vec::new());
        self.flights.leading.insert(id, wanted);
        true
    }

    /// A call that fetches for others has it, or has failed: those who wait go on, or fail alike.
    pub(super) fn land<P: Probe>(&mut self, id: CallId, failed: Option<Outcome>, cx: &mut Context<'_, P>) {
        let Some(wanted) = self.flights.leading.remove(&id) else { return };
        let seen = cx.call(id).seen;
        let (_, entity, row) = wanted;
        for (waiter, latest) in self.flights.waiting.remove(&wanted).unwrap_or_default() {
            if !cx.is_alive(waiter) {
                continue;
            }
            if let Some(outcome) = failed {
                self.end(waiter, outcome, 0, cx);
                continue;
            }
            if seen.entity == entity {
                cx.see(waiter, entity, seen.version);
                // It is old if it was so already when the waiter began to wait.
                let now = cx.ledger().latest(entity, row);
                cx.read_version(
                    waiter,
                    (entity, row),
                    if seen.version < latest { seen.version } else { now },
                );
            }
            cx.observe(Observation::Answered { entity, asked: false });
            let pc = cx.call(waiter).pc as usize;
            if let Some(Op::Join { done, .. }) = self.program.ops.get(pc.wrapping_sub(1)) {
                let done = *done;
                cx.call_mut(waiter).pc = done;
                self.ready.push(waiter);
            }
        }
    }

    /// A cache has answered, or not: where the call goes on, or none if it ends.
    pub(super) fn asked<P: Probe>(
        &mut self,
        id: CallId,
        outcome: Outcome,
        cx: &mut Context<'_, P>,
    ) -> Result<Pc, Outcome> {
        let pc = cx.call(id).pc;
        let Some(Op::Ask { hit, held, refresh, strict, .. }) =
            self.program.ops.get(pc.wrapping_sub(1) as usize)
        else {
            return Ok(pc);
        };
        match outcome.status {
            MISS => Ok(pc),
            HELD => Ok(*held),
            STALE => {
                let (hit, refresh) = (*hit, *refresh);
                let fetch = cx.branch(id, refresh);
                // Nobody waits for it: a later join of this call must not take it for a branch of its own.
                let call = cx.call_mut(id);
                call.wait_token = call.wait_token.wrapping_add(1);
                self.ready.push(fetch);
                Ok(hit)
            }
            _ if outcome.is_ok() => Ok(*hit),
            _ if *strict => Err(outcome),
            _ => Ok(pc),
        }
    }
}

/// How long a call waits before it asks again for what somebody else holds the lease of (Nishtala et al.
/// 2013: "a short amount of time"; 10 ms is our choice, the value is there within milliseconds).
pub const ASK_AGAIN: SimDuration = SimDuration::from_millis(10);
