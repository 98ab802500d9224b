//! Copies of rows: the caches inside instances, reads through caches, and calls that fetch one row for
//! several.

use rustc_hash::FxHashMap;

use super::Service;
use crate::base::{EntityId, ResourceId, SimDuration, SimTime};
use crate::components::cache::entries::Value;
use crate::components::cache::freshness::{Freshness, Kind, Note, judge};
use crate::components::cache::spec::LocalCacheSpec;
use crate::components::cache::store::{Lookup, Store};
use crate::components::cache::{FETCHED, HELD, LEASE, MISS, REMEMBERED, SPENT, STALE};
use crate::engine::{
    CallId, Context, CopyOp, Demand, Found, KeepMode, Observation, Op, Outcome, Pc, Probe, Reason, Seen,
    Terms, Written,
};

/// An instance and a row.
type Wanted = (u16, EntityId, u64);

/// The caches of one instance.
#[derive(Debug)]
pub(super) struct LocalCaches {
    stores: Vec<Store>,
    /// Rows that are being fetched anew in the background, and since when.
    refreshing: FxHashMap<(EntityId, u64), SimTime>,
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
            refreshing: FxHashMap::default(),
            evicted: vec![0; specs.len()],
            observed: observed.unwrap_or(ResourceId(u32::MAX)),
        }
    }

    /// The process is gone, and its memory with it.
    pub(super) fn flush(&mut self) {
        self.stores.iter_mut().for_each(Store::flush);
        self.refreshing.clear();
    }
}

/// What calls have at hand while they fetch: old values, errors, when they began. Empty where no step says
/// anything that needs it.
#[derive(Debug, Default)]
pub(super) struct InHand {
    spent: FxHashMap<CallId, (EntityId, u32)>,
    failed: FxHashMap<CallId, Outcome>,
    began: FxHashMap<CallId, SimTime>,
}

impl InHand {
    /// The call is over.
    #[inline]
    pub(super) fn forget(&mut self, id: CallId) {
        if !self.spent.is_empty() {
            self.spent.remove(&id);
        }
        if !self.failed.is_empty() {
            self.failed.remove(&id);
        }
        if !self.began.is_empty() {
            self.began.remove(&id);
        }
    }

