//! A log as it runs: calls append to it, and it hands records to the instances of its workers.
//!
//! A call of a `send` step is answered when its record is stored as `acks` says. In between it is in a batch of its
//! caller's producer, one for each instance that sends. A record carries the luck of its customer, so that the worker
//! works on the rows that the request was about, and the row of the log's key.
//! A consumer is one of the `concurrency` of a worker's instance: it has one record in work at a time, as a request
//! of the log's own to that instance, and is a member of the group while the instance is up. The loss of the component
//! is the loss of the leaders of all partitions: followers take over, and what they do not have is lost.
//! Not modelled: the brokers' own work, and a coordinator that is lost with them.

use rustc_hash::FxHashMap;
use std::collections::VecDeque;

use super::offsets::Counts;
use super::partitioner::{Spreader, of_key};
use super::producer::{Action, Arrival, Offer, Producer, Sending};
use super::replicas::{Acks, Election, Replicas};
use super::spec::{GroupBuild, LogBuild};
use super::topic::{Poll, Topic};
use crate::base::random::{Key, StreamName};
use crate::base::{ComponentId, OperationId, ResourceId, SimDuration, SimTime};
use crate::engine::{
    CallId, Context, Disturbance, Flags, Life, Node, Observation, Outcome, Probe, Reason, RecordFate,
    Request, Timer,
};

/// Topics of timers: the groups and the log; one producer; one partition; a look at what changes with time.
const TICK: u32 = 0;
const PRODUCER: u32 = 1;
const REPLICATED: u32 = 2;
const LOOK: u32 = 3;

/// From look to look at the age of the oldest record and at the lag.
const LOOK_EVERY: SimDuration = SimDuration::from_secs(1);

/// What a record says.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// The luck of the customer, and of the call that sent it.
    customer: Key,
    visit: Key,
    /// The row of its key.
    row: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    call: CallId,
    message: Message,
    bytes: u32,
}

#[derive(Debug)]
struct Sender {
    producer: Producer,
    spreader: Spreader,
    /// By the note of a [`Sending`].
    pending: FxHashMap<u64, Pending>,
    notes: u64,
    /// Calls that wait for memory: their partition and note.
    blocked: VecDeque<(u32, u64)>,
    wakes_at: SimTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Idle,
    Works(CallId),
}

#[derive(Debug)]
struct GroupState {
    slots: Vec<Slot>,
    /// By instance: takes no new record, and leaves when it has done with what it works on.
    drains: Vec<bool>,
    told: Counts,
    rounds: u64,
    expelled: u64,
    backlog: u32,
    stopped: u32,
}

/// A log as it runs.
#[derive(Debug)]
pub struct Log {
    build: LogBuild,
    topic: Topic<Message>,
    groups: Vec<GroupState>,
    works: FxHashMap<CallId, (u32, u32)>,
    senders: Vec<Sender>,
    by_caller: FxHashMap<(ComponentId, u16), u32>,
    replicas: Vec<Replicas>,
    /// By partition: batches that are answered when all replicas have the log up to an offset.
    unacknowledged: Vec<VecDeque<(u64, u32, u64)>>,
    /// By partition: when its followers are looked at next.
    spreads_at: Vec<SimTime>,
    wakes_at: SimTime,
    is_down: bool,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(build: LogBuild) -> Self {
        let spec = &build.spec;
        let partitions = spec.settings.partitions;
        let mut topic = Topic::new(spec.settings);
        let groups = build.groups.iter().map(|group| {
            topic.add_group(spec.consuming);
            GroupState {
                slots: vec![Slot::Idle; group.concurrency as usize * usize::from(group.instances)],
                drains: vec![false; usize::from(group.instances)],
                told: Counts::default(),
                rounds: 0,
                expelled: 0,
                backlog: 0,
                stopped: 0,
            }
        });
        let groups = groups.collect();
        Self {
            topic,
            groups,
            works: FxHashMap::default(),
            senders: Vec::new(),
            by_caller: FxHashMap::default(),
            replicas: vec![Replicas::new(spec.replication); partitions as usize],
            unacknowledged: vec![VecDeque::new(); partitions as usize],
            spreads_at: vec![SimTime::MAX; partitions as usize],
            wakes_at: SimTime::MAX,
            is_down: false,
            build,
        }
    }

