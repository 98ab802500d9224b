//! Service stations: places where calls wait for one of several servers and hold it.
//!
//! [`Station`] is a pool of servers with one waiting line; [`Cores`] share their capacity among all
//! that run (processor sharing). Both report every change of the number present, every wait and
//! every stay, so Little's law can be checked on them from outside.

use super::call::{CallId, Flags};
use super::context::Context;
use super::event::Signal;
use super::meter::Meter;
use super::probe::{Observation, Probe};
use super::quota::Quota;
use crate::base::{ResourceId, SimDuration, SimTime};
use crate::queueing::{Contention, Discipline, ProcessorSharing, WaitingLine};

/// What became of an attempt to seize a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seized {
    /// A server is held.
    Granted,
    /// The call waits in line; it is granted by a later [`Station::release`].
    Waiting,
    /// The line is full; the call is not in it.
    Full,
}

/// A pool of servers with one waiting line.
#[derive(Clone, Debug)]
pub struct Station {
    resource: ResourceId,
    servers: u32,
    busy: u32,
    room: u32,
    line: WaitingLine<CallId>,
    meter: Option<Box<Meter>>,
}

impl Station {
    /// A station of `servers` with room for `room` waiting calls (`u32::MAX`: unbounded).
    #[must_use]
    pub fn new(resource: ResourceId, servers: u32, room: u32, discipline: Discipline) -> Self {
        Self { resource, servers, busy: 0, room, line: WaitingLine::new(discipline), meter: None }
    }

    /// Counts from now on how much of it is used.
    #[must_use]
    pub fn metered(mut self) -> Self {
        self.meter = Some(Box::new(Meter::new(f64::from(self.servers))));
        self
    }

    /// Server-seconds used until `now`; zero unless it is [metered](Self::metered).
    #[must_use]
    pub fn used(&self, now: SimTime) -> f64 {
        self.meter.as_ref().map_or(0.0, |meter| meter.read(now))
    }

