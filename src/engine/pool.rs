//! Connection pools of callers, and the connections that a target accepts.
//!
//! A pooled connection is opened when the pool first needs it, stays open while idle, and closes
//! when its caller abandons the attempt on it: the server keeps it, and the work, until it notices.

use super::call::{CallId, Flags};
use super::context::Core;
use super::event::{Signal, Timer};
use super::plan::{ConnectionLimit, PoolPlan};
use super::probe::{Observation, Probe};
use crate::base::{ComponentId, ResourceId, SimDuration, SimTime};
use crate::queueing::{Discipline, WaitingLine};

/// The topic of the timer that tells a component of closed connections: the lower half says whose, as the
/// component wrote into [`super::Call::pc`] (of idle ones, the caller's number); the timer's number is the
/// instance, and how many.
pub const CONNECTIONS_CLOSED: u32 = 0xFFFE_0000;

/// One caller instance's connections to one target.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub(super) resource: ResourceId,
    pub(super) size: u32,
    pub(super) in_use: u32,
    pub(super) open: u32,
    /// See [`PoolPlan::pinned`].
    pub(super) pinned: bool,
    pub(super) line: WaitingLine<CallId>,
}

impl Pool {
    pub(super) fn new(plan: &PoolPlan) -> Self {
        Self {
            resource: plan.resource,
            size: plan.size,
            in_use: 0,
            open: 0,
            pinned: plan.pinned,
            line: WaitingLine::new(Discipline::Fifo),
        }
    }

    pub(super) fn present(&self) -> u32 {
        self.in_use + self.line.len() as u32
    }
}

/// Connections open at one target.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    pub(super) limit: ConnectionLimit,
    pub(super) open: u32,
}

impl Connections {
    pub(super) fn new(limit: ConnectionLimit) -> Self {
        Self { limit, open: 0 }
    }

    pub(super) fn open_and_max(&self) -> (u32, u32) {
        (self.open, self.limit.max)
    }
}

/// The connections of an instance: its own, or those that all instances share.
#[inline]
pub(super) fn of_instance(all: &mut [Connections], instance: u16) -> Option<&mut Connections> {
    let last = all.len().checked_sub(1)?;
    all.get_mut(usize::from(instance).min(last))
}

impl<P: Probe> Core<P> {
    /// The pool that the caller's attempt needs a connection of: its instance's, to the member it goes to.
    #[inline]
    pub(super) fn pool_of(&self, caller: CallId) -> Option<usize> {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let first = site.pool? as usize;
        if site.pool_width <= 1 {
            return Some(first + usize::from(call.instance));
        }
        let member = call.choice.min(site.pool_width - 1);
        Some(first + usize::from(call.instance) * usize::from(site.pool_width) + usize::from(member))
    }

    /// Chooses the target's member; takes a connection if the site has a pool, or waits for one; then launches.
    pub(super) fn connect(&mut self, caller: CallId) {
        if !self.transactions.is_empty() && self.is_in_transaction(caller) {
            return self.connect_in_transaction(caller);
        }
        if !self.transactions.is_empty()
            && let Some(owner) = self.session_behind(caller)
        {
            return self.connect_behind(caller, owner);
        }
        if !self.clusters.is_empty() {
            self.route(caller);
        }
        let Some(index) = self.pool_of(caller) else {
            return self.launch(caller, false);
        };
        self.connect_pooled(caller, index);
    }

    /// Takes a connection of a pool, or waits for one; then launches.
    pub(super) fn connect_pooled(&mut self, caller: CallId, index: usize) {
        let now = self.now();
        let pool = &mut self.pools[index];
        let resource = pool.resource;
        if pool.pinned {
            return self.launch_pooled(caller, index, now);
        }
        if pool.in_use < pool.size {
            self.observe(Observation::Waited { resource, wait: SimDuration::ZERO });
            return self.launch_pooled(caller, index, now);
        }
        self.wait_for_pool(caller, index);
    }

    /// Whoever has waited long enough gets a connection beyond the pool's size, if the reserve has one left.
    pub(super) fn take_from_reserve(&mut self, caller: CallId, token: u16) {
        let now = self.now();
        let waits =
            |call: &super::call::Call| call.wait_token == token && call.flags.has(Flags::IN_POOL_LINE);
        if !self.calls.get(caller).is_some_and(waits) {
            return;
        }
        let Some(index) = self.pool_of(caller) else { return };
        let most = self.plan.pools[index].reserve.map_or(0, |(more, _)| more);
        let pool = &mut self.pools[index];
        if pool.in_use >= pool.size.saturating_add(most) {
            return;
        }
        let call = &mut self.calls[caller];
        call.flags.take(Flags::IN_POOL_LINE);
        call.wait_token = call.wait_token.wrapping_add(1);
        let asked = call.asked;
        let calls = &self.calls;
        pool.line.renege(|c| calls.get(*c).is_some_and(|c| c.flags.has(Flags::IN_POOL_LINE)));
        let resource = pool.resource;
        self.observe(Observation::Waited { resource, wait: now.since(asked) });
        self.launch_pooled(caller, index, asked);
    }

