//! Shards: who is hot, what asking all of them costs, what growing costs, and what one node's memory hides.

use super::model::{Runs, during, read, run};

fn mean(runs: &Runs, metric: &str) -> f64 {
    let values = runs.each(metric);
    values.iter().sum::<f64>() / values.len() as f64
}

/// One endpoint with one query of a database.
fn scenario(plan: &str, rate: &str, data: &str, database: &str, query: &str, faults: &str) -> String {
    format!(
        "
scenario: shards
run: {{{plan}}}
clients: {{web: {{rate: {rate}, mix: {{GET /: 1}}, to: app}}}}
data: {{{data}}}
components:
  app: {{kind: service, endpoints: {{GET /: [{{query: db.q(user)}}]}}}}
  db: {{kind: database, {database}, queries: {{q: {{{query}}}}}}}
{faults}
"
    )
}

/// Reads by key over `shards` shards.
fn keyed(zipf: &str, shards: u32, how: &str) -> String {
    scenario(
        "duration: 20s, warmup: 0s, replications: 12",
        "1k rps",
        &format!("user: {{rows: 1M, zipf: {zipf}}}"),
        &format!("cpu: 64, shards: {{by: user, count: {shards}, {how}}}"),
        "read: user, cpu: 1ms",
        "",
    )
}

#[test]
fn mistake_20_sharding_is_not_one_nth() {
    // The hottest of 16: 12.3 % of a Zipf law of .99 over 1M keys, 24 % of one of 1.2, for a fair share of 6.25 %.
    for (zipf, share) in [("0.99", 0.123), ("1.2", 0.240)] {
        let seen = mean(&run(&keyed(zipf, 16, "how: hash")), "skew(db.shard.cpu)") / 16.0;
        assert!((seen / share - 1.0).abs() < 0.1, "{zipf}: {seen} for {share}");
    }
    // A hot key is no colder for more shards: its shard has at least p1 of all.
    for shards in [4, 32] {
        let seen = mean(&run(&keyed("1.2", shards, "how: hash")), "skew(db.shard.cpu)") / f64::from(shards);
        assert!(seen > 0.18, "{shards}: {seen} for .1895");
    }
    // A directory, filled by load, leaves nothing but that key.
    let seen = mean(&run(&keyed("0.99", 8, "how: directory")), "skew(db.shard.cpu)") / 8.0;
    assert!((0.124..0.14).contains(&seen), "{seen} for .125");
}

#[test]
fn a_growing_key_makes_the_last_range_hot_and_no_hash() {
    let text = |how: &str| {
        scenario(
            "duration: 20s, warmup: 0s, replications: 2",
            "1k rps",
            "user: {rows: 3M, zipf: 0.6, hot: newest}",
            &format!("cpu: 64, shards: {{by: user, {how}}}"),
            "read: user, cpu: 1ms",
            "",
        )
    };
    // The newest million of three has (1/3)^0.4 = .644 of the load.
    let ranges = run(&text("how: range, bounds: [1M, 2M]"));
    let last = mean(&ranges, "db.shard[2].cpu") / mean(&ranges, "db.cpu") / 3.0;
    assert!((last - 0.644).abs() < 0.01, "{last}");
    assert!(mean(&run(&text("how: hash, logical: 256, count: 3")), "skew(db.shard.cpu)") < 1.1);
}

/// Every request asks all of `n` shards for exponential times of 10 ms, without any waiting.
fn scattered(n: u32, more: &str, faults: &str) -> String {
    scenario(
        "duration: 100s, warmup: 1s, replications: 2",
        "100 rps",
        "user: {rows: 1M}",
        &format!("cpu: 1000, shards: {{by: user, how: hash, count: {n}{more}}}"),
        "read: user, by: all, cpu: exp(10ms)",
        faults,
    )
}

#[test]
fn asking_all_shards_takes_the_longest_of_all() {
    for n in [2_u32, 8, 16] {
        let runs = run(&scattered(n, "", ""));
        // The mean of the maximum of n exponentials is the n-th harmonic number.
        let harmonic: f64 = (1..=n).map(|i| 1.0 / f64::from(i)).sum();
        let seen = mean(&runs, "mean");
        assert!((seen / (0.010 * harmonic) - 1.0).abs() < 0.03, "{n}: {seen}");
        // Every shard works: n times the work of one.
        let work = mean(&runs, "db.offered_cpu") * 1000.0 * f64::from(n) / mean(&runs, "offered");
        assert!((work / (0.010 * f64::from(n)) - 1.0).abs() < 0.03, "{n}: {work}");
    }
    // P(some part is slower than one shard's p99) = 1 - .99^16 = .149: one shard's p99 is what p85.1 is here.
    let seen = mean(&run(&scattered(16, "", "")), "p85.1");
    assert!((seen / (0.010 * 100_f64.ln()) - 1.0).abs() < 0.04, "{seen}");
}

