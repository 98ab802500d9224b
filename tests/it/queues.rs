//! Queues and workers in whole scenarios: drains and leases against arithmetic, what each product loses when a
//! worker dies, where back pressure goes, and that every message is accounted for.

use super::model::{during, run};
use proptest::prelude::*;

/// Messages that come at `rate` (or by `client`), a queue and a worker.
fn scenario(run: &str, client: &str, queue: &str, worker: &str, more: &str) -> String {
    format!(
        "
scenario: queue
run: {{{run}}}
clients: {{web: {{{client}, mix: {{POST /: 1}}, to: api}}}}
data: {{job: {{rows: 0}}}}
components:
  api: {{kind: service, endpoints: {{POST /: [{{send: {{to: jobs, size: 1KB}}}}, {{reply: 202}}]}}}}
  jobs: {{kind: queue, {queue}}}
  dead: {{kind: queue}}
  worker: {{kind: worker, from: jobs, {worker}}}
{more}
"
    )
}

fn total(text: &str, names: &[&str]) -> Vec<f64> {
    let runs = run(text);
    names.iter().map(|name| runs.each(name).iter().sum::<f64>() / runs.each(name).len() as f64).collect()
}

#[test]
fn a_backlog_drains_in_backlog_over_spare_capacity() {
    // domain 14: 36 000 waiting, mu = 40/s, lambda = 30/s: 3600 s. 36 000 come in a second, at time 0.
    let text = scenario(
        "duration: 4000s, warmup: 0s, replications: 1, bucket: 10s, seed: 3",
        "rate: 30/s, arrivals: deterministic, spike: {at: 1s, to: 36030/s, rise: 0s, hold: 1s, half_life: 0s}",
        "visibility: none",
        "instances: 40, concurrency: 1, steps: [{sleep: 1s}]",
        "",
    );
    let drained = total(&text, &["jobs.drain_time", "jobs.depth.max"]);
    assert!((drained[0] / 3600.0 - 1.0).abs() < 0.01, "{drained:?}");
    assert!((drained[1] / 36_000.0 - 1.0).abs() < 0.01, "{drained:?}");
}

#[test]
fn a_lease_shorter_than_the_work_delivers_the_share_that_outlasts_it() {
    // domain 14: lognormal with mean 40 s and CV .5: P(work > V) .648, .132, .0054 at 30, 60, 120 s.
    for (visibility, share) in [("30s", 0.648), ("60s", 0.132), ("120s", 0.0054)] {
        let text = scenario(
            "duration: 20000s, warmup: 0s, replications: 1, bucket: 100s, seed: 5",
            "rate: 1/s",
            &format!("visibility: {visibility}, max_receives: 2"),
            "instances: 400, steps: [{sleep: \"lognormal(mean=40s, cv=0.5)\"}]",
            "",
        );
        // With two deliveries at most each message is redelivered once or never.
        let seen = total(&text, &["redelivered(jobs)", "jobs.published"]);
        let ratio = seen[0] / seen[1];
        assert!((ratio - share).abs() < 0.012, "{visibility}: {ratio} for {share}");
    }
}

/// VISIBILITY: an attempt fails with .2 at its beginning and its lease of 30 s runs out, else it takes 2 s: 1.25 attempts and
/// 9.5 s on average, 62 s at p99; at most five deliveries: .00032 dead letters.
#[test]
fn attempts_and_times_of_work_that_fails_by_chance() {
    let text = |queue: &str| {
        scenario(
            "duration: 20000s, warmup: 0s, replications: 1, bucket: 100s, seed: 11",
            "rate: 5/s",
            &format!("visibility: 30s{queue}"),
            "instances: 100, steps: [{if: {p: 20%, then: [{reply: 500}], else: [{sleep: 2s}]}}]",
            "",
        )
    };
    let seen = total(
        &text(""),
        &["redelivered(jobs)", "jobs.acked", "completion_time(jobs)", "completion_time(jobs).p99"],
    );
    assert!((seen[0] / seen[1] - 0.25).abs() < 0.006, "{seen:?}");
    assert!((seen[2] - 9.5).abs() < 0.2 && (seen[3] - 62.0).abs() < 0.1, "{seen:?}");
    let capped =
        total(&text(", max_receives: 5, dead_letter: dead"), &["jobs.dead_lettered", "jobs.published"]);
    assert!((capped[0] / capped[1] - 0.00032).abs() < 0.00018, "{capped:?}");
}

