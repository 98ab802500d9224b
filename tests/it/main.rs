//! One integration binary, a module per promise.

mod cli;
mod floors;
mod invariants;
mod language;
mod laws;
mod mistakes;
mod model;
mod simulation;
mod theory;
