//! The line for a worker: who joins it, who is served next, who is turned away.

use super::{Processor, SYN_ATTEMPTS, Service};
use crate::base::{SimDuration, SimTime};
use crate::components::service::spec::ShedSpec;
use crate::engine::protection::{Codel, ControlledDelay};
use crate::engine::{CallId, Context, Flags, Op, Outcome, Probe, Reason, Seized};

/// What keeps one instance's line short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shedder {
    codel: Option<Codel>,
    delay: Option<ControlledDelay>,
    max_age: Option<SimDuration>,
    lowest_first: bool,
}

impl Shedder {
    pub(super) fn new(spec: &ShedSpec) -> Self {
        Self {
            codel: spec.codel.map(|(target, interval)| Codel::new(target, interval)),
            delay: spec.adaptive_lifo.map(|(standing, usual)| ControlledDelay::new(standing, usual)),
            max_age: spec.max_age,
            lowest_first: spec.lowest_first,
        }
    }
}

impl Service {
    /// True if the call holds a worker now; false if it waits or was turned away.
    pub(super) fn seize<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let now = cx.now();
        let call = cx.call_mut(id);
        let Some(workers) = &mut self.instances[call.instance as usize].workers else { return true };
        call.worker_asked = now;
        if workers.seize_free(cx) {
            cx.call_mut(id).flags.set(Flags::WORKER);
            return self.is_started(id, cx);
        }
        self.wait_for_worker(id, cx)
    }

    /// No worker is free: the call waits for one, or is turned away.
    fn wait_for_worker<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let priority = cx.priority(id);
        let at = cx.call(id).instance as usize;
        let lowest_first = self.shedders.get(at).is_some_and(|shedder| shedder.lowest_first);
        let Some(workers) = &mut self.instances[at].workers else { return true };
        let victim =
            if lowest_first && workers.is_full() { workers.lowest_below(priority, cx) } else { None };
        if let Some(victim) = victim {
            workers.renege(victim, cx);
        }
        let seized = if self.earliest_first {
            let call = cx.call(id);
            let due = self.due.get(call.operation.index()).copied().flatten();
            let due = due.map_or(SimTime::MAX, |due| call.arrived + due);
            let due = if call.deadline == SimTime::MAX { due } else { call.deadline };
            workers.seize_by(id, priority, due, cx)
        } else {
            workers.seize(id, priority, cx)
        };
        if let Some(victim) = victim {
            cx.forget_step(victim); // its limit on waiting
            self.turn_away(victim, Reason::Shed, cx);
        }
        match seized {
            Seized::Granted => {
                cx.call_mut(id).flags.set(Flags::WORKER);
                true
            }
            Seized::Waiting => {
                if self.preemptive {
                    self.preempt_for(id, priority, cx);
                }
                let granted = self.stand_in_line(at, cx);
                let max_wait = self.max_wait.as_ref().map(|wait| cx.draw_time(wait, id));
                let least = granted.into_iter().chain(max_wait).min();
                if let Some(span) = least.filter(|_| cx.is_in_line(id)) {
                    cx.limit_wait(id, span);
                }
                false
            }
            Seized::Full if self.drops_overflow && cx.call(id).attempt < SYN_ATTEMPTS => {
                // The SYN is dropped: the caller's kernel sends it again after 1, 2, 4, ... s.
                let call = cx.call_mut(id);
                let pause = SimDuration::from_secs(1 << call.attempt);
                call.attempt += 1;
                call.pc -= 1;
                cx.serve(id, pause);
                false
            }
            Seized::Full => {
                if self.drops_overflow {
                    // The kernel gives up, and no process hears of it.
                    let outcome = Outcome::error(503, cx.me(), Reason::Unreachable);
                    self.end(id, outcome, 0, cx);
                } else {
                    self.turn_away(id, Reason::BacklogFull, cx);
                }
                false
            }
        }
    }

    /// Somebody joined the line of an instance: how long adaptive LIFO grants it, and who is next from now on.
    fn stand_in_line<P: Probe>(&mut self, at: usize, cx: &Context<'_, P>) -> Option<SimDuration> {
        let delay = self.shedders.get_mut(at)?.delay.as_mut()?;
        let workers = self.instances[at].workers.as_mut()?;
        let granted = delay.joined(workers.waiting().saturating_sub(1) as usize, cx.now());
        workers.set_newest_first(delay.stands(cx.now()));
        Some(granted)
    }

    fn preempt_for<P: Probe>(&mut self, id: CallId, priority: u8, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let instance = &mut self.instances[cx.call(id).instance as usize];
        let lowest = instance.running.iter().enumerate().max_by_key(|(at, (_, class))| (*class, *at));
        let Some((at, (victim, class))) = lowest.map(|(at, v)| (at, *v)).filter(|(_, (_, c))| *c > priority)
        else {
            return;
        };
        instance.running.remove(at);
        let on_cores = match &mut instance.cpu {
            Processor::Shared(cores) => cores.interrupt(victim, cx),
            Processor::Loop(_) => None,
        };
        cx.forget_step(victim);
        let call = cx.call_mut(victim);
        call.demand = on_cores.unwrap_or_else(|| call.demand - now.since(call.asked));
        call.flags.set(Flags::PREEMPTED);
        call.flags.take(Flags::WORKER);
        if let Some(next) = instance.workers.as_mut().and_then(|w| w.preempt(victim, class, cx)) {
            cx.forget_step(next); // its limit on waiting
            self.granted(next, cx);
        }
    }

    /// A call that waited has a worker now.
    fn granted<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let call = cx.call_mut(id);
        call.flags.set(Flags::WORKER);
        if call.flags.take(Flags::PREEMPTED) {
            let (rest, pc) = (call.demand, call.pc as usize);
            if matches!(self.program.ops[pc - 1], Op::Cpu(_)) {
                self.note_running(id, cx);
                if let Processor::Shared(cores) = &mut self.instance(id, cx).cpu {
                    cores.resume(id, rest, cx);
                }
            } else {
                self.hold_for(id, rest, cx);
            }
        } else {
            self.ready.push(id);
        }
    }

    #[inline]
    pub(super) fn release_worker<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let call = cx.call_mut(id);
        if !call.flags.take(Flags::WORKER) {
            return;
        }
        let stay = now.since(call.worker_asked);
        let at = call.instance as usize;
        let Some(workers) = &mut self.instances[at].workers else { return };
        let next = if self.shedders.is_empty() || self.losing.is_some() {
            workers.release(stay, cx)
        } else {
            self.release_and_shed(at, stay, cx)
        };
        if let Some(next) = next {
            cx.forget_step(next); // its limit on waiting
            self.granted(next, cx);
        } else if let Some(starts) = &mut self.cold_starts {
            starts.give_back(at as u16, now);
        }
    }

    /// A worker is free: whoever is next and has not waited too long; those who have are turned away.
    fn release_and_shed<P: Probe>(
        &mut self,
        at: usize,
        stay: SimDuration,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        let now = cx.now();
        let (shedder, workers) = (self.shedders.get_mut(at)?, self.instances[at].workers.as_mut()?);
        if let Some(delay) = &shedder.delay {
            workers.set_newest_first(delay.stands(now));
        }
        let mut dropped = Vec::new();
        let too_long = |wait: SimDuration, others: usize| {
            let aged = shedder.max_age.is_some_and(|most| wait > most);
            aged || shedder.codel.as_mut().is_some_and(|codel| codel.drops(wait, others, now))
        };
        let next = workers.release_unless(stay, cx, too_long, &mut dropped);
        for id in dropped {
            cx.forget_step(id); // its limit on waiting
            self.turn_away(id, Reason::Shed, cx);
        }
        next
    }

    /// A call has waited for a worker as long as it may.
    pub(super) fn give_up_waiting<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let at = cx.call(id).instance as usize;
        if let Some(workers) = &mut self.instances[at].workers {
            workers.renege(id, cx);
        }
        let sheds = self.shedders.get(at).is_some_and(|shedder| shedder.delay.is_some());
        self.turn_away(id, if sheds { Reason::Shed } else { Reason::QueueTimeout }, cx);
    }

    /// Answers 503 without serving: at once, or after the work that this costs.
    pub(super) fn turn_away<P: Probe>(&mut self, id: CallId, reason: Reason, cx: &mut Context<'_, P>) {
        let after = match reason {
            Reason::Shed => self.retry_after.shed,
            Reason::Limited => self.retry_after.limit,
            Reason::NotAdmitted => self.retry_after.admission,
            _ => self.retry_after.line,
        };
        let outcome = Outcome::error(503, cx.me(), reason).retry_after(after);
        self.refuse(id, outcome, cx);
    }

    /// The same with another answer.
    pub(super) fn refuse<P: Probe>(&mut self, id: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let Some(pc) = self.program.refusal else { return self.end(id, outcome, 0, cx) };
        self.unlock(id, cx);
        let call = cx.call_mut(id);
        call.outcome = outcome;
        call.pc = pc;
        self.ready.push(id);
    }
}
