//! A database of several members as its callers see it: which member a statement goes to.
//!
//! What callers know is not what is: the database tells it ([`Context::cluster`]) when they could know. A
//! new primary is known to an instance of a caller when its DNS answer has run out, at a moment that is
//! uniform in the time to live; one that is cut off from the new primary stays with the old.

use rustc_hash::FxHashMap;

use super::call::{CallId, Flags};
use super::conditions::Life;
use super::context::{Context, Core};
use super::event::{Event, Signal, Timer};
use super::layout::Layout;
use super::outcome::{Outcome, Reason};
use super::plan::RowChoice;
use super::probe::Probe;
use super::request::RequestId;
use super::sharding::Sharding;
use crate::base::random::{Key, StreamName};
use crate::base::{ComponentId, EntityId, OperationId, SimDuration, SimTime};

/// The topic of the timer that tells a database that what waits for its primary has waited long enough.
pub const BUFFER_TIMER: u32 = 0xFFFF_0000;

/// Which copy of a row is asked.
const COPY: StreamName = StreamName::new("copy that is asked");

/// Owners that are remembered before those of whom nothing matters any more are forgotten.
const FORGET_FROM: usize = 1024;

/// Which member answers reads.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum ReadRoute {
    /// The primary.
    Primary,
    /// The replicas in turn, one counter for each instance of a caller.
    #[default]
    RoundRobin,
    /// The replica that lagged least when it was last looked at.
    LeastLag,
    /// The replicas in turn that lagged no more than this; the primary, if none.
    Bounded(SimDuration),
    /// The primary for whoever wrote in the last `span`; else the replicas in turn that lag at most `most`.
    Sticky {
        /// How long.
        span: SimDuration,
        /// The lag; none: any.
        most: Option<SimDuration>,
    },
    /// The replicas in turn; a read waits there until what its owner wrote last is applied.
    WaitForPosition,
    /// Always the same replica for an owner, while it lives.
    SessionPin,
}

/// What is fixed about such a database.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPlan {
    /// Which component it is.
    pub component: ComponentId,
    /// Its members.
    pub layout: Layout,
    /// By operation: whether it writes.
    pub writes: Vec<bool>,
    /// How its rows are divided among shards, if they are.
    pub sharding: Option<Sharding>,
    /// Who answers reads.
    pub route: ReadRoute,
    /// By client population: the entity whose row is the owner of a request.
    pub owners: Vec<(ComponentId, EntityId)>,
    /// How long callers go on asking a primary that is no more.
    pub dns_ttl: SimDuration,
    /// Statements that wait for a new primary rather than fail: so many, so long.
    pub buffer: Option<(u32, SimDuration)>,
    /// By member: its zone, a number of its own; empty: all are in one.
    pub zones: Vec<u16>,
    /// Its stream.
    pub key: Key,
}

/// The last write of an owner.
#[derive(Clone, Copy, Debug)]
struct Written {
    at: SimTime,
    position: u64,
}

/// What callers know of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    plan: ClusterPlan,
    /// Where rows lie now.
    pub(super) sharding: Option<Sharding>,
    /// By shard: the primary, the one before, and when that changed.
    primaries: Vec<(u16, Option<(u16, SimTime)>)>,
    /// By member: its lag when it was last looked at.
    lags: Vec<SimDuration>,
    /// By member: whether it is known not to answer.
    out: Vec<bool>,
    turns: FxHashMap<(ComponentId, u16), u16>,
    written: FxHashMap<(EntityId, u64), Written>,
    forget_at: usize,
    /// What every replica has applied.
    applied_by_all: u64,
    buffered: Vec<(CallId, SimTime)>,
}

impl Cluster {
    pub(super) fn new(plan: &ClusterPlan) -> Self {
        let layout = plan.layout;
        Self {
            primaries: (0..layout.shards).map(|shard| (layout.primary(shard), None)).collect(),
            lags: vec![SimDuration::ZERO; usize::from(layout.members())],
            out: vec![false; usize::from(layout.members())],
            turns: FxHashMap::default(),
            written: FxHashMap::default(),
            forget_at: FORGET_FROM,
            applied_by_all: 0,
            buffered: Vec::new(),
            sharding: plan.sharding.clone(),
            plan: plan.clone(),
        }
    }

    /// Whether a statement of this database writes.
    pub(super) fn writes(&self, database: ComponentId, operation: OperationId) -> bool {
        let writes = || self.plan.writes.get(operation.index()).copied().unwrap_or(false);
        self.plan.component == database && writes()
    }

