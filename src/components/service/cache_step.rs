//! Steps about copies of rows, as proven.

use super::spec::{CallOptions, Step};
use crate::base::random::Distribution;
use crate::base::{ComponentId, EntityId};
use crate::engine::Terms;

/// A cache as a step names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The instance's own for that entity.
    Local,
    /// A component.
    Cache(ComponentId),
}

/// Who fetches what several want at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Coalesce {
    /// Each for itself.
    #[default]
    None,
    /// One at each instance, for all who wait there.
    Instance,
    /// One in all: the cache gives it a lease, and the others ask again.
    Lease,
}

/// How what was fetched is kept.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Keeping {
    /// Seconds for which it is kept.
    pub ttl: Option<Distribution>,
    /// What becomes of it near its end.
    pub terms: Terms,
    /// Seconds for which it is remembered that there is no such row; none: that is not.
    pub negative_ttl: Option<Distribution>,
    /// Seconds for which an error of fetching is remembered; none: it is not.
    pub error_ttl: Option<Distribution>,
    /// Whether a newer version stays.
    pub guarded: bool,
}

/// How caches are told that copies are old.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Message {
    /// Seconds until they hear of it, for which nobody waits; none: whoever writes waits for their answer.
    pub delay: Option<Distribution>,
    /// The share of messages that are lost.
    pub lost: f64,
    /// Seconds after which they are told once more (delayed double delete).
    pub again_after: Option<Distribution>,
}

/// How a row with copies is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WritePolicy {
    /// The store, and the copies are taken out.
    #[default]
    Aside,
    /// The store, and then the copies.
    Through,
    /// The store alone: copies stay as they are until they expire.
    Around,
    /// The cache alone, which writes it back to the store later.
    Back,
}

/// Steps about copies of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum CacheStep {
    /// Read through caches; what they do not have is fetched and kept in each.
    Cached {
        /// Whose row.
        entity: EntityId,
        /// The caches, in the order in which they are asked.
        layers: Vec<Layer>,
        /// How it is kept.
        keeping: Keeping,
        /// Who fetches.
        coalesce: Coalesce,
        /// Whether an error of a cache is an error, instead of a miss.
        strict: bool,
        /// Waiting for caches.
        options: CallOptions,
        /// How it is fetched; none: the last cache does so by itself.
        miss: Option<Vec<Step>>,
    },
    /// Read a cache.
    Get {
        /// Whose row.
        entity: EntityId,
        /// The cache.
        from: Layer,
        /// Whether an error of the cache is an error, instead of a miss.
        strict: bool,
        /// Waiting for it.
        options: CallOptions,
        /// What is done without.
        on_miss: Vec<Step>,
    },
    /// Write to a cache.
    Put {
        /// Whose row.
        entity: EntityId,
        /// The cache.
        to: Layer,
        /// Seconds for which it is kept.
        ttl: Option<Distribution>,
        /// Whether a newer version stays.
        guarded: bool,
        /// Whether an error of the cache is an error, instead of nothing.
        strict: bool,
        /// Waiting for it.
        options: CallOptions,
    },
    /// Write a row that has copies.
    Write {
        /// Whose row.
        entity: EntityId,
        /// The caches.
        layers: Vec<Layer>,
        /// How.
        policy: WritePolicy,
        /// Seconds for which it is kept.
        ttl: Option<Distribution>,
        /// Whether versions are compared.
        guarded: bool,
        /// How copies are taken out.
        message: Message,
        /// Whether an error of a cache is an error, instead of nothing.
        strict: bool,
        /// Waiting for caches.
        options: CallOptions,
        /// The query that writes.
        store: Vec<Step>,
    },
    /// Take out of caches.
    Invalidate {
        /// Whose row.
        entity: EntityId,
        /// The caches.
        layers: Vec<Layer>,
        /// Whether the version that made the copies old is remembered.
        guarded: bool,
        /// How they are told.
        message: Message,
        /// Whether an error of a cache is an error, instead of nothing.
        strict: bool,
        /// Waiting for them.
        options: CallOptions,
    },
}

impl CacheStep {
    /// The caches that it asks, the fetching of a miss left out.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        let (one, several) = match self {
            Self::Cached { layers, .. } | Self::Invalidate { layers, .. } | Self::Write { layers, .. } => {
                (None, layers.as_slice())
            }
            Self::Get { from: layer, .. } | Self::Put { to: layer, .. } => (Some(*layer), &[][..]),
        };
        one.into_iter().chain(several.iter().copied())
    }

    /// Whose rows.
    #[must_use]
    pub const fn entity(&self) -> EntityId {
        match self {
            Self::Cached { entity, .. }
            | Self::Get { entity, .. }
            | Self::Put { entity, .. }
            | Self::Write { entity, .. }
            | Self::Invalidate { entity, .. } => *entity,
        }
    }

    /// Whether it asks the instance's own cache.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Cached { layers, .. } | Self::Invalidate { layers, .. } | Self::Write { layers, .. } => {
                layers.contains(&Layer::Local)
            }
            Self::Get { from: layer, .. } | Self::Put { to: layer, .. } => *layer == Layer::Local,
        }
    }

    /// What is asked of the store: the fetching of a miss, or the writing.
    #[must_use]
    pub fn beyond(&self) -> &[Step] {
        match self {
            Self::Cached { miss, .. } => miss.as_deref().unwrap_or_default(),
            Self::Get { on_miss: steps, .. } | Self::Write { store: steps, .. } => steps,
            Self::Put { .. } | Self::Invalidate { .. } => &[],
        }
    }
}
