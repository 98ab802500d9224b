//! One integration binary, a module per promise.

mod cli;
mod floors;
mod invariants;
mod laws;
mod mistakes;
mod language;
mod model;
mod simulation;
mod theory;
