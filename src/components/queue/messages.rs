//! The messages of a work queue and what becomes of each: a pure state machine.
//!
//! Whatever happens is told as a [`Fact`], in order; the node observes facts and acts on them. A message
//! keeps its place until it has ended *and* the last delivery of it has, so that work done twice is seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::agenda::{Agenda, Slot, What};
use super::broker::{Broker, Delivery, Failure};
use super::spec::{Ack, Disconnect, QueueDiscipline, QueueSpec};
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, SimDuration, SimTime};
use crate::engine::{Fate, JobId};
use crate::kernel::{Handle, Slab};

/// Names a message while it, or a delivery of it, is there.
pub type MessageId = Handle;

/// What a message carries: what its request knew when it was sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Content {
    /// The luck of the request, so that the keys it would draw are the same.
    pub luck: Key,
    /// Tells messages of one request apart.
    pub number: u64,
    /// Rows that the request inserted or was told.
    pub rows: Vec<(EntityId, u64)>,
    /// Whose request it was.
    pub client: ComponentId,
    /// The request's note (a row of a replayed trace).
    pub note: u32,
    /// Its class.
    pub priority: u8,
    /// Bytes.
    pub bytes: u64,
    /// The row that its group is about.
    pub group: Option<u64>,
    /// Intended start of the request.
    pub started: SimTime,
    /// The job that the client asks for.
    pub job: JobId,
}

/// Where a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Not published yet.
    Outbox,
    /// Cannot be delivered yet.
    Delayed,
    /// Behind others of its group.
    Held,
    /// Can be delivered.
    Ready,
    /// With a consumer.
    InFlight,
    /// On its way to the dead-letter queue.
    Moving,
    /// It has ended; deliveries of it go on.
    Ended,
}

#[derive(Clone, Debug)]
struct Message {
    content: Content,
    place: Place,
    published: SimTime,
    /// Its place in the line.
    order: u64,
    /// When it last became ready.
    since: SimTime,
    receives: u32,
    /// The newest delivery; of older ones an acknowledgement is late.
    receipt: u32,
    /// Receipts below this are of a connection that is gone.
    floor: u32,
    /// Deliveries that go on.
    running: u32,
    /// Whether its work has succeeded once.
    done: bool,
    /// When its newest delivery began, and how often its consumer extends the lease, while it lives; before it
    /// is published, how often the outbox is looked at.
    taken: SimTime,
    extends: Option<SimDuration>,
    due: Option<Slot>,
    expires: Option<Slot>,
}

/// Something that happened to a message.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fact {
    /// It met this.
    Fate(Fate),
    /// It waited so long until it was delivered.
    Waited(SimDuration),
    /// Its work succeeded for the first time: its job, and when its request had started.
    Done(JobId, SimTime),
    /// It has ended: nobody needs its job through it.
    Ended(JobId),
    /// It is to go to the dead-letter queue.
    Move(MessageId),
    /// It is to be published from the outbox.
    Relay(MessageId),
}

/// Messages published, by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Taken over from senders.
    pub published: u64,
    /// Done.
    pub acked: u64,
    /// In the dead-letter queue.
    pub dead_lettered: u64,
    /// Kept too long.
    pub expired: u64,
    /// Given way, or delivered too often.
    pub dropped: u64,
    /// Gone without their work.
    pub lost: u64,
    /// Waiting.
    pub waiting: u64,
    /// With a consumer, or on their way to the dead-letter queue.
    pub in_flight: u64,
}

impl Balance {
    /// Whether every message is accounted for.
    #[must_use]
    pub fn holds(&self) -> bool {
        let ended = self.acked + self.dead_lettered + self.expired + self.dropped + self.lost;
        self.published == ended + self.waiting + self.in_flight
    }
}

/// The messages of a queue.
#[derive(Clone, Debug)]
pub struct Messages {
    spec: QueueSpec,
    kept: Slab<Message>,
    /// By class and place in the line.
    ready: BTreeMap<(u8, u64), MessageId>,
    /// By publication: everybody who waits, for the age of the oldest.
    waiting: BTreeSet<(SimTime, MessageId)>,
    /// Behind the one message of each group that can be delivered or is in flight.
    groups: FxHashMap<u64, VecDeque<MessageId>>,
    agenda: Agenda,
    orders: u64,
    bytes: u64,
    balance: Balance,
    facts: VecDeque<Fact>,
}