    fn sender_of(&mut self, id: CallId, cx: &Context<'_, impl Probe>) -> u32 {
        let call = cx.call(id);
        let caller =
            if cx.is_alive(call.parent) { cx.call(call.parent).component } else { ComponentId::NONE };
        let from = (caller, call.came_from);
        if let Some(known) = self.by_caller.get(&from) {
            return *known;
        }
        let at = self.senders.len() as u32;
        let spec = &self.build.spec;
        let key = self.build.key.named(StreamName::new("spread")).with(u64::from(at));
        self.senders.push(Sender {
            producer: Producer::new(spec.producing),
            spreader: Spreader::new(spec.keyless, spec.settings.partitions, spec.producing.batch, key),
            pending: FxHashMap::default(),
            notes: 0,
            blocked: VecDeque::new(),
            wakes_at: SimTime::MAX,
        });
        self.by_caller.insert(from, at);
        at
    }

    fn send<P: Probe>(&mut self, id: CallId, cx: &mut Context<'_, P>) {
        let at = self.sender_of(id, cx);
        let row = self.build.spec.key.map(|entity| cx.row_of(id, entity));
        let bytes = cx.call(id).bytes.min(u64::from(u32::MAX)) as u32;
        let sender = &mut self.senders[at as usize];
        let partition = match row {
            Some(row) => of_key(row, self.build.spec.settings.partitions),
            None => sender.spreader.next(u64::from(bytes)),
        };
        let customer = cx.request(id).map_or(Key::default(), |request| request.luck);
        let message = Message { customer, visit: cx.luck(id), row: row.unwrap_or(0) };
        let note = sender.notes;
        sender.notes += 1;
        sender.pending.insert(note, Pending { call: id, message, bytes });
        match sender.producer.offer(partition, Sending { note, bytes }, cx.now()) {
            Offer::Taken => self.produce(at, cx),
            Offer::Blocked(until) => {
                sender.blocked.push_back((partition, note));
                cx.call_mut(id).flags.set(Flags::IN_LINE);
                cx.limit_wait(id, until.since(cx.now()));
            }
        }
    }

    /// What a producer has to do now is done.
    fn produce<P: Probe>(&mut self, at: u32, cx: &mut Context<'_, P>) {
        let now = cx.now();
        loop {
            let actions = self.senders[at as usize].producer.tick(now);
            if actions.is_empty() {
                break;
            }
            for action in actions {
                match action {
                    Action::Send(number) => self.arrive(at, number, cx),
                    Action::Failed(batch) => {
                        let outcome = Outcome::error(503, cx.me(), Reason::Timeout);
                        for record in batch.records {
                            self.answer(at, record.note, outcome, cx);
                        }
                    }
                }
            }
            self.unblock(at, cx);
        }
        let sender = &mut self.senders[at as usize];
        let due = sender.producer.due();
        if due < sender.wakes_at {
            sender.wakes_at = due;
            cx.timer(due, Timer { topic: PRODUCER, number: at });
        }
    }

    /// Those who waited for memory offer their records again, in order.
    fn unblock<P: Probe>(&mut self, at: u32, cx: &mut Context<'_, P>) {
        while let Some((partition, note)) = self.senders[at as usize].blocked.front().copied() {
            let sender = &mut self.senders[at as usize];
            let Some(pending) = sender.pending.get(&note).copied() else {
                sender.blocked.pop_front();
                continue;
            };
            let sending = Sending { note, bytes: pending.bytes };
            if sender.producer.offer(partition, sending, cx.now()) != Offer::Taken {
                return;
            }
            sender.blocked.pop_front();
            if cx.is_alive(pending.call) {
                cx.forget_step(pending.call);
                cx.call_mut(pending.call).flags.take(Flags::IN_LINE);
            }
        }
    }

    /// A batch arrives at the leader of its partition.
    fn arrive<P: Probe>(&mut self, at: u32, number: u64, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let sender = &mut self.senders[at as usize];
        let arrival = sender.producer.arrives(number);
        let Some(batch) = sender.producer.batch(number) else { return };
        let partition = batch.partition;
        let mut end = self.topic.partition(partition).end();
        if matches!(arrival, Some(Arrival::Append | Arrival::AppendAgain)) {
            let records: Vec<(Message, u32)> = batch
                .records
                .iter()
                .filter_map(|record| sender.pending.get(&record.note))
                .map(|pending| (pending.message, pending.bytes))
                .collect();
            for (message, bytes) in &records {
                end = self.topic.append_hidden(partition, *message, *bytes, now) + 1;
            }
            let count = records.len() as u32;
            for group in &self.build.groups {
                let fate = RecordFate::Published;
                cx.observe(Observation::Records { backlog: group.backlog, fate, count });
            }
            self.replicate(partition, end, cx);
        }
        let waits =
            self.build.spec.acks == Acks::All && self.replicas[partition as usize].watermark(now) < end;
        if waits {
            self.unacknowledged[partition as usize].push_back((end, at, number));
        } else {
            self.acknowledge(at, number, cx);
        }
    }

