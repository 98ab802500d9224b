//! A database as it runs: its members, and what goes on between them.
//!
//! A statement runs at the member that its caller chose; see `member.rs` for what happens to it there,
//! `replicas.rs` for the way of what it wrote, and `failover.rs` for members that are lost.

use std::collections::VecDeque;

use super::capacity_units::{TableThroughput, units_of};
use super::copies::Copies;
use super::member::{Member, Progress, phase, query};
use super::replicas::APPLIES;
use super::replication::Shard;
use super::reshard::{self, Resharding};
use super::sessions::{Sessions, transaction_of};
use super::spec::{CapacitySpec, Consistency, DatabaseBuild};
use crate::base::SimDuration;
use crate::engine::partitioner::hash_of;
use crate::engine::{
    BUFFER_TIMER, CallId, Context, Disturbance, Flags, Layout, Limit, Node, Observation, Outcome, Probe,
    ROLLBACK_TIMER, Reason, Signal, Timer, Transacted, Withdrawal, Written,
};

/// What a timer is about, beside the member or shard in its lower half. Without any it is a member's flush.
pub(super) mod topic {
    pub(in super::super) const ARRIVED: u32 = 1 << 16;
    pub(in super::super) const ANSWERED: u32 = 2 << 16;
    pub(in super::super) const APPLY: u32 = 3 << 16;
    pub(in super::super) const SEND: u32 = 4 << 16;
    pub(in super::super) const PATIENCE: u32 = 5 << 16;
    pub(in super::super) const LOOK: u32 = 6 << 16;
    pub(in super::super) const PROMOTE: u32 = 7 << 16;
    pub(in super::super) const OUT: u32 = 8 << 16;
    pub(in super::super) const BACKGROUND: u32 = 9 << 16;
    pub(in super::super) const DEADLOCK: u32 = 10 << 16;
    pub(in super::super) const HINTS: u32 = 11 << 16;
}

/// A database as it runs.
#[derive(Debug)]
pub struct Database {
    pub(super) build: DatabaseBuild,
    pub(super) members: Vec<Member>,
    pub(super) layout: Layout,
    pub(super) resharding: Option<Box<Resharding>>,
    /// Empty where there are no replicas.
    pub(super) shards: Vec<Shard>,
    /// Writes that replicas have answered.
    pub(super) ready: VecDeque<CallId>,
    /// Statements that may go on: reads whose replica has what they must see, and those that hold their row now.
    pub(super) reads: VecDeque<CallId>,
    /// Writes that may begin, since less is owed to compaction.
    pub(super) begins: VecDeque<CallId>,
    pub(super) sessions: Sessions,
    pub(super) copies: Copies,
    /// Capacity units that are left.
    throughput: Option<Box<TableThroughput>>,
}

impl Database {
    /// A database that is idle.
    #[must_use]
    pub fn new(build: DatabaseBuild) -> Self {
        let members = (0..build.members.len()).map(|number| Member::new(&build, number as u16)).collect();
        Self {
            members,
            layout: build.spec.layout(),
            resharding: Resharding::new(&build),
            shards: Vec::new(),
            ready: VecDeque::new(),
            reads: VecDeque::new(),
            begins: VecDeque::new(),
            sessions: Sessions::default(),
            copies: Copies::default(),
            throughput: build.spec.capacity.as_ref().map(|capacity| {
                let CapacitySpec { throughput, partition, partitions, .. } = capacity;
                Box::new(TableThroughput::new(throughput, *partition, *partitions))
            }),
            build,
        }
    }

