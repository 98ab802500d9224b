//! Shedding by the time in line: CoDel, and Facebook's simplification of it.
//!
//! *CoDel* (Nichols and Jacobson, RFC 8289, section 5): once whoever is taken from the line has waited at least
//! `target` for a whole `interval`, one is dropped, and further ones at distances of interval / sqrt(count),
//! until one has waited less than that. Asked at each departure from the line: a drop takes the next one.
//! A line with nobody else in it is never too long.
//!
//! *Controlled delay* ("Fail at Scale", Maurer 2015): whoever joins a line that was empty within the last N
//! may wait N, otherwise only M; 100 ms and 5 ms. Goes with adaptive LIFO, which is a discipline of the line.

use crate::base::{SimDuration, SimTime};

/// CoDel's state of one line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Codel {
    target: SimDuration,
    interval: SimDuration,
    /// When the wait will have been too long for an interval; none: it is not.
    first_above: Option<SimTime>,
    dropping: bool,
    next: SimTime,
    count: u32,
    last_count: u32,
}

impl Codel {
    /// A line that is well. The published numbers are 5 ms and 100 ms, for packets; for requests the target is
    /// a small part of what callers wait.
    #[must_use]
    pub const fn new(target: SimDuration, interval: SimDuration) -> Self {
        Self {
            target,
            interval,
            first_above: None,
            dropping: false,
            next: SimTime::ZERO,
            count: 0,
            last_count: 0,
        }
    }

    fn law(&self, from: SimTime) -> SimTime {
        from + self.interval.mul_f64(1.0 / libm::sqrt(f64::from(self.count.max(1))))
    }

    /// Somebody who has waited for `wait` is next, with `others` still in line. Whether it is dropped instead
    /// of served.
    pub fn drops(&mut self, wait: SimDuration, others: usize, now: SimTime) -> bool {
        let too_long = if wait < self.target || others == 0 {
            self.first_above = None;
            false
        } else {
            let since = *self.first_above.get_or_insert(now + self.interval);
            now >= since
        };
        if !too_long {
            self.dropping = false;
            return false;
        }
        if self.dropping {
            if now < self.next {
                return false;
            }
            self.count += 1;
            self.next = self.law(self.next);
            return true;
        }
        self.dropping = true;
        // Not long after the last episode: go on near the rate that controlled the line then.
        let delta = self.count - self.last_count;
        let recent = now.since(self.next) < self.interval.mul_f64(16.0);
        self.count = if delta > 1 && recent { delta } else { 1 };
        self.last_count = self.count;
        self.next = self.law(now);
        true
    }

    /// The line is empty.
    pub fn emptied(&mut self) {
        self.first_above = None;
        self.dropping = false;
    }
}

/// The wait that a line grants to whoever joins it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControlledDelay {
    standing: SimDuration,
    usual: SimDuration,
    last_empty: SimTime,
}

impl ControlledDelay {
    /// `standing` (M) while the line has not been empty for `usual` (N), otherwise `usual`.
    #[must_use]
    pub const fn new(standing: SimDuration, usual: SimDuration) -> Self {
        Self { standing, usual, last_empty: SimTime::ZERO }
    }

    /// Facebook's: 5 ms and 100 ms.
    #[must_use]
    pub const fn fail_at_scale() -> Self {
        Self::new(SimDuration::from_millis(5), SimDuration::from_millis(100))
    }

    /// Whether the line, in which somebody is, has not been empty for so long that it stands.
    #[must_use]
    pub fn stands(&self, now: SimTime) -> bool {
        now.since(self.last_empty) > self.usual
    }

