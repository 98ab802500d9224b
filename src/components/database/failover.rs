//! Losing members: a primary's place is taken by the replica that has received most of its log.
//!
//! A primary is missed when it dies, or when most replicas have not heard of it; after `detect` and `promote`
//! the election's winner applies what it has received and takes over. What it never received is lost, if it
//! was acknowledged. A former primary that lives is stopped (`fencing`), or goes on taking the writes of
//! whoever still asks it; those are lost when the cut is healed.

use super::replication::Former;
use super::state::{Database, topic};
use crate::base::SimDuration;
use crate::engine::{Context, Life, Observation, Outcome, Probe, Reason, Timer};

/// A member that is silent is known to be so after this, where no failover says it.
const NOTICED: SimDuration = SimDuration::from_secs(10);

impl Database {
    fn detect(&self) -> SimDuration {
        self.build.spec.failover.as_ref().map_or(NOTICED, |f| SimDuration::from_secs_f64(f.detect))
    }

    fn set_outage<P: Probe>(&mut self, at: usize, out: bool, cx: &mut Context<'_, P>) {
        let shard = &mut self.shards[at];
        if shard.out != out {
            shard.out = out;
            cx.observe(Observation::Level { resource: shard.outage, present: u32::from(out) });
        }
    }

    /// A write of a shard's primary is acknowledged: its place in the log, and the end of an outage.
    pub(super) fn acknowledged<P: Probe>(&mut self, id: crate::engine::CallId, cx: &mut Context<'_, P>) {
        let (member, position) = (cx.call(id).instance, cx.call(id).bytes);
        let at = self.shard_of(member);
        let Some(shard) = self.shards.get_mut(at) else { return };
        if shard.primary != member {
            return;
        }
        shard.log.acknowledge(position);
        if let Some(entity) = super::member::query(&self.build, id, cx).entity {
            let row = cx.call(id).row;
            cx.ledger().place(entity, row, position);
        }
        cx.note_write(id, position);
        self.set_outage(at, false, cx);
    }

    /// One write of a transaction is acknowledged by its primary.
    pub(super) fn acknowledge_write<P: Probe>(
        &mut self,
        id: crate::engine::CallId,
        member: u16,
        (entity, row): (crate::base::EntityId, u64),
        position: u64,
        cx: &mut Context<'_, P>,
    ) {
        let at = self.shard_of(member);
        let Some(shard) = self.shards.get_mut(at).filter(|shard| shard.primary == member) else { return };
        shard.log.acknowledge(position);
        cx.ledger().place(entity, row, position);
        if cx.is_alive(id) {
            cx.note_write(id, position);
        }
        self.set_outage(at, false, cx);
    }

    /// What a statement meets before it begins: none if it may.
    pub(super) fn refusal(&mut self, member: u16, writes: bool) -> Option<Reason> {
        let at = self.shard_of(member);
        let shard = self.shards.get(at)?;
        if shard.former.is_some_and(|former| former.member == member) {
            return shard.former.is_some_and(|former| former.fenced).then_some(Reason::Unreachable);
        }
        (writes && shard.primary != member).then_some(Reason::NotPrimary)
    }

    /// Whether a member is a former primary that goes on; then one more write is only there.
    pub(super) fn diverges(&mut self, member: u16) -> bool {
        let at = self.shard_of(member);
        let former = self.shards.get_mut(at).and_then(|shard| shard.former.as_mut());
        let Some(former) = former.filter(|former| former.member == member && !former.fenced) else {
            return false;
        };
        former.writes += 1;
        true
    }

