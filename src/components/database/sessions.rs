//! Transactions inside a database: what each has locked and written, by members, and who waits for whom.
//!
//! A statement of a transaction takes its row lock as any other does; when it is done, the lock and what it
//! wrote are kept until the transaction is committed or rolled back. A row is taken in the order in which
//! statements come, so two transactions that take two rows in opposite orders can each wait for the other:
//! whoever has waited for `deadlock_timeout` follows the graph of who waits for whom, and gives way if that
//! leads back to itself (as PostgreSQL; zero is to look at once, as InnoDB does). An error ends the
//! transaction at the member that it happened at; the rest ends when its caller has heard of it.
//!
//! Not modelled: shared locks, escalation, the locks of a statement that reads, what a transaction sees of its
//! own writes before it is committed.

use rustc_hash::FxHashMap;

use super::commit::Commit;
use super::member::{phase, query};
use super::spec::Deadlocks;
use super::state::{Database, topic};
use crate::base::{EntityId, SimDuration};
use crate::engine::deadlock::is_deadlocked;
use crate::engine::{CallId, Context, Flags, Observation, Outcome, Probe, Reason, Seen, Timer, Transacted};

/// One write that is not committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) entity: Option<EntityId>,
    pub(super) row: u64,
    /// The version that it carries, if it has one already.
    pub(super) carried: Seen,
    /// Bytes of the log.
    pub(super) wal: f64,
    /// Core time of applying it at a replica.
    pub(super) cost: SimDuration,
    /// Its place in the log, once it is there.
    pub(super) position: u64,
}

/// What a transaction has at one member.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) member: u16,
    pub(super) rows: Vec<(EntityId, u64)>,
    pub(super) writes: Vec<Pending>,
    /// Whether it has promised to commit.
    pub(super) prepared: bool,
    /// Whether it is to be committed as soon as its member is back.
    pub(super) owed: bool,
}

/// A transaction as the database knows it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Its latest statement.
    pub(super) statement: CallId,
    pub(super) parts: Vec<Part>,
    /// Whether it can only be rolled back.
    pub(super) aborted: bool,
    pub(super) commit: Option<Box<Commit>>,
}

impl Session {
    fn part(&mut self, member: u16) -> &mut Part {
        let at = self.parts.iter().position(|part| part.member == member).unwrap_or(self.parts.len());
        if at == self.parts.len() {
            let (rows, writes) = (Vec::new(), Vec::new());
            self.parts.push(Part { member, rows, writes, prepared: false, owed: false });
        }
        &mut self.parts[at]
    }
}

/// All transactions of a database, by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    pub(super) open: FxHashMap<u32, Session>,
}

/// The number of the transaction that a statement belongs to.
pub(super) fn transaction_of(id: CallId, cx: &Context<'_, impl Probe>) -> Option<u32> {
    let call = cx.call(id);
    call.flags.has(Flags::IN_TRANSACTION).then_some(call.site.0)
}

impl Database {
    /// A statement of a transaction has arrived: whether it may begin.
    pub(super) fn enrols<P: Probe>(&mut self, id: CallId, number: u32, cx: &mut Context<'_, P>) -> bool {
        // Whoever has left meanwhile has said so, or is about to.
        if !cx.is_alive(cx.call(id).parent) {
            self.finish(id, Outcome::error(499, cx.me(), Reason::Cancelled), cx);
            return false;
        }
        let fresh = Session { statement: id, parts: Vec::new(), aborted: false, commit: None };
        let session = self.sessions.open.entry(number).or_insert(fresh);
        session.statement = id;
        if session.aborted {
            self.finish(id, Outcome::error(503, cx.me(), Reason::RolledBack), cx);
            return false;
        }
        true
    }

    /// A statement of a transaction is done at its member: what it locked and wrote is kept. False if its
    /// transaction is no more.
    pub(super) fn keep<P: Probe>(&mut self, id: CallId, number: u32, cx: &mut Context<'_, P>) -> bool {
        let member = cx.call(id).instance;
        let Some(session) = self.sessions.open.get_mut(&number).filter(|session| !session.aborted) else {
            return false;
        };
        let row = self.members[usize::from(member)].keep_lock(id, number, cx);
        let query = query(&self.build, id, cx);
        if row.is_none() && !query.writes {
            return true;
        }
        let part = session.part(member);
        part.rows.extend(row);
        if query.writes {
            let cost = match &self.build.apply {
                Some(cost) => cx.draw_time(cost, id),
                None => cx.draw_time(&query.cpu, id).mul_f64(super::spec::SHARE_OF_APPLYING),
            };
            part.writes.push(Pending {
                entity: query.entity,
                row: cx.call(id).row,
                carried: cx.call(id).seen,
                wal: query.wal.as_ref().map_or(0.0, |wal| cx.draw(wal, id)),
                cost,
                position: 0,
            });
        }
        true
    }

