//! A service as proven: every name resolved, every number in range.

pub use super::cache_step::{CacheStep, Coalesce, Keeping, Layer, Message, WritePolicy};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::base::random::Key;
use crate::base::{ComponentId, EntityId, OperationId, ResourceId};
use crate::components::autoscaler::spec::{AutoscaleBuild, AutoscaleSpec};
use crate::components::cache::spec::LocalCacheSpec;
use crate::document::Place;
use crate::engine::protection::AdmissionSettings;
use crate::engine::protection::adaptive_concurrency::Rule;
use crate::engine::protection::rate_limit::RateLimit;
use crate::engine::{Demand, Program, RowChoice};
use crate::queueing::Discipline;

/// How many requests an instance has in hand at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slots {
    /// So many workers, each held by one request.
    Limited(u32),
    /// As many as come.
    Unlimited,
    /// As many as come, but one callback at a time per core, in order (Node.js).
    EventLoop,
}

/// Who is next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ServiceDiscipline {
    /// First come, first served.
    #[default]
    Fifo,
    /// Last come, first served.
    Lifo,
    /// Smallest `priority` first.
    Priority,
    /// Earliest deadline first.
    EarliestDeadline,
    /// All at once, each more slowly.
    ProcessorSharing,
}

impl ServiceDiscipline {
    /// The discipline of a waiting line under it.
    #[must_use]
    pub fn line(self) -> Discipline {
        match self {
            Self::Fifo | Self::ProcessorSharing => Discipline::Fifo,
            Self::Lifo => Discipline::Lifo,
            Self::Priority => Discipline::Priority,
            Self::EarliestDeadline => Discipline::EarliestDeadline,
        }
    }
}

/// A time or size: drawn, or a named column of a replayed trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// Drawn anew at each visit.
    Drawn(Distribution),
    /// The replayed request's own value.
    Replayed {
        /// Which column.
        column: u16,
        /// Its mean, for forecasts.
        mean: f64,
    },
}

impl Amount {
    /// The mean that a forecast uses.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Drawn(distribution) => distribution.mean(),
            Self::Replayed { mean, .. } => *mean,
        }
    }
}

/// What a caller does while it waits, as written on a step.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct CallOptions {
    /// Per attempt, in seconds.
    pub timeout: Option<f64>,
    /// Over all attempts, in seconds.
    pub deadline: Option<f64>,
    /// Repetition.
    pub retry: Option<RetrySpec>,
    /// Whether giving up reaches the server.
    pub cancel: bool,
    /// Whether it also stops what the server has begun.
    pub stop: bool,
    /// For a queue: the message is put into an outbox, which is looked at so often.
    pub outbox: Option<SimDuration>,
    /// Whether the callee is told when its caller will have left.
    pub propagate: bool,
    /// What keeps away attempts that would be refused.
    pub throttle: Option<crate::engine::protection::ClientThrottle>,
    /// Calls under way at once.
    pub bulkhead: Option<crate::engine::BulkheadPlan>,
    /// Copies of what is late.
    pub hedge: Option<HedgeSpec>,
    /// When calls are not made at all.
    pub breaker: Option<crate::engine::protection::BreakerSettings>,
}

impl CallOptions {
    /// These options, and those of `others` where nothing is written.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            timeout: self.timeout.or(others.timeout),
            deadline: self.deadline.or(others.deadline),
            retry: self.retry.or_else(|| others.retry.clone()),
            cancel: self.cancel || others.cancel,
            stop: self.stop || others.stop,
            outbox: self.outbox.or(others.outbox),
            propagate: self.propagate || others.propagate,
            throttle: self.throttle.or_else(|| others.throttle.clone()),
            bulkhead: self.bulkhead.or(others.bulkhead),
            hedge: self.hedge.or_else(|| others.hedge.clone()),
            breaker: self.breaker.or(others.breaker),
        }
    }
}

/// Copies of what is late.
#[derive(Clone, Debug, PartialEq)]
pub struct HedgeSpec {
    /// The rule, as it is when nothing was sent.
    pub hedge: crate::engine::protection::Hedge,
    /// Whether also calls that are not idempotent are copied.
    pub non_idempotent: bool,
}

