//! The Kubernetes horizontal pod autoscaler (autoscaling/v2).
//!
//! Every 15 s: desired = ceil(ready x mean metric / target), unless the ratio is within 10 % of one.
//! Pods that are not ready count as using nothing when that would scale up, pods without a metric as using
//! nothing when scaling up and, when scaling down, their whole request (or the target, if that is more; of other
//! metrics than resources, the target); if that turns the direction round, or
//! brings the ratio within the tolerance, nothing happens (`replica_calculator.go`). Then the stabilisation:
//! up to the least recommendation of the up window (0 s), down to the largest one of the down window (300 s), of
//! which the number at the start is the first.
//! Then the rate: up by at most 100 % or 4 pods per 15 s, whichever is more, down by 100 % per 15 s, counted
//! from how many there were at the start of the period, whatever came and went since; then minimum and maximum (`horizontal.go`).

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::base::{SimDuration, SimTime};

/// One pod as the metrics show it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pod {
    /// Use relative to what it requests (1 is 100 %); none: there is no metric.
    pub utilisation: Option<f64>,
    /// Whether it is ready; during its first minutes also whether its metric is younger than its readiness.
    pub ready: bool,
}

/// How much the number may change per time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RatePolicy {
    /// So many pods per period.
    Pods(u32, SimDuration),
    /// Such a share (1 is 100 %) per period.
    Percent(f64, SimDuration),
}

/// The rules of one direction.
#[derive(Clone, PartialEq, Debug)]
pub struct ScalingRules {
    /// How far back recommendations count.
    pub stabilisation: SimDuration,
    /// The policy that allows the largest change holds; with none, nothing changes in this direction.
    pub policies: Vec<RatePolicy>,
}

/// An autoscaler's numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct HpaSettings {
    /// Utilisation aimed at, relative to the request.
    pub target: f64,
    /// Least and largest number of pods.
    pub bounds: [u32; 2],
    /// Deviation of the ratio from one for which nothing is done.
    pub tolerance: f64,
    /// Utilisation that a pod without a metric is taken for when that speaks against scaling down.
    pub missing: f64,
    /// Upwards.
    pub up: ScalingRules,
    /// Downwards.
    pub down: ScalingRules,
}

impl HpaSettings {
    /// Kubernetes' defaults.
    #[must_use]
    pub fn new(target: f64, bounds: [u32; 2]) -> Self {
        let period = Self::SYNC;
        Self {
            target,
            bounds,
            tolerance: 0.1,
            missing: target.max(1.0),
            up: ScalingRules {
                stabilisation: SimDuration::ZERO,
                policies: vec![RatePolicy::Percent(1.0, period), RatePolicy::Pods(4, period)],
            },
            down: ScalingRules {
                stabilisation: SimDuration::from_secs(300),
                policies: vec![RatePolicy::Percent(1.0, period)],
            },
        }
    }

    /// From decision to decision.
    pub const SYNC: SimDuration = SimDuration::from_secs(15);
}

/// ceil, but not over an error in the last digits: 10 x 0.7 / 0.35 is 20 and not 21.
fn ceil(x: f64) -> u32 {
    libm::ceil(x - 1e-9 * x.abs().max(1.0)).max(0.0) as u32
}

/// The number that the metric asks for, of `current` ones. Without a pod that is ready and has a metric, the
/// present one.
#[must_use]
pub fn desired_replicas(pods: &[Pod], settings: &HpaSettings, current: u32) -> u32 {
    let &HpaSettings { target, tolerance, missing: fallback, .. } = settings;
    let near_one = |ratio: f64| (1.0 - ratio).abs() <= tolerance + 1e-12;
    let known: Vec<f64> = pods.iter().filter(|pod| pod.ready).filter_map(|pod| pod.utilisation).collect();
    if known.is_empty() || target <= 0.0 {
        return current;
    }
    let sum: f64 = known.iter().sum();
    let ratio = sum / known.len() as f64 / target;
    let missing = pods.iter().filter(|pod| pod.ready && pod.utilisation.is_none()).count();
    let unready = pods.iter().filter(|pod| !pod.ready).count();
    let unready_count = unready > 0 && ratio > 1.0;
    if missing == 0 && !unready_count {
        return if near_one(ratio) { current } else { ceil(ratio * known.len() as f64) };
    }
    let (mut sum, mut counted) = (sum, known.len());
    if missing > 0 {
        // The request as a whole speaks against scaling down, nothing against scaling up.
        sum += if ratio < 1.0 { missing as f64 * fallback } else { 0.0 };
        counted += missing;
    }
    if unready_count {
        counted += unready;
    }
    let corrected = sum / counted as f64 / target;
    if near_one(corrected) || (ratio < 1.0) != (corrected < 1.0) {
        return current;
    }
    let desired = ceil(corrected * counted as f64);
    if corrected < 1.0 { desired.min(current) } else { desired.max(current) }
}

/// The autoscaler of one deployment.
#[derive(Clone, PartialEq, Debug)]
pub struct HorizontalPodAutoscaler {
    settings: HpaSettings,
    recommendations: VecDeque<(SimTime, u32)>,
    /// Changes of the last periods: when, and by how many.
    changes: VecDeque<(SimTime, i64)>,
    /// Whether the number at the start has been noted.
    began: bool,
}

