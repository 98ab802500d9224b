//! At random: uniformly, in proportion to weights, and the best of several.
//!
//! Best of d ("power of d choices"; Mitzenmacher 1996, Vvedenskaya et al. 1996) is drawn *without*
//! replacement, as nginx's `random two`, HAProxy's `random(2)` and Envoy's LEAST_REQUEST in effect do;
//! the literature's limit with replacement differs for few servers (three servers at 0.8: 2.51 or 2.77
//! mean service times) and can be chosen. With unequal weights samples are drawn in proportion to
//! them, and loads are compared per weight.

use super::Ties;
use super::backend_set::BackendSet;
use super::backends::Backends;
use crate::base::random::Draws;

/// Uniformly at random. `candidates` is not empty.
#[inline]
pub(super) fn uniform(candidates: &BackendSet, draws: &mut Draws) -> usize {
    candidates.nth(draws.below(candidates.len() as u64) as usize)
}

/// In proportion to weights; uniformly if all are zero. One step per candidate.
pub(super) fn weighted(candidates: &BackendSet, weight: impl Fn(usize) -> f64, draws: &mut Draws) -> usize {
    let total: f64 = candidates.iter().map(&weight).sum();
    if total <= 0.0 {
        return uniform(candidates, draws);
    }
    let mut u = draws.unit() * total;
    let mut last = 0;
    for i in candidates.iter() {
        let weight = weight(i);
        if u < weight {
            return i;
        }
        u -= weight;
        last = i;
    }
    last
}

/// What `best_of` needs to know beside the candidates.
#[derive(Clone, Copy)]
pub(super) struct Sampling {
    /// Samples; at least one is drawn.
    pub(super) choices: u8,
    /// Whether the same one may be drawn twice.
    pub(super) replacement: bool,
    /// Which of equals: the lowest index, or else the first drawn.
    pub(super) ties: Ties,
    /// Whether all weights are equal.
    pub(super) equal: bool,
}

/// The best by `score` (lower is better) of a sample.
pub(super) fn best_of(
    sampling: Sampling,
    candidates: &BackendSet,
    backends: &Backends,
    draws: &mut Draws,
    score: impl Fn(usize) -> f64,
) -> usize {
    let n = candidates.len();
    let choices = usize::from(sampling.choices.max(1));
    let choices = if sampling.replacement { choices } else { choices.min(n) };
    if n == 1 {
        return candidates.nth(0);
    }
    // Ranks among the candidates that were drawn, in order: the next draw is among the others.
    let (mut few, mut many) = ([0_usize; 8], Vec::new());
    let drawn: &mut [usize] = if choices <= few.len() {
        &mut few
    } else {
        many.resize(choices, 0);
        &mut many
    };
    let mut best: Option<(usize, f64)> = None;
    let mut taken = BackendSet::default();
    for k in 0..choices {
        let chosen = if sampling.replacement && sampling.equal {
            uniform(candidates, draws)
        } else if sampling.replacement {
            weighted(candidates, |i| backends.weight(i), draws)
        } else if sampling.equal {
            let mut rank = draws.below((n - k) as u64) as usize;
            let mut at = 0;
            while at < k && drawn[at] <= rank {
                rank += 1;
                at += 1;
            }
            drawn.copy_within(at..k, at + 1);
            drawn[at] = rank;
            candidates.nth(rank)
        } else {
            let i = weighted(candidates, |i| if taken.contains(i) { 0.0 } else { backends.weight(i) }, draws);
            taken.insert(i);
            i
        };
        let score = score(chosen);
        let better =
            best.is_none_or(|(b, s)| score < s || score == s && sampling.ties == Ties::First && chosen < b);
        if better {
            best = Some((chosen, score));
        }
    }
    best.map_or(0, |(chosen, _)| chosen)
}

#[cfg(test)]
mod tests {
    use super::super::backends::Member;
    use super::*;
    use crate::base::random::Key;

    fn backends(weights: &[f64]) -> Backends {
        let members = weights.iter().enumerate().map(|(i, w)| Member::new(*w, i as u64)).collect();
        Backends::new(members, true, None, None)
    }

    #[test]
    fn shares_follow_weights() {
        let (backends, all) = (backends(&[1.0, 2.0, 0.0, 7.0]), (0..4).collect());
        let mut draws = Key::root(1, 0).draws();
        let mut counts = [0_u32; 4];
        for _ in 0..100_000 {
            counts[weighted(&all, |i| backends.weight(i), &mut draws)] += 1;
        }
        for (count, share) in counts.into_iter().zip([0.1, 0.2, 0.0, 0.7]) {
            assert!((f64::from(count) / 1e5 - share).abs() < 0.006, "{counts:?}");
        }
    }

    #[test]
    fn trying_until_one_is_free_takes_as_many_samples_as_the_hypergeometric_law_says() {
        // NEEDLES: 100 workers, m busy, k sampled without replacement until a free one is seen.
        let mut draws = Key::root(2, 0).draws();
        let (backends, all) = (backends(&[1.0; 100]), (0..100).collect());
        for (busy, choices, expected) in [(60, 1, 2.5), (60, 2, 1.556_604), (95, 2, 10.206), (95, 3, 6.944)] {
            let sampling = Sampling { choices, replacement: false, ties: Ties::Random, equal: true };
            let score = |i| f64::from(i < busy);
            let (mut tries, found) = (0_u32, 20_000);
            for _ in 0..found {
                loop {
                    tries += 1;
                    if best_of(sampling, &all, &backends, &mut draws, score) >= busy {
                        break;
                    }
                }
            }
            let mean = f64::from(tries) / f64::from(found);
            assert!((mean / expected - 1.0).abs() < 0.03, "{busy} {choices}: {mean} for {expected}");
        }
    }

    #[test]
    fn samples_without_replacement_are_all_different() {
        let mut draws = Key::root(3, 0).draws();
        for weights in [[1.0; 5], [5.0, 1.0, 1.0, 1.0, 2.0]] {
            let (backends, all) = (backends(&weights), (0..5).collect());
            let sampling =
                Sampling { choices: 5, replacement: false, ties: Ties::Random, equal: weights[0] == 1.0 };
            // All five are sampled, so the best of all is always found.
            for best in 0..5 {
                let score = |i| f64::from(i != best);
                assert_eq!(best_of(sampling, &all, &backends, &mut draws, score), best);
            }
        }
    }
}
