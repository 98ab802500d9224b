//! Runs replications side by side: the only place with threads.
//!
//! Rule: results are merged in the order of their index, whichever finished first, so that a report has the
//! same bytes on one thread and on many. Replications share nothing but what they only read.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

/// The replications that finished, in the order of their index.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicated<T> {
    /// Their results.
    pub finished: Vec<T>,
    /// Whether all that were asked for are there.
    pub complete: bool,
}

/// Runs replications `0..count` on the current thread pool of rayon.
///
/// Once `stop` is set no further one is begun. `run` gives `None` if it was interrupted itself; those that
/// finished are kept.
pub fn replicate<T: Send>(
    count: u32,
    stop: &AtomicBool,
    run: impl Fn(u32) -> Option<T> + Sync,
) -> Replicated<T> {
    replicate_range(0..count, stop, run)
}

/// The same of some replications only: those that were run before are not run again.
pub fn replicate_range<T: Send>(
    range: std::ops::Range<u32>,
    stop: &AtomicBool,
    run: impl Fn(u32) -> Option<T> + Sync,
) -> Replicated<T> {
    let results: Vec<Option<T>> = range
        .into_par_iter()
        .with_max_len(1)
        .map(|index| if stop.load(Ordering::Relaxed) { None } else { run(index) })
        .collect();
    let complete = results.iter().all(Option::is_some);
    Replicated { finished: results.into_iter().flatten().collect(), complete }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_threads(threads: usize) -> Replicated<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let work =
            |i: u32| Some((0..u64::from(1000 * (20 - i))).fold(u64::from(i), |a, x| a.wrapping_mul(31) ^ x));
        pool.install(|| replicate(20, &AtomicBool::new(false), work))
    }

    #[test]
    fn order_does_not_depend_on_threads() {
        let one = on_threads(1);
        assert_eq!(one, on_threads(3));
        assert!(one.complete);
        assert_eq!(one.finished.len(), 20);
    }

    #[test]
    fn an_interruption_keeps_what_is_finished() {
        let stop = AtomicBool::new(false);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let run = |i: u32| {
            stop.store(i == 3, Ordering::Relaxed);
            (i != 3).then_some(i)
        };
        let got = pool.install(|| replicate(10, &stop, run));
        assert!(!got.complete);
        assert!(!got.finished.contains(&3) && got.finished.is_sorted());
    }
}