    /// Reports how many are present.
    #[inline]
    fn report<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if let Some(meter) = &mut self.meter {
            meter.set(cx.now(), self.busy);
        }
        cx.observe(Observation::Level { resource: self.resource, present: self.busy + self.waiting() });
    }

    /// Servers held.
    #[must_use]
    pub fn busy(&self) -> u32 {
        self.busy
    }

    /// Calls waiting.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.line.len() as u32
    }

    /// Reports that work of this length is asked of the station.
    pub fn demanded<P: Probe>(&self, demand: SimDuration, cx: &mut Context<'_, P>) {
        cx.observe(Observation::Demanded { resource: self.resource, demand });
    }

    /// Takes a server if one is free; else nothing has happened.
    #[inline]
    pub fn seize_free<P: Probe>(&mut self, cx: &mut Context<'_, P>) -> bool {
        if self.busy >= self.servers {
            return false;
        }
        self.busy += 1;
        cx.observe(Observation::Waited { resource: self.resource, wait: SimDuration::ZERO });
        self.report(cx);
        true
    }

    /// Asks for a server on behalf of `call`, and marks the call as waiting if it must wait.
    #[inline]
    pub fn seize<P: Probe>(&mut self, call: CallId, priority: u8, cx: &mut Context<'_, P>) -> Seized {
        self.seize_by(call, priority, SimTime::MAX, cx)
    }

    /// The same for a call that is due by then, where the earliest due time is first.
    #[inline]
    pub fn seize_by<P: Probe>(
        &mut self,
        call: CallId,
        priority: u8,
        due: SimTime,
        cx: &mut Context<'_, P>,
    ) -> Seized {
        if self.seize_free(cx) {
            return Seized::Granted;
        }
        if self.waiting() < self.room {
            self.line.push_due(call, priority, due.as_nanos());
            let now = cx.now();
            let record = cx.call_mut(call);
            record.asked = now;
            record.flags.set(Flags::IN_LINE);
            self.report(cx);
            return Seized::Waiting;
        }
        cx.observe(Observation::Refused { resource: self.resource });
        Seized::Full
    }

    /// Gives a server back after a `stay` (waiting and service); the call that gets it next, if one waits.
    #[inline]
    pub fn release<P: Probe>(&mut self, stay: SimDuration, cx: &mut Context<'_, P>) -> Option<CallId> {
        cx.observe(Observation::Departed { resource: self.resource, stay });
        let next = if self.busy > self.servers { None } else { self.line.pop(|call| cx.is_in_line(*call)) };
        match next {
            None => self.busy -= 1,
            Some(call) => {
                let now = cx.now();
                let record = cx.call_mut(call);
                record.flags.take(Flags::IN_LINE);
                let wait = now.since(record.asked);
                cx.observe(Observation::Waited { resource: self.resource, wait });
            }
        }
        self.report(cx);
        next
    }

    /// Busy and waiting per server.
    #[must_use]
    pub fn load(&self) -> f64 {
        f64::from(self.busy + self.waiting()) / f64::from(self.servers.max(1))
    }

    /// Whether nobody else may join the line.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.busy >= self.servers && self.waiting() >= self.room
    }

    /// Whether whoever came last is next.
    pub fn set_newest_first(&mut self, yes: bool) {
        self.line.set_newest_first(yes);
    }

    /// The last of the lowest class in line, if that is below `class` and has not been served in part.
    pub fn lowest_below<P: Probe>(&mut self, class: u8, cx: &Context<'_, P>) -> Option<CallId> {
        let lowest = self.line.lowest_below(class, |call| cx.is_in_line(*call))?;
        (!cx.call(lowest).flags.has(Flags::PREEMPTED)).then_some(lowest)
    }

    /// As [`Self::release`], but whoever `drops` is true for, asked with its wait and how many wait besides it,
    /// is put into `dropped` instead of being served. Who was preempted is not asked about.
    pub fn release_unless<P: Probe>(
        &mut self,
        stay: SimDuration,
        cx: &mut Context<'_, P>,
        mut drops: impl FnMut(SimDuration, usize) -> bool,
        dropped: &mut Vec<CallId>,
    ) -> Option<CallId> {
        cx.observe(Observation::Departed { resource: self.resource, stay });
        let now = cx.now();
        let mut next = None;
        while self.busy <= self.servers
            && let Some(call) = self.line.pop(|call| cx.is_in_line(*call))
        {
            let record = cx.call_mut(call);
            record.flags.take(Flags::IN_LINE);
            let wait = now.since(record.asked);
            if record.flags.has(Flags::PREEMPTED) || !drops(wait, self.line.len()) {
                cx.observe(Observation::Waited { resource: self.resource, wait });
                next = Some(call);
                break;
            }
            cx.observe(Observation::Refused { resource: self.resource });
            cx.observe(Observation::Departed { resource: self.resource, stay: wait });
            dropped.push(call);
        }
        if next.is_none() {
            self.busy -= 1;
        }
        cx.observe(Observation::Level { resource: self.resource, present: self.busy + self.waiting() });
        next
    }

    /// Takes a call that waits out of the line: it reneges.
    pub fn renege<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let record = cx.call_mut(call);
        if record.flags.take(Flags::IN_LINE) {
            let stay = now.since(record.asked);
            self.line.renege(|call| cx.is_in_line(*call));
            cx.observe(Observation::Refused { resource: self.resource });
            cx.observe(Observation::Departed { resource: self.resource, stay });
            self.report(cx);
        }
    }

    /// A call of lower precedence than all that wait is put back at the head of its class, its server
    /// going to whoever is first in line (preemption).
    pub fn preempt<P: Probe>(
        &mut self,
        victim: CallId,
        victim_priority: u8,
        cx: &mut Context<'_, P>,
    ) -> Option<CallId> {
        let next = self.line.pop(|call| cx.is_in_line(*call))?;
        self.line.push_front(victim, victim_priority);
        let now = cx.now();
        let record = cx.call_mut(victim);
        record.asked = now;
        record.flags.set(Flags::IN_LINE);
        let record = cx.call_mut(next);
        record.flags.take(Flags::IN_LINE);
        let wait = now.since(record.asked);
        cx.observe(Observation::Waited { resource: self.resource, wait });
        Some(next)
    }
}

