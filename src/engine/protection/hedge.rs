//! Hedging: a second copy of a request that is late, the first answer counts, the others are cancelled (Dean
//! and Barroso, "The tail at scale", 2013).
//!
//! A copy goes out after a fixed delay or after a percentile of past answers, at most `copies` of them in all;
//! the percentile p bounds the load added to 1 - p by itself as long as times stay as they are. When all
//! become slow at once it does not, so a cap in the form of saved tokens goes with it: each request saves up
//! `max_extra` of a copy, ten at most.
//!
//! Percentiles come from a histogram with relative steps of 1/32, which is halved whenever it has counted
//! `MEMORY` answers, and are looked up once per 64 answers.

use crate::base::SimDuration;

/// When a copy is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum HedgeAfter {
    /// After this long (gRPC `hedgingDelay`).
    Delay(SimDuration),
    /// After a percentile of past answers, 0..1; until 100 are known, not at all.
    Percentile(f64),
}

const MEMORY: u32 = 10_000;
const KNOWN: u32 = 100;
const SAVED: f64 = 10.0;
const STEPS: u32 = 5; // 2^5 steps per doubling

/// Hedging at one call site.
#[derive(Clone, PartialEq, Debug)]
pub struct Hedge {
    after: HedgeAfter,
    copies: u32,
    max_extra: f64,
    tokens: f64,
    histogram: Vec<u32>,
    counted: u32,
    since_lookup: u32,
    delay: Option<SimDuration>,
}

impl Hedge {
    /// `copies` of a request in all (at least one), and at most `max_extra` copies per request on average;
    /// infinity: without a cap.
    #[must_use]
    pub fn new(after: HedgeAfter, copies: u32, max_extra: f64) -> Self {
        let (histogram, delay) = match after {
            HedgeAfter::Delay(delay) => (Vec::new(), Some(delay)),
            HedgeAfter::Percentile(_) => (vec![0; 64 << STEPS], None),
        };
        let max_extra = if max_extra.is_nan() { 0.0 } else { max_extra.max(0.0) };
        let tokens = if max_extra.is_infinite() { f64::INFINITY } else { SAVED };
        Self { after, copies, max_extra, tokens, histogram, counted: 0, since_lookup: 0, delay }
    }

    /// A request is sent: after how long to ask for a copy.
    pub fn requested(&mut self) -> Option<SimDuration> {
        if self.max_extra.is_finite() {
            self.tokens = (self.tokens + self.max_extra).min(SAVED);
        }
        self.delay()
    }

    /// After how long a copy follows the one before it, as far as that is known.
    #[must_use]
    pub fn delay(&self) -> Option<SimDuration> {
        (self.copies > 1).then_some(self.delay)?
    }

    /// The delay has passed without an answer and `sent` copies are out: whether another one goes.
    pub fn copy(&mut self, sent: u32) -> bool {
        let goes = sent < self.copies && self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(goes));
        goes
    }

    /// An attempt was answered after `took`.
    pub fn answered(&mut self, took: SimDuration) {
        let HedgeAfter::Percentile(p) = self.after else { return };
        self.histogram[bucket(took.as_nanos())] += 1;
        self.counted += 1;
        self.since_lookup += 1;
        if self.counted >= KNOWN && (self.delay.is_none() || self.since_lookup >= 64) {
            self.since_lookup = 0;
            self.delay = Some(self.percentile(p));
        }
        if self.counted >= MEMORY {
            self.histogram.iter_mut().for_each(|n| *n /= 2);
            self.counted = self.histogram.iter().sum();
        }
    }

    fn percentile(&self, p: f64) -> SimDuration {
        let rank = libm::ceil(p.clamp(0.0, 1.0) * f64::from(self.counted)) as u32;
        let mut below = 0;
        let found = self.histogram.iter().position(|n| {
            below += n;
            below >= rank.max(1)
        });
        SimDuration::from_nanos(upper(found.unwrap_or(0)))
    }
}

