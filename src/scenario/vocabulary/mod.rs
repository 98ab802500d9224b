//! Every block of the language and every key of a block: what it takes, its default, its meaning.
//!
//! One table serves `schema`, `explain KIND` and `explain FILE`. Rule: the table and the reading know
//! the same keys; a test reads scenarios that use every block and compares what was asked for with
//! what stands here, both ways.

mod autoscale;
mod background;
mod cache;
mod calls;
mod cdn;
mod clients;
mod data;
mod database;
mod faults;
mod guarding;
mod load_balancer;
mod log;
mod network;
mod pooler;
mod queue;
mod replicas;
mod scenario;
mod service;
mod shared;
mod steps;
mod sweep;
#[cfg(test)]
mod tests;

use crate::document::Node;

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number: `250`, `10k`.
    Count,
    /// A plain number: `0.5`, `10k`.
    Number,
    /// CPU cores: `4`, `500m`.
    Cores,
    /// A duration: `250ms`.
    Duration,
    /// A rate: `100/s`.
    Rate,
    /// A share or probability: `85%`.
    Share,
    /// A multiple: `20x`.
    Factor,
    /// A size: `4KB`.
    Size,
    /// A bandwidth: `1Gbps`.
    Bandwidth,
    /// A price: `$0.20/h`.
    Price,
    /// A growth: `2%/day`.
    Growth,
    /// A distribution of times: `~8ms`.
    Times,
    /// A distribution of sizes: `~2KB`.
    Sizes,
    /// A distribution of counts: `geom(8)`.
    Counts,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of something that the scenario declares.
    Name(&'static str),
    /// The block of this name.
    Block(&'static str),
    /// A list.
    List(&'static Takes),
    /// A mapping by name.
    Named(&'static Takes),
    /// One of several forms.
    Either(&'static [Takes]),
    /// A component: the block of its `kind`.
    Component,
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It must be written.
    Required,
    /// This value.
    Is(&'static str),
    /// This value, which is common practice and was not verified.
    Unverified(&'static str),
    /// No value, and what that means.
    Unset(&'static str),
}

/// A key of a block.
#[derive(Clone, Copy, Debug)]
pub struct KeyEntry {
    /// The key.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Its default.
    pub default: Absent,
    /// What it means.
    pub about: &'static str,
}

/// A block.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its name: a kind of component, or what the language calls it.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its keys, in the order in which they are best read.
    pub keys: &'static [KeyEntry],
}

/// The kinds of components.
pub const KINDS: [&str; 8] =
    ["service", "database", "load_balancer", "cache", "cdn", "queue", "worker", "pooler"];

/// The blocks of components: one for each kind, and one for queues of the family `log`.
pub const COMPONENT_BLOCKS: [&str; 9] =
    ["service", "database", "load_balancer", "cache", "cdn", "queue", "worker", "pooler", "log"];

/// The name of the block that a component's mapping is read by, if its kind is written.
#[must_use]
pub fn component_block(node: &Node) -> Option<&str> {
    let kind = node.get("kind").and_then(Node::text)?;
    let is_log = kind == "queue" && node.get("family").and_then(Node::text) == Some("log");
    Some(if is_log { "log" } else { kind })
}

/// The block of a name.
#[must_use]
pub fn block(name: &str) -> Option<&'static Block> {
    blocks().find(|block| block.name == name)
}

/// All blocks.
pub fn blocks() -> impl Iterator<Item = &'static Block> {
    GROUPS.iter().copied().flatten()
}

const GROUPS: [&[Block]; 20] = [
    scenario::BLOCKS,
    network::BLOCKS,
    data::BLOCKS,
    clients::BLOCKS,
    calls::BLOCKS,
    service::BLOCKS,
    guarding::BLOCKS,
    autoscale::BLOCKS,
    steps::BLOCKS,
    database::BLOCKS,
    replicas::BLOCKS,
    background::BLOCKS,
    pooler::BLOCKS,
    load_balancer::BLOCKS,
    cache::BLOCKS,
    cdn::BLOCKS,
    queue::BLOCKS,
    log::BLOCKS,
    faults::BLOCKS,
    sweep::BLOCKS,
];
