//! A fault as proven: what is done to whom, from when, for how long. Times are in seconds.
//!
//! Every name is resolved; how each verb is carried out, and when which instance is concerned, is planned
//! when a model is assembled.

use crate::base::random::Distribution;
use crate::base::{ComponentId, EntityId};
use crate::engine::Group;

/// One line of the timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// When it begins, once or several times.
    pub at: Vec<f64>,
    /// Mean time between failures and to repair, for failures at random of each target by itself.
    pub random: Option<(f64, f64)>,
    /// For how long; none: for ever, or for what the verb itself takes.
    pub lasts: Option<f64>,
    /// What.
    pub verb: Verb,
}

/// What is done.
#[derive(Clone, PartialEq, Debug)]
pub enum Verb {
    /// Processes die: what they had is lost, and connections are refused until they are back.
    Kill {
        /// Who.
        targets: Vec<Group>,
        /// How long each is gone; none: until the fault ends.
        restart_after: Option<f64>,
    },
    /// Processes end in order and start again: what is finished within the grace is not lost.
    Restart {
        /// Who.
        targets: Vec<Group>,
        /// Time in which running work may end.
        grace: f64,
        /// Time until each serves again.
        boot: f64,
    },
    /// Requests are accepted and never answered.
    Hang(Vec<Group>),
    /// All work takes so many times as long.
    Slow(Vec<Group>, f64),
    /// So many calls are answered with this status, without any work, and told to come again after so many
    /// milliseconds; 0: not told.
    Errors(Vec<Group>, f64, u16, u32),
    /// These replicas apply nothing that is not so many seconds old.
    Lag(Vec<Group>, f64),
    /// Messages to and from these take so much longer.
    Latency(Vec<Group>, Distribution),
    /// So many messages to and from these lose a segment.
    Loss(Vec<Group>, f64),
    /// No message gets from the ones to the others.
    Partition {
        /// Who cannot send.
        from: Vec<Group>,
        /// Who cannot receive.
        to: Vec<Group>,
        /// Whether the other direction works.
        one_way: bool,
    },
    /// Every instance in this zone is gone, and nothing refuses.
    ZoneDown(String),
    /// A new version is rolled out, instance by instance.
    Deploy {
        /// Of what.
        component: ComponentId,
        /// Instances that may be there beside those of the fleet, as a share; zero: each restarts in its place.
        max_surge: f64,
        /// Instances that may be out at once, as a share.
        max_unavailable: f64,
        /// Whether the new version ever becomes ready.
        ready: bool,
        /// Time in which running work may end.
        grace: f64,
        /// Time until a new instance serves.
        boot: f64,
        /// The share of the new version's answers that are errors.
        errors: f64,
        /// How many times as long the new version's work takes.
        slow: f64,
    },
    /// What these store is gone.
    Flush(Vec<Group>),
    /// All idle connections to these are closed at once.
    Reset(Vec<Group>),
    /// So many requests are about one row.
    HotKey(EntityId, f64),
    /// A lost region's clients come here as well: the rate of this population is multiplied.
    Shift(usize, f64),
}

impl Verb {
    /// Whether it rolls out to other places than those of the old version.
    #[must_use]
    pub fn moves_places(&self) -> bool {
        matches!(self, Self::Deploy { max_surge, ready, .. } if *max_surge > 0.0 || !ready)
    }
}
