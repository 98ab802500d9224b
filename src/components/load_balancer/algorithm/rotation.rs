//! In turn: round robin, and nginx's smooth weighted round robin.
//!
//! Smooth: at each pick every candidate gains its weight in credit, the richest (the first of equals)
//! is picked and pays the sum of all weights, so that {5, 1, 1} gives a a b a c a a and never a burst
//! of five (nginx, commit 52327e0; `ngx_http_upstream_round_robin.c`). As there, a backend that failed
//! loses weight / max_fails (a whole number, so often none) of its effective weight and gains 1 back per pick. Cost: one step per candidate.

use super::backend_set::BackendSet;
use super::backends::Backends;

/// Plain turns: one counter, which skips whoever may not be picked.
#[derive(Clone, Debug, Default)]
pub(super) struct Rotation {
    next: usize,
}

impl Rotation {
    #[inline]
    pub(super) fn pick(&mut self, candidates: &BackendSet) -> Option<usize> {
        let chosen = candidates.next_from(self.next)?;
        self.next = chosen + 1;
        Some(chosen)
    }
}

/// Turns in proportion to weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Smooth {
    credit: Vec<f64>,
    /// What failures have taken from the weight.
    penalty: Vec<f64>,
}

impl Smooth {
    /// Makes room for `n` backends.
    pub(super) fn resize(&mut self, n: usize) {
        self.credit.resize(n, 0.0);
        self.penalty.resize(n, 0.0);
    }

    pub(super) fn pick(&mut self, candidates: &BackendSet, backends: &Backends) -> Option<usize> {
        self.pick_by(candidates, |i| backends.weight(i))
    }

    /// Picks with weights of the caller's own.
    pub(super) fn pick_by(
        &mut self,
        candidates: &BackendSet,
        weight: impl Fn(usize) -> f64,
    ) -> Option<usize> {
        let (mut best, mut total) = (None, 0.0);
        for i in candidates.iter() {
            let effective = (weight(i) - self.penalty[i]).max(0.0);
            total += effective;
            self.credit[i] += effective;
            self.penalty[i] = (self.penalty[i] - 1.0).max(0.0);
            if best.is_none_or(|b: usize| self.credit[i] > self.credit[b]) {
                best = Some(i);
            }
        }
        let best = best?;
        self.credit[best] -= total;
        Some(best)
    }

    /// A request at `i` failed: its effective weight sinks by the whole part of `weight / max_fails`.
    pub(super) fn penalise(&mut self, i: usize, weight: f64, max_fails: u32) {
        if let Some(penalty) = self.penalty.get_mut(i) {
            *penalty = (*penalty + libm::floor(weight / f64::from(max_fails.max(1)))).min(weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backends::Member;
    use super::*;

    fn backends(weights: &[f64]) -> Backends {
        let members = weights.iter().enumerate().map(|(i, w)| Member::new(*w, i as u64)).collect();
        Backends::new(members, true, None, None)
    }

    #[test]
    fn turns_skip_whoever_is_out() {
        let mut rotation = Rotation::default();
        let mut set: BackendSet = (0..4).collect();
        let mut take =
            |set: &BackendSet, n| -> Vec<_> { (0..n).filter_map(|_| rotation.pick(set)).collect() };
        assert_eq!(take(&set, 5), [0, 1, 2, 3, 0]);
        set.remove(1);
        assert_eq!(take(&set, 4), [2, 3, 0, 2]);
        assert_eq!(take(&BackendSet::default(), 1), [0; 0]);
    }

    #[test]
    fn any_window_of_a_whole_cycle_holds_exact_shares() {
        let backends = backends(&[5.0, 3.0, 2.0]);
        let (mut smooth, all) = (Smooth::default(), (0..3).collect());
        smooth.resize(3);
        let picks: Vec<_> = (0..40).filter_map(|_| smooth.pick(&all, &backends)).collect();
        for window in picks.windows(10) {
            let count = |i| window.iter().filter(|p| **p == i).count();
            assert_eq!([count(0), count(1), count(2)], [5, 3, 2]);
        }
    }

    #[test]
    fn a_failure_costs_weight_that_comes_back_by_one_per_pick() {
        let backends = backends(&[4.0, 4.0]);
        let (mut smooth, all) = (Smooth::default(), (0..2).collect());
        smooth.resize(2);
        smooth.penalise(0, 4.0, 1);
        let picks: Vec<_> = (0..8).filter_map(|_| smooth.pick(&all, &backends)).collect();
        // Effective weights of the first: 0, 1, 2, 3, 4, ...
        assert_eq!(picks, [1, 1, 0, 1, 0, 1, 0, 1]);
    }
}
