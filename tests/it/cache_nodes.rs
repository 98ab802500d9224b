//! Nodes of a cache that end: what a restart or a replica brings back, what is lost, and what stands still.

use super::model::{during, read};

/// A warm cache whose only node, or one of `nodes`, is killed at 50.5 s.
fn killed(cache: &str, fault: &str, windows: &[(f64, f64, &str)]) -> Vec<f64> {
    let text = format!(
        "
scenario: killed
run: {{duration: 100s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 99, PUT /: 1}}, to: app}}}}
data: {{post: {{rows: 1000, size: 1KB}}}}
components:
  redis: {{kind: cache{cache}}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: post, miss: db.get(post)}}}}]
      PUT /: [{{write: {{to: db.set(post), in: redis, key: post, policy: aside}}}}]
  db: {{kind: database, cpu: 64, queries: {{get: {{read: post, cpu: 1us}}, set: {{write: post, cpu: 1us}}}}}}
faults: [{{at: 50500ms, {fault}}}]
"
    );
    during(&text, windows)
}

const RESTART: &str = "kill: redis, restart_after: 500ms";

#[test]
fn a_restart_brings_back_what_was_on_disk() {
    let windows = [(51.0, 51.2, "redis.hit_ratio"), (51.0, 99.0, "stale_reads(post)")];
    let after = |persistence: &str| killed(&format!(", persistence: {{{persistence}}}"), RESTART, &windows);
    let nothing = killed("", RESTART, &windows);
    assert!(nothing[0] < 0.25 && nothing[1] < 0.001, "{nothing:?}");
    // All of it, or all but the last half second.
    let (always, second) = (after("append_only: always"), after("append_only: everysec"));
    assert!(always[0] > 0.97 && second[0] > 0.97, "{always:?} {second:?}");
    assert!(always[1] < 0.003, "{always:?}");
    // What was deleted in the last half second is back: old for good, as nothing expires.
    assert!(second[1] >= always[1], "{second:?} {always:?}");
    // A snapshot of 30 s before brings back 200 rows that were written since.
    let snapshot = after("snapshot: 20s");
    assert!(snapshot[0] > 0.97, "{snapshot:?}");
    assert!((0.03..0.16).contains(&snapshot[1]), "{snapshot:?}");
    // One that was never taken brings nothing.
    assert!(after("snapshot: 10m")[0] < 0.25);
}

#[test]
fn reading_back_takes_its_time() {
    // 1000 rows of 1 KB at 100 KB/s: 10 s of refusals, which are misses for readers.
    let windows =
        [(52.0, 60.0, "redis.hit_ratio"), (52.0, 60.0, "availability"), (62.0, 99.0, "hit_ratio(post)")];
    let hits = [(52.0, 60.0, "hit_ratio(post)"), windows[1], windows[2]];
    let loading = killed(", persistence: {append_only: always, load: 100KB/s}", RESTART, &hits);
    assert!(loading[0] < 0.01 && loading[1] == 1.0, "{loading:?}");
    assert!(loading[2] > 0.95, "{loading:?}");
}

#[test]
fn a_fork_stops_a_node() {
    let text = |fork: &str| {
        format!(
            "
scenario: fork
run: {{duration: 60s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 100}}}}
components:
  redis: {{kind: cache, warm: {{post: 100}}, op_cost: 10us, persistence: {{snapshot: 10s{fork}}}}}
  app: {{kind: service, endpoints: {{GET /: [{{cached: {{in: redis, key: post, miss: []}}}}]}}}}
"
        )
    };
    let longest = |fork: &str| during(&text(fork), &[(9.0, 11.0, "max"), (12.0, 19.0, "max")]);
    let (still, none) = (longest(", fork: 100ms"), longest(""));
    assert!((0.09..0.11).contains(&still[0]) && still[1] < 0.001, "{still:?}");
    assert!(none[0] < 0.001, "{none:?}");
}

#[test]
fn a_replica_takes_over_after_the_failover() {
    let windows = [
        (52.0, 65.0, "redis.hit_ratio"),
        (52.0, 65.0, "hit_ratio(post)"),
        (66.0, 66.5, "redis.hit_ratio"),
        (66.0, 99.0, "hit_ratio(post)"),
        (66.0, 99.0, "stale_reads(post)"),
    ];
    let hits = [windows[1], windows[2], windows[3], windows[4]];
    let after = |cache: &str| killed(cache, "kill: redis", &hits);
    let alone = killed("", "kill: redis", &[windows[1], windows[3]]);
    assert_eq!((alone[0], alone[1]), (0.0, 0.0));
    // 15 s of silence, and then all that it had; rows written meanwhile are old.
    let failover = after(", replication: {replicas: 1, failover: 15s}");
    assert!(failover[0] == 0.0 && failover[1] > 0.95 && failover[2] > 0.95, "{failover:?}");
    assert!(failover[3] > 0.05, "{failover:?}");
    // The second death in a row finds no replica any more.
    let twice = during(
        "
scenario: twice
run: {duration: 100s, replications: 1}
clients: {web: {rate: 1k rps, mix: {GET /: 1}, to: app}}
data: {post: {rows: 1000}}
components:
  redis: {kind: cache, warm: {post: 1000}, replication: {replicas: 1, failover: 5s}}
  app: {kind: service, endpoints: {GET /: [{cached: {in: redis, key: post, miss: []}}]}}
faults: [{at: 20s, kill: redis}, {at: 50s, kill: redis}]
",
        &[(26.0, 49.0, "hit_ratio(post)"), (51.0, 99.0, "hit_ratio(post)")],
    );
    assert!(twice[0] > 0.99 && twice[1] == 0.0, "{twice:?}");
}

