//! From a merged tree to a model: the blocks of a scenario in the order in which they depend on each other.

use super::beside::Beside;
use super::clients::replay::Replays;
use super::fields::{Fields, entries, items, resolve, scalar, text};
use super::model::{Claim, ClaimWindow, EntitySpec, Model, PopularitySpec, RunPlan, Until};
use super::{clients, components, effects, faults, network, prices, sweep};
use crate::base::SimDuration;
use crate::document::{Code, Diagnostics, Fault, Node, Value, quantity};

/// Gives the text of a file that a scenario names, relative to the scenario's folder.
pub trait Files {
    /// The file's text.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn read(&self, name: &str) -> Result<String, String>;

    /// Whether the file exists, but outside of the scenario's folder, where a link leads.
    fn leads_out(&self, _name: &str) -> bool {
        false
    }
}

/// Reads a whole design; `None` if anything is wrong with it.
pub fn read_model(design: &str, root: &Node, beside: &Beside<'_>, found: &mut Diagnostics) -> Option<Model> {
    let before = found.counts().0;
    let root = &beside.attach(root.clone(), found);
    let mut fields = Fields::of(root, "a scenario", found);
    let scenario = fields.need("scenario", found).and_then(|n| text(n, found)).unwrap_or_default().to_owned();
    let about = fields.get("about").and_then(|n| text(n, found)).unwrap_or_default().to_owned();
    let data = fields.get("data");
    let component_nodes = fields.get("components");
    let client_nodes = fields.get("clients");
    let (network_node, fault_node) = (fields.get("network"), fields.get("faults"));
    let run_node = fields.get("run");
    let price_node = fields.get("prices");
    let objective_node = fields.get("objectives");
    let expect_node = fields.get("expect");
    let sweep_node = fields.get("sweep");
    let spelt = found.counts().0;
    fields.finish(found);
    // A misspelt block is missing under its right name.
    let spelt = found.counts().0 == spelt;

    for (node, missing, example) in [
        (component_nodes, "components", "app: {kind: service, ...}"),
        (client_nodes, "clients", "visitors: {rate: 100/s, mix: {GET /: 1}, to: app}"),
    ] {
        if spelt && node.is_none_or(|node| matches!(&node.value, Value::Map(entries) if entries.is_empty())) {
            let help = format!("add `{missing}:` with an entry such as `{example}`");
            found.add(Code::NothingToRun, root.place, format!("there are no {missing}"), help);
        }
    }
    let entities = read_entities(data, beside, found);
    let replays = Replays::read(client_nodes, beside, found);
    let names = components::Names::collect(component_nodes, &entities, &replays);
    let mut components = components::read(component_nodes, &names, found);
    let context = clients::Surroundings { names: &names, components: &components, replays: &replays, beside };
    let mut clients = clients::read(client_nodes, &context, found);
    let network = {
        let ends = names.components().chain(clients.iter().map(|client| client.name.as_str()));
        network::read(network_node, &ends, found)
    };
    if let Some(network) = &network {
        check_places(network, component_nodes, client_nodes, found);
    }
    let run = read_run(run_node, &clients, fault_node.is_some(), found);
    let client_names: Vec<String> = clients.iter().map(|client| client.name.clone()).collect();
    let zones = zone_names(network.as_ref(), &components);
    let around = faults::Surroundings {
        names: &names,
        components: &components,
        clients: &client_names,
        zones: &zones,
        duration: run.duration.as_secs_f64(),
    };
    let faults = faults::read(fault_node, &around, found);
    faults::places(&faults, &mut components);
    clients::shift(&mut clients, &faults, run.duration.as_secs_f64());
    let prices = prices::read(price_node, &names, beside, found);
    let duration = run.duration.as_secs_f64();
    let objectives = read_claims(objective_node, duration, found);
    let expectations = read_claims(expect_node, duration, found);
    let sweep = sweep::read(sweep_node, root, found);
    effects::check(root, run.duration, found);
    if found.counts().0 > before {
        return None;
    }
    let design = design.to_owned();
    Some(Model {
        scenario,
        about,
        design,
        run,
        entities,
        components,
        network,
        faults,
        replayed: replays.shared(),
        clients,
        prices,
        objectives,
        expectations,
        sweep,
    })
}

