//! Fleets that change: instances that join, that drain, and that leave for good.
//!
//! An instance that leaves takes its pools with it: its idle connections close, and those in use close
//! with the calls that are lost. One that joins finds its pools empty, and opens connections as it needs
//! them, against what the target accepts.

use super::conditions::Life;
use super::context::{Context, Core};
use super::fault::Effect;
use super::probe::{Observation, Probe};
use crate::base::ComponentId;

impl<P: Probe> Core<P> {
    /// Makes an instance part of its fleet ([`Life::Up`]), lets it drain, or takes it out ([`Life::Absent`]).
    pub(super) fn set_membership(&mut self, component: ComponentId, instance: u16, membership: Life) {
        self.conditions.set_membership(component, instance, membership);
        self.reassess(component, instance);
        if membership != Life::Draining {
            self.resize_pools(component, instance, membership == Life::Up);
        }
    }

    fn resize_pools(&mut self, component: ComponentId, instance: u16, joins: bool) {
        let plan = self.plan.clone();
        let mut done: Vec<usize> = Vec::new();
        for site in plan.sites.iter().filter(|site| site.caller == component) {
            let Some(first) = site.pool else { continue };
            let width = usize::from(site.pool_width.max(1));
            for member in 0..width {
                let index = first as usize + usize::from(instance) * width + member;
                if done.contains(&index) {
                    continue;
                }
                done.push(index);
                let Some(pool) = self.pools.get_mut(index) else { continue };
                let (resource, size) = (pool.resource, pool.size);
                let idle = pool.open.saturating_sub(pool.in_use);
                if !joins {
                    pool.open = pool.in_use;
                    self.close_idle(site.target.component, member as u16, (component, idle));
                }
                let servers = if joins { f64::from(size) } else { 0.0 };
                self.observe(Observation::Capacity { resource, servers });
            }
        }
    }

    /// So many idle connections of a caller to a member of a component close.
    pub(super) fn close_idle(
        &mut self,
        target: ComponentId,
        member: u16,
        (caller, idle): (ComponentId, u32),
    ) {
        let Some(all) = self.connections.get_mut(target.index()) else { return };
        let Some(connections) = super::pool::of_instance(all, member) else { return };
        if idle == 0 {
            return;
        }
        connections.open = connections.open.saturating_sub(idle);
        let (resource, present, told) =
            (connections.limit.resource, connections.open, connections.limit.told);
        self.observe(Observation::Level { resource, present });
        if told {
            self.tell_closed(target, member, caller.0, idle);
        }
    }
}

impl<P: Probe> Context<'_, P> {
    /// Makes one of the component's own instances part of its fleet ([`Life::Up`]), lets it drain, or takes
    /// it out ([`Life::Absent`]). What follows from that is told as a disturbance, after the present event.
    pub fn set_membership(&mut self, instance: u16, membership: Life) {
        self.core.set_membership(self.me, instance, membership);
    }

    /// Whether one of the component's own instances was killed by a fault that never ends, and nobody has taken
    /// its place since.
    #[must_use]
    pub fn is_dead_for_good(&self, instance: u16) -> bool {
        let kills = |active: &&u32| {
            let fault = &self.core.plan.faults[**active as usize];
            fault.effect == Effect::Kill
                && fault.until.is_none()
                && fault.targets.iter().any(|group| group.holds(self.me, instance))
        };
        self.core.conditions.life(self.me, instance) == Life::Down
            && self.core.active_faults.iter().filter(kills).count()
                > usize::from(self.core.conditions.replaced(self.me, instance))
    }

    /// Another takes the place of one of the component's own instances that faults have ended: callers find
    /// it under the same name. What follows is told as a disturbance, after the present event.
    pub fn promote(&mut self, instance: u16) {
        self.core.conditions.replace(self.me, instance);
        self.core.reassess(self.me, instance);
    }
}
