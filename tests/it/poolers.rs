//! Poolers: few connections to a database, lent to many clients.

use super::model::{during, read, run};

/// `instances` of a service with pools of `size` towards a pooler, and a database behind it.
fn scenario(run: &str, rate: &str, (instances, size): (u32, u32), pooler: &str, more: &str) -> String {
    format!(
        "
scenario: poolers
run: {{{run}}}
clients: {{web: {{rate: {rate}, mix: {{GET /: 1}}, to: app, timeout: 10s}}}}
data: {{item: {{rows: 50}}}}
components:
  app:
    kind: service
    instances: {instances}
    cpu: 64
    pools: {{bouncer: {{size: {size}, wait: 30s}}}}
    endpoints:
      GET /: [query: bouncer.get(item)]
  bouncer:
    kind: pooler
    to: db
    {pooler}
  db:
    kind: database
    cpu: 64
    max_connections: 100
    queries:
      get: {{read: item, cpu: exp(20ms)}}
{more}
"
    )
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

const SHORT: &str = "duration: 120s, warmup: 10s, replications: 4, seed: 5";

#[test]
fn a_pool_is_m_m_c_with_as_many_servers_as_connections() {
    // 160 statements a second of 20 ms on average over 4 connections: M/M/4 at 0.8, P(wait) 0.5964 and
    // W/S 1.7455, so 14.91 ms of waiting; the cores are never the limit.
    let pooler = "mode: transaction\n    pool: {size: 4}";
    let text =
        scenario("duration: 600s, warmup: 20s, replications: 6, seed: 5", "160 rps", (1, 1000), pooler, "");
    let runs = run(&text);
    let wait = mean(&runs.each("bouncer.pool(db).wait"));
    assert!((wait - 0.01491).abs() < 0.0009, "{wait}");
    let busy = mean(&runs.each("bouncer.pool(db).utilisation"));
    assert!((busy - 0.8).abs() < 0.01, "{busy}");
    assert!((mean(&runs.each("mean")) - 0.03491).abs() < 0.0009);
    // The service's own pool is of the same kind: the same arithmetic in the same place.
    let own = text
        .replace("pools: {bouncer: {size: 1000, wait: 30s}}", "pools: {db: {size: 4}}")
        .replace("bouncer.get", "db.get")
        .replace(
            "  bouncer:\n    kind: pooler\n    to: db\n    mode: transaction\n    pool: {size: 4}\n",
            "",
        );
    let direct = mean(&run(&own).each("app.pool(db).wait"));
    assert!((direct - wait).abs() < 1e-9, "{direct} and {wait}: a pooler changes nobody's service times");
}

#[test]
fn sessions_exhaust_what_transactions_survive() {
    // Thirty instances of ten statements a second, each 20 ms: six at a time, over 20 server connections.
    let by = |mode: &str| {
        let pooler = format!("mode: {mode}\n    pool: {{size: 20, wait: 2s}}");
        let text = scenario(SHORT, "300 rps", (30, 4), &pooler, "");
        during(
            &text,
            &[
                (60.0, 110.0, "goodput"),
                (60.0, 110.0, "bouncer.pool(db).queue"),
                (60.0, 110.0, "db.connections"),
                (60.0, 110.0, "db.cpu"),
            ],
        )
    };
    let transactions = by("transaction");
    assert!((transactions[0] - 300.0).abs() < 5.0 && transactions[1] < 0.1, "{transactions:?}");
    let sessions = by("session");
    // The first twenty connections keep their sessions: the other instances wait two seconds and are thrown out.
    assert!(sessions[0] < 0.75 * transactions[0] && sessions[1] > 10.0, "{sessions:?}");
    assert!(
        (sessions[2] - 20.0).abs() < 0.5 && sessions[3] < 0.15,
        "idle cores, no connections: {sessions:?}"
    );
}

#[test]
fn a_session_ends_with_its_connection() {
    // Without pools each statement opens a connection of its own: sessions last for a statement, and both
    // modes are the same.
    let by = |mode: &str| {
        let pooler = format!("mode: {mode}\n    pool: {{size: 4}}");
        let text = scenario(SHORT, "160 rps", (1, 1), &pooler, "");
        let text = text.replace("    pools: {bouncer: {size: 1, wait: 30s}}\n", "");
        let runs = run(&text);
        ["bouncer.pool(db).wait", "bouncer.pool(db).utilisation", "p99"].map(|m| runs.each(m))
    };
    assert_eq!(by("session"), by("transaction"));
}

#[test]
fn the_reserve_opens_for_whoever_has_waited_long() {
    for mode in ["session", "transaction"] {
        let by = |reserve: u32| {
            let pooler =
                format!("mode: {mode}\n    pool: {{size: 4, reserve: {reserve}, reserve_after: 100ms}}");
            let text = scenario(SHORT, "250 rps", (1, 1), &pooler, "");
            let text = text.replace("    pools: {bouncer: {size: 1, wait: 30s}}\n", "");
            mean(&run(&text).each("goodput"))
        };
        // 4 connections carry 200 a second, 8 carry all.
        let (without, with) = (by(0), by(4));
        assert!(without < 205.0 && (with - 250.0).abs() < 5.0, "{mode}: {without} {with}");
    }
}

#[test]
fn each_service_is_a_user_with_pools_of_its_own() {
    let pooler = "mode: transaction\n    pool: {size: 4}";
    let other = "  other:
    kind: service
    cpu: 64
    endpoints: {GET /: [query: bouncer.get(item)]}
";
    let text = scenario(SHORT, "120 rps", (1, 100), pooler, other)
        .replace("clients: {", "clients: {busy: {rate: 1k rps, mix: {GET /: 1}, to: other, timeout: 1s}, ");
    let runs = run(&text);
    // Ten times what its four connections carry: the other service does not notice.
    assert!(mean(&runs.each("app.pool(bouncer).wait")) < 0.001);
    let mine = during(&text, &[(20.0, 110.0, "app.in_flight")])[0];
    // M/M/4 at 0.6: 120 x (20 ms + 4.78 ms / ... ) = 2.4 + 0.43 in the system.
    assert!((mine - 2.83).abs() < 0.15, "{mine}");
}

#[test]
fn a_pooler_has_one_core_and_a_limit_of_clients() {
    // 0.5 ms for each statement: 2000 a second is all of one core.
    let pooler = "mode: transaction\n    cost: 0.5ms\n    max_connections: 50\n    pool: {size: 60}";
    let text = scenario(SHORT, "1500 rps", (1, 50), pooler, "");
    let cpu = mean(&run(&text).each("bouncer.cpu"));
    assert!((cpu - 0.75).abs() < 0.02, "{cpu}");
    // A second instance of the service opens connections beyond what is accepted.
    let text = scenario(SHORT, "3500 rps", (2, 50), pooler, "");
    let runs = run(&text);
    assert!(
        mean(&runs.each("errors.from.bouncer")) > 0.01 && mean(&runs.each("bouncer.connections")) <= 50.0
    );
}

const FAILOVER: &str = "faults: [{at: 40s, kill: db.primary}]";

#[test]
fn a_pooler_that_holds_statements_hides_a_failover() {
    let by = |hold: &str, mode: &str, size: u32| {
        let pooler = format!("mode: {mode}\n    pool: {{size: 20}}\n    {hold}");
        let text = scenario(SHORT, "300 rps", (2, size), &pooler, FAILOVER).replace(
            "    max_connections: 100\n",
            "    replicas: {count: 1, route: primary}\n    failover: {detect: 2s, promote: 3s}\n",
        );
        let runs = run(&text);
        let failed: f64 = 1.0 - mean(&runs.each("availability"));
        // The storm comes through the pool: as many connections as it has.
        let storm = during(&text, &[(45.0, 50.0, "db.replica[0].cpu"), (100.0, 110.0, "goodput")]);
        (failed * 300.0 * 110.0, storm)
    };
    let (failed, _) = by("", "transaction", 40);
    assert!((failed - 1500.0).abs() < 100.0, "five seconds of 300: {failed}");
    for (mode, size) in [("transaction", 2000), ("session", 10)] {
        let (failed, storm) = by("hold: {requests: 5000, for: 8s}", mode, size);
        assert!(failed < 30.0, "{mode}: {failed}");
        assert!(storm[0] > 0.12 && (storm[1] - 300.0).abs() < 10.0, "{mode}: {storm:?}");
    }
    // Too short a patience, or too little room.
    let (failed, _) = by("hold: {requests: 5000, for: 1s}", "transaction", 2000);
    assert!((failed - 1200.0).abs() < 150.0, "{failed}");
    let (failed, _) = by("hold: {requests: 100, for: 8s}", "transaction", 2000);
    assert!((failed - 1400.0).abs() < 100.0, "{failed}");
}

#[test]
fn a_pooler_passes_writes_and_new_rows_on() {
    let text = scenario(SHORT, "100 rps", (2, 10), "mode: transaction", "")
        .replace(
            "GET /: [query: bouncer.get(item)]",
            "GET /: [query: bouncer.put(new), query: bouncer.get(item)]",
        )
        .replace("      get: {", "      put: {write: item, cpu: 1ms}\n      get: {")
        .replace(
            "    max_connections: 100\n",
            "    replicas: {count: 1, apply: {cost: 2ms}, route: wait_for_position}\n",
        )
        .replace("clients: {web: {", "clients: {web: {sessions_of: item, ");
    let runs = run(&text);
    assert!(mean(&runs.each("availability")) > 0.999);
    assert_eq!(runs.each("stale_reads(item)").iter().sum::<f64>(), 0.0);
    // Every fresh row is written at the primary, and read back at the replica once it is there.
    assert!(mean(&runs.each("db.primary.cpu")) > 0.001 && mean(&runs.each("db.replica.cpu")) > 0.03);
    let turn = text.replace("wait_for_position", "round_robin").replace("put(new)", "put(item)");
    assert!(mean(&run(&turn).each("stale_reads(item)")) > 0.5);
}

#[test]
fn a_killed_pooler_starts_with_nothing_lent() {
    let pooler = "mode: session\n    pool: {size: 40}";
    let text =
        scenario(SHORT, "300 rps", (2, 20), pooler, "faults: [{at: 40s, kill: bouncer, restart_after: 2s}]");
    let values = during(&text, &[(60.0, 110.0, "goodput"), (60.0, 110.0, "bouncer.pool(db).queue")]);
    assert!((values[0] - 300.0).abs() < 8.0 && values[1] < 0.01, "{values:?}");
}

#[test]
fn a_session_is_with_one_server() {
    let text = scenario(SHORT, "300 rps", (2, 20), "mode: session", "")
        .replace("    max_connections: 100\n", "    replicas: {count: 1}\n");
    let mistakes = read(&text).unwrap_err();
    assert!(mistakes.contains("a session is with one server"), "{mistakes}");
}

/// Two statements with 100 ms between them, through a pooler with so many server connections.
fn in_between(rate: &str, mode: &str, size: u32, steps: &str) -> String {
    format!(
        "
scenario: in-between
run: {{duration: 100s, warmup: 10s, replications: 1, seed: 3}}
clients: {{web: {{rate: {rate}, mix: {{POST /: 1}}, timeout: 20s, to: app}}}}
data: {{user: {{rows: 1M}}, item: {{rows: 1}}}}
components:
  app:
    kind: service
    pools: {{bouncer: {{size: 400}}}}
    endpoints:
      POST /: [{steps}]
  bouncer: {{kind: pooler, to: db, mode: {mode}, pool: {{size: {size}}}}}
  db:
    kind: database
    cpu: 100
    commit: 1ms
    deadlock_timeout: 0s
    queries:
      look: {{read: user, cpu: 10ms}}
      user: {{write: user, lock: user, cpu: 10ms}}
      item: {{write: item, lock: item, cpu: 10ms}}
"
    )
}

const TWO: &str = "{query: bouncer.look(user)}, {sleep: 100ms}, {query: bouncer.user(user)}";

fn in_a_transaction(steps: &str) -> String {
    format!("{{transaction: {{in: db, steps: [{steps}]}}}}")
}

#[test]
fn a_transaction_keeps_its_server_connection_to_the_commit() {
    // 10 + 100 + 10 + 1 ms, and half a flush of waiting at most: two connections pass 2/.121 = 16.5 a second.
    let busy = run(&in_between("40/s", "transaction", 2, &in_a_transaction(TWO)));
    let commits = mean(&busy.each("commits")) / 90.0;
    assert!((commits - 2.0 / 0.121).abs() < 0.4, "{commits}");
    assert!(mean(&busy.each("bouncer.pool(db).utilisation")) > 0.99);
    // Each statement by itself gives it back at once: 40 x 21 ms of two.
    let free = run(&in_between("40/s", "transaction", 2, TWO));
    let held = mean(&free.each("bouncer.pool(db).utilisation"));
    assert!((held - 40.0 * 0.021 / 2.0).abs() < 0.03, "{held}");
    assert_eq!(mean(&free.each("availability")), 1.0);
    // With room, every transaction is committed, and its connections come back.
    let calm = run(&in_between("5/s", "transaction", 2, &in_a_transaction(TWO)));
    assert_eq!(mean(&calm.each("availability")), 1.0);
    let held = mean(&calm.each("bouncer.pool(db).utilisation"));
    assert!((held - 5.0 * 0.121 / 2.0).abs() < 0.04, "{held}");
    // A session has one anyway, as long as its client's connection is there.
    let session = run(&in_between("40/s", "session", 400, &in_a_transaction(TWO)));
    assert_eq!(mean(&session.each("availability")), 1.0);
    let commits = mean(&session.each("commits")) / 90.0;
    assert!((commits - 40.0).abs() < 2.5, "{commits}");
}

#[test]
fn a_pooler_changes_nothing_of_what_a_transaction_locks() {
    // One row, held from its statement over a pause to the commit: 1/(10 + 50 + 1 ms) a second.
    let steps = "{query: bouncer.item(item)}, {sleep: 50ms}";
    let through = in_between("40/s", "transaction", 50, &in_a_transaction(steps));
    let direct = through.replace("bouncer.item", "db.item").replace("pools: {bouncer", "pools: {db");
    for text in [&through, &direct] {
        let seen = mean(&run(text).each("commits")) / 90.0;
        assert!((seen - 1.0 / 0.061).abs() < 0.6, "{seen}");
    }
    // Without the transaction the row is free before the pause.
    let alone = run(&in_between("40/s", "transaction", 50, steps));
    assert_eq!(mean(&alone.each("availability")), 1.0);
}

#[test]
fn what_fails_in_a_transaction_gives_its_server_connection_back() {
    // Rows of two orders; whoever closes the circle is rolled back, through the pooler as well.
    let one = in_a_transaction("{query: bouncer.item(item)}, {sleep: 20ms}, {query: bouncer.user(user)}");
    let other = in_a_transaction("{query: bouncer.user(user)}, {sleep: 20ms}, {query: bouncer.item(item)}");
    let both = format!("{{if: {{p: 50%, then: [{one}], else: [{other}]}}}}");
    let text = in_between("10/s", "transaction", 20, &both).replace("rows: 1M", "rows: 1");
    let runs = run(&text);
    let (deadlocks, rollbacks) = (mean(&runs.each("deadlocks")), mean(&runs.each("rollbacks")));
    assert!(deadlocks > 10.0, "{deadlocks}");
    assert_eq!(deadlocks, rollbacks);
    // What waits for rows is all that holds connections: none is lost in a hundred seconds.
    let seen = during(&text, &[(90.0, 100.0, "bouncer.pool(db).utilisation"), (0.0, 100.0, "unfinished")]);
    assert!(seen[0] < 0.6 && seen[1] < 0.02, "{seen:?}");
    // A client that leaves in the middle takes nothing with it either: the pause goes on, and so does the rest.
    let impatient =
        in_between("10/s", "transaction", 4, &in_a_transaction(TWO)).replace("20s, to", "60ms, to");
    let seen = during(&impatient, &[(50.0, 100.0, "bouncer.pool(db).utilisation"), (0.0, 100.0, "timeouts")]);
    assert!(seen[0] < 0.6 && seen[1] > 0.9, "{seen:?}");
}

#[test]
fn a_transaction_asks_one_place() {
    let mixed = in_between(
        "1/s",
        "transaction",
        4,
        &in_a_transaction("{query: bouncer.look(user)}, {query: db.user(user)}"),
    );
    let said = read(&mixed).err().unwrap_or_default();
    assert!(said.contains("asks `bouncer`, another `db`"), "{said}");
}
