//! Several servers: Erlang B and C, M/M/c, M/M/c/K.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: f64, expected: f64) {
        assert!((seen - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{seen} for {expected}");
    }

    #[test]
    fn one_server_is_the_simplest_of_many() {
        let one = Mmc { servers: 1, arrivals: 0.8, services: 1.0 };
        close(one.mean_sojourn(), 5.0);
        close(one.sojourn_quantile(0.99), 5.0 * libm::log(100.0));
        close(erlang_c(1, 0.8), 0.8);
        close(erlang_b(1, 0.8), 0.8 / 1.8);
    }

    #[test]
    fn a_large_room_is_none_and_no_room_is_loss() {
        let open = Mmc { servers: 3, arrivals: 2.0, services: 1.0 };
        let bounded = Mmck { servers: 3, room: 400, arrivals: 2.0, services: 1.0 };
        close(bounded.mean_sojourn(), open.mean_sojourn());
        assert!(bounded.rejected() < 1e-60);
        close(Mmck { room: 3, ..bounded }.rejected(), erlang_b(3, 2.0));
        // Thousands of servers neither overflow nor lose their sum.
        let huge = Mmck { servers: 5_000, room: 6_000, arrivals: 5_500.0, services: 1.0 };
        close(huge.probabilities().iter().sum(), 1.0);
        assert!((huge.rejected() - 500.0 / 5_500.0).abs() < 0.01);
    }

    #[test]
    fn nothing_is_stable_beyond_saturation() {
        assert_eq!(Mmc { servers: 1, arrivals: 2.0, services: 1.0 }.mean_wait(), f64::INFINITY);
        close(erlang_c(4, 4.0), 1.0);
    }
}
