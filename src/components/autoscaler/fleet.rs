//! Acting on an autoscaler's rule: windows of the metric, instances that boot, count, drain and are gone.
//!
//! A pure state machine: the service that it belongs to measures, sets timers and lets instances join and
//! leave. Instances are started in the lowest free places. When there are too many, those that boot go
//! first, then the youngest (as a `ReplicaSet` does); an instance that drains is no part of the fleet but
//! keeps its place until it is gone, so a start may have to wait for one.

use std::collections::VecDeque;

use super::spec::{AutoscaleBuild, AutoscaleSpec, Rule, Signal};
use super::{Capacity, HorizontalPodAutoscaler, Pod, TargetTracking};
use crate::base::{SimDuration, SimTime};

/// A place for an instance.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Free,
    Booting { since: SimTime, ready: SimTime },
    Serving { since: SimTime, ready: SimTime },
    Draining { until: SimTime },
}

/// What is to be done with an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It starts, and is ready at that time.
    Start(u16, SimTime),
    /// It stops before it was ready.
    Abort(u16),
    /// It takes no new work, and is gone at that time at the latest.
    Drain(u16, SimTime),
}

/// What was measured over a window that ended at `end`: by place, none where nothing was seen.
#[derive(Clone, PartialEq, Debug)]
struct Window {
    end: SimTime,
    values: Vec<Option<f64>>,
}

#[derive(Clone, Debug)]
enum Decider {
    Hpa(HorizontalPodAutoscaler),
    TargetTracking(TargetTracking),
}

/// The fleet of one service as its autoscaler sees it.
#[derive(Clone, Debug)]
pub struct Fleet {
    build: AutoscaleBuild,
    decider: Decider,
    places: Vec<Place>,
    windows: VecDeque<Window>,
    desired: u32,
    starts: u64,
}

