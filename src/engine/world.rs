//! The executive's loop: take the earliest event, split the world into *the target* and
//! *everything else*, let the target act.

use std::sync::Arc;

use super::call::{CallId, Flags};
use super::context::{CallBalance, Context, Core};
use super::event::{Event, Limit, Signal, Withdrawal};
use super::node::Node;
use super::plan::Plan;
use super::probe::{Observation, Probe};
use crate::base::{ComponentId, SimTime};

/// Events between two looks at budgets, interruption and dead timers.
const CHECK_EVERY: u64 = 1 << 14;

/// Where a run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The clock never passes this instant.
    pub until: SimTime,
    /// Requests after whose end the run stops.
    pub requests: Option<u64>,
    /// Events at most.
    pub max_events: Option<u64>,
    /// Requests in flight at most.
    pub max_in_flight: Option<u64>,
}

/// Why a run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is done.
    Done,
    /// More events than its budget.
    OutOfEvents,
    /// More requests in flight than its budget.
    TooManyInFlight,
    /// It was asked to stop.
    Interrupted,
}

/// What a run needs memory for: it depends on how much is alive at once, never on how much has been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Footprint {
    /// Places for requests.
    pub requests: usize,
    /// Places for calls.
    pub calls: usize,
    /// Places for events to come.
    pub events: usize,
}

/// Components and clients together with everything that happens between them.
pub struct World<N, P> {
    nodes: Vec<N>,
    core: Core<P>,
}

impl<N: Node, P: Probe> World<N, P> {
    /// A world of `nodes`, addressed by their position, in which nothing has happened yet.
    #[must_use]
    pub fn new(nodes: Vec<N>, plan: Arc<Plan>, probe: P) -> Self {
        let mut world = Self { nodes, core: Core::new(plan, probe) };
        for index in 0..world.nodes.len() {
            let mut cx = Context { core: &mut world.core, me: ComponentId::at(index) };
            world.nodes[index].start(&mut cx);
        }
        world.core.schedule_faults();
        world
    }

    /// Runs until a limit is reached; `keep_going` is asked now and then.
    #[inline(never)] // a profile shows the run under its own name, apart from set-up and report
    pub fn run(&mut self, limits: Limits, mut keep_going: impl FnMut(SimTime) -> bool) -> Stopped {
        let mut unchecked = 0_u64;
        let mut events = 0_u64;
        while let Some(event) = self.core.executive.pop_until(limits.until) {
            self.handle(event);
            unchecked += 1;
            if limits.requests.is_some_and(|n| self.core.requests_finished >= n) {
                return Stopped::Done;
            }
            if unchecked == CHECK_EVERY {
                events += unchecked;
                unchecked = 0;
                if limits.max_events.is_some_and(|max| events > max) {
                    return Stopped::OutOfEvents;
                }
                if limits.max_in_flight.is_some_and(|max| self.core.requests.len() as u64 > max) {
                    return Stopped::TooManyInFlight;
                }
                self.sweep();
                if !keep_going(self.core.now()) {
                    return Stopped::Interrupted;
                }
            }
        }
        Stopped::Done
    }

    #[inline]
    fn handle(&mut self, Event { target, signal }: Event) {
        match signal {
            Signal::Arrive(call) => {
                let now = self.core.now();
                // A call whose sender gave it up on the way still arrives: the bytes were sent.
                if let Some(record) = self.core.calls.get_mut(call) {
                    record.arrived = now;
                    let deadline = record.deadline;
                    self.core.observe(Observation::CallOpened { component: target });
                    if self.core.conditions.any && !self.core.admit(call) {
                        return;
                    }
                    if deadline != SimTime::MAX && !self.core.takes_before_deadline(call) {
                        return;
                    }
                    self.at(target, |node, cx| node.on_call(call, cx));
                }
            }
            Signal::Served { call, token } => {
                if self.core.calls.get(call).is_some_and(|c| c.token == token) {
                    self.at(target, |node, cx| node.on_served(call, cx));
                }
            }
            Signal::Replied(child) => {
                let settled = self.core.settle(child);
                self.tell(settled);
            }
            Signal::TimedOut { call, token, limit } => self.limit_passed(target, call, token, limit),
            Signal::Timer(timer) => {
                self.at(target, |node, cx| node.on_timer(timer, cx));
                if !self.core.disturbances.is_empty() {
                    self.disturb();
                }
            }
            Signal::Wake { station, epoch } => {
                if target == ComponentId::NONE {
                    self.core.wake_link(station, epoch);
                } else {
                    self.at(target, |node, cx| node.on_wake(station, epoch, cx));
                }
            }
            Signal::Fault { fault, begins } => {
                self.core.fault(fault, begins);
                self.core.next_fault();
                self.disturb();
            }
        }
    }

