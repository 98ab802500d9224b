//! A queue as it runs: senders call it, and it calls whoever works.

use super::PUBLISH;
use super::broker::{Broker, Failure};
use super::consumers::{Consumers, Ended};
use super::messages::{Content, Fact, MessageId, Messages};
use super::publishers::Publishers;
use super::spec::{Ack, Overflow, QueueBuild};
use crate::base::random::StreamName;
use crate::base::{ComponentId, OperationId, SimDuration, SimTime};
use crate::engine::{
    CallId, Context, Disturbance, Fate, Flags, JobId, Life, Node, Observation, Outcome, Probe, Reason,
    Request, Seen, Timer, Withdrawal,
};
use rustc_hash::FxHashMap;

/// Something of the agenda is due.
const DUE: u32 = 0;
/// The first of a batch has waited long enough: from here on, one topic for each batch.
const LINGER: u32 = 1 << 16;
/// A silent consumer is given up: from here on, one topic for each consumer; the number is the instance.
const SILENT: u32 = 1 << 24;

/// From one try to hand a message to the dead-letter queue to the next.
const MOVE_AGAIN: SimDuration = SimDuration::from_secs(1);
/// See [`MOVE_AGAIN`]: the topic of such a try; the number counts those that wait.
const MOVE: u32 = 1;
/// A worker that found nothing asks again.
const POLL: u32 = 2;

/// A queue as it runs.
#[derive(Debug)]
pub struct Queue {
    messages: Messages,
    consumers: Consumers,
    publishers: Publishers,
    build: QueueBuild,
    /// When the next timer of the agenda comes.
    woken: SimTime,
    /// What was shown last: waiting, in flight, the oldest.
    shown: (u64, u64, Option<SimTime>),
    /// Messages on their way to the dead-letter queue, by the call that takes them there.
    moving: FxHashMap<CallId, MessageId>,
    /// Those that have to be tried again.
    refused: Vec<MessageId>,
    /// What the worker whose answer is being looked at had seen.
    seen: Seen,
}

impl Queue {
    /// A queue that holds nothing.
    #[must_use]
    pub fn new(build: QueueBuild) -> Self {
        Self {
            messages: Messages::new(build.spec.clone()),
            consumers: Consumers::new(build.consumers.clone(), build.key),
            publishers: Publishers::default(),
            build,
            woken: SimTime::MAX,
            shown: (0, 0, None),
            moving: FxHashMap::default(),
            refused: Vec::new(),
            seen: Seen::NOTHING,
        }
    }

    /// What a call carries.
    fn content<P: Probe>(&self, call: CallId, cx: &mut Context<'_, P>) -> Content {
        let group = self.build.spec.group.map(|entity| cx.row_of(call, entity));
        let record = cx.call(call);
        let (number, bytes, now) = (record.luck.bits(), record.bytes, cx.now());
        // A message that comes from another queue brings its job with it.
        let request = cx.request(call);
        let (luck, client) = request.map_or_else(Default::default, |r| (r.luck, r.client));
        let (rows, note) = request.map_or_else(Default::default, |r| (r.rows.clone(), r.note));
        let (priority, started) = request.map_or((0, now), |r| (r.priority, r.started));
        let job = cx.submit_job(call);
        Content { luck, number, rows, client, note, priority, bytes, group, started, job }
    }

    fn is_up<P: Probe>(cx: &Context<'_, P>) -> bool {
        matches!(cx.life(cx.me(), 0), Life::Up | Life::Draining)
    }

    /// Whether a sender has to wait.
    fn blocks(&self) -> bool {
        self.messages.is_short_of_memory()
            || self.build.spec.overflow == Overflow::Block && self.messages.is_full()
    }

    fn delay<P: Probe>(&self, luck: crate::base::random::Key, cx: &Context<'_, P>) -> SimDuration {
        let _ = cx;
        let Some(delay) = &self.build.spec.delay else { return SimDuration::ZERO };
        let key = self.build.key.named(StreamName::new("delay"));
        SimDuration::from_secs_f64(delay.sample(&mut key.join(luck).draws()))
    }

