//! What goes on between a primary and its replicas: sending, applying, answering, waiting.

use super::replication::{Follower, Record, Shard};
use super::spec::{DatabaseBuild, Level, Replication, SHARE_OF_APPLYING};
use super::state::{Database, topic};
use crate::base::random::{Key, StreamName};
use crate::base::{EntityId, SimDuration, SimTime};
use crate::engine::{CallId, Context, Demand, LAG_UNIT, Observation, Outcome, Probe, Reason, Timer};

/// Marks the threads that apply; a statement's `pc` is never that large.
pub(super) const APPLIES: u16 = u16::MAX;
/// How often lag and contact are looked at (a choice: monitors ask every second or so).
pub(super) const LOOK_EVERY: SimDuration = SimDuration::from_secs(1);
/// How often a replica that waits for reads looks whether they have ended.
const CONFLICT_EVERY: SimDuration = SimDuration::from_millis(100);
/// After a cut, TCP sends again at the latest after this (Linux' least retransmission timeout).
const RESEND: SimDuration = SimDuration::from_millis(200);

/// How many replicas must answer before a commit is acknowledged.
fn answers_needed(build: &DatabaseBuild) -> usize {
    let Some(replicas) = &build.spec.replicas else { return 0 };
    match replicas.mode {
        Replication::Async | Replication::SharedStorage(_) => 0,
        Replication::SemiSync { acknowledgements, .. } | Replication::Sync { acknowledgements, .. } => {
            usize::from(acknowledgements)
        }
        // With the primary a majority of count + 1.
        Replication::Quorum => usize::from(replicas.count).div_ceil(2),
    }
}

fn level(build: &DatabaseBuild) -> Level {
    match build.spec.replicas.as_ref().map(|replicas| &replicas.mode) {
        Some(Replication::Sync { level, .. }) => *level,
        _ => Level::Write,
    }
}

