//! What stands between a caller and its attempts beside pool and breaker: throttle, bulkhead, hedged copies,
//! the deadline that callees are told, and retry budgets that count what is under way.
//!
//! Sites that have none of it never come here. The state of a wait at one that does is kept by its caller's
//! call, from its beginning until it has an outcome, so that a call stays small.

use super::call::{CallId, Flags};
use super::context::Core;
use super::event::{Event, Limit, Signal};
use super::outcome::{Outcome, Reason};
use super::plan::BulkheadPlan;
use super::probe::Probe;
use super::protection::{Bulkhead, Entry, RetryBudget, RetryCause};
use crate::base::random::StreamName;
use crate::base::{SimDuration, SimTime};
use crate::queueing::{Discipline, WaitingLine};

/// A wait at a guarded site.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// What its last retry cost its budget.
    paid: Option<u32>,
    /// Whether the attempt under way is a retry that the budget counts.
    retrying: bool,
    /// Whether it has a place in the bulkhead.
    inside: bool,
    /// Whether it waits for one.
    in_line: bool,
    /// When its attempt was sent.
    sent: SimTime,
    /// When whoever called this caller will have left, or it itself: what callees are told.
    until: SimTime,
    /// Copies of the attempt that were sent, itself included.
    out: u32,
    /// Copies of the attempt under way, the oldest first; the attempt itself is the caller's child.
    copies: Vec<CallId>,
}

impl Wait {
    /// Whether a call is one of the copies that are out.
    pub(super) fn has_copy(&self, id: CallId) -> bool {
        self.copies.contains(&id)
    }
}

/// The bulkhead of one caller instance, with those who wait for a place.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    places: Bulkhead,
    wait: Option<SimDuration>,
    line: WaitingLine<CallId>,
}

impl Gate {
    pub(super) fn new(plan: &BulkheadPlan) -> Self {
        Self {
            places: Bulkhead::new(plan.concurrent, plan.line),
            wait: plan.wait,
            line: WaitingLine::new(Discipline::Fifo),
        }
    }
}

/// Whether whoever was asked took the request on, whatever came of it.
fn is_accepted(outcome: Outcome) -> bool {
    !matches!(outcome.status, 0 | 429 | 503) && !outcome.reason.is_transport()
}

impl<P: Probe> Core<P> {
    /// A wait at a guarded site begins.
    pub(super) fn begin_guarded(&mut self, caller: CallId) {
        let now = self.now();
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let own = site.deadline.map_or(SimTime::MAX, |deadline| now + deadline);
        let until = call.deadline.min(own);
        let wait = Wait {
            paid: None,
            retrying: false,
            inside: false,
            in_line: false,
            sent: now,
            until,
            out: 0,
            copies: Vec::new(),
        };
        self.waits.insert(caller, wait);
        self.enter(caller);
    }

    /// An attempt is to be made: throttle, breaker and bulkhead may keep it away, in this order.
    pub(super) fn enter(&mut self, caller: CallId) {
        let now = self.now();
        let call = &self.calls[caller];
        let (instance, luck, attempt) = (call.instance, call.luck, call.attempt);
        let site = &self.plan.sites[call.site.0 as usize];
        let (throttle, bulkhead) = (site.throttle, site.bulkhead);
        if let Some(first) = throttle
            && let Some(throttle) = self.throttles.get_mut(first as usize + instance as usize)
        {
            let luck = luck.named(StreamName::new("throttle")).with(u64::from(attempt));
            let key = site.salt.map_or(luck, |salt| salt.join(luck));
            if !throttle.admit(now, &mut key.draws()) {
                return self.refuse(caller, Limit::Throttle);
            }
        }
        if self.is_broken(caller) {
            return;
        }
        if let Some(first) = bulkhead
            && let Some(gate) = self.gates.get_mut(first as usize + instance as usize)
        {
            let entry = gate.places.enter();
            let wait = gate.wait;
            if entry == Entry::Waits {
                gate.line.push(caller, 0);
            }
            if let Some(record) = self.waits.get_mut(&caller) {
                record.inside = entry == Entry::Entered;
                record.in_line = entry == Entry::Waits;
            }
            match entry {
                Entry::Entered => {}
                Entry::Refused => return self.refuse(caller, Limit::Bulkhead),
                Entry::Waits => {
                    if let Some(wait) = wait {
                        let call = &self.calls[caller];
                        let (me, token) = (call.component, call.wait_token);
                        let signal = Signal::TimedOut { call: caller, token, limit: Limit::Bulkhead };
                        self.send(now + wait, me, signal);
                    }
                    return;
                }
            }
        }
        self.connect(caller);
    }

