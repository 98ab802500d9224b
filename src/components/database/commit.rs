//! Committing transactions: at one member, at several by two-phase commit, or at one after the other.
//!
//! The member that the commit arrives at coordinates. Two phases take two round trips and three flushes of the
//! log one after the other, of which one would have done: each shard's promise, the decision, each shard's
//! commit. Row locks are held until the shard has committed. If the coordinator is lost after shards have
//! promised, they are in doubt: they hold their locks until it is back and reads its log, where no decision
//! means to roll back. A shard that is lost after the decision commits when it is back.
//!
//! At one after the other (Vitess' `multi`), a shard that fails leaves those before it committed: a transaction
//! that is half done, which is counted.
//!
//! Not modelled: a coordinator other than a shard, waiting for replicas in either phase (only a commit at one
//! member does), a promotion of a replica while a transaction is in doubt.

use super::member::phase;
use super::replication::Record;
use super::sessions::Pending;
use super::spec::CrossShard;
use super::state::Database;
use super::two_phase_commit::{Next, TwoPhaseCommit};
use crate::base::OperationId;
use crate::base::random::{Key, StreamName};
use crate::engine::{
    CallId, Context, Flags, Life, Observation, Outcome, Probe, Reason, Request, SiteId, Transacted, Written,
};

/// Where a commit is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// At the only member that was written at, which is the one that it arrived at.
    Local,
    /// By two phases.
    TwoPhases,
    /// One after the other; so many are done.
    OneByOne(usize),
}

/// A commit under way.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    call: CallId,
    coordinator: u16,
    participants: Vec<u16>,
    machine: TwoPhaseCommit,
    stage: Stage,
    /// Whether the coordinator lives.
    led: bool,
    /// Whether nobody waits for it any more: the coordinator does it for itself after its return.
    internal: bool,
}

impl Database {
    /// Whether a call is a commit, or a part of one.
    pub(super) fn is_commit<P: Probe>(&self, id: CallId, cx: &Context<'_, P>) -> bool {
        Some(cx.call(id).operation) == self.build.commit_operation
    }

