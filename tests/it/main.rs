//! One integration binary, a module per promise.

mod bad_days;
mod cache;
mod cache_nodes;
mod caching;
mod callers;
mod cdn;
mod cli;
mod compare;
mod copies;
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
mod plan;
mod protection;
mod replicas;
mod scaling;
mod schema;
mod shards;
mod shipped;
mod simulation;
mod sweep;
mod theory;
mod traces;
