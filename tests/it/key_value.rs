//! Key-value stores: capacity by units, hot partitions, copies of rows and how many of them must answer.

use super::model::{Runs, during, read, run};

fn mean(runs: &Runs, metric: &str) -> f64 {
    let values = runs.each(metric);
    values.iter().sum::<f64>() / values.len() as f64
}

/// Reads and writes of items of 1 KB at a table.
fn table(plan: &str, rate: &str, mix: &str, item: &str, database: &str) -> String {
    format!(
        "
scenario: table
run: {{{plan}}}
clients: {{web: {{rate: {rate}, arrivals: deterministic, mix: {{{mix}}}, timeout: 10s, to: app}}}}
data: {{item: {{rows: 1M, size: 1000B{item}}}}}
components:
  app:
    kind: service
    endpoints:
      GET /: [{{query: db.get(item)}}]
      POST /: [{{query: db.put(item)}}]
  db:
    kind: database
    cpu: 100000
    {database}
    queries:
      get: {{read: item, cpu: 2ms}}
      put: {{write: item, cpu: 4ms}}
"
    )
}

#[test]
fn a_bucket_of_units_passes_what_it_has_to_the_unit() {
    // 100 units a second, and 10 s of them kept: of 300 writes a second 1000 + 100 t pass, 300 t in the first 5 s.
    let capacity = "capacity: {by: item, read: 10/s, write: 100/s, burst: 10s}";
    let text = table("duration: 20s, warmup: 0s, replications: 1", "300/s", "POST /: 1", "", capacity);
    let runs = run(&text);
    let good = mean(&runs, "availability") * mean(&runs, "offered") * 20.0;
    assert!((good - 3000.0).abs() <= 3.0, "{good}");
    let refused = mean(&runs, "throttles");
    assert!((refused - 3000.0).abs() <= 3.0, "{refused}");
    assert!((mean(&runs, "errors.429") - 0.5).abs() < 0.002);
    let early = during(&text, &[(0.0, 4.9, "availability"), (6.0, 20.0, "goodput")]);
    assert!(early[0] > 0.999 && (early[1] - 100.0).abs() < 1.0, "{early:?}");
}

#[test]
fn eventually_consistent_reads_cost_half_and_may_be_old() {
    let capacity = "capacity: {by: item, read: 100/s, write: 1k/s, burst: 1s, eventual_lag: 50ms}";
    let plan = "duration: 60s, warmup: 5s, replications: 1";
    let text = table(plan, "400/s", "GET /: 1", "", capacity);
    let strong = mean(&run(&text), "goodput");
    let eventual = mean(&run(&text.replace("cpu: 2ms}", "cpu: 2ms, consistency: eventual}")), "goodput");
    assert!((strong - 100.0).abs() < 2.0 && (eventual - 200.0).abs() < 3.0, "{strong} {eventual}");
    // One row, written ten times a second: what was written in the last 50 ms is not seen, half of the time.
    let capacity = "capacity: {by: item, read: 10k/s, write: 10k/s, eventual_lag: 50ms}";
    let text = table(plan, "200/s", "GET /: 19, POST /: 1", "", capacity).replace("rows: 1M", "rows: 1");
    let old = text.replace("cpu: 2ms}", "cpu: 2ms, consistency: eventual}");
    let seen = mean(&run(&old), "stale_reads(item)");
    assert!((seen - (1.0 - f64::exp(-0.5))).abs() < 0.05, "{seen}");
}

#[test]
fn a_hot_partition_is_throttled_while_the_table_has_room() {
    // 2000 writes a second of one row, where a partition does 1000; all rows together would be let in.
    let capacity = "capacity: {by: item, partitions: 10, read: 10k/s, write: 10k/s}";
    let plan = "duration: 30s, warmup: 5s, replications: 1";
    let text = table(plan, "2000/s", "POST /: 1", "", capacity);
    assert_eq!(mean(&run(&text), "availability"), 1.0);
    let hot = run(&text.replace("rows: 1M", "rows: 1"));
    assert!((mean(&hot, "availability") - 0.5).abs() < 0.005, "{}", mean(&hot, "availability"));
    // The SDK's retries do not make room.
    let again = text
        .replace("rows: 1M", "rows: 1")
        .replace("[{query: db.put(item)}]", "[{query: db.put(item), retry: {preset: aws-sdk}}]");
    let again = run(&again);
    assert!(mean(&again, "goodput") < 1010.0 && mean(&again, "throttles") > 20_000.0);
}

/// A ring of five nodes with three copies of each row.
fn ring(read: &str, write: &str, more: &str) -> String {
    format!(
        "
scenario: ring
run: {{duration: 60s, warmup: 0s, replications: 1, seed: 4}}
clients: {{web: {{rate: 500/s, mix: {{GET /: 2, POST /: 1}}, timeout: 10s, to: app}}}}
data: {{item: {{rows: 50}}}}
components:
  app:
    kind: service
    endpoints:
      GET /: [{{query: db.get(item)}}]
      POST /: [{{query: db.put(item)}}]
  db:
    kind: database
    cpu: 50
    shards: {{by: item, how: consistent, count: 5, copies: 3, round_trip: exp(10ms)}}
    queries:
      get: {{read: item, cpu: exp(1ms), consistency: {read}}}
      put: {{write: item, cpu: exp(2ms), consistency: {write}}}
{more}
"
    )
}