    fn replicate<P: Probe>(&mut self, partition: u32, end: u64, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let luck = self.build.key.named(StreamName::new("replication")).with(u64::from(partition)).with(end);
        let delays = |follower: usize| {
            self.build.replication_delay.as_ref().map_or(SimDuration::ZERO, |delay| {
                SimDuration::from_secs_f64(cx.draw_for(delay, luck.with(follower as u64)))
            })
        };
        let replicas = &mut self.replicas[partition as usize];
        replicas.append(end, now, delays);
        self.spread(partition, cx);
    }

    /// What followers have by now can be read, and is acknowledged.
    fn spread<P: Probe>(&mut self, partition: u32, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let p = partition as usize;
        self.replicas[p].catch_up(now);
        let watermark = self.replicas[p].watermark(now);
        self.topic.reveal(partition, watermark, now);
        while let Some((end, at, number)) = self.unacknowledged[p].front().copied()
            && end <= watermark
        {
            self.unacknowledged[p].pop_front();
            self.acknowledge(at, number, cx);
            self.produce(at, cx);
        }
        let due = self.replicas[p].due();
        if due < self.spreads_at[p] {
            self.spreads_at[p] = due;
            cx.timer(due, Timer { topic: REPLICATED, number: partition });
        }
    }

    fn acknowledge<P: Probe>(&mut self, at: u32, number: u64, cx: &mut Context<'_, P>) {
        let Some(batch) = self.senders[at as usize].producer.acknowledge(number) else { return };
        let outcome = Outcome::ok(200, cx.me());
        for record in batch.records {
            self.answer(at, record.note, outcome, cx);
        }
    }

    fn answer<P: Probe>(&mut self, at: u32, note: u64, outcome: Outcome, cx: &mut Context<'_, P>) {
        let pending = self.senders[at as usize].pending.remove(&note);
        if let Some(Pending { call, .. }) = pending.filter(|pending| cx.is_alive(pending.call)) {
            cx.reply(call, outcome, 0);
        }
    }

