//! Records one replication: a [`Probe`] whose memory grows with the run's length over the bucket's width,
//! never with the requests served.
//!
//! Time is cut into rows at every bucket's end, at the bounds of the windows that expressions ask for, and
//! at the end of the warm-up. Each row keeps exact integrals and counts, so the time-weighted value of any
//! such window is a sum over rows. An observation at the very instant of a cut belongs to the later row.
//!
//! Latency is counted from the intended start of a request (no coordinated omission: Tene 2015).

use super::catalog::{Catalog, Role};
use super::consistency::Consistency;
use super::counters::{Cohort, Events, Records, is_abandoned, tally};
use super::latency::LatencyDistribution;
use super::lookups::Lookups;
use super::queues::QueueRecorder;
use super::recovery::Recovery;
use super::series::BucketLatency;
use super::time_weighted::{TimeWeighted, Usage};
use super::value::MetricValue;
use crate::base::{ComponentId, EntityId, OperationId, ResourceId, SimDuration, SimTime};
use crate::engine::{Finished, Observation, Probe};

/// What a recorder is to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct RecorderPlan {
    /// Length of the run if it is known: only used to reserve memory.
    pub duration: Option<SimTime>,
    /// Results over the whole run are over requests that start, and time that passes, from here on.
    pub warmup: SimTime,
    /// Width of the time series' buckets; zero is read as one second.
    pub bucket: SimDuration,
    /// Windows `[from, to)` that expressions ask for; see [`super::windows_of`].
    pub windows: Vec<(SimTime, SimTime)>,
    /// End of the last spike's hold (or of the last bounded fault), for `time_to_recover`.
    pub spike_end: Option<SimTime>,
}

/// A stretch of time between two cuts.
#[derive(Clone, Debug)]
pub struct Row {
    /// First instant.
    pub start: SimTime,
    /// First instant after.
    pub end: SimTime,
    /// The bucket it lies in.
    pub bucket: usize,
    /// What happened.
    pub events: Events,
    /// Integrals: resources by id, then the visits to components by id.
    pub usage: Box<[Usage]>,
}

/// Everything that one replication left behind.
#[derive(Clone, Debug)]
pub struct ReplicationRecord {
    /// What was to be kept.
    pub plan: RecorderPlan,
    /// When the run was cut.
    pub end: SimTime,
    /// In order of time, without gaps.
    pub rows: Vec<Row>,
    /// By bucket.
    pub latencies: Vec<BucketLatency>,
    /// First the run after the warm-up, then the plan's windows.
    pub cohorts: Vec<Cohort>,
    /// Sent and good by second.
    pub recovery: Recovery,
    /// By queue: seconds from the end of the spike until nobody waited.
    pub drained: Vec<MetricValue>,
    /// By entity, at the end: copies held, and those that are not the store's version.
    pub copies: Vec<(u64, u64)>,
    /// Present and servers at the last instant, indexed as [`Row::usage`].
    pub last: Vec<(u32, f64)>,
    /// Number of resources: the visits of component `c` are at `resources + c` in [`Row::usage`].
    pub resources: usize,
    /// First endpoint slot of each client population, by the catalog's order, in [`Cohort::endpoints`].
    pub first_endpoint: Vec<usize>,
}

impl ReplicationRecord {
    /// The slot of the visits to `component` in [`Row::usage`].
    #[must_use]
    pub const fn visits(&self, component: ComponentId) -> usize {
        self.resources + component.index()
    }

    /// The cohort of requests that started in `[from, to)`, if the plan asked for it.
    #[must_use]
    pub fn cohort(&self, from: SimTime, to: SimTime) -> Option<&Cohort> {
        self.cohorts[1..].iter().find(|c| c.from == from && c.to == to)
    }

    /// The cohort of the whole run after the warm-up.
    #[must_use]
    pub fn run(&self) -> &Cohort {
        &self.cohorts[0]
    }

    /// Rows inside `[from, to)`.
    pub fn rows_in(&self, from: SimTime, to: SimTime) -> impl Iterator<Item = &Row> {
        let first = self.rows.partition_point(|row| row.start < from);
        self.rows[first..].iter().take_while(move |row| row.end <= to)
    }