    /// A commit has arrived.
    pub(super) fn commit<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call_mut(id);
        call.flags.take(Flags::IN_TRANSACTION);
        let (number, here) = (call.site.0, call.instance);
        let Some(session) = self.sessions.open.get_mut(&number).filter(|session| !session.aborted) else {
            self.end_session(number, cx);
            self.finish(id, Outcome::error(503, cx.me(), Reason::RolledBack), cx);
            return;
        };
        let wrote = session.parts.iter().filter(|part| !part.writes.is_empty());
        let participants: Vec<u16> = wrote.map(|part| part.member).collect();
        let one_by_one =
            self.build.spec.shards.as_ref().is_some_and(|s| s.cross_shard == CrossShard::BestEffort);
        let stage = match participants.as_slice() {
            [] => {
                self.end_session(number, cx);
                return self.answer_commit(id, true, cx);
            }
            [one] if *one == here => Stage::Local,
            [_] => Stage::OneByOne(0),
            _ if one_by_one => Stage::OneByOne(0),
            _ => Stage::TwoPhases,
        };
        let machine = TwoPhaseCommit::begin(participants.len() as u16);
        let coordinator = here;
        let commit =
            Commit { call: id, coordinator, participants, machine, stage, led: true, internal: false };
        let wal: f64 = session.parts.iter().flat_map(|part| &part.writes).map(|write| write.wal).sum();
        session.commit = Some(Box::new(commit));
        match stage {
            Stage::Local => {
                let call = cx.call_mut(id);
                (call.pc, call.bytes) = (phase::COMMIT, wal as u64);
                self.advance(id, cx);
            }
            Stage::OneByOne(_) => self.next_one(number, cx),
            Stage::TwoPhases => self.tell_all(number, cx),
        }
    }

    /// Tells all who take part what the phase is.
    fn tell_all<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        let Some(commit) = self.commit_of(number) else { return };
        for member in commit.participants.clone() {
            if !self.tell(number, member, cx) {
                self.unreached(number, member, cx);
            }
        }
    }

    fn commit_of(&mut self, number: u32) -> Option<&mut Commit> {
        self.sessions.open.get_mut(&number)?.commit.as_deref_mut()
    }

    /// Tells one member; false if it is not there.
    fn tell<P: Probe>(&mut self, number: u32, member: u16, cx: &mut Context<'_, P>) -> bool {
        let Some(commit) = self.commit_of(number) else { return true };
        let (call, coordinator, phase) = (commit.call, commit.coordinator, commit.machine.phase());
        if cx.life(cx.me(), member) > Life::Draining || !cx.is_alive(call) {
            return false;
        }
        let aborts = phase == super::two_phase_commit::Phase::Aborting;
        let parts = self.sessions.open.get(&number).map_or(&[][..], |session| &session.parts);
        let part = parts.iter().find(|part| part.member == member);
        let wal: f64 = part.map_or(0.0, |part| part.writes.iter().map(|write| write.wal).sum());
        let branch = cx.branch(call, 0);
        let record = cx.call_mut(branch);
        (record.instance, record.site) = (member, SiteId(number));
        record.luck = record.luck.with(u64::from(member)).with(phase as u64);
        // Rolling back is not written to the log (presumed abort).
        record.pc = if aborts { phase::DONE } else { phase::COMMIT };
        record.bytes = wal as u64;
        let way = self.way(branch, coordinator, cx);
        if way.is_zero() {
            self.advance(branch, cx);
        } else {
            cx.serve(branch, way);
        }
        true
    }

    /// A commit, or a part of one, has been written to its member's log, or has come back from there.
    pub(super) fn commit_step<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let record = cx.call(id);
        let (number, member, back) = (record.site.0, record.instance, record.pc > phase::DONE + 1);
        if !record.flags.has(Flags::BRANCH) {
            let Some(commit) = self.commit_of(number) else {
                return self.answer_commit(id, false, cx);
            };
            if commit.stage == Stage::Local {
                if self.log(number, member, Some(id), cx) {
                    self.committed_here(id, cx);
                }
            } else if commit.machine.logged().is_some() {
                self.tell_all(number, cx);
            }
            return;
        }
        if !back {
            self.act(number, member, cx);
            let parent = cx.call(id).parent;
            let from = if cx.is_alive(parent) { cx.call(parent).instance } else { member };
            let way = self.way(id, from, cx);
            if !way.is_zero() {
                return cx.serve(id, way);
            }
        }
        let parent = cx.call(id).parent;
        cx.end_branch(id);
        // Whoever coordinated then may be no more.
        if self.commit_of(number).is_some_and(|commit| commit.call == parent) {
            self.heard(number, true, cx);
        }
    }

    /// A member does what it was told.
    fn act<P: Probe>(&mut self, number: u32, member: u16, cx: &mut Context<'_, P>) {
        use super::two_phase_commit::Phase;
        let Some(commit) = self.commit_of(number) else { return };
        let told = match commit.stage {
            Stage::OneByOne(_) => Phase::Committing,
            _ => commit.machine.phase(),
        };
        match told {
            Phase::Preparing => {
                let parts = self.sessions.open.get_mut(&number).map(|session| &mut session.parts);
                if let Some(part) = parts.and_then(|parts| parts.iter_mut().find(|p| p.member == member)) {
                    part.prepared = true;
                }
            }
            Phase::Committing => self.commit_part(number, member, cx),
            Phase::Deciding | Phase::Aborting | Phase::Done => {
                if let Some(session) = self.sessions.open.get_mut(&number)
                    && let Some(at) = session.parts.iter().position(|part| part.member == member)
                {
                    let part = session.parts.swap_remove(at);
                    self.release_rows(member, &part.rows, cx);
                }
            }
        }
    }

    /// A member commits its part: others see what it wrote, and may have its rows.
    fn commit_part<P: Probe>(&mut self, number: u32, member: u16, cx: &mut Context<'_, P>) {
        self.log(number, member, None, cx);
        let Some(session) = self.sessions.open.get_mut(&number) else { return };
        let call = session.commit.as_ref().map_or(CallId::NONE, |commit| commit.call);
        let Some(at) = session.parts.iter().position(|part| part.member == member) else { return };
        let part = session.parts.swap_remove(at);
        self.publish(call, member, &part.writes, cx);
        self.release_rows(member, &part.rows, cx);
    }

    /// What a member has committed goes to its replicas; false if a commit has to wait for their answers.
    fn log<P: Probe>(
        &mut self,
        number: u32,
        member: u16,
        waits: Option<CallId>,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let now = cx.now();
        let at = self.shard_of(member);
        if self.shards.get(at).is_none_or(|shard| shard.primary != member) {
            return true;
        }
        let Some(session) = self.sessions.open.get_mut(&number) else { return true };
        let part = session.parts.iter_mut().find(|part| part.member == member);
        let mut last = 0;
        for write in part.into_iter().flat_map(|part| &mut part.writes) {
            let Pending { entity, row, cost, .. } = *write;
            let record = Record { entity, row, at: now, cost, acknowledged: false, removes: false };
            write.position = self.shards[at].log.append(record);
            last = write.position;
        }
        self.ship(at, waits.map(|id| (id, last)), cx)
    }

    /// Writes of a member become the newest versions of their rows.
    fn publish<P: Probe>(&mut self, id: CallId, member: u16, writes: &[Pending], cx: &mut Context<'_, P>) {
        let replicated = !self.shards.is_empty();
        for write in writes {
            if replicated && self.diverges(member) {
                continue; // nobody else ever sees it
            }
            let Some(entity) = write.entity else { continue };
            if write.carried.entity == entity {
                cx.ledger().store(entity, write.row, write.carried.version);
                if write.carried.version == 0 {
                    cx.wrote(entity, Written::Acknowledged);
                }
                cx.wrote(entity, Written::Store);
            } else {
                let version = cx.commit(entity, write.row);
                if cx.is_alive(id) {
                    cx.call_mut(id).row = write.row;
                    cx.see(id, entity, version);
                }
            }
            if cx.is_alive(id) && cx.has_sagas() {
                cx.mark_saga(id, entity, write.row);
            }
            if replicated {
                self.acknowledge_write(id, member, (entity, write.row), write.position, cx);
            }
        }
    }

    /// A commit at one member is done, and replicated where that is asked for.
    pub(super) fn committed_here<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let (number, member) = (cx.call(id).site.0, cx.call(id).instance);
        let writes = self.sessions.open.get_mut(&number).and_then(|session| {
            let part = session.parts.iter_mut().find(|part| part.member == member)?;
            Some(std::mem::take(&mut part.writes))
        });
        self.publish(id, member, &writes.unwrap_or_default(), cx);
        self.end_session(number, cx);
        self.answer_commit(id, true, cx);
    }

    /// A member has done as it was told, or could not.
    fn heard<P: Probe>(&mut self, number: u32, done: bool, cx: &mut Context<'_, P>) {
        let Some(commit) = self.commit_of(number).filter(|commit| commit.led) else { return };
        if let Stage::OneByOne(count) = &mut commit.stage {
            if done {
                *count += 1;
                return self.next_one(number, cx);
            }
            let half = *count > 0;
            if half {
                cx.observe(Observation::Transaction { what: Transacted::HalfCommitted });
            }
            return self.decided(number, false, cx);
        }
        let voting = commit.machine.phase() == super::two_phase_commit::Phase::Preparing;
        let next = if voting { commit.machine.voted(done) } else { commit.machine.acknowledged() };
        match next {
            None => {}
            Some(Next::LogCommit) => {
                let call = commit.call;
                let record = cx.call_mut(call);
                (record.pc, record.bytes) = (phase::COMMIT, 0);
                self.advance(call, cx);
            }
            Some(Next::Commit | Next::Abort) => self.tell_all(number, cx),
            Some(Next::Answer { committed }) => self.decided(number, committed, cx),
        }
    }

    /// A member could not be told, or was lost before it had done what it was told.
    fn unreached<P: Probe>(&mut self, number: u32, member: u16, cx: &mut Context<'_, P>) {
        use super::two_phase_commit::Phase;
        let Some(commit) = self.commit_of(number) else { return };
        let two = commit.stage == Stage::TwoPhases;
        let phase = commit.machine.phase();
        if two && phase == Phase::Committing {
            // What is decided is done when it is back.
            let parts = self.sessions.open.get_mut(&number).map(|session| &mut session.parts);
            if let Some(part) = parts.and_then(|parts| parts.iter_mut().find(|part| part.member == member)) {
                part.owed = true;
            }
        }
        self.heard(number, !two || phase != Phase::Preparing, cx);
    }

    /// A part of a commit is lost with its member.
    pub(super) fn lose_part<P: Probe>(&mut self, branch: CallId, cx: &mut Context<'_, P>) {
        let (number, member, parent) =
            (cx.call(branch).site.0, cx.call(branch).instance, cx.call(branch).parent);
        cx.end_branch(branch);
        let Some(commit) = self.commit_of(number).filter(|commit| commit.call == parent) else { return };
        if matches!(commit.stage, Stage::OneByOne(_)) {
            self.heard(number, false, cx);
        } else {
            self.unreached(number, member, cx);
        }
    }

    /// The next of the members that commit one after the other.
    fn next_one<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        let Some(commit) = self.commit_of(number) else { return };
        let Stage::OneByOne(done) = commit.stage else { return };
        match commit.participants.get(done).copied() {
            None => self.decided(number, true, cx),
            Some(member) => {
                if !self.tell(number, member, cx) {
                    self.heard(number, false, cx);
                }
            }
        }
    }

    /// All is done: the caller is answered, and what is left of the transaction is free.
    fn decided<P: Probe>(&mut self, number: u32, committed: bool, cx: &mut Context<'_, P>) {
        let Some(session) = self.sessions.open.get_mut(&number) else { return };
        let Some(commit) = session.commit.take() else { return };
        if session.parts.iter().any(|part| part.owed) {
            let given = session.parts.extract_if(.., |part| !part.owed).collect::<Vec<_>>();
            for part in given {
                self.release_rows(part.member, &part.rows, cx);
            }
        } else {
            self.end_session(number, cx);
        }
        if commit.internal {
            cx.close_internal(commit.call);
            self.observe_doubt(cx);
            if committed {
                cx.observe(Observation::Transaction { what: Transacted::Committed });
            }
        } else {
            self.answer_commit(commit.call, committed, cx);
        }
    }

    fn answer_commit<P: Probe>(&mut self, id: CallId, committed: bool, cx: &mut Context<'_, P>) {
        let me = cx.me();
        if committed {
            cx.observe(Observation::Transaction { what: Transacted::Committed });
            self.finish(id, Outcome::ok(200, me), cx);
        } else {
            self.finish(id, Outcome::error(503, me, Reason::RolledBack), cx);
        }
    }

    /// A member is lost: what it coordinates is not led any more.
    pub(super) fn lose_coordinator<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        let mut gone = Vec::new();
        for (number, session) in &mut self.sessions.open {
            let Some(commit) = session.commit.as_deref_mut().filter(|c| c.coordinator == member) else {
                continue;
            };
            commit.led = false;
            if commit.stage != Stage::TwoPhases {
                gone.push((*number, matches!(commit.stage, Stage::OneByOne(1..))));
            } else if std::mem::take(&mut commit.internal) {
                cx.close_internal(commit.call);
            }
        }
        gone.sort_unstable();
        // Whoever commits at one after the other has no log that says so.
        for (number, half) in gone {
            if half {
                cx.observe(Observation::Transaction { what: Transacted::HalfCommitted });
            }
            self.end_session(number, cx);
        }
        self.observe_doubt(cx);
    }

    /// Whether any transaction is in doubt.
    fn observe_doubt<P: Probe>(&self, cx: &mut Context<'_, P>) {
        let Some(resource) = self.build.in_doubt else { return };
        let doubt = |session: &super::sessions::Session| session.commit.as_ref().is_some_and(|c| !c.led);
        let present = u32::from(self.sessions.open.values().any(doubt));
        cx.observe(Observation::Level { resource, present });
    }

    /// A member is back: it reads in its log what had been decided, and commits what it owes.
    pub(super) fn recover_commits<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        if self.sessions.open.is_empty() {
            return;
        }
        let mut numbers: Vec<u32> = self.sessions.open.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            let Some(session) = self.sessions.open.get_mut(&number) else { continue };
            if session.parts.iter().any(|part| part.member == member && part.owed) {
                self.commit_part(number, member, cx);
                let empty = self.sessions.open.get(&number);
                if empty.is_some_and(|session| session.commit.is_none() && session.parts.is_empty()) {
                    self.sessions.open.remove(&number);
                }
            }
            let Some(commit) = self.commit_of(number).filter(|c| !c.led && c.coordinator == member) else {
                continue;
            };
            let next = commit.machine.recovered();
            (commit.led, commit.internal) = (true, true);
            let me = cx.me();
            let luck = Key::root(0, u64::from(number)).named(StreamName::new("recovery"));
            let luck = luck.with(u64::from(me.0));
            let request = Request::new(me, OperationId(0), luck, cx.now());
            let job = cx.open_internal(request);
            let operation = self.build.commit_operation.unwrap_or(OperationId(0));
            let record = cx.call_mut(job);
            (record.instance, record.operation, record.site) = (member, operation, SiteId(number));
            if let Some(commit) = self.commit_of(number) {
                commit.call = job;
            }
            if next.is_some() {
                self.tell_all(number, cx);
            } else {
                self.decided(number, true, cx);
            }
        }
        self.observe_doubt(cx);
    }
}
