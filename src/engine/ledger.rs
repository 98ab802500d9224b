//! The ledger of versions: a measuring instrument, and no channel between components.
//!
//! It knows each written row's latest committed version and the times of its last commits, so that
//! stale reads, their age and lost writes are counted and not assumed. A row that was never updated
//! takes no memory: its version is 0 from birth. Where nothing can read an old version the ledger
//! is off and remembers nothing.

use rustc_hash::FxHashMap;

use crate::base::{EntityId, SimDuration, SimTime};

/// Commit times that are kept per row; a read further behind than this has its age from the oldest kept.
const REMEMBERED: usize = 8;

#[derive(Clone, Debug)]
struct Row {
    /// The latest that was acknowledged to whoever wrote it.
    version: u32,
    /// The latest that the store has; less than that only where a cache acknowledges writes (write-back).
    stored: u32,
    /// Commit times of the latest versions, `commits[version % REMEMBERED]`.
    commits: [SimTime; REMEMBERED],
    /// Their positions in the log of the store, where it is replicated.
    positions: Option<Box<[u64; REMEMBERED]>>,
}

/// What a read that saw one version missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Staleness {
    /// Versions behind the latest committed one; 0 is fresh.
    pub behind: u32,
    /// Time since the first missed version was committed.
    pub age: SimDuration,
}

/// Versions of all written rows.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    on: bool,
    rows: FxHashMap<(EntityId, u64), Row>,
}