    fn launch_pooled(&mut self, caller: CallId, index: usize, asked: SimTime) {
        let pool = &mut self.pools[index];
        pool.in_use += 1;
        let (resource, present, pinned) = (pool.resource, pool.present(), pool.pinned);
        let call = &mut self.calls[caller];
        let fresh = pool.in_use > pool.open || pinned && pool.open < u32::from(call.needed);
        if fresh {
            pool.open += 1;
        }
        call.flags.set(Flags::POOLED);
        call.pool_asked = asked;
        if !pinned {
            self.observe(Observation::Level { resource, present });
        }
        if !self.transactions.is_empty() && self.is_in_transaction(caller) {
            self.calls[caller].flags.take(Flags::POOLED);
            return self.launch_in_transaction(caller, index, asked, fresh);
        }
        if !self.transactions.is_empty()
            && let Some(owner) = self.session_behind(caller)
        {
            self.calls[caller].flags.take(Flags::POOLED);
            return self.keep_behind(caller, owner, (index, asked), fresh);
        }
        self.launch(caller, fresh);
    }

    /// Gives the caller's connection back, or closes it if the attempt on it was abandoned.
    pub(super) fn release_pool(&mut self, caller: CallId, closes: bool) {
        let call = &mut self.calls[caller];
        if !call.flags.take(Flags::POOLED) {
            return;
        }
        let asked = call.pool_asked;
        let Some(index) = self.pool_of(caller) else { return };
        self.give_back(index, closes, asked);
    }

    /// Gives back a connection of a pool that was asked for at `asked`, or closes it.
    pub(super) fn give_back(&mut self, index: usize, closes: bool, asked: SimTime) {
        let now = self.now();
        let stay = now.since(asked);
        let pool = &mut self.pools[index];
        pool.in_use -= 1;
        if closes {
            pool.open -= 1;
        }
        if pool.pinned {
            return;
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

    /// A caller that waits for a connection gives up.
    pub(super) fn leave_pool_line(&mut self, caller: CallId) {
        let now = self.now();
        let asked = self.calls[caller].asked;
        let Some(index) = self.pool_of(caller) else { return };
        let calls = &self.calls;
        let pool = &mut self.pools[index];
        pool.line.renege(|c| calls.get(*c).is_some_and(|c| c.flags.has(Flags::IN_POOL_LINE)));
        let (resource, present) = (pool.resource, pool.present());
        self.observe(Observation::Refused { resource });
        self.observe(Observation::Departed { resource, stay: now.since(asked) });
        self.observe(Observation::Level { resource, present });
    }

    /// Accepts the connection that a call opens, if it opens one; false if the limit is reached.
    pub(super) fn accept_connection(&mut self, id: CallId) -> bool {
        let call = &mut self.calls[id];
        let all = &mut self.connections[call.component.index()];
        let Some(connections) = of_instance(all, call.instance) else { return true };
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

    /// The connection of a call is closed.
    pub(super) fn close_connection(&mut self, id: CallId) {
        let call = &mut self.calls[id];
        call.flags.take(Flags::LAST_ON_CONNECTION);
        let all = &mut self.connections[call.component.index()];
        let Some(connections) = of_instance(all, call.instance) else { return };
        connections.open = connections.open.saturating_sub(1);
        let (resource, present, told) =
            (connections.limit.resource, connections.open, connections.limit.told);
        let (target, instance, word) = (call.component, call.instance, call.pc);
        self.observe(Observation::Level { resource, present });
        if told {
            self.tell_closed(target, instance, word, 1);
        }
    }

    /// A component hears that so many connections to one of its instances have closed; `word` says whose.
    pub(super) fn tell_closed(&mut self, target: ComponentId, instance: u16, word: u16, count: u32) {
        let now = self.now();
        let number = u32::from(instance) << 16 | count.min(0xFFFF);
        let timer = Timer { topic: CONNECTIONS_CLOSED | u32::from(word), number };
        self.send(now, target, Signal::Timer(timer));
    }
}
