//! The steps about copies of rows: `cached`, `get`, `put`, `write`, `invalidate`.

use super::cache::{entity_of, lasts};
use super::call_options::read_options;
use super::{Names, steps};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::cache::spec::LocalCacheSpec;
use crate::components::service::spec::{
    CacheStep, CallOptions, Coalesce, Endpoint, Keeping, Layer, Message, Step, TransactionSpec, WritePolicy,
};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::engine::Terms;
use crate::scenario::fields::{Fields, amount, scalar, share, text};
use crate::scenario::model::{ComponentModel, ComponentSpec};

/// The instance's own cache, as steps name it.
const LOCAL: &str = "local";

/// The step's verb, if it is one of these.
pub(super) fn read(
    step: &mut Fields<'_>,
    names: &Names,
    found: &mut Diagnostics,
    depth: u32,
) -> Option<CacheStep> {
    if let Some(node) = step.get("cached") {
        read_cached(node, names, found, depth)
    } else if let Some(node) = step.get("get") {
        let mut get = Fields::of(node, "`get`", found);
        let from = get.need("from", found).and_then(|node| layer(node, names, found));
        let entity = entity_of(&mut get, names, found);
        let on_miss = get.get("on_miss").map(|n| steps::read(n, names, found, depth + 1));
        let (strict, options) = (is_strict(&mut get, found), read_options(&mut get, found));
        get.finish(found);
        let on_miss = on_miss.unwrap_or_default();
        Some(CacheStep::Get { entity: entity?, from: from?, strict, options, on_miss })
    } else if let Some(node) = step.get("put") {
        let mut put = Fields::of(node, "`put`", found);
        let to = put.need("to", found).and_then(|node| layer(node, names, found));
        let entity = entity_of(&mut put, names, found);
        let ttl = ttl(&mut put, found);
        let guarded = is_guarded(&mut put, found);
        let (strict, options) = (is_strict(&mut put, found), read_options(&mut put, found));
        put.finish(found);
        Some(CacheStep::Put { entity: entity?, to: to?, ttl, guarded, strict, options })
    } else if let Some(node) = step.get("write") {
        read_write(node, names, found)
    } else {
        let node = step.get("invalidate")?;
        let mut invalidate = Fields::of(node, "`invalidate`", found);
        let layers = invalidate.need("in", found).map(|node| layers(node, names, found));
        let entity = entity_of(&mut invalidate, names, found);
        let guarded = is_guarded(&mut invalidate, found);
        let message = message(&mut invalidate, found);
        let (strict, options) = (is_strict(&mut invalidate, found), read_options(&mut invalidate, found));
        invalidate.finish(found);
        Some(CacheStep::Invalidate { entity: entity?, layers: layers?, guarded, message, strict, options })
    }
}

