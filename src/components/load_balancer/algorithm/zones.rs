//! Staying in the zone: cheaper and quicker, unless it overloads the local backends.
//!
//! *Local first*: the own zone as long as somebody there may be picked. *Balanced* (Envoy's zone-aware
//! routing): a zone's balancers send everything to their own zone if its share of the backends is at
//! least its share of the balancers; otherwise only that part for which it has room, and the rest to
//! zones with room to spare, in proportion to it. So every backend gets the same, and as little as
//! possible crosses zones. Off with fewer backends than `min_backends` (Envoy: 6).

use super::backend_set::BackendSet;
use super::backends::Backends;
use crate::base::ZoneId;
use crate::base::random::Draws;

/// Which zone's backends are preferred.
#[derive(Clone, PartialEq, Debug)]
pub enum ZonePolicy {
    /// The own one's, as long as there is one.
    LocalFirst {
        /// Where this instance is.
        local: ZoneId,
    },
    /// The own one's as far as all backends stay equally loaded.
    Balanced {
        /// Where this instance is.
        local: ZoneId,
        /// Balancer instances by zone; they are taken to get equal traffic.
        balancers: Vec<(ZoneId, u32)>,
        /// Backends below which zones do not count.
        min_backends: usize,
    },
}

/// Where to send, worked out when backends come or go.
#[derive(Clone, Debug)]
pub(super) struct Zones {
    policy: ZonePolicy,
    /// The probability of staying.
    stay: f64,
    /// Room to spare by zone, for those who do not stay.
    residual: Vec<(ZoneId, f64)>,
}

impl Zones {
    pub(super) fn new(policy: ZonePolicy) -> Self {
        Self { policy, stay: 1.0, residual: Vec::new() }
    }

    pub(super) fn rebuild(&mut self, backends: &Backends, serving: &BackendSet) {
        self.residual.clear();
        self.stay = 1.0;
        let ZonePolicy::Balanced { local, balancers, .. } = &self.policy else { return };
        let all = f64::from(balancers.iter().map(|(_, n)| *n).sum::<u32>().max(1));
        let mut zones: Vec<ZoneId> = serving.iter().map(|i| backends.members[i].zone).collect();
        zones.extend(balancers.iter().map(|(zone, _)| *zone));
        zones.sort_unstable();
        zones.dedup();
        for zone in zones {
            let up = serving.iter().filter(|i| backends.members[*i].zone == zone).count() as f64;
            let room = up / serving.len().max(1) as f64;
            let sent: u32 = balancers.iter().filter(|(z, _)| *z == zone).map(|(_, n)| *n).sum();
            let sent = f64::from(sent) / all;
            if zone == *local && sent > 0.0 {
                self.stay = (room / sent).min(1.0);
            }
            if zone != *local && room > sent {
                self.residual.push((zone, room - sent));
            }
        }
    }

    /// Narrows `candidates` to one zone; leaves them if nobody is there.
    pub(super) fn narrow(&self, candidates: &mut BackendSet, backends: &Backends, draws: &mut Draws) {
        let zone = match &self.policy {
            ZonePolicy::LocalFirst { local } => *local,
            ZonePolicy::Balanced { min_backends, .. } if candidates.len() < *min_backends => return,
            ZonePolicy::Balanced { local, .. } if self.stay >= 1.0 || draws.chance(self.stay) => *local,
            ZonePolicy::Balanced { local, .. } => {
                let mut u = draws.unit() * self.residual.iter().map(|(_, room)| room).sum::<f64>();
                let found = self.residual.iter().find(|(_, room)| {
                    u -= room;
                    u < 0.0
                });
                found.or(self.residual.last()).map_or(*local, |(zone, _)| *zone)
            }
        };
        if candidates.iter().any(|i| backends.members[i].zone == zone) {
            candidates.retain(|i| backends.members[i].zone == zone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backends::Member;
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn all_backends_get_the_same_and_little_crosses_zones() {
        // Balancers 2 : 1 : 1, backends 3 : 3 : 6 over zones 0, 1, 2.
        let zone_of = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2];
        let members = (0..12).map(|i| Member { zone: ZoneId(zone_of[i]), ..Member::new(1.0, i as u64) });
        let backends = Backends::new(members.collect(), false, None, None);
        let balancers = vec![(ZoneId(0), 2), (ZoneId(1), 1), (ZoneId(2), 1)];
        let mut draws = Key::root(5, 0).draws();
        let mut got = [0.0_f64; 3];
        let mut crossed = 0.0;
        for (local, n) in &balancers {
            let policy =
                ZonePolicy::Balanced { local: *local, balancers: balancers.clone(), min_backends: 6 };
            let mut zones = Zones::new(policy);
            zones.rebuild(&backends, &backends.up);
            for _ in 0..*n * 20_000 {
                let mut candidates = backends.up.clone();
                zones.narrow(&mut candidates, &backends, &mut draws);
                let zone = backends.members[candidates.nth(0)].zone;
                got[zone.index()] += 1.0 / 80_000.0;
                crossed += f64::from(u8::from(zone != *local)) / 80_000.0;
            }
        }
        for (got, share) in got.into_iter().zip([0.25, 0.25, 0.5]) {
            assert!((got - share).abs() < 0.006, "{got} for {share}");
        }
        assert!((crossed - 0.25).abs() < 0.006, "only what zone 0 has no room for: {crossed}");
    }

    #[test]
    fn few_backends_or_an_empty_zone_leave_everybody() {
        let members = (0..4).map(|i| Member { zone: ZoneId(1), ..Member::new(1.0, i) }).collect();
        let backends = Backends::new(members, false, None, None);
        let mut draws = Key::root(6, 0).draws();
        for policy in [
            ZonePolicy::LocalFirst { local: ZoneId(0) },
            ZonePolicy::Balanced { local: ZoneId(0), balancers: vec![(ZoneId(0), 1)], min_backends: 6 },
        ] {
            let mut zones = Zones::new(policy);
            zones.rebuild(&backends, &backends.up);
            let mut candidates = backends.up.clone();
            zones.narrow(&mut candidates, &backends, &mut draws);
            assert_eq!(candidates.len(), 4);
        }
    }
}
