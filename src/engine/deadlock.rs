//! Deadlocks: a circle in the graph of who waits for whom.
//!
//! Each call waits for one row at most and each row has one holder, so from a call there is one way to
//! follow: it ends at a call that runs, or comes back.

/// Whether following `waits_for` from `start` comes back to it. `waits_for` is who holds what a call waits for.
#[must_use]
pub fn is_deadlocked<T: Copy + PartialEq>(start: T, mut waits_for: impl FnMut(T) -> Option<T>) -> bool {
    // Another circle may lie ahead that `start` is no part of: a second walker at half the speed finds it.
    let (mut fast, mut slow, mut even) = (start, start, false);
    while let Some(next) = waits_for(fast) {
        if next == start {
            return true;
        }
        fast = next;
        if even {
            let Some(behind) = waits_for(slow) else { return false };
            slow = behind;
            if slow == fast {
                return false;
            }
        }
        even = !even;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn two_who_wait_for_each_other_are_found_and_a_line_is_not() {
        assert!(is_deadlocked(0, |call| Some(1 - call)));
        assert!(is_deadlocked(0, |call| Some((call + 1) % 50)));
        assert!(!is_deadlocked(0, |call| (call < 50).then_some(call + 1)));
        assert!(is_deadlocked(7, Some)); // who waits for itself
    }

    #[test]
    fn a_circle_that_one_only_leads_to_is_not_ones_own() {
        for length in 2..12_u32 {
            for tail in 1..12_u32 {
                let next = |call: u32| Some(if call + 1 == tail + length { tail } else { call + 1 });
                assert!(!is_deadlocked(0, next), "{tail} to {length}");
                assert!(is_deadlocked(tail, next));
            }
        }
    }

    #[test]
    fn agrees_with_following_every_edge_on_random_graphs() {
        for seed in 0..2000 {
            let mut draws = Key::root(seed, 3).draws();
            let edges: Vec<Option<usize>> =
                (0..9).map(|_| draws.chance(0.8).then(|| draws.below(9) as usize)).collect();
            for start in 0..9 {
                let mut at = Some(start);
                let comes_back = (0..9).any(|_| {
                    at = at.and_then(|call| edges[call]);
                    at == Some(start)
                });
                assert_eq!(is_deadlocked(start, |call| edges[call]), comes_back, "{edges:?} from {start}");
            }
        }
    }
}