#[test]
fn a_way_between_shards_and_putting_together_take_their_time() {
    let plain = mean(&run(&scattered(4, "", "")), "mean");
    let far = mean(&run(&scattered(4, ", round_trip: 50ms, merge: 5ms", "")), "mean");
    // The part of the shard that asks is done without the way, and hardly ever the last.
    assert!((far - plain - 0.055).abs() < 0.003, "{far} {plain}");
}

#[test]
fn one_dead_shard_fails_what_asks_all_and_a_quarter_of_what_asks_one() {
    let dead = "faults: [{at: 0s, kill: \"db.shard[1]\", for: 100s}]";
    let all = run(&scattered(4, "", dead));
    assert_eq!(mean(&all, "availability"), 0.0);
    // Whoever asks a living shard gets three parts of four; a quarter asks the dead one.
    let partial = run(&scattered(4, ", partial: true", dead));
    assert!((mean(&partial, "availability") - 0.75).abs() < 0.01);
    assert!((mean(&partial, "degraded") - 1.0).abs() < 1e-9, "{}", mean(&partial, "degraded"));
    let keyed = scattered(4, "", dead).replace("by: all, ", "");
    let seen = mean(&run(&keyed), "availability");
    assert!((seen - 0.75).abs() < 0.02, "{seen}");
}

/// Two shards that grow to four while `rate` reads and writes go on: 1 GB leaves each at 50 MB/s.
fn growing(rate: u32, copy_cpu: &str) -> String {
    format!(
        "
scenario: growing
run: {{duration: 120s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: {rate}/s, mix: {{GET /: 3, POST /: 1}}, timeout: 30s, to: app}}}}
data: {{user: {{rows: 1M}}, order: {{rows: 4M, size: 1KB, key_of: user}}}}
components:
  app:
    kind: service
    endpoints:
      GET /: [{{query: db.get(user)}}]
      POST /: [{{query: db.put(user)}}]
  db:
    kind: database
    cpu: 2
    shards: {{by: user, how: hash, logical: 64, count: 2, grow: {{at: 40s, to: 4, copy: 50MB/s, copy_cpu: {copy_cpu}, cutover_block: 1s}}}}
    queries:
      get: {{read: order, by: user, cpu: exp(10ms)}}
      put: {{write: order, by: user, cpu: exp(10ms)}}
"
    )
}

#[test]
fn growing_copies_blocks_writes_for_a_second_and_halves_the_load() {
    let text = growing(160, "1ms");
    let seen = during(
        &text,
        &[
            (10.0, 40.0, "db.shard.cpu"),
            (41.0, 59.0, "db.shard[2].cpu"),
            (70.0, 120.0, "db.shard.cpu"),
            (70.0, 120.0, "skew(db.shard.cpu)"),
            (55.0, 65.0, "max(POST /)"),
            (55.0, 65.0, "max(GET /)"),
            (0.0, 120.0, "availability"),
        ],
    );
    // 1.6 of 4 cores; then of 8. Receiving takes 50 MB/s x 1 ms of 2 cores.
    assert!((seen[0] - 0.4).abs() < 0.03 && (seen[2] - 0.2).abs() < 0.02, "{seen:?}");
    assert!((seen[1] - 0.025).abs() < 0.003, "{seen:?}");
    assert!(seen[3] < 1.2, "{seen:?}");
    // 1 GB at 50 MB/s ends at 60 s; then writes to what moves wait for a second (the first of the twenty that come
    // in it nearly as long), and reads do not.
    assert!((0.8..1.3).contains(&seen[4]) && seen[5] < 0.5, "{seen:?}");
    assert_eq!(seen[6], 1.0, "{seen:?}");
}

