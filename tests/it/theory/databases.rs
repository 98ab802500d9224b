//! Copies that lag, quorums that miss each other, keys that fall unevenly, and a primary that is lost.

use std::sync::atomic::AtomicBool;

use surgesim::base::random::Zipf;
use surgesim::base::{ComponentId, SimTime};
use surgesim::engine::partitioner::{Partitioner, Partitioning};
use surgesim::engine::{Observation, Probe};
use surgesim::event_graph::catalog;
use surgesim::experiment::{replicate, simulation};
use surgesim::metrics::{Catalog, Role};

use super::cases::{case, expected};
use super::rule::{hold_value, mean_and_error, watched};
use crate::model::model;

/// What was read and written, and where.
#[derive(Clone, Default)]
struct Tally {
    /// The cores of each member.
    cores: Vec<usize>,
    /// Statements of each member.
    asked: Vec<u64>,
    /// Reads by how many versions they were behind.
    behind: Vec<u64>,
    unread: u64,
    /// Requests by operation of their client.
    sent: Vec<u64>,
}

impl Tally {
    fn new(catalog: &Catalog) -> Self {
        let db = catalog.components.iter().find(|c| c.name == "db").map_or(ComponentId::at(0), |c| c.id);
        let ours = |at: &usize| {
            let resource = &catalog.resources[*at];
            resource.component == db && resource.role == Role::Cpu
        };
        let cores: Vec<usize> = (0..catalog.resources.len()).filter(ours).collect();
        Self { asked: vec![0; cores.len()], cores, behind: vec![0; 64], sent: vec![0; 8], unread: 0 }
    }

    /// The share of reads that were at least so many versions behind.
    fn behind_by(&self, versions: usize) -> f64 {
        let all: u64 = self.behind.iter().sum();
        self.behind[versions..].iter().sum::<u64>() as f64 / all as f64
    }
}

impl Probe for Tally {
    fn observe(&mut self, _: SimTime, what: Observation) {
        match what {
            Observation::Demanded { resource, .. } => {
                if let Some(at) = self.cores.iter().position(|cores| *cores == resource.index()) {
                    self.asked[at] += 1;
                }
            }
            Observation::Read { behind, .. } => self.behind[(behind as usize).min(63)] += 1,
            Observation::OwnWriteUnread { .. } => self.unread += 1,
            Observation::Sent { operation, .. } => self.sent[operation.index()] += 1,
            _ => {}
        }
    }
}

/// What was counted in each of so many replications.
fn tallied(text: &str, replications: u32) -> Vec<Tally> {
    let model = model(text);
    let catalog = catalog(&model);
    let run = |index| Some(simulation::run_with(&model, index, Tally::new(&catalog), |_| true).0);
    replicate(replications, &AtomicBool::new(false), run).finished
}

/// One client of one service before one database; `run` is its duration.
fn scenario(run: &str, client: &str, data: &str, endpoints: &str, database: &str) -> String {
    format!(
        "
scenario: databases
run: {{{run}, warmup: 0s, replications: 30, seed: 1}}
clients: {{web: {{{client}, to: app}}}}
data: {{item: {{{data}}}}}
components:
  app: {{kind: service, workers: none, endpoints: {{{endpoints}}}}}
  db: {{kind: database, cpu: 1000, {database}}}
"
    )
}

const GET_AND_PUT: &str = "GET /: [{query: db.get(item)}], POST /: [{query: db.put(item)}]";
const STATEMENTS: &str = "queries: {get: {read: item}, put: {write: item}}";
const EVENTUAL: &str = "queries: {get: {read: item, consistency: eventual}, put: {write: item}}";

/// Of one row, written every two seconds, as many reads as writes.
fn one_row(database: &str) -> String {
    let client = "rate: 1/s, write_share: 50%, mix: {GET /: 1, POST /: 1}";
    scenario("duration: 30000s", client, "rows: 1", GET_AND_PUT, database)
}

