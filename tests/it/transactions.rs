//! Transactions: how long they hold their rows, when they wait for each other for ever, what two phases cost, and
//! what a saga shows to others.

use super::model::{Runs, during, read, run};

fn mean(runs: &Runs, metric: &str) -> f64 {
    let values = runs.each(metric);
    values.iter().sum::<f64>() / values.len() as f64
}

/// Two kinds of requests, each with its steps, at a database without any cost but that of its statements.
fn scenario(plan: &str, rate: &str, one: &str, two: &str, database: &str) -> String {
    format!(
        "
scenario: transactions
run: {{{plan}}}
clients: {{web: {{rate: {rate}, mix: {{POST /one: 1, POST /two: 1}}, timeout: 20s, to: app}}}}
data: {{user: {{rows: 1}}, item: {{rows: 1}}, other: {{rows: 1M}}}}
components:
  app:
    kind: service
    endpoints:
      POST /one: [{one}]
      POST /two: [{two}]
  db:
    kind: database
    cpu: 100
    {database}
    queries:
      user: {{write: user, lock: user, cpu: 10ms}}
      item: {{write: item, lock: item, cpu: 10ms}}
      look: {{read: user, cpu: 1ms}}
"
    )
}

fn transaction(first: &str, second: &str, more: &str) -> String {
    format!(
        "{{transaction: {{in: db{more}, steps: [{{query: db.{first}({first})}}, {{query: db.{second}({second})}}]}}}}"
    )
}

const PLAN: &str = "duration: 100s, warmup: 0s, replications: 2, seed: 3";
const LONG: &str = "duration: 2000s, warmup: 0s, replications: 2, seed: 3";

#[test]
fn two_orders_deadlock_and_one_order_never_does() {
    let (there, back) = (transaction("user", "item", ""), transaction("item", "user", ""));
    let opposite = run(&scenario(LONG, "1/s", &there, &back, ""));
    let same = run(&scenario(LONG, "1/s", &there, &there, ""));
    assert!(mean(&opposite, "deadlocks") > 5.0, "{}", mean(&opposite, "deadlocks"));
    assert_eq!(mean(&same, "deadlocks"), 0.0);
    assert_eq!(mean(&same, "rollbacks"), 0.0);
    // Each deadlock is one error, and one transaction rolled back; all others are committed.
    assert_eq!(mean(&opposite, "deadlocks"), mean(&opposite, "rollbacks"));
    let sent = mean(&opposite, "offered") * 2000.0;
    let (commits, rollbacks) = (mean(&opposite, "commits"), mean(&opposite, "rollbacks"));
    assert!((commits + rollbacks - sent).abs() <= 3.0, "{commits} {rollbacks} {sent}");
    // Whoever waits for a row that deadlocked ones hold waits for `deadlock_timeout`.
    assert!(mean(&opposite, "max") > 1.0 && mean(&same, "max") < 0.5);
    // Beginning anew mends it for the caller.
    let again = ", attempts: 5, backoff: 10ms..100ms";
    let (there, back) = (transaction("user", "item", again), transaction("item", "user", again));
    let patient = run(&scenario(PLAN, "5/s", &there, &back, "deadlock_timeout: 0s"));
    assert!(mean(&patient, "deadlocks") > 5.0);
    assert!(mean(&patient, "availability") > 0.999, "{}", mean(&patient, "availability"));
    assert!(mean(&patient, "max") < 0.9, "{}", mean(&patient, "max"));
}

#[test]
fn deadlocks_come_as_often_as_two_overlap() {
    // Poisson streams of a/2 each way; each holds its first row for s = 10 ms before it asks for the second. Of a
    // pair of opposite ones that begin within s of each other, both have a row and want the other's, if no third
    // is there: 2 (a/2)^2 s per second to the first order.
    let (there, back) = (transaction("user", "item", ""), transaction("item", "user", ""));
    let plan = "duration: 20000s, warmup: 0s, replications: 2, seed: 5";
    let runs = run(&scenario(plan, "1/s", &there, &back, "deadlock_timeout: 0s"));
    let seen = mean(&runs, "deadlocks") / 20_000.0;
    let expected = 2.0 * 0.25 * 0.010;
    assert!((seen / expected - 1.0).abs() < 0.2, "{seen} for {expected}");
}

