//! No parameter and no order of events makes a mechanism panic, hang or lose count.

use proptest::prelude::*;

use super::adaptive_concurrency::{
    Aimd, Ending, EnvoyGradient, Gradient2, GradientSettings, Rule, Ticket, Vegas,
};
use super::rate_limit::{
    FixedWindow, LeakyBucket, RateLimit, SlidingCounter, SlidingLog, TokenBucket, Verdict,
};
use super::*;
use crate::base::random::Key;
use crate::base::{SimDuration, SimTime};

/// Anything at all, the strange values often.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-1.0),
        Just(1.0),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MIN_POSITIVE),
        0.0..2.0_f64,
        any::<f64>(),
    ]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), 0..200_u32]
}

/// Windows and delays; logs and counters with them are cut to sizes that fit into a test.
fn span() -> impl Strategy<Value = SimDuration> {
    prop_oneof![
        Just(SimDuration::ZERO),
        Just(SimDuration::from_nanos(1)),
        Just(SimDuration::MAX),
        (0..10_000_000_000_u64).prop_map(SimDuration::from_nanos)
    ]
}

/// Gaps between events, in nanoseconds, and what happens.
fn events() -> impl Strategy<Value = Vec<(u64, u8)>> {
    let gap = prop_oneof![Just(0_u64), 0..1_000_u64, 0..3_000_000_000_u64, Just(u64::MAX / 1000)];
    prop::collection::vec((gap, any::<u8>()), 1..200)
}

fn times(events: &[(u64, u8)]) -> impl Iterator<Item = (SimTime, u8)> + '_ {
    events.iter().scan(SimTime::ZERO, |now, (gap, what)| {
        *now += SimDuration::from_nanos(*gap);
        Some((*now, *what))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rate_limits(rate in number(), n in count(), window in span(), flag in any::<bool>(), events in events()) {
        let limits = [
            RateLimit::TokenBucket(TokenBucket::new(rate, n)),
            RateLimit::TokenBucket(TokenBucket::stepped(n, window, n)),
            RateLimit::LeakyBucket(LeakyBucket::new(rate, n, flag)),
            RateLimit::FixedWindow(FixedWindow::new(n, window)),
            RateLimit::SlidingLog(SlidingLog::new(n, window)),
            RateLimit::SlidingCounter(SlidingCounter::new(n, window)),
        ];
        for mut limit in limits {
            for (now, _) in times(&events) {
                match limit.admit(now) {
                    Verdict::Reject(after) => prop_assert!(!after.is_zero()),
                    Verdict::Delay(wait) => prop_assert!(!wait.is_zero()),
                    Verdict::Pass => {}
                }
            }
        }
    }

    #[test]
    fn bounds_are_kept(initial in count(), min in count(), max in count(), x in number(), span in span(), events in events()) {
        let gradient = GradientSettings {
            min_rtt_interval: span, min_rtt_requests: (initial % 60) as usize, jitter: x, min, buffer: x, max,
            update_interval: span, percentile: x,
        };
        let rules = [
            Rule::Aimd(Aimd::new(initial, min, max, x, span)),
            Rule::Vegas(Vegas::new(initial, max)),
            Rule::Gradient2(Gradient2::new(initial, [min, max], min, x, x, max)),
            Rule::EnvoyGradient(EnvoyGradient::new(gradient)),
        ];
        for rule in rules {
            let mut bound = AdaptiveConcurrency::new(rule);
            let mut draws = Key::root(1, 0).draws();
            let mut inside: Vec<Ticket> = Vec::new();
            for (now, what) in times(&events) {
                if what % 3 > 0 {
                    inside.extend(bound.enter(now));
                    prop_assert!(bound.limit() >= 1);
                } else if let Some(ticket) = inside.pop() {
                    let ending = [Ending::Served, Ending::Dropped, Ending::Ignored][usize::from(what / 3 % 3)];
                    bound.leave(ticket, ending, now, &mut draws);
                }
                prop_assert_eq!(bound.inside() as usize, inside.len());
            }
        }
    }

    #[test]
    fn breakers(n in count(), trials in count(), share in number(), span in span(), timed in any::<bool>(), events in events()) {
        let window = if timed { Window::Time { length: span, slices: n % 100 } } else { Window::Calls(n) };
        let slow = (n % 2 == 0).then_some(SlowCalls { longer_than: span, share });
        let settings = BreakerSettings { window, minimum_calls: n, failures: share, slow, open_for: span, half_open_calls: trials };
        let mut breaker = CircuitBreaker::new(settings);
        let mut out = 0_u32;
        for (now, what) in times(&events) {
            match what % 4 {
                0 | 1 => out += u32::from(breaker.admit(now)),
                2 if out > 0 => {
                    breaker.record(what > 100, SimDuration::from_nanos(u64::from(what)), now);
                    out -= 1;
                }
                3 if out > 0 => {
                    breaker.forgo();
                    out -= 1;
                }
                _ => {}
            }
        }
    }

    #[test]
    fn budgets_and_throttles(x in number(), y in number(), n in count(), span in span(), events in events()) {
        let budgets = [
            RetryBudget::tokens(x, y, x),
            RetryBudget::windowed(x, y, span),
            RetryBudget::quota(Quota { capacity: n, error: n, timeout: 1, throttled: 0, success: n }),
            RetryBudget::grpc(x, y),
            RetryBudget::envoy_concurrent(n),
            RetryBudget::envoy_budget(x, n),
            RetryBudget::ratio(x, span),
        ];
        for mut budget in budgets {
            for (now, what) in times(&events) {
                match what % 6 {
                    0 => budget.requested(now),
                    1 => budget.failed(),
                    2 => {
                        let cause = [RetryCause::Timeout, RetryCause::Throttled, RetryCause::Error][usize::from(what / 6 % 3)];
                        budget.retry(cause, now);
                    }
                    3 => budget.retry_ended(),
                    4 => budget.succeeded(Some(n)),
                    _ => budget.request_ended(),
                }
            }
        }
        let settings = AdmissionSettings { window: span, threshold: x, aggression: y, max_rejection: x, least_rate: y };
        let (mut throttle, mut control) = (ClientThrottle::new(x, span), AdmissionControl::new(settings));
        let mut codel = Codel::new(span, SimDuration::from_millis(u64::from(n % 1000)));
        let mut hedge = Hedge::new(if n % 2 == 0 { HedgeAfter::Delay(span) } else { HedgeAfter::Percentile(x) }, n, y);
        let mut bulkhead = Bulkhead::new(n, n / 2);
        let mut draws = Key::root(2, 0).draws();
        for (now, what) in times(&events) {
            prop_assert!((0.0..=1.0).contains(&throttle.probability(now)));
            prop_assert!(control.probability(now) <= 1.0 || x.is_nan() || x > 1.0);
            throttle.admit(now, &mut draws);
            control.admit(now, &mut draws);
            control.ended(what % 2 == 0, now);
            codel.drops(SimDuration::from_millis(u64::from(what)), usize::from(what % 4), now);
            hedge.requested();
            hedge.copy(u32::from(what % 4));
            hedge.answered(SimDuration::from_nanos(u64::from(what) << (what % 50)));
            match what % 3 {
                0 => drop(hedge.clone()),
                1 => { bulkhead.enter(); }
                _ => { bulkhead.leave(); }
            }
            prop_assert!(bulkhead.inside() <= n && bulkhead.waiting() <= n / 2);
        }
    }
}
