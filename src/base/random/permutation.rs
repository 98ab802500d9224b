//! A keyed permutation of 0..n in constant memory: scatters popularity ranks over row ids.
//!
//! Four rounds of a balanced Feistel network over the next even power of two, walked along its
//! cycle until the image lies below n (Black and Rogaway 2002); under four steps on average.

use super::Key;

/// A bijection of 0..n.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Permutation {
    n: u64,
    half_bits: u32,
    key: Key,
}

impl Permutation {
    /// The permutation of 0..n (n at least 1) that belongs to `key`.
    #[must_use]
    pub fn new(n: u64, key: Key) -> Self {
        let bits = 64 - n.max(2).saturating_sub(1).leading_zeros();
        Self { n: n.max(1), half_bits: bits.div_ceil(2), key }
    }

    /// The image of `x`; for x at or beyond n, of x modulo n.
    #[must_use]
    pub fn apply(&self, x: u64) -> u64 {
        let mask = (1_u64 << self.half_bits) - 1;
        let mut x = x % self.n;
        loop {
            let (mut left, mut right) = (x >> self.half_bits, x & mask);
            for round in 0..4 {
                let mixed = self.key.with(right << 3 | round).bits() & mask;
                (left, right) = (right, left ^ mixed);
            }
            x = left << self.half_bits | right;
            if x < self.n {
                return x;
            }
        }
    }
    /// What [`Self::apply`] maps to `y`; for y at or beyond n, to y modulo n.
    #[must_use]
    pub fn invert(&self, y: u64) -> u64 {
        let mask = (1_u64 << self.half_bits) - 1;
        let mut y = y % self.n;
        loop {
            let (mut left, mut right) = (y >> self.half_bits, y & mask);
            for round in (0..4).rev() {
                let mixed = self.key.with(left << 3 | round).bits() & mask;
                (left, right) = (right ^ mixed, left);
            }
            y = left << self.half_bits | right;
            if y < self.n {
                return y;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_hit_once() {
        for n in [1, 2, 3, 10, 257, 1000, 4096] {
            let permutation = Permutation::new(n, Key::root(5, 0));
            let mut rows: Vec<_> = (0..n).map(|x| permutation.apply(x)).collect();
            assert!((0..n).all(|x| permutation.invert(rows[x as usize]) == x), "n = {n}");
            rows.sort_unstable();
            assert!(rows.into_iter().eq(0..n), "n = {n}");
        }
    }
}
