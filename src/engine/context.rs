//! What a component sees of the rest of the world: about a dozen verbs.
//!
//! The executive splits the world into *the target* and *everything else*; the target gets
//! everything else as a [`Context`] and can reach no other component through it. Everything that is
//! observed is observed here or in the stations, so a new kind is measured without a line of metrics.

use super::call::{Call, CallId, Flags};
use super::cluster::Cluster;
use super::conditions::{Conditions, Life};
use super::event::{Event, Limit, Signal, Timer};
use super::fault::Disturbance;
use super::guard::{Gate, Wait};
use super::job::Job;
use super::ledger::Ledger;
use super::network::Network;
use super::outcome::Outcome;
use super::plan::{Demand, Plan, Popularity, RowChoice, SiteId};
use super::pool::{Connections, Pool};
use super::probe::{Finished, Observation, Probe};
use super::protection::{CircuitBreaker, ClientThrottle, Hedge, RetryBudget};
use super::request::{Request, RequestId};
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimDuration, SimTime};
use crate::kernel::{Executive, Slab};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The world but for its components.
pub(super) struct Core<P> {
    pub(super) executive: Executive<Event>,
    pub(super) calls: Slab<Call>,
    pub(super) requests: Slab<Request>,
    pub(super) plan: Arc<Plan>,
    pub(super) pools: Vec<Pool>,
    pub(super) connections: Vec<Vec<Connections>>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) rotors: Vec<u16>,
    pub(super) budgets: Vec<RetryBudget>,
    pub(super) breakers: Vec<CircuitBreaker>,
    pub(super) throttles: Vec<ClientThrottle>,
    pub(super) gates: Vec<Gate>,
    pub(super) hedges: Vec<Hedge>,
    /// Waits at guarded sites, by their callers.
    pub(super) waits: FxHashMap<CallId, Wait>,
    pub(super) network: Network,
    /// Jobs whose clients ask for them.
    pub(super) jobs: Slab<Job>,
    /// By component: what waits at a queue, and since when the oldest does.
    pub(super) backlogs: Vec<(u32, Option<SimTime>)>,
    pub(super) ledger: Ledger,
    pub(super) conditions: Conditions,
    /// What components are still to be told.
    pub(super) disturbances: Vec<(ComponentId, u16, Disturbance)>,
    /// Faults of the plan that last now, in the order in which they began.
    pub(super) active_faults: Vec<u32>,
    /// Moments of the fault plan, the next one last.
    pub(super) moments: Vec<(SimTime, u32, bool)>,
    pub(super) feeds: Vec<super::change_feed::Feed>,
    pub(super) marks: super::copy_context::Marks,
    pub(super) transactions: super::transaction::Transactions,
    pub(super) inserted: Vec<u64>,
    replayed_rows: Vec<u64>,
    pub(super) calls_opened: u64,
    pub(super) calls_closed: u64,
    pub(super) requests_finished: u64,
    /// The sink of all observations.
    pub probe: P,
}

impl<P: Probe> Core<P> {
    /// An empty world that follows `plan`.
    #[must_use]
    pub(super) fn new(plan: Arc<Plan>, probe: P) -> Self {
        Self {
            executive: Executive::new(),
            calls: Slab::new(),
            requests: Slab::new(),
            pools: plan.pools.iter().map(Pool::new).collect(),
            connections: plan
                .connections
                .iter()
                .map(|limits| limits.iter().copied().map(Connections::new).collect())
                .collect(),
            clusters: plan.clusters.iter().map(Cluster::new).collect(),
            rotors: vec![0; plan.rotors as usize],
            budgets: plan.budgets.clone(),
            throttles: plan.throttles.clone(),
            gates: plan.bulkheads.iter().map(Gate::new).collect(),
            hedges: plan.hedges.clone(),
            waits: FxHashMap::default(),
            breakers: plan.breakers.iter().map(|settings| CircuitBreaker::new(*settings)).collect(),
            network: Network::new(&plan),
            jobs: Slab::new(),
            backlogs: Vec::new(),
            ledger: Ledger::new(plan.versions_matter),
            conditions: Conditions::new(&plan),
            disturbances: Vec::new(),
            active_faults: Vec::new(),
            moments: Vec::new(),
            feeds: plan.feeds.iter().map(|_| super::change_feed::Feed::default()).collect(),
            marks: super::copy_context::Marks::default(),
            transactions: super::transaction::Transactions::default(),
            inserted: vec![0; plan.entities.len()],
            replayed_rows: vec![0; plan.entities.len()],
            calls_opened: 0,
            calls_closed: 0,
            requests_finished: 0,
            plan,
            probe,
        }
    }