impl Fleet {
    /// `start` instances that have served for ever.
    #[must_use]
    pub fn new(build: AutoscaleBuild, start: u16) -> Self {
        let most = build.spec.bounds[1].max(start);
        let old = Place::Serving { since: SimTime::ZERO, ready: SimTime::ZERO };
        let place = |i| if i < start { old } else { Place::Free };
        Self {
            decider: match &build.spec.rule {
                Rule::Hpa(settings) => Decider::Hpa(HorizontalPodAutoscaler::new(settings.clone())),
                Rule::TargetTracking(settings) => Decider::TargetTracking(TargetTracking::new(*settings)),
            },
            places: (0..most).map(place).collect(),
            windows: VecDeque::new(),
            desired: u32::from(start),
            starts: 0,
            build,
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn spec(&self) -> &AutoscaleSpec {
        &self.build.spec
    }

    /// Instances asked for.
    #[must_use]
    pub fn desired(&self) -> u32 {
        self.desired
    }

    /// Instances that there are, those that boot and drain among them, and those in service.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        let there = self.places.iter().filter(|place| **place != Place::Free).count();
        let serving = self.places.iter().filter(|place| matches!(place, Place::Serving { .. })).count();
        (there as u32, serving as u32)
    }

    /// A window ends: what was measured in each place, relative to the target.
    pub fn measured(&mut self, end: SimTime, values: Vec<Option<f64>>) {
        let lag = self.build.spec.lag;
        // Of the windows that can be seen by now only the newest matters.
        while self.windows.get(1).is_some_and(|next| next.end + lag <= end) {
            self.windows.pop_front();
        }
        self.windows.push_back(Window { end, values });
    }

    /// Decides anew: the steps that bring the fleet to what is wanted from now on.
    pub fn decide(&mut self, now: SimTime) -> Vec<Step> {
        let AutoscaleSpec { lag, scrape, initialisation, warm_up, .. } = self.build.spec;
        let Some(window) = self.windows.iter().rev().find(|window| window.end + lag <= now) else {
            return Vec::new();
        };
        let value = |at: usize| window.values.get(at).copied().flatten();
        let wanted = match &mut self.decider {
            Decider::Hpa(hpa) => {
                let external = self.build.spec.signal.is_external();
                let pod = |(at, place): (usize, &Place)| match *place {
                    Place::Booting { .. } | Place::Serving { .. } if external => {
                        Some(Pod { utilisation: value(0), ready: true })
                    }
                    Place::Booting { .. } => Some(Pod { utilisation: None, ready: false }),
                    Place::Serving { since, ready } => {
                        let settled = now.since(since) >= initialisation || since == SimTime::ZERO;
                        let whole = window.end >= ready + scrape;
                        // Only the processor's metric is distrusted so (`groupPods`).
                        let trusted = self.build.spec.signal != Signal::Cpu || settled || whole;
                        Some(Pod { utilisation: value(at), ready: trusted })
                    }
                    Place::Free | Place::Draining { .. } => None,
                };
                let pods: Vec<Pod> = self.places.iter().enumerate().filter_map(pod).collect();
                hpa.decide(&pods, self.desired, now)
            }
            Decider::TargetTracking(policy) => {
                let is_warm = |place: &Place| match *place {
                    Place::Serving { since, ready } => {
                        since == SimTime::ZERO || now.since(ready) >= warm_up.max(SimDuration::from_nanos(1))
                    }
                    _ => false,
                };
                let warm = self.places.iter().enumerate().filter(|(_, place)| is_warm(place));
                let (mut count, mut sum, mut seen) = (0, 0.0, 0_u32);
                for (at, _) in warm {
                    count += 1;
                    if let Some(value) = value(at) {
                        (sum, seen) = (sum + value, seen + 1);
                    }
                }
                let mean = (seen > 0).then(|| sum / f64::from(seen));
                let capacity = Capacity { desired: self.desired, warm: count };
                let wanted = policy.datapoint(mean, capacity, now);
                if wanted != self.desired {
                    policy.changed(now);
                }
                wanted
            }
        };
        self.desired = wanted;
        self.reconcile(now)
    }

    /// An instance is ready: false if it was stopped meanwhile.
    pub fn ready(&mut self, instance: u16, now: SimTime) -> bool {
        let Some(place) = self.places.get_mut(usize::from(instance)) else { return false };
        match *place {
            Place::Booting { since, ready } if ready <= now => {
                *place = Place::Serving { since, ready: now };
                true
            }
            _ => false,
        }
    }

    /// Whether an instance is in service.
    #[must_use]
    pub fn serves(&self, instance: u16) -> bool {
        matches!(self.places.get(usize::from(instance)), Some(Place::Serving { .. }))
    }

    /// Until when an instance may drain, if it does.
    #[must_use]
    pub fn drains_until(&self, instance: u16) -> Option<SimTime> {
        match self.places.get(usize::from(instance)) {
            Some(Place::Draining { until }) => Some(*until),
            _ => None,
        }
    }

    /// An instance that drained, or died for good, is gone: whoever waits for its place may start.
    pub fn gone(&mut self, instance: u16, now: SimTime) -> Vec<Step> {
        if let Some(place) = self.places.get_mut(usize::from(instance)) {
            *place = Place::Free;
        }
        self.reconcile(now)
    }

    fn reconcile(&mut self, now: SimTime) -> Vec<Step> {
        let mut steps = Vec::new();
        let counts = |place: &&Place| matches!(place, Place::Booting { .. } | Place::Serving { .. });
        let mut there = self.places.iter().filter(counts).count() as u32;
        while there < self.desired {
            let Some(at) = self.places.iter().position(|place| *place == Place::Free) else { break };
            self.starts += 1;
            let mut draws = self.build.key.with(at as u64).with(self.starts).draws();
            let ready = now + SimDuration::from_secs_f64(self.build.spec.boot.sample(&mut draws));
            self.places[at] = Place::Booting { since: now, ready };
            steps.push(Step::Start(at as u16, ready));
            there += 1;
        }
        while there > self.desired {
            let youth = |place: &Place| match *place {
                Place::Booting { since, .. } => Some((true, since)),
                Place::Serving { ready, .. } => Some((false, ready)),
                _ => None,
            };
            let candidates =
                self.places.iter().enumerate().filter_map(|(at, place)| Some((youth(place)?, at)));
            let Some(((boots, _), at)) = candidates.max() else { break };
            if boots {
                self.places[at] = Place::Free;
                steps.push(Step::Abort(at as u16));
            } else {
                let until = now + self.build.spec.grace;
                self.places[at] = Place::Draining { until };
                steps.push(Step::Drain(at as u16, until));
            }
            there -= 1;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HpaSettings, TrackingSettings};
    use super::*;
    use crate::base::random::{Distribution, Key};

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    fn spec(rule: Rule) -> AutoscaleSpec {
        AutoscaleSpec {
            rule,
            signal: Signal::Cpu,
            target: 0.5,
            requested: 1.0,
            bounds: [2, 8],
            sync: SimDuration::from_secs(15),
            scrape: SimDuration::from_secs(15),
            lag: SimDuration::ZERO,
            initialisation: SimDuration::from_secs(300),
            warm_up: SimDuration::from_secs(120),
            boot: Distribution::Constant(40.0),
            grace: SimDuration::from_secs(30),
        }
    }

    fn fleet(rule: Rule, start: u16) -> Fleet {
        Fleet::new(AutoscaleBuild { spec: spec(rule), key: Key::default() }, start)
    }

    #[test]
    fn those_that_boot_count_and_hold_the_next_decision_back() {
        let mut fleet = fleet(Rule::Hpa(HpaSettings::new(1.0, [2, 8])), 2);
        fleet.measured(at(15), vec![Some(2.0); 8]);
        assert_eq!(fleet.decide(at(15)), [Step::Start(2, at(55)), Step::Start(3, at(55))]);
        // Two busy ones and two that count as idle: 4 / 4 is the target.
        fleet.measured(at(30), vec![Some(2.0), Some(2.0), None, None]);
        assert_eq!((fleet.decide(at(30)), fleet.counts()), (vec![], (4, 2)));
        assert!(fleet.ready(2, at(55)) && !fleet.ready(2, at(56)) && !fleet.ready(3, at(54)));
        assert_eq!(fleet.counts(), (4, 3));
    }

    #[test]
    fn a_late_window_is_not_seen() {
        let mut fleet = fleet(Rule::Hpa(HpaSettings::new(1.0, [2, 8])), 2);
        fleet.build.spec.lag = SimDuration::from_secs(20);
        fleet.measured(at(15), vec![Some(2.0); 2]);
        assert_eq!(fleet.decide(at(30)).len(), 0);
        fleet.measured(at(30), vec![Some(1.0); 2]);
        assert_eq!(fleet.decide(at(45)).len(), 2, "the window that ended at 15 s");
    }

    #[test]
    fn the_youngest_goes_first_and_keeps_its_place_until_it_is_gone() {
        let mut rule = HpaSettings::new(1.0, [2, 4]);
        rule.down.stabilisation = SimDuration::ZERO;
        let mut fleet = fleet(Rule::Hpa(rule), 3);
        fleet.build.spec.bounds = [2, 4];
        fleet.measured(at(15), vec![Some(1.3); 3]);
        assert_eq!(fleet.decide(at(15)), [Step::Start(3, at(55))]);
        assert!(fleet.ready(3, at(55)));
        fleet.measured(at(75), vec![Some(0.6); 4]);
        assert_eq!(fleet.decide(at(75)), [Step::Drain(3, at(105))]);
        assert_eq!((fleet.drains_until(3), fleet.counts()), (Some(at(105)), (4, 3)));
        fleet.measured(at(90), vec![Some(1.3); 3]);
        // One more is wanted, in the lowest free place, of which there are four besides.
        assert_eq!(fleet.decide(at(90)).len(), 1);
    }

    #[test]
    fn target_tracking_counts_only_the_warm() {
        let settings = TrackingSettings { out_after: 1, ..TrackingSettings::new(1.0, [2, 8]) };
        let mut fleet = fleet(Rule::TargetTracking(settings), 2);
        fleet.measured(at(60), vec![Some(2.0); 2]);
        assert_eq!(fleet.decide(at(60)).len(), 2);
        assert!(fleet.ready(2, at(100)) && fleet.ready(3, at(100)));
        // The new ones are not warm before 220 s: their idleness is not seen.
        fleet.measured(at(180), vec![Some(2.0), Some(2.0), Some(0.0), Some(0.0)]);
        assert_eq!((fleet.decide(at(180)).len(), fleet.desired()), (0, 4));
        fleet.measured(at(240), vec![Some(1.5); 4]);
        assert_eq!((fleet.decide(at(240)).len(), fleet.desired()), (2, 6));
    }
}
