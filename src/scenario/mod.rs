//! Floor 4: a scenario's text becomes a model, with every mistake reported at its place.

pub mod axis;
mod beside;
mod clients;
mod components;
mod effects;
mod faults;
mod fields;
mod network;
mod prices;

pub mod merge;
pub mod model;
pub mod presets;
mod reading;
pub mod schema;
pub mod setting;
pub mod spelt_out;
pub mod sweep;
mod trace;
pub mod vocabulary;
pub mod yaml;

pub use beside::Beside;
pub use network::{LinkSpec, NetworkSpec, Spot};
pub use reading::{Files, read_model};
