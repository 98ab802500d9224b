//! Which shard keeps a row: by ranges of keys, by hash, on a ring of virtual nodes, or by a directory.
//!
//! Every way goes through *logical* shards: a key belongs to one for ever, and a table says which
//! physical shard has each. Growing moves logical shards, never single keys:
//!
//! - *range*: `bounds` cut the keys into ranges; ranges lie on shards in order, neighbours together.
//! - *hash*: without `logical`, the hash modulo the number of shards, so growing from n to m keeps a key
//!   only where both remainders agree (its logical shards are the remainders by the least common multiple of n and m);
//!   with it, so many logical shards dealt in turn, of which growing moves as few as it can (Citus, Vitess).
//! - *consistent*: points on a ring (Karger et al. 1997), `virtual_nodes` of each shard; a logical shard is
//!   the arc before a point. A shard that joins takes arcs from all others and moves nothing else.
//! - *directory*: as hash with `logical`, but the table was filled by load instead of in turn: the heaviest
//!   logical shard first, each to the shard with the least (Graham's LPT rule, 1969).
//!
//! Hashes are those of [`Key`], not the products' own: shares agree in law, not key by key.

use crate::base::random::{Key, StreamName};

const KEYS: Key = Key::root(0, 0).named(StreamName::new("hash of a sharding key"));
const POINTS: Key = Key::root(0, 0).named(StreamName::new("point of a shard"));

/// How keys are divided.
#[derive(Clone, Debug, PartialEq)]
pub enum Partitioning {
    /// The first key of every range but the first, ascending.
    Range(Vec<u64>),
    /// By hash; `logical` shards, or as many as there are physical ones.
    Hash {
        /// Logical shards.
        logical: Option<u32>,
    },
    /// On a ring, with so many points for each shard.
    Consistent {
        /// Points of one shard.
        virtual_nodes: u32,
    },
    /// By hash, placed by load.
    Directory {
        /// Logical shards.
        logical: u32,
    },
}

/// A logical shard goes from one physical shard to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The logical shard.
    pub logical: u32,
    /// Who has it.
    pub from: u16,
    /// Who is to have it.
    pub to: u16,
}

/// The way to a row's shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Partitioner {
    how: Partitioning,
    /// Physical shard of each logical one.
    owner: Vec<u16>,
    /// Physical shards once a planned growth is done.
    grown: Vec<u16>,
    /// Ends of arcs on the ring, ascending.
    ring: Vec<u64>,
}

/// The hash of a sharding key.
#[must_use]
pub fn hash_of(key: u64) -> u64 {
    KEYS.with(key).bits()
}

impl Partitioner {
    /// `shards` physical shards (at least 1), to grow to `most` later (the same if never). `weight` says what
    /// share of the load a logical shard has, for a directory.
    #[must_use]
    pub fn new(how: Partitioning, shards: u16, most: u16, weight: impl Fn(u32) -> f64) -> Self {
        let (shards, most) = (shards.max(1), most.max(shards).max(1));
        let mut ring = Vec::new();
        let (owner, grown) = match &how {
            Partitioning::Range(bounds) => {
                let ranges = bounds.len() + 1;
                let deal = |shards: u16| {
                    let shard = |range: usize| (range * usize::from(shards) / ranges) as u16;
                    (0..ranges).map(shard).collect()
                };
                (deal(shards), deal(most))
            }
            Partitioning::Hash { logical: None } => {
                let all = least_common_multiple(u32::from(shards), u32::from(most));
                let deal = |shards: u16| (0..all).map(|l| (l % u32::from(shards)) as u16).collect();
                (deal(shards), deal(most))
            }
            Partitioning::Hash { logical: Some(logical) } => {
                let owner: Vec<u16> = (0..*logical).map(|l| (l % u32::from(shards)) as u16).collect();
                let grown = levelled(&owner, shards, most, |_| 1.0);
                (owner, grown)
            }
            Partitioning::Consistent { virtual_nodes } => {
                let mut points: Vec<(u64, u16)> = (0..most)
                    .flat_map(|shard| (0..*virtual_nodes).map(move |node| (shard, node)))
                    .map(|(s, node)| (POINTS.with(u64::from(s)).with(u64::from(node)).bits(), s))
                    .collect();
                points.sort_unstable();
                ring = points.iter().map(|(point, _)| *point).collect();
                let clockwise = |from: usize, shards: u16| {
                    let (before, after) = points.split_at(from);
                    let mut owners = after.iter().chain(before).map(|(_, shard)| *shard);
                    owners.find(|shard| *shard < shards).unwrap_or(0)
                };
                let deal = |shards: u16| (0..points.len()).map(|at| clockwise(at, shards)).collect();
                (deal(shards), deal(most))
            }
            Partitioning::Directory { logical } => {
                let owner = by_load(*logical, shards, &weight);
                let grown = levelled(&owner, shards, most, &weight);
                (owner, grown)
            }
        };
        Self { how, owner, grown, ring }
    }

