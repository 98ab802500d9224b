//! A service as it runs: the interpreter of its program over the resources of its instances.

mod caching;
mod cold_starts;
mod guards;
mod line;
mod memory;
mod rollout;
mod scaling;
mod transactions;
mod warm_up;
mod withdraw;

use rustc_hash::FxHashMap;

pub use self::caching::ASK_AGAIN;
use self::caching::{Flights, InHand, LocalCaches};
use self::cold_starts::ColdStarts;
use self::guards::Guards;
use self::line::Shedder;
use self::memory::Memory;
use self::rollout::Places;
use self::scaling::Scaling;
use self::warm_up::WarmUp;
use self::withdraw::slowed;

use super::spec::{RetryAfter, ServiceBuild, Slots};
use crate::base::random::StreamName;
use crate::base::{EntityId, SimDuration};
use crate::components::cache::spec::LocalCacheSpec;
use crate::engine::protection::rate_limit::{RateLimit, Verdict};
use crate::engine::{
    CHANGES, CallId, Condition, Context, Cores, Demand, Disturbance, Flags, Life, LockTable, Node,
    Observation, Op, Outcome, PERIOD, Probe, Program, Reason, Seized, Station, Timer, Withdrawal,
};
use crate::queueing::Discipline;

/// Connection attempts that a dropped SYN is worth before the caller finds the host unreachable
/// (Linux `tcp_syn_retries` is 6; the pause doubles from 1 s).
const SYN_ATTEMPTS: u16 = 6;

/// The topics of processes that a message kills, and of their return.
const CRASH: u32 = u32::MAX - 1;
const RESTART: u32 = u32::MAX;

#[derive(Debug)]
struct Instance {
    workers: Option<Station>,
    /// Cores under processor sharing, or the callbacks of an event loop one after the other.
    cpu: Processor,
    /// With `discipline: processor_sharing`: the workers' capacity, shared by all present.
    shared: Option<Cores>,
    disk: Option<Station>,
    locals: LocalCaches,
    /// Relative to nominal; below 1 while a fault slows it, or while it warms up.
    speed: f64,
    /// What faults make of the speed.
    unharmed: f64,
    /// With preemption: calls on a worker that work or sleep, with their class.
    running: Vec<(CallId, u8)>,
}

#[derive(Debug)]
enum Processor {
    Shared(Cores),
    Loop(Station),
}

/// A service as it runs.
#[expect(clippy::struct_excessive_bools, reason = "independent traits of a service")]
#[derive(Debug)]
pub struct Service {
    program: Program,
    instances: Vec<Instance>,
    locks: LockTable,
    locked: FxHashMap<CallId, (EntityId, u64)>,
    max_wait: Option<crate::engine::Demand>,
    /// One for each instance, or one for all.
    limits: Vec<RateLimit>,
    limited_status: u16,
    local_specs: Vec<LocalCacheSpec>,
    local_ttls: Vec<Option<Demand>>,
    /// Whether any step asks a cache.
    asks: bool,
    flights: Flights,
    in_hand: InHand,
    early: crate::base::random::Key,
    guards: Option<Guards>,
    /// One for each instance; empty where nothing is shed.
    shedders: Vec<Shedder>,
    warm_up: Option<WarmUp>,
    cold_starts: Option<Box<ColdStarts>>,
    /// Cores, or workers under processor sharing, of an instance.
    shares: f64,
    tells_when: bool,
    retry_after: RetryAfter,
    drops_overflow: bool,
    /// The instance that is being lost: nobody is shed there, since all are lost.
    losing: Option<u16>,
    preemptive: bool,
    /// Whether its calls are messages.
    works_for_a_queue: bool,
    /// How long a process is away that a message has killed.
    restart: SimDuration,
    earliest_first: bool,
    /// By endpoint: how long after its arrival a request is due.
    due: Vec<Option<SimDuration>>,
    ready: Vec<CallId>,
    scaling: Option<Box<Scaling>>,
    memory: Option<Box<Memory>>,
    places: Option<Box<Places>>,
}