    fn limit_passed(&mut self, target: ComponentId, call: CallId, token: u16, limit: Limit) {
        match limit {
            Limit::QueueWait => {
                let waits = |c: &super::call::Call| c.token == token && c.flags.has(Flags::IN_LINE);
                if self.core.calls.get(call).is_some_and(waits) {
                    self.at(target, |node, cx| node.on_limit(call, cx));
                }
            }
            Limit::Cancelled => {
                let how = if token == 1 { Withdrawal::Work } else { Withdrawal::Lines };
                self.withdraw(target, call, how);
            }
            Limit::Expired => self.withdraw(target, call, Withdrawal::Expired),
            _ => {
                let settled = self.core.timed_out(call, token, limit);
                self.tell(settled);
            }
        }
    }

    /// Nobody waits for this call any more: its component is told, unless it has answered or never will.
    fn withdraw(&mut self, target: ComponentId, call: CallId, how: Withdrawal) {
        let done =
            |flags: Flags| flags.has(Flags::ANSWERED) || flags.has(Flags::PARKED) || flags.has(Flags::LOST);
        if self.core.calls.get(call).is_some_and(|c| !done(c.flags)) {
            self.at(target, |node, cx| node.on_cancel(call, how, cx));
        }
    }

    #[inline]
    fn at(&mut self, target: ComponentId, act: impl FnOnce(&mut N, &mut Context<'_, P>)) {
        let mut cx = Context { core: &mut self.core, me: target };
        act(&mut self.nodes[target.index()], &mut cx);
    }

    /// Tells components what befell their instances.
    fn disturb(&mut self) {
        for (component, instance, what) in std::mem::take(&mut self.core.disturbances) {
            self.at(component, |node, cx| node.on_disturbance(instance, what, cx));
        }
    }

    #[inline]
    fn tell(&mut self, settled: super::call_policy::Settled) {
        if let Some((caller, target, outcome)) = settled {
            self.at(target, |node, cx| node.on_reply(caller, outcome, cx));
        }
    }

    /// Dead timers leave the event list when they outnumber everything that can be alive.
    fn sweep(&mut self) {
        let Core { executive, calls, waits, .. } = &mut self.core;
        if executive.pending() < 4 * calls.len() + 4096 {
            return;
        }
        executive.sweep(|event| match event.signal {
            Signal::TimedOut { call, limit: Limit::Attempt | Limit::Patience, .. } => {
                calls.get(call).is_some_and(|c| {
                    calls.get(c.parent).is_some_and(|parent| parent.child == call)
                        || waits.get(&c.parent).is_some_and(|wait| wait.has_copy(call))
                })
            }
            Signal::TimedOut {
                call,
                token,
                limit:
                    Limit::PoolWait
                    | Limit::Reserve
                    | Limit::Backoff
                    | Limit::Breaker
                    | Limit::Throttle
                    | Limit::Bulkhead
                    | Limit::Hedge,
            } => calls.get(call).is_some_and(|c| c.wait_token == token),
            Signal::TimedOut { call, limit: Limit::Cancelled | Limit::Expired, .. } => calls.contains(call),
            Signal::TimedOut { call, token, .. } | Signal::Served { call, token } => {
                calls.get(call).is_some_and(|c| c.token == token)
            }
            _ => true,
        });
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.core.now()
    }

    /// Events handled so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.core.executive.events_processed()
    }

    /// Requests without a final outcome.
    #[must_use]
    pub fn requests_in_flight(&self) -> u64 {
        self.core.requests.iter().filter(|(_, r)| self.core.calls.contains(r.root)).count() as u64
    }

    /// What the run has taken of the machine's memory.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        Footprint {
            requests: self.core.requests.high_water(),
            calls: self.core.calls.high_water(),
            events: self.core.executive.capacity(),
        }
    }

    /// Conservation of calls.
    #[must_use]
    pub fn call_balance(&self) -> CallBalance {
        self.core.call_balance()
    }

    /// Ends the run and hands the sink back.
    #[must_use]
    pub fn into_probe(mut self) -> P {
        for index in 0..self.nodes.len() {
            self.at(ComponentId::at(index), |node, cx| node.on_end(cx));
        }
        self.core.probe
    }
}
