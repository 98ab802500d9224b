//! Every mistake that a file can hold, with the exact words it is answered with.
//!
//! `scenarios/invalid/CODE-NAME.yaml` is one mistake, `.expected` beside it what `check` says. To write
//! the latter anew after a change of words: `UPDATE_EXPECTED=1 cargo test invalid`, then read the diff.
//! What is too large to ship is generated here.

use std::fs;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use surgesim::document::Code;

const FOLDER: &str = "scenarios/invalid";

/// Codes that no file can cause by itself, and why.
const ELSEWHERE: [(Code, &str); 3] = [
    (Code::BadTrace, "a mistake in what `surgesim cache` reads"),
    (Code::KeepAliveRace, "comes with connections kept alive"),
    (Code::TooShort, "known only after a run"),
];

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().into_string().unwrap().strip_suffix(".yaml").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

/// What `check` says about a file: its exit code and its messages.
fn checked(folder: &Path, file: &str) -> (i32, String) {
    // Memory is bounded too, where the shell can do that.
    let mut command = if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_surgesim")]);
        shell
    } else {
        Command::cargo_bin("surgesim").unwrap()
    };
    command.env("NO_COLOR", "1").current_dir(folder).args(["check", file]).timeout(Duration::from_secs(20));
    let output = command.output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

/// The code that a message begins with: `error[E0201]: ...`.
fn first_code(messages: &str) -> &str {
    messages.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(code, _)| code)
}

#[test]
fn every_invalid_file_is_answered_in_these_words() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for name in names() {
        let (exit, messages) = checked(Path::new(FOLDER), &format!("{name}.yaml"));
        let promised = name[..5].to_uppercase();
        assert_eq!(first_code(&messages), promised, "{name}:\n{messages}");
        assert_eq!(exit, if promised.starts_with('E') { 3 } else { 0 }, "{name}:\n{messages}");
        let path = format!("{FOLDER}/{name}.expected");
        if update {
            fs::write(&path, &messages).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if messages != expected {
            wrong.push(format!("--- {name}, expected:\n{expected}--- got:\n{messages}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_that_a_file_can_cause_has_a_file() {
    let names = names();
    assert!(names.len() >= 40, "{}", names.len());
    for code in Code::ALL {
        let shown = names.iter().any(|name| name.starts_with(&code.text().to_lowercase()));
        let elsewhere = ELSEWHERE.iter().any(|(other, _)| other == code);
        assert_ne!(shown, elsewhere, "{}: {}", code.text(), code.title());
    }
}

#[test]
fn every_message_points_and_helps() {
    for name in names() {
        let expected = fs::read_to_string(format!("{FOLDER}/{name}.expected")).unwrap();
        for finding in expected.split("\n\n").filter(|finding| !finding.trim().is_empty()) {
            assert!(finding.contains("--> "), "{name} points nowhere:\n{finding}");
            assert!(finding.contains("= help: "), "{name} does not help:\n{finding}");
        }
    }
}

/// Checks a generated text; the code of the first message.
fn answer(what: &str, text: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("large.yaml"), text).unwrap();
    let (exit, messages) = checked(folder.path(), "large.yaml");
    assert_eq!(exit, 3, "{what}:\n{}", messages.chars().take(2_000).collect::<String>());
    assert!(messages.len() < 200_000, "{what}: {} bytes of messages", messages.len());
    first_code(&messages).to_owned()
}

const CLIENTS: &str = "clients: {c: {rate: 1/s, mix: {GET /: 1}, to: c0}}\n";

#[test]
fn what_is_too_large_is_refused_at_once() {
    let comment = "# nothing\n".repeat(1_000_000);
    assert_eq!(answer("ten megabytes", format!("scenario: x\n{comment}").as_bytes()), "E0103");
    let deep = format!("scenario: x\nrun: {}", "[".repeat(500_000));
    assert_eq!(answer("half a million brackets", deep.as_bytes()), "E0104");
    let nested: String = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth.min(150)))).collect();
    assert_ne!(answer("nesting by indentation", nested.as_bytes()), "");
    let mut bomb = "scenario: x\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{uses}]\n"));
    }
    assert_eq!(answer("an alias bomb", bomb.as_bytes()), "E0103");
    let mut merges = "scenario: x\na0: &a0 {x: 1, y: 2, z: 3}\n".to_owned();
    for level in 1..40 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        merges.push_str(&format!("a{level}: &a{level} {{<<: [{uses}]}}\n"));
    }
    assert_ne!(answer("a bomb of merge keys", merges.as_bytes()), "");
    let components: String = (0..100_000).map(|i| format!("  c{i}: {{kind: service}}\n")).collect();
    let text = format!("scenario: x\n{CLIENTS}components:\n{components}");
    assert_eq!(answer("100 000 components", text.as_bytes()), "E0103");
    let variants = "  - {name: v}\n".repeat(1_000_000);
    let text = format!("scenario: x\nvariants:\n{variants}");
    assert_eq!(answer("a million variants", text.as_bytes()), "E0103");
}