#[test]
fn who_extends_the_lease_is_not_disturbed() {
    let text = scenario(
        "duration: 1000s, warmup: 0s, replications: 1",
        "rate: 1/s",
        "visibility: 30s",
        "instances: 200, extend_every: 10s, steps: [{sleep: \"lognormal(mean=40s, cv=0.5)\"}]",
        "",
    );
    assert_eq!(total(&text, &["redelivered(jobs)", "duplicates(jobs)"]), [0.0, 0.0]);
}

/// A worker that dies with work in hand, under each product's rules.
fn crash(queue: &str, worker: &str) -> Vec<f64> {
    let text = scenario(
        "duration: 400s, warmup: 0s, replications: 1, seed: 2",
        "rate: 1/s, arrivals: deterministic",
        queue,
        &format!("instances: 2, cpu: 4, concurrency: 4, {worker} steps: [{{sleep: 6s}}]"),
        "faults: [{at: 100s, kill: \"worker[0]\", restart_after: 5s}]",
    );
    total(&text, &["redelivered(jobs)", "lost(jobs)", "duplicates(jobs)", "jobs.oldest_age.max"])
}

#[test]
fn a_dead_worker_is_noticed_lost_or_waited_for() {
    // About three jobs are in hand. SQS: they reappear after 30 s; RabbitMQ: at once.
    let sqs = crash("preset: sqs", "");
    assert!((2.0..=4.0).contains(&sqs[0]) && sqs[1] == 0.0 && sqs[3] >= 25.0, "{sqs:?}");
    let rabbit = crash("preset: rabbitmq-quorum", "prefetch: 4,");
    assert!((2.0..=4.0).contains(&rabbit[0]) && rabbit[1] == 0.0 && rabbit[3] < 20.0, "{rabbit:?}");
    let sidekiq = crash("preset: redis-list", "preset: sidekiq,");
    assert!(sidekiq[0] == 0.0 && (2.0..=4.0).contains(&sidekiq[1]), "{sidekiq:?}");
    let celery = crash("preset: redis-list", "preset: celery,");
    assert!(celery[0] == 0.0 && (2.0..=4.0).contains(&celery[1]), "{celery:?}");
    let late = crash("preset: redis-list", "preset: celery-acks-late,");
    assert!((2.0..=4.0).contains(&late[0]) && late[1] == 0.0, "{late:?}");
    let pro = crash("preset: redis-list", "preset: sidekiq-pro,");
    assert!((2.0..=4.0).contains(&pro[0]) && pro[1] == 0.0, "{pro:?}");
}

#[test]
fn what_was_only_prefetched_is_not_lost_by_acknowledging_at_the_beginning() {
    // All 40 messages go to one instance, which works on one.
    let lost = |ack: &str| {
        let text = scenario(
            "duration: 400s, warmup: 0s, replications: 1, seed: 2",
            "rate: {steps: [0s 4/s, 10s 0/s]}, arrivals: deterministic",
            "prefetch: unlimited",
            &format!("ack: {ack}, steps: [{{sleep: 5s}}]"),
            "faults: [{at: 20s, kill: \"worker[0]\", restart_after: 5s}]",
        );
        total(&text, &["lost(jobs)", "redelivered(jobs)"])
    };
    let (before, on_delivery) = (lost("before"), lost("auto"));
    assert_eq!(before[0], 1.0, "{before:?}");
    assert!(before[1] > 30.0, "{before:?}");
    assert!(on_delivery[0] > 30.0 && on_delivery[1] == 0.0, "{on_delivery:?}");
}