/// The bucket of a time: its exponent and its next five bits.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(1);
    let exponent = nanos.ilog2();
    let fraction = (u128::from(nanos) << STEPS >> exponent) as u64 & ((1 << STEPS) - 1);
    ((exponent << STEPS) as usize) + fraction as usize
}

/// The largest time of a bucket.
fn upper(bucket: usize) -> u64 {
    let (exponent, fraction) = (bucket >> STEPS, bucket as u128 & ((1 << STEPS) - 1));
    let next = (((1 << STEPS) + fraction + 1) << exponent).div_ceil(1 << STEPS);
    u64::try_from(next.saturating_sub(1)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    /// Exponential answers with mean 1 s, hedged: mean, p99, p99.9 and copies per request.
    fn run(mut hedge: Hedge, n: usize, slow: f64) -> (f64, f64, f64, f64) {
        let mut draws = Key::root(1, 0).draws();
        let mut service = || slow * -libm::log(draws.unit_open());
        let mut times = Vec::new();
        let mut copies = 0_u32;
        for _ in 0..n {
            let delay = hedge.requested();
            let mut time = service();
            if let Some(delay) = delay.map(SimDuration::as_secs_f64)
                && time > delay
                && hedge.copy(1)
            {
                copies += 1;
                time = time.min(delay + service());
            }
            hedge.answered(SimDuration::from_secs_f64(time));
            times.push(time);
        }
        let mean = times.iter().sum::<f64>() / n as f64;
        times.sort_by(f64::total_cmp);
        (mean, times[n / 100 * 99], times[n / 1000 * 999], f64::from(copies) / n as f64)
    }

    #[test]
    fn a_copy_at_the_95th_percentile_cuts_the_tail() {
        // HEDGE-EXP: mean 0.975, p99 3.800, p99.9 4.952, 5 % more requests.
        let after = HedgeAfter::Delay(SimDuration::from_secs_f64(2.995_732_273_553_991));
        let (mean, p99, p999, extra) = run(Hedge::new(after, 2, 1.0), 1_000_000, 1.0);
        assert!((mean / 0.975 - 1.0).abs() < 0.01, "{mean}");
        assert!((p99 / 3.800_451 - 1.0).abs() < 0.02, "{p99}");
        assert!((p999 / 4.951_744 - 1.0).abs() < 0.03, "{p999}");
        assert!((extra - 0.05).abs() < 0.002, "{extra}");
    }

    #[test]
    fn the_cap_holds_when_everything_is_slow() {
        let after = HedgeAfter::Delay(SimDuration::from_millis(100));
        let (.., extra) = run(Hedge::new(after, 2, 0.02), 100_000, 10.0);
        assert!((extra - 0.02).abs() < 0.001, "{extra}");
    }

    #[test]
    fn percentiles_are_learnt() {
        let mut hedge = Hedge::new(HedgeAfter::Percentile(0.95), 2, 1.0);
        let mut draws = Key::root(2, 0).draws();
        for n in 0..50_000 {
            assert_eq!(hedge.requested().is_some(), n >= 100);
            hedge.answered(SimDuration::from_secs_f64(-libm::log(draws.unit_open())));
        }
        let delay = hedge.requested().unwrap().as_secs_f64();
        assert!((delay / 2.9957 - 1.0).abs() < 0.06, "{delay}");
    }

    #[test]
    fn buckets_hold_what_falls_into_them() {
        for nanos in [1, 2, 3, 31, 32, 33, 1000, 123_456_789, u64::MAX] {
            assert!(upper(bucket(nanos)) >= nanos);
            assert!((upper(bucket(nanos)) - nanos) as f64 <= nanos as f64 / 32.0 + 1.0, "{nanos}");
        }
        assert!(!Hedge::new(HedgeAfter::Delay(SimDuration::ZERO), 2, 1.0).copy(2));
    }
}