    /// A member is lost with everything that it had in hand.
    pub(super) fn member_lost<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        let at = self.shard_of(member);
        if self.shards.is_empty() {
            return;
        }
        let now = cx.now();
        let (detect, me) = (self.detect(), cx.me());
        let silent = cx.life(me, member) == Life::Vanished;
        if silent {
            cx.timer(now + detect, Timer { topic: topic::OUT | u32::from(member), number: 0 });
        } else if let Some(cluster) = cx.cluster() {
            cluster.set_out(member, true);
        }
        let shard = &mut self.shards[at];
        if let Some(former) = shard.former.filter(|former| former.member == member) {
            cx.observe(Observation::LostWrites { count: former.writes });
            shard.former = None;
        }
        if let Some(follower) = shard.follower(member) {
            follower.up = false;
            follower.waiting.clear();
            follower.coming.clear();
            follower.answers.clear();
            // What has arrived is on its disk; what was being applied is applied again.
            (follower.begun, follower.sent) = (follower.applied, follower.received);
            follower.ahead.clear();
            let working = follower.threads.iter_mut().filter_map(|(job, record)| record.take().map(|_| *job));
            let jobs: Vec<_> = working.collect();
            for job in jobs {
                self.members[usize::from(member)].cores.cancel(job, cx);
            }
            let shard = &mut self.shards[at];
            if shard.heir == Some(member) {
                shard.heir = None;
                self.plan_promotion(at, SimDuration::ZERO, cx);
            }
        } else if shard.primary == member {
            shard.led = false;
            shard.unanswered.clear();
            self.set_outage(at, true, cx);
            self.plan_promotion(at, detect, cx);
        }
    }

    fn plan_promotion<P: Probe>(&mut self, at: usize, detect: SimDuration, cx: &mut Context<'_, P>) {
        let Some(failover) = &self.build.spec.failover else { return };
        let promote = SimDuration::from_secs_f64(failover.promote);
        let shard = &mut self.shards[at];
        shard.promotion = shard.promotion.wrapping_add(1);
        let timer = Timer { topic: topic::PROMOTE | at as u32, number: shard.promotion };
        cx.timer(cx.now() + detect + promote, timer);
    }

    /// A member is back.
    pub(super) fn member_restored<P: Probe>(&mut self, member: u16, cx: &mut Context<'_, P>) {
        let at = self.shard_of(member);
        if self.shards.is_empty() {
            return;
        }
        if let Some(cluster) = cx.cluster() {
            cluster.set_out(member, false);
        }
        let shard = &mut self.shards[at];
        let (start, end) = (shard.log.start(), shard.log.end());
        if shard.primary == member {
            shard.led = true;
            shard.promotion = shard.promotion.wrapping_add(1);
            shard.heir = None;
            let followers: Vec<u16> = shard.followers.iter().map(|f| f.member).collect();
            for follower in followers {
                self.send(at, follower, cx);
            }
            return;
        }
        if let Some(follower) = shard.follower(member) {
            follower.up = true;
            if follower.applied < start {
                // The log that it needs is gone: it is a new copy.
                for position in
                    [&mut follower.sent, &mut follower.received, &mut follower.begun, &mut follower.applied]
                {
                    *position = end;
                }
                self.members[usize::from(member)].sees = Some(end);
            }
            self.send(at, member, cx);
            self.pump(at, member, cx);
        }
    }

    /// Callers learn that a silent member is gone.
    pub(super) fn noticed<P: Probe>(member: u16, cx: &mut Context<'_, P>) {
        let me = cx.me();
        if cx.life(me, member) == Life::Vanished
            && let Some(cluster) = cx.cluster()
        {
            cluster.set_out(member, true);
        }
    }

    /// The election: who has received most takes over as soon as it has applied that.
    pub(super) fn promote<P: Probe>(&mut self, at: usize, number: u32, cx: &mut Context<'_, P>) {
        let Some(shard) = self.shards.get_mut(at) else { return };
        if shard.promotion != number || shard.heir.is_some() {
            return;
        }
        let living = shard.followers.iter().filter(|follower| follower.up);
        let best = living.max_by_key(|f| (f.received, std::cmp::Reverse(f.member)));
        let Some((heir, done)) = best.map(|f| (f.member, f.applied >= f.received)) else {
            // Nobody is there: ask again.
            let timer = Timer { topic: topic::PROMOTE | at as u32, number };
            return cx.timer(cx.now() + super::replicas::LOOK_EVERY, timer);
        };
        if let Some(follower) = shard.follower(heir) {
            follower.coming.clear();
        }
        shard.heir = Some(heir);
        if self.build.shared_lag.is_some() {
            // All storage is there already.
            let end = self.shards[at].log.end();
            if let Some(f) = self.shards[at].follower(heir) {
                (f.sent, f.received, f.begun, f.applied) = (end, end, end, end);
            }
            return self.take_over(at, heir, cx);
        }
        if done {
            self.take_over(at, heir, cx);
        }
    }

    /// The heir is the primary from now on.
    pub(super) fn take_over<P: Probe>(&mut self, at: usize, heir: u16, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let fencing = self.build.spec.failover.as_ref().is_none_or(|failover| failover.fencing);
        let shard = &mut self.shards[at];
        let old = shard.primary;
        let lived = shard.led;
        let Some(index) = shard.followers.iter().position(|f| f.member == heir) else { return };
        let position = shard.followers[index].received;
        let gone = shard.log.cut(position);
        let mut lost = 0;
        for record in gone.iter().filter(|record| record.acknowledged) {
            lost += 1;
            if let Some(entity) = record.entity {
                cx.ledger().retract(entity, record.row);
            }
        }
        shard.followers.iter_mut().for_each(|follower| follower.rewind(position));
        // The heir's place among the followers is the old primary's, and its threads go with the place.
        let follower = &mut shard.followers[index];
        follower.member = old;
        follower.up = false;
        follower.waiting.clear();
        for (job, _) in &follower.threads {
            cx.call_mut(*job).instance = old;
        }
        shard.primary = heir;
        shard.led = true;
        shard.heir = None;
        shard.silent_since = None;
        shard.unanswered.clear();
        if lived {
            // Nobody loses what the old primary goes on serving until it hears of the new one.
            let writes = if fencing { 0 } else { lost };
            shard.former = Some(Former { member: old, fenced: fencing, writes });
        }
        if !lived || fencing {
            cx.observe(Observation::LostWrites { count: lost });
        }
        self.members[usize::from(heir)].takes_over(position);
        self.members[usize::from(heir)].sees = None;
        self.members[usize::from(old)].sees = Some(position);
        if lived && fencing {
            self.crash(old, cx);
        }
        if let Some(resource) = self.build.lags[usize::from(heir)] {
            cx.observe(Observation::Level { resource, present: 0 });
        }
        if let Some(cluster) = cx.cluster() {
            let shard = self.build.spec.layout().shard_of(heir);
            cluster.promote(shard, heir, now);
            // Only whoever has not heard of it still goes there.
            cluster.set_out(old, true);
        }
        let followers: Vec<u16> = self.shards[at].followers.iter().map(|f| f.member).collect();
        for follower in followers {
            self.send(at, follower, cx);
            self.pump(at, follower, cx);
        }
        cx.release_buffered(heir);
    }

    /// Whether most replicas still hear of their primary, and whether a former one hears of it again.
    pub(super) fn look_for_primary<P: Probe>(&mut self, at: usize, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let shard = &self.shards[at];
        let key = self.build.key;
        let cut = |a: u16, b: u16, cx: &Context<'_, P>| cx.between_members((a, b), None, key).is_err();
        if let Some(former) = shard.former
            && !cut(former.member, shard.primary, cx)
        {
            cx.observe(Observation::LostWrites { count: former.writes });
            self.shards[at].former = None;
            self.member_restored(former.member, cx);
        }
        let shard = &self.shards[at];
        if !shard.led || self.build.spec.failover.is_none() || shard.former.is_some() {
            return;
        }
        let living = shard.followers.iter().filter(|follower| follower.up);
        let deaf = living.clone().filter(|f| cut(shard.primary, f.member, cx)).count();
        let most = deaf > 0 && 2 * deaf > living.count();
        let since = shard.silent_since;
        match (most, since) {
            (false, None) | (true, Some(_)) => {}
            (false, Some(_)) => {
                let shard = &mut self.shards[at];
                shard.silent_since = None;
                // It was heard of again in time.
                shard.promotion = shard.promotion.wrapping_add(1);
            }
            (true, None) => {
                self.shards[at].silent_since = Some(now);
                let detect = self.detect();
                self.plan_promotion(at, detect, cx);
            }
        }
    }

    /// Answers a statement that this member may not run.
    pub(super) fn refuse<P: Probe>(id: crate::engine::CallId, reason: Reason, cx: &mut Context<'_, P>) {
        let outcome = Outcome::error(503, cx.me(), reason);
        cx.reply(id, outcome, 0);
    }
}
