//! One integration binary, a module per promise.

mod cache;
mod cli;
mod floors;
mod model;
mod simulation;
mod theory;