#[test]
fn a_row_is_held_from_its_statement_to_the_commit() {
    // 10 ms of its statement, 100 ms of something else, 5 ms of the commit: the row serves 1/0.115 a second.
    let steps = "{transaction: {in: db, steps: [{query: db.user(user)}, {sleep: 100ms}]}}";
    let plan = "duration: 200s, warmup: 20s, replications: 1, seed: 3";
    let busy = run(&scenario(plan, "20/s", steps, steps, "commit: 5ms"));
    let seen = mean(&busy, "throughput");
    // Those who have waited for 20 s leave; the row goes on.
    assert!(
        (mean(&busy, "commits") / 180.0 - 1.0 / 0.115).abs() < 0.15,
        "{}",
        mean(&busy, "commits") / 180.0
    );
    assert!(seen > 5.0, "{seen}");
    // Without a transaction the row is free before the sleep: 1/0.015 a second.
    let alone = "{query: db.user(user)}, {sleep: 100ms}";
    let free = run(&scenario(plan, "20/s", alone, alone, "commit: 5ms"));
    assert!(mean(&free, "availability") == 1.0 && mean(&free, "p99") < 0.25);
}

#[test]
fn a_pool_of_connections_is_held_as_well() {
    // Two connections, each for 10 + 100 ms: 18.2 a second and no more, whatever the cores do.
    let steps = "{transaction: {in: db, steps: [{query: db.look(other)}, {sleep: 100ms}]}}";
    let text = scenario("duration: 100s, warmup: 10s, replications: 1", "40/s", steps, steps, "")
        .replace("kind: service", "kind: service\n    pools: {db: {size: 2}}")
        .replace("cpu: 1ms}", "cpu: 10ms}");
    let runs = run(&text);
    let seen = mean(&runs, "commits") / 90.0;
    assert!((seen - 2.0 / 0.110).abs() < 0.4, "{seen}");
    assert!(mean(&runs, "app.pool(db).utilisation") > 0.99);
    assert!(mean(&runs, "db.cpu") < 0.01);
    // And they come back: an idle pool at the end of a quiet run.
    let calm = run(&text.replace("rate: 40/s", "rate: 5/s"));
    assert!((mean(&calm, "app.pool(db).utilisation") - 5.0 * 0.110 / 2.0).abs() < 0.03);
}

#[test]
fn a_lock_timeout_ends_the_transaction_and_gives_its_rows_back() {
    let long = "{transaction: {in: db, steps: [{query: db.user(user)}, {sleep: 400ms}]}}";
    let short = "{transaction: {in: db, steps: [{query: db.item(item)}, {query: db.user(user)}]}}";
    let runs = run(&scenario(PLAN, "2/s", long, short, "lock_timeout: 100ms"));
    assert!(mean(&runs, "errors.503") > 0.1);
    assert_eq!(mean(&runs, "deadlocks"), 0.0);
    let sent = mean(&runs, "offered") * 100.0;
    assert!((mean(&runs, "commits") + mean(&runs, "rollbacks") - sent).abs() < 4.0);
    assert!(mean(&runs, "max") < 1.1);
}

/// A transfer between a user's row and a shop's: by hash, on the same shard or on two.
fn transfers(plan: &str, rate: &str, rows: &str, shards: &str, more: &str) -> String {
    format!(
        "
scenario: transfers
run: {{{plan}}}
clients: {{web: {{rate: {rate}, mix: {{POST /: 1}}, timeout: 100s, to: app}}}}
data:
  user: {{rows: {rows}}}
  shop: {{rows: {rows}}}
components:
  app:
    kind: service
    endpoints:
      POST /: [{{transaction: {{in: db, steps: [{{query: db.debit(user)}}, {{query: db.credit(shop)}}]}}}}]
  db:
    kind: database
    cpu: 1000
    commit: 4ms
    shards: {{by: [user, shop], {shards}}}
    queries:
      debit: {{write: user, lock: user, cpu: 1ms}}
      credit: {{write: shop, lock: shop, cpu: 1ms}}
{more}
"
    )
}