#[test]
fn a_copy_misses_what_was_written_within_its_lag() {
    let id = "REPLICA-EXP";
    assert_eq!(
        (case(id).parameter("write_rate"), case(id).parameter("lag_mean")),
        (&0.5.into(), &0.25.into())
    );
    // Each read sees the row as it was an exponential time ago, whoever wrote in between.
    let units = "capacity: {by: item, read: 10k/s, write: 10k/s, eventual_lag: \"exp(250ms)\"}";
    let runs = watched(&one_row(&format!("{units}, {EVENTUAL}")), &[]);
    let reads = runs.jobs() / 2.0;
    hold_value(id, "mean", "prob_latest_write_missing", &runs.each("stale_reads(item)"), reads);
    hold_value(id, "mean", "mean_pending_writes", &runs.each("versions_behind(item)"), reads);
    // A replica applies a log in order: it is stale as long as anything is on its way.
    // Fewer reads, so that one tells little of the next.
    let replica =
        format!("replicas: {{count: 1, mode: {{shared_storage: {{lag: \"exp(250ms)\"}}}}}}, {STATEMENTS}");
    let text = one_row(&replica).replace("rate: 1/s, write_share: 50%", "rate: 0.625/s, write_share: 80%");
    let runs = watched(&text.replace("30000s", "60000s"), &[]);
    hold_value(id, "mean", "prob_any_write_pending", &runs.each("stale_reads(item)"), runs.jobs() / 5.0);
}

#[test]
fn who_reads_too_soon_does_not_see_what_it_wrote() {
    let id = "RYW";
    let violated = |endpoints: &str, database: &str| -> (Vec<f64>, f64) {
        let client = "rate: 100/s, write_share: 100%, mix: {GET /: 1, POST /: 1}, sessions_of: item, \
                      read_own_write: {p: 100%, after: \"exp(1s)\"}";
        let text = scenario("duration: 250s", client, "rows: 1000M", endpoints, database);
        let tallies = tallied(&text, 30);
        // The first operation reads.
        let share = |tally: &Tally| tally.unread as f64 / tally.sent[0] as f64;
        (tallies.iter().map(share).collect(), tallies.iter().map(|tally| tally.sent[0] as f64).sum())
    };
    let endpoints = "GET /: [{if: {p: 80%, then: [{query: db.get(item)}], else: [{query: db.sure(item)}]}}], POST /: [{query: db.put(item)}]";
    let both = "queries: {get: {read: item, consistency: eventual}, sure: {read: item}, put: {write: item}}";
    let units =
        "capacity: {by: item, partitions: 1000, read: 1M/s, write: 1M/s, eventual_lag: \"exp(250ms)\"}";
    let (seen, reads) = violated(endpoints, &format!("{units}, {both}"));
    hold_value(id, "mean", "prob_violation", &seen, reads);
    // What is read in a transaction is read at the primary, the rest at a replica.
    let endpoints = "GET /: [{if: {p: 80%, then: [{query: db.get(item)}], else: [{transaction: {in: db, steps: [{query: db.get(item)}]}}]}}], POST /: [{query: db.put(item)}]";
    let replica = format!("replicas: {{count: 1, mode: {{shared_storage: {{lag: 250ms}}}}}}, {STATEMENTS}");
    let (seen, reads) = violated(endpoints, &replica);
    hold_value(id, "mean", "prob_violation_constant_lag_.25", &seen, reads);
}

/// Copies that hear of a write after the end of the run, if another took it: those that are written and those
/// that are read are one each, drawn for each statement.
#[test]
fn quorums_that_do_not_overlap_miss_versions() {
    for id in ["PBS-3-1-1", "PBS-5-1-1"] {
        let nodes = case(id).parameter("N");
        assert_eq!((case(id).parameter("R"), case(id).parameter("W")), (&1.into(), &1.into()));
        let ring = format!(
            "shards: {{by: item, how: consistent, count: {nodes}, copies: {nodes}, round_trip: 1h}}, queries: \
             {{get: {{read: item, consistency: one}}, put: {{write: item, consistency: one}}}}"
        );
        let client = "rate: 1k/s, write_share: 50%, mix: {GET /: 1, POST /: 1}";
        let tallies = tallied(&scenario("duration: 30s", client, "rows: 1", GET_AND_PUT, &ring), 30);
        let reads = tallies.iter().map(|tally| tally.sent[0] as f64).sum();
        for (versions, quantity) in [(1, "prob_miss_latest"), (3, "prob_older_than_3_versions")] {
            let seen: Vec<f64> = tallies.iter().map(|tally| tally.behind_by(versions)).collect();
            hold_value(id, "mean", quantity, &seen, reads);
        }
    }
}

