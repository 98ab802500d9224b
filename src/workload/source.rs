//! A client population as it runs: it sends requests by its loop and takes their outcomes.
//!
//! Open: arrivals whatever happens. Sessions (partly open): sessions arrive, requests inside one
//! follow each other with thinking between them. Users (closed): each thinks, asks, waits. Replay:
//! as recorded. Latency counts from the intended start in every loop, so an overload cannot hide
//! in requests that were never sent on time (coordinated omission).

use std::sync::Arc;

use super::arrivals::{ArrivalProcess, Arrivals};
use super::connections::{ConnectionSpec, Connections};
use super::mix::{Mix, ReadBack, Regions};
use super::polls::{Poll, Polls};
use super::profile::Profile;
use crate::base::random::{Distribution, Key, StreamName};
use crate::base::{EntityId, OperationId, SimDuration, SimTime};
use crate::engine::{
    CallId, Context, Disturbance, Flags, Node, Outcome, Probe, Reader, Reason, Request, Seen, Timer,
};

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
#[derive(Clone, Debug, PartialEq)]
pub enum Loop {
    /// `rate`: arrivals are requests.
    Open,
    /// `sessions`: arrivals are sessions.
    Sessions {
        /// Requests of a session.
        requests: Distribution,
        /// Seconds between an outcome and the next request.
        think: Distribution,
    },
    /// `users`: a fixed population.
    Closed {
        /// People.
        users: u32,
        /// Seconds between an outcome and the next request.
        think: Distribution,
    },
    /// `replay`: a recorded trace.
    Replay {
        /// The requests, in order of time.
        rows: Arc<Vec<ReplayRow>>,
        /// Where this population's rows begin in the plan's replayed columns.
        first: u32,
    },
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
    pub mix: Mix,
    /// Where they are.
    pub regions: Regions,
    /// The entity whose row is whose session it is.
    pub owner: Option<EntityId>,
    /// Who reads what they wrote.
    pub read_back: Option<ReadBack>,
    /// How they ask for the jobs that they have sent.
    pub poll: Option<Poll>,
    /// How connections are kept.
    pub connections: ConnectionSpec,
    /// The population's stream.
    pub key: Key,
    /// Entities, for recorded keys.
    pub entities: u16,
    /// Seconds after which nobody comes.
    pub horizon: f64,
}

const ARRIVAL: u32 = 0;
const THOUGHT: u32 = 1;
const READ_BACK: u32 = 2;
const POLL: u32 = 3;

/// The note of a request that belongs to no session.
const NOBODY: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Person {
    luck: Key,
    asked: u64,
    left: u64,
}

/// A read of what was written, that is still to come.
#[derive(Clone, Copy, Debug)]
struct Reading {
    luck: Key,
    row: u64,
    region: u16,
    /// What the write made of the row.
    wrote: Seen,
}

/// What one request is.
struct Asked {
    operation: usize,
    number: u64,
    luck: Key,
    note: u32,
    region: u16,
    owned: Option<(EntityId, u64)>,
    /// The version of its owner's row that it must not be behind.
    expects: Seen,
}

