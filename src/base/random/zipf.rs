//! Zipf ranks over millions of rows in constant memory (rejection-inversion, Hörmann and Derflinger 1996).
use super::Draws;
/// Ranks 1..=n with probability proportional to rank^-exponent.
#[derive(Clone, Debug, PartialEq)]
pub struct Zipf {}
impl Zipf {
    /// A Zipf distribution over `n` (at least 1) ranks with exponent `exponent` (at least 0; 0 is uniform).
    #[must_use]
    pub fn new(n: u64, exponent: f64) -> Self {
        todo!("{n}{exponent}")
    }
    /// Draws a rank in 1..=n.
    pub fn sample(&self, draws: &mut Draws) -> u64 {
        todo!("{draws:?}")
    }
    /// The exact probability of `rank`.
    #[must_use]
    pub fn probability(&self, rank: u64) -> f64 {
        todo!("{rank}")
    }
}
