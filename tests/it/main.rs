//! One integration binary, a module per promise.

mod cache;
mod cli;
mod floors;
mod invariants;
mod language;
mod laws;
mod memory;
mod mistakes;
mod model;
mod simulation;
mod theory;
