//! Choosing among servers: the mean field of the power of d choices, the exact law of a few servers, and the
//! search for a free one.

/// The mean sojourn where each arrival joins the shortest of `choices` queues picked at random among
/// infinitely many, at load `rho`, in service times (Mitzenmacher 1996; Vvedenskaya, Dobrushin and
/// Karpelevich 1996).
#[must_use]
pub fn power_of_choices_mean(choices: u32, rho: f64) -> f64 {
    let d = f64::from(choices);
    let mut sum = 0.0;
    for i in 1..=100_000_u32 {
        let exponent =
            if choices == 1 { f64::from(i - 1) } else { (libm::pow(d, f64::from(i)) - d) / (d - 1.0) };
        let term = libm::pow(rho, exponent);
        sum += term;
        if term < 1e-16 * sum {
            break;
        }
    }
    sum
}

/// How many looks it takes to find a free worker of `all` of which `busy` are busy, looking at `k` different
/// ones at a time (Brooker 2024).
#[must_use]
pub fn looks_until_free(all: u32, busy: u32, k: u32) -> f64 {
    let none_free: f64 =
        (0..k).map(|i| (f64::from(busy) - f64::from(i)).max(0.0) / (f64::from(all) - f64::from(i))).product();
    1.0 / (1.0 - none_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_choice_is_random_and_more_are_better() {
        assert!((power_of_choices_mean(1, 0.9) - 10.0).abs() < 1e-9);
        let means: Vec<f64> = (1..6).map(|d| power_of_choices_mean(d, 0.9)).collect();
        assert!(means.windows(2).all(|w| w[0] > w[1]) && means[4] > 1.0, "{means:?}");
    }

    #[test]
    fn looking_at_all_finds_one_at_once() {
        assert!((looks_until_free(10, 9, 10) - 1.0).abs() < 1e-12);
        assert!((looks_until_free(10, 9, 1) - 10.0).abs() < 1e-12);
    }
}
