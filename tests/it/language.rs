//! What the language can say about customers, data, recordings and the network reaches the engine.

use super::model::{model, read, read_with, run, run_model};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn near(value: f64, expected: f64, relative: f64, what: &str) {
    assert!((value / expected - 1.0).abs() <= relative, "{what}: {value} for {expected}");
}

#[test]
fn a_recorded_trace_with_its_demands_runs_exactly_as_it_was() {
    let text = "
scenario: replayed
run: {replications: 1}
clients: {web: {replay: {file: traces/day.csv}, to: app}}
components:
  app:
    kind: service
    workers: 1
    endpoints:
      GET /: [{sleep: $work}, {reply: $bytes}]
      POST /: [{sleep: $work}]
";
    let trace = "at,endpoint,work,bytes\n1,GET /,2s,100\n2,GET /,2,100\n2.5,POST /,500ms,0\n20,GET /,1s,7\n";
    let model = read_with(text, &[("traces/day.csv", trace)]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(model.run.duration.as_secs_f64(), 80.0, "a minute after the last request");
    let runs = run_model(&model);
    // Lindley by hand: ends at 3, 5, 5.5 and 21: latencies 2, 3, 3 and 1 s.
    assert_eq!(runs.each("mean"), [9.0 / 4.0]);
    assert_eq!(runs.each("max"), [3.0]);
    assert_eq!(runs.each("availability"), [1.0]);
    let missing = text.replace("$work", "$wrok");
    let wrong = read_with(&missing, &[("traces/day.csv", trace)]).unwrap_err();
    assert!(wrong.contains("did you mean `work`?"), "{wrong}");
}

#[test]
fn observed_values_of_a_file_are_a_distribution() {
    let text = "
scenario: observed
run: {duration: 2000s, replications: 2}
clients: {web: {rate: 20/s, to: app}}
components:
  app: {kind: service, endpoints: {GET /: [{sleep: file(latencies.csv)}]}}
";
    let text = text.replace("to: app}", "to: app, mix: {GET /: 1}}");
    let files = [("latencies.csv", "latency\n10ms\n0.02\n60ms\n")];
    let runs = run_model(&read_with(&text, &files).unwrap_or_else(|e| panic!("{e}")));
    near(mean(&runs.each("mean")), 0.03, 0.02, "mean of the file");
    assert_eq!(runs.each("max"), [0.06, 0.06]);
    let wrong = read_with(&text, &[("latencies.csv", "10ms\nsoon\n")]).unwrap_err();
    assert!(wrong.contains("value 2 of the file, `soon`"), "{wrong}");
    assert!(read(&text).unwrap_err().contains("cannot be read"));
}

const MIXED: &str = "
scenario: shares
run: {duration: 400s, replications: 2}
clients:
  web:
    rate: 100/s
    write_share: {ramp: [0s 10%, 200s 10%, 201s 60%, 400s 60%]}
    mix: {GET /a: 3, GET /b: 1, POST /c: 5}
    sessions_of: user
    read_own_write: {p: 50%, after: 10ms}
    to: app
data: {user: {rows: 1000, zipf: 0.8}}
components:
  app:
    kind: service
    endpoints:
      GET /a: [{query: db.look(user)}]
      GET /b: [{query: db.look(user)}]
      POST /c: [{query: db.put(user)}]
  db: {kind: database, cpu: 64, queries: {look: {read: user, cpu: 1ms}, put: {write: user, cpu: 3ms}}}
";

#[test]
fn writes_have_their_share_over_time_and_are_read_back() {
    let runs = run(&MIXED.replace("    sessions_of: user\n    read_own_write: {p: 50%, after: 10ms}\n", ""));
    // Half of the run at 10 % writes of 3 ms, half at 60 %: 0.1 x (0.35 x 3 + 0.65 x 1) = 170 ms of 64 cores.
    near(mean(&runs.each("db.cpu")), 100.0 * (0.35 * 3.0 + 0.65) * 1e-3 / 64.0, 0.02, "database work");
    near(mean(&runs.each("offered")), 100.0, 0.02, "offered");
    let with = run(MIXED);
    // Half of the 35 writes a second are read back by their owner.
    near(mean(&with.each("offered")), 117.5, 0.02, "offered with reads of own writes");
    let unowned = MIXED.replace("    sessions_of: user\n", "");
    assert!(read(&unowned).unwrap_err().contains("sessions_of: user"));
    let no_writes = MIXED.replace("POST /c: 5", "GET /a: 5").replace("GET /a: 3, ", "");
    assert!(read(&no_writes).unwrap_err().contains("`write_share` needs a mix"));
}

fn distant(network: &str, client: &str) -> String {
    format!(
        "
scenario: distant
run: {{duration: 1000s, replications: 2}}
clients: {{web: {{{client}, mix: {{GET /: 1}}, to: app}}}}
components:
  app:
    kind: service
    zones: [a, b]
    instances: 2
    endpoints: {{GET /: [{{call: {{to: back, endpoint: GET /}}}}, {{reply: 29200B}}]}}
  back: {{kind: service, zones: [c], endpoints: {{GET /: [{{sleep: 1ms}}]}}}}
network: {network}
"
    )
}

#[test]
fn distance_handshakes_and_cold_connections_take_their_round_trips() {
    let network = "{regions: {us: [a, b], eu: [c]}, rtt: {same_zone: 2ms, cross_zone: 4ms, us: {eu: 80ms}}, \
                   last_mile: 20ms, handshake: none}";
    let open = "rate: 5/s, from: {us: 100%}";
    // The client is in zone a: half of the requests go to a (2 ms), half to b (4 ms), all pay the last mile,
    // and each calls back in the other region: 20 + 3 + 80 + 1 ms.
    let runs = run(&distant(network, open));
    near(mean(&runs.each("mean")), 0.104, 0.002, "round trips");
    // With TLS 1.3 each fresh connection costs two round trips more; 29.2 kB do not fit the first window: one
    // more, on the way of the answer. The inner call is fresh too, its answer is empty.
    let runs = run(&distant(&network.replace("none", "tls1.3"), open));
    near(mean(&runs.each("mean")), 0.104 + 2.0 * (0.023 + 0.080) + 0.023, 0.002, "handshakes");
    // People in a session keep their connection: only the first of four requests pays for it.
    let session = "sessions: 2/s, session: {requests: 4, think: 1s}, from: {us: 100%}";
    let runs = run(&distant(&network.replace("none", "tls1.3"), session));
    let kept = 0.104 + 2.0 * 0.080;
    near(mean(&runs.each("mean")), kept + (2.0 * 0.023 + 0.023) / 4.0, 0.005, "keep-alive");
}

#[test]
fn bandwidth_is_shared_and_loss_shows_as_a_tail() {
    // Mistake 24: a network of constant latency has neither.
    let link = "{rtt: 10ms, handshake: none, links: {out: {from: web, bandwidth: 10Mbps}}}";
    let one = "users: 1, think: 1s";
    let zoneless =
        |n: &str, c: &str| distant(n, c).replace("    zones: [a, b]\n", "").replace("zones: [c], ", "");
    // 29 200 bytes at 1.25 MB/s take 23.36 ms; two calls of 10 ms each and 1 ms of work.
    let runs = run(&zoneless(link, one));
    near(mean(&runs.each("mean")), 0.021 + 0.023_36, 0.002, "one transfer");
    let many = run(&zoneless(link, "users: 100, think: exp(1s)"));
    let alone = mean(&runs.each("mean"));
    assert!(mean(&many.each("mean")) > 10.0 * alone, "a hundred people want twice what the link carries");
    near(mean(&many.each("throughput")), 1.25e6 / 29_200.0, 0.01, "the link is the limit");
    near(mean(&many.each("app.link.utilisation")), 0.5, 0.02, "one way of two is full");
    // A loss of 1 % on each of four messages: 4 % of the requests wait 200 ms more.
    let lossy = "{rtt: 10ms, handshake: none, loss: 1%}";
    let runs = run(&zoneless(lossy, "rate: 20/s"));
    near(mean(&runs.each("p50")), 0.021, 0.001, "most are not touched");
    near(mean(&runs.each("p99")), 0.221, 0.01, "the tail is");
    near(mean(&runs.each("mean")), 0.021 + 4.0 * 0.01 * 0.2, 0.04, "and the mean a little");
}

#[test]
fn places_of_the_network_must_exist_and_be_connected() {
    let unknown = distant("{regions: {us: [a, b], eu: [d]}, rtt: {us: {eu: 80ms}}}", "rate: 5/s");
    let wrong = read(&unknown).unwrap_err();
    assert!(wrong.contains("there is no zone or region `c`"), "{wrong}");
    let unconnected = distant("{regions: {us: [a, b], eu: [c]}}", "rate: 5/s");
    let wrong = read(&unconnected).unwrap_err();
    assert!(wrong.contains("no round-trip time between `us` and `eu`"), "{wrong}");
}

#[test]
fn newest_rows_are_hot_and_popularity_wanders() {
    let text = "
scenario: rows
run: {duration: 10s, replications: 1}
clients: {web: {rate: 5/s, mix: {GET /: 1}, to: app}}
data:
  post: {rows: 1000, zipf: 1.1, drift: 100/s, growth: 2%/day}
  user: {rows: 10, hot: newest, popularity: {trace: keys.csv}}
components:
  app: {kind: service, endpoints: {GET /: [{sleep: 1ms}]}}
";
    let model = read_with(text, &[("keys.csv", "3\n4\n3\n")]).unwrap_or_else(|e| panic!("{e}"));
    assert!((model.entities[0].growth * 86_400.0 - 0.02).abs() < 1e-12);
    assert_eq!(model.entities[0].drift, 100.0);
    let wrong = read_with(text, &[("keys.csv", "3\nfour\n")]).unwrap_err();
    assert!(wrong.contains("a key that is no whole number"), "{wrong}");
    let _ = model_runs(&model);
}

fn model_runs(model: &surgesim::scenario::model::Model) -> f64 {
    mean(&run_model(model).each("availability"))
}

#[test]
fn an_automatic_warm_up_cuts_what_is_not_steady() {
    use surgesim::experiment::{Pilot, pilot};
    // 2000 people all begin within their first 200 s of thinking: a long way to the steady state.
    let text = "
scenario: settling
run: {duration: 4000s, warmup: auto, replications: 1}
clients:
  web:
    users: 2000
    think: erlang(4, 400s)
    mix: {GET /: 1}
    to: app
components:
  app: {kind: service, workers: 100, endpoints: {GET /: [{sleep: exp(1s)}]}}
";
    let settled = model(text);
    assert!(settled.run.finds_warmup);
    let Some(Pilot::Settles(warmup)) = pilot(&settled, |_| true) else { panic!("it settles") };
    let warmup = warmup.as_secs_f64();
    assert!((100.0..2000.0).contains(&warmup), "{warmup}");
    let spike = "rate: 1/s\n    spike: {at: 60s, to: 50/s}";
    let spiked = text.replace("users: 2000", spike).replace("    think: erlang(4, 400s)\n", "");
    assert!(!model(&spiked).run.finds_warmup, "a transient is never truncated");
}
