//! What goes wrong, when, and with whom: a plan made before the run, and its execution.
//!
//! The plan is a list of moments at which a fault begins or ends; random failures (MTBF, MTTR) are
//! drawn into it when the model is assembled, so the same seed has the same luck in every design.

use super::call::{Call, CallId, Flags};
use super::conditions::{Group, Life};
use super::context::Core;
use super::event::Signal;
use super::outcome::{Outcome, Reason};
use super::plan::Demand;
use super::probe::{Observation, Probe};
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimDuration, SimTime};

/// What a fault does while it lasts.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The process dies; what it had in hand is lost, and connections are refused until it is back.
    Kill,
    /// The machine or its zone is gone: like a kill, but nothing is refused, so callers wait.
    Vanish,
    /// Accepts and never answers.
    Hang,
    /// Everything takes so many times as long.
    Slow(f64),
    /// So many calls are answered with this status at once.
    Errors {
        /// The share.
        share: f64,
        /// The status.
        status: u16,
        /// `Retry-After` in milliseconds; 0: not said.
        retry_after: u32,
        /// The stream of the coins.
        key: Key,
    },
    /// A replica applies nothing that is not so old.
    Lag(SimDuration),
    /// Messages to and from it take longer, in seconds.
    Latency(Demand),
    /// So many messages to and from it lose a segment.
    Loss {
        /// The share.
        share: f64,
        /// The stream of the coins.
        key: Key,
    },
    /// Messages from these do not reach the targets.
    Cut {
        /// Who cannot send.
        from: Vec<Group>,
    },
    /// What they store is gone.
    Flush,
    /// All idle connections to it are closed, so that everybody opens new ones.
    Reset,
    /// They join their fleet, or leave it, and stay so.
    Membership(Life),
    /// No new work from load balancers.
    Drain,
    /// So many requests are about one row.
    HotKey {
        /// Of this entity.
        entity: EntityId,
        /// The share.
        share: f64,
        /// The stream of the coins.
        key: Key,
    },
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    /// What it does.
    pub effect: Effect,
    /// With whom.
    pub targets: Vec<Group>,
    /// When it begins.
    pub from: SimTime,
    /// When it ends; never, if it does not.
    pub until: Option<SimTime>,
}

/// How a component takes part in a fault; what conditions alone bring about needs no component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    /// Everything in hand at this instance is lost.
    Lost,
    /// The instance serves again.
    Restored,
    /// The instance works at this speed, 1 being nominal.
    Speed(f64),
    /// The instance takes no new work from balancers.
    Draining,
    /// What it stores is gone.
    Flushed,
    /// The idle connections that it keeps to whoever it calls are closed.
    Reset,
    /// An instance of this component, which takes messages from the queue that is told, has come, gone or changed.
    Consumer(ComponentId),
    /// The instance is a part of its fleet.
    Joined,
    /// The instance is none any more.
    Parted,
}

impl<P: Probe> Core<P> {
    /// A fault of the plan begins or ends: conditions change, and the components concerned are told.
    pub(super) fn fault(&mut self, index: u32, begins: bool) {
        let plan = self.plan.clone();
        let Some(fault) = plan.faults.get(index as usize) else { return };
        self.active_faults.retain(|active| *active != index);
        if begins {
            self.active_faults.push(index);
        }
        match &fault.effect {
            Effect::Cut { from } if begins => {
                self.conditions.cut(index, from, &fault.targets, fault.until.unwrap_or(SimTime::MAX));
            }
            Effect::Cut { .. } => self.conditions.mend(index),
            Effect::Flush => {
                for group in fault.targets.iter().filter(|_| begins) {
                    let all = 0..self.conditions.most(group.component);
                    let hit = all.filter(|i| group.holds(group.component, *i));
                    self.disturbances.extend(hit.map(|i| (group.component, i, Disturbance::Flushed)));
                }
            }
            Effect::Reset => {
                for group in fault.targets.iter().filter(|_| begins) {
                    self.reset_connections(group.component);
                }
            }
            Effect::Membership(life) => {
                for group in fault.targets.iter().filter(|_| begins) {
                    let all = 0..self.conditions.most(group.component);
                    for instance in all.filter(|i| group.holds(group.component, *i)) {
                        self.set_membership(group.component, instance, *life);
                        let what = match life {
                            Life::Up => Disturbance::Joined,
                            Life::Absent => Disturbance::Parted,
                            _ => continue,
                        };
                        self.disturbances.push((group.component, instance, what));
                    }
                }
            }
            Effect::HotKey { entity, .. } => {
                let hot = self.active_faults.iter().rev().find_map(|active| {
                    match &plan.faults[*active as usize].effect {
                        Effect::HotKey { entity: other, share, key } if other == entity => {
                            Some((*share, *key))
                        }
                        _ => None,
                    }
                });
                self.conditions.set_hot(*entity, hot);
            }
            _ => {
                for group in &fault.targets {
                    let all = 0..self.conditions.most(group.component);
                    for instance in all.filter(|i| group.holds(group.component, *i)) {
                        self.reassess(group.component, instance);
                    }
                }
            }
        }
    }