    /// The broker has a message in hand: it takes it over, turns it away, or lets its sender wait.
    fn accept<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if self.publishers.is_blocking() || self.blocks() {
            cx.call_mut(call).flags.set(Flags::IN_LINE);
            return self.publishers.block(call);
        }
        self.take_in(call, cx);
    }

    fn take_in<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        let me = cx.me();
        if self.build.spec.overflow == Overflow::Reject && self.messages.is_full() {
            if self.build.spec.confirm {
                cx.observe(Observation::Message { queue: me, fate: Fate::Refused });
                return cx.reply(call, Outcome::error(503, me, Reason::BacklogFull), 0);
            }
            let job = cx.submit_job(call);
            self.messages.publish_in_vain(job);
        } else {
            let content = self.content(call, cx);
            let delay = self.delay(cx.luck(call), cx);
            self.messages.publish(content, delay, cx.now());
        }
        cx.reply(call, Outcome::ok(202, me), 0);
    }

    /// Those who wait for room come in while there is some.
    fn unblock<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        while self.publishers.is_blocking() && !self.blocks() {
            let Some(call) = self.publishers.next() else { return };
            if cx.is_alive(call) {
                cx.call_mut(call).flags.take(Flags::IN_LINE);
                self.take_in(call, cx);
            }
        }
    }

    /// Delivers what can be delivered.
    fn dispatch<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if !Self::is_up(cx) {
            return;
        }
        while let Some(place) = self.consumers.next(cx) {
            let spec = &self.consumers.get(place.0).spec;
            let (extends, idempotent) = (spec.extend_every, spec.idempotent);
            let Some(delivery) = self.messages.take(extends, cx.now()) else { return };
            cx.meter_receive();
            if idempotent && self.messages.is_done(delivery.message) {
                // It looks whether it has done that already, which takes no time here.
                self.messages.forget(delivery, cx.now());
                continue;
            }
            let receives = self.messages.receives(delivery.message);
            if let Some(content) = self.messages.content(delivery.message) {
                self.consumers.deliver(place, delivery, content, receives, cx);
            }
        }
    }

    /// Acts on what has happened, and shows how things are.
    fn go_on<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        loop {
            self.tell(cx);
            self.unblock(cx);
            self.dispatch(cx);
            if !self.tell(cx) {
                break;
            }
        }
        if let Some(at) = self.consumers.rest(cx) {
            cx.timer(at, Timer { topic: POLL, number: 0 });
        }
        self.show(cx);
        self.wake(cx);
    }

    /// Observes what has happened; whether anything had.
    fn tell<P: Probe>(&mut self, cx: &mut Context<'_, P>) -> bool {
        let queue = cx.me();
        let mut any = false;
        while let Some(fact) = self.messages.next_fact() {
            any = true;
            match fact {
                Fact::Fate(fate) => cx.observe(Observation::Message { queue, fate }),
                Fact::Waited(wait) => {
                    cx.observe(Observation::Waited { resource: self.build.waiting, wait });
                }
                Fact::Done(job, started) => {
                    cx.job_done(job, self.seen);
                    // Whoever does not ask is told (a webhook).
                    if job == JobId::NONE {
                        let took = cx.now().since(started);
                        cx.observe(Observation::Completed { queue, took });
                    }
                }
                Fact::Ended(job) => cx.drop_job(job),
                Fact::Move(message) => self.bury(message, cx),
                Fact::Relay(message) => self.relay(message, cx),
            }
        }
        any
    }

    /// Hands a message to the dead-letter queue.
    fn bury<P: Probe>(&mut self, message: MessageId, cx: &mut Context<'_, P>) {
        let (Some(site), Some(content)) = (self.build.dead_letter, self.messages.content(message)) else {
            return;
        };
        let mut request = Request::new(cx.me(), OperationId(0), content.luck, cx.now());
        request.rows.clone_from(&content.rows);
        (request.note, request.priority, request.started) = (content.note, content.priority, content.started);
        let (luck, bytes) = (content.luck.with(content.number), content.bytes);
        let root = cx.open_internal(request);
        cx.call_mut(root).luck = luck;
        cx.call_mut(root).bytes = bytes;
        self.moving.insert(root, message);
        cx.call_on(root, site);
    }

    /// The relay of the outbox publishes a message, if it can be.
    fn relay<P: Probe>(&mut self, message: MessageId, cx: &mut Context<'_, P>) {
        let full = self.build.spec.overflow != Overflow::DropHead && self.messages.is_full();
        if Self::is_up(cx) && !full && !self.messages.is_short_of_memory() {
            let luck = self.messages.content(message).map_or_else(Default::default, |c| c.luck);
            self.messages.take_over(message, self.delay(luck, cx), cx.now());
        } else {
            self.messages.relay_later(message, cx.now());
        }
    }

    fn show<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let balance = self.messages.balance();
        debug_assert!(balance.holds(), "{balance:?}");
        let (waiting, in_flight, oldest) = (balance.waiting, balance.in_flight, self.messages.oldest());
        let level = |n: u64| n.min(u64::from(u32::MAX)) as u32;
        if waiting != self.shown.0 {
            cx.observe(Observation::Level { resource: self.build.waiting, present: level(waiting) });
        }
        if in_flight != self.shown.1 {
            cx.observe(Observation::Level { resource: self.build.in_flight, present: level(in_flight) });
        }
        if oldest != self.shown.2 {
            cx.observe(Observation::Oldest { queue: cx.me(), since: oldest });
        }
        if (waiting, oldest) != (self.shown.0, self.shown.2) {
            cx.show_backlog(level(waiting), oldest);
        }
        self.shown = (waiting, in_flight, oldest);
    }

    fn wake<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if let Some(at) = self.messages.next_due()
            && at < self.woken
        {
            self.woken = at;
            cx.timer(at, Timer { topic: DUE, number: 0 });
        }
    }

    /// A batch is published: its calls go on together.
    fn release<P: Probe>(&mut self, calls: Vec<CallId>, cx: &mut Context<'_, P>) {
        for call in calls.into_iter().filter(|call| cx.is_alive(*call)).collect::<Vec<_>>() {
            cx.call_mut(call).flags.take(Flags::IN_LINE);
            self.spend(call, cx);
        }
    }

    /// What publishing takes, before the broker has the message.
    fn spend<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if let Some(cost) = &self.build.spec.publish_cost {
            let key = self.build.key.named(StreamName::new("publish cost"));
            let span = SimDuration::from_secs_f64(cost.sample(&mut key.join(cx.luck(call)).draws()));
            if !span.is_zero() {
                return cx.serve(call, span);
            }
        }
        self.accept(call, cx);
    }

    /// A connection that has been silent too long is given up.
    fn give_up<P: Probe>(&mut self, component: ComponentId, instance: u16, cx: &mut Context<'_, P>) {
        if !self.consumers.is_silent(component, instance, cx) {
            return;
        }
        let outcome = Outcome::error(503, cx.me(), Reason::Crashed);
        for root in self.consumers.of(component, instance) {
            cx.stop_waiting(root);
            self.finish(root, outcome, cx);
        }
    }

    /// A delivery has ended.
    fn finish<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        self.seen = cx.call(root).seen;
        match self.consumers.answered(root, outcome, cx) {
            Some((delivery, Ended::Done)) => {
                self.messages.ack(delivery, cx.now());
            }
            Some((delivery, Ended::Without(how))) => {
                // What was delivered counts as taken where delivery is what counts.
                let how = match how {
                    Failure::LostUnbegun if self.build.spec.ack == Ack::OnDelivery => Failure::Lost,
                    other => other,
                };
                self.messages.fail(delivery, how, cx.now());
            }
            None => {}
        }
        // Facts about this delivery are told while what its worker had seen is known.
        self.tell(cx);
    }
}

