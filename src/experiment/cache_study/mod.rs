//! The study of a cache by itself: how often does each policy miss, at each size?
//!
//! A cache is filled on demand: every access is a read, and a miss writes the key at once. Misses count from
//! the end of the warm-up on, the first touch of each key (a compulsory miss) included. Sizes are items, or
//! bytes with an overhead for each item. For items, LRU's misses at all sizes come out of one pass
//! ([`LruCurve`]), and [`optimal::min`] bounds what any policy can do.
//! Not modelled: time (nothing expires or decays), writes, several nodes.

pub mod optimal;
mod popularity;
mod stack_distance;
mod trace;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

pub use popularity::Popularity;
pub use stack_distance::{LruCurve, StackDistances};
pub use trace::{MOST_ACCESSES, Trace};

use crate::base::SimTime;
use crate::base::random::Key;
use crate::components::cache::entries::Value;
use crate::components::cache::eviction::Policy;
use crate::components::cache::store::{Capacity, Lookup, Store};

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Contestant {
    /// A policy that can be built.
    Policy(Policy),
    /// Belady's MIN, which knows the future; for sizes in items only.
    Min,
}

impl Contestant {
    /// As the command line writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy(policy) => policy.name(),
            Self::Min => "min",
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Policy(policy) => policy.title(),
            Self::Min => "MIN (knows the future)",
        }
    }

    /// The contestant of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "min" { Some(Self::Min) } else { Policy::parse(text).map(Self::Policy) }
    }

    /// Every contestant, the optimum last.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Policy::ALL.iter().copied().map(Self::Policy).chain([Self::Min])
    }
}

/// What the sizes count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Items, however large.
    Items,
    /// Bytes.
    Bytes {
        /// Bytes of an item where the trace has no sizes.
        item: u32,
        /// Bytes charged for each item beside its value.
        overhead: u32,
    },
}

/// A study to be run.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    /// The accesses.
    pub trace: &'a Trace,
    /// Who takes part.
    pub contestants: Vec<Contestant>,
    /// The sizes, in `unit`.
    pub sizes: Vec<u64>,
    /// What the sizes count.
    pub unit: Unit,
    /// Accesses that fill the caches and are not counted.
    pub warm_up: usize,
    /// For the policies that draw lots.
    pub seed: u64,
}

/// The misses of one contestant at each size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Who.
    pub contestant: Contestant,
    /// Misses at each of the study's sizes.
    pub misses: Vec<u64>,
}

/// What came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Accesses that were counted.
    pub counted: u64,
    /// Different keys in the whole trace.
    pub keys: u64,
    /// The sizes, in `unit`.
    pub sizes: Vec<u64>,
    /// What the sizes count.
    pub unit: Unit,
    /// In the order of the contestants.
    pub rows: Vec<Row>,
    /// LRU's curve, if sizes are items.
    pub lru: Option<LruCurve>,
}

impl Study<'_> {
    /// Runs it on the current thread pool of rayon; none if `stop` was set meanwhile. `done` is called after
    /// each of the (contestants x sizes) parts.
    #[must_use]
    pub fn run(&self, stop: &AtomicBool, done: impl Fn() + Sync) -> Option<Outcome> {
        let (ids, keys) = (self.trace.ids(), self.trace.keys());
        let items = self.unit == Unit::Items;
        let lru = items.then(|| LruCurve::of(ids, keys, self.warm_up));
        let contestants: Vec<Contestant> =
            self.contestants.iter().copied().filter(|c| items || *c != Contestant::Min).collect();
        let parts: Vec<(Contestant, u64)> =
            contestants.iter().flat_map(|c| self.sizes.iter().map(move |size| (*c, *size))).collect();
        let misses: Option<Vec<u64>> = parts
            .into_par_iter()
            .with_max_len(1)
            .map(|(contestant, size)| {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                let misses = match (contestant, &lru) {
                    (Contestant::Min, _) => optimal::min(ids, keys, size, self.warm_up),
                    (Contestant::Policy(Policy::Lru), Some(curve)) => curve.misses(size),
                    (Contestant::Policy(policy), _) => self.misses(policy, size, stop)?,
                };
                done();
                Some(misses)
            })
            .collect();
        let misses = misses?;
        let rows = contestants
            .iter()
            .zip(misses.chunks(self.sizes.len().max(1)))
            .map(|(contestant, misses)| Row { contestant: *contestant, misses: misses.to_vec() })
            .collect();
        Some(Outcome {
            counted: ids.len().saturating_sub(self.warm_up) as u64,
            keys: keys as u64,
            sizes: self.sizes.clone(),
            unit: self.unit,
            rows,
            lru,
        })
    }

    /// Misses of one cache; none if `stop` was set.
    #[must_use]
    pub fn misses(&self, policy: Policy, size: u64, stop: &AtomicBool) -> Option<u64> {
        const VALUE: Value = Value { version: 0, expiry: SimTime::MAX };
        let (capacity, item) = match self.unit {
            Unit::Items => (Capacity::items(size), 1),
            Unit::Bytes { item, overhead } => (Capacity { bytes: Some(size), items: None, overhead }, item),
        };
        let sizes = if self.unit == Unit::Items { None } else { self.trace.sizes() };
        let mut store = Store::new(capacity, policy, Key::root(self.seed, 0));
        let mut before = 0;
        for (i, id) in self.trace.ids().iter().enumerate() {
            if i == self.warm_up {
                before = store.counts().misses;
            }
            if i % (1 << 16) == 0 && stop.load(Ordering::Relaxed) {
                return None;
            }
            let key = u64::from(*id);
            if store.get(key, SimTime::ZERO) == Lookup::Miss {
                store.put(key, u64::from(sizes.map_or(item, |sizes| sizes[i])), VALUE, SimTime::ZERO);
            }
        }
        let misses = store.counts().misses;
        Some(if self.trace.ids().len() <= self.warm_up { 0 } else { misses - before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_pass_curve_equals_a_cache_of_each_size() {
        let trace = Trace::draw(&Popularity::parse("zipf(0.9, 500)").unwrap(), 20_000, 3);
        let mut study = Study {
            trace: &trace,
            contestants: Contestant::all().collect(),
            sizes: vec![1, 2, 3, 10, 77, 400, 500, 10_000],
            unit: Unit::Items,
            warm_up: 1_000,
            seed: 1,
        };
        let stop = AtomicBool::new(false);
        let outcome = study.run(&stop, || ()).unwrap();
        let lru = &outcome.rows[0];
        for (size, misses) in outcome.sizes.iter().zip(&lru.misses) {
            assert_eq!(study.misses(Policy::Lru, *size, &stop), Some(*misses), "{size}");
        }
        let min = outcome.rows.last().unwrap();
        for row in &outcome.rows {
            let keeps_out = row.contestant == Contestant::Policy(Policy::NoEviction);
            assert!(keeps_out || row.misses.iter().zip(&min.misses).all(|(a, b)| a >= b), "{row:?}");
            assert_eq!(row.misses.last(), min.misses.last(), "everything fits into the largest");
        }
        study.unit = Unit::Bytes { item: 44, overhead: 56 };
        study.sizes = vec![1_000, 100_000];
        let bytes = study.run(&stop, || ()).unwrap();
        assert_eq!(bytes.rows.len(), Policy::ALL.len());
        assert_eq!(bytes.rows[0].misses[0], lru.misses[3], "1000 bytes are ten items of 100");
        stop.store(true, Ordering::Relaxed);
        assert_eq!(study.run(&stop, || ()), None);
    }
}
