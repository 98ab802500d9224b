//! `surgesim fit`: a workload that is known is simulated, written as a log in each form, and found again.

use std::fmt::Write as _;
use std::path::Path;

use assert_cmd::Command;
use chrono::DateTime;
use serde_json::json;
use surgesim::base::random::{Key, StreamName, Zipf};
use surgesim::base::{OperationId, SimTime};
use surgesim::engine::{Finished, Observation, Probe};
use surgesim::experiment::simulation::run_with;

use crate::model::{model, run};

/// 20 minutes, the rate doubles after 10; three endpoints with three laws of time.
const KNOWN: &str = "
scenario: known
run: {duration: 20m, seed: 11, replications: 1}
clients:
  web:
    rate: {steps: [0m 20/s, 10m 40/s]}
    mix: {GET /items/{id}: 60, POST /orders: 30, GET /report: 10}
    to: app
components:
  app:
    kind: service
    workers: none
    endpoints:
      GET /items/{id}: [{sleep: exp(20ms)}]
      POST /orders: [{sleep: 'lognormal(mean=80ms, cv=0.6)'}]
      GET /report: [{sleep: 'erlang(4, 400ms)'}]
";

fn known() -> String {
    KNOWN.replace("GET /items/{id}:", "\"GET /items/{id}\":")
}

/// Requests as they ended: start and end in nanoseconds, and the endpoint.
#[derive(Default)]
struct Ends(Vec<(u64, u64, OperationId)>);

impl Probe for Ends {
    fn observe(&mut self, now: SimTime, what: Observation) {
        if let Observation::Finished(Finished { started, operation, .. }) = what {
            self.0.push((started.as_nanos(), now.as_nanos(), operation));
        }
    }
}

/// A request of the known workload: when it began in nanoseconds since 1970, how long it took, what was asked.
struct Line {
    began: u64,
    took: f64,
    method: &'static str,
    path: String,
}

const BEGAN: u64 = 1_790_000_000_000_000_000;

fn requests() -> Vec<Line> {
    let ends = run_with(&model(&known()), 0, Ends::default(), |_| true).0;
    let zipf = Zipf::new(3_000, 1.1);
    let stream = Key::root(9, 0).named(StreamName::new("keys"));
    let line = |(at, (began, ended, operation)): (usize, &(u64, u64, OperationId))| {
        let (method, path) = match operation.index() {
            0 => {
                let id = zipf.sample(&mut stream.with(at as u64).draws());
                ("GET", format!("/items/{id}"))
            }
            1 => ("POST", "/orders".to_owned()),
            _ => ("GET", "/report".to_owned()),
        };
        Line { began: BEGAN + began, took: (ended - began) as f64 * 1e-9, method, path }
    };
    ends.0.iter().enumerate().map(line).collect()
}

fn clock(nanos: u64, form: &str) -> String {
    DateTime::from_timestamp_nanos(nanos as i64).format(form).to_string()
}

fn nginx(lines: &[Line]) -> String {
    let mut log = String::new();
    for line in lines {
        let ended = line.began + (line.took * 1e9) as u64;
        let _ = writeln!(
            log,
            "203.0.113.9 - - [{}] \"{} {}?x=1 HTTP/1.1\" 200 1234 \"-\" \"curl/8 (a \\\"b\\\")\" {:.3} {:.3}",
            clock(ended, "%d/%b/%Y:%H:%M:%S +0000"),
            line.method,
            line.path,
            line.took,
            line.took,
        );
    }
    log
}

fn alb(lines: &[Line]) -> String {
    let mut log = String::new();
    for line in lines {
        let ended = line.began + (line.took * 1e9) as u64;
        let iso = "%Y-%m-%dT%H:%M:%S%.6fZ";
        let _ = writeln!(
            log,
            "https {} app/my/50dc 192.168.131.39:2817 10.0.0.1:80 0.000 {:.6} 0.000 200 200 34 366 \"{} \
             https://www.example.com:443{} HTTP/1.1\" \"curl/7.46.0\" ECDHE TLSv1.2 arn:aws:x \"Root=1-58\" \"-\" \
             \"-\" 0 {} \"forward\" \"-\" \"-\"",
            clock(ended, iso),
            line.took,
            line.method,
            line.path,
            clock(line.began, iso),
        );
    }
    log
}

