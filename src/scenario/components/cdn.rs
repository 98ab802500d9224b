//! `kind: cdn`.

use super::cache::{capacity, entity_of_optional, eviction};
use super::{Names, small};
use crate::base::SimDuration;
use crate::base::random::Distribution;
use crate::components::cache::eviction::Policy;
use crate::components::cdn::edge::Freshness;
use crate::components::cdn::spec::{CdnSpec, RuleSpec};
use crate::components::endpoint_pattern::EndpointPattern;
use crate::document::distribution_text::Of;
use crate::document::{Diagnostics, quantity};
use crate::scenario::fields::{Fields, amount, entries, items, text};

pub(super) fn read(fields: &mut Fields<'_>, names: &Names, found: &mut Diagnostics) -> CdnSpec {
    let to = fields.need("to", found).and_then(|node| names.receiver(node, text(node, found)?, found));
    let mut routes = Vec::new();
    for node in items(fields.get("routes"), "routes", "- {path: /api/*, to: app}", found) {
        let mut route = Fields::of(node, "a cdn route", found);
        let path = route.need("path", found).and_then(|n| text(n, found)).map(str::to_owned);
        let method = route.get("method").and_then(|n| text(n, found)).map(str::to_owned);
        let to = route.need("to", found).and_then(|n| names.receiver(n, text(n, found)?, found));
        route.finish(found);
        routes.extend(to.map(|to| (EndpointPattern { method, path }, to)));
    }
    let error_ttl = fields.read("error_ttl", quantity::duration, found).unwrap_or_default();
    let if_error = fields.read("stale_if_error", quantity::duration, found).unwrap_or_default();
    let revalidating = fields.read("stale_while_revalidate", quantity::duration, found).unwrap_or_default();
    let mut rules = Vec::new();
    for (key, node) in entries(fields.get("cache"), "`cache`", found) {
        let mut rule = Fields::of(node, "a cache rule", found);
        let ttl = rule.need("ttl", found).and_then(|node| amount(node, Of::Time, found));
        let entity = entity_of_optional(&mut rule, names, found);
        let while_revalidating = rule.read("stale_while_revalidate", quantity::duration, found);
        let own_if_error = rule.read("stale_if_error", quantity::duration, found);
        let own_error_ttl = rule.read("error_ttl", quantity::duration, found);
        rule.finish(found);
        // A path alone is what may be kept of it: the answers to GET.
        let (method, path) = key.name.split_once(' ').unwrap_or(("GET", key.name.as_str()));
        let pattern = EndpointPattern { method: Some(method.to_owned()), path: Some(path.trim().to_owned()) };
        let ttl = ttl.unwrap_or(Distribution::Constant(0.0));
        let fresh = Freshness {
            ttl: SimDuration::from_secs_f64(ttl.mean()),
            while_revalidating: while_revalidating.unwrap_or(revalidating),
            if_error: own_if_error.unwrap_or(if_error),
            error_ttl: own_error_ttl.unwrap_or(error_ttl),
        };
        rules.push(RuleSpec { pattern, place: key.place, entity, fresh, ttl });
    }
    let zones = fields.get("zones").map_or(0, |node| node.items().len());
    let pops = small(fields, "pops", 1, 1_000, found).map(|n| n as u16);
    CdnSpec {
        to,
        routes,
        rules,
        // One place in each zone, unless more are written.
        pops: pops.unwrap_or((zones as u16).max(1)),
        located: zones > 0,
        purge_delay: fields.amount("purge_delay", Of::Time, found),
        shield: fields.flag("shield", found).unwrap_or(false),
        collapse: fields.flag("collapse", found).unwrap_or(true),
        capacity: capacity(fields, 0, found),
        eviction: eviction(fields, Policy::Lru, found),
        timeout: fields.read("timeout", quantity::duration, found).map(SimDuration::as_secs_f64),
    }
}
