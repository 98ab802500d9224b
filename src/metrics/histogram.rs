//! Counts of values in log-linear bins: the layout of an HDR histogram, without its generality.
//!
//! A value, in units of 64 ns, below 2^s has a bin of its own; above, each doubling is cut into 2^(s-1)
//! bins, where 2^s is the first power of two from 2 x 10^digits on. So a bin is narrower than its
//! values by the promised number of digits. (Tene, `HdrHistogram`; the tests hold it to that crate.)
//!
//! The rule that must hold: no bin outside `low..high` has a count, so that a reset and a walk cost what
//! was recorded, not what there is room for.

/// Differences below 2^6 = 64 ns are not told apart.
pub(super) const UNIT_BITS: u32 = 6;

/// Counts by bin.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    low: usize,
    high: usize,
    /// The s of the header.
    bits: u32,
}

impl Histogram {
    /// An empty histogram of so many significant decimal digits.
    pub(super) fn new(digits: u8) -> Self {
        let single = 2 * 10_u64.pow(u32::from(digits));
        Self { counts: Vec::new(), low: usize::MAX, high: 0, bits: single.next_power_of_two().ilog2() }
    }

    #[inline]
    fn bin(&self, nanos: u64) -> usize {
        let units = nanos >> UNIT_BITS;
        // How often the units must be halved to fit into `bits` bits.
        let halvings = (u64::BITS - units.leading_zeros()).saturating_sub(self.bits);
        ((halvings as usize) << (self.bits - 1)) + (units >> halvings) as usize
    }

    /// The largest value of a bin.
    fn upper_bound(&self, bin: usize) -> u64 {
        let halvings = (bin >> (self.bits - 1)).saturating_sub(1);
        let units = bin - (halvings << (self.bits - 1));
        ((units as u64 + 1) << (halvings as u32 + UNIT_BITS)) - 1
    }

    /// Counts a value.
    #[inline]
    pub(super) fn record(&mut self, nanos: u64) {
        let bin = self.bin(nanos);
        if bin >= self.counts.len() {
            self.grow(bin);
        }
        self.counts[bin] += 1;
        self.low = self.low.min(bin);
        self.high = self.high.max(bin + 1);
    }

    #[cold]
    fn grow(&mut self, bin: usize) {
        // To the end of the doubling that the bin lies in.
        let row = 1 << (self.bits - 1);
        self.counts.resize((bin + 1).next_multiple_of(row), 0);
    }

    /// Adds all counts of another histogram of the same digits.
    pub(super) fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.bits, other.bits);
        if other.high > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for bin in other.low.min(other.high)..other.high {
            self.counts[bin] += other.counts[bin];
        }
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }

    /// Forgets everything but keeps the memory.
    pub(super) fn reset(&mut self) {
        if self.low < self.high {
            self.counts[self.low..self.high].fill(0);
        }
        (self.low, self.high) = (usize::MAX, 0);
    }

    /// The bins that hold something once what `part` holds is taken away, by value: `part` was merged into this.
    pub(super) fn recorded_without(&self, part: &Self) -> impl Iterator<Item = (u64, u64)> {
        let bins = self.low.min(self.high)..self.high;
        let rest = |bin: usize| self.counts[bin].saturating_sub(part.counts.get(bin).copied().unwrap_or(0));
        bins.map(move |bin| (bin, rest(bin)))
            .filter(|(_, count)| *count > 0)
            .map(|(bin, count)| (self.upper_bound(bin), count))
    }

    /// The bins that hold something, by value: their upper bound in nanoseconds and their count.
    pub(super) fn recorded(&self) -> impl Iterator<Item = (u64, u64)> {
        let bins = self.low.min(self.high)..self.high;
        bins.filter(|bin| self.counts[*bin] > 0).map(|bin| (self.upper_bound(bin), self.counts[bin]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn bins_are_those_of_an_hdr_histogram() {
        for digits in 1..=4 {
            let mut ours = Histogram::new(digits);
            let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(64, 1 << 50, digits).unwrap();
            let mut draws = Key::root(1, u64::from(digits)).draws();
            let edges = (6..47).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 64]);
            let drawn: Vec<u64> = (0..20_000).map(|_| draws.bits() >> (17 + draws.below(40))).collect();
            for value in edges.chain(drawn) {
                ours.record(value);
                theirs.record(value).unwrap();
            }
            let expected: Vec<_> =
                theirs.iter_recorded().map(|c| (c.value_iterated_to(), c.count_at_value())).collect();
            assert_eq!(ours.recorded().collect::<Vec<_>>(), expected, "{digits} digits");
            ours.reset();
            assert_eq!(ours.recorded().next(), None);
        }
    }
}
