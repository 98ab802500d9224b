//! `kind: cdn`.

use super::cache::{capacity, entity_of_optional, eviction};
use super::{Names, small};
use crate::base::SimDuration;
use crate::components::cache::eviction::Policy;
use crate::components::cdn::edge::Freshness;
use crate::components::cdn::spec::{CdnSpec, RuleSpec};
use crate::components::endpoint_pattern::EndpointPattern;
use crate::document::{Diagnostics, quantity};
use crate::scenario::fields::{Fields, entries, scalar, text};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> CdnSpec {
    let to = fields.need("to", found).and_then(|node| names.receiver(node, text(node, found)?, found));
    let error_ttl = fields.read("error_ttl", quantity::duration, found).unwrap_or_default();
    let if_error = fields.read("stale_if_error", quantity::duration, found).unwrap_or_default();
    let mut rules = Vec::new();
    for (key, node) in entries(fields.get("cache"), "`cache`", found) {
        let mut rule = Fields::of(node, "a cache rule", found);
        let ttl = rule.need("ttl", found).and_then(|node| scalar(node, quantity::duration, found));
        let entity = entity_of_optional(&mut rule, names, found);
        rule.finish(found);
        // A path alone is what may be kept of it: the answers to GET.
        let (method, path) = key.name.split_once(' ').unwrap_or(("GET", key.name.as_str()));
        let pattern = EndpointPattern { method: Some(method.to_owned()), path: Some(path.trim().to_owned()) };
        let while_revalidating = SimDuration::ZERO;
        let fresh = Freshness { ttl: ttl.unwrap_or_default(), while_revalidating, if_error, error_ttl };
        rules.push(RuleSpec { pattern, entity, fresh });
    }
    CdnSpec {
        to,
        rules,
        pops: small(fields, "pops", 1, 1_000, found).unwrap_or(1) as u16,
        shield: fields.flag("shield", found).unwrap_or(false),
        collapse: fields.flag("collapse", found).unwrap_or(true),
        capacity: capacity(fields, 0, found),
        eviction: eviction(fields, Policy::Lru, found),
        timeout: fields.read("timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
    }
}