impl Service {
    /// A service that is idle.
    #[must_use]
    pub fn new(build: ServiceBuild) -> Self {
        let spec = &build.spec;
        let room = match (spec.backlog, spec.accept_queue) {
            (Some(backlog), _) => backlog,
            (None, Some(accept)) => accept,
            (None, None) => u32::MAX,
        };
        let sharing = spec.discipline == super::spec::ServiceDiscipline::ProcessorSharing;
        let line = spec.discipline.line();
        let measured = spec.autoscale.is_some();
        let instances = build
            .resources
            .iter()
            .enumerate()
            .map(|(index, resources)| {
                let station = |n: u32| index as u32 * 2 + n;
                let slots = match spec.workers {
                    Slots::Limited(n) if !sharing => Some(n),
                    _ => None,
                };
                Instance {
                    workers: slots.map(|n| Station::new(resources.workers, n, room, line)),
                    cpu: if spec.workers == Slots::EventLoop {
                        let loops = (spec.cores.round() as u32).max(1);
                        let callbacks = Station::new(resources.cpu, loops, u32::MAX, line);
                        Processor::Loop(if measured { callbacks.metered() } else { callbacks })
                    } else {
                        let mut cores = Cores::new(resources.cpu, station(0), spec.cores, None);
                        if let Some(limit) = spec.cpu_limit {
                            let key = build.key.named(StreamName::new("quota")).with(index as u64);
                            let phase = PERIOD.mul_f64(key.draws().unit());
                            cores = cores.limited(resources.quota, limit, phase);
                        }
                        Processor::Shared(if measured { cores.metered() } else { cores })
                    },
                    shared: match spec.workers {
                        Slots::Limited(n) if sharing => {
                            Some(Cores::new(resources.workers, station(1), f64::from(n), None))
                        }
                        _ => None,
                    },
                    disk: spec.io.map(|n| Station::new(resources.io, n, u32::MAX, Discipline::Fifo)),
                    locals: LocalCaches::new(
                        &spec.local_caches,
                        resources.store,
                        build.key.named(StreamName::new("local cache")).with(index as u64),
                    ),
                    speed: 1.0,
                    unharmed: 1.0,
                    running: Vec::new(),
                }
            })
            .collect();
        Self {
            asks: build.program.ops.iter().any(|op| matches!(op, Op::Ask { .. })),
            local_specs: spec.local_caches.clone(),
            local_ttls: build.local_ttls.clone(),
            flights: Flights::default(),
            in_hand: InHand::default(),
            early: build.key.named(StreamName::new("early")),
            scaling: Scaling::new(&build),
            memory: Memory::new(&build),
            places: Places::new(&build),
            cold_starts: ColdStarts::new(&build),
            guards: build.guards.map(Guards::new),
            shedders: spec
                .shed
                .as_ref()
                .map_or_else(Vec::new, |shed| vec![Shedder::new(shed); build.resources.len()]),
            warm_up: spec.warm.map(|warm| WarmUp::new(warm, build.resources.len())),
            shares: match spec.workers {
                Slots::Limited(n) if sharing => f64::from(n),
                _ => spec.cores,
            },
            program: build.program,
            instances,
            locks: LockTable::new(build.locks),
            locked: FxHashMap::default(),
            limits: spec.rate_limit.as_ref().map_or_else(Vec::new, |limit| {
                vec![limit.limit.clone(); if limit.shared { 1 } else { build.resources.len() }]
            }),
            tells_when: spec.rate_limit.as_ref().is_some_and(|limit| limit.retry_after),
            limited_status: spec.rate_limit.as_ref().map_or(429, |limit| limit.status),
            retry_after: spec.retry_after,
            max_wait: build.max_wait,
            losing: None,
            drops_overflow: spec.backlog.is_none() && spec.accept_queue.is_some(),
            preemptive: spec.preemptive,
            works_for_a_queue: spec.consumes.is_some(),
            restart: SimDuration::ZERO,
            earliest_first: spec.discipline == super::spec::ServiceDiscipline::EarliestDeadline,
            due: spec.endpoints.iter().map(|e| e.due.map(SimDuration::from_secs_f64)).collect(),
            ready: Vec::new(),
        }
    }

    fn instance(&mut self, id: CallId, cx: &Context<'_, impl Probe>) -> &mut Instance {
        &mut self.instances[cx.call(id).instance as usize]
    }

    /// Lets every call that can go on go on. A worklist, since one call's end is another's start.
    fn advance<P: Probe>(&mut self, first: CallId, cx: &mut Context<'_, P>) {
        self.interpret(first, cx);
        self.run_ready(cx);
    }

