//! Rows that lie on several nodes of a ring: consistency levels, and what each copy has.
//!
//! The node that a statement arrives at coordinates it (a driver that knows the ring asks one of the row's own, of several near ones any, by lot).
//! A write goes to all copies and is answered when as many have it as its level says; a read asks as many as
//! its level says, and answers with the newest version that it finds. Fewer living copies than that: an error
//! at once. Where reads and writes meet in one copy at least (R + W > N), what was acknowledged before a read
//! began is seen by it.
//!
//! Writes are ordered by the time at which they reached their coordinator (last write wins). A copy whose node
//! is down misses them; with `hints` they are kept for it so long, and handed over some seconds after it is back.
//! Only rows whose copies differ take memory.
//!
//! Not modelled: read repair, the cost of handing hints over, clocks that disagree, conditional writes.

use rustc_hash::FxHashMap;

use super::member::{phase, query};
use super::spec::Consistency;
use super::state::{Database, topic};
use crate::base::{EntityId, SimDuration, SimTime};
use crate::engine::{CallId, Context, Flags, Life, Outcome, Probe, Reason, Seen, Timer};

/// How long after a node's return its hints come (a choice; Cassandra looks every 10 s).
const HANDOVER: SimDuration = SimDuration::from_secs(10);
/// Acknowledged writes of a row whose versions are remembered while its copies differ.
const REMEMBERED: usize = 8;

/// A row that some copies have newer than others.
#[derive(Clone, Debug, Default)]
struct Differing {
    /// Its version when its copies were last the same.
    base: u32,
    /// The last write that each copy has; none: what it had before.
    has: Vec<(u16, u64)>,
    /// Acknowledged writes, ascending, with their versions.
    acknowledged: Vec<(u64, u32)>,
    /// The newest write.
    newest: u64,
    in_flight: u32,
}

/// What a node that is down has missed.
#[derive(Clone, Debug)]
struct Missed {
    since: SimTime,
    writes: Vec<((EntityId, u64), u64)>,
}

/// The copies of a database's rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    rows: FxHashMap<(EntityId, u64), Differing>,
    missed: Vec<(u16, Missed)>,
    stamp: u64,
}

impl Differing {
    /// The version that a copy shows; none: one that is newer than all that were acknowledged.
    fn version_at(&self, member: u16) -> Option<u32> {
        match self.has.iter().find(|(of, _)| *of == member) {
            None => Some(self.base),
            Some((_, stamp)) => {
                let newest = self.acknowledged.last().map_or(0, |(newest, _)| *newest);
                let known = || self.acknowledged.iter().rev().find(|(of, _)| of <= stamp);
                (*stamp <= newest).then(|| known().map_or(self.base, |(_, version)| *version))
            }
        }
    }

    fn give(&mut self, member: u16, stamp: u64) {
        match self.has.iter_mut().find(|(of, _)| *of == member) {
            Some((_, has)) => *has = (*has).max(stamp),
            None => self.has.push((member, stamp)),
        }
    }

    fn is_settled(&self, copies: &[u16]) -> bool {
        let newest = |of: &u16| self.has.iter().any(|(member, has)| member == of && *has == self.newest);
        self.in_flight == 0 && copies.iter().all(newest)
    }
}

/// Copies that must answer.
fn needed(level: Consistency, copies: &[u16], local: &[u16]) -> usize {
    match level {
        Consistency::One | Consistency::Eventual => 1,
        Consistency::Quorum | Consistency::Strong => copies.len() / 2 + 1,
        Consistency::LocalQuorum => local.len() / 2 + 1,
        Consistency::All => copies.len(),
    }
}

impl Database {
    /// Whether rows lie on several nodes.
    pub(super) fn has_copies(&self) -> bool {
        self.build.spec.shards.as_ref().is_some_and(|shards| shards.copies > 1)
    }

    fn copies_of<P: Probe>(&self, key: u64, cx: &mut Context<'_, P>) -> Vec<u16> {
        let zones = &self.build.zones;
        let Some(sharding) = cx.cluster().and_then(|cluster| cluster.sharding()) else { return vec![0] };
        sharding.copies(key, zones)
    }