/// A client population as it runs.
#[derive(Debug)]
pub struct Source {
    build: ClientBuild,
    arrivals: Arrivals,
    arrived: u64,
    people: Vec<Person>,
    free: Vec<u32>,
    connections: Connections,
    readings: Vec<Reading>,
    free_readings: Vec<u32>,
    polls: Polls,
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
        let connections = Connections::new(build.connections, build.key);
        Self {
            build,
            connections,
            arrivals,
            arrived: 0,
            people: Vec::new(),
            free: Vec::new(),
            readings: Vec::new(),
            free_readings: Vec::new(),
            polls: Polls::default(),
        }
    }

    fn schedule_next_arrival<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let next = match &self.build.behaviour {
            Loop::Open | Loop::Sessions { .. } => self.arrivals.next(),
            Loop::Replay { rows, .. } => rows.get(self.arrived as usize).map(|row| row.at),
            Loop::Closed { .. } => None,
        };
        if let Some(at) = next {
            cx.schedule_arrival(SimTime::from_secs_f64(at), Timer { topic: ARRIVAL, number: 0 });
        }
    }

    /// Who stands behind a request: the owner of a row, or a person.
    fn reader(&self, note: u32) -> Reader {
        if let Some(owner) = self.build.owner {
            return Reader::Owner(owner);
        }
        match self.build.behaviour {
            Loop::Sessions { .. } | Loop::Closed { .. } => {
                self.people.get(note as usize).map_or(Reader::Nobody, |person| Reader::Session(person.luck))
            }
            Loop::Open | Loop::Replay { .. } => Reader::Nobody,
        }
    }

    fn open<P: Probe>(&mut self, asked: &Asked, cx: &mut Context<'_, P>) -> CallId {
        let entry = &self.build.mix.entries[asked.operation];
        let operation = OperationId::at(asked.operation);
        let mut request = Request::new(cx.me(), operation, asked.luck, cx.now());
        (request.number, request.note, request.priority) = (asked.number, asked.note, entry.priority);
        request.rows.extend(asked.owned);
        request.expects = asked.expects;
        request.reader = self.reader(asked.note);
        // The note of a recorded request is its row.
        let recorded = matches!(self.build.behaviour, Loop::Replay { .. });
        let person = Some(asked.note).filter(|note| !recorded && *note != NOBODY);
        let connection = self.connections.of(asked.number, person);
        request.connection = connection.unwrap_or(NOBODY);
        let root = cx.open_request(request);
        cx.call_mut(root).instance = asked.region;
        if connection.is_some_and(|connection| self.connections.begin(connection, cx.now())) {
            cx.call_mut(root).flags.set(Flags::KEPT_ALIVE);
        }
        root
    }

    fn send<P: Probe>(&mut self, asked: &Asked, cx: &mut Context<'_, P>) {
        let root = self.open(asked, cx);
        cx.call_on(root, self.build.mix.entries[asked.operation].site);
    }

    fn ask<P: Probe>(&mut self, person: u32, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let record = &mut self.people[person as usize];
        let (owner_luck, number) = (record.luck, record.asked);
        let luck = owner_luck.with(number);
        record.asked += 1;
        let owned = self.build.owner.map(|entity| (entity, cx.popular_row(entity, owner_luck)));
        let operation = self.build.mix.pick(luck, now);
        let region = self.build.regions.of(owner_luck);
        let expects = Seen::NOTHING;
        let root = self.open(&Asked { operation, number, luck, note: person, region, owned, expects }, cx);
        cx.call_on(root, self.build.mix.entries[operation].site);
    }

    fn think<P: Probe>(&mut self, person: u32, think: &Distribution, cx: &mut Context<'_, P>) {
        let record = &self.people[person as usize];
        let luck = record.luck.with(record.asked).named(StreamName::new("think"));
        let span = SimDuration::from_secs_f64(think.sample(&mut luck.draws()));
        let at = cx.now() + span;
        cx.schedule_arrival(at, Timer { topic: THOUGHT, number: person });
    }

    fn admit(&mut self, luck: Key, left: u64) -> u32 {
        let person = Person { luck, asked: 0, left };
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
                let operation = self.build.mix.pick(luck, cx.now());
                let region = self.build.regions.of(luck);
                let (owned, expects) = (None, Seen::NOTHING);
                self.send(&Asked { operation, number, luck, note: NOBODY, region, owned, expects }, cx);
            }
            Loop::Sessions { requests, .. } => {
                let luck = self.build.key.named(StreamName::new("session")).with(number);
                let left = requests.sample(&mut luck.named(StreamName::new("requests")).draws()).round();
                let person = self.admit(luck, (left as u64).max(1));
                self.ask(person, cx);
            }
            Loop::Replay { rows, first } => {
                let row = rows[number as usize];
                let luck = self.build.key.with(number);
                let region = self.build.regions.of(luck);
                let (operation, note) = (row.operation as usize, first + number as u32);
                let (owned, expects) = (None, Seen::NOTHING);
                let root = self.open(&Asked { operation, number, luck, note, region, owned, expects }, cx);
                if let Some(key) = row.key
                    && let Some(request) = cx.request_mut(root)
                {
                    request.rows = (0..self.build.entities).map(|entity| (EntityId(entity), key)).collect();
                }
                cx.call_mut(root).bytes = row.size;
                cx.call_on(root, self.build.mix.entries[operation].site);
            }
            Loop::Closed { .. } => {}
        }
        self.schedule_next_arrival(cx);
    }

    /// After a good write, with some probability, its owner will read the same row.
    fn plan_reading<P: Probe>(&mut self, root: CallId, cx: &mut Context<'_, P>) {
        let Some(back) = &self.build.read_back else { return };
        let call = cx.call(root);
        let (luck, region) = (call.luck.named(StreamName::new("read back")), call.instance);
        if !self.build.mix.entries[call.operation.index()].writes || !luck.draws().chance(back.chance) {
            return;
        }
        let span = back.after.sample(&mut luck.named(StreamName::new("after")).draws());
        let wrote = cx.call(root).seen;
        let reading = Reading { luck, row: cx.row_of(root, back.owner), region, wrote };
        let index = self.free_readings.pop().unwrap_or(self.readings.len() as u32);
        match self.readings.get_mut(index as usize) {
            Some(free) => *free = reading,
            None => self.readings.push(reading),
        }
        let at = cx.now() + SimDuration::from_secs_f64(span);
        cx.schedule_arrival(at, Timer { topic: READ_BACK, number: index });
    }

    fn read_back<P: Probe>(&mut self, index: u32, cx: &mut Context<'_, P>) {
        let Reading { luck, row, region, wrote: expects } = self.readings[index as usize];
        self.free_readings.push(index);
        let Some(owner) = self.build.read_back.as_ref().map(|back| back.owner) else { return };
        let Some(operation) = self.build.mix.pick_read(luck) else { return };
        let number = self.arrived;
        let owned = Some((owner, row));
        self.send(&Asked { operation, number, luck, note: NOBODY, region, owned, expects }, cx);
    }
}

