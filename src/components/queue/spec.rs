//! A queue, and whoever takes its messages, as proven.

use crate::base::random::{Distribution, Key};
use crate::base::{ComponentId, EntityId, ResourceId, SimDuration};
use crate::engine::SiteId;

/// When a message counts as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ack {
    /// When its work has succeeded.
    #[default]
    After,
    /// When a worker begins it: what was only prefetched is not.
    Before,
    /// When it is delivered.
    OnDelivery,
}

/// What follows when a consumer's connection breaks while it has messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Disconnect {
    /// They are delivered again at once.
    #[default]
    Redeliver,
    /// Nobody notices: they reappear when their lease ends.
    Wait,
}

/// What becomes of a message in a full queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// The oldest gives way.
    #[default]
    DropHead,
    /// The new one is refused.
    Reject,
    /// Its sender waits.
    Block,
}

/// Who is next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum QueueDiscipline {
    /// First come, first served.
    #[default]
    Fifo,
    /// Last come, first served.
    Lifo,
    /// Smallest `priority` of the request first.
    Priority,
}

/// How many messages an instance may hold without having acknowledged them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Prefetch {
    /// As many as it works on at once.
    #[default]
    Concurrency,
    /// So many.
    Limited(u32),
    /// All there are.
    Unlimited,
}

/// Pauses before a failed message is delivered again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RetryDelay {
    /// After the first failure.
    pub base: SimDuration,
    /// At most; the pause doubles with each failure.
    pub cap: SimDuration,
}

impl RetryDelay {
    /// The pause after so many deliveries.
    #[must_use]
    pub fn after(&self, receives: u32) -> SimDuration {
        let doubled = self.base.mul_f64(f64::from(receives.saturating_sub(1).min(60)).exp2());
        doubled.min(self.cap.max(self.base))
    }
}

/// A queue.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of a product")]
pub struct QueueSpec {
    /// When a message counts as done.
    pub ack: Ack,
    /// How long a delivered message stays with its consumer; none: as long as that lives.
    pub visibility: Option<SimDuration>,
    /// What follows when a consumer is gone.
    pub on_disconnect: Disconnect,
    /// How long a silent consumer counts as alive.
    pub heartbeat: SimDuration,
    /// Whether a message that is delivered again goes before those that came later.
    pub requeue_in_front: bool,
    /// Whether an acknowledgement that comes after the lease still removes the message.
    pub late_ack: bool,
    /// Messages of an instance.
    pub prefetch: Prefetch,
    /// Deliveries at most.
    pub max_receives: Option<u32>,
    /// Where it goes then; none: nowhere.
    pub dead_letter: Option<ComponentId>,
    /// Seconds before a message can be delivered.
    pub delay: Option<Distribution>,
    /// Pauses after failures; none: none, or the rest of the lease.
    pub retry_delay: Option<RetryDelay>,
    /// Who is next.
    pub discipline: QueueDiscipline,
    /// Messages about the same row of this entity keep their order, one at a time.
    pub group: Option<EntityId>,
    /// How long a message is kept from its publication on.
    pub ttl: Option<SimDuration>,
    /// Waiting messages at most.
    pub max_length: Option<u32>,
    /// What happens then.
    pub overflow: Overflow,
    /// Delivered and unacknowledged messages at most.
    pub max_in_flight: Option<u32>,
    /// Bytes of messages beyond which senders wait.
    pub memory: Option<u64>,
    /// Whether the sender hears what became of its message.
    pub confirm: bool,
    /// Seconds that publishing takes.
    pub publish_cost: Option<Distribution>,
    /// Messages that one sender publishes together, and how long the first waits for the others.
    pub batch: Option<(u32, SimDuration)>,
    /// Whether messages survive the broker's process.
    pub durable: bool,
}

impl Default for QueueSpec {
    fn default() -> Self {
        Self {
            ack: Ack::After,
            visibility: None,
            on_disconnect: Disconnect::Redeliver,
            heartbeat: SimDuration::from_secs(60),
            requeue_in_front: true,
            late_ack: true,
            prefetch: Prefetch::Concurrency,
            max_receives: None,
            dead_letter: None,
            delay: None,
            retry_delay: None,
            discipline: QueueDiscipline::Fifo,
            group: None,
            ttl: None,
            max_length: None,
            overflow: Overflow::DropHead,
            max_in_flight: None,
            memory: None,
            confirm: true,
            publish_cost: None,
            batch: None,
            durable: true,
        }
    }
}

/// What a component that works for a queue asks of it, as written at the worker.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerSpec {
    /// The queue.
    pub from: ComponentId,
    /// Messages of an instance, where the worker says so itself.
    pub prefetch: Option<Prefetch>,
    /// When a message counts as done, where the worker says so itself.
    pub ack: Option<Ack>,
    /// How often an instance extends the lease of what it works on.
    pub extend_every: Option<SimDuration>,
    /// How long an instance that found nothing waits before it asks again; none: messages come by themselves.
    pub poll: Option<SimDuration>,
    /// Longest time for one job, in seconds.
    pub timeout: Option<f64>,
    /// Whether it does nothing for a message whose work is done already.
    pub idempotent: bool,
    /// Messages whose work always fails: the share of all.
    pub poison: f64,
    /// Whether such a message kills the worker's process, and how long that takes to be back.
    pub poison_crash: Option<SimDuration>,
    /// Whether what an instance cannot finish when it is taken out goes back at once.
    pub requeue: bool,
    /// The pauses after failures, where the worker retries by itself.
    pub retry_delay: Option<RetryDelay>,
    /// Deliveries at most, where the worker says so itself.
    pub max_receives: Option<u32>,
}

/// A component that takes messages.
#[derive(Clone, Debug)]
pub struct ConsumerBuild {
    /// Which.
    pub component: ComponentId,
    /// The call site of deliveries.
    pub site: SiteId,
    /// Instances there can ever be.
    pub instances: u16,
    /// Messages of an instance.
    pub limit: u32,
    /// Its traits.
    pub spec: ConsumerSpec,
}

/// Everything that a running queue is made from.
#[derive(Clone, Debug)]
pub struct QueueBuild {
    /// What it is.
    pub spec: QueueSpec,
    /// Stands for those that wait.
    pub waiting: ResourceId,
    /// Stands for those in flight.
    pub in_flight: ResourceId,
    /// Who takes its messages.
    pub consumers: Vec<ConsumerBuild>,
    /// The call site to the dead-letter queue.
    pub dead_letter: Option<SiteId>,
    /// Its stream.
    pub key: Key,
}