    /// The present.
    #[inline]
    pub(super) fn now(&self) -> SimTime {
        self.executive.now()
    }

    #[expect(clippy::inline_always, reason = "so that the probe's choice among observations is made here")]
    #[inline(always)]
    pub(super) fn observe(&mut self, what: Observation) {
        self.probe.observe(self.executive.now(), what);
    }

    #[inline]
    pub(super) fn send(&mut self, at: SimTime, target: ComponentId, signal: Signal) {
        let event = Event { target, signal };
        if at <= self.executive.now() {
            self.executive.immediate(event);
        } else {
            self.executive.schedule(at, event);
        }
    }

    /// The value of `demand` for a visit with this luck.
    #[inline]
    pub(super) fn draw(&self, demand: &Demand, luck: Key, request: RequestId) -> f64 {
        match demand {
            Demand::Drawn { distribution, key } => distribution.sample(&mut key.join(luck).draws()),
            Demand::Replayed(column) => {
                let row = self.requests.get(request).map_or(0, |r| r.note as usize);
                self.plan.replayed.get(*column as usize).and_then(|c| c.get(row)).copied().unwrap_or(0.0)
            }
        }
    }

    /// The request's row of `entity`: the one it inserted or was told, else its own drawn one.
    pub(super) fn row_of(&mut self, request: RequestId, entity: EntityId) -> u64 {
        let Some(record) = self.requests.get(request) else { return 0 };
        if let Some((_, row)) = record.rows.iter().find(|(e, _)| *e == entity) {
            return *row;
        }
        let row = self.popular_row(entity, record.luck);
        // Where the answer depends on when it is asked, the request keeps its first.
        if self.plan.entities[entity.index()].is_moving()
            && let Some(record) = self.requests.get_mut(request)
        {
            record.rows.push((entity, row));
        }
        row
    }

    /// A row drawn by its popularity at this instant, for a customer with this luck.
    pub(super) fn popular_row(&mut self, entity: EntityId, luck: Key) -> u64 {
        let plan = &self.plan.entities[entity.index()];
        let elapsed = self.executive.now().as_secs_f64();
        let rows = plan.rows_at(elapsed).max(1);
        if self.conditions.any && self.conditions.is_hot(entity, luck) {
            return 0;
        }
        match &plan.popularity {
            Popularity::Uniform => plan.key.join(luck).draws().below(rows),
            Popularity::Zipf { zipf, scatter } => {
                let rank = zipf.sample(&mut plan.key.join(luck).draws()) - 1;
                match scatter {
                    Some(scatter) => scatter.apply(plan.drifted(rank, elapsed)),
                    None => {
                        let newest = rows + self.inserted[entity.index()] - 1;
                        newest - rank.min(newest)
                    }
                }
            }
            Popularity::Trace(trace) => {
                let next = &mut self.replayed_rows[entity.index()];
                let row = trace[(*next % trace.len() as u64) as usize];
                *next += 1;
                row
            }
        }
    }

    pub(super) fn choose_row(&mut self, request: RequestId, choice: RowChoice) -> u64 {
        match choice {
            RowChoice::None => 0,
            RowChoice::Own(entity) => self.row_of(request, entity),
            RowChoice::New(entity) => {
                let elapsed = self.executive.now().as_secs_f64();
                let row = self.plan.entities[entity.index()].rows_at(elapsed) + self.inserted[entity.index()];
                self.inserted[entity.index()] += 1;
                if let Some(record) = self.requests.get_mut(request) {
                    record.rows.retain(|(e, _)| *e != entity);
                    record.rows.push((entity, row));
                }
                row
            }
        }
    }

    /// Whether nobody will ever use this call's answer.
    pub(super) fn is_orphan(&self, id: CallId) -> bool {
        let call = &self.calls[id];
        let waited_for =
            self.calls.get(call.parent).is_some_and(|p| p.child == id || call.flags.has(Flags::BRANCH));
        !(waited_for || self.is_copy(call.parent, id)) || !self.is_wanted(call.request)
    }

