//! One integration binary, a module per promise.

mod cli;
mod floors;
mod memory;
mod model;
mod simulation;
mod theory;
