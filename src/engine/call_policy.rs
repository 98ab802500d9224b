//! What a caller does while it waits, once for every caller: pool, attempt, timeout, retry, reload,
//! deadline.
//!
//! Cancellation is by stale handles: an attempt that its caller gave up has no parent any more, so
//! its answer is an orphan's, and its timers find nothing. The server keeps working for nobody
//! unless the site says that a cancellation reaches it.

use super::call::{Call, CallId, Flags};
use super::conditions::Life;
use super::context::Core;
use super::event::{Event, Limit, Signal};
use super::job::JobId;
use super::outcome::{Outcome, Reason};
use super::plan::{Retry, RowChoice, SiteId};
use super::probe::{Finished, Observation, Probe};
use super::protection::CircuitBreaker;
use super::request::Request;
use super::transaction::InTransaction;
use crate::base::random::Key;
use crate::base::{ComponentId, SimDuration, SimTime};

/// A status for "the caller's attempt timed out": what a gateway would answer.
const GATEWAY_TIMEOUT: u16 = 504;

/// A caller that now has an outcome: its component is told with `on_reply`.
pub(super) type Settled = Option<(CallId, ComponentId, Outcome)>;

impl<P: Probe> Core<P> {
    /// Opens a client's request with its root call.
    pub(super) fn open_request(&mut self, request: Request) -> CallId {
        let (client, operation) = (request.client, request.operation);
        let root = self.open_internal(request);
        self.observe(Observation::Sent { client, operation });
        root
    }

    /// Opens a request that no client sent (a component's health check), so that nobody counts it.
    pub(super) fn open_internal(&mut self, request: Request) -> CallId {
        let (luck, component, operation) = (request.luck, request.client, request.operation);
        let request = self.requests.insert(request);
        let mut root = Call::new(request, CallId::NONE, luck, self.now());
        root.component = component;
        root.operation = operation;
        let root = self.open(root);
        self.requests[request].root = root;
        root
    }

    /// Closes a request of a component itself.
    pub(super) fn close_internal(&mut self, root: CallId) {
        if let Some(request) = self.close(root).map(|call| call.request) {
            self.drop_reference(request);
        }
    }

    /// Closes a request with its final outcome.
    pub(super) fn finish_request(&mut self, root: CallId, outcome: Outcome) -> Option<Finished> {
        let id = self.close(root)?.request;
        let request = self.requests.get(id)?;
        let finished = Finished {
            client: request.client,
            operation: request.operation,
            started: request.started,
            outcome,
            attempts: request.attempts,
            degraded: request.degraded,
        };
        self.requests_finished += 1;
        if request.job != JobId::NONE {
            let job = self.take_job(id);
            self.drop_job(job);
        }
        self.drop_reference(id);
        self.observe(Observation::Finished(finished));
        Some(finished)
    }

    #[inline]
    pub(super) fn open(&mut self, call: Call) -> CallId {
        self.calls_opened += 1;
        self.calls.insert(call)
    }

    /// Ends a call; what it was can be read until another one is opened.
    #[inline]
    pub(super) fn close(&mut self, id: CallId) -> Option<&Call> {
        if !self.transactions.is_empty() {
            self.abandon_transaction(id);
        }
        let call = self.calls.remove(id)?;
        self.calls_closed += 1;
        Some(call)
    }

