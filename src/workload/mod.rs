//! Floor 3: who sends requests, how many, and when.

mod arrivals;
mod connections;
mod mix;
mod polls;
mod profile;
mod source;

pub use arrivals::{ArrivalProcess, Arrivals};
pub use connections::ConnectionSpec;
pub use mix::{Mix, MixEntry, ReadBack, Regions};
pub use polls::Poll;
pub use profile::{Base, Profile, Spike};
pub use source::{ClientBuild, Loop, ReplayRow, Source};
