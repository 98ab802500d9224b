//! What is fixed before the first event: call sites with their policies, links, client traits.
//! A run reads it and never writes it.

use super::outcome::{Outcome, Reason};
use super::protection::{ClientThrottle, Hedge, RetryBudget};
use crate::base::random::{Distribution, Key, StreamName};
use crate::base::{ComponentId, EntityId, OperationId, ResourceId, SimDuration, ZoneId};

/// The stream of the sizes of rows.
const SIZES: StreamName = StreamName::new("size");
/// The stream of which rows are not there.
const ABSENCE: StreamName = StreamName::new("absent");

/// A place in a behaviour from which a call is made: an index into [`Plan::sites`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SiteId(pub u32);

/// A distribution together with the stream it is drawn from: one purpose of one component.
#[derive(Clone, Debug, PartialEq)]
pub enum Demand {
    /// Drawn anew at each visit.
    Drawn {
        /// Seconds, bytes or a count.
        distribution: Distribution,
        /// The purpose's stream; joined with the visit's luck.
        key: Key,
    },
    /// A named column of a replayed trace.
    Replayed(u16),
}

/// Which row a call is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowChoice {
    /// None in particular.
    None,
    /// The request's own row of the entity.
    Own(EntityId),
    /// A row that this call inserts; it becomes the request's own.
    New(EntityId),
}

/// Whom a call site calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// The component.
    pub component: ComponentId,
    /// Its operation, unless the site passes its caller's on.
    pub operation: OperationId,
    /// Its instances, among which a caller without a load balancer goes round robin.
    pub instances: u16,
    /// Where the caller's round-robin counters begin ([`Plan::rotors`] of them in all): one per caller instance.
    pub rotor: u32,
}

/// Spreads retries in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jitter {
    /// Exactly the backoff.
    None,
    /// Uniform on [0, backoff].
    Full,
    /// Half the backoff, and uniform on the other half.
    Equal,
    /// min(cap, uniform on [base, 3 x previous]).
    Decorrelated,
    /// The backoff times a uniform factor in 1 - p to 1 + p, p in percent: 20 in gRPC, 50 in resilience4j.
    Around(u8),
}

/// Which failures are tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RetryOn {
    /// The attempt timed out.
    pub timeout: bool,
    /// Any 5xx status.
    pub any_5xx: bool,
    /// The connection could not be made.
    pub unreachable: bool,
    /// These statuses.
    pub statuses: [u16; 6],
}

impl RetryOn {
    /// Whether `outcome` is to be tried again.
    #[must_use]
    pub fn matches(&self, outcome: Outcome) -> bool {
        match outcome.reason {
            Reason::Timeout if outcome.status == 0 || outcome.status == 504 => {
                self.timeout || self.statuses.contains(&504) && outcome.status == 504
            }
            Reason::Unreachable => self.unreachable || self.any_5xx,
            _ => {
                (self.any_5xx && outcome.status >= 500)
                    || outcome.status != 0 && self.statuses.contains(&outcome.status)
            }
        }
    }
}

/// How a failed attempt is repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first among them.
    pub attempts: u16,
    /// First pause.
    pub base: SimDuration,
    /// Longest pause.
    pub cap: SimDuration,
    /// Growth of the pause per retry.
    pub multiplier: f64,
    /// Spread.
    pub jitter: Jitter,
    /// Which failures.
    pub on: RetryOn,
    /// The budget as it is at the start; none: unlimited.
    pub budget: Option<RetryBudget>,
    /// Whether it waits at least as long as the answer asks for.
    pub honours_retry_after: bool,
    /// Whether a request that was sent goes again; if not, only one that never arrived does.
    pub repeats_sent: bool,
    /// The stream of the pauses.
    pub key: Key,
}

/// An impatient person: after `after` with probability `chance` gives the attempt up and asks again.
#[derive(Clone, Debug, PartialEq)]
pub struct Reload {
    /// Patience.
    pub after: SimDuration,
    /// Probability that patience ends, once per attempt.
    pub chance: f64,
    /// Reloads of one request at most.
    pub max: u16,
    /// The stream of the coin.
    pub key: Key,
}