impl Messages {
    /// No messages yet.
    #[must_use]
    pub fn new(spec: QueueSpec) -> Self {
        Self {
            spec,
            kept: Slab::new(),
            ready: BTreeMap::new(),
            waiting: BTreeSet::new(),
            groups: FxHashMap::default(),
            agenda: Agenda::default(),
            orders: 1 << 32,
            bytes: 0,
            balance: Balance::default(),
            facts: VecDeque::new(),
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn spec(&self) -> &QueueSpec {
        &self.spec
    }

    /// The next thing that happened and was not told yet.
    pub fn next_fact(&mut self) -> Option<Fact> {
        self.facts.pop_front()
    }

    /// Messages by what became of them.
    #[must_use]
    pub fn balance(&self) -> Balance {
        self.balance
    }

    /// When the oldest of those that wait was published.
    #[must_use]
    pub fn oldest(&self) -> Option<SimTime> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// Bytes of all messages that have not ended.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Places for messages that were ever needed at once.
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.kept.high_water()
    }

    /// Whether no further message may wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.spec.max_length.is_some_and(|most| self.balance.waiting >= u64::from(most))
    }

    /// Whether senders have to wait for memory.
    #[must_use]
    pub fn is_short_of_memory(&self) -> bool {
        self.spec.memory.is_some_and(|most| self.bytes >= most)
    }

    /// What a message carries.
    #[must_use]
    pub fn content(&self, id: MessageId) -> Option<&Content> {
        self.kept.get(id).map(|message| &message.content)
    }

    /// Deliveries of a message so far.
    #[must_use]
    pub fn receives(&self, id: MessageId) -> u32 {
        self.kept.get(id).map_or(0, |message| message.receives)
    }

    /// Whether the work of a message has succeeded already.
    #[must_use]
    pub fn is_done(&self, id: MessageId) -> bool {
        self.kept.get(id).is_some_and(|message| message.done)
    }

    /// When something is to happen next.
    #[must_use]
    pub fn next_due(&self) -> Option<SimTime> {
        self.agenda.next()
    }

    fn insert(&mut self, content: Content, place: Place, now: SimTime) -> MessageId {
        self.orders += 1;
        self.kept.insert(Message {
            content,
            place,
            published: now,
            order: self.orders,
            since: now,
            receives: 0,
            receipt: 0,
            floor: 0,
            running: 0,
            done: false,
            taken: now,
            extends: None,
            due: None,
            expires: None,
        })
    }

    /// Takes a message over, to be delivered after `delay`. In a full queue the head gives way.
    pub fn publish(&mut self, content: Content, delay: SimDuration, now: SimTime) -> MessageId {
        let id = self.insert(content, Place::Outbox, now);
        self.take_over(id, delay, now);
        id
    }

    /// A message that never gets in, and whose sender does not hear of it.
    pub fn publish_in_vain(&mut self, job: JobId) {
        self.balance.published += 1;
        self.balance.dropped += 1;
        self.facts.extend([Fact::Fate(Fate::Published), Fact::Fate(Fate::Dropped), Fact::Ended(job)]);
    }

    /// Puts a message into an outbox that is looked at so often.
    pub fn post(&mut self, content: Content, every: SimDuration, now: SimTime) {
        let id = self.insert(content, Place::Outbox, now);
        if let Some(message) = self.kept.get_mut(id) {
            message.extends = Some(every.max(SimDuration::from_millis(1)));
        }
        self.relay_later(id, now);
    }

    /// The outbox is looked at again after its interval.
    pub fn relay_later(&mut self, id: MessageId, now: SimTime) {
        let Some(every) = self.kept.get(id).and_then(|message| message.extends) else { return };
        let slot = self.agenda.add(now + every, What::Relay, id);
        if let Some(message) = self.kept.get_mut(id) {
            message.due = Some(slot);
        }
    }

