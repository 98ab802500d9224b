//! Floor 4: a scenario's text becomes a model, with every mistake reported at its place.

pub mod yaml;
