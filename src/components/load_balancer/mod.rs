//! `kind: load_balancer`: layer 7, one decision per request. Several instances each have their own view.

pub mod algorithm;
pub mod health;
pub mod spec;
mod state;
mod watch;

pub use algorithm::{Algorithm, Ties};
pub use state::LoadBalancer;
