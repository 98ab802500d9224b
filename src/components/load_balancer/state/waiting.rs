//! Requests that find every backend at its limit wait here, first come, first served.

use super::LoadBalancer;
use crate::base::SimDuration;
use crate::engine::{CallId, Context, Flags, Observation, Probe, Reason};

impl LoadBalancer {
    /// Nobody can be picked: wait for one that is at its limit, or give up.
    /// Who was `first` in line, and was called for nothing, stays first.
    pub(super) fn wait_or_fail<P: Probe>(&mut self, call: CallId, first: bool, cx: &mut Context<'_, P>) {
        let record = cx.call(call);
        let (me, route) = (record.instance as usize, record.pc as usize);
        let spec = &self.build.spec;
        let instance = &mut self.instances[me];
        let view = &instance.views[route];
        let limited = spec.max_conns.is_some() && view.serves();
        let statuses = spec.statuses;
        if !limited {
            let outcome = self.own(statuses.no_backend, Reason::NoBackend, cx);
            return self.end(call, outcome, 0, cx);
        }
        let room = spec.queue.map_or(0, |queue| queue.max);
        if instance.lines[route].len() as u32 >= room {
            cx.observe(Observation::Refused { resource: self.build.slots[me] });
            let outcome = self.own(statuses.queue, Reason::BacklogFull, cx);
            return self.end(call, outcome, 0, cx);
        }
        if first {
            instance.lines[route].push_front(call, 0);
        } else {
            instance.lines[route].push(call, 0);
        }
        let now = cx.now();
        let again = self.tried.contains_key(&call);
        let record = cx.call_mut(call);
        if again && !first {
            record.asked = now;
        }
        let waited = now.since(record.asked);
        record.flags.set(Flags::IN_LINE);
        if let Some(wait) = spec.queue.and_then(|queue| queue.wait) {
            cx.limit_wait(call, SimDuration::from_secs_f64(wait) - waited);
        }
    }

    /// A backend came up: whoever waits is sent while there is room.
    pub(super) fn serve_lines<P: Probe>(&mut self, me: usize, cx: &mut Context<'_, P>) {
        if self.build.spec.max_conns.is_none() {
            return;
        }
        for route in 0..self.build.routes.len() {
            for _ in 0..self.instances[me].lines[route].len() {
                if !self.instances[me].views[route].has_room() {
                    break;
                }
                self.next_in_line(me, route, cx);
            }
        }
    }

    /// A backend has room again: whoever waits first is sent. What the control plane announced is taken over
    /// before anybody is called, since whoever it gives room to is the first in line as well.
    pub(super) fn next_in_line<P: Probe>(&mut self, me: usize, route: usize, cx: &mut Context<'_, P>) {
        self.follow_fleets(cx);
        let instance = &mut self.instances[me];
        if instance.lines[route].is_empty() || !instance.views[route].has_room() {
            return;
        }
        let next = instance.lines[route].pop(|call| cx.is_in_line(*call));
        if let Some(next) = next {
            cx.forget_step(next);
            cx.call_mut(next).flags.take(Flags::IN_LINE);
            self.dispatch(next, true, cx);
        }
    }
}