/// Repetition of failures; the stream is added when the model is assembled.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySpec {
    /// Attempts in all.
    pub attempts: u16,
    /// First and longest pause in seconds.
    pub backoff: (f64, f64),
    /// Growth per retry.
    pub multiplier: f64,
    /// Spread.
    pub jitter: crate::engine::Jitter,
    /// Which failures.
    pub on: crate::engine::RetryOn,
    /// The budget as it is when nothing was sent.
    pub budget: Option<crate::engine::protection::RetryBudget>,
    /// Whether a pause is at least as long as the answer asked for.
    pub honour_retry_after: bool,
    /// Whether calls that are not idempotent are repeated once they were sent; not written: yes.
    pub non_idempotent: Option<bool>,
    /// Whether a key tells the callee which calls are repetitions, so that none of them does harm.
    pub idempotency_key: bool,
}

/// When a branch is taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// With this probability.
    Chance(f64),
    /// When the client's header or body field has this value.
    Customer {
        /// Name of the header or body field.
        name: String,
        /// Its value.
        value: String,
    },
    /// When the instance has more than this in hand: requests at it per worker, or jobs per core where nothing
    /// limits workers. What is served then counts as degraded.
    Load(f64),
}

/// One step of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A copy of a row.
    Cache(CacheStep),
    /// Work on the cores.
    Cpu(Amount),
    /// Time that holds the worker.
    Sleep(Amount),
    /// A disk token.
    Io(Amount),
    /// A call to a component's operation.
    Call {
        /// Whom.
        target: ComponentId,
        /// What.
        operation: OperationId,
        /// About which row.
        row: RowChoice,
        /// Bytes sent along.
        size: Option<Amount>,
        /// While waiting.
        options: CallOptions,
        /// Steps that run instead of an error.
        on_error: Option<Vec<Step>>,
        /// Whether those steps make a degraded answer.
        fallback: bool,
    },
    /// Branches at once.
    Parallel {
        /// Successes needed.
        needed: u16,
        /// The branches.
        branches: Vec<Vec<Step>>,
        /// Steps that run instead of an error.
        on_error: Option<Vec<Step>>,
        /// Whether those steps make a degraded answer.
        fallback: bool,
    },
    /// One way or the other.
    If {
        /// When.
        test: Test,
        /// Steps if so.
        then: Vec<Step>,
        /// Steps if not.
        otherwise: Vec<Step>,
    },
    /// Steps under the lock of the request's row.
    Lock {
        /// Of which entity.
        entity: EntityId,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Statements that are committed together.
    Transaction(TransactionSpec),
    /// Steps that are undone one by one if a later one fails.
    Saga(Vec<SagaStep>),
    /// Reading a body.
    Receive {
        /// Bytes.
        size: Amount,
        /// Bytes per second of the uplink.
        uplink: Option<f64>,
    },
    /// The answer.
    Reply {
        /// Status.
        status: u16,
        /// Bytes.
        size: Option<Amount>,
        /// `Retry-After`, in milliseconds; 0: none.
        retry_after: u32,
    },
}

/// Statements that one database commits together.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionSpec {
    /// Which database.
    pub database: ComponentId,
    /// Whom its statements ask: the database, or a pooler before it.
    pub front: ComponentId,
    /// Attempts in all, where the database itself has rolled it back.
    pub attempts: u16,
    /// First and longest pause before another attempt.
    pub backoff: (SimDuration, SimDuration),
    /// What is done between its beginning and its commit.
    pub steps: Vec<Step>,
}

/// A step of a saga.
#[derive(Clone, Debug, PartialEq)]
pub struct SagaStep {
    /// What is done.
    pub steps: Vec<Step>,
    /// What undoes it.
    pub undo: Vec<Step>,
}

/// An endpoint and what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Its name, such as `GET /v1/feed`.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Seconds after its arrival by which a request wants its answer, where its caller told no deadline.
    pub due: Option<f64>,
}

/// Connections to one target.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// Whom.
    pub target: ComponentId,
    /// Connections per instance.
    pub size: u32,
    /// Longest wait in seconds; none: without limit.
    pub wait: Option<Distribution>,
}