    /// Weighs everything that holds an instance now, and tells its component what that changes.
    pub(super) fn reassess(&mut self, component: ComponentId, instance: u16) {
        let plan = self.plan.clone();
        let holding = self.active_faults.iter().map(|active| &plan.faults[*active as usize]);
        let holding =
            holding.filter(|fault| fault.targets.iter().any(|group| group.holds(component, instance)));
        let Some(change) = self.conditions.reassess(component, instance, holding.map(|fault| &fault.effect))
        else {
            return;
        };
        let (before, after) = change.life;
        if before != after {
            for (queue, _) in plan.consumers.iter().filter(|(_, consumer)| *consumer == component) {
                self.disturbances.push((*queue, instance, Disturbance::Consumer(component)));
            }
        }
        let mut tell = |what| self.disturbances.push((component, instance, what));
        if before.works() && !after.works() {
            tell(Disturbance::Lost);
        }
        let rose = after <= Life::Draining && before > Life::Draining && before != Life::Hung;
        if rose || before == Life::Draining && after == Life::Up {
            tell(Disturbance::Restored);
        }
        if after == Life::Draining && before != Life::Draining {
            tell(Disturbance::Draining);
        }
        if change.speed.0 != change.speed.1 {
            tell(Disturbance::Speed(change.speed.1));
        }
        if before.is_mute() && before != after {
            self.release_parked(component, instance);
        }
        if !after.works() && before != after {
            self.drop_idle_connections(component, Some(instance));
            self.forget_connections(component, instance);
        }
    }

    /// What an arriving call meets before the component itself: true if the component takes it.
    pub(super) fn admit(&mut self, id: CallId) -> bool {
        let call = &self.calls[id];
        let (component, instance, luck) = (call.component, call.instance, call.luck);
        match self.conditions.life(component, instance) {
            Life::Up | Life::Draining => {}
            Life::Down | Life::Absent | Life::Vanished if self.buffers(id) => return false,
            _ if self.outbox(id).is_some() => {}
            Life::Down | Life::Absent => {
                self.reply(id, Outcome::error(503, component, Reason::Unreachable), 0);
                return false;
            }
            Life::Vanished | Life::Hung => {
                self.park(id);
                return false;
            }
        }
        let injected = self.conditions.errors(component, instance);
        let struck = injected.iter().find(|(share, _, key)| key.join(luck).draws().chance(*share));
        if let Some((_, (status, retry_after), _)) = struck {
            let outcome = Outcome::error(*status, component, Reason::Fault).retry_after(*retry_after);
            self.reply(id, outcome, 0);
            return false;
        }
        true
    }

    /// A call that nobody will answer: it stays until its caller gives it up, or the instance is back.
    pub(super) fn park(&mut self, id: CallId) {
        self.leave_unanswered(id, Flags::PARKED);
    }

    /// A message that never arrives, there or back: the call stays until its caller gives it up.
    pub(super) fn lose_on_the_way(&mut self, id: CallId) {
        self.leave_unanswered(id, Flags::LOST);
    }

    fn leave_unanswered(&mut self, id: CallId, mark: Flags) {
        let call = &mut self.calls[id];
        call.flags.set(mark);
        call.token = call.token.wrapping_add(1);
        let parent = call.parent;
        if !self.calls.contains(parent) {
            self.close_unanswered(id);
        }
    }

    /// The end of a call that is never answered. One that arrived has left its component only now.
    pub(super) fn close_unanswered(&mut self, id: CallId) {
        self.observe_parting(id);
        if let Some(request) = self.close(id).map(|call| call.request) {
            self.drop_reference(request);
        }
    }