/// Cores shared by all that run: each of n jobs proceeds at rate min(1, cores / n).
#[derive(Clone, Debug)]
pub struct Cores {
    resource: ResourceId,
    station: u32,
    sharing: ProcessorSharing<CallId>,
    expected: SimTime,
    epoch: u32,
    capacity: f64,
    meter: Option<Box<Meter>>,
    quota: Option<Box<Quota>>,
    /// Relative to nominal, while the quota lasts.
    speed: f64,
}

impl Cores {
    /// `cores` (fractions allowed) that wake their component as its `station`.
    #[must_use]
    pub fn new(resource: ResourceId, station: u32, cores: f64, contention: Option<Contention>) -> Self {
        let mut sharing = ProcessorSharing::new(cores);
        if let Some(contention) = contention {
            sharing.set_contention(contention);
        }
        Self {
            resource,
            station,
            sharing,
            expected: SimTime::MAX,
            epoch: 0,
            capacity: cores,
            meter: None,
            quota: None,
            speed: 1.0,
        }
    }

    /// Lets no more than `limit` cores' time be used in each period of 100 ms; `resource` shows when it is
    /// used up, and the first period begins after `phase`.
    #[must_use]
    pub fn limited(mut self, resource: ResourceId, limit: f64, phase: SimDuration) -> Self {
        self.quota = Some(Box::new(Quota::new(resource, limit, phase)));
        self
    }

