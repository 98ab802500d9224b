//! Counts over the last so many seconds, in slices.
//!
//! The window is cut into slices aligned to multiples of their length; the oldest one leaves as a whole,
//! as in Hystrix's rolling numbers, resilience4j's time window and Finagle's windowed adder. So what is
//! counted spans between all slices but one and all of them. Cost: one step per slice that has passed,
//! at most all.

use crate::base::{SimDuration, SimTime};

/// `K` kinds of things counted side by side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RollingCounter<const K: usize> {
    slice: u64,
    slices: Vec<[u64; K]>,
    totals: [u64; K],
    /// The number of the present slice since the start of the run.
    present: u64,
}

impl<const K: usize> RollingCounter<K> {
    /// An empty window of this length in so many slices (at least one; a slice is at least 1 ns).
    #[must_use]
    pub fn new(window: SimDuration, slices: u32) -> Self {
        let slices = slices.max(1);
        let slice = (window.as_nanos() / u64::from(slices)).max(1);
        Self { slice, slices: vec![[0; K]; slices as usize], totals: [0; K], present: 0 }
    }

    fn advance(&mut self, now: SimTime) {
        let target = now.as_nanos() / self.slice;
        let n = self.slices.len() as u64;
        if target >= self.present + n {
            self.clear();
            self.present = target;
        }
        while self.present < target {
            self.present += 1;
            let oldest = &mut self.slices[(self.present % n) as usize];
            for (total, gone) in self.totals.iter_mut().zip(std::mem::replace(oldest, [0; K])) {
                *total -= gone;
            }
        }
    }

    /// Counts `amount` of kind `kind` (below `K`).
    pub fn add(&mut self, kind: usize, amount: u64, now: SimTime) {
        self.advance(now);
        let n = self.slices.len() as u64;
        self.slices[(self.present % n) as usize][kind] += amount;
        self.totals[kind] += amount;
    }

    /// What the window holds.
    pub fn totals(&mut self, now: SimTime) -> [u64; K] {
        self.advance(now);
        self.totals
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.slices.fill([0; K]);
        self.totals = [0; K];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn the_window_agrees_with_a_list_of_everything() {
        let mut draws = Key::root(1, 0).draws();
        let mut counter = RollingCounter::<2>::new(SimDuration::from_nanos(100), 10);
        let mut all: Vec<(u64, usize)> = Vec::new();
        let mut now = 0;
        for _ in 0..5_000 {
            now += if draws.chance(0.02) { draws.below(300) } else { draws.below(8) };
            let kind = draws.below(2) as usize;
            counter.add(kind, 1, SimTime::from_nanos(now));
            all.push((now, kind));
            let oldest = (now / 10).saturating_sub(9) * 10;
            let expected =
                [0, 1].map(|k| all.iter().filter(|(at, kind)| *at >= oldest && *kind == k).count() as u64);
            assert_eq!(counter.totals(SimTime::from_nanos(now)), expected, "at {now}");
        }
    }
}
