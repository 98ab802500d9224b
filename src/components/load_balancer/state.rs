//! A load balancer as it runs: match a route, pick a backend, pass the request on, pass the answer back.

use super::algorithm::{Algorithm, Choice, View};
use super::spec::LoadBalancerBuild;
use crate::engine::{CallId, Context, Disturbance, Node, Outcome, Probe, Reason};

/// A load balancer as it runs.
#[derive(Debug)]
pub struct LoadBalancer {
    build: LoadBalancerBuild,
    /// By instance and route.
    views: Vec<Vec<View>>,
    /// By route: (backend, instance) of each position in a view.
    members: Vec<Vec<(usize, u16)>>,
}

impl LoadBalancer {
    /// A load balancer that has sent nothing yet.
    #[must_use]
    pub fn new(build: LoadBalancerBuild) -> Self {
        let members: Vec<Vec<(usize, u16)>> = build
            .routes
            .iter()
            .map(|route| {
                let all = route.backends.iter().enumerate();
                all.flat_map(|(b, backend)| (0..backend.instances).map(move |i| (b, i))).collect()
            })
            .collect();
        let view = |route: usize| {
            // A target's weight is its share of the requests, however many instances divide it.
            let share = |(b, _): &(usize, u16)| {
                let backend = &build.routes[route].backends[*b];
                backend.weight / f64::from(backend.instances)
            };
            let weights: Vec<f64> = members[route].iter().map(share).collect();
            View::new(weighted(build.spec.algorithm, &weights), build.spec.ties, weights)
        };
        let views = (0..build.spec.instances).map(|_| (0..build.routes.len()).map(view).collect()).collect();
        Self { build, views, members }
    }
}

/// Weights that differ are meant: then turns and chance are weighted.
fn weighted(algorithm: Algorithm, weights: &[f64]) -> Algorithm {
    let differ = weights.iter().any(|w| (w - weights[0]).abs() > 1e-9 * weights[0].abs());
    match algorithm {
        Algorithm::RoundRobin if differ => Algorithm::WeightedRoundRobin,
        Algorithm::Random if differ => Algorithm::WeightedRandom,
        other => other,
    }
}

impl Node for LoadBalancer {
    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let record = cx.call(call);
        let (operation, instance, bytes) = (record.operation.index(), record.instance as usize, record.bytes);
        let me = cx.me();
        if self.build.spec.max_body.is_some_and(|max| bytes > max) {
            return cx.reply(call, Outcome::error(413, me, Reason::TooLarge), 0);
        }
        let matches = |route: &super::spec::Route| {
            route.operations.get(operation).copied().unwrap_or(false)
                && route.traits.iter().all(|condition| cx.holds(*condition, call))
        };
        let Some(index) = self.build.routes.iter().position(matches) else {
            return cx.reply(call, Outcome::error(404, me, Reason::NoBackend), 0);
        };
        let mut draws = self.build.key.join(cx.luck(call)).draws();
        let Some(member) = self.views[instance][index].pick(&mut Choice::new(cx.now(), &mut draws)) else {
            return cx.reply(call, Outcome::error(503, me, Reason::NoBackend), 0);
        };
        let (backend, target) = self.members[index][member];
        let record = cx.call_mut(call);
        record.pc = index as u16;
        record.needed = member as u16;
        cx.call_instance(call, self.build.routes[index].backends[backend].site, target);
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        if what != Disturbance::Lost {
            return;
        }
        for call in cx.calls_at(instance) {
            let record = cx.call(call);
            let (route, member) = (record.pc as usize, record.needed as usize);
            self.views[instance as usize][route].release(member);
            cx.stop_waiting(call);
            cx.lose(call);
        }
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let record = cx.call(call);
        let (instance, route, member) =
            (record.instance as usize, record.pc as usize, record.needed as usize);
        let bytes = record.bytes;
        self.views[instance][route].release(member);
        cx.reply(call, outcome, bytes);
    }
}
