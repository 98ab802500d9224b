//! One integration binary, a module per promise.

mod cli;
mod floors;
mod language;
mod model;
mod simulation;
mod theory;