#[test]
fn growing_when_it_is_too_late_is_worse_before_it_is_better() {
    // 360 rps x 10 ms are 3.6 of 4 cores; copying takes 0.2 of each shard's 2.
    let seen =
        during(&growing(360, "4ms"), &[(10.0, 40.0, "mean"), (45.0, 60.0, "mean"), (90.0, 120.0, "mean")]);
    assert!(seen[1] > 1.5 * seen[0] && seen[2] < 0.7 * seen[0], "{seen:?}");
    // With room it is hardly felt.
    let seen = during(&growing(160, "4ms"), &[(10.0, 40.0, "mean"), (45.0, 60.0, "mean")]);
    assert!(seen[1] < 1.2 * seen[0], "{seen:?}");
}

#[test]
fn consistent_hashing_grows_and_every_statement_finds_its_row() {
    let text = growing(160, "1ms").replace("how: hash, logical: 64", "how: consistent, virtual_nodes: 64");
    let seen = during(&text, &[(0.0, 120.0, "availability"), (80.0, 120.0, "skew(db.shard.cpu)")]);
    assert!(seen[0] == 1.0 && seen[1] < 1.6, "{seen:?}");
}

/// Reads of one page each over 10 GB of rows.
fn read_through(memory: &str, rate: u32) -> String {
    scenario(
        "duration: 60s, warmup: 5s, replications: 1",
        &format!("{rate} rps"),
        "user: {rows: 10M, size: 1000B}",
        &format!("cpu: 8, memory: {memory}, iops: 500"),
        "read: user, cpu: 100us",
        "",
    )
}

#[test]
fn mistake_19_a_database_is_no_number_of_queries_per_second() {
    // 1000 reads a second. All in memory: no disk. 90 %: a hundred operations of 500. 49 %: more than there are.
    let inside = run(&read_through("11GB", 1000));
    assert!(mean(&inside, "p99") < 0.002);
    let most = run(&read_through("9GB", 1000));
    let disk = mean(&most, "db.io.utilisation");
    assert!((disk - 0.2).abs() < 0.03, "{disk}");
    let cliff = run(&read_through("4.9GB", 1000));
    assert!(mean(&cliff, "mean") > 100.0 * mean(&most, "mean"), "{}", mean(&cliff, "mean"));
    // Nothing of that is seen by its cores.
    assert!(mean(&cliff, "db.cpu") < 0.02);
}

#[test]
fn more_connections_than_cores_are_slower_where_they_contend() {
    // The same load through 16 and through 512 connections (the shape of Oracle's demonstration: 96 and 2048).
    let pooled = |size: u32| {
        format!(
            "
scenario: pool
run: {{duration: 60s, warmup: 10s, replications: 1}}
clients: {{web: {{users: 600, think: 100ms, mix: {{GET /: 1}}, to: app}}}}
components:
  app: {{kind: service, workers: none, pools: {{db: {{size: {size}}}}}, endpoints: {{GET /: [{{query: db.q}}]}}}}
  db: {{kind: database, cpu: 8, contention: {{sigma: 0.02, kappa: 0.0005}}, queries: {{q: {{cpu: exp(5ms)}}}}}}
"
        )
    };
    let (few, many) = (run(&pooled(16)), run(&pooled(512)));
    assert!(mean(&few, "throughput") > 5.0 * mean(&many, "throughput"));
    assert!(mean(&few, "p99") < mean(&many, "p99"));
}

#[test]
fn a_statement_takes_no_longer_than_it_may() {
    let text = scenario(
        "duration: 60s, warmup: 5s, replications: 1",
        "90 rps",
        "user: {rows: 1M}",
        "cpu: 1, statement_timeout: 100ms",
        "read: user, cpu: exp(10ms)",
        "",
    );
    let runs = run(&text);
    assert!(mean(&runs, "max") <= 0.1 + 1e-9, "{}", mean(&runs, "max"));
    let late = mean(&runs, "errors.503");
    assert!(late > 0.05 && late < 0.5, "{late}");
}

