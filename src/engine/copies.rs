//! What copies of rows have in common, wherever they are kept: the version of a row that a call has seen,
//! what a call to a cache carries, and which node of a cache a row belongs to.

use super::plan::Demand;
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, OperationId, SimDuration};

/// The version of a row that a call has seen last: read, or written itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Of which entity; [`Seen::NOTHING`] has none.
    pub entity: EntityId,
    /// The version.
    pub version: u32,
    /// Which row.
    pub row: u64,
}

impl Seen {
    /// No row yet.
    pub const NOTHING: Self = Self { entity: EntityId(u16::MAX), version: 0, row: 0 };

    /// Whether there is no row yet.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self.entity == Self::NOTHING.entity
    }
}

/// What a cache is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Verb {
    /// Read.
    Get,
    /// Read; who misses first is to fetch, the others are to ask again.
    GetOrLease,
    /// Write.
    Put,
    /// Write what a lease was given for, unless the item was deleted meanwhile.
    PutLeased,
    /// Take out.
    Delete,
    /// Write, and let the store have it later.
    PutBack,
    /// Write, unless what is there is newer.
    PutNewer,
    /// Take out, and remember the version that made it old, so that nothing older is written for a while.
    Retire,
    /// Remember that fetching failed.
    PutError,
}

impl Verb {
    const ALL: [Self; 9] = [
        Self::Get,
        Self::GetOrLease,
        Self::Put,
        Self::PutLeased,
        Self::Delete,
        Self::PutBack,
        Self::PutNewer,
        Self::Retire,
        Self::PutError,
    ];

    /// Whether it carries a value to the cache.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Put | Self::PutLeased | Self::PutBack | Self::PutNewer)
    }

    /// Whether it says of which version it is, and for how long it holds.
    #[must_use]
    pub const fn has_version(self) -> bool {
        self.writes() || matches!(self, Self::Retire | Self::PutError)
    }

    /// The operation of a cache that does this with a row of `entity`.
    #[must_use]
    pub const fn on(self, entity: EntityId) -> OperationId {
        OperationId(entity.0 * VERBS + self as u16)
    }

    /// What an operation of a cache means.
    #[must_use]
    pub fn of(operation: OperationId) -> (Self, EntityId) {
        let verb = Self::ALL.get(usize::from(operation.0 % VERBS)).copied().unwrap_or(Self::Get);
        (verb, EntityId(operation.0 / VERBS))
    }
}

/// Room for verbs in the number of an operation.
const VERBS: u16 = 16;

/// Entities that operations of a cache can tell apart.
pub const MOST_ENTITIES: usize = (u16::MAX / VERBS) as usize;

/// How readers treat an item near its end and beyond it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Terms {
    /// How long after its time it is still served, while somebody fetches it anew.
    pub grace: SimDuration,
    /// How long after its time it is still there to be served if fetching it anew fails.
    pub on_error: SimDuration,
    /// The last part of its time, in which a hit fetches it anew.
    pub ahead: SimDuration,
    /// How early readers fetch it by lot (the beta of Vattani, Chierichetti and Lowenstein, VLDB 2015);
    /// 0: they do not.
    pub beta: f64,
}

impl Terms {
    /// How long it is kept beyond its time.
    #[must_use]
    pub fn kept(&self) -> SimDuration {
        self.grace.max(self.on_error)
    }

    /// Whether a hit may begin a fetch in the background.
    #[must_use]
    pub fn refreshes(&self) -> bool {
        !self.grace.is_zero() || !self.ahead.is_zero()
    }
}

/// What a call to a cache carries beside the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The row's entity.
    pub entity: EntityId,
    /// What the cache is asked to do.
    pub verb: Verb,
    /// How long it may be kept, in seconds; none: as long as the cache keeps it by itself.
    pub ttl: Option<Demand>,
    /// What becomes of it near its end.
    pub terms: Terms,
}

/// How a cache's keys are spread over its nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Placement {
    /// Consistent hashing with 160 points for each node (ketama): a lost node's keys go to the others.
    #[default]
    Ring,
    /// Redis Cluster's 16 384 slots in equal ranges: a lost node's keys are nowhere until it is back.
    Slots,
    /// The hash modulo the number of nodes that live: when one is lost nearly all keys move.
    Modulo,
}

