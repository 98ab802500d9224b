//! Processor sharing: each of n jobs on c cores proceeds at rate min(1, c / n).
//!
//! Kept in *virtual time*: V grows at the common rate, a job that arrives at V with demand d is done
//! when V reaches V + d, so an arrival or a departure costs O(log n) however many jobs run. V counts
//! units of 2^-10 ns in integers and restarts at zero whenever nothing runs: results are exact to
//! the nanosecond and equal on every platform.
//! Not modelled: time slices, migration between cores, caches.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::base::{SimDuration, SimTime};

const FRACTION: u32 = 10;
const ONE: u64 = 1 << 32;

/// The universal scalability law's loss of efficiency (Gunther 1993) over m = jobs beyond the cores:
/// 1 / (1 + sigma m + kappa m (m + 1)); exactly 1 while no job must share.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Contention {
    /// Serialisation.
    pub sigma: f64,
    /// Coherency.
    pub kappa: f64,
}

#[derive(Clone, Copy, Debug)]
struct Job<T> {
    finish: u64,
    order: u64,
    what: T,
}

impl<T> PartialEq for Job<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<T> Eq for Job<T> {}
impl<T> PartialOrd for Job<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Job<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.finish, self.order).cmp(&(other.finish, other.order))
    }
}

/// Jobs that share cores.
#[derive(Clone, Debug)]
pub struct ProcessorSharing<T> {
    jobs: BinaryHeap<Reverse<Job<T>>>,
    /// Cores in thousandths.
    milli_cores: u64,
    /// Speed of a core relative to nominal, as a fraction of 2^32.
    speed: u64,
    contention: Option<Contention>,
    virtual_time: u64,
    /// What virtual time has beyond its last whole unit, in 2^-32: without it, more than 1024 jobs a
    /// core would round each short step to nothing, and the clock would creep without end.
    rest: u64,
    updated: SimTime,
    started: u64,
}

impl<T: Copy + PartialEq> ProcessorSharing<T> {
    /// `cores` (at least a thousandth) at nominal speed, idle.
    #[must_use]
    pub fn new(cores: f64) -> Self {
        Self {
            jobs: BinaryHeap::new(),
            milli_cores: ((cores * 1000.0).round() as u64).max(1),
            speed: ONE,
            contention: None,
            virtual_time: 0,
            rest: 0,
            updated: SimTime::ZERO,
            started: 0,
        }
    }

    /// Makes jobs beyond the cores cost efficiency.
    pub fn set_contention(&mut self, contention: Contention) {
        self.contention = Some(contention);
    }

    /// Jobs present.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Changes the speed of every core from now on (1 is nominal, 0 stops them).
    pub fn set_speed(&mut self, now: SimTime, speed: f64) {
        self.advance(now);
        self.speed = (speed.max(0.0) * ONE as f64) as u64;
    }

    /// Changes the number of cores from now on.
    pub fn set_cores(&mut self, now: SimTime, cores: f64) {
        self.advance(now);
        self.milli_cores = ((cores * 1000.0).round() as u64).max(1);
    }

    /// The rate of each job: numerator and denominator, and a factor in 2^-32.
    #[inline]
    fn rate(&self) -> (u64, u64, u64) {
        let n = self.jobs.len() as u64;
        let (num, den) = if n * 1000 <= self.milli_cores || n == 0 {
            (1, 1)
        } else if self.milli_cores.is_multiple_of(1000) {
            (self.milli_cores / 1000, n)
        } else if self.milli_cores < 1000 && n == 1 {
            (self.milli_cores, 1000)
        } else {
            (self.milli_cores, n * 1000)
        };
        let factor = match self.contention {
            Some(Contention { sigma, kappa }) => {
                let beyond = (n as f64 - self.milli_cores as f64 / 1000.0).max(0.0);
                let efficiency = 1.0 / (1.0 + sigma * beyond + kappa * beyond * (beyond + 1.0));
                (self.speed as f64 * efficiency) as u64
            }
            None => self.speed,
        };
        (num, den, factor)
    }

