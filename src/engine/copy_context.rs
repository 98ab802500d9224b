//! What components see of copies of rows: versions and how old they are, who reads for whom, the sites at
//! which caches call on by themselves.

use super::call::CallId;
use super::conditions::Life;
use super::context::{Context, Core};
use super::copies::{Seen, Terms};
use super::ledger::Staleness;
use super::plan::{Demand, Popularity, SiteId};
use super::probe::{Observation, Probe, Written};
use super::request::Reader;
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId};
use rustc_hash::FxHashMap;

/// Rows whose last seen version is remembered for each reader; the one read longest ago is forgotten.
const REMEMBERED: usize = 64;

/// What each reader has seen last of the rows that were ever written: a measuring instrument, as the ledger.
#[derive(Debug, Default)]
pub(super) struct Marks(FxHashMap<u64, Vec<(EntityId, u64, u32)>>);

impl Marks {
    /// Notes what a reader has seen; true if it had seen a newer version before.
    fn note(&mut self, reader: u64, (entity, row): (EntityId, u64), version: u32) -> bool {
        if version == 0 && !self.0.contains_key(&reader) {
            return false;
        }
        let marks = self.0.entry(reader).or_default();
        match marks.iter_mut().find(|(e, r, _)| (*e, *r) == (entity, row)) {
            Some((.., seen)) => {
                let back = version < *seen;
                *seen = version.max(*seen);
                back
            }
            None if version > 0 => {
                if marks.len() == REMEMBERED {
                    marks.remove(0);
                }
                marks.push((entity, row, version));
                false
            }
            None => false,
        }
    }
}

/// The site of a cache for an entity.
fn own_site(all: &[(ComponentId, EntityId, SiteId)], me: ComponentId, entity: EntityId) -> Option<SiteId> {
    all.iter().find(|(cache, of, _)| *cache == me && *of == entity).map(|(.., site)| *site)
}

impl<P: Probe> Core<P> {
    /// Bytes of a row as whoever saw this version knows it.
    pub(super) fn size_of(&self, entity: EntityId, row: u64, version: u32) -> u64 {
        let Some(plan) = self.plan.entities.get(entity.index()) else { return 0 };
        if version == 0 && plan.lacks(row) { 0 } else { plan.size_of(row) }
    }

    /// Monotonic reads: whoever has seen a version must not see an older one.
    fn mark(&mut self, id: CallId, (entity, row): (EntityId, u64), version: u32) {
        if !self.ledger.is_on() {
            return;
        }
        let request = self.calls[id].request;
        let Some(reader) = self.requests.get(request).map(|request| request.reader) else { return };
        let reader = match reader {
            Reader::Nobody => return,
            Reader::Session(luck) => luck.draws().bits(),
            Reader::Owner(owner) => {
                let own = self.row_of(request, owner);
                Key::default().with(u64::from(owner.0)).with(own).draws().bits()
            }
        };
        if self.marks.note(reader, (entity, row), version) {
            self.observe(Observation::WentBack { entity });
        }
    }

    /// A session is over: what it has seen is of no use any more.
    fn forget_reader(&mut self, luck: Key) {
        if !self.marks.0.is_empty() {
            self.marks.0.remove(&luck.draws().bits());
        }
    }
}