#[test]
fn what_is_wrong_with_shards_is_said() {
    let with = |shards: &str| {
        let text = scenario(
            "duration: 10s",
            "1 rps",
            "user: {rows: 10}",
            &format!("shards: {{{shards}}}"),
            "read: user, cpu: 1ms",
            "",
        );
        read(&text).err().unwrap_or_default()
    };
    for (shards, says) in [
        ("how: hash", "`by` is missing"),
        ("by: user, how: range", "need their `bounds`"),
        ("by: user, how: range, bounds: [5, 3]", "bounds ascend"),
        ("by: user, how: range, bounds: [5], count: 3", "only 2 ranges"),
        ("by: user, how: hash, logical: 4, count: 8", "only 4 logical shards"),
        ("by: user, how: hash, bounds: [5], count: 2", "means nothing"),
        ("by: user, how: random, count: 2", "cannot be `random`"),
        ("by: user, count: 4, grow: {at: 1s, to: 4}", "cannot grow"),
        ("by: user, count: 4, grow: {to: 8}", "`at` is missing"),
        ("by: user, count: 4, grow: {at: 1s, to: 8, copy: 0MB/s}", "nothing is ever copied"),
        ("by: user, count: 2000", "between 1 and 1000"),
        ("by: usr, count: 2", "usr"),
    ] {
        let seen = with(shards);
        assert!(seen.contains(says), "{shards}: {seen}");
    }
    assert_eq!(with("by: user, how: hash, count: 4, grow: {at: 1s, to: 6}"), "");
}

#[test]
fn copying_takes_the_disk_at_both_ends() {
    // 50 MB/s are 200 operations a second of 256 KB, where the disk does 400: half busy, 10 ms at a stretch. A statement
    // that wants it waits for half of that half of the time, and a little more.
    let disk = |iops: &str| {
        growing(40, "1ms")
            .replace("cpu: 2\n", &format!("cpu: 2\n    {iops}\n"))
            .replace("cpu: exp(10ms)", "cpu: 1ms, io: 1ms")
    };
    let seen = during(&disk("iops: 400"), &[(10.0, 40.0, "mean"), (42.0, 58.0, "mean")]);
    assert!((0.0015..0.008).contains(&(seen[1] - seen[0])), "{seen:?}");
    let free = during(&disk("iops: 100k"), &[(10.0, 40.0, "mean"), (42.0, 58.0, "mean")]);
    assert!((free[1] - free[0]).abs() < 0.0006, "{free:?}");
    // Two hundred operations a second are not to be had of a hundred: the copy takes its time.
    let slow =
        during(&disk("iops: 100"), &[(65.0, 75.0, "db.shard[2].cpu"), (70.0, 75.0, "skew(db.shard.cpu)")]);
    let fast = during(&disk("iops: 100k"), &[(70.0, 75.0, "skew(db.shard.cpu)")]);
    assert!(slow[1] > 1.5 && fast[0] < 1.5, "{slow:?} {fast:?}");
}

#[test]
fn a_read_for_all_shards_is_read_at_replicas_where_reads_go_there() {
    let of = |route: &str| {
        let replicas = format!("count: 4}}, replicas: {{count: 1, cpu: 1000, route: {route}}}");
        let text = scattered(4, "", "").replace("count: 4}", &replicas);
        let runs = run(&text);
        assert_eq!(mean(&runs, "availability"), 1.0);
        [mean(&runs, "db.primary.cpu"), mean(&runs, "db.replica.cpu")]
    };
    let (replicas, primary) = (of("round_robin"), of("primary"));
    assert!(replicas[0] == 0.0 && replicas[1] > 0.0005, "{replicas:?}");
    assert!(primary[1] == 0.0 && (primary[0] / replicas[1] - 1.0).abs() < 0.05, "{primary:?} {replicas:?}");
}

#[test]
fn a_forecast_counts_what_several_members_do() {
    use surgesim::event_graph::{CallGraph, forecast};
    let peak = |text: &str| {
        let model = super::model::model(text);
        let forecast = forecast(&model, &CallGraph::of(&model));
        forecast
            .rows
            .iter()
            .find(|row| row.component.starts_with("db"))
            .map_or(0.0, |row| row.peak * row.cores)
    };
    // 100 statements a second of 10 ms, at one shard each or at all of four.
    assert!((peak(&scattered(4, "", "")) - 4.0).abs() < 1e-9);
    assert!((peak(&scattered(4, "", "").replace("by: all, ", "")) - 1.0).abs() < 1e-9);
    // Three copies: a quorum of them reads.
    let ring = scattered(5, ", copies: 3", "").replace("how: hash", "how: consistent");
    let quorum = ring.replace("by: all,", "consistency: quorum,");
    assert!((peak(&quorum) - 2.0).abs() < 1e-9, "{}", peak(&quorum));
}
