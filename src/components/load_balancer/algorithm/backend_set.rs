//! A set of backends as bits: who may be picked, who has this many requests.
//!
//! Order is by index, so that "the k-th of those allowed" means the same on every platform and does
//! not depend on the order of past changes. With n backends each operation costs at most n / 64
//! words: one word for the fleets of most designs.

const BITS: usize = u64::BITS as usize;

/// A set of backend indices below a fixed bound that grows on demand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BackendSet {
    words: Vec<u64>,
    len: usize,
}

impl BackendSet {
    /// Members.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody is in it.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes everybody.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        self.len = 0;
    }

    /// Whether `i` is in it.
    #[inline]
    pub(super) fn contains(&self, i: usize) -> bool {
        self.words.get(i / BITS).is_some_and(|word| word >> (i % BITS) & 1 == 1)
    }

    /// Puts `i` in.
    pub(super) fn insert(&mut self, i: usize) {
        if i / BITS >= self.words.len() {
            self.words.resize(i / BITS + 1, 0);
        }
        let (word, bit) = (&mut self.words[i / BITS], 1_u64 << (i % BITS));
        self.len += usize::from(*word & bit == 0);
        *word |= bit;
    }

    /// Takes `i` out.
    pub(super) fn remove(&mut self, i: usize) {
        let Some(word) = self.words.get_mut(i / BITS) else { return };
        let bit = 1_u64 << (i % BITS);
        self.len -= usize::from(*word & bit != 0);
        *word &= !bit;
    }

    /// Becomes a copy of `other`, keeping its own memory.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.words.clone_from(&other.words);
        self.len = other.len;
    }

    /// Keeps only those for whom `keep` holds.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for w in 0..self.words.len() {
            let mut rest = self.words[w];
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if !keep(w * BITS + bit) {
                    self.words[w] &= !(1 << bit);
                    self.len -= 1;
                }
            }
        }
    }

    /// The members in order of index.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(w, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(w * BITS + bit)
            })
        })
    }

    /// The member with `k` members before it; `k` below [`Self::len`].
    #[inline]
    pub(super) fn nth(&self, k: usize) -> usize {
        if self.words.len() == 1 && self.words[0] & self.words[0].wrapping_add(1) == 0 {
            return k; // everybody: the usual case
        }
        let mut before = k;
        for (w, word) in self.words.iter().enumerate() {
            let here = word.count_ones() as usize;
            if before < here {
                let mut rest = *word;
                for _ in 0..before {
                    rest &= rest - 1;
                }
                return w * BITS + rest.trailing_zeros() as usize;
            }
            before -= here;
        }
        0
    }

    /// The first member at or after `from`, or else the very first; `None` if nobody is in it.
    pub(super) fn next_from(&self, from: usize) -> Option<usize> {
        let at_or_after = |word: usize, mask: u64| {
            let here = self.words[word] & mask;
            (here != 0).then(|| word * BITS + here.trailing_zeros() as usize)
        };
        let first = from / BITS;
        let later = (first < self.words.len())
            .then(|| {
                at_or_after(first, u64::MAX << (from % BITS))
                    .or_else(|| (first + 1..self.words.len()).find_map(|w| at_or_after(w, u64::MAX)))
            })
            .flatten();
        later.or_else(|| (0..self.words.len()).find_map(|w| at_or_after(w, u64::MAX)))
    }

    /// Whether both have a member in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Becomes what `a` and `b` have in common.
    pub(super) fn set_to_common(&mut self, a: &Self, b: &Self) {
        self.words.clear();
        self.words.extend(a.words.iter().zip(&b.words).map(|(a, b)| a & b));
        self.len = self.words.iter().map(|word| word.count_ones() as usize).sum();
    }
}

impl FromIterator<usize> for BackendSet {
    fn from_iter<I: IntoIterator<Item = usize>>(members: I) -> Self {
        let mut set = Self::default();
        members.into_iter().for_each(|i| set.insert(i));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_statistics_agree_with_a_sorted_list() {
        let members = [0, 3, 5, 63, 64, 127, 128, 200];
        let mut set: BackendSet = members.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), members);
        for (k, member) in members.iter().enumerate() {
            assert_eq!(set.nth(k), *member);
        }
        for from in 0..300 {
            let expected = members.iter().find(|m| **m >= from).or(members.first()).copied();
            assert_eq!(set.next_from(from), expected, "from {from}");
        }
        set.remove(63);
        set.remove(63);
        set.insert(5);
        set.retain(|i| i != 200);
        assert_eq!((set.len(), set.contains(63), set.contains(300)), (6, false, false));
        assert_eq!(set.nth(3), 64);
    }

    #[test]
    fn a_full_word_is_no_special_case() {
        let set: BackendSet = (0..64).collect();
        assert_eq!((set.len(), set.nth(63), set.next_from(64)), (64, 63, Some(0)));
        assert_eq!(BackendSet::default().next_from(0), None);
    }

    #[test]
    fn what_two_sets_have_in_common() {
        let (a, b): (BackendSet, BackendSet) = ((0..70).collect(), (65..90).collect());
        let mut common = BackendSet::default();
        common.set_to_common(&a, &b);
        assert_eq!(common.iter().collect::<Vec<_>>(), [65, 66, 67, 68, 69]);
        assert!(a.meets(&b) && !a.meets(&(90..100).collect()));
    }
}
