//! What a design costs: by hand, item by item; and how fast error budgets are spent.

use crate::model::{during, model, read, run, value};
use surgesim::experiment::aggregate::aggregate;
use surgesim::metrics::MetricValue;

/// A price list's item in one replication: how much there was of it, and money per hour.
fn item(text: &str, component: Option<&str>, what: &str) -> (f64, f64) {
    let runs = run(text);
    let records: Vec<_> = runs.replications.into_iter().map(|r| r.record).collect();
    let bill = aggregate("base", &runs.catalog, &records).bill;
    let row = bill.iter().find(|row| row.component.as_deref() == component && row.what == what);
    let row = row.unwrap_or_else(|| panic!("no {what} in {bill:?}"));
    (row.quantity, row.per_hour)
}

/// Ten requests a second, on the dot, through a balancer to two instances in two zones, with a database in one.
fn shop(prices: &str) -> String {
    format!(
        "
scenario: shop
run: {{duration: 100s, replications: 1}}
clients: {{web: {{rate: 10/s, arrivals: deterministic, mix: {{GET /a: 1}}, to: lb}}}}
data: {{item: {{rows: 1M, size: 1KB}}}}
components:
  lb: {{kind: load_balancer, to: app, zones: [a]}}
  app:
    kind: service
    instances: 2
    zones: [a, b]
    cpu: 4
    endpoints: {{GET /a: [{{query: db.get(item)}}, {{query: db.put(item)}}, {{reply: 10KB}}]}}
  db:
    kind: database
    cpu: 8
    zones: [a]
    replicas: {{count: 1, cpu: 2, zones: [a], route: primary}}
    queries: {{get: {{read: item, cpu: 1us}}, put: {{write: item, cpu: 1us}}}}
prices: {prices}
"
    )
}

#[test]
fn each_item_is_what_there_was_of_it_times_its_price() {
    let near = |found: f64, wanted: f64, what: &str| {
        assert!((found / wanted - 1.0).abs() < 0.005, "{what}: {found}, not {wanted}");
    };
    let all = "{app: {instance: $1/h, vcpu: $0.50/h, requests: $1/1k}, db: {vcpu: $1/h, storage: $7.30/GB/month, \
               reads: $1/1k, writes: $2/1k}, lb: {capacity_unit: $1/h}, egress: $10/GB, cross_zone: $10/GB, same_zone: $1/GB}";
    let all = shop(all);
    let all = all.as_str();
    for (component, what, quantity, money) in [
        (Some("app"), "instances", 2.0, 2.0),
        (Some("app"), "cores", 8.0, 4.0),
        (Some("app"), "requests", 36_000.0, 36.0),
        // Eight cores of the primary, two of its replica; a gigabyte on each, at $7.30 / 730 h.
        (Some("db"), "cores", 10.0, 10.0),
        (Some("db"), "storage", 2e9, 0.02),
        (Some("db"), "reads", 36_000.0, 36.0),
        (Some("db"), "writes", 36_000.0, 72.0),
        // 10 requests x 10 KB/s leave the balancer, not the service behind it: 0.36 GB an hour, and no unit
        // asks more.
        (None, "egress", 3.6e8, 3.6),
        // Half of the answers come from the other zone, and so do half of the rows that are read and written:
        // (10 + 1 + 1) KB x 5/s, at both ends.
        (None, "across zones", 2.0 * 12_000.0 * 5.0 * 3600.0, 4.32),
        (None, "within zones", 12_000.0 * 5.0 * 3600.0, 0.216),
    ] {
        let (found, paid) = item(all, component, what);
        near(found, quantity, what);
        near(paid, money, what);
    }
    // Ten new connections a second are 0.4 units, more than 0.36 GB an hour.
    near(item(all, Some("lb"), "capacity units").0, 0.4, "capacity units");
    // The whole is the sum of its parts, and a part is asked for by name.
    let runs = run(all);
    let total = runs.each("cost")[0];
    let parts: f64 = ["app.cost", "db.cost", "lb.cost"].iter().map(|name| runs.each(name)[0]).sum();
    near(total - parts, 3.6 + 4.32 + 0.216, "traffic");
    near(runs.each("cost_per_million_good")[0], total / 36_000.0 * 1e6, "per million");
}

