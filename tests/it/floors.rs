//! The module path is the floor sign: no `use crate::` points upward.

use std::fs;
use std::path::Path;

/// The floors from the ground up; modules of one floor may use each other.
const FLOORS: &[&[&str]] = &[
    &["base", "document"],
    &["kernel", "queueing"],
    &["engine"],
    &["components", "workload", "faults", "metrics"],
    &["scenario"],
    &["event_graph"],
    &["experiment"],
    &["report", "verdict"],
    &["cli"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(Path::new("src"), &mut found);
    found
}

#[test]
fn no_use_points_upward() {
    let mut wrong = Vec::new();
    for (path, text) in all_sources() {
        let Some(own) = path.strip_prefix("src/").and_then(|p| floor(p.split(['/', '.']).next().unwrap()))
        else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let module = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
                if floor(module).is_some_and(|used| used > own) {
                    wrong.push(format!("{path}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these lines point upward:\n{}", wrong.join("\n"));
}

#[test]
fn the_kernel_knows_no_api() {
    for (path, text) in all_sources().into_iter().filter(|(path, _)| path.starts_with("src/kernel")) {
        assert!(!text.to_lowercase().contains("request"), "{path} speaks of requests");
    }
}

#[test]
fn libraries_stay_in_their_rooms() {
    let rooms = [
        ("granit_parser", "src/scenario/yaml"),
        ("petgraph", "src/event_graph"),
        ("resvg", "src/report/chart"),
        ("rayon", "src/experiment"),
        ("clap", "src/cli"),
    ];
    for (path, text) in all_sources() {
        for (library, room) in rooms {
            let uses = text.contains(&format!("{library}::"));
            assert!(!uses || path.starts_with(room), "{path} uses {library}, which lives in {room}");
        }
    }
}

#[test]
fn lower_floors_read_no_files_and_no_clock() {
    for (path, text) in all_sources() {
        let own = path.strip_prefix("src/").and_then(|p| floor(p.split(['/', '.']).next().unwrap()));
        if own.is_some_and(|own| own <= 3) {
            for word in ["std::fs", "std::env", "std::net", "std::process", "Instant", "SystemTime"] {
                assert!(!text.contains(word), "{path} mentions {word}");
            }
        }
    }
}
