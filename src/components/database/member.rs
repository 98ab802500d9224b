//! One member of a database: a statement takes its row lock, cores, disk, and, if it writes, a flush of the
//! log, and holds the lock until it has committed.
//!
//! Group commit: one flush at a time; all that wait when it begins are committed by it.
//! What it does on its own (checkpoints, vacuum, compaction) is in `background.rs`. Not modelled: query plans.

use rustc_hash::FxHashMap;

use super::background::Background;
use super::sessions::transaction_of;
use super::spec::{Consistency, DatabaseBuild, MemberResources, Query};
use super::working_set::WorkingSet;
use crate::base::{EntityId, SimDuration};
use crate::engine::{CallId, Context, Cores, Flags, LockTable, Observation, Probe, Seized, Station, Timer};
use crate::queueing::Discipline;

/// Where a statement is; a call's `pc`.
pub(super) mod phase {
    pub(in super::super) const LOCK: u16 = 0;
    pub(in super::super) const CPU: u16 = 1;
    pub(in super::super) const IO: u16 = 2;
    pub(in super::super) const COMMIT: u16 = 3;
    pub(in super::super) const DONE: u16 = 4;
    /// Waits for writes to be let in again after its rows have moved.
    pub(in super::super) const BLOCKED: u16 = 100;
    /// All shards that were asked have answered.
    pub(in super::super) const GATHERED: u16 = 101;
    /// No statement: a piece of what is copied to another shard.
    pub(in super::super) const COPY: u16 = 102;
    /// No statement: an operation of the member's own work on its disk, and then on its cores.
    pub(in super::super) const BACKGROUND: u16 = 103;
    pub(in super::super) const BACKGROUND_CPU: u16 = 104;
    /// A new connection costs work before the statement can begin.
    pub(in super::super) const CONNECT: u16 = 105;
    pub(in super::super) const CONNECTED: u16 = 106;
    /// The core time of such a piece.
    pub(in super::super) const COPY_CPU: u16 = 107;
}

/// What a statement's step led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// It waits for something of its member.
    Waits,
    /// Its member has nothing more to do for it: it has read, or what it wrote is on the member's disk.
    Done,
}

/// One node.
#[derive(Debug)]
pub(super) struct Member {
    /// Its number.
    pub(super) number: u16,
    /// The position of the log up to which it sees; none: all that is committed.
    pub(super) sees: Option<u64>,
    resources: MemberResources,
    pub(super) cores: Cores,
    disk: Option<Station>,
    locks: LockTable,
    locked: FxHashMap<CallId, (EntityId, u64)>,
    /// Rows that transactions hold between their statements.
    holders: FxHashMap<(EntityId, u64), u32>,
    /// Memory that does not hold all data.
    working_set: Option<Box<WorkingSet>>,
    /// Of one disk operation.
    operation: SimDuration,
    shard: u16,
    /// Statements that wait for the next flush.
    uncommitted: Vec<CallId>,
    /// Statements that the flush in progress commits.
    flushing: Vec<CallId>,
    /// Tells the timer of a flush from that of one that a crash ended.
    flushes: u32,
    /// Whole pages that the next flush writes beside what its statements write, in bytes.
    full_pages: f64,
    /// What it does on its own.
    pub(super) background: Option<Box<Background>>,
}

/// The statement of a call.
pub(super) fn query<'b>(build: &'b DatabaseBuild, id: CallId, cx: &Context<'_, impl Probe>) -> &'b Query {
    &build.queries[cx.call(id).operation.index()]
}

impl Member {
    /// A node that is idle.
    pub(super) fn new(build: &DatabaseBuild, number: u16) -> Self {
        let (spec, resources) = (&build.spec, build.members[usize::from(number)]);
        let cores = spec.cores_of(number);
        Self {
            number,
            sees: None,
            resources,
            cores: Cores::new(resources.cpu, u32::from(number), cores, spec.contention),
            disk: spec.channels().map(|n| Station::new(resources.io, n, u32::MAX, Discipline::Fifo)),
            locks: LockTable::new(resources.locks),
            locked: FxHashMap::default(),
            holders: FxHashMap::default(),
            working_set: WorkingSet::new(build),
            operation: SimDuration::from_secs_f64(spec.operation()),
            shard: spec.layout().shard_of(number),
            uncommitted: Vec::new(),
            flushing: Vec::new(),
            flushes: 0,
            full_pages: 0.0,
            background: Background::new(build),
        }
    }

