//! Who gets the next request: random, in turn, the shortest line, the better of two.

use super::cases::expected;
use super::rule::{hold, hold_value, mean_and_error, scenario, station, watched};

fn balanced(rate: f64, servers: u32, algorithm: &str, work: &str, seconds: u32) -> String {
    scenario(
        &format!("c: {{rate: {rate}/s, mix: {{GET /: 1}}, to: lb}}"),
        &format!(
            "lb: {{kind: load_balancer, algorithm: {algorithm}, to: s}}
             s: {{kind: service, instances: {servers}, {}}}",
            station(1, work)
        ),
        seconds,
    )
}

#[test]
fn random_against_in_turn() {
    let id = "LINE-T4";
    hold(id, &balanced(1.0, 2, "random", "exp(500ms)", 20_000), &[("mean", "mean_random")]);
    hold(id, &balanced(1.0, 2, "round_robin", "exp(500ms)", 20_000), &[("mean", "mean_round_robin")]);
}

#[test]
fn ten_servers_under_heavy_load() {
    let id = "LB-10-090";
    let run = |algorithm: &str| watched(&balanced(9.0, 10, algorithm, "exp(1s)", 8_000), &[]);
    let mean = |runs: &super::rule::Runs| mean_and_error(&runs.each("mean")).0;
    let (random, turns) = (run("random"), run("round_robin"));
    hold_value(id, "mean", "mean_random", &random.each("mean"), random.jobs());
    hold_value(id, "p99", "p99_random", &random.each("p99"), random.jobs());
    hold_value(id, "mean", "mean_round_robin", &turns.each("mean"), turns.jobs());
    hold_value(id, "p99", "p99_round_robin", &turns.each("p99"), turns.jobs());
    // Central queue <= join the shortest <= power of two <= random.
    let (shortest, two) = (mean(&run("least_connections")), mean(&run("power_of_two_choices")));
    let central = expected(id, "mean_central_queue_lower_bound");
    assert!(central < shortest && shortest < two && two < mean(&random), "{central} {shortest} {two}");
    assert!(mean(&turns) < mean(&random));
}

#[test]
fn the_shorter_of_two_lines() {
    let id = "JSQ-2";
    let runs = watched(&balanced(1.8, 2, "least_connections", "exp(1s)", 60_000), &[]);
    hold_value(id, "mean", "mean_sojourn", &runs.each("mean"), runs.jobs());
    assert!(mean_and_error(&runs.each("mean")).0 > expected(id, "central_queue"));
}

#[test]
fn two_choices_are_drawn_without_replacement() {
    let runs = watched(&balanced(2.4, 3, "power_of_two_choices", "exp(1s)", 40_000), &[]);
    let means = runs.each("mean");
    hold_value("P2C-3", "mean", "mean_sojourn_without_replacement", &means, runs.jobs());
    let (mean, error) = mean_and_error(&means);
    assert!(mean + 20.0 * error < expected("P2C-3", "mean_sojourn_with_replacement"), "{mean} +- {error}");
}

/// Many servers: the mean falls to the mean-field limit as they grow, and a hundred are close to it and above.
#[test]
fn two_choices_among_many_servers_approach_the_mean_field() {
    for (load, published) in [(0.5, "d2_rho.50"), (0.7, "d2_rho.70"), (0.8, "d2_rho.80"), (0.9, "d2_rho.90")]
    {
        let limit = expected("POD-MEANFIELD", &format!("meanfield_T_d2_rho{load}"));
        let mean = |servers: u32, seconds: u32| {
            let rate = load * f64::from(servers);
            let text = balanced(rate, servers, "power_of_two_choices", "exp(1s)", seconds);
            // The empty start is felt for long under heavy load.
            let text =
                text.replace("replications: 30", "replications: 10").replace("warmup: 10%", "warmup: 40%");
            let runs = watched(&text, &[]);
            mean_and_error(&runs.each("mean"))
        };
        let (few, hundred, many) = (mean(10, 1_500), mean(100, 400), mean(500, 150));
        assert!(
            few.0 > hundred.0 && hundred.0 > many.0 - 3.66 * many.1,
            "{load}: {few:?} {hundred:?} {many:?}"
        );
        assert!((many.0 / limit - 1.0).abs() < 0.01 + 3.66 * many.1 / limit, "{load}: {many:?} for {limit}");
        let simulated = expected("PUB-MITZ-SIM", published);
        assert!((hundred.0 / simulated - 1.0).abs() < 0.02, "{load}: {hundred:?} for {simulated}");
    }
}

/// Aphyr's early run: even connections before round robin before random, in every percentile.
#[test]
fn fewer_connections_beat_turns_and_turns_beat_chance() {
    let percentiles = |algorithm: &str| {
        let runs = watched(&balanced(9.0, 10, algorithm, "exp(1s)", 1_000), &[]);
        ["p50", "p95", "p99"].map(|p| mean_and_error(&runs.each(p)).0)
    };
    let [even, turns, random] = ["least_connections", "round_robin", "random"].map(percentiles);
    let id = "PUB-TIMELIKE-GIST";
    for (i, p) in ["p50", "p95", "p99"].into_iter().enumerate() {
        let published = ["even", "rr", "random"].map(|who| expected(id, &format!("{who}_{p}")));
        assert!(published.is_sorted(), "{p}");
        assert!(even[i] < turns[i] && turns[i] < random[i], "{p}: {even:?} {turns:?} {random:?}");
    }
}
