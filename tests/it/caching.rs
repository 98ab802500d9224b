//! Caches in whole scenarios: hit ratios against theory, who fetches what, what is stale, what a lost node
//! or instance takes with it.

use super::model::{during, read, run};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One endpoint that reads a row through `cached`, in front of a store that takes 1 ms.
fn reads(run: &str, rate: &str, data: &str, cache: &str, cached: &str) -> String {
    format!(
        "
scenario: reads
run: {{{run}}}
clients: {{web: {{rate: {rate}, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{{data}}}}}
components:
  redis: {{kind: cache, {cache}}}
  app: {{kind: service, endpoints: {{GET /: [{{cached: {{key: post, miss: db.post(post), {cached}}}}}]}}}}
  db: {{kind: database, cpu: 64, queries: {{post: {{read: post, cpu: 1ms}}}}}}
"
    )
}

#[test]
fn lru_keeps_what_che_says() {
    // domain 14: 100k keys, a cache of 1 % of them: .489 at an exponent of .99, .795 at 1.2.
    for (zipf, hit) in [("0.99", 0.489), ("1.2", 0.795)] {
        let text = reads(
            "duration: 60s, warmup: 15s, replications: 1",
            "4k rps",
            &format!("rows: 100k, zipf: {zipf}"),
            "max: 1000, eviction: lru",
            "in: redis",
        );
        let runs = run(&text);
        let seen = mean(&runs.each("redis.hit_ratio"));
        assert!((seen - hit).abs() < 0.012, "{zipf}: {seen} for {hit}");
        assert!((seen - mean(&runs.each("hit_ratio(post)"))).abs() < 0.001, "one layer is all of them");
        assert!(mean(&runs.each("redis.evictions")) > 1000.0);
        // What is not a hit is a query.
        let queries = mean(&runs.each("db.offered_cpu")) * 64.0 / 0.001 / mean(&runs.each("offered"));
        assert!((queries - (1.0 - seen)).abs() < 0.002, "{queries}");
    }
}

#[test]
fn a_time_to_live_alone_gives_the_formula() {
    // domain 14: sum of p (lambda p T) / (1 + lambda p T), 480/s, 2M keys, 60 s: .522 at .99, .817 at 1.2.
    for (zipf, hit) in [("0.99", 0.522), ("1.2", 0.817)] {
        let text = reads(
            "duration: 240s, warmup: 90s, replications: 1",
            "480 rps",
            &format!("rows: 2M, zipf: {zipf}"),
            "ttl: 60s",
            "in: redis",
        );
        let seen = mean(&run(&text).each("redis.hit_ratio"));
        assert!((seen - hit).abs() < 0.01, "{zipf}: {seen} for {hit}");
    }
}

#[test]
fn memory_counts_values_and_overhead() {
    // 1 KB and 56 B each: 1000 of 10 000 rows fit into 1.056 MB, as many as `max: 1000` allows.
    let with = |cache: &str| {
        let plan = "duration: 30s, warmup: 10s, replications: 1";
        let text = reads(plan, "2k rps", "rows: 10k, zipf: 0.9, size: 1000B", cache, "in: redis");
        mean(&run(&text).each("redis.hit_ratio"))
    };
    assert_eq!(with("memory: 1056000B"), with("max: 1000"));
    assert!(with("memory: 528kB, overhead: 28B") > with("memory: 528kB"));
}

#[test]
fn one_core_serves_the_commands_of_a_node() {
    // A hit is one command of 1 ms, a miss two: M/D/1 at 0.5 waits half a service.
    let text = reads(
        "duration: 100s, warmup: 5s, replications: 2",
        "500 rps",
        "rows: 10",
        "op_cost: 1ms",
        "in: redis",
    );
    let runs = run(&text);
    assert!((mean(&runs.each("redis.cpu")) - 0.5).abs() < 0.01);
    assert!((mean(&runs.each("redis.cpu.wait")) - 0.0005).abs() < 0.00005);
    assert!((mean(&runs.each("mean")) - 0.0015).abs() < 0.0001);
}

/// Fetches in a window after what was stored is gone: reads that asked the store.
fn fetches(coalesce: &str) -> f64 {
    let text = format!(
        "
scenario: stampede
run: {{duration: 20s, replications: 1}}
clients: {{web: {{rate: 2k rps, arrivals: deterministic, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 1}}}}
components:
  redis: {{kind: cache, warm: {{post: 1}}}}
  app: {{kind: service, instances: 4, endpoints: {{GET /: [{{cached: {{in: redis, key: post, miss: [{{sleep: 200ms}}], coalesce: {coalesce}}}}}]}}}}
faults: [{{at: 10s, flush: redis}}]
"
    );
    let seen = during(
        &text,
        &[(5.0, 9.0, "hit_ratio(post)"), (10.0, 12.0, "hit_ratio(post)"), (10.0, 12.0, "throughput")],
    );
    assert_eq!(seen[0], 1.0, "it is warm");
    (1.0 - seen[1]) * seen[2] * 2.0
}

#[test]
fn a_stampede_is_as_large_as_rate_times_recomputation() {
    // domain 5.1: 2000/s x 200 ms = 400 without coalescing, one for each process, or one in all.
    let all = fetches("none");
    assert!((all - 400.0).abs() < 5.0, "{all}");
    assert!((fetches("instance") - 4.0).abs() < 0.1);
    assert!((fetches("lease") - 1.0).abs() < 0.1);
}

fn race(coalesce: &str) -> Vec<f64> {
    let text = format!(
        "
scenario: race
run: {{duration: 200s, replications: 2}}
clients: {{web: {{rate: 200/s, mix: {{GET /: 9, PUT /: 1}}, to: app}}}}
data: {{post: {{rows: 5}}}}
components:
  redis: {{kind: cache}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: post, ttl: 2s, miss: [{{query: db.get(post)}}, {{sleep: 20ms}}], coalesce: {coalesce}}}}}]
      PUT /: [{{query: db.set(post)}}, {{invalidate: {{in: redis, key: post}}}}]
  db: {{kind: database, queries: {{get: {{read: post, cpu: 1ms}}, set: {{write: post, cpu: 1ms}}}}}}
