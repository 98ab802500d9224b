//! Presets: what a product does unless it is told otherwise, and spikes that have been seen.
//!
//! Each is a data file, `presets/NAME.yaml`: `product@version`, and for each key its value, how well
//! that is known, and where it was read. A preset is laid under what the scenario writes, on the tree
//! and before anything gets a type, so its values have places as well: a mistake in one points into the
//! preset's own text. In a key, `*` stands for every entry that the scenario has there.
//!
//! Rule: nothing is invented. A value is `verified` (read in the vendor's documentation or source, at
//! the commit named), `secondary` (read in somebody else's account of it), or `unverified` (common
//! knowledge, to be replaced by a measurement).

use super::yaml;
use crate::document::{Code, Diagnostics, Key, Node, Place, Sources, Value, did_you_mean};

/// A preset as shipped.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The product.
    pub name: &'static str,
    /// The kind of component that it is for, or the block: `autoscale`, `spike`, `retry`, `breaker`, `rate_limit`.
    pub kind: &'static str,
    text: &'static str,
}

const fn preset(name: &'static str, kind: &'static str, text: &'static str) -> Preset {
    Preset { name, kind, text }
}

/// All presets.
pub const PRESETS: &[Preset] = &[
    preset("nginx", "load_balancer", include_str!("presets/nginx.yaml")),
    preset("haproxy", "load_balancer", include_str!("presets/haproxy.yaml")),
    preset("nginx-pre-1.29.7", "load_balancer", include_str!("presets/nginx-pre-1.29.7.yaml")),
    preset("haproxy-pre-3.3", "load_balancer", include_str!("presets/haproxy-pre-3.3.yaml")),
    preset("envoy", "load_balancer", include_str!("presets/envoy.yaml")),
    preset("alb", "load_balancer", include_str!("presets/alb.yaml")),
    preset("nlb", "load_balancer", include_str!("presets/nlb.yaml")),
    preset("haproxy-tcp", "load_balancer", include_str!("presets/haproxy-tcp.yaml")),
    preset("kube-proxy", "load_balancer", include_str!("presets/kube-proxy.yaml")),
    preset("ipvs", "load_balancer", include_str!("presets/ipvs.yaml")),
    preset("maglev", "load_balancer", include_str!("presets/maglev.yaml")),
    preset("tomcat", "service", include_str!("presets/tomcat.yaml")),
    preset("gunicorn-sync", "service", include_str!("presets/gunicorn-sync.yaml")),
    preset("gunicorn-threads", "service", include_str!("presets/gunicorn-threads.yaml")),
    preset("puma", "service", include_str!("presets/puma.yaml")),
    preset("node", "service", include_str!("presets/node.yaml")),
    preset("go", "service", include_str!("presets/go.yaml")),
    preset("php-fpm", "service", include_str!("presets/php-fpm.yaml")),
    preset("lambda", "service", include_str!("presets/lambda.yaml")),
    preset("spring-hikari", "service", include_str!("presets/spring-hikari.yaml")),
    preset("postgres", "database", include_str!("presets/postgres.yaml")),
    preset("mysql", "database", include_str!("presets/mysql.yaml")),
    preset("aurora", "database", include_str!("presets/aurora.yaml")),
    preset("rds-multi-az", "database", include_str!("presets/rds-multi-az.yaml")),
    preset("pgbouncer-session", "pooler", include_str!("presets/pgbouncer-session.yaml")),
    preset("pgbouncer-tx", "pooler", include_str!("presets/pgbouncer-tx.yaml")),
    preset("hikari", "pool", include_str!("presets/hikari.yaml")),
    preset("dynamodb-provisioned", "database", include_str!("presets/dynamodb-provisioned.yaml")),
    preset("dynamodb-ondemand", "database", include_str!("presets/dynamodb-ondemand.yaml")),
    preset("cassandra", "database", include_str!("presets/cassandra.yaml")),
    preset("vitess", "database", include_str!("presets/vitess.yaml")),
    preset("citus", "database", include_str!("presets/citus.yaml")),
    preset("mongodb", "database", include_str!("presets/mongodb.yaml")),
    preset("redis", "cache", include_str!("presets/redis.yaml")),
    preset("redis-cluster", "cache", include_str!("presets/redis-cluster.yaml")),
    preset("memcached", "cache", include_str!("presets/memcached.yaml")),
    preset("dax", "cache", include_str!("presets/dax.yaml")),
    preset("cloudfront", "cdn", include_str!("presets/cloudfront.yaml")),
    preset("fastly", "cdn", include_str!("presets/fastly.yaml")),
    preset("cloudflare", "cdn", include_str!("presets/cloudflare.yaml")),
    preset("nginx-cache", "cdn", include_str!("presets/nginx-cache.yaml")),
    preset("sqs", "queue", include_str!("presets/sqs.yaml")),
    preset("sqs-fifo", "queue", include_str!("presets/sqs-fifo.yaml")),
    preset("rabbitmq-classic", "queue", include_str!("presets/rabbitmq-classic.yaml")),
    preset("rabbitmq-quorum", "queue", include_str!("presets/rabbitmq-quorum.yaml")),
    preset("redis-list", "queue", include_str!("presets/redis-list.yaml")),
    preset("celery", "worker", include_str!("presets/celery.yaml")),
    preset("celery-acks-late", "worker", include_str!("presets/celery-acks-late.yaml")),
    preset("sidekiq", "worker", include_str!("presets/sidekiq.yaml")),
    preset("sidekiq-pro", "worker", include_str!("presets/sidekiq-pro.yaml")),
    preset("kafka-3", "queue", include_str!("presets/kafka-3.yaml")),
    preset("kafka-4", "queue", include_str!("presets/kafka-4.yaml")),
    preset("caffeine", "local_cache", include_str!("presets/caffeine.yaml")),
    preset("guava-lru", "local_cache", include_str!("presets/guava-lru.yaml")),
    preset("k8s-hpa", "autoscale", include_str!("presets/k8s-hpa.yaml")),
    preset("aws-target-tracking", "autoscale", include_str!("presets/aws-target-tracking.yaml")),
    preset("aws-sdk", "retry", include_str!("presets/aws-sdk.yaml")),
    preset("aws-sdk-legacy", "retry", include_str!("presets/aws-sdk-legacy.yaml")),
    preset("finagle", "retry", include_str!("presets/finagle.yaml")),
    preset("grpc", "retry", include_str!("presets/grpc.yaml")),
    preset("envoy-route", "retry", include_str!("presets/envoy-route.yaml")),
    preset("resilience4j", "retry", include_str!("presets/resilience4j.yaml")),
    preset("google-sre", "retry", include_str!("presets/google-sre.yaml")),
    preset("public-cloud", "prices", include_str!("presets/public-cloud.yaml")),
    preset("resilience4j", "breaker", include_str!("presets/resilience4j-breaker.yaml")),
    preset("hystrix", "breaker", include_str!("presets/hystrix.yaml")),
    preset("nginx-limit-req", "rate_limit", include_str!("presets/nginx-limit-req.yaml")),
    preset("token-bucket", "rate_limit", include_str!("presets/token-bucket.yaml")),
    preset("stripe", "rate_limit", include_str!("presets/stripe.yaml")),
    preset("hn-front-page", "spike", include_str!("presets/hn-front-page.yaml")),
    preset("tweet-celebrity", "spike", include_str!("presets/tweet-celebrity.yaml")),
    preset("product-hunt", "spike", include_str!("presets/product-hunt.yaml")),
    preset("viral-launch", "spike", include_str!("presets/viral-launch.yaml")),
    preset("return-to-work", "spike", include_str!("presets/return-to-work.yaml")),
    preset("flash-sale", "spike", include_str!("presets/flash-sale.yaml")),
    preset("push", "spike", include_str!("presets/push.yaml")),
];

