//! A load balancer as it runs: match a route, pick a backend, pass the request on, try the next one if
//! that fails and may be tried, pass the answer back.
//!
//! Layer 4 picks once per connection: a person who keeps a connection stays with its backend, however
//! new or idle the others are. Requests that find every backend at its limit wait here, in order.
//! One that buffers reads the whole body, at the speed of the client's uplink, before it picks a backend;
//! the backend then gets it at once. A body that is known to be too large is refused before it is read.
//! A cancellation that reaches it is passed on; who left is not tried again.
//! Not modelled: HTTP/2 streams, the memory of connections and of bodies.

mod health_checks;
mod idle_connections;
mod waiting;

use idle_connections::IdleConnections;
use rustc_hash::FxHashMap;

use super::algorithm::{Algorithm, Choice, Member, Settings, State, View, ZonePolicy};
use super::spec::{self, HashBy, Layer, LoadBalancerBuild};
use super::watch::{Ended, Watch};
use crate::base::random::StreamName;
use crate::base::{ComponentId, SimDuration, ZoneId};
use crate::engine::{
    CallId, Context, Cores, Disturbance, Flags, Life, Node, Observation, Outcome, Probe, Reason, Timer,
    Withdrawal,
};
use crate::queueing::{Discipline, WaitingLine};

const PROBE: u32 = 0;
const PROBE_TIMED_OUT: u32 = 1;
const SWEEP: u32 = 2;
const ALLOWED_AGAIN: u32 = 3;

/// A position in a route's view.
#[derive(Clone, Copy, Debug)]
struct Seat {
    backend: usize,
    instance: u16,
    server: usize,
}

#[derive(Debug)]
struct Instance {
    /// By route.
    views: Vec<View>,
    /// By route: requests that wait for a backend below its limit.
    lines: Vec<WaitingLine<CallId>>,
    watch: Watch,
    cores: Option<Cores>,
    /// Requests in hand.
    present: u32,
    /// Connections to backends that wait for their next request.
    idle: IdleConnections,
}

/// A load balancer as it runs.
#[derive(Debug)]
pub struct LoadBalancer {
    build: LoadBalancerBuild,
    instances: Vec<Instance>,
    /// By route.
    seats: Vec<Vec<Seat>>,
    /// Seats that a request was sent to before, and failed.
    tried: FxHashMap<CallId, Vec<usize>>,
    /// Where people stay: by connection (layer 4) or by cookie, for each route.
    stays: FxHashMap<(ComponentId, u32, u16), usize>,
    /// The version of the fleets that the views know.
    known: u64,
    /// Whether anything limits what is in hand, so that its level says something.
    limited: bool,
    /// Whether a pick depends on who asks.
    personal: bool,
}