/// Requests per time that are let in; the others are turned away, or wait.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimitSpec {
    /// The limit as it is when nothing has come.
    pub limit: RateLimit,
    /// Whether all instances share one, or each has its own.
    pub shared: bool,
    /// The answer to those turned away.
    pub status: u16,
    /// Whether that answer says after how many seconds to come again.
    pub retry_after: bool,
}

/// Workers that start when they are needed and end when they have been idle for long.
#[derive(Clone, Debug, PartialEq)]
pub struct ColdStartSpec {
    /// How long a start takes, in seconds.
    pub takes: Distribution,
    /// How long an idle one stays.
    pub idle: SimDuration,
}

/// Who is taken out of the line for a worker, so that others are served in time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ShedSpec {
    /// `CoDel`: target and interval.
    pub codel: Option<(SimDuration, SimDuration)>,
    /// Adaptive LIFO: the wait granted in a line that stands, and that granted otherwise, which is also how
    /// long a line must not have been empty to stand.
    pub adaptive_lifo: Option<(SimDuration, SimDuration)>,
    /// Whoever has waited longer when its turn comes is not served.
    pub max_age: Option<SimDuration>,
    /// In a full line a newcomer takes the place of the last one of the lowest class.
    pub lowest_first: bool,
}

/// `Retry-After` of a service's refusals by whoever refuses, in milliseconds; 0: not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RetryAfter {
    /// The line for a worker: it is full, or the wait too long.
    pub line: u32,
    /// Shedding.
    pub shed: u32,
    /// The concurrency limit.
    pub limit: u32,
    /// Admission control.
    pub admission: u32,
}

/// Memory of an instance, beyond which its process is killed.
#[derive(Clone, Debug, PartialEq)]
pub struct MemorySpec {
    /// Bytes at most.
    pub limit: f64,
    /// Bytes with nothing in hand.
    pub base: f64,
    /// Bytes of each request in hand.
    pub request: Distribution,
    /// Seconds until a killed process serves again.
    pub restart: f64,
}

/// How an instance that has just begun is slower than later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmSpec {
    /// Times as long at first.
    pub slowdown: f64,
    /// Seconds until it is no slower.
    pub over: f64,
}

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSpec {
    /// The queue that it takes its work from, as a worker: its one endpoint is that work.
    /// Instances at the start.
    pub instances: u16,
    /// How their number follows what is measured.
    pub autoscale: Option<AutoscaleSpec>,
    /// Cores per instance.
    pub cores: f64,
    /// Cores' worth of time that an instance may use in each period of 100 ms.
    pub cpu_limit: Option<f64>,
    /// Memory of an instance.
    pub memory: Option<MemorySpec>,
    /// Places for instances of a rollout beside `instances`.
    pub surge: u16,
    /// Requests in hand.
    pub workers: Slots,
    /// Waiting for a worker at most; none: unbounded.
    pub backlog: Option<u32>,
    /// Listen queue, where the product bounds that.
    pub accept_queue: Option<u32>,
    /// Longest wait for a worker, in seconds.
    pub max_wait: Option<Distribution>,
    /// Who is next.
    pub discipline: ServiceDiscipline,
    /// Whether a smaller class interrupts a larger one.
    pub preemptive: bool,
    /// Whether a worker is given back while its request waits for another component.
    pub release_while_waiting: bool,
    /// Disk operations at once; none: unlimited.
    pub io: Option<u32>,
    /// Caches inside each instance.
    pub local_caches: Vec<LocalCacheSpec>,
    /// Requests per time that are let in.
    pub rate_limit: Option<RateLimitSpec>,
    /// What keeps the line for a worker short.
    pub shed: Option<ShedSpec>,
    /// The rule of each instance's limit on requests in hand.
    pub concurrency: Option<Rule>,
    /// Refusals as successes become rare.
    pub admission: Option<AdmissionSettings>,
    /// Work on the cores for each request that is turned away, in seconds.
    pub reject_cost: Option<Distribution>,
    /// When those who are turned away may come again.
    pub retry_after: RetryAfter,
    /// What a start costs.
    pub warm: Option<WarmSpec>,
    /// Workers that start when they are needed.
    pub cold_start: Option<ColdStartSpec>,
    /// Pools.
    pub pools: Vec<PoolSpec>,
    /// Endpoints; a worker's one is its job.
    pub endpoints: Vec<Endpoint>,
    /// The queue that its calls come from, if it is a worker.
    pub consumes: Option<crate::components::queue::spec::ConsumerSpec>,
}

