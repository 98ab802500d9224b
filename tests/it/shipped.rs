//! Every shipped scenario is run as it stands, with its own replications, and holds what it expects.

use assert_cmd::Command;

fn holds(name: &str, more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Command::cargo_bin("surgesim").unwrap();
    let scenario = format!("scenarios/{name}.yaml");
    let output =
        run.args(["run", &scenario, "--quiet", "-o"]).arg(folder.path()).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for file in ["results.json", "report.txt", "series.csv", "series.parquet"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 0, "{file}");
    }
}

/// An hour of 1,200 requests a second in six designs: minutes for each replication.
const LONG: &str = "replicas-and-shards";

#[test]
#[ignore = "minutes"]
fn replicas_and_shards() {
    holds(LONG, &[]);
}

macro_rules! shipped {
    ($($test:ident = $name:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                holds($name, &[]);
            }
        )*

        #[test]
        fn none_is_forgotten() {
            let mut names: Vec<String> = std::fs::read_dir("scenarios")
                .unwrap()
                .filter_map(|entry| {
                    entry.unwrap().file_name().into_string().unwrap().strip_suffix(".yaml").map(str::to_owned)
                })
                .collect();
            names.retain(|name| name != LONG);
            names.sort_unstable();
            assert_eq!(names, [$($name),*]);
        }

        /// An expectation must hold in every replication; here in twenty of each scenario and variant.
        #[test]
        #[ignore = "minutes"]
        fn each_holds_over_twenty_seeds() {
            for name in [$($name),*] {
                holds(name, &["--replications", "20"]);
            }
        }
    };
}

shipped! {
    bill = "bill",
    cache_sizing = "cache-sizing",
    cdn_tiers = "cdn-tiers",
    cold_cache = "cold-cache",
    cross_shard = "cross-shard",
    fleet_cache_queue = "fleet-cache-queue",
    goodput = "goodput",
    how_much = "how-much",
    just_a_tuesday = "just-a-tuesday",
    l4_vs_l7 = "l4-vs-l7",
    real_elb = "real-elb",
    real_launch_day = "real-launch-day",
    replicas = "replicas",
    retry_storm = "retry-storm",
    shards = "shards",
    shop = "shop",
    single_server = "single-server",
    stale_or_lost = "stale-or-lost",
    stream_rebalance = "stream-rebalance",
    timeline = "timeline",
    too_slow_to_scale = "too-slow-to-scale",
    video_queue = "video-queue",
    zone_down = "zone-down",
}