    /// Takes a statement as far as it goes, and whoever it makes room for.
    pub(super) fn advance<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            match cx.call(id).pc {
                phase::COPY | phase::COPY_CPU => return self.copy_on(id, cx),
                phase::BACKGROUND | phase::BACKGROUND_CPU => return self.background_on(id, cx),
                phase::GATHERED => {
                    let outcome = cx.call(id).outcome;
                    next = self.finish(id, outcome, cx);
                    continue;
                }
                _ => {}
            }
            let member = &mut self.members[usize::from(cx.call(id).instance)];
            let progress = member.advance(id, &self.build, cx);
            if !self.sessions.open.is_empty() {
                if progress == Progress::Done && self.is_commit(id, cx) {
                    self.commit_step(id, cx);
                    continue;
                }
                if let Some(number) = transaction_of(id, cx) {
                    next = self.advance_transaction(id, number, progress, cx);
                    continue;
                }
            }
            if progress == Progress::Done {
                // The answer of a part comes again when it has travelled back.
                let travelled = cx.call(id).flags.has(Flags::BRANCH) && cx.call(id).pc > phase::DONE + 1;
                let writes = !travelled && !self.shards.is_empty() && query(&self.build, id, cx).writes;
                if !writes || self.replicate(id, cx) {
                    next = self.answer(id, cx);
                }
            }
        }
    }

    /// A statement that may run begins, here or where its rows are.
    fn begin<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let transaction = transaction_of(call, cx);
        if transaction.is_some() && self.is_commit(call, cx) {
            self.commit(call, cx);
        } else if transaction.is_none_or(|number| self.enrols(call, number, cx))
            && (self.build.shards.is_none() || self.is_for_here(call, cx))
        {
            self.advance(call, cx);
        }
    }

    /// What a step of a transaction's statement led to; who holds its row next.
    fn advance_transaction<P: Probe>(
        &mut self,
        id: CallId,
        number: u32,
        progress: Progress,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        let call = cx.call(id);
        if progress == Progress::Waits {
            if call.pc == phase::LOCK + 1 && call.flags.has(Flags::IN_LINE) {
                self.suspects_deadlock(number, cx);
            }
            return None;
        }
        if call.flags.has(Flags::BRANCH) {
            return self.branch_done(id, cx);
        }
        if self.keep(id, number, cx) {
            let me = cx.me();
            self.finish(id, Outcome::ok(200, me), cx)
        } else {
            self.finish(id, Outcome::error(503, cx.me(), Reason::RolledBack), cx)
        }
    }

    /// Whoever waited for replicas, or for compaction, goes on.
    fn settle<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        loop {
            let next = if let Some(id) = self.ready.pop_front() {
                if cx.is_alive(id) { self.answer(id, cx) } else { None }
            } else if let Some(id) = self.reads.pop_front() {
                // Whoever was lost with its member meanwhile goes nowhere.
                let gone = |id: CallId| {
                    let flags = cx.call(id).flags;
                    flags.has(Flags::PARKED) || flags.has(Flags::LOST) || flags.has(Flags::ANSWERED)
                };
                Some(id).filter(|id| cx.is_alive(*id) && !gone(*id))
            } else if let Some(id) = self.begins.pop_front() {
                if cx.is_alive(id) {
                    self.begin(id, cx);
                }
                None
            } else {
                return;
            };
            if let Some(next) = next {
                self.advance(next, cx);
            }
        }
    }

    /// What a statement did is done, and, where that is asked for, replicated: it is answered, or its part is; who
    /// holds its row next.
    fn answer<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
        if cx.call(id).flags.has(Flags::BRANCH) {
            return self.branch_done(id, cx);
        }
        if !self.sessions.open.is_empty() && self.is_commit(id, cx) {
            self.committed_here(id, cx);
            return None;
        }
        self.settle_row(id, cx);
        let me = cx.me();
        self.finish(id, Outcome::ok(200, me), cx)
    }

    /// Takes the capacity units of a statement; false if there are too few.
    fn takes_units<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let Some(capacity) = &self.build.spec.capacity else { return true };
        let statement = query(&self.build, id, cx);
        let Some(entity) = statement.entity else { return true };
        let (writes, eventual) = (statement.writes, statement.consistency == Consistency::Eventual);
        let key = cx.row_of(id, capacity.by);
        let partition = (hash_of(key) % u64::from(capacity.partitions.max(1))) as u16;
        let bytes = cx.size_of(entity, cx.call(id).row, 0);
        let units = units_of(bytes, writes, !eventual, transaction_of(id, cx).is_some());
        let now = cx.now();
        self.throughput.as_mut().is_none_or(|table| table.take(partition, units, writes, now))
    }

    /// A write becomes the row's newest version.
    pub(super) fn settle_row<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let query = query(&self.build, id, cx);
        if query.writes && !self.shards.is_empty() && self.diverges(cx.call(id).instance) {
            return; // nobody else ever sees it
        }
        let query = &self.build.queries[cx.call(id).operation.index()];
        let writes = query.writes;
        if let Some(entity) = query.entity {
            let row = cx.call(id).row;
            if query.writes {
                // What a cache writes back was acknowledged already, as this version; a new row has none yet.
                let carried = cx.call(id).seen;
                if carried.entity == entity {
                    cx.ledger().store(entity, row, carried.version);
                    if carried.version == 0 {
                        cx.wrote(entity, Written::Acknowledged);
                    }
                    cx.wrote(entity, Written::Store);
                } else {
                    let version = cx.commit(entity, row);
                    cx.see(id, entity, version);
                }
                if cx.has_sagas() {
                    cx.mark_saga(id, entity, row);
                }
            }
        }
        if writes && !self.shards.is_empty() {
            self.acknowledged(id, cx);
        }
    }

    /// Answers a statement; who holds its row next.
    pub(super) fn finish<P: Probe>(
        &mut self,
        id: CallId,
        outcome: Outcome,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        let next = self.let_go(id, cx);
        if let Some(number) = transaction_of(id, cx)
            && !outcome.is_ok()
        {
            self.break_session(number, cx.call(id).instance, cx);
        }
        if cx.call(id).flags.has(Flags::BRANCH) {
            self.join(id, outcome, cx);
        } else {
            if outcome.is_ok() {
                let (operation, row) = (cx.call(id).operation.index(), cx.call(id).row);
                if let Some(query) = self.build.queries.get(operation) {
                    let entity = query.entity;
                    cx.meter_statement(id, query.writes, |cx| {
                        entity.map_or(0, |entity| cx.size_of(entity, row, 1))
                    });
                }
            }
            cx.reply(id, outcome, 0);
        }
        next
    }

    /// Ends a statement wherever it is.
    pub(super) fn end_early<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let member = usize::from(cx.call(call).instance);
        let next = self.members[member].withdraw(call, cx);
        if self.has_copies() {
            self.leave_copies(call, cx);
        }
        let record = cx.call_mut(call);
        record.wait_token = record.wait_token.wrapping_add(1); // its branches find nobody
        record.pc = phase::DONE;
        let held = self.finish(call, outcome, cx);
        for next in [next, held].into_iter().flatten() {
            self.advance(next, cx);
        }
    }

    /// Gives a statement's row to whoever holds it next.
    pub(super) fn let_go<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
        let member = &mut self.members[usize::from(cx.call(id).instance)];
        let next = member.unlock(id, cx);
        if let Some(next) = next {
            cx.forget_step(next); // its limit on waiting
            cx.call_mut(next).flags.set(Flags::LOCKED);
        }
        next
    }

    /// Everything in hand at a member is lost.
    pub(super) fn crash<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        self.members[usize::from(member)].crash();
        self.crash_background(member);
        if !self.sessions.open.is_empty() {
            self.lose_coordinator(member, cx);
            self.forget_sessions(member, cx);
        }
        for call in cx.calls_at(member) {
            // Others end with the first that they were to help.
            if !cx.is_alive(call)
                || cx.call(call).pc == APPLIES
                || self.forget_background(call, cx)
                || self.forget_copy(call, cx)
            {
                continue;
            }
            if self.has_copies() {
                self.leave_copies(call, cx);
            }
            if let Some(next) = self.members[usize::from(member)].withdraw(call, cx) {
                self.advance(next, cx);
            }
            let record = cx.call_mut(call);
            record.wait_token = record.wait_token.wrapping_add(1); // its branches find nobody
            if record.flags.has(Flags::BRANCH) && Some(record.operation) == self.build.commit_operation {
                self.lose_part(call, cx);
            } else if record.flags.has(Flags::BRANCH) {
                record.pc = phase::DONE;
                let outcome = Outcome::error(503, cx.me(), Reason::Unreachable);
                self.join(call, outcome, cx);
            } else {
                cx.lose(call);
            }
        }
    }
}