    /// Counts what was used of the quota so far, before the number of jobs changes.
    #[inline]
    fn settle_quota<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if self.quota.is_some() {
            self.settle_some_quota(cx);
        }
    }

    fn settle_some_quota<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let Some(quota) = &mut self.quota else { return };
        if quota.settle(now) {
            let (resource, exhausted) = (quota.resource, quota.exhausted);
            self.sharing.set_speed(now, if exhausted { 0.0 } else { self.speed });
            cx.observe(Observation::Level { resource, present: u32::from(exhausted) });
            self.report(cx);
        }
    }

    /// Whether everything stands still, since the quota is used up.
    fn stands_still(&self) -> bool {
        self.quota.as_ref().is_some_and(|quota| quota.exhausted)
    }

    /// Counts from now on how much of them is used.
    #[must_use]
    pub fn metered(mut self) -> Self {
        self.meter = Some(Box::new(Meter::new(self.capacity)));
        self
    }

    /// Core-seconds used until `now`; zero unless they are [metered](Self::metered).
    #[must_use]
    pub fn used(&self, now: SimTime) -> f64 {
        self.meter.as_ref().map_or(0.0, |meter| meter.read(now))
    }

    /// Reports how many run.
    #[inline]
    fn report<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        // Jobs that stand still use no core.
        let present = if self.stands_still() { 0 } else { self.sharing.len() as u32 };
        if let Some(meter) = &mut self.meter {
            meter.set(cx.now(), present);
        }
        cx.observe(Observation::Level { resource: self.resource, present });
        if let Some(quota) = &mut self.quota {
            let cores = self.capacity.min(self.sharing.len() as f64);
            quota.run((cores * 1000.0) as u64);
        }
    }

    /// Jobs running or waiting for their share.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sharing.len()
    }

    /// Whether nothing runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sharing.len() == 0
    }

    /// Starts `demand` of work for `call`; [`Self::finished`] hands the call back when it is done.
    #[inline]
    pub fn work<P: Probe>(&mut self, call: CallId, demand: SimDuration, cx: &mut Context<'_, P>) {
        cx.observe(Observation::Demanded { resource: self.resource, demand });
        self.resume(call, demand, cx);
    }

    /// Goes on with what remains of work that was demanded before and [interrupted](Self::interrupt).
    #[inline]
    pub fn resume<P: Probe>(&mut self, call: CallId, rest: SimDuration, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let record = cx.call_mut(call);
        record.asked = now;
        record.demand = rest;
        self.settle_quota(cx);
        self.sharing.add(now, rest, call);
        self.report(cx);
        let next = self.sharing.next_completion(now);
        self.expect(next, cx);
    }

    /// Changes the speed of every core from now on; 1 is nominal.
    pub fn set_speed<P: Probe>(&mut self, speed: f64, cx: &mut Context<'_, P>) {
        let now = cx.now();
        self.speed = speed;
        self.settle_quota(cx);
        self.sharing.set_speed(now, if self.stands_still() { 0.0 } else { speed });
        self.expected = SimTime::MAX;
        let next = self.sharing.next_completion(now);
        self.expect(next, cx);
    }

    /// The next call whose work is done by now. Call it until it has none, after a wake of this
    /// station with a fresh `epoch`.
    #[inline]
    pub fn finished<P: Probe>(&mut self, epoch: u32, cx: &mut Context<'_, P>) -> Option<CallId> {
        if epoch != self.epoch {
            return None;
        }
        let now = cx.now();
        self.settle_quota(cx);
        match self.sharing.complete_or_next(now) {
            Ok(call) => {
                let record = cx.call(call);
                let stay = now.since(record.asked);
                let wait = stay - record.demand;
                cx.observe(Observation::Departed { resource: self.resource, stay });
                cx.observe(Observation::Waited { resource: self.resource, wait });
                self.report(cx);
                Some(call)
            }
            Err(next) => {
                self.expected = SimTime::MAX;
                self.expect(next, cx);
                None
            }
        }
    }

    /// Stops a call's work for now; what remains of it, if it was running. What was done counts as a stay of its own.
    pub fn interrupt<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) -> Option<SimDuration> {
        let now = cx.now();
        self.settle_quota(cx);
        let rest = self.sharing.remove(now, &call)?;
        let record = cx.call(call);
        let stay = now.since(record.asked);
        let wait = stay - (record.demand - rest);
        cx.observe(Observation::Departed { resource: self.resource, stay });
        cx.observe(Observation::Waited { resource: self.resource, wait });
        self.report(cx);
        let next = self.sharing.next_completion(now);
        self.expect(next, cx);
        Some(rest)
    }

    /// Takes a call's unfinished work away.
    pub fn cancel<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) -> bool {
        let now = cx.now();
        self.settle_quota(cx);
        if self.sharing.remove(now, &call).is_none() {
            return false;
        }
        let stay = now.since(cx.call(call).asked);
        cx.observe(Observation::Departed { resource: self.resource, stay });
        self.report(cx);
        let next = self.sharing.next_completion(now);
        self.expect(next, cx);
        true
    }

    /// Asks to be woken when the head will be done, unless a wake no later than that is under way:
    /// an arrival only delays the head, so the old wake finds nothing and asks again.
    #[inline]
    fn expect<P: Probe>(&mut self, next: Option<SimTime>, cx: &mut Context<'_, P>) {
        let quota = self.quota.as_ref().and_then(|quota| quota.next(cx.now()));
        let next = match (next, quota) {
            (Some(next), Some(quota)) => Some(next.min(quota)),
            (next, quota) => next.or(quota),
        };
        if let Some(at) = next
            && at < self.expected
        {
            self.expected = at;
            self.epoch = self.epoch.wrapping_add(1);
            cx.schedule(at, Signal::Wake { station: self.station, epoch: self.epoch });
        }
    }
}
