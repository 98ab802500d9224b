//! Which calls end, which lead nowhere, and how often each component is asked.

use super::super::forecast;
use super::*;
use crate::document::Sources;
use crate::scenario::{Beside, Files, merge, read_model};

struct Nothing;
impl Files for Nothing {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("no files here".to_owned())
    }
}

fn model(components: &str) -> Model {
    let text = format!(
        "scenario: x\nrun: {{duration: 1m}}\nclients: {{c: {{rate: 10/s, headers: {{x-beta: {{\"1\": 5%}}}}, mix: {{GET /: 1}}, to: a}}}}\ncomponents:\n{components}"
    );
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let designs = merge::load("s", text, &Nothing, &[], None, &mut sources, &mut found);
    let model = read_model("base", &designs[0].tree, &Beside::new(&Nothing, &sources), &mut found);
    model.unwrap_or_else(|| panic!("{}", found.render(&sources, false)))
}

fn service(name: &str, steps: &str) -> String {
    format!("  {name}: {{kind: service, endpoints: {{GET /: [{steps}]}}}}\n")
}

fn codes(components: &str) -> Vec<&'static str> {
    let model = model(components);
    let graph = CallGraph::of(&model);
    let mut found = Diagnostics::new();
    graph.report_endless(&mut found);
    graph.report_lost(&mut found);
    found.sorted().iter().map(|d| d.code.text()).collect()
}

const AGAIN: &str = "call: {to: a, endpoint: GET /}";

/// With n calls of probability p each, the mean number of visits is 1 / (1 - n p) if n p < 1.
#[test]
fn calls_back_end_exactly_if_their_mean_number_is_below_one() {
    for (calls, p, visits) in [
        (1, 50, Some(2.0)),
        (2, 40, Some(5.0)),
        (3, 30, Some(10.0)),
        (2, 50, None),
        (1, 100, None),
        (3, 34, None),
    ] {
        let back = vec![format!("if: {{p: {p}%, then: [{AGAIN}]}}"); calls].join(", ");
        let components = service("a", &format!("cpu: 1ms, {back}"));
        assert_eq!(codes(&components).is_empty(), visits.is_some(), "{calls} x {p} %");
        if let Some(visits) = visits {
            let model = model(&components);
            let forecast = forecast(&model, &CallGraph::of(&model));
            let share = forecast.rows[0].base;
            assert!((share / (10.0 * visits * 0.001) - 1.0).abs() < 1e-9, "{calls} x {p} %: {share}");
        }
    }
}

#[test]
fn a_reply_ends_what_comes_after_it() {
    assert!(codes(&service("a", &format!("reply: 200, {AGAIN}"))).is_empty());
    let half = format!("if: {{p: 50%, then: [reply: 404]}}, {AGAIN}");
    assert!(codes(&service("a", &half)).is_empty());
    assert_eq!(codes(&service("a", &format!("if: {{p: 0%, then: [reply: 404]}}, {AGAIN}"))), ["E0503"]);
    // What runs on errors only is no certain call.
    assert!(
        codes(&format!(
            "{}{}",
            service("a", "call: {to: b, endpoint: GET /, on_error: [call: {to: a, endpoint: GET /}]}"),
            service("b", "reply: 200")
        ))
        .is_empty()
    );
}

#[test]
fn a_header_decides_for_good() {
    let endless = format!("if: {{header: \"x-beta: 1\", then: [{AGAIN}]}}");
    assert_eq!(codes(&service("a", &endless)), ["E0503"]);
    let either = "if: {header: \"x-beta: 1\", then: [if: {p: 60%, then: [call: {to: a, endpoint: GET /}]}], else: [if: {p: 60%, then: [call: {to: a, endpoint: GET /}]}]}";
    assert!(codes(&service("a", either)).is_empty(), "one of the branches is taken, not both");
}

#[test]
fn circles_over_several_components_are_found_once() {
    let way = |from: &str, to: &str| service(from, &format!("call: {{to: {to}, endpoint: GET /}}"));
    assert_eq!(codes(&format!("{}{}{}", way("a", "b"), way("b", "c"), way("c", "a"))), ["E0503"]);
    let through = format!("{}  lb: {{kind: load_balancer, to: a}}\n", way("a", "lb"));
    assert_eq!(codes(&through), ["E0503"]);
    let balancers = "  a: {kind: load_balancer, to: {b: 1, s: 99}}\n  b: {kind: load_balancer, to: a}\n";
    assert_eq!(codes(&format!("{balancers}{}", service("s", "reply: 200"))), ["E0503"]);
}

#[test]
fn what_a_load_balancer_cannot_answer_is_found() {
    let services = "  s: {kind: service, endpoints: {GET /: [reply: 200]}}\n  t: {kind: service, endpoints: {GET /t: [reply: 200]}}\n";
    let with = |routes: &str| codes(&format!("  a: {{kind: load_balancer, {routes}}}\n{services}"));
    assert!(with("to: s").is_empty());
    assert_eq!(with("to: {s: 9, t: 1}"), ["E0402"]);
    assert_eq!(with("routes: [{path: /t, to: t}, {path: /u, to: s}]"), ["E0402"]);
    assert!(with("routes: [{path: /t, to: t}, {path: \"*\", to: s}]").is_empty());
}

#[test]
fn retries_and_patience_are_passed_down() {
    let components = "  a: {kind: service, endpoints: {GET /: [call: {to: lb, endpoint: GET /b, timeout: 2s, retry: {attempts: 3}}]}}\n  lb: {kind: load_balancer, to: b}\n  b: {kind: service, endpoints: {GET /b: [call: {to: c, endpoint: GET /c, timeout: 5s, retry: {attempts: 2}}]}}\n  c: {kind: service, endpoints: {GET /c: [cpu: 1ms]}}\n";
    let model = model(components);
    let (upstream, outlasting) = CallGraph::of(&model).upstream();
    let last = upstream[3].expect("it is called");
    assert_eq!((last.attempts, last.layers, last.patience), (6.0, 2, 2.0));
    assert_eq!(outlasting.len(), 1);
    assert_eq!((outlasting[0].timeout, outlasting[0].patience), (5.0, 2.0));
}
