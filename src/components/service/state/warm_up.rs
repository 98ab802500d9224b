//! A process that has just begun is slow: its code is not compiled yet, its caches and pools are empty.
//!
//! From `slowdown` times the usual time at first it comes down evenly to once, in steps of a twentieth of
//! the whole. Instances that are there when the run begins are warm.

use super::Service;
use crate::base::SimDuration;
use crate::components::service::spec::WarmSpec;
use crate::engine::{Context, Probe, Timer};

/// Steps of the curve.
const STEPS: u32 = 20;

#[derive(Clone, Copy, Debug)]
struct Process {
    /// Steps that remain.
    remaining: u32,
    /// Counts starts, so that an old one's timer finds nothing.
    epoch: u16,
    /// Being drained: what is restored then has never ended.
    draining: bool,
}

/// How warm each instance is.
#[derive(Debug)]
pub(super) struct WarmUp {
    spec: WarmSpec,
    processes: Vec<Process>,
}

impl WarmUp {
    pub(super) fn new(spec: WarmSpec, instances: usize) -> Self {
        Self { spec, processes: vec![Process { remaining: 0, epoch: 0, draining: false }; instances] }
    }

    /// Relative to a warm instance. Each step stands for its middle.
    pub(super) fn speed(&self, instance: u16) -> f64 {
        let remaining = self.processes[instance as usize].remaining;
        if remaining == 0 {
            return 1.0;
        }
        let left = (f64::from(remaining) - 0.5) / f64::from(STEPS);
        1.0 / (1.0 + (self.spec.slowdown - 1.0).max(0.0) * left)
    }
}

impl Service {
    pub(super) fn drain(&mut self, instance: u16) {
        if let Some(warm_up) = &mut self.warm_up {
            warm_up.processes[instance as usize].draining = true;
        }
    }

    pub(super) fn cool_down(&mut self, instance: u16) {
        if let Some(warm_up) = &mut self.warm_up {
            warm_up.processes[instance as usize].draining = false;
        }
    }

    pub(super) fn begin_to_warm_up<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        let Some(warm_up) = &mut self.warm_up else { return };
        let process = &mut warm_up.processes[instance as usize];
        if std::mem::take(&mut process.draining) {
            return;
        }
        process.epoch = process.epoch.wrapping_add(1);
        process.remaining = STEPS;
        self.next_step(instance, cx);
    }

    fn next_step<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        let Some(warm_up) = &self.warm_up else { return };
        let process = warm_up.processes[instance as usize];
        if process.remaining > 0 {
            let step = SimDuration::from_secs_f64(warm_up.spec.over / f64::from(STEPS));
            let timer = Timer { topic: u32::from(instance), number: u32::from(process.epoch) };
            cx.timer(cx.now() + step, timer);
        }
        self.adjust_speed(instance, cx);
    }

    /// One step of the curve is over.
    pub(super) fn warmer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let instance = timer.topic as u16;
        let Some(warm_up) = &mut self.warm_up else { return };
        let Some(process) = warm_up.processes.get_mut(instance as usize) else { return };
        if u32::from(process.epoch) == timer.number && process.remaining > 0 {
            process.remaining -= 1;
            self.next_step(instance, cx);
        }
    }
}
