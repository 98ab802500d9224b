//! What goes wrong is carried out as written, seen by callers as what it would be, and loses nothing uncounted.

use super::model::{during, model, read, run, run_model};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn fleet(faults: &str) -> String {
    format!(
        "
scenario: fleet
run: {{duration: 300s, replications: 3}}
clients: {{web: {{rate: 200/s, timeout: 1s, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, instances: 4, zones: [a, b], workers: 50, endpoints: {{GET /: [{{sleep: exp(50ms)}}, {{query: db.look}}]}}}}
  db: {{kind: database, cpu: 8, max_connections: 1k, queries: {{look: {{cpu: 5ms}}}}}}
faults: {faults}
"
    )
}

#[test]
fn a_killed_instance_refuses_at_once_and_loses_what_it_had() {
    let text = fleet("[{at: 100s, kill: \"app[1]\", restart_after: 50s}]");
    let seen = during(
        &text,
        &[
            (50.0, 99.0, "availability"),
            (101.0, 150.0, "availability"),
            (151.0, 250.0, "availability"),
            (101.0, 150.0, "timeouts"),
        ],
    );
    assert_eq!((seen[0], seen[2]), (1.0, 1.0), "before and after");
    assert!((seen[1] - 0.75).abs() < 1e-3, "one of four, called in turn: {}", seen[1]);
    assert_eq!(seen[3], 0.0, "a refusal takes no time");
    // About 2.75 requests were in hand when it died: 50 requests a second for 55 ms each.
    let lost = during(&text, &[(99.0, 100.0, "availability")])[0];
    assert!((0.975..0.9975).contains(&lost), "{lost}");
}

#[test]
fn a_zone_that_is_gone_lets_callers_wait_for_their_timeout() {
    let text = fleet("[{at: 100s, zone_down: b, for: 50s}]");
    let seen = during(
        &text,
        &[(101.0, 149.0, "availability"), (101.0, 149.0, "timeouts"), (152.0, 250.0, "availability")],
    );
    assert!((seen[0] - 0.5).abs() < 0.02 && (seen[1] - 0.5).abs() < 0.02, "{seen:?}");
    assert_eq!(seen[2], 1.0);
}

#[test]
fn what_hangs_slows_fails_or_is_cut_off_does_so_for_as_long_as_written() {
    for (fault, from, to, metric, low, high) in [
        ("{at: 100s, hang: app, for: 50s}", 101.0, 148.0, "timeouts", 1.0, 1.0),
        (
            "{at: 100s, errors: {target: app, share: 30%, status: 503}, for: 50s}",
            101.0,
            149.0,
            "rate_503",
            0.28,
            0.32,
        ),
        ("{at: 100s, slow: {target: app, by: 3x}, for: 50s}", 101.0, 149.0, "mean", 0.152, 0.158),
        ("{at: 100s, slow: {target: db, by: 4x}, for: 50s}", 101.0, 149.0, "db.cpu", 0.48, 0.53),
        ("{at: 100s, latency: {target: db, by: 20ms}, for: 50s}", 101.0, 149.0, "mean", 0.093, 0.097),
        ("{at: 100s, partition: [app, db], for: 50s}", 101.0, 148.0, "timeouts", 1.0, 1.0),
        (
            "{at: 100s, partition: {from: db, to: app, one_way: true}, for: 50s}",
            101.0,
            148.0,
            "timeouts",
            1.0,
            1.0,
        ),
        ("{at: 100s, kill: db.primary, for: 50s}", 101.0, 149.0, "rate_503", 1.0, 1.0),
    ] {
        let text = fleet(&format!("[{fault}]"));
        let seen = during(
            &text,
            &[(from, to, metric), (10.0, 99.0, "availability"), (160.0, 299.0, "availability")],
        );
        assert!((low..=high).contains(&seen[0]), "{fault}: {metric} {}", seen[0]);
        assert_eq!((seen[1], seen[2]), (1.0, 1.0), "{fault}: before and after");
    }
}

#[test]
fn a_deploy_goes_round_and_an_orderly_restart_loses_nothing() {
    let text = fleet("[{at: 50s, deploy: {target: app, max_unavailable: 25%, grace: 10s, boot: 10s}}]");
    let seen = during(&text, &[(20.0, 200.0, "availability"), (20.0, 200.0, "offered")]);
    assert!(seen[0] > 0.87, "one of four refuses for a half of the time, once each: {}", seen[0]);
    let bad = fleet("[{at: 50s, deploy: {target: app, grace: 5s, boot: 5s, errors: 20%}}]");
    let seen = during(&bad, &[(120.0, 290.0, "errors.500")]);
    assert!((seen[0] - 0.2).abs() < 0.02, "{}", seen[0]);
}

#[test]
fn failures_at_random_are_as_frequent_as_written_and_the_same_in_every_design() {
    let text = "
scenario: random
run: {duration: 20000s, replications: 4}
clients: {web: {rate: 5/s, mix: {GET /: 1}, to: app}}
components: {app: {kind: service, endpoints: {GET /: [{sleep: 1ms}]}}}
faults: [{kill: app, mtbf: 90s, mttr: 10s}]
";
    let runs = run(text);
    let availability = mean(&runs.each("availability"));
    assert!((availability - 0.9).abs() < 0.01, "{availability}");
    let wider = run(&text.replace("rate: 5/s", "rate: 50/s"));
    assert!((mean(&wider.each("availability")) - availability).abs() < 0.003, "the same failures");
}

#[test]
fn a_hot_key_convoys_on_its_lock_and_a_shift_multiplies_the_rate() {
    let text = "
scenario: hot
run: {duration: 200s, replications: 2}
clients: {web: {rate: 100/s, timeout: 2s, mix: {PUT /: 1}, to: app}}
data: {user: {rows: 1M}}
components:
  app: {kind: service, endpoints: {PUT /: [{query: db.put(user)}]}}
  db: {kind: database, cpu: 16, queries: {put: {write: user, cpu: 20ms, lock: user}}}
faults: [{at: 100s, hot_key: {data: user, share: 80%}}, {at: 50s, shift: {target: web, by: 1.5x}, for: 20s}]
";
    let seen = during(text, &[(0.0, 50.0, "p99"), (51.0, 70.0, "offered"), (110.0, 198.0, "timeouts")]);
    assert!(seen[0] < 0.05, "{seen:?}");
    assert!((seen[1] - 150.0).abs() < 6.0, "{seen:?}");
    // 80 writes a second want one lock for 20 ms each: 1.6 times what it gives.
    assert!(seen[2] > 0.25, "{seen:?}");
}

#[test]
fn mistakes_in_faults_point_at_what_to_change() {
    let wrong = |faults: &str| read(&fleet(faults)).unwrap_err();
    assert!(wrong("[{at: 1m, kil: app}]").contains("a fault needs its verb"));
    assert!(wrong("[{at: 1m, kill: ap}]").contains("did you mean `app`?"));
    assert!(wrong("[{at: 1m, kill: \"app[4]\"}]").contains("it has 4, counted from 0"));
    assert!(wrong("[{kill: app}]").contains("it is not said when"));
    assert!(wrong("[{at: 1m, zone_down: c}]").contains("there is no zone `c`"));
    assert!(wrong("[{at: 1m, slow: app}]").contains("`slow` needs a mapping"));
    assert!(wrong("[{at: 1m, kill: app, hang: app}]").contains("one fault for each"));
    assert!(
        wrong("[{at: 1m, deploy: web}]").contains("a client population cannot be the target of `deploy`")
    );
    assert!(wrong("[{at: 1m, reset: \"app[0]\"}]").contains("concerns a component as a whole"));
    let random = "[{mtbf: 1m, mttr: 5s, partition: {from: app, to: db}}]";
    assert!(wrong(random).contains("nothing that an instance does by itself"));
    // Warnings do not stop a run.
    let late = fleet("[{at: 10m, kill: app}]");
    let _ = run_model(&model(&late));
}

#[test]
fn faults_that_overlap_are_weighed_together() {
    // Each of the four is slow from 50 s to 250 s; one is killed meanwhile, twice, the second time while it hangs.
    let text = fleet(
        "[{at: 50s, slow: {target: app, by: 3x, for: 200s}}, {at: 100s, kill: \"app[0]\", restart_after: 20s},
          {at: 110s, kill: \"app[0]\", restart_after: 40s}, {at: 160s, hang: {target: \"app[0]\", for: 30s}},
          {at: 170s, kill: \"app[0]\", restart_after: 10s}]",
    );
    let windows = [
        (121.0, 149.0, "availability"),
        (151.0, 159.0, "availability"),
        (171.0, 179.0, "timeouts"),
        (181.0, 188.0, "timeouts"),
        (191.0, 249.0, "availability"),
        (191.0, 249.0, "mean"),
        (251.0, 299.0, "mean"),
    ];
    let seen = during(&text, &windows);
    assert!((seen[0] - 0.75).abs() < 0.01, "the second kill outlasts the first: {seen:?}");
    // At three times 50 ms on average, one in 800 sleeps for longer than the client waits.
    assert!(seen[1] > 0.996, "{seen:?}");
    assert!(seen[2] < 0.01, "a dead process refuses, even if it hung before: {seen:?}");
    assert!((seen[3] - 0.25).abs() < 0.02, "it hangs again when it is back too early: {seen:?}");
    assert!(seen[4] > 0.996, "{seen:?}");
    // Neither end of a kill ends the slowness of 3: 150 ms asleep and 5 ms in the database; then 50 ms.
    assert!((seen[5] - 0.155).abs() < 0.01 && (seen[6] - 0.055).abs() < 0.005, "{seen:?}");
}

#[test]
fn what_a_vanished_zone_swallowed_is_in_flight_no_longer_than_somebody_waits_for_it() {
    // 200/s, half of them swallowed; each is given up after 2 s, so 200 at most; ten in service as a rule.
    let text = "
scenario: swallowed
run: {duration: 300s, replications: 1}
clients: {web: {rate: 200/s, arrivals: deterministic, timeout: 2s, mix: {GET /: 1}, to: app}}
components: {app: {kind: service, instances: 2, zones: [a, b], endpoints: {GET /: [sleep: 50ms]}}}
faults: [{at: 100s, zone_down: a, for: 100s}]
";
    let windows = [
        (40.0, 99.0, "app.in_flight"),
        (110.0, 199.0, "app.in_flight"),
        (204.0, 299.0, "app.in_flight"),
        (110.0, 199.0, "timeouts"),
    ];
    let seen = during(text, &windows);
    assert!((seen[0] - 10.0).abs() < 0.1 && (seen[2] - 10.0).abs() < 0.1, "{seen:?}");
    assert!((seen[1] - 205.0).abs() < 2.0 && (seen[3] - 0.5).abs() < 0.02, "{seen:?}");
}

#[test]
fn connections_to_a_dead_database_are_gone_and_a_reset_makes_everybody_connect() {
    // Two services of five pooled connections each, and a database that accepts exactly these ten.
    let text = |fault: &str| {
        format!(
            "
scenario: connections
run: {{duration: 120s, replications: 1}}
network: {{rtt: 2ms}}
clients: {{web: {{rate: 400/s, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, instances: 2, workers: 50, pools: {{db: {{size: 5}}}}, endpoints: {{GET /: [{{query: db.look}}]}}}}
  db: {{kind: database, cpu: 8, max_connections: 10, queries: {{look: {{cpu: exp(5ms)}}}}}}
faults: [{fault}]
"
        )
    };
    let windows = [(75.0, 120.0, "availability"), (75.0, 120.0, "db.connections")];
    for fault in ["{at: 60s, kill: db, restart_after: 10s}", "{at: 60s, kill: db, restart_after: 0.1s}"] {
        let seen = during(&text(fault), &windows);
        assert_eq!(seen[0], 1.0, "{fault}: nobody is refused for connections that are gone: {seen:?}");
        assert!(seen[1] <= 10.0 && seen[1] > 1.0, "{fault}: {seen:?}");
    }
    let seen =
        during(&text("{at: 60s, reset: db}"), &[(30.0, 59.0, "availability"), (60.0, 120.0, "availability")]);
    assert_eq!(seen, [1.0, 1.0], "a reset costs time and no request");
}