impl HorizontalPodAutoscaler {
    /// An autoscaler without a history.
    #[must_use]
    pub const fn new(settings: HpaSettings) -> Self {
        Self { settings, recommendations: VecDeque::new(), changes: VecDeque::new(), began: false }
    }

    /// What the metric of these pods asks for, within what windows and rates allow: the number of pods from
    /// now on, of `current` ones. Of several metrics the caller hands the largest wish to
    /// [`Self::recommend`] instead.
    pub fn decide(&mut self, pods: &[Pod], current: u32, now: SimTime) -> u32 {
        let wish = desired_replicas(pods, &self.settings, current);
        self.recommend(wish, current, now)
    }

    /// The number of pods from now on if the metrics ask for `wish`.
    pub fn recommend(&mut self, wish: u32, current: u32, now: SimTime) -> u32 {
        let stable = self.stabilised(wish, current, now);
        let limited = self.limited(stable, current, now);
        let [min, max] = self.settings.bounds;
        let decided = limited.clamp(min.min(max), max);
        if decided != current {
            self.changes.push_back((now, i64::from(decided) - i64::from(current)));
        }
        decided
    }

    fn stabilised(&mut self, wish: u32, current: u32, now: SimTime) -> u32 {
        let (up, down) = (self.settings.up.stabilisation, self.settings.down.stabilisation);
        if self.recommendations.is_empty() && !self.began {
            self.began = true;
            self.recommendations.push_back((now, current));
        }
        let kept = up.max(down);
        while self.recommendations.front().is_some_and(|(at, _)| now.since(*at) >= kept) {
            self.recommendations.pop_front();
        }
        let within = |window: SimDuration| {
            self.recommendations.iter().filter(move |(at, _)| now.since(*at) < window).map(|(_, n)| *n)
        };
        let least = within(up).fold(wish, u32::min);
        let largest = within(down).fold(wish, u32::max);
        self.recommendations.push_back((now, wish));
        current.max(least).min(largest)
    }