    /// The sum of everything, warm-up included.
    #[must_use]
    pub fn total(&self) -> Events {
        self.events_in(SimTime::ZERO, SimTime::MAX)
    }

    /// What happened in `[from, to)`.
    #[must_use]
    pub fn events_in(&self, from: SimTime, to: SimTime) -> Events {
        let mut sum = Events::default();
        for row in self.rows_in(from, to) {
            sum.add(&row.events);
        }
        sum
    }

    /// Integrals of `slot` over `[from, to)`.
    #[must_use]
    pub fn usage_in(&self, slot: usize, from: SimTime, to: SimTime) -> Usage {
        let mut sum = Usage::default();
        for row in self.rows_in(from, to) {
            if let Some(usage) = row.usage.get(slot) {
                sum.add(usage);
            }
        }
        sum
    }

    /// Seconds from the end of the spike to recovery; absent without a spike.
    #[must_use]
    pub fn time_to_recover(&self) -> MetricValue {
        self.plan
            .spike_end
            .map_or(MetricValue::Absent, |spike_end| self.recovery.time_to_recover(spike_end, self.end))
    }
}

/// The probe that makes a [`ReplicationRecord`].
#[derive(Clone, Debug)]
pub struct Recorder {
    plan: RecorderPlan,
    next_cut: u64,
    next_bucket: u64,
    bounds: Vec<u64>,
    next_bound: usize,
    row_start: u64,
    bucket: usize,
    /// By resource.
    levels: Vec<TimeWeighted>,
    /// By component.
    visits: Vec<TimeWeighted>,
    events: Events,
    rows: Vec<Row>,
    bucket_latency: LatencyDistribution,
    latencies: Vec<BucketLatency>,
    cohorts: Vec<Cohort>,
    /// Cohorts whose window holds the present instant.
    open: Vec<usize>,
    recovery: Recovery,
    queues: QueueRecorder,
    copies: Vec<(u64, u64)>,
    /// First endpoint slot and number of endpoints, by component id.
    endpoints: Vec<(usize, usize)>,
    first_endpoint: Vec<usize>,
}

impl Recorder {
    /// A recorder for a model with this catalog.
    #[must_use]
    pub fn new(catalog: &Catalog, mut plan: RecorderPlan) -> Self {
        if plan.bucket.is_zero() {
            plan.bucket = SimDuration::from_secs(1);
        }
        let ids = catalog.components.iter().map(|c| c.id).chain(catalog.clients.iter().map(|c| c.id));
        let components = ids.map(|id| id.index() + 1).max().unwrap_or(0);
        let mut endpoints = vec![(0, 0); components];
        let mut first_endpoint = Vec::with_capacity(catalog.clients.len());
        let mut total = 0;
        for client in &catalog.clients {
            endpoints[client.id.index()] = (total, client.operations.len());
            first_endpoint.push(total);
            total += client.operations.len();
        }
        // Row locks have a server per row, so no number tells holders from those in line: the level of
        // such a resource counts only those who wait.
        let servers = |role: Role, servers: f64| if role == Role::Locks { 0.0 } else { servers };
        let levels: Vec<TimeWeighted> =
            catalog.resources.iter().map(|r| TimeWeighted::new(servers(r.role, r.servers))).collect();
        let resources = levels.len();
        let visits = vec![TimeWeighted::new(f64::INFINITY); components];
        let queues = catalog.components.iter().filter(|c| c.kind == "queue").map(|c| c.id.index() + 1);
        let queues = queues.max().unwrap_or(0);
        let cohort = |from, to| Cohort::new(from, to, total, resources, queues);
        let mut cohorts = vec![cohort(plan.warmup, SimTime::MAX)];
        cohorts.extend(plan.windows.iter().map(|&(a, b)| cohort(a, b)));
        let mut bounds: Vec<u64> = plan
            .windows
            .iter()
            .flat_map(|&(a, b)| [a, b])
            .chain(catalog.spikes.iter().flat_map(|&(a, b)| [a, b]))
            .chain([plan.warmup])
            .map(SimTime::as_nanos)
            .collect();
        bounds.sort_unstable();
        bounds.dedup();
        bounds.retain(|&bound| bound > 0);
        let stores = catalog.resources.iter().filter(|r| r.role.keeps_copies());
        let stores = stores.map(|r| r.id.index() + 1).max().unwrap_or(0);
        let backlogs = catalog.resources.iter().filter(|r| r.role == Role::Backlog);
        let backlogs = backlogs.map(|r| r.id.index() + 1).max().unwrap_or(0);
        let events = Events {
            rows: vec![Consistency::default(); catalog.entities.len()],
            decided: vec![(0, 0); catalog.entities.len()],
            lookups: vec![Lookups::default(); stores],
            records: vec![Records::default(); backlogs],
            ..Events::default()
        };
        let expected = plan.duration.map_or(0, |end| end.as_nanos() / plan.bucket.as_nanos()) as usize;
        let mut recorder = Self {
            next_cut: 0,
            next_bucket: plan.bucket.as_nanos(),
            bounds,
            next_bound: 0,
            row_start: 0,
            bucket: 0,
            levels,
            visits,
            events,
            rows: Vec::with_capacity(expected.min(1 << 16)),
            bucket_latency: LatencyDistribution::new(2),
            latencies: Vec::new(),
            cohorts,
            open: Vec::new(),
            recovery: Recovery::default(),
            queues: QueueRecorder::new(queues, plan.spike_end),
            copies: vec![(0, 0); catalog.entities.len()],
            endpoints,
            first_endpoint,
            plan,
        };
        recorder.aim(0);
        recorder
    }