#[test]
fn a_slow_worker_hoards_what_it_has_prefetched() {
    // 0.9/s for two workers of 1/s each, of which one is eight times as slow.
    let wait = |prefetch: &str| {
        let text = scenario(
            "duration: 600s, warmup: 0s, replications: 1, seed: 4",
            "rate: 0.9/s",
            "visibility: none",
            &format!("instances: 2, prefetch: {prefetch}, steps: [{{sleep: 1s}}]"),
            "faults: [{at: 10s, slow: {target: \"worker[0]\", by: 8x}}]",
        );
        total(&text, &["completion_time(jobs).p90"])[0]
    };
    let (one, many) = (wait("1"), wait("100"));
    assert!(one < 20.0 && many > 10.0 * one, "{one} {many}");
}

#[test]
fn groups_keep_their_order_and_block_at_their_head() {
    // One group: one at a time, whatever the number of workers; 0.5/s against 1 s of work is rho = .5.
    let wait = |queue: &str| {
        let text = scenario(
            "duration: 4000s, warmup: 100s, replications: 1, seed: 6",
            "rate: 0.5/s",
            queue,
            "instances: 50, steps: [{sleep: exp(1s)}]",
            "",
        )
        .replace("rows: 0}", "rows: 0}, tenant: {rows: 1}");
        total(&text, &["completion_time(jobs)"])[0]
    };
    // M/M/1 at .5: 2 s; without groups there is nobody to wait for.
    let (grouped, free) = (wait("group: tenant"), wait("visibility: none"));
    assert!((grouped - 2.0).abs() < 0.2, "{grouped}");
    assert!((free - 1.0).abs() < 0.06, "{free}");
}

#[test]
fn a_full_queue_drops_refuses_or_blocks_to_the_front() {
    let seen = |queue: &str| {
        let text = scenario(
            "duration: 300s, warmup: 60s, replications: 1, seed: 7",
            "rate: 20/s, timeout: 2s",
            &format!("max_length: 50, {queue}"),
            "steps: [{sleep: 100ms}]",
            "",
        )
        .replace("api: {kind: service,", "api: {kind: service, workers: 20, backlog: 20,");
        total(&text, &["availability", "jobs.dropped", "jobs.refused", "errors.503", "jobs.depth"])
    };
    let drops = seen("overflow: drop_head");
    assert!(drops[0] == 1.0 && drops[1] > 2000.0 && drops[4] > 48.0, "{drops:?}");
    let silent = seen("overflow: reject, confirm: false");
    assert!(silent[0] == 1.0 && silent[1] > 2000.0, "{silent:?}");
    let refuses = seen("overflow: reject");
    assert!((refuses[0] - 0.5).abs() < 0.03 && refuses[2] > 2000.0 && refuses[1] == 0.0, "{refuses:?}");
    // Senders wait, their workers are held, the backlog fills, and the API answers 503 or too late.
    let blocks = seen("overflow: block");
    assert!(blocks[0] < 0.6 && blocks[3] > 0.05 && blocks[1] == 0.0, "{blocks:?}");
    let alarm = seen("memory: 40KB");
    assert!(alarm[0] < 0.6 && alarm[3] > 0.05 && alarm[4] < 41.0, "{alarm:?}");
}