/// Short episodes: how many of so many requests each of the shards gets, all keys equally likely.
fn thrown(requests: u32, shards: u32, episodes: u32) -> Vec<Vec<u64>> {
    let client = format!("rate: {requests}/s, arrivals: deterministic, mix: {{GET /: 1}}");
    let database = format!(
        "shards: {{by: item, how: hash, count: {shards}}}, queries: {{get: {{read: item, cpu: 1us}}}}"
    );
    let endpoints = "GET /: [{query: db.get(item)}]";
    // The first comes after one gap, the last a little before the end.
    let duration = format!("duration: {}us", 1_000_000 + 500_000 / requests);
    let text = scenario(&duration, &client, "rows: 1000000M", endpoints, &database);
    let all: Vec<Vec<u64>> = tallied(&text, episodes).into_iter().map(|tally| tally.asked).collect();
    assert!(all.iter().all(|counts| counts.iter().sum::<u64>() == u64::from(requests)), "{:?}", all[0]);
    all
}

#[test]
fn hashing_is_uneven_where_requests_are_few() {
    let id = "BALLS-100-10";
    let episodes = thrown(100, 10, 12_000);
    let jobs = 100.0 * episodes.len() as f64;
    let each = |of: &dyn Fn(&[Vec<u64>]) -> f64| episodes.chunks(400).map(of).collect::<Vec<f64>>();
    let share = |all: &[Vec<u64>], holds: &dyn Fn(&[u64]) -> bool| {
        all.iter().filter(|counts| holds(counts)).count() as f64 / all.len() as f64
    };
    let most = |counts: &[u64]| counts.iter().copied().max().unwrap_or(0);
    let mean =
        |all: &[Vec<u64>]| all.iter().map(|counts| most(counts) as f64).sum::<f64>() / all.len() as f64;
    hold_value(id, "mean", "mean_max_load", &each(&mean), jobs);
    hold_value(id, "mean", "prob_max_ge_20", &each(&|all| share(all, &|counts| most(counts) >= 20)), jobs);
    hold_value(
        id,
        "mean",
        "prob_some_bin_empty",
        &each(&|all| share(all, &|counts| counts.contains(&0))),
        jobs,
    );
    // Around the mean that is known.
    let deviation = |all: &[Vec<u64>]| {
        let squares: f64 = all.iter().flatten().map(|count| (*count as f64 - 10.0).powi(2)).sum();
        (squares / (10 * all.len()) as f64).sqrt()
    };
    hold_value(id, "sd", "sd_of_one_bin", &each(&deviation), jobs);
}

/// A percentile of counts: the least number that so large a share does not exceed, as sure as samples make it.
fn percentile_is(counts: &[f64], share: f64, number: f64, what: &str) {
    let below = |number: f64| {
        let values: Vec<f64> = counts.iter().map(|count| f64::from(u8::from(*count <= number))).collect();
        mean_and_error(&values)
    };
    let ((at, error), (before, before_error)) = (below(number), below(number - 1.0));
    assert!(at + 3.66 * error >= share, "{what}: {at} at {number}");
    assert!(before - 3.66 * before_error < share, "{what}: {before} already before {number}");
    assert!(error < 0.006, "{what}: {error}");
}

#[test]
fn a_thousand_items_on_ten_servers_and_on_thirteen() {
    let id = "PUB-EVANJONES";
    for (servers, quantities) in [
        (10, &[("p50_items_10_servers", 0.5), ("p99_items_10_servers", 0.99)][..]),
        (13, &[("p99_items_13_servers", 0.99)][..]),
    ] {
        let counts: Vec<f64> =
            thrown(1000, servers, 1000).iter().flatten().map(|count| *count as f64).collect();
        for (quantity, share) in quantities {
            percentile_is(&counts, *share, expected(id, quantity), quantity);
        }
    }
}