    fn interpret<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        loop {
            let call = cx.call_mut(id);
            let pc = call.pc;
            call.pc = pc + 1;
            match &self.program.ops[pc as usize] {
                Op::Enter => {
                    if !self.enter(id, cx) {
                        return;
                    }
                }
                Op::Seize => {
                    if !self.seize(id, cx) {
                        return;
                    }
                }
                Op::Release => self.release_worker(id, cx),
                Op::Cpu(demand) => {
                    let demand = self.drawn(demand, id, cx);
                    if !demand.is_zero() {
                        return self.work(id, demand, cx);
                    }
                }
                Op::Sleep(demand) => {
                    let span = self.drawn(demand, id, cx);
                    if !span.is_zero() {
                        return self.sleep(id, span, cx);
                    }
                }
                Op::Io(demand) => {
                    let span = self.drawn(demand, id, cx);
                    if self.use_disk(id, span, cx) {
                        return;
                    }
                }
                Op::Receive { size, uplink } => {
                    let bytes = cx.draw(size, id);
                    if let Some(uplink) = uplink
                        && !cx.request(id).is_some_and(|request| request.body_is_here)
                    {
                        cx.call_mut(id).flags.set(Flags::RECEIVING);
                        return cx.serve(id, SimDuration::from_secs_f64(bytes / uplink));
                    }
                }
                Op::Call { site, .. } => {
                    let site = *site;
                    return cx.call_on(id, site);
                }
                Op::Fork { branches, needed, .. } => {
                    let (branches, needed) = (branches.clone(), *needed);
                    return self.fork(id, &branches, needed, cx);
                }
                Op::EndBranch => {
                    let outcome = Outcome::ok(200, cx.me());
                    return self.end(id, outcome, 0, cx);
                }
                Op::Unless { condition, otherwise } => {
                    let holds = match condition {
                        Condition::Chance { p, key } => cx.coin(*key, *p, id),
                        Condition::Trait(index) => cx.holds(*index, id),
                        Condition::Load(most) => self.load(cx.call(id).instance) > *most,
                    };
                    if !holds {
                        cx.call_mut(id).pc = *otherwise;
                    }
                }
                Op::Jump(to) => cx.call_mut(id).pc = *to,
                Op::Look { cache, hit, terms, refresh } => {
                    let (cache, to, terms) = (*cache, (*hit, *refresh), *terms);
                    if !self.look(id, cache, to, &terms, cx) {
                        return;
                    }
                }
                Op::Keep { cache, ttl, terms, mode } => {
                    let (cache, ttl, terms, mode) = (*cache, ttl.clone(), *terms, *mode);
                    self.keep(id, cache, ttl.as_ref(), (&terms, mode), cx);
                }
                Op::Forget { cache, retire } => {
                    let (cache, retire) = (*cache, *retire);
                    self.forget(id, cache, retire, cx);
                }
                Op::Copy(op) => {
                    let op = *op;
                    if !self.copy(id, op, cx) {
                        return;
                    }
                }
                Op::Ask { site, .. } => {
                    let site = *site;
                    return cx.call_on(id, site);
                }
                Op::Transaction(_) => {
                    if !self.transact(id, cx) {
                        return;
                    }
                }
                Op::Join { entity, .. } => {
                    let entity = *entity;
                    if !self.takes_off(id, entity, cx) {
                        return;
                    }
                }
                Op::Land => self.land(id, None, cx),
                Op::Decided { entity, asked } => {
                    cx.observe(Observation::Decided { entity: *entity, asked: *asked });
                }
                Op::Lock(entity) => {
                    let entity = *entity;
                    if !self.lock(id, entity, cx) {
                        return;
                    }
                }
                Op::Unlock(_) => self.unlock(id, cx),
                Op::Degrade => {
                    if let Some(request) = cx.request_mut(id) {
                        request.degraded = true;
                    }
                }
                Op::Begin => cx.call_mut(id).flags.set(Flags::BEGUN),
                Op::Spoil { share, key, crash } => {
                    if cx.coin_of_job(*key, *share, id) {
                        let crash = *crash;
                        return self.spoil(id, crash, cx);
                    }
                }
                Op::Refuse => {
                    let outcome = cx.call(id).outcome;
                    return self.end(id, outcome, 0, cx);
                }
                Op::Reply { status, size, retry_after } => {
                    let (status, retry_after) = (*status, *retry_after);
                    let bytes = size.as_ref().map_or(0, |size| cx.draw(size, id) as u64);
                    let me = cx.me();
                    let outcome = if status < 400 {
                        Outcome::ok(status, me)
                    } else {
                        Outcome::error(status, me, Reason::Replied).retry_after(retry_after)
                    };
                    return self.end(id, outcome, bytes, cx);
                }
            }
        }
    }

    /// A demand: a worker's belongs to the message, any other to the visit.
    #[inline]
    fn drawn<P: Probe>(&self, demand: &Demand, id: CallId, cx: &Context<'_, P>) -> SimDuration {
        if self.works_for_a_queue { cx.draw_of_job(demand, id) } else { cx.draw_time(demand, id) }
    }

    /// The job of this message fails, as it always will; it may take the process with it.
    fn spoil<P: Probe>(&mut self, id: CallId, crash: Option<f64>, cx: &mut Context<'_, P>) {
        match crash {
            None => {
                let outcome = Outcome::error(500, cx.me(), Reason::Replied);
                self.end(id, outcome, 0, cx);
            }
            // The process dies after the present event, with everything in hand.
            Some(back) => {
                let instance = u32::from(cx.call(id).instance);
                self.restart = SimDuration::from_secs_f64(back);
                cx.timer(cx.now(), Timer { topic: CRASH, number: instance });
            }
        }
    }

    /// True if the call holds a disk token or waits for one; false if there is nothing to do.
    fn use_disk<P: Probe>(&mut self, id: CallId, span: SimDuration, cx: &mut Context<'_, P>) -> bool {
        let Some(disk) = &mut self.instances[cx.call(id).instance as usize].disk else {
            if !span.is_zero() {
                cx.serve(id, span);
            }
            return !span.is_zero();
        };
        disk.demanded(span, cx);
        let asked = cx.now();
        let call = cx.call_mut(id);
        call.demand = span;
        call.pool_asked = asked; // a stay counts its wait
        call.flags.set(Flags::DISK);
        if disk.seize(id, 0, cx) == Seized::Granted {
            cx.serve(id, span);
        }
        true
    }

    /// True if the call holds its row now; false if it waits for it.
    fn lock<P: Probe>(&mut self, id: CallId, entity: EntityId, cx: &mut Context<'_, P>) -> bool {
        let row = cx.row_of(id, entity);
        self.locked.insert(id, (entity, row));
        let held = self.locks.acquire(entity, row, id, cx);
        if held {
            cx.call_mut(id).flags.set(Flags::LOCKED);
        }
        held
    }

    /// Present per worker of an instance, or per core where nothing limits workers.
    fn load(&self, instance: u16) -> f64 {
        let instance = &self.instances[instance as usize];
        match (&instance.workers, &instance.shared, &instance.cpu) {
            (Some(workers), ..) => workers.load(),
            (None, Some(cores), _) | (None, None, Processor::Shared(cores)) => {
                cores.len() as f64 / self.shares
            }
            (None, None, Processor::Loop(callbacks)) => callbacks.load(),
        }
    }

    fn work<P: Probe>(&mut self, id: CallId, demand: SimDuration, cx: &mut Context<'_, P>) {
        self.note_running(id, cx);
        match &mut self.instance(id, cx).cpu {
            Processor::Shared(cores) => cores.work(id, demand, cx),
            Processor::Loop(callbacks) => {
                callbacks.demanded(demand, cx);
                cx.call_mut(id).demand = demand;
                let asked = cx.now();
                cx.call_mut(id).asked = asked;
                if callbacks.seize(id, 0, cx) == Seized::Granted {
                    cx.call_mut(id).pool_asked = asked;
                    let speed = self.instance(id, cx).speed;
                    cx.serve(id, slowed(demand, speed));
                }
            }
        }
    }

    fn sleep<P: Probe>(&mut self, id: CallId, span: SimDuration, cx: &mut Context<'_, P>) {
        if let Some(shared) = &mut self.instance(id, cx).shared {
            return shared.work(id, span, cx);
        }
        self.hold_for(id, span, cx);
    }

    #[inline]
    fn hold_for<P: Probe>(&mut self, id: CallId, span: SimDuration, cx: &mut Context<'_, P>) {
        if self.preemptive {
            self.note_running(id, cx);
        }
        let speed = self.instance(id, cx).speed;
        cx.serve(id, slowed(span, speed));
    }

    /// A call begins a step that a smaller class may interrupt.
    fn note_running<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        if cx.call(id).flags.has(Flags::WORKER) {
            let class = cx.priority(id);
            self.instance(id, cx).running.push((id, class));
        }
    }

    fn fork<P: Probe>(&mut self, id: CallId, branches: &[u16], needed: u16, cx: &mut Context<'_, P>) {
        let call = cx.call_mut(id);
        call.wait_token = call.wait_token.wrapping_add(1);
        call.needed = needed;
        call.running = branches.len() as u16;
        call.outcome = Outcome::ok(200, call.component);
        // Last in, first out: push the last branch first.
        for pc in branches.iter().rev() {
            let branch = cx.branch(id, *pc);
            self.ready.push(branch);
        }
    }

    /// A branch has ended: its parent goes on, fails, or waits for the others.
    fn join<P: Probe>(&mut self, branch: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let (parent, waits) = cx.end_branch(branch);
        if !waits {
            return;
        }
        let call = cx.call_mut(parent);
        call.running -= 1;
        if outcome.is_ok() {
            call.needed = call.needed.saturating_sub(1);
        } else if call.outcome.is_ok() {
            call.outcome = outcome;
        }
        let (done, failed) = (call.needed == 0, call.running < call.needed);
        if !done && !failed {
            return;
        }
        call.wait_token = call.wait_token.wrapping_add(1); // later branches find nobody waiting
        let Op::Fork { join, caught, .. } = &self.program.ops[call.pc as usize - 1] else { return };
        if done {
            call.pc = *join;
            self.ready.push(parent);
        } else {
            let (first_error, caught) = (call.outcome, *caught);
            self.catch(parent, first_error, caught, cx);
        }
    }

    /// An error of something that the call waited for: handled, or the end of the endpoint.
    fn catch<P: Probe>(
        &mut self,
        id: CallId,
        outcome: Outcome,
        caught: Option<u16>,
        cx: &mut Context<'_, P>,
    ) {
        match caught {
            Some(pc) => {
                let call = cx.call_mut(id);
                (call.pc, call.outcome) = (pc, outcome);
                self.ready.push(id);
            }
            None => self.end(id, outcome, 0, cx),
        }
    }

    #[inline]
    fn unlock<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        if !self.locked.is_empty() {
            self.unlock_row(id, cx);
        }
    }

    fn unlock_row<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        if let Some((entity, row)) = self.locked.remove(&id)
            && cx.call_mut(id).flags.take(Flags::LOCKED)
            && let Some(next) = self.locks.release(entity, row, cx)
        {
            cx.call_mut(next).flags.set(Flags::LOCKED);
            self.ready.push(next);
        }
    }

    /// The end of a call, or of a branch: everything it holds is given back.
    fn end<P: Probe>(&mut self, id: CallId, outcome: Outcome, bytes: u64, cx: &mut Context<'_, P>) {
        self.unlock(id, cx);
        if !self.flights.is_empty() {
            self.land(id, Some(outcome), cx);
        }
        self.in_hand.forget(id);
        let flags = cx.call(id).flags;
        if flags.has(Flags::BRANCH) {
            return self.join(id, outcome, cx);
        }
        if flags.has(Flags::WORKER) {
            self.release_worker(id, cx);
        }
        if let Some(guards) = &mut self.guards {
            guards.leave(id, outcome, cx);
        }
        if let Some(memory) = &mut self.memory {
            memory.give_back(id, cx);
        }
        cx.reply(id, outcome, bytes);
    }

    #[inline]
    /// True if the rate limit lets the call in now; one that it delays begins later by itself.
    fn is_let_in<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) -> bool {
        let now = cx.now();
        let at = cx.call(id).instance as usize % self.limits.len();
        match self.limits[at].admit(now) {
            Verdict::Pass => true,
            Verdict::Delay(span) => {
                cx.serve(id, span);
                false
            }
            Verdict::Reject(span) => {
                // The header is in whole seconds (RFC 9110, 10.2.3).
                let seconds = if self.tells_when { span.as_secs_f64().ceil() } else { 0.0 };
                let outcome = Outcome::error(self.limited_status, cx.me(), Reason::RateLimited)
                    .retry_after((1000.0 * seconds).min(f64::from(u32::MAX)) as u32);
                self.refuse(id, outcome, cx);
                self.run_ready(cx);
                false
            }
        }
    }

    fn run_ready<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        while let Some(id) = self.ready.pop() {
            self.interpret(id, cx);
        }
    }
}

