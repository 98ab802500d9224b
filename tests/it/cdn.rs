//! CDNs in whole scenarios: hit ratios against theory, who fetches what, purges, errors, conservation.

use super::model::{during, run};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Each request at the origin is a tenth of a millisecond of its one core, by which they are counted.
/// Rows of one entity, asked for through a CDN from an origin that takes as long as `origin` says.
fn tiers(run: &str, rate: &str, rows: &str, cdn: &str, origin: &str) -> String {
    format!(
        "
scenario: tiers
run: {{{run}}}
clients: {{web: {{rate: {rate}, mix: {{GET /p: 1}}, to: cdn}}}}
data: {{post: {{rows: {rows}, size: ~1KB}}}}
components:
  cdn: {{kind: cdn, to: app, {cdn}}}
  app: {{kind: service, cpu: 1, endpoints: {{GET /p: [cpu: 0.1ms, {origin}, reply: ~1KB]}}}}
"
    )
}

/// Hit ratio of a TTL under Poisson arrivals: sum of p (lambda p T) / (1 + lambda p T), for `places` that share them.
fn formula(rows: u64, rate: f64, ttl: f64, places: f64) -> f64 {
    let weights: Vec<f64> = (1..=rows).map(|rank| (rank as f64).powf(-0.8)).collect();
    let sum: f64 = weights.iter().sum();
    let hit = |w: &f64| {
        let asked = w / sum * rate / places * ttl;
        w / sum * asked / (1.0 + asked)
    };
    weights.iter().map(hit).sum()
}

#[test]
fn a_ttl_gives_the_formula_and_places_divide_the_popularity() {
    let mut before = 1.0;
    for pops in [1, 8] {
        let text = tiers(
            "duration: 100s, warmup: 30s, replications: 1",
            "1000/s",
            "1000, zipf: 0.8",
            &format!("pops: {pops}, cache: {{GET /p: {{ttl: 10s, key: post}}}}"),
            "sleep: 0ms",
        );
        let runs = run(&text);
        let (seen, theory) = (runs.each("cdn.hit_ratio")[0], formula(1_000, 1_000.0, 10.0, f64::from(pops)));
        assert!((seen - theory).abs() < 0.01, "{pops}: {seen} for {theory}");
        assert!((runs.each("cdn.offload")[0] - seen).abs() < 0.01, "what hits is kept from the origin");
        assert!(seen < before);
        before = seen;
    }
}

#[test]
fn one_fill_for_each_object_and_place_and_with_a_shield_one_for_all() {
    // A hundred objects, asked for often within the second that fetching takes, and kept for ever.
    let text = |more: &str| {
        let cdn = format!("pops: 4, {more}, cache: {{GET /p: {{ttl: 24h, key: post}}}}");
        tiers("duration: 20s, replications: 1", "5000/s", "100", &cdn, "sleep: 1s")
    };
    let windows = [(0.0, 20.0, "cdn.fills"), (0.0, 20.0, "app.offered_cpu"), (0.0, 20.0, "availability")];
    let plain = during(&text("shield: false"), &windows);
    assert_eq!((plain[0] * 20.0).round(), 400.0, "{plain:?}");
    assert_eq!((plain[1] * 20e4).round(), 400.0, "{plain:?}");
    let shielded = during(&text("shield: true"), &windows);
    assert_eq!((shielded[0] * 20.0).round(), 400.0, "{shielded:?}");
    assert_eq!((shielded[1] * 20e4).round(), 100.0, "{shielded:?}");
    assert_eq!((plain[2], shielded[2]), (1.0, 1.0));
    // Without collapsing all requests of the first second are fetches.
    let apart = during(&text("collapse: false"), &windows);
    assert!((4_500.0..5_500.0).contains(&(apart[1] * 20e4)), "{apart:?}");
}

#[test]
fn a_purge_empties_all_places() {
    let cdn = "pops: 4, cache: {GET /p: {ttl: 24h, key: post}}";
    let text = tiers("duration: 40s, replications: 1", "2000/s", "100", cdn, "sleep: 100ms")
        + "faults: [{at: 20s, flush: cdn}]\n";
    let seen = during(
        &text,
        &[(10.0, 20.0, "app.offered_cpu"), (20.0, 30.0, "app.offered_cpu"), (0.0, 40.0, "availability")],
    );
    assert_eq!((seen[0], (seen[1] * 10e4).round(), seen[2]), (0.0, 400.0, 1.0), "{seen:?}");
}

#[test]
fn errors_are_remembered_and_a_stale_copy_is_better() {
    let text = |more: &str| {
        let cdn = format!("{more}, cache: {{GET /p: {{ttl: 1s}}}}");
        tiers("duration: 60s, replications: 1", "500/s", "1", &cdn, "sleep: 1ms")
            + "faults: [{at: 20s, errors: {target: app, share: 100%, status: 503}, for: 20s}]\n"
    };
    let window = [(22.0, 38.0, "cdn.fills"), (22.0, 38.0, "availability"), (45.0, 59.0, "availability")];
    let remembered = during(&text("error_ttl: 2s"), &window);
    assert!((0.4..=0.6).contains(&remembered[0]), "one try in two seconds: {remembered:?}");
    assert_eq!((remembered[1], remembered[2]), (0.0, 1.0));
    let forgotten = during(&text("error_ttl: 0s"), &window);
    assert!(forgotten[0] > 100.0, "{forgotten:?}");
    let stale = during(&text("error_ttl: 2s, stale_if_error: 1h"), &window);
    assert_eq!((stale[1], stale[2]), (1.0, 1.0));
}

#[test]
fn what_the_origin_does_not_say_the_cdn_says_and_nothing_is_lost() {
    let slow = tiers("duration: 30s, replications: 1", "50/s", "10", "timeout: 100ms", "sleep: 1s");
    let runs = run(&slow);
    assert_eq!(mean(&runs.each("errors.504")), 1.0);
    // The same run twice is the same; without rules each request is the origin's.
    assert_eq!(runs.each("cdn.fills"), run(&slow).each("cdn.fills"));
    let killed = tiers("duration: 30s, replications: 1", "50/s", "10", "pops: 2", "sleep: 1ms")
        + "faults: [{at: 10s, kill: app, for: 10s}]\n";
    let seen = during(&killed, &[(11.0, 19.0, "errors.502"), (22.0, 29.0, "availability")]);
    assert_eq!(seen, vec![1.0, 1.0]);
    // The CDN itself dies with what it has in hand, and comes back empty.
    let cdn = "pops: 2, shield: true, cache: {GET /p: {ttl: 1h, key: post}}";
    let dead = tiers("duration: 40s, replications: 1", "500/s", "50", cdn, "sleep: 500ms")
        + "faults: [{at: 10s, kill: cdn, for: 5s}]\n";
    let seen = during(
        &dead,
        &[(11.0, 14.0, "availability"), (15.0, 25.0, "app.offered_cpu"), (18.0, 39.0, "availability")],
    );
    assert_eq!((seen[0], (seen[1] * 10e4).round(), seen[2]), (0.0, 50.0, 1.0), "{seen:?}");
}
