//! Named random streams.
//!
//! A [`Key`] is a 64-bit hash of everything that a draw is bound to: seed, replication, component
//! name, purpose, request, visit. [`Key::draws`] opens the substream of that key, a
//! `SplitMix64` generator (Steele, Lea and Flood, OOPSLA 2014): nothing to seed, and independent of every other substream and of the order of events.
//! The hash is the finaliser of SplitMix64 over a multiply-and-add chain, fixed for all time:
//! results of a seed never depend on platform or compiler.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stable hash of a name (a component, an endpoint, a purpose).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StreamName(u64);

impl StreamName {
    /// Hashes `name`; the same name gives the same stream in every version and on every platform.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut hash = 0xCBF2_9CE4_8422_2325_u64; // FNV-1a, then mixed
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01B3);
            i += 1;
        }
        Self(mix(hash))
    }
}

/// What a draw is bound to, folded into 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Key(u64);

impl Key {
    /// The root of one replication of one seed.
    #[must_use]
    pub const fn root(seed: u64, replication: u64) -> Self {
        Self(mix(seed.wrapping_mul(GOLDEN) ^ mix(replication.wrapping_add(GOLDEN))))
    }

    /// This key, narrowed by a number (a request, a visit, an attempt).
    #[must_use]
    #[inline]
    pub const fn with(self, part: u64) -> Self {
        Self(mix(self.0 ^ part.wrapping_mul(GOLDEN).wrapping_add(GOLDEN)))
    }

    /// This key, narrowed by a name (a component, a purpose).
    #[must_use]
    #[inline]
    pub const fn named(self, name: StreamName) -> Self {
        Self(mix(self.0 ^ name.0))
    }

    /// This key joined with another one.
    #[must_use]
    #[inline]
    pub const fn join(self, other: Self) -> Self {
        Self(mix(self.0.wrapping_add(GOLDEN) ^ other.0))
    }

    /// The key that has these bits: one that was kept as a number.
    #[must_use]
    pub const fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The key's bits, for a decision that needs one 64-bit number and no stream.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Opens this key's substream.
    #[must_use]
    #[inline]
    pub fn draws(self) -> Draws {
        Draws(self.0)
    }
}

/// One substream: an endless sequence of uniform draws.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The next 64 uniform bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform on [0, 1) with 53 bits.
    #[inline]
    #[allow(clippy::cast_precision_loss)]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform on (0, 1]: safe under a logarithm.
    #[inline]
    #[allow(clippy::cast_precision_loss)]
    pub fn unit_open(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform on 0..n (Lemire's multiply-shift; the bias is below n / 2^64). Zero if `n` is zero.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with probability `p`.
    #[inline]
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_key_are_fixed_for_all_time() {
        let key = Key::root(7, 3).named(StreamName::new("db")).with(42);
        let mut draws = key.draws();
        let first = [draws.bits(), draws.bits(), draws.bits()];
        assert_eq!(first, FROZEN, "a change here changes every result of every user");
    }
    const FROZEN: [u64; 3] =
        [11_356_183_964_561_994_628, 11_064_748_469_799_832_525, 9_647_568_577_469_183_352];

    #[test]
    fn names_and_order_matter() {
        let root = Key::root(1, 0);
        let (a, b) = (StreamName::new("a"), StreamName::new("b"));
        assert_ne!(root.named(a).named(b), root.named(b).named(a));
        assert_ne!(root.with(0), root.with(1));
        assert_ne!(Key::root(1, 0), Key::root(0, 1));
    }
}