    /// Callers may know from now on that a shard has another primary.
    pub fn promote(&mut self, shard: u16, member: u16, now: SimTime) {
        let known = &mut self.primaries[usize::from(shard)];
        *known = (member, Some((known.0, now)));
    }

    /// Callers know whether a member answers.
    pub fn set_out(&mut self, member: u16, out: bool) {
        self.out[usize::from(member)] = out;
    }

    /// Callers have looked at the lag of a replica.
    pub fn set_lag(&mut self, member: u16, lag: SimDuration) {
        self.lags[usize::from(member)] = lag;
    }

    /// Every replica has applied the log up to here.
    pub fn set_applied_by_all(&mut self, position: u64) {
        self.applied_by_all = position;
    }

    /// Whether it matters who wrote what last.
    fn remembers(&self) -> bool {
        matches!(self.plan.route, ReadRoute::Sticky { .. } | ReadRoute::WaitForPosition)
    }

    fn note(&mut self, owner: (EntityId, u64), position: u64, now: SimTime) {
        self.written.insert(owner, Written { at: now, position });
        if self.written.len() >= self.forget_at {
            let applied = self.applied_by_all;
            match self.plan.route {
                ReadRoute::Sticky { span, .. } => self.written.retain(|_, last| now.since(last.at) < span),
                _ => self.written.retain(|_, last| last.position > applied),
            }
            self.forget_at = FORGET_FROM.max(2 * self.written.len());
        }
    }

    /// The next replica of a shard in turn that may be asked.
    fn next(
        &mut self,
        caller: (ComponentId, u16),
        shard: u16,
        primary: u16,
        most: Option<SimDuration>,
    ) -> Option<u16> {
        let all = self.plan.layout.members_of(shard);
        let count = self.plan.layout.of_shard();
        let turn = self.turns.entry(caller).or_insert(0);
        let fits = |member: &u16| {
            let lag = self.lags[usize::from(*member)];
            *member != primary && !self.out[usize::from(*member)] && most.is_none_or(|most| lag <= most)
        };
        let chosen = (0..count).map(|i| all.start + (*turn + i) % count).find(fits)?;
        *turn = (chosen - all.start + 1) % count;
        Some(chosen)
    }

    /// The replica of a shard that lagged least; of several the first.
    fn least_lagging(&self, shard: u16, primary: u16) -> Option<u16> {
        let all = self.plan.layout.members_of(shard);
        all.filter(|member| *member != primary && !self.out[usize::from(*member)])
            .min_by_key(|member| self.lags[usize::from(*member)])
    }

    /// The replica of a shard that an owner always asks.
    fn pinned(&self, shard: u16, primary: u16, owner: (EntityId, u64)) -> Option<u16> {
        let fits = |member: &u16| *member != primary && !self.out[usize::from(*member)];
        let living = || self.plan.layout.members_of(shard).filter(fits);
        let count = living().count() as u64;
        let hash = self.plan.key.with(u64::from(owner.0.0)).with(owner.1).draws().bits();
        living().nth((hash % count.max(1)) as usize)
    }

    /// Where rows lie, if they are divided among shards.
    pub fn sharding(&mut self) -> Option<&mut Sharding> {
        self.sharding.as_mut()
    }
}

impl<P: Probe> Core<P> {
    /// Chooses the member that the caller's next attempt goes to, where its target has several.
    pub(super) fn route(&mut self, caller: CallId) {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let Some(index) = site.cluster.map(|index| index as usize) else { return };
        let (request, choice) = (call.request, site.row);
        let from = (call.component, call.instance);
        let operation = site.operations.get(call.operation.index()).copied();
        let operation = operation.unwrap_or(site.target.operation);
        // A transaction is the primary's.
        let transactional = site.in_transaction != super::transaction::InTransaction::No
            || site.relays && call.flags.has(Flags::IN_TRANSACTION);
        // A row that is inserted is the request's own from here on.
        if choice != RowChoice::None {
            self.choose_row(request, choice);
        }
        let key = self.clusters[index].sharding.as_ref().and_then(|sharding| sharding.key(operation));
        let key = key.map_or(0, |entity| self.row_of(request, entity));
        let sharding = self.clusters[index].sharding.as_mut();
        let shard = sharding.map_or(0, |sharding| sharding.shard(operation, key));
        let primary = match &self.clusters[index].sharding {
            Some(sharding) if sharding.copies > 1 && sharding.key(operation).is_some() => {
                self.nearest_copy(index, key, caller)
            }
            _ => self.primary_for(index, shard, from),
        };
        let writes = self.clusters[index].plan.writes.get(operation.index()).copied().unwrap_or(true);
        let writes = writes || transactional;
        let member = if writes { primary } else { self.reader(index, shard, primary, from, request) };
        self.calls[caller].choice = member;
    }

