//! Sweeps as their users meet them: points kept and found again, whatever ended the sweep; mistakes; files.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use assert_cmd::Command;

fn surgesim(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("surgesim").unwrap();
    let output = command.env("NO_COLOR", "1").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

const QUEUE: &str = "scenario: q\nrun: {duration: 60s, seed: 3, replications: 3}\n\
    clients: {people: {rate: 8/s, mix: {GET /: 1}, to: app}}\n\
    components: {app: {kind: service, workers: 2, endpoints: {GET /: [sleep: exp(200ms)]}}}\n\
    prices: {app: $0.20/h}\nobjectives: [mean < 400ms]\n";

struct Bench {
    folder: tempfile::TempDir,
    file: String,
}

impl Bench {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("q.yaml");
        std::fs::write(&file, text).unwrap();
        Self { file: file.display().to_string(), folder }
    }

    fn out(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn sweep(&self, name: &str, more: &[&str]) -> (i32, String, String) {
        surgesim(&[&["sweep", &self.file, "-q", "-o", &self.out(name)], more].concat())
    }

    /// Every file of a finished sweep but the points, by name.
    fn files(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(self.out(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| {
                (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn points(&self, name: &str) -> Vec<std::path::PathBuf> {
        let Ok(entries) = std::fs::read_dir(Path::new(&self.out(name)).join("points")) else {
            return Vec::new();
        };
        let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        all.retain(|path| path.extension().is_some_and(|e| e == "point"));
        all.sort();
        all
    }
}

const WORKERS: [&str; 2] = ["--vary", "app.workers=2..7"];

#[test]
fn a_sweep_that_stops_goes_on_and_ends_as_an_unbroken_one() {
    let bench = Bench::new(QUEUE);
    let (code, whole, error) = bench.sweep("whole", &WORKERS);
    assert_eq!(code, 0, "{error}");
    assert!(whole.contains("app.workers") && whole.contains("p99: best"), "{whole}");
    for name in
        ["sweep.csv", "sweep.json", "sweep.parquet", "report.txt", "report.md", "curves.svg", "curves.png"]
    {
        assert!(bench.files("whole").iter().any(|(own, _)| own == name), "{name}");
    }
    let (code, part, _) = bench.sweep("parts", &[&WORKERS[..], &["--stop-after", "2"]].concat());
    assert_eq!(code, 6);
    assert!(part.contains("INCOMPLETE") && part.contains("4 of 6 points"), "{part}");
    assert_eq!(bench.points("parts").len(), 2);
    // One is cut short, one holds a flipped bit: both are run again.
    let points = bench.points("parts");
    let bytes = std::fs::read(&points[0]).unwrap();
    std::fs::write(&points[0], &bytes[..bytes.len() / 2]).unwrap();
    let mut bytes = std::fs::read(&points[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&points[1], bytes).unwrap();
    let out = bench.out("parts");
    let (code, text, said) = surgesim(&[&["sweep", &bench.file, "-o", &out], &WORKERS[..]].concat());
    assert_eq!((code, &text), (0, &whole), "{said}");
    assert_eq!(said.matches("is run again: its checksum does not fit").count(), 2, "{said}");
    assert_eq!(bench.files("whole"), bench.files("parts"));
    assert_eq!(bench.points("whole").len(), 6);
    let (code, text, said) = surgesim(&[&["sweep", &bench.file, "-o", &out], &WORKERS[..]].concat());
    assert_eq!((code, &text), (0, &whole));
    assert!(said.contains("6 of 6 points were there already"), "{said}");
}

#[test]
fn a_killed_sweep_goes_on_and_ends_as_an_unbroken_one() {
    let bench = Bench::new(&QUEUE.replace("duration: 60s", "duration: 20m"));
    let vary = ["--vary", "people.rate=4/s..9/s:1/s", "--vary", "app.workers=2,3", "--metric", "mean,p99"];
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_surgesim"))
        .args(["sweep", &bench.file, "-q", "--threads", "1", "-o", &bench.out("killed")])
        .args(vary)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..60_000 {
        if !bench.points("killed").is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = bench.points("killed").len();
    assert!((1..12).contains(&kept), "{kept} points when it was killed");
    assert!(!Path::new(&bench.out("killed")).join("sweep.csv").exists());
    assert_eq!(bench.sweep("killed", &vary).0, 0);
    assert_eq!(bench.sweep("whole", &[&vary[..], &["--threads", "3"]].concat()).0, 0);
    assert_eq!(bench.files("whole"), bench.files("killed"));
    assert!(bench.files("whole").iter().any(|(name, _)| name == "heat-mean.png"));
}

#[test]
fn a_point_is_the_scenario_with_that_value_and_another_scenario_is_another_point() {
    let bench = Bench::new(QUEUE);
    let (code, json, error) = bench.sweep("a", &["--vary", "app.workers=3,5", "--format", "json"]);
    assert_eq!(code, 0, "{error}");
    let sweep: serde_json::Value = serde_json::from_str(&json).unwrap();
    let run = [
        "run",
        &bench.file,
        "-q",
        "--format",
        "json",
        "--set",
        "components.app.workers=5",
        "-o",
        &bench.out("r"),
    ];
    let (_, json, _) = surgesim(&run);
    let alone: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(sweep["points"][1]["metrics"], alone["variants"][0]["metrics"]);
    assert_eq!(sweep["points"][1]["settings"]["app.workers"], "5");
    // The same points again, and then others: another seed, other replications, another scenario.
    for (more, count) in [
        (&["--vary", "app.workers=3,5"][..], 2),
        (&["--vary", "app.workers=3,5", "--vary", "app.backlog=9"], 4),
        (&["--vary", "app.workers=3,5", "--seed", "4"], 6),
        (&["--vary", "app.workers=3,5", "--replications", "2"], 8),
        (&["--vary", "app.workers=3,5", "--set", "people.rate=9/s"], 10),
    ] {
        assert_eq!(bench.sweep("a", more).0, 0);
        assert_eq!(bench.points("a").len(), count, "{more:?}");
    }
}

#[test]
fn a_block_in_the_scenario_says_what_is_varied() {
    let block = "sweep:\n  vary: [\"app.workers=1..20\", \"people.rate=5/s..9/s\"]\n  sample: 5\n  seed: 2\n  metrics: [mean]\n";
    let bench = Bench::new(&format!("{QUEUE}{block}"));
    let (code, text, error) = bench.sweep("a", &[]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("5 points of a Latin hypercube (seed 2)"), "{text}");
    assert!(bench.files("a").iter().any(|(name, _)| name == "paths-mean.png"));
    // Changing what is varied changes no scenario: a point that is there is found.
    let csv =
        String::from_utf8(bench.files("a").into_iter().find(|(name, _)| name == "sweep.csv").unwrap().1)
            .unwrap();
    let row: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    let (workers, rate) = (format!("app.workers={}", row[0]), format!("people.rate={}", row[1]));
    assert_eq!(bench.sweep("a", &["--vary", &workers, "--vary", &rate]).0, 0);
    assert_eq!(bench.points("a").len(), 5);
}

#[test]
fn mistakes_are_told_before_anything_is_run() {
    let bench = Bench::new(QUEUE);
    for (arguments, code, parts) in [
        (&[][..], 2, &["nothing is varied", "--vary"][..]),
        (&["--vary", "ap.workers=2,3"], 2, &["E0212", "did you mean `app`?", "--vary ap.workers=2,3"]),
        (&["--vary", "components.ap.workers=2,3"], 2, &["there is no component `ap`", "did you mean `app`?"]),
        (&["--vary", "app.wrokers=2,3"], 3, &["E0201", "did you mean `workers`?", "--vary app.wrokers=2"]),
        (&["--vary", "app.workers=2..1:1"], 2, &["goes down", "1..2"]),
        (&["--vary", "app.workers=1..1000000"], 2, &["E0103", "1000000 values"]),
        (
            &["--vary", "app.workers=1..1000", "--vary", "app.backlog=1..1000"],
            2,
            &["1000000 points", "--sample"],
        ),
        (&["--vary", "app.kind=service,servce"], 3, &["E0405", "did you mean `service`?"]),
        (&["--vary", "scenario=a,b"], 2, &["whole block"]),
        (&["--vary", "app.workers=2,3", "--vary", "app.workers=4"], 2, &["varied twice"]),
        (&["--vary", "app.workers=0,2,3"], 3, &["--vary app.workers=0", "help"]),
        (&["--vary", "app.workers=2,3", "--metric", "p98x"], 2, &["E0407", "--metric p98x"]),
        (&["--vary", "app.workers=2,3", "--sample", "0"], 2, &["between 1 and 1000"]),
        (&["--vary", "app.workers=2,3", "--variant", "fleet"], 3, &["E0209"]),
        (&["--vary", "app.workers=2,3", "--until", "p99"], 2, &["--until"]),
    ] {
        let (got, text, said) = bench.sweep("never", arguments);
        assert_eq!(got, code, "{arguments:?}: {text}{said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?}: `{part}` is missing in\n{said}");
        }
        assert!(!Path::new(&bench.out("never")).exists(), "{arguments:?}");
    }
    let blocked = bench.out("q.yaml/out");
    let (code, _, said) =
        surgesim(&["sweep", &bench.file, "-q", "-o", &blocked, "--vary", "app.workers=2,3"]);
    assert!(code == 1 && said.contains("points"), "{code} {said}");
}
