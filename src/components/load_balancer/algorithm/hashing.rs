//! By key: modulo hashing, the ketama ring, Maglev, and consistent hashing with bounded loads.
//!
//! - *Modulo* (nginx `hash` and `ip_hash`): the key's hash picks a slot of the total weight over all
//!   backends, up or not; whoever may not be picked is passed over by hashing again, 20 times at most,
//!   then in turn. A backend that is added moves nearly every key.
//! - *Ring* (Karger et al. 1997; ketama): 160 points per backend of mean weight; a key belongs to the
//!   next point clockwise whose backend may be picked, so one that goes moves only its own keys.
//! - *Maglev* (Eisenbud et al., NSDI 2016, section 3.4): every backend fills slots of a table of prime
//!   size in the order of its own permutation, in turn, in proportion to weight. More even than a
//!   ring, at the price of a few keys moved needlessly. Rebuilt when backends come or go: one step per
//!   slot and a little more.
//! - *Bounded loads* (Mirrokni, Thorup and Zadimoghaddam 2018): walking the ring, the first backend
//!   whose load is below `factor` times its fair share of all requests under way.
//!
//! Hashes are those of [`Key`], not the products' own (CRC-32, MD5, murmur): shares and moved keys
//! agree in law, not key by key.

use super::backend_set::BackendSet;
use super::backends::Backends;
use crate::base::random::{Key, StreamName};

/// Times a key is hashed again before nginx falls back to taking turns.
const REHASHES: u64 = 20;
/// No ring is larger.
const MAX_POINTS: usize = 1 << 20;

const KEYS: Key = Key::root(0, 0).named(StreamName::new("hash of a key"));
const POINTS: Key = Key::root(0, 0).named(StreamName::new("point on a ring"));
const OFFSETS: Key = Key::root(0, 0).named(StreamName::new("offset"));
const SKIPS: Key = Key::root(0, 0).named(StreamName::new("skip"));

/// The slot of `key` in 0..n, by multiplication: as even as modulo, without its division.
fn slot(hash: u64, n: u64) -> u64 {
    ((u128::from(hash) * u128::from(n)) >> 64) as u64
}

/// nginx's `hash` and `ip_hash`; `None` after too many attempts. A weight is that many slots; weights
/// that are no whole numbers are taken in thousandths. One step per backend.
pub(super) fn modulo(key: u64, candidates: &BackendSet, backends: &Backends) -> Option<usize> {
    let weights = || (0..backends.len()).map(|i| backends.weight(i));
    let scale = if weights().all(|w| w == libm::round(w)) { 1.0 } else { 1000.0 };
    let slots = |weight: f64| libm::round(weight * scale) as u64;
    let total: u64 = weights().map(slots).sum();
    (0..=REHASHES).find_map(|attempt| {
        let hash = KEYS.with(key).with(attempt).bits();
        let chosen = if total == 0 {
            (hash % backends.len().max(1) as u64) as usize
        } else {
            let mut slot = hash % total;
            weights().position(|weight| {
                let here = slot < slots(weight);
                slot = slot.saturating_sub(slots(weight));
                here
            })?
        };
        candidates.contains(chosen).then_some(chosen)
    })
}

/// Points of all backends on a circle of 2^64 places.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    points_each: u32,
    /// By place.
    points: Vec<(u64, u32)>,
}

impl Ring {
    /// A ring with this many points per backend of mean weight.
    pub(super) fn new(points_each: u32) -> Self {
        Self { points_each: points_each.max(1), points: Vec::new() }
    }

    /// Places the points of `present` anew.
    pub(super) fn rebuild(&mut self, backends: &Backends, present: &BackendSet) {
        let total: f64 = present.iter().map(|i| backends.weight(i)).sum();
        let mean = total / present.len().max(1) as f64;
        let room = MAX_POINTS as f64 / (f64::from(self.points_each) * present.len().max(1) as f64);
        let each = f64::from(self.points_each) * room.min(1.0);
        self.points.clear();
        for i in present.iter() {
            let share = if mean > 0.0 { backends.weight(i) / mean } else { 1.0 };
            let points = libm::round(each * share) as u64;
            let points = if share > 0.0 { points.max(1) } else { 0 };
            let place = POINTS.with(backends.members[i].name);
            self.points.extend((0..points).map(|p| (place.with(p).bits(), i as u32)));
        }
        self.points.sort_unstable();
    }

