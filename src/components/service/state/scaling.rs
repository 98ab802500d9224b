//! A service whose number of instances follows an autoscaler: it measures its instances, carries out what
//! the autoscaler decides, and says how many there are.
//!
//! An instance that boots is no part of the fleet until it is ready; one that is taken out takes no new work
//! from balancers and from callers that go round robin, ends what it has in hand within its grace (it is
//! looked at once a second), and loses the rest.

use super::{Instance, Processor, Service};
use crate::base::{ResourceId, SimDuration, SimTime};
use crate::components::autoscaler::spec::Signal;
use crate::components::autoscaler::{Fleet, Step, spec};
use crate::components::service::spec::ServiceBuild;
use crate::engine::{Context, Flags, Life, Observation, Probe, Timer};

/// The topics of its timers begin here; those below are of instances that warm up.
pub(super) const TOPICS: u32 = 1 << 16;
const SCRAPE: u32 = TOPICS;
const DECIDE: u32 = TOPICS + 1;
const READY: u32 = TOPICS + 2;
const DRAINED: u32 = TOPICS + 3;

/// From look to look at what an instance that drains still has in hand.
const LOOK: SimDuration = SimDuration::from_secs(1);

/// The autoscaler of a service, and what it needs to know of it.
#[derive(Debug)]
pub(super) struct Scaling {
    fleet: Fleet,
    /// Stands for the instances.
    resource: ResourceId,
    /// Resources of each instance, with their servers.
    servers: Vec<[(ResourceId, f64); 3]>,
    workers: Option<u32>,
    /// Core-seconds that each instance had used when the last window ended.
    used: Vec<f64>,
    next_scrape: SimTime,
}

impl Scaling {
    pub(super) fn new(build: &ServiceBuild) -> Option<Box<Self>> {
        let (autoscale, resource) = build.autoscale.clone()?;
        let spec = &build.spec;
        let workers = spec.limiting_workers();
        let servers = |r: &crate::components::service::spec::InstanceResources| {
            [
                (r.workers, workers.map_or(f64::INFINITY, f64::from)),
                (r.cpu, spec.cores),
                (r.io, spec.io.map_or(f64::INFINITY, f64::from)),
            ]
        };
        Some(Box::new(Self {
            resource,
            servers: build.resources.iter().map(servers).collect(),
            workers,
            used: vec![0.0; build.resources.len()],
            next_scrape: SimTime::ZERO + autoscale.spec.scrape,
            fleet: Fleet::new(autoscale, spec.instances),
        }))
    }

    fn show<P: Probe>(&self, cx: &mut Context<'_, P>) {
        let (present, serving) = self.fleet.counts();
        cx.observe(Observation::Capacity { resource: self.resource, servers: f64::from(serving) });
        cx.observe(Observation::Level { resource: self.resource, present });
    }

    fn resize<P: Probe>(&self, instance: u16, joins: bool, cx: &mut Context<'_, P>) {
        let all = self.servers.get(usize::from(instance)).into_iter().flatten();
        for (resource, servers) in all.filter(|(_, servers)| servers.is_finite()) {
            let servers = if joins { *servers } else { 0.0 };
            cx.observe(Observation::Capacity { resource: *resource, servers });
        }
    }

    /// Ends a window of the metric, if it is time.
    fn scrape<P: Probe>(&mut self, instances: &[Instance], cx: &Context<'_, P>) {
        let now = cx.now();
        if now < self.next_scrape {
            return;
        }
        let &spec::AutoscaleSpec { scrape, signal, target, requested, .. } = self.fleet.spec();
        self.next_scrape = now + scrape;
        let outside = match signal {
            Signal::Backlog(queue) => {
                let asked = f64::from(self.fleet.desired().max(1));
                Some(f64::from(cx.backlog(queue).0) / asked)
            }
            Signal::OldestAge(queue) => {
                Some(cx.backlog(queue).1.map_or(0.0, |since| now.since(since).as_secs_f64()))
            }
            _ => None,
        };
        let mut values = Vec::with_capacity(instances.len());
        for (at, instance) in instances.iter().enumerate() {
            let used = instance.used(now);
            let over = (used - self.used[at]) / scrape.as_secs_f64();
            self.used[at] = used;
            let value = match (cx.life(cx.me(), at as u16), signal) {
                (Life::Vanished | Life::Absent, _) => None,
                (_, Signal::Backlog(_) | Signal::OldestAge(_)) => outside,
                (_, Signal::Cpu) => Some(over / requested),
                (_, Signal::InFlight) => {
                    let whole = |id: &&crate::engine::CallId| !cx.call(**id).flags.has(Flags::BRANCH);
                    Some(cx.calls_at(at as u16).iter().filter(whole).count() as f64)
                }
                (_, Signal::Utilisation) => {
                    let busy = instance.busy_workers();
                    Some(f64::from(busy) / f64::from(self.workers.unwrap_or(u32::MAX)))
                }
            };
            values.push(value.map(|value| value / target));
        }
        if let (Some(outside), Some(first)) = (outside, values.first_mut()) {
            *first = Some(outside / target);
        }
        self.fleet.measured(now, values);
    }

