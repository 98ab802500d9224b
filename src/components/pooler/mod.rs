//! `kind: pooler`: a process between services and a database that lends them few connections.

pub mod spec;
mod state;

pub use state::Pooler;