    /// Sets the next cut and the cohorts that are open from `now` on.
    fn aim(&mut self, now: u64) {
        let bound = self.bounds.get(self.next_bound).copied().unwrap_or(u64::MAX);
        self.next_cut = bound.min(self.next_bucket);
        self.open.clear();
        let holds = |c: &Cohort| c.from.as_nanos() <= now && now < c.to.as_nanos();
        self.open.extend((0..self.cohorts.len()).filter(|&i| holds(&self.cohorts[i])));
    }

    fn end_row(&mut self, at: u64) {
        let now = SimTime::from_nanos(at);
        let rows = vec![Consistency::default(); self.events.rows.len()];
        let lookups = vec![Lookups::default(); self.events.lookups.len()];
        let decided = vec![(0, 0); self.events.decided.len()];
        let records = vec![Records::default(); self.events.records.len()];
        let fresh = Events { rows, decided, lookups, records, ..Events::default() };
        self.events.queues = self.queues.cut(now);
        self.rows.push(Row {
            start: SimTime::from_nanos(self.row_start),
            end: now,
            bucket: self.bucket,
            events: std::mem::replace(&mut self.events, fresh),
            usage: self.levels.iter_mut().chain(&mut self.visits).map(|level| level.cut(now)).collect(),
        });
        self.row_start = at;
    }

    fn end_bucket(&mut self) {
        self.latencies.push(BucketLatency::of(&self.bucket_latency));
        self.bucket_latency.reset();
        self.bucket += 1;
        self.next_bucket = self.next_bucket.saturating_add(self.plan.bucket.as_nanos());
    }

    #[cold]
    fn cut_until(&mut self, now: u64) {
        while self.next_cut <= now {
            let at = self.next_cut;
            self.end_row(at);
            if at == self.next_bucket {
                self.end_bucket();
            }
            while self.bounds.get(self.next_bound).is_some_and(|&bound| bound <= at) {
                self.next_bound += 1;
            }
            if at == u64::MAX {
                break;
            }
            self.aim(at);
        }
    }

    #[inline]
    fn slot(&self, client: ComponentId, operation: OperationId) -> Option<usize> {
        let &(first, count) = self.endpoints.get(client.index())?;
        (operation.index() < count).then(|| first + operation.index())
    }

    fn sent(&mut self, now: SimTime, client: ComponentId, operation: OperationId) {
        self.events.sent += 1;
        self.recovery.sent(now);
        let Some(slot) = self.slot(client, operation) else { return };
        for &i in &self.open {
            self.cohorts[i].endpoints[slot].sent += 1;
        }
    }

