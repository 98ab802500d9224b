//! `kind: database`: members with cores, disk, a write-ahead log, row locks and connections each.

mod background;
pub mod buffer_pool;
pub mod capacity_units;
mod commit;
mod copies;
mod failover;
mod member;
mod replicas;
mod replication;
mod reshard;
mod scatter;
mod sessions;
pub mod spec;
mod state;
pub mod two_phase_commit;
mod working_set;

pub use state::Database;
