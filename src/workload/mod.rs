//! Floor 3: who sends requests, how many, and when.

mod arrivals;
mod profile;
mod source;

pub use arrivals::{ArrivalProcess, Arrivals};
pub use profile::{Base, Profile, Spike};
pub use source::{ClientBuild, Loop, MixEntry, ReplayRow, Source};