    /// Starts a wait at `site`.
    #[inline]
    pub(super) fn begin(&mut self, caller: CallId, site: SiteId, choice: u16, attempt: u16) {
        let now = self.now();
        let call = &mut self.calls[caller];
        call.site = site;
        call.choice = choice;
        call.attempt = attempt;
        call.token = call.token.wrapping_add(1);
        call.wait_token = call.wait_token.wrapping_add(1);
        let token = call.token;
        let me = call.component;
        let plan = &self.plan.sites[site.0 as usize];
        let (breaker, guarded) = (plan.breaker.is_some(), plan.guarded);
        let pooled =
            plan.pool.is_some() || plan.cluster.is_some() || plan.in_transaction != InTransaction::No;
        let deadline = plan.deadline;
        if let Some(Retry { budget: Some(_), .. }) = &plan.retry
            && let Some(budget) = self.budget(caller)
        {
            budget.requested(now);
        }
        if let Some(deadline) = deadline {
            self.send(now + deadline, me, Signal::TimedOut { call: caller, token, limit: Limit::Deadline });
        }
        if guarded {
            return self.begin_guarded(caller);
        }
        if breaker && self.is_broken(caller) {
            return;
        }
        if pooled {
            self.connect(caller);
        } else {
            self.launch(caller, false);
        }
    }

    /// The circuit breaker of the site that a caller waits at, if it has one.
    fn breaker(&mut self, caller: CallId) -> Option<&mut CircuitBreaker> {
        let call = &self.calls[caller];
        let first = self.plan.sites[call.site.0 as usize].breaker?;
        self.breakers.get_mut(first as usize + call.instance as usize)
    }

    /// Whether the circuit breaker keeps the caller from an attempt; if so it is told at once.
    pub(super) fn is_broken(&mut self, caller: CallId) -> bool {
        let now = self.now();
        let Some(breaker) = self.breaker(caller) else { return false };
        let admitted = breaker.admit(now);
        let call = &mut self.calls[caller];
        call.asked = now;
        if !admitted {
            let signal = Signal::TimedOut { call: caller, token: call.wait_token, limit: Limit::Breaker };
            let me = call.component;
            self.send(now, me, signal);
        }
        !admitted
    }

    /// Tells the circuit breaker, and the site's other guards, how an attempt ended.
    pub(super) fn tell_breaker(&mut self, caller: CallId, outcome: Outcome) {
        let now = self.now();
        if !self.waits.is_empty() {
            self.attempt_ended(caller, Some(outcome));
        }
        let took = now.since(self.calls[caller].asked);
        if let Some(breaker) = self.breaker(caller) {
            breaker.record(outcome.status == 0 || outcome.status >= 500, took, now);
        }
    }

    /// An attempt ends without an outcome of its own, and tells the guards nothing of the callee.
    fn forgo(&mut self, caller: CallId) {
        if !self.waits.is_empty() {
            self.attempt_ended(caller, None);
        }
        if let Some(breaker) = self.breaker(caller) {
            breaker.forgo();
        }
    }

    /// Begins a further attempt.
    fn attempt(&mut self, caller: CallId) {
        let call = &mut self.calls[caller];
        call.wait_token = call.wait_token.wrapping_add(1);
        if self.plan.sites[call.site.0 as usize].guarded {
            self.enter(caller);
        } else if !self.is_broken(caller) {
            self.connect(caller);
        }
    }

    /// Sends one attempt. What most sites have nothing of stands apart, so that this stays short.
    #[inline]
    pub(super) fn launch(&mut self, caller: CallId, fresh_connection: bool) {
        let call = &self.calls[caller];
        let request = call.request;
        let site = &self.plan.sites[call.site.0 as usize];
        let target = site.target.component;
        let (pooled, kept) = (call.flags.has(Flags::POOLED), call.flags.has(Flags::KEPT_ALIVE));
        let connecting = fresh_connection || !(pooled || kept);
        let direct = site.path.is_none() && site.timeout.is_none() && site.reload.is_none();
        let direct = direct && !site.keeps_alive && !site.guarded && !self.conditions.any;
        let mut child = self.attempt_of(caller, self.luck_of_attempt(caller));
        if connecting {
            child.flags.set(Flags::NEW_CONNECTION);
        }
        if !(pooled || kept) {
            child.flags.set(Flags::LAST_ON_CONNECTION);
        }
        self.count_attempt(caller, request);
        debug_assert_ne!(target, ComponentId::NONE);
        let id = self.open(child);
        self.calls[caller].child = id;
        if direct {
            self.executive.immediate(Event { target, signal: Signal::Arrive(id) });
        } else {
            self.send_off(caller, id, connecting);
        }
    }

