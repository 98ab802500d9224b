//! The `components:` block: what every kind shares, and one file per kind.

mod autoscale;
mod background;
mod cache;
mod cache_steps;
mod call_guards;
mod call_options;
mod capacity;
mod cdn;
mod database;
mod guarding;
mod load_balancer;
mod log;
mod pooler;
mod queue;
mod replicas;
mod service;
mod shards;
mod steps;
mod transactions;

pub(super) use call_options::read_options;
pub(super) use guarding::after;
pub(super) use load_balancer::field;
pub(super) use queue::read_span;

use super::clients::replay::Replays;
use super::fields::{Fields, entries, items, resolve, scalar, text};
use super::model::{ComponentModel, ComponentSpec, EntitySpec};
use crate::base::{ComponentId, Cores, EntityId};
use crate::document::{Code, Diagnostics, Node, quantity};

/// What names there are, before anything that refers to them is read.
pub(super) struct Names {
    components: Vec<(String, String, Vec<String>)>,
    entities: Vec<String>,
    /// By entity: the one whose key places it.
    keys: Vec<Option<EntityId>>,
    /// Columns of replayed traces with their means.
    columns: Vec<(String, f64)>,
    /// Databases that some step has a transaction with.
    transactional: Vec<String>,
    /// Poolers, with the databases behind them.
    poolers: Vec<(String, String)>,
}

/// The kind of a queue of the family `log`, which has keys of its own.
const LOG: &str = "queue of the family `log`";

impl Names {
    pub(super) fn collect(components: Option<&Node>, entities: &[EntitySpec], replays: &Replays) -> Self {
        let list = |node: &Node, key: &str| {
            node.get(key)
                .map_or(&[][..], Node::entries)
                .iter()
                .map(|(k, _)| k.name.clone())
                .collect::<Vec<_>>()
        };
        let mut transactional = Vec::new();
        let mut poolers = Vec::new();
        for (key, node) in components.map_or(&[][..], Node::entries) {
            if let Some(endpoints) = node.get("endpoints") {
                transactions::databases(endpoints, &mut transactional);
            }
            if let ("pooler", Some(to)) = (
                node.get("kind").and_then(Node::text).unwrap_or_default(),
                node.get("to").and_then(Node::text),
            ) {
                poolers.push((key.name.clone(), to.to_owned()));
            }
        }
        let components = components.map_or(&[][..], Node::entries).iter().map(|(key, node)| {
            let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
            let is_log = super::vocabulary::component_block(node) == Some("log");
            let kind = if is_log { LOG } else { kind };
            let operations = match kind {
                "database" => list(node, "queries"),
                // What its database can be asked for.
                "pooler" => node
                    .get("to")
                    .and_then(Node::text)
                    .and_then(|to| components?.get(to))
                    .map_or_else(Vec::new, |database| list(database, "queries")),
                _ => list(node, "endpoints"),
            };
            (key.name.clone(), kind.to_owned(), operations)
        });
        let columns = replays.names.iter().enumerate().map(|(at, name)| (name.clone(), replays.mean(at)));
        Self {
            components: components.collect(),
            entities: entities.iter().map(|e| e.name.clone()).collect(),
            keys: entities.iter().map(|e| e.key_of).collect(),
            columns: columns.collect(),
            transactional,
            poolers,
        }
    }

    /// The name of a component.
    pub(super) fn component_name(&self, id: ComponentId) -> &str {
        self.components.get(id.index()).map_or("", |(name, ..)| name)
    }

    /// Whether a component is that database, or a pooler before it.
    pub(super) fn leads_to(&self, id: ComponentId, database: ComponentId) -> bool {
        let (name, to) = (self.component_name(id), self.component_name(database));
        id == database || self.poolers.iter().any(|(pooler, behind)| pooler == name && behind == to)
    }

    /// Whether some step has a transaction with a database.
    pub(super) fn is_transactional(&self, database: &str) -> bool {
        self.transactional.iter().any(|name| name == database)
    }

    pub(super) fn components(&self) -> impl Iterator<Item = &str> + Clone {
        self.components.iter().map(|(name, ..)| name.as_str())
    }

