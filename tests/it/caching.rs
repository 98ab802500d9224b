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
            "max_items: 1000, eviction: lru",
            "in: redis",
        );
        let runs = run(&text);
        let seen = mean(&runs.each("redis.hit_ratio"));
        assert!((seen - hit).abs() < 0.012, "{zipf}: {seen} for {hit}");
        assert_eq!(seen, mean(&runs.each("hit_ratio(post)")), "one layer is all of them");
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
    // 1 KB and 56 B each: 1000 of 10 000 rows fit into 1.056 MB, as many as `max_items: 1000` allows.
    let with = |cache: &str| {
        let plan = "duration: 30s, warmup: 10s, replications: 1";
        mean(&run(&reads(plan, "2k rps", "rows: 10k, zipf: 0.9, size: 1000B", cache, "in: redis")).each("redis.hit_ratio"))
    };
    assert_eq!(with("memory: 1056000B"), with("max_items: 1000"));
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