/// A balancer, a CDN or another service in front does not make the bytes to clients vanish, nor count them twice.
#[test]
fn what_stands_in_front_does_not_hide_what_leaves() {
    let behind = item(&shop("{egress: $1/GB}"), None, "egress").0;
    let text = shop("{egress: $1/GB}").replace("mix: {GET /a: 1}, to: lb", "mix: {GET /a: 1}, to: app");
    let direct = item(&text, None, "egress").0;
    assert!((direct / 3.6e8 - 1.0).abs() < 0.005, "{direct}");
    assert!((behind / direct - 1.0).abs() < 0.005, "{behind}, not {direct}");
    let cached = shop("{egress: $1/GB, cdn: {egress: $0.50/GB, requests: $1/10k}}")
        .replace("components:", "components:\n  cdn: {kind: cdn, to: lb, cache: {GET /a: {ttl: 1h}}}\n")
        .replace("mix: {GET /a: 1}, to: lb", "mix: {GET /a: 1}, to: cdn");
    // What a CDN sends it is paid for itself, and nothing else leaves.
    assert!((item(&cached, Some("cdn"), "egress").0 / direct - 1.0).abs() < 0.005);
    assert_eq!(item(&cached, None, "egress").0, 0.0);
    assert!((item(&cached, Some("cdn"), "requests").1 - 3.6).abs() < 0.02);
}

/// A shard that comes at 50 s is paid for from then on, and its members with it.
#[test]
fn shards_that_come_later_are_paid_for_from_then_on() {
    let text = "
scenario: grow
run: {duration: 100s, replications: 1}
clients: {web: {rate: 20/s, mix: {GET /a/{id}: 1}, to: app}}
data: {item: {rows: 1k, size: 1KB}}
components:
  app: {kind: service, endpoints: {GET /a/{id}: [{query: db.get(item)}]}}
  db:
    kind: database
    cpu: 2
    shards: {count: 2, by: item, how: hash, logical: 256, grow: {to: 4, at: 50s, copy: 20MB/s}}
    queries: {get: {read: item, cpu: 1ms}}
prices: {db: $1/h}
"
    .replace("mix: {GET /a/{id}: 1}", "mix: {\"GET /a/{id}\": 1}")
    .replace("endpoints: {GET /a/{id}:", "endpoints: {\"GET /a/{id}\":");
    let paid = during(&text, &[(0.0, 50.0, "cost"), (60.0, 100.0, "cost"), (0.0, 100.0, "cost")]);
    assert!(
        (paid[0] - 2.0).abs() < 1e-9 && (paid[1] - 4.0).abs() < 1e-9 && (paid[2] - 3.0).abs() < 0.05,
        "{paid:?}"
    );
}

/// A spike of a minute costs what is spent in that minute, and a list of placeholders says that it is one.
#[test]
fn a_spike_has_its_price_and_a_placeholder_says_so() {
    let text = "
scenario: spiky
run: {duration: 3m, replications: 1}
clients: {web: {rate: 10/s, spike: {at: 62.5s, peak: 4x, rise: 0s, hold: 60s, half_life: 1s}, mix: {GET /a: 1}, to: app}}
components: {app: {kind: service, cpu: 2, endpoints: {GET /a: [{reply: 1MB}]}}}
prices: {preset: public-cloud}
";
    let runs = run(text);
    let spike = runs.each("cost_per_spike")[0];
    // Two cores for a minute, and 40 MB a second.
    let wanted = 2.0 * 0.048 / 60.0 + 40e6 * 60.0 * 0.09e-9;
    assert!((spike / wanted - 1.0).abs() < 0.1, "{spike}, not {wanted}");
    let records: Vec<_> = runs.replications.into_iter().map(|r| r.record).collect();
    let bill = aggregate("base", &runs.catalog, &records).bill;
    assert!(!bill.is_empty() && bill.iter().all(|row| row.unverified), "{bill:?}");
    // The user's own price takes the place of the list's.
    let own =
        model(&text.replace("{preset: public-cloud}", "{preset: public-cloud, app: $1/h, egress: $1/GB}"));
    let found = surgesim::event_graph::catalog(&own).bill;
    assert!(
        found.iter().all(|item| item.charge.words().0 == "cross_zone" || !item.tariff.unverified),
        "{found:?}"
    );
}

#[test]
fn prices_that_do_not_fit_are_refused() {
    let refused = |prices: &str, part: &str| {
        let found = read(&shop(prices)).expect_err(prices);
        assert!(found.contains(part), "{prices}: {found}");
    };
    refused("{app: {instance: $1/GB}}", "priced per hour");
    refused("{app: {storage: $1/h}}", "`storage` is priced per size and time");
    refused("{app: {stroage: $1/GB/month}}", "did you mean `storage`");
    refused("{cross_zone: $1/h}", "`cross_zone` is priced per size");
    refused("{any sevrice: $1/h}", "did you mean `service`");
    refused("{preset: public-clod}", "did you mean `public-cloud`");
    refused("{app: {memory: $1/GB/day}}", "unit");
}