    /// The primary of a shard, as far as an instance of a caller knows.
    fn primary_for(&self, index: usize, shard: u16, (caller, instance): (ComponentId, u16)) -> u16 {
        let Cluster { plan, primaries, .. } = &self.clusters[index];
        let (primary, before) = primaries[usize::from(shard)];
        let Some((old, changed)) = before else { return primary };
        let u = plan.key.with(u64::from(caller.0)).with(u64::from(instance)).draws().unit();
        let knows = changed + plan.dns_ttl.mul_f64(u);
        let to = (plan.component, primary);
        if self.now() < knows || self.conditions.cut_until((caller, instance), to).is_some() {
            return old;
        }
        primary
    }

    /// The copy of a row that a driver asks which knows the ring: one of its own zone, if it can, that is not known
    /// to be down; of several any, by lot.
    fn nearest_copy(&self, index: usize, key: u64, caller: CallId) -> u16 {
        let cluster = &self.clusters[index];
        let Some(sharding) = &cluster.sharding else { return 0 };
        let call = &self.calls[caller];
        let path = self.plan.sites[call.site.0 as usize].path;
        let path = path.and_then(|path| self.plan.paths.get(path as usize));
        let zone =
            |zones: &[crate::base::ZoneId], of: u16| zones.get(usize::from(of) % zones.len().max(1)).copied();
        let near =
            |node: &u16| path.is_none_or(|path| zone(&path.from, call.instance) == zone(&path.to, *node));
        let all = sharding.copies(key, &cluster.plan.zones);
        let up = |node: &&u16| !cluster.out[usize::from(**node)];
        let mut fit: Vec<u16> = all.iter().filter(up).filter(|node| near(node)).copied().collect();
        if fit.is_empty() {
            fit.extend(all.iter().filter(up));
        }
        let lot = cluster.plan.key.named(COPY).join(call.luck).draws().below(fit.len().max(1) as u64);
        fit.get(lot as usize).or(all.first()).copied().unwrap_or(0)
    }

    fn reader(
        &mut self,
        index: usize,
        shard: u16,
        primary: u16,
        from: (ComponentId, u16),
        request: RequestId,
    ) -> u16 {
        let now = self.now();
        let route = self.clusters[index].plan.route;
        let chosen = match route {
            ReadRoute::Primary => None,
            ReadRoute::RoundRobin | ReadRoute::WaitForPosition => {
                self.clusters[index].next(from, shard, primary, None)
            }
            ReadRoute::LeastLag => self.clusters[index].least_lagging(shard, primary),
            ReadRoute::Bounded(most) => self.clusters[index].next(from, shard, primary, Some(most)),
            ReadRoute::Sticky { span, most } => {
                let owner = self.owner_of(index, request);
                let cluster = &mut self.clusters[index];
                let last = owner.and_then(|owner| cluster.written.get(&owner));
                if last.is_some_and(|last| now.since(last.at) < span) {
                    None
                } else {
                    cluster.next(from, shard, primary, most)
                }
            }
            ReadRoute::SessionPin => match self.owner_of(index, request) {
                Some(owner) => self.clusters[index].pinned(shard, primary, owner),
                None => self.clusters[index].next(from, shard, primary, None),
            },
        };
        chosen.unwrap_or(primary)
    }

    /// Whose a request is.
    fn owner_of(&mut self, index: usize, request: RequestId) -> Option<(EntityId, u64)> {
        let client = self.requests.get(request)?.client;
        let owners = &self.clusters[index].plan.owners;
        let entity = owners.iter().find(|(other, _)| *other == client)?.1;
        Some((entity, self.row_of(request, entity)))
    }

    /// Whether a call that met a dead primary waits for the next one.
    pub(super) fn buffers(&mut self, id: CallId) -> bool {
        let call = &self.calls[id];
        let (component, instance, now) = (call.component, call.instance, self.now());
        let ours = |cluster: &&mut Cluster| cluster.plan.component == component;
        let Some(cluster) = self.clusters.iter_mut().find(ours) else { return false };
        let Some((most, span)) = cluster.plan.buffer else { return false };
        let primary = cluster.primaries.iter().any(|(primary, _)| *primary == instance);
        if !primary || cluster.buffered.len() >= most as usize {
            return false;
        }
        cluster.buffered.push((id, now));
        self.park(id);
        let timer = Timer { topic: BUFFER_TIMER, number: 0 };
        self.send(now + span, component, Signal::Timer(timer));
        true
    }
}

