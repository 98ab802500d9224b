//! One integration binary, a module per promise.

mod cli;
mod floors;
mod model;
mod simulation;
mod theory;
