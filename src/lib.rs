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
    clippy::float_cmp,
    clippy::needless_range_loop,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::match_same_arms,
    clippy::cast_possible_wrap,
    clippy::format_push_string,
    clippy::single_match_else,
    clippy::doc_markdown,
    clippy::semicolon_if_nothing_returned,
    clippy::needless_for_each,
    clippy::redundant_closure_for_method_calls
)]

pub mod base;
pub mod cli;
pub mod components;
pub mod document;
pub mod engine;
pub mod event_graph;
pub mod experiment;
pub mod faults;
pub mod kernel;
pub mod metrics;
pub mod queueing;
pub mod report;
pub mod scenario;
pub mod verdict;
pub mod workload;
