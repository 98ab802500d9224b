//! A database as it runs: its members, and what goes on between them.
//!
//! A statement runs at the member that its caller chose; see `member.rs` for what happens to it there.

use super::member::{Member, Progress, phase, query};
use super::reshard::{self, Resharding};
use super::spec::DatabaseBuild;
use crate::base::SimDuration;
use crate::engine::{
    CallId, Context, Disturbance, Flags, Layout, Limit, Node, Outcome, Probe, Reason, Signal, Timer, Withdrawal,
};

/// A database as it runs.
#[derive(Debug)]
pub struct Database {
    pub(super) build: DatabaseBuild,
    pub(super) members: Vec<Member>,
    pub(super) layout: Layout,
    pub(super) resharding: Option<Box<Resharding>>,
}

impl Database {
    /// A database that is idle.
    #[must_use]
    pub fn new(build: DatabaseBuild) -> Self {
        let members = (0..build.members.len()).map(|number| Member::new(&build, number as u16)).collect();
        Self { members, layout: build.spec.layout(), resharding: Resharding::new(&build), build }
    }

    /// Takes a statement as far as it goes, and whoever it makes room for.
    pub(super) fn advance<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            match cx.call(id).pc {
                phase::COPY => return self.copy_on(id, cx),
                phase::GATHERED => {
                    let outcome = cx.call(id).outcome;
                    next = self.finish(id, outcome, cx);
                    continue;
                }
                _ => {}
            }
            let member = &mut self.members[usize::from(cx.call(id).instance)];
            if member.advance(id, &self.build, cx) == Progress::Done {
                next = if cx.call(id).flags.has(Flags::BRANCH) {
                    self.branch_done(id, cx)
                } else {
                    self.answer(id, cx)
                };
            }
        }
    }

    /// A write becomes the row's newest version.
    pub(super) fn settle_row<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let query = query(&self.build, id, cx);
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
    }

    /// Answers a statement that is done; who holds its row next.
    fn answer<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
        self.settle_row(id, cx);
        let me = cx.me();
        self.finish(id, Outcome::ok(200, me), cx)
    }

    /// Answers a statement; who holds its row next.
    pub(super) fn finish<P: Probe>(
        &mut self,
        id: CallId,
        outcome: Outcome,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        let next = self.let_go(id, cx);
        if cx.call(id).flags.has(Flags::BRANCH) {
            self.join(id, outcome, cx);
        } else {
            cx.reply(id, outcome, 0);
        }
        next
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
    fn crash<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        self.members[usize::from(member)].crash();
        for call in cx.calls_at(member) {
            // Others end with the first that they were to help.
            if !cx.is_alive(call) || self.forget_copy(call, cx) {
                continue;
            }
            if let Some(next) = self.members[usize::from(member)].withdraw(call, cx) {
                self.advance(next, cx);
            }
            let record = cx.call_mut(call);
            record.wait_token = record.wait_token.wrapping_add(1); // its branches find nobody
            if record.flags.has(Flags::BRANCH) {
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
        if self.build.shards.is_none() || self.is_for_here(call, cx) {
            self.advance(call, cx);
        }
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.members[usize::from(cx.call(call).instance)].served(call, cx);
        self.advance(call, cx);
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.members[usize::from(cx.call(call).instance)].leave_lock_line(call, cx);
        let outcome = Outcome::error(503, cx.me(), Reason::LockTimeout);
        if let Some(next) = self.finish(call, outcome, cx) {
            self.advance(next, cx);
        }
    }

    /// The statement has taken as long as it may, wherever it is.
    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        let Some(limit) = self.build.spec.statement_timeout.map(SimDuration::from_secs_f64) else { return };
        if how != Withdrawal::Expired || cx.now().since(cx.call(call).arrived) < limit {
            return;
        }
        let member = usize::from(cx.call(call).instance);
        let next = self.members[member].withdraw(call, cx);
        let record = cx.call_mut(call);
        record.wait_token = record.wait_token.wrapping_add(1); // its branches find nobody
        record.pc = phase::DONE;
        let outcome = Outcome::error(503, cx.me(), Reason::StatementTimeout);
        self.finish(call, outcome, cx);
        if let Some(next) = next {
            self.advance(next, cx);
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => self.crash(instance, cx),
            Disturbance::Speed(speed) => self.members[usize::from(instance)].cores.set_speed(speed, cx),
            Disturbance::Restored | Disturbance::Draining | Disturbance::Flushed | Disturbance::Reset => {}
        }
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        if timer.topic >= reshard::TOPICS {
            return self.reshard(timer, cx);
        }
        let member = &mut self.members[timer.topic as usize];
        for id in member.flushed(timer.number, &self.build, cx) {
            self.advance(id, cx);
        }
    }

    fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
        while let Some(call) = self.members[station as usize].cores.finished(epoch, cx) {
            self.advance(call, cx);
        }
    }
}