#[test]
fn the_shard_of_the_hottest_key_is_the_hottest() {
    let id = "HOTSHARD-ZIPF";
    let zipf = Zipf::new(10_000, 1.0);
    let near = |seen: f64, quantity: &str| {
        assert!((seen / expected(id, quantity) - 1.0).abs() < 1e-6, "{quantity}: {seen}");
    };
    near(zipf.probability(1), "hottest_key_share");
    near(1.0 / zipf.probability(1), "max_throughput_multiple_of_shard_capacity_bound");
    for (exponent, quantity) in [(1.1, "zeta_1.1"), (2.0, "zeta_2")] {
        // The sum of what is left out (Euler and Maclaurin).
        let terms = 1_000_000_u32;
        let n = f64::from(terms);
        let rest = n.powf(1.0 - exponent) / (exponent - 1.0) - n.powf(-exponent) / 2.0;
        near(1.0 / Zipf::new(u64::from(terms), exponent).probability(1) + rest, quantity);
    }
    // Which row is the most popular is another one in each replication, and so are its shard and its company.
    let database = "shards: {by: item, how: hash, count: 8}, queries: {get: {read: item, cpu: 1us}}";
    let client = "rate: 1k/s, mix: {GET /: 1}";
    let endpoints = "GET /: [{query: db.get(item)}]";
    let text = scenario("duration: 1s", client, "rows: 10k, zipf: 1.0", endpoints, database);
    let episodes: Vec<Vec<u64>> = tallied(&text, 1500).into_iter().map(|tally| tally.asked).collect();
    let jobs = 1000.0 * episodes.len() as f64;
    // Unbiased: pairs of requests that meet at one shard, of all pairs.
    let spread = |all: &[Vec<u64>]| {
        let meeting = |counts: &Vec<u64>| {
            let n: u64 = counts.iter().sum();
            counts.iter().map(|count| count * count.saturating_sub(1)).sum::<u64>() as f64
                / (n * (n - 1)) as f64
        };
        let mean = all.iter().map(meeting).sum::<f64>() / all.len() as f64;
        (mean / 8.0 - 1.0 / 64.0).sqrt()
    };
    let spreads: Vec<f64> = episodes.chunks(50).map(spread).collect();
    hold_value(id, "sd", "sd_of_shard_share", &spreads, jobs);
    // The same with a hot key of that share over rows that are equally popular: it is row 0, whose shard is known; by how
    // much this hash gives that shard more or fewer rows than an eighth is taken off.
    let hot = expected(id, "hottest_key_share");
    let fault = format!("faults: [{{at: 0s, hot_key: {{data: item, share: {}%, for: 1h}}}}]\n", 100.0 * hot);
    let text = scenario("duration: 40s", client, "rows: 10k", endpoints, database) + &fault;
    let partitioner = Partitioner::new(Partitioning::Hash { logical: None }, 8, 8, |_| 1.0);
    let shard = partitioner.shard_of(0);
    let company = (0..10_000).filter(|row| partitioner.shard_of(*row) == shard).count() as f64 / 10_000.0;
    let share = |tally: &Tally| {
        let own = tally.asked[usize::from(shard)] as f64 / tally.asked.iter().sum::<u64>() as f64;
        own - (1.0 - hot) * (company - 0.125)
    };
    let shares: Vec<f64> = tallied(&text, 30).iter().map(share).collect();
    hold_value(id, "mean", "expected_hot_shard_share_lower", &shares, 30.0 * 40_000.0);
}

#[test]
fn a_failover_refuses_what_is_written_meanwhile() {
    let id = "FAILOVER";
    let (between, takes) = (case(id).parameter("mtbf_s").as_f64().unwrap(), 45.0);
    assert_eq!(case(id).parameter("failover_s").as_f64(), Some(takes));
    let database =
        "replicas: {count: 2}, failover: {detect: 20s, promote: 25s}, queries: {put: {write: item}}";
    let text = scenario(
        "duration: 80s",
        "rate: 200/s, timeout: 1s, mix: {POST /: 1}",
        "rows: 1M",
        "POST /: [{query: db.put(item)}]",
        database,
    ) + "faults: [{at: 10s, kill: db.primary}]\n";
    let runs = watched(&text, &[]);
    let sent = runs.jobs() / 30.0;
    let refused: Vec<f64> = runs.each("availability").iter().map(|good| (1.0 - good) * sent).collect();
    hold_value(id, "mean", "mean_rejected_per_failover_at_200wps", &refused, runs.jobs());
    // A cycle is a time without failure and a failover (renewal and reward).
    let share: Vec<f64> = refused.iter().map(|refused| refused / (200.0 * (between + takes))).collect();
    hold_value(id, "mean", "write_503_fraction", &share, runs.jobs());
}
