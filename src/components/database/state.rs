//! A database as it runs: its members, and what goes on between them.
//!
//! A statement runs at the member that its caller chose; see `member.rs` for what happens to it there.

use super::member::{Member, Progress, query};
use super::spec::DatabaseBuild;
use crate::engine::{CallId, Context, Disturbance, Flags, Node, Outcome, Probe, Reason, Timer};

/// A database as it runs.
#[derive(Debug)]
pub struct Database {
    build: DatabaseBuild,
    members: Vec<Member>,
}

impl Database {
    /// A database that is idle.
    #[must_use]
    pub fn new(build: DatabaseBuild) -> Self {
        let members = (0..build.members.len()).map(|number| Member::new(&build, number as u16)).collect();
        Self { members, build }
    }

    /// Takes a statement as far as it goes, and whoever it makes room for.
    fn advance<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let member = &mut self.members[usize::from(cx.call(id).instance)];
            if member.advance(id, &self.build, cx) == Progress::Done {
                next = self.answer(id, cx);
            }
        }
    }

    /// Answers a statement that is done; who holds its row next.
    fn answer<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
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
        let me = cx.me();
        self.finish(id, Outcome::ok(200, me), cx)
    }

    /// Answers a statement; who holds its row next.
    fn finish<P: Probe>(&mut self, id: CallId, outcome: Outcome, cx: &mut Context<'_, P>) -> Option<CallId> {
        let member = &mut self.members[usize::from(cx.call(id).instance)];
        let next = member.unlock(id, cx);
        cx.reply(id, outcome, 0);
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
            if let Some(next) = self.members[usize::from(member)].withdraw(call, cx) {
                self.advance(next, cx);
            }
            cx.lose(call);
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

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => self.crash(instance, cx),
            Disturbance::Speed(speed) => self.members[usize::from(instance)].cores.set_speed(speed, cx),
            Disturbance::Restored | Disturbance::Draining | Disturbance::Flushed | Disturbance::Reset => {}
        }
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
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
