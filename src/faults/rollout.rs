//! Rolling a new version out: how many new instances to start and old ones to stop.
//!
//! Kubernetes' rolling update (`deployment/rolling.go`): never more than replicas + max_surge instances, never
//! fewer than replicas - max_unavailable ready ones. Shares of the replicas are rounded up for the surge and down
//! for the unavailable; if both come out as zero, one may be unavailable. 25 % each by default. Old ones that are
//! not ready go first, and cost nothing. When a new one becomes ready, and how an old one drains, is the caller's.

use std::collections::VecDeque;

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

/// One instance of a rollout with a surge, in seconds from its beginning.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Move {
    /// The new version serves at this place.
    Ready {
        /// Which place.
        place: u16,
        /// When.
        at: f64,
    },
    /// The old version at this place takes no new work, and ends.
    Leaves {
        /// Which place.
        place: u16,
        /// When it takes no new work.
        at: f64,
        /// When it is gone.
        gone: f64,
    },
}

/// What a rollout with a surge does, and where its instances stand afterwards.
///
/// As in Kubernetes, those that are ending count for nothing, so that a new one starts when an old one begins to
/// end. A new one takes the lowest place that is free, and a further one if there is none. A version that never
/// becomes ready (`boot` is none) stops the rollout where it is.
#[must_use]
pub fn roll_out(rollout: &Rollout, old: &[u16], boot: Option<f64>, grace: f64) -> (Vec<Move>, Vec<u16>) {
    let mut moves = Vec::new();
    let mut staying: VecDeque<u16> = old.iter().copied().collect();
    let mut next_place = old.iter().max().map_or(0, |most| most + 1);
    let mut free: Vec<u16> = (0..next_place).filter(|place| !old.contains(place)).collect();
    let mut booting: Vec<(u16, f64)> = Vec::new();
    let mut ending: Vec<(u16, f64)> = Vec::new();
    let mut ready: Vec<u16> = Vec::new();
    let mut now = 0.0;
    loop {
        ready.extend(booting.iter().filter(|(_, at)| *at <= now).map(|(place, _)| *place));
        booting.retain(|(_, at)| *at > now);
        free.extend(ending.iter().filter(|(_, gone)| *gone <= now).map(|(place, _)| *place));
        ending.retain(|(_, gone)| *gone > now);
        free.sort_unstable_by(|a, b| b.cmp(a));
        let versions = |staying: &VecDeque<u16>, booting: &[(u16, f64)]| Versions {
            old_ready: staying.len() as u32,
            old_unready: 0,
            new_ready: ready.len() as u32,
            new_unready: booting.len() as u32,
        };
        if rollout.is_done(versions(&staying, &booting)) {
            break;
        }
        // What ends makes room at once.
        loop {
            let step = rollout.step(versions(&staying, &booting));
            if step.start == 0 && step.stop == 0 {
                break;
            }
            for _ in 0..step.start {
                let place = free.pop().unwrap_or_else(|| {
                    next_place += 1;
                    next_place - 1
                });
                let at = boot.map_or(f64::INFINITY, |boot| now + boot);
                if at.is_finite() {
                    moves.push(Move::Ready { place, at });
                }
                booting.push((place, at));
            }
            for _ in 0..step.stop {
                let Some(place) = staying.pop_front() else { break };
                moves.push(Move::Leaves { place, at: now, gone: now + grace });
                ending.push((place, now + grace));
            }
        }
        let times = booting.iter().chain(&ending).map(|(_, at)| *at).filter(|at| *at > now);
        let next = times.fold(f64::INFINITY, f64::min);
        if next.is_infinite() {
            break;
        }
        now = next;
    }
    let there = ready.into_iter().chain(staying).collect();
    (moves, there)
}

impl Move {
    /// Which place it is about.
    #[must_use]
    pub const fn place(self) -> u16 {
        match self {
            Self::Ready { place, .. } | Self::Leaves { place, .. } => place,
        }
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
    fn with_a_surge_there_are_never_fewer_and_the_new_ones_take_what_is_free() {
        // Four, one more allowed, none fewer: each new one serves after 10 s, and then an old one ends within 30 s.
        let rollout = Rollout::new(4, 0.25, 0.0);
        let (moves, there) = roll_out(&rollout, &[0, 1, 2, 3], Some(10.0), 30.0);
        let mut serving = 4;
        let mut order: Vec<(f64, i32)> = moves
            .iter()
            .map(|m| match *m {
                Move::Ready { at, .. } => (at, 1),
                Move::Leaves { at, .. } => (at, -1),
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        for (_, change) in &order {
            serving += change;
            assert!((4..=5).contains(&serving));
        }
        assert_eq!(order.len(), 8);
        assert_eq!(order.last().map(|(at, _)| *at), Some(40.0), "four new ones, one after the other");
        assert_eq!(there.len(), 4);
        // One that never gets ready: the one that may be more is started, nothing ends.
        let (moves, there) = roll_out(&rollout, &[0, 1, 2, 3], None, 30.0);
        assert_eq!((moves.len(), there), (0, vec![0, 1, 2, 3]));
        // A quarter each: one ends at once, so that two start.
        let (moves, there) = roll_out(&Rollout::new(4, 0.25, 0.25), &[0, 1, 2, 3], None, 30.0);
        assert_eq!((moves.len(), there), (1, vec![1, 2, 3]));
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
