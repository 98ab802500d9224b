//! Traces of a few jobs whose every departure is known, event by event.
//!
//! A job is a client of its own that sends one request at a known instant: a deterministic client
//! whose rate is one for the second before.

use std::fmt::Write;

use surgesim::base::SimTime;
use surgesim::engine::{Observation, Probe};
use surgesim::event_graph::catalog;
use surgesim::experiment::simulation;
use surgesim::scenario::model::Model;

use super::cases::{case, numbers};
use super::rule::{Runs, watched};
use super::watch::endpoint;

/// All traces begin here, so that the first arrival has a second before it.
const ZERO: f64 = 10.0;

struct Job {
    at: f64,
    priority: u64,
    work: f64,
}

fn jobs(arrivals: &[f64], work: &[f64]) -> Vec<Job> {
    arrivals.iter().zip(work).map(|(at, work)| Job { at: *at, priority: 0, work: *work }).collect()
}

/// A client per job, and a service with these keys whose endpoints do `verb` for each job's time.
fn trace(jobs: &[Job], to: &str, before: &str, service: &str, verb: &str) -> String {
    let (mut clients, mut endpoints) = (String::new(), String::new());
    for (i, Job { at, priority, work }) in jobs.iter().enumerate() {
        let (start, end) = (at + ZERO - 1.0, at + ZERO);
        writeln!(
            clients,
            "  j{i}: {{rate: {{steps: [{start:.6}s 1/s, {end:.6}s 0/s]}}, arrivals: deterministic, \
             mix: {{GET /{i}: {{weight: 1, priority: {priority}}}}}, to: {to}}}"
        )
        .unwrap();
        writeln!(endpoints, "      GET /{i}: [{verb}: {work}s]").unwrap();
    }
    format!(
        "scenario: golden\nrun: {{duration: 23s, seed: 1, replications: 1}}\nclients:\n{clients}\
         components:\n{before}  s:\n    kind: service\n    {service}\n    endpoints:\n{endpoints}"
    )
}

/// When each job left, by its endpoint's number; none if it was answered with an error.
fn departures(text: &str, count: usize) -> Vec<Option<f64>> {
    departures_of(&crate::model::model(text), count, ZERO)
}

fn departures_of(model: &Model, count: usize, zero: f64) -> Vec<Option<f64>> {
    let catalog = catalog(model);
    let watch = super::watch::Watch::new(&catalog, SimTime::ZERO, &[]).with_ends();
    let (watch, _) = simulation::run_with(model, 0, watch, |_| true);
    let ends = watch.ends.unwrap();
    assert_eq!(ends.len(), count, "every job ends");
    let mut left = vec![None; count];
    for (now, end) in ends {
        let name = endpoint(&catalog, end.client, end.operation);
        let job: usize = name.trim_start_matches("GET /").parse().unwrap();
        let after = now.since(SimTime::from_secs_f64(zero)).as_nanos();
        left[job] = end.outcome.is_ok().then_some(after as f64 / 1e9);
    }
    left
}

fn holds(id: &str, service: &str, verb: &str, jobs: &[Job]) {
    let text = trace(jobs, "s", "", service, verb);
    let expected: Vec<Option<f64>> = numbers(case(id).output("departures")).into_iter().map(Some).collect();
    assert_eq!(departures(&text, jobs.len()), expected, "{id}");
}

/// The same jobs as a recorded trace whose demands the one step uses.
fn recorded(jobs: &[Job], service: &str, verb: &str) -> Vec<Option<f64>> {
    let mut file = "at,endpoint,work\n".to_owned();
    let mut endpoints = String::new();
    for (i, Job { at, work, .. }) in jobs.iter().enumerate() {
        writeln!(file, "{at},GET /{i},{work}").unwrap();
        writeln!(endpoints, "      GET /{i}: [{verb}: $work]").unwrap();
    }
    let text = format!(
        "scenario: recorded\nrun: {{duration: 20s, seed: 1, replications: 1}}\n\
         clients: {{c: {{replay: {{file: jobs.csv}}, to: s}}}}\n\
         components:\n  s:\n    kind: service\n    {service}\n    endpoints:\n{endpoints}"
    );
    let model = crate::model::read_with(&text, &[("jobs.csv", &file)]).unwrap_or_else(|m| panic!("{m}"));
    departures_of(&model, jobs.len(), 0.0)
}

