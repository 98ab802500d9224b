//! Bad days of a service and what stands before it: refusals that say when to come again, bodies, cancellations,
//! quotas, memory, rollouts.

use super::model::{during, read, run};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Two come at once every five seconds, for a server that takes one.
fn pairs(balancer: &str, service: &str) -> String {
    format!(
        "
scenario: pairs
run: {{duration: 200s, replications: 2}}
clients: {{web: {{rate: 0.4/s, arrivals: {{batch: 2}}, retry: {{attempts: 2, on: [503], honour_retry_after: true}}, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app, {balancer}}}
  app: {{kind: service, {service}, endpoints: {{GET /: [sleep: 300ms]}}}}
"
    )
}

#[test]
fn whoever_refuses_says_when_to_come_again() {
    // At once the second try is refused as the first was; a second later the server is free, but for other pairs.
    for (balancer, service) in [
        ("ties: first", "workers: 1, backlog: 0, retry_after: 1s"),
        ("ties: first", "workers: 1, concurrency: {fixed: 1, retry_after: 1s}"),
        ("max_conns: 1, statuses: {retry_after: 1s}", "workers: 1"),
        ("connections: 1, statuses: {retry_after: 1s}", "workers: 1"),
    ] {
        let told = pairs(balancer, service);
        let untold = told.replace("honour_retry_after: true", "honour_retry_after: false");
        let [told, untold] = [told, untold].map(|text| mean(&run(&text).each("availability")));
        assert!(untold < 0.6 && told > 0.85, "{balancer} {service}: {untold} {told}");
    }
    let maintained = pairs("ties: first", "workers: 2")
        + "faults: [{at: 50s, errors: {target: app, status: 503, retry_after: 60s}, for: 50s}]\n";
    let seen = during(&maintained, &[(50.0, 100.0, "availability")]);
    assert_eq!(seen, [1.0], "all come again when it is over");
}

#[test]
fn the_earliest_deadline_first_is_a_priority_where_only_some_have_one() {
    // M/M/1 at 0.8, half of it urgent: Cobham's waits are 8 / 0.6 and 8 / (0.6 x 0.2) ms.
    let text = "
scenario: edf
run: {duration: 2000s, warmup: 20s, replications: 3}
clients: {web: {rate: 80/s, mix: {GET /urgent: 1, GET /lax: 1}, to: app}}
components:
  app: {kind: service, workers: 1, discipline: edf, endpoints: {GET /urgent: {due: 1ms, steps: [sleep: exp(10ms)]}, GET /lax: [sleep: exp(10ms)]}}
";
    let runs = run(text);
    let [urgent, lax] = ["mean(GET /urgent)", "mean(GET /lax)"].map(|m| 1e3 * mean(&runs.each(m)));
    assert!((urgent - 23.33).abs() < 1.0, "{urgent}");
    assert!((lax - 76.67).abs() < 6.0, "{lax}");
    // Equal due times are first come, first served; a told deadline goes before the endpoint's own.
    let equal =
        text.replace("GET /lax: [sleep: exp(10ms)]", "GET /lax: {due: 1ms, steps: [sleep: exp(10ms)]}");
    let fifo = equal.replace("discipline: edf, ", "").replace("due: 1ms, ", "");
    assert_eq!(run(&equal).each("p99"), run(&fifo).each("p99"));
}

/// A person leaves after 100 ms; the database would work for half a second.
fn leaving(client: &str, query: &str, database: &str) -> String {
    format!(
        "
scenario: leaving
run: {{duration: 100s, replications: 1}}
clients: {{web: {{rate: 1/s, arrivals: deterministic, timeout: 100ms, {client}, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app}}
  app: {{kind: service, endpoints: {{GET /: [{{query: db.look{query}}}]}}}}
  db: {{kind: database, cpu: 1, {database}queries: {{look: {{cpu: 500ms}}}}}}
"
    )
}

#[test]
fn a_cancellation_gets_through_a_balancer_and_into_a_database() {
    for (client, query, database, busy) in [
        ("cancel: false", "", "", 0.5),
        // The service learns of it, and the database goes on: nobody cancelled its query.
        ("cancel: running", "", "", 0.5),
        ("cancel: running", ", cancel: running", "", 0.1),
        ("cancel: false", ", cancel: running", "", 0.5),
        // It looks every 200 ms whether its client is still there.
        ("cancel: running", "", "connection_check: 200ms, ", 0.2),
        // A deadline that is told all the way ends the statement by itself.
        ("propagate: true", ", propagate: true", "", 0.1),
        ("propagate: true", "", "", 0.5),
    ] {
        let seen = run(&leaving(client, query, database)).each("db.cpu")[0];
        assert!((seen - busy).abs() < 0.011, "{client} {query} {database}: {seen} for {busy}");
    }
}

#[test]
fn who_left_is_not_tried_again_and_a_cancelled_request_leaves_the_line() {
    let text = "
scenario: left
run: {duration: 100s, replications: 1}
clients: {web: {rate: 10/s, timeout: 100ms, cancel: running, mix: {GET /: 1}, to: lb}}
components:
  lb: {kind: load_balancer, to: app, max_conns: 1, queue: {max: 1k}, retry: {attempts: 2, on: [5xx, timeout, connect]}}
  app: {kind: service, instances: 2, endpoints: {GET /: [sleep: 1s]}}
";
    let runs = run(text);
    assert_eq!(runs.each("timeouts"), [1.0]);
    // Nobody is served to the end; each is at a server for at most its 100 ms.
    assert!(runs.each("app.in_flight")[0] < 1.01, "{:?}", runs.each("app.in_flight"));
    assert!(runs.each("lb.queue.max")[0] < 10.0);
}

#[test]
fn a_cpu_quota_stops_everybody_until_the_period_ends() {
    let text = |cpu: &str, rate: &str, more: &str| {
        format!(
            "
scenario: quota
run: {{duration: 100s, replications: 2}}
clients: {{web: {{rate: {rate}, timeout: 2s, cancel: running{more}, mix: {{GET /: 1}}, to: app}}}}
components: {{app: {{kind: service, {cpu}, endpoints: {{GET /: [cpu: 20ms]}}}}}}
"
        )
    };
    // Twice what a limit of one core gives, on four cores: a quarter of each period all four, then none.
    let seen = during(
        &text("cpu: 4, cpu_limit: 1", "100/s", ""),
        &[(10.0, 99.0, "app.cpu"), (10.0, 99.0, "app.throttled")],
    );
    assert!((seen[0] - 0.25).abs() < 0.005 && (seen[1] - 0.75).abs() < 0.01, "{seen:?}");
    // At 0.6 of a core nothing is short on average, and still the tail waits for whole periods.
    let [free, limited] = ["cpu: 4", "cpu: 4, cpu_limit: 1"].map(|cpu| {
        let runs = run(&text(cpu, "30/s", ""));
        (mean(&runs.each("p50")), mean(&runs.each("p99")), mean(&runs.each("app.cpu")))
    });
    assert!((free.2 - limited.2).abs() < 0.003, "the same work: {free:?} {limited:?}");
    assert!(free.1 < 0.025 && limited.1 > 0.06, "{free:?} {limited:?}");
    assert!(limited.0 < 0.03, "{limited:?}");
    // One request of 150 ms at half a core: 50 ms of each period.
    let alone = text("cpu: 1, cpu_limit: 500m", "0.5/s", ", timeout: 10s").replace("timeout: 2s, ", "");
    let long = run(&alone.replace("cpu: 20ms", "cpu: 150ms"));
    for seen in long.each("p50") {
        assert!((0.2..0.3).contains(&seen), "{seen}");
    }
}

#[test]
fn a_process_beyond_its_memory_is_killed_with_all_it_has() {
    let text = |rate: &str| {
        format!(
            "
scenario: memory
run: {{duration: 100s, replications: 1}}
clients: {{web: {{rate: {rate}, arrivals: deterministic, timeout: 5s, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, memory: {{limit: 409600KiB, base: 307200KiB, request: 10240KiB, restart: 10s}}, endpoints: {{GET /: [sleep: 1s]}}}}
"
        )
    };
    // Five in hand: 350 of 400 MiB.
    let calm = run(&text("5/s"));
    assert_eq!(calm.each("availability"), [1.0]);
    assert!((calm.each("app.memory")[0] - 0.875).abs() < 0.01, "{:?}", calm.each("app.memory"));
    // Twenty want to be in hand: the eleventh is too much, half a second after each start; then ten seconds of nothing.
    let busy = run(&text("20/s"));
    assert_eq!(busy.each("availability"), [0.0], "none ever lives for a second");
    assert!((busy.each("app.in_flight")[0]) < 0.5);
}

fn rolled_out(deploy: &str) -> String {
    format!(
        "
scenario: rollout
run: {{duration: 300s, replications: 1}}
clients: {{web: {{rate: 200/s, timeout: 1s, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, to: app}}
  app: {{kind: service, instances: 4, cpu: 1, endpoints: {{GET /: [cpu: 12ms]}}}}
faults: [{{at: 100s, deploy: {{target: app, {deploy}}}}}]
"
    )
}

#[test]
fn a_surge_keeps_the_fleet_whole_while_it_is_replaced() {
    // Four cores at 0.6; three would be at 0.8, two at 1.2.
    let times = "grace: 10s, boot: 20s";
    let seen = during(
        &rolled_out(&format!("max_surge: 25%, max_unavailable: 0%, {times}")),
        &[
            (0.0, 99.0, "app.instances"),
            (121.0, 300.0, "app.instances"),
            (250.0, 300.0, "app.instances"),
            (0.0, 300.0, "availability"),
            (101.0, 180.0, "app.cpu"),
            (250.0, 299.0, "app.cpu"),
        ],
    );
    assert_eq!((seen[0], seen[2], seen[3]), (4.0, 4.0, 1.0), "{seen:?}");
    assert!(seen[1] > 4.0 && seen[4] < 0.61, "{seen:?}");
    assert!((seen[5] - 0.6).abs() < 0.02, "{seen:?}");
    // Without a surge a quarter is missing for as long as it takes.
    let without =
        during(&rolled_out(&format!("max_unavailable: 50%, {times}")), &[(105.0, 125.0, "availability")]);
    assert!(without[0] < 0.95, "{without:?}");
}

#[test]
fn a_bad_version_stops_or_spreads_and_the_next_rollout_mends_it() {
    let stuck = during(
        &rolled_out("max_surge: 25%, max_unavailable: 25%, ready: false"),
        &[(140.0, 300.0, "app.instances"), (140.0, 300.0, "app.cpu")],
    );
    assert_eq!(stuck[0], 3.0, "{stuck:?}");
    assert!((stuck[1] - 0.8).abs() < 0.03, "{stuck:?}");
    let bad = rolled_out("max_surge: 100%, max_unavailable: 0%, grace: 5s, boot: 5s, errors: 40%");
    let mended = bad.replace("faults: [", "faults: [{at: 200s, deploy: {target: app, max_surge: 100%, max_unavailable: 0%, grace: 5s, boot: 5s}}, ");
    let windows =
        [(0.0, 99.0, "availability"), (110.0, 199.0, "availability"), (206.0, 300.0, "availability")];
    let seen = during(&mended, &windows);
    assert!(seen[0] == 1.0 && (seen[1] - 0.6).abs() < 0.02 && seen[2] == 1.0, "{seen:?}");
    let scaled = rolled_out("max_surge: 25%")
        .replace("instances: 4", "autoscale: {preset: k8s-hpa, target: 60%, min: 2, max: 8}");
    assert!(read(&scaled).is_err_and(|words| words.contains("fixed number of instances")));
}

fn uploads(balancer: &str, timeout: &str) -> String {
    format!(
        "
scenario: uploads
run: {{duration: 200s, replications: 2}}
clients: {{web: {{rate: 2/s, timeout: {timeout}, body: {{$.bulk: {{true: 50%}}}}, mix: {{POST /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, {balancer}}}
  app: {{kind: service, workers: 1, endpoints: {{POST /: [receive: {{size: 1MB, at: 8Mbps}}, sleep: 10ms]}}}}
  bulk: {{kind: service, workers: 1, endpoints: {{POST /: [receive: {{size: 1MB, at: 8Mbps}}, sleep: 10ms]}}}}
"
    )
}

#[test]
fn a_balancer_that_buffers_takes_slow_bodies_off_the_workers() {
    // A second of uplink: a worker that reads it serves one a second, and two come.
    let streamed = run(&uploads("to: app", "5s"));
    assert!(mean(&streamed.each("availability")) < 0.6);
    for balancer in ["to: app, request_buffering: true", "preset: nginx, to: app, max_body: 10MB"] {
        let buffered = run(&uploads(balancer, "5s"));
        assert_eq!(buffered.each("availability"), [1.0, 1.0], "{balancer}");
        assert!((mean(&buffered.each("p50")) - 1.01).abs() < 0.02, "{balancer}");
        assert!(mean(&buffered.each("app.utilisation")) < 0.03, "{balancer}");
    }
    // A route by the body has to read it; what is decided by then goes where it belongs.
    let routes = "routes: [{body: \"$.bulk == true\", to: bulk}, {path: \"*\", to: app}]";
    let routed = run(&uploads(routes, "5s"));
    assert_eq!(routed.each("availability"), [1.0, 1.0]);
    assert!((mean(&routed.each("bulk.utilisation")) - 0.01).abs() < 0.004);
    // Too large is known before it is read; who leaves meanwhile never comes to a server.
    let refused = run(&uploads("preset: nginx, to: app, max_body: 500KB", "5s"));
    assert_eq!(refused.each("errors.413"), [1.0, 1.0]);
    assert!(mean(&refused.each("p99(errors)")) < 0.01);
    let gone = run(&uploads("to: app, request_buffering: true", "500ms"));
    assert_eq!((gone.each("timeouts"), gone.each("app.utilisation")), (vec![1.0, 1.0], vec![0.0, 0.0]));
}

#[test]
fn a_listed_status_takes_a_server_out_while_there_is_another_to_try() {
    // nginx: `proxy_next_upstream http_503` makes a 503 a failure of `max_fails` too.
    let text = |on: &str| {
        format!(
            "
scenario: listed
run: {{duration: 200s, replications: 1}}
clients: {{web: {{rate: 100/s, mix: {{GET /: 1}}, to: lb}}}}
components:
  lb: {{kind: load_balancer, preset: nginx, to: app, retry: {{on: {on}}}}}
  app: {{kind: service, instances: 2, cpu: 1, endpoints: {{GET /: [cpu: 1ms]}}}}
faults: [{{at: 0s, errors: {{target: \"app[0]\", status: 503}}}}]
"
        )
    };
    assert!((run(&text("[connect, timeout]")).each("errors.503")[0] - 0.5).abs() < 0.01);
    let listed = run(&text("[connect, timeout, 503]"));
    assert_eq!(listed.each("errors.503"), [0.0]);
    // What may not be sent twice is passed on as it is, and counts against nobody.
    let posts = text("[connect, timeout, 503]").replace("GET /", "POST /");
    assert!((run(&posts).each("errors.503")[0] - 0.5).abs() < 0.01);
    let sent_again = posts.replace("503]}", "503], non_idempotent: true}");
    assert_eq!(run(&sent_again).each("errors.503"), [0.0]);
}
