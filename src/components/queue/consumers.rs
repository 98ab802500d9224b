//! Who takes messages, and which deliveries each has: the side of a broker that faces workers.
//!
//! A delivery is a call to one instance of a worker, under a request of the broker's own that carries what
//! the message carries. Instances get messages in turn, each up to its limit; one that is not up gets none.

use rustc_hash::FxHashMap;

use super::broker::{Delivery, Failure};
use super::messages::Content;
use super::polling::Polling;
use super::spec::ConsumerBuild;
use crate::base::random::{Key, StreamName};
use crate::base::{ComponentId, OperationId, SimTime};
use crate::engine::{CallId, Context, Life, Outcome, Probe, Reason, Request};

/// One delivery that goes on.
#[derive(Clone, Copy, Debug)]
struct Run {
    consumer: usize,
    instance: u16,
    delivery: Delivery,
}

/// How a delivery ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The work has succeeded.
    Done,
    /// It has not.
    Without(Failure),
}

/// The consumers of a broker.
#[derive(Debug)]
pub struct Consumers {
    all: Vec<ConsumerBuild>,
    /// By consumer and instance: deliveries that go on.
    held: Vec<Vec<u32>>,
    /// Instances that are taken out: what they give back they hand back.
    leaving: Vec<Vec<bool>>,
    polling: Polling,
    runs: FxHashMap<CallId, Run>,
    /// The consumer and instance that was served last.
    turn: (usize, u16),
}

impl Consumers {
    /// Consumers that have nothing yet; `key` is the broker's.
    #[must_use]
    pub fn new(all: Vec<ConsumerBuild>, key: Key) -> Self {
        let intervals = all.iter().map(|consumer| (consumer.spec.poll, consumer.instances));
        Self {
            held: all.iter().map(|consumer| vec![0; usize::from(consumer.instances)]).collect(),
            leaving: all.iter().map(|consumer| vec![false; usize::from(consumer.instances)]).collect(),
            polling: Polling::new(intervals, key.named(StreamName::new("poll"))),
            all,
            runs: FxHashMap::default(),
            turn: (0, 0),
        }
    }

    /// A consumer by its place.
    #[must_use]
    pub fn get(&self, consumer: usize) -> &ConsumerBuild {
        &self.all[consumer]
    }

    /// The next instance in turn that takes a message, and its consumer.
    #[must_use]
    pub fn next<P: Probe>(&self, cx: &Context<'_, P>) -> Option<(usize, u16)> {
        let places = || {
            self.all
                .iter()
                .enumerate()
                .flat_map(|(at, consumer)| (0..consumer.instances).map(move |i| (at, i)))
        };
        let takes = |(at, instance): &(usize, u16)| {
            self.polling.asks(*at, *instance, cx.now()) && self.has_room(*at, *instance, cx)
        };
        let after = places().find(|place| *place > self.turn && takes(place));
        after.or_else(|| places().take_while(|place| *place <= self.turn).find(takes))
    }

    /// Whether an instance lives and has less than it may hold.
    fn has_room<P: Probe>(&self, consumer: usize, instance: u16, cx: &Context<'_, P>) -> bool {
        let build = &self.all[consumer];
        self.held[consumer][usize::from(instance)] < build.limit
            && cx.life(build.component, instance) == Life::Up
    }

    /// There is nothing more to take: those who asked rest. When the next of them asks again, unless that is
    /// known already.
    pub fn rest<P: Probe>(&mut self, cx: &Context<'_, P>) -> Option<SimTime> {
        let mut polling = std::mem::take(&mut self.polling);
        polling.rest(cx.now(), |consumer, instance| self.has_room(consumer, instance, cx));
        self.polling = polling;
        self.polling.next(cx.now())
    }

    /// Delivers a message to an instance. `luck` is the delivery's own.
    pub fn deliver<P: Probe>(
        &mut self,
        (consumer, instance): (usize, u16),
        delivery: Delivery,
        content: &Content,
        receives: u32,
        cx: &mut Context<'_, P>,
    ) {
        self.turn = (consumer, instance);
        self.held[consumer][usize::from(instance)] += 1;
        let build = &self.all[consumer];
        let mut request = Request::new(cx.me(), OperationId(0), content.luck, cx.now());
        request.rows.clone_from(&content.rows);
        (request.number, request.note) = (content.number, content.note);
        request.priority = content.priority;
        request.started = content.started;
        let root = cx.open_internal(request);
        // What is drawn in a delivery is drawn anew in the next one; the work itself is the job's.
        cx.call_mut(root).luck = content.luck.with(content.number).with(u64::from(receives));
        cx.call_mut(root).bytes = content.bytes;
        self.runs.insert(root, Run { consumer, instance, delivery });
        cx.call_instance(root, build.site, instance);
    }

    /// Whether this is a delivery of this broker's.
    #[must_use]
    pub fn has(&self, root: CallId) -> bool {
        self.runs.contains_key(&root)
    }

    /// The consumer has answered: which delivery, and how it ended. The request of the delivery is closed.
    pub fn answered<P: Probe>(
        &mut self,
        root: CallId,
        outcome: Outcome,
        cx: &mut Context<'_, P>,
    ) -> Option<(Delivery, Ended)> {
        let run = self.runs.remove(&root)?;
        let held = &mut self.held[run.consumer][usize::from(run.instance)];
        *held = held.saturating_sub(1);
        cx.close_internal(root);
        let leaving = self.leaving[run.consumer][usize::from(run.instance)];
        let hands_back = leaving && self.all[run.consumer].spec.requeue;
        let ended = match outcome.reason {
            _ if outcome.is_ok() => Ended::Done,
            Reason::Unreachable | Reason::Crashed if hands_back => Ended::Without(Failure::HandedBack),
            Reason::Unreachable => Ended::Without(Failure::LostUnbegun),
            Reason::Crashed => Ended::Without(Failure::Lost),
            _ => Ended::Without(Failure::Failed),
        };
        Some((run.delivery, ended))
    }

    /// An instance has changed. True if it is silent, so that its connection will be given up.
    pub fn changed<P: Probe>(&mut self, component: ComponentId, instance: u16, cx: &Context<'_, P>) -> bool {
        let life = cx.life(component, instance);
        for (at, consumer) in self.all.iter().enumerate() {
            if consumer.component == component
                && let Some(leaving) = self.leaving[at].get_mut(usize::from(instance))
            {
                // A process that is killed after it was told to go has had its grace.
                *leaving = match life {
                    Life::Draining | Life::Absent => true,
                    Life::Up | Life::Hung => false,
                    Life::Down | Life::Vanished => *leaving,
                };
                if life == Life::Up {
                    self.polling.begin(at, instance);
                }
            }
        }
        life.is_mute()
    }

    /// Whether an instance of a component is still silent.
    #[must_use]
    pub fn is_silent<P: Probe>(&self, component: ComponentId, instance: u16, cx: &Context<'_, P>) -> bool {
        cx.life(component, instance).is_mute()
    }

    /// Deliveries that an instance of a component has, in the order in which they were begun.
    #[must_use]
    pub fn of(&self, component: ComponentId, instance: u16) -> Vec<CallId> {
        let here = |run: &Run| run.instance == instance && self.all[run.consumer].component == component;
        let mut all: Vec<(u32, CallId)> = self
            .runs
            .iter()
            .filter(|(_, run)| here(run))
            .map(|(id, run)| (run.delivery.receipt, *id))
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect()
    }

    /// When the deliveries that go on began, for whoever wants to know how much is held.
    #[must_use]
    pub fn deliveries(&self) -> usize {
        self.runs.len()
    }
}