    /// The luck of the attempt that a caller is about to make.
    #[inline]
    pub(super) fn luck_of_attempt(&self, caller: CallId) -> Key {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let luck = site.salt.map_or(call.luck, |salt| salt.join(call.luck));
        if call.attempt > 0 { luck.with(u64::from(call.attempt)) } else { luck }
    }

    /// An attempt as it leaves its caller; over which connection is the caller's to say.
    #[inline]
    pub(super) fn attempt_of(&mut self, caller: CallId, luck: Key) -> Call {
        let now = self.now();
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let mut child = Call::new(call.request, caller, luck, now);
        child.component = site.target.component;
        child.operation =
            site.operations.get(call.operation.index()).copied().unwrap_or(site.target.operation);
        child.row = call.row;
        child.bytes = if site.salt.is_none() { call.bytes } else { 0 };
        let any = call.choice == super::call::ANY_INSTANCE;
        child.instance = if any { 0 } else { call.choice };
        if site.relays {
            child.seen = call.seen;
        }
        if site.propagates || call.deadline != SimTime::MAX {
            child.deadline = self.told_deadline(caller);
        }
        let drawn = site.size.is_some() || site.row != RowChoice::None;
        if drawn || any && site.target.instances > 1 {
            self.complete(&mut child, caller);
        }
        child
    }

    /// One more attempt for a request.
    #[inline]
    pub(super) fn count_attempt(&mut self, caller: CallId, request: super::request::RequestId) {
        if let Some(record) = self.requests.get_mut(request) {
            record.references += 1;
            record.attempts += u32::from(record.root == caller);
        }
    }

    /// What a site may ask for beyond the call itself: bytes, a row, the next instance in turn.
    fn complete(&mut self, child: &mut Call, caller: CallId) {
        let call = &self.calls[caller];
        let (instance, choice) = (call.instance, call.choice);
        let site = &self.plan.sites[call.site.0 as usize];
        let (target, row, item) = (site.target, site.row, site.item.clone());
        let site_is_routed = site.cluster.is_some();
        if let Some(size) = &site.size {
            child.bytes = self.draw(size, child.luck, child.request) as u64;
        }
        if row != RowChoice::None {
            // Where a member was chosen for it, the row is inserted already.
            let row = match row {
                RowChoice::New(entity) if site_is_routed => RowChoice::Own(entity),
                other => other,
            };
            child.row = self.choose_row(child.request, row);
        }
        if let super::plan::RowChoice::New(entity) = row
            && self.ledger.is_on()
        {
            // A row is born with its first version: nobody can have missed it.
            child.seen = super::copies::Seen { entity, version: 0, row: child.row };
        }
        if let Some(item) = item {
            return self.address(child, caller, &item, choice);
        }
        let site = &self.plan.sites[self.calls[caller].site.0 as usize];
        if let Some(nearest) = &site.nearest
            && let Some(request) = self.requests.get(child.request)
        {
            let places = nearest.places.get(usize::from(instance)).map_or(&[][..], Vec::as_slice);
            let key = if request.note == u32::MAX {
                nearest.key.join(request.luck)
            } else {
                nearest.key.with(u64::from(request.client.0)).with(u64::from(request.note))
            };
            let at = key.draws().below(places.len().max(1) as u64) as usize;
            child.instance = places.get(at).copied().unwrap_or(0);
            return;
        }
        if choice == super::call::ANY_INSTANCE {
            let rotor = target.rotor + u32::from(instance);
            child.instance = self.next_instance(target.component, rotor, target.instances);
        }
    }

