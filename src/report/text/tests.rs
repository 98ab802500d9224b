//! The report says what matters first, and nothing that could mislead.

use super::{TextStyle, text};
use crate::experiment::results::{ResourceRow, VariantResults};
use crate::report::fixture;

fn plain() -> String {
    text(&fixture::launch(), TextStyle::default())
}

/// Where each of `parts` begins; all must be there.
fn places(report: &str, parts: &[&str]) -> Vec<usize> {
    parts
        .iter()
        .map(|part| report.find(part).unwrap_or_else(|| panic!("`{part}` is missing:\n{report}")))
        .collect()
}

#[test]
fn it_reads_top_down() {
    let report = plain();
    let order = places(
        &report,
        &[
            "launch day, seed 7\n",
            "5 replications of 10m 00s simulated, of which the first 60.0 s are warm-up\n",
            "MISSED  objectives: 1 missed, 1 inconclusive; expectations: 1 missed\n",
            "503 rate 11.8 % (95 % CI 11.2 to 12.4), p99 812 ms (95 % CI 774 to 851)",
            "  inconclusive  p99 < 800ms                 812 ms (95 % CI 774 to 851)\n",
            "  missed        db.cpu > 90% during 3m..8m  93.0 %, 89.0 % to 97.0 %, holds in 4 of 5 replications\n",
            "\nTraffic\n",
            "\nLatency of good answers\n",
            "\nResources\n",
            "bottleneck: db cpu: work for 124 % of what it can do",
            "\nSoundness\n",
            "sent = good + failed + abandoned + in flight: 1,000,000 = 877,000 + 118,000 + 4,900 + 100",
            "Little's law: within 0.120 % on every resource (worst: db cpu)",
            "\nWarnings\n",
            "warning: a notice of the experiment\n",
        ],
    );
    assert!(order.is_sorted(), "{report}");
}

#[test]
fn errors_are_split_by_who_made_them_and_why() {
    let report = plain();
    let row = |words: &[&str]| {
        report.lines().any(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
            cells == words
        })
    };
    assert!(row(&["good", "877,000", "87.7 %"]), "{report}");
    assert!(row(&["503", "all", "118,000", "11.8 %"]), "{report}");
    assert!(row(&["503", "app", "backlog full", "100,000", "10.0 %"]), "{report}");
    assert!(row(&["503", "db", "too many connections", "18,000", "1.80 %"]), "{report}");
    assert!(row(&["no answer", "users", "timeout", "5,000", "0.500 %"]), "{report}");
    assert!(row(&["p99", "812 ms", "774 to 851"]), "{report}");
    assert!(row(&["db cpu", "8", "124 %", "99.80 %", "41.2", "812", "230 ms", "1.90 s"]), "{report}");
}

#[test]
fn plain_text_is_ascii_and_colour_comes_only_when_asked() {
    assert!(plain().is_ascii());
    let styled = text(&fixture::launch(), TextStyle { lines: true, colour: true });
    assert!(styled.contains("\u{1b}[1;31mMISSED\u{1b}[0m"));
    assert!(styled.contains('\u{2502}'));
}

#[test]
fn several_designs_are_set_side_by_side_first() {
    let report = text(&fixture::two(), TextStyle::default());
    let order =
        places(&report, &["| verdict", "| rate_503", "| bottleneck", "=== base ===", "=== bigger-db ==="]);
    assert!(order.is_sorted(), "{report}");
    let verdict = report.lines().find(|line| line.starts_with("| verdict")).unwrap();
    assert!(verdict.contains("missed") && verdict.contains("met"), "{verdict}");
}

#[test]
fn names_cannot_drive_the_terminal_and_an_incomplete_run_says_so() {
    let mut results = fixture::launch();
    results.complete = false;
    results.scenario = "\u{1b}[2Jday".to_owned();
    results.variants[0].errors[0].component = "a\u{7}pp".to_owned();
    results.variants[0].objectives[0].text = "p99 <\u{1b}c 1s".to_owned();
    let report = text(&results, TextStyle::default());
    assert!(!report.contains('\u{1b}') && !report.contains('\u{7}'), "{report}");
    assert!(report.contains("INCOMPLETE: the run was cut short"));
}

#[test]
fn lost_requests_are_shouted() {
    let mut results = fixture::launch();
    results.variants[0].conservation.good += 1;
    assert!(text(&results, TextStyle::default()).contains("DOES NOT HOLD"));
}

#[test]
fn many_instances_are_shown_as_their_sum() {
    let mut results = fixture::launch();
    let resources = &mut results.variants[0].resources;
    for instance in 0..20 {
        resources.push(ResourceRow { instance: Some(instance), ..resources[2].clone() });
    }
    assert!(!text(&results, TextStyle::default()).contains("app[0] cpu"));
    results.variants[0].resources.truncate(5);
    assert!(text(&results, TextStyle::default()).contains("app[0] cpu"));
}

#[test]
fn nothing_run_and_nothing_measured_are_told_without_a_panic() {
    let mut results = fixture::launch();
    results.variants = vec![VariantResults { name: "base".to_owned(), ..VariantResults::default() }];
    let report = text(&results, TextStyle::default());
    assert!(report.contains("nothing to judge") && report.contains("no request was answered"), "{report}");
    results.variants.clear();
    assert!(text(&results, TextStyle::default()).contains("nothing was run"));
}