#[test]
fn a_poisoned_message_is_worked_on_until_it_goes_away() {
    let seen = |queue: &str, poison: &str| {
        let text = scenario(
            "duration: 1000s, warmup: 0s, replications: 1, seed: 8",
            "rate: 1/s",
            queue,
            &format!("instances: 4, poison: {poison}, steps: [{{sleep: 1s}}]"),
            "",
        );
        total(&text, &["jobs.dead_lettered", "redelivered(jobs)", "dead.depth.max", "jobs.published"])
    };
    let limited = seen("max_receives: 3, dead_letter: dead", "10%");
    assert!((limited[0] / limited[3] - 0.1).abs() < 0.03, "{limited:?}");
    assert!((limited[1] / limited[0] - 2.0).abs() < 0.1 && limited[2] == limited[0], "{limited:?}");
    let endless = seen("visibility: none", "1%");
    assert!(endless[0] == 0.0 && endless[1] > 2000.0, "{endless:?}");
    // One that kills its process takes others' work with it.
    let crashing = seen("max_receives: 5, dead_letter: dead", "{share: 5%, crash: 1s}");
    assert!(crashing[0] > 20.0, "{crashing:?}");
}

#[test]
fn a_broker_that_dies_loses_what_is_not_durable() {
    let seen = |queue: &str| {
        let text = scenario(
            "duration: 300s, warmup: 0s, replications: 1, seed: 9",
            "rate: {steps: [0s 10/s, 50s 0/s]}, timeout: 1s",
            queue,
            "steps: [{sleep: 500ms}]",
            "faults: [{at: 60s, kill: jobs, restart_after: 10s}]",
        );
        total(&text, &["lost(jobs)", "jobs.acked", "duplicates(jobs)", "jobs.published"])
    };
    let kept = seen("durable: true");
    assert!(kept[0] == 0.0 && kept[1] == kept[3], "{kept:?}");
    let gone = seen("durable: false");
    assert!(gone[0] > 300.0 && gone[0] + gone[1] == gone[3], "{gone:?}");
}

#[test]
fn a_row_without_its_message_is_counted_and_an_outbox_closes_the_gap() {
    let seen = |send: &str| {
        let text = format!(
            "
scenario: gap
run: {{duration: 200s, warmup: 0s, replications: 1}}
clients: {{web: {{rate: 10/s, timeout: 5s, mix: {{POST /: 1}}, to: api}}}}
data: {{job: {{rows: 0}}}}
components:
  api: {{kind: service, endpoints: {{POST /: [{{query: db.add(new)}}, {{send: {{to: jobs{send}}}}}, {{reply: 202}}]}}}}
  db: {{kind: database, cpu: 2, queries: {{add: {{write: job, cpu: 1ms}}}}}}
  jobs: {{kind: queue}}
  worker: {{kind: worker, from: jobs, instances: 10, steps: [{{sleep: 10ms}}]}}
faults: [{{at: 100s, kill: jobs, restart_after: 10s}}]
"
        );
        total(&text, &["jobs.without_message", "availability", "jobs.acked"])
    };
    let direct = seen("");
    assert!((80.0..120.0).contains(&direct[0]) && direct[1] < 0.97, "{direct:?}");
    let outbox = seen(", outbox: 500ms");
    assert!(outbox[0] == 0.0 && outbox[1] == 1.0 && outbox[2] > direct[2], "{outbox:?}");
}

#[test]
fn delays_expiry_classes_and_batches() {
    let time = |queue: &str, worker: &str, client: &str, name: &str| {
        let text =
            scenario("duration: 400s, warmup: 0s, replications: 1, seed: 3", client, queue, worker, "");
        total(&text, &[name])[0]
    };
    let free = "instances: 20, steps: [{sleep: 1s}]";
    let delayed = time("delay: 30s", free, "rate: 1/s", "completion_time(jobs)");
    assert!((delayed - 31.0).abs() < 1e-6, "{delayed}");
    let batched = time("batch: {max: 100, linger: 2s}", free, "rate: 1/s", "mean");
    assert!(batched > 1.0 && batched < 2.0, "{batched}");
    // Twice what one worker can do: half of it waits longer than a minute at the end of its time.
    let expired = time("ttl: 20s", "steps: [{sleep: 1s}]", "rate: 2/s", "jobs.expired");
    assert!((250.0..450.0).contains(&expired), "{expired}");
    // Fresh work does not wait for stale work.
    let overloaded = |discipline: &str| {
        let queue = format!("discipline: {discipline}");
        time(&queue, "steps: [{sleep: 1s}]", "rate: 1.5/s", "completion_time(jobs).p50")
    };
    assert!(overloaded("lifo") < 10.0 && overloaded("fifo") > 50.0);
}