    /// Whether the request's client still waits for its outcome.
    #[inline]
    pub(super) fn is_wanted(&self, request: RequestId) -> bool {
        self.requests.get(request).is_some_and(|r| self.calls.contains(r.root))
    }

    #[inline]
    pub(super) fn drop_reference(&mut self, request: RequestId) {
        if let Some(record) = self.requests.get_mut(request) {
            record.references -= 1;
            if record.references == 0 {
                self.requests.remove(request);
            }
        }
    }

    /// Calls opened, closed and alive: what was opened is closed or in flight.
    #[must_use]
    pub(super) fn call_balance(&self) -> CallBalance {
        CallBalance {
            opened: self.calls_opened,
            closed: self.calls_closed,
            in_flight: self.calls.len() as u64,
        }
    }
}

/// Conservation of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CallBalance {
    /// Calls ever opened.
    pub opened: u64,
    /// Calls ended.
    pub closed: u64,
    /// Calls alive.
    pub in_flight: u64,
}

/// Everything but the target, as the target sees it.
pub struct Context<'a, P> {
    pub(super) core: &'a mut Core<P>,
    pub(super) me: ComponentId,
}

impl<P: Probe> Context<'_, P> {
    /// The present.
    #[inline]
    pub fn now(&self) -> SimTime {
        self.core.now()
    }

    /// Who is addressed.
    #[inline]
    pub fn me(&self) -> ComponentId {
        self.me
    }

    /// Reports what happened.
    #[expect(clippy::inline_always, reason = "so that the probe's choice among observations is made here")]
    #[inline(always)]
    pub fn observe(&mut self, what: Observation) {
        self.core.observe(what);
    }

    /// A call that is known to be alive.
    #[inline]
    pub fn call(&self, id: CallId) -> &Call {
        &self.core.calls[id]
    }

    /// A call that is known to be alive.
    #[inline]
    pub fn call_mut(&mut self, id: CallId) -> &mut Call {
        &mut self.core.calls[id]
    }

    /// How often the outbox is looked at into which a call puts its message; none: it goes to the queue itself.
    #[must_use]
    pub fn outbox(&self, call: CallId) -> Option<SimDuration> {
        self.core.outbox(call)
    }

    /// Whether the call is still alive.
    #[inline]
    pub fn is_alive(&self, id: CallId) -> bool {
        self.core.calls.contains(id)
    }

    /// Whether the call is alive and waits in some line.
    #[inline]
    pub fn is_in_line(&self, id: CallId) -> bool {
        self.core.calls.get(id).is_some_and(|c| c.flags.has(Flags::IN_LINE))
    }

    /// Who made the call; none if nobody waits for it any more.
    #[must_use]
    pub fn caller(&self, id: CallId) -> Option<ComponentId> {
        self.core.calls.get(self.core.calls[id].parent).map(|parent| parent.component)
    }

    /// The request that a live call is made for.
    #[inline]
    pub fn request(&self, id: CallId) -> Option<&Request> {
        self.core.requests.get(self.core.calls[id].request)
    }

    /// The request that a live call is made for.
    #[inline]
    pub fn request_mut(&mut self, id: CallId) -> Option<&mut Request> {
        let request = self.core.calls[id].request;
        self.core.requests.get_mut(request)
    }

    /// Scheduling class of the call's request, smaller first.
    #[inline]
    pub fn priority(&self, id: CallId) -> u8 {
        self.request(id).map_or(0, |r| r.priority)
    }

    /// Whether nobody waits for the call's answer any more.
    #[inline]
    pub fn is_orphan(&self, id: CallId) -> bool {
        self.core.is_orphan(id)
    }

    /// Sends a signal to the component itself.
    #[inline]
    pub fn schedule(&mut self, at: SimTime, signal: Signal) {
        self.core.send(at, self.me, signal);
    }

    /// Schedules an arrival from outside: it comes after everything else of its instant.
    #[inline]
    pub fn schedule_arrival(&mut self, at: SimTime, timer: Timer) {
        self.core.executive.schedule_arrival(at, Event { target: self.me, signal: Signal::Timer(timer) });
    }

    /// Asks for `on_timer` at `at`.
    #[inline]
    pub fn timer(&mut self, at: SimTime, timer: Timer) {
        self.core.send(at, self.me, Signal::Timer(timer));
    }

    /// Ends the call's timed step after `span` with `on_served`.
    #[inline]
    pub fn serve(&mut self, id: CallId, span: SimDuration) {
        let now = self.now();
        let call = &mut self.core.calls[id];
        call.token = call.token.wrapping_add(1);
        call.demand = span;
        call.asked = now;
        let signal = Signal::Served { call: id, token: call.token };
        self.core.send(now + span, self.me, signal);
    }

    /// Limits the call's waiting in a line: after `span`, `on_limit`, unless the call's token has moved on.
    pub fn limit_wait(&mut self, id: CallId, span: SimDuration) {
        let now = self.now();
        let call = &mut self.core.calls[id];
        call.token = call.token.wrapping_add(1);
        let signal = Signal::TimedOut { call: id, token: call.token, limit: Limit::QueueWait };
        self.core.send(now + span, self.me, signal);
    }

    /// Makes a scheduled `Served` or `QueueWait` of the call stale.
    #[inline]
    pub fn forget_step(&mut self, id: CallId) {
        let call = &mut self.core.calls[id];
        call.token = call.token.wrapping_add(1);
    }

    /// The value of `demand` for this visit.
    #[inline]
    pub fn draw(&self, demand: &Demand, id: CallId) -> f64 {
        let call = &self.core.calls[id];
        self.core.draw(demand, call.luck, call.request)
    }

    /// The value of `demand` for this visit, as a time.
    #[inline]
    pub fn draw_time(&self, demand: &Demand, id: CallId) -> SimDuration {
        SimDuration::from_secs_f64(self.draw(demand, id))
    }

    /// The value of `demand` for the job that this call works on, as a time: the same whenever the job is
    /// done again. What else is drawn in a call is drawn anew each time.
    pub fn draw_of_job(&self, demand: &Demand, id: CallId) -> SimDuration {
        let request = self.core.calls[id].request;
        let luck = self.core.requests.get(request).map_or(Key::default(), |r| r.luck.with(r.number));
        SimDuration::from_secs_f64(self.core.draw(demand, luck, request))
    }

    /// A coin for the job that this call works on.
    #[must_use]
    pub fn coin_of_job(&self, key: Key, chance: f64, id: CallId) -> bool {
        let request = self.core.requests.get(self.core.calls[id].request);
        request.is_some_and(|r| key.join(r.luck.with(r.number)).draws().chance(chance))
    }

    /// A coin for this visit.
    #[inline]
    pub fn coin(&self, key: Key, chance: f64, id: CallId) -> bool {
        key.join(self.core.calls[id].luck).draws().chance(chance)
    }

    /// The visit's luck.
    #[inline]
    pub fn luck(&self, id: CallId) -> Key {
        self.core.calls[id].luck
    }

    /// The request's row of an entity.
    pub fn row_of(&mut self, id: CallId, entity: EntityId) -> u64 {
        let request = self.core.calls[id].request;
        self.core.row_of(request, entity)
    }

    /// A row drawn by its popularity now, for whoever has this luck.
    pub fn popular_row(&mut self, entity: EntityId, luck: Key) -> u64 {
        self.core.popular_row(entity, luck)
    }

    /// Whether a condition on the customer holds.
    #[must_use]
    pub fn holds(&self, condition: u32, id: CallId) -> bool {
        let Some(request) = self.request(id) else { return false };
        let condition = &self.core.plan.traits[condition as usize];
        condition.holds.iter().find(|(client, ..)| *client == request.client).is_some_and(|(_, low, high)| {
            let u = condition.key.join(request.luck).draws().unit();
            (*low..*high).contains(&u)
        })
    }

    /// What an instance of a component does with a call that arrives.
    #[must_use]
    pub fn life(&self, component: ComponentId, instance: u16) -> Life {
        self.core.conditions.life(component, instance)
    }

    /// The component's own calls at one of its instances that have no answer yet, branches among them.
    #[must_use]
    pub fn calls_at(&self, instance: u16) -> Vec<CallId> {
        let here = |call: &Call| {
            call.component == self.me
                && call.instance == instance
                && !call.flags.has(Flags::ANSWERED)
                && !call.flags.has(Flags::PARKED)
                && !call.flags.has(Flags::LOST)
        };
        self.core.calls.iter().filter(|(_, call)| here(call)).map(|(id, _)| id).collect()
    }

    /// The call is lost with its instance: its caller learns of it at once where a process died, and by
    /// its own patience where a machine is gone.
    pub fn lose(&mut self, id: CallId) {
        self.core.lose(id);
    }

    /// Whatever the call waits for at its call site, it waits no more: it is being lost.
    pub fn stop_waiting(&mut self, id: CallId) {
        self.core.give_up(id);
    }

    /// The ledger of versions.
    pub fn ledger(&mut self) -> &mut Ledger {
        &mut self.core.ledger
    }

    /// Calls on from `site`; the answer comes as `on_reply`.
    #[inline]
    pub fn call_on(&mut self, id: CallId, site: SiteId) {
        self.core.begin(id, site, super::call::ANY_INSTANCE, 0);
    }

    /// Calls on from `site` to one instance of its target.
    #[inline]
    pub fn call_instance(&mut self, id: CallId, site: SiteId, instance: u16) {
        self.core.begin(id, site, instance, 0);
    }

    /// Tells whoever this call waits for that nobody waits for it any more, as it was told itself.
    pub fn pass_cancellation_on(&mut self, id: CallId, how: super::event::Withdrawal) {
        let child = self.core.calls[id].child;
        self.core.cancel(child, how != super::event::Withdrawal::Lines);
    }

    /// Calls one instance of a site's target as attempt number `attempt` of the same request: with luck of its own.
    #[inline]
    pub fn call_again(&mut self, id: CallId, site: SiteId, instance: u16, attempt: u16) {
        self.core.begin(id, site, instance, attempt);
    }

    /// Opens a request of the component itself, which no client sent and nobody counts.
    pub fn open_internal(&mut self, request: Request) -> CallId {
        self.core.open_internal(request)
    }

    /// Closes such a request.
    pub fn close_internal(&mut self, root: CallId) {
        self.core.close_internal(root);
    }

    /// Changes whenever an instance of any component joins its fleet, leaves it, or begins to.
    #[must_use]
    pub fn fleet_version(&self) -> u64 {
        self.core.conditions.version
    }

    /// Starts a branch of a `parallel`: a call at the same instance that runs from `pc`.
    pub fn branch(&mut self, parent: CallId, pc: u16) -> CallId {
        self.core.branch(parent, pc)
    }

    /// Opens a piece of work that an instance of this component does for itself, for nobody's request.
    pub fn open_job(&mut self, instance: u16) -> CallId {
        let mut call = Call::new(RequestId::NONE, CallId::NONE, Key::default(), self.now());
        call.component = self.me;
        call.instance = instance;
        self.core.open(call)
    }

    /// Ends a branch; its parent is told by the component itself.
    pub fn end_branch(&mut self, id: CallId) -> (CallId, bool) {
        self.core.end_branch(id)
    }

    /// The branches of a `parallel` that this call of the component waits for.
    #[must_use]
    pub fn branches_of(&self, parent: CallId) -> Vec<CallId> {
        let branch = |call: &Call| call.parent == parent && call.flags.has(Flags::BRANCH);
        self.core.calls.iter().filter(|(_, call)| branch(call)).map(|(id, _)| id).collect()
    }

    /// Answers the call, which ends it: its caller hears of it when the answer has travelled back.
    #[inline]
    pub fn reply(&mut self, id: CallId, outcome: Outcome, bytes: u64) {
        self.core.reply(id, outcome, bytes);
    }

    /// Opens a request of a client; [`Self::call_on`] its root sends it.
    pub fn open_request(&mut self, request: Request) -> CallId {
        self.core.open_request(request)
    }

    /// Closes a request with its final outcome: the client looks no further.
    pub fn finish_request(&mut self, root: CallId, outcome: Outcome) -> Option<Finished> {
        self.core.finish_request(root, outcome)
    }

    /// The connections that this component (its first member) accepts, if they are limited: (open, limit).
    #[must_use]
    pub fn connections(&self) -> Option<(u32, u32)> {
        self.core.connections[self.me.index()].first().map(Connections::open_and_max)
    }

    /// Accepts the call's connection; false if the limit is reached.
    pub fn accept_connection(&mut self, id: CallId) -> bool {
        self.core.accept_connection(id)
    }
}