    /// Logical shards.
    #[must_use]
    pub fn logical_shards(&self) -> u32 {
        self.owner.len() as u32
    }

    /// The logical shard of a key.
    #[must_use]
    pub fn logical_of(&self, key: u64) -> u32 {
        match &self.how {
            Partitioning::Range(bounds) => bounds.partition_point(|first| *first <= key) as u32,
            Partitioning::Hash { .. } | Partitioning::Directory { .. } => {
                (hash_of(key) % self.owner.len() as u64) as u32
            }
            Partitioning::Consistent { .. } => {
                let at = self.ring.partition_point(|point| *point < hash_of(key));
                (at % self.ring.len().max(1)) as u32
            }
        }
    }

    /// The physical shard of a key.
    #[must_use]
    pub fn shard_of(&self, key: u64) -> u16 {
        self.owner_of(self.logical_of(key))
    }

    /// The physical shard that has a logical one.
    #[must_use]
    pub fn owner_of(&self, logical: u32) -> u16 {
        self.owner.get(logical as usize).copied().unwrap_or(0)
    }

    /// All physical shards, from the one that has a logical shard on, in the order of the logical ones after it.
    #[must_use]
    pub fn owners_from(&self, logical: u32) -> Vec<u16> {
        let mut owners: Vec<u16> = Vec::new();
        let from = logical as usize % self.owner.len().max(1);
        for owner in self.owner[from..].iter().chain(&self.owner[..from]) {
            if !owners.contains(owner) {
                owners.push(*owner);
            }
        }
        owners
    }

    /// Gives a logical shard to another physical one.
    pub fn place(&mut self, logical: u32, shard: u16) {
        if let Some(owner) = self.owner.get_mut(logical as usize) {
            *owner = shard;
        }
    }

    /// What growing still has to move, in order of logical shards.
    #[must_use]
    pub fn moves(&self) -> Vec<Move> {
        let both = self.owner.iter().zip(&self.grown).enumerate();
        let moves = both.filter(|(_, (from, to))| from != to);
        moves.map(|(logical, (from, to))| Move { logical: logical as u32, from: *from, to: *to }).collect()
    }

    /// The share of all keys, each as likely as any other, that lie in a logical shard, if `keys` of them
    /// are numbered from 0.
    #[must_use]
    pub fn share_of(&self, logical: u32, keys: u64) -> f64 {
        let keys = keys.max(1);
        match &self.how {
            Partitioning::Range(bounds) => {
                let at = logical as usize;
                let first = at.checked_sub(1).and_then(|i| bounds.get(i)).copied().unwrap_or(0).min(keys);
                let end = bounds.get(at).copied().unwrap_or(u64::MAX).min(keys);
                end.saturating_sub(first) as f64 / keys as f64
            }
            Partitioning::Hash { .. } | Partitioning::Directory { .. } => 1.0 / self.owner.len() as f64,
            Partitioning::Consistent { .. } => {
                let at = logical as usize % self.ring.len().max(1);
                let Some(end) = self.ring.get(at) else { return 1.0 };
                let before = at.checked_sub(1).unwrap_or(self.ring.len() - 1);
                if self.ring.len() == 1 {
                    return 1.0;
                }
                end.wrapping_sub(self.ring[before]) as f64 / 2_f64.powi(64)
            }
        }
    }

    /// The share of all keys on a physical shard.
    #[must_use]
    pub fn share_of_shard(&self, shard: u16, keys: u64) -> f64 {
        let own = self.owner.iter().enumerate().filter(|(_, owner)| **owner == shard);
        own.map(|(logical, _)| self.share_of(logical as u32, keys)).sum()
    }
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a.max(1), b.max(1));
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a.max(1) / x * b.max(1)
}

/// The heaviest first, each to the shard that has the least.
fn by_load(logical: u32, shards: u16, weight: &impl Fn(u32) -> f64) -> Vec<u16> {
    let weights: Vec<f64> = (0..logical).map(weight).collect();
    let mut order: Vec<u32> = (0..logical).collect();
    order.sort_by(|a, b| weights[*b as usize].total_cmp(&weights[*a as usize]).then(a.cmp(b)));
    let mut load = vec![0.0; usize::from(shards)];
    let mut owner = vec![0; logical as usize];
    for at in order {
        let least = (0..load.len()).min_by(|a, b| f64::total_cmp(&load[*a], &load[*b])).unwrap_or(0);
        owner[at as usize] = least as u16;
        load[least] += weights[at as usize];
    }
    owner
}

