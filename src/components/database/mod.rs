//! `kind: database`: members with cores, disk, a write-ahead log, row locks and connections each.

mod failover;
mod member;
mod replicas;
mod replication;
pub mod spec;
mod state;

pub use state::Database;
