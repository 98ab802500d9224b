//! Memory in front of the disk: which reads find their page, and which cost an operation.
//!
//! Pages are kept by recency (LRU). A page asked for with probability p per access is found with probability
//! 1 - exp(-p t), where t, counted in accesses, is the *characteristic time* for which
//! sum over pages of (1 - exp(-p t)) equals the pages that memory holds (Che, Tung and Wang 2002; error well
//! below a percent for Zipf laws, Fricker, Robert and Roberts 2012). Keeping real pages would cost memory by
//! the size of the *modelled* machine; this costs none, yet hot rows hit and cold rows miss, since p is the
//! asked row's own. After a restart at most as many accesses have filled it as came since: t is the smaller
//! of the two, so a cold start warms up by itself.
//!
//! A page holds several rows: where popular rows are scattered, its popularity is its hottest row's and
//! the mean of the others; where they lie together (the newest), it is that of so many equal rows.
//! Not modelled: read-ahead, what dirty pages cost, the operating system's second cache.

use crate::base::random::Zipf;

/// Bytes of a page (PostgreSQL's `block_size`).
pub const PAGE: f64 = 8192.0;
/// Points of the sum over ranks, spread evenly over their logarithm.
const POINTS: usize = 160;

/// How often rows of one entity are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// How many lie here.
    pub count: f64,
    /// Rows of the whole entity for each that lies here: so many shards.
    pub thinned: f64,
    /// Bytes of one, with what it drags along.
    pub bytes: f64,
    /// Their popularity; none: all alike.
    pub zipf: Option<Zipf>,
    /// Whether popular rows lie next to each other.
    pub together: bool,
    /// The share of all accesses that are theirs.
    pub share: f64,
}

impl Rows {
    /// Rows on one page.
    fn per_page(&self) -> f64 {
        (PAGE / self.bytes.max(1.0)).max(1.0)
    }

    /// Pages that one row takes.
    fn pages_each(&self) -> f64 {
        (self.bytes / PAGE).max(1.0)
    }

    /// Bytes of all.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.count * self.bytes
    }

    fn popularity(&self, rank: f64) -> f64 {
        let all = (self.count * self.thinned).max(1.0);
        self.zipf.as_ref().map_or(1.0 / all, |zipf| zipf.probability((rank as u64).max(1)))
    }

    /// The probability that an access to the entity is to the page of the row of this rank (1 is the hottest).
    fn page_of(&self, rank: f64) -> f64 {
        // An access is to one of the pages of a row that is larger than one.
        let own = self.popularity(rank) / self.pages_each();
        let others = self.per_page() - 1.0;
        let mean = 1.0 / (self.count * self.thinned).max(1.0);
        own + others * if self.together { own } else { mean }
    }

    /// Pages found in memory after `time` accesses.
    fn resident(&self, time: f64) -> f64 {
        let pages = (self.count / self.per_page()).max(1.0);
        let time = time * self.share * self.thinned;
        let found = |p: f64| -libm::expm1(-p * time);
        let Some(_) = &self.zipf else { return pages * self.pages_each() * found(self.page_of(1.0)) };
        // Ranks of the hottest row of each page: every `step`-th of the whole entity's.
        let step = if self.together { self.per_page() * self.thinned } else { self.thinned };
        let mut sum = 0.0;
        let mut from = 0.0;
        for point in 1..=POINTS {
            let to = libm::exp(libm::log(pages + 1.0) * point as f64 / POINTS as f64) - 1.0;
            let rank = 1.0 + f64::midpoint(from, to) * step;
            sum += (to - from) * found(self.page_of(rank));
            from = to;
        }
        sum * self.pages_each()
    }

    /// The probability that a row's page is in memory: `rank` is its popularity's, 1 the hottest.
    #[must_use]
    pub fn found(&self, rank: u64, time: f64) -> f64 {
        -libm::expm1(-self.page_of(rank as f64) * time * self.share * self.thinned)
    }
}

