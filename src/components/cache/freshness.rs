//! What a stored item is, and how a reader treats it near its end.
//!
//! Beside the version of a row, an item says whether it stands for a remembered error or for a row that was
//! taken out by version, and how long its value took to make. The last is what early refreshes by lot need:
//! a reader fetches anew if `cost x beta x -ln(u)` reaches beyond the item's end, with u uniform on (0, 1)
//! (`XFetch`: Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).

use crate::base::random::Key;
use crate::base::{SimDuration, SimTime};
use crate::engine::Terms;

/// What an item stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A row, or that there is none.
    Row,
    /// An error of fetching; the version is its status.
    Error,
    /// A row that was taken out, and the version that made its copies old.
    Retired,
}

/// What the version of a stored [`super::entries::Value`] says, unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    /// The version of the row.
    pub version: u32,
    /// What it stands for.
    pub kind: Kind,
    /// How long the value took to make, in microseconds, 1073 s at most.
    pub cost: u32,
}

/// The longest cost that is told apart: 30 bits.
const MOST_COST: u32 = (1 << 30) - 1;

impl Note {
    /// A copy of a row that took no time to make.
    #[must_use]
    pub const fn row(version: u32) -> Self {
        Self { version, kind: Kind::Row, cost: 0 }
    }

    /// The same, made in `cost`.
    #[must_use]
    pub fn costing(self, cost: SimDuration) -> Self {
        Self { cost: (cost.as_nanos() / 1_000).min(u64::from(MOST_COST)) as u32, ..self }
    }

    /// As a store keeps it.
    #[must_use]
    pub const fn packed(self) -> u64 {
        self.version as u64 | (self.kind as u64) << 32 | (self.cost as u64) << 34
    }

    /// What a store kept.
    #[must_use]
    pub const fn of(packed: u64) -> Self {
        let kind = match (packed >> 32) & 3 {
            1 => Kind::Error,
            2 => Kind::Retired,
            _ => Kind::Row,
        };
        Self { version: packed as u32, kind, cost: (packed >> 34) as u32 }
    }
}

/// How an item that is there is to be treated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Served.
    Fresh,
    /// Served, and fetched anew in the background: its end is near.
    Ahead,
    /// Served past its time, and fetched anew in the background.
    Stale,
    /// Fetched anew by whoever asks, before its time, by lot.
    Early,
    /// Past its time: served only if fetching it anew fails.
    Spent,
}

/// How a reader at `now` treats an item that is taken out at `expiry`; `luck` is the reader's own.
#[must_use]
pub fn judge(terms: &Terms, expiry: SimTime, cost: u32, now: SimTime, luck: Key) -> Freshness {
    if expiry == SimTime::MAX {
        return Freshness::Fresh;
    }
    let (left, kept) = (expiry.since(now), terms.kept());
    if left < kept {
        let late = kept - left;
        return if late < terms.grace { Freshness::Stale } else { Freshness::Spent };
    }
    let rest = left - kept;
    if rest < terms.ahead {
        return Freshness::Ahead;
    }
    if terms.beta > 0.0 {
        let early = -f64::from(cost) * 1e-6 * terms.beta * libm::log(luck.draws().unit_open());
        if early >= rest.as_secs_f64() {
            return Freshness::Early;
        }
    }
    Freshness::Fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_as_they_were() {
        for kind in [Kind::Row, Kind::Error, Kind::Retired] {
            for (version, cost) in [(0, 0), (u32::MAX, MOST_COST), (7, 200_000)] {
                let note = Note { version, kind, cost };
                assert_eq!(Note::of(note.packed()), note);
            }
        }
        let slow = Note::row(3).costing(SimDuration::from_secs(100_000));
        assert_eq!((slow.cost, Note::of(slow.packed())), (MOST_COST, slow));
        assert_eq!(Note::row(7).packed(), 7, "a plain copy is its version");
    }

    #[test]
    fn an_item_ages_from_fresh_to_spent() {
        use Freshness::{Ahead, Fresh, Spent, Stale};
        let s = SimDuration::from_secs;
        let terms = Terms { grace: s(5), on_error: s(20), ahead: s(10), beta: 0.0 };
        // A time to live of 60 s and what is kept beyond it.
        let (end, luck) = (SimTime::from_secs_f64(80.0), Key::default());
        let at = |now: f64| judge(&terms, end, 0, SimTime::from_secs_f64(now), luck);
        let ages = [10.0, 49.9, 50.1, 59.9, 60.1, 64.9, 65.1, 79.9].map(at);
        assert_eq!(ages, [Fresh, Fresh, Ahead, Ahead, Stale, Stale, Spent, Spent]);
    }

    #[test]
    fn early_fetches_come_as_often_as_the_formula_says() {
        // P(-ln(u) x cost x beta >= rest) = exp(-rest / (cost x beta)).
        let terms = Terms { beta: 2.0, ..Terms::default() };
        let now = SimTime::from_secs_f64(10.0);
        for rest in [0.1, 0.4, 1.0] {
            let end = SimTime::from_secs_f64(10.0 + rest);
            let early = (0..40_000_u64)
                .filter(|n| judge(&terms, end, 200_000, now, Key::root(1, *n)) == Freshness::Early)
                .count() as f64
                / 40_000.0;
            let expected = (-rest / 0.4_f64).exp();
            assert!((early - expected).abs() < 0.01, "{rest}: {early} for {expected}");
        }
    }
}