#[test]
fn two_phases_take_two_round_trips_and_two_more_flushes() {
    let plan = "duration: 2000s, warmup: 1s, replications: 1";
    let seen = |shards: &str, metric: &str| mean(&run(&transfers(plan, "5/s", "1M", shards, "")), metric);
    // 1 + 1 + 4 ms at one shard.
    assert!((seen("count: 1", "mean") - 0.006).abs() < 0.0002);
    // At one of four by chance; else prepare there and back, the decision, commit there and back: 2 x 10 + 3 x 4 ms.
    let expected = 0.002 + 0.25 * 0.004 + 0.75 * (2.0 * 0.010 + 3.0 * 0.004);
    let two = seen("count: 4, round_trip: 10ms", "mean");
    assert!((two / expected - 1.0).abs() < 0.03, "{two} for {expected}");
    // One after the other: a flush each, and the way to the second.
    let expected = 0.002 + 0.25 * 0.004 + 0.75 * (0.010 + 2.0 * 0.004);
    let multi = seen("count: 4, round_trip: 10ms, cross_shard: best_effort", "mean");
    assert!((multi / expected - 1.0).abs() < 0.03, "{multi} for {expected}");
}

#[test]
fn rows_are_locked_through_both_phases() {
    // One user's row on the first shard, which coordinates, and (nearly always) one shop's on the second; more
    // is asked for than the rows can bear. The shop's row is held for 1 ms of its statement, then 10 + 4 ms until
    // the votes are there, 4 of the decision, 5 on the way and 4 of its commit: 28 ms. The user's row is free 5 ms
    // earlier, which leaves just time for the next one's statement. One after the other: 1 + 4 + (5 + 4) ms.
    let text = |more: &str| {
        let ranges = format!("how: range, bounds: [1], round_trip: 10ms{more}");
        transfers("duration: 100s, warmup: 10s, replications: 1", "90/s", "1", &ranges, "")
            .replace("shop: {rows: 1}", "shop: {rows: 2, hot: newest, zipf: 10}")
    };
    for (more, hold) in [("", 0.028), (", cross_shard: best_effort", 0.014)] {
        let seen = 90.0 / mean(&run(&text(more)), "commits");
        assert!((seen / hold - 1.0).abs() < 0.02, "{more}: {seen} for {hold}");
    }
}

#[test]
fn a_shard_that_is_lost_aborts_and_a_coordinator_leaves_doubt() {
    let faults = |shard: u32| format!("faults: [{{at: 20s, kill: \"db.shard[{shard}]\", for: 10s}}]");
    let plan = "duration: 60s, warmup: 0s, replications: 1";
    for best_effort in [false, true] {
        let how = if best_effort { ", cross_shard: best_effort" } else { "" };
        let text = transfers(plan, "200/s", "1M", &format!("count: 2, round_trip: 10ms{how}"), &faults(1));
        let runs = run(&text);
        let (commits, sent) = (mean(&runs, "commits"), mean(&runs, "offered") * 60.0);
        assert!(commits < 0.95 * sent && commits > 0.75 * sent, "{commits} of {sent}");
        // Two phases leave nothing half done, and doubt until the coordinator is back; one after the other the reverse.
        let (half, doubt) = (mean(&runs, "half_commits"), mean(&runs, "db.in_doubt"));
        if best_effort {
            assert!(half > 0.0 && doubt == 0.0, "{half} {doubt}");
        } else {
            assert!(half == 0.0 && (9.0..11.0).contains(&doubt), "{half} {doubt}");
        }
        // Everybody is well again afterwards: no lock is left behind.
        let after = during(&text, &[(40.0, 60.0, "availability"), (40.0, 60.0, "max")]);
        assert!(after[0] > 0.999 && after[1] < 0.2, "{after:?}");
    }
}

#[test]
fn a_circle_across_shards_ends_by_looking_everywhere_or_by_a_timeout() {
    let text = |more: &str| {
        format!(
            "
scenario: circle
run: {{duration: 500s, warmup: 0s, replications: 1, seed: 2}}
clients: {{web: {{rate: 2/s, mix: {{POST /one: 1, POST /two: 1}}, timeout: 100s, to: app}}}}
data: {{user: {{rows: 1}}, shop: {{rows: 2, hot: newest, zipf: 10}}}}
components:
  app:
    kind: service
    endpoints:
      POST /one: [{{transaction: {{in: db, steps: [{{query: db.user(user)}}, {{query: db.shop(shop)}}]}}}}]
      POST /two: [{{transaction: {{in: db, steps: [{{query: db.shop(shop)}}, {{query: db.user(user)}}]}}}}]
  db:
    kind: database
    cpu: 100
    lock_timeout: 5s
    shards: {{by: [user, shop], how: range, bounds: [1]{more}}}
    queries:
      user: {{write: user, lock: user, cpu: 20ms}}
      shop: {{write: shop, lock: shop, cpu: 20ms}}
"
        )
    };
    // The two rows lie on two shards: neither sees the circle, and both wait for their lock's timeout.
    let local = run(&text(""));
    assert_eq!(mean(&local, "deadlocks"), 0.0);
    assert!(mean(&local, "rollbacks") > 5.0 && mean(&local, "max") > 4.0);
    let global = run(&text(", deadlocks: global"));
    assert!(mean(&global, "deadlocks") > 5.0, "{}", mean(&global, "deadlocks"));
}