    /// Publishes what is there but not published.
    pub fn take_over(&mut self, id: MessageId, delay: SimDuration, now: SimTime) {
        if self.is_full() {
            self.drop_head(now);
        }
        let Some(message) = self.kept.get_mut(id) else { return };
        message.published = now;
        self.bytes += message.content.bytes;
        self.balance.published += 1;
        self.facts.push_back(Fact::Fate(Fate::Published));
        if let Some(ttl) = self.spec.ttl {
            message.expires = Some(self.agenda.add(now + ttl, What::Expire, id));
        }
        let group = message.content.group;
        self.balance.waiting += 1;
        self.waiting.insert((now, id));
        let message = &mut self.kept[id];
        if let Some(group) = group {
            if let Some(behind) = self.groups.get_mut(&group) {
                message.place = Place::Held;
                behind.push_back(id);
                return;
            }
            self.groups.insert(group, VecDeque::new());
        }
        self.settle_in(id, delay, now);
    }

    /// A message that waits becomes ready, at once or later.
    fn settle_in(&mut self, id: MessageId, delay: SimDuration, now: SimTime) {
        if delay.is_zero() {
            return self.make_ready(id, now);
        }
        let slot = self.agenda.add(now + delay, What::Ready, id);
        let message = &mut self.kept[id];
        message.place = Place::Delayed;
        message.due = Some(slot);
    }

    fn ready_key(&self, message: &Message) -> (u8, u64) {
        match self.spec.discipline {
            QueueDiscipline::Fifo => (0, message.order),
            QueueDiscipline::Lifo => (0, u64::MAX - message.order),
            QueueDiscipline::Priority => (message.content.priority, message.order),
        }
    }

    fn make_ready(&mut self, id: MessageId, now: SimTime) {
        let message = &mut self.kept[id];
        message.place = Place::Ready;
        message.since = now;
        let key = self.ready_key(&self.kept[id]);
        self.ready.insert(key, id);
    }

    fn forget_due(&mut self, id: MessageId) {
        if let Some(slot) = self.kept.get_mut(id).and_then(|message| message.due.take()) {
            self.agenda.remove(slot);
        }
    }

    /// Takes a message out of wherever it is.
    fn take_out(&mut self, id: MessageId) {
        self.forget_due(id);
        let Some(message) = self.kept.get(id) else { return };
        match message.place {
            Place::Ready => {
                let key = self.ready_key(message);
                self.ready.remove(&key);
            }
            Place::Held => {
                let group = message.content.group.unwrap_or(0);
                if let Some(behind) = self.groups.get_mut(&group) {
                    behind.retain(|other| *other != id);
                }
            }
            _ => {}
        }
        match message.place {
            Place::Ready | Place::Held | Place::Delayed => {
                self.balance.waiting -= 1;
                self.waiting.remove(&(message.published, id));
            }
            Place::InFlight | Place::Moving => self.balance.in_flight -= 1,
            Place::Outbox | Place::Ended => {}
        }
    }

    /// A message ends in this way.
    fn end(&mut self, id: MessageId, fate: Fate, now: SimTime) {
        let Some(message) = self.kept.get(id) else { return };
        let (was, group, bytes, job) =
            (message.place, message.content.group, message.content.bytes, message.content.job);
        if was == Place::Ended {
            return;
        }
        self.take_out(id);
        self.bytes -= bytes;
        let counter = match fate {
            Fate::Acked => &mut self.balance.acked,
            Fate::DeadLettered => &mut self.balance.dead_lettered,
            Fate::Expired => &mut self.balance.expired,
            Fate::Dropped => &mut self.balance.dropped,
            _ => &mut self.balance.lost,
        };
        *counter += 1;
        self.facts.extend([Fact::Fate(fate), Fact::Ended(job)]);
        let message = &mut self.kept[id];
        message.place = Place::Ended;
        if let Some(slot) = message.expires.take() {
            self.agenda.remove(slot);
        }
        if let Some(group) = group
            && was != Place::Held
        {
            self.pass_on(group, now);
        }
        self.free(id);
    }

    /// The next of a group takes the place of the one that has left.
    fn pass_on(&mut self, group: u64, now: SimTime) {
        let Some(behind) = self.groups.get_mut(&group) else { return };
        match behind.pop_front() {
            Some(next) => self.make_ready(next, now),
            None => {
                self.groups.remove(&group);
            }
        }
    }

    fn free(&mut self, id: MessageId) {
        if self.kept.get(id).is_some_and(|m| m.place == Place::Ended && m.running == 0) {
            self.kept.remove(id);
        }
    }

