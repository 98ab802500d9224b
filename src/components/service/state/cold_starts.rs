//! Workers that start when they are needed: serverless functions, or php-fpm's `pm = ondemand`.
//!
//! Whoever gets a free worker gets the one that was used last, if it has not been idle for too long; else one
//! starts, and its request holds it meanwhile. Whoever waits in line gets a worker that has just been given back,
//! which is warm. When the run begins nobody is.

use super::Service;
use crate::base::{SimDuration, SimTime};
use crate::components::service::spec::ServiceBuild;
use crate::engine::{CallId, Context, Demand, Probe};

/// The idle workers of each instance.
#[derive(Debug)]
pub(super) struct ColdStarts {
    takes: Demand,
    idle: SimDuration,
    /// By instance: since when each is idle, the last one at the end.
    since: Vec<Vec<SimTime>>,
}

impl ColdStarts {
    pub(super) fn new(build: &ServiceBuild) -> Option<Box<Self>> {
        let takes = build.cold_start.clone()?;
        let idle = build.spec.cold_start.as_ref()?.idle;
        Some(Box::new(Self { takes, idle, since: vec![Vec::new(); build.resources.len()] }))
    }

    /// Takes a worker: false if it has to start.
    fn take(&mut self, instance: u16, now: SimTime) -> bool {
        let Some(since) = self.since.get_mut(usize::from(instance)) else { return true };
        let warm = since.pop().is_some_and(|last| now.since(last) <= self.idle);
        if !warm {
            since.clear(); // the others are idle for longer
        }
        warm
    }

    /// A worker has nothing to do.
    pub(super) fn give_back(&mut self, instance: u16, now: SimTime) {
        if let Some(since) = self.since.get_mut(usize::from(instance)) {
            since.push(now);
        }
    }

    /// All workers of an instance are gone.
    pub(super) fn lose(&mut self, instance: u16) {
        if let Some(since) = self.since.get_mut(usize::from(instance)) {
            since.clear();
        }
    }
}

impl Service {
    /// Whether the worker that a call has been given is there; if not, the call goes on when it has started.
    pub(super) fn is_started<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let Some(starts) = &mut self.cold_starts else { return true };
        if starts.take(cx.call(id).instance, cx.now()) {
            return true;
        }
        let span = cx.draw_time(&starts.takes, id);
        if span.is_zero() {
            return true;
        }
        cx.serve(id, span);
        false
    }
}
