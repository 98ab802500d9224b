//! nginx's passive rule: `max_fails` within `fail_timeout`.
//!
//! To the letter of `ngx_http_upstream_round_robin.c`: time is in whole seconds; a failure adds to the
//! count and marks now as last failed and last checked; a backend with `max_fails` failures is passed
//! over while no more than `fail_timeout` seconds have gone since it was last checked. After that *one*
//! request goes there as a probe and marks it checked, so that further ones wait again for the probe's
//! result, or for `fail_timeout` to pass. A success clears the count only if the backend was checked
//! (picked after `fail_timeout`) since it last failed. So failures need not lie within one
//! `fail_timeout` in a strict sense: a pick that comes later than that restarts the clock, and only a
//! success after such a pick clears it.
//!
//! A single backend is never passed over, and `max_fails` of zero switches the rule off. What counts as
//! a failure is `proxy_next_upstream`: errors and timeouts, and statuses only if they are listed and
//! another backend is left to try (a status of the last one is passed on and counts as a success).
//! When all are out nginx answers 502, "no live upstreams"; it does not revive them (1.8 still did).

use super::Transition;
use crate::base::{NANOS_PER_SEC, SimTime};

/// The rule's two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxFailsSettings {
    /// Failures; zero: never out.
    pub max_fails: u32,
    /// Whole seconds.
    pub fail_timeout: u64,
}

