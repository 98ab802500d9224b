//! What one balancer instance believes about the health of its servers: active checks, nginx's passive
//! rule and Envoy's outlier detection together. A server is up if none of them objects, and if the
//! control plane has not announced that it leaves.

use super::health::{ActiveCheck, ErrorLimit, MaxFails, OutlierDetector, Transition};
use super::spec::LoadBalancerSpec;
use crate::base::SimTime;
use crate::engine::Outcome;

/// What the end of a request makes of its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ended {
    /// Whether it may have changed sides.
    pub(super) changed: bool,
    /// When it may be tried again, if it is out by the passive rule.
    pub(super) again: Option<SimTime>,
    /// When it is probed, earlier than was intended.
    pub(super) probe: Option<SimTime>,
}

/// The health of all servers as one instance sees it.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    checks: Vec<Option<ActiveCheck>>,
    /// When each server is probed next; a timer for another instant is void.
    due: Vec<SimTime>,
    /// By server; empty where requests are not looked at.
    errors: Vec<ErrorLimit>,
    passive: Option<MaxFails>,
    pub(super) outliers: Option<OutlierDetector>,
}

impl Watch {
    pub(super) fn new(spec: &LoadBalancerSpec, servers: usize) -> Self {
        let check = spec.health.as_ref().map(|health| ActiveCheck::new(health.settings, true));
        let observed = spec.health.as_ref().and_then(|health| health.settings.observe);
        Self {
            checks: vec![check; servers],
            due: vec![SimTime::MAX; servers],
            errors: observed.map_or_else(Vec::new, |limit| vec![ErrorLimit::new(limit); servers]),
            passive: spec.max_fails.map(|settings| MaxFails::new(settings, servers)),
            outliers: spec.outliers.map(|settings| OutlierDetector::new(settings, servers)),
        }
    }

    /// Whether requests may go to a server.
    pub(super) fn is_up(&self, server: usize, now: SimTime) -> bool {
        self.checks[server].as_ref().is_none_or(ActiveCheck::is_up)
            && self.passive.as_ref().is_none_or(|rule| rule.allows(server, now))
            && self.outliers.as_ref().is_none_or(|rule| !rule.is_ejected(server))
    }

    /// A probe was answered, or not within its timeout; whether that changed anything.
    pub(super) fn probed(&mut self, server: usize, well: bool) -> bool {
        if let Some(errors) = self.errors.get_mut(server).filter(|_| well) {
            errors.reset();
        }
        self.checks[server].as_mut().and_then(|check| check.probed(well)).is_some()
    }

    /// A server is probed at that time, and not before.
    pub(super) fn expect_probe(&mut self, server: usize, at: SimTime) {
        self.due[server] = at;
    }

    /// When a server is probed next, after a probe that started or ended at that time.
    pub(super) fn next_probe(&mut self, server: usize, after: SimTime) -> Option<SimTime> {
        let at = self.checks[server].as_ref()?.next_probe(after);
        self.expect_probe(server, at);
        Some(at)
    }

    /// Whether the probe of this instant is still wanted; it is under way then.
    pub(super) fn begin_probe(&mut self, server: usize, now: SimTime) -> bool {
        let due = self.due[server] == now;
        if due {
            self.due[server] = SimTime::MAX;
        }
        due
    }

    /// A request is sent to a server; true if it was a probe after which others have to wait.
    pub(super) fn picked(&mut self, server: usize, now: SimTime) -> bool {
        self.passive.as_mut().and_then(|rule| rule.picked(server, now)) == Some(Transition::Down)
    }

    /// A request to a server ended. `listed`: the passive rule takes its status for a failure.
    pub(super) fn ended(&mut self, server: usize, outcome: Outcome, listed: bool, now: SimTime) -> Ended {
        let Ended { mut changed, mut again, mut probe } = Ended::default();
        let broken = outcome.status == 0 || outcome.reason.is_transport();
        if let Some(rule) = &mut self.passive {
            if broken || listed {
                if rule.failed(server, now).is_some() {
                    (changed, again) = (true, Some(rule.allows_again_at(server)));
                }
            } else {
                changed |= rule.succeeded(server).is_some();
            }
        }
        if let Some(errors) = self.errors.get_mut(server)
            && errors.observed(!broken && outcome.status < 500).is_some()
        {
            let check = self.checks[server].as_mut();
            changed |= check.and_then(|check| check.probed(false)).is_some();
            // The next probe comes soon, unless one is under way.
            let soon = self.checks[server].as_ref().and_then(|check| check.soon(now));
            probe = soon.filter(|at| self.due[server] != SimTime::MAX && *at < self.due[server]);
            if let Some(at) = probe {
                self.expect_probe(server, at);
            }
        }
        if let Some(rule) = &mut self.outliers {
            let well = !broken && outcome.status < 500;
            changed |= rule.observed(server, well, now);
        }
        Ended { changed, again, probe }
    }
}
