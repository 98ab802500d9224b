//! How popular rows are: the exponent of a finite Zipf law, and how many rows there are.
//!
//! Rules: keys are counted by a hash; of more than [`MOST_KEYS`] a half is kept, by the hash, and so on, so
//! that those that are kept are counted whole (spatial sampling, Waldspurger et al. 2015). The exponent is the
//! maximum-likelihood one of a Zipf law over the ranks whose keys were seen often enough for their order to be
//! known; the number of rows is that with which the law gives as many different keys as were seen.

use std::hash::{BuildHasher as _, Hasher as _};

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::base::random::Key;

/// Keys of one entity that are counted.
const MOST_KEYS: usize = 200_000;

/// A key seen so often has a rank that can be believed.
const OFTEN: u32 = 25;

/// The least number of such keys.
const FEWEST_RANKS: usize = 20;

/// The most rows that are looked for.
const MOST_ROWS: f64 = 1e9;

/// Counts of keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    counts: FxHashMap<u64, u32>,
    /// Only hashes whose lowest bits are all zero are kept.
    bits: u32,
    seen: u64,
}

impl Keys {
    pub(super) fn add(&mut self, key: &str) {
        self.seen += 1;
        let mut hasher = FxBuildHasher.build_hasher();
        hasher.write(key.as_bytes());
        // Mixed again, since the lowest bits are looked at.
        let hash = Key::root(hasher.finish(), 0).draws().bits();
        if hash.trailing_zeros() < self.bits {
            return;
        }
        *self.counts.entry(hash).or_insert(0) += 1;
        if self.counts.len() > MOST_KEYS {
            self.bits += 1;
            let bits = self.bits;
            self.counts.retain(|hash, _| hash.trailing_zeros() >= bits);
        }
    }

    pub(super) fn finish(&self, name: String) -> EntityFit {
        let mut counts: Vec<u32> = self.counts.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let scale = libm::exp2(f64::from(self.bits));
        let different = counts.len() as f64 * scale;
        let known = counts.iter().take_while(|count| **count >= OFTEN).count();
        let draws: f64 = counts.iter().map(|count| f64::from(*count)).sum();
        let uniform = (counts.len() > 1).then(|| {
            let mean = draws / counts.len() as f64;
            let sum: f64 =
                counts.iter().map(|c| (f64::from(*c) - mean) * (f64::from(*c) - mean) / mean).sum();
            sum / (counts.len() as f64 - 1.0)
        });
        let popularity = match uniform {
            // Counts that vary as lots do, with each key seen often.
            Some(dispersion) if dispersion < 1.2 && known == counts.len() => Popularity::Uniform,
            _ if known >= FEWEST_RANKS => {
                let exponent = exponent(&counts[..known]);
                Popularity::Zipf {
                    exponent,
                    ranks: known,
                    rows: rows(counts.len() as f64, draws, exponent) * scale,
                }
            }
            _ => Popularity::Unknown,
        };
        EntityFit { name, seen: self.seen, different, popularity }
    }
}

/// The exponent that makes counts by rank the most likely, of a Zipf law over these ranks.
fn exponent(counts: &[u32]) -> f64 {
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let logs: Vec<f64> = (1..=counts.len()).map(|rank| libm::log(rank as f64)).collect();
    let seen: f64 = counts.iter().zip(&logs).map(|(count, log)| f64::from(*count) * log).sum::<f64>() / total;
    // The mean of ln(rank) under the law falls as the exponent grows; the likelihood is greatest where it is
    // what was seen.
    let mean = |exponent: f64| {
        let (mut weight, mut sum) = (0.0, 0.0);
        for log in &logs {
            let p = libm::exp(-exponent * log);
            weight += p;
            sum += p * log;
        }
        sum / weight
    };
    let (mut low, mut high) = (0.0, 5.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if mean(middle) > seen { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The number of rows with which so many draws of a Zipf law see so many different ones.
fn rows(different: f64, draws: f64, exponent: f64) -> f64 {
    let (mut low, mut high) = (libm::log(different.max(1.0)), libm::log(MOST_ROWS));
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if expected_different(libm::exp(middle), draws, exponent) < different {
            low = middle
        } else {
            high = middle
        }
    }
    libm::round(libm::exp(0.5 * (low + high)))
}

/// Ranks and the width of the stretch that each stands for: all at first, then a hundred to an octave.
fn ranks(rows: f64) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = (1..=1000.min(rows as u64)).map(|rank| (rank as f64, 1.0)).collect();
    let step = libm::exp2(0.01);
    let mut from = 1000.5;
    while from < rows + 0.5 {
        let to = (from * step).min(rows + 0.5);
        all.push((0.5 * (from + to), to - from));
        from = to;
    }
    all
}

fn expected_different(rows: f64, draws: f64, exponent: f64) -> f64 {
    let ranks = ranks(rows);
    let weight = |rank: f64| libm::pow(rank, -exponent);
    let total: f64 = ranks.iter().map(|(rank, width)| weight(*rank) * width).sum();
    ranks.iter().map(|(rank, width)| -libm::expm1(-draws * weight(*rank) / total) * width).sum()
}

/// How popular rows are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// A Zipf law.
    Zipf {
        /// Its exponent.
        exponent: f64,
        /// Ranks that it rests on.
        ranks: usize,
        /// Rows in all.
        rows: f64,
    },
    /// Too few keys were seen often enough.
    Unknown,
}

/// What the keys of an entity say.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityFit {
    /// Its name, from the segment before the key.
    pub name: String,
    /// Requests that name one.
    pub seen: u64,
    /// Different keys seen.
    pub different: f64,
    /// How popular they are.
    pub popularity: Popularity,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{StreamName, Zipf};

    #[test]
    fn the_exponent_and_the_number_of_rows_come_back() {
        for (rows, alpha, draws) in
            [(2_000_u64, 0.8, 200_000_u64), (50_000, 1.0, 300_000), (500_000, 1.2, 200_000)]
        {
            let zipf = Zipf::new(rows, alpha);
            let stream = Key::root(7, 0).named(StreamName::new("test"));
            let mut keys = Keys::default();
            for draw in 0..draws {
                keys.add(&zipf.sample(&mut stream.with(draw).draws()).to_string());
            }
            let found = keys.finish("item".to_owned());
            let Popularity::Zipf { exponent, rows: n, .. } = found.popularity else { panic!("{found:?}") };
            assert!((exponent - alpha).abs() < 0.05, "{exponent} for {alpha}");
            assert!((n / rows as f64 - 1.0).abs() < 0.35, "{n} for {rows} at {alpha}");
        }
    }

    #[test]
    fn equal_keys_are_uniform_and_few_say_nothing() {
        let stream = Key::root(3, 0).named(StreamName::new("test"));
        let mut keys = Keys::default();
        (0..50_000).for_each(|draw| keys.add(&stream.with(draw).draws().below(100).to_string()));
        assert_eq!(keys.finish("item".to_owned()).popularity, Popularity::Uniform);
        let mut keys = Keys::default();
        (0..1_000).for_each(|draw| keys.add(&draw.to_string()));
        assert_eq!(keys.finish("item".to_owned()).popularity, Popularity::Unknown);
    }
}
