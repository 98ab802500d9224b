//! Ways to keep copies of rows: who fetches ahead of time, what is remembered, how copies are taken out, and
//! what all of it does to consistency.

use surgesim::event_graph::{CallGraph, forecast};

use super::model::{during, model, read, run};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn seen(text: &str, metrics: &[&str]) -> Vec<f64> {
    let runs = run(text);
    metrics.iter().map(|name| mean(&runs.each(name))).collect()
}

/// One row, read 100 times a second through `cached`; fetching it takes 100 ms.
fn one_row(run: &str, cache: &str, local: &str, cached: &str) -> String {
    format!(
        "
scenario: one-row
run: {{{run}}}
clients: {{web: {{rate: 100/s, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 1}}}}
components:
  redis: {{kind: cache{cache}}}
  app:
    kind: service
    {local}
    endpoints: {{GET /: [{{cached: {{key: post, miss: [{{sleep: 100ms}}, {{query: db.post(post)}}], {cached}}}}}]}}
  db: {{kind: database, cpu: 64, queries: {{post: {{read: post, cpu: 1us}}}}}}
"
    )
}

#[test]
fn refreshing_ahead_hides_the_fetching_and_serves_nothing_old() {
    let plan = "duration: 60s, warmup: 5s, replications: 1";
    let metrics = ["max", "redis.stale", "hit_ratio(post)", "redis.hit_ratio", "db.offered_cpu"];
    let plain = seen(&one_row(plan, "", "", "in: redis, ttl: 1s"), &metrics);
    let ahead = seen(&one_row(plan, "", "", "in: redis, ttl: 1s, refresh_ahead: 20%"), &metrics);
    assert!(plain[0] > 0.1 && ahead[0] < 1e-6, "{plain:?} {ahead:?}");
    assert_eq!((ahead[1], ahead[2], ahead[3]), (0.0, 1.0, 1.0), "{ahead:?}");
    // Fetched 0.8 s after it came, by the next hit: every 0.8 + 0.01 + 0.1 s.
    let rate = ahead[4] * 64.0 / 1e-6;
    assert!((rate - 1.0 / 0.91).abs() < 0.02, "{rate}");
    // The same in a cache of the instance, as Caffeine's refreshAfterWrite: 200 ms of 1 s are left.
    let local = "local_cache: {post: {max: 10}}";
    let own = "in: local, ttl: 1s, refresh_ahead: 200ms";
    let own = seen(&one_row(plan, "", local, own), &["max", "app.hit_ratio", "db.offered_cpu"]);
    assert!(own[0] < 1e-6 && own[1] == 1.0, "{own:?}");
    assert!((own[2] * 64.0 / 1e-6 - 1.0 / 0.91).abs() < 0.02, "{own:?}");
}

#[test]
fn readers_that_refresh_early_by_lot_seldom_stampede() {
    // At the end of each second 10 readers find nothing within the 100 ms of fetching. By lot one of them, or a
    // few, begin before it; XFetch's beta of 1 is what theory says, more is earlier.
    let plan = "duration: 400s, warmup: 5s, replications: 1";
    let fetched = |early: &str| {
        let cached = format!("in: redis, ttl: 1s{early}");
        let all = seen(&one_row(plan, "", "", &cached), &["db.offered_cpu", "hit_ratio(post)"]);
        (all[0] * 64.0 / 1e-6, all[1])
    };
    let (plain, one, three) = (fetched(""), fetched(", early: 1"), fetched(", early: 3"));
    // 11 fetches (the first one, and 10 within its 100 ms); the last of them is stored 0.2 s after the first
    // began and lasts for 1 s, and the next reader comes 10 ms later.
    assert!((plain.0 - 11.0 / 1.21).abs() < 0.2, "{plain:?}");
    assert!(one.0 < 0.6 * plain.0, "{one:?} {plain:?}");
    assert!(one.1 > plain.1 && three.0 < 0.8 * plain.0, "{one:?} {three:?}");
    assert_eq!(fetched(", early: 0"), plain, "no lot is drawn");
}