#[test]
fn a_failover_loses_acknowledged_writes() {
    let text = |cache: &str| {
        format!(
            "
scenario: lost
run: {{duration: 100s, replications: 1}}
clients: {{web: {{rate: 200 rps, mix: {{PUT /: 1}}, to: app}}}}
data: {{post: {{rows: 100k}}}}
components:
  redis: {{kind: cache, write_back: {{flush: 2s, batch: 10k}}{cache}}}
  app: {{kind: service, endpoints: {{PUT /: [{{write: {{to: db.set(post), in: redis, key: post, policy: back}}}}]}}}}
  db: {{kind: database, cpu: 64, queries: {{set: {{write: post, cpu: 1us}}}}}}
faults: [{{at: 51s, kill: redis, restart_after: 10s}}]
"
        )
    };
    let lost = |cache: &str| during(&text(cache), &[(50.0, 99.0, "lost_writes")])[0];
    // What was not flushed: up to 2 s of 200 writes a second.
    let all = lost("");
    assert!((100.0..=400.0).contains(&all), "{all}");
    // A replica 100 ms behind lacks 20 of them; the others are written back by it.
    let some = lost(", replication: {replicas: 1, lag: 100ms, failover: 1s}");
    assert!((10.0..=32.0).contains(&some), "{some}");
    assert_eq!(lost(", persistence: {append_only: always}"), 0.0);
    let second = lost(", persistence: {append_only: everysec}");
    assert!(second <= 200.0 && second < all, "{second} {all}");
}

#[test]
fn a_hot_key_is_one_core_and_a_large_value_fills_the_link() {
    // 20 nodes, but half of all requests are about one row: 10 us each, 60 thousand a second.
    let text = "
scenario: hot
run: {duration: 5s, replications: 1}
clients: {web: {rate: 20k rps, mix: {GET /: 1}, to: app}}
data: {post: {rows: 10k}}
components:
  redis: {kind: cache, nodes: 20, warm: {post: 10k}, op_cost: 100us}
  app: {kind: service, endpoints: {GET /: [{cached: {in: redis, key: post, timeout: 50ms, miss: []}}]}}
faults: [{at: 1s, hot_key: {data: post, share: 60%, for: 4s}}]
";
    let hot = during(text, &[(0.0, 1.0, "redis.cpu"), (3.0, 5.0, "skew(redis.cpu)"), (3.0, 5.0, "p99")]);
    assert!(hot[0] < 0.15 && hot[1] > 5.0 && hot[2] > 0.04, "{hot:?}");
    let large = "
scenario: large
run: {duration: 20s, replications: 1}
clients: {web: {rate: 200/s, mix: {GET /: 1}, to: app}}
data: {post: {rows: 10, size: 500KB}}
components:
  redis: {kind: cache, warm: {post: 10}}
  app: {kind: service, endpoints: {GET /: [{cached: {in: redis, key: post, miss: []}}]}}
network: {links: {nic: {from: app, to: redis, bandwidth: 1Gbps}}}
";
    // 500 KB x 200/s = 80 % of a link of 1 Gbps: processor sharing takes 5 times the 4 ms, and slow start some more.
    match read(large) {
        Ok(_) => {
            let seen = during(large, &[(5.0, 20.0, "mean")]);
            assert!((0.015..0.035).contains(&seen[0]), "{seen:?}");
        }
        Err(mistakes) => panic!("{mistakes}"),
    }
}

#[test]
fn a_full_redis_refuses_writes_unless_told_otherwise() {
    let text = |more: &str| {
        format!(
            "
scenario: full
run: {{duration: 20s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 1000, size: 1000B}}}}
components:
  redis: {{kind: cache, preset: redis, memory: 105600B{more}}}
  app: {{kind: service, endpoints: {{GET /: [{{cached: {{in: redis, key: post, on_error: fail, miss: []}}}}]}}}}
"
        )
    };
    let refused = |more: &str| during(&text(more), &[(5.0, 19.0, "errors.507")])[0];
    // noeviction is Redis' own default: 100 of 1000 rows fit, and filling with the others fails.
    assert!((refused("") - 0.9).abs() < 0.02);
    assert_eq!(refused(", eviction: allkeys-lru"), 0.0);
}

#[test]
fn mistakes_are_explained() {
    let wrong = |cache: &str| {
        let text = format!(
            "scenario: x\nrun: {{duration: 1m}}\nclients: {{c: {{rate: 1/s, mix: {{GET /: 1}}, to: a}}}}\ncomponents:\n  r: {{kind: cache, {cache}}}\n  a: {{kind: service, endpoints: {{GET /: [reply: 200]}}}}\n"
        );
        read(&text).expect_err(cache)
    };
    assert!(wrong("persistence: {append_only: hourly}").contains("everysec"));
    assert!(wrong("persistence: {snapshot: 1us}").contains("every millisecond at most"));
    assert!(wrong("replication: {replicas: 1000}").contains("between 0 and 100"));
    assert!(wrong("replication: {replica: 1}").contains("did you mean `replicas`?"));
}
