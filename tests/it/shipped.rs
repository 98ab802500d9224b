//! Every shipped scenario is run as it stands, with its own replications, and holds what it expects.

use assert_cmd::Command;

fn holds(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Command::cargo_bin("surgesim").unwrap();
    let scenario = format!("scenarios/{name}.yaml");
    let output = run.args(["run", &scenario, "--quiet", "-o"]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    for file in ["results.json", "report.txt", "series.csv", "series.parquet"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 0, "{file}");
    }
}

#[test]
fn single_server() {
    holds("single-server");
}

#[test]
fn real_launch_day() {
    holds("real-launch-day");
}

#[test]
fn real_elb() {
    holds("real-elb");
}

#[test]
fn just_a_tuesday() {
    holds("just-a-tuesday");
}

#[test]
fn cold_cache() {
    holds("cold-cache");
}

#[test]
fn cache_sizing() {
    holds("cache-sizing");
}

#[test]
fn stale_or_lost() {
    holds("stale-or-lost");
}

#[test]
fn none_is_forgotten() {
    let mut names: Vec<String> = std::fs::read_dir("scenarios")
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".yaml").map(str::to_owned)
        })
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "cache-sizing",
            "cold-cache",
            "just-a-tuesday",
            "real-elb",
            "real-launch-day",
            "single-server",
            "stale-or-lost"
        ]
    );
}
