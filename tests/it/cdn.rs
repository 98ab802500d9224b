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

#[test]
fn a_stale_copy_is_served_while_the_cdn_fetches_it_anew() {
    let text = |more: &str, shield: bool| {
        let cdn = format!("pops: 2, shield: {shield}, cache: {{GET /p: {{ttl: 1s, key: post{more}}}}}");
        tiers("duration: 60s, warmup: 20s, replications: 1", "400/s", "10", &cdn, "sleep: 500ms")
    };
    for shield in [false, true] {
        let waits = run(&text("", shield));
        let stale = run(&text(", stale_while_revalidate: 30s", shield));
        assert!(waits.each("p99")[0] > 0.3 && waits.each("cdn.stale")[0] == 0.0);
        assert!(stale.each("p99.9")[0] < 1e-6, "nobody waits: {:?}", stale.each("p99.9"));
        assert!(stale.each("cdn.stale")[0] > 0.2, "{:?}", stale.each("cdn.stale"));
        // Half a second of fetching for a second of freshness: two in three seconds, for each object and place.
        let rate = if shield { 10.0 } else { 20.0 } / 1.53;
        let asked = stale.each("app.offered_cpu")[0] * 1e4;
        assert!((asked / rate - 1.0).abs() < 0.1, "{asked} for {rate}");
        assert_eq!(stale.each("availability"), [1.0]);
    }
}

#[test]
fn jitter_spreads_what_was_filled_at_once() {
    // A thousand objects fetched within the first seconds, each for 30 s: the wave comes back, and less with jitter.
    let wave = |ttl: &str| {
        let cdn = format!("cache: {{GET /p: {{ttl: {ttl}, key: post}}}}");
        let text = tiers("duration: 70s, replications: 1", "5000/s", "1000", &cdn, "sleep: 1ms");
        during(&text, &[(30.0, 32.0, "app.offered_cpu"), (10.0, 70.0, "cdn.fills")])
    };
    let (even, spread) = (wave("30s"), wave("30s±50%"));
    assert!(even[0] > 5.0 * spread[0], "{even:?} {spread:?}");
    assert!((even[1] / spread[1] - 1.0).abs() < 0.2, "{even:?} {spread:?}");
}

