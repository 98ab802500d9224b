//! Load balancers on bad days: detection, the next upstream, limits and lines, layer 4 against layer 7.

use super::model::{during, run};

fn fleet(balancer: &str, rest: &str) -> String {
    format!(
        "
scenario: front
run: {{duration: 300s, replications: 3}}
clients: {{web: {{rate: 200/s, timeout: 5s, mix: {{GET /: 3, POST /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app, {balancer}}}
  app:
    kind: service
    instances: 4
    workers: 50
    endpoints: {{GET /: [{{sleep: exp(50ms)}}], POST /: [{{sleep: exp(50ms)}}], GET /healthz: [{{sleep: 1ms}}]}}
{rest}
"
    )
}

const KILLED: &str = "faults: [{at: 100s, kill: \"app[0]\", restart_after: 100s}]";

#[test]
fn a_dead_server_is_just_a_tuesday() {
    // Without checks a quarter of the requests fail for as long as the server is gone.
    let blind = during(&fleet("ties: first", KILLED), &[(101.0, 199.0, "errors.from.lb")])[0];
    assert!((blind - 0.25).abs() < 0.01, "{blind}");
    // With checks every 5 s, two failures: found after 5 to 10 s (a refusal fails at once); back after two more.
    let checks = "health: {path: /healthz, every: 5s, fall: 2, rise: 2}";
    let windows = [
        (100.0, 105.0, "availability"),
        (111.0, 199.0, "availability"),
        (200.0, 201.0, "availability"),
        (112.0, 199.0, "errors.from.lb"),
    ];
    let seen = during(&fleet(checks, KILLED), &windows);
    assert!((0.7..0.8).contains(&seen[0]), "not yet found: {seen:?}");
    assert_eq!((seen[1], seen[2], seen[3]), (1.0, 1.0, 0.0), "{seen:?}");
    // The next upstream hides it: what was in hand is lost, and only what may not be sent twice.
    let retried = "retry: {attempts: 2, on: [connect, timeout]}";
    let seen =
        during(&fleet(retried, KILLED), &[(101.0, 199.0, "availability"), (99.0, 101.0, "availability")]);
    assert_eq!(seen[0], 1.0);
    assert!(seen[1] > 0.98, "{seen:?}");
}

#[test]
fn a_probe_that_is_never_answered_fails_at_its_timeout() {
    // Mean detection: half an interval to the next probe, fall - 1 intervals, one timeout: 2.5 + 10 + 2 = 14.5 s.
    let checks = "connect_timeout: 30s, health: {every: 5s, timeout: 2s, fall: 3, rise: 2}";
    let gone = fleet(checks, "faults: [{at: 100s, zone_down: a, for: 100s}]");
    let text = gone.replace("instances: 4", "instances: 4\n    zones: [a, b]");
    // Half of the servers swallow their half of the requests until they are found.
    let seen =
        during(&text, &[(100.0, 111.9, "timeouts"), (117.5, 199.0, "timeouts"), (100.0, 130.0, "timeouts")]);
    assert!((seen[0] - 0.5).abs() < 0.03, "{seen:?}");
    assert_eq!(seen[1], 0.0, "{seen:?}");
    let detection = seen[2] * 30.0 / 0.5;
    assert!((12.5..16.5).contains(&detection), "{detection}");
    // HAProxy's `inter 2s fall 3`: a probe may take 2 s, and the next one comes 2 s after it. 1 + 5 x 2 s, and
    // with `fastinter 500ms` 1 + 2 + 0.5 + 2 + 0.5 + 2; from start to start it would be 1 + 2 x 2 + 2.
    for (more, expected) in [(", from: end", 11.0), (", from: end, fast_every: 500ms", 8.0), ("", 7.0)] {
        let with = text.replace("every: 5s, timeout: 2s, fall: 3, rise: 2", &format!("every: 2s{more}"));
        let detection = during(&with, &[(100.0, 130.0, "timeouts")])[0] * 30.0 / 0.5;
        assert!((detection - expected).abs() < 1.2, "{more}: {detection}");
    }
}

#[test]
fn passive_rules_find_what_checks_do_not_see() {
    // The process lives and fails: shallow checks pass. Outlier detection ejects it for 30 s at a time.
    let sick = "faults: [{at: 100s, errors: {target: \"app[0]\", share: 100%, status: 500}, for: 100s}]";
    let shallow = during(&fleet("health: {every: 2s}", sick), &[(110.0, 190.0, "errors.500")])[0];
    assert!((shallow - 0.25).abs() < 0.02, "{shallow}");
    let outliers = "outliers: {consecutive_5xx: 5, every: 10s, ejection: 30s, max_ejected: 50%}";
    let ejected =
        during(&fleet(outliers, sick), &[(102.0, 125.0, "errors.500"), (102.0, 190.0, "errors.500")]);
    assert_eq!(ejected[0], 0.0);
    assert!(ejected[1] < 0.01, "{ejected:?}");
    // HAProxy's `observe layer7`: ten errors in a row count as a failed probe, so three times as many take it out,
    // until two good probes bring it back.
    let observed =
        during(&fleet("health: {every: 2s, observe: 10}", sick), &[(110.0, 190.0, "errors.500")])[0];
    assert!((0.02..0.1).contains(&observed), "{observed}");
    // What takes it out calls the next probe as well, `fastinter` later, and that finds it alive: ten errors a
    // second, where it would be ten every 20 s.
    let calls = |more: &str| {
        let health = format!("health: {{every: 20s, rise: 1, fall: 1, observe: 10{more}}}");
        during(&fleet(&health, sick), &[(110.0, 190.0, "errors.500")])[0]
    };
    let (soon, late) = (calls(", fast_every: 1s"), calls(""));
    assert!(soon > 10.0 * late && late > 0.0, "{soon} and {late}");
    // A server that fails at once draws more and more of the traffic under least connections: a black hole.
    let hole = during(&fleet("algorithm: least_connections", sick), &[(110.0, 190.0, "errors.500")])[0];
    assert!(hole > 0.6, "{hole}");
    // nginx: one failure is enough, for ten seconds.
    let refused =
        during(&fleet("max_fails: 1, fail_timeout: 10s", KILLED), &[(102.0, 199.0, "errors.502")])[0];
    assert!(refused < 0.002, "{refused}");
}

#[test]
fn when_all_are_down_the_panic_policy_decides() {
    // Deep checks: all servers fail theirs at once, while only the checked endpoint is sick.
    let text = |panic: &str| {
        fleet(
            &format!(
                "health: {{path: GET /healthz, every: 2s, timeout: 500ms, fall: 2, rise: 2}}, panic: {panic}"
            ),
            "",
        )
        .replace("GET /healthz: [{sleep: 1ms}]", "GET /healthz: [{sleep: 2s}]")
    };
    let closed = during(&text("never"), &[(20.0, 299.0, "rate_503")])[0];
    assert!(closed > 0.99, "{closed}");
    let open = during(&text("fail_open"), &[(20.0, 299.0, "availability")])[0];
    assert_eq!(open, 1.0);
}

#[test]
fn limits_make_a_line_in_the_balancer_and_not_in_the_server() {
    // 4 x 2 slots of 50 ms carry 160/s; 200/s come: the line of 40 is full, the rest is turned away.
    let limited = fleet("max_conns: 2, queue: {max: 40, wait: 10s}", "");
    let seen = during(
        &limited,
        &[(50.0, 299.0, "goodput"), (50.0, 299.0, "rate_503"), (50.0, 299.0, "app.workers.queue")],
    );
    assert!((seen[0] - 160.0).abs() < 4.0 && (seen[1] - 0.2).abs() < 0.02, "{seen:?}");
    assert_eq!(seen[2], 0.0);
    // A short patience instead: M/M/8 with a deterministic limit on the wait.
    let patient = fleet("max_conns: 2, queue: {wait: 100ms}, statuses: {queue: 502}", "");
    let seen = during(&patient, &[(50.0, 299.0, "errors.502"), (50.0, 299.0, "max")]);
    assert!((0.19..0.26).contains(&seen[0]), "{seen:?}");
}

#[test]
fn layer_four_pins_connections_and_layer_seven_does_not() {
    // Ten people with one connection each on ten servers: pinned at random some servers have several of them.
    let text = |layer: &str| {
        format!(
            "
scenario: pins
run: {{duration: 200s, replications: 8}}
clients: {{web: {{users: 10, think: exp(10ms), mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app, algorithm: random, layer: {layer}}}
  app: {{kind: service, instances: 10, cpu: 1, endpoints: {{GET /: [{{cpu: exp(10ms)}}]}}}}
"
        )
    };
    let skew = |layer: &str| during(&text(layer), &[(20.0, 199.0, "skew(app.cpu)")])[0];
    // E[max / mean] of 10 connections on 10 servers at random is 2.78; busy servers slow theirs down, which
    // evens the load a little.
    let (four, seven) = (skew("4"), skew("7"));
    assert!((1.6..2.9).contains(&four), "{four}");
    assert!(seven < 1.1, "{seven}");
}

#[test]
fn a_balancer_is_a_resource_itself() {
    // 200 requests a second of 4 ms and as many handshakes of 2 ms: more than one core.
    let text = fleet("cpu: 1, cost: 4ms, tls: 2ms", "");
    let seen = during(&text, &[(100.0, 299.0, "lb.cpu"), (100.0, 299.0, "timeouts")]);
    assert!(seen[0] > 0.999 && seen[1] > 0.1, "{seen:?}");
    let small = fleet("connections: 5", "");
    let seen = during(&small, &[(50.0, 299.0, "errors.from.lb")]);
    // Erlang B with 10 Erlangs offered to 5 places.
    assert!((seen[0] - 0.5640).abs() < 0.01, "{seen:?}");
}

#[test]
fn who_waits_in_the_balancer_is_served_when_a_backend_comes_back() {
    // One backend, one request at a time; it restarts while others wait in the balancer.
    let text = "
scenario: waiting
run: {duration: 60s, replications: 1}
clients: {web: {rate: {steps: [0s 10/s, 20s 0/s]}, arrivals: deterministic, mix: {GET /: 1}, to: lb}}
components:
  lb: {kind: load_balancer, to: app, max_conns: 1, queue: {max: 1k}, panic: never, health: {every: 1s, fall: 1, rise: 1}}
  app: {kind: service, endpoints: {GET /: [{sleep: 200ms}]}}
";
    let seen =
        during(text, &[(0.0, 19.0, "availability"), (0.0, 20.0, "lb.wait"), (0.0, 20.0, "lb.utilisation")]);
    assert_eq!(seen[0], 1.0, "{seen:?}");
    // Twice as many come as one at a time can serve: the line grows by 5 a second, and all wait, counted.
    assert!((seen[1] - 4.95).abs() < 0.01, "{seen:?}");
    let restarted =
        format!("{text}faults: [{{at: 19.95s, restart: {{target: app, grace: 1s, boot: 5s}}}}]\n");
    let seen = during(&restarted, &[(0.0, 15.0, "availability")]);
    // Whoever stood in the line when the backend left is served when it is back, though nobody new arrives.
    assert!(seen[0] > 0.98, "{seen:?}");
}

#[test]
fn pinned_connections_spread_as_balls_over_bins() {
    // Connections thrown at random on ten servers: the mean of (most on one server / mean), and of servers without any.
    let text = |connections: u32, replications: u32| {
        format!(
            "
scenario: pinned
run: {{duration: 4s, replications: {replications}}}
clients: {{api: {{rate: 1k/s, arrivals: deterministic, connections: {{http: 2, max: {connections}}}, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, preset: kube-proxy, to: app}}
  app: {{kind: service, instances: 10, workers: 1k, endpoints: {{GET /: [{{sleep: 10ms}}]}}}}
"
        )
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    for (connections, replications, expected, tolerance) in
        [(10, 300, 2.78, 0.12), (20, 200, 2.19, 0.1), (100, 60, 1.51, 0.06), (1000, 20, 1.16, 0.03)]
    {
        let runs = run(&text(connections, replications));
        let skew = mean(&runs.each("skew(app.utilisation)"));
        assert!((skew - expected).abs() < tolerance, "{connections} connections: {skew}");
        if connections == 10 {
            let idle = |server: usize| {
                let use_of = runs.each(&format!("app[{server}].utilisation"));
                use_of.iter().filter(|used| **used < 1e-6).count()
            };
            let idle = (0..10).map(idle).sum::<usize>() as f64 / f64::from(replications);
            assert!((idle - 10.0 * 0.9_f64.powi(10)).abs() < 0.2, "{idle} servers without any");
        }
    }
}

#[test]
fn new_servers_stay_idle_until_connections_turn_over() {
    let text = |balancer: &str, lifetime: &str| {
        format!(
            "
scenario: turnover
run: {{duration: 300s, replications: 3}}
clients: {{api: {{rate: 200/s, connections: {{http: 2, max: 60{lifetime}}}, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, {balancer}, health: {{every: 1s, fall: 1, rise: 1}}, to: app}}
  app: {{kind: service, instances: 3, workers: 100, endpoints: {{GET /: [{{sleep: 50ms}}]}}}}
faults: [{{at: 10s, kill: \"app[2]\", restart_after: 90s}}]
"
        )
    };
    let window = [(120.0, 300.0, "app[2].utilisation"), (120.0, 300.0, "app.utilisation")];
    let share = |text: &str| {
        let seen = during(text, &window);
        seen[0] / seen[1]
    };
    // Its connections were reset when it died, went elsewhere, and stay there.
    let pinned = share(&text("layer: 4, algorithm: random", ""));
    assert!(pinned < 0.02, "{pinned}");
    let turned = share(&text("layer: 4, algorithm: random", ", lifetime: 10s"));
    assert!((turned - 1.0).abs() < 0.25, "{turned}");
    let seventh = share(&text("layer: 7", ""));
    assert!((seventh - 1.0).abs() < 0.02, "{seventh}");
}

#[test]
fn backups_step_in_and_cookies_choose() {
    let text = "
scenario: spare
run: {duration: 100s, replications: 1}
clients: {web: {rate: 200/s, cookies: {beta: {\"1\": 20%}}, mix: {GET /: 1}, to: lb}}
components:
  lb:
    kind: load_balancer
    health: {every: 1s, fall: 1, rise: 1}
    backup: spare
    routes: [{cookie: \"beta=1\", to: next}, {to: app}]
  app: {kind: service, workers: 100, endpoints: {GET /: [{sleep: 50ms}]}}
  next: {kind: service, workers: 100, endpoints: {GET /: [{sleep: 50ms}]}}
  spare: {kind: service, workers: 100, endpoints: {GET /: [{sleep: 50ms}]}}
faults: [{at: 50s, kill: app, for: 30s}]
";
    let windows = [
        (5.0, 49.0, "app.in_flight"),
        (5.0, 49.0, "next.in_flight"),
        (5.0, 49.0, "spare.in_flight"),
        (52.0, 79.0, "spare.in_flight"),
        (52.0, 79.0, "availability"),
        (83.0, 99.0, "spare.in_flight"),
    ];
    let seen = during(text, &windows);
    assert!((seen[0] - 8.0).abs() < 0.4 && (seen[1] - 2.0).abs() < 0.2, "{seen:?}");
    assert_eq!((seen[2], seen[4], seen[5]), (0.0, 1.0, 0.0), "{seen:?}");
    assert!((seen[3] - 8.0).abs() < 0.5, "{seen:?}");
}
