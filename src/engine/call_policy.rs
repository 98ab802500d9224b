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
use super::outcome::{Outcome, Reason};
use super::plan::{Jitter, Retry, SiteId};
use super::probe::{Finished, Observation, Probe};
use super::request::Request;
use crate::base::random::{Key, StreamName};
use crate::base::{ComponentId, OperationId, SimDuration, SimTime};

/// Retries that a fresh budget allows before any first attempt has refilled it.
pub const BUDGET_RESERVE: f64 = 10.0;
/// Retries that a budget can save up.
const BUDGET_CAP: f64 = 100.0;

/// A status for "the caller's attempt timed out": what a gateway would answer.
const GATEWAY_TIMEOUT: u16 = 504;

/// A caller that now has an outcome: its component is told with `on_reply`.
pub(super) type Settled = Option<(CallId, ComponentId, Outcome)>;

impl<P: Probe> Core<P> {
    /// Opens a request with its root call.
    pub(super) fn open_request(
        &mut self,
        client: ComponentId,
        operation: OperationId,
        number: u64,
        luck: Key,
        note: u32,
        priority: u8,
    ) -> CallId {
        let now = self.now();
        let request = self.requests.insert(Request {
            client,
            operation,
            priority,
            degraded: false,
            luck,
            number,
            started: now,
            root: CallId::NONE,
            note,
            attempts: 0,
            references: 1,
            rows: Vec::new(),
        });
        let mut root = Call::new(request, CallId::NONE, luck, now);
        root.component = client;
        root.operation = operation;
        let root = self.open(root);
        self.requests[request].root = root;
        self.observe(Observation::Sent { client, operation });
        root
    }

    /// Opens a request of a component itself (a health check): no customer's, so nobody counts it.
    pub(super) fn open_internal(&mut self, component: ComponentId, note: u32, luck: Key) -> CallId {
        let now = self.now();
        let request = self.requests.insert(Request {
            client: component,
            operation: OperationId(0),
            priority: 0,
            degraded: false,
            luck,
            number: 0,
            started: now,
            root: CallId::NONE,
            note,
            attempts: 0,
            references: 1,
            rows: Vec::new(),
        });
        let mut root = Call::new(request, CallId::NONE, luck, now);
        root.component = component;
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
        self.drop_reference(id);
        self.observe(Observation::Finished(finished));
        Some(finished)
    }

    #[inline]
    pub(super) fn open(&mut self, call: Call) -> CallId {
        self.calls_opened += 1;
        self.calls.insert(call)
    }

    #[inline]
    /// Ends a call; what it was can be read until another one is opened.
    pub(super) fn close(&mut self, id: CallId) -> Option<&Call> {
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
        let pooled = plan.pool.is_some();
        if let Some(Retry { budget: Some(share), .. }) = &plan.retry {
            let tokens = &mut self.budgets[plan.budget as usize];
            *tokens = (*tokens + share).min(BUDGET_CAP);
        }
        if let Some(deadline) = plan.deadline {
            self.send(now + deadline, me, Signal::TimedOut { call: caller, token, limit: Limit::Deadline });
        }
        if pooled {
            self.connect(caller);
        } else {
            self.launch(caller, false);
        }
    }

    /// Begins a further attempt.
    fn attempt(&mut self, caller: CallId) {
        let call = &mut self.calls[caller];
        call.wait_token = call.wait_token.wrapping_add(1);
        self.connect(caller);
    }

    /// Takes a connection if the site has a pool, or waits for one; then launches.
    fn connect(&mut self, caller: CallId) {
        let now = self.now();
        let call = &mut self.calls[caller];
        let (site, instance, token) = (call.site, call.instance, call.wait_token);
        let Some(first) = self.plan.sites[site.0 as usize].pool else {
            return self.launch(caller, false);
        };
        let index = first as usize + instance as usize;
        let pool = &mut self.pools[index];
        let resource = pool.resource;
        if pool.in_use < pool.size {
            self.observe(Observation::Waited { resource, wait: SimDuration::ZERO });
            return self.launch_pooled(caller, index, now);
        }
        pool.line.push(caller, 0);
        call.asked = now;
        call.flags.set(Flags::IN_POOL_LINE);
        let present = pool.present();
        let me = call.component;
        let (luck, request) = (call.luck, call.request);
        self.observe(Observation::Level { resource, present });
        if let Some(wait) = &self.plan.pools[index].wait {
            let span = SimDuration::from_secs_f64(self.draw(wait, luck, request));
            self.send(now + span, me, Signal::TimedOut { call: caller, token, limit: Limit::PoolWait });
        }
    }