/// Points of one node on the ring (libmemcached's and twemproxy's ketama: 40 hashes of four points each).
const POINTS: u64 = 160;
/// Redis Cluster's slots.
const SLOTS: u64 = 16_384;

/// The nodes of a cache as its clients see them.
#[derive(Clone, Debug, PartialEq)]
pub struct Nodes {
    placement: Placement,
    count: u16,
    /// Points of the ring in order, with whose they are.
    ring: Vec<(u64, u16)>,
}

impl Nodes {
    /// So many nodes; which key belongs to which depends on nothing else.
    #[must_use]
    pub fn new(placement: Placement, nodes: u16) -> Self {
        let point = |node: u16, point: u64| {
            let place = Key::default().with(u64::MAX).with(u64::from(node)).with(point);
            (place.draws().bits(), node)
        };
        let mut ring: Vec<(u64, u16)> = match placement {
            Placement::Ring if nodes > 1 => {
                (0..nodes).flat_map(|node| (0..POINTS).map(move |n| point(node, n))).collect()
            }
            _ => Vec::new(),
        };
        ring.sort_unstable();
        Self { placement, count: nodes, ring }
    }

    /// The node of a row, where `lives` says which nodes clients know to live.
    #[must_use]
    pub fn node_of(&self, entity: EntityId, row: u64, lives: impl Fn(u16) -> bool) -> u16 {
        if self.count <= 1 {
            return 0;
        }
        let hash = Key::default().with(u64::from(entity.0)).with(row).draws().bits();
        match self.placement {
            Placement::Ring => {
                let first = self.ring.partition_point(|(point, _)| *point < hash);
                let (before, after) = self.ring.split_at(first);
                let mut clockwise = after.iter().chain(before).map(|(_, node)| *node);
                let next = clockwise.clone().next().unwrap_or(0);
                clockwise.find(|node| lives(*node)).unwrap_or(next)
            }
            Placement::Slots => ((hash % SLOTS) * u64::from(self.count) / SLOTS) as u16,
            Placement::Modulo => {
                let living = (0..self.count).filter(|node| lives(*node));
                let count = living.clone().count() as u64;
                let at = hash % count.max(1);
                living.clone().nth(at as usize).unwrap_or((hash % u64::from(self.count)) as u16)
            }
        }
    }
}

/// By component: its nodes, where it is a cache of several.
pub type Spread = Vec<(ComponentId, Nodes)>;

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(placement: Placement, nodes: u16) -> f64 {
        let all = Nodes::new(placement, nodes);
        let rows = 20_000;
        let moves = |row: &u64| {
            let before = all.node_of(EntityId(0), *row, |_| true);
            before != 0 && before != all.node_of(EntityId(0), *row, |node| node != 0)
        };
        (0..rows).filter(moves).count() as f64 / rows as f64
    }

    #[test]
    fn a_lost_node_moves_its_own_keys_on_a_ring_and_nearly_all_by_modulo() {
        // Beside the tenth that was on the lost node: none on the ring; by modulo (N - 1) of N of the rest.
        assert_eq!(moved(Placement::Ring, 10), 0.0);
        assert_eq!(moved(Placement::Slots, 10), 0.0);
        let modulo = moved(Placement::Modulo, 10);
        assert!((modulo - 0.8).abs() < 0.02, "{modulo}");
    }

    #[test]
    fn keys_spread_evenly() {
        for placement in [Placement::Ring, Placement::Slots, Placement::Modulo] {
            let nodes = Nodes::new(placement, 5);
            let mut counts = [0_u32; 5];
            (0..50_000).for_each(|row| counts[nodes.node_of(EntityId(1), row, |_| true) as usize] += 1);
            let most = f64::from(counts.into_iter().max().unwrap_or(0)) / 10_000.0;
            assert!(most < 1.25, "{placement:?} {counts:?}");
        }
    }

    #[test]
    fn operations_name_verb_and_entity() {
        for verb in Verb::ALL {
            assert_eq!(Verb::of(verb.on(EntityId(7))), (verb, EntityId(7)));
        }
    }
}
