//! Randomness with names: every draw belongs to a stream that is found by hashing what it is for,
//! so that adding a component, or changing a server count, changes nobody else's luck
//! (common random numbers).

mod distribution;
mod permutation;
mod stream;
mod zipf;

pub use distribution::Distribution;
pub use permutation::Permutation;
pub use stream::{Draws, Key, StreamName};
pub use zipf::Zipf;
