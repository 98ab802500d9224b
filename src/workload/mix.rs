//! What a client population asks for, and of whom its requests are.

use super::profile::Profile;
use crate::base::random::{Distribution, Key, StreamName};
use crate::base::{EntityId, SimTime};
use crate::engine::SiteId;

/// One entry of a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct MixEntry {
    /// Relative frequency.
    pub weight: f64,
    /// Its call site, with its own timeout and retries.
    pub site: SiteId,
    /// Scheduling class, smaller first.
    pub priority: u8,
    /// Whether it writes to a database.
    pub writes: bool,
}

/// Who comes back after a write to read the same row.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBack {
    /// The share of good writes that are read back.
    pub chance: f64,
    /// Seconds between the answer to the write and the read.
    pub after: Distribution,
    /// The entity whose row is the owner.
    pub owner: EntityId,
}

/// The endpoints that a population asks for.
#[derive(Clone, Debug)]
pub struct Mix {
    /// The entries, in the order of the scenario.
    pub entries: Vec<MixEntry>,
    /// The share of requests that write, over time; without it the weights decide alone.
    pub write_share: Option<Profile>,
}

const PICK: StreamName = StreamName::new("mix");
const WRITES: StreamName = StreamName::new("writes");

impl Mix {
    /// The entry that a customer with this luck asks for at `now`.
    pub(super) fn pick(&self, luck: Key, now: SimTime) -> usize {
        match &self.write_share {
            None if self.entries.len() == 1 => 0,
            None => self.among(luck, |_| true),
            Some(share) => {
                let writes = luck.named(WRITES).draws().unit() < share.rate(now.as_secs_f64());
                self.among(luck, |entry| entry.writes == writes)
            }
        }
    }

    /// A read that a customer with this luck makes; none if every entry writes.
    pub(super) fn pick_read(&self, luck: Key) -> Option<usize> {
        let any = self.entries.iter().any(|entry| !entry.writes && entry.weight > 0.0);
        any.then(|| self.among(luck, |entry| !entry.writes))
    }

    /// By weight among those that are `eligible`.
    fn among(&self, luck: Key, eligible: impl Fn(&MixEntry) -> bool) -> usize {
        let candidates = || self.entries.iter().enumerate().filter(|(_, entry)| eligible(entry));
        let total: f64 = candidates().map(|(_, entry)| entry.weight).sum();
        let mut u = luck.named(PICK).draws().unit() * total;
        let mut last = 0;
        for (index, entry) in candidates() {
            if u < entry.weight {
                return index;
            }
            u -= entry.weight;
            last = index;
        }
        last
    }
}

/// A population spread over regions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regions {
    /// Shares that sum to one; empty: all in one place.
    pub shares: Vec<f64>,
}

impl Regions {
    /// The region of a customer with this luck.
    pub(super) fn of(&self, luck: Key) -> u16 {
        if self.shares.len() < 2 {
            return 0;
        }
        let mut u = luck.named(StreamName::new("region")).draws().unit();
        for (index, share) in self.shares.iter().enumerate() {
            if u < *share {
                return index as u16;
            }
            u -= share;
        }
        self.shares.len() as u16 - 1
    }
}