#[test]
fn long_lines_and_expressions_are_answered_briefly() {
    let long = "a".repeat(1_000_000);
    assert_eq!(answer("a key of a megabyte", format!("scenario: x\n{long}: 1\n").as_bytes()), "E0101");
    let text = format!("scenario: x\nrun: {{duration: {long}}}\n");
    assert_ne!(answer("a value of a megabyte", text.as_bytes()), "");
    let scenario = "scenario: x\ncomponents: {c0: {kind: service, endpoints: {GET /: [reply: 200]}}}\n";
    for expression in [
        format!("p99 < {long}"),
        format!("p99 < 1s{}", " and p99 < 1s".repeat(70_000)),
        format!("{}p99{} < 1s", "(".repeat(400_000), ")".repeat(400_000)),
    ] {
        let text = format!("{scenario}{CLIENTS}expect:\n  - {expression}\n");
        assert_ne!(answer("an expression of a megabyte", text.as_bytes()), "");
    }
    let flow = format!("scenario: x\nrun: {{{}}}\n", "a: 1, ".repeat(20_000));
    assert_ne!(answer("a line of many entries", flow.as_bytes()), "");
}

#[test]
fn many_mistakes_and_many_ways_take_no_time() {
    let wrong: String = (0..8_000).map(|i| format!("  GET /wrong/{i}: 1\n")).collect();
    let text = format!(
        "scenario: x\ncomponents:\n  c0: {{kind: service, endpoints: {{GET /: [reply: 200]}}}}\nclients:\n c:\n  rate: 1/s\n  to: c0\n  mix:\n{}",
        wrong.replace("  GET", "   GET")
    );
    assert_eq!(answer("thousands of unknown endpoints", text.as_bytes()), "E0402");
    // Every layer calls the next one twenty times: 20^60 ways.
    let layers: String = (0..60)
        .map(|i| {
            let call = format!("call: {{to: c{}, endpoint: GET /}}", i + 1);
            let calls = vec![call; 20].join(", ");
            format!("  c{i}: {{kind: service, endpoints: {{GET /: [{calls}]}}}}\n")
        })
        .collect();
    let text = format!(
        "scenario: x\n{CLIENTS}components:\n{layers}  c60: {{kind: service, endpoints: {{GET /: [call: {{to: c60, endpoint: GET /}}]}}}}\n"
    );
    assert_eq!(answer("layers of calls", text.as_bytes()), "E0503");
    // Load balancers that each route to all others.
    let balancers: String = (0..100)
        .map(|i| {
            let to: Vec<String> = (0..100).map(|j| format!("c{j}: 1")).collect();
            format!("  c{i}: {{kind: load_balancer, to: {{{}}}}}\n", to.join(", "))
        })
        .collect();
    let service = "  app: {kind: service, endpoints: {GET /: [reply: 200]}}\n  out: {kind: load_balancer, to: {c0: 1, app: 1}}\n";
    let clients = CLIENTS.replace("c0", "out");
    let text = format!("scenario: x\n{clients}components:\n{balancers}{service}");
    assert_eq!(answer("a net of load balancers", text.as_bytes()), "E0503");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in
        [("latin", &b"scenario: caf\xe9\n"[..]), ("zeros", &[0; 4096]), ("utf16", b"\xff\xfes\0c\0")]
    {
        let file = format!("{name}.yaml");
        fs::write(folder.path().join(&file), bytes).unwrap();
        let (exit, messages) = checked(folder.path(), &file);
        assert_eq!(exit, 3, "{name}: {messages}");
        assert!(!messages.contains("panicked"), "{name}: {messages}");
    }
    let (exit, messages) = checked(folder.path(), ".");
    assert!(exit == 3 && messages.contains("it is a folder"), "{messages}");
}

#[test]
#[cfg(unix)]
fn a_link_out_of_the_folder_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.yaml"), "scenario: secret\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.yaml"), folder.path().join("base.yaml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zeros.yaml")).unwrap();
    for target in ["base.yaml", "zeros.yaml"] {
        fs::write(folder.path().join("s.yaml"), format!("extends: {target}\nscenario: x\n")).unwrap();
        let (exit, messages) = checked(folder.path(), "s.yaml");
        assert_eq!((exit, first_code(&messages)), (3, "E0208"), "{messages}");
    }
}
