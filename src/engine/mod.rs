//! Floor 2: the contract of a component. Requests visit components as calls; components hold
//! resources for them; whoever calls on waits by a policy; everything that happens is observed.

mod backoff;
mod call;
mod call_policy;
mod change_feed;
mod cluster;
mod conditions;
mod context;
mod copies;
mod copy_context;
pub mod deadlock;
mod event;
mod fault;
mod guard;
mod job;
mod layout;
mod ledger;
mod lock_table;
mod membership;
mod meter;
mod metering;
mod network;
mod node;
mod outcome;
pub mod partitioner;
mod plan;
mod pool;
mod probe;
mod program;
pub mod protection;
mod quota;
mod request;
mod sharding;
mod station;
mod transaction;
mod world;

pub use call::{ANY_INSTANCE, Call, CallId, Flags};
pub use change_feed::{CHANGES, Change, FeedPlan};
pub use cluster::{BUFFER_TIMER, Cluster, ClusterPlan, ReadRoute};
pub use conditions::{Group, Life};
pub use context::{CallBalance, Context};
pub use copies::{Item, MOST_ENTITIES, Nodes, Placement, Seen, Spread, Terms, Verb};
pub use event::{Event, Limit, Signal, Timer, Withdrawal};
pub use fault::{Disturbance, Effect, FaultPlan};
pub use job::{Job, JobId};
pub use layout::Layout;
pub use ledger::{Ledger, Staleness};
pub use lock_table::LockTable;
pub use metering::Metered;
pub use node::Node;
pub use outcome::{Outcome, Reason};
pub use plan::{
    BulkheadPlan, CallSite, ConnectionLimit, Demand, EntityPlan, Fleet, Jitter, LinkPlan, Nearest, Path,
    Plan, PoolPlan, Popularity, Reload, Retry, RetryOn, RowChoice, SiteId, Target, Trait,
};
pub use pool::CONNECTIONS_CLOSED;
pub use probe::{
    Blind, Fate, Finished, Found, LAG_UNIT, Observation, Probe, RecordFate, Transacted, Written,
};
pub use program::{Condition, CopyOp, KeepMode, Op, Pc, Program, TransactionOp};
pub use quota::PERIOD;
pub use request::{Reader, Request, RequestId};
pub use sharding::{ShardRoute, Sharding};
pub use station::{Cores, Seized, Station};
pub use transaction::{InTransaction, ROLLBACK_TIMER};
pub use world::{Footprint, Limits, Stopped, World};