    /// The attempt is not made; its caller is told at once.
    fn refuse(&mut self, caller: CallId, limit: Limit) {
        let call = &self.calls[caller];
        let (me, token) = (call.component, call.wait_token);
        let now = self.now();
        self.send(now, me, Signal::TimedOut { call: caller, token, limit });
    }

    /// The outcome of an attempt that the caller's own guards kept away; none if it is stale.
    pub(super) fn refused(&mut self, caller: CallId, token: u16, limit: Limit) -> Option<Outcome> {
        let call = self.calls.get(caller).filter(|call| call.wait_token == token)?;
        let reason = match limit {
            Limit::Throttle => Reason::Throttled,
            Limit::Bulkhead => Reason::BulkheadFull,
            _ => Reason::BreakerOpen,
        };
        let outcome = Outcome::error(503, call.component, reason);
        if limit == Limit::Bulkhead {
            self.tell_breaker(caller, outcome);
        } else {
            self.attempt_ended(caller, None);
        }
        Some(outcome)
    }

    /// An attempt was sent: when a copy of it may follow.
    pub(super) fn sent(&mut self, caller: CallId) {
        let now = self.now();
        if let Some(wait) = self.waits.get_mut(&caller) {
            wait.sent = now;
            wait.out = 1;
        }
        let call = &self.calls[caller];
        let (instance, me, token) = (call.instance, call.component, call.wait_token);
        let Some(first) = self.plan.sites[call.site.0 as usize].hedge else { return };
        let delay = self.hedges.get_mut(first as usize + instance as usize).and_then(|h| h.requested());
        if let Some(delay) = delay {
            self.send(now + delay, me, Signal::TimedOut { call: caller, token, limit: Limit::Hedge });
        }
    }

    /// The attempt is late: another copy goes out, if it may.
    pub(super) fn hedge(&mut self, caller: CallId, token: u16) {
        let now = self.now();
        let Some(call) = self.calls.get(caller).filter(|call| call.wait_token == token) else { return };
        let (instance, me, site) = (call.instance, call.component, call.site);
        if !self.calls.contains(call.child) {
            return;
        }
        let Some(first) = self.plan.sites[site.0 as usize].hedge else { return };
        let Some(out) = self.waits.get(&caller).map(|wait| wait.out) else { return };
        let Some(hedge) = self.hedges.get_mut(first as usize + instance as usize) else { return };
        if !hedge.copy(out) {
            return;
        }
        let again = hedge.delay();
        let copy = self.launch_copy(caller, out);
        if let Some(wait) = self.waits.get_mut(&caller) {
            wait.copies.push(copy);
            wait.out += 1;
        }
        if let Some(delay) = again {
            self.send(now + delay, me, Signal::TimedOut { call: caller, token, limit: Limit::Hedge });
        }
    }

