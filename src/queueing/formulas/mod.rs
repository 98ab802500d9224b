//! Closed forms of queueing theory: what `check` forecasts with, and what the engine is tested against.
//!
//! Times are in the unit of the rates' inverse; loads are in Erlangs (arrival rate x mean service time).

/// Erlang B: the share of arrivals lost by `servers` without a line, offered `load` Erlangs.
/// Recursion of Jagerman (1974), stable for any size.
#[must_use]
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |b, n| load * b / (f64::from(n) + load * b))
}

/// Erlang C: the probability that an arrival at M/M/c waits; 1 at or beyond saturation.
#[must_use]
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let c = f64::from(servers);
    if load >= c {
        return 1.0;
    }
    let b = erlang_b(servers, load);
    b / (1.0 - load / c * (1.0 - b))
}

/// M/M/c, first come first served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmc {
    /// Servers.
    pub servers: u32,
    /// Arrivals per unit of time.
    pub arrivals: f64,
    /// Services per unit of time and server.
    pub services: f64,
}

impl Mmc {
    fn load(self) -> f64 {
        self.arrivals / self.services
    }

    /// Mean wait before service; infinite at or beyond saturation.
    #[must_use]
    pub fn mean_wait(self) -> f64 {
        let spare = f64::from(self.servers) * self.services - self.arrivals;
        if spare <= 0.0 { f64::INFINITY } else { erlang_c(self.servers, self.load()) / spare }
    }

    /// Mean time from arrival to departure.
    #[must_use]
    pub fn mean_sojourn(self) -> f64 {
        self.mean_wait() + 1.0 / self.services
    }

    /// The probability that wait and service together exceed `t`.
    #[must_use]
    pub fn sojourn_exceeds(self, t: f64) -> f64 {
        let (mu, c) = (self.services, f64::from(self.servers));
        let spare = c * mu - self.arrivals;
        let waits = erlang_c(self.servers, self.load());
        if (spare - mu).abs() < 1e-12 * mu {
            return libm::exp(-mu * t) * (1.0 + waits * mu * t);
        }
        libm::exp(-mu * t) + waits * mu / (mu - spare) * (libm::exp(-spare * t) - libm::exp(-mu * t))
    }

    /// The time that a share `p` of sojourns does not exceed.
    #[must_use]
    pub fn sojourn_quantile(self, p: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0 / self.services);
        while self.sojourn_exceeds(high) > 1.0 - p && high < 1e18 {
            high *= 2.0;
        }
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if self.sojourn_exceeds(middle) > 1.0 - p { low = middle } else { high = middle }
        }
        high
    }
}

/// M/M/c/K: at most `room` customers in the system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmck {
    /// Servers.
    pub servers: u32,
    /// Customers in service and waiting at most.
    pub room: u32,
    /// Arrivals per unit of time.
    pub arrivals: f64,
    /// Services per unit of time and server.
    pub services: f64,
}

impl Mmck {
    /// Stationary probabilities of 0..=room customers.
    #[must_use]
    pub fn probabilities(self) -> Vec<f64> {
        let load = self.arrivals / self.services;
        let mut weights = vec![1.0_f64];
        for n in 1..=self.room {
            let last = weights[weights.len() - 1];
            weights.push(last * load / f64::from(n.min(self.servers)));
            // Keep the largest weight near one: the room may be large and the load heavy.
            if last > 1e200 {
                weights.iter_mut().for_each(|w| *w /= 1e200);
            }
        }
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    /// The share of arrivals turned away.
    #[must_use]
    pub fn rejected(self) -> f64 {
        self.probabilities().last().copied().unwrap_or(1.0)
    }

    /// Mean number in the system.
    #[must_use]
    pub fn mean_number(self) -> f64 {
        self.probabilities().iter().enumerate().map(|(n, p)| n as f64 * p).sum()
    }

    /// Mean sojourn of those let in (Little's law).
    #[must_use]
    pub fn mean_sojourn(self) -> f64 {
        self.mean_number() / (self.arrivals * (1.0 - self.rejected()))
    }
}

/// M/G/1: mean wait by Pollaczek and Khinchine, for utilisation `rho`, mean service `mean` and its squared
/// coefficient of variation.
#[must_use]
pub fn mg1_mean_wait(rho: f64, mean: f64, scv: f64) -> f64 {
    if rho >= 1.0 { f64::INFINITY } else { rho * mean * (1.0 + scv) / (2.0 * (1.0 - rho)) }
}

/// One station of a closed network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosedStation {
    /// Visits per cycle times mean service time.
    pub demand: f64,
    /// Servers; none for a delay.
    pub servers: Option<u32>,
}

/// What exact mean value analysis says of a closed network.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedNetwork {
    /// Cycles per unit of time.
    pub throughput: f64,
    /// Mean time per cycle outside of thinking.
    pub response: f64,
    /// Mean number at each station.
    pub queues: Vec<f64>,
}

