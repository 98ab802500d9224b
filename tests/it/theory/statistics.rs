//! The statistics themselves: quantiles, ranks, truncation, and whether intervals cover what they say.

use surgesim::experiment::confidence::{
    interpolated, nearest_rank, percentile_ranks, t_interval, t_quantile,
};
use surgesim::experiment::warm_up::mser5;

use super::cases::{case, expected, numbers};
use super::rule::{one, station, watched};

#[test]
fn quantiles_of_student_and_of_the_normal() {
    let id = "STAT-T";
    let close = |quantity: &str, seen: f64| {
        let truth = expected(id, quantity);
        assert!((seen - truth).abs() < 3e-9, "{quantity}: {seen} for {truth}");
    };
    close("t_975_29", t_quantile(0.975, 29.0).unwrap());
    close("t_9995_29", t_quantile(0.9995, 29.0).unwrap());
    close("t_975_9", t_quantile(0.975, 9.0).unwrap());
    close("bonferroni_t_100tests_29", t_quantile(1.0 - 0.05 / 200.0, 29.0).unwrap());
    // The normal is Student's limit (Abramowitz and Stegun 26.7.5, two terms).
    let (n, z) = (1000.0, expected(id, "z_975"));
    let student =
        z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n);
    assert!((t_quantile(0.975, n).unwrap() - student).abs() < 1e-7, "{student}");
    assert!((1.0 - 0.95_f64.powf(0.01) - expected(id, "sidak_alpha_100")).abs() < 1e-9);
}

#[test]
fn ranks_that_enclose_a_percentile() {
    let id = "STAT-QCI";
    let n = case(id).parameter("n").as_u64().unwrap();
    let rank = |quantity: &str| expected(id, quantity) as u64;
    assert_eq!(percentile_ranks(n, 0.99, 0.95), Some((rank("lower_rank_95"), rank("upper_rank_95"))));
    // The smallest samples whose two extremes enclose it: (1 - p)^n + p^n below five percent.
    for (share, quantity) in
        [(0.99_f64, "min_n_for_p99_two_sided_95"), (0.999, "min_n_for_p999_two_sided_95")]
    {
        let smallest = (1..10_000).find(|n| share.powi(*n) + (1.0 - share).powi(*n) <= 0.05).unwrap();
        assert_eq!(smallest as u64, rank(quantity));
        // With a tail of 2.5 % on either side, as the ranks are chosen, it takes more.
        assert_eq!(percentile_ranks(smallest as u64, share, 0.95), None);
    }
}

#[test]
fn truncation_on_a_deterministic_series() {
    let id = "STAT-MSER5";
    let series: Vec<f64> =
        (0..1000).map(|i| 10.0 * (-f64::from(i) / 50.0).exp() + f64::from(i).sin()).collect();
    let cut = mser5(&series).unwrap();
    assert_eq!(cut.index as f64, expected(id, "truncation_index"));
    assert!((cut.statistic - expected(id, "mser_statistic")).abs() < 1e-9);
    let rest = &series[cut.index..];
    let mean = rest.iter().sum::<f64>() / rest.len() as f64;
    assert!((mean - expected(id, "mean_after_truncation")).abs() < 1e-9);
}

#[test]
fn percentiles_by_rank_and_by_interpolation() {
    let id = "STAT-PCT";
    let data = numbers(case(id).parameter("data"));
    for (share, name) in [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")] {
        assert_eq!(nearest_rank(&data, share), Some(expected(id, &format!("nearest_rank_{name}"))));
        let seen = interpolated(&data, share).unwrap();
        assert!((seen - expected(id, &format!("type7_{name}"))).abs() < 1e-9);
    }
}

/// The noise of a simulated mean wait is as large as theory says: the engine's draws are not too even.
#[test]
fn the_variance_of_a_mean_wait() {
    let id = "STAT-MM1-ASYVAR";
    let text =
        one("rate: 0.5/s", &station(1, "exp(1s)"), 10_000).replace("replications: 30", "replications: 600");
    let runs = watched(&text, &[]);
    let (_, error) = super::rule::mean_and_error(&runs.each("s.wait"));
    let jobs = runs.jobs() / 600.0;
    let seen = error * error * 600.0 * jobs;
    let truth = expected(id, "sigma2_rho0.5");
    // A variance from 600 values is within a fifth of the true one; correlations at the ends take a percent.
    assert!((seen / truth - 1.0).abs() < 0.21, "{seen} for {truth}");
}

#[test]
#[ignore = "long: 80 million jobs for the coverage of 400 intervals"]
fn intervals_cover_what_they_say() {
    let id = "STAT-COVER";
    let text =
        one("rate: 0.8/s", &station(1, "exp(1s)"), 27_778).replace("replications: 30", "replications: 4000");
    let runs = watched(&text, &[]);
    for (metric, truth, quantity) in
        [("mean", 5.0, "coverage_mean_R10_n20000"), ("p99", 23.025_851, "coverage_p99_R10_n20000")]
    {
        let values = runs.each(metric);
        let covers =
            |group: &[f64]| t_interval(group, 0.95).is_some_and(|i| i.low <= truth && truth <= i.high);
        let covered = values.chunks(10).filter(|group| covers(group)).count() as f64 / 400.0;
        let published = expected(id, quantity);
        let own = (covered * (1.0 - covered) / 400.0).sqrt();
        let theirs = (published * (1.0 - published) / 2000.0).sqrt();
        let off = (covered - published).abs();
        assert!(off <= 3.0 * (own * own + theirs * theirs).sqrt(), "{metric}: {covered} for {published}");
    }
}