/// The characteristic time in accesses of a memory of so many bytes; infinite where everything fits.
#[must_use]
pub fn characteristic_time(memory: f64, rows: &[Rows]) -> f64 {
    let pages = memory / PAGE;
    let asked = rows.iter().filter(|rows| rows.share > 0.0);
    let all: f64 = asked.clone().map(|rows| rows.count / rows.per_page() * rows.pages_each()).sum();
    if all <= pages {
        return f64::INFINITY;
    }
    let resident = |time: f64| asked.clone().map(|rows| rows.resident(time)).sum::<f64>();
    let (mut low, mut high) = (0.0, pages.max(1.0));
    while resident(high) < pages && high < 1e30 {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if resident(middle) < pages { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The share of reads that find their page, over all rows.
#[must_use]
pub fn hit_ratio(rows: &Rows, time: f64) -> f64 {
    if time.is_infinite() {
        return 1.0;
    }
    let Some(_) = &rows.zipf else { return rows.found(1, time) };
    let all = rows.count * rows.thinned;
    let (mut sum, mut weight, mut from) = (0.0, 0.0, 0.0);
    for point in 1..=4 * POINTS {
        let to = libm::exp(libm::log(all + 1.0) * point as f64 / (4 * POINTS) as f64) - 1.0;
        let rank = 1.0 + f64::midpoint(from, to);
        let p = (to - from) * rows.popularity(rank);
        sum += p * rows.found(rank as u64, time);
        weight += p;
        from = to;
    }
    sum / weight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: f64, bytes: f64, exponent: Option<f64>) -> Rows {
        let zipf = exponent.map(|e| Zipf::new(count as u64, e));
        Rows { count, thinned: 1.0, bytes, zipf, together: false, share: 1.0 }
    }

    #[test]
    fn a_row_for_a_page_is_the_published_lru() {
        // 100k keys; hit ratios at a cache of 0.1, 1 and 10 % of them (Che; domain's table of oracles).
        for (exponent, ratios) in
            [(0.8, [0.068, 0.204, 0.469]), (0.99, [0.275, 0.489, 0.725]), (1.2, [0.606, 0.795, 0.918])]
        {
            for (cached, ratio) in [100.0, 1000.0, 10_000.0].into_iter().zip(ratios) {
                let all = rows(100_000.0, PAGE, Some(exponent));
                let time = characteristic_time(cached * PAGE, std::slice::from_ref(&all));
                let seen = hit_ratio(&all, time);
                assert!((seen - ratio).abs() < 0.01, "zipf {exponent}, {cached} pages: {seen} for {ratio}");
            }
        }
    }

    #[test]
    fn what_fits_is_always_found_and_evenly_read_data_is_found_as_far_as_it_fits() {
        let all = rows(1_000_000.0, 1000.0, None);
        assert!(characteristic_time(1.1e9, std::slice::from_ref(&all)).is_infinite());
        for share in [0.25, 0.5, 0.9, 0.99] {
            let time = characteristic_time(share * all.size(), std::slice::from_ref(&all));
            let seen = all.found(1, time);
            assert!((seen - share).abs() < 0.01, "{seen} for {share}");
        }
    }

    #[test]
    fn misses_appear_when_data_outgrow_memory() {
        // 67 GB on 66 GB: one read in seventy goes to disk, though memory looks nearly large enough.
        let all = rows(67e6, 1000.0, None);
        let time = characteristic_time(66e9, std::slice::from_ref(&all));
        let misses = 1.0 - all.found(5, time);
        assert!((misses - 1.0 / 67.0).abs() < 0.002, "{misses}");
    }

    #[test]
    fn hot_rows_are_found_first_and_a_cold_memory_warms_up() {
        let all = rows(1e6, 1000.0, Some(0.99));
        let time = characteristic_time(1e8, std::slice::from_ref(&all));
        assert!(all.found(1, time) > 0.999 && all.found(500_000, time) < 0.5);
        let warm = [1e2, 1e3, 1e4, 1e5].map(|accesses| hit_ratio(&all, accesses));
        assert!(warm.windows(2).all(|pair| pair[0] < pair[1]), "{warm:?}");
        assert!(warm[0] < 0.4 && hit_ratio(&all, time) > warm[2]);
    }

    #[test]
    fn popular_rows_that_lie_together_need_less_memory() {
        let scattered = rows(1e6, 500.0, Some(0.8));
        let together = Rows { together: true, ..scattered.clone() };
        let ratio = |rows: &Rows| hit_ratio(rows, characteristic_time(5e7, std::slice::from_ref(rows)));
        assert!(ratio(&together) > ratio(&scattered) + 0.1);
    }

    #[test]
    fn a_shard_with_a_quarter_of_the_rows_and_of_the_memory_hits_as_often() {
        let whole = rows(1e6, 1000.0, Some(0.9));
        let shard = Rows { count: 2.5e5, thinned: 4.0, ..whole.clone() };
        let one = hit_ratio(&whole, characteristic_time(1e8, std::slice::from_ref(&whole)));
        let four = hit_ratio(&shard, characteristic_time(2.5e7, std::slice::from_ref(&shard)));
        assert!((one - four).abs() < 0.01, "{one} and {four}");
    }
}
