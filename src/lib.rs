#![doc = include_str!("../ARCHITECTURE.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::pedantic)]
#![allow(
    clippy::module_name_repetitions,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    clippy::too_many_lines,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::similar_names,
    clippy::float_cmp
)]

pub mod base;
pub mod cli;
pub mod components;
pub mod document;
pub mod engine;
pub mod event_graph;
pub mod experiment;
pub mod kernel;
pub mod metrics;
pub mod queueing;
pub mod report;
pub mod scenario;
pub mod verdict;
pub mod workload;