#[test]
fn what_does_not_exist_is_asked_for_again_unless_that_is_remembered() {
    let text = |keeping: &str, place: &str, local: &str| {
        format!(
            "
scenario: absent
run: {{duration: 100s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{rows: 1000, absent: 30%, size: 1KB}}}}
components:
  redis: {{kind: cache}}
  app: {{kind: service, {local} endpoints: {{GET /: [{{cached: {{in: {place}, key: post, miss: db.post(post){keeping}}}}}]}}}}
  db: {{kind: database, cpu: 64, queries: {{post: {{read: post, cpu: 1us}}}}}}
"
        )
    };
    let ratio =
        |keeping: &str, place: &str, local: &str| seen(&text(keeping, place, local), &["hit_ratio(post)"])[0];
    // Every request for the 30 % that are not there goes to the store.
    assert!((ratio("", "redis", "") - 0.7 * 0.99).abs() < 0.02);
    assert!((ratio(", coalesce: lease", "redis", "") - 0.7 * 0.99).abs() < 0.02);
    // A second of memory at one request a second and row: lambda T / (1 + lambda T) = a half of those.
    let half = ratio(", negative_ttl: 1s", "redis", "");
    assert!((half - (0.7 * 0.99 + 0.3 * 0.5)).abs() < 0.02, "{half}");
    let local = "local_cache: {post: {max: 2k}},";
    let own = ratio(", negative_ttl: 1s", "local", local);
    assert!((own - half).abs() < 0.01, "{own}");
    let both = ratio(", negative_ttl: 1s", "[local, redis]", local);
    assert!((half - 0.02..1.0).contains(&both), "{both}");
}

#[test]
fn a_remembered_absence_hides_the_first_write() {
    let text = |keeping: &str| {
        format!(
            "
scenario: poisoned
run: {{duration: 40s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 95, PUT /: 5}}, to: app}}}}
data: {{post: {{rows: 1000, absent: 100%}}}}
components:
  redis: {{kind: cache}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: post, miss: db.get(post){keeping}}}}}]
      PUT /: [{{query: db.set(post)}}]
  db: {{kind: database, cpu: 64, queries: {{get: {{read: post, cpu: 1us}}, set: {{write: post, cpu: 1us}}}}}}
"
        )
    };
    // Without memory a row that is not there is asked for at each read; with it, readers go on missing it.
    let stale = |keeping: &str| seen(&text(keeping), &["stale_reads(post)"])[0];
    let (plain, remembered) = (stale(""), stale(", negative_ttl: 30s"));
    assert!(remembered > plain + 0.02, "{plain} {remembered}");
}

#[test]
fn errors_are_remembered_or_an_old_value_is_served() {
    let text = |keeping: &str, place: &str, local: &str| {
        one_row("duration: 60s, replications: 1", "", local, &format!("in: {place}, ttl: 2s{keeping}"))
            + "faults: [{at: 20s, kill: db, restart_after: 20s}]\n"
    };
    let windows = [
        (25.0, 39.0, "availability"),
        (25.0, 39.0, "degraded"),
        (25.0, 39.0, "db.offered_cpu"),
        (25.0, 39.0, "p50(errors)"),
        (45.0, 59.0, "availability"),
    ];
    let plain = during(&text("", "redis", ""), &windows[..1]);
    assert_eq!(plain[0], 0.0);
    for (place, local) in [("redis", ""), ("local", "local_cache: {post: {max: 10}}")] {
        // Past its time, but there: a degraded answer.
        let old = during(&text(", stale_if_error: 1h", place, local), &[windows[0], windows[1], windows[4]]);
        assert_eq!((old[0], old[1], old[2]), (1.0, 1.0, 1.0), "{place}: {old:?}");
        // The window has an end.
        let short =
            during(&text(", stale_if_error: 3s", place, local), &[(21.0, 24.5, "availability"), windows[0]]);
        assert!(short[0] > 0.99 && short[1] == 0.0, "{place}: {short:?}");
        // A remembered error is answered at once, and the store is left alone; it ends after its time.
        let told = during(&text(", error_ttl: 5s", place, local), &[windows[0], windows[3], windows[4]]);
        assert!(told[0] == 0.0 && told[1] < 0.001 && told[2] == 1.0, "{place}: {told:?}");
    }
    let slow = during(&text("", "redis", ""), &[windows[3]]);
    assert!(slow[0] > 0.09, "{slow:?}");
}

