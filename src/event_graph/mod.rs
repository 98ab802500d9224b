//! Floor 5: a model becomes what runs: steps are lowered to programs, names to call sites, and every
//! resource gets its number.

mod assemble;
mod bill;
mod call_graph;
mod faults;
mod forecast;
mod inventory;
mod lower;
mod lower_cache;
mod lower_transaction;
mod nodes;
mod paths;
mod queue_warnings;
mod sites;
mod warm_caches;
mod warnings;

pub use assemble::{Assembly, assemble};
pub use call_graph::CallGraph;
pub use forecast::{Forecast, ForecastRow, forecast};
pub use inventory::catalog;
pub use warnings::warnings;