#[test]
fn endpoints_have_their_own_origins() {
    let text = "
scenario: origins
run: {duration: 20s, replications: 1}
clients: {web: {rate: 100/s, mix: {GET /a: 1, GET /img/x: 3}, to: cdn}}
components:
  cdn: {kind: cdn, to: app, routes: [{path: /img/*, to: images}]}
  app: {kind: service, endpoints: {GET /a: [sleep: 1ms]}}
  images: {kind: service, endpoints: {GET /img/x: [sleep: 2ms]}}
";
    let runs = run(text);
    assert_eq!(runs.each("availability"), [1.0]);
    assert!((runs.each("images.in_flight")[0] - 0.15).abs() < 0.02);
    assert!((runs.each("app.in_flight")[0] - 0.025).abs() < 0.01);
}

#[test]
fn a_purge_reaches_each_place_in_its_own_time() {
    let cdn = "pops: 4, purge_delay: \"uniform(2s, 6s)\", cache: {GET /p: {ttl: 24h, key: post}}";
    let text = tiers("duration: 40s, replications: 1", "2000/s", "100", cdn, "sleep: 100ms")
        + "faults: [{at: 20s, flush: cdn}]\n";
    let windows =
        [(10.0, 22.0, "app.offered_cpu"), (20.0, 24.5, "app.offered_cpu"), (20.0, 30.0, "app.offered_cpu")];
    let seen = during(&text, &windows);
    let asked = [seen[0] * 12e4, seen[1] * 4.5e4, seen[2] * 10e4].map(f64::round);
    assert_eq!((asked[0], asked[2]), (0.0, 400.0), "{asked:?}");
    assert!(asked[1] < 400.0, "{asked:?}");
}

/// Half of the people in each of two regions, 80 ms apart; the origin is in the first.
fn two_regions(cdn: &str, faults: &str) -> String {
    format!(
        "
scenario: regions
run: {{duration: 60s, warmup: 10s, replications: 1}}
network: {{regions: {{us: [us-a], eu: [eu-a]}}, rtt: {{same_zone: 1ms, us: {{eu: 80ms}}}}, handshake: none}}
clients: {{web: {{rate: 500/s, from: {{us: 50%, eu: 50%}}, mix: {{GET /p: 1}}, timeout: 1s, to: cdn}}}}
data: {{post: {{rows: 20}}}}
components:
  cdn: {{kind: cdn, to: app, {cdn}, cache: {{GET /p: {{ttl: 24h, key: post}}}}}}
  app: {{kind: service, zones: [us-a], endpoints: {{GET /p: [sleep: 1ms]}}}}
{faults}
"
    )
}

#[test]
fn a_place_near_its_people_takes_the_way_off_them() {
    let far = run(&two_regions("zones: [us-a]", ""));
    let near = run(&two_regions("zones: [us-a, eu-a]", ""));
    assert!((far.each("p90")[0] - 0.08).abs() < 0.002, "{:?}", far.each("p90"));
    assert!(near.each("p99")[0] < 0.002, "{:?}", near.each("p99"));
    // Each place has a hit ratio of its own, and there is no third.
    assert_eq!((near.each("cdn[0].hit_ratio"), near.each("cdn[1].hit_ratio")), (vec![1.0], vec![1.0]));
    let parsed = surgesim::metrics::MetricReference::parse("cdn[2].hit_ratio", &near.catalog);
    assert!(parsed.is_err_and(|unknown| unknown.message.contains("cdn[1]")));
    // A place that is gone leaves its people without an answer, and comes back empty.
    let lost =
        two_regions("zones: [us-a, eu-a], shield: true", "faults: [{at: 20s, kill: \"cdn[1]\", for: 10s}]");
    let seen = during(
        &lost,
        &[(21.0, 29.0, "availability"), (31.0, 60.0, "availability"), (30.0, 60.0, "cdn[1].fills")],
    );
    assert!((seen[0] - 0.5).abs() < 0.03 && seen[1] == 1.0, "{seen:?}");
    assert_eq!((seen[2] * 30.0).round(), 20.0, "{seen:?}");
}

#[test]
fn copies_of_rows_that_were_written_since_are_stale_reads() {
    let text = |ttl: &str| {
        format!(
            "
scenario: versions
run: {{duration: 200s, warmup: 20s, replications: 1}}
clients: {{web: {{rate: 200/s, mix: {{GET /p: 9, POST /p: 1}}, to: cdn}}}}
data: {{post: {{rows: 100}}}}
components:
  cdn: {{kind: cdn, to: app, cache: {{GET /p: {{ttl: {ttl}, key: post}}}}}}
  app: {{kind: service, endpoints: {{GET /p: [{{query: db.read(post)}}], POST /p: [{{query: db.write(post)}}]}}}}
  db: {{kind: database, cpu: 8, queries: {{read: {{read: post, cpu: 1us}}, write: {{write: post, cpu: 1us}}}}}}
"
        )
    };
    // Each row is read 1.8 and written 0.2 times a second. From a miss on a copy lives for T; a read at age a is stale
    // with 1 - exp(-0.2 a): the share over a cycle of one miss and 1.8 T hits.
    let (reads, writes, t) = (1.8, 0.2, 5.0);
    let stale = reads * (t - (1.0 - f64::exp(-writes * t)) / writes) / (1.0 + reads * t);
    let seen = run(&text("5s")).each("stale_reads(post)")[0];
    // A miss reads the row at the database, and is fresh.
    assert!((seen - stale).abs() < 0.02, "{seen} for {stale}");
    assert_eq!(run(&text("0s")).each("stale_reads(post)"), [0.0]);
}
