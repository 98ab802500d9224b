//! A run in 64 bits: two runs are the same if, and in practice only if, every observation and its time are.
//!
//! The hash is FNV-1a over 64-bit words with a final mix per word, fixed here and equal on every
//! platform; it is for telling runs apart, not against someone who wants them to collide.

use crate::base::{NANOS_PER_SEC, SimTime};
use crate::engine::{Observation, Outcome, Probe};

/// Folds every observation into 64 bits.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    hash: u64,
    /// The running hash at the end of each second; `None` if not asked for.
    seconds: Option<Vec<u64>>,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, seconds: None }
    }
}

impl Fingerprint {
    /// One that also remembers the running hash per simulated second, so that [`Self::parting`] can tell when two runs part.
    #[must_use]
    pub fn by_second() -> Self {
        Self { seconds: Some(Vec::new()), ..Self::default() }
    }

    /// The hash of all observations so far.
    #[must_use]
    pub const fn value(&self) -> u64 {
        self.hash
    }

    /// The first simulated second in which two runs differ; `None` if they do not, or if either kept no seconds.
    #[must_use]
    pub fn parting(&self, other: &Self) -> Option<u64> {
        let (mine, theirs) = (self.seconds.as_ref()?, other.seconds.as_ref()?);
        let common = mine.len().min(theirs.len());
        (0..common)
            .find(|&second| mine[second] != theirs[second])
            .or_else(|| (self.hash != other.hash || mine.len() != theirs.len()).then_some(common))
            .map(|second| second as u64)
    }

    #[inline]
    fn fold(&mut self, word: u64) {
        let mixed = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.hash = mixed ^ (mixed >> 29);
    }

    fn fold_outcome(&mut self, outcome: Outcome) {
        self.fold(u64::from(outcome.status) << 32 | u64::from(outcome.origin.0) << 8 | outcome.reason as u64);
    }
}

impl Probe for Fingerprint {
    fn observe(&mut self, now: SimTime, what: Observation) {
        let nanos = now.as_nanos();
        if let Some(seconds) = &mut self.seconds {
            let passed = (nanos / NANOS_PER_SEC) as usize;
            if passed > seconds.len() {
                seconds.resize(passed, self.hash);
            }
        }
        self.fold(nanos);
        let (tag, a, b) = match what {
            Observation::Sent { client, operation } => (1, u64::from(client.0), u64::from(operation.0)),
            Observation::Reattempted { client } => (2, u64::from(client.0), 0),
            Observation::Finished(end) => {
                self.fold_outcome(end.outcome);
                self.fold(end.started.as_nanos());
                self.fold(u64::from(end.attempts) << 1 | u64::from(end.degraded));
                (3, u64::from(end.client.0), u64::from(end.operation.0))
            }
            Observation::Level { resource, present } => (4, u64::from(resource.0), u64::from(present)),
            Observation::Waited { resource, wait } => (5, u64::from(resource.0), wait.as_nanos()),
            Observation::Refused { resource } => (6, u64::from(resource.0), 0),
            Observation::Demanded { resource, demand } => (7, u64::from(resource.0), demand.as_nanos()),
            Observation::Departed { resource, stay } => (8, u64::from(resource.0), stay.as_nanos()),
            Observation::Capacity { resource, servers } => (9, u64::from(resource.0), servers.to_bits()),
            Observation::CallOpened { component } => (10, u64::from(component.0), 0),
            Observation::CallClosed { component, outcome, orphan, stay } => {
                self.fold_outcome(outcome);
                (11, u64::from(component.0) << 1 | u64::from(orphan), stay.as_nanos())
            }
            Observation::Retried { caller, target } => (12, u64::from(caller.0), u64::from(target.0)),
            Observation::Egress { component, bytes } => (13, bytes, u64::from(component.0)),
            Observation::Moved { bytes, across } => (25, bytes, u64::from(across)),
            Observation::Connected { component } => (26, u64::from(component.0), 0),
            Observation::Stated { component, writes } => (27, u64::from(component.0), u64::from(writes)),
            Observation::Received { queue } => (28, u64::from(queue.0), 0),
            Observation::Looked { store, entity, found } => {
                let entity = entity.map_or(u64::from(u16::MAX), |entity| u64::from(entity.0));
                (15, u64::from(store.0), entity << 8 | found as u64)
            }
            Observation::Evicted { store, count } => (18, u64::from(store.0), u64::from(count)),
            Observation::Decided { entity, asked } => (19, u64::from(entity.0), u64::from(asked)),
            Observation::LostWrites { count } => (20, u64::from(count), 0),
            Observation::OwnWriteUnread { entity } => (21, u64::from(entity.0), 0),
            Observation::WentBack { entity } => (22, u64::from(entity.0), 0),
            Observation::Wrote { entity, what } => (23, u64::from(entity.0), what as u64),
            Observation::Copies { entity, held, differing } => {
                (24, u64::from(entity.0) << 48 | held, differing)
            }
            Observation::Transaction { what } => (25, what as u64, 0),
            Observation::Fetched { store, bytes, origin } => {
                (16, u64::from(store.0) << 1 | u64::from(origin), bytes)
            }
            Observation::Delivered { store, bytes } => (17, u64::from(store.0), bytes),
            Observation::Message { queue, fate } => (22, u64::from(queue.0), fate as u64),
            Observation::Oldest { queue, since } => {
                (23, u64::from(queue.0), since.map_or(u64::MAX, SimTime::as_nanos))
            }
            Observation::Completed { queue, took } => (24, u64::from(queue.0), took.as_nanos()),
            Observation::Records { backlog, fate, count } => {
                (25, u64::from(backlog.0) << 8 | fate as u64, u64::from(count))
            }
            Observation::Read { entity, behind, age } => {
                (14, u64::from(entity.0) << 32 | u64::from(behind), age.as_nanos())
            }
        };
        self.fold(tag);
        self.fold(a);
        self.fold(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ResourceId;

    fn run(deviant: Option<u64>) -> Fingerprint {
        let mut print = Fingerprint::by_second();
        for i in 0..100u64 {
            let present = u32::from(deviant == Some(i)) + 1;
            let at = SimTime::from_nanos(i * NANOS_PER_SEC / 4);
            print.observe(at, Observation::Level { resource: ResourceId(3), present });
        }
        print
    }

    #[test]
    fn equal_runs_are_equal_and_others_name_the_second_they_part() {
        assert_eq!(run(None).value(), run(None).value());
        assert_eq!(run(None).parting(&run(None)), None);
        assert_ne!(run(None).value(), run(Some(42)).value());
        assert_eq!(run(None).parting(&run(Some(42))), Some(10));
        assert_eq!(run(None).parting(&run(Some(99))), Some(24));
    }
}