    /// The oldest message that waits gives way.
    fn drop_head(&mut self, now: SimTime) {
        if let Some(id) = self.waiting.first().map(|(_, id)| *id) {
            self.end(id, Fate::Dropped, now);
        }
    }

    /// A message that is no consumer's any more waits again, unless it was delivered too often.
    fn give_back(&mut self, id: MessageId, after: SimDuration, now: SimTime) {
        self.forget_due(id);
        let Some(message) = self.kept.get_mut(id) else { return };
        if message.place != Place::InFlight {
            return;
        }
        if self.spec.max_receives.is_some_and(|most| message.receives >= most) {
            if self.spec.dead_letter.is_some() {
                message.place = Place::Moving;
                self.facts.push_back(Fact::Move(id));
            } else {
                self.end(id, Fate::Dropped, now);
            }
            return;
        }
        if self.spec.ttl.is_some_and(|ttl| now >= message.published + ttl) {
            return self.end(id, Fate::Expired, now);
        }
        if !self.spec.requeue_in_front {
            self.orders += 1;
            message.order = self.orders;
        }
        self.balance.in_flight -= 1;
        self.balance.waiting += 1;
        self.waiting.insert((message.published, id));
        message.extends = None;
        self.settle_in(id, after, now);
    }

    /// The dead-letter queue has taken a message, or not: then it is tried again after `pause`.
    pub fn moved(&mut self, id: MessageId, taken: bool, now: SimTime) -> bool {
        let is_moving = self.kept.get(id).is_some_and(|message| message.place == Place::Moving);
        if is_moving && taken {
            self.end(id, Fate::DeadLettered, now);
        }
        is_moving && !taken
    }

    /// A consumer finds that it has done the work of a delivery before, and takes the message off.
    pub fn forget(&mut self, delivery: Delivery, now: SimTime) {
        let Some(message) = self.kept.get_mut(delivery.message) else { return };
        message.running = message.running.saturating_sub(1);
        self.end(delivery.message, Fate::Acked, now);
    }

    /// Everything that waits is thrown away.
    pub fn purge(&mut self, now: SimTime) {
        let all: Vec<MessageId> = self.waiting.iter().map(|(_, id)| *id).collect();
        for id in all {
            self.end(id, Fate::Dropped, now);
        }
    }

    /// The broker's process dies. What is not durable is lost; deliveries go on at their consumers, whose
    /// acknowledgements nobody takes any more.
    pub fn break_down(&mut self, now: SimTime) {
        let all: Vec<(MessageId, Place)> = self.kept.iter().map(|(id, m)| (id, m.place)).collect();
        for (id, place) in all {
            let durable = self.spec.durable;
            match place {
                Place::Outbox | Place::Ended => {}
                Place::InFlight => {
                    if self.spec.ack != Ack::After {
                        continue;
                    }
                    if let Some(message) = self.kept.get_mut(id) {
                        message.floor = message.receipt + 1;
                    }
                    if durable {
                        self.give_back(id, SimDuration::ZERO, now);
                    } else {
                        self.end(id, Fate::Lost, now);
                    }
                }
                // It is in memory until the other queue has it.
                Place::Moving | Place::Delayed | Place::Held | Place::Ready => {
                    if !durable {
                        self.end(id, Fate::Lost, now);
                    }
                }
            }
        }
    }

    /// When the lease of a delivery ends whose consumer lives, or died at `until`.
    fn lease(&self, message: &Message, until: SimTime) -> Option<SimTime> {
        let visibility = self.spec.visibility?;
        let extended = message.extends.filter(|every| !every.is_zero()).map_or(SimDuration::ZERO, |every| {
            let passed = until.since(message.taken).as_nanos();
            SimDuration::from_nanos(passed / every.as_nanos() * every.as_nanos())
        });
        Some(message.taken + extended + visibility)
    }

    /// An entry of the agenda is due.
    fn happen(&mut self, what: What, id: MessageId, now: SimTime) {
        let Some(message) = self.kept.get_mut(id) else { return };
        match what {
            What::Relay => {
                message.due = None;
                self.facts.push_back(Fact::Relay(id));
            }
            What::Ready => {
                message.due = None;
                self.make_ready(id, now);
            }
            What::Expire => {
                message.expires = None;
                // What a consumer has is its; it expires when it comes back.
                if matches!(message.place, Place::Ready | Place::Held | Place::Delayed) {
                    self.end(id, Fate::Expired, now);
                }
            }
            What::Visible => {
                message.due = None;
                let lease = self.lease(&self.kept[id], now);
                match lease.filter(|until| *until > now) {
                    Some(until) => {
                        let slot = self.agenda.add(until, What::Visible, id);
                        self.kept[id].due = Some(slot);
                    }
                    None => self.give_back(id, SimDuration::ZERO, now),
                }
            }
        }
    }
}