    /// The calls of an instance are lost with it.
    pub(super) fn keep_only(&mut self, alive: impl Fn(CallId) -> bool) {
        self.spent.retain(|id, _| alive(*id));
        self.failed.retain(|id, _| alive(*id));
        self.began.retain(|id, _| alive(*id));
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
    /// Reads an instance's own cache; a hit goes to the first place, what is fetched in the background begins at
    /// the second. False if the call has ended, with an error that is remembered.
    pub(super) fn look<P: Probe>(
        &mut self,
        id: CallId,
        cache: u16,
        (hit, refresh): (Pc, Pc),
        terms: &Terms,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let Some(spec) = self.local_specs.get(cache as usize) else { return true };
        let entity = spec.entity;
        let (row, now) = (cx.row_of(id, entity), cx.now());
        let locals = &mut self.instances[cx.call(id).instance as usize].locals;
        let item = match locals.stores[cache as usize].get(row, now) {
            Lookup::Hit(value) => Some((Note::of(value.version), value.expiry)),
            Lookup::Miss | Lookup::Expired => None,
        };
        let freshness = item.map(|(note, expiry)| match note.kind {
            Kind::Row if *terms == Terms::default() => Freshness::Fresh,
            Kind::Row => judge(terms, expiry, note.cost, now, self.early.join(cx.luck(id))),
            Kind::Error => Freshness::Fresh,
            Kind::Retired => Freshness::Early,
        });
        let fails = item.is_some_and(|(note, _)| note.kind == Kind::Error);
        let what = match freshness {
            Some(Freshness::Fresh) if fails => Found::Error,
            Some(Freshness::Fresh | Freshness::Ahead) => Found::Hit,
            Some(Freshness::Stale) => Found::Stale,
            _ => Found::Miss,
        };
        let again = matches!(freshness, Some(Freshness::Stale | Freshness::Ahead))
            && locals.refreshing.get(&(entity, row)).is_none_or(|since| now.since(*since) >= LEASE);
        if again {
            locals.refreshing.insert((entity, row), now);
        }
        cx.observe(Observation::Looked { store: locals.observed, entity: Some(entity), found: what });
        let Some((note, _)) = item else { return true };
        match what {
            Found::Hit | Found::Stale => {
                cx.see(id, entity, note.version);
                cx.read_version(id, (entity, row), note.version);
                if again {
                    self.in_background(id, refresh, Seen::NOTHING, cx);
                }
                cx.call_mut(id).pc = hit;
            }
            Found::Error => {
                let outcome = Outcome::error(note.version as u16, cx.me(), Reason::Remembered);
                self.end(id, outcome, 0, cx);
                return false;
            }
            _ if freshness == Some(Freshness::Spent) => {
                self.in_hand.spent.insert(id, (entity, note.version));
            }
            _ => {}
        }
        true
    }

    /// Writes to an instance's own cache.
    pub(super) fn keep<P: Probe>(
        &mut self,
        id: CallId,
        cache: u16,
        ttl: Option<&Demand>,
        (terms, mode): (&Terms, KeepMode),
        cx: &mut Context<'_, P>,
    ) {
        let Some(spec) = self.local_specs.get(cache as usize) else { return };
        let entity = spec.entity;
        let (row, now) = (cx.row_of(id, entity), cx.now());
        let ttl = ttl.or(self.local_ttls[cache as usize].as_ref()).map(|ttl| cx.draw_time(ttl, id));
        let (seen, cost) = (cx.call(id).seen, cx.call(id).demand);
        let version = if seen.entity == entity { seen.version } else { cx.ledger().latest(entity, row) };
        let mut note = Note::row(version);
        let mut size = cx.size_of(entity, row, version);
        if terms.beta > 0.0 {
            note = note.costing(cost);
        }
        if mode == KeepMode::Error {
            let status = self.in_hand.failed.get(&id).map_or(503, |outcome| outcome.status.max(500));
            (note, size) = (Note { version: u32::from(status), kind: Kind::Error, cost: 0 }, 0);
        }
        let expiry = ttl.map_or(SimTime::MAX, |ttl| now + ttl + terms.kept());
        let locals = &mut self.instances[cx.call(id).instance as usize].locals;
        locals.refreshing.remove(&(entity, row));
        let store = &mut locals.stores[cache as usize];
        if mode == KeepMode::Newer
            && let Some(value) = store.peek(row).filter(|value| now < value.expiry)
            && Note::of(value.version).kind != Kind::Error
            && Note::of(value.version).version > version
        {
            return;
        }
        // What does not fit is not kept; nobody is told.
        store.put(row, size, Value { version: note.packed(), expiry }, now);
        let evictions = store.counts().evictions;
        let before = std::mem::replace(&mut locals.evicted[cache as usize], evictions);
        let store = locals.observed;
        if evictions > before {
            cx.observe(Observation::Evicted { store, count: (evictions - before) as u32 });
        }
        cx.wrote(entity, Written::Cache);
    }

    /// Takes a row out of an instance's own cache; those of other instances keep theirs.
    pub(super) fn forget<P: Probe>(&mut self, id: CallId, cache: u16, retire: bool, cx: &mut Context<'_, P>) {
        let Some(spec) = self.local_specs.get(cache as usize) else { return };
        let entity = spec.entity;
        let (row, now) = (cx.row_of(id, entity), cx.now());
        let seen = cx.call(id).seen;
        let version = if seen.entity == entity { seen.version } else { cx.ledger().latest(entity, row) };
        let instance = cx.call(id).instance as usize;
        let store = &mut self.instances[instance].locals.stores[cache as usize];
        let note = Note { version, kind: Kind::Retired, cost: 0 };
        store.delete(row);
        if retire {
            store.put(row, 0, Value { version: note.packed(), expiry: now + LEASE }, now);
        }
        cx.wrote(entity, Written::Cache);
    }

    /// A message tells of a commit: each instance that it reaches takes its copy out.
    pub(super) fn changed<P: Probe>(&mut self, feed: u32, cx: &mut Context<'_, P>) {
        let Some(change) = cx.change(feed) else { return };
        let Some(cache) = self.local_specs.iter().position(|spec| spec.entity == change.entity) else {
            return;
        };
        for (at, instance) in self.instances.iter_mut().enumerate() {
            if !change.misses(at as u16) && cx.life(cx.me(), at as u16).works() {
                instance.locals.stores[cache].delete(change.row);
                cx.wrote(change.entity, Written::Cache);
            }
        }
    }

    /// At the end of the run: copies that instances hold, and those that are not the store's version.
    pub(super) fn count_copies<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if !cx.ledger().is_on() {
            return;
        }
        let now = cx.now();
        for (cache, spec) in self.local_specs.iter().enumerate() {
            let (entity, mut held, mut differing) = (spec.entity, 0, 0);
            let stores = self.instances.iter().filter_map(|instance| instance.locals.stores.get(cache));
            for (row, value) in stores.flat_map(Store::iter) {
                let note = Note::of(value.version);
                if now < value.expiry && note.kind == Kind::Row {
                    held += 1;
                    differing += u64::from(cx.ledger().stored(entity, row) != note.version);
                }
            }
            cx.observe(Observation::Copies { entity, held, differing });
        }
    }