    /// Asks copies of a row for what a statement is about.
    pub(super) fn ask_copies<P: Probe>(&mut self, id: CallId, key: u64, cx: &mut Context<'_, P>) {
        let (me, here) = (cx.me(), cx.call(id).instance);
        let all = self.copies_of(key, cx);
        let zone = |member: u16| self.build.zones.get(usize::from(member)).copied();
        let local: Vec<u16> = all.iter().copied().filter(|of| zone(*of) == zone(here)).collect();
        let statement = query(&self.build, id, cx);
        let (writes, level, entity) = (statement.writes, statement.consistency, statement.entity);
        let lives = |member: &u16| cx.life(me, *member) <= Life::Draining;
        // The nearest first: itself, then those of its own zone.
        let mut living: Vec<u16> = all.iter().copied().filter(lives).collect();
        living.sort_by_key(|member| (*member != here, zone(*member) != zone(here)));
        let wanted = needed(level, &all, &local);
        let there = match level {
            Consistency::LocalQuorum => living.iter().filter(|of| zone(**of) == zone(here)).count(),
            _ => living.len(),
        };
        if there < wanted {
            self.finish(id, Outcome::error(503, me, Reason::TooFewCopies), cx);
            return;
        }
        Self::begin_gathering(id, cx);
        let row = cx.call(id).row;
        let of = entity.map(|entity| (entity, row));
        // What a read must see at least: whatever was acknowledged before it began.
        let latest = of.map_or(0, |(entity, row)| cx.ledger().latest(entity, row));
        let call = cx.call_mut(id);
        call.attempt = wanted as u16;
        call.bytes = u64::from(latest);
        if writes && let Some(of) = of {
            self.copies.stamp += 1;
            let stamp = self.copies.stamp;
            let record = self
                .copies
                .rows
                .entry(of)
                .or_insert_with(|| Differing { base: latest, ..Differing::default() });
            record.newest = stamp;
            record.in_flight += 1;
            cx.call_mut(id).ttl = SimDuration::from_nanos(stamp);
            for member in all.iter().filter(|member| !living.contains(member)) {
                self.miss(*member, of, stamp, cx);
            }
        } else {
            living.truncate(wanted);
        }
        let mut branches = Vec::with_capacity(living.len());
        for member in living {
            let branch = cx.branch(id, 0);
            let record = cx.call_mut(branch);
            record.instance = member;
            record.luck = record.luck.with(u64::from(member) + 1);
            record.ttl = SimDuration::from_nanos(self.copies.stamp);
            record.seen = Seen::NOTHING;
            branches.push(branch);
        }
        cx.call_mut(id).running = branches.len() as u16;
        for branch in branches {
            self.launch(branch, id, cx);
        }
    }

    /// A node does not get a write, since it is down.
    fn miss<P: Probe>(&mut self, member: u16, of: (EntityId, u64), stamp: u64, cx: &Context<'_, P>) {
        let Some(window) = self.build.spec.shards.as_ref().and_then(|shards| shards.hints) else { return };
        let now = cx.now();
        let at = self.copies.missed.iter().position(|(known, _)| *known == member);
        let at = at.unwrap_or_else(|| {
            self.copies.missed.push((member, Missed { since: now, writes: Vec::new() }));
            self.copies.missed.len() - 1
        });
        let missed = &mut self.copies.missed[at].1;
        if now.since(missed.since).as_secs_f64() < window {
            missed.writes.push((of, stamp));
        }
    }

    /// A copy has done its part of a statement.
    pub(super) fn copy_done<P: Probe>(&mut self, branch: CallId, cx: &mut Context<'_, P>) {
        let (member, row) = (cx.call(branch).instance, cx.call(branch).row);
        let statement = query(&self.build, branch, cx);
        let (writes, Some(entity)) = (statement.writes, statement.entity) else { return };
        let stamp = cx.call(branch).ttl.as_nanos();
        let known = self.copies.rows.get_mut(&(entity, row));
        if writes {
            if let Some(record) = known {
                record.give(member, stamp);
            }
            self.settle_copies((entity, row));
        } else {
            let version = match known {
                Some(record) => record.version_at(member).unwrap_or(u32::MAX),
                None => cx.ledger().latest(entity, row),
            };
            cx.call_mut(branch).seen = Seen { entity, version, row };
        }
    }

    /// Forgets a row whose copies are the same again.
    fn settle_copies(&mut self, of: (EntityId, u64)) {
        let Some(record) = self.copies.rows.get(&of) else { return };
        if record.in_flight > 0 {
            return;
        }
        // A row is placed by its own number, or by the key that it has in common with others; of which the copies
        // that have it tell as much.
        let copies: Vec<u16> = record.has.iter().map(|(member, _)| *member).collect();
        let count = self.build.spec.shards.as_ref().map_or(1, |shards| usize::from(shards.copies));
        if copies.len() >= count && record.is_settled(&copies) {
            self.copies.rows.remove(&of);
        }
    }

