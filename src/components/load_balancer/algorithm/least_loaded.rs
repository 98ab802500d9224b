//! The least loaded, found without a search: backends are kept in one set per number of requests.
//!
//! A request that begins or ends moves its backend to the set next door, and the lowest set that is
//! not empty moves by one at most; a pick is the choice from that set. Cost per pick and per change:
//! n / 64 words. Unequal weights compare load / weight as nginx and HAProxy do, with one step per
//! candidate, since there the order is not that of a counter.

use super::Ties;
use super::backend_set::BackendSet;
use super::backends::Backends;
use crate::base::random::Draws;

/// Backends that are up by their load.
#[derive(Clone, Debug, Default)]
pub(super) struct LeastLoaded {
    levels: Vec<BackendSet>,
    /// No level below this one holds anybody.
    lowest: usize,
    /// For ties in turn.
    next: usize,
}

impl LeastLoaded {
    /// Sorts everybody who is up anew.
    pub(super) fn rebuild(&mut self, backends: &Backends, present: &BackendSet) {
        self.levels.iter_mut().for_each(BackendSet::clear);
        self.lowest = usize::MAX;
        for i in present.iter() {
            self.insert(i, backends.load(i) as usize);
        }
    }

    fn insert(&mut self, i: usize, load: usize) {
        if load >= self.levels.len() {
            self.levels.resize(load + 1, BackendSet::default());
        }
        self.levels[load].insert(i);
        self.lowest = self.lowest.min(load);
    }

    /// The load of `i` went from `from` to `to`; one who is not kept here is let be.
    #[inline]
    pub(super) fn moved(&mut self, i: usize, from: u32, to: u32) {
        let from = from as usize;
        let Some(level) = self.levels.get_mut(from).filter(|level| level.contains(i)) else { return };
        level.remove(i);
        self.insert(i, to as usize);
        while self.levels[self.lowest].is_empty() {
            self.lowest += 1; // ends at `to` at the latest
        }
    }

    /// The least loaded of the candidates, all of whom are kept here.
    pub(super) fn pick(
        &mut self,
        candidates: &BackendSet,
        all: bool,
        ties: Ties,
        draws: &mut Draws,
    ) -> Option<usize> {
        let lowest = self.lowest.min(self.levels.len());
        if all {
            return Self::among(self.levels.get(lowest)?, ties, &mut self.next, draws);
        }
        let level = self.levels[lowest..].iter().find(|level| level.meets(candidates))?;
        let mut tied = BackendSet::default();
        tied.set_to_common(level, candidates);
        Self::among(&tied, ties, &mut self.next, draws)
    }

    /// The one with the least load per weight.
    pub(super) fn pick_weighted(
        &mut self,
        candidates: &BackendSet,
        backends: &Backends,
        ties: Ties,
        draws: &mut Draws,
    ) -> Option<usize> {
        let score = |i: usize| per_weight(backends, i);
        let least = candidates.iter().map(score).fold(f64::INFINITY, f64::min);
        let tied = candidates.iter().filter(|i| score(*i) <= least).collect();
        Self::among(&tied, ties, &mut self.next, draws)
    }

    fn among(tied: &BackendSet, ties: Ties, next: &mut usize, draws: &mut Draws) -> Option<usize> {
        if tied.is_empty() {
            return None;
        }
        Some(match ties {
            Ties::First => tied.nth(0),
            Ties::Random => tied.nth(draws.below(tied.len() as u64) as usize),
            Ties::Rotate => {
                let chosen = tied.next_from(*next)?;
                *next = chosen + 1;
                chosen
            }
        })
    }
}

/// Load per weight, nginx's and HAProxy's measure: requests under way, without the one to come.
#[inline]
pub(super) fn per_weight(backends: &Backends, i: usize) -> f64 {
    let weight = backends.weight(i);
    if weight > 0.0 { f64::from(backends.load(i)) / weight } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::super::backends::Member;
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn buckets_agree_with_a_search_whatever_happens() {
        let n = 70;
        let members = (0..n).map(|i| Member::new(1.0, i)).collect();
        let mut backends = Backends::new(members, false, None, None);
        let all: BackendSet = (0..n as usize).collect();
        let mut least = LeastLoaded::default();
        least.rebuild(&backends, &all);
        let mut draws = Key::root(4, 0).draws();
        for step in 0..20_000 {
            let some: BackendSet =
                if step % 3 == 0 { all.iter().filter(|_| draws.chance(0.2)).collect() } else { all.clone() };
            let smallest = some.iter().min_by_key(|i| (backends.in_flight(*i), *i));
            assert_eq!(least.pick(&some, some.len() == all.len(), Ties::First, &mut draws), smallest);
            let i = smallest.unwrap_or(0);
            if draws.chance(0.55) {
                let load = backends.in_flight(i);
                backends.take(i);
                least.moved(i, load, load + 1);
            } else {
                let busiest = all.iter().max_by_key(|i| backends.in_flight(*i)).unwrap();
                let load = backends.in_flight(busiest);
                if load > 0 {
                    backends.give_back(busiest);
                    least.moved(busiest, load, load - 1);
                }
            }
        }
    }

    #[test]
    fn ties_in_turn_go_round() {
        let backends = Backends::new(vec![Member::new(1.0, 0); 3], false, None, None);
        let all = (0..3).collect();
        let mut least = LeastLoaded::default();
        least.rebuild(&backends, &all);
        let mut draws = Key::root(0, 0).draws();
        let picks: Vec<_> = (0..5).filter_map(|_| least.pick(&all, true, Ties::Rotate, &mut draws)).collect();
        assert_eq!(picks, [0, 1, 2, 0, 1]);
    }
}