impl Node for Queue {
    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        if let Some(every) = cx.outbox(call) {
            let content = self.content(call, cx);
            self.messages.post(content, every, cx.now());
            cx.reply(call, Outcome::ok(202, cx.me()), 0);
            return self.go_on(cx);
        }
        debug_assert_eq!(cx.call(call).operation, PUBLISH);
        if let Some((most, linger)) = self.build.spec.batch {
            let parent = cx.call(call).parent;
            let sender = if cx.is_alive(parent) {
                (cx.call(parent).component, cx.call(parent).instance)
            } else {
                (cx.me(), 0)
            };
            cx.call_mut(call).flags.set(Flags::IN_LINE);
            let (size, batch) = self.publishers.gather(sender, call);
            if size >= most as usize {
                let calls = self.publishers.release(batch, None);
                self.release(calls, cx);
            } else if size == 1 {
                let number = self.publishers.epoch(batch);
                cx.timer(cx.now() + linger, Timer { topic: LINGER + batch, number });
            }
        } else {
            self.spend(call, cx);
        }
        self.go_on(cx);
    }

    fn on_served<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.accept(call, cx);
        self.go_on(cx);
    }

    fn on_reply<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        if let Some(message) = self.moving.remove(&root) {
            cx.close_internal(root);
            if self.messages.moved(message, outcome.is_ok(), cx.now()) {
                self.refused.push(message);
                cx.timer(cx.now() + MOVE_AGAIN, Timer { topic: MOVE, number: 0 });
            }
        } else {
            self.finish(root, outcome, cx);
        }
        self.go_on(cx);
    }

    fn on_cancel<P: Probe>(&mut self, call: CallId, _: Withdrawal, cx: &mut Context<'_, P>) {
        if self.publishers.leave(call) {
            cx.call_mut(call).flags.take(Flags::IN_LINE);
            cx.reply(call, Outcome::error(503, cx.me(), Reason::QueueTimeout), 0);
        }
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        match timer.topic {
            DUE => {
                self.woken = SimTime::MAX;
                self.messages.due(cx.now());
            }
            MOVE => {
                if let Some(message) = self.refused.pop() {
                    self.bury(message, cx);
                }
            }
            POLL => {}
            topic if topic >= SILENT => {
                self.give_up(ComponentId((topic - SILENT) as u16), timer.number as u16, cx);
            }
            topic => {
                let calls = self.publishers.release(topic - LINGER, Some(timer.number));
                self.release(calls, cx);
            }
        }
        self.go_on(cx);
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Lost => {
                for call in cx.calls_at(0) {
                    if !self.consumers.has(call) && !self.moving.contains_key(&call) {
                        self.publishers.leave(call);
                        cx.forget_step(call);
                        cx.lose(call);
                    }
                }
                self.messages.break_down(cx.now());
            }
            Disturbance::Flushed => self.messages.purge(cx.now()),
            Disturbance::Consumer(component) => {
                if self.consumers.changed(component, instance, cx) {
                    let topic = SILENT + u32::from(component.0);
                    let at = cx.now() + self.build.spec.heartbeat;
                    cx.timer(at, Timer { topic, number: u32::from(instance) });
                }
            }
            Disturbance::Restored | Disturbance::Speed(_) | Disturbance::Draining | Disturbance::Reset => {}
            Disturbance::Joined | Disturbance::Parted => {}
        }
        self.go_on(cx);
    }
}