    /// Enough copies have answered, or too few are left: the statement is over.
    pub(super) fn copies_answered<P: Probe>(&mut self, id: CallId, done: bool, cx: &mut Context<'_, P>) {
        let (row, stamp) = (cx.call(id).row, cx.call(id).ttl.as_nanos());
        let statement = query(&self.build, id, cx);
        let (writes, entity) = (statement.writes, statement.entity);
        let call = cx.call_mut(id);
        call.wait_token = call.wait_token.wrapping_add(1); // the others find nobody
        call.pc = phase::GATHERED;
        let me = cx.me();
        let call = cx.call_mut(id);
        if done {
            call.outcome = Outcome::ok(200, me);
        } else if call.outcome.is_ok() {
            call.outcome = Outcome::error(503, me, Reason::TooFewCopies);
        }
        if let Some(entity) = entity {
            if writes {
                cx.call_mut(id).ttl = SimDuration::ZERO;
                self.close_write(id, (entity, row), stamp, done, cx);
            } else if done {
                let (seen, required) = (cx.call(id).seen, cx.call(id).bytes as u32);
                let latest = cx.ledger().latest(entity, row);
                // What was written while it read, it may have missed or not.
                let version = if seen.version >= required { latest } else { seen.version };
                cx.see(id, entity, version);
                cx.read_version(id, (entity, row), version);
            }
        }
        self.advance(id, cx);
    }

    fn close_write<P: Probe>(
        &mut self,
        id: CallId,
        of: (EntityId, u64),
        stamp: u64,
        done: bool,
        cx: &mut Context<'_, P>,
    ) {
        let superseded = self.copies.rows.get(&of).and_then(|record| record.acknowledged.last());
        let superseded = superseded.is_some_and(|(newest, _)| *newest > stamp);
        let version = (done && !superseded).then(|| cx.commit(of.0, of.1));
        if let Some(record) = self.copies.rows.get_mut(&of) {
            record.in_flight = record.in_flight.saturating_sub(1);
            if let Some(version) = version {
                record.acknowledged.push((stamp, version));
                if record.acknowledged.len() > REMEMBERED {
                    record.base = record.acknowledged.remove(0).1;
                }
            }
        }
        if let Some(version) = version {
            cx.see(id, of.0, version);
        }
        if done && cx.has_sagas() {
            cx.mark_saga(id, of.0, of.1);
        }
        self.settle_copies(of);
    }

    /// Nobody waits for a statement any more that asks copies: it is over.
    pub(super) fn leave_copies<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let statement = query(&self.build, id, cx);
        let (writes, Some(entity)) = (statement.writes, statement.entity) else { return };
        if writes && !cx.call(id).flags.has(Flags::BRANCH) && !cx.call(id).ttl.is_zero() {
            let (row, stamp) = (cx.call(id).row, cx.call(id).ttl.as_nanos());
            cx.call_mut(id).ttl = SimDuration::ZERO;
            self.close_write(id, (entity, row), stamp, false, cx);
        }
    }

    /// A node is lost: drivers know it at once where it refuses, and some seconds later where it is silent.
    pub(super) fn copy_lost<P: Probe>(member: u16, cx: &mut Context<'_, P>) {
        if cx.life(cx.me(), member) == Life::Vanished {
            let timer = Timer { topic: topic::OUT | u32::from(member), number: 0 };
            cx.timer(cx.now() + HANDOVER, timer);
        } else if let Some(cluster) = cx.cluster() {
            cluster.set_out(member, true);
        }
    }

    /// A node is back: what was kept for it comes.
    pub(super) fn copy_returned<P: Probe>(member: u16, cx: &mut Context<'_, P>) {
        if let Some(cluster) = cx.cluster() {
            cluster.set_out(member, false);
        }
        let timer = Timer { topic: topic::HINTS | u32::from(member), number: 0 };
        cx.timer(cx.now() + HANDOVER, timer);
    }

    /// A node gets the writes that were kept for it.
    pub(super) fn hand_over<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        let me = cx.me();
        if cx.life(me, member) > Life::Draining {
            return;
        }
        let Some(at) = self.copies.missed.iter().position(|(known, _)| *known == member) else { return };
        let (_, missed) = self.copies.missed.swap_remove(at);
        for (of, stamp) in missed.writes {
            if let Some(record) = self.copies.rows.get_mut(&of) {
                record.give(member, stamp);
            }
            self.settle_copies(of);
        }
    }
}
