//! What can be seen of a run. Producers push observations into a sink that they do not know;
//! metrics are computed from observations alone, never from a component's fields.

use super::outcome::Outcome;
use crate::base::{ComponentId, EntityId, OperationId, ResourceId, SimDuration, SimTime};

/// Seconds of one unit of a level of lag: 0.1 ms, so that a level holds up to 119 hours.
pub const LAG_UNIT: f64 = 1e-4;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation {
    /// A client sent a request (its first attempt) for `operation`, an index into that client's own
    /// list of endpoints.
    Sent {
        /// The client population.
        client: ComponentId,
        /// Index into the client's mix.
        operation: OperationId,
    },
    /// A client began one more attempt of a request (a retry or a reload).
    Reattempted {
        /// The client population.
        client: ComponentId,
    },
    /// A request ended for its client: a good answer, an error, or given up.
    Finished(Finished),
    /// The number of customers present at a resource (in service and waiting) changed to `present`.
    Level {
        /// The resource.
        resource: ResourceId,
        /// In service and waiting together, after the change.
        present: u32,
    },
    /// A customer was granted `resource` after waiting (possibly for no time at all).
    Waited {
        /// The resource.
        resource: ResourceId,
        /// Time between asking and being granted.
        wait: SimDuration,
    },
    /// A customer left the line of `resource` ungranted (timeout or cancellation) or was turned away (line full).
    Refused {
        /// The resource.
        resource: ResourceId,
    },
    /// Work of this length was asked of `resource` (for PS and timed stations): the offered demand.
    Demanded {
        /// The resource.
        resource: ResourceId,
        /// Service time at full speed, on one server.
        demand: SimDuration,
    },
    /// A customer left `resource` after `stay` (waiting and service).
    Departed {
        /// The resource.
        resource: ResourceId,
        /// Time between arrival and departure.
        stay: SimDuration,
    },
    /// The number of servers of `resource` changed.
    Capacity {
        /// The resource.
        resource: ResourceId,
        /// Servers (cores, slots) from now on.
        servers: f64,
    },
    /// A visit to a component began.
    CallOpened {
        /// The component visited.
        component: ComponentId,
    },
    /// A visit ended with an answer. `orphan`: whoever asked had given up before; the work was for nobody.
    CallClosed {
        /// The component visited.
        component: ComponentId,
        /// Its answer.
        outcome: Outcome,
        /// Whether nobody waited for the answer any more.
        orphan: bool,
        /// Time from arrival to answer.
        stay: SimDuration,
    },
    /// A caller's attempt to reach `target` timed out or failed and was tried again.
    Retried {
        /// Who calls.
        caller: ComponentId,
        /// Whom.
        target: ComponentId,
    },
    /// Bytes left a component towards a client.
    Egress {
        /// Who answered the client.
        component: ComponentId,
        /// Bytes.
        bytes: u64,
    },
    /// Bytes went from one component to another, where that is metered.
    Moved {
        /// Bytes.
        bytes: u64,
        /// Whether the two stand in different zones.
        across: bool,
    },
    /// A connection to a component was opened, where that is metered.
    Connected {
        /// The component.
        component: ComponentId,
    },
    /// A statement was answered, where that is metered.
    Stated {
        /// The database.
        component: ComponentId,
        /// Whether it writes.
        writes: bool,
    },
    /// A message was handed to a consumer, where that is metered.
    Received {
        /// The queue.
        queue: ComponentId,
    },
    /// A request was looked up in a store of copies.
    Looked {
        /// The store.
        store: ResourceId,
        /// Whose row the copy is of, if of one's.
        entity: Option<EntityId>,
        /// What was found.
        found: Found,
    },
    /// Items of a store gave way to others.
    Evicted {
        /// The store.
        store: ResourceId,
        /// How many.
        count: u32,
    },
    /// A read saw an older version of a row than its owner had written before.
    OwnWriteUnread {
        /// The row's entity.
        entity: EntityId,
    },
    /// Writes that were acknowledged are lost.
    LostWrites {
        /// How many.
        count: u32,
    },
    /// Somebody read an older version of a row than the same session, or the same owner, had read before.
    WentBack {
        /// The row's entity.
        entity: EntityId,
    },
    /// A row was written: for whoever asked, in the store, or in a cache.
    Wrote {
        /// The row's entity.
        entity: EntityId,
        /// What of it.
        what: Written,
    },
    /// At the end of the run: copies that a cache holds and that could be served.
    Copies {
        /// The rows' entity.
        entity: EntityId,
        /// How many.
        held: u64,
        /// Those of another version than the store's.
        differing: u64,
    },
    /// A read of a row through caches has found a copy, or goes to the store: also one that is never answered.
    Decided {
        /// The row's entity.
        entity: EntityId,
        /// Whether the store behind the caches was asked for it.
        asked: bool,
    },
    /// What a store had asked for came, or failed to.
    Fetched {
        /// The store.
        store: ResourceId,
        /// Bytes that came.
        bytes: u64,
        /// Whether it was asked of the origin itself, rather than of another tier.
        origin: bool,
    },
    /// A store's answer left towards whoever asked.
    Delivered {
        /// The store.
        store: ResourceId,
        /// Bytes.
        bytes: u64,
    },
    /// Something became of a message of a queue.
    Message {
        /// The queue.
        queue: ComponentId,
        /// What.
        fate: Fate,
    },
    /// Who waits at a queue changed: the oldest of them was published then.
    Oldest {
        /// The queue.
        queue: ComponentId,
        /// When; none: nobody waits.
        since: Option<SimTime>,
    },
    /// A job is done, as far as whoever asked for it can see.
    Completed {
        /// The queue that its message went to.
        queue: ComponentId,
        /// Since the intended start of the request that sent it.
        took: SimDuration,
    },
    /// Something became of records of a log, or of the group that reads it.
    Records {
        /// The backlog of the group.
        backlog: ResourceId,
        /// What.
        fate: RecordFate,
        /// Of how many.
        count: u32,
    },
    /// Something became of a transaction or a saga.
    Transaction {
        /// What.
        what: Transacted,
    },
    /// A read of `entity` saw a version that was `behind` versions old (0: fresh); `age`: since the newer one was committed.
    Read {
        /// The entity.
        entity: EntityId,
        /// Versions behind the latest committed one.
        behind: u32,
        /// Time since the first version that this read missed; zero if fresh.
        age: SimDuration,
    },
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fate {
    /// It was taken over from its sender.
    Published,
    /// Its work is done, and it is gone.
    Acked,
    /// It went to the dead-letter queue.
    DeadLettered,
    /// It waited longer than it is kept.
    Expired,
    /// It gave way in a full queue, or could not be delivered as often as is allowed.
    Dropped,
    /// It is gone and nobody has done its work.
    Lost,
    /// It was delivered once more. Not an end.
    Redelivered,
    /// Its work was done once more. Not an end.
    Duplicate,
    /// A sender was told that it is not taken: it never was a message.
    Refused,
    /// A row was written, and the message about it was not taken.
    Missing,
    /// A client asked whether it is done.
    Polled,
    /// A client asks no more, though it never heard that it is done.
    GivenUp,
}

impl Fate {
    /// How many there are.
    pub const COUNT: usize = Self::GivenUp as usize + 1;
}

/// What happened of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Written {
    /// It was acknowledged.
    Acknowledged,
    /// The store has it.
    Store,
    /// A cache was told: a copy written, taken out or marked.
    Cache,
}