impl Source {
    /// Asks for a job.
    fn poll<P: Probe>(&mut self, number: u32, cx: &mut Context<'_, P>) {
        if let Some(poll) = &self.build.poll {
            let connections = &mut self.connections;
            let arrived = self.arrived;
            self.polls.ask(poll, number, cx, |root, cx| {
                let connection = connections.of(arrived, None);
                if let Some(request) = cx.request_mut(root) {
                    request.connection = connection.unwrap_or(NOBODY);
                }
                if connection.is_some_and(|connection| connections.begin(connection, cx.now())) {
                    cx.call_mut(root).flags.set(Flags::KEPT_ALIVE);
                }
            });
        }
    }

    /// An answer to that question.
    fn polled<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        let connection = cx.request(root).map_or(NOBODY, |r| r.connection);
        if connection != NOBODY {
            let refused = matches!(outcome.reason, Reason::Unreachable | Reason::TooManyConnections);
            let broken = refused || !cx.call(root).flags.has(Flags::KEPT_ALIVE);
            self.connections.end(connection, broken, cx.now());
        }
        if let Some(poll) = &self.build.poll
            && let Some((at, number)) = self.polls.answered(poll, root, outcome, cx)
        {
            cx.schedule_arrival(at, Timer { topic: POLL, number });
        }
    }
}

impl Node for Source {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if let Loop::Closed { users, think } = &self.build.behaviour {
            let think = think.clone();
            for user in 0..*users {
                let luck = self.build.key.named(StreamName::new("user")).with(u64::from(user));
                let person = self.admit(luck, u64::MAX);
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
        match timer.topic {
            ARRIVAL => self.arrive(cx),
            THOUGHT => self.ask(timer.number, cx),
            POLL => self.poll(timer.number, cx),
            _ => self.read_back(timer.number, cx),
        }
    }

    fn on_disturbance<P: Probe>(&mut self, _: u16, what: Disturbance, _: &mut Context<'_, P>) {
        if what == Disturbance::Reset {
            self.connections.reset();
        }
    }

    fn on_reply<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        if self.build.poll.is_some() && self.polls.is_one(root) {
            return self.polled(root, outcome, cx);
        }
        let person = cx.request(root).map_or(NOBODY, |r| r.note);
        if let Some(poll) = &self.build.poll
            && outcome.status == 202
            && let Some((at, number)) = self.polls.begin(poll, root, cx)
        {
            cx.schedule_arrival(at, Timer { topic: POLL, number });
        }
        if outcome.is_ok() {
            self.plan_reading(root, cx);
        }
        let connection = cx.request(root).map_or(NOBODY, |r| r.connection);
        if connection != NOBODY {
            let refused = matches!(outcome.reason, Reason::Unreachable | Reason::TooManyConnections);
            let broken = refused || !cx.call(root).flags.has(Flags::KEPT_ALIVE);
            self.connections.end(connection, broken, cx.now());
        }
        cx.finish_request(root, outcome);
        let think = match &self.build.behaviour {
            Loop::Sessions { think, .. } | Loop::Closed { think, .. } => think.clone(),
            Loop::Open | Loop::Replay { .. } => return,
        };
        if person == NOBODY {
            return;
        }
        let record = &mut self.people[person as usize];
        record.left -= 1;
        if record.left == 0 {
            self.connections.leave(person);
            if self.build.owner.is_none() {
                cx.leave_session(record.luck);
            }
            self.free.push(person);
        } else {
            self.think(person, &think, cx);
        }
    }
}