/// Zones by name: the network's, and those that components are spread over.
fn zone_names(
    network: Option<&network::NetworkSpec>,
    components: &[super::model::ComponentModel],
) -> Vec<String> {
    let declared = network.iter().flat_map(|network| network.zones.iter().map(|(zone, _)| zone));
    let mut all: Vec<String> = declared.chain(components.iter().flat_map(|c| &c.zones)).cloned().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The zones that components and clients name must be the network's.
fn check_places(
    network: &network::NetworkSpec,
    components: Option<&Node>,
    clients: Option<&Node>,
    found: &mut Diagnostics,
) {
    let known = network.zones.iter().map(|(zone, _)| zone).chain(&network.regions).map(String::as_str);
    let known = known.filter(|name| !name.is_empty());
    let mut places: Vec<(&Node, &str)> = Vec::new();
    for (_, node) in components.map_or(&[][..], Node::entries) {
        let zones = node.get("zones").map_or(&[][..], Node::items);
        places.extend(zones.iter().filter_map(|zone| Some((zone, zone.text()?))));
    }
    let mut shared = Vec::new();
    for (_, node) in clients.map_or(&[][..], Node::entries) {
        for (key, _) in node.get("from").map_or(&[][..], Node::entries) {
            shared.push((Node { value: Value::Null, place: key.place }, key.name.as_str()));
        }
    }
    let shared = shared.iter().map(|(node, name)| (node, *name));
    for (node, name) in places.into_iter().chain(shared) {
        resolve(node, name, known.clone(), Code::UnknownName, "zone or region", found);
    }
    let far = (0..network.zones.len())
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .find(|(a, b)| network.round_trip(*a, *b).is_none());
    if let Some((a, b)) = far {
        let region = |zone: usize| network.regions[network.zones[zone].1].as_str();
        let (here, there) = (region(b), region(a));
        let place = components.or(clients).map(|node| node.place);
        let message = format!("the network has no round-trip time between `{here}` and `{there}`");
        found.add(
            Code::MissingKey,
            place,
            message,
            format!("write `network: {{rtt: {{{here}: {{{there}: 75ms}}}}}}`"),
        );
    }
}

fn read_entities(node: Option<&Node>, beside: &Beside<'_>, found: &mut Diagnostics) -> Vec<EntitySpec> {
    let mut entities = Vec::new();
    let names: Vec<&str> =
        node.map_or(&[][..], Node::entries).iter().map(|(key, _)| key.name.as_str()).collect();
    for (key, node) in entries(node, "`data`", found) {
        let mut fields = Fields::of(node, "an entity", found);
        let rows = fields.read("rows", quantity::count, found).unwrap_or(1);
        let zipf = fields.read("zipf", quantity::number, found);
        let written = fields.get("popularity");
        let trace = written.filter(|node| node.text().is_none());
        let by_rank = match written {
            Some(node) if node.text().is_some() => {
                fields.choice("popularity", &[("uniform", false), ("zipf", true)], found).unwrap_or(false)
            }
            _ => zipf.is_some(),
        };
        let newest = fields.choice("hot", &[("random", false), ("newest", true)], found).unwrap_or(false);
        let size = fields.amount("size", crate::document::distribution_text::Of::Size, found);
        // Compounding daily growth, taken as linear within a run: a run of a day is off by half of g^2.
        let growth =
            fields.read("growth", quantity::growth, found).map_or(0.0, |g| g.as_per_day() / 86_400.0);
        let drift = fields.read("drift", quantity::rate, found).map_or(0.0, |r| r.as_per_second());
        let absent = fields.read("absent", super::fields::share, found).unwrap_or(0.0);
        let key_of = fields.get("key_of").and_then(|node| {
            let name = text(node, found)?;
            resolve(node, name, names.iter().copied(), Code::UnknownEntity, "entity", found)
                .map(crate::base::EntityId::at)
        });
        fields.finish(found);
        if zipf.is_some_and(|z| !(0.0..=10.0).contains(&z)) {
            found.add(
                Code::OutOfRange,
                node.place,
                "a Zipf exponent lies between 0 and 10",
                "measured ones are 0.4 to 2",
            );
        }
        let popularity = match trace {
            Some(node) => {
                read_keys(node, beside, found).map_or(PopularitySpec::Uniform, PopularitySpec::Trace)
            }
            None if by_rank || newest => PopularitySpec::Zipf { exponent: zipf.unwrap_or(1.0), newest },
            None => PopularitySpec::Uniform,
        };
        entities.push(EntitySpec {
            name: key.name.clone(),
            rows,
            size,
            popularity,
            growth,
            absent,
            drift,
            key_of,
        });
    }
    entities
}

/// `popularity: {trace: keys.csv}`: the first column's keys, in order, over and over.
fn read_keys(node: &Node, beside: &Beside<'_>, found: &mut Diagnostics) -> Option<std::sync::Arc<Vec<u64>>> {
    let mut fields = Fields::of(node, "`popularity`", found);
    let file = fields.need("trace", found);
    fields.finish(found);
    let file = file?;
    let name = text(file, found)?;
    let cells = beside.column(file, name, found)?;
    let keys: Option<Vec<u64>> = cells.iter().map(|cell| cell.parse().ok()).collect();
    if keys.is_none() {
        found.add(
            Code::BadQuantity,
            file.place,
            format!("`{name}` holds a key that is no whole number"),
            "number the keys from 0",
        );
    }
    keys.map(std::sync::Arc::new)
}

fn read_run(
    node: Option<&Node>,
    clients: &[super::model::ClientSpec],
    faults: bool,
    found: &mut Diagnostics,
) -> RunPlan {
    let mut plan = RunPlan {
        duration: SimDuration::from_secs(600),
        requests: None,
        warmup: SimDuration::ZERO,
        finds_warmup: false,
        auto_in_transient: false,
        seed: 1,
        replications: 5,
        until: None,
        bucket: SimDuration::from_secs(1),
        max_events: None,
        max_in_flight: Some(5_000_000),
    };
    let Some(node) = node else { return plan };
    let mut fields = Fields::of(node, "`run`", found);
    let duration = fields.read("duration", quantity::duration, found);
    plan.requests = fields.read("requests", quantity::count, found);
    if let Some(duration) = duration {
        plan.duration = duration;
    } else if plan.requests.is_some() {
        plan.duration = SimDuration::from_secs(366 * 86_400);
    } else if let Some(last) = last_recorded(clients) {
        // A minute after the last recorded request: most of what it began has ended.
        plan.duration = SimDuration::from_secs_f64(last.ceil() + 60.0);
    }
    if plan.duration.is_zero() || plan.duration > SimDuration::from_secs(366 * 86_400) {
        found.add(
            Code::OutOfRange,
            node.place,
            "a run lasts more than no time and at most 366 days",
            "write `duration: 10m`",
        );
        plan.duration = SimDuration::from_secs(600);
    }
    if let Some(warmup) = fields.get("warmup")
        && let Some(written) = text(warmup, found)
    {
        let transient = faults || clients.iter().any(|c| !c.profile.is_constant());
        plan.warmup = match written {
            // A transient is never truncated; a steady run where MSER-5 says, which needs the run itself.
            "auto" => {
                plan.finds_warmup = !transient && plan.requests.is_none();
                plan.auto_in_transient = !plan.finds_warmup;
                SimDuration::ZERO
            }
            share if share.ends_with('%') => scalar(warmup, quantity::ratio, found)
                .map_or(SimDuration::ZERO, |r| plan.duration.mul_f64(r.get())),
            _ => scalar(warmup, quantity::duration, found).unwrap_or_default(),
        };
        if plan.warmup >= plan.duration {
            found.add(
                Code::Contradiction,
                warmup.place,
                "the warm-up is as long as the run",
                "write a shorter `warmup`",
            );
        }
    }
    plan.seed = fields.read("seed", quantity::count, found).unwrap_or(plan.seed);
    match fields.get("replications") {
        Some(node) if matches!(node.value, Value::Map(_)) => plan.until = Some(read_until(node, found)),
        Some(node) => {
            let count = scalar(node, quantity::count, found).unwrap_or(u64::from(plan.replications));
            plan.replications = replications(count, node, found);
        }
        None => {}
    }
    let buckets = plan.duration.as_secs_f64();
    plan.bucket = fields
        .read("bucket", quantity::duration, found)
        .unwrap_or(SimDuration::from_secs_f64((buckets / 3600.0).max(1.0).round().min(buckets)));
    if plan.bucket.is_zero() || buckets / plan.bucket.as_secs_f64().max(1e-9) > 100_000.0 {
        found.add(
            Code::OutOfRange,
            node.place,
            "more than 100 000 windows of the time series",
            "write a longer `bucket`",
        );
        plan.bucket = SimDuration::from_secs(1);
    }
    plan.max_events = fields.read("max_events", quantity::count, found);
    plan.max_in_flight = fields.read("max_in_flight", quantity::count, found).or(plan.max_in_flight);
    fields.finish(found);
    plan
}

/// As many as there may be: from 1 to 10 000.
fn replications(count: u64, node: &Node, found: &mut Diagnostics) -> u32 {
    if !(1..=10_000).contains(&count) {
        found.add(
            Code::OutOfRange,
            node.place,
            "replications are between 1 and 10 000",
            "write `replications: 5`",
        );
    }
    count.clamp(1, 10_000) as u32
}

/// `replications: {until: {p99: 5%}, max: 50}`.
fn read_until(node: &Node, found: &mut Diagnostics) -> Until {
    let mut fields = Fields::of(node, "`replications`", found);
    let until = fields.need("until", found);
    let max = fields.get("max").map_or(50, |max| {
        scalar(max, quantity::count, found).map_or(50, |count| replications(count, max, found))
    });
    fields.finish(found);
    let mut metrics = Vec::new();
    for (key, value) in entries(until, "`until`", found) {
        let Some(share) = scalar(value, quantity::ratio, found) else { continue };
        if !(share.get() > 0.0 && share.get() < 1.0) {
            let help = "write the half-width of the interval relative to its value: `p99: 5%`";
            found.add(Code::OutOfRange, value.place, "a precision lies between 0 and 100 %", help);
        }
        metrics.push((key.name.clone(), share.get(), Some(key.place)));
    }
    let names_none = |node: &Node| matches!(&node.value, Value::Map(entries) if entries.is_empty());
    if until.is_some_and(names_none) {
        let help = "name a metric and how sure it must be: `until: {p99: 5%}`";
        found.add(Code::WrongShape, node.place, "`until` names no metric", help);
    }
    Until { metrics, max }
}

/// When the last recorded request is sent, if every client replays.
fn last_recorded(clients: &[super::model::ClientSpec]) -> Option<f64> {
    let last = |client: &super::model::ClientSpec| match &client.behaviour {
        crate::workload::Loop::Replay { rows, .. } => rows.last().map(|row| row.at),
        _ => None,
    };
    clients
        .iter()
        .map(last)
        .try_fold(0.0_f64, |latest, at| Some(latest.max(at?)))
        .filter(|_| !clients.is_empty())
}

fn read_claims(node: Option<&Node>, duration: f64, found: &mut Diagnostics) -> Vec<Claim> {
    let mut claims = Vec::new();
    for item in items(node, "objectives and expectations", "- p99 < 300ms", found) {
        if let Some(text) = item.text() {
            let window = ClaimWindow::Run;
            claims.push(Claim { text: text.to_owned(), place: item.place, during: None, window });
            continue;
        }
        let mut fields = Fields::of(item, "a claim", found);
        let during = fields.get("during");
        let that = fields.need("that", found);
        fields.finish(found);
        let window = during.map_or(Some(ClaimWindow::Run), |node| read_window(node, duration, found));
        if let (Some(that), Some(window)) = (that, window)
            && let Some(written) = text(that, found)
        {
            let during = during.and_then(Node::text).map(str::to_owned);
            claims.push(Claim { text: written.to_owned(), place: that.place, during, window });
        }
    }
    claims
}

fn read_window(node: &Node, duration: f64, found: &mut Diagnostics) -> Option<ClaimWindow> {
    let written = text(node, found)?;
    if written == "end" {
        return Some(ClaimWindow::End);
    }
    let Some((from, to)) = written.split_once("..") else {
        found.add(
            Code::BadQuantity,
            node.place,
            format!("`{written}` is no window"),
            "write `12m..18m` or `end`",
        );
        return None;
    };
    let mut seconds = |part: &str| {
        quantity::duration(part.trim())
            .map(SimDuration::as_secs_f64)
            .map_err(|fault| super::fields::report(found, node, Fault { span: None, ..fault }))
            .ok()
    };
    let (from, to) = (seconds(from)?, seconds(to)?);
    if from >= to || to > duration {
        let (message, help) = if from >= to {
            (
                format!("the window `{written}` ends before it begins"),
                "write the earlier time first".to_owned(),
            )
        } else {
            let lasts = SimDuration::from_secs_f64(duration);
            (
                format!("the window `{written}` ends after the run, which lasts {lasts}"),
                format!("end it at {lasts} at the latest, or write a longer `duration`"),
            )
        };
        found.add(Code::WindowOutsideRun, node.place, message, help);
        return None;
    }
    Some(ClaimWindow::During(from, to))
}
