//! Keys and forms that several blocks have in common.

use super::Absent::{Is, Unset};
use super::Takes::{Duration, Either, Flag, List, Name, Text, Word};
use super::{Absent, KeyEntry, Takes};

pub(super) const fn key(name: &'static str, takes: Takes, default: Absent, about: &'static str) -> KeyEntry {
    KeyEntry { name, takes, default, about }
}
pub(super) const STEPS: Takes = List(&Takes::Block("step"));
pub(super) const TIMEOUT: KeyEntry = key(
    "timeout",
    Duration,
    Unset("waits without limit"),
    "how long an attempt may take before it is abandoned",
);
pub(super) const DEADLINE: KeyEntry =
    key("deadline", Duration, Unset("without limit"), "how long all attempts together may take");
pub(super) const RETRY: KeyEntry = key(
    "retry",
    Either(&[Text, Takes::Block("retry")]),
    Unset("one attempt"),
    "how a failed attempt is repeated, or the name of a preset",
);
pub(super) const PROPAGATE: KeyEntry = key(
    "propagate",
    Flag,
    Is("false"),
    "whether the callee is told when its caller will have left, and stops then (gRPC deadlines)",
);
pub(super) const THROTTLE: KeyEntry = key(
    "throttle",
    Takes::Block("throttle"),
    Unset("none"),
    "keeps away attempts that would be refused (Google SRE, chapter 21)",
);
pub(super) const BULKHEAD: KeyEntry =
    key("bulkhead", Takes::Block("bulkhead"), Unset("none"), "calls under way at once, per caller instance");
pub(super) const HEDGE: KeyEntry = key(
    "hedge",
    Takes::Block("hedge"),
    Unset("none"),
    "a second copy of what is late; the first good answer counts",
);
pub(super) const CANCEL: KeyEntry = key(
    "cancel",
    Either(&[Flag, Word(&["running"])]),
    Is("false"),
    "whether giving up reaches the server, which otherwise goes on for nobody: its lines, or also its `running` work",
);
pub(super) const AIM: Takes = Either(&[Text, List(&Text)]);
pub(super) const BREAKER: KeyEntry = key(
    "breaker",
    Takes::Block("breaker"),
    Unset("none"),
    "a circuit breaker: after too many failures calls are not made at all for a while",
);
pub(super) const ZONES: KeyEntry = key(
    "zones",
    List(&Name("zone")),
    Unset("the first zone"),
    "zones of the network over which the instances are spread in turn",
);

/// The keys of a block whose calls may be kept away: `[before], [after]` are its own.
macro_rules! with_guards {
    ([$($before:expr),* $(,)?], [$($after:expr),* $(,)?]) => {{
        use $crate::scenario::vocabulary::shared::{BREAKER, BULKHEAD, HEDGE, PROPAGATE, THROTTLE};
        &[$($before,)* BREAKER, PROPAGATE, THROTTLE, BULKHEAD, HEDGE $(, $after)*]
    }};
}

/// The keys of a block that makes calls, all that calls may have among them.
macro_rules! with_call_options {
    ([$($before:expr),* $(,)?], [$($after:expr),* $(,)?]) => {{
        use $crate::scenario::vocabulary::shared::{CANCEL, DEADLINE, RETRY, TIMEOUT, with_guards};
        with_guards!([$($before,)* TIMEOUT, DEADLINE, RETRY, CANCEL], [$($after),*])
    }};
}

pub(super) use {with_call_options, with_guards};