    /// Sends a copy, over a connection of its own.
    fn launch_copy(&mut self, caller: CallId, number: u32) -> CallId {
        let now = self.now();
        let luck = self.luck_of_attempt(caller).named(StreamName::new("hedge")).with(u64::from(number));
        let mut copy = self.attempt_of(caller, luck);
        let target = copy.component;
        let call = &self.calls[caller];
        let multiplexed = self.plan.sites[call.site.0 as usize].multiplexed;
        if !multiplexed {
            copy.flags.set(Flags::NEW_CONNECTION);
            copy.flags.set(Flags::LAST_ON_CONNECTION);
        }
        let (me, instance, token, request) = (call.component, call.instance, call.wait_token, call.request);
        let site = &self.plan.sites[call.site.0 as usize];
        let (path, timeout) = (site.path, site.timeout);
        self.count_attempt(caller, request);
        self.again_observed(caller);
        let id = self.open(copy);
        if path.is_none() && !self.conditions.any {
            self.executive.immediate(Event { target, signal: Signal::Arrive(id) });
        } else {
            self.depart(id, path, (me, instance), !multiplexed);
        }
        if let Some(timeout) = timeout {
            self.send(now + timeout, me, Signal::TimedOut { call: id, token, limit: Limit::Attempt });
        }
        id
    }

    /// Whether a call is a copy that its caller still waits for.
    #[inline]
    pub(super) fn is_copy(&self, caller: CallId, id: CallId) -> bool {
        !self.waits.is_empty() && self.waits.get(&caller).is_some_and(|wait| wait.copies.contains(&id))
    }

    /// An answer has come: whether it decides. A good one does, and one of several that is bad does not.
    pub(super) fn decides(&mut self, caller: CallId, child: CallId, outcome: Outcome) -> bool {
        let Some(wait) = self.waits.get_mut(&caller).filter(|wait| !wait.copies.is_empty()) else {
            return true;
        };
        if let Some(at) = wait.copies.iter().position(|copy| *copy == child) {
            wait.copies.remove(at);
            if outcome.is_ok() {
                self.abandon(caller);
                self.calls[caller].child = child;
            }
            return outcome.is_ok();
        }
        let is_first = self.calls.get(caller).is_some_and(|call| call.child == child);
        if !is_first || outcome.is_ok() {
            return true;
        }
        self.release_pool(caller, outcome.reason.ends_connection());
        self.promote(caller);
        false
    }

    /// An attempt took too long: whether it was one of several, so that its caller still waits.
    pub(super) fn others_remain(&mut self, caller: CallId, late: CallId) -> bool {
        let Some(wait) = self.waits.get_mut(&caller).filter(|wait| !wait.copies.is_empty()) else {
            return false;
        };
        if let Some(at) = wait.copies.iter().position(|copy| *copy == late) {
            wait.copies.remove(at);
            self.orphan(caller, late);
            return true;
        }
        if self.calls[caller].child != late {
            return false;
        }
        self.abandon(caller);
        self.promote(caller);
        true
    }

    /// The oldest copy takes the place of the attempt.
    fn promote(&mut self, caller: CallId) {
        if let Some(wait) = self.waits.get_mut(&caller)
            && !wait.copies.is_empty()
        {
            let copy = wait.copies.remove(0);
            self.calls[caller].child = copy;
        }
    }