/// Which instances are nearest to whom; a person stays with one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// By the caller's instance, or the region of a client.
    pub places: Vec<Vec<u16>>,
    /// The stream of the choice among equals.
    pub key: Key,
}

/// What a caller does while it waits, and where its calls go.
#[expect(clippy::struct_excessive_bools, reason = "independent traits of a site, each tested by itself")]
#[derive(Clone, Debug, PartialEq)]
pub struct CallSite {
    /// Who calls.
    pub caller: ComponentId,
    /// Whom.
    pub target: Target,
    /// What each operation of the caller is called at the target; empty: the target's one operation.
    pub operations: Vec<OperationId>,
    /// Told apart from other calls of the same visit by this; none for what merely passes a call on.
    pub salt: Option<Key>,
    /// Which row.
    pub row: RowChoice,
    /// Bytes sent along.
    pub size: Option<Demand>,
    /// What a call to a cache carries.
    pub item: Option<super::copies::Item>,
    /// Longest time for one attempt.
    pub timeout: Option<SimDuration>,
    /// Longest time for all attempts together.
    pub deadline: Option<SimDuration>,
    /// Repetition of failures.
    pub retry: Option<Retry>,
    /// Impatience (clients only).
    pub reload: Option<Reload>,
    /// The first of the caller's pools towards the target, one per caller instance.
    pub pool: Option<u32>,
    /// Pools of one caller instance: one for each member of the target.
    pub pool_width: u16,
    /// The target as its callers see it, where it has several members: an index into [`Plan::clusters`].
    pub cluster: Option<u32>,
    /// The circuit breakers of the site, one per caller instance: the first of them in [`Plan::breakers`].
    pub breaker: Option<u32>,
    /// Whether the caller keeps its own connection from one attempt or request to the next (clients only).
    pub keeps_alive: bool,
    /// Whether that connection carries many requests at once, so that giving one up leaves it open.
    pub multiplexed: bool,
    /// The throttles of the site, one per caller instance: the first of them in [`Plan::throttles`].
    pub throttle: Option<u32>,
    /// The bulkheads, likewise in [`Plan::bulkheads`].
    pub bulkhead: Option<u32>,
    /// The hedges, likewise in [`Plan::hedges`].
    pub hedge: Option<u32>,
    /// Whether the callee is told when the caller will have left.
    pub propagates: bool,
    /// Whether any of these four is in use, or a budget that counts what is under way.
    pub guarded: bool,
    /// Whether an abandoned attempt is cancelled at the server.
    pub cancels: bool,
    /// Whether that also stops work in progress.
    pub stops: bool,
    /// How often the server looks whether its client is still there, if it does.
    pub noticed_every: Option<SimDuration>,
    /// The site's first budget counter, if its retry has one.
    pub budget: u32,
    /// How often an outbox is looked at that stands beside the queue: its row is written whatever has become
    /// of the queue.
    pub outbox: Option<SimDuration>,
    /// Whether it sends a message about a row that was written before: if it fails, the row has none.
    pub after_write: bool,
    /// Whether all caller instances share that one, or each has its own.
    pub budget_is_shared: bool,
    /// By the caller's instance, or the region of a client: the instances of the target that are nearest.
    pub nearest: Option<Nearest>,
    /// Index into [`Plan::paths`]: the network between the two; none where it takes no time.
    pub path: Option<u32>,
    /// Whether the call passes on what its caller was told of rows (poolers).
    pub relays: bool,
    /// What it is to the transaction of its caller.
    pub in_transaction: super::transaction::InTransaction,
    /// Whether it is a statement that writes.
    pub writes: bool,
}

/// At most so many calls under way from one caller instance at one call site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkheadPlan {
    /// Calls at most.
    pub concurrent: u32,
    /// Callers that may wait for a place.
    pub line: u32,
    /// Longest wait for one; none: without limit.
    pub wait: Option<SimDuration>,
}