    /// A call that was parked where it had arrived is there no more.
    pub(super) fn observe_parting(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        if call.flags.has(Flags::PARKED) && !call.flags.has(Flags::ANSWERED) {
            let (component, stay) = (call.component, self.now().since(call.arrived));
            let outcome = Outcome::error(503, component, Reason::Unreachable);
            self.observe(Observation::CallClosed { component, outcome, orphan: true, stay });
        }
    }

    /// What was in hand at an instance that is lost.
    pub(super) fn lose(&mut self, id: CallId) {
        let call = &self.calls[id];
        let component = call.component;
        let begun = call.flags.has(Flags::BEGUN);
        if self.conditions.life(component, call.instance) == Life::Vanished {
            self.park(id);
        } else {
            let reason = if begun { Reason::Crashed } else { Reason::Unreachable };
            self.reply(id, Outcome::error(503, component, reason), 0);
        }
    }

    /// How often the outbox is looked at into which a call puts a message, if it does.
    pub(super) fn outbox(&self, id: CallId) -> Option<SimDuration> {
        let caller = self.calls.get(self.calls[id].parent)?;
        self.plan.sites[caller.site.0 as usize].outbox
    }

    /// The instance is back: connections that were open to it are reset.
    fn release_parked(&mut self, component: ComponentId, instance: u16) {
        let parked = |call: &Call| {
            call.component == component && call.instance == instance && call.flags.has(Flags::PARKED)
        };
        let waiting: Vec<_> = self.calls.iter().filter(|(_, call)| parked(call)).map(|(id, _)| id).collect();
        for id in waiting {
            self.calls[id].flags.take(Flags::PARKED);
            self.reply(id, Outcome::error(503, component, Reason::Unreachable), 0);
        }
    }

    /// Idle pooled connections to a dead process (of all members, if none is named) are gone: the next use of
    /// each opens a new one.
    fn drop_idle_connections(&mut self, component: ComponentId, member: Option<u16>) {
        let plan = self.plan.clone();
        for site in plan.sites.iter().filter(|site| site.target.component == component) {
            let Some(first) = site.pool else { continue };
            let width = site.pool_width.max(1);
            let callers = self.conditions.most(site.caller);
            for of in (0..width).filter(|of| width == 1 || member.is_none_or(|member| member == *of)) {
                let mut idle = 0;
                for caller in 0..callers {
                    let at = first as usize + usize::from(caller) * usize::from(width) + usize::from(of);
                    let Some(pool) = self.pools.get_mut(at) else { continue };
                    idle += pool.open.saturating_sub(pool.in_use);
                    pool.open = pool.in_use;
                }
                self.close_idle(component, of, (site.caller, idle));
            }
        }
    }

    /// A process that is gone has no connections any more; of several instances that share one limit each has
    /// some, and those in use close with the calls that are lost.
    fn forget_connections(&mut self, component: ComponentId, instance: u16) {
        let all = &mut self.connections[component.index()];
        if all.len() != usize::from(self.conditions.most(component)) {
            return;
        }
        if let Some(connections) = all.get_mut(usize::from(instance)) {
            connections.open = 0;
            let resource = connections.limit.resource;
            self.observe(Observation::Level { resource, present: 0 });
        }
    }

    /// All idle connections to a component are closed at once, by whoever holds them.
    fn reset_connections(&mut self, component: ComponentId) {
        self.drop_idle_connections(component, None);
        let plan = self.plan.clone();
        let mut callers: Vec<ComponentId> = plan
            .sites
            .iter()
            .filter(|site| site.target.component == component)
            .map(|site| site.caller)
            .collect();
        callers.sort_unstable();
        callers.dedup();
        self.disturbances.extend(callers.into_iter().map(|caller| (caller, 0, Disturbance::Reset)));
    }

    /// A fault's moment: the executive's own signal.
    pub(super) fn schedule_faults(&mut self) {
        let plan = self.plan.clone();
        let mut moments: Vec<(SimTime, u32, bool)> = Vec::new();
        for (index, fault) in plan.faults.iter().enumerate() {
            moments.push((fault.from, index as u32, true));
            moments.extend(fault.until.map(|until| (until, index as u32, false)));
        }
        // At one instant what ends comes before what begins.
        moments.sort_by_key(|(at, index, begins)| (*at, *begins, *index));
        moments.reverse();
        self.moments = moments;
        self.next_fault();
    }

    /// Keeps exactly one moment of the plan pending.
    pub(super) fn next_fault(&mut self) {
        if let Some((at, fault, begins)) = self.moments.pop() {
            self.send(at, ComponentId::NONE, Signal::Fault { fault, begins });
        }
    }
}