impl Broker for Messages {
    fn take(&mut self, extends: Option<SimDuration>, now: SimTime) -> Option<Delivery> {
        if self.spec.max_in_flight.is_some_and(|most| self.balance.in_flight >= u64::from(most)) {
            return None;
        }
        let (_, id) = self.ready.pop_first()?;
        let message = &mut self.kept[id];
        self.waiting.remove(&(message.published, id));
        self.balance.waiting -= 1;
        self.balance.in_flight += 1;
        message.place = Place::InFlight;
        message.receives += 1;
        message.receipt += 1;
        message.running += 1;
        message.taken = now;
        message.extends = extends;
        let (receipt, wait) = (message.receipt, now.since(message.since));
        if message.receives > 1 {
            self.facts.push_back(Fact::Fate(Fate::Redelivered));
        }
        self.facts.push_back(Fact::Waited(wait));
        if self.spec.ack == Ack::After
            && let Some(until) = self.lease(&self.kept[id], now)
        {
            let slot = self.agenda.add(until, What::Visible, id);
            self.kept[id].due = Some(slot);
        }
        Some(Delivery { message: id, receipt })
    }

    fn ack(&mut self, delivery: Delivery, now: SimTime) -> bool {
        let id = delivery.message;
        let Some(message) = self.kept.get_mut(id) else { return false };
        message.running = message.running.saturating_sub(1);
        let first = !std::mem::replace(&mut message.done, true);
        if first {
            self.facts.push_back(Fact::Done(message.content.job, message.content.started));
        } else {
            self.facts.push_back(Fact::Fate(Fate::Duplicate));
        }
        let newest = delivery.receipt == message.receipt && message.place == Place::InFlight;
        let counts = delivery.receipt >= message.floor && (newest || self.spec.late_ack);
        if counts && !matches!(message.place, Place::Moving | Place::Ended) {
            self.end(id, Fate::Acked, now);
        } else {
            self.free(id);
        }
        first
    }

    fn fail(&mut self, delivery: Delivery, how: Failure, now: SimTime) {
        let id = delivery.message;
        let Some(message) = self.kept.get_mut(id) else { return };
        message.running = message.running.saturating_sub(1);
        let receives = message.receives;
        if delivery.receipt != message.receipt || message.place != Place::InFlight {
            return self.free(id);
        }
        let early = match self.spec.ack {
            Ack::After => false,
            Ack::Before => how != Failure::LostUnbegun,
            Ack::OnDelivery => true,
        };
        let pause = self.spec.retry_delay.map(|delay| delay.after(receives));
        match (how, pause) {
            // A worker that lives tries again by itself, whatever it has acknowledged.
            (Failure::Failed, Some(pause)) => self.give_back(id, pause, now),
            (Failure::HandedBack, _) => self.give_back(id, SimDuration::ZERO, now),
            _ if early => self.end(id, Fate::Lost, now),
            _ if self.spec.on_disconnect == Disconnect::Redeliver || self.spec.visibility.is_none() => {
                self.give_back(id, SimDuration::ZERO, now);
            }
            _ => {
                // The lease runs from the last time it was extended.
                let until = self.lease(&self.kept[id], now).unwrap_or(now);
                self.forget_due(id);
                let slot = self.agenda.add(until.max(now), What::Visible, id);
                let message = &mut self.kept[id];
                message.due = Some(slot);
                message.extends = None;
                // `lease` counts from here once nobody extends it.
                if let Some(visibility) = self.spec.visibility {
                    message.taken = SimTime::ZERO + (until.since(SimTime::ZERO) - visibility);
                }
            }
        }
    }

    fn due(&mut self, now: SimTime) -> Option<SimTime> {
        while let Some((what, id)) = self.agenda.pop(now) {
            self.happen(what, id, now);
        }
        self.agenda.next()
    }
}
