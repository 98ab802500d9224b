//! Recorded traffic arrives as it was recorded: totals, peaks, and the backlog it would have built.

use super::model::{read_with, run_model};
use surgesim::workload::ArrivalProcess;

fn facts(name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string("tests/data/arrival_traces.json").unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()[name].clone()
}

fn counts(scenario: &str, trace: &str) -> (Vec<u64>, f64) {
    let text = std::fs::read_to_string(format!("scenarios/{scenario}")).unwrap();
    let file = std::fs::read_to_string(format!("scenarios/traces/{trace}")).unwrap();
    let model = read_with(&text, &[(&format!("traces/{trace}"), &file)]).unwrap_or_else(|e| panic!("{e}"));
    match &model.clients[0].arrivals {
        ArrivalProcess::Trace { counts, interval } => (counts.to_vec(), *interval),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_launch_day_has_its_total_and_its_peak_minute_forty_times() {
    let name = "nasa_19950713_per_second.csv";
    let (facts, (counts, interval)) = (facts(name), counts("real-launch-day.yaml", name));
    assert_eq!(interval, 1.0);
    assert_eq!(counts.iter().sum::<u64>(), 40 * facts["total"].as_u64().unwrap());
    assert_eq!(*counts.iter().max().unwrap(), 40 * facts["max_per_second"].as_u64().unwrap());
    let minutes: Vec<u64> = counts.chunks(60).map(|minute| minute.iter().sum()).collect();
    let (at, most) = minutes.iter().enumerate().max_by_key(|(at, n)| (**n, std::cmp::Reverse(*at))).unwrap();
    assert_eq!(*most, 40 * facts["max_per_minute"].as_u64().unwrap());
    assert_eq!(at as u64, facts["max_minute_index"].as_u64().unwrap());
}

#[test]
fn two_weeks_of_a_load_balancer_have_their_total_and_their_spike() {
    let name = "nab_elb_request_count_8c0756.csv";
    let (facts, (counts, interval)) = (facts(name), counts("real-elb.yaml", name));
    assert_eq!(interval, facts["interval_s"].as_f64().unwrap());
    assert_eq!(counts.iter().sum::<u64>() as f64, 20.0 * facts["total"].as_f64().unwrap());
    let most = *counts.iter().max().unwrap() as f64;
    assert_eq!(most, 20.0 * facts["max"].as_f64().unwrap());
}

#[test]
fn a_server_of_three_a_second_builds_the_day_s_fluid_backlog() {
    let name = "nasa_19950713_per_second.csv";
    let file = std::fs::read_to_string(format!("scenarios/traces/{name}")).unwrap();
    let expected = facts(name)["fluid_backlog_mu3"]["max_backlog"].as_f64().unwrap();
    let text = "
scenario: backlog
run: {duration: 24h, replications: 1, bucket: 1m}
clients: {web: {rate: {trace: {file: day.csv, columns: [second, count], interval: 1s}}, mix: {GET /: 1}, to: app}}
components: {app: {kind: service, workers: 1, endpoints: {GET /: [{sleep: 333333333ns}]}}}
";
    let model = read_with(text, &[("day.csv", &file)]).unwrap_or_else(|e| panic!("{e}"));
    let most = run_model(&model).each("app.queue.max")[0];
    assert!((most / expected - 1.0).abs() < 0.002, "{most} for {expected}");
}