impl Database {
    /// The shards, none where there are no replicas.
    pub(super) fn start_replicas<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let layout = self.build.spec.layout();
        let Some(replicas) = &self.build.spec.replicas else { return };
        for shard in 0..layout.shards {
            let followers = layout.members_of(shard).skip(1).map(|member| {
                let threads = (0..replicas.threads).map(|_| {
                    let job = cx.open_job(member);
                    cx.call_mut(job).pc = APPLIES;
                    job
                });
                let threads = threads.collect();
                Follower::new(member, 0, threads)
            });
            self.shards.push(Shard {
                primary: layout.primary(shard),
                followers: followers.collect(),
                log: super::replication::Log::default(),
                unanswered: std::collections::VecDeque::new(),
                degraded: false,
                led: true,
                out: false,
                outage: self.build.outages[usize::from(shard)],
                promotion: 0,
                heir: None,
                silent_since: None,
                former: None,
            });
        }
        for shard in &self.shards {
            shard.followers.iter().for_each(|f| self.members[usize::from(f.member)].sees = Some(0));
        }
        cx.timer(cx.now() + LOOK_EVERY, Timer { topic: topic::LOOK, number: 0 });
    }

    pub(super) fn shard_of(&self, member: u16) -> usize {
        usize::from(self.build.spec.layout().shard_of(member))
    }

    /// A write is on the primary's disk: it goes to the replicas. False if it waits for their answers.
    pub(super) fn replicate<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let (member, now) = (cx.call(id).instance, cx.now());
        let at = self.shard_of(member);
        if self.shards.is_empty() || self.shards[at].primary != member {
            return true;
        }
        let query = super::member::query(&self.build, id, cx);
        let cost = match &self.build.apply {
            Some(cost) => cx.draw_time(cost, id),
            None => cx.draw_time(&query.cpu, id).mul_f64(SHARE_OF_APPLYING),
        };
        let (entity, row) = (query.entity, cx.call(id).row);
        let shard = &mut self.shards[at];
        let position =
            shard.log.append(Record { entity, row, at: now, cost, acknowledged: false, removes: false });
        cx.call_mut(id).bytes = position;
        self.ship(at, Some((id, position)), cx)
    }

    /// What is new in a shard's log goes to the replicas. False if a call waits for their answers, up to its
    /// position.
    pub(super) fn ship<P: Probe>(
        &mut self,
        at: usize,
        waiting: Option<(CallId, u64)>,
        cx: &mut Context<'_, P>,
    ) -> bool {
        let now = cx.now();
        let needed = answers_needed(&self.build);
        let shard = &mut self.shards[at];
        let waits = waiting.filter(|_| needed > 0 && !shard.degraded);
        if let Some((id, position)) = waits {
            shard.unanswered.push_back((now, position, id));
            if let Some(Replication::SemiSync { patience, .. }) =
                self.build.spec.replicas.as_ref().map(|replicas| &replicas.mode)
            {
                let timer = Timer { topic: topic::PATIENCE | at as u32, number: 0 };
                cx.timer(now + SimDuration::from_secs_f64(*patience), timer);
            }
        }
        let followers: Vec<u16> = self.shards[at].followers.iter().map(|f| f.member).collect();
        for follower in followers {
            self.send(at, follower, cx);
            self.observe_lag(at, follower, cx);
        }
        waits.is_none()
    }

    fn luck(&self, purpose: &'static str, member: u16, position: u64) -> Key {
        self.build.key.named(StreamName::new(purpose)).with(u64::from(member)).with(position)
    }

    fn drawn<P: Probe>(demand: &Demand, luck: Key, cx: &Context<'_, P>) -> SimDuration {
        SimDuration::from_secs_f64(cx.draw_for(demand, luck))
    }

    /// Sends a follower what it was not sent yet.
    pub(super) fn send<P: Probe>(&mut self, at: usize, member: u16, cx: &mut Context<'_, P>) {
        let (primary, end, led, now) = {
            let shard = &self.shards[at];
            (shard.primary, shard.log.end(), shard.led, cx.now())
        };
        let luck = self.luck("log", member, end);
        let shared = self.build.shared_lag.as_ref().map(|lag| Self::drawn(lag, luck, cx));
        let Some(follower) = self.shards[at].follower(member) else { return };
        if !led || !follower.up || follower.sent >= end {
            return;
        }
        // Storage that all share is reached whether or not the primary is.
        let span = match shared {
            Some(lag) => Ok(lag),
            None => cx.between_members((primary, member), self.build.path, luck),
        };
        let span = match span {
            Ok(span) => span,
            Err(SimTime::MAX) => return,
            Err(until) => {
                return cx.timer(until + RESEND, Timer { topic: topic::SEND | u32::from(member), number: 0 });
            }
        };
        follower.sent = end;
        // In order, as on one connection.
        let last = follower.coming.back().map_or(now, |(arrives, _)| *arrives);
        let arrives = (now + span).max(last);
        follower.coming.push_back((arrives, end));
        if arrives <= now {
            self.arrived(at, member, cx);
        } else {
            cx.timer(arrives, Timer { topic: topic::ARRIVED | u32::from(member), number: 0 });
        }
    }

    /// Part of the log has arrived at a follower.
    pub(super) fn arrived<P: Probe>(&mut self, at: usize, member: u16, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let shared = self.build.shared_lag.is_some();
        let Some(follower) = self.shards[at].follower(member) else { return };
        let mut arrived = false;
        while let Some((_, position)) = follower.coming.pop_front_if(|(arrives, _)| *arrives <= now) {
            follower.received = follower.received.max(position);
            arrived = true;
        }
        if !arrived || !follower.up {
            return;
        }
        if shared {
            (follower.begun, follower.applied) = (follower.received, follower.received);
            return self.applied(at, member, cx);
        }
        let received = follower.received;
        match level(&self.build) {
            Level::Write => self.answer_primary(at, member, received, SimDuration::ZERO, cx),
            Level::Flush => {
                let luck = self.luck("flush", member, received);
                let flush = self.build.commit.as_ref().map(|commit| Self::drawn(commit, luck, cx));
                self.answer_primary(at, member, received, flush.unwrap_or_default(), cx);
            }
            Level::Apply => {}
        }
        self.pump(at, member, cx);
    }

    /// A follower says that it has the log up to a position.
    fn answer_primary<P: Probe>(
        &mut self,
        at: usize,
        member: u16,
        position: u64,
        after: SimDuration,
        cx: &mut Context<'_, P>,
    ) {
        if answers_needed(&self.build) == 0 {
            return;
        }
        let (primary, now) = (self.shards[at].primary, cx.now());
        let luck = self.luck("answer", member, position);
        let span = match cx.between_members((member, primary), self.build.path, luck) {
            Ok(span) => span,
            Err(SimTime::MAX) => return,
            Err(until) => until.since(now) + RESEND,
        };
        let Some(follower) = self.shards[at].follower(member) else { return };
        let last = follower.answers.back().map_or(now, |(arrives, _)| *arrives);
        let arrives = (now + after + span).max(last);
        follower.answers.push_back((arrives, position));
        if arrives <= now {
            self.answered(at, member, cx);
        } else {
            cx.timer(arrives, Timer { topic: topic::ANSWERED | u32::from(member), number: 0 });
        }
    }

    /// An answer of a follower has reached the primary: whoever waited for it goes on.
    pub(super) fn answered<P: Probe>(&mut self, at: usize, member: u16, cx: &mut Context<'_, P>) {
        let (now, needed) = (cx.now(), answers_needed(&self.build));
        let shard = &mut self.shards[at];
        let Some(follower) = shard.follower(member) else { return };
        while let Some((_, position)) = follower.answers.pop_front_if(|(arrives, _)| *arrives <= now) {
            follower.acknowledged = follower.acknowledged.max(position);
        }
        let known = shard.known_to(needed);
        if shard.degraded && known >= shard.log.end() {
            shard.degraded = false;
        }
        while let Some((.., id)) = shard.unanswered.pop_front_if(|(_, position, _)| *position <= known) {
            self.ready.push_back(id);
        }
    }

    /// Patience with the replicas may have ended: then nobody waits for them until they have caught up.
    pub(super) fn patience<P: Probe>(&mut self, at: usize, cx: &mut Context<'_, P>) {
        let Some(Replication::SemiSync { patience, .. }) =
            self.build.spec.replicas.as_ref().map(|replicas| &replicas.mode)
        else {
            return;
        };
        let (now, patience) = (cx.now(), SimDuration::from_secs_f64(*patience));
        let Some(shard) = self.shards.get_mut(at) else { return };
        if shard.unanswered.front().is_some_and(|(since, ..)| now.since(*since) >= patience) {
            shard.degraded = true;
            self.ready.extend(shard.unanswered.drain(..).map(|(.., id)| id));
        }
    }

    /// Gives idle threads of a follower what has arrived.
    pub(super) fn pump<P: Probe>(&mut self, at: usize, member: u16, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let delay = cx.apply_delay(member);
        loop {
            let shard = &mut self.shards[at];
            let Some(index) = shard.followers.iter().position(|f| f.member == member) else { return };
            let follower = &mut shard.followers[index];
            if !follower.up || follower.begun >= follower.received {
                return;
            }
            let Some(thread) = follower.threads.iter().position(|(_, record)| record.is_none()) else {
                return;
            };
            let Some(record) = shard.log.after(follower.begun) else { return };
            if record.at + delay > now {
                let timer = Timer { topic: topic::APPLY | u32::from(member), number: 0 };
                return cx.timer(record.at + delay, timer);
            }
            let (removes, began) = (record.removes, record.at);
            if removes {
                if now < follower.look_again {
                    return; // there is a timer
                }
                if self.conflicts(member, began, cx) {
                    self.shards[at].followers[index].look_again = now + CONFLICT_EVERY;
                    let topic = topic::APPLY | u32::from(member);
                    return cx.timer(now + CONFLICT_EVERY, Timer { topic, number: 0 });
                }
            }
            let shard = &mut self.shards[at];
            let follower = &mut shard.followers[index];
            let Some(record) = shard.log.after(follower.begun) else { return };
            follower.begun += 1;
            let position = follower.begun;
            if record.cost.is_zero() {
                if follower.apply(position) {
                    self.applied(at, member, cx);
                }
                continue;
            }
            follower.threads[thread].1 = Some(position);
            let job = follower.threads[thread].0;
            let cost = record.cost;
            self.members[usize::from(member)].cores.work(job, cost, cx);
        }
    }

    /// The primary has removed old versions of an entity's rows: its followers are to do the same.
    pub(super) fn cleaned<P: Probe>(&mut self, member: u16, entity: EntityId, cx: &mut Context<'_, P>) {
        let (at, now) = (self.shard_of(member), cx.now());
        let Some(shard) = self.shards.get_mut(at).filter(|shard| shard.primary == member) else { return };
        let cost = SimDuration::ZERO;
        let record =
            Record { entity: Some(entity), row: 0, at: now, cost, acknowledged: false, removes: true };
        let _ = shard.log.append(record);
        let followers: Vec<u16> = shard.followers.iter().map(|f| f.member).collect();
        for follower in followers {
            self.send(at, follower, cx);
        }
    }

    /// Whether reads at a member still need what a record of `since` removes. After the delay that they are
    /// allowed, they are cancelled.
    fn conflicts<P: Probe>(&mut self, member: u16, since: SimTime, cx: &mut Context<'_, P>) -> bool {
        let Some(allowed) = self.build.spec.replicas.as_ref().map(|replicas| replicas.conflict_delay) else {
            return false;
        };
        let reads: Vec<CallId> = cx
            .calls_at(member)
            .into_iter()
            .filter(|id| {
                let call = cx.call(*id);
                call.arrived < since && call.pc > 0 && call.pc <= super::member::phase::DONE
            })
            .collect();
        if reads.is_empty() {
            return false;
        }
        if allowed.is_none_or(|allowed| cx.now().since(since) < SimDuration::from_secs_f64(allowed)) {
            return true;
        }
        for id in reads {
            self.end_early(id, Outcome::error(503, cx.me(), Reason::StandbyConflict), cx);
        }
        false
    }

    /// A thread of a follower has done its record.
    pub(super) fn thread_done<P: Probe>(&mut self, job: CallId, cx: &mut Context<'_, P>) {
        let member = cx.call(job).instance;
        let at = self.shard_of(member);
        let Some(follower) = self.shards[at].follower(member) else { return };
        let thread = follower.threads.iter_mut().find(|(call, _)| *call == job);
        let Some(position) = thread.and_then(|(_, record)| record.take()) else { return };
        if position <= follower.begun && follower.apply(position) {
            self.applied(at, member, cx);
        }
        self.pump(at, member, cx);
    }

    /// A follower has applied more of the log: readers see it, and who waited for it reads.
    fn applied<P: Probe>(&mut self, at: usize, member: u16, cx: &mut Context<'_, P>) {
        let Some(follower) = self.shards[at].follower(member) else { return };
        let (applied, received) = (follower.applied, follower.received);
        self.members[usize::from(member)].sees = Some(applied);
        if !follower.waiting.is_empty() {
            let ready = follower.waiting.extract_if(.., |(position, _)| *position <= applied);
            self.reads.extend(ready.map(|(_, id)| id));
        }
        if level(&self.build) == Level::Apply {
            self.answer_primary(at, member, applied, SimDuration::ZERO, cx);
        }
        self.observe_lag(at, member, cx);
        self.shards[at].trim();
        if self.shards[at].heir == Some(member) && applied >= received {
            self.take_over(at, member, cx);
        }
    }

    pub(super) fn observe_lag<P: Probe>(&mut self, at: usize, member: u16, cx: &mut Context<'_, P>) {
        let lag = self.shards[at].lag(member, cx.now());
        let resource = self.build.lags[usize::from(member)];
        if let Some(resource) = resource {
            let present = (lag.as_secs_f64() / LAG_UNIT) as u32;
            cx.observe(Observation::Level { resource, present });
        }
    }

    /// Whether a read waits at its replica; if so it goes on when that has applied what it must see.
    pub(super) fn waits_for_position<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let member = cx.call(id).instance;
        let at = self.shard_of(member);
        let wanted = cx.position_wanted(id);
        let Some(shard) = self.shards.get_mut(at) else { return false };
        let Some(follower) = shard.follower(member) else { return false };
        if wanted <= follower.applied {
            return false;
        }
        follower.waiting.push((wanted, id));
        true
    }

    /// Lag and contact are looked at.
    pub(super) fn look<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let now = cx.now();
        for at in 0..self.shards.len() {
            let members: Vec<u16> = self.shards[at].followers.iter().map(|f| f.member).collect();
            for member in members {
                self.send(at, member, cx);
                self.pump(at, member, cx);
                self.observe_lag(at, member, cx);
                let lag = self.shards[at].lag(member, now);
                if let Some(cluster) = cx.cluster() {
                    cluster.set_lag(member, lag);
                }
            }
            let applied = self.shards[at].applied_by_all();
            if let Some(cluster) = cx.cluster() {
                cluster.set_applied_by_all(applied);
            }
            self.look_for_primary(at, cx);
        }
        cx.timer(now + LOOK_EVERY, Timer { topic: topic::LOOK, number: 0 });
    }
}