impl LoadBalancer {
    /// A load balancer that has sent nothing yet.
    #[must_use]
    pub fn new(build: LoadBalancerBuild) -> Self {
        let spec = &build.spec;
        let seat = |backend: usize, component: ComponentId, instance: u16| {
            let same = |s: &spec::Server| s.component == component && s.instance == instance;
            Seat { backend, instance, server: build.servers.iter().position(same).unwrap_or(0) }
        };
        let seats: Vec<Vec<Seat>> = build
            .routes
            .iter()
            .map(|route| {
                let all = route.backends.iter().enumerate();
                all.flat_map(|(b, backend)| {
                    (0..backend.instances).map(move |i| seat(b, backend.component, i))
                })
                .collect()
            })
            .collect();
        let view = |route: usize, me: usize| {
            let members = seats[route].iter().map(|seat| {
                // A target's weight is its share of the requests, however many instances divide it.
                let backend = &build.routes[route].backends[seat.backend];
                let mut member =
                    Member::new(backend.weight / f64::from(backend.instances), seat.server as u64);
                member.tier = backend.tier;
                member.zone = ZoneId(build.servers[seat.server].zone);
                member.max_in_flight = spec.max_conns;
                member
            });
            let members: Vec<Member> = members.collect();
            let mut settings = Settings::new(weighted(spec.algorithm, &members), spec.ties);
            settings.view_age = spec.view_age;
            settings.panic = spec.panic;
            settings.slow_start = spec.slow_start;
            let local = ZoneId(build.zones.get(me).copied().unwrap_or(0));
            settings.zones = spec.zone_aware.then_some(ZonePolicy::LocalFirst { local });
            View::with(settings, members)
        };
        let instances = (0..usize::from(spec.instances)).map(|me| Instance {
            views: (0..build.routes.len()).map(|route| view(route, me)).collect(),
            lines: build.routes.iter().map(|_| WaitingLine::new(Discipline::Fifo)).collect(),
            watch: Watch::new(spec, build.servers.len()),
            cores: (build.cost.is_some() || build.tls.is_some())
                .then(|| Cores::new(build.cpu[me], me as u32, spec.cores, None)),
            present: 0,
            idle: IdleConnections::new(spec.backend_keepalive, build.servers.len()),
        });
        Self {
            instances: instances.collect(),
            seats,
            tried: FxHashMap::default(),
            stays: FxHashMap::default(),
            known: 0,
            limited: build.spec.connections.is_some() || build.spec.max_conns.is_some(),
            personal: build.spec.sticky
                || build.spec.layer == Layer::Four
                || !matches!(
                    build.spec.algorithm,
                    Algorithm::RoundRobin
                        | Algorithm::WeightedRoundRobin
                        | Algorithm::Random
                        | Algorithm::WeightedRandom
                        | Algorithm::LeastConnections
                        | Algorithm::PowerOfChoices { .. }
                        | Algorithm::LeastTime { .. }
                ),
            build,
        }
    }

    /// What the balancer answers by itself.
    fn own<P: Probe>(&self, status: u16, reason: Reason, cx: &Context<'_, P>) -> Outcome {
        let after = if matches!(status, 429 | 503) { self.build.spec.statuses.retry_after } else { 0 };
        Outcome::error(status, cx.me(), reason).retry_after(after)
    }

