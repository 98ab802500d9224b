//! `kind: database`: one node with cores, disk, a write-ahead log, row locks and connections.

pub mod spec;
mod state;

pub use state::Database;
