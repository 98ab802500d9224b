//! The condition of instances and of the ways between components, as faults, deploys and autoscaling
//! leave them. Where nothing was ever wrong it costs one test of a flag.
//!
//! A killed instance refuses connections at once (RST); one whose machine or zone is gone answers
//! nothing, and callers learn of it by their timeouts; one that hangs accepts and never answers.
//! Messages across a cut wait for its end, as TCP's retransmissions do.

use super::fault::Effect;
use super::plan::{Demand, Plan};
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimDuration, SimTime};

/// What an instance does with a call that arrives. Of several at once the greatest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Life {
    /// It serves.
    #[default]
    Up,
    /// It finishes what it has; balancers send it nothing new.
    Draining,
    /// It accepts and never answers.
    Hung,
    /// Its process is dead: connections are refused.
    Down,
    /// Its machine is gone: nothing is answered, not even refused.
    Vanished,
    /// It is not part of the fleet (not yet booted, or scaled in).
    Absent,
}

impl Life {
    /// Whether what the instance has in hand goes on.
    #[must_use]
    pub fn works(self) -> bool {
        self <= Self::Hung
    }

    /// Whether calls that arrive stay without any answer.
    #[must_use]
    pub fn is_mute(self) -> bool {
        matches!(self, Self::Hung | Self::Vanished)
    }
}

/// One instance, as everything that is wrong with it at once leaves it.
#[derive(Clone, Debug)]
struct Instance {
    /// What its fleet makes of it, were nothing wrong: up, draining or absent.
    membership: Life,
    life: Life,
    /// Faults that have ended it, and how many of them do not count: somebody has taken its place since.
    deaths: u16,
    replaced: u16,
    speed: f64,
    /// Injected errors: share, status with its `Retry-After`, stream.
    errors: Vec<(f64, (u16, u32), Key)>,
    /// Added to each message's latency there and back.
    latencies: Vec<Demand>,
    /// How old what a replica applies must be.
    lag: SimDuration,
    /// Messages that lose a segment: share, stream.
    losses: Vec<(f64, Key)>,
}

impl Instance {
    const fn new(membership: Life) -> Self {
        Self {
            membership,
            life: membership,
            deaths: 0,
            replaced: 0,
            speed: 1.0,
            errors: Vec::new(),
            latencies: Vec::new(),
            lag: SimDuration::ZERO,
            losses: Vec::new(),
        }
    }

    /// Adds what one fault does to it.
    fn suffer(&mut self, effect: &Effect) {
        match effect {
            Effect::Kill | Effect::Vanish if self.deaths < self.replaced => self.deaths += 1,
            Effect::Drain => self.life = self.life.max(Life::Draining),
            Effect::Hang => self.life = self.life.max(Life::Hung),
            Effect::Kill => (self.deaths, self.life) = (self.deaths + 1, self.life.max(Life::Down)),
            Effect::Vanish => (self.deaths, self.life) = (self.deaths + 1, self.life.max(Life::Vanished)),
            Effect::Slow(factor) => self.speed /= factor,
            Effect::Errors { share, status, retry_after, key } => {
                self.errors.push((*share, (*status, *retry_after), *key));
            }
            Effect::Lag(by) => self.lag = self.lag.max(*by),
            Effect::Latency(added) => self.latencies.push(added.clone()),
            Effect::Loss { share, key } => self.losses.push((*share, *key)),
            Effect::Flush
            | Effect::Reset
            | Effect::Membership(_)
            | Effect::Cut { .. }
            | Effect::HotKey { .. } => {}
        }
    }
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
    /// Whether this instance is among them.
    pub(super) fn holds(self, component: ComponentId, instance: u16) -> bool {
        self.component == component && self.instance.is_none_or(|i| i == instance)
    }
}