#[test]
fn a_cache_that_reads_through_fetches_once_for_all_who_wait() {
    let text = |cache: &str, cached: &str| {
        format!(
            "
scenario: through
run: {{duration: 60s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 1}}, to: app, timeout: 50ms}}}}
data: {{post: {{rows: 100}}}}
components:
  dax: {{kind: cache, ttl: 1s{cache}}}
  app: {{kind: service, instances: 4, endpoints: {{GET /: [{{cached: {{in: dax, key: post{cached}}}}}]}}}}
  db: {{kind: database, cpu: 1000, io: 10k, queries: {{post: {{read: post, cpu: 1us, io: 20ms}}}}}}
"
        )
    };
    let metrics = ["hit_ratio(post)", "db.offered_cpu", "availability", "max"];
    let through = seen(&text(", read_through: {post: db.post(post)}", ""), &metrics);
    let aside = seen(&text("", ", miss: db.post(post)"), &metrics);
    // A row is asked for 10 times a second: fetched once in 1 + 0.02 + 0.1 s. By callers as often as some miss.
    let fetched = |all: &Vec<f64>| all[1] * 1000.0 / 1e-6;
    assert!((fetched(&through) - 100.0 / 1.12).abs() < 2.0, "{through:?}");
    assert!(fetched(&aside) > 1.1 * fetched(&through), "{aside:?}");
    assert_eq!(through[2], 1.0);
    assert!((through[3] - 0.02).abs() < 0.002, "{through:?}");
    // Reads that waited for the cache's own fetch asked the store: 1 + 10/s x 0.02 s of 1 + 10/s x (1 + 0.02).
    assert!((through[0] - (1.0 - 1.2 / 11.2)).abs() < 0.01, "{through:?}");
    // Its errors are errors: nobody else knows how to fetch.
    let dead =
        text(", read_through: {post: db.post(post)}", "") + "faults: [{at: 20s, kill: db, for: 10s}]\n";
    let dead = during(&dead, &[(22.0, 29.0, "availability"), (32.0, 59.0, "availability")]);
    assert!(dead[0] == 0.0 && dead[1] == 1.0, "{dead:?}");
}

/// The race of a set after a delete, with these options of reading and writing.
fn race(cached: &str, write: &str, cache: &str, more: &str) -> Vec<f64> {
    let text = format!(
        "
scenario: race
run: {{duration: 300s, replications: 2}}
clients: {{web: {{rate: 200/s, mix: {{GET /: 9, PUT /: 1}}, to: app}}}}
data: {{post: {{rows: 5}}}}
components:
  redis: {{kind: cache{cache}}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: post, ttl: 2s, miss: [{{query: db.get(post)}}, {{sleep: ~20ms}}]{cached}}}}}]
      PUT /: [{{write: {{to: db.set(post), in: redis, key: post{write}}}}}]
  db: {{kind: database, queries: {{get: {{read: post, cpu: 1ms}}, set: {{write: post, cpu: 1ms}}}}}}
{more}"
    );
    seen(&text, &["stale_reads(post)", "hit_ratio(post)", "divergence(post)", "cache_writes(post)"])
}

#[test]
fn each_guard_of_a_set_after_a_delete_is_counted() {
    let bare = race("", "", "", "");
    assert!(bare[0] > 0.005, "{bare:?}");
    // Versions: what was taken out leaves its version behind, and nothing older is stored.
    let versions = race(", guard: version", ", guard: version", "", "");
    assert_eq!(versions[0], 0.0, "{versions:?}");
    // Comparing without the trace of the delete finds nothing to compare with.
    let half = race(", guard: version", "", "", "");
    assert!(half[0] > 0.5 * bare[0], "{half:?}");
    // Writing through with versions is never older than the store, once written.
    let through = race(", guard: version", ", policy: through, guard: version", "", "");
    assert!(through[0] < 0.1 * bare[0], "{through:?}");
    // A second delete ends what the first one left: stale for 100 ms instead of 2 s.
    let twice = race("", ", again_after: 100ms", "", "");
    assert!(twice[0] > 0.0 && twice[0] < 0.5 * bare[0], "{twice:?} {bare:?}");
    assert!(twice[3] > bare[3] + 0.9, "one more write of the cache for each: {twice:?} {bare:?}");
    // A shorter time to live only shortens it.
    assert!((versions[1] - bare[1]).abs() < 0.1, "{versions:?} {bare:?}");
}

