//! `kind: load_balancer`.

use super::{Names, small};
use crate::base::{ComponentId, SimDuration};
use crate::components::load_balancer::spec::{LoadBalancerSpec, RouteSpec};
use crate::components::load_balancer::{Algorithm, Ties};
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::scenario::fields::{Fields, scalar, text};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> LoadBalancerSpec {
    let algorithms = [
        ("round_robin", Algorithm::RoundRobin),
        ("weighted_round_robin", Algorithm::WeightedRoundRobin),
        ("random", Algorithm::Random),
        ("weighted_random", Algorithm::WeightedRandom),
        ("least_connections", Algorithm::LeastConnections),
        ("power_of_two_choices", Algorithm::PowerOfTwoChoices),
    ];
    let ties = [("first", Ties::First), ("random", Ties::Random), ("rotate", Ties::Rotate)];
    let mut routes = Vec::new();
    if let Some(to) = fields.get("to") {
        let to = read_targets(to, names, found);
        routes.push(RouteSpec { path: None, method: None, customer: Vec::new(), to });
    }
    for node in fields.get("routes").map_or(&[][..], Node::items) {
        let mut route = Fields::of(node, "a route", found);
        let mut word = |key: &'static str, found: &mut Diagnostics| {
            route.get(key).and_then(|n| text(n, found)).map(str::to_owned)
        };
        let (path, method) = (word("path", found), word("method", found));
        let mut customer = Vec::new();
        for (key, separator) in [("header", ":"), ("body", "==")] {
            if let Some(written) = word(key, found) {
                match written.split_once(separator) {
                    Some((name, value)) => customer.push((name.trim().to_owned(), value.trim().to_owned())),
                    None => found.add(
                        Code::WrongShape,
                        node.place,
                        format!("`{key}: {written}` names no value"),
                        "write `header: \"x-beta: 1\"` or `body: \"$.bulk == true\"`",
                    ),
                }
            }
        }
        let to = route.need("to", found).map(|n| read_targets(n, names, found)).unwrap_or_default();
        route.finish(found);
        routes.push(RouteSpec { path, method, customer, to });
    }
    LoadBalancerSpec {
        instances: small(fields, "instances", 1, 1_000, found).unwrap_or(1) as u16,
        algorithm: fields.choice("algorithm", &algorithms, found).unwrap_or(Algorithm::RoundRobin),
        ties: fields.choice("ties", &ties, found).unwrap_or(Ties::Random),
        routes,
        max_body: fields.read("max_body", quantity::bytes, found).map(|b| b.get()),
        read_timeout: fields.read("read_timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
    }
}

fn read_targets(node: &Node, names: &Names, found: &mut Diagnostics) -> Vec<(ComponentId, f64)> {
    if let Some(name) = node.text() {
        return names.component(node, name, found).map(|id| (id, 1.0)).into_iter().collect();
    }
    let mut targets = Vec::new();
    // A list is a map of equal weights.
    for item in node.items() {
        let id = text(item, found).and_then(|name| names.component(item, name, found));
        targets.extend(id.map(|id| (id, 1.0)));
    }
    for (key, weight) in node.entries() {
        let at = Node { value: Value::Null, place: key.place };
        if let (Some(id), Some(weight)) =
            (names.component(&at, &key.name, found), scalar(weight, quantity::weight, found))
        {
            if weight < 0.0 {
                found.add(
                    Code::OutOfRange,
                    node.place,
                    "a weight is not negative",
                    "write a share such as 9",
                );
            }
            targets.push((id, weight));
        }
    }
    targets
}