#[test]
fn recorded_traces_with_their_demands() {
    for (id, work, service, verb) in [
        ("GOLD-FIFO", "services", "workers: 1", "sleep"),
        ("GOLD-FIFO2", "services", "workers: 2", "sleep"),
        ("GOLD-PS", "sizes", "cpu: 1", "cpu"),
        ("GOLD-PS", "sizes", "workers: 1\n    discipline: processor_sharing", "sleep"),
    ] {
        let jobs = parameters(id, work);
        let expected: Vec<_> = numbers(case(id).output("departures")).into_iter().map(Some).collect();
        assert_eq!(recorded(&jobs, service, verb), expected, "{id}");
    }
    let arrivals = numbers(case("GOLD-503").parameter("arrivals"));
    let jobs = jobs(&arrivals, &vec![0.25; arrivals.len()]);
    let expected: Vec<_> =
        case("GOLD-503").output("result").as_array().unwrap().iter().map(|x| x.as_f64()).collect();
    assert_eq!(recorded(&jobs, "workers: 1\n    backlog: 2", "sleep"), expected);
}

fn parameters(id: &str, work: &str) -> Vec<Job> {
    jobs(&numbers(case(id).parameter("arrivals")), &numbers(case(id).parameter(work)))
}

#[test]
fn first_come_first_served() {
    let one = parameters("GOLD-FIFO", "services");
    holds("GOLD-FIFO", "workers: 1", "sleep", &one);
    let two = parameters("GOLD-FIFO2", "services");
    holds("GOLD-FIFO2", "workers: 2", "sleep", &two);
    // The station is busy for exactly the work, over the 13 s from the first arrival.
    let runs: Runs = watched(&trace(&one, "s", "", "workers: 1", "sleep"), &[]);
    let watch = &runs.replications[0].watch;
    let busy = 1.0 - watch.slots[watch.slot(&runs.catalog, "s")].share(0);
    let output = |name: &str| case("GOLD-FIFO").output(name).as_f64().unwrap();
    assert!((busy * 23.0 - output("busy_time")).abs() < 1e-9);
    assert!((busy * 23.0 / 13.0 - output("utilisation_0_13")).abs() < 1e-9);
    let sojourns: Vec<f64> = numbers(case("GOLD-FIFO").output("sojourns"));
    assert!((watch.sojourns.mean - sojourns.iter().sum::<f64>() / sojourns.len() as f64).abs() < 1e-9);
}

#[test]
fn processor_sharing() {
    holds("GOLD-PS", "cpu: 1", "cpu", &parameters("GOLD-PS", "sizes"));
    holds(
        "GOLD-PS",
        "workers: 1\n    discipline: processor_sharing",
        "sleep",
        &parameters("GOLD-PS", "sizes"),
    );
    // Its title gives the arrivals.
    let jobs = jobs(&[0.0, 0.0, 0.0, 1.0], &numbers(case("GOLD-PS2").parameter("sizes")));
    holds("GOLD-PS2", "cpu: 2", "cpu", &jobs);
}

#[test]
fn priorities() {
    for (id, preemptive) in [("GOLD-PRIO", false), ("GOLD-PRIO-PREEMPT", true)] {
        let jobs: Vec<Job> = case(id)
            .parameter("jobs")
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .map(|job| Job { at: job[0], priority: job[1] as u64, work: job[2] })
            .collect();
        let service = format!("workers: 1\n    discipline: priority\n    preemptive: {preemptive}");
        holds(id, &service, "sleep", &jobs);
        holds(id, &service, "cpu", &jobs);
    }
}

#[test]
fn a_departure_makes_room_for_an_arrival_of_the_same_instant() {
    let arrivals = numbers(case("GOLD-503").parameter("arrivals"));
    let jobs = jobs(&arrivals, &vec![0.25; arrivals.len()]);
    let text = trace(&jobs, "s", "", "workers: 1\n    backlog: 2", "sleep");
    let expected: Vec<Option<f64>> =
        case("GOLD-503").output("result").as_array().unwrap().iter().map(|x| x.as_f64()).collect();
    assert_eq!(departures(&text, jobs.len()), expected);
}

/// Who took each request: the resources whose number present rose, in order.
struct Taken {
    present: Vec<u32>,
    by: Vec<usize>,
}

impl Probe for Taken {
    fn observe(&mut self, _: SimTime, what: Observation) {
        if let Observation::Level { resource, present } = what {
            if present > self.present[resource.index()] {
                self.by.push(resource.index());
            }
            self.present[resource.index()] = present;
        }
    }
}

#[test]
fn least_connections_with_ties_to_the_first() {
    let id = "GOLD-LC";
    let before = "  lb: {kind: load_balancer, algorithm: least_connections, ties: first, to: s}\n";
    let text = trace(&parameters(id, "services"), "lb", before, "instances: 3\n    workers: 1", "sleep");
    let model = crate::model::model(&text);
    let catalog = catalog(&model);
    let taken = Taken { present: vec![0; catalog.resources.len()], by: Vec::new() };
    let (taken, _) = simulation::run_with(&model, 0, taken, |_| true);
    // Of the service alone: the balancer may hold something for each request too.
    let service = catalog.components.iter().find(|c| c.name == "s").unwrap().id;
    let resources = taken.by.iter().map(|resource| &catalog.resources[*resource]);
    let servers: Vec<f64> =
        resources.filter(|r| r.component == service).map(|r| f64::from(r.instance)).collect();
    assert_eq!(servers, numbers(case(id).output("server_index")));
}

