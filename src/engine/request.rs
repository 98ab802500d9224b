//! The customer: one request of one client, from its intended start to its final outcome.

use super::call::CallId;
use super::copies::Seen;
use super::job::JobId;
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, OperationId, SimTime};
use crate::kernel::Handle;

/// Names a request while it, or any call made for it, is alive.
pub type RequestId = Handle;

/// Who stands behind a request, over all of their requests.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Reader {
    /// Nobody who comes again.
    #[default]
    Nobody,
    /// A session, or a person of a closed population, with this luck.
    Session(Key),
    /// Whoever owns the request's row of this entity.
    Owner(EntityId),
}

/// One customer. It lives until its client has an outcome *and* the last call made for it has ended.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who sent it.
    pub client: ComponentId,
    /// Which entry of the client's mix.
    pub operation: OperationId,
    /// Scheduling class, smaller first.
    pub priority: u8,
    /// Whether a fallback served it.
    pub degraded: bool,
    /// Whether a balancer has read the body that its client sent along.
    pub body_is_here: bool,
    /// Request-bound luck: the same customer in every design.
    pub luck: Key,
    /// Its place among the client's requests.
    pub number: u64,
    /// Intended start; latency counts from here.
    pub started: SimTime,
    /// The client's call at the root; stale once the request has its outcome.
    pub root: CallId,
    /// The client's own note on it (session, user, row of a replayed trace).
    pub note: u32,
    /// The connection of its client that it goes over, by number; `u32::MAX`: one of its own.
    pub connection: u32,
    /// Attempts made by the client.
    pub attempts: u32,
    /// Calls alive that were made for it, the root among them.
    pub references: u32,
    /// What its owner has written before: a read of that row must not be older.
    pub expects: Seen,
    /// The job that it has sent to a queue, if its client asks for that.
    pub job: JobId,
    /// Who reads: the same one must not see versions go back.
    pub reader: Reader,
    /// Rows that this request inserted, or was told by a trace: they take precedence over its drawn keys.
    pub rows: Vec<(EntityId, u64)>,
}

impl Request {
    /// A request of a client, or of a component itself, that starts now; [`Self::root`] follows when it is opened.
    #[must_use]
    pub fn new(client: ComponentId, operation: OperationId, luck: Key, now: SimTime) -> Self {
        Self {
            client,
            operation,
            priority: 0,
            degraded: false,
            body_is_here: false,
            luck,
            number: 0,
            started: now,
            root: CallId::NONE,
            note: 0,
            connection: u32::MAX,
            attempts: 0,
            references: 1,
            expects: Seen::NOTHING,
            job: JobId::NONE,
            reader: Reader::Nobody,
            rows: Vec::new(),
        }
    }
}
