//! The memory of an instance: a base, and so much for each request in hand. Beyond the limit the kernel kills
//! the process: what it had in hand is lost, and connections are refused until it has started again.
//!
//! Not modelled: what is not given back, garbage collection, the memory of caches and of idle connections, and
//! ever longer pauses between restarts (Kubernetes' back-off).

use super::{Service, scaling};
use crate::base::{ResourceId, SimDuration};
use crate::components::service::spec::{MemorySpec, ServiceBuild};
use crate::engine::{CallId, Context, Demand, Life, Observation, Probe, Timer};

/// The topics of its timers.
pub(super) const TOPICS: u32 = scaling::TOPICS + (1 << 8);
const KILLED: u32 = TOPICS;
const STARTED: u32 = TOPICS + 1;

/// What all instances use.
#[derive(Debug)]
pub(super) struct Memory {
    spec: MemorySpec,
    request: Demand,
    instances: Vec<Use>,
}

#[derive(Debug)]
struct Use {
    /// Bytes of requests in hand.
    requests: f64,
    /// Whether it is beyond the limit, and will be killed at this instant.
    doomed: bool,
    resource: ResourceId,
}

impl Memory {
    pub(super) fn new(build: &ServiceBuild) -> Option<Box<Self>> {
        let (spec, request) = (build.spec.memory.clone()?, build.request_memory.clone()?);
        let instance = |r: &crate::components::service::spec::InstanceResources| Use {
            requests: 0.0,
            doomed: false,
            resource: r.memory,
        };
        Some(Box::new(Self { spec, request, instances: build.resources.iter().map(instance).collect() }))
    }

    fn show<P: Probe>(&self, instance: usize, cx: &mut Context<'_, P>) {
        let used = &self.instances[instance];
        let there = !matches!(cx.life(cx.me(), instance as u16), Life::Absent | Life::Down | Life::Vanished);
        let base = if there { self.spec.base } else { 0.0 };
        let present = ((base + used.requests) / 1024.0) as u32;
        cx.observe(Observation::Level { resource: used.resource, present });
    }

    pub(super) fn show_all<P: Probe>(&self, cx: &mut Context<'_, P>) {
        (0..self.instances.len()).for_each(|instance| self.show(instance, cx));
    }

    /// A request takes what it needs.
    pub(super) fn take<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let at = cx.call(id).instance as usize;
        let used = &mut self.instances[at];
        used.requests += cx.draw(&self.request, id).max(0.0);
        if self.spec.base + used.requests > self.spec.limit && !used.doomed {
            used.doomed = true;
            cx.timer(cx.now(), Timer { topic: KILLED, number: at as u32 });
        }
        self.show(at, cx);
    }

    /// A request gives back what it took.
    pub(super) fn give_back<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let at = cx.call(id).instance as usize;
        let used = &mut self.instances[at];
        used.requests = (used.requests - cx.draw(&self.request, id).max(0.0)).max(0.0);
        self.show(at, cx);
    }

    /// The process is gone, and what it had with it.
    pub(super) fn lose<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        self.instances[usize::from(instance)].requests = 0.0;
        self.show(usize::from(instance), cx);
    }

    /// The process is there again.
    pub(super) fn begin<P: Probe>(&self, instance: u16, cx: &mut Context<'_, P>) {
        self.show(usize::from(instance), cx);
    }
}

impl Service {
    /// The process is killed, or has started again.
    pub(super) fn out_of_memory<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let Some(memory) = &mut self.memory else { return };
        let instance = timer.number as u16;
        let life = cx.life(cx.me(), instance);
        if timer.topic == STARTED {
            // Whoever left the fleet meanwhile stays away.
            if !matches!(life, Life::Absent | Life::Draining) {
                cx.set_membership(instance, Life::Up);
            }
            return;
        }
        memory.instances[usize::from(instance)].doomed = false;
        if life.works() {
            cx.set_membership(instance, Life::Down);
            let at = cx.now() + SimDuration::from_secs_f64(memory.spec.restart);
            cx.timer(at, Timer { topic: STARTED, number: timer.number });
        }
    }
}
