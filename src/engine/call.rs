//! A visit of a request to one component, and, while that visit itself calls on, the state of its wait.

use super::copies::Seen;
use super::outcome::{Outcome, Reason};
use super::plan::SiteId;
use super::request::RequestId;
use crate::base::random::Key;
use crate::base::{ComponentId, OperationId, SimDuration, SimTime};
use crate::kernel::Handle;

/// Names a call while it is alive; stale for ever after.
pub type CallId = Handle;

/// Lets the call site go round robin over its target's instances.
pub const ANY_INSTANCE: u16 = u16::MAX;

/// One visit. Its whole continuation is `pc`: a coroutine that can be printed, compared and counted.
#[derive(Clone, Debug)]
pub struct Call {
    /// For whom.
    pub request: RequestId,
    /// Who waits for the answer; stale once nobody does.
    pub parent: CallId,
    /// Visit-bound luck: independent of event order and of every other component.
    pub luck: Key,
    /// The row it is about, where it is about one.
    pub row: u64,
    /// When it arrived at its component.
    pub arrived: SimTime,
    /// When it last began to wait for something.
    pub asked: SimTime,
    /// When it asked for the worker that it holds.
    pub worker_asked: SimTime,
    /// When it asked for the pooled connection that it holds.
    pub pool_asked: SimTime,
    /// Time that setting its connection up takes, before the message itself.
    pub set_up: SimDuration,
    /// How long a cache may keep what this call carries to it; zero: as long as it keeps it by itself.
    pub ttl: SimDuration,
    /// Service demand of the step in progress, or what remains of it.
    pub demand: SimDuration,
    /// The attempt that it waits for; none if it does not wait.
    pub child: CallId,
    /// Bytes of the body it carries; after the answer, of the answer's.
    pub bytes: u64,
    /// Where it visits.
    pub component: ComponentId,
    /// Which instance.
    pub instance: u16,
    /// What it asks for.
    pub operation: OperationId,
    /// Next instruction.
    pub pc: u16,
    /// The call site that it waits at.
    pub site: SiteId,
    /// The network path it came by, an index into the plan's; `u32::MAX` if the way takes no time.
    pub path: u32,
    /// The caller's instance that it came from.
    pub came_from: u16,
    /// The instance that the call at that site is for, or [`ANY_INSTANCE`].
    pub choice: u16,
    /// Attempts made at that site.
    pub attempt: u16,
    /// What the next event of a step must carry to be fresh.
    pub token: u16,
    /// What the next event of a wait at a call site must carry to be fresh.
    pub wait_token: u16,
    /// Branches of a `parallel` that must still succeed.
    pub needed: u16,
    /// Branches of a `parallel` still running.
    pub running: u16,
    /// Marks; see the constants of [`Flags`].
    pub flags: Flags,
    /// The version of a row that it has read or written last, or that it carries to a cache.
    pub seen: Seen,
    /// When its caller will have left, as far as that was told; [`SimTime::MAX`]: not told.
    pub deadline: SimTime,
    /// Its answer, once it has one; of a `parallel`, the first error of a branch.
    pub outcome: Outcome,
}

/// One-bit marks of a call.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flags(u32);

impl Flags {
    /// Holds a connection of its call site's pool.
    pub const POOLED: Self = Self(1);
    /// Came over a connection that was opened for it.
    pub const NEW_CONNECTION: Self = Self(1 << 1);
    /// Its connection closes when it ends.
    pub const LAST_ON_CONNECTION: Self = Self(1 << 2);
    /// Holds a worker.
    pub const WORKER: Self = Self(1 << 3);
    /// A branch of a `parallel`: its parent is a call at the same instance.
    pub const BRANCH: Self = Self(1 << 4);
    /// Is reading its body: ends at once if its client leaves.
    pub const RECEIVING: Self = Self(1 << 5);
    /// Waits in the line of a pool.
    pub const IN_POOL_LINE: Self = Self(1 << 6);
    /// Waits in the line of a station, a lock or a worker pool.
    pub const IN_LINE: Self = Self(1 << 7);
    /// Holds a row lock.
    pub const LOCKED: Self = Self(1 << 8);
    /// Its answer is on the way.
    pub const ANSWERED: Self = Self(1 << 9);
    /// Was preempted: `demand` is what remains of its step.
    pub const PREEMPTED: Self = Self(1 << 11);
    /// Keeps its connection for what it sends next.
    pub const KEPT_ALIVE: Self = Self(1 << 12);
    /// Nobody will answer it: it waits for its caller to give up.
    pub const PARKED: Self = Self(1 << 13);
    /// Was lost on its way, there or back: it waits for its caller to give up.
    pub const LOST: Self = Self(1 << 14);
    /// A job that its worker has begun.
    pub const BEGUN: Self = Self(1 << 15);
    /// A statement of its caller's transaction, whose number stands in `site`.
    pub const IN_TRANSACTION: Self = Self(1 << 16);
    /// Holds a disk token.
    pub const DISK: Self = Self(1 << 10);

    /// Whether all marks of `mark` are set.
    #[must_use]
    #[inline]
    pub const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 == mark.0
    }

    /// Sets `mark`.
    #[inline]
    pub fn set(&mut self, mark: Self) {
        self.0 |= mark.0;
    }

    /// Clears `mark`; says whether it was set.
    #[inline]
    pub fn take(&mut self, mark: Self) -> bool {
        let had = self.0 & mark.0 != 0;
        self.0 &= !mark.0;
        had
    }
}

impl Call {
    /// A fresh visit; the caller fills in where to.
    #[must_use]
    #[inline]
    pub fn new(request: RequestId, parent: CallId, luck: Key, now: SimTime) -> Self {
        Self {
            request,
            parent,
            luck,
            row: 0,
            arrived: now,
            asked: now,
            worker_asked: now,
            pool_asked: now,
            demand: SimDuration::ZERO,
            child: CallId::NONE,
            bytes: 0,
            component: ComponentId::NONE,
            instance: 0,
            operation: OperationId(0),
            pc: 0,
            site: SiteId(0),
            path: u32::MAX,
            came_from: 0,
            ttl: SimDuration::ZERO,
            set_up: SimDuration::ZERO,
            choice: ANY_INSTANCE,
            attempt: 0,
            token: 0,
            wait_token: 0,
            needed: 0,
            running: 0,
            flags: Flags::default(),
            seen: Seen::NOTHING,
            outcome: Outcome::error(0, ComponentId::NONE, Reason::Done),
            deadline: SimTime::MAX,
        }
    }
}
