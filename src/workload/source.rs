//! A client population as it runs: it sends requests by its loop and takes their outcomes.
//!
//! Open: arrivals whatever happens. Sessions (partly open): sessions arrive, requests inside one
//! follow each other with thinking between them. Users (closed): each thinks, asks, waits. Replay:
//! as recorded. Latency counts from the intended start in every loop, so an overload cannot hide
//! in requests that were never sent on time (coordinated omission).

use std::sync::Arc;

use super::arrivals::{ArrivalProcess, Arrivals};
use super::profile::Profile;
use crate::base::random::{Distribution, Key, StreamName};
use crate::base::{EntityId, OperationId, SimDuration, SimTime};
use crate::engine::{CallId, Context, Node, Outcome, Probe, SiteId, Timer};

/// One entry of a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct MixEntry {
    /// Relative frequency.
    pub weight: f64,
    /// Its call site, with its own timeout and retries.
    pub site: SiteId,
    /// Scheduling class, smaller first.
    pub priority: u8,
}

/// One recorded request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayRow {
    /// When, in seconds.
    pub at: f64,
    /// Which entry of the mix.
    pub operation: u16,
    /// Its row, for every entity.
    pub key: Option<u64>,
    /// Bytes of its body.
    pub size: u64,
}

/// Who waits for whom.
#[derive(Clone, Debug)]
pub enum Loop {
    /// Arrivals are requests.
    Open,
    /// Arrivals are sessions.
    Sessions {
        /// Requests of a session.
        requests: Distribution,
        /// Seconds between an outcome and the next request.
        think: Distribution,
    },
    /// A fixed population.
    Closed {
        /// People.
        users: u32,
        /// Seconds between an outcome and the next request.
        think: Distribution,
    },
    /// A recorded trace.
    Replay(Arc<Vec<ReplayRow>>),
}

/// Everything that a running client population is made from.
#[derive(Clone, Debug)]
pub struct ClientBuild {
    /// Its loop.
    pub behaviour: Loop,
    /// When arrivals come.
    pub arrivals: ArrivalProcess,
    /// At which rate.
    pub profile: Profile,
    /// What they ask for.
    pub mix: Vec<MixEntry>,
    /// The population's stream.
    pub key: Key,
    /// Entities, for recorded keys.
    pub entities: u16,
    /// Seconds after which nobody comes.
    pub horizon: f64,
}

const ARRIVAL: u32 = 0;
const THOUGHT: u32 = 1;

#[derive(Clone, Debug)]
struct Person {
    luck: Key,
    asked: u64,
    left: u64,
}

/// A client population as it runs.
#[derive(Debug)]
pub struct Source {
    build: ClientBuild,
    arrivals: Arrivals,
    total_weight: f64,
    arrived: u64,
    people: Vec<Person>,
    free: Vec<u32>,
}

impl Source {
    /// A population that has sent nothing yet.
    #[must_use]
    pub fn new(build: ClientBuild) -> Self {
        let arrivals = Arrivals::new(
            build.arrivals.clone(),
            build.profile.clone(),
            build.horizon,
            build.key.named(StreamName::new("arrivals")),
        );
        let total_weight = build.mix.iter().map(|entry| entry.weight).sum();
        Self { build, arrivals, total_weight, arrived: 0, people: Vec::new(), free: Vec::new() }
    }

