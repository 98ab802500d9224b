//! Floor 5: a model becomes what runs: steps are lowered to programs, names to call sites, and every
//! resource gets its number.

mod assemble;
mod call_graph;
mod forecast;
mod lower;
mod warnings;

pub use assemble::{Assembly, assemble, catalog};
pub use call_graph::CallGraph;
pub use forecast::{Forecast, ForecastRow, forecast};
pub use warnings::warnings;