    #[inline]
    fn advance(&mut self, now: SimTime) {
        let passed = now.since(self.updated).as_nanos();
        self.updated = now;
        if self.jobs.is_empty() {
            (self.virtual_time, self.rest) = (0, 0);
            return;
        }
        if passed == 0 {
            return;
        }
        let (num, den, factor) = self.rate();
        if factor == ONE && num == den && passed >> (63 - FRACTION) == 0 {
            self.virtual_time = self.virtual_time.saturating_add(passed << FRACTION);
            return;
        }
        // The usual case in 64 bits where they suffice.
        let narrow = if factor == ONE && passed >> (63 - FRACTION) == 0 {
            (passed << FRACTION).checked_mul(num).filter(|_| den <= ONE)
        } else {
            None
        };
        let (whole, fraction) = if let Some(product) = narrow {
            (product / den, ((product % den) << 32) / den)
        } else {
            let product = (u128::from(passed) << FRACTION)
                .saturating_mul(u128::from(num))
                .saturating_mul(u128::from(factor));
            let unit = u128::from(den) << 32;
            ((product / unit) as u64, (((product % unit) << 32) / unit) as u64)
        };
        self.rest += fraction;
        self.virtual_time = self.virtual_time.saturating_add(whole).saturating_add(self.rest >> 32);
        self.rest &= ONE - 1;
    }

    /// Starts a job of `demand` at full speed on one core.
    #[inline]
    pub fn add(&mut self, now: SimTime, demand: SimDuration, what: T) {
        self.advance(now);
        self.started += 1;
        let demand = demand.as_nanos().min(u64::MAX >> (FRACTION + 1));
        let finish = self.virtual_time.saturating_add(demand << FRACTION);
        self.jobs.push(Reverse(Job { finish, order: self.started, what }));
    }