/// A pool of connections from one caller instance to one target.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlan {
    /// Its resource.
    pub resource: ResourceId,
    /// Connections at most.
    pub size: u32,
    /// Longest wait for one, in seconds; none: without limit.
    pub wait: Option<Demand>,
    /// Connections beyond `size` for whoever has waited so long.
    pub reserve: Option<(u32, SimDuration)>,
    /// Whether its caller pins connections to those who call it, lets them wait itself, and reports of both:
    /// then one is open for each of as many as the call says in [`super::Call::needed`].
    pub pinned: bool,
}

/// The network between a caller component and a target component, by their zones.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Zones of the caller's instances (index = instance modulo length).
    pub from: Vec<ZoneId>,
    /// Zones of the target's instances.
    pub to: Vec<ZoneId>,
    /// Round-trip time in seconds by (from zone, to zone); a message takes half of it.
    pub round_trips: Vec<(ZoneId, ZoneId, Demand)>,
    /// One-way latency in seconds of a link that takes the place of the zones' distance.
    pub one_way: Option<Demand>,
    /// Round-trip time in seconds between a client's device and the first router, on top.
    pub last_mile: Option<Demand>,
    /// Probability that a message loses a segment.
    pub loss: f64,
    /// The station of the link that questions take, and of the one that answers take, where bandwidth is limited.
    pub links: Option<[u32; 2]>,
    /// Round trips to set up a connection (TCP and TLS).
    pub set_up_round_trips: u32,
    /// Stream for coins of loss.
    pub key: Key,
}

/// A link whose bandwidth is shared by its transfers.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkPlan {
    /// Its resource.
    pub resource: ResourceId,
    /// Bytes per second.
    pub bandwidth: f64,
}

/// A condition on a request that depends on nothing but who its customer is (a header, a body field, a cookie).
#[derive(Clone, Debug, PartialEq)]
pub struct Trait {
    /// Per client population: the half-open range of a uniform draw in which the condition holds.
    pub holds: Vec<(ComponentId, f64, f64)>,
    /// The stream of that draw.
    pub key: Key,
}

/// Rows of an entity and who is popular among them.
#[derive(Clone, Debug)]
pub struct EntityPlan {
    /// Rows at the start.
    pub rows: u64,
    /// Rows added per second by the world outside of the scenario, as a share of the rows at the start.
    pub growth: f64,
    /// Ranks per second by which popularity wanders: the coldest row becomes the hottest, all others cool by one.
    pub drift: f64,
    /// Popularity of ranks.
    pub popularity: Popularity,
    /// The share of rows that do not exist until they are written: they are asked for in vain.
    pub absent: f64,
    /// Bytes of a row, if that is known.
    pub size: Option<Distribution>,
    /// The stream of the keys.
    pub key: Key,
}

impl EntityPlan {
    /// Bytes of a row: always the same for the same row.
    #[must_use]
    pub fn size_of(&self, row: u64) -> u64 {
        let size = self.size.as_ref();
        size.map_or(0, |size| size.sample(&mut self.key.named(SIZES).with(row).draws()) as u64)
    }

    /// Whether there is no such row before its first write. Rows that requests insert are there.
    #[must_use]
    pub fn lacks(&self, row: u64) -> bool {
        self.absent > 0.0 && row < self.rows && self.key.named(ABSENCE).with(row).draws().chance(self.absent)
    }

    /// Rows after `elapsed` seconds, without those that requests inserted.
    #[must_use]
    pub fn rows_at(&self, elapsed: f64) -> u64 {
        if self.growth == 0.0 {
            return self.rows;
        }
        let grown = self.rows as f64 * self.growth * elapsed;
        self.rows.saturating_add(grown as u64)
    }

    /// The place in the order of the start that holds `rank` (0 is the hottest) after `elapsed` seconds.
    #[must_use]
    pub fn drifted(&self, rank: u64, elapsed: f64) -> u64 {
        if self.drift == 0.0 {
            return rank;
        }
        let rows = self.rows.max(1);
        let cooled = (self.drift * elapsed) as u64 % rows;
        (rank % rows + rows - cooled) % rows
    }

