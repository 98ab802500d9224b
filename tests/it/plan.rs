//! Plans as their users meet them: the known optimum of staffing by Erlang C, the known load that a queue carries,
//! answers with evidence, and what is said if nothing fits.

use assert_cmd::Command;
use serde_json::Value;
use surgesim::queueing::formulas::Mmc;

struct Ran {
    code: i32,
    out: String,
    error: String,
    files: Vec<String>,
}

/// A plan of a text, with its files' names.
fn plan(text: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("q.yaml"), folder.path().join("out"));
    std::fs::write(&file, text).unwrap();
    let mut command = Command::cargo_bin("surgesim").unwrap();
    command.env("NO_COLOR", "1").arg("plan").arg(&file).args(["-q", "-o"]).arg(&out).args(more);
    let output = command.output().unwrap();
    let mut files: Vec<String> = std::fs::read_dir(&out)
        .map(|all| all.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    files.sort();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        error: text(output.stderr),
        files,
    }
}

fn json(text: &str, more: &[&str]) -> (i32, Value) {
    let ran = plan(text, &[more, &["--format", "json"]].concat());
    let value =
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{} {}{}", ran.code, ran.out, ran.error));
    (ran.code, value)
}

/// M/M/c whose servers are paid: machines that each serve one request at a time, and one line in front of them.
fn staffing(arrivals: f64, service: f64, limit: f64, seconds: u32) -> String {
    format!(
        "scenario: staffing\nrun: {{duration: {seconds}s, warmup: 10%, seed: 5}}\n\
         clients: {{people: {{rate: {arrivals}/s, mix: {{GET /: 1}}, to: line}}}}\n\
         components:\n  \
         line: {{kind: load_balancer, to: desk, max_conns: 1, queue: {{max: 1M}}}}\n  \
         desk: {{kind: service, instances: 2, workers: 1, endpoints: {{GET /: [sleep: exp({}ms)]}}}}\n\
         prices: {{desk: $0.20/h}}\nobjectives: [mean < {}ms]\n",
        1000.0 * service,
        1000.0 * limit
    )
}

/// The fewest servers whose mean time in the system is below a limit, by Erlang C.
fn fewest(arrivals: f64, service: f64, limit: f64) -> u32 {
    let mean = |servers| Mmc { servers, arrivals, services: 1.0 / service }.mean_sojourn();
    (1..500).find(|servers| mean(*servers) < limit).unwrap()
}

/// Ciw's bank (`tests/data/cases.json`, CIW-BANK): arrivals 0.2 and services 0.1 a minute. Customers of three clerks
/// wait 4.444 minutes, of four 0.870: a limit of two minutes takes four. A minute is a tenth of a second here.
#[test]
fn the_staffing_of_a_bank_is_that_of_erlang_c() {
    let known: Value = serde_json::from_str(include_str!("../data/cases.json")).unwrap();
    let bank = known.as_array().unwrap().iter().find(|case| case["id"] == "CIW-BANK").unwrap();
    let waits = |name: &str| {
        let all = bank["quantities"].as_array().unwrap();
        all.iter().find(|q| q["name"] == name).unwrap()["expected"].as_f64().unwrap()
    };
    assert!(waits("mean_wait_3") > 2.0 && waits("mean_wait_4") < 2.0);
    let minute = 0.1;
    let (arrivals, service, limit) = (0.2 / minute, 10.0 * minute, 12.0 * minute);
    assert_eq!(fewest(arrivals, service, limit), 4);
    let text = staffing(arrivals, service, limit, 4000);
    let (code, found) = json(&text, &["--vary", "desk.instances=1..9"]);
    assert_eq!((code, &found["plan"]["answer"]["desk.instances"]), (0, &Value::from("4")), "{found:#}");
    let answer = &found["designs"][found["plan"]["answer_index"].as_u64().unwrap() as usize];
    let (mean, expected) = (&answer["metrics"]["mean"], (10.0 + waits("mean_wait_4")) * minute);
    assert!((mean["value"].as_f64().unwrap() - expected).abs() < 0.03 * expected, "{mean}");
    assert!((answer["metrics"]["cost"]["value"].as_f64().unwrap() - 0.8).abs() < 1e-9);
    assert_eq!(found["plan"]["contradictions"], Value::Array(Vec::new()));
    // The neighbour below is run, and misses.
    let below =
        found["designs"].as_array().unwrap().iter().find(|d| d["settings"]["desk.instances"] == "3").unwrap();
    assert_eq!(below["finding"], "missed");
    assert!(below["confidence"].as_f64().unwrap() > 0.99);
    // Few designs are run, and those that are far from the limit seldom.
    assert!(found["designs"].as_array().unwrap().len() <= 5);
    for design in found["designs"].as_array().unwrap() {
        assert!(design["replications"].as_u64().unwrap() <= 14, "{}", design["settings"]);
    }
}

