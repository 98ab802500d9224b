//! One integration binary, a module per promise.

mod cli;
mod floors;
mod invalid;
mod language;
mod model;
mod schema;
mod simulation;
mod theory;
