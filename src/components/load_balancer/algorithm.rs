//! Who gets the next request: the algorithms, over one load-balancer instance's own view.
//!
//! Load is the number of requests that this instance has sent and not seen answered, queued at the
//! backend or in service there alike. Each algorithm states its rule for ties.

use crate::base::random::Draws;

/// How a backend is picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// In turn.
    RoundRobin,
    /// In turn, in proportion to weights, spread evenly (nginx's smooth weighted round robin).
    WeightedRoundRobin,
    /// Uniformly at random.
    Random,
    /// At random, in proportion to weights.
    WeightedRandom,
    /// The least loaded.
    LeastConnections,
    /// The less loaded of two different ones picked at random.
    PowerOfTwoChoices,
}

/// Which of several equally loaded backends is picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ties {
    /// The one with the lowest index.
    First,
    /// One at random.
    Random,
    /// In turn.
    Rotate,
}

/// One instance's view of the backends of one route.
#[derive(Clone, Debug)]
pub(super) struct View {
    algorithm: Algorithm,
    ties: Ties,
    weights: Vec<f64>,
    in_flight: Vec<u32>,
    credit: Vec<f64>,
    next: usize,
}

impl View {
    /// A view of backends with these weights.
    #[must_use]
    pub(super) fn new(algorithm: Algorithm, ties: Ties, weights: Vec<f64>) -> Self {
        let n = weights.len();
        Self { algorithm, ties, weights, in_flight: vec![0; n], credit: vec![0.0; n], next: 0 }
    }

    /// Picks a backend and counts the request as in flight there; `None` without backends.
    pub(super) fn pick(&mut self, draws: &mut Draws) -> Option<usize> {
        let n = self.in_flight.len();
        if n == 0 {
            return None;
        }
        let chosen = match self.algorithm {
            Algorithm::RoundRobin => self.rotate(n),
            Algorithm::WeightedRoundRobin => self.smooth(),
            Algorithm::Random => draws.below(n as u64) as usize,
            Algorithm::WeightedRandom => self.weighted(draws),
            Algorithm::LeastConnections => self.least(draws),
            Algorithm::PowerOfTwoChoices => self.better_of_two(n, draws),
        };
        self.in_flight[chosen] += 1;
        Some(chosen)
    }

    /// A request sent to `backend` has been answered or given up.
    pub(super) fn release(&mut self, backend: usize) {
        self.in_flight[backend] -= 1;
    }

    fn rotate(&mut self, n: usize) -> usize {
        let chosen = self.next % n;
        self.next = (chosen + 1) % n;
        chosen
    }

    fn smooth(&mut self) -> usize {
        let total: f64 = self.weights.iter().sum();
        let mut best = 0;
        for i in 0..self.weights.len() {
            self.credit[i] += self.weights[i];
            if self.credit[i] > self.credit[best] {
                best = i;
            }
        }
        self.credit[best] -= total;
        best
    }

    fn weighted(&self, draws: &mut Draws) -> usize {
        let mut u = draws.unit() * self.weights.iter().sum::<f64>();
        for (i, weight) in self.weights.iter().enumerate() {
            if u < *weight {
                return i;
            }
            u -= weight;
        }
        self.weights.len() - 1
    }

    fn least(&mut self, draws: &mut Draws) -> usize {
        let least = self.in_flight.iter().min().copied().unwrap_or(0);
        let mut tied = self.in_flight.iter().enumerate().filter(|(_, load)| **load == least).map(|(i, _)| i);
        match self.ties {
            Ties::First => tied.next().unwrap_or(0),
            Ties::Random => {
                let equals = self.in_flight.iter().filter(|load| **load == least).count();
                tied.nth(draws.below(equals as u64) as usize).unwrap_or(0)
            }
            Ties::Rotate => {
                let (first, next) = (tied.clone().next(), tied.find(|i| *i >= self.next));
                let chosen = next.or(first).unwrap_or(0);
                self.next = (chosen + 1) % self.in_flight.len();
                chosen
            }
        }
    }

    /// Two different ones, as nginx's `random two` and HAProxy's `random(2)` draw them; a tie goes to the
    /// first drawn, which is a fair coin.
    fn better_of_two(&mut self, n: usize, draws: &mut Draws) -> usize {
        if n == 1 {
            return 0;
        }
        let first = draws.below(n as u64) as usize;
        let mut second = draws.below(n as u64 - 1) as usize;
        if second >= first {
            second += 1;
        }
        let (a, b) = (self.in_flight[first], self.in_flight[second]);
        match self.ties {
            Ties::First if a == b => first.min(second),
            _ if b < a => second,
            _ => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;

    #[test]
    fn least_connections_with_ties_to_the_first_follows_the_golden_trace() {
        // GOLD-LC: departures before arrivals at equal time.
        let services = [5, 1, 1, 5, 1, 1, 1, 1];
        let mut view = View::new(Algorithm::LeastConnections, Ties::First, vec![1.0; 3]);
        let mut draws = Key::root(0, 0).draws();
        let mut leaving: Vec<(u32, usize)> = Vec::new();
        let mut free_at = [0_u32; 3];
        let mut picked = Vec::new();
        for (now, service) in (0_u32..).zip(services) {
            leaving.retain(|(at, server)| {
                let stays = *at > now;
                if !stays {
                    view.release(*server);
                }
                stays
            });
            let server = view.pick(&mut draws).unwrap();
            free_at[server] = free_at[server].max(now) + service;
            leaving.push((free_at[server], server));
            picked.push(server);
        }
        assert_eq!(picked, [0, 1, 1, 1, 2, 0, 0, 0]);
    }

    #[test]
    fn smooth_weights_spread_evenly() {
        let mut view = View::new(Algorithm::WeightedRoundRobin, Ties::First, vec![5.0, 1.0, 1.0]);
        let mut draws = Key::root(0, 0).draws();
        let picked: Vec<_> = (0..7).filter_map(|_| view.pick(&mut draws)).collect();
        assert_eq!(picked, [0, 0, 1, 0, 2, 0, 0]); // the example of nginx's commit 52327e0
    }

    #[test]
    fn two_choices_are_different_servers() {
        let mut view = View::new(Algorithm::PowerOfTwoChoices, Ties::Random, vec![1.0; 2]);
        let mut draws = Key::root(2, 0).draws();
        // With two servers and no departures the less loaded one is always taken: loads differ by one at most.
        for _ in 0..1000 {
            view.pick(&mut draws);
            assert!(view.in_flight[0].abs_diff(view.in_flight[1]) <= 1);
        }
    }
}