    /// When the next job will be done if nothing changes until then; never before `now`.
    #[must_use]
    #[inline]
    pub fn next_completion(&mut self, now: SimTime) -> Option<SimTime> {
        self.advance(now);
        let Reverse(head) = self.jobs.peek()?;
        let remaining = head.finish.saturating_sub(self.virtual_time);
        let (num, den, factor) = self.rate();
        if factor == 0 {
            return None;
        }
        if remaining == 0 {
            return Some(now);
        }
        let narrow = if den < ONE { remaining.checked_mul(den) } else { None };
        let nanos = if factor == ONE && num == den {
            u128::from(remaining)
        } else if let (ONE, Some(product)) = (factor, narrow) {
            // As below, in 64 bits: the rest's share in whole units, rounded up, is taken off.
            let rest = (self.rest * den).div_ceil(ONE);
            u128::from(product.saturating_sub(rest) / num)
        } else if factor == ONE {
            // Exact to the rest: to round without it would ask to be woken too late.
            let remaining = (u128::from(remaining) << 32).saturating_sub(u128::from(self.rest));
            (remaining * u128::from(den) / u128::from(num)) >> 32
        } else {
            (u128::from(remaining) << 32) * u128::from(den) / (u128::from(num) * u128::from(factor))
        };
        // To the nearest nanosecond.
        let nanos = (nanos + (1 << (FRACTION - 1))) >> FRACTION;
        Some(now + SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Takes out the next job if it is done by `now` (to within half a nanosecond of its own pace).
    #[inline]
    pub fn complete(&mut self, now: SimTime) -> Option<T> {
        self.complete_or_next(now).ok()
    }

    /// Takes out the next job if it is done by `now`; else says when it will be, as [`Self::next_completion`].
    ///
    /// # Errors
    /// With that time, if there is nothing to take out.
    pub fn complete_or_next(&mut self, now: SimTime) -> Result<T, Option<SimTime>> {
        let next = self.next_completion(now);
        if next.is_none_or(|at| at > now) {
            return Err(next);
        }
        let Some(Reverse(job)) = self.jobs.pop() else { return Err(None) };
        if self.jobs.is_empty() {
            (self.virtual_time, self.rest) = (0, 0);
        } else if job.finish > self.virtual_time {
            (self.virtual_time, self.rest) = (job.finish, 0);
        }
        Ok(job.what)
    }

    /// Takes a job out before it is done; the demand that remained.
    pub fn remove(&mut self, now: SimTime, what: &T) -> Option<SimDuration> {
        self.advance(now);
        let Reverse(job) = *self.jobs.iter().find(|Reverse(job)| job.what == *what)?;
        self.jobs.retain(|Reverse(other)| other.order != job.order);
        Some(SimDuration::from_nanos(job.finish.saturating_sub(self.virtual_time) >> FRACTION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    /// Departure times of jobs (arrival, size), in order of the jobs.
    fn departures(cores: f64, jobs: &[(f64, f64)]) -> Vec<f64> {
        let mut sharing = ProcessorSharing::new(cores);
        let mut left = vec![f64::NAN; jobs.len()];
        let mut waiting = jobs.iter().enumerate().peekable();
        let mut now = SimTime::ZERO;
        loop {
            let arrival = waiting.peek().map(|(_, (t, _))| at(*t));
            match (sharing.next_completion(now), arrival) {
                (Some(done), next) if next.is_none_or(|next| done <= next) => {
                    now = done;
                    while let Some(job) = sharing.complete(now) {
                        left[job] = now.as_secs_f64();
                    }
                }
                (_, Some(next)) => {
                    now = next;
                    let (job, (_, size)) = waiting.next().unwrap();
                    sharing.add(now, SimDuration::from_secs_f64(*size), job);
                }
                _ => return left,
            }
        }
    }

    #[test]
    fn golden_traces_hold_to_the_nanosecond() {
        // GOLD-PS and GOLD-PS2 of tests/data/cases.json.
        assert_eq!(departures(1.0, &[(0.0, 3.0), (1.0, 1.0), (2.0, 2.0)]), [5.5, 3.5, 6.0]);
        assert_eq!(departures(2.0, &[(0.0, 2.0), (0.0, 4.0), (0.0, 6.0), (1.0, 1.0)]), [3.5, 5.5, 7.5, 3.0]);
    }

    #[test]
    fn a_core_at_half_speed_takes_twice_as_long() {
        let mut sharing = ProcessorSharing::new(1.0);
        sharing.add(at(0.0), SimDuration::from_secs(4), 'a');
        sharing.set_speed(at(1.0), 0.5);
        assert_eq!(sharing.next_completion(at(1.0)), Some(at(7.0)));
        sharing.set_speed(at(3.0), 1.0);
        assert_eq!(sharing.next_completion(at(3.0)), Some(at(5.0)));
        assert_eq!(sharing.remove(at(4.0), &'a'), Some(SimDuration::from_secs(1)));
        assert_eq!(sharing.next_completion(at(4.0)), None);
    }

    #[test]
    fn contention_costs_nothing_until_jobs_share() {
        let mut sharing = ProcessorSharing::new(2.0);
        sharing.set_contention(Contention { sigma: 0.5, kappa: 0.0 });
        sharing.add(at(0.0), SimDuration::from_secs(1), 'a');
        sharing.add(at(0.0), SimDuration::from_secs(1), 'b');
        assert_eq!(sharing.next_completion(at(0.0)), Some(at(1.0)));
        sharing.add(at(0.0), SimDuration::from_secs(1), 'c');
        // Three jobs on two cores at efficiency 1 / 1.5: 1.5 x 1.5 s.
        let done = sharing.next_completion(at(0.0)).unwrap().as_secs_f64();
        assert!((done - 2.25).abs() < 1e-8, "{done}");
    }

    #[test]
    fn thousands_of_jobs_on_one_core_neither_stall_nor_lose_work() {
        for (jobs, speed) in [(1_300, 1.0), (1_600, 0.7), (5_000, 1.0)] {
            let mut sharing = ProcessorSharing::new(1.0);
            sharing.set_speed(SimTime::ZERO, speed);
            let mut luck = crate::base::random::Key::root(1, jobs).draws();
            let (mut now, mut work) = (SimTime::ZERO, 0);
            for job in 0..jobs {
                now += SimDuration::from_nanos(luck.below(2_000));
                let demand = 10_000_000 + luck.below(10_000_000);
                work += demand;
                sharing.add(now, SimDuration::from_nanos(demand), job);
            }
            let mut wakes = 0;
            while let Some(next) = sharing.next_completion(now) {
                now = next;
                wakes += 1;
                assert!(wakes < 3 * jobs, "{} of {jobs} jobs are stuck", sharing.len());
                while sharing.complete(now).is_some() {}
            }
            let expected = work as f64 / speed;
            let seen = now.as_nanos() as f64;
            assert!((seen / expected - 1.0).abs() < 1e-5, "{seen} for {expected}");
        }
    }

    #[test]
    fn fractions_of_a_core_stretch_even_a_single_job() {
        assert_eq!(departures(0.5, &[(0.0, 1.0)]), [2.0]);
        assert_eq!(departures(1.5, &[(0.0, 3.0), (0.0, 3.0), (0.0, 3.0)]), [6.0, 6.0, 6.0]);
    }
}
