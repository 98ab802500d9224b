//! A database as it runs: a statement takes its connection, its row lock, cores, disk, and, if it
//! writes, a flush of the log, and holds the lock until it has committed.
//!
//! Group commit: one flush at a time; all that wait when it begins are committed by it.
//! Not modelled: query plans, buffer pool, checkpoints, vacuum.

use rustc_hash::FxHashMap;

use super::spec::{DatabaseBuild, Query};
use crate::base::{EntityId, SimDuration};
use crate::engine::{
    CallId, Context, Cores, Disturbance, Flags, LockTable, Node, Observation, Outcome, Probe, Reason, Seized,
    Station, Timer,
};
use crate::queueing::Discipline;

/// Where a statement is; a call's `pc`.
mod phase {
    pub(super) const LOCK: u16 = 0;
    pub(super) const CPU: u16 = 1;
    pub(super) const IO: u16 = 2;
    pub(super) const COMMIT: u16 = 3;
    pub(super) const ANSWER: u16 = 4;
}

/// A database as it runs.
#[derive(Debug)]
pub struct Database {
    build: DatabaseBuild,
    cores: Cores,
    disk: Option<Station>,
    locks: LockTable,
    locked: FxHashMap<CallId, (EntityId, u64)>,
    /// Statements that wait for the next flush.
    uncommitted: Vec<CallId>,
    /// Statements that the flush in progress commits.
    flushing: Vec<CallId>,
    /// Tells the timer of a flush from that of one that a crash ended.
    flushes: u32,
}

impl Database {
    /// A database that is idle.
    #[must_use]
    pub fn new(build: DatabaseBuild) -> Self {
        Self {
            cores: Cores::new(build.cpu, 0, build.spec.cores, build.spec.contention),
            disk: build.spec.io.map(|n| Station::new(build.io, n, u32::MAX, Discipline::Fifo)),
            locks: LockTable::new(build.locks),
            locked: FxHashMap::default(),
            uncommitted: Vec::new(),
            flushing: Vec::new(),
            flushes: 0,
            build,
        }
    }

    fn query(&self, id: CallId, cx: &Context<'_, impl Probe>) -> &Query {
        &self.build.queries[cx.call(id).operation.index()]
    }

