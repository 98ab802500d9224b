//! What the balancer believes of its servers: probes, and who may be picked.

use super::{LoadBalancer, PROBE, PROBE_TIMED_OUT};
use crate::base::random::StreamName;
use crate::base::{OperationId, SimTime};
use crate::components::load_balancer::algorithm::State;
use crate::engine::{Context, Life, Probe, Request, Timer};

impl LoadBalancer {
    pub(super) fn timer(&self, topic: u32, me: usize, server: usize) -> Timer {
        Timer { topic, number: (me * self.build.servers.len() + server) as u32 }
    }

    /// Sets the state of a server in all views of an instance.
    pub(super) fn update<P: Probe>(&mut self, me: usize, server: usize, now: SimTime, cx: &Context<'_, P>) {
        let known = &self.build.servers[server];
        let state = match cx.life(known.component, known.instance) {
            Life::Draining => State::Draining,
            Life::Absent => State::Removed,
            _ if self.instances[me].watch.is_up(server, now) => State::Up,
            _ => State::Down,
        };
        for (route, seats) in self.seats.iter().enumerate() {
            for (at, seat) in seats.iter().enumerate().filter(|(_, seat)| seat.server == server) {
                debug_assert_eq!(seat.server, server);
                self.instances[me].views[route].set_state(at, state, now);
            }
        }
    }

    /// Probes a server: a request, or, where no endpoint is declared, a look at whether the process lives.
    pub(super) fn probe<P: Probe>(&mut self, me: usize, server: usize, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let known = self.build.servers[server];
        if !self.instances[me].watch.begin_probe(server, now) {
            return;
        }
        if !self.waits_for_the_end() {
            self.expect_probe(me, server, now, cx);
        }
        if let Some(site) = known.probe {
            let note = self.timer(PROBE, me, server).number;
            let luck =
                self.build.key.named(StreamName::new("probe")).with(u64::from(note)).with(now.as_nanos());
            let request = Request { note, ..Request::new(cx.me(), OperationId(0), luck, now) };
            let root = cx.open_internal(request);
            cx.call_mut(root).instance = me as u16;
            return cx.call_instance(root, site, known.instance);
        }
        match cx.life(known.component, known.instance) {
            Life::Up | Life::Draining => self.probed(me, server, true, cx),
            Life::Down | Life::Absent => self.probed(me, server, false, cx),
            Life::Vanished | Life::Hung => {
                let timeout = self.build.spec.health.as_ref().map(|health| health.settings.timeout);
                cx.timer(now + timeout.unwrap_or_default(), self.timer(PROBE_TIMED_OUT, me, server));
            }
        }
    }

    /// Whether the interval to the next probe begins when one has ended.
    pub(super) fn waits_for_the_end(&self) -> bool {
        self.build.spec.health.as_ref().is_some_and(|health| health.settings.from_end)
    }

    /// The next probe of a server, after one that started or ended at that time.
    pub(super) fn expect_probe<P: Probe>(
        &mut self,
        me: usize,
        server: usize,
        after: SimTime,
        cx: &mut Context<'_, P>,
    ) {
        if let Some(at) = self.instances[me].watch.next_probe(server, after) {
            cx.timer(at, self.timer(PROBE, me, server));
        }
    }

    pub(super) fn probed<P: Probe>(&mut self, me: usize, server: usize, well: bool, cx: &mut Context<'_, P>) {
        let changed = self.instances[me].watch.probed(server, well);
        let now = cx.now();
        if self.waits_for_the_end() {
            self.expect_probe(me, server, now, cx);
        }
        if changed {
            self.update(me, server, now, cx);
            self.serve_lines(me, cx);
        }
    }
}
