//! Counts of what happened in a stretch of time, and of what became of the requests that started in one.
//!
//! The two differ, and the vocabulary says which one a metric uses: [`Events`] belong to the instant at
//! which they happen, a [`Cohort`] follows the requests whose intended start lies in its window to their
//! end, however late that is.

use super::consistency::Consistency;
use super::latency::LatencyDistribution;
use super::lookups::Lookups;
use super::meters::Meters;
use super::queues::QueueEvents;
use crate::base::{ComponentId, SimTime};
use crate::engine::{Outcome, Reason, RecordFate, Transacted};

/// What happened in one stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// Requests sent by clients.
    pub sent: u64,
    /// Attempts after the first.
    pub reattempted: u64,
    /// Requests that ended, however.
    pub finished: u64,
    /// Good answers among them.
    pub good: u64,
    /// Given up by the client.
    pub abandoned: u64,
    /// Ended by a timeout or a deadline, whoever's.
    pub timeouts: u64,
    /// What is paid for by the piece or by the byte, if there was any of it.
    pub meters: Option<Box<Meters>>,
    /// Visits to components that began.
    pub calls_opened: u64,
    /// Visits that ended.
    pub calls_closed: u64,
    /// Visits that ended with a success.
    pub served: u64,
    /// Those of them whose caller had left.
    pub served_for_nobody: u64,
    /// Acknowledged writes that were lost.
    pub lost_writes: u64,
    /// What became of transactions and sagas, by [`Transacted`].
    pub transactions: [u64; Transacted::COUNT],
    /// Reads that saw less than their owner had written.
    pub own_writes_unread: u64,
    /// Reads that saw less than the same reader had seen before.
    pub reads_gone_back: u64,
    /// Requests that ended with an error, by status.
    pub errors: Vec<(u16, u64)>,
    /// Requests that ended with an error, by who made it.
    pub origins: Vec<(ComponentId, u64)>,
    /// Per entity: what reads saw and what writes cost.
    pub rows: Vec<Consistency>,
    /// Per entity: reads through caches that found a copy or went to the store, and how many of them went.
    pub decided: Vec<(u64, u64)>,
    /// By resource, up to the last one that is a store: empty where there is none.
    pub lookups: Vec<Lookups>,
    /// By component, up to the last one that is a queue: empty where there is none.
    pub queues: Vec<QueueEvents>,
    /// By resource, up to the last one that is a backlog of a log: empty where there is none.
    pub records: Vec<Records>,
}

/// What became of the records of a log, by [`RecordFate`].
pub(super) type Records = [u64; RecordFate::COUNT];

/// Adds `n` to the entry of `key`; the lists are short, so a scan beats a map.
#[inline]
pub(super) fn tally<K: PartialEq>(list: &mut Vec<(K, u64)>, key: K, n: u64) {
    if let Some((_, count)) = list.iter_mut().find(|(other, _)| *other == key) {
        *count += n;
    } else {
        list.push((key, n));
    }
}

/// Whether the client gave up, rather than being told.
pub(super) const fn is_abandoned(outcome: Outcome) -> bool {
    outcome.status == 0 && matches!(outcome.reason, Reason::Timeout | Reason::Deadline)
}

