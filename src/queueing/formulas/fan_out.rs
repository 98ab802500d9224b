//! Requests that wait for several answers: order statistics of exponentials, and forks whose branches queue.

/// The mean of the k-th smallest of n independent unit exponentials.
#[must_use]
pub fn exponential_order_statistic(k: u32, n: u32) -> f64 {
    (n - k.min(n) + 1..=n).map(|i| 1.0 / f64::from(i)).sum()
}

/// The probability that at least `k` of `n` independent answers have come by a time by which each has with
/// probability `p`.
#[must_use]
pub fn kth_of_n_by(k: u32, n: u32, p: f64) -> f64 {
    let mut sum = 0.0;
    let mut weight = libm::pow(1.0 - p, f64::from(n));
    for i in 0..=n {
        if i >= k {
            sum += weight;
        }
        weight *= f64::from(n - i) / f64::from(i + 1) * p / (1.0 - p);
    }
    sum.min(1.0)
}

/// Mean time of a fork over `n` M/M/1 queues at rate `lambda` and service rate `mu`: exact for one and two
/// branches (Flatto and Hahn 1984), Nelson and Tantawi's approximation (1988) for more.
#[must_use]
pub fn fork_join_mean(n: u32, lambda: f64, mu: f64) -> f64 {
    let rho = lambda / mu;
    let one = 1.0 / (mu - lambda);
    let two = (12.0 - rho) / 8.0 * one;
    match n {
        0 => 0.0,
        1 => one,
        2 => two,
        _ => {
            let share = exponential_order_statistic(n, n) / exponential_order_statistic(2, 2);
            (share + (1.0 - share) * 4.0 * rho / 11.0) * two
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: f64, expected: f64) {
        assert!((seen - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{seen} for {expected}");
    }

    #[test]
    fn order_statistics_are_sums_of_inverses() {
        close(exponential_order_statistic(3, 3), 11.0 / 6.0);
        close(exponential_order_statistic(2, 3), 5.0 / 6.0);
        close(kth_of_n_by(1, 4, 0.5), 15.0 / 16.0);
        close(kth_of_n_by(4, 4, 0.5), 1.0 / 16.0);
    }

    #[test]
    fn an_idle_fork_is_the_slowest_of_independent_branches() {
        close(fork_join_mean(2, 0.0, 1.0), exponential_order_statistic(2, 2));
        close(fork_join_mean(5, 0.0, 1.0), exponential_order_statistic(5, 5));
    }
}
