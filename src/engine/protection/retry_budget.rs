//! Retry budgets: how many retries a caller may add to its load.
//!
//! | form | a retry is allowed while | source |
//! |---|---|---|
//! | [`RetryBudget::tokens`] | first attempts have saved up a token | - |
//! | [`RetryBudget::finagle`] | deposits of the last 10 s cover it: 20 % of requests + 10/s | Finagle `RetryBudget` |
//! | [`RetryBudget::aws`] | a quota of 500 covers its cost (5, after a timeout 10) | AWS SDKs "standard" |
//! | [`RetryBudget::aws_2_1`] | the same with 14, after throttling 5 | botocore `STANDARD_RETRY_MODE_VERSION` 2.1 |
//! | [`RetryBudget::grpc`] | more than half of the tokens are there | gRPC A6 `retryThrottling` |
//! | [`RetryBudget::envoy_concurrent`] | fewer than 3 retries are under way | Envoy circuit breaker `max_retries` |
//! | [`RetryBudget::envoy_budget`] | retries under way are below 20 % of requests under way, or 3 | Envoy `retry_budget` |
//! | [`RetryBudget::sre`] | retries are below 10 % of requests of the last 2 min | Google SRE, chapter 21 |
//!
//! A caller tells of each request ([`RetryBudget::requested`]), of each failed attempt, asks before a retry,
//! and tells when an attempt that was a retry and when the request ended. Forms that do not care ignore it.

use super::rolling_counter::RollingCounter;
use crate::base::{SimDuration, SimTime};

/// Why an attempt is to be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryCause {
    /// No answer in time.
    Timeout,
    /// Told to slow down: 429, or 503 with that meaning.
    Throttled,
    /// Any other error.
    Error,
}

/// What retries cost in AWS's form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Tokens at the start and at most.
    pub capacity: u32,
    /// After an error.
    pub error: u32,
    /// After a timeout.
    pub timeout: u32,
    /// After throttling.
    pub throttled: u32,
    /// What a request that succeeds without a retry gives back; one with retries gives back what its last
    /// retry cost.
    pub success: u32,
}

/// A budget.
#[derive(Clone, PartialEq, Debug)]
pub struct RetryBudget {
    form: Form,
}

#[derive(Clone, PartialEq, Debug)]
enum Form {
    Tokens {
        tokens: f64,
        share: f64,
        cap: f64,
    },
    /// Deposits and withdrawals of the window, in thousandths of a request.
    Windowed {
        deposits: RollingCounter<2>,
        cost: u64,
        reserve: u64,
    },
    Quota {
        left: u32,
        quota: Quota,
    },
    /// In thousandths, as gRPC keeps them.
    Throttle {
        tokens: u64,
        max: u64,
        ratio: u64,
    },
    Concurrent {
        retries: u32,
        requests: u32,
        share: f64,
        min: u32,
    },
    Ratio {
        counts: RollingCounter<2>,
        ratio: f64,
    },
}

const DEPOSITED: usize = 0;
const WITHDRAWN: usize = 1;
const REQUESTS: usize = 0;
const RETRIES: usize = 1;

impl RetryBudget {
    /// Each request saves up `share` of a retry, at most `cap` of them; `reserve` are there at the start.
    #[must_use]
    pub const fn tokens(share: f64, reserve: f64, cap: f64) -> Self {
        Self { form: Form::Tokens { tokens: reserve, share, cap } }
    }

    /// The plain share of a scenario, `budget: 10%`: a fresh one allows 10 retries, and 100 can be saved up.
    #[must_use]
    pub const fn share(share: f64) -> Self {
        Self::tokens(share, 10.0, 100.0)
    }

