//! Behaviour as instructions: what an endpoint does, flattened.
//!
//! A call's whole continuation is its program counter, so a call can be printed, compared and
//! counted like any record. Where a worker is seized and released is decided when a behaviour is
//! lowered; the interpreter knows no rule about it.

use super::copies::Terms;
use super::plan::{Demand, SiteId};
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimDuration};

/// Position of an instruction.
pub type Pc = u16;

/// A question whose answer decides where to go on.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A coin for this visit.
    Chance {
        /// Probability of yes.
        p: f64,
        /// Its stream.
        key: Key,
    },
    /// A property of the customer, an index into the plan's traits.
    Trait(u32),
    /// Whether the instance is loaded above this: present per worker, or per core where nothing limits workers.
    Load(f64),
}

/// How a value is written to an instance's own cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeepMode {
    /// Whatever is there.
    Always,
    /// Unless what is there is newer.
    Newer,
    /// As the error that the call has failed with.
    Error,
}

/// What a read through caches does beside asking and keeping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyOp {
    /// Note when fetching begins.
    Begin,
    /// Note how long it took.
    Measure,
    /// Go to `then` if the row that was read does not exist.
    IfAbsent {
        /// The row's entity.
        entity: EntityId,
        /// Where to.
        then: Pc,
    },
    /// Take the old value that a cache gave along, or go on at `otherwise`.
    FallBack {
        /// The row's entity.
        entity: EntityId,
        /// Where to without one.
        otherwise: Pc,
    },
    /// Set aside the error that the call was brought here by.
    Fail {
        /// Of which entity a row could not be fetched.
        entity: EntityId,
    },
    /// End with that error, or handle it elsewhere.
    Failed {
        /// Where it is handled.
        caught: Option<Pc>,
    },
    /// Begin something that nobody waits for.
    Background {
        /// Where it begins.
        start: Pc,
    },
}

/// Of a transaction, or of a saga.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionOp {
    /// Begin one with a database.
    Begin {
        /// The database.
        database: ComponentId,
        /// Whom its statements ask: the database, or a pooler before it.
        front: ComponentId,
    },
    /// Go to this instruction if it has asked its database for nothing.
    Skip(Pc),
    /// It is committed.
    End,
    /// It has failed: roll it back, and begin again or end with the error.
    Abort {
        /// Where it begins.
        begin: Pc,
        /// Attempts at most.
        attempts: u16,
        /// The pause before the next attempt: at least nothing, at most the first, doubled each time up to the
        /// second.
        backoff: (SimDuration, SimDuration),
        /// The stream of the pauses.
        key: Key,
        /// Where an error is handled.
        caught: Option<Pc>,
    },
    /// Begin a saga.
    BeginSaga,
    /// It is done.
    EndSaga,
    /// A step of it has failed: what follows undoes what it has done.
    FailSaga,
    /// It is undone, or could not be: end with the error that it failed with.
    FailedSaga {
        /// Whether it is undone.
        undone: bool,
        /// Where an error is handled.
        caught: Option<Pc>,
    },
}

/// One instruction.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Pass admission control and the concurrency limit, or be turned away.
    Enter,
    /// Take a worker, or wait for one.
    Seize,
    /// Give the worker back.
    Release,
    /// Work on the cores.
    Cpu(Demand),
    /// Time that holds the worker and no core.
    Sleep(Demand),
    /// A disk token for so long.
    Io(Demand),
    /// Read a body of so many bytes, at so many bytes per second (no time if that is not known).
    Receive {
        /// Bytes.
        size: Demand,
        /// Bytes per second of the sender's uplink.
        uplink: Option<f64>,
    },
    /// Call on; an error goes to `caught`, or ends the endpoint.
    Call {
        /// The call site.
        site: SiteId,
        /// Where an error is handled.
        caught: Option<Pc>,
    },
    /// Start branches; go on at `join` once `needed` have succeeded, or fail once that is impossible.
    Fork {
        /// Where each branch begins.
        branches: Vec<Pc>,
        /// Successes needed.
        needed: u16,
        /// Where to go on.
        join: Pc,
        /// Where an error is handled.
        caught: Option<Pc>,
    },
    /// The end of a branch.
    EndBranch,
    /// Go on if the condition holds, else jump.
    Unless {
        /// The condition.
        condition: Condition,
        /// Where to if it does not hold.
        otherwise: Pc,
    },
    /// Go elsewhere.
    Jump(Pc),
    /// Take the lock of the request's row.
    Lock(EntityId),
    /// Give it back.
    Unlock(EntityId),
    /// What follows is a fallback: the answer will be a degraded one.
    Degrade,
    /// Read an instance's own cache; a hit goes to `hit`.
    Look {
        /// Which of its caches.
        cache: u16,
        /// Where to on a hit.
        hit: Pc,
        /// How it is treated near its end.
        terms: Terms,
        /// Where the fetching begins that is done in the background.
        refresh: Pc,
    },
    /// Write to an instance's own cache.
    Keep {
        /// Which of its caches.
        cache: u16,
        /// Seconds until it expires; none: the cache's own.
        ttl: Option<Demand>,
        /// How it is treated near its end.
        terms: Terms,
        /// How.
        mode: KeepMode,
    },
    /// Take out of an instance's own cache.
    Forget {
        /// Which of its caches.
        cache: u16,
        /// Whether the version that made it old is remembered.
        retire: bool,
    },
    /// Of what a read through caches does beside asking and keeping.
    Copy(CopyOp),
    /// Of a transaction or a saga.
    Transaction(Box<TransactionOp>),
    /// Read a cache over a call site; what it does not have goes on with the next instruction.
    Ask {
        /// The call site.
        site: SiteId,
        /// Where to on a hit.
        hit: Pc,
        /// Where to if somebody else is fetching it.
        held: Pc,
        /// Where the fetching begins of what is served past its time.
        refresh: Pc,
        /// Whether an error of the cache is an error, instead of a miss.
        strict: bool,
    },
    /// Fetch a row for all at this instance that want it, or wait for whoever does.
    Join {
        /// The row's entity.
        entity: EntityId,
        /// Where those who waited go on.
        done: Pc,
    },
    /// What [`Op::Join`] began has come.
    Land,
    /// A read through caches has found a copy, or goes to the store.
    Decided {
        /// The row's entity.
        entity: EntityId,
        /// Whether the store behind had to be asked.
        asked: bool,
    },
    /// A worker begins the job.
    Begin,
    /// The job of some messages always fails, or kills the process.
    Spoil {
        /// The share of messages.
        share: f64,
        /// Their stream.
        key: Key,
        /// Seconds until the process is back; none: it does not die.
        crash: Option<f64>,
    },
    /// End with the outcome that the call was given when it was turned away.
    Refuse,
    /// Answer and end.
    Reply {
        /// Status code.
        status: u16,
        /// Bytes of the answer.
        size: Option<Demand>,
        /// `Retry-After`, in milliseconds; 0: none.
        retry_after: u32,
    },
}

/// All endpoints of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// Instructions of all endpoints, one after the other.
    pub ops: Vec<Op>,
    /// Where each operation begins.
    pub entries: Vec<Pc>,
    /// Where calls that are turned away go on, if that costs something.
    pub refusal: Option<Pc>,
}
