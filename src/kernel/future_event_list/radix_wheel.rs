//! A radix-64 wheel over the bits of the clock, with a sorted front.
//!
//! An entry lies at the level of the highest 6-bit digit in which its time differs from the wheel's
//! base, in the slot of that digit; a bitmap per level finds the earliest slot at once. A small slot
//! is sorted whole into the *front*, from which events are popped and into which late arrivals are
//! inserted; a large one is spread over the levels below. There is no width to tune.
//! The idea is that of the radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990) with calendar-like slots.
//!
//! The rule that must hold: entries in the front are due before `front_end`, all others at
//! or after it, and no other entry has a time below `base`.

use super::{Entry, EventKey, EventList};
use crate::base::SimTime;

const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = 11; // 11 x 6 bits cover the 64 of the clock
/// A slot of at most so many entries is sorted whole.
const SORT_AT_MOST: usize = 64;
/// A front that has grown beyond this gives its later part back to the wheel.
const SPILL_ABOVE: usize = 512;
/// Room for more entries than this goes back to the machine when a slot has been emptied.
const KEEP_AT_MOST: usize = 256;

/// The default future event list.
#[derive(Clone, Debug)]
pub struct RadixWheel<E> {
    /// Latest first, so that popping takes from the end.
    front: Vec<Entry<E>>,
    front_end: u64,
    base: u64,
    len: usize,
    occupied: [u64; LEVELS],
    slots: Vec<Vec<Entry<E>>>,
    /// Room of slots that were emptied, for those filled next: without it, every slot of every level would
    /// keep the room that it once needed, and memory would grow with the time simulated.
    spare: Vec<Vec<Entry<E>>>,
}

impl<E: Copy> Default for RadixWheel<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Copy> RadixWheel<E> {
    /// An empty wheel.
    #[must_use]
    pub fn new() -> Self {
        Self {
            front: Vec::new(),
            front_end: 0,
            base: 0,
            len: 0,
            occupied: [0; LEVELS],
            slots: vec![Vec::new(); LEVELS * SLOTS],
            spare: Vec::new(),
        }
    }

    #[inline]
    fn place(&mut self, entry: Entry<E>) {
        let differs = (entry.key.time ^ self.base) | 1;
        let level = (differs.ilog2() / DIGIT) as usize;
        let slot = (entry.key.time >> (level as u32 * DIGIT)) as usize & (SLOTS - 1);
        self.occupied[level] |= 1 << slot;
        let entries = &mut self.slots[level * SLOTS + slot];
        if entries.capacity() == 0 {
            *entries = self.spare.pop().unwrap_or_default();
        }
        entries.push(entry);
    }

    fn keep(&mut self, room: Vec<Entry<E>>) {
        if (1..=KEEP_AT_MOST).contains(&room.capacity()) {
            self.spare.push(room);
        }
    }

    #[inline]
    fn insert_in_front(&mut self, entry: Entry<E>) {
        // Late arrivals mostly belong near the end that is popped last or first: search by halves.
        let at = self.front.partition_point(|other| other.key > entry.key);
        self.front.insert(at, entry);
        if self.front.len() > SPILL_ABOVE {
            self.spill();
        }
    }

    /// Gives the later part of the front back to the wheel, cut where the time changes.
    fn spill(&mut self) {
        let mut cut_time = self.front[self.front.len() - SORT_AT_MOST].key.time;
        let mut cut = self.front.partition_point(|entry| entry.key.time >= cut_time);
        if cut == self.front.len() {
            // The nearest instant is crowded: cut behind it.
            cut = self.front.partition_point(|entry| entry.key.time > cut_time);
            match cut.checked_sub(1) {
                Some(last_later) => cut_time = self.front[last_later].key.time,
                None => return, // all that is near is due at one instant
            }
        }
        self.front_end = cut_time;
        let later: Vec<_> = self.front.drain(..cut).collect();
        for entry in later {
            self.place(entry);
        }
    }

    /// Makes the earliest slot the front; false if none begins by `limit`. The base never passes the clock,
    /// so what is pushed later never lies below it.
    fn refill(&mut self, limit: u64) -> bool {
        loop {
            let Some(level) = self.occupied.iter().position(|bits| *bits != 0) else { return false };
            let slot = self.occupied[level].trailing_zeros() as usize;
            let shift = level as u32 * DIGIT;
            let above = if shift + DIGIT >= 64 { 0 } else { self.base >> (shift + DIGIT) << (shift + DIGIT) };
            let start = above | ((slot as u64) << shift);
            if start > limit {
                return false;
            }
            self.occupied[level] &= !(1 << slot);
            self.base = start;
            let index = level * SLOTS + slot;
            if level == 0 || self.slots[index].len() <= SORT_AT_MOST {
                let entries = std::mem::take(&mut self.slots[index]);
                let room = std::mem::replace(&mut self.front, entries);
                self.keep(room);
                self.front.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.key));
                self.front_end = start.saturating_add(1 << shift);
                return true;
            }
            let mut entries = std::mem::take(&mut self.slots[index]);
            for entry in entries.drain(..) {
                self.place(entry);
            }
            self.keep(entries);
        }
    }
}

impl<E: Copy> EventList<E> for RadixWheel<E> {
    #[inline]
    fn push(&mut self, key: EventKey, event: E) {
        self.len += 1;
        let entry = Entry { key, event };
        if key.time < self.front_end {
            self.insert_in_front(entry);
        } else {
            self.place(entry);
        }
    }

    #[inline]
    fn pop_before(&mut self, limit: SimTime) -> Option<(EventKey, E)> {
        if self.front.is_empty() && !self.refill(limit.as_nanos()) {
            return None;
        }
        let last = self.front.last()?;
        if last.key.time > limit.as_nanos() {
            return None;
        }
        let Entry { key, event } = self.front.pop()?;
        self.len -= 1;
        Some((key, event))
    }

    fn len(&self) -> usize {
        self.len
    }

    fn capacity(&self) -> usize {
        self.front.capacity() + self.slots.iter().chain(&self.spare).map(Vec::capacity).sum::<usize>()
    }

    fn retain(&mut self, mut alive: impl FnMut(&E) -> bool) {
        self.front.retain(|entry| alive(&entry.event));
        self.len = self.front.len();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.is_empty() {
                continue;
            }
            slot.retain(|entry| alive(&entry.event));
            self.len += slot.len();
            if slot.is_empty() {
                self.occupied[index / SLOTS] &= !(1 << (index % SLOTS));
            }
        }
    }
}
