//! Floor 7: the results, told: on the terminal, as JSON, as CSV and Parquet, and into files.
//!
//! Rule: nothing here computes a result anew. What is derived (the headline, the bottleneck, the warnings)
//! is derived once, and the text and the JSON say the same.

mod bottleneck;
mod cache_study;
pub mod chart;
mod columns;
mod copies_section;
mod csv;
mod dynamics;
mod files;
mod headline;
mod json;
mod moment;
mod parquet;
mod quantity;
mod run_picture;
mod table;
mod text;
mod text_sections;
mod warnings;

pub use bottleneck::{Bottleneck, bottleneck};
pub use cache_study::CacheReport;
pub use csv::csv;
pub use dynamics::{Back, Dynamics, dynamics};
pub use files::{folder_name, write_whole};
pub use headline::headline;
pub use json::{document, json};
pub use moment::explain_moment;
pub use parquet::parquet;
pub use quantity::{count, duration, estimate, quantity};
pub use run_picture::run_picture;
pub use text::{TextStyle, text};
pub use warnings::warnings;

#[cfg(test)]
mod fixture;