    fn finished(&mut self, now: SimTime, end: &Finished) {
        let latency = now.since(end.started);
        let good = end.outcome.is_ok();
        self.events.finish(end.outcome);
        if good {
            self.bucket_latency.record(latency);
            self.recovery.good(end.started);
        }
        let Some(slot) = self.slot(end.client, end.operation) else { return };
        for cohort in &mut self.cohorts {
            if end.started < cohort.from || end.started >= cohort.to {
                continue;
            }
            cohort.attempts += u64::from(end.attempts);
            let endpoint = &mut cohort.endpoints[slot];
            if good {
                cohort.degraded += u64::from(end.degraded);
                endpoint.good += 1;
                endpoint.latency.record(latency);
            } else {
                endpoint.errors += 1;
                cohort.failures.record(latency);
                let key = (end.outcome.status, end.outcome.origin, end.outcome.reason);
                tally(&mut cohort.errors, key, 1);
            }
        }
    }

    #[inline]
    fn visit(&mut self, now: SimTime, component: ComponentId, change: i32) -> Option<&mut TimeWeighted> {
        let level = self.visits.get_mut(component.index())?;
        level.set_present(now, level.present().saturating_add_signed(change));
        Some(level)
    }

    #[inline]
    fn counts(&mut self, resource: ResourceId) -> Option<&mut Usage> {
        self.levels.get_mut(resource.index()).map(TimeWeighted::counts)
    }

    #[inline]
    fn waited(&mut self, resource: ResourceId, wait: SimDuration) {
        if let Some(usage) = self.counts(resource) {
            usage.granted += 1;
            usage.waited += wait.as_nanos_f64();
            for &i in &self.open {
                self.cohorts[i].waits[resource.index()].record(wait);
            }
        }
    }

    fn completed(&mut self, now: SimTime, queue: ComponentId, took: SimDuration) {
        self.queues.completed(queue.index());
        let started = SimTime::ZERO + (now.since(SimTime::ZERO) - took);
        for cohort in self.cohorts.iter_mut().filter(|c| (c.from..c.to).contains(&started)) {
            if let Some(completions) = cohort.completions.get_mut(queue.index()) {
                completions.record(took);
            }
        }
    }

    fn read(&mut self, entity: EntityId, behind: u32, age: SimDuration) {
        if let Some(rows) = self.events.rows.get_mut(entity.index()) {
            rows.read(behind, age);
        }
    }

    /// Ends the record: the run was cut at `end`.
    #[must_use]
    pub fn finish(mut self, end: SimTime) -> ReplicationRecord {
        self.cut_until(end.as_nanos());
        if self.row_start < end.as_nanos() {
            self.end_row(end.as_nanos());
            self.latencies.push(BucketLatency::of(&self.bucket_latency));
        } else if let Some(last) = self.rows.last_mut() {
            // What happens at the very last instant belongs to the last row.
            self.events.queues = self.queues.cut(end);
            last.events.add(&self.events);
            for (usage, level) in last.usage.iter_mut().zip(self.levels.iter_mut().chain(&mut self.visits)) {
                usage.add(&level.cut(end));
            }
        }
        ReplicationRecord {
            end,
            rows: self.rows,
            latencies: self.latencies,
            cohorts: self.cohorts,
            recovery: self.recovery,
            drained: self.queues.emptied(),
            copies: self.copies,
            last: self
                .levels
                .iter()
                .chain(&self.visits)
                .map(|level| (level.present(), level.servers()))
                .collect(),
            resources: self.levels.len(),
            first_endpoint: self.first_endpoint,
            plan: self.plan,
        }
    }
}

