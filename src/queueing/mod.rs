//! Floor 1: waiting lines and processor sharing, the two ways to hold a server, and the formulas
//! that they are checked against.

pub mod formulas;
mod processor_sharing;
mod waiting_line;

pub use processor_sharing::{Contention, ProcessorSharing};
pub use waiting_line::{Discipline, WaitingLine};