    /// Somebody joins a line in which `others` are: how long it may wait.
    pub fn joined(&mut self, others: usize, now: SimTime) -> SimDuration {
        if others == 0 {
            self.last_empty = now;
        }
        if self.stands(now) { self.standing } else { self.usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::kernel::Executive;
    use crate::queueing::{Discipline, WaitingLine};

    const TARGET: SimDuration = SimDuration::from_millis(5);
    const INTERVAL: SimDuration = SimDuration::from_millis(100);

    fn us(n: u64) -> SimTime {
        SimTime::from_nanos(n * 1000)
    }

    #[test]
    fn drops_follow_the_control_law() {
        // GOLD-CODEL: always above the target from time 0 on; somebody leaves the line every 10 us.
        let mut codel = Codel::new(TARGET, INTERVAL);
        let drops: Vec<u64> = (0..60_000)
            .map(|n| n * 10)
            .filter(|at| codel.drops(SimDuration::from_millis(50), 9, us(*at)))
            .collect();
        let expected =
            [100.0, 200.0, 270.7107, 328.4457, 378.4457, 423.1671, 463.9919, 501.7883, 537.1437, 570.477];
        assert_eq!(drops.len(), expected.len());
        for (seen, expected) in drops.iter().zip(expected) {
            assert!((*seen as f64 / 1000.0 - expected).abs() <= 0.011, "{seen} us for {expected} ms");
        }
    }

    #[test]
    fn one_short_wait_or_an_empty_line_ends_it() {
        let mut codel = Codel::new(TARGET, INTERVAL);
        let mut at =
            |ms: u64, wait: u64, others| codel.drops(SimDuration::from_millis(wait), others, us(ms * 1000));
        assert!(!at(0, 50, 5) && !at(99, 50, 5) && at(100, 50, 5));
        assert!(!at(150, 4, 5)); // below the target
        assert!(!at(160, 50, 5) && !at(259, 50, 5) && at(260, 50, 5)); // a whole interval again
        assert!(!at(400, 50, 0)); // nobody behind it
        assert!(!at(401, 50, 5));
    }

    #[test]
    fn a_second_episode_goes_on_near_where_the_first_ended() {
        let mut codel = Codel::new(TARGET, INTERVAL);
        let long = SimDuration::from_millis(50);
        let mut drops = (0..60_000).filter(|n| codel.drops(long, 9, us(n * 10))).count(); // count is 10
        assert!(!codel.drops(SimDuration::ZERO, 9, us(600_010)));
        drops += (60_002..120_000_u64).filter(|n| codel.drops(long, 9, us(n * 10))).count();
        assert_eq!(codel.last_count, 9);
        assert!(drops > 10 + 13, "{drops}");
    }

    /// Ten workers with exponential 10 ms, offered 1500/s for 60 s; callers leave after 1 s, unnoticed. Answers in
    /// time per second of the last half; `serves` says whether who is next is served.
    fn goodput(discipline: Discipline, mut serves: impl FnMut(SimDuration, usize, SimTime) -> bool) -> f64 {
        let mut draws = Key::root(1, 0).draws();
        let mut executive = Executive::new();
        let mut line = WaitingLine::new(discipline);
        let (mut idle, mut good) = (10, 0_u32);
        executive.schedule_arrival(SimTime::ZERO, None);
        while let Some(done) = executive.pop_until(SimTime::from_secs_f64(60.0)) {
            let now = executive.now();
            let mut after =
                |mean: f64| now + SimDuration::from_secs_f64(-mean * libm::log(draws.unit_open()));
            match done {
                None => {
                    executive.schedule_arrival(after(1.0 / 1500.0), None);
                    line.push(now, 0);
                }
                Some(came) => {
                    idle += 1;
                    let in_time = now.since(came) <= SimDuration::from_secs(1);
                    good += u32::from(in_time && now.as_secs_f64() > 30.0);
                }
            }
            while idle > 0
                && let Some(came) = line.pop(|_| true)
            {
                if serves(now.since(came), line.len(), now) {
                    idle -= 1;
                    executive.schedule(after(0.01), Some(came));
                }
            }
        }
        f64::from(good) / 30.0
    }

    #[test]
    fn in_an_overload_waiting_in_order_serves_only_those_who_have_left() {
        // Domain: in order next to nobody is served in time; newest first, or those too old dropped, as many as
        // the workers can serve, 1000 a second.
        let fifo = goodput(Discipline::Fifo, |_, _, _| true);
        assert!(fifo < 30.0, "{fifo}");
        let newest = goodput(Discipline::AdaptiveLifo { above: 50 }, |_, _, _| true);
        assert!(newest > 960.0, "{newest}");
        let aged = goodput(Discipline::Fifo, |wait, _, _| wait < SimDuration::from_millis(500));
        assert!(aged > 960.0, "{aged}");
        let mut codel = Codel::new(TARGET, INTERVAL);
        let shed = goodput(Discipline::Fifo, |wait, others, now| !codel.drops(wait, others, now));
        // Its law is made for flows that slow down when they lose something: for 500 drops a second from callers who
        // do not, it needs a count of 2500, and starts anew whenever the line was short once.
        assert!((700.0..900.0).contains(&shed), "{shed}");
    }

    #[test]
    fn a_standing_line_grants_little() {
        let mut delay = ControlledDelay::fail_at_scale();
        let mut joined = |ms: u64, others| delay.joined(others, us(ms * 1000)).as_nanos() / 1_000_000;
        assert_eq!(
            [joined(0, 0), joined(100, 3), joined(101, 4), joined(150, 0), joined(250, 2)],
            [100, 100, 5, 100, 100]
        );
    }
}