    /// Backends clockwise from the key, each point's in turn, once round.
    fn from(&self, key: u64) -> impl Iterator<Item = usize> + '_ {
        let place = KEYS.with(key).bits();
        let first = self.points.partition_point(|(at, _)| *at < place);
        self.points[first..].iter().chain(&self.points[..first]).map(|(_, i)| *i as usize)
    }

    pub(super) fn pick(&self, key: u64, candidates: &BackendSet) -> Option<usize> {
        self.from(key).find(|i| candidates.contains(*i))
    }

    /// The first candidate below its bound. `factor` is at least 1, so that somebody is: with the
    /// request to come counted, the capacities sum to at least all requests. After one whole turn
    /// without any (candidates are fewer than the ring's backends) bounds no longer count.
    pub(super) fn pick_bounded(
        &self,
        key: u64,
        factor: f64,
        candidates: &BackendSet,
        backends: &Backends,
    ) -> Option<usize> {
        let load: f64 = candidates.iter().map(|i| f64::from(backends.load(i))).sum();
        let weights: f64 = candidates.iter().map(|i| backends.weight(i)).sum();
        let unit = factor.max(1.0) * (load + 1.0) / weights.max(f64::MIN_POSITIVE);
        let below = |i: usize| f64::from(backends.load(i)) < libm::ceil(unit * backends.weight(i));
        self.from(key).find(|i| candidates.contains(*i) && below(*i)).or_else(|| self.pick(key, candidates))
    }
}

/// The lookup table of Maglev.
#[derive(Clone, Debug)]
pub(super) struct Maglev {
    size: u64,
    table: Vec<u32>,
}

