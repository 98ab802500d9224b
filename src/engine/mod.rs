//! Floor 2: the contract of a component. Requests visit components as calls; components hold
//! resources for them; whoever calls on waits by a policy; everything that happens is observed.

mod backoff;
mod call;
mod call_policy;
mod conditions;
mod context;
mod copies;
mod event;
mod fault;
mod guard;
mod ledger;
mod lock_table;
mod membership;
mod meter;
mod network;
mod node;
mod outcome;
mod plan;
mod pool;
mod probe;
mod program;
pub mod protection;
mod request;
mod station;
mod world;

pub use call::{ANY_INSTANCE, Call, CallId, Flags};
pub use conditions::{Group, Life};
pub use context::{CallBalance, Context};
pub use copies::{Item, MOST_ENTITIES, Nodes, Placement, Seen, Spread, Verb};
pub use event::{Event, Limit, Signal, Timer, Withdrawal};
pub use fault::{Disturbance, Effect, FaultPlan};
pub use ledger::{Ledger, Staleness};
pub use lock_table::LockTable;
pub use node::Node;
pub use outcome::{Outcome, Reason};
pub use plan::{
    BulkheadPlan, CallSite, ConnectionLimit, Demand, EntityPlan, Fleet, Jitter, LinkPlan, Path, Plan,
    PoolPlan, Popularity, Reload, Retry, RetryOn, RowChoice, SiteId, Target, Trait,
};
pub use probe::{Blind, Finished, Found, Observation, Probe, RecordFate};
pub use program::{Condition, Op, Pc, Program};
pub use request::{Request, RequestId};
pub use station::{Cores, Seized, Station};
pub use world::{Footprint, Limits, Stopped, World};
