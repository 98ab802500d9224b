//! Statements that are not for the shard that they arrive at alone.
//!
//! One that is about no key of the sharding entity goes to every shard: the shard that was asked (each in
//! turn) asks all, itself among them, each over a connection of its own, and answers when the last has: the
//! maximum of n. One failed part fails the whole, unless partial answers are allowed. One whose rows have
//! moved is passed on to where they are, a round trip longer.
//! Not modelled: what a query planner leaves out because a shard cannot have such rows; that a shard which
//! hangs is asked in vain (it counts as one that refuses).

use super::member::{phase, query};
use super::sessions::transaction_of;
use super::state::Database;
use crate::base::SimDuration;
use crate::engine::{CallId, Context, Outcome, Probe, ShardRoute};

impl Database {
    /// Whether a statement that has arrived is for this very shard, which goes on with it; if not, others are asked.
    pub(super) fn is_for_here<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let operation = cx.call(id).operation;
        let Some(sharding) = cx.cluster().and_then(|cluster| cluster.sharding()) else { return true };
        match (sharding.route(operation), sharding.key(operation).unwrap_or(sharding.by)) {
            (ShardRoute::Any, _) => true,
            (ShardRoute::All, _) => {
                self.ask_all(id, cx);
                false
            }
            (ShardRoute::Key, by) => {
                let key = cx.row_of(id, by);
                if self.has_copies() {
                    self.ask_copies(id, key, cx);
                    return false;
                }
                let Some(sharding) = cx.cluster().and_then(|cluster| cluster.sharding()) else { return true };
                let logical = sharding.partitioner.logical_of(key);
                let owner = sharding.partitioner.owner_of(logical);
                let writes = query(&self.build, id, cx).writes;
                if writes && self.is_blocked(logical) {
                    cx.call_mut(id).pc = phase::BLOCKED;
                    self.hold_back(id);
                    return false;
                }
                if owner != self.layout.shard_of(cx.call(id).instance) {
                    self.pass_on(id, owner, cx);
                    return false;
                }
                if writes {
                    self.note_change(logical, id, cx);
                }
                true
            }
        }
    }

    /// Writes that were held back go on where their rows are now.
    pub(super) fn let_in<P: Probe>(&mut self, held: Vec<CallId>, cx: &mut Context<'_, P>) {
        for id in held {
            if cx.is_alive(id) && cx.call(id).pc == phase::BLOCKED {
                cx.call_mut(id).pc = 0;
                if self.is_for_here(id, cx) {
                    self.advance(id, cx);
                }
            }
        }
    }

    pub(super) fn begin_gathering<P: Probe>(id: CallId, cx: &mut Context<'_, P>) {
        let me = cx.me();
        let call = cx.call_mut(id);
        call.wait_token = call.wait_token.wrapping_add(1);
        call.outcome = Outcome::ok(200, me);
        (call.running, call.needed) = (0, 0);
    }

    /// The member that is a shard's primary now.
    pub(super) fn primary_of(&self, shard: u16) -> u16 {
        self.shards.get(usize::from(shard)).map_or(self.layout.primary(shard), |state| state.primary)
    }

    fn pass_on<P: Probe>(&mut self, id: CallId, shard: u16, cx: &mut Context<'_, P>) {
        Self::begin_gathering(id, cx);
        let member = self.primary_of(shard);
        match cx.branch_to(id, member, 0) {
            Ok(branch) => {
                cx.call_mut(id).running = 1;
                if let Some(number) = transaction_of(id, cx) {
                    let record = cx.call_mut(branch);
                    record.flags.set(crate::engine::Flags::IN_TRANSACTION);
                    record.site = crate::engine::SiteId(number);
                }
                self.launch(branch, id, cx);
            }
            Err(outcome) => {
                self.finish(id, outcome, cx);
            }
        }
    }

    /// Whether a statement is about one key.
    fn is_keyed<P: Probe>(id: CallId, cx: &mut Context<'_, P>) -> bool {
        let operation = cx.call(id).operation;
        let sharding = cx.cluster().and_then(|cluster| cluster.sharding());
        sharding.is_some_and(|sharding| sharding.route(operation) == ShardRoute::Key)
    }

    fn ask_all<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let count = cx.cluster().and_then(|cluster| cluster.sharding()).map_or(1, |sharding| sharding.count);
        Self::begin_gathering(id, cx);
        let own = self.layout.shard_of(cx.call(id).instance);
        // What reads outside of a transaction may be read at replicas, as by who asks for one shard.
        let replicated =
            !self.shards.is_empty() && !query(&self.build, id, cx).writes && transaction_of(id, cx).is_none();
        let mut branches = Vec::with_capacity(usize::from(count));
        for shard in 0..count {
            let member = match self.primary_of(shard) {
                _ if shard == own => cx.call(id).instance,
                primary if replicated => cx.reader_of_shard(id, shard, primary),
                primary => primary,
            };
            match cx.branch_to(id, member, 1 + u64::from(shard)) {
                Ok(branch) => branches.push(branch),
                Err(outcome) => cx.call_mut(id).outcome = outcome,
            }
        }
        if branches.is_empty() {
            let outcome = cx.call(id).outcome;
            self.finish(id, outcome, cx);
            return;
        }
        cx.call_mut(id).running = branches.len() as u16;
        for branch in branches {
            self.launch(branch, id, cx);
        }
    }

    /// Half a round trip to another member; none to oneself.
    pub(super) fn way<P: Probe>(&self, branch: CallId, from: u16, cx: &Context<'_, P>) -> SimDuration {
        let round_trip = self.build.shards.as_ref().and_then(|shards| shards.round_trip.as_ref());
        match round_trip {
            Some(demand) if cx.call(branch).instance != from => {
                SimDuration::from_secs_f64(cx.draw(demand, branch) / 2.0)
            }
            // Between copies in several zones: the network's own times.
            None if self.has_copies() && cx.call(branch).instance != from => {
                let (to, luck) = (cx.call(branch).instance, cx.luck(branch));
                cx.between_members((from, to), self.build.path, luck).unwrap_or_default()
            }
            _ => SimDuration::ZERO,
        }
    }

    pub(super) fn launch<P: Probe>(&mut self, branch: CallId, parent: CallId, cx: &mut Context<'_, P>) {
        let way = self.way(branch, cx.call(parent).instance, cx);
        if way.is_zero() {
            self.advance(branch, cx);
        } else {
            cx.serve(branch, way);
        }
    }

    /// A shard has done its part: the answer travels back; who holds its row next.
    pub(super) fn branch_done<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Option<CallId> {
        let mut next = None;
        let arrives = cx.call(id).pc > phase::DONE + 1;
        if !arrives {
            match transaction_of(id, cx) {
                Some(number) => {
                    if !self.keep(id, number, cx) {
                        next = self.let_go(id, cx);
                    }
                }
                None => {
                    if self.has_copies() {
                        self.copy_done(id, cx);
                    } else {
                        self.settle_row(id, cx);
                    }
                    next = self.let_go(id, cx);
                }
            }
            let parent = cx.call(id).parent;
            let from = if cx.is_alive(parent) { cx.call(parent).instance } else { cx.call(id).instance };
            let way = self.way(id, from, cx);
            if !way.is_zero() {
                cx.serve(id, way);
                return next;
            }
        }
        let me = cx.me();
        self.join(id, Outcome::ok(200, me), cx);
        next
    }

    /// A part has been answered, or has failed: when it is the last, so is the whole.
    pub(super) fn join<P: Probe>(&mut self, branch: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let seen = cx.call(branch).seen;
        let (parent, waits) = cx.end_branch_at(branch);
        if !waits {
            return;
        }
        let partial = self.build.spec.shards.as_ref().is_some_and(|shards| shards.partial);
        let keyed = self.has_copies() && Self::is_keyed(parent, cx);
        let call = cx.call_mut(parent);
        call.running -= 1;
        if keyed {
            if outcome.is_ok() {
                call.needed += 1;
                if call.seen.is_nothing() || seen.version > call.seen.version {
                    call.seen = seen;
                }
            }
            let (done, over) = (call.needed >= call.attempt, call.needed + call.running < call.attempt);
            if done || over {
                self.copies_answered(parent, done, cx);
            }
            return;
        }
        if outcome.is_ok() {
            call.needed += 1; // parts that are there
            if !seen.is_nothing() {
                call.seen = seen;
            }
        } else if call.outcome.is_ok() {
            call.outcome = outcome;
        }
        if call.running > 0 {
            return;
        }
        let some = call.needed > 0;
        call.pc = phase::GATHERED;
        if !call.outcome.is_ok() && partial && some {
            cx.call_mut(parent).outcome = Outcome::ok(200, cx.me());
            if let Some(request) = cx.request_mut(parent) {
                request.degraded = true;
            }
        }
        let merge = self.build.shards.as_ref().and_then(|shards| shards.merge.as_ref());
        let merge = merge.map_or(SimDuration::ZERO, |merge| cx.draw_time(merge, parent));
        if merge.is_zero() || !cx.call(parent).outcome.is_ok() {
            self.advance(parent, cx);
        } else {
            let member = cx.call(parent).instance;
            self.members[usize::from(member)].cores.work(parent, merge, cx);
        }
    }
}
