//! `kind: database`: members with cores, disk, a write-ahead log, row locks and connections each.

mod member;
pub mod spec;
mod state;

pub use state::Database;
