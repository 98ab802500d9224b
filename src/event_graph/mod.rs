//! Floor 5: a model becomes what runs: steps are lowered to programs, names to call sites, and every
//! resource gets its number.

mod assemble;
mod forecast;
mod lower;
mod paths;

pub use assemble::{Assembly, assemble, catalog};
pub use forecast::{Forecast, ForecastRow, forecast};
