//! `kind: service`: instances with cores, workers and a backlog that run the endpoints' steps.

mod cache_step;
pub mod spec;
mod state;

pub use state::{ASK_AGAIN, Service};