    /// Whoever waits and can read now does; then what has changed is said.
    fn settle<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        if !self.is_down {
            loop {
                let wakes: Vec<(u32, u32)> = self.topic.wakes().collect();
                if wakes.is_empty() {
                    break;
                }
                for (group, slot) in wakes {
                    self.pull(group, slot, cx);
                }
            }
        }
        self.tell(cx);
        let due = self.topic.due();
        if due < self.wakes_at {
            self.wakes_at = due;
            cx.timer(due, Timer { topic: TICK, number: 0 });
        }
    }

    fn instance_of(&self, group: u32, slot: u32) -> u16 {
        (slot / self.build.groups[group as usize].concurrency.max(1)) as u16
    }

    /// A consumer asks for records.
    fn pull<P: Probe>(&mut self, group: u32, slot: u32, cx: &mut Context<'_, P>) {
        let state = &self.groups[group as usize];
        if self.is_down || state.slots[slot as usize] != Slot::Idle {
            return;
        }
        if let Poll::Records(_) = self.topic.poll(group, slot, cx.now()) {
            self.work(group, slot, cx);
        }
    }

    /// A consumer begins with the next record in its hands.
    fn work<P: Probe>(&mut self, group: u32, slot: u32, cx: &mut Context<'_, P>) {
        let Some(held) = self.topic.in_hand(group, slot) else { return };
        let (message, appended) = (held.record.note, held.record.appended);
        let (now, me) = (cx.now(), cx.me());
        let build = &self.build.groups[group as usize];
        cx.observe(Observation::Waited { resource: build.backlog, wait: now.since(appended) });
        let mut request = Request::new(me, OperationId(0), message.customer, now);
        if let Some(entity) = self.build.spec.key {
            request.rows.push((entity, message.row));
        }
        let root = cx.open_internal(request);
        cx.call_mut(root).luck = message.visit;
        self.works.insert(root, (group, slot));
        self.groups[group as usize].slots[slot as usize] = Slot::Works(root);
        cx.call_instance(root, build.site, self.instance_of(group, slot));
    }

    /// The consumer has done with a record, or its instance is gone.
    fn worked<P: Probe>(&mut self, root: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        cx.close_internal(root);
        let Some((group, slot)) = self.works.remove(&root) else { return };
        let instance = self.instance_of(group, slot);
        let build = &self.build.groups[group as usize];
        let (worker, completion) = (build.worker, build.completion);
        self.groups[group as usize].slots[slot as usize] = Slot::Idle;
        // What no living instance has answered was not done: its consumer is gone, and will be told apart.
        if matches!(outcome.reason, Reason::Unreachable | Reason::Crashed)
            && !cx.life(worker, instance).works()
        {
            self.topic.crash(group, slot, cx.now());
            return;
        }
        if let Some((held, is_again)) = self.topic.finish(group, slot)
            && !is_again
        {
            let wait = cx.now().since(held.record.appended);
            cx.observe(Observation::Waited { resource: completion, wait });
        }
        if self.groups[group as usize].drains[usize::from(instance)] {
            self.topic.close(group, slot, cx.now());
        } else if self.topic.in_hand(group, slot).is_some() {
            self.work(group, slot, cx);
        } else {
            self.pull(group, slot, cx);
        }
    }

    /// What became of an instance of a worker.
    fn watch<P: Probe>(&mut self, worker: ComponentId, instance: u16, life: Life, cx: &mut Context<'_, P>) {
        let now = cx.now();
        for group in 0..self.build.groups.len() as u32 {
            let build = &self.build.groups[group as usize];
            if build.worker != worker || instance >= build.instances {
                continue;
            }
            let first = u32::from(instance) * build.concurrency;
            let all = first..first + build.concurrency;
            self.groups[group as usize].drains[usize::from(instance)] = life == Life::Draining;
            for slot in all {
                let state = self.groups[group as usize].slots[slot as usize];
                match life {
                    Life::Up => self.topic.join(group, slot, now),
                    Life::Draining if state == Slot::Idle => self.topic.close(group, slot, now),
                    Life::Draining => {}
                    Life::Hung | Life::Down | Life::Vanished | Life::Absent => {
                        if let Slot::Works(root) = state {
                            self.works.remove(&root);
                            cx.stop_waiting(root);
                            cx.close_internal(root);
                        }
                        self.groups[group as usize].slots[slot as usize] = Slot::Idle;
                        self.topic.crash(group, slot, now);
                    }
                }
            }
        }
    }

    /// Says what has changed.
    fn tell<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let partitions = self.build.spec.settings.partitions;
        for (index, state) in self.groups.iter_mut().enumerate() {
            let group = index as u32;
            let build = &self.build.groups[index];
            let backlog = build.backlog;
            let mut tell = |fate: RecordFate, before: u64, after: u64| {
                if after > before {
                    let count = (after - before).min(u64::from(u32::MAX)) as u32;
                    cx.observe(Observation::Records { backlog, fate, count });
                }
            };
            let (was, is) = (state.told, self.topic.counts(group));
            if was != is {
                tell(RecordFate::Processed, was.processed, is.processed);
                tell(RecordFate::Duplicated, was.duplicates, is.duplicates);
                tell(RecordFate::Redelivered, was.redelivered, is.redelivered);
                tell(RecordFate::Lost, was.lost, is.lost);
                tell(RecordFate::Expired, was.expired, is.expired);
                state.told = is;
            }
            let members = self.topic.group(group);
            tell(RecordFate::Rebalanced, state.rounds, members.rounds());
            tell(RecordFate::Expelled, state.expelled, members.expelled());
            (state.rounds, state.expelled) = (members.rounds(), members.expelled());
            let present = self.topic.unread(group).min(u64::from(u32::MAX)) as u32;
            if present != state.backlog {
                state.backlog = present;
                cx.observe(Observation::Level { resource: backlog, present });
            }
            let present = if self.is_down {
                partitions
            } else {
                partitions - self.topic.group(group).partitions_read()
            };
            if present != state.stopped {
                state.stopped = present;
                cx.observe(Observation::Level { resource: build.stopped, present });
            }
        }
    }

    /// Says what changes with time alone.
    fn look<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        let now = cx.now();
        let mut level = |resource: ResourceId, value: u64| {
            let present = value.min(u64::from(u32::MAX)) as u32;
            cx.observe(Observation::Level { resource, present });
        };
        let mut backlog = (0, None);
        for (group, build) in self.build.groups.iter().enumerate() {
            let oldest = self.topic.oldest(group as u32);
            backlog = backlog.max((self.topic.unread(group as u32), oldest.map(std::cmp::Reverse)));
            level(build.age, oldest.map_or(0, |since| now.since(since).as_nanos() / 1_000_000));
            level(build.lag, self.topic.lag(group as u32));
        }
        // What an autoscaler sees is the group that is furthest behind.
        let (unread, oldest) = backlog;
        cx.show_backlog(unread.min(u64::from(u32::MAX)) as u32, oldest.map(|std::cmp::Reverse(since)| since));
        cx.timer(now + LOOK_EVERY, Timer { topic: LOOK, number: 0 });
    }

    /// The leaders of all partitions are lost, with whatever was on its way to them.
    fn lose_leaders<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        self.is_down = true;
        for partition in 0..self.replicas.len() as u32 {
            self.unacknowledged[partition as usize].clear();
            if let Election::Leads { end, .. } = self.replicas[partition as usize].lose_leader(cx.now()) {
                self.topic.truncate(partition, end);
            }
        }
        let spec = self.build.spec.producing;
        for sender in &mut self.senders {
            sender.producer = Producer::new(spec);
            sender.pending.clear();
            sender.blocked.clear();
        }
        for call in cx.calls_at(0) {
            if !self.works.contains_key(&call) {
                cx.forget_step(call);
                cx.call_mut(call).flags.take(Flags::IN_LINE);
                cx.lose(call);
            }
        }
    }
}

