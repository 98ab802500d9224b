//! `kind: load_balancer`: layer 7, one decision per request. Several instances each have their own view.

mod algorithm;
pub mod spec;
mod state;

pub use algorithm::{Algorithm, Ties};
pub use state::LoadBalancer;