fn json_lines(lines: &[Line]) -> String {
    let mut log = String::new();
    for line in lines {
        let entry = json!({"timestamp": clock(line.began, "%Y-%m-%dT%H:%M:%S%.6fZ"), "method": line.method,
                           "path": line.path, "status": 200, "duration_ms": line.took * 1e3, "bytes": 512});
        let _ = writeln!(log, "{entry}");
    }
    log
}

fn spans(lines: &[Line]) -> String {
    let mut log = String::new();
    for some in lines.chunks(100) {
        let span = |line: &Line| {
            let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
            json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "kind": 2,
                   "name": line.method, "startTimeUnixNano": line.began.to_string(),
                   "endTimeUnixNano": (line.began + (line.took * 1e9) as u64).to_string(),
                   "attributes": [attribute("http.request.method", line.method), attribute("url.path", &line.path),
                                  {"key": "http.response.status_code", "value": {"intValue": "200"}}]})
        };
        let mut all: Vec<_> = some.iter().map(span).collect();
        all.push(json!({"kind": 3, "name": "SELECT", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}));
        let export =
            json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": all}]}]});
        let _ = writeln!(log, "{export}");
    }
    log
}

fn surgesim(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let mut command = Command::cargo_bin("surgesim").unwrap();
    let output = command.env("NO_COLOR", "1").current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The number that follows `before`.
fn number(text: &str, before: &str) -> f64 {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no `{before}` in\n{text}")).1.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().unwrap_or_else(|_| panic!("`{before}`: {}", &rest[..end]))
}

#[test]
fn a_known_workload_comes_back_from_a_log_of_each_form() {
    let lines = requests();
    let folder = tempfile::tempdir().unwrap();
    let original = run(&known());
    for (form, log) in [
        ("nginx", nginx(&lines)),
        ("alb", alb(&lines)),
        ("json", json_lines(&lines)),
        ("otlp", spans(&lines)),
    ] {
        let name = format!("{form}.log");
        std::fs::write(folder.path().join(&name), log).unwrap();
        let file = format!("{form}.yaml");
        let (code, _, said) = surgesim(&["fit", &name, "-o", &file], folder.path());
        assert_eq!(code, 0, "{form}: {said}");
        assert!(said.starts_with(form), "{said}");
        let text = std::fs::read_to_string(folder.path().join(&file)).unwrap();
        let (code, _, told) = surgesim(&["check", &file], folder.path());
        assert_eq!(code, 0, "{form}: {told}\n{text}");
        let near = |found: f64, wanted: f64, share: f64, what: &str| {
            assert!((found / wanted - 1.0).abs() < share, "{form}, {what}: {found}, not {wanted}\n{text}");
        };
        // The laws of time: their family, their mean.
        near(number(&text, "sleep: \"exp("), 20.0, 0.05, "mean of the items");
        near(number(&text, "lognormal(mean="), 80.0, 0.05, "mean of the orders");
        near(number(&text, "cv="), 0.6, 0.08, "variation of the orders");
        assert!(text.contains("erlang(4, "), "{text}");
        near(number(&text, "erlang(4, "), 400.0, 0.05, "mean of the reports");
        assert!(!text.contains("poorly"), "{text}");
        // The mix and the popularity.
        let total = lines.len() as f64;
        near(number(&text, "\"GET /items/{id}\": ") / total, 0.6, 0.03, "share of the items");
        near(number(&text, "\"GET /report\": ") / total, 0.1, 0.06, "share of the reports");
        near(number(&text, "zipf: "), 1.1, 0.08, "exponent");
        near(number(&text, "items: {rows: "), 3_000.0, 0.4, "rows");
        // The rate: 20 and then 40.
        let fitted = run(&text);
        let each = |metric: &str| fitted.each(metric)[0];
        near(each("offered"), 30.0, 0.04, "mean rate");
        let rate = |from: usize, to: usize| {
            let rows = &fitted.replications[0].record.rows[from..to];
            rows.iter().map(|row| row.events.sent).sum::<u64>() as f64 / (to - from) as f64
        };
        near(rate(60, 540), 20.0, 0.06, "rate at first");
        near(rate(660, 1140), 40.0, 0.06, "rate at last");
        // And what the simulation of it says of the latency.
        for endpoint in ["GET /items/{id}", "POST /orders", "GET /report"] {
            let metric = format!("p99({endpoint})");
            near(each(&metric), original.each(&metric)[0], 0.12, &metric);
        }
    }
}

#[test]
fn broken_lines_are_counted_and_shown_and_nothing_is_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    let good =
        "1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 10 \"-\" \"-\" 0.010 0.009\n";
    let mut log = good.repeat(50);
    log.push_str("nonsense\n");
    log.push_str("1.2.3.4 - - [yesterday] \"GET /a HTTP/1.1\" 200 10 \"-\" \"-\" 0.010 0.009\n");
    log.push_str(&format!("{}\n", "x".repeat(3 << 20)));
    log.push_str(&good.repeat(10));
    write("some.log", log.as_bytes());
    let (code, yaml, said) = surgesim(&["fit", "some.log"], folder.path());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("60 requests") && said.contains("could not be read: 3 lines"), "{said}");
    assert!(said.contains("line 51: ") && said.contains("line 52: `yesterday` is no time"), "{said}");
    assert!(said.contains("line 53: the line is longer than 1 MiB"), "{said}");
    // All alike: a constant, and said so.
    assert!(yaml.contains("sleep: \"9ms\"") && yaml.contains("all alike"), "{yaml}");
    // What is no log at all, or another form than was said, is refused with the reason.
    for (name, text, arguments, part) in [
        ("empty.log", &b""[..], &[][..], "there is no request in it"),
        ("prose.log", b"once upon a time\nthere was\n", &[], "its form is not known"),
        ("bytes.log", &[0xff, 0xfe, 0x00, 0x0a, 0xff], &[], "its form is not known"),
        ("other.log", b"{\"a\": 1}\n", &["--format", "nginx"], "none of its 1 lines can be read"),
        ("deep.log", "[".repeat(100_000).as_bytes(), &[], "its form is not known"),
    ] {
        write(name, text);
        let (code, out, said) = surgesim(&[&["fit", name], arguments].concat(), folder.path());
        assert!(code == 3 && out.is_empty() && said.contains(part), "{name}: {code} {said}");
    }
    assert_eq!(surgesim(&["fit", "nowhere.log"], folder.path()).0, 3);
    // Names that YAML would take for something else come back as they are.
    let hostile = "1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] \"GET /a:{b}#\\x22'%&* HTTP/1.1\" 200 10 \"-\" \"-\" 0.010\n";
    write("hostile.log", hostile.repeat(40).as_bytes());
    let (code, _, said) = surgesim(&["fit", "hostile.log", "-q", "-o", "hostile.yaml"], folder.path());
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(surgesim(&["check", "hostile.yaml"], folder.path()).0, 0);
}

