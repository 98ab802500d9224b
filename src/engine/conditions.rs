//! The condition of instances and of the ways between components, as faults, deploys and autoscaling
//! leave them. Where nothing was ever wrong it costs one test of a flag.
//!
//! A killed instance refuses connections at once (RST); one whose machine or zone is gone answers
//! nothing, and callers learn of it by their timeouts; one that hangs accepts and never answers.
//! Messages across a cut wait for its end, as TCP's retransmissions do.

use super::plan::{Demand, Plan};
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimTime};

/// What an instance does with a call that arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Life {
    /// It serves.
    #[default]
    Up,
    /// It finishes what it has; balancers send it nothing new.
    Draining,
    /// Its process is dead: connections are refused.
    Down,
    /// Its machine is gone: nothing is answered, not even refused.
    Vanished,
    /// It accepts and never answers.
    Hung,
    /// It is not part of the fleet (not yet booted, or scaled in).
    Absent,
}

/// One instance.
#[derive(Clone, Debug, Default)]
struct Instance {
    life: Life,
    /// Injected errors: share, status, stream.
    errors: Option<(f64, u16, Key)>,
    /// Added to each message's latency there and back.
    latency: Option<Demand>,
    /// Messages that lose a segment: share, stream.
    loss: Option<(f64, Key)>,
}

/// A cut between two groups of instances, one way.
#[derive(Clone, Debug)]
struct Cut {
    fault: u32,
    from: Vec<Group>,
    to: Vec<Group>,
    until: SimTime,
}

/// Some or all instances of a component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// The component or client population.
    pub component: ComponentId,
    /// One instance; none: all.
    pub instance: Option<u16>,
}

impl Group {
    fn holds(self, component: ComponentId, instance: u16) -> bool {
        self.component == component && self.instance.is_none_or(|i| i == instance)
    }
}

/// Everything that is wrong right now.
#[derive(Clone, Debug)]
pub(super) struct Conditions {
    /// Whether anything ever was.
    pub(super) any: bool,
    /// Counts changes of the fleets.
    pub(super) version: u64,
    instances: Vec<Vec<Instance>>,
    cuts: Vec<Cut>,
    /// By entity: the share of requests that are about its hottest row.
    hot: Vec<Option<(f64, Key)>>,
}

impl Conditions {
    pub(super) fn new(plan: &Plan) -> Self {
        let instances = |fleet: &super::plan::FleetPlan| {
            let mut list = vec![Instance::default(); fleet.most.max(1) as usize];
            list.iter_mut().skip(fleet.start as usize).for_each(|i| i.life = Life::Absent);
            list
        };
        Self {
            any: plan.fleets.iter().any(|fleet| fleet.most > fleet.start),
            instances: plan.fleets.iter().map(instances).collect(),
            version: 0,
            cuts: Vec::new(),
            hot: vec![None; plan.entities.len()],
        }
    }

    fn get(&self, component: ComponentId, instance: u16) -> Option<&Instance> {
        self.instances.get(component.index())?.get(instance as usize)
    }

    fn get_mut(&mut self, component: ComponentId, instance: u16) -> Option<&mut Instance> {
        self.any = true;
        self.instances.get_mut(component.index())?.get_mut(instance as usize)
    }

    pub(super) fn life(&self, component: ComponentId, instance: u16) -> Life {
        self.get(component, instance).map_or(Life::Up, |i| i.life)
    }

    pub(super) fn set_life(&mut self, component: ComponentId, instance: u16, life: Life) {
        self.version += 1;
        if let Some(record) = self.get_mut(component, instance) {
            record.life = life;
        }
    }

    /// The instances there can ever be.
    pub(super) fn most(&self, component: ComponentId) -> u16 {
        self.instances.get(component.index()).map_or(1, |all| all.len() as u16)
    }

    pub(super) fn set_errors(&mut self, group: Group, errors: Option<(f64, u16, Key)>) {
        self.each(group, |instance| instance.errors = errors);
    }

    pub(super) fn errors(&self, component: ComponentId, instance: u16) -> Option<(f64, u16, Key)> {
        self.get(component, instance)?.errors
    }

    pub(super) fn set_loss(&mut self, group: Group, loss: Option<(f64, Key)>) {
        self.each(group, |instance| instance.loss = loss);
    }

    pub(super) fn loss(&self, component: ComponentId, instance: u16) -> Option<(f64, Key)> {
        self.get(component, instance)?.loss
    }

    pub(super) fn set_latency(&mut self, group: Group, latency: Option<&Demand>) {
        self.each(group, |instance| instance.latency = latency.cloned());
    }

    pub(super) fn latency(&self, component: ComponentId, instance: u16) -> Option<&Demand> {
        self.get(component, instance)?.latency.as_ref()
    }

    fn each(&mut self, group: Group, mut act: impl FnMut(&mut Instance)) {
        self.any = true;
        let Some(all) = self.instances.get_mut(group.component.index()) else { return };
        for (index, instance) in all.iter_mut().enumerate() {
            if group.holds(group.component, index as u16) {
                act(instance);
            }
        }
    }

    pub(super) fn cut(&mut self, fault: u32, from: &[Group], to: &[Group], until: SimTime) {
        self.any = true;
        self.cuts.push(Cut { fault, from: from.to_vec(), to: to.to_vec(), until });
    }

    pub(super) fn mend(&mut self, fault: u32) {
        self.cuts.retain(|cut| cut.fault != fault);
    }

    /// Until when messages from one instance do not reach another.
    pub(super) fn cut_until(&self, from: (ComponentId, u16), to: (ComponentId, u16)) -> Option<SimTime> {
        let holds = |groups: &[Group], (component, instance): (ComponentId, u16)| {
            groups.iter().any(|group| group.holds(component, instance))
        };
        self.cuts.iter().filter(|cut| holds(&cut.from, from) && holds(&cut.to, to)).map(|cut| cut.until).max()
    }

    pub(super) fn set_hot(&mut self, entity: EntityId, hot: Option<(f64, Key)>) {
        if let Some(slot) = self.hot.get_mut(entity.index()) {
            self.any = true;
            *slot = hot;
        }
    }

    /// Whether a customer with this luck is about the one hot row of an entity.
    pub(super) fn is_hot(&self, entity: EntityId, luck: Key) -> bool {
        let hot = self.hot.get(entity.index()).copied().flatten();
        hot.is_some_and(|(share, key)| key.join(luck).draws().chance(share))
    }
}