"
    );
    let runs = run(&text);
    ["stale_reads(post)", "hit_ratio(post)"].iter().map(|name| mean(&runs.each(name))).collect()
}

#[test]
fn a_set_after_a_delete_is_stale_and_a_lease_removes_it() {
    // A reader that read before a write and stores after its delete leaves an old copy until the next write.
    let bare = race("none");
    assert!(bare[0] > 0.005, "{bare:?}");
    let leased = race("lease");
    assert_eq!(leased[0], 0.0);
    assert!((leased[1] - bare[1]).abs() < 0.1, "{leased:?} {bare:?}");
}

#[test]
fn a_lost_node_takes_a_share_on_a_ring_and_nearly_all_by_modulo() {
    let text = |placement: &str| {
        format!(
            "
scenario: node
run: {{duration: 40s, replications: 1}}
clients: {{web: {{rate: 2k rps, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 10k}}}}
components:
  redis: {{kind: cache, nodes: 10, placement: {placement}, warm: {{post: 10k}}}}
  app: {{kind: service, endpoints: {{GET /: [{{cached: {{in: redis, key: post, miss: []}}}}]}}}}
faults: [{{at: 10s, kill: \"redis[0]\", restart_after: 20s}}]
"
        )
    };
    let windows = [
        (1.0, 10.0, "hit_ratio(post)"),
        (10.0, 10.5, "hit_ratio(post)"),
        (28.0, 30.0, "hit_ratio(post)"),
        (30.0, 30.5, "hit_ratio(post)"),
    ];
    let seen = |placement: &str| during(&text(placement), &windows);
    let (ring, modulo, slots) = (seen("ring"), seen("modulo"), seen("slots"));
    assert_eq!((ring[0], modulo[0], slots[0]), (1.0, 1.0, 1.0));
    // In half a second a tenth of the keys is asked for; who is asked for twice is a hit then.
    assert!((0.86..0.94).contains(&ring[1]), "{ring:?}");
    assert!(modulo[1] < 0.25, "{modulo:?}");
    // A ring is whole again after a while; slots of a lost master are nobody's until it is back, and cold.
    assert!(ring[2] > 0.995, "{ring:?}");
    assert!((slots[2] - 0.9).abs() < 0.02, "{slots:?}");
    assert!(slots[3] < 0.94, "{slots:?}");
    assert!(ring[3] < 0.94, "who comes back is empty: {ring:?}");
}

#[test]
fn an_error_of_the_cache_is_a_miss_or_an_error() {
    let text = |on_error: &str, fault: &str| {
        reads(
            "duration: 40s, replications: 1",
            "200 rps",
            "rows: 100",
            "warm: {post: 100}",
            &format!("in: redis, timeout: 50ms, on_error: {on_error}"),
        ) + &format!("faults: [{{at: 20s, {fault}}}]\n")
    };
    let windows = [(21.0, 39.0, "availability"), (21.0, 39.0, "mean"), (21.0, 39.0, "db.offered_cpu")];
    // The dangerous common case: the store gets all of the load.
    let missed = during(&text("miss", "kill: redis"), &windows);
    assert_eq!(missed[0], 1.0);
    assert!((missed[2] * 64.0 - 0.2).abs() < 0.02, "{missed:?}");
    let failed = during(&text("fail", "kill: redis"), &[(21.0, 39.0, "rate_503")]);
    assert_eq!(failed[0], 1.0);
    // Silence costs its timeout, once for reading and once for storing.
    let silent = during(&text("miss", "hang: redis"), &windows);
    assert!((silent[1] - 0.101).abs() < 0.002, "{silent:?}");
}

#[test]
fn a_local_cache_dies_with_its_instance() {
    let text = "
scenario: local
run: {duration: 100s, replications: 1}
clients: {web: {rate: 1k rps, mix: {GET /: 1}, to: app}}
data: {post: {rows: 100}}
components:
  app:
    kind: service
    instances: 4
    local_cache: {post: {max: 1000}}
    endpoints: {GET /: [{cached: {in: local, key: post, miss: db.post(post)}}]}
  db: {kind: database, queries: {post: {read: post, cpu: 1us}}}
faults: [{at: 50s, kill: \"app[0]\", restart_after: 1s}]
";
    let seen = during(
        text,
        &[
            (0.0, 40.0, "hit_ratio(post)"),
            (0.0, 40.0, "throughput"),
            (51.0, 99.0, "hit_ratio(post)"),
            (51.0, 99.0, "throughput"),
        ],
    );
    let fetched = |ratio: f64, rate: f64, span: f64| (1.0 - ratio) * rate * span;
    // Each of four instances fetches all hundred rows once; then one of them does so again.
    let (first, again) = (fetched(seen[0], seen[1], 40.0), fetched(seen[2], seen[3], 48.0));
    assert!((first - 400.0).abs() < 3.0, "{first}");
    assert!((again - 100.0).abs() < 3.0, "{again}");
}

#[test]
fn two_tiers_fill_each_other() {
    // The local cache forgets after a second, the shared one never: the store is asked once for each row.
    let text = "
scenario: tiers
run: {duration: 60s, replications: 1}
clients: {web: {rate: 1k rps, mix: {GET /: 1}, to: app}}
data: {post: {rows: 100}}
components:
  redis: {kind: cache}
  app:
    kind: service
    local_cache: {post: {ttl: 1s}}
    endpoints: {GET /: [{cached: {in: [local, redis], key: post, miss: db.post(post)}}]}
  db: {kind: database, queries: {post: {read: post, cpu: 1us}}}
";
    let runs = run(text);
    // A row is asked for 10 times a second: lambda T / (1 + lambda T) of them are local hits.
    assert!((mean(&runs.each("app.hit_ratio")) - 10.0 / 11.0).abs() < 0.005);
    let fetched = (1.0 - mean(&runs.each("hit_ratio(post)"))) * mean(&runs.each("throughput")) * 60.0;
    assert!((fetched - 100.0).abs() < 2.0, "{fetched}");
    let asked = mean(&runs.each("redis.hit_ratio"));
    assert!(asked > 0.97, "{asked}");
}

#[test]
fn get_and_put_are_what_cached_is_made_of() {
    let data = "rows: 1000, zipf: 0.9";
    let plan = "duration: 30s, replications: 1";
    let whole = reads(plan, "1k rps", data, "max: 100", "in: redis, ttl: 5s");
    let parts = whole.replace(
        "{cached: {key: post, miss: db.post(post), in: redis, ttl: 5s}}",
        "{get: {from: redis, key: post, on_miss: [{query: db.post(post)}, {put: {to: redis, key: post, ttl: 5s}}]}}",
    );
    assert_ne!(whole, parts);
    let ratio = |text: &str| mean(&run(text).each("redis.hit_ratio"));
    assert_eq!(ratio(&whole), ratio(&parts));
}

/// Reads and writes of a few rows with this write policy; a crash of the cache in the middle.
fn written(policy: &str) -> Vec<f64> {
    let text = format!(
        "
scenario: written
run: {{duration: 100s, replications: 2}}
clients: {{web: {{rate: 220/s, mix: {{GET /: 200, PUT /: 20, GET /elsewhere: 20}}, to: app}}}}
data: {{post: {{rows: 10}}}}
components:
  redis: {{kind: cache, ttl: 5s, write_back: {{flush: 1s}}}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: post, miss: db.get(post)}}}}]
      GET /elsewhere: [{{query: db.get_all(other)}}]
      PUT /: [{{write: {{to: db.set(post), in: redis, key: post, policy: {policy}}}}}]
  db:
    kind: database
    queries:
      get: {{read: post, cpu: 10us}}
      get_all: {{cpu: 10us}}
      set: {{write: post, cpu: 1ms}}
faults: [{{at: 50s, kill: redis, restart_after: 100ms}}]
"
    )
    .replace("db.get_all(other)", "db.get_all()");
    let windows = [
        (1.0, 50.0, "stale_reads(post)"),
        (1.0, 50.0, "hit_ratio(post)"),
        (1.0, 50.0, "db.offered_cpu"),
        (1.0, 50.0, "p50(PUT /)"),
        (49.0, 51.0, "lost_writes"),
    ];
    during(&text, &windows)
}

#[test]
fn each_write_policy_has_its_price() {
    let (aside, through, around, back) =
        (written("aside"), written("through"), written("around"), written("back"));
    // Stale: only what is left alone. Rates are 20 a second and a row for reads, 2 for writes.
    assert!(aside[0] < 0.001 && through[0] == 0.0 && back[0] == 0.0, "{aside:?} {through:?} {back:?}");
    assert!(around[0] > 0.5, "{around:?}");
    // Deleting costs a miss after each write.
    assert!(through[1] > aside[1] + 0.05, "{aside:?} {through:?}");
    // Writing back coalesces 20 writes a second to 10 rows into at most 10.
    assert!(back[2] < 0.6 * through[2], "{back:?} {through:?}");
    // And acknowledges without the store.
    assert!(back[3] < 1e-6 && through[3] > 0.0009, "{back:?} {through:?}");
    // What a crash loses is what was written within the interval of a flush.
    assert_eq!((aside[4], through[4], around[4]), (0.0, 0.0, 0.0));
    assert!(back[4] > 0.0 && back[4] <= 40.0, "{back:?}");
}

#[test]
fn stale_while_revalidate_hides_the_fetching() {
    let seen = |swr: &str| {
        let text = reads(
            "duration: 60s, warmup: 5s, replications: 1",
            "100/s",
            "rows: 1",
            "nodes: 1",
            &format!("in: redis, ttl: 1s{swr}"),
        )
        .replace("db.post(post)", "[{sleep: 100ms}, {query: db.post(post)}]");
        let runs = run(&text);
        ["max", "redis.stale", "hit_ratio(post)", "db.offered_cpu"].map(|name| mean(&runs.each(name)))
    };
    let (without, with) = (seen(""), seen(", swr: 10s"));
    // Every 1.1 s ten requests find nothing and fetch for 0.1 s; or one call fetches and they are served.
    assert!(without[0] > 0.1 && without[1] == 0.0, "{without:?}");
    assert!((without[2] - (1.0 - 0.1 / 1.1)).abs() < 0.02, "{without:?}");
    assert!(with[0] < 1e-6 && with[2] == 1.0, "{with:?}");
    assert!((with[1] - 0.1 / 1.1).abs() < 0.02, "{with:?}");
    assert!((with[3] * 64.0 / 0.001 - 1.0 / 1.1).abs() < 0.05, "one fetch each time: {with:?}");
}

#[test]
fn an_owner_misses_its_own_write_where_copies_are_left_alone() {
    let violations = |policy: &str| {
        let text = format!(
            "
scenario: own
run: {{duration: 60s, replications: 2}}
clients: {{web: {{rate: 50/s, sessions_of: user, read_own_write: {{p: 100%, after: 10ms}}, mix: {{GET /: 1, PUT /: 1}}, to: app}}}}
data: {{user: {{rows: 20}}}}
components:
  redis: {{kind: cache, warm: {{user: 20}}}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: user, miss: db.get(user)}}}}]
      PUT /: [{{write: {{to: db.set(user), in: redis, key: user, policy: {policy}}}}}]
  db: {{kind: database, queries: {{get: {{read: user, cpu: 10us}}, set: {{write: user, cpu: 10us}}}}}}
