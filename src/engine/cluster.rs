//! A database of several members as its callers see it: which member a statement goes to.
//!
//! What callers know is not what is: the database tells it ([`Context::cluster`]) when they could know.

use super::call::CallId;
use super::context::{Context, Core};
use super::layout::Layout;
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
}

/// What callers know of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    plan: ClusterPlan,
}

impl Cluster {
    pub(super) fn new(plan: &ClusterPlan) -> Self {
        Self { plan: plan.clone() }
    }

    /// The member for a statement about `row`.
    fn member(&mut self, row: u64) -> u16 {
        let _ = row;
        self.plan.layout.primary(0)
    }
}

impl<P: Probe> Core<P> {
    /// Chooses the member that the caller's next attempt goes to, where its target has several.
    pub(super) fn route(&mut self, caller: CallId) {
        let call = &self.calls[caller];
        let site = &self.plan.sites[call.site.0 as usize];
        let Some(index) = site.cluster else { return };
        let (request, choice, own) = (call.request, site.row, call.row);
        // A row that is inserted is the request's own from here on.
        let row = if choice == RowChoice::None { own } else { self.choose_row(request, choice) };
        let member = self.clusters[index as usize].member(row);
        self.calls[caller].choice = member;
    }
}

impl<P: Probe> Context<'_, P> {
    /// What callers know of this database, if it has several members.
    pub fn cluster(&mut self) -> Option<&mut Cluster> {
        self.core.clusters.iter_mut().find(|cluster| cluster.plan.component == self.me)
    }
}
