//! Each preset in a scenario that uses it, and what sets those apart that are versions of one product.

use surgesim::scenario::presets::PRESETS;

use super::model::{read, run};

/// A service behind a balancer, asked by one client population, with these keys.
fn site(client: &str, balancer: &str, service: &str, more: &str) -> String {
    format!(
        "
scenario: preset
run: {{duration: 30m, replications: 1}}
data: {{post: {{rows: 100, size: 1KB}}}}
clients: {{web: {{{client}mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, {balancer}to: app}}
  app: {{kind: service, {service}endpoints: {{GET /: [cpu: 1ms]}}}}
{more}"
    )
}

/// A scenario in which a preset of that kind has its place.
fn used(kind: &str, name: &str) -> String {
    let rate = "rate: 10/s, ";
    let component =
        |keys: &str| site(rate, "", "", &format!("  it: {{kind: {kind}, preset: {name}{keys}}}\n"));
    match kind {
        "load_balancer" => site(rate, &format!("preset: {name}, "), "", ""),
        "service" => site(rate, "", &format!("preset: {name}, "), ""),
        "autoscale" => {
            site(rate, "", &format!("autoscale: {{preset: {name}, target: 50%, min: 1, max: 4}}, "), "")
        }
        "rate_limit" => site(rate, "", &format!("rate_limit: {{preset: {name}, rate: 100/s}}, "), ""),
        "local_cache" => {
            site(rate, "", &format!("local_cache: {{post: {{preset: {name}, max: 100}}}}, "), "")
        }
        "retry" => site(&format!("{rate}retry: {name}, "), "", "", ""),
        "breaker" => {
            let call = format!("endpoints: {{GET /: [call: {{to: app, endpoint: GET /, breaker: {name}}}]}}");
            site(rate, "", "", &format!("  front: {{kind: service, {call}}}\n"))
        }
        "spike" => {
            let spike = format!("rate: 10/s, spike: {{preset: {name}, at: 1m}}, ");
            site(&spike, "", "", "")
        }
        "cdn" => component(", to: app"),
        "database" if name.starts_with("dynamodb") => {
            component(", capacity: {by: post, read: 100, write: 100}, queries: {get: {read: post, cpu: 1ms}}")
        }
        "database" if ["cassandra", "vitess", "citus", "mongodb"].contains(&name) => {
            component(", shards: {by: post, count: 3}, queries: {get: {read: post, cpu: 1ms}}")
        }
        _ => component(""),
    }
}

#[test]
fn every_preset_is_right_where_it_is_used() {
    for preset in PRESETS {
        let Err(mistakes) = read(&used(preset.kind, preset.name)) else { continue };
        // What a component needs besides is the scenario's; a mistake within the preset points into its text.
        let own = format!("preset {}@", preset.name);
        let known =
            ["load_balancer", "service", "autoscale", "rate_limit", "local_cache", "retry", "breaker"];
        assert!(
            !mistakes.contains(&own) && !mistakes.contains("E0406") && !known.contains(&preset.kind),
            "{} for {}: {mistakes}",
            preset.name,
            preset.kind
        );
    }
}

#[test]
fn what_nginx_kept_no_connections_for_costs_a_round_trip() {
    // A millisecond between the zones: one round trip for the request, and one for the handshake of a connection
    // of its own. Layer 4 sets one up for each of its clients'.
    let mean = |balancer: &str| {
        let text = format!(
            "
scenario: keepalive
run: {{duration: 60s, warmup: 10s, replications: 1}}
network: {{zones: [x, y], rtt: {{cross_zone: 1ms}}}}
clients: {{web: {{users: 20, think: 1s, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, zones: [x], to: app, {balancer}}}
  app: {{kind: service, zones: [y], endpoints: {{GET /: [sleep: 10ms]}}}}
"
        );
        run(&text).each("mean")[0]
    };
    let (old, new) = (mean("preset: nginx-pre-1.29.7"), mean("preset: nginx"));
    assert!((old - new - 0.001).abs() < 5e-5, "{old} {new}");
    let few = mean("preset: nginx, backend_keepalive: 0");
    assert!((old - few).abs() < 1e-9, "{old} {few}");
}

#[test]
fn hystrix_opens_after_twenty_calls_and_resilience4j_after_a_hundred() {
    let asked = |breaker: &str| {
        let text = format!(
            "
scenario: breaker
run: {{duration: 20s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: 50/s, arrivals: deterministic, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, endpoints: {{GET /: [call: {{to: sick, endpoint: GET /, breaker: {breaker}}}]}}}}
  sick: {{kind: service, endpoints: {{GET /: [reply: 500]}}}}
"
        );
        let runs = run(&text);
        let sent = runs.replications[0].record.total().sent as f64;
        (runs.each("errors.500")[0] * sent).round() as u32
    };
    // 20 calls, then one trial every 5 s: at 5.4, 10.4 and 15.4 s. 100 calls, then nothing for a minute.
    assert_eq!(asked("hystrix"), 23);
    for written in ["resilience4j", "{preset: resilience4j}", "{}"] {
        assert_eq!(asked(written), 100, "{written}");
    }
}

#[test]
fn limits_of_products_answer_as_they_do() {
    let refused = |limit: &str, status: u32| {
        let service = format!("rate_limit: {{{limit}}}, ");
        let text = site("rate: 200/s, arrivals: deterministic, ", "", &service, "")
            .replace("duration: 30m", "duration: 100s, warmup: 10s");
        run(&text).each(&format!("errors.{status}"))[0]
    };
    for (limit, status) in
        [("preset: nginx-limit-req", 503), ("preset: token-bucket", 429), ("preset: stripe", 429)]
    {
        let share = refused(&format!("{limit}, rate: 100/s"), status);
        assert!((share - 0.5).abs() < 0.01, "{limit}: {share}");
    }
    let other = refused("preset: nginx-limit-req, rate: 100/s, status: 429", 429);
    assert!((other - 0.5).abs() < 0.01, "what is written wins: {other}");
}

#[test]
fn the_legacy_sdk_has_no_quota_and_finagle_repeats_only_what_was_never_sent() {
    let again = |retry: &str, fault: &str| {
        let text = format!(
            "
scenario: retries
run: {{duration: 100s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: 20/s, retry: {retry}, mix: {{GET /: 1}}, to: app}}}}
components: {{app: {{kind: service, endpoints: {{GET /: [reply: 503]}}}}}}
{fault}"
        );
        let runs = run(&text);
        let total = runs.replications[0].record.total();
        total.reattempted as f64 / total.sent as f64
    };
    assert!((again("aws-sdk-legacy", "") - 4.0).abs() < 0.5, "four retries each");
    assert!(again("finagle", "").abs() < 1e-9, "an answer is an answer");
    let dead = again("finagle", "faults: [{at: 0s, kill: app}]\n");
    // A fifth of the requests and ten a second, at twenty a second.
    assert!((dead - 0.7).abs() < 0.08, "{dead}");
}
