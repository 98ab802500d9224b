//! Which entry gives way when a cache is full: one trait, one file a policy.
//!
//! A [`Store`](super::store::Store) owns keys and values; a policy sees slots, and keeps what it notes in
//! arrays of its own. The order of calls is always: for a key that is not there [`Eviction::admit`], then
//! [`Eviction::evict`] until there is room, then [`Eviction::insert`]; for one that is there
//! [`Eviction::hit`]. So the newcomer is never its own victim, except in that W-TinyLFU may soon drop it.
//! Rule: every slot that was inserted is given back exactly once, by `evict` or to `remove`.
//!
//! | policy | name | cost | state, bytes an entry |
//! |---|---|---|---|
//! | least recently used | `lru` | O(1) | 8 |
//! | Redis' approximated LRU | `sampled-lru` | O(1) | 12 |
//! | least frequently used | `lfu` | O(1) | 12, and 32 for each count in use |
//! | Redis' approximated LFU | `sampled-lfu` | O(1) | 12 |
//! | first in, first out | `fifo` | O(1) | 8 |
//! | second chance | `clock` | O(1) amortised | 12 |
//! | random replacement | `random` | O(1) | 8 |
//! | segmented LRU | `slru` | O(1) amortised | 12 |
//! | memcached's segmented LRU | `segmented-lru` | O(1) | 16 |
//! | 2Q | `2q` | O(1) amortised | 12, and about 36 for each of 50 % ghosts |
//! | ARC | `arc` | O(1) amortised | 12, and about 36 for each of 100 % ghosts |
//! | W-TinyLFU | `w-tinylfu` | O(1) amortised | 20 to 28 |
//! | S3-FIFO | `s3-fifo` | O(1) amortised | 12, and about 36 for each of 90 % ghosts |
//! | SIEVE | `sieve` | O(1) amortised | 12 |
//! | no eviction: writes fail | `noeviction` | O(1) | 0 |
//!
//! To these come the entry (32) and its index (6 to 12): 52 bytes an item for LRU at a million items, 75 at
//! ten million, where the growing arrays happen to be two thirds full.

mod arc;
mod clock;
mod fifo;
mod ghost;
mod lfu;
mod list;
mod lru;
mod no_eviction;
mod pool;
mod random;
mod residents;
mod s3_fifo;
mod sampled_lfu;
mod sampled_lru;
mod segmented_lru;
mod sieve;
mod sketch;
mod slru;
mod two_q;
mod w_tiny_lfu;

use std::fmt;

use super::entries::Entries;
pub use super::entries::Slot;
use crate::base::SimTime;
use crate::base::random::{Key, StreamName};

/// Chooses what gives way.
pub trait Eviction: fmt::Debug + Send {
    /// `key` is not there and will be inserted with `weight`: called once, before room is made.
    fn admit(&mut self, key: u64, weight: u32) {
        let _ = (key, weight);
    }

    /// `slot` is a new entry.
    fn insert(&mut self, slot: Slot, entries: &Entries, now: SimTime);

    /// The entry in `slot` was read, or written anew.
    fn hit(&mut self, slot: Slot, entries: &Entries, now: SimTime);

    /// Gives up one entry, to make room for what weighs `incoming`; none if nothing may or can be evicted.
    fn evict(&mut self, incoming: u32, entries: &Entries, now: SimTime) -> Option<Slot>;

    /// The entry in `slot` is deleted or expired; it is still in `entries`.
    fn remove(&mut self, slot: Slot, entries: &Entries);

    /// The entry in `slot` weighs `new` from now on, instead of `old`.
    fn resize(&mut self, slot: Slot, old: u32, new: u32) {
        let _ = (slot, old, new);
    }

    /// All entries are gone.
    fn clear(&mut self);

    /// Bytes allocated.
    fn memory(&self) -> usize;
}

macro_rules! policies {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $title:literal, [$($alias:literal),*];)*) => {
        /// The policies by name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Policy {
            $($(#[doc = $doc])* $name,)*
        }

        impl Policy {
            /// Every policy.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As a scenario writes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// As people call it.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The policy of this name, or of the name that a product gives it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text $(| $alias)* => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

policies! {
    /// Least recently used.
    Lru = "lru", "LRU", [];
    /// Redis' approximated LRU.
    SampledLru = "sampled-lru", "sampled LRU", ["allkeys-lru"];
    /// Least frequently used since it came in.
    Lfu = "lfu", "LFU", [];
    /// Redis' approximated LFU with decay.
    SampledLfu = "sampled-lfu", "sampled LFU", ["allkeys-lfu"];
    /// First in, first out.
    Fifo = "fifo", "FIFO", [];
    /// Second chance.
    Clock = "clock", "CLOCK", [];
    /// Random replacement.
    Random = "random", "random", ["allkeys-random"];
    /// Segmented LRU with two segments.
    Slru = "slru", "SLRU", [];
    /// memcached's HOT, WARM and COLD.
    SegmentedLru = "segmented-lru", "segmented LRU", ["memcached"];
    /// 2Q.
    TwoQ = "2q", "2Q", [];
    /// ARC.
    Arc = "arc", "ARC", [];
    /// W-TinyLFU, Caffeine's.
    WTinyLfu = "w-tinylfu", "W-TinyLFU", ["caffeine"];
    /// S3-FIFO.
    S3Fifo = "s3-fifo", "S3-FIFO", [];
    /// SIEVE.
    Sieve = "sieve", "SIEVE", [];
    /// Writes fail when the cache is full.
    NoEviction = "noeviction", "no eviction", [];
}

impl Policy {
    /// The policy's state, for entries that weigh `capacity` together at most and are no more than `items`.
    /// Those that draw lots do so from the substream of `key`.
    #[must_use]
    pub fn build(self, capacity: u64, items: Option<u64>, key: Key) -> Box<dyn Eviction> {
        let draws = key.named(StreamName::new(self.name())).draws();
        match self {
            Self::Lru => Box::<lru::Lru>::default(),
            Self::SampledLru => Box::new(sampled_lru::SampledLru::new(draws)),
            Self::Lfu => Box::<lfu::Lfu>::default(),
            Self::SampledLfu => Box::new(sampled_lfu::SampledLfu::new(draws)),
            Self::Fifo => Box::<fifo::Fifo>::default(),
            Self::Clock => Box::<clock::Clock>::default(),
            Self::Random => Box::new(random::Random::new(draws)),
            Self::Slru => Box::new(slru::Slru::new(capacity)),
            Self::SegmentedLru => Box::<segmented_lru::SegmentedLru>::default(),
            Self::TwoQ => Box::new(two_q::TwoQ::new(capacity)),
            Self::Arc => Box::new(arc::Arc::new(capacity)),
            Self::WTinyLfu => Box::new(w_tiny_lfu::WTinyLfu::new(capacity, items, draws)),
            Self::S3Fifo => Box::new(s3_fifo::S3Fifo::new(capacity)),
            Self::Sieve => Box::<sieve::Sieve>::default(),
            Self::NoEviction => Box::new(no_eviction::NoEviction),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// So many hundredths of the capacity, rounded down, without overflow.
fn share(capacity: u64, percent: u64) -> u64 {
    capacity / 100 * percent + capacity % 100 * percent / 100
}

#[cfg(test)]
mod tests;