/// What changed for an instance when everything that is wrong with it was looked at again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Change {
    /// Its life before and after.
    pub(super) life: (Life, Life),
    /// Its speed before and after, 1 being nominal.
    pub(super) speed: (f64, f64),
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
        let instances = |fleet: &super::plan::Fleet| {
            let membership = |i| if i < fleet.start { Life::Up } else { Life::Absent };
            (0..fleet.most.max(1)).map(|i| Instance::new(membership(i))).collect()
        };
        Self {
            any: plan.fleets.iter().any(|fleet| fleet.most > fleet.start),
            instances: plan.fleets.iter().map(instances).collect(),
            version: u64::from(plan.fleets.iter().any(|fleet| fleet.most > fleet.start)),
            cuts: Vec::new(),
            hot: vec![None; plan.entities.len()],
        }
    }

    fn get(&self, component: ComponentId, instance: u16) -> Option<&Instance> {
        self.instances.get(component.index())?.get(instance as usize)
    }

    pub(super) fn life(&self, component: ComponentId, instance: u16) -> Life {
        self.get(component, instance).map_or(Life::Up, |i| i.life)
    }

    /// Looks again at everything that is wrong with an instance: `effects` are all that hold it now.
    pub(super) fn reassess<'e>(
        &mut self,
        component: ComponentId,
        instance: u16,
        effects: impl Iterator<Item = &'e Effect>,
    ) -> Option<Change> {
        self.any = true;
        let all = self.instances.get_mut(component.index())?;
        let record = all.get_mut(instance as usize)?;
        let before = (record.life, record.speed);
        *record = Instance { replaced: record.replaced, ..Instance::new(record.membership) };
        effects.for_each(|effect| record.suffer(effect));
        record.replaced = record.replaced.min(record.deaths);
        let change = Change { life: (before.0, record.life), speed: (before.1, record.speed) };
        self.version += u64::from(before.0 != record.life);
        Some(change)
    }

    /// What the fleet makes of an instance; [`Self::reassess`] has to follow.
    pub(super) fn set_membership(&mut self, component: ComponentId, instance: u16, membership: Life) {
        let all = self.instances.get_mut(component.index());
        if let Some(record) = all.and_then(|all| all.get_mut(instance as usize)) {
            record.membership = membership;
        }
    }

    /// Somebody takes the place of an instance that faults have ended; [`Self::reassess`] has to follow.
    pub(super) fn replace(&mut self, component: ComponentId, instance: u16) {
        let all = self.instances.get_mut(component.index());
        if let Some(record) = all.and_then(|all| all.get_mut(instance as usize)) {
            record.replaced = record.deaths;
        }
    }

    /// How many deaths of an instance somebody has taken the place of.
    pub(super) fn replaced(&self, component: ComponentId, instance: u16) -> u16 {
        self.get(component, instance).map_or(0, |record| record.replaced)
    }

    /// The instances there can ever be.
    pub(super) fn most(&self, component: ComponentId) -> u16 {
        self.instances.get(component.index()).map_or(1, |all| all.len() as u16)
    }

    /// Injected errors: share, status with its `Retry-After`, and stream of each.
    pub(super) fn errors(&self, component: ComponentId, instance: u16) -> &[(f64, (u16, u32), Key)] {
        self.get(component, instance).map_or(&[], |i| &i.errors)
    }

    /// Shares of messages that lose a segment, with their streams.
    pub(super) fn losses(&self, component: ComponentId, instance: u16) -> &[(f64, Key)] {
        self.get(component, instance).map_or(&[], |i| &i.losses)
    }

    /// How old what a replica applies must be.
    pub(super) fn lag(&self, component: ComponentId, instance: u16) -> SimDuration {
        self.get(component, instance).map_or(SimDuration::ZERO, |i| i.lag)
    }

    /// What is added to a message's latency.
    pub(super) fn latencies(&self, component: ComponentId, instance: u16) -> &[Demand] {
        self.get(component, instance).map_or(&[], |i| &i.latencies)
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
