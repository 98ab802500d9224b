//! What the future event list holds: who is addressed, and with what signal.

use super::call::CallId;
use crate::base::ComponentId;

/// An event: 16 bytes, `Copy`; an entry of the event list adds its 16-byte key.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Who is addressed.
    pub target: ComponentId,
    /// What is said.
    pub signal: Signal,
}

/// Everything that can be said to a component. The list is closed: it never grows with kinds.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// A call arrives at its component.
    Arrive(CallId),
    /// The timed step of a call is over; stale unless the call still expects `token`.
    Served {
        /// The call.
        call: CallId,
        /// What the call expected when the step began.
        token: u16,
    },
    /// The answer of this call reaches whoever asked.
    Replied(CallId),
    /// A limit on waiting has passed; stale unless the call still expects `token`.
    TimedOut {
        /// The call whose waiting is limited: the attempt for [`Limit::Attempt`], else the caller.
        call: CallId,
        /// What the caller expected when the limit was set.
        token: u16,
        /// Which limit.
        limit: Limit,
    },
    /// A component's own timer.
    Timer(Timer),
    /// The head of a shared resource may be done; stale unless the resource still expects `epoch`.
    Wake {
        /// Which resource of the component, in its own numbering.
        station: u32,
        /// What the resource expected when it asked to be woken.
        epoch: u32,
    },
    /// An entry of the fault schedule begins or ends.
    Fault {
        /// Its position in the plan.
        fault: u32,
        /// Whether it begins, or ends.
        begins: bool,
    },
}

/// A component's own timer: two numbers that only it understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it is about.
    pub topic: u32,
    /// Which one, or which epoch.
    pub number: u32,
}

/// The limits that a caller puts on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// An attempt took too long.
    Attempt,
    /// The person behind a client lost patience and asks again.
    Patience,
    /// No pooled connection came free in time.
    PoolWait,
    /// Whoever waits for a pooled connection may have one of the reserve.
    Reserve,
    /// The pause before the next attempt is over.
    Backoff,
    /// The call site's circuit breaker is open: no attempt is made.
    Breaker,
    /// The caller's throttle keeps the attempt away.
    Throttle,
    /// The call site's bulkhead is full, or no place came free in time.
    Bulkhead,
    /// The attempt is late: a copy of it may follow.
    Hedge,
    /// The whole request took too long.
    Deadline,
    /// A request waited too long for a worker or a lock.
    QueueWait,
    /// The caller has gone and its cancellation reaches the server; never stale. A token of 1 also stops
    /// work in progress.
    Cancelled,
    /// The deadline that the caller has told has passed; never stale.
    Expired,
}

/// How far a server gives up what nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// It leaves lines, and finishes what it has begun.
    Lines,
    /// It stops whatever it does.
    Work,
    /// The same, since the deadline has passed.
    Expired,
}

const _: () = assert!(size_of::<Event>() == 16, "an event must stay 16 bytes");