    fn launch_pooled(&mut self, caller: CallId, index: usize, asked: SimTime) {
        let pool = &mut self.pools[index];
        pool.in_use += 1;
        let fresh = pool.in_use > pool.open;
        if fresh {
            pool.open += 1;
        }
        let (resource, present) = (pool.resource, pool.present());
        let call = &mut self.calls[caller];
        call.flags.set(Flags::POOLED);
        call.pool_asked = asked;
        self.observe(Observation::Level { resource, present });
        self.launch(caller, fresh);
    }

    /// Gives the caller's connection back, or closes it if the attempt on it was abandoned.
    pub(super) fn release_pool(&mut self, caller: CallId, closes: bool) {
        let now = self.now();
        let call = &mut self.calls[caller];
        if !call.flags.take(Flags::POOLED) {
            return;
        }
        let (site, instance) = (call.site, call.instance);
        let stay = now.since(call.pool_asked);
        let Some(first) = self.plan.sites[site.0 as usize].pool else { return };
        let index = first as usize + instance as usize;
        let pool = &mut self.pools[index];
        pool.in_use -= 1;
        if closes {
            pool.open -= 1;
        }
        let resource = pool.resource;
        let calls = &self.calls;
        let next = pool.line.pop(|c| calls.get(*c).is_some_and(|c| c.flags.has(Flags::IN_POOL_LINE)));
        let present = pool.present();
        self.observe(Observation::Departed { resource, stay });
        match next {
            None => self.observe(Observation::Level { resource, present }),
            Some(next) => {
                let waiting = &mut self.calls[next];
                waiting.flags.take(Flags::IN_POOL_LINE);
                waiting.wait_token = waiting.wait_token.wrapping_add(1);
                let asked = waiting.asked;
                self.observe(Observation::Waited { resource, wait: now.since(asked) });
                self.launch_pooled(next, index, asked);
            }
        }
    }

    /// Sends one attempt. What most sites have nothing of stands apart, so that this stays short.
    #[inline]
    fn launch(&mut self, caller: CallId, fresh_connection: bool) {
        let now = self.now();
        let call = &self.calls[caller];
        let request = call.request;
        let site = &self.plan.sites[call.site.0 as usize];
        let target = site.target.component;
        let mut luck = site.salt.map_or(call.luck, |salt| salt.join(call.luck));
        if call.attempt > 0 {
            luck = luck.with(u64::from(call.attempt));
        }
        let (pooled, kept) = (call.flags.has(Flags::POOLED), call.flags.has(Flags::KEPT_ALIVE));
        let connecting = fresh_connection || !(pooled || kept);
        let mut child = Call::new(request, caller, luck, now);
        child.component = target;
        child.operation =
            site.operations.get(call.operation.index()).copied().unwrap_or(site.target.operation);
        child.row = call.row;
        child.bytes = if site.salt.is_none() { call.bytes } else { 0 };
        let any = call.choice == super::call::ANY_INSTANCE;
        child.instance = if any { 0 } else { call.choice };
        if connecting {
            child.flags.set(Flags::NEW_CONNECTION);
        }
        if !(pooled || kept) {
            child.flags.set(Flags::LAST_ON_CONNECTION);
        }
        let direct = site.path.is_none() && site.timeout.is_none() && site.reload.is_none();
        let direct = direct && !site.keeps_alive && !self.conditions.any;
        if site.size.is_some() || site.row != super::plan::RowChoice::None || any && site.target.instances > 1
        {
            self.complete(&mut child, caller);
        }
        if let Some(record) = self.requests.get_mut(request) {
            record.references += 1;
            record.attempts += u32::from(record.root == caller);
        }
        debug_assert_ne!(target, ComponentId::NONE);
        let id = self.open(child);
        self.calls[caller].child = id;
        if direct {
            self.executive.immediate(Event { target, signal: Signal::Arrive(id) });
        } else {
            self.send_off(caller, id, connecting);
        }
    }

