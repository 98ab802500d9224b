//! Which partition a record goes to.
//!
//! A key is hashed as Kafka's default partitioner does (murmur2 with its seed, `Utils.murmur2`, over the row's decimal
//! digits, as a string key is serialised), so that a hot row lands where it would land there.
//! Without a key, a partition is kept until a batch's worth of bytes went to it (KIP-794, Kafka 3.3), or they take
//! turns (before 2.4). The draw of the next sticky partition is keyed by how often it was drawn.

use crate::base::random::Key;

/// The seed of Kafka's `Utils.murmur2`.
const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;

/// `MurmurHash2` (Austin Appleby, public domain) of `bytes` with Kafka's seed.
#[must_use]
pub fn murmur2(bytes: &[u8]) -> u32 {
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ k >> 24).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

/// The partition of a record with key `row`, among `partitions` (at least one).
#[must_use]
pub fn of_key(row: u64, partitions: u32) -> u32 {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = row;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    (murmur2(&digits[at..]) & 0x7fff_ffff) % partitions.max(1)
}

/// How records without a key are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keyless {
    /// One partition until `batch` bytes went to it, then another by chance.
    #[default]
    Sticky,
    /// In turn.
    RoundRobin,
}

/// Where one producer's records without a key go.
#[derive(Clone, Debug)]
pub struct Spreader {
    how: Keyless,
    partitions: u32,
    /// Bytes after which a sticky one moves on.
    batch: u64,
    key: Key,
    now_at: u32,
    written: u64,
    moves: u64,
}

impl Spreader {
    /// At its first partition.
    #[must_use]
    pub fn new(how: Keyless, partitions: u32, batch: u64, key: Key) -> Self {
        let mut it = Self { how, partitions: partitions.max(1), batch, key, now_at: 0, written: 0, moves: 0 };
        if how == Keyless::Sticky {
            it.draw();
        }
        it
    }

    fn draw(&mut self) {
        self.now_at = self.key.with(self.moves).draws().below(u64::from(self.partitions)) as u32;
        self.moves += 1;
        self.written = 0;
    }

    /// The partition of the next record, of `bytes` bytes.
    pub fn next(&mut self, bytes: u64) -> u32 {
        let at = self.now_at;
        match self.how {
            Keyless::RoundRobin => self.now_at = (at + 1) % self.partitions,
            Keyless::Sticky => {
                self.written += bytes;
                if self.written >= self.batch {
                    self.draw();
                }
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that Kafka's own test of `Utils.murmur2` expects.
    #[test]
    fn hashes_as_kafka_does() {
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
        assert_eq!(of_key(21, 7), (murmur2(b"21") & 0x7fff_ffff) % 7);
        assert_eq!(of_key(0, 5), (murmur2(b"0") & 0x7fff_ffff) % 5);
        assert!(of_key(u64::MAX, 3) < 3);
    }

    #[test]
    fn keys_spread_evenly_and_a_key_stays() {
        let mut count = [0_u32; 12];
        for row in 0..120_000 {
            assert_eq!(of_key(row, 12), of_key(row, 12));
            count[of_key(row, 12) as usize] += 1;
        }
        assert!(count.iter().all(|n| (9_500..10_500).contains(n)), "{count:?}");
    }

    #[test]
    fn without_a_key_a_batch_sticks_and_turns_are_taken() {
        let mut sticky = Spreader::new(Keyless::Sticky, 8, 1_000, Key::root(1, 0));
        let first: Vec<u32> = (0..10).map(|_| sticky.next(100)).collect();
        assert!(first.iter().all(|p| *p == first[0]), "{first:?}");
        let mut count = [0_u32; 8];
        for _ in 0..80_000 {
            count[sticky.next(100) as usize] += 1;
        }
        assert!(count.iter().all(|n| (9_000..11_000).contains(n)), "{count:?}");
        let mut turns = Spreader::new(Keyless::RoundRobin, 3, 1_000, Key::root(1, 0));
        assert_eq!((0..5).map(|_| turns.next(1)).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
    }
}
