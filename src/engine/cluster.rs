//! A database of several members as its callers see it: which member a statement goes to.
//!
//! What callers know is not what is: the database tells it ([`Context::cluster`]) when they could know.

use super::call::CallId;
use super::context::{Context, Core};
use super::layout::Layout;
use super::sharding::Sharding;
use super::plan::RowChoice;
use super::probe::Probe;
use crate::base::ComponentId;

/// What is fixed about such a database.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPlan {
    /// Which component it is.
    pub component: ComponentId,
    /// Its members.
    pub layout: Layout,
    /// By operation: whether it writes.
    pub writes: Vec<bool>,
    /// How its rows are divided among shards, if they are.
    pub sharding: Option<Sharding>,
}

/// What callers know of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    plan: ClusterPlan,
    /// Where rows lie now.
    pub(super) sharding: Option<Sharding>,
}

impl Cluster {
    pub(super) fn new(plan: &ClusterPlan) -> Self {
        Self { sharding: plan.sharding.clone(), plan: plan.clone() }
    }

    /// The member of a shard for a statement about `row`.
    fn member(&mut self, shard: u16, row: u64) -> u16 {
        let _ = row;
        self.plan.layout.primary(shard)
    }

    /// Where rows lie, if they are divided among shards.
    pub fn sharding(&mut self) -> Option<&mut Sharding> {
        self.sharding.as_mut()
    }
}

impl<P: Probe> Core<P> {
    /// Chooses the member that the caller's next attempt goes to, where its target has several.
    pub(super) fn route(&mut self, caller: CallId) {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let Some(index) = site.cluster else { return };
        let (request, choice, own) = (call.request, site.row, call.row);
        let operation = site.target.operation;
        // A row that is inserted is the request's own from here on.
        let row = if choice == RowChoice::None { own } else { self.choose_row(request, choice) };
        let key = self.clusters[index as usize].sharding.as_ref().and_then(|sharding| sharding.key(operation));
        let key = key.map_or(0, |entity| self.row_of(request, entity));
        let cluster = &mut self.clusters[index as usize];
        let shard = cluster.sharding.as_mut().map_or(0, |sharding| sharding.shard(operation, key));
        let member = cluster.member(shard, row);
        self.calls[caller].choice = member;
    }
}

impl<P: Probe> Context<'_, P> {
    /// What callers know of this database, if it has several members.
    pub fn cluster(&mut self) -> Option<&mut Cluster> {
        self.core.clusters.iter_mut().find(|cluster| cluster.plan.component == self.me)
    }
}