    /// Takes a statement as far as it goes without waiting.
    pub(super) fn advance<P: Probe>(
        &mut self,
        id: CallId,
        build: &DatabaseBuild,
        cx: &mut Context<'_, P>,
    ) -> Progress {
        loop {
            let at = cx.call(id).pc;
            cx.call_mut(id).pc = at + 1;
            match at {
                phase::LOCK if build.connect.is_some() && cx.call(id).flags.has(Flags::NEW_CONNECTION) => {
                    // Once: a part that is asked anew comes over the same connection.
                    cx.call_mut(id).flags.take(Flags::NEW_CONNECTION);
                    let cost = build.connect.as_ref().map_or(SimDuration::ZERO, |c| cx.draw_time(c, id));
                    if cost.is_zero() {
                        cx.call_mut(id).pc = phase::LOCK;
                        continue;
                    }
                    cx.call_mut(id).pc = phase::CONNECTED;
                    self.cores.work(id, cost, cx);
                    return Progress::Waits;
                }
                phase::CONNECTED => cx.call_mut(id).pc = phase::LOCK,
                phase::LOCK => {
                    let statement = query(build, id, cx);
                    if let Some(entity) = statement.lock {
                        let row = cx.row_of(id, entity) / statement.lock_range.max(1);
                        if !self.holders.is_empty()
                            && let Some(number) = transaction_of(id, cx)
                            && self.holders.get(&(entity, row)) == Some(&number)
                        {
                            continue; // its transaction has it
                        }
                        self.locked.insert(id, (entity, row));
                        if !self.locks.acquire(entity, row, id, cx) {
                            if let Some(limit) = build.spec.lock_timeout {
                                cx.limit_wait(id, SimDuration::from_secs_f64(limit));
                            }
                            return Progress::Waits;
                        }
                        cx.call_mut(id).flags.set(Flags::LOCKED);
                    }
                }
                phase::CPU => {
                    self.read_row(id, build, cx);
                    let demand = cx.draw_time(&query(build, id, cx).cpu, id);
                    if !demand.is_zero() {
                        self.cores.work(id, demand, cx);
                        return Progress::Waits;
                    }
                }
                phase::IO => {
                    let statement = query(build, id, cx);
                    if statement.io.is_none() && self.working_set.is_none() {
                        continue;
                    }
                    let own = statement.io.as_ref().map_or(SimDuration::ZERO, |io| cx.draw_time(io, id));
                    let span = own + self.read_from_disk(id, build, cx);
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
                            return Progress::Waits;
                        }
                    }
                    cx.serve(id, span);
                    return Progress::Waits;
                }
                phase::COMMIT => {
                    let writes = query(build, id, cx).writes;
                    if writes && self.background.is_some() {
                        self.full_pages += self.changed(id, build, cx);
                    }
                    if writes && build.commit.is_some() && !cx.call(id).flags.has(Flags::IN_TRANSACTION) {
                        let asked = cx.now();
                        cx.call_mut(id).asked = asked;
                        self.uncommitted.push(id);
                        self.observe_log(cx);
                        self.flush(build, cx);
                        return Progress::Waits;
                    }
                }
                _ => {
                    debug_assert!(at >= phase::DONE);
                    return Progress::Done;
                }
            }
        }
    }

    /// A statement sees the rows as they are when it begins (read committed).
    fn read_row<P: Probe>(&self, id: CallId, build: &DatabaseBuild, cx: &mut Context<'_, P>) {
        let query = query(build, id, cx);
        if let Some(entity) = query.entity.filter(|_| !query.writes)
            && cx.has_sagas()
        {
            cx.look_for_saga(id, entity, cx.call(id).row);
        }
        if let Some(entity) = query.entity.filter(|_| !query.writes)
            && cx.ledger().is_on()
        {
            if build.spec.shards.as_ref().is_some_and(|shards| shards.copies > 1) {
                return; // told by the copy that was asked
            }
            let row = cx.call(id).row;
            let version = match self.sees {
                None if query.consistency == Consistency::Eventual && build.eventual_lag.is_some() => {
                    let lag =
                        build.eventual_lag.as_ref().map_or(SimDuration::ZERO, |lag| cx.draw_time(lag, id));
                    let at = cx.now() - lag;
                    cx.ledger().version_when(entity, row, at)
                }
                None => cx.ledger().stored(entity, row),
                Some(position) => cx.ledger().version_at(entity, row, position),
            };
            cx.see(id, entity, version);
            cx.read_version(id, (entity, row), version);
        }
    }

    /// The time for what is not in memory.
    fn read_from_disk<P: Probe>(
        &mut self,
        id: CallId,
        build: &DatabaseBuild,
        cx: &mut Context<'_, P>,
    ) -> SimDuration {
        let Some(memory) = &mut self.working_set else { return SimDuration::ZERO };
        let statement = query(build, id, cx);
        let Some(kept) = statement.kept else { return SimDuration::ZERO };
        let pages = statement.pages.as_ref().map_or(1.0, |pages| cx.draw(pages, id));
        let by = build.kept.get(kept).map(|kept| kept.by);
        let row = by.map_or(0, |by| cx.row_of(id, by));
        let misses = memory.misses((kept, pages.max(0.0) as u64), (row, self.shard), id, cx);
        SimDuration::from_nanos(self.operation.as_nanos().saturating_mul(misses))
    }

    fn observe_log<P: Probe>(&self, cx: &mut Context<'_, P>) {
        let present = (self.uncommitted.len() + self.flushing.len()) as u32;
        cx.observe(Observation::Level { resource: self.resources.wal, present });
    }

    /// Starts a flush if none is in progress and something waits.
    fn flush<P: Probe>(&mut self, build: &DatabaseBuild, cx: &mut Context<'_, P>) {
        if !self.flushing.is_empty() || self.uncommitted.is_empty() {
            return;
        }
        self.flushing.append(&mut self.uncommitted);
        let first = self.flushing[0];
        let Some(commit) = &build.commit else { return };
        let mut span = cx.draw_time(commit, first);
        if let Some(bandwidth) = build.spec.wal_bandwidth {
            let bytes: f64 = self
                .flushing
                .iter()
                .filter_map(|id| match &query(build, *id, cx).wal {
                    Some(wal) => Some(cx.draw(wal, *id)),
                    // Of a transaction: whatever it wrote.
                    None if Some(cx.call(*id).operation) == build.commit_operation => {
                        Some(cx.call(*id).bytes as f64)
                    }
                    None => None,
                })
                .sum();
            let bytes = bytes + std::mem::take(&mut self.full_pages);
            span += SimDuration::from_secs_f64(bytes / bandwidth);
        }
        let now = cx.now();
        for id in &self.flushing {
            let wait = now.since(cx.call(*id).asked);
            cx.observe(Observation::Waited { resource: self.resources.wal, wait });
        }
        self.flushes = self.flushes.wrapping_add(1);
        cx.timer(now + span, Timer { topic: u32::from(self.number), number: self.flushes });
    }

    /// A flush has ended, unless a crash ended it before: the statements that it committed. The next begins.
    pub(super) fn flushed<P: Probe>(
        &mut self,
        number: u32,
        build: &DatabaseBuild,
        cx: &mut Context<'_, P>,
    ) -> Vec<CallId> {
        if number != self.flushes {
            return Vec::new();
        }
        let committed = std::mem::take(&mut self.flushing);
        for id in &committed {
            let stay = cx.now().since(cx.call(*id).asked);
            cx.observe(Observation::Departed { resource: self.resources.wal, stay });
        }
        self.observe_log(cx);
        self.flush(build, cx);
        committed
    }

    /// The timed step of a statement is over: its disk token goes to the next.
    pub(super) fn served<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let stay = cx.now().since(cx.call(id).pool_asked);
        if cx.call_mut(id).flags.take(Flags::DISK)
            && let Some(next) = self.disk.as_mut().and_then(|d| d.release(stay, cx))
        {
            let span = cx.call(next).demand;
            cx.serve(next, span);
        }
    }

    /// Gives back the row that a statement has locked; who holds it next, if one waited.
    pub(super) fn unlock<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
        let held = if self.locked.is_empty() { None } else { self.locked.remove(&id) };
        let (entity, row) = held?;
        if !cx.call_mut(id).flags.take(Flags::LOCKED) {
            return None;
        }
        self.locks.release(entity, row, cx)
    }

    /// The row that a statement has locked is its transaction's; which, if it has locked one.
    pub(super) fn keep_lock<P: Probe>(
        &mut self,
        id: CallId,
        number: u32,
        cx: &mut Context<'_, P>,
    ) -> Option<(EntityId, u64)> {
        let row = self.locked.remove(&id)?;
        cx.call_mut(id).flags.take(Flags::LOCKED).then(|| {
            self.holders.insert(row, number);
            row
        })
    }

    /// Gives back a row that a transaction holds; who holds it next, if one waited.
    pub(super) fn free<P: Probe>(&mut self, row: (EntityId, u64), cx: &mut Context<'_, P>) -> Option<CallId> {
        self.holders.remove(&row);
        self.locks.release(row.0, row.1, cx)
    }

    /// The transaction that holds the row which a statement has asked for, if one does.
    pub(super) fn holder_of(&self, id: CallId) -> Option<u32> {
        self.holders.get(self.locked.get(&id)?).copied()
    }

    /// A statement that waits for a row waits no more.
    pub(super) fn leave_lock_line<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        if let Some((entity, row)) = self.locked.remove(&id) {
            self.locks.renege(entity, row, id, cx);
        }
    }

    /// The flush in progress, and whatever else was timed, is of no effect any more.
    pub(super) fn crash(&mut self) {
        self.flushes = self.flushes.wrapping_add(1);
        if let Some(memory) = &mut self.working_set {
            memory.forget();
        }
    }

    /// Of one disk operation.
    pub(super) const fn operation_of_disk(&self) -> SimDuration {
        self.operation
    }

    pub(super) const fn disk_mut(&mut self) -> Option<&mut Station> {
        self.disk.as_mut()
    }

    /// So many operations of the disk one after the other, for a job of the member's own; false if the disk is not
    /// limited, or there is nothing to do.
    pub(super) fn read_in_sequence<P: Probe>(
        &mut self,
        job: CallId,
        operations: u64,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let span = SimDuration::from_nanos(self.operation.as_nanos().saturating_mul(operations));
        let Some(disk) = self.disk.as_mut().filter(|_| !span.is_zero()) else { return false };
        disk.demanded(span, cx);
        let now = cx.now();
        let call = cx.call_mut(job);
        call.flags.set(Flags::DISK);
        (call.demand, call.pool_asked) = (span, now);
        if disk.seize(job, 0, cx) == Seized::Granted {
            cx.serve(job, span);
        }
        true
    }

    /// Takes a job of the member's own out of whatever it waits for or holds.
    pub(super) fn withdraw_job<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call_mut(job);
        let (held, in_line) = (call.flags.take(Flags::DISK), call.flags.has(Flags::IN_LINE));
        let stay = cx.now().since(cx.call(job).pool_asked);
        if let Some(disk) = self.disk.as_mut().filter(|_| held) {
            if in_line {
                disk.renege(job, cx);
            } else if let Some(next) = disk.release(stay, cx) {
                let span = cx.call(next).demand;
                cx.serve(next, span);
            }
        } else {
            self.cores.cancel(job, cx);
        }
        cx.forget_step(job);
    }

    /// It takes over as the primary, having replayed so much.
    pub(super) fn takes_over(&mut self, replayed: u64) {
        if let Some(memory) = &mut self.working_set {
            memory.takes_over(replayed);
        }
    }

    /// Takes a statement out of whatever it waits for or holds; who holds its row next.
    pub(super) fn withdraw<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
        let call = cx.call(id);
        let (doing, in_line) = (call.pc.wrapping_sub(1), call.flags.has(Flags::IN_LINE));
        let stay = cx.now().since(call.pool_asked);
        match doing {
            phase::LOCK if in_line => self.leave_lock_line(id, cx),
            phase::CPU | phase::CONNECT => {
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
                cx.observe(Observation::Departed { resource: self.resources.wal, stay });
                self.observe_log(cx);
            }
            _ => {}
        }
        cx.forget_step(id);
        let next = self.unlock(id, cx);
        if let Some(next) = next {
            cx.call_mut(next).flags.set(Flags::LOCKED);
        }
        next
    }
}
