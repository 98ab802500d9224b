//! One node of a database in depth: the log, checkpoints, vacuum, compaction, connections, and what replicas
//! and a new primary have of that.

use super::model::{during, run};

/// Reads and writes of rows of 8 KB (one page each) by clients that ask a service without limits.
fn scenario(run: &str, client: &str, rows: &str, database: &str, more: &str) -> String {
    format!(
        "
scenario: node
run: {{{run}}}
clients: {{web: {{mix: {{GET /: 50, POST /: 50}}, to: app, {client}}}}}
data: {{item: {{{rows}}}}}
components:
  app:
    kind: service
    cpu: 64
    endpoints:
      GET /: [query: db.get(item)]
      POST /: [query: db.put(item)]
  db:
    kind: database
    {database}
{more}
"
    )
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

const SHORT: &str = "duration: 120s, replications: 2, seed: 3";
const ROWS: &str = "rows: 100k, size: 8192B";

#[test]
fn one_flush_commits_all_that_wait_for_it() {
    // A flush takes 5 ms, so there are 200 a second at most. 2000 writes a second are ten to a flush: each waits
    // for the rest of the flush in progress, 2.5 ms on average, and then for its own.
    let database = "cpu: 8\n    commit: 5ms\n    queries: {get: {read: item}, put: {write: item}}";
    let by = |rate: u32| {
        let text = scenario(
            "duration: 30s, warmup: 2s, replications: 2, seed: 3",
            &format!("rate: {rate} rps, write_share: 100%"),
            ROWS,
            database,
            "",
        );
        let runs = run(&text);
        ["mean", "throughput", "db.wal.queue"].map(|metric| mean(&runs.each(metric)))
    };
    let [latency, throughput, waiting] = by(2000);
    assert!((throughput - 2000.0).abs() < 30.0, "{throughput}");
    assert!((latency - 0.0075).abs() < 0.0002, "{latency}");
    // By Little's law so many are there, the one that counts as served among them.
    assert!((waiting - (2000.0 * 0.0075 - 1.0)).abs() < 0.5, "{waiting}");
    // Alone, a write waits for nobody.
    assert!((by(5)[0] - 0.005).abs() < 0.0003);
}

#[test]
fn a_checkpoint_at_once_is_a_spike_and_a_spread_one_is_load() {
    // 1000 operations a second; 300 reads that miss, and 200 writes to pages that are then dirty.
    let by = |target: &str| {
        let database = format!(
            "cpu: 8\n    iops: 1000\n    memory: 1MB\n    background: {{checkpoint: {{every: 60s, target: {target}, full_pages: false}}}}
    queries: {{get: {{read: item}}, put: {{write: item, pages: 0}}}}"
        );
        let text = scenario(
            "duration: 180s, replications: 2, seed: 3",
            "rate: 500 rps, write_share: 40%",
            ROWS,
            &database,
            "",
        );
        during(
            &text,
            &[
                (60.0, 70.0, "p99(GET /)"),
                (100.0, 118.0, "p99(GET /)"),
                (60.0, 180.0, "db.io"),
                (120.0, 128.0, "p99(GET /)"),
            ],
        )
    };
    let (burst, spread) = (by("0%"), by("90%"));
    // The device's queue of 256 is ahead of every read, for as long as it takes: a sawtooth.
    assert!(burst[0] > 0.2 && burst[1] < 0.02 && burst[3] > 0.2, "{burst:?}");
    assert!(spread[0] < 0.02 && spread[1] < 0.02, "{spread:?}");
    // The same work: 200 x 60 writes are 11.3 thousand pages of 100 thousand, each minute.
    assert!((burst[2] - spread[2]).abs() < 0.02 && (burst[2] - 0.488).abs() < 0.02, "{burst:?} {spread:?}");
}

#[test]
fn whole_pages_fill_the_log_after_a_checkpoint() {
    // 2 MB/s of log; 200 writes a second of 200 bytes, and 8 KB for each page that is changed the first time.
    let database = "cpu: 8\n    iops: 100000\n    commit: 0.1ms\n    wal_bandwidth: 2MB/s
    background: {checkpoint: {every: 60s}}
    queries: {get: {read: item}, put: {write: item, wal: 200B}}";
    let text = scenario(SHORT, "rate: 200 rps, write_share: 100%", "rows: 1000, size: 8192B", database, "");
    let values = during(
        &text,
        &[(61.0, 63.0, "mean"), (100.0, 118.0, "mean"), (61.0, 63.0, "db.wal"), (100.0, 118.0, "db.wal")],
    );
    assert!(values[0] > 3.0 * values[1], "{values:?}");
    // 200 x 8.4 KB / 2 MB/s is 84 % at first; 200 x 200 B is 2 %, and the flushes 2 %.
    assert!(values[2] > 0.5 && values[3] < 0.08, "{values:?}");
}

#[test]
fn a_vacuum_takes_the_cores_while_it_goes_through_the_dead_rows() {
    // Looks every 10 s, from 2050 dead rows on: at 30 s, 60 s, ... with 3000 pages, six seconds of half a core.
    let database = "cpu: 4
    background: {vacuum: {every: 10s, scale: 20%, threshold: 50, speed: 500/s, cpu: 1ms}}
    queries: {get: {read: item}, put: {write: item, cpu: 1ms}}";
    let text = scenario(SHORT, "rate: 100 rps, write_share: 100%", "rows: 10k, size: 8192B", database, "");
    let cpu = during(&text, &[(20.0, 29.0, "db.cpu"), (30.0, 35.0, "db.cpu"), (40.0, 59.0, "db.cpu")]);
    assert!((cpu[0] - 0.025).abs() < 0.004 && (cpu[1] - 0.15).abs() < 0.01, "{cpu:?}");
    assert!((cpu[2] - 0.025).abs() < 0.004, "{cpu:?}");
}

#[test]
fn writes_stall_while_too_much_is_owed_to_compaction() {
    // 100 MB/s come in, each byte is rewritten four times, and 200 MB/s are rewritten: half of it can come in.
    let database = "cpu: 8
    background: {compaction: {buffer: 10MB, amplification: 4x, speed: 200MB/s, stall: 1GB, cpu: 0.1ms}}
    queries: {get: {read: item}, put: {write: item, wal: 1MB}}";
    let text = scenario(SHORT, "rate: 200 rps, write_share: 50%, timeout: 1s", ROWS, database, "");
    let values = during(
        &text,
        &[
            (0.5, 3.0, "goodput"),
            (40.0, 120.0, "goodput"),
            (40.0, 120.0, "p99(GET /)"),
            (40.0, 120.0, "timeouts"),
        ],
    );
    assert!((values[0] - 200.0).abs() < 20.0, "{values:?}");
    // Reads go on; of the writes a second old ones have left before they are let in.
    assert!(values[1] > 95.0 && values[1] < 155.0 && values[2] < 0.001 && values[3] > 0.2, "{values:?}");
}

#[test]
fn a_connection_costs_the_database_work() {
    let by = |service: &str| {
        let database =
            "cpu: 4\n    conn_cost: 4ms\n    queries: {get: {read: item, cpu: 1ms}, put: {write: item}}";
        let text = scenario(SHORT, "rate: 100 rps, write_share: 0%", ROWS, database, "")
            .replace("    cpu: 64\n", &format!("    cpu: 64\n{service}"));
        let runs = run(&text);
        ["db.cpu", "mean"].map(|metric| mean(&runs.each(metric)))
    };
    let ([cpu, latency], [pooled, quick]) = (by(""), by("    pools: {db: {size: 20}}\n"));
    assert!((cpu - 0.125).abs() < 0.003 && (latency - 0.005).abs() < 0.0001, "{cpu} {latency}");
    assert!((pooled - 0.025).abs() < 0.001 && quick < 0.0011, "{pooled} {quick}");
}

#[test]
fn one_query_for_each_row_costs_a_round_trip_and_a_connection_each() {
    // A page of 20 rows: 21 statements one after the other, each a round trip of 2 ms; or one that does the same work.
    let by = |steps: &str| {
        let database = "cpu: 64\n    queries: {get: {read: item, cpu: 0.2ms}, put: {write: item}, page: {read: item, cpu: 4.2ms}}";
        let network = "network: {zones: [a, b], rtt: {a: {b: 2ms}}}\n";
        let text = scenario(SHORT, "rate: 50 rps, write_share: 0%", ROWS, database, network)
            .replace("GET /: [query: db.get(item)]", &format!("GET /: [{steps}]"))
            .replace(
                "    kind: service\n",
                "    kind: service\n    zones: [a]\n    pools: {db: {size: 50}}\n",
            )
            .replace("    kind: database\n", "    kind: database\n    zones: [b]\n");
        let runs = run(&text);
        ["mean", "db.cpu"].map(|metric| mean(&runs.each(metric)))
    };
    let [slow, work] = by("query: db.get(item), {query: db.get(item), times: 20}");
    let [quick, same] = by("query: db.page(item)");
    // Twenty round trips more, and what new connections take.
    assert!((slow - quick - 0.040).abs() < 0.001, "{slow} {quick}");
    assert!((work - same).abs() < 0.001, "the database does the same: {work} {same}");
}

/// A replica that answers reads, some of which take 20 s, and a primary that vacuums.
fn reports(delay: &str) -> String {
    let database = format!(
        "cpu: 64
    background: {{vacuum: {{every: 10s, scale: 0%, threshold: 50, speed: 5000/s, cpu: 1us}}}}
    replicas: {{count: 1, cpu: 64, conflict_delay: {delay}, apply: {{cost: 1ms}}}}
    queries: {{get: {{read: item, cpu: 20s}}, put: {{write: item, cpu: 1ms}}}}"
    );
    scenario(SHORT, "rate: 100.5 rps, write_share: 99.5%", "rows: 1000", &database, "")
}

#[test]
fn long_reads_at_a_replica_are_cancelled_or_hold_its_replay_up() {
    let short = run(&reports("2s"));
    let long = run(&reports("never"));
    let lag = |runs: &super::model::Runs| mean(&runs.each("db.replica.lag"));
    // Of a read a half begins before each look at 10 s: nearly all are still there two seconds after one.
    assert!(mean(&short.each("errors.503")) > 0.003, "{:?}", short.each("errors.503"));
    assert!(lag(&short) < 1.0, "{}", lag(&short));
    // Every second somebody reads for 20 s: the replica waits for ever longer.
    assert_eq!(mean(&long.each("errors.503")), 0.0);
    assert!(lag(&long) > 5.0, "{}", lag(&long));
}

#[test]
fn a_replica_that_has_answered_nothing_is_cold_when_it_takes_over() {
    let by = |route: &str| {
        let database = format!(
            "cpu: 16\n    iops: 5000\n    memory: 400MB
    replicas: {{count: 1, route: {route}}}
    failover: {{detect: 1s, promote: 1s}}
    queries: {{get: {{read: item, cpu: 0.1ms}}, put: {{write: item, cpu: 0.1ms, pages: 0}}}}"
        );
        let text = scenario(
            SHORT,
            "rate: 1000 rps, write_share: 1%, timeout: 5s",
            "rows: 100k, size: 8192B, zipf: 0.9",
            &database,
            "faults: [{at: 40s, kill: db.primary}]",
        );
        during(
            &text,
            &[(20.0, 39.0, "mean(GET /)"), (43.0, 46.0, "mean(GET /)"), (110.0, 119.0, "mean(GET /)")],
        )
    };
    let cold = by("primary");
    assert!(cold[1] > 1.5 * cold[0] && cold[2] < 0.8 * cold[1], "{cold:?}");
    // One that answered the reads already is as warm as before.
    let warm = by("round_robin");
    assert!(warm[1] < 1.2 * warm[0], "{warm:?}");
}

#[test]
fn every_shard_is_asked_where_its_primary_is_now() {
    let database = "cpu: 8
    replicas: {count: 1, route: primary}
    failover: {detect: 2s, promote: 3s}
    shards: {by: item, count: 4}
    queries: {get: {read: item, by: all, cpu: 1ms}, put: {write: item, cpu: 1ms}}";
    let fault = "faults: [{at: 40s, kill: \"db.shard[0].primary\"}]";
    let text = scenario(SHORT, "rate: 100 rps, write_share: 20%", ROWS, database, fault);
    let values = during(&text, &[(41.0, 44.0, "availability"), (50.0, 119.0, "availability")]);
    assert!(values[0] < 0.5 && values[1] > 0.9999, "{values:?}");
}

/// The share of reads that are stale where each row is written `rate` times a second, all rows `all` times, and
/// a write is seen after an exponential time of mean `lag`, in order.
fn stale_in_order(rate: f64, all: f64, lag: f64) -> f64 {
    // A row's last write is of age a with density rate exp(-rate a). It is seen if its own time has passed, and
    // that of every write before it: these are a Poisson stream, so exp(-all x integral from a of exp(-s/lag)).
    let seen = |a: f64| {
        let u = f64::exp(-a / lag);
        rate * f64::exp(-rate * a) * (1.0 - u) * f64::exp(-all * lag * u)
    };
    let (steps, end) = (200_000, 40.0 / rate);
    let width = end / f64::from(steps);
    1.0 - (0..steps).map(|i| seen((f64::from(i) + 0.5) * width) * width).sum::<f64>()
}

#[test]
fn staleness_under_an_exponential_lag() {
    let stale = |rows: u32, rate: u32, lag: &str| {
        let database = format!(
            "cpu: 64
    replicas: {{count: 1, mode: {{shared_storage: {{lag: {lag}}}}}}}
    queries: {{get: {{read: item}}, put: {{write: item}}}}"
        );
        let client = format!("rate: {rate} rps, write_share: 20%");
        let text = scenario(
            "duration: 300s, warmup: 5s, replications: 3, seed: 3",
            &client,
            &format!("rows: {rows}"),
            &database,
            "",
        );
        mean(&run(&text).each("stale_reads(item)"))
    };
    // One row, one write a second: somebody's write is on its way with 1 - exp(-lag), whatever its law.
    let expected = 1.0 - f64::exp(-0.5);
    assert!((stale_in_order(1.0, 1.0, 0.5) - expected).abs() < 1e-4);
    for lag in ["500ms", "\"exp(500ms)\""] {
        let seen = stale(1, 5, lag);
        assert!((seen - expected).abs() < 0.03, "{lag}: {seen} for {expected}");
    }
    // Few writes in all: each by itself, rate x lag / (1 + rate x lag).
    assert!((stale_in_order(0.02, 0.02, 0.5) - 0.01 / 1.01).abs() < 1e-4);
    // Twenty rows, four writes a second, half a second: order makes it worse than that.
    let (alone, expected) = (0.1 / 1.1, stale_in_order(0.2, 4.0, 0.5));
    let seen = stale(20, 20, "\"exp(500ms)\"");
    assert!((seen - expected).abs() < 0.015 && seen > 1.3 * alone, "{seen} for {expected}, {alone} alone");
}