impl<P: Probe> Context<'_, P> {
    /// What callers know of this database, if it has several members.
    pub fn cluster(&mut self) -> Option<&mut Cluster> {
        self.core.clusters.iter_mut().find(|cluster| cluster.plan.component == self.me)
    }

    fn own_cluster(&self) -> Option<usize> {
        self.core.clusters.iter().position(|cluster| cluster.plan.component == self.me)
    }

    /// The owner of this call's request has written, up to a position of the log.
    pub fn note_write(&mut self, id: CallId, position: u64) {
        let Some(index) = self.own_cluster() else { return };
        if !self.core.clusters[index].remembers() {
            return;
        }
        let (request, now) = (self.core.calls[id].request, self.now());
        if let Some(owner) = self.core.owner_of(index, request) {
            self.core.clusters[index].note(owner, position, now);
        }
    }

    /// The member of another shard that answers its part of a read for all shards: a replica, if reads go there.
    /// A read that waits for a position of the log asks primaries, since positions are each shard's own.
    pub fn reader_of_shard(&mut self, id: CallId, shard: u16, primary: u16) -> u16 {
        let Some(index) = self.own_cluster() else { return primary };
        if self.core.clusters[index].plan.route == ReadRoute::WaitForPosition {
            return primary;
        }
        let call = &self.core.calls[id];
        let (request, from) = (call.request, (self.me, call.instance));
        self.core.reader(index, shard, primary, from, request)
    }

    /// How much of the log a read must see, where reads wait for that.
    pub fn position_wanted(&mut self, id: CallId) -> u64 {
        let Some(index) = self.own_cluster() else { return 0 };
        if self.core.clusters[index].plan.route != ReadRoute::WaitForPosition {
            return 0;
        }
        let request = self.core.calls[id].request;
        let owner = self.core.owner_of(index, request);
        let written = &self.core.clusters[index].written;
        owner.and_then(|owner| written.get(&owner)).map_or(0, |last| last.position)
    }

    /// What a message between two members takes; if a cut holds it back, until when.
    ///
    /// # Errors
    /// The end of the cut; [`SimTime::MAX`], if it has none.
    pub fn between_members(
        &self,
        members: (u16, u16),
        path: Option<u32>,
        luck: Key,
    ) -> Result<SimDuration, SimTime> {
        self.core.between_members(self.me, members, path, luck)
    }

    /// How old what a replica applies must be, by faults.
    #[must_use]
    pub fn apply_delay(&self, member: u16) -> SimDuration {
        self.core.conditions.lag(self.me, member)
    }

    /// What waited for a new primary goes to it.
    pub fn release_buffered(&mut self, primary: u16) {
        let Some(index) = self.own_cluster() else { return };
        for (id, _) in std::mem::take(&mut self.core.clusters[index].buffered) {
            // It arrives a second time, so it leaves first.
            self.core.observe_parting(id);
            let parked = self.core.calls.get_mut(id).filter(|call| call.flags.has(Flags::PARKED));
            let Some(call) = parked else { continue };
            call.flags.take(Flags::PARKED);
            call.instance = primary;
            self.core.executive.immediate(Event { target: self.me, signal: Signal::Arrive(id) });
        }
    }

    /// What has waited for a new primary as long as it would is told that there is none.
    pub fn expire_buffered(&mut self) {
        let Some(index) = self.own_cluster() else { return };
        let now = self.now();
        let cluster = &mut self.core.clusters[index];
        let Some((_, span)) = cluster.plan.buffer else { return };
        let late = cluster.buffered.partition_point(|(_, since)| now.since(*since) >= span);
        for (id, _) in cluster.buffered.drain(..late).collect::<Vec<_>>() {
            let parked = self.core.calls.get_mut(id).filter(|call| call.flags.has(Flags::PARKED));
            let Some(call) = parked else { continue };
            call.flags.take(Flags::PARKED);
            let silent = self.core.conditions.life(self.me, self.core.calls[id].instance) == Life::Vanished;
            if silent {
                self.core.park(id);
            } else {
                self.reply(id, Outcome::error(503, self.me, Reason::Unreachable), 0);
            }
        }
    }
}