#[test]
fn workers_follow_the_backlog() {
    let text = scenario(
        "duration: 1200s, warmup: 0s, replications: 1, seed: 3",
        "rate: {steps: [0s 1/s, 200s 10/s, 600s 1/s]}",
        "visibility: none",
        "steps: [{sleep: 1s}], scale: {on: backlog_per_instance, target: 10, min: 2, max: 20, boot: 30s}",
        "",
    );
    let seen = during(
        &text,
        &[
            (0.0, 200.0, "worker.instances"),
            (400.0, 600.0, "worker.instances"),
            (1100.0, 1200.0, "worker.instances"),
        ],
    );
    assert!(seen[0] < 2.1 && seen[1] > 8.0 && seen[2] < 3.0, "{seen:?}");
    assert_eq!(total(&text, &["lost(jobs)", "redelivered(jobs)"]), [0.0, 0.0]);
}

#[test]
fn clients_ask_until_they_hear_that_it_is_done() {
    let text = "
scenario: polls
run: {duration: 2000s, warmup: 0s, replications: 1}
clients: {web: {rate: 0.5/s, mix: {POST /: 1}, to: api, poll: {GET /job: {every: 5s..20s, give_up: 100s}}}}
data: {job: {rows: 0}}
components:
  api:
    kind: service
    endpoints:
      POST /: [{query: db.add(new)}, {send: {to: jobs}}, {reply: 202}]
      GET /job: [{query: db.status(job)}, {reply: 200}]
  db: {kind: database, cpu: 2, queries: {add: {write: job, cpu: 1ms}, status: {read: job, cpu: 1ms}, done: {write: job, cpu: 1ms}}}
  jobs: {kind: queue}
  worker: {kind: worker, from: jobs, instances: 100, steps: [{sleep: 40s}, {query: db.done(job)}]}
";
    let seen = total(
        text,
        &["completion_time(jobs)", "jobs.polls", "jobs.published", "jobs.given_up", "offered", "jobs.acked"],
    );
    // Asked at 5, 15, 35, 55 s: the fourth time it is done.
    assert!((seen[0] - 55.0).abs() < 0.1, "{seen:?}");
    assert!((seen[1] / seen[2] - 4.0).abs() < 0.1 && seen[3] == 0.0, "{seen:?}");
    assert!((seen[4] - 0.5).abs() < 0.05, "polls are not offered: {seen:?}");
    let impatient = text.replace("give_up: 100s", "give_up: 30s");
    let seen = total(&impatient, &["jobs.given_up", "jobs.completions", "jobs.acked"]);
    assert!(seen[0] > 900.0 && seen[1] == 0.0 && seen[2] > 900.0, "{seen:?}");
}

#[test]
fn a_webhook_is_the_last_step_of_a_worker() {
    let text = "
scenario: webhook
run: {duration: 400s, warmup: 0s, replications: 1}
clients: {web: {rate: {steps: [0s 2/s, 300s 0/s]}, mix: {POST /: 1}, to: api}}
components:
  api: {kind: service, endpoints: {POST /: [{send: {to: jobs}}, {reply: 202}]}}
  jobs: {kind: queue, retry_delay: 5s}
  worker: {kind: worker, from: jobs, instances: 50, steps: [{sleep: 1s}, {call: {to: customer, endpoint: POST /done}}]}
  customer: {kind: service, endpoints: {POST /done: [{sleep: 100ms}, {reply: 200}]}}
";
    let seen = total(text, &["completion_time(jobs)", "redelivered(jobs)"]);
    assert!((seen[0] - 1.1).abs() < 0.001 && seen[1] == 0.0, "{seen:?}");
    // Whoever is to hear is away for twenty seconds: the job is tried again until it has heard.
    let away = format!("{text}faults: [{{at: 100s, kill: customer, restart_after: 20s}}]\n");
    let seen =
        total(&away, &["redelivered(jobs)", "jobs.acked", "jobs.published", "completion_time(jobs).max"]);
    assert!(seen[0] > 40.0 && seen[1] == seen[2], "{seen:?}");
    assert!(seen[3] > 20.0 && seen[3] < 35.0, "{seen:?}");
}