impl ServiceSpec {
    /// Instances that there can ever be.
    #[must_use]
    pub fn most(&self) -> u16 {
        let bound = |autoscale: &AutoscaleSpec| autoscale.bounds[1].max(self.instances);
        self.autoscale.as_ref().map_or(self.instances.saturating_add(self.surge), bound)
    }

    /// Cores' worth of work that all instances can do, those of a rollout left out.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        let each = self.cpu_limit.map_or(self.cores, |limit| limit.min(self.cores));
        each * f64::from(self.most() - if self.autoscale.is_some() { 0 } else { self.surge })
    }

    /// Workers that limit something: under processor sharing they are a capacity that only sleeping uses.
    #[must_use]
    pub fn limiting_workers(&self) -> Option<u32> {
        let Slots::Limited(n) = self.workers else { return None };
        let shared = self.discipline == ServiceDiscipline::ProcessorSharing;
        (!shared || self.endpoints.iter().any(|e| sleeps(&e.steps))).then_some(n)
    }
}

fn sleeps(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Sleep(_) => true,
        Step::Call { on_error, .. } => on_error.as_ref().is_some_and(|steps| sleeps(steps)),
        Step::Parallel { branches, on_error, .. } => {
            branches.iter().chain(on_error).any(|steps| sleeps(steps))
        }
        Step::If { then, otherwise, .. } => sleeps(then) || sleeps(otherwise),
        Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => sleeps(steps),
        Step::Saga(saga) => saga.iter().any(|step| sleeps(&step.steps) || sleeps(&step.undo)),
        Step::Cache(step) => sleeps(step.beyond()),
        Step::Cpu(_) | Step::Io(_) | Step::Receive { .. } | Step::Reply { .. } => false,
    })
}

/// The resources of one instance.
#[derive(Clone, Copy, Debug)]
pub struct InstanceResources {
    /// Worker slots.
    pub workers: ResourceId,
    /// Cores.
    pub cpu: ResourceId,
    /// Disk tokens.
    pub io: ResourceId,
    /// Its CPU quota.
    pub quota: ResourceId,
    /// Its memory.
    pub memory: ResourceId,
    /// Its own caches.
    pub store: Option<ResourceId>,
}

/// What guards are made from.
#[derive(Clone, Debug)]
pub struct GuardBuild {
    /// The rule of the limit on requests in hand.
    pub concurrency: Option<Rule>,
    /// Refusals as successes become rare.
    pub admission: Option<AdmissionSettings>,
    /// By instance: the limit as a resource, if there is one.
    pub limits: Vec<ResourceId>,
    /// Their stream.
    pub key: Key,
}

/// Everything that a running service is made from.
#[derive(Clone, Debug)]
pub struct ServiceBuild {
    /// What it is.
    pub spec: ServiceSpec,
    /// What it does.
    pub program: Program,
    /// The resources of each instance.
    pub resources: Vec<InstanceResources>,
    /// Its row locks.
    pub locks: ResourceId,
    /// By local cache: for how long it keeps an item.
    pub local_ttls: Vec<Option<Demand>>,
    /// The stream of whatever its caches draw.
    pub key: crate::base::random::Key,
    /// Its patience in the line for a worker.
    pub max_wait: Option<Demand>,
    /// How long the start of a worker takes.
    pub cold_start: Option<Demand>,
    /// Who may come in at all.
    pub guards: Option<GuardBuild>,
    /// Memory of each request in hand.
    pub request_memory: Option<Demand>,
    /// The resource that stands for the instances of a fleet that changes.
    pub fleet: ResourceId,
    /// Its autoscaler, and the resource that stands for its instances.
    pub autoscale: Option<(AutoscaleBuild, ResourceId)>,
}