impl Maglev {
    /// A table of the smallest prime at or above `size` slots.
    pub(super) fn new(size: u32) -> Self {
        let is_prime = |n: u64| (2..=n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        let size = u64::from(size.clamp(2, 1 << 24));
        // There is a prime between any number and its double (Chebyshev).
        let size = (size..2 * size).find(|n| is_prime(*n)).unwrap_or(size);
        Self { size, table: Vec::new() }
    }

    /// Fills the table with `present`. A backend has its turn in each round once its weight, relative
    /// to the heaviest, has accumulated to a whole slot.
    pub(super) fn rebuild(&mut self, backends: &Backends, present: &BackendSet) {
        const EMPTY: u32 = u32::MAX;
        struct Filler {
            backend: u32,
            at: u64,
            skip: u64,
            weight: f64,
            filled: f64,
        }
        self.table.clear();
        let heaviest = present.iter().map(|i| backends.weight(i)).fold(0.0, f64::max);
        let mut fillers: Vec<Filler> = present
            .iter()
            .filter(|i| backends.weight(*i) > 0.0 || heaviest <= 0.0)
            .map(|i| {
                let name = backends.members[i].name;
                Filler {
                    backend: i as u32,
                    at: OFFSETS.with(name).bits() % self.size,
                    skip: SKIPS.with(name).bits() % (self.size - 1) + 1,
                    weight: if heaviest > 0.0 { backends.weight(i) / heaviest } else { 1.0 },
                    filled: 0.0,
                }
            })
            .collect();
        // The order of the fillers decides who wins a slot: by identity, so that an index does not matter.
        fillers.sort_by_key(|filler| backends.members[filler.backend as usize].name);
        if fillers.is_empty() {
            return;
        }
        self.table.resize(self.size as usize, EMPTY);
        let mut left = self.size;
        let mut round = 1.0;
        loop {
            for filler in &mut fillers {
                if filler.filled + 1.0 > round * filler.weight + 1e-9 && filler.weight < 1.0 {
                    continue;
                }
                while self.table[filler.at as usize] != EMPTY {
                    filler.at = (filler.at + filler.skip) % self.size;
                }
                self.table[filler.at as usize] = filler.backend;
                filler.filled += 1.0;
                left -= 1;
                if left == 0 {
                    return;
                }
            }
            round += 1.0;
        }
    }

    /// The slot's backend; if that may not be picked, another slot's, a bounded number of times.
    pub(super) fn pick(&self, key: u64, candidates: &BackendSet) -> Option<usize> {
        if self.table.is_empty() {
            return None;
        }
        (0..=REHASHES).find_map(|attempt| {
            let hash = KEYS.with(key).with(attempt).bits();
            let chosen = self.table[slot(hash, self.size) as usize] as usize;
            candidates.contains(chosen).then_some(chosen)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::backends::{Member, State};
    use super::*;
    use crate::base::SimTime;

    fn backends(weights: &[f64]) -> Backends {
        let members = weights.iter().enumerate().map(|(i, w)| Member::new(*w, i as u64)).collect();
        Backends::new(members, true, None, None)
    }

    fn cv(shares: &[f64]) -> f64 {
        let n = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / n;
        (shares.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / (n - 1.0)).sqrt() / mean
    }

    /// The exact share of the circle that each of ten nodes owns.
    fn ring_shares(points: u32, salt: u64) -> Vec<f64> {
        let members = (0..10).map(|i| Member::new(1.0, salt * 100 + i)).collect();
        let backends = Backends::new(members, true, None, None);
        let mut ring = Ring::new(points);
        ring.rebuild(&backends, &(0..10).collect());
        let mut shares = vec![0.0; 10];
        let last = ring.points[ring.points.len() - 1].0;
        let mut before = last;
        for (place, owner) in &ring.points {
            shares[*owner as usize] += place.wrapping_sub(before) as f64 / 2f64.powi(64);
            before = *place;
        }
        shares
    }

    #[test]
    fn arcs_of_a_ring_vary_as_uniform_spacings_do() {
        // CHASH-10-1, CHASH-10-100: CV of a node's share, sqrt((n - 1) / (n v + 1)), over many rings.
        for (points, expected, largest) in [(1, 0.904_534, 0.292_897), (100, 0.094_821, 0.0)] {
            let rings = 400;
            let (mut squares, mut max) = (0.0, 0.0);
            for salt in 0..rings {
                let shares = ring_shares(points, salt);
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
                squares += shares.iter().map(|s| (s / 0.1 - 1.0) * (s / 0.1 - 1.0)).sum::<f64>() / 10.0;
                max += shares.iter().copied().fold(0.0, f64::max);
            }
            let rings = rings as f64;
            assert!(((squares / rings).sqrt() / expected - 1.0).abs() < 0.06, "{points} points");
            if largest > 0.0 {
                assert!((max / rings / largest - 1.0).abs() < 0.06, "{}", max / rings);
            }
        }
    }

    #[test]
    fn one_more_node_takes_its_share_and_moves_nothing_else() {
        // RESHARD: 1/11 of the keys move to the new node on a ring; 10/11 with modulo hashing.
        let (ten, eleven) = (backends(&[1.0; 10]), backends(&[1.0; 11]));
        let (some, all): (BackendSet, BackendSet) = ((0..10).collect(), (0..11).collect());
        let (mut before, mut after) = (Ring::new(160), Ring::new(160));
        before.rebuild(&ten, &some);
        after.rebuild(&eleven, &all);
        let (mut small, mut large) = (Maglev::new(65_537), Maglev::new(65_537));
        small.rebuild(&ten, &some);
        large.rebuild(&eleven, &all);
        let keys = 50_000;
        let (mut ring, mut modular, mut maglev, mut between_old) = (0, 0, 0, 0);
        for key in 0..keys {
            let (old, new) = (before.pick(key, &some), after.pick(key, &all));
            assert!(old == new || new == Some(10), "a ring moves keys to the new node only");
            ring += u32::from(old != new);
            modular += u32::from(modulo(key, &some, &ten) != modulo(key, &all, &eleven));
            let (old, new) = (small.pick(key, &some), large.pick(key, &all));
            maglev += u32::from(old != new);
            between_old += u32::from(old != new && new != Some(10));
        }
        let share = |moved: u32| f64::from(moved) / keys as f64;
        assert!((share(ring) - 1.0 / 11.0).abs() < 0.02, "{}", share(ring));
        assert!((share(modular) - 10.0 / 11.0).abs() < 0.01, "{}", share(modular));
        assert!((share(maglev) - 1.0 / 11.0).abs() < 0.03, "{}", share(maglev));
        assert!(share(between_old) < 0.03, "Maglev disrupts little: {}", share(between_old));
    }

    #[test]
    fn maglev_slots_are_even_and_follow_weights() {
        // NSDI 2016, figure 11: with 65 537 slots the most and the least loaded differ by about 1 %.
        let backends = backends(&[1.0; 100]);
        let mut maglev = Maglev::new(65_537);
        maglev.rebuild(&backends, &(0..100).collect());
        let mut slots = vec![0.0; 100];
        maglev.table.iter().for_each(|owner| slots[*owner as usize] += 1.0);
        assert!(cv(&slots) < 0.002, "{}", cv(&slots));
        let uneven = self::backends(&[1.0, 2.0, 0.0, 5.0]);
        maglev.rebuild(&uneven, &(0..4).collect());
        let mut slots = [0.0_f64; 4];
        maglev.table.iter().for_each(|owner| slots[*owner as usize] += 1.0 / 65_537.0);
        for (slots, share) in slots.iter().zip([0.125, 0.25, 0.0, 0.625]) {
            assert!((slots - share).abs() < 0.001, "{slots} for {share}");
        }
    }

    #[test]
    fn maglev_fills_the_published_example() {
        // NSDI 2016, table 1: M = 7, (offset, skip) = (3, 4), (0, 2), (3, 1). The paper's steps by hand.
        let permutation = |offset: u64, skip: u64| (0..7).map(move |j| (offset + j * skip) % 7);
        assert_eq!(permutation(3, 4).collect::<Vec<_>>(), [3, 0, 4, 1, 5, 2, 6]);
        assert_eq!(permutation(0, 2).collect::<Vec<_>>(), [0, 2, 4, 6, 1, 3, 5]);
        assert_eq!(permutation(3, 1).collect::<Vec<_>>(), [3, 4, 5, 6, 0, 1, 2]);
        // What this table fills with three backends is exactly the same procedure.
        let backends = backends(&[1.0; 3]);
        let mut maglev = Maglev::new(7);
        maglev.rebuild(&backends, &(0..3).collect());
        let mut expected = [u32::MAX; 7];
        let mut lists: Vec<Vec<u64>> = (0..3)
            .map(|i| permutation(OFFSETS.with(i).bits() % 7, SKIPS.with(i).bits() % 6 + 1).collect())
            .collect();
        let mut turn = 0;
        while expected.contains(&u32::MAX) {
            let list = &mut lists[turn % 3];
            let at = list.iter().position(|s| expected[*s as usize] == u32::MAX).unwrap();
            expected[list.remove(at) as usize] = (turn % 3) as u32;
            turn += 1;
        }
        assert_eq!(maglev.table, expected);
    }

    #[test]
    fn no_load_exceeds_its_bound() {
        let mut backends = backends(&[1.0; 20]);
        let all = (0..20).collect();
        let mut ring = Ring::new(160);
        ring.rebuild(&backends, &all);
        // Nine requests of ten are for one key: the ring alone would give one backend nearly all of them.
        for n in 0..5_000_u64 {
            let key = if n % 10 == 0 { n } else { 7 };
            let chosen = ring.pick_bounded(key, 1.25, &all, &backends).unwrap();
            backends.take(chosen);
            let bound = (1.25 * (n + 1) as f64 / 20.0).ceil();
            assert!(f64::from(backends.in_flight(chosen)) <= bound);
        }
    }

    #[test]
    fn keys_of_a_backend_that_is_out_go_elsewhere_and_come_back() {
        let mut backends = backends(&[1.0; 5]);
        let all: BackendSet = (0..5).collect();
        let mut ring = Ring::new(160);
        ring.rebuild(&backends, &all);
        let mut maglev = Maglev::new(1009);
        maglev.rebuild(&backends, &all);
        backends.set_state(2, State::Down, SimTime::ZERO);
        for key in 0..2_000 {
            for (home, away) in [
                (ring.pick(key, &all), ring.pick(key, &backends.up)),
                (maglev.pick(key, &all), maglev.pick(key, &backends.up)),
                (modulo(key, &all, &backends), modulo(key, &backends.up, &backends)),
            ] {
                assert!(away != Some(2) && away.is_some() && (home == Some(2) || home == away));
            }
        }
    }
}