    fn advance<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        loop {
            let at = cx.call(id).pc;
            cx.call_mut(id).pc = at + 1;
            match at {
                phase::LOCK => {
                    if let Some(entity) = self.query(id, cx).lock {
                        let row = cx.row_of(id, entity);
                        self.locked.insert(id, (entity, row));
                        if !self.locks.acquire(entity, row, id, cx) {
                            if let Some(limit) = self.build.spec.lock_timeout {
                                cx.limit_wait(id, SimDuration::from_secs_f64(limit));
                            }
                            return;
                        }
                        cx.call_mut(id).flags.set(Flags::LOCKED);
                    }
                }
                phase::CPU => {
                    self.read_row(id, cx);
                    let demand = cx.draw_time(&self.query(id, cx).cpu, id);
                    if !demand.is_zero() {
                        return self.cores.work(id, demand, cx);
                    }
                }
                phase::IO => {
                    let Some(io) = &self.query(id, cx).io else { continue };
                    let span = cx.draw_time(io, id);
                    if span.is_zero() {
                        continue;
                    }
                    if let Some(disk) = &mut self.disk {
                        disk.demanded(span, cx);
                        cx.call_mut(id).flags.set(Flags::DISK);
                        let asked = cx.now();
                        let call = cx.call_mut(id);
                        call.demand = span;
                        call.pool_asked = asked;
                        if disk.seize(id, 0, cx) != Seized::Granted {
                            return;
                        }
                    }
                    return cx.serve(id, span);
                }
                phase::COMMIT => {
                    if self.query(id, cx).writes && self.build.commit.is_some() {
                        let asked = cx.now();
                        cx.call_mut(id).asked = asked;
                        self.uncommitted.push(id);
                        self.observe_log(cx);
                        return self.flush(cx);
                    }
                }
                _ => {
                    debug_assert_eq!(at, phase::ANSWER);
                    return self.answer(id, cx);
                }
            }
        }
    }

    /// A statement sees the rows as they are when it begins (read committed).
    fn read_row<P: Probe>(&self, id: CallId, cx: &mut Context<'_, P>) {
        let query = self.query(id, cx);
        if let Some(entity) = query.entity.filter(|_| !query.writes)
            && cx.ledger().is_on()
        {
            let row = cx.call(id).row;
            let version = cx.ledger().stored(entity, row);
            cx.see(id, entity, version);
            cx.read_version(id, (entity, row), version);
        }
    }

    fn observe_log<P: Probe>(&self, cx: &mut Context<'_, P>) {
        let present = (self.uncommitted.len() + self.flushing.len()) as u32;
        cx.observe(Observation::Level { resource: self.build.wal, present });
    }

    /// Starts a flush if none is in progress and something waits.
    fn flush<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if !self.flushing.is_empty() || self.uncommitted.is_empty() {
            return;
        }
        self.flushing.append(&mut self.uncommitted);
        let first = self.flushing[0];
        let Some(commit) = &self.build.commit else { return };
        let mut span = cx.draw_time(commit, first);
        if let Some(bandwidth) = self.build.spec.wal_bandwidth {
            let bytes: f64 = self
                .flushing
                .iter()
                .filter_map(|id| self.query(*id, cx).wal.as_ref().map(|wal| cx.draw(wal, *id)))
                .sum();
            span += SimDuration::from_secs_f64(bytes / bandwidth);
        }
        let now = cx.now();
        for id in &self.flushing {
            let wait = now.since(cx.call(*id).asked);
            cx.observe(Observation::Waited { resource: self.build.wal, wait });
        }
        self.flushes = self.flushes.wrapping_add(1);
        cx.timer(now + span, Timer { topic: 0, number: self.flushes });
    }

    fn answer<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let query = self.query(id, cx);
        if let Some(entity) = query.entity {
            let (row, now) = (cx.call(id).row, cx.now());
            if query.writes {
                // What a cache writes back was acknowledged already, as this version.
                let carried = cx.call(id).seen;
                if carried.entity == entity {
                    cx.ledger().store(entity, row, carried.version);
                } else {
                    let version = cx.ledger().commit(entity, row, now);
                    cx.see(id, entity, version);
                }
            }
        }
        let me = cx.me();
        self.finish(id, Outcome::ok(200, me), cx);
    }

    /// Takes a statement out of whatever it waits for or holds.
    fn withdraw<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call(id);
        let (doing, in_line) = (call.pc.wrapping_sub(1), call.flags.has(Flags::IN_LINE));
        let stay = cx.now().since(call.pool_asked);
        match doing {
            phase::LOCK if in_line => {
                if let Some((entity, row)) = self.locked.remove(&id) {
                    self.locks.renege(entity, row, id, cx);
                }
            }
            phase::CPU => {
                self.cores.cancel(id, cx);
            }
            phase::IO if cx.call_mut(id).flags.take(Flags::DISK) => match &mut self.disk {
                Some(disk) if in_line => disk.renege(id, cx),
                Some(disk) => {
                    if let Some(next) = disk.release(stay, cx) {
                        let span = cx.call(next).demand;
                        cx.serve(next, span);
                    }
                }
                None => {}
            },
            phase::COMMIT => {
                self.uncommitted.retain(|other| *other != id);
                self.flushing.retain(|other| *other != id);
                let stay = cx.now().since(cx.call(id).asked);
                cx.observe(Observation::Departed { resource: self.build.wal, stay });
                self.observe_log(cx);
            }
            _ => {}
        }
        cx.forget_step(id);
        if let Some((entity, row)) = self.locked.remove(&id)
            && cx.call_mut(id).flags.take(Flags::LOCKED)
            && let Some(next) = self.locks.release(entity, row, cx)
        {
            cx.call_mut(next).flags.set(Flags::LOCKED);
            self.advance(next, cx);
        }
    }

    fn finish<P: Probe>(&mut self, id: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let held = if self.locked.is_empty() { None } else { self.locked.remove(&id) };
        let next = held.and_then(|(entity, row)| {
            cx.call_mut(id).flags.take(Flags::LOCKED).then(|| self.locks.release(entity, row, cx)).flatten()
        });
        cx.reply(id, outcome, 0);
        if let Some(next) = next {
            cx.forget_step(next); // its limit on waiting
            cx.call_mut(next).flags.set(Flags::LOCKED);
            self.advance(next, cx);
        }
    }
}

impl Node for Database {
    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if !cx.accept_connection(call) {
            let outcome = Outcome::error(503, cx.me(), Reason::TooManyConnections);
            return cx.reply(call, outcome, 0);
        }
        self.advance(call, cx);
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let stay = cx.now().since(cx.call(call).pool_asked);
        if cx.call_mut(call).flags.take(Flags::DISK)
            && let Some(next) = self.disk.as_mut().and_then(|d| d.release(stay, cx))
        {
            let span = cx.call(next).demand;
            cx.serve(next, span);
        }
        self.advance(call, cx);
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if let Some((entity, row)) = self.locked.remove(&call) {
            self.locks.renege(entity, row, call, cx);
        }
        let outcome = Outcome::error(503, cx.me(), Reason::LockTimeout);
        self.finish(call, outcome, cx);
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => {
                self.flushes = self.flushes.wrapping_add(1);
                for call in cx.calls_at(instance) {
                    self.withdraw(call, cx);
                    cx.lose(call);
                }
            }
            Disturbance::Speed(speed) => self.cores.set_speed(speed, cx),
            Disturbance::Restored
            | Disturbance::Draining
            | Disturbance::Flushed
            | Disturbance::Reset
            | Disturbance::Neighbour(..) => {}
        }
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        if timer.number != self.flushes {
            return;
        }
        let committed = std::mem::take(&mut self.flushing);
        for id in &committed {
            let stay = cx.now().since(cx.call(*id).asked);
            cx.observe(Observation::Departed { resource: self.build.wal, stay });
        }
        self.observe_log(cx);
        self.flush(cx);
        for id in committed {
            self.advance(id, cx);
        }
    }

    fn on_wake<P: Probe>(&mut self, _: u32, epoch: u32, cx: &mut Context<'_, P>) {
        while let Some(call) = self.cores.finished(epoch, cx) {
            self.advance(call, cx);
        }
    }
}
