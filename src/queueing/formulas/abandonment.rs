//! Customers who leave the line: Erlang A (exponential patience) and a fixed patience.

/// What happens to a line whose customers leave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abandonment {
    /// The share who leave unserved.
    pub abandoned: f64,
    /// The share who do not begin at once.
    pub waits: f64,
    /// Mean number in line.
    pub queue: f64,
}

/// M/M/c+M (Palm 1957; Garnett, Mandelbaum and Reiman 2002): patience exponential with rate `theta`.
/// The chain is summed until its terms vanish.
#[must_use]
pub fn erlang_a(servers: u32, arrivals: f64, services: f64, theta: f64) -> Abandonment {
    let c = f64::from(servers);
    let (mut weight, mut sum, mut waiting, mut queue) = (1.0, 0.0, 0.0, 0.0);
    for n in 0_u32.. {
        let beyond = (f64::from(n) - c).max(0.0);
        sum += weight;
        if n >= servers {
            waiting += weight;
            queue += beyond * weight;
        }
        if n > servers && weight < 1e-18 * sum {
            break;
        }
        let next = f64::from(n + 1);
        let deaths = next.min(c) * services + (next - c).max(0.0) * theta;
        weight *= arrivals / deaths;
        if weight > 1e200 {
            (weight, sum, waiting, queue) = (weight / 1e200, sum / 1e200, waiting / 1e200, queue / 1e200);
        }
    }
    let queue = queue / sum;
    Abandonment { abandoned: theta * queue / arrivals, waits: waiting / sum, queue }
}

/// M/M/c+D: who has not begun after `patience` leaves (Barrer 1957): the density of the virtual wait decays
/// as exp(-(c mu - lambda) x) up to the patience.
#[must_use]
pub fn fixed_patience(servers: u32, arrivals: f64, services: f64, patience: f64) -> Abandonment {
    let c = f64::from(servers);
    let load = arrivals / services;
    // Weights of 0..c-1 present relative to c-1 present.
    let (mut below, mut weight) = (0.0, 1.0);
    for n in (1..servers).rev() {
        below += weight;
        weight *= f64::from(n) / load;
    }
    below += weight;
    let spare = c * services - arrivals;
    // All weights are divided by the largest value of the density, which grows where there is nothing to spare.
    let largest = (-spare * patience).max(0.0);
    let density = |x: f64| libm::exp(-spare * x - largest);
    below *= libm::exp(-largest);
    let within = if spare.abs() < 1e-12 * services {
        arrivals * patience
    } else {
        arrivals * (density(0.0) - density(patience)) / spare
    };
    // Beyond the patience the virtual wait only falls: whoever comes leaves.
    let beyond = arrivals * density(patience) / (c * services);
    let sum = below + within + beyond;
    // Mean line by Little's law over the waits of all, who leave at the patience.
    let steps = 20_000;
    let step = patience / f64::from(steps);
    let at = |i: i32| (f64::from(i) + 0.5) * step;
    let waited: f64 = (0..steps).map(|i| at(i) * arrivals * density(at(i)) * step).sum();
    let queue = arrivals * (waited + beyond * patience) / sum;
    Abandonment { abandoned: beyond / sum, waits: (within + beyond) / sum, queue }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queueing::formulas::{Mmc, erlang_b, erlang_c};

    #[test]
    fn endless_patience_is_erlang_c_and_none_is_erlang_b() {
        let patient = erlang_a(4, 3.2, 1.0, 1e-9);
        assert!((patient.waits - erlang_c(4, 3.2)).abs() < 1e-6, "{patient:?}");
        assert!((erlang_a(4, 3.2, 1.0, 1e9).abandoned - erlang_b(4, 3.2)).abs() < 1e-6);
        let fixed = fixed_patience(4, 3.2, 1.0, 60.0);
        assert!((fixed.waits - erlang_c(4, 3.2)).abs() < 1e-9, "{fixed:?}");
        let open = Mmc { servers: 4, arrivals: 3.2, services: 1.0 };
        assert!((fixed.queue / 3.2 - open.mean_wait()).abs() < 1e-6, "{fixed:?}");
        assert!((fixed_patience(4, 3.2, 1.0, 0.0).abandoned - erlang_b(4, 3.2)).abs() < 1e-12);
    }

    #[test]
    fn patience_makes_overload_stable() {
        // In the fluid limit those beyond capacity leave.
        let many = erlang_a(1_000, 1_500.0, 1.0, 0.5);
        assert!((many.abandoned - 1.0 / 3.0).abs() < 1e-3, "{many:?}");
        assert!((fixed_patience(1_000, 1_500.0, 1.0, 2.0).abandoned - 1.0 / 3.0).abs() < 1e-3);
    }
}