fn read_cached(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<CacheStep> {
    let mut cached = Fields::of(node, "`cached`", found);
    let layers = cached.need("in", found).map(|node| layers(node, names, found));
    let entity = entity_of(&mut cached, names, found);
    let keeping = keeping(&mut cached, node, found);
    let scopes = [("none", Coalesce::None), ("instance", Coalesce::Instance), ("lease", Coalesce::Lease)];
    let coalesce = cached.choice("coalesce", &scopes, found).unwrap_or_default();
    let miss = cached.get("miss").map(|node| match &node.value {
        Value::List(_) => steps::read(node, names, found, depth + 1),
        _ => query(node, names, found).into_iter().collect(),
    });
    let (strict, options) = (is_strict(&mut cached, found), read_options(&mut cached, found));
    cached.finish(found);
    let layers = layers?;
    if coalesce == Coalesce::Lease && !layers.iter().any(|layer| matches!(layer, Layer::Cache(_))) {
        found.add(
            Code::Contradiction,
            node.place,
            "a lease is given by a cache that all instances share, and this names none",
            "name one of kind `cache` in `in:`, or write `coalesce: instance`",
        );
    }
    Some(CacheStep::Cached { entity: entity?, layers, keeping, coalesce, strict, options, miss })
}

/// How what was fetched is kept, and what becomes of it near its end.
fn keeping(cached: &mut Fields<'_>, node: &Node, found: &mut Diagnostics) -> Keeping {
    let ttl = ttl(cached, found);
    let mut terms = Terms {
        grace: cached.read("swr", quantity::duration, found).unwrap_or(SimDuration::ZERO),
        on_error: cached.read("stale_if_error", quantity::duration, found).unwrap_or(SimDuration::ZERO),
        beta: cached.read("early", quantity::number, found).unwrap_or(0.0),
        ..Terms::default()
    };
    let mean = ttl.as_ref().map_or(0.0, Distribution::mean);
    if let Some(at) = cached.get("refresh_ahead") {
        let part = at.text().is_some_and(|text| text.trim_end().ends_with('%'));
        let ahead = if part {
            scalar(at, quantity::ratio, found).map(|part| part.get() * mean)
        } else {
            scalar(at, quantity::duration, found).map(SimDuration::as_secs_f64)
        };
        let ahead = ahead.unwrap_or(0.0);
        if ttl.is_some() && ahead >= mean {
            let help = "write the last part of the `ttl`: `refresh_ahead: 20%`, or `15s` of `ttl: 60s`";
            found.add(Code::OutOfRange, at.place, "it would be fetched anew at each hit", help);
        }
        terms.ahead = SimDuration::from_secs_f64(ahead.clamp(0.0, mean));
    }
    if !(0.0..=1000.0).contains(&terms.beta) {
        found.add(
            Code::OutOfRange,
            node.place,
            "`early` lies between 0 and 1000",
            "1 is the best of theory; more is earlier",
        );
        terms.beta = 0.0;
    }
    let written = [
        ("swr", !terms.grace.is_zero()),
        ("stale_if_error", !terms.on_error.is_zero()),
        ("refresh_ahead", node.get("refresh_ahead").is_some()),
        ("early", terms.beta > 0.0),
    ];
    let needs = written.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key);
    if let (Some(key), None) = (needs, &ttl) {
        let message = format!("`{key}` is about the end of `ttl`, and there is none");
        found.add(Code::MissingKey, node.place, message, "write `ttl: 60s` beside it");
    }
    let mut lasting = |key: &'static str, found: &mut Diagnostics| {
        let node = cached.get(key)?;
        let ttl = amount(node, Of::Time, found)?;
        lasts(node, ttl, found)
    };
    let (negative_ttl, error_ttl) = (lasting("negative_ttl", found), lasting("error_ttl", found));
    Keeping { ttl, terms, negative_ttl, error_ttl, guarded: is_guarded(cached, found) }
}

/// Whether versions are compared.
fn is_guarded(fields: &mut Fields<'_>, found: &mut Diagnostics) -> bool {
    fields.choice("guard", &[("none", false), ("version", true)], found).unwrap_or(false)
}

