//! The timeline of faults: what is done to whom, from when, for how long.
//!
//! A fault may begin at several times, and may be drawn at random besides ([`RandomFailures`]). The schedule hands
//! out *edges*, begin and end, in order of time and, at one instant, ends before begins and then in the order in
//! which they are written; only the next one needs to be pending. Occurrences of one fault may overlap: whoever
//! applies them counts. What an edge does is the target's: here is no effect, only the model of the data.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::random_failures::RandomFailures;
use crate::base::random::Distribution;
use crate::base::{ComponentId, EntityId, SimDuration, SimTime, ZoneId};

/// To whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// All instances of a component.
    Component(ComponentId),
    /// One of them.
    Instance(ComponentId, u16),
    /// Everything in a zone.
    Zone(ZoneId),
    /// What one component sends to another.
    Link(ComponentId, ComponentId),
    /// What one zone sends to another.
    Zones(ZoneId, ZoneId),
    /// The rows of an entity.
    Data(EntityId),
}

/// What is done.
#[derive(Clone, PartialEq, Debug)]
pub enum Verb {
    /// Processes die: what they had is lost, connections are refused until the end or until they restart.
    Kill {
        /// How long they are gone; none: until the fault ends.
        restart_after: Option<SimDuration>,
    },
    /// Processes end in order and start again: what they had is finished within their grace.
    Restart,
    /// Requests are accepted and never answered.
    Hang,
    /// All work takes so many times as long.
    Slow {
        /// The factor, above zero.
        by: f64,
    },
    /// Answers are errors without any work.
    Errors {
        /// Which share of them, 0..=1.
        share: f64,
        /// The status.
        status: u16,
    },
    /// Messages take longer.
    Latency {
        /// By so many seconds each.
        by: Distribution,
    },
    /// Messages are lost.
    Loss {
        /// Which share, 0..=1.
        share: f64,
    },
    /// No message gets through.
    Partition {
        /// Only in the direction that is written; otherwise both ways.
        one_way: bool,
    },
    /// A zone is gone: its instances die and nothing reaches it.
    ZoneDown,
    /// What is stored in memory is gone.
    Flush,
    /// Replicas apply nothing, or later.
    Lag {
        /// By how much; none: they stand still.
        by: Option<SimDuration>,
    },
    /// A new version is rolled out; see [`super::Rollout`].
    Deploy {
        /// Pods above the number wanted, as a share of it.
        max_surge: f64,
        /// Pods below it.
        max_unavailable: f64,
        /// The share of the new version's answers that are errors.
        errors: f64,
        /// How many times as long the new version's work takes.
        slow: f64,
    },
    /// All connections are closed and must be made again.
    ConnectionStorm,
    /// One row gets a share of all requests.
    HotKey {
        /// The share, 0..=1.
        share: f64,
    },
    /// A lost region's traffic comes here as well.
    Shift {
        /// Times the present traffic; with N regions and one lost, N / (N - 1).
        by: f64,
    },
}

/// One line of the timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// When it begins, once or several times.
    pub at: Vec<SimTime>,
    /// For how long; none: for ever, or for what the verb itself takes.
    pub lasts: Option<SimDuration>,
    /// What.
    pub verb: Verb,
    /// To whom.
    pub place: Place,
}

/// A fault begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// When.
    pub at: SimTime,
    /// Whether it begins.
    pub begins: bool,
    /// Which fault: written ones first, then those at random, in their order.
    pub fault: u32,
}

/// All faults of a run.
#[derive(Clone, Debug)]
pub struct Schedule {
    faults: Vec<Fault>,
    random: Vec<RandomFailures>,
    pending: BinaryHeap<Reverse<Edge>>,
}

