//! The steps about copies of rows: `cached`, `get`, `put`, `write`, `invalidate`.

use super::cache::{entity_of, lasts};
use super::call_options::read_options;
use super::{Names, steps};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::cache::spec::LocalCacheSpec;
use crate::components::service::spec::{
    CacheStep, CallOptions, Coalesce, Endpoint, Layer, Step, WritePolicy,
};
use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node, Value, quantity};
use crate::scenario::fields::{Fields, amount, text};

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
        let (strict, options) = (is_strict(&mut put, found), read_options(&mut put, found));
        put.finish(found);
        Some(CacheStep::Put { entity: entity?, to: to?, ttl, strict, options })
    } else if let Some(node) = step.get("write") {
        read_write(node, names, found)
    } else {
        let node = step.get("invalidate")?;
        let mut invalidate = Fields::of(node, "`invalidate`", found);
        let layers = invalidate.need("in", found).map(|node| layers(node, names, found));
        let entity = entity_of(&mut invalidate, names, found);
        let (strict, options) = (is_strict(&mut invalidate, found), read_options(&mut invalidate, found));
        invalidate.finish(found);
        Some(CacheStep::Invalidate { entity: entity?, layers: layers?, strict, options })
    }
}

fn read_cached(node: &Node, names: &Names, found: &mut Diagnostics, depth: u32) -> Option<CacheStep> {
    let mut cached = Fields::of(node, "`cached`", found);
    let layers = cached.need("in", found).map(|node| layers(node, names, found));
    let entity = entity_of(&mut cached, names, found);
    let ttl = ttl(&mut cached, found);
    let swr = cached.read("swr", quantity::duration, found).map_or(0.0, SimDuration::as_secs_f64);
    if swr > 0.0 && ttl.is_none() {
        let help = "write `ttl: 60s` beside it";
        found.add(Code::MissingKey, node.place, "`swr` begins when `ttl` ends, and there is none", help);
    }
    let scopes = [("none", Coalesce::None), ("instance", Coalesce::Instance), ("lease", Coalesce::Lease)];
    let coalesce = cached.choice("coalesce", &scopes, found).unwrap_or_default();
    let miss = cached.need("miss", found).map(|node| match &node.value {
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
    Some(CacheStep::Cached { entity: entity?, layers, ttl, swr, coalesce, strict, options, miss: miss? })
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
    Some(CacheStep::Write { entity: entity?, layers, policy, ttl, strict, options, store: store? })
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
            Step::Lock { steps, .. } => each(steps, tell),
            _ => {}
        }
    }
}