/// All answers fail from 10 min on, at a steady rate: 14.4 times a budget of 0.1 % over an hour is reached after
/// 14.4 x 0.1 % x 60 min = 51.84 s, at 1 % after 518.4 s; over three days at 1 % 43 min are not enough.
#[test]
fn an_alert_fires_when_a_budget_burns_so_fast_over_both_windows() {
    let text = "
scenario: burn
run: {duration: 30m, replications: 1}
clients: {web: {rate: 10/s, arrivals: deterministic, mix: {GET /a: 1}, to: app}}
components: {app: {kind: service, endpoints: {GET /a: [{sleep: 1ms}]}}}
faults: [{at: 10m, kill: app}]
";
    let runs = run(text);
    let near = |metric: &str, wanted: f64, off: f64| {
        let found = runs.each(metric)[0];
        assert!((found - wanted).abs() <= off, "{metric}: {found}, not {wanted}");
    };
    near("alert_at(99.9%)", 600.0 + 51.84, 1.5);
    near("alert_at(99%)", 600.0 + 518.4, 1.5);
    // 20 minutes of an hour, 5 of 5, 100 %.
    near("burn_rate(99.9%, 1h)", 1000.0 * 20.0 / 60.0, 1.0);
    near("burn_rate(99.9%, 5m)", 1000.0, 0.1);
    near("burn_rate(90%, 1h)", 10.0 / 3.0, 0.01);
    // 90 %: neither 1.44 times everything nor, over six hours, 20 min of 216 min.
    assert_eq!(value(&runs, 0, "alert_at(90%)"), MetricValue::Never);
    // Without an error there is nothing to burn.
    let well = run(&text.replace("faults: [{at: 10m, kill: app}]", ""));
    assert_eq!(well.each("burn_rate(99.9%, 1h)"), [0.0]);
    assert_eq!(value(&well, 0, "alert_at(99.9%)"), MetricValue::Never);
}

#[test]
fn a_queue_bills_each_send_receive_and_delete() {
    let text = |worker: &str| {
        format!(
            "
scenario: jobs
run: {{duration: 1000s, replications: 1}}
clients: {{web: {{rate: 10/s, arrivals: deterministic, mix: {{POST /: 1}}, to: api}}}}
components:
  api: {{kind: service, endpoints: {{POST /: [{{send: {{to: jobs}}}}, {{reply: 202}}]}}}}
  jobs: {{kind: queue{worker}
prices: {{jobs: {{requests: $1/1M}}}}
"
        )
    };
    let near =
        |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.005, "{found}, not {wanted}");
    let quick = "}\n  worker: {kind: worker, from: jobs, instances: 10, steps: [{sleep: 100ms}]}";
    let (count, money) = item(&text(quick), Some("jobs"), "requests");
    near(count, 3.0 * 36_000.0);
    near(money, 0.108);
    // A visibility of less than the work: each message is handed out twice and done twice, so two receives and two deletes.
    let slow =
        ", visibility: 150ms}\n  worker: {kind: worker, from: jobs, instances: 40, steps: [{sleep: 200ms}]}";
    let (count, _) = item(&text(slow), Some("jobs"), "requests");
    near(count, 5.0 * 36_000.0);
}

#[test]
fn redundancy_costs_what_the_busiest_moment_left_idle() {
    let text = "
scenario: idle
run: {duration: 300s, replications: 1, bucket: 10s}
clients: {web: {rate: {steps: [0s 10/s, 100s 20/s, 200s 10/s]}, arrivals: deterministic, mix: {GET /: 1}, to: app}}
components:
  app: {kind: service, cpu: 4, instances: 2, endpoints: {GET /: [{cpu: 100ms}]}}
prices: {app: {instance: $1/h, vcpu: $0.25/h, requests: $1/1k}}
";
    let runs = run(text);
    // 20/s x 0.1 s are 2 of 8 cores at the peak, so three quarters of $4/h are for nobody; requests are not.
    let spare = runs.each("cost_of_redundancy")[0];
    assert!((spare - 3.0).abs() < 0.03, "{spare}");
    assert!(runs.each("cost")[0] > 40.0);
}
