//! What a member's memory holds of its data, as data grow and move: how many of a statement's pages come
//! from disk. See [`super::buffer_pool`] for the law.
//!
//! Rows that another entity's key places (the orders of a user) lie together and are asked for by its popularity.

use super::buffer_pool::{Rows, characteristic_time};
use super::spec::{DatabaseBuild, Kept};
use crate::base::EntityId;
use crate::base::random::{Key, StreamName};
use crate::engine::{CallId, Context, Probe};

/// Pages of one statement that are told apart; of more, the mean is taken.
const TOLD_APART: u64 = 64;
const COINS: StreamName = StreamName::new("page in memory");

/// A member's memory.
#[derive(Debug)]
pub(super) struct WorkingSet {
    memory: f64,
    kept: Vec<(Kept, Rows, u64)>,
    /// Accesses since the member began, warm ones of its past included.
    accesses: f64,
    seen: u64,
    next_look: u64,
    time: f64,
}

impl WorkingSet {
    /// None where all data are in memory.
    pub(super) fn new(build: &DatabaseBuild) -> Option<Box<Self>> {
        let empty = Rows { count: 1.0, thinned: 1.0, bytes: 1.0, zipf: None, together: false, share: 0.0 };
        Some(Box::new(Self {
            memory: build.spec.memory?,
            kept: build.kept.iter().map(|kept| (*kept, empty.clone(), 0)).collect(),
            accesses: f64::INFINITY,
            seen: 0,
            next_look: 0,
            time: f64::INFINITY,
        }))
    }

    /// The member answers statements from now on. If it never did, its memory holds what replaying has touched:
    /// one page for each write.
    pub(super) fn takes_over(&mut self, replayed: u64) {
        if self.seen == 0 {
            self.accesses = self.accesses.min(replayed as f64);
        }
    }

    /// The member has lost its memory.
    pub(super) fn forget(&mut self) {
        self.accesses = 0.0;
    }

    /// Looks at the data as they are now; `share` is the part of all keys that lies here.
    fn look<P: Probe>(&mut self, share: f64, cx: &mut Context<'_, P>) {
        for (kept, rows, asked) in &mut self.kept {
            let groups = cx.rows_of(kept.by).max(1) as f64;
            let each = if kept.by == kept.rows { 1.0 } else { cx.rows_of(kept.rows) as f64 / groups };
            let (zipf, together) = if kept.scanned { (None, false) } else { cx.popularity_of(kept.by) };
            *rows = Rows {
                count: (groups * share).max(1.0),
                thinned: 1.0 / share.max(1e-9),
                bytes: kept.bytes * each.max(1e-9),
                zipf,
                together,
                // Before anything was asked for, all alike.
                share: if self.seen == 0 { 1.0 } else { *asked as f64 / self.seen as f64 },
            };
        }
        if self.seen == 0 {
            let n = self.kept.len().max(1) as f64;
            self.kept.iter_mut().for_each(|(_, rows, _)| rows.share = 1.0 / n);
        }
        let rows: Vec<Rows> = self.kept.iter().map(|(_, rows, _)| rows.clone()).collect();
        self.time = characteristic_time(self.memory, &rows);
        // As the mix settles, looks become rare.
        self.next_look = self.seen + (self.seen / 4).clamp(1000, 100_000);
    }

    /// Pages of a statement that are not in memory, of `pages` that it looks at.
    pub(super) fn misses<P: Probe>(
        &mut self,
        (kept, pages): (usize, u64),
        (row, shard): (u64, u16),
        id: CallId,
        cx: &mut Context<'_, P>,
    ) -> u64 {
        if self.seen >= self.next_look {
            let share = share_of(shard, cx);
            self.look(share, cx);
        }
        let Some((what, rows, asked)) = self.kept.get_mut(kept) else { return 0 };
        *asked += pages;
        self.seen += pages;
        self.accesses += pages as f64;
        let time = self.time.min(self.accesses);
        if time.is_infinite() {
            return 0;
        }
        let rank = if what.scanned { 1 } else { cx.rank_of(what.by, row) };
        let missing = (1.0 - rows.found(rank, time)).clamp(0.0, 1.0);
        if pages > TOLD_APART {
            return (missing * pages as f64 + 0.5) as u64;
        }
        let mut draws = Key::default().named(COINS).join(cx.luck(id)).draws();
        (0..pages).filter(|_| draws.chance(missing)).count() as u64
    }
}

/// The share of all keys that lie on a shard.
fn share_of<P: Probe>(shard: u16, cx: &mut Context<'_, P>) -> f64 {
    let by: Option<EntityId> =
        cx.cluster().and_then(|cluster| cluster.sharding()).map(|sharding| sharding.by);
    let Some(by) = by else { return 1.0 };
    let keys = cx.rows_of(by);
    let sharding = cx.cluster().and_then(|cluster| cluster.sharding());
    sharding.map_or(1.0, |sharding| sharding.partitioner.share_of_shard(shard, keys))
}
