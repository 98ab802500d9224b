//! AWS target tracking: two alarms around a target, and capacity in proportion.
//!
//! One datapoint a minute, the mean over instances that are warm. Three in a row above the target scale out to
//! ceil(warm x metric / target), which with the instances still warming up may be no change: they are part of
//! the capacity that was asked for. Fifteen in a row below 90 % of the target scale in to the same formula's
//! number, never while instances warm up or within the cooldown of 300 s after any change; a scale-out waits
//! only for its own cooldown, which is zero for groups of instances and 300 s for services. A missing datapoint
//! breaks neither row.
//!
//! The counts 3 and 15 and the margin of 10 % are what practitioners see in the alarms that AWS creates; the
//! documentation does not promise them.

use crate::base::{SimDuration, SimTime};

/// The numbers of a policy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrackingSettings {
    /// The metric's value aimed at.
    pub target: f64,
    /// Least and largest capacity.
    pub bounds: [u32; 2],
    /// Datapoints in a row that scale out.
    pub out_after: u32,
    /// Datapoints in a row that scale in.
    pub in_after: u32,
    /// Share of the target below which a datapoint is low.
    pub low: f64,
    /// After a change, until the next scale-out.
    pub out_cooldown: SimDuration,
    /// After a change, until the next scale-in.
    pub in_cooldown: SimDuration,
    /// Whether it never scales in.
    pub disable_scale_in: bool,
}

impl TrackingSettings {
    /// From datapoint to datapoint.
    pub const PERIOD: SimDuration = SimDuration::from_secs(60);

    /// The usual numbers.
    #[must_use]
    pub const fn new(target: f64, bounds: [u32; 2]) -> Self {
        Self {
            target,
            bounds,
            out_after: 3,
            in_after: 15,
            low: 0.9,
            out_cooldown: SimDuration::ZERO,
            in_cooldown: SimDuration::from_secs(300),
            disable_scale_in: false,
        }
    }
}

/// Who there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// What was asked for.
    pub desired: u32,
    /// In service and warm: those whose metric counts.
    pub warm: u32,
}

/// One policy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TargetTracking {
    settings: TrackingSettings,
    high_in_a_row: u32,
    low_in_a_row: u32,
    changed: Option<SimTime>,
}

impl TargetTracking {
    /// A policy without a history.
    #[must_use]
    pub const fn new(settings: TrackingSettings) -> Self {
        Self { settings, high_in_a_row: 0, low_in_a_row: 0, changed: None }
    }

    /// A datapoint of the last minute, or none: the capacity that this policy wants, which is
    /// `fleet.desired` unless an alarm is on.
    pub fn datapoint(&mut self, value: Option<f64>, fleet: Capacity, now: SimTime) -> u32 {
        let settings = self.settings;
        let Some(value) = value.filter(|v| v.is_finite()) else { return fleet.desired };
        let count = |row: u32, holds: bool| if holds { row.saturating_add(1) } else { 0 };
        self.high_in_a_row = count(self.high_in_a_row, value > settings.target);
        self.low_in_a_row = count(self.low_in_a_row, value < settings.low * settings.target);
        let cool = |cooldown: SimDuration| self.changed.is_none_or(|at| now.since(at) >= cooldown);
        let warm = if fleet.warm == 0 { fleet.desired } else { fleet.warm };
        let wanted = f64::from(warm) * value / settings.target.max(f64::MIN_POSITIVE);
        // Not over an error in the last digits; `as` saturates.
        let wanted = libm::ceil(wanted - 1e-9 * wanted.abs().max(1.0)).max(0.0) as u32;
        let out = self.high_in_a_row >= settings.out_after.max(1) && cool(settings.out_cooldown);
        let back = self.low_in_a_row >= settings.in_after.max(1)
            && !settings.disable_scale_in
            && fleet.warm >= fleet.desired
            && cool(settings.in_cooldown);
        let [min, max] = settings.bounds;
        let within = |n: u32| n.clamp(min.min(max), max);
        if out {
            within(wanted).max(fleet.desired)
        } else if back {
            within(wanted).min(fleet.desired)
        } else {
            fleet.desired
        }
    }

