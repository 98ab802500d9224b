//! Breakdowns and repairs, capacity that comes late, old news in a balancer, copies of what is late.

use surgesim::base::SimTime;
use surgesim::base::random::{Distribution, Key};
use surgesim::engine::Finished;
use surgesim::event_graph::catalog;
use surgesim::experiment::simulation;
use surgesim::faults::RandomFailures;

use super::cases::expected;
use super::rule::{hold_value, mean_and_error, one, scenario, station, watched};
use super::watch::Watch;

/// A server that breaks down, busy or idle, and goes on with what it had in hand when it is repaired.
#[test]
fn breakdowns_take_capacity_and_time() {
    let id = "BREAK-MM1";
    let service = "workers: 1, cpu: 1, endpoints: {GET /: [cpu: exp(1s)]}";
    let text = one("rate: 0.5/s", service, 200_000);
    // Slower by so much that it does not move: the longest outage of some 20 s does no microsecond of work.
    let text = format!("{text}faults: [{{slow: {{target: s, by: 1000000000x}}, mtbf: 10s, mttr: 2s}}]\n");
    let runs = watched(&text, &[]);
    hold_value(id, "mean", "mean_sojourn", &runs.each("mean"), runs.jobs());
    hold_value(id, "s.in_flight", "mean_in_system", &runs.each("s.in_flight"), runs.jobs());
}

/// A server that is switched off when nobody is there, and started by whoever comes first.
#[test]
fn a_cold_start_is_waited_for_by_all_who_come_during_it() {
    let id = "SETUP-MM1";
    let service = "workers: 1, cold_start: {takes: exp(2s), idle: 0s}, endpoints: {GET /: [sleep: exp(1s)]}";
    let runs = watched(&one("rate: 0.6/s", service, 200_000), &[]);
    hold_value(id, "mean", "mean_sojourn", &runs.each("mean"), runs.jobs());
    hold_value(id, "off", "prob_arrival_finds_off", &runs.each("#s.at(0)"), runs.jobs());
    // Whoever waits finds the worker warm: off or starting is what service leaves over.
    let present = runs.each("#s.present");
    let served: Vec<f64> = runs.each("throughput");
    let (in_system, rate) = (mean_and_error(&present).0, mean_and_error(&served).0);
    let idle = 1.0 - rate * 1.0;
    assert!((idle - expected(id, "fraction_time_off_or_setup")).abs() < 0.01, "{idle}");
    assert!((in_system - rate * expected(id, "mean_sojourn")).abs() < 0.05 * in_system, "{in_system}");
}

/// A worker that looks every two seconds, and then takes one job after the other until there is none.
#[test]
fn a_worker_that_polls_finds_a_job_late_by_the_rest_of_its_pause() {
    let id = "VACD-MM1";
    let text = "
scenario: polls
run: {duration: 200000s, warmup: 2000s, replications: 30, bucket: 100s}
clients: {web: {rate: 0.6/s, mix: {POST /: 1}, to: api}}
components:
  api: {kind: service, workers: none, endpoints: {POST /: [send: {to: jobs}]}}
  jobs: {kind: queue}
  worker: {kind: worker, from: jobs, poll: 2s, steps: [{sleep: exp(1s)}]}
";
    let runs = watched(text, &[]);
    hold_value(id, "completion_time(jobs)", "mean_sojourn", &runs.each("completion_time(jobs)"), runs.jobs());
    // Who is pushed to waits as in M/M/1.
    let pushed = text.replace("poll: 2s, ", "").replace("replications: 30", "replications: 5");
    let pushed = watched(&pushed, &[]);
    let mean = mean_and_error(&pushed.each("completion_time(jobs)")).0;
    assert!((mean - 2.5).abs() < 0.05, "{mean}");
}

/// Five replicas that fail and are repaired by themselves; hours are seconds.
#[test]
fn fewer_than_three_of_five_are_up_as_rarely_as_theory_says() {
    let id = "KOFN-3of5";
    let exponential = |mean| Distribution::Exponential { mean };
    let end = 6e6;
    let mut shares = [Vec::new(), Vec::new(), Vec::new()];
    for replication in 0..30 {
        let mut edges: Vec<(f64, i32)> = Vec::new();
        for replica in 0..5 {
            let key = Key::root(1, replication).with(replica);
            let mut failures = RandomFailures::new(exponential(100.0), exponential(1.0), key);
            loop {
                let (fails, repaired) = failures.next_failure();
                if fails.as_secs_f64() > end {
                    break;
                }
                edges.extend([(fails.as_secs_f64(), 1), (repaired.as_secs_f64(), -1)]);
            }
        }
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut down, mut since, mut outages, mut length) = (0, 0.0, 0_u32, 0.0);
        for (at, change) in edges {
            if down == 2 && change == 1 {
                (since, outages) = (at, outages + 1);
            } else if down == 3 && change == -1 {
                length += at - since;
            }
            down += change;
        }
        shares[0].push(length / end);
        shares[1].push(f64::from(outages) / end);
        shares[2].push(length / f64::from(outages));
    }
    // As many jobs as the pilot had: its intervals are of rare events too.
    for (quantity, values) in
        ["unavailability", "failure_frequency", "mean_outage_duration"].iter().zip(&shares)
    {
        hold_value(id, "var", quantity, values, 1.2e7);
    }
}

