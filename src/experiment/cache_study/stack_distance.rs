//! LRU's whole miss-ratio curve in one pass.
//!
//! An access hits an LRU cache of C items exactly if at most C - 1 other keys were touched since the key's
//! last access: its stack distance is at most C (Mattson, Gecsei, Slutz and Traiger, IBM Systems Journal
//! 9(2), 1970). The distance is a count of marks in a Fenwick tree over time, one mark a key at its last
//! access (Bennett and Kruskal, IBM J. R&D 19(4), 1975; Almási, Caşcaval and Padua, MSP 2002): O(log K) an
//! access for K keys. When time runs out of places, the marks are pushed together, so memory grows with the
//! keys (20 bytes each) and not with the accesses.

/// Stack distances of a sequence of keys below a bound.
#[derive(Clone, Debug)]
pub struct StackDistances {
    /// Where each key's mark is, from 1; 0 for a key that was not seen.
    marks: Vec<u32>,
    /// Whose mark lies at a place.
    owners: Vec<u32>,
    tree: Vec<u32>,
    next: usize,
    seen: u32,
}

const NOBODY: u32 = u32::MAX;

impl StackDistances {
    /// For the keys `0..keys`.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        let places = (2 * keys).max(64);
        Self {
            marks: vec![0; keys],
            owners: vec![NOBODY; places + 1],
            tree: vec![0; places + 1],
            next: 1,
            seen: 0,
        }
    }

    /// The distance of the next access: how many different keys were touched since the last access of this
    /// one, itself included; none at its first access.
    pub fn access(&mut self, key: u32) -> Option<u32> {
        if self.next == self.owners.len() {
            self.push_together();
        }
        let mark = self.marks[key as usize] as usize;
        let distance = if mark == 0 {
            self.seen += 1;
            None
        } else {
            let distance = self.seen - self.sum(mark) + 1;
            self.owners[mark] = NOBODY;
            self.add(mark, u32::MAX);
            Some(distance)
        };
        self.marks[key as usize] = self.next as u32;
        self.owners[self.next] = key;
        self.add(self.next, 1);
        self.next += 1;
        distance
    }

    /// Adds `change` (modulo 2^32, so that -1 is `u32::MAX`) at a place.
    fn add(&mut self, place: usize, change: u32) {
        let mut at = place;
        while at < self.tree.len() {
            self.tree[at] = self.tree[at].wrapping_add(change);
            at += at & at.wrapping_neg();
        }
    }

    /// Marks at places up to `place`.
    fn sum(&self, place: usize) -> u32 {
        let (mut at, mut sum) = (place, 0_u32);
        while at > 0 {
            sum = sum.wrapping_add(self.tree[at]);
            at &= at - 1;
        }
        sum
    }

    /// Moves all marks to the first places, in their order.
    fn push_together(&mut self) {
        let mut to = 1;
        for from in 1..self.owners.len() {
            let owner = std::mem::replace(&mut self.owners[from], NOBODY);
            if owner != NOBODY {
                self.owners[to] = owner;
                self.marks[owner as usize] = to as u32;
                to += 1;
            }
        }
        self.next = to;
        // A place of the tree holds the marks of the last (lowest set bit) places up to it.
        for at in 1..self.tree.len() {
            let from = at & (at - 1);
            self.tree[at] = (at.min(to - 1).saturating_sub(from)) as u32;
        }
    }
}

/// How many accesses of LRU caches of every size miss.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LruCurve {
    /// Misses of a cache of so many items; longer than the keys are many, nothing changes.
    misses: Vec<u64>,
}

impl LruCurve {
    /// Of the sequence `ids` of keys below `keys`; misses are counted from access `warm_up` on.
    #[must_use]
    pub fn of(ids: &[u32], keys: usize, warm_up: usize) -> Self {
        let mut distances = StackDistances::new(keys);
        let mut hits = vec![0_u64; keys + 1];
        let mut counted = 0;
        for (i, id) in ids.iter().enumerate() {
            let distance = distances.access(*id);
            if i >= warm_up {
                counted += 1;
                if let Some(distance) = distance {
                    hits[distance as usize] += 1;
                }
            }
        }
        let mut left = counted;
        for hit in &mut hits {
            left -= *hit;
            *hit = left;
        }
        Self { misses: hits }
    }

    /// Misses of a cache of `items`.
    #[must_use]
    pub fn misses(&self, items: u64) -> u64 {
        let last = self.misses.len() - 1;
        self.misses[usize::try_from(items).unwrap_or(last).min(last)]
    }

    /// The smallest cache that misses no more than the largest does.
    #[must_use]
    pub fn enough(&self) -> u64 {
        let least = self.misses[self.misses.len() - 1];
        self.misses.partition_point(|misses| *misses > least) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn distances_are_those_of_a_list() {
        for (seed, keys) in [(1, 1), (2, 7), (3, 40), (4, 300)] {
            let mut draws = Key::root(seed, 0).draws();
            let mut distances = StackDistances::new(keys as usize);
            let mut list: Vec<u32> = Vec::new();
            for _ in 0..5_000 {
                let key = (draws.below(keys) * draws.below(keys) / keys) as u32;
                let at = list.iter().rev().position(|k| *k == key);
                let expected = at.map(|at| at as u32 + 1);
                assert_eq!(distances.access(key), expected);
                list.retain(|k| *k != key);
                list.push(key);
            }
        }
    }

    #[test]
    fn the_curve_ends_at_the_compulsory_misses() {
        let ids: Vec<u32> = (0..1_000).map(|i| i % 10).collect();
        let curve = LruCurve::of(&ids, 10, 0);
        assert_eq!((curve.misses(0), curve.misses(9), curve.misses(10)), (1_000, 1_000, 10));
        assert_eq!((curve.misses(u64::MAX), curve.enough()), (10, 10));
        assert_eq!(LruCurve::of(&ids, 10, 10).misses(10), 0);
        assert_eq!(LruCurve::of(&[], 0, 0).misses(3), 0);
    }
}