    /// Whether the same customer would draw another row at another time.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        match &self.popularity {
            Popularity::Uniform => self.growth != 0.0,
            Popularity::Zipf { scatter, .. } => scatter.is_none() || self.drift != 0.0,
            Popularity::Trace(_) => true,
        }
    }
}

/// Which row a request is about.
#[derive(Clone, Debug)]
pub enum Popularity {
    /// Every row alike.
    Uniform,
    /// Zipf over ranks; `newest`: the newest rows are the most popular, else ranks are scattered over the rows.
    Zipf {
        /// Ranks.
        zipf: crate::base::random::Zipf,
        /// Rank to row; none where the newest rows are hottest.
        scatter: Option<crate::base::random::Permutation>,
    },
    /// The n-th request takes the n-th row of a recorded trace, over and over.
    Trace(std::sync::Arc<Vec<u64>>),
}

/// How many connections one component accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Its resource.
    pub resource: ResourceId,
    /// Connections at most.
    pub max: u32,
    /// Whether the component is told when some of them close ([`super::CONNECTIONS_CLOSED`]).
    pub told: bool,
}

/// The instances of a component, or the places that a client population sends from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// Instances at the start.
    pub start: u16,
    /// Instances there can ever be.
    pub most: u16,
}

/// Everything that is fixed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Call sites.
    pub sites: Vec<CallSite>,
    /// Pools.
    pub pools: Vec<PoolPlan>,
    /// Network paths.
    pub paths: Vec<Path>,
    /// Links with limited bandwidth.
    pub links: Vec<LinkPlan>,
    /// Conditions.
    pub traits: Vec<Trait>,
    /// Entities.
    pub entities: Vec<EntityPlan>,
    /// Columns of a replayed trace, in seconds: `replayed[column][row]`.
    pub replayed: std::sync::Arc<Vec<Vec<f64>>>,
    /// Round-robin counters in all.
    pub rotors: u32,
    /// Circuit breakers.
    pub breakers: Vec<super::protection::BreakerSettings>,
    /// Retry budgets as they are at the start.
    pub budgets: Vec<RetryBudget>,
    /// Throttles as they are at the start.
    pub throttles: Vec<ClientThrottle>,
    /// Bulkheads.
    pub bulkheads: Vec<BulkheadPlan>,
    /// Hedges as they are at the start.
    pub hedges: Vec<Hedge>,
    /// By component and client population: its instances.
    pub fleets: Vec<Fleet>,
    /// What goes wrong, and when.
    pub faults: Vec<super::fault::FaultPlan>,
    /// By component: how many connections it accepts, where that is limited; one limit for all its
    /// instances, or one for each.
    pub connections: Vec<Vec<ConnectionLimit>>,
    /// Databases of several members.
    pub clusters: Vec<super::cluster::ClusterPlan>,
    /// Which node of a cache keeps which row.
    pub spread: super::copies::Spread,
    /// Where a cache writes back what it has acknowledged: cache, entity, and its call site.
    pub write_backs: Vec<(ComponentId, EntityId, SiteId)>,
    /// Client populations that ask for the jobs that they have sent.
    pub polls: Vec<ComponentId>,
    /// Queues, each with a component that takes its messages: told whenever an instance comes or goes.
    pub consumers: Vec<(ComponentId, ComponentId)>,
    /// Where a cache itself fetches what it does not have.
    pub read_throughs: Vec<(ComponentId, EntityId, SiteId)>,
    /// Who follows the logs of databases.
    pub feeds: Vec<super::change_feed::FeedPlan>,
    /// Whether anything can read an old version, so that the ledger must remember the written rows.
    pub versions_matter: bool,
    /// How many of those that events are addressed to are components; client populations come after them.
    pub components: u16,
    /// What is counted only because it is paid for; none: nothing of that.
    pub metered: Option<super::metering::Metered>,
}
