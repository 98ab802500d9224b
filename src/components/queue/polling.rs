//! Instances that ask a broker for messages, and rest when it had none.
//!
//! An instance asks as one process with one loop: as long as it finds something it asks again whenever it has
//! room, and after an answer without a message it does not ask for its interval, whatever comes meanwhile
//! (SQS' short polling, a table of jobs that is looked at every five seconds). Each begins at its own point
//! of the interval. A worker without an interval is pushed to, or has a receive that waits: it never rests.

use crate::base::random::Key;
use crate::base::{SimDuration, SimTime};

/// Until when each instance of each consumer rests.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// The intervals, by consumer.
    every: Vec<Option<SimDuration>>,
    /// By consumer and instance.
    until: Vec<Vec<SimTime>>,
    /// The end of a rest that a timer was set for.
    woken: Option<SimTime>,
}

impl Polling {
    /// All of them at a point of their interval that `key` and their place decide.
    #[must_use]
    pub(super) fn new(consumers: impl Iterator<Item = (Option<SimDuration>, u16)>, key: Key) -> Self {
        let (every, until) = consumers
            .enumerate()
            .map(|(at, (every, instances))| {
                let phase = |instance: u16| {
                    let luck = key.with(at as u64).with(u64::from(instance)).draws().unit();
                    SimTime::ZERO + every.map_or(SimDuration::ZERO, |every| every.mul_f64(luck))
                };
                let until = if every.is_some() { (0..instances).map(phase).collect() } else { Vec::new() };
                (every, until)
            })
            .unzip();
        Self { every, until, woken: None }
    }

    /// Whether the instance asks at `now`.
    #[must_use]
    pub(super) fn asks(&self, consumer: usize, instance: u16, now: SimTime) -> bool {
        self.until[consumer].get(usize::from(instance)).is_none_or(|until| *until <= now)
    }

    /// There was nothing: those that asked, and would take something, rest.
    pub(super) fn rest(&mut self, now: SimTime, takes: impl Fn(usize, u16) -> bool) {
        for (consumer, every) in self.every.iter().enumerate() {
            let Some(every) = *every else { continue };
            for (instance, until) in self.until[consumer].iter_mut().enumerate() {
                if *until <= now && takes(consumer, instance as u16) {
                    *until = now + every;
                }
            }
        }
    }

    /// A process that has just begun asks at once.
    pub(super) fn begin(&mut self, consumer: usize, instance: u16) {
        if let Some(until) = self.until[consumer].get_mut(usize::from(instance)) {
            *until = SimTime::ZERO;
        }
    }

    /// The end of the next rest, if there is no timer for it yet.
    pub(super) fn next(&mut self, now: SimTime) -> Option<SimTime> {
        let next = self.until.iter().flatten().copied().filter(|until| *until > now).min()?;
        if self.woken.is_some_and(|woken| woken > now && woken <= next) {
            return None;
        }
        self.woken = Some(next);
        Some(next)
    }
}