/// One value of a preset.
#[derive(Clone, Debug)]
pub struct PresetValue {
    /// The key, dotted; `*` is every entry.
    pub key: String,
    /// The value, with the place that wrote it.
    pub value: Node,
    /// `verified`, `secondary` or `unverified`.
    pub evidence: String,
    /// Where it was read.
    pub source: String,
}

/// A preset as read.
#[derive(Clone, Debug)]
pub struct PresetFile {
    /// `product@version`.
    pub product: String,
    /// A sentence.
    pub about: String,
    /// Its defaults.
    pub values: Vec<PresetValue>,
}

impl Preset {
    /// The block of the vocabulary that its keys are of: its kind, except that logs have one of their own.
    #[must_use]
    pub fn block(&self) -> &'static str {
        let is_log = self.kind == "queue" && self.text.contains("\n  family:\n    value: log\n");
        if is_log { "log" } else { self.kind }
    }

    /// Reads the preset's file; findings can only be mistakes of the file itself.
    pub fn read(&self, sources: &mut Sources, found: &mut Diagnostics) -> Option<PresetFile> {
        let product =
            self.text.lines().next().and_then(|line| line.strip_prefix("preset: ")).unwrap_or(self.name);
        let source = sources.add(format!("preset {product}"), self.text);
        let root = yaml::read(source, sources, found)?;
        let word = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().to_owned();
        let values = root.get("defaults").map_or(&[][..], Node::entries).iter().filter_map(|(key, node)| {
            Some(PresetValue {
                key: key.name.clone(),
                value: node.get("value")?.clone(),
                evidence: word(node.get("evidence")),
                source: word(node.get("source")),
            })
        });
        Some(PresetFile {
            product: product.to_owned(),
            about: word(root.get("about")),
            values: values.collect(),
        })
    }
}

