//! The future event list: what is scheduled, earliest first; ties in order of scheduling, so that
//! results are equal to the bit over lists, threads and platforms.

mod quaternary_heap;
mod radix_wheel;

pub use quaternary_heap::QuaternaryHeap;
pub use radix_wheel::RadixWheel;

use crate::base::SimTime;

/// When an event is due: time, class, order of scheduling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EventKey {
    time: u64,
    /// The class in the top bit, the sequence number below it (63 bits never wrap).
    order: u64,
}

impl EventKey {
    /// The key of the `sequence`-th event scheduled, an arrival from outside or not.
    #[must_use]
    #[inline]
    pub const fn new(at: SimTime, arrival: bool, sequence: u64) -> Self {
        Self { time: at.as_nanos(), order: (arrival as u64) << 63 | sequence }
    }

    /// When it is due.
    #[must_use]
    #[inline]
    pub const fn time(self) -> SimTime {
        SimTime::from_nanos(self.time)
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    key: EventKey,
    event: E,
}

const _: () = assert!(size_of::<Entry<[u32; 4]>>() == 32, "an entry is its event and 16 bytes");

/// A priority queue of events by [`EventKey`]. Keys are unique and never earlier than what was popped last.
pub trait EventList<E: Copy> {
    /// Adds an event.
    fn push(&mut self, key: EventKey, event: E);

    /// Takes the earliest event, unless it is due after `limit`.
    fn pop_before(&mut self, limit: SimTime) -> Option<(EventKey, E)>;

    /// How many events it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Room for events that it has taken from the machine's memory and keeps.
    fn capacity(&self) -> usize;

    /// Drops the events for which `alive` is false.
    fn retain(&mut self, alive: impl FnMut(&E) -> bool);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use proptest::prelude::*;

    fn agree(spans: &[u64], burst: usize, seed: u64) {
        let (mut wheel, mut heap) = (RadixWheel::new(), QuaternaryHeap::new());
        let mut luck = Key::root(seed, 0).draws();
        let (mut now, mut sequence) = (0_u64, 0_u64);
        for round in 0..400 {
            for _ in 0..luck.below(burst as u64 + 1) {
                sequence += 1;
                let reach = spans[luck.below(spans.len() as u64) as usize];
                let span = luck.below(reach + 1);
                let key = EventKey::new(SimTime::from_nanos(now + span), luck.chance(0.3), sequence);
                wheel.push(key, sequence);
                heap.push(key, sequence);
            }
            if round % 50 == 49 {
                wheel.retain(|e| e % 3 != 0);
                heap.retain(|e| e % 3 != 0);
            }
            let limit = SimTime::from_nanos(now + luck.below(spans[0] + 1));
            for _ in 0..luck.below(burst as u64 + 1) {
                let expected = heap.pop_before(limit);
                assert_eq!(wheel.pop_before(limit), expected);
                assert_eq!(wheel.len(), heap.len());
            }
            now = limit.as_nanos();
        }
        while let Some(expected) = heap.pop_before(SimTime::MAX) {
            assert_eq!(wheel.pop_before(SimTime::MAX), Some(expected));
        }
        assert!(wheel.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_wheel_agrees_with_the_heap(near in 0_u64..5_000, far in 1_u64..u64::MAX / 8, burst in 1_usize..300, seed: u64) {
            agree(&[near, 10 * near, far], burst, seed);
        }
    }

    #[test]
    fn many_events_of_one_instant_keep_their_order() {
        agree(&[0], 2_000, 3);
        agree(&[1], 2_000, 4);
    }
}
