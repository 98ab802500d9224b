//! Values that are right by themselves and do nothing where they stand.

use crate::base::SimDuration;
use crate::document::{Code, Diagnostics, Node, quantity};

/// Warns of values without effect.
pub(super) fn check(root: &Node, duration: SimDuration, found: &mut Diagnostics) {
    let clients = root.get("clients").map_or(&[][..], Node::entries);
    for (_, client) in clients {
        late_spikes(client, duration, found);
        idle_retry(client, found);
        idle_behaviour(client, found);
    }
    for (_, component) in root.get("components").map_or(&[][..], Node::entries) {
        idle_line(component, found);
        for route in component.get("routes").map_or(&[][..], Node::items) {
            for (key, separator, block) in
                [("header", ":", "headers"), ("cookie", "=", "cookies"), ("body", "==", "body")]
            {
                let Some(node) = route.get(key) else { continue };
                let Some((name, value)) = node.text().and_then(|text| text.split_once(separator)) else {
                    continue;
                };
                let (name, value) = (name.trim(), value.trim());
                let sent = clients.iter().any(|(_, client)| {
                    client
                        .get(block)
                        .and_then(|b| b.get(name))
                        .is_some_and(|values| values.get(value).is_some())
                });
                if !sent {
                    found.add(
                        Code::NoEffect,
                        node.place,
                        format!("no client sends `{name}` with `{value}`, so nothing takes this route"),
                        format!(
                            "say how many do, at the client: `{block}: {{\"{name}\": {{\"{value}\": 5%}}}}`"
                        ),
                    );
                }
            }
        }
    }
}

fn late_spikes(client: &Node, duration: SimDuration, found: &mut Diagnostics) {
    for node in ["spike", "spikes"].iter().filter_map(|key| client.get(key)) {
        let spikes = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
        for at in spikes.iter().filter_map(|spike| spike.get("at")) {
            let start = at.text().and_then(|text| quantity::duration(text).ok());
            if start.is_some_and(|start| start >= duration) {
                found.add(
                    Code::NoEffect,
                    at.place,
                    format!("the spike begins when the run, which lasts {duration}, is over"),
                    "begin it earlier, or write a longer `duration`",
                );
            }
        }
    }
}

/// One attempt is no repetition, so what says how to repeat is idle.
fn idle_retry(client: &Node, found: &mut Diagnostics) {
    let Some(retry) = client.get("retry") else { return };
    if retry.get("attempts").and_then(Node::text) != Some("1") {
        return;
    }
    for (key, _) in retry.entries().iter().filter(|(key, _)| key.name != "attempts") {
        found.add(
            Code::NoEffect,
            key.place,
            format!("`{}` has no effect: `attempts: 1` is one attempt and no retry", key.name),
            "write `attempts: 2` for one retry",
        );
    }
}

fn idle(node: Option<&Node>, because: &str, help: &str, found: &mut Diagnostics) {
    if let Some(node) = node.filter(|node| !node.is_null()) {
        found.add(Code::NoEffect, node.place, format!("this has no effect: {because}"), help);
    }
}

/// What belongs to another loop than the client's own.
fn idle_behaviour(client: &Node, found: &mut Diagnostics) {
    let has = |key: &str| client.get(key).is_some_and(|node| !node.is_null());
    if !has("sessions") {
        let help = "write `sessions:` in place of `rate:`, so that visitors arrive and ask again";
        idle(client.get("session"), "the client has no `sessions`", help, found);
    }
    if !has("sessions") && !has("users") {
        let help = "requests of a `rate` come whatever happens; people who think are `sessions` or `users`";
        idle(client.get("think"), "the client has neither `sessions` nor `users`", help, found);
    }
    if has("users") {
        let help = "a closed population asks when it has thought; write `rate:` for arrivals";
        for key in ["spike", "spikes", "arrivals"] {
            idle(client.get(key), "the client has `users`, whose number is fixed", help, found);
        }
    }
}

/// What orders or bounds a line that never forms.
fn idle_line(component: &Node, found: &mut Diagnostics) {
    let is = |key: &str, word: &str| component.get(key).and_then(Node::text) == Some(word);
    if is("kind", "load_balancer") && component.get("max_conns").is_none_or(Node::is_null) {
        let help = "write `max_conns: 100`: how many requests one backend is sent at once";
        idle(component.get("queue"), "without `max_conns` nothing waits in the balancer", help, found);
    }
    let unlimited = component.get("workers").is_none_or(Node::is_null) || is("workers", "none");
    if !is("kind", "service") {
        return;
    }
    if unlimited {
        for key in ["backlog", "max_wait", "shed", "cold_start"] {
            let help = "write `workers: 50`, for example: how many requests an instance has in hand at once";
            idle(component.get(key), "without a limit of `workers` nothing waits for one", help, found);
        }
    }
    let lowest_first = component.get("shed").and_then(|shed| shed.get("lowest_first"));
    if let Some(node) = lowest_first.filter(|_| !is("discipline", "priority")) {
        idle(Some(node), "without classes none is the lowest", "write `discipline: priority`", found);
    }
    let written = |key: &&str| component.get(key).is_some_and(|node| !node.is_null());
    let limits = ["rate_limit", "shed", "backlog", "max_wait", "concurrency", "admission"];
    if !limits.iter().any(written) {
        let help = "write `backlog: 100`, for example";
        idle(component.get("reject_cost"), "the service turns nobody away", help, found);
    }
    if is("preemptive", "true") && !is("discipline", "priority") {
        let help = "write `discipline: priority`";
        idle(component.get("preemptive"), "only priorities interrupt each other", help, found);
    }
}
