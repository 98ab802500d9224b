//! Priority tiers: backups that step in.
//!
//! *Backup* (nginx `backup`, HAProxy `backup`): a tier is used when nobody in the tiers before it may
//! be picked. *Overprovisioned* (Envoy's priority levels): the health of a tier is the share of its
//! backends that are up times a factor of 1.4, at most all; tier 0 gets its health in percent of the
//! traffic, the next one what is left up to its own health, and so on; if all together are not
//! healthy enough, shares are relative to their sum.

use super::backend_set::BackendSet;
use super::backends::{Backends, State};
use crate::base::random::Draws;

/// How traffic moves to the next tier.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum TierPolicy {
    /// When nobody in the tier may be picked.
    #[default]
    Backup,
    /// Gradually, as the share of those up sinks below 1 / factor; Envoy's factor is 1.4.
    Overprovisioned(f64),
}

/// Envoy's overprovisioning factor.
pub const OVERPROVISIONING: f64 = 1.4;

/// The backends by tier.
#[derive(Clone, Debug, Default)]
pub(super) struct Tiers {
    policy: TierPolicy,
    /// By tier, the first used first: those up, and the share of traffic.
    tiers: Vec<(BackendSet, f64)>,
}

impl Tiers {
    pub(super) fn new(policy: TierPolicy) -> Self {
        Self { policy, tiers: Vec::new() }
    }

    /// Sorts `serving` (those up, or everybody in a panic) into tiers.
    pub(super) fn rebuild(&mut self, backends: &Backends, serving: &BackendSet) {
        let here = |i: &usize| backends.state(*i) != State::Removed;
        let mut numbers: Vec<u8> =
            (0..backends.len()).filter(here).map(|i| backends.members[i].tier).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut healths = Vec::new();
        self.tiers.clear();
        for number in numbers {
            let of_tier = |i: &usize| backends.members[*i].tier == number;
            let up: BackendSet = serving.iter().filter(of_tier).collect();
            let members = (0..backends.len()).filter(here).filter(of_tier).count();
            healths.push(match self.policy {
                TierPolicy::Backup => f64::from(u8::from(!up.is_empty())),
                TierPolicy::Overprovisioned(factor) => {
                    (factor.max(1.0) * up.len() as f64 / members.max(1) as f64).min(1.0)
                }
            });
            self.tiers.push((up, 0.0));
        }
        let total = healths.iter().sum::<f64>().min(1.0);
        let mut left = 1.0_f64;
        for ((_, share), health) in self.tiers.iter_mut().zip(healths) {
            *share = if total > 0.0 { (health / total).min(left) } else { 0.0 };
            left -= *share;
        }
    }

    /// Whether there is more than one tier.
    pub(super) fn matter(&self) -> bool {
        self.tiers.len() > 1
    }

    /// The tiers in the order in which they are to be tried: by lot, then from the first on.
    pub(super) fn order<'a>(&'a self, draws: &mut Draws) -> impl Iterator<Item = &'a BackendSet> + 'a {
        let lot = match self.policy {
            TierPolicy::Backup => None,
            TierPolicy::Overprovisioned(_) => {
                let mut u = draws.unit();
                self.tiers.iter().find(|(_, share)| {
                    u -= share;
                    u < 0.0
                })
            }
        };
        lot.into_iter().chain(&self.tiers).map(|(up, _)| up)
    }
}

#[cfg(test)]
mod tests {
    use super::super::backends::Member;
    use super::*;
    use crate::base::SimTime;

    fn shares(policy: TierPolicy, up: [usize; 3]) -> Vec<f64> {
        let members = (0..30).map(|i| Member { tier: (i / 10) as u8, ..Member::new(1.0, i) }).collect();
        let mut backends = Backends::new(members, false, None, None);
        for (tier, up) in up.into_iter().enumerate() {
            (up..10).for_each(|i| {
                backends.set_state(tier * 10 + i, State::Down, SimTime::ZERO);
            });
        }
        let mut tiers = Tiers::new(policy);
        tiers.rebuild(&backends, &backends.up);
        tiers.tiers.iter().map(|(_, share)| (share * 100.0).round()).collect()
    }

    #[test]
    fn traffic_spills_over_as_envoys_documentation_tabulates() {
        // "Priority levels", tables of two and three levels with factor 1.4.
        let envoy = TierPolicy::Overprovisioned(OVERPROVISIONING);
        assert_eq!(shares(envoy, [10, 10, 10]), [100.0, 0.0, 0.0]);
        assert_eq!(shares(envoy, [8, 10, 10]), [100.0, 0.0, 0.0]); // 72 % up still take it all
        assert_eq!(shares(envoy, [7, 10, 10]), [98.0, 2.0, 0.0]);
        assert_eq!(shares(envoy, [5, 10, 10]), [70.0, 30.0, 0.0]);
        assert_eq!(shares(envoy, [0, 10, 10]), [0.0, 100.0, 0.0]);
        assert_eq!(shares(envoy, [2, 2, 10]), [28.0, 28.0, 44.0]);
        assert_eq!(shares(envoy, [2, 2, 2]), [33.0, 33.0, 33.0]); // 84 % in all: relative to the sum
    }

    #[test]
    fn a_backup_steps_in_only_when_nobody_is_left() {
        assert_eq!(shares(TierPolicy::Backup, [1, 10, 10]), [100.0, 0.0, 0.0]);
        assert_eq!(shares(TierPolicy::Backup, [0, 0, 1]), [0.0, 0.0, 100.0]);
    }
}