#[test]
fn one_document_of_spans_is_read_whole_and_packed_logs_are_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<Line> = requests().into_iter().take(200).collect();
    let log = spans(&lines);
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    std::fs::write(folder.path().join("pretty.json"), format!("{first:#}")).unwrap();
    let (code, _, said) = surgesim(&["fit", "pretty.json"], folder.path());
    assert!(
        code == 0 && said.contains("otlp: 100 requests") && said.contains("1 spans that are no server's"),
        "{said}"
    );
    let path = folder.path().join("access.log.gz");
    let mut packed =
        flate2::write::GzEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, nginx(&lines).as_bytes()).unwrap();
    packed.finish().unwrap();
    let (code, _, said) = surgesim(&["fit", "access.log.gz"], folder.path());
    assert!(code == 0 && said.contains("nginx: 200 requests"), "{said}");
}

/// What is written, to the letter: `UPDATE_EXPECTED=1` writes it anew.
#[test]
fn the_scenario_is_written_in_these_words() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("access.log"), nginx(&requests())).unwrap();
    let (code, yaml, said) = surgesim(&["fit", "access.log"], folder.path());
    assert_eq!(code, 0, "{said}");
    let golden = Path::new("tests/data/fitted.yaml");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(golden, &yaml).unwrap();
    }
    assert_eq!(yaml, std::fs::read_to_string(golden).unwrap());
}
