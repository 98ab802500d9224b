//! M/G/1 with classes served by priority (Cobham 1954; Kleinrock 1976, chapter 3). Class 0 comes first.

/// A class: its arrival rate, and the first two moments of its service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorityClass {
    /// Arrivals per unit of time.
    pub arrivals: f64,
    /// Mean service.
    pub mean: f64,
    /// Mean square of service.
    pub second: f64,
}

impl PriorityClass {
    /// A class with exponential service.
    #[must_use]
    pub fn exponential(arrivals: f64, mean: f64) -> Self {
        Self { arrivals, mean, second: 2.0 * mean * mean }
    }
}

/// The load of the classes before each class, and its own added.
fn loads(classes: &[PriorityClass]) -> impl Iterator<Item = (f64, f64)> + '_ {
    classes.iter().scan(0.0, |sum, class| {
        let before = *sum;
        *sum += class.arrivals * class.mean;
        Some((before, *sum))
    })
}

/// Mean wait of each class where service is not interrupted.
#[must_use]
pub fn priority_waits(classes: &[PriorityClass]) -> Vec<f64> {
    let residual: f64 = classes.iter().map(|c| c.arrivals * c.second / 2.0).sum();
    loads(classes).map(|(before, with)| wait(residual, before, with)).collect()
}

/// Mean sojourn of each class where a higher class interrupts service, which resumes later.
#[must_use]
pub fn preemptive_sojourns(classes: &[PriorityClass]) -> Vec<f64> {
    let mut residual = 0.0;
    loads(classes)
        .zip(classes)
        .map(|((before, with), class)| {
            residual += class.arrivals * class.second / 2.0;
            class.mean / (1.0 - before) + wait(residual, before, with)
        })
        .collect()
}

fn wait(residual: f64, before: f64, with: f64) -> f64 {
    if with >= 1.0 { f64::INFINITY } else { residual / ((1.0 - before) * (1.0 - with)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_is_no_priority() {
        let one = [PriorityClass::exponential(0.8, 1.0)];
        assert!((priority_waits(&one)[0] - 4.0).abs() < 1e-12);
        assert!((preemptive_sojourns(&one)[0] - 5.0).abs() < 1e-12);
    }

    #[test]
    fn the_lowest_class_alone_is_unstable_first() {
        let two = [PriorityClass::exponential(0.5, 1.0), PriorityClass::exponential(0.6, 1.0)];
        let waits = preemptive_sojourns(&two);
        assert!((waits[0] - 2.0).abs() < 1e-12);
        assert_eq!(waits[1], f64::INFINITY);
    }
}
