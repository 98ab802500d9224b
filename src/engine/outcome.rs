//! How a call ended, who decided so, and why.

use crate::base::ComponentId;

/// Why an answer is what it is; an error is attributed to the component that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Reason {
    /// The work was done.
    Done,
    /// An endpoint's own `reply` with an error status.
    Replied,
    /// The line for a worker was full.
    BacklogFull,
    /// No worker within the service's `max_wait`.
    QueueTimeout,
    /// No pooled connection within the pool's `wait`.
    PoolTimeout,
    /// The caller's attempt took longer than its `timeout`.
    Timeout,
    /// The request's overall deadline passed.
    Deadline,
    /// The database had `max_connections` open already.
    TooManyConnections,
    /// A row lock was not granted within `lock_timeout`.
    LockTimeout,
    /// A load balancer had no route or no backend.
    NoBackend,
    /// The body was larger than the component takes.
    TooLarge,
    /// The connection could not be made, or broke.
    Unreachable,
    /// An injected fault.
    Fault,
    /// The caller's circuit breaker was open, so nobody was asked.
    BreakerOpen,
    /// More requests than the rate limit lets through.
    RateLimited,
    /// A cache was full, and nothing may give way.
    CacheFull,
    /// Taken out of the line for a worker, so that others are served in time.
    Shed,
    /// The concurrency limit was reached.
    Limited,
    /// Refused by admission control, since too many others failed.
    NotAdmitted,
    /// The caller's throttle expected a refusal, so nobody was asked.
    Throttled,
    /// The caller had too many calls under way to this callee, so nobody was asked.
    BulkheadFull,
    /// The caller had gone, and the work was stopped.
    Cancelled,
    /// The process died in the middle of the work.
    Crashed,
    /// An error of before that a cache remembers, so nobody was asked.
    Remembered,
    /// A cache that starts was still reading back what it had.
    Loading,
    /// A write reached a member of a database that is not its primary.
    NotPrimary,
    /// A statement took longer than the database's `statement_timeout`.
    StatementTimeout,
    /// A pooler had no connection to its database within its pool's `wait`, and closed that of its client.
    NoServerConnection,
    /// A read at a replica needed rows whose removal the replica could not put off any longer.
    StandbyConflict,
    /// Transactions waited for each other in a circle, and this one had to give way.
    Deadlock,
    /// A transaction could not be committed: some part of it had failed.
    RolledBack,
    /// More capacity units than a partition or its table had (DynamoDB's
    /// `ProvisionedThroughputExceededException`).
    CapacityExceeded,
    /// Fewer copies of the row were up than the consistency level needs.
    TooFewCopies,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 33] = [
        Self::Done,
        Self::Replied,
        Self::BacklogFull,
        Self::QueueTimeout,
        Self::PoolTimeout,
        Self::Timeout,
        Self::Deadline,
        Self::TooManyConnections,
        Self::LockTimeout,
        Self::NoBackend,
        Self::TooLarge,
        Self::Unreachable,
        Self::Fault,
        Self::BreakerOpen,
        Self::RateLimited,
        Self::CacheFull,
        Self::Shed,
        Self::Limited,
        Self::NotAdmitted,
        Self::Throttled,
        Self::BulkheadFull,
        Self::Cancelled,
        Self::Crashed,
        Self::Remembered,
        Self::Loading,
        Self::NotPrimary,
        Self::StatementTimeout,
        Self::NoServerConnection,
        Self::StandbyConflict,
        Self::Deadlock,
        Self::RolledBack,
        Self::CapacityExceeded,
        Self::TooFewCopies,
    ];

    /// Whether the callee has surely done nothing: it was not asked, or could not be.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::PoolTimeout
                | Self::NoServerConnection
                | Self::BreakerOpen
                | Self::Throttled
                | Self::BulkheadFull
        )
    }

    /// Whether the connection that was asked over is gone with the answer, or never was.
    #[must_use]
    pub const fn ends_connection(self) -> bool {
        matches!(self, Self::TooManyConnections | Self::Unreachable | Self::NoServerConnection)
    }

    /// Whether nothing came back from whoever was asked: a refusal, a broken connection, or silence.
    #[must_use]
    pub const fn is_transport(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout)
    }

    /// The reason in a report's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Replied => "replied with an error",
            Self::BacklogFull => "backlog full",
            Self::QueueTimeout => "no worker in time",
            Self::PoolTimeout => "pool timeout",
            Self::Timeout => "timeout",
            Self::Deadline => "deadline passed",
            Self::TooManyConnections => "too many connections",
            Self::LockTimeout => "lock timeout",
            Self::StatementTimeout => "statement timeout",
            Self::Deadlock => "deadlock",
            Self::RolledBack => "transaction rolled back",
            Self::CapacityExceeded => "capacity exceeded",
            Self::TooFewCopies => "too few copies",
            Self::NoBackend => "no backend",
            Self::TooLarge => "body too large",
            Self::Unreachable => "unreachable",
            Self::Fault => "fault",
            Self::BreakerOpen => "breaker open",
            Self::RateLimited => "rate limited",
            Self::CacheFull => "cache full",
            Self::Shed => "shed",
            Self::Limited => "limited",
            Self::NotAdmitted => "not admitted",
            Self::Throttled => "throttled by the caller",
            Self::BulkheadFull => "bulkhead full",
            Self::Cancelled => "cancelled",
            Self::Crashed => "crashed",
            Self::Remembered => "remembered error",
            Self::Loading => "loading",
            Self::NotPrimary => "not the primary",
            Self::NoServerConnection => "no server connection in time",
            Self::StandbyConflict => "conflict with replay",
        }
    }
}

/// An HTTP-like status, its reason, and the component that minted it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Status code, 100..=599; 0 if nobody answered.
    pub status: u16,
    /// Who made this answer.
    pub origin: ComponentId,
    /// Why.
    pub reason: Reason,
    /// `Retry-After` in milliseconds; 0 if the answer does not say.
    pub retry_after: u32,
}

impl Outcome {
    /// A success with `status` by `origin`.
    #[must_use]
    pub const fn ok(status: u16, origin: ComponentId) -> Self {
        Self { status, origin, reason: Reason::Done, retry_after: 0 }
    }

    /// An error with `status` by `origin`.
    #[must_use]
    pub const fn error(status: u16, origin: ComponentId, reason: Reason) -> Self {
        Self { status, origin, reason, retry_after: 0 }
    }

    /// The same, asking not to come again for so many milliseconds (`Retry-After`).
    #[must_use]
    pub const fn retry_after(self, milliseconds: u32) -> Self {
        Self { retry_after: milliseconds, ..self }
    }

    /// Whether the status is below 400.
    #[must_use]
    #[inline]
    pub const fn is_ok(self) -> bool {
        self.status < 400 && self.status != 0
    }
}