    /// Whether one is shared by all instances of a caller, and needs to hear of requests and retries only
    /// as they begin.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self.form, Form::Tokens { .. })
    }

    /// Finagle's: requests of the last `ttl` allow `share` of their number (at least 1/1000), and each second
    /// of it `min_per_second` more. Its defaults are 20 %, 10/s and 10 s, in ten slices.
    #[must_use]
    pub fn windowed(share: f64, min_per_second: f64, ttl: SimDuration) -> Self {
        // A request deposits 1000 and a retry takes 1000 / share.
        let cost = libm::round(1000.0 / share.clamp(0.001, 1000.0)) as u64;
        let reserve = (min_per_second.max(0.0) * ttl.as_secs_f64() * cost as f64).min(1e15) as u64;
        Self { form: Form::Windowed { deposits: RollingCounter::new(ttl, 10), cost, reserve } }
    }

    /// Finagle's defaults.
    #[must_use]
    pub fn finagle() -> Self {
        Self::windowed(0.2, 10.0, SimDuration::from_secs(10))
    }

    /// A quota as AWS's SDKs have it.
    #[must_use]
    pub const fn quota(quota: Quota) -> Self {
        Self { form: Form::Quota { left: quota.capacity, quota } }
    }

    /// AWS's standard mode.
    #[must_use]
    pub const fn aws() -> Self {
        Self::quota(Quota { capacity: 500, error: 5, timeout: 10, throttled: 5, success: 1 })
    }

    /// AWS's standard mode, version 2.1.
    #[must_use]
    pub const fn aws_2_1() -> Self {
        Self::quota(Quota { capacity: 500, error: 14, timeout: 14, throttled: 5, success: 1 })
    }

    /// gRPC's: a failed attempt takes one of `max` tokens, a success brings `ratio` back; no retries at or
    /// below half. A6's example is 10 and 0.1. Both are kept in thousandths.
    #[must_use]
    pub fn grpc(max: f64, ratio: f64) -> Self {
        let thousandths = |x: f64| (x.clamp(0.0, 1e12) * 1000.0) as u64;
        let max = thousandths(max);
        Self { form: Form::Throttle { tokens: max, max, ratio: thousandths(ratio) } }
    }

    /// Envoy's `max_retries`: so many under way at once (3).
    #[must_use]
    pub const fn envoy_concurrent(max: u32) -> Self {
        Self { form: Form::Concurrent { retries: 0, requests: 0, share: 0.0, min: max } }
    }

    /// Envoy's `retry_budget`: retries under way at most this share of requests under way, or `min` (20 %, 3).
    #[must_use]
    pub const fn envoy_budget(share: f64, min: u32) -> Self {
        Self { form: Form::Concurrent { retries: 0, requests: 0, share, min } }
    }

    /// A ratio of retries to requests over a window (10 %, 2 min).
    #[must_use]
    pub fn ratio(ratio: f64, window: SimDuration) -> Self {
        Self { form: Form::Ratio { counts: RollingCounter::new(window, 24), ratio } }
    }

    /// Google's client-side ratio.
    #[must_use]
    pub fn sre() -> Self {
        Self::ratio(0.1, SimDuration::from_secs(120))
    }

    /// A request is sent: its first attempt.
    pub fn requested(&mut self, now: SimTime) {
        match &mut self.form {
            Form::Tokens { tokens, share, cap } => *tokens = (*tokens + *share).min(*cap),
            Form::Windowed { deposits, .. } => deposits.add(DEPOSITED, 1000, now),
            Form::Concurrent { requests, .. } => *requests += 1,
            Form::Ratio { counts, .. } => counts.add(REQUESTS, 1, now),
            Form::Quota { .. } | Form::Throttle { .. } => {}
        }
    }

    /// An attempt failed, whether or not it will be repeated.
    pub fn failed(&mut self) {
        if let Form::Throttle { tokens, .. } = &mut self.form {
            *tokens = tokens.saturating_sub(1000);
        }
    }

    /// May the attempt that failed be repeated? If so, what that costs, for [`Self::succeeded`].
    pub fn retry(&mut self, cause: RetryCause, now: SimTime) -> Option<u32> {
        match &mut self.form {
            Form::Tokens { tokens, .. } => {
                (*tokens >= 1.0).then(|| *tokens -= 1.0)?;
                Some(1)
            }
            Form::Windowed { deposits, cost, reserve } => {
                let [deposited, withdrawn] = deposits.totals(now);
                if deposited + *reserve < withdrawn + *cost {
                    return None;
                }
                deposits.add(WITHDRAWN, *cost, now);
                Some(1)
            }
            Form::Quota { left, quota } => {
                let cost = match cause {
                    RetryCause::Timeout => quota.timeout,
                    RetryCause::Throttled => quota.throttled,
                    RetryCause::Error => quota.error,
                };
                *left = left.checked_sub(cost)?;
                Some(cost)
            }
            Form::Throttle { tokens, max, .. } => (*tokens > *max / 2).then_some(0),
            Form::Concurrent { retries, requests, share, min } => {
                let allowed = (share.max(0.0) * f64::from(*requests)).max(f64::from(*min));
                (f64::from(*retries) < allowed).then(|| *retries += 1)?;
                Some(1)
            }
            Form::Ratio { counts, ratio } => {
                let [requests, retries] = counts.totals(now);
                if retries as f64 >= *ratio * requests as f64 {
                    return None;
                }
                counts.add(RETRIES, 1, now);
                Some(1)
            }
        }
    }

    /// An attempt that was a retry has ended.
    pub fn retry_ended(&mut self) {
        if let Form::Concurrent { retries, .. } = &mut self.form {
            *retries = retries.saturating_sub(1);
        }
    }

    /// A request has succeeded; `paid` is what its last retry cost, if there was one.
    pub fn succeeded(&mut self, paid: Option<u32>) {
        match &mut self.form {
            Form::Quota { left, quota } => {
                *left = left.saturating_add(paid.unwrap_or(quota.success)).min(quota.capacity);
            }
            Form::Throttle { tokens, max, ratio } => *tokens = (*tokens + *ratio).min(*max),
            _ => {}
        }
    }

    /// A request has ended, well or not.
    pub fn request_ended(&mut self) {
        if let Form::Concurrent { requests, .. } = &mut self.form {
            *requests = requests.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> SimTime {
        SimTime::from_secs_f64(s)
    }

    fn retries(budget: &mut RetryBudget, cause: RetryCause, now: f64) -> usize {
        (0..100_000).take_while(|_| budget.retry(cause, at(now)).is_some()).count()
    }

    #[test]
    fn finagle_allows_a_fifth_and_ten_per_second_and_forgets_after_ten_seconds() {
        let mut budget = RetryBudget::finagle();
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 100); // the reserve of ten seconds
        (0..1000).for_each(|_| budget.requested(at(1.0)));
        assert_eq!(retries(&mut budget, RetryCause::Error, 1.0), 200);
        (0..1000).for_each(|_| budget.requested(at(2.0)));
        assert_eq!(retries(&mut budget, RetryCause::Error, 13.0), 100, "only the reserve is left");
    }

    #[test]
    fn a_retry_storm_is_held_to_the_ratio() {
        // Every attempt fails for a minute: 700 requests per second add a fifth and ten per second.
        let mut budget = RetryBudget::finagle();
        let mut added = 0;
        for n in 0..42_000 {
            let now = f64::from(n) / 700.0;
            budget.requested(at(now));
            added += usize::from(budget.retry(RetryCause::Error, at(now)).is_some());
        }
        let share = added as f64 / 42_000.0;
        assert!((share - (0.2 + 10.0 / 700.0)).abs() < 0.012, "{share}");
    }

    #[test]
    fn aws_pays_by_cause_and_refunds_what_the_last_retry_cost() {
        assert_eq!(retries(&mut RetryBudget::aws(), RetryCause::Error, 0.0), 100);
        assert_eq!(retries(&mut RetryBudget::aws(), RetryCause::Timeout, 0.0), 50);
        assert_eq!(retries(&mut RetryBudget::aws_2_1(), RetryCause::Timeout, 0.0), 35);
        assert_eq!(retries(&mut RetryBudget::aws_2_1(), RetryCause::Throttled, 0.0), 100);
        let mut budget = RetryBudget::aws();
        retries(&mut budget, RetryCause::Error, 0.0);
        budget.succeeded(Some(5));
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 1);
        (0..4).for_each(|_| budget.succeeded(None));
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 0);
        budget.succeeded(None);
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 1);
        (0..10_000).for_each(|_| budget.succeeded(None)); // never above its capacity
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 100);
    }

    #[test]
    fn grpc_stops_at_half_and_needs_successes_to_go_on() {
        // A6: maxTokens 10, tokenRatio 0.1: after the fifth failure the count is 5, not above half.
        let mut budget = RetryBudget::grpc(10.0, 0.1);
        let allowed: Vec<_> = (0..6)
            .map(|_| {
                budget.failed();
                budget.retry(RetryCause::Error, at(0.0)).is_some()
            })
            .collect();
        assert_eq!(allowed, [true, true, true, true, false, false]);
        (0..11).for_each(|_| {
            assert!(budget.retry(RetryCause::Error, at(0.0)).is_none());
            budget.succeeded(None);
        });
        assert!(budget.retry(RetryCause::Error, at(0.0)).is_some(), "4 + 1.1 > 5");
    }

    #[test]
    fn envoy_counts_what_is_under_way() {
        let mut budget = RetryBudget::envoy_concurrent(3);
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 3);
        budget.retry_ended();
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 1);
        let mut budget = RetryBudget::envoy_budget(0.2, 3);
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 3);
        (0..50).for_each(|_| budget.requested(at(0.0)));
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 7);
        (0..50).for_each(|_| budget.request_ended());
        (0..8).for_each(|_| budget.retry_ended());
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 1);
    }

    #[test]
    fn ratios_and_saved_tokens() {
        let mut budget = RetryBudget::sre();
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 0);
        (0..1000).for_each(|_| budget.requested(at(1.0)));
        assert_eq!(retries(&mut budget, RetryCause::Error, 60.0), 100);
        assert_eq!(retries(&mut budget, RetryCause::Error, 200.0), 0);
        let mut budget = RetryBudget::tokens(0.1, 10.0, 100.0);
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 10);
        (0..5_000).for_each(|_| budget.requested(at(0.0)));
        assert_eq!(retries(&mut budget, RetryCause::Error, 0.0), 100);
    }
}