impl Events {
    /// Adds a later stretch.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.reattempted += other.reattempted;
        self.finished += other.finished;
        self.good += other.good;
        self.abandoned += other.abandoned;
        self.timeouts += other.timeouts;
        if let Some(meters) = &other.meters {
            self.meters.get_or_insert_default().add(meters);
        }
        self.calls_opened += other.calls_opened;
        self.calls_closed += other.calls_closed;
        self.served += other.served;
        self.served_for_nobody += other.served_for_nobody;
        self.lost_writes += other.lost_writes;
        for (mine, theirs) in self.transactions.iter_mut().zip(&other.transactions) {
            *mine += theirs;
        }
        self.own_writes_unread += other.own_writes_unread;
        self.reads_gone_back += other.reads_gone_back;
        for &(status, n) in &other.errors {
            tally(&mut self.errors, status, n);
        }
        for &(origin, n) in &other.origins {
            tally(&mut self.origins, origin, n);
        }
        if self.rows.len() < other.rows.len() {
            self.rows.resize(other.rows.len(), Consistency::default());
        }
        for (mine, theirs) in self.rows.iter_mut().zip(&other.rows) {
            mine.add(theirs);
        }
        if self.decided.len() < other.decided.len() {
            self.decided.resize(other.decided.len(), (0, 0));
        }
        for (mine, theirs) in self.decided.iter_mut().zip(&other.decided) {
            *mine = (mine.0 + theirs.0, mine.1 + theirs.1);
        }
        if self.lookups.len() < other.lookups.len() {
            self.lookups.resize(other.lookups.len(), Lookups::default());
        }
        for (mine, theirs) in self.lookups.iter_mut().zip(&other.lookups) {
            mine.add(theirs);
        }
        if self.queues.len() < other.queues.len() {
            self.queues.resize(other.queues.len(), QueueEvents::default());
        }
        for (mine, theirs) in self.queues.iter_mut().zip(&other.queues) {
            mine.add(theirs);
        }
        if self.records.len() < other.records.len() {
            self.records.resize(other.records.len(), Records::default());
        }
        for (mine, theirs) in self.records.iter_mut().flatten().zip(other.records.iter().flatten()) {
            *mine += theirs;
        }
    }

    pub(super) fn finish(&mut self, outcome: Outcome) {
        self.finished += 1;
        if outcome.is_ok() {
            self.good += 1;
            return;
        }
        self.abandoned += u64::from(is_abandoned(outcome));
        self.timeouts += u64::from(matches!(outcome.reason, Reason::Timeout | Reason::Deadline));
        tally(&mut self.errors, outcome.status, 1);
        tally(&mut self.origins, outcome.origin, 1);
    }
}

/// The requests of one endpoint of one client population that started in a window.
#[derive(Clone, Debug)]
pub struct EndpointCohort {
    /// Sent.
    pub sent: u64,
    /// Answered well.
    pub good: u64,
    /// Ended otherwise.
    pub errors: u64,
    /// Latencies of the good ones, from the intended start.
    pub latency: LatencyDistribution,
}

/// What became of the requests that started in `[from, to)`.
#[derive(Clone, Debug)]
pub struct Cohort {
    /// First instant.
    pub from: SimTime,
    /// First instant after.
    pub to: SimTime,
    /// By endpoint: clients in the catalog's order, endpoints in the order of their mix.
    pub endpoints: Vec<EndpointCohort>,
    /// Time to the end of those that failed or were given up.
    pub failures: LatencyDistribution,
    /// Requests that ended badly, by status, who made the error, and why.
    pub errors: Vec<((u16, ComponentId, Reason), u64)>,
    /// Attempts of those that ended.
    pub attempts: u64,
    /// Good answers that a fallback or a lesser way made.
    pub degraded: u64,
    /// Waits until granted, of grants that happened in the window; by resource.
    pub waits: Vec<LatencyDistribution>,
    /// Times from a request to the completion of the job that it sent, as far as its client can see; by queue.
    pub completions: Vec<LatencyDistribution>,
}

impl Cohort {
    pub(super) fn new(from: SimTime, to: SimTime, endpoints: usize, resources: usize, queues: usize) -> Self {
        let endpoint = EndpointCohort { sent: 0, good: 0, errors: 0, latency: LatencyDistribution::new(3) };
        Self {
            from,
            to,
            endpoints: vec![endpoint; endpoints],
            failures: LatencyDistribution::new(3),
            errors: Vec::new(),
            attempts: 0,
            degraded: 0,
            waits: vec![LatencyDistribution::new(3); resources],
            completions: vec![LatencyDistribution::new(3); queues],
        }
    }

    /// Sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.endpoints.iter().map(|e| e.sent).sum()
    }

    /// Answered well.
    #[must_use]
    pub fn good(&self) -> u64 {
        self.endpoints.iter().map(|e| e.good).sum()
    }

    /// Ended, however.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.endpoints.iter().map(|e| e.good + e.errors).sum()
    }

    /// Errors that `which` holds for.
    pub fn errors_where(&self, which: impl Fn(u16, ComponentId, Reason) -> bool) -> u64 {
        self.errors.iter().filter(|((s, c, r), _)| which(*s, *c, *r)).map(|(_, n)| n).sum()
    }
}