/// What became of a transaction or a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transacted {
    /// It was committed.
    Committed,
    /// It was rolled back, however it came to that.
    RolledBack,
    /// It gave way, since it was part of a deadlock.
    Deadlocked,
    /// Some of its shards have committed it and some have not.
    HalfCommitted,
    /// A saga failed, and what it had done was undone.
    Compensated,
    /// A saga failed, and so did undoing what it had done.
    LeftHalfDone,
    /// A read saw what a saga had written that was still under way.
    SeenHalfDone,
    /// No transaction: a statement was refused, since its table had too few capacity units left.
    Throttled,
}

impl Transacted {
    /// How many there are.
    pub const COUNT: usize = 8;
}

/// What a look-up in a store of copies (a place of a CDN, a cache) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Found {
    /// A fresh copy.
    Hit,
    /// A copy past its time that is still served, while it is fetched anew or because that failed.
    Stale,
    /// Nothing, but somebody was fetching it already, and this request joins them.
    Joined,
    /// Nothing: it is fetched.
    Miss,
    /// An error that is remembered, which is the answer.
    Error,
    /// It was not looked up, since nothing of its kind is kept.
    Bypass,
}

/// What becomes of a record of a log for one group of consumers, and what befalls the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum RecordFate {
    /// Appended to the log.
    Published,
    /// Worked on for the first time.
    Processed,
    /// Worked on again.
    Duplicated,
    /// Handed out again.
    Redelivered,
    /// Gone before it was worked on: with the worker that had stored its offset, or with a leader.
    Lost,
    /// Deleted or skipped before it was worked on.
    Expired,
    /// The group shared its partitions anew.
    Rebalanced,
    /// A member did not poll in time, and was thrown out.
    Expelled,
}

impl RecordFate {
    /// How many there are.
    pub const COUNT: usize = 8;
}

/// The end of one request as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finished {
    /// The client population.
    pub client: ComponentId,
    /// Index into the client's mix.
    pub operation: OperationId,
    /// Intended start: latencies count from here.
    pub started: SimTime,
    /// The final answer; status 0 with [`super::Reason::Timeout`] or `Deadline` when the client gave up.
    pub outcome: Outcome,
    /// Attempts made, at least 1.
    pub attempts: u32,
    /// Whether a fallback served it.
    pub degraded: bool,
}

/// A sink for observations.
pub trait Probe {
    /// Called for everything that happens, in order of simulated time.
    fn observe(&mut self, now: SimTime, what: Observation);
}

/// Sees nothing, costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blind;

impl Probe for Blind {
    #[inline]
    fn observe(&mut self, _: SimTime, _: Observation) {}
}

/// Both of two sinks.
impl<A: Probe, B: Probe> Probe for (A, B) {
    #[inline]
    fn observe(&mut self, now: SimTime, what: Observation) {
        self.0.observe(now, what);
        self.1.observe(now, what);
    }
}
