//! From each kind's spec to what runs: its streams, resources and call sites. One file per kind.

mod cache;
mod cdn;
mod client;
mod database;
mod load_balancer;
mod log;
mod pooler;
mod queue;
mod service;
pub(in crate::event_graph) mod shards;

pub(super) use cache::cache;
pub(super) use cdn::cdn;
pub(super) use client::client;
pub(super) use database::database;
pub(super) use load_balancer::load_balancer;
pub(super) use log::log;
pub(super) use pooler::pooler;
pub(super) use queue::queue;
pub(super) use service::service;

use super::sites::Sites;
use crate::base::random::{Key, StreamName};

/// The stream of a component.
fn key_of(index: usize, sites: &Sites<'_>) -> Key {
    sites.root.named(StreamName::new(&sites.model.components[index].name))
}