    /// What a call to a cache carries, and the node that the row belongs to.
    fn address(&mut self, child: &mut Call, caller: CallId, item: &super::copies::Item, choice: u16) {
        let seen = self.calls[caller].seen;
        child.site = self.calls[caller].site;
        if item.verb.has_version() {
            // A value computed from nothing that was read is up to date.
            let known = seen.entity == item.entity;
            let version = if known { seen.version } else { self.ledger.latest(item.entity, child.row) };
            child.seen = super::copies::Seen { entity: item.entity, version, row: child.row };
            if item.verb.writes() {
                child.bytes = self.size_of(item.entity, child.row, version);
            }
            // What it took to make the value goes along.
            child.demand = self.calls[caller].demand;
            let ttl = item.ttl.as_ref().map(|ttl| self.draw(ttl, child.luck, child.request));
            // The grace is part of the time that it is kept.
            child.ttl =
                ttl.map_or(SimDuration::ZERO, |ttl| SimDuration::from_secs_f64(ttl) + item.terms.kept());
        }
        let target = child.component;
        if choice == super::call::ANY_INSTANCE
            && let Some((_, nodes)) = self.plan.spread.iter().find(|(cache, _)| *cache == target)
        {
            // A client library ejects a node that refuses; one that is silent it goes on asking.
            let lives = |node| !matches!(self.conditions.life(target, node), Life::Down | Life::Absent);
            child.instance = nodes.node_of(item.entity, child.row, lives);
        }
    }

    /// Sends a call over its path, and sets the limits on waiting for it.
    fn send_off(&mut self, caller: CallId, id: CallId, connecting: bool) {
        let now = self.now();
        let call = &self.calls[caller];
        let (me, instance, attempt, token) = (call.component, call.instance, call.attempt, call.wait_token);
        let index = call.site.0 as usize;
        let child = &self.calls[id];
        let (target, luck) = (child.component, child.luck);
        let (path, timeout) = (self.plan.sites[index].path, self.plan.sites[index].timeout);
        if self.plan.sites[index].keeps_alive {
            self.calls[caller].flags.set(Flags::KEPT_ALIVE);
        }
        if self.plan.sites[index].guarded {
            self.sent(caller);
        }
        if path.is_none() && !self.conditions.any {
            self.executive.immediate(Event { target, signal: Signal::Arrive(id) });
        } else {
            self.depart(id, path, (me, instance), connecting);
        }
        if let Some(timeout) = timeout {
            self.send(now + timeout, me, Signal::TimedOut { call: id, token, limit: Limit::Attempt });
        }
        if let Some(reload) = &self.plan.sites[index].reload
            && attempt < reload.max
            && reload.key.join(luck).draws().chance(reload.chance)
        {
            let at = now + reload.after;
            self.send(at, me, Signal::TimedOut { call: id, token, limit: Limit::Patience });
        }
    }

    fn next_instance(&mut self, target: ComponentId, rotor: u32, instances: u16) -> u16 {
        if instances <= 1 {
            return 0;
        }
        let Some(counter) = self.rotors.get_mut(rotor as usize) else { return 0 };
        let mut chosen = *counter % instances;
        if self.conditions.any {
            // Who leaves the fleet is known; who has died is not.
            let takes = |i: &u16| !matches!(self.conditions.life(target, *i), Life::Draining | Life::Absent);
            chosen = (0..instances).map(|i| (chosen + i) % instances).find(takes).unwrap_or(chosen);
        }
        *counter = (chosen + 1) % instances;
        chosen
    }

    /// An answer reached whoever asked: the caller that may go on now, if one still waits.
    #[inline]
    pub(super) fn settle(&mut self, child: CallId) -> Settled {
        let call = self.close(child)?;
        let (request, caller, outcome, bytes) = (call.request, call.parent, call.outcome, call.bytes);
        let seen = call.seen;
        let transactional = call.flags.has(Flags::IN_TRANSACTION);
        self.drop_reference(request);
        if transactional {
            self.statement_answered(caller, child, outcome);
        }
        if !self.waits.is_empty() && !self.decides(caller, child, outcome) {
            return None;
        }
        let record = self.calls.get_mut(caller).filter(|c| c.child == child)?;
        record.child = CallId::NONE;
        record.bytes = bytes;
        if !seen.is_nothing() {
            record.seen = seen;
        }
        if record.flags.has(Flags::POOLED) {
            self.release_pool(caller, outcome.reason.ends_connection());
        } else if outcome.reason == Reason::Unreachable {
            self.calls[caller].flags.take(Flags::KEPT_ALIVE);
        }
        self.tell_breaker(caller, outcome);
        self.conclude(caller, outcome)
    }

