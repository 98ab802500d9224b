//! What one balancer instance believes about the health of its servers: active checks, nginx's passive
//! rule and Envoy's outlier detection together. A server is up if none of them objects, and if the
//! control plane has not announced that it leaves.

use super::health::{ActiveCheck, ErrorLimit, MaxFails, OutlierDetector, Transition};
use super::spec::LoadBalancerSpec;
use crate::base::SimTime;
use crate::engine::Outcome;

/// The health of all servers as one instance sees it.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    checks: Vec<Option<ActiveCheck>>,
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

    /// When a server is probed next.
    pub(super) fn next_probe(&self, server: usize, started: SimTime) -> Option<SimTime> {
        self.checks[server].as_ref().map(|check| check.next_probe(started))
    }

    /// A request is sent to a server; true if it was a probe after which others have to wait.
    pub(super) fn picked(&mut self, server: usize, now: SimTime) -> bool {
        self.passive.as_mut().and_then(|rule| rule.picked(server, now)) == Some(Transition::Down)
    }

    /// A request to a server ended; true if the server may have changed sides, and when a server that is
    /// out by the passive rule may be tried again. `listed`: the passive rule takes its status for a failure.
    pub(super) fn ended(
        &mut self,
        server: usize,
        outcome: Outcome,
        listed: bool,
        now: SimTime,
    ) -> (bool, Option<SimTime>) {
        let (mut changed, mut again) = (false, None);
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
            changed |= self.checks[server].as_mut().and_then(|check| check.probed(false)).is_some();
        }
        if let Some(rule) = &mut self.outliers {
            let well = !broken && outcome.status < 500;
            changed |= rule.observed(server, well, now);
        }
        (changed, again)
    }
}
