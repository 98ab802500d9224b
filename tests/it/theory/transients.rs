//! What happens on the way: from empty, through a spike, and back.

use super::cases::{case, expected};
use super::rule::{Ensemble, hold_value, mean_and_error, station, watched};

/// One service under a rate over time.
fn episode(client: &str, service: &str, seconds: u32) -> String {
    format!(
        "scenario: episode\nrun: {{duration: {seconds}s, warmup: 0s, seed: 1, replications: 4, bucket: {seconds}s}}\n\
         clients:\n  c: {{{client}, mix: {{GET /: 1}}, to: s}}\ncomponents:\n  s: {{kind: service, {service}}}\n"
    )
}

/// So many episodes of a scenario.
fn ensemble(text: &str, episodes: u32, instants: &[f64]) -> Ensemble {
    Ensemble::new(&crate::model::model(text), episodes, instants)
}

/// A case of an ensemble: its accuracy depends on the number of replications, which are its jobs.
fn hold_ensemble(id: &str, quantity: &str, values: &[f64]) {
    hold_value(id, "ensemble", quantity, values, values.len() as f64);
}

#[test]
fn a_queue_that_starts_empty() {
    let times = [1.0, 5.0, 20.0, 100.0];
    let runs = ensemble(&episode("rate: 0.8/s", &station(1, "exp(1s)"), 101), 20_000, &times);
    for (i, t) in times.into_iter().enumerate() {
        let numbers = runs.present(i);
        hold_ensemble("TRANS-MM1", &format!("EN_t{t}"), &numbers);
        let empty: Vec<f64> = numbers.iter().map(|n| f64::from(u8::from(*n == 0.0))).collect();
        hold_ensemble("TRANS-MM1", &format!("p00_t{t}"), &empty);
    }
}

#[test]
fn a_backlog_drains_in_as_many_busy_periods() {
    // Two hundred come within a microsecond; the others as ever.
    let text = "scenario: drain\nrun: {duration: 1000s, seed: 1, replications: 1, bucket: 1000s}\n\
                clients:\n  heap: {rate: {trace: {file: heap.csv, columns: [at, n], interval: 1us}}, mix: {GET /: 1}, to: s}\n  \
                c: {rate: 0.5/s, mix: {GET /: 1}, to: s}\n\
                components:\n  s: {kind: service, workers: 1, endpoints: {GET /: [sleep: exp(1s)]}}\n";
    let backlog = case("DRAIN-MM1").parameter("backlog").as_u64().unwrap();
    let heap = format!("at,n\n0,{backlog}\n");
    let model = crate::model::read_with(text, &[("heap.csv", &heap)]).unwrap();
    let runs = Ensemble::new(&model, 3_000, &[]);
    let slot = runs.watches[0].slot(&runs.catalog, "s");
    let drained: Vec<f64> = runs.watches.iter().map(|w| w.slots[slot].emptied.unwrap()).collect();
    hold_ensemble("DRAIN-MM1", "mean_drain_time", &drained);
    let (mean, error) = mean_and_error(&drained);
    // The standard error of a standard deviation is the deviation over the root of 2n, somewhat more with this skew.
    let sd = error * (drained.len() as f64).sqrt();
    let truth = expected("DRAIN-MM1", "sd_drain_time");
    assert!((sd / truth - 1.0).abs() < 0.06, "{sd} for {truth}, mean {mean}");
}

#[test]
fn without_a_limit_a_spike_is_felt_by_the_law_of_service() {
    // The base runs for two minutes before the case's time zero, so that it starts in its steady state.
    let shift = 120.0;
    let client = "rate: {steps: [0s 50/s, 180s 400/s, 210s 50/s]}";
    let times = [60.5, 62.0, 70.0, 90.0, 91.0, 95.0];
    for (shape, work) in [("exp", "exp(2s)"), ("const", "2s"), ("lognormal", "\"lognormal(mean=2s, cv=2)\"")]
    {
        let edge = format!("workers: none, endpoints: {{GET /: [sleep: {work}]}}");
        let instants: Vec<f64> = times.iter().map(|t| t + shift).collect();
        let runs = ensemble(&episode(client, &edge, 216), 60, &instants);
        for (i, t) in times.into_iter().enumerate() {
            let numbers = runs.present(i);
            hold_ensemble("SPIKE-MTGINF", &format!("EN_{shape}_t{t}"), &numbers);
            // Poisson: the variance is the mean, to the accuracy of 60 values.
            let (mean, error) = mean_and_error(&numbers);
            let ratio = error * error * 60.0 / mean;
            assert!((0.4..1.9).contains(&ratio), "{shape} at {t}: variance / mean is {ratio}");
        }
    }
}

#[test]
fn a_hundred_servers_through_a_spike() {
    let client = "rate: {steps: [0s 80/s, 30s 150/s, 40s 80/s]}";
    let times = [10.0, 12.0, 15.0, 20.0, 30.0, 45.0, 60.0];
    let instants: Vec<f64> = times.iter().map(|t| t + 20.0).collect();
    let runs = ensemble(&episode(client, &station(100, "exp(1s)"), 81), 200, &instants);
    for (i, t) in times.into_iter().enumerate() {
        hold_ensemble("SPIKE-MTMC", &format!("EN_t{t}"), &runs.present(i));
    }
}

/// A large system is close to the fluid: backlog, longest wait and drain time per server.
#[test]
fn a_large_system_through_a_spike_is_a_fluid() {
    let id = "FLUID-SPIKE";
    // A thousand servers. The case's fluid fills no spare servers first: a twenty-fifth of its backlog.
    let client = "rate: {steps: [0s 800/s, 30s 1500/s, 40s 800/s]}";
    let text = episode(client, &station(1_000, "exp(1s)"), 80);
    let runs = ensemble(&text, 4, &[40.0, 64.0, 66.0]);
    let waiting = |instant: usize| {
        let beyond = |n: &f64| (n - 1_000.0).max(0.0) / 10.0;
        mean_and_error(&runs.present(instant).iter().map(beyond).collect::<Vec<_>>()).0
    };
    let longest = mean_and_error(&watched(&text, &[]).each("s.wait.max")).0;
    let (peak, wait) = (expected(id, "peak_backlog"), expected(id, "max_wait"));
    assert!((waiting(0) / peak - 1.0).abs() < 0.05, "{}", waiting(0));
    assert!((longest / wait - 1.0).abs() < 0.05, "{longest}");
    // It has drained 25 s after the spike's end at 40 s: a second before not yet, a second after almost.
    assert_eq!(expected(id, "drain_time_after_spike"), 25.0);
    assert!(waiting(1) > 8.0 && waiting(2) < 8.0, "{} {}", waiting(1), waiting(2));
}

#[test]
fn a_rate_that_jumps_is_counted_exactly() {
    let id = "NHPP-COUNT";
    let service = "workers: none, endpoints: {GET /: [sleep: 10s]}";
    let text = episode("rate: {steps: [0s 50/s, 60s 400/s, 90s 50/s]}", service, 120);
    let runs = ensemble(&text, 300, &[95.0]);
    let sent: Vec<f64> = runs.watches.iter().map(|watch| watch.sent as f64).collect();
    hold_ensemble(id, "mean_count_0_120", &sent);
    let (_, error) = mean_and_error(&sent);
    let ratio = error * error * 300.0 / expected(id, "var_count_0_120");
    assert!((0.74..1.3).contains(&ratio), "variance / mean is {ratio}"); // 3.66 x sqrt(2 / 299)
    // Each stays for ten seconds: those present at 95 s came since 85 s.
    hold_ensemble(id, "mean_count_85_95", &runs.present(0));
}
