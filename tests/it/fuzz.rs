//! Scenarios spoilt at random: whatever a file says, it is read without a panic, and what is accepted runs
//! without one, within its budget, and loses no request.
//!
//! Each case takes a shipped scenario (or the one that uses every key), changes a few of its lines or values,
//! and reads it; if that succeeds, the first moments are run. The stream of changes is fixed.

use std::sync::atomic::AtomicBool;

use surgesim::base::SimDuration;
use surgesim::base::random::{Draws, Key};
use surgesim::document::{Diagnostics, Sources};
use surgesim::event_graph::{CallGraph, catalog, forecast, warnings};
use surgesim::experiment::simulation;
use surgesim::scenario::model::Model;
use surgesim::scenario::{Beside, Files, merge, read_model};

/// Cases of the ordinary test.
const CASES: u64 = 800;

/// Values that somebody might write.
const ODD: [&str; 40] = [
    "0",
    "-1",
    "1",
    "1e308",
    "-0.0",
    "nan",
    "null",
    "~",
    "[]",
    "{}",
    "0s",
    "1ns",
    "1us",
    "100000h",
    "-5ms",
    "0%",
    "100%",
    "101%",
    "1e-9",
    "4294967296",
    "18446744073709551616",
    "0/s",
    "1M/s",
    "exp(0s)",
    "exp(1e9s)",
    "~0ms",
    "1ms..0ms",
    "1ms..1h",
    "pareto(min=1s, alpha=0.1)",
    "geom(0.5)",
    "x",
    "\"\"",
    "true",
    "0B",
    "1TB",
    "10x",
    "☃",
    "[1, 2",
    "*a",
    "&a b",
];

/// What scenarios name beside them.
struct Traces;

impl Files for Traces {
    fn read(&self, name: &str) -> Result<String, String> {
        match name {
            "counts.csv" => Ok("at,n\n0,1\n60,5\n".to_owned()),
            "requests.csv" => Ok("at,endpoint,work\n0,GET /items/{id},10ms\n".to_owned()),
            "keys.csv" | "latencies.csv" => Ok("1\n2\n3\n".to_owned()),
            _ => std::fs::read_to_string(std::path::Path::new("scenarios").join(name))
                .map_err(|e| e.to_string()),
        }
    }
}

fn seeds() -> Vec<String> {
    let mut paths: Vec<_> = std::fs::read_dir("scenarios")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    paths.sort();
    paths.push("tests/data/everything.yaml".into());
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn below(draws: &mut Draws, n: usize) -> usize {
    draws.below(n.max(1) as u64) as usize
}

/// One change: a line gone, doubled, moved or shifted, a value replaced, a character added or taken.
fn spoil(text: &str, draws: &mut Draws) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return "x".to_owned();
    }
    let at = below(draws, lines.len());
    match below(draws, 10) {
        0 => {
            lines.remove(at);
        }
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = below(draws, lines.len());
            lines.swap(at, other);
        }
        3 => lines[at].insert(0, ' '),
        4 => {
            let chars: Vec<char> = lines[at].chars().collect();
            let gone = below(draws, chars.len());
            lines[at] = chars.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, c)| *c).collect();
        }
        5 => {
            let odd = [':', '-', '{', '}', '[', ']', ',', '#', '"', '\'', '|', '>', '\t', '%', '\u{0}', 'é'];
            let mut chars: Vec<char> = lines[at].chars().collect();
            chars.insert(below(draws, chars.len() + 1), odd[below(draws, odd.len())]);
            lines[at] = chars.into_iter().collect();
        }
        // A value: what stands between a colon or comma and the next comma, brace or end.
        _ => {
            let line = lines[at].clone();
            let starts: Vec<usize> = line.match_indices([':', ',', '[']).map(|(i, _)| i + 1).collect();
            if !starts.is_empty() {
                let from = starts[below(draws, starts.len())];
                let to = line[from..].find([',', '}', ']', '#']).map_or(line.len(), |i| from + i);
                let odd = ODD[below(draws, ODD.len())];
                lines[at] = format!("{} {odd}{}", &line[..from], &line[to..]);
            }
        }
    }
    lines.join("\n")
}

/// All designs that can be read of a text, checked as the program does.
fn designs(text: String) -> Vec<Model> {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let trees = merge::load("spoilt.yaml", text, &Traces, &[], None, &mut sources, &mut found);
    let beside = Beside::new(&Traces, &sources);
    let mut models = Vec::new();
    for tree in &trees {
        let mut own = Diagnostics::new();
        let model = read_model(&tree.name, &tree.tree, &beside, &mut own);
        if let Some(model) = model.filter(|_| !own.has_errors()) {
            let graph = CallGraph::of(&model);
            graph.report_endless(&mut own);
            graph.report_lost(&mut own);
            if !own.has_errors() {
                own.append(warnings(&model, &graph, &forecast(&model, &graph)));
                models.push(model);
            }
        }
        found.append(own);
    }
    let _ = found.render(&sources, false);
    models
}

/// The first moments of a design.
fn run_a_little(mut model: Model) {
    model.run.replications = 1;
    model.run.warmup = SimDuration::ZERO;
    model.run.duration = model.run.duration.min(SimDuration::from_secs(20));
    model.run.requests = None;
    model.run.max_events = Some(40_000);
    model.run.max_in_flight = Some(20_000);
    let finished = simulation::run(&model, &catalog(&model), &[], &AtomicBool::new(false), |_| {}).finished;
    for replication in finished {
        let total = replication.record.total();
        let failed: u64 = total.errors.iter().map(|(_, n)| n).sum();
        assert_eq!(total.finished, total.good + failed);
        assert!(total.sent >= total.finished);
        assert_eq!(replication.calls.opened, replication.calls.closed + replication.calls.in_flight);
    }
}

fn spoil_and_read(cases: std::ops::Range<u64>) {
    let seeds = seeds();
    let (mut accepted, mut refused) = (0_u32, 0_u32);
    for case in cases {
        let mut draws = Key::root(case, 0).draws();
        let mut text = seeds[below(&mut draws, seeds.len())].clone();
        for _ in 0..=below(&mut draws, 3) {
            text = spoil(&text, &mut draws);
        }
        let outcome = std::panic::catch_unwind(|| {
            let models = designs(text.clone());
            let any = !models.is_empty();
            models.into_iter().take(2).for_each(run_a_little);
            any
        });
        match outcome {
            Ok(true) => accepted += 1,
            Ok(false) => refused += 1,
            Err(_) => panic!("case {case}:\n{text}"),
        }
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

#[test]
fn spoilt_scenarios_are_refused_or_run() {
    spoil_and_read(0..CASES);
}

#[test]
#[ignore = "minutes: twenty thousand cases"]
fn twenty_thousand_spoilt_scenarios_are_refused_or_run() {
    spoil_and_read(CASES..CASES + 20_000);
}
