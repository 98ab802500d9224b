//! Floor 7: the results, told: on the terminal, as JSON, as CSV and Parquet, and into files.
//!
//! Rule: nothing here computes a result anew. What is derived (the headline, the bottleneck, the warnings)
//! is derived once, and the text and the JSON say the same.

mod bottleneck;
mod cache_study;
pub mod chart;
mod check;
mod columns;
mod comparison;
mod copies_section;
mod cost_section;
mod csv;
mod dynamics;
mod files;
mod fitted;
mod github;
mod headline;
mod json;
mod junit;
mod markdown;
mod moment;
mod parquet;
mod plan;
mod quantity;
mod run_picture;
mod saved;
mod sweep;
mod table;
mod text;
mod text_sections;
mod transactions_section;
mod warnings;
mod why;
mod xml;

pub use bottleneck::{Bottleneck, bottleneck};
pub use cache_study::CacheReport;
pub use check::{Check, State, checks};
pub use comparison::{ComparisonReport, comparison_markdown, overlay_picture, pareto_picture};
pub use csv::csv;
pub use dynamics::{Back, Dynamics, dynamics};
pub use files::{folder_name, write_whole};
pub use fitted::{fitted_scenario, fitted_summary};
pub use github::github;
pub use headline::headline;
pub use json::{document, json};
pub use junit::junit;
pub use markdown::run_markdown;
pub use moment::explain_moment;
pub use parquet::parquet;
pub use plan::{Goal, PlanReport, PlannedDesign, plan_picture};
pub use quantity::{count, duration, estimate, quantity};
pub use run_picture::run_picture;
pub use saved::{looks_saved, read_saved};
pub use sweep::{
    SweepPoint, SweepReport, USUAL_METRICS, keep_judged, keep_point, load_judged, load_point, point_key,
    point_path, sweep_csv, sweep_parquet, sweep_pictures,
};
pub use text::{TextStyle, text};
pub use warnings::warnings;
pub use why::{Why, why};

#[cfg(test)]
mod fixture;