    /// An attempt has ended, with an outcome that says something of the callee or without: the copies are
    /// given up, the place in the bulkhead is free.
    pub(super) fn attempt_ended(&mut self, caller: CallId, outcome: Option<Outcome>) {
        let now = self.now();
        let Some(wait) = self.waits.get_mut(&caller) else { return };
        let copies = std::mem::take(&mut wait.copies);
        let (retrying, inside) = (std::mem::take(&mut wait.retrying), std::mem::take(&mut wait.inside));
        let (in_line, sent) = (std::mem::take(&mut wait.in_line), wait.sent);
        for copy in copies {
            self.orphan(caller, copy);
        }
        let call = &self.calls[caller];
        let (site, instance) = (call.site, call.instance as usize);
        let site = &self.plan.sites[site.0 as usize];
        let (throttle, hedge, bulkhead) = (site.throttle, site.hedge, site.bulkhead);
        let at = |first: Option<u32>| first.map_or(usize::MAX, |first| first as usize + instance);
        if let Some(outcome) = outcome.filter(|outcome| outcome.reason != Reason::BulkheadFull) {
            if is_accepted(outcome)
                && let Some(throttle) = self.throttles.get_mut(at(throttle))
            {
                throttle.accepted(now);
            }
            if outcome.status != 0
                && let Some(hedge) = self.hedges.get_mut(at(hedge))
            {
                hedge.answered(now.since(sent));
            }
            if !outcome.is_ok()
                && let Some(budget) = self.budget(caller)
            {
                budget.failed();
            }
        }
        if retrying && let Some(budget) = self.budget(caller) {
            budget.retry_ended();
        }
        let Some(gate) = self.gates.get_mut(at(bulkhead)) else { return };
        let waits = &self.waits;
        let is_waiting = |id: &CallId| waits.get(id).is_some_and(|wait| wait.in_line);
        if in_line {
            gate.places.renege();
            gate.line.renege(is_waiting);
        }
        if inside && gate.places.leave() {
            let Some(next) = gate.line.pop(is_waiting) else { return };
            if let Some(wait) = self.waits.get_mut(&next) {
                (wait.in_line, wait.inside) = (false, true);
            }
            if let Some(call) = self.calls.get_mut(next) {
                call.wait_token = call.wait_token.wrapping_add(1);
                self.connect(next);
            }
        }
    }

    /// The wait is over.
    pub(super) fn wait_ended(&mut self, caller: CallId, outcome: Option<Outcome>) {
        if self.waits.is_empty() {
            return;
        }
        self.attempt_ended(caller, None);
        let Some(wait) = self.waits.remove(&caller) else { return };
        if let Some(budget) = self.budget(caller) {
            budget.request_ended();
            if outcome.is_some_and(Outcome::is_ok) {
                budget.succeeded(wait.paid);
            }
        }
    }

    /// The retry budget of the site that a caller waits at, if it has one.
    pub(super) fn budget(&mut self, caller: CallId) -> Option<&mut RetryBudget> {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        site.retry.as_ref()?.budget.as_ref()?;
        let own = if site.budget_is_shared { 0 } else { call.instance as usize };
        self.budgets.get_mut(site.budget as usize + own)
    }

    /// Whether the budget pays for a retry after this outcome.
    pub(super) fn pay_for_retry(&mut self, caller: CallId, outcome: Outcome) -> bool {
        let now = self.now();
        let cause = match (outcome.reason, outcome.status) {
            (Reason::Timeout, _) => RetryCause::Timeout,
            (Reason::RateLimited, _) | (_, 429) => RetryCause::Throttled,
            _ => RetryCause::Error,
        };
        let Some(budget) = self.budget(caller) else { return true };
        let Some(paid) = budget.retry(cause, now) else { return false };
        if let Some(wait) = self.waits.get_mut(&caller) {
            (wait.paid, wait.retrying) = (Some(paid), true);
        }
        true
    }

    /// What a callee is told of its caller's patience.
    pub(super) fn told_deadline(&self, caller: CallId) -> SimTime {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        if !site.propagates {
            // A load balancer passes on what it was told.
            return if site.salt.is_none() { call.deadline } else { SimTime::MAX };
        }
        let attempt = site.timeout.map_or(SimTime::MAX, |timeout| self.now() + timeout);
        self.waits.get(&caller).map_or(SimTime::MAX, |wait| wait.until.min(attempt))
    }

    /// A call arrives with a deadline: refused if it has passed, else given up when it does.
    pub(super) fn takes_before_deadline(&mut self, id: CallId) -> bool {
        let now = self.now();
        let call = &mut self.calls[id];
        let (component, deadline) = (call.component, call.deadline);
        if deadline > now {
            self.send(deadline, component, Signal::TimedOut { call: id, token: 0, limit: Limit::Expired });
            return true;
        }
        call.flags.take(Flags::LAST_ON_CONNECTION); // it was never accepted
        self.reply(id, Outcome::error(504, component, Reason::Deadline), 0);
        false
    }
}