impl Node for Log {
    fn start<P: Probe>(&mut self, cx: &mut Context<'_, P>) {
        for group in 0..self.build.groups.len() as u32 {
            let GroupBuild { worker, instances, concurrency, .. } = &self.build.groups[group as usize];
            let (worker, instances, concurrency) = (*worker, *instances, *concurrency);
            for instance in (0..instances).filter(|i| cx.life(worker, *i) == Life::Up) {
                let first = u32::from(instance) * concurrency;
                for slot in first..first + concurrency {
                    self.topic.join(group, slot, SimTime::ZERO);
                }
            }
        }
        if !self.build.groups.is_empty() {
            self.look(cx);
        }
        self.settle(cx);
    }

    fn on_call<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        self.send(call, cx);
        self.settle(cx);
    }

    fn on_reply<P: Probe>(&mut self, call: CallId, outcome: Outcome, cx: &mut Context<'_, P>) {
        self.worked(call, outcome, cx);
        self.settle(cx);
    }

    fn on_limit<P: Probe>(&mut self, call: CallId, cx: &mut Context<'_, P>) {
        for sender in &mut self.senders {
            sender.pending.retain(|_, pending| pending.call != call);
        }
        cx.call_mut(call).flags.take(Flags::IN_LINE);
        let outcome = Outcome::error(503, cx.me(), Reason::QueueTimeout);
        cx.reply(call, outcome, 0);
    }

    fn on_timer<P: Probe>(&mut self, timer: Timer, cx: &mut Context<'_, P>) {
        let now = cx.now();
        // One that was set for a later time than another one after it finds that all is done.
        let due = match timer.topic {
            TICK => &mut self.wakes_at,
            PRODUCER => &mut self.senders[timer.number as usize].wakes_at,
            REPLICATED => &mut self.spreads_at[timer.number as usize],
            _ => return self.look(cx),
        };
        if now < *due {
            return;
        }
        *due = SimTime::MAX;
        match timer.topic {
            TICK => self.topic.tick(now),
            PRODUCER => self.produce(timer.number, cx),
            _ => self.spread(timer.number, cx),
        }
        self.settle(cx);
    }

    fn on_disturbance<P: Probe>(&mut self, instance: u16, what: Disturbance, cx: &mut Context<'_, P>) {
        match what {
            Disturbance::Consumer(worker) => self.watch(worker, instance, cx.life(worker, instance), cx),
            Disturbance::Lost => self.lose_leaders(cx),
            Disturbance::Restored => {
                self.is_down = false;
                for partition in 0..self.replicas.len() as u32 {
                    self.replicas[partition as usize].restore_leader();
                    self.spread(partition, cx);
                }
                for group in 0..self.groups.len() as u32 {
                    for slot in 0..self.groups[group as usize].slots.len() as u32 {
                        self.pull(group, slot, cx);
                    }
                }
            }
            Disturbance::Speed(_) | Disturbance::Draining | Disturbance::Flushed | Disturbance::Reset => {}
            Disturbance::Joined | Disturbance::Parted => {}
        }
        self.settle(cx);
    }
}