    /// Reads the body that the client sends along: true once it is here, or where there is nothing to wait for.
    fn receive<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) -> bool {
        let record = cx.call(call);
        let operation = record.operation.index();
        let of_client = cx.request(call).is_some_and(|request| request.root == record.parent);
        let Some(upload) = self.build.uploads.get(operation).and_then(Option::as_ref) else { return true };
        let bytes = cx.draw(&upload.size, call);
        let uplink = upload.uplink.filter(|_| upload.buffered && of_client);
        if self.build.spec.max_body.is_some_and(|max| bytes > max as f64) {
            let outcome = Outcome::error(413, cx.me(), Reason::TooLarge);
            self.end(call, outcome, 0, cx);
            return false;
        }
        let Some(uplink) = uplink else { return true };
        cx.call_mut(call).flags.set(Flags::RECEIVING);
        cx.serve(call, SimDuration::from_secs_f64(bytes / uplink));
        false
    }

    /// The work that a request costs before it is passed on.
    fn take_on<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let record = cx.call(call);
        let (me, fresh) = (record.instance as usize, record.flags.has(Flags::NEW_CONNECTION));
        if fresh {
            cx.meter_connection();
        }
        if self.instances[me].cores.is_none() {
            return self.route(call, cx);
        }
        let drawn = |demand: &Option<crate::engine::Demand>, cx: &Context<'_, P>| {
            demand.as_ref().map_or(SimDuration::ZERO, |demand| cx.draw_time(demand, call))
        };
        let mut demand = drawn(&self.build.cost, cx);
        if fresh {
            demand += drawn(&self.build.tls, cx);
        }
        match &mut self.instances[me].cores {
            Some(cores) if !demand.is_zero() => cores.work(call, demand, cx),
            _ => self.route(call, cx),
        }
    }

    fn route<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let operation = cx.call(call).operation.index();
        let matches = |route: &spec::Route| {
            route.operations.get(operation).copied().unwrap_or(false)
                && route.traits.iter().all(|condition| cx.holds(*condition, call))
        };
        let Some(index) = self.build.routes.iter().position(matches) else {
            let outcome = Outcome::error(404, cx.me(), Reason::NoBackend);
            return self.end(call, outcome, 0, cx);
        };
        let now = cx.now();
        let record = cx.call_mut(call);
        record.pc = index as u16;
        record.asked = now;
        self.dispatch(call, false, cx);
    }

    /// Who a request comes from, if somebody is known: the population and the person.
    fn person<P: Probe>(call: CallId, cx: &Context<'_, P>) -> Option<(ComponentId, u32)> {
        cx.request(call)
            .filter(|request| request.note != u32::MAX)
            .map(|request| (request.client, request.note))
    }

    /// The connection that a request came over, if its client keeps it: the population and its number.
    fn connection<P: Probe>(call: CallId, cx: &Context<'_, P>) -> Option<(ComponentId, u32)> {
        cx.request(call)
            .filter(|request| request.connection != u32::MAX)
            .map(|request| (request.client, request.connection))
    }

    /// Picks a backend for a request, one that was `first` in line or a newcomer, and passes it on.
    fn dispatch<P: Probe>(&mut self, call: CallId, first: bool, cx: &mut Context<'_, P>) {
        self.follow_fleets(cx);
        let now = cx.now();
        let record = cx.call(call);
        let (me, route, operation) = (record.instance as usize, record.pc, record.operation);
        let fresh = record.flags.has(Flags::NEW_CONNECTION);
        let tried = self.tried.get(&call).map_or(&[][..], Vec::as_slice);
        let attempt = tried.len() as u16;
        let luck = cx.luck(call);
        let mut draws = self.build.key.join(luck).draws();
        if attempt > 0 {
            draws = self.build.key.join(luck).with(u64::from(attempt)).draws();
        }
        let by_connection = self.build.spec.layer == Layer::Four;
        let (mut place, mut sticky, mut source, mut key) = (None, None, 0, 0);
        if self.personal {
            let person = Self::person(call, cx);
            let stays = self.build.spec.sticky || by_connection;
            let source_of = if by_connection { Self::connection(call, cx) } else { person };
            place = source_of.filter(|_| stays).map(|(client, number)| (client, number, route));
            // The number of a person is given to another one when a session ends: who asks for the first time
            // brings no cookie, as a fresh connection is pinned nowhere.
            let first = cx.request(call).is_some_and(|request| request.number == 0);
            let unknown = if by_connection { fresh } else { first };
            sticky = place.and_then(|place| self.stays.get(&place).copied()).filter(|_| !unknown);
            source = source_of.map_or_else(
                || luck.bits(),
                |(client, person)| self.build.key.with(u64::from(client.0)).with(u64::from(person)).bits(),
            );
            key = match self.build.spec.hash_by {
                HashBy::Source => source,
                HashBy::Path => {
                    self.build.key.named(StreamName::new("path")).with(u64::from(operation.0)).bits()
                }
            };
        }
        let instance = &mut self.instances[me];
        let view = &mut instance.views[route as usize];
        // A connection that is pinned goes where it goes, up or not; one to an instance that left was closed.
        let stands = |seat: &usize| view.state(*seat) != State::Removed;
        let pinned = sticky.filter(|_| by_connection && attempt == 0).filter(stands);
        let mut choice = Choice {
            now,
            key,
            source,
            sticky: sticky.filter(|_| !by_connection),
            excluded: tried,
            draws: &mut draws,
        };
        let picked = match pinned {
            Some(seat) => {
                view.take(seat);
                Some(seat)
            }
            None => view.pick(&mut choice),
        };
        let Some(seat) = picked else { return self.wait_or_fail(call, first, cx) };
        if let Some(place) = place {
            self.stays.insert(place, seat);
        }
        let Seat { backend, instance: target, server } = self.seats[route as usize][seat];
        if self.instances[me].watch.picked(server, now) {
            self.update(me, server, now, cx);
        }
        let backend = &self.build.routes[route as usize].backends[backend];
        let connecting = backend.connecting.filter(|_| cx.life(backend.component, target) == Life::Vanished);
        let site = connecting.unwrap_or(backend.site);
        // A balancer of layer 4 sets up a connection for each of its clients; one of layer 7 has its own.
        let reused = if by_connection { !fresh } else { self.instances[me].idle.reuse(server) };
        let record = cx.call_mut(call);
        record.flags.take(Flags::KEPT_ALIVE);
        if reused {
            record.flags.set(Flags::KEPT_ALIVE);
        }
        record.needed = seat as u16;
        record.worker_asked = now;
        if attempt == 0 && self.build.spec.max_conns.is_some() {
            let wait = now.since(record.asked);
            cx.observe(Observation::Waited { resource: self.build.slots[me], wait });
        }
        cx.call_again(call, site, target, attempt);
    }

    /// The end of a request at this balancer.
    fn end<P: Probe>(&mut self, call: CallId, outcome: Outcome, bytes: u64, cx: &mut Context<'_, P>) {
        self.leave(call, cx);
        cx.reply(call, outcome, bytes);
    }

    /// A request is in hand no more.
    fn leave<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if self.build.spec.retry.is_some() {
            self.tried.remove(&call);
        }
        let record = cx.call(call);
        let me = record.instance as usize;
        let stay = cx.now().since(record.arrived);
        let instance = &mut self.instances[me];
        instance.present -= 1;
        if self.limited {
            let (resource, present) = (self.build.slots[me], instance.present);
            cx.observe(Observation::Departed { resource, stay });
            cx.observe(Observation::Level { resource, present });
        }
    }

    /// Whether a failed attempt may be repeated on another backend.
    fn may_retry<P: Probe>(&self, call: CallId, outcome: Outcome, cx: &Context<'_, P>) -> bool {
        let Some(retry) = &self.build.spec.retry else { return false };
        let record = cx.call(call);
        let harmless = retry.non_idempotent
            || outcome.reason == Reason::Unreachable
            || self.build.idempotent.get(record.operation.index()).copied().unwrap_or(false);
        harmless && outcome.reason != Reason::Cancelled && self.is_listed(call, outcome, cx)
    }

    /// Whether a failure is one after which another backend is tried, and there is one left to try.
    fn is_listed<P: Probe>(&self, call: CallId, outcome: Outcome, cx: &Context<'_, P>) -> bool {
        let Some(retry) = &self.build.spec.retry else { return false };
        let attempts = 1 + self.tried.get(&call).map_or(0, Vec::len);
        let others = self.seats[cx.call(call).pc as usize].len() > attempts;
        attempts < usize::from(retry.attempts) && others && !outcome.is_ok() && retry.on.matches(outcome)
    }

    /// The answer of a backend, or its failure.
    fn answered<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let record = cx.call(call);
        let (me, route, seat) = (record.instance as usize, record.pc as usize, record.needed as usize);
        let (bytes, took) = (record.bytes, now.since(record.worker_asked));
        let server = self.seats[route][seat].server;
        // A status that nginx lists counts against a server while the request may be sent to another one; 403 and
        // 404 never do.
        let listed = !matches!(outcome.status, 403 | 404) && self.may_retry(call, outcome, cx);
        let instance = &mut self.instances[me];
        instance.views[route].release(seat);
        instance.views[route].answered(seat, took, now);
        instance.idle.answered(server, outcome.status != 0 && !outcome.reason.is_transport());
        let Ended { changed, again, probe } = instance.watch.ended(server, outcome, listed, now);
        if changed {
            self.update(me, server, now, cx);
        }
        if let Some(at) = again {
            cx.timer(at, self.timer(ALLOWED_AGAIN, me, server));
        }
        if let Some(at) = probe {
            cx.timer(at, self.timer(PROBE, me, server));
        }
        if !outcome.is_ok() && self.may_retry(call, outcome, cx) {
            self.tried.entry(call).or_default().push(seat);
            let (caller, target) = (cx.me(), self.build.servers[server].component);
            cx.observe(Observation::Retried { caller, target });
            self.dispatch(call, false, cx);
        } else {
            // What the backend did not say, the balancer says in its own words.
            let own = outcome.reason == Reason::Unreachable;
            let outcome = if own {
                Outcome::error(self.build.spec.statuses.unreachable, cx.me(), Reason::Unreachable)
            } else {
                outcome
            };
            self.end(call, outcome, bytes, cx);
        }
        if self.build.spec.max_conns.is_some() {
            self.next_in_line(me, route, cx);
        }
    }

    /// Takes over what the control plane announces: who leaves, who is not there.
    fn follow_fleets<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let version = cx.fleet_version();
        if version == self.known {
            return;
        }
        self.known = version;
        let now = cx.now();
        for me in 0..self.instances.len() {
            for server in 0..self.build.servers.len() {
                self.update(me, server, now, cx);
            }
            self.reweigh(me);
        }
        for me in 0..self.instances.len() {
            self.serve_lines(me, cx);
        }
    }

    /// A target's share of the requests is divided by the instances that it has now.
    fn reweigh(&mut self, me: usize) {
        for (route, seats) in self.seats.iter().enumerate() {
            let backends = &self.build.routes[route].backends;
            if backends.len() < 2 {
                continue;
            }
            let view = &mut self.instances[me].views[route];
            for (index, backend) in backends.iter().enumerate() {
                let ours: Vec<usize> = (0..seats.len())
                    .filter(|at| seats[*at].backend == index && view.state(*at) != State::Removed)
                    .collect();
                for at in &ours {
                    view.reweigh(*at, backend.weight / ours.len() as f64);
                }
            }
        }
    }
}