"
        );
        mean(&run(&text).each("ryw_violations"))
    };
    // Each of 25 writes a second is read by whoever made it.
    let around = violations("around");
    assert!((around / 1500.0 - 1.0).abs() < 0.1, "{around}");
    assert_eq!((violations("aside"), violations("through"), violations("back")), (0.0, 0.0, 0.0));
}

#[test]
fn a_full_cache_without_eviction_refuses_and_reads_go_on() {
    let text = reads(
        "duration: 20s, replications: 1",
        "1k rps",
        "rows: 1000",
        "max: 100, eviction: noeviction",
        "in: redis",
    );
    let runs = run(&text);
    assert_eq!(mean(&runs.each("availability")), 1.0);
    assert!((mean(&runs.each("redis.hit_ratio")) - 0.1).abs() < 0.02);
    assert_eq!(mean(&runs.each("redis.evictions")), 0.0);
    let strict = text.replace("in: redis", "in: redis, on_error: fail");
    assert!(mean(&run(&strict).each("errors.507")) > 0.8);
}

#[test]
fn mistakes_in_caches_are_explained() {
    let wrong =
        |cached: &str| read(&reads("duration: 1s", "1/s", "rows: 1", "nodes: 1", cached)).unwrap_err();
    assert!(wrong("in: db").contains("`db` is no cache"));
    assert!(wrong("in: local").contains("has no `local_cache` for `post`"));
    assert!(wrong("in: [redis, redis]").contains("named twice"));
    assert!(wrong("in: redis, ttl: 0s").contains("never found"));
    let flush =
        reads("duration: 1m", "1/s", "rows: 1", "nodes: 1", "in: redis") + "faults: [{at: 1s, flush: db}]\n";
    assert!(read(&flush).unwrap_err().contains("`flush` empties a cache"));
}

