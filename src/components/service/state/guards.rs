//! Who may come in at all: the concurrency limit and admission control of each instance.

use rustc_hash::FxHashMap;

use super::Service;
use crate::base::random::Key;
use crate::base::{ResourceId, SimDuration};
use crate::components::service::spec::GuardBuild;
use crate::engine::protection::adaptive_concurrency::{Ending, Ticket};
use crate::engine::protection::{AdaptiveConcurrency, AdmissionControl};
use crate::engine::{CallId, Context, Life, Observation, Outcome, Probe, Reason};

#[derive(Debug)]
struct Bound {
    limit: AdaptiveConcurrency,
    /// The limit that was last reported.
    shown: u32,
    /// No part of the fleet: it lets nobody in.
    absent: bool,
    resource: ResourceId,
}

/// The guards of all instances.
#[derive(Debug)]
pub(super) struct Guards {
    bounds: Vec<Bound>,
    filters: Vec<AdmissionControl>,
    /// Who was let in.
    inside: FxHashMap<CallId, Ticket>,
    /// What an instance begins with.
    fresh: GuardBuild,
    key: Key,
}

impl Guards {
    pub(super) fn new(build: GuardBuild) -> Self {
        let bound = |resource: &ResourceId| {
            let limit = AdaptiveConcurrency::new(build.concurrency.clone()?);
            Some(Bound { shown: limit.limit(), limit, absent: false, resource: *resource })
        };
        let filters = build.limits.iter().filter_map(|_| build.admission.map(AdmissionControl::new));
        Self {
            bounds: build.limits.iter().filter_map(bound).collect(),
            filters: filters.collect(),
            inside: FxHashMap::default(),
            key: build.key,
            fresh: build,
        }
    }

    /// Lets a call in, or says why not.
    fn enter<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> Result<(), Reason> {
        let (now, at) = (cx.now(), cx.call(id).instance as usize);
        if let Some(filter) = self.filters.get_mut(at)
            && !filter.admit(now, &mut self.key.join(cx.luck(id)).draws())
        {
            return Err(Reason::NotAdmitted);
        }
        let mut ticket = Ticket { entered: now, inside: 0 };
        if let Some(bound) = self.bounds.get_mut(at) {
            let entered = bound.limit.enter(now);
            bound.show(cx);
            let resource = bound.resource;
            let Some(entered) = entered else {
                cx.observe(Observation::Refused { resource });
                return Err(Reason::Limited);
            };
            ticket = entered;
            cx.observe(Observation::Waited { resource, wait: SimDuration::ZERO });
            cx.observe(Observation::Level { resource, present: bound.limit.inside() });
        }
        self.inside.insert(id, ticket);
        Ok(())
    }

    /// A call ends; one that was never let in tells nothing.
    pub(super) fn leave<P: Probe>(&mut self, id: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let Some(ticket) = self.inside.remove(&id) else { return };
        let (now, at) = (cx.now(), cx.call(id).instance as usize);
        if let Some(filter) = self.filters.get_mut(at) {
            filter.ended(outcome.status < 500, now);
        }
        let ending = match outcome.reason {
            Reason::Done => Ending::Served,
            Reason::BacklogFull
            | Reason::QueueTimeout
            | Reason::PoolTimeout
            | Reason::Timeout
            | Reason::Deadline
            | Reason::LockTimeout
            | Reason::StatementTimeout
            | Reason::Deadlock
            | Reason::CapacityExceeded
            | Reason::TooManyConnections
            | Reason::RateLimited
            | Reason::Shed
            | Reason::Limited
            | Reason::NotAdmitted => Ending::Dropped,
            _ => Ending::Ignored,
        };
        if let Some(bound) = self.bounds.get_mut(at) {
            let mut draws = self.key.join(cx.luck(id)).with(1).draws();
            bound.limit.leave(ticket, ending, now, &mut draws);
            let resource = bound.resource;
            cx.observe(Observation::Departed { resource, stay: now.since(ticket.entered) });
            cx.observe(Observation::Level { resource, present: bound.limit.inside() });
            bound.show(cx);
        }
    }

    /// A call is lost with its instance.
    pub(super) fn lose<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let Some(ticket) = self.inside.remove(&id) else { return };
        let (now, call) = (cx.now(), cx.call(id));
        if let Some(bound) = self.bounds.get_mut(call.instance as usize) {
            let mut draws = self.key.draws();
            bound.limit.leave(ticket, Ending::Ignored, now, &mut draws);
            let resource = bound.resource;
            cx.observe(Observation::Departed { resource, stay: now.since(ticket.entered) });
            cx.observe(Observation::Level { resource, present: bound.limit.inside() });
        }
    }

    /// An instance has joined its fleet.
    pub(super) fn join<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        if let Some(bound) = self.bounds.get_mut(usize::from(instance)) {
            bound.absent = false;
            bound.shown = bound.limit.limit();
            let servers = f64::from(bound.shown);
            cx.observe(Observation::Capacity { resource: bound.resource, servers });
        }
    }

    /// The process of an instance, which has nobody inside, begins anew and remembers nothing.
    pub(super) fn forget<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        let at = instance as usize;
        if let (Some(bound), Some(rule)) = (self.bounds.get_mut(at), self.fresh.concurrency.clone()) {
            bound.limit = AdaptiveConcurrency::new(rule);
            // Who is no part of the fleet any more limits nothing.
            if cx.life(cx.me(), instance) == Life::Absent {
                cx.observe(Observation::Capacity { resource: bound.resource, servers: 0.0 });
            } else {
                bound.show(cx);
            }
        }
        if let (Some(filter), Some(settings)) = (self.filters.get_mut(at), self.fresh.admission) {
            *filter = AdmissionControl::new(settings);
        }
    }
}

impl Guards {
    /// An instance has left the fleet.
    pub(super) fn part<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        if let Some(bound) = self.bounds.get_mut(usize::from(instance)) {
            bound.absent = true;
            bound.show(cx);
        }
    }
}

impl Bound {
    /// Reports the limit if it has moved.
    fn show<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let limit = if self.absent { 0 } else { self.limit.limit() };
        if limit != self.shown {
            self.shown = limit;
            let servers = f64::from(limit);
            cx.observe(Observation::Capacity { resource: self.resource, servers });
        }
    }
}

impl Service {
    /// True if the call may come in; else it is being turned away.
    pub(super) fn enter<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        match self.guards.as_mut().map_or(Ok(()), |guards| guards.enter(id, cx)) {
            Ok(()) => true,
            Err(reason) => {
                self.turn_away(id, reason, cx);
                false
            }
        }
    }
}