#[test]
fn what_meets_in_one_copy_is_never_stale() {
    for (read, write, fresh) in [
        ("one", "one", false),
        ("quorum", "one", false),
        ("one", "quorum", false),
        ("quorum", "quorum", true),
        ("all", "one", true),
        ("one", "all", true),
    ] {
        let runs = run(&ring(read, write, ""));
        let stale = mean(&runs, "stale_reads(item)");
        assert_eq!(stale == 0.0, fresh, "{read} + {write}: {stale}");
        assert_eq!(mean(&runs, "availability"), 1.0);
    }
}

#[test]
fn more_copies_take_longer_and_more_work() {
    let p50 = |level: &str| mean(&run(&ring(level, level, "")), "p50");
    let (one, quorum, all) = (p50("one"), p50("quorum"), p50("all"));
    assert!(one < quorum && quorum < all, "{one} {quorum} {all}");
    // A write is work on three nodes, a read on as many as are asked: 333 of 1 ms and 167 of 3 x 2 ms.
    let work = mean(&run(&ring("one", "one", "")), "db.cpu") * 250.0;
    assert!((work - 1.333).abs() < 0.05, "{work}");
    let work = mean(&run(&ring("quorum", "one", "")), "db.cpu") * 250.0;
    assert!((work - 1.667).abs() < 0.05, "{work}");
}

#[test]
fn a_quorum_survives_one_node_and_all_does_not() {
    let dead = "faults: [{at: 10s, kill: \"db.shard[1]\", for: 40s}]";
    let during_it = |level: &str| during(&ring(level, level, dead), &[(11.0, 49.0, "availability")])[0];
    assert!(during_it("quorum") > 0.999 && during_it("one") > 0.999);
    // Three of five nodes have each row: six tenths of the rows have a copy there, by the ring's arcs more or less.
    let all = during_it("all");
    assert!((0.1..0.75).contains(&all), "{all}");
    // R + W > N holds while it is down and after it is back.
    assert_eq!(mean(&run(&ring("quorum", "quorum", dead)), "stale_reads(item)"), 0.0);
}

#[test]
fn hints_bring_a_node_up_to_date_that_was_down() {
    let dead = "faults: [{at: 5s, kill: \"db.shard[1]\", for: 10s}]";
    let rare = |more: &str| {
        ring("one", "one", dead)
            .replace("GET /: 2, POST /: 1", "GET /: 500, POST /: 1")
            .replace("copies: 3", more)
    };
    let stale = |more: &str| during(&rare(more), &[(40.0, 60.0, "stale_reads(item)")])[0];
    let (without, with) = (stale("copies: 3"), stale("copies: 3, hints: 3h"));
    assert!(with < 0.01 && without > 2.0 * with, "{without} {with}");
}

#[test]
fn a_local_quorum_waits_for_no_other_zone() {
    let zoned = |level: &str| {
        ring(level, level, "network: {zones: [a, b], rtt: {a: {a: 1ms, b: 100ms}, b: {a: 100ms, b: 1ms}}}")
            .replace("kind: database", "kind: database\n    zones: [a, b]")
            .replace("kind: service", "kind: service\n    zones: [a]")
            .replace("count: 5, copies: 3, round_trip: exp(10ms)", "count: 6, copies: 6")
            .replace("clients: {web: {", "clients: {web: {from: {a: 100%}, ")
    };
    let (local, every) = (mean(&run(&zoned("local_quorum")), "p50"), mean(&run(&zoned("quorum")), "p50"));
    assert!(local < 0.03 && every > 0.1, "{local} {every}");
}

#[test]
fn rows_come_unevenly_over_simulated_months() {
    // Half as many again each minute, all at the end of the keys: after ten minutes the last of three ranges has
    // 1 + 5 of 3 + 5 million rows; by hash each has a third.
    let text = |how: &str| {
        format!(
            "
scenario: growth
run: {{duration: 10m, warmup: 0s, replications: 1}}
clients: {{web: {{rate: 200/s, mix: {{GET /: 1}}, to: app}}}}
data: {{item: {{rows: 1M, growth: 50%/min}}}}
components:
  app: {{kind: service, endpoints: {{GET /: [{{query: db.get(item)}}]}}}}
  db: {{kind: database, cpu: 8, shards: {{by: item, {how}}}, queries: {{get: {{read: item, cpu: 1ms}}}}}}
"
        )
    };
    let range = text("how: range, bounds: [400k, 800k]");
    let seen = during(&range, &[(540.0, 600.0, "db.shard[2].cpu"), (540.0, 600.0, "db.cpu")]);
    // 5.75 M rows on average in the last minute.
    let share = seen[0] / seen[1] / 3.0;
    assert!((share - (5.75 - 0.8) / 5.75).abs() < 0.01, "{share}");
    let hash = during(&text("how: hash, logical: 256, count: 3"), &[(540.0, 600.0, "skew(db.shard.cpu)")]);
    assert!(hash[0] < 1.06, "{hash:?}");
}