    /// A limit on waiting has passed.
    pub(super) fn timed_out(&mut self, id: CallId, token: u16, limit: Limit) -> Settled {
        match limit {
            Limit::Attempt => {
                let caller = self.calls.get(id)?.parent;
                if !self.waits.is_empty() && self.others_remain(caller, id) {
                    return None;
                }
                if self.calls.get(caller)?.child != id {
                    return None;
                }
                self.abandon(caller);
                let outcome = self.timeout_outcome(caller, Reason::Timeout);
                self.tell_breaker(caller, outcome);
                self.conclude(caller, outcome)
            }
            Limit::Patience => {
                let caller = self.calls.get(id)?.parent;
                if self.calls.get(caller)?.child != id {
                    return None;
                }
                self.forgo(caller);
                self.abandon(caller);
                self.again(caller, SimDuration::ZERO);
                None
            }
            Limit::PoolWait => {
                let call = self.calls.get_mut(id)?;
                if call.wait_token != token || !call.flags.take(Flags::IN_POOL_LINE) {
                    return None;
                }
                self.leave_pool_line(id);
                let me = self.calls[id].component;
                let outcome = Outcome::error(503, me, Reason::PoolTimeout);
                self.tell_breaker(id, outcome);
                self.wait_ended(id, Some(outcome));
                Some((id, me, outcome))
            }
            Limit::Reserve => {
                self.take_from_reserve(id, token);
                None
            }
            Limit::Backoff => {
                if self.calls.get(id)?.wait_token == token {
                    self.attempt(id);
                }
                None
            }
            Limit::Breaker | Limit::Throttle | Limit::Bulkhead => {
                let outcome = self.refused(id, token, limit)?;
                self.conclude(id, outcome)
            }
            Limit::Hedge => {
                self.hedge(id, token);
                None
            }
            Limit::Deadline => {
                if self.calls.get(id)?.token != token {
                    return None;
                }
                let outcome = self.timeout_outcome(id, Reason::Deadline);
                if self.calls.contains(self.calls[id].child) {
                    self.tell_breaker(id, outcome);
                } else if self.calls[id].flags.has(Flags::IN_POOL_LINE) {
                    self.forgo(id);
                }
                self.stop_waiting(id);
                self.wait_ended(id, Some(outcome));
                Some((id, self.calls[id].component, outcome))
            }
            Limit::QueueWait | Limit::Cancelled | Limit::Expired => None,
        }
    }

    fn timeout_outcome(&self, caller: CallId, reason: Reason) -> Outcome {
        let call = &self.calls[caller];
        let is_client = self.requests.get(call.request).is_some_and(|r| r.root == caller);
        let status = if is_client { 0 } else { GATEWAY_TIMEOUT };
        Outcome::error(status, call.component, reason)
    }

    /// Whatever the caller waits for at its call site, it waits no more.
    pub(super) fn stop_waiting(&mut self, caller: CallId) {
        let call = &mut self.calls[caller];
        call.wait_token = call.wait_token.wrapping_add(1);
        if call.flags.take(Flags::IN_POOL_LINE) {
            self.leave_pool_line(caller);
        }
        if self.calls.contains(self.calls[caller].child) {
            self.abandon(caller);
        }
    }

