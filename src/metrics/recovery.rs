//! When a system is well again after a spike.
//!
//! Rule: requests are counted by the second of their intended start. `time_to_recover` runs from the end
//! of the last spike's hold to the first instant (on the grid of whole seconds) from which, over the next
//! 30 s, at least 99 % of the requests sent get a good answer. Requests still unanswered when the run is
//! cut had none. A window without any request tells nothing, nor does one that the run's end cuts.

use super::value::MetricValue;
use crate::base::{NANOS_PER_SEC, SimTime};

/// Length of the sliding window in seconds.
const WINDOW: usize = 30;

/// Requests sent, and those of them answered well, by the second of their start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    seconds: Vec<(u32, u32)>,
}

impl Recovery {
    #[inline]
    fn second(&mut self, at: SimTime) -> &mut (u32, u32) {
        let index = (at.as_nanos() / NANOS_PER_SEC) as usize;
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, (0, 0));
        }
        &mut self.seconds[index]
    }

    /// A request was sent.
    #[inline]
    pub fn sent(&mut self, now: SimTime) {
        self.second(now).0 += 1;
    }

    /// The request that started at `started` got a good answer.
    #[inline]
    pub fn good(&mut self, started: SimTime) {
        self.second(started).1 += 1;
    }

    /// Seconds from `spike_end` to recovery, in a run that was cut at `end`.
    #[must_use]
    pub fn time_to_recover(&self, spike_end: SimTime, end: SimTime) -> MetricValue {
        let first = spike_end.as_nanos().div_ceil(NANOS_PER_SEC) as usize;
        let whole = (end.as_nanos() / NANOS_PER_SEC) as usize;
        let of = |second: usize| self.seconds.get(second).copied().unwrap_or_default();
        let (mut sent, mut good) = (0u64, 0u64);
        for second in first..whole {
            let (s, g) = of(second);
            sent += u64::from(s);
            good += u64::from(g);
            if second + 1 < first + WINDOW {
                continue;
            }
            let start = second + 1 - WINDOW;
            if sent > 0 && good * 100 >= sent * 99 {
                let at = SimTime::from_nanos(start as u64 * NANOS_PER_SEC);
                return MetricValue::Number(at.since(spike_end).as_secs_f64());
            }
            let (s, g) = of(start);
            sent -= u64::from(s);
            good -= u64::from(g);
        }
        MetricValue::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bad_until: u64, seconds: u64) -> Recovery {
        let mut recovery = Recovery::default();
        for i in 0..seconds {
            for _ in 0..100 {
                let at = SimTime::from_nanos(i * NANOS_PER_SEC);
                recovery.sent(at);
                if i >= bad_until {
                    recovery.good(at);
                }
            }
        }
        recovery
    }

    #[test]
    fn recovery_is_counted_from_the_end_of_the_hold() {
        let at = |s: u64| SimTime::from_nanos(s * NANOS_PER_SEC);
        assert_eq!(run(70, 200).time_to_recover(at(60), at(200)), MetricValue::Number(10.0));
        assert_eq!(run(0, 200).time_to_recover(at(60), at(200)), MetricValue::Number(0.0));
        assert_eq!(run(170, 200).time_to_recover(at(60), at(200)), MetricValue::Number(110.0));
        assert_eq!(run(171, 200).time_to_recover(at(60), at(200)), MetricValue::Never);
        assert_eq!(run(0, 20).time_to_recover(at(60), at(200)), MetricValue::Never, "nothing was sent");
    }
}