    /// What a site may ask for beyond the call itself: bytes, a row, the next instance in turn.
    fn complete(&mut self, child: &mut Call, caller: CallId) {
        let call = &self.calls[caller];
        let (instance, choice) = (call.instance, call.choice);
        let site = &self.plan.sites[call.site.0 as usize];
        let (target, row) = (site.target, site.row);
        if let Some(size) = &site.size {
            child.bytes = self.draw(size, child.luck, child.request) as u64;
        }
        if row != super::plan::RowChoice::None {
            child.row = self.choose_row(child.request, row);
        }
        if choice == super::call::ANY_INSTANCE {
            let rotor = target.rotor + u32::from(instance);
            child.instance = self.next_instance(target.component, rotor, target.instances);
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
            // Who is not in the fleet, or leaves it, is known; who has died is not.
            let takes = |i: &u16| !matches!(self.conditions.life(target, *i), Life::Absent | Life::Draining);
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
        self.drop_reference(request);
        let record = self.calls.get_mut(caller).filter(|c| c.child == child)?;
        record.child = CallId::NONE;
        record.bytes = bytes;
        if record.flags.has(Flags::POOLED) {
            // A refused connection was never opened.
            let refused = matches!(outcome.reason, Reason::TooManyConnections | Reason::Unreachable);
            self.release_pool(caller, refused);
        }
        self.conclude(caller, outcome)
    }

    /// A limit on waiting has passed.
    pub(super) fn timed_out(&mut self, id: CallId, token: u16, limit: Limit) -> Settled {
        match limit {
            Limit::Attempt => {
                let caller = self.calls.get(id)?.parent;
                if self.calls.get(caller)?.child != id {
                    return None;
                }
                self.abandon(caller);
                let outcome = self.timeout_outcome(caller, Reason::Timeout);
                self.conclude(caller, outcome)
            }
            Limit::Patience => {
                let caller = self.calls.get(id)?.parent;
                if self.calls.get(caller)?.child != id {
                    return None;
                }
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
                Some((id, me, Outcome::error(503, me, Reason::PoolTimeout)))
            }
            Limit::Backoff => {
                if self.calls.get(id)?.wait_token == token {
                    self.attempt(id);
                }
                None
            }
            Limit::Deadline => {
                if self.calls.get(id)?.token != token {
                    return None;
                }
                self.stop_waiting(id);
                let outcome = self.timeout_outcome(id, Reason::Deadline);
                Some((id, self.calls[id].component, outcome))
            }
            Limit::QueueWait | Limit::Cancelled => None,
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

    fn leave_pool_line(&mut self, caller: CallId) {
        let now = self.now();
        let call = &self.calls[caller];
        let (site, instance, asked) = (call.site, call.instance, call.asked);
        let Some(first) = self.plan.sites[site.0 as usize].pool else { return };
        let calls = &self.calls;
        let pool = &mut self.pools[first as usize + instance as usize];
        pool.line.renege(|c| calls.get(*c).is_some_and(|c| c.flags.has(Flags::IN_POOL_LINE)));
        let (resource, present) = (pool.resource, pool.present());
        self.observe(Observation::Refused { resource });
        self.observe(Observation::Departed { resource, stay: now.since(asked) });
        self.observe(Observation::Level { resource, present });
    }

    /// The caller gives its attempt up: the attempt becomes an orphan, its connection closes.
    fn abandon(&mut self, caller: CallId) {
        let child = std::mem::replace(&mut self.calls[caller].child, CallId::NONE);
        self.release_pool(caller, true);
        self.calls[caller].flags.take(Flags::KEPT_ALIVE);
        let cancels = self.plan.sites[self.calls[caller].site.0 as usize].cancels;
        let Some(call) = self.calls.get_mut(child) else { return };
        call.parent = CallId::NONE;
        if call.flags.has(Flags::PARKED) {
            if let Some(request) = self.close(child).map(|call| call.request) {
                self.drop_reference(request);
            }
            return;
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
            self.cancel(child);
        }
    }

    /// A cancellation reaches the server of this call, and whomever it called in turn.
    fn cancel(&mut self, id: CallId) {
        let now = self.now();
        if let Some(call) = self.calls.get_mut(id) {
            call.wait_token = call.wait_token.wrapping_add(1);
            let target = call.component;
            self.send(now, target, Signal::TimedOut { call: id, token: 0, limit: Limit::Cancelled });
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
        let (me, token, site) = (call.component, call.wait_token, call.site);
        let is_root = self.requests.get(call.request).is_some_and(|r| r.root == caller);
        let target = self.plan.sites[site.0 as usize].target.component;
        if is_root {
            self.observe(Observation::Reattempted { client: me });
        } else {
            self.observe(Observation::Retried { caller: me, target });
        }
        self.send(now + pause, me, Signal::TimedOut { call: caller, token, limit: Limit::Backoff });
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
        if retry.budget.is_some() {
            let tokens = &mut self.budgets[site.budget as usize];
            if *tokens < 1.0 {
                return None;
            }
            *tokens -= 1.0;
        }
        Some(retry.pause(attempt, luck))
    }

    /// The call has its answer: it is closed here and travels back.
    #[inline]
    pub(super) fn reply(&mut self, id: CallId, outcome: Outcome, bytes: u64) {
        let now = self.now();
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
        let orphan = !waited_for || !self.is_wanted(request);
        self.observe(Observation::CallClosed { component, outcome, orphan, stay });
        if flags.has(Flags::LAST_ON_CONNECTION) && self.connections[component.index()].is_some() {
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

    pub(super) fn accept_connection(&mut self, id: CallId) -> bool {
        let call = &mut self.calls[id];
        let Some(connections) = &mut self.connections[call.component.index()] else { return true };
        if !call.flags.has(Flags::NEW_CONNECTION) {
            return true;
        }
        let resource = connections.limit.resource;
        if connections.open >= connections.limit.max {
            call.flags.take(Flags::LAST_ON_CONNECTION);
            self.observe(Observation::Refused { resource });
            return false;
        }
        connections.open += 1;
        let present = connections.open;
        self.observe(Observation::Level { resource, present });
        true
    }

    fn close_connection(&mut self, id: CallId) {
        let call = &mut self.calls[id];
        call.flags.take(Flags::LAST_ON_CONNECTION);
        let Some(connections) = &mut self.connections[call.component.index()] else { return };
        connections.open = connections.open.saturating_sub(1);
        let (resource, present) = (connections.limit.resource, connections.open);
        self.observe(Observation::Level { resource, present });
    }
}

impl Retry {
    /// The pause before retry number `attempt + 1` of a call with this luck.
    #[must_use]
    pub fn pause(&self, attempt: u16, luck: Key) -> SimDuration {
        let base = self.base.as_secs_f64();
        let cap = self.cap.as_secs_f64();
        let step = |n: u16| (base * libm::pow(self.multiplier, f64::from(n))).min(cap);
        let mut draws = self.key.join(luck).with(u64::from(attempt)).draws();
        SimDuration::from_secs_f64(match self.jitter {
            Jitter::None => step(attempt),
            Jitter::Full => step(attempt) * draws.unit(),
            Jitter::Equal => step(attempt) * (0.5 + 0.5 * draws.unit()),
            Jitter::Around(percent) => {
                let share = f64::from(percent.min(100)) / 100.0;
                step(attempt) * (1.0 - share + 2.0 * share * draws.unit())
            }
            Jitter::Decorrelated => {
                // Each pause depends on the one before it: draw the chain from its start.
                let mut draws = self.key.join(luck).named(StreamName::new("decorrelated")).draws();
                let mut pause = base;
                for _ in 0..=attempt {
                    pause = (base + (3.0 * pause - base).max(0.0) * draws.unit()).min(cap);
                }
                pause
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(jitter: Jitter) -> Retry {
        Retry {
            attempts: 9,
            base: SimDuration::from_millis(100),
            cap: SimDuration::from_secs(20),
            multiplier: 2.0,
            jitter,
            on: super::super::plan::RetryOn::default(),
            budget: None,
            key: Key::root(1, 0),
        }
    }

    /// Mean pauses in seconds before each of eight retries, over many requests.
    fn means(jitter: Jitter) -> Vec<f64> {
        let (retry, requests) = (retry(jitter), 40_000);
        (0..8)
            .map(|attempt| {
                let pause = |n| retry.pause(attempt, Key::root(2, 0).with(n)).as_secs_f64();
                (0..requests).map(pause).sum::<f64>() / requests as f64
            })
            .collect()
    }

    #[test]
    fn pauses_have_the_means_that_their_jitter_implies() {
        // BACKOFF counts its steps from base x 2 (n from 1): base 200 ms here would be the same. Steps of this
        // policy: 0.1, 0.2, ... 12.8, in all 25.5 s; its totals with doubled steps and a cap of 20 are 45.4, 22.7
        // and 34.05.
        let doubled = |jitter| {
            let twice = Retry { base: SimDuration::from_millis(200), ..retry(jitter) };
            let pause = |n: u64, attempt| twice.pause(attempt, Key::root(3, 0).with(n)).as_secs_f64();
            (0..20_000).map(|n| (0..8).map(|attempt| pause(n, attempt)).sum::<f64>()).sum::<f64>() / 20_000.0
        };
        for (jitter, total) in
            [(Jitter::None, 45.4), (Jitter::Full, 22.7), (Jitter::Equal, 34.05), (Jitter::Around(20), 45.4)]
        {
            assert!((doubled(jitter) / total - 1.0).abs() < 0.01, "{jitter:?}: {}", doubled(jitter));
        }
        let decorrelated = means(Jitter::Decorrelated);
        assert!((decorrelated[0] - 0.2).abs() < 0.002 && (decorrelated[1] - 0.35).abs() < 0.004);
    }

    #[test]
    fn pauses_stay_within_the_bounds_of_their_jitter() {
        for (jitter, low, high) in [
            (Jitter::Full, 0.0, 0.4),
            (Jitter::Equal, 0.2, 0.4),
            (Jitter::Around(20), 0.32, 0.48),
            (Jitter::Around(50), 0.2, 0.6),
            (Jitter::Decorrelated, 0.1, 2.7),
        ] {
            let pauses = (0..2_000).map(|n| retry(jitter).pause(2, Key::root(4, 0).with(n)).as_secs_f64());
            let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
            pauses.for_each(|pause| (least, most) = (least.min(pause), most.max(pause)));
            assert!(low <= least && most <= high + 1e-9, "{jitter:?}: {least}..{most}");
            assert!(jitter == Jitter::Decorrelated || most - least > 0.95 * (high - low));
        }
    }
}
