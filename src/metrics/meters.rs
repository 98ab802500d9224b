//! Counts of what is paid for by the piece or by the byte.

use super::counters::tally;
use crate::base::ComponentId;

/// Such counts of one stretch of time; lists by component are short.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meters {
    /// Bytes towards clients, by who answered them.
    pub egress: Vec<(ComponentId, u64)>,
    /// Bytes between components of one zone.
    pub within_zones: u64,
    /// Bytes between components of different zones.
    pub across_zones: u64,
    /// Connections opened to components.
    pub connections: Vec<(ComponentId, u64)>,
    /// Statements of databases that read.
    pub reads: Vec<(ComponentId, u64)>,
    /// Statements of databases that write.
    pub writes: Vec<(ComponentId, u64)>,
    /// Messages that queues handed to consumers.
    pub received: Vec<(ComponentId, u64)>,
}

/// The count of one component.
#[must_use]
pub fn of(list: &[(ComponentId, u64)], component: ComponentId) -> u64 {
    list.iter().find(|(other, _)| *other == component).map_or(0, |(_, n)| *n)
}

impl Meters {
    #[inline]
    pub(super) fn egress(&mut self, component: ComponentId, bytes: u64) {
        tally(&mut self.egress, component, bytes);
    }

    #[inline]
    pub(super) fn moved(&mut self, bytes: u64, across: bool) {
        *(if across { &mut self.across_zones } else { &mut self.within_zones }) += bytes;
    }

    #[inline]
    pub(super) fn connected(&mut self, component: ComponentId) {
        tally(&mut self.connections, component, 1);
    }

    #[inline]
    pub(super) fn stated(&mut self, component: ComponentId, writes: bool) {
        tally(if writes { &mut self.writes } else { &mut self.reads }, component, 1);
    }

    #[inline]
    pub(super) fn received(&mut self, queue: ComponentId) {
        tally(&mut self.received, queue, 1);
    }

    /// Adds a later stretch.
    pub(super) fn add(&mut self, other: &Self) {
        self.within_zones += other.within_zones;
        self.across_zones += other.across_zones;
        for (mine, theirs) in [
            (&mut self.egress, &other.egress),
            (&mut self.connections, &other.connections),
            (&mut self.reads, &other.reads),
            (&mut self.writes, &other.writes),
            (&mut self.received, &other.received),
        ] {
            for &(component, n) in theirs {
                tally(mine, component, n);
            }
        }
    }
}
