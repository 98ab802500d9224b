//! Taking calls out of a service: one that is lost with its instance gives back, or stops waiting for,
//! whatever it has.

use super::{Processor, Service};
use crate::base::SimDuration;
use crate::engine::{CallId, Context, Disturbance, Flags, Op, Outcome, Probe, Reason};

impl Service {
    /// Takes a call out of the line it waits in, or off the resource it works on. Its worker stays with it.
    fn withdraw<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call(id);
        let (pc, instance) = (call.pc as usize, call.instance as usize);
        let (in_line, preempted) = (call.flags.has(Flags::IN_LINE), call.flags.has(Flags::PREEMPTED));
        let stay = cx.now().since(call.pool_asked);
        let doing = self.program.ops.get(pc.wrapping_sub(1)).cloned();
        let record = &mut self.instances[instance];
        record.running.retain(|(other, _)| *other != id);
        match doing {
            _ if in_line && preempted => {
                if let Some(workers) = &mut record.workers {
                    workers.renege(id, cx);
                }
            }
            Some(Op::Seize) if in_line => {
                if let Some(workers) = &mut record.workers {
                    workers.renege(id, cx);
                }
            }
            Some(Op::Cpu(_)) => match &mut record.cpu {
                Processor::Shared(cores) => {
                    cores.cancel(id, cx);
                }
                Processor::Loop(callbacks) if in_line => callbacks.renege(id, cx),
                Processor::Loop(_) => self.end_callback(id, cx),
            },
            Some(Op::Sleep(_)) => {
                if let Some(shared) = &mut record.shared {
                    shared.cancel(id, cx);
                }
            }
            Some(Op::Io(_)) => {
                let disk = record.disk.as_mut().filter(|_| cx.call_mut(id).flags.take(Flags::DISK));
                match disk {
                    Some(disk) if in_line => disk.renege(id, cx),
                    Some(disk) => {
                        if let Some(next) = disk.release(stay, cx) {
                            let span = cx.call(next).demand;
                            cx.serve(next, span);
                        }
                    }
                    None => {}
                }
            }
            Some(Op::Lock(_)) if in_line => {
                if let Some((entity, row)) = self.locked.remove(&id) {
                    self.locks.renege(entity, row, id, cx);
                }
            }
            Some(Op::Call { .. } | Op::Ask { .. }) => cx.stop_waiting(id),
            _ => {}
        }
        cx.forget_step(id);
        self.unlock(id, cx);
    }

    /// Stops a call whatever it does, with its branches: nobody waits for it any more.
    pub(super) fn stop<P: Probe>(
        &mut self,
        id: CallId,
        status: u16,
        reason: Reason,
        cx: &mut Context<'_, P>,
    ) {
        self.stop_branches(id, cx);
        self.withdraw(id, cx);
        let outcome = Outcome::error(status, cx.me(), reason);
        self.end(id, outcome, 0, cx);
        self.ready.retain(|id| cx.is_alive(*id));
        self.run_ready(cx);
    }

    fn stop_branches<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let pc = cx.call(id).pc as usize;
        if !matches!(self.program.ops.get(pc.wrapping_sub(1)), Some(Op::Fork { .. })) {
            return;
        }
        for branch in cx.branches_of(id) {
            self.stop_branches(branch, cx);
            self.withdraw(branch, cx);
            cx.end_branch(branch);
        }
    }

    /// Everything in hand at an instance is lost.
    fn lose_all<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        // What the process kept in its memory, and whom it fetched it for, go with it.
        self.instances[instance as usize].locals.flush();
        self.flights.ground(instance);
        let all = cx.calls_at(instance);
        let (branches, calls): (Vec<CallId>, Vec<CallId>) =
            all.into_iter().partition(|id| cx.call(*id).flags.has(Flags::BRANCH));
        for id in branches {
            self.withdraw(id, cx);
            cx.end_branch(id);
        }
        self.losing = Some(instance);
        for id in calls {
            self.withdraw(id, cx);
            self.release_worker(id, cx);
            if let Some(guards) = &mut self.guards {
                guards.lose(id, cx);
            }
            cx.lose(id);
        }
        self.losing = None;
        self.in_hand.keep_only(|id| cx.is_alive(id));
        // Whoever got what the lost ones gave back: calls at other instances, by the row locks.
        self.ready.retain(|id| cx.is_alive(*id) && cx.call(*id).instance != instance);
        self.run_ready(cx);
        if let Some(guards) = &mut self.guards {
            guards.forget(instance, cx);
        }
    }

    /// Ends the callback that a call runs on an event loop; the next one in line begins.
    pub(super) fn end_callback<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call(id);
        let stay = cx.now().since(call.pool_asked);
        let record = &mut self.instances[call.instance as usize];
        let Processor::Loop(callbacks) = &mut record.cpu else { return };
        if let Some(next) = callbacks.release(stay, cx) {
            let speed = record.speed;
            let call = cx.call_mut(next);
            call.pool_asked = call.asked;
            let demand = slowed(call.demand, speed);
            cx.serve(next, demand);
        }
    }

    /// What befalls an instance.
    pub(super) fn disturbed<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => {
                self.lose_all(instance, cx);
                self.cool_down(instance);
                if let Some(starts) = &mut self.cold_starts {
                    starts.lose(instance);
                }
                if let Some(memory) = &mut self.memory {
                    memory.lose(instance, cx);
                }
            }
            Disturbance::Flushed => self.instances[instance as usize].locals.flush(),
            Disturbance::Speed(speed) => {
                self.instances[instance as usize].unharmed = speed;
                self.adjust_speed(instance, cx);
            }
            Disturbance::Restored => {
                self.begin_to_warm_up(instance, cx);
                if let Some(memory) = &self.memory {
                    memory.begin(instance, cx);
                }
            }
            Disturbance::Joined => self.change_places(instance, true, cx),
            Disturbance::Parted => self.change_places(instance, false, cx),
            Disturbance::Draining => self.drain(instance),
            Disturbance::Reset | Disturbance::Consumer(_) => {}
        }
    }

    /// Works at the speed that faults and warming up leave.
    pub(super) fn adjust_speed<P: Probe>(&mut self, instance: u16, cx: &mut Context<'_, P>) {
        let warm = self.warm_up.as_ref().map_or(1.0, |warm_up| warm_up.speed(instance));
        let record = &mut self.instances[instance as usize];
        let speed = record.unharmed * warm;
        record.speed = speed;
        if let Processor::Shared(cores) = &mut record.cpu {
            cores.set_speed(speed, cx);
        }
        if let Some(shared) = &mut record.shared {
            shared.set_speed(speed, cx);
        }
    }
}

/// A span at nominal speed, at this speed.
pub(super) fn slowed(span: SimDuration, speed: f64) -> SimDuration {
    if speed == 1.0 { span } else { span.mul_f64(1.0 / speed.max(1e-9)) }
}