/// Ten servers for what needs sixteen, and ten more after two minutes: what waited is served by all twenty, in one
/// line at the balancer.
#[test]
fn capacity_that_comes_late_leaves_a_backlog_to_drain() {
    let id = "AUTOSCALE-LAG";
    let text = scenario(
        "c: {rate: {steps: [0s 800/s, 60s 1600/s]}, arrivals: deterministic, mix: {GET /: 1}, to: lb}",
        &format!(
            "lb: {{kind: load_balancer, algorithm: least_connections, max_conns: 1, queue: {{}}, health: {{every: 100ms, fall: 1, rise: 1}}, to: s}}
             s: {{kind: service, instances: 20, {}}}",
            station(1, "10ms")
        ),
        400,
    )
    .replace("warmup: 10%", "warmup: 0s")
    .replace("replications: 30", "replications: 1");
    let late: Vec<String> =
        (10..20).map(|i| format!("{{at: 0s, kill: \"s[{i}]\", restart_after: 180s}}")).collect();
    let text = format!("{text}faults: [{}]\n", late.join(", "));
    let model = crate::model::model(&text);
    let catalog = catalog(&model);
    let watch = Watch::new(&catalog, SimTime::ZERO, &[179.99, 240.0, 355.0, 365.0]).with_ends();
    let watch = simulation::run_with(&model, 0, watch, |_| true).0.finish(SimTime::from_secs_f64(400.0));
    let slot = watch.slot(&catalog, "lb.visits");
    let present: Vec<f64> = watch.samples.iter().map(|sample| f64::from(sample[slot])).collect();
    let peak = expected(id, "peak_backlog");
    assert!((present[0] - peak).abs() < 0.01 * peak, "{present:?}");
    // It shrinks by 400 a second, for as long as the case says.
    let drained = expected(id, "catch_up_time_after_scale");
    assert!((present[1] - peak * (1.0 - 60.0 / drained)).abs() < 0.01 * peak, "{present:?}");
    assert!(present[2] > 1_000.0 && present[3] < 100.0, "{present:?}");
    // First come, first served: whoever comes just before the new ones waits as long as the case says, and longest
    // of all whoever came at 135 s, to be served when they come.
    let all = watch.ends.unwrap();
    let took = |(at, end): &(SimTime, Finished)| at.since(end.started).as_secs_f64();
    let at = |second: f64| {
        let came = all.iter().filter(|(_, end)| end.outcome.is_ok() && end.started.as_secs_f64() >= second);
        took(came.min_by_key(|(_, end)| end.started).unwrap())
    };
    let wait = expected(id, "peak_wait");
    assert!((at(179.9) - wait).abs() < 0.01 * wait, "{} for {wait}", at(179.9));
    let longest = all.iter().filter(|(_, end)| end.outcome.is_ok()).map(took).fold(0.0, f64::max);
    assert!((longest - 45.0).abs() < 0.2 && (at(135.0) - 45.0).abs() < 0.2, "{longest}, {}", at(135.0));
    let delayed =
        all.iter().filter(|(at, end)| end.outcome.is_ok() && took(&(*at, *end)) > 0.0101).count() as f64;
    let all_delayed = expected(id, "requests_delayed");
    assert!((delayed - all_delayed).abs() < 0.05 * all_delayed, "{delayed} for {all_delayed}");
}

/// Brooker's experiment in words: with fresh loads the best of all wins, with old ones it is the worst, and of the
/// better of two the lead passes to chance only when the news is very old.
#[test]
fn old_news_of_loads_is_worse_than_none() {
    let id = "PUB-BROOKER-STALE";
    let run = |algorithm: &str, age: u32| {
        let text = scenario(
            "c: {rate: 1/s, mix: {GET /: 1}, to: lb}",
            &format!(
                "lb: {{kind: load_balancer, algorithm: {algorithm}, view_age: {age}s, to: s}}
                 s: {{kind: service, instances: 10, {}}}",
                station(1, "8s")
            ),
            40_000,
        )
        .replace("replications: 30", "replications: 3");
        mean_and_error(&watched(&text, &[]).each("mean")).0
    };
    let (two, best) = ("power_of_two_choices", "least_connections");
    let chance = run("random", 0);
    assert!(run(best, 0) < run(two, 0) && run(two, 0) < chance);
    let leads = expected(id, "best2_leads_from_refresh") as u32;
    assert!(run(two, 2 * leads) < run(best, 2 * leads), "the best of old news is a crowd");
    assert!(run(two, 2 * leads) < chance);
    let cedes = expected(id, "best2_leads_to_refresh") as u32;
    assert!(run(best, cedes) > 1.5 * chance);
    assert!(run(two, 3 * cedes) > chance, "then chance is better");
}