/// Owners after growing from `shards` to `most`: only newcomers receive, each time a logical shard of whoever
/// has most, as long as that makes the two more alike.
fn levelled(owner: &[u16], shards: u16, most: u16, weight: impl Fn(u32) -> f64) -> Vec<u16> {
    let mut grown = owner.to_vec();
    let mut load = vec![0.0; usize::from(most)];
    let mut kept: Vec<Vec<u32>> = vec![Vec::new(); usize::from(most)];
    for (logical, shard) in owner.iter().enumerate() {
        load[usize::from(*shard)] += weight(logical as u32);
        kept[usize::from(*shard)].push(logical as u32);
    }
    // The heaviest first, so that the lightest is taken first and each step is a small one.
    for list in &mut kept {
        list.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)).then(b.cmp(a)));
    }
    let mut donors: Vec<usize> = (0..usize::from(shards)).collect();
    let newcomers = usize::from(shards)..usize::from(most);
    while let Some(to) = newcomers.clone().min_by(|a, b| f64::total_cmp(&load[*a], &load[*b]))
        && let Some(from) = donors.iter().copied().max_by(|a, b| load[*a].total_cmp(&load[*b]).then(b.cmp(a)))
    {
        let lightest = kept[from].last().copied();
        let fits = |w: f64| load[to] + w <= (load[from] - w) * (1.0 + 1e-9);
        let Some((logical, w)) = lightest.map(|l| (l, weight(l))).filter(|(_, w)| fits(*w)) else {
            donors.retain(|donor| *donor != from);
            continue;
        };
        kept[from].pop();
        grown[logical as usize] = to as u16;
        load[to] += w;
        load[from] -= w;
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Zipf;

    fn plain(how: Partitioning, shards: u16) -> Partitioner {
        Partitioner::new(how, shards, shards, |_| 1.0)
    }

    /// Shares of a Zipf law's load over the shards; rank r is key r.
    fn load(partitioner: &Partitioner, shards: u16, keys: u64, exponent: f64) -> Vec<f64> {
        let zipf = Zipf::new(keys, exponent);
        let mut load = vec![0.0; usize::from(shards)];
        for key in 0..keys {
            load[usize::from(partitioner.shard_of(key))] += zipf.probability(key + 1);
        }
        load
    }

    fn most(load: &[f64]) -> f64 {
        load.iter().copied().fold(0.0, f64::max)
    }

    #[test]
    fn the_hottest_of_sixteen_shards_has_twice_and_four_times_its_share() {
        // p1 + (1 - p1) / N: 12.3 % of a Zipf law of 0.99 over a million keys, 24.0 % of one of 1.2. Chance puts
        // more of the next hottest keys on one or the other, so it is the mean over many numberings of the keys.
        for (exponent, share) in [(0.99, 0.123), (1.2, 0.240)] {
            let zipf = Zipf::new(1_000_000, exponent);
            let shards = plain(Partitioning::Hash { logical: None }, 16);
            let top: Vec<f64> = (1..=500).map(|rank| zipf.probability(rank)).collect();
            let rest = (1.0 - top.iter().sum::<f64>()) / 16.0;
            let hottest = |numbering: u64| {
                let shard = |rank: usize| shards.shard_of(numbering * 1_000_000 + rank as u64);
                let own = (0..top.len()).filter(|rank| shard(*rank) == shard(0));
                own.map(|rank| top[rank]).sum::<f64>() + rest
            };
            let mean = (0..800).map(hottest).sum::<f64>() / 800.0;
            assert!((mean - share).abs() < 0.001, "{exponent}: {mean} for {share}");
        }
    }

    #[test]
    fn more_shards_do_not_help_the_hottest_key() {
        let p1 = Zipf::new(100_000, 1.2).probability(1);
        for shards in [4, 16, 64, 256] {
            let hottest =
                most(&load(&plain(Partitioning::Hash { logical: None }, shards), shards, 100_000, 1.2));
            assert!(hottest >= p1, "{shards}: {hottest} below {p1}");
        }
    }

    #[test]
    fn a_directory_evens_out_all_but_the_hottest_key() {
        let zipf = Zipf::new(100_000, 0.99);
        let mut weights = vec![0.0; 4096];
        (0..100_000).for_each(|key| {
            weights[(hash_of(key) % 4096) as usize] += zipf.probability(key + 1);
        });
        let how = Partitioning::Directory { logical: 4096 };
        let directory = Partitioner::new(how, 16, 16, |logical| weights[logical as usize]);
        let hottest = most(&load(&directory, 16, 100_000, 0.99));
        let least_possible = zipf.probability(1).max(1.0 / 16.0);
        assert!(hottest < 1.02 * least_possible + 0.001, "{hottest} for {least_possible}");
    }

    #[test]
    fn ranges_lie_in_order_and_new_keys_all_go_to_the_last() {
        let ranges = plain(Partitioning::Range(vec![1000, 2000]), 3);
        let shards: Vec<u16> =
            [0, 999, 1000, 1999, 2000, 1_000_000].iter().map(|key| ranges.shard_of(*key)).collect();
        assert_eq!(shards, [0, 0, 1, 1, 2, 2]);
        assert!((ranges.share_of_shard(2, 4000) - 0.5).abs() < 1e-12);
        assert!((0..3).map(|shard| ranges.share_of_shard(shard, 4000)).sum::<f64>() - 1.0 < 1e-12);
    }

    fn moved(before: &Partitioner, keys: u64) -> f64 {
        let mut after = before.clone();
        for step in before.moves() {
            assert_eq!(after.owner_of(step.logical), step.from);
            after.place(step.logical, step.to);
        }
        assert_eq!(after.moves(), []);
        (0..keys).filter(|key| before.shard_of(*key) != after.shard_of(*key)).count() as f64 / keys as f64
    }

    #[test]
    fn growing_moves_what_the_law_says() {
        let grow = |how, from, to| Partitioner::new(how, from, to, |_| 1.0);
        for (how, from, to, share) in [
            (Partitioning::Hash { logical: None }, 4, 8, 0.5),
            (Partitioning::Hash { logical: None }, 4, 5, 0.8), // modulo: n of n + 1
            (Partitioning::Hash { logical: Some(256) }, 4, 8, 0.5),
            (Partitioning::Hash { logical: Some(240) }, 4, 5, 0.2), // 1 of n + 1
            (Partitioning::Consistent { virtual_nodes: 256 }, 4, 5, 0.2),
            (Partitioning::Directory { logical: 256 }, 4, 8, 0.5),
        ] {
            let name = format!("{how:?} {from} to {to}");
            let seen = moved(&grow(how, from, to), 100_000);
            assert!((seen - share).abs() < 0.02, "{name}: {seen} for {share}");
        }
    }

    #[test]
    fn afterwards_shards_are_alike() {
        for (how, slack) in [
            (Partitioning::Hash { logical: None }, 1.05),
            (Partitioning::Hash { logical: Some(256) }, 1.05),
            (Partitioning::Directory { logical: 256 }, 1.05),
            (Partitioning::Consistent { virtual_nodes: 256 }, 1.2),
        ] {
            let mut grown = Partitioner::new(how.clone(), 4, 8, |_| 1.0);
            grown.moves().into_iter().for_each(|step| grown.place(step.logical, step.to));
            let mut counts = [0_u32; 8];
            (0..80_000).for_each(|key| counts[usize::from(grown.shard_of(key))] += 1);
            let most = f64::from(counts.into_iter().max().unwrap_or(0));
            assert!(most < slack * 10_000.0 * 1.02, "{how:?}: {counts:?}");
        }
    }

    #[test]
    fn nobody_but_a_newcomer_receives() {
        for how in [
            Partitioning::Hash { logical: Some(100) },
            Partitioning::Consistent { virtual_nodes: 16 },
            Partitioning::Directory { logical: 100 },
        ] {
            let grown = Partitioner::new(how, 3, 7, |_| 1.0);
            assert!(!grown.moves().is_empty());
            assert!(grown.moves().iter().all(|step| step.from < 3 && (3..7).contains(&step.to)));
        }
    }

    #[test]
    fn shares_of_keys_add_up_and_agree_with_counting() {
        for how in [
            Partitioning::Range(vec![10_000, 70_000]),
            Partitioning::Hash { logical: Some(64) },
            Partitioning::Consistent { virtual_nodes: 16 },
        ] {
            let partitioner = plain(how.clone(), 3);
            let keys = 90_000;
            let mut counts = [0_u32; 3];
            (0..keys).for_each(|key| counts[usize::from(partitioner.shard_of(key))] += 1);
            for shard in 0..3 {
                let share = partitioner.share_of_shard(shard, keys);
                let seen = f64::from(counts[usize::from(shard)]) / keys as f64;
                assert!((share - seen).abs() < 0.01, "{how:?} shard {shard}: {share} and {seen}");
            }
        }
    }
}
