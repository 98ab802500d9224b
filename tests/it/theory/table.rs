//! Where each case of the case file is tested, or what it waits for, and which wrong model it would catch.

use super::cases::all;

/// What becomes of a case.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    /// A scenario (and most closed forms besides) in this file of the folder.
    Scenario(&'static str),
    /// A test of the unit that holds the formula or the mechanism, in this file.
    Unit(&'static str),
    /// A scenario in an ignored test of this file of the folder, because it is long.
    Long(&'static str),
    /// For a kind or a mechanism that does not exist yet.
    Waits(&'static str),
}

use Place::{Long, Scenario, Unit, Waits};

const TIED: Place = Waits("requests that are tied to each other: the first that begins calls the other back");
const TRACE: Place = Waits("a trace that is not among those at hand");

#[rustfmt::skip]
const TABLE: &[(&str, Place, &str)] = &[
    ("MM1-050", Scenario("single_station"), "draws that are not exponential; waits without the customer in service"),
    ("MM1-080", Scenario("single_station"), "tails that are cut; a warm-up that is too short"),
    ("MM1-099", Long("single_station"), "a line that is bounded in secret"),
    ("MM1-LINE-T1", Scenario("single_station"), "a unit of time that matters"),
    ("MD1-050", Scenario("single_station"), "constants drawn as exponentials"),
    ("MD1-080", Scenario("single_station"), "constants drawn as exponentials"),
    ("ME21", Scenario("single_station"), "an Erlang whose mean is that of a stage"),
    ("MH21-scv4-070", Scenario("single_station"), "mixtures drawn by their means"),
    ("MH21-scv10-050", Scenario("single_station"), "mixtures drawn by their means"),
    ("MLN1-scv1", Scenario("single_station"), "a lognormal whose parameters are those of its logarithm"),
    ("OC-BIMODAL", Scenario("single_station"), "an open loop that waits for its answers"),
    ("BUSY-MM1", Scenario("single_station"), "a server that pauses or is used while idle"),
    ("SETUP-MM1", Scenario("availability"), "a cold start that is free"),
    ("VACD-MM1", Scenario("availability"), "polling that finds work at once"),
    ("BREAK-MM1", Scenario("availability"), "a breakdown that loses no capacity"),
    ("PS-MM1", Scenario("processor_sharing"), "cores that serve in order: variance 25, p99 23.0"),
    ("PS-MD1", Scenario("processor_sharing"), "sharing that depends on the shape of service"),
    ("GIM1-D", Scenario("single_station"), "arrivals that are Poisson whatever is written"),
    ("GIM1-E2", Scenario("single_station"), "renewal gaps that are exponential"),
    ("MXM1", Scenario("single_station"), "batches whose rate counts batches, or whose members are spread"),
    ("RETRIAL-MM1", Scenario("retries_and_timeouts"), "retries that wait in line, or overtake"),
    ("RETRY-AMP", Scenario("retries_and_timeouts"), "retries counted as attempts; the same luck at each attempt"),
    ("MMC-2-1.6", Scenario("many_servers"), "a line per server"),
    ("MMC-5-2.5", Scenario("many_servers"), "a line per server"),
    ("MMC-10-5", Scenario("many_servers"), "servers that are not all used"),
    ("MMC-SCALE", Scenario("many_servers"), "no gain from size"),
    ("POOLING", Scenario("many_servers"), "partitions that lend each other servers"),
    ("MD2", Scenario("many_servers"), "exponential services behind constant ones"),
    ("ERLB-10", Scenario("many_servers"), "a backlog where none is written; sensitivity to the shape of service"),
    ("ERLB-100", Scenario("many_servers"), "rejections that are rare by luck"),
    ("MMCK-1-10-0.9", Scenario("many_servers"), "a backlog that counts those in service"),
    ("MMCK-1-10-1.2", Scenario("many_servers"), "latency that counts the rejected"),
    ("MMCK-4-20-4.8", Scenario("many_servers"), "a backlog per server"),
    ("OCTAVE-MMMK-40-3-7", Scenario("many_servers"), "a bound that is off by one"),
    ("OCTAVE-MMMK-50-4-6", Scenario("many_servers"), "a bound that is off by one"),
    ("OCTAVE-MMMK-3-2-5", Scenario("many_servers"), "a bound that is off by one"),
    ("MGINF", Scenario("many_servers"), "a limit where none is written"),
    ("ERLA-10-12", Scenario("retries_and_timeouts"), "who leaves the line is served nevertheless"),
    ("TIMEOUT-D-1-0.9", Scenario("retries_and_timeouts"), "a patience that counts service"),
    ("TIMEOUT-D-10-12", Scenario("retries_and_timeouts"), "a patience that counts service"),
    ("TIMEOUT-ZOMBIE", Scenario("retries_and_timeouts"), "a client's timeout that undoes the server's work"),
    ("TANDEM-2", Scenario("open_networks"), "stations that share their luck; departures that are not Poisson"),
    ("JACKSON-CACHE", Scenario("open_networks"), "branches by the same coin"),
    ("JACKSON-FEEDBACK", Scenario("open_networks"), "a second visit with the first one's service time"),
    ("CIW-BANK", Scenario("many_servers"), "a point estimate without its interval"),
    ("CIW-PS", Scenario("processor_sharing"), "cores that serve in order"),
    ("MVA-JAIN", Scenario("closed_networks"), "users who do not wait for their answers"),
    ("MVA-BOLCH83", Scenario("closed_networks"), "thinking for no time that takes some"),
    ("MVA-LINE3", Scenario("closed_networks"), "several servers as one fast one"),
    ("MRP-10", Scenario("closed_networks"), "a closed loop at an open one's load"),
    ("BCMP-LAZ", Scenario("closed_networks"), "classes that share one mean"),
    ("BCMP-OPEN", Scenario("processor_sharing"), "a database that serves its queries in order"),
    ("OPEN-LAZ113", Scenario("open_networks"), "visits that share their service times"),
    ("OPEN-BOLCH74", Scenario("open_networks"), "routing that forgets its loops"),
    ("LINE-T4", Scenario("load_balancing"), "turns that are random"),
    ("FJ-2", Scenario("fan_out"), "branches that are independent of the queue"),
    ("FJ-4", Scenario("fan_out"), "branches one after the other"),
    ("SG-INF-3", Scenario("fan_out"), "branches with one service time"),
    ("SG-INF-100", Scenario("fan_out"), "branches with one service time"),
    ("QUORUM-2of3", Scenario("fan_out"), "a quorum that waits for all"),
    ("QUORUM-3of5", Scenario("fan_out"), "a quorum that waits for all"),
    ("QUORUM-4of7", Scenario("fan_out"), "a quorum that waits for all"),
    ("CHAIN-3", Scenario("fan_out"), "percentiles that add up"),
    ("LB-10-090", Scenario("load_balancing"), "an algorithm that knows more than it may"),
    ("JSQ-2", Scenario("load_balancing"), "the shortest line without those in service"),
    ("P2C-3", Scenario("load_balancing"), "two choices with replacement: 2.77 for 2.51"),
    ("POD-MEANFIELD", Scenario("load_balancing"), "choices made on old counts"),
    ("PRIO-NP-3", Scenario("priorities"), "an upper class that interrupts; classes in the wrong order"),
    ("PRIO-PR", Scenario("priorities"), "an interrupted service that starts again, or is lost"),
    ("TRANS-MM1", Scenario("transients"), "a run that starts in its steady state"),
    ("DRAIN-MM1", Scenario("transients"), "a backlog that is served in parallel"),
    ("SPIKE-MTGINF", Scenario("transients"), "a spike that is felt at once whatever the service"),
    ("FLUID-SPIKE", Scenario("transients"), "a backlog that vanishes with its spike"),
    ("SPIKE-MTMC", Scenario("transients"), "rates that jump a gap too late"),
    ("NHPP-COUNT", Scenario("transients"), "gaps of the old rate that reach over the jump"),
    ("AUTOSCALE-LAG", Scenario("availability"), "capacity that is there when it is asked for"),
    ("CACHE-SMALL-5-2", Scenario("caches"), "hits by a constant probability"),
    ("CACHE-1000-50-z1.4", Scenario("caches"), "hits by a constant probability"),
    ("CACHE-1000-100-z0.8", Scenario("caches"), "hits by a constant probability"),
    ("TTL-2.0-3", Scenario("caches"), "a time to live that access renews"),
    ("TTL-0.1-10", Scenario("caches"), "a hit at the very instant of expiry"),
    ("TTL-COALESCE", Scenario("caches"), "misses during a fetch that fetch again"),
    ("STALE-TTL", Scenario("caches"), "values that are never stale"),
    ("INVALIDATE", Scenario("caches"), "invalidation that is not seen"),
    ("LOOP-LRU", Scenario("caches"), "an LRU that is none"),
    ("REPLICA-EXP", Scenario("databases"), "replicas without lag"),
    ("RYW", Scenario("databases"), "reads that always see their own writes"),
    ("PBS-3-1-1", Scenario("databases"), "quorums that always overlap"),
    ("PBS-5-1-1", Scenario("databases"), "quorums that always overlap"),
    ("HEDGE-EXP", Unit("src/engine/protection/hedge.rs"), "hedges that are free"),
    ("TAIL-FANOUT", Scenario("fan_out"), "slow leaves that are slow together"),
    ("BALLS-100-10", Scenario("databases"), "hashing that is even"),
    ("CHASH-10-1", Unit("src/components/load_balancer/algorithm/hashing.rs"), "a ring that is even"),
    ("CHASH-10-100", Unit("src/components/load_balancer/algorithm/hashing.rs"), "a ring that is even"),
    ("RESHARD", Unit("src/components/load_balancer/algorithm/hashing.rs"), "a new shard that moves nothing"),
    ("HOTSHARD-ZIPF", Scenario("databases"), "keys that are equally popular"),
    ("NEEDLES", Unit("tests/it/theory/formulas.rs"), "samples with replacement"),
    ("LIM-01", Scenario("single_station"), "a shaper that drops"),
    ("TOKEN-80-5", Unit("src/engine/protection/rate_limit/mod.rs"), "tokens that come in steps"),
    ("TOKEN-120-10", Unit("src/engine/protection/rate_limit/mod.rs"), "tokens that come in steps"),
    ("FIXED-WINDOW", Unit("src/engine/protection/rate_limit/mod.rs"), "a window without its double burst"),
    ("BACKOFF", Unit("tests/it/theory/formulas.rs"), "jitter around the pause; a cap on the sum"),
    ("KOFN-2of3", Unit("src/faults/random_failures.rs"), "failures that are repaired at once"),
    ("KOFN-3of5", Scenario("availability"), "failures that are repaired at once"),
    ("HEALTHCHECK", Unit("src/components/load_balancer/health/active.rs"), "a failure that is known when it happens"),
    ("FAILOVER", Scenario("databases"), "a failover that takes no time"),
    ("VISIBILITY", Unit("tests/it/queues.rs"), "a crash that loses its message"),
    ("STAT-T", Unit("tests/it/theory/statistics.rs"), "normal quantiles for ten replications"),
    ("STAT-QCI", Unit("tests/it/theory/statistics.rs"), "ranks that are off by one"),
    ("STAT-MM1-ASYVAR", Scenario("statistics"), "draws that are too even, or correlated between replications"),
    ("STAT-MSER5", Unit("tests/it/theory/statistics.rs"), "a truncation that looks at the end"),
    ("STAT-PCT", Unit("tests/it/theory/statistics.rs"), "one definition of a percentile taken for the other"),
    ("GOLD-FIFO", Scenario("golden_traces"), "an order that is not that of arrival"),
    ("GOLD-FIFO2", Scenario("golden_traces"), "a line per server"),
    ("GOLD-PS", Scenario("golden_traces"), "cores in time slices"),
    ("GOLD-PS2", Scenario("golden_traces"), "two cores as one fast one"),
    ("GOLD-PAGES", Scenario("caches"), "an LRU or FIFO that is none"),
    ("GOLD-BELADY-ANOMALY", Scenario("caches"), "a FIFO that is an LRU"),
    ("GOLD-TOKEN", Unit("src/engine/protection/rate_limit/token_bucket.rs"), "a bucket that starts empty"),
    ("GOLD-LC", Scenario("golden_traces"), "arrivals before departures of the same instant; ties by luck"),
    ("GOLD-CO", Scenario("golden_traces"), "latency from the actual send (coordinated omission)"),
    ("GOLD-503", Scenario("golden_traces"), "arrivals before departures of the same instant"),
    ("GOLD-PRIO", Scenario("golden_traces"), "an upper class that interrupts"),
    ("GOLD-PRIO-PREEMPT", Scenario("golden_traces"), "an interrupted service that starts again"),
    ("GOLD-BREAKER", Unit("src/engine/protection/circuit_breaker.rs"), "a breaker that lets more than one probe through"),
    ("GOLD-CODEL", Unit("src/engine/protection/codel.rs"), "drops at even intervals"),
    ("GOLD-VIS", Unit("src/components/queue/tests.rs"), "a crash that is seen at once"),
    ("GOLD-DD1-SPIKE", Scenario("golden_traces"), "even arrivals that drift"),
    ("PUB-TAIL-T1", Scenario("fan_out"), "published measurements of a service, for hedging and partial answers"),
    ("PUB-TAIL-T2", TIED, "copies that are only called back when one of them has been answered"),
    ("PUB-TAIL-HEDGE", Scenario("availability"), "published measurements of a service, for hedging"),
    ("PUB-DEAN-TALK", Scenario("availability"), "published measurements of a service, for hedging"),
    ("PUB-WRK2", Unit("tests/it/mistakes.rs"), "latency from the actual send (coordinated omission)"),
    ("PUB-MITZ-SIM", Scenario("load_balancing"), "two choices with replacement"),
    ("PUB-LIBCACHESIM", TRACE, "an LRU that is none"),
    ("PUB-BROOKER-STALE", Scenario("availability"), "load that is always known"),
    ("PUB-TIMELIKE-GIST", Scenario("load_balancing"), "turns as good as fewest connections"),
    ("STAT-COVER", Long("statistics"), "intervals from within one run"),
    ("PUB-EVANJONES", Scenario("databases"), "placement that is even"),
];

#[test]
fn every_case_has_its_place() {
    let listed: Vec<&str> = TABLE.iter().map(|(id, ..)| *id).collect();
    let filed: Vec<&str> = all().iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(listed, filed, "the table lists the cases of the file, in its order");
}

/// A case that is said to be tested is named by the file that is said to test it: in quotes, where its values are
/// read from the case file, or, in a unit that holds the mechanism, at the test that holds the values.
#[test]
fn what_is_said_to_be_tested_is() {
    let read = |path: String| std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    for (id, place, catches) in TABLE {
        assert!(catches.len() > 10, "{id} catches something");
        let text = match place {
            Scenario(file) | Long(file) => read(format!("tests/it/theory/{file}.rs")),
            Unit(path) => read((*path).to_owned()),
            Waits(_) => continue,
        };
        let named = text.contains(&format!("\"{id}\"")) || matches!(place, Unit(_)) && text.contains(id);
        assert!(named, "{id} is not in the file that {place:?} names");
        if matches!(place, Long(_)) {
            assert!(text.contains("#[ignore"), "{id} is not in an ignored test");
        }
    }
}

#[test]
fn what_can_be_tested_today_is_most_of_it() {
    let count = |of: fn(&Place) -> bool| TABLE.iter().filter(|(_, place, _)| of(place)).count();
    let waiting = count(|place| matches!(place, Waits(_)));
    assert_eq!(waiting + count(|place| !matches!(place, Waits(_))), all().len());
    assert!(waiting < 20, "{waiting} cases wait for later kinds");
}