    fn carry_out<P: Probe>(&self, steps: &[Step], cx: &mut Context<'_, P>) {
        for step in steps {
            match *step {
                Step::Start(instance, at) => {
                    cx.timer(at, Timer { topic: READY, number: u32::from(instance) });
                }
                Step::Abort(_) => {}
                Step::Drain(instance, until) => {
                    cx.set_membership(instance, Life::Draining);
                    let at = until.min(cx.now() + LOOK);
                    cx.timer(at, Timer { topic: DRAINED, number: u32::from(instance) });
                }
            }
        }
        if !steps.is_empty() {
            self.show(cx);
        }
    }
}

impl Instance {
    /// Core-seconds used until `now`.
    fn used(&self, now: SimTime) -> f64 {
        match &self.cpu {
            Processor::Shared(cores) => cores.used(now),
            Processor::Loop(callbacks) => callbacks.used(now),
        }
    }

    fn busy_workers(&self) -> u32 {
        match (&self.workers, &self.shared) {
            (Some(workers), _) => workers.busy(),
            (None, Some(shared)) => shared.len() as u32,
            (None, None) => 0,
        }
    }
}

impl Service {
    /// The autoscaler begins to look.
    pub(super) fn start_scaling<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let Some(scaling) = &self.scaling else { return };
        scaling.show(cx);
        let spec = scaling.fleet.spec();
        cx.timer(scaling.next_scrape, Timer { topic: SCRAPE, number: 0 });
        let first = match &spec.rule {
            spec::Rule::Hpa(_) => spec.sync,
            spec::Rule::TargetTracking(_) => spec.scrape + spec.lag,
        };
        cx.timer(cx.now() + first, Timer { topic: DECIDE, number: 0 });
    }

    /// A timer of the autoscaler.
    pub(super) fn scale<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let Self { scaling: Some(scaling), instances, guards, .. } = self else { return };
        let (now, instance) = (cx.now(), timer.number as u16);
        // A window that ends at the instant of a decision is seen by it.
        scaling.scrape(instances, cx);
        match timer.topic {
            SCRAPE => cx.timer(scaling.next_scrape, timer),
            DECIDE => {
                self.replace_the_dead(cx);
                let Some(scaling) = &mut self.scaling else { return };
                let steps = scaling.fleet.decide(now);
                scaling.carry_out(&steps, cx);
                let spec = scaling.fleet.spec();
                let period = match &spec.rule {
                    spec::Rule::Hpa(_) => spec.sync,
                    spec::Rule::TargetTracking(_) => spec.scrape,
                };
                cx.timer(now + period, timer);
            }
            READY => {
                if scaling.fleet.ready(instance, now) {
                    scaling.resize(instance, true, cx);
                    cx.promote(instance);
                    cx.set_membership(instance, Life::Up);
                    scaling.show(cx);
                    if let Some(guards) = guards {
                        guards.join(instance, cx);
                    }
                }
            }
            _ => {
                let Some(until) = scaling.fleet.drains_until(instance) else { return };
                if now < until && !cx.calls_at(instance).is_empty() {
                    return cx.timer(until.min(now + LOOK), timer);
                }
                self.take_out(instance, cx);
            }
        }
    }

    /// An instance that will not come back by itself is no part of the fleet any more, and another is started
    /// for it: what a `ReplicaSet` and an EC2 Auto Scaling group do. One whose restart is on its way is waited
    /// for, and so is whoever is in a zone that is down: a place does not change its zone.
    fn replace_the_dead<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let Some(scaling) = &self.scaling else { return };
        let dead = |instance: &u16| scaling.fleet.serves(*instance) && cx.is_dead_for_good(*instance);
        for instance in (0..self.instances.len() as u16).filter(dead).collect::<Vec<_>>() {
            self.take_out(instance, cx);
        }
    }

    /// An instance is gone: whoever is wanted in its stead starts.
    fn take_out<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        let Self { scaling: Some(scaling), guards, .. } = self else { return };
        cx.set_membership(instance, Life::Absent);
        scaling.resize(instance, false, cx);
        if let Some(guards) = guards {
            guards.part(instance, cx);
        }
        let steps = scaling.fleet.gone(instance, cx.now());
        scaling.show(cx);
        scaling.carry_out(&steps, cx);
    }
}