/// Calls of a request but the client's own.
fn calls_below(runs: &super::rule::Runs) -> f64 {
    let totals: Vec<_> = runs.replications.iter().map(|r| r.record.total()).collect();
    let opened: f64 = totals.iter().map(|total| total.calls_opened as f64).sum();
    opened / totals.iter().map(|total| total.sent as f64).sum::<f64>() - 1.0
}

/// Dean's measurements of backup requests: rare stalls make the mean, and the copies of one request in twenty take
/// them away. Service times are chosen so that the measured ones come out without copies.
#[test]
fn backup_requests_take_rare_stalls_away() {
    let id = "PUB-DEAN-TALK";
    let run = |hedge: &str| {
        let text = scenario(
            "c: {rate: 200/s, mix: {GET /: 1}, to: front}",
            &format!(
                "front: {{kind: service, workers: none, endpoints: {{GET /: [call: {{to: s, endpoint: GET /{hedge}}}]}}}}
                 s: {{kind: service, workers: none, endpoints: {{GET /: [sleep: \"mix(99.87%=normal(14ms, 4ms), 0.1%=uniform(0.9s, 1.1s), 0.03%=exp(60s))\"]}}}}"
            ),
            2_000,
        )
        .replace("replications: 30", "replications: 4");
        watched(&text, &[])
    };
    let (before, after) = (run(""), run(", hedge: {after: p95}"));
    let mean = |runs: &super::rule::Runs, metric: &str| mean_and_error(&runs.each(metric)).0;
    let ms = |quantity: &str| expected(id, quantity) / 1e3;
    let tail = mean(&before, "p99.9");
    assert!((tail - ms("p999_before")).abs() < 0.1 * ms("p999_before"), "{tail}");
    assert!((mean(&before, "mean") - ms("avg_before")).abs() < 0.3 * ms("avg_before"));
    assert!(
        (mean(&after, "mean") - ms("avg_after")).abs() < 0.1 * ms("avg_after"),
        "{}",
        mean(&after, "mean")
    );
    assert!(mean(&after, "#sd") < 1.5 * ms("sd_after"), "{}", mean(&after, "#sd"));
    assert!(mean(&after, "p99.9") < ms("p999_after"), "{}", mean(&after, "p99.9"));
    let extra = calls_below(&after) - 1.0;
    assert!(extra > 0.02 && extra < expected(id, "extra_load_upper") + 0.005, "{extra}");
}

/// Reads of a hundred leaves, of which two in a hundred are late, some by seconds: a copy after 10 ms costs two
/// more requests in a hundred and takes the tail away.
#[test]
fn a_copy_of_what_is_late_takes_the_tail_away() {
    let id = "PUB-TAIL-HEDGE";
    let run = |hedge: &str| {
        let leaf = format!("[call: {{to: leaf, endpoint: GET /{hedge}}}]");
        let leaves = vec![leaf; 100].join(", ");
        let text = scenario(
            "c: {rate: 5/s, mix: {GET /: 1}, to: root}",
            &format!(
                "root: {{kind: service, workers: none, endpoints: {{GET /: [parallel: {{wait: all, steps: [{leaves}]}}]}}}}
                 leaf: {{kind: service, workers: none, endpoints: {{GET /: [sleep: \"mix(98%=uniform(1ms, 9ms), 1.9%=uniform(10ms, 60ms), 0.1%=exp(400ms))\"]}}}}"
            ),
            500,
        )
        .replace("replications: 30", "replications: 4");
        watched(&text, &[])
    };
    let (before, after) = (run(""), run(", hedge: {after: 10ms}"));
    let mean = |runs: &super::rule::Runs, metric: &str| mean_and_error(&runs.each(metric)).0;
    let published = expected(id, "p999_before") / expected(id, "p999_after");
    let gain = mean(&before, "p99.9") / mean(&after, "p99.9");
    assert!(gain > 0.2 * published, "{gain}, published {published}");
    // A leaf later than 10 ms in a hundred: 1 - (1 - q)^100.
    let extra = calls_below(&after) / 100.0 - 1.0;
    assert!((extra - expected(id, "extra_requests")).abs() < 0.005, "{extra}");
}