#[test]
fn the_report_accounts_for_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let output = assert_cmd::Command::cargo_bin("surgesim")
        .unwrap()
        .args(["run", "scenarios/video-queue.yaml", "--variant", "poison-until-three", "--format", "json"])
        .args(["--replications", "1", "--quiet", "-o"])
        .arg(folder.path())
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = json["variants"][0]["conservation"]["messages"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row["holds"], true, "{row}");
        assert!(row["published"].as_u64().unwrap() > 0, "{row}");
    }
}

proptest! {
    // 64 topologies of two queues that run for a hundred seconds, with crashes of workers and brokers.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_message_is_unaccounted_for_whatever_crashes(
        preset in prop_oneof![
            Just(""), Just("preset: sqs,"), Just("preset: sqs-fifo, group: tenant,"),
            Just("preset: rabbitmq-classic,"), Just("preset: rabbitmq-quorum,"), Just("preset: redis-list,"),
        ],
        worker in prop_oneof![
            Just(""), Just("preset: celery,"), Just("preset: celery-acks-late,"), Just("preset: sidekiq,"),
            Just("idempotent: true,"), Just("extend_every: 1s,"), Just("timeout: 2s,"), Just("prefetch: 7,"), Just("poll: 300ms,"),
        ],
        limit in prop_oneof![
            Just(""), Just("max_length: 5, overflow: reject,"), Just("max_length: 5, overflow: block,"),
            Just("max_length: 5,"), Just("ttl: 6s,"), Just("memory: 6KB,"), Just("max_in_flight: 3,"),
        ],
        lease in prop_oneof![Just(""), Just("visibility: 2s, max_receives: 2, dead_letter: dead,")],
        poison in prop_oneof![Just(""), Just("poison: 10%,"), Just("poison: {share: 10%, crash: 2s},")],
        kills in proptest::collection::vec((5..90_u32, 0..4_usize, 1..20_u32), 0..4),
        seed in 0..1000_u32,
    ) {
        let preset = if lease.is_empty() { preset } else { "" };
        let worker = if lease.is_empty() { worker } else { "" };
        let faults: Vec<String> = kills
            .iter()
            .map(|(at, what, back)| {
                let target = ["jobs", "\"worker[0]\"", "\"worker[1]\"", "dead"][*what];
                format!("{{at: {at}s, kill: {target}, restart_after: {back}s}}")
            })
            .collect();
        let text = scenario(
            &format!("duration: 100s, warmup: 0s, replications: 1, seed: {seed}"),
            "rate: 4/s, timeout: 3s",
            &format!("{preset} {limit} {lease} confirm: true").replace("confirm: true confirm", "confirm"),
            &format!("{worker} {poison} instances: 2, steps: [{{sleep: exp(1s)}}]"),
            &format!("faults: [{}]", faults.join(", ")),
        )
        .replace("rows: 0}", "rows: 0}, tenant: {rows: 3}");
        let runs = run(&text);
        for queue in ["jobs", "dead"] {
            let of = |name: &str| runs.each(&format!("{queue}.{name}"))[0];
            let ended: f64 =
                ["acked", "dead_lettered", "expired", "dropped", "lost"].iter().map(|name| of(name)).sum();
            let there = runs.at_end(&format!("{queue}.depth"))[0] + runs.at_end(&format!("{queue}.in_flight"))[0];
            prop_assert_eq!(of("published"), ended + there, "{} of {}", queue, text);
        }
    }
}