impl Probe for Recorder {
    #[expect(
        clippy::inline_always,
        reason = "each caller knows which observation it makes: only its arm remains"
    )]
    #[inline(always)]
    fn observe(&mut self, now: SimTime, what: Observation) {
        if now.as_nanos() >= self.next_cut {
            self.cut_until(now.as_nanos());
        }
        match what {
            Observation::Level { resource, present } => {
                if let Some(level) = self.levels.get_mut(resource.index()) {
                    level.set_present(now, present);
                }
            }
            Observation::Waited { resource, wait } => self.waited(resource, wait),
            Observation::Demanded { resource, demand } => {
                if let Some(usage) = self.counts(resource) {
                    usage.demanded += demand.as_nanos_f64();
                }
            }
            Observation::Departed { resource, stay } => {
                if let Some(usage) = self.counts(resource) {
                    usage.departed += 1;
                    usage.stayed += stay.as_nanos_f64();
                }
            }
            Observation::Refused { resource } => {
                if let Some(usage) = self.counts(resource) {
                    usage.refused += 1;
                }
            }
            Observation::Capacity { resource, servers } => {
                if let Some(level) = self.levels.get_mut(resource.index()) {
                    level.set_servers(now, servers);
                }
            }
            Observation::CallOpened { component } => {
                self.events.calls_opened += 1;
                self.visit(now, component, 1);
            }
            Observation::CallClosed { component, outcome, orphan, stay } => {
                self.events.calls_closed += 1;
                if outcome.is_ok() {
                    self.events.served += 1;
                    self.events.served_for_nobody += u64::from(orphan);
                }
                if let Some(level) = self.visit(now, component, -1) {
                    let usage = level.counts();
                    usage.departed += 1;
                    usage.stayed += stay.as_nanos_f64();
                }
            }
            Observation::Sent { client, operation } => self.sent(now, client, operation),
            Observation::Reattempted { .. } => self.events.reattempted += 1,
            Observation::Finished(end) => self.finished(now, &end),
            Observation::Retried { .. } => {}
            Observation::Egress { component, bytes } => {
                self.events.meters.get_or_insert_default().egress(component, bytes)
            }
            Observation::Moved { bytes, across } => {
                self.events.meters.get_or_insert_default().moved(bytes, across)
            }
            Observation::Connected { component } => {
                self.events.meters.get_or_insert_default().connected(component)
            }
            Observation::Stated { component, writes } => {
                self.events.meters.get_or_insert_default().stated(component, writes)
            }
            Observation::Received { queue } => self.events.meters.get_or_insert_default().received(queue),
            Observation::Read { entity, behind, age } => self.read(entity, behind, age),
            Observation::Looked { store, found, .. } => {
                if let Some(store) = self.events.lookups.get_mut(store.index()) {
                    store.looked(found);
                }
            }
            Observation::Evicted { store, count } => {
                if let Some(store) = self.events.lookups.get_mut(store.index()) {
                    store.evicted += u64::from(count);
                }
            }
            Observation::Decided { entity, asked } => {
                if let Some(decided) = self.events.decided.get_mut(entity.index()) {
                    decided.0 += 1;
                    decided.1 += u64::from(asked);
                }
            }
            Observation::Records { backlog, fate, count } => {
                if let Some(records) = self.events.records.get_mut(backlog.index()) {
                    records[fate as usize] += u64::from(count);
                }
            }
            Observation::LostWrites { count } => self.events.lost_writes += u64::from(count),
            Observation::Transaction { what } => self.events.transactions[what as usize] += 1,
            Observation::OwnWriteUnread { .. } => self.events.own_writes_unread += 1,
            Observation::WentBack { .. } => self.events.reads_gone_back += 1,
            Observation::Wrote { entity, what } => {
                if let Some(rows) = self.events.rows.get_mut(entity.index()) {
                    rows.wrote(what);
                }
            }
            Observation::Copies { entity, held, differing } => {
                if let Some(copies) = self.copies.get_mut(entity.index()) {
                    *copies = (copies.0 + held, copies.1 + differing);
                }
            }
            Observation::Fetched { store, bytes, origin } => {
                if let Some(store) = self.events.lookups.get_mut(store.index()) {
                    store.fetched(bytes, origin);
                }
            }
            Observation::Message { queue, fate } => self.queues.met(queue.index(), fate),
            Observation::Oldest { queue, since } => self.queues.oldest(queue.index(), since, now),
            Observation::Completed { queue, took } => self.completed(now, queue, took),
            Observation::Delivered { store, bytes } => {
                if let Some(store) = self.events.lookups.get_mut(store.index()) {
                    store.delivered += bytes;
                }
            }
        }
    }
}

impl Cohort {
    /// Given up by the client.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.errors_where(|status, origin, reason| {
            is_abandoned(crate::engine::Outcome::error(status, origin, reason))
        })
    }
}