#[test]
fn a_hot_row_fills_the_pools_before_it_heats_its_shard() {
    // 15 % of all that is asked for is one user's, whose writes wait for one row: 1/(20 + 1 ms) a second and no
    // more. Free connections: its shard is asked for .15 + .85/4 = .3625 of all, less the writes that wait:
    // (.3625 x 19.0 - 33 x .020 - .1) / 4.5 cores on average = 1.34 times the mean. Twenty connections of each
    // instance: they fill with those who wait, each letting in of everything what it lets in of the row, and the
    // shard has no more to do than the others.
    let text = |pool: &str| {
        format!(
            "
scenario: hot
run: {{duration: 150s, warmup: 0s, replications: 1, seed: 11}}
clients:
  web:
    rate: 1.2k rps
    write_share: 45%
    mix: {{GET /: 90, POST /: 10}}
    sessions_of: user
    read_own_write: {{p: 30%, after: ~50ms}}
    timeout: 2s
    to: api
data: {{user: {{rows: 3M, zipf: 0.6, hot: newest}}, order: {{rows: 200M, key_of: user, size: ~1KB}}}}
components:
  api:
    kind: service
    instances: 4
    cpu: 4
    workers: none
    pools: {{db: {{{pool}}}}}
    endpoints:
      GET /: [{{cpu: ~1ms}}, {{query: db.get(user)}}]
      POST /: [{{cpu: ~2ms}}, {{query: db.put(user)}}]
  db:
    kind: database
    cpu: 8
    commit: 1ms
    shards: {{by: user, how: hash, logical: 256, count: 4}}
    queries:
      get: {{read: order, by: user, cpu: ~10ms}}
      put: {{write: order, by: user, cpu: ~20ms, lock: user}}
faults: [{{at: 10s, hot_key: {{data: user, share: 15%, for: 140s}}}}]
"
        )
    };
    let skew = |pool: &str| during(&text(pool), &[(40.0, 150.0, "skew(db.shard.cpu)")])[0];
    let (free, pooled) = (skew("size: 20000"), skew("size: 20, wait: 1s"));
    assert!((free - 1.34).abs() < 0.06, "{free}");
    assert!((0.98..1.1).contains(&pooled), "{pooled}");
}

#[test]
fn what_is_wrong_with_tables_and_copies_is_said() {
    let with = |database: &str, query: &str| {
        let text = table("duration: 10s", "1/s", "GET /: 1", "", database).replace("cpu: 2ms", query);
        read(&text).err().unwrap_or_default()
    };
    for (database, query, says) in [
        ("capacity: {by: item}", "cpu: 2ms", "needs its `read` and `write` units"),
        ("capacity: {read: 1/s, write: 1/s}", "cpu: 2ms", "`by` is missing"),
        ("capacity: {by: itm, mode: on_demand}", "cpu: 2ms", "itm"),
        ("commit: 1ms", "cpu: 2ms, consistency: quorum", "one copy of each row"),
        ("commit: 1ms", "cpu: 2ms, consistency: eventual", "nothing is sold by units"),
        ("shards: {by: item, count: 3, copies: 3}", "cpu: 2ms, consistency: strong", "on several nodes"),
        ("shards: {by: item, count: 2, copies: 3}", "cpu: 2ms", "do not fit on 2 nodes"),
        ("shards: {by: item, count: 2, hints: 1h}", "cpu: 2ms", "there is one"),
        ("shards: {by: item, count: 3, copies: 2, grow: {at: 1s, to: 4}}", "cpu: 2ms", "do not move"),
        ("shards: {by: item, count: 3, copies: 2}\n    replicas: {count: 1}", "cpu: 2ms", "follow a primary"),
    ] {
        let seen = with(database, query);
        assert!(seen.contains(says), "{database}, {query}: {seen}");
    }
    assert_eq!(with("capacity: {by: item, mode: on_demand}", "cpu: 2ms, consistency: eventual"), "");
}

#[test]
fn each_copy_is_asked_as_often_as_the_others() {
    // One row on three of five nodes: a third of the reads each, 5/3 of the mean.
    let text =
        ring("one", "one", "").replace("rows: 50", "rows: 1").replace("GET /: 2, POST /: 1", "GET /: 1");
    let text = text.replace("rate: 500/s", "rate: 2k/s");
    let seen = mean(&run(&text), "skew(db.shard.cpu)");
    assert!((seen - 5.0 / 3.0).abs() < 0.06, "{seen}");
}