/// The cold-cache oracle (domain 14) at a tenth of its size: 800/s for 30k keys, a store of 100/s.
fn cold(miss: &str, cached: &str, pool: &str) -> Vec<f64> {
    let text = format!(
        "
scenario: cold
run: {{duration: 200s, replications: 1, seed: 2}}
clients: {{web: {{rate: 800 rps, timeout: 1s, retry: {{attempts: 2}}, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 30k, zipf: 0.9}}}}
components:
  redis: {{kind: cache, max: 25k, warm: {{post: 25k}}}}
  app: {{kind: service, {pool} endpoints: {{GET /: [{{cached: {{in: redis, key: post, {cached} miss: [{{query: db.post(post){miss}}}]}}}}]}}}}
  db: {{kind: database, cpu: 1, queries: {{post: {{read: post, cpu: exp(10ms)}}}}}}
faults: [{{at: 20s, flush: redis}}]
"
    );
    let windows = [
        (5.0, 20.0, "redis.hit_ratio"),
        (5.0, 20.0, "db.cpu"),
        (160.0, 199.0, "goodput"),
        (160.0, 199.0, "redis.hit_ratio"),
        (160.0, 199.0, "hit_ratio(post)"),
    ];
    during(&text, &windows)
}

#[test]
fn a_flushed_cache_stays_cold_unless_something_limits_the_store() {
    // Who gives up stores nothing: the store works for nobody, and nothing is ever stored again.
    let stuck = cold(", deadline: 1s", "", "");
    assert!(stuck[0] > 0.95 && stuck[1] < 0.4, "before: {stuck:?}");
    assert!(stuck[2] < 400.0 && stuck[3] < 0.5, "metastable: {stuck:?}");
    assert!(stuck[4] < 0.5, "fetches that never come back are no hits: {stuck:?}");
    // A short line in front of the store: whoever is let in is in time.
    let capped = cold("", "", "pools: {db: {size: 2, wait: 100ms}},");
    assert!(capped[2] > 700.0, "healed: {capped:?}");
    // One fetch for a row, whoever still waits for it.
    let single = cold("", "coalesce: instance,", "");
    assert!(single[2] > 2.0 * stuck[2] && single[3] > 0.6, "healing: {single:?}");
}