impl<P: Probe> Context<'_, P> {
    /// A session with this luck is over.
    pub fn leave_session(&mut self, luck: Key) {
        self.core.forget_reader(luck);
    }

    /// The call has seen a version of a row: whatever it answers or writes to a cache is of that version.
    /// Nothing is noted where nothing can be old.
    pub fn see(&mut self, id: CallId, entity: EntityId, version: u32) {
        if self.core.ledger.is_on() {
            self.core.calls[id].seen = Seen { entity, version, row: self.core.calls[id].row };
        }
    }

    /// A read of a row for this call saw this version: how old that is now is observed, and whether its
    /// owner had written a newer one.
    pub fn read_version(&mut self, id: CallId, (entity, row): (EntityId, u64), version: u32) {
        let expects = self.request(id).map_or(Seen::NOTHING, |request| request.expects);
        if expects.entity == entity && expects.row == row && version < expects.version {
            self.observe(Observation::OwnWriteUnread { entity });
        }
        let Staleness { behind, age } =
            self.core.ledger.staleness(entity, row, version, self.core.executive.now());
        self.observe(Observation::Read { entity, behind, age });
        self.core.mark(id, (entity, row), version);
    }

    /// The call site at which this cache writes back rows of an entity.
    #[must_use]
    pub fn write_back(&self, entity: EntityId) -> Option<SiteId> {
        own_site(&self.core.plan.write_backs, self.me, entity)
    }

    /// The call site at which this cache itself fetches rows of an entity.
    #[must_use]
    pub fn read_through(&self, entity: EntityId) -> Option<SiteId> {
        own_site(&self.core.plan.read_throughs, self.me, entity)
    }

    /// What a call to a cache is asked to do, and on which terms.
    #[must_use]
    pub fn terms(&self, id: CallId) -> Terms {
        let site = self.core.calls[id].site.0 as usize;
        self.core
            .plan
            .sites
            .get(site)
            .and_then(|site| site.item.as_ref())
            .map_or(Terms::default(), |i| i.terms)
    }

    /// Whether there is no such row, as far as whoever saw this version of it knows.
    #[must_use]
    pub fn is_absent(&self, entity: EntityId, row: u64, version: u32) -> bool {
        version == 0 && self.core.plan.entities.get(entity.index()).is_some_and(|plan| plan.lacks(row))
    }

    /// Whether some rows of an entity do not exist.
    #[must_use]
    pub fn may_lack(&self, entity: EntityId) -> bool {
        self.core.plan.entities.get(entity.index()).is_some_and(|plan| plan.absent > 0.0)
    }

    /// A write of a row for which nobody waits to hear more: it is acknowledged, or done to the store or to a
    /// copy. Nothing is told where nothing can be old.
    pub fn wrote(&mut self, entity: EntityId, what: Written) {
        if self.core.ledger.is_on() {
            self.observe(Observation::Wrote { entity, what });
        }
    }

    /// A statement has committed a write of a row: its new version, of which whoever follows the log is told.
    pub fn commit(&mut self, entity: EntityId, row: u64) -> u32 {
        let now = self.now();
        let version = self.core.ledger.commit(entity, row, now);
        self.wrote(entity, Written::Acknowledged);
        self.wrote(entity, Written::Store);
        if !self.core.feeds.is_empty() {
            self.core.feed(entity, row, version);
        }
        version
    }

    /// The row that is `rank`-th in popularity at the start (0 is the hottest), and the node of this cache
    /// that it belongs to.
    #[must_use]
    pub fn ranked(&self, entity: EntityId, rank: u64) -> (u64, u16) {
        let Some(plan) = self.core.plan.entities.get(entity.index()) else { return (rank, 0) };
        let row = match &plan.popularity {
            Popularity::Zipf { scatter: Some(scatter), .. } => scatter.apply(rank % plan.rows.max(1)),
            Popularity::Zipf { scatter: None, .. } => plan.rows.saturating_sub(rank + 1),
            Popularity::Uniform | Popularity::Trace(_) => rank,
        };
        let spread = self.core.plan.spread.iter().find(|(cache, _)| *cache == self.me);
        (row, spread.map_or(0, |(_, nodes)| nodes.node_of(entity, row, |_| true)))
    }

    /// The node of this cache that a row belongs to, as its clients see it now.
    #[must_use]
    pub fn node_of(&self, entity: EntityId, row: u64) -> u16 {
        let spread = self.core.plan.spread.iter().find(|(cache, _)| *cache == self.me);
        let lives = |node| !matches!(self.life(self.me, node), Life::Down | Life::Absent);
        spread.map_or(0, |(_, nodes)| nodes.node_of(entity, row, lives))
    }

    /// The value of `demand` for whoever has this luck.
    #[must_use]
    pub fn draw_for(&self, demand: &Demand, luck: Key) -> f64 {
        match demand {
            Demand::Drawn { distribution, key } => distribution.sample(&mut key.join(luck).draws()),
            Demand::Replayed(_) => 0.0,
        }
    }

    /// Bytes of a row as whoever saw this version knows it: nothing where there is none.
    #[must_use]
    pub fn size_of(&self, entity: EntityId, row: u64, version: u32) -> u64 {
        self.core.size_of(entity, row, version)
    }
}