/// How caches are told that copies are old.
fn message(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Message {
    Message {
        delay: fields.amount("delay", Of::Time, found),
        lost: fields.read("lost", share, found).unwrap_or(0.0),
        again_after: fields.amount("again_after", Of::Time, found),
    }
}

fn read_write(node: &Node, names: &Names, found: &mut Diagnostics) -> Option<CacheStep> {
    let mut write = Fields::of(node, "`write`", found);
    let store: Option<Vec<Step>> =
        write.need("to", found).map(|node| query(node, names, found).into_iter().collect());
    let layers = write.need("in", found).map(|node| layers(node, names, found));
    let entity = entity_of(&mut write, names, found);
    let policies = [
        ("aside", WritePolicy::Aside),
        ("through", WritePolicy::Through),
        ("around", WritePolicy::Around),
        ("back", WritePolicy::Back),
    ];
    let policy = write.choice("policy", &policies, found).unwrap_or_default();
    let ttl = ttl(&mut write, found);
    let (guarded, message) = (is_guarded(&mut write, found), message(&mut write, found));
    if policy != WritePolicy::Aside && message != Message::default() {
        let help = "write `policy: aside`, or leave `delay`, `lost` and `again_after` out";
        found.add(Code::NoEffect, node.place, "copies are told to go only where the policy is aside", help);
    }
    // What was written through must be in both; a delete that fails leaves a stale copy, as it does in life.
    let both = matches!(policy, WritePolicy::Through | WritePolicy::Back);
    let errors = [("miss", false), ("fail", true)];
    let strict = write.choice("on_error", &errors, found).unwrap_or(both);
    let options = read_options(&mut write, found);
    write.finish(found);
    let layers = layers?;
    let shared = layers.iter().filter(|layer| matches!(layer, Layer::Cache(_))).count();
    if policy == WritePolicy::Back && shared != 1 {
        found.add(
            Code::Contradiction,
            node.place,
            "one shared cache writes back, and this names none or several",
            "name one of kind `cache` in `in:`",
        );
    }
    let (entity, store) = (entity?, store?);
    Some(CacheStep::Write { entity, layers, policy, ttl, guarded, message, strict, options, store })
}

/// `db.feed(post)` in place of a list of steps.
fn query(node: &Node, names: &Names, found: &mut Diagnostics) -> Option<Step> {
    let (target, operation, row) = steps::read_query(node, names, found)?;
    Some(Step::Call {
        target,
        operation,
        row,
        size: None,
        options: CallOptions::default(),
        on_error: None,
        fallback: false,
    })
}

fn layer(node: &Node, names: &Names, found: &mut Diagnostics) -> Option<Layer> {
    match text(node, found)? {
        LOCAL => Some(Layer::Local),
        name => names.cache(node, name, found).map(Layer::Cache),
    }
}

fn layers(node: &Node, names: &Names, found: &mut Diagnostics) -> Vec<Layer> {
    let single = [node.clone()];
    let all = if node.items().is_empty() { &single[..] } else { node.items() };
    let mut layers = Vec::new();
    for node in all {
        let Some(layer) = layer(node, names, found) else { continue };
        if layers.contains(&layer) {
            let help = "name each once, the nearest first: `in: [local, redis]`";
            found.add(Code::Conflict, node.place, "this cache is named twice", help);
            continue;
        }
        layers.push(layer);
    }
    layers
}

fn ttl(fields: &mut Fields<'_>, found: &mut Diagnostics) -> Option<Distribution> {
    let node = fields.get("ttl")?;
    let ttl = amount(node, Of::Time, found)?;
    lasts(node, ttl, found)
}

fn is_strict(fields: &mut Fields<'_>, found: &mut Diagnostics) -> bool {
    fields.choice("on_error", &[("miss", false), ("fail", true)], found).unwrap_or(false)
}

/// Steps that ask for the instance's own cache need one of that entity.
pub(super) fn check_local(
    endpoint: &Endpoint,
    caches: &[LocalCacheSpec],
    names: &Names,
    found: &mut Diagnostics,
) {
    each(&endpoint.steps, &mut |step| {
        if step.is_local() && !caches.iter().any(|local| local.entity == step.entity()) {
            let entity = names.entity_name(step.entity());
            found.add(
                Code::UnknownName,
                endpoint.place,
                format!("the service has no `local_cache` for `{entity}`"),
                format!("add `local_cache: {{{entity}: {{max: 10k, ttl: 2s}}}}` to the service"),
            );
        }
    });
}

/// A read without a way to fetch what is missing needs a cache that fetches by itself, as the last one.
pub(super) fn check_read_through(components: &[ComponentModel], names: &Names, found: &mut Diagnostics) {
    let fetches = |layer: &Layer, entity| match layer {
        Layer::Cache(id) => match components.get(id.index()).map(|component| &component.spec) {
            Some(ComponentSpec::Cache(cache)) => cache.read_through.iter().any(|(of, ..)| *of == entity),
            _ => false,
        },
        Layer::Local => false,
    };
    let services = components.iter().filter_map(|component| match &component.spec {
        ComponentSpec::Service(service) => Some(service),
        _ => None,
    });
    for endpoint in services.flat_map(|service| &service.endpoints) {
        each(&endpoint.steps, &mut |step| {
            let CacheStep::Cached { entity, layers, miss, .. } = step else { return };
            let place = endpoint.place;
            let name = names.entity_name(*entity);
            let last = layers.last().is_some_and(|layer| fetches(layer, *entity));
            if miss.is_none() && !last {
                found.add(
                    Code::MissingKey,
                    place,
                    format!("nothing says how a `{name}` is fetched that no cache has"),
                    format!("write `miss: db.get({name})`, or let the last cache say `read_through: {{{name}: db.get({name})}}`"),
                );
            } else if !last && layers.iter().any(|layer| fetches(layer, *entity)) {
                found.add(
                    Code::Contradiction,
                    place,
                    "a cache that fetches by itself is asked before another one",
                    "name it last in `in:`",
                );
            }
        });
    }
}

/// Tells of every step about copies.
fn each(steps: &[Step], tell: &mut impl FnMut(&CacheStep)) {
    for step in steps {
        match step {
            Step::Cache(step) => {
                tell(step);
                each(step.beyond(), tell);
            }
            Step::Call { on_error, .. } => each(on_error.as_deref().unwrap_or_default(), tell),
            Step::Parallel { branches, on_error, .. } => {
                branches.iter().for_each(|branch| each(branch, tell));
                each(on_error.as_deref().unwrap_or_default(), tell);
            }
            Step::If { then, otherwise, .. } => {
                each(then, tell);
                each(otherwise, tell);
            }
            Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => each(steps, tell),
            Step::Saga(saga) => saga.iter().for_each(|step| {
                each(&step.steps, tell);
                each(&step.undo, tell);
            }),
            _ => {}
        }
    }
}