#[test]
fn even_arrivals_through_a_spike() {
    // Arrivals every 5 ms for a second, then every 20 ms: all 5 ms later than in the case.
    let text = "scenario: spike\nrun: {duration: 5s, seed: 1, replications: 1}\nclients:\n  c: {rate: {steps: \
                [0s 200/s, 1005ms 50/s, 3995ms 0/s]}, arrivals: deterministic, mix: {GET /: 1}, to: s}\n\
                components:\n  s: {kind: service, workers: 1, endpoints: {GET /: [sleep: 10ms]}}\n";
    let model = crate::model::model(text);
    let catalog = catalog(&model);
    let watch = super::watch::Watch::new(&catalog, SimTime::ZERO, &[]).with_ends();
    let (watch, _) = simulation::run_with(&model, 0, watch, |_| true);
    let ends = watch.ends.unwrap();
    let waits: Vec<f64> =
        ends.iter().map(|(now, end)| (now.since(end.started).as_nanos() as f64 / 1e9) - 0.01).collect();
    let output = |name: &str| case("GOLD-DD1-SPIKE").output(name).as_f64().unwrap();
    let close = |seen: f64, name: &str| assert!((seen - output(name)).abs() < 1e-8, "{name}: {seen}");
    close(waits.len() as f64, "jobs");
    let longest = waits.iter().copied().fold(0.0, f64::max);
    close(longest, "max_wait");
    close(waits.iter().position(|w| (w - longest).abs() < 1e-12).unwrap() as f64, "max_wait_index");
    close(waits.iter().sum::<f64>() / waits.len() as f64, "mean_wait");
    close(waits.iter().filter(|w| **w > 1e-12).count() as f64, "jobs_waiting");
    close(ends.last().unwrap().0.as_secs_f64() - 0.005, "last_departure");
}

/// A pause of 100 s, seen by a client that keeps its pace and by one that waits (coordinated omission).
/// The pause is a lock that somebody holds.
#[test]
fn a_pause_is_counted_from_the_intended_start() {
    let text = |client: &str, pause: u32, duration: &str| {
        let before = pause - 1_000;
        format!(
            "scenario: pause\nrun: {{duration: {duration}, seed: 1, replications: 1}}\ndata: {{gate: {{rows: 1}}}}\n\
             clients:\n  pause: {{rate: {{steps: [{before}ms 1/s, {pause}ms 0/s]}}, arrivals: deterministic, mix: {{GET /pause: 1}}, to: s}}\n  \
             c: {{{client}, mix: {{GET /: 1}}, to: s}}\n\
             components:\n  s:\n    kind: service\n    endpoints:\n      GET /: [{{lock: {{row: gate, steps: []}}}}, {{sleep: 1ms}}]\n      \
             GET /pause: [{{lock: {{row: gate, steps: [{{sleep: 100s}}]}}}}]\n"
        )
    };
    let check = |text: &str, output: &str, percentiles: &[(&str, &str)]| {
        let runs = watched(text, &[]);
        let expected = &case("GOLD-CO").output(output);
        let value = |name: &str| expected[name].as_f64().unwrap();
        let seen = |metric: &str| runs.each(&format!("{metric}(GET /)"))[0] * 1e6;
        for (metric, name) in percentiles {
            let (seen, expected) = (seen(metric), value(name));
            assert!((seen / expected - 1.0).abs() < 0.0015, "{output} {name}: {seen} for {expected}");
        }
        let good = runs.replications[0].record.run().endpoints[1].good;
        assert_eq!(good as f64, value("count"), "{output}");
    };
    let all = [("p50", "p50_us"), ("p99", "p99_us"), ("max", "max_us"), ("mean", "mean_us")];
    let open = "rate: {steps: [0s 100/s, 200005ms 0/s]}, arrivals: deterministic";
    check(&text(open, 100_010, "201s"), "corrected", &all);
    check(
        &text(open, 100_010, "201s"),
        "corrected",
        &[("p30", "p30_us"), ("p75", "p75_us"), ("p90", "p90_us")],
    );
    // Waits for each answer and then 9 ms: one sample sees the pause.
    check(&text("users: 1, think: 9ms", 100_005, "200014ms"), "raw", &all);
    check(&text("users: 1, think: 9ms", 100_005, "200014ms"), "raw", &[("p99.99", "p9999_us")]);
}