impl Schedule {
    /// Written faults, and failures at random with what each does (its `at` and `lasts` do not count).
    #[must_use]
    pub fn new(written: Vec<Fault>, random: Vec<(RandomFailures, Fault)>) -> Self {
        let mut pending = BinaryHeap::new();
        for (number, fault) in (0_u32..).zip(&written) {
            for begin in &fault.at {
                pending.push(Reverse(Edge { at: *begin, begins: true, fault: number }));
                if let Some(lasts) = fault.lasts {
                    // Ends come before begins: one that lasts no time would end before it began.
                    let end = *begin + lasts.max(SimDuration::from_nanos(1));
                    pending.push(Reverse(Edge { at: end, begins: false, fault: number }));
                }
            }
        }
        let mut faults = written;
        let mut generators = Vec::with_capacity(random.len());
        for (mut generator, fault) in random {
            let number = u32::try_from(faults.len()).unwrap_or(u32::MAX);
            let (fails, repaired) = generator.next_failure();
            pending.push(Reverse(Edge { at: fails, begins: true, fault: number }));
            pending.push(Reverse(Edge { at: repaired, begins: false, fault: number }));
            generators.push(generator);
            faults.push(fault);
        }
        Self { faults, random: generators, pending }
    }

    /// The fault with this number.
    #[must_use]
    pub fn fault(&self, number: u32) -> Option<&Fault> {
        self.faults.get(number as usize)
    }

    /// When the next edge is due.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.pending.peek().map(|Reverse(edge)| edge.at)
    }

    /// Takes the next edge. A failure at random that ends is followed by the next one.
    pub fn pop(&mut self) -> Option<Edge> {
        let Reverse(edge) = self.pending.pop()?;
        let first_random = self.faults.len() - self.random.len();
        if !edge.begins
            && let Some(at) = (edge.fault as usize).checked_sub(first_random)
        {
            let (fails, repaired) = self.random[at].next_failure();
            self.pending.push(Reverse(Edge { at: fails, begins: true, fault: edge.fault }));
            self.pending.push(Reverse(Edge { at: repaired, begins: false, fault: edge.fault }));
        }
        Some(edge)
    }

    /// When the last written fault that has an end is over.
    #[must_use]
    pub fn last_end(&self) -> Option<SimTime> {
        let written = &self.faults[..self.faults.len() - self.random.len()];
        written.iter().filter_map(|fault| Some(*fault.at.iter().max()? + fault.lasts?)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    fn fault(times: &[u64], lasts: Option<u64>) -> Fault {
        Fault {
            at: times.iter().map(|s| at(*s)).collect(),
            lasts: lasts.map(SimDuration::from_secs),
            verb: Verb::Hang,
            place: Place::Instance(ComponentId(1), 0),
        }
    }

    #[test]
    fn edges_come_in_order_and_ends_before_begins() {
        let mut schedule = Schedule::new(vec![fault(&[30, 10], Some(20)), fault(&[30], None)], Vec::new());
        assert_eq!((schedule.next_at(), schedule.last_end()), (Some(at(10)), Some(at(50))));
        let edges: Vec<_> =
            std::iter::from_fn(|| schedule.pop()).map(|e| (e.at, e.begins, e.fault)).collect();
        let expected =
            [(at(10), true, 0), (at(30), false, 0), (at(30), true, 0), (at(30), true, 1), (at(50), false, 0)];
        assert_eq!(edges, expected);
    }

    #[test]
    fn failures_at_random_go_on_for_ever_with_few_edges_pending() {
        let day = Distribution::Exponential { mean: 86_400.0 };
        let minute = Distribution::Exponential { mean: 60.0 };
        let random = (0..3)
            .map(|n| (RandomFailures::new(day.clone(), minute.clone(), Key::root(1, n)), fault(&[], None)))
            .collect();
        let mut schedule = Schedule::new(vec![fault(&[5], Some(1))], random);
        let mut down = [false; 4];
        let mut last = SimTime::ZERO;
        for _ in 0..3_000 {
            let edge = schedule.pop().unwrap();
            assert!(edge.at >= last && schedule.pending.len() <= 8);
            assert_ne!(down[edge.fault as usize], edge.begins, "begins and ends alternate");
            down[edge.fault as usize] = edge.begins;
            last = edge.at;
        }
    }
}