impl Ledger {
    /// A ledger that remembers, or one that is off.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on, rows: FxHashMap::default() }
    }

    /// Whether it remembers.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Records a commit; the row's new version (always 0 when the ledger is off).
    pub fn commit(&mut self, entity: EntityId, row: u64, now: SimTime) -> u32 {
        if !self.on {
            return 0;
        }
        let row = self.rows.entry((entity, row)).or_insert(Row {
            version: 0,
            stored: 0,
            commits: [SimTime::ZERO; REMEMBERED],
            positions: None,
        });
        row.version += 1;
        row.commits[row.version as usize % REMEMBERED] = now;
        row.stored = row.version;
        row.version
    }

    /// Says at which position of its store's log the latest version of a row stands.
    pub fn place(&mut self, entity: EntityId, row: u64, position: u64) {
        if let Some(row) = self.rows.get_mut(&(entity, row)) {
            let at = row.version as usize % REMEMBERED;
            row.positions.get_or_insert_default()[at] = position;
        }
    }

    /// The version that is seen by whoever has the store's log up to a position. Of a row that was written
    /// more often since than is remembered it is the newest that it can be.
    #[must_use]
    pub fn version_at(&self, entity: EntityId, row: u64, position: u64) -> u32 {
        let Some(row) = self.rows.get(&(entity, row)) else { return 0 };
        let Some(positions) = &row.positions else { return row.version };
        let oldest = (row.version + 1).saturating_sub(REMEMBERED as u32).max(1);
        let has = |version: &u32| positions[*version as usize % REMEMBERED] <= position;
        (oldest..=row.version).rev().find(has).unwrap_or(oldest - 1)
    }

    /// The version that was the latest at an instant. Of a row that was written more often since than is
    /// remembered it is the newest that it can be.
    #[must_use]
    pub fn version_when(&self, entity: EntityId, row: u64, at: SimTime) -> u32 {
        let Some(row) = self.rows.get(&(entity, row)) else { return 0 };
        let oldest = (row.version + 1).saturating_sub(REMEMBERED as u32).max(1);
        let was = |version: &u32| row.commits[*version as usize % REMEMBERED] <= at;
        (oldest..=row.version).rev().find(was).unwrap_or(oldest - 1)
    }

    /// The latest version of a row is no more: the store has lost it.
    pub fn retract(&mut self, entity: EntityId, row: u64) {
        if let Some(row) = self.rows.get_mut(&(entity, row)) {
            row.version = row.version.saturating_sub(1);
            row.stored = row.stored.min(row.version);
        }
    }

    /// Records a write that was acknowledged before the store has it; its version.
    pub fn acknowledge(&mut self, entity: EntityId, row: u64, now: SimTime) -> u32 {
        let stored = self.stored(entity, row);
        let version = self.commit(entity, row, now);
        if let Some(row) = self.rows.get_mut(&(entity, row)) {
            row.stored = stored;
        }
        version
    }

    /// The store has an acknowledged version now.
    pub fn store(&mut self, entity: EntityId, row: u64, version: u32) {
        if let Some(row) = self.rows.get_mut(&(entity, row)) {
            row.stored = row.stored.max(version);
            row.version = row.version.max(version);
        }
    }

    /// What was acknowledged of a row and is not stored is lost; how many versions. The stored one is the
    /// latest again.
    pub fn lose(&mut self, entity: EntityId, row: u64) -> u32 {
        self.rows.get_mut(&(entity, row)).map_or(0, |row| {
            let lost = row.version - row.stored;
            row.version = row.stored;
            lost
        })
    }

    /// The version that the store has.
    #[must_use]
    pub fn stored(&self, entity: EntityId, row: u64) -> u32 {
        self.rows.get(&(entity, row)).map_or(0, |r| r.stored)
    }

    /// The row's latest committed version; 0 if it was never updated.
    #[must_use]
    pub fn latest(&self, entity: EntityId, row: u64) -> u32 {
        self.rows.get(&(entity, row)).map_or(0, |r| r.version)
    }

    /// What a read at `now` that saw `version` missed.
    #[must_use]
    pub fn staleness(&self, entity: EntityId, row: u64, version: u32, now: SimTime) -> Staleness {
        let Some(row) = self.rows.get(&(entity, row)) else { return Staleness::default() };
        let behind = row.version.saturating_sub(version);
        if behind == 0 {
            return Staleness::default();
        }
        let oldest_kept = row.version.saturating_sub(REMEMBERED as u32 - 1);
        let missed = (version + 1).max(oldest_kept);
        Staleness { behind, age: now.since(row.commits[missed as usize % REMEMBERED]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staleness_counts_versions_and_age_from_the_first_missed_commit() {
        let mut ledger = Ledger::new(true);
        let (user, row) = (EntityId(0), 7);
        let at = |s: u64| SimTime::from_nanos(s * 1_000_000_000);
        assert_eq!(ledger.latest(user, row), 0);
        assert_eq!(ledger.commit(user, row, at(1)), 1);
        assert_eq!(ledger.commit(user, row, at(4)), 2);
        assert_eq!(ledger.staleness(user, row, 2, at(10)), Staleness::default());
        let one = ledger.staleness(user, row, 1, at(10));
        assert_eq!((one.behind, one.age.as_secs_f64()), (1, 6.0));
        let two = ledger.staleness(user, row, 0, at(10));
        assert_eq!((two.behind, two.age.as_secs_f64()), (2, 9.0));
        assert_eq!(ledger.staleness(user, 8, 0, at(10)), Staleness::default());
    }

    #[test]
    fn what_is_acknowledged_and_not_stored_can_be_lost() {
        let mut ledger = Ledger::new(true);
        let (user, row) = (EntityId(0), 7);
        ledger.commit(user, row, SimTime::ZERO);
        assert_eq!(ledger.acknowledge(user, row, SimTime::ZERO), 2);
        assert_eq!(ledger.acknowledge(user, row, SimTime::ZERO), 3);
        assert_eq!((ledger.latest(user, row), ledger.stored(user, row)), (3, 1));
        ledger.store(user, row, 2);
        assert_eq!(ledger.lose(user, row), 1);
        assert_eq!((ledger.latest(user, row), ledger.lose(user, row)), (2, 0));
    }

    #[test]
    fn a_reader_of_part_of_the_log_sees_what_stands_in_it() {
        let mut ledger = Ledger::new(true);
        let (user, row) = (EntityId(0), 7);
        for position in [3, 8, 20] {
            ledger.commit(user, row, SimTime::ZERO);
            ledger.place(user, row, position);
        }
        let seen = [0, 3, 7, 8, 100].map(|position| ledger.version_at(user, row, position));
        assert_eq!(seen, [0, 1, 1, 2, 3]);
        ledger.retract(user, row);
        assert_eq!((ledger.latest(user, row), ledger.version_at(user, row, 100)), (2, 2));
        for position in 30..50 {
            ledger.commit(user, row, SimTime::ZERO);
            ledger.place(user, row, position);
        }
        assert_eq!((ledger.latest(user, row), ledger.version_at(user, row, 45)), (22, 18));
        assert_eq!(ledger.version_at(user, row, 0), 14);
    }

    #[test]
    fn a_ledger_that_is_off_remembers_nothing() {
        let mut ledger = Ledger::new(false);
        assert_eq!(ledger.commit(EntityId(0), 1, SimTime::ZERO), 0);
        assert!(ledger.rows.is_empty());
    }
}