    /// The capacity was changed, by this policy or another one.
    pub fn changed(&mut self, now: SimTime) {
        self.changed = Some(now);
    }
}

/// Several policies on one fleet: out to the largest wish if any wants more, in only if all want less.
#[must_use]
pub fn combine(wishes: &[u32], desired: u32) -> u32 {
    wishes.iter().copied().max().unwrap_or(desired)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(60 * minute)
    }

    #[test]
    fn three_minutes_out_fifteen_minutes_in() {
        let mut policy = TargetTracking::new(TrackingSettings::new(0.5, [1, 100]));
        let mut fleet = Capacity { desired: 10, warm: 10 };
        let seen: Vec<_> = (1..=3).map(|m| policy.datapoint(Some(0.8), fleet, at(m))).collect();
        assert_eq!(seen, [10, 10, 16]);
        policy.changed(at(3));
        fleet.desired = 16;
        // The six warm up: the ten are as busy as before, and nothing more is asked for.
        assert_eq!((4..=6).map(|m| policy.datapoint(Some(0.8), fleet, at(m))).max(), Some(16));
        fleet.warm = 16;
        assert_eq!(policy.datapoint(Some(0.5), fleet, at(7)), 16);
        let seen: Vec<_> = (8..=22).map(|m| policy.datapoint(Some(0.3), fleet, at(m))).collect();
        assert_eq!((seen[13], seen[14]), (16, 10)); // ceil(16 x 0.6) at the fifteenth
    }

    #[test]
    fn scaling_in_waits_for_warm_instances_and_the_cooldown() {
        let mut policy =
            TargetTracking::new(TrackingSettings { in_after: 1, ..TrackingSettings::new(0.5, [4, 100]) });
        assert_eq!(policy.datapoint(Some(0.1), Capacity { desired: 12, warm: 10 }, at(1)), 12);
        policy.changed(at(1));
        let fleet = Capacity { desired: 12, warm: 12 };
        assert_eq!(policy.datapoint(Some(0.1), fleet, at(5)), 12);
        assert_eq!(policy.datapoint(Some(0.1), fleet, at(6)), 4); // the minimum, not 3
        assert_eq!(policy.datapoint(Some(0.46), fleet, at(7)), 12); // within 10 % below the target
    }

    #[test]
    fn a_missing_datapoint_breaks_no_row_and_one_good_minute_does() {
        let mut policy = TargetTracking::new(TrackingSettings::new(0.5, [1, 100]));
        let fleet = Capacity { desired: 10, warm: 10 };
        let mut wants = |value| policy.datapoint(value, fleet, at(1));
        assert_eq!([Some(0.9), None, Some(0.9), None, Some(0.9)].map(&mut wants), [10, 10, 10, 10, 18]);
        assert_eq!([Some(0.5), Some(0.9), Some(0.9), Some(0.9)].map(&mut wants), [10, 10, 10, 18]);
    }

    #[test]
    fn a_saturated_processor_hides_how_much_is_missing() {
        // AUTOSCALE-LAG's fleet: ten servers at twice the load show 100 %. A target of 80 % then asks for 13,
        // where 20 are needed: it takes several rounds.
        let mut policy = TargetTracking::new(TrackingSettings::new(0.8, [1, 100]));
        let mut n = 10;
        let mut rounds = Vec::new();
        for minute in 1..=9 {
            let utilisation = (20.0 * 0.8 / f64::from(n)).min(1.0);
            let next = policy.datapoint(Some(utilisation), Capacity { desired: n, warm: n }, at(minute));
            if next != n {
                rounds.push((minute, next));
                n = next;
            }
        }
        assert_eq!(rounds, [(3, 13), (4, 17), (5, 20)]);
    }

    #[test]
    fn several_policies() {
        assert_eq!(combine(&[8, 12], 10), 12);
        assert_eq!(combine(&[8, 10], 10), 10);
        assert_eq!(combine(&[8, 9], 10), 9);
    }
}
