//! Closed networks by exact mean value analysis.

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

/// Two classes of customers who never think: cycles per unit of time and mean numbers at each station, by
/// exact mean value analysis over all populations up to `customers` (Reiser and Lavenberg 1980), for
/// stations of one server each (processor sharing, or FIFO where classes have equal means). `demands` are
/// per station those of the two classes.
#[must_use]
pub fn two_class_mean_value_analysis(customers: [u32; 2], demands: &[[f64; 2]]) -> [ClassOfNetwork; 2] {
    let width = customers[1] as usize + 1;
    let mut queues = vec![vec![0.0; demands.len()]; (customers[0] as usize + 1) * width];
    let mut last = [ClassOfNetwork::default(), ClassOfNetwork::default()];
    for a in 0..=customers[0] as usize {
        for b in 0..=customers[1] as usize {
            let mut here = vec![0.0; demands.len()];
            for (class, n) in [a, b].into_iter().enumerate() {
                let mut result = ClassOfNetwork::default();
                if n > 0 {
                    let before = &queues[if class == 0 { (a - 1) * width + b } else { a * width + b - 1 }];
                    result.residence =
                        demands.iter().zip(before).map(|(d, queue)| d[class] * (1.0 + queue)).collect();
                    result.throughput = n as f64 / result.residence.iter().sum::<f64>();
                    result.queues = result.residence.iter().map(|r| r * result.throughput).collect();
                    here.iter_mut().zip(&result.queues).for_each(|(sum, queue)| *sum += queue);
                }
                last[class] = result;
            }
            queues[a * width + b] = here;
        }
    }
    last
}

/// One class of a closed network of two.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassOfNetwork {
    /// Cycles per unit of time.
    pub throughput: f64,
    /// Mean time per cycle at each station.
    pub residence: Vec<f64>,
    /// Mean number at each station.
    pub queues: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(seen: f64, expected: f64) {
        assert!((seen - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{seen} for {expected}");
    }

    #[test]
    fn closed_networks_obey_the_interactive_response_time_law() {
        // One core, 10 ms of work, 5 s of thinking: from idle to saturated.
        let core = [ClosedStation { demand: 0.01, servers: Some(1) }];
        for (users, throughput, response) in [(100, 19.95, 0.01245), (500, 96.5, 0.181), (1000, 100.0, 5.0)] {
            let seen = mean_value_analysis(users, 5.0, &core);
            assert!((seen.throughput / throughput - 1.0).abs() < 0.005, "{seen:?}");
            assert!((seen.response - response).abs() < 0.01 * response, "{seen:?}");
            close(f64::from(users), seen.throughput * (seen.response + 5.0));
        }
    }

    #[test]
    fn as_many_servers_as_customers_are_a_delay() {
        let with = |servers| {
            [ClosedStation { demand: 0.3, servers }, ClosedStation { demand: 0.2, servers: Some(1) }]
        };
        let (many, delay) =
            (mean_value_analysis(5, 1.0, &with(Some(5))), mean_value_analysis(5, 1.0, &with(None)));
        close(many.throughput, delay.throughput);
    }

    #[test]
    fn two_equal_classes_are_one() {
        let one = mean_value_analysis(
            5,
            0.0,
            &[
                ClosedStation { demand: 1.0, servers: Some(1) },
                ClosedStation { demand: 3.0, servers: Some(1) },
            ],
        );
        let [a, b] = two_class_mean_value_analysis([2, 3], &[[1.0, 1.0], [3.0, 3.0]]);
        close(a.throughput + b.throughput, one.throughput);
        close(a.queues[1] + b.queues[1], one.queues[1]);
        close(a.throughput / b.throughput, 2.0 / 3.0);
    }
}
