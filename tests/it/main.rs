//! One integration binary, a module per promise.

mod cache;
mod caching;
mod callers;
mod cdn;
mod cli;
mod faults;
mod floors;

mod front_door;
mod fuzz;
mod invalid;
mod invariants;
mod language;
mod laws;
mod memory;
mod mistakes;
mod model;
mod overload;
mod protection;
mod scaling;
mod schema;
mod shipped;
mod simulation;
mod streams;
mod theory;
mod traces;