#[test]
fn messages_that_come_late_or_never_leave_old_copies() {
    let late = race("", ", delay: 200ms", "", "");
    let lost = race("", ", lost: 50%", "", "");
    let bare = race("", "", "", "");
    // 4 writes a second and row: for 200 ms after each of them, as long as it is not overtaken.
    assert!(late[0] > 0.3 && late[0] < 0.8, "{late:?}");
    assert!(lost[0] > 3.0 * bare[0], "{lost:?}");
    assert!(race("", ", delay: 0s, lost: 0%", "", "")[0] > 0.0);
    // The log's messages come in order, and take out what was stored before them.
    let feed = race("", ", policy: around", ", change_feed: {post: {delay: 50ms}}", "");
    let deaf = race("", ", policy: around", ", change_feed: {post: {delay: 50ms, lost: 100%}}", "");
    assert!(feed[0] > 0.02 && feed[0] < 0.35, "{feed:?}");
    assert!(deaf[0] > 0.7, "{deaf:?}");
    assert!(deaf[2] > 0.5 && feed[2] < deaf[2], "at the end: {deaf:?} {feed:?}");
}

#[test]
fn a_change_feed_reaches_the_caches_inside_instances() {
    let text = |feed: &str| {
        format!(
            "
scenario: inside
run: {{duration: 60s, replications: 1}}
clients: {{web: {{rate: 1k rps, mix: {{GET /: 99, PUT /: 1}}, to: app}}}}
data: {{post: {{rows: 50}}}}
components:
  app:
    kind: service
    instances: 4
    local_cache: {{post: {{max: 100{feed}}}}}
    endpoints:
      GET /: [{{cached: {{in: local, key: post, miss: db.get(post)}}}}]
      PUT /: [{{query: db.set(post)}}]
  db: {{kind: database, cpu: 64, queries: {{get: {{read: post, cpu: 1us}}, set: {{write: post, cpu: 1us}}}}}}
"
        )
    };
    let metrics =
        ["stale_reads(post)", "divergence(post)", "versions_behind(post)", "versions_behind(post).max"];
    let deaf = seen(&text(""), &metrics);
    assert!(deaf[0] > 0.9 && deaf[1] > 0.9 && deaf[2] > 3.0 && deaf[3] >= 10.0, "{deaf:?}");
    // 0.2 writes a second and row, 10 ms each: what is asked for within them is old.
    let told = seen(&text(", change_feed: {delay: 10ms}"), &metrics);
    assert!((told[0] - 0.002).abs() < 0.0007 && told[3] <= 2.0, "{told:?}");
    // One of ten messages does not reach an instance: it is old until the next one does.
    let some = seen(&text(", change_feed: {delay: 10ms, lost: 10%}"), &metrics);
    assert!((some[0] - 0.1).abs() < 0.05, "{some:?}");
}

#[test]
fn who_reads_from_two_caches_sees_versions_go_back() {
    let text = |place: &str| {
        format!(
            "
scenario: back
run: {{duration: 60s, replications: 1}}
clients:
  web: {{sessions: 10/s, session: {{requests: 10, think: 100ms}}, mix: {{GET /: 9, PUT /: 1}}, to: app}}
data: {{post: {{rows: 3}}}}
components:
  redis: {{kind: cache}}
  app:
    kind: service
    instances: 3
    local_cache: {{post: {{ttl: 2s}}}}
    endpoints:
      GET /: [{{cached: {{in: {place}, key: post, ttl: 2s, miss: db.get(post)}}}}]
      PUT /: [{{write: {{to: db.set(post), in: {place}, key: post}}}}]
  db: {{kind: database, cpu: 64, queries: {{get: {{read: post, cpu: 1us}}, set: {{write: post, cpu: 1us}}}}}}
"
        )
    };
    let back = |place: &str| seen(&text(place), &["monotonic_violations", "stale_reads(post)"]);
    // Three instances in turn, each with copies of another age; one shared cache has one age for all.
    let (local, shared) = (back("local"), back("redis"));
    assert!(local[0] > 100.0 && local[1] > 0.3, "{local:?}");
    assert_eq!(shared[0], 0.0, "{shared:?}");
}

