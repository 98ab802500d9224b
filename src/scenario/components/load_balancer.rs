//! `kind: load_balancer`.

use super::{Names, small};
use crate::base::{ComponentId, SimDuration};
use crate::components::load_balancer::spec::{LoadBalancerSpec, RouteSpec};
use crate::components::load_balancer::{Algorithm, Ties};
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::scenario::fields::{Fields, entries, items, scalar, text};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> LoadBalancerSpec {
    let algorithms = [
        ("round_robin", Algorithm::RoundRobin),
        ("weighted_round_robin", Algorithm::WeightedRoundRobin),
        ("random", Algorithm::Random),
        ("weighted_random", Algorithm::WeightedRandom),
        ("least_connections", Algorithm::LeastConnections),
        ("power_of_two_choices", Algorithm::POWER_OF_TWO_CHOICES),
    ];
    let ties = [("first", Ties::First), ("random", Ties::Random), ("rotate", Ties::Rotate)];
    let mut routes = Vec::new();
    let (to, written) = (fields.get("to"), fields.get("routes"));
    if let (Some(to), Some(_)) = (to, written) {
        found.add(
            Code::Conflict,
            to.place,
            "a load balancer has `to` or `routes`, not both",
            "make `to` the last route: `- {path: \"*\", to: app}`",
        );
    } else if to.is_none() && written.is_none_or(|routes| routes.items().is_empty()) {
        found.add(
            Code::NeedsOneOf,
            fields.place(),
            "a load balancer needs `to` or `routes`, and has neither",
            "write `to: app`, or `routes: [{path: /api/*, to: app}]`",
        );
    }
    if let Some(to) = to {
        let to = read_targets(to, names, found);
        routes.push(RouteSpec { path: None, method: None, customer: Vec::new(), to });
    }
    for node in items(written, "routes", "- {path: /api/*, to: app}", found) {
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
        return names.receiver(node, name, found).map(|id| (id, 1.0)).into_iter().collect();
    }
    let mut targets = Vec::new();
    let mut complete = true;
    // A list is a map of equal weights.
    for item in node.items() {
        let id = text(item, found).and_then(|name| names.receiver(item, name, found));
        complete &= id.is_some();
        targets.extend(id.map(|id| (id, 1.0)));
    }
    let weighted = if node.items().is_empty() { entries(Some(node), "`to`", found) } else { &[] };
    for (key, weight) in weighted {
        let at = Node { value: Value::Null, place: key.place };
        let (id, weight) = (names.receiver(&at, &key.name, found), scalar(weight, quantity::weight, found));
        complete &= id.is_some() && weight.is_some();
        targets.extend(id.zip(weight));
    }
    if complete && targets.iter().all(|(_, weight)| *weight == 0.0) {
        found.add(
            Code::OutOfRange,
            node.place,
            "the weights sum to nothing, so nothing is sent anywhere",
            "give at least one target a weight above 0",
        );
    }
    targets
}