impl Default for MaxFailsSettings {
    /// One failure, 10 s: nginx's defaults.
    fn default() -> Self {
        Self { max_fails: 1, fail_timeout: 10 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Peer {
    fails: u32,
    accessed: u64,
    checked: u64,
}

/// The rule over one set of backends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MaxFails {
    settings: MaxFailsSettings,
    peers: Vec<Peer>,
}

fn whole_seconds(now: SimTime) -> u64 {
    now.as_nanos() / NANOS_PER_SEC
}

impl MaxFails {
    /// `n` backends without failures.
    #[must_use]
    pub fn new(settings: MaxFailsSettings, n: usize) -> Self {
        Self { settings, peers: vec![Peer::default(); n] }
    }

    /// Makes room for backends below `n`; a removed one's place begins anew with [`Self::reset`].
    pub fn resize(&mut self, n: usize) {
        self.peers.resize(n, Peer::default());
    }

    /// Forgets everything about backend `i`.
    pub fn reset(&mut self, i: usize) {
        if let Some(peer) = self.peers.get_mut(i) {
            *peer = Peer::default();
        }
    }

    /// Whether backend `i` may be picked.
    #[must_use]
    pub fn allows(&self, i: usize, now: SimTime) -> bool {
        let MaxFailsSettings { max_fails, fail_timeout } = self.settings;
        let Some(peer) = self.peers.get(i).filter(|_| self.peers.len() > 1 && max_fails > 0) else {
            return true;
        };
        peer.fails < max_fails || whole_seconds(now).saturating_sub(peer.checked) > fail_timeout
    }

    /// When backend `i` may be picked again if nothing else happens; it was not allowed before.
    #[must_use]
    pub fn allows_again_at(&self, i: usize) -> SimTime {
        let checked = self.peers.get(i).map_or(0, |peer| peer.checked);
        let seconds = checked.saturating_add(self.settings.fail_timeout).saturating_add(1);
        SimTime::from_nanos(seconds.saturating_mul(NANOS_PER_SEC))
    }

    /// Backend `i` was picked. [`Transition::Down`] if this was the probe, and others have to wait.
    pub fn picked(&mut self, i: usize, now: SimTime) -> Option<Transition> {
        let (now, settings, single) = (whole_seconds(now), self.settings, self.peers.len() <= 1);
        let peer = self.peers.get_mut(i)?;
        if now.saturating_sub(peer.checked) > settings.fail_timeout {
            peer.checked = now;
        }
        let out = !single && settings.max_fails > 0 && peer.fails >= settings.max_fails;
        out.then_some(Transition::Down)
    }

    /// A request to backend `i` succeeded.
    pub fn succeeded(&mut self, i: usize) -> Option<Transition> {
        let max_fails = self.settings.max_fails;
        let peer = self.peers.get_mut(i).filter(|peer| peer.accessed < peer.checked)?;
        let was_out = max_fails > 0 && peer.fails >= max_fails;
        peer.fails = 0;
        was_out.then_some(Transition::Up)
    }

    /// A request to backend `i` failed.
    pub fn failed(&mut self, i: usize, now: SimTime) -> Option<Transition> {
        let MaxFailsSettings { max_fails, .. } = self.settings;
        if self.peers.len() <= 1 {
            return None;
        }
        let peer = self.peers.get_mut(i)?;
        peer.fails = peer.fails.saturating_add(1);
        peer.accessed = whole_seconds(now);
        peer.checked = peer.accessed;
        (max_fails > 0 && peer.fails >= max_fails).then_some(Transition::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> SimTime {
        SimTime::from_secs_f64(s)
    }

    #[test]
    fn one_failure_takes_a_backend_out_for_ten_whole_seconds() {
        let mut rule = MaxFails::new(MaxFailsSettings::default(), 2);
        rule.picked(0, at(100.0));
        assert_eq!(rule.failed(0, at(100.9)), Some(Transition::Down));
        // Second 100 to second 110 is not *more* than 10: out until second 111 begins.
        for (now, allowed) in [(100.9, false), (110.999, false), (111.0, true)] {
            assert_eq!(rule.allows(0, at(now)), allowed, "{now}");
        }
        assert_eq!(rule.allows_again_at(0), at(111.0));
        assert!(rule.allows(1, at(101.0)));
    }

    #[test]
    fn one_probe_decides() {
        let mut rule = MaxFails::new(MaxFailsSettings::default(), 2);
        rule.picked(0, at(20.0));
        rule.failed(0, at(20.0));
        assert_eq!(rule.picked(0, at(31.0)), Some(Transition::Down), "the probe shuts the door behind it");
        assert!(!rule.allows(0, at(31.5)));
        assert_eq!(rule.succeeded(0), Some(Transition::Up));
        assert!(rule.allows(0, at(31.5)));
        // A probe that never returns is followed by another one after the same time.
        rule.failed(0, at(40.0));
        rule.picked(0, at(51.0));
        assert!(!rule.allows(0, at(61.0)) && rule.allows(0, at(62.0)));
    }

    #[test]
    fn an_old_success_does_not_clear_a_failure() {
        // Three failures allowed; a success that was sent before them clears nothing, since nothing was
        // checked after the last failure.
        let mut rule = MaxFails::new(MaxFailsSettings { max_fails: 3, fail_timeout: 10 }, 2);
        rule.picked(0, at(50.0));
        rule.failed(0, at(51.0));
        assert_eq!(rule.succeeded(0), None);
        rule.failed(0, at(52.0));
        assert!(rule.allows(0, at(52.0)));
        assert_eq!(rule.failed(0, at(53.0)), Some(Transition::Down));
        // But a pick later than fail_timeout after the last check, followed by a success, does.
        let mut rule = MaxFails::new(MaxFailsSettings { max_fails: 2, fail_timeout: 10 }, 2);
        rule.failed(0, at(50.0));
        rule.picked(0, at(61.0));
        rule.succeeded(0);
        rule.failed(0, at(62.0));
        assert!(rule.allows(0, at(62.0)));
    }

    #[test]
    fn failures_need_not_lie_within_one_fail_timeout() {
        // nginx issue 599: three allowed in 10 s, one every 5 s with successes between: the third is too many.
        let mut rule = MaxFails::new(MaxFailsSettings { max_fails: 3, fail_timeout: 10 }, 2);
        let seen = [100.0, 105.0, 110.0].map(|now| {
            rule.picked(0, at(now - 2.0));
            rule.succeeded(0);
            rule.picked(0, at(now));
            rule.failed(0, at(now))
        });
        assert_eq!(seen, [None, None, Some(Transition::Down)]);
    }

    #[test]
    fn the_only_backend_is_never_out_and_zero_switches_off() {
        let mut single = MaxFails::new(MaxFailsSettings::default(), 1);
        let mut off = MaxFails::new(MaxFailsSettings { max_fails: 0, fail_timeout: 10 }, 3);
        for _ in 0..5 {
            assert_eq!([single.failed(0, at(1.0)), off.failed(0, at(1.0))], [None, None]);
        }
        assert!(single.allows(0, at(1.0)) && off.allows(0, at(1.0)));
    }
}
