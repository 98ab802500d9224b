//! Floor 4: a scenario's text becomes a model, with every mistake reported at its place.

mod beside;
mod clients;
mod components;
mod fields;
mod network;

pub mod merge;
pub mod model;
mod reading;
mod trace;
pub mod yaml;

pub use beside::Beside;
pub use network::{LinkSpec, NetworkSpec, Spot};
pub use reading::{Files, read_model};