impl Node for Database {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        self.plan_resharding(cx);
        self.start_replicas(cx);
        self.start_background(cx);
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if !cx.accept_connection(call) {
            let outcome = Outcome::error(503, cx.me(), Reason::TooManyConnections);
            return cx.reply(call, outcome, 0);
        }
        if let Some(limit) = self.build.spec.statement_timeout {
            let at = cx.now() + SimDuration::from_secs_f64(limit);
            cx.schedule(at, Signal::TimedOut { call, token: 0, limit: Limit::Expired });
        }
        if self.throughput.is_some() && !self.is_commit(call, cx) && !self.takes_units(call, cx) {
            cx.observe(Observation::Transaction { what: Transacted::Throttled });
            let outcome = Outcome::error(429, cx.me(), Reason::CapacityExceeded);
            self.finish(call, outcome, cx);
            return self.settle(cx);
        }
        if !self.shards.is_empty() {
            let writes = query(&self.build, call, cx).writes;
            if let Some(reason) = self.refusal(cx.call(call).instance, writes) {
                return Self::refuse(call, reason, cx);
            }
            if !writes && self.waits_for_position(call, cx) {
                return;
            }
        }
        if self.build.spec.background.is_some()
            && query(&self.build, call, cx).writes
            && self.members[usize::from(cx.call(call).instance)].stalls(call, &self.build)
        {
            return;
        }
        self.begin(call, cx);
        self.settle(cx);
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.members[usize::from(cx.call(call).instance)].served(call, cx);
        self.advance(call, cx);
        self.settle(cx);
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.members[usize::from(cx.call(call).instance)].leave_lock_line(call, cx);
        let outcome = Outcome::error(503, cx.me(), Reason::LockTimeout);
        if let Some(next) = self.finish(call, outcome, cx) {
            self.advance(next, cx);
        }
        self.settle(cx);
    }

    /// The statement has taken as long as it may, wherever it is.
    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        if self.is_commit(call, cx) {
            return; // what is being committed is not stopped
        }
        let record = cx.call(call);
        let waits = record.flags.has(Flags::IN_LINE);
        // A query that waits for a lock is in a line; one that commits, or asks other shards, goes on.
        let doing = record.pc.wrapping_sub(1);
        let limit = self.build.spec.statement_timeout.map(SimDuration::from_secs_f64);
        let too_long =
            how == Withdrawal::Expired && limit.is_some_and(|limit| cx.now().since(record.arrived) >= limit);
        if !too_long
            && (doing >= phase::COMMIT || how == Withdrawal::Lines && !(waits && doing == phase::LOCK))
        {
            return;
        }
        let outcome = match how {
            _ if too_long => Outcome::error(503, cx.me(), Reason::StatementTimeout),
            Withdrawal::Expired => Outcome::error(504, cx.me(), Reason::Deadline),
            Withdrawal::Lines | Withdrawal::Work => Outcome::error(499, cx.me(), Reason::Cancelled),
        };
        self.end_early(call, outcome, cx);
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => {
                self.crash(instance, cx);
                self.member_lost(instance, cx);
                if self.has_copies() {
                    Self::copy_lost(instance, cx);
                }
            }
            Disturbance::Speed(speed) => self.members[usize::from(instance)].cores.set_speed(speed, cx),
            Disturbance::Restored => {
                self.member_restored(instance, cx);
                self.recover_commits(instance, cx);
                if self.has_copies() {
                    Self::copy_returned(instance, cx);
                }
            }
            Disturbance::Draining | Disturbance::Flushed | Disturbance::Reset => {}
            Disturbance::Joined | Disturbance::Parted | Disturbance::Consumer(_) => {}
        }
        self.settle(cx);
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        if reshard::is_about(timer) {
            self.reshard(timer, cx);
            return self.settle(cx);
        }
        let of = (timer.topic & 0xFFFF) as u16;
        let shard = self.shard_of(of);
        match timer.topic & !0xFFFF {
            0 => {
                let member = &mut self.members[usize::from(of)];
                for id in member.flushed(timer.number, &self.build, cx) {
                    self.advance(id, cx);
                }
            }
            BUFFER_TIMER => cx.expire_buffered(),
            ROLLBACK_TIMER => self.rolled_back(timer.number, cx),
            topic::HINTS => self.hand_over(of, cx),
            topic::DEADLOCK => self.look_for_deadlock(timer.number, cx),
            topic::ARRIVED => self.arrived(shard, of, cx),
            topic::ANSWERED => self.answered(shard, of, cx),
            topic::APPLY => self.pump(shard, of, cx),
            topic::SEND => self.send(shard, of, cx),
            topic::PATIENCE => self.patience(usize::from(of), cx),
            topic::LOOK => self.look(cx),
            topic::PROMOTE => self.promote(usize::from(of), timer.number, cx),
            topic::OUT => Self::noticed(of, cx),
            topic::BACKGROUND => self.background(of, timer.number, cx),
            _ => {}
        }
        self.settle(cx);
    }

    fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
        while let Some(call) = self.members[station as usize].cores.finished(epoch, cx) {
            if cx.call(call).pc == APPLIES {
                self.thread_done(call, cx);
            } else {
                self.advance(call, cx);
            }
        }
        self.settle(cx);
    }
}
