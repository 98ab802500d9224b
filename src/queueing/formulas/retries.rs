//! What trying again does to the number of attempts and to the line.

/// Attempts per request where each fails independently with probability `failure`, at most `attempts` in all.
#[must_use]
pub fn attempts_per_request(failure: f64, attempts: u32) -> f64 {
    if failure >= 1.0 {
        return f64::from(attempts);
    }
    (1.0 - libm::pow(failure, f64::from(attempts))) / (1.0 - failure)
}

/// M/M/1 without a line whose blocked customers come again after an exponential time with rate `theta`, for
/// ever: mean sojourn (Falin and Templeton 1997, 1.2).
#[must_use]
pub fn retrial_sojourn(arrivals: f64, services: f64, theta: f64) -> f64 {
    let rho = arrivals / services;
    let orbit = arrivals * arrivals * (services + theta) / (theta * services * (services - arrivals));
    (orbit + rho) / arrivals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_bounded_by_what_is_allowed() {
        assert_eq!(attempts_per_request(0.0, 3), 1.0);
        assert_eq!(attempts_per_request(1.0, 3), 3.0);
        assert!((attempts_per_request(0.5, 3) - 1.75).abs() < 1e-12);
    }

    #[test]
    fn coming_again_at_once_is_waiting_in_line() {
        assert!((retrial_sojourn(0.8, 1.0, 1e12) - 5.0).abs() < 1e-9);
    }
}