impl Node for Service {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        self.start_scaling(cx);
        if let Some(places) = &self.places {
            places.show(cx);
        }
        if let Some(memory) = &self.memory {
            memory.show_all(cx);
        }
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let record = cx.call_mut(call);
        record.pc = self.program.entries[record.operation.index()];
        if let Some(memory) = &mut self.memory {
            memory.take(call, cx);
        }
        if !self.limits.is_empty() && !self.is_let_in(call, cx) {
            return;
        }
        self.advance(call, cx);
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let record = cx.call_mut(call);
        if record.flags.take(Flags::RECEIVING) && cx.is_orphan(call) {
            // Whoever sent the body has left: 499 in nginx's words.
            let outcome = Outcome::error(499, cx.me(), Reason::Unreachable);
            self.end(call, outcome, 0, cx);
            return self.run_ready(cx);
        }
        let record = cx.call_mut(call);
        let pc = record.pc as usize;
        let instance = &mut self.instances[record.instance as usize];
        if record.flags.take(Flags::DISK) {
            let stay = now.since(record.pool_asked);
            if let Some(next) = instance.disk.as_mut().and_then(|d| d.release(stay, cx)) {
                let span = cx.call(next).demand;
                cx.serve(next, span);
            }
        } else if pc > 0
            && matches!(self.program.ops[pc - 1], Op::Cpu(_))
            && matches!(instance.cpu, Processor::Loop(_))
        {
            self.end_callback(call, cx);
        } else if self.preemptive {
            instance.running.retain(|(id, _)| *id != call);
        }
        self.advance(call, cx);
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        if self.asks
            && matches!(
                self.program.ops.get((cx.call(call).pc as usize).wrapping_sub(1)),
                Some(Op::Ask { .. })
            )
        {
            match self.asked(call, outcome, cx) {
                Ok(pc) => {
                    cx.call_mut(call).pc = pc;
                    return self.advance(call, cx);
                }
                Err(outcome) => {
                    self.end(call, outcome, 0, cx);
                    return self.run_ready(cx);
                }
            }
        }
        if outcome.is_ok() {
            return self.advance(call, cx);
        }
        let pc = cx.call(call).pc as usize;
        cx.note_missing_message(call);
        let caught = match self.program.ops.get(pc.wrapping_sub(1)) {
            Some(Op::Call { caught, .. }) => *caught,
            _ => None,
        };
        self.catch(call, outcome, caught, cx);
        self.run_ready(cx);
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.give_up_waiting(call, cx);
        self.run_ready(cx);
    }

    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        match how {
            Withdrawal::Lines => {}
            Withdrawal::Work => return self.stop(call, 499, Reason::Cancelled, cx),
            Withdrawal::Expired => return self.stop(call, 504, Reason::Deadline, cx),
        }
        let record = cx.call(call);
        // Work in progress is finished for nobody; waiting for a worker ends at once.
        if record.flags.has(Flags::IN_LINE)
            && !record.flags.has(Flags::WORKER)
            && !self.locked.contains_key(&call)
        {
            if let Some(workers) = &mut self.instance(call, cx).workers {
                workers.renege(call, cx);
            }
            let outcome = Outcome::error(503, cx.me(), Reason::QueueTimeout);
            self.end(call, outcome, 0, cx);
            self.run_ready(cx);
        }
    }

    fn on_end<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        self.count_copies(cx);
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let instance = timer.number as u16;
        if timer.topic == CRASH {
            cx.set_membership(instance, Life::Down);
            cx.timer(cx.now() + self.restart, Timer { topic: RESTART, number: timer.number });
        } else if timer.topic == RESTART {
            // Whoever was taken out meanwhile stays away.
            if cx.life(cx.me(), instance) == Life::Down {
                cx.set_membership(instance, Life::Up);
            }
        } else if timer.topic == CHANGES {
            self.changed(timer.number, cx);
        } else if timer.topic >= memory::TOPICS {
            self.out_of_memory(timer, cx);
        } else if timer.topic >= scaling::TOPICS {
            self.scale(timer, cx);
        } else {
            self.warmer(timer, cx);
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        self.disturbed(instance, what, cx);
    }

    fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
        loop {
            let instance = &mut self.instances[station as usize / 2];
            let finished = if station % 2 == 1 {
                instance.shared.as_mut().and_then(|cores| cores.finished(epoch, cx))
            } else if let Processor::Shared(cores) = &mut instance.cpu {
                cores.finished(epoch, cx)
            } else {
                None
            };
            let Some(call) = finished else { return };
            if self.preemptive {
                instance.running.retain(|(id, _)| *id != call);
            }
            self.advance(call, cx);
        }
    }
}