#[test]
fn a_saga_is_undone_and_seen_half_done() {
    let text = |fails: &str| {
        format!(
            "
scenario: saga
run: {{duration: 100s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: 10/s, mix: {{POST /: 1}}, to: app}}, other: {{rate: 10/s, mix: {{GET /: 1}}, to: app}}}}
data: {{user: {{rows: 1}}}}
components:
  app:
    kind: service
    endpoints:
      POST /:
        - saga:
            - {{steps: [{{query: db.put(user)}}], undo: [{{query: db.put(user)}}]}}
            - {{steps: [{{sleep: 30ms}}, {{if: {{p: {fails}, then: [{{call: {{to: down, endpoint: GET /}}}}]}}}}]}}
      GET /: [{{query: db.get(user)}}]
  down: {{kind: service, endpoints: {{GET /: [{{reply: 500}}]}}}}
  db:
    kind: database
    cpu: 100
    queries:
      put: {{write: user, lock: user, cpu: 1ms}}
      get: {{read: user, cpu: 1ms}}
"
        )
    };
    let runs = run(&text("20%"));
    let (failed, sent) = (mean(&runs, "compensations"), 1000.0);
    assert!((failed / sent - 0.2).abs() < 0.04, "{failed}");
    assert_eq!(mean(&runs, "left_half_done"), 0.0);
    // A read begins within 30 ms of a first step (some ms more where it is undone), of ten sagas a second.
    let seen = mean(&runs, "seen_half_done") / 1000.0;
    let expected = 1.0 - f64::exp(-10.0 * 0.0302);
    assert!((seen - expected).abs() < 0.04, "{seen} for {expected}");
    let fine = run(&text("0%"));
    assert!(mean(&fine, "compensations") == 0.0 && mean(&fine, "availability") == 1.0);
}

#[test]
fn what_is_wrong_with_transactions_is_said() {
    let with = |steps: &str| {
        let text = scenario("duration: 10s", "1 rps", steps, steps, "");
        read(&text).err().unwrap_or_default()
    };
    for (steps, says) in [
        ("{transaction: {steps: [{query: db.user(user)}]}}", "`in` is missing"),
        ("{transaction: {in: db}}", "`steps` is missing"),
        ("{transaction: {in: app, steps: [{query: db.user(user)}]}}", "is no database"),
        ("{transaction: {in: db, steps: [{reply: 200}]}}", "`reply` stands inside a transaction"),
        ("{transaction: {in: db, steps: [{parallel: {steps: [[{cpu: 1ms}]]}}]}}", "`parallel` stands"),
        (
            "{transaction: {in: db, steps: [{transaction: {in: db, steps: [{cpu: 1ms}]}}]}}",
            "a transaction stands",
        ),
        (
            "{transaction: {in: db, steps: [{query: db.user(user), retry: {attempts: 2}}]}}",
            "repeated or copied",
        ),
        ("{transaction: {in: db, backoff: 1s..10ms, steps: [{cpu: 1ms}]}}", "longer than the longest"),
        ("{transaction: {in: db, attempts: 0, steps: [{cpu: 1ms}]}}", "between 1 and 100"),
        ("{saga: [{undo: [{cpu: 1ms}]}]}", "`steps` is missing"),
    ] {
        let seen = with(steps);
        assert!(seen.contains(says), "{steps}: {seen}");
    }
}

#[test]
fn runs_are_the_same_again_and_calls_are_conserved() {
    let (there, back) = (transaction("user", "item", ""), transaction("item", "user", ""));
    let text = scenario("duration: 60s, warmup: 0s, replications: 1", "20/s", &there, &back, "");
    let (one, two) = (run(&text), run(&text));
    for metric in ["commits", "deadlocks", "mean", "p99", "goodput"] {
        assert_eq!(one.each(metric), two.each(metric), "{metric}");
    }
    let _ = during(&text, &[(0.0, 60.0, "commits")]);
}