/// Lays presets under a design: components and blocks that name one.
pub fn fill(tree: &mut Node, sources: &mut Sources, found: &mut Diagnostics) {
    for (_, component) in children(tree, "components") {
        let kind = component.get("kind").and_then(Node::text).unwrap_or_default().to_owned();
        lay_under(component, &kind, sources, found);
        if let Some(autoscale) = child(component, "autoscale") {
            lay_under(autoscale, "autoscale", sources, found);
        }
        if let Some(limit) = child(component, "rate_limit") {
            lay_under(limit, "rate_limit", sources, found);
        }
        if let Some(endpoints) = child(component, "endpoints") {
            fill_calls(endpoints, sources, found);
        }
    }
    if let Some(prices) = child(tree, "prices") {
        lay_under(prices, "prices", sources, found);
    }
    for (_, component) in children(tree, "components") {
        for (_, local) in children(component, "local_cache") {
            lay_under(local, "local_cache", sources, found);
        }
        for (_, pool) in children(component, "pools") {
            lay_under(pool, "pool", sources, found);
        }
    }
    for (_, client) in children(tree, "clients") {
        fill_calls(client, sources, found);
        for key in ["spike", "spikes"] {
            let Some(node) = child(client, key) else { continue };
            match &mut node.value {
                Value::List(spikes) => {
                    for spike in spikes {
                        lay_under(spike, "spike", sources, found);
                    }
                }
                _ => lay_under(node, "spike", sources, found),
            }
        }
    }
}

/// Retries and breakers at whatever depth: `retry: grpc`, or with keys of its own, `retry: {preset: grpc, attempts: 2}`.
fn fill_calls(node: &mut Node, sources: &mut Sources, found: &mut Diagnostics) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| fill_calls(item, sources, found)),
        Value::Map(entries) => {
            for (key, below) in entries {
                let Some(kind) = ["retry", "breaker"].into_iter().find(|kind| *kind == key.name) else {
                    fill_calls(below, sources, found);
                    continue;
                };
                if matches!(below.value, Value::Scalar { .. }) {
                    let named = (Key { name: "preset".to_owned(), place: below.place }, below.clone());
                    below.value = Value::Map(vec![named]);
                }
                lay_under(below, kind, sources, found);
            }
        }
        _ => {}
    }
}

fn child<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    entries.iter_mut().find(|(key, _)| key.name == name).map(|(_, node)| node)
}

fn children<'a>(node: &'a mut Node, name: &str) -> &'a mut [(Key, Node)] {
    match child(node, name).map(|node| &mut node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &mut [],
    }
}

fn lay_under(node: &mut Node, kind: &str, sources: &mut Sources, found: &mut Diagnostics) {
    let Some(named) = node.get("preset").filter(|named| !named.is_null()).cloned() else { return };
    let Some(written) = named.text() else { return };
    let Some(preset) = named_preset(written, kind, named.place, found) else { return };
    let Some(file) = preset.read(sources, found) else { return };
    if written.contains('@') && written != file.product {
        found.add(
            Code::UnknownPreset,
            named.place,
            format!("`{written}` is not known, only {}", file.product),
            format!("write `preset: {}` and what differs in your version", preset.name),
        );
        return;
    }
    for value in file.values {
        let path: Vec<&str> = value.key.split('.').collect();
        insert(node, &path, &value.value);
    }
}