    /// The caller is lost with its instance: it waits no more, and its attempt tells nobody anything.
    pub(super) fn give_up(&mut self, caller: CallId) {
        if self.calls.contains(self.calls[caller].child) || self.calls[caller].flags.has(Flags::IN_POOL_LINE)
        {
            self.forgo(caller);
        }
        self.stop_waiting(caller);
        self.wait_ended(caller, None);
    }

    /// The caller gives its attempt up: the attempt becomes an orphan, its connection closes.
    pub(super) fn abandon(&mut self, caller: CallId) {
        let child = std::mem::replace(&mut self.calls[caller].child, CallId::NONE);
        self.release_pool(caller, true);
        let site = &self.plan.sites[self.calls[caller].site.0 as usize];
        if !site.multiplexed {
            self.calls[caller].flags.take(Flags::KEPT_ALIVE);
        }
        self.orphan(caller, child);
    }

    /// An attempt of the caller has nobody any more who waits for it; the server may hear of that.
    pub(super) fn orphan(&mut self, caller: CallId, child: CallId) {
        let site = &self.plan.sites[self.calls[caller].site.0 as usize];
        let (cancels, stops) = (site.cancels, site.stops);
        let Some(call) = self.calls.get_mut(child) else { return };
        call.parent = CallId::NONE;
        if call.flags.has(Flags::PARKED) || call.flags.has(Flags::LOST) {
            return self.close_unanswered(child);
        }
        if call.flags.has(Flags::ANSWERED) {
            self.close_connection(child);
        } else {
            self.calls[child].flags.set(Flags::LAST_ON_CONNECTION);
        }
        // Whoever is still reading the body that was being sent finds the connection closed.
        let now = self.now();
        let mut reader = child;
        while let Some(call) = self.calls.get(reader) {
            if call.flags.has(Flags::RECEIVING) {
                let signal = Signal::Served { call: reader, token: call.token };
                let target = call.component;
                self.send(now, target, signal);
                break;
            }
            reader = call.child;
        }
        if cancels {
            self.cancel(child, stops);
        } else if let Some(every) = self.plan.sites[self.calls[caller].site.0 as usize].noticed_every {
            // A server that looks now and then whether its client is still there.
            let call = &self.calls[child];
            let looks = now.since(call.arrived).as_nanos() / every.as_nanos().max(1) + 1;
            let (at, target) = (call.arrived + every.times(looks), call.component);
            self.send(at, target, Signal::TimedOut { call: child, token: 1, limit: Limit::Cancelled });
        }
    }

    /// A cancellation reaches the server of this call.
    pub(super) fn cancel(&mut self, id: CallId, stops: bool) {
        let now = self.now();
        if let Some(call) = self.calls.get(id) {
            let (target, token) = (call.component, u16::from(stops));
            self.send(now, target, Signal::TimedOut { call: id, token, limit: Limit::Cancelled });
        }
    }

    /// An attempt has ended: try again, or tell the caller.
    #[inline]
    fn conclude(&mut self, caller: CallId, outcome: Outcome) -> Settled {
        if !outcome.is_ok()
            && let Some(pause) = self.pause_before_retry(caller, outcome)
        {
            self.again(caller, pause);
            return None;
        }
        self.wait_ended(caller, Some(outcome));
        let call = &mut self.calls[caller];
        call.wait_token = call.wait_token.wrapping_add(1);
        call.token = call.token.wrapping_add(1);
        Some((caller, call.component, outcome))
    }

    fn again(&mut self, caller: CallId, pause: SimDuration) {
        let now = self.now();
        let call = &mut self.calls[caller];
        call.attempt += 1;
        call.wait_token = call.wait_token.wrapping_add(1);
        let (me, token) = (call.component, call.wait_token);
        self.again_observed(caller);
        self.send(now + pause, me, Signal::TimedOut { call: caller, token, limit: Limit::Backoff });
    }

