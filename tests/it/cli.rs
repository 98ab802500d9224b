//! The program as its users meet it: exit codes, streams, files.

use assert_cmd::Command;

fn surgesim() -> Command {
    let mut command = Command::cargo_bin("surgesim").unwrap();
    command.env("NO_COLOR", "1");
    command
}

const QUICK: [&str; 4] =
    ["--set", "run={duration: 20s, warmup: 1s, replications: 2}", "--set", "objectives=null"];

#[test]
fn the_starter_passes_check_and_runs() {
    let starter = surgesim().arg("init").assert().success().get_output().stdout.clone();
    surgesim().args(["check", "-"]).write_stdin(starter.clone()).assert().code(0);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut run = surgesim();
    run.args(["run", "-", "--format", "json"]).args(QUICK).arg("-o").arg(&out).write_stdin(starter);
    let json = run.assert().code(0).get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["variants"][0]["replications"], 2);
    for file in ["results.json", "report.txt", "series.csv", "series.parquet", "base.svg", "base.png"] {
        assert!(out.join(file).exists(), "{file}");
    }
}

#[test]
fn a_missed_expectation_is_exit_code_4_and_the_files_are_written_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = surgesim();
    run.args(["run", "scenarios/single-server.yaml", "-q", "-o"]).arg(folder.path());
    run.args([
        "--set",
        "run={duration: 20s, warmup: 1s, replications: 2}",
        "--set",
        "clients.visitors.spike=null",
    ]);
    run.args(["--set", "expect=[p99 < 1us]"]).assert().code(4);
    assert!(folder.path().join("results.json").exists());
}

#[test]
fn wrong_usage_and_wrong_scenarios_have_their_codes() {
    surgesim().arg("rum").assert().code(2);
    surgesim().args(["run", "no-such-file.yaml"]).assert().code(3);
    let wrong = "scenario: x\nrun: {duration: 10}\nclients:\n  c: {rate: 5/s, mix: {GET /: 1}, to: ap}\ncomponents:\n  app: {kind: service, wrokers: 3, endpoints: {GET /: [reply: 200]}}\n";
    let output =
        surgesim().args(["check", "-"]).write_stdin(wrong).assert().code(3).get_output().stderr.clone();
    let text = String::from_utf8(output).unwrap();
    for part in ["E0301", "E0401", "did you mean `app`?", "E0201", "did you mean `workers`?", "-:2:17"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "in the way").unwrap();
    let starter = surgesim().arg("init").assert().get_output().stdout.clone();
    let mut run = surgesim();
    run.args(["run", "-", "-q"]).args(QUICK).arg("-o").arg(blocked.join("out")).write_stdin(starter);
    run.assert().code(1);
}

#[test]
fn every_shipped_scenario_passes_check_and_draws_its_graph() {
    for file in ["single-server", "real-launch-day", "real-elb"] {
        let path = format!("scenarios/{file}.yaml");
        surgesim().args(["check", &path]).assert().code(0);
        let mermaid = surgesim().args(["graph", &path]).assert().code(0).get_output().stdout.clone();
        assert!(String::from_utf8(mermaid).unwrap().contains("db"));
    }
}

#[test]
fn codes_and_metrics_are_explained() {
    for what in ["E0301", "p99", "db.cpu", "time_to_recover"] {
        surgesim().args(["explain", what]).assert().code(0);
    }
    surgesim().args(["explain", "nonsense"]).assert().code(2);
}

fn explained(what: &[&str]) -> String {
    let output = surgesim().arg("explain").args(what).assert().code(0).get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn kinds_and_presets_are_explained() {
    for (what, parts) in [
        ("service", &["backlog: a count", "503", "presets: tomcat"][..]),
        ("spike", &["half_life: a duration", "hn-front-page"]),
        ("retry", &["default 3, unverified"]),
        ("postgres", &["postgres@17", "max_connections: 100", "verified: PGCONF", "unverified: a flush"]),
        ("nginx@1.29", &["read_timeout: 60s"]),
        ("flash-sale", &["peak: 100x", "unverified"]),
    ] {
        let text = explained(&[what]);
        for part in parts {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}

#[test]
fn an_explained_scenario_shows_every_source_and_passes_check() {
    let text = explained(&["scenarios/single-server.yaml", "--set", "components.app.cpu=8"]);
    for part in
        ["cpu: 8", "# --set components.app.cpu=8", "# preset postgres@17, verified", "# default", "# line "]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    surgesim().args(["check", "-"]).write_stdin(text).assert().code(0);
    surgesim().args(["explain", "no-such-file.yaml"]).assert().code(3);
}

#[test]
fn a_moment_is_explained_with_its_numbers() {
    let short = [
        "--set",
        "run={duration: 3m, warmup: 0s, replications: 1}",
        "--set",
        "clients.visitors.sessions=100/s",
    ];
    let more = ["--set", "clients.visitors.spike=null", "--set", "objectives=null", "--set", "expect=null"];
    let at = [&["scenarios/single-server.yaml", "--at", "2m"][..], &short, &more].concat();
    let text = explained(&at);
    assert!(text.starts_with("base, 2m 00s to 2m 30s, 1 replication\n"), "{text}");
    assert!(text.contains("waits     for app workers:"), "{text}");
    assert!(text.contains("busy      db cpu: 100 % in use"), "{text}");
    assert!(text.contains("failures  503 made by app, backlog full:"), "{text}");
    let after = ["explain", "scenarios/single-server.yaml", "--at", "3h"];
    surgesim().args(after).assert().code(2);
    surgesim().args(["explain", "scenarios/single-server.yaml", "--at", "noon"]).assert().code(2);
    surgesim().args(["explain", "p99", "--at", "1m"]).assert().code(2);
}