#[test]
fn larger_staffs_are_found_as_well_and_told_with_evidence() {
    let (arrivals, service) = (20.0, 0.5);
    for limit in [0.52, 0.75] {
        let servers = fewest(arrivals, service, limit);
        let text = staffing(arrivals, service, limit, 1500);
        let ran = plan(&text, &["--vary", "desk.instances=8..24"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.error);
        for part in [
            format!("desk x{servers}: $"),
            format!("; {} instances ", servers - 1),
            format!("the answer, desk.instances={servers}, meets mean"),
            format!("meets mean < {}ms: ", 1000.0 * limit),
            format!("right below it, desk.instances={} ($", servers - 1),
            "% confidence".to_owned(),
            "assumed: along desk.instances, where more costs more, more is no worse; no pair".to_owned(),
            "<- the answer".to_owned(),
        ] {
            assert!(ran.out.contains(&part), "{servers}: `{part}` is missing in\n{}", ran.out);
        }
        assert_eq!(ran.files, ["plan.json", "plan.png", "plan.svg", "points", "report.md", "report.txt"]);
    }
}

#[test]
fn nothing_is_assumed_if_that_is_asked_or_if_more_costs_nothing() {
    let text = staffing(2.0, 1.0, 1.2, 1500);
    let (code, found) = json(&text, &["--vary", "desk.instances=2..6", "--exhaustive"]);
    assert_eq!((code, &found["plan"]["answer"]["desk.instances"]), (0, &Value::from("4")));
    // Two and three are cheaper, so they are run; five or six may have been run before the answer was known.
    assert_eq!(found["plan"]["assumed_no_worse_with_more_of"], Value::Array(Vec::new()));
    assert_eq!(found["plan"]["left_out"]["inferred"], 0);
    let ran: Vec<&str> = found["designs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["settings"]["desk.instances"].as_str().unwrap())
        .collect();
    assert!(["2", "3", "4"].iter().all(|n| ran.contains(n)), "{ran:?}");
    let (_, found) = json(&text, &["--vary", "desk.instances=3,4", "--vary", "line.queue.max=1,100k"]);
    assert_eq!(found["plan"]["assumed_no_worse_with_more_of"], serde_json::json!(["desk.instances"]));
}

#[test]
fn the_largest_load_is_that_of_erlang_c() {
    let (servers, service, limit) = (4, 1.0, 1.3);
    let carries = |arrivals: f64| Mmc { servers, arrivals, services: 1.0 / service }.mean_sojourn() < limit;
    let (mut low, mut high) = (0.0, 4.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if carries(middle) { low = middle } else { high = middle }
    }
    let text = format!(
        "scenario: carries\nrun: {{duration: 6000s, warmup: 300s, seed: 2}}\n\
         clients: {{people: {{rate: 1/s, mix: {{GET /: 1}}, to: app}}}}\n\
         components: {{app: {{kind: service, workers: {servers}, endpoints: {{GET /: [sleep: exp({service}s)]}}}}}}\n\
         objectives: [mean < {limit}s]\n"
    );
    let (code, found) = json(&text, &["--max", "people.rate", "--within", "2%"]);
    assert_eq!(code, 0);
    let load = |key: &str| {
        let text = found["plan"][key].as_str().unwrap_or_else(|| panic!("{key}: {}", found["text"]));
        text.trim_end_matches("/s").parse::<f64>().unwrap()
    };
    let (carried, missed) = (load("carried"), load("missed"));
    assert!(carried <= 1.01 * low && carried >= 0.96 * low, "{carried} for {low}: {}", found["text"]);
    assert!(missed >= 0.99 * low && missed <= 1.06 * low, "{missed} for {low}");
    // With its ends given it stays between them.
    let (code, found) = json(&text, &["--max", "people.rate=0.5/s..2/s", "--within", "5%"]);
    assert_eq!(
        (code, found["plan"]["carried"].as_str(), found["plan"]["missed"].as_str()),
        (0, Some("2/s"), None)
    );
}

#[test]
fn nothing_fits_is_a_word_and_exit_code_4() {
    // Shorter than the service itself.
    let ran = plan(&staffing(2.0, 1.0, 0.9, 300), &["--vary", "desk.instances=2..5"]);
    assert_eq!(ran.code, 4, "{}", ran.error);
    assert!(ran.out.contains("no design fits"), "{}", ran.out);
    assert!(ran.files.contains(&"plan.json".to_owned()));
    let ran = plan(&staffing(2.0, 1.0, 0.9, 300), &["--max", "people.rate"]);
    assert!(ran.code == 4 && ran.out.contains("no load fits"), "{} {}", ran.code, ran.out);
    let ran = plan(&staffing(2.0, 1.0, 0.9, 300), &["--vary", "desk.instances=2..5", "--format", "junit"]);
    assert!(ran.code == 4 && ran.out.contains("<failure"), "{} {}", ran.code, ran.out);
    // A machine for 0.5 requests/s of 2/s lets three quarters fail: the forecast knows.
    let overloaded = staffing(2.0, 1.0, 1.2, 300)
        .replace("mean < 1200ms", "availability >= 90%")
        .replace("sleep: exp(1000ms)", "cpu: exp(1000ms)");
    let (code, found) = json(&overloaded, &["--vary", "desk.instances=1,2,3,4"]);
    assert_eq!(code, 0, "{found:#}");
    assert!(found["plan"]["left_out"]["impossible"].as_u64().unwrap() <= 1);
}

#[test]
fn mistakes_are_told_before_anything_is_run() {
    let text = staffing(2.0, 1.0, 1.2, 60);
    for (text, arguments, code, part) in [
        (text.clone(), &[][..], 2, "nothing is varied"),
        (text.clone(), &["--vary", "desk.instances=2..1"], 2, "goes down"),
        (text.clone(), &["--vary", "desk.instnces=2..4"], 3, "did you mean `instances`?"),
        (text.clone(), &["--vary", "desk.instances=2..4", "--max", "people.rate"], 2, "cannot be used with"),
        (text.clone(), &["--vary", "desk.instances=2..4", "--until", "p99=5%"], 2, "--until"),
        (text.clone(), &["--vary", "desk.instances=2..4", "--cost", "money"], 2, "E0407"),
        (text.clone(), &["--max", "people.rte"], 2, "is nothing, and no single number"),
        (text.clone(), &["--max", "poeple.rate"], 2, "did you mean `people`?"),
        (text.clone(), &["--max", "people.mix"], 2, "no single number"),
        (text.clone(), &["--max", "people.to"], 2, "no number above zero"),
        (text.clone(), &["--max", "people.rate=5/s..1/s"], 2, "goes down"),
        (text.clone(), &["--max", "people.rate", "--within", "0%"], 2, "--within"),
        (
            text.replace("objectives: [mean < 1200ms]\n", ""),
            &["--vary", "desk.instances=2..4"],
            3,
            "asks for nothing",
        ),
        (
            text.replace("prices: {desk: $0.20/h}\n", ""),
            &["--vary", "desk.instances=2..4"],
            2,
            "add `prices:",
        ),
    ] {
        let ran = plan(&text, arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.error);
        assert!(ran.error.contains(part), "{arguments:?}: `{part}` is missing in\n{}", ran.error);
        assert!(ran.files.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_killed_plan_goes_on_and_ends_as_an_unbroken_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("q.yaml");
    std::fs::write(&file, staffing(2.0, 1.0, 1.2, 3000)).unwrap();
    let arguments = |out: &str| {
        let out = folder.path().join(out).display().to_string();
        ["plan", &file.display().to_string(), "-q", "--vary", "desk.instances=2..9", "-o", &out]
            .map(str::to_owned)
    };
    let points = |out: &str| {
        let all = std::fs::read_dir(folder.path().join(out).join("points"));
        let whole = |path: std::path::PathBuf| path.extension().is_some_and(|e| e == "point");
        all.map_or(0, |all| all.filter(|e| e.as_ref().is_ok_and(|e| whole(e.path()))).count())
    };
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_surgesim"))
        .args(arguments("killed"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..60_000 {
        if points("killed") > 0 || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(points("killed") > 0 && !folder.path().join("killed/plan.json").exists());
    let run = |out: &str| {
        let mut command = Command::cargo_bin("surgesim").unwrap();
        let output = command.env("NO_COLOR", "1").args(arguments(out)).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        output.stdout
    };
    assert_eq!(run("killed"), run("whole"));
    assert_eq!(points("killed"), points("whole"));
    for name in ["plan.json", "report.txt", "report.md", "plan.svg", "plan.png"] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
        assert!(read("killed") == read("whole"), "{name}");
    }
    // Another seed is another plan.
    let before = points("whole");
    let mut command = Command::cargo_bin("surgesim").unwrap();
    command.args(arguments("whole")).args(["--seed", "6"]).output().unwrap();
    assert!(points("whole") > before);
}