fn named_preset(written: &str, kind: &str, place: Place, found: &mut Diagnostics) -> Option<&'static Preset> {
    let name = written.split('@').next().unwrap_or(written);
    let of_kind = || PRESETS.iter().filter(|preset| preset.kind == kind);
    let preset = of_kind().find(|preset| preset.name == name);
    if preset.is_none() {
        let other = PRESETS.iter().find(|preset| preset.name == name);
        let (message, help) = match other {
            Some(other) => (
                format!("`{name}` is a preset for `{}`, not for `{kind}`", other.kind),
                format!("for `{kind}` there are {}", list(of_kind())),
            ),
            None => (
                format!("there is no preset `{name}` for `{kind}`"),
                did_you_mean(name, of_kind().map(|preset| preset.name)),
            ),
        };
        // An unknown kind is a mistake of its own.
        if PRESETS.iter().any(|preset| preset.kind == kind) {
            found.add(Code::UnknownPreset, place, message, help);
        }
    }
    preset
}

fn list<'a>(presets: impl Iterator<Item = &'a Preset>) -> String {
    presets.map(|preset| format!("`{}`", preset.name)).collect::<Vec<_>>().join(", ")
}

/// Puts a value where nothing is written; also a written null stays.
fn insert(node: &mut Node, path: &[&str], value: &Node) {
    let Some((first, rest)) = path.split_first() else { return };
    let Value::Map(entries) = &mut node.value else { return };
    if *first == "*" {
        for (_, below) in entries {
            if below.is_null() {
                below.value = Value::Map(Vec::new());
            }
            insert(below, rest, value);
        }
        return;
    }
    match entries.iter_mut().find(|(key, _)| key.name == *first) {
        Some((_, below)) => insert(below, rest, value),
        None if rest.is_empty() => {
            entries.push((Key { name: (*first).to_owned(), place: value.place }, value.clone()));
        }
        // What does not exist has no entries either.
        None if rest[0] == "*" => {}
        None => {
            let mut below = Node { value: Value::Map(Vec::new()), place: value.place };
            insert(&mut below, rest, value);
            entries.push((Key { name: (*first).to_owned(), place: value.place }, below));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_evidence_and_a_source() {
        for preset in PRESETS {
            let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
            let file = preset.read(&mut sources, &mut found).expect(preset.name);
            assert!(found.is_empty(), "{}: {found:?}", preset.name);
            let (name, version) = file.product.split_once('@').expect(preset.name);
            assert!(name == preset.name && !version.is_empty(), "{}", file.product);
            assert!(!file.about.is_empty() && !file.values.is_empty(), "{}", preset.name);
            for value in &file.values {
                let known = ["verified", "secondary", "unverified"].contains(&value.evidence.as_str());
                assert!(known && !value.source.is_empty(), "{}: {}", preset.name, value.key);
                // What is said to be verified names what was read.
                assert!(value.evidence != "verified" || value.source.contains(':'), "{}", value.source);
            }
            let text = format!("kind: {}", preset.kind);
            assert!(preset.text.lines().any(|line| line == text), "{}", preset.name);
        }
    }

    #[test]
    fn a_preset_lies_under_what_is_written() {
        let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
        let text = "components:\n  a: {kind: service, preset: spring-hikari, workers: 50, pools: {db: {size: 20}, other: null}}\n  d: {kind: database, preset: postgres@17, max_connections: null}\n";
        let source = sources.add("s.yaml", text);
        let mut tree = yaml::read(source, &sources, &mut found).expect("yaml");
        fill(&mut tree, &mut sources, &mut found);
        assert!(found.is_empty(), "{found:?}");
        let at = |path: &[&str]| {
            path.iter().try_fold(&tree, |node, name| node.get(name)).map(|node| {
                (
                    node.text().unwrap_or("null"),
                    sources.get(node.place.source).map_or("", |s| s.name.as_str()),
                )
            })
        };
        let hikari = "preset spring-hikari@5";
        assert_eq!(at(&["components", "a", "workers"]), Some(("50", "s.yaml")));
        assert_eq!(at(&["components", "a", "accept_queue"]), Some(("100", hikari)));
        assert_eq!(at(&["components", "a", "pools", "db", "size"]), Some(("20", "s.yaml")));
        assert_eq!(at(&["components", "a", "pools", "db", "wait"]), Some(("30s", hikari)));
        assert_eq!(at(&["components", "a", "pools", "other", "size"]), Some(("10", hikari)));
        assert_eq!(at(&["components", "d", "max_connections"]), Some(("null", "s.yaml")));
        assert_eq!(at(&["components", "d", "commit"]), Some(("1ms", "preset postgres@17")));
    }
}
