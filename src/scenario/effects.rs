//! Values that are right by themselves and do nothing where they stand.

use crate::base::SimDuration;
use crate::document::{Code, Diagnostics, Node, quantity};

/// Warns of values without effect.
pub(super) fn check(root: &Node, duration: SimDuration, found: &mut Diagnostics) {
    let clients = root.get("clients").map_or(&[][..], Node::entries);
    for (_, client) in clients {
        late_spikes(client, duration, found);
        idle_retry(client, found);
    }
    for (_, component) in root.get("components").map_or(&[][..], Node::entries) {
        for route in component.get("routes").map_or(&[][..], Node::items) {
            for (key, separator, block) in [("header", ":", "headers"), ("body", "==", "body")] {
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
