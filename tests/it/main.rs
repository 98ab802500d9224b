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
mod cost;
mod faults;
mod fit;
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
mod queues;
mod replicas;
mod scaling;
mod schema;
mod shards;
mod shipped;
mod simulation;
mod streams;
mod sweep;
mod theory;
mod traces;