#[test]
fn writing_back_amplifies_less_than_one() {
    let text = |policy: &str| {
        format!(
            "
scenario: amplification
run: {{duration: 60s, replications: 1}}
clients: {{web: {{rate: 200/s, mix: {{GET /: 1, PUT /: 9}}, to: app}}}}
data: {{post: {{rows: 20}}}}
components:
  redis: {{kind: cache, write_back: {{flush: 1s}}}}
  app:
    kind: service
    endpoints:
      GET /: [{{cached: {{in: redis, key: post, miss: db.get(post)}}}}]
      PUT /: [{{write: {{to: db.set(post), in: redis, key: post, policy: {policy}}}}}]
  db: {{kind: database, cpu: 64, queries: {{get: {{read: post, cpu: 1us}}, set: {{write: post, cpu: 1us}}}}}}
"
        )
    };
    let of = |policy: &str| {
        seen(&text(policy), &["write_amplification(post)", "cache_writes(post)", "divergence(post)"])
    };
    let (through, back, aside) = (of("through"), of("back"), of("aside"));
    assert_eq!(through[0], 1.0);
    assert!((through[1] - 1.0).abs() < 0.01, "one copy for each write: {through:?}");
    assert!((aside[1] - 1.1).abs() < 0.03, "a delete for each write, a copy for most reads: {aside:?}");
    // 9 writes a second and row become one.
    assert!((back[0] - 1.0 / 9.0).abs() < 0.03, "{back:?}");
    assert!(back[2] > 0.5 && through[2] == 0.0, "at the end the store is behind: {back:?}");
}

#[test]
fn the_forecast_knows_warm_caches() {
    // domain 14: LRU by Che, and a time to live by its formula.
    for (data, cache, rate, hit) in [
        ("rows: 100k, zipf: 0.8", "max: 10k", "4k rps", 0.469),
        ("rows: 100k, zipf: 0.99", "max: 1000", "4k rps", 0.489),
        ("rows: 100k, zipf: 1.2", "max: 100", "4k rps", 0.606),
        ("rows: 100k, zipf: 1.2, size: 944B", "memory: 10MB", "4k rps", 0.918),
        ("rows: 2M, zipf: 0.99", "ttl: 60s", "480 rps", 0.522),
        ("rows: 2M, zipf: 1.2", "ttl: 5m", "480 rps", 0.872),
    ] {
        let text = format!(
            "
scenario: warm
run: {{duration: 24h}}
clients: {{web: {{rate: {rate}, mix: {{GET /: 1}}, to: app}}}}
data: {{post: {{{data}}}}}
components:
  redis: {{kind: cache, {cache}}}
  app: {{kind: service, endpoints: {{GET /: [{{cached: {{in: redis, key: post, miss: db.post(post)}}}}]}}}}
  db: {{kind: database, cpu: 64, queries: {{post: {{read: post, cpu: 1ms}}}}}}
"
        );
        let model = model(&text);
        let forecast = forecast(&model, &CallGraph::of(&model));
        let db = forecast.rows.iter().find(|row| row.component == "db").unwrap();
        let warm = 1.0 - db.warm.unwrap().1 / db.peak;
        assert!((warm - hit).abs() < 0.006, "{data}, {cache}: {warm} for {hit}");
    }
}

#[test]
fn mistakes_are_explained() {
    let wrong = |cache: &str, cached: &str| {
        let text = one_row("duration: 1m", cache, "", cached);
        read(&text).expect_err(cached)
    };
    assert!(wrong("", "in: redis, refresh_ahead: 5s").contains("`refresh_ahead` is about the end of `ttl`"));
    assert!(wrong("", "in: redis, early: 1").contains("`early` is about the end of `ttl`"));
    assert!(wrong("", "in: redis, ttl: 5s, refresh_ahead: 5s").contains("fetched anew at each hit"));
    assert!(wrong("", "in: redis, ttl: 5s, early: 5000").contains("`early` lies between 0 and 1000"));
    assert!(wrong("", "in: redis, ttl: 5s, guard: lease").contains("guard"));
    assert!(wrong(", change_feed: {user: {delay: 1s}}", "in: redis").contains("user"));
    assert!(wrong(", change_feed: {post: {lost: 120%}}", "in: redis").contains("120"));
    assert!(wrong(", read_through: {post: db.nothing(post)}", "in: redis").contains("nothing"));
    let text = one_row("duration: 1m", "", "", "in: redis")
        .replace("miss: [{sleep: 100ms}, {query: db.post(post)}], ", "");
    assert!(read(&text).unwrap_err().contains("nothing says how a `post` is fetched"));
}