/// Weights that differ are meant: then turns and chance are weighted.
fn weighted(algorithm: Algorithm, members: &[Member]) -> Algorithm {
    let first = members.first().map_or(1.0, |member| member.weight);
    let differ = members.iter().any(|member| (member.weight - first).abs() > 1e-9 * first.abs());
    match algorithm {
        Algorithm::RoundRobin if differ => Algorithm::WeightedRoundRobin,
        Algorithm::Random if differ => Algorithm::WeightedRandom,
        other => other,
    }
}

impl Node for LoadBalancer {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let spec = &self.build.spec;
        for me in 0..self.instances.len() {
            if let Some(health) = &spec.health {
                for server in 0..self.build.servers.len() {
                    // Probes of a fleet are not in step: each server's begin at a time of its own.
                    let key = self.build.key.named(StreamName::new("phase")).with((me << 16 | server) as u64);
                    let at = cx.now() + health.settings.interval.mul_f64(key.draws().unit());
                    self.instances[me].watch.expect_probe(server, at);
                    cx.timer(at, self.timer(PROBE, me, server));
                }
            }
            if let Some(outliers) = &spec.outliers {
                cx.timer(cx.now() + outliers.interval, self.timer(SWEEP, me, 0));
            }
        }
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let record = cx.call(call);
        let (me, bytes) = (record.instance as usize, record.bytes);
        let spec = &self.build.spec;
        let resource = self.build.slots[me];
        if spec.connections.is_some_and(|most| self.instances[me].present >= most) {
            cx.observe(Observation::Refused { resource });
            return cx.reply(call, self.own(503, Reason::TooManyConnections, cx), 0);
        }
        let instance = &mut self.instances[me];
        instance.present += 1;
        let present = instance.present;
        if self.limited {
            cx.observe(Observation::Level { resource, present });
        }
        if spec.max_body.is_some_and(|max| bytes > max) {
            let outcome = Outcome::error(413, cx.me(), Reason::TooLarge);
            return self.end(call, outcome, 0, cx);
        }
        if self.build.uploads.is_empty() || self.receive(call, cx) {
            self.take_on(call, cx);
        }
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if !cx.call_mut(call).flags.take(Flags::RECEIVING) {
            return;
        }
        if cx.is_orphan(call) {
            // Whoever sent the body has left: 499 in nginx's words.
            let outcome = Outcome::error(499, cx.me(), Reason::Cancelled);
            return self.end(call, outcome, 0, cx);
        }
        if let Some(request) = cx.request_mut(call) {
            request.body_is_here = true;
        }
        self.take_on(call, cx);
    }

    fn on_cancel<P: Probe>(&mut self, call: CallId, how: Withdrawal, cx: &mut Context<'_, P>) {
        let record = cx.call_mut(call);
        let (me, route) = (record.instance as usize, record.pc as usize);
        if record.flags.take(Flags::IN_LINE) {
            self.instances[me].lines[route].renege(|call| cx.is_in_line(*call));
            cx.forget_step(call);
            let outcome = match how {
                Withdrawal::Expired => Outcome::error(504, cx.me(), Reason::Deadline),
                Withdrawal::Lines | Withdrawal::Work => Outcome::error(499, cx.me(), Reason::Cancelled),
            };
            return self.end(call, outcome, 0, cx);
        }
        // Whoever was told a deadline has a clock of its own.
        if how != Withdrawal::Expired {
            cx.pass_cancellation_on(call, how);
        }
    }

    fn on_wake<P: Probe>(&mut self, station: u32, epoch: u32, cx: &mut Context<'_, P>) {
        loop {
            let cores = &mut self.instances[station as usize].cores;
            let Some(call) = cores.as_mut().and_then(|cores| cores.finished(epoch, cx)) else { return };
            self.route(call, cx);
        }
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let record = cx.call_mut(call);
        record.flags.take(Flags::IN_LINE);
        let (me, route) = (record.instance as usize, record.pc as usize);
        self.instances[me].lines[route].renege(|call| cx.is_in_line(*call));
        cx.observe(Observation::Refused { resource: self.build.slots[me] });
        let outcome = self.own(self.build.spec.statuses.queue, Reason::QueueTimeout, cx);
        self.end(call, outcome, 0, cx);
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let servers = self.build.servers.len().max(1);
        let (me, server) = (timer.number as usize / servers, timer.number as usize % servers);
        match timer.topic {
            PROBE => self.probe(me, server, cx),
            PROBE_TIMED_OUT => self.probed(me, server, false, cx),
            SWEEP => {
                let now = cx.now();
                let Some(rule) = &mut self.instances[me].watch.outliers else { return };
                let (back, ejected) = rule.sweep(now);
                let next = rule.next_sweep(now);
                for server in back.into_iter().chain(ejected) {
                    self.update(me, server, now, cx);
                }
                self.serve_lines(me, cx);
                cx.timer(next, timer);
            }
            _ => {
                let now = cx.now();
                self.update(me, server, now, cx);
                self.serve_lines(me, cx);
            }
        }
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        if what != Disturbance::Lost {
            return;
        }
        for call in cx.calls_at(instance) {
            let record = cx.call(call);
            let waits_for_answer = cx.is_alive(record.child);
            let (me, route, seat) = (instance as usize, record.pc as usize, record.needed as usize);
            if let Some(request) = cx.request(call).filter(|request| request.root == call) {
                let (server, now) = (request.note as usize % self.build.servers.len().max(1), cx.now());
                cx.stop_waiting(call);
                cx.close_internal(call);
                if self.waits_for_the_end() {
                    self.expect_probe(me, server, now, cx);
                }
                continue;
            }
            if waits_for_answer {
                self.instances[me].views[route].release(seat);
            }
            if let Some(cores) = &mut self.instances[me].cores {
                cores.cancel(call, cx);
            }
            if cx.call_mut(call).flags.take(Flags::IN_LINE) {
                self.instances[me].lines[route].renege(|call| cx.is_in_line(*call));
            }
            cx.forget_step(call);
            cx.stop_waiting(call);
            self.leave(call, cx);
            cx.lose(call);
        }
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let probe = cx.request(call).filter(|request| request.root == call).map(|request| request.note);
        let Some(number) = probe else { return self.answered(call, outcome, cx) };
        let servers = self.build.servers.len().max(1);
        cx.close_internal(call);
        self.probed(number as usize / servers, number as usize % servers, outcome.is_ok(), cx);
    }
}