    fn limited(&mut self, wish: u32, current: u32, now: SimTime) -> u32 {
        let longest = |rules: &ScalingRules| {
            let periods = rules.policies.iter().map(|policy| match policy {
                RatePolicy::Pods(_, period) | RatePolicy::Percent(_, period) => *period,
            });
            periods.max().unwrap_or(SimDuration::ZERO)
        };
        let kept = longest(&self.settings.up).max(longest(&self.settings.down));
        while self.changes.front().is_some_and(|(at, _)| now.since(*at) >= kept) {
            self.changes.pop_front();
        }
        // How many there were at the start of the period.
        let at_start = |period: SimDuration| {
            let recent = self.changes.iter().filter(|(at, _)| now.since(*at) < period);
            (i64::from(current) - recent.map(|(_, by)| by).sum::<i64>()).max(0) as f64
        };
        match wish.cmp(&current) {
            Ordering::Equal => wish,
            Ordering::Greater => {
                let limits = self.settings.up.policies.iter().map(|policy| match *policy {
                    RatePolicy::Pods(n, period) => (at_start(period) as u32).saturating_add(n),
                    RatePolicy::Percent(share, period) => ceil(at_start(period) * (1.0 + share)),
                });
                wish.min(limits.max().unwrap_or(current).max(current))
            }
            Ordering::Less => {
                let limits = self.settings.down.policies.iter().map(|policy| match *policy {
                    RatePolicy::Pods(n, period) => (at_start(period) as u32).saturating_sub(n),
                    RatePolicy::Percent(share, period) => (at_start(period) * (1.0 - share) + 1e-9) as u32,
                });
                wish.max(limits.min().unwrap_or(current).min(current))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    fn half() -> HpaSettings {
        HpaSettings::new(0.5, [1, 100])
    }

    fn pods(utilisation: f64, n: usize) -> Vec<Pod> {
        vec![Pod { utilisation: Some(utilisation), ready: true }; n]
    }

    #[test]
    fn the_documented_formula() {
        // "If the current metric value is 200m and the desired value is 100m, the number of replicas will be
        // doubled"; 50m: halved; a ratio within 0.1 of 1.0: nothing.
        let desired = |ratio: f64, n| desired_replicas(&pods(ratio * 0.5, n), &half(), n as u32);
        assert_eq!(
            [desired(2.0, 5), desired(0.5, 5), desired(1.1, 5), desired(0.9, 5), desired(1.11, 5)],
            [10, 3, 5, 5, 6]
        );
        assert_eq!(desired_replicas(&pods(0.7, 10), &HpaSettings::new(0.35, [1, 100]), 10), 20);
        assert_eq!(desired_replicas(&[], &half(), 7), 7);
    }

    #[test]
    fn pods_that_are_not_ready_or_have_no_metric_count_against_the_change() {
        let mut fleet = pods(0.8, 4);
        fleet.extend([Pod { utilisation: Some(0.9), ready: false }; 2]);
        // 3.2 / 6 / 0.5 = 1.07: within the tolerance once the two count as idle.
        assert_eq!(desired_replicas(&fleet, &half(), 6), 6);
        fleet[..4].iter_mut().for_each(|pod| pod.utilisation = Some(1.0));
        assert_eq!(desired_replicas(&fleet, &half(), 6), 8); // 4 / 6 / 0.5 x 6
        // Scaling down, those who are not ready do not count at all, those without a metric are at 100 %.
        let mut quiet = pods(0.2, 4);
        quiet.push(Pod { utilisation: None, ready: true });
        assert_eq!(desired_replicas(&quiet, &half(), 5), 4); // 1.8 / 5 / 0.5 x 5 = 3.6
        quiet.push(Pod { utilisation: None, ready: true });
        quiet.push(Pod { utilisation: None, ready: true });
        assert_eq!(desired_replicas(&quiet, &half(), 7), 7); // 3.8 / 7 / 0.5 = 1.09
        assert_eq!(desired_replicas(&[Pod { utilisation: None, ready: true }], &half(), 1), 1);
        // Of a target above the request the metric is the target: 0.6 + 2 x 1.5 of 6 are 2.4 pods, where
        // 0.6 + 2 x 1 would be 1.7.
        let mut above = pods(0.3, 2);
        above.extend([Pod { utilisation: None, ready: true }; 2]);
        assert_eq!(desired_replicas(&above, &HpaSettings::new(1.5, [1, 100]), 4), 3);
    }

    #[test]
    fn a_saturated_metric_grows_by_its_inverse_target_and_by_no_more_than_the_rate() {
        // 100 % of a target of 50 %: twice as many each time, which the rate of 100 % per 15 s allows.
        let mut hpa = HorizontalPodAutoscaler::new(HpaSettings::new(0.5, [1, 100]));
        let mut n = 5;
        let seen: Vec<_> = (0..4)
            .map(|k| {
                n = hpa.decide(&pods(1.0, n as usize), n, at(15 * k));
                n
            })
            .collect();
        assert_eq!(seen, [10, 20, 40, 80]);
        assert_eq!(hpa.recommend(500, 80, at(75)), 100); // the maximum
        // Of one pod, four more are allowed.
        let mut hpa = HorizontalPodAutoscaler::new(HpaSettings::new(0.5, [1, 100]));
        assert_eq!(hpa.recommend(50, 1, at(0)), 5);
        assert_eq!(hpa.recommend(50, 5, at(10)), 5, "the period is not over");
        assert_eq!(hpa.recommend(50, 5, at(15)), 10);
    }

    #[test]
    fn it_scales_down_to_the_largest_wish_of_five_minutes() {
        let mut hpa = HorizontalPodAutoscaler::new(HpaSettings::new(0.5, [2, 100]));
        hpa.recommend(10, 10, at(0));
        hpa.recommend(8, 10, at(15));
        for k in 2..20 {
            assert_eq!(hpa.recommend(3, 10, at(15 * k)), 10);
        }
        assert_eq!(hpa.recommend(3, 10, at(300)), 8);
        assert_eq!(hpa.recommend(3, 8, at(315)), 3);
        assert_eq!(hpa.recommend(0, 3, at(700)), 2);
    }

    #[test]
    fn the_number_at_the_start_is_a_recommendation() {
        let mut hpa = HorizontalPodAutoscaler::new(half());
        let seen = [0, 15, 285, 299, 300].map(|s| hpa.recommend(3, 10, at(s)));
        assert_eq!(seen, [10, 10, 10, 10, 3]);
    }

    #[test]
    fn a_period_begins_with_all_who_were_there() {
        // Ten lose five, and get wanted again within the same 15 s: twice ten, not twice five.
        let mut settings = half();
        settings.down.stabilisation = SimDuration::ZERO;
        let mut hpa = HorizontalPodAutoscaler::new(settings);
        assert_eq!(hpa.recommend(5, 10, at(0)), 5);
        assert_eq!(hpa.recommend(50, 5, at(10)), 20);
        assert_eq!(hpa.recommend(50, 20, at(30)), 40);
    }

    #[test]
    fn the_documentations_slow_way_down() {
        // "10 % or 4 pods per minute, whichever is more": 80 lose 8, then 72 lose 8 (7.2 rounded up), and below
        // 40 four at a time.
        let minute = SimDuration::from_secs(60);
        let mut settings = HpaSettings::new(0.5, [1, 100]);
        settings.down = ScalingRules {
            stabilisation: SimDuration::ZERO,
            policies: vec![RatePolicy::Pods(4, minute), RatePolicy::Percent(0.1, minute)],
        };
        let mut hpa = HorizontalPodAutoscaler::new(settings);
        let mut n = 80;
        let mut seen = Vec::new();
        for k in 0..14 {
            let next = hpa.recommend(10, n, at(60 * k));
            assert_eq!(hpa.recommend(10, next, at(60 * k + 30)), next, "once per period");
            seen.push(n - next);
            n = next;
        }
        assert_eq!(seen, [8, 8, 7, 6, 6, 5, 4, 4, 4, 4, 4, 4, 4, 2]);
    }
}