    /// The statement waits for a row that it has to share: a deadlock is looked for, at once or later.
    pub(super) fn suspects_deadlock<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        let span = SimDuration::from_secs_f64(self.build.spec.deadlock_timeout);
        if span.is_zero() {
            self.look_for_deadlock(number, cx);
        } else {
            cx.timer(cx.now() + span, Timer { topic: topic::DEADLOCK, number });
        }
    }

    /// Whoever a transaction's statement waits for, if that is a transaction as well.
    fn waits_for<P: Probe>(&self, number: u32, only: Option<u16>, cx: &Context<'_, P>) -> Option<u32> {
        let session = self.sessions.open.get(&number)?;
        if !cx.is_in_line(session.statement) {
            return None;
        }
        let call = cx.call(session.statement);
        if call.pc != phase::LOCK + 1 || only.is_some_and(|member| member != call.instance) {
            return None;
        }
        self.members[usize::from(call.instance)].holder_of(session.statement)
    }

    /// A transaction that has waited long enough gives way if it waits for itself.
    pub(super) fn look_for_deadlock<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        let Some(session) = self.sessions.open.get(&number) else { return };
        let statement = session.statement;
        if !cx.is_in_line(statement) || cx.call(statement).pc != phase::LOCK + 1 {
            return;
        }
        let timeout = SimDuration::from_secs_f64(self.build.spec.deadlock_timeout);
        let waited = cx.now().since(cx.call(statement).asked);
        if waited < timeout {
            return; // an earlier wait
        }
        let everywhere =
            self.build.spec.shards.as_ref().is_some_and(|shards| shards.deadlocks == Deadlocks::Global);
        let member = cx.call(statement).instance;
        // Other shards are asked after twice as long (Citus).
        let twice = timeout + timeout;
        let only = (!everywhere || waited < twice).then_some(member);
        if !is_deadlocked(number, |of| self.waits_for(of, only, cx)) {
            if only.is_some() && everywhere {
                let since = cx.call(statement).asked;
                cx.timer(since + twice, Timer { topic: topic::DEADLOCK, number });
            }
            return;
        }
        cx.observe(Observation::Transaction { what: Transacted::Deadlocked });
        self.members[usize::from(member)].leave_lock_line(statement, cx);
        cx.forget_step(statement);
        self.finish(statement, Outcome::error(503, cx.me(), Reason::Deadlock), cx);
    }

    /// Something went wrong with a statement: its transaction can only be rolled back, and holds nothing at that
    /// member any more.
    pub(super) fn break_session<P: Probe>(&mut self, number: u32, member: u16, cx: &mut Context<'_, P>) {
        let Some(session) = self.sessions.open.get_mut(&number) else { return };
        session.aborted = true;
        if let Some(at) = session.parts.iter().position(|part| part.member == member) {
            let part = session.parts.swap_remove(at);
            self.release_rows(member, &part.rows, cx);
        }
    }

    /// A caller has rolled its transaction back. One that is being committed is the coordinator's.
    pub(super) fn rolled_back<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        let ends =
            |session: &Session| session.commit.is_none() && session.parts.iter().all(|part| !part.owed);
        if self.sessions.open.get(&number).is_some_and(ends) {
            self.end_session(number, cx);
        }
    }

    /// Whatever a transaction still holds is free.
    pub(super) fn end_session<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        let Some(session) = self.sessions.open.remove(&number) else { return };
        for part in session.parts {
            self.release_rows(part.member, &part.rows, cx);
        }
    }

    /// Rows that a transaction held go to whoever is next.
    pub(super) fn release_rows<P: Probe>(
        &mut self,
        member: u16,
        rows: &[(EntityId, u64)],
        cx: &mut Context<'_, P>,
    ) {
        for row in rows {
            if let Some(next) = self.members[usize::from(member)].free(*row, cx) {
                cx.forget_step(next); // its limit on waiting
                cx.call_mut(next).flags.set(Flags::LOCKED);
                self.reads.push_back(next);
            }
        }
    }

    /// A member is lost: what it had not promised to commit is forgotten there.
    pub(super) fn forget_sessions<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        let mut numbers: Vec<u32> = self.sessions.open.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let Some(session) = self.sessions.open.get_mut(&number) else { continue };
            let lost = |part: &Part| part.member == member && !part.prepared && !part.owed;
            if let Some(at) = session.parts.iter().position(lost) {
                let part = session.parts.swap_remove(at);
                session.aborted = true;
                self.release_rows(member, &part.rows, cx);
            }
        }
    }
}