    fn schedule_next_arrival<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let next = match &self.build.behaviour {
            Loop::Open | Loop::Sessions { .. } => self.arrivals.next(),
            Loop::Replay(rows) => rows.get(self.arrived as usize).map(|row| row.at),
            Loop::Closed { .. } => None,
        };
        if let Some(at) = next {
            cx.schedule_arrival(SimTime::from_secs_f64(at), Timer { topic: ARRIVAL, number: 0 });
        }
    }

    fn pick(&self, luck: Key) -> usize {
        if self.build.mix.len() == 1 {
            return 0;
        }
        let mut u = luck.named(StreamName::new("mix")).draws().unit() * self.total_weight;
        for (index, entry) in self.build.mix.iter().enumerate() {
            if u < entry.weight {
                return index;
            }
            u -= entry.weight;
        }
        self.build.mix.len() - 1
    }

    fn send<P: Probe>(
        &self,
        operation: usize,
        number: u64,
        luck: Key,
        note: u32,
        cx: &mut Context<'_, P>,
    ) -> CallId {
        let entry = &self.build.mix[operation];
        let root = cx.open_request(OperationId::at(operation), number, luck, note, entry.priority);
        cx.call_on(root, entry.site);
        root
    }

    fn ask<P: Probe>(&mut self, person: u32, cx: &mut Context<'_, P>) {
        let record = &mut self.people[person as usize];
        let luck = record.luck.with(record.asked);
        let number = record.asked;
        record.asked += 1;
        let operation = self.pick(luck);
        self.send(operation, number, luck, person, cx);
    }

    fn think<P: Probe>(&mut self, person: u32, think: &Distribution, cx: &mut Context<'_, P>) {
        let record = &self.people[person as usize];
        let luck = record.luck.with(record.asked).named(StreamName::new("think"));
        let span = SimDuration::from_secs_f64(think.sample(&mut luck.draws()));
        let at = cx.now() + span;
        cx.schedule_arrival(at, Timer { topic: THOUGHT, number: person });
    }

    fn admit(&mut self, person: Person) -> u32 {
        if let Some(index) = self.free.pop() {
            self.people[index as usize] = person;
            return index;
        }
        self.people.push(person);
        self.people.len() as u32 - 1
    }

    fn arrive<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let number = self.arrived;
        self.arrived += 1;
        match &self.build.behaviour {
            Loop::Open => {
                let luck = self.build.key.with(number);
                let operation = self.pick(luck);
                self.send(operation, number, luck, 0, cx);
            }
            Loop::Sessions { requests, .. } => {
                let luck = self.build.key.named(StreamName::new("session")).with(number);
                let left = requests.sample(&mut luck.named(StreamName::new("requests")).draws()).round();
                let person = self.admit(Person { luck, asked: 0, left: (left as u64).max(1) });
                self.ask(person, cx);
            }
            Loop::Replay(rows) => {
                let row = rows[number as usize];
                let entry = &self.build.mix[row.operation as usize];
                let luck = self.build.key.with(number);
                let (site, priority) = (entry.site, entry.priority);
                let operation = OperationId(row.operation);
                let root = cx.open_request(operation, number, luck, number as u32, priority);
                if let Some(key) = row.key
                    && let Some(request) = cx.request_mut(root)
                {
                    request.rows = (0..self.build.entities).map(|entity| (EntityId(entity), key)).collect();
                }
                cx.call_mut(root).bytes = row.size;
                cx.call_on(root, site);
            }
            Loop::Closed { .. } => {}
        }
        self.schedule_next_arrival(cx);
    }
}

impl Node for Source {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if let Loop::Closed { users, think } = &self.build.behaviour {
            let think = think.clone();
            for user in 0..*users {
                let luck = self.build.key.named(StreamName::new("user")).with(u64::from(user));
                let person = self.admit(Person { luck, asked: 0, left: u64::MAX });
                self.think(person, &think, cx);
            }
        }
        self.schedule_next_arrival(cx);
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        // Nobody can name a client population as a target.
        debug_assert!(false, "a client was called: {:?}", cx.call(call));
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        if timer.topic == ARRIVAL {
            self.arrive(cx);
        } else {
            self.ask(timer.number, cx);
        }
    }

    fn on_reply<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let think = match &self.build.behaviour {
            Loop::Sessions { think, .. } | Loop::Closed { think, .. } => think.clone(),
            Loop::Open | Loop::Replay(_) => {
                cx.finish_request(root, outcome);
                return;
            }
        };
        let person = cx.request(root).map(|r| r.note);
        cx.finish_request(root, outcome);
        let Some(person) = person else { return };
        let record = &mut self.people[person as usize];
        record.left -= 1;
        if record.left == 0 {
            self.free.push(person);
        } else {
            self.think(person, &think, cx);
        }
    }
}