    /// Reports one more attempt of a caller.
    pub(super) fn again_observed(&mut self, caller: CallId) {
        let call = &self.calls[caller];
        let me = call.component;
        if self.requests.get(call.request).is_some_and(|r| r.root == caller) {
            self.observe(Observation::Reattempted { client: me });
        } else {
            let target = self.plan.sites[call.site.0 as usize].target.component;
            self.observe(Observation::Retried { caller: me, target });
        }
    }

    /// The pause before the next attempt, if the policy allows one.
    fn pause_before_retry(&mut self, caller: CallId, outcome: Outcome) -> Option<SimDuration> {
        let call = &self.calls[caller];
        let (attempt, luck) = (call.attempt, call.luck);
        let site = &self.plan.sites[call.site.0 as usize];
        let retry = site.retry.as_ref()?;
        if attempt + 1 >= retry.attempts || !retry.on.matches(outcome) {
            return None;
        }
        if !retry.repeats_sent && !outcome.reason.is_unsent() {
            return None;
        }
        let mut pause = retry.pause(attempt, luck);
        if retry.honours_retry_after {
            pause = pause.max(SimDuration::from_millis(u64::from(outcome.retry_after)));
        }
        if retry.budget.is_some() && !self.pay_for_retry(caller, outcome) {
            return None;
        }
        Some(pause)
    }

    /// The call has its answer: it is closed here and travels back.
    #[inline]
    pub(super) fn reply(&mut self, id: CallId, outcome: Outcome, bytes: u64) {
        let now = self.now();
        if !self.transactions.is_empty() {
            self.abandon_transaction(id);
        }
        let call = &mut self.calls[id];
        call.outcome = outcome;
        call.bytes = bytes;
        call.flags.set(Flags::ANSWERED);
        call.token = call.token.wrapping_add(1);
        let (component, parent, flags, path) = (call.component, call.parent, call.flags, call.path);
        let stay = now.since(call.arrived);
        let request = call.request;
        let caller = self.calls.get(parent);
        let travels = caller.is_some();
        let waited_for = caller.is_some_and(|c| c.child == id || flags.has(Flags::BRANCH));
        let waited_for = waited_for || self.is_copy(parent, id);
        let orphan = !waited_for || !self.is_wanted(request);
        if outcome.is_ok() {
            self.meter_answer(id, bytes);
        }
        self.observe(Observation::CallClosed { component, outcome, orphan, stay });
        if flags.has(Flags::LAST_ON_CONNECTION) && !self.connections[component.index()].is_empty() {
            self.close_connection(id);
        }
        if travels && path == u32::MAX && !self.conditions.any {
            self.executive.immediate(Event { target: component, signal: Signal::Replied(id) });
        } else if travels {
            self.travel_back(id);
        } else if let Some(request) = self.close(id).map(|call| call.request) {
            self.drop_reference(request);
        }
    }

    /// Starts a branch of a `parallel`.
    pub(super) fn branch(&mut self, parent: CallId, pc: u16) -> CallId {
        let now = self.now();
        let call = &self.calls[parent];
        let mut branch = Call::new(call.request, parent, call.luck, now);
        branch.component = call.component;
        branch.instance = call.instance;
        branch.operation = call.operation;
        branch.row = call.row;
        branch.deadline = call.deadline;
        branch.bytes = call.bytes;
        branch.pc = pc;
        branch.wait_token = call.wait_token; // tells the join which `parallel` it belongs to
        branch.needed = call.wait_token;
        branch.flags.set(Flags::BRANCH);
        let request = call.request;
        if let Some(record) = self.requests.get_mut(request) {
            record.references += 1;
        }
        self.open(branch)
    }

    /// Ends a branch; its parent, and whether that still waits for this very `parallel`.
    pub(super) fn end_branch(&mut self, id: CallId) -> (CallId, bool) {
        let Some(call) = self.close(id) else { return (CallId::NONE, false) };
        let (request, parent, needed) = (call.request, call.parent, call.needed);
        self.drop_reference(request);
        let waits = self.calls.get(parent).is_some_and(|p| p.wait_token == needed);
        (parent, waits)
    }
}