    pub(super) fn entity(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<EntityId> {
        let names = self.entities.iter().map(String::as_str);
        resolve(node, name, names, Code::UnknownEntity, "entity", found).map(EntityId::at)
    }

    /// The entity whose key places rows of another.
    pub(super) fn key_of(&self, entity: EntityId) -> Option<EntityId> {
        self.keys.get(entity.index()).copied().flatten()
    }

    pub(super) fn entity_name(&self, id: EntityId) -> &str {
        self.entities.get(id.index()).map_or("", String::as_str)
    }

    pub(super) fn component(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<ComponentId> {
        // That there are no components at all is said once.
        if self.components.is_empty() {
            return None;
        }
        resolve(node, name, self.components(), Code::UnknownComponent, "component", found)
            .map(ComponentId::at)
    }

    /// What a component can be asked for; a load balancer for whatever some service serves, in the order
    /// of [`super::model::endpoints`].
    fn operations(&self, of: ComponentId) -> Vec<&str> {
        let Some((_, kind, operations)) = self.components.get(of.index()) else { return Vec::new() };
        if kind != "load_balancer" && kind != "cdn" {
            return operations.iter().map(String::as_str).collect();
        }
        let mut seen = std::collections::BTreeSet::new();
        let services = self.components.iter().filter(|(_, kind, _)| kind == "service");
        services
            .flat_map(|(_, _, operations)| operations.iter().map(String::as_str))
            .filter(|name| seen.insert(*name))
            .collect()
    }

    /// Whether a component is a database.
    pub(super) fn is_database(&self, id: ComponentId) -> bool {
        self.components.get(id.index()).is_some_and(|(_, kind, _)| kind == "database")
    }

    /// A cache by its name.
    pub(super) fn cache(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<ComponentId> {
        let id = self.component(node, name, found)?;
        if self.components.get(id.index()).is_some_and(|(_, kind, _)| kind == "cache") {
            return Some(id);
        }
        found.add(
            Code::WrongKind,
            node.place,
            format!("`{name}` is no cache"),
            "name a component of kind `cache`, or `local` for the service's `local_cache`",
        );
        None
    }

    /// A database by its name.
    pub(super) fn database(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<ComponentId> {
        let id = self.component(node, name, found)?;
        if self.components.get(id.index()).is_some_and(|(_, kind, _)| kind == "database") {
            return Some(id);
        }
        found.add(
            Code::WrongKind,
            node.place,
            format!("`{name}` is no database"),
            "a pooler stands before a component of kind `database`",
        );
        None
    }

    /// Whether a component is a queue of the family `log`.
    pub(super) fn is_log(&self, at: usize) -> bool {
        self.components.get(at).is_some_and(|(_, kind, _)| kind == LOG)
    }

    /// A queue by its name.
    pub(super) fn queue(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<ComponentId> {
        let id = self.component(node, name, found)?;
        if self.components.get(id.index()).is_some_and(|(_, kind, _)| kind == "queue" || kind == LOG) {
            return Some(id);
        }
        found.add(
            Code::WrongKind,
            node.place,
            format!("`{name}` is no queue"),
            "name a component of kind `queue`",
        );
        None
    }

    /// A component that takes requests: neither a database nor a cache, and no queue or worker.
    pub(super) fn receiver(&self, node: &Node, name: &str, found: &mut Diagnostics) -> Option<ComponentId> {
        let id = self.component(node, name, found)?;
        let kind = self.components.get(id.index()).map(|(_, kind, _)| kind.as_str());
        if let Some(kind @ ("queue" | "worker" | LOG)) = kind {
            let help = if kind == "worker" {
                "send a message to the queue that it works for".to_owned()
            } else {
                format!("let the steps of a service say `send: {{to: {name}}}`")
            };
            let message = format!(
                "`{name}` is a {}, which takes messages and no requests",
                kind.trim_end_matches(" of the family `log`")
            );
            found.add(Code::WrongKind, node.place, message, help);
            return None;
        }
        if self.components.get(id.index()).is_some_and(|(_, kind, _)| kind == "cache") {
            found.add(
                Code::WrongKind,
                node.place,
                format!("`{name}` is a cache, which takes commands and no requests"),
                format!("let the steps of a service say `cached: {{in: {name}, ...}}`"),
            );
            return None;
        }
        let kind = self.components.get(id.index()).map_or("", |(_, kind, _)| kind.as_str());
        if kind == "database" || kind == "pooler" {
            found.add(
                Code::WrongKind,
                node.place,
                format!("`{name}` is a {kind}, which takes queries and no requests"),
                format!("send the request to a service whose steps say `query: {name}.NAME`"),
            );
            return None;
        }
        Some(id)
    }
}

pub(super) fn read(node: Option<&Node>, names: &Names, found: &mut Diagnostics) -> Vec<ComponentModel> {
    let mut models = Vec::new();
    for (key, node) in entries(node, "`components`", found) {
        let mut fields = Fields::of(node, "a component", found);
        let Some(kind_node) = fields.need("kind", found) else { continue };
        let Some(kind) = text(kind_node, found) else { continue };
        let at = resolve(
            kind_node,
            kind,
            super::vocabulary::KINDS.into_iter(),
            Code::UnknownKind,
            "kind of component",
            found,
        );
        // Its values are in the tree already.
        fields.get("preset").and_then(|n| text(n, found));
        let zones: Vec<String> = items(fields.get("zones"), "zones", "zones: [a, b]", found)
            .iter()
            .filter_map(|zone| text(zone, found).map(str::to_owned))
            .collect();
        let spec = match at {
            Some(0) => ComponentSpec::Service(service::read(&mut fields, names, found)),
            Some(1) => ComponentSpec::Database(database::read(&key.name, &mut fields, names, found)),
            Some(2) => ComponentSpec::LoadBalancer(load_balancer::read(&mut fields, names, found)),
            Some(4) => ComponentSpec::Cdn(cdn::read(&mut fields, names, found)),
            Some(5) if names.is_log(models.len()) => ComponentSpec::Log(log::read(&mut fields, names, found)),
            Some(5) => ComponentSpec::Queue(queue::read(&mut fields, names, found)),
            Some(6) => ComponentSpec::Service(queue::read_worker(&mut fields, names, found)),
            Some(7) => match pooler::read(&mut fields, names, found) {
                Some(spec) => ComponentSpec::Pooler(spec),
                None => continue,
            },
            Some(_) => ComponentSpec::Cache(cache::read(&mut fields, names, found)),
            None => continue,
        };
        fields.finish(found);
        let zones = member_zones(zones, &spec);
        models.push(ComponentModel { name: key.name.clone(), zones, place: key.place, spec });
    }
    // Ids are positions: with a component missing they would mean others.
    if models.len() == names.components.len() {
        queue::check(&models, found);
    }
    cache_steps::check_read_through(&models, names, found);
    pooler::check(&models, found);
    models
}

/// The zones of a database's members in turn, where its replicas have their own.
fn member_zones(zones: Vec<String>, spec: &ComponentSpec) -> Vec<String> {
    let ComponentSpec::Database(database) = spec else { return zones };
    let Some(replicas) = database.replicas.as_ref().filter(|replicas| !replicas.zones.is_empty()) else {
        return zones;
    };
    let layout = database.layout();
    let primary = |shard: u16| zones.get(usize::from(shard) % zones.len().max(1)).cloned();
    let zone = |member: u16| match layout.replica_of(member) {
        None => primary(layout.shard_of(member)).unwrap_or_else(|| replicas.zones[0].clone()),
        Some(replica) => replicas.zones[usize::from(replica) % replicas.zones.len()].clone(),
    };
    (0..layout.members()).map(zone).collect()
}

fn small(
    fields: &mut Fields<'_>,
    key: &'static str,
    least: u64,
    most: u64,
    found: &mut Diagnostics,
) -> Option<u64> {
    let node = fields.get(key)?;
    let value = scalar(node, quantity::count, found)?;
    if (least..=most).contains(&value) {
        return Some(value);
    }
    found.add(
        Code::OutOfRange,
        node.place,
        format!("`{key}` is between {least} and {most}"),
        "choose a value in that range",
    );
    None
}

fn read_cores(fields: &mut Fields<'_>, found: &mut Diagnostics) -> f64 {
    let Some(node) = fields.get("cpu") else { return 1.0 };
    let cores = scalar(node, quantity::cores, found).map_or(1.0, Cores::get);
    if !(0.001..=100_000.0).contains(&cores) {
        found.add(Code::OutOfRange, node.place, "cores are between 0.001 and 100 000", "write `cpu: 4`");
        return 1.0;
    }
    cores
}