    /// Begins something that nobody waits for: a later join of the call must not take it for a branch of its
    /// own.
    fn in_background<P: Probe>(&mut self, id: CallId, start: Pc, seen: Seen, cx: &mut Context<'_, P>) {
        let branch = cx.branch(id, start);
        cx.call_mut(branch).seen = seen;
        let call = cx.call_mut(id);
        call.wait_token = call.wait_token.wrapping_add(1);
        self.ready.push(branch);
    }

    /// What a read through caches does beside asking and keeping; false if the call goes on elsewhere.
    pub(super) fn copy<P: Probe>(&mut self, id: CallId, op: CopyOp, cx: &mut Context<'_, P>) -> bool {
        match op {
            CopyOp::Begin => {
                let now = cx.now();
                self.in_hand.began.insert(id, now);
            }
            CopyOp::Measure => {
                if let Some(began) = self.in_hand.began.remove(&id) {
                    let took = cx.now().since(began);
                    cx.call_mut(id).demand = took;
                }
            }
            CopyOp::IfAbsent { entity, then } => {
                let (row, seen) = (cx.row_of(id, entity), cx.call(id).seen);
                let version =
                    if seen.entity == entity { seen.version } else { cx.ledger().stored(entity, row) };
                if cx.is_absent(entity, row, version) {
                    cx.call_mut(id).pc = then;
                }
            }
            CopyOp::FallBack { entity, otherwise } => match self.in_hand.spent.remove(&id) {
                Some((of, version)) if of == entity => {
                    let row = cx.row_of(id, entity);
                    cx.see(id, entity, version);
                    cx.read_version(id, (entity, row), version);
                }
                _ => cx.call_mut(id).pc = otherwise,
            },
            CopyOp::Fail { entity } => {
                let outcome = cx.call(id).outcome;
                self.in_hand.failed.insert(id, outcome);
                // What caches are to remember is the status.
                let version = u32::from(outcome.status.max(500));
                cx.call_mut(id).seen = Seen { entity, version, row: cx.call(id).row };
            }
            CopyOp::Failed { caught } => {
                let outcome = self.in_hand.failed.remove(&id).unwrap_or(cx.call(id).outcome);
                cx.call_mut(id).seen = Seen::NOTHING;
                if let Some(caught) = caught {
                    let call = cx.call_mut(id);
                    (call.pc, call.outcome) = (caught, outcome);
                    return true;
                }
                self.end(id, outcome, 0, cx);
                return false;
            }
            CopyOp::Background { start } => {
                let seen = cx.call(id).seen;
                self.in_background(id, start, seen, cx);
            }
        }
        true
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
            cx.observe(Observation::Decided { entity, asked: false });
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
        let (hit, held, refresh) = (*hit, *held, *refresh);
        match outcome.status {
            MISS => Ok(pc),
            // Where a cache fetches by itself, nobody holds leases.
            HELD | FETCHED => Ok(held),
            STALE => {
                self.in_background(id, refresh, Seen::NOTHING, cx);
                Ok(hit)
            }
            SPENT => {
                let seen = cx.call(id).seen;
                self.in_hand.spent.insert(id, (seen.entity, seen.version));
                Ok(pc)
            }
            REMEMBERED => {
                let status = cx.call(id).bytes as u16;
                Err(Outcome::error(status, cx.me(), Reason::Remembered))
            }
            _ if outcome.is_ok() => Ok(hit),
            _ if *strict => Err(outcome),
            _ => Ok(pc),
        }
    }
}

/// How long a call waits before it asks again for what somebody else holds the lease of (Nishtala et al.
/// 2013: "a short amount of time"; 10 ms is our choice, the value is there within milliseconds).
pub const ASK_AGAIN: SimDuration = SimDuration::from_millis(10);
