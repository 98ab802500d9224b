//! Rolling a new version out: how many new instances to start and old ones to stop.
//!
//! Kubernetes' rolling update (`deployment/rolling.go`): never more than replicas + max_surge instances, never
//! fewer than replicas - max_unavailable ready ones. Shares of the replicas are rounded up for the surge and down
//! for the unavailable; if both come out as zero, one may be unavailable. 25 % each by default. Old ones that are
//! not ready go first, and cost nothing. When a new one becomes ready, and how an old one drains, is the caller's.

/// How many instances of each version there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Versions {
    /// Old ones that are ready.
    pub old_ready: u32,
    /// Old ones that are not.
    pub old_unready: u32,
    /// New ones that are ready.
    pub new_ready: u32,
    /// New ones that boot.
    pub new_unready: u32,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RolloutStep {
    /// New instances to start.
    pub start: u32,
    /// Old instances to stop, those not ready first.
    pub stop: u32,
}

/// The plan of a rollout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rollout {
    replicas: u32,
    surge: u32,
    unavailable: u32,
}

impl Rollout {
    /// `replicas` instances, with shares of them that may be too many and too few.
    #[must_use]
    pub fn new(replicas: u32, max_surge: f64, max_unavailable: f64) -> Self {
        let of = |share: f64| f64::from(replicas) * share.clamp(0.0, 1.0);
        let surge = libm::ceil(of(max_surge) - 1e-9) as u32;
        let unavailable = (of(max_unavailable) + 1e-9) as u32;
        Self { replicas, surge, unavailable: if surge == 0 && unavailable == 0 { 1 } else { unavailable } }
    }

    /// What may be done with these instances; the step leaves nothing more to do until one of them changes.
    #[must_use]
    pub fn step(&self, versions: Versions) -> RolloutStep {
        let Versions { old_ready, old_unready, new_ready, new_unready } = versions;
        let (old, new) = (old_ready.saturating_add(old_unready), new_ready.saturating_add(new_unready));
        let room = self.replicas.saturating_add(self.surge).saturating_sub(old.saturating_add(new));
        let start = room.min(self.replicas.saturating_sub(new));
        let least = self.replicas.saturating_sub(self.unavailable);
        // Old ones that are not ready serve nobody; of the ready ones, as many as leave enough.
        let spare = old_ready.saturating_add(new_ready).saturating_sub(least);
        RolloutStep { start, stop: old_unready.saturating_add(spare.min(old_ready)) }
    }

    /// Whether only the new version is left, all of it ready.
    #[must_use]
    pub const fn is_done(&self, versions: Versions) -> bool {
        versions.new_ready >= self.replicas && versions.old_ready + versions.old_unready == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps until it is done, all new ones becoming ready between two steps; checks the bounds throughout.
    fn run(replicas: u32, surge: f64, unavailable: f64) -> Vec<(u32, u32)> {
        let rollout = Rollout::new(replicas, surge, unavailable);
        let mut versions = Versions { old_ready: replicas, ..Versions::default() };
        let mut steps = Vec::new();
        while !rollout.is_done(versions) {
            assert!(steps.len() < 500, "it comes to an end");
            let step = rollout.step(versions);
            steps.push((step.start, step.stop));
            versions.new_unready += step.start;
            let total = versions.old_ready + versions.new_ready + versions.new_unready;
            assert!(total <= replicas + rollout.surge);
            versions.old_ready -= step.stop;
            assert!(versions.old_ready + versions.new_ready >= replicas - rollout.unavailable);
            versions.new_ready += std::mem::take(&mut versions.new_unready);
        }
        steps
    }

    #[test]
    fn a_quarter_more_and_a_quarter_less() {
        // Ten replicas: 3 more (2.5 rounded up) and 2 fewer (2.5 rounded down) are allowed.
        assert_eq!(run(10, 0.25, 0.25), [(3, 2), (2, 3), (3, 2), (2, 3)]);
    }

    #[test]
    fn one_by_one_all_at_once_and_with_nothing_allowed() {
        assert_eq!(run(3, 0.0, 0.34), [(0, 1), (1, 0), (0, 1), (1, 0), (0, 1), (1, 0)]);
        assert_eq!(run(3, 1.0, 0.0), [(3, 0), (0, 3)]);
        assert_eq!(run(2, 0.0, 0.0), run(2, 0.0, 0.5));
        assert_eq!(run(4, 0.0, 1.0), [(0, 4), (4, 0)]);
    }

    #[test]
    fn whoever_is_not_ready_goes_first_and_a_version_that_never_gets_ready_stops_the_rollout() {
        let rollout = Rollout::new(4, 0.25, 0.25);
        let broken = Versions { old_ready: 3, old_unready: 1, ..Versions::default() };
        assert_eq!(rollout.step(broken), RolloutStep { start: 1, stop: 1 });
        let stuck = Versions { old_ready: 3, new_unready: 2, ..Versions::default() };
        assert_eq!(rollout.step(stuck), RolloutStep { start: 0, stop: 0 });
    }
}