/// Exact mean value analysis of one class (Reiser and Lavenberg 1980), load-dependent where a
/// station has several servers.
#[must_use]
pub fn mean_value_analysis(customers: u32, think: f64, stations: &[ClosedStation]) -> ClosedNetwork {
    // Marginal probabilities of j customers at each station, for the load-dependent ones.
    let mut marginals: Vec<Vec<f64>> = stations.iter().map(|_| vec![1.0]).collect();
    let mut queues = vec![0.0; stations.len()];
    let (mut throughput, mut response) = (0.0, 0.0);
    for n in 1..=customers as usize {
        let residence: Vec<f64> = stations
            .iter()
            .zip(&marginals)
            .zip(&queues)
            .map(|((station, marginal), queue)| match station.servers {
                None => station.demand,
                Some(1) => station.demand * (1.0 + queue),
                Some(c) => (1..=n)
                    .map(|j| {
                        let rate = f64::from(c).min(j as f64);
                        j as f64 * station.demand / rate * marginal.get(j - 1).copied().unwrap_or(0.0)
                    })
                    .sum(),
            })
            .collect();
        response = residence.iter().sum();
        throughput = n as f64 / (think + response);
        for (k, station) in stations.iter().enumerate() {
            queues[k] = throughput * residence[k];
            if let Some(c) = station.servers.filter(|c| *c > 1) {
                let mut next = vec![0.0; n + 1];
                for j in 1..=n {
                    let rate = f64::from(c).min(j as f64);
                    next[j] =
                        throughput * station.demand / rate * marginals[k].get(j - 1).copied().unwrap_or(0.0);
                }
                next[0] = (1.0 - next.iter().sum::<f64>()).max(0.0);
                marginals[k] = next;
            }
        }
    }
    ClosedNetwork { throughput, response, queues }
}

/// The mean of the k-th smallest of n independent unit exponentials.
#[must_use]
pub fn exponential_order_statistic(k: u32, n: u32) -> f64 {
    (n - k.min(n) + 1..=n).map(|i| 1.0 / f64::from(i)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: f64, expected: f64) {
        assert!((seen - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{seen} for {expected}");
    }

    #[test]
    fn open_stations_agree_with_published_values() {
        let two = Mmc { servers: 2, arrivals: 1.6, services: 1.0 }; // MMC-2-1.6
        close(erlang_c(2, 1.6), 0.711_111_111_111_111_1);
        close(two.mean_wait(), 1.777_777_777_777_778_3);
        close(two.sojourn_quantile(0.5), 2.040_031_445_926_042_2);
        close(two.sojourn_quantile(0.99), 11.937_370_236_004_272);
        close(erlang_b(10, 8.0), 0.121_661_064_252_951_5); // ERLB-10
        close(erlang_b(100, 84.06), 0.009_991_702_588_026_485); // ERLB-100
        let lossy = Mmck { servers: 1, room: 10, arrivals: 0.9, services: 1.0 }; // MMCK-1-10-0.9
        close(lossy.rejected(), 0.050_813_731_327_412_376);
        close(lossy.mean_sojourn(), 4.646_600_672_123_704_5);
        close(Mmc { servers: 1, arrivals: 0.8, services: 1.0 }.mean_sojourn(), 5.0); // MM1-080
        close(mg1_mean_wait(0.7, 1.0, 4.0), 5.833_333_333_333_332); // MH21-scv4-070
        assert_eq!(Mmc { servers: 1, arrivals: 2.0, services: 1.0 }.mean_wait(), f64::INFINITY);
    }

    #[test]
    fn closed_networks_obey_the_interactive_response_time_law() {
        // domain: one core, 10 ms, think 5 s.
        let core = [ClosedStation { demand: 0.01, servers: Some(1) }];
        for (users, throughput, response) in [(100, 19.95, 0.01245), (500, 96.5, 0.181), (1000, 100.0, 5.0)] {
            let seen = mean_value_analysis(users, 5.0, &core);
            assert!((seen.throughput / throughput - 1.0).abs() < 0.005, "{seen:?}");
            assert!((seen.response - response).abs() < 0.01 * response, "{seen:?}");
            close(f64::from(users), seen.throughput * (seen.response + 5.0));
        }
        // MVA-LINE3: three machines, two repairmen.
        let repair = mean_value_analysis(3, 2.0, &[ClosedStation { demand: 0.25, servers: Some(2) }]);
        close(repair.throughput, 1.332_419_465_387_251_6);
        close(repair.queues[0], 0.335_161_069_225_496_93);
    }

    #[test]
    fn order_statistics_are_sums_of_inverses() {
        close(exponential_order_statistic(3, 3), 11.0 / 6.0);
        close(exponential_order_statistic(2, 3), 5.0 / 6.0);
    }
}
